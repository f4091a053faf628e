// SPDX-License-Identifier: MIT
/*
 * The table of leases. Two leases that share a byte go together only if each lets the other be: an
 * exclusive one lets nobody, a shared-read one lets readers, a shared-write one lets all. A guest
 * is in nobody's way: where an exclusive lease comes, it ends.
 */
#include <assert.h>
#include <malloc.h>
#include <string.h>
#include "lease/lease.h"

#define MORE_THAN_A_LEASE 65536u
#define GIVEN_BACK_TOGETHER 2048u /* leases, of which a page holds nine */

/* ---- sharing --------------------------------------------------------------------------------- */

static enum lease_class class_of(uint32_t rights, enum mmiod_share share)
{
	bool writes = rights & MMIOD_RIGHT_WRITE;

	if (share == MMIOD_SHARE_GUEST)
		return LEASE_GUEST;
	if (share == MMIOD_SHARE_READ)
		return writes ? LEASE_WRITER : LEASE_READER;
	if (share == MMIOD_SHARE_WRITE)
		return writes ? LEASE_OPEN_WRITER : LEASE_OPEN_READER;
	return LEASE_EXCLUSIVE;
}

/* Whether one that is there [first index] lets another come. */
static const bool lets[LEASE_CLASSES][LEASE_CLASSES] = {
	[LEASE_READER] = { [LEASE_READER] = true,
			   [LEASE_OPEN_READER] = true,
			   [LEASE_GUEST] = true },
	[LEASE_WRITER] = { [LEASE_OPEN_READER] = true, [LEASE_GUEST] = true },
	[LEASE_OPEN_READER] = { [LEASE_READER] = true,
				[LEASE_WRITER] = true,
				[LEASE_OPEN_READER] = true,
				[LEASE_OPEN_WRITER] = true,
				[LEASE_GUEST] = true },
	[LEASE_OPEN_WRITER] = { [LEASE_OPEN_READER] = true,
				[LEASE_OPEN_WRITER] = true,
				[LEASE_GUEST] = true },
	[LEASE_GUEST] = { [LEASE_EXCLUSIVE] = true,
			  [LEASE_READER] = true,
			  [LEASE_WRITER] = true,
			  [LEASE_OPEN_READER] = true,
			  [LEASE_OPEN_WRITER] = true,
			  [LEASE_GUEST] = true },
};

/* Whether one that is there keeps another, of the same bytes, from coming. */
bool lease_bars(uint32_t rights, enum mmiod_share share, uint32_t other_rights,
		enum mmiod_share other_share)
{
	return !lets[class_of(rights, share)][class_of(other_rights, other_share)];
}

/* A lease that stands in the way of [offset, offset + length), or NULL. */
struct lease *lease_conflict(const struct region *region, uint64_t offset, uint64_t length,
			     uint32_t rights, enum mmiod_share share)
{
	enum lease_class class = class_of(rights, share);
	struct interval *found;

	for (int other = 0; other < LEASE_CLASSES; other++) {
		if (lets[other][class])
			continue;
		found = interval_overlap(&region->occupied[other], offset, offset + length);
		if (found)
			return lease_of_span(found, (enum lease_class)other);
	}
	return NULL;
}

struct search {
	enum lease_class class; /* that is looked at */
	uint64_t start;
	uint64_t end;
	void (*see)(void *data, struct lease *lease);
	void *data;
	size_t seen;
};

static void see_below(struct search *search, struct interval *node)
{
	if (!node || node->greatest <= search->start)
		return;
	see_below(search, node->left);
	if (node->start >= search->end)
		return;
	if (node->end > search->start) {
		search->seen++;
		search->see(search->data, lease_of_span(node, search->class));
	}
	see_below(search, node->right);
}

