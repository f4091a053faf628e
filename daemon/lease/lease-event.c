// SPDX-License-Identifier: MIT
/*
 * What a holder has yet to be told of its leases: at most one event and one question for each, kept
 * with the lease, and the lease at the head of its connection's list until it has been sent.
 */
#include <string.h>
#include "lease/lease.h"

bool lease_has_news(const struct lease *lease)
{
	return lease->news.asked || lease->news.state;
}

/*
 * Notes an event; the connection sends it when its socket takes it. What is not sent yet is
 * replaced, so a client that reads nothing costs no memory however much happens to its leases.
 */
void lease_tell(struct lease *lease, enum mmiod_event_type type, uint32_t deadline_ms,
		const char *why)
{
	struct lease_news *news = &lease->news;
	struct lease_list *list = lease->list;

	if (type == MMIOD_EVENT_REVOKE_ASKED) {
		news->asked = true;
		news->asked_ms = deadline_ms;
	} else {
		news->state = (uint8_t)type;
		if (type == MMIOD_EVENT_REVOKED || type == MMIOD_EVENT_GONE)
			news->asked = false;
	}
	free(news->why);
	news->why = strndup(why, LEASE_WHY_MAX - 1);
	if (list) {
		DL_DELETE(list->head, lease);
		DL_PREPEND(list->head, lease);
	}
}

/*
 * Few leases are ever told anything, so the sentence has no
 * room in each; without memory an event goes without one.
 */
const char *lease_why(const struct lease *lease)
{
	return lease->news.why ? lease->news.why : "";
}

/*
 * One piece of news, in the order that makes sense;
 * the lease moves to the tail when it has no more.
 */
enum mmiod_event_type lease_take_news(struct lease *lease, uint32_t *deadline_ms)
{
	struct lease_news *news = &lease->news;
	struct lease_list *list = lease->list;
	enum mmiod_event_type type;

	*deadline_ms = 0;
	if (news->asked) {
		type = MMIOD_EVENT_REVOKE_ASKED;
		*deadline_ms = news->asked_ms;
		news->asked = false;
	} else {
		type = (enum mmiod_event_type)news->state;
		news->state = 0;
	}
	if (!lease_has_news(lease)) {
		DL_DELETE(list->head, lease);
		DL_APPEND(list->head, lease);
	}
	return type;
}
