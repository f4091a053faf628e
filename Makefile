# SPDX-License-Identifier: MIT
# mmiod: `make help` says what there is. Non-recursive: each room brings a build.mk, all output goes to build/.
VERSION := 0.1.0

B := build
ifdef SAN
B := build/san
SANFLAGS := -fsanitize=address,undefined -fno-omit-frame-pointer -fno-sanitize-recover=undefined
endif

DESTDIR ?=
PREFIX ?= /usr
MULTIARCH := $(shell $(CC) -print-multiarch 2>/dev/null)
BINDIR ?= $(PREFIX)/bin
SBINDIR ?= $(PREFIX)/sbin
LIBDIR ?= $(PREFIX)/lib/$(MULTIARCH)
INCLUDEDIR ?= $(PREFIX)/include
DATADIR ?= $(PREFIX)/share
MANDIR ?= $(DATADIR)/man
VENDORDIR ?= $(PREFIX)/lib
SYSCONFDIR ?= /etc
INSTALL ?= install

CC ?= cc
PKG_CONFIG ?= pkg-config
# The value of a variable that is what a command says: asked once, and only when something is compiled or linked. "make
# check" on a machine without any of the packages installs them first.
once = $(eval $1 := $$(shell $2))$($1)
# A packager's own flags, from the environment or the command line, come first; WERROR= tolerates the warnings of other compilers.
override CPPFLAGS += -Iinclude -Iinclude/uapi -D_GNU_SOURCE -DMMIOD_VERSION='"$(VERSION)"'
WERROR ?= -Werror
WARNINGS := -Wall -Wextra $(WERROR) -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
	-Wvla -Wformat=2 -Wundef -Wno-unused-parameter -Wno-missing-field-initializers
CFLAGS ?= -O2 -g
override CFLAGS += -std=gnu11 -fPIC -fvisibility=hidden $(WARNINGS) $(SANFLAGS)
override LDFLAGS += $(SANFLAGS) -Wl,-z,relro,-z,now -Wl,--as-needed

# Manuals lie beside what they describe: NAME.SECTION.scd.
MANUALS := $(wildcard kmod/*.scd daemon/*.scd client/*/*.scd include/mmiod/*.scd)
PAGES := $(addprefix $(B)/man/,$(notdir $(MANUALS:.scd=)))

ALL := $(PAGES)
INSTALL_TARGETS := install-man
UNINSTALL_TARGETS := uninstall-man
UNIT_TESTS :=

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:

include $(wildcard daemon/build.mk client/build.mk systemd/build.mk kmod/build.mk tests/build.mk)

.PHONY: all install uninstall clean help
all: $(ALL)
install: $(INSTALL_TARGETS)
uninstall: $(UNINSTALL_TARGETS)

# What objects are built with, so that "make PREFIX=/usr/local" after "make" installs no program that looks in /usr.
export SETTINGS = $(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) $(PREFIX) $(SBINDIR) $(LIBDIR) $(INCLUDEDIR) $(DATADIR) \
	$(VENDORDIR) $(SYSCONFDIR)
.PHONY: FORCE
$(B)/settings: FORCE
	@mkdir -p $(@D); echo "$$SETTINGS" | cmp -s - $@ || echo "$$SETTINGS" >$@

$(B)/%.o: %.c $(B)/settings
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(OBJ_FLAGS) -MMD -MP -c -o $@ $<

vpath %.scd $(sort $(dir $(MANUALS)))
$(B)/man/%: %.scd
	@mkdir -p $(@D)
	scdoc <$< >$@

.PHONY: install-man uninstall-man
install-man: $(PAGES)
	$(foreach page,$(PAGES),$(INSTALL) -D -m 644 $(page) \
		"$(DESTDIR)"$(MANDIR)/man$(subst .,,$(suffix $(page)))/$(notdir $(page)) &&) true

uninstall-man:
	rm -f $(foreach page,$(PAGES),"$(DESTDIR)"$(MANDIR)/man$(subst .,,$(suffix $(page)))/$(notdir $(page)))

clean:
	rm -rf build

help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST)

# Packages are built in trees of their own below it.
-include $(shell find $(B) -path '$(B)/deb' -prune -o -name '*.d' -type f -print 2>/dev/null)

## make                build daemon, library and command line into build/
## make install        put everything in its place (DESTDIR=, PREFIX=); make uninstall takes it away
## make M32=1          the client library as 32-bit code, into build/m32/
## make SAN=1          everything with AddressSanitizer and UBSan, into build/san/
