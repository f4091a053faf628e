/* SPDX-License-Identifier: MIT */
/*
 * Where the loader is in the configuration, and what the setters of its keys share. Each refusal
 * names file, line, the value and the rule.
 */
#ifndef MMIOD_DAEMON_CONFIG_CURSOR_H
#define MMIOD_DAEMON_CONFIG_CURSOR_H

#include "config/config.h"

enum config_section {
	CONFIG_SECTION_NONE,
	CONFIG_SECTION_DAEMON,
	CONFIG_SECTION_REGION,
	CONFIG_SECTION_DEVICE,
	CONFIG_SECTION_GRANT,
	CONFIG_SECTION_ADMIN,
	CONFIG_SECTION_INSPECT,
	CONFIG_SECTION_SOCKET,
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
		struct config_function *function;
		struct config_grant *grant;
		struct config_admin *admin;
		struct config_socket *socket;
	};
	const struct config_key *last; /* the key that an indented line continues */
	const char *value; /* all of what is read now */
	struct text *why;
};

int config_each_word(struct config_cursor *cursor, const char *value, void *list,
		     int (*add)(struct config_cursor *cursor, void *list, const char *word));
int config_bind_word(struct config_cursor *cursor, const char *value, enum config_bind *bind);
int config_dma_bits(struct config_cursor *cursor, const char *value, uint32_t *bits);
int config_yes_no(struct config_cursor *cursor, const char *value, bool *answer);
int config_refuse(struct config_cursor *cursor, const char *format, ...) _printf_(2, 3);

#endif
