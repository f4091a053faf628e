// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include <string.h>
#include "daemon/config/policy.h"
#include "support/files.h"

TestSuite(policy, .init = files_make, .fini = files_remove);

#define READ MMIOD_RIGHT_READ
#define WRITE (MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE)

static const char content[] =
	"[region shm]\nphys = 0x10000000\nsize = 4K\n"
	"[region edu]\nphys = 0x20000000\nsize = 4K\n"
	"[region free]\nphys = 0x30000000\nsize = 4K\n"
	"[grant readers]\nregion = shm\nuser = 1000 1001\naccess = r\nshare = shared-read\n"
	"[grant writers]\nregion = shm\ngroup = 500\naccess = rw\nshare = exclusive\n"
	"[grant everybody]\nregion = free\nuser = *\nshare = shared-write\n"
	"[admin staff]\ngroup = 600\n"
	"[inspect watchers]\nuser = 1007\n";

static struct config *config;

static const struct config_region *region(const char *name)
{
	char buffer[TEXT_MAX];
	struct text why = TEXT_ON(buffer);
	struct config_paths paths = { .main = files_write("c", 0600, content) };

	if (!config)
		cr_assert_eq(config_load(&paths, &config, &why), 0, "%s", buffer);
	return config_find_region(config, name);
}

static struct subject somebody(uid_t uid, const gid_t *gids, size_t n)
{
	return (struct subject){ .uid = uid, .gids = gids, .n_gids = n, .known = true };
}

static struct decision decide(const struct config_region *from, const struct subject *subject,
			      uint32_t rights, enum mmiod_share share)
{
	const struct question question = { .rights = rights, .share = share, .length = 4096 };

	return policy_decide(from, subject, &question);
}

static const char *explain(const struct decision *decision, const struct subject *subject,
			   uint32_t rights, enum mmiod_share share)
{
	const struct question question = { .rights = rights, .share = share, .length = 4096 };
	static char buffer[TEXT_MAX];
	struct text text = TEXT_ON(buffer);

	text_reset(&text);
	policy_explain(&text, decision, "shm", "guest", subject, &question);
	return buffer;
}

Test(policy, denies_by_default_when_no_grant_matches)
{
	struct subject guest = somebody(1002, NULL, 0);

	cr_assert_eq(decide(region("shm"), &guest, READ, MMIOD_SHARE_DEFAULT).reason,
		     POLICY_NO_GRANT);
	cr_assert_eq(decide(region("edu"), &guest, READ, MMIOD_SHARE_DEFAULT).reason,
		     POLICY_NO_GRANT);
	cr_assert_eq(policy_rights(region("shm"), &guest), 0u);
}

Test(policy, denies_root_without_a_grant_too)
{
	struct subject root = somebody(0, NULL, 0);

	cr_assert_eq(decide(region("shm"), &root, READ, MMIOD_SHARE_DEFAULT).reason,
		     POLICY_NO_GRANT);
}

Test(policy, grants_by_user)
{
	struct subject user = somebody(1001, NULL, 0);
	struct decision decision = decide(region("shm"), &user, READ, MMIOD_SHARE_DEFAULT);

	cr_assert_eq(decision.reason, POLICY_GRANTED);
	cr_assert_str_eq(decision.grant->name, "readers");
	cr_assert_eq(decision.share, MMIOD_SHARE_READ, "the grant's mode is the default");
	cr_assert_eq(policy_rights(region("shm"), &user), READ);
}

Test(policy, grants_by_any_of_the_groups)
{
	const gid_t gids[] = { 100, 7, 500 };
	struct subject user = somebody(4711, gids, 3);
	struct decision decision = decide(region("shm"), &user, WRITE, MMIOD_SHARE_DEFAULT);

	cr_assert_eq(decision.reason, POLICY_GRANTED);
	cr_assert_str_eq(decision.grant->name, "writers");
	cr_assert_eq(decision.share, MMIOD_SHARE_EXCLUSIVE);
	user.n_gids = 2;
	cr_assert_eq(decide(region("shm"), &user, WRITE, MMIOD_SHARE_DEFAULT).reason,
		     POLICY_NO_GRANT);
}

