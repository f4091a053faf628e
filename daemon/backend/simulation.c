// SPDX-License-Identifier: MIT
/*
 * Simulation: each region is a memory file, or a file that the configuration names. A window is
 * that file, opened anew for each lease, read-only for read-only leases; the window starts at its
 * offset in the file. So the kernel enforces read-only, and nothing enforces bounds or revocation,
 * which every status says. Nothing tells the daemon that a file was closed: a lease ends with
 * RELEASE or with its connection. There is no ledger: after a restart there are no leases, and ids
 * go on where the clock of this boot is, so that no other run had them. A buffer, of whatever kind,
 * is a memory file of its own: zones, nodes and addresses mean nothing, but that a device file's have
 * one for its device (simulation-dma.c). So is a window of several extents, because no file can show
 * in a row what lies apart in the region's: nobody sees there what its holder writes. A device file
 * is a memory file, too, by whose bits its holder asks for things (simulation-operate.c).
 *
 * Memory files are sealed at their size, because who may write one could also cut it short, and
 * everybody else who has it mapped would die of SIGBUS. A file that the configuration names cannot
 * be sealed.
 */
#include <endian.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include "backend/backend.h"
#include "backend/simulation-device.h"
#include "base/hash.h"
#include "base/util.h"
#include "machine/pci.h"

struct simulated {
	uint64_t handle;
	int fd; /* read-write */
	char name[16]; /* of fd in /proc/self/fd */
	struct backend_region region;
	/*
	 * The device that it stands for, as configured: the bytes of another card are other bytes.
	 */
	struct {
		enum config_device device;
		uint64_t pci;
		uint16_t vendor;
		uint16_t product;
		int bar;
		uint64_t offset;
		uint64_t phys;
		bool revoke_on_reset;
		bool ports;
		bool no_dma;
		char *backing; /* owned */
	} meaning;
	UT_hash_handle hh;
};

struct simulation {
	struct backend backend;
	int fds_fd; /* the directory /proc/self/fd */
	struct simulated *regions; /* by handle */
	uint64_t last_handle;
	uint64_t last_window;
	struct simulated_devices devices;
};

static struct simulation *simulation_of(struct backend *backend)
{
	return container_of(backend, struct simulation, backend);
}

static void simulated_free(struct simulated *simulated)
{
	fd_closep(&simulated->fd);
	free(simulated->meaning.backing);
	free(simulated);
}

static void simulation_close(struct backend *backend)
{
	struct simulation *simulation = simulation_of(backend);

	while (simulation->regions) {
		struct simulated *simulated = simulation->regions;

		HASH_DEL(simulation->regions, simulated);
		simulated_free(simulated);
	}
	simulated_devices_clear(&simulation->devices);
	close(simulation->fds_fd);
	free(simulation);
}

/* Its size stays; holes may still be punched, and seals not be added to. */
static int seal(int fd)
{
	return fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0 ? -errno : 0;
}

