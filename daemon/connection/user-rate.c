// SPDX-License-Identifier: MIT
/* The least recently used goes first: after a minute without use, or when there are too many. */
#include "connection/user-rate.h"

#define REMEMBERED_MS 60000u
#define REMEMBERED_MAX 4096u /* the owner of a range of uids could fill our memory with them */

static void forget(struct user_rates *rates, struct user_rate *rate)
{
	DL_DELETE(rates->list, rate);
	HASH_DEL(rates->table, rate);
	free(rate);
}

static struct user_rate *user_rate_new(struct user_rates *rates, uint64_t payer)
{
	struct user_rate *rate = calloc(1, sizeof(*rate));

	if (!rate)
		return NULL;
	rate->payer = payer;
	HASH_ADD(hh, rates->table, payer, sizeof(rate->payer), rate);
	if (hash_added(rate)) {
		DL_APPEND(rates->list, rate);
		return rate;
	}
	free(rate);
	return NULL;
}

/* NULL: out of memory. Good until the next call. */
struct user_rate *user_rates_need(struct user_rates *rates, uint64_t payer, uint64_t now_ms)
{
	struct user_rate *rate;

	HASH_FIND(hh, rates->table, &payer, sizeof(payer), rate);
	if (rate) {
		DL_DELETE(rates->list, rate);
		DL_APPEND(rates->list, rate);
	} else {
		while (rates->list && (HASH_COUNT(rates->table) >= REMEMBERED_MAX ||
				       now_ms - rates->list->used_ms > REMEMBERED_MS))
			forget(rates, rates->list);
		rate = user_rate_new(rates, payer);
	}
	if (rate)
		rate->used_ms = now_ms;
	return rate;
}

void user_rates_clear(struct user_rates *rates)
{
	while (rates->list)
		forget(rates, rates->list);
}
