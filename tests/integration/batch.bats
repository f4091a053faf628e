# SPDX-License-Identifier: MIT
# shellcheck shell=bats
# batch: verbs line by line over one connection.
load helper

# batch TEXT [OPTION…]: a file of those lines.
batch() {
	printf '%s\n' "$1" >"$T/script"
	mmioctl batch "$T/script" "${@:2}"
}

@test "a batch runs a verb a line, quoted as in a shell, and nothing is expanded" {
	start_daemon
	cat >"$T/script" <<-'END'
		# a comment

		write regs+0x10 0x12   # another
		'read' "regs"+0x10
		  read regs\+0x10/8
		explain "regs $HOME"
	END
	run mmioctl batch "$T/script"
	expect_status 2
	expect_match $'^0x00000012\n0x00000012\n0x00000000\n'
	# shellcheck disable=SC2016 # it is what is to stand there
	expect_match "$T/script:6:9: .*\" \\\$HOME\""
}

@test "a batch says file, line and column of what is wrong, and ends there with its status" {
	start_daemon
	local line column text status
	while IFS='|' read -r status column text; do
		run batch $'read regs\n'"$text"$'\nwrite regs+4 1'
		expect_status "$status"
		expect_match "^0x00000000"$'\n'"$T/script:2:$column: "
		expect_equal "$(mmioctl read regs+4)" 0x00000000
	done <<-'END'
		2|1|frobnicate
		2|3|  frobnicate
		2|6|read regs+0x2
		2|11|read regs+0xzz
		2|9|read -v "regs
		2|12|write regs 12x
		2|14|write regs+4 0x100000000
		2|11|read regs --frob=3
		2|1|read
		2|1|hold regs
		2|1|complete verbs
		2|1|batch
		2|1|-v
		2|1|--socket /nowhere read regs
		2|11|read regs --socket /nowhere
		3|6|read nothing
		4|6|read secret
	END
}

@test "with --keep-going a batch goes on, and its status is that of the first line that failed" {
	start_daemon
	run batch $'read nothing\nwrite regs+4 7\nfrobnicate\nread regs+4' --keep-going
	expect_status 3
	expect_match ':1:6: there is no region'
	expect_match ':3:1: no verb'
	expect_match '0x00000007$'
	run batch $'read regs\n\n# nothing' -k
	expect_status 0
}

@test "options of a line are of that line only" {
	start_daemon
	run batch $'read regs/8 -v\nread regs\n-v read regs\nread regs x2\nread regs'
	expect_equal "$output" $'regs+0x0: 0x00000000\nregs+0x4: 0x00000000\n0x00000000\nregs+0x0: 0x00000000\n0x00000000\n0x00000000\n0x00000000'
	run batch $'write regs 0xff\nwrite regs 0 --mask 0x0f\nread regs\nwrite regs 0x3\nread regs'
	expect_equal "$output" $'0x000000f0\n0x00000003'
}

@test "with --json a batch prints an object a line, with the line that it is about" {
	start_daemon
	batch $'write regs 3\n\nread regs\nleases\nread regs x2\nread nothing' --json >"$T/out" 2>"$T/err" || true
	expect_equal "$(jq -c '[.line, .values[0].value]' "$T/out")" $'[3,3]\n[4,null]\n[5,3]\n[5,3]'
	expect_equal "$(wc -l <"$T/out")" 4
	expect_equal "$(jq -c '.error | [.line, .column, .exit, .errno]' "$T/err")" '[6,6,3,"ENOENT"]'
}

@test "who writes a line to a batch gets its answer before writing the next one" {
	start_daemon
	coproc BATCH { mmioctl batch 2>&1; }
	local answer i pid=$BATCH_PID
	for i in 1 2 3; do
		echo "write regs+8 $i" >&"${BATCH[1]}"
		echo "read regs+8" >&"${BATCH[1]}"
		read -r answer <&"${BATCH[0]}"
		expect_equal "$answer" "0x0000000$i"
	done
	eval "exec ${BATCH[1]}>&-"
	wait "$pid"
}

@test "a batch gives its leases back when it is silent, when it is asked, and at its end" {
	start_daemon
	mkfifo "$T/in"
	background mmioctl batch "$T/in"
	exec 9>"$T/in"
	echo 'write regs 1' >&9
	eventually leases_are 1
	eventually leases_are 0
	echo 'write regs 2' >&9
	eventually leases_are 1
	mmioctl revoke "$(value '.leases[0].id' leases)" --deadline 30min
	expect_equal "$(leases)" 0
	echo 'read regs' >&9
	eventually grep -q 0x00000002 "$T/out"
	exec 9>&-
	expect_end 0
	expect_equal "$(leases)" 0
}

@test "leases that a batch keeps are in the way of no line of its own" {
	start_daemon
	batch $'write regs+4 1\nread regs/16\nwrite regs 2\nfill shm/4096 7\ncopy shm/16 shm+0x100\nset regs 1\nread regs+4' >"$T/out"
	expect_equal "$(tail -n 1 "$T/out")" 0x00000001
	run batch $'write regs 1\nleases --json'
	expect_match '"leases":\[\]'
	local i text=
	for i in $(seq 0 4 200); do text+="write regs+$i $i"$'\n'; done
	run batch "$text"
	expect_status 0
	expect_equal "$(mmioctl read regs+200)" 0x000000c8
}