size_t lease_each_conflict(const struct region *region, uint64_t offset, uint64_t length,
			   uint32_t rights, enum mmiod_share share,
			   void (*see)(void *data, struct lease *lease), void *data)
{
	struct search search = {
		.start = offset, .end = offset + length, .see = see, .data = data
	};
	enum lease_class class = class_of(rights, share);

	for (int other = 0; other < LEASE_CLASSES; other++) {
		search.class = (enum lease_class)other;
		if (!lets[other][class])
			see_below(&search, region->occupied[other].root);
	}
	return search.seen;
}

static struct lease *guest_below(struct interval *node, uint64_t start, uint64_t end)
{
	struct lease *lease;

	if (!node || node->greatest <= start)
		return NULL;
	lease = guest_below(node->left, start, end);
	if (lease || node->start >= end)
		return lease;
	lease = container_of(node, struct lease, span);
	if (node->end > start && lease->id && !lease_is_over(lease))
		return lease;
	return guest_below(node->right, start, end);
}

/* A guest of some of these bytes that is in the table, or NULL. */
struct lease *lease_guest(const struct region *region, uint64_t start, uint64_t end)
{
	return guest_below(region->occupied[LEASE_GUEST].root, start, end);
}

/* One that occupies bytes of the region, or NULL. */
struct lease *lease_of_region(const struct region *region)
{
	for (int i = 0; i < LEASE_CLASSES; i++) {
		struct interval *first = interval_first(&region->occupied[i]);

		if (first)
			return lease_of_span(first, (enum lease_class)i);
	}
	return NULL;
}

/* ---- the table ------------------------------------------------------------------------------- */

struct lease *lease_find(const struct leases *leases, uint64_t id)
{
	return id_map_find(&leases->table, id);
}

/* The first lease whose id is greater; `id` need not be one of a lease. NULL: there is none. */
struct lease *lease_after(const struct leases *leases, uint64_t id)
{
	return id == UINT64_MAX ? NULL : id_map_from(&leases->table, id + 1);
}

/* The one with the highest id; NULL: there are none. */
struct lease *lease_last(const struct leases *leases)
{
	return id_map_last(&leases->table);
}

/* The next behind this id, of those that are charged to the user. */
struct lease *lease_after_of(const struct user *user, uint64_t id)
{
	struct by_id_node *node = by_id_after(&user->leases, id);

	return node ? container_of(node, struct lease, of_user) : NULL;
}

static struct interval_set *set_of(struct lease *lease)
{
	return &lease->region->occupied[lease->parts ? LEASE_SCATTERED
						     : class_of(lease->rights, lease->share)];
}

static struct tally *tally_of(struct lease *lease)
{
	return &lease->region->tallies[lease->memory];
}

const struct account *account_find(const struct leases *leases, uint64_t payer, uint32_t grant)
{
	struct account *account = leases->recent, key = { .key = { payer, grant } };

	if (account && account->key.payer == payer && account->key.grant == grant)
		return account;
	HASH_FIND(hh, leases->accounts, &key.key, sizeof(key.key), account);
	return account;
}

static void account_drop(struct leases *leases, struct account *account)
{
	HASH_DEL(leases->accounts, account);
	free(account);
}

/*
 * The one before may go, if it has nothing. One that stays empty costs nothing, but whoever has one
 * lease at a time would make an account, and the table of accounts, for each.
 */
static void take_recent(struct leases *leases, struct account *account)
{
	struct account *before = leases->recent;

	leases->recent = account;
	if (before && before != account && !before->leases)
		account_drop(leases, before);
}

/* The lease is charged to its user and its grant. -ENOMEM: it is not. */
int lease_book(struct leases *leases, struct lease *lease)
{
	uint64_t payer =
		lease->charge.user ? lease->charge.user->payer : holder_payer(&lease->holder);
	struct account *account = (struct account *)account_find(leases, payer, lease->grant);

	if (!account) {
		account = zalloc(sizeof(*account));
		if (!account)
			return -ENOMEM;
		account->key.payer = payer;
		account->key.grant = lease->grant;
		HASH_ADD(hh, leases->accounts, key, sizeof(account->key), account);
		if (!hash_added(account)) {
			free(account);
			return -ENOMEM;
		}
	}
	take_recent(leases, account);
	account->leases++;
	if (lease->state != MMIOD_STATE_REVOKED)
		account->bytes += lease_bytes(lease);
	lease->account = account;
	return 0;
}

