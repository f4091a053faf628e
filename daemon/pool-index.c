// SPDX-License-Identifier: MIT
/*
 * Searches through the index that begin or end somewhere, and words of which it learns late.
 *
 * Late words are in a ring: the next one pushes the oldest out, which is settled then.
 */
#include "pool-index.h"

/*
 * From *word on, the first that the index lists for order
 * r or a higher one of this level. The pool is settled.
 */
bool index_next(const struct pool *pool, unsigned int l, unsigned int r, uint64_t *word)
{
	const struct pool_level *level = &pool->level[l];
	uint64_t n = level->n_words, i = *word, found;
	unsigned int orders = orders_from(r);

	for (unsigned int d = 0; d < pool->depth[l] && i < n; d++) {
		found = line_with(&level->marks[d][i & ~(uint64_t)(LINE - 1)], orders) &
			~0ull << (i % WORD_BITS);
		if (found) {
			i = (i & ~(uint64_t)(LINE - 1)) | bits_first(found);
			while (d--)
				i = i << WORD_SHIFT |
				    bits_first(
					    line_with(&level->marks[d][i << WORD_SHIFT], orders));
			*word = i;
			return true;
		}
		i = (i >> WORD_SHIFT) + 1;
		n = (n + WORD_BITS - 1) >> WORD_SHIFT;
	}
	return false;
}

/*
 * What one byte of a word says of orders 0 to 2; and of the three above, if its bits stand for
 * bytes that are full. A word that is full never comes here, and blocks of a full byte are larger
 * ones.
 */
void index_init(struct pool *pool)
{
	bool lowest = pool->flags & POOL_LOWEST;

	for (unsigned int byte = 0; byte < 256; byte++)
		for (unsigned int r = 0; r < 3; r++)
			if (lowest ? word_runs(byte, r) : word_blocks(byte, r) && byte != 255)
				pool->orders[byte] |= 1u << r;
}

/*
 * A mark is about to change: those above it learn what is new,
 * and of what is gone whether others in its line have it.
 */
void index_update(struct pool *pool, unsigned int l, uint64_t j, unsigned int old, unsigned int new)
{
	struct pool_level *level = &pool->level[l];
	unsigned int shift = l * LEVEL_ORDERS, gone, above;

	if (j < level->first)
		level->first = j;
	for (unsigned int d = 0;; d++) {
		uint8_t *mark = &level->marks[d][j];

		gone = old & ~new;
		above = new;
		if (gone)
			above |= line_union(mark - j % LINE, j % LINE);
		if (d)
			*mark = (uint8_t) new;
		if (d + 1 == pool->depth[l])
			break;
		j >>= WORD_SHIFT;
		old = level->marks[d + 1][j];
		new = above | (old & ~gone);
		if (new == old)
			return;
	}
	if (!gone)
		above |= pool->nonempty >> shift & MARK_ORDERS;
	pool->nonempty &= ~((uint64_t)MARK_ORDERS << shift);
	pool->nonempty |= (uint64_t)above << shift;
}

/* From here on the index knows all of a word. */
void index_settle(struct pool *pool, unsigned int l, uint64_t j)
{
	if (pool->level[l].words[j] == ~0ull)
		pool_words_give(pool, l, j, 0);
	else
		index_sync(pool, l, j);
}

static void settle_late(struct pool *pool, uint64_t late)
{
	unsigned int l = late % LATE_LEVELS;
	uint64_t j = late / LATE_LEVELS;

	if (pool->level[l].marks[0][j] & MARK_LATE)
		index_settle(pool, l, j);
}

/*
 * The index will learn later what has become of this word, which
 * is not late yet. Returns 0, to be the end of a fast path.
 */
int index_put_off(struct pool *pool, unsigned int l, uint64_t j)
{
	uint64_t *late = &pool->late[pool->n_late++ % LATE_WORDS];

	settle_late(pool, *late); /* at first word 0 of level 0, which does no harm */
	*late = j * LATE_LEVELS + l;
	pool->level[l].marks[0][j] |= MARK_LATE;
	return 0;
}

void index_settle_late(struct pool *pool)
{
	if (pool->n_late - pool->n_settled > LATE_WORDS)
		pool->n_settled = pool->n_late - LATE_WORDS;
	for (; pool->n_settled != pool->n_late; pool->n_settled++)
		settle_late(pool, pool->late[pool->n_settled % LATE_WORDS]);
}
