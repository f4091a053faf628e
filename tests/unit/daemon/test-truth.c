// SPDX-License-Identifier: MIT
/*
 * Random sequences of what clients, administrators, devices and the kernel do, against a model of
 * what must hold whatever happens:
 *  - nothing is granted that the configuration in force does not describe;
 *  - what is to be written at the end of a lease is written to the bytes that it was of, and before
 *    anybody else has them;
 *  - sums of accounts equal what is there, and a lease lives as long as its window;
 *  - a region is claimed as configured, or is stale and used.
 *
 * MMIOD_SEED=N runs one sequence, MMIOD_STEPS=N makes each as long.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include "support/files.h"
#include "support/rig.h"

#define STEPS 1500
#define READ MMIOD_RIGHT_READ
#define WRITE (MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE)
#define PAGE 0x1000ull
#define USERS 2
#define REGIONS 2
#define CARDS 3

static uint64_t seed, random_state, step_number;

static uint32_t pick(uint32_t below)
{
	uint64_t z = random_state += 0x9E3779B97F4A7C15;

	z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
	z = (z ^ z >> 27) * 0x94D049BB133111EB;
	return (uint32_t)((z ^ z >> 31) % below);
}

#define cr_holds(condition, ...) cr_assert(condition, __VA_ARGS__)
#define WHERE "seed %llu, step %llu"
#define AT (unsigned long long)seed, (unsigned long long)step_number

/* ---- the configuration ----------------------------------------------------------------------- */

static struct {
	struct {
		bool configured;
		uint32_t card; /* from 1 */
		uint32_t pages;
		uint32_t width;
		uint32_t rights[USERS]; /* 0: no grant */
	} regions[REGIONS];
	bool memory[USERS];
	bool revoke_on_reload;
} model;

static const char *const names[REGIONS] = { "a", "b" };

static void choose_config(void)
{
	for (int i = 0; i < REGIONS; i++) {
		model.regions[i].configured = pick(6) != 0;
		model.regions[i].card = 1 + pick(CARDS);
		model.regions[i].pages = pick(2) ? 8 : 16;
		model.regions[i].width = pick(4) ? 0 : 4;
		for (int user = 0; user < USERS; user++)
			model.regions[i].rights[user] =
				(uint32_t[]){ 0, READ, WRITE, WRITE }[pick(4)];
	}
	/* Two regions of the same bytes are no configuration; that they change places is one. */
	if (model.regions[1].card == model.regions[0].card)
		model.regions[1].card = 1 + model.regions[0].card % CARDS;
	for (int user = 0; user < USERS; user++)
		model.memory[user] = pick(2);
	model.revoke_on_reload = pick(3) == 0;
}

static void add_region(char *text, size_t size, int i)
{
	size_t length = strlen(text);

	snprintf(text + length, size - length,
		 "[region %s]\ndevice = pci:0000:0%u:00.0\nbar = 0\nsize = %uK\n%s", names[i],
		 model.regions[i].card, 4 * model.regions[i].pages,
		 model.regions[i].width ? "width = 32\n" : "");
}

static void add_grant(char *text, size_t size, int i, int user)
{
	size_t length = strlen(text);

	if (model.regions[i].configured && model.regions[i].rights[user])
		snprintf(text + length, size - length,
			 "[grant %s%d]\nregion = %s\nuser = %d\naccess = %s\n", names[i], user,
			 names[i], 4001 + user,
			 model.regions[i].rights[user] == WRITE ? "rw" : "r");
}

static void write_config(void)
{
	char text[4096] = "";
	size_t length;

	for (int i = 0; i < REGIONS; i++)
		if (model.regions[i].configured)
			add_region(text, sizeof(text), i);
	for (int i = 0; i < REGIONS; i++)
		for (int user = 0; user < USERS; user++)
			add_grant(text, sizeof(text), i, user);
	for (int user = 0; user < USERS; user++) {
		length = strlen(text);
		if (model.memory[user])
			snprintf(text + length, sizeof(text) - length,
				 "[grant m%d]\nmemory = pages\nuser = %d\n", user, 4001 + user);
	}
	length = strlen(text);
	snprintf(text + length, sizeof(text) - length, "[daemon]\nrevoke-on-reload = %s\n",
		 model.revoke_on_reload ? "yes" : "no");
	rig_write_config(text);
}

