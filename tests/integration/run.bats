# SPDX-License-Identifier: MIT
# shellcheck shell=bats disable=SC2030,SC2031
# run: programs that open device files by their own names. A card stands in the configuration only, so that its BARs
# have names and no directory, unless a test makes one.
load helper

CARD=/sys/bus/pci/devices/0000:01:00.0

run_config() {
	standard_config
	cat <<-END
		[region card-regs]
		size = 4K
		width = 32
		device = pci:0000:01:00.0
		bar = 0
		[region card-ram]
		size = 64K
		cache = uc wc
		device = pci:0000:01:00.0
		bar = 2
		[region card-rom]
		size = 8K
		device = pci:0000:01:00.0
		bar = 3
		[region card-half]
		device = pci:0000:01:00.0
		bar = 4
		range = 0x1000-0x1fff
		[region card-secret]
		size = 4K
		device = pci:0000:01:00.0
		bar = 5
		[grant card]
		region = card-regs card-ram card-half
		user = $ME $COLLEAGUE
		access = rw
		[grant card-readers]
		region = card-rom
		user = $ME $COLLEAGUE
		access = r
		[grant card-others]
		region = card-secret
		user = $NOBODY_ELSE
		access = rw
	END
}

# The program of these tests: also static, so that no library can have been put before it, and as 32-bit code.
setup_file() {
	local kind options=(-std=gnu11 -Wall -Wextra -Wno-unused-parameter -Werror -O1 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64)
	for kind in opener static narrow; do
		case $kind in static) options+=(-static) ;; narrow) options+=(-m32) ;; esac
		cc "${options[@]}" -o "$BATS_FILE_TMPDIR/$kind" "$BATS_TEST_DIRNAME/opener.c" -pthread
	done
	chmod 755 "$BATS_FILE_TMPDIR"
}

start() {
	run_config > "$T/sim.conf"
	start_daemon
	cp "$BATS_FILE_TMPDIR"/{opener,static,narrow} "$T/"
}

# inside [OPTION]... -- COMMAND...
AS_ROOT=()
[ "$ME" -ne 0 ] || AS_ROOT=(--as-root)
inside() {
	mmioctl run "${AS_ROOT[@]}" "$@"
}

# A directory for the card, as sysfs has them: a link in bus/pci/devices to where the bus has it.
make_sysfs() {
	local card=$T/sys/devices/pci0000:00/0000:01:00.0
	mkdir -p "$card" "$T/sys/bus/pci/devices"
	ln -s ../../../devices/pci0000:00/0000:01:00.0 "$T/sys/bus/pci/devices/0000:01:00.0"
	printf '0x%016x 0x%016x 0x%016x\n' 0xfea00000 0xfea00fff 0x40200 0xc000 0xc01f 0x40101 \
		0xfd000000 0xfd00ffff 0x40200 > "$card/resource"
	touch "$card"/resource{0,1,2}
	export MMIOCTL_SYS=$T/sys
}

# ---- the command ----

@test "run ends with its command's status, and with 126 and 127 when there is none" {
	start
	inside true
	run inside -- sh -c 'exit 42'
	expect_status 42
	# shellcheck disable=SC2016 # the inner shell expands it
	run inside -- sh -c 'kill -KILL $$'
	expect_status 137
	run -127 inside /nonexistent/program
	expect_match 'cannot run "/nonexistent/program": No such file'
	run inside /dev/null
	expect_status 126
}

@test "run takes its command with and without a leading --, and leaves a later -- to it" {
	start
	run inside echo -n a -- b
	expect_equal "$output" 'a -- b'
	run inside --keep -- echo -n a -- b
	expect_equal "$output" 'a -- b'
	run inside --keep
	expect_status 2
	expect_match 'no command'
}

@test "run says what is wrong with its options, with the value and the form" {
	start
	run inside --map fpga=card-regs -- true
	expect_status 2
	expect_match '"fpga=card-regs".*PATH=TARGET'
	run inside --uio x=card-regs -- true
	expect_status 2
	expect_match '"x=card-regs".*N=TARGET'
	run inside --uio 0=card-regs --uio 0=card-ram -- true
	expect_status 2
	expect_match '/dev/uio0 is given twice'
	run inside --uio 0=card-regs,card/irq0,card/irq1 -- true
	expect_status 2
	expect_match '"0=card-regs,card/irq0,card/irq1": a node has one interrupt'
	run inside --uio 0=card/irq0 -- true
	expect_status 2
	expect_match '"0=card/irq0": a node has at least one map'
	for word in /irq0 card/irq4294967296 a-name-of-more-than-thirty-one-letters/irq0; do
		run inside --uio "0=card-regs,$word" -- true
		expect_status 2
		expect_match 'is not a vector: write DEVICE/irqN'
	done
	run inside --downgrade -- true
	expect_status 2
	expect_match 'read-only'
	run inside -w card-regs+x -- true
	expect_status 2
}

