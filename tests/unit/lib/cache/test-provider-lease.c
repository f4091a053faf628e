/* SPDX-License-Identifier: MIT */
/*
 * Slabs of memory that the provider leases by itself, from a
 * daemon that counts; and what is told to it of the caches.
 */
#include "support/caches.h"
#include "support/fake.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define OPTIONS(...) ((struct mmiod_object_cache_options){ __VA_ARGS__ })
#define PAGE 4096u
#define LEASES_MAX 4096

/*
 * What the daemon saw. Read by the test when the daemon's
 * thread waits, as after each call that has an answer.
 */
struct pool {
	struct fake fake;
	uint32_t length; /* granularity of what is granted */
	size_t room; /* leases that it has left */
	uint64_t lie; /* how long a lease is said to be; 0: the truth */
	bool deaf; /* to PUBLISH, as an older daemon */
	uint64_t last;
	size_t live;
	size_t requests; /* ALLOC */
	size_t batch; /* elements of the last one */
	size_t releases; /* RELEASE */
	bool given[LEASES_MAX];
	struct mmiod_wire_alloc asked;
	uint64_t tell; /* event of this lease before the next answer; 0: none */
	enum mmiod_event_type event;
	struct mmiod_wire_cache caches[MMIOD_CACHES_MAX];
	size_t published;
	size_t publications;
};

static struct pool pool;
static struct mmiod_client *client;

static int block_file(uint64_t length)
{
	int fd = memfd_create("block", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, (off_t)length) < 0)
		abort();
	return fd;
}

static void grant(struct fake *fake, const struct mmiod_msg_lease *request)
{
	struct {
		struct mmiod_msg msg;
		struct mmiod_wire_granted granted[MMIOD_MSG_FDS_MAX];
		char text[32];
	} reply = { .text = "4 KiB would have fitted" };
	int fds[MMIOD_MSG_FDS_MAX] = { 0 };
	size_t files = 0;

	pool.requests++;
	pool.batch = request->msg.count;
	memcpy(&pool.asked, fake_element(request, 0), request->msg.stride);
	for (size_t i = 0; i < request->msg.count; i++) {
		struct mmiod_wire_granted *granted = &reply.granted[i];
		const struct mmiod_wire_alloc *want = fake_element(request, i);

		if (pool.live == pool.room) {
			granted->status = MMIOD_E_BUSY;
			granted->text.offset = offsetof(typeof(reply), text);
			granted->text.length = (uint32_t)strlen(reply.text);
			continue;
		}
		pool.live++;
		granted->lease = ++pool.last;
		pool.given[pool.last % LEASES_MAX] = true;
		granted->length = (want->length + pool.length - 1) / pool.length * pool.length;
		granted->rights = want->rights;
		granted->mmapable = 1;
		fds[files++] = block_file(granted->length);
		if (pool.lie)
			granted->length = pool.lie;
	}
	reply.msg = (struct mmiod_msg){ .size = sizeof(reply),
					.opcode = MMIOD_OP_ALLOC,
					.flags = MMIOD_MSG_REPLY,
					.fds = (uint8_t)files,
					.id = request->msg.id,
					.fixed = sizeof(reply.msg),
					.count = request->msg.count,
					.stride = sizeof(reply.granted[0]) };
	reply.msg.size = sizeof(reply);
	/* All of the array's room is sent: what is not of it lies behind, as text may. */
	fake_send(fake, &reply, sizeof(reply), fds, files);
	while (files)
		close(fds[--files]);
}

static void release(struct fake *fake, const struct mmiod_msg_end *request)
{
	const uint64_t *ids = (const uint64_t *)(request + 1);

	pool.releases++;
	for (size_t i = 0; i < request->msg.count; i++) {
		if (!pool.given[ids[i] % LEASES_MAX])
			abort();
		pool.given[ids[i] % LEASES_MAX] = false;
		pool.live--;
	}
	fake_end(fake, MMIOD_OK, "");
}

static void take_caches(struct fake *fake, const struct mmiod_msg *request)
{
	struct mmiod_msg reply = { .size = sizeof(reply),
				   .opcode = MMIOD_OP_PUBLISH,
				   .flags = MMIOD_MSG_REPLY,
				   .id = request->id,
				   .fixed = sizeof(reply) };

	pool.publications++;
	if (pool.deaf) {
		fake_refuse(fake, MMIOD_E_UNSUPPORTED, "unknown opcode");
		return;
	}
	pool.published = request->count;
	memcpy(pool.caches, request + 1, request->count * sizeof(pool.caches[0]));
	fake_send(fake, &reply, sizeof(reply), NULL, 0);
}