/* ---- what is owed to devices ----------------------------------------------------------------- */

static struct owed {
	uint64_t value; /* of the write: no two have the same */
	uint64_t phys;
	bool due; /* as long as it is not written */
} owed[65536];
static size_t n_owed, writes_seen;

static const struct backend_region *claim_of(uint64_t handle)
{
	for (size_t i = 0; i < rig_fake.n_regions; i++)
		if (rig_fake.regions[i].handle == handle)
			return &rig_fake.regions[i];
	return NULL;
}

static void owe(uint64_t value, uint64_t phys)
{
	cr_assert_lt(n_owed, array_size(owed));
	owed[n_owed++] = (struct owed){ .value = value, .phys = phys, .due = true };
}

/*
 * While the region it went to is still claimed: called after each step, and before a claim may go.
 */
static void see_write(uint64_t handle, uint64_t phys, const struct config_write *write)
{
	for (size_t i = 0; i < n_owed; i++) {
		if (owed[i].value != write->value)
			continue;
		cr_holds(owed[i].phys == phys + write->offset,
			 WHERE ": written to 0x%llx of region %llu, owed to 0x%llx", AT,
			 (unsigned long long)(phys + write->offset), (unsigned long long)handle,
			 (unsigned long long)owed[i].phys);
		owed[i].due = false;
		return;
	}
	cr_assert_fail(WHERE ": a write that nobody asked for", AT);
}

static void see_writes(void)
{
	for (; writes_seen < rig_fake.n_writes; writes_seen++) {
		size_t place = writes_seen % FAKE_MAX;

		see_write(rig_fake.write_regions[place], rig_fake.write_phys[place],
			  &rig_fake.writes[place]);
	}
}

static void expect_nothing_due(uint64_t start, uint64_t end)
{
	for (size_t i = 0; i < n_owed; i++)
		cr_holds(!owed[i].due || owed[i].phys < start || owed[i].phys >= end,
			 WHERE ": granted 0x%llx before 0x%llx was made safe", AT,
			 (unsigned long long)start, (unsigned long long)owed[i].phys);
}

static void forgive(uint64_t start, uint64_t end)
{
	for (size_t i = 0; i < n_owed; i++)
		if (owed[i].phys >= start && owed[i].phys < end)
			owed[i].due = false;
}

/* ---- clients --------------------------------------------------------------------------------- */

static int fds[USERS] = { -1, -1 };
static int root = -1;

static void read_all(void)
{
	events_drain(&rig.broker);
	rig_turn();
	for (int user = 0; user < USERS; user++)
		while (client_receive(fds[user]) > 0)
			;
	while (client_receive(root) > 0)
		;
	client_close_fds();
}

static void connect_all(void)
{
	for (int user = 0; user < USERS; user++)
		fds[user] = client_hello((uid_t)(4001 + user));
	root = client_hello(0);
}

static uint64_t any_window(void)
{
	return rig_fake.n_windows ? rig_fake.windows[pick((uint32_t)rig_fake.n_windows)].id : 0;
}

/* ---- what holds of a grant ------------------------------------------------------------------- */

static void expect_described(const struct mmiod_wire_granted *granted, int i, int user,
			     uint32_t rights)
{
	const struct backend_ledger *window = fake_window(&rig_fake, granted->lease);
	const struct backend_region *claim = claim_of(window->window.region);
	uint64_t end = granted->offset + granted->length;

	cr_holds(model.regions[i].configured, WHERE ": a region that is not configured", AT);
	cr_holds((rights & ~model.regions[i].rights[user]) == 0, WHERE ": more than is granted",
		 AT);
	cr_holds(claim && claim->pci == MMIOD_PCI_ADDR(0, model.regions[i].card, 0, 0),
		 WHERE ": bytes of another card", AT);
	cr_holds(claim->length == model.regions[i].pages * PAGE && end <= claim->length,
		 WHERE ": bytes beyond the region", AT);
	cr_holds(claim->width == model.regions[i].width, WHERE ": by another width", AT);
}

