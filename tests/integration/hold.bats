# SPDX-License-Identifier: MIT
# shellcheck shell=bats
# hold and revoke: leases that last, and losing them.
load helper

@test "hold announces its leases and gives them back on SIGTERM with status 0" {
	start_daemon
	hold shm+0x1000/0x1000 regs
	expect_equal "$(sed 's/lease [0-9]* //' "$T/out")" $'shm+0x1000/0x1000 rw wc\nregs+0x0/0x1000 rw uc'
	kill -TERM "$JOB"
	wait "$JOB"
	expect_equal "$(leases)" 0
}

@test "hold that is killed loses its leases with its connection" {
	start_daemon
	hold shm
	kill -KILL "$JOB"
	wait "$JOB" || true
	eventually leases_are 0
	mmioctl read shm
}

@test "hold runs a command with the window files at descriptor 3 and up, in order, and no others" {
	start_daemon
	run mmioctl hold rom --read-only regs/0x1000 shm -- stat -L -c %s /proc/self/fd/{3,4,5}
	expect_status 0
	expect_equal "$output" $'8192\n4096\n65536'
	# Neither another copy of a window's file nor the connection to the daemon.
	run mmioctl hold rom --read-only regs/0x1000 shm -- find /proc/self/fd -lname '*memfd*' -o -lname 'socket*'
	expect_equal "$(sort <<<"$output")" $'/proc/self/fd/3\n/proc/self/fd/4\n/proc/self/fd/5'
}

@test "hold tells its command what it holds by the environment" {
	start_daemon
	# shellcheck disable=SC2016 # the inner shell expands it
	run mmioctl hold shm+0x2000/0x1000 regs -- \
		bash -c 'echo "$MMIOD_FDS;$MMIOD_TARGETS;$MMIOD_OFFSETS;$MMIOD_LEASES"'
	expect_match '^2;shm\+0x2000/0x1000 regs\+0x0/0x1000;0x2000 0x0;[0-9]+ [0-9]+$'
}

@test "the command of hold reads and writes the device through descriptor 3" {
	start_daemon
	# shellcheck disable=SC2016 # the inner shell expands it
	mmioctl hold shm+0x1000/0x1000 -- bash -c \
		'printf hello | dd of=/proc/self/fd/3 conv=notrunc bs=1 seek=$((MMIOD_OFFSETS)) status=none'
	run mmioctl dump shm+0x1000:8 16
	expect_match 'hello'
}

@test "hold ends with its command and with its command's status" {
	start_daemon
	run mmioctl hold shm -- sh -c 'exit 42'
	expect_status 42
	# shellcheck disable=SC2016 # the inner shell expands it
	run mmioctl hold shm -- sh -c 'kill -KILL $$'
	expect_status 137
	run -127 mmioctl hold shm -- /nonexistent/program
	expect_match 'cannot run "/nonexistent/program"'
	run mmioctl hold shm -- /dev/null
	expect_status 126
	expect_equal "$(leases)" 0
}

@test "hold passes signals on to its command" {
	start_daemon
	background mmioctl hold shm -- sh -c 'trap "exit 9" TERM; echo ready; while :; do sleep 0.05; done'
	eventually grep -q ready "$T/out"
	kill -TERM "$JOB"
	expect_end 9
}

@test "the command of hold starts with the signal mask that hold was started with" {
	start_daemon
	expect_equal "$(mmioctl hold shm -- grep SigBlk /proc/self/status)" "$(grep SigBlk /proc/self/status)"
}

@test "a second holder is told who the first one is" {
	start_daemon
	hold shm+0x1000/0x1000
	run mmioctl hold shm+0x1000/0x1000 -- true
	expect_status 5
	expect_match "0x1000\+0x1000 of region shm is held by user $(id -un) \(uid $ME\), pid $JOB \(mmioctl\), lease $LEASE, exclusive"
}

