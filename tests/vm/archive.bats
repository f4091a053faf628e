#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# The rig on an archive that moves: what tests/vm/kernels, image and kernel-sanitize make of parts that do not go
# together, of lists that are too old or too new, and of no network. Each test makes a small archive of its own, with
# packages that hold next to nothing, and lets the real apt find them there. Those tagged fast are part of "make check".

bats_require_minimum_version 1.5.0

setup()
{
	cd "$BATS_TEST_DIRNAME/../.." || return
	T=$BATS_TEST_TMPDIR
	export MMIOD_CACHE=$T/cache APT_CONFIG=$T/apt.conf
	mkdir -p "$T"/{etc/apt.conf.d,etc/preferences.d,etc/sources.list.d,state/lists/partial,cache-of-apt/archives/partial}
	: >"$T/status"
	cat >"$T/apt.conf" <<-END
	Dir "$T/";
	Dir::Etc "$T/etc";
	Dir::State "$T/state";
	Dir::State::status "$T/status";
	Dir::Cache "$T/cache-of-apt";
	APT::Architecture "amd64";
	APT::Sandbox::User "root";
	END
	source_is bookworm
}

teardown()
{
	# Shown only if the test failed.
	printf '%s\n' "${output:-}"
}

source_is() # RELEASE
{
	echo "deb [trusted=yes] file:$T/archive $1 main" >"$T/etc/sources.list"
}

# package NAME VERSION [DEPENDS]: into the pool, with what lies in $T/files, which it takes along; for $architecture.
package()
{
	mkdir -p "$T/files/DEBIAN" "$T/archive/pool"
	cat >"$T/files/DEBIAN/control" <<-END
	Package: $1
	Version: $2
	Architecture: ${architecture:-amd64}
	Maintainer: nobody <nobody@localhost>
	Description: for a test${3:+
	Depends: $3}
	END
	dpkg-deb -Znone --root-owner-group -b "$T/files" "$T/archive/pool" >/dev/null
	rm -rf "$T/files"
}

# file PATH [LINE]...: for the next package.
file()
{
	local path=$T/files/$1
	shift
	mkdir -p "${path%/*}"
	printf '%s\n' "$@" >"$path"
}

image() # RELEASE VERSION
{
	local name
	file "boot/vmlinuz-$1" "image of $2"
	for name in builtin builtin.modinfo order; do
		file "lib/modules/$1/modules.$name"
	done
	package "linux-image-$1" "$2"
}

headers() # RELEASE VERSION
{
	local common=${1%-*}-common
	file "usr/src/linux-headers-$1/Makefile" "include /usr/src/linux-headers-$common/Makefile"
	package "linux-headers-$1" "$2" "linux-headers-$common (= $2), linux-kbuild-6.1 (>= $2)"
	file "usr/src/linux-headers-$common/Makefile" "# $2"
	package "linux-headers-$common" "$2"
}

kbuild() # VERSION
{
	file usr/lib/linux-kbuild-6.1/version "$1"
	package linux-kbuild-6.1 "$1"
}

whole() # RELEASE VERSION
{
	image "$1" "$2"
	headers "$1" "$2"
	kbuild "$2"
}

# What the archive says that it has: all in the pool. The list is there compressed only, as in a real archive, or apt's own
# lists would be links into this one.
publish() # [RELEASE [LINE]]
{
	local release=${1:-bookworm} architecture list
	mkdir -p "$T/archive/dists/$release"/main/binary-{amd64,arm64}
	(
		cd "$T/archive" || exit
		cat >"dists/$release/Release" <<-END
		Origin: Debian
		Codename: $release
		Date: $(LC_ALL=C date -u -R)
		Architectures: amd64 arm64
		Components: main${2:+
		$2}
		SHA256:
		END
		for architecture in amd64 arm64; do
			list=main/binary-$architecture/Packages
			dpkg-scanpackages -m -a $architecture pool >"dists/$release/$list" 2>/dev/null
			(
				cd "dists/$release" || exit
				gzip -kf $list
				printf ' %s\n' "$(hash_of $list)" "$(hash_of $list.gz)" >>Release
				rm $list
			)
		done
	)
}

hash_of()
{
	echo "$(sha256sum <"$1" | cut -d' ' -f1) $(stat -c %s "$1") $1"
}

update()
{
	apt-get update -qq
}

drop() # NAME VERSION
{
	rm "$T/archive/pool/$1_$2_amd64.deb"
}

