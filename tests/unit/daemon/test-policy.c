// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include <string.h>
#include "daemon/policy.h"
#include "files.h"

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
	"[admin staff]\ngroup = 600\n";

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

static const char *explain(const struct decision *decision, const struct subject *subject,
			   uint32_t rights, enum mmiod_share share)
{
	static char buffer[TEXT_MAX];
	struct text text = TEXT_ON(buffer);

	text_reset(&text);
	policy_explain(&text, decision, "shm", "guest", subject, rights, share);
	return buffer;
}

Test(policy, denies_by_default_when_no_grant_matches)
{
	struct subject guest = somebody(1002, NULL, 0);

	cr_assert_eq(policy_decide(region("shm"), &guest, READ, MMIOD_SHARE_DEFAULT).reason,
		     POLICY_NO_GRANT);
	cr_assert_eq(policy_decide(region("edu"), &guest, READ, MMIOD_SHARE_DEFAULT).reason,
		     POLICY_NO_GRANT);
	cr_assert_eq(policy_rights(region("shm"), &guest), 0u);
}

Test(policy, denies_root_without_a_grant_too)
{
	struct subject root = somebody(0, NULL, 0);

	cr_assert_eq(policy_decide(region("shm"), &root, READ, MMIOD_SHARE_DEFAULT).reason,
		     POLICY_NO_GRANT);
}

Test(policy, grants_by_user)
{
	struct subject user = somebody(1001, NULL, 0);
	struct decision decision = policy_decide(region("shm"), &user, READ, MMIOD_SHARE_DEFAULT);

	cr_assert_eq(decision.reason, POLICY_GRANTED);
	cr_assert_str_eq(decision.grant->name, "readers");
	cr_assert_eq(decision.share, MMIOD_SHARE_READ, "the grant's mode is the default");
	cr_assert_eq(policy_rights(region("shm"), &user), READ);
}

Test(policy, grants_by_any_of_the_groups)
{
	const gid_t gids[] = { 100, 7, 500 };
	struct subject user = somebody(4711, gids, 3);
	struct decision decision = policy_decide(region("shm"), &user, WRITE, MMIOD_SHARE_DEFAULT);

	cr_assert_eq(decision.reason, POLICY_GRANTED);
	cr_assert_str_eq(decision.grant->name, "writers");
	cr_assert_eq(decision.share, MMIOD_SHARE_EXCLUSIVE);
	user.n_gids = 2;
	cr_assert_eq(policy_decide(region("shm"), &user, WRITE, MMIOD_SHARE_DEFAULT).reason,
		     POLICY_NO_GRANT);
}

Test(policy, a_later_grant_gives_what_an_earlier_does_not)
{
	const gid_t gids[] = { 500 };
	struct subject both = somebody(1000, gids, 1);

	cr_assert_str_eq(policy_decide(region("shm"), &both, READ, MMIOD_SHARE_DEFAULT).grant->name,
			 "readers");
	cr_assert_str_eq(
		policy_decide(region("shm"), &both, WRITE, MMIOD_SHARE_DEFAULT).grant->name,
		"writers");
	cr_assert_str_eq(
		policy_decide(region("shm"), &both, READ, MMIOD_SHARE_EXCLUSIVE).grant->name,
		"writers");
	cr_assert_eq(policy_rights(region("shm"), &both), WRITE);
}

Test(policy, denies_writing_to_readers_and_names_the_grant)
{
	struct subject user = somebody(1000, NULL, 0);
	struct decision decision = policy_decide(region("shm"), &user, WRITE, MMIOD_SHARE_DEFAULT);

	cr_assert_eq(decision.reason, POLICY_ACCESS);
	cr_assert_not_null(strstr(explain(&decision, &user, WRITE, MMIOD_SHARE_DEFAULT),
				  "[grant readers] at "));
	cr_assert_not_null(
		strstr(explain(&decision, &user, WRITE, MMIOD_SHARE_DEFAULT), "only read"));
}

Test(policy, lets_nobody_keep_others_out_further_than_the_grant_does)
{
	struct subject user = somebody(1000, NULL, 0);
	struct decision decision = policy_decide(region("shm"), &user, READ, MMIOD_SHARE_EXCLUSIVE);

	cr_assert_eq(decision.reason, POLICY_SHARE);
	cr_assert_not_null(strstr(explain(&decision, &user, READ, MMIOD_SHARE_EXCLUSIVE),
				  "shared-read at most"));
	cr_assert_eq(policy_decide(region("shm"), &user, READ, MMIOD_SHARE_READ).reason,
		     POLICY_GRANTED);
	cr_assert_eq(policy_decide(region("shm"), &user, READ, MMIOD_SHARE_WRITE).reason,
		     POLICY_GRANTED);
}

Test(policy, a_star_means_every_known_user)
{
	struct subject user = somebody(31337, NULL, 0);

	cr_assert_eq(policy_decide(region("free"), &user, READ, MMIOD_SHARE_DEFAULT).reason,
		     POLICY_GRANTED);
	user.known = false;
	cr_assert_eq(policy_decide(region("free"), &user, READ, MMIOD_SHARE_DEFAULT).reason,
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

Test(policy, administrators_are_root_and_those_that_a_section_names)
{
	const gid_t gids[] = { 600 };
	struct subject staff = somebody(1000, gids, 1), other = somebody(1000, NULL, 0);

	region("shm");
	cr_assert(policy_is_admin(config, &staff));
	cr_assert_not(policy_is_admin(config, &other));
}

Test(policy, a_denial_names_user_region_and_the_nearest_grant_with_file_and_line)
{
	struct subject guest = somebody(1002, NULL, 0);
	struct decision decision = policy_decide(region("shm"), &guest, READ, MMIOD_SHARE_DEFAULT);
	const char *sentence = explain(&decision, &guest, READ, MMIOD_SHARE_DEFAULT);

	cr_assert_not_null(
		strstr(sentence, "denied: no grant lets user guest (uid 1002) read region shm"));
	cr_assert_not_null(strstr(sentence, "nearest is [grant readers] at /tmp/"));
	cr_assert_not_null(strstr(sentence, ":10 for user 1000"), "%s", sentence);
	decision = policy_decide(region("edu"), &guest, WRITE, MMIOD_SHARE_DEFAULT);
	sentence = explain(&decision, &guest, WRITE, MMIOD_SHARE_DEFAULT);
	cr_assert_null(strstr(sentence, "nearest"));
	cr_assert_not_null(strstr(sentence, "read and write"));
}
