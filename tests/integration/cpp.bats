# SPDX-License-Identifier: MIT
# shellcheck shell=bats
# <mmiod/mmiod.hpp>: each test runs a group of cpp/*.cpp over a daemon of its own, as two compilers and two standards make it.
load helper

TOP=$BATS_TEST_DIRNAME/../..

setup_file() {
	local sanitized=()

	[[ $MMIOD_BUILD != */san ]] || sanitized=(SAN=1)
	env -u MAKEFLAGS -u MAKELEVEL make -s --no-print-directory -C "$BATS_TEST_DIRNAME/../.." -f Makefile \
		-f tests/integration/build.mk "${sanitized[@]}" ${MMIOD_BUILD:+B="$MMIOD_BUILD"} cpp-tests 3>&- 4>&-
}

# What the tests ask for beside the standard configuration.
cpp_config() {
	cat >>"$T/sim.conf" <<-END
		[region file]
		size = 8K
		backing = $T/backing
		[region vram]
		size = 1M
		pool = yes
		[device card]
		interrupts = msix
		vectors = 4
		dma-engine = no
		[device engine]
		dma = iommu
		dma-bits = 36
		[grant drive]
		device = engine
		config = standard
		bus-master = yes
		reset = yes
		power = yes
		dma = iommu
		user = $ME
		[grant more]
		region = file vram
		user = $ME
		access = rw
		[grant memory]
		memory = pages
		user = $ME
		[grant devices]
		device = card
		interrupts = yes
		user = $ME
	END
	[ "$ME" -ne 0 ] || printf '[admin us]\nuser = %s\n' "$ME" >>"$T/sim.conf"
}

# A file that was cut short is that of a new daemon.
cpp() { # GROUP
	local program
	cpp_config
	for program in gxx-17 clang-20; do
		rm -f "$T/backing"
		start_daemon
		MMIOD_TEST_BACKING=$T/backing ASAN_OPTIONS="handle_sigbus=0:${ASAN_OPTIONS:-}" "$BUILD/tests/integration/cpp-$program" "$1"
		stop_daemon
	done
}

@test "c++ reads and writes registers in exactly their width" { cpp access; }
@test "c++ is told of a window that is lost, and does not die of it" { cpp loss; }
@test "c++ asks for leases, and gives them back" { cpp leases; }
@test "c++ uses windows and clients in several threads" { cpp threads; }
@test "c++ takes windows over by their descriptors" { cpp adopted; }
@test "c++ takes events, and waits for leases without blocking" { cpp events; }
@test "c++ waits for interrupts, and owns files" { cpp interrupts; }
@test "c++ operates devices, and allocates memory that they reach" { cpp operations; }

@test "c++ finds the windows that it was given" {
	start_daemon
	for program in gxx-17 clang-20; do
		mmioctl write regs+0x10 0
		mmioctl hold shm+0x1000/0x1000 regs -- "$BUILD/tests/integration/cpp-$program" inherited
		expect_equal "$(mmioctl read regs+0x10)" 0x0000600d
	done
}

@test "hello-window.cpp does what hello-window.c does" {
	start_daemon
	run "$BUILD/examples/hello-window-cpp" shm/4K "from c++"
	expect_status 0
	expect_equal "$(mmioctl save shm/8 -)" "from c++"
	run "$BUILD/examples/hello-window-cpp" secret
	expect_status 1
	expect_match 'no grant lets user'
	run "$BUILD/examples/hello-window-cpp" shm/4K "$(printf '%5000s' x)"
	expect_status 1
	expect_match 'too long'
}

# compiles STATEMENT…: each is a line of its own, in a function that has a mapping called map, the same called view that may not
# be changed, a lease called lease and a register called control.
compiles() {
	{
		printf '%s\n' '#include <mmiod/mmiod.hpp>' 'constexpr mmiod::register_at<std::uint32_t> control{ 0x10 };' \
			'void f(mmiod::mapping &map, const mmiod::mapping &view, mmiod::lease &lease); void f(mmiod::mapping &map, const mmiod::mapping &view, mmiod::lease &lease) {' \
			'(void)map; (void)view; (void)lease;' "${@/#/{ }" '}'
	} | sed '5,$s/^{ .*/& }/' >"$T/try.cpp"
	"${CXX:-g++}" -std=c++17 -Wall -Wextra -Wconversion -Werror -fmax-errors=0 -fsyntax-only -I"$TOP/include" "$T/try.cpp" >"$T/said" 2>&1
}

@test "c++ does not compile what cannot be meant" {
	local -a bad=() why=()
	refuse() { why+=("$1") bad+=("$2"); }

	compiles 'map.write<std::uint32_t>(0, 1);' 'map[control] = map.read(control);' 'mmiod::guard([] { return 1; });' || { cat "$T/said"; return 1; }
	refuse 'a register is an unsigned integer' 'map.read<int>(0);'
	refuse 'a register is an unsigned integer' 'map.at<bool>(0);'
	refuse 'a register is an unsigned integer' 'map.write<double>(0, 1);'
	refuse 'a register is an unsigned integer' 'map.at<mmiod::state>(0);'
	refuse 'a register is an unsigned integer' 'mmiod::register_at<signed char> at{ 0 }; (void)at;'
	refuse '8, 16, 32 or 64 bits' 'lease.read<long>(0);'
	refuse "couldn.t deduce" 'map.write(0, 1);'
	refuse 'changes value' 'map.write(mmiod::register_at<std::uint8_t>{ 0 }, 256);'
	refuse 'deleted' 'auto a = map[control], b = map[control]; a = b;'
	refuse 'only for reading' 'view[control] = 1;'
	refuse 'only for reading' 'map.at<const std::uint16_t>(0) = 1;'
	refuse 'discards qualifiers' 'view.write(control, 1);'
	refuse 'owns nothing' 'mmiod::guard([] { return std::string(); });'
	refuse '8, 16 or 32 bits' 'mmiod::operation card; card.read_config<std::uint64_t>(0);'
	refuse '8, 16 or 32 bits' 'mmiod::operation card; card.write_config<int>(0, 1);'
	refuse 'deleted' 'mmiod::lease copy = lease; (void)copy;'
	refuse 'deleted' 'mmiod::mapping copy(view);'
	refuse 'no such bits' 'constexpr mmiod::field<std::uint32_t> wide{ control, 30, 3 }; (void)wide;'
	run ! compiles "${bad[@]}"
	local at
	for at in "${!bad[@]}"; do
		grep -q "try.cpp:$((at + 5)):" "$T/said" || { echo "is compiled: ${bad[at]}"; return 1; }
		grep -q -- "${why[at]}" "$T/said" || { echo "nothing says \"${why[at]}\""; cat "$T/said"; return 1; }
	done
}
