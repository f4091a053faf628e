/* SPDX-License-Identifier: MIT */
/* Interrupts, against a daemon that hands out eventfds as simulation's do. */
#include "support/fake.h"
#include "support/module.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static void grant_vector(struct fake *fake, const struct mmiod_msg *request)
{
	const struct mmiod_wire_granted granted = { .lease = 17,
						    .offset = 3,
						    .length = 1,
						    .rights = MMIOD_RIGHT_READ,
						    .share = MMIOD_SHARE_EXCLUSIVE,
						    .interrupt = MMIOD_IRQ_MSIX,
						    .vectors = 8 };
	int fd = eventfd(0, EFD_CLOEXEC);

	fake_send_granted(fake, request, granted, fd);
	close(fd);
}

static void check_request(struct fake *fake, const struct mmiod_msg *request)
{
	const struct mmiod_msg_lease *fixed = (const void *)request;
	struct mmiod_wire_interrupt want;

	memcpy(&want, (const uint8_t *)request + request->fixed, sizeof(want));
	cr_expect_eq(request->opcode, MMIOD_OP_INTERRUPT);
	cr_expect_eq(request->fixed, MMIOD_V1_LEASE_REQUEST);
	cr_expect_eq(request->stride, MMIOD_V1_INTERRUPT);
	cr_expect_eq(request->count, 1u);
	cr_expect_eq(fixed->flags, 0u);
	cr_expect_str_eq(want.device, "nvme0");
	cr_expect_eq(want.kind, MMIOD_IRQ_MSIX);
	cr_expect_eq(want.vector, 3u);
	cr_expect_eq(want.flags, MMIOD_VECTOR_ONESHOT | MMIOD_VECTOR_CONNECTION);
}

static void serve_simulated(struct fake *fake)
{
	const struct mmiod_msg *request;

	fake_accept_silently(fake);
	fake_greet(fake, MMIOD_BACKEND_SIMULATION);
	request = fake_read(fake);
	check_request(fake, request);
	grant_vector(fake, request);
	fake_wait_hang_up(fake);
}

static struct mmiod_interrupt *interrupt_or_fail(struct mmiod_client *client)
{
	struct mmiod_interrupt *interrupt = NULL;

	cr_assert_eq(mmiod_client_interrupt(client, "nvme0", MMIOD_IRQ_MSIX, 3,
					    MMIOD_IRQ_ONESHOT | MMIOD_IRQ_CONNECTION, &interrupt),
		     0, "%s", mmiod_client_error(client));
	return interrupt;
}

Test(interrupt, is_asked_for_and_says_what_it_is)
{
	size_t files = open_files();
	struct mmiod_interrupt *interrupt;
	struct mmiod_client *client;
	enum mmiod_state state = MMIOD_STATE_REVOKED;
	struct fake fake;

	client = fake_serve(&fake, serve_simulated, NULL);
	interrupt = interrupt_or_fail(client);
	cr_assert_eq(mmiod_interrupt_lease(interrupt), 17u);
	cr_assert_eq(mmiod_interrupt_vector(interrupt), 3u);
	cr_assert_eq(mmiod_interrupt_vectors(interrupt), 8u);
	cr_assert_eq(mmiod_interrupt_kind(interrupt), MMIOD_IRQ_MSIX);
	cr_assert_eq(mmiod_interrupt_state(interrupt, &state), 0);
	cr_assert_eq(state, MMIOD_STATE_OK);
	cr_assert_eq(fcntl(mmiod_interrupt_fd(interrupt), F_GETFD), FD_CLOEXEC);
	mmiod_interrupt_free(interrupt);
	mmiod_interrupt_free(NULL);
	fake_leave(&fake, client);
	cr_assert_eq(open_files(), files);
}

