/* SPDX-License-Identifier: MIT */
/*
 * mmioctl map: a region's windows, owners and free space as a picture.
 */
#include "output/picture.h"
#include "target/target.h"
#include "verb.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct map_options {
	const char *svg;
} options;

static const struct verb_option option_rows[] = {
	{ "svg", 0, "FILE", "as an SVG into FILE (-: standard output)",
	  TEXT(struct map_options, svg) },
	{ 0 },
};

static int by_offset(const void *a, const void *b)
{
	const struct piece *first = a, *second = b;

	if (first->offset != second->offset)
		return first->offset < second->offset ? -1 : 1;
	return first->lease < second->lease ? -1 : first->lease > second->lease;
}

/*
 * Takes the leases that live on the region, by offset. Windows may overlap, so free space is what
 * none of them covers.
 */
static void take_leases(struct picture *picture, const struct mmiod_lease_list *list)
{
	for (size_t i = 0; i < mmiod_lease_list_count(list); i++) {
		const struct mmiod_lease_info *info = mmiod_lease_list_get(list, i);
		struct piece *piece = &picture->pieces[picture->count];

		if (!lease_is_in_region(info, picture->name) ||
		    mmiod_lease_info_state(info) == MMIOD_STATE_REVOKED)
			continue;
		piece->offset = mmiod_lease_info_offset(info);
		piece->length = mmiod_lease_info_length(info);
		piece->lease = mmiod_lease_info_id(info);
		piece->uid = mmiod_lease_info_uid(info);
		piece->pid = mmiod_lease_info_pid(info);
		snprintf(piece->comm, sizeof(piece->comm), "%s", mmiod_lease_info_comm(info));
		snprintf(piece->note, sizeof(piece->note), "%s, %s, %s%s",
			 rights_word(mmiod_lease_info_rights(info)),
			 memtype_word(mmiod_lease_info_memtype(info)),
			 share_word(mmiod_lease_info_share(info)),
			 mmiod_lease_info_state(info) == MMIOD_STATE_ENDING ? ", ending" : "");
		picture->count++;
	}
	qsort(picture->pieces, picture->count, sizeof(picture->pieces[0]), by_offset);
}

static void measure_free(struct picture *picture)
{
	uint64_t end = 0;

	for (size_t i = 0; i <= picture->count; i++) {
		bool last = i == picture->count;
		uint64_t start = last ? picture->length : picture->pieces[i].offset;
		uint64_t stop = last ? start : start + picture->pieces[i].length;

		if (start > end) {
			picture->free += start - end;
			if (start - end > picture->largest)
				picture->largest = start - end;
		}
		if (stop > end)
			end = stop;
	}
}

static int print_json(const struct picture *picture)
{
	json_t *windows = json_array();

	for (size_t i = 0; i < picture->count; i++) {
		const struct piece *piece = &picture->pieces[i];
		char user[64];

		user_name(piece->uid, user, sizeof(user));
		json_array_append_new(windows,
				      json_pack("{s:o, s:o, s:o, s:I, s:s, s:I, s:s}", "offset",
						json_number(piece->offset), "length",
						json_number(piece->length), "lease",
						json_number(piece->lease), "uid",
						(json_int_t)piece->uid, "user", user, "pid",
						(json_int_t)piece->pid, "command", piece->comm));
	}
	return json_output(json_pack("{s:i, s:s, s:o, s:o, s:o, s:o}", "schema", JSON_SCHEMA,
				     "region", picture->name, "size", json_number(picture->length),
				     "free", json_number(picture->free), "largest",
				     json_number(picture->largest), "windows", windows));
}

static int show(const struct context *context, const struct picture *picture)
{
	int status = 0;

	if (options.svg)
		status = picture_write_svg(context, picture, options.svg);
	if (status || (options.svg && !strcmp(options.svg, "-")))
		return status;
	if (context->json)
		return print_json(picture);
	return options.svg ? STATUS_OK : picture_draw(context, picture);
}

static int draw_region(const struct context *context, const struct mmiod_region *region)
{
	struct picture picture = {
		.name = mmiod_region_name(region),
		.length = mmiod_region_length(region),
		.page = 1,
	};
	struct mmiod_lease_list *list;
	int err = mmiod_client_list_leases(context->client, &list), status;

	if (err)
		return report_client(context, err);
	if (!picture.length)
		status = report(context, -ENODEV, "%s", target_missing(context, region));
	else
		status = 0;
	picture.pieces = calloc(mmiod_lease_list_count(list) + 1, sizeof(struct piece));
	if (!status && !picture.pieces)
		status = out_of_memory(context);
	if (!status) {
		take_leases(&picture, list);
		measure_free(&picture);
		status = show(context, &picture);
	}
	free(picture.pieces);
	mmiod_lease_list_free(list);
	return status;
}

static int verb_map(struct context *context, int argc, char **argv)
{
	return target_region(context, argv[0], draw_region);
}

const struct verb map_verb = {
	.name = "map",
	.arguments = "TARGET",
	.summary = "a region's windows and owners, to scale",
	.group = GROUP_SEE,
	.options = option_rows,
	.values = &options,
	.least = 1,
	.most = 1,
	.run = verb_map,
	.examples = { { "map shm", "letters for owners, dots for what is free" },
		      { "map shm --svg shm.svg", "the same for a browser" } },
	.more = "You see your own windows, and all if you may inspect.",
};
