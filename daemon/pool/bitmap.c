// SPDX-License-Identifier: MIT
/*
 * The words of a pool: memory for them, ranges that return or are taken, searches by address; and
 * the summary, which is told of each word that changes.
 *
 * Everything here sees the words as they are. The searches through the summary do not see what it
 * has not been told yet: their callers call pool_settle() first.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include "pool/summary.h"

#define HUGE_PAGE (2u << 20)
#define CACHE_LINE 64u
#define LONG_RANGE 64 /* words; longer ranges are looked up in the summary */

/* ---- the summary ----------------------------------------------------------------------------- */

/*
 * A line has got its first word with a block of order r, or lost the last one: so do those above.
 */
static __attribute__((noinline)) void flip_above(struct pool *pool, unsigned int l, uint64_t line,
						 unsigned int r)
{
	for (unsigned int d = 1; d < pool->depth[l]; d++, line >>= WORD_SHIFT) {
		uint64_t *with = &pool->level[l].lines[d][line >> WORD_SHIFT].with[r];
		uint64_t before = *with;

		*with = before ^ 1ull << (line % WORD_BITS);
		if (before && *with)
			return;
	}
	pool->nonempty ^= 1ull << (l * LEVEL_ORDERS + r);
}

/* Tells the summary what a word has become, which is not full. */
void summary_sync(struct pool *pool, unsigned int l, uint64_t j)
{
	struct pool_level *level = &pool->level[l];
	unsigned int orders = word_orders(level->words[j]), changed = level->orders[j] ^ orders, r;
	uint64_t *with, before;

	if (level->binned[j])
		level->binned[j] |= BINNED_VAGUE;
	level->orders[j] = (uint8_t)orders;
	for (; changed; changed &= changed - 1) {
		r = bits_first(changed);
		with = &level->lines[0][j >> WORD_SHIFT].with[r];
		before = *with;
		*with = before ^ 1ull << (j % WORD_BITS);
		if (!before || !*with)
			flip_above(pool, l, j >> WORD_SHIFT, r);
	}
}

/*
 * From *word on, the first that the summary lists for order r or a higher one of this level. The
 * pool is settled.
 */
bool summary_next(const struct pool *pool, unsigned int l, unsigned int r, uint64_t *word)
{
	struct pool_line *const *lines = pool->level[l].lines;
	uint64_t n = pool->level[l].n_words, i = *word, found;

	for (unsigned int d = 0; d < pool->depth[l] && i < n; d++) {
		found = line_with(&lines[d][i >> WORD_SHIFT], r) & ~0ull << (i % WORD_BITS);
		if (found) {
			i = (i & ~(uint64_t)(WORD_BITS - 1)) | bits_first(found);
			while (d--)
				i = i << WORD_SHIFT | bits_first(line_with(&lines[d][i], r));
			*word = i;
			return true;
		}
		i = (i >> WORD_SHIFT) + 1;
		n = (n + WORD_BITS - 1) >> WORD_SHIFT;
	}
	return false;
}

/* ---- the words ------------------------------------------------------------------------------- */

static uintptr_t place(size_t *offset, const struct pool *pool, size_t size)
{
	size_t at = *offset;

	*offset += (size + CACHE_LINE - 1) & ~(size_t)(CACHE_LINE - 1);
	return (uintptr_t)pool->memory + at;
}

/* Adds a level's needs to *offset, and places them if there is memory already. */
static void lay_out(struct pool *pool, unsigned int l, size_t *offset)
{
	struct pool_level *level = &pool->level[l];
	uint64_t n = level->n_words;
	unsigned int d = 0;

	level->words = (void *)place(offset, pool, n * sizeof(*level->words));
	level->binned = (void *)place(offset, pool, n);
	level->orders = (void *)place(offset, pool, n);
	do {
		n = (n + WORD_BITS - 1) / WORD_BITS;
		level->lines[d++] = (void *)place(offset, pool, n * sizeof(struct pool_line));
	} while (n > 1);
	pool->depth[l] = d;
}

static size_t lay_out_all(struct pool *pool)
{
	size_t size = 0;

	for (unsigned int l = 0; l < pool->levels; l++)
		lay_out(pool, l, &size);
	return size;
}

static void prefault(struct pool *pool)
{
	volatile char *memory = pool->memory;

	for (size_t i = 0; i < pool->memory_size; i += CACHE_LINE)
		memory[i] = 0;
}

/*
 * Anonymous memory is zero, and used only where it is touched: no page is free, and nothing has
 * been paid.
 */
