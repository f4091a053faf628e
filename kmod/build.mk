# SPDX-License-Identifier: MIT
# The module, out of tree: sources are laid out in the build directory as DKMS lays them out, and built there.
KVER ?= $(shell uname -r)
KDIR ?= /lib/modules/$(KVER)/build
KMOD_OUT ?= $(B)/kmod/$(KVER)
KMOD_SOURCES := $(wildcard kmod/*.c kmod/*.h) kmod/Kbuild kmod/dkms.conf kmod/LICENSE
KMOD_UAPI := include/uapi/linux/mmiod.h
DKMSDIR ?= $(PREFIX)/src/mmiod-$(VERSION)

# Headers without the kernel's own type information can give none to a module: without this, kbuild says so each time.
NO_BTF = $(if $(wildcard $(KDIR)/vmlinux),,CONFIG_DEBUG_INFO_BTF_MODULES=)

## make kmod           the module for the running kernel, or for KDIR=… KVER=NAME, into build/kmod/NAME/
.PHONY: kmod install-kmod uninstall-kmod
kmod:
	@test -d $(KDIR) || { echo "no kernel headers at $(KDIR): apt-get install linux-headers-$(KVER), or give KDIR=" >&2; exit 1; }
	@case '$(CURDIR)' in *[[:space:]]*) echo "the kernel's build system tolerates no blank in a path: $(CURDIR)" >&2; exit 1;; esac
	@mkdir -p $(KMOD_OUT)/include/uapi/linux
	@cp -pu $(KMOD_SOURCES) $(KMOD_OUT)/
	@cp -pu $(KMOD_UAPI) $(KMOD_OUT)/include/uapi/linux/
	$(MAKE) -C $(KDIR) M=$(abspath $(KMOD_OUT)) $(NO_BTF) $(KMOD_FLAGS) modules

INSTALL_TARGETS += install-kmod
install-kmod:
	$(INSTALL) -d "$(DESTDIR)"$(DKMSDIR)/include/uapi/linux
	$(INSTALL) -m 644 $(KMOD_SOURCES) "$(DESTDIR)"$(DKMSDIR)/
	$(INSTALL) -m 644 $(KMOD_UAPI) "$(DESTDIR)"$(DKMSDIR)/include/uapi/linux/

UNINSTALL_TARGETS += uninstall-kmod
uninstall-kmod:
	rm -rf "$(DESTDIR)"$(DKMSDIR)