static void answer(struct fake *fake)
{
	const struct mmiod_msg *request = (const struct mmiod_msg *)fake->request;

	if (pool.tell)
		fake_event(fake, pool.event, pool.tell, "");
	pool.tell = 0;
	switch (request->opcode) {
	case MMIOD_OP_ALLOC:
		grant(fake, (const struct mmiod_msg_lease *)request);
		break;
	case MMIOD_OP_RELEASE:
		release(fake, (const struct mmiod_msg_end *)request);
		break;
	case MMIOD_OP_PUBLISH:
		take_caches(fake, request);
		break;
	default:
		fake_refuse(fake, MMIOD_E_UNSUPPORTED, "unknown opcode");
	}
}

static void serve_one(struct fake *fake)
{
	ssize_t n;

	while ((n = recv(fake->sock, fake->request, sizeof(fake->request), 0)) > 0)
		answer(fake);
	fake_hang_up(fake);
}

/* The program's client, and then the provider's; the first one says nothing meanwhile. */
static void serve_provider(struct fake *fake)
{
	int first;

	fake_accept_silently(fake);
	fake_greet(fake, MMIOD_BACKEND_SIMULATION);
	first = fake->sock;
	fake_accept_silently(fake);
	fake_greet(fake, MMIOD_BACKEND_SIMULATION);
	serve_one(fake);
	close(first);
}

/* Dies once, in the middle, and comes again. */
static void serve_and_restart(struct fake *fake)
{
	int first;

	fake_accept_silently(fake);
	fake_greet(fake, MMIOD_BACKEND_SIMULATION);
	first = fake->sock;
	fake_accept_silently(fake);
	fake_greet(fake, MMIOD_BACKEND_SIMULATION);
	fake_read(fake);
	answer(fake);
	fake_hang_up(fake);
	fake_accept_silently(fake);
	fake_greet(fake, MMIOD_BACKEND_SIMULATION);
	serve_one(fake);
	close(first);
}

static void serve_client(struct fake *fake)
{
	fake_accept_silently(fake);
	fake_greet(fake, MMIOD_BACKEND_SIMULATION);
	serve_one(fake);
}

static void start(void (*script)(struct fake *fake), size_t room)
{
	memset(&pool, 0, sizeof(pool));
	pool.length = PAGE;
	pool.room = room;
	client = fake_serve(&pool.fake, script, NULL);
}

static struct mmiod_slab_provider *provider_make(struct mmiod_allocation want)
{
	struct mmiod_slab_provider *provider;

	want.region = "vram";
	cr_assert_eq(mmiod_slab_provider_from_pool(client, &want, &provider), 0, "%s",
		     mmiod_client_error(client));
	return provider;
}

static void stop(struct mmiod_slab_provider *provider)
{
	cr_assert_eq(mmiod_slab_provider_free(provider), 0);
	fake_leave(&pool.fake, client);
}

static struct mmiod_object_cache *page_cache(struct mmiod_slab_provider *provider)
{
	return cache_make(OPTIONS(.object_size = PAGE, .slab_size = PAGE, .provider = provider,
				  .flags = MMIOD_OBJECT_CACHE_NO_MAGAZINES));
}

TestSuite(pool_provider, .timeout = 1200);

Test(pool_provider, leases_what_it_needs_and_gives_it_all_back)
{
	struct mmiod_slab_provider *provider;
	struct mmiod_object_cache *cache;
	size_t files = open_files();
	char *object;

	start(serve_provider, 100);
	provider = provider_make((struct mmiod_allocation){ .align = 2 * PAGE });
	cr_assert_eq(pool.requests, 0, "nothing before it is needed");
	cache = page_cache(provider);
	object = mmiod_object_cache_alloc(cache);
	cr_assert_not_null(object);
	cr_assert_eq(pool.live, 1);
	cr_assert_str_eq(pool.asked.region, "vram");
	cr_assert_eq(pool.asked.align, 2 * PAGE);
	cr_assert_eq(pool.asked.length, PAGE);
	cr_assert_eq(pool.asked.rights, MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE);
	memset(object, 1, PAGE);
	cr_assert_eq(mmiod_slab_provider_free(provider), -EBUSY);
	mmiod_object_cache_free(cache, object);
	cache_end(cache);
	cr_assert_eq(mmiod_slab_provider_shrink(provider), 1);
	cr_assert_eq(pool.live, 0);
	stop(provider);
	cr_assert_eq(open_files(), files);
}