@test "root is asked whether it means it" {
	need_root
	start
	run mmioctl run -- true
	expect_status 2
	expect_match 'as-root'
}

@test "what -w names is leased before the command starts, or it is not started" {
	start
	run inside -w card-secret -- echo started
	expect_status 4
	expect_match 'no grant lets user'
	[[ $output != *started* ]]
	hold card-regs
	run inside -w card-regs -- echo started
	expect_status 5
	[[ $output != *started* ]]
	run inside -w card-ram -- mmioctl leases --json
	expect_equal "$(jq -r '.leases | map(.region) | sort | join(" ")' <<<"$output")" 'card-ram card-regs'
}

@test "without a daemon run says so and starts nothing" {
	T_SOCKET=$MMIOD_SOCKET
	run inside -- echo started
	[ "$status" -eq 6 ] || [ "$status" -eq 3 ]
	[[ $output != *started* ]]
	[ "$T_SOCKET" = "$MMIOD_SOCKET" ]
}

# ---- what is opened ----

@test "a static program reads and writes a BAR by its name in sysfs" {
	start
	inside -- "$T/static" write $CARD/resource0 0x10 0x12345678
	run inside -- "$T/static" read $CARD/resource0 0x10
	expect_equal "$output" 0x12345678
	run mmioctl read card-regs+0x10
	expect_match 0x12345678
}

@test "32-bit programs are served as well" {
	[[ $(LC_ALL=C "$BATS_FILE_TMPDIR/narrow" stat / 2>&1) != *"Exec format error"* ]] ||
		skip "this kernel runs no 32-bit programs"
	start
	mmioctl write card-ram+0x1004:32 0xcafe
	run inside -- "$T/narrow" read $CARD/resource2 0x1004
	expect_equal "$output" 0x0000cafe
	run inside --map /dev/fpga0=card-ram -- "$T/narrow" stat /dev/fpga0
	expect_equal "$output" 'file 65536 0:0'
}

@test "programs from Debian work on a BAR" {
	command -v memtool busybox >/dev/null || { echo "needs memtool and busybox: tests/vm/prereqs test"; return 1; }
	start
	mmioctl write card-regs+0x10 0x12345678
	run inside -- memtool md -s $CARD/resource0 0x10+4
	expect_match '12345678'
	run inside -- busybox dd if=$CARD/resource2 bs=4 count=1 of=/dev/null
	expect_status 0
	run inside -- python3 -c "
import mmap, os
fd = os.open('$CARD/resource0', os.O_RDWR)
print(hex(memoryview(mmap.mmap(fd, 0)).cast('I')[4]))"
	expect_equal "$output" 0x12345678
}

# with_config [GRANTED]: the card's configuration space is granted as well.
with_config() {
	run_config > "$T/sim.conf"
	cat >> "$T/sim.conf" <<-END
		[device card]
		device = pci:0000:01:00.0
		dma-engine = no
		[grant card-config]
		device = card
		config = ${1:-standard}
		bus-master = yes
		user = $ME
	END
	start_daemon
	cp "$BATS_FILE_TMPDIR"/{opener,static,narrow} "$T/"
}

operated() {
	mmioctl leases --json | jq '[.leases[] | select(.kind == "device")] | length'
}

@test "a program reads and writes the configuration space by its name in sysfs" {
	with_config
	run inside -- od -An -tx1 -N4 $CARD/config
	expect_equal "$output" ' 36 1b 00 00'
	run inside -- python3 -c "
import os
fd = os.open('$CARD/config', os.O_RDWR)
again = os.open('$CARD/config', os.O_RDWR)
os.pwrite(fd, b'\x06', 4)
print(os.pread(again, 2, 4).hex(), os.fstat(fd).st_size)"
	expect_equal "$output" '0600 4096'
	expect_equal "$(operated)" 0
	run inside --read-only -- "$T/opener" mode rw $CARD/config
	[ "$status" -ne 0 ]
	expect_match 'run was told --read-only'
}