static int open_backing(const struct config_region *config, struct text *why)
{
	_cleanup_(fd_closep) int fd = -1;
	struct stat status;

	if (config->backing)
		fd = open(config->backing, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
	else
		fd = memfd_create(config->name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0 || fstat(fd, &status) < 0) {
		int error = errno;

		text_add(why, "cannot open the memory behind it: %s", strerror(error));
		return -error;
	}
	/* Another user's client must not open the file anew with more rights than it was handed. */
	if (!config->backing)
		fchmod(fd, 0600);
	if (((uint64_t)status.st_size < config->length &&
	     ftruncate(fd, (off_t)config->length) < 0) ||
	    (!config->backing && seal(fd) < 0)) {
		int error = errno;

		text_add(why, "cannot make the memory behind it %llu bytes long: %s",
			 (unsigned long long)config->length, strerror(error));
		return -error;
	}
	return steal_fd(&fd);
}

/*
 * A region of a card that is not here: programs find it by the card's address, as they will the
 * real one.
 */
static void put_in_slot(struct backend_region *region, const struct config_region *config)
{
	pci_format(config->pci, region->device);
	region->pci = config->pci;
	if (config->expects_ids) {
		region->vendor = config->vendor;
		region->product = config->product;
	}
	region->offset = config->offset;
	if (config->bar >= 0)
		region->bar = (uint32_t)config->bar;
}

static int note_meaning(struct simulated *simulated, const struct config_region *config)
{
	simulated->meaning.device = config->device;
	simulated->meaning.pci = config->pci;
	simulated->meaning.vendor = config->vendor;
	simulated->meaning.product = config->product;
	simulated->meaning.bar = config->bar;
	simulated->meaning.offset = config->offset;
	simulated->meaning.phys = config->phys;
	simulated->meaning.revoke_on_reset = config->revoke_on_reset;
	simulated->meaning.ports = config->ports;
	simulated->meaning.no_dma = config->no_dma;
	if (!config->backing)
		return 0;
	simulated->meaning.backing = strdup(config->backing);
	return simulated->meaning.backing ? 0 : -ENOMEM;
}

static int simulation_claim(struct backend *backend, const struct config_region *config,
			    struct backend_region *region, struct text *why)
{
	struct simulation *simulation = simulation_of(backend);
	struct simulated *simulated;
	int fd;

	if (!config->length || config->length > INT64_MAX) {
		text_add(why, "simulation needs \"size = BYTES\" for it (%s:%u)",
			 config->origin.file, config->origin.line);
		return -ENODEV;
	}
	fd = open_backing(config, why);
	if (fd < 0)
		return fd;
	simulated = calloc(1, sizeof(*simulated));
	if (!simulated || note_meaning(simulated, config) < 0) {
		free(simulated);
		close(fd);
		return -ENOMEM;
	}
	simulated->fd = fd;
	snprintf(simulated->name, sizeof(simulated->name), "%d", fd);
	simulated->handle = ++simulation->last_handle;
	simulated->region = (struct backend_region){
		.handle = simulated->handle,
		.device = "simulation",
		.length = config->length,
		.bar = UINT32_MAX,
		.width = config->width,
		.generation = 1,
		.ports = config->ports,
	};
	memcpy(simulated->region.name, config->name, sizeof(config->name));
	if (config->device == CONFIG_DEVICE_SLOT)
		put_in_slot(&simulated->region, config);
	HASH_ADD(hh, simulation->regions, handle, sizeof(simulated->handle), simulated);
	if (!hash_added(simulated)) {
		simulated_free(simulated);
		return -ENOMEM;
	}
	*region = simulated->region;
	return 0;
}

static struct simulated *find(struct simulation *simulation, uint64_t handle)
{
	struct simulated *simulated;

	HASH_FIND(hh, simulation->regions, &handle, sizeof(handle), simulated);
	return simulated;
}

static int simulation_release(struct backend *backend, uint64_t handle)
{
	struct simulation *simulation = simulation_of(backend);
	struct simulated *simulated = find(simulation, handle);

	if (!simulated)
		return -ENOENT;
	HASH_DEL(simulation->regions, simulated);
	simulated_free(simulated);
	return 0;
}

static int simulation_next_region(struct backend *backend, uint64_t handle,
				  struct backend_region *region)
{
	return -ENOENT;
}

static bool means(const struct simulated *simulated, const struct config_region *config)
{
	const char *backing = simulated->meaning.backing;

	if (!backing != !config->backing || (backing && strcmp(backing, config->backing)))
		return false;
	return simulated->meaning.device == config->device &&
	       simulated->meaning.pci == config->pci &&
	       simulated->meaning.vendor == config->vendor &&
	       simulated->meaning.product == config->product &&
	       simulated->meaning.bar == config->bar &&
	       simulated->meaning.offset == config->offset &&
	       simulated->meaning.phys == config->phys &&
	       simulated->meaning.revoke_on_reset == config->revoke_on_reset &&
	       simulated->meaning.ports == config->ports &&
	       simulated->meaning.no_dma == config->no_dma;
}

static bool simulation_matches(struct backend *backend, const struct backend_region *region,
			       const struct config_region *config)
{
	const struct simulated *simulated = find(simulation_of(backend), region->handle);

	return simulated && region->length == config->length && region->width == config->width &&
	       means(simulated, config);
}

static int reopen_read_only(struct simulation *simulation, int *fd)
{
	char name[16];
	int again;

	snprintf(name, sizeof(name), "%d", *fd);
	again = openat(simulation->fds_fd, name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (again < 0)
		return -errno;
	close(*fd);
	*fd = again;
	return 0;
}

/* Memory that is no region's. Returns a file, or an error. */
static int make_memory(struct simulation *simulation, const char *name, uint64_t length,
		       uint32_t rights)
{
	_cleanup_(fd_closep) int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int r;

	if (length > INT64_MAX)
		return -EINVAL;
	if (fd < 0 || ftruncate(fd, (off_t)length) < 0)
		return -errno;
	r = seal(fd);
	if (r < 0)
		return r;
	fchmod(fd, 0600);
	if (!(rights & MMIOD_RIGHT_WRITE))
		r = reopen_read_only(simulation, &fd);
	return r < 0 ? r : steal_fd(&fd);
}

static int create_scattered(struct simulation *simulation, const struct backend_window *window,
			    struct backend_created *created)
{
	created->fd = make_memory(simulation, "extents", window->length, window->rights);
	if (created->fd < 0)
		return created->fd;
	created->id = ++simulation->last_window;
	return 0;
}

/*
 * A file of its own for each lease: sharing one would share its position. Only opening it anew does
 * that; /proc is the way there, also for memory files.
 */
static int simulation_create(struct backend *backend, const struct backend_window *window,
			     struct backend_created *created)
{
	struct simulation *simulation = simulation_of(backend);
	struct simulated *simulated = find(simulation, window->region);
	int flags = window->rights & MMIOD_RIGHT_WRITE ? O_RDWR : O_RDONLY;

	if (!simulated)
		return -ENOENT;
	created->map_offset = 0;
	if (window->n_extents > 1)
		return create_scattered(simulation, window, created);
	created->fd = openat(simulation->fds_fd, simulated->name, flags | O_CLOEXEC | O_NOCTTY);
	if (created->fd < 0)
		return -errno;
	created->id = ++simulation->last_window;
	created->map_offset = window->offset;
	return 0;
}

static int simulation_create_buffer(struct backend *backend, const struct backend_buffer *buffer,
				    struct backend_created *created)
{
	struct simulation *simulation = simulation_of(backend);
	_cleanup_(fd_closep) int fd =
		make_memory(simulation, "buffer", buffer->length, buffer->rights);
	int r = 0;

	if (fd < 0)
		return fd;
	*created = (struct backend_created){ .id = ++simulation->last_window, .fd = -1 };
	if (buffer->device_file)
		r = simulated_place(&simulation->devices, buffer, created->id, &created->iova);
	if (r == 0)
		created->fd = steal_fd(&fd);
	return r;
}

static int simulation_buffer_info(struct backend *backend, uint64_t id, uint64_t page,
				  struct mmiod_buffer_info *info)
{
	return -EOPNOTSUPP;
}

static int write_zeros(int fd, uint64_t offset, uint64_t length)
{
	static const uint8_t zeros[65536];

	while (length) {
		size_t part = length < sizeof(zeros) ? (size_t)length : sizeof(zeros);
		ssize_t n = pwrite(fd, zeros, part, (off_t)offset);

		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		offset += (uint64_t)n;
		length -= (uint64_t)n;
	}
	return 0;
}

/* A hole reads as zeros and costs no memory; a file that cannot have holes is written. */
static int simulation_wipe(struct backend *backend, uint64_t region, enum mmiod_memtype memtype,
			   uint64_t offset, uint64_t length)
{
	struct simulated *simulated = find(simulation_of(backend), region);

	if (!simulated)
		return -ENOENT;
	if (fallocate(simulated->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset,
		      (off_t)length) == 0)
		return 0;
	return write_zeros(simulated->fd, offset, length);
}

static int simulation_write(struct backend *backend, uint64_t region, uint64_t owner,
			    enum mmiod_memtype memtype, const struct config_write *write)
{
	const uint64_t value = htole64(write->value);
	struct simulated *simulated = find(simulation_of(backend), region);
	ssize_t n;

	if (!simulated)
		return -ENOENT;
	n = pwrite(simulated->fd, &value, write->width, (off_t)write->offset);
	return n < 0 ? -errno : n == (ssize_t)write->width ? 0 : -EIO;
}

/* ---- devices --------------------------------------------------------------------------------- */

static int simulation_find_device(struct backend *backend, const struct config_function *config,
				  struct backend_device *device, struct text *why)
{
	return simulated_find_device(&simulation_of(backend)->devices, config, device);
}

static int simulation_next_device(struct backend *backend, uint64_t number,
				  struct backend_device *device)
{
	return simulated_next_device(&simulation_of(backend)->devices, number, device);
}

static int simulation_create_interrupt(struct backend *backend,
				       const struct backend_interrupt *interrupt,
				       struct backend_created *created)
{
	struct simulation *simulation = simulation_of(backend);

	return simulated_create_interrupt(&simulation->devices, interrupt,
					  ++simulation->last_window, created);
}

static int simulation_next_interrupt(struct backend *backend, uint64_t id,
				     struct backend_ledger *entry)
{
	return -ENOENT;
}

static int simulation_open_device(struct backend *backend,
				  const struct backend_operation *operation,
				  struct backend_created *created)
{
	struct simulation *simulation = simulation_of(backend);

	return simulated_open_device(&simulation->devices, operation, ++simulation->last_window,
				     created);
}

static int simulation_next_operation(struct backend *backend, uint64_t id,
				     struct backend_ledger *entry)
{
	return -ENOENT;
}

/* Of a device that is nowhere no region is. */
static bool is_of(const struct simulated *simulated, const struct simulated_device *device)
{
	if (simulated->meaning.device != device->place || device->place == CONFIG_DEVICE_NONE)
		return false;
	if (device->place == CONFIG_DEVICE_SLOT)
		return simulated->meaning.pci == device->pci;
	return simulated->meaning.vendor == device->vendor &&
	       simulated->meaning.product == device->product;
}

static void suspend_regions(struct simulated_devices *all, const struct simulated_device *device,
			    enum mmiod_state state, const struct simulated_listener *listener)
{
	struct simulation *simulation = container_of(all, struct simulation, devices);
	struct simulated *simulated, *next;

	HASH_ITER(hh, simulation->regions, simulated, next) {
		if (!is_of(simulated, device))
			continue;
		simulated->region.state = state;
		simulated_tell(listener, MMIOD_CONTROL_REGION_STATE, state, simulated->handle);
	}
}

static void zero_regions(struct simulated_devices *all, const struct simulated_device *device)
{
	struct simulation *simulation = container_of(all, struct simulation, devices);
	struct simulated *simulated;

	for (simulated = simulation->regions; simulated; simulated = simulated->hh.next)
		if (is_of(simulated, device))
			simulation_wipe(&simulation->backend, simulated->handle, MMIOD_MEMTYPE_UC,
					0, simulated->region.length);
}

/* ---- the rest -------------------------------------------------------------------------------- */

static int simulation_revoke(struct backend *backend, uint64_t id)
{
	simulated_end_interrupt(&simulation_of(backend)->devices, id);
	simulated_unplace(&simulation_of(backend)->devices, id);
	simulated_end_operation(&simulation_of(backend)->devices, id);
	return 0;
}

static int simulation_set_state(struct backend *backend, uint64_t id, enum mmiod_state state)
{
	return state == MMIOD_STATE_REVOKED ? simulation_revoke(backend, id) : 0;
}

static int simulation_next_window(struct backend *backend, uint64_t id,
				  struct backend_ledger *entry)
{
	return -ENOENT;
}

static int simulation_read_extents(struct backend *backend, uint64_t id,
				   struct mmiod_window_extent *extents, uint32_t n)
{
	return -ENOENT;
}

static void simulation_read_events(struct backend *backend,
				   void (*event)(void *data,
						 const struct mmiod_control_event *event),
				   void *data)
{
	const struct simulated_listener listener = { .event = event, .data = data };

	simulated_look(&simulation_of(backend)->devices, &listener);
}

static void simulation_rescan(struct backend *backend)
{
}

static const struct backend_ops simulation_ops = {
	.kind = MMIOD_BACKEND_SIMULATION,
	.warning = "simulation: memory files instead of devices and kernel memory; read-only is "
		   "enforced, bounds and "
		   "revocation are not; interrupts are eventfds, which have no mask; who may write "
		   "to a configuration space may write all of it; nothing does DMA",
	.close = simulation_close,
	.claim = simulation_claim,
	.release = simulation_release,
	.next_region = simulation_next_region,
	.matches = simulation_matches,
	.create = simulation_create,
	.create_buffer = simulation_create_buffer,
	.buffer_info = simulation_buffer_info,
	.wipe = simulation_wipe,
	.write = simulation_write,
	.set_state = simulation_set_state,
	.revoke = simulation_revoke,
	.next_window = simulation_next_window,
	.read_extents = simulation_read_extents,
	.find_device = simulation_find_device,
	.next_device = simulation_next_device,
	.create_interrupt = simulation_create_interrupt,
	.next_interrupt = simulation_next_interrupt,
	.open_device = simulation_open_device,
	.next_operation = simulation_next_operation,
	.read_events = simulation_read_events,
	.rescan = simulation_rescan,
};

/*
 * Ids of windows begin above those of every earlier run in this boot, which made fewer than 65536
 * in each of its milliseconds; and they stay exact in JSON's numbers, below 2^53, for four years. A
 * clock that can be set would bring ids back.
 */
static uint64_t first_window(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return ((uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000) << 16;
}

int backend_simulation_open(struct backend **backendp, struct text *why)
{
	struct simulation *simulation = calloc(1, sizeof(*simulation));
	int r;

	if (!simulation) {
		text_set(why, "out of memory");
		return -ENOMEM;
	}
	simulation->backend = (struct backend){
		.ops = &simulation_ops,
		.event_fd = -1,
		.knows_extents = true,
	};
	simulation->devices.watch = simulation->devices.timer = simulation->devices.either = -1;
	simulation->last_window = first_window();
	simulation->fds_fd = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (simulation->fds_fd < 0) {
		int error = errno;

		text_set(why, "simulation needs /proc: %s", strerror(error));
		free(simulation);
		return -error;
	}
	r = simulated_operate_init(&simulation->devices);
	if (r < 0) {
		text_set(why, "simulation needs inotify, a timer and epoll: %s", strerror(-r));
		simulation_close(&simulation->backend);
		return r;
	}
	simulation->devices.suspend = suspend_regions;
	simulation->devices.zero = zero_regions;
	simulation->backend.event_fd = simulation->devices.either;
	*backendp = &simulation->backend;
	return 0;
}
