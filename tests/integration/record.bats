# SPDX-License-Identifier: MIT
# shellcheck shell=bats disable=SC2030,SC2031
# Samples at a fixed rate: record's files, plot's lines and screen, and how both end.
load helper

# Others may write what is recorded.
shared() {
	cat >>"$T/sim.conf" <<-END
		[region common]
		size = 4K
		width = 32
		[grant common]
		region = common
		user = $ME
		access = rw
		share = shared-write
	END
	start_daemon
}

said() {
	grep -q "$1" "$T/out"
}

# rows FILE: those with values.
rows() {
	grep -v -e '^#' -e '^t_s' "$1"
}

has_rows() {
	[ "$(rows "$T/a.csv" | wc -l)" -ge "$1" ]
}

# whole FILE: it has a head, rows of one length whose times rise, and one last line, which counts them rightly.
whole() {
	python3 - "$1" <<-'END'
		import csv, re, sys
		lines = open(sys.argv[1]).read().split("\n")
		assert lines.pop() == "", "the last line is cut"
		assert lines[0] == "# mmiod record 1", lines[0]
		interval = int(re.fullmatch(r"# interval: (\d+) ns", lines[2])[1])
		end = re.fullmatch(r"# end: .*, (\d+) samples, (\d+) missed", lines[-1])
		assert end, lines[-1]
		rows = list(csv.reader(line for line in lines if not line.startswith("#")))
		head = rows.pop(0)
		assert head[:3] == ["t_s", "missed", "span_ns"], head
		assert all(len(row) == len(head) for row in rows), "a row is torn"
		assert len(rows) == int(end[1]), (len(rows), end[1])
		assert sum(int(row[1]) for row in rows) <= int(end[2])
		times = [float(row[0]) for row in rows]
		assert all(a < b for a, b in zip(times, times[1:])), "times do not rise"
		# A row stands in its own tick, which rows and missed ones number.
		if "# suspended" not in lines:
		    tick = -1
		    for row in rows:
		        tick += 1 + int(row[1])
		        assert float(row[0]) * 1e9 + 1 >= tick * interval, (row, tick)
	END
}

@test "record writes a row for each sample, with the head and the end" {
	shared
	mmioctl write common+4 7
	mmioctl write common+8 4294967295
	mmioctl record common+4/8 -o "$T/a.csv" --count 5 --rate 200
	whole "$T/a.csv"
	expect_equal "$(grep '^# series' "$T/a.csv")" "# series 1: common+0x4, 32 bits
# series 2: common+0x8, 32 bits"
	expect_equal "$(grep '^t_s' "$T/a.csv")" 't_s,missed,span_ns,common+0x4,common+0x8'
	expect_equal "$(rows "$T/a.csv" | cut -d, -f4- | sort -u)" 7,4294967295
	grep -q '^# end: --count, 5 samples, [0-9]* missed$' "$T/a.csv"
	grep -q '^# interval: 5000000 ns$' "$T/a.csv"
}

@test "record writes to standard output, and as objects of JSON" {
	shared
	mmioctl write common 3
	mmioctl record common --count 2 --interval 1ms >"$T/a.csv"
	whole "$T/a.csv"
	mmioctl --json record common common+4 --count 2 --interval 1ms >"$T/lines"
	jq -se '.[0].record == 1 and .[0].interval_ns == 1000000 and [.[0].series[].name] == ["common+0x0", "common+0x4"]
		and .[1].values == [3, 0] and (.[1].t_ns < .[2].t_ns) and .[3].end == "--count" and .[3].samples == 2' "$T/lines"
}

@test "record follows a writer, and no change is lost between samples that are taken" {
	shared
	background mmioctl record common -o "$T/a.csv" --rate 500
	eventually grep -q '^t_s' "$T/a.csv"
	for i in 1 2 3 4 5; do
		mmioctl write common "$i"
		eventually grep -q ",$i\$" "$T/a.csv"
	done
	kill -INT "$JOB"
	expect_end 0
	whole "$T/a.csv"
	expect_equal "$(rows "$T/a.csv" | cut -d, -f4 | uniq | tail -n 5 | paste -sd' ')" '1 2 3 4 5'
	expect_equal "$output" ''
	grep -q '^# end: interrupted' "$T/a.csv"
}