@test "a configuration space that is granted to be read is not written, and one that is not is left to the kernel" {
	with_config read
	run inside -- od -An -tx1 -N4 $CARD/config
	expect_equal "$output" ' 36 1b 00 00'
	run inside -- "$T/opener" mode rw $CARD/config
	[ "$status" -ne 0 ]
	expect_match '"config = standard"'
	run inside -- cat /sys/bus/pci/devices/0000:01:07.0/config
	[ "$status" -ne 0 ]
	expect_match 'No such file'
}

@test "a BAR is opened with the rights that the program asked for" {
	start
	run inside -- "$T/opener" mode r $CARD/resource0
	expect_equal "$output" 'r cloexec'
	run inside -- "$T/opener" mode w $CARD/resource0
	expect_equal "$output" 'w cloexec'
	run inside -- "$T/opener" mode rw $CARD/resource0
	expect_equal "$output" 'rw cloexec'
}

@test "openat2, a path at the end of memory, and other ways to open are known" {
	start
	for way in openat2 edge creat; do
		run inside -- "$T/opener" "$way" $CARD/resource0
		expect_equal "$output" opened
	done
	run inside -- "$T/opener" fault
	expect_equal "$output" EFAULT
	run inside -- "$T/opener" openat2 /nonexistent/resource0
	expect_equal "$output" ENOENT
}

@test "sysfs is found by links, by relative paths, from a directory and without links" {
	start
	make_sysfs
	mmioctl write card-regs 0x77
	for path in "$T"/sys/{bus/pci/devices,devices/pci0000:00}/0000:01:00.0/resource0; do
		run inside -- "$T/opener" read "$path" 0
		expect_equal "$output" 0x00000077
		run inside -- "$T/opener" below "$path"
		expect_equal "$output" opened
		run inside -- sh -c "cd ${path%/*} && exec $T/opener read resource0 0"
		expect_equal "$output" 0x00000077
		run inside -- sh -c "cd ${path%/*}/.. && exec $T/opener read ./0000:01:00.0//../0000:01:00.0/resource0 0"
		expect_equal "$output" 0x00000077
	done
	ln -s "$T/sys/bus/pci/devices/0000:01:00.0" "$T/card"
	run inside -- "$T/opener" read "$T/card/resource0" 0
	expect_equal "$output" 0x00000077
}

@test "a link below /dev that leads to a BAR is the BAR" {
	need_root
	start
	make_sysfs
	mmioctl write card-regs 0x78
	local link=/dev/mmiod-test-$$
	ln -s "$T/sys/bus/pci/devices/0000:01:00.0/resource0" "$link"
	run inside -- "$T/opener" read "$link" 0
	rm "$link"
	expect_equal "$output" 0x00000078
}

@test "a file of that name that is no BAR's is the kernel's business" {
	start
	make_sysfs
	mkdir "$T/0000:01:00.0"
	echo text > "$T/0000:01:00.0/resource0"
	run inside -- cat "$T/0000:01:00.0/resource0" "$T/sys/devices/pci0000:00/0000:01:00.0/resource1"
	expect_equal "$output" text
	run inside -- "$T/opener" mode rw $CARD/resource1
	expect_equal "$output" ENOENT
	expect_equal "$(leases)" 0
}

@test "--map gives a name to a region, for open, stat and access" {
	start
	run inside --map /dev/fpga0=card-regs --map "$T/some/where"=rom -- sh -c \
		"$T/opener write /dev/fpga0 8 0x55 && $T/opener read /dev/fpga0 8 && $T/opener stat /dev/fpga0 &&
		 $T/opener access /dev/fpga0 && $T/opener stat $T/some/where"
	expect_equal "$output" $'0x00000055\nfile 4096 0:0\nopened\nfile 8192 0:0'
	run inside --map /dev/fpga0=card-regs --read-only -- "$T/opener" access /dev/fpga0
	expect_equal "$output" EACCES
	run inside --map /dev/fpga0=card-regs -- ls -l /dev/fpga0
	expect_status 0
	run "$T/opener" stat /dev/fpga0
	expect_equal "$output" ENOENT
}