Test(policy, a_later_grant_gives_what_an_earlier_does_not)
{
	const gid_t gids[] = { 500 };
	struct subject both = somebody(1000, gids, 1);

	cr_assert_str_eq(decide(region("shm"), &both, READ, MMIOD_SHARE_DEFAULT).grant->name,
			 "readers");
	cr_assert_str_eq(decide(region("shm"), &both, WRITE, MMIOD_SHARE_DEFAULT).grant->name,
			 "writers");
	cr_assert_str_eq(decide(region("shm"), &both, READ, MMIOD_SHARE_EXCLUSIVE).grant->name,
			 "writers");
	cr_assert_eq(policy_rights(region("shm"), &both), WRITE);
}

Test(policy, denies_writing_to_readers_and_names_the_grant)
{
	struct subject user = somebody(1000, NULL, 0);
	struct decision decision = decide(region("shm"), &user, WRITE, MMIOD_SHARE_DEFAULT);

	cr_assert_eq(decision.reason, POLICY_ACCESS);
	cr_assert_not_null(strstr(explain(&decision, &user, WRITE, MMIOD_SHARE_DEFAULT),
				  "[grant readers] at "));
	cr_assert_not_null(
		strstr(explain(&decision, &user, WRITE, MMIOD_SHARE_DEFAULT), "only read"));
}

Test(policy, lets_nobody_keep_others_out_further_than_the_grant_does)
{
	struct subject user = somebody(1000, NULL, 0);
	struct decision decision = decide(region("shm"), &user, READ, MMIOD_SHARE_EXCLUSIVE);

	cr_assert_eq(decision.reason, POLICY_SHARE);
	cr_assert_not_null(strstr(explain(&decision, &user, READ, MMIOD_SHARE_EXCLUSIVE),
				  "shared-read at most"));
	cr_assert_eq(decide(region("shm"), &user, READ, MMIOD_SHARE_READ).reason, POLICY_GRANTED);
	cr_assert_eq(decide(region("shm"), &user, READ, MMIOD_SHARE_WRITE).reason, POLICY_GRANTED);
}

Test(policy, a_star_means_every_known_user)
{
	struct subject user = somebody(31337, NULL, 0);

	cr_assert_eq(decide(region("free"), &user, READ, MMIOD_SHARE_DEFAULT).reason,
		     POLICY_GRANTED);
	user.known = false;
	cr_assert_eq(decide(region("free"), &user, READ, MMIOD_SHARE_DEFAULT).reason,
		     POLICY_UNKNOWN_PEER);
	cr_assert_eq(policy_rights(region("free"), &user), 0u);
}

Test(policy, unknown_peers_get_nothing_not_even_as_root)
{
	struct subject peer = { .uid = 0 };

	region("shm");
	cr_assert_not(policy_is_admin(config, &peer));
	peer.known = true;
	cr_assert(policy_is_admin(config, &peer));
}

Test(policy, process_1_is_no_administrator_and_has_its_users_grants)
{
	const gid_t gids[] = { 600 };
	struct subject root = somebody(0, NULL, 0), staff = somebody(1000, gids, 1);

	region("shm");
	root.manager = staff.manager = true;
	cr_assert_not(policy_is_admin(config, &root));
	cr_assert_not(policy_may_inspect(config, &root));
	cr_assert_not(policy_is_admin(config, &staff));
	cr_assert_neq(policy_rights(region("free"), &root), 0u);
}

Test(policy, administrators_are_root_and_those_that_a_section_names)
{
	const gid_t gids[] = { 600 };
	struct subject staff = somebody(1000, gids, 1), other = somebody(1000, NULL, 0);

	region("shm");
	cr_assert(policy_is_admin(config, &staff));
	cr_assert_not(policy_is_admin(config, &other));
}

Test(policy, inspectors_see_and_administrators_too_but_inspectors_change_nothing)
{
	const gid_t gids[] = { 600 };
	struct subject staff = somebody(1000, gids, 1), other = somebody(1000, NULL, 0);
	struct subject watcher = somebody(1007, NULL, 0);

	region("shm");
	cr_assert(policy_may_inspect(config, &watcher));
	cr_assert_not(policy_is_admin(config, &watcher));
	cr_assert_eq(policy_rights(region("shm"), &watcher), 0u);
	cr_assert(policy_may_inspect(config, &staff));
	cr_assert_not(policy_may_inspect(config, &other));
	watcher.known = false;
	cr_assert_not(policy_may_inspect(config, &watcher));
}