@test "ticks that pass while record is stopped are told, and not made up for" {
	shared
	background mmioctl record common -o "$T/a.csv" --rate 1000
	eventually grep -q '^[0-9.]*,' "$T/a.csv"
	kill -STOP "$JOB"
	sleep 0.5
	kill -CONT "$JOB"
	eventually has_rows $(($(rows "$T/a.csv" | wc -l) + 50))
	kill -TERM "$JOB"
	expect_end 0
	whole "$T/a.csv"
	rows "$T/a.csv" | awk -F, '$2 >= 400 { found = 1 } END { exit !found }'
}

@test "the file is whole at whatever moment a signal comes" {
	shared
	for i in {1..20}; do
		background mmioctl record common/64 -o "$T/$i.csv" --rate 5000
		eventually grep -q '^t_s' "$T/$i.csv"
		sleep "0.0$((i * 7 % 10))$i"
		kill -INT "$JOB"
		expect_end 0
		whole "$T/$i.csv"
	done
}

@test "status 7: a revocation ends record, names who did it, and leaves the file whole" {
	shared
	background mmioctl record common -o "$T/a.csv" --rate 1000
	eventually grep -q '^[0-9.]*,' "$T/a.csv"
	mmioctl revoke "$(value '.leases[0].id' leases)"
	expect_end 7
	expect_match 'common: revoked by'
	whole "$T/a.csv"
	grep -q '^# end: common: revoked by' "$T/a.csv"
}

@test "a guest that made room for an exclusive lease is suspended, and goes on" {
	sed -i 's/share = shared-write/share = exclusive/' "$T/sim.conf"
	start_daemon
	background mmioctl record regs --guest -o "$T/a.csv" --rate 200
	local record=$JOB
	eventually grep -q '^[0-9.]*,' "$T/a.csv"
	mmioctl write regs 5 --exclusive
	eventually grep -q ',5$' "$T/a.csv"
	expect_equal "$(grep -A1 '^# suspended' "$T/a.csv")" "# suspended
# resumed"
	kill -INT "$record"
	JOB=$record
	expect_end 0
	whole "$T/a.csv"
}

@test "status 7: the daemon of a simulation goes, and the file is whole" {
	shared
	background mmioctl record common -o "$T/a.csv" --rate 100
	eventually grep -q '^[0-9.]*,' "$T/a.csv"
	kill_daemon
	expect_end 7
	whole "$T/a.csv"
	grep -q '^# end: the daemon went away' "$T/a.csv"
}

@test "a reader that stands still costs ticks, and holds up no signal; one that goes ends record" {
	shared
	mkfifo "$T/pipe"
	exec 7<>"$T/pipe"
	background mmioctl record common/256 -o "$T/pipe" --force --rate 10000
	sleep 1.5
	kill -INT "$JOB"
	expect_end 1
	expect_match 'its reader does not take the last [0-9]+ bytes'
	exec 7>&-
	# shellcheck disable=SC2016 # the inner shell expands it
	background bash -c 'mmioctl record common --rate 1000 2>"$0/record.err" | head -n 6 >/dev/null; echo "${PIPESTATUS[0]}"' "$T"
	expect_end 0
	said '^0$'
	[ ! -s "$T/record.err" ]
	eventually leases_are 0
}

