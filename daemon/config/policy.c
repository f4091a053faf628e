// SPDX-License-Identifier: MIT
/*
 * The decision who may do what. A grant's `share` is the most that a holder may keep others out:
 * exclusive admits a request for any mode, shared-write only for shared-write and for guests. The
 * values of enum mmiod_share rise in that order.
 */
#include <assert.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>
#include <common/word.h>
#include "base/clock.h"
#include "config/policy.h"
#include "config/runtime.h"

static bool has_gid(const struct subject *subject, gid_t gid)
{
	size_t from = 0, to = subject->n_gids;

	for (size_t i = 0; !subject->sorted && i < subject->n_gids; i++)
		if (subject->gids[i] == gid)
			return true;
	while (subject->sorted && from < to) {
		size_t middle = from + (to - from) / 2;

		if (subject->gids[middle] == gid)
			return true;
		if (subject->gids[middle] < gid)
			from = middle + 1;
		else
			to = middle;
	}
	return false;
}

/*
 * Calls `found` for each group that is among the holders and that the subject has, until it returns
 * true. If the subject has many groups, they are looked for in the list, which is the shorter way
 * round: that of a region names few.
 */
static bool for_common_groups(const struct config_holder *holders, size_t count,
			      const struct subject *subject,
			      bool (*found)(void *data, const struct config_holder *first),
			      void *data)
{
	const struct config_holder *end = holders + count;
	const struct config_holder *holder =
		config_find_party(holders, count, CONFIG_PARTY_GROUP, 0);
	const struct config_holder *last = NULL;

	if (subject->sorted && (size_t)(end - holder) <= subject->n_gids) {
		for (; holder < end; last = holder++)
			if ((!last || last->id != holder->id) && has_gid(subject, holder->id) &&
			    found(data, holder))
				return true;
		return false;
	}
	for (size_t i = 0; i < subject->n_gids; i++) {
		holder = config_find_party(holders, count, CONFIG_PARTY_GROUP, subject->gids[i]);
		if (holder < end && holder->party == CONFIG_PARTY_GROUP &&
		    holder->id == subject->gids[i] && found(data, holder))
			return true;
	}
	return false;
}

static bool ids_match(const struct config_ids *users, const struct config_ids *groups,
		      const struct subject *subject)
{
	if (users->all)
		return true;
	for (size_t i = 0; i < users->count; i++)
		if (users->items[i].id == subject->uid)
			return true;
	for (size_t i = 0; i < groups->count; i++)
		if (has_gid(subject, groups->items[i].id))
			return true;
	return false;
}

/* "*" is every known user; those that are not known need a grant that says so. */
static bool is_for(const struct config_grant *grant, const struct subject *subject)
{
	return subject->known ? ids_match(&grant->users, &grant->groups, subject) : grant->unknown;
}

static bool names_nobody(const struct config_grant *grant)
{
	return !grant->users.all && !grant->users.count && !grant->users.unresolved &&
	       !grant->groups.count && !grant->groups.unresolved;
}

/* Of a grant that the tenant's socket lists: without names it is for whoever connects there. */
static bool is_for_tenant(const struct config_grant *grant, const struct subject *subject)
{
	return is_for(grant, subject) || (subject->known && names_nobody(grant));
}

static bool is_listed_for(const struct config_grant *grant, const struct subject *subject)
{
	for (size_t i = 0; i < grant->tenants.count; i++)
		if (grant->tenants.items[i].id == subject->tenant)
			return is_for_tenant(grant, subject);
	return false;
}

/* On the socket that the subject came by. A grant that names nobody is for nobody on the main one. */
static bool is_given(const struct config_grant *grant, const struct subject *subject)
{
	return subject->tenant ? is_listed_for(grant, subject) : is_for(grant, subject);
}

static bool covers(const struct config_grant *grant, const struct question *question)
{
	return !grant->length || !question->length ||
	       (question->offset >= grant->offset && question->length <= grant->length &&
		question->offset - grant->offset <= grant->length - question->length);
}

/* The region's default where the grant admits it, else what it does admit. DEFAULT: nothing. */
static enum mmiod_memtype admitted_memtype(const struct config_grant *grant,
					   const struct config_region *region,
					   enum mmiod_memtype asked)
{
	uint32_t both = grant->memtypes ? grant->memtypes & region->memtypes : region->memtypes;

