/* SPDX-License-Identifier: MIT */
/*
 * mmioctl pools --map: what lies where in a pool.
 */
#include "output/picture.h"
#include "verb.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct pool_maps {
	struct context *context;
	struct picture *pictures; /* of those that are drawn */
	size_t count;
	json_t *pools; /* with --json */
	const char *svg; /* NULL: letters */
};

static int add_picture(struct pool_maps *maps, const struct mmiod_pool *pool,
		       const struct mmiod_pool_map *map)
{
	struct picture *picture = &maps->pictures[maps->count++];

	picture->name = mmiod_pool_name(pool);
	picture->length = mmiod_pool_length(pool);
	picture->page = mmiod_pool_page(pool);
	picture->free = mmiod_pool_free(pool);
	picture->largest = mmiod_pool_largest(pool);
	picture->count = mmiod_pool_map_count(map);
	picture->pieces = calloc(picture->count + 1, sizeof(struct piece));
	if (!picture->pieces)
		return out_of_memory(maps->context);
	for (size_t i = 0; i < picture->count; i++) {
		const struct mmiod_extent *extent = mmiod_pool_map_get(map, i);
		struct piece *piece = &picture->pieces[i];

		piece->offset = mmiod_extent_offset(extent);
		piece->length = mmiod_extent_length(extent);
		piece->lease = mmiod_extent_lease(extent);
		piece->uid = mmiod_extent_uid(extent);
		piece->pid = mmiod_extent_pid(extent);
		snprintf(piece->comm, sizeof(piece->comm), "%s", mmiod_extent_comm(extent));
	}
	return 0;
}

static int draw(const struct pool_maps *maps)
{
	int status = 0;

	if (maps->svg)
		return picture_write_svg(maps->context, maps->count == 1 ? NULL : "pools",
					 maps->pictures, maps->count, maps->svg);
	for (size_t i = 0; !status && i < maps->count; i++) {
		if (i)
			putchar('\n');
		status = picture_draw(maps->context, &maps->pictures[i]);
	}
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

static int add_pool(struct pool_maps *maps, const struct mmiod_pool *pool)
{
	struct context *context = maps->context;
	struct mmiod_pool_map *map;
	int err = mmiod_client_map_pool(context->client, mmiod_pool_name(pool), &map);
	int status = 0;

	if (err)
		return report_client(context, err);
	if (context->json)
		json_array_append_new(maps->pools, json_map(pool, map));
	if (!context->json || maps->svg)
		status = add_picture(maps, pool, map);
	mmiod_pool_map_free(map);
	return status;
}

static int add_pools(struct pool_maps *maps, const struct mmiod_pool_list *list, const char *only)
{
	size_t shown = 0;
	int status = 0;

	for (size_t i = 0; !status && i < mmiod_pool_list_count(list); i++) {
		const struct mmiod_pool *pool = mmiod_pool_list_get(list, i);

		if (only && strcmp(only, mmiod_pool_name(pool)))
			continue;
		status = add_pool(maps, pool);
		shown++;
	}
	if (!status && only && !shown)
		status = report(maps->context, -ENOENT, "no pool \"%s\": see mmioctl pools", only);
	return status;
}

static int print(const struct pool_maps *maps)
{
	bool to_stdout = maps->svg && !strcmp(maps->svg, "-");
	int status = 0;

	if (!maps->context->json || maps->svg)
		status = draw(maps);
	if (status || !maps->context->json || to_stdout)
		return status;
	return json_output(json_pack("{s:i, s:O}", "schema", JSON_SCHEMA, "pools", maps->pools));
}

int print_pool_maps(struct context *context, const struct mmiod_pool_list *list, const char *only,
		    const char *svg)
{
	struct pool_maps maps = { .context = context, .svg = svg, .pools = json_array() };
	int status;

	maps.pictures = calloc(mmiod_pool_list_count(list) + 1, sizeof(*maps.pictures));
	status = maps.pictures ? add_pools(&maps, list, only) : out_of_memory(context);
	if (!status)
		status = print(&maps);
	for (size_t i = 0; i < maps.count; i++)
		free(maps.pictures[i].pieces);
	free(maps.pictures);
	json_decref(maps.pools);
	return status;
}
