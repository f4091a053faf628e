/* SPDX-License-Identifier: MIT */
/*
 * Whole lines to and from write-combining memory.
 *
 * A write-combining buffer that was filled wholly leaves as one transaction of 64 bytes; one that
 * was filled in part, or found full of something else, leaves in pieces. So lines are stored one
 * after the other, rising, by the widest non-temporal stores that the processor has, and nothing is
 * read in between. Loads of a word each from such memory are one read on the bus each; a streaming
 * load fetches the line, and the others of that line take theirs from the same buffer.
 *
 * Streaming loads are weakly ordered, and no store of anybody empties the buffers that they fill: a
 * full fence before the first one of a copy keeps it from finding what an earlier copy left there.
 *
 * Here is compiled what the compiler can, whatever processor it compiles for; the processor is
 * asked when the first copy is made.
 */
#include "access/access.h"

#include <stdatomic.h>
#include <string.h>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#include <immintrin.h>
#endif

/* Keeps the compiler from moving an access before the one that was written first. */
#define IN_ORDER() __asm__ volatile("" ::: "memory")

/* The fence before streaming loads. It is no locked instruction, which some processors let them pass. */
#if defined(__x86_64__) || defined(__i386__)
#define LOADS_BEGIN() __asm__ volatile("mfence" ::: "memory")
#elif defined(__aarch64__)
#define LOADS_BEGIN() __asm__ volatile("dmb sy" ::: "memory")
#endif

static bool always(void)
{
	return true;
}

static void store_words(volatile uint8_t *to, const uint8_t *from, size_t lines, bool repeat)
{
	words_store(to, from, lines * LINE_BYTES, repeat);
}

static void load_words(uint8_t *to, const volatile uint8_t *from, size_t lines)
{
	mmiod_copy_from_window(to, from, lines * LINE_BYTES);
}

#if defined(__x86_64__) || defined(__i386__)

static bool has_sse2(void)
{
	return __builtin_cpu_supports("sse2");
}

static bool has_sse41(void)
{
	return __builtin_cpu_supports("sse4.1");
}

static bool has_avx(void)
{
	return __builtin_cpu_supports("avx");
}

static bool has_avx2(void)
{
	return __builtin_cpu_supports("avx2");
}

static bool has_avx512(void)
{
	return __builtin_cpu_supports("avx512f");
}

/* Not all compilers know its name. It uses no register that the system would have to save. */
static bool has_movdir64b(void)
{
	unsigned int a, b, c, d;

	return __get_cpuid_count(7, 0, &a, &b, &c, &d) && c & 1u << 28;
}

__attribute__((target("sse2"))) static void store_sse2(volatile uint8_t *to, const uint8_t *from,
						       size_t lines, bool repeat)
{
	size_t step = repeat ? 0 : LINE_BYTES;

	for (; lines; lines--, to += LINE_BYTES, from += step) {
		const __m128i *line = (const __m128i *)from;
		__m128i *window = (__m128i *)(uintptr_t)to;
		__m128i a = _mm_loadu_si128(line), b = _mm_loadu_si128(line + 1);
		__m128i c = _mm_loadu_si128(line + 2), d = _mm_loadu_si128(line + 3);

		_mm_stream_si128(window, a);
		IN_ORDER();
		_mm_stream_si128(window + 1, b);
		IN_ORDER();
		_mm_stream_si128(window + 2, c);
		IN_ORDER();
		_mm_stream_si128(window + 3, d);
		IN_ORDER();
	}
}

__attribute__((target("avx"))) static void store_avx(volatile uint8_t *to, const uint8_t *from,
						     size_t lines, bool repeat)
{
	size_t step = repeat ? 0 : LINE_BYTES;

	for (; lines; lines--, to += LINE_BYTES, from += step) {
		const __m256i *line = (const __m256i *)from;
		__m256i *window = (__m256i *)(uintptr_t)to;
		__m256i a = _mm256_loadu_si256(line), b = _mm256_loadu_si256(line + 1);

		_mm256_stream_si256(window, a);
		IN_ORDER();
		_mm256_stream_si256(window + 1, b);
		IN_ORDER();
	}
}

__attribute__((target("avx512f"))) static void store_avx512(volatile uint8_t *to,
							    const uint8_t *from, size_t lines,
							    bool repeat)
{
	size_t step = repeat ? 0 : LINE_BYTES;

	for (; lines; lines--, to += LINE_BYTES, from += step) {
		_mm512_stream_si512((__m512i *)(uintptr_t)to, _mm512_loadu_si512(from));
		IN_ORDER();
	}
}

/*
 * MOVDIR64B [dx], ax, by its number, because not all assemblers know it. It is the one store that
 * the processor promises to be a single transaction; it heeds no memory type, and so is for windows
 * only that are write-combining.
 */
static void store_movdir64b(volatile uint8_t *to, const uint8_t *from, size_t lines, bool repeat)
{
	size_t step = repeat ? 0 : LINE_BYTES;

	for (; lines; lines--, to += LINE_BYTES, from += step)
		__asm__ volatile(".byte 0x66, 0x0f, 0x38, 0xf8, 0x02" ::"a"(to), "d"(from)
				 : "memory");
}

