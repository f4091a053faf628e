/* SPDX-License-Identifier: MIT */
/*
 * Parked leases: what the program has freed is kept for a while, file and mapping, and is the
 * program's again when it asks for the same. Neither takes a message: library and daemon share a page
 * with a word for each lease, and change it by compare-and-swap (MMIOD_OP_PARK in protocol.h). So the
 * daemon can take a parked lease at any time, and never one that is in use.
 *
 * The words are those of one connection. A lease is parked only while that lasts, and all that is
 * parked is closed when it is found to be over.
 *
 * The daemon takes a parked lease without asking, so none is parked that somebody else may use: by a
 * mapping, a view, a copy of its file, in a child.
 */
#include "lease/park.h"
#include "base/error.h"
#include "base/process.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#if __has_include(<sys/single_threaded.h>)
#include <sys/single_threaded.h>
#define is_single_threaded __libc_single_threaded
#else
#define is_single_threaded false
#endif

#define PARK_MS_MAX 3600000u
#define PARKED_MAX 64 /* of one client: each is a file descriptor */

static uint32_t *word_of(const struct mmiod_lease *lease)
{
	return &lease->client->parking.words[lease->park - 1];
}

static bool swap(const struct mmiod_lease *lease, enum mmiod_park_state from,
		 enum mmiod_park_state to)
{
	uint32_t expected = lease->park_held | from;