@test "what simulation cannot show is refused by name" {
	start
	run inside -- "$T/opener" mode rw /dev/mem
	expect_match 'run: /dev/mem: physical addresses: not in simulation'
	expect_match ENODEV
	run inside --uio 0=card-regs -- "$T/opener" mode rw /dev/uio0
	expect_match 'run: /dev/uio0: UIO nodes: not in simulation'
	run inside -- "$T/opener" mode rw $CARD/resource4
	expect_match 'not just one whole region: not in simulation'
	run inside --map /dev/fpga0=card-ram+0x1000 -- "$T/opener" mode rw /dev/fpga0
	expect_match 'not just one whole region: not in simulation'
	run inside --read-only --downgrade -- "$T/opener" mode rw $CARD/resource0
	expect_match 'downgrade: not in simulation'
}

# ---- refusals ----

@test "a refusal is EACCES for the program and a sentence for the user" {
	start
	run inside -- "$T/opener" mode r $CARD/resource5
	expect_match "run: $CARD/resource5: denied: no grant lets user .* read region card-secret"
	expect_match 'EACCES$'
	run inside -- "$T/opener" mode rw $CARD/resource3
	expect_match 'denied: \[grant card-readers\].* only read region card-rom'
	run inside -- "$T/opener" mode r $CARD/resource3
	expect_equal "$output" 'r cloexec'
}

@test "--read-only refuses who opens for writing, and names --downgrade" {
	start
	run inside --read-only -- "$T/opener" mode rw $CARD/resource0
	expect_match 'read-only.*downgrade'
	expect_match 'EACCES$'
	run inside --read-only -- "$T/opener" mode r $CARD/resource0
	expect_equal "$output" 'r cloexec'
}

@test "what another holds is EBUSY, and the sentence names the holder and what helps" {
	start
	hold card-regs
	run inside -- "$T/opener" mode rw $CARD/resource0
	expect_match "run: $CARD/resource0: busy: .*card-regs is held by user .* pid $JOB"
	expect_match 'shared-write'
	expect_match 'EBUSY$'
}

@test "--wait waits for what another holds, and other opens go on meanwhile" {
	start
	hold card-regs
	local holder=$JOB
	background mmioctl run "${AS_ROOT[@]}" --wait=1h -- bash -c \
		"$T/opener mode rw $CARD/resource0 & ls / >$T/listed; touch $T/ready; wait"
	eventually test -e "$T/ready"
	[ -s "$T/listed" ]
	kill -TERM "$holder"
	expect_end 0
	run cat "$T/out"
	expect_match 'rw cloexec'
}

@test "--wait ends with its time, and with a program that is killed while it waits" {
	start
	hold card-regs
	run inside --wait=50ms -- "$T/opener" mode rw $CARD/resource0
	expect_match 'EBUSY'
	background mmioctl run "${AS_ROOT[@]}" --wait=1h -- "$T/opener" mode rw $CARD/resource0
	local run=$JOB
	# shellcheck disable=SC2317 # eventually calls it
	waits() { pgrep -P "$run" -x opener >/dev/null; }
	eventually waits
	kill -KILL "$(pgrep -P "$run" -x opener)"
	expect_end 137
}

# ---- programs of all kinds ----

@test "threads that open at once are all served" {
	start
	run inside -- "$T/opener" threads $CARD/resource2
	expect_equal "$output" '0 failed'
}

@test "a program that takes a signal each millisecond gets its answers" {
	start
	run inside -- "$T/opener" timer $CARD/resource0
	expect_equal "$output" opened
}

@test "a program without a free descriptor is told so" {
	start
	run inside -- "$T/opener" full $CARD/resource0
	expect_equal "$output" EMFILE
}

@test "a daemon that the program leaves behind is served, and run ends with the last of them" {
	start
	run inside -- "$T/opener" daemon $CARD/resource0 "$T/late"
	expect_status 3
	expect_equal "$(cat "$T/late")" opened
}

@test "run inside of run says that there is a supervisor already" {
	start
	run inside -- mmioctl run "${AS_ROOT[@]}" -- true
	expect_status 125
	expect_match 'supervisor already.*mmioctl hold'
}

