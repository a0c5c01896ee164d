// SPDX-License-Identifier: GPL-2.0-only
/*
 * accept_queued NUMBER
 *
 * Accepts each packet of this NFQUEUE as it is, until it is ended. Prints a line once it listens.
 */
#include <arpa/inet.h>
#include <err.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* A message with one attribute, which starts at a multiple of four. */
struct message {
	struct nlmsghdr header;
	struct nfgenmsg queue;
	struct nlattr attribute;
	unsigned char value[sizeof(struct nfqnl_msg_verdict_hdr)];
};

static int netlink;
static unsigned int number;

static void request(int type, int flags, int attribute, const void *value, size_t length)
{
	struct message message = {
		.header = {
			.nlmsg_len = NLMSG_LENGTH(sizeof(struct nfgenmsg)) +
				     NLA_ALIGN(NLA_HDRLEN + length),
			.nlmsg_type = NFNL_SUBSYS_QUEUE << 8 | type,
			.nlmsg_flags = NLM_F_REQUEST | flags,
		},
		.queue = { .version = NFNETLINK_V0, .res_id = htons(number) },
		.attribute = { .nla_len = NLA_HDRLEN + length, .nla_type = attribute },
	};

	memcpy(message.value, value, length);
	if (send(netlink, &message, message.header.nlmsg_len, 0) < 0)
		err(EXIT_FAILURE, "send");
}

static void configure(int attribute, const void *value, size_t length)
{
	struct {
		struct nlmsghdr header;
		struct nlmsgerr result;
		unsigned char rest[256];
	} reply;

	request(NFQNL_MSG_CONFIG, NLM_F_ACK, attribute, value, length);
	if (recv(netlink, &reply, sizeof(reply), 0) < 0 || reply.header.nlmsg_type != NLMSG_ERROR)
		err(EXIT_FAILURE, "no reply");
	if (reply.result.error)
		errx(EXIT_FAILURE, "queue %u: %s", number, strerror(-reply.result.error));
}

/* The attribute with the packet's number is the first one. */
static void accept_packet(const struct nlmsghdr *header)
{
	const struct nlattr *attribute = (void *)((char *)NLMSG_DATA(header) +
						  sizeof(struct nfgenmsg));
	const struct nfqnl_msg_packet_hdr *packet = (void *)((char *)attribute + NLA_HDRLEN);
	struct nfqnl_msg_verdict_hdr verdict = { .verdict = htonl(NF_ACCEPT) };

	if (header->nlmsg_type != (NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_PACKET))
		return;
	if (attribute->nla_type != NFQA_PACKET_HDR)
		errx(EXIT_FAILURE, "the packet has no number");
	verdict.id = packet->packet_id;
	request(NFQNL_MSG_VERDICT, 0, NFQA_VERDICT_HDR, &verdict, sizeof(verdict));
}

int main(int argc, char **argv)
{
	struct nfqnl_msg_config_params params = { .copy_mode = NFQNL_COPY_META };
	struct nfqnl_msg_config_cmd command = { .command = NFQNL_CFG_CMD_BIND };
	union {
		struct nlmsghdr header;
		unsigned char bytes[65536];
	} buffer;
	ssize_t length;

	if (argc != 2)
		errx(EXIT_FAILURE, "usage: accept_queued NUMBER");
	number = strtoul(argv[1], NULL, 10);
	netlink = socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER);
	if (netlink < 0)
		err(EXIT_FAILURE, "netlink");
	configure(NFQA_CFG_CMD, &command, sizeof(command));
	configure(NFQA_CFG_PARAMS, &params, sizeof(params));
	puts("listening");
	fflush(stdout);
	while ((length = recv(netlink, &buffer, sizeof(buffer), 0)) > 0)
		accept_packet(&buffer.header);
	err(EXIT_FAILURE, "recv");
}
