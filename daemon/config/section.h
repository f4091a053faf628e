/* SPDX-License-Identifier: MIT */
/* Sections and keys of the configuration: which there are. Reads no file. */
#ifndef MMIOD_DAEMON_CONFIG_SECTION_H
#define MMIOD_DAEMON_CONFIG_SECTION_H

#include "config/cursor.h"

int config_enter(struct config_cursor *cursor, const char *header);
int config_set(struct config_cursor *cursor, const char *name, const char *value);
bool config_continues(const struct config_cursor *cursor);
int config_continue(struct config_cursor *cursor, const char *value);

#endif
