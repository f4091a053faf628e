# SPDX-License-Identifier: MIT
# Tests. Each suite prints TAP; tests/check adds them up and prints the last line.
MODULE_TEST_SOURCES := $(wildcard tests/vm/module/*.c) tests/tap/tap.c
MODULE_TEST_HEADERS := $(wildcard tests/vm/module/*.h) tests/tap/tap.h include/uapi/linux/mmiod.h
# Static, so that they run in any guest; no sanitizer, which would map memory of its own.
MODULE_TEST_FLAGS := -std=gnu11 -O1 -g -Wall -Wextra -Werror -Wno-clobbered -D_GNU_SOURCE \
	-D_FILE_OFFSET_BITS=64 -Iinclude/uapi -Itests/tap -static -pthread

# What unit tests do themselves takes less time than it takes to compile them well.
$(B)/tests/unit/%.o: private CFLAGS += -Og

# What daemon and clients share is headers only.
COMMON_TESTS := $(patsubst %.c,$(B)/%,$(wildcard tests/unit/common/test-*.c))
UNIT_TESTS += $(COMMON_TESTS)
$(COMMON_TESTS:%=%.o): OBJ_FLAGS += -Wno-missing-prototypes
$(COMMON_TESTS): $(B)/%: $(B)/%.o
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< -lcriterion
.SECONDARY: $(COMMON_TESTS:%=%.o)

.PHONY: module-tests
module-tests: build/tests/vm/module-tests build/tests/vm/module-tests-32
build/tests/vm/module-tests: $(MODULE_TEST_SOURCES) $(MODULE_TEST_HEADERS)
	@mkdir -p $(@D)
	$(CC) $(MODULE_TEST_FLAGS) -o $@ $(MODULE_TEST_SOURCES)
build/tests/vm/module-tests-32: $(MODULE_TEST_SOURCES) $(MODULE_TEST_HEADERS)
	@mkdir -p $(@D)
	$(CC) -m32 $(MODULE_TEST_FLAGS) -o $@ $(MODULE_TEST_SOURCES)

# Clients for the service's tests, against the library as installed; one of them as 32-bit code on a 64-bit kernel.
.PHONY: service-tests
service-tests: build/tests/vm/holder build/tests/vm/engine build/tests/vm/waiter build/tests/vm/kept build/tests/vm/pciaccess build/tests/vm/frames build/tests/vm/pieces build/tests/vm/pieces-old build/tests/vm/hello-window-32 build/tests/vm/opener build/tests/vm/opener-32 build/tests/restart/steady build/tests/restart/ledger
build/tests/vm/holder build/tests/vm/engine build/tests/vm/waiter: build/tests/vm/%: tests/vm/service/%.c build/libmmiod.so
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -o $@ $< -Lbuild -lmmiod
build/tests/vm/pieces: tests/integration/pieces.c build/libmmiod.so
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -o $@ $< -Lbuild -lmmiod
# As it was before the header knew of extents.
build/tests/vm/pieces-old: tests/integration/pieces.c $(wildcard include/mmiod/*.h) build/libmmiod.so
	@mkdir -p $(@D)/before-extents/mmiod
	cp include/mmiod/*.h $(@D)/before-extents/mmiod/
	sed -i '/^struct mmiod_allocation {/,/^};/ { /max_extents;/d; /reserved2;/d }' $(@D)/before-extents/mmiod/mmiod.h
	$(CC) -DOLD -I$(@D)/before-extents $(CPPFLAGS) $(CFLAGS) -o $@ $< -Lbuild -lmmiod
build/tests/vm/kept: tests/vm/service/kept.c build/libmmiod.so
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -o $@ $< -Lbuild -lmmiod -lsystemd
build/tests/vm/pciaccess: tests/vm/service/pciaccess.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -o $@ $< -lpciaccess
build/tests/vm/frames: tests/vm/service/frames.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -o $@ $<
build/tests/vm/hello-window-32: client/examples/hello-window.c
	@mkdir -p $(@D)
	+$(MAKE) M32=1
	$(CC) -m32 $(CPPFLAGS) $(CFLAGS) -static -o $@ $< build/m32/libmmiod.a
# What mmioctl run is to serve: static, and as 32-bit code.
build/tests/vm/opener build/tests/vm/opener-32: tests/integration/opener.c
	@mkdir -p $(@D)
	$(CC) $(if $(filter %-32,$@),-m32) $(CPPFLAGS) $(CFLAGS) -D_FILE_OFFSET_BITS=64 -static -pthread -o $@ $<

# The modules that show page-table entries and count calls, built for one kernel as `make kmod` builds mmiod.
PTEWALK_OUT ?= build/ptewalk/$(KVER)
.PHONY: ptewalk
ptewalk:
	@mkdir -p $(PTEWALK_OUT)
	@cp -pu tests/vm/module/ptewalk/* $(PTEWALK_OUT)/
	$(MAKE) -C $(KDIR) M=$(abspath $(PTEWALK_OUT)) $(NO_BTF) modules

# bench/build.mk before those below it, which use its BENCH_TABLES.
-include tests/restart/build.mk tests/bench/build.mk $(sort $(wildcard tests/bench/*/build.mk)) tests/fuzz/build.mk \
	tests/faults/build.mk tests/slurm/build.mk

