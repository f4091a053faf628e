// SPDX-License-Identifier: MIT
/*
 * Simulation: each region is a memory file, or a file that the configuration names. A window is that file, opened
 * anew for each lease, read-only for read-only leases; the window starts at its offset in the file. So the kernel
 * enforces read-only, and nothing enforces bounds or revocation, which every status says. Nothing tells the daemon
 * that a file was closed: a lease ends with RELEASE or with its connection. There is no ledger: after a restart there
 * are no leases.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include "backend.h"
#include "util.h"

struct simulated {
	uint64_t handle;
	int fd; /* read-write */
	char name[16]; /* of fd in /proc/self/fd */
	struct backend_region region;
	struct simulated *next;
};

struct simulation {
	struct backend backend;
	int fds_fd; /* the directory /proc/self/fd */
	struct simulated *regions;
	uint64_t last_handle;
	uint64_t last_window;
};

static struct simulation *simulation_of(struct backend *backend)
{
	return container_of(backend, struct simulation, backend);
}

static void simulated_free(struct simulated *simulated)
{
	fd_closep(&simulated->fd);
	free(simulated);
}

static void simulation_close(struct backend *backend)
{
	struct simulation *simulation = simulation_of(backend);

	while (simulation->regions) {
		struct simulated *simulated = simulation->regions;

		simulation->regions = simulated->next;
		simulated_free(simulated);
	}
	close(simulation->fds_fd);
	free(simulation);
}

static int open_backing(const struct config_region *config, struct text *why)
{
	_cleanup_(fd_closep) int fd = -1;
	struct stat status;

	if (config->backing)
		fd = open(config->backing, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
	else
		fd = memfd_create(config->name, MFD_CLOEXEC);
	if (fd < 0 || fstat(fd, &status) < 0) {
		int error = errno;

		text_add(why, "cannot open the memory behind it: %s", strerror(error));
		return -error;
	}
	/* Another user's client must not open the file anew with more rights than it was handed. */
	if (!config->backing)
		fchmod(fd, 0600);
	if ((uint64_t)status.st_size < config->length && ftruncate(fd, (off_t)config->length) < 0) {
		int error = errno;

		text_add(why, "cannot make the memory behind it %llu bytes long: %s",
			 (unsigned long long)config->length, strerror(error));
		return -error;
	}
	return steal_fd(&fd);
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
	if (!simulated) {
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
	};
	memcpy(simulated->region.name, config->name, sizeof(config->name));
	simulated->next = simulation->regions;
	simulation->regions = simulated;
	*region = simulated->region;
	return 0;
}

static struct simulated *find(struct simulation *simulation, uint64_t handle)
{
	struct simulated *simulated = simulation->regions;

	while (simulated && simulated->handle != handle)
		simulated = simulated->next;
	return simulated;
}

static int simulation_release(struct backend *backend, uint64_t handle)
{
	struct simulation *simulation = simulation_of(backend);
	struct simulated **link = &simulation->regions, *simulated;

	while (*link && (*link)->handle != handle)
		link = &(*link)->next;
	simulated = *link;
	if (!simulated)
		return -ENOENT;
	*link = simulated->next;
	simulated_free(simulated);
	return 0;
}

static int simulation_next_region(struct backend *backend, uint64_t handle,
				  struct backend_region *region)
{
	return -ENOENT;
}

static bool simulation_matches(struct backend *backend, const struct backend_region *region,
			       const struct config_region *config)
{
	return region->length == config->length && region->width == config->width;
}

/*
 * A file of its own for each lease: sharing one would share its position. Only opening it anew does that; /proc is
 * the way there, also for memory files.
 */
static int simulation_create(struct backend *backend, const struct backend_window *window,
			     struct backend_created *created)
{
	struct simulation *simulation = simulation_of(backend);
	struct simulated *simulated = find(simulation, window->region);
	int flags = window->rights & MMIOD_RIGHT_WRITE ? O_RDWR : O_RDONLY;

	if (!simulated)
		return -ENOENT;
	created->fd = openat(simulation->fds_fd, simulated->name, flags | O_CLOEXEC | O_NOCTTY);
	if (created->fd < 0)
		return -errno;
	created->id = ++simulation->last_window;
	created->map_offset = window->offset;
	return 0;
}

static int simulation_set_state(struct backend *backend, uint64_t id, enum mmiod_state state)
{
	return 0;
}

static int simulation_next_window(struct backend *backend, uint64_t id,
				  struct backend_ledger *entry)
{
	return -ENOENT;
}

static void simulation_read_events(struct backend *backend,
				   void (*event)(void *data,
						 const struct mmiod_control_event *event),
				   void *data)
{
}

static void simulation_rescan(struct backend *backend)
{
}

static const struct backend_ops simulation_ops = {
	.kind = MMIOD_BACKEND_SIMULATION,
	.warning = "simulation: memory files instead of devices; read-only is enforced, bounds and "
		   "revocation are not",
	.close = simulation_close,
	.claim = simulation_claim,
	.release = simulation_release,
	.next_region = simulation_next_region,
	.matches = simulation_matches,
	.create = simulation_create,
	.set_state = simulation_set_state,
	.next_window = simulation_next_window,
	.read_events = simulation_read_events,
	.rescan = simulation_rescan,
};

int backend_simulation_open(struct backend **backendp, struct text *why)
{
	struct simulation *simulation = calloc(1, sizeof(*simulation));

	if (!simulation) {
		text_set(why, "out of memory");
		return -ENOMEM;
	}
	simulation->backend = (struct backend){ .ops = &simulation_ops, .event_fd = -1 };
	simulation->fds_fd = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (simulation->fds_fd < 0) {
		int error = errno;

		text_set(why, "simulation needs /proc: %s", strerror(error));
		free(simulation);
		return -error;
	}
	*backendp = &simulation->backend;
	return 0;
}
