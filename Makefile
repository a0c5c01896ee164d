# SPDX-License-Identifier: GPL-2.0-only
# How to build, install and try; Kbuild says what the modules are made of.
#
#   KDIR             kernel build directory        (the running kernel's)
#   DESTDIR          prefix of every installed path, for packagers
#   INSTALL_MOD_PATH prefix of the modules' path   ($(DESTDIR))
#   INSTALL_MOD_DIR  their folder below /lib/modules/VERSION (updates)
#   MODPROBEDIR MANDIR EXAMPLESDIR SBINDIR  where modprobe's file, the manual, the examples and
#                    notrack-lint go
#   SIGN_KEY SIGN_CERT  what "make sign" signs with (DKMS's pair)
#   KSRC ISRC        source trees of the kernel and of iptables, for "make tree" and
#                    "make iptables-tree", which write patches to KPATCHES and IPATCHES

KDIR             ?= /lib/modules/$(shell uname -r)/build
INSTALL_MOD_PATH ?= $(DESTDIR)
INSTALL_MOD_DIR  ?= updates
MODPROBEDIR      ?= /lib/modprobe.d
MANDIR           ?= /usr/share/man
EXAMPLESDIR      ?= /usr/share/doc/xt_NOTRACK/examples
SBINDIR          ?= /usr/sbin
SIGN_KEY         ?= /var/lib/dkms/mok.key
SIGN_CERT        ?= /var/lib/dkms/mok.pub
PKG_CONFIG       ?= pkg-config
INSTALL          ?= install
CFLAGS           ?= -O2 -g
RELEASES         ?= all
RELEASE          ?= trixie
FUZZ_SECONDS     ?= 600
KPATCHES         ?= patches/linux
IPATCHES         ?= patches/iptables

