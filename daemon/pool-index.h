/* SPDX-License-Identifier: MIT */
/*
 * The index of a pool: in which word of a level a block of some order is to be found.
 *
 * A mark is a byte, with a bit for each order of the level. Depth 0 has one for each word; 64 of
 * them are a line, whose union is one mark of the next depth, until one line is left. So a search
 * reads one cache line for each depth, for any set of orders at once, and a word that changes
 * rewrites its own mark and rarely more than one above.
 *
 * A mark that is MARK_STASHED or MARK_LATE may be wrong about its word: whoever is led there in
 * vain settles it and looks again. There are no more of them than entries in the stash and words in
 * pool->late.
 */
#ifndef MMIOD_DAEMON_POOL_INDEX_H
#define MMIOD_DAEMON_POOL_INDEX_H

#ifdef __SSE2__
#include <emmintrin.h>
#endif
#include <string.h>
#include "pool-words.h"

#define NOWHERE UINT64_MAX /* as a page, or as the number of a word */

/* Bit i is set if mark i of the line has any of the orders. */
static inline uint64_t line_with_portable(const uint8_t *line, unsigned int orders)
{
	uint64_t found = 0, eight;

	for (unsigned int i = 0; i < LINE; i += 8) {
		memcpy(&eight, line + i, sizeof(eight));
		eight &= orders * 0x0101010101010101;
		eight = (eight + 0x7f7f7f7f7f7f7f7f) & 0x8080808080808080; /* orders have 6 bits */
		found |= (eight >> 7) * 0x0102040810204080 >> 56 << i;
	}
	return found;
}

#ifdef __SSE2__
static inline uint64_t line_with(const uint8_t *line, unsigned int orders)
{
	const __m128i *marks = (const __m128i *)line;
	__m128i wanted = _mm_set1_epi8((char)orders), none = _mm_setzero_si128();
	uint64_t lack = 0;

#pragma GCC unroll 4
	for (unsigned int i = 0; i < LINE / 16; i++) {
		__m128i lacks = _mm_cmpeq_epi8(_mm_and_si128(marks[i], wanted), none);

		lack |= (uint64_t)(unsigned int)_mm_movemask_epi8(lacks) << (16 * i);
	}
	return ~lack;
}
#else
#define line_with line_with_portable
#endif

typedef uint8_t pool_marks __attribute__((vector_size(16), may_alias));
typedef uint64_t pool_halves __attribute__((vector_size(16), may_alias));

/*
 * All orders that the marks of the line have, except the one at `but`; LINE: no exception. What is
 * about to be written is left out rather than written first: reading a line right behind the store
 * of a byte waits for the store.
 */
static inline unsigned int line_union(const uint8_t *line, unsigned int but)
{
	const pool_marks lanes = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
	const pool_marks *marks = (const pool_marks *)line;
	pool_marks all = { 0 }, not = (pool_marks){ 0 } + (uint8_t)but;
	pool_halves halves;
	uint64_t eight;

#pragma GCC unroll 4
	for (unsigned int i = 0; i < LINE / 16; i++)
		all |= marks[i] & (pool_marks)(lanes + (uint8_t)(16 * i) != not );
	halves = (pool_halves)all;
	eight = halves[0] | halves[1];
	eight |= eight >> 32;
	eight |= eight >> 16;
	return (eight | eight >> 8) & MARK_ORDERS;
}

/* These orders and higher ones of a level. */
static inline unsigned int orders_from(unsigned int r)
{
	return MARK_ORDERS & ~0u << r;
}

/* The first word listed for one of the orders, which are not empty. */
static inline uint64_t index_first(const struct pool *pool, unsigned int l, unsigned int orders)
{
	const struct pool_level *level = &pool->level[l];
	uint64_t i = 0;

	for (unsigned int d = pool->depth[l]; d--;)
		i = i << WORD_SHIFT |
		    bits_first(line_with(&level->marks[d][i << WORD_SHIFT], orders));
	return i;
}

/*
 * The first word listed for one of the orders, which are
 * not empty; NOWHERE if it does not begin before the page.
 */
static inline uint64_t index_first_before(const struct pool *pool, unsigned int l,
					  unsigned int orders, uint64_t page)
{
	const struct pool_level *level = &pool->level[l];
	unsigned int shift = (l + pool->depth[l]) * LEVEL_ORDERS;
	uint64_t i = 0;

	for (unsigned int d = pool->depth[l]; d--; shift -= LEVEL_ORDERS) {
		i = i << WORD_SHIFT |
		    bits_first(line_with(&level->marks[d][i << WORD_SHIFT], orders));
		if (i << shift >= page)
			return NOWHERE;
	}
	return i;
}

/*
 * What the index is to say about a word: three orders
 * within its bytes, and three of bytes that are full.
 */
static inline unsigned int word_orders(const struct pool *pool, uint64_t word)
{
	uint64_t full = word & word >> 1 & 0x5555555555555555;
	unsigned int orders = 0;

	if (!word)
		return 0;
	full &= full >> 2;
	full = (full & full >> 4 & 0x0101010101010101) * 0x0102040810204080 >> 56;
#pragma GCC unroll 8
	for (unsigned int i = 0; i < WORD_BITS; i += 8)
		orders |= pool->orders[word >> i & 0xff];
	return orders | pool->orders[full] << 3;
}

void index_update(struct pool *pool, unsigned int l, uint64_t j, unsigned int old,
		  unsigned int new);

/* Tells the index what a word has become. */
static inline void index_sync(struct pool *pool, unsigned int l, uint64_t j)
{
	struct pool_level *level = &pool->level[l];
	uint8_t *mark = &level->marks[0][j];
	unsigned int old = *mark, new = word_orders(pool, level->words[j]);

	if (new == old) /* mostly: and then a search that comes next need not wait for a store */
		return;
	if (new != (old & MARK_ORDERS))
		index_update(pool, l, j, old & MARK_ORDERS, new);
	*mark = (uint8_t) new;
}

void index_init(struct pool *pool);
bool index_next(const struct pool *pool, unsigned int l, unsigned int r, uint64_t *word);
void index_settle(struct pool *pool, unsigned int l, uint64_t j);
int index_put_off(struct pool *pool, unsigned int l, uint64_t j);
void index_settle_late(struct pool *pool);

#endif
