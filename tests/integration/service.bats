# SPDX-License-Identifier: MIT
# shellcheck shell=bats
# The daemon as a service manager starts it, and as another user.
load helper

notify_listener() {
	background python3 - "$T/notify" <<-'END'
		import socket, sys
		server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		server.bind(sys.argv[1])
		while True: print(server.recv(65536).decode(), flush=True)
	END
	eventually test -S "$T/notify"
}

@test "socket activation: the daemon takes the socket that it is passed" {
	command -v systemd-socket-activate >/dev/null || skip "there is no systemd-socket-activate"
	launch systemd-socket-activate --seqpacket -l "$MMIOD_SOCKET" \
		"$T/mmiod" --simulate "$T/sim.conf" --socket "$T/not-this-one"
	[ ! -e "$T/not-this-one" ]
	expect_equal "$(value .daemon.pid status)" "$DAEMON"
	hold shm
	mmioctl revoke "$LEASE"
	expect_end 7
}

@test "socket activation: a stream socket is refused" {
	command -v systemd-socket-activate >/dev/null || skip "there is no systemd-socket-activate"
	background systemd-socket-activate -l "$MMIOD_SOCKET" "$T/mmiod" --simulate "$T/sim.conf"
	eventually listens "$MMIOD_SOCKET"
	python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])' "$MMIOD_SOCKET"
	expect_end 1
	expect_match 'ListenSequentialPacket='
}

@test "socket activation: clients of a daemon that cannot start hear that, and it fails as it would" {
	command -v systemd-socket-activate >/dev/null || skip "there is no systemd-socket-activate"
	echo nonsense >>"$T/sim.conf"
	background systemd-socket-activate --seqpacket -l "$MMIOD_SOCKET" "$T/mmiod" --simulate "$T/sim.conf"
	eventually listens "$MMIOD_SOCKET"
	for _ in 1 2; do
		run mmioctl list
		expect_status 6
		expect_match 'the daemon cannot start: '
		if [ "$ME" -eq 0 ]; then expect_match 'sim.conf:'; fi
	done
	expect_end 78
}

@test "the service manager is told of readiness, reload and stop" {
	notify_listener
	NOTIFY_SOCKET=$T/notify start_daemon
	eventually grep -q '^READY=1' "$T/out"
	grep -q '^STATUS=4 regions (0 missing), 0 leases, 0 clients; simulation: ' "$T/out"
	kill -HUP "$DAEMON"
	eventually grep -q '^RELOADING=1' "$T/out"
	grep -q '^MONOTONIC_USEC=[0-9]' "$T/out"
	# shellcheck disable=SC2016 # eval expands it, each time
	eventually eval '[ "$(grep -c "^READY=1" "$T/out")" -eq 2 ]'
	stop_daemon
	eventually grep -q '^STOPPING=1' "$T/out"
}

@test "the service manager is told of a configuration that did not reload" {
	notify_listener
	NOTIFY_SOCKET=$T/notify start_daemon
	echo nonsense >>"$T/sim.conf"
	kill -HUP "$DAEMON"
	eventually grep -q "^STATUS=.*an older configuration is in force: $T/sim.conf:" "$T/out"
}

@test "the watchdog is fed" {
	notify_listener
	# WATCHDOG_PID must be the daemon's own, which bash -c exec keeps.
	# shellcheck disable=SC2016 # the inner shell expands it
	NOTIFY_SOCKET=$T/notify WATCHDOG_USEC=200000 launch bash -c \
		'WATCHDOG_PID=$$ exec mmiod --simulate "$0" --socket "$MMIOD_SOCKET"' "$T/sim.conf"
	# shellcheck disable=SC2016 # eval expands it, each time
	eventually eval '[ "$(grep -c "^WATCHDOG=1" "$T/out")" -ge 3 ]'
}

@test "the socket is open to all users and to no group in particular" {
	start_daemon
	expect_equal "$(stat -c %a "$MMIOD_SOCKET")" 666
}

@test "a umask of the caller does not change the socket's mode" {
	umask 077
	start_daemon
	expect_equal "$(stat -c %a "$MMIOD_SOCKET")" 666
}

@test "the daemon runs as a user other than root, and serves others" {
	need_root
	mkdir "$T/run"
	chown "$STRANGER" "$T/run"
	export MMIOD_SOCKET=$T/run/sock
	launch setpriv --reuid="$STRANGER" --regid="$STRANGER" --clear-groups \
		mmiod --simulate "$T/sim.conf" --socket "$MMIOD_SOCKET"
	as "$COLLEAGUE" mmioctl write regs 0x11
	expect_equal "$(as "$COLLEAGUE" mmioctl read regs)" 0x00000011
	run as "$STRANGER" mmioctl read regs
	expect_status 4
	run as "$COLLEAGUE" mmioctl read secret
	expect_status 4
}

@test "a client cannot reopen a read-only window's file for writing" {
	need_root
	start_daemon
	# shellcheck disable=SC2016 # the inner shell expands it
	run as "$COLLEAGUE" mmioctl hold rom --read-only -- bash -c 'exec 9<>/proc/self/fd/3'
	expect_status 1
	expect_match 'Permission denied'
}

@test "a daemon without standard files logs to nobody, not to its clients" {
	launch bash -c 'exec mmiod "$@" <&- >&- 2>&-' - --verbose --simulate "$T/sim.conf" --socket "$MMIOD_SOCKET"
	for fd in 0 1 2; do
		expect_equal "$(readlink "/proc/$DAEMON/fd/$fd")" /dev/null
	done
	mmioctl write regs 0x11
	expect_equal "$(mmioctl read regs)" 0x00000011
}
