/* SPDX-License-Identifier: GPL-2.0-only */
/* What compat.h has for older ones is not here. */
#define KERNEL_VERSION(major, minor, patch)	((major) << 16 | (minor) << 8 | (patch))
#define LINUX_VERSION_CODE			KERNEL_VERSION(255, 0, 0)
