/* SPDX-License-Identifier: MIT */
/*
 * The pulse of samples that are taken at interrupts instead of ticks: a vector of a device, leased as long
 * as it is listened to.
 */
#ifndef MMIOCTL_PULSE_H
#define MMIOCTL_PULSE_H

#include "target/follow.h"
#include "target/vector.h"

struct pulse {
	struct follow *follow;
	struct mmiod_interrupt *interrupt; /* owned; NULL: there is none */
	char name[VECTOR_DEVICE_MAX + 16]; /* DEVICE:VECTOR */
	bool closed; /* it does not come until it is let */
};

/* Leases it; @follow must be open, and its events are heard from then on. Exit status. */
int pulse_open(struct pulse *pulse, struct follow *follow, const char *text);
void pulse_close(struct pulse *pulse);
/* Before each wait: lets one come that masked itself. */
void pulse_let_come(struct pulse *pulse);
/* To be polled, and for what; -1: there is none. */
int pulse_fd(const struct pulse *pulse);
short pulse_events(const struct pulse *pulse);
/* When that is ready: how often it came. 0: it did not, or it has ended, which @follow says. */
uint64_t pulse_take(struct pulse *pulse);

#endif
