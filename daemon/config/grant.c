// SPDX-License-Identifier: MIT
/*
 * The keys that say for whom: users and groups of [grant NAME], [admin NAME], [inspect NAME] and
 * [socket NAME]; and what a grant gives them: regions, devices, kinds of kernel memory, rights. Its
 * other terms are in terms.c.
 */
#include <string.h>
#include <common/word.h>
#include "config/setters.h"
#include "config/value.h"

/* ---- lists ----------------------------------------------------------------------------------- */

static int add_name(struct config_cursor *cursor, void *list, const char *word)
{
	struct config_names *names = list;
	char **larger = reallocarray(names->items, names->count + 1, sizeof(*larger));

	if (!larger)
		return config_refuse(cursor, "out of memory");
	names->items = larger;
	larger[names->count] = strdup(word);
	if (!larger[names->count])
		return config_refuse(cursor, "out of memory");
	names->count++;
	return 0;
}

static int add_id(struct config_cursor *cursor, struct config_ids *ids, const char *word,
		  uint32_t id)
{
	struct config_id *larger = reallocarray(ids->items, ids->count + 1, sizeof(*larger));

	if (!larger)
		return config_refuse(cursor, "out of memory");
	ids->items = larger;
	larger[ids->count] = (struct config_id){ .id = id, .name = strdup(word) };
	if (!larger[ids->count].name)
		return config_refuse(cursor, "out of memory");
	ids->count++;
	return 0;
}

/* Nobody has the name, or the name service does not say. */
static int miss_name(struct config_cursor *cursor, const char *what, const char *name, int error)
{
	char buffer[TEXT_MAX];
	struct text text = TEXT_ON(buffer);

	if (error == -ENOENT)
		text_set(&text, "there is no %s \"%s\": create it, or write its number", what,
			 name);
	else
		text_set(&text, "cannot find out who %s \"%s\" is: %s", what, name,
			 strerror(-error));
	if (strcmp(cursor->value, name) && cursor->value[0] != '"')
		text_add(&text,
			 "; in \"%s\" names are separated by blanks: put one that has blanks in "
			 "double quotes",
			 cursor->value);
	return config_refuse(cursor, "%s", buffer);
}

/* At a start: nobody gets what it says, and it is asked for again later. */
static int leave_out(struct config_cursor *cursor, struct config_ids *ids, const char *what,
		     const char *name, int error)
{
	struct config *config = cursor->config;

	if (error == -ENOMEM || !config->tolerant)
		return error == -ENOMEM ? config_refuse(cursor, "out of memory")
					: miss_name(cursor, what, name, error);
	config_warn(
		config, &cursor->at,
		"%s %s \"%s\" now, so nobody gets what this names it for; it is looked up again "
		"every minute",
		error == -ENOENT ? "there is no" : "nobody says who is", what, name);
	if (!config->unresolved && config->n_warnings)
		config->unresolved = strdup(config->warnings[config->n_warnings - 1]);
	config->n_unresolved++;
	ids->unresolved++;
	return 0;
}

/* The uid that the kernel shows for users whom this system does not know (overflowuid). */
#define UID_UNKNOWN 65534

static void warn_of_nobody(struct config_cursor *cursor, const char *word, uint32_t id)
{
	if (id == UID_UNKNOWN)
		config_warn(cursor->config, &cursor->at,
			    "user %s is uid %u, which is what users of other user namespaces look "
			    "like: it gets only what \"unknown = yes\" gives",
			    word, id);
}

static int add_user(struct config_cursor *cursor, void *list, const char *word)
{
	struct config_ids *ids = list;
	uint64_t number;
	uint32_t id;
	int r;

	if (!strcmp(word, "*")) {
		ids->all = true;
		return 0;
	}
	if (value_number(word, &number) == 0 && number < UINT32_MAX) {
		id = (uint32_t)number;
	} else {
		r = names_find(&cursor->config->sources.names, NAME_USER, word, &id);
		if (r < 0)
			return leave_out(cursor, ids, "user", word, r);
	}
	warn_of_nobody(cursor, word, id);
	return add_id(cursor, ids, word, id);
}

