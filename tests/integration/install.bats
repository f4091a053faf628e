# SPDX-License-Identifier: MIT
# shellcheck shell=bats
# The steps of a packager: install below another root, build against it, take it away again.
load helper

TOP=$BATS_TEST_DIRNAME/../..

# in_tree TARGET VARIABLE…: of the build that is tested.
in_tree() {
	local sanitized=()

	[[ $BUILD != */san ]] || sanitized=(SAN=1)
	env -u MAKEFLAGS -u MAKELEVEL make -s --no-print-directory -C "$TOP" "${sanitized[@]}" DESTDIR="$T/a root" "$@" 3>&-
}

installed() {
	find "$T/a root" ! -type d -printf '%P\n' | sort
}

@test "what is installed has its place, and uninstalling leaves the administrator's files only" {
	in_tree install
	run installed
	for file in usr/sbin/mmiod usr/bin/mmioctl etc/mmiod/mmiod.conf usr/include/mmiod/mmiod.{h,hpp} \
		usr/lib/systemd/system/mmiod{,-metrics}.{service,socket} usr/share/mmiod/grafana.json usr/lib/sysusers.d/mmiod.conf usr/lib/tmpfiles.d/mmiod.conf \
		usr/lib/modules-load.d/mmiod.conf usr/lib/udev/rules.d/70-mmiod.rules usr/src/mmiod-*/dkms.conf \
		usr/src/mmiod-*/LICENSE usr/share/man/man{1/mmioctl.1,5/mmiod.conf.5,7/mmiod-protocol.7,7/mmiod-cpp.7,8/mmiod.8,3/libmmiod.3} \
		usr/share/bash-completion/completions/mmioctl usr/share/zsh/vendor-completions/_mmioctl; do
		compgen -G "$T/a root/$file" >/dev/null || { echo "$file is missing"; return 1; }
	done
	# Nobody but the owner may write, and only programs are executable.
	expect_equal "$(find "$T/a root" ! -type l -perm /022)" ""
	expect_equal "$(find "$T/a root" -type f -perm /111 -printf '%f\n' | sort | xargs)" "mmioctl mmiod"
	echo "# mine" >>"$T/a root/etc/mmiod/mmiod.conf"
	in_tree install
	in_tree uninstall
	expect_equal "$(installed)" etc/mmiod/mmiod.conf
	grep -q '^# mine' "$T/a root/etc/mmiod/mmiod.conf"
	rm "$T/a root/etc/mmiod/mmiod.conf"
	in_tree install
	in_tree uninstall
	expect_equal "$(installed)" ""
}

@test "the units are good, and the user and the directory they need are made" {
	command -v systemd-analyze >/dev/null || skip "there is no systemd-analyze"
	in_tree install
	local units=("$T/a root"/usr/lib/systemd/system/*)
	sed -i -e "s|/usr/sbin/mmiod|$T/mmiod|" -e "s|/usr/bin/mmioctl|$T/mmioctl|" "${units[@]}"
	run systemd-analyze verify --man=no "${units[@]}"
	expect_equal "$(grep -F mmiod <<<"$output")" "" # not what it thinks of others' units
	[ "$ME" -ne 0 ] || systemd-sysusers --root="$T/a root" 2>/dev/null
	[ "$ME" -ne 0 ] || grep -q '^mmiod:x:' "$T/a root/etc/passwd"
	[ "$ME" -ne 0 ] || systemd-tmpfiles --root="$T/a root" --create
	[ "$ME" -ne 0 ] || expect_equal "$(stat -c %a "$T/a root/run/mmiod")" 755
}

@test "a program is built by pkg-config against what is installed, and runs" {
	local pc sanitized=()

	[[ $BUILD != */san ]] || sanitized=(-fsanitize=address,undefined)
	in_tree install
	mv "$T/a root" "$T/root"
	pc=$(dirname "$(find "$T/root" -name mmiod.pc)")
	# shellcheck disable=SC2046 # flags are words
	cc -Wall -Werror "${sanitized[@]}" -o "$T/hello" "$TOP/client/examples/hello-window.c" \
		$(PKG_CONFIG_LIBDIR=$pc pkg-config --define-variable=prefix="$T/root/usr" --cflags mmiod |
			sed "s|^|-I$T/root/usr/include |") \
		-L"$(dirname "$pc")" $(PKG_CONFIG_LIBDIR=$pc pkg-config --libs mmiod)
	# shellcheck disable=SC2046
	c++ -std=c++17 -Wall -Werror "${sanitized[@]}" -o "$T/hello-cpp" "$TOP/client/examples/hello-window.cpp" \
		-I"$T/root/usr/include" -L"$(dirname "$pc")" $(PKG_CONFIG_LIBDIR=$pc pkg-config --libs mmiod)
	readelf -d "$T/hello" | grep -q 'NEEDED.*\[libmmiod.so.0\]'
	start_daemon
	LD_LIBRARY_PATH=$(dirname "$pc") run "$T/hello" shm/4K "from a package"
	expect_status 0
	expect_equal "$(mmioctl save shm/14 -)" "from a package"
	LD_LIBRARY_PATH=$(dirname "$pc") run "$T/hello-cpp" shm/4K "from c++, packaged"
	expect_status 0
	expect_equal "$(mmioctl save shm/18 -)" "from c++, packaged"
}

@test "the version is the same everywhere" {
	local version
	version=$(sed -n 's/^VERSION := //p' "$TOP/Makefile")
	grep -q "^PACKAGE_VERSION=\"$version\"" "$TOP/kmod/dkms.conf"
	grep -q "MODULE_VERSION(\"$version\")" "$TOP/kmod/main.c"
	grep -q "dkms add mmiod/$version " "$TOP/README.md"
	expect_equal "$(sed -n 's/^version = "\(.*\)"$/\1/p' "$TOP"/client/rust/*/Cargo.toml "$TOP/client/rust/Cargo.lock" | sort -u)" "$version"
	expect_equal "$(mmioctl --version)" "mmioctl $version"
	expect_equal "$(mmiod --version)" "mmiod $version"
}

@test "each version of the library's symbols is known to the package" {
	local version symbols=$TOP/systemd/debian/libmmiod0.symbols
	for version in $(sed -n 's/^\(MMIOD_[0-9.]*\) {$/\1/p' "$TOP/client/lib/libmmiod.map"); do
		grep -qx " (symver)$version ${version#MMIOD_}\(\.0\)\?" "$symbols" ||
			{ echo "$version has no line in $symbols"; return 1; }
	done
	[ -n "$version" ]
}
