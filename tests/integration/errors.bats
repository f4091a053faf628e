# SPDX-License-Identifier: MIT
# shellcheck shell=bats
# Failures: each exit status, one sentence on stderr, nothing on stdout.
load helper

# fails STATUS PATTERN VERB…
fails() {
	run --separate-stderr mmioctl "${@:3}"
	# shellcheck disable=SC2154 # set by run
	output+=$stderr
	expect_status "$1"
	expect_match "^mmioctl: .*$2"
	[ "$(wc -l <<<"$output")" -eq 1 ] || { echo "more than one line: $output"; return 1; }
}

@test "status 0: help and version go to stdout without a daemon" {
	run --separate-stderr mmioctl --help
	expect_status 0
	expect_match 'Usage: mmioctl'
	expect_equal "$stderr" ""
	run --separate-stderr mmioctl --version
	expect_equal "$output" "mmioctl 0.1.0"
	run --separate-stderr mmiod --help
	expect_status 0
	expect_match 'usage: mmiod'
	run mmiod --version
	expect_equal "$output" "mmiod 0.1.0"
}

@test "what makes no sense is refused by who knows" {
	start_daemon
	fails 2 '64: there are only bits 0 to 7' set shm:8 64
	fails 2 '"": give bits as 7 or 7-4' set shm:8 ''
	fails 2 'more columns than 32' list -o "$(yes NAME | head -n 33 | paste -sd,)"
	fails 3 'there is no group "nosuch-group"' explain shm r --group nosuch-group
	fails 1 'outside of region shm, which has 0x10000 bytes' show shm+0x10000
	fails 1 'outside of region shm, which has 0x10000 bytes' map shm+0x8000/0x8001
}

@test "help is a word, too" {
	expect_equal "$(mmioctl help)" "$(mmioctl --help)"
	expect_equal "$(mmioctl help read)" "$(mmioctl read --help)"
}

@test "help names every verb, option and exit status" {
	run mmioctl --help
	for word in status list leases read write dump hold revoke --json --output --socket --color; do
		expect_match "$word"
	done
	expect_match '3 not found, 4 denied, 5 busy'
}

@test "help of a verb has its usage, an example, its options and its columns" {
	run mmioctl leases --help
	expect_status 0
	for word in 'Usage: mmioctl leases' 'mmioctl leases --json' --no-headings --socket 'MAPPINGS +\*'; do
		expect_match "$word"
	done
	expect_equal "$(mmioctl --help leases)" "$output"
	run mmioctl revoke --help
	expect_match '--deadline TIME +ask first'
	[[ $output != *Columns* ]]
}

@test "help fits 80 columns" {
	mmioctl --help >"$T/help"
	while read -r verb; do
		mmioctl "$verb" --help >>"$T/help"
	done < <(mmioctl --help | sed -n 's/^  \([a-z][a-z]*\)\( .*\|\)$/\1/p' | grep -v mmioctl)
	[ "$(grep -c ^Usage "$T/help")" -gt 20 ]
	LC_ALL=C.UTF-8 run grep -E '.{81}' "$T/help"
	expect_status 1
}

@test "status 1: what breaks a rule of the region" {
	start_daemon
	fails 1 'is outside of region regs' read regs+0x1000
	fails 1 'is outside of region shm' hold shm+0x10000 -- true
	fails 1 'is outside of region shm' hold shm+0xffffffffffffffff -- true
	fails 1 '"memory-type" at .*sim.conf:1 does not list it' read regs --wc
}

@test "status 1: output that cannot be written" {
	[ -c /dev/full ] || skip "there is no /dev/full"
	start_daemon
	for verb in list 'read shm x3' 'dump shm/256' 'hold shm' 'watch shm' 'top --once'; do
		hold regs
		run bash -c "timeout 600 mmioctl $verb >/dev/full"
		expect_status 1
		expect_equal "$output" 'mmioctl: cannot write the output: No space left on device'
		kill "$JOB"
		wait "$JOB" || true
	done
	# Nobody was told which lease it is: none is kept.
	eventually eval '[ "$(mmioctl leases | wc -l)" -eq 0 ]'
}

