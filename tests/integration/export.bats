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
	expect_match 'no format "graphite": there are prometheus and cdi'
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

# serve [WHERE]: $URL is where it is.
serve() {
	: >"$T/err"
	background mmioctl export prometheus --listen "${1:-0}"
	eventually grep -q '^serving ' "$T/err" || { cat "$T/err"; return 1; }
	URL=$(sed -n 's/^serving //p' "$T/err")
}

# fetch URL [METHOD]: $status is that of HTTP.
fetch() {
	run python3 - "$@" <<-'END'
		import sys, urllib.request, urllib.error
		request = urllib.request.Request(sys.argv[1], method=sys.argv[2] if len(sys.argv) > 2 else "GET")
		try:
		    answer = urllib.request.urlopen(request, timeout=600)
		except urllib.error.HTTPError as error:
		    answer = error
		print(answer.status, answer.headers["Content-Type"])
		sys.stdout.write(answer.read().decode())
	END
	expect_status 0
	status=${output%% *}
}

@test "export --listen serves what export prints, to any number of readers" {
	start_daemon
	mmioctl write regs+0x0 1
	serve
	[[ $URL =~ ^http://127\.0\.0\.1:[0-9]+/metrics$ ]]
	for _ in 1 2 3; do
		fetch "$URL"
		expect_status 200
		expect_match '^200 text/plain; version=0.0.4; charset=utf-8'
	done
	sed 1d <<<"$output" >"$T/served"
	python3 "$BATS_TEST_DIRNAME/check-metrics" <"$T/served"
	diff -u <(mmioctl export prometheus | settled) <(settled "$T/served")
	fetch "$URL" HEAD
	expect_status 200
	expect_equal "$(wc -l <<<"$output")" 1
}

@test "export --listen says where the counters are, and takes nothing from anybody" {
	start_daemon
	serve localhost:0
	fetch "${URL%/metrics}/"
	expect_status 404
	expect_match 'are at /metrics'
	fetch "$URL" POST
	[ "$status" -ge 400 ]
	fetch "$URL"
	expect_status 200
}

@test "export --listen outlives the daemon, and says meanwhile that it is away" {
	serve
	fetch "$URL"
	expect_status 503
	expect_match "$MMIOD_SOCKET"
	start_daemon
	fetch "$URL"
	expect_status 200
	stop_daemon
	fetch "$URL"
	expect_status 503
	start_daemon
	fetch "$URL"
	expect_status 200
}

@test "export --listen is not kept by readers who say nothing, however many" {
	start_daemon
	(ulimit -n 24; exec "$T/mmioctl" export prometheus --listen 0 3>&- 4>&-) 2>"$T/err" &
	JOBS+=($!)
	eventually grep -q '^serving ' "$T/err"
	URL=$(sed -n 's/^serving //p' "$T/err")
	run python3 - "$URL" <<-'END'
		import socket, sys, urllib.parse, urllib.request
		at = urllib.parse.urlparse(sys.argv[1])
		silent = [socket.create_connection((at.hostname, at.port)) for _ in range(8)]
		for one in silent:
		    one.send(b"GET /metrics HTTP/1.1\r\nHost: ")
		print(urllib.request.urlopen(sys.argv[1], timeout=600).status)
		silent += [socket.create_connection((at.hostname, at.port)) for _ in range(32)]
		for one in silent:
		    one.close()
		print(urllib.request.urlopen(sys.argv[1], timeout=600).status)
	END
	expect_equal "$output" $'200\n200'
}

@test "export --listen takes a socket that listens from whoever opened it" {
	start_daemon
	background python3 - "$T/mmioctl" "$T/port" <<-'END'
		import os, socket, sys
		listener = socket.create_server(("127.0.0.1", 0))
		os.dup2(listener.fileno(), 3)
		os.set_inheritable(3, True)
		with open(sys.argv[2] + ".new", "w") as port:
		    port.write(str(listener.getsockname()[1]))
		os.rename(sys.argv[2] + ".new", sys.argv[2])
		os.execv(sys.argv[1], ["mmioctl", "export", "prometheus", "--listen", "fd:3"])
	END
	eventually test -e "$T/port"
	fetch "http://127.0.0.1:$(cat "$T/port")/metrics"
	expect_status 200
	expect_match 'mmiod_start_time_seconds'
}

@test "export --listen refuses what is no address, no socket or in use, and says why" {
	local where
	for where in '' abc 65536 -1 127.0.0.1 a:b :9 '[::1]' '1:2:3' fd: fd:x fd:-1 9753x; do
		run mmioctl export prometheus --listen "$where"
		expect_status 2
		expect_match '--listen'
	done
	run mmioctl export prometheus --listen fd:0 </dev/null
	expect_status 1
	expect_match 'descriptor 0 is no socket that listens'
	run mmioctl export prometheus --listen 0 --textfile "$T/x"
	expect_status 2
	expect_match 'only one of them'
	start_daemon
	serve
	run mmioctl export prometheus --listen "$(sed 's/.*:\([0-9]*\).*/\1/' <<<"$URL")"
	expect_match 'in use'
	[ "$status" -ne 0 ]
}

@test "the dashboard asks for counters that there are, by labels that they have" {
	local dashboard=$BATS_TEST_DIRNAME/../../systemd/grafana.json
	start_daemon
	mmioctl write regs+0x0 1
	mmioctl export prometheus >"$T/metrics"
	cat >"$T/check" <<-'END'
		import json, re, sys
		text = open(sys.argv[2]).read()
		types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M))
		labels = {name: set() for name in types}
		for name, inside in re.findall(r"^(\w+)\{(.*)\} ", text, re.M):
		    labels[name] |= set(re.findall(r'(\w+)="', inside))
		asked = set()
		for panel in json.load(open(sys.argv[1]))["panels"]:
		    assert panel["targets"], panel["title"]
		    for target in panel["targets"]:
		        expr = target["expr"]
		        name, = re.findall(r"mmiod_\w+", expr)
		        asked.add(name)
		        if name not in types:
		            sys.exit(f"{panel['title']}: nothing is called {name}")
		        if ("rate(" in expr or "increase(" in expr) != (types[name] == "counter"):
		            sys.exit(f"{panel['title']}: {name} is a {types[name]}")
		        used = set(re.findall(r"(\w+)=", expr)) | set(re.findall(r"\w+", (re.findall(r"by \((.*?)\)", expr) + [""])[0]))
		        used |= set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
		        # What has no sample yet shows no labels.
		        odd = used - labels[name] - {"instance"} if labels[name] else set()
		        if odd:
		            sys.exit(f"{panel['title']}: {name} has no label {odd}")
		print(len(asked))
	END
	run python3 "$T/check" "$dashboard" "$T/metrics"
	expect_status 0
	[ "$output" -ge 20 ]
	sed 's/mmiod_clients/mmiod_customers/' "$dashboard" >"$T/wrong"
	run python3 "$T/check" "$T/wrong" "$T/metrics"
	expect_match 'nothing is called mmiod_customers'
	sed 's/by (region) (mmiod_leases/by (user) (mmiod_leases/' "$dashboard" >"$T/wrong"
	run python3 "$T/check" "$T/wrong" "$T/metrics"
	expect_match 'mmiod_leases has no label'
}
