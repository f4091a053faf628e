// SPDX-License-Identifier: MIT
/* The table of grants that were given while the daemon runs. It owns them. */
#include <fnmatch.h>
#include <string.h>
#include "config/runtime.h"

static const char pattern_letters[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-*?[]!^";

/* ---- one grant ------------------------------------------------------------------------------- */

struct runtime_grant *runtime_grant_new(const char *name)
{
	struct runtime_grant *runtime = calloc(1, sizeof(*runtime));

	if (!runtime)
		return NULL;
	runtime->grant.name = strdup(name);
	runtime->grant.key = config_key_of(name);
	runtime->grant.rights = MMIOD_RIGHT_READ;
	runtime->grant.renew = true;
	runtime->grant.runtime = true;
	if (runtime->grant.name)
		return runtime;
	free(runtime);
	return NULL;
}

void runtime_grant_free(struct runtime_grant *runtime)
{
	config_names_clear(&runtime->grant.regions);
	config_ids_clear(&runtime->grant.users);
	free(runtime->grant.name);
	free(runtime->whom);
	free(runtime);
}

void runtime_grant_freep(struct runtime_grant **runtime)
{
	if (*runtime)
		runtime_grant_free(*runtime);
}

int runtime_grant_set_user(struct runtime_grant *runtime, uint32_t uid, const char *user)
{
	struct config_ids *users = &runtime->grant.users;

	users->items = calloc(1, sizeof(*users->items));
	if (!users->items)
		return -ENOMEM;
	users->count = 1;
	users->items[0].id = uid;
	users->items[0].name = strdup(user);
	runtime->party = CONFIG_PARTY_USER;
	runtime->holder = uid;
	runtime->whom = strdup(user);
	return users->items[0].name && runtime->whom ? 0 : -ENOMEM;
}

int runtime_grant_set_tenant(struct runtime_grant *runtime, const char *tenant)
{
	runtime->party = CONFIG_PARTY_TENANT;
	runtime->holder = config_key_of(tenant);
	runtime->whom = strdup(tenant);
	return runtime->whom ? 0 : -ENOMEM;
}

bool runtime_is_pattern(const char *pattern)
{
	size_t length = strlen(pattern);

	return length > 0 && length < RUNTIME_PATTERN_MAX &&
	       strspn(pattern, pattern_letters) == length;
}

int runtime_grant_add_region(struct runtime_grant *runtime, const char *pattern)
{
	struct config_names *regions = &runtime->grant.regions;
	char **larger = reallocarray(regions->items, regions->count + 1, sizeof(*larger));

	if (!larger)
		return -ENOMEM;
	regions->items = larger;
	larger[regions->count] = strdup(pattern);
	if (!larger[regions->count])
		return -ENOMEM;
	regions->count++;
	return 0;
}

static bool have_same_regions(const struct config_names *a, const struct config_names *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->items[i], b->items[i]))
			return false;
	return true;
}

bool runtime_grant_equals(const struct runtime_grant *a, const struct runtime_grant *b)
{
	return a->party == b->party && a->holder == b->holder && a->last_ms == b->last_ms &&
	       a->grant.rights == b->grant.rights && a->grant.share == b->grant.share &&
	       have_same_regions(&a->grant.regions, &b->grant.regions);
}

bool runtime_covers(const struct config_grant *grant, const struct config_region *region)
{
	for (size_t i = 0; i < grant->regions.count; i++)
		if (!fnmatch(grant->regions.items[i], region->name, 0))
			return true;
	return false;
}

/* ---- the table ------------------------------------------------------------------------------- */

static struct runtime_holder *find_holder(const struct runtime_grants *grants,
					  enum config_party party, uint32_t id)
{
	struct runtime_holder *holder, key = { .key = { party, id } };

	HASH_FIND(hh, grants->holders, &key.key, sizeof(key.key), holder);
	return holder;
}

static struct runtime_holder *need_holder(struct runtime_grants *grants, enum config_party party,
					  uint32_t id)
{
	struct runtime_holder *holder = find_holder(grants, party, id);

	if (holder)
		return holder;
	holder = calloc(1, sizeof(*holder));
	if (!holder)
		return NULL;
	holder->key.party = party;
	holder->key.id = id;
	HASH_ADD(hh, grants->holders, key, sizeof(holder->key), holder);
	if (hash_added(holder))
		return holder;
	free(holder);
	return NULL;
}

static void drop_if_empty(struct runtime_grants *grants, struct runtime_holder *holder)
{
	if (holder->list)
		return;
	HASH_DEL(grants->holders, holder);
	free(holder);
}

static bool enter(struct runtime_grants *grants, struct config_grant *grant)
{
	HASH_ADD_KEYPTR(by_name, grants->by_name, grant->name, strlen(grant->name), grant);
	if (!grant->by_name.tbl)
		return false;
	HASH_ADD(by_key, grants->by_key, key, sizeof(grant->key), grant);
	if (grant->by_key.tbl)
		return true;
	HASH_DELETE(by_name, grants->by_name, grant);
	return false;
}

int runtime_add(struct runtime_grants *grants, struct runtime_grant *runtime)
{
	struct runtime_holder *holder = need_holder(grants, runtime->party, runtime->holder);

	if (!holder)
		return -ENOMEM;
	if (!enter(grants, &runtime->grant)) {
		drop_if_empty(grants, holder);
		return -ENOMEM;
	}
	runtime->of = holder;
	runtime->id = ++grants->last_id;
	DL_APPEND(grants->list, runtime);
	DL_APPEND2(holder->list, runtime, holder_prev, holder_next);
	grants->count++;
	return 0;
}

/* It is the caller's then. */
struct runtime_grant *runtime_remove(struct runtime_grants *grants, struct runtime_grant *runtime)
{
	HASH_DELETE(by_name, grants->by_name, &runtime->grant);
	HASH_DELETE(by_key, grants->by_key, &runtime->grant);
	DL_DELETE(grants->list, runtime);
	DL_DELETE2(runtime->of->list, runtime, holder_prev, holder_next);
	drop_if_empty(grants, steal_pointer(runtime->of));
	grants->count--;
	return runtime;
}

struct runtime_grant *runtime_find(const struct runtime_grants *grants, const char *name)
{
	struct config_grant *grant;

	HASH_FIND(by_name, grants->by_name, name, strlen(name), grant);
	return grant ? runtime_grant_of(grant) : NULL;
}

/* The first whose id is greater. */
struct runtime_grant *runtime_after(const struct runtime_grants *grants, uint64_t id)
{
	struct runtime_grant *runtime = grants->list;

	while (runtime && runtime->id <= id)
		runtime = runtime->next;
	return runtime;
}

struct runtime_grant *runtime_first_for(const struct runtime_grants *grants,
					enum config_party party, uint32_t id)
{
	const struct runtime_holder *holder = find_holder(grants, party, id);

	return holder ? holder->list : NULL;
}

void runtime_clear(struct runtime_grants *grants)
{
	while (grants->list)
		runtime_grant_free(runtime_remove(grants, grants->list));
}