__attribute__((target("sse4.1"))) static void load_sse41(uint8_t *to, const volatile uint8_t *from,
							 size_t lines)
{
	LOADS_BEGIN();
#pragma GCC unroll 2
	for (; lines; lines--, to += LINE_BYTES, from += LINE_BYTES) {
		__m128i *window = (__m128i *)(uintptr_t)from, *line = (__m128i *)to;
		__m128i a, b, c, d;

		a = _mm_stream_load_si128(window);
		IN_ORDER();
		b = _mm_stream_load_si128(window + 1);
		IN_ORDER();
		c = _mm_stream_load_si128(window + 2);
		IN_ORDER();
		d = _mm_stream_load_si128(window + 3);

		_mm_storeu_si128(line, a);
		_mm_storeu_si128(line + 1, b);
		_mm_storeu_si128(line + 2, c);
		_mm_storeu_si128(line + 3, d);
		IN_ORDER();
	}
}

__attribute__((target("avx2"))) static void load_avx2(uint8_t *to, const volatile uint8_t *from,
						      size_t lines)
{
	LOADS_BEGIN();
#pragma GCC unroll 4
	for (; lines; lines--, to += LINE_BYTES, from += LINE_BYTES) {
		__m256i *window = (__m256i *)(uintptr_t)from, *line = (__m256i *)to;
		__m256i a, b;

		a = _mm256_stream_load_si256(window);
		IN_ORDER();
		b = _mm256_stream_load_si256(window + 1);

		_mm256_storeu_si256(line, a);
		_mm256_storeu_si256(line + 1, b);
		IN_ORDER();
	}
}

const struct line_store line_stores[] = {
	{ "movdir64b", has_movdir64b, store_movdir64b },
	{ "avx512", has_avx512, store_avx512 },
	{ "avx", has_avx, store_avx },
	{ "sse2", has_sse2, store_sse2 },
	{ "words", always, store_words },
};

/* AVX-512 has such a load, too, which fetches no more from the bus than two of half its width. */
const struct line_load line_loads[] = {
	{ "avx2", has_avx2, load_avx2 },
	{ "sse4.1", has_sse41, load_sse41 },
	{ "words", always, load_words },
};

#elif defined(__aarch64__)

static void store_stnp(volatile uint8_t *to, const uint8_t *from, size_t lines, bool repeat)
{
	size_t step = repeat ? 0 : LINE_BYTES;

	for (; lines; lines--, to += LINE_BYTES, from += step)
		__asm__ volatile("ldp q0, q1, [%1]\n\t"
				 "ldp q2, q3, [%1, #32]\n\t"
				 "stnp q0, q1, [%0]\n\t"
				 "stnp q2, q3, [%0, #32]" ::"r"(to),
				 "r"(from)
				 : "memory", "v0", "v1", "v2", "v3");
}

static void load_ldnp(uint8_t *to, const volatile uint8_t *from, size_t lines)
{
	LOADS_BEGIN();
	for (; lines; lines--, to += LINE_BYTES, from += LINE_BYTES)
		__asm__ volatile("ldnp q0, q1, [%1]\n\t"
				 "ldnp q2, q3, [%1, #32]\n\t"
				 "stp q0, q1, [%0]\n\t"
				 "stp q2, q3, [%0, #32]" ::"r"(to),
				 "r"(from)
				 : "memory", "v0", "v1", "v2", "v3");
}

const struct line_store line_stores[] = {
	{ "stnp", always, store_stnp },
	{ "words", always, store_words },
};

const struct line_load line_loads[] = {
	{ "ldnp", always, load_ldnp },
	{ "words", always, load_words },
};

#else

const struct line_store line_stores[] = { { "words", always, store_words } };
const struct line_load line_loads[] = { { "words", always, load_words } };

#endif

const size_t line_store_count = sizeof(line_stores) / sizeof(*line_stores);
const size_t line_load_count = sizeof(line_loads) / sizeof(*line_loads);

/* Threads that choose at once choose the same. */
const struct line_store *line_store_best(void)
{
	static _Atomic(const struct line_store *) chosen;
	const struct line_store *way = atomic_load_explicit(&chosen, memory_order_relaxed);

	if (way)
		return way;
	for (way = line_stores; !way->usable();)
		way++;
	atomic_store_explicit(&chosen, way, memory_order_relaxed);
	return way;
}

const struct line_load *line_load_best(void)
{
	static _Atomic(const struct line_load *) chosen;
	const struct line_load *way = atomic_load_explicit(&chosen, memory_order_relaxed);

	if (way)
		return way;
	for (way = line_loads; !way->usable();)
		way++;
	atomic_store_explicit(&chosen, way, memory_order_relaxed);
	return way;
}

/* How many of the bytes lie before the first line that begins among them. */
static size_t before_line(const volatile uint8_t *window, size_t length)
{
	size_t head = -(uintptr_t)window % LINE_BYTES;

	return head < length ? head : length;
}

/* With @repeat all bytes are the same, and @from has a line of them. */
void combined_store(const struct line_store *way, volatile uint8_t *to, const uint8_t *from,
		    size_t length, bool repeat)
{
	size_t head = before_line(to, length), lines = (length - head) / LINE_BYTES;
	size_t tail = head + lines * LINE_BYTES;

	if (head)
		words_store(to, from, head, repeat);
	if (lines)
		way->store(to + head, repeat ? from : from + head, lines, repeat);
	if (tail < length)
		words_store(to + tail, repeat ? from : from + tail, length - tail, repeat);
	mmiod_wc_flush();
}

void combined_load(const struct line_load *way, uint8_t *to, const volatile uint8_t *from,
		   size_t length)
{
	size_t head = before_line(from, length), lines = (length - head) / LINE_BYTES;
	size_t tail = head + lines * LINE_BYTES;

	if (head)
		mmiod_copy_from_window(to, from, head);
	if (lines)
		way->load(to + head, from + head, lines);
	if (tail < length)
		mmiod_copy_from_window(to + tail, from + tail, length - tail);
}
