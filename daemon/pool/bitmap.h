/* SPDX-License-Identifier: MIT */
/*
 * Inside of the pool: which pages are free.
 *
 * Level l keeps one bit for each unit of 64^l pages: set if the whole unit is free. A word is 64
 * units. When all of them are free the word becomes zero and one bit of the level above is set
 * instead, so every free page is said exactly once, merging is an OR, and memory that is zero is a
 * pool without a free page. The buddy blocks of order 6l + r are the longest aligned runs of 2^r
 * set bits within the words of level l.
 *
 * Where to look for a block is in the summary (summary.h). Together 1.41 bits a page.
 *
 * The words are the truth at all times. The summary does not know of a block in a bin (bins.h);
 * pool_settle() tells it.
 *
 * Only the files of this room include this.
 */
#ifndef MMIOD_DAEMON_POOL_BITMAP_H
#define MMIOD_DAEMON_POOL_BITMAP_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "pool/pool.h"

#define WORD_SHIFT 6
#define WORD_BITS (1u << WORD_SHIFT)
#define POOL_LEVELS 6 /* 64^6 pages: 256 TiB of 4 KiB pages */
#define POOL_DEPTH 5 /* lines above the words of level 0 */
#define LEVEL_ORDERS 6

#define BIN_PAGES WORD_BITS /* there is one for each length up to this, */
#define BIN_ORDERS 11u /* and for each longer block of an order below: 4 MiB of 4 KiB pages */
#define BINS (BIN_PAGES + BIN_ORDERS - LEVEL_ORDERS - 1)
#define BIN_ENTRIES 40u
#define BINNED_VAGUE 0x80 /* what the summary knows of the word may be wrong, as long as any is */

static_assert(POOL_ORDERS == POOL_LEVELS * LEVEL_ORDERS, "each level has six orders");
static_assert(WORD_BITS == 1 << LEVEL_ORDERS, "the orders of a level divide a word");

/* One cache line of the summary. Bit i of with[r]: the i-th word has a block of order r. */
struct pool_line {
	_Alignas(64) uint64_t with[LEVEL_ORDERS];
};

/* One cache line, for it is looked at all the time. */
struct pool_level {
	uint64_t *words;
	/* [0]: one for 64 words; [d]: the same of 64 lines of [d - 1]; one line at the top. */
	struct pool_line *lines[POOL_DEPTH];
	/* For each word: bit r: the summary lists it for order r; */
	uint8_t *orders;
	uint8_t *binned; /* how many entries the bins have for it, and BINNED_VAGUE */
	/* One for every unit of the pool, and for one that begins in it but ends behind it. */
	uint64_t n_words;
};

/*
 * Blocks of one length that were freed lately, newest last. They begin at multiples of the next
 * power of two. The constants say where they have their bits.
 */
struct pool_bin {
	uint64_t *words;
	uint8_t *binned;
	uint64_t run; /* as many bits as a block has units */
	uint64_t length; /* bytes of a block; 0: nothing is kept */
	uint64_t within; /* bytes: no block has any of these bits in its offset */
	uint64_t end; /* bytes: a block begins before it */
	uint32_t n;
	uint16_t pages; /* of a block; 0: there is none of that length in the pool */
	uint8_t order; /* of the smallest block that holds one */
	uint8_t level;
	uint8_t unit_shift; /* bytes to units */
	uint8_t below; /* words of level 0 that are a block's, if its bits are those of level 1 */
	_Alignas(64) uint64_t unit[BIN_ENTRIES]; /* the first of the block */
};

