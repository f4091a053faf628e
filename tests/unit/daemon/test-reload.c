// SPDX-License-Identifier: MIT
/*
 * Reading the configuration again while others are served: a name service that keeps its answer
 * back delays the reload and nobody's request.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include "support/files.h"
#include "support/rig.h"

#define REGION "[region shm]\nsize = 1M\n"
#define GRANT "[grant all]\nregion = shm\nuser = *\naccess = rw\n"

static atomic_uint asked; /* how often the name service was */
static atomic_bool stuck; /* it does not answer */
static atomic_bool found; /* it knows user late */
static sigset_t mask_of_loader;

static int service(enum name_kind kind, const char *name, uint32_t *id)
{
	pthread_sigmask(SIG_SETMASK, NULL, &mask_of_loader);
	atomic_fetch_add(&asked, 1);
	while (atomic_load(&stuck))
		usleep(1000);
	*id = 4242;
	return !strcmp(name, "late") && !atomic_load(&found) ? -ENOENT : 0;
}

static unsigned int reloads;

static void count_reload(void *data)
{
	reloads++;
}

static void start(void)
{
	rig_start_simulation(REGION GRANT);
	names_service = service;
	rig.reload.done = count_reload;
}

static void stop(void)
{
	atomic_store(&stuck, false);
	while (rig.reload.loader.job)
		rig_turn();
	rig_stop();
}

TestSuite(reload, .init = start, .fini = stop, .timeout = 60);

static void configure(const char *content)
{
	files_write("rig.conf", 0644, content);
}

static void await_loader(void)
{
	while (rig.reload.loader.job) {
		rig_turn();
		usleep(1000);
	}
}

static void await_asked(unsigned int count)
{
	while (atomic_load(&asked) < count)
		usleep(1000);
}

Test(reload, a_name_service_that_does_not_answer_delays_nobodys_request)
{
	int fd = client_hello(1000);

	atomic_store(&stuck, true);
	configure(REGION GRANT "[region two]\nsize = 1M\n[admin a]\nuser = somebody\n");
	daemon_reload_soon(&rig);
	await_asked(1);
	for (int i = 0; i < 3; i++)
		cr_assert_eq(client_status(fd), MMIOD_OK);
	cr_assert_eq(rig.broker.config->n_regions, 1u, "the old one is in force meanwhile");
	cr_assert_eq(reloads, 0u);
	atomic_store(&stuck, false);
	await_loader();
	cr_assert_eq(rig.broker.config->n_regions, 2u);
	cr_assert_eq(rig.broker.config->admins[0]->users.items[0].id, 4242u);
	cr_assert_eq(reloads, 1u);
}

Test(reload, the_loader_takes_no_signals)
{
	configure(REGION GRANT "[admin a]\nuser = somebody\n");
	daemon_reload_soon(&rig);
	await_loader();
	for (int sig = 1; sig < 32; sig++)
		if (sig != SIGKILL && sig != SIGSTOP)
			cr_assert_eq(sigismember(&mask_of_loader, sig), 1, "signal %d", sig);
}

Test(reload, what_is_asked_for_while_it_reads_is_done_once_afterwards)
{
	atomic_store(&stuck, true);
	configure(REGION GRANT "[admin a]\nuser = somebody\n");
	daemon_reload_soon(&rig);
	await_asked(1);
	configure(REGION GRANT "[region two]\nsize = 1M\n[admin a]\nuser = somebody\n");
	for (int i = 0; i < 10; i++)
		daemon_reload_soon(&rig);
	atomic_store(&stuck, false);
	await_loader();
	cr_assert_eq(atomic_load(&asked), 2u);
	cr_assert_eq(rig.broker.config->n_regions, 2u);
	cr_assert_eq(reloads, 1u, "it is told when all is done");
}

Test(reload, a_bad_file_leaves_what_is_in_force)
{
	const struct config *before = rig.broker.config;

	configure("[nonsense]\n");
	daemon_reload_soon(&rig);
	await_loader();
	cr_assert_eq(rig.broker.config, before);
	cr_assert(strstr(rig.broker.config_error, "unknown section"), "%s",
		  rig.broker.config_error);
	cr_assert_eq(reloads, 1u);
}

/* As a start does. */
static void put_in_force(const char *content)
{
	struct config *config = NULL;
	char buffer[TEXT_MAX] = "";
	struct text why = TEXT_ON(buffer);

	configure(content);
	cr_assert_eq(config_load_tolerant(&rig.paths, &config, &why), 0, "%s", buffer);
	daemon_loaded(&rig, 0, config, "");
}

static uint32_t lease_as(int fd)
{
	struct mmiod_wire_want element = want("shm", 0, 0x1000, MMIOD_RIGHT_READ, 0);

	cr_assert_eq(client_lease(fd, &element, 1, 0), MMIOD_OK);
	client_close_fds();
	return ((const struct mmiod_wire_granted *)answer_element(0))->status;
}

Test(reload, a_user_that_was_not_there_at_the_start_gets_its_grant_when_it_is)
{
	int fd = client_hello(4242);

	put_in_force(REGION "[grant late]\nregion = shm\nuser = late early\n");
	cr_assert_eq(rig.broker.config->n_unresolved, 1u);
	configure("[nonsense]\n");
	daemon_find_names(&rig);
	await_loader();
	cr_assert_eq(rig.broker.config->n_unresolved, 1u);
	cr_assert_eq(rig.broker.config->grants[0]->users.count, 1u);
	atomic_store(&found, true);
	daemon_find_names(&rig);
	await_loader();
	cr_assert_eq(rig.broker.config->n_unresolved, 0u);
	cr_assert_eq(rig.broker.config->grants[0]->users.count, 2u);
	cr_assert_eq(lease_as(fd), MMIOD_OK);
	cr_assert_eq(rig.broker.config_error[0], '\0', "what the file says now was not asked for");
	cr_assert_eq(atomic_load(&asked), 4u, "only the name that was missing is asked for again");
}

Test(reload, a_status_warns_of_a_user_that_is_not_there)
{
	int admin = client_hello(0), other = client_hello(1000);

	put_in_force(REGION GRANT "[grant late]\nregion = shm\nuser = late\n");
	cr_assert_eq(client_status(admin), MMIOD_OK);
	cr_assert(strstr(answer_text(answer.status.warning), "there is no user \"late\" now"), "%s",
		  answer_text(answer.status.warning));
	cr_assert_eq(client_status(other), MMIOD_OK);
	cr_assert_null(strstr(answer_text(answer.status.warning), "late"));
}

Test(reload, a_daemon_that_stops_waits_for_no_name_service)
{
	atomic_store(&stuck, true);
	configure(REGION GRANT "[admin a]\nuser = somebody\n");
	daemon_reload_soon(&rig);
	await_asked(1);
	configure(REGION GRANT);
	rig_restart();
	rig.reload.done = count_reload;
	cr_assert_null(rig.reload.loader.job);
	cr_assert_eq(client_status(client_hello(1000)), MMIOD_OK);
}
