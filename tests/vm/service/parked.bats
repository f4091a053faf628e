#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Leases that their holder has freed and keeps parked: had again without a request, and taken from it at once, unasked.

load common.bash

teardown()
{
	[ -z "${other:-}" ] || kill "$other" 2>/dev/null || true
	let_go
}

# The operator's, of a page in which the first byte is 0x11.
park()
{
	start_holder operator env MMIOD_PARK=600000 ./holder shm 0x5000 0x1000
	tell write 0 0x11
	[ "$answer" = ok ]
	tell read 0
	[ "$answer" = 0x11 ]
	tell park
	[ "$answer" = ok ]
	lease_listed "$lease"
}

# The file of its window is still with who parked it, who has not been told.
is_taken()
{
	lease_is "$lease" revoked || lease_not_listed "$lease"
}

@test "a parked lease is shown as one, and is had again with its mapping" {
	park
	lease_is "$lease" parked
	contains "$(mmioctl show "$lease")" ", parked, "
	contains "$(mmioctl show shm | grep "lease $lease,")" ", parked"
	contains "$(mmioctl tree | grep "lease $lease ")" " parked "
	tell read 0
	[ "$answer" = 0x11 ]
	tell again
	[ "$answer" = "lease $lease" ]
	lease_is "$lease" ok
	tell read 0
	[ "$answer" = 0x11 ]
}

# The one behind the stale address has not the other's bytes but SIGBUS; and it was not told either.
@test "who wants the bytes of a parked lease has them at once, and who parked it reads none of them" {
	park
	: >/tmp/other.out
	setpriv --reuid=operator --regid=operator --init-groups mmioctl hold shm+0x5000/0x1000 >/tmp/other.out 2>&1 3>&- 4>&- &
	other=$!
	eventually grep -q '^lease ' /tmp/other.out
	contains "$(mmioctl --no-headings leases)" "$(awk '{ print $2; exit }' /tmp/other.out)"
	is_taken
	tell read 0
	[ "$answer" = SIGBUS ]
	tell write 0 0x33
	[ "$answer" = SIGBUS ]
	tell event
	[ "$answer" = none ]
	tell again
	contains "$answer" "is held by user operator"
	kill "$other"
	wait "$other" || true
	other=
	eventually taken_again
	tell read 0
	[ "$answer" = 0x11 ]
}

taken_again()
{
	tell again
	[[ $answer == "lease "* ]] && [ "$answer" != "lease $lease" ]
}

@test "revoke takes a parked lease" {
	park
	mmioctl revoke "$lease"
	is_taken
	tell read 0
	[ "$answer" = SIGBUS ]
	taken_again
}

@test "a reload takes a parked lease" {
	park
	systemctl reload mmiod.service
	eventually is_taken
	tell read 0
	[ "$answer" = SIGBUS ]
	taken_again
}
