// SPDX-License-Identifier: MIT
/* [socket NAME]: what a tenant's section may say, and what is refused with file and line. */
#include <criterion/criterion.h>
#include <string.h>
#include "daemon/config/policy.h"
#include "support/files.h"

TestSuite(socket, .init = files_make, .fini = files_remove);

#define GRANTS                                         \
	"[region shm]\nphys = 0x10000000\nsize = 4K\n" \
	"[grant cards]\nregion = shm\n"                \
	"[grant strangers]\nregion = shm\nunknown = yes\n"

static char buffer[TEXT_MAX];
static struct text why = TEXT_ON(buffer);

static struct config *load(const char *content)
{
	struct config_paths paths = { .main = files_write("c", 0600, content) };
	struct config *config = NULL;

	cr_assert_eq(config_load(&paths, &config, &why), 0, "%s", buffer);
	return config;
}

static void refused(const char *content, const char *words)
{
	struct config_paths paths = { .main = files_write("c", 0600, content) };
	struct config *config = NULL;

	cr_assert_lt(config_load(&paths, &config, &why), 0, "was taken");
	cr_assert_not_null(strstr(buffer, words), "\"%s\" lacks \"%s\"", buffer, words);
}

Test(socket, reads_all_that_a_socket_can_say)
{
	struct config *config = load(GRANTS "[socket lab]\nmode = 0600\ngroup = 0\n"
					    "grants = cards\n\tstrangers\n");
	const struct config_socket *socket = config_find_socket(config, config_key_of("lab"));

	cr_assert_not_null(socket);
	cr_assert_str_eq(socket->name, "lab");
	cr_assert_eq(socket->mode, 0600u);
	cr_assert_eq(socket->groups.count, 1u);
	cr_assert_eq(socket->grants.count, 2u);
	cr_assert(socket->admits_unknown);
	cr_assert_null(config_find_socket(config, config_key_of("other")));
	config_free(config);
}

Test(socket, needs_no_grants_for_they_may_be_given_later)
{
	struct config *config = load(GRANTS "[socket lab]\n[socket a]\ngrants = cards\n");
	const struct config_socket *socket = config_find_socket(config, config_key_of("lab"));

	cr_assert_eq(socket->grants.count, 0u);
	cr_assert_not(socket->admits_unknown);
	config_free(config);
}

Test(socket, that_breaks_a_rule_is_refused)
{
	refused(GRANTS "[socket lab]\ngrants = card\n", "grant \"card\", which is not configured");
	refused(GRANTS "[socket lab]\ngrants = card\n", "did you mean \"cards\"?");
	refused(GRANTS "[socket lab]\ngrants = cards\nmode = 660\n", "\"660\" is not a mode");
	refused(GRANTS "[socket lab]\ngrants = cards\nmode = 0888\n", "is not a mode");
	refused(GRANTS "[socket lab]\ngrants = cards\nmode = 01777\n", "is not a mode");
	refused(GRANTS "[socket lab]\ngrants = cards\nmode = 0\n", "is not a mode");
	refused(GRANTS "[socket lab]\ngroup = 0 1\n", "a socket has one group");
	refused(GRANTS "[socket]\n", "[socket] needs one name");
	refused(GRANTS "[socket a/b]\n", "is not a name");
	refused(GRANTS "[socket lab]\npath = /tmp\n", "unknown key \"path\"");
}

Test(socket, a_grant_that_names_nobody_and_that_no_socket_lists_is_still_refused)
{
	refused(GRANTS "[socket lab]\ngrants = strangers\n", "the grant names nobody");
}

Test(socket, grants_decide_by_the_tenant_and_what_they_name)
{
	struct config *config = load("[region shm]\nphys = 0x10000000\nsize = 4K\n"
				     "[grant all]\nregion = shm\nmemory = pages\naccess = rw\n"
				     "[grant one]\nregion = shm\nuser = 1000\n"
				     "[socket a]\ngrants = all\n[socket b]\ngrants = one\n");
	const struct config_region *shm = config_find_region(config, "shm");
	struct subject subject = { .uid = 0, .known = true, .tenant = config_key_of("a") };

	cr_assert_eq(policy_rights(shm, &subject), 3u);
	cr_assert_eq(policy_decide_memory(config, &subject, MMIOD_MEMORY_PAGES).reason,
		     POLICY_GRANTED);
	cr_assert_not(policy_is_admin(config, &subject));
	cr_assert_not(policy_may_inspect(config, &subject));
	cr_assert(policy_names(config, &subject));
	subject.known = false;
	cr_assert_eq(policy_rights(shm, &subject), 0u, "nobody knows who that is");
	subject.known = true;
	subject.tenant = config_key_of("b");
	cr_assert_eq(policy_rights(shm, &subject), 0u);
	cr_assert_eq(policy_decide_memory(config, &subject, MMIOD_MEMORY_PAGES).reason,
		     POLICY_NO_GRANT);
	subject.uid = 1000;
	cr_assert_eq(policy_rights(shm, &subject), 1u);
	subject.tenant = config_key_of("c");
	cr_assert_eq(policy_rights(shm, &subject), 0u);
	cr_assert_not(policy_names(config, &subject));
	subject.tenant = 0;
	cr_assert_eq(policy_rights(shm, &subject), 1u);
	config_free(config);
}

Test(socket, interrupts_of_a_device_are_given_by_the_grants_that_it_lists_alone)
{
	struct config *config = load("[device card]\ndevice = pci:0000:01:00.0\ninterrupts = intx\n"
				     "[grant all]\ndevice = card\ninterrupts = yes\nuser = *\n"
				     "[grant lab]\ndevice = card\ninterrupts = yes\n"
				     "[socket a]\ngrants = lab\n[socket b]\n");
	const struct config_function *card = config_find_function(config, "card");
	struct subject subject = { .uid = 0, .known = true, .tenant = config_key_of("a") };
	struct decision decision = policy_decide_device(card, &subject, MMIOD_MAY_INTERRUPT);

	cr_assert_eq(decision.reason, POLICY_GRANTED);
	cr_assert_str_eq(decision.grant->name, "lab");
	cr_assert_eq(policy_device_rights(card, &subject), MMIOD_MAY_INTERRUPT);
	subject.tenant = config_key_of("b");
	decision = policy_decide_device(card, &subject, MMIOD_MAY_INTERRUPT);
	cr_assert_eq(decision.reason, POLICY_NO_GRANT, "uid 0 has it on the main socket");
	cr_assert_null(decision.grant, "no tenant is told of grants that are not its own");
	cr_assert_eq(policy_device_rights(card, &subject), 0u);
	subject.tenant = 0;
	decision = policy_decide_device(card, &subject, MMIOD_MAY_INTERRUPT);
	cr_assert_str_eq(decision.grant->name, "all");
	config_free(config);
}
