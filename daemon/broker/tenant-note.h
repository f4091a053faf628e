/* SPDX-License-Identifier: MIT */
/*
 * Notes of whose leases are a tenant's: the tag in the ledger says that they are, and has no room
 * for which one. A lease whose note is lost is nobody's own.
 */
#ifndef MMIOD_DAEMON_BROKER_TENANT_NOTE_H
#define MMIOD_DAEMON_BROKER_TENANT_NOTE_H

#include "broker/broker.h"

/* Under the id of its window, which the lease may have yet to get. Of no tenant's: nothing. */
int tenant_note_write(struct broker *broker, uint64_t id, const struct lease *lease);
void tenant_note_remove(struct broker *broker, uint64_t id, const struct lease *lease);
uint32_t tenant_note_read(struct broker *broker, uint64_t id); /* key, or TENANT_LOST */
/* Those of leases that are not in the table are removed. */
void tenant_note_sweep(struct broker *broker);

#endif