@test "fields of a register map are recorded by their names" {
	start_daemon
	printf '[CTRL]\noffset = 0\nwidth = 32\nfield MODE = 7-4\n[STAT]\noffset = 8\nwidth = 32\n[GO]\noffset = 12\nwidth = 32\naccess = wo\n[WIDE]\noffset = 16\nwidth = 64\n' >"$T/map.ini"
	mmioctl write regs 0x1a5
	mmioctl write regs+8 9
	mmioctl record regs --field CTRL.MODE,STAT,CTRL --map "$T/map.ini" --count 1 >"$T/a.csv"
	expect_equal "$(grep '^t_s' "$T/a.csv")" t_s,missed,span_ns,CTRL.MODE,STAT,CTRL
	expect_equal "$(rows "$T/a.csv" | cut -d, -f4-)" 10,9,421
	grep -q '^# series 1: CTRL.MODE, 4 bits$' "$T/a.csv"
	run mmioctl record regs --field GO --map "$T/map.ini"
	expect_status 1
	expect_match 'GO is write-only'
	run mmioctl record regs --field WIDE --map "$T/map.ini"
	expect_match 'WIDE has 64 bits and is read in pieces'
	run mmioctl record regs --field CTRL.MOOD --map "$T/map.ini"
	expect_status 3
	expect_match 'did you mean MODE'
	run mmioctl record regs rom --field CTRL --map "$T/map.ini"
	expect_status 2
	run mmioctl record regs --field , --map "$T/map.ini"
	expect_status 2
}

@test "record refuses what makes no sense, and writes over no file unasked" {
	shared
	local words says
	while IFS='|' read -r words says; do
		# shellcheck disable=SC2086 # words
		run mmioctl record $words
		expect_status 2
		expect_match "$says"
	done <<-'END'
		common --rate 0|--rate 0: it is 1 to 20000 samples a second
		common --rate 20001|it is 1 to 20000
		common --rate fast|it is a number
		common --rate 5 --interval 1s|only one of them
		common --count 0|to take no sample is to do nothing
		common/512|there are more than 64 series
		common+2:32|not a multiple of 4 bytes
	END
	echo mine >"$T/a.csv"
	run mmioctl record common -o "$T/a.csv" --count 1
	expect_status 1
	expect_match 'a.csv is there already: --force writes over it'
	expect_equal "$(cat "$T/a.csv")" mine
	mmioctl record common -o "$T/a.csv" --count 1 --force
	whole "$T/a.csv"
	run mmioctl record common -o /dev/full --force --count 3
	expect_status 1
	expect_match '/dev/full: No space left on device'
	run mmioctl record secret --count 1
	expect_status 4
}

# ---- plot

@test "plot prints a line a sample where there is no terminal" {
	shared
	mmioctl write common+4 12
	run mmioctl plot common+4/8 --count 3 --interval 1ms
	expect_status 0
	expect_equal "${#lines[@]}" 3
	expect_match '^0\.[0-9]{3}  common\+0x4 12 +\[ {20}\]  common\+0x8 0 +\['
	run mmioctl --json plot common
	expect_status 2
	expect_match 'mmioctl record --json has samples'
}

# on_terminal ROWS COLUMNS LOCALE SIGNAL VERB…: plots there for a while, in the middle of which it gets another size; what came is in
# $T/screen, the exit status is the verb's.
on_terminal() {
	python3 - "$T/screen" "$@" <<-'END'
		import fcntl, os, pty, select, signal, struct, sys, termios, time
		out, rows, columns, locale, number, *verb = sys.argv[1:]
		pid, fd = pty.fork()
		if not pid:
		    os.environ.update(LC_ALL=locale, TERM="xterm")
		    os.execvp("mmioctl", ["mmioctl"] + verb)
		def size(r, c):
		    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", r, c, 0, 0))
		seen = b""
		def read_until(done):
		    global seen
		    end = time.time() + 60
		    while not done() and time.time() < end:
		        if select.select([fd], [], [], 0.05)[0]:
		            try:
		                seen += os.read(fd, 65536)
		            except OSError:
		                return
		size(int(rows), int(columns))
		read_until(lambda: seen.count(b"\x1b[H") > 3)
		marks = seen.count(b"\x1b[H")
		size(5, 20)
		read_until(lambda: seen.count(b"\x1b[H") > marks + 2)
		if int(number):
		    os.kill(pid, int(number))
		read_until(lambda: False)
		open(out, "wb").write(seen)
		status = os.waitpid(pid, 0)[1]
		sys.exit(os.waitstatus_to_exitcode(status) & 255)
	END
}

