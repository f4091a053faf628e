# SPDX-License-Identifier: MIT
# shellcheck shell=bats
# Looking into things: tree, devices, clients, mappings, map, translate, page, pmap, iomem, top, monitor, log, doctor.
load helper

# A machine of our own making, below $T/proc and $T/sys.
fake_machine() {
	local function=$T/sys/bus/pci/devices/0000:01:00.0

	mkdir -p "$T/proc" "$function" "$T/sys/bus/pci/drivers/mmiod" "$T/sys/class/iommu"
	echo 0x1af4 >"$function/vendor"
	echo 0x1110 >"$function/device"
	echo 0x050000 >"$function/class"
	echo -1 >"$function/numa_node"
	echo mmiod >"$function/driver_override"
	echo "8.0 GT/s PCIe" >"$function/current_link_speed"
	echo 4 >"$function/current_link_width"
	ln -s ../../drivers/mmiod "$function/driver"
	printf '\364\032\020\021\002\000' >"$function/config"
	cat >"$function/resource" <<-'END'
		0x00000000fe800000 0x00000000fe8000ff 0x0000000000040200
		0x0000000000000000 0x0000000000000000 0x0000000000000000
		0x0000000200000000 0x0000000203ffffff 0x000000000014220c
	END
	cat >"$T/proc/iomem" <<-'END'
		00001000-0009ffff : System RAM
		200000000-203ffffff : 0000:01:00.0
		  200000000-203ffffff : mmiod
		    200000000-203ffffff : mmiod:shm
	END
	export MMIOCTL_PROC=$T/proc MMIOCTL_SYS=$T/sys
}

# A process with number 4711 that maps a window.
fake_process() {
	mkdir -p "$T/proc/4711"
	echo acqd >"$T/proc/4711/comm"
	cat >"$T/proc/4711/smaps" <<-'END'
		00400000-00402000 r-xp 00000000 08:01 17 /usr/bin/acqd
		Rss:                   8 kB
		Private_Dirty:         0 kB
		7f0000000000-7f0000004000 rw-s 00001000 00:0e 18 /mmiod:shm+0x2000-0x6fff
		Rss:                   0 kB
		VmFlags: rd wr sh mr mw me io pf dd
	END
	grep -E '^[0-9a-f]+-' "$T/proc/4711/smaps" >"$T/proc/4711/maps"
}

@test "tree shows the regions below their device, and the leases below these" {
	start_daemon
	hold shm+0x1000/0x2000
	LC_ALL=C.UTF-8 run mmioctl tree
	expect_match "└─lease $LEASE +8K rw +wc +ok +at 0x1000, .* $JOB mmioctl"
	LC_ALL=C run mmioctl tree
	expect_status 0
	[ "${lines[1]%% *}" = simulation ]
	expect_match '[|]-regs +4K'
	expect_match "-lease $LEASE +8K rw +wc +ok +at 0x1000, .* $JOB mmioctl"
	expect_equal "$(value '.devices[0].children[] | select(.name == "shm").children[0].lease' tree)" "$LEASE"
	run mmioctl tree -o name
	expect_status 2
}