Test(interrupt, counts_what_came_since_the_last_wait_and_in_all)
{
	struct mmiod_interrupt *interrupt;
	struct mmiod_client *client;
	uint64_t count = 99;
	struct fake fake;

	client = fake_serve(&fake, serve_simulated, NULL);
	interrupt = interrupt_or_fail(client);
	cr_assert_eq(mmiod_interrupt_wait(interrupt, 0, &count), -ETIMEDOUT);
	cr_assert_not_null(strstr(mmiod_client_error(client), "vector 3 did not come"));
	for (int i = 0; i < 3; i++)
		cr_assert_eq(mmiod_interrupt_trigger(interrupt), 0);
	cr_assert_eq(mmiod_interrupt_wait(interrupt, -1, &count), 0);
	cr_assert_eq(count, 3u);
	cr_assert_eq(mmiod_interrupt_trigger(interrupt), 0);
	cr_assert_eq(mmiod_interrupt_wait(interrupt, -1, NULL), 0);
	cr_assert_eq(mmiod_interrupt_count(interrupt, &count), 0);
	cr_assert_eq(count, 4u);
	mmiod_interrupt_free(interrupt);
	fake_leave(&fake, client);
}

Test(interrupt, its_file_is_that_of_an_eventfd_program)
{
	struct mmiod_interrupt *interrupt;
	struct mmiod_client *client;
	struct pollfd file = { .events = POLLIN };
	uint64_t count = 0;
	struct fake fake;

	client = fake_serve(&fake, serve_simulated, NULL);
	interrupt = interrupt_or_fail(client);
	file.fd = mmiod_interrupt_fd(interrupt);
	cr_assert_eq(poll(&file, 1, 0), 0);
	cr_assert_eq(mmiod_interrupt_trigger(interrupt), 0);
	cr_assert_eq(poll(&file, 1, -1), 1);
	cr_assert_eq(read(file.fd, &count, sizeof(count)), 8);
	cr_assert_eq(count, 1u);
	mmiod_interrupt_free(interrupt);
	fake_leave(&fake, client);
}

Test(interrupt, simulation_says_what_it_has_not)
{
	struct mmiod_interrupt *interrupt;
	struct mmiod_client *client;
	unsigned int flags = 99;
	struct fake fake;

	client = fake_serve(&fake, serve_simulated, NULL);
	interrupt = interrupt_or_fail(client);
	cr_assert_eq(mmiod_interrupt_mask(interrupt), -EOPNOTSUPP);
	cr_assert_not_null(strstr(mmiod_client_error(client), "no mask"));
	cr_assert_eq(mmiod_interrupt_unmask(interrupt), -EOPNOTSUPP);
	cr_assert_eq(mmiod_interrupt_set_eventfd(interrupt, -1), -EOPNOTSUPP);
	cr_assert_eq(mmiod_interrupt_flags(interrupt, &flags), 0);
	cr_assert_eq(flags, 0u);
	mmiod_interrupt_free(interrupt);
	fake_leave(&fake, client);
}

static void serve_module(struct fake *fake)
{
	fake_accept_silently(fake);
	fake_greet(fake, MMIOD_BACKEND_MODULE);
	grant_vector(fake, fake_read(fake));
	fake_wait_hang_up(fake);
}

/* An eventfd is not the module's file: each call asks the kernel, which says so. */
Test(interrupt, of_the_module_everything_is_the_kernels)
{
	struct mmiod_interrupt *interrupt;
	struct mmiod_client *client;
	enum mmiod_state state;
	unsigned int flags;
	uint64_t count;
	struct fake fake;

	client = fake_serve(&fake, serve_module, NULL);
	interrupt = interrupt_or_fail(client);
	cr_assert_eq(mmiod_interrupt_mask(interrupt), -ENOTTY);
	cr_assert_eq(mmiod_interrupt_unmask(interrupt), -ENOTTY);
	cr_assert_eq(mmiod_interrupt_set_eventfd(interrupt, -1), -ENOTTY);
	cr_assert_eq(mmiod_interrupt_trigger(interrupt), -ENOTTY);
	cr_assert_eq(mmiod_interrupt_count(interrupt, &count), -ENOTTY);
	cr_assert_eq(mmiod_interrupt_flags(interrupt, &flags), -ENOTTY);
	cr_assert_eq(mmiod_interrupt_state(interrupt, &state), -ENOTTY);
	mmiod_interrupt_free(interrupt);
	fake_leave(&fake, client);
}

