// SPDX-License-Identifier: MIT
/*
 * Regions whose claim is not what the configuration in force says: nothing is granted that it does
 * not describe, whatever leases keep of the one before.
 */
#include <criterion/criterion.h>
#include <string.h>
#include "support/files.h"
#include "support/rig.h"

TestSuite(stale, .fini = rig_stop);

#define READ MMIOD_RIGHT_READ
#define WRITE (MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE)
#define HOLDER 4001
#define OTHER 4002
#define ROOT 0

#define CARD(slot, size) "[region a]\ndevice = pci:0000:" slot "\nbar = 0\nsize = " size "\n"
#define GRANT "[grant all]\nregion = a\nuser = *\naccess = rw\nshare = shared-write\n"
#define REVOKE "[daemon]\nrevoke-on-reload = yes\n"
#define FIRST CARD("01:00.0", "64K")
#define SECOND CARD("02:00.0", "16K")

static uint64_t hold(int fd, uint64_t offset)
{
	struct mmiod_wire_want element = want("a", offset, 0x1000, WRITE, 0);
	const struct mmiod_wire_granted *granted;

	cr_assert_eq(client_lease(fd, &element, 1, 0), MMIOD_OK);
	granted = answer_element(0);
	cr_assert_eq(granted->status, MMIOD_OK, "%s", answer_text(granted->text));
	client_close_fds();
	return granted->lease;
}

static void reload(const char *config)
{
	rig_write_config(config);
	cr_assert_eq(daemon_reload(&rig), 0);
}

static struct mmiod_wire_region listed(void)
{
	cr_assert_eq(client_list(client_hello(ROOT), MMIOD_OP_REGIONS, 0), MMIOD_OK);
	return *(struct mmiod_wire_region *)answer_element(0);
}

static uint32_t counted(void)
{
	cr_assert_eq(client_status(client_hello(ROOT)), MMIOD_OK);
	return answer.status.stale_regions;
}

static void expect_region(const char *device, uint64_t length, uint32_t state)
{
	struct mmiod_wire_region region = listed();

	cr_assert_str_eq(region.device, device);
	cr_assert_eq(region.length, length);
	cr_assert_eq(region.state, state);
	cr_assert_eq(counted(), state == MMIOD_STATE_STALE ? 1u : 0u);
}

static void expect_refused(uint64_t offset, uint64_t length)
{
	lease_refused(client_hello(OTHER), want("a", offset, length, WRITE, 0), MMIOD_E_BUSY,
		      "region a is to become ");
	cr_assert_not_null(
		strstr(answer_text(((struct mmiod_wire_granted *)answer_element(0))->text),
		       "mmioctl revoke "));
}

/* ---- what grants nothing --------------------------------------------------------------------- */

Test(stale, a_name_that_is_given_to_another_card_grants_nothing_of_the_old_one)
{
	int fd;
	uint64_t id;

	rig_start(FIRST GRANT);
	fd = client_hello(HOLDER);
	id = hold(fd, 0x8000);
	reload(SECOND GRANT);
	expect_region("0000:01:00.0", 0x10000, MMIOD_STATE_STALE);
	expect_refused(0x8000, 0x1000);
	expect_refused(0, 0);
	cr_assert_eq(fake_window(&rig_fake, id)->state, MMIOD_STATE_OK, "the holder keeps it");
	cr_assert_eq(client_end(fd, MMIOD_OP_RELEASE, id), MMIOD_OK);
	expect_region("0000:02:00.0", 0x4000, MMIOD_STATE_OK);
	hold(client_hello(OTHER), 0x3000);
	lease_refused(client_hello(OTHER), want("a", 0x8000, 0x1000, WRITE, 0), MMIOD_E_INVALID,
		      "is outside of region a");
}

static const struct {
	const char *before, *after;
} changes[] = {
	{ FIRST, CARD("01:00.0", "16K") },
	{ FIRST, FIRST "width = 32\n" },
	{ FIRST, FIRST "on-reset = revoke\n" },
	{ FIRST, FIRST "offset = 0x1000\n" },
	{ FIRST, "[region a]\ndevice = pci:0000:01:00.0\nbar = 1\nsize = 64K\n" },
	{ FIRST, "[region a]\nphys = 0x10000000\nsize = 64K\n" },
	{ "[region a]\nphys = 0x10000000\nsize = 64K\n",
	  "[region a]\nphys = 0x10010000\nsize = 64K\n" },
};

