# SPDX-License-Identifier: MIT
# The daemon: build/mmiod, from an archive of everything but main.c that the unit tests link as well.
MMIOD_PACKAGES := libevent_core libsystemd libudev pciaccess
MMIOD_CFLAGS = $(call once,MMIOD_CFLAGS,$(PKG_CONFIG) --cflags $(MMIOD_PACKAGES))
MMIOD_LIBS = $(call once,MMIOD_LIBS,$(PKG_CONFIG) --libs $(MMIOD_PACKAGES))
MMIOD_SOURCES := $(filter-out daemon/main.c,$(wildcard daemon/*.c daemon/*/*.c))
MMIOD_OBJECTS := $(MMIOD_SOURCES:%.c=$(B)/%.o)
MMIOD_ARCHIVE := $(B)/libmmiodd.a

$(MMIOD_OBJECTS) $(B)/daemon/main.o: OBJ_FLAGS += -Idaemon $(MMIOD_CFLAGS) \
	-DMMIOD_SYSCONFDIR='"$(SYSCONFDIR)"' -DMMIOD_VENDORDIR='"$(VENDORDIR)"'

$(MMIOD_ARCHIVE): $(MMIOD_OBJECTS)
	rm -f $@
	$(AR) rcs $@ $^

$(B)/mmiod: $(B)/daemon/main.o $(MMIOD_ARCHIVE)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(MMIOD_LIBS)

ALL += $(B)/mmiod

INSTALL_TARGETS += install-daemon
UNINSTALL_TARGETS += uninstall-daemon
.PHONY: install-daemon uninstall-daemon
install-daemon: $(B)/mmiod
	$(INSTALL) -D -m 0755 $(B)/mmiod "$(DESTDIR)"$(SBINDIR)/mmiod
	$(INSTALL) -d -m 0755 "$(DESTDIR)"$(VENDORDIR)/mmiod/mmiod.conf.d "$(DESTDIR)"$(SYSCONFDIR)/mmiod/mmiod.conf.d
	test -e "$(DESTDIR)"$(SYSCONFDIR)/mmiod/mmiod.conf || \
		$(INSTALL) -m 0644 daemon/mmiod.conf "$(DESTDIR)"$(SYSCONFDIR)/mmiod/mmiod.conf

# The administrator's configuration stays, unless it is as it was installed.
uninstall-daemon:
	rm -f "$(DESTDIR)"$(SBINDIR)/mmiod
	if cmp -s daemon/mmiod.conf "$(DESTDIR)"$(SYSCONFDIR)/mmiod/mmiod.conf; then \
		rm -f "$(DESTDIR)"$(SYSCONFDIR)/mmiod/mmiod.conf; fi
	-rmdir --ignore-fail-on-non-empty "$(DESTDIR)"$(SYSCONFDIR)/mmiod/mmiod.conf.d \
		"$(DESTDIR)"$(SYSCONFDIR)/mmiod "$(DESTDIR)"$(VENDORDIR)/mmiod/mmiod.conf.d \
		"$(DESTDIR)"$(VENDORDIR)/mmiod 2>/dev/null

# Unit tests: one program for each test-*.c, with what helps the tests.
MMIOD_TESTS := $(patsubst %.c,$(B)/%,$(wildcard tests/unit/daemon/test-*.c tests/unit/daemon/*/test-*.c))
MMIOD_TEST_HELPERS := $(patsubst %.c,$(B)/%.o,$(wildcard tests/unit/daemon/support/*.c))
UNIT_TESTS += $(MMIOD_TESTS)
$(MMIOD_TESTS:%=%.o) $(MMIOD_TEST_HELPERS): OBJ_FLAGS += $(MMIOD_CFLAGS) -I. -Idaemon -Itests/unit/daemon -Wno-missing-prototypes
$(MMIOD_TESTS): %: %.o $(MMIOD_TEST_HELPERS) $(MMIOD_ARCHIVE)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(MMIOD_LIBS) -lcriterion
$(B)/tests/unit/daemon/pool/test-pool-traces: $(B)/tests/bench/pool/trace.o
.SECONDARY: $(MMIOD_TESTS:%=%.o) $(MMIOD_TEST_HELPERS)
