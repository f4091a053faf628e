/* SPDX-License-Identifier: MIT */
/*
 * Sections and keys of the configuration: which there
 * are, and what each does to the tree. Reads no file.
 */
#ifndef MMIOD_DAEMON_CONFIG_KEY_H
#define MMIOD_DAEMON_CONFIG_KEY_H

#include "config.h"

enum config_section {
	CONFIG_SECTION_NONE,
	CONFIG_SECTION_DAEMON,
	CONFIG_SECTION_REGION,
	CONFIG_SECTION_GRANT,
	CONFIG_SECTION_ADMIN,
	CONFIG_SECTION_INSPECT,
};

/* Where the loader is. */
struct config_cursor {
	struct config *config;
	unsigned int file_number; /* counts files: a key may occur once in each */
	struct config_origin at;
	enum config_section section;
	union {
		void *any;
		struct config_limits *limits;
		struct config_region *region;
		struct config_grant *grant;
		struct config_admin *admin;
	};
	const struct config_key *last; /* the key that an indented line continues */
	const char *value; /* all of what is read now */
	struct text *why;
};

int config_enter(struct config_cursor *cursor, const char *header);
int config_set(struct config_cursor *cursor, const char *name, const char *value);
bool config_continues(const struct config_cursor *cursor);
int config_continue(struct config_cursor *cursor, const char *value);
int config_each_word(struct config_cursor *cursor, const char *value, void *list,
		     int (*add)(struct config_cursor *cursor, void *list, const char *word));
int config_yes_no(struct config_cursor *cursor, const char *value, bool *answer);
int config_refuse(struct config_cursor *cursor, const char *format, ...) _printf_(2, 3);

/* config-limits.c */
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

/* config-region.c */
int region_set_device(struct config_cursor *cursor, const char *value);
int region_set_ids(struct config_cursor *cursor, const char *value);
int region_set_bar(struct config_cursor *cursor, const char *value);
int region_set_range(struct config_cursor *cursor, const char *value);
int region_set_offset(struct config_cursor *cursor, const char *value);
int region_set_size(struct config_cursor *cursor, const char *value);
int region_set_phys(struct config_cursor *cursor, const char *value);
int region_set_width(struct config_cursor *cursor, const char *value);
int region_set_cache(struct config_cursor *cursor, const char *value);
int region_set_pool(struct config_cursor *cursor, const char *value);
int region_set_wipe(struct config_cursor *cursor, const char *value);
int region_set_page(struct config_cursor *cursor, const char *value);
int region_set_bind(struct config_cursor *cursor, const char *value);
int region_set_on_reset(struct config_cursor *cursor, const char *value);
int region_set_dma_bits(struct config_cursor *cursor, const char *value);
int region_set_backing(struct config_cursor *cursor, const char *value);

/* config-grant.c */
int grant_set_region(struct config_cursor *cursor, const char *value);
int grant_set_user(struct config_cursor *cursor, const char *value);
int grant_set_group(struct config_cursor *cursor, const char *value);
int grant_set_memory(struct config_cursor *cursor, const char *value);
int grant_set_access(struct config_cursor *cursor, const char *value);
int grant_set_share(struct config_cursor *cursor, const char *value);
int admin_set_user(struct config_cursor *cursor, const char *value);
int admin_set_group(struct config_cursor *cursor, const char *value);

/* config-terms.c */
int terms_set_unknown(struct config_cursor *cursor, const char *value);
int terms_set_cache(struct config_cursor *cursor, const char *value);
int terms_set_range(struct config_cursor *cursor, const char *value);
int terms_set_lease(struct config_cursor *cursor, const char *value);
int terms_set_renew(struct config_cursor *cursor, const char *value);
int terms_set_leases(struct config_cursor *cursor, const char *value);
int terms_set_bytes(struct config_cursor *cursor, const char *value);
int terms_set_wait(struct config_cursor *cursor, const char *value);
int terms_set_on_end(struct config_cursor *cursor, const char *value);

#endif