@test "plot draws on a terminal, takes its new size, and gives it back however it ends" {
	shared
	mmioctl write common 5
	for locale in C.UTF-8 C; do
		for number in 2 15 3 1; do
			on_terminal 24 80 "$locale" "$number" plot common common+4 --interval 5ms
			head -c 40 "$T/screen" | grep -qF $'\e[?1049h'
			tail -c 20 "$T/screen" | grep -qF $'\e[?25h\e[?1049l'
			expect_equal "$(grep -cF $'\e[?1049l' "$T/screen")" 1
			grep -aq 'common+0x0 = 5 (5 to 5)' "$T/screen"
		done
		if [ "$locale" = C ]; then
			grep -aq '[*]' "$T/screen"
			LC_ALL=C run ! grep -aq $'\xe2' "$T/screen"
		else
			grep -aq $'\xe2\xa0\|\xe2\xa1\|\xe2\xa2\|\xe2\xa3' "$T/screen"
		fi
	done
}

@test "plot ends with 7 when it is revoked, and what is said stands on the shell's own screen" {
	shared
	background on_terminal 24 80 C 0 plot common --interval 5ms
	eventually leases_are 1
	sleep 0.3
	mmioctl revoke "$(value '.leases[0].id' leases)"
	expect_end 7
	sed 's/.*\x1b\[?1049l//' "$T/screen" | grep -aq 'common: revoked by'
}

# counting FILE OPTION…: records common, which counts up from 0 until the options end that.
counting() {
	local file=$1 i=0
	shift
	mmioctl write common 0
	background mmioctl record common -o "$file" --rate 2000 "$@"
	eventually grep -q '^t_s' "$file"
	while kill -0 "$JOB" 2>/dev/null; do
		mmioctl write common $((++i))
	done
	expect_end 0
	expect_equal "$output" ''
	whole "$file"
}

# holds FILE PREDICATE: one of Python about what was there before the record began, what was from then on, and when that was told.
holds() {
	python3 - "$@" <<-'END'
		import sys
		before, after, told = [], [], None
		for line in open(sys.argv[1]).read().splitlines():
		    if line.startswith("# started: "):
		        told = line.removeprefix("# started: ")
		    elif line[0].isdigit():
		        (before if told is None else after).append(int(line.split(",")[3]))
		assert eval(sys.argv[2]), (before, after, told)
	END
}

@test "a record begins and ends when its conditions hold" {
	shared
	counting "$T/a.csv" --start-when 'common+0x0 >= 5' --stop-when 'common+0x0>=8'
	holds "$T/a.csv" 'not before and min(after) >= 5 and after[-1] >= 8 and all(v < 8 for v in after[:-1])'
	holds "$T/a.csv" 'told == "common+0x0 >= 5"'
	grep -q '^# end: --stop-when, ' "$T/a.csv"
	counting "$T/b.csv" --start-when 'common+0x0 changes' --before 1 --count 3
	holds "$T/b.csv" 'len(after) == 3 and before[0] != after[0]'
}

@test "each comparison means what it says" {
	shared
	while IFS='|' read -r words predicate; do
		rm -f "$T/a.csv"
		counting "$T/a.csv" --start-when "common+0x0 $words" --before 1 --count 1
		holds "$T/a.csv" "(lambda is_it: is_it(after[0]) and not any(map(is_it, before)))(lambda v: $predicate)"
	done <<-'END'
		==0|v == 0
		= 0x0|v == 0
		!=0|v != 0
		> 3|v > 3
		>=3|v >= 3
		< 1|v < 1
		<=1|v <= 1
		&4|v & 4
		& 0xa|v & 10
	END
}

@test "samples before the beginning and after the end are written, as many as there were" {
	shared
	counting "$T/a.csv" --start-when 'common+0x0 >= 10' --before 100000 --stop-when 'common+0x0 >= 12' --after 20
	holds "$T/a.csv" 'before == sorted(before) and before[0] < 10 and max(before) < 10 and after[0] >= 10'
	# From the first that stops it on there are 21, whatever they have.
	holds "$T/a.csv" 'sum(v >= 12 for v in after) == 21'
}

