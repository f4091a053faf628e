// SPDX-License-Identifier: MIT
/*
 * mmiod: the command. Reads its options, opens what it needs, runs the loop until SIGTERM or
 * SIGINT.
 */
#include <fcntl.h>
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/log.h"
#include "bind-command.h"
#include "connection/turn-away.h"
#include "daemon.h"
#include "hotplug.h"
#include "service.h"

/*
 * Exit codes: what a service manager or a script can tell apart. The first five follow sysexits and
 * systemd.exec.
 */
enum {
	EXIT_USAGE = 2, /* unknown option or argument */
	EXIT_MODULE = 6, /* no module, or not the right to use it */
	EXIT_CONFIG = 78, /* EX_CONFIG: the configuration is bad */
};

#define MMIOD_TENANTS "/run/mmiod/tenants"
#define TRIM_THRESHOLD (4 << 20) /* bytes that are kept free at most */

struct options {
	const char *config;
	const char *simulate;
	const char *socket;
	bool check;
	bool verbose;
	struct bind_command bind;
};

struct program {
	struct event_base *base;
	struct daemon *daemon;
	struct service service;
	struct hotplug hotplug;
	struct event terminate, interrupt, hangup;
};

static const char usage[] =
	"usage: mmiod [OPTION]...\n"
	"       mmiod --bind [--force] [--dry-run] PCIADDR...\n"
	"       mmiod --unbind [--dry-run] PCIADDR...\n"
	"       mmiod --bind-configured [--dry-run] [PCIADDR...]\n"
	"Hands windows of device memory to unprivileged processes, and takes them back.\n"
	"\n"
	"  -c, --config PATH     read this file, or PATH/mmiod.conf and PATH/mmiod.conf.d/*.conf,\n"
	"                        instead of /etc/mmiod and " MMIOD_VENDORDIR "/mmiod\n"
	"      --check-config    say whether the configuration is good, and exit\n"
	"  -s, --socket PATH     listen here (default " MMIOD_SOCKET_PATH ");\n"
	"                        not used when the service manager passes a socket\n"
	"      --simulate FILE   memory files instead of devices: regions (with size=) and grants "
	"from FILE;\n"
	"                        enforces read-only, but neither bounds nor revocation\n"
	"      --bind            bind PCI functions to the module's driver (mmioctl bind), and "
	"exit\n"
	"      --unbind          give them back to their own drivers, and exit\n"
	"      --bind-configured bind those whose regions say so (bind = yes or force), or of "
	"these "
	"the named\n"
	"      --force           --bind: take it from another driver\n"
	"      --dry-run         only say what would be written to sysfs\n"
	"  -v, --verbose         log more\n"
	"  -h, --help            show this and exit\n"
	"      --version         show the version and exit\n"
	"\n"
	"SIGHUP reads the configuration again. SIGTERM stops the daemon; leases and mappings live "
	"on.\n"
	"Exit status: 0 stopped or good, 1 failed, 2 usage, 6 no module, 78 bad configuration;\n"
	"of --bind and its like also 3 no such function, 4 not root, 5 another driver has it.\n";

/* ---- options --------------------------------------------------------------------------------- */

enum {
	OPTION_CHECK = 256,
	OPTION_SIMULATE,
	OPTION_VERSION,
	OPTION_BIND,
	OPTION_UNBIND,
	OPTION_BIND_CONFIGURED,
	OPTION_FORCE,
	OPTION_DRY_RUN,
};

static const struct option long_options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "socket", required_argument, NULL, 's' },
	{ "bind", no_argument, NULL, OPTION_BIND },
	{ "unbind", no_argument, NULL, OPTION_UNBIND },
	{ "bind-configured", no_argument, NULL, OPTION_BIND_CONFIGURED },
	{ "force", no_argument, NULL, OPTION_FORCE },
	{ "dry-run", no_argument, NULL, OPTION_DRY_RUN },
	{ "check-config", no_argument, NULL, OPTION_CHECK },
	{ "simulate", required_argument, NULL, OPTION_SIMULATE },
	{ "verbose", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, OPTION_VERSION },
	{ 0 },
};

static int set_option(int option, struct options *options)
{
	switch (option) {
	case 'c':
		options->config = optarg;
		break;
	case 's':
		options->socket = optarg;
		break;
	case OPTION_CHECK:
		options->check = true;
		break;
	case OPTION_SIMULATE:
		options->simulate = optarg;
		break;
	case 'v':
		options->verbose = true;
		break;
	case OPTION_BIND:
	case OPTION_UNBIND:
	case OPTION_BIND_CONFIGURED:
		options->bind.verb = (enum bind_verb)(option - OPTION_BIND + BIND_BIND);
		break;
	case OPTION_FORCE:
		options->bind.binder.force = true;
		break;
	case OPTION_DRY_RUN:
		options->bind.binder.dry_run = true;
		break;
	case 'h':
		fputs(usage, stdout);
		return EXIT_SUCCESS;
	case OPTION_VERSION:
		puts("mmiod " MMIOD_VERSION);
		return EXIT_SUCCESS;
	default:
		fputs("Try 'mmiod --help'.\n", stderr);
		return EXIT_USAGE;
	}
	return -1;
}

