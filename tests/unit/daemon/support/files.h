/* SPDX-License-Identifier: MIT */
/*
 * A directory of files for one test. Criterion runs each test in a process of its own, so the
 * directory may be static.
 */
#ifndef TEST_FILES_H
#define TEST_FILES_H

#include <sys/types.h>

void files_make(void);
void files_remove(void);
const char *files_path(const char *name); /* good until 64 more were asked for */
const char *files_write(const char *name, mode_t mode, const char *content);
void files_mkdir(const char *name, mode_t mode);

/* How many files a directory of that name has; 0: there is none. */
size_t files_count(const char *name);

#endif
