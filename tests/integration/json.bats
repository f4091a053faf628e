# SPDX-License-Identifier: MIT
# shellcheck shell=bats
# --json: valid, versioned, with real numbers and the same content as the tables.
load helper

# holds FILTER VERB…: the filter is true of the verb's JSON.
holds() {
	run mmioctl --json "${@:2}"
	expect_status 0
	jq -e "$1" <<<"$output" >/dev/null || { echo "not so: $1"; echo "$output"; return 1; }
}

@test "every verb's output is one valid object with the schema's version" {
	start_daemon
	hold shm/0x1000
	for verb in status list leases "list -O" "leases -O" "read regs" "read regs/16" "dump regs 64" \
		"read shm+0x2000:64"; do
		# shellcheck disable=SC2086 # split into words
		holds 'type == "object" and .schema == 1' $verb
		python3 -m json.tool <<<"$output" >/dev/null
		expect_equal "$(jq -s length <<<"$output")" 1
	done
}

@test "status has the same content as the text" {
	start_daemon
	holds ".daemon.pid == $DAEMON and .daemon.backend == \"simulation\" and .daemon.protocol == 1" status
	holds ".daemon.version == \"0.1.0\" and .daemon.socket == \"$MMIOD_SOCKET\"" status
	holds '.regions == 4 and .regions_missing == 0 and .clients == 1 and .leases == 0' status
	holds "(.daemon.started | type) == \"number\" and .daemon.page_size == $(getconf PAGESIZE)" status
	holds "(.warning | startswith(\"simulation: \")) and .you.uid == $ME and .you.admin == true" status
}

@test "list has numbers as numbers, lists as lists and nothing as null" {
	start_daemon
	holds '.regions[0] == { name: "regs", device: "simulation", bar: null, offset: 0, size: 4096, width: 32,
		cache: "uc", caches: ["uc"], rights: "rw", state: "ok", mappable: "yes", leases: 0, phys: null, vendor: null,
		product: null, model: null, generation: 1 }' list -O
	holds '.regions[1].caches | sort == ["uc", "wc"]' list -O
	holds '[.regions[].name] == ["regs", "shm", "rom", "secret"]' list
}

@test "an empty list is an empty list" {
	start_daemon
	holds '.leases == []' leases
}

@test "leases has the holder" {
	start_daemon
	hold shm+0x1000/0x2000 --shared-write
	holds ".leases == [{ id: $LEASE, region: \"shm\", offset: 4096, length: 8192, rights: \"rw\", cache: \"wc\",
		share: \"shared-write\", state: \"ok\", uid: $ME, pid: $JOB, command: \"mmioctl\" }]" \
		leases -o id,region,offset,length,rights,cache,share,state,uid,pid,command
}

@test "columns are picked for JSON as for tables" {
	start_daemon
	holds '.regions[0] == { size: 4096, name: "regs" } and (.regions[0] | keys_unsorted == ["size", "name"])' \
		list -o size,name
}

@test "register values are exact in all 64 bits" {
	start_daemon
	mmioctl write shm:64 0xfedcba9876543210
	mmioctl write shm+8:64 0xff
	holds '.values == [{ hex: "0xfedcba9876543210" }, { hex: "0x00000000000000ff", value: 255 }]' read shm/16:64
	holds '.region == "shm" and .offset == 8 and .width == 64' read shm+8:64
}

@test "dump has every value and where it starts" {
	start_daemon
	mmioctl write regs+0x44 7
	holds '.offset == 64 and .length == 8 and .width == 32 and [.values[].value] == [0, 7]' dump regs+0x40 8
}

@test "what changes bits tells the old and the new value" {
	start_daemon
	holds '.region == "regs" and .offset == 16 and .width == 32 and .old.value == 0 and .new.hex == "0x00000008"' \
		set regs+0x10 3 -v
	holds '.old.value == 8 and .new.value == 0' clear regs+0x10 3 -v
	holds '.new.value == 255' toggle regs+0x10 7-0 -v
}

@test "diff lists the differences, with both values" {
	start_daemon
	mmioctl write shm+0x104:32 0x01000000
	run mmioctl --json diff shm/16:32 shm+0x100/16:32
	expect_status 9
	jq -e '.equal == false and .count == 1 and (.differences | length) == 1 and .differences[0].offset == 4' <<<"$output"
	holds '.equal and .count == 0 and .differences == []' diff shm+0x200/16 shm+0x300
}