Test(pool_provider, asks_in_batches_that_grow_with_what_is_in_use)
{
	struct mmiod_slab_provider *provider;
	struct mmiod_object_cache *cache;
	void *objects[256];

	start(serve_provider, LEASES_MAX);
	provider = provider_make((struct mmiod_allocation){ 0 });
	cache = page_cache(provider);
	for (size_t i = 0; i < 256; i++) {
		objects[i] = mmiod_object_cache_alloc(cache);
		cr_assert_not_null(objects[i]);
		memset(objects[i], (int)i, PAGE);
	}
	cr_assert_eq(pool.batch, MMIOD_MSG_FDS_MAX);
	cr_assert_leq(pool.requests, 32, "%zu requests", pool.requests);
	cr_assert_leq(pool.live, 256 + MMIOD_MSG_FDS_MAX);
	for (size_t i = 0; i < 256; i++)
		cr_assert_eq(((unsigned char *)objects[i])[PAGE - 1], i, "bytes of its own");
	mmiod_object_cache_free_bulk(cache, 256, objects);
	cr_assert_leq(pool.live, 16, "a few are kept: %zu", pool.live);
	cache_end(cache);
	stop(provider);
	cr_assert_eq(pool.live, 0);
}

Test(pool_provider, cuts_slabs_of_several_sizes_out_of_larger_blocks)
{
	struct mmiod_slab_provider *provider;
	struct mmiod_object_cache *small, *large;
	unsigned char *objects[2][32];

	start(serve_provider, 100);
	pool.length = 16 * PAGE;
	provider = provider_make((struct mmiod_allocation){ .length = 1 });
	small = page_cache(provider);
	large = cache_make(
		OPTIONS(.object_size = 4 * PAGE, .slab_size = 4 * PAGE, .provider = provider));
	for (int i = 0; i < 32; i++) {
		objects[0][i] = mmiod_object_cache_alloc(small);
		objects[1][i] = mmiod_object_cache_alloc(large);
		cr_assert_eq((uintptr_t)objects[1][i] % (4 * PAGE), 0, "aligned to its size");
		memset(objects[0][i], i, PAGE);
		memset(objects[1][i], 100 + i, 4 * PAGE);
	}
	cr_assert_eq(pool.live, 2 + 8);
	for (int i = 0; i < 32; i++) {
		cr_assert_eq(objects[0][i][PAGE - 1], i);
		cr_assert_eq(objects[1][i][4 * PAGE - 1], 100 + i);
		mmiod_object_cache_free(small, objects[0][i]);
		mmiod_object_cache_free(large, objects[1][i]);
	}
	cache_end(small);
	cache_end(large);
	stop(provider);
	cr_assert_eq(pool.live, 0);
}

Test(pool_provider, tells_what_the_daemon_says_when_there_is_no_more)
{
	struct mmiod_slab_provider *provider;
	struct mmiod_object_cache *cache;
	void *objects[8];
	size_t count = 0;

	start(serve_provider, 5);
	provider = provider_make((struct mmiod_allocation){ 0 });
	cache = page_cache(provider);
	while ((objects[count] = mmiod_object_cache_alloc(cache)))
		count++;
	cr_assert_eq(errno, EBUSY);
	cr_assert_eq(count, 5, "all that there is, although the batches ask for more");
	cr_assert_str_eq(mmiod_slab_provider_error(), "4 KiB would have fitted");
	mmiod_object_cache_free(cache, objects[--count]);
	cr_assert_not_null(objects[count++] = mmiod_object_cache_alloc(cache), "recovered");
	mmiod_object_cache_free_bulk(cache, count, objects);
	cache_end(cache);
	stop(provider);
}

