/* SPDX-License-Identifier: MIT */
/*
 * Places and what verbs do with them: see place.c, change.c, progress.c.
 */
#ifndef MMIOCTL_PLACE_H
#define MMIOCTL_PLACE_H

#include "verb.h"

#define CHUNK_BYTES 65536
#define PLACE_WORDS 64
#define VALUE_WORDS 24
#define READ_WRITE (MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE)

struct place {
	struct mmiod_target target;
	const char *text; /* the target as it was given */
	struct mmiod_lease *lease; /* owned */
	unsigned int width; /* of an element, in bytes; 0: bytes in bulk */
	uint64_t length;
};

int place_read(const struct context *context, const char *text, struct place *place);
int place_need_length(const struct context *context, const struct place *place);
int place_lease(struct context *context, struct place *place, unsigned int rights);
int place_lease_registers(struct context *context, struct place *place, unsigned int rights);
void place_close(struct place *place);
int place_get(const struct place *place, uint64_t at, void *buffer, size_t size);
int place_put(const struct place *place, uint64_t at, const void *buffer, size_t size);
int place_load(const struct place *place, uint64_t at, uint64_t *value);
int place_store(const struct place *place, uint64_t at, uint64_t value);
const char *place_words(const struct place *place, uint64_t at, char out[PLACE_WORDS]);
const char *value_words(uint64_t value, unsigned int width, char out[VALUE_WORDS]);
size_t chunk_size(uint64_t left);

/* ---- change.c: one register from one value to another ---- */

struct change {
	const struct place *place;
	uint64_t at; /* from the start of the place */
	uint64_t mask; /* bits that change; the rest is read first */
	uint64_t value; /* for those bits */
	uint64_t toggled; /* bits that are inverted: of the mask */
	uint64_t clearing; /* bits outside of the mask that are written as 0 */
	uint64_t unreadable; /* bits that mean nothing when they are read */
	bool blind; /* what is there cannot be read */
};

uint64_t width_mask(unsigned int width);
int change_register(struct context *context, const struct change *change);

/* ---- progress.c: how far it is, for who waits at a terminal ---- */

struct progress {
	bool shown; /* there is a terminal */
	bool drawn; /* something to wipe off */
	const char *what;
	uint64_t total; /* bytes; 0: not known */
	uint64_t started, last; /* ms */
};

void progress_begin(struct progress *progress, const struct context *context, const char *what,
		    uint64_t total);
void progress_step(struct progress *progress, uint64_t done);
void progress_end(struct progress *progress);

/* ---- stream.c: files, and standard input and output ---- */

struct stream {
	const char *name;
	int fd;
};

int stream_open(const struct context *context, struct stream *stream, const char *name,
		bool output);
int stream_close(const struct context *context, struct stream *stream, int status);
ssize_t stream_read(const struct stream *stream, uint8_t *buffer, size_t size);
int stream_goes_on(const struct stream *stream);
int stream_write(const struct stream *stream, const uint8_t *buffer, size_t size);
int stream_report(const struct context *context, const struct stream *stream, int err);
int stream_check_size(const struct context *context, const struct stream *stream,
		      struct place *place);
int stream_save(struct context *context, const struct stream *stream, const struct place *place);

#endif
