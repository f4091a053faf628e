// SPDX-License-Identifier: MIT
/*
 * The commands that bind. If one fails, the other devices are tried; the exit status is that of the
 * first failure.
 */
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <common/pci-address.h>
#include "base/log.h"
#include "bind-command.h"
#include "config/value.h"
#include "machine/pci.h"

/* The same as mmioctl's. */
enum {
	EXIT_USAGE = 2,
	EXIT_NOT_FOUND = 3,
	EXIT_DENIED = 4,
	EXIT_BUSY = 5,
	EXIT_MODULE = 6,
	EXIT_CONFIG = 78,
};

static int exit_status(int error)
{
	switch (error) {
	case 0:
		return EXIT_SUCCESS;
	case -ENOENT:
		return EXIT_NOT_FOUND;
	case -EACCES:
	case -EPERM:
	case -EROFS:
		return EXIT_DENIED;
	case -EBUSY:
	case -EEXIST:
		return EXIT_BUSY;
	case -ENXIO:
		return EXIT_MODULE;
	default:
		return EXIT_FAILURE;
	}
}

/*
 * 0000:01:00.0, as sysfs writes it; the domain may be left out if it is 0000, and pci: may stand
 * before it.
 */
static int parse_address(const char *word, uint64_t *address)
{
	const char *at = strncmp(word, "pci:", 4) ? word : word + 4;
	struct common_pci_address found;

	if (common_scan_pci_address(&at, &found) < 0 || *at)
		return -EINVAL;
	*address = MMIOD_PCI_DEVICE(found.domain, found.bus, found.device, found.function);
	return 0;
}

static int read_addresses(const struct bind_command *command, uint64_t *addresses)
{
	for (int i = 0; i < command->count; i++) {
		if (parse_address(command->addresses[i], &addresses[i]) == 0)
			continue;
		log_error(
			"\"%s\" is not the address of a PCI function: write DDDD:BB:DD.F, such as "
			"0000:01:00.0",
			command->addresses[i]);
		return -EINVAL;
	}
	return 0;
}

static int run_one(const struct binder *binder, uint64_t address,
		   int (*run)(const struct binder *binder, uint64_t address, struct text *why))
{
	char buffer[TEXT_MAX] = "";
	struct text why = TEXT_ON(buffer);
	int r = run(binder, address, &why);

	if (r == -EEXIST)
		text_add(&why, "; --force takes it from that driver, and from whoever uses the "
			       "device through it");
	if (r < 0)
		log_error("%s", buffer);
	return exit_status(r);
}

static int run_named(const struct bind_command *command, const uint64_t *addresses)
{
	bool unbind = command->verb == BIND_UNBIND;
	int result = EXIT_SUCCESS;

	if (!command->count) {
		log_error("%s takes the addresses of PCI functions, such as 0000:01:00.0",
			  unbind ? "--unbind" : "--bind");
		return EXIT_USAGE;
	}
	for (int i = 0; i < command->count; i++) {
		int status = run_one(&command->binder, addresses[i],
				     unbind ? unbind_device : bind_device);

		if (result == EXIT_SUCCESS)
			result = status;
	}
	return result;
}

/* ---- as configured --------------------------------------------------------------------------- */

static bool is_asked_for(const struct bind_command *command, const uint64_t *addresses,
			 uint64_t address)
{
	for (int i = 0; i < command->count; i++)
		if (addresses[i] == address)
			return true;
	return !command->count;
}

/* A function that a section says to bind: that of a region, or a device as a whole. */
struct bound {
	const char *what; /* kind of section */
	struct config_region region; /* of a device but its name, its place and how to bind it */
};

static struct bound bound_device(const struct config_function *function)
{
	struct bound bound = {
		.what = "device",
		.region = { .device = function->device,
			    .pci = function->pci,
			    .vendor = function->vendor,
			    .product = function->product,
			    .bind = function->bind },
	};

	memcpy(bound.region.name, function->name, sizeof(bound.region.name));
	return bound;
}

static size_t bound_count(const struct config *config)
{
	return config->n_regions + config->n_functions;
}

static struct bound bound_get(const struct config *config, size_t index)
{
	if (index < config->n_regions)
		return (struct bound){ "region", *config->regions[index] };
	return bound_device(config->functions[index - config->n_regions]);
}

/* Another device has the address of the one that is meant. */
static bool is_other(const struct config_region *region)
{
	struct pci_info pci;
	char name[MMIOD_WIRE_NAME];

	if (!region->expects_ids || pci_find_slot(region->pci, &pci) < 0 ||
	    config_is_meant(region, pci.vendor, pci.product))
		return false;
	pci_format(region->pci, name);
	log_error("region %s: %s is %04x:%04x, not %04x:%04x: it is not bound", region->name, name,
		  pci.vendor, pci.product, region->vendor, region->product);
	return true;
}

