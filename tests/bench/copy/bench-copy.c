/* SPDX-License-Identifier: MIT */
/*
 * bench-copy: how fast the library copies to and from a window, beside what a program would use
 * instead. The windows are ordinary memory, because no bus and no write-combining memory is to be
 * had here; so it shows what the copies cost the processor, and whether they could keep a bus busy.
 *
 * bench-copy [ROUNDS]	two tables, to a window and from one
 *
 * RAM, WC, UC: mmiod_mapping_write() and _read() on such a window, within a guard that the program
 * has already; RAM alone: without one. 32 bits: on registers of that width. pointer:
 * mmiod_copy_to_window() and its kin, which know no kind of window.
 *
 * The rows of a table share their buffers. In each round every way gets its turn, several copies in
 * a row, and the least of all rounds counts.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "access/access.h"

#define LARGEST (64u << 20)
#define TURN_BYTES (1u << 20) /* copied in one turn, at least once */
#define ROUNDS_MAX 999

/* As a lease would have made them, of each kind of memory. */
static struct mmiod_mapping cached = { .memtype = MMIOD_MEMTYPE_WB },
			    combining = { .memtype = MMIOD_MEMTYPE_WC },
			    uncached = { .memtype = MMIOD_MEMTYPE_UC },
			    registers = { .memtype = MMIOD_MEMTYPE_UC, .width = 4 };
static uint8_t *window, *buffer;

static void die(const char *what)
{
	fprintf(stderr, "bench-copy: %s\n", what);
	exit(1);
}

/* ---- what a program would use instead ---- */

static void copy_memcpy(void *to, const void *from, size_t length)
{
	memcpy(to, from, length);
	__asm__ volatile("" ::: "memory");
}

static void copy_words(void *to, const void *from, size_t length)
{
	volatile unsigned long *out = to;
	const volatile unsigned long *in = from;

	for (size_t i = 0; i < length / sizeof(*out); i++)
		out[i] = in[i];
}

#if defined(__x86_64__)
#include <immintrin.h>

static void copy_string(void *to, const void *from, size_t length)
{
	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(length)::"memory");
}

/* GDRCopy's way to a window of a graphics card: four stores of 32 bytes a turn, then a fence. */
__attribute__((target("avx2"))) static void copy_gdr_to(void *to, const void *from, size_t length)
{
	__m256i *out = to;
	const __m256i *in = from;

	for (size_t i = 0; i < length / sizeof(*out); i += 4) {
		__m256i a = _mm256_loadu_si256(in + i), b = _mm256_loadu_si256(in + i + 1);
		__m256i c = _mm256_loadu_si256(in + i + 2), d = _mm256_loadu_si256(in + i + 3);

		_mm256_stream_si256(out + i, a);
		_mm256_stream_si256(out + i + 1, b);
		_mm256_stream_si256(out + i + 2, c);
		_mm256_stream_si256(out + i + 3, d);
	}
	_mm_sfence();
}

/* And from it: four streaming loads a turn, and no fence. */
__attribute__((target("avx2"))) static void copy_gdr_from(void *to, const void *from, size_t length)
{
	__m256i *out = to, *in = (__m256i *)from;

	for (size_t i = 0; i < length / sizeof(*out); i += 4) {
		__m256i a = _mm256_stream_load_si256(in + i);
		__m256i b = _mm256_stream_load_si256(in + i + 1);
		__m256i c = _mm256_stream_load_si256(in + i + 2);
		__m256i d = _mm256_stream_load_si256(in + i + 3);

		_mm256_storeu_si256(out + i, a);
		_mm256_storeu_si256(out + i + 1, b);
		_mm256_storeu_si256(out + i + 2, c);
		_mm256_storeu_si256(out + i + 3, d);
	}
	__asm__ volatile("" ::: "memory");
}
#endif

/* ---- the library's ---- */

static void must(int err)
{
	if (err)
		die(strerror(-err));
}

static void write_cached(void *to, const void *from, size_t length)
{
	must(mmiod_mapping_write(&cached, 0, from, length));
}

static void write_combining(void *to, const void *from, size_t length)
{
	must(mmiod_mapping_write(&combining, 0, from, length));
}

static void write_uncached(void *to, const void *from, size_t length)
{
	must(mmiod_mapping_write(&uncached, 0, from, length));
}

static void write_registers(void *to, const void *from, size_t length)
{
	must(mmiod_mapping_write(&registers, 0, from, length));
}

static void read_cached(void *to, const void *from, size_t length)
{
	must(mmiod_mapping_read(&cached, 0, to, length));
}

static void read_combining(void *to, const void *from, size_t length)
{
	must(mmiod_mapping_read(&combining, 0, to, length));
}

static void read_uncached(void *to, const void *from, size_t length)
{
	must(mmiod_mapping_read(&uncached, 0, to, length));
}

static void read_registers(void *to, const void *from, size_t length)
{
	must(mmiod_mapping_read(&registers, 0, to, length));
}

static void copy_to_window(void *to, const void *from, size_t length)
{
	mmiod_copy_to_window(to, from, length);
}

static void copy_from_window(void *to, const void *from, size_t length)
{
	mmiod_copy_from_window(to, from, length);
}

/* ---- measuring ---- */

