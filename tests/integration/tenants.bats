# SPDX-License-Identifier: MIT
# shellcheck shell=bats
# Sockets of tenants: whoever comes by one has what its grants give, and administers nothing.
load helper

start() {
	export RUNTIME_DIRECTORY=$T/state
	cat >"$T/sim.conf" <<-END
		[region card]
		size = 4K
		[region motor]
		size = 4K
		[grant cards]
		region = card
		access = rw
		share = shared-write
		[grant us]
		region = motor
		user = $ME
		access = rw
		[socket lab]
		grants = cards
		[socket line]
		grants = cards
	END
	[ "$ME" -eq 0 ] || printf '[admin us]\nuser = %s\n' "$ME" >>"$T/sim.conf"
	start_daemon
}

# at TENANT ARGUMENT…: mmioctl by that tenant's socket.
at() {
	mmioctl --socket "$T/tenants/$1/mmiod.sock" "${@:2}"
}

@test "a tenant has what its grants give, and the main socket does not" {
	start
	at lab write card 1
	run at lab read motor
	expect_status 4
	expect_match 'denied: no grant lets user'
	run mmioctl read card
	expect_status 4
	mmioctl read motor
	expect_equal "$(at lab list -o NAME --no-headings)" card
}

@test "nobody is an administrator on a tenant's socket" {
	start
	hold motor
	run at lab revoke "$LEASE"
	expect_status 4
	expect_match 'on the socket of tenant lab nobody is an administrator'
	run at lab grant mine --region motor --user "$ME"
	expect_status 4
	run at lab ungrant cards
	expect_status 4
	run at lab explain motor --user "$NOBODY_ELSE"
	expect_status 4
	run at lab free "$LEASE"
	expect_status 4
	expect_equal "$(at lab leases --json | jq '.leases | length')" 0
	at lab explain card rw
	leases_are 1
}

@test "two tenants of one user are two holders" {
	start
	background mmioctl --socket "$T/tenants/lab/mmiod.sock" hold card
	eventually grep -q '^lease ' "$T/out"
	LEASE=$(awk '{ print $2; exit }' "$T/out")
	expect_equal "$(at line leases --json | jq '.leases | length')" 0
	expect_equal "$(at lab leases --json | jq '.leases | length')" 1
	run at line free "$LEASE"
	expect_status 4
	leases_are 1
	expect_equal "$(value '.leases[0].tenant' leases -O)" lab
}

@test "a grant may be given to a tenant while the daemon runs" {
	start
	mmioctl grant job --region motor --tenant lab
	at lab read motor
	run at line read motor
	expect_status 4
	expect_equal "$(value '.grants[0].tenant' policy -O)" lab
	mmioctl ungrant job
	run at lab read motor
	expect_status 4
	run mmioctl grant job --region motor --tenant nobody
	expect_status 3
	expect_match 'there is no tenant "nobody": the configuration has no \[socket nobody\]'
}

@test "a tenant's directory stays when the daemon goes, and has the next one's socket" {
	start
	before=$(stat -c %i "$T/tenants/lab")
	stop_daemon
	[ ! -e "$T/tenants/lab/mmiod.sock" ]
	start_daemon
	expect_equal "$(stat -c %i "$T/tenants/lab")" "$before"
	kill_daemon
	start_daemon
	expect_equal "$(stat -c %i "$T/tenants/lab")" "$before"
	at lab read card
}

@test "the mode of a socket says who may connect" {
	need_root
	start
	chmod 711 "$T"
	run as "$STRANGER" mmioctl --socket "$T/tenants/lab/mmiod.sock" read card
	expect_status 4
	sed -i 's/^grants = cards/&\nmode = 0666/' "$T/sim.conf"
	kill -HUP "$DAEMON"
	eventually as "$STRANGER" mmioctl --socket "$T/tenants/lab/mmiod.sock" read card
}

@test "a socket's group is one of the daemon's" {
	need_root
	start
	printf '[region a]\nsize = 4K\n[grant g]\nregion = a\n[socket s]\ngrants = g\ngroup = 60123\n' >"$T/c.conf"
	chmod 644 "$T/c.conf"
	run setpriv --reuid="$STRANGER" --regid="$STRANGER" --clear-groups mmiod --check-config --simulate "$T/c.conf"
	expect_status 78
	expect_match 'the daemon is not in group 60123.*SupplementaryGroups=60123'
	setpriv --reuid="$STRANGER" --regid="$STRANGER" --groups=60123 mmiod --check-config --simulate "$T/c.conf"
}
