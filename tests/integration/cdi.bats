# SPDX-License-Identifier: MIT
# shellcheck shell=bats disable=SC2154 # bats sets stderr
# mmioctl export cdi: what a container's runtime mounts for a tenant.
load helper

start() {
	cat >"$T/sim.conf" <<-END
		[region fpga-ctrl]
		size = 4K
		[region fpga.status]
		size = 4K
		[region -odd]
		size = 4K
		[region motor]
		size = 4K
		[grant lab]
		region = fpga* -odd
		access = rw
		share = shared-write
		[grant us]
		region = motor
		user = $ME
		access = rw
		[socket lab]
		grants = lab
		mode = 0666
		[socket empty]
	END
	[ "$ME" -eq 0 ] || printf '[admin us]\nuser = %s\n' "$ME" >>"$T/sim.conf"
	start_daemon
}

@test "export cdi has a device for each region of the tenant, and the tenant's directory" {
	start
	command mmioctl export cdi --socket "$T/tenants/lab" >"$T/cdi.json" 2>"$T/notes"
	expect_equal "$(jq -r '.cdiVersion, .kind' "$T/cdi.json" | xargs)" '0.5.0 mmiod.io/region'
	expect_equal "$(jq -r '[.devices[].name] | sort | join(" ")' "$T/cdi.json")" 'fpga-ctrl fpga.status'
	expect_equal "$(jq -r '.devices[] | select(.name == "fpga-ctrl") | .containerEdits.env[]' "$T/cdi.json")" \
		MMIOD_REGION_FPGA_CTRL=fpga-ctrl
	expect_equal "$(jq -r '.containerEdits.mounts[] | .hostPath, .containerPath' "$T/cdi.json" | xargs)" \
		"$(realpath "$T")/tenants/lab /run/mmiod"
	expect_equal "$(jq -r '.containerEdits.mounts[0].options | join(",")' "$T/cdi.json")" ro,rbind,nosuid,nodev,noexec
	grep -q 'region -odd is left out' "$T/notes"
}

@test "export cdi takes the socket's path too, and a class of its own" {
	start
	command mmioctl export cdi --socket "$T/tenants/lab/mmiod.sock" --class lab --output "$T/out.json"
	expect_equal "$(jq -r .kind "$T/out.json")" mmiod.io/lab
	expect_equal "$(stat -c %a "$T/out.json")" 644
	run mmioctl export cdi --socket "$T/tenants/lab" --class 'a b'
	expect_status 2
}

@test "export cdi prints nothing of the main socket" {
	start
	run --separate-stderr mmioctl export cdi
	expect_status 2
	expect_equal "$output" ''
	[[ $stderr == *'a container never gets the main socket'* ]]
	run --separate-stderr mmioctl export cdi --socket "$MMIOD_SOCKET"
	expect_status 2
	expect_equal "$output" ''
	run --separate-stderr mmioctl export cdi --socket "$T"
	expect_status 2
	expect_equal "$output" ''
	[[ $stderr == *'would administer this machine'* ]]
	run --separate-stderr mmioctl export cdi --socket no-such-tenant
	expect_status 3
	expect_equal "$output" ''
}

@test "export cdi of a tenant without regions prints nothing" {
	start
	run --separate-stderr mmioctl export cdi --socket "$T/tenants/empty" --output "$T/out.json"
	expect_status 3
	[[ $stderr == *'give no region'* ]]
	[ ! -e "$T/out.json" ]
	run mmioctl export cdi --socket "$T/tenants/lab" --textfile "$T/x"
	expect_status 2
	run mmioctl export prometheus --class x
	expect_status 2
}

# What a container needs to run our program: itself and its libraries, and no image from anywhere.
root_of_container() {
	local library

	mkdir -p "$T/root"/{bin,proc,dev,sys,tmp,run/mmiod,etc}
	cp "$T/mmioctl" "$T/root/bin/"
	ldd "$T/mmioctl" | grep -oE '/[^ ]+' | while read -r library; do
		mkdir -p "$T/root$(dirname "$library")"
		cp -L "$library" "$T/root$library"
	done
}

# Limits that are within the caller's: podman's own are for who may raise them.
in_container() {
	podman --cgroup-manager=cgroupfs run --rm --network=none --ulimit=nofile=1024:1024 --ulimit=nproc=1024:1024 \
		--rootfs "$@" 3>&- 4>&-
}

@test "a container has its tenant's regions and is no administrator" {
	need_root
	command -v podman >/dev/null || skip "podman is not installed"
	start
	root_of_container
	in_container "$T/root" /bin/mmioctl --version >/dev/null 2>"$T/podman" ||
		skip "podman starts no container here: $(tail -n 1 "$T/podman")"
	mkdir -p /run/cdi
	command mmioctl export cdi --socket "$T/tenants/lab" --class "test$$" --output "/run/cdi/mmiod-test-$$.json"
	hold motor
	run in_container --device "mmiod.io/test$$=fpga-ctrl" "$T/root" /bin/mmioctl read fpga-ctrl
	first=$status
	run in_container --device "mmiod.io/test$$=fpga-ctrl" "$T/root" /bin/mmioctl read motor
	second=$status
	run in_container --device "mmiod.io/test$$=fpga-ctrl" "$T/root" /bin/mmioctl revoke "$LEASE"
	third=$status
	run in_container --device "mmiod.io/test$$=fpga-ctrl" "$T/root" /bin/mmioctl grant x --region motor --user 0
	fourth=$status
	rm -f "/run/cdi/mmiod-test-$$.json"
	rmdir --ignore-fail-on-non-empty /run/cdi
	expect_equal "$first $second $third $fourth" '0 4 4 4'
	leases_are 1
}