Test(stale, a_region_that_changes_in_any_way_that_its_claim_knows_is_stale)
{
	char config[512];

	for (size_t i = 0; i < array_size(changes); i++) {
		if (i)
			rig_stop();
		snprintf(config, sizeof(config), "%s" GRANT, changes[i].before);
		rig_start(config);
		hold(client_hello(HOLDER), 0);
		snprintf(config, sizeof(config), "%s" GRANT, changes[i].after);
		reload(config);
		cr_assert_eq(listed().state, MMIOD_STATE_STALE, "change %zu", i);
		expect_refused(0, 0x1000);
		reload(strncat(strcpy(config, changes[i].before), GRANT, 256));
		cr_assert_eq(listed().state, MMIOD_STATE_OK, "and not when it changes back");
		hold(client_hello(OTHER), 0);
	}
}

Test(stale, in_simulation_another_card_is_other_bytes_too)
{
	int fd;
	uint64_t id;

	rig_start_simulation(FIRST GRANT);
	fd = client_hello(HOLDER);
	id = hold(fd, 0);
	reload(CARD("02:00.0", "64K") GRANT);
	expect_region("0000:01:00.0", 0x10000, MMIOD_STATE_STALE);
	expect_refused(0, 0x1000);
	cr_assert_eq(client_end(fd, MMIOD_OP_RELEASE, id), MMIOD_OK);
	expect_region("0000:02:00.0", 0x10000, MMIOD_STATE_OK);
}

Test(stale, blocks_and_memory_for_dma_are_not_had_of_it_either)
{
	struct mmiod_wire_alloc block = ask(MMIOD_MEMORY_REGION, "a", 4096);
	int fd;

	rig_start(FIRST
		  "pool = yes\n[grant all]\nregion = a\nmemory = dma\nuser = *\naccess = rw\n");
	fd = client_hello(HOLDER);
	cr_assert_eq(client_alloc(fd, &block, 1, 0), MMIOD_OK);
	cr_assert_eq(((struct mmiod_wire_granted *)answer_element(0))->status, MMIOD_OK);
	client_close_fds();
	reload(SECOND "pool = yes\n[grant all]\nregion = a\nmemory = dma\nuser = *\naccess = rw\n");
	alloc_refused(client_hello(OTHER), block, MMIOD_E_BUSY, "region a is to become ");
	alloc_refused(client_hello(OTHER), ask(MMIOD_MEMORY_DMA, "a", 4096), MMIOD_E_BUSY,
		      "region a is to become ");
}

Test(stale, bytes_are_found_by_the_address_that_the_configuration_says)
{
	rig_start(FIRST GRANT);
	hold(client_hello(HOLDER), 0);
	reload(SECOND GRANT);
	lease_refused(client_hello(OTHER), want("0000:01:00.0/bar0", 0x2000, 4, WRITE, 0),
		      MMIOD_E_NOT_FOUND, "no region has byte 0x2000 of 0000:01:00.0/bar0");
	lease_refused(client_hello(OTHER), want("0000:02:00.0/bar0", 0x2000, 4, WRITE, 0),
		      MMIOD_E_BUSY, "region a is to become 0000:02:00.0 BAR 0 0x0+0x4000");
}

Test(stale, it_is_no_longer_stale_when_the_holder_lets_go_of_the_file)
{
	uint64_t id;

	rig_start(FIRST GRANT);
	id = hold(client_hello(HOLDER), 0);
	reload(SECOND GRANT);
	fake_close_window(&rig_fake, id);
	events_drain(&rig.broker);
	expect_region("0000:02:00.0", 0x4000, MMIOD_STATE_OK);
}

Test(stale, a_holder_that_keeps_its_file_open_keeps_nothing_once_its_lease_is_revoked)
{
	uint64_t id;

	rig_start(FIRST GRANT);
	id = hold(client_hello(HOLDER), 0);
	reload(SECOND GRANT);
	cr_assert_eq(client_end(client_hello(ROOT), MMIOD_OP_REVOKE, id), MMIOD_OK);
	expect_region("0000:02:00.0", 0x4000, MMIOD_STATE_OK);
	cr_assert_not_null(lease_find(&rig.broker.leases, id), "it is still listed");
	fake_close_window(&rig_fake, id);
	events_drain(&rig.broker);
	expect_region("0000:02:00.0", 0x4000, MMIOD_STATE_OK);
}

Test(stale, a_request_that_waits_for_it_gets_bytes_of_the_new_one)
{
	struct mmiod_wire_want element = want("a", 0, 0x1000, WRITE, 0);
	int fd, other;
	uint64_t id;

	rig_start(FIRST GRANT);
	fd = client_hello(HOLDER);
	other = client_hello(OTHER);
	id = hold(fd, 0);
	reload(SECOND GRANT);
	request_wait_ms = UINT32_MAX;
	send_lease(other, &element, 1, 0);
	rig_turn();
	cr_assert_eq(client_receive(other), -EAGAIN);
	cr_assert_eq(client_end(fd, MMIOD_OP_RELEASE, id), MMIOD_OK);
	rig_turn();
	cr_assert_gt(client_receive(other), 0);
	id = ((struct mmiod_wire_granted *)answer_element(0))->lease;
	cr_assert_str_eq(lease_find(&rig.broker.leases, id)->region->hw.device, "0000:02:00.0");
}

