# SPDX-License-Identifier: MIT
# shellcheck shell=bats
# Who may do what. Denial is the rule, and each one names the rule.
load helper

# only REGION-SECTION-TEXT…: a configuration of one region "it" and the given grant lines.
only() {
	printf '[region it]\nsize = 4K\n' >"$T/sim.conf"
	[ $# -eq 0 ] || printf '[grant only]\nregion = it\n' >>"$T/sim.conf"
	[ $# -eq 0 ] || printf '%s\n' "$@" >>"$T/sim.conf"
	start_daemon
}

@test "without a grant nobody may touch anything, root neither" {
	only
	run mmioctl read it
	expect_status 4
	expect_match "denied: no grant lets user $(id -un) \(uid $ME\) read region it$"
	run mmioctl hold it -- true
	expect_status 4
	expect_match 'read and write region it$'
}

@test "a denial names the nearest grant with file and line" {
	only "user = $NOBODY_ELSE" "access = rw"
	run mmioctl read it
	expect_status 4
	expect_match "nearest is \[grant only\] at $T/sim.conf:3 for user $NOBODY_ELSE"
}

@test "a user is granted by number" {
	only "user = $ME"
	mmioctl read it
}

@test "a user is granted by name" {
	id -un >/dev/null 2>&1 || skip "this user has no name"
	only "user = $(id -un)"
	mmioctl read it
}

@test "everybody is granted by a star" {
	only "user = *"
	mmioctl read it
}

@test "a grant says read unless it says more" {
	only "user = $ME"
	run mmioctl write it 1
	expect_status 4
	expect_match 'only read region it'
}

@test "a group is granted by its primary members" {
	only "group = $(id -g)" "access = rw"
	mmioctl write it 1
}

@test "a group is granted by its supplementary members, and by them only" {
	need_root
	only "group = 60123" "access = rw"
	setpriv --reuid="$STRANGER" --regid="$STRANGER" --groups=60122,60123 mmioctl write it 1
	run setpriv --reuid="$STRANGER" --regid="$STRANGER" --groups=60122 mmioctl write it 1
	expect_status 4
	run mmioctl write it 1
	expect_status 4
}

@test "a peer with hundreds of groups is known by the last of them" {
	need_root
	only "group = 60999" "access = rw"
	setpriv --reuid="$STRANGER" --regid="$STRANGER" --groups="$(seq -s, 60000 60999)" mmioctl write it 1
}

@test "regions are granted by glob" {
	printf '[region %s]\nsize = 4K\n' fpga-a fpga-b gpu >"$T/sim.conf"
	printf '[grant all]\nregion = fpga-*\nuser = %s\n' "$ME" >>"$T/sim.conf"
	start_daemon
	mmioctl read fpga-a
	mmioctl read fpga-b
	run mmioctl read gpu
	expect_status 4
}

@test "of several grants the one that suffices counts" {
	only "user = $ME" "access = r" "[grant more]" "region = it" "user = $ME" "access = rw"
	mmioctl write it 1
}

@test "a grant limits how far a holder may keep others out" {
	only "user = $ME" "access = rw" "share = shared-write"
	mmioctl hold it --shared-write -- true
	run mmioctl hold it --exclusive -- true
	expect_status 4
	expect_match 'shared-write at most, not exclusive'
	expect_equal "$(mmioctl hold it -- mmioctl leases --no-headings -o share)" shared-write
}

@test "root among several users is denied like anybody else" {
	need_root
	only "user = $COLLEAGUE" "access = rw"
	as "$COLLEAGUE" mmioctl write it 1
	run mmioctl write it 1
	expect_status 4
	run as "$STRANGER" mmioctl write it 1
	expect_status 4
}

@test "an administrator by group may revoke" {
	need_root
	only "user = *" "access = rw" "[admin crew]" "group = 60124"
	hold it
	run as "$STRANGER" mmioctl revoke "$LEASE"
	expect_status 4
	setpriv --reuid="$STRANGER" --regid=60124 --clear-groups mmioctl revoke "$LEASE"
}

@test "an unprivileged user is denied on every verb that needs a grant" {
	need_root
	start_daemon
	hold shm
	for verb in "read shm" "write shm 1" "dump shm 16" "hold shm -- true" "revoke $LEASE"; do
		# shellcheck disable=SC2086 # split into words
		run as "$STRANGER" mmioctl $verb
		expect_status 4
		expect_match 'denied: '
	done
}

@test "the quota of leases is kept, named, and freed again" {
	only "user = $ME" "access = rw" "share = shared-write" "[daemon]" "leases-per-user = 3"
	hold it it it
	run mmioctl hold it -- true
	expect_status 5
	expect_match "uid $ME has 3 leases, as many as leases-per-user in \[daemon\] admits"
	kill -TERM "$JOB"
	wait "$JOB"
	mmioctl hold it it it -- true
}

@test "the quota of connections is kept, named, and freed again" {
	only "user = $ME" "access = rw" "share = shared-write" "[daemon]" "connections-per-user = 2"
	hold it
	background mmioctl hold it -- sleep 60
	eventually eval '[ "$(grep -c "leased .* of it" "$T/log")" -eq 2 ]'
	run mmioctl status
	expect_status 5
	expect_match "uid $ME has 2 connections, as many as connections-per-user in \[daemon\] admits"
	kill -KILL "$JOB"
	eventually mmioctl status
}

@test "one user's quota is no other's" {
	need_root
	only "user = *" "access = rw" "share = shared-write" "[daemon]" "leases-per-user = 1"
	hold it
	as "$STRANGER" mmioctl hold it -- true
}

@test "who is in a group that this session has not is told to log in again" {
	need_root
	unshare -m true 2>/dev/null || skip "no mount namespace may be made here"
	getent passwd daemon >/dev/null || skip "there is no user daemon"
	{ cat /etc/group; echo 'fpga-lab:x:65002:daemon'; } >"$T/group"
	printf '[region card]\nsize = 4K\n[grant lab]\nregion = card\ngroup = 65002\n' >>"$T/sim.conf"
	sed -i 's/group = 65002/group = fpga-lab/' "$T/sim.conf"
	launch unshare -m sh -c "mount --bind $T/group /etc/group; exec mmiod --simulate $T/sim.conf --socket $MMIOD_SOCKET"
	run unshare -m sh -c "mount --bind $T/group /etc/group
		setpriv --reuid daemon --regid daemon --clear-groups mmioctl read card"
	expect_status 4
	expect_match 'you are in group fpga-lab, but this session is from before: log in again'
	unshare -m sh -c "mount --bind $T/group /etc/group
		setpriv --reuid daemon --regid daemon --init-groups mmioctl read card"
}

@test "the denial of a subordinate user says whose it is" {
	need_root
	unshare -m true 2>/dev/null || skip "no mount namespace may be made here"
	[ -e /etc/subuid ] || skip "there is no /etc/subuid"
	echo "somebody:$STRANGER:1" >"$T/subuid"
	start_daemon
	run unshare -m sh -c "mount --bind $T/subuid /etc/subuid
		setpriv --reuid $STRANGER --regid $STRANGER --clear-groups mmioctl read regs"
	expect_status 4
	expect_match "uid $STRANGER is a subordinate of user somebody"
}
