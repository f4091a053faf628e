/* SPDX-License-Identifier: MIT */
/*
 * The figures of all object caches, told to the daemon in one request: when the program asks for
 * it, or, if the environment does, behind other requests of the program, because the library has no
 * thread of its own.
 */
#include "cache/cache.h"
#include "base/error.h"
#include "wire/wire.h"

#include <stdlib.h>
#include <string.h>

#define INTERVAL_MS 1000

struct publish {
	struct mmiod_client *client;
	size_t count; /* of all caches, even of those that found no room */
	struct mmiod_msg *request;
};

static_assert(MMIOD_OBJECT_CACHE_NAME_MAX <= MMIOD_WIRE_NAME, "names fit");
static_assert(sizeof(struct mmiod_msg) + MMIOD_CACHES_MAX * sizeof(struct mmiod_wire_cache) <=
		      MMIOD_MSG_MAX,
	      "all that may be told at once fits");

static void add_cache(void *context, const struct mmiod_object_cache_stats *stats)
{
	struct publish *publish = context;
	struct mmiod_wire_cache *caches = (struct mmiod_wire_cache *)(publish->request + 1);
	size_t index = publish->count++;

	if (index >= MMIOD_CACHES_MAX)
		return;
	caches[index] = (struct mmiod_wire_cache){
		.object_size = stats->object_size,
		.align = stats->alignment,
		.slab_size = stats->slab_size,
		.active = stats->active_objects,
		.objects = stats->total_objects,
		.slabs = stats->slabs,
		.bytes = stats->slabs * stats->slab_size,
		.host_bytes = stats->host_bytes,
		.per_slab = stats->objects_per_slab,
		.flags = stats->flags,
	};
	memcpy(caches[index].name, stats->name, sizeof(stats->name));
}

static int prepare(struct publish *publish)
{
	struct mmiod_msg *request =
		calloc(1, sizeof(*request) + MMIOD_CACHES_MAX * sizeof(struct mmiod_wire_cache));

	publish->request = request;
	if (!request)
		return client_fail(publish->client, -ENOMEM, "out of memory");
	figures_visit(add_cache, publish);
	request->opcode = MMIOD_OP_PUBLISH;
	request->fixed = sizeof(*request);
	request->stride = sizeof(struct mmiod_wire_cache);
	request->count =
		(uint32_t)(publish->count < MMIOD_CACHES_MAX ? publish->count : MMIOD_CACHES_MAX);
	request->size = (uint32_t)(sizeof(*request) + request->count * request->stride);
	return 0;
}

static int read_published(void *context, size_t index, struct reply *reply)
{
	struct publish *publish = context;

	return reply_status(publish->client, reply);
}

static int send_prepared(struct publish *publish)
{
	struct exchange exchange = { .count = 1,
				     .context = publish,
				     .prepared = publish->request,
				     .reply = read_published };

	return exchange_run(publish->client, &exchange);
}

MMIOD_EXPORT int mmiod_client_publish_caches(struct mmiod_client *client)
{
	struct publish publish = { .client = client };
	int err = client_check(client);

	if (!err)
		err = prepare(&publish);
	if (!err && publish.count > MMIOD_CACHES_MAX)
		err = client_fail(client, -E2BIG, "%zu caches: a client publishes %u at most",
				  publish.count, MMIOD_CACHES_MAX);
	if (!err)
		err = send_prepared(&publish);
	free(publish.request);
	return err;
}

/* ---- as the environment says ---- */

static bool is_due(const struct mmiod_client *client, int64_t now)
{
	return client->connections != client->published_connection ||
	       now - client->published_ms >= INTERVAL_MS;
}

/*
 * Nothing of what happens here is the program's affair: its call has succeeded, and has its own
 * sentence.
 */
static void publish_again(struct mmiod_client *client)
{
	struct publish publish = { .client = client };
	int64_t now = clock_ms();
	char error[ERROR_MAX];
	int err;

	if (!is_due(client, now))
		return;
	client->published_ms = now;
	client->publishes = false; /* while this is under way */
	memcpy(error, client->error, sizeof(error));
	err = prepare(&publish);
	if (!err && (publish.count || client->published))
		err = send_prepared(&publish);
	free(publish.request);
	memcpy(client->error, error, sizeof(error));
	client->published_connection = client->connections;
	client->published = publish.count;
	client->publishes = err != -EOPNOTSUPP;
}

/* There is a cache: from now on, whichever client is to publish does. */
void publish_begin(void)
{
	__atomic_store_n(&client_after_exchange, publish_again, __ATOMIC_RELEASE);
}