@test "status 2: usage" {
	fails 2 'Give a verb'
	fails 2 'no verb "lsit"; did you mean "list"\?' lsit
	fails 2 'unknown option --frobnicate' --frobnicate list
	fails 2 'unknown option --jsn; did you mean --json\?' list --jsn
	fails 2 '--wc goes behind the verb' --wc read regs
	fails 2 'option --json takes no argument' list --json=x
	fails 2 'it is auto, always or never' list --color sometimes
	fails 2 'read does not know -o' read regs -o NAME
	fails 2 'read prints no table' -o NAME read regs
	fails 2 'option --socket needs an argument' list --socket
	fails 2 'list takes no "regs"' list regs
	fails 2 'usage: mmioctl read TARGET' read
	fails 2 'usage: mmioctl write TARGET VALUE' write regs
	fails 2 'usage: mmioctl revoke' revoke
	fails 2 'list does not know --wc' list --wc
	fails 2 'read does not know --deadline' read regs --deadline 1s
	fails 2 'runs no command' list -- true
	fails 2 'no command behind' hold regs --
	fails 2 'to wait for no event is to do nothing' monitor --count 0
	fails 2 'to look no times is to do nothing' top --iterations 0
	fails 2 '\-\-lines 99999999999: there are not so many' log -n 99999999999
	fails 2 '\-\-journal: its lines have no columns' log --journal -o TIME
	fails 2 'clients does not know --journal' clients --journal
	fails 2 'no verb "lsit"; did you mean "list"\?' help lsit
	fails 2 '"-12": no number here is negative' write regs -12
	fails 2 '"soon" is not a time' revoke 1 --deadline soon
	fails 2 'not the number of a lease' revoke x
	fails 2 'not the number of a lease' revoke 0
	fails 2 'is not a value' write regs zero
	fails 2 'how much of regs' dump regs
}

@test "status 2: targets that are none" {
	fails 2 'does not start with the name of a region' read ''
	fails 2 'does not start with the name of a region' read +0x10
	fails 2 'is not a number' read regs+
	fails 2 'is not a number' read regs+0x
	fails 2 'is not a number' read regs+-4
	fails 2 'does not fit 64 bits' read regs+0x10000000000000000
	fails 2 'does not fit 64 bits' read regs+17179869184G
	fails 2 'a length of 0' read regs/0
	fails 2 'it is 8, 16, 32 or 64 bits' read regs:24
	fails 2 'a target is REGION' read regs:32x
	fails 2 'do not fit 64 bits' dump regs+0xfffffffffffffff0/0x20
	fails 2 'at most 31 characters' read abcdefghijabcdefghijabcdefghijab
}

@test "status 2: the daemon's own usage" {
	run mmiod --frobnicate
	expect_status 2
	run mmiod surplus
	expect_status 2
	expect_match "unexpected argument 'surplus'"
}

@test "status 3: a region or lease that there is not" {
	start_daemon
	fails 3 'there is no region "nowhere"' read nowhere
	fails 3 'there is no region "nowhere"' hold nowhere -- true
	fails 3 'there is no lease 4711' revoke 4711
}

@test "status 4: denied" {
	start_daemon
	fails 4 'no grant lets user' read secret
	fails 4 'only read region rom' write rom 1
}

@test "status 4: a socket that one may not open" {
	need_root
	start_daemon
	chmod 600 "$MMIOD_SOCKET"
	run as "$STRANGER" mmioctl status
	expect_status 4
	expect_match "the socket's permissions keep uid $STRANGER out"
}

@test "status 5: held by somebody else" {
	start_daemon
	hold regs
	fails 5 'is held by user .* for [0-9]+ s' read regs
}

@test "status 6: no socket, nobody listening, no socket at all" {
	fails 6 "no daemon: $MMIOD_SOCKET does not exist" list
	start_daemon
	kill_daemon
	fails 6 "no daemon: nobody listens on $MMIOD_SOCKET" list
	touch "$T/plain"
	fails 6 '' --socket "$T/plain" list
	fails 6 '' --socket "/$(printf 'x%.0s' {1..200})" list
}

@test "status 1: no descriptor left to connect with, which is no fault of the daemon's" {
	start_daemon
	printf 0123 >"$T/word" # which takes the only one that is left
	run bash -c 'for fd in /proc/$$/fd/*; do fd=${fd##*/}; [ "$fd" -le 2 ] || eval "exec $fd>&-"; done; ulimit -n 4; exec mmioctl load regs "$0"' "$T/word"
	expect_status 1
	expect_match 'cannot connect to .*: Too many open files'
}

@test "status 6: a daemon without a module" {
	[ ! -e /dev/mmiod ] || skip "the module is here"
	mkdir "$T/etc"
	run mmiod --config "$T/etc" --socket "$T/other"
	expect_status 6
	expect_match '/dev/mmiod'
	[ ! -e "$T/other" ]
}

