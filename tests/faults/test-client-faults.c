// SPDX-License-Identifier: MIT
/*
 * The library when what it calls fails: for each public function, the first, the second, ... call
 * of each kind fails, once or from then on, until the function gets through untouched. Each time it
 * returns 0 or a negative errno with a sentence, whatever it took is given back, and the same
 * client is of use again. Afterwards the daemon knows of no lease.
 *
 * A new function is one line in `functions`.
 */
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "lease/lease.h"
#include "wrap.h"

#define PAGE 4096
#define MANY 20 /* more than one request carries */

extern char **environ;

static char directory[] = "/tmp/mmiod-faults-XXXXXX";
static char socket_path[64], config_path[64];
static pid_t daemon_pid;

static const char config[] =
	"[region vram]\nsize = 4M\npool = yes\n[region shm]\nsize = 1M\n"
	"[grant all]\nregion = vram shm\nuser = *\naccess = rw\nshare = shared-write\n"
	"[grant memory]\nmemory = pages vmalloc kmalloc\nuser = *\n"
	"[device card]\ninterrupts = msix\ndma-engine = no\n"
	"[grant card]\ndevice = card\ninterrupts = yes\nconfig = read\nuser = *\n";

/* ---- the daemon ------------------------------------------------------------------------------ */

static void start_daemon(void)
{
	char program[] = BUILD_DIR "/mmiod", simulate[] = "--simulate", path[] = "--socket";
	char *const arguments[] = { program, simulate, config_path, path, socket_path, NULL };
	posix_spawn_file_actions_t actions;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	cr_assert_eq(posix_spawn(&daemon_pid, program, &actions, NULL, arguments, environ), 0);
	posix_spawn_file_actions_destroy(&actions);
}

static void setup(void)
{
	FILE *file;

	cr_assert(mkdtemp(directory));
	snprintf(socket_path, sizeof(socket_path), "%s/sock", directory);
	snprintf(config_path, sizeof(config_path), "%s/conf", directory);
	file = fopen(config_path, "we");
	fputs(config, file);
	if (getuid())
		fprintf(file, "[admin us]\nuser = %u\n", getuid());
	fclose(file);
	start_daemon();
}

static void teardown(void)
{
	kill(daemon_pid, SIGTERM);
	waitpid(daemon_pid, NULL, 0);
	unlink(socket_path);
	unlink(config_path);
	rmdir(directory);
}

TestSuite(client_faults, .init = setup, .fini = teardown, .timeout = 1200);

static struct mmiod_client *connect_to_daemon(void)
{
	struct mmiod_client *made = NULL;

	for (int i = 0; i < 60000 && mmiod_client_connect(socket_path, &made); i++)
		usleep(10000);
	cr_assert_not_null(made, "%s", mmiod_client_error(NULL));
	made->timeout_ms = 600000;
	return made;
}

/* ---- functions ------------------------------------------------------------------------------- */

/* What a trial starts with. */
static struct mmiod_client *client;
static struct mmiod_lease *held; /* a page of shm */
static struct mmiod_slab_provider *anonymous;

static int call_connect(void)
{
	struct mmiod_client *made;
	int err = mmiod_client_connect(socket_path, &made);

	cr_assert(!err == !!made);
	if (err)
		cr_assert_str_not_empty(mmiod_client_error(NULL));
	mmiod_client_free(made);
	return err;
}

static int call_status(void)
{
	struct mmiod_status status;

	return mmiod_client_status(client, &status);
}

static int call_next_event(void)
{
	struct mmiod_event event;

	return mmiod_client_next_event(client, &event);
}

#define CALL_LIST(name, list_type, list_function, free_function) \
	static int name(void)                                    \
	{                                                        \
		struct list_type *list;                          \
		int err = list_function(client, &list);          \
                                                                 \
		cr_assert(!err == !!list);                       \
		free_function(list);                             \
		return err;                                      \
	}