static void account_release(struct leases *leases, struct account *account)
{
	if (!--account->leases && account != leases->recent)
		account_drop(leases, account);
}

/* ---- time limits ----------------------------------------------------------------------------- */

/* Gives the lease a limit; when it ends is said by lease_set_deadline(). */
int lease_set_time_limit(struct leases *leases, struct lease *lease, uint32_t lease_ms, bool renew)
{
	struct time_limit *limit = zalloc(sizeof(*limit));

	if (!limit)
		return -ENOMEM;
	limit->set = &leases->time_limits;
	limit->lease = lease;
	limit->lease_ms = lease_ms;
	limit->renew = renew;
	lease->time_limit = limit;
	return 0;
}

/*
 * The holder is told when a quarter of the time is left; one that renews at half of it is never
 * told.
 */
void lease_set_deadline(struct lease *lease, uint64_t deadline_ms, uint64_t now_ms)
{
	struct time_limit *limit = lease->time_limit;
	uint64_t notice = deadline_ms - limit->lease_ms / 4;

	interval_remove(limit->set, &limit->when);
	limit->deadline_ms = deadline_ms;
	limit->when.start = notice > now_ms ? notice : deadline_ms;
	limit->when.end = limit->when.start + 1;
	interval_insert(limit->set, &limit->when);
}

/* 0: it has no limit. */
uint64_t lease_left_ms(const struct lease *lease, uint64_t now_ms)
{
	if (!lease->time_limit)
		return 0;
	return lease->time_limit->deadline_ms > now_ms ? lease->time_limit->deadline_ms - now_ms
						       : 1;
}

static void drop_time_limit(struct lease *lease)
{
	if (lease->time_limit)
		interval_remove(lease->time_limit->set, &lease->time_limit->when);
	free(lease->time_limit);
	lease->time_limit = NULL;
}

/* ---- in and out ------------------------------------------------------------------------------ */

static void unaccount(struct leases *leases, struct lease *lease)
{
	if (!lease->account)
		return;
	if (lease->state != MMIOD_STATE_REVOKED)
		lease->account->bytes -= lease_bytes(lease);
	account_release(leases, steal_pointer(lease->account));
}

/* One that never was in the table. */
void lease_unbook(struct leases *leases, struct lease *lease)
{
	unaccount(leases, lease);
	charge_release(&lease->bytes);
	charge_release(&lease->charge);
	lease_discard(lease);
}

/* Others can have its bytes only if it lets them. */
void lease_occupy(struct lease *lease)
{
	tally_of(lease)->leases++;
	tally_of(lease)->bytes += lease_bytes(lease);
	if (lease->parts) {
		for (uint32_t i = 0; i < lease->parts->n; i++)
			interval_insert(set_of(lease), &lease->parts->part[i].span);
		return;
	}
	lease->span.start = lease->offset;
	lease->span.end = lease->offset + lease->length;
	if (lease->memory == MMIOD_MEMORY_REGION)
		interval_insert(set_of(lease), &lease->span);
}

void lease_vacate(struct lease *lease)
{
	tally_of(lease)->leases--;
	tally_of(lease)->bytes -= lease_bytes(lease);
	if (lease->parts)
		for (uint32_t i = 0; i < lease->parts->n; i++)
			interval_remove(set_of(lease), &lease->parts->part[i].span);
	else if (lease->memory == MMIOD_MEMORY_REGION)
		interval_remove(set_of(lease), &lease->span);
}

/* The table takes the lease over. */
int lease_enter(struct leases *leases, struct lease *lease)
{
	struct user *user = lease->charge.user;

	if (id_map_add(&leases->table, lease->id, lease) < 0)
		return -ENOMEM;
	lease->of_user.id = lease->id;
	if (user)
		by_id_insert(&user->leases, &lease->of_user);
	lease->region->n_leases++;
	if (leases->most < leases_count(leases))
		leases->most = leases_count(leases);
	return 0;
}