@test "windows that overlap by one byte conflict, neighbours do not" {
	start_daemon
	hold shm+0x1000/0x1000
	run mmioctl hold shm+0xfff/1 -- true
	expect_status 0
	run mmioctl hold shm+0x2000/1 -- true
	expect_status 0
	run mmioctl hold shm+0x1000/1 -- true
	expect_status 5
	run mmioctl hold shm+0x1fff/1 -- true
	expect_status 5
	run mmioctl hold shm -- true
	expect_status 5
}

@test "hold takes all or none of its targets" {
	start_daemon
	hold shm+0x3000/0x1000
	run mmioctl hold shm/0x1000 regs shm+0x3000/0x1000 -- echo ran
	expect_status 5
	[[ $output != *ran* ]]
	expect_equal "$(leases)" 1
}

@test "shared-read lets others read and nobody else write" {
	start_daemon
	hold shm --shared-read --read-only
	mmioctl hold shm --shared-read --read-only -- true
	run mmioctl hold shm --shared-read -- true
	expect_status 5
	expect_match 'shared-read read-only'
	run mmioctl hold shm --exclusive --read-only -- true
	expect_status 5
}

@test "a writer who lets others read bears those who bear a writer" {
	start_daemon
	hold shm --shared-read
	mmioctl hold shm --shared-write --read-only -- true
	run mmioctl hold shm --shared-read --read-only -- true
	expect_status 5
	run mmioctl hold shm --shared-write -- true
	expect_status 5
}

@test "shared-write lets others write" {
	start_daemon
	hold shm --shared-write
	mmioctl hold shm --shared-write -- true
	run mmioctl hold shm --shared-read --read-only -- true
	expect_status 5
	run mmioctl hold shm --exclusive -- true
	expect_status 5
}

@test "what was held is free again at once" {
	start_daemon
	for _ in 1 2 3 4 5 6 7 8 9 10; do mmioctl hold shm -- true; done
	expect_equal "$(leases)" 0
}

@test "a holder sees who revoked it, and ends with status 7" {
	start_daemon
	hold shm
	mmioctl revoke "$LEASE"
	expect_end 7
	expect_match "lease $LEASE \(shm\+0x0/0x10000\) was revoked by user $(id -un) \(uid $ME\), pid [0-9]+ \(mmioctl\)"
}

@test "a holder with a command is told of the revocation and goes on with it" {
	start_daemon
	background mmioctl hold shm -- sh -c "while [ ! -e $T/go ]; do sleep 0.02; done; exit 3"
	eventually leases_are 1
	mmioctl revoke "$(value '.leases[0].id' leases)"
	eventually grep -q 'was revoked by' "$T/err"
	touch "$T/go"
	expect_end 3
}

@test "a program is told of the revocation through the event descriptor" {
	start_daemon
	background "$BUILD/examples/watch-revoke" shm/0x1000
	eventually grep -q 'holding it' "$T/out"
	mmioctl revoke "$(value '.leases[0].id' leases)"
	wait "$JOB"
	run cat "$T/out"
	expect_match "event: .*revoked by user $(id -un)"
}

@test "a revocation with a deadline asks first, and a holder that gives back ends it early" {
	start_daemon
	hold shm
	timeout 600 mmioctl revoke "$LEASE" --deadline 30min
	expect_end 7
	expect_match 'was revoked by user'
	expect_equal "$(leases)" 0
}

@test "a revocation takes the lease at its deadline from a command that goes on" {
	start_daemon
	background mmioctl hold shm -- sleep 60
	eventually leases_are 1
	LEASE=$(value '.leases[0].id' leases)
	mmioctl revoke "$LEASE" --deadline 100ms
	expect_equal "$(value '.leases[0].state' leases)" revoked
	eventually grep -q 'within 100 ms' "$T/err"
	eventually grep -q 'was revoked by' "$T/err"
}

@test "bytes that were revoked can be leased by somebody else while the old holder lives" {
	start_daemon
	background mmioctl hold shm -- sleep 60
	eventually leases_are 1
	mmioctl revoke "$(value '.leases[0].id' leases)"
	mmioctl hold shm -- true
}