CALL_LIST(call_list_regions, mmiod_region_list, mmiod_client_list_regions, mmiod_region_list_free)
CALL_LIST(call_list_leases, mmiod_lease_list, mmiod_client_list_leases, mmiod_lease_list_free)
CALL_LIST(call_list_pools, mmiod_pool_list, mmiod_client_list_pools, mmiod_pool_list_free)
CALL_LIST(call_list_caches, mmiod_cache_list, mmiod_client_list_caches, mmiod_cache_list_free)

CALL_LIST(call_list_devices, mmiod_device_list, mmiod_client_list_devices, mmiod_device_list_free)
CALL_LIST(call_list_vectors, mmiod_vector_list, mmiod_client_list_vectors, mmiod_vector_list_free)

static int call_interrupt(void)
{
	struct mmiod_interrupt *interrupt;
	int err = mmiod_client_interrupt(client, "card", MMIOD_IRQ_DEFAULT, 0, 0, &interrupt);

	cr_assert(!err == !!interrupt);
	if (interrupt && mmiod_interrupt_release(interrupt))
		mmiod_interrupt_free(interrupt);
	return err;
}

static int call_operate(void)
{
	struct mmiod_operation *operation;
	int err = mmiod_client_operate(client, "card", MMIOD_MAY_READ_CONFIG, 0, &operation);

	cr_assert(!err == !!operation);
	if (operation && mmiod_operation_release(operation))
		mmiod_operation_free(operation);
	return err;
}

static int call_map_pool(void)
{
	struct mmiod_pool_map *map;
	int err = mmiod_client_map_pool(client, "vram", &map);

	cr_assert(!err == !!map);
	mmiod_pool_map_free(map);
	return err;
}

static int call_lease(void)
{
	struct mmiod_lease *lease;
	int err = mmiod_client_lease(client, "shm", 0x10000, PAGE, 0, &lease);

	cr_assert(!err == !!lease);
	if (lease && mmiod_lease_release(lease))
		mmiod_lease_free(lease);
	return err;
}

static int call_parking(void)
{
	struct mmiod_lease *lease = NULL;
	int err = mmiod_client_set_parking(client, 60000);

	for (int i = 0; !err && i < 2; i++) {
		err = mmiod_client_lease(client, "shm", 0x20000, PAGE, 0, &lease);
		mmiod_lease_free(lease);
	}
	mmiod_client_set_parking(client, 0);
	return err;
}

/* Those that were granted are exactly those that have no error. */
static int free_leases(int granted, struct mmiod_lease **leases, const int *errors)
{
	int n = 0;

	for (size_t i = 0; i < MANY; i++) {
		cr_assert_eq(!errors[i], !!leases[i], "lease %zu, error %d", i, errors[i]);
		n += !!leases[i];
		mmiod_lease_free(leases[i]);
	}
	cr_assert_eq(granted > 0 ? granted : 0, n);
	return granted < 0 ? granted : 0;
}

static int call_lease_many(void)
{
	struct mmiod_lease *leases[MANY];
	struct mmiod_want wants[MANY];
	int errors[MANY];

	for (size_t i = 0; i < MANY; i++)
		wants[i] = (struct mmiod_want){ .region = "shm",
						.offset = 0x20000 + i * PAGE,
						.length = PAGE };
	return free_leases(mmiod_client_lease_many(client, wants, MANY, 0, leases, errors), leases,
			   errors);
}

static int call_lease_all(void)
{
	struct mmiod_lease *leases[3];
	struct mmiod_want wants[3] = { { .region = "shm", .offset = 0x20000, .length = PAGE },
				       { .region = "shm", .offset = 0x21000, .length = PAGE },
				       { .region = "shm", .offset = 0x22000, .length = PAGE } };
	int n = mmiod_client_lease_many(client, wants, 3, MMIOD_LEASE_ALL, leases, NULL);

	for (size_t i = 0; i < 3; i++) {
		cr_assert_eq(!!leases[i], n == 3, "all or none");
		mmiod_lease_free(leases[i]);
	}
	return n < 0 ? n : 0;
}

