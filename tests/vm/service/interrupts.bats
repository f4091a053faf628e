#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2030,SC2031,SC2034,SC2153,SC2154 # each test is a shell of its own; answer, holder_in and holder_out are set elsewhere
# Interrupts of edu for a user: leased, waited for, taken, and kept while the daemon is killed.

load common.bash

edu=/sys/bus/pci/devices/0000:00:04.0
RAISE=edu+0x60 ACKNOWLEDGE=edu+0x64
RECORD=/tmp/irq.csv

# intx needs nothing; msi is a write to memory, of which nothing keeps edu from making others.
serve_edu()
{
	configure 65-irq '[device edu]' 'device = pci:0000:00:04.0' "interrupts = ${KIND:-intx}" ${DMA:+"$DMA"} \
		${STORM:+"storm = $STORM"} \
		'[grant irq]' 'device = edu' 'interrupts = yes' 'user = operator'
}

setup_file()
{
	serve_edu
}

teardown_file()
{
	unconfigure 65-irq
}

teardown()
{
	let_go
	as operator mmioctl write $ACKNOWLEDGE 0xffffffff || true
	rm -f $RECORD
	[ -z "${messages:-}" ] || serve_edu
}

irq_column() # COLUMN
{
	mmioctl irq --no-headings -o "$1" | sed "s/^ *//"
}

leased()
{
	[ "$(irq_column DEVICE,VECTOR | wc -l)" -eq 1 ]
}

counted() # N
{
	[ "$(irq_column COUNT)" -ge "$1" ]
}

told() # WORDS
{
	grep -q "$1" /tmp/background.out
}

@test "a user waits for the line of a card, and one that nobody acknowledges counts once for each unmask" {
	background operator mmioctl irq edu --count 2
	eventually leased
	contains "$(irq_column DEVICE,VECTOR,KIND,STATE,USER | tr -s ' ')" "edu 0 intx ok operator"
	as operator mmioctl write $RAISE 1
	code=0
	wait "$holder_pid" || code=$?
	holder_pid=
	[ "$code" = 0 ]
	[ "$(wc -l </tmp/background.out)" = 2 ]
	told 'edu:0  2  +1'
}

@test "who is not granted interrupts gets none" {
	run as guest mmioctl irq edu
	[ "$status" = 4 ]
	contains "$output" "no grant gives user guest"
	run as operator mmioctl irq edu:1
	[ "$status" = 1 ]
	contains "$output" "vector 0 only"
	run as operator mmioctl explain edu interrupts
	[ "$status" = 0 ]
	contains "$output" "interrupts, intx"
}

@test "an interrupt can be made without the card" {
	run as operator mmioctl irq edu --trigger --count 1
	[ "$status" = 0 ]
	contains "$output" "edu:0  1  +1"
}

@test "a lease of a vector goes on while the daemon is killed, and nothing of it is lost" {
	background operator mmioctl irq edu
	eventually leased
	lease=$(irq_column LEASE)
	systemctl kill --signal=KILL mmiod.service
	eventually mmioctl status
	eventually leased
	[ "$(irq_column LEASE)" = "$lease" ]
	run as operator mmioctl irq edu --count 1
	[ "$status" = 5 ]
	as operator mmioctl write $RAISE 1
	as operator mmioctl write $ACKNOWLEDGE 1
	eventually told 'edu:0  1  +1'
	eventually counted 1
}

@test "a record reads a card at its interrupt" {
	background operator mmioctl record edu+0x24:32 --irq edu --count 1 -o $RECORD
	eventually leased
	as operator mmioctl write $RAISE 0x10
	code=0
	wait "$holder_pid" || code=$?
	holder_pid=
	[ "$code" = 0 ]
	[ "$(awk -F, '/^[0-9]/ { print $2, $4 }' $RECORD)" = "0 16" ]
}

@test "an administrator takes a vector, and the next has it" {
	background operator mmioctl irq edu
	eventually leased
	mmioctl revoke "$(irq_column LEASE)"
	code=0
	wait "$holder_pid" || code=$?
	holder_pid=
	[ "$code" = 7 ]
	run as operator mmioctl irq edu --trigger --count 1
	[ "$status" = 0 ]
}

