// SPDX-License-Identifier: MIT
/*
 * struct mmiod_interrupt: the lease of a vector. It owns that lease, and the lease its file, on
 * which all calls work without the daemon. In simulation the file is an eventfd, which counts and
 * can be triggered, and nothing else.
 */
#include "base/error.h"
#include "base/getter.h"
#include "device/device.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define FLAGS_KNOWN (MMIOD_IRQ_ONESHOT | MMIOD_IRQ_MASKED | MMIOD_IRQ_CONNECTION)

static_assert(MMIOD_IRQ_ONESHOT == MMIOD_VECTOR_ONESHOT, "the flags go out as they come");
static_assert(MMIOD_IRQ_MASKED == MMIOD_VECTOR_MASKED, "the flags go out as they come");
static_assert(MMIOD_IRQ_CONNECTION == MMIOD_VECTOR_CONNECTION, "the flags go out as they come");
static_assert(MMIOD_IRQ_ONESHOT == MMIOD_INTERRUPT_ONESHOT, "the answers come as the module's");
static_assert(MMIOD_IRQ_MASKED == MMIOD_INTERRUPT_MASKED, "the answers come as the module's");
static_assert(MMIOD_IRQ_STORM == MMIOD_INTERRUPT_STORM, "the answers come as the module's");
static_assert(MMIOD_IRQ_EVENTFD == MMIOD_INTERRUPT_EVENTFD, "the answers come as the module's");
static_assert(MMIOD_IRQ_SILENT == MMIOD_INTERRUPT_SILENT, "the answers come as the module's");

struct mmiod_interrupt {
	struct mmiod_lease *lease; /* owned */
	uint64_t waited; /* interrupts that were waited for */
};

/* ---- asking ---- */

static void build_interrupt(const struct lease_call *call, const void *wanted, void *element)
{
	const struct interrupt_want *want = wanted;
	struct mmiod_wire_interrupt *wire = element;

	strcpy(wire->device, want->device);
	wire->kind = want->kind;
	wire->vector = want->vector;
	wire->flags = want->flags;
}

static int check_interrupt(struct lease_call *call, const void *wanted)
{
	const struct interrupt_want *want = wanted;
	int err = lease_check_name(call->client, "device", want->device);

	if (err)
		return err;
	if (want->flags & ~FLAGS_KNOWN)
		return client_fail(
			call->client, -EINVAL,
			"flags 0x%x: only MMIOD_IRQ_ONESHOT, _MASKED and _CONNECTION can "
			"be asked for",
			want->flags);
	return 0;
}

static const struct sized interrupt_struct = {
	.name = "interrupt_want",
	.first = sizeof(struct interrupt_want),
	.known = sizeof(struct interrupt_want),
};

static const struct lease_call form = {
	.opcode = MMIOD_OP_INTERRUPT,
	.kind = &interrupt_struct,
	.stride = MMIOD_V1_INTERRUPT,
	.check = check_interrupt,
	.build = build_interrupt,
};

MMIOD_EXPORT int mmiod_client_interrupt(struct mmiod_client *client, const char *device,
					enum mmiod_irq_kind kind, unsigned int vector,
					unsigned int flags, struct mmiod_interrupt **interrupt)
{
	const struct interrupt_want want = {
		.device = device,
		.kind = kind,
		.vector = vector,
		.flags = flags,
	};
	struct mmiod_interrupt *made = calloc(1, sizeof(*made));
	int err;

	*interrupt = NULL;
	if (!made)
		return client_fail(client, -ENOMEM, "out of memory");
	err = device_ask(client, &form, &want, &made->lease);
	if (err) {
		free(made);
		return err;
	}
	*interrupt = made;
	return 0;
}

MMIOD_EXPORT void mmiod_interrupt_free(struct mmiod_interrupt *interrupt)
{
	if (!interrupt)
		return;
	mmiod_lease_free(interrupt->lease);
	free(interrupt);
}

MMIOD_EXPORT int mmiod_interrupt_release(struct mmiod_interrupt *interrupt)
{
	int err = mmiod_lease_release(interrupt->lease);

	if (!err)
		free(interrupt);
	return err;
}

/* ---- waiting ---- */

static int fail(const struct mmiod_interrupt *interrupt, int err)
{
	const struct mmiod_lease *lease = interrupt->lease;

	if (err == -ENODEV)
		return lease_fail(lease, err,
				  "lease %llu: the interrupt was revoked, or its device has gone",
				  (unsigned long long)lease->id);
	return lease_fail(lease, err, "lease %llu: %s", (unsigned long long)lease->id,
			  strerror(-err));
}

/* Until there are any to read. One that is silenced does not come any more, whatever the time. */
static int wait_readable(const struct mmiod_interrupt *interrupt, int timeout_ms)
{
	struct pollfd file = { .fd = interrupt->lease->fd, .events = POLLIN | POLLMSG };
	int n = poll(&file, 1, timeout_ms < 0 ? -1 : timeout_ms);

	if (n < 0)
		return fail(interrupt, -errno);
	if (file.revents & POLLIN)
		return 0;
	if (file.revents & (POLLHUP | POLLERR | POLLNVAL))
		return fail(interrupt, -ENODEV);
	if (n > 0)
		return lease_fail(interrupt->lease, -EOVERFLOW,
				  "vector %llu was silenced by a storm: mmiod_interrupt_unmask() "
				  "lets it come again",
				  (unsigned long long)interrupt->lease->offset);
	return lease_fail(interrupt->lease, -ETIMEDOUT, "vector %llu did not come within %d ms",
			  (unsigned long long)interrupt->lease->offset, timeout_ms);
}

