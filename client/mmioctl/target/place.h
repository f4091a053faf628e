/* SPDX-License-Identifier: MIT */
/*
 * Places: a target with a lease on its bytes. change.h and stream.h have what is done with them.
 */
#ifndef MMIOCTL_PLACE_H
#define MMIOCTL_PLACE_H

#include "target/target.h"

#define CHUNK_BYTES 65536
#define PLACE_WORDS 64
#define VALUE_WORDS 24
#define READ_WRITE (MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE)

struct place {
	struct mmiod_target target;
	const char *text; /* the target as it was given */
	const struct lease_options *options; /* how it is leased */
	struct mmiod_lease *lease; /* owned, unless it is kept for what comes after */
	bool kept;
	struct mmiod_mapping *mapping; /* owned; NULL: bytes go by mediated access as well */
	unsigned int width; /* of an element, in bytes; 0: bytes in bulk */
	uint64_t length;
};

/* @options must stay as long as the place. */
int place_read(const struct context *context, const char *text, const struct lease_options *options,
	       struct place *place);
int place_need_length(const struct context *context, const struct place *place);
int place_lease(struct context *context, struct place *place, unsigned int rights);
int place_lease_registers(struct context *context, struct place *place, unsigned int rights);
void place_map(struct place *place);
void place_close(struct place *place);
int place_get(const struct place *place, uint64_t at, void *buffer, size_t size);
int place_put(const struct place *place, uint64_t at, const void *buffer, size_t size);
int place_fill(const struct place *place, uint64_t at, uint8_t value, size_t size);
int place_load(const struct place *place, uint64_t at, uint64_t *value);
int place_store(const struct place *place, uint64_t at, uint64_t value);
const char *place_words(const struct place *place, uint64_t at, char out[PLACE_WORDS]);
const char *value_words(uint64_t value, unsigned int width, char out[VALUE_WORDS]);
size_t chunk_size(uint64_t left);

#endif
