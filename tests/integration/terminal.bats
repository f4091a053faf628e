# SPDX-License-Identifier: MIT
# shellcheck shell=bats
# Output that depends on where it goes: narrow terminals, colour, progress, pipes.
load helper

# on_terminal COLUMNS COMMAND…: as a user at a terminal sees it; its exit status too.
on_terminal() {
	local columns=$1
	shift
	run script -qec "stty cols $columns rows 24; eval $*" /dev/null </dev/null
	output=${output//$'\r'$'\n'/$'\n'}
}

@test "a dump fits a terminal of 40 columns" {
	start_daemon
	mmioctl write shm:64 0x6867666564636261
	on_terminal 40 mmioctl dump shm:32 32
	expect_status 0
	expect_match '00000000  64636261 68676665  \|abcdefgh\|'
	run grep -E '.{41}' <<<"$output"
	expect_status 1
	on_terminal 40 mmioctl dump shm:8 16
	expect_match '00000000  61 62 63 64  \|abcd\|'
}

@test "a pipe gets sixteen bytes a line whatever the terminal is" {
	start_daemon
	run mmioctl dump shm:32 16
	expect_equal "${lines[0]}" "00000000  00000000 00000000 00000000 00000000  |................|"
}

@test "regs folds its fields in 40 columns and loses none" {
	start_daemon
	on_terminal 60 mmioctl regs regs --map "$BATS_TEST_DIRNAME/../../client/mmioctl/maps/nvme.ini"
	expect_status 0
	expect_match 'MQES=0'
	[[ ${output//[$' \n\r']/} == *CMBS=0* ]]
	run grep -E '.{61}' <<<"$output"
	expect_status 1
}

@test "help is plain text at a terminal of 40 columns" {
	on_terminal 40 mmioctl --help
	expect_status 0
	[[ $output != *$'\e'* ]]
}

@test "what takes longer than a second shows how far it is, and wipes that off" {
	printf '[region big]\nsize = 256K\n[grant big]\nregion = big\nuser = %s\naccess = rw\n' "$ME" >>"$T/sim.conf"
	start_daemon
	# The first half is more than a pipe holds: when it is through, mmioctl has begun.
	head -c 128K /dev/zero >"$T/half"
	on_terminal 40 "'(cat $T/half; sleep 1.2; cat $T/half) | mmioctl load big -'"
	expect_status 0
	expect_match $'\r''load \[###+ +\] +[5-9][0-9]% [0-9]+K, [0-9.]+K/s'
	[[ $output == *$'\r\e[K' ]]
	run grep -E '.{41}' <<<"$(tr '\r' '\n' <<<"${output//$'\e[K'/}")"
	expect_status 1
}

@test "no progress where nobody sees it" {
	start_daemon
	run bash -c '(head -c 4096 /dev/zero; sleep 1.2; head -c 61440 /dev/zero) | mmioctl load shm/64K -'
	expect_status 0
	expect_equal "$output" ""
}

@test "colour is for terminals, unless NO_COLOR is set or --color says otherwise" {
	start_daemon
	on_terminal 80 TERM=xterm mmioctl test shm/4K --yes
	[[ $output == *$'\e[32mok'* ]]
	on_terminal 80 TERM=xterm NO_COLOR=1 mmioctl test shm/4K --yes
	[[ $output != *$'\e'* ]]
	on_terminal 80 TERM=dumb mmioctl test shm/4K --yes
	[[ $output != *$'\e'* ]]
	on_terminal 80 TERM=xterm mmioctl test shm/4K --yes --color=never
	[[ $output != *$'\e'* ]]
	run mmioctl test shm/4K --yes
	[[ $output != *$'\e'* ]]
	run mmioctl test shm/4K --yes --color=always
	[[ $output == *$'\e[32mok'* ]]
	run mmioctl test shm/4K --yes --color=always --json
	[[ $output != *$'\e'* ]]
}

@test "at a terminal test asks, and no is an answer" {
	start_daemon
	TERM=dumb run script -qec "mmioctl test shm/4K" /dev/null <<<n
	expect_status 2
	expect_match 'Go on\? \[y/N\]'
	expect_match 'nothing was done'
	TERM=dumb run script -qec "mmioctl test shm/4K" /dev/null <<<y
	expect_status 0
	expect_match 'ok +every element'
}
