#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# The rig itself: what tests/vm/run promises to those who build tests on it. Boots some ten machines.

bats_require_minimum_version 1.5.0

setup()
{
	cd "$BATS_TEST_DIRNAME/../.." || return
	export MMIOD_VM_DIR=$BATS_TEST_TMPDIR/vm
	kernel=${RIG_KERNEL:-6.1}
}

rig()
{
	tests/vm/run --kernel "$kernel" --bare "$@"
}

# Until COMMAND succeeds; the tries end only what hangs.
await()
{
	local i
	for ((i = 0; i < 1000; i++)); do
		! "$@" || return 0
		sleep 1
	done
	return 1
}

teardown()
{
	# Nothing of a run is left: no machine, no directory of work.
	! pgrep -af "qemu.*$BATS_TEST_TMPDIR" >&2
}

@test "the command's exit status is the rig's" {
	run -7 rig -- sh -c 'exit 7'
}

@test "a command that a signal ended, and one that is not there, give the shell's status" {
	run -137 rig -- sh -c 'kill -KILL $$'
	run -127 rig -- no-such-command
}

@test "output and error output stay apart, and arguments stay as they were" {
	run --separate-stderr -0 rig -- sh -c 'printf "<%s>\n" "$@"; echo to stderr >&2' name 'a  b' '$c' '' "d'e" 'f*'
	[ "$output" = "$(printf '<%s>\n' 'a  b' '$c' '' "d'e" 'f*')" ]
	# The rig's own lines, if it has to say something of the archive, come first.
	[ "${stderr_lines[-1]}" = "to stderr" ]
}

@test "binary output arrives whole and unchanged" {
	rig -- sh -c 'head -c 1M /dev/urandom >/tmp/data; sha256sum </tmp/data >&2; cat /tmp/data' \
		>"$BATS_TEST_TMPDIR/data" 2>"$BATS_TEST_TMPDIR/sum"
	[ "$(sha256sum <"$BATS_TEST_TMPDIR/data")" = "$(cat "$BATS_TEST_TMPDIR/sum")" ]
}

@test "output comes out as it is written, not at the end" {
	tests/vm/run --kernel "$kernel" --bare -- sh -c 'echo now; sleep 300' >"$BATS_TEST_TMPDIR/out" &
	rig=$!
	await test -s "$BATS_TEST_TMPDIR/out"
	kill -0 $rig
	[ "$(cat "$BATS_TEST_TMPDIR/out")" = now ]
	kill $rig
	wait $rig || true
}

@test "a run that is killed without warning takes its machine along" {
	tests/vm/run --kernel "$kernel" --bare -- sh -c 'echo now; sleep 300' >"$BATS_TEST_TMPDIR/out" &
	rig=$!
	await test -s "$BATS_TEST_TMPDIR/out"
	[ -s "$BATS_TEST_TMPDIR/out" ]
	pgrep -f "mem-path=$MMIOD_VM_DIR/shm"
	kill -KILL $rig
	# shellcheck disable=SC2016 # eval expands it, each time
	await eval '! pgrep -f "mem-path=$MMIOD_VM_DIR/shm"'
}

@test "copied files keep their mode and can be read by everybody" {
	echo '#!/bin/sh' >"$BATS_TEST_TMPDIR/script"
	echo text >"$BATS_TEST_TMPDIR/text"
	chmod 700 "$BATS_TEST_TMPDIR/script"
	chmod 600 "$BATS_TEST_TMPDIR/text"
	run -0 rig --copy "$BATS_TEST_TMPDIR/script" --copy "$BATS_TEST_TMPDIR/text" -- \
		sh -c './script && runuser -u operator -- ./script && runuser -u guest -- cat text && ! test -x text'
	[ "$output" = text ]
}

@test "the devices are where the configuration says, and belong to mmiod" {
	run -0 rig -- sh -c 'modprobe mmiod; cd /sys/bus/pci/drivers/mmiod; ls -d 0*; grep 30000000-30ffffff /proc/iomem'
	[ "$output" = "$(printf '%s\n' 0000:00:04.0 0000:00:06.0 0000:01:00.0 '30000000-30ffffff : Reserved')" ]
}

@test "the monitor pulls a device out and puts it back" {
	run -0 rig -- sh -c 'set -e; monitor=/dev/rig-monitor; shm=/sys/bus/pci/devices/0000:01:00.0
		await() { for i in $(seq 6000); do ! eval "$1" || return 0; sleep 0.1; done; return 1; }
		echo "device_del shm" >$monitor; await "[ ! -e $shm ]"
		echo "device_add ivshmem-plain,id=shm,memdev=shm-again,bus=slot0" >$monitor; await "[ -e $shm ]"'
}

@test "further arguments reach QEMU and the kernel" {
	run -0 rig --append 'one=1 two=2' --append three=3 --qemu '-device edu,addr=0x10' -- \
		sh -c 'lspci -n -s 00:10.0; cat /proc/cmdline'
	[[ ${lines[0]} = *1234:11e8* ]]
	[[ ${lines[1]} = *' one=1 two=2 three=3' ]]
}

@test "silence gives 124, the end of the console, and what the processors are at" {
	run --separate-stderr -124 rig --timeout 5 -- sleep 3600
	[[ $stderr = *"nothing was heard for 5 seconds"*CPU#1*HLT=*IRR* ]]
	[[ $stderr != *"the emulator lost"* ]]
}

@test "of a kernel that does not come up it is said" {
	run --separate-stderr -124 rig --timeout 5 --qemu -S -- true
	[[ $stderr = *"did not come as far as its first program"*"nothing was heard for 5 seconds"* ]]
}

@test "who says something now and then is heard to the end" {
	run -0 rig --timeout 60 -- sh -c 'for i in 1 2 3 4; do sleep 20; echo $i; done'
	[ "$output" = "$(printf '%s\n' 1 2 3 4)" ]
}

@test "what the command leaves running holds nobody up" {
	run -0 rig -- sh -c 'sleep 3600 & echo over'
	[ "$output" = over ]
}

@test "a panic gives 125 soon, with the console" {
	run --separate-stderr -125 rig -- sh -c 'echo before; echo c >/proc/sysrq-trigger; sleep 300'
	[[ $stderr = *"kernel panicked"*sysrq* ]]
	[ "$output" = before ]
}

@test "a guest that switches itself off gives 125" {
	run --separate-stderr -125 rig -- poweroff -f -f
	[[ $stderr = *"ended without a status"* ]]
}

@test "two runs with directories of their own run at the same time" {
	MMIOD_VM_DIR=$BATS_TEST_TMPDIR/other rig -- sh -c 'echo other; sleep 20' >"$BATS_TEST_TMPDIR/out" &
	other=$!
	run -0 rig -- echo this
	[ "$output" = this ]
	wait $other
	[ "$(cat "$BATS_TEST_TMPDIR/out")" = other ]
}

@test "what firmware says on its terminal is no output of the command, and it keeps its variables" {
	run --separate-stderr -3 rig --secure-boot "$BATS_TEST_TMPDIR/variables" -- sh -c 'echo this; exit 3'
	[ "$output" = this ]
	(! cmp "$BATS_TEST_TMPDIR/variables" /usr/share/OVMF/OVMF_VARS_4M.snakeoil.fd)
}

@test "misuse is explained, with a status that no command gives by chance" {
	run -126 rig --sign key -- true
	[[ $output = *--secure-boot* ]]
	run -126 rig --secure-boot "$BATS_TEST_TMPDIR/variables" --sign "$BATS_TEST_TMPDIR/none" -- true
	[[ $output = *none.key* ]]
	run -126 rig
	run -126 rig --kernel
	run -126 rig --kernel no-such-kernel -- true
	[[ $output = *"no such kernel: no-such-kernel"* ]]
	run -126 rig --kernel tests/vm/run -- true
	[[ $output = *"is not a bzImage"* ]]
	run -126 rig --copy no-such-file -- true
	[[ $output = *"no-such-file: no such file"* ]]
	run -126 rig --timeout soon -- true
	[[ $output = *"not 'soon'"* ]]
}

@test "what is missing is named in one line" {
	run -1 env DPKG_ADMINDIR="$BATS_TEST_TMPDIR" tests/vm/prereqs --check rig
	[ ${#lines[@]} = 1 ]
	[[ $output = *"install with: apt-get install"*" qemu-system-x86 "* ]]
}