static int add_group(struct config_cursor *cursor, void *list, const char *word)
{
	uint64_t number;
	uint32_t id;
	int r;

	if (value_number(word, &number) == 0 && number < UINT32_MAX)
		return add_id(cursor, list, word, (uint32_t)number);
	r = names_find(&cursor->config->sources.names, NAME_GROUP, word, &id);
	return r < 0 ? leave_out(cursor, list, "group", word, r) : add_id(cursor, list, word, id);
}

/* ---- [grant NAME], [admin NAME] and [inspect NAME] ------------------------------------------- */

int grant_set_region(struct config_cursor *cursor, const char *value)
{
	return config_each_word(cursor, value, &cursor->grant->regions, add_name);
}

int grant_set_device(struct config_cursor *cursor, const char *value)
{
	return config_each_word(cursor, value, &cursor->grant->devices, add_name);
}

/* Of these rights the grant has those that are given, whatever an earlier file said. */
static void give(struct config_cursor *cursor, uint32_t of, uint32_t given)
{
	cursor->grant->device_rights &= ~of;
	cursor->grant->device_rights |= given;
}

static int give_if_yes(struct config_cursor *cursor, const char *value, uint32_t right)
{
	bool yes = false;
	int r = config_yes_no(cursor, value, &yes);

	give(cursor, right, yes ? right : 0);
	return r;
}

int grant_set_interrupts(struct config_cursor *cursor, const char *value)
{
	return give_if_yes(cursor, value, MMIOD_MAY_INTERRUPT);
}

int grant_set_master(struct config_cursor *cursor, const char *value)
{
	return give_if_yes(cursor, value, MMIOD_MAY_MASTER);
}

int grant_set_power(struct config_cursor *cursor, const char *value)
{
	return give_if_yes(cursor, value, MMIOD_MAY_POWER);
}

/* Each has what the one before it has. */
int grant_set_config(struct config_cursor *cursor, const char *value)
{
	static const struct {
		const char *word;
		uint32_t right;
	} words[] = {
		{ "none", 0 },
		{ "read", MMIOD_MAY_READ_CONFIG },
		{ "standard", MMIOD_MAY_WRITE_CONFIG },
		{ "vendor", MMIOD_MAY_VENDOR_CONFIG },
	};
	uint32_t rights = 0;

	for (size_t i = 0; i < array_size(words); i++) {
		rights |= words[i].right;
		if (strcmp(value, words[i].word))
			continue;
		give(cursor,
		     MMIOD_MAY_READ_CONFIG | MMIOD_MAY_WRITE_CONFIG | MMIOD_MAY_VENDOR_CONFIG,
		     rights);
		return 0;
	}
	return config_refuse(
		cursor,
		"\"%s\" is not how much of the configuration space: write none, read, "
		"standard (and what cannot harm others may be written), or vendor (and "
		"what belongs to vendors)",
		value);
}

int grant_set_reset(struct config_cursor *cursor, const char *value)
{
	uint32_t rights = MMIOD_MAY_RESET | MMIOD_MAY_RESET_OTHERS;

	if (!strcmp(value, "force"))
		give(cursor, rights, rights);
	else if (!strcmp(value, "yes"))
		give(cursor, rights, MMIOD_MAY_RESET);
	else if (!strcmp(value, "no"))
		give(cursor, rights, 0);
	else
		return config_refuse(cursor,
				     "\"%s\" is not who may reset the device: write no, yes (while "
				     "nobody else uses it), or force (whoever uses it)",
				     value);
	return 0;
}

/* What is trusted is so for whom the grant trusts, too. */
int grant_set_dma(struct config_cursor *cursor, const char *value)
{
	uint32_t rights = MMIOD_MAY_DMA | MMIOD_MAY_DMA_TRUSTED;

	if (!strcmp(value, "trusted"))
		give(cursor, rights, rights);
	else if (!strcmp(value, "iommu"))
		give(cursor, rights, MMIOD_MAY_DMA);
	else if (!strcmp(value, "no"))
		give(cursor, rights, 0);
	else
		return config_refuse(
			cursor,
			"\"%s\" is not which memory for DMA they may have: write no, "
			"iommu (and the device reaches nothing else), or trusted (even "
			"where nothing bounds the device)",
			value);
	return 0;
}

