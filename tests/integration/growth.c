// SPDX-License-Identifier: MIT
/*
 * A program that uses every struct that goes with its size, and says what came of it. growth.bats
 * builds it with today's header, and with one whose structs have grown by a member; ADDED is the
 * value of that member.
 */
#include <mmiod/mmiod.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef ADDED
#define ADD(object) ((object).added = (ADDED))
#else
#define ADD(object) ((void)(object))
#endif

static struct mmiod_client *client;

static int tell(const char *what, int result)
{
	printf("%s: %d%s%s\n", what, result, result < 0 ? " " : "",
	       result < 0 ? mmiod_client_error(client) : "");
	return result;
}

static void use_leases(void)
{
	struct mmiod_want wants[3] = { { .region = "shm", .length = 0x1000 },
				       { .region = "shm", .offset = 0x1000, .length = 0x1000 },
				       { .region = "shm", .offset = 0x3000, .length = 0x2000 } };
	struct mmiod_lease *leases[3];

	for (int i = 0; i < 3; i++)
		ADD(wants[i]);
	tell("lease", mmiod_client_lease_many(client, wants, 3, 0, leases, NULL));
	for (int i = 0; i < 3 && leases[i]; i++)
		printf("%#llx/%#llx\n", (unsigned long long)mmiod_lease_offset(leases[i]),
		       (unsigned long long)mmiod_lease_length(leases[i]));
	for (int i = 0; i < 3; i++)
		if (leases[i])
			mmiod_lease_release(leases[i]);
}

static void use_memory(void)
{
	struct mmiod_allocation want = { .memory = MMIOD_MEMORY_PAGES, .length = 1 };
	struct mmiod_slab_provider *provider;
	struct mmiod_buffer buffer;
	struct mmiod_lease *lease;

	ADD(want);
	if (!tell("allocate", mmiod_client_allocate(client, &want, &lease))) {
		tell("buffer", mmiod_client_buffer(client, mmiod_lease_id(lease), 0, &buffer));
		printf("%d %llu\n", buffer.memory, (unsigned long long)buffer.length);
		mmiod_lease_release(lease);
	}
	tell("provider", mmiod_slab_provider_from_pool(client, &want, &provider));
	mmiod_slab_provider_free(provider);
}

static void use_policy(void)
{
	struct mmiod_policy_question question = { .region = "shm" };
	struct mmiod_policy_answer answer;

	ADD(question);
	tell("explain", mmiod_client_explain(client, &question, &answer));
	printf("%d %s\n", answer.allowed, answer.grant);
}

static void use_target(void)
{
	struct mmiod_region_list *regions;
	struct mmiod_target target;

	if (mmiod_target_parse("shm+0x40:32", &target, NULL, 0))
		exit(1);
	printf("target: %s %#llx %u\n", target.region, (unsigned long long)target.offset,
	       target.width);
	ADD(target);
	if (tell("regions", mmiod_client_list_regions(client, &regions)))
		return;
	printf("found: %d\n", mmiod_region_list_find(regions, &target) != NULL);
	mmiod_region_list_free(regions);
}

static void use_objects(void)
{
	struct mmiod_object_cache_options options = { .name = "a", .object_size = 48 };
	struct mmiod_object_cache_stats stats;
	struct mmiod_slab_provider *provider;
	struct mmiod_object_cache *cache;
	char error[200];

	mmiod_slab_provider_anonymous(&provider);
	options.provider = provider;
	ADD(options);
	if (mmiod_object_cache_create(&options, &cache, error, sizeof(error))) {
		printf("cache: %s\n", error);
	} else {
		mmiod_object_cache_free(cache, mmiod_object_cache_alloc(cache));
		mmiod_object_cache_stats(cache, &stats);
		printf("cache: %s %zu %llu\n", stats.name, stats.object_size,
		       (unsigned long long)stats.slabs);
		mmiod_object_cache_destroy(cache);
	}
	mmiod_slab_provider_free(provider);
}

static void use_daemon(void)
{
	struct mmiod_status status;
	struct mmiod_event event;

	tell("status", mmiod_client_status(client, &status));
	printf("%u %s %d\n", status.leases, status.version, status.uid == getuid());
	tell("event", mmiod_client_next_event(client, &event));
}

int main(void)
{
	if (mmiod_client_connect(NULL, &client)) {
		fprintf(stderr, "%s\n", mmiod_client_error(NULL));
		return 1;
	}
	use_leases();
	use_memory();
	use_policy();
	use_target();
	use_objects();
	use_daemon();
	mmiod_client_free(client);
	return 0;
}
