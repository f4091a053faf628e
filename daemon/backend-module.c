// SPDX-License-Identifier: MIT
/*
 * The kernel module behind /dev/mmiod. The module keeps claims and windows when the control file is
 * closed, so nothing here needs to be undone at exit. What this adds to the ioctls is words: which
 * device, why not, and what to do.
 */
#include <endian.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <time.h>
#include "backend.h"
#include "iomem.h"
#include "log.h"
#include "pci.h"
#include "util.h"

#define CONTROL_PATH "/dev/mmiod"
#define EVENTS_AT_ONCE 64

struct module {
	struct backend backend; /* event_fd is the control file */
	bool revokes_on_reset; /* an older module, still loaded after an upgrade, does not */
};

static int control(struct backend *backend, unsigned long request, void *argument)
{
	return ioctl(backend->event_fd, request, argument) < 0 ? -errno : 0;
}

static void module_close(struct backend *backend)
{
	close(backend->event_fd);
	pci_close();
	free(container_of(backend, struct module, backend));
}

/* ---- regions --------------------------------------------------------------------------------- */

static void take_info(const struct mmiod_region_info *info, struct backend_region *region)
{
	struct pci_info pci;

	*region = (struct backend_region){
		.handle = info->region_id,
		.offset = info->kind == MMIOD_REGION_PCI ? info->offset : 0,
		.length = info->length,
		.phys = info->phys,
		.pci = info->pci,
		.bar = info->kind == MMIOD_REGION_PCI ? info->bar : UINT32_MAX,
		.width = info->width,
		.generation = info->generation,
		.windows = info->windows,
		.state = (enum mmiod_state)info->state,
		.revoke_on_reset = info->flags & MMIOD_REGION_REVOKE_ON_RESET,
	};
	memcpy(region->name, info->name, sizeof(region->name));
	region->name[sizeof(region->name) - 1] = '\0';
	if (info->kind != MMIOD_REGION_PCI) {
		snprintf(region->device, sizeof(region->device), "range");
		return;
	}
	pci_format(info->pci, region->device);
	if (pci_find_slot(info->pci, &pci) < 0)
		return;
	region->vendor = pci.vendor;
	region->product = pci.product;
	memcpy(region->model, pci.model, sizeof(region->model));
}

static int module_next_region(struct backend *backend, uint64_t handle,
			      struct backend_region *region)
{
	struct mmiod_region_info info = { .size = sizeof(info), .region_id = handle };
	int r = control(backend, MMIOD_IOC_REGION_NEXT, &info);

	if (r == 0)
		take_info(&info, region);
	return r;
}

static int locate_pci(const struct config_region *config, struct pci_info *pci, struct text *why)
{
	char name[MMIOD_WIRE_NAME];

	if (config->device == CONFIG_DEVICE_IDS) {
		if (pci_find_ids(config->vendor, config->product, pci) == 0)
			return 0;
		text_add(why, "there is no PCI function %04x:%04x", config->vendor,
			 config->product);
		return -ENODEV;
	}
	if (pci_find_slot(config->pci, pci) == 0)
		return 0;
	pci_format(config->pci, name);
	text_add(why, "there is no PCI function %s", name);
	return -ENODEV;
}

/*
 * The function is there, but not bound to the module's
 * driver: says to which one it is, and how to change that.
 */
static void explain_unbound(const struct pci_info *pci, const struct config_region *config,
			    struct text *why)
{
	const size_t bar = (size_t)config->bar;
	char name[MMIOD_WIRE_NAME], driver[64], owner[96];
	bool bound = pci_driver(pci->address, driver, sizeof(driver)) == 0;

	pci_format(pci->address, name);
	if (bound)
		text_add(why, "%s is bound to driver %s", name, driver);
	else
		text_add(why, "%s is bound to no driver", name);
	if (config->bind == CONFIG_BIND_FORCE || (config->bind == CONFIG_BIND_YES && !bound))
		text_add(why,
			 "; that it was not bound as configured has its reason in the journal of "
			 "mmiod.service or mmiod-bind@%s.service",
			 name);
	else
		text_add(why,
			 "; \"mmioctl bind%s %s\" hands it to mmiod, and \"bind = %s\" in its "
			 "section does so always",
			 bound ? " --force" : "", name, bound ? "force" : "yes");
	if (pci->bars[bar].size &&
	    iomem_owner(pci->bars[bar].start, pci->bars[bar].size, owner, sizeof(owner)) == 0 &&
	    strcmp(owner, name))
		text_add(why, " (\"%s\" has claimed its BAR %zu)", owner, bar);
}