	if (asked != MMIOD_MEMTYPE_DEFAULT)
		return !grant->memtypes || grant->memtypes & 1u << asked ? asked
									 : MMIOD_MEMTYPE_DEFAULT;
	if (both & 1u << region->memtype)
		return region->memtype;
	return both & 1u << MMIOD_MEMTYPE_UC   ? MMIOD_MEMTYPE_UC
	       : both & 1u << MMIOD_MEMTYPE_WC ? MMIOD_MEMTYPE_WC
					       : MMIOD_MEMTYPE_DEFAULT;
}

/* Judges what the grant gives to those that it is for. */
static enum policy_reason judge_terms(const struct config_grant *grant,
				      const struct config_region *region,
				      const struct question *question)
{
	if (question->rights & ~grant->rights)
		return POLICY_ACCESS;
	if (question->share != MMIOD_SHARE_DEFAULT && question->share < grant->share)
		return POLICY_SHARE;
	if (!admitted_memtype(grant, region, question->memtype))
		return POLICY_MEMTYPE;
	if (!covers(grant, question))
		return POLICY_RANGE;
	return POLICY_GRANTED;
}

/* Whether this grant, which may be NULL, gives all that to somebody. */
bool policy_gives(const struct config_grant *grant, const struct config_region *region,
		  const struct question *question)
{
	if (grant && grant->runtime)
		return runtime_covers(grant, region) &&
		       judge_terms(grant, region, question) == POLICY_GRANTED;
	for (size_t i = 0; grant && i < region->n_grants; i++)
		if (region->grants[i] == grant)
			return judge_terms(grant, region, question) == POLICY_GRANTED;
	return false;
}

/* Two jobs of a user may have a grant each of the same bytes: each says under which it asks. */
static bool is_asked_for(const struct config_grant *grant, const struct question *question)
{
	return !question->grant || !strcmp(grant->name, question->grant);
}

/* The grant that has been found so far, and its place among the region's. */
struct search {
	const struct config_region *region;
	const struct subject *subject;
	const struct question *question;
	struct decision found;
	uint32_t at;
};

/*
 * A grant gives all, or comes nearer than the one that was found, or stands before it and comes as
 * near.
 */
static bool is_better(const struct search *search, enum policy_reason reason, uint32_t at)
{
	if (reason == search->found.reason)
		return at < search->at;
	return reason == POLICY_GRANTED ||
	       (search->found.reason != POLICY_GRANTED && reason > search->found.reason);
}

static void look_among(struct search *search, enum config_party party, uint32_t id)
{
	const struct config_region *region = search->region;
	const struct config_holder *holder = config_find_holder(region, party, id);
	const struct config_holder *end = region->holders + region->n_holders;

	for (; holder < end && holder->party == party && holder->id == id; holder++) {
		const struct config_grant *grant = region->grants[holder->grant];
		enum policy_reason reason;

		if (!is_asked_for(grant, search->question))
			continue;
		if (party == CONFIG_PARTY_TENANT && !is_for_tenant(grant, search->subject))
			continue;
		reason = judge_terms(grant, region, search->question);
		if (is_better(search, reason, holder->grant)) {
			search->found.reason = reason;
			search->found.grant = grant;
			search->at = holder->grant;
		}
		if (reason == POLICY_GRANTED)
			break;
	}
}

static bool look_among_group(void *data, const struct config_holder *first)
{
	look_among(data, CONFIG_PARTY_GROUP, first->id);
	return false;
}

static void look_for_subject(struct search *search)
{
	const struct config_region *region = search->region;
	const struct subject *subject = search->subject;

	if (subject->tenant) {
		look_among(search, CONFIG_PARTY_TENANT, subject->tenant);
		return;
	}
	if (!subject->known) {
		look_among(search, CONFIG_PARTY_UNKNOWN, 0);
		return;
	}
	look_among(search, CONFIG_PARTY_ALL, 0);
	look_among(search, CONFIG_PARTY_USER, subject->uid);
	for_common_groups(region->holders, region->n_holders, subject, look_among_group, search);
}

/* The first of those that were given while the daemon runs, behind all that the files have. */
static const struct runtime_grant *first_runtime(const struct config *config,
						 const struct subject *subject)
{
	if (!config->runtime || !subject->known)
		return NULL;
	return subject->tenant
		       ? runtime_first_for(config->runtime, CONFIG_PARTY_TENANT, subject->tenant)
		       : runtime_first_for(config->runtime, CONFIG_PARTY_USER, subject->uid);
}