static int call_allocate_many(void)
{
	struct mmiod_lease *leases[MANY];
	struct mmiod_allocation wants[MANY];
	int errors[MANY];

	for (size_t i = 0; i < MANY; i++)
		wants[i] = i % 2 ? (struct mmiod_allocation){ .region = "vram", .length = PAGE }
				 : (struct mmiod_allocation){ .memory = MMIOD_MEMORY_PAGES,
							      .length = PAGE };
	return free_leases(mmiod_client_allocate_many(client, wants, MANY, 0, leases, errors),
			   leases, errors);
}

static int call_release(void)
{
	return mmiod_client_release(client, held->id);
}

static int call_release_many(void)
{
	struct mmiod_lease *leases[2] = { 0 };
	int err = 0;

	for (size_t i = 0; i < 2 && !err; i++)
		err = mmiod_client_lease(client, "shm", 0x10000 + i * PAGE, PAGE, 0, &leases[i]);
	if (!err)
		err = mmiod_client_release_many(client, leases, 2);
	for (size_t i = 0; i < 2; i++)
		if (leases[i] && mmiod_lease_release(leases[i]))
			mmiod_lease_free(leases[i]);
	return err;
}

static int call_revoke(void)
{
	return mmiod_client_revoke(client, held->id, 0);
}

static int call_grant(void)
{
	static const char *const regions[] = { "shm" };
	const struct mmiod_grant grant = {
		.name = "job", .regions = regions, .region_count = 1, .uid = 4009
	};
	int err = mmiod_client_grant(client, &grant);

	/* One that is left is the same as that of the next trial. */
	return err ? err : mmiod_client_ungrant(client, "job", 0, NULL);
}

static int call_list_grants(void)
{
	struct mmiod_grant_list *list;
	int err = mmiod_client_list_grants(client, &list);

	cr_assert(!err == !!list);
	mmiod_grant_list_free(list);
	return err;
}

static int call_buffer(void)
{
	struct mmiod_buffer buffer;
	int err = mmiod_client_buffer(client, held->id, 0, &buffer);

	/* It is none: that is the right answer. */
	return err == -EINVAL ? 0 : err;
}

/* What is handed on is found again, or the errors are told. */
static int call_inherited(void)
{
	char identity[64], text[128];
	struct mmiod_lease *made;
	int err = mmiod_lease_identity(held, identity, sizeof(identity));

	if (err)
		return err;
	snprintf(text, sizeof(text), "%d@%s:shm", mmiod_lease_fd(held), identity);
	setenv("MMIOD_WINDOWS", text, 1);
	mmiod_inherited_count();
	err = mmiod_inherited("shm", 0, &made);
	unsetenv("MMIOD_WINDOWS");
	cr_assert(!err == !!made);
	if (err)
		cr_assert_str_not_empty(mmiod_client_error(NULL));
	mmiod_lease_free(made);
	return err;
}

static int call_map(void)
{
	struct mmiod_mapping *mapping;
	int err = mmiod_lease_map(held, 0, &mapping);

	cr_assert(!err == !!mapping);
	mmiod_mapping_free(mapping);
	return err;
}

static int call_map_populated(void)
{
	struct mmiod_mapping *mapping;
	int err = mmiod_lease_map(held, MMIOD_MAP_POPULATE, &mapping);

	cr_assert(!err == !!mapping);
	mmiod_mapping_free(mapping);
	return err;
}

static int call_access(void)
{
	uint32_t value = 1;
	int err = mmiod_lease_write(held, 0, 4, 1, &value);

	return err < 0 ? err : mmiod_lease_read(held, 0, 4, 1, &value);
}

static int call_publish(void)
{
	return mmiod_client_publish_caches(client);
}

/* ---- object caches --------------------------------------------------------------------------- */

static void ignore_report(const struct mmiod_object_cache_report *report, void *context)
{
}