static void explain_busy(struct backend *backend, uint64_t start, uint64_t length,
			 uint64_t conflict, struct text *why)
{
	struct backend_region other;
	char owner[96];

	text_add(why, "0x%" PRIx64 "-0x%" PRIx64 " is owned by ", start, start + length - 1);
	if (conflict && module_next_region(backend, conflict - 1, &other) == 0 &&
	    other.handle == conflict)
		text_add(why, "region %s", other.name);
	else if (iomem_owner(start, length, owner, sizeof(owner)) == 0)
		text_add(why, "\"%s\"", owner);
	else
		text_add(why, "somebody else, see /proc/iomem");
}

static void explain_claim(struct backend *backend, const struct config_region *config,
			  const struct mmiod_region_claim *claim, const struct pci_info *pci,
			  int error, struct text *why)
{
	uint64_t start = claim->offset, length = claim->length;

	if (claim->kind == MMIOD_REGION_PCI) {
		start += pci->bars[claim->bar].start;
		length = length ? length : pci->bars[claim->bar].size - claim->offset;
	}
	switch (error) {
	case -ENODEV:
		explain_unbound(pci, config, why);
		break;
	case -EBUSY:
		explain_busy(backend, start, length, claim->conflict_id, why);
		break;
	case -ENXIO:
		text_add(why, "the function has no memory BAR %u, or it has no address",
			 claim->bar);
		break;
	case -EINVAL:
		text_add(why,
			 "0x%" PRIx64 "+0x%" PRIx64
			 " does not fit, BAR or address width are smaller",
			 (uint64_t)claim->offset, (uint64_t)claim->length);
		break;
	case -EADDRINUSE:
		text_add(why, "0x%" PRIx64 "-0x%" PRIx64 " touches system RAM", start,
			 start + length - 1);
		break;
	case -EEXIST:
		text_add(why, "the module holds another region of that name");
		break;
	case -EPERM:
		text_add(why, "a claim by address is refused: the range lies in a PCI BAR or below "
			      "1 MiB, the kernel is "
			      "locked down, or the module's parameter allow_ranges is off");
		break;
	default:
		text_add(why, "%s", strerror(-error));
	}
}

static bool wants_revoke(struct backend *backend, const struct config_region *config)
{
	return config->revoke_on_reset && config->device != CONFIG_DEVICE_RANGE &&
	       container_of(backend, struct module, backend)->revokes_on_reset;
}

static int module_claim(struct backend *backend, const struct config_region *config,
			struct backend_region *region, struct text *why)
{
	bool range = config->device == CONFIG_DEVICE_RANGE;
	struct mmiod_region_claim claim = {
		.size = sizeof(claim),
		.kind = range ? MMIOD_REGION_RANGE : MMIOD_REGION_PCI,
		.offset = range ? config->phys : config->offset,
		.length = config->length,
		.width = config->width,
		.flags = wants_revoke(backend, config) ? MMIOD_REGION_REVOKE_ON_RESET : 0,
	};
	struct pci_info pci = { 0 };
	int r;

	if (!range) {
		r = locate_pci(config, &pci, why);
		if (r < 0)
			return r;
		claim.pci = pci.address;
		claim.bar = (uint32_t)config->bar;
	}
	memcpy(claim.name, config->name, sizeof(claim.name));
	r = control(backend, MMIOD_IOC_REGION_CLAIM, &claim);
	if (r < 0) {
		explain_claim(backend, config, &claim, &pci, r, why);
		return r;
	}
	r = module_next_region(backend, claim.region_id - 1, region);
	/* It went again in this moment; the event that says so is on its way. */
	return r == 0 && region->handle != claim.region_id ? -ENODEV : r;
}