static void look_among_runtime(struct search *search)
{
	const struct config_region *region = search->region;
	const struct runtime_grant *runtime = first_runtime(region->tree, search->subject);

	for (; runtime && search->found.reason != POLICY_GRANTED; runtime = runtime->holder_next) {
		enum policy_reason reason;

		if (!runtime_covers(&runtime->grant, region) ||
		    !is_asked_for(&runtime->grant, search->question))
			continue;
		reason = judge_terms(&runtime->grant, region, search->question);
		if (!is_better(search, reason, UINT32_MAX))
			continue;
		search->found.reason = reason;
		search->found.grant = &runtime->grant;
		search->at = UINT32_MAX;
	}
}

/* Of those that are not for the subject. Which others there are is no tenant's affair. */
static const struct config_grant *nearest_of_others(const struct config_region *region,
						    const struct subject *subject,
						    const struct question *question)
{
	for (size_t i = 0; !subject->tenant && i < region->n_grants; i++)
		if (is_asked_for(region->grants[i], question))
			return region->grants[i];
	return NULL;
}

/*
 * The first grant that gives all that is asked for decides; else the one that comes nearest
 * explains.
 */
struct decision policy_decide(const struct config_region *region, const struct subject *subject,
			      const struct question *question)
{
	struct search search = {
		.region = region,
		.subject = subject,
		.question = question,
		.found.reason = subject->known ? POLICY_NO_GRANT : POLICY_UNKNOWN_PEER,
		.found.grant = nearest_of_others(region, subject, question),
	};
	struct decision *found = &search.found;

	look_for_subject(&search);
	look_among_runtime(&search);
	if (found->reason == POLICY_GRANTED) {
		found->share = question->share == MMIOD_SHARE_DEFAULT ? found->grant->share
								      : question->share;
		found->memtype = admitted_memtype(found->grant, region, question->memtype);
	}
	return *found;
}

/* Kernel memory is its holder's alone, so a grant of a kind gives all rights to it. */
struct decision policy_decide_memory(const struct config *config, const struct subject *subject,
				     enum mmiod_memory memory)
{
	struct decision decision = {
		.reason = subject->known ? POLICY_NO_GRANT : POLICY_UNKNOWN_PEER,
	};

	for (size_t i = 0; i < config->n_grants; i++) {
		const struct config_grant *grant = config->grants[i];

		if (!(grant->memory & 1u << memory))
			continue;
		if (!subject->tenant)
			decision.grant = grant;
		if (!is_given(grant, subject))
			continue;
		decision.grant = grant;
		decision.reason = POLICY_GRANTED;
		break;
	}
	return decision;
}

/* ---- devices --------------------------------------------------------------------------------- */

/* The first that gives it, in the order of the files; else the last that names device and subject. */
struct decision policy_decide_device(const struct config_function *function,
				     const struct subject *subject, uint32_t rights)
{
	struct decision decision = {
		.reason = subject->known ? POLICY_NO_GRANT : POLICY_UNKNOWN_PEER,
		.grant = function->n_grants && !subject->tenant ? function->grants[0] : NULL,
		.share = MMIOD_SHARE_EXCLUSIVE,
	};

	for (size_t i = 0; i < function->n_grants; i++) {
		const struct config_grant *grant = function->grants[i];

		if (!is_given(grant, subject))
			continue;
		decision.grant = grant;
		decision.reason = POLICY_DEVICE_RIGHT;
		if (rights & ~grant->device_rights)
			continue;
		decision.reason = POLICY_GRANTED;
		break;
	}
	return decision;
}

/* All that the subject may do with a device. */
uint32_t policy_device_rights(const struct config_function *function, const struct subject *subject)
{
	uint32_t rights = 0;

	for (size_t i = 0; i < function->n_grants; i++)
		if (is_given(function->grants[i], subject))
			rights |= function->grants[i]->device_rights;
	return rights;
}

/* Whether this grant, which may be NULL, gives all that to somebody. */
bool policy_gives_device(const struct config_grant *grant, const struct config_function *function,
			 uint32_t rights)
{
	for (size_t i = 0; grant && i < function->n_grants; i++)
		if (function->grants[i] == grant)
			return !(rights & ~grant->device_rights);
	return false;
}

/* ---- regions --------------------------------------------------------------------------------- */

