/* SPDX-License-Identifier: MIT */
/* The setter of each key changes the tree: 0, or a negative error after config_refuse(). */
#ifndef MMIOD_DAEMON_CONFIG_SETTERS_H
#define MMIOD_DAEMON_CONFIG_SETTERS_H

#include "config/cursor.h"

/* limits.c */
int limits_set_connections(struct config_cursor *cursor, const char *value);
int limits_set_connection_rate(struct config_cursor *cursor, const char *value);
int limits_set_unread_replies(struct config_cursor *cursor, const char *value);
int limits_set_unread_descriptors(struct config_cursor *cursor, const char *value);
int limits_set_slow_reader_timeout(struct config_cursor *cursor, const char *value);
int limits_set_leases(struct config_cursor *cursor, const char *value);
int limits_set_hello_timeout(struct config_cursor *cursor, const char *value);
int limits_set_bytes(struct config_cursor *cursor, const char *value);
int limits_set_caches(struct config_cursor *cursor, const char *value);
int limits_set_waiting(struct config_cursor *cursor, const char *value);
int limits_set_interrupts(struct config_cursor *cursor, const char *value);
int limits_set_devices(struct config_cursor *cursor, const char *value);
int limits_set_extents(struct config_cursor *cursor, const char *value);
int limits_set_longest_wait(struct config_cursor *cursor, const char *value);
int limits_set_bypass(struct config_cursor *cursor, const char *value);
int limits_set_all_connections(struct config_cursor *cursor, const char *value);
int limits_set_all_leases(struct config_cursor *cursor, const char *value);
int limits_set_all_bytes(struct config_cursor *cursor, const char *value);
int limits_set_all_caches(struct config_cursor *cursor, const char *value);
int limits_set_all_waiting(struct config_cursor *cursor, const char *value);
int limits_set_all_unread_replies(struct config_cursor *cursor, const char *value);
int limits_set_all_unread_descriptors(struct config_cursor *cursor, const char *value);
int limits_set_revoke_on_reload(struct config_cursor *cursor, const char *value);
int limits_set_runtime_grants(struct config_cursor *cursor, const char *value);

/* region-keys.c */
int region_set_device(struct config_cursor *cursor, const char *value);
int region_set_ids(struct config_cursor *cursor, const char *value);
int region_set_bar(struct config_cursor *cursor, const char *value);
int region_set_range(struct config_cursor *cursor, const char *value);
int region_set_offset(struct config_cursor *cursor, const char *value);
int region_set_size(struct config_cursor *cursor, const char *value);
int region_set_phys(struct config_cursor *cursor, const char *value);
int region_set_width(struct config_cursor *cursor, const char *value);
int region_set_memtype(struct config_cursor *cursor, const char *value);
int region_set_pool(struct config_cursor *cursor, const char *value);
int region_set_wipe(struct config_cursor *cursor, const char *value);
int region_set_page(struct config_cursor *cursor, const char *value);
int region_set_bind(struct config_cursor *cursor, const char *value);
int region_set_on_reset(struct config_cursor *cursor, const char *value);
int region_set_ports(struct config_cursor *cursor, const char *value);
int region_set_dma_registers(struct config_cursor *cursor, const char *value);
int region_set_dma_bits(struct config_cursor *cursor, const char *value);
int region_set_backing(struct config_cursor *cursor, const char *value);

/* device-keys.c */
int device_set_device(struct config_cursor *cursor, const char *value);
int device_set_bind(struct config_cursor *cursor, const char *value);
int device_set_interrupts(struct config_cursor *cursor, const char *value);
int device_set_vectors(struct config_cursor *cursor, const char *value);
int device_set_dma_engine(struct config_cursor *cursor, const char *value);
int device_set_share_dma(struct config_cursor *cursor, const char *value);
int device_set_dma(struct config_cursor *cursor, const char *value);
int device_set_dma_bits(struct config_cursor *cursor, const char *value);
int device_set_reset(struct config_cursor *cursor, const char *value);
int device_set_storm(struct config_cursor *cursor, const char *value);
int device_set_period(struct config_cursor *cursor, const char *value);

/* grant.c */
int grant_set_region(struct config_cursor *cursor, const char *value);
int grant_set_device(struct config_cursor *cursor, const char *value);
int grant_set_interrupts(struct config_cursor *cursor, const char *value);
int grant_set_config(struct config_cursor *cursor, const char *value);
int grant_set_master(struct config_cursor *cursor, const char *value);
int grant_set_reset(struct config_cursor *cursor, const char *value);
int grant_set_power(struct config_cursor *cursor, const char *value);
int grant_set_dma(struct config_cursor *cursor, const char *value);
int grant_set_user(struct config_cursor *cursor, const char *value);
int grant_set_group(struct config_cursor *cursor, const char *value);
int grant_set_memory(struct config_cursor *cursor, const char *value);
int grant_set_access(struct config_cursor *cursor, const char *value);
int grant_set_share(struct config_cursor *cursor, const char *value);
int admin_set_user(struct config_cursor *cursor, const char *value);
int admin_set_group(struct config_cursor *cursor, const char *value);

/* terms.c */
int terms_set_unknown(struct config_cursor *cursor, const char *value);
int terms_set_memtype(struct config_cursor *cursor, const char *value);
int terms_set_range(struct config_cursor *cursor, const char *value);
int terms_set_lease(struct config_cursor *cursor, const char *value);
int terms_set_renew(struct config_cursor *cursor, const char *value);
int terms_set_leases(struct config_cursor *cursor, const char *value);
int terms_set_bytes(struct config_cursor *cursor, const char *value);
int terms_set_leaves(struct config_cursor *cursor, const char *value);
int terms_set_wait(struct config_cursor *cursor, const char *value);
int terms_set_on_end(struct config_cursor *cursor, const char *value);

/* tenant.c and grant.c */
int socket_set_mode(struct config_cursor *cursor, const char *value);
int socket_set_group(struct config_cursor *cursor, const char *value);
int socket_set_grants(struct config_cursor *cursor, const char *value);

#endif