static bool is_queued(const struct lease *lease)
{
	return lease->taken_prev; /* the head's is the tail */
}

void lease_leave_taken(struct leases *leases, struct lease *lease)
{
	if (!is_queued(lease))
		return;
	DL_DELETE2(leases->taken, lease, taken_prev, taken_next);
	lease->taken_prev = lease->taken_next = NULL;
}

/* It was parked, and is to be revoked in its turn. */
void lease_enter_taken(struct leases *leases, struct lease *lease)
{
	if (!is_queued(lease))
		DL_APPEND2(leases->taken, lease, taken_prev, taken_next);
}

/* Its time does not go on either. */
void lease_leave(struct leases *leases, struct lease *lease)
{
	lease_detach(lease);
	if (lease->time_limit)
		interval_remove(lease->time_limit->set, &lease->time_limit->when);
	if (lease->charge.user)
		by_id_remove(&lease->charge.user->leases, &lease->of_user);
	lease_leave_taken(leases, lease);
	parking_leave(lease);
	lease->region->n_leases--;
	id_map_remove(&leases->table, lease->id);
	lease->id = 0;
}

int lease_add(struct leases *leases, struct lease *lease)
{
	if (lease_book(leases, lease) < 0)
		return -ENOMEM;
	if (lease_enter(leases, lease) < 0) {
		unaccount(leases, lease);
		return -ENOMEM;
	}
	leases->n_ending += lease->state == MMIOD_STATE_ENDING;
	if (lease->state != MMIOD_STATE_REVOKED)
		lease_occupy(lease);
	return 0;
}

void leases_clear(struct leases *leases)
{
	assert(!leases_count(leases));
	id_map_give_back(&leases->table);
	if (leases->recent)
		account_drop(leases, steal_pointer(leases->recent));
}

/* Counts it in its list, which counts leases that are not revoked. */
static void count(struct lease *lease)
{
	if (lease->state == MMIOD_STATE_REVOKED)
		return;
	lease->list->count++;
	lease->list->bytes += lease_bytes(lease);
}

static void uncount(struct lease *lease)
{
	if (lease->state == MMIOD_STATE_REVOKED)
		return;
	lease->list->count--;
	lease->list->bytes -= lease_bytes(lease);
}

/* ---- the end --------------------------------------------------------------------------------- */

/* Its holder has it no more. */
bool lease_is_over(const struct lease *lease)
{
	return lease->state == MMIOD_STATE_ENDING || lease->state == MMIOD_STATE_REVOKED;
}

/* From here on its holder has it no more, but it goes on to occupy its bytes. */
void lease_begin_end(struct leases *leases, struct lease *lease)
{
	if (lease_is_over(lease))
		return;
	lease->state = MMIOD_STATE_ENDING;
	leases->n_ending++;
	lease_leave_taken(leases, lease);
	drop_time_limit(lease);
}

static bool is_unsafe(const struct lease *lease)
{
	return lease->unsafe_prev; /* the head's is the tail */
}

static void leave_unsafe(struct leases *leases, struct lease *lease)
{
	if (!is_unsafe(lease))
		return;
	DL_DELETE2(leases->unsafe, lease, unsafe_prev, unsafe_next);
	lease->unsafe_prev = lease->unsafe_next = NULL;
}

/* Leases that have been tried in vain stand behind those that have not. */
void lease_enter_unsafe(struct leases *leases, struct lease *lease)
{
	leave_unsafe(leases, lease);
	if (lease->unsafe)
		DL_APPEND2(leases->unsafe, lease, unsafe_prev, unsafe_next);
	else
		DL_PREPEND2(leases->unsafe, lease, unsafe_prev, unsafe_next);
}

/* It was taken from where it was parked, and counts nowhere but as that. */
static bool is_uncounted(const struct lease *lease)
{
	return lease->charge.user && lease->charge.slot == USER_TAKEN;
}