Test(policy, a_denial_names_user_region_and_the_nearest_grant_with_file_and_line)
{
	struct subject guest = somebody(1002, NULL, 0);
	struct decision decision = decide(region("shm"), &guest, READ, MMIOD_SHARE_DEFAULT);
	const char *sentence = explain(&decision, &guest, READ, MMIOD_SHARE_DEFAULT);

	cr_assert_not_null(
		strstr(sentence, "denied: no grant lets user guest (uid 1002) read region shm"));
	cr_assert_not_null(strstr(sentence, "nearest is [grant readers] at /tmp/"));
	cr_assert_not_null(strstr(sentence, ":10 for user 1000"), "%s", sentence);
	decision = decide(region("edu"), &guest, WRITE, MMIOD_SHARE_DEFAULT);
	sentence = explain(&decision, &guest, WRITE, MMIOD_SHARE_DEFAULT);
	cr_assert_null(strstr(sentence, "nearest"));
	cr_assert_not_null(strstr(sentence, "read and write"));
}

/* ---- terms ----------------------------------------------------------------------------------- */

static struct config *load(const char *text)
{
	char buffer[TEXT_MAX];
	struct text why = TEXT_ON(buffer);
	struct config_paths paths = { .main = files_write("terms", 0600, text) };
	struct config *loaded;

	cr_assert_eq(config_load(&paths, &loaded, &why), 0, "%s", buffer);
	return loaded;
}

#define REGION "[region shm]\nphys = 0x10000000\nsize = 16K\ncache = uc wc\n"

static struct decision ask(const struct config *from, const struct subject *subject,
			   const struct question *question)
{
	return policy_decide(config_find_region(from, "shm"), subject, question);
}

Test(policy, a_grant_of_a_range_gives_what_lies_within_it_and_nothing_else)
{
	struct config *c =
		load(REGION "[grant part]\nregion = shm\nuser = 1\nrange = 0x1000-0x1fff\n");
	struct subject user = somebody(1, NULL, 0);
	static const struct {
		uint64_t offset, length;
		bool granted;
	} cases[] = {
		{ 0x1000, 0x1000, true }, { 0x1800, 8, true },	     { 0x1fff, 1, true },
		{ 0xfff, 1, false },	  { 0xfff, 2, false },	     { 0x1fff, 2, false },
		{ 0x2000, 1, false },	  { 0, 0x4000, false },	     { 0x1000, UINT64_MAX, false },
		{ UINT64_MAX, 1, false }, { 0x1001, 0x1000, false },
	};

	for (size_t i = 0; i < array_size(cases); i++) {
		struct question question = { .rights = READ,
					     .offset = cases[i].offset,
					     .length = cases[i].length };

		cr_assert_eq(ask(c, &user, &question).reason,
			     cases[i].granted ? POLICY_GRANTED : POLICY_RANGE, "case %zu", i);
	}
	config_free(c);
}

Test(policy, grants_do_not_add_up)
{
	struct config *c =
		load(REGION "[grant low]\nregion = shm\nuser = 1\nrange = 0x0-0xfff\n"
			    "[grant high]\nregion = shm\nuser = 1\nrange = 0x1000-0x1fff\n"
			    "[grant write]\nregion = shm\ngroup = 5\naccess = rw\nrange = 0-7\n");
	const gid_t gids[] = { 5 };
	struct subject user = somebody(1, gids, 1);
	struct question both = { .rights = READ, .length = 0x2000 };
	struct question high = { .rights = READ, .offset = 0x1000, .length = 8 };
	struct question write = { .rights = WRITE, .offset = 8, .length = 8 };
	struct decision decision = ask(c, &user, &both);

	cr_assert_eq(decision.reason, POLICY_RANGE);
	cr_assert_str_eq(ask(c, &user, &high).grant->name, "high");
	cr_assert_neq(ask(c, &user, &write).reason, POLICY_GRANTED,
		      "the right of one and the bytes of another");
	config_free(c);
}

Test(policy, a_denial_by_range_says_which_bytes_there_are)
{
	struct config *c =
		load(REGION "[grant part]\nregion = shm\nuser = 1\nrange = 0x100-0x1ff\n");
	struct subject user = somebody(1, NULL, 0);
	struct question question = { .rights = READ, .length = 0x1000 };
	struct decision decision = ask(c, &user, &question);
	char buffer[TEXT_MAX];
	struct text text = TEXT_ON(buffer);

	text_reset(&text);
	policy_explain(&text, &decision, "shm", "alice", &user, &question);
	cr_assert_not_null(strstr(buffer, "only 0x100-0x1ff of region shm, not 0x0-0xfff"), "%s",
			   buffer);
	config_free(c);
}