# Two regions whose 4,200 leases stand mixed in the daemon's list, and between them one that nobody holds.
with_many_leases() {
	local wanted=()

	cat >"$T/sim.conf" <<-END
		[daemon]
		leases-per-user = 10000
		[region first]
		size = 64K
		[region free]
		size = 64K
		[region last]
		size = 64K
		[grant all]
		region = *
		user = $ME $COLLEAGUE
		access = rw
		share = shared-write
	END
	[ "$ME" -eq 0 ] || printf '[admin us]\nuser = %s\n' "$ME" >>"$T/sim.conf"
	ulimit -n "$(ulimit -Hn)"
	start_daemon
	while [ ${#wanted[@]} -lt 4200 ]; do wanted+=(first+0x1000/0x1000 last+0x2000/0x1000); done
	hold "${wanted[@]}"
	eventually leases_are 4200
}

# tree_has_all COMMAND…: what it lists as leases its tree has, as text and as JSON, region by region and in the same order.
tree_has_all() {
	"$@" leases --json >"$T/leases"
	LC_ALL=C "$@" tree >"$T/tree"
	"$@" tree --json >"$T/json"
	jq -r '.leases as $all | ("first", "last") as $region | $all[] | select(.region == $region).id' "$T/leases" >"$T/ids"
	sed -nE 's/^[^a-z]*lease ([0-9]+) .*/\1/p' "$T/tree" | diff "$T/ids" -
	jq -r '.. | objects | select(.kind == "lease").lease' "$T/json" | diff "$T/ids" -
	# The last of each region ends its branch.
	expect_equal "$(grep -c -e '`-lease' "$T/tree")" 2
	expect_equal "$(sed -nE 's/^[^a-z]*(first|free|last) .*/\1/p' "$T/tree" | xargs)" "first free last"
}

@test "a tree of thousands of leases has each below its region, whoever looks" {
	with_many_leases
	tree_has_all mmioctl
	expect_equal "$(wc -l <"$T/ids")" 4200
	[ "$ME" -eq 0 ] || return 0
	# Who may not see all does not know when a region's last lease has come.
	: >"$T/out"
	background as "$COLLEAGUE" "$T/mmioctl" hold last+0x3000/0x1000 first+0x3000/0x1000 last+0x4000/0x1000
	eventually leases_are 4203
	tree_has_all as "$COLLEAGUE" "$T/mmioctl"
	expect_equal "$(wc -l <"$T/ids")" 3
}

@test "clients shows who is connected and what they hold" {
	start_daemon
	hold shm/0x3000 regs
	run mmioctl clients --no-headings --bytes -o user,pid,command,leases,bytes,unread
	expect_status 0
	expect_match " $JOB mmioctl +2 16384 +0"
	expect_equal "$(value '.clients | length' clients)" 2
	expect_equal "$(value '.clients[1].uid' clients -o uid)" "$ME"
}

@test "clients shows others only their own connections" {
	need_root
	start_daemon
	hold shm/0x1000
	run as "$COLLEAGUE" mmioctl clients --no-headings -o uid
	expect_equal "$(tr -d ' ' <<<"$output")" "$COLLEAGUE"
}

@test "an inspect section lets its user see everything and change nothing" {
	need_root
	printf '[inspect us]\nuser = %s\n' "$STRANGER" >>"$T/sim.conf"
	start_daemon
	hold shm/0x1000
	run as "$STRANGER" mmioctl leases --no-headings -o id
	expect_equal "$(tr -d ' ' <<<"$output")" "$LEASE"
	run as "$STRANGER" mmioctl revoke "$LEASE"
	expect_status 4
	run as "$STRANGER" mmioctl read shm
	expect_status 4
}

@test "devices come from sysfs, without a daemon" {
	fake_machine
	MMIOD_SOCKET=$T/nobody run mmioctl devices --no-headings -o m,address,ids,class,driver,bars,speed,lanes,decoding
	expect_status 0
	expect_equal "$(tr -s ' ' <<<"$output")" "* 0000:01:00.0 1af4:1110 RAM mmiod 0:256B 2:64Mp 8.0 GT/s 4 on"
	MMIOD_SOCKET=$T/nobody run mmioctl devices --json
	expect_equal "$(jq -c '.devices[0] | [.m, .bars[1].bar, .bars[1].size, .bars[1].prefetchable, .iommu]' <<<"$output")" \
		"[true,2,67108864,true,null]"
	rm -r "$T/sys/bus"
	run mmioctl devices
	expect_status 3
}

@test "mappings names processes, and says what it cannot see" {
	start_daemon
	fake_machine
	fake_process
	run --separate-stderr mmioctl mappings --no-headings -o pid,command,address,region,offset,size,prot
	expect_status 0
	expect_equal "$(tr -s ' ' <<<"$output")" "4711 acqd 0x7f0000000000 shm 0x3000 16K rw"
	# shellcheck disable=SC2154 # set by run
	expect_equal "$stderr" "mmioctl: simulation cannot see who maps its memory files"
	run --separate-stderr mmioctl mappings --json --device regs
	expect_equal "$(jq -c .mappings <<<"$output")" "[]"
	run mmioctl mappings --pid 4712
	expect_status 3
	expect_match 'there is no process 4712'
	run mmioctl mappings --pid x
	expect_status 2
}

@test "pmap names windows from their file's name even without a daemon" {
	fake_machine
	fake_process
	MMIOD_SOCKET=$T/nobody run mmioctl pmap 4711 -o address,size,rss,mode,mapping,region,offset
	expect_status 0
	expect_match '0x7f0000000000 +16K +0B rw-s /mmiod:shm\+0x2000-0x6fff +shm +0x3000'
	expect_match 'total 24K, present 8K, dirty 0B'
	expect_equal "$(MMIOD_SOCKET=$T/nobody value '[.segments[].size] == [8192, 16384]' pmap 4711)" true
	run mmioctl pmap 4712
	expect_status 3
}

@test "map draws windows and free space to scale, and says the same in JSON" {
	start_daemon
	hold shm/0x8000
	COLUMNS=40 run mmioctl map shm
	expect_status 0
	expect_equal "${lines[0]}" "shm 64K"
	expect_equal "${lines[4]}" "0x06000 AAAAAAAAAAAAAAAA"
	expect_equal "${lines[5]}" "0x08000 ................"
	expect_match 'A .* '"$JOB"' mmioctl 32K in 1, 50\.0%'
	expect_match 'free 32K, largest 32K'
	expect_equal "$(value '[.free, .windows[0].length]|join(" ")' map shm)" "32768 32768"
	run mmioctl map nothing
	expect_status 3
}

@test "map draws an SVG that is well-formed, and leaves none behind when it cannot" {
	start_daemon
	hold shm+0x1000/0x1000
	run mmioctl map shm --svg "$T/shm.svg"
	expect_status 0
	expect_equal "$output" ""
	python3 -c 'import sys, xml.dom.minidom as m; t = m.parse(sys.argv[1]); assert len(t.getElementsByTagName("title")) == 2' "$T/shm.svg"
	grep -q "lease $LEASE, 0x1000 + 0x1000" "$T/shm.svg"
	run mmioctl map shm --svg -
	expect_match '</svg>$'
	run mmioctl map shm --svg "$T/no/such.svg"
	expect_status 3
}

@test "show of a region tells its range, rights and holders" {
	start_daemon
	hold shm+0x1000/0x2000
	run mmioctl show shm
	expect_status 0
	expect_match 'Range: 0x10000 bytes \(64K\)'
	expect_match 'Access: rw, cache wc \(of uc,wc\), any width'
	expect_match "Held by: lease $LEASE, \+0x1000/0x2000 rw wc exclusive, .* pid $JOB mmioctl"
	expect_equal "$(value '.holders[0].lease' show shm)" "$LEASE"
	run mmioctl show nothing
	expect_status 3
	run mmioctl show 4711
	expect_status 3
}

@test "translate and page say what is missing when there is no module to look" {
	start_daemon
	run --separate-stderr mmioctl translate $$ 0x1000
	expect_status 0
	expect_match 'Physical: not present'
	[[ $stderr == *"simulation has no module"* ]]
	expect_equal "$(mmioctl --json translate $$ 0x1000 2>/dev/null | jq -c '[.source, .present]')" '["pagemap",false]'
	run mmioctl translate 999999999 0x1000
	expect_status 3
	run mmioctl translate 1x 0x1000
	expect_status 2
	run mmioctl translate 1 address
	expect_status 2
	run mmioctl page 12@0
	expect_status 2
	run mmioctl page 0x1000@99999999999
	expect_status 2
}

@test "others' page frames are denied by policy, not by accident" {
	need_root
	start_daemon
	run as "$COLLEAGUE" mmioctl page 1
	expect_status 4
	expect_match 'inspect'
}

@test "iomem marks what mmiod has claimed, and says when addresses are hidden" {
	fake_machine
	run --separate-stderr mmioctl iomem --no-headings -o start,size,name,region
	expect_status 0
	expect_equal "$stderr" ""
	[[ ${lines[3]} =~ 0x200000000\ +64M\ +mmiod:shm\ +shm$ ]]
	expect_equal "$(value '.iomem[3] | [.depth, .name, .region] == [2, "mmiod:shm", "shm"]' iomem -O)" true
	sed -i 's/^\( *\)[0-9a-f]*-[0-9a-f]*/\10-0/' "$T/proc/iomem"
	run --separate-stderr mmioctl iomem
	expect_status 0
	[[ $stderr == *"CAP_SYS_ADMIN"* ]]
	expect_equal "$(mmioctl --json iomem 2>/dev/null | jq -c '.iomem[0].start')" null
}

@test "top prints once for scripts, and sorts" {
	start_daemon
	hold shm/0x1000 regs
	run mmioctl top --once --no-headings -o command,region,leases,accesses --sort size
	expect_status 0
	expect_match 'mmioctl shm +1 +0'
	expect_equal "$(value '.top | length' top --once)" 2
	run mmioctl top --iterations 2 --interval 10ms --no-headings -o region
	expect_equal "${#lines[@]}" 4
	run mmioctl top --once --sort sise
	expect_status 2
	expect_match 'did you mean SIZE'
}

# For the shell in "$T/typescript": until top has taken the terminal so many times.
taken() { # TIMES
	printf 'until [ "$(grep -ao "1049[h]" "%s" | wc -l)" -ge %s ]; do sleep 0.02; done' "$T/typescript" "$1"
}

@test "top gives the terminal back when it is stopped" {
	start_daemon
	# shellcheck disable=SC2016 # for the other shell
	background script -qefc 'mmioctl top --interval 50ms & '"$(taken 1)"'; kill -TERM $!; wait' "$T/typescript"
	wait "$JOB" || true
	grep -aq $'\033\[?1049h' "$T/typescript"
	tail -c 200 "$T/typescript" | grep -aq $'\033\[?25h\033\[?1049l'
}

@test "top shows as many lines as the terminal has, the greatest first" {
	local i

	start_daemon
	for i in {1..12}; do
		background mmioctl hold "shm+$((i * 0x1000))/$i"
	done
	leases_are 12 || eventually leases_are 12
	background script -qec 'stty rows 10 cols 100; mmioctl top --sort size --iterations 1' "$T/typescript"
	wait "$JOB"
	grep -aq 'leases 12, 78B' "$T/typescript"
	# Ten less the title, an empty line, the headings and the line of the cursor.
	expect_equal "$(grep -ac ' shm ' "$T/typescript")" 6
	grep -aq ' shm  *1  *12B ' "$T/typescript"
}

@test "top gives the terminal back while it is suspended" {
	start_daemon
	# shellcheck disable=SC2016 # for the other shell
	background script -qefc 'mmioctl top --interval 50ms & '"$(taken 1)"'; kill -TSTP $!
		until grep -q "^State:.*stopped" /proc/$!/status; do sleep 0.02; done; echo n""ow
		kill -CONT $!; '"$(taken 2)"'; kill -TERM $!; wait' "$T/typescript"
	wait "$JOB" || true
	# Taken, given before the shell goes on, taken again, given at the end.
	expect_equal "$(grep -aoE '1049[hl]|now' "$T/typescript" | xargs)" "1049h 1049l now 1049h 1049l"
}

@test "monitor tells of grants, denials and ends, one line each" {
	start_daemon
	background mmioctl monitor --count 3
	monitor=$JOB
	eventually eval 'mmioctl clients --json | jq -e ".clients[] | select(.flags == [\"monitor\"])" >/dev/null'
	mmioctl read regs >/dev/null
	mmioctl read secret 2>/dev/null || true
	wait "$monitor"
	output=$(cat "$T/out")
	expect_match 'granted +lease [0-9]+ regs\+0x0/0x4 r uc .* mmioctl'
	expect_match 'released +lease'
	expect_match 'denied +secret\+0x0/0x4 r .* denied: no grant'
}

@test "monitor prints one object a line, and ends with its daemon" {
	start_daemon
	background mmioctl monitor --json
	monitor=$JOB
	eventually eval 'mmioctl clients --json | jq -e ".clients[] | select(.flags == [\"monitor\"])" >/dev/null'
	mmioctl read regs >/dev/null
	eventually grep -q released "$T/out"
	expect_equal "$(jq -r .event "$T/out" | tr '\n' ' ')" "granted released "
	expect_equal "$(head -n 1 "$T/out" | jq -c '[.object.region, .object.length, .who.command]')" '["regs",4,"mmioctl"]'
	stop_daemon
	JOB=$monitor expect_end 6
}

@test "monitor is for administrators and inspectors" {
	need_root
	start_daemon
	run as "$COLLEAGUE" mmioctl monitor
	expect_status 4
	expect_match 'inspect'
}

# The lines of log about grants, with single spaces.
grants() {
	mmioctl log --no-headings -o "$@" | tr -s ' ' | sed 's/^ //; s/ $//'
}

@test "log shows the last grants, the newest last, also when their leases have ended" {
	start_daemon
	expect_equal "$(grants lease)" ""
	mmioctl hold shm+0x1000/0x2000 -- true
	hold regs
	mmioctl read rom >/dev/null
	expect_equal "$(grants kind,region,offset,length,rights,uid,command,grant)" "region shm 0x1000 0x2000 rw $ME mmioctl us
region regs 0x0 0x1000 rw $ME mmioctl us
region rom 0x0 0x4 r $ME mmioctl readers"
	expect_equal "$(grants number)" $'1\n2\n3'
	expect_equal "$(grants lease,pid | sed -n 2p)" "$LEASE $JOB"
	# The entries of the present moment, by the clock.
	expect_equal "$(value '[.grants[] | now - .time | . > -5 and . < 3600] | all' log)" true
	expect_equal "$(value '.grants[0] | ."time-us" / 1000000 - .time | . >= 0 and . < 1' log -O)" true
}

@test "log shows as many of the last grants as it is told to, 50 unless told" {
	start_daemon
	for _ in {1..9}; do mmioctl hold shm/1 shm+1/1 shm+2/1 shm+3/1 shm+4/1 shm+5/1 -- true; done
	expect_equal "$(value '[.grants | length, .[0].number, .[49].number] | @csv' log -o number)" '50,5,54'
	expect_equal "$(value '[.grants[].number] | @csv' log -o number -n 2)" '53,54'
	expect_equal "$(value '.grants | length' log -n 1000)" 54
	expect_equal "$(value '.grants | length' log -n 0)" 0
}

@test "log as JSON has numbers as numbers" {
	start_daemon
	hold shm+0x1000/0x1000
	run mmioctl log --json
	expect_status 0
	expect_equal "$(jq -c '[.schema, (.grants[0] | .lease, .region, .offset, .length, .rights, .share, .pid, .command)]' \
		<<<"$output")" "[1,$LEASE,\"shm\",4096,4096,\"rw\",\"exclusive\",$JOB,\"mmioctl\"]"
	run mmioctl log --json -o nothing
	expect_status 2
}

@test "log shows others only what was granted to them, and inspectors everything" {
	need_root
	printf '[inspect us]\nuser = %s\n' "$STRANGER" >>"$T/sim.conf"
	start_daemon
	hold shm/0x1000
	as "$COLLEAGUE" mmioctl read regs >/dev/null
	expect_equal "$(value '[.grants[].uid] | @csv' log -o uid)" "$ME,$COLLEAGUE"
	run as "$COLLEAGUE" mmioctl log --json -o uid,region,number
	expect_equal "$(jq -c '[.grants[] | [.uid, .region, .number]]' <<<"$output")" "[[$COLLEAGUE,\"regs\",2]]"
	run as "$STRANGER" mmioctl log --json -o uid
	expect_equal "$(jq -c '[.grants[].uid]' <<<"$output")" "[$ME,$COLLEAGUE]"
	run as "$NOBODY_ELSE" mmioctl log --no-headings
	expect_status 0
	expect_equal "$output" ""
}

@test "log begins anew with the daemon" {
	start_daemon
	mmioctl read shm >/dev/null
	stop_daemon
	start_daemon
	expect_equal "$(grants lease)" ""
}

@test "log needs nothing of the journal, and a daemon" {
	mkdir "$T/bin"
	printf '#!/bin/sh\necho asked\n' >"$T/bin/journalctl"
	chmod 755 "$T/bin/journalctl"
	start_daemon
	mmioctl read shm >/dev/null
	PATH=$T/bin:$PATH run mmioctl log
	expect_status 0
	[[ $output != *asked* ]]
	stop_daemon
	run mmioctl log
	expect_status 6
}

@test "log of the journal says which journalctl it is" {
	mkdir "$T/bin"
	printf '#!/bin/sh\necho "$@"\n' >"$T/bin/journalctl"
	chmod 755 "$T/bin/journalctl"
	PATH=$T/bin:$PATH run --separate-stderr mmioctl log --journal -n 7 -v
	expect_status 0
	expect_equal "$output" "--unit=mmiod.service --no-pager -n 7 --output=short"
	expect_equal "$stderr" "journalctl --unit=mmiod.service --no-pager -n 7 --output=short"
}

@test "doctor works with nothing running, and fails with a fix for each failure" {
	fake_machine
	MMIOD_SOCKET=$T/nobody run mmioctl doctor
	expect_status 1
	expect_match 'fail  kernel .* has no module mmiod'
	expect_match 'fail  no daemon: '
	expect_match 'fix: systemctl enable'
	expect_match 'ok    0000:01:00.0 is bound to mmiod and decodes memory'
	[ "$(grep -c ^fail <<<"$output")" -le "$(grep -c 'fix:' <<<"$output")" ]
	MMIOD_SOCKET=$T/nobody run mmioctl doctor --json
	expect_status 1
	expect_equal "$(jq -c '[.good, (.findings[] | select(.check == "daemon").result)]' <<<"$output")" '[false,"fail"]'
}

@test "doctor finds a device that does not decode, and one that another driver has" {
	fake_machine
	printf '\364\032\020\021\000\000' >"$T/sys/bus/pci/devices/0000:01:00.0/config"
	run mmioctl doctor
	expect_match 'fail  0000:01:00.0: memory decoding is off'
	expect_match 'fix: setpci -s 0000:01:00.0 COMMAND=0002:0002'
	rm "$T/sys/bus/pci/devices/0000:01:00.0/driver"
	run mmioctl doctor
	expect_match 'fail  0000:01:00.0 is meant for mmiod, but bound to no driver'
	expect_match 'fix: mmioctl bind 0000:01:00.0'
}

@test "doctor and devices know that a virtual function decodes memory without a bit for it" {
	local function=$T/sys/bus/pci/devices/0000:01:00.0

	fake_machine
	printf '\377\377\377\377\000\000' >"$function/config"
	run mmioctl devices --no-headings -o decoding
	expect_equal "$(tr -d ' ' <<<"$output")" off
	ln -s ../0000:01:00.1 "$function/physfn"
	run mmioctl devices --no-headings -o decoding
	expect_equal "$(tr -d ' ' <<<"$output")" on
	run mmioctl doctor
	expect_match 'ok    0000:01:00.0 is bound to mmiod and decodes memory'
}

@test "doctor finds a bridge that does not forward to a device which does decode" {
	local bridge=$T/sys/devices/pci0000:00/0000:00:05.0

	fake_machine
	mkdir -p "$bridge"
	mv "$T/sys/bus/pci/devices/0000:01:00.0" "$bridge"
	ln -sf "$T/sys/bus/pci/drivers/mmiod" "$bridge/0000:01:00.0/driver"
	ln -s "$bridge/0000:01:00.0" "$T/sys/bus/pci/devices"
	printf '\066\033\014\000\007\000' >"$bridge/config"
	run mmioctl doctor
	expect_match 'ok    0000:01:00.0 is bound to mmiod and decodes memory'
	printf '\066\033\014\000\000\000' >"$bridge/config"
	run mmioctl doctor
	expect_match 'fail  0000:01:00.0: memory decoding of the bridge 0000:00:05.0 above it is off'
	expect_match 'fix: setpci -s 0000:00:05.0 COMMAND=0002:0002'
}

@test "doctor says what pmd_leaves means on this kernel" {
	local config=$T/boot/config-$(uname -r) set=$T/sys/module/mmiod/parameters/pmd_leaves

	fake_machine
	mkdir -p "$T/boot" "${set%/*}"
	export MMIOCTL_ROOT=$T
	printf 'CONFIG_NUMA=y\n' >"$config"
	run mmioctl doctor
	expect_match 'note  the kernel maps windows by pages of 4 KiB'
	printf 'CONFIG_ARCH_SUPPORTS_PMD_PFNMAP=y\n' >>"$config"
	run mmioctl doctor
	expect_match 'ok    the kernel can map windows by leaves of 1 GiB, and of 2 MiB'
	echo N >"$set"
	run mmioctl doctor
	expect_match 'ok    windows are mapped by leaves of 1 GiB where they fit, not of 2 MiB \(pmd_leaves is N'
	echo Y >"$set"
	run mmioctl doctor
	expect_match 'warn  pmd_leaves is set: .* mbind\(2\) a client could crash this kernel'
	expect_match 'fix: echo N >/sys/module/mmiod/parameters/pmd_leaves'
	sed -i 's/^CONFIG_NUMA=y/# CONFIG_NUMA is not set/' "$config"
	run mmioctl doctor
	expect_match 'ok    windows are mapped by leaves of 1 GiB and 2 MiB where they fit'
}

@test "doctor is content with a simulation" {
	fake_machine
	start_daemon
	run mmioctl doctor
	expect_match 'ok    mmiod .* answers'
	expect_match 'note  kernel .* no module mmiod loaded, which simulation does not need'
	expect_match 'ok    all [34] regions that you may see are there'
}