static struct mmiod_object_cache_options options(unsigned int flags,
						 struct mmiod_slab_provider *provider)
{
	return (struct mmiod_object_cache_options){ .name = "thing",
						    .object_size = 700,
						    .slab_size = PAGE,
						    .flags = flags,
						    .provider = provider,
						    .report = ignore_report };
}

/* Takes more than one slab has; those who get an error get nothing. */
static int use_cache(struct mmiod_object_cache *used)
{
	void *objects[12], *one;
	int err = mmiod_object_cache_alloc_bulk(used, 12, objects), single = 0;

	one = mmiod_object_cache_alloc(used);
	if (!one)
		single = -errno;
	mmiod_object_cache_free(used, one);
	if (!err)
		mmiod_object_cache_free_bulk(used, 12, objects);
	mmiod_object_cache_shrink(used);
	return err ? err : single;
}

static int make_and_use(unsigned int flags, struct mmiod_slab_provider *provider)
{
	struct mmiod_object_cache_options how = options(flags, provider);
	struct mmiod_object_cache *made;
	char error[256];
	int err = mmiod_object_cache_create(&how, &made, error, sizeof(error));

	cr_assert(!err == !!made);
	if (err)
		return err;
	err = use_cache(made);
	cr_assert_eq(mmiod_object_cache_destroy(made), 0);
	return err;
}

static int call_cache(void)
{
	return make_and_use(0, anonymous);
}

static int call_cache_with_letters(void)
{
	return make_and_use(MMIOD_OBJECT_CACHE_SANITY | MMIOD_OBJECT_CACHE_RED_ZONE |
				    MMIOD_OBJECT_CACHE_POISON | MMIOD_OBJECT_CACHE_USER |
				    MMIOD_OBJECT_CACHE_TRACE,
			    anonymous);
}

/* What is reported may lack memory to be told; the cache stays whole all the same. */
static int call_cache_misuse(void)
{
	struct mmiod_object_cache_options how =
		options(MMIOD_OBJECT_CACHE_SANITY | MMIOD_OBJECT_CACHE_RED_ZONE, anonymous);
	struct mmiod_object_cache *made;
	void *object;

	if (mmiod_object_cache_create(&how, &made, NULL, 0))
		return -ENOMEM;
	object = mmiod_object_cache_alloc(made);
	mmiod_object_cache_free(made, object);
	mmiod_object_cache_free(made, object);
	mmiod_object_cache_free(made, &how);
	cr_assert_eq(mmiod_object_cache_destroy(made), 0);
	return object ? 0 : -ENOMEM;
}

static int call_cache_in_pool(void)
{
	struct mmiod_allocation want = { .region = "vram" };
	struct mmiod_slab_provider *provider;
	int err = mmiod_slab_provider_from_pool(client, &want, &provider);

	cr_assert(!err == !!provider);
	if (err)
		return err;
	err = make_and_use(0, provider);
	mmiod_slab_provider_shrink(provider);
	cr_assert_eq(mmiod_slab_provider_free(provider), 0);
	return err;
}

static int call_cache_in_window(void)
{
	struct mmiod_slab_provider *provider;
	struct mmiod_mapping *mapping;
	int err = mmiod_lease_map(held, 0, &mapping);

	if (err)
		return err;
	err = mmiod_slab_provider_from_mapping(mapping, 0, PAGE, &provider);
	if (!err) {
		struct mmiod_object_cache_options how = options(0, provider);
		struct mmiod_object_cache *made;

		err = mmiod_object_cache_create(&how, &made, NULL, 0);
		if (!err)
			mmiod_object_cache_free(made, mmiod_object_cache_alloc(made));
		mmiod_object_cache_destroy(made);
		cr_assert_eq(mmiod_slab_provider_free(provider), 0);
	}
	mmiod_mapping_free(mapping);
	return err;
}

static int call_anonymous(void)
{
	struct mmiod_slab_provider *provider;
	int err = mmiod_slab_provider_anonymous(&provider);

	cr_assert(!err == !!provider);
	mmiod_slab_provider_free(provider);
	return err;
}

