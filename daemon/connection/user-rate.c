// SPDX-License-Identifier: MIT
/* The least recently used goes first: after a minute without use, or when there are too many. */
#include "connection/user-rate.h"

#define REMEMBERED_MS 60000u
#define REMEMBERED_MAX 4096u /* whoever has a range of uids could fill our memory with them */

static void forget(struct paces *paces, struct pace *pace)
{
	DL_DELETE(paces->list, pace);
	HASH_DEL(paces->table, pace);
	free(pace);
}

static struct pace *pace_new(struct paces *paces, uid_t uid)
{
	struct pace *pace = calloc(1, sizeof(*pace));

	if (!pace)
		return NULL;
	pace->uid = uid;
	HASH_ADD(hh, paces->table, uid, sizeof(pace->uid), pace);
	if (hash_added(pace)) {
		DL_APPEND(paces->list, pace);
		return pace;
	}
	free(pace);
	return NULL;
}

/* NULL: out of memory. Good until the next call. */
struct pace *pace_need(struct paces *paces, uid_t uid, uint64_t now_ms)
{
	struct pace *pace;

	HASH_FIND(hh, paces->table, &uid, sizeof(uid), pace);
	if (pace) {
		DL_DELETE(paces->list, pace);
		DL_APPEND(paces->list, pace);
	} else {
		while (paces->list && (HASH_COUNT(paces->table) >= REMEMBERED_MAX ||
				       now_ms - paces->list->used_ms > REMEMBERED_MS))
			forget(paces, paces->list);
		pace = pace_new(paces, uid);
	}
	if (pace)
		pace->used_ms = now_ms;
	return pace;
}

void paces_clear(struct paces *paces)
{
	while (paces->list)
		forget(paces, paces->list);
}