@test "status 7: revoked" {
	start_daemon
	hold shm
	mmioctl revoke "$LEASE"
	expect_end 7
}

@test "status 1: a daemon of another protocol" {
	command -v python3 >/dev/null || skip "needs python3"
	background python3 - "$MMIOD_SOCKET" <<-'END'
		import socket, struct, sys
		server = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
		server.bind(sys.argv[1])
		server.listen()
		client, _ = server.accept()
		hello = client.recv(65536)
		id = struct.unpack_from("<Q", hello, 8)[0]
		text = b"the daemon speaks version 7"
		client.send(struct.pack("<IHBBQIIIIII", 40 + len(text), 1, 1, 0, id, 2, 40, 0, 0, 40, len(text)) + text)
	END
	eventually listens "$MMIOD_SOCKET"
	run mmioctl list
	expect_status 1
	expect_match 'the daemon speaks version 7'
}

@test "a second daemon does not take the socket of the first" {
	start_daemon
	run mmiod --simulate "$T/sim.conf" --socket "$MMIOD_SOCKET"
	expect_status 1
	expect_match "another daemon listens on $MMIOD_SOCKET"
	mmioctl list
}

@test "what lies at the socket's path and is no socket is not touched" {
	echo precious >"$MMIOD_SOCKET"
	run mmiod --simulate "$T/sim.conf" --socket "$MMIOD_SOCKET"
	expect_status 1
	expect_match 'is there already and is no socket'
	expect_equal "$(cat "$MMIOD_SOCKET")" precious
}

@test "a link at the socket's path is not followed" {
	echo precious >"$T/elsewhere"
	ln -s "$T/elsewhere" "$MMIOD_SOCKET"
	run mmiod --simulate "$T/sim.conf" --socket "$MMIOD_SOCKET"
	expect_status 1
	expect_equal "$(cat "$T/elsewhere")" precious
}

@test "a socket's path that is too long, or none, is refused" {
	run mmiod --simulate "$T/sim.conf" --socket "$T/$(printf 'x%.0s' {1..120})"
	expect_status 1
	expect_match 'longer than 107 characters'
	run mmiod --simulate "$T/sim.conf" --socket ""
	expect_status 1
	expect_match "the socket's path is empty"
}

@test "a reader that goes away ends it silently, as it ends cat" {
	start_daemon
	# shellcheck disable=SC2016 # the inner shell expands it
	run bash -c 'mmioctl read shm/64K:8 | head -n 1; echo "${PIPESTATUS[0]}"'
	expect_equal "${#lines[@]}" 2
	expect_equal "${lines[1]}" $((128 + 13))
	# shellcheck disable=SC2016
	run bash -c 'trap "" PIPE; mmioctl read shm/64K:8 | head -n 1; echo "${PIPESTATUS[0]}"'
	expect_equal "${lines[1]}" 1
}

@test "bind and unbind: what is no address, and what is not there, have their status and say it" {
	run mmioctl bind 1:0
	expect_status 2
	expect_match '"1:0" is not the address of a PCI function'
	run mmioctl bind 00:03.0 ffff:ff:1f.8
	expect_status 2
	run mmioctl bind ffff:ff:1f.7
	expect_status 3
	expect_match 'there is no PCI function ffff:ff:1f.7'
	run mmioctl unbind ffff:ff:1f.7 --force
	expect_status 3
	run mmioctl --json bind ffff:ff:1f.7
	expect_equal "$(jq -r '.error.exit' <<<"$output")" 3
	run mmioctl bind
	expect_status 2
}

@test "bind needs mmiod, and says so without it" {
	rm "$T/mmiod"
	PATH=$T:/nowhere run mmioctl bind 00:03.0
	[ -e /usr/sbin/mmiod ] || expect_match 'is neither in PATH nor'
	[ "$status" -ne 0 ]
}

@test "mmiod's options of binding exclude what makes no sense" {
	run mmiod --force
	expect_status 2
	run mmiod --unbind --force 00:03.0
	expect_status 2
	run mmiod --dry-run
	expect_status 2
	run mmiod --bind
	expect_status 2
	expect_match 'takes the addresses'
}

@test "what the configuration binds must be good, and may be nothing" {
	printf '[region card]\ndevice = pci:ffff:ff:1f.7\nbar = 0\nbind = yes\n' >"$T/bind.conf"
	run mmiod --config "$T/bind.conf" --bind-configured --dry-run
	expect_status 0
	echo 'bind = sometimes' >>"$T/bind.conf"
	run mmiod --config "$T/bind.conf" --bind-configured --dry-run
	expect_status 78
}
