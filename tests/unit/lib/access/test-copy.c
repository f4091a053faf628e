/* SPDX-License-Identifier: MIT */
/*
 * Copies of all kinds: that they move the bytes that they should and no others, and how they reach
 * into a window.
 */
#include "access/access.h"
#include "support/watch.h"
#include "support/window.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#define RO MMIOD_RIGHT_READ
#define RW (MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE)
#define LONGEST 300
#define AROUND 512 /* compared of the window: what is copied, and what is not */

static size_t page;

/* Two pages between two that nobody may touch. */
static uint8_t *fenced_pages(void)
{
	uint8_t *pages = mmap(NULL, 4 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	cr_assert_neq(pages, MAP_FAILED);
	cr_assert_eq(mprotect(pages + page, 2 * page, PROT_READ | PROT_WRITE), 0);
	return pages + page;
}

static uint8_t *area,
	*buffer; /* fenced; the buffer's bytes are all different from their neighbours */

static void setup(void)
{
	page = mmiod_page_size();
	area = fenced_pages();
	buffer = fenced_pages();
	for (size_t i = 0; i < 2 * page; i++)
		buffer[i] = (uint8_t)(i * 151 + i / 256 + 1);
}

TestSuite(copy, .init = setup);

/* ---- one way to copy ---- */

enum kind { STORE, STORE_REPEATED, LOAD };

/* Bytes by @way of the table for its kind, or by @width; 0: by words. */
struct copier {
	enum kind kind;
	size_t way;
	unsigned int width;
};

static void copy_lines(const struct copier *copier, uint8_t *window, uint8_t *memory, size_t length)
{
	if (copier->kind == LOAD)
		combined_load(&line_loads[copier->way], memory, window, length);
	else
		combined_store(&line_stores[copier->way], window, memory, length,
			       copier->kind == STORE_REPEATED);
}

static void copy_elements(const struct copier *copier, uint8_t *window, uint8_t *memory,
			  size_t length)
{
	if (copier->kind == LOAD)
		elements_load(memory, window, length, copier->width);
	else
		elements_store(window, memory, length, copier->width,
			       copier->kind == STORE_REPEATED);
}

static void copy_words(const struct copier *copier, uint8_t *window, uint8_t *memory, size_t length)
{
	if (copier->kind == LOAD)
		mmiod_copy_from_window(memory, window, length);
	else
		words_store(window, memory, length, copier->kind == STORE_REPEATED);
}

typedef void (*copy_function)(const struct copier *copier, uint8_t *window, uint8_t *memory,
			      size_t length);

/* What the destination holds afterwards, byte by byte. */
static void model(const struct copier *copier, uint8_t *to, const uint8_t *from, size_t length)
{
	for (size_t i = 0; i < length; i++)
		to[i] = from[copier->kind == STORE_REPEATED ? 0 : i];
}

static void compare(copy_function copy, const struct copier *copier, size_t align, size_t length)
{
	static uint8_t line[AROUND], expected[AROUND], memory[AROUND];
	uint8_t *source = buffer + (align * 7 + length) % 64, *window = area + align;

	memset(line, 0xb7, sizeof(line));
	memset(expected, UNTOUCHED, sizeof(expected));
	if (copier->kind == LOAD) {
		memcpy(area, buffer, AROUND);
		memset(memory, UNTOUCHED, sizeof(memory));
		model(copier, expected + 5, window, length);
		copy(copier, window, memory + 5, length);
		cr_assert_eq(memcmp(memory, expected, AROUND), 0, "way %zu: %zu bytes at %zu",
			     copier->way, length, align);
		return;
	}
	if (copier->kind == STORE_REPEATED)
		source = line;
	memset(area, UNTOUCHED, AROUND);
	model(copier, expected + align, source, length);
	copy(copier, window, source, length);
	cr_assert_eq(memcmp(area, expected, AROUND), 0, "way %zu: %zu bytes at %zu", copier->way,
		     length, align);
}

static void compare_all(copy_function copy, const struct copier *copier, size_t step)
{
	for (size_t align = 0; align < 64; align += step)
		for (size_t length = 0; length <= LONGEST; length += step)
			compare(copy, copier, align, length);
}

/* ---- MOVDIR64B, for processors that lack it ---- */

#if defined(__x86_64__)
static const uint8_t movdir64b[] = { 0x66, 0x0f, 0x38, 0xf8, 0x02 };

static void do_movdir64b(int sig, siginfo_t *info, void *context)
{
	greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;

	if (memcmp((void *)registers[REG_RIP], movdir64b, sizeof(movdir64b))) {
		signal(sig, SIG_DFL);
		return;
	}
	if (registers[REG_RAX] % 64)
		raise(SIGSEGV);
	memcpy((void *)registers[REG_RAX], (void *)registers[REG_RDX], 64);
	registers[REG_RIP] += (greg_t)sizeof(movdir64b);
}
#endif

/* Whether it can be tried here: the processor has it, or the test does what it would. */
static bool can_store(const struct line_store *way)
{
#if defined(__x86_64__)
	struct sigaction emulate = { .sa_sigaction = do_movdir64b, .sa_flags = SA_SIGINFO };

	if (!strcmp(way->name, "movdir64b"))
		return !sigaction(SIGILL, &emulate, NULL);
#endif
	return way->usable();
}

/* ---- the right bytes ---- */

static void try_store(const char *name)
{
	size_t way = 0;

	while (strcmp(line_stores[way].name, name))
		cr_assert_lt(++way, line_store_count, "no way is called %s", name);
	if (!can_store(&line_stores[way]))
		cr_skip_test("this processor has no %s", name);
	compare_all(copy_lines, &(struct copier){ STORE, way }, 1);
	compare_all(copy_lines, &(struct copier){ STORE_REPEATED, way }, 1);
}

static void try_load(const char *name)
{
	size_t way = 0;

	while (strcmp(line_loads[way].name, name))
		cr_assert_lt(++way, line_load_count, "no way is called %s", name);
	if (!line_loads[way].usable())
		cr_skip_test("this processor has no %s", name);
	compare_all(copy_lines, &(struct copier){ LOAD, way }, 1);
}

/* A test for each way, as not every processor has all of them. At every alignment and length. */
#define STORE_TEST(ID, NAME)                                                 \
	Test(copy, to_write_combining_memory_by_##ID##_moves_just_its_bytes) \
	{                                                                    \
		try_store(NAME);                                             \
	}
#define LOAD_TEST(ID, NAME)                                                    \
	Test(copy, from_write_combining_memory_by_##ID##_moves_just_its_bytes) \
	{                                                                      \
		try_load(NAME);                                                \
	}

#if defined(__x86_64__)
STORE_TEST(movdir64b, "movdir64b")
STORE_TEST(avx512, "avx512")
STORE_TEST(avx, "avx")
STORE_TEST(sse2, "sse2")
LOAD_TEST(avx2, "avx2")
LOAD_TEST(sse41, "sse4.1")
#elif defined(__aarch64__)
STORE_TEST(stnp, "stnp")
LOAD_TEST(ldnp, "ldnp")
#endif
STORE_TEST(words, "words")
LOAD_TEST(words, "words")

Test(copy, by_words_moves_just_its_bytes_at_every_alignment_and_length)
{
	compare_all(copy_words, &(struct copier){ STORE }, 1);
	compare_all(copy_words, &(struct copier){ STORE_REPEATED }, 1);
	compare_all(copy_words, &(struct copier){ LOAD }, 1);
}

Test(copy, by_elements_moves_just_its_bytes)
{
	for (unsigned int width = 1; width <= 8; width *= 2) {
		compare_all(copy_elements, &(struct copier){ STORE, 0, width }, width);
		compare_all(copy_elements, &(struct copier){ STORE_REPEATED, 0, width }, width);
		compare_all(copy_elements, &(struct copier){ LOAD, 0, width }, width);
	}
}

/* Both ends of window and buffer lie at pages that may not be touched, once each. */
static void try_ends(copy_function copy, const struct copier *copier, size_t step)
{
	uint8_t *line = buffer + 2 * page - LINE_BYTES;

	for (size_t length = 0; length <= LONGEST; length += step) {
		uint8_t *last = buffer + 2 * page - length;

		copy(copier, area, copier->kind == STORE_REPEATED ? line : last, length);
		copy(copier, area + 2 * page - length, buffer, length);
	}
}

Test(copy, touches_nothing_beyond_the_ends)
{
	for (size_t way = 0; way < line_store_count; way++)
		if (can_store(&line_stores[way])) {
			try_ends(copy_lines, &(struct copier){ STORE, way }, 1);
			try_ends(copy_lines, &(struct copier){ STORE_REPEATED, way }, 1);
		}
	for (size_t way = 0; way < line_load_count; way++)
		if (line_loads[way].usable())
			try_ends(copy_lines, &(struct copier){ LOAD, way }, 1);
	try_ends(copy_words, &(struct copier){ STORE }, 1);
	try_ends(copy_words, &(struct copier){ STORE_REPEATED }, 1);
	try_ends(copy_words, &(struct copier){ LOAD }, 1);
	for (unsigned int width = 1; width <= 8; width *= 2) {
		try_ends(copy_elements, &(struct copier){ STORE, 0, width }, width);
		try_ends(copy_elements, &(struct copier){ LOAD, 0, width }, width);
	}
}

Test(copy, goes_the_first_way_of_the_table_that_the_processor_has)
{
	const struct line_store *store = line_store_best();
	const struct line_load *load = line_load_best();

	cr_assert(store->usable());
	for (const struct line_store *way = line_stores; way != store; way++)
		cr_assert_not(way->usable(), "%s is passed over", way->name);
	cr_assert(load->usable());
	for (const struct line_load *way = line_loads; way != load; way++)
		cr_assert_not(way->usable(), "%s is passed over", way->name);
	cr_assert_eq(line_store_best(), store);
	cr_assert_eq(line_load_best(), load);
}

/* ---- how they reach into the window ---- */

#ifdef CAN_WATCH
static void watched_setup(void)
{
	setup();
	watch_setup();
}

TestSuite(copy_watched, .init = watched_setup);

/* Bytes of one access of each way. */
static size_t access_bytes(const char *name)
{
	static const struct {
		const char *name;
		size_t bytes;
	} ways[] = { { "movdir64b", 64 }, { "avx512", 64 }, { "avx2", 32 }, { "avx", 32 },
		     { "sse4.1", 16 },	  { "sse2", 16 },   { "words", 8 } };

	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++)
		if (!strcmp(ways[i].name, name))
			return ways[i].bytes;
	cr_assert_fail("how wide is %s?", name);
	return 0;
}

/* The widest aligned access for what is left. */
static size_t word_bytes(size_t offset, size_t left)
{
	size_t width = 8;

	while (width > left || offset % width)
		width /= 2;
	return width;
}

/*
 * Each byte once, rising, nothing else touched: words up to the first line that is copied wholly,
 * then accesses of @bytes as far as whole lines go, then words.
 */
static void check_lines(size_t offset, size_t length, size_t bytes, bool write)
{
	size_t first = (offset + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES;
	size_t end = offset + length, last = end / LINE_BYTES * LINE_BYTES, at = offset;

	look();
	for (size_t i = 0; i < notes.count; i++) {
		size_t words_end = at < first && first < end ? first : end;
		size_t width = at >= first && at < last ? bytes : word_bytes(at, words_end - at);

		cr_assert_eq(notes.offsets[i], at, "access %zu at %zu of %zu bytes at %zu", i,
			     notes.offsets[i], length, offset);
		cr_assert_eq(notes.writes[i], write);
		at += width;
	}
	cr_assert_eq(at, end, "%zu bytes at %zu end at %zu", length, offset, at);
}

static const size_t offsets[] = { 0, 1, 7, 8, 60, 63, 64, 100 };
static const size_t lengths[] = { 0, 1, 3, 63, 64, 65, 127, 128, 191, 300 };
#define FOR_EACH_PLACE(offset, length)                                       \
	for (const size_t *offset = offsets; offset < offsets + 8; offset++) \
		for (const size_t *length = lengths; length < lengths + 10; length++)

Test(copy_watched, to_write_combining_memory_stores_each_line_once_and_whole)
{
	for (size_t way = 0; way < line_store_count; way++) {
		if (!line_stores[way].usable())
			continue;
		FOR_EACH_PLACE(offset, length)
		{
			watch();
			combined_store(&line_stores[way], notes.page + *offset, buffer + 3, *length,
				       false);
			check_lines(*offset, *length, access_bytes(line_stores[way].name), true);
		}
	}
}

Test(copy_watched, from_write_combining_memory_loads_each_part_of_a_line_once)
{
	for (size_t way = 0; way < line_load_count; way++) {
		if (!line_loads[way].usable())
			continue;
		FOR_EACH_PLACE(offset, length)
		{
			watch();
			combined_load(&line_loads[way], buffer + 3, notes.page + *offset, *length);
			check_lines(*offset, *length, access_bytes(line_loads[way].name), false);
		}
	}
}

/* A mapping of one page of a window of that kind, which is watched instead of the page of its own. */
static struct mmiod_mapping *watched_mapping(struct window *window, enum mmiod_memtype memtype,
					     unsigned int width)
{
	struct mmiod_mapping *mapping;

	window_make(window, 0, page, RW, width);
	window->lease->memtype = memtype;
	cr_assert_eq(mmiod_lease_map(window->lease, 0, &mapping), 0);
	notes.page = (uint8_t *)mmiod_mapping_address(mapping);
	return mapping;
}

static void check_elements(size_t offset, size_t length, size_t width, bool write)
{
	look();
	cr_assert_eq(notes.count, length / width, "%zu accesses", notes.count);
	for (size_t i = 0; i < notes.count; i++) {
		cr_assert_eq(notes.offsets[i], offset + i * width);
		cr_assert_eq(notes.writes[i], write);
	}
}

/* Whatever the kind of memory, also where it would be copied by lines. */
Test(copy_watched, of_registers_is_one_access_of_their_width_each)
{
	static const enum mmiod_memtype caches[] = { MMIOD_MEMTYPE_UC, MMIOD_MEMTYPE_WC,
						     MMIOD_MEMTYPE_WB };

	for (size_t i = 0; i < 3; i++)
		for (unsigned int width = 1; width <= 8; width *= 2) {
			struct window window;
			struct mmiod_mapping *mapping = watched_mapping(&window, caches[i], width);

			watch();
			cr_assert_eq(mmiod_mapping_write(mapping, 56, buffer + 1, 200), 0);
			check_elements(56, 200, width, true);
			cr_assert_eq(memcmp(notes.page + 56, buffer + 1, 200), 0);
			watch();
			cr_assert_eq(mmiod_mapping_read(mapping, 56, area + 1, 200), 0);
			check_elements(56, 200, width, false);
			cr_assert_eq(memcmp(area + 1, buffer + 1, 200), 0);
			watch();
			cr_assert_eq(mmiod_mapping_fill(mapping, 56, 0xab, 200), 0);
			check_elements(56, 200, width, true);
			cr_assert_eq(notes.page[255], 0xab);
			mmiod_mapping_free(mapping);
			window_free(&window);
		}
}

Test(copy_watched, of_an_uncached_mapping_is_by_words_and_each_byte_once)
{
	struct window window;
	struct mmiod_mapping *mapping = watched_mapping(&window, MMIOD_MEMTYPE_UC, 0);

	FOR_EACH_PLACE(offset, length)
	{
		watch();
		cr_assert_eq(mmiod_mapping_write(mapping, *offset, buffer, *length), 0);
		check_lines(*offset, *length, 8, true);
		watch();
		cr_assert_eq(mmiod_mapping_read(mapping, *offset, area, *length), 0);
		check_lines(*offset, *length, 8, false);
		watch();
		cr_assert_eq(mmiod_mapping_fill(mapping, *offset, 1, *length), 0);
		check_lines(*offset, *length, 8, true);
	}
	mmiod_mapping_free(mapping);
	window_free(&window);
}

Test(copy_watched, of_a_write_combining_mapping_is_by_the_best_lines)
{
	struct window window;
	struct mmiod_mapping *mapping = watched_mapping(&window, MMIOD_MEMTYPE_WC, 0);
	size_t store = access_bytes(line_store_best()->name);
	size_t load = access_bytes(line_load_best()->name);

	FOR_EACH_PLACE(offset, length)
	{
		watch();
		cr_assert_eq(mmiod_mapping_write(mapping, *offset, buffer, *length), 0);
		check_lines(*offset, *length, store, true);
		watch();
		cr_assert_eq(mmiod_mapping_read(mapping, *offset, area, *length), 0);
		check_lines(*offset, *length, load, false);
		watch();
		cr_assert_eq(mmiod_mapping_fill(mapping, *offset, 1, *length), 0);
		check_lines(*offset, *length, store, true);
	}
	mmiod_mapping_free(mapping);
	window_free(&window);
}

/* More than the four that go in one turn of the loop, and not a multiple of them. */
#define REGISTERS 7

Test(copy_watched, of_an_array_is_one_access_of_its_width_for_each_element)
{
	uint64_t in[REGISTERS], out[REGISTERS];

	memcpy(out, buffer, sizeof(out));
	watch();
	mmiod_write8_many(notes.page + 3, (uint8_t *)out, REGISTERS);
	check_elements(3, REGISTERS, 1, true);
	watch();
	mmiod_read8_many(notes.page + 3, (uint8_t *)in, REGISTERS);
	check_elements(3, REGISTERS, 1, false);
	cr_assert_eq(memcmp(in, out, REGISTERS), 0);
	watch();
	mmiod_write16_many(notes.page + 6, (uint16_t *)out, REGISTERS);
	check_elements(6, 2 * REGISTERS, 2, true);
	watch();
	mmiod_read16_many(notes.page + 6, (uint16_t *)in, REGISTERS);
	check_elements(6, 2 * REGISTERS, 2, false);
	cr_assert_eq(memcmp(in, out, 2 * REGISTERS), 0);
	watch();
	mmiod_write32_many(notes.page + 12, (uint32_t *)out, REGISTERS);
	check_elements(12, 4 * REGISTERS, 4, true);
	watch();
	mmiod_read32_many(notes.page + 12, (uint32_t *)in, REGISTERS);
	check_elements(12, 4 * REGISTERS, 4, false);
	cr_assert_eq(memcmp(in, out, 4 * REGISTERS), 0);
	watch();
	mmiod_write64_many(notes.page + 24, out, REGISTERS);
	check_elements(24, 8 * REGISTERS, 8, true);
	watch();
	mmiod_read64_many(notes.page + 24, in, REGISTERS);
	check_elements(24, 8 * REGISTERS, 8, false);
	cr_assert_arr_eq(in, out, sizeof(out));
	cr_assert_eq(notes.page[24 + sizeof(out)], UNTOUCHED);
}

Test(copy_watched, of_no_elements_touches_nothing)
{
	watch();
	mmiod_read32_many(notes.page, NULL, 0);
	mmiod_write64_many(notes.page, NULL, 0);
	mmiod_copy_to_window(notes.page, NULL, 0);
	mmiod_copy_from_window(NULL, notes.page, 0);
	look();
	cr_assert_eq(notes.count, 0);
}

Test(copy_watched, of_a_doorbell_is_one_store)
{
	watch();
	mmiod_write_doorbell32(notes.page + 4, 0xc0ffee);
	check_elements(4, 4, 4, true);
	cr_assert_eq(mmiod_read32(notes.page + 4), 0xc0ffee);
	cr_assert_eq(mmiod_read32(notes.page + 8), 0x11111111);
	watch();
	mmiod_write_doorbell64(notes.page + 8, 0x123456789abcdef0);
	check_elements(8, 8, 8, true);
	cr_assert_eq(mmiod_read64(notes.page + 8), 0x123456789abcdef0);
}
#endif

/* ---- mappings ---- */

static const struct {
	enum mmiod_memtype memtype;
	unsigned int width;
	bool rises; /* what comes first is copied first */
} kinds[] = {
	{ MMIOD_MEMTYPE_UC, 0, true },	{ MMIOD_MEMTYPE_WC, 0, true },
	{ MMIOD_MEMTYPE_WB, 0, false }, { MMIOD_MEMTYPE_UC, 4, true },
	{ MMIOD_MEMTYPE_WC, 1, true },
};
#define KINDS (sizeof(kinds) / sizeof(*kinds))

static struct mmiod_mapping *make(struct window *window, size_t kind, unsigned int rights)
{
	struct mmiod_mapping *mapping;

	window_make(window, 0, 2 * page, rights, kinds[kind].width);
	window->lease->memtype = kinds[kind].memtype;
	cr_assert_eq(mmiod_lease_map(window->lease, 0, &mapping), 0);
	return mapping;
}

Test(copy, by_a_mapping_reaches_its_window_in_memory_of_each_kind)
{
	for (size_t kind = 0; kind < KINDS; kind++) {
		uint8_t in[1000], fill[1000];
		struct window window;
		struct mmiod_mapping *mapping = make(&window, kind, RW);

		cr_assert_eq(mmiod_mapping_write(mapping, page - 500, buffer, 1000), 0);
		cr_assert_eq(pread(window.lease->fd, in, 1000, (off_t)page - 500), 1000);
		cr_assert_eq(memcmp(in, buffer, 1000), 0);
		memset(in, 0, sizeof(in));
		cr_assert_eq(mmiod_mapping_read(mapping, page - 500, in, 1000), 0);
		cr_assert_eq(memcmp(in, buffer, 1000), 0);
		memset(fill, 0x5c, sizeof(fill));
		cr_assert_eq(mmiod_mapping_fill(mapping, page - 500, 0x5c, 1000), 0);
		cr_assert_eq(pread(window.lease->fd, in, 1000, (off_t)page - 500), 1000);
		cr_assert_eq(memcmp(in, fill, 1000), 0);
		mmiod_mapping_free(mapping);
		window_free(&window);
	}
}

Test(copy, by_a_mapping_of_a_part_counts_from_where_that_begins)
{
	struct mmiod_mapping *mapping;
	struct window window;
	uint8_t in[8];

	window_make(&window, page, 4 * page, RW, 0);
	window.lease->memtype = MMIOD_MEMTYPE_WC;
	cr_assert_eq(mmiod_lease_map_range(window.lease, 2 * page, page, 0, &mapping), 0);
	cr_assert_eq(mmiod_mapping_write(mapping, page - 8, buffer, 8), 0);
	cr_assert_eq(pread(window.lease->fd, in, 8, (off_t)(4 * page) - 8), 8);
	cr_assert_eq(memcmp(in, buffer, 8), 0);
	cr_assert_eq(mmiod_mapping_write(mapping, page - 8, buffer, 9), -EINVAL);
	mmiod_mapping_free(mapping);
	window_free(&window);
}

Test(copy, by_a_mapping_that_outlived_its_lease_works_as_before)
{
	struct window window;
	struct mmiod_mapping *mapping = make(&window, 3, RW);
	uint8_t in[8];

	window_free(&window);
	cr_assert_eq(mmiod_mapping_write(mapping, 4, buffer, 8), 0);
	cr_assert_eq(mmiod_mapping_read(mapping, 4, in, 8), 0);
	cr_assert_eq(memcmp(in, buffer, 8), 0);
	cr_assert_eq(mmiod_mapping_read(mapping, 4, in, 7), -EINVAL, "its width is forgotten");
	mmiod_mapping_free(mapping);
}

/* The second of two pages is taken, as a revocation takes them all. */
Test(copy, by_a_mapping_that_is_taken_in_the_middle_ends_there)
{
	for (size_t kind = 0; kind < KINDS; kind++) {
		uint8_t in[256];
		struct window window;
		struct mmiod_mapping *mapping = make(&window, kind, RW);

		cr_assert_eq(ftruncate(window.lease->fd, (off_t)page), 0);
		cr_assert_eq(mmiod_mapping_write(mapping, page - 256, buffer, 512), -ENODEV);
		cr_assert_eq(pread(window.lease->fd, in, 256, (off_t)page - 256), 256);
		cr_assert(!kinds[kind].rises || !memcmp(in, buffer, 256),
			  "what lies before the end did not arrive");
		cr_assert_eq(mmiod_mapping_read(mapping, page - 256, area, 512), -ENODEV);
		cr_assert(!kinds[kind].rises || !memcmp(area, in, 256));
		cr_assert_eq(mmiod_mapping_fill(mapping, page - 256, 7, 512), -ENODEV);
		cr_assert_eq(mmiod_mapping_fill(mapping, page - 256, 7, 256), 0);
		mmiod_mapping_free(mapping);
		window_free(&window);
	}
}

static int copy_and_go_on(void *argument)
{
	uint8_t in[8];

	cr_assert_eq(mmiod_mapping_read(argument, page, in, 8), -ENODEV);
	return 17;
}

Test(copy, by_a_mapping_that_is_taken_ends_no_guard_around_it)
{
	struct window window;
	struct mmiod_mapping *mapping = make(&window, 1, RW);

	cr_assert_eq(ftruncate(window.lease->fd, (off_t)page), 0);
	cr_assert_eq(mmiod_guard(copy_and_go_on, mapping), 17);
	mmiod_mapping_free(mapping);
	window_free(&window);
}

static void refused(struct mmiod_mapping *mapping, uint64_t offset, size_t length)
{
	cr_assert_eq(mmiod_mapping_read(mapping, offset, area, length), -EINVAL);
	cr_assert_eq(mmiod_mapping_write(mapping, offset, area, length), -EINVAL);
	cr_assert_eq(mmiod_mapping_fill(mapping, offset, 1, length), -EINVAL);
}

Test(copy, beyond_the_mapping_is_refused)
{
	for (size_t kind = 0; kind < KINDS; kind++) {
		struct window window;
		struct mmiod_mapping *mapping = make(&window, kind, RW);

		refused(mapping, 0, 2 * page + 4);
		refused(mapping, 2 * page, 4);
		refused(mapping, 2 * page + 4, 0);
		refused(mapping, page, 2 * page);
		refused(mapping, 4, SIZE_MAX);
		refused(mapping, 4, SIZE_MAX - 3); /* wraps to 0 */
		refused(mapping, UINT64_MAX - 3, 4); /* likewise */
		refused(mapping, UINT64_MAX, 1);
		cr_assert_eq(mmiod_mapping_read(mapping, 2 * page, NULL, 0), 0);
		cr_assert_eq(mmiod_mapping_write(mapping, 2 * page, NULL, 0), 0);
		cr_assert_eq(mmiod_mapping_fill(mapping, 2 * page, 1, 0), 0);
		cr_assert_eq(mmiod_mapping_read(mapping, 0, area, 4), 0);
		cr_assert_eq(memcmp(area, "\0\0\0\0", 4), 0, "something was written");
		mmiod_mapping_free(mapping);
		window_free(&window);
	}
}

Test(copy, that_cuts_a_register_in_two_is_refused)
{
	struct window window;
	struct mmiod_mapping *mapping = make(&window, 3, RW);

	refused(mapping, 0, 3);
	refused(mapping, 2, 4);
	refused(mapping, 4, 6);
	refused(mapping, 1, 0);
	cr_assert_eq(mmiod_mapping_read(mapping, 4, area, 12), 0);
	mmiod_mapping_free(mapping);
	window_free(&window);
}

Test(copy, onto_a_read_only_mapping_is_refused)
{
	for (size_t kind = 0; kind < KINDS; kind++) {
		struct window window;
		struct mmiod_mapping *mapping = make(&window, kind, RO);

		cr_assert_eq(mmiod_mapping_write(mapping, 0, buffer, 4), -EBADF);
		cr_assert_eq(mmiod_mapping_fill(mapping, 0, 1, 4), -EBADF);
		cr_assert_eq(mmiod_mapping_read(mapping, 0, area, 4), 0);
		mmiod_mapping_free(mapping);
		window_free(&window);
	}
}

/* The client may be in use by another thread. */
Test(copy, that_fails_leaves_the_clients_sentence_alone)
{
	struct window window;
	struct mmiod_mapping *mapping = make(&window, 3, RO);

	strcpy(window.client.error, "as before");
	refused(mapping, 0, 3);
	cr_assert_eq(mmiod_mapping_fill(mapping, 0, 1, 4), -EBADF);
	cr_assert_str_eq(window.client.error, "as before");
	mmiod_mapping_free(mapping);
	window_free(&window);
}
