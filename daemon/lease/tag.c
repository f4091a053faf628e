// SPDX-License-Identifier: MIT
/*
 * The tag: encode and decode. Bytes that do not look like a tag of ours were written by another
 * user of the control file; the daemon then assumes the strictest, an exclusive read-write lease of
 * nobody it knows.
 */
#include <errno.h>
#include <string.h>
#include <mmiod/protocol.h>
#include "base/clock.h"
#include "lease/tag.h"

void tag_encode(const struct tag_content *content, uint8_t tag[MMIOD_TAG_SIZE])
{
	struct tag out = {
		.magic = TAG_MAGIC,
		.version = TAG_VERSION,
		.share = (uint8_t)content->share,
		.rights = (uint8_t)content->rights,
		.flags = content->flags | (content->tenant ? TAG_TENANT : 0),
		.memory = (uint8_t)content->memory,
		.allocated = content->allocated,
		.uid = content->holder.uid,
		.pid = content->holder.pid,
		.started = content->started_ms,
		.renew = content->renew,
		.deadline_ms = content->deadline_ms,
		.lease_ms = content->lease_ms,
		.grant = content->grant,
	};

	memcpy(out.comm, content->holder.comm, sizeof(out.comm));
	out.comm[sizeof(out.comm) - 1] = '\0';
	memcpy(tag, &out, sizeof(out));
}

static void assume_strictest(struct tag_content *content)
{
	*content = (struct tag_content){
		.holder = { .uid = UINT32_MAX, .comm = "?" },
		.rights = MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE,
		.share = MMIOD_SHARE_EXCLUSIVE,
	};
}

/* It began before now, whatever the tag says. */
static uint64_t started_ms(const struct tag *tag)
{
	uint64_t now = clock_boot_ms();

	if (tag->version < 4)
		return clock_boot_ms_of(tag->started);
	return tag->started < now ? tag->started : now;
}

/* -EINVAL: not a tag of ours; `content` is then the strictest assumption. */
int tag_decode(const uint8_t tag[MMIOD_TAG_SIZE], struct tag_content *content)
{
	struct tag in;

	memcpy(&in, tag, sizeof(in));
	assume_strictest(content);
	if (in.magic != TAG_MAGIC || in.version < 1)
		return -EINVAL;
	if (in.share < MMIOD_SHARE_EXCLUSIVE || in.share > MMIOD_SHARE_GUEST)
		return -EINVAL;
	if (!(in.rights & MMIOD_RIGHT_READ) || in.rights & ~(MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE))
		return -EINVAL;
	if (in.version >= 2 && (in.memory > MMIOD_MEMORY_DMA || in.allocated > 1))
		return -EINVAL;
	*content = (struct tag_content){
		.holder = { .uid = in.uid, .pid = in.pid },
		.started_ms = started_ms(&in),
		.rights = in.rights,
		.share = in.share,
		.flags = in.flags & MMIOD_LEASE_FLAGS,
		.tenant = in.flags & TAG_TENANT,
		.memory = in.version >= 2 ? in.memory : MMIOD_MEMORY_REGION,
		.allocated = in.version >= 2 && in.allocated,
	};
	if (in.version >= 3) {
		content->renew = in.renew & 1;
		content->deadline_ms = in.deadline_ms;
		content->lease_ms = in.lease_ms;
		content->grant = in.grant;
	}

	memcpy(content->holder.comm, in.comm, sizeof(in.comm));
	content->holder.comm[sizeof(in.comm) - 1] = '\0';
	return 0;
}
