// SPDX-License-Identifier: GPL-2.0-only
/*
 * no_offload DEVICE
 *
 * What leaves by it has its checksum in the packet, so that whoever receives it checks that. Else a
 * checksum between namespaces is not computed, and a wrong one not noticed.
 */
#include <err.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

int main(int argc, char **argv)
{
	struct ethtool_value value = { .cmd = ETHTOOL_STXCSUM, .data = 0 };
	struct ifreq request = { .ifr_data = (void *)&value };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (argc != 2 || strlen(argv[1]) >= IFNAMSIZ)
		errx(EXIT_FAILURE, "usage: no_offload DEVICE");
	strcpy(request.ifr_name, argv[1]);
	if (fd < 0 || ioctl(fd, SIOCETHTOOL, &request))
		err(EXIT_FAILURE, "%s", argv[1]);
	return EXIT_SUCCESS;
}
