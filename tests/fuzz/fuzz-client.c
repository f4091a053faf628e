// SPDX-License-Identifier: MIT
/*
 * The client library under libFuzzer, against a daemon that says whatever the input does
 * (script.h).
 *
 * An input is what the daemon is, and then the calls of a program, each with its arguments and,
 * behind them, the answers to its requests. Whatever the daemon says, an error has a sentence, the
 * result of a success can be looked at, texts are printable and end, and nothing is left behind.
 */
#include "script.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <unistd.h>
#include "lease/lease.h"

#define CALLS_MAX 64
#define LEASES 24

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct mmiod_client *client;
static struct mmiod_lease *leases[LEASES];

/* ---- results --------------------------------------------------------------------------------- */

static void text(const char *string, size_t room)
{
	cr_assert_lt(strlen(string), room);
	for (; *string; string++)
		cr_assert((unsigned char)*string >= 0x20 && *string != 0x7f);
}

/* A function's result: 1 when it succeeded. */
static bool good(int result)
{
	if (result >= 0)
		return true;
	cr_assert_gt(result, -4096);
	cr_assert(mmiod_client_error(client)[0]);
	cr_assert_lt(strlen(mmiod_client_error(client)), (size_t)ERROR_MAX);
	return false;
}

static void look_at_region(const struct mmiod_region *region)
{
	text(mmiod_region_name(region), 32);
	text(mmiod_region_device(region), 32);
	text(mmiod_region_model(region), 96);
	cr_assert_geq(mmiod_region_bar(region), INT32_MIN);
}

static void look_at_lease(const struct mmiod_lease_info *info)
{
	text(mmiod_lease_info_region(info), 32);
	text(mmiod_lease_info_comm(info), 16);
	text(mmiod_lease_info_unit(info), 64);
	for (int size = -1; size <= MMIOD_LEAF_SIZES; size++) {
		mmiod_lease_info_fault_leaves(info, (enum mmiod_leaf_size)size);
		mmiod_lease_info_populated_leaves(info, (enum mmiod_leaf_size)size);
	}
}

static void look_at_pool(const struct mmiod_pool *pool)
{
	text(mmiod_pool_name(pool), 32);
	cr_assert_neq(mmiod_pool_page(pool), 0);
	cr_assert_leq(mmiod_pool_orders(pool), 48u);
	for (unsigned int order = 0; order <= 48; order++)
		mmiod_pool_blocks(pool, order);
}

static void look_at_extent(const struct mmiod_extent *extent)
{
	text(mmiod_extent_comm(extent), 16);
	cr_assert_geq(mmiod_extent_offset(extent) + mmiod_extent_length(extent),
		      mmiod_extent_length(extent));
}

static void look_at_cache(const struct mmiod_cache_info *info)
{
	text(mmiod_cache_info_name(info), 32);
	text(mmiod_cache_info_comm(info), 16);
}

static void look_at_peer(const struct mmiod_peer *peer)
{
	text(mmiod_peer_comm(peer), 16);
	text(mmiod_peer_unit(peer), 128);
}

static void look_at_counter(const struct mmiod_counter *counter)
{
	text(mmiod_counter_region(counter), 32);
}

static void look_at_entry(const struct mmiod_log_entry *entry)
{
	text(mmiod_log_entry_region(entry), 32);
	text(mmiod_log_entry_grant(entry), 32);
	text(mmiod_log_entry_comm(entry), 16);
}