struct way {
	const char *name;
	void (*copy)(void *to, const void *from, size_t length);
	bool alone; /* not within a guard that the program has already */
	const char *kin; /* the peer that works in the same manner; NULL: it is a peer itself */
};

static const struct way to_window[] = {
	{ "memcpy", copy_memcpy },
#if defined(__x86_64__)
	{ "rep movsb", copy_string },
	{ "GDRCopy's", copy_gdr_to },
#endif
	{ "words", copy_words },
	{ "RAM", write_cached, false, "memcpy" },
	{ "RAM alone", write_cached, true, "memcpy" },
	{ "WC", write_combining, false, "GDRCopy's" },
	{ "UC", write_uncached, false, "words" },
	{ "32 bits", write_registers, false, "words" },
	{ "pointer", copy_to_window, false, "words" },
	{ 0 },
};

static const struct way from_window[] = {
	{ "memcpy", copy_memcpy },
#if defined(__x86_64__)
	{ "rep movsb", copy_string },
	{ "GDRCopy's", copy_gdr_from },
#endif
	{ "words", copy_words },
	{ "RAM", read_cached, false, "memcpy" },
	{ "RAM alone", read_cached, true, "memcpy" },
	{ "WC", read_combining, false, "GDRCopy's" },
	{ "UC", read_uncached, false, "words" },
	{ "32 bits", read_registers, false, "words" },
	{ "pointer", copy_from_window, false, "words" },
	{ 0 },
};
#define WAYS (sizeof(to_window) / sizeof(*to_window))

struct turn {
	const struct way *way;
	bool out; /* from the window */
	size_t length;
	double took; /* ns for a copy */
};

/* The thread's own time: others keep the machine busy, too. */
static double now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* One copy brings into the caches what the way before has driven out of them. */
static int take_turn(void *argument)
{
	struct turn *turn = argument;
	size_t copies = turn->length < TURN_BYTES ? TURN_BYTES / turn->length : 1;
	uint8_t *to = turn->out ? buffer : window, *from = turn->out ? window : buffer;
	double start;

	turn->way->copy(to, from, turn->length);
	start = now_ns();
	for (size_t i = 0; i < copies; i++)
		turn->way->copy(to, from, turn->length);
	turn->took = (now_ns() - start) / (double)copies;
	return 0;
}

static void measure(const struct way *ways, bool out, size_t length, int rounds, double *least)
{
	for (int round = 0; round < rounds; round++)
		for (size_t i = 0; ways[i].name; i++) {
			struct turn turn = { &ways[i], out, length };

			must(ways[i].alone ? take_turn(&turn) : mmiod_guard(take_turn, &turn));
			if (!round || turn.took < least[i])
				least[i] = turn.took;
		}
}

static void print_names(const struct way *ways, const char *title)
{
	printf("\n%s: GB/s; of the library's also the part of the best peer, and of its kin\n%8s",
	       title, "bytes");
	for (size_t i = 0; ways[i].name; i++)
		printf(ways[i].kin ? " %16s" : " %9s", ways[i].name);
	printf("\n%8s", "");
	for (size_t i = 0; ways[i].name; i++)
		printf(ways[i].kin ? " %16s" : " %9s", ways[i].kin ? ways[i].kin : "");
	printf("\n");
}

/* Elsewhere than on x86-64 some have none. */
static double kin_of(const struct way *ways, size_t which, const double *least)
{
	for (size_t i = 0; ways[i].name; i++)
		if (!strcmp(ways[i].name, ways[which].kin))
			return least[i];
	return least[0];
}

static void print_row(const struct way *ways, size_t length, const double *least)
{
	double best = least[0];

	for (size_t i = 0; ways[i].name; i++)
		if (!ways[i].kin && least[i] < best)
			best = least[i];
	printf("%8zu", length);
	for (size_t i = 0; ways[i].name; i++)
		if (!ways[i].kin)
			printf(" %9.2f", (double)length / least[i]);
		else
			printf(" %6.2f %.2f %.2f", (double)length / least[i], best / least[i],
			       kin_of(ways, i, least) / least[i]);
	printf("\n");
	fflush(stdout);
}

static void print_table(const struct way *ways, bool out, int rounds)
{
	double least[WAYS];

	print_names(ways, out ? "From a window" : "To a window");
	for (size_t length = 256; length <= LARGEST; length *= 4) {
		measure(ways, out, length, rounds, least);
		print_row(ways, length, least);
	}
}

static uint8_t *pages(uint8_t value)
{
	void *memory =
		mmap(NULL, LARGEST, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		die("no memory");
	return memset(memory, value, LARGEST);
}

static void place(struct mmiod_mapping *mapping)
{
	mapping->address = window;
	mapping->length = LARGEST;
	mapping->prot = PROT_READ | PROT_WRITE;
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 40;

	if (rounds < 1 || rounds > ROUNDS_MAX)
		die("ROUNDS is 1 to 999");
	window = pages(0x11);
	buffer = pages(0x22);
	place(&cached);
	place(&combining);
	place(&uncached);
	place(&registers);
	printf("Copies on ordinary memory, the least of %d rounds. WC stores lines by %s, and "
	       "loads "
	       "them by %s.\n",
	       rounds, line_store_best()->name, line_load_best()->name);
	print_table(to_window, false, rounds);
	print_table(from_window, true, rounds);
	return 0;
}