# Also in dkms.conf, CHANGELOG.md and debian/changelog; lab/check compares them.
VERSION      := 1.0.0
MODULES      := xt_NOTRACK xt_untracked
MANUAL       := man/xt_NOTRACK.8
PLUGIN       := libxt_untracked.so
PICTURES     := $(patsubst doc/pictures/%.dot,%,$(wildcard doc/pictures/*.dot))
PLUGIN_LINKS := libipt_NOTRACK.so libip6t_NOTRACK.so libipt_CT.so libip6t_CT.so
DKMS_NAME    := xt-notrack
DKMS_SOURCES := Makefile Kbuild dkms.conf COPYING $(MODULES:=.c) include

# Looked up only by the targets that use them. The kernel's version is the one
# that modules are stamped with; Debian 12's kernel.release names another.
KERNEL      = $(or $(shell sed -n 's/.*UTS_RELEASE "\(.*\)"/\1/p' \
	$(KDIR)/include/generated/utsrelease.h 2>/dev/null),$(error \
	no kernel headers in KDIR=$(KDIR): install linux-headers-amd64 or the like, or set KDIR))
MODROOT     = $(INSTALL_MOD_PATH)/lib/modules/$(KERNEL)
XTLIBDIR    = $(or $(shell $(PKG_CONFIG) --variable=xtlibdir xtables 2>/dev/null),$(error \
	pkg-config does not know xtables: install pkg-config and libxtables-dev))
DKMSDIR     = $(DESTDIR)/usr/src/$(DKMS_NAME)-$(VERSION)

all: modules plugin manual

modules:
	@: $(KERNEL)
	+$(MAKE) -C $(KDIR) M=$(CURDIR) modules

plugin: $(PLUGIN)

$(PLUGIN): libxt_NOTRACK.c include/uapi/linux/netfilter/xt_untracked.h Makefile
	@: $(XTLIBDIR)
	$(CC) $(CPPFLAGS) -Iinclude/uapi $$($(PKG_CONFIG) --cflags xtables) $(CFLAGS) -Wall -Wextra \
		-fPIC -shared $(LDFLAGS) -o $@ $< $$($(PKG_CONFIG) --libs xtables) -ldl

manual: $(MANUAL)

# The fragments are in the form of iptables-extensions(8).
$(MANUAL): man/xt_NOTRACK.8.in man/libxt_NOTRACK.man man/libxt_untracked.man Makefile
	sed -e 's|@VERSION@|$(VERSION)|' -e 's|@EXAMPLES@|$(EXAMPLESDIR)|' \
		-e '/^@libxt_NOTRACK@/{r man/libxt_NOTRACK.man' -e 'd}' \
		-e '/^@libxt_untracked@/{r man/libxt_untracked.man' -e 'd}' $< >$@

# Distributions' headers come without the key; kbuild would try and complain.
UNSIGNED = $(if $(wildcard $(KDIR)/certs/signing_key.pem),,CONFIG_MODULE_SIG_ALL=)

# depmod only makes sense where the kernel's own modules are.
DEPMOD = if [ -e $(MODROOT)/modules.order ]; then \
	depmod $(if $(INSTALL_MOD_PATH),-b $(INSTALL_MOD_PATH)) $(KERNEL); \
	else echo "depmod: left out, $(MODROOT) holds no kernel"; fi

install: install-modules install-plugin

install-modules: modules
	$(INSTALL) -d $(MODROOT)/$(INSTALL_MOD_DIR)
	$(MAKE) -C $(KDIR) M=$(CURDIR) INSTALL_MOD_PATH=$(INSTALL_MOD_PATH) \
		INSTALL_MOD_DIR=$(INSTALL_MOD_DIR) $(UNSIGNED) modules_install
	$(DEPMOD)

# Whatever does not depend on the kernel.
install-plugin: plugin manual
	$(INSTALL) -d $(DESTDIR)$(XTLIBDIR) $(DESTDIR)$(MODPROBEDIR) \
		$(DESTDIR)$(MANDIR)/man8 $(DESTDIR)$(EXAMPLESDIR)
	$(INSTALL) -m 644 modprobe.d/xt_NOTRACK.conf $(DESTDIR)$(MODPROBEDIR)/
	$(INSTALL) -m 644 $(PLUGIN) $(DESTDIR)$(XTLIBDIR)/
	for name in $(PLUGIN_LINKS); do ln -sf $(PLUGIN) $(DESTDIR)$(XTLIBDIR)/$$name || exit; done
	$(INSTALL) -m 644 $(MANUAL) $(DESTDIR)$(MANDIR)/man8/
	ln -sf xt_NOTRACK.8 $(DESTDIR)$(MANDIR)/man8/xt_untracked.8
	$(INSTALL) -m 644 examples/* $(DESTDIR)$(EXAMPLESDIR)/

# Not part of "make install": it needs Python, and nothing else does.
install-tools:
	$(INSTALL) -d $(DESTDIR)$(SBINDIR) $(DESTDIR)$(MANDIR)/man8
	$(INSTALL) -m 755 tools/notrack-lint $(DESTDIR)$(SBINDIR)/
	$(INSTALL) -m 644 man/notrack-lint.8 $(DESTDIR)$(MANDIR)/man8/

uninstall-tools:
	rm -f $(DESTDIR)$(SBINDIR)/notrack-lint $(DESTDIR)$(MANDIR)/man8/notrack-lint.8

uninstall: uninstall-plugin uninstall-tools
	rm -f $(foreach m,$(MODULES),$(MODROOT)/$(INSTALL_MOD_DIR)/$(m).ko*)
	-[ ! -d $(MODROOT)/$(INSTALL_MOD_DIR) ] || rmdir --ignore-fail-on-non-empty $(MODROOT)/$(INSTALL_MOD_DIR)
	$(DEPMOD)

uninstall-plugin:
	rm -f $(addprefix $(DESTDIR)$(XTLIBDIR)/,$(PLUGIN) $(PLUGIN_LINKS))
	rm -f $(DESTDIR)$(MODPROBEDIR)/xt_NOTRACK.conf
	rm -f $(addprefix $(DESTDIR)$(MANDIR)/man8/,xt_NOTRACK.8 xt_untracked.8)
	rm -f $(addprefix $(DESTDIR)$(EXAMPLESDIR)/,$(notdir $(wildcard examples/*)))
	-rmdir --ignore-fail-on-non-empty $(DESTDIR)$(EXAMPLESDIR) $(dir $(DESTDIR)$(EXAMPLESDIR)) 2>/dev/null

# The modules by DKMS, which builds them anew for each kernel that comes. Before DKMS 3 a folder that it is
# given is prepared first, which spoils a package's headers: it is given none but an unusual one.
dkms-install: has-dkms install-plugin dkms-sources
	$(DKMS_REMOVE)
	dkms add -m $(DKMS_NAME) -v $(VERSION)
	dkms install -m $(DKMS_NAME) -v $(VERSION) -k $(KERNEL) \
		$(addprefix --kernelsourcedir ,$(filter-out /lib/modules/$(KERNEL)/build,$(KDIR)))

has-dkms:
	@: $(KERNEL)
	@command -v dkms >/dev/null || { echo "make dkms-install: no dkms: apt install dkms"; exit 1; }

dkms-sources:
	$(INSTALL) -d $(DKMSDIR)
	cp -r $(DKMS_SOURCES) $(DKMSDIR)/

dkms-uninstall: uninstall-plugin
	$(DKMS_REMOVE)
	rm -rf $(DKMSDIR)

DKMS_REMOVE = [ -z "$$(dkms status -m $(DKMS_NAME) -v $(VERSION))" ] || \
	dkms remove -m $(DKMS_NAME) -v $(VERSION) --all

# For Secure Boot; "make install" then installs them signed. A signature that is there
# already does no harm below a new one.
sign: modules
	@for file in $(SIGN_KEY) $(SIGN_CERT); do [ -r $$file ] || { echo "make sign: cannot read $$file:" \
		"set SIGN_KEY and SIGN_CERT; DKMS makes its pair with the first module that it builds"; exit 1; }; done
	for m in $(MODULES); do $(KDIR)/scripts/sign-file sha256 $(SIGN_KEY) $(SIGN_CERT) $$m.ko || exit; done

tree:
	@tree/kernel "$(KSRC)" "$(KPATCHES)"

iptables-tree:
	@tree/iptables "$(ISRC)" "$(IPATCHES)"

clean:
	[ ! -d $(KDIR) ] || $(MAKE) -C $(KDIR) M=$(CURDIR) clean
	rm -f $(PLUGIN) $(MANUAL)

deb:
	lab/deb $(RELEASE)

demo:
	lab/demo $(RELEASE)

check:
	lab/check $(RELEASES)

check-boot:
	for release in bookworm trixie; do lab/boot $$release && lab/secure-boot $$release || exit; done

torture:
	lab/torture $(PARTS)

mutants:
	lab/mutants $(PARTS)

fuzz:
	lab/fuzz $(RELEASE) $(FUZZ_SECONDS)

bench:
	lab/bench $(RELEASES)

bench-scale:
	lab/bench --scale $(RELEASES)

systems:
	lab/systems

pictures:
	lab/draw bookworm doc/pictures sh -ec 'for name; do dot -Tsvg -o $$name.svg $$name.dot; done' - $(PICTURES)

help:
	@echo 'make                     modules and plugin for KDIR ($(KDIR))'
	@echo 'make install             ... into this system; DESTDIR, INSTALL_MOD_PATH and INSTALL_MOD_DIR are honoured'
	@echo 'make uninstall           take all of it away again'
	@echo 'make dkms-install        the same with DKMS for the modules; make dkms-uninstall'
	@echo 'make install-tools       notrack-lint, which finds mistakes in rules; it needs python3'
	@echo 'make sign                sign the modules with SIGN_KEY and SIGN_CERT, for Secure Boot, before make install'
	@echo 'make deb                 Debian packages, built in RELEASE=$(RELEASE)'
	@echo 'make clean               remove what was built in this tree'
	@echo 'make tree KSRC=DIR       the modules in a source tree of the kernel, and as patches in $(KPATCHES)'
	@echo 'make iptables-tree ISRC=DIR   the plugin in a source tree of iptables, and as patches in $(IPATCHES)'
	@echo 'make demo                a router, a web server and a resolver, in a virtual machine; RELEASE=$(RELEASE)'
	@echo 'make check               static checks, and the selftests in virtual machines; RELEASES="bookworm trixie"'
	@echo 'make check-boot          rules and modules after a boot with systemd, and with Secure Boot, on bookworm and trixie'
	@echo 'make torture             what takes hours: a kernel that finds data races, hostile input by the million; goes on where it was; PARTS="1000-cycles"'
	@echo 'make mutants             small changes to the sources, and whether the tests notice; PARTS="plugin modules" LIMIT=100'
	@echo 'make fuzz                the flow filter and the plugin under libFuzzer, $(FUZZ_SECONDS) s each; FUZZ_SECONDS=60 RELEASE=$(RELEASE)'
	@echo 'make bench               what a packet costs, in instructions, to bench/results; RELEASES="bookworm"'
	@echo 'make bench-scale         what a thousand to a million flows take, and a full table; RELEASES="bookworm"'
	@echo 'make systems             README.md'"'"'s table of supported systems, from the last make check of all releases'
	@echo 'make pictures            doc/pictures/*.svg from *.dot'
	@echo 'make -C selftests run_tests   the selftests on this machine, as root, with the modules installed'
	@echo 'lab/vm RELEASE [COMMAND...]   that Debian release with the product installed: COMMAND as root, or a shell'

.PHONY: all modules plugin manual install install-modules install-plugin install-tools \
	uninstall uninstall-plugin uninstall-tools \
	dkms-install has-dkms dkms-sources dkms-uninstall sign tree iptables-tree deb clean demo check check-boot torture \
	mutants fuzz bench bench-scale systems pictures help
