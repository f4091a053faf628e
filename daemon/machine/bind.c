// SPDX-License-Identifier: MIT
/*
 * Binding. A failure is undone: the function then has its old override and, if it wants it, its old
 * driver again.
 */
#include <fcntl.h>
#include <limits.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>
#include "machine/bind.h"
#include "machine/iomem.h"
#include "machine/pci.h"

#define DRIVER "mmiod"
#define PATIENCE_MS 5000
#define PAUSE_MS 50
#define CLASS_BRIDGE 0x06

struct device {
	const struct binder *binder;
	char name[MMIOD_WIRE_NAME];
	char driver[64]; /* empty: none */
	char override[64]; /* likewise */
};

static int write_file(const char *path, const char *value)
{
	_cleanup_(fd_closep) int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return write(fd, value, strlen(value)) < 0 ? -errno : 0;
}

const struct binder binder_default = {
	.sysfs = "/sys",
	.write = write_file,
	.patience_ms = PATIENCE_MS,
};

/* ---- looking --------------------------------------------------------------------------------- */

static void device_path(const struct device *device, const char *file, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/bus/pci/devices/%s/%s", device->binder->sysfs, device->name,
		 file);
}

static void bus_path(const struct device *device, const char *file, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/bus/pci/%s", device->binder->sysfs, file);
}

static FILE *open_file(const struct device *device, const char *file)
{
	char path[PATH_MAX];

	device_path(device, file, path);
	return fopen(path, "re");
}

static void read_line(const struct device *device, const char *file, char *line, size_t size)
{
	_cleanup_(fclosep) FILE *stream = open_file(device, file);

	line[0] = '\0';
	if (stream && fgets(line, (int)size, stream))
		line[strcspn(line, "\n")] = '\0';
}

static void read_driver(struct device *device)
{
	char path[PATH_MAX], target[PATH_MAX];
	const char *base;
	ssize_t n;

	device_path(device, "driver", path);
	n = readlink(path, target, sizeof(target) - 1);
	target[n < 0 ? 0 : n] = '\0';
	base = strrchr(target, '/');
	snprintf(device->driver, sizeof(device->driver), "%.63s", base ? base + 1 : target);
}

static bool has_driver(const struct device *device, const char *driver)
{
	return !strcmp(device->driver, driver);
}

static int look(struct device *device, const struct binder *binder, uint64_t address,
		struct text *why)
{
	char path[PATH_MAX];

	*device = (struct device){ .binder = binder };
	pci_format(address, device->name);
	device_path(device, "", path);
	if (access(path, F_OK) < 0) {
		text_set(why, "there is no PCI function %s (\"lspci -D\" lists them)",
			 device->name);
		return -ENOENT;
	}
	read_driver(device);
	read_line(device, "driver_override", device->override, sizeof(device->override));
	if (!strcmp(device->override, "(null)"))
		device->override[0] = '\0';
	return 0;
}

/* Whose driver would take all that lies behind it along. */
static bool is_bridge(const struct device *device)
{
	char class[16];

	read_line(device, "class", class, sizeof(class));
	return strtoul(class, NULL, 16) >> 16 == CLASS_BRIDGE;
}

/* How many virtual functions it has by now. */
static unsigned int virtual_functions(const struct device *device)
{
	char count[16];

	read_line(device, "sriov_numvfs", count, sizeof(count));
	return strtoul(count, NULL, 10);
}

/* ---- writing --------------------------------------------------------------------------------- */

static int put(const struct device *device, const char *path, const char *value)
{
	int length = (int)strcspn(value, "\n");

	if (device->binder->dry_run) {
		fprintf(device->binder->output, "echo %.*s%s>%s\n", length, value,
			length ? " " : "", path);
		return 0;
	}
	return device->binder->write(path, value);
}

static int put_override(const struct device *device, const char *driver)
{
	char path[PATH_MAX], value[80];

	device_path(device, "driver_override", path);
	snprintf(value, sizeof(value), "%s\n", driver); /* an empty line takes it away */
	return put(device, path, value);
}

static int put_name(const struct device *device, const char *file)
{
	char path[PATH_MAX];

	bus_path(device, file, path);
	return put(device, path, device->name);
}

static int detach(const struct device *device)
{
	char file[96];

	snprintf(file, sizeof(file), "drivers/%s/unbind", device->driver);
	return put_name(device, file);
}

/* Has the kernel look for a driver. That there is none is no error. */
static void probe(const struct device *device)
{
	put_name(device, "drivers_probe");
}

/*
 * By the driver's own bind file, which unlike drivers_probe tells what ->probe said. A driver that
 * was unbound may give its regions back a moment later: EBUSY is borne for a while. Somebody else
 * may have had the kernel probe meanwhile.
 */
static int attach(struct device *device)
{
	const struct timespec pause = { .tv_nsec = PAUSE_MS * 1000000 };
	unsigned int waited = 0;
	int r;

	for (;;) {
		r = put_name(device, "drivers/" DRIVER "/bind");
		if (r == 0 || device->binder->dry_run)
			return r;
		read_driver(device);
		if (device->driver[0])
			return has_driver(device, DRIVER) ? 0 : -EBUSY;
		if (r != -EBUSY || waited >= device->binder->patience_ms)
			return r;
		nanosleep(&pause, NULL);
		waited += PAUSE_MS;
	}
}

