/* SPDX-License-Identifier: MIT */
/*
 * What the files of the SPANK plugin know of each other. settings, wishes and gres are text in and
 * values out, and know neither Slurm nor the daemon; job and windows speak to the node's daemon;
 * spank_mmiod.c is what Slurm calls. Each process of Slurm that loads the plugin serves one job at
 * most, from one thread.
 */
#ifndef SLURM_PLUGIN_H
#define SLURM_PLUGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <mmiod/mmiod.h>

#define SENTENCE_MAX 512 /* of what an error says */
#define NAME_MAX_HERE 32 /* of a grant or a region, with its end */
#define MAPS_MAX 64 /* gres= of a plugstack.conf */
#define PATTERNS_MAX 64 /* of one grant: MMIOD_GRANT_PATTERNS_MAX of the daemon */
#define WISHES_MAX 16 /* regions of a --mmio= */

/* ---- settings.c: the arguments of plugstack.conf ---- */

struct map {
	char name[64], type[64]; /* of the GRES; type "*": any, and none */
	char patterns[256]; /* of regions, with commas between them */
};

struct settings {
	const char *socket; /* NULL: the usual one. %n in it is the node's name */
	unsigned int rights; /* that a job's grant gives */
	enum mmiod_share share; /* likewise */
	bool no_limit; /* the grant lasts until the epilog ends it */
	uint32_t grace_min; /* else as long as the job may, and these minutes */
	struct map maps[MAPS_MAX];
	size_t map_count;
};

/* 0, or -EINVAL with @error (of SENTENCE_MAX) filled. @argv must outlive @settings. */
int settings_read(struct settings *settings, int argc, char **argv, char *error);

/* The socket of @node's daemon, NULL for the usual one; -ENAMETOOLONG if it does not fit. */
int settings_socket(const struct settings *settings, const char *node, char *path, size_t size,
		    const char **socket);

/* ---- wishes.c: what is behind --mmio= ---- */

struct wish {
	struct mmiod_target target;
	bool read_only;
	enum mmiod_share share;
};

struct wishes {
	bool given; /* the option was, and not as --mmio=none */
	bool all; /* of what the job got */
	struct wish list[WISHES_MAX];
	size_t count;
};

int wishes_read(struct wishes *wishes, const char *text, char *error);

/* ---- gres.c: what a job was given on a node, as slurmctld writes it ---- */

struct patterns {
	char text[PATTERNS_MAX][64];
	size_t count;
};

/* The patterns of the maps that @detail (as "mmio:fpga0:1(CNT:1),gpu:2(IDX:0,1)") has something of. */
int gres_patterns(const struct settings *settings, const char *detail, struct patterns *patterns,
		  char *error);

/* ---- job.c: the grant of a job, for root in prolog and epilog ---- */

void job_grant_name(uint32_t job, char *name);
int job_begin(const struct settings *settings, uint32_t job, uid_t uid, char *error);
int job_end(const struct settings *settings, uint32_t job, size_t *ended, char *error);

/* ---- windows.c: the windows of a step on this node ---- */

struct windows {
	struct mmiod_client *client;
	struct mmiod_lease *leases[PATTERNS_MAX];
	char names[PATTERNS_MAX][NAME_MAX_HERE];
	size_t count;
	char environment[PATTERNS_MAX * 160]; /* for MMIOD_WINDOWS */
};

/* As the job's user. Either all are there, at descriptors that programs inherit, or none. */
int windows_take(struct windows *windows, const struct settings *settings,
		 const struct wishes *wishes, uint32_t job, char *error);
void windows_free(struct windows *windows);

/* ---- common.c ---- */

/* Puts a sentence and returns @err. */
int fail(char *error, int err, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* By its word; false: it is none. */
bool share_read(const char *word, enum mmiod_share *share);

/* ---- node.c ---- */

/* Connects to the daemon of this node. */
int node_connect(const struct settings *settings, struct mmiod_client **client, char *error);

#endif
