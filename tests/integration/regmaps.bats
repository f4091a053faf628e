# SPDX-License-Identifier: MIT
# shellcheck shell=bats
# Register maps of other formats: what is read of each, what is refused, and regs with what an access does.
load helper

# svd: standard input as the peripherals of a device whose registers have 32 bits, in $T/a.svd.
svd() {
	{
		printf '<?xml version="1.0" encoding="utf-8"?>\n<device schemaVersion="1.3"><name>SOC</name>'
		printf '<size>32</size><access>read-write</access><resetValue>0x0</resetValue>\n<peripherals>'
		cat
		printf '</peripherals></device>\n'
	} >"$T/a.svd"
}

# registers: standard input as those of one peripheral, from line 4 on.
registers() {
	{ printf '<peripheral><name>P</name><baseAddress>0x40000000</baseAddress><registers>\n'
	cat
	printf '</registers></peripheral>'; } | svd
}

# reg NAME OFFSET [MORE]: a register as XML.
reg() {
	printf '<register><name>%s</name><addressOffset>%s</addressOffset>%s</register>\n' "$1" "$2" "${3:-}"
}

# ipxact [BLOCK-MORE]: standard input as the registers of one address block.
ipxact() {
	{
		printf '<ipxact:component xmlns:ipxact="urn:x"><ipxact:name>ip</ipxact:name><ipxact:memoryMaps><ipxact:memoryMap>\n'
		printf '<ipxact:name>m</ipxact:name><ipxact:addressBlock><ipxact:name>blk</ipxact:name>'
		printf '<ipxact:baseAddress>0x100</ipxact:baseAddress><ipxact:range>0x1000</ipxact:range>'
		printf '<ipxact:width>32</ipxact:width>\n'
		sed -E 's#<(/?)([a-zA-Z])#<\1ipxact:\2#g'
		printf '</ipxact:addressBlock>%s</ipxact:memoryMap></ipxact:memoryMaps></ipxact:component>\n' "${1:-}"
	} >"$T/a.xml"
}

# becomes FILE [OPTION…]: the map without its [map] section is standard input, and is the same when it is read again.
becomes() {
	run --separate-stderr mmioctl regmap convert "$@"
	# shellcheck disable=SC2154 # set by run
	[ "$status" -eq 0 ] || { echo "$stderr"; return 1; }
	expect_equal "$(sed '1,/^$/d' <<<"$output")" "$(cat)"
	echo "$output" >"$T/again.ini"
	mmioctl regmap convert "$T/again.ini" | cmp - "$T/again.ini"
}

# refuses PATTERN FILE [OPTION…]: one sentence, with status 1, and nothing else.
refuses() {
	run --separate-stderr timeout 20 mmioctl regmap convert "${@:2}"
	expect_equal "$output" ""
	output=$stderr
	expect_status 1
	expect_match "$1"
}

finds() {
	run mmioctl regmap check "$2"
	expect_status 9
	expect_match "$1"
}

# ---- CMSIS-SVD

@test "SVD: a register with all that is known of it" {
	registers <<-END
		<register><name>CR</name><description>control
		   register; of it</description><addressOffset>0x10</addressOffset><size>0x10</size>
		<access>read-only</access><resetValue>0x8001</resetValue><fields>
		<field><name>A</name><bitRange>[3:2]</bitRange></field>
		<field><name>B</name><lsb>4</lsb><msb>7</msb><access>read-write</access></field>
		<field><name>C</name><description>the third</description><bitOffset>8</bitOffset><bitWidth>2</bitWidth>
		<enumeratedValues><enumeratedValue><name>off</name><value>0</value></enumeratedValue>
		<enumeratedValue><name>some-what</name><value>#1x</value></enumeratedValue>
		<enumeratedValue><name>1</name><value>0b01</value></enumeratedValue></enumeratedValues></field>
		<field><name>D</name><bitOffset>15</bitOffset></field>
		</fields></register>
	END
	becomes "$T/a.svd" <<-END
		[CR]
		offset = 0x10
		width = 16
		access = ro
		reset = 0x8001
		description = control register, of it
		field A = 3-2 ro
		field B = 7-4 rw
		field C = 9-8 ro the third
		value C 0 = off
		value C 0b1x = some_what
		value C 1 = v1
		field D = 15 ro
	END
	expect_match 'title = SOC P'
}

