# SPDX-License-Identifier: MIT
# Library (shared, static, 32-bit), command line, examples, their installation and their unit tests.

LIB_SRCS := $(wildcard client/lib/*/*.c client/lib/*.c)
LIB_OBJS := $(LIB_SRCS:%.c=$(B)/%.o)
LIB_MAP := client/lib/libmmiod.map
LIB_SO := libmmiod.so.$(VERSION)
LIB_SONAME := libmmiod.so.0
LIB_LINK = -shared -Wl,-soname,$(LIB_SONAME) -Wl,--version-script=$(LIB_MAP)

# 64-bit file offsets wherever off_t can be chosen: a window may lie behind 2 GiB of its file.
LIB_FLAGS := -D_FILE_OFFSET_BITS=64 -Iclient/lib
$(LIB_OBJS): OBJ_FLAGS := $(LIB_FLAGS)

$(B)/libmmiod.a: $(LIB_OBJS)
	@rm -f $@
	$(AR) rcs $@ $^

$(B)/$(LIB_SO): $(LIB_OBJS) $(LIB_MAP)
	$(CC) $(CFLAGS) $(LDFLAGS) $(LIB_LINK) -o $@ $(LIB_OBJS)

$(B)/$(LIB_SONAME): $(B)/$(LIB_SO)
	ln -sf $(LIB_SO) $@

$(B)/libmmiod.so: $(B)/$(LIB_SONAME)
	ln -sf $(LIB_SONAME) $@

$(B)/mmiod.pc: client/lib/mmiod.pc.in $(B)/settings
	@mkdir -p $(@D)
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' \
		-e 's|@VERSION@|$(VERSION)|' $< > $@

# 32-bit: the same sources, nothing but the C library needed.
M32_OBJS := $(LIB_SRCS:%.c=$(B)/m32/%.o)

$(B)/m32/%.o: %.c $(B)/settings
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -m32 $(LIB_FLAGS) -MMD -MP -c -o $@ $<

$(B)/m32/libmmiod.a: $(M32_OBJS)
	@rm -f $@
	$(AR) rcs $@ $^

$(B)/m32/$(LIB_SONAME): $(M32_OBJS) $(LIB_MAP)
	$(CC) $(CFLAGS) -m32 $(LDFLAGS) $(LIB_LINK) -o $@ $(M32_OBJS)

.PHONY: m32
m32: $(B)/m32/libmmiod.a $(B)/m32/$(LIB_SONAME)

ifdef M32
.DEFAULT_GOAL := m32
endif

# The command line carries the library in itself, so that it works when the two are upgraded apart.
CTL_SRCS := $(wildcard client/mmioctl/*.c client/mmioctl/*/*.c)
CTL_OBJS := $(CTL_SRCS:%.c=$(B)/%.o)
CTL_PKGS := smartcols jansson pciaccess libevent libedit expat
CTL_CFLAGS = $(call once,CTL_CFLAGS,$(PKG_CONFIG) --cflags $(CTL_PKGS))
CTL_LIBS = $(call once,CTL_LIBS,$(PKG_CONFIG) --libs $(CTL_PKGS))
$(CTL_OBJS): OBJ_FLAGS = -Iclient/mmioctl $(CTL_CFLAGS) -DMMIOD_DATADIR='"$(DATADIR)"' \
	-DMMIOD_SBINDIR='"$(SBINDIR)"' -DMMIOD_SYSCONFDIR='"$(SYSCONFDIR)"'

CTL_MAIN := $(B)/client/mmioctl/main.o

$(B)/libmmioctl.a: $(filter-out $(CTL_MAIN),$(CTL_OBJS))
	@rm -f $@
	$(AR) rcs $@ $^

$(B)/mmioctl: $(CTL_MAIN) $(B)/libmmioctl.a $(B)/libmmiod.a
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(CTL_LIBS)

# Examples are what a program of somebody else would be: the public header and the shared library.
EXAMPLES := $(patsubst client/examples/%.c,$(B)/examples/%,$(wildcard client/examples/*.c))

$(B)/examples/%: client/examples/%.c $(B)/libmmiod.so
	@mkdir -p $(@D) $(B)/client/examples
	$(CC) -Iinclude $(CFLAGS) -MMD -MP -MF $(B)/client/examples/$*.d $(LDFLAGS) -Wl,-rpath,'$$ORIGIN/..' -o $@ $< -L$(B) -lmmiod

# Those in C++ are made by who tests them: nothing else here needs a compiler of that.
$(B)/examples/%-cpp: client/examples/%.cpp include/mmiod/mmiod.hpp include/mmiod/mmiod.h $(B)/libmmiod.so
	@mkdir -p $(@D)
	$(CXX) -std=c++17 -Wall -Wextra $(WERROR) -Iinclude $(CXXFLAGS) $(SANFLAGS) -Wl,-rpath,'$$ORIGIN/..' -o $@ $< -L$(B) -lmmiod

ALL += $(B)/libmmiod.a $(B)/libmmiod.so $(B)/mmiod.pc $(B)/mmioctl $(EXAMPLES)

# The library's tests lie in rooms as its files do; support/ has what tests of several rooms need.
LIB_TEST_OBJS := $(patsubst %.c,$(B)/%.o,$(wildcard tests/unit/lib/*.c tests/unit/lib/*/*.c))
$(LIB_TEST_OBJS): OBJ_FLAGS := $(LIB_FLAGS) -Itests/unit/lib -DBUILD_DIR='"$(B)"'

