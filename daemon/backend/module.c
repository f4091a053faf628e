// SPDX-License-Identifier: MIT
/*
 * The kernel module behind /dev/mmiod: opening it, its events, and what it sees of page tables. The
 * module keeps claims and windows when the control file is closed, so nothing here needs to be
 * undone at exit. Regions are in module-region.c, windows in module-window.c, devices and interrupts
 * in module-device.c.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include "backend/module.h"
#include "base/log.h"
#include "base/util.h"
#include "machine/pci.h"

#define CONTROL_PATH "/dev/mmiod"
#define EVENTS_AT_ONCE 64
#define READS_AT_ONCE 4 /* of so many: what the module's queue holds */

static void module_close(struct backend *backend)
{
	close(backend->event_fd);
	pci_close();
	free(container_of(backend, struct module, backend));
}

/* ---- events, and looking --------------------------------------------------------------------- */

static void module_read_events(struct backend *backend,
			       void (*event)(void *data, const struct mmiod_control_event *event),
			       void *data)
{
	struct mmiod_control_event events[EVENTS_AT_ONCE];
	ssize_t n = sizeof(events);

	/*
	 * A short answer means that there were no more; the kernel then need not be asked again. A
	 * process whose windows go one after the other makes them as fast as they are read: what
	 * the queue has got meanwhile comes with the next turn.
	 */
	for (int reads = 0; reads < READS_AT_ONCE && n == sizeof(events); reads++) {
		n = read(backend->event_fd, events, sizeof(events));
		for (ssize_t i = 0; i < n / (ssize_t)sizeof(events[0]); i++)
			event(data, &events[i]);
	}
}

/* That nothing is mapped there is an answer, not an error. */
static int module_translate(struct backend *backend, struct mmiod_translate *translate)
{
	int r;

	translate->size = sizeof(*translate);
	r = module_control(backend, MMIOD_IOC_TRANSLATE, translate);
	return r == -EFAULT ? 0 : r;
}

static int module_page(struct backend *backend, struct mmiod_page *page)
{
	page->size = sizeof(*page);
	return module_control(backend, MMIOD_IOC_PAGE, page);
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
	.revoke = module_revoke,
	.next_window = module_next_window,
	.read_extents = module_read_extents,
	.find_device = module_find_device,
	.next_device = module_next_device,
	.create_interrupt = module_create_interrupt,
	.next_interrupt = module_next_interrupt,
	.open_device = module_open_device,
	.next_operation = module_next_operation,
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
			      "or DKMS; \"mmioctl doctor\" says why it does not load), or develop "
			      "without hardware by --simulate FILE");
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
 * Two daemons would each grant what the other has granted. The lock ends with its holder, however
 * that ends.
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
	int r = module_control(backend, MMIOD_IOC_INFO, &info);

	if (r < 0) {
		text_set(why, CONTROL_PATH " does not answer like the mmiod module: %s",
			 strerror(-r));
		return r;
	}
	backend->abi = info.abi_version;
	backend->max_windows = info.max_windows;
	backend->load = info.load;
	backend->knows_extents = info.features & MMIOD_FEATURE_WINDOW_EXTENTS;
	module->revokes_on_reset = info.features & MMIOD_FEATURE_REVOKE_ON_RESET;
	module->revokes_later = info.features & MMIOD_FEATURE_SET_STATE_LATER;
	module->knows_devices = info.features & MMIOD_FEATURE_DEVICES;
	module->knows_owners = module->knows_devices;
	module->knows_ports = info.features & MMIOD_FEATURE_PORTS;
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
