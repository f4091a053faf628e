/* SPDX-License-Identifier: MIT */
/*
 * struct mmiod_translation: where a virtual address of a process leads, level by level. Owned by
 * the program.
 */
#include "base/error.h"
#include "base/getter.h"
#include "wire/wire.h"

#include <stdlib.h>

#define LEVELS_MAX 5 /* of a walk, and the number of the highest */

struct mmiod_translation {
	struct mmiod_msg_translate_reply wire;
	unsigned int levels;
	struct mmiod_wire_entry entries[LEVELS_MAX];
};

struct translate_call {
	struct mmiod_client *client;
	uint32_t pid;
	uint64_t address;
	struct mmiod_translation *translation;
};

static size_t build_translate(void *context, size_t index, void *data)
{
	struct mmiod_msg_translate *request = data;
	const struct translate_call *call = context;

	request->msg.opcode = MMIOD_OP_TRANSLATE;
	request->msg.fixed = sizeof(*request);
	request->pid = call->pid;
	request->address = call->address;
	return sizeof(*request);
}

static int read_translate(void *context, size_t index, struct reply *reply)
{
	const struct message *message = &reply->message;
	struct translate_call *call = context;
	struct mmiod_translation *translation = call->translation;
	int err = reply_status(call->client, reply);

	if (!err)
		err = message_fixed(message, &translation->wire, sizeof(translation->wire),
				    MMIOD_V1_TRANSLATE_REPLY);
	if (!err && message->head.count > LEVELS_MAX)
		err = -EPROTO;
	for (size_t i = 0; !err && i < message->head.count; i++) {
		struct mmiod_wire_entry *entry = &translation->entries[i];

		err = message_element(message, i, entry, sizeof(*entry), MMIOD_V1_ENTRY);
		if (!err && (!entry->level || entry->level > LEVELS_MAX || entry->shift > 63))
			err = -EPROTO;
	}
	if (err)
		return err;
	translation->levels = message->head.count;
	name_clean(translation->wire.region, sizeof(translation->wire.region));
	return 0;
}

MMIOD_EXPORT int mmiod_client_translate(struct mmiod_client *client, uint32_t pid, uint64_t address,
					struct mmiod_translation **translation)
{
	struct translate_call call = { .client = client, .pid = pid, .address = address };
	struct exchange exchange = {
		.count = 1, .context = &call, .build = build_translate, .reply = read_translate
	};
	int err;

	*translation = NULL;
	call.translation = calloc(1, sizeof(*call.translation));
	if (!call.translation)
		return client_fail(client, -ENOMEM, "out of memory");
	err = exchange_run(client, &exchange);
	if (err)
		free(call.translation);
	else
		*translation = call.translation;
	return err;
}

MMIOD_EXPORT void mmiod_translation_free(struct mmiod_translation *translation)
{
	free(translation);
}

static int has(const struct mmiod_translation *translation, uint32_t flag)
{
	return !!(translation->wire.flags & flag);
}

MMIOD_EXPORT int mmiod_translation_present(const struct mmiod_translation *translation)
{
	return has(translation, MMIOD_TRANSLATE_PRESENT);
}

MMIOD_EXPORT int mmiod_translation_hidden(const struct mmiod_translation *translation)
{
	return has(translation, MMIOD_TRANSLATE_HIDDEN);
}

MMIOD_EXPORT int mmiod_translation_mapped(const struct mmiod_translation *translation)
{
	return has(translation, MMIOD_TRANSLATE_MAPPED);
}

MMIOD_EXPORT int mmiod_translation_window(const struct mmiod_translation *translation)
{
	return has(translation, MMIOD_TRANSLATE_WINDOW);
}

GETTER(uint64_t, mmiod_translation_start, mmiod_translation, wire.start)
GETTER(uint64_t, mmiod_translation_end, mmiod_translation, wire.end)
GETTER(uint64_t, mmiod_translation_phys, mmiod_translation, wire.phys)
GETTER(uint64_t, mmiod_translation_leaf, mmiod_translation, wire.leaf)
GETTER(enum mmiod_memtype, mmiod_translation_memtype, mmiod_translation, wire.memtype)
GETTER(enum mmiod_memtype, mmiod_translation_cache, mmiod_translation,
       wire.memtype) /* deprecated */
GETTER(uint64_t, mmiod_translation_lease, mmiod_translation, wire.lease)
GETTER(const char *, mmiod_translation_region, mmiod_translation, wire.region)
GETTER(uint64_t, mmiod_translation_offset, mmiod_translation, wire.offset)
GETTER(enum mmiod_state, mmiod_translation_state, mmiod_translation, wire.state)
GETTER(enum mmiod_memtype, mmiod_translation_asked, mmiod_translation, wire.asked)
GETTER(unsigned int, mmiod_translation_levels, mmiod_translation, levels)

MMIOD_EXPORT uint64_t mmiod_translation_entry(const struct mmiod_translation *translation,
					      unsigned int index)
{
	return index < translation->levels ? translation->entries[index].value : 0;
}

MMIOD_EXPORT unsigned int mmiod_translation_level(const struct mmiod_translation *translation,
						  unsigned int index)
{
	return index < translation->levels ? translation->entries[index].level : 0;
}

MMIOD_EXPORT unsigned int mmiod_translation_shift(const struct mmiod_translation *translation,
						  unsigned int index)
{
	return index < translation->levels ? translation->entries[index].shift : 0;
}