# Each tick that record waits for is a switch.
slept() { # SINCE: a number of switches, and twenty more
	[ "$(awk '/^voluntary/ { print $2 }' "/proc/$JOB/status")" -ge $(($1 + 20)) ]
}

@test "of the samples before the beginning only as many as were asked for are written" {
	shared
	background mmioctl record common -o "$T/a.csv" --rate 1000 --start-when 'common+0x0 == 9' --before 7 --count 2
	eventually grep -q '^t_s' "$T/a.csv"
	eventually slept "$(awk '/^voluntary/ { print $2 }' "/proc/$JOB/status")"
	mmioctl write common 9
	expect_end 0
	whole "$T/a.csv"
	holds "$T/a.csv" 'before == [0] * 7 and after == [9, 9]'
}

@test "with --on-change each row differs from the one before" {
	shared
	counting "$T/a.csv" --on-change --start-when 'common+0x0 >= 5' --before 3 --stop-when 'common+0x0 >= 9'
	holds "$T/a.csv" 'len(before) <= 3 and len(set(before + after)) == len(before + after)'
}

@test "conditions are told in JSON, and fields may be named in them" {
	shared
	printf '[CONTROL]\noffset = 0\nwidth = 32\nfield MODE = 3-2\n' >"$T/map.ini"
	mmioctl write common 8
	mmioctl --json record common --map "$T/map.ini" --field CONTROL.MODE --start-when 'CONTROL.MODE == 2' --count 1 >"$T/lines"
	jq -se '.[1] == {"mark": "started", "when": "CONTROL.MODE == 2"} and .[2].values == [2] and .[3].samples == 1' "$T/lines"
}

@test "a record that waits for its beginning ends by a signal, without a row" {
	shared
	background mmioctl record common -o "$T/a.csv" --start-when 'common+0x0 == 1' --for 1ms --count 1
	eventually grep -q '^t_s' "$T/a.csv"
	sleep 0.2
	kill -INT "$JOB"
	expect_end 0
	whole "$T/a.csv"
	grep -q '^# end: interrupted, 0 samples' "$T/a.csv"
}

@test "conditions that make no sense are refused, and no file is made" {
	shared
	for expr in '' 'nothing == 1' 'common+0x0' 'common+0x0 ~ 3' 'common+0x0 == x' 'common+0x0 == 0x100000000' 'common+0x0 changes 3' 'common+0x0 =='; do
		for option in --start-when --stop-when; do
			run mmioctl record common -o "$T/a.csv" "$option" "$expr"
			expect_status 2
			[[ $output == *"$option \"$expr\""* ]]
			[ ! -e "$T/a.csv" ]
		done
	done
	run mmioctl record common --before 3
	expect_status 2
	expect_match '--before is for --start-when'
	run mmioctl record common --after 3
	expect_status 2
	run mmioctl record common common+4 --start-when 'common+0x0 == 1' --before 600000
	expect_status 2
	expect_match 'of 2 series at most 524288 samples'
}

# ---- signs, changes, interrupts, gnuplot

@test "with --signed the highest bit of a register or a field is its sign" {
	shared
	mmioctl write common 0xfffffffe
	mmioctl write common+4 0x70
	printf '[A]\noffset = 0\nwidth = 32\n[B]\noffset = 4\nwidth = 32\nfield F = 6-4\nfield G = 7\n' >"$T/map.ini"
	mmioctl record common --map "$T/map.ini" --field A,B,B.F,B.G --signed --count 1 >"$T/a.csv"
	whole "$T/a.csv"
	expect_equal "$(rows "$T/a.csv" | cut -d, -f4-)" -2,112,-1,0
	grep -q '^# values: signed$' "$T/a.csv"
	mmioctl --json record common --signed --count 1 >"$T/lines"
	jq -se '.[0].signed and (.[0].delta | not) and .[1].values == [-2]' "$T/lines"
	run mmioctl plot common --signed --count 1
	expect_status 0
	expect_match 'common\+0x0 -2 '
}