#define LOOK_AT_LIST(name, list_type, fetch, kind, look)         \
	static void name(void)                                   \
	{                                                        \
		struct list_type *list = NULL;                   \
                                                                 \
		if (good(fetch)) {                               \
			size_t count = kind##_count(list);       \
                                                                 \
			for (size_t i = 0; i < count; i++)       \
				look(kind##_get(list, i));       \
			cr_assert_null(kind##_get(list, count)); \
		} else {                                         \
			cr_assert_null(list);                    \
		}                                                \
		kind##_free(list);                               \
	}

LOOK_AT_LIST(list_regions, mmiod_region_list, mmiod_client_list_regions(client, &list),
	     mmiod_region_list, look_at_region)
LOOK_AT_LIST(list_leases, mmiod_lease_list, mmiod_client_list_leases(client, &list),
	     mmiod_lease_list, look_at_lease)
LOOK_AT_LIST(list_leases_after, mmiod_lease_list, mmiod_client_list_leases_after(client, 1, &list),
	     mmiod_lease_list, look_at_lease)
LOOK_AT_LIST(list_pools, mmiod_pool_list, mmiod_client_list_pools(client, &list), mmiod_pool_list,
	     look_at_pool)
LOOK_AT_LIST(map_pool, mmiod_pool_map, mmiod_client_map_pool(client, "pool", &list), mmiod_pool_map,
	     look_at_extent)
LOOK_AT_LIST(list_caches, mmiod_cache_list, mmiod_client_list_caches(client, &list),
	     mmiod_cache_list, look_at_cache)
LOOK_AT_LIST(list_peers, mmiod_peer_list, mmiod_client_list_peers(client, &list), mmiod_peer_list,
	     look_at_peer)
LOOK_AT_LIST(list_counters, mmiod_counter_list, mmiod_client_list_counters(client, &list),
	     mmiod_counter_list, look_at_counter)
LOOK_AT_LIST(list_log, mmiod_log_list, mmiod_client_list_log(client, &list), mmiod_log_list,
	     look_at_entry)

/* ---- questions ------------------------------------------------------------------------------- */

static void ask_status(void)
{
	struct mmiod_status status;

	good(mmiod_client_status(client, &status));
	text(status.version, sizeof(status.version));
	text(status.warning, sizeof(status.warning));
}

static void ask_policy(void)
{
	const uint32_t groups[3] = { 1, 2, 3 };
	struct mmiod_policy_question question = {
		.region = "shm", .other = script_byte() % 2, .groups = groups, .group_count = 3
	};
	struct mmiod_policy_answer answer;

	good(mmiod_client_explain(client, &question, &answer));
	text(answer.grant, sizeof(answer.grant));
	text(answer.file, sizeof(answer.file));
	text(answer.text, sizeof(answer.text));
	text(answer.instead, sizeof(answer.instead));
}

static void ask_buffer(void)
{
	struct mmiod_buffer buffer;

	good(mmiod_client_buffer(client, 1, 0, &buffer));
}

static void ask_extents(void)
{
	struct mmiod_lease_extent extents[3];
	int count = mmiod_client_lease_extents(client, 1, extents, 3);

	good(count);
	cr_assert(count < 0 || (count >= 1 && count <= 4096));
	for (int i = 0; i < count && i < 3; i++)
		cr_assert_gt(extents[i].length, 0u);
}

static void translate(void)
{
	struct mmiod_translation *translation;

	if (good(mmiod_client_translate(client, 1, 4096, &translation))) {
		text(mmiod_translation_region(translation), 32);
		cr_assert_leq(mmiod_translation_levels(translation), 5u);
		for (unsigned int i = 0; i <= 5; i++) {
			cr_assert_leq(mmiod_translation_level(translation, i), 5u);
			cr_assert_lt(mmiod_translation_shift(translation, i), 64u);
			mmiod_translation_entry(translation, i);
		}
	} else {
		cr_assert_null(translation);
	}
	mmiod_translation_free(translation);
}

static void ask_frame(void)
{
	struct mmiod_frame *frame;
	int err = script_byte() % 2 ? mmiod_client_frame(client, 1, &frame)
				    : mmiod_client_frame_at(client, 1, 4096, &frame);

	if (good(err))
		cr_assert(mmiod_frame_order(frame) >= -1 && mmiod_frame_order(frame) < 64);
	mmiod_frame_free(frame);
}

/* ---- leases ---------------------------------------------------------------------------------- */

static size_t free_place(void)
{
	for (size_t i = 0; i < LEASES; i++)
		if (!leases[i])
			return i;
	return LEASES;
}

static void keep(struct mmiod_lease *lease)
{
	size_t place = free_place();

	if (!lease)
		return;
	cr_assert_geq(mmiod_lease_fd(lease), 0);
	if (place < LEASES)
		leases[place] = lease;
	else
		mmiod_lease_free(lease);
}

static void keep_all(int result, struct mmiod_lease **got, const int *errors, size_t count)
{
	size_t granted = 0;

	good(result);
	for (size_t i = 0; i < count; i++) {
		cr_assert(!errors[i] == !!got[i]);
		granted += !!got[i];
		keep(got[i]);
	}
	cr_assert_eq(granted, result < 0 ? 0 : (size_t)result);
}

static void ask_leases(void)
{
	struct mmiod_want wants[20] = { 0 };
	struct mmiod_lease *got[20];
	uint8_t how = script_byte();
	size_t count = 1 + how % 20;
	int errors[20];

	for (size_t i = 0; i < count; i++)
		wants[i] = (struct mmiod_want){ .region = "shm", .lease_ms = how & 0x40 };
	keep_all(mmiod_client_lease_many(client, wants, count, how >> 7, got, errors), got, errors,
		 count);
}

static void allocate(void)
{
	struct mmiod_allocation wants[20] = { 0 };
	struct mmiod_lease *got[20];
	uint8_t how = script_byte();
	size_t count = 1 + how % 20;
	int errors[20];

	for (size_t i = 0; i < count; i++)
		wants[i] = (struct mmiod_allocation){ .memory = how >> 6 & 1, .region = "pool" };
	keep_all(mmiod_client_allocate_many(client, wants, count, how >> 7, got, errors), got,
		 errors, count);
}

static void give_back(void)
{
	size_t i = script_byte() % LEASES;

	if (leases[i] && good(mmiod_lease_release(leases[i])))
		leases[i] = NULL;
}

static void give_all_back(void)
{
	size_t count = 0;

	for (size_t i = 0; i < LEASES; i++)
		if (leases[i])
			leases[count++] = leases[i];
	for (size_t i = count; i < LEASES; i++)
		leases[i] = NULL;
	good(mmiod_client_release_many(client, leases, count));
}

static void let_go(void)
{
	size_t i = script_byte() % LEASES;

	mmiod_lease_free(leases[i]);
	leases[i] = NULL;
}

static void take_back(void)
{
	good(mmiod_client_revoke(client, script_byte(), 100));
}

static void release_by_number(void)
{
	good(mmiod_client_release(client, script_byte()));
}

/*
 * The mapping is not touched: that would raise SIGBUS where the daemon lied about the file's
 * length.
 */
static void map(void)
{
	struct mmiod_lease *lease = leases[script_byte() % LEASES];
	unsigned int flags = script_byte() % 4;
	struct mmiod_mapping *mapping;
	enum mmiod_state state;
	uint32_t value;

	if (!lease)
		return;
	if (good(mmiod_lease_map(lease, flags, &mapping)))
		cr_assert_not_null(mmiod_mapping_address(mapping));
	else
		cr_assert_null(mapping);
	mmiod_mapping_free(mapping);
	good(mmiod_lease_state(lease, &state));
	good(mmiod_lease_read(lease, UINT64_MAX, 4, 1, &value));
	if (lease->map_offset < 4096 && lease->length < 4096)
		good(mmiod_lease_read(lease, 0, 4, 1, &value));
}

static void use_objects(void)
{
	const struct mmiod_allocation want = { .region = "pool" };
	struct mmiod_object_cache_options options = { .name = "a", .object_size = 64 };
	struct mmiod_slab_provider *provider;
	struct mmiod_object_cache *cache;
	void *object;

	if (!good(mmiod_slab_provider_from_pool(client, &want, &provider)))
		return;
	options.provider = provider;
	cr_assert_eq(mmiod_object_cache_create(&options, &cache, NULL, 0), 0);
	object = mmiod_object_cache_alloc(cache);
	if (object)
		good(mmiod_client_publish_caches(client));
	else
		cr_assert(mmiod_slab_provider_error()[0]);
	mmiod_object_cache_free(cache, object);
	cr_assert_eq(mmiod_object_cache_destroy(cache), 0);
	cr_assert_eq(mmiod_slab_provider_free(provider), 0);
}

/* ---- what comes unasked ---------------------------------------------------------------------- */

static void take_event(void)
{
	struct mmiod_event event;

	if (mmiod_client_next_event(client, &event) != 1)
		return;
	cr_assert(event.type >= MMIOD_EVENT_REVOKE_ASKED && event.type <= MMIOD_EVENT_EXPIRING);
	text(event.text, sizeof(event.text));
}

static void take_notice(void)
{
	struct mmiod_notice *notice;

	if (mmiod_client_next_notice(client, &notice) == 1) {
		text(mmiod_notice_region(notice), 32);
		text(mmiod_notice_comm(notice), 16);
		text(mmiod_notice_text(notice), 256);
	} else {
		cr_assert_null(notice);
	}
	mmiod_notice_free(notice);
}

static void monitor(void)
{
	good(mmiod_client_monitor(client, script_byte() % 2));
}

static void set_wait(void)
{
	mmiod_client_set_wait(client, script_byte() * 100u);
}

/* ---- the whole of an input ------------------------------------------------------------------- */

/* In the order of the numbers that the seeds call them by. */
static void (*const calls[])(void) = {
	ask_status, list_regions,  list_leases, list_leases_after, list_pools,
	map_pool,   list_caches,   list_peers,	list_counters,	   ask_policy,
	ask_buffer, translate,	   ask_frame,	ask_leases,	   allocate,
	give_back,  give_all_back, let_go,	take_back,	   release_by_number,
	map,	    use_objects,   take_event,	take_notice,	   monitor,
	set_wait,   list_log,	   ask_extents,
};

static size_t open_files(void)
{
	DIR *directory = opendir("/proc/self/fd");
	size_t count = 0;

	while (readdir(directory))
		count++;
	closedir(directory);
	return count;
}

static void use_library(void)
{
	for (int i = 0; i < CALLS_MAX && script < script_end; i++)
		calls[script_byte() % (sizeof(calls) / sizeof(*calls))]();
	for (size_t i = 0; i < LEASES; i++) {
		mmiod_lease_free(leases[i]);
		leases[i] = NULL;
	}
	mmiod_client_free(client);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t files;
	uint8_t what;

	script_begin();
	files = open_files();
	script = data;
	script_end = data + size;
	what = script_byte();
	script_greets = what % 2 == 0;
	script_backend = what % 4 < 2 ? MMIOD_BACKEND_SIMULATION : MMIOD_BACKEND_MODULE;
	if (mmiod_client_connect("/nobody", &client)) {
		cr_assert(mmiod_client_error(NULL)[0]);
		cr_assert_null(client);
	} else {
		use_library();
	}
	script_finish();
	cr_assert_eq(open_files(), files);
	return 0;
}