static void expect_silenced(struct mmiod_client *client, struct mmiod_interrupt *interrupt,
			    int timeout_ms)
{
	uint64_t count = 99;

	cr_assert_eq(mmiod_interrupt_wait(interrupt, timeout_ms, &count), -EOVERFLOW);
	cr_assert_not_null(strstr(mmiod_client_error(client), "vector 3 was silenced by a storm"));
	cr_assert_not_null(strstr(mmiod_client_error(client), "mmiod_interrupt_unmask()"));
	cr_assert_eq(count, 99u);
}

Test(interrupt, a_wait_ends_where_a_storm_silenced_it_once_what_came_before_is_told)
{
	const uint64_t three = 3;
	struct mmiod_interrupt *interrupt;
	struct mmiod_client *client;
	uint64_t count = 0;
	struct fake fake;

	client = fake_serve(&fake, serve_module, NULL);
	interrupt = interrupt_or_fail(client);
	module.silenced = true;
	cr_assert_eq(write(mmiod_interrupt_fd(interrupt), &three, sizeof(three)), 8);
	cr_assert_eq(mmiod_interrupt_wait(interrupt, -1, &count), 0);
	cr_assert_eq(count, 3u);
	expect_silenced(client, interrupt, 0);
	expect_silenced(client, interrupt, 60000);
	expect_silenced(client, interrupt, -1);
	module.silenced = false;
	cr_assert_eq(mmiod_interrupt_wait(interrupt, 0, &count), -ETIMEDOUT);
	mmiod_interrupt_free(interrupt);
	fake_leave(&fake, client);
}

Test(interrupt, works_on_without_its_client)
{
	struct mmiod_interrupt *interrupt;
	struct mmiod_client *client;
	uint64_t count = 0;
	struct fake fake;

	client = fake_serve(&fake, serve_simulated, NULL);
	interrupt = interrupt_or_fail(client);
	fake_leave(&fake, client);
	cr_assert_eq(mmiod_interrupt_trigger(interrupt), 0);
	cr_assert_eq(mmiod_interrupt_wait(interrupt, -1, &count), 0);
	cr_assert_eq(count, 1u);
	cr_assert_eq(mmiod_interrupt_release(interrupt), -ENOTCONN);
	mmiod_interrupt_free(interrupt);
}

static void serve_nothing(struct fake *fake)
{
	fake_accept(fake);
	fake_wait_hang_up(fake);
}

Test(interrupt, what_makes_no_sense_is_not_sent)
{
	struct mmiod_interrupt *interrupt = (void *)-1;
	struct mmiod_client *client;
	struct fake fake;

	client = fake_serve(&fake, serve_nothing, NULL);
	cr_assert_eq(mmiod_client_interrupt(client, "", 0, 0, 0, &interrupt), -EINVAL);
	cr_assert_null(interrupt);
	cr_assert_eq(mmiod_client_interrupt(client, NULL, 0, 0, 0, &interrupt), -EINVAL);
	cr_assert_eq(mmiod_client_interrupt(client, "a name that is longer than any may be", 0, 0,
					    0, &interrupt),
		     -EINVAL);
	cr_assert_eq(mmiod_client_interrupt(client, "d", 0, 0, MMIOD_IRQ_STORM, &interrupt),
		     -EINVAL);
	cr_assert_not_null(strstr(mmiod_client_error(client), "MMIOD_IRQ_ONESHOT"));
	fake_leave(&fake, client);
}

static void refuse(struct fake *fake)
{
	fake_accept(fake);
	fake_read(fake);
	fake_refuse(fake, MMIOD_E_UNSUPPORTED, "unknown opcode 25");
}

