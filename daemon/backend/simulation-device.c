// SPDX-License-Identifier: MIT
/*
 * Simulated devices: each has all the vectors that it could be asked for, and an interrupt is an
 * eventfd. It has no mask, and lasts as long as somebody holds it, whatever becomes of the lease.
 * Its holder fires it by writing to it; with "interrupt-period" it also fires by itself.
 *
 * That is done by a thread for each, never by the loop: who holds an eventfd can fill its counter,
 * and would then have the daemon wait in its write for ever.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include "backend/simulation-device.h"
#include "base/hash.h"
#include "base/util.h"
#include "machine/pci.h"

#define MSI_VECTORS 32
#define MSIX_VECTORS 2048
#define NUMBERS_BEGIN (1ull << 62) /* above those of all PCI functions */

struct simulated_interrupt {
	uint64_t id;
	int fd; /* eventfd; the client has another descriptor of it */
	int timer;
	bool fires; /* by the thread */
	pthread_t thread;
	UT_hash_handle hh;
};

/* ---- devices --------------------------------------------------------------------------------- */

static void describe(struct simulated_device *device, const struct config_function *config)
{
	struct backend_device *hw = &device->hw;

	device->place = config->device;
	device->pci = config->pci;
	device->vendor = hw->vendor = config->vendor;
	device->product = hw->product = config->product;
	device->vectors = config->vectors;
	hw->number = device->number;
	hw->generation = 1;
	hw->group = MMIOD_GROUP_NONE;
	hw->msi_vectors = MSI_VECTORS;
	hw->msix_vectors = MSIX_VECTORS;
	hw->flags &= MMIOD_FUNCTION_MASTER;
	hw->flags |= MMIOD_FUNCTION_INTX | MMIOD_FUNCTION_MSI_MASKABLE | MMIOD_FUNCTION_HAS_RESET |
		     MMIOD_FUNCTION_HAS_FLR | MMIOD_FUNCTION_HAS_PM;
	if (config->dma == CONFIG_DMA_IOMMU)
		hw->flags |= MMIOD_FUNCTION_ISOLATED | MMIOD_FUNCTION_MSI_ISOLATED |
			     MMIOD_FUNCTION_COHERENT;
	snprintf(hw->address, sizeof(hw->address), "simulation");
	if (config->device == CONFIG_DEVICE_SLOT)
		pci_format(config->pci, hw->address);
}

static int add_device(struct simulated_devices *all, const struct config_function *config,
		      struct simulated_device **devicep)
{
	struct simulated_device *device = calloc(1, sizeof(*device));
	int r = -ENOMEM;

	if (!device)
		return r;
	memcpy(device->name, config->name, sizeof(device->name));
	device->number = NUMBERS_BEGIN + all->last_number + 1;
	device->space.fd = -1;
	describe(device, config);
	r = simulated_make_space(all, device);
	if (r == 0) {
		HASH_ADD_STR(all->devices, name, device);
		r = hash_added(device) ? 0 : -ENOMEM;
	}
	if (r < 0) {
		fd_closep(&device->space.fd);
		free(device);
		return r;
	}
	all->last_number++;
	*devicep = device;
	return 0;
}

/* By its name, so that it is the same one after a reload. */
int simulated_find_device(struct simulated_devices *all, const struct config_function *config,
			  struct backend_device *found)
{
	struct simulated_device *device;
	int r;

	HASH_FIND_STR(all->devices, config->name, device);
	if (!device) {
		r = add_device(all, config, &device);
		if (r < 0)
			return r;
	}
	describe(device, config);
	*found = device->hw;
	return 0;
}

/* Few devices, rare calls: a walk will do. */
int simulated_next_device(const struct simulated_devices *all, uint64_t number,
			  struct backend_device *found)
{
	const struct simulated_device *least = NULL;

