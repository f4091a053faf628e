/* SPDX-License-Identifier: MIT */
/*
 * Pictures of regions and devices, from the daemon's lists. Windows may overlap, so what is free is
 * what none of them covers.
 */
#include "system/sysfs.h"
#include "target/layout.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NAME_SIZE 64
#define PICTURES_MAX(regions) (FUNCTION_BARS + (regions))

/* ---- windows ---- */

static int by_offset(const void *a, const void *b)
{
	const struct piece *first = a, *second = b;

	if (first->offset != second->offset)
		return first->offset < second->offset ? -1 : 1;
	return first->lease < second->lease ? -1 : first->lease > second->lease;
}

static void take_piece(struct picture *picture, const struct mmiod_lease_info *info,
		       const struct mmiod_lease_extent *extent, uint64_t base, size_t part)
{
	struct piece *piece = &picture->pieces[picture->count++];

	piece->offset = base + extent->offset;
	piece->length = extent->length;
	piece->lease = mmiod_lease_info_id(info);
	piece->uid = mmiod_lease_info_uid(info);
	piece->pid = mmiod_lease_info_pid(info);
	piece->part = part;
	snprintf(piece->comm, sizeof(piece->comm), "%s", mmiod_lease_info_comm(info));
	snprintf(piece->note, sizeof(piece->note), "%s, %s, %s%s",
		 rights_word(mmiod_lease_info_rights(info)),
		 memtype_word(mmiod_lease_info_memtype(info)),
		 share_word(mmiod_lease_info_share(info)),
		 mmiod_lease_info_state(info) == MMIOD_STATE_ENDING ? ", ending" : "");
}

/* Of several extents, for which the picture has room. One that has ended meanwhile has none. */
static void take_extents(const struct context *context, struct picture *picture,
			 const struct mmiod_lease_info *info, uint64_t base, size_t part)
{
	struct mmiod_lease_extent *extents;
	int count = list_extents(context, info, &extents);

	for (int i = 0; i < count; i++)
		take_piece(picture, info, &extents[i], base, part);
	free(extents);
}

static void take_lease(const struct context *context, struct picture *picture,
		       const struct mmiod_lease_info *info, uint64_t base, size_t part)
{
	const struct mmiod_lease_extent whole = { mmiod_lease_info_offset(info),
						  mmiod_lease_info_length(info) };

	if (mmiod_lease_info_extents(info) > 1)
		take_extents(context, picture, info, base, part);
	else
		take_piece(picture, info, &whole, base, part);
}

/* As many as there can be of these leases. */
static struct piece *make_pieces(const struct mmiod_lease_list *list)
{
	size_t count = 1;

	for (size_t i = 0; i < mmiod_lease_list_count(list); i++)
		count += mmiod_lease_info_extents(mmiod_lease_list_get(list, i));
	return calloc(count, sizeof(struct piece));
}

/* Those of the leases that live on a region, which begins at @base of the picture. */
static void take_leases(const struct context *context, struct picture *picture,
			const struct mmiod_lease_list *list, const char *region, uint64_t base,
			size_t part)
{
	for (size_t i = 0; i < mmiod_lease_list_count(list); i++) {
		const struct mmiod_lease_info *info = mmiod_lease_list_get(list, i);

		if (lease_is_in_region(info, region) &&
		    mmiod_lease_info_state(info) != MMIOD_STATE_REVOKED)
			take_lease(context, picture, info, base, part);
	}
}