@test "bench has nanoseconds and bytes a second as numbers" {
	start_daemon
	holds '[.results[] | select(.what == "read") | .p50, .p99, .samples | type] | unique == ["number"]' \
		bench shm/4K --count 20
	holds '[.results[] | select(.what == "write") | .rate > 0] | all' bench shm/4K --count 20 --yes
}

@test "what says nothing as text says nothing as JSON" {
	start_daemon
	for verb in "fill shm/4K 1" "copy shm/16 shm+0x100" "save shm/16 $T/bytes" "load shm/16 $T/bytes" \
		"write regs+0x10 1" "set regs+0x10 3" "toggle regs+0x10 3"; do
		# shellcheck disable=SC2086 # split into words
		run mmioctl --json $verb
		expect_status 0
		expect_equal "$output" ""
	done
}

@test "hold announces one object a line" {
	start_daemon
	background mmioctl --json hold shm+0x1000/0x1000 regs
	# shellcheck disable=SC2016 # eval expands it, each time
	eventually eval '[ "$(wc -l <"$T/out")" -eq 2 ]'
	expect_equal "$(jq -sc 'map([.schema, .region, .offset, .length, .rights, .cache])' "$T/out")" \
		'[[1,"shm",4096,4096,"rw","wc"],[1,"regs",0,4096,"rw","uc"]]'
	expect_equal "$(jq -s '.[0].lease' "$T/out")" "$(value '.leases[0].id' leases)"
}

@test "errors are objects on stderr with message, errno and exit status" {
	start_daemon
	hold shm
	while read -r status_expected errno verb; do
		# shellcheck disable=SC2086 # split into words
		run --separate-stderr mmioctl --json $verb
		expect_status "$status_expected"
		expect_equal "$output" ""
		# shellcheck disable=SC2154 # set by run
		jq -e ".schema == 1 and .error.errno == $errno and .error.exit == $status_expected and
			(.error.message | length > 10)" <<<"$stderr" >/dev/null || { echo "$stderr"; return 1; }
	done <<-END
		1 "EINVAL" read regs+0x1000
		2 null frobnicate
		3 "ENOENT" read nowhere
		4 "EACCES" read secret
		5 "EBUSY" read shm
	END
	run --separate-stderr mmioctl --json --socket "$T/nowhere" list
	expect_status 6
	expect_equal "$(jq -r '.error.errno' <<<"$stderr")" ENOENT
}

@test "a name with quotes and control characters does not break the output" {
	start_daemon
	# The command's name is what a process calls itself.
	cp "$T/mmioctl" "$T/"$'a"b\\\t\e'
	background "$T/"$'a"b\\\t\e' hold shm
	eventually grep -q ^lease "$T/out"
	holds '.leases[0].command | test("[\u0000-\u001f]") | not' leases
	run mmioctl leases
	[[ $output != *$'\e'* ]]
	run --separate-stderr mmioctl --json read shm
	jq -e . <<<"$stderr" >/dev/null
	[[ $(cat "$T/log") != *$'\e'* ]]
}

@test "bytes that are no UTF-8 make no object disappear" {
	local name=$'b\xff\xc2\x9b\u00e9\xed\xa0\x80'

	start_daemon
	cp "$T/mmioctl" "$T/$name"
	background "$T/$name" hold shm
	eventually grep -q ^lease "$T/out"
	# The one character stays, each other byte becomes a question mark.
	expect_equal "$(value '.leases[0].command' leases)" 'b???é???'
	holds '.. | select(.command? == "b???é???")' tree
	holds ".segments | all(has(\"mapping\")) and any(.mapping | test(\"/b[?].*é[?]{3}$\"))" pmap "$JOB"
	run --separate-stderr mmioctl --json read shm
	expect_status 5
	jq -e '.error.message | contains("(b\\xff")' <<<"$stderr" # the daemon shows which bytes they were
	run --separate-stderr mmioctl --json read "$name"
	expect_status 2
	jq -e '.error.message | length > 10' <<<"$stderr"
	# Nor does a comment in a register map.
	printf '[map]\nregions = regs\n[R]\noffset = 0\nwidth = 32\ndescription = Gr\xf6\xdfe\n' >"$T/latin1.ini"
	holds '.description == "Gr??e"' regs regs R --map "$T/latin1.ini"
}

@test "output that cannot be written is told as JSON too" {
	start_daemon
	run --separate-stderr bash -c 'mmioctl --json list >/dev/full'
	expect_status 1
	expect_equal "$(jq -c '[.error.errno, .error.exit]' <<<"$stderr")" '["ENOSPC",1]'
}
