/* SPDX-License-Identifier: MIT */
/*
 * From a thing to a file. One region that is all of the thing is shown by its window's own file,
 * opened anew, so that each opening has a position of its own and the rights that were asked for.
 * Anything else takes a view, which the module makes.
 */
#include "run/offer.h"
#include "system/sysfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* The parts of a file, as they are found. */
struct parts {
	struct mmiod_target targets[PLAN_PARTS_MAX];
	uint64_t at[PLAN_PARTS_MAX]; /* where they are in the file */
	unsigned int rights[PLAN_PARTS_MAX];
	struct loan *loans[PLAN_PARTS_MAX];
	size_t count;
	size_t left_out;
	char left_names[300]; /* of these, as far as there is room */
	bool optional; /* one that cannot be had is left out */
};

static int refuse(struct offer *offer, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int refuse(struct offer *offer, int err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(offer->why, sizeof(offer->why), format, args);
	va_end(args);
	return err;
}

/* With what to do about it where the holder is the user's own. */
static int refuse_lease(const struct offers *offers, struct offer *offer, int err)
{
	const char *sentence = mmiod_client_error(offers->loans.context->client);
	char own[40], named[500];

	sentence_names(sentence[0] ? sentence : strerror(-err), named, sizeof(named));
	snprintf(own, sizeof(own), "(uid %u)", getuid());
	if (err == -EBUSY && strstr(named, own))
		return refuse(offer, err,
			      "%s; with --shared-write, and \"share = shared-write\" in the grant, "
			      "several may have it",
			      named);
	return refuse(offer, err, "%s", named);
}

static int no_simulation(struct offer *offer, const char *what)
{
	return refuse(offer, -ENODEV, "%s: not in simulation, for it takes the module", what);
}

/* ---- parts ---- */

static void note_left(struct parts *parts, const char *region)
{
	size_t used = strlen(parts->left_names);

	parts->left_out++;
	snprintf(parts->left_names + used, sizeof(parts->left_names) - used, "%s%s",
		 used ? ", " : "", region);
}

static void add_part(struct parts *parts, const struct mmiod_target *target, uint64_t at,
		     unsigned int rights)
{
	if (parts->count == PLAN_PARTS_MAX) {
		note_left(parts, target->region);
		return;
	}
	parts->targets[parts->count] = *target;
	parts->at[parts->count] = at;
	parts->rights[parts->count++] = rights;
}

static void leave_out(struct parts *parts, size_t index)
{
	size_t rest = --parts->count - index;

	note_left(parts, parts->targets[index].region);
	memmove(&parts->targets[index], &parts->targets[index + 1],
		rest * sizeof(parts->targets[0]));
	memmove(&parts->at[index], &parts->at[index + 1], rest * sizeof(parts->at[0]));
	memmove(&parts->rights[index], &parts->rights[index + 1], rest * sizeof(parts->rights[0]));
}

static int take_part(struct offers *offers, struct offer *offer, struct parts *parts, size_t index)
{
	const struct mmiod_target *target = &parts->targets[index];
	int err = loan_take(&offers->loans, target, parts->rights[index], offer->memtype,
			    &offer->wait, &parts->loans[index]);

	if (err == -EINPROGRESS)
		snprintf(offer->region, sizeof(offer->region), "%s", target->region);
	else if (err)
		refuse_lease(offers, offer, err);
	return err;
}

/* Of optional ones any will do; the error of the last is that of all. */
static int take_parts(struct offers *offers, struct offer *offer, struct parts *parts)
{
	int err = 0;

	for (size_t i = 0; i < parts->count;) {
		err = take_part(offers, offer, parts, i);
		if (err == -EINPROGRESS || (err && !parts->optional))
			return err;
		if (err)
			leave_out(parts, i);
		else
			i++;
	}
	if (parts->left_out && parts->count)
		snprintf(offer->note, sizeof(offer->note), "without %zu %s (%s)%s%s",
			 parts->left_out, parts->left_out == 1 ? "region" : "regions",
			 parts->left_names, err ? ": " : "", err ? offer->why : "");
	return parts->count ? 0 : err;
}

static bool may_write(const struct parts *parts)
{
	for (size_t i = 0; i < parts->count; i++)
		if (!(parts->rights[i] & MMIOD_RIGHT_WRITE))
			return false;
	return true;
}

/* ---- files ---- */

/*
 * A memory file of another user's daemon cannot be opened anew: its copy is given, which has our
 * position and rights.
 */
static int open_again(const struct loan *loan, struct offer *offer)
{
	bool reads = offer->rights & MMIOD_RIGHT_READ, writes = offer->rights & MMIOD_RIGHT_WRITE;
	int flags = reads && writes ? O_RDWR : writes ? O_WRONLY : O_RDONLY;
	char path[40];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", mmiod_lease_fd(loan->lease));
	offer->fd = open(path, flags | O_CLOEXEC);
	if (offer->fd < 0)
		offer->fd = fcntl(mmiod_lease_fd(loan->lease), F_DUPFD_CLOEXEC, 3);
	return offer->fd < 0 ? refuse(offer, -errno, "%s", strerror(errno)) : 0;
}

static int make_view(const struct offers *offers, struct offer *offer, const struct parts *parts,
		     enum mmiod_view_kind kind, struct mmiod_view_options *options)
{
	struct mmiod_view_part view[PLAN_PARTS_MAX];
	char error[300];
	int err;

	for (size_t i = 0; i < parts->count; i++)
		view[i] = (struct mmiod_view_part){
			.offset = parts->at[i],
			.start = parts->targets[i].offset -
				 mmiod_lease_offset(parts->loans[i]->lease),
			.length = parts->targets[i].length,
			.fd = mmiod_lease_fd(parts->loans[i]->lease),
		};
	if (offers->loans.options->downgrade)
		options->flags |= MMIOD_VIEW_DOWNGRADE;
	err = mmiod_view_create(kind, view, parts->count, options, &offer->fd, error,
				sizeof(error));
	return err ? refuse(offer, err, "%s", error) : 0;
}

/* ---- BARs and names of --map ---- */

/* What the program wants, less what --read-only withholds. */
static int rights_for(const struct offers *offers, struct offer *offer, unsigned int *rights)
{
	*rights = offer->rights | MMIOD_RIGHT_READ;
	if (!offers->loans.options->read_only || !(*rights & MMIOD_RIGHT_WRITE))
		return 0;
	*rights = MMIOD_RIGHT_READ;
	if (!offers->loans.options->downgrade)
		return refuse(offer, -EACCES,
			      "it is opened for writing, and run was told --read-only (see "
			      "--downgrade)");
	return offers->loans.simulated ? no_simulation(offer, "--downgrade") : 0;
}

/* One window shows all of it, and no view is needed to change what can be done with it. */
static bool is_plain(const struct offers *offers, const struct offer *offer,
		     const struct parts *parts, uint64_t size)
{
	const struct mmiod_lease *lease = parts->loans[0]->lease;
	bool downgraded = offer->rights & MMIOD_RIGHT_WRITE && !may_write(parts);

	return parts->count == 1 && !parts->at[0] && !downgraded &&
	       mmiod_lease_offset(lease) == parts->targets[0].offset &&
	       mmiod_lease_map_offset(lease) == 0 &&
	       mmiod_lease_length(lease) == parts->targets[0].length &&
	       (!size || size == parts->targets[0].length);
}

static int show_file(struct offers *offers, struct offer *offer, struct parts *parts,
		     struct mmiod_view_options *options)
{
	int err = take_parts(offers, offer, parts);

	if (err)
		return err;
	if (!options->flags && is_plain(offers, offer, parts, options->length))
		return open_again(parts->loans[0], offer);
	if (offers->loans.simulated)
		return no_simulation(offer, "a file that is not just one whole region");
	return make_view(offers, offer, parts, MMIOD_VIEW_FILE, options);
}

static void add_region(struct parts *parts, const struct mmiod_region *region, uint64_t at,
		       unsigned int rights)
{
	struct mmiod_target target = { .length = mmiod_region_length(region) };

	snprintf(target.region, sizeof(target.region), "%s", mmiod_region_name(region));
	add_part(parts, &target, at, rights);
}

static bool is_of_bar(const struct mmiod_region *region, const struct thing *thing)
{
	return mmiod_region_bar(region) == (int)thing->number &&
	       !strcmp(mmiod_region_device(region), thing->device) && mmiod_region_rights(region);
}

/* No view shows ports, so a region of them must be all of a BAR of @size bytes. */
static void find_bar_regions(const struct mmiod_region_list *list, const struct thing *thing,
			     uint64_t size, unsigned int rights, struct parts *parts)
{
	for (size_t i = 0; i < mmiod_region_list_count(list); i++) {
		const struct mmiod_region *region = mmiod_region_list_get(list, i);

		if (!is_of_bar(region, thing))
			continue;
		if (mmiod_region_is_ports(region) ? mmiod_region_length(region) == size
						  : region_owns_pages(region))
			add_region(parts, region, mmiod_region_offset(region), rights);
		else
			note_left(parts, mmiod_region_name(region));
	}
}

/*
 * None that the caller may use: a request for it by its place has the daemon say why, and tells a
 * region that is refused from a card that mmiod has nothing to do with.
 */
static int ask_by_place(struct offers *offers, const struct thing *thing, unsigned int rights,
			struct offer *offer)
{
	struct mmiod_target target = { 0 };
	struct loan *loan;
	int err;

	snprintf(target.region, sizeof(target.region), "%s/bar%u", thing->device, thing->number);
	err = loan_take(&offers->loans, &target, rights, offer->memtype, NULL, &loan);
	if (err == -ENOENT)
		return 1;
	if (!err)
		return refuse(offer, -EAGAIN, "its region came while it was opened: try again");
	return refuse_lease(offers, offer, err);
}

static int list_regions(const struct offers *offers, struct offer *offer,
			struct mmiod_region_list **list)
{
	struct mmiod_client *client = offers->loans.context->client;
	int err = mmiod_client_list_regions(client, list);

	return err ? refuse(offer, err, "%s", mmiod_client_error(client)) : 0;
}

static struct parts *bar_parts(struct offers *offers, const struct thing *thing, uint64_t size,
			       unsigned int rights, struct offer *offer, int *err)
{
	struct mmiod_region_list *list;
	struct parts *parts;

	*err = list_regions(offers, offer, &list);
	if (*err)
		return NULL;
	parts = calloc(1, sizeof(*parts));
	if (parts)
		find_bar_regions(list, thing, size, rights, parts);
	else
		*err = refuse(offer, -ENOMEM, "out of memory");
	mmiod_region_list_free(list);
	return parts;
}

/* The kernel gives them to root alone, and would not say why. */
static int leave_ports(const struct thing *thing, struct offer *offer)
{
	if (faccessat(AT_FDCWD, thing->name, R_OK, AT_EACCESS))
		snprintf(offer->note, sizeof(offer->note),
			 "BAR %u is of I/O ports, and no region of yours is all of it: the kernel "
			 "decides by your own rights",
			 thing->number);
	return 1;
}

/* The file that sysfs has for ports is read and written as a window of them is, and not mapped. */
static int offer_ports(struct offers *offers, const struct thing *thing, struct offer *offer,
		       struct parts *parts)
{
	int err = parts->count ? take_parts(offers, offer, parts) : leave_ports(thing, offer);

	return err ? err : open_again(parts->loans[0], offer);
}

static int offer_bar(struct offers *offers, const struct thing *thing, struct offer *offer)
{
	struct mmiod_view_options options = { 0 };
	struct parts *parts;
	struct pci_bar bar;
	unsigned int rights;
	int err;

	read_function_bar(thing->device, thing->number, &bar);
	options.length = bar.size;
	offer->memtype = thing->combining ? MMIOD_MEMTYPE_WC : MMIOD_MEMTYPE_DEFAULT;
	err = rights_for(offers, offer, &rights);
	if (err)
		return err;
	parts = bar_parts(offers, thing, bar.size, rights, offer, &err);
	if (parts && bar.io)
		err = offer_ports(offers, thing, offer, parts);
	else if (parts)
		err = parts->count ? show_file(offers, offer, parts, &options)
				   : ask_by_place(offers, thing, rights, offer);
	free(parts);
	return err;
}

/* The names that the kernel's own drivers give to files that are mapped beyond their end. */
static bool is_longer(const char *name)
{
	return !strcmp(name, "/dev/gpiomem");
}

static int offer_map(struct offers *offers, const struct thing *thing, struct offer *offer)
{
	struct mmiod_target target = offers->plan.maps[thing->number];
	struct mmiod_view_options options = { 0 };
	struct mmiod_region_list *list;
	struct parts *parts;
	unsigned int rights;
	int err = rights_for(offers, offer, &rights);

	if (!err)
		err = list_regions(offers, offer, &list);
	if (err)
		return err;
	loan_resolve(list, &target);
	mmiod_region_list_free(list);
	parts = calloc(1, sizeof(*parts));
	if (!parts)
		return refuse(offer, -ENOMEM, "out of memory");
	add_part(parts, &target, 0, rights);
	if (is_longer(thing->name) && !offers->loans.simulated)
		options.flags = MMIOD_VIEW_LONGER;
	err = show_file(offers, offer, parts, &options);
	free(parts);
	return err;
}

/* ---- /dev/mem ---- */

/*
 * All that the caller may use, each with the rights that it may have; not those whose address
 * nobody says, and those that cannot be mapped.
 */
static void find_all_regions(const struct mmiod_region_list *list, unsigned int rights,
			     struct parts *parts)
{
	parts->optional = true;
	for (size_t i = 0; i < mmiod_region_list_count(list); i++) {
		const struct mmiod_region *region = mmiod_region_list_get(list, i);
		unsigned int usable = mmiod_region_rights(region) & rights;
		uint64_t address = loan_address(region);

		if (!usable)
			continue;
		if (address && region_owns_pages(region) &&
		    mmiod_region_state(region) == MMIOD_STATE_OK)
			add_region(parts, region, address, usable);
		else
			note_left(parts, mmiod_region_name(region));
	}
}

static int find_named_regions(const struct offers *offers, const struct mmiod_region_list *list,
			      unsigned int rights, struct offer *offer, struct parts *parts)
{
	for (size_t i = 0; i < offers->plan.window_count; i++) {
		struct mmiod_target target = offers->plan.windows[i];
		const struct mmiod_region *region = mmiod_region_list_find(list, &target);
		uint64_t address = region ? loan_address(region) : 0;

		if (region && !address)
			return refuse(
				offer, -ENXIO,
				"the address of region %s is not known to you: it takes a PCI "
				"device, or the right to inspect",
				mmiod_region_name(region));
		loan_resolve(list, &target);
		add_part(parts, &target, address + target.offset, rights);
	}
	return 0;
}

static int find_mem_parts(struct offers *offers, unsigned int rights, struct offer *offer,
			  struct parts *parts)
{
	struct mmiod_region_list *list;
	int err = list_regions(offers, offer, &list);

	if (err)
		return err;
	if (offers->plan.window_count)
		err = find_named_regions(offers, list, rights, offer, parts);
	else
		find_all_regions(list, rights, parts);
	mmiod_region_list_free(list);
	if (!err && !parts->count)
		err = refuse(offer, -EACCES,
			     "there is no region that you may use and whose "
			     "address is known");
	return err;
}

static int offer_mem(struct offers *offers, const struct thing *thing, struct offer *offer)
{
	struct mmiod_view_options options = { 0 };
	struct parts *parts;
	unsigned int rights;
	int err;

	if (offers->loans.simulated)
		return no_simulation(offer, "physical addresses");
	err = rights_for(offers, offer, &rights);
	if (err)
		return err;
	parts = calloc(1, sizeof(*parts));
	if (!parts)
		return refuse(offer, -ENOMEM, "out of memory");
	err = find_mem_parts(offers, rights, offer, parts);
	if (!err)
		err = take_parts(offers, offer, parts);
	if (!err)
		err = make_view(offers, offer, parts, MMIOD_VIEW_PHYS, &options);
	free(parts);
	return err;
}

/* ---- UIO ---- */

static struct parts *uio_parts(struct offers *offers, const struct plan_uio *uio,
			       unsigned int rights, struct offer *offer, int *err)
{
	struct mmiod_region_list *list;
	struct parts *parts;

	*err = list_regions(offers, offer, &list);
	if (*err)
		return NULL;
	parts = calloc(1, sizeof(*parts));
	for (size_t i = 0; parts && i < uio->count; i++) {
		add_part(parts, &uio->parts[i], 0, rights);
		loan_resolve(list, &parts->targets[i]);
	}
	mmiod_region_list_free(list);
	if (!parts)
		*err = refuse(offer, -ENOMEM, "out of memory");
	return parts;
}

static int take_vector(struct offers *offers, const struct plan_uio *uio, const struct parts *parts,
		       struct offer *offer, struct mmiod_view_options *options)
{
	int err = vector_take(&offers->loans, &offers->vectors, uio, parts->targets, &options->irq);

	if (err)
		return refuse_lease(offers, offer, err);
	if (options->irq < 0)
		options->irq = 0;
	else
		options->flags |= MMIOD_VIEW_INTERRUPT;
	return 0;
}

static int offer_uio(struct offers *offers, const struct thing *thing, struct offer *offer)
{
	const struct plan_uio *uio = &offers->plan.uios[thing->number];
	struct mmiod_view_options options = { .device = makedev(offers->uio_major, uio->number) };
	struct parts *parts;
	unsigned int rights;
	int err;

	if (offers->loans.simulated)
		return no_simulation(offer, "UIO nodes");
	err = rights_for(offers, offer, &rights);
	if (err)
		return err;
	parts = uio_parts(offers, uio, rights, offer, &err);
	if (parts)
		err = take_parts(offers, offer, parts);
	if (!err)
		err = take_vector(offers, uio, parts, offer, &options);
	if (!err)
		err = make_view(offers, offer, parts, MMIOD_VIEW_UIO, &options);
	free(parts);
	return err;
}

/* ---- configuration spaces ---- */

static int offer_config(struct offers *offers, const struct thing *thing, struct offer *offer)
{
	unsigned int rights;
	int err = rights_for(offers, offer, &rights);

	if (!err && rights != (offer->rights | MMIOD_RIGHT_READ))
		err = refuse(offer, -EACCES, "--downgrade is for windows");
	if (err)
		return err;
	err = configuration_file(offers->loans.context, &offers->operated, thing->device, rights,
				 &offer->fd);
	return err < 0 ? refuse_lease(offers, offer, err) : err;
}

/* ---- what others call ---- */

int offer_file(struct offers *offers, const struct thing *thing, struct offer *offer)
{
	switch (thing->kind) {
	case THING_BAR:
		return offer_bar(offers, thing, offer);
	case THING_CONFIG:
		return offer_config(offers, thing, offer);
	case THING_MEM:
		return offer_mem(offers, thing, offer);
	case THING_UIO:
		return offer_uio(offers, thing, offer);
	case THING_MAP:
		return offer_map(offers, thing, offer);
	default:
		return 1;
	}
}

uint64_t offer_size(const struct offers *offers, const struct thing *thing)
{
	struct mmiod_target target = offers->plan.maps[thing->number];
	struct mmiod_region_list *list;

	if (mmiod_client_list_regions(offers->loans.context->client, &list))
		return target.length;
	loan_resolve(list, &target);
	mmiod_region_list_free(list);
	return target.length;
}

/* Waits as --wait says: no program runs yet. */
int offer_windows(struct offers *offers)
{
	struct loans *loans = &offers->loans;
	const struct run_options *options = loans->options;
	struct mmiod_client *client = loans->context->client;
	struct mmiod_region_list *list;
	unsigned int rights = MMIOD_RIGHT_READ | (options->read_only ? 0 : MMIOD_RIGHT_WRITE);
	int err = mmiod_client_list_regions(client, &list);

	if (err)
		return report_client(loans->context, err);
	mmiod_client_set_wait(client, (uint32_t)options->lease.wait.value);
	for (size_t i = 0; !err && i < offers->plan.window_count; i++) {
		struct mmiod_target target = offers->plan.windows[i];
		struct loan *loan;

		loan_resolve(list, &target);
		err = loan_take(loans, &target, rights, options->lease.memtype, NULL, &loan);
	}
	mmiod_client_set_wait(client, 0);
	mmiod_region_list_free(list);
	return err ? report_client(loans->context, err) : 0;
}