static uint32_t rights_of(const struct config_region *region, enum config_party party, uint32_t id)
{
	const struct config_holder *holder = config_find_holder(region, party, id);
	const struct config_holder *end = region->holders + region->n_holders;
	uint32_t rights = 0;

	for (; holder < end && holder->party == party && holder->id == id; holder++)
		rights |= region->grants[holder->grant]->rights;
	return rights;
}

static uint32_t tenant_rights(const struct config_region *region, const struct subject *subject)
{
	const struct config_holder *holder =
		config_find_holder(region, CONFIG_PARTY_TENANT, subject->tenant);
	const struct config_holder *end = region->holders + region->n_holders;
	uint32_t rights = 0;

	for (;
	     holder < end && holder->party == CONFIG_PARTY_TENANT && holder->id == subject->tenant;
	     holder++)
		if (is_for_tenant(region->grants[holder->grant], subject))
			rights |= region->grants[holder->grant]->rights;
	return rights;
}

struct rights_search {
	const struct config_region *region;
	uint32_t rights;
};

static bool add_rights(void *data, const struct config_holder *first)
{
	struct rights_search *search = data;

	search->rights |= rights_of(search->region, CONFIG_PARTY_GROUP, first->id);
	return false;
}

static uint32_t runtime_rights(const struct config_region *region, const struct subject *subject)
{
	const struct runtime_grant *runtime = first_runtime(region->tree, subject);
	uint32_t rights = 0;

	for (; runtime; runtime = runtime->holder_next)
		if (runtime_covers(&runtime->grant, region))
			rights |= runtime->grant.rights;
	return rights;
}

/* All that the subject may do with a region; 0: it may not even see it. */
uint32_t policy_rights(const struct config_region *region, const struct subject *subject)
{
	struct rights_search search = { .region = region };

	if (subject->tenant)
		return tenant_rights(region, subject) | runtime_rights(region, subject);
	if (!subject->known)
		return rights_of(region, CONFIG_PARTY_UNKNOWN, 0);
	search.rights = rights_of(region, CONFIG_PARTY_ALL, 0) |
			rights_of(region, CONFIG_PARTY_USER, subject->uid);
	for_common_groups(region->holders, region->n_holders, subject, add_rights, &search);
	return search.rights | runtime_rights(region, subject);
}

static bool names_party(const struct config *config, enum config_party party, uint32_t id)
{
	const struct config_holder *found =
		config_find_party(config->named, config->n_named, party, id);

	return found < config->named + config->n_named && found->party == party && found->id == id;
}

static bool is_enough(void *data, const struct config_holder *first)
{
	return true;
}

/* Whether any section could apply to the subject. Unknown subjects are seen to elsewhere. */
bool policy_names(const struct config *config, const struct subject *subject)
{
	if (subject->tenant)
		return config_find_socket(config, subject->tenant);
	return !subject->known || subject->uid == 0 || names_party(config, CONFIG_PARTY_ALL, 0) ||
	       names_party(config, CONFIG_PARTY_USER, subject->uid) ||
	       first_runtime(config, subject) ||
	       for_common_groups(config->named, config->n_named, subject, is_enough, NULL);
}

static bool any_names(struct config_admin *const *sections, size_t count,
		      const struct subject *subject)
{
	for (size_t i = 0; i < count; i++)
		if (ids_match(&sections[i]->users, &sections[i]->groups, subject))
			return true;
	return false;
}

bool policy_is_admin(const struct config *config, const struct subject *subject)
{
	return subject->known && !subject->tenant && !subject->manager &&
	       (subject->uid == 0 || any_names(config->admins, config->n_admins, subject));
}

/* To see everything, and to change nothing. A subject that may change things may see them. */
bool policy_may_inspect(const struct config *config, const struct subject *subject)
{
	return policy_is_admin(config, subject) ||
	       (subject->known && !subject->tenant &&
		any_names(config->inspectors, config->n_inspectors, subject));
}

static_assert(MMIOD_SHARE_EXCLUSIVE == 1 && MMIOD_SHARE_READ == 2 && MMIOD_SHARE_WRITE == 3 &&
		      MMIOD_SHARE_GUEST == 4,
	      "common_share_words");
static_assert(MMIOD_MEMTYPE_UC == 1 && MMIOD_MEMTYPE_WC == 2 && MMIOD_MEMTYPE_WB == 3,
	      "common_memtype_words");
