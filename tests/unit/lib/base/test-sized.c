/* SPDX-License-Identifier: MIT */
/*
 * Structs of programs that were built with an older or a newer header than the library: sizes as
 * such programs hand them over. tests/integration/growth.bats has real ones.
 */
#include "support/fake.h"

#include <string.h>

TestSuite(sized, .timeout = 1200);

static const struct {
	const char *name;
	size_t end; /* of its last member */
	size_t now;
} structs[] = {
	{ "want", offsetof(struct mmiod_want, reserved2) + sizeof(void *),
	  sizeof(struct mmiod_want) },
	{ "allocation", offsetof(struct mmiod_allocation, reserved2) + sizeof(uint32_t),
	  sizeof(struct mmiod_allocation) },
	{ "question", offsetof(struct mmiod_policy_question, grant) + sizeof(void *),
	  sizeof(struct mmiod_policy_question) },
	{ "grant", offsetof(struct mmiod_grant, last_ms) + sizeof(uint64_t),
	  sizeof(struct mmiod_grant) },
	{ "target", offsetof(struct mmiod_target, reserved) + sizeof(int),
	  sizeof(struct mmiod_target) },
	{ "options", offsetof(struct mmiod_object_cache_options, context) + sizeof(void *),
	  sizeof(struct mmiod_object_cache_options) },
};

/* A member added later would lie where programs of today have whatever was on their stacks. */
Test(sized, structs_that_the_library_reads_end_without_padding)
{
	for (size_t i = 0; i < sizeof(structs) / sizeof(*structs); i++)
		cr_assert_eq(structs[i].end, structs[i].now, "%s", structs[i].name);
}

/* ---- the rule, by a struct that has grown once ---- */

struct grown {
	uint32_t a;
	uint32_t b; /* the last of the first release */
	uint64_t c;
};

static const struct sized grown_struct = SIZED(grown, b);

static const struct {
	uint32_t a, b;
	uint64_t c, d;
} theirs = { 1, 2, 3, 0 }, too_new = { 1, 2, 3, 4 };

static int take(const void *from, size_t size, struct grown *known, char *why)
{
	*known = (struct grown){ 9, 9, 9 };
	return sized_take(&grown_struct, known, from, size, why, 200);
}

Test(sized, an_older_programs_struct_has_zeros_behind)
{
	struct grown known;
	char why[200];

	cr_assert_eq(take(&theirs, 8, &known, why), 0);
	cr_assert(known.a == 1 && known.b == 2 && known.c == 0);
	cr_assert_eq(take(&theirs, 12, &known, why), 0, "a size between two releases");
	cr_assert_eq(take(&theirs, 16, &known, why), 0);
	cr_assert(known.a == 1 && known.b == 2 && known.c == 3);
}

Test(sized, a_newer_programs_struct_is_taken_if_it_asks_for_nothing_new)
{
	struct grown known;
	char why[200] = "";

	cr_assert_eq(take(&theirs, 24, &known, why), 0);
	cr_assert(known.a == 1 && known.b == 2 && known.c == 3);
	cr_assert_eq(take(&too_new, 24, &known, why), -E2BIG);
	cr_assert(strstr(why, "struct grown: byte 16 is not zero, but libmmiod " MMIOD_VERSION
			      " knows 16 bytes of it: the program needs a newer library"),
		  "%s", why);
}

Test(sized, a_size_that_a_struct_never_had_is_refused)
{
	struct grown known;
	char why[200] = "";

	cr_assert_eq(take(&theirs, 7, &known, why), -EINVAL);
	cr_assert_str_eq(why, "struct grown of 7 bytes: it has at least 8");
	cr_assert_eq(take(&theirs, 0, &known, why), -EINVAL);
	cr_assert_eq(sized_take(&grown_struct, &known, &theirs, 4, NULL, 0), -EINVAL);
}

Test(sized, what_is_told_fits_an_older_programs_struct_and_fills_a_newer_ones)
{
	const struct grown ours = { 1, 2, 3 };
	uint8_t room[32];

	memset(room, 0xff, sizeof(room));
	sized_give(room, 8, &ours, sizeof(ours));
	cr_assert_arr_eq(room, &ours, 8);
	cr_assert_eq(room[8], 0xff, "behind an older program's struct nothing is written");
	sized_give(room, 24, &ours, sizeof(ours));
	cr_assert_arr_eq(room, &theirs, 24);
	cr_assert_eq(room[24], 0xff);
}

/* ---- every function that keeps the rule ---- */

struct newer_want {
	struct mmiod_want known;
	uint64_t more;
};

struct newer_allocation {
	struct mmiod_allocation known;
	uint64_t more;
};

struct newer_question {
	struct mmiod_policy_question known;
	uint64_t more;
};

struct newer_target {
	struct mmiod_target known;
	uint64_t more;
};

struct newer_options {
	struct mmiod_object_cache_options known;
	uint64_t more;
};

static void serve_one(struct fake *fake)
{
	fake_accept(fake);
	fake_grant(fake, fake_read(fake), 7, NULL);
	fake_wait_hang_up(fake);
}

static void serve_none(struct fake *fake)
{
	fake_accept(fake);
	fake_wait_hang_up(fake);
}