@test "the command of run starts with the signals that run was started with, and no descriptor of it" {
	start
	expect_equal "$(inside -- grep -E 'Sig(Blk|Ign)' /proc/self/status)" "$(grep -E 'Sig(Blk|Ign)' /proc/self/status)"
	run inside -- find /proc/self/fd -lname '*memfd*' -o -lname 'socket*' -o -lname '*seccomp*'
	expect_equal "$output" ''
}

@test "signals that are sent to run go to its command" {
	start
	background mmioctl run "${AS_ROOT[@]}" -- \
		sh -c 'trap "exit 9" TERM; echo ready; while :; do sleep 0.05; done'
	eventually grep -q ready "$T/out"
	kill -TERM "$JOB"
	expect_end 9
}

@test "a lease that is revoked is told on standard error" {
	need_root
	start
	background mmioctl run --as-root -w card-regs -- sh -c 'echo ready; exec sleep 1000'
	eventually grep -q ready "$T/out"
	mmioctl revoke --now "$(value '.leases[0].id' leases)" || mmioctl revoke "$(value '.leases[0].id' leases)"
	eventually grep -q 'run: lease [0-9]* ' "$T/err"
}

# ---- whose call it is, and which file it means ----

@test "who has become another user in run opens by the kernel, and that is said once" {
	need_root
	start
	run inside -- setpriv --reuid="$COLLEAGUE" --regid="$COLLEAGUE" --clear-groups sh -c \
		"$T/opener mode r $CARD/resource0; $T/opener mode r $CARD/resource0"
	expect_equal "$(grep -c 'as another user' <<<"$output")" 1
	expect_equal "$(grep -c ENOENT <<<"$output")" 2
	expect_equal "$(leases)" 0
}

@test "another user without a file of the daemon's own gets a copy of the window" {
	need_root
	start
	run as "$COLLEAGUE" env PATH="$PATH" mmioctl run -- "$T/opener" read $CARD/resource0 0
	expect_equal "$output" 0x00000000
}

@test "a program that cannot be read runs as without run" {
	need_root
	start
	install -m 111 "$T/static" "$T/secret"
	run as "$COLLEAGUE" env PATH="$PATH" mmioctl run -- "$T/secret" mode r /dev/null
	expect_equal "$output" 'r cloexec'
}

@test "under another root a name must still be the thing" {
	need_root
	start
	mkdir -p "$T/root/dev"
	cp "$T/static" "$T/root/"
	echo text > "$T/root/dev/mem"
	run inside -- chroot "$T/root" /static mode rw /dev/mem
	expect_equal "$output" 'rw cloexec'
	run inside --map /dev/fpga0=card-regs -- chroot "$T/root" /static mode rw /dev/fpga0
	expect_equal "$output" 'rw cloexec'
	touch "$T/root/dev/fpga0"
	run inside --map /dev/fpga0=card-regs -- chroot "$T/root" /static stat /dev/fpga0
	expect_equal "$output" 'file 0 0:0'
}

@test "--root has the program take itself for root" {
	unshare -Ur true 2>/dev/null || skip 'there are no user namespaces here'
	start
	run inside --root -- id -u
	expect_equal "$output" 0
	run inside --root -- "$T/opener" mode rw $CARD/resource0
	expect_equal "$output" 'rw cloexec'
}

# ---- the files of UIO ----

@test "--uio puts a node's attributes into class/uio, and they go with the last program" {
	start
	make_sysfs
	export XDG_RUNTIME_DIR=$T/runtime
	mkdir "$T/runtime"
	run inside --uio 1=card-regs,card-ram+0x1000/0x2000 -- bash -c "
		cd $T/sys
		cat class/uio/uio1/{name,maps/map1/{name,addr,size,offset}}
		ls class/uio class/uio/uio1/device/resource0
		$T/opener stat /dev/uio1 | cut -d: -f2
		$T/opener stat $T/sys/class/uio/uio1/maps | cut -d' ' -f1
		$T/opener read $T/sys/class/uio/uio1/device/resource0 0
		ls -d $T/runtime/mmioctl-run.*/uio1/maps | wc -l"
	expect_equal "$output" "card-regs
card-ram
0x00000000fd001000
0x0000000000002000
0x0
class/uio/uio1/device/resource0

class/uio:
uio1
1
directory
0x00000000
1"
	expect_equal "$(ls "$T/runtime")" ''
}