Test(pool_provider, empties_of_one_size_make_room_for_another)
{
	struct mmiod_slab_provider *provider;
	struct mmiod_object_cache *small, *large;
	void *objects[4];

	start(serve_provider, 4);
	provider = provider_make((struct mmiod_allocation){ 0 });
	small = page_cache(provider);
	cr_assert_eq(mmiod_object_cache_alloc_bulk(small, 4, objects), 0);
	mmiod_object_cache_free_bulk(small, 4, objects);
	mmiod_object_cache_shrink(small);
	cr_assert_gt(pool.live, 0, "some are kept");
	large = cache_make(
		OPTIONS(.object_size = 2 * PAGE, .slab_size = 2 * PAGE, .provider = provider));
	for (int i = 0; i < 4; i++)
		cr_assert_not_null(objects[i] = mmiod_object_cache_alloc(large), "%s",
				   mmiod_slab_provider_error());
	mmiod_object_cache_free_bulk(large, 4, objects);
	cache_end(small);
	cache_end(large);
	stop(provider);
}

Test(pool_provider, survives_the_daemon)
{
	struct mmiod_slab_provider *provider;
	struct mmiod_object_cache *cache;
	void *before, *after;

	start(serve_and_restart, 100);
	provider = provider_make((struct mmiod_allocation){ 0 });
	cache = page_cache(provider);
	before = mmiod_object_cache_alloc(cache);
	memset(before, 1, PAGE);
	after = mmiod_object_cache_alloc(cache);
	cr_assert_not_null(after, "%s", mmiod_slab_provider_error());
	cr_assert_eq(*(char *)before, 1);
	cr_assert_eq(pool.live, 2);
	mmiod_object_cache_free(cache, before);
	mmiod_object_cache_free(cache, after);
	cache_end(cache);
	stop(provider);
}

static void nothing_more_of_a_lease_that(enum mmiod_event_type event)
{
	struct mmiod_slab_provider *provider;
	struct mmiod_object_cache *cache;
	void *objects[3];

	start(serve_provider, 100);
	pool.length = 2 * PAGE;
	provider = provider_make((struct mmiod_allocation){ .length = 2 * PAGE });
	cache = page_cache(provider);
	objects[0] = mmiod_object_cache_alloc(cache);
	cr_assert_eq(pool.last, 1);
	/* The event comes with another answer, here to giving back what is not there. */
	pool.event = event;
	pool.tell = 1;
	objects[1] = mmiod_object_cache_alloc(cache);
	cr_assert_eq(pool.live, 1, "the same block, because the event is not out yet");
	objects[2] = mmiod_object_cache_alloc(cache);
	cr_assert_eq(pool.live, 2);
	mmiod_object_cache_free(cache, objects[1]);
	mmiod_object_cache_shrink(cache);
	objects[1] = mmiod_object_cache_alloc(cache);
	cr_assert_eq(pool.live, 2);
	cr_assert_eq(objects[1], (char *)objects[2] + PAGE, "of the other block");
	mmiod_object_cache_free(cache, objects[0]);
	mmiod_object_cache_shrink(cache);
	cr_assert_eq(pool.live, 1, "the retired block went with its last slab");
	mmiod_object_cache_free(cache, objects[1]);
	mmiod_object_cache_free(cache, objects[2]);
	cache_end(cache);
	stop(provider);
	cr_assert_eq(pool.live, 0);
}

Test(pool_provider, gives_nothing_more_of_a_lease_that_is_revoked)
{
	nothing_more_of_a_lease_that(MMIOD_EVENT_REVOKED);
}

Test(pool_provider, gives_nothing_more_of_a_lease_that_is_asked_back)
{
	nothing_more_of_a_lease_that(MMIOD_EVENT_REVOKE_ASKED);
}

#define THREADS 4
#define ROUNDS 2000

static void *work(void *context)
{
	struct mmiod_object_cache *cache = context;
	unsigned char *objects[32];

	for (int round = 0; round < ROUNDS; round++) {
		unsigned char mark = (unsigned char)((uintptr_t)&mark >> 12 ^ (uintptr_t)round);

		for (int i = 0; i < 32; i++) {
			objects[i] = mmiod_object_cache_alloc(cache);
			if (!objects[i])
				return "no object";
			memset(objects[i], mark, 512);
		}
		for (int i = 0; i < 32; i++) {
			if (objects[i][0] != mark || objects[i][511] != mark)
				return "somebody else's bytes";
			mmiod_object_cache_free(cache, objects[i]);
		}
	}
	return NULL;
}

