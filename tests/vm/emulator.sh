# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# What an emulator does to a machine and no kernel can help (sourced by run and check). Such a machine is switched on once
# more; what is told apart here is what neither mmiod nor a test of its can bring about.

# Does a processor stand halted with nothing to come that could wake it, by what look_at_processors() wrote into FILE? Its APIC's
# timer has run out and is not pending, or an interrupt is still in service. A kernel that halts a processor has ended its
# interrupts, and set its timer anew or switched it off.
#
# Before QEMU 8.2 one processor that changes the memory map, as by switching a BAR on or off, lets another one use, for a
# moment, the number that a region had in the old map for one of the new: what that one writes to its APIC goes elsewhere.
# A program that switched a BAR a thousand times a second, with neither mmiod nor its tests, stopped the other processor
# within a minute.
asleep_for_ever() # FILE
{
	awk '
		/^CPU#/ { cpu = substr($1, 5) }
		/^RIP=/ { halted[cpu] = /HLT=1/ }
		/^dumping/ { cpu = $NF; served = 0 }
		/^LVTT/ { armed = !/masked/ }
		/^Timer/ { over = /initial_count = [1-9]/ && /current_count = 0/ }
		/^ISR/ { served = $2 != "(none)" }
		/^IRR/ && halted[cpu] && (served || (armed && over && $2 == "(none)")) { found = 1 }
		END { exit !found }' "$1"
}

# Did the machine whose logs are in DIRECTORY die of it? Of what is above; or, before QEMU 8.1: where one processor translates
# code that the other is patching, as the kernel does whenever a static key flips, an int3 that was there for a moment stays
# for good, and the kernel dies of it. No code of the module has one. And now and then a kernel takes interrupts without an end
# before it has run a program.
is_emulators_fault() # DIRECTORY
{
	grep -qsE 'int3: 0000 \[#1\]' "$1"/console-*.log || ! grep -qs rig-begins "$1"/console-*.log ||
		asleep_for_ever <(cat "$1"/processors-*.log)
}
