# SPDX-License-Identifier: MIT
# shellcheck shell=bats
# The configuration: what is refused, where the fault is said to be, and what stays in force meanwhile.
load helper

bad_file() {
	echo "$T/etc/mmiod.conf.d/50-bad.conf"
}

check() {
	mmiod --check-config --config "$T/etc" --simulate "$T/sim.conf"
}

warning_has() {
	[[ $(value .warning status) == *"$1"* ]]
}

reload() {
	kill -HUP "$DAEMON"
}

start_with_directory() {
	mkdir -p "$T/etc/mmiod.conf.d"
	start_daemon --config "$T/etc"
}

# refused LINE PATTERN <<TEXT: TEXT as a drop-in is refused by the check, by a start and by a reload; each says file and
# line; the configuration that was in force stays, and comes back into its own when the file is gone.
refused() {
	local place
	place="$(bad_file):$1: "

	refused_by_check "$place" "$2"
	run mmiod --config "$T/etc" --simulate "$T/sim.conf" --socket "$T/other"
	expect_status 78
	expect_match "$place.*$2"
	[ ! -e "$T/other" ]
	refused_by_reload "$place" "$2"
}

# refused_but_by_start LINE PATTERN <<TEXT: likewise, but a start only warns: an account that was deleted since must not
# keep a machine from what it needs.
refused_but_by_start() {
	local place
	place="$(bad_file):$1: "

	refused_by_check "$place" "$2"
	background env mmiod --config "$T/etc" --simulate "$T/sim.conf" --socket "$T/other"
	eventually [ -S "$T/other" ]
	kill -TERM "$JOB"
	expect_end 0
	output=$(<"$T/err")
	expect_match "$place.*$2 now, so nobody gets what this names it for"
	refused_by_reload "$place" "$2"
}

refused_by_check() { # PLACE PATTERN
	start_with_directory
	cat >"$(bad_file)"
	run check
	expect_status 78
	expect_match "^$1.*$2"
}

refused_by_reload() { # PLACE PATTERN
	still_in_force "$@"
	rm "$(bad_file)"
	reload
	eventually eval '! warning_has "older configuration"'
}

still_in_force() {
	hold shm
	reload
	eventually warning_has "an older configuration is in force: $1"
	run grep -F "$1" "$T/log"
	expect_match "$2.*; the configuration in force stays$"
	run mmioctl list --no-headings -o name
	expect_equal "$output" $'regs\nshm\nrom\nsecret'
	mmioctl write regs 1
	expect_equal "$(leases)" 1
	kill -TERM "$JOB"
	expect_end 0
}

@test "an unknown section is refused" {
	refused 2 'unknown section \[regoin\]: did you mean \[region NAME\]\?' <<-END
		; a comment
		[regoin x]
		size = 4K
	END
}

@test "an unknown key is refused, and the nearest one named" {
	refused 3 'unknown key "widht": did you mean "width"\?' <<-END
		[region x]
		size = 4K
		widht = 32
	END
}

@test "a key of another section is refused" {
	refused 3 'unknown key "access"' <<-END
		[region x]
		size = 4K
		access = rw
	END
}

@test "a key before the first section is refused" {
	refused 1 'key "size" stands before the first section' <<-END
		size = 4K
	END
}

@test "a section without its name is refused" {
	refused 1 '\[region\] needs one name: write \[region NAME\]' <<<'[region]'
}

@test "a section name that does not end is refused" {
	refused 1 "a section's name ends with \]" <<<'[region x'
}

@test "a name with strange letters is refused" {
	refused 1 '"a/b" is not a name' <<<'[region a/b]'
}

@test "a name that is too long is refused" {
	refused 1 'is not a name: use 1 to 31' <<<'[region a123456789012345678901234567890b]'
}

@test "a line that is neither section nor key is refused" {
	refused 3 'neither a \[section\], nor a "key = value"' <<-END
		[region x]
		size = 4K
		what is this
	END
}

@test "a section that occurs twice in a file is refused" {
	refused 3 'section \[region x\] occurs twice in this file' <<-END
		[region x]
		size = 4K
		[region x]
		width = 32
	END
}

@test "a key that occurs twice in a section is refused" {
	refused 3 '"size" occurs twice' <<-END
		[region x]
		size = 4K
		size = 8K
	END
}

@test "keys that contradict each other are refused" {
	refused 3 'exclude each other' <<-END
		[region x]
		range = 0x0-0xfff
		size = 4K
	END
}

@test "a size that is none is refused" {
	refused 2 '"4 kilos" is not a size' <<-END
		[region x]
		size = 4 kilos
	END
}

