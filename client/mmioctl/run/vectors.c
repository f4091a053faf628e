/* SPDX-License-Identifier: MIT */
/*
 * A vector has one holder, so all openings of a node share it: the supervisor keeps it as long as
 * somebody may have such a file. Nobody tells who has an interrupt, but each such file has the
 * windows of its maps as well, and of these the kernel tells.
 */
#include "run/vectors.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void give_back(struct lent_vector **place)
{
	struct lent_vector *vector = *place;

	*place = vector->next;
	if (mmiod_interrupt_release(vector->interrupt))
		mmiod_interrupt_free(vector->interrupt);
	free(vector);
}

static bool is_revoked(const struct lent_vector *vector)
{
	enum mmiod_state state;

	return mmiod_interrupt_state(vector->interrupt, &state) || state == MMIOD_STATE_REVOKED;
}

static int lease(const struct loans *loans, struct lent_vector **lent, const struct plan_uio *uio,
		 const struct mmiod_target *parts)
{
	struct lent_vector *vector = calloc(1, sizeof(*vector));
	int err;

	if (!vector)
		return -ENOMEM;
	err = mmiod_client_interrupt(loans->context->client, uio->device, MMIOD_IRQ_DEFAULT,
				     uio->vector, 0, &vector->interrupt);
	if (err) {
		free(vector);
		return err;
	}
	vector->uio = uio;
	memcpy(vector->parts, parts, uio->count * sizeof(parts[0]));
	vector->next = *lent;
	*lent = vector;
	return 0;
}

int vector_take(const struct loans *loans, struct lent_vector **lent, const struct plan_uio *uio,
		const struct mmiod_target *parts, int *fd)
{
	struct lent_vector **place = lent;
	int err;

	*fd = -1;
	if (!uio->device[0])
		return 0;
	while (*place && (*place)->uio != uio)
		place = &(*place)->next;
	if (*place && is_revoked(*place))
		give_back(place);
	else if (*place) {
		*fd = mmiod_interrupt_fd((*place)->interrupt);
		return 0;
	}
	err = lease(loans, lent, uio, parts);
	if (!err)
		*fd = mmiod_interrupt_fd((*lent)->interrupt);
	return err;
}

static bool is_open(const struct loans *loans, const struct lent_vector *vector)
{
	for (size_t i = 0; i < vector->uio->count; i++)
		if (loan_is_used(loans, &vector->parts[i]))
			return true;
	return false;
}

void vectors_return(const struct loans *loans, struct lent_vector **lent)
{
	struct lent_vector **place = lent;

	while (!loans->options->keep && *place) {
		if (is_open(loans, *place))
			place = &(*place)->next;
		else
			give_back(place);
	}
}

void vectors_drop(struct lent_vector **lent)
{
	while (*lent)
		give_back(lent);
}
