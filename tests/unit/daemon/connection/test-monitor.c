// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include <string.h>
#include "daemon/connection/monitor.h"

static struct monitor monitor;
static struct message message;

static const struct mmiod_msg_notice *next(struct subscription *subscription)
{
	if (!monitor_peek(&monitor, subscription, &message, 1))
		return NULL;
	monitor_take(&monitor, subscription, 1);
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
	cr_assert(monitor_peek(&monitor, &subscription, &message, 1));
	cr_assert(monitor_peek(&monitor, &subscription, &message, 1));
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

static size_t count_in_message(void)
{
	size_t n = 0;

	for (size_t at = 0; at < message.length; n++)
		at += (((struct mmiod_msg *)(message.data + at))->size + 7) & ~(size_t)7;
	return n;
}

Test(monitor, tells_many_at_once_as_many_as_are_asked_for)
{
	struct subscription subscription = { 0 };

	monitor_begin(&monitor, &subscription);
	for (uint64_t i = 0; i < 10; i++)
		add(i);
	cr_assert_eq(monitor_peek(&monitor, &subscription, &message, 7), 7u);
	cr_assert_eq(count_in_message(), 7u);
	monitor_take(&monitor, &subscription, 7);
	cr_assert_eq(monitor_peek(&monitor, &subscription, &message, 7), 3u);
	cr_assert_eq(count_in_message(), 3u);
	cr_assert_eq(((struct mmiod_msg_notice *)message.data)->lease, 7u);
	monitor_take(&monitor, &subscription, 3);
	cr_assert_eq(monitor_peek(&monitor, &subscription, &message, 7), 0u);
}

Test(monitor, tells_of_a_loss_by_itself_before_the_rest)
{
	struct subscription subscription = { 0 };

	monitor_begin(&monitor, &subscription);
	for (uint64_t i = 0; i < MONITOR_KEPT + 5; i++)
		add(i);
	cr_assert_eq(monitor_peek(&monitor, &subscription, &message, 100), 1u);
	cr_assert_eq(((struct mmiod_msg_notice *)message.data)->lost, 5u);
	monitor_take(&monitor, &subscription, 1);
	cr_assert_eq(monitor_peek(&monitor, &subscription, &message, 100), 100u);
	cr_assert_eq(((struct mmiod_msg_notice *)message.data)->lease, 5u);
}

Test(monitor, tells_no_more_at_once_than_a_message_may_have)
{
	struct notice notice = { .type = MMIOD_NOTICE_GRANTED };
	struct subscription subscription = { 0 };
	unsigned int n, told = 0;

	memset(notice.why, 'w', sizeof(notice.why) - 1);
	monitor_begin(&monitor, &subscription);
	for (uint64_t i = 0; i < MONITOR_KEPT; i++)
		monitor_add(&monitor, &notice);
	while ((n = monitor_peek(&monitor, &subscription, &message, MONITOR_KEPT))) {
		cr_assert_leq(message.length, MMIOD_MSG_MAX);
		cr_assert_eq(count_in_message(), n);
		monitor_take(&monitor, &subscription, n);
		told += n;
	}
	cr_assert_eq(told, MONITOR_KEPT);
}