@test "a size of nothing is refused" {
	refused 2 '"0" is not a size' <<-END
		[region x]
		size = 0
	END
}

@test "a size beyond 64 bits is refused" {
	refused 2 '"16777216T" is not a size' <<-END
		[region x]
		size = 16777216T
	END
}

@test "a negative number is refused" {
	refused 2 '"-1" is not a physical address' <<-END
		[region x]
		phys = -1
		size = 4K
	END
}

@test "a range that wraps is refused" {
	refused 1 'the range wraps' <<-END
		[region x]
		phys = 0xfffffffffffff000
		size = 8K
	END
}

@test "a range that ends before it starts is refused" {
	refused 4 '"0x1000-0xfff" is not a range' <<-END
		[region x]
		device = pci:0000:01:00.0
		bar = 0
		range = 0x1000-0xfff
	END
}

@test "a device that is none is refused" {
	refused 2 '"0000:01:00" is not a device' <<-END
		[region x]
		device = 0000:01:00
	END
}

@test "a PCI device without a BAR is refused" {
	refused 1 'names a PCI device but no "bar = N"' <<-END
		[region x]
		device = pci:0000:01:00.0
	END
}

@test "a BAR that there cannot be is refused" {
	refused 3 '"6" is not a BAR from 0 to 5' <<-END
		[region x]
		device = pci:0000:01:00.0
		bar = 6
	END
}

@test "a width that is none is refused" {
	refused 3 '"24" is not a width' <<-END
		[region x]
		size = 4K
		width = 24
	END
}

@test "a memory type that a device cannot have is refused" {
	refused 3 '"wb" is not a memory type of a device' <<-END
		[region x]
		size = 4K
		cache = uc wb
	END
}

@test "an access that is none is refused" {
	refused 4 '"rwx" is not an access: write r or rw' <<-END
		[grant x]
		region = shm
		user = *
		access = rwx
	END
}

@test "a share mode that is none is refused" {
	refused 4 '"public" is not a share mode' <<-END
		[grant x]
		region = shm
		user = *
		share = public
	END
}

@test "a user who does not exist is refused, and at a start left out" {
	refused_but_by_start 3 'there is no user "no-such-user"' <<-END
		[grant x]
		region = shm
		user = no-such-user
	END
}

@test "a group that does not exist is refused, and at a start left out" {
	refused_but_by_start 3 'there is no group "no-such-group"' <<-END
		[grant x]
		region = shm
		group = no-such-group
	END
}

@test "a grant to nobody is refused" {
	refused 1 'the grant names nobody' <<-END
		[grant x]
		region = shm
	END
}

@test "a grant of nothing is refused" {
	refused 1 'the grant names no region' <<-END
		[grant x]
		user = *
	END
}

@test "a grant of a region that is not configured is refused, and the nearest one named" {
	refused 1 'region "smh", which is not configured; did you mean "shm"\?' <<-END
		[grant x]
		region = smh
		user = *
	END
}

@test "everybody as administrator is refused" {
	refused 2 'not everybody can be an administrator' <<-END
		[admin x]
		user = *
	END
}

@test "a limit that is none is refused" {
	refused 2 '"many" is not a count' <<-END
		[daemon]
		connections-per-user = many
	END
}

@test "a time that is none is refused" {
	refused 2 '"1d" is not a time' <<-END
		[daemon]
		hello-timeout = 1d
	END
}

@test "a line that is too long is refused" {
	refused 3 'the line is longer than' < <(printf '[region x]\nsize = 4K\n; %05000d\n' 0)
}

@test "an indented key is refused because it would be read as more of the value before" {
	refused 3 'do not indent keys' <<-END
		[region x]
		size = 4K
		  width = 32
	END
}

@test "a file with bytes that are no text is refused" {
	refused 2 'no text' < <(printf '[region x]\n\0\0\377\n')
	printf '[grant x]\nregion = shm\nuser = root\0, nobody' >"$(bad_file)"
	run check
	expect_status 78
	expect_match ":3: the line has a byte that is no text"
}

@test "a file that others may write is refused" {
	start_with_directory
	echo "[daemon]" >"$(bad_file)"
	for mode in 664 646 666; do
		chmod "$mode" "$(bad_file)"
		run check
		expect_status 78
		expect_match "^$(bad_file):0: the file is writable by its group or by others: chmod go-w it"
	done
	still_in_force "$(bad_file):0: " 'writable by its group'
}

@test "a directory that others may write is refused" {
	start_with_directory
	chmod 777 "$T/etc/mmiod.conf.d"
	run check
	expect_status 78
	expect_match "^$T/etc/mmiod.conf.d:0: the directory is writable by its group or by others"
	still_in_force "$T/etc/mmiod.conf.d:0: " 'the directory is writable'
}

