/* SPDX-License-Identifier: MIT */
/*
 * Notes of what is to be written when a lease ends: files that outlive the daemon, for a holder may
 * die while no daemon is there to see it. A note says for which claim it is, because by then the
 * configuration may give the region's name to other bytes.
 */
#ifndef MMIOD_DAEMON_BROKER_SAFE_NOTE_H
#define MMIOD_DAEMON_BROKER_SAFE_NOTE_H

#include "broker/broker.h"

struct safe_note {
	uint64_t id; /* the lease's */
	char region[MMIOD_NAME_MAX]; /* empty: it was not finished, and nobody had the lease */
	char device[MMIOD_WIRE_NAME]; /* of the claim; empty: an older daemon did not say */
	uint32_t bar;
	uint64_t claim_offset;
	uint64_t claim_length;
	uint64_t phys; /* of a claim by address */
	uint32_t generation; /* of a device's binding; 0: an older daemon did not say */
	uint64_t offset; /* of the lease */
	uint64_t length;
	enum mmiod_memtype memtype;
	uint32_t uid;
	uint32_t pid;
	uint32_t tenant; /* as of struct holder */
	uint64_t load; /* of the module; 0: an older daemon or module did not say */
	bool other_load; /* ids and generations are not those of this load */
	struct config_writes writes;
	struct safe_note *prev, *next; /* among those whose claim is not there */
};

int safe_note_write(struct broker *broker, uint64_t id, const struct lease *lease);
int safe_note_read(struct broker *broker, uint64_t id, struct safe_note *note);
void safe_note_remove(struct broker *broker, uint64_t id);
bool safe_note_exists(struct broker *broker, uint64_t id);
bool safe_note_is_for(const struct safe_note *note, const struct region *region);
/* The device that it was for has gone: the region is claimed of what is in its place since. */
bool safe_note_is_late(const struct safe_note *note, const struct region *region);
/* The lease of that id is the one that it is on, as far as it says. */
bool safe_note_is_on(const struct safe_note *note, const struct lease *lease);
/*
 * The module counts ids from 1 again when it is loaded again, so a lease may get the id that the
 * note has: it takes another one, that no window will have. 0 or -errno.
 */
int safe_note_set_aside(struct broker *broker, struct safe_note *note);
/* Calls back with the id of each note that there is. */
int safe_note_each(struct broker *broker, void (*each)(struct broker *broker, uint64_t id));

#endif