static int check_bind_options(const struct options *options)
{
	const struct bind_command *bind = &options->bind;

	if ((bind->verb != BIND_NONE || !bind->binder.dry_run) &&
	    (bind->verb == BIND_BIND || !bind->binder.force))
		return -1;
	fputs("mmiod: --force goes with --bind, --dry-run with --bind, --unbind or "
	      "--bind-configured\nTry 'mmiod --help'.\n",
	      stderr);
	return EXIT_USAGE;
}

/* Returns an exit status, or -1 to go on. */
static int parse_options(int argc, char **argv, struct options *options)
{
	int option, status = -1;

	options->bind.binder = binder_default;
	options->bind.directory = BIND_DIRECTORY;
	while (status < 0 && (option = getopt_long(argc, argv, "c:s:vh", long_options, NULL)) >= 0)
		status = set_option(option, options);
	if (status >= 0)
		return status;
	if (options->bind.verb != BIND_NONE) {
		options->bind.addresses = argv + optind;
		options->bind.count = argc - optind;
	} else if (optind < argc) {
		fprintf(stderr, "mmiod: unexpected argument '%s'\nTry 'mmiod --help'.\n",
			argv[optind]);
		return EXIT_USAGE;
	}
	return check_bind_options(options);
}

/* ---- configuration --------------------------------------------------------------------------- */

/* Beside the socket that was named, so that two daemons do not share them. */
static bool set_tenants(const struct options *options, struct config_paths *paths)
{
	const char *slash = strrchr(options->socket, '/');
	char *tenants;

	if (asprintf(&tenants, "%.*stenants", slash ? (int)(slash - options->socket) + 1 : 0,
		     options->socket) < 0)
		return false;
	paths->tenants = tenants;
	return true;
}

/*
 * A directory stands for its mmiod.conf and mmiod.conf.d. The strings live as long as the program.
 */
static int set_paths(const struct options *options, struct config_paths *paths)
{
	struct stat status;
	char *main = NULL, *drop_ins = NULL;

	*paths = (struct config_paths){
		.tenants = MMIOD_TENANTS,
		.simulation = options->simulate,
		.subuids = "/etc/subuid",
		/* What a simulation would note is not to be found by the service. */
		.state = getenv("RUNTIME_DIRECTORY")
				 ?: (options->simulate ? NULL : "/run/mmiod/state"),
	};
	if (options->socket && !set_tenants(options, paths))
		return -ENOMEM;
	if (!options->config) {
		/*
		 * A user who simulates and names no configuration means none: the file says it all.
		 */
		if (options->simulate)
			return 0;
		paths->main = MMIOD_SYSCONFDIR "/mmiod/mmiod.conf";
		paths->directories[0] = MMIOD_VENDORDIR "/mmiod/mmiod.conf.d";
		paths->directories[1] = MMIOD_SYSCONFDIR "/mmiod/mmiod.conf.d";
		return 0;
	}
	paths->main = options->config;
	paths->main_required = true;
	if (stat(options->config, &status) < 0 || !S_ISDIR(status.st_mode))
		return 0;
	if (asprintf(&main, "%s/mmiod.conf", options->config) < 0 ||
	    asprintf(&drop_ins, "%s/mmiod.conf.d", options->config) < 0)
		return -ENOMEM;
	paths->main = main;
	paths->main_required = false;
	paths->directories[0] = drop_ins;
	return 0;
}

static int check_config(const struct config_paths *paths)
{
	struct config *config;
	char buffer[TEXT_MAX] = "";
	struct text why = TEXT_ON(buffer);

	if (config_load(paths, &config, &why) < 0) {
		fprintf(stderr, "%s\n", buffer);
		return EXIT_CONFIG;
	}
	for (size_t i = 0; i < config->n_warnings; i++)
		fprintf(stderr, "warning: %s\n", config->warnings[i]);
	for (size_t i = 0; i < config->n_files; i++)
		printf("%s\n", config->files[i]);
	printf("good: %zu regions, %zu grants, %zu admin sections, %zu inspect sections\n",
	       config->n_regions, config->n_grants, config->n_admins, config->n_inspectors);
	config_free(config);
	return EXIT_SUCCESS;
}

/* ---- running --------------------------------------------------------------------------------- */

static int fail(int status, const char *why)
{
	log_error("%s", why);
	service_failed(why);
	return status;
}

/*
 * Clients that wait at the service manager's socket are told, and then the service is as failed as
 * it would be anyway.
 */
