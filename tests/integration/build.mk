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

# A program that may have several extents of a pool, by the header of today and by one that knows of none.
$(B)/tests/integration/pieces: tests/integration/pieces.c $(B)/libmmiod.a
	@mkdir -p $(@D)
	$(CC) -Iinclude $(CFLAGS) $(LDFLAGS) -o $@ $^

$(B)/tests/integration/pieces-old: tests/integration/pieces.c $(wildcard include/mmiod/*.h) $(B)/libmmiod.a
	@mkdir -p $(@D)/before-extents/mmiod
	cp include/mmiod/*.h $(@D)/before-extents/mmiod/
	sed -i '/^struct mmiod_allocation {/,/^};/ { /max_extents;/d; /reserved2;/d }' $(@D)/before-extents/mmiod/mmiod.h
	$(CC) -DOLD -I$(@D)/before-extents -Iinclude $(CFLAGS) $(LDFLAGS) -o $@ $< $(B)/libmmiod.a

# The C++ header has no warning in either standard by either compiler; two of the four are run.
CLANGXX ?= clang++
CPP_TESTS := $(wildcard tests/integration/cpp/*.cpp)
CPP_HEADERS := $(wildcard tests/integration/cpp/*.hpp include/mmiod/*.h include/mmiod/*.hpp)
CPP_FLAGS := -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wnon-virtual-dtor -Werror -Iinclude $(SANFLAGS)
CPP_LINK = -L$(B) -lmmiod -Wl,-rpath,$(abspath $(B)) -pthread
# A library that is built with gcc's sanitizers takes no program with clang's.
CPP_CLANG = $(if $(SANFLAGS),$(CXX),$(CLANGXX))

.PHONY: cpp-tests
cpp-tests: $(B)/tests/integration/cpp-gxx-17 $(B)/tests/integration/cpp-clang-20 $(B)/tests/integration/cpp-checked \
	$(B)/examples/hello-window-cpp

$(B)/tests/integration/cpp-gxx-17: $(CPP_TESTS) $(CPP_HEADERS) $(B)/libmmiod.so
	@mkdir -p $(@D)
	$(CXX) -std=c++17 -O1 $(CPP_FLAGS) -o $@ $(CPP_TESTS) $(CPP_LINK)

$(B)/tests/integration/cpp-clang-20: $(CPP_TESTS) $(CPP_HEADERS) $(B)/libmmiod.so
	@mkdir -p $(@D)
	$(CPP_CLANG) -std=c++20 $(CPP_FLAGS) -o $@ $(CPP_TESTS) $(CPP_LINK)

$(B)/tests/integration/cpp-checked: $(CPP_TESTS) $(CPP_HEADERS)
	@mkdir -p $(@D)
	$(CXX) -std=c++20 $(CPP_FLAGS) -fsyntax-only $(filter %/test-access.cpp %/test-lease.cpp %/test-operation.cpp,$(CPP_TESTS))
	$(CLANGXX) -std=c++17 $(filter-out $(SANFLAGS),$(CPP_FLAGS)) -fsyntax-only $(filter %/test-access.cpp %/test-lease.cpp %/test-operation.cpp,$(CPP_TESTS))
	@touch $@