@test "conditions on signed values mean them with their sign" {
	shared
	mmioctl write common 0xfffffffb
	for expr in '< 0' '== -5' '<=-5' '>= -0x5' '& 0x80000000' '!= 5'; do
		mmioctl record common --signed --start-when "common+0x0 $expr" --count 1 >"$T/a.csv"
		expect_equal "$(rows "$T/a.csv" | cut -d, -f4-)" -5
	done
	for expr in '== 0x80000000' '== -2147483649' '== 1.5' '& -1'; do
		run mmioctl record common --signed --start-when "common+0x0 $expr"
		expect_status 2
	done
}

# changing FROM TO OPTION…: records common, which goes from one to the other and stays there, until it was seen to change.
changing() {
	rm -f "$T/a.csv" # whose rows would be taken for the new ones
	mmioctl write common "$1"
	background mmioctl record common -o "$T/a.csv" --rate 200 "${@:3}" --stop-when 'common+0x0 changes'
	eventually has_rows 3
	mmioctl write common "$2"
	expect_end 0
	whole "$T/a.csv"
}

# last_changed_by CHANGE: the last row's value is that, over the time since the row before. Samples come late where others want
# the processor, and one that comes in time behind a late one comes soon.
last_changed_by() {
	python3 - "$1" <(rows "$T/a.csv" | tail -n 2 | cut -d, -f1,4) <<-'END'
		import sys
		(before, _), (at, value) = (map(float, line.split(",")) for line in open(sys.argv[2]))
		assert abs(value * (at - before) / float(sys.argv[1]) - 1) < 1e-3, (before, at, value)
	END
}

@test "with --delta a series is the change per second, and a counter that wraps goes on" {
	shared
	changing 100 110 --delta
	expect_equal "$(rows "$T/a.csv" | cut -d, -f4 | sort -u | head -n 1)" 0
	last_changed_by 10
	grep -q '^# values: unsigned, change per second$' "$T/a.csv"
	changing 0xfffffffe 8 --delta
	last_changed_by 10
	changing 110 100 --delta
	last_changed_by "$(((1 << 32) - 10))"
	changing 110 100 --delta --signed
	last_changed_by -10
	mmioctl --json record common --delta --count 2 --interval 1ms >"$T/lines"
	jq -se '.[0].delta and .[1].values == [0] and .[3].samples == 2' "$T/lines"
	run mmioctl plot common --delta --count 2 --interval 1ms
	expect_status 0
	expect_equal "${#lines[@]}" 2
}

@test "conditions on changes per second mean those, and those have no bits" {
	shared
	mmioctl write common 0
	background mmioctl record common --delta --start-when 'common+0x0 > 0.5' --count 1 -o "$T/a.csv"
	eventually grep -q '^t_s' "$T/a.csv"
	while kill -0 "$JOB" 2>/dev/null; do
		mmioctl write common "$((++i))"
	done
	expect_end 0
	rows "$T/a.csv" | cut -d, -f4 | python3 -c 'import sys; sys.exit(not float(input()) > 0.5)'
	run mmioctl record common --delta --start-when 'common+0x0 & 1'
	expect_status 2
	expect_match 'no bits: leave --delta out'
	run mmioctl record common --delta --start-when 'common+0x0 > 0.0001'
	expect_status 2
	expect_match 'up to three digits'
}

# clock: a line that fires by itself; card: vectors that only others fire.
with_interrupts() {
	cat >>"$T/sim.conf" <<-END
		[device clock]
		interrupts = auto
		interrupt-period = 10ms
		[device card]
		interrupts = msix
		vectors = 4
		dma-engine = no
		[device private]
		interrupts = auto
		[grant interrupts]
		device = clock card
		interrupts = yes
		user = $ME
		[grant private]
		device = private
		interrupts = yes
		user = $NOBODY_ELSE
	END
	shared
}

