# SPDX-License-Identifier: GPL-2.0-only
#
# make            vh.ko (for KDIR) and vhctl
# make demo       boot a guest on vh: in the lab, or here where VMX and root exist
# make check      all tests
# make bench      instructions per operation, vh beside KVM
# make deps       install the Debian packages that are missing

KVER_LAB := $(shell ls -d /usr/src/linux-headers-6.1.0-*-amd64 2>/dev/null | sort -V | tail -n 1)
KDIR ?= $(KVER_LAB)
BUILD := $(abspath build)
PREFIX ?= /usr/local
DESTDIR ?=
V ?= 0

KBUILD := $(MAKE) -C $(KDIR) M=$(CURDIR)/kmod
MODDIR := kmod

.PHONY: all
all: module vhctl

# --- what a fresh machine lacks ---

.PHONY: deps need-deps
deps:
	@scripts/deps --install
need-deps:
	@scripts/deps

.PHONY: module module-debug vhctl
module: need-deps
	$(MAKE) -C $(or $(KDIR),$$(scripts/deps --kdir)) M=$(CURDIR)/kmod W=1 modules

vhctl: need-deps
	$(MAKE) -C tools/vhctl O=$(BUILD)/vhctl

# --- install ---

.PHONY: install modules_install
install: vhctl
	install -D -m 755 $(BUILD)/vhctl/vhctl $(DESTDIR)$(PREFIX)/sbin/vhctl
	install -D -m 644 man/vhctl.8 $(DESTDIR)$(PREFIX)/share/man/man8/vhctl.8
	install -D -m 644 man/vh.4 $(DESTDIR)$(PREFIX)/share/man/man4/vh.4
	install -D -m 644 man/vh-netlink.7 $(DESTDIR)$(PREFIX)/share/man/man7/vh-netlink.7
	install -D -m 644 scripts/vhctl.bash-completion \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions/vhctl
	install -D -m 644 docs/netlink/vh.yaml $(DESTDIR)$(PREFIX)/share/doc/vh/netlink/vh.yaml
	install -D -m 644 scripts/60-vh.rules $(DESTDIR)/usr/lib/udev/rules.d/60-vh.rules
	install -D -m 644 uapi/linux/vh.h $(DESTDIR)$(PREFIX)/include/linux/vh.h

modules_install: module
	$(KBUILD) INSTALL_MOD_PATH=$(DESTDIR) modules_install

.PHONY: demo check bench clean
demo: module vhctl
	scripts/demo
check: module vhctl
	tests/check
bench: module
	tests/bench/run.sh

clean:
	-[ -z "$(KDIR)" ] || $(KBUILD) clean
	rm -rf $(BUILD)/vhctl $(BUILD)/tests $(BUILD)/unit