/* Nobody else has them, nor anybody had whose end is not over. */
static void expect_alone(const struct mmiod_wire_granted *granted)
{
	const struct lease *own = lease_find(&rig.broker.leases, granted->lease), *other;

	for (other = lease_after(&rig.broker.leases, 0); other;
	     other = lease_after(&rig.broker.leases, other->id))
		cr_holds(other == own || other->region != own->region ||
				 other->state == MMIOD_STATE_REVOKED ||
				 other->offset >= own->offset + own->length ||
				 own->offset >= other->offset + other->length,
			 WHERE ": lease %llu has bytes of it", AT, (unsigned long long)other->id);
}

static void do_lease(void)
{
	int i = (int)pick(REGIONS), user = (int)pick(USERS);
	uint32_t rights = pick(2) ? WRITE : READ;
	struct mmiod_wire_want element =
		want(names[i], pick(16) * PAGE, pick(5) * PAGE, rights, MMIOD_SHARE_EXCLUSIVE);
	const struct mmiod_wire_granted *granted;
	uint64_t value = n_owed + 1, start;

	read_all();
	if (rights == WRITE) {
		element.n_on_end = 1;
		element.on_end[0] = (struct mmiod_wire_write){
			.offset = element.offset,
			.value = value,
			.width = 4,
		};
	}
	cr_assert_eq(client_lease(fds[user], &element, 1, 0), MMIOD_OK);
	see_writes();
	granted = answer_element(0);
	if (granted->status != MMIOD_OK)
		return;
	expect_described(granted, i, user, rights);
	expect_alone(granted);
	start = claim_of(fake_window(&rig_fake, granted->lease)->window.region)->phys +
		granted->offset;
	expect_nothing_due(start, start + granted->length);
	if (rights == WRITE)
		owe(value, start);
}

static void do_alloc(void)
{
	struct mmiod_wire_alloc element = ask(MMIOD_MEMORY_PAGES, "", (1 + pick(4)) * PAGE);
	int user = (int)pick(USERS);

	read_all();
	cr_assert_eq(client_alloc(fds[user], &element, 1, 0), MMIOD_OK);
	cr_holds(((struct mmiod_wire_granted *)answer_element(0))->status != MMIOD_OK ||
			 model.memory[user],
		 WHERE ": memory that no grant gives", AT);
}

/* ---- what else happens ----------------------------------------------------------------------- */

static void do_release(void)
{
	uint64_t id = any_window();

	read_all();
	send_end(fds[pick(USERS)], MMIOD_OP_RELEASE, 0, &id, 1);
}

static void do_revoke(void)
{
	uint64_t id = any_window();

	read_all();
	send_end(root, MMIOD_OP_REVOKE, 0, &id, 1);
}

static void do_close(void)
{
	if (rig_fake.n_windows)
		fake_close_window(&rig_fake, any_window());
}

static void do_reload(void)
{
	choose_config();
	write_config();
	cr_assert_eq(daemon_reload(&rig), 0, "%s", rig.broker.config_error);
}

/* Now and then the configuration is another by then. */
static void do_restart(void)
{
	read_all();
	see_writes();
	for (int user = 0; user < USERS; user++)
		close(fds[user]);
	close(root);
	if (pick(2)) {
		choose_config();
		write_config();
	}
	rig_restart();
	connect_all();
}

static void do_unplug(void)
{
	const struct backend_region *region;
	uint64_t start;

	if (!rig_fake.n_regions)
		return;
	region = &rig_fake.regions[pick((uint32_t)rig_fake.n_regions)];
	start = region->phys;
	rig_fake.absent |= 1u << (region->pci >> 8 & 0xff);
	forgive(start, start + region->length);
	fake_remove_device(&rig_fake, region->name);
}

