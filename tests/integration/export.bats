# SPDX-License-Identifier: MIT
# shellcheck shell=bats
# The daemon's counters: mmioctl export, and the limits that mmioctl status shows.
load helper

# The golden file leaves out figures that change from run to run, and with every verb that is added.
settled() {
	sed -E -e 's/^(mmiod_start_time_seconds) .*/\1 N/' -e '/^mmiod_requests_total/d' \
		-e 's/^(mmiod_(connections_accepted_total|clients)) .*/\1 N/' "$@"
}

@test "export prometheus says exactly this of a daemon that did little" {
	start_daemon
	mmioctl write regs+0x0 1
	hold shm
	run ! mmioctl read shm+0x0
	mmioctl export prometheus >"$T/metrics"
	diff -u "$BATS_TEST_DIRNAME/export.golden.txt" <(settled "$T/metrics")
}

@test "export prometheus is the text format 0.0.4" {
	start_daemon
	mmioctl read regs+0x0
	mmioctl export prometheus >"$T/metrics"
	python3 "$BATS_TEST_DIRNAME/check-metrics" <"$T/metrics"
}

@test "the check of the format finds what is wrong" {
	printf '%s\n' '# TYPE a gauge' 'a{x="1"} 1' 'a{x="1"} 2' >"$T/twice"
	run ! python3 "$BATS_TEST_DIRNAME/check-metrics" <"$T/twice"
	printf '%s\n' '# HELP a_total b' '# TYPE a_total counter' 'a_total -1' >"$T/negative"
	run ! python3 "$BATS_TEST_DIRNAME/check-metrics" <"$T/negative"
	printf '%s\n' '# HELP a b' '# TYPE a gauge' 'a{x=1} 1' >"$T/unquoted"
	run ! python3 "$BATS_TEST_DIRNAME/check-metrics" <"$T/unquoted"
}

@test "export --textfile replaces the file as a whole and leaves nothing beside it" {
	start_daemon
	mkdir "$T/textfiles"
	echo old >"$T/textfiles/mmiod.prom"
	exec {old}<"$T/textfiles/mmiod.prom"
	mmioctl export prometheus --textfile "$T/textfiles/mmiod.prom"
	expect_equal "$(cat <&"$old")" old
	python3 "$BATS_TEST_DIRNAME/check-metrics" <"$T/textfiles/mmiod.prom"
	expect_equal "$(ls "$T/textfiles")" mmiod.prom
	expect_equal "$(stat -c %a "$T/textfiles/mmiod.prom")" 644
}

@test "export --textfile to where nothing can be written fails and says so" {
	start_daemon
	run mmioctl export prometheus --textfile "$T/nowhere/mmiod.prom"
	expect_status 3
	expect_match "nowhere/mmiod.prom.*No such file"
}

@test "export knows no other format" {
	run mmioctl export graphite
	expect_status 2
	expect_match 'no format "graphite": there is prometheus'
}

@test "export shows who is no administrator only the regions that they may use" {
	need_root
	start_daemon
	run as "$COLLEAGUE" mmioctl export prometheus
	expect_status 0
	expect_match 'mmiod_leases\{region="shm",memory="region"\} 0'
	[[ $output != *secret* ]]
}

@test "status shows the limits in force, and an administrator who uses how much" {
	printf '[daemon]\nleases-per-user = 77\n' >>"$T/sim.conf"
	start_daemon
	hold shm regs
	run mmioctl status
	expect_match 'limits per user: .*77 leases'
	expect_match "user .*: 2 connections, 2 leases"
	expect_equal "$(value '.limits."leases-per-user"' status)" 77
	expect_equal "$(value ".users[] | select(.uid == $ME).leases" status)" 2
}

@test "the daemon uses none of libevent's buffers, which cannot carry descriptors" {
	run ! grep -rlE 'bufferevent|evbuffer' "$BATS_TEST_DIRNAME/../../daemon"
}

@test "export calls every kind of request by a name" {
	start_daemon
	for verb in status list leases clients pools log slabinfo; do mmioctl "$verb" >/dev/null; done
	mmioctl explain shm >/dev/null
	mmioctl export prometheus | grep '^mmiod_requests_total' >"$T/requests"
	grep -q '="log"} 1$' "$T/requests"
	! grep -q '="[0-9]' "$T/requests" || { cat "$T/requests"; return 1; }
}