	return __atomic_compare_exchange_n(word_of(lease), &expected, lease->park_held | to, false,
					   __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

/* To a tick of the kernel's, and without asking it. */
static int64_t coarse_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static struct mmiod_lease *lease_of(struct link *link)
{
	return link_entry(link, struct mmiod_lease, link);
}

/* ---- closing --------------------------------------------------------------------------------- */

/* The daemon may tell of its end yet, which the program is not to hear of. */
static void drop(struct mmiod_lease *lease)
{
	struct parking *parking = &lease->client->parking;

	parking->dropped[parking->n_dropped++ % PARK_DROPPED] = lease->id;
	parking->count--;
	lease_destroy(lease);
}

/* The word says PARKED still: if the file lives on in a child, the daemon need not ask for it. */
static void drop_all(struct mmiod_client *client)
{
	struct link *leases = &client->parking.leases;

	while (leases->next != leases)
		drop(lease_of(leases->next));
}

/* Those whose time is over. Returns in how many milliseconds to look again; 0: none is left. */
static int64_t expire(struct mmiod_client *client)
{
	struct parking *parking = &client->parking;
	int64_t now = coarse_ms();

	while (parking->leases.prev != &parking->leases) {
		struct mmiod_lease *oldest = lease_of(parking->leases.prev);
		int64_t left = oldest->parked_ms + parking->ms - now;

		if (left > 0)
			return left;
		drop(oldest);
	}
	parking->wakes = false;
	return 0;
}

/* An event about a lease: true if the program knows nothing of that any more. */
static bool hears(struct mmiod_client *client, uint64_t id)
{
	struct parking *parking = &client->parking;

	for (struct link *link = parking->leases.next; link != &parking->leases; link = link->next)
		if (lease_of(link)->id == id) {
			drop(lease_of(link));
			return true;
		}
	for (size_t i = 0; id && i < PARK_DROPPED; i++)
		if (parking->dropped[i] == id)
			return true;
	return false;
}

void park_end(struct mmiod_client *client)
{
	struct parking *parking = &client->parking;

	drop_all(client);
	if (parking->words && client->owner == process_number())
		munmap(parking->words, parking->size);
	parking->words = NULL;
	parking->connection = 0;
	memset(parking->dropped, 0, sizeof(parking->dropped));
}

/* ---- the page -------------------------------------------------------------------------------- */

static size_t build_park(void *context, size_t index, void *buffer)
{
	struct mmiod_msg *request = buffer;

	request->opcode = MMIOD_OP_PARK;
	request->fixed = sizeof(*request);
	return sizeof(*request);
}

/* A child does not get it, and so parks nothing for its parent. */
static int map_page(struct mmiod_client *client, int fd, size_t size)
{
	void *words =
		fd < 0 ? MAP_FAILED : mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (words == MAP_FAILED)
		return client_fail(client, -errno, "the page for parked leases: %s",
				   strerror(errno));
	madvise(words, size, MADV_DONTFORK);
	client->parking.words = words;
	client->parking.page++;
	client->parking.size = size;
	return 0;
}

static int read_park(void *context, size_t index, struct reply *reply)
{
	struct mmiod_client *client = context;
	struct mmiod_msg_park_reply wire;
	int err = reply_status(client, reply);
	int fd;

	if (!err)
		err = message_fixed(&reply->message, &wire, sizeof(wire), MMIOD_V1_PARK_REPLY);
	if (!err && reply->packet->files != 1)
		err = reply->packet->files_lost ? -EMFILE : -EPROTO;
	if (err)
		return err;
	fd = packet_take(reply->packet, 0);
	err = map_page(client, fd, wire.words * sizeof(uint32_t));
	if (fd >= 0)
		close(fd);
	client->parking.n_words = wire.words;
	return err;
}

/* One page for each connection: what a daemon refuses is not asked for again. */
static int open_page(struct mmiod_client *client)
{
	struct exchange exchange = {
		.count = 1, .context = client, .build = build_park, .reply = read_park
	};
	int err;

	park_end(client);
	err = exchange_run(client, &exchange);
	if (err && client->parking.words)
		park_end(client);
	client->parking.connection = client->connections;
	return err;
}

/* Leases can do without. */
void park_prepare(struct mmiod_client *client)
{
	const struct parking *parking = &client->parking;

	if (!parking->ms || (client->sock >= 0 && parking->connection == client->connections))
		return;
	open_page(client);
	client->error[0] = '\0';
}

static void set_time(struct mmiod_client *client, uint32_t ms)
{
	client->parking.expire = expire;
	client->parking.hears = hears;
	client->parking.ms = ms;
}

MMIOD_EXPORT int mmiod_client_set_parking(struct mmiod_client *client, uint32_t park_ms)
{
	struct parking *parking = &client->parking;
	int err = client_check(client);

	if (err)
		return err;
	if (park_ms > PARK_MS_MAX)
		return client_fail(client, -EINVAL, "%u ms: a lease is parked for %u ms at most",
				   park_ms, PARK_MS_MAX);
	if (!park_ms)
		drop_all(client);
	set_time(client, park_ms);
	if (parking->count)
		renew_schedule(client, park_ms);
	if (!park_ms || (client->sock >= 0 && parking->words))
		return 0;
	err = open_page(client);
	if (err)
		parking->ms = 0;
	return err;
}

int park_begin(struct mmiod_client *client)
{
	const char *text = secure_getenv("MMIOD_PARK");
	unsigned long ms = 0;
	char *end = NULL;

	if (!text || !text[0])
		return 0;
	if (text[0] >= '0' && text[0] <= '9')
		ms = strtoul(text, &end, 10);
	if (!end || *end || ms > PARK_MS_MAX)
		return client_fail(client, -EINVAL,
				   "MMIOD_PARK=%.32s: use a number of milliseconds, 0 to %u", text,
				   PARK_MS_MAX);
	set_time(client, (uint32_t)ms);
	return 0;
}

/* ---- parking --------------------------------------------------------------------------------- */

static bool is_connected(const struct mmiod_client *client)
{
	return client->sock >= 0 && client->parking.connection == client->connections &&
	       client->parking.words;
}

/*
 * Whether the window is there, and nobody else has it. In a program with threads the module counts the
 * reference that the call itself takes; in simulation nobody knows.
 */
static bool is_ours_alone(const struct mmiod_lease *lease)
{
	struct mmiod_window_query query = { .size = sizeof(query), .users = UINT32_MAX };
	uint32_t known = (lease->kept.address != NULL) + !is_single_threaded;

	if (lease->simulated)
		return !lease->lost;
	return ioctl(lease->fd, MMIOD_IOC_QUERY, &query) == 0 && query.state == MMIOD_STATE_OK &&
	       query.users <= known;
}

static bool may_park(const struct mmiod_lease *lease)
{
	const struct mmiod_client *client = lease->client;

	return client && client->parking.ms && lease->asked && client->owner == process_number() &&
	       is_connected(client) && lease->park_page == client->parking.page &&
	       lease->park <= client->parking.n_words && lease->users.next == &lease->users;
}

/* One timer for all: it is for the oldest, and is set again when that is gone. */
static void wake_later(struct mmiod_client *client)
{
	if (client->parking.wakes)
		return;
	client->parking.wakes = true;
	renew_schedule(client, client->parking.ms);
}

bool park_put(struct mmiod_lease *lease)
{
	struct mmiod_client *client = lease->client;
	struct parking *parking;

	if (!may_park(lease) || !is_ours_alone(lease) ||
	    !swap(lease, MMIOD_PARK_HELD, MMIOD_PARK_PARKED))
		return false;
	parking = &client->parking;
	if (parking->count == PARKED_MAX)
		drop(lease_of(parking->leases.prev));
	link_remove(&lease->link);
	link_prepend(&parking->leases, &lease->link);
	parking->count++;
	lease->parked_ms = coarse_ms();
	wake_later(client);
	return true;
}

static bool is_for(const struct mmiod_lease *lease, const struct mmiod_wire_want *want)
{
	return !memcmp(lease->asked, want, sizeof(*want));
}

/*
 * The daemon tells by the word, unless it was killed and another one knows nothing of words: so the
 * module is asked, but for what it said within the same tick, which nobody has died and risen in.
 */
static bool is_there(const struct mmiod_lease *lease)
{
	return coarse_ms() == lease->parked_ms || is_ours_alone(lease);
}

/* False: the daemon has taken it, or its device sleeps. It is gone then. */
static bool take_back(struct mmiod_lease *lease)
{
	if (!swap(lease, MMIOD_PARK_PARKED, MMIOD_PARK_HELD) || !is_there(lease)) {
		drop(lease);
		return false;
	}
	link_remove(&lease->link);
	link_append(&lease->client->leases, &lease->link);
	lease->client->parking.count--;
	return true;
}

struct mmiod_lease *park_take(struct mmiod_client *client, const struct mmiod_wire_want *want)
{
	struct link *leases = &client->parking.leases, *next;

	if (!is_connected(client))
		return NULL;
	for (struct link *link = leases->next; link != leases; link = next) {
		struct mmiod_lease *lease = lease_of(link);

		next = link->next;
		if (is_for(lease, want) && take_back(lease))
			return lease;
	}
	return NULL;
}
