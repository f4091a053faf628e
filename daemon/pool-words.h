/* SPDX-License-Identifier: MIT */
/*
 * Inside of the pool: which pages are free, and an index from each order to the words that have such a block.
 *
 * Level l keeps one bit for each unit of 64^l pages: set if the whole unit is free. A word is 64 units. When all of
 * them are free the word becomes zero and one bit of the level above is set instead, so every free page is said exactly
 * once, merging is an OR, and memory that is zero is a pool without a free page. The buddy blocks of order 6l + r are
 * the longest aligned runs of 2^r set bits within the words of level l.
 *
 * The index has for each order a bitmap of the words that hold such a block, or with POOL_LOWEST such a run, with summaries of 64:1 above it. The orders of
 * one level lie side by side in a cache line, so that "this order or any higher one" costs no more memory accesses.
 *
 * Together 1.4 bits a page. Only the files pool*.c include this.
 */
#ifndef MMIOD_DAEMON_POOL_WORDS_H
#define MMIOD_DAEMON_POOL_WORDS_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "pool.h"

#define WORD_SHIFT 6
#define WORD_BITS (1u << WORD_SHIFT)
#define POOL_LEVELS 6 /* 64^6 pages: 256 TiB of 4 KiB pages */
#define POOL_DEPTH 5 /* summaries above the words of level 0 */
#define LEVEL_ORDERS 6

#define STASH_ORDERS 11 /* up to 4 MiB with pages of 4 KiB */
#define STASH_ENTRIES 32u /* a power of two */
#define STASH_SLOTS (STASH_ORDERS * STASH_ENTRIES)

static_assert(POOL_ORDERS == POOL_LEVELS * LEVEL_ORDERS, "each level has six orders");
static_assert(WORD_BITS == 1 << LEVEL_ORDERS, "the orders of a level divide a word");

struct pool_line {
	_Alignas(64) uint64_t order
		[8]; /* one bit for each of 64 words, or of 64 lines below; the last two unused */
};

/*
 * What the index knows about a word: bit r is set if it is listed for order r of its level. The bits above are the slot
 * that tells which of its free bits the index has not been told of; zero if there are none.
 */
typedef uint16_t pool_mark;
#define MARK_ORDERS ((1u << LEVEL_ORDERS) - 1)
static_assert(STASH_SLOTS < 1u << (16 - LEVEL_ORDERS), "a mark has room for every slot");

/* One cache line, for it is looked at all the time. */
struct pool_level {
	uint64_t *words;
	pool_mark *marks; /* one for each word */
	struct pool_line
		*lines[POOL_DEPTH]; /* [0] over words, [d] over [d - 1], one line at the top */
	uint64_t
		n_words; /* one for every unit of the pool, and for one that begins in it but ends behind it */
};

/*
 * Blocks of one order that were freed lately, newest last. A hint only, for a block may have been taken or merged in the
 * meantime. The constants say where blocks of the order have their bits.
 */
struct pool_stash {
	uint64_t *words;
	pool_mark *marks;
	uint64_t run; /* as many bits as a block has units */
	uint8_t level;
	uint8_t unit_shift; /* pages to units */
	uint8_t order;
	uint16_t first_slot; /* each entry has a slot of its own */
	uint16_t oldest; /* the entries are [oldest, newest) modulo STASH_ENTRIES; both run free */
	uint16_t newest;
	_Alignas(64) uint64_t unit[STASH_ENTRIES]; /* the first of the block */
};

struct pool {
	uint64_t free_pages;
	uint64_t size; /* bytes */
	uint64_t stash_max; /* bytes of the largest block that the stash takes; 0: none */
	uint8_t page_shift;
	uint8_t levels;
	uint8_t flags;
	uint8_t depth[POOL_LEVELS]; /* of each level's lines */
	uint64_t pages;
	uint64_t nonempty; /* bit k: the index lists a word for order k */
	struct pool_level level[POOL_LEVELS];
	struct pool_stash stash[STASH_ORDERS];
	uint64_t slots[STASH_SLOTS +
		       1]; /* free bits of one word that the index does not know; [0] stays 0 */
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
	for (unsigned int s = 0; s < r; s++)
		word &= word >> (1u << s) & run_starts[s + 1];
	return word;
}

/* The starts of those that are no part of a longer one: the free blocks of this order. */
static inline uint64_t word_blocks(uint64_t word, unsigned int r)
{
	uint64_t runs = word_runs(word, r);
	uint64_t pairs = runs & runs >> (1u << r) & run_starts[r + 1];

	return runs & ~(pairs | pairs << (1u << r));
}

/* Bit r is set if the word has a block of order r; one step of word_blocks() for each order. */
static inline unsigned int word_orders(uint64_t word)
{
	unsigned int orders = 0;

#pragma GCC unroll 6
	for (unsigned int r = 0; r < LEVEL_ORDERS; r++) {
		uint64_t pairs = word & word >> (1u << r) & run_starts[r + 1];

		orders |= (unsigned int)(word != (pairs | pairs << (1u << r))) << r;
		word = pairs;
	}
	return orders;
}

/* Bit r is set if the word has a run of order r, as a block of its own or within a longer one. */
static inline unsigned int word_reach(uint64_t word)
{
	unsigned int orders = 0;

#pragma GCC unroll 6
	for (unsigned int r = 0; r < LEVEL_ORDERS; r++) {
		orders |= (unsigned int)(word != 0) << r;
		word &= word >> (1u << r) & run_starts[r + 1];
	}
	return orders;
}

