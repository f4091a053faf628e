/* SPDX-License-Identifier: MIT */
/*
 * Places that are read on and on, until somebody ends it.
 */
#ifndef MMIOCTL_FOLLOW_H
#define MMIOCTL_FOLLOW_H

#include "target/place.h"

struct follow {
	struct context *context;
	struct place *places; /* owned by the caller, who has read their targets */
	size_t count;
	bool simulated;
	uint64_t lonely; /* since when the daemon is away, ms; 0: it is there */
	uint64_t retry; /* when to look for it next */
	bool done;
	int status;
	char why[768]; /* it ended; "": nobody but the caller ended it */
	/* Before and behind a wait for a lease, which no signal interrupts that is blocked; or NULL. */
	void (*waits)(void *data, bool begins);
	void *data;
	/* Of events that are about no place; or NULL. */
	void (*hears)(void *hear_data, const struct mmiod_event *event);
	void *hear_data;
	/* Before something is told that must be seen; or NULL. */
	void (*tells)(void *tell_data);
	void *tell_data;
};

/* Leases registers for reading. What was leased is given back by follow_close(). Exit status. */
int follow_open(struct follow *follow, const struct lease_options *options);
void follow_close(struct follow *follow);
void follow_end(struct follow *follow, int status);
/* Something is gone that it cannot do without. @name: of what; "": of all. */
void follow_end_because(struct follow *follow, const char *name, const char *why);
/* All of a place. false: the device sleeps or is being reset, or it has ended. */
bool follow_read(struct follow *follow, const struct place *place, void *buffer);
/* To be polled for POLLIN; -1: there is nothing to be heard. */
int follow_fd(const struct follow *follow);
/* When that is readable. */
void follow_hear(struct follow *follow);
/* What is followed is gone: waits for the event that says why, for a moment. */
void follow_hear_reason(struct follow *follow);
/* Now and then: looks for a daemon that went away. */
void follow_look(struct follow *follow);

#endif