@test "a file of another user is refused" {
	need_root
	start_with_directory
	echo "[daemon]" >"$(bad_file)"
	chown "$STRANGER" "$(bad_file)"
	run check
	expect_status 78
	expect_match "^$(bad_file):0: the file belongs neither to root nor to the daemon's user"
	still_in_force "$(bad_file):0: " 'belongs neither to root'
}

@test "a pipe among the files is refused and does not hang the daemon" {
	start_with_directory
	mkfifo "$(bad_file)"
	run timeout 600 mmiod --check-config --config "$T/etc" --simulate "$T/sim.conf"
	expect_status 78
	expect_match "^$(bad_file):0: not a regular file"
	still_in_force "$(bad_file):0: " 'not a regular file'
}

@test "a file that does not exist is refused where it was named" {
	run mmiod --check-config --config "$T/nowhere.conf"
	expect_status 78
	expect_match "^$T/nowhere.conf:0: cannot open: No such file"
}

@test "a region without a device is refused outside of simulation" {
	run mmiod --check-config --config "$T/sim.conf"
	expect_status 78
	expect_match "^$T/sim.conf:1: the region has no device"
}

@test "a reload puts new regions and grants in force as a whole" {
	start_with_directory
	cat >"$T/etc/mmiod.conf.d/60-new.conf" <<-END
		[region new]
		size = 4K
		[grant new]
		region = new secret
		user = $ME
	END
	reload
	eventually mmioctl read new
	mmioctl read secret
}

@test "a reload takes grants away, and leases live on" {
	start_daemon
	hold shm/0x1000
	sed -i '/^\[grant us\]/,/^access/d' "$T/sim.conf"
	reload
	eventually eval '! mmioctl read regs 2>/dev/null'
	run mmioctl read shm+0x1000
	expect_status 4
	expect_equal "$(leases)" 1
}

@test "a region that is no longer configured goes when its last lease does" {
	start_daemon
	hold shm/0x1000
	sed -i -e '/^\[region shm\]/,/^cache/d' -e 's/^region = regs shm/region = regs/' "$T/sim.conf"
	reload
	# shellcheck disable=SC2016 # eval expands it, each time
	eventually eval '[ "$(mmioctl read shm+0x1000 2>&1)" = "mmioctl: there is no region \"shm\"" ]'
	expect_equal "$(leases)" 1
	kill -TERM "$JOB"
	expect_end 0
	run mmioctl list --no-headings -o name
	expect_equal "$output" $'regs\nrom\nsecret'
}

@test "drop-ins are read in order of their names, and later ones win" {
	mkdir -p "$T/etc/mmiod.conf.d"
	printf '[region shm]\nsize = 8K\n' >"$T/etc/mmiod.conf.d/10-a.conf"
	printf '[region extra]\nsize = 8K\n' >"$T/etc/mmiod.conf.d/20-b.conf"
	printf '[region extra]\nsize = 12K\n' >"$T/etc/mmiod.conf.d/30-c.conf"
	printf '[region ignored]\nsize = 4K\n' >"$T/etc/mmiod.conf.d/40-d.conf.bak"
	printf '[region ignored]\nsize = 4K\n' >"$T/etc/mmiod.conf.d/.hidden.conf"
	start_daemon --config "$T/etc"
	run mmioctl list --no-headings -o name,size --bytes
	expect_match 'extra +12288'
	expect_match 'shm +65536'
	[[ $output != *ignored* ]]
	run check
	expect_status 0
	expect_match '^'"$T"'/etc/mmiod.conf.d/10-a.conf'
	expect_match 'good: 5 regions, 3 grants'
}

@test "many reloads leave no descriptor open" {
	local before

	start_daemon
	fds_are() {
		[ "$(find "/proc/$DAEMON/fd" -mindepth 1 | wc -l)" -eq "$1" ]
	}
	# The connection that start_daemon made is closed a little later.
	same=0
	while [ "$same" -lt 10 ]; do
		before=$(find "/proc/$DAEMON/fd" -mindepth 1 | wc -l)
		mmioctl status >/dev/null
		sleep 0.02
		if fds_are "$before"; then same=$((same + 1)); else same=0; fi
	done
	for _ in $(seq 200); do kill -HUP "$DAEMON"; sleep 0.001; done
	mmioctl status
	eventually fds_are "$before"
}

# ---- what a start has to live with

