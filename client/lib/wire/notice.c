/* SPDX-License-Identifier: MIT */
/*
 * struct mmiod_notice: what a monitor is told. Held aside like events until the program takes them,
 * but not without bound: a program that only makes requests and never takes a notice loses them,
 * and is told how many.
 */
#include "base/getter.h"
#include "wire/wire.h"

#include <stdio.h>
#include <stdlib.h>

#define NOTICES_MAX 1024 /* held for a program */

struct mmiod_notice {
	struct link link;
	struct mmiod_msg_notice wire;
	char text[TEXT_MAX];
};

/* Makes the last one tell of the loss of itself, and of @lost more. */
static void lose(struct link *notices, uint64_t lost)
{
	struct mmiod_notice *last = link_entry(notices->prev, struct mmiod_notice, link);

	if (last->wire.type != MMIOD_NOTICE_LOST) {
		last->wire = (struct mmiod_msg_notice){
			.type = MMIOD_NOTICE_LOST,
			.time_us = last->wire.time_us,
			.lost = 1,
			.uid = UINT32_MAX,
		};
		snprintf(last->text, sizeof(last->text), "the program took none");
	}
	if (__builtin_add_overflow(last->wire.lost, lost, &last->wire.lost))
		last->wire.lost = UINT64_MAX;
}

int notice_hold(struct link *notices, size_t *count, const struct message *message)
{
	struct mmiod_notice *notice = calloc(1, sizeof(*notice));
	int err = notice ? 0 : -ENOMEM;

	if (!err)
		err = message_fixed(message, &notice->wire, sizeof(notice->wire), MMIOD_V1_NOTICE);
	if (!err)
		err = message_text(message, &notice->wire.text, notice->text, sizeof(notice->text));
	if (err || *count == NOTICES_MAX) {
		if (!err)
			lose(notices,
			     notice->wire.type == MMIOD_NOTICE_LOST ? notice->wire.lost : 1);
		free(notice);
		return err;
	}
	name_clean(notice->wire.comm, sizeof(notice->wire.comm));
	name_clean(notice->wire.region, sizeof(notice->wire.region));
	link_append(notices, &notice->link);
	++*count;
	return 0;
}

struct mmiod_notice *notice_take(struct link *notices, size_t *count)
{
	struct mmiod_notice *notice;

	if (!*count)
		return NULL;
	notice = link_entry(notices->next, struct mmiod_notice, link);
	link_remove(&notice->link);
	--*count;
	return notice;
}

MMIOD_EXPORT void mmiod_notice_free(struct mmiod_notice *notice)
{
	free(notice);
}

GETTER(enum mmiod_notice_type, mmiod_notice_type, mmiod_notice, wire.type)
GETTER(uint64_t, mmiod_notice_time, mmiod_notice, wire.time_us)
GETTER(uint64_t, mmiod_notice_lost, mmiod_notice, wire.lost)
GETTER(uint64_t, mmiod_notice_lease, mmiod_notice, wire.lease)
GETTER(enum mmiod_memory, mmiod_notice_memory, mmiod_notice, wire.memory)
GETTER(enum mmiod_lease_kind, mmiod_notice_kind, mmiod_notice, wire.kind)
GETTER(const char *, mmiod_notice_region, mmiod_notice, wire.region)
GETTER(uint64_t, mmiod_notice_offset, mmiod_notice, wire.offset)
GETTER(uint64_t, mmiod_notice_length, mmiod_notice, wire.length)
GETTER(unsigned int, mmiod_notice_rights, mmiod_notice, wire.rights)
GETTER(enum mmiod_memtype, mmiod_notice_memtype, mmiod_notice, wire.memtype)
GETTER(enum mmiod_memtype, mmiod_notice_cache, mmiod_notice, wire.memtype) /* deprecated */
GETTER(uint32_t, mmiod_notice_uid, mmiod_notice, wire.uid)
GETTER(uint32_t, mmiod_notice_pid, mmiod_notice, wire.pid)
GETTER(const char *, mmiod_notice_comm, mmiod_notice, wire.comm)
GETTER(const char *, mmiod_notice_text, mmiod_notice, text)