Test(interrupt, a_daemon_that_is_older_is_told_as_such)
{
	struct mmiod_interrupt *interrupt;
	struct mmiod_client *client;
	struct fake fake;

	client = fake_serve(&fake, refuse, NULL);
	cr_assert_eq(mmiod_client_interrupt(client, "d", 0, 0, 0, &interrupt), -EOPNOTSUPP);
	cr_assert_null(interrupt);
	fake_leave(&fake, client);
}

static void tell_of_storm(struct fake *fake)
{
	fake_accept(fake);
	fake_event(fake, MMIOD_EVENT_STORM, 17, "vector 3 came too often");
	fake_wait_hang_up(fake);
}

Test(interrupt, a_storm_is_an_event)
{
	struct pollfd file = { .events = POLLIN };
	struct mmiod_client *client;
	struct mmiod_event event;
	struct fake fake;

	client = fake_serve(&fake, tell_of_storm, NULL);
	file.fd = mmiod_client_event_fd(client);
	cr_assert_eq(poll(&file, 1, -1), 1);
	cr_assert_eq(mmiod_client_next_event(client, &event), 1);
	cr_assert_eq(event.type, MMIOD_EVENT_STORM);
	cr_assert_eq(event.lease, 17u);
	cr_assert_str_eq(event.text, "vector 3 came too often");
	fake_leave(&fake, client);
}

/* ---- the lists ---- */

struct devices_reply {
	struct mmiod_msg_list_reply list;
	struct mmiod_wire_device devices[2];
	char text[4];
};

static void list_devices(struct fake *fake)
{
	struct devices_reply reply = {
		.list.msg = { .size = offsetof(struct devices_reply, text) + 4,
			      .opcode = MMIOD_OP_DEVICES,
			      .flags = MMIOD_MSG_REPLY,
			      .fixed = sizeof(reply.list),
			      .count = 2,
			      .stride = sizeof(reply.devices[0]) },
		.devices = { { .id = 1,
			       .name = "nvme0",
			       .address = "0000:01:00.0",
			       .flags = MMIOD_FUNCTION_MASTER,
			       .group = 7,
			       .interrupt = MMIOD_IRQ_MSIX,
			       .vectors = 8,
			       .set_up = 4,
			       .rights = MMIOD_MAY_INTERRUPT,
			       .leases = 2,
			       .trusted = 1,
			       .storms = 5,
			       .vendor = 0x1b36,
			       .product = 0x0010,
			       .model = { offsetof(struct devices_reply, text), 4 } },
			     { .id = 2,
			       .name = "edu",
			       .state = MMIOD_STATE_REVOKED,
			       .group = MMIOD_GROUP_NONE,
			       .missing = { offsetof(struct devices_reply, text), 4 } } },
		.text = "NVMe",
	};

	fake_accept(fake);
	reply.list.msg.id = fake_read(fake)->id;
	fake_send(fake, &reply, reply.list.msg.size, NULL, 0);
	fake_wait_hang_up(fake);
}

Test(interrupt, devices_are_listed)
{
	const struct mmiod_device *device;
	struct mmiod_device_list *list;
	struct mmiod_client *client;
	struct fake fake;

	client = fake_serve(&fake, list_devices, NULL);
	cr_assert_eq(mmiod_client_list_devices(client, &list), 0, "%s", mmiod_client_error(client));
	cr_assert_eq(mmiod_device_list_count(list), 2u);
	device = mmiod_device_list_get(list, 0);
	cr_assert_str_eq(mmiod_device_name(device), "nvme0");
	cr_assert_str_eq(mmiod_device_address(device), "0000:01:00.0");
	cr_assert_str_eq(mmiod_device_model(device), "NVMe");
	cr_assert_str_eq(mmiod_device_missing(device), "");
	cr_assert_eq(mmiod_device_vendor(device), 0x1b36);
	cr_assert_eq(mmiod_device_product(device), 0x0010);
	cr_assert_eq(mmiod_device_state(device), MMIOD_STATE_OK);
	cr_assert_eq(mmiod_device_rights(device), MMIOD_MAY_INTERRUPT);
	cr_assert_eq(mmiod_device_interrupt(device), MMIOD_IRQ_MSIX);
	cr_assert_eq(mmiod_device_vectors(device), 8u);
	cr_assert_eq(mmiod_device_vectors_set_up(device), 4u);
	cr_assert_eq(mmiod_device_leases(device), 2u);
	cr_assert_eq(mmiod_device_storms(device), 5u);
	cr_assert_eq(mmiod_device_trusted(device), 1);
	cr_assert_eq(mmiod_device_masters(device), 1);
	cr_assert_eq(mmiod_device_group(device), 7);
	device = mmiod_device_list_get(list, 1);
	cr_assert_eq(mmiod_device_state(device), MMIOD_STATE_REVOKED);
	cr_assert_str_eq(mmiod_device_missing(device), "NVMe");
	cr_assert_eq(mmiod_device_group(device), -1);
	cr_assert_eq(mmiod_device_masters(device), 0);
	cr_assert_null(mmiod_device_list_get(list, 2));
	mmiod_device_list_free(list);
	fake_leave(&fake, client);
}