lines_with() # TEXT
{
	grep -cF -- "$1" <<<"$output"
}

# bats test_tags=fast
@test "kbuild tools that are newer than the image are taken as apt takes them" {
	whole 6.1.0-56-amd64 6.1.192-2
	drop linux-kbuild-6.1 6.1.192-2
	kbuild 6.1.192-3
	publish
	update
	run -0 tests/vm/kernels 6.1 kdir
	[[ $output = *"downloading linux-image-6.1.0-56-amd64 6.1.192-2 and its headers"* ]]
	kdir=${lines[-1]}
	[ "$(cat "$kdir/../../lib/linux-kbuild-6.1/version")" = 6.1.192-3 ]
	[ "$(cat "$kdir/Makefile")" = "include ${kdir%-amd64}-common/Makefile" ]
	# Nothing is said, nor done, a second time.
	run -0 tests/vm/kernels 6.1 release
	[ "$output" = 6.1.0-56-amd64 ]
}

@test "an image that has no headers yet is left alone, and a line says so" {
	whole 6.1.0-9-amd64 6.1.20-1
	whole 6.1.0-56-amd64 6.1.192-2
	image 6.1.0-57-amd64 6.1.195-1
	publish
	update
	run -0 tests/vm/kernels 6.1 release
	[ "${lines[-1]}" = 6.1.0-56-amd64 ]
	[[ $output = *"linux-image-6.1.0-57-amd64 6.1.195-1 is not to be had whole; going on with linux-image-6.1.0-56-amd64"* ]]
	# An hour passes before it is tried again.
	run -0 tests/vm/kernels 6.1 release
	[ ${#lines[@]} = 2 ]
	headers 6.1.0-57-amd64 6.1.195-1
	kbuild 6.1.195-1
	publish
	update
	find "$MMIOD_CACHE/apt/host/let-be" -type f -exec touch -d '2 hours ago' {} +
	run -0 tests/vm/kernels 6.1 release
	[ "${lines[-1]}" = 6.1.0-57-amd64 ]
}

@test "headers that are older than their image are not taken for it" {
	whole 6.1.0-55-amd64 6.1.190-1
	whole 6.1.0-56-amd64 6.1.192-2
	drop linux-image-6.1.0-56-amd64 6.1.192-2
	image 6.1.0-56-amd64 6.1.192-3
	publish
	update
	run -0 tests/vm/kernels 6.1 release
	[ "${lines[-1]}" = 6.1.0-55-amd64 ]
}

@test "an older version is taken with what belongs to it, although apt prefers newer parts" {
	whole 6.1.0-56-amd64 6.1.192-2
	headers 6.1.0-56-amd64 6.1.192-3
	publish
	update
	run -0 tests/vm/kernels 6.1 kdir
	[ "$(cat "${lines[-1]%-amd64}-common/Makefile")" = "# 6.1.192-2" ]
}

@test "lists that are older than the archive are fetched once, into the cache" {
	whole 6.1.0-55-amd64 6.1.190-1
	publish
	update
	rm -r "$T/archive/pool"
	whole 6.1.0-56-amd64 6.1.192-2
	publish
	touch -d '1 minute ago' "$T/state/lists"
	run -0 tests/vm/kernels 6.1 release
	[ "${lines[-1]}" = 6.1.0-56-amd64 ]
	[ "$(lines_with "fetching the package lists")" = 1 ]
	apt-cache show linux-image-6.1.0-55-amd64
	run -0 tests/vm/kernels 6.1 release
	[ "$output" = 6.1.0-56-amd64 ]
}

@test "lists that are newer than a mirror's pool lead to the newest that it has" {
	whole 6.1.0-55-amd64 6.1.190-1
	whole 6.1.0-56-amd64 6.1.192-2
	whole 6.1.0-57-amd64 6.1.195-1
	publish
	drop linux-image-6.1.0-57-amd64 6.1.195-1
	update
	run -0 tests/vm/kernels 6.1 release
	[ "${lines[-1]}" = 6.1.0-56-amd64 ]
	[ "$(lines_with "fetching the package lists")" = 1 ]
	[[ $output = *"6.1.195-1 is not to be had whole; going on with linux-image-6.1.0-56-amd64"* ]]
}

@test "no package lists at all, as in a new container, are fetched without root" {
	whole 6.1.0-56-amd64 6.1.192-2
	publish
	run -0 tests/vm/kernels 6.1 release
	[ "${lines[-1]}" = 6.1.0-56-amd64 ]
	[ "$(lines_with "fetching the package lists")" = 1 ]
	[ "$(echo "$T"/state/lists/*Packages*)" = "$T/state/lists/*Packages*" ]
}

# bats test_tags=fast
@test "without a network a filled cache does, and a line says so" {
	whole 6.1.0-56-amd64 6.1.192-2
	publish
	update
	run -0 tests/vm/kernels 6.1 release
	whole 6.1.0-57-amd64 6.1.195-1
	publish
	update
	mv "$T/archive" "$T/away"
	run -0 tests/vm/kernels 6.1 release
	[ "${lines[-1]}" = 6.1.0-56-amd64 ]
	[[ $output = *"Debian's archive does not answer; going on with linux-image-6.1.0-56-amd64"* ]]
	# Nor does the next of many runs wait for it.
	run -0 tests/vm/kernels 6.1 release
	[ ${#lines[@]} = 2 ]
	[ "${lines[-1]}" = 6.1.0-56-amd64 ]
	# The lists may be gone as well.
	rm -rf "$T"/state/lists/*_* "$MMIOD_CACHE"/apt
	run -0 tests/vm/kernels 6.1 release
	[ "${lines[-1]}" = 6.1.0-56-amd64 ]
	[[ $output = *"does not answer"* ]]
}

# As if it had last been used so many days ago.
age() # DAYS RELEASE
{
	find "$MMIOD_CACHE"/linux-image-"$2"+seeds-*/ -maxdepth 1 \( -name .used -o -name .complete \) \
		-exec touch -d "$1 days ago" {} +
}

in_cache() # RELEASE
{
	compgen -G "$MMIOD_CACHE/linux-image-$1+seeds-*/.complete" >/dev/null
}

# bats test_tags=fast
@test "a kernel that was superseded is removed when nobody used it for a day, and a line says so" {
	whole 6.1.0-55-amd64 6.1.190-1
	publish
	update
	run -0 tests/vm/kernels 6.1 release
	whole 6.1.0-56-amd64 6.1.192-2
	publish
	update
	run -0 tests/vm/kernels 6.1 release
	[ "${lines[-1]}" = 6.1.0-56-amd64 ]
	in_cache 6.1.0-55-amd64
	age 2 6.1.0-55-amd64
	age 2 6.1.0-56-amd64
	run -0 tests/vm/kernels 6.1 release
	[ "$(lines_with "removing linux-image-6.1.0-55-amd64")" = 1 ]
	[ "${lines[-1]}" = 6.1.0-56-amd64 ]
	! in_cache 6.1.0-55-amd64 || false
	in_cache 6.1.0-56-amd64
	run -0 tests/vm/kernels 6.1 release
	[ "$output" = 6.1.0-56-amd64 ]
}

# bats test_tags=fast
@test "a kernel that is newer than the one that is to be had stays, and so does one that was used today" {
	whole 6.1.0-55-amd64 6.1.190-1
	publish
	update
	run -0 tests/vm/kernels 6.1 release
	cp -a "$MMIOD_CACHE"/linux-image-6.1.0-55-amd64+seeds-*/ "$MMIOD_CACHE/linux-image-6.1.0-57-amd64+seeds-0"
	cp -a "$MMIOD_CACHE"/linux-image-6.1.0-55-amd64+seeds-*/ "$MMIOD_CACHE/linux-image-6.1.0-54-amd64+seeds-0"
	age 2 6.1.0-57-amd64
	run -0 tests/vm/kernels 6.1 release
	[ "$output" = 6.1.0-55-amd64 ]
	in_cache 6.1.0-57-amd64
	in_cache 6.1.0-54-amd64
}

# bats test_tags=fast
@test "without a network and a cache one sentence says what to do" {
	run -75 tests/vm/kernels 6.1 release
	[ ${#lines[@]} = 2 ]
	[[ ${lines[1]} = "kernels: Debian's archive does not answer, and $MMIOD_CACHE holds none: connect this machine, "* ]]
}

@test "what failed for want of a network works as soon as there is one" {
	whole 6.1.0-56-amd64 6.1.192-2
	publish
	update
	mv "$T/archive" "$T/away"
	run -75 tests/vm/kernels 6.1 release
	mv "$T/away" "$T/archive"
	run -0 tests/vm/kernels 6.1 release
	[ "${lines[-1]}" = 6.1.0-56-amd64 ]
}

@test "a release that the host has not comes from where the host's own comes from" {
	whole 6.1.0-56-amd64 6.1.192-2
	publish bookworm
	publish bookworm-backports
	mv "$T/archive/pool" "$T/pool"
	file usr/share/doc/toy toy
	package toy 1
	publish trixie
	rm "$T/etc/sources.list"
	printf '%s\n' '# a comment' 'Types: deb' 'URIs: http://localhost:9/' 'Suites: other' 'Components: main' 'Enabled: no' '' \
		'Types: deb' "URIs: file:$T/archive" 'Suites: trixie' 'Components: main' 'Trusted: yes' >"$T/etc/sources.list.d/debian.sources"
	update
	mv "$T"/pool/* "$T/archive/pool"
	run -0 tests/vm/kernels 6.1 release
	[ "${lines[-1]}" = 6.1.0-56-amd64 ]
}

@test "two that want the same kernel make it once" {
	whole 6.1.0-56-amd64 6.1.192-2
	publish
	update
	tests/vm/kernels 6.1 release >"$T/first" 2>"$T/first.err" &
	first=$!
	run -0 tests/vm/kernels 6.1 release
	wait $first
	[ "${lines[-1]}" = 6.1.0-56-amd64 ]
	[ "$(cat "$T/first")" = 6.1.0-56-amd64 ]
	[ "$(cat "$T/first.err" - <<<"$output" | grep -c "downloading linux-image-6.1.0-56-amd64")" = 1 ]
}

@test "a kernel of backports comes in the packages of Linux 7, with what only backports have" {
	local release=7.3.4+deb13-amd64 version=7.3.4-1~bpo13+1 name
	package linux-tools 1
	publish trixie
	rm "$T"/archive/pool/*
	package linux-tools 2~bpo13+1
	package linux-image-$release $version "linux-base-$release (= $version), linux-binary-$release (= $version)"
	file usr/lib/modules/$release/vmlinuz "image of $version"
	package linux-binary-$release $version "linux-tools (>= 2~)"
	for name in builtin builtin.modinfo order; do
		file usr/lib/modules/$release/modules.$name
	done
	package linux-base-$release $version
	headers $release $version
	kbuild $version
	publish trixie-backports "NotAutomatic: yes"
	source_is trixie
	echo "deb [trusted=yes] file:$T/archive trixie-backports main" >>"$T/etc/sources.list"
	update
	run -0 tests/vm/kernels 7 bzimage
	[ "$(cat "${lines[-1]}")" = "image of $version" ]
}

@test "headers of another architecture come with the build system's programs for this one" {
	local release=6.1.0-57-arm64 version=6.1.192-3
	architecture=arm64 headers $release $version
	architecture=arm64 kbuild $version
	kbuild $version
	publish
	update
	run -0 tests/vm/kernels 6.1-arm64
	[[ $output = *"release=$release"* && $output = *"bzimage="$'\n'* ]]
	[[ $output = *"toolchain=$PWD/tests/vm/toolchain --release bookworm --for aarch64-linux-gnu"* ]]
	[[ $output = *"variables=DEB_BUILD_ARCH=amd64 DEB_HOST_ARCH=arm64 DEB_HOST_GNU_TYPE=aarch64-linux-gnu"* ]]
	run -0 tests/vm/kernels 6.1-arm64 kdir
	grep -qxF "include ${lines[-1]%-arm64}-common/Makefile" "${lines[-1]}/Makefile"
	[ "$(cat "${lines[-1]%/src/*}/lib/linux-kbuild-6.1/version")" = "$version" ]
	# It is the host's of the two of that name and version.
	rm "$T/archive/pool/linux-kbuild-6.1_${version}_amd64.deb"
	rm -r "$MMIOD_CACHE"/linux-headers-*
	publish
	rm -r "$MMIOD_CACHE"/apt
	run -75 tests/vm/kernels 6.1-arm64 kdir
}

@test "a kernel that the archive does not have is no kernel to compile for, and is skipped by name" {
	kbuild 6.1.192-3
	publish
	update
	run -0 tests/vm/reach 6.1-arm64
	[ "${lines[0]}" = 1..1 ]
	[ "${lines[-1]}" = "ok 1 - the module compiles for kernel 6.1-arm64 without a warning # SKIP Debian's archive does not have it today" ]
	run -0 tests/vm/reach 6.2-arm64
	[ "${lines[-1]}" = "not ok 1 - the module compiles for kernel 6.2-arm64 without a warning" ]
}

# A kernel's source, as far as kernel-sanitize looks at it: one that is built in no time.
kernel_source() # VERSION
{
	local tree=$T/linux-source-6.12
	mkdir -p "$tree/scripts/kconfig" "$tree/arch/x86/boot"
	cat >"$tree/Makefile" <<-END
	x86_64_defconfig olddefconfig modules:
	bzImage: ; echo $1 >arch/x86/boot/bzImage
	kernelrelease: ; @echo 6.12-mmiod-sanitize
	END
	# shellcheck disable=SC2016 # the script's own argument
	printf '#!/bin/sh\ncp "$3" .config\n' >"$tree/scripts/kconfig/merge_config.sh"
	chmod +x "$tree/scripts/kconfig/merge_config.sh"
	mkdir -p "$T/files/usr/src"
	tar -C "$T" -cJf "$T/files/usr/src/linux-source-6.12.tar.xz" linux-source-6.12
	package linux-source-6.12 "$1"
}

@test "the sanitizing kernel is built from the newest source that is to be had, and once" {
	kernel_source 6.12.1-1~deb12u1
	kernel_source 6.12.2-1~deb12u1
	publish
	drop linux-source-6.12 6.12.2-1~deb12u1
	update
	run -1 tests/vm/kernel-sanitize --check
	run -0 tests/vm/kernel-sanitize
	[[ $output = *"linux-source-6.12 6.12.2-1~deb12u1 is not to be had whole; going on with kernel-sanitize-6.12.1-1-"* ]]
	[[ ${lines[-1]} = "$MMIOD_CACHE"/kernel-sanitize-6.12.1-1-* ]]
	[ "$(cat "${lines[-1]}/bzImage")" = 6.12.1-1~deb12u1 ]
	kernel_source 6.12.2-1~deb12u1
	mv "$T/archive" "$T/away"
	before=${lines[-1]}
	run -0 tests/vm/kernel-sanitize
	[ "$output" = "$before" ]
	run -0 tests/vm/kernel-sanitize --check
	[ "$output" = "$before" ]
}

@test "the sanitizing kernel's source and no network: one sentence says what to do" {
	run -75 tests/vm/kernel-sanitize
	[[ ${lines[-1]} = *"Debian's archive does not answer, and $MMIOD_CACHE holds none: connect this machine, "* ]]
}

@test "a root file system of an older recipe does where none can be made, and a line says so" {
	file usr/share/doc/toy toy
	package toy 1
	publish
	update
	mv "$T/archive" "$T/away"
	run -75 tests/vm/image
	[[ ${lines[-1]} = "image: the guest's root file system could not be made, and $MMIOD_CACHE holds none: connect this machine, "* ]]
	mkdir "$MMIOD_CACHE/guest-0123456789ab"
	touch "$MMIOD_CACHE/guest-0123456789ab/.complete"
	run -0 tests/vm/image
	[ "${lines[-1]}" = "$MMIOD_CACHE/guest-0123456789ab" ]
	[[ $output = *"could not be made; going on with guest-0123456789ab"* ]]
	run -0 tests/vm/image
	[ ${#lines[@]} = 2 ]
}

@test "what another apt has locked is waited for" {
	[ "$(id -u)" = 0 ] || skip "only root installs packages"
	for name in $(tests/vm/prereqs --list lint); do
		file "usr/share/doc/$name/toy" toy
		package $name 1
	done
	publish
	export DPKG_ADMINDIR=$T/dpkg
	mkdir -p "$T"/dpkg/{info,updates,triggers} "$T/root" "$T/var/log/apt"
	touch "$T"/dpkg/{status,available}
	cat >>"$T/apt.conf" <<-END
	Dir::State::status "$T/dpkg/status";
	DPkg::Options { "--admindir=$T/dpkg"; "--instdir=$T/root"; "--log=/dev/null"; };
	END
	mkfifo "$T/held" "$T/let-go"
	python3 -c 'import fcntl, sys
files = [open(name, "a") for name in sys.argv[3:]]
for file in files:
    fcntl.lockf(file, fcntl.LOCK_EX)
open(sys.argv[1], "w").close()
open(sys.argv[2]).read()' "$T/held" "$T/let-go" "$T/state/lists/lock" "$T/dpkg/lock-frontend" &
	cat "$T/held"
	tests/vm/prereqs lint &
	waiting=$!
	sleep 3
	kill -0 $waiting
	: >"$T/let-go"
	wait $waiting
	run -0 tests/vm/prereqs --check lint
	[ -e "$T/root/usr/share/doc/sparse/toy" ]
}
