/* SPDX-License-Identifier: MIT */
/*
 * mmioctl bind and unbind: which driver a PCI function has. sysfs is what does it, and the daemon's
 * program is who knows how (mmiod --bind): it is run as the caller. The running daemon has no part
 * in it but to be asked who would lose a lease.
 */
#include "system/run-mmiod.h"
#include "verb.h"

#include <errno.h>
#include <string.h>

#define WORDS_MAX 64 /* of the command */

/* Of both verbs. */
static struct bind_options {
	bool force;
	bool dry_run;
} options;

static const struct verb_option option_rows[] = {
	{ "force", 0, NULL, "whoever uses the device", FLAG(struct bind_options, force) },
	DRY_RUN_OPTION(struct bind_options, dry_run),
	{ 0 },
};

static int call_daemon(struct context *context, const char *option, int argc, char **argv)
{
	char *words[WORDS_MAX + 8] = { "mmiod", (char *)option };
	size_t n = 2;

	if (options.force && strcmp(option, "--unbind"))
		words[n++] = "--force";
	if (options.dry_run)
		words[n++] = "--dry-run";
	words[n++] = "--";
	memcpy(words + n, argv, (size_t)argc * sizeof(*argv));
	return run_mmiod(context, words);
}

/* ---- who would lose what ---- */

/* Writes an address as the daemon does: DDDD:BB:DD.F. */
static void full_address(const char *word, char *address, size_t size)
{
	const char *bare = strncmp(word, "pci:", 4) ? word : word + 4;
	const char *colon = strchr(bare, ':');

	snprintf(address, size, "%s%s", colon && strchr(colon + 1, ':') ? "" : "0000:", bare);
}

static bool is_on_device(const struct mmiod_region_list *regions, const char *name,
			 const char *device)
{
	for (size_t i = 0; i < mmiod_region_list_count(regions); i++) {
		const struct mmiod_region *region = mmiod_region_list_get(regions, i);

		if (!strcmp(mmiod_region_name(region), name))
			return !strcasecmp(mmiod_region_device(region), device);
	}
	return false;
}

static int refuse_leased(const struct context *context, const char *device,
			 const struct mmiod_lease_info *first, size_t count)
{
	char user[64];

	user_name(mmiod_lease_info_uid(first), user, sizeof(user));
	return report(context, -EBUSY,
		      "%s: %zu lease%s would be revoked, as %llu of %s, held by user %s, pid %u "
		      "(%s); --force does so",
		      device, count, count == 1 ? "" : "s",
		      (unsigned long long)mmiod_lease_info_id(first),
		      mmiod_lease_info_region(first), user, mmiod_lease_info_pid(first),
		      mmiod_lease_info_comm(first));
}

/* `devices`: NULL: the daemon is older, and knows no leases of devices. */
static bool is_of_device(const struct mmiod_lease_info *lease,
			 const struct mmiod_region_list *regions,
			 const struct mmiod_device_list *devices, const char *address)
{
	const char *name = mmiod_lease_info_region(lease);

	if (mmiod_lease_info_kind(lease) != MMIOD_KIND_INTERRUPT &&
	    mmiod_lease_info_kind(lease) != MMIOD_KIND_DEVICE)
		return is_on_device(regions, name, address);
	for (size_t i = 0; devices && i < mmiod_device_list_count(devices); i++) {
		const struct mmiod_device *device = mmiod_device_list_get(devices, i);

		if (!strcmp(mmiod_device_name(device), name))
			return !strcasecmp(mmiod_device_address(device), address);
	}
	return false;
}

static int check_device(const struct context *context, const char *word,
			const struct mmiod_region_list *regions,
			const struct mmiod_device_list *devices,
			const struct mmiod_lease_list *leases)
{
	const struct mmiod_lease_info *first = NULL;
	char device[64];
	size_t count = 0;

	full_address(word, device, sizeof(device));
	for (size_t i = 0; i < mmiod_lease_list_count(leases); i++) {
		const struct mmiod_lease_info *lease = mmiod_lease_list_get(leases, i);

		if (mmiod_lease_info_state(lease) == MMIOD_STATE_REVOKED ||
		    mmiod_lease_info_parked(lease) ||
		    !is_of_device(lease, regions, devices, device))
			continue;
		first = first ? first : lease;
		count++;
	}
	return count ? refuse_leased(context, device, first, count) : 0;
}

/* Without a daemon to ask, there is nobody to spare. */
static int check_leases(struct context *context, int argc, char **argv)
{
	struct mmiod_region_list *regions = NULL;
	struct mmiod_device_list *devices = NULL;
	struct mmiod_lease_list *leases = NULL;
	int status = 0;

	if (mmiod_client_connect(context->socket, &context->client))
		return 0;
	mmiod_client_list_devices(context->client, &devices);
	if (!mmiod_client_list_regions(context->client, &regions) &&
	    !mmiod_client_list_leases(context->client, &leases))
		for (int i = 0; !status && i < argc; i++)
			status = check_device(context, argv[i], regions, devices, leases);
	mmiod_region_list_free(regions);
	mmiod_device_list_free(devices);
	mmiod_lease_list_free(leases);
	return status;
}

/* ---- the verbs ---- */

static int verb_bind(struct context *context, int argc, char **argv)
{
	return call_daemon(context, "--bind", argc, argv);
}

const struct verb bind_verb = {
	.name = "bind",
	.arguments = "PCIADDR…",
	.summary = "give PCI functions to mmiod's driver (root)",
	.group = GROUP_DEVICES,
	.options = option_rows,
	.values = &options,
	.least = 1,
	.most = WORDS_MAX,
	.run = verb_bind,
	.examples = { { "bind 0000:01:00.0", "unless another driver has it" },
		      { "bind 01:00.0 --force", "whoever has it" },
		      { "bind 01:00.0 --dry-run", "what would be written to sysfs" } },
	.more = "Until the next boot, or as long as the device is plugged in: to have it always,\n"
		"write \"bind = yes\" into a [region] of the device. Only driver_override is "
		"used,\n"
		"so that of two identical cards one can be mmiod's. What fails is undone.",
};

static int verb_unbind(struct context *context, int argc, char **argv)
{
	int status = 0;

	if (!options.force && !options.dry_run)
		status = check_leases(context, argc, argv);
	return status ? status : call_daemon(context, "--unbind", argc, argv);
}

const struct verb unbind_verb = {
	.name = "unbind",
	.arguments = "PCIADDR…",
	.summary = "give PCI functions back to their drivers (root)",
	.group = GROUP_DEVICES,
	.options = option_rows,
	.values = &options,
	.least = 1,
	.most = WORDS_MAX,
	.run = verb_unbind,
	.examples = { { "unbind 0000:01:00.0", "unless somebody holds a lease" },
		      { "unbind 01:00.0 --force", "which revokes the leases" } },
};
