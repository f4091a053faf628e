# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
# Common to all suites: a daemon in simulation, in a directory of its own, for each test.
#
# The user who runs the tests is granted things by number, so that any user may run them. Tests that need a second user
# skip themselves unless they can become one. Whatever is started is stopped again, and a daemon that does not stop with
# status 0, or leaves a sanitizer's report, fails its test.

bats_require_minimum_version 1.5.0

ME=$(id -u)
STRANGER=54321 # a user whom nothing is granted
COLLEAGUE=54322 # a user with the same grants as we
NOBODY_ELSE=54399

setup() {
	umask 022
	BUILD=${MMIOD_BUILD:-$BATS_TEST_DIRNAME/../../build}
	T=$(mktemp -d "${TMPDIR:-/tmp}/mmiod-test.XXXXXX")
	chmod 755 "$T"
	export MMIOD_SOCKET=$T/sock
	unset JOURNAL_STREAM NOTIFY_SOCKET LISTEN_FDS
	# Other users cannot reach the build directory everywhere.
	cp "$BUILD/mmioctl" "$BUILD/mmiod" "$T/"
	PATH=$T:$PATH
	JOBS=()
	DAEMON=
	standard_config > "$T/sim.conf"
}

# regs: registers of 32 bits; shm: plain memory; rom: to be read only; secret: not for us.
standard_config() {
	cat <<-END
		[region regs]
		size = 4K
		width = 32
		[region shm]
		size = 64K
		cache = wc uc
		[region rom]
		size = 8K
		[region secret]
		size = 4K
		[grant us]
		region = regs shm
		user = $ME $COLLEAGUE
		access = rw
		[grant readers]
		region = rom
		user = $ME $COLLEAGUE
		access = r
		share = shared-read
		[grant others]
		region = secret
		user = $NOBODY_ELSE
		access = rw
	END
	[ "$ME" -eq 0 ] || printf '[admin us]\nuser = %s\n' "$ME"
}

# start_daemon [OPTION…]: the last definition of a repeated option wins, so tests may override.
start_daemon() {
	launch mmiod --simulate "$T/sim.conf" --socket "$MMIOD_SOCKET" "$@"
}

# launch COMMAND…: starts what will be the daemon and waits until it answers.
launch() {
	"$@" 3>&- 2>>"$T/log" >>"$T/log" &
	DAEMON=$!
	wait_for_daemon
}

wait_for_daemon() {
	for _ in $(seq 5000); do
		mmioctl status >/dev/null 2>&1 && return
		kill -0 "$DAEMON" 2>/dev/null || break
		sleep 0.02
	done
	echo "the daemon does not answer:"
	cat "$T/log"
	return 1
}

# Ends the daemon as a service manager would.
stop_daemon() {
	local pid=$DAEMON status=0

	DAEMON=
	kill -TERM "$pid"
	wait "$pid" || status=$?
	[ "$status" -eq 0 ] || { echo "the daemon ended with status $status"; cat "$T/log"; return 1; }
}

kill_daemon() {
	kill -KILL "$DAEMON"
	wait "$DAEMON" || true
	DAEMON=
}

# background COMMAND…: ends with the test at the latest. Its output is in $T/out.PID, its number in $JOB.
background() {
	# $JOB is the program's process, not that of a shell that runs our function of its name.
	[ "$1" != mmioctl ] || set -- env "$@"
	"$@" <&0 3>&- 4>&- >"$T/out" 2>"$T/err" &
	JOB=$!
	JOBS+=("$JOB")
}

# hold ARGUMENT…: mmioctl hold in the background; $LEASE is its first lease.
hold() {
	: >"$T/out"
	background mmioctl hold "$@"
	eventually grep -q '^lease ' "$T/out" || { cat "$T/err"; return 1; }
	LEASE=$(awk '{ print $2; exit }' "$T/out")
}

# eventually COMMAND…: counted in tries, of which a busy machine makes fewer in a second; they end only what hangs.
eventually() {
	local tries=5000
	while ((tries--)); do
		"$@" && return
		sleep 0.02
	done
	echo "never: $*"
	return 1
}

# listens SOCKET: its file is there from bind() on, and connecting is refused until listen().
listens() {
	awk -v path="$1" '$4 == "00010000" && $8 == path { found = 1 } END { exit !found }' /proc/net/unix
}

# as UID COMMAND…
as() {
	setpriv --reuid="$1" --regid="$1" --clear-groups "${@:2}" 3>&- 4>&-
}

# bats has descriptors of its own open, where a command that mmioctl runs finds its windows.
mmioctl() {
	command mmioctl "$@" 3>&- 4>&-
}

need_root() {
	[ "$ME" -eq 0 ] || skip "only root can become another user"
}

json() {
	mmioctl --json "$@"
}

# value FILTER VERB…: one value out of a verb's JSON.
value() {
	mmioctl --json "${@:2}" | jq -er "$1"
}

# Conditions that say what they saw.
expect_status() {
	[ "$status" -eq "$1" ] || { echo "status $status, not $1: $output"; return 1; }
}

expect_match() {
	[[ $output =~ $1 ]] || { echo "no match for: $1"; echo "output: $output"; return 1; }
}

expect_equal() {
	[ "$1" = "$2" ] || { echo "is:        $1"; echo "should be: $2"; return 1; }
}

# How many there are; whether there are so many.
leases() {
	value '.leases | length' leases
}

leases_are() {
	[ "$(leases)" -eq "$1" ]
}

# The last background job ends with this status. Not by run, which could not wait for it.
expect_end() {
	status=0
	wait "$JOB" || status=$?
	output=$(cat "$T/err")
	expect_status "$1"
}

teardown() {
	local failed=0 job

	# By SIGTERM, which hold passes on to its command; those who do not mind it later by SIGKILL.
	for job in "${JOBS[@]}"; do
		kill -TERM "$job" 2>/dev/null || continue
		for _ in {1..100}; do
			kill -0 "$job" 2>/dev/null || break
			sleep 0.02
		done
		kill -KILL "$job" 2>/dev/null || true
	done
	for job in "${JOBS[@]}"; do wait "$job" 2>/dev/null || true; done
	if [ -n "$DAEMON" ]; then
		if kill -0 "$DAEMON" 2>/dev/null; then
			stop_daemon || failed=1
		else
			echo "the daemon did not survive the test"
			cat "$T/log"
			failed=1
		fi
	fi
	if grep -qE 'runtime error:|AddressSanitizer|LeakSanitizer' "$T"/log "$T"/err 2>/dev/null; then
		cat "$T"/log "$T"/err
		failed=1
	fi
	rm -rf "$T"
	return "$failed"
}