static void measure_free(struct picture *picture)
{
	uint64_t end = 0;

	qsort(picture->pieces, picture->count, sizeof(picture->pieces[0]), by_offset);
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

/* ---- regions ---- */

static int make_room(const struct context *context, struct layout *layout, size_t pictures)
{
	layout->pictures = calloc(pictures, sizeof(*layout->pictures));
	layout->texts = calloc(pictures * 2, NAME_SIZE);
	return layout->pictures && layout->texts ? 0 : out_of_memory(context);
}

static int fill_region(const struct context *context, const struct mmiod_region *region,
		       const struct mmiod_lease_list *leases, struct layout *layout)
{
	struct picture *picture = &layout->pictures[layout->count++];

	picture->name = mmiod_region_name(region);
	picture->length = mmiod_region_length(region);
	picture->page = 1;
	picture->pieces = make_pieces(leases);
	if (!picture->pieces)
		return out_of_memory(context);
	take_leases(context, picture, leases, picture->name, 0, 0);
	measure_free(picture);
	return 0;
}

int layout_region(const struct context *context, const struct mmiod_region *region,
		  struct layout *layout)
{
	struct mmiod_lease_list *leases;
	int err, status;

	*layout = (struct layout){ 0 };
	if (!mmiod_region_length(region))
		return report(context, -ENODEV, "%s", target_missing(context, region));
	err = mmiod_client_list_leases(context->client, &leases);
	if (err)
		return report_client(context, err);
	status = make_room(context, layout, 1);
	if (!status)
		status = fill_region(context, region, leases, layout);
	mmiod_lease_list_free(leases);
	return status;
}

/* ---- devices ---- */

struct work {
	const struct context *context;
	const struct mmiod_region_list *regions;
	const char *address;
	bool simulated; /* sysfs speaks of other devices */
	struct mmiod_lease_list *leases;
	struct layout *layout;
};

static bool is_of(const struct work *work, const struct mmiod_region *region, int bar)
{
	return !strcmp(mmiod_region_device(region), work->address) &&
	       mmiod_region_bar(region) == bar;
}

static int by_place(const void *a, const void *b)
{
	const struct part *first = a, *second = b;

	if (first->offset != second->offset)
		return first->offset < second->offset ? -1 : 1;
	return strcmp(first->name, second->name);
}

static void take_parts(const struct work *work, struct picture *picture, int bar)
{
	for (size_t i = 0; i < mmiod_region_list_count(work->regions); i++) {
		const struct mmiod_region *region = mmiod_region_list_get(work->regions, i);
		struct part *part = &picture->parts[picture->part_count];

		if (!is_of(work, region, bar))
			continue;
		part->name = mmiod_region_name(region);
		part->offset = mmiod_region_offset(region);
		part->length = mmiod_region_length(region);
		snprintf(part->note, sizeof(part->note), "%s %s",
			 rights_word(mmiod_region_rights(region)),
			 memtype_word(mmiod_region_memtype(region)));
		if (part->offset + part->length > picture->length)
			picture->length = part->offset + part->length;
		picture->part_count++;
	}
	qsort(picture->parts, picture->part_count, sizeof(picture->parts[0]), by_place);
}

/* As long as the device says; in simulation as its regions reach. */
static void name_bar(const struct work *work, struct picture *picture, unsigned int bar)
{
	char *name = work->layout->texts + (work->layout->count - 1) * 2 * NAME_SIZE;
	char *note = name + NAME_SIZE;
	struct pci_bar found;

	snprintf(name, NAME_SIZE, "%s/bar%u", work->address, bar);
	picture->name = name;
	picture->page = 1;
	if (work->simulated || !read_function_bar(work->address, bar, &found))
		return;
	if (found.size > picture->length)
		picture->length = found.size;
	snprintf(note, NAME_SIZE, "%s 0x%llx%s", found.io ? "I/O ports from" : "at",
		 (unsigned long long)found.start, found.prefetchable ? ", prefetchable" : "");
	picture->note = note;
}

static int fill_bar(const struct work *work, unsigned int bar)
{
	struct picture *picture = &work->layout->pictures[work->layout->count++];
	size_t regions = mmiod_region_list_count(work->regions);

	picture->parts = calloc(regions + 1, sizeof(struct part));
	picture->pieces = make_pieces(work->leases);
	if (!picture->parts || !picture->pieces)
		return out_of_memory(work->context);
	take_parts(work, picture, (int)bar);
	name_bar(work, picture, bar);
	for (size_t i = 0; i < picture->part_count; i++)
		take_leases(work->context, picture, work->leases, picture->parts[i].name,
			    picture->parts[i].offset, i);
	measure_free(picture);
	/* A BAR that is not there is no picture. */
	if (!picture->length && !picture->part_count) {
		free(picture->parts);
		free(picture->pieces);
		*picture = (struct picture){ 0 };
		work->layout->count--;
	}
	return 0;
}

static int fill_device(const struct work *work)
{
	int status = 0;

	for (unsigned int bar = 0; !status && bar < FUNCTION_BARS; bar++)
		status = fill_bar(work, bar);
	for (size_t i = 0; !status && i < mmiod_region_list_count(work->regions); i++) {
		const struct mmiod_region *region = mmiod_region_list_get(work->regions, i);

		if (is_of(work, region, -1))
			status = fill_region(work->context, region, work->leases, work->layout);
	}
	return status;
}

int layout_device(const struct context *context, const struct mmiod_region_list *regions,
		  const char *address, struct layout *layout)
{
	struct work work = { context, regions, address, .layout = layout };
	struct mmiod_status daemon;
	int err, status;

	*layout = (struct layout){ 0 };
	err = mmiod_client_status(context->client, &daemon);
	if (!err)
		err = mmiod_client_list_leases(context->client, &work.leases);
	if (err)
		return report_client(context, err);
	work.simulated = daemon.backend == MMIOD_BACKEND_SIMULATION;
	status = make_room(context, layout, PICTURES_MAX(mmiod_region_list_count(regions)));
	if (!status)
		status = fill_device(&work);
	mmiod_lease_list_free(work.leases);
	return status;
}

void layout_free(struct layout *layout)
{
	for (size_t i = 0; i < layout->count; i++) {
		free(layout->pictures[i].parts);
		free(layout->pictures[i].pieces);
	}
	free(layout->pictures);
	free(layout->texts);
	*layout = (struct layout){ 0 };
}