@test "revoke of several leases tries all and fails for those that there are not" {
	start_daemon
	background mmioctl hold shm/0x1000 shm+0x1000/0x1000 -- sleep 60
	eventually leases_are 2
	run mmioctl revoke "$(value '.leases[0].id' leases)" 4711 "$(value '.leases[1].id' leases)"
	expect_status 3
	expect_equal "$output" "mmioctl: there is no lease 4711"
	expect_equal "$(value '[.leases[].state]' leases | tr -d ' \n')" '["revoked","revoked"]'
}

# Process 1 of a machine opens sockets for the services that it starts: what it connects may be anybody's.
@test "process 1 is no administrator, though it is root" {
	need_root
	unshare --pid --fork true 2>/dev/null || skip "this machine lets nobody be another process 1"
	# shellcheck disable=SC2016 # the inner shell expands it
	run unshare --pid --fork --kill-child bash -c '
		mmiod --simulate "$0" --socket "$MMIOD_SOCKET" >>"$1/log" 2>&1 &
		until mmioctl status >/dev/null 2>&1; do sleep 0.02; done
		mmioctl hold shm >"$1/out" &
		until grep -qs ^lease "$1/out"; do sleep 0.02; done
		mmioctl --json status | jq .you.admin
		exec mmioctl revoke "$(cut -d" " -f2 "$1/out")"' "$T/sim.conf" "$T"
	expect_status 4
	expect_match '^true'
	expect_match 'only root and those that an \[admin\] section names may revoke'
}

@test "nobody but an administrator revokes, not even their own lease" {
	need_root
	start_daemon
	background as "$COLLEAGUE" mmioctl hold shm
	eventually grep -q ^lease "$T/out"
	run as "$COLLEAGUE" mmioctl revoke "$(value '.leases[0].id' leases)"
	expect_status 4
	expect_match 'only root and those that an \[admin\] section names may revoke'
	expect_equal "$(value '.leases[0].state' leases)" ok
}

# ---- signals and descriptors that hold was started with ----

# started HOW… -- ARGUMENT…: hold in the background, by env(1) that sets its signals as HOW says. A shell without job
# control starts it with SIGINT ignored, unless HOW says otherwise.
started() {
	local how=()

	while [ "$1" != -- ]; do how+=("$1"); shift; done
	: >"$T/out"
	background env "${how[@]}" "$T/mmioctl" hold "${@:2}"
}

# Somebody stands in the queue for regs, of which another one has a part to read.
somebody_waits() {
	local said
	said=$(mmioctl hold regs --shared-read --read-only -- true 2>&1) || true
	[[ $said = *"is wanted by"* ]]
}

# The signals that a process has ignored and blocked, of its /proc/PID/status in FILE.
signals_in() { # FILE
	awk '$1 == "SigIgn:" || $1 == "SigBlk:" { print $1, $2 }' "$1"
}

# Is SIGNAL in the mask NAME of what FILE says?
has_signal() { # FILE NAME SIGNAL
	local mask
	mask=$(awk -v name="$2:" '$1 == name { print $2 }' "$1")
	[ $((0x$mask >> ($(kill -l "$3") - 1) & 1)) = 1 ]
}

# A holder that shares regs with readers; a client that wants it alone waits. Ends when $T/go is there.
share_regs() {
	background mmioctl hold regs --shared-read --read-only -- sh -c "while [ ! -e $T/go ]; do sleep 0.02; done"
	eventually leases_are 1
}

# It was told to end while it waited: by that signal, without a word, and nobody stands in the queue for it any more.
expect_broken_off() { # SIGNAL
	expect_end $((128 + $(kill -l "$1")))
	expect_equal "$(cat "$T/out")" ""
	mmioctl hold regs --shared-read --read-only -- true
	expect_equal "$(leases)" 1
}

@test "hold that waits ends on INT, TERM and HUP, and waits for nothing any more" {
	start_daemon
	share_regs
	for signal in INT TERM HUP; do
		started --default-signal=INT,TERM,HUP -- regs --exclusive --wait
		eventually somebody_waits
		kill -"$signal" "$JOB"
		expect_broken_off "$signal"
	done
}