## make check          all tests: unit, integration in simulation, the rig on 6.1 and on 6.12, each with what depends on it
## make check-unit     unit tests only; make check-integration; make check-manuals; make check-vm KERNEL=6.1|6.12|sanitize|kcsan
## make check-rig      the rig itself: on archives that move, and what tests/vm/run promises (boots some fifteen machines)
## make check-sanitize all of them under sanitizers, in user space and in the kernel (builds two kernels once)
KERNEL ?= 6.1
# The suites of a kernel, a machine each; and of both kernels, each with its part, the longest machines first: or one of
# them would run alone at the end.
machine = vm-$(notdir $1)-$2 'tests/vm/check $3 $1 $2' --
machines = $(foreach m,$(shell tests/vm/check --machines $1),$(call machine,$1,$m))
shared = $(shell tests/vm/check --shared --machines $1)
shared_machines = $(foreach m,$(shell printf '%s\n' $(call shared,6.12) $(call shared,6.1) | awk '!seen[$$0]++'),$(foreach \
	k,6.12 6.1,$(if $(filter $m,$(call shared,$k)),$(call machine,$k,$m,--shared))))
INTEGRATION := MMIOD_BUILD=$(B) tests/integration/run
RUNNER := bats --tap tests/run-suite.bats tests/vm/emulator.bats
.PHONY: check check-unit check-integration check-manuals check-vm check-rig check-sanitize unit-tests prereqs
unit-tests: $(UNIT_TESTS)

# What is missing is installed first, and what is built is built by a make of its own: this one looked for the compiler
# when it was started.
BUILD = tests/step make "building $(1)" $(MAKE) -s --no-print-directory -j$$(nproc)
prereqs:
	@tests/vm/prereqs build test

# Without a browser pictures are not looked at, and the test says so.
.PHONY: browser
browser:
	@tests/vm/prereqs pictures || :

# What takes long begins, or the last of it would run alone.
check: browser
	@tests/vm/prereqs build test rig
	+@$(call BUILD,mmiod and the unit tests) all unit-tests
	@for what in 'kernels 6.1' 'kernels 6.12' image; do tests/vm/$$what >/dev/null || exit; done
	@tests/check integration '$(INTEGRATION)' -- $(shared_machines) \
		unit 'tests/unit-suite $(UNIT_TESTS)' -- manuals tests/manuals \
		-- archive 'bats --tap --filter-tags fast tests/vm/archive.bats' -- runner '$(RUNNER)'

check-unit: prereqs
	+@$(call BUILD,the unit tests) unit-tests
	@tests/check unit 'tests/unit-suite $(UNIT_TESTS)'