static void do_plug(void)
{
	rig_fake.absent = 0;
	fake_event(&rig_fake, MMIOD_CONTROL_DEVICE_BOUND, 0, 0);
}

static void do_sleep_or_wake(void)
{
	bool sleeps = pick(2);
	struct backend_region *region;

	if (!rig_fake.n_regions)
		return;
	region = &rig_fake.regions[pick((uint32_t)rig_fake.n_regions)];
	region->state = sleeps ? MMIOD_STATE_SUSPENDED : MMIOD_STATE_OK;
	for (size_t i = 0; i < rig_fake.n_windows; i++) {
		struct backend_ledger *window = &rig_fake.windows[i];

		if (window->window.region != region->handle ||
		    window->state == MMIOD_STATE_REVOKED || window->state == region->state)
			continue;
		window->state = region->state;
		fake_event(&rig_fake, MMIOD_CONTROL_WINDOW_STATE, region->state, window->id);
	}
	fake_event(&rig_fake, MMIOD_CONTROL_REGION_STATE, region->state, region->handle);
}

static void do_break_or_mend(void)
{
	static const int errors[] = { 0, 0, -EIO, -EAGAIN, -EMFILE };

	rig_fake.write_error = errors[pick(array_size(errors))];
	rig_fake.later = pick(2);
}

/* The kernel has taken the pages of all that it was to take them of, and time goes by. */
static void do_finish(void)
{
	for (const struct lease *lease = lease_after(&rig.broker.leases, 0); lease;
	     lease = lease_after(&rig.broker.leases, lease->id))
		if (lease->state == MMIOD_STATE_ENDING && !(lease->end & LEASE_CUT))
			fake_finish(&rig_fake, lease->id);
	wakeup_try_again(&rig.broker, true);
}

static void do_overflow(void)
{
	rig_fake.n_events = 0;
	fake_event(&rig_fake, MMIOD_CONTROL_OVERFLOW, 0, 0);
}

/* ---- what holds always ----------------------------------------------------------------------- */

static void check_region(const struct region *region)
{
	const struct backend_region *claim = claim_of(region->hw.handle);
	uint64_t bytes = 0, live = 0, all = 0;

	for (const struct lease *lease = lease_after(&rig.broker.leases, 0); lease;
	     lease = lease_after(&rig.broker.leases, lease->id)) {
		bool is_live = lease->region == region && lease->state != MMIOD_STATE_REVOKED;

		all += lease->region == region;
		live += is_live;
		bytes += is_live ? lease->length : 0;
	}
	cr_holds(region->n_leases == all, WHERE ": region %s", AT, region->name);
	cr_holds(region->tallies[0].leases == live && region->tallies[0].bytes == bytes,
		 WHERE ": region %s", AT, region->name);
	cr_holds(!lease_of_region(region) == !live, WHERE ": region %s", AT, region->name);
	if (!region->claimed) {
		cr_holds(!live, WHERE ": region %s has leases of nothing", AT, region->name);
		return;
	}
	cr_holds(claim, WHERE ": region %s is not claimed", AT, region->name);
	cr_holds(region->stale == (!region->config ||
				   !rig.broker.backend->ops->matches(rig.broker.backend, claim,
								     region->config)),
		 WHERE ": region %s", AT, region->name);
	cr_holds(!region->stale || live, WHERE ": region %s is stale for nobody", AT, region->name);
}

static void check_user(uid_t uid)
{
	uint64_t leases = 0, bytes = 0;

	for (const struct lease *lease = lease_after(&rig.broker.leases, 0); lease;
	     lease = lease_after(&rig.broker.leases, lease->id)) {
		if (lease->holder.uid != uid)
			continue;
		leases++;
		if (lease->allocated && lease->state != MMIOD_STATE_REVOKED)
			bytes += lease->length;
	}
	cr_holds(user_uses(&rig.broker.host.users, uid, USER_LEASES) == leases, WHERE ": uid %u",
		 AT, uid);
	cr_holds(user_uses(&rig.broker.host.users, uid, USER_BYTES) == bytes, WHERE ": uid %u", AT,
		 uid);
}

