// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include <string.h>
#include "daemon/connection/monitor.h"

static struct monitor monitor;
static struct message message;

static const struct mmiod_msg_notice *next(struct subscription *subscription)
{
	if (!monitor_peek(&monitor, subscription, &message))
		return NULL;
	monitor_take(&monitor, subscription);
	return (const struct mmiod_msg_notice *)message.data;
}

static void add(uint64_t lease)
{
	struct notice notice = { .type = MMIOD_NOTICE_GRANTED, .lease = lease, .why = "x" };

	monitor_add(&monitor, &notice);
}

Test(monitor, tells_what_happens_from_the_beginning_on_and_nothing_before)
{
	struct subscription subscription = { 0 };

	add(1);
	monitor_begin(&monitor, &subscription);
	cr_assert_null(next(&subscription));
	add(2);
	add(3);
	cr_assert_eq(monitor_backlog(&monitor, &subscription), 2u);
	cr_assert_eq(next(&subscription)->lease, 2u);
	cr_assert_eq(next(&subscription)->lease, 3u);
	cr_assert_null(next(&subscription));
}

Test(monitor, what_is_not_taken_is_told_again)
{
	struct subscription subscription = { 0 };

	monitor_begin(&monitor, &subscription);
	add(1);
	cr_assert(monitor_peek(&monitor, &subscription, &message));
	cr_assert(monitor_peek(&monitor, &subscription, &message));
	cr_assert_eq(((struct mmiod_msg_notice *)message.data)->lease, 1u);
}

Test(monitor, tells_a_slow_one_how_many_it_lost_and_goes_on_with_the_oldest_kept)
{
	struct subscription slow = { 0 }, quick = { 0 };
	const struct mmiod_msg_notice *notice;

	monitor_begin(&monitor, &slow);
	monitor_begin(&monitor, &quick);
	for (uint64_t i = 0; i < MONITOR_KEPT + 7; i++) {
		add(i);
		cr_assert_eq(next(&quick)->lease, i);
	}
	cr_assert_eq(monitor_backlog(&monitor, &slow), MONITOR_KEPT + 1u);
	notice = next(&slow);
	cr_assert_eq(notice->type, MMIOD_NOTICE_LOST);
	cr_assert_eq(notice->lost, 7u);
	for (uint64_t i = 7; i < MONITOR_KEPT + 7; i++)
		cr_assert_eq(next(&slow)->lease, i);
	cr_assert_null(next(&slow));
}

Test(monitor, what_passes_by_between_looking_and_taking_is_counted_too)
{
	struct subscription subscription = { 0 };

	monitor_begin(&monitor, &subscription);
	for (uint64_t i = 0; i <= MONITOR_KEPT; i++)
		add(i);
	cr_assert_eq(next(&subscription)->lost, 1u);
	for (uint64_t i = 0; i < 3; i++)
		add(i);
	cr_assert_eq(next(&subscription)->lost, 3u);
}

Test(monitor, beginning_and_ending_twice_do_no_harm)
{
	struct subscription subscription = { 0 };

	monitor_begin(&monitor, &subscription);
	add(1);
	monitor_begin(&monitor, &subscription);
	cr_assert_eq(monitor.subscriptions, &subscription);
	cr_assert_eq(next(&subscription)->lease, 1u, "still to be told");
	monitor_end(&monitor, &subscription);
	monitor_end(&monitor, &subscription);
	cr_assert_null(monitor.subscriptions);
	add(2);
	cr_assert_null(next(&subscription));
	cr_assert_eq(monitor_backlog(&monitor, &subscription), 0u);
}
