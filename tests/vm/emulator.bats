#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What counts as the emulator's fault, by what QEMU says of the processors and by the console. A hang of the kernel's or of
# mmiod's must not.

bats_require_minimum_version 1.5.0

setup()
{
	# shellcheck source=tests/vm/emulator.sh
	. "$BATS_TEST_DIRNAME/emulator.sh"
	cd "$BATS_TEST_TMPDIR" || return
	echo rig-begins >console-6.1.log
}

# A machine of two processors, the first of which sleeps until its timer comes; of the second HALTED, TIMER, ISR and IRR.
machine() # HLT=N LVTT INITIAL CURRENT ISR IRR
{
	cat >processors-6.1.log <<-END
		CPU#0
		RIP=ffffffff81a592eb RFL=00000246 [---Z-P-] CPL=0 II=0 A20=1 SMM=0 HLT=1
		CPU#1
		RIP=ffffffff81a592eb RFL=00000246 [---Z-P-] CPL=0 II=0 A20=1 SMM=0 $1
		dumping local APIC state for CPU 0 
		LVTT	 0x000000ec active-hi edge                 one-shot     Fixed  (vec 236)
		Timer	 DCR=0x3 (divide by 16) initial_count = 99726989 current_count = 12714150
		ISR	 (none)
		IRR	 (none)
		dumping local APIC state for CPU 1 
		LVTT	 $2   Fixed  (vec 236)
		Timer	 DCR=0x3 (divide by 16) initial_count = $3 current_count = $4
		ISR	 $5
		IRR	 $6
	END
}
ARMED='0x000000ec active-hi edge                 one-shot  '
MASKED='0x000100ec active-hi edge  masked         one-shot  '

@test "a processor whose timer ran out and is not pending sleeps for ever" {
	machine HLT=1 "$ARMED" 4289 0 '(none)' '(none)'
	is_emulators_fault .
}

@test "a processor that is halted with an interrupt in service sleeps for ever" {
	machine HLT=1 "$ARMED" 4289 17 '236 ' '(none)'
	is_emulators_fault .
}

@test "processors that wait for their timers are healthy" {
	machine HLT=1 "$ARMED" 4289 17 '(none)' '(none)'
	run ! is_emulators_fault .
}

@test "a processor that has no timer to wait for is healthy" {
	machine HLT=1 "$MASKED" 0 0 '(none)' '(none)'
	run ! is_emulators_fault .
}

@test "a processor whose timer is pending will wake" {
	machine HLT=1 "$ARMED" 4289 0 '(none)' '236 '
	run ! is_emulators_fault .
}

@test "a processor that runs is not asleep, whatever it is in" {
	machine HLT=0 "$ARMED" 4289 0 '236 ' '236 '
	run ! is_emulators_fault .
}

@test "a machine of which nothing is known died of nothing that is known" {
	: >processors-6.1.log
	run ! is_emulators_fault .
}

@test "an int3 that stays is the emulator's, and so is a kernel that runs no program" {
	: >processors-6.1.log
	echo '[   12.345678] int3: 0000 [#1] PREEMPT SMP NOPTI' >>console-6.1.log
	is_emulators_fault .
	echo '[    0.345678] APIC: switched' >console-6.1.log
	is_emulators_fault .
}

@test "another panic is nobody's but the kernel's" {
	machine HLT=0 "$ARMED" 4289 17 '(none)' '(none)'
	echo '[   12.345678] general protection fault: 0000 [#1] PREEMPT SMP NOPTI' >>console-6.1.log
	run ! is_emulators_fault .
}
