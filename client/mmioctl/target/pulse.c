/* SPDX-License-Identifier: MIT */
/*
 * Interrupts as the pulse of samples: see pulse.h. INTx is masked by each that comes, and let come again
 * when its sample has been taken; one that came too often is let come again when the kernel lets it.
 */
#include "target/pulse.h"

#include <errno.h>
#include <poll.h>

static void hear(void *data, const struct mmiod_event *event)
{
	struct pulse *pulse = data;

	if (!pulse->interrupt || event->lease != mmiod_interrupt_lease(pulse->interrupt))
		return;
	switch (event->type) {
	case MMIOD_EVENT_REVOKE_ASKED:
	case MMIOD_EVENT_REVOKED:
	case MMIOD_EVENT_GONE:
		follow_end_because(pulse->follow, pulse->name,
				   event->text[0] ? event->text : "revoked");
		break;
	case MMIOD_EVENT_STORM:
		note(pulse->follow->context, "%s", event->text);
		pulse->closed = true;
		break;
	default:
		break;
	}
}

int pulse_open(struct pulse *pulse, struct follow *follow, const char *text)
{
	struct context *context = follow->context;
	char device[VECTOR_DEVICE_MAX];
	unsigned int vector;
	int status = vector_read(context, text, device, &vector), err;

	if (status)
		return status;
	err = mmiod_client_interrupt(context->client, device, MMIOD_IRQ_DEFAULT, vector, 0,
				     &pulse->interrupt);
	if (err)
		return report_client(context, err);
	pulse->follow = follow;
	snprintf(pulse->name, sizeof(pulse->name), "%s:%u", device, vector);
	follow->hears = hear;
	follow->hear_data = pulse;
	return 0;
}

void pulse_close(struct pulse *pulse)
{
	if (pulse->interrupt && mmiod_interrupt_release(pulse->interrupt))
		mmiod_interrupt_free(pulse->interrupt);
	pulse->interrupt = NULL;
}

int pulse_fd(const struct pulse *pulse)
{
	return pulse->interrupt ? mmiod_interrupt_fd(pulse->interrupt) : -1;
}

/* That it is silenced is known once it is closed, and stays so until it is let come. */
short pulse_events(const struct pulse *pulse)
{
	return pulse->closed ? POLLIN : POLLIN | POLLMSG;
}

void pulse_let_come(struct pulse *pulse)
{
	if (pulse->closed)
		pulse->closed = mmiod_interrupt_unmask(pulse->interrupt) == -EAGAIN;
}

uint64_t pulse_take(struct pulse *pulse)
{
	uint64_t count = 0;
	int err = mmiod_interrupt_wait(pulse->interrupt, 0, &count);

	if (err == -ETIMEDOUT)
		return 0;
	if (err == -EOVERFLOW) { /* the event tells why, if the daemon is there to tell it */
		pulse->closed = true;
		return 0;
	}
	if (err) {
		follow_hear_reason(pulse->follow);
		if (!pulse->follow->done)
			follow_end_because(pulse->follow, pulse->name, "the interrupt is gone");
		return 0;
	}
	pulse->closed |= mmiod_interrupt_kind(pulse->interrupt) == MMIOD_IRQ_INTX;
	return count;
}