static_assert(MMIOD_MEMORY_REGION == 0 && MMIOD_MEMORY_PAGES == 1 && MMIOD_MEMORY_KMALLOC == 2 &&
		      MMIOD_MEMORY_VMALLOC == 3 && MMIOD_MEMORY_DMA == 4,
	      "common_memory_words");

const char *share_name(enum mmiod_share share)
{
	return common_word(common_share_words, share, "default");
}

const char *memtype_name(enum mmiod_memtype memtype)
{
	return common_word(common_memtype_words, memtype, "default");
}

const char *memory_name(enum mmiod_memory memory)
{
	return common_word(common_memory_words, memory, "memory");
}

static const char *rights_verb(uint32_t rights)
{
	return rights & MMIOD_RIGHT_WRITE ? "read and write" : "read";
}

/* "14:05", or with the day, if that is another one. */
static void add_time(struct text *text, uint64_t until_ms)
{
	time_t end = (time_t)clock_since_1970(until_ms);
	bool soon = until_ms < clock_boot_ms() + 12 * 3600 * 1000ull;
	char buffer[32] = "";
	struct tm tm;

	if (localtime_r(&end, &tm))
		strftime(buffer, sizeof(buffer), soon ? "%H:%M" : "%F %H:%M", &tm);
	text_add(text, "until %s, ", buffer);
}

/* "[grant us] at FILE:LINE"; one that no file has: "[grant job-7] (until 14:05, by root)". */
void policy_add_grant(struct text *text, const struct config_grant *grant)
{
	const struct runtime_grant *runtime;

	text_add(text, "[grant %s]", grant->name);
	if (!grant->runtime) {
		text_add(text, " at %s:%u", grant->origin.file, grant->origin.line);
		return;
	}
	runtime = runtime_grant_of(grant);
	text_add(text, " (");
	if (runtime->until_ms)
		add_time(text, runtime->until_ms);
	if (runtime->by)
		text_add(text, "by uid %u)", runtime->by);
	else
		text_add(text, "by root)");
}

/* None: nothing comes near. */
static void add_nearest(struct text *text, const struct config_grant *grant)
{
	if (!grant)
		return;
	text_add(text, "; nearest is ");
	policy_add_grant(text, grant);
	if (grant->users.count)
		text_add(text, " for user %s", grant->users.items[0].name);
	else if (grant->groups.count)
		text_add(text, " for group %s", grant->groups.items[0].name);
}

static void explain_unknown(struct text *text)
{
	text_add(text, "denied: the peer is unknown (it lives in another user or pid namespace), "
		       "and no grant with \"unknown = yes\" gives this");
}

/* A grant names region and subject, but does not give what was asked for. */
static void explain_grant(struct text *text, const struct decision *decision, const char *region,
			  const char *user, const struct subject *subject,
			  const struct question *question)
{
	const struct config_grant *grant = decision->grant;

	text_add(text, "denied: ");
	policy_add_grant(text, grant);
	if (decision->reason == POLICY_ACCESS)
		text_add(text, " lets user %s (uid %u) only read region %s", user, subject->uid,
			 region);
	else if (decision->reason == POLICY_SHARE)
		text_add(text, " lets user %s (uid %u) lease region %s %s at most, not %s", user,
			 subject->uid, region, share_name(grant->share),
			 share_name(question->share));
	else if (decision->reason == POLICY_MEMTYPE)
		text_add(text,
			 " does not let user %s (uid %u) have region %s cached as %s: its "
			 "\"memory-type\" does not list it",
			 user, subject->uid, region, memtype_name(question->memtype));
	else
		text_add(text,
			 " lets user %s (uid %u) have only 0x%" PRIx64 "-0x%" PRIx64
			 " of region %s, not 0x%" PRIx64 "-0x%" PRIx64
			 "; grants do not add up, one must cover it all",
			 user, subject->uid, grant->offset, grant->offset + grant->length - 1,
			 region, question->offset, question->offset + question->length - 1);
}