static int module_release(struct backend *backend, uint64_t handle)
{
	struct mmiod_region_release release = { .size = sizeof(release), .region_id = handle };

	return control(backend, MMIOD_IOC_REGION_RELEASE, &release);
}

static bool matches_pci(const struct backend_region *region, const struct config_region *config)
{
	struct pci_info pci;
	uint64_t length = config->length;

	if (pci_find_slot(region->pci, &pci) < 0 || (int)region->bar != config->bar)
		return false;
	if (config->device == CONFIG_DEVICE_SLOT && config->pci != region->pci)
		return false;
	if (config->device == CONFIG_DEVICE_IDS &&
	    (config->vendor != pci.vendor || config->product != pci.product))
		return false;
	if (!length)
		length = pci.bars[region->bar].size - config->offset;
	return region->offset == config->offset && region->length == length;
}

static bool module_matches(struct backend *backend, const struct backend_region *region,
			   const struct config_region *config)
{
	if (region->width != config->width ||
	    region->revoke_on_reset != wants_revoke(backend, config))
		return false;
	if (region->bar != UINT32_MAX)
		return matches_pci(region, config);
	return config->device == CONFIG_DEVICE_RANGE && region->phys == config->phys &&
	       region->length == config->length;
}

/* ---- windows --------------------------------------------------------------------------------- */

static int module_create(struct backend *backend, const struct backend_window *window,
			 struct backend_created *created)
{
	struct mmiod_window_create create = {
		.size = sizeof(create),
		.region_id = window->region,
		.offset = window->offset,
		.length = window->length,
		.attr = (uint32_t)window->cache,
		.width = window->width,
	};
	int r;

	if (!(window->rights & MMIOD_RIGHT_WRITE))
		create.flags |= MMIOD_WINDOW_READONLY;
	if (window->flags & MMIOD_LEASE_DUMMY)
		create.flags |= MMIOD_WINDOW_DUMMY;
	memcpy(create.tag, window->tag, sizeof(create.tag));
	r = control(backend, MMIOD_IOC_WINDOW_CREATE, &create);
	created->conflict = create.conflict_id;
	if (r < 0)
		return r;
	created->id = create.window_id;
	created->fd = create.fd;
	created->map_offset = 0;
	return 0;
}

static int module_create_buffer(struct backend *backend, const struct backend_buffer *buffer,
				struct backend_created *created)
{
	struct mmiod_buffer_create create = {
		.size = sizeof(create),
		.kind = (uint32_t)buffer->memory,
		.zone = (uint32_t)buffer->zone,
		.node = buffer->node,
		.pci = buffer->pci,
		.length = buffer->length,
		.limit = buffer->limit,
	};
	int r;

	if (buffer->flags & MMIOD_ALLOC_CONTIGUOUS)
		create.flags |= MMIOD_BUFFER_CONTIGUOUS;
	if (buffer->flags & MMIOD_ALLOC_NOWAIT)
		create.flags |= MMIOD_BUFFER_NOWAIT;
	if (!(buffer->rights & MMIOD_RIGHT_WRITE))
		create.flags |= MMIOD_BUFFER_READONLY;
	memcpy(create.tag, buffer->tag, sizeof(create.tag));
	r = control(backend, MMIOD_IOC_BUFFER_CREATE, &create);
	if (r < 0)
		return r;
	*created = (struct backend_created){ .id = create.window_id, .fd = create.fd };
	return 0;
}

static int module_buffer_info(struct backend *backend, uint64_t id, uint64_t page,
			      struct mmiod_buffer_info *info)
{
	*info = (struct mmiod_buffer_info){
		.size = sizeof(*info),
		.window_id = id,
		.page = page,
	};
	return control(backend, MMIOD_IOC_BUFFER_INFO, info);
}

/*
 * Through a window of the daemon's own, which nobody else ever holds: it goes with the file, so
 * also with a daemon that is killed. A client's window would not do: it may be read-only.
 */