@test "hold that waits ends on signals that were blocked when it was started" {
	start_daemon
	share_regs
	for signal in INT TERM HUP; do
		started --default-signal=INT,TERM,HUP --block-signal=INT,TERM,HUP,CHLD -- regs --exclusive --wait
		eventually somebody_waits
		kill -"$signal" "$JOB"
		expect_broken_off "$signal"
	done
}

@test "hold that waits does not mind signals that were ignored when it was started" {
	start_daemon
	share_regs
	started --ignore-signal=INT,TERM,HUP,CHLD -- regs --exclusive --wait
	eventually somebody_waits
	kill -INT "$JOB"
	kill -TERM "$JOB"
	kill -HUP "$JOB"
	somebody_waits
	touch "$T/go"
	eventually grep -q '^lease ' "$T/out"
	kill -TERM "$JOB"
	kill -USR1 "$JOB"
	expect_end 0
	expect_equal "$(leases)" 0
}

@test "hold that holds ends on signals that were blocked, and not on those that were ignored" {
	start_daemon
	started --block-signal=TERM,CHLD -- shm
	eventually grep -q '^lease ' "$T/out"
	kill -TERM "$JOB"
	expect_end 0
	started --ignore-signal=HUP,TERM -- shm
	eventually grep -q '^lease ' "$T/out"
	kill -HUP "$JOB"
	kill -TERM "$JOB"
	run mmioctl hold shm -- true
	expect_status 5
	kill -QUIT "$JOB" # a background job ignores it as SIGINT
	run mmioctl hold shm -- true
	expect_status 5
	kill -USR2 "$JOB"
	expect_end 0
	expect_equal "$(leases)" 0
}

@test "hold ends with its command though SIGCHLD was ignored or blocked" {
	start_daemon
	for how in --ignore-signal=CHLD --block-signal=CHLD --ignore-signal=INT,TERM,HUP,CHLD; do
		started "$how" -- shm -- sh -c 'exit 42'
		expect_end 42
		started "$how" -- shm -- "$T/nothing"
		expect_end 127
	done
	expect_equal "$(leases)" 0
}

# Besides the named signals, the process that runs the tests may have some of its own ignored.
@test "the command of hold has signals ignored and blocked as hold was started with" {
	local how set
	start_daemon
	for set in '--ignore-signal=TERM,CHLD --block-signal=HUP,USR1' --default-signal=TERM,HUP,CHLD; do
		read -ra how <<<"--default-signal=INT,QUIT $set"
		: >"$T/out"
		background env "${how[@]}" cat /proc/self/status
		expect_end 0
		cp "$T/out" "$T/without"
		started "${how[@]}" -- shm --wait -- cat /proc/self/status
		expect_end 0
		expect_equal "$(signals_in "$T/out")" "$(signals_in "$T/without")"
		[[ ${how[*]} = *ignore* ]] || continue
		for signal in TERM CHLD; do has_signal "$T/out" SigIgn "$signal"; done
		for signal in HUP USR1; do has_signal "$T/out" SigBlk "$signal"; done
	done
}

@test "what somebody else has at descriptor 3 is not replaced: the windows lie above it" {
	printf '[grant memory]\nmemory = pages\nuser = *\n' >>"$T/sim.conf"
	start_daemon
	command mmioctl hold regs -- sh -c 'echo "test started" >&3' 3>"$T/file" 4>&-
	expect_equal "$(cat "$T/file")" "test started"
	expect_equal "$(mmioctl read regs/16 | sort -u)" 0x00000000
	# shellcheck disable=SC2016 # the inner shell expands it
	command mmioctl hold -v shm/0x1000 regs -- \
		sh -c 'cat <&4; echo "$MMIOD_WINDOWS;$MMIOD_FDS;$MMIOD_OFFSETS;$MMIOD_TARGETS;$MMIOD_LEASES"' \
		3>&- 4<"$T/file" >"$T/out" 2>"$T/err"
	output=$(cat "$T/out")
	expect_match '^test started'
	expect_match '3@[0-9]+\.[0-9]+\+0x0:shm\+0x0/0x1000 5@[0-9]+\.[0-9]+\+0x0:regs\+0x0/0x1000:32;;;;$'
	output=$(cat "$T/err")
	expect_match 'not all descriptors from 3 on were free: the command.s last window is at 5, and MMIOD_WINDOWS alone'
	expect_equal "$(command mmioctl alloc pages 4K -- sh -c 'cat <&3' 3<"$T/file" 4>&-)" "test started"
	expect_equal "$(leases)" 0
}

