# SPDX-License-Identifier: MIT
# shellcheck shell=bats
# Pictures as SVG: map, pools --map and tree, and how a browser shows them.
load helper

LONG=a-region-with-a-name-of-31-letter

# Devices with one, three and 300 regions, of which the names are as long as they may be; two pools.
with_devices() {
	local i
	{
		standard_config
		printf '[region %s]\ndevice = pci:0000:01:00.0\nbar = 0\nsize = 64K\n' "${LONG:0:31}"
		for i in 0 1 2; do
			printf '[region three-%d]\ndevice = pci:0000:02:00.0\nbar = %d\noffset = %dK\nsize = 4K\n' "$i" $((i / 2)) $((i * 12))
		done
		for i in {0..299}; do
			printf '[region many-%03d]\ndevice = pci:0000:03:00.0\nbar = 2\noffset = %dK\nsize = 4K\n' "$i" $((i * 4))
		done
		printf '[region vram]\nsize = 1M\npool = yes\n[region sram]\nsize = 64K\npool = yes\n'
		printf '[device card]\ndevice = pci:0000:02:00.0\ninterrupts = msix\nvectors = 4\ndma-engine = no\n'
		printf '[grant pictures]\nregion = %s* three-* many-* vram sram\ndevice = card\ninterrupts = yes\nuser = %s\naccess = rw\nshare = shared-write\n' \
			"${LONG:0:20}" "$ME"
		[ "$ME" -eq 0 ] || printf '[admin pictures]\nuser = %s\n' "$ME"
	} >"$T/sim.conf"
	start_daemon
}

# Who has what: a few who share, many of one, and one that has a hundred.
with_holders() {
	hold "${LONG:0:31}+0x1000/0x3000"
	hold "${LONG:0:31}+0x2000/0x8000"
	hold "${LONG:0:31}+0xf000/0x1000"
	hold three-0
	hold three-2
	# shellcheck disable=SC2046
	hold $(printf 'many-%03d ' {0..99})
	hold many-150
	hold shm
	background mmioctl irq card:1
	background mmioctl alloc vram 256K
	background mmioctl alloc vram 4K
	background mmioctl alloc sram 4K
	eventually allocated 3
}

allocated() {
	[ "$(value '[.pools[].leases] | add' pools)" -eq "$1" ]
}

# The titles of a picture that match; xml.dom minds whether it is well-formed.
titles() { # FILE PATTERN
	python3 - "$@" <<-'END'
		import re, sys, xml.dom.minidom
		page = xml.dom.minidom.parse(sys.argv[1])
		titles = [node.firstChild.data for node in page.getElementsByTagName("title")]
		print(sum(bool(re.search(sys.argv[2], title)) for title in titles))
	END
}

words() { # FILE: what is written in a picture, a line each
	python3 - "$1" <<-'END'
		import sys, xml.dom.minidom
		for text in xml.dom.minidom.parse(sys.argv[1]).getElementsByTagName("text"):
		    print(text.lastChild.data)
	END
}

@test "map of a device draws its BARs, regions and windows, and who holds them" {
	with_devices
	hold three-2
	run mmioctl map 0000:02:00.0 --svg "$T/three.svg"
	expect_status 0
	expect_equal "$output" ""
	run words "$T/three.svg"
	expect_match '0000:02:00.0/bar0, 16K'
	expect_match '0000:02:00.0/bar1, 28K'
	expect_match $'three-2\n\\+0x6000/0x1000\nrw uc\n[^ ]+ '"$JOB mmioctl"
	expect_match $'three-1\n\\+0x3000/0x1000\nrw uc\n-'
	expect_equal "$(titles "$T/three.svg" "^lease $LEASE, three-2, 0x6000 \+ 0x1000, .* $JOB mmioctl, rw, uc, shared-write$")" 1
	expect_equal "$(titles "$T/three.svg" '^three-[012], 0x')" 3
	mmioctl map card --svg "$T/card.svg"
	cmp "$T/three.svg" "$T/card.svg"
}

@test "map of a device is drawn in letters, and told as JSON" {
	with_devices
	hold three-0
	COLUMNS=40 run mmioctl map card
	expect_status 0
	expect_match '0000:02:00.0/bar0 16K'
	expect_match '0x3000 \+ 0x1000 three-1'
	expect_match "A .* $JOB mmioctl 4K in 1, 25.0%"
	run mmioctl --json map card
	expect_equal "$(jq -c '[.schema, .device, [.bars[] | [.bar, .size, .free, [.regions[] | [.region, .offset, .length]], [.windows[] | [.region, .offset]]]], .regions]' <<<"$output")" \
		'[1,"0000:02:00.0",[["0000:02:00.0/bar0",16384,12288,[["three-0",0,4096],["three-1",12288,4096]],[["three-0",0]]],["0000:02:00.0/bar1",28672,28672,[["three-2",24576,4096]],[]]],[]]'
	run mmioctl map 0000:09:00.0
	[ "$status" -ne 0 ]
	run mmioctl map nothing
	expect_status 3
}