# Programs with the library in themselves, for what an archive links and what it leaves out.
LIB_TEST_STATIC := $(addprefix $(B)/tests/unit/lib/static-,hello-window object-cache)
$(LIB_TEST_STATIC): $(B)/tests/unit/lib/static-%: client/examples/%.c $(B)/libmmiod.a
	@mkdir -p $(@D)
	$(CC) -Iinclude $(CFLAGS) $(LDFLAGS) -o $@ $^

$(B)/tests/unit/test-lib: $(LIB_TEST_OBJS) $(B)/libmmiod.a | $(B)/libmmiod.so $(LIB_TEST_STATIC)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lcriterion

# The fake daemon that mmioctl meets is that of the library's tests.
CTL_TEST_OBJS := $(patsubst %.c,$(B)/%.o,$(wildcard tests/unit/mmioctl/*.c tests/unit/mmioctl/support/*.c))
$(CTL_TEST_OBJS): OBJ_FLAGS := $(LIB_FLAGS) -Iclient/mmioctl -Itests/unit/lib/support -Itests/unit/mmioctl/support \
	-DBUILD_DIR='"$(B)"'

$(B)/tests/unit/test-mmioctl: $(CTL_TEST_OBJS) $(B)/tests/unit/lib/support/fake.o $(B)/libmmioctl.a $(B)/libmmiod.a | $(B)/mmioctl
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lcriterion $(CTL_LIBS)

# An example that believes nothing of its device, with a device that lies.
EXAMPLE_TEST := $(B)/tests/unit/examples/test-virtio-net-echo
$(EXAMPLE_TEST): %: %.o $(B)/libmmiod.a
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lcriterion
.SECONDARY: $(EXAMPLE_TEST).o

UNIT_TESTS += $(B)/tests/unit/test-lib $(B)/tests/unit/test-mmioctl $(EXAMPLE_TEST)

INSTALL_TARGETS += install-client
UNINSTALL_TARGETS += uninstall-client
.PHONY: install-client uninstall-client

PUBLIC_HEADERS := mmiod.h mmiod.hpp sized.h types.h
CTL_MAPS := $(wildcard client/mmioctl/maps/*.ini)
BASHCOMPDIR ?= $(DATADIR)/bash-completion/completions
ZSHCOMPDIR ?= $(DATADIR)/zsh/vendor-completions

install-client: $(B)/mmioctl $(B)/libmmiod.a $(B)/$(LIB_SO) $(B)/mmiod.pc
	$(INSTALL) -d "$(DESTDIR)"$(BINDIR) "$(DESTDIR)"$(LIBDIR)/pkgconfig "$(DESTDIR)"$(INCLUDEDIR)/mmiod
	$(INSTALL) -m 755 $(B)/mmioctl "$(DESTDIR)"$(BINDIR)/
	$(INSTALL) -m 644 $(B)/$(LIB_SO) $(B)/libmmiod.a "$(DESTDIR)"$(LIBDIR)/
	ln -sf $(LIB_SO) "$(DESTDIR)"$(LIBDIR)/$(LIB_SONAME)
	ln -sf $(LIB_SONAME) "$(DESTDIR)"$(LIBDIR)/libmmiod.so
	$(INSTALL) -m 644 $(B)/mmiod.pc "$(DESTDIR)"$(LIBDIR)/pkgconfig/
	$(INSTALL) -m 644 $(addprefix include/mmiod/,$(PUBLIC_HEADERS)) "$(DESTDIR)"$(INCLUDEDIR)/mmiod/
	$(INSTALL) -d "$(DESTDIR)"$(DATADIR)/mmiod/maps "$(DESTDIR)"$(BASHCOMPDIR) "$(DESTDIR)"$(ZSHCOMPDIR)
	$(INSTALL) -m 644 $(CTL_MAPS) "$(DESTDIR)"$(DATADIR)/mmiod/maps/
	$(INSTALL) -m 644 client/mmioctl/completion/mmioctl.bash "$(DESTDIR)"$(BASHCOMPDIR)/mmioctl
	$(INSTALL) -m 644 client/mmioctl/completion/_mmioctl "$(DESTDIR)"$(ZSHCOMPDIR)/

uninstall-client:
	rm -f "$(DESTDIR)"$(BINDIR)/mmioctl "$(DESTDIR)"$(LIBDIR)/pkgconfig/mmiod.pc
	rm -f $(addprefix "$(DESTDIR)"$(LIBDIR)/,$(LIB_SO) $(LIB_SONAME) libmmiod.so libmmiod.a)
	rm -f $(addprefix "$(DESTDIR)"$(INCLUDEDIR)/mmiod/,$(PUBLIC_HEADERS))
	rm -f $(CTL_MAPS:client/mmioctl/maps/%="$(DESTDIR)"$(DATADIR)/mmiod/maps/%)
	rm -f "$(DESTDIR)"$(BASHCOMPDIR)/mmioctl "$(DESTDIR)"$(ZSHCOMPDIR)/_mmioctl
	-rmdir "$(DESTDIR)"$(DATADIR)/mmiod/maps "$(DESTDIR)"$(DATADIR)/mmiod 2>/dev/null
	-rmdir "$(DESTDIR)"$(INCLUDEDIR)/mmiod 2>/dev/null

include client/python/build.mk
include client/rust/build.mk
include client/slurm/build.mk
