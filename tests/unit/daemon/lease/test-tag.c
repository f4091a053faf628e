// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include <string.h>
#include <mmiod/protocol.h>
#include "daemon/base/clock.h"
#include "daemon/lease/tag.h"

static const struct tag_content content = {
	.holder = { .uid = 1000, .pid = 4711, .comm = "fifteen-letters" },
	.started_ms = 1,
	.rights = MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE,
	.share = MMIOD_SHARE_WRITE,
	.flags = MMIOD_LEASE_CONNECTION,
};

Test(tag, survives_the_ledger)
{
	uint8_t tag[MMIOD_TAG_SIZE];
	struct tag_content back;

	tag_encode(&content, tag);
	cr_assert_eq(tag_decode(tag, &back), 0);
	cr_assert_eq(back.holder.uid, 1000u);
	cr_assert_eq(back.holder.pid, 4711u);
	cr_assert_str_eq(back.holder.comm, "fifteen-letters");
	cr_assert_eq(back.started_ms, content.started_ms);
	cr_assert_eq(back.rights, content.rights);
	cr_assert_eq(back.share, content.share);
	cr_assert_eq(back.flags, content.flags);
}

Test(tag, is_written_to_its_last_byte)
{
	uint8_t first[MMIOD_TAG_SIZE], second[MMIOD_TAG_SIZE];

	memset(first, 0xff, sizeof(first));
	memset(second, 0, sizeof(second));
	tag_encode(&content, first);
	tag_encode(&content, second);
	cr_assert_arr_eq(first, second, sizeof(first));
}

/* What began by the time of day is reckoned to the other clock, and lies between boot and now. */
Test(tag, of_before_version_4_tells_its_start_by_the_time_of_day)
{
	struct tag_content older = content, back;
	uint64_t now = clock_boot_ms();
	uint8_t tag[MMIOD_TAG_SIZE];

	older.started_ms = clock_since_1970(now);
	tag_encode(&older, tag);
	tag[offsetof(struct tag, version)] = 3;
	cr_assert_eq(tag_decode(tag, &back), 0);
	cr_assert_lt(now - back.started_ms, 3000u, "%llu", (unsigned long long)back.started_ms);
	older.started_ms = UINT64_MAX;
	tag_encode(&older, tag);
	cr_assert_eq(tag_decode(tag, &back), 0);
	cr_assert_leq(back.started_ms, clock_boot_ms(), "it is not yet to come");
	tag[offsetof(struct tag, version)] = 3;
	cr_assert_eq(tag_decode(tag, &back), 0);
	cr_assert_leq(back.started_ms, clock_boot_ms());
}

Test(tag, knows_terms_from_version_3_on)
{
	struct tag_content limited = content, back;
	uint8_t tag[MMIOD_TAG_SIZE];

	limited.renew = true;
	limited.deadline_ms = 1ull << 40;
	limited.lease_ms = 600000;
	limited.grant = 0xcafe;
	tag_encode(&limited, tag);
	cr_assert_eq(tag_decode(tag, &back), 0);
	cr_assert(back.renew);
	cr_assert_eq(back.deadline_ms, limited.deadline_ms);
	cr_assert_eq(back.lease_ms, 600000u);
	cr_assert_eq(back.grant, 0xcafeu);
	tag[offsetof(struct tag, version)] = 2;
	cr_assert_eq(tag_decode(tag, &back), 0);
	cr_assert_eq(back.lease_ms, 0u, "what version 2 had there was a reserve");
	cr_assert_eq(back.grant, 0u);
}

static void strictest(const struct tag_content *found)
{
	cr_assert_eq(found->holder.uid, UINT32_MAX);
	cr_assert_eq(found->share, MMIOD_SHARE_EXCLUSIVE);
	cr_assert_eq(found->rights, MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE);
}

Test(tag, of_another_programs_window_is_taken_for_the_strictest)
{
	uint8_t tag[MMIOD_TAG_SIZE] = { 0 };
	struct tag_content back;

	cr_assert_lt(tag_decode(tag, &back), 0);
	strictest(&back);
	memset(tag, 0xff, sizeof(tag));
	cr_assert_lt(tag_decode(tag, &back), 0);
	strictest(&back);
}

Test(tag, with_impossible_content_is_taken_for_the_strictest)
{
	uint8_t tag[MMIOD_TAG_SIZE];
	struct tag_content back;

	tag_encode(&content, tag);
	tag[offsetof(struct tag, share)] = 9;
	cr_assert_lt(tag_decode(tag, &back), 0);
	strictest(&back);
	tag_encode(&content, tag);
	tag[offsetof(struct tag, rights)] = MMIOD_RIGHT_WRITE;
	cr_assert_lt(tag_decode(tag, &back), 0);
	tag_encode(&content, tag);
	tag[offsetof(struct tag, version)] = 0;
	cr_assert_lt(tag_decode(tag, &back), 0);
}

Test(tag, of_a_later_version_is_read_as_far_as_it_is_known)
{
	uint8_t tag[MMIOD_TAG_SIZE];
	struct tag_content back;

	tag_encode(&content, tag);
	tag[offsetof(struct tag, version)] = TAG_VERSION + 1;
	tag[offsetof(struct tag, flags) + 3] = 0x80;
	cr_assert_eq(tag_decode(tag, &back), 0);
	cr_assert_eq(back.flags, MMIOD_LEASE_CONNECTION, "flags that are not known are dropped");
}

Test(tag, ends_a_name_that_does_not_end)
{
	uint8_t tag[MMIOD_TAG_SIZE];
	struct tag_content back;

	tag_encode(&content, tag);
	memset(tag + offsetof(struct tag, comm), 'x', 16);
	cr_assert_eq(tag_decode(tag, &back), 0);
	cr_assert_eq(strlen(back.holder.comm), 15u);
}

Test(tag, knows_what_was_allocated_from_version_2_on)
{
	struct tag_content buffer = content, back;
	uint8_t tag[MMIOD_TAG_SIZE];

	buffer.memory = MMIOD_MEMORY_DMA;
	buffer.allocated = true;
	tag_encode(&buffer, tag);
	cr_assert_eq(tag_decode(tag, &back), 0);
	cr_assert_eq(back.memory, (uint32_t)MMIOD_MEMORY_DMA);
	cr_assert(back.allocated);
	tag[offsetof(struct tag, version)] = 1;
	cr_assert_eq(tag_decode(tag, &back), 0);
	cr_assert_eq(back.memory, (uint32_t)MMIOD_MEMORY_REGION);
	cr_assert_not(back.allocated);
}

Test(tag, of_a_kind_of_memory_that_is_none_is_taken_for_the_strictest)
{
	uint8_t tag[MMIOD_TAG_SIZE];
	struct tag_content back;

	tag_encode(&content, tag);
	tag[offsetof(struct tag, memory)] = 5;
	cr_assert_lt(tag_decode(tag, &back), 0);
	strictest(&back);
	cr_assert_eq(back.memory, (uint32_t)MMIOD_MEMORY_REGION);
	tag_encode(&content, tag);
	tag[offsetof(struct tag, allocated)] = 2;
	cr_assert_lt(tag_decode(tag, &back), 0);
}
