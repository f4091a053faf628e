# SPDX-License-Identifier: MIT
# shellcheck shell=bats
# The crates for Rust: each test runs a module of client/rust/mmiod/tests/simulation/, whose tests start daemons of their own.
load helper

CRATES=$BATS_TEST_DIRNAME/../../client/rust

has_cargo() {
	command -v "${CARGO:-/usr/bin/cargo}" >/dev/null || type -P cargo >/dev/null
}

# What is wrong with the code is told once, not by each test.
setup_file() {
	! has_cargo || MMIOD_BUILD=${MMIOD_BUILD:-$BATS_TEST_DIRNAME/../../build} "$CRATES/cargo" test --quiet --no-run 3>&- 4>&-
}

# The library of a sanitized build needs the sanitizer's own in the program.
PRELOAD=
preload() {
	local host cc=${CC:-cc}

	grep -q __asan_init "$BUILD/libmmiod.so.0" || return 0
	host=$("${RUSTC:-/usr/bin/rustc}" -vV | sed -n 's/^host: //p' | tr a-z- A-Z_)
	PRELOAD=$("$cc" -print-file-name=libasan.so):$("$cc" -print-file-name=libubsan.so)
	export "CARGO_TARGET_${host}_RUNNER=env LD_PRELOAD=$PRELOAD"
	export ASAN_OPTIONS="detect_leaks=0:handle_sigbus=0:${ASAN_OPTIONS:-}"
}

cargo() { # COMMAND ARGUMENT…
	has_cargo || skip "cargo is not installed"
	preload
	unset MMIOD_SOCKET
	MMIOD_BUILD=$BUILD "$CRATES/cargo" "$@" 3>&- 4>&-
}

# A module that has no test passes nothing.
rust() { # MODULE
	cargo test --quiet --test simulation "$1::" >"$T/said" 2>&1 || { cat "$T/said"; return 1; }
	grep -qE 'test result: ok\. [1-9]' "$T/said"
}

@test "rust's constants, structs and functions are those of the header" {
	cargo test --quiet --test header >"$T/said" 2>&1 || { cat "$T/said"; return 1; }
	grep -q 'test result: ok\. 3 passed' "$T/said"
}

@test "rust reads and writes registers in exactly their width" { rust access; }
@test "rust is told of a window that is lost, and does not die of it" { rust loss; }
@test "rust asks for leases, and gives them back" { rust leases; }
@test "rust shares clients among threads, and none holds up another" { rust threads; }
@test "rust takes windows over by their descriptors" { rust adopted; }
@test "rust takes events, and waits for leases without blocking" { rust events; }
@test "rust waits for interrupts" { rust interrupts; }

@test "rust's examples compile, and those that must not do not" {
	cargo test --quiet --doc >"$T/said" 2>&1 || { cat "$T/said"; return 1; }
	grep -qE 'test result: ok\. [1-9]' "$T/said"
}

@test "rust needs no crate but ours, and nothing of the network" {
	[ -z "$(grep -rE '^(source|checksum) =|^(git|registry)|://' "$CRATES" --include=Cargo.* || true)" ]
	cargo tree --prefix none >"$T/said" 2>&1 || { cat "$T/said"; return 1; }
	expect_equal "$(cut -d' ' -f1 "$T/said" | sort -u | xargs)" "mmiod mmiod-sys"
}

@test "hello-window.rs does what hello-window.c does" {
	has_cargo || skip "cargo is not installed"
	start_daemon
	preload
	hello() { LD_PRELOAD=$PRELOAD LD_LIBRARY_PATH=$BUILD "$BUILD/rust/debug/examples/hello-window" "$@"; }
	run hello secret
	expect_status 1
	expect_match 'no grant lets user'
	run hello shm/4K "from rust"
	expect_status 0
	expect_equal "$(mmioctl save shm/9 -)" "from rust"
}
