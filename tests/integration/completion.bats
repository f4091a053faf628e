# SPDX-License-Identifier: MIT
# shellcheck shell=bats disable=SC2030,SC2031
# Completion: what mmioctl answers, and what the shells make of it.
load helper

setup_file() {
	SCRIPTS=$(cd "$BATS_TEST_DIRNAME/../../client/mmioctl/completion" && pwd)
	MAPS=$(cd "$BATS_TEST_DIRNAME/../../client/mmioctl/maps" && pwd)
	export SCRIPTS MAPS
}

# in_bash WORD…: the words that bash would offer for the last.
in_bash() {
	# shellcheck disable=SC2016 # the inner shell expands it
	run --separate-stderr bash -c 'source "$SCRIPTS/mmioctl.bash"
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		_mmioctl
		printf "%s\n" "${COMPREPLY[@]}"' bash mmioctl "$@"
	expect_status 0
	# shellcheck disable=SC2154 # set by run
	expect_equal "$stderr" ""
}

# in_zsh WORD…: likewise. Files and commands are completed by zsh itself.
in_zsh() {
	command -v zsh >/dev/null || { echo "needs zsh: tests/vm/prereqs test"; return 1; }
	# shellcheck disable=SC2016 # the inner shell expands it
	run --separate-stderr zsh -fc '
		compadd() { local -a a; local i; for i; do [[ $i = -* || -z $i ]] || a+=("$i"); done
			if [[ $# -gt 1 && "$@[-2]" = -a ]]; then print -l -- ${(P)@[-1]}; else print -l -- $a; fi }
		_files() { print FILES }
		_normal() { print COMMANDS }
		compset() { PREFIX= }
		words=("$@") CURRENT=$#
		source "$SCRIPTS/_mmioctl"' zsh mmioctl "$@"
	expect_equal "$stderr" ""
}

offers() {
	grep -qxF -- "$1" <<<"$output" || { echo "no $1 among: $output"; return 1; }
}

offers_not() {
	! grep -qxF -- "$1" <<<"$output" || { echo "$1 is among: $output"; return 1; }
}

# Without a daemon first.

@test "verbs, options and columns need no daemon" {
	in_bash ''
	offers read
	offers watch
	offers_not complete
	in_bash re
	expect_equal "$(tr '\n' ' ' <<<"$output")" "read regs regmap revoke reset record "
	in_bash write --
	offers --mask
	offers --json
	offers_not --deadline
	in_bash list -o N
	offers NAME
	in_bash list -o NAME,S
	offers NAME,SIZE
	in_bash list --color a
	expect_equal "$(tr '\n' ' ' <<<"$output")" "auto always "
}

@test "without a daemon nothing is offered, and nothing said" {
	in_bash read ''
	expect_equal "$output" ""
	in_bash revoke ''
	expect_equal "$output" ""
	run mmioctl complete regions
	expect_equal "$output" ""
	in_zsh read ''
	expect_equal "$output" ""
}

@test "a daemon that does not answer is not waited for" {
	start_daemon
	kill -STOP "$DAEMON"
	run timeout 600 mmioctl complete regions
	kill -CONT "$DAEMON"
	expect_status $((128 + 14))
	expect_equal "$output" ""
}

@test "bash offers the names of regions, leases, registers and fields" {
	start_daemon
	hold shm
	in_bash read ''
	offers regs
	offers shm
	in_bash read re
	expect_equal "$output" regs
	in_bash --socket "$MMIOD_SOCKET" read re
	expect_equal "$output" regs
	in_bash write regs --mask 3 ''
	expect_equal "$output" ""
	in_bash revoke ''
	expect_equal "$output" "$LEASE"
	export XDG_CONFIG_HOME=$T/config
	mkdir -p "$T/config/mmiod/maps"
	cp "$MAPS/edu.ini" "$T/config/mmiod/maps/regs.ini"
	in_bash regs regs STATUS
	expect_equal "$(tr '\n' ' ' <<<"$output")" "STATUS STATUS.COMPUTING STATUS.RAISE_IRQ "
	in_bash set regs+0x20 ''
	expect_equal "$(tr '\n' ' ' <<<"$output")" "COMPUTING RAISE_IRQ "
	in_bash hold regs -- bas
	offers bash
}

@test "of leases only those are asked for whose numbers begin with what is typed" {
	start_daemon
	hold shm+0x1000/0x1000 shm+0x2000/0x1000 shm+0x3000/0x1000 regs
	mapfile -t ids < <(mmioctl leases --json | jq '.leases[].id')
	expect_equal "${#ids[@]}" 4
	last=${ids[3]}
	expect_equal "$(mmioctl complete leases | xargs)" "${ids[*]}"
	expect_equal "$(mmioctl complete leases '' | xargs)" "${ids[*]}"
	expect_equal "$(mmioctl complete leases "${last:0:1}" | xargs)" "$(printf '%s\n' "${ids[@]}" | grep "^${last:0:1}" | xargs)"
	expect_equal "$(mmioctl complete leases "$last" | xargs)" "$last"
	for none in "${last}0" 99999999999999999999 18446744073709551615 18446744073709551616 0 01 0x1 x; do
		run mmioctl complete leases "$none"
		expect_status 0
		expect_equal "$output" ""
	done
	in_bash revoke "$last"
	expect_equal "$output" "$last"
	in_bash free "${last:0:3}"
	offers "$last"
	in_bash revoke x
	expect_equal "$output" ""
}

@test "zsh offers the same" {
	start_daemon
	hold shm
	zsh -n "$SCRIPTS/_mmioctl"
	in_zsh ''
	offers read
	in_zsh read ''
	offers regs
	in_zsh write --
	offers --mask
	in_zsh list -o ''
	offers NAME
	in_zsh revoke ''
	expect_equal "$output" "$LEASE"
	in_zsh revoke "${LEASE:0:2}"
	expect_equal "$output" "$LEASE"
	in_zsh load regs ''
	expect_equal "$output" FILES
	in_zsh hold regs -- ls ''
	expect_equal "$output" COMMANDS
	export XDG_CONFIG_HOME=$T/config
	mkdir -p "$T/config/mmiod/maps"
	cp "$MAPS/edu.ini" "$T/config/mmiod/maps/regs.ini"
	in_zsh regs regs ''
	offers STATUS.RAISE_IRQ
}

@test "run completes commands where its command is to be, and leaves the rest to them" {
	in_bash run tru
	offers true
	in_bash run -- tru
	offers true
	in_bash run --re
	offers --read-only
	in_bash run true --re
	offers_not --read-only
	in_zsh run tru
	expect_equal "$output" COMMANDS
	in_zsh run --keep -- tru
	expect_equal "$output" COMMANDS
	start_daemon
	in_bash run -w ''
	offers regs
	in_zsh run -w ''
	offers regs
}

@test "devices are offered where one is wanted" {
	printf '[device card]\ninterrupts = msix\nvectors = 4\ndma-engine = no\n' >>"$T/sim.conf"
	start_daemon
	for shell in in_bash in_zsh; do
		$shell irq ''
		expect_equal "$output" card
		$shell map ''
		offers card
		offers shm
	done
}

@test "regmap is completed by what it does, and words of an option by what they may be" {
	for shell in in_bash in_zsh; do
		$shell regmap ''
		offers convert
		offers check
		offers header
		$shell regmap convert --csr-order ''
		offers big
		offers little
	done
}

@test "record completes the device of an interrupt, and with plot the registers of its target" {
	printf '[device card]\ninterrupts = msix\nvectors = 4\ndma-engine = no\n' >>"$T/sim.conf"
	mkdir -p "$T/config/mmiod/maps"
	printf '[CONTROL]\noffset = 0\nwidth = 32\nfield MODE = 7-4\n[STATUS]\noffset = 4\nwidth = 32\n' >"$T/config/mmiod/maps/regs.ini"
	export XDG_CONFIG_HOME=$T/config
	start_daemon
	for shell in in_bash in_zsh; do
		$shell record regs --irq ''
		expect_equal "$output" card
		for verb in record plot; do
			$shell $verb regs --field ''
			offers CONTROL
			offers CONTROL.MODE
			$shell $verb regs --field CONTROL.MODE,ST
			expect_match 'STATUS'
		done
	done
}

@test "record and plot complete regions, and record a file behind -o" {
	start_daemon
	for verb in record plot; do
		for shell in in_bash in_zsh; do
			$shell $verb sh
			offers shm
		done
	done
	in_zsh record shm -o ''
	offers FILES
}