static void check_accounts(void)
{
	for (const struct account *account = rig.broker.leases.accounts; account;
	     account = account->hh.next) {
		uint64_t bytes = 0, leases = 0;

		for (const struct lease *lease = lease_after(&rig.broker.leases, 0); lease;
		     lease = lease_after(&rig.broker.leases, lease->id)) {
			if (lease->account != account)
				continue;
			leases++;
			bytes += lease->state != MMIOD_STATE_REVOKED ? lease->length : 0;
		}
		cr_holds(account->leases == leases && account->bytes == bytes,
			 WHERE ": account of uid %u", AT, (unsigned int)account->key.payer);
	}
}

static void check_lease(const struct lease *lease)
{
	const struct backend_ledger *window = fake_window(&rig_fake, lease->id);
	bool lives = window && window->state != MMIOD_STATE_REVOKED;

	cr_holds(window || lease->end & LEASE_CLOSED, WHERE ": lease %llu has no window", AT,
		 (unsigned long long)lease->id);
	cr_holds(lives == !lease_is_over(lease), WHERE ": lease %llu is %d", AT,
		 (unsigned long long)lease->id, lease->state);
}

static void check_all(void)
{
	uint32_t ending = 0;

	read_all();
	see_writes();
	for (const struct lease *lease = lease_after(&rig.broker.leases, 0); lease;
	     lease = lease_after(&rig.broker.leases, lease->id)) {
		check_lease(lease);
		ending += lease->state == MMIOD_STATE_ENDING;
	}
	cr_holds(rig.broker.leases.n_ending == ending, WHERE, AT);
	for (size_t i = 0; i < rig_fake.n_windows; i++)
		cr_holds(rig_fake.windows[i].state == MMIOD_STATE_REVOKED ||
				 lease_find(&rig.broker.leases, rig_fake.windows[i].id),
			 WHERE ": a window without a lease", AT);
	for (const struct region *region = rig.broker.regions.table; region;
	     region = region->hh.next)
		check_region(region);
	for (int user = 0; user < USERS; user++)
		check_user((uid_t)(4001 + user));
	check_accounts();
}

/* ---- running --------------------------------------------------------------------------------- */

static void (*const deeds[])(void) = {
	do_lease,  do_lease,  do_lease,		do_lease,	  do_lease,
	do_lease,  do_alloc,  do_release,	do_close,	  do_close,
	do_revoke, do_reload, do_break_or_mend, do_finish,	  do_finish,
	do_unplug, do_plug,   do_sleep_or_wake, do_sleep_or_wake, do_restart,
};

static uint64_t from_environment(const char *name, uint64_t otherwise)
{
	const char *value = getenv(name);

	return value && value[0] ? strtoull(value, NULL, 0) : otherwise;
}

/* Rarely, for it is slow in the model: events may be lost. */
static void take_step(void)
{
	if (pick(100) == 0)
		do_overflow();
	else
		deeds[pick(array_size(deeds))]();
	/* A holder cannot have more than so many. */
	while (rig_fake.n_windows > 60)
		fake_close_window(&rig_fake, rig_fake.windows[0].id);
	check_all();
}

static void run(uint64_t with_seed)
{
	uint64_t steps = from_environment("MMIOD_STEPS", STEPS);

	seed = random_state = from_environment("MMIOD_SEED", with_seed);
	choose_config();
	rig_start("");
	rig_fake.exclusive_cards = true;
	write_config();
	cr_assert_eq(daemon_reload(&rig), 0, "%s", rig.broker.config_error);
	connect_all();
	for (step_number = 0; step_number < steps; step_number++)
		take_step();
	rig_fake.write_error = 0;
	rig_stop();
}

Test(truth, whatever_happens_is_as_the_configuration_in_force_describes_it_1)
{
	run(1);
}

Test(truth, whatever_happens_is_as_the_configuration_in_force_describes_it_2)
{
	run(2);
}

Test(truth, whatever_happens_is_as_the_configuration_in_force_describes_it_3)
{
	run(3);
}
