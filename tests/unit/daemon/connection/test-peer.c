// SPDX-License-Identifier: MIT
/* What is known of a peer beyond its identity: hints for people. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-login.h>
#include <unistd.h>
#include "daemon/connection/peer.h"

#define NOBODY 0x7fffffffu /* greater than any pid */

static const char *unit_of(uint32_t pid)
{
	static char unit[PEER_UNIT_MAX];

	memset(unit, 'x', sizeof(unit));
	peer_find_unit(pid, unit, sizeof(unit));
	return unit;
}

Test(peer, a_unit_is_what_systemd_says_however_often_it_is_asked_for)
{
	char *name = NULL, expected[PEER_UNIT_MAX] = "";

	if (sd_pid_get_unit(getpid(), &name) >= 0)
		snprintf(expected, sizeof(expected), "%s", name);
	free(name);
	for (int i = 0; i < 3; i++)
		cr_assert_str_eq(unit_of((uint32_t)getpid()), expected);
}

Test(peer, a_process_that_is_gone_or_unknown_does_not_have_the_unit_of_the_last_one)
{
	unit_of((uint32_t)getpid());
	cr_assert_str_eq(unit_of(NOBODY), "");
	unit_of((uint32_t)getpid());
	cr_assert_str_eq(unit_of(0), "");
}

static struct peer self(void)
{
	struct peer peer;
	int pair[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	cr_assert_eq(peer_read(&peer, pair[0]), 0);
	peer_name(&peer, (const char[16]){ "" });
	close(pair[0]);
	close(pair[1]);
	return peer;
}

Test(peer, a_unit_is_read_when_somebody_asks_and_then_kept)
{
	struct peer peer = self();

	cr_assert_not(peer.unit_read);
	cr_assert_str_eq(peer_unit(&peer), unit_of((uint32_t)getpid()));
	cr_assert(peer.unit_read);
	snprintf(peer.unit, sizeof(peer.unit), "kept.service");
	cr_assert_str_eq(peer_unit(&peer), "kept.service");
	peer_clear(&peer);
}

/* The number may be another's when somebody asks. */
Test(peer, a_process_of_another_name_is_not_taken_for_the_peer)
{
	struct peer peer = self();

	snprintf(peer.holder.comm, sizeof(peer.holder.comm), "another");
	cr_assert_str_eq(peer_unit(&peer), "");
	peer_clear(&peer);
	peer = self();
	peer.holder.pid = NOBODY;
	cr_assert_str_eq(peer_unit(&peer), "");
	peer_clear(&peer);
}