/* The sentence of a denial: who, what, and which rule it was that said no. */
void policy_explain(struct text *text, const struct decision *decision, const char *region,
		    const char *user, const struct subject *subject,
		    const struct question *question)
{
	switch (decision->reason) {
	case POLICY_GRANTED:
		text_add(text, "granted by ");
		policy_add_grant(text, decision->grant);
		break;
	case POLICY_UNKNOWN_PEER:
		explain_unknown(text);
		break;
	case POLICY_NO_GRANT:
		text_add(text, "denied: no grant ");
		if (question->grant)
			text_add(text, "of the name \"%s\" ", question->grant);
		text_add(text, "lets user %s (uid %u) %s region %s", user, subject->uid,
			 rights_verb(question->rights), region);
		add_nearest(text, decision->grant);
		break;
	case POLICY_ACCESS:
	case POLICY_SHARE:
	case POLICY_MEMTYPE:
	case POLICY_RANGE:
	case POLICY_DEVICE_RIGHT:
		explain_grant(text, decision, region, user, subject, question);
		break;
	}
}

void policy_explain_memory(struct text *text, const struct decision *decision,
			   enum mmiod_memory memory, const char *user,
			   const struct subject *subject)
{
	if (decision->reason == POLICY_UNKNOWN_PEER) {
		explain_unknown(text);
		return;
	}
	text_add(text, "denied: no grant gives user %s (uid %u) kernel memory of kind %s", user,
		 subject->uid, memory_name(memory));
	add_nearest(text, decision->grant);
}

/* ---- of devices, in words -------------------------------------------------------------------- */

/* What gives each, in order of its bits; of two that are missing the later says it all. */
static const struct {
	uint32_t right;
	const char *key;
} device_words[] = {
	{ MMIOD_MAY_INTERRUPT, "interrupts = yes" },
	{ MMIOD_MAY_VENDOR_CONFIG, "config = vendor" },
	{ MMIOD_MAY_WRITE_CONFIG, "config = standard" },
	{ MMIOD_MAY_READ_CONFIG, "config = read" },
	{ MMIOD_MAY_MASTER, "bus-master = yes" },
	{ MMIOD_MAY_RESET_OTHERS, "reset = force" },
	{ MMIOD_MAY_RESET, "reset = yes" },
	{ MMIOD_MAY_POWER, "power = yes" },
	{ MMIOD_MAY_DMA_TRUSTED, "dma = trusted" },
	{ MMIOD_MAY_DMA, "dma = iommu" },
};

static const char *right_of_what(uint32_t rights)
{
	return rights == MMIOD_MAY_INTERRUPT ? "interrupts of" : "the right to operate";
}

static uint32_t implied_by(uint32_t right)
{
	switch (right) {
	case MMIOD_MAY_VENDOR_CONFIG:
		return MMIOD_MAY_WRITE_CONFIG | MMIOD_MAY_READ_CONFIG;
	case MMIOD_MAY_WRITE_CONFIG:
		return MMIOD_MAY_READ_CONFIG;
	case MMIOD_MAY_RESET_OTHERS:
		return MMIOD_MAY_RESET;
	case MMIOD_MAY_DMA_TRUSTED:
		return MMIOD_MAY_DMA;
	default:
		return 0;
	}
}

static void add_missing_keys(struct text *text, uint32_t missing)
{
	const char *before = "";

	for (size_t i = 0; i < array_size(device_words); i++) {
		if (!(missing & device_words[i].right))
			continue;
		text_add(text, "%s\"%s\"", before, device_words[i].key);
		missing &= ~implied_by(device_words[i].right);
		before = ", ";
	}
}

/* Of leasing a vector, or of operating: who, what, and which rule it was that said no. */
void policy_explain_device(struct text *text, const struct decision *decision, const char *device,
			   uint32_t rights, const char *user, const struct subject *subject)
{
	switch (decision->reason) {
	case POLICY_GRANTED:
		text_add(text, "granted by ");
		policy_add_grant(text, decision->grant);
		break;
	case POLICY_UNKNOWN_PEER:
		explain_unknown(text);
		break;
	case POLICY_DEVICE_RIGHT:
		text_add(text, "denied: ");
		policy_add_grant(text, decision->grant);
		text_add(text, " gives user %s (uid %u) %s %s device %s: it does not say ", user,
			 subject->uid, rights == MMIOD_MAY_INTERRUPT ? "no" : "less of",
			 right_of_what(rights), device);
		add_missing_keys(text, rights & ~decision->grant->device_rights);
		break;
	default:
		text_add(text, "denied: no grant gives user %s (uid %u) %s device %s", user,
			 subject->uid, right_of_what(rights), device);
		add_nearest(text, decision->grant);
		break;
	}
}

void policy_add_device_rights(struct text *text, uint32_t rights)
{
	add_missing_keys(text, rights);
}
