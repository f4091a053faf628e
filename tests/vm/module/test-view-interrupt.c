// SPDX-License-Identifier: MIT
/* A view in the place of a UIO node, with an interrupt: read, irqcontrol and poll are that one's. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "interrupts.h"

#define INTX MMIOD_INTERRUPT_INTX
#define UIO MMIOD_VIEW_FORM_UIO

/* A program that has edu as UIO gives it, and what it is made of. */
struct rig {
	int control, window, irq, view;
};

static int try_uio(int window, int irq)
{
	struct mmiod_view_create_part part = view_part(window, 0, 0, page());

	return try_view_as((struct mmiod_view_create){ .form = UIO, .count = 1, .irq = irq },
			   &part);
}

static struct rig make_rig(uint32_t flags)
{
	struct rig rig = { .control = open_control() };

	rig.window = edu_window(rig.control);
	poke(rig.window, EDU_ACKNOWLEDGE, ~0u);
	rig.irq = interrupt(rig.control, edu(), INTX, 0, flags);
	rig.view = try_uio(rig.window, rig.irq);
	if (rig.view < 0)
		FAIL("no view with an interrupt: %s", strerror(errno));
	return rig;
}

static void raise_and_acknowledge(const struct rig *rig)
{
	uint32_t *registers = mmap(NULL, page(), PROT_READ | PROT_WRITE, MAP_SHARED, rig->view, 0);

	EXPECT(registers != MAP_FAILED);
	*(volatile uint32_t *)((char *)registers + EDU_RAISE) = 1;
	EXPECT_EQ(poll_for(rig->view, POLLIN), POLLIN);
	*(volatile uint32_t *)((char *)registers + EDU_ACKNOWLEDGE) = 1;
	munmap(registers, page());
}

static uint32_t read_total(int view)
{
	uint32_t total = 0;

	EXPECT_EQ(read(view, &total, sizeof(total)), sizeof(total));
	return total;
}

TEST(a_uio_view_counts_the_interrupts_of_its_device)
{
	struct rig rig = make_rig(MMIOD_INTERRUPT_ONESHOT);
	uint32_t unmask = 1;

	EXPECT_EQ(poll_now(rig.view), 0);
	raise_and_acknowledge(&rig);
	EXPECT_EQ(read_total(rig.view), 1);
	EXPECT_EQ(poll_now(rig.view), 0);
	EXPECT_EQ(write(rig.view, &unmask, sizeof(unmask)), sizeof(unmask));
	raise_and_acknowledge(&rig);
	EXPECT_EQ(read_total(rig.view), 2);
}

TEST(irqcontrol_of_a_uio_view_masks_the_interrupt)
{
	struct rig rig = make_rig(0);
	uint32_t value = 0;

	EXPECT_EQ(write(rig.view, &value, sizeof(value)), sizeof(value));
	EXPECT(query_interrupt(rig.irq).flags & MMIOD_INTERRUPT_MASKED);
	value = 1;
	EXPECT_EQ(write(rig.view, &value, sizeof(value)), sizeof(value));
	EXPECT(!(query_interrupt(rig.irq).flags & MMIOD_INTERRUPT_MASKED));
	value = 2;
	EXPECT_ERRNO(write(rig.view, &value, sizeof(value)), EINVAL);
}

TEST(a_uio_view_reads_and_writes_four_bytes_and_nothing_else)
{
	struct rig rig = make_rig(0);
	uint64_t value = 1;

	EXPECT_EQ(trigger(rig.irq), 0);
	EXPECT_ERRNO(read(rig.view, &value, 8), EINVAL);
	EXPECT_ERRNO(read(rig.view, &value, 2), EINVAL);
	EXPECT_ERRNO(write(rig.view, &value, 8), EINVAL);
	EXPECT_EQ(read_total(rig.view), 1);
}

/* The lease's holder may wait on the interrupt's own file, and the program on none, or otherwise. */
TEST(the_views_own_flags_say_whether_a_read_waits)
{
	struct rig rig = make_rig(0);
	uint32_t total;
	pid_t child;

	EXPECT_EQ(fcntl(rig.view, F_SETFL, O_NONBLOCK), 0);
	EXPECT_ERRNO(read(rig.view, &total, sizeof(total)), EAGAIN);
	EXPECT_EQ(fcntl(rig.view, F_SETFL, 0), 0);
	EXPECT_EQ(fcntl(rig.irq, F_SETFL, O_NONBLOCK), 0);
	child = fork();
	if (!child) {
		usleep(200000);
		_exit(trigger(rig.irq));
	}
	EXPECT_EQ(read_total(rig.view), 1);
}

TEST(a_revoked_interrupt_ends_in_a_uio_view_and_a_revoked_window_does_not_end_it)
{
	struct rig rig = make_rig(0);
	uint32_t total;

	EXPECT_EQ(set_state(rig.control, window_id(rig.window), MMIOD_WINDOW_REVOKED), 0);
	EXPECT_EQ(poll_now(rig.view), 0);
	EXPECT_EQ(trigger(rig.irq), 0);
	EXPECT_EQ(read_total(rig.view), 1);
	EXPECT_EQ(set_state(rig.control, query_interrupt(rig.irq).id, MMIOD_WINDOW_REVOKED), 0);
	EXPECT_EQ(poll_now(rig.view), POLLHUP | POLLERR);
	EXPECT_ERRNO(read(rig.view, &total, sizeof(total)), ENODEV);
}

TEST(an_interrupt_lasts_as_long_as_a_view_of_it)
{
	struct rig rig = make_rig(0);
	uint64_t id = query_interrupt(rig.irq).id;

	close(rig.irq);
	raise_and_acknowledge(&rig);
	EXPECT(read_total(rig.view) >= 1);
	close(rig.view);
	EXPECT(happens(rig.control, MMIOD_CONTROL_WINDOW_RELEASED, 0, id));
}

TEST(only_an_interrupt_is_the_interrupt_of_a_uio_view)
{
	struct rig rig = make_rig(0);
	struct mmiod_view_create_part part = view_part(rig.window, 0, 0, page());
	struct mmiod_view_create create = { .count = 1, .irq = rig.irq };

	EXPECT_ERRNO(try_uio(rig.window, rig.window), EINVAL);
	EXPECT_ERRNO(try_uio(rig.window, rig.view), EINVAL);
	EXPECT_ERRNO(try_uio(rig.window, rig.control), EINVAL);
	EXPECT_ERRNO(try_uio(rig.window, 1000), EBADF);
	EXPECT_ERRNO(try_uio(rig.window, -2), EINVAL);
	EXPECT_ERRNO(try_uio(rig.irq, -1), ENOTTY);
	for (create.form = 1; create.form < UIO; create.form++)
		EXPECT_ERRNO(try_view_as(create, &part), EINVAL);
	EXPECT_EQ(users(rig.window), 1);
}
