#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2030,SC2031 # each test is a process
# Registers through the command line on real devices: QEMU's edu, which answers to 32 bits only, and a card's memory.

load common.bash

setup_file()
{
	# So that somebody may write while somebody else watches.
	configure 90-common '[grant sharers]' 'region = shm' 'user = guest' 'access = rw' 'share = shared-write'
	eventually sh -c 'setpriv --reuid=guest --regid=guest --init-groups mmioctl list | grep -q shm'
}

teardown_file()
{
	unconfigure 90-common
}

teardown()
{
	let_go
}

op()
{
	run as operator mmioctl "$@"
}

said()
{
	grep -q "$1" /tmp/background.out
}

# Its exit status.
ended()
{
	status=0
	wait "$holder_pid" || status=$?
	holder_pid=
}

@test "regs finds the map of edu by its PCI ids and decodes its identification" {
	op regs edu
	[ "$status" = 0 ]
	contains "$output" 'MAJOR=1 MINOR=0 MAGIC=0xed'
	op regs edu ID.MAGIC
	[ "$output" = 0xed ]
	op regs edu ID --json
	contains "$output" '"0x010000ed"'
}

@test "regs writes a number, wait sees that edu is done, regs reads the factorial" {
	op regs edu FACTORIAL=12
	[ "$status" = 0 ]
	op wait edu+0x20 --mask 1 --equals 0 --timeout 10min
	[ "$status" = 0 ]
	op regs edu FACTORIAL STATUS.COMPUTING
	contains "$output" 'FACTORIAL rw 0x1c8cfc00'
	[ "${lines[-1]}" = 0 ]
}

@test "a register that answers with the inverse is told from memory by --verify" {
	op write edu+0x4 0x12345678 --verify
	[ "$status" = 9 ]
	contains "$output" 'wrote 0x12345678, reads 0xedcba987: bit 0 differs'
	op read edu+0x4
	[ "$output" = 0xedcba987 ]
}

@test "another width than edu's is refused, by whatever verb" {
	for verb in "read edu:16" "write edu+4:8 1" "dump edu:64 16" "set edu+0x20:64 1" "wait edu:8 --equals 1" "watch edu:16"; do
		# shellcheck disable=SC2086 # split into words
		op $verb
		[ "$status" = 1 ]
		contains "$output" 'region edu is accessed by 32 bits, not'
	done
}

@test "a target may be where the register lies" {
	op read 0000:00:04.0/bar0
	[ "$output" = 0x010000ed ]
	op regs 00:04.0/bar0 ID.MAGIC
	[ "$output" = 0xed ]
	op read 0000:00:03.0/bar0
	[ "$status" = 3 ]
	contains "$output" 'no region has byte 0x0 of 0000:00:03.0/bar0'
}

@test "test finds the card's memory good, uncached and write-combining, and restores it" {
	head -c 65536 /dev/urandom >/tmp/before
	chmod 644 /tmp/before
	op load shm/64K /tmp/before
	for cache in --uc --wc; do
		op test shm/64K --yes $cache
		[ "$status" = 0 ]
		contains "$output" 'widths         8 16 32 64'
		contains "$output" 'address lines  13'
	done
	op diff shm/64K /tmp/before
	[ "$status" = 0 ]
	op toggle shm+0x4321:8 0
	op diff shm/64K /tmp/before
	[ "$status" = 9 ]
	contains "$output" 'shm+0x4321  '
}

@test "bench measures edu's reads, and what the card's memory takes" {
	op bench edu --count 1000
	[ "$status" = 0 ]
	contains "$output" mapped
	contains "$output" mediated
	op bench shm/64K --count 1000 --yes
	[ "$status" = 0 ]
	printf '%s\n' "$output"
	contains "$output" 'write uc'
	contains "$output" 'write wc'
}

# It measures for a few seconds and is stopped as soon as it has its mapping; again if it was through before that was seen.
stop_in_the_middle()
{
	background operator mmioctl bench shm/64K --count 10000000
	while kill -0 "$holder_pid" 2>/dev/null; do
		! grep -q mmiod:shm "/proc/$holder_pid/maps" || { kill -STOP "$holder_pid"; return; }
	done
	return 1
}

@test "a mapping that is revoked in the middle of bench ends it, and kills nothing" {
	eventually stop_in_the_middle
	mmioctl revoke "$(mmioctl leases -o ID,REGION --no-headings | awk '$2 == "shm" { print $1 }')"
	kill -CONT "$holder_pid"
	ended
	[ "$status" = 7 ]
}

# Start watching as guest, to end with the test or by itself.
watching() # OPTION...
{
	as guest mmioctl write shm+0x3010:32 0
	background guest mmioctl watch shm+0x3010:32 --interval 10ms "$@"
	eventually said 'shm+0x3010  0x00000000$'
}

@test "watch goes on while the daemon restarts, and sees what changes after that" {
	watching --count 1
	systemctl restart mmiod.service
	eventually grep -q 'the daemon is back' /tmp/background.err
	as guest mmioctl write shm+0x3010:32 0xabc
	ended
	[ "$status" = 0 ]
	said '0x00000000 -> 0x00000abc'
}

@test "watch ends with 7 when its window is revoked" {
	watching
	mmioctl revoke "$(mmioctl leases -o ID,OFFSET --no-headings | awk '$2 == "0x3010" { print $1 }')"
	ended
	[ "$status" = 7 ]
}

@test "watch ends with 7 when the daemon does not come back" {
	watching
	systemctl stop mmiod.socket mmiod.service
	ended
	systemctl start mmiod.socket mmiod.service
	[ "$status" = 7 ]
	grep -q 'does not come back' /tmp/background.err
}

@test "completion is installed and offers the regions of this machine" {
	# shellcheck disable=SC2016 # the inner shell expands it
	run as operator bash -c 'source /usr/share/bash-completion/completions/mmioctl
		COMP_WORDS=(mmioctl read e) COMP_CWORD=2; _mmioctl; echo "${COMPREPLY[@]}"'
	contains "$output" edu
	[ -f /usr/share/zsh/vendor-completions/_mmioctl ]
}