@test "a card that is unbound takes its vectors along, and gives them again when it is back" {
	background operator mmioctl irq edu
	eventually leased
	echo 0000:00:04.0 >$edu/driver/unbind
	code=0
	wait "$holder_pid" || code=$?
	holder_pid=
	[ "$code" = 7 ]
	run as operator mmioctl irq edu
	[ "$status" = 7 ]
	echo 0000:00:04.0 >/sys/bus/pci/drivers/mmiod/bind
	eventually as operator mmioctl irq edu --trigger --count 1
}

@test "messages need the administrator's word that the card writes nothing else" {
	messages=tried
	KIND=msi run serve_edu
	[ "$status" != 0 ]
	KIND=msi DMA='dma-engine = no' serve_edu
	run as operator mmioctl irq edu --trigger --count 1
	[ "$status" = 0 ]
	background operator mmioctl irq edu --oneshot --count 1
	eventually leased
	as operator mmioctl write $RAISE 1
	code=0
	wait "$holder_pid" || code=$?
	holder_pid=
	[ "$code" = 0 ]
}

# Two within a tenth of a second are one.
raise_a_storm()
{
	local before
	before=$(irq_column STORMS)
	until [ "$(irq_column STORMS)" -gt "$before" ]; do
		as operator ./waiter --raise "${RAISE%+*}" "${RAISE#*+}"
	done
}

in_poll()
{
	grep -q poll "/proc/$holder_pid/wchan"
}

unmasked()
{
	tell unmask
	[ "$answer" = unmasked ]
}

SILENCED="failed 75 vector 0 was silenced by a storm: mmiod_interrupt_unmask() lets it come again"

@test "who waits for a vector is told when a storm silences it, and how to go on" {
	messages=tried
	KIND=msi DMA='dma-engine = no' STORM=10/s serve_edu
	start_holder operator ./waiter edu masked
	echo wait -1 >&"$holder_in"
	eventually in_poll
	raise_a_storm
	read -r -t 600 answer <&"$holder_out"
	[ "$answer" = "$SILENCED" ]
	tell wait 600000
	[ "$answer" = "$SILENCED" ]
	contains "$(irq_column VECTOR,STATE | tr -s ' ')" "0 storm"
	eventually unmasked
	tell wait 600000
	[ "$answer" = "came 1" ]
	raise_a_storm
	tell wait -1
	[[ $answer = "came "* ]]
	while [[ $answer = "came "* ]]; do
		tell wait -1
	done
	[ "$answer" = "$SILENCED" ]
}

is_back()
{
	[ "$(irq_column STATE)" = ok ]
}

more_lines_than() # N
{
	[ "$(wc -l </tmp/background.out)" -gt "$1" ]
}

@test "irq goes on after a storm" {
	messages=tried
	KIND=msi DMA='dma-engine = no' STORM=10/s serve_edu
	background operator mmioctl irq edu
	eventually leased
	raise_a_storm
	eventually is_back
	before=$(wc -l </tmp/background.out)
	as operator mmioctl write $RAISE 1
	eventually more_lines_than "$before"
}

@test "tree, devices and metrics show the vectors" {
	background operator mmioctl irq edu
	eventually leased
	as operator mmioctl write $RAISE 1
	as operator mmioctl write $ACKNOWLEDGE 1
	eventually counted 1
	contains "$(mmioctl devices --no-headings -o address,irq | tr -s ' ')" "0000:00:04.0 intx:1"
	contains "$(mmioctl tree)" "vector 0"
	contains "$(mmioctl export prometheus)" 'mmiod_interrupts_total{device="edu",vector="0"}'
}

unbound() # LINE...
{
	configure 66-unbound '[device test]' 'device = pci:0000:00:06.0' 'interrupts = intx' "$@" \
		'[grant test]' 'device = test' 'interrupts = yes' 'user = operator'
	mmioctl unbind 00:06.0
	eventually says_unbound
}

says_unbound()
{
	run as operator mmioctl irq test
	[ "$status" != 0 ] && [[ $output == *"0000:00:06.0 is bound to no driver"* ]]
}

@test "a device that is not bound says how to bind it, or that it should have been" {
	unbound
	contains "$output" '"mmioctl bind 0000:00:06.0" hands it to mmiod'
	unconfigure 66-unbound
	unbound 'bind = yes'
	contains "$output" "that it was not bound as configured has its reason in the journal"
	unconfigure 66-unbound
	mmioctl bind 00:06.0
}
