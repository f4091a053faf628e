/* SPDX-License-Identifier: MIT */
/*
 * The stash of a pool: blocks of one order that were freed lately.
 *
 * Their bits are set, so they count as free to every check, but the index is not told until the entry is pushed out by younger
 * ones, or something fails to be found. A request for the same order takes the youngest back at the price of a bit.
 *
 * The free bits of a word that the index does not know are in the slot of the entry that came first, and the word's mark says
 * in which one. So a slot is in use only while its entry is in the stash, and settling the entries settles all.
 */
#ifndef MMIOD_DAEMON_POOL_STASH_H
#define MMIOD_DAEMON_POOL_STASH_H

#include "pool-words.h"

#define NOWHERE UINT64_MAX /* as a page number */

void pool_stash_init(struct pool *pool);
void pool_stash_forget(struct pool *pool, const struct pool_stash *stash, uint64_t unit);
void pool_stash_make_room(struct pool *pool, struct pool_stash *stash);
uint64_t pool_stash_pop(struct pool *pool, struct pool_stash *stash);

/*
 * Takes the newest entry, if it is a block that the index does not know, and no other bits share its slot. Then nothing needs
 * to be said to the index. The page, or NOWHERE and nothing has changed.
 */
static inline uint64_t stash_pop_unknown(struct pool *pool, struct pool_stash *stash)
{
	unsigned int i = (uint16_t)(stash->newest - 1) % STASH_ENTRIES, mark, slot;
	uint64_t unit = stash->unit[i], word = unit >> WORD_SHIFT,
		 mask = stash->run << (unit % WORD_BITS), left;

	if (stash->newest == stash->oldest)
		return NOWHERE;
	mark = stash->marks[word];
	slot = mark >> LEVEL_ORDERS;
	left = pool->slots[slot] ^ mask;
	if (left & mask || (left && slot == stash->first_slot + i))
		return NOWHERE;
	stash->newest--;
	stash->words[word] ^= mask;
	pool->slots[slot] = left;
	if (!left)
		stash->marks[word] = mark & MARK_ORDERS;
	return unit << stash->unit_shift;
}

static inline bool stash_is_full(const struct pool_stash *stash)
{
	return (uint16_t)(stash->newest - stash->oldest) == STASH_ENTRIES;
}

/* The bits of the block are clear, and the stash is not full. */
static inline void stash_push(struct pool *pool, struct pool_stash *stash, uint64_t unit)
{
	uint64_t word = unit >> WORD_SHIFT, mask = stash->run << (unit % WORD_BITS);
	unsigned int i = stash->newest % STASH_ENTRIES, mark = stash->marks[word],
		     slot = mark >> LEVEL_ORDERS;

	stash->newest++;
	stash->unit[i] = unit;
	stash->words[word] |= mask;
	if (!slot) {
		slot = stash->first_slot + i;
		stash->marks[word] = mark | slot << LEVEL_ORDERS;
	}
	pool->slots[slot] |= mask;
}

#endif