	for (const struct simulated_device *device = all->devices; device; device = device->hh.next)
		if (device->number >= number && (!least || device->number < least->number))
			least = device;
	if (!least)
		return -ENOENT;
	*found = least->hw;
	return 0;
}

/* ---- interrupts ------------------------------------------------------------------------------ */

/* Both calls may be where it is cancelled. */
static void *fire(void *data)
{
	const struct simulated_interrupt *interrupt = data;
	uint64_t times;

	while (read(interrupt->timer, &times, sizeof(times)) == sizeof(times))
		if (write(interrupt->fd, &times, sizeof(times)) < 0)
			break;
	return NULL;
}

static int start_thread(struct simulated_interrupt *interrupt)
{
	sigset_t every, before;
	int error;

	sigfillset(&every);
	pthread_sigmask(SIG_SETMASK, &every, &before);
	error = pthread_create(&interrupt->thread, NULL, fire, interrupt);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	interrupt->fires = !error;
	return -error;
}

static int start_firing(struct simulated_interrupt *interrupt, uint32_t period_ms)
{
	const struct timespec period = { period_ms / 1000, period_ms % 1000 * 1000000L };
	const struct itimerspec time = { .it_interval = period, .it_value = period };

	interrupt->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	if (interrupt->timer < 0 || timerfd_settime(interrupt->timer, 0, &time, NULL) < 0)
		return -errno;
	return start_thread(interrupt);
}

static void interrupt_free(struct simulated_interrupt *interrupt)
{
	if (interrupt->fires) {
		pthread_cancel(interrupt->thread);
		pthread_join(interrupt->thread, NULL);
	}
	fd_closep(&interrupt->timer);
	fd_closep(&interrupt->fd);
	free(interrupt);
}

static int keep(struct simulated_devices *all, const struct backend_interrupt *wanted, uint64_t id,
		int fd)
{
	struct simulated_interrupt *interrupt = calloc(1, sizeof(*interrupt));
	int r = 0;

	if (!interrupt)
		return -ENOMEM;
	interrupt->id = id;
	interrupt->timer = -1;
	interrupt->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (interrupt->fd < 0)
		r = -errno;
	else
		r = start_firing(interrupt, wanted->period_ms);
	if (r == 0) {
		HASH_ADD(hh, all->interrupts, id, sizeof(interrupt->id), interrupt);
		if (hash_added(interrupt))
			return 0;
		r = -ENOMEM;
	}
	interrupt_free(interrupt);
	return r;
}

int simulated_create_interrupt(struct simulated_devices *all,
			       const struct backend_interrupt *interrupt, uint64_t id,
			       struct backend_created *created)
{
	_cleanup_(fd_closep) int fd = eventfd(0, EFD_CLOEXEC);
	int r = 0;

	if (fd < 0)
		return -errno;
	if (interrupt->period_ms)
		r = keep(all, interrupt, id, fd);
	if (r < 0)
		return r;
	*created = (struct backend_created){
		.id = id,
		.fd = steal_fd(&fd),
		.vectors = interrupt->vectors,
	};
	return 0;
}

/* Others than interrupts are none of these. */
void simulated_end_interrupt(struct simulated_devices *all, uint64_t id)
{
	struct simulated_interrupt *interrupt;

	HASH_FIND(hh, all->interrupts, &id, sizeof(id), interrupt);
	if (!interrupt)
		return;
	HASH_DEL(all->interrupts, interrupt);
	interrupt_free(interrupt);
}

void simulated_devices_clear(struct simulated_devices *all)
{
	simulated_operate_clear(all);
	simulated_memory_clear(all);
	while (all->interrupts) {
		struct simulated_interrupt *interrupt = all->interrupts;

		HASH_DEL(all->interrupts, interrupt);
		interrupt_free(interrupt);
	}
	while (all->devices) {
		struct simulated_device *device = all->devices;

		HASH_DEL(all->devices, device);
		fd_closep(&device->space.fd);
		free(device);
	}
}