int bitmap_init(struct pool *pool)
{
	for (; pool->pages >> (pool->levels * LEVEL_ORDERS); pool->levels++) {
		uint64_t units = pool->pages >> (pool->levels * LEVEL_ORDERS);

		pool->level[pool->levels].n_words = units / WORD_BITS + 1;
	}
	pool->memory_size = lay_out_all(pool);
	pool->memory = mmap(NULL, pool->memory_size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (pool->memory == MAP_FAILED) {
		pool->memory = NULL;
		return -ENOMEM;
	}
	lay_out_all(pool);
	/* A free touches records anywhere in it, and would miss the TLB for each of them. */
	if (pool->memory_size >= HUGE_PAGE)
		(void)madvise(pool->memory, pool->memory_size, MADV_HUGEPAGE);
	if (pool->flags & POOL_PREFAULT)
		prefault(pool);
	return 0;
}

void bitmap_destroy(struct pool *pool)
{
	if (pool->memory)
		munmap(pool->memory, pool->memory_size);
}

/*
 * The last word of a level never fills up: its units end with the pool, or there would be another
 * level.
 */
void bitmap_give(struct pool *pool, unsigned int l, uint64_t j, uint64_t mask)
{
	uint64_t *word = &pool->level[l].words[j], before = *word;

	*word |= mask;
	while (*word == ~0ull) {
		*word = 0;
		if (before)
			summary_sync(pool, l, j);
		mask = 1ull << (j % WORD_BITS);
		j >>= WORD_SHIFT;
		word = &pool->level[++l].words[j];
		before = *word;
		*word |= mask;
	}
	summary_sync(pool, l, j);
}

/* Whole words are one bit each of the level above; the rest at either end belongs to this level. */
void bitmap_give_range(struct pool *pool, uint64_t first, uint64_t count)
{
	for (unsigned int l = 0; count; l++, first >>= WORD_SHIFT, count >>= WORD_SHIFT) {
		unsigned int bit = first % WORD_BITS, part = -first % WORD_BITS;

		if (part > count)
			part = count;
		if (part)
			bitmap_give(pool, l, first >> WORD_SHIFT, bits_mask(part) << bit);
		first += part;
		count -= part;
		part = count % WORD_BITS;
		if (part)
			bitmap_give(pool, l, (first + count) >> WORD_SHIFT, bits_mask(part));
	}
}

/* The bit that says that a page is free; at most one level has it. */
bool bitmap_cover(const struct pool *pool, uint64_t page, struct pool_place *place)
{
	for (unsigned int l = 0; l < pool->levels; l++, page >>= WORD_SHIFT) {
		uint64_t word = page >> WORD_SHIFT;

		if (word < pool->level[l].n_words &&
		    pool->level[l].words[word] >> (page % WORD_BITS) & 1) {
			*place = (struct pool_place){ .level = l,
						      .word = word,
						      .bit = page % WORD_BITS };
			return true;
		}
	}
	return false;
}

/* How many units are free in a row, from this place to at most the end of its word. */
static unsigned int free_units(const struct pool *pool, const struct pool_place *place)
{
	return bits_first(~(pool->level[place->level].words[place->word] >> place->bit));
}

/* All of the range is free. Of a unit that is not wholly within it, the rest returns. */
void bitmap_take_range(struct pool *pool, uint64_t page, uint64_t count)
{
	uint64_t end = page + count, start, unit;
	struct pool_place place;
	unsigned int units;

	for (; page < end && bitmap_cover(pool, page, &place); page = start + units * unit) {
		unit = 1ull << (place.level * LEVEL_ORDERS);
		start = place_page(&place);
		units = free_units(pool, &place);
		if (units > (end - start + unit - 1) / unit)
			units = (end - start + unit - 1) / unit;
		pool->level[place.level].words[place.word] &= ~(bits_mask(units) << place.bit);
		summary_sync(pool, place.level, place.word);
		bitmap_give_range(pool, start, page - start);
		if (start + units * unit > end)
			bitmap_give_range(pool, end, start + units * unit - end);
	}
}

/*
 * Takes the first pages of a free run that begins with a unit; of the last unit, the rest returns
 * to the levels below.
 */
void bitmap_carve(struct pool *pool, const struct pool_place *place, uint64_t count)
{
	unsigned int shift = place->level * LEVEL_ORDERS;
	uint64_t units = (count + (1ull << shift) - 1) >> shift;

	pool->level[place->level].words[place->word] &= ~(bits_mask(units) << place->bit);
	summary_sync(pool, place->level, place->word);
	if (units << shift != count)
		bitmap_give_range(pool, place_page(place) + count, (units << shift) - count);
}

static bool words_zero(const struct pool *pool, unsigned int l, uint64_t j, uint64_t end)
{
	if (end - j > LONG_RANGE)
		return !summary_next(pool, l, 0, &j) || j >= end;
	for (; j < end; j++)
		if (pool->level[l].words[j])
			return false;
	return true;
}

static bool units_taken(const struct pool *pool, unsigned int l, uint64_t first, uint64_t last)
{
	const uint64_t *words = pool->level[l].words;
	uint64_t j = first >> WORD_SHIFT, end = last >> WORD_SHIFT;
	uint64_t from = ~0ull << (first % WORD_BITS), to = bits_mask(last % WORD_BITS + 1);

	if (j == end)
		return !(words[j] & from & to);
	return !(words[j] & from) && !(words[end] & to) && words_zero(pool, l, j + 1, end);
}

/*
 * No page of the range is free, at any level. Ranges of more than LONG_RANGE words want a settled
 * pool.
 */
bool bitmap_all_taken(const struct pool *pool, uint64_t page, uint64_t count)
{
	uint64_t last = page + count - 1;

	for (unsigned int l = 0; l < pool->levels; l++, page >>= WORD_SHIFT, last >>= WORD_SHIFT)
		if (!units_taken(pool, l, page, last))
			return false;
	return true;
}

/* In one level: the first run of 2^r units that begins with this unit or a later one. */
static bool level_next(const struct pool *pool, unsigned int l, unsigned int r, uint64_t unit,
		       struct pool_place *place)
{
	uint64_t word = unit >> WORD_SHIFT, runs;

	if (word >= pool->level[l].n_words)
		return false;
	runs = word_runs(pool->level[l].words[word] & ~0ull << (unit % WORD_BITS), r);
	if (!runs) {
		word++;
		if (!summary_next(pool, l, r, &word))
			return false;
		runs = word_runs(pool->level[l].words[word], r);
	}
	*place = (struct pool_place){ .level = l, .word = word, .bit = bits_first(runs) };
	return true;
}

/*
 * The lowest free run of 2^order pages, aligned to its length, that begins at this page or behind
 * it; a run that only contains the page is not found. The place is the beginning of the run, in the
 * level that says so.
 */
bool bitmap_next(const struct pool *pool, unsigned int order, uint64_t page,
		 struct pool_place *place)
{
	unsigned int l = order / LEVEL_ORDERS, r = order % LEVEL_ORDERS;
	uint64_t lowest = UINT64_MAX;
	struct pool_place next;

	for (; l < pool->levels; l++, r = 0) {
		uint64_t unit = (page + (1ull << (l * LEVEL_ORDERS)) - 1) >> (l * LEVEL_ORDERS);

		if (level_next(pool, l, r, unit, &next) && place_page(&next) < lowest) {
			lowest = place_page(&next);
			*place = next;
		}
	}
	return lowest != UINT64_MAX;
}

/* The order of the block that a place is in; the place becomes the block's beginning. */
unsigned int bitmap_order(const struct pool *pool, struct pool_place *place)
{
	uint64_t word = pool->level[place->level].words[place->word];
	unsigned int r = 0;

	for (; r + 1 < LEVEL_ORDERS; r++) {
		unsigned int start = place->bit & ~((2u << r) - 1);
		uint64_t mask = bits_mask(2u << r) << start;

		if ((word & mask) != mask)
			break;
		place->bit = start;
	}
	place->bit &= ~((1u << r) - 1);
	return place->level * LEVEL_ORDERS + r;
}

/* How many pages are free in a row from this one on, or that there are `most` at least. */
uint64_t bitmap_free_run(const struct pool *pool, uint64_t page, uint64_t most)
{
	uint64_t end = page;
	struct pool_place place;

	while (end - page < most && bitmap_cover(pool, end, &place))
		end = place_page(&place) +
		      ((uint64_t)free_units(pool, &place) << (place.level * LEVEL_ORDERS));
	return end - page;
}

uint64_t pool_size(const struct pool *pool)
{
	return pool->pages << pool->page_shift;
}

uint64_t pool_page_size(const struct pool *pool)
{
	return 1ull << pool->page_shift;
}

uint64_t pool_free_bytes(const struct pool *pool)
{
	uint64_t pages = pool->free_pages;

	for (unsigned int i = 0; i < BINS; i++)
		pages += (uint64_t)pool->bins[i].n * pool->bins[i].pages;
	return pages << pool->page_shift;
}

size_t pool_metadata(const struct pool *pool)
{
	return sizeof(*pool) + pool->memory_size;
}
