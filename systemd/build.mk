# SPDX-License-Identifier: MIT
# Units and their company. Nothing is started or enabled: that is the administrator's, "systemctl enable --now mmiod.socket".
UNITDIR ?= $(VENDORDIR)/systemd/system
SYSTEMD_FILES := \
	systemd/mmiod.socket:$(UNITDIR)/mmiod.socket \
	systemd/mmiod-metrics.socket:$(UNITDIR)/mmiod-metrics.socket \
	systemd/grafana.json:$(DATADIR)/mmiod/grafana.json \
	systemd/sysusers.conf:$(VENDORDIR)/sysusers.d/mmiod.conf \
	systemd/tmpfiles.conf:$(VENDORDIR)/tmpfiles.d/mmiod.conf \
	systemd/modules-load.conf:$(VENDORDIR)/modules-load.d/mmiod.conf \
	systemd/70-mmiod.rules:$(VENDORDIR)/udev/rules.d/70-mmiod.rules

# They name our programs.
SYSTEMD_SERVICES := mmiod.service mmiod-bind@.service mmiod-metrics.service

INSTALL_TARGETS += install-systemd
UNINSTALL_TARGETS += uninstall-systemd
.PHONY: install-systemd uninstall-systemd
install-systemd:
	$(foreach file,$(SYSTEMD_FILES),$(INSTALL) -D -m 0644 $(subst :, "$(DESTDIR)",$(file)) &&) true
	$(INSTALL) -d "$(DESTDIR)"$(UNITDIR)
	$(foreach unit,$(SYSTEMD_SERVICES),sed -e 's|/usr/sbin/mmiod|$(SBINDIR)/mmiod|' -e 's|/usr/bin/mmioctl|$(BINDIR)/mmioctl|' systemd/$(unit) >"$(DESTDIR)"$(UNITDIR)/$(unit) && \
		chmod 0644 "$(DESTDIR)"$(UNITDIR)/$(unit) &&) true
ifeq ($(DESTDIR),)
	if [ -d /run/systemd/system ]; then systemd-sysusers mmiod.conf; systemd-tmpfiles --create mmiod.conf; \
		udevadm control --reload; systemctl daemon-reload; fi
endif

uninstall-systemd:
ifeq ($(DESTDIR),)
	if [ -d /run/systemd/system ]; then systemctl disable --now mmiod-metrics.socket mmiod.socket mmiod.service || true; fi
endif
	rm -f $(foreach file,$(SYSTEMD_FILES),"$(DESTDIR)"$(lastword $(subst :, ,$(file)))) \
		$(addprefix "$(DESTDIR)"$(UNITDIR)/,$(SYSTEMD_SERVICES))
	-rmdir --ignore-fail-on-non-empty "$(DESTDIR)"$(DATADIR)/mmiod 2>/dev/null
ifeq ($(DESTDIR),)
	if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
endif

## make deb            Debian packages into build/deb/, of what git tracks; make deb-source: the source package
.PHONY: deb deb-source
deb:
	@tests/vm/prereqs package
	@tests/step make 'building the packages' systemd/package binary
	@ls -l build/deb/*.deb

deb-source:
	@tests/vm/prereqs package
	@systemd/package source