@test "SVD: what an access does is kept" {
	registers <<-END
		$(reg A 0 '<modifiedWriteValues>oneToClear</modifiedWriteValues>')
		$(reg B 4 '<access>read-writeOnce</access><readAction>clear</readAction>')
		$(reg C 8 '<access>write-only</access><modifiedWriteValues>oneToSet</modifiedWriteValues>')
		$(reg D 12 '<fields><field><name>F</name><bitOffset>0</bitOffset><modifiedWriteValues>zeroToToggle</modifiedWriteValues>
			<readAction>modifyExternal</readAction></field></fields>')
		$(reg E 16 '<modifiedWriteValues>set</modifiedWriteValues>')
		$(reg F 20 '<access>writeOnce</access>')
	END
	run mmioctl regmap convert "$T/a.svd"
	expect_equal "$(grep -E '^(access|read-action|field)' <<<"$output")" "$(printf '%s\n' 'access = w1c' \
		'access = rwonce' 'read-action = clear' 'access = wo' 'access = rw' 'field F = 0 w0t' 'read-action F = modify' \
		'access = wact' 'access = wonce')"
}

@test "SVD: arrays by number, by range and by name, with brackets and without" {
	registers <<-END
		$(reg 'A[%s]' 0 '<dim>2</dim><dimIncrement>4</dimIncrement>')
		$(reg 'B%s_X' 0x10 '<dim>2</dim><dimIncrement>8</dimIncrement><dimIndex>5-6</dimIndex>')
		$(reg 'C%s' 0x30 '<dim>2</dim><dimIncrement>4</dimIncrement><dimIndex>IN, OUT</dimIndex>')
		$(reg 'D%s' 0x40 '<dim>2</dim><dimIncrement>4</dimIncrement><dimIndex>B-C</dimIndex>
			<fields><field><name>F%s</name><dim>2</dim><dimIncrement>4</dimIncrement><bitOffset>1</bitOffset></field></fields>')
		<cluster><name>CH[%s]</name><dim>2</dim><dimIncrement>0x20</dimIncrement><addressOffset>0x100</addressOffset>
		$(reg 'R%s' 4 '<dim>2</dim><dimIncrement>4</dimIncrement>')</cluster>
	END
	run mmioctl regmap convert "$T/a.svd"
	expect_equal "$(grep -E '^(\[|offset|field)' <<<"$output" | tail -n +2 | paste -sd' ')" "$(printf '%s ' '[A0] offset = 0x0' \
		'[A1] offset = 0x4' '[B5_X] offset = 0x10' '[B6_X] offset = 0x18' '[CIN] offset = 0x30' '[COUT] offset = 0x34' \
		'[DB] offset = 0x40 field F0 = 1 rw field F1 = 5 rw' '[DC] offset = 0x44 field F0 = 1 rw field F1 = 5 rw' \
		'[CH0_R0] offset = 0x104' '[CH0_R1] offset = 0x108' '[CH1_R0] offset = 0x124' '[CH1_R1] offset = 0x128' | sed 's/ $//')"
}

@test "SVD: size, access and reset are inherited, by way of the cluster" {
	svd <<-END
		<peripheral><name>P</name><baseAddress>0</baseAddress><size>16</size><access>read-only</access><resetValue>0x12345678</resetValue>
		<registers>$(reg A 0)<cluster><name>K</name><addressOffset>8</addressOffset><size>8</size>$(reg B 0)
		$(reg C 8 '<size>64</size><access>read-write</access>')</cluster></registers></peripheral>
	END
	becomes "$T/a.svd" <<-END
		[A]
		offset = 0x0
		width = 16
		access = ro
		reset = 0x5678

		[K_B]
		offset = 0x8
		width = 8
		access = ro
		reset = 0x78

		[K_C]
		offset = 0x10
		width = 64
		access = rw
		reset = 0x12345678
	END
}

@test "SVD: what is derived has what it does not say itself, by name and by path" {
	svd <<-END
		<peripheral><name>U0</name><baseAddress>0x1000</baseAddress><registers>
		$(reg A 0 '<description>first</description><fields><field><name>F</name><bitOffset>3</bitOffset></field></fields>')
		<register derivedFrom="A"><name>B</name><addressOffset>4</addressOffset></register></registers></peripheral>
		<peripheral derivedFrom="U0"><name>U1</name><baseAddress>0x2000</baseAddress></peripheral>
		<peripheral><name>V</name><baseAddress>0x3000</baseAddress><registers>
		<register derivedFrom="U0.B"><name>C</name><addressOffset>8</addressOffset></register></registers></peripheral>
	END
	for choice in 'U1 B' 'u1 A' 'V C'; do
		# shellcheck disable=SC2086 # two words
		set -- $choice
		run mmioctl regmap convert "$T/a.svd" --peripheral "$1"
		expect_match "\\[$2\\]"
		expect_match "description = first"
		expect_match "field F = 3 rw"
	done
}

@test "SVD: of several peripherals one is named, or all are read from a base" {
	svd <<-END
		<peripheral><name>U0</name><baseAddress>0x1000</baseAddress><registers>$(reg A 4)</registers></peripheral>
		<peripheral derivedFrom="U0"><name>U1</name><baseAddress>0x2000</baseAddress></peripheral>
	END
	refuses 'it describes 2 peripherals: name one of them, or the base address to count from: U0, U1' "$T/a.svd"
	refuses 'there is no peripheral "U2": there are U0, U1' "$T/a.svd" --peripheral U2
	refuses 'U0 lies at 0x1000, below the base 0x1800' "$T/a.svd" --base 0x1800
	becomes "$T/a.svd" --base 0x1000 <<-END
		[U0_A]
		offset = 0x4
		width = 32
		access = rw
		reset = 0x0

		[U1_A]
		offset = 0x1004
		width = 32
		access = rw
		reset = 0x0
	END
}

@test "SVD: alternatives may lie where others do" {
	registers <<-END
		$(reg A 0)
		$(reg B 0 '<alternateRegister>A</alternateRegister>')
	END
	run mmioctl regmap check "$T/a.svd"
	expect_status 0
	expect_equal "$output" "$T/a.svd: 2 registers, nothing wrong"
	mmioctl regmap convert "$T/a.svd" "$T/b.ini"
	run mmioctl regmap check "$T/b.ini"
	expect_status 0
}

# ---- IP-XACT

@test "IP-XACT: registers, files and arrays, by either standard's words" {
	ipxact <<-END
		<register><name>CTRL</name><addressOffset>'h10</addressOffset><size>32</size><access>read-write</access>
		<resets><reset><value>32'h0000_00a5</value></reset></resets>
		<field><name>EN</name><bitOffset>0</bitOffset><bitWidth>1</bitWidth><modifiedWriteValue>oneToClear</modifiedWriteValue>
		<enumeratedValues><enumeratedValue><name>on</name><value>'b1</value></enumeratedValue></enumeratedValues></field></register>
		<registerFile><name>CH</name><dim>2</dim><addressOffset>0x20</addressOffset><range>0x10</range>
		<register><name>D</name><dim>2</dim><addressOffset>0</addressOffset><size>16</size>
		<field><name>L</name><bitOffset>0</bitOffset><resets><reset><value>1</value></reset></resets><bitWidth>1</bitWidth></field>
		<field><name>H</name><bitOffset>4</bitOffset><resets><reset><value>3</value></reset></resets><bitWidth>4</bitWidth></field>
		</register></registerFile>
	END
	sed 's/ipxact:/spirit:/g; s/xmlns:ipxact/xmlns:spirit/; s#resets><spirit:##; s#</spirit:resets>##' "$T/a.xml" >"$T/2009.xml"
	mmioctl regmap convert "$T/2009.xml" >"$T/2009.ini"
	becomes "$T/a.xml" <<-END
		[CTRL]
		offset = 0x10
		width = 32
		access = rw
		reset = 0xa5
		field EN = 0 w1c
		value EN 1 = on

		[CH_0_D_0]
		offset = 0x20
		width = 16
		access = rw
		reset = 0x31
		field L = 0 rw
		field H = 7-4 rw

		[CH_0_D_1]
		offset = 0x22
		width = 16
		access = rw
		reset = 0x31
		field L = 0 rw
		field H = 7-4 rw

		[CH_1_D_0]
		offset = 0x30
		width = 16
		access = rw
		reset = 0x31
		field L = 0 rw
		field H = 7-4 rw

		[CH_1_D_1]
		offset = 0x32
		width = 16
		access = rw
		reset = 0x31
		field L = 0 rw
		field H = 7-4 rw
	END
	expect_equal "$(grep -c '^\[' "$T/2009.ini")" 6
	grep -q 'reset = 0xa5' "$T/2009.ini"
}

@test "IP-XACT: arrays of 2022 have dimensions and strides, of registers, files, fields and blocks" {
	ipxact <<-END
		<register><name>CNT</name><array><dim indexVar="i">2</dim><dim>2</dim><stride>8</stride></array>
		<addressOffset>0x10</addressOffset><size>32</size></register>
		<registerFile><name>CH</name><array><dim>2</dim><stride>'h40</stride></array><addressOffset>0x80</addressOffset><range>0x10</range>
		<register><name>D</name><array><dim>2</dim></array><addressOffset>4</addressOffset><size>16</size>
		<field><name>F</name><array><dim>2</dim><bitStride>4</bitStride></array><bitOffset>1</bitOffset><bitWidth>2</bitWidth>
		<fieldAccessPolicies><fieldAccessPolicy><access>read-only</access><readAction>clear</readAction></fieldAccessPolicy></fieldAccessPolicies>
		</field></register></registerFile>
		<register><name>W</name><addressOffset>0</addressOffset><size>32</size>
		<accessPolicies><accessPolicy><access>write-only</access></accessPolicy></accessPolicies></register>
	END
	mmioctl regmap convert "$T/a.xml" >"$T/a.ini"
	mmioctl regmap check "$T/a.ini"
	expect_equal "$(awk '/^\[[A-Z]/ { name = $0 } /^offset/ { print name, $3 }' "$T/a.ini" | paste -sd' ')" \
		'[CNT_0_0] 0x10 [CNT_0_1] 0x18 [CNT_1_0] 0x20 [CNT_1_1] 0x28 [CH_0_D_0] 0x84 [CH_0_D_1] 0x86 [CH_1_D_0] 0xc4 [CH_1_D_1] 0xc6 [W] 0x0'
	expect_equal "$(sed -n '/^\[CH_1_D_1\]/,/^$/p' "$T/a.ini" | grep -E '^(field|read-action)' | paste -sd' ')" \
		'field F_0 = 2-1 ro read-action F_0 = clear field F_1 = 6-5 ro read-action F_1 = clear'
	sed -n '/^\[W\]/,/^$/p' "$T/a.ini" | grep -qx 'access = wo'
	sed 's#<ipxact:name>blk</ipxact:name>#&<ipxact:array><ipxact:dim>2</ipxact:dim></ipxact:array>#' "$T/a.xml" >"$T/blocks.xml"
	mmioctl regmap convert "$T/blocks.xml" --base 0x100 >"$T/blocks.ini"
	# Fields without a stride follow each other.
	sed 's#<ipxact:bitStride>4</ipxact:bitStride>##' "$T/a.xml" >"$T/near.xml"
	mmioctl regmap convert "$T/near.xml" | grep -qx 'field F_1 = 4-3 ro'
	# Blocks without a stride follow each other.
	expect_equal "$(grep -A1 -F '[blk_1_CNT_0_1]' "$T/blocks.ini" | tail -n1)" 'offset = 0x1018'
}

@test "however long a path is, what is wrong with it is told" {
	printf '[map]\nsource = /%s\n' "$(printf 'long-%.0s' {1..400})" >"$T/a.ini"
	refuses '^[^ ]*mmioctl: /long-.*: (No such file or directory|File name too long)$' "$T/a.ini"
}

@test "IP-XACT: arrays and access policies that make no sense are refused with their line" {
	local register='<addressOffset>0</addressOffset><size>32</size></register>'
	ipxact <<<"<register><name>A</name><array><stride>4</stride></array>$register"
	refuses 'a.xml:3: an array has at least one dim' "$T/a.xml"
	ipxact <<<"<register><name>A</name><array><dim>2</dim><stride>0</stride></array>$register"
	refuses 'a.xml:3: stride 0: all elements of the array would be one' "$T/a.xml"
	ipxact <<<"<register><name>A</name><array><dim>N+1</dim></array>$register"
	refuses 'a.xml:3: dim "N\+1": it is a number, decimal or 0x…; expressions are not read' "$T/a.xml"
	ipxact <<<"<register><name>A</name><array><dim>65536</dim><dim>65536</dim></array>$register"
	refuses 'a.xml:3: dim 65536: an array has 1 to 65536 elements' "$T/a.xml"
	ipxact <<<"<register><name>A</name><array><dim>4</dim><stride>0x4000000000000000</stride></array>$register"
	refuses 'a.xml:3: array: its address is beyond' "$T/a.xml"
	ipxact <<<"<register><name>A</name><array><dim>2</dim><stride>2</stride></array>$register"
	run mmioctl regmap check "$T/a.xml"
	expect_status 9
	expect_match 'A_1.*A_0|A_0.*A_1'
	ipxact <<<"<register><name>A</name><accessPolicies><accessPolicy><access>read-only</access></accessPolicy><accessPolicy><access>write-only</access></accessPolicy></accessPolicies>$register"
	refuses 'a.xml:3: a second access policy' "$T/a.xml"
	ipxact <<<"<register><name>A</name><addressOffset>0</addressOffset><size>32</size><field><name>F</name><bitOffset>0</bitOffset><bitWidth>1</bitWidth><fieldAccessPolicies><fieldAccessPolicy><fieldAccessPolicyDefinitionRef>P</fieldAccessPolicyDefinitionRef></fieldAccessPolicy></fieldAccessPolicies></field></register>"
	refuses 'a.xml:3: this needs definitions' "$T/a.xml"
}

@test "IP-XACT: what would change the meaning is refused with its line" {
	ipxact '<ipxact:addressUnitBits>32</ipxact:addressUnitBits>' <<<"<register><name>A</name><addressOffset>0</addressOffset><size>32</size></register>"
	refuses 'a.xml:1: addressUnitBits 32: only maps that are addressed by bytes' "$T/a.xml"
	ipxact <<<"<register><name>A</name><addressOffset>0</addressOffset><size>WIDTH*2</size></register>"
	refuses 'a.xml:3: size "WIDTH\*2": it is a number, decimal or 0x…; expressions are not read' "$T/a.xml"
	ipxact <<<"<register><name>A</name><registerDefinitionRef>R</registerDefinitionRef><addressOffset>0</addressOffset></register>"
	refuses 'a.xml:3: this needs banks, or definitions that stand elsewhere' "$T/a.xml"
	ipxact <<<"<register><name>A</name><isPresent>0</isPresent><addressOffset>0</addressOffset><size>32</size></register>
		<register><name>B</name><isPresent>1</isPresent><addressOffset>0</addressOffset><size>32</size></register>"
	run mmioctl regmap convert "$T/a.xml"
	expect_equal "$(grep '^\[' <<<"$output" | paste -sd' ')" '[map] [B]'
}

# ---- LiteX

csr_csv() {
	cat >"$T/csr.csv" <<-END
		# Auto-generated by LiteX
		csr_base,ctrl,0xf0000000,,
		csr_base,uart,0xf0001800,,
		csr_base,uart_phy,0xf0002000,,
		csr_register,ctrl_scratch,0xf0000004,1,rw
		csr_register,ctrl_time,0xf0000008,2,ro
		csr_register,uart_rxtx,0xf0001800,1,rw
		csr_register,uart_phy_key,0xf0002000,3,rw
		constant,config_csr_data_width,32,,
		constant,config_cpu_name,vexriscv,,
		memory_region,csr,0xf0000000,65536,io
	END
}

@test "LiteX: csr.csv and csr.json are the same map" {
	csr_csv
	cat >"$T/csr.json" <<-END
		{ "csr_bases": { "ctrl": 4026531840, "uart": 4026537984, "uart_phy": 4026540032 },
		  "csr_registers": {
		    "ctrl_scratch": { "addr": 4026531844, "size": 1, "type": "rw" },
		    "ctrl_time": { "addr": 4026531848, "size": 2, "type": "ro" },
		    "uart_rxtx": { "addr": 4026537984, "size": 1, "type": "rw" },
		    "uart_phy_key": { "addr": 4026540032, "size": 3, "type": "rw" } },
		  "constants": { "config_csr_data_width": 32, "config_cpu_name": "vexriscv" },
		  "memories": { "csr": { "base": 4026531840, "size": 65536, "type": "io" } } }
	END
	mmioctl regmap convert "$T/csr.json" >"$T/json.ini"
	mmioctl regmap convert "$T/csr.csv" | cmp - "$T/json.ini"
	grep -q 'word = 32' "$T/json.ini"
	grep -q 'order = big' "$T/json.ini"
	becomes "$T/csr.csv" <<-END
		[ctrl_scratch]
		offset = 0x4
		width = 32
		access = rw

		[ctrl_time]
		offset = 0x8
		width = 64
		access = ro

		[uart_rxtx]
		offset = 0x1800
		width = 32
		access = rw

		[uart_phy_key_0]
		offset = 0x2000
		width = 32
		access = rw

		[uart_phy_key_1]
		offset = 0x2004
		width = 32
		access = rw

		[uart_phy_key_2]
		offset = 0x2008
		width = 32
		access = rw
	END
	becomes "$T/csr.csv" --peripheral uart <<-END
		[rxtx]
		offset = 0x0
		width = 32
		access = rw
	END
	refuses 'no peripheral "usb": there are ctrl, uart, uart_phy' "$T/csr.csv" --peripheral usb
}

@test "LiteX: a register of 64 bits is read and written in either order of words" {
	sed -i 's/size = 4K/size = 64K/' "$T/sim.conf"
	start_daemon
	csr_csv
	sed -i 's/ctrl_time,0xf0000008,2,ro/ctrl_time,0xf0000008,2,rw/' "$T/csr.csv"
	mmioctl write regs+8 0x01020304
	mmioctl write regs+12 0x05060708
	expect_equal "$(value .value.hex regs regs ctrl_time --map "$T/csr.csv")" 0x0102030405060708
	expect_equal "$(value .value.hex regs regs ctrl_time --map "$T/csr.csv" --csr-order little)" 0x0506070801020304
	mmioctl regs regs ctrl_time=0x1122334455667788 --map "$T/csr.csv"
	expect_equal "$(mmioctl read regs+8)" 0x11223344
	mmioctl regmap convert "$T/csr.csv" --csr-order little >"$T/little.ini"
	mmioctl regs regs ctrl_time=0x1122334455667788 --map "$T/little.ini"
	expect_equal "$(mmioctl read regs+8)" 0x55667788
	refuses 'word order "middle": it is big or little' "$T/csr.csv" --csr-order middle
}

@test "LiteX: mistakes have their lines" {
	csr_csv
	echo 'csr_register,x,0xf0000000,none,rw' >>"$T/csr.csv"
	refuses 'csr.csv:12: size "none": it is a number' "$T/csr.csv"
	sed -i '$ d' "$T/csr.csv"
	echo 'csr_register,x,0xf0000000,1,wo' >>"$T/csr.csv"
	refuses 'csr.csv:12: type "wo": it is ro or rw' "$T/csr.csv"
	echo 'csr_register,x,1,1,rw' >"$T/csr.csv"
	refuses 'it has no memory region csr' "$T/csr.csv"
	printf '{\n"csr_registers": {\n"a": { "addr": "x", "size": 1, "type": "rw" } } }' >"$T/csr.json"
	refuses 'csr.json:3: a: addr: it is a number' "$T/csr.json"
	printf '{\n"csr_registers": {\n"a": }' >"$T/csr.json"
	refuses 'csr.json:3: it is no good JSON' "$T/csr.json"
	printf 'memory_region,csr,0,64,io\ncsr_register,a.b,0,1,rw\ncsr_register,a-b,4,1,rw\n' >"$T/csr.csv"
	refuses 'csr.csv:3: there is a register a_b already, in line 2' "$T/csr.csv"
	echo '{}' >"$T/csr.json"
	refuses 'there is no object csr_registers' "$T/csr.json"
}

# ---- ours, with what the others brought

@test "a map of four lines ties a region to a peripheral of another file" {
	start_daemon
	svd <<-END
		<peripheral><name>U0</name><baseAddress>0x1000</baseAddress><registers>$(reg A 0)</registers></peripheral>
		<peripheral><name>U1</name><baseAddress>0x2000</baseAddress><registers>$(reg B 8)</registers></peripheral>
	END
	export XDG_CONFIG_HOME=$T/config
	mkdir -p "$T/config/mmiod/maps"
	cp "$T/a.svd" "$T/config/mmiod/maps/soc.svd"
	printf '[map]\nregions = regs\nsource = soc.svd\nperipheral = U1\n' >"$T/config/mmiod/maps/tie.ini"
	mmioctl write regs+8 7
	run mmioctl regs regs
	expect_match 'B +0x8 +rw +0x00000007'
	run mmioctl regs regs -o name --no-headings
	expect_equal "$output" B
	run mmioctl regs regs --peripheral U0
	expect_status 2
	expect_match 'are of the map that --map names'
	expect_equal "$(mmioctl regs regs --map "$T/a.svd" --peripheral U0 -o name --no-headings)" A
	printf '[map]\nsource = tie.ini\n' >"$T/config/mmiod/maps/loop.ini"
	refuses 'a source is not a map of mmiod' "$T/config/mmiod/maps/loop.ini"
	printf '[map]\nsource = none.svd\n' >"$T/none.ini"
	run mmioctl regmap convert "$T/none.ini"
	expect_status 3
	expect_match 'none.svd: No such file'
	printf '[map]\nsource = a.svd\nperipheral = U1\n[A]\noffset = 0\n' >"$T/both.ini"
	refuses 'both.ini:4: the map has a source' "$T/both.ini"
}

@test "regs reads what acts on reading only if it is named, and writes no field of it" {
	start_daemon
	cat >"$T/acts.ini" <<-END
		[FIFO]
		offset = 0
		width = 32
		read-action = modify
		field LOW = 7-0
		[ONCE]
		offset = 4
		width = 32
		field KEY = 7-0 rwonce
		field B = 8
		[FLAGS]
		offset = 8
		width = 32
		field SEEN = 3-0 w0c
		field LATCH = 7-4 w1s
		field EN = 8
	END
	mmioctl write regs 0x1234
	mmioctl write regs+8 0x25
	expect_equal "$(value '[.registers[].value.value] | tostring' regs regs --map "$T/acts.ini")" '[null,0,37]'
	expect_equal "$(value .value.value regs regs FIFO --map "$T/acts.ini")" 4660
	run mmioctl regs regs FIFO.LOW=1 --map "$T/acts.ini"
	expect_status 1
	expect_match 'FIFO acts when it is read, which writing one field does: write all of it'
	run mmioctl set regs LOW --map "$T/acts.ini"
	expect_match 'FIFO acts when it is read'
	run mmioctl regs regs ONCE.B=1 --map "$T/acts.ini"
	expect_status 1
	expect_match 'ONCE has a field that acts on any write, or is written once: write all of it'
	mmioctl regs regs FIFO=1 ONCE=5 --map "$T/acts.ini"
	run mmioctl regs regs FLAGS.EN=1 -v --map "$T/acts.ini"
	expect_equal "$output" 'regs+0x8: 0x00000025 -> 0x0000010f'
}

@test "set, clear and toggle of a field leave the others alone, and refuse what would not act" {
	start_daemon
	cat >"$T/acts.ini" <<-END
		[FLAGS]
		offset = 8
		width = 32
		field SEEN = 3-0 w0c
		field LATCH = 7-4 w1c
		field EN = 8
		field ID = 15-12 ro
		field KICK = 16 wo
		[ONCE]
		offset = 12
		width = 32
		field KEY = 7-0 rwonce
		field B = 8
	END
	mmioctl write regs+8 0x1a0a5
	run mmioctl set regs+8 EN -v --map "$T/acts.ini"
	expect_equal "$output" 'regs+0x8: 0x0001a0a5 -> 0x0000a10f'
	run mmioctl toggle regs+8 EN -v --map "$T/acts.ini"
	expect_equal "$output" 'regs+0x8: 0x0000a10f -> 0x0000a00f'
	mmioctl write regs+8 0x1a0a5
	run mmioctl set regs+8 LATCH EN -v --map "$T/acts.ini"
	expect_equal "$output" 'regs+0x8: 0x0001a0a5 -> 0x0000a1ff'
	mmioctl write regs+8 0x1a0a5
	run mmioctl clear regs+8 SEEN -v --map "$T/acts.ini"
	expect_equal "$output" 'regs+0x8: 0x0001a0a5 -> 0x0000a000'
	for refused in 'clear LATCH only.set' 'toggle LATCH only.set' 'set SEEN only.clear' 'set ID read-only'; do
		set -- $refused
		run mmioctl "$1" regs+8 "$2" --map "$T/acts.ini"
		expect_status 1
		expect_match "FLAGS\.$2 is .*acts.ini:[0-9]+.*|FLAGS\.$2 is read-only"
		expect_match "$3"
	done
	run mmioctl set regs+12 B --map "$T/acts.ini"
	expect_status 1
	expect_match 'ONCE has a field that acts on any write, or is written once: write all of it'
}

# ---- check and header

@test "check tells overlaps, widths and clashing names with their lines, all of them" {
	registers <<-END
		$(reg A 0)
		$(reg B 2 '<size>16</size>')
		$(reg A 8)
		$(reg C 0x11)
		$(reg D 0x20 '<size>24</size>')
		$(reg E 0x30 '<fields><field><name>X</name><bitOffset>0</bitOffset><bitWidth>4</bitWidth></field>
			<field><name>Y</name><bitOffset>3</bitOffset></field><field><name>Z</name><bitOffset>40</bitOffset></field></fields>')
	END
	finds 'a.svd:5: B at 0x2 overlaps A at 0x0, in line 4, which has 32 bits' "$T/a.svd"
	finds 'a.svd:6: there is a register A already, in line 4' "$T/a.svd"
	finds 'a.svd:7: C: offset 0x11 is not a multiple of its width, 32 bits' "$T/a.svd"
	finds 'a.svd:8: D is 24 bits wide: registers of 8, 16, 32 or 64 bits can be accessed' "$T/a.svd"
	finds 'a.svd:10: E: field Y overlaps another' "$T/a.svd"
	finds 'a.svd:10: E has 32 bits: field Z does not fit' "$T/a.svd"
	run mmioctl --json regmap check "$T/a.svd"
	expect_status 9
	jq -e '.count == 6 and (.findings | length) == 6 and .findings[0].line == 6' <<<"$output"
	refuses 'a.svd:6: there is a register A already' "$T/a.svd"
	run mmioctl regmap check "$T/none.svd"
	expect_status 3
	printf '[A]\noffset = 0\n[A]\noffset = 4\nfield B = 0\n[C]\noffset = 2\n' >"$T/a.ini"
	finds 'a.ini:3: there is a register A already, in line 1' "$T/a.ini"
	finds 'a.ini:6: C at 0x2 overlaps A at 0x0' "$T/a.ini"
}

@test "header prints constants that a compiler takes" {
	registers <<-END
		$(reg CTRL 0x10 '<description>*/ evil /*</description><resetValue>5</resetValue><fields><field><name>Mode</name><bitRange>[5:4]</bitRange>
			<enumeratedValues><enumeratedValue><name>fast</name><value>2</value></enumeratedValue></enumeratedValues></field></fields>')
		$(reg WIDE 0x18 '<size>64</size><fields><field><name>TOP</name><bitRange>[63:60]</bitRange></field></fields>')
	END
	mmioctl regmap header "$T/a.svd" >"$T/a.h"
	cat >"$T/a.c" <<-END
		#include "a.h"
		_Static_assert(SOC_P_CTRL == 0x10 && SOC_P_CTRL_RESET == 5, "");
		_Static_assert(SOC_P_CTRL_MODE_MASK == 0x30 && SOC_P_CTRL_MODE_SHIFT == 4 && SOC_P_CTRL_MODE_FAST == 2, "");
		_Static_assert(SOC_P_WIDE_TOP_MASK == 0xf000000000000000, "");
		int main(void) { return 0; }
	END
	"${CC:-cc}" -Wall -Wextra -Werror -o "$T/a.out" "$T/a.c"
	run mmioctl regmap header "$T/a.svd" --prefix FPGA
	expect_match '#define FPGA_CTRL '
	run mmioctl regmap header "$T/a.svd" --prefix '1-x'
	expect_status 2
	printf '[A_B]\noffset = 0\nfield C = 0\n[A]\noffset = 4\nfield B_C = 0\n' >"$T/a.ini"
	run --separate-stderr mmioctl regmap header "$T/a.ini" --prefix X
	expect_equal "$output" ""
	output=$stderr
	expect_match 'a.ini:6: the constant X_A_B_C_MASK would be there twice, also for line 3'
}

@test "convert writes over no file unless it is told to" {
	registers <<<"$(reg A 0)"
	mmioctl regmap convert "$T/a.svd" "$T/out.ini"
	run mmioctl regmap convert "$T/a.svd" "$T/out.ini"
	expect_status 1
	expect_match 'out.ini is there already: --force writes over it'
	mmioctl regmap convert "$T/a.svd" "$T/out.ini" --force
	run mmioctl regmap convert "$T/a.svd" /dev/full --force
	expect_status 1
	expect_match 'No space left'
	run mmioctl --json regmap header "$T/a.svd"
	expect_status 2
	run mmioctl regmap translate "$T/a.svd"
	expect_status 2
	run mmioctl regmap check "$T/a.svd" "$T/b.svd"
	expect_status 2
}

# ---- files that are meant to do harm

@test "entities, document types and what is no XML are refused" {
	printf '<?xml version="1.0"?>\n<!DOCTYPE d [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>\n<device>&b;</device>' >"$T/bomb.svd"
	refuses 'bomb.svd:2: it has a document type' "$T/bomb.svd"
	printf '<!DOCTYPE device SYSTEM "file:///etc/passwd"><device/>' >"$T/bomb.svd"
	refuses 'bomb.svd:1: it has a document type' "$T/bomb.svd"
	printf '<device>\n<name>A</nam>' >"$T/bad.svd"
	refuses 'bad.svd:2: it is no good XML: mismatched tag' "$T/bad.svd"
	printf '<html/>' >"$T/bad.svd"
	refuses 'its root is "html": CMSIS-SVD has device, IP-XACT component' "$T/bad.svd"
	printf '\377\376<\0d\0' >"$T/bad.svd"
	refuses 'bad.svd:1: it is no good XML' "$T/bad.svd"
	printf '<device/>' >"$T/bad.svd"
	refuses 'there is no peripheral with registers' "$T/bad.svd"
	: >"$T/bad.svd"
	refuses 'there is no register in it' "$T/bad.svd"
	registers < <(reg $'A\u009b[31m' 0x)
	refuses 'addressOffset "0x": it is a number' "$T/a.svd"
}

@test "what is nested too deep, too large or too often is refused" {
	python3 -c 'print("<device>" + "<x>" * 64 + "</x>" * 64 + "</device>")' >"$T/deep.svd"
	refuses 'deep.svd:1: elements are nested more than 64 deep' "$T/deep.svd"
	truncate -s $(((64 << 20) + 1)) "$T/large.svd"
	refuses 'File too large' "$T/large.svd"
	registers < <(reg 'A%s' 0 '<dim>4294967296</dim><dimIncrement>4</dimIncrement>')
	refuses 'dim 4294967296: an array has 1 to 65536 elements' "$T/a.svd"
	registers < <(reg 'A%s' 0 '<dim>0</dim><dimIncrement>4</dimIncrement>')
	refuses 'dim 0: an array has' "$T/a.svd"
	registers < <(reg 'A%s' 0 '<dim>4</dim>')
	refuses 'has a dimIncrement' "$T/a.svd"
	registers < <(reg 'A%s' 0 '<dim>4</dim><dimIncrement>4</dimIncrement><dimIndex>A,B</dimIndex>')
	refuses 'dimIndex "A,B": it names fewer than the 4 elements' "$T/a.svd"
	registers <<-END
		<cluster><name>K%s</name><dim>65536</dim><dimIncrement>4</dimIncrement><addressOffset>0</addressOffset>
		$(reg 'R%s' 0 '<dim>65536</dim><dimIncrement>4</dimIncrement>')</cluster>
	END
	refuses 'there are more than 65536 registers in it' "$T/a.svd"
	registers < <(for i in {1..9}; do printf '<cluster><name>K%%s</name><dim>65536</dim><dimIncrement>1</dimIncrement><addressOffset>0</addressOffset>'; done
		for i in {1..9}; do printf '</cluster>'; done)
	refuses 'take too long to work through' "$T/a.svd"
	registers < <(reg A 0xffffffffffffffff)
	refuses 'a.svd:4: its address is beyond' "$T/a.svd"
	registers < <(reg A 0x1ffffffffffffffff)
	refuses 'a.svd:4: addressOffset "0x1ffffffffffffffff": it has more than 64 bits' "$T/a.svd"
	registers < <(reg A 0 '<fields><field><name>F</name><bitOffset>18446744073709551615</bitOffset><bitWidth>2</bitWidth></field></fields>')
	refuses 'a.svd:4: ' "$T/a.svd"
	registers < <(reg A 0 '<fields><field><name>F</name><bitRange>[18446744073709551615:0]</bitRange></field></fields>')
	refuses 'a.svd:4: ' "$T/a.svd"
	registers < <(reg "$(printf 'A%.0s' {1..300})" 0)
	refuses 'it has 1 to 255 characters' "$T/a.svd"
}

@test "circles of derivedFrom end" {
	registers <<-END
		<register derivedFrom="B"><name>A</name><addressOffset>0</addressOffset></register>
		<register derivedFrom="A"><name>B</name><addressOffset>4</addressOffset></register>
	END
	refuses 'a.svd:4: derivedFrom "B": it is derived from itself' "$T/a.svd"
	registers <<<'<register derivedFrom="A"><name>A</name><addressOffset>0</addressOffset></register>'
	refuses 'a.svd:4: derivedFrom "A": there is none of that name' "$T/a.svd"
	registers <<<'<cluster><name>K</name><addressOffset>0</addressOffset><cluster derivedFrom="K"><name>L</name><addressOffset>4</addressOffset></cluster></cluster>'
	refuses 'derivedFrom "K": it is derived from itself, or from what it is a part of' "$T/a.svd"
	registers <<-END
		<cluster><name>A</name><addressOffset>0</addressOffset><cluster derivedFrom="B"><name>X</name><addressOffset>0</addressOffset></cluster>
		<cluster derivedFrom="B"><name>Y</name><addressOffset>0</addressOffset></cluster></cluster>
		<cluster><name>B</name><addressOffset>0</addressOffset><cluster derivedFrom="A"><name>X</name><addressOffset>0</addressOffset></cluster>
		<cluster derivedFrom="A"><name>Y</name><addressOffset>0</addressOffset></cluster></cluster>
	END
	refuses 'clusters are nested more than 16 deep, or contain themselves' "$T/a.svd"
	registers <<<'<register derivedFrom="Q.R"><name>A</name><addressOffset>0</addressOffset></register>'
	refuses 'derivedFrom "Q.R": there is none of that name' "$T/a.svd"
}

@test "a file of 50,000 lines is read, and every register is there" {
	{
		echo 'memory_region,csr,0,1048576,io'
		for ((i = 0; i < 50000; i++)); do echo "csr_register,r$i,$((4 * i)),1,rw"; done
	} >"$T/csr.csv"
	run mmioctl regmap check "$T/csr.csv"
	expect_equal "$output" "$T/csr.csv: 50000 registers, nothing wrong"
	registers < <(for ((i = 0; i < 10000; i++)); do printf '<register>\n<name>R%d</name>\n<description>x</description>\n<addressOffset>%d</addressOffset>\n</register>\n' "$i" $((4 * i)); done)
	run mmioctl regmap check "$T/a.svd"
	expect_equal "$output" "$T/a.svd: 10000 registers, nothing wrong"
}
