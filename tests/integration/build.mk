# SPDX-License-Identifier: MIT
# The hostile client, and a program that was given windows. tests/integration/run brings this file along, so that it also
# works by itself.
HOSTILE_SOURCES := $(wildcard tests/integration/hostile/*.c) tests/tap/tap.c
HOSTILE_HEADERS := $(wildcard tests/integration/hostile/*.h) tests/tap/tap.h $(wildcard include/mmiod/*.h)
HOSTILE_FLAGS := -std=gnu11 -O1 -g -Wall -Wextra -Werror -Wshadow -Wno-unused-parameter -D_GNU_SOURCE \
	-Iinclude -Iinclude/uapi -Itests/tap

$(B)/tests/integration/hostile: $(HOSTILE_SOURCES) $(HOSTILE_HEADERS)
	@mkdir -p $(@D)
	$(CC) $(HOSTILE_FLAGS) -o $@ $(HOSTILE_SOURCES)

$(B)/tests/integration/adopt: tests/integration/adopt.c $(B)/libmmiod.a
	@mkdir -p $(@D)
	$(CC) -Iinclude $(CFLAGS) $(LDFLAGS) -o $@ $^