struct pool {
	uint64_t free_pages; /* without those in bins, each of whose entries is one block more */
	uint64_t size; /* bytes */
	uint64_t page_size;
	uint64_t bin_max; /* bytes of the largest block that there is a bin for; 0: none */
	uint8_t page_shift;
	uint8_t levels;
	uint8_t flags;
	bool binned; /* a block may be in a bin: the summary may not know all that is free */
	uint8_t depth[POOL_LEVELS]; /* of each level's lines */
	uint64_t pages;
	uint64_t nonempty; /* bit k: the summary lists a word for order k */
	struct pool_level level[POOL_LEVELS];
	/* [k]: for requests of up to 2^k bytes that are longer than 2^(k-1), or are a page. */
	struct pool_bin *bin_for[64];
	struct pool_bin bins[BINS]; /* [i]: for i + 1 pages; then one for each order */
	struct pool_bin no_bin; /* always empty */
	void *memory; /* of all levels */
	size_t memory_size;
};

/* A place in the words: bits from `bit` on in word `word` of level `level`. */
struct pool_place {
	unsigned int level;
	unsigned int bit;
	uint64_t word;
};

static inline uint64_t bits_mask(unsigned int count) /* 1 to 64 */
{
	return ~0ull >> (WORD_BITS - count);
}

static inline unsigned int bits_first(uint64_t word)
{
	return __builtin_ctzll(word);
}

static inline unsigned int log2_floor(uint64_t value)
{
	return 63 - __builtin_clzll(value);
}

static inline unsigned int log2_ceil(uint64_t value)
{
	return value > 1 ? log2_floor(value - 1) + 1 : 0;
}

static inline uint64_t place_page(const struct pool_place *place)
{
	return (place->word << WORD_SHIFT | place->bit) << (place->level * LEVEL_ORDERS);
}

/* Where an aligned run of 2^r bits may begin. */
static const uint64_t run_starts[LEVEL_ORDERS + 1] = {
	~0ull,
	0x5555555555555555,
	0x1111111111111111,
	0x0101010101010101,
	0x0001000100010001,
	0x0000000100000001,
	1,
};

/* The starts of all aligned runs of 2^r set bits. */
static inline uint64_t word_runs(uint64_t word, unsigned int r)
{
#pragma GCC unroll 6
	for (unsigned int s = 0; s < LEVEL_ORDERS; s++) {
		if (s == r)
			break;
		word &= word >> (1u << s) & run_starts[s + 1];
	}
	return word;
}

/* The starts of those that are no part of a longer one: the free blocks of this order. */
static inline uint64_t word_blocks(uint64_t word, unsigned int r)
{
	uint64_t runs = word_runs(word, r);
	uint64_t pairs = runs & runs >> (1u << r) & run_starts[r + 1];

	return runs & ~(pairs | pairs << (1u << r));
}

int bitmap_init(struct pool *pool);
void bitmap_destroy(struct pool *pool);
void bitmap_give(struct pool *pool, unsigned int l, uint64_t j, uint64_t mask);
void bitmap_give_range(struct pool *pool, uint64_t page, uint64_t count);
void bitmap_take_range(struct pool *pool, uint64_t page, uint64_t count);
void bitmap_carve(struct pool *pool, const struct pool_place *place, uint64_t count);
bool bitmap_all_taken(const struct pool *pool, uint64_t page, uint64_t count);
bool bitmap_cover(const struct pool *pool, uint64_t page, struct pool_place *place);
bool bitmap_next(const struct pool *pool, unsigned int order, uint64_t page,
		 struct pool_place *place);
unsigned int bitmap_order(const struct pool *pool, struct pool_place *place);
uint64_t bitmap_free_run(const struct pool *pool, uint64_t page, uint64_t most);

/* A request in pages, known to make sense. */
struct pool_want {
	uint64_t count;
	uint64_t alignment; /* at least 1 */
	uint64_t lower;
	uint64_t upper;
	unsigned int order; /* of the smallest block that holds count */
	bool anywhere; /* neither bounds nor alignment */
};

static inline bool pool_is_settled(const struct pool *pool)
{
	return !pool->binned;
}

int pool_examine(const struct pool *pool, const struct pool_request *request,
		 struct pool_want *want);
bool pool_find(const struct pool *pool, const struct pool_want *want, uint64_t *page);
bool pool_find_joined(const struct pool *pool, const struct pool_want *want, uint64_t *page);

#endif