static int module_wipe(struct backend *backend, uint64_t region, enum mmiod_cache cache,
		       uint64_t offset, uint64_t length)
{
	const struct backend_window window = {
		.region = region,
		.offset = offset,
		.length = length,
		.cache = cache,
		.rights = MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE,
	};
	struct mmiod_window_access fill = {
		.size = sizeof(fill),
		.op = MMIOD_ACCESS_FILL,
	};
	struct backend_created created = { .fd = -1 };
	int r = module_create(backend, &window, &created);

	if (r < 0)
		return r;
	while (r == 0 && fill.offset < length) {
		fill.count = length - fill.offset;
		r = ioctl(created.fd, MMIOD_IOC_ACCESS, &fill) < 0 ? -errno : 0;
		if (r == 0 && !fill.count)
			r = -EIO;
		fill.offset += fill.count;
	}
	close(created.fd);
	return r;
}

/* Through a window of the daemon's own, as for wiping: the client's is revoked or gone. */
static int module_write(struct backend *backend, uint64_t region, enum mmiod_cache cache,
			const struct config_write *write)
{
	const struct backend_window window = {
		.region = region,
		.offset = write->offset,
		.length = write->width,
		.cache = cache,
		.rights = MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE,
	};
	const union {
		uint64_t number;
		uint8_t bytes[8];
	} value = { .number = htole64(write->value) };
	struct mmiod_window_access access = {
		.size = sizeof(access),
		.op = MMIOD_ACCESS_WRITE,
		.count = 1,
		.width = write->width,
		.buffer = (uintptr_t)value.bytes,
	};
	struct backend_created created = { .fd = -1 };
	int r = module_create(backend, &window, &created);

	if (r < 0)
		return r;
	r = ioctl(created.fd, MMIOD_IOC_ACCESS, &access) < 0 ? -errno : 0;
	close(created.fd);
	return r == 0 && access.count != 1 ? -EIO : r;
}

static int module_set_state(struct backend *backend, uint64_t id, enum mmiod_state state)
{
	struct mmiod_window_set_state set = {
		.size = sizeof(set),
		.state = (uint32_t)state,
		.window_id = id,
	};

	return control(backend, MMIOD_IOC_WINDOW_SET_STATE, &set);
}

static int module_next_window(struct backend *backend, uint64_t id, struct backend_ledger *entry)
{
	struct mmiod_window_info info = { .size = sizeof(info), .window_id = id };
	int r = control(backend, MMIOD_IOC_WINDOW_NEXT, &info);
	bool writable = !(info.flags & MMIOD_WINDOW_READONLY);

	if (r < 0)
		return r;
	*entry = (struct backend_ledger){
		.id = info.window_id,
		.window = {
			.region = info.region_id,
			.offset = info.offset,
			.length = info.length,
			.cache = (enum mmiod_cache)info.attr,
			.width = info.width,
			.rights = MMIOD_RIGHT_READ | (writable ? MMIOD_RIGHT_WRITE : 0),
			.flags = info.flags & MMIOD_WINDOW_DUMMY ? MMIOD_LEASE_DUMMY : 0,
		},
		.state = (enum mmiod_state)info.state,
		.mappings = info.mappings,
		.faults = info.faults,
		.populated = info.populated,
		.reads = info.reads,
		.writes = info.writes,
	};
	memcpy(entry->fault_leaves, info.fault_leaves, sizeof(info.fault_leaves));
	memcpy(entry->populated_leaves, info.populate_leaves, sizeof(info.populate_leaves));
	memcpy(entry->window.tag, info.tag, sizeof(info.tag));
	return 0;
}

static void module_read_events(struct backend *backend,
			       void (*event)(void *data, const struct mmiod_control_event *event),
			       void *data)
{
	struct mmiod_control_event events[EVENTS_AT_ONCE];
	ssize_t n;

	/* A short answer means that there were no more; the kernel then need not be asked again. */
	do {
		n = read(backend->event_fd, events, sizeof(events));
		for (ssize_t i = 0; i < n / (ssize_t)sizeof(events[0]); i++)
			event(data, &events[i]);
	} while (n == sizeof(events));
}

/* That nothing is mapped there is an answer, not an error. */
static int module_translate(struct backend *backend, struct mmiod_translate *translate)
{
	int r;

	translate->size = sizeof(*translate);
	r = control(backend, MMIOD_IOC_TRANSLATE, translate);
	return r == -EFAULT ? 0 : r;
}