check-integration: prereqs browser
	+@$(call BUILD,mmiod) all
	@tests/check integration '$(INTEGRATION)'

check-manuals: prereqs
	+@$(call BUILD,mmiod) all
	@tests/check manuals tests/manuals

check-vm: prereqs
	@tests/check $(call machines,$(KERNEL))

check-rig:
	@tests/vm/prereqs build test rig lint sanitize
	@tests/check archive 'bats --tap tests/vm/archive.bats' -- runner '$(RUNNER)' -- rig 'bats --tap tests/vm/rig.bats'

## make check-deb      the Debian packages, from their making to their purge in a chroot; the library's ABI: make check-abi
## make abi            what "make check-abi" compares with, made anew: at a release
## make check-deb-vm   the packages on a machine of the rig: upgraded, removed and purged while leases are held
.PHONY: check-deb check-deb-vm check-abi abi
check-deb:
	@tests/vm/prereqs build package
	+@$(call BUILD,mmiod) all
	@tests/check abi tests/abi/check -- deb tests/deb/check

check-deb-vm:
	@tests/vm/prereqs build rig package
	+@$(call BUILD,mmiod) all
	@tests/check deb-vm tests/deb/check-vm

check-abi:
	@tests/vm/prereqs build package
	+@$(call BUILD,mmiod) all
	@tests/check abi tests/abi/check

abi:
	@tests/vm/prereqs build package
	+@$(call BUILD,mmiod) all
	@tests/abi/check --write

## make check-slurm    jobs of Slurm's, on clusters of one and of three nodes on this machine, in simulation
.PHONY: check-slurm
check-slurm:
	@tests/vm/prereqs build test slurm
	+@$(call BUILD,mmiod and the plugin) all slurm $(addprefix $(B)/tests/slurm/,windowed forger.so)
	@tests/check slurm 'bats --tap tests/slurm'

## make check-secureboot  mmiod under Secure Boot: firmware that checks signatures, and a kernel that is locked down, 6.1 and 6.12
.PHONY: check-secureboot
check-secureboot:
	@tests/vm/prereqs build rig secure-boot || true
	+@$(call BUILD,mmiod) all
	@for what in 'kernels 6.1' 'kernels 6.12' image; do tests/vm/$$what >/dev/null || exit; done
	@tests/check secureboot-6.12 'tests/vm/secure-boot/check 6.12' -- secureboot-6.1 'tests/vm/secure-boot/check 6.1'

## make check-build-reach  the module compiled for each of Debian's kernels: with PREEMPT_RT, of backports, for other machines
.PHONY: check-build-reach
check-build-reach:
	@tests/vm/prereqs build rig
	@tests/check reach tests/vm/reach

SAN_UNIT_TESTS := $(UNIT_TESTS:$(B)/%=build/san/%)
check-sanitize:
	@tests/vm/prereqs build test rig sanitize
	+@$(call BUILD,mmiod and the unit tests with sanitizers) SAN=1 all unit-tests
	@tests/check $(call machines,sanitize) vm-kcsan-module 'tests/vm/check kcsan module' -- unit-san 'tests/unit-suite $(SAN_UNIT_TESTS)' \
		-- integration-san 'MMIOD_BUILD=build/san tests/integration/run'

## make demo           the main job, shown on an emulated machine
## make picture        the same as tests/vm/demo.svg, which README.md shows
.PHONY: demo picture
demo:
	@tests/vm/demo

picture:
	@tests/vm/prereqs test
	@mkdir -p build
	@tests/vm/demo >build/demo.txt || { cat build/demo.txt; exit 1; }
	@tests/vm/demo-picture build/demo.txt >build/demo.svg
	@mv build/demo.svg tests/vm/demo.svg

## make lint           clang-format, cppcheck, sparse, checkpatch, coccicheck, shellcheck
.PHONY: lint
lint:
	@tests/lint