# granted: how many leases of registers there have been.
granted() {
	mmioctl export prometheus | awk '/^mmiod_grants_total/ { n += $2 } END { print n + 0 }'
}

@test "a batch that goes round and round over 200 registers takes 200 leases" {
	start_daemon
	local i
	for i in 1 2 3; do seq -f 'read regs+%g' 0 4 796; done >"$T/script"
	local before
	before=$(granted)
	expect_equal "$(mmioctl batch "$T/script" | sort | uniq -c | tr -d ' ')" 6000x00000000
	expect_equal "$(($(granted) - before))" 200
}

@test "a batch gets along with few leases and few descriptors" {
	printf '[daemon]\nleases-per-user = 4\n' >>"$T/sim.conf"
	start_daemon
	seq -f 'read regs+%g' 0 4 796 >"$T/script"
	expect_equal "$(mmioctl batch "$T/script" | wc -l)" 200
	expect_equal "$(ulimit -n 20; mmioctl batch "$T/script" | wc -l)" 200
}

@test "a batch that lost a lease says so, and the next line takes a new one" {
	start_daemon
	mkfifo "$T/in"
	background mmioctl batch -k "$T/in"
	exec 9>"$T/in"
	echo 'write regs 5' >&9
	eventually leases_are 1
	mmioctl revoke "$(value '.leases[0].id' leases)"
	sleep 0.1 # so that its event is there: it is looked for now and then
	echo 'read regs' >&9
	exec 9>&-
	expect_end 0
	expect_equal "$(cat "$T/out")" 0x00000005
}

@test "verbs of a batch find standard input empty, and no line is taken for an answer" {
	start_daemon
	run mmioctl batch - <<<$'load shm -\nread regs'
	[[ $output != *'read regs'* ]]
	expect_match ':1:[0-9]+: |0x00000000'
	run mmioctl batch "$T/nothing"
	expect_status 3
	expect_match "$T/nothing: No such file"
}

@test "a line that has no end, or bytes that are no text, are told with their place" {
	start_daemon
	head -c 100000 /dev/zero | tr '\0' x >"$T/script"
	run mmioctl batch "$T/script"
	expect_status 1
	expect_match "$T/script:1: the line is too long"
	printf 'read regs\nread re\0gs\n' >"$T/script"
	run mmioctl batch "$T/script"
	expect_status 2
	expect_match "$T/script:2:8: a zero byte"
	printf 'read regs' >"$T/script"
	expect_equal "$(mmioctl batch "$T/script")" 0x00000000
	run batch "read $(seq -s ' ' 200)"
	expect_status 2
	expect_match 'more words than a line may have'
}

@test "a batch whose output nobody reads ends" {
	start_daemon
	yes 'read regs' | mmioctl batch 2>"$T/err" | head -n 1
	expect_equal "$(cat "$T/err")" ""
}

# typed TEXT EXPECTED…: at a terminal; see type.py.
typed() {
	run env XDG_STATE_HOME="$T/state" "${PYTHON:-/usr/bin/python3}" "$BATS_TEST_DIRNAME/type.py" \
		sh -c "stty -g >$T/before; mmioctl batch; echo ended \$?; stty -g >$T/after" -- "$@" 3>&- 4>&-
	[ "$status" -eq 0 ] || { echo "$output"; return 1; }
	expect_equal "$(cat "$T/after")" "$(cat "$T/before")"
	expect_match 'ended 0'
}

@test "what is typed at a terminal is edited and completed, and an error ends nothing" {
	start_daemon
	typed 'rea\t' 'd ' 'regz\x7fs+0x10\n' 0x00000000 \
		'writ\t' 'e ' 're\t' gs '+4 7\n' '> ' \
		'frob\n' 'no verb' 'read "x\n' 'not closed' \
		'read regs+4 --wid\t' 'th ' '32\n' 0x00000007 \
		'read r\t' 'regs  rom' '\x03' '> ' \
		'hold regs\n' 'does not end by itself' 'status\n' 'simulation'
	expect_equal "$(leases)" 0
}

@test "registers and leases are completed at a terminal" {
	printf '[map]\nregions = regs\n[CONTROL]\noffset = 0x10\nwidth = 32\naccess = rw\nfield MODE = 3-0 rw how\n' >"$T/map.ini"
	mkdir -p "$T/config/mmiod/maps"
	mv "$T/map.ini" "$T/config/mmiod/maps/regs.ini"
	start_daemon
	hold shm
	XDG_CONFIG_HOME=$T/config typed 'regs regs CON\t' TROL '.\t' MODE '=2\n' '> ' 'read regs+0x10\n' 0x00000002 \
		'revoke \t' "$LEASE" '\n' '> '
	expect_end 7
}

@test "the history of what was typed is kept, for its user's eyes only" {
	start_daemon
	typed 'read regs+0x10\n' 0x00000000
	expect_equal "$(stat -c %a "$T/state/mmiod/history")" 600
	typed '\x1b[A' 'read regs+0x10' '\n' 0x00000000
	# Where there is no place for it, it is not kept.
	rm -r "$T/state"
	echo >"$T/state"
	typed 'read regs\n' 0x00000000
}
