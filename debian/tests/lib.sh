# shellcheck shell=sh
# What the tests share: the modules that DKMS has built for the kernel that runs. A machine that runs
# another one than the newest, whose headers come from the archive, is no place for them.
set -eu
kernel=$(uname -r)
if [ ! -e "/lib/modules/$kernel/build/include" ]; then
	echo "the headers of the running kernel, $kernel, are not installed"
	exit 77
fi
dkms status -m xt-notrack -k "$kernel" | grep ': installed' ||
	{ echo "DKMS has not installed the modules for $kernel:"; cat /var/lib/dkms/xt-notrack/*/build/make.log; exit 1; }
