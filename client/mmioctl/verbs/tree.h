/* SPDX-License-Identifier: MIT */
/*
 * The tree of mmioctl tree. A node is put once, in the order in which it is shown, and not kept:
 * however many leases there are, the first rows stand there before the last have come.
 */
#ifndef MMIOCTL_TREE_H
#define MMIOCTL_TREE_H

#include "system/window-mapping.h"
#include "verb.h"

enum tree_kind {
	TREE_DEVICE,
	TREE_BAR,
	TREE_REGION,
	TREE_LEASE,
	TREE_PROCESS,
	TREE_INTERRUPTS, /* a device beside its memory: vectors, who operates it, memory for it */
	TREE_VECTOR,
	TREE_MEMORY, /* a kind of kernel memory */
};

#define TREE_DEPTH_MAX 8

/* What is shown of a lease, small enough to be kept until its place comes. */
struct tree_lease {
	uint64_t id;
	uint64_t offset, length;
	uint64_t iova; /* MMIOD_NO_IOVA: none, or not known */
	const char *state;
	uint32_t uid, pid;
	uint32_t mappings;
	uint32_t next; /* of the same place: its index and 1; 0: none */
	uint8_t rights, memtype;
	char comm[16];
};

struct tree_node {
	enum tree_kind kind;
	unsigned int depth; /* of a root 0 */
	uint32_t
		more; /* 1 << N: the node above it at depth N, or itself, is not its parent's last */
	char name[64];
	/* Which of them there are depends on the kind; of a device the region may be NULL. */
	const struct mmiod_region *region;
	const struct mmiod_device *device;
	const struct mmiod_vector *vector;
	const struct tree_lease *lease;
	const struct window_mapping *mapping;
};

/* ---- tree-order.c: all but leases, vectors and processes, in the order in which it is shown ---- */

struct tree_place {
	enum tree_kind kind;
	unsigned int depth;
	bool more; /* its parent has others behind it */
	const char *name; /* of a BAR: NULL */
	const struct mmiod_region *region;
	const struct mmiod_device *device;
	uint64_t expected; /* leases of it; UINT64_MAX: not known */
	uint64_t seen;
	uint32_t first, last; /* of the leases that are kept: index and 1; 0: none */
};

struct tree_order {
	struct tree_place *places;
	size_t count;
	struct tree_place **by_name; /* of those that have leases: regions, then devices */
	size_t regions, devices;
};

/* The lists are to live as long. -ENOMEM: there is then nothing to free. */
int tree_order_make(struct tree_order *order, const struct mmiod_region_list *regions,
		    const struct mmiod_device_list *devices);
struct tree_place *tree_place_of(const struct tree_order *order, enum tree_kind kind,
				 const char *name); /* NULL: there is none */
void tree_order_free(struct tree_order *order);

/* ---- tree-words.c: what a node says, in the columns of words "" if it is nothing ---- */

enum { TREE_NAME, TREE_SIZE, TREE_RIGHTS, TREE_MEMTYPE, TREE_STATE, TREE_NOTE, TREE_COLUMNS };

/* Of the table and of the picture. */
extern const struct column tree_columns[TREE_COLUMNS];
const char *tree_rights(const struct tree_node *node);
const char *tree_memtype(const struct tree_node *node);
const char *tree_state(const struct tree_node *node);
bool tree_has_size(const struct tree_node *node, uint64_t *size);
/* Who operates a device, if the caller is told. */
bool tree_has_operator(const struct mmiod_device *device, char *user, size_t size);
void tree_describe(const struct tree_node *node, char *out, size_t size);

/* ---- tree-svg.c: as a picture ---- */

struct tree_picture;

int tree_picture_begin(const struct context *context, struct tree_picture **picture);
void tree_picture_put(struct tree_picture *picture, const struct tree_node *node);
/* Path "-": standard output. Frees it. */
int tree_picture_end(struct tree_picture *picture, const char *path, int status);

/* ---- tree-draw.c: as a table, as JSON, as a picture ---- */

struct tree_drawing {
	const struct context *context;
	const char *svg; /* a file; NULL: no picture */
	struct tree_picture *picture;
	bool in_json, in_table;
	struct json_writer writer;
	int depth; /* of the node that is open in it; -1: none is */
	struct table table;
};

int tree_begin(struct tree_drawing *drawing, const struct context *context, const char *svg);
int tree_put(struct tree_drawing *drawing, const struct tree_node *node);
void tree_release(struct tree_drawing *drawing); /* what was put is shown, however little it is */
int tree_end(struct tree_drawing *drawing, int status); /* also after a beginning that failed */

#endif
