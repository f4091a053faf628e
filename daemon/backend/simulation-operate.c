// SPDX-License-Identifier: MIT
/*
 * Device files in simulation. A memory file answers no calls, so who operates a device asks for
 * things as a driver of the hardware would, by bits of the configuration space: bus mastering by
 * COMMAND, power by PMCSR, and a reset by "initiate function level reset" of PCI Express, which
 * reads 1 until it is done. The daemon is told that the file was written to (inotify), looks at
 * these bits, and does what they say if the holder has the right; else it clears them. A store into
 * a mapping of the file goes unnoticed until the next write. It is told, too, that a file was closed
 * which could be written to: if nobody has one any more, the operator has let go.
 *
 * A reset takes a moment, so that its beginning and its end are told apart; it zeroes the regions of
 * the device and gives it the configuration space that it began with.
 */
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include "backend/simulation-device.h"
#include "backend/simulation-space.h"
#include "base/clock.h"
#include "base/util.h"

#define RESET_MS 20
#define SOON_MS 1

#define COMMAND PCI_COMMAND
#define POWER (SPACE_PM + PCI_PM_CTRL)
#define CONTROL (SPACE_EXPRESS + PCI_EXP_DEVCTL)

static bool is_operator(const struct simulated_operation *operation)
{
	return operation->rights & ~(uint32_t)MMIOD_OPERATE_CONFIG_READ;
}

/* ---- being told ------------------------------------------------------------------------------ */