static int module_page(struct backend *backend, struct mmiod_page *page)
{
	page->size = sizeof(*page);
	return control(backend, MMIOD_IOC_PAGE, page);
}

static void module_rescan(struct backend *backend)
{
	pci_close();
	if (pci_open() < 0)
		log_warning("cannot list the machine's PCI functions");
}

static const struct backend_ops module_ops = {
	.kind = MMIOD_BACKEND_MODULE,
	.close = module_close,
	.claim = module_claim,
	.release = module_release,
	.next_region = module_next_region,
	.matches = module_matches,
	.create = module_create,
	.create_buffer = module_create_buffer,
	.buffer_info = module_buffer_info,
	.wipe = module_wipe,
	.write = module_write,
	.set_state = module_set_state,
	.next_window = module_next_window,
	.read_events = module_read_events,
	.rescan = module_rescan,
	.translate = module_translate,
	.page = module_page,
};

/* ---- opening --------------------------------------------------------------------------------- */

/*
 * The kernel makes the node root's; udev hands it to the daemon's user a moment later. A service
 * that starts in that moment waits for it.
 */
static int open_patiently(void)
{
	const struct timespec pause = { .tv_nsec = 50000000 };
	int fd = -1;

	for (int i = 0; i < 40; i++) {
		fd = open(CONTROL_PATH, O_RDWR | O_CLOEXEC | O_NONBLOCK);
		if (fd >= 0 || errno != EACCES)
			break;
		nanosleep(&pause, NULL);
	}
	return fd;
}

static int open_control(struct text *why)
{
	int fd = open_patiently(), error = errno;

	if (fd >= 0)
		return fd;
	if (error == ENOENT || error == ENXIO || error == ENODEV)
		text_set(why, "there is no " CONTROL_PATH
			      ": load the module with \"modprobe mmiod\" (built by \"make kmod\" "
			      "or DKMS), or develop without hardware by --simulate FILE");
	else if (error == EPERM || error == EACCES)
		text_set(why,
			 "cannot open " CONTROL_PATH
			 ": %s; the daemon needs CAP_SYS_RAWIO and to own the node, as "
			 "mmiod.service arranges, or to run as root",
			 strerror(error));
	else
		text_set(why, "cannot open " CONTROL_PATH ": %s", strerror(error));
	return -error;
}

/*
 * Two daemons would each grant what the other has granted.
 * The lock ends with its holder, however that ends.
 */
static int be_the_only_one(int fd, struct text *why)
{
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	text_set(why, "another daemon works with " CONTROL_PATH " (\"fuser " CONTROL_PATH
		      "\" says which): stop it first, or use --simulate FILE");
	return -EBUSY;
}

static int check_abi(struct module *module, struct text *why)
{
	struct backend *backend = &module->backend;
	struct mmiod_control_info info = { .size = sizeof(info) };
	int r = control(backend, MMIOD_IOC_INFO, &info);

	if (r < 0) {
		text_set(why, CONTROL_PATH " does not answer like the mmiod module: %s",
			 strerror(-r));
		return r;
	}
	backend->abi = info.abi_version;
	module->revokes_on_reset = info.features & MMIOD_FEATURE_REVOKE_ON_RESET;
	if (info.abi_version >= MMIOD_ABI_VERSION)
		return 0;
	text_set(why, "the module speaks ABI %u, this daemon needs %u: reload the module",
		 info.abi_version, MMIOD_ABI_VERSION);
	return -EPROTO;
}

int backend_module_open(struct backend **backendp, struct text *why)
{
	struct module *module = calloc(1, sizeof(*module));
	int r;

	if (!module) {
		text_set(why, "out of memory");
		return -ENOMEM;
	}
	module->backend.ops = &module_ops;
	module->backend.event_fd = open_control(why);
	r = module->backend.event_fd;
	if (r >= 0)
		r = be_the_only_one(r, why);
	if (r >= 0)
		r = check_abi(module, why);
	if (r < 0) {
		fd_closep(&module->backend.event_fd);
		free(module);
		return r;
	}
	if (pci_open() < 0)
		log_warning("cannot list the machine's PCI functions: no device will be found");
	*backendp = &module->backend;
	return 0;
}