/* What the index is to say about a word. */
static inline unsigned int word_listing(const struct pool *pool, uint64_t word)
{
	return pool->flags & POOL_LOWEST ? word_reach(word) : word_orders(word);
}

static inline void index_set(struct pool *pool, unsigned int l, unsigned int r, uint64_t i)
{
	struct pool_level *level = &pool->level[l];

	for (unsigned int d = 0; d < pool->depth[l]; d++, i >>= WORD_SHIFT) {
		uint64_t *word = &level->lines[d][i >> WORD_SHIFT].order[r], old = *word;

		*word = old | 1ull << (i % WORD_BITS);
		if (old)
			return;
	}
	pool->nonempty |= 1ull << (l * LEVEL_ORDERS + r);
}

static inline void index_clear(struct pool *pool, unsigned int l, unsigned int r, uint64_t i)
{
	struct pool_level *level = &pool->level[l];

	for (unsigned int d = 0; d < pool->depth[l]; d++, i >>= WORD_SHIFT) {
		uint64_t *word = &level->lines[d][i >> WORD_SHIFT].order[r];

		if (*word &= ~(1ull << (i % WORD_BITS)))
			return;
	}
	pool->nonempty &= ~(1ull << (l * LEVEL_ORDERS + r));
}

/* The first word listed for an order that is not empty. */
static inline uint64_t index_first(const struct pool *pool, unsigned int l, unsigned int r)
{
	const struct pool_level *level = &pool->level[l];
	uint64_t i = 0;

	for (unsigned int d = pool->depth[l]; d--;)
		i = i << WORD_SHIFT | bits_first(level->lines[d][i].order[r]);
	return i;
}

/* Those listed for this order or a higher one of the level. */
static inline uint64_t line_from(const struct pool_line *line, unsigned int r)
{
	uint64_t any = line->order[LEVEL_ORDERS - 1];

	switch (r) {
	case 0:
		any |= line->order[0];
		/* fall through */
	case 1:
		any |= line->order[1];
		/* fall through */
	case 2:
		any |= line->order[2];
		/* fall through */
	case 3:
		any |= line->order[3];
		/* fall through */
	case 4:
		any |= line->order[4];
		/* fall through */
	default:
		return any;
	}
}

static inline uint64_t index_first_from(const struct pool *pool, unsigned int l, unsigned int r)
{
	const struct pool_level *level = &pool->level[l];
	uint64_t i = 0;

	for (unsigned int d = pool->depth[l]; d--;)
		i = i << WORD_SHIFT | bits_first(line_from(&level->lines[d][i], r));
	return i;
}

/* Tells the index what a word has become. */
static inline void word_sync(struct pool *pool, unsigned int l, uint64_t j)
{
	pool_mark *mark = &pool->level[l].marks[j];
	unsigned int old = *mark, new = word_listing(pool, pool->level[l].words[j]);

	*mark = new;
	pool->slots[old >> LEVEL_ORDERS] = 0;
	for (unsigned int change = (old & MARK_ORDERS) ^ new; change; change &= change - 1) {
		unsigned int r = __builtin_ctz(change);

		if (new >> r & 1)
			index_set(pool, l, r, j);
		else
			index_clear(pool, l, r, j);
	}
}

/* The free bits of a word that the index knows of. */
static inline uint64_t word_indexed(const struct pool *pool, unsigned int l, uint64_t j)
{
	return pool->level[l].words[j] & ~pool->slots[pool->level[l].marks[j] >> LEVEL_ORDERS];
}

int pool_words_init(struct pool *pool);
void pool_words_destroy(struct pool *pool);
void pool_words_give(struct pool *pool, unsigned int l, uint64_t j, uint64_t mask);
void pool_words_give_range(struct pool *pool, uint64_t page, uint64_t count);
void pool_words_take_range(struct pool *pool, uint64_t page, uint64_t count);
void pool_words_carve(struct pool *pool, const struct pool_place *place, uint64_t count);
bool pool_words_all_taken(const struct pool *pool, uint64_t page, uint64_t count);
bool pool_words_cover(const struct pool *pool, uint64_t page, struct pool_place *place);
bool pool_words_listed(const struct pool *pool, unsigned int l, unsigned int r, uint64_t *word);
bool pool_words_next(const struct pool *pool, unsigned int order, uint64_t page,
		     struct pool_place *place);
unsigned int pool_words_order(const struct pool *pool, struct pool_place *place);
uint64_t pool_words_free_run(const struct pool *pool, uint64_t page);

/* A request in pages, known to make sense. */
struct pool_want {
	uint64_t count;
	uint64_t alignment; /* at least 1 */
	uint64_t lower;
	uint64_t upper;
	unsigned int order; /* of the smallest block that holds count */
	bool anywhere; /* neither bounds nor alignment */
};

void pool_settle(struct pool *pool);
bool pool_is_settled(const struct pool *pool);
int pool_examine(const struct pool *pool, const struct pool_request *request,
		 struct pool_want *want);
bool pool_find(const struct pool *pool, const struct pool_want *want, uint64_t *page);
bool pool_find_joined(const struct pool *pool, const struct pool_want *want, uint64_t *page);

#endif