/* ---- saying ---------------------------------------------------------------------------------- */

static int explain_error(const struct device *device, int error, const char *what, struct text *why)
{
	text_set(why, "cannot %s %s: %s%s", what, device->name, strerror(-error),
		 error == -EACCES || error == -EPERM ? "; this is for root" : "");
	return error;
}

/* The first BAR that somebody owns, and who. */
static void add_owner(const struct device *device, struct text *why)
{
	_cleanup_(fclosep) FILE *file = open_file(device, "resource");
	uint64_t start, end, flags;
	char owner[96];

	for (int bar = 0; file && bar < PCI_BARS; bar++) {
		if (fscanf(file, "%" SCNx64 " %" SCNx64 " %" SCNx64, &start, &end, &flags) != 3)
			return;
		if (!end || iomem_owner(start, end - start + 1, owner, sizeof(owner)) < 0 ||
		    !strcmp(owner, device->name))
			continue;
		text_add(why, "; BAR %d is owned by \"%s\"", bar, owner);
		return;
	}
}

static int explain_attach(const struct device *device, int error, struct text *why)
{
	if (error == -EBUSY && device->driver[0]) {
		text_set(why, "driver %s took %s in this moment: try again", device->driver,
			 device->name);
		return error;
	}
	explain_error(device, error, "bind", why);
	if (error == -EBUSY)
		add_owner(device, why);
	return error;
}

/* ---- bind ------------------------------------------------------------------------------------ */

static int check_kind(const struct device *device, struct text *why)
{
	unsigned int count = virtual_functions(device);

	if (is_bridge(device)) {
		text_set(why,
			 "%s is a bridge: its driver stays, or what lies behind it would go too",
			 device->name);
		return -EINVAL;
	}
	if (!count)
		return 0;
	text_set(why,
		 "%s has %u virtual functions, which would not survive a reset of it: bind those "
		 "instead, or have its driver take them away (\"echo 0 "
		 ">/sys/bus/pci/devices/%s/sriov_numvfs\")",
		 device->name, count, device->name);
	return -EBUSY;
}

static int check_bind(const struct device *device, struct text *why)
{
	char path[PATH_MAX];
	int r;

	bus_path(device, "drivers/" DRIVER, path);
	if (access(path, F_OK) < 0) {
		text_set(why, "the module is not loaded: \"modprobe mmiod\"");
		return -ENXIO;
	}
	r = check_kind(device, why);
	if (r < 0)
		return r;
	if (device->driver[0] && !has_driver(device, DRIVER) && !device->binder->force) {
		text_set(why, "%s is bound to driver %s", device->name, device->driver);
		return -EEXIST;
	}
	return 0;
}

/* `old` is what the function was before. */
static int take(struct device *device, const struct device *old, struct text *why)
{
	int r = put_override(device, DRIVER);

	if (r < 0)
		return explain_error(device, r, "set the driver_override of", why);
	if (device->driver[0]) {
		r = detach(device);
		if (r < 0)
			explain_error(device, r, "unbind", why);
	}
	if (r == 0) {
		device->driver[0] = '\0';
		r = attach(device);
		if (r < 0)
			explain_attach(device, r, why);
	}
	if (r < 0) {
		put_override(device, old->override);
		if (old->driver[0])
			probe(device);
	}
	return r;
}

int bind_device(const struct binder *binder, uint64_t address, struct text *why)
{
	struct device device, old;
	int r = look(&device, binder, address, why);

	if (r == 0)
		r = check_bind(&device, why);
	if (r < 0)
		return r;
	old = device;
	if (has_driver(&device, DRIVER)) {
		/* Bound some other way: so that it comes back to us. */
		if (strcmp(device.override, DRIVER))
			put_override(&device, DRIVER);
		fprintf(binder->output, "%s is bound to " DRIVER " already\n", device.name);
		return 0;
	}
	r = take(&device, &old, why);
	if (r < 0 || binder->dry_run)
		return r;
	fprintf(binder->output, "%s is bound to " DRIVER "%s%s\n", device.name,
		old.driver[0] ? ", and no longer to " : "", old.driver);
	return 0;
}

/* ---- unbind ---------------------------------------------------------------------------------- */

int unbind_device(const struct binder *binder, uint64_t address, struct text *why)
{
	struct device device;
	int r = look(&device, binder, address, why);

	if (r < 0)
		return r;
	if (!has_driver(&device, DRIVER) && strcmp(device.override, DRIVER)) {
		text_set(why, "%s is not bound to " DRIVER ", but to %s%s", device.name,
			 device.driver[0] ? "driver " : "no driver", device.driver);
		return -EINVAL;
	}
	r = put_override(&device, "");
	if (r == 0 && has_driver(&device, DRIVER))
		r = detach(&device);
	if (r < 0)
		return explain_error(&device, r, "unbind", why);
	probe(&device);
	if (binder->dry_run)
		return 0;
	read_driver(&device);
	fprintf(binder->output, "%s is bound to %s%s\n", device.name,
		device.driver[0] ? "driver " : "no driver: none that is loaded wants it",
		device.driver);
	return 0;
}
