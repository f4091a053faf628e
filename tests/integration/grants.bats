# SPDX-License-Identifier: MIT
# shellcheck shell=bats
# Grants that an administrator gives while the daemon runs: mmioctl grant, ungrant, policy.
load helper

# start [LINE…]: a daemon that gives nobody anything, with these lines in [daemon].
start() {
	export RUNTIME_DIRECTORY=$T/state
	printf '[region %s]\nsize = 4K\n' fpga-a fpga-b motor >"$T/sim.conf"
	[ "$ME" -eq 0 ] || printf '[admin us]\nuser = %s\n' "$ME" >>"$T/sim.conf"
	[ $# -eq 0 ] || printf '%s\n' '[daemon]' "$@" >>"$T/sim.conf"
	start_daemon
}

@test "what is granted may be leased at once, and no longer when the grant has ended" {
	start
	run mmioctl write fpga-a 1
	expect_status 4
	mmioctl grant job-7 --region 'fpga-*' --user "$ME" --access rw
	mmioctl write fpga-a 1
	mmioctl write fpga-b 1
	run mmioctl read motor
	expect_status 4
	mmioctl ungrant job-7
	run mmioctl read fpga-a
	expect_status 4
}

@test "explain and policy name a grant that no file has" {
	start
	mmioctl grant job-7 --region fpga-a,motor --user "$ME" --for 2h
	run mmioctl explain fpga-a
	expect_status 0
	expect_match '^ALLOW \[grant job-7\] \(until .*, by '
	run mmioctl policy -o GRANT,UID,REGIONS,ACCESS,SHARE,LEASES --no-headings
	expect_match "^job-7 +$ME +fpga-a,motor +r +guest +0$"
	expect_equal "$(value '.grants[0].regions | join(" ")' policy)" "fpga-a motor"
	[ "$(value '.grants[0].left' policy -O)" -gt 7000 ]
}

@test "the same grant again is no error, another one by that name is" {
	start
	mmioctl grant job --region fpga-a --user "$ME"
	mmioctl grant job --region fpga-a --user "$ME"
	run mmioctl grant job --region fpga-b --user "$ME"
	expect_status 1
	expect_match 'there is a grant job already, and it is another: "mmioctl ungrant job" ends it'
	run mmioctl read fpga-b
	expect_status 4
}

@test "to end a grant twice, or one that never was, is no error" {
	start
	mmioctl grant job --region fpga-a --user "$ME"
	mmioctl ungrant job
	mmioctl ungrant job --now
	mmioctl ungrant never-was
	run mmioctl ungrant 'not/a/name'
	expect_status 1
}

@test "the end of a grant takes its leases" {
	start
	mmioctl grant job --region fpga-a --user "$ME" --access rw
	hold fpga-a
	expect_equal "$(value '.grants[0].leases' policy)" 1
	run mmioctl ungrant job --now
	expect_status 0
	expect_match 'job: 1 lease ended'
	eventually leases_are 0
	expect_end 7
}

@test "a grant whose time is over gives nothing any more, and takes its leases" {
	start
	mmioctl grant job --region fpga-a --user "$ME" --access rw --for 300ms
	hold fpga-a
	eventually leases_are 0
	run mmioctl read fpga-a
	expect_status 4
	expect_equal "$(value '.grants | length' policy)" 0
}

@test "a grant survives the daemon" {
	start
	mmioctl grant job --region fpga-a --user "$ME" --for 1h
	kill_daemon
	start_daemon
	mmioctl read fpga-a
	expect_equal "$(value '.grants[0].grant' policy)" job
	mmioctl ungrant job
	stop_daemon
	start_daemon
	run mmioctl read fpga-a
	expect_status 4
}

@test "a grant whose time is over while no daemon runs is gone" {
	start
	mmioctl grant job --region fpga-a --user "$ME" --for 100ms
	kill_daemon
	ls "$T/state"/grant.job
	sleep 0.1
	start_daemon
	eventually [ ! -e "$T/state/grant.job" ]
	run mmioctl read fpga-a
	expect_status 4
}

@test "the configuration may forbid such grants" {
	start 'runtime-grants = no'
	run mmioctl grant job --region fpga-a --user "$ME"
	expect_status 4
	expect_match '"runtime-grants = no" in \[daemon\] forbids'
}

@test "only administrators give and end grants, and others see their own" {
	need_root
	start
	printf '[grant all]\nregion = motor\nuser = *\n' >>"$T/sim.conf"
	stop_daemon
	start_daemon
	mmioctl grant job --region fpga-a --user "$STRANGER"
	mmioctl grant other --region fpga-a --user "$COLLEAGUE"
	as "$STRANGER" mmioctl read fpga-a
	run as "$STRANGER" mmioctl grant mine --region fpga-b --user "$STRANGER"
	expect_status 4
	run as "$STRANGER" mmioctl ungrant other
	expect_status 4
	expect_equal "$(as "$STRANGER" mmioctl policy -o GRANT --no-headings)" job
	expect_equal "$(value '.grants | length' policy)" 2
}

@test "what a grant cannot be is said before anything is given" {
	start
	run mmioctl grant job --region fpga-a
	expect_status 2
	expect_match 'write --user USER or --tenant TENANT'
	run mmioctl grant job --user "$ME"
	expect_status 2
	expect_match 'write --region REGION'
	run mmioctl grant job --region fpga-a --user "$ME" --access w
	expect_status 2
	run mmioctl grant job --region fpga-a --user "$ME" --share alone
	expect_status 2
	run mmioctl grant job --region fpga-a --user no-such-user
	expect_status 3
	run mmioctl grant job --region fpga-c --user "$ME"
	expect_status 3
	expect_match 'there is no region "fpga-c"'
	run mmioctl grant 'a b' --region fpga-a --user "$ME"
	expect_status 1
	expect_match 'use 1 to 31 of'
	expect_equal "$(value '.grants | length' policy)" 0
}

@test "of two grants of the same bytes a holder names one, and keeps what the other's end takes" {
	start
	mmioctl grant job-1 --region fpga-a --user "$ME" --access rw
	mmioctl grant job-2 --region 'fpga-*' --user "$ME" --access rw
	hold --grant job-2 fpga-a
	run mmioctl explain --grant job-2 fpga-a
	expect_match 'job-2'
	mmioctl ungrant job-1 --now
	expect_equal "$(leases)" 1
	mmioctl ungrant job-2 --now
	eventually leases_are 0
	expect_end 7
}

@test "a grant that is named and does not give it is in the refusal, of hold, run and explain" {
	start
	mmioctl grant job-1 --region fpga-a --user "$ME" --access rw
	run mmioctl hold --grant job-7 fpga-a -- true
	expect_status 4
	expect_match 'denied: no grant of the name "job-7" lets user .* read and write region fpga-a'
	run mmioctl explain --grant job-1 fpga-b
	expect_status 4
	expect_match 'no grant of the name "job-1" lets user'
	run mmioctl hold --grant "$(printf 'x%.0s' {1..32})" fpga-a -- true
	expect_status 1
	expect_match 'a name has 1 to 31 bytes'
	run mmioctl run --as-root --grant job-7 -w fpga-a -- true
	expect_match 'no grant of the name "job-7"'
}

@test "completion knows the grants" {
	start
	mmioctl grant job-7 --region fpga-a --user "$ME"
	expect_equal "$(mmioctl complete grants)" job-7
}
