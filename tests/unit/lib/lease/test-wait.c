/* SPDX-License-Identifier: MIT */
/*
 * Waits that end before their time: cancelled, interrupted, or answered when nobody waits any more;
 * and those that an event loop waits for.
 */
#include "support/fake.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define RW (MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE)

static struct mmiod_client *waiting; /* that scripts break off */
static pthread_t waiter;

static void answer_bare(struct fake *fake, const struct mmiod_msg *request, uint32_t status)
{
	struct mmiod_msg_error reply = { .msg = { .size = sizeof(reply),
						  .opcode = request->opcode,
						  .flags = MMIOD_MSG_REPLY,
						  .id = request->id,
						  .status = status,
						  .fixed = sizeof(reply) } };

	fake_send(fake, &reply, sizeof(reply), NULL, 0);
}

/* Reads a LEASE, which is kept, and what breaking it off has the library send. */
static void read_broken_off(struct fake *fake, uint8_t *lease, struct mmiod_msg_cancel *cancel,
			    void (*break_off)(struct fake *fake))
{
	const struct mmiod_msg *head;

	fake_accept(fake);
	head = fake_read(fake);
	cr_assert_eq(head->opcode, MMIOD_OP_LEASE);
	memcpy(lease, fake->request, fake->request_size);
	break_off(fake);
	head = fake_read(fake);
	cr_assert_eq(head->opcode, MMIOD_OP_CANCEL);
	memcpy(cancel, head, sizeof(*cancel));
	cr_assert_eq(cancel->request, ((const struct mmiod_msg *)lease)->id);
}

static void by_cancel(struct fake *fake)
{
	mmiod_client_cancel(waiting);
}

/* Until one has met it in poll(). */
static void by_signal(struct fake *fake)
{
	struct pollfd request = { .fd = fake->sock, .events = POLLIN };

	do
		pthread_kill(waiter, SIGUSR1);
	while (!poll(&request, 1, 10));
}

static void cancelled(struct fake *fake)
{
	static uint8_t lease[MMIOD_MSG_MAX];
	struct mmiod_msg_cancel cancel;

	read_broken_off(fake, lease, &cancel, fake->argument);
	answer_bare(fake, (struct mmiod_msg *)lease, MMIOD_E_CANCELLED);
	answer_bare(fake, &cancel.msg, MMIOD_OK);
	fake_wait_hang_up(fake);
}

static struct mmiod_client *serve_waiting(struct fake *fake, void (*script)(struct fake *fake),
					  void (*break_off)(struct fake *fake))
{
	waiter = pthread_self();
	waiting = fake_serve(fake, script, break_off);
	mmiod_client_set_wait(waiting, UINT32_MAX);
	return waiting;
}

static int ask(struct mmiod_client *client, struct mmiod_lease **lease)
{
	return mmiod_client_lease(client, "fpga-ctrl", 0, 0x1000, RW, lease);
}

Test(wait, a_call_that_waits_can_be_cancelled)
{
	struct mmiod_lease *lease;
	struct fake fake;
	struct mmiod_client *client = serve_waiting(&fake, cancelled, by_cancel);

	cr_assert_eq(ask(client, &lease), -ECANCELED);
	cr_assert_null(lease);
	cr_assert_not_null(strstr(mmiod_client_error(client), "cancelled"));
	fake_leave(&fake, client);
}

static void cancelled_once(struct fake *fake)
{
	static uint8_t lease[MMIOD_MSG_MAX];
	struct mmiod_msg_cancel cancel;

	read_broken_off(fake, lease, &cancel, fake->argument);
	answer_bare(fake, (struct mmiod_msg *)lease, MMIOD_E_CANCELLED);
	answer_bare(fake, &cancel.msg, MMIOD_OK);
	cr_assert_eq(fake_read(fake)->opcode, MMIOD_OP_LEASE);
	fake_grant(fake, fake->request, 17, NULL);
	fake_wait_hang_up(fake);
}

static void by_nothing(struct fake *fake)
{
}

/* What wakes the first one is made by it. */
Test(wait, that_is_cancelled_before_it_is_begun_ends_at_once_and_the_next_one_goes_on)
{
	struct mmiod_lease *lease;
	struct fake fake;
	struct mmiod_client *client = serve_waiting(&fake, cancelled_once, by_nothing);

	cr_assert_eq(client->cancel, -1);
	mmiod_client_cancel(client);
	mmiod_client_cancel(client);
	cr_assert_eq(ask(client, &lease), -ECANCELED);
	cr_assert_geq(client->cancel, 0);
	cr_assert_eq(ask(client, &lease), 0, "%s", mmiod_client_error(client));
	mmiod_lease_free(lease);
	fake_leave(&fake, client);
}

#define RACES 2000

static void *say_so(void *data)
{
	mmiod_client_cancel(data);
	return NULL;
}

