/* SPDX-License-Identifier: MIT */
/* Requests: the table of handlers, one for each opcode. */
#ifndef MMIOD_DAEMON_REQUEST_REQUEST_H
#define MMIOD_DAEMON_REQUEST_REQUEST_H

#include "request/call.h"

/* False: the reply is owed. Else it has been sent. */
bool request_dispatch(struct connection *connection, const struct request *request);

/* waiting.c: requests that wait until something has been wiped, or is free. */
void waiting_init(struct broker *broker);
void waiting_forget(struct broker *broker, const struct connection *connection);

/* caches.c: what clients tell of their object caches. */
void published_forget(struct broker *broker, const struct connection *connection);

enum request_result request_hello(struct call *call);
enum request_result request_status(struct call *call);
enum request_result request_regions(struct call *call);
enum request_result request_leases(struct call *call);
enum request_result request_lease(struct call *call);
enum request_result request_cancel(struct call *call);
enum request_result request_alloc(struct call *call);
enum request_result request_pools(struct call *call);
enum request_result request_pool_map(struct call *call);
enum request_result request_extents(struct call *call);
enum request_result request_buffer(struct call *call);
enum request_result request_publish(struct call *call);
enum request_result request_caches(struct call *call);
enum request_result request_counters(struct call *call);
enum request_result request_clients(struct call *call);
enum request_result request_translate(struct call *call);
enum request_result request_page(struct call *call);
enum request_result request_monitor(struct call *call);
enum request_result request_release(struct call *call);
enum request_result request_renew(struct call *call);
enum request_result request_explain(struct call *call);
enum request_result request_conflict(struct call *call);
enum request_result request_revoke(struct call *call);
enum request_result request_log(struct call *call);
enum request_result request_devices(struct call *call);
enum request_result request_interrupt(struct call *call);
enum request_result request_operate(struct call *call);
enum request_result request_interrupts(struct call *call);
enum request_result request_grant(struct call *call);
enum request_result request_ungrant(struct call *call);
enum request_result request_grants(struct call *call);
enum request_result request_park(struct call *call);

#endif
