/* SPDX-License-Identifier: MIT */
/*
 * A pool: one range of bytes, from offset 0 to its size, handed out in pages as buddy blocks.
 *
 * All of its records are in ordinary memory; the range itself is never read or written, so it may
 * be slow, have side effects, or not exist. It knows of each page whether it is free, and nothing
 * about owners: who has what, and where each grant begins and ends, is in the caller's leases. So a
 * caller frees the range that it was granted, and a range of which any page is free already is
 * refused as a whole. No call corrupts the pool, whatever its arguments.
 *
 * Offsets, lengths, alignments and bounds are in bytes. Offsets and lengths are multiples of the
 * page size, except the length of a request, which is rounded up. Alignment is that of the offset
 * within the pool. Calls return 0 or -errno. Nothing here knows of sockets, devices, threads or
 * time: one thread at a time for each pool.
 */
#ifndef MMIOD_DAEMON_POOL_POOL_H
#define MMIOD_DAEMON_POOL_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define POOL_ORDERS 36 /* a block of order k is 2^k pages; pools are smaller than 2^36 pages */

struct pool;

enum pool_flags {
	/*
	 * merge with every free; else what returns in a length of up to 64 pages, or a power of two
	 * up to 1024, is kept for a while, for the next request for that length
	 */
	POOL_EAGER = 1 << 0,
	/* touch all records now, rather than at first use */
	POOL_PREFAULT = 1 << 1,
};

enum pool_request_flags {
	/* whole pages; else the next power of two */
	POOL_EXACT = 1 << 0,
	/* with POOL_EXACT: from the smallest sufficient block, not the one at the lowest offset */
	POOL_SMALLEST = 1 << 1,
	/*
	 * with POOL_EXACT: if no block will do, from blocks that are neighbours; a bounded search
	 */
	POOL_JOIN = 1 << 2,
};

struct pool_request {
	uint64_t length; /* 1 or more */
	uint64_t alignment; /* a power of two; 0: any */
	uint64_t lower; /* the grant begins here or above */
	uint64_t upper; /* and ends here or below; 0: the end of the pool */
	uint32_t flags;
};

struct pool_extent {
	uint64_t offset;
	uint64_t length;
};

/*
 * All of the range is free afterwards. Size: a multiple of the page size, 1 to 2^36 - 1 pages. Page
 * size: a power of two. -EINVAL: one of them is not; -E2BIG: more pages; -ENOMEM. Costs no more
 * than address space until pages are used.
 */
int pool_new(struct pool **pool, uint64_t size, uint64_t page_size, unsigned int flags);
struct pool *pool_destroy(struct pool *pool); /* NULL is fine; returns NULL */
void pool_destroyp(struct pool **pool);

/*
 * Without POOL_EXACT the length is rounded up to a power of two of pages, and every grant is
 * aligned to its own length. With it, a grant begins at a multiple of the next power of two and is
 * as long as asked; with POOL_JOIN as well, it may begin at any page if nothing else is left.
 * Unless bounds or an alignment are asked for, a block that was freed lately in the same length is
 * granted first, if the pool is not POOL_EAGER; and a power of two comes from the smallest
 * sufficient block, there the lowest. All else has the lowest offset that will do.
 *
 * -EINVAL: length 0, alignment not a power of two, bounds that are contradictory, outside or too
 * narrow; unknown flags. -E2BIG: the pool could never hold it. -ENOSPC: it cannot now.
 * pool_explain() has the words.
 */
int pool_alloc(struct pool *pool, const struct pool_request *request, struct pool_extent *grant);

/*
 * The same, in several extents, for where one will not do: blocks of a power of two of pages, each
 * at a multiple of its own length, the longest first, together as long as asked; bounds and alignment
 * apply to each of them. Returns how many, from 1 to `most`. Errors as above, and -EOVERFLOW: it
 * would have taken more than `most`. Whatever the error, nothing is taken.
 */
int pool_scatter(struct pool *pool, const struct pool_request *request, struct pool_extent *extents,
		 size_t most);

/*
 * A granted range, or a part of one, returns. Either all of it or nothing. -EINVAL: not pages,
 * length 0, or outside the pool; -ENOENT: some of it is free already.
 */
int pool_free(struct pool *pool, uint64_t offset, uint64_t length);

/*
 * Takes exactly this range, to rebuild a pool from a ledger. -EINVAL as above; -EBUSY: some of it
 * is taken already.
 */
int pool_claim(struct pool *pool, uint64_t offset, uint64_t length);

/*
 * A sentence about why a request failed with this error and what would have fitted, cut to the size
 * of the buffer.
 */
void pool_explain(struct pool *pool, const struct pool_request *request, int error, char *text,
		  size_t size);

/* Has blocks that came back lately found by where they are, and no longer by how long they were. */
void pool_settle(struct pool *pool);

uint64_t pool_size(const struct pool *pool);
uint64_t pool_page_size(const struct pool *pool);
uint64_t pool_free_bytes(const struct pool *pool);
uint64_t pool_largest(struct pool *pool); /* bytes of the largest free block */
void pool_blocks(
	struct pool *pool,
	uint64_t counts[POOL_ORDERS]); /* free blocks by order; takes time with their number */

/*
 * The extent from an offset on, to where free pages follow taken ones or the other way round.
 * False: behind the end. Begin with 0 and go on with offset + length of the last one. Grants that
 * touch are one extent here.
 */
bool pool_walk(struct pool *pool, uint64_t offset, struct pool_extent *extent, bool *is_free);

size_t pool_metadata(const struct pool *pool); /* bytes of records, touched or not */
/* All records against each other: 0, or -EUCLEAN and the pool is corrupt. */
int pool_check(struct pool *pool);

#endif