@test "ls -R shows the tree of UIO, also without a directory of the user's own" {
	start
	make_sysfs
	unset XDG_RUNTIME_DIR
	run inside --uio 0=card-regs -- ls -R "$T/sys/class/uio"
	expect_status 0
	expect_match 'map0'
	run compgen -G '/tmp/mmioctl-run.*'
	expect_status 1
}

# ---- stopped or gone ----

# supervised COMMAND: in the background, ready when $T/ready is there; goes on when $T/go is.
supervised() {
	background mmioctl run "${AS_ROOT[@]}" "${@:2}" -- \
		bash -c "touch $T/ready; while [ ! -e $T/go ]; do sleep 0.05; done; $1"
	eventually test -e "$T/ready"
}

@test "a supervisor that is killed leaves its programs able to open what is theirs" {
	start
	export XDG_RUNTIME_DIR=$T/runtime
	mkdir "$T/runtime"
	supervised "ls / >$T/listed; $T/opener mode r $CARD/resource0 >$T/opened; ls /sys/class >/dev/null; touch $T/done" \
		--uio 0=card-regs
	expect_equal "$(find "$T/runtime" -mindepth 1 -maxdepth 1 | wc -l)" 1
	kill -KILL "$JOB"
	wait "$JOB" || true
	touch "$T/go"
	eventually test -e "$T/done"
	[ -s "$T/listed" ]
	expect_equal "$(cat "$T/opened")" ENOENT
	empty() { [ -z "$(ls "$T/runtime")" ]; }
	eventually empty
}

@test "a call that the killed supervisor had in hand goes on" {
	start
	hold card-regs
	background mmioctl run "${AS_ROOT[@]}" --wait=1h -- \
		bash -c "exec $T/opener mode rw $CARD/resource0 >$T/opened"
	local run=$JOB
	# shellcheck disable=SC2317 # eventually calls it
	waits() { pgrep -P "$run" -x opener >/dev/null; }
	eventually waits
	kill -KILL "$run"
	wait "$run" || true
	eventually grep -q ENOENT "$T/opened"
}

@test "a daemon that goes away and comes back ends no program" {
	start
	supervised "$T/opener mode rw $CARD/resource0"
	kill_daemon
	start_daemon
	touch "$T/go"
	expect_end 0
	expect_equal "$(cat "$T/out")" 'rw cloexec'
}

# ---- at a terminal ----

# typed STEP...: to a shell with job control, whose prompt is "A>", and that of a shell in it "B>".
typed() {
	printf 'PS1="A""> "\nrun() { mmioctl run %s "$@"; }\n' "${AS_ROOT[*]}" > "$T/rc"
	printf 'PS1="B""> "\n' > "$T/rc2"
	run "$BATS_TEST_DIRNAME/converse" bash --noprofile --rcfile "$T/rc" -i -- "$@"
	expect_status 0
}

@test "control-Z stops run with its command, and fg has both go on" {
	start
	typed '<A>' ">run -- sh -c 'echo o''ne; read -r line; $T/opener mode rw $CARD/resource0; echo got \$line'" \
		'<one' '>^Z' '<Stopped' '<A>' '>fg' '>hello' '<got hello' '<A>' '>exit'
	expect_match 'rw cloexec'
}

@test "control-C is the command's to decide" {
	start
	typed '<A>' ">run -- sh -c 'trap \"echo ca\"\"ught; exit 3\" INT; echo star''ted; while :; do sleep 0.05; done'" \
		'<started' '>^C' '<caught' '<A>' '>echo sta''tus=$?' '<status=3' '>exit'
}

@test "a job of a shell in run is stopped without run" {
	start
	typed '<A>' ">run -- bash --noprofile --rcfile $T/rc2 -i" '<B>' ">sh -c 'echo sle''eping; exec sleep 1000'" '<sleeping' '>^Z' '<Stopped' '<B>' \
		'>kill %1' '>wait' '<B>' ">$T/opener mode rw $CARD/resource0" '<rw cloexec' '>exit' '<A>' '>exit'
}

@test "run in the background of a terminal that stops writers still answers and tells" {
	start
	typed '<A>' '>stty tostop' '<A>' ">run -- sh -c '$T/opener mode r $CARD/resource5 >$T/answer; touch $T/done' &" \
		'<denied' ">until [ -e $T/done ]; do sleep 0.05; done; echo fin''ished" '<finished' '>exit'
	expect_equal "$(cat "$T/answer")" EACCES
}