@test "a start leaves out a group that nobody has, serves the rest, and warns" {
	printf '[grant directory]\nregion = regs\ngroup = lab-of-nobody\naccess = rw\n' >>"$T/sim.conf"
	start_daemon
	line=$(grep -n lab-of-nobody "$T/sim.conf" | cut -d: -f1)
	mmioctl read regs
	warning_has "sim.conf:$line: there is no group \"lab-of-nobody\" now"
	grep -F "sim.conf:$line: there is no group" "$T/log"
	run mmiod --check-config --simulate "$T/sim.conf"
	expect_status 78
	expect_match "sim.conf:$line: there is no group \"lab-of-nobody\""
	reload
	eventually warning_has 'an older configuration is in force'
	mmioctl read regs
}

@test "who names a group with blanks writes it in double quotes" {
	[ "$ME" -eq 0 ] || skip "only root can put another group file in place"
	unshare -m true 2>/dev/null || skip "no mount namespace may be made here"
	{ cat /etc/group; echo 'domain users:x:65001:'; } >"$T/group"
	for name in '"domain users"' 65001; do
		printf '[region r]\nsize = 4K\n[grant all]\nregion = *\ngroup = %s\n' "$name" >"$T/quoted.conf"
		unshare -m sh -c "mount --bind $T/group /etc/group && mmiod --check-config --simulate $T/quoted.conf"
	done
	printf '[region r]\nsize = 4K\n[grant all]\nregion = *\ngroup = domain users\n' >"$T/quoted.conf"
	run mmiod --check-config --simulate "$T/quoted.conf"
	expect_status 78
	expect_match 'in "domain users" names are separated by blanks'
}

@test "a check warns of what is no fault but will not work" {
	printf '[grant later]\nregion = card-*\nuser = 65534\n' >>"$T/sim.conf"
	run --separate-stderr mmiod --check-config --simulate "$T/sim.conf"
	expect_status 0
	expect_match 'good: '
	output=$stderr
	expect_match 'warning: .*sim.conf:[0-9]+: the pattern "card-\*" of grant later matches no region'
	expect_match 'warning: .*user 65534 .*unknown = yes'
	start_daemon
	grep -F 'the pattern "card-*" of grant later matches no region' "$T/log"
}

@test "regions that have bytes in common are refused by the check, and warned of at a start" {
	printf '[region one]\ndevice = 0000:01:00.0/bar0/4K\n[region two]\ndevice = 0000:01:00.0/bar0+0x800/4K\n' \
		>>"$T/sim.conf"
	run mmiod --check-config --simulate "$T/sim.conf"
	expect_status 78
	expect_match 'region two has the bytes 0x800 to 0xfff in common with region one'
	start_daemon
	grep -F 'in common with region one' "$T/log"
}

# a_function ADDRESS VENDOR DEVICE: one of a made-up /sys/bus/pci.
a_function() {
	local at=$T/pci/devices/$1 none='0x0000000000000000 0x0000000000000000 0x0000000000000000'

	mkdir -p "$at" "$T/pci/drivers/mmiod"
	printf '0x%s\n' "$2" | tee "$at/subsystem_vendor" >"$at/vendor"
	printf '0x%s\n' "$3" | tee "$at/subsystem_device" >"$at/device"
	echo 0x050000 >"$at/class"
	echo 0x00 >"$at/revision"
	echo '(null)' >"$at/driver_override"
	printf '%s\n' '0x00000000fea00000 0x00000000fea03fff 0x0000000000040200' "$none" "$none" "$none" "$none" "$none" \
		"$none" >"$at/resource"
	{ printf '%b' "\\x${2:2}\\x${2:0:2}\\x${3:2}\\x${3:0:2}"; head -c 252 /dev/zero; } >"$at/config"
}

@test "another device at the address of the one that is meant is not bound" {
	need_root
	[ -d /sys/bus/pci ] || skip "there is no /sys/bus/pci to put another in place of"
	unshare -m true 2>/dev/null || skip "no mount namespace may be made here"
	a_function 0000:00:0e.0 1b36 0005
	mkdir "$T/etc"
	printf '[region fpga]\ndevice = pci:0000:00:0e.0\nids = 10ee:9038\nbar = 0\nbind = yes\n' >"$T/etc/mmiod.conf"
	run unshare -m sh -c "mount --bind $T/pci /sys/bus/pci && mmiod --bind-configured --dry-run --config $T/etc"
	expect_status 3
	expect_equal "$output" "mmiod: region fpga: 0000:00:0e.0 is 1b36:0005, not 10ee:9038: it is not bound"
	sed -i 's/10ee:9038/1b36:0005/' "$T/etc/mmiod.conf"
	run unshare -m sh -c "mount --bind $T/pci /sys/bus/pci && mmiod --bind-configured --dry-run --config $T/etc"
	expect_status 0
	expect_match 'echo 0000:00:0e.0 >.*/mmiod/bind'
}
