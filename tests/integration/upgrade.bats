# SPDX-License-Identifier: MIT
# shellcheck shell=bats
# Daemons that are restarted and upgraded under the feet of programs that go on. The socket is held as a service manager
# holds it; older and newer ones of another wire minor are made by a proxy that cuts structures down, or adds to them.
load helper

RESTART=$BATS_TEST_DIRNAME/../restart

# The daemon is the supervisor's child; $DAEMON is the supervisor.
start_supervised() { # SOCKET
	"$RESTART/supervise" "$1" "$T/pid" mmiod --simulate "$T/sim.conf" 3>&- >>"$T/log" 2>&1 &
	DAEMON=$!
	eventually test -s "$T/pid"
}

start_proxied() { # MODE
	echo "$1" >"$T/mode"
	start_supervised "$T/upstream"
	"$RESTART/proxy" "$MMIOD_SOCKET" "$T/upstream" "$T/mode" 3>&- >>"$T/proxy.log" 2>&1 &
	PROXY=$!
	eventually mmioctl status
}

restart_daemon() {
	kill -KILL "$(cat "$T/pid")"
}

# And until there is the next one.
replace_daemon() {
	local before
	before=$(cat "$T/pid")
	restart_daemon
	# shellcheck disable=SC2016 # eval expands it, each time
	eventually eval '[ -s "$T/pid" ] && [ "$(cat "$T/pid")" != "$before" ]'
}

# A daemon that ends because it is asked to ends the supervisor too.
teardown() {
	[ -z "${PROXY:-}" ] || kill "$PROXY"
	local pid=$DAEMON
	DAEMON=
	kill -TERM "$(cat "$T/pid")"
	wait "$pid" || { cat "$T/log"; return 1; }
	! grep -qE 'runtime error:|Sanitizer' "$T/log" "$T"/steady.* 2>/dev/null || return 1
	[ ! -s "$T/proxy.log" ] || { cat "$T/proxy.log"; return 1; }
	rm -rf "$T"
}

# Programs that go on until let_end; each has two pages of its own.
start_steady() { # COUNT
	mkfifo "$T/go"
	STEADY=()
	for ((i = 0; i < $1; i++)); do
		"$BUILD/tests/restart/steady" shm $((i * 0x2000)) <"$T/go" 3>&- >"$T/steady.$i" 2>&1 &
		STEADY+=($!)
	done
	exec {go}>"$T/go"
	for ((i = 0; i < $1; i++)); do
		eventually grep -q ^lease "$T/steady.$i"
	done
}

# Of three daemons in a row that do not answer the library takes its request for the reason. On a busy machine a daemon
# might well be killed before it is asked, so this is called between every other two: each has gone round since then.
all_go_round() {
	local i before=()
	for i in "${!STEADY[@]}"; do
		# shellcheck disable=SC2034 # eval looks at it
		before[i]=$(wc -l <"$T/steady.$i")
	done
	for i in "${!STEADY[@]}"; do
		# shellcheck disable=SC2016 # eval expands it, each time
		eventually eval '[ "$(wc -l <"$T/steady.$i")" -gt "${before[i]}" ]'
	done
}

# They say how it went, and are killed.
let_end() {
	local i status=0
	exec {go}>&-
	for i in "${!STEADY[@]}"; do
		eventually grep -q '^went round [1-9]' "$T/steady.$i" || status=1
		sed "s/^/steady $i: /" "$T/steady.$i"
		kill "${STEADY[i]}"
		wait "${STEADY[i]}" || true
	done
	return "$status"
}

@test "a hundred daemons are killed under load, and programs see but a delay" {
	start_supervised "$MMIOD_SOCKET"
	start_steady 3
	for ((n = 0; n < 100; n++)); do
		sleep 0.0$((n % 8 + 1))
		replace_daemon
		((n % 2)) || all_go_round
	done
	let_end
	mmioctl list
}

@test "clients that come while there is no daemon wait for the next one" {
	start_supervised "$MMIOD_SOCKET"
	kill -STOP "$DAEMON"
	restart_daemon
	background mmioctl --json list
	sleep 0.2
	kill -0 "$JOB"
	kill -CONT "$DAEMON"
	expect_end 0
	grep -q '"shm"' "$T/out"
}

every_verb() {
	mmioctl list | grep -q shm
	mmioctl --json leases | jq -e .leases
	mmioctl write regs+0x10 0x1234
	expect_equal "$(mmioctl read regs+0x10)" 0x00001234
	run mmioctl read secret
	expect_status 4
	expect_match "grant"
	run mmioctl read nothing
	expect_status 3
	hold shm/0x1000
	run mmioctl hold shm/0x1000 -- true
	expect_status 5
	expect_match "$LEASE"
	mmioctl revoke "$LEASE" --deadline 10s
	expect_end 7
	expect_match 'gave it back|was revoked|asked'
	hold shm/0x1000
	mmioctl revoke "$LEASE"
	expect_end 7
	expect_match revoked
}

@test "an older daemon serves a newer library" {
	start_proxied older-daemon
	every_verb
}

@test "a newer daemon serves an older library" {
	start_proxied newer-daemon
	every_verb
}

@test "an older library is served by a newer daemon" {
	start_proxied older-client
	every_verb
}

@test "a newer library that asks for nothing new is served by an older daemon" {
	start_proxied newer-client
	every_verb
}

@test "a request that an older daemon does not know fails alone, with a sentence" {
	start_proxied older-daemon
	run mmioctl pools
	expect_status 1
	expect_match 'unknown here'
	run mmioctl log
	expect_status 1
	expect_match 'mmioctl log --journal'
	mmioctl list | grep -q shm
}

@test "daemons are upgraded and downgraded under load, and programs see but a delay" {
	start_proxied same
	start_steady 2
	for ((n = 0; n < 5; n++)); do
		for mode in older-daemon newer-daemon same newer-daemon older-daemon same; do
			echo $mode >"$T/mode"
			replace_daemon
			[ $mode = same ] || all_go_round
		done
	done
	let_end
}