Test(pool_provider, serves_several_threads_while_the_program_uses_its_client)
{
	struct mmiod_slab_provider *provider;
	struct mmiod_object_cache *cache;
	pthread_t threads[THREADS];

	start(serve_provider, LEASES_MAX);
	provider = provider_make((struct mmiod_allocation){ 0 });
	cache = cache_make(OPTIONS(.object_size = 512, .slab_size = PAGE, .provider = provider,
				   .flags = MMIOD_OBJECT_CACHE_NO_MAGAZINES));
	for (int i = 0; i < THREADS; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, work, cache), 0);
	for (int i = 0; i < THREADS; i++) {
		void *wrong;

		pthread_join(threads[i], &wrong);
		cr_assert_null(wrong, "%s", (char *)wrong);
	}
	cache_end(cache);
	stop(provider);
	cr_assert_eq(pool.live, 0);
}

Test(pool_provider, refuses_what_cannot_hold_objects)
{
	struct mmiod_slab_provider *provider;
	struct mmiod_allocation want = { .region = "vram", .rights = MMIOD_RIGHT_READ };

	start(serve_client, 0);
	cr_assert_eq(mmiod_slab_provider_from_pool(client, &want, &provider), -EINVAL);
	cr_assert_null(provider);
	cr_assert_str_eq(mmiod_client_error(client),
			 "objects are written: read-only is not enough");
	want = (struct mmiod_allocation){ .region = "a-name-that-is-longer-than-32-characters" };
	cr_assert_eq(mmiod_slab_provider_from_pool(client, &want, &provider), -EINVAL);
	want = (struct mmiod_allocation){ .region = "vram", .length = UINT64_MAX };
	cr_assert_eq(mmiod_slab_provider_from_pool(client, &want, &provider), -EINVAL);
	stop(NULL);
}

/* ---- what is told of caches ---- */

/* It has the slabs that its file has room for; and less than a slab holds none. */
Test(pool_provider, does_not_believe_in_leases_longer_than_their_files)
{
	struct mmiod_slab_provider *provider;
	struct mmiod_object_cache *cache;
	void *objects[3];

	start(serve_provider, 100);
	pool.lie = UINT64_C(1) << 60;
	provider = provider_make((struct mmiod_allocation){ .length = 3 * PAGE });
	cache = page_cache(provider);
	cr_assert_eq(mmiod_object_cache_alloc_bulk(cache, 3, objects), 0);
	cr_assert_eq(pool.live, 1);
	pool.lie = PAGE - 1;
	errno = 0;
	cr_assert_null(mmiod_object_cache_alloc(cache));
	cr_assert_eq(errno, ENOMEM);
	cr_assert_str_eq(mmiod_slab_provider_error(),
			 "memory was granted, but cannot be mapped here");
	cr_assert_eq(pool.live, 1, "it was given back");
	mmiod_object_cache_free_bulk(cache, 3, objects);
	cache_end(cache);
	stop(provider);
}

TestSuite(publish, .timeout = 1200);

Test(publish, tells_the_figures_of_all_caches)
{
	struct mmiod_object_cache *caches[2];
	void *object;

	start(serve_client, 0);
	caches[0] = cache_make(OPTIONS(.name = "descriptor", .object_size = 48));
	caches[1] = cache_make(OPTIONS(.name = "frame", .object_size = 2048, .alignment = 64));
	object = mmiod_object_cache_alloc(caches[0]);
	cr_assert_eq(mmiod_client_publish_caches(client), 0, "%s", mmiod_client_error(client));
	cr_assert_eq(pool.published, 2);
	cr_assert_str_eq(pool.caches[0].name, "descriptor");
	cr_assert_eq(pool.caches[0].object_size, 48);
	cr_assert_eq(pool.caches[0].active, 1);
	cr_assert_eq(pool.caches[0].objects, 85);
	cr_assert_eq(pool.caches[0].bytes, PAGE);
	cr_assert_gt(pool.caches[0].host_bytes, 0);
	cr_assert_str_eq(pool.caches[1].name, "frame");
	cr_assert_eq(pool.caches[1].align, 64);
	cr_assert_eq(pool.caches[1].slabs, 0);
	mmiod_object_cache_free(caches[0], object);
	cache_end(caches[0]);
	cache_end(caches[1]);
	cr_assert_eq(mmiod_client_publish_caches(client), 0);
	cr_assert_eq(pool.published, 0, "none any more");
	stop(NULL);
}

