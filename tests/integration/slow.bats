# SPDX-License-Identifier: MIT
# shellcheck shell=bats
# Tests that have to wait. They run beside the other suites.
load helper

@test "status 8: a daemon that does not answer" {
	start_daemon
	kill -STOP "$DAEMON"
	run timeout 600 mmioctl list
	kill -CONT "$DAEMON"
	expect_status 8
	expect_match 'the daemon did not answer within its time'
}