/* In simulation there is neither: what fails before is told from that. */
static int call_view(void)
{
	struct mmiod_view_part part = { .length = PAGE, .fd = mmiod_lease_fd(held) };
	char error[256] = "";
	int fd, err = mmiod_view_create(MMIOD_VIEW_FILE, &part, 1, NULL, &fd, error, sizeof(error));

	cr_assert(err && error[0]);
	return err == -EOPNOTSUPP ? 0 : err;
}

static int call_users(void)
{
	int err = mmiod_lease_users(held);

	return err == -EOPNOTSUPP ? 0 : err;
}

static const struct function_line {
	const char *name;
	int (*call)(void);
	bool silent; /* errors come without a sentence of the client */
} functions[] = {
	{ "connect", call_connect, true },
	{ "status", call_status },
	{ "next_event", call_next_event },
	{ "list_regions", call_list_regions },
	{ "list_leases", call_list_leases },
	{ "list_pools", call_list_pools },
	{ "list_caches", call_list_caches },
	{ "list_devices", call_list_devices },
	{ "list_vectors", call_list_vectors },
	{ "interrupt", call_interrupt, true },
	{ "operate", call_operate, true },
	{ "map_pool", call_map_pool },
	{ "lease", call_lease, true },
	{ "set_parking", call_parking, true },
	{ "lease_many", call_lease_many },
	{ "lease_many, all or none", call_lease_all },
	{ "allocate_many", call_allocate_many },
	{ "release", call_release },
	{ "release_many", call_release_many, true },
	{ "revoke", call_revoke },
	{ "grant and ungrant", call_grant },
	{ "list_grants", call_list_grants },
	{ "buffer", call_buffer },
	{ "inherited and window_adopt", call_inherited, true },
	{ "lease_map", call_map },
	{ "lease_map, populated", call_map_populated },
	{ "lease_read and write", call_access },
	{ "lease_users", call_users },
	{ "view_create", call_view, true },
	{ "publish_caches", call_publish },
	{ "object_cache", call_cache, true },
	{ "object_cache with letters", call_cache_with_letters, true },
	{ "object_cache misused", call_cache_misuse, true },
	{ "object_cache in a window", call_cache_in_window, true },
	{ "object_cache in a pool", call_cache_in_pool, true },
	{ "slab_provider_anonymous", call_anonymous, true },
};

/* ---- trials ---------------------------------------------------------------------------------- */

static const struct fault_line {
	const char *name;
	enum fault_kind kind;
	int error;
	bool passes; /* is never there for long: not tried onward */
} faults[] = {
	{ "memory", FAULT_MEMORY, ENOMEM },
	{ "send", FAULT_SEND, EPIPE, true },
	{ "send", FAULT_SEND, ENOBUFS },
	{ "send", FAULT_SEND, EINTR, true },
	{ "recvmsg", FAULT_RECEIVE, ECONNRESET },
	{ "recvmsg", FAULT_RECEIVE, ENOMEM },
	{ "recvmsg", FAULT_RECEIVE, EINTR, true },
	{ "poll", FAULT_POLL, ENOMEM },
	{ "poll", FAULT_POLL, EINTR, true },
	{ "connect", FAULT_CONNECT, ECONNREFUSED },
	{ "socket and the like", FAULT_FILE, EMFILE },
	{ "mmap", FAULT_MAP, ENOMEM },
	{ "ioctl", FAULT_IOCTL, ENOMEM },
	{ "epoll_ctl and the like", FAULT_OPTION, ENOSPC },
};

static char trial[256];

static size_t open_files(void)
{
	DIR *files = opendir("/proc/self/fd");
	size_t n = 0;

	while (readdir(files))
		n++;
	closedir(files);
	return n;
}

