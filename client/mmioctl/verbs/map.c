/* SPDX-License-Identifier: MIT */
/*
 * mmioctl map: windows, owners and free space of a region, or of each BAR of a device, as pictures.
 */
#include "target/layout.h"
#include "verb.h"

#include <errno.h>
#include <string.h>

static struct map_options {
	const char *svg;
} options;

static const struct verb_option option_rows[] = {
	{ "svg", 0, "FILE", "as an SVG into FILE (-: standard output)",
	  TEXT(struct map_options, svg) },
	{ 0 },
};

/* ---- JSON ---- */

static json_t *json_windows(const struct picture *picture)
{
	json_t *windows = json_array();

	for (size_t i = 0; i < picture->count; i++) {
		const struct piece *piece = &picture->pieces[i];
		char user[64];
		json_t *window;

		user_name(piece->uid, user, sizeof(user));
		window = json_pack("{s:o, s:o, s:o, s:I, s:s, s:I, s:o}", "offset",
				   json_number(piece->offset), "length", json_number(piece->length),
				   "lease", json_number(piece->lease), "uid",
				   (json_int_t)piece->uid, "user", user, "pid",
				   (json_int_t)piece->pid, "command", json_text(piece->comm));
		if (picture->part_count)
			json_object_set_new(window, "region",
					    json_string(picture->parts[piece->part].name));
		json_array_append_new(windows, window);
	}
	return windows;
}

static json_t *json_regions(const struct picture *picture)
{
	json_t *regions = json_array();

	for (size_t i = 0; i < picture->part_count; i++) {
		const struct part *part = &picture->parts[i];

		json_array_append_new(regions, json_pack("{s:s, s:o, s:o}", "region", part->name,
							 "offset", json_number(part->offset),
							 "length", json_number(part->length)));
	}
	return regions;
}

/* @what: the key under which the picture's name stands. */
static json_t *json_picture(const struct picture *picture, const char *what)
{
	return json_pack("{s:s, s:o, s:o, s:o, s:o}", what, picture->name, "size",
			 json_number(picture->length), "free", json_number(picture->free),
			 "largest", json_number(picture->largest), "windows",
			 json_windows(picture));
}

static int print_region_json(const struct picture *picture)
{
	json_t *root = json_picture(picture, "region");

	json_object_set_new(root, "schema", json_integer(JSON_SCHEMA));
	return json_output(root);
}

static int print_device_json(const char *address, const struct layout *layout)
{
	json_t *bars = json_array(), *regions = json_array();

	for (size_t i = 0; i < layout->count; i++) {
		const struct picture *picture = &layout->pictures[i];
		json_t *node = json_picture(picture, picture->parts ? "bar" : "region");

		if (picture->parts)
			json_object_set_new(node, "regions", json_regions(picture));
		json_array_append_new(picture->parts ? bars : regions, node);
	}
	return json_output(json_pack("{s:i, s:s, s:o, s:o}", "schema", JSON_SCHEMA, "device",
				     address, "bars", bars, "regions", regions));
}

/* ---- pictures ---- */

static int draw_all(const struct context *context, const struct layout *layout)
{
	int status = 0;

	for (size_t i = 0; !status && i < layout->count; i++) {
		if (i)
			putchar('\n');
		status = picture_draw(context, &layout->pictures[i]);
	}
	return status;
}

/* @heading: of a device; NULL: it is a region. */
static int draw_svg(const struct context *context, const char *heading, const struct layout *layout)
{
	return picture_write_svg(context, heading, layout->pictures, layout->count, options.svg);
}

static bool goes_to_stdout(void)
{
	return options.svg && !strcmp(options.svg, "-");
}

static int show_region_layout(const struct context *context, const struct mmiod_region *region)
{
	struct layout layout;
	int status = layout_region(context, region, &layout);

	if (!status && options.svg)
		status = draw_svg(context, NULL, &layout);
	if (!status && context->json && !goes_to_stdout())
		status = print_region_json(layout.pictures);
	else if (!status && !options.svg)
		status = draw_all(context, &layout);
	layout_free(&layout);
	return status;
}

static int show_device_layout(const struct context *context, const struct mmiod_region_list *list,
			      const struct mmiod_region *region)
{
	const char *address = mmiod_region_device(region), *model = mmiod_region_model(region);
	struct layout layout;
	char heading[256];
	int status = layout_device(context, list, address, &layout);

	snprintf(heading, sizeof(heading), "%s%s%s", address, model[0] ? ", " : "", model);
	if (!status && options.svg)
		status = draw_svg(context, heading, &layout);
	if (!status && context->json && !goes_to_stdout())
		status = print_device_json(address, &layout);
	else if (!status && !options.svg)
		status = draw_all(context, &layout);
	layout_free(&layout);
	return status;
}

/* ---- what is meant ---- */

static const struct mmiod_region *find_by_address(const struct mmiod_region_list *list,
						  const char *address)
{
	for (size_t i = 0; address[0] && i < mmiod_region_list_count(list); i++) {
		const struct mmiod_region *region = mmiod_region_list_get(list, i);

		if (!strcmp(mmiod_region_device(region), address))
			return region;
	}
	return NULL;
}

static bool is_region(const struct mmiod_region_list *list, const char *name)
{
	for (size_t i = 0; i < mmiod_region_list_count(list); i++)
		if (!strcmp(mmiod_region_name(mmiod_region_list_get(list, i)), name))
			return true;
	return false;
}

/* By what [device NAME] calls it, in a daemon that knows these. */
static const struct mmiod_region *find_by_device(const struct context *context,
						 const struct mmiod_region_list *list,
						 const char *name)
{
	const struct mmiod_region *found = NULL;
	struct mmiod_device_list *devices;

	if (mmiod_client_list_devices(context->client, &devices))
		return NULL;
	for (size_t i = 0; !found && i < mmiod_device_list_count(devices); i++) {
		const struct mmiod_device *device = mmiod_device_list_get(devices, i);

		if (!strcmp(mmiod_device_name(device), name))
			found = find_by_address(list, mmiod_device_address(device));
	}
	mmiod_device_list_free(devices);
	return found;
}

static int verb_map(struct context *context, int argc, char **argv)
{
	const struct mmiod_region *region = NULL;
	struct mmiod_region_list *list;
	int status = client_open(context), err;

	if (status)
		return status;
	err = mmiod_client_list_regions(context->client, &list);
	if (err)
		return report_client(context, err);
	if (!is_region(list, argv[0])) {
		region = find_by_address(list, argv[0]);
		region = region ?: find_by_device(context, list, argv[0]);
	}
	status = region ? show_device_layout(context, list, region)
			: target_region(context, argv[0], show_region_layout);
	mmiod_region_list_free(list);
	return status;
}

const struct verb map_verb = {
	.name = "map",
	.arguments = "TARGET|DEVICE",
	.summary = "windows and owners of a region or device",
	.group = GROUP_SEE,
	.options = option_rows,
	.values = &options,
	.least = 1,
	.most = 1,
	.run = verb_map,
	.examples = { { "map shm", "letters for owners, dots for what is free" },
		      { "map shm --svg shm.svg", "the same for a browser" },
		      { "map 0000:01:00.0 --svg card.svg",
			"the BARs of a device, their regions, and who holds them" } },
	.more = "DEVICE is a PCI address, or the name of a [device NAME] of the configuration.\n"
		"You see your own windows, and all if you may inspect.\n",
};
