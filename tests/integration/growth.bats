#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# Programs and libraries of different releases: the next release is made here, by giving every struct that a program
# allocates one member more, and building header, library and program so.

load helper

ROOT=$BATS_TEST_DIRNAME/../..
GROWING='want|allocation|event|status|buffer|policy_question|policy_answer|target|object_cache_options|object_cache_stats'

# make_next: the headers of the next release in $T/next, and its library.
make_next() {
	mkdir -p "$T/next/mmiod"
	cp "$ROOT"/include/mmiod/*.h "$T/next/mmiod/"
	sed -i -E "/^struct mmiod_($GROWING) \{/,/^\};/ s/^\};/	uint64_t added;\n};/" "$T/next/mmiod/mmiod.h"
	cc -std=gnu11 -O0 -w -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DMMIOD_VERSION='"0.2.0"' -I"$T/next" -I"$ROOT/include" \
		-I"$ROOT/include/uapi" -I"$ROOT/client/lib" -fPIC -fvisibility=hidden -shared -Wl,-soname,libmmiod.so.0 \
		-Wl,--version-script="$ROOT/client/lib/libmmiod.map" -o "$T/next/libmmiod.so.0" "$ROOT"/client/lib/{,*/}*.c
}

# program NAME INCLUDE [OPTION]...: built with a header; which library it meets is chosen when it runs.
program() {
	local name=$1 include=$2 sanitize=()
	shift 2
	! grep -q __asan_init "$BUILD/libmmiod.a" || sanitize=('-fsanitize=address,undefined')
	cc -std=gnu11 -Wall -Wextra -Werror -D_GNU_SOURCE "${sanitize[@]}" "$@" -I"$include" -I"$ROOT/include" -o "$T/$name" \
		"$BATS_TEST_DIRNAME/growth.c" "$T/next/libmmiod.so.0"
}

with() # LIBRARY-DIRECTORY PROGRAM
{
	LD_LIBRARY_PATH=$1 "$T/$2"
}

@test "programs and libraries of this and the next release understand each other" {
	make_next
	[ "$(grep -c 'uint64_t added;' "$T/next/mmiod/mmiod.h")" -eq 10 ]
	program today "$ROOT/include"
	program tomorrow "$T/next" -DADDED=0
	program demanding "$T/next" -DADDED=1
	printf '[grant memory]\nmemory = pages\nuser = %s\n' "$ME" >>"$T/sim.conf"
	start_daemon

	with "$BUILD" today >"$T/expected"
	cat "$T/expected"
	grep -q '^lease: 3' "$T/expected"
	grep -q '^0x3000/0x2000' "$T/expected"
	grep -q '^found: 1' "$T/expected"

	# An old program: members that it does not know are as if they were not there.
	with "$T/next" today | diff "$T/expected" -
	# A new program that asks for nothing new.
	with "$BUILD" tomorrow | diff "$T/expected" -
	with "$T/next" tomorrow | diff "$T/expected" -
	with "$T/next" demanding | diff "$T/expected" -
	# A new program that does ask is told so, by each function, and nothing happens in its stead.
	with "$BUILD" demanding >"$T/refused"
	cat "$T/refused"
	[ "$(grep -c 'the program needs a newer library' "$T/refused")" -eq 5 ]
	grep -q '^lease: -7 struct mmiod_want: byte .* knows .* bytes of it' "$T/refused"
	grep -q '^found: 0' "$T/refused"
	run grep '^0x' "$T/refused"
	[ "$status" -eq 1 ]
	stop_daemon
}