@test "a hold within a hold keeps the windows of both, and drops what is a window no more" {
	start_daemon
	# shellcheck disable=SC2016 # the inner shell expands it
	run mmioctl hold shm/0x1000 regs -- mmioctl hold shm+0x1000/0x1000 -- \
		bash -c 'tr " " "\n" <<<"$MMIOD_WINDOWS" | sed "s/@.*:/ /; s/ 32$/ regs/"; echo "fds=$MMIOD_FDS"'
	expect_equal "$output" $'3 shm+0x0/0x1000\n4 regs\n5 shm+0x1000/0x1000\nfds='
	# shellcheck disable=SC2016 # the inner shell expands it
	run mmioctl hold shm/0x1000 regs -- bash -c 'exec 3>"$0/mine"; mmioctl hold rom --read-only -- \
		bash -c "tr \" \" \"\n\" <<<\"\$MMIOD_WINDOWS\" | sed s/@.*:/:/"; cat "$0/mine"' "$T"
	expect_equal "$output" $'4:32\n5:rom+0x0/0x2000'
}

@test "make keeps its job server when a recipe holds a window" {
	start_daemon
	cat >"$T/Makefile" <<-'END'
		all:
		TAB+@mmioctl hold regs -- $(MAKE) -s --no-print-directory one two
		one two:
		TAB@echo $@
	END
	sed -i $'s/^TAB/\t/' "$T/Makefile"
	run command make -s --no-print-directory -C "$T" -j2 all 3>&- 4>&-
	expect_status 0
	expect_equal "$(sort <<<"$output")" $'one\ntwo'
	expect_equal "$(mmioctl read regs/16 | sort -u)" 0x00000000
}

@test "a program adopts the windows that it was given, and nothing that stands in their place" {
	start_daemon
	cp "$BUILD/tests/integration/adopt" "$T/"
	run mmioctl hold shm+0x1000/0x1000 regs -- "$T/adopt" regs
	expect_equal "$output" "2 windows, regs+0x0/0x1000 of 4 bytes, rw"
	expect_equal "$(mmioctl read regs+0x10)" 0x600df00d
	# shellcheck disable=SC2016 # the inner shell expands it
	run mmioctl hold regs -- bash -c 'exec 3>"$0/mine"; "$0/adopt" regs; cat "$0/mine"' "$T"
	expect_match '^0 windows, -116: MMIOD_WINDOWS, "3@[^"]*:regs\+0x0/0x1000:32": descriptor 3 is another file than the window was$'
	expect_equal "$(cat "$T/mine")" ""
	run mmioctl hold regs -- "$T/adopt" shm
	expect_match '^1 windows, -2: no window shm under number 0 was handed down'
}

@test "descriptors beyond the windows are the command's, and without a command none is in the way" {
	start_daemon
	echo theirs >"$T/file"
	expect_equal "$(command mmioctl hold shm -- cat /proc/self/fd/4 3>&- 4<"$T/file")" theirs
	: >"$T/out"
	"$T/mmioctl" hold shm 3<"$T/file" 4>&- >"$T/out" 2>"$T/err" &
	JOB=$!
	JOBS+=("$JOB")
	eventually grep -q '^lease ' "$T/out"
	kill -TERM "$JOB"
	expect_end 0
}
