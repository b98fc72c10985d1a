# SPDX-License-Identifier: GPL-2.0-only
#
# make            vh.ko (for KDIR) and vhctl
# make demo       boot a guest on vh: in the lab, or here where VMX and root exist
# make check      the tests (all of them: tests/check --all)
# make check-native  what this machine's own processor makes of it, as root: docs/silicon.md
# make fuzz       all fuzzers, seed after seed (SECONDS=N, SEED=N, FUZZ='--debug --sanitizer')
# make bench      instructions per operation, vh beside KVM
# make coverage   which lines of the module the tests reach
# make deps       install the Debian packages that are missing
# make dist       source tarball          make deb    Debian packages
# make rpm        RPM packages

KVER_LAB := $(shell ls -d /usr/src/linux-headers-6.1.0-*-amd64 2>/dev/null | sort -V | tail -n 1)
KDIR ?= $(KVER_LAB)
BUILD := $(abspath build)
VERSION := $(shell cat kmod/VERSION)
PREFIX ?= /usr/local
# where the host's own daemons look, whatever PREFIX is
HOSTLIB ?= /usr/lib
DESTDIR ?=
# NODEPS=1: build with what is there, as packages do
NODEPS ?=
V ?= 0

KBUILD := $(MAKE) -C $(KDIR) M=$(CURDIR)

.PHONY: all
all: module vhctl

# --- what a fresh machine lacks ---

.PHONY: deps need-deps
deps:
	@scripts/deps --install
need-deps:
	@[ -n "$(NODEPS)" ] || scripts/deps

.PHONY: module module-debug vhctl
module: need-deps
	$(MAKE) $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j$(shell nproc)) -C $(or $(KDIR),$$(scripts/deps --kdir)) M=$(CURDIR) W=1 modules

vhctl: need-deps
	$(MAKE) -C tools/vhctl O=$(BUILD)/vhctl

# --- install ---

define INSTALLED
755 $(BUILD)/vhctl/vhctl $(PREFIX)/sbin/vhctl
644 man/vhctl.8 $(PREFIX)/share/man/man8/vhctl.8
644 man/vhctl-image.8 $(PREFIX)/share/man/man8/vhctl-image.8
644 man/vh.conf.5 $(PREFIX)/share/man/man5/vh.conf.5
644 man/vh.4 $(PREFIX)/share/man/man4/vh.4
644 man/vh-netlink.7 $(PREFIX)/share/man/man7/vh-netlink.7
644 scripts/vhctl.bash-completion $(PREFIX)/share/bash-completion/completions/vhctl
644 docs/netlink/vh.yaml $(PREFIX)/share/doc/vh/netlink/vh.yaml
644 uapi/linux/vh.h $(PREFIX)/include/linux/vh.h
644 packaging/60-vh.rules $(HOSTLIB)/udev/rules.d/60-vh.rules
644 packaging/vh.sysusers $(HOSTLIB)/sysusers.d/vh.conf
644 $(BUILD)/vh@.service $(HOSTLIB)/systemd/system/vh@.service
endef
MODULES_LOAD := $(HOSTLIB)/modules-load.d/vh.conf
DKMS_TREE := /usr/src/vh-$(VERSION)
export INSTALLED

.PHONY: install modules_install dkms_install uninstall
install: vhctl
	sed 's,@SBINDIR@,$(PREFIX)/sbin,' packaging/vh@.service.in >$(BUILD)/vh@.service
	@echo "$$INSTALLED" | while read -r mode from to; do \
		install -D -m $$mode "$$from" "$(DESTDIR)$$to" || exit 1; done

modules_install: module
	# from kmod/, or a folder of that name would be made for it
	$(KBUILD)/kmod INSTALL_MOD_PATH=$(DESTDIR) modules_install
	install -D -m 644 packaging/vh.modules-load $(DESTDIR)$(MODULES_LOAD)

# the sources where DKMS wants them; 'dkms install vh/VERSION' goes on from there
dkms_install:
	find Kbuild kmod uapi -type f \( -name '*.[chS]' ! -name probed.h -o -name probe.sh -o -name Kbuild -o -name VERSION \) | \
		while read -r f; do \
			install -D -m $$([ -x $$f ] && echo 755 || echo 644) $$f $(DESTDIR)$(DKMS_TREE)/$$f || exit 1; done
	sed 's/#MODULE_VERSION#/$(VERSION)/' dkms.conf >$(DESTDIR)$(DKMS_TREE)/dkms.conf
	install -D -m 644 packaging/vh.modules-load $(DESTDIR)$(MODULES_LOAD)

uninstall:
	@echo "$$INSTALLED" | while read -r mode from to; do rm -f "$(DESTDIR)$$to"; done
	rm -f $(DESTDIR)$(MODULES_LOAD)
	rm -rf $(DESTDIR)$(DKMS_TREE)

# --- packages ---

.PHONY: dist deb rpm need-packaging
need-packaging:
	@[ -n "$(NODEPS)" ] || scripts/deps --packaging
dist:
	packaging/dist $(BUILD)/dist
deb: need-packaging
	packaging/deb $(BUILD)/deb
rpm: dist
	packaging/rpm $(BUILD)/rpm

.PHONY: demo check check-native fuzz bench coverage clean
demo: module vhctl
	scripts/demo
check:
	tests/check
check-native:
	tests/native.sh
fuzz: module
	tests/fuzz/long $(if $(SECONDS),--seconds $(SECONDS)) $(if $(SEED),--seed $(SEED)) $(FUZZ)
bench: module
	tests/bench/run.sh
coverage: need-deps
	tests/coverage.sh

clean:
	# Not from the top: kbuild would take every object and module below it, those in build/ too.
	-[ -z "$(KDIR)" ] || $(KBUILD)/kmod clean
	rm -f modules.order Module.symvers .modules.order.cmd .Module.symvers.cmd
	rm -rf $(BUILD)/vhctl $(BUILD)/tests $(BUILD)/unit $(BUILD)/dist $(BUILD)/deb $(BUILD)/rpm
