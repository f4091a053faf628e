/* SPDX-License-Identifier: MIT */
/* Notes of the grants that were given while the daemon runs: they outlive it, but not the boot. */
#ifndef MMIOD_DAEMON_BROKER_GRANT_NOTE_H
#define MMIOD_DAEMON_BROKER_GRANT_NOTE_H

#include "broker/broker.h"

int grant_note_write(struct broker *broker, const struct runtime_grant *runtime);
void grant_note_remove(struct broker *broker, const char *name);
/* Calls back with each that makes sense, which the callee then owns. */
void grant_note_each(struct broker *broker,
		     void (*each)(struct broker *broker, struct runtime_grant *runtime));

#endif