struct vectors_reply {
	struct mmiod_msg_list_reply list;
	struct mmiod_wire_vector vectors[1];
};

static void list_vectors(struct fake *fake)
{
	struct vectors_reply reply = {
		.list.msg = { .size = sizeof(reply),
			      .opcode = MMIOD_OP_INTERRUPTS,
			      .flags = MMIOD_MSG_REPLY,
			      .fixed = sizeof(reply.list),
			      .count = 1,
			      .stride = sizeof(reply.vectors[0]) },
		.vectors = { { .id = 17,
			       .device = "nvme0",
			       .count = 1000,
			       .busy_ns = 2000,
			       .started = 3000,
			       .interrupt = MMIOD_IRQ_MSIX,
			       .vector = 3,
			       .flags = MMIOD_INTERRUPT_STORM | MMIOD_INTERRUPT_MASKED,
			       .storms = 4,
			       .irq = 27,
			       .uid = 5,
			       .pid = 6,
			       .comm = "steady" } },
	};

	fake_accept(fake);
	reply.list.msg.id = fake_read(fake)->id;
	fake_send(fake, &reply, sizeof(reply), NULL, 0);
	fake_wait_hang_up(fake);
}

Test(interrupt, leased_vectors_are_listed)
{
	const struct mmiod_vector *vector;
	struct mmiod_vector_list *list;
	struct mmiod_client *client;
	struct fake fake;

	client = fake_serve(&fake, list_vectors, NULL);
	cr_assert_eq(mmiod_client_list_vectors(client, &list), 0, "%s", mmiod_client_error(client));
	cr_assert_eq(mmiod_vector_list_count(list), 1u);
	vector = mmiod_vector_list_get(list, 0);
	cr_assert_eq(mmiod_vector_lease(vector), 17u);
	cr_assert_str_eq(mmiod_vector_device(vector), "nvme0");
	cr_assert_eq(mmiod_vector_number(vector), 3u);
	cr_assert_eq(mmiod_vector_kind(vector), MMIOD_IRQ_MSIX);
	cr_assert_eq(mmiod_vector_state(vector), MMIOD_STATE_OK);
	cr_assert_eq(mmiod_vector_flags(vector), MMIOD_IRQ_STORM | MMIOD_IRQ_MASKED);
	cr_assert_eq(mmiod_vector_count(vector), 1000u);
	cr_assert_eq(mmiod_vector_busy_ns(vector), 2000u);
	cr_assert_eq(mmiod_vector_storms(vector), 4u);
	cr_assert_eq(mmiod_vector_irq(vector), 27u);
	cr_assert_eq(mmiod_vector_started(vector), 3000u);
	cr_assert_eq(mmiod_vector_uid(vector), 5u);
	cr_assert_eq(mmiod_vector_pid(vector), 6u);
	cr_assert_str_eq(mmiod_vector_comm(vector), "steady");
	mmiod_vector_list_free(list);
	fake_leave(&fake, client);
}