Test(sized, arrays_are_read_with_the_programs_stride)
{
	struct newer_want wants[3] = { { { .region = "shm", .offset = 0x1000, .length = 8 }, 0 },
				       { { .region = "shm", .offset = 0x2000, .length = 8 }, 0 },
				       { { .region = "shm", .offset = 0x3000, .length = 8 }, 0 } };
	struct mmiod_client *client;
	struct mmiod_lease *leases[3];
	struct fake fake;

	client = fake_serve(&fake, serve_one, NULL);
	cr_assert_eq(mmiod_client_lease_many_sized(client, &wants[0].known, sizeof(*wants), 3, 0,
						   leases, NULL),
		     3);
	for (size_t i = 0; i < 3; i++) {
		cr_assert_eq(mmiod_lease_offset(leases[i]), wants[i].known.offset);
		mmiod_lease_free(leases[i]);
	}
	fake_leave(&fake, client);
}

static void too_big(struct mmiod_client *client, int err, const char *name)
{
	cr_assert_eq(err, -E2BIG, "%s: %d", name, err);
	cr_assert(strstr(mmiod_client_error(client), name), "%s", mmiod_client_error(client));
	cr_assert(strstr(mmiod_client_error(client), "newer library"));
}

Test(sized, what_only_a_newer_library_knows_is_never_sent)
{
	struct newer_want wants[2] = { { { .region = "shm" }, 0 }, { { .region = "shm" }, 1 } };
	struct newer_allocation allocation = { { .region = "shm", .length = 1 }, 1 };
	struct newer_question question = { { .region = "shm" }, 1 };
	struct mmiod_slab_provider *provider = (void *)1;
	struct mmiod_policy_answer answer;
	struct mmiod_lease *leases[2];
	struct mmiod_client *client;
	int errors[2];
	struct fake fake;

	client = fake_serve(&fake, serve_none, NULL);
	too_big(client,
		mmiod_client_lease_many_sized(client, &wants[0].known, sizeof(*wants), 2, 0, leases,
					      errors),
		"mmiod_want");
	cr_assert(!leases[0] && !leases[1] && errors[0] == -E2BIG && errors[1] == -E2BIG);
	too_big(client,
		mmiod_client_allocate_many_sized(client, &allocation.known, sizeof(allocation), 1,
						 0, leases, NULL),
		"mmiod_allocation");
	too_big(client,
		mmiod_client_explain_sized(client, &question.known, sizeof(question), &answer,
					   sizeof(answer)),
		"mmiod_policy_question");
	too_big(client,
		mmiod_slab_provider_from_pool_sized(client, &allocation.known, sizeof(allocation),
						    &provider),
		"mmiod_allocation");
	cr_assert_null(provider);
	fake_leave(&fake, client);
}

Test(sized, options_of_an_object_cache_keep_the_rule)
{
	struct newer_options options = { { .name = "a", .object_size = 8 }, 1 };
	struct mmiod_slab_provider *provider;
	struct mmiod_object_cache *cache = (void *)1;
	struct mmiod_object_cache_stats stats;
	char error[200];

	cr_assert_eq(mmiod_slab_provider_anonymous(&provider), 0);
	options.known.provider = provider;
	cr_assert_eq(mmiod_object_cache_create_sized(&options.known, sizeof(options), &cache, error,
						     sizeof(error)),
		     -E2BIG);
	cr_assert(strstr(error, "mmiod_object_cache_options"), "%s", error);
	cr_assert_null(cache);
	cr_assert_eq(mmiod_object_cache_create_sized(&options.known, sizeof(void *), &cache, error,
						     sizeof(error)),
		     -EINVAL, "the size of a pointer to it");
	options.more = 0;
	cr_assert_eq(mmiod_object_cache_create_sized(&options.known, sizeof(options), &cache, error,
						     sizeof(error)),
		     0);
	memset(&stats, 0xff, sizeof(stats));
	mmiod_object_cache_stats_sized(cache, &stats,
				       offsetof(struct mmiod_object_cache_stats, slot_size));
	cr_assert_eq(stats.object_size, 8);
	cr_assert_eq(stats.slot_size, SIZE_MAX, "not this program's");
	cr_assert_eq(mmiod_object_cache_destroy(cache), 0);
	cr_assert_eq(mmiod_slab_provider_free(provider), 0);
}

Test(sized, targets_keep_the_rule)
{
	struct newer_target target;
	char name[32];

	memset(&target, 0xff, sizeof(target));
	cr_assert_eq(mmiod_target_parse_sized("fpga+0x40", &target.known, sizeof(target), NULL, 0),
		     0);
	cr_assert_eq(target.known.offset, 0x40);
	cr_assert_eq(target.more, 0);
	cr_assert_eq(mmiod_target_parse_sized("fpga", (struct mmiod_target *)name, sizeof(name),
					      NULL, 0),
		     0);
	cr_assert_str_eq(name, "fpga");
}

/* ---- what is reached through another struct cannot grow: it has room ---- */

static void refused_write(struct mmiod_client *client, struct mmiod_register_write write)
{
	struct mmiod_want want = { .region = "shm", .on_end = &write, .on_end_count = 1 };
	struct mmiod_lease *lease;

	cr_assert_eq(mmiod_client_lease_many(client, &want, 1, 0, &lease, NULL), -EINVAL);
	cr_assert(strstr(mmiod_client_error(client), "write 1 at the end of a lease: its flags"),
		  "%s", mmiod_client_error(client));
}

Test(sized, what_is_reserved_in_a_register_write_must_be_zero)
{
	struct mmiod_client *client;
	struct fake fake;

	client = fake_serve(&fake, serve_none, NULL);
	refused_write(client, (struct mmiod_register_write){ .width = 4, .flags = 1 });
	refused_write(client, (struct mmiod_register_write){ .width = 4, .reserved = { 1, 0 } });
	refused_write(client, (struct mmiod_register_write){ .width = 4, .reserved = { 0, 1 } });
	fake_leave(&fake, client);
}
