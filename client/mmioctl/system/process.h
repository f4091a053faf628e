/* SPDX-License-Identifier: MIT */
/*
 * Processes as /proc shows them: their segments, and which of these are windows. MMIOCTL_PROC names
 * another directory.
 */
#ifndef MMIOCTL_PROCESS_H
#define MMIOCTL_PROCESS_H

#include "output/output.h"

struct segment {
	uint64_t start, end;
	uint64_t offset; /* in the file */
	uint64_t rss, pss, dirty; /* bytes; only from smaps */
	char mode[5]; /* rwxp, as /proc has it */
	char name[128]; /* as /proc has it: a path, [heap], ... */
};

/* A window, as the name of its file describes it. */
struct window_name {
	char origin[64]; /* the region, or the kind of kernel memory */
	uint64_t start, end; /* its first and last byte there */
};

const char *proc_directory(void);
FILE *process_open(const struct context *context, uint32_t pid, const char *name, int *status);
bool process_is_there(uint32_t pid);
void process_comm(uint32_t pid, char *out, size_t size);
uint32_t process_uid(uint32_t pid);
int parse_pid(const struct context *context, const char *text, uint32_t *pid);

bool parse_segment(const char *line, struct segment *segment);
bool parse_segment_detail(const char *line, struct segment *segment);
bool parse_window_name(const char *name, struct window_name *window);

/* One after the other, from maps or smaps; false behind the last. */
struct segments {
	FILE *file;
	char line[512];
	bool ahead; /* line is the next segment's */
};

bool next_segment(struct segments *segments, struct segment *segment);

#endif