Test(policy, a_grant_admits_the_cache_attributes_that_it_lists)
{
	struct config *c = load(REGION "[grant combining]\nregion = shm\nuser = 1\ncache = wc\n");
	struct subject user = somebody(1, NULL, 0);
	struct question question = { .rights = READ, .length = 8 };

	cr_assert_eq(ask(c, &user, &question).memtype, MMIOD_MEMTYPE_WC,
		     "the region's default is not admitted, so it is the other");
	question.memtype = MMIOD_MEMTYPE_UC;
	cr_assert_eq(ask(c, &user, &question).reason, POLICY_MEMTYPE);
	question.memtype = MMIOD_MEMTYPE_WC;
	cr_assert_eq(ask(c, &user, &question).reason, POLICY_GRANTED);
	config_free(c);
}

Test(policy, without_a_list_all_cache_attributes_are_admitted_and_the_regions_default_stays)
{
	struct config *c = load(REGION "[grant all]\nregion = shm\nuser = 1\n");
	struct subject user = somebody(1, NULL, 0);
	struct question question = { .rights = READ, .length = 8 };

	cr_assert_eq(ask(c, &user, &question).memtype, MMIOD_MEMTYPE_UC);
	question.memtype = MMIOD_MEMTYPE_WC;
	cr_assert_eq(ask(c, &user, &question).memtype, MMIOD_MEMTYPE_WC);
	config_free(c);
}

Test(policy, unknown_peers_get_what_a_grant_for_them_gives_and_never_what_others_get)
{
	struct config *c = load(REGION "[grant known]\nregion = shm\nuser = *\naccess = rw\n"
				       "[grant strange]\nregion = shm\nunknown = yes\n"
				       "memory = pages\n");
	struct subject stranger = { .uid = 65534 }, user = somebody(1, NULL, 0);
	struct question question = { .rights = READ, .length = 8 };

	cr_assert(c->admits_unknown);
	cr_assert_str_eq(ask(c, &stranger, &question).grant->name, "strange");
	cr_assert_eq(policy_rights(config_find_region(c, "shm"), &stranger), READ);
	cr_assert_eq(policy_decide_memory(c, &stranger, MMIOD_MEMORY_PAGES).reason, POLICY_GRANTED);
	cr_assert_eq(policy_decide_memory(c, &user, MMIOD_MEMORY_PAGES).reason, POLICY_NO_GRANT);
	question.rights = WRITE;
	cr_assert_eq(ask(c, &stranger, &question).reason, POLICY_ACCESS);
	cr_assert_str_eq(ask(c, &user, &question).grant->name, "known");
	config_free(c);
}

/* ---- many grants: as if each were looked at in turn ------------------------------------------ */

static bool names(const struct config_ids *ids, uint32_t id)
{
	for (size_t i = 0; i < ids->count; i++)
		if (ids->items[i].id == id)
			return true;
	return false;
}

static bool is_for(const struct config_grant *grant, const struct subject *subject)
{
	if (!subject->known)
		return grant->unknown;
	if (grant->users.all || names(&grant->users, subject->uid))
		return true;
	for (size_t i = 0; i < subject->n_gids; i++)
		if (names(&grant->groups, subject->gids[i]))
			return true;
	return false;
}

static struct decision decide_in_turn(const struct config_region *region,
				      const struct subject *subject,
				      const struct question *question)
{
	enum policy_reason none = subject->known ? POLICY_NO_GRANT : POLICY_UNKNOWN_PEER;
	struct decision found = { .reason = none };

	for (size_t i = 0; i < region->n_grants; i++) {
		const struct config_grant *grant = region->grants[i];
		enum policy_reason reason = none;

		if (is_for(grant, subject))
			reason = question->rights & ~grant->rights ? POLICY_ACCESS
				 : question->share < grant->share  ? POLICY_SHARE
								   : POLICY_GRANTED;
		if (reason == POLICY_GRANTED)
			return (struct decision){ .reason = reason, .grant = grant };
		if (!found.grant || reason > found.reason)
			found = (struct decision){ .reason = reason, .grant = grant };
	}
	return found;
}

