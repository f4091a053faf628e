// SPDX-License-Identifier: MIT
/*
 * A fuzz target without libFuzzer, built by whatever compiler builds the rest: all seeds in a
 * directory, in order, and some variants of each that are the same every time. Prints TAP; a crash
 * leaves its seed without a line.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SIZE_MAX_SEED 65536
#define VARIANTS 40

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t state;

static uint32_t random_below(uint32_t limit)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((state >> 33) % limit);
}

/* A few bytes changed, some of them to values at the edges; or a piece left out. */
static size_t vary(uint8_t *data, size_t size)
{
	static const uint8_t edges[] = { 0, 1, 0x7f, 0x80, 0xfe, 0xff };

	for (uint32_t i = 1 + random_below(4); i && size; i--) {
		size_t at = random_below((uint32_t)size);

		if (random_below(8) == 0) {
			size_t gone = random_below((uint32_t)(size - at)) % 16;

			memmove(data + at, data + at + gone, size - at - gone);
			size -= gone;
		} else if (random_below(2)) {
			data[at] = edges[random_below(sizeof(edges))];
		} else {
			data[at] = (uint8_t)random_below(256);
		}
	}
	return size;
}

/* In memory of exactly its size, so that a sanitizer sees a read behind it. */
static void run(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

static int replay(const char *name)
{
	static uint8_t seed[SIZE_MAX_SEED], variant[SIZE_MAX_SEED];
	char path[512];
	size_t size;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", SEEDS, name);
	file = fopen(path, "re");
	if (!file)
		return 1;
	size = fread(seed, 1, sizeof(seed), file);
	fclose(file);
	run(seed, size);
	state = 1;
	for (int i = 0; i < VARIANTS; i++) {
		memcpy(variant, seed, size);
		run(variant, vary(variant, size));
	}
	return 0;
}

static int is_seed(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

int main(void)
{
	struct dirent **entries;
	int n = scandir(SEEDS, &entries, is_seed, alphasort), failed = 0;

	printf("1..%d\n", n < 1 ? 1 : n);
	if (n < 1)
		printf("not ok - there are no seeds in %s\n", SEEDS);
	if (!freopen("/dev/null", "we", stderr))
		return 1;
	for (int i = 0; i < n; i++) {
		int bad;

		fflush(stdout);
		bad = replay(entries[i]->d_name);
		printf("%s - %s stands seed %s and %d variants of it\n", bad ? "not ok" : "ok",
		       TARGET, entries[i]->d_name, VARIANTS);
		failed |= bad;
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
	return n < 1 || failed;
}