static int fail_to_start(int status, const char *why)
{
	char buffer[TEXT_MAX];
	struct text ignored = TEXT_ON(buffer);
	int fd = service_listen_fd(&ignored);

	fail(status, why);
	if (fd >= 0)
		turn_away_all(fd, why, TURN_AWAY_MS);
	return status;
}

static void on_stop(evutil_socket_t signal, short what, void *data)
{
	struct program *program = data;

	event_base_loopbreak(program->base);
}

static void on_reloaded(void *data)
{
	struct program *program = data;

	service_ready(&program->service);
}

static void on_reload(evutil_socket_t signal, short what, void *data)
{
	struct program *program = data;

	service_reloading();
	daemon_reload_soon(program->daemon);
}

/* `bound` is set if the socket is of our own making, and so ours to remove. */
static int open_socket(const struct options *options, const char **bound, struct text *why)
{
	const char *path = options->socket ? options->socket : MMIOD_SOCKET_PATH;
	int fd = service_listen_fd(why);

	if (fd != -ENOENT)
		return fd;
	fd = server_bind(path, 0666, why);
	*bound = fd < 0 ? NULL : path;
	return fd;
}

/* Before there is a socket: whoever sees it may send one. */
static void watch_signals(struct program *program)
{
	evsignal_assign(&program->terminate, program->base, SIGTERM, on_stop, program);
	evsignal_assign(&program->interrupt, program->base, SIGINT, on_stop, program);
	evsignal_assign(&program->hangup, program->base, SIGHUP, on_reload, program);
	event_priority_set(&program->terminate, TURN_FIRST);
	event_priority_set(&program->interrupt, TURN_FIRST);
	event_priority_set(&program->hangup, TURN_FIRST);
	evsignal_add(&program->terminate, NULL);
	evsignal_add(&program->interrupt, NULL);
	evsignal_add(&program->hangup, NULL);
}

static void stop_watching_signals(struct program *program)
{
	event_del(&program->terminate);
	event_del(&program->interrupt);
	event_del(&program->hangup);
}

static int serve(struct program *program, int fd)
{
	if (daemon_listen(program->daemon, fd) < 0)
		return fail(EXIT_FAILURE, "out of memory");
	program->daemon->reload.done = on_reloaded;
	program->daemon->reload.data = program;
	hotplug_open(&program->hotplug, program->daemon);
	service_start(&program->service, program->daemon);
	event_base_dispatch(program->base);
	service_stop(&program->service);
	hotplug_close(&program->hotplug);
	return EXIT_SUCCESS;
}

static int run(const struct options *options, const struct config_paths *paths)
{
	static struct daemon daemon; /* holds two buffers of 64 KiB */
	struct program program = { .daemon = &daemon };
	struct backend *backend = NULL;
	struct config *config = NULL;
	const char *bound = NULL;
	char buffer[TEXT_MAX] = "";
	struct text why = TEXT_ON(buffer);
	int fd, status, r;

	if (config_load_tolerant(paths, &config, &why) < 0)
		return fail_to_start(EXIT_CONFIG, buffer);
	if ((options->simulate ? backend_simulation_open : backend_module_open)(&backend, &why) <
	    0) {
		config_free(config);
		return fail_to_start(EXIT_MODULE, buffer);
	}
	daemon_warn_of(config);
	program.base = event_base_new();
	if (!program.base)
		return fail_to_start(EXIT_FAILURE, "cannot make an event loop");
	r = daemon_init(&daemon, program.base, backend, config, paths);
	if (r < 0) {
		text_set(&why, "cannot take over what the backend holds: %s", strerror(-r));
		return fail_to_start(EXIT_FAILURE, buffer);
	}
	if (backend->ops->warning)
		log_warning("%s", backend->ops->warning);
	watch_signals(&program);
	fd = open_socket(options, &bound, &why);
	status = fd < 0 ? fail(EXIT_FAILURE, buffer) : serve(&program, fd);
	stop_watching_signals(&program);
	if (bound)
		server_unbind(bound);
	daemon_clear(&daemon);
	event_base_free(program.base);
	return status;
}

/*
 * Started without standard files, a client's connection would become one, and take what is logged.
 */
static void fill_standard_files(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

int main(int argc, char **argv)
{
	static struct config_paths paths; /* its strings live as long as the program */
	struct options options = { 0 };
	int status;

	fill_standard_files();
	status = parse_options(argc, argv, &options);
	if (status >= 0)
		return status;
	log_init(options.verbose);
	signal(SIGPIPE, SIG_IGN);
	/* Leases come and go by the thousand: their memory is not worth a page fault each time. */
	mallopt(M_TRIM_THRESHOLD, TRIM_THRESHOLD);
	if (set_paths(&options, &paths) < 0)
		return fail(EXIT_FAILURE, "out of memory");
	options.bind.binder.output = stdout;
	if (options.bind.verb != BIND_NONE)
		return bind_run(&options.bind, &paths);
	return options.check ? check_config(&paths) : run(&options, &paths);
}
