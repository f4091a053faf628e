# SPDX-License-Identifier: MIT
# Tests. Each suite prints TAP; tests/tally adds them up and prints the last line.
MODULE_TEST_SOURCES := $(wildcard tests/vm/module/*.c) tests/tap/tap.c
MODULE_TEST_HEADERS := $(wildcard tests/vm/module/*.h) tests/tap/tap.h include/uapi/linux/mmiod.h
# Static, so that they run in any guest; no sanitizer, which would map memory of its own.
MODULE_TEST_FLAGS := -std=gnu11 -O1 -g -Wall -Wextra -Werror -Wno-clobbered -D_GNU_SOURCE \
	-D_FILE_OFFSET_BITS=64 -Iinclude/uapi -Itests/tap -static -pthread

.PHONY: module-tests
module-tests: build/tests/vm/module-tests build/tests/vm/module-tests-32
build/tests/vm/module-tests: $(MODULE_TEST_SOURCES) $(MODULE_TEST_HEADERS)
	@mkdir -p $(@D)
	$(CC) $(MODULE_TEST_FLAGS) -o $@ $(MODULE_TEST_SOURCES)
build/tests/vm/module-tests-32: $(MODULE_TEST_SOURCES) $(MODULE_TEST_HEADERS)
	@mkdir -p $(@D)
	$(CC) -m32 $(MODULE_TEST_FLAGS) -o $@ $(MODULE_TEST_SOURCES)

# The module that shows page-table entries, built for one kernel as `make kmod` builds mmiod.
PTEWALK_OUT ?= build/ptewalk/$(KVER)
.PHONY: ptewalk
ptewalk:
	@mkdir -p $(PTEWALK_OUT)
	@cp -pu tests/vm/module/ptewalk/* $(PTEWALK_OUT)/
	$(MAKE) -C $(KDIR) M=$(abspath $(PTEWALK_OUT)) modules