static int watch_either(struct simulated_devices *all, int fd)
{
	struct epoll_event event = { .events = EPOLLIN };

	return epoll_ctl(all->either, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

int simulated_operate_init(struct simulated_devices *all)
{
	int r;

	all->watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	all->timer = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	all->either = epoll_create1(EPOLL_CLOEXEC);
	if (all->watch < 0 || all->timer < 0 || all->either < 0)
		return -errno;
	r = watch_either(all, all->watch);
	return r < 0 ? r : watch_either(all, all->timer);
}

/* The file has no name but that in /proc. */
static int watch_space(struct simulated_devices *all, const struct simulated_device *device)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", device->space.fd);
	return inotify_add_watch(all->watch, path, IN_MODIFY | IN_CLOSE_WRITE) < 0 ? -errno : 0;
}

/* Which file it was does not matter: devices are few. Returns whether one that wrote was closed. */
static bool swallow(struct simulated_devices *all)
{
	char buffer[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	const struct inotify_event *event;
	bool closed = false;
	uint64_t times;
	ssize_t n;

	while ((n = read(all->watch, buffer, sizeof(buffer))) > 0)
		for (const char *at = buffer; at < buffer + n; at += sizeof(*event) + event->len) {
			event = (const void *)at;
			closed |= event->mask & (IN_CLOSE_WRITE | IN_Q_OVERFLOW);
		}
	if (read(all->timer, &times, sizeof(times)) < 0)
		return closed;
	return closed;
}

static void wake_in(struct simulated_devices *all, uint32_t ms)
{
	const struct itimerspec time = { .it_value = { ms / 1000, ms % 1000 * 1000000L } };

	timerfd_settime(all->timer, 0, &time, NULL);
}

/* ---- what the bits say ----------------------------------------------------------------------- */

static struct simulated_operation *operator_of(const struct simulated_devices *all,
					       const struct simulated_device *device)
{
	struct simulated_operation *operation = all->operations;

	while (operation && !(operation->device == device && is_operator(operation)))
		operation = operation->hh.next;
	return operation;
}

static uint32_t rights_on(const struct simulated_devices *all,
			  const struct simulated_device *device)
{
	const struct simulated_operation *operation = operator_of(all, device);

	return operation ? operation->rights : 0;
}

static void set_state(struct simulated_devices *all, struct simulated_device *device,
		      const struct simulated_listener *listener)
{
	bool sleeps = device->space.resets || device->space.sleeps;
	enum mmiod_state state = sleeps ? MMIOD_STATE_SUSPENDED : MMIOD_STATE_OK;
	const struct simulated_operation *operation;

	device->hw.reasons = (device->space.resets ? MMIOD_REASON_RESET : 0) |
			     (device->space.sleeps ? MMIOD_REASON_POWER : 0);
	if (device->hw.state == state)
		return;
	device->hw.state = state;
	all->suspend(all, device, state, listener);
	for (operation = all->operations; operation; operation = operation->hh.next)
		if (operation->device == device)
			simulated_tell(listener, MMIOD_CONTROL_WINDOW_STATE, state, operation->id);
}

static void set_master(struct simulated_device *device, bool on,
		       const struct simulated_listener *listener)
{
	if (device->space.masters == on)
		return;
	device->space.masters = on;
	device->hw.flags &= ~(uint32_t)MMIOD_FUNCTION_MASTER;
	device->hw.flags |= on ? MMIOD_FUNCTION_MASTER : 0;
	simulated_tell(listener, MMIOD_CONTROL_DEVICE_MASTER, on, device->number);
}

static void begin_reset(struct simulated_devices *all, struct simulated_device *device,
			const struct simulated_listener *listener)
{
	device->space.resets = true;
	device->space.until_ms = clock_boot_ms() + RESET_MS;
	simulated_tell(listener, MMIOD_CONTROL_DEVICE_RESET, 1, device->number);
	set_state(all, device, listener);
	wake_in(all, RESET_MS);
}

static void end_reset(struct simulated_devices *all, struct simulated_device *device,
		      const struct simulated_listener *listener)
{
	uint64_t late_ms = clock_boot_ms() - device->space.until_ms;

	all->zero(all, device);
	simulated_space_fill(device);
	device->space.resets = device->space.sleeps = false;
	device->hw.resets++;
	device->hw.reset_us += (RESET_MS + late_ms) * 1000;
	set_master(device, false, listener);
	simulated_tell(listener, MMIOD_CONTROL_DEVICE_RESET, 0, device->number);
	set_state(all, device, listener);
}

/* The bit, if the right is there; else it is cleared. */
static bool asks(const struct simulated_device *device, unsigned int offset, uint16_t bits,
		 bool may)
{
	uint16_t value = simulated_space_get(device, offset);

	if (!(value & bits) || may)
		return (value & bits) == bits;
	simulated_space_set(device, offset, value & (uint16_t)~bits);
	return false;
}

static void look_at(struct simulated_devices *all, struct simulated_device *device,
		    const struct simulated_listener *listener)
{
	uint32_t rights = rights_on(all, device);

	if (device->space.resets) {
		if (device->space.until_ms > clock_boot_ms())
			wake_in(all, RESET_MS);
		else
			end_reset(all, device, listener);
		return;
	}
	if (asks(device, CONTROL, PCI_EXP_DEVCTL_BCR_FLR, rights & MMIOD_OPERATE_RESET)) {
		begin_reset(all, device, listener);
		return;
	}
	device->space.sleeps =
		asks(device, POWER, PCI_PM_CTRL_STATE_MASK, rights & MMIOD_OPERATE_POWER);
	set_state(all, device, listener);
	set_master(device,
		   asks(device, COMMAND, PCI_COMMAND_MASTER,
			rights & MMIOD_OPERATE_MASTER && !device->space.sleeps),
		   listener);
}

/* ---- who has let go ------------------------------------------------------------------------- */

/*
 * Whether anybody has the file to write to it, or a mapping of such a file: the kernel then refuses a
 * file lease for readers (F_SETLEASE). The descriptor that made the memory file is not counted.
 * Somebody who opens it in this moment has SIGIO sent, unless it is another signal; this one is
 * ignored.
 */
static bool has_writer(const struct simulated_device *device)
{
	_cleanup_(fd_closep) int fd = -1;
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", device->space.fd);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	return fd < 0 || fcntl(fd, F_SETSIG, SIGURG) < 0 || fcntl(fd, F_SETLEASE, F_RDLCK) < 0;
}

/* Of who only reads the configuration space nothing tells. */
static void end_abandoned(struct simulated_devices *all, const struct simulated_device *device,
			  const struct simulated_listener *listener)
{
	const struct simulated_operation *operation = operator_of(all, device);
	uint64_t id = operation ? operation->id : 0;

	if (!operation || has_writer(device))
		return;
	simulated_end_operation(all, id);
	simulated_tell(listener, MMIOD_CONTROL_WINDOW_RELEASED, 0, id);
}

void simulated_look(struct simulated_devices *all, const struct simulated_listener *listener)
{
	bool closed = swallow(all);

	for (struct simulated_device *device = closed ? all->devices : NULL; device;
	     device = device->hh.next)
		end_abandoned(all, device, listener);
	simulated_tell_memory(all, listener);
	for (struct simulated_device *device = all->devices; device; device = device->hh.next)
		look_at(all, device, listener);
}

/* ---- device files ---------------------------------------------------------------------------- */

static struct simulated_device *find_number(const struct simulated_devices *all, uint64_t number)
{
	struct simulated_device *device = all->devices;

	while (device && device->number != number)
		device = device->hh.next;
	return device;
}

int simulated_make_space(struct simulated_devices *all, struct simulated_device *device)
{
	int r = simulated_space_make(device);

	if (r == 0)
		r = watch_space(all, device);
	if (r < 0)
		fd_closep(&device->space.fd);
	return r;
}

/* A file of its own, as of windows; whatever its holder may ask for, he asks by writing. */
static int open_again(const struct simulated_device *device, uint32_t rights)
{
	bool writes = rights & ~(uint32_t)(MMIOD_OPERATE_CONFIG_READ | MMIOD_OPERATE_CONFIG_VENDOR);
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", device->space.fd);
	fd = open(path, (writes ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOCTTY);
	return fd < 0 ? -errno : fd;
}

int simulated_open_device(struct simulated_devices *all, const struct backend_operation *wanted,
			  uint64_t id, struct backend_created *created)
{
	struct simulated_device *device = find_number(all, wanted->device);
	struct simulated_operation *operation;
	int r = device ? open_again(device, wanted->rights) : -ENODEV;

	if (r < 0)
		return r;
	operation = calloc(1, sizeof(*operation));
	if (operation) {
		*operation = (struct simulated_operation){ .id = id,
							   .device = device,
							   .rights = wanted->rights,
							   .dma_bits = wanted->dma_bits };
		HASH_ADD(hh, all->operations, id, sizeof(operation->id), operation);
	}
	if (!operation || !hash_added(operation)) {
		free(operation);
		close(r);
		return -ENOMEM;
	}
	*created = (struct backend_created){ .id = id, .fd = r };
	return 0;
}

/*
 * Others than device files are none of these. What its operator left switched on goes off when the
 * bits are looked at, a moment later: writes by the descriptor that made a memory file notify nobody
 * from Linux 6.13 on.
 */
void simulated_end_operation(struct simulated_devices *all, uint64_t id)
{
	struct simulated_operation *operation;

	HASH_FIND(hh, all->operations, &id, sizeof(id), operation);
	if (!operation)
		return;
	HASH_DEL(all->operations, operation);
	simulated_end_memory(all, id);
	wake_in(all, SOON_MS);
	free(operation);
}

void simulated_operate_clear(struct simulated_devices *all)
{
	while (all->operations) {
		struct simulated_operation *operation = all->operations;

		HASH_DEL(all->operations, operation);
		free(operation);
	}
	fd_closep(&all->watch);
	fd_closep(&all->timer);
	fd_closep(&all->either);
}
