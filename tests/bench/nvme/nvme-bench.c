// SPDX-License-Identifier: MIT
/*
 * nvme-bench PEER DEVICE REGION: what one read of 4 KiB costs by the driver of client/examples. That
 * is a program of one file, and is here as a whole; linked with libmmiod it is by mmiod, and
 * with by-vfio.c by vfio-pci, where DEVICE is the function's address.
 */
#include "../rig/rig-bench.h"
#include "../rig/spinner.h"

#undef PAGE /* the driver has a constant of that name */
int nvme_io_main(int argc, char **argv);
#define main nvme_io_main
#include "../../../client/examples/nvme-io.c"
#undef main

#define TURNS 200
#define TURNS_MAX 2000
#define WAIT_MIN 10000 /* ticks */

_Noreturn void die(const char *what)
{
	fprintf(stderr, "nvme-bench: %s: %m\n", what);
	exit(1);
}

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static int read_page(struct nvme *nvme, uint64_t block)
{
	const struct command command = {
		.opcode = READ_BLOCKS,
		.namespace = htole32(1),
		.data = { htole64(nvme->data_at) },
		.words = { htole32((uint32_t)block), 0, htole32(PAGE / nvme->block - 1) },
	};

	return run(nvme, 1, &command);
}

/*
 * The disk's time is left out, and so are the turns in which nobody waited for it: an emulated one
 * may be done before the driver looks. How many were counted.
 */
static size_t read_many(struct nvme *nvme, uint64_t work[TURNS])
{
	size_t count = 0;

	spinner_start();
	for (uint64_t i = 0; count < TURNS && i < TURNS_MAX; i++) {
		uint64_t start = ticks(), busy = busy_ticks();

		if (read_page(nvme, i % 64 * (PAGE / nvme->block)))
			return 0;
		busy = busy_ticks() - busy;
		if (ticks() - start > busy + WAIT_MIN)
			work[count++] = busy;
	}
	return count;
}

int main(int argc, char **argv)
{
	static uint64_t work[TURNS];
	struct nvme nvme = { 0 };
	size_t count = 0;

	if (argc != 4)
		return say("usage: nvme-bench PEER DEVICE REGION") ? EXIT_FAILURE : EXIT_SUCCESS;
	if (!take(&nvme, argv[2], argv[3]) && !enable(&nvme) && !look(&nvme) &&
	    !make_queues(&nvme, 1))
		count = read_many(&nvme, work);
	give_back(&nvme);
	if (!count)
		return say("no read had to be waited for") ? EXIT_FAILURE : EXIT_SUCCESS;
	/* Few turns are free of the clock's own interrupts: the cheapest tenth is. */
	qsort(work, count, sizeof(*work), compare);
	tell("nvme", argv[1], "4 KiB", "read", (double)work[count / 10]);
	return EXIT_SUCCESS;
}
