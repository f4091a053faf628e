// SPDX-License-Identifier: MIT
/*
 * A pool in pieces, and a program that may have several of them:
 *
 *	pieces riddle POOL UNIT		takes every other UNIT bytes of a pool of which nothing is taken
 *	pieces ask POOL BYTES [MOST]	allocates so much, in up to MOST extents (0: any number)
 *
 * The first says "riddled COUNT". The second says "refused ERRNO SENTENCE"; or "lease ID COUNT OFFSET"
 * and a line "OFFSET LENGTH" for each extent, and "found COUNT", the pages of its window, seen as one,
 * that do not begin with zeros; then it writes to each of them WORD and the page's number, and says
 * "written". From then on it answers a line on its standard input by "same" if its extents
 * and its pages are as they were. Both stay until that ends.
 *
 * With OLD it is built as it was before struct mmiod_allocation knew of extents.
 */
#include <mmiod/mmiod.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORD 0x5ca77e00u
#define BATCH 16
#define EXTENTS_MAX 4096

static struct mmiod_client *client;

static int fail(const char *what, int err)
{
	printf("%s: %d %s\n", what, -err, mmiod_client_error(client));
	return 1;
}

static void stay(void)
{
	fflush(stdout);
	while (getchar() != EOF)
		;
}

static uint64_t pool_length(const char *name)
{
	struct mmiod_pool_list *list;
	uint64_t length = 0;

	if (mmiod_client_list_pools(client, &list))
		return 0;
	for (size_t i = 0; i < mmiod_pool_list_count(list); i++)
		if (!strcmp(mmiod_pool_name(mmiod_pool_list_get(list, i)), name))
			length = mmiod_pool_length(mmiod_pool_list_get(list, i));
	mmiod_pool_list_free(list);
	return length;
}

static int riddle(const char *pool, uint64_t unit)
{
	uint64_t length = pool_length(pool), taken = 0;

	for (uint64_t at = unit; at < length; at += 2 * BATCH * unit) {
		struct mmiod_allocation wants[BATCH] = { 0 };
		struct mmiod_lease *leases[BATCH];
		size_t count = 0;
		int n;

		for (uint64_t low = at; count < BATCH && low < length; low += 2 * unit)
			wants[count++] = (struct mmiod_allocation){
				.region = pool, .length = unit, .low = low, .high = low + unit
			};
		n = mmiod_client_allocate_many(client, wants, count, MMIOD_LEASE_ALL, leases, NULL);
		if (n < 0)
			return fail("riddle", n);
		taken += (uint64_t)n;
	}
	printf("riddled %llu\n", (unsigned long long)taken);
	stay();
	return 0;
}

#ifndef OLD
static struct mmiod_lease_extent extents[EXTENTS_MAX];

static int say_extents(const struct mmiod_lease *lease)
{
	int count = mmiod_lease_extents(lease, extents, EXTENTS_MAX);

	if (count < 0)
		return fail("extents", count);
	printf("lease %llu %d 0x%llx\n", (unsigned long long)mmiod_lease_id(lease), count,
	       (unsigned long long)mmiod_lease_offset(lease));
	for (int i = 0; i < count; i++)
		printf("0x%llx 0x%llx\n", (unsigned long long)extents[i].offset,
		       (unsigned long long)extents[i].length);
	return 0;
}

static const char *compare(const struct mmiod_lease *lease, const volatile uint32_t *words)
{
	static struct mmiod_lease_extent again[EXTENTS_MAX];
	int count = mmiod_lease_extents(lease, again, EXTENTS_MAX);
	uint32_t pages = (uint32_t)(mmiod_lease_length(lease) / mmiod_page_size());

	if (count < 0)
		return mmiod_client_error(client);
	if (memcmp(again, extents, (size_t)count * sizeof(again[0])))
		return "other extents";
	for (uint32_t i = 0; i < pages; i++)
		if (words[i * mmiod_page_size() / 4] != WORD + i)
			return "other words";
	return "same";
}

static int use(struct mmiod_lease *lease)
{
	uint32_t pages = (uint32_t)(mmiod_lease_length(lease) / mmiod_page_size()), found = 0;
	struct mmiod_mapping *mapping;
	volatile uint32_t *words;
	int err = mmiod_lease_map(lease, 0, &mapping);

	if (err)
		return fail("map", err);
	words = mmiod_mapping_address(mapping);
	for (uint32_t i = 0; i < pages; i++)
		found += words[i * mmiod_page_size() / 4] != 0;
	printf("found %u\n", found);
	for (uint32_t i = 0; i < pages; i++)
		words[i * mmiod_page_size() / 4] = WORD + i;
	puts("written");
	fflush(stdout);
	for (int c = getchar(); c != EOF; c = getchar())
		if (c == '\n') {
			puts(compare(lease, words));
			fflush(stdout);
		}
	return 0;
}
#endif

static int ask(const char *pool, uint64_t length, const char *most)
{
	struct mmiod_allocation want = { .region = pool, .length = length };
	struct mmiod_lease *lease;
	int err;

#ifndef OLD
	want.max_extents = most ? (uint32_t)strtoul(most, NULL, 0) : 0;
#endif
	err = mmiod_client_allocate(client, &want, &lease);
	if (err) {
		printf("refused %d %s\n", -err, mmiod_client_error(client));
		return 0;
	}
#ifdef OLD
	printf("lease %llu 1 0x%llx\n", (unsigned long long)mmiod_lease_id(lease),
	       (unsigned long long)mmiod_lease_offset(lease));
	stay();
	return 0;
#else
	return say_extents(lease) ? 1 : use(lease);
#endif
}

int main(int argc, char **argv)
{
	int err = mmiod_client_connect(NULL, &client);

	if (err)
		return fail("connect", err);
	if (argc == 4 && !strcmp(argv[1], "riddle"))
		return riddle(argv[2], strtoull(argv[3], NULL, 0));
	if (argc >= 4 && !strcmp(argv[1], "ask"))
		return ask(argv[2], strtoull(argv[3], NULL, 0), argv[4]);
	return 2;
}
