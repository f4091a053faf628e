/* SPDX-License-Identifier: MIT */
/*
 * frames INTERFACE MAC COUNT RUN: the other side of a driver that echoes. Sends COUNT frames of all
 * lengths from 60 to 1514 bytes to MAC, never more than 16 ahead of what has come back, and compares
 * every byte of what comes back. RUN, a number, is in each frame: those of other runs are passed
 * over. Ends with 0 when each has come back once and as it was. As root.
 *
 * No queueing discipline is in between: those drop what has waited for some milliseconds.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define EXPERIMENTS 0x88b5 /* the type of frames that nobody else sends */
#define SHORTEST 60u
#define LONGEST 1514u
#define AHEAD 16u
#define MAC_LENGTH 6u
#define HEADER 22u /* addresses, type, run, number */
#define SILENCE_MS 300000
#define PAUSE_MS 10

static unsigned char peer[MAC_LENGTH], own[MAC_LENGTH];
static uint32_t run, count, sent, came;
static bool *seen;
static int channel;

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "frames: %s: %s\n", what, strerror(errno));
	exit(1);
}

static _Noreturn void differ(const char *what, uint32_t number)
{
	fprintf(stderr, "frames: frame %u of %u %s\n", number, count, what);
	exit(1);
}

/* The first two are the shortest and the longest. */
static size_t length_of(uint32_t number)
{
	return number == 1 ? LONGEST : SHORTEST + number * 101 % (LONGEST - SHORTEST + 1);
}

static void make(unsigned char *frame, const unsigned char *to, const unsigned char *from,
		 uint32_t number)
{
	const uint16_t type = htons(EXPERIMENTS);
	const uint32_t words[2] = { htonl(run), htonl(number) };

	memcpy(frame, to, MAC_LENGTH);
	memcpy(frame + MAC_LENGTH, from, MAC_LENGTH);
	memcpy(frame + 12, &type, sizeof(type));
	memcpy(frame + 14, words, sizeof(words));
	for (size_t i = HEADER; i < LONGEST; i++)
		frame[i] = (unsigned char)(i * 7 + i / 256 + number * 13 + run * 31);
}

static int ask(unsigned long what, const char *interface, struct ifreq *request)
{
	snprintf(request->ifr_name, sizeof(request->ifr_name), "%s", interface);
	return ioctl(channel, what, request);
}

/* Up, and until its driver has found that there is a link. */
static void bring_up(const char *interface)
{
	struct ifreq request = { 0 };

	if (ask(SIOCGIFHWADDR, interface, &request))
		die(interface);
	memcpy(own, request.ifr_hwaddr.sa_data, MAC_LENGTH);
	if (ask(SIOCGIFFLAGS, interface, &request))
		die(interface);
	request.ifr_flags |= IFF_UP;
	if (ask(SIOCSIFFLAGS, interface, &request))
		die(interface);
	while (!ask(SIOCGIFFLAGS, interface, &request) && !(request.ifr_flags & IFF_RUNNING))
		poll(NULL, 0, PAUSE_MS);
}

/* Of an interface that is down, the first call after bind() would fail. */
static void open_channel(const char *interface)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET,
				       .sll_protocol = htons(EXPERIMENTS) };
	const int one = 1;

	channel = socket(AF_PACKET, SOCK_RAW, 0);
	if (channel < 0)
		die("socket");
	bring_up(interface);
	address.sll_ifindex = (int)if_nametoindex(interface);
	if (bind(channel, (struct sockaddr *)&address, sizeof(address)) ||
	    setsockopt(channel, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one)))
		die(interface);
}

/* False: the interface has no room for the moment. */
static bool send_one(void)
{
	unsigned char frame[LONGEST];
	size_t length = length_of(sent);

	make(frame, peer, own, sent);
	if (send(channel, frame, length, 0) == (ssize_t)length) {
		sent++;
		return true;
	}
	if (errno != ENOBUFS && errno != EAGAIN)
		die("send");
	return false;
}

static void compare(const unsigned char *frame, size_t length)
{
	unsigned char expected[LONGEST];
	uint32_t words[2], number;

	memcpy(words, frame + 14, sizeof(words));
	number = ntohl(words[1]);
	if (ntohl(words[0]) != run)
		return;
	if (number >= sent)
		differ("comes back, and was not sent", number);
	if (seen[number])
		differ("comes back twice", number);
	make(expected, own, peer, number);
	if (length != length_of(number) || memcmp(frame, expected, length))
		differ("comes back as another one", number);
	seen[number] = true;
	came++;
}

static void receive_one(void)
{
	unsigned char frame[LONGEST + 1];
	struct sockaddr_ll address;
	socklen_t size = sizeof(address);
	ssize_t length = recvfrom(channel, frame, sizeof(frame), MSG_DONTWAIT,
				  (struct sockaddr *)&address, &size);

	if (length < 0 && errno != EAGAIN)
		die("recvfrom");
	if (length >= (ssize_t)HEADER && address.sll_pkttype != PACKET_OUTGOING)
		compare(frame, (size_t)length);
}

static void exchange(void)
{
	struct pollfd file = { .fd = channel, .events = POLLIN };

	while (came < count) {
		bool room = true;

		while (room && sent < count && sent - came < AHEAD)
			room = send_one();
		switch (poll(&file, 1, room ? SILENCE_MS : PAUSE_MS)) {
		case -1:
			die("poll");
		case 0:
			if (room)
				differ("does not come back", came);
			break;
		default:
			receive_one();
		}
	}
}

int main(int argc, char **argv)
{
	if (argc != 5 || sscanf(argv[2], "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &peer[0], &peer[1],
				&peer[2], &peer[3], &peer[4], &peer[5]) != 6) {
		fprintf(stderr, "usage: frames INTERFACE MAC COUNT RUN\n");
		return 2;
	}
	count = (uint32_t)strtoul(argv[3], NULL, 0);
	run = (uint32_t)strtoul(argv[4], NULL, 0);
	seen = calloc(count, sizeof(*seen));
	if (!seen)
		die("memory");
	open_channel(argv[1]);
	exchange();
	printf("%u frames were sent, and %u came back as they were\n", sent, came);
	free(seen);
	return 0;
}