@test "a region that is named as a device is drawn as what it is" {
	with_devices
	stop_daemon
	sed -i 's/^\[device card\]/[device shm]/; s/^device = card/device = shm/' "$T/sim.conf"
	start_daemon
	run mmioctl --json map shm
	expect_equal "$(jq -r .region <<<"$output")" shm
}

@test "pools and trees are drawn as SVG, too" {
	with_devices
	with_holders
	run mmioctl pools --map --svg "$T/pools.svg"
	expect_status 0
	expect_equal "$output" ""
	run words "$T/pools.svg"
	expect_match $'^pools\nvram, 1M\n'
	expect_match $'\nsram, 64K\n'
	expect_equal "$(titles "$T/pools.svg" '^lease [0-9]+, 0x[0-9a-f]+ \+ 0x40000, .* mmioctl$')" 1
	mmioctl pools --map sram --svg - >"$T/sram.svg"
	run words "$T/sram.svg"
	expect_equal "${lines[0]}" "sram, 64K"
	run mmioctl tree --svg "$T/tree.svg"
	expect_status 0
	run words "$T/tree.svg"
	expect_match $'\nmany-299\n4K\nrw\nuc\nok\n'
	expect_match $'\nvector 1\nok\n'
	run mmioctl --json tree --svg "$T/tree.svg"
	expect_equal "$(jq .schema <<<"$output")" 1
}

@test "pictures that cannot be written leave nothing behind, and --svg wants --map" {
	with_devices
	ln -s /dev/full "$T/full"
	for verb in "map shm" "map card" "pools --map" tree; do
		# shellcheck disable=SC2086
		run mmioctl $verb --svg "$T/no/such.svg"
		expect_status 3
		expect_match 'cannot write .*/no/such.svg'
		# shellcheck disable=SC2086
		run mmioctl $verb --svg "$T/full"
		expect_status 1
		# What was there before is not ours to remove.
		[ -L "$T/full" ]
	done
	run mmioctl pools --svg "$T/pools.svg"
	expect_status 2
	expect_match '--svg is for --map'
	[ ! -e "$T/pools.svg" ]
}

# What look itself has to find.
bad_picture() {
	cat <<-'END'
		<?xml version="1.0" encoding="UTF-8"?>
		<svg xmlns="http://www.w3.org/2000/svg" width="200" height="100" viewBox="0 0 200 100" font-size="13">
		<text x="10" y="20">one upon</text><text x="20" y="25">another</text>
		<text x="170" y="50">much too long</text>
		<g class="box"><rect x="10" y="60" width="20" height="20"/><text x="12" y="75">wide</text></g>
		<text x="10" y="95">short…</text>
		</svg>
	END
}

@test "no label of a picture overlaps another or is cut, with one, three and 300 regions" {
	with_devices
	with_holders
	mmioctl map "${LONG:0:31}" --svg "$T/region.svg"
	for device in 1 2 3; do mmioctl map "0000:0$device:00.0" --svg "$T/device-$device.svg"; done
	mmioctl pools --map --svg "$T/pools.svg"
	mmioctl pools --map sram --svg "$T/pool.svg"
	mmioctl tree --svg "$T/tree.svg"
	mmioctl tree --bytes --svg "$T/bytes.svg"
	bad_picture >"$T/bad.svg"
	run "$BATS_TEST_DIRNAME/look" "$T/bad.svg" "$T"/{region,device-1,device-2,device-3,pools,pool,tree,bytes}.svg
	[ "$status" -ne 77 ] || skip "$output"
	expect_status 1
	echo "$output"
	expect_equal "${lines[0]}" 'bad.svg: "one upon" overlaps "another"'
	expect_equal "${lines[1]}" 'bad.svg: "much too long" is cut'
	expect_equal "${lines[2]}" 'bad.svg: "wide" leaves its box'
	expect_equal "${lines[3]}" 'bad.svg: "short…" is nowhere whole'
	expect_equal "${lines[4]}" '# bad.svg: 5 labels, 1 shortened'
	expect_equal "${#lines[@]}" 13
	# There is something to be read in each.
	for output in "${lines[@]:5}"; do expect_match '^# [a-z0-9-]+\.svg: [1-9][0-9]* labels'; done
}
