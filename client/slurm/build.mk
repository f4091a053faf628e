# SPDX-License-Identifier: MIT
# The plugin for Slurm, where Slurm's headers are (libslurm-dev); SLURM= leaves it out. What it calls of Slurm is in the
# program that loads it, so it is linked with the library only, which it carries in itself as mmioctl does.
SLURM_INCLUDEDIR ?= /usr/include
SLURM ?= $(wildcard $(SLURM_INCLUDEDIR)/slurm/spank.h)
# Where Slurm looks for plugins: Debian's has a folder of another name.
SLURM_PLUGINDIR ?= $(firstword $(wildcard $(LIBDIR)/slurm-wlm) $(LIBDIR)/slurm)

SLURM_SRCS := $(wildcard client/slurm/*.c)
SLURM_OBJS := $(SLURM_SRCS:%.c=$(B)/%.o)
SPANK := $(B)/spank_mmiod.so

$(SLURM_OBJS): OBJ_FLAGS = -Iclient/slurm
# Headers of others are not ours to mend.
$(B)/client/slurm/spank_mmiod.o $(B)/client/slurm/job.o: OBJ_FLAGS = -Iclient/slurm -isystem $(SLURM_INCLUDEDIR)

$(SPANK): $(SLURM_OBJS) $(B)/libmmiod.a
	$(CC) $(CFLAGS) $(LDFLAGS) -shared -Wl,--exclude-libs,ALL -o $@ $^

## make slurm          the plugin for Slurm, spank_mmiod.so; SLURM= leaves it out of make and make install
.PHONY: slurm no-slurm
ifdef SAN
slurm:
else ifneq ($(SLURM),)
slurm: $(SPANK)
ALL += $(SPANK)
INSTALL_TARGETS += install-slurm
UNINSTALL_TARGETS += uninstall-slurm
else
slurm: no-slurm
ifeq ($(origin SLURM),file)
ALL += no-slurm
endif
endif

no-slurm:
	@echo "The plugin for Slurm is left out: there is no $(SLURM_INCLUDEDIR)/slurm/spank.h (Debian: libslurm-dev)"

.PHONY: install-slurm uninstall-slurm
install-slurm: $(SPANK)
	$(INSTALL) -D -m 644 $(SPANK) "$(DESTDIR)"$(SLURM_PLUGINDIR)/spank_mmiod.so

uninstall-slurm:
	rm -f "$(DESTDIR)"$(SLURM_PLUGINDIR)/spank_mmiod.so

# What reads text needs no headers of Slurm's.
SLURM_TEST_OBJS := $(patsubst %.c,$(B)/%.o,$(wildcard tests/unit/slurm/*.c))
$(SLURM_TEST_OBJS): OBJ_FLAGS := -Iclient/slurm

$(B)/tests/unit/test-slurm: $(SLURM_TEST_OBJS) $(addprefix $(B)/client/slurm/,common.o gres.o settings.o wishes.o) $(B)/libmmiod.a
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lcriterion

UNIT_TESTS += $(B)/tests/unit/test-slurm