/* Whom, what and how: of small sets, so that grants overlap. */
static void write_grants(FILE *file, unsigned int *seed)
{
	static const char *const shares[] = { "exclusive", "shared-read", "shared-write" };

	fprintf(file, REGION);
	for (int i = 0; i < 30; i++) {
		fprintf(file, "[grant g%d]\nregion = sh* shm\n", i);
		switch (rand_r(seed) % 8) {
		case 0:
			fprintf(file, "user = *\n");
			break;
		case 1:
			fprintf(file, "unknown = yes\n");
			break;
		case 2:
			fprintf(file, "group = %d %d\n", rand_r(seed) % 6, rand_r(seed) % 6);
			/* fall through */
		default:
			fprintf(file, "user = %d %d\n", rand_r(seed) % 6, rand_r(seed) % 6);
		}
		fprintf(file, "access = %s\nshare = %s\n", rand_r(seed) % 3 ? "r" : "rw",
			shares[rand_r(seed) % 3]);
	}
}

/* The same groups among many that nobody names: they are then looked for the other way round. */
static void decide_of_many_groups(const struct config *c, const struct subject *subject,
				  const struct question *question, const struct decision *expected)
{
	struct subject many = *subject;
	gid_t gids[8 + 1000];
	struct decision is;

	many.gids = gids;
	many.n_gids = 0;
	many.sorted = true;
	for (gid_t gid = 0; gid < 8; gid++)
		for (size_t i = 0; i < subject->n_gids; i++)
			if (subject->gids[i] == gid) {
				gids[many.n_gids++] = gid;
				break;
			}
	for (gid_t gid = 0; gid < 1000; gid++)
		gids[many.n_gids++] = 100 + 3 * gid;
	is = policy_decide(c->regions[0], &many, question);
	cr_assert_eq(is.reason, expected->reason);
	cr_assert_eq(is.grant, expected->grant);
	cr_assert_eq(policy_rights(c->regions[0], &many), policy_rights(c->regions[0], subject));
}

Test(policy, many_grants_decide_as_if_each_were_looked_at_in_turn)
{
	unsigned int seed = 1;

	for (int round = 0; round < 20; round++) {
		char *text = NULL;
		size_t size;
		FILE *file = open_memstream(&text, &size);
		struct config *c;

		write_grants(file, &seed);
		fclose(file);
		c = load(text);
		cr_assert_eq(c->regions[0]->n_grants, 30);
		for (int i = 0; i < 400; i++) {
			gid_t gids[] = { rand_r(&seed) % 8, rand_r(&seed) % 8 };
			struct subject subject = { .uid = rand_r(&seed) % 8,
						   .gids = gids,
						   .n_gids = rand_r(&seed) % 3,
						   .known = rand_r(&seed) % 8 };
			struct question question = {
				.rights = rand_r(&seed) % 2 ? MMIOD_RIGHT_READ
							    : MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE,
				.share = MMIOD_SHARE_EXCLUSIVE + rand_r(&seed) % 3,
			};
			struct decision is = policy_decide(c->regions[0], &subject, &question);
			struct decision expected =
				decide_in_turn(c->regions[0], &subject, &question);

			cr_assert_eq(is.reason, expected.reason);
			cr_assert_eq(is.grant, expected.grant);
			decide_of_many_groups(c, &subject, &question, &expected);
		}
		config_free(c);
		free(text);
	}
}

Test(policy, knows_whom_no_section_could_apply_to)
{
	const gid_t gids[] = { 1, 500, 900 };
	struct subject member = { .uid = 42, .gids = gids, .n_gids = 3, .known = true };
	struct config *c = load("[region a]\nphys = 0x1000\nsize = 4K\n"
				"[grant g]\nregion = a\nuser = 1000\ngroup = 500\naccess = r\n"
				"[inspect i]\nuser = 1001\n[admin d]\nuser = 1002\n");

	cr_assert(policy_names(c, &member), "by a group");
	member.sorted = true;
	cr_assert(policy_names(c, &member));
	member.n_gids = 1;
	cr_assert_not(policy_names(c, &member));
	for (uid_t uid = 1000; uid < 1003; uid++) {
		member.uid = uid;
		cr_assert(policy_names(c, &member), "%u", uid);
	}
	member.uid = 0;
	cr_assert(policy_names(c, &member), "root is always an administrator");
	config_free(c);
}
