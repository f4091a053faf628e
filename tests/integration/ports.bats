# SPDX-License-Identifier: MIT
# shellcheck shell=bats
# Regions of I/O ports: read and written, never mapped.
load helper

start_with_ports() {
	cat >>"$T/sim.conf" <<-END
		[region ports]
		size = 4K
		ports = yes
		[grant ports]
		region = ports
		user = $ME
		access = rw
	END
	start_daemon
}

@test "ports are listed as such" {
	start_with_ports
	run mmioctl list -o NAME,CACHE,CACHES,MAPPABLE --no-headings
	expect_match 'ports +ports +- +no'
	expect_equal "$(mmioctl --json list | jq -r '.regions[] | select(.name == "ports").cache')" ports
	run mmioctl show ports
	expect_match 'Access: rw, 8, 16 or 32 bits; I/O ports: read and written, but never mapped'
	expect_equal "$(mmioctl --json show ports | jq -r .cache)" ports
}

@test "ports are read, written and dumped" {
	start_with_ports
	mmioctl write ports+0x10:16 0xbeef
	expect_equal "$(mmioctl read ports+0x10:16)" 0xbeef
	expect_equal "$(mmioctl read ports+0x10:8)" 0xef
	expect_equal "$(mmioctl read ports+0x10:32)" 0x0000beef
	run mmioctl dump ports+0x10/16
	expect_match '^00000010  0000beef 00000000'
}

@test "what ports do not have is refused with the reason" {
	start_with_ports
	run mmioctl read ports:64
	expect_status 1
	expect_match 'region ports is of I/O ports, which are accessed by 8, 16 or 32 bits, not 64'
	run mmioctl explain ports
	expect_status 0
	printf '[region wide]\nsize = 4K\nports = yes\nwidth = 64\n' >"$T/wide.conf"
	run mmiod --check-config --simulate "$T/wide.conf"
	expect_match 'I/O ports are accessed by 8, 16 or 32 bits'
	printf '[region typed]\nsize = 4K\nports = yes\nmemory-type = wc\n' >"$T/typed.conf"
	run mmiod --check-config --simulate "$T/typed.conf"
	expect_match 'I/O ports have no memory type'
}

@test "python reads and writes ports by exactly the width, and cannot map them" {
	[ -e "$BUILD/python/mmiod/_ext.abi3.so" ] || skip "the module was left out of the build (PYTHON=)"
	! grep -q __asan_init "$BUILD/libmmiod.so.0" || skip "a sanitized library needs the sanitizer's own in Python"
	start_with_ports
	PYTHONPATH=$BUILD/python LD_LIBRARY_PATH=$BUILD run /usr/bin/python3 - <<-'END'
		import mmiod
		with mmiod.Client() as client, client.lease("ports", write=True) as lease:
		    assert not lease.mappable
		    lease.write(0x20, 0xcafe, width=16)
		    for width, expected in (8, 0xfe), (16, 0xcafe), (32, 0xcafe):
		        assert lease.read(0x20, width=width) == [expected]
		    try:
		        lease.map()
		    except (mmiod.Error, ValueError, OSError) as error:
		        print(error)
	END
	expect_status 0
	expect_match 'or is of I/O ports: only mediated access reaches it'
}
