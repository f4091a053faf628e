// SPDX-License-Identifier: MIT
/* What is known of a peer beyond its identity: hints for people. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
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
