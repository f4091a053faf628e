/* SPDX-License-Identifier: MIT */
/*
 * The blocks of a pool and how clean they are. Of each byte of a pool one of these holds: an extent
 * has it; it was given back and waits to be wiped, and is taken until then; it is free and suspect,
 * because nobody knows who had it before this daemon; or it is free and clean. A suspect one is
 * wiped before it is granted, so a daemon that was killed while it wiped has forgotten nothing: the
 * next one suspects all that is free.
 *
 * Plain data. The owner of the blocks does the wiping and says when it is done.
 */
#ifndef MMIOD_DAEMON_POOL_BLOCKS_H
#define MMIOD_DAEMON_POOL_BLOCKS_H

#include "base/interval.h"
#include "pool/pool.h"

/*
 * Blocks of one holder, who has a list of them: mostly of one, and of several where no one would do.
 * They belong to the holder until they are given back, all of them.
 */
struct extent {
	struct interval span;
	struct extent *prev, *next; /* in the holder's list, and then in the queue to be wiped */
};

struct blocks {
	struct pool *pool;
	uint64_t page;
	uint64_t handle; /* of the region, as claimed when the pool was made */
	bool wipe;
	struct interval_set suspect;
	struct interval_set dirty; /* of those in the queue */
	struct extent *queue;
	bool in_pieces; /* a part of it is free already */
	uint64_t begun; /* bytes of the first of the queue that have been wiped: less than a page */
	uint64_t wiping; /* bytes in the queue */
	void (*dirtied)(void *data); /* something waits to be wiped; may be NULL */
	void *data;
};

int blocks_new(struct blocks **blocksp, uint64_t size, uint64_t page, bool wipe);
struct blocks *blocks_destroy(struct blocks *blocks); /* extents stay their holders' */

int blocks_alloc(struct blocks *blocks, const struct pool_request *request, struct extent **list);
int blocks_scatter(struct blocks *blocks, const struct pool_request *request, uint32_t most,
		   struct extent **list);
int blocks_claim(struct blocks *blocks, uint64_t offset, uint64_t length, struct extent **list);
void blocks_cancel(struct blocks *blocks, struct extent *list);
void blocks_give_back(struct blocks *blocks, struct extent *list);
void extents_free(struct extent *list); /* of a pool that is no more */

int blocks_suspect_free(struct blocks *blocks);
bool blocks_next_suspect(const struct blocks *blocks, const struct extent *extent,
			 struct pool_extent *part);
int blocks_trust(struct blocks *blocks, uint64_t offset, uint64_t length);

/* The part to be wiped next; false: there is none. */
bool blocks_next_dirty(const struct blocks *blocks, struct pool_extent *part);
uint64_t blocks_suspect_bytes(const struct blocks *blocks, const struct extent *list);
void blocks_wiped(struct blocks *blocks, uint64_t length);

static inline uint64_t extent_length(const struct extent *extent)
{
	return extent->span.end - extent->span.start;
}

#endif