Test(publish, as_many_as_may_be_and_no_more)
{
	struct mmiod_object_cache *caches[MMIOD_CACHES_MAX + 1];

	start(serve_client, 0);
	for (size_t i = 0; i < MMIOD_CACHES_MAX; i++)
		caches[i] = cache_make(OPTIONS(.object_size = 8));
	cr_assert_eq(mmiod_client_publish_caches(client), 0, "%s", mmiod_client_error(client));
	cr_assert_eq(pool.published, MMIOD_CACHES_MAX);
	caches[MMIOD_CACHES_MAX] = cache_make(OPTIONS(.object_size = 8));
	cr_assert_eq(mmiod_client_publish_caches(client), -E2BIG);
	cr_assert_str_eq(mmiod_client_error(client), "257 caches: a client publishes 256 at most");
	for (size_t i = 0; i <= MMIOD_CACHES_MAX; i++)
		cache_end(caches[i]);
	stop(NULL);
}

Test(publish, an_older_daemon_is_an_error_of_this_call_only)
{
	start(serve_client, 0);
	pool.deaf = true;
	cr_assert_eq(mmiod_client_publish_caches(client), -EOPNOTSUPP);
	cr_assert_str_eq(mmiod_client_error(client), "unknown opcode");
	stop(NULL);
}

Test(publish, by_itself_behind_other_calls_if_the_environment_wants_it)
{
	struct mmiod_object_cache *cache;
	struct mmiod_event event;

	setenv("MMIOD_CACHE_PUBLISH", "1", 1);
	start(serve_client, 0);
	cr_assert_eq(mmiod_client_next_event(client, &event), 0);
	cr_assert_eq(pool.publications, 0, "there is nothing to tell");
	client->published_ms -= 1000;
	cache = cache_make(OPTIONS(.object_size = 8));
	cr_assert_eq(mmiod_client_next_event(client, &event), 0);
	cr_assert_eq(pool.published, 1);
	cr_assert_eq(mmiod_client_next_event(client, &event), 0);
	cr_assert_eq(pool.publications, 1, "once a second");
	client->published_ms -= 1000;
	pool.given[1] = true;
	cr_assert_eq(mmiod_client_release(client, 1), 0);
	cr_assert_eq(pool.publications, 2);
	cache_end(cache);
	client->published_ms -= 1000;
	cr_assert_eq(mmiod_client_next_event(client, &event), 0);
	cr_assert_eq(pool.publications, 3);
	cr_assert_eq(pool.published, 0, "none any more");
	client->published_ms -= 1000;
	cr_assert_eq(mmiod_client_next_event(client, &event), 0);
	cr_assert_eq(pool.publications, 3, "and of that the daemon knows");
	stop(NULL);
}

Test(publish, never_by_itself_on_the_connection_of_a_provider)
{
	struct mmiod_slab_provider *provider;
	struct mmiod_object_cache *cache;
	void *object;

	setenv("MMIOD_CACHE_PUBLISH", "1", 1);
	start(serve_provider, 100);
	provider = provider_make((struct mmiod_allocation){ .length = PAGE });
	cache = page_cache(provider);
	object = mmiod_object_cache_alloc(cache);
	cr_assert_eq(pool.requests, 1);
	mmiod_object_cache_free(cache, object);
	cache_end(cache);
	cr_assert_eq(mmiod_slab_provider_shrink(provider), 1);
	cr_assert_eq(pool.releases, 1);
	cr_assert_eq(pool.publications, 0);
	stop(provider);
}

Test(publish, by_itself_leaves_the_sentence_of_a_failed_call_alone)
{
	struct mmiod_object_cache *cache;
	struct mmiod_event event;

	setenv("MMIOD_CACHE_PUBLISH", "1", 1);
	start(serve_client, 0);
	pool.deaf = true;
	cache = cache_make(OPTIONS(.object_size = 8));
	cr_assert_eq(mmiod_client_next_event(client, &event), 0);
	cr_assert_eq(pool.publications, 1);
	cr_assert_str_empty(mmiod_client_error(client));
	client->published_ms -= 5000;
	cr_assert_eq(mmiod_client_next_event(client, &event), 0);
	cr_assert_eq(pool.publications, 1, "who does not know it is not asked again");
	cache_end(cache);
	stop(NULL);
}