/* ---- what becomes of it ---------------------------------------------------------------------- */

Test(stale, leases_of_it_end_with_the_reload_if_the_configuration_says_so)
{
	int fd;
	uint64_t id;

	rig_start(FIRST GRANT REVOKE);
	fd = client_hello(HOLDER);
	id = hold(fd, 0);
	reload(SECOND GRANT REVOKE);
	cr_assert_eq(fake_window(&rig_fake, id)->state, MMIOD_STATE_REVOKED);
	rig_turn();
	cr_assert_gt(client_receive(fd), 0);
	cr_assert_eq(answer.event.type, MMIOD_EVENT_REVOKED);
	cr_assert_not_null(strstr(answer_text(answer.event.text), "its region is another"));
	expect_region("0000:02:00.0", 0x4000, MMIOD_STATE_OK);
	hold(client_hello(OTHER), 0x3000);
}

Test(stale, two_regions_that_change_places_do_so_when_the_last_lease_has_ended)
{
#define BOTH(a, b)                                                                        \
	"[region a]\ndevice = pci:0000:" a "\nbar = 0\nsize = 64K\n[region b]\ndevice = " \
	"pci:0000:" b "\nbar = 0\nsize = 64K\n" GRANT
	int fd;
	uint64_t id;

	rig_start(BOTH("01:00.0", "02:00.0"));
	rig_fake.exclusive_cards = true;
	reload(BOTH("02:00.0", "01:00.0"));
	expect_region("0000:02:00.0", 0x10000, MMIOD_STATE_OK);
	cr_assert_eq(regions_missing(&rig.broker), 0u);
	fd = client_hello(HOLDER);
	id = hold(fd, 0);
	reload(BOTH("01:00.0", "02:00.0"));
	expect_region("0000:02:00.0", 0x10000, MMIOD_STATE_STALE);
	cr_assert_eq(regions_missing(&rig.broker), 1u, "b waits for what a has");
	cr_assert_eq(client_end(fd, MMIOD_OP_RELEASE, id), MMIOD_OK);
	rig_turn();
	cr_assert_eq(regions_missing(&rig.broker), 0u);
	expect_region("0000:01:00.0", 0x10000, MMIOD_STATE_OK);
}

Test(stale, a_region_that_is_configured_no_more_is_stale_until_nobody_holds_it)
{
	int fd;
	uint64_t id;

	rig_start(FIRST GRANT);
	fd = client_hello(HOLDER);
	id = hold(fd, 0);
	reload("[region b]\nphys = 0x10000000\nsize = 4K\n");
	expect_region("0000:01:00.0", 0x10000, MMIOD_STATE_STALE);
	lease_refused(client_hello(OTHER), want("a", 0, 4, WRITE, 0), MMIOD_E_NOT_FOUND,
		      "there is no region \"a\"");
	cr_assert_eq(client_end(fd, MMIOD_OP_RELEASE, id), MMIOD_OK);
	cr_assert_eq(counted(), 0u);
	fake_close_window(&rig_fake, id);
	events_drain(&rig.broker);
	cr_assert_null(region_find(&rig.broker.regions, "a"));
}

Test(stale, status_names_the_region_and_who_keeps_it)
{
	rig_start(FIRST GRANT);
	hold(client_hello(HOLDER), 0);
	reload(SECOND GRANT);
	cr_assert_eq(counted(), 1u);
	cr_assert_not_null(strstr(answer_text(answer.status.warning),
				  "region a is to become 0000:02:00.0 BAR 0 0x0+0x4000, as "));
	cr_assert_not_null(strstr(answer_text(answer.status.warning), "lease 1"));
	cr_assert_eq(client_status(client_hello(OTHER)), MMIOD_OK);
	cr_assert_eq(answer.status.warning.length, 0u, "others are told no names");
}

