/* SPDX-License-Identifier: MIT */
/* Configurations that are loaded from a text, and what is said of those that are refused. */
#ifndef TEST_CONFIGURATION_H
#define TEST_CONFIGURATION_H

#include "daemon/config/config.h"

extern struct text why; /* what the last load said */
extern char why_buffer[TEXT_MAX];

struct config *load(const struct config_paths *paths);
struct config *load_text(const char *content);
/* The sentence must start with file and line, and contain each of the words, parted by "|". */
void refused(const struct config_paths *paths, const char *file, unsigned int line,
	     const char *words);
void refused_text(const char *content, unsigned int line, const char *words);

#endif