/*
 * The window no longer reaches the bytes: others may have them. The lease stays in the table until
 * it is removed.
 */
void lease_retire(struct leases *leases, struct lease *lease)
{
	if (lease->state == MMIOD_STATE_REVOKED)
		return;
	if (lease->state == MMIOD_STATE_ENDING)
		leases->n_ending--;
	leave_unsafe(leases, lease);
	if (lease->list)
		uncount(lease);
	lease->state = MMIOD_STATE_REVOKED;
	lease->account->bytes -= lease_bytes(lease);
	if (is_uncounted(lease))
		lease->account->taken_bytes -= lease_bytes(lease);
	drop_time_limit(lease);
	lease_vacate(lease);
	if (lease->extents)
		blocks_give_back(lease->region->blocks, steal_pointer(lease->extents));
	/* The device may still write to DMA memory: it stays until the file goes. */
	if (lease->memory != MMIOD_MEMORY_DMA)
		charge_release(&lease->bytes);
}

/*
 * Of one that was parked and is to be revoked: it counts no more among the leases of its user and its
 * grant, though its file has yet to be closed. False: the user has @most of that kind, and what is
 * more counts as ever, or there would be no limit to the files that somebody keeps.
 */
bool lease_leave_accounts(struct lease *lease, uint32_t most)
{
	struct user *user = lease->charge.user;
	struct charge charge;

	if (!user || lease->charge.slot != USER_LEASES ||
	    charge_take(&charge, lease->charge.users, user->payer, USER_TAKEN, most) < 0)
		return false;
	if (charge.user != user) {
		charge_release(&charge);
		return false;
	}
	charge_release(&lease->charge);
	lease->charge = charge;
	lease->account->taken++;
	lease->account->taken_bytes += lease_bytes(lease);
	return true;
}

/* Of its time limit, and of what is to be done when it ends. */
void lease_strip(struct lease *lease)
{
	drop_time_limit(lease);
	free(lease->on_end);
	lease->on_end = NULL;
}

/* One that never was in the table, or is not any more. */
void lease_discard(struct lease *lease)
{
	lease_strip(lease);
	free(lease->pending.why);
	if (lease->parts)
		charge_release(&lease->parts->charge);
	free(lease->parts);
	free(lease);
}

/*
 * malloc_trim() looks at whatever was freed since something was last asked for that none of it fits:
 * of a million leases that end in a row, at all of them each time.
 */
static void sort_free_memory(void)
{
	void *memory = malloc(MORE_THAN_A_LEASE);

	__asm__("" : "+r"(memory)); /* or the compiler would leave both out */
	free(memory);
}

/*
 * Memory of many leases that have ended is given back to the kernel, some megabytes at a time: of a
 * million at once it would be nobody's turn for as long as their pages take. Leases that come and
 * go give nothing back.
 */
static void give_memory_back(struct leases *leases)
{
	unsigned int count = leases_count(leases);

	if (leases->most < count)
		leases->most = count;
	if (leases->most - count < GIVEN_BACK_TOGETHER)
		return;
	leases->most = count;
	sort_free_memory();
	malloc_trim(0);
}

void lease_remove(struct leases *leases, struct lease *lease)
{
	lease_retire(leases, lease);
	lease_leave(leases, lease);
	charge_release(&lease->bytes);
	lease->account->taken -= is_uncounted(lease);
	charge_release(&lease->charge);
	account_release(leases, lease->account);
	lease_discard(lease);
	give_memory_back(leases);
}

/* ---- whose it is ----------------------------------------------------------------------------- */

void lease_attach(struct lease *lease, struct lease_list *list)
{
	lease_detach(lease);
	lease->list = list;
	count(lease);
	if (lease_has_pending_event(lease))
		DL_PREPEND(list->head, lease);
	else
		DL_APPEND(list->head, lease);
}

void lease_detach(struct lease *lease)
{
	if (!lease->list)
		return;
	DL_DELETE(lease->list->head, lease);
	uncount(lease);
	lease->list = NULL;
}
