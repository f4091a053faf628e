/* SPDX-License-Identifier: MIT */
/*
 * Leases, and how they are asked for: want and allocate make the request, wait does it without
 * blocking, grant sends requests and makes leases of what is granted, and lease ends them.
 */
#ifndef MMIOD_LEASE_H
#define MMIOD_LEASE_H

#include "base/sized.h"
#include "wire/wire.h"

/* ---- lease.c ---- */

struct mmiod_lease {
	struct mmiod_client *client; /* NULL: freed before */
	struct link link; /* in client->leases */
	struct link users; /* struct lease_user */
	int fd;
	bool simulated; /* a memory file: the library keeps the rules that the module would */
	bool lost; /* simulated, and the connection that it came by is no more */
	uint64_t id;
	uint64_t offset; /* UINT64_MAX: it has several extents */
	uint64_t length;
	uint32_t n_extents; /* 0 and 1: one */
	uint64_t map_offset;
	unsigned int rights;
	enum mmiod_memtype memtype;
	enum mmiod_share share;
	unsigned int width;
	enum mmiod_memory memory;
	bool mappable;
	enum mmiod_irq_kind interrupt; /* of a vector; its offset is which; 0: it is none */
	unsigned int vectors; /* of its device */
	uint64_t iova; /* of DMA memory for a device file; MMIOD_NO_IOVA: it is none */
	struct renewal renewal;
	bool renews;
	uint32_t park; /* its word on the page, from 1; 0: it is not parked */
	uint32_t park_held; /* what that says while the lease is in use */
	unsigned int park_page; /* number of that page */
	struct mmiod_wire_want *asked; /* owned; NULL: it is not parked */
	int64_t parked_ms; /* while it is, since when */
	struct {
		void *address; /* NULL: none */
		uint64_t offset; /* in the window */
		size_t length;
	} kept; /* a mapping that the program freed, of a lease that may be parked */
};

/* For what is a multiple of a width: extents of which there are several begin at pages. */
static inline uint64_t lease_start(const struct mmiod_lease *lease)
{
	return lease->n_extents > 1 ? 0 : lease->offset;
}

/* It uses the file of a lease, which may end first. */
struct lease_user {
	struct link link; /* in lease->users */
	struct mmiod_lease *lease; /* NULL: freed before */
};

static inline void lease_use(struct mmiod_lease *lease, struct lease_user *user)
{
	user->lease = lease;
	link_append(&lease->users, &user->link);
}

int lease_fail(const struct mmiod_lease *lease, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

int lease_check_memory(const struct mmiod_lease *lease, uint64_t offset, uint64_t length);
void leases_disown(struct mmiod_client *client);
void leases_lose(struct mmiod_client *client, bool restarted);
void lease_release_ids(struct mmiod_client *client, const uint64_t *ids, size_t count);

/* ---- adopt.c ---- */

/* One without a client, and without a file yet. NULL: out of memory. @target may be NULL. */
struct mmiod_lease *lease_orphan(const struct mmiod_target *target);

/*
 * As mmiod_window_adopt(). @target: what is known of the window where its file does not tell; NULL:
 * nothing.
 */
int lease_adopt(int fd, const char *identity, const struct mmiod_target *target,
		struct mmiod_lease **lease);

/* ---- grant.c ---- */

/*
 * One call that asks for leases; @want is one of those wanted, as this library knows it. check()
 * may make the call's stride longer. build() writes a want into a zeroed element of the request, for
 * the daemon that the client has its connection to by now.
 * settle(), if there is one, finishes a lease that was granted, while the wants are there; when it
 * fails, the lease is given back.
 */
struct lease_call {
	struct mmiod_client *client;
	uint16_t opcode;
	const struct sized *kind; /* of what follows */
	const void *wants; /* the program's array */
	size_t size; /* of an element of it */
	size_t stride; /* of an element on the wire */
	int (*check)(struct lease_call *call, const void *want);
	void (*build)(const struct lease_call *call, const void *want, void *element);
	int (*settle)(const void *want, struct mmiod_lease *lease);
	/* NULL, or what a parked lease that was granted for the same want is found by. */
	struct mmiod_lease *(*again)(struct mmiod_client *client, const void *want);
	size_t count;
	unsigned int flags;
	uint32_t wait_ms; /* how long it may wait for others */
	struct mmiod_lease **leases;
	int *errors; /* NULL: the program does not care */

	/* grant.c's own */
	size_t batch; /* leases with one request */
	size_t granted;
	int first_error;
	char sentence[ERROR_MAX]; /* of the first error */
	uint64_t *lost; /* granted, but not usable here: to be given back */
	size_t lost_count;
};

extern const struct sized allocation_struct; /* of allocate.c */
/* Of kernel memory: has it allocated by this process. 0 or -errno. */
int lease_take_memory(const struct mmiod_lease *lease);

/* A vector that is asked for, by the room above. */
struct interrupt_want {
	const char *device;
	enum mmiod_irq_kind kind;
	unsigned int vector;
	unsigned int flags;
};

/* Memory for DMA that is asked for, by the room above. */
struct dma_want {
	uint64_t operation; /* lease */
	uint64_t length;
	uint64_t iova; /* 0: any */
	unsigned int flags;
};

/* An operation that is asked for, by the room above. */
struct operate_want {
	const char *device;
	unsigned int rights;
	unsigned int flags;
};

/* @what: the word for what has the name. */
int lease_check_name(struct mmiod_client *client, const char *what, const char *name);
int lease_check_region(struct mmiod_client *client, const char *region);
/* NULL and "": none is named. */
int lease_check_grant(struct mmiod_client *client, const char *grant);
int lease_ask(struct lease_call *call);
int lease_call_begin(struct lease_call *call);
size_t lease_call_build(void *call, size_t index, void *buffer);
int lease_call_read(void *call, size_t index, struct reply *reply);
int lease_call_finish(struct lease_call *call, int err);

/* ---- want.c ---- */

struct lease_call lease_call_for(struct mmiod_client *client, const struct mmiod_want *wants,
				 size_t size, size_t count, unsigned int flags);

#endif
