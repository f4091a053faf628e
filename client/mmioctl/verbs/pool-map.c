/* SPDX-License-Identifier: MIT */
/*
 * mmioctl pools --map: what lies where in a pool.
 */
#include "output/picture.h"
#include "verb.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int draw(const struct context *context, const struct mmiod_pool *pool,
		const struct mmiod_pool_map *map)
{
	size_t count = mmiod_pool_map_count(map);
	struct picture picture = {
		.name = mmiod_pool_name(pool),
		.length = mmiod_pool_length(pool),
		.page = mmiod_pool_page(pool),
		.free = mmiod_pool_free(pool),
		.largest = mmiod_pool_largest(pool),
		.pieces = calloc(count + 1, sizeof(struct piece)),
		.count = count,
	};
	int status;

	if (!picture.pieces)
		return out_of_memory(context);
	for (size_t i = 0; i < count; i++) {
		const struct mmiod_extent *extent = mmiod_pool_map_get(map, i);
		struct piece *piece = &picture.pieces[i];

		piece->offset = mmiod_extent_offset(extent);
		piece->length = mmiod_extent_length(extent);
		piece->lease = mmiod_extent_lease(extent);
		piece->uid = mmiod_extent_uid(extent);
		piece->pid = mmiod_extent_pid(extent);
		snprintf(piece->comm, sizeof(piece->comm), "%s", mmiod_extent_comm(extent));
	}
	status = picture_draw(context, &picture);
	free(picture.pieces);
	return status;
}

/* ---- JSON ---- */

static json_t *json_extent(const struct mmiod_extent *extent)
{
	uint64_t lease = mmiod_extent_lease(extent);
	char user[64];

	user_name(mmiod_extent_uid(extent), user, sizeof(user));
	if (!lease)
		return json_pack("{s:I, s:I, s:n, s:b}", "offset",
				 (json_int_t)mmiod_extent_offset(extent), "length",
				 (json_int_t)mmiod_extent_length(extent), "lease", "wiping", 1);
	return json_pack("{s:I, s:I, s:I, s:b, s:I, s:s, s:I, s:s}", "offset",
			 (json_int_t)mmiod_extent_offset(extent), "length",
			 (json_int_t)mmiod_extent_length(extent), "lease", (json_int_t)lease,
			 "wiping", 0, "uid", (json_int_t)mmiod_extent_uid(extent), "user", user,
			 "pid", (json_int_t)mmiod_extent_pid(extent), "command",
			 mmiod_extent_comm(extent));
}

static json_t *json_map(const struct mmiod_pool *pool, const struct mmiod_pool_map *map)
{
	json_t *extents = json_array();

	for (size_t i = 0; i < mmiod_pool_map_count(map); i++)
		json_array_append_new(extents, json_extent(mmiod_pool_map_get(map, i)));
	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:o}", "name", mmiod_pool_name(pool), "size",
			 (json_int_t)mmiod_pool_length(pool), "page",
			 (json_int_t)mmiod_pool_page(pool), "free",
			 (json_int_t)mmiod_pool_free(pool), "largest",
			 (json_int_t)mmiod_pool_largest(pool), "extents", extents);
}

/* ---- both ---- */

static int print_one(struct context *context, const struct mmiod_pool *pool, json_t *pools,
		     bool first)
{
	struct mmiod_pool_map *map;
	int status = 0;
	int err = mmiod_client_map_pool(context->client, mmiod_pool_name(pool), &map);

	if (err)
		return report_client(context, err);
	if (context->json) {
		json_array_append_new(pools, json_map(pool, map));
	} else {
		if (!first)
			putchar('\n');
		status = draw(context, pool, map);
	}
	mmiod_pool_map_free(map);
	return status;
}

int print_pool_maps(struct context *context, const struct mmiod_pool_list *list, const char *only)
{
	json_t *pools = json_array();
	size_t shown = 0;
	int status = 0;

	for (size_t i = 0; !status && i < mmiod_pool_list_count(list); i++) {
		const struct mmiod_pool *pool = mmiod_pool_list_get(list, i);

		if (only && strcmp(only, mmiod_pool_name(pool)))
			continue;
		status = print_one(context, pool, pools, !shown++);
	}
	if (!status && only && !shown)
		status = report(context, -ENOENT, "no pool \"%s\": see mmioctl pools", only);
	if (status || !context->json) {
		json_decref(pools);
		return status;
	}
	return json_output(json_pack("{s:i, s:o}", "schema", JSON_SCHEMA, "pools", pools));
}