@test "with --irq there is a sample at each interrupt" {
	with_interrupts
	mmioctl write common 9
	mmioctl record common --irq clock:0 --count 5 >"$T/a.csv"
	expect_equal "$(sed -n 3p "$T/a.csv")" '# interrupt: clock:0'
	expect_equal "$(rows "$T/a.csv" | cut -d, -f4)" "$(printf '9\n9\n9\n9\n9')"
	# One that was not taken in time is missed, and never is there a row that no interrupt has. The first may have come before the start.
	python3 - "$T/a.csv" <<-'END'
		import sys
		tick = -2
		for line in open(sys.argv[1]):
		    if line[0].isdigit():
		        time, missed = line.split(",")[:2]
		        tick += 1 + int(missed)
		        assert float(time) >= tick * 0.01, line
	END
	mmioctl --json record common --irq clock --count 2 --delta >"$T/lines"
	jq -se '.[0].interrupt == "clock:0" and (.[0] | has("interval_ns") | not) and .[3].samples == 2' "$T/lines"
	mmioctl record common --irq clock --for 50ms >"$T/a.csv"
	grep -q '^# end: --for, ' "$T/a.csv"
}

@test "without interrupts --irq takes no sample, and ends by a signal and by --for" {
	with_interrupts
	mmioctl record common --irq card:1 --for 30ms >"$T/a.csv"
	grep -q '^# end: --for, 0 samples, 0 missed$' "$T/a.csv"
	background mmioctl record common --irq card:2 -o "$T/b.csv"
	eventually grep -q '^t_s' "$T/b.csv"
	run mmioctl irq card:2 --count 1
	expect_status 5
	expect_match "held by .* pid $JOB"
	kill -INT "$JOB"
	expect_end 0
	grep -q '^# end: interrupted, 0 samples, 0 missed$' "$T/b.csv"
	eventually leases_are 0
}

@test "status 7: an administrator takes the interrupt of a record" {
	with_interrupts
	background mmioctl record common --irq clock -o "$T/a.csv"
	eventually has_rows 2
	mmioctl revoke "$(value '.vectors[0].lease' irq)"
	expect_end 7
	grep -q 'clock:0: revoked by user' "$T/err"
	grep -q '^# end: clock:0: revoked by user' "$T/a.csv"
}

@test "record refuses interrupts that it may not have, and a rate beside them" {
	with_interrupts
	run mmioctl record common --irq private -o "$T/a.csv"
	expect_status 4
	run mmioctl record common --irq nothing -o "$T/a.csv"
	expect_status 3
	run mmioctl record common --irq card:4 -o "$T/a.csv"
	expect_status 1
	run mmioctl record common --irq card:x -o "$T/a.csv"
	expect_status 2
	run mmioctl record common --irq clock --rate 5 -o "$T/a.csv"
	expect_status 2
	expect_match 'leave --rate out'
	run mmioctl record common --irq clock --interval 1s -o "$T/a.csv"
	expect_status 2
	[ ! -e "$T/a.csv" ]
	run mmioctl plot common --irq clock
	expect_status 2
}

@test "with --gnuplot a file has columns that awk and gnuplot read, and the command that draws them" {
	shared
	mmioctl write common+4 7
	mmioctl record common/8 --gnuplot -o "$T/a.dat" --count 3 --interval 1ms
	expect_equal "$(awk '!/^#/ { print NF, $4, $5 }' "$T/a.dat" | sort -u)" '5 0 7'
	expect_equal "$(grep '^# plot' "$T/a.dat")" "# plot \"$T/a.dat\" using 1:4 with steps title \"common+0x0\" noenhanced, \"\" using 1:5 with steps title \"common+0x4\" noenhanced"
	grep -q '^# t_s missed span_ns common+0x0 common+0x4$' "$T/a.dat"
	tail -n 1 "$T/a.dat" | grep -q '^# end: --count, 3 samples'
	if command -v gnuplot >/dev/null; then
		{ echo 'set terminal dumb'; sed -n 's/^# plot/plot/p' "$T/a.dat"; } | gnuplot >"$T/picture"
		grep -q 'common+0x4' "$T/picture"
	fi
	run mmioctl --json record common --gnuplot
	expect_status 2
	expect_match 'only one of them'
}