MMIOD_EXPORT int mmiod_interrupt_wait(struct mmiod_interrupt *interrupt, int timeout_ms,
				      uint64_t *count)
{
	uint64_t came = 0;
	int err;

	if (interrupt->lease->lost)
		return device_fail_lost(interrupt->lease);
	err = wait_readable(interrupt, timeout_ms);
	if (err)
		return err;
	if (read(interrupt->lease->fd, &came, sizeof(came)) < 0)
		return fail(interrupt, -errno);
	interrupt->waited += came;
	if (count)
		*count = came;
	return 0;
}

/* ---- what can be done with it ---- */

static int fail_simulated(const struct mmiod_interrupt *interrupt, const char *why)
{
	if (interrupt->lease->lost)
		return device_fail_lost(interrupt->lease);
	return lease_fail(interrupt->lease, -EOPNOTSUPP, "%s", why);
}

static int set_mask(struct mmiod_interrupt *interrupt, bool on)
{
	struct mmiod_interrupt_mask mask = { .size = sizeof(mask), .on = on };

	if (interrupt->lease->simulated)
		return fail_simulated(interrupt, "interrupts of simulation have no mask");
	if (!ioctl(interrupt->lease->fd, MMIOD_IOC_INTERRUPT_MASK, &mask))
		return 0;
	if (errno == EAGAIN)
		return lease_fail(interrupt->lease, -EAGAIN,
				  "vector %llu is silenced after a storm: unmask it a moment later",
				  (unsigned long long)interrupt->lease->offset);
	return fail(interrupt, -errno);
}

MMIOD_EXPORT int mmiod_interrupt_mask(struct mmiod_interrupt *interrupt)
{
	return set_mask(interrupt, true);
}

MMIOD_EXPORT int mmiod_interrupt_unmask(struct mmiod_interrupt *interrupt)
{
	return set_mask(interrupt, false);
}

MMIOD_EXPORT int mmiod_interrupt_set_eventfd(struct mmiod_interrupt *interrupt, int fd)
{
	struct mmiod_interrupt_eventfd eventfd = { .size = sizeof(eventfd), .fd = fd };

	if (interrupt->lease->simulated)
		return fail_simulated(interrupt,
				      "in simulation the interrupt's own file is an eventfd");
	if (!ioctl(interrupt->lease->fd, MMIOD_IOC_INTERRUPT_SET_EVENTFD, &eventfd))
		return 0;
	return fail(interrupt, -errno);
}

static int trigger_simulated(struct mmiod_interrupt *interrupt)
{
	const uint64_t one = 1;

	if (interrupt->lease->lost)
		return device_fail_lost(interrupt->lease);
	return write(interrupt->lease->fd, &one, sizeof(one)) < 0 ? fail(interrupt, -errno) : 0;
}

MMIOD_EXPORT int mmiod_interrupt_trigger(struct mmiod_interrupt *interrupt)
{
	struct mmiod_interrupt_trigger trigger = { .size = sizeof(trigger) };

	if (interrupt->lease->simulated)
		return trigger_simulated(interrupt);
	if (!ioctl(interrupt->lease->fd, MMIOD_IOC_INTERRUPT_TRIGGER, &trigger))
		return 0;
	return fail(interrupt, -errno);
}

/* ---- what it is ---- */

static int query(const struct mmiod_interrupt *interrupt, struct mmiod_interrupt_query *answer)
{
	*answer = (struct mmiod_interrupt_query){ .size = sizeof(*answer),
						  .count = interrupt->waited };
	if (interrupt->lease->lost)
		return device_fail_lost(interrupt->lease);
	if (interrupt->lease->simulated)
		return 0;
	return ioctl(interrupt->lease->fd, MMIOD_IOC_INTERRUPT_QUERY, answer) < 0
		       ? fail(interrupt, -errno)
		       : 0;
}

MMIOD_EXPORT int mmiod_interrupt_count(const struct mmiod_interrupt *interrupt, uint64_t *count)
{
	struct mmiod_interrupt_query answer;
	int err = query(interrupt, &answer);

	*count = answer.count;
	return err;
}

MMIOD_EXPORT int mmiod_interrupt_flags(const struct mmiod_interrupt *interrupt, unsigned int *flags)
{
	struct mmiod_interrupt_query answer;
	int err = query(interrupt, &answer);

	*flags = err ? 0 : answer.flags;
	return err;
}

MMIOD_EXPORT int mmiod_interrupt_state(const struct mmiod_interrupt *interrupt,
				       enum mmiod_state *state)
{
	struct mmiod_interrupt_query answer;
	int err;

	*state = interrupt->lease->lost ? MMIOD_STATE_REVOKED : MMIOD_STATE_OK;
	if (interrupt->lease->simulated)
		return 0;
	err = query(interrupt, &answer);
	if (!err)
		*state = (enum mmiod_state)answer.state;
	return err;
}

MMIOD_EXPORT unsigned int mmiod_interrupt_vector(const struct mmiod_interrupt *interrupt)
{
	return (unsigned int)interrupt->lease->offset;
}

GETTER(int, mmiod_interrupt_fd, mmiod_interrupt, lease->fd)
GETTER(uint64_t, mmiod_interrupt_lease, mmiod_interrupt, lease->id)
GETTER(enum mmiod_irq_kind, mmiod_interrupt_kind, mmiod_interrupt, lease->interrupt)
GETTER(unsigned int, mmiod_interrupt_vectors, mmiod_interrupt, lease->vectors)