/* -ENODEV: it is not there, or nobody can tell whether it is the one that is meant. */
static int locate(const struct config_region *region, uint64_t *address)
{
	struct pci_info pci;
	int r;

	*address = region->pci;
	if (region->device != CONFIG_DEVICE_IDS)
		return region->expects_ids ? pci_find_slot(region->pci, &pci) : 0;
	r = pci_find_ids(region->vendor, region->product, &pci);
	*address = pci.address;
	return r;
}

static int bind_one(const struct bind_command *command, const uint64_t *addresses,
		    const struct bound *bound)
{
	const struct config_region *region = &bound->region;
	struct binder binder = command->binder;
	uint64_t address;
	char buffer[TEXT_MAX] = "";
	struct text why = TEXT_ON(buffer);
	int r;

	/* A device that is not there now comes later, or never: neither is a failure. */
	if (locate(region, &address) < 0 || !is_asked_for(command, addresses, address))
		return EXIT_SUCCESS;
	if (is_other(region))
		return EXIT_NOT_FOUND;
	binder.force = region->bind == CONFIG_BIND_FORCE;
	r = bind_device(&binder, address, &why);
	if (r == -ENOENT)
		return EXIT_SUCCESS;
	if (r == -EEXIST)
		text_add(&why, "; \"bind = force\" would take it from that driver");
	if (r < 0)
		log_error("%s %s: %s", bound->what, region->name, buffer);
	return exit_status(r);
}

/* By address, or by the ids as udev reads them from sysfs. */
static void name_note(const struct config_region *region, char *name, size_t size)
{
	char slot[MMIOD_WIRE_NAME];

	pci_format(region->pci, slot);
	if (region->device == CONFIG_DEVICE_IDS)
		snprintf(name, size, "0x%04x:0x%04x", region->vendor, region->product);
	else
		snprintf(name, size, "%s", slot);
}

static void clear_notes(int directory)
{
	DIR *stream = fdopendir(dup(directory));
	struct dirent *entry;

	while (stream && (entry = readdir(stream)))
		if (entry->d_name[0] != '.')
			unlinkat(directory, entry->d_name, 0);
	if (stream)
		closedir(stream);
}

static int open_notes(const char *path)
{
	char parent[256];
	char *slash;

	snprintf(parent, sizeof(parent), "%s", path);
	slash = strrchr(parent, '/');
	if (slash)
		*slash = '\0';
	mkdir(parent, 0755);
	mkdir(path, 0755);
	return open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Leaves the notes by which udev knows what is ours when it comes. */
static void note_configured(const struct bind_command *command, const struct config *config)
{
	_cleanup_(fd_closep) int directory = open_notes(command->directory);

	if (directory < 0) {
		log_error("cannot open %s: %s; devices that come later will not be bound",
			  command->directory, strerror(errno));
		return;
	}
	clear_notes(directory);
	for (size_t i = 0; i < bound_count(config); i++) {
		const struct bound bound = bound_get(config, i);
		_cleanup_(fd_closep) int file = -1;
		char name[MMIOD_WIRE_NAME];

		if (bound.region.bind == CONFIG_BIND_NO)
			continue;
		name_note(&bound.region, name, sizeof(name));
		file = openat(directory, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	}
}

/* Listing reads every function's configuration space, and wakes those that sleep. */
static bool needs_list(const struct config *config)
{
	for (size_t i = 0; i < bound_count(config); i++) {
		const struct bound bound = bound_get(config, i);

		if (bound.region.bind != CONFIG_BIND_NO &&
		    (bound.region.device == CONFIG_DEVICE_IDS || bound.region.expects_ids))
			return true;
	}
	return false;
}

static int run_configured(const struct bind_command *command, const uint64_t *addresses,
			  const struct config *config)
{
	int result = EXIT_SUCCESS;

	if (!command->count && !command->binder.dry_run)
		note_configured(command, config);
	if (needs_list(config) && pci_open() < 0)
		log_warning("cannot list the machine's PCI functions");
	for (size_t i = 0; i < bound_count(config); i++) {
		const struct bound bound = bound_get(config, i);
		int status = bound.region.bind == CONFIG_BIND_NO
				     ? EXIT_SUCCESS
				     : bind_one(command, addresses, &bound);

		if (result == EXIT_SUCCESS)
			result = status;
	}
	pci_close();
	return result;
}

static int load_and_run(const struct bind_command *command, const uint64_t *addresses,
			const struct config_paths *paths)
{
	struct config *config = NULL;
	char buffer[TEXT_MAX] = "";
	struct text why = TEXT_ON(buffer);
	int status;

	if (config_load_tolerant(paths, &config, &why) < 0) {
		log_error("%s", buffer);
		return EXIT_CONFIG;
	}
	status = run_configured(command, addresses, config);
	config_free(config);
	return status;
}

int bind_run(const struct bind_command *command, const struct config_paths *paths)
{
	_cleanup_(freep) uint64_t *addresses =
		calloc((size_t)command->count + 1, sizeof(*addresses));

	if (!addresses)
		return EXIT_FAILURE;
	if (read_addresses(command, addresses) < 0)
		return EXIT_USAGE;
	if (command->verb == BIND_CONFIGURED)
		return load_and_run(command, addresses, paths);
	return run_named(command, addresses);
}
