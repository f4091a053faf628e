// SPDX-License-Identifier: MIT
/* The words of parked leases. See parking.h for who writes what. */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include "base/util.h"
#include "lease/lease.h"

#define BYTES (MMIOD_PARK_WORDS * sizeof(uint32_t))
#define TRIES 4 /* a client that changes a word faster than that holds an ordinary lease */

/* Sealed, because a page that the client cut off would kill the daemon with SIGBUS. */
static int open_page(void)
{
	_cleanup_(fd_closep) int fd = memfd_create("parking", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || ftruncate(fd, BYTES) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		return -errno;
	return steal_fd(&fd);
}

/* The file is the caller's, who sends it to the client. */
int parking_new(struct parking **parkingp, int *fdp)
{
	_cleanup_(freep) struct parking *parking = calloc(1, sizeof(*parking));
	_cleanup_(fd_closep) int fd = -1;

	if (!parking)
		return -ENOMEM;
	fd = open_page();
	if (fd < 0)
		return fd;
	parking->words = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (parking->words == MAP_FAILED)
		return -errno;
	*fdp = steal_fd(&fd);
	*parkingp = steal_pointer(parking);
	return 0;
}

/* What leases it still has are ordinary ones from here on. */
void parking_free(struct parking *parking)
{
	for (uint32_t i = 0; i < parking->end; i++)
		if (parking->leases[i])
			parking_leave(parking->leases[i]);
	munmap(parking->words, BYTES);
	free(parking);
}

/* The first free word at or behind @from; MMIOD_PARK_WORDS: there is none. */
static uint32_t find_free(const struct parking *parking, uint32_t from)
{
	while (from < MMIOD_PARK_WORDS && parking->leases[from])
		from++;
	return from;
}

/* False: all words are taken, and the lease cannot be parked. */
bool parking_give(struct parking *parking, struct lease *lease)
{
	uint32_t word = find_free(parking, parking->hint);

	if (word == MMIOD_PARK_WORDS)
		word = find_free(parking, 0);
	parking->hint = word == MMIOD_PARK_WORDS ? 0 : word + 1;
	if (word == MMIOD_PARK_WORDS)
		return false;
	parking->turn += MMIOD_PARK_STATES;
	parking->leases[word] = lease;
	parking->n_open++;
	if (parking->end <= word)
		parking->end = word + 1;
	lease->parking = (struct parking_place){ .page = parking,
						 .word = word,
						 .held = parking->turn | MMIOD_PARK_HELD };
	__atomic_store_n(&parking->words[word], lease->parking.held, __ATOMIC_SEQ_CST);
	return true;
}

static void close_place(struct parking_place *place)
{
	if (!place->closed)
		place->page->n_open--;
	place->closed = true;
}

/* The lease goes, or its page does: the word is another's. */
void parking_leave(struct lease *lease)
{
	struct parking_place *place = &lease->parking;

	if (!place->page)
		return;
	close_place(place);
	place->page->leases[place->word] = NULL;
	place->page = NULL;
}

static bool swap(const struct parking_place *place, uint32_t from, uint32_t to)
{
	uint32_t expected = place->held | from;

	return __atomic_compare_exchange_n(&place->page->words[place->word], &expected,
					   place->held | to, false, __ATOMIC_SEQ_CST,
					   __ATOMIC_SEQ_CST);
}

/*
 * Asks the word, and settles the answer for good. True: the holder had parked the lease, and cannot
 * take it back. False: it is in use, and cannot be parked any more.
 */
bool parking_ask(struct lease *lease)
{
	struct parking_place *place = &lease->parking;

	if (!place->page || place->closed)
		return place->taken;
	close_place(place);
	for (int i = 0; i < TRIES; i++) {
		if (swap(place, MMIOD_PARK_HELD, MMIOD_PARK_WANTED))
			return false;
		if (swap(place, MMIOD_PARK_PARKED, MMIOD_PARK_TAKEN))
			return place->taken = true;
	}
	__atomic_store_n(&place->page->words[place->word], place->held | MMIOD_PARK_WANTED,
			 __ATOMIC_SEQ_CST);
	return false;
}

/* As things stand: nothing is settled. */
bool parking_is_parked(const struct lease *lease)
{
	const struct parking_place *place = &lease->parking;

	if (!place->page || place->closed)
		return place->taken;
	return __atomic_load_n(&place->page->words[place->word], __ATOMIC_SEQ_CST) ==
	       (place->held | MMIOD_PARK_PARKED);
}