static void begin(void)
{
	client = connect_to_daemon();
	cr_assert_eq(mmiod_client_lease(client, "shm", 0, PAGE, 3, &held), 0, "%s",
		     mmiod_client_error(client));
	cr_assert_eq(mmiod_slab_provider_anonymous(&anonymous), 0);
}

/* The daemon has no lease any more: those of a connection that ended go a moment later. */
static void expect_no_leases(void)
{
	struct mmiod_client *other = connect_to_daemon();
	struct mmiod_status status;

	for (int i = 0; i < 60000; i++) {
		cr_assert_eq(mmiod_client_status(other, &status), 0);
		if (!status.leases)
			break;
		usleep(2000);
	}
	cr_assert_eq(status.leases, 0, "%s: %u leases are left", trial, status.leases);
	mmiod_client_free(other);
}

static void end(void)
{
	struct mmiod_status status;

	cr_assert_eq(mmiod_client_status(client, &status), 0, "%s: and then %s", trial,
		     mmiod_client_error(client));
	mmiod_lease_free(held);
	mmiod_client_free(client);
	cr_assert_eq(mmiod_slab_provider_free(anonymous), 0);
	expect_no_leases();
}

static bool attempt(const struct function_line *function, const struct fault_line *fault,
		    unsigned int nth, bool onward)
{
	size_t files = open_files();
	long live = fault_live();
	bool struck;
	int err;

	snprintf(trial, sizeof(trial), "%s: %s number %u%s fails (%s)", function->name, fault->name,
		 nth, onward ? " and all later ones" : "", strerror(fault->error));
	if (getenv("FAULTS_TRACE"))
		fprintf(stderr, "# %s\n", trial);
	begin();
	fault_arm(fault->kind, fault->error, nth, onward);
	err = function->call();
	struck = fault_disarm();
	cr_assert_leq(err, 0, "%s: %d", trial, err);
	cr_assert(struck || !err, "%s: %s for nothing: %s", trial, strerror(-err),
		  mmiod_client_error(client));
	if (err && !function->silent)
		cr_assert_str_not_empty(mmiod_client_error(client), "%s: no sentence", trial);
	end();
	cr_assert_eq(open_files(), files, "%s: descriptors are left", trial);
	cr_assert_eq(fault_live(), live, "%s: %ld allocations are left", trial,
		     fault_live() - live);
	return struck;
}

/*
 * A thread's table of magazines and the like stay for
 * good: they are there after one round without faults.
 */
static void warm_up(void)
{
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		begin();
		cr_assert_eq(functions[i].call(), 0, "%s: %s", functions[i].name,
			     mmiod_client_error(client));
		end();
	}
}

Test(client_faults, every_function_returns_its_error_and_leaves_nothing_behind)
{
	warm_up();
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
		for (size_t j = 0; j < sizeof(faults) / sizeof(faults[0]); j++)
			for (int onward = 0; onward < (faults[j].passes ? 1 : 2); onward++)
				for (unsigned int nth = 1;
				     attempt(&functions[i], &faults[j], nth, onward); nth++)
					cr_assert_lt(nth, 500u, "%s: no end", trial);
}

Test(client_faults, an_event_that_finds_no_memory_is_told_as_lost_and_the_connection_stays)
{
	struct pollfd pfd = { .events = POLLIN };
	size_t files = open_files();
	struct mmiod_client *other;
	struct mmiod_event event;

	begin();
	other = connect_to_daemon();
	cr_assert_eq(mmiod_client_revoke(other, mmiod_lease_id(held), 0), 0);
	mmiod_client_free(other);
	pfd.fd = mmiod_client_event_fd(client);
	cr_assert_eq(poll(&pfd, 1, -1), 1);
	fault_arm(FAULT_MEMORY, ENOMEM, 1, false);
	cr_assert_eq(mmiod_client_next_event(client, &event), -ENOMEM);
	cr_assert(fault_disarm());
	cr_assert_str_eq(mmiod_client_error(client),
			 "out of memory: an event of the daemon's is lost");
	end();
	cr_assert_eq(open_files(), files);
}