/* Neither lost nor counted twice, whether it comes before or after what it wakes is made. */
Test(wait, that_is_cancelled_while_it_begins_is_cancelled_once)
{
	for (int i = 0; i < RACES; i++) {
		struct mmiod_client client = { .cancel = -1 };
		pthread_t thread;

		cr_assert_eq(pthread_create(&thread, NULL, say_so, &client), 0);
		cr_assert_eq(cancel_listen(&client), 0);
		pthread_join(thread, NULL);
		cr_assert(cancel_take(&client));
		cr_assert_not(cancel_take(&client));
		cr_assert_not(client.cancelled);
		close(client.cancel);
	}
}

static void nothing(int sig)
{
}

static void interrupt(struct mmiod_client *client)
{
	struct sigaction action = { .sa_handler = nothing };

	sigaction(SIGUSR1, &action, NULL);
	mmiod_client_set_interruptible(client, 1);
}

Test(wait, a_signal_interrupts_it_if_the_program_wants_that)
{
	struct mmiod_lease *lease;
	struct fake fake;
	struct mmiod_client *client = serve_waiting(&fake, cancelled, by_signal);

	interrupt(client);
	cr_assert_eq(ask(client, &lease), -EINTR);
	cr_assert_null(lease);
	fake_leave(&fake, client);
}

/* The grant and the CANCEL cross. */
static void granted_meanwhile(struct fake *fake)
{
	static uint8_t lease[MMIOD_MSG_MAX];
	struct mmiod_msg_cancel cancel;
	const struct mmiod_msg *head;

	read_broken_off(fake, lease, &cancel, by_cancel);
	fake_grant(fake, lease, 77, NULL);
	answer_bare(fake, &cancel.msg, MMIOD_E_NOT_FOUND);
	head = fake_read(fake);
	cr_assert_eq(head->opcode, MMIOD_OP_RELEASE);
	cr_assert_eq(*(const uint64_t *)fake_element(head, 0), 77u);
	fake_wait_hang_up(fake);
}

Test(wait, what_is_granted_while_it_is_cancelled_is_given_back)
{
	struct mmiod_lease *lease;
	struct fake fake;
	size_t files;
	struct mmiod_client *client = serve_waiting(&fake, granted_meanwhile, by_cancel);

	cr_assert_eq(cancel_listen(client), 0);
	files = open_files();
	cr_assert_eq(ask(client, &lease), -ECANCELED);
	cr_assert_null(lease);
	cr_assert_leq(open_files(), files, "the window's file is closed");
	fake_leave(&fake, client);
}

/* A daemon of the first version. */
static void cannot_cancel(struct fake *fake)
{
	static uint8_t lease[MMIOD_MSG_MAX];
	struct mmiod_msg_cancel cancel;

	read_broken_off(fake, lease, &cancel, fake->argument);
	answer_bare(fake, &cancel.msg, MMIOD_E_UNSUPPORTED);
	if (fake->argument == by_cancel)
		fake_grant(fake, lease, 77, NULL);
	fake_wait_hang_up(fake);
}

Test(wait, with_a_daemon_that_cannot_cancel_it_waits_on)
{
	struct mmiod_lease *lease;
	struct fake fake;
	struct mmiod_client *client = serve_waiting(&fake, cannot_cancel, by_cancel);

	cr_assert_eq(ask(client, &lease), 0);
	cr_assert_eq(mmiod_lease_id(lease), 77u);
	mmiod_lease_free(lease);
	fake_leave(&fake, client);
}

Test(wait, unless_a_signal_is_to_interrupt_it_which_costs_the_connection)
{
	struct mmiod_lease *lease;
	struct fake fake;
	struct mmiod_client *client = serve_waiting(&fake, cannot_cancel, by_signal);

	interrupt(client);
	cr_assert_eq(ask(client, &lease), -EINTR);
	cr_assert_eq(client->sock, -1);
	fake_leave(&fake, client);
}

/* ---- answers that come too late -------------------------------------------------------------- */

static void too_late(struct fake *fake)
{
	static uint8_t lease[MMIOD_MSG_MAX];
	const struct mmiod_msg *head;

	fake_accept(fake);
	fake_read(fake);
	memcpy(lease, fake->request, fake->request_size);
	head = fake_read(fake); /* the client has given up */
	cr_assert_eq(head->opcode, MMIOD_OP_STATUS);
	fake_grant(fake, lease, 77, NULL);
	fake_refuse(fake, MMIOD_E_INTERNAL, "not now");
	head = fake_read(fake);
	cr_assert_eq(head->opcode, MMIOD_OP_RELEASE);
	cr_assert_eq(head->count, 1u);
	cr_assert_eq(*(const uint64_t *)fake_element(head, 0), 77u);
	fake_wait_hang_up(fake);
}

