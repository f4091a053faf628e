# SPDX-License-Identifier: MIT
# shellcheck shell=bats
# Overviews: status, list, leases.
load helper

@test "status says that this is a simulation and what it does not enforce" {
	start_daemon
	run mmioctl status
	expect_status 0
	expect_match 'backend simulation'
	expect_match 'warning: simulation: .*read-only is enforced, bounds and revocation are not'
}

@test "status counts regions, clients and leases" {
	start_daemon
	hold shm/0x1000 regs
	run mmioctl status
	expect_match 'regions 4 \(0 missing\), clients 2, leases 2'
}

@test "status names the daemon's pid and whom it takes the caller for" {
	start_daemon
	expect_equal "$(value .daemon.pid status)" "$DAEMON"
	expect_equal "$(value .you.uid status)" "$ME"
	expect_equal "$(value .you.admin status)" true
}

@test "list shows each region with size, width, memory type and the caller's rights" {
	start_daemon
	run mmioctl list --no-headings
	expect_status 0
	expect_match 'regs +simulation +- +4K +32 +uc +rw +ok +0'
	expect_match 'shm +simulation +- +64K +- +wc +rw +ok +0'
	expect_match 'rom +simulation +- +8K +- +uc +r +ok +0'
}

@test "list shows an administrator also what is not granted to them, without rights" {
	start_daemon
	run mmioctl list --no-headings -o name,rights
	expect_match 'secret +-'
}

@test "list shows others only what a grant gives them" {
	need_root
	start_daemon
	run as "$COLLEAGUE" mmioctl list --no-headings -o name
	expect_equal "$output" $'regs\nshm\nrom'
	run --separate-stderr as "$STRANGER" mmioctl list --no-headings -o name
	expect_status 0
	expect_equal "$output" ""
	# shellcheck disable=SC2154 # set by run
	expect_equal "$stderr" "mmioctl: there is no region that policy lets you see"
}

@test "list can be told which columns, in which order" {
	start_daemon
	run mmioctl list -o size,name --bytes
	expect_equal "${lines[0]}" " SIZE NAME"
	expect_equal "${lines[2]}" "65536 shm"
	run mmioctl list -o nonsense
	expect_status 2
	expect_match 'no column "nonsense": there are NAME, '
}

@test "list counts the leases of a region" {
	start_daemon
	hold shm/0x1000 shm+0x1000/0x1000
	expect_equal "$(value '.regions[] | select(.name == "shm").leases' list)" 2
}

@test "leases shows who holds what, and nothing once it is given back" {
	start_daemon
	hold shm+0x2000/0x1000
	run mmioctl leases --no-headings -o id,region,offset,length,rights,cache,share,state,uid,pid,command
	expect_equal "$(tr -s ' ' <<<"$output" | sed 's/^ //')" "$LEASE shm 0x2000 0x1000 rw wc exclusive ok $ME $JOB mmioctl"
	kill -TERM "$JOB"
	wait "$JOB"
	expect_equal "$(leases)" 0
}

@test "leases shows others only their own" {
	need_root
	start_daemon
	hold shm/0x1000
	background as "$COLLEAGUE" mmioctl hold shm+0x1000/0x1000
	eventually grep -q ^lease "$T/out"
	expect_equal "$(leases)" 2
	run as "$COLLEAGUE" mmioctl leases --no-headings -o uid
	expect_equal "$output" "$COLLEAGUE"
	run as "$STRANGER" mmioctl leases --no-headings
	expect_status 4
	expect_match "no section of the configuration could apply to uid $STRANGER"
}

@test "a lease list of more than one message is whole and in order" {
	local targets=()

	start_daemon
	for i in $(seq 0 599); do targets+=("shm+$((i * 64))/64"); done
	hold "${targets[@]}"
	expect_equal "$(leases)" 600
	expect_equal "$(value '[.leases[].offset] == [range(0; 600) | . * 64]' leases)" true
}

@test "a region list of more than one message is whole and in order" {
	for i in $(seq 400); do printf '[region extra-%03d]\nsize = 4K\n' "$i"; done >>"$T/sim.conf"
	start_daemon
	expect_equal "$(value '.regions | length' list)" 404
	expect_equal "$(value '[.regions[4:][].name] | . == sort' list)" true
}