Test(stale, what_the_module_does_not_take_back_is_tried_again)
{
	int fd;
	uint64_t id;

	rig_start(FIRST GRANT);
	fd = client_hello(HOLDER);
	id = hold(fd, 0);
	reload(SECOND GRANT);
	rig_fake.release_error = -EBUSY;
	cr_assert_eq(client_end(fd, MMIOD_OP_RELEASE, id), MMIOD_OK);
	expect_region("0000:01:00.0", 0x10000, MMIOD_STATE_STALE);
	lease_refused(client_hello(OTHER), want("a", 0, 4, WRITE, 0), MMIOD_E_BUSY,
		      "the module has not taken back what it was yet");
	rig_fake.release_error = 0;
	for (int i = 0; i < 2000 && regions_stale(&rig.broker); i++)
		rig_wait(5);
	expect_region("0000:02:00.0", 0x4000, MMIOD_STATE_OK);
}

Test(stale, a_daemon_that_starts_with_another_configuration_finds_it_stale)
{
	int fd;
	uint64_t id;

	rig_start(FIRST GRANT);
	fd = client_hello(HOLDER);
	id = hold(fd, 0x8000);
	close(fd);
	rig_write_config(SECOND GRANT);
	rig_restart();
	expect_region("0000:01:00.0", 0x10000, MMIOD_STATE_STALE);
	expect_refused(0x8000, 0x1000);
	fake_close_window(&rig_fake, id);
	events_drain(&rig.broker);
	expect_region("0000:02:00.0", 0x4000, MMIOD_STATE_OK);
}

/* ---- kernel memory, and which region an event is about --------------------------------------- */

/* Its lease. */
static uint64_t take_kernel_memory(int fd, enum mmiod_memory memory)
{
	struct mmiod_wire_alloc wanted = ask(memory, "", 4096);

	cr_assert_eq(client_alloc(fd, &wanted, 1, 0), MMIOD_OK);
	return ((struct mmiod_wire_granted *)answer_element(0))->lease;
}

Test(stale, kernel_memory_that_no_grant_gives_any_more_ends_with_the_reload)
{
	uint64_t id, kept;
	int fd;

	rig_start("[grant p]\nmemory = pages\nuser = 4001\n[grant v]\nmemory = vmalloc\nuser = "
		  "4001\n" REVOKE);
	fd = client_hello(HOLDER);
	id = take_kernel_memory(fd, MMIOD_MEMORY_PAGES);
	kept = take_kernel_memory(fd, MMIOD_MEMORY_VMALLOC);
	reload("[grant v]\nmemory = vmalloc\nuser = 4001\n" REVOKE);
	cr_assert_eq(fake_window(&rig_fake, id)->state, MMIOD_STATE_REVOKED);
	cr_assert_eq(fake_window(&rig_fake, kept)->state, MMIOD_STATE_OK);
	close(fd);
	rig_turn();
	reload("[grant p]\nmemory = pages\nuser = 4001\n" REVOKE);
	cr_assert_eq(fake_window(&rig_fake, kept)->state, MMIOD_STATE_REVOKED,
		     "of a holder without a connection too");
}

Test(stale, kernel_memory_that_its_grant_gives_to_others_now_ends_with_the_reload)
{
	uint64_t id, kept;
	int fd;

	rig_start("[grant p]\nmemory = pages vmalloc\nuser = 4001\n" REVOKE);
	fd = client_hello(HOLDER);
	id = take_kernel_memory(fd, MMIOD_MEMORY_PAGES);
	kept = take_kernel_memory(fd, MMIOD_MEMORY_VMALLOC);
	reload("[grant p]\nmemory = vmalloc\nuser = 4001\n" REVOKE);
	cr_assert_eq(fake_window(&rig_fake, id)->state, MMIOD_STATE_REVOKED);
	cr_assert_eq(fake_window(&rig_fake, kept)->state, MMIOD_STATE_OK);
	reload("[grant p]\nmemory = vmalloc\nuser = 4002\n" REVOKE);
	cr_assert_eq(fake_window(&rig_fake, kept)->state, MMIOD_STATE_REVOKED);
}

Test(stale, an_event_is_about_the_region_with_its_handle)
{
	rig_start(FIRST "[region b]\nphys = 0x10000000\nsize = 4K\n" GRANT);
	fake_event(&rig_fake, MMIOD_CONTROL_REGION_STATE, MMIOD_WINDOW_SUSPENDED,
		   region_find(&rig.broker.regions, "b")->hw.handle);
	events_drain(&rig.broker);
	cr_assert_eq(region_find(&rig.broker.regions, "a")->hw.state, MMIOD_STATE_OK);
	cr_assert_eq(region_find(&rig.broker.regions, "b")->hw.state, MMIOD_STATE_SUSPENDED);
	fake_remove_device(&rig_fake, "b");
	events_drain(&rig.broker);
	cr_assert(region_find(&rig.broker.regions, "a")->claimed);
	cr_assert_not(region_find(&rig.broker.regions, "b")->claimed);
}