Test(wait, a_lease_that_comes_too_late_is_given_back)
{
	struct mmiod_status status;
	struct mmiod_lease *lease;
	struct fake fake;
	struct mmiod_client *client = fake_serve(&fake, too_late, NULL);

	client->timeout_ms = 20;
	cr_assert_eq(ask(client, &lease), -ETIMEDOUT);
	client->timeout_ms = 30000;
	cr_assert_eq(mmiod_client_status(client, &status), -EIO);
	fake_leave(&fake, client);
}

/* ---- for event loops ------------------------------------------------------------------------- */

static bool is_ready(const struct mmiod_wait *wait, int timeout_ms)
{
	struct pollfd file = { .fd = mmiod_wait_fd(wait), .events = POLLIN };

	return poll(&file, 1, timeout_ms) == 1;
}

static struct mmiod_wait *start_wait(struct mmiod_client *client)
{
	struct mmiod_want want = { .region = "fpga-ctrl", .length = 0x1000, .rights = RW };
	struct mmiod_wait *wait;

	cr_assert_eq(mmiod_wait_start(client, &want, 1, 0, UINT32_MAX, &wait), 0);
	return wait;
}

/* Another request is answered meanwhile. */
static void grants_second(struct fake *fake)
{
	static uint8_t lease[MMIOD_MSG_MAX];

	fake_accept(fake);
	fake_read(fake);
	memcpy(lease, fake->request, fake->request_size);
	cr_assert_eq(((const struct mmiod_msg_lease *)lease)->wait_ms, UINT32_MAX);
	fake_read(fake);
	fake_refuse(fake, MMIOD_E_INTERNAL, "not now");
	fake_grant(fake, lease, 77, NULL);
	fake_wait_hang_up(fake);
}

/* Its only lease, sooner or later. Frees it, and the wait. */
static void see_it_granted(struct mmiod_wait *wait, uint64_t id)
{
	struct mmiod_lease *lease = NULL;
	int err;

	do {
		cr_assert(is_ready(wait, -1));
		err = mmiod_wait_finish(wait, &lease, NULL);
	} while (err == -EAGAIN);
	cr_assert_eq(err, 1);
	cr_assert_eq(mmiod_lease_id(lease), id);
	mmiod_lease_free(lease);
}

Test(wait, its_descriptor_is_readable_when_the_answer_is_there)
{
	struct mmiod_lease *lease = NULL;
	struct mmiod_status status;
	struct fake fake;
	struct mmiod_client *client = fake_serve(&fake, grants_second, NULL);
	struct mmiod_wait *wait = start_wait(client);

	cr_assert_not(is_ready(wait, 0));
	cr_assert_eq(mmiod_wait_finish(wait, &lease, NULL), -EAGAIN);
	cr_assert_eq(mmiod_client_status(client, &status), -EIO);
	see_it_granted(wait, 77);
	fake_leave(&fake, client);
}

static void cancelled_wait(struct fake *fake)
{
	const struct mmiod_msg *head;
	uint64_t id;

	fake_accept(fake);
	id = fake_read(fake)->id;
	head = fake_read(fake);
	cr_assert_eq(head->opcode, MMIOD_OP_CANCEL);
	cr_assert_eq(((const struct mmiod_msg_cancel *)head)->request, id);
	fake_wait_hang_up(fake);
}

Test(wait, it_can_be_cancelled)
{
	struct fake fake;
	struct mmiod_client *client = fake_serve(&fake, cancelled_wait, NULL);

	mmiod_wait_cancel(start_wait(client));
	mmiod_wait_cancel(NULL);
	fake_leave(&fake, client);
}

/* The daemon is restarted while it waits. */
static void restarted(struct fake *fake)
{
	fake_accept(fake);
	fake_read(fake);
	fake_hang_up(fake);
	fake_accept(fake);
	fake_read(fake);
	fake_grant(fake, fake->request, 78, NULL);
	fake_wait_hang_up(fake);
}

Test(wait, it_goes_on_with_the_next_daemon)
{
	struct fake fake;
	struct mmiod_client *client = fake_serve(&fake, restarted, NULL);
	struct mmiod_wait *wait = start_wait(client);

	see_it_granted(wait, 78);
	fake_leave(&fake, client);
}

static void greets(struct fake *fake)
{
	fake_accept(fake);
	fake_read(fake);
	fake_wait_hang_up(fake);
}

Test(wait, when_its_client_is_freed_it_says_so)
{
	struct mmiod_lease *lease;
	struct fake fake;
	struct mmiod_client *client = fake_serve(&fake, greets, NULL);
	struct mmiod_wait *wait = start_wait(client);

	fake_leave(&fake, client);
	cr_assert(is_ready(wait, 0));
	cr_assert_eq(mmiod_wait_finish(wait, &lease, NULL), -ENOTCONN);
	cr_assert(strstr(mmiod_client_error(NULL), "the client was freed"));
}