int grant_set_user(struct config_cursor *cursor, const char *value)
{
	return config_each_word(cursor, value, &cursor->grant->users, add_user);
}

int grant_set_group(struct config_cursor *cursor, const char *value)
{
	return config_each_word(cursor, value, &cursor->grant->groups, add_group);
}

static const char *const memory_words[] = {
	[MMIOD_MEMORY_PAGES] = "pages",
	[MMIOD_MEMORY_KMALLOC] = "kmalloc",
	[MMIOD_MEMORY_VMALLOC] = "vmalloc",
	[MMIOD_MEMORY_DMA] = "dma",
};

static int add_memory(struct config_cursor *cursor, void *list, const char *word)
{
	uint32_t *memory = list;
	const char *nearest;

	for (size_t i = MMIOD_MEMORY_PAGES; i < array_size(memory_words); i++) {
		if (strcmp(word, memory_words[i]))
			continue;
		*memory |= 1u << i;
		return 0;
	}
	nearest = common_nearest(word, memory_words + MMIOD_MEMORY_PAGES,
				 array_size(memory_words) - MMIOD_MEMORY_PAGES);
	if (nearest)
		return config_refuse(cursor,
				     "\"%s\" is not a kind of kernel memory: did you mean \"%s\"?",
				     word, nearest);
	return config_refuse(cursor,
			     "\"%s\" is not a kind of kernel memory: write pages, kmalloc, vmalloc "
			     "or dma",
			     word);
}

int grant_set_memory(struct config_cursor *cursor, const char *value)
{
	return config_each_word(cursor, value, &cursor->grant->memory, add_memory);
}

int grant_set_access(struct config_cursor *cursor, const char *value)
{
	if (!strcmp(value, "r"))
		cursor->grant->rights = MMIOD_RIGHT_READ;
	else if (!strcmp(value, "rw"))
		cursor->grant->rights = MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE;
	else
		return config_refuse(cursor, "\"%s\" is not an access: write r or rw", value);
	return 0;
}

int grant_set_share(struct config_cursor *cursor, const char *value)
{
	if (!strcmp(value, "exclusive"))
		cursor->grant->share = MMIOD_SHARE_EXCLUSIVE;
	else if (!strcmp(value, "shared-read"))
		cursor->grant->share = MMIOD_SHARE_READ;
	else if (!strcmp(value, "shared-write"))
		cursor->grant->share = MMIOD_SHARE_WRITE;
	else if (!strcmp(value, "guest"))
		cursor->grant->share = MMIOD_SHARE_GUEST;
	else
		return config_refuse(cursor,
				     "\"%s\" is not a share mode: write exclusive, shared-read, "
				     "shared-write or guest",
				     value);
	return 0;
}

int admin_set_user(struct config_cursor *cursor, const char *value)
{
	int r = config_each_word(cursor, value, &cursor->admin->users, add_user);

	if (r == 0 && cursor->admin->users.all)
		return config_refuse(cursor,
				     cursor->section == CONFIG_SECTION_ADMIN
					     ? "not everybody can be an administrator: name users"
					     : "not everybody can see everything: name users");
	return r;
}

int admin_set_group(struct config_cursor *cursor, const char *value)
{
	return config_each_word(cursor, value, &cursor->admin->groups, add_group);
}

/* ---- [socket NAME] --------------------------------------------------------------------------- */

int socket_set_group(struct config_cursor *cursor, const char *value)
{
	struct config_ids *groups = &cursor->socket->groups;
	int r = config_each_word(cursor, value, groups, add_group);

	if (r == 0 && groups->count + groups->unresolved > 1)
		return config_refuse(cursor, "\"%s\": a socket has one group", value);
	return r;
}

int socket_set_grants(struct config_cursor *cursor, const char *value)
{
	return config_each_word(cursor, value, &cursor->socket->grants, add_name);
}
