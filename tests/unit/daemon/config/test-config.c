// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "support/configuration.h"
#include "support/files.h"

TestSuite(config, .init = files_make, .fini = files_remove);

#define REGION "[region shm]\ndevice = pci:0000:01:00.0\nbar = 2\n"

Test(config, reads_all_that_a_region_can_say)
{
	struct config *config =
		load_text("; a comment\n# another\n"
			  "[region fpga-ctrl] \n"
			  "device = pci:0000:01:00.0   ; inline\n"
			  "bar = 1\n"
			  "range = 0x1000-0x1fff\n"
			  "width = 32\n"
			  "cache = wc, uc\n"
			  "[region ids]\ndevice = 1af4:1110\nbar=0\noffset = 4K\nsize = 8K\n"
			  "[region ram]\nphys = 0x30000000\nsize = 16M\n");
	const struct config_region *region = config_find_region(config, "fpga-ctrl");

	cr_assert_eq(config->n_regions, 3u);
	cr_assert_eq(region->device, CONFIG_DEVICE_SLOT);
	cr_assert_eq(region->pci, MMIOD_PCI_ADDR(0, 1, 0, 0));
	cr_assert_eq(region->bar, 1);
	cr_assert_eq(region->offset, 0x1000u);
	cr_assert_eq(region->length, 0x1000u);
	cr_assert_eq(region->width, 4u);
	cr_assert_eq(region->memtype, MMIOD_MEMTYPE_WC);
	cr_assert_eq(region->memtypes, 1u << MMIOD_MEMTYPE_WC | 1u << MMIOD_MEMTYPE_UC);
	cr_assert_eq(region->origin.line, 3u);
	region = config_find_region(config, "ids");
	cr_assert_eq(region->device, CONFIG_DEVICE_IDS);
	cr_assert_eq(region->offset, 4096u);
	cr_assert_eq(region->length, 8192u);
	cr_assert_eq(region->memtype, MMIOD_MEMTYPE_UC, "uncached unless said");
	region = config_find_region(config, "ram");
	cr_assert_eq(region->device, CONFIG_DEVICE_RANGE);
	cr_assert_eq(region->phys, 0x30000000u);
	cr_assert_null(config_find_region(config, "nothing"));
	config_free(config);
}

Test(config, reads_grants_and_links_them_to_the_regions_they_cover)
{
	struct config *config =
		load_text(REGION "[region shm2]\ndevice = pci:0000:01:00.0\nbar = 3\n"
				 "[grant a]\nregion = shm*\nuser = root 1000\naccess = rw\n"
				 "share = shared-read\n"
				 "[grant b]\nregion = shm\ngroup = root\n"
				 "[admin c]\nuser = daemon\n"
				 "[inspect d]\ngroup = daemon\n");
	const struct config_region *region = config_find_region(config, "shm");

	cr_assert_eq(region->n_grants, 2u);
	cr_assert_eq(config_find_region(config, "shm2")->n_grants, 1u);
	cr_assert_str_eq(region->grants[0]->name, "a");
	cr_assert_eq(region->grants[0]->rights, MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE);
	cr_assert_eq(region->grants[0]->share, MMIOD_SHARE_READ);
	cr_assert_eq(region->grants[0]->users.count, 2u);
	cr_assert_eq(region->grants[0]->users.items[1].id, 1000u);
	cr_assert_eq(region->grants[1]->rights, MMIOD_RIGHT_READ, "reading only unless said");
	cr_assert_eq(region->grants[1]->share, MMIOD_SHARE_GUEST, "who only reads, is a guest");
	cr_assert_eq(config->n_admins, 1u);
	cr_assert_eq(config->n_inspectors, 1u);
	cr_assert_eq(config->inspectors[0]->groups.count, 1u);
	config_free(config);
}

Test(config, goes_on_with_a_list_in_indented_lines)
{
	struct config *config = load_text(
		REGION "[grant a]\nregion = shm\nuser = root\n  daemon,\n\tbin\n\naccess = rw\n");

	cr_assert_eq(config->grants[0]->users.count, 3u);
	cr_assert_eq(config->grants[0]->rights, MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE);
	config_free(config);
}

Test(config, an_empty_one_grants_nothing_and_is_good)
{
	struct config *config = load_text("[daemon]\n");

	cr_assert_eq(config->n_regions, 0u);
	cr_assert_eq(config->limits.connections_per_user, 64u);
	config_free(config);
}

Test(config, limits_can_be_set)
{
	struct config *config = load_text(
		"[daemon]\nconnections-per-user = 5\nleases-per-user = 6\nhello-timeout = 500ms\n");

	cr_assert_eq(config->limits.connections_per_user, 5u);
	cr_assert_eq(config->limits.leases_per_user, 6u);
	cr_assert_eq(config->limits.hello_timeout_ms, 500u);
	config_free(config);
}

Test(config, limits_of_what_users_leave_unread_can_be_set)
{
	struct config *config = load_text("[daemon]\nconnection-rate-per-user = 7\n"
					  "unread-replies-per-user = 8\n"
					  "unread-descriptors-per-user = 16\n"
					  "slow-reader-timeout = 2min\n");

	cr_assert_eq(config->limits.connection_rate_per_user, 7u);
	cr_assert_eq(config->limits.unread_replies_per_user, 8u);
	cr_assert_eq(config->limits.unread_descriptors_per_user, 16u);
	cr_assert_eq(config->limits.slow_reader_timeout_ms, 120000u);
	config_free(config);
}

Test(config, limits_of_what_users_leave_unread_have_ranges)
{
	refused_text("[daemon]\nconnection-rate-per-user = 0\n", 2, "count from 1 to 1000000");
	refused_text("[daemon]\nunread-replies-per-user = 1000001\n", 2, "count from 1 to");
	refused_text("[daemon]\nunread-descriptors-per-user = 15\n", 2, "count from 16 to");
	refused_text("[daemon]\nslow-reader-timeout = 99ms\n", 2, "from 100ms to 1h");
	refused_text("[daemon]\nslow-reader-timeout = 2h\n", 2, "from 100ms to 1h");
	refused_text("[daemon]\nslow-reeder-timeout = 2s\n", 2, "slow-reader-timeout");
}

Test(config, refuses_an_unknown_key_and_names_the_nearest)
{
	refused_text("[region shm]\ndevice = pci:0000:01:00.0\nbra = 2\n", 3,
		     "unknown key|\"bra\"|\"bar\"");
	refused_text("[daemon]\n\nconections-per-user = 2\n", 3, "connections-per-user");
	refused_text("[daemon]\nzzzzzzzzzzzzzzzzzzzzzzzz = 2\n", 2, "unknown key");
}

Test(config, refuses_a_key_of_another_section)
{
	refused_text("[daemon]\nbar = 1\n", 2, "unknown key|bar");
}

Test(config, refuses_an_unknown_section_even_if_it_is_empty)
{
	refused_text("\n[regoin shm]\n", 2, "unknown section|region NAME");
	refused_text("[whatever]\n", 1, "unknown section|[grant NAME]");
}

Test(config, refuses_a_section_without_the_name_it_needs_or_with_one_too_many)
{
	refused_text("[region]\n", 1, "[region NAME]");
	refused_text("[region a b]\n", 1, "[region NAME]");
	refused_text("[daemon x]\n", 1, "[daemon]");
	refused_text("[region shm\n", 1, "]");
}

Test(config, refuses_names_that_are_too_long_or_strange)
{
	refused_text("[region 12345678901234567890123456789012]\n", 1, "is not a name|1 to 31");
	refused_text("[region a/b]\n", 1, "is not a name");
}

Test(config, refuses_what_stands_behind_a_section_name_and_would_be_lost)
{
	refused_text("[region shm] bar = 1\n", 1, "behind the section's name");
	refused_text("[daemon] [region shm]\n", 1, "behind the section's name");
	refused_text("[daemon]\n[daemon ] x\n", 2, "behind the section's name");
}

Test(config, reads_files_with_a_byte_order_mark_and_with_the_line_ends_of_others)
{
	config_free(load_text("\xef\xbb\xbf" REGION));
	config_free(load_text(
		"\xef\xbb\xbf; nothing\r\n[daemon] ; limits\r\nleases-per-user = 7 ; few\r\n"));
	refused_text("[daemon]\n\xef\xbb\xbf[daemon]\n", 2, "neither a [section]");
}

Test(config, refuses_a_comment_that_would_be_part_of_the_value)
{
	refused_text("[region shm]\ndevice = pci:0000:01:00.0\nbar = 0 # the first\n", 3,
		     "\"0 # the first\"|begins with ;");
}

Test(config, refuses_a_key_before_the_first_section)
{
	refused_text("bar = 1\n", 1, "before the first section");
}

Test(config, refuses_a_key_or_a_section_that_occurs_twice_in_a_file)
{
	refused_text("[region shm]\nbar = 1\nbar = 2\n", 3, "\"bar\"|twice");
	refused_text(REGION "[grant a]\nregion = shm\nuser = root\n[grant a]\n", 7, "twice");
}

Test(config, refuses_keys_that_contradict_each_other)
{
	refused_text("[region a]\nphys = 0x1000\ndevice = 1af4:1110\n", 3, "device|phys|exclude");
	refused_text("[region a]\nrange = 0-1\nsize = 4K\n", 3, "size|range|exclude");
}

Test(config, refuses_values_that_break_their_rule_and_says_it)
{
	refused_text("[region a]\ndevice = 01:00.0\n", 2, "01:00.0|pci:DDDD:BB:DD.F|VVVV:DDDD");
	refused_text("[region a]\nbar = 6\n", 2, "\"6\"|0 to 5");
	refused_text("[region a]\nwidth = 24\n", 2, "24|8, 16, 32 or 64");
	refused_text("[region a]\ncache = uc wb\n", 2, "wb|uc or wc");
	refused_text("[region a]\ncache = ,\n", 2, "empty");
	refused_text("[region a]\nrange = 0x1000\n", 2, "FIRST-LAST");
	refused_text("[region a]\nsize = 0\n", 2, "size");
	refused_text("[region a]\nsize = 4KB\n", 2, "4KB");
	refused_text("[grant a]\naccess = w\n", 2, "r or rw");
	refused_text("[grant a]\nshare = shared\n", 2, "shared-read");
	refused_text("[grant a]\nleaves = big\n", 2, "big|safe|huge");
	refused_text("[daemon]\nleases-per-user = 0\n", 2, "count");
	refused_text("[daemon]\nhello-timeout = 2\n", 2, "2s");
}

Test(config, refuses_users_and_groups_that_do_not_exist)
{
	refused_text("[grant a]\nuser = nobody-of-this-name\n", 2, "no user|nobody-of-this-name");
	refused_text("[grant a]\ngroup = no-such-group\n", 2, "no group|no-such-group");
	refused_text("[admin a]\nuser = *\n", 2, "not everybody");
	refused_text("[inspect a]\nuser = *\n", 2, "not everybody can see");
}

Test(config, refuses_regions_that_are_not_whole)
{
	refused_text("\n[region a]\nwidth = 32\n", 2, "no device|bar = N|phys");
	refused_text("[region a]\ndevice = 1af4:1110\n", 1, "bar");
	refused_text("[region a]\nphys = 0x1000\n", 1, "size");
	refused_text("[region a]\nphys = 0x1000\nsize = 4K\nbar = 0\n", 1, "bar");
	refused_text("[region a]\nphys = 0xfffffffffffff000\nsize = 8K\n", 1, "wraps");
	refused_text(REGION "[region b]\ndevice = 1af4:1110\nbar = 0\nbacking = /x\n", 4,
		     "backing|simulation");
}

Test(config, refuses_grants_that_grant_nothing_or_to_nobody)
{
	refused_text(REGION "[grant a]\nuser = root\n", 4, "no region");
	refused_text(REGION "[grant a]\nregion = shm\n", 4, "names nobody");
	refused_text(REGION "[admin a]\n", 4, "names nobody");
	refused_text(REGION "[inspect a]\n", 4, "names nobody");
	refused_text("[inspct a]\n", 1, "did you mean [inspect NAME]");
}

Test(config, refuses_a_grant_for_a_region_that_is_not_there_unless_it_is_a_pattern)
{
	struct config *config;

	refused_text(REGION "[grant a]\nregion = shn\nuser = root\n", 4,
		     "\"shn\"|did you mean \"shm\"");
	config = load_text(REGION "[grant a]\nregion = fpga-*\nuser = root\n");
	cr_assert_eq(config->regions[0]->n_grants, 0u);
	config_free(config);
}

Test(config, refuses_what_is_neither_section_nor_key)
{
	refused_text("[daemon]\nleases-per-user\n", 2, "key = value");
}

Test(config, refuses_indented_keys_with_the_reason)
{
	refused_text("[region a]\nbar = 1\n  width = 32\n", 3, "indented|\"bar\"");
}

Test(config, refuses_a_line_that_is_too_long_instead_of_splitting_it)
{
	char content[4200];

	snprintf(content, sizeof(content), "[grant a]\nuser = root%*s\n", 4100, "x");
	refused_text(content, 2, "longer than");
}

Test(config, refuses_ranges_of_a_bar_that_wrap)
{
	refused_text(
		"[region shm]\ndevice = pci:0000:01:00.0\nbar = 0\noffset = 0xfffffffffffff000\n"
		"size = 0x2000\n",
		1, "wraps|\"offset\"");
}

Test(config, refuses_files_that_others_can_write)
{
	struct config_paths paths = { .main = files_write("mmiod.conf", 0664, "[daemon]\n") };

	refused(&paths, paths.main, 0, "writable|chmod go-w");
	chmod(paths.main, 0602);
	refused(&paths, paths.main, 0, "writable");
}

Test(config, refuses_files_of_other_users)
{
	struct config_paths paths = { .main = files_write("mmiod.conf", 0644, "[daemon]\n") };

	if (geteuid() != 0)
		cr_skip("only root can give files away");
	cr_assert_eq(chown(paths.main, 12345, 0), 0);
	refused(&paths, paths.main, 0, "belongs neither|chown");
}

Test(config, refuses_what_is_no_regular_file_without_hanging)
{
	struct config_paths paths = { .main = files_path("fifo") };

	cr_assert_eq(mkfifo(paths.main, 0600), 0);
	refused(&paths, paths.main, 0, "not a regular file");
}

Test(config, refuses_directories_that_others_can_write)
{
	struct config_paths paths = { 0 };

	files_mkdir("d", 0777);
	paths.directories[0] = files_path("d");
	refused(&paths, paths.directories[0], 0, "directory|writable");
}

Test(config, misses_a_file_only_if_it_was_asked_for_by_name)
{
	struct config_paths paths = { .main = files_path("none"),
				      .directories = { files_path("nowhere") } };

	config_free(load(&paths));
	paths.main_required = true;
	refused(&paths, paths.main, 0, "cannot open");
}

static struct config_paths two_directories(void)
{
	struct config_paths paths = { .main = files_write("mmiod.conf", 0644, REGION) };

	files_mkdir("vendor", 0755);
	files_mkdir("etc", 0755);
	paths.directories[0] = files_path("vendor");
	paths.directories[1] = files_path("etc");
	return paths;
}

Test(config, drop_ins_win_over_the_main_file_in_order_of_their_names)
{
	struct config_paths paths = two_directories();
	struct config *config;

	files_write("vendor/20-b.conf", 0644, "[region shm]\nwidth = 32\nbar = 4\n");
	files_write("etc/10-a.conf", 0644, "[region shm]\nwidth = 8\nbar = 3\n");
	files_write("etc/ignored.txt", 0644, "nonsense\n");
	files_write("etc/.hidden.conf", 0644, "nonsense\n");
	config = load(&paths);
	cr_assert_eq(config->regions[0]->bar, 4);
	cr_assert_eq(config->regions[0]->width, 4u);
	cr_assert_eq(config->n_files, 3u);
	config_free(config);
}

Test(config, a_name_in_etc_replaces_its_namesake_of_the_vendor)
{
	struct config_paths paths = two_directories();
	struct config *config;

	files_write("vendor/10-a.conf", 0644, "[region shm]\nwidth = 32\n");
	files_write("etc/10-a.conf", 0644, "[region shm]\nbar = 3\n");
	config = load(&paths);
	cr_assert_eq(config->regions[0]->bar, 3);
	cr_assert_eq(config->regions[0]->width, 0u);
	config_free(config);
}

Test(config, a_link_to_dev_null_masks)
{
	struct config_paths paths = two_directories();
	struct config *config;

	files_write("vendor/10-a.conf", 0644, "[region shm]\nwidth = 32\n");
	cr_assert_eq(symlink("/dev/null", files_path("etc/10-a.conf")), 0);
	config = load(&paths);
	cr_assert_eq(config->regions[0]->width, 0u);
	config_free(config);
}

Test(config, a_list_in_a_later_file_replaces_the_earlier_one)
{
	struct config_paths paths = two_directories();
	struct config *config;

	files_write("etc/10-a.conf", 0644, "[grant a]\nregion = shm\nuser = root daemon\n");
	files_write("etc/20-b.conf", 0644, "[grant a]\nuser = bin\naccess = rw\n");
	config = load(&paths);
	cr_assert_eq(config->n_grants, 1u);
	cr_assert_eq(config->grants[0]->users.count, 1u);
	cr_assert_str_eq(config->grants[0]->users.items[0].name, "bin");
	cr_assert_eq(config->grants[0]->regions.count, 1u,
		     "what the later file does not name stays");
	cr_assert_not_null(strstr(config->grants[0]->origin.file, "20-b.conf"));
	config_free(config);
}

/* Two of one name would both be asked, and what a later file takes away would stay. */
Test(config, an_administrator_that_two_files_name_is_one_and_the_later_list_holds)
{
	struct config_paths paths = two_directories();
	struct config *config;

	files_write("etc/10-a.conf", 0644,
		    "[admin x]\nuser = daemon bin\n[inspect x]\nuser = daemon\n");
	files_write("etc/20-b.conf", 0644, "[admin x]\nuser = root\n[admin y]\ngroup = root\n");
	config = load(&paths);
	cr_assert_eq(config->n_admins, 2u);
	cr_assert_eq(config->n_inspectors, 1u);
	cr_assert_eq(config->admins[0]->users.count, 1u);
	cr_assert_str_eq(config->admins[0]->users.items[0].name, "root");
	cr_assert_eq(config->admins[1]->users.count, 0u);
	cr_assert_eq(config->admins[1]->groups.count, 1u);
	config_free(config);
}

Test(config, an_error_in_the_third_file_names_that_file)
{
	struct config_paths paths = two_directories();

	files_write("etc/10-a.conf", 0644, "[daemon]\n");
	files_write("etc/20-b.conf", 0644, "[daemon]\n\n\nfoo = 1\n");
	refused(&paths, files_path("etc/20-b.conf"), 4, "foo");
}

Test(config, simulation_needs_no_device)
{
	struct config_paths paths = {
		.simulation = files_write("sim", 0600, "[region a]\nsize = 4K\nbacking = /tmp/x\n"),
	};
	struct config *config = load(&paths);

	cr_assert_eq(config->regions[0]->device, CONFIG_DEVICE_NONE);
	cr_assert_str_eq(config->regions[0]->backing, "/tmp/x");
	config_free(config);
}

/* ---- pools and kernel memory ----------------------------------------------------------------- */

#define MEMORY "[region ram]\nphys = 0x30000000\nsize = 16M\n"

Test(config, reads_all_that_a_pool_can_say)
{
	struct config *config =
		load_text("[daemon]\nbytes-per-user = 64M\n" MEMORY
			  "pool = yes\npage = 64K\nwipe = no\n" REGION "pool = yes\n"
			  "[region plain]\nphys = 0x40000000\nsize = 4K\n");
	const struct config_region *ram = config_find_region(config, "ram");
	const struct config_region *shm = config_find_region(config, "shm");

	cr_assert_eq(config->limits.bytes_per_user, 64u << 20);
	cr_assert(ram->pool);
	cr_assert_eq(ram->page, 0x10000u);
	cr_assert_not(ram->wipe);
	cr_assert(shm->pool);
	cr_assert(shm->wipe, "unless it says otherwise");
	cr_assert_eq(shm->page, 0u, "the machine's");
	cr_assert_not(config_find_region(config, "plain")->pool);
	config_free(config);
}

Test(config, refuses_pools_that_cannot_be)
{
	refused_text(MEMORY "pool = maybe\n", 4, "\"maybe\" is neither yes nor no");
	refused_text(MEMORY "pol = yes\n", 4, "unknown key \"pol\"|did you mean \"pool\"");
	refused_text(MEMORY "pool = yes\npage = 3K\n", 5, "\"3K\"|power of two");
	refused_text(MEMORY "pool = yes\npage = 0\n", 5, "power of two");
	refused_text(MEMORY "pool = yes\npage = 2K\n", 1, "smaller than the machine's");
	refused_text(MEMORY "page = 4K\n", 1, "\"page\" is for pools");
	refused_text(MEMORY "pool = yes\nwidth = 32\n", 1, "remove \"width\"");
	refused_text("[region ram]\nphys = 0x30000000\nsize = 5000\npool = yes\n", 1,
		     "whole pages");
	refused_text("[region ram]\nphys = 0x30000800\nsize = 4K\npool = yes\n", 1, "whole pages");
	refused_text(MEMORY "pool = yes\npage = 32M\n", 1, "whole pages");
	refused_text("[daemon]\nbytes-per-user = lots\n", 2, "\"lots\" is not a size");
}

Test(config, reads_grants_of_kernel_memory)
{
	struct config *config = load_text("[grant m]\nmemory = pages, dma\nuser = 1000\n" MEMORY
					  "[grant r]\nregion = ram\nuser = 1000\n");

	cr_assert_eq(config->grants[0]->memory, 1u << MMIOD_MEMORY_PAGES | 1u << MMIOD_MEMORY_DMA);
	cr_assert_eq(config->grants[1]->memory, 0u);
	cr_assert_eq(config_find_region(config, "ram")->n_grants, 1u);
	config_free(config);
}

Test(config, a_later_file_replaces_the_kinds_of_memory_of_a_grant)
{
	struct config_paths paths = {
		.main = files_write("mmiod.conf", 0644,
				    "[grant m]\nmemory = pages dma\nuser = 1\n"),
		.simulation = files_write("later.conf", 0644, "[grant m]\nmemory = vmalloc\n"),
	};
	struct config *config = load(&paths);

	cr_assert_eq(config->grants[0]->memory, 1u << MMIOD_MEMORY_VMALLOC);
	config_free(config);
}

Test(config, refuses_kinds_of_memory_that_are_none)
{
	refused_text("[grant m]\nmemory = page\nuser = 1000\n", 2,
		     "\"page\" is not a kind|did you mean \"pages\"");
	refused_text("[grant m]\nmemory = everything\nuser = 1000\n", 2, "pages, kmalloc, vmalloc");
	refused_text("[grant m]\nmemory =\nuser = 1000\n", 2, "empty");
	refused_text("[grant m]\nmemory = pages\n", 1, "names nobody");
	refused_text("[grant m]\nuser = 1000\n", 1,
		     "names no region, no device and no kernel memory");
}

Test(config, reads_how_a_device_is_bound_and_what_a_reset_does)
{
	struct config *config = load_text(REGION "bind = force\non-reset = revoke\n"
						 "[region other]\ndevice = 10ee:9038\nbar = 0\n");

	cr_assert_eq(config->regions[0]->bind, CONFIG_BIND_FORCE);
	cr_assert(config->regions[0]->revoke_on_reset);
	cr_assert_eq(config->regions[1]->bind, CONFIG_BIND_NO);
	cr_assert_not(config->regions[1]->revoke_on_reset);
	config_free(config);
	config = load_text(REGION "bind = yes\non-reset = resume\n");
	cr_assert_eq(config->regions[0]->bind, CONFIG_BIND_YES);
	config_free(config);
	refused_text(REGION "bind = new_id\n", 4, "new_id|yes, no, or force");
	refused_text(REGION "on-reset = ignore\n", 4, "ignore|resume|revoke");
	refused_text("[region ram]\nphys = 0x30000000\nsize = 4K\nbind = yes\n", 1, "bind|PCI");
	refused_text("[region ram]\nphys = 0x30000000\nsize = 4K\non-reset = revoke\n", 1,
		     "on-reset|PCI");
}

Test(config, reads_which_bars_are_of_ports_and_refuses_what_only_memory_has)
{
	struct config *config = load_text(REGION "ports = yes\nwidth = 16\non-end = +0:16=1\n"
						 "[region other]\ndevice = 10ee:9038\nbar = 0\n"
						 "ports = no\n");

	cr_assert(config->regions[0]->ports);
	cr_assert_not(config->regions[1]->ports);
	config_free(config);
	refused_text(REGION "ports = 1f0\n", 4, "1f0|neither yes nor no");
	refused_text(REGION "ports = yes\nwidth = 64\n", 1, "8, 16 or 32 bits|\"width\"");
	refused_text(REGION "ports = yes\nmemory-type = wc uc\n", 1, "no memory type");
	refused_text(REGION "ports = yes\npool = yes\n", 1, "pool|ports");
	refused_text(REGION "ports = yes\non-end = +0:64=1\n", 1, "on-end|64 bits");
	refused_text("[region ram]\nphys = 0x30000000\nsize = 4K\nports = yes\n", 1,
		     "BAR of I/O ports");
}

Test(config, reads_how_far_the_addresses_of_a_device_reach)
{
	struct config *config = load_text(REGION "dma-bits = 28\n");

	cr_assert_eq(config->regions[0]->dma_bits, 28);
	config_free(config);
	config = load_text(REGION);
	cr_assert_eq(config->regions[0]->dma_bits, 0);
	config_free(config);
	refused_text(REGION "dma-bits = 23\n", 4, "23|24 to 64");
	refused_text(REGION "dma-bits = 65\n", 4, "65|24 to 64");
	refused_text(REGION "dma-bits = all\n", 4, "all|24 to 64");
	refused_text("[region ram]\nphys = 0x30000000\nsize = 4K\ndma-bits = 32\n", 1,
		     "dma-bits|PCI");
}

/* ---- terms ----------------------------------------------------------------------------------- */

#define GRANT "[grant a]\nregion = shm\nuser = root\n"

Test(config, reads_the_terms_of_a_grant)
{
	struct config *config = load_text(
		REGION GRANT "unknown = yes\nrange = 0x100-0x1ff\ncache = uc\nlease = 10min\n"
			     "renew = no\nleases = 3\nbytes = 64K\n");
	const struct config_grant *grant = config->grants[0];

	cr_assert(grant->unknown);
	cr_assert(config->admits_unknown);
	cr_assert_eq(grant->offset, 0x100u);
	cr_assert_eq(grant->length, 0x100u);
	cr_assert_eq(grant->memtypes, 1u << MMIOD_MEMTYPE_UC);
	cr_assert_eq(grant->lease_ms, 600000u);
	cr_assert_not(grant->renew);
	cr_assert_eq(grant->leases, 3u);
	cr_assert_eq(grant->bytes, 65536u);
	config_free(config);
}

Test(config, a_grant_that_says_no_terms_has_none)
{
	struct config *config = load_text(REGION GRANT);
	const struct config_grant *grant = config->grants[0];

	cr_assert_not(grant->unknown);
	cr_assert_not(config->admits_unknown);
	cr_assert_eq(grant->length, 0u);
	cr_assert_eq(grant->memtypes, 0u);
	cr_assert_eq(grant->lease_ms, 0u);
	cr_assert(grant->renew, "it matters where a client asks for a limit");
	cr_assert_not(config->limits.revoke_on_reload);
	cr_assert_eq(config_find_grant(config, grant->key), grant);
	config_free(config);
}

Test(config, a_grant_for_unknown_peers_needs_no_other_name)
{
	config_free(load_text(REGION "[grant a]\nregion = shm\nunknown = yes\n"));
	refused_text(REGION "[grant a]\nregion = shm\nunknown = no\n", 4, "names nobody");
}

Test(config, refuses_terms_that_break_their_rule)
{
	refused_text(REGION GRANT "unknown = maybe\n", 7, "maybe|yes nor no");
	refused_text(REGION GRANT "range = 0x100\n", 7, "FIRST-LAST|from the start of the region");
	refused_text(REGION GRANT "cache = wb\n", 7, "wb|uc, wc or both");
	refused_text(REGION GRANT "lease = 10\n", 7, "\"10\"|10min");
	refused_text(REGION GRANT "lease = 99ms\n", 7, "99ms|100ms");
	refused_text(REGION GRANT "renew = often\n", 7, "often");
	refused_text(REGION GRANT "leases = 0\n", 7, "count");
	refused_text(REGION GRANT "bytes = 0\n", 7, "size");
	refused_text(REGION GRANT "leese = 10min\n", 7, "leese|did you mean \"lease\"");
	refused_text(REGION GRANT "cache = wc\n", 4, "nothing in common|shm");
	refused_text("[region b]\nphys = 0x10000000\nsize = 4K\n"
		     "[grant a]\nregion = b\nuser = root\nrange = 0x800-0x1000\n",
		     4, "ends at 0x1000|region b has 0x1000 bytes");
	refused_text("[daemon]\nrevoke-on-reload = 1\n", 2, "yes nor no");
	refused_text("[daemon]\nwaiting-per-user = none\n", 2, "count");
}

Test(config, reads_what_makes_a_region_safe_in_order)
{
	struct config *config =
		load_text(REGION "on-end = +0x10:32=0, +0x18:64=0xffffffffffffffff\n"
				 "  +0x7:8=1\n");
	const struct config_writes *writes = &config->regions[0]->on_end;

	cr_assert_eq(writes->count, 3u);
	cr_assert_eq(writes->items[0].offset, 0x10u);
	cr_assert_eq(writes->items[0].width, 4u);
	cr_assert_eq(writes->items[1].value, UINT64_MAX);
	cr_assert_eq(writes->items[2].offset, 7u);
	cr_assert_eq(writes->items[2].width, 1u);
	config_free(config);
}

Test(config, refuses_writes_that_are_none_or_lie_outside)
{
	static const char *const bad[] = { "0x10:32=0",	  "+0x10=0",	 "+0x10:32",
					   "+0x11:32=0",  "+0x10:24=0",	 "+0x10:8=256",
					   "+0x10:32=-1", "+0x10:32=0x", "+:32=0" };
	char content[256];

	for (size_t i = 0; i < array_size(bad); i++) {
		snprintf(content, sizeof(content), REGION "on-end = %s\n", bad[i]);
		refused_text(content, 4, "+OFFSET:BITS=VALUE");
	}
	refused_text(REGION
		     "on-end = +0:8=0 +0:8=0 +0:8=0 +0:8=0 +0:8=0 +0:8=0 +0:8=0 +0:8=0 +0:8=0\n",
		     4, "more writes than 8");
	refused_text(REGION "width = 32\non-end = +0x10:16=0\n", 1, "16 bits|accessed by 32 bits");
	refused_text("[region b]\nphys = 0x10000000\nsize = 4K\non-end = +0x1000:8=0\n", 1,
		     "+0x1000|0x1000 bytes");
	refused_text(REGION "pool = yes\non-end = +0x10:32=0\n", 1, "pool|wiped");
}

Test(config, a_later_file_replaces_what_is_written_at_the_end)
{
	struct config_paths paths = {
		.main = files_write("mmiod.conf", 0644, REGION "on-end = +0x10:32=0\n"),
		.directories = { files_path("d") },
	};
	struct config *config;

	files_mkdir("d", 0755);
	files_write("d/1.conf", 0644, "[region shm]\non-end = +0x20:32=1\n");
	config = load(&paths);
	cr_assert_eq(config->regions[0]->on_end.count, 1u);
	cr_assert_eq(config->regions[0]->on_end.items[0].offset, 0x20u);
	config_free(config);
}

/* ---- users and groups that are not there ----------------------------------------------------- */

static uint32_t asked; /* how often the name service was */
static uint32_t lab; /* the number of group lab, or 0: nobody knows it */

static int service(enum name_kind kind, const char *name, uint32_t *id)
{
	asked++;
	*id = !strcmp(name, "lab") ? lab : 1000;
	if (!strcmp(name, "slow"))
		return -EIO;
	return *id && strcmp(name, "gone") ? 0 : -ENOENT;
}

static struct config *load_tolerantly(const char *content)
{
	struct config_paths paths = { .main = files_write("mmiod.conf", 0644, content) };
	struct config *config = NULL;

	names_service = service;
	cr_assert_eq(config_load_tolerant(&paths, &config, &why), 0, "%s", why_buffer);
	return config;
}

static void warned(const struct config *config, size_t index, unsigned int line, const char *words)
{
	char place[32];

	cr_assert_gt(config->n_warnings, index);
	snprintf(place, sizeof(place), "mmiod.conf:%u: ", line);
	cr_assert(strstr(config->warnings[index], place), "%s", config->warnings[index]);
	cr_assert(strstr(config->warnings[index], words), "%s", config->warnings[index]);
}

Test(config, a_start_leaves_out_a_user_that_is_gone_and_warns)
{
	struct config *config = load_tolerantly(REGION "[grant a]\nregion = shm\nuser = gone\n"
						       "[grant b]\nregion = shm\nuser = here gone\n"
						       "[admin c]\ngroup = slow\n");

	cr_assert_eq(config->n_grants, 2u);
	cr_assert_eq(config->grants[0]->users.count, 0u);
	cr_assert_eq(config->grants[1]->users.count, 1u);
	cr_assert_eq(config->admins[0]->groups.count, 0u);
	cr_assert_eq(config->n_unresolved, 3u);
	warned(config, 0, 6, "there is no user \"gone\" now");
	warned(config, 1, 9, "there is no user \"gone\" now");
	warned(config, 2, 11, "nobody says who is group \"slow\" now");
	cr_assert_str_eq(config->unresolved, config->warnings[0]);
	config_free(config);
}

Test(config, who_writes_a_user_that_is_not_there_is_told)
{
	names_service = service;
	refused_text("[grant a]\nuser = gone\n", 2, "there is no user \"gone\"");
	refused_text("[admin a]\ngroup = slow\n", 2, "cannot find out who group \"slow\" is|error");
}

Test(config, a_name_is_asked_for_once_however_often_it_is_written)
{
	struct config *config =
		load_tolerantly(REGION "[grant a]\nregion = shm\nuser = here gone here\n"
				       "[grant b]\nregion = shm\nuser = gone here\n");

	cr_assert_eq(asked, 2u);
	config_free(config);
}

Test(config, what_was_found_is_not_asked_for_again_when_the_rest_is)
{
	struct config *config = load_tolerantly(
			      REGION "[grant a]\nregion = shm\nuser = here\n"
				     "[grant b]\nregion = shm\ngroup = lab\naccess = rw\n"),
		      *again = NULL;

	cr_assert_eq(config->n_unresolved, 1u);
	asked = 0;
	lab = 77;
	files_write("mmiod.conf", 0644, "[nonsense]\n");
	cr_assert_eq(config_load_again(&config->sources, &again, &why), 0, "%s", why_buffer);
	cr_assert_eq(asked, 1u);
	cr_assert_eq(again->n_unresolved, 0u);
	cr_assert_eq(again->n_grants, 2u, "the text that was read then, not what is there now");
	cr_assert_eq(again->grants[1]->groups.items[0].id, 77u);
	cr_assert_eq(again->grants[0]->users.items[0].id, 1000u);
	cr_assert_str_eq(names_of_user(&again->sources.names, 1000), "here");
	config_free(again);
	config_free(config);
}

Test(config, names_that_have_blanks_stand_in_double_quotes)
{
	struct config *config = load_tolerantly(REGION "[grant a]\nregion = \"shm\"\n"
						       "group = \"domain users\", lab  \"a,b\"\n");
	const struct config_ids *groups = &config->grants[0]->groups;

	cr_assert_eq(groups->count, 2u);
	cr_assert_eq(groups->unresolved, 1u);
	cr_assert_str_eq(groups->items[0].name, "domain users");
	cr_assert_str_eq(groups->items[1].name, "a,b");
	config_free(config);
	refused_text("[grant a]\ngroup = \"domain users\n", 2,
		     "double quotes begin and end a word");
	refused_text("[grant a]\ngroup = \"domain\"users\n", 2, "double quotes");
	refused_text("[grant a]\ngroup = \"\"\n", 2, "names nothing");
	refused_text("[grant a]\nuser = gone people\n", 2,
		     "no user \"gone\"|in \"gone people\" names are separated by blanks");
}

Test(config, warns_of_the_user_that_unknown_users_look_like)
{
	struct config *config = load_text(REGION "[grant a]\nregion = shm\nuser = 65534\n");

	warned(config, 0, 6, "unknown = yes");
	config_free(config);
}

/* ---- what will not work ---------------------------------------------------------------------- */

Test(config, refuses_regions_that_have_bytes_in_common)
{
	struct config *config;

	refused_text("[region a]\ndevice = 0000:01:00.0/bar0/4K\n"
		     "[region b]\ndevice = 0000:01:00.0/bar0+0x800/4K\n",
		     3, "region b|0x800 to 0xfff|region a|mmiod.conf:1");
	refused_text("[region b]\nphys = 0x2000\nsize = 8K\n[region a]\nphys = 0x1000\nsize = 8K\n",
		     4, "region a|0x2000 to 0x2fff|region b");
	refused_text(REGION "[region c]\ndevice = 0000:01:00.0/bar2+1G/4K\n", 4, "region shm");
	refused_text("[region a]\ndevice = 1af4:1110\nbar = 2\n"
		     "[region b]\ndevice = 1af4:1110\nbar = 2\n",
		     4, "0x0 to the end|region a");
	config = load_text("[region a]\ndevice = 0000:01:00.0/bar0/4K\n"
			   "[region b]\ndevice = 0000:01:00.0/bar0+4K/4K\n"
			   "[region c]\ndevice = 0000:01:00.0/bar1/4K\n"
			   "[region d]\ndevice = 0000:01:00.1/bar0/4K\n"
			   "[region e]\nphys = 0x1000\nsize = 4K\n");
	cr_assert_eq(config->n_warnings, 0u);
	config_free(config);
}

Test(config, a_start_goes_on_with_regions_that_have_bytes_in_common)
{
	struct config *config = load_tolerantly("[region a]\nphys = 0x1000\nsize = 8K\n"
						"[region c]\nphys = 0x1000\nsize = 4K\n"
						"[region b]\nphys = 0x2000\nsize = 8K\n");

	cr_assert_eq(config->n_warnings, 2u);
	warned(config, 0, 4, "in common with region a");
	warned(config, 1, 7, "in common with region a");
	config_free(config);
}

Test(config, warns_of_holders_who_may_crash_the_kernel)
{
	struct config *config = load_text(REGION "[grant a]\nregion = shm\nuser = root\n"
						 "leaves = huge\n"
						 "[grant b]\nregion = shm\nuser = root\n"
						 "leaves = safe\n");

	cr_assert_eq(config->n_warnings, 1u);
	warned(config, 0, 7, "whom grant a gives windows to can bring down a kernel");
	cr_assert(config->grants[0]->huge);
	cr_assert_not(config->grants[1]->huge);
	config_free(config);
}

Test(config, tells_of_patterns_that_match_no_region)
{
	struct config *config = load_text(REGION "[grant a]\nregion = b* shm\nuser = root\n"
						 "[grant b]\nregion = sh[a-m]\nuser = root\n");

	cr_assert_eq(config->n_warnings, 1u);
	warned(config, 0, 4, "\"b*\" of grant a matches no region");
	cr_assert_eq(config->regions[0]->n_grants, 2u);
	config_free(config);
	refused_text(REGION "[grant a]\nregion = [a\nuser = root\n", 4, "\"[a\"|without its ]");
	refused_text(REGION "[grant a]\nregion = [!]\nuser = root\n", 4, "without its ]");
	config = load_text(REGION "[grant a]\nregion = []s]hm\nuser = root\n");
	cr_assert_eq(config->n_warnings, 0u);
	config_free(config);
}

Test(config, tells_of_a_range_that_lies_in_no_region_of_its_pattern)
{
	static const char regions[] = "[region a1]\nphys = 0x10000000\nsize = 4K\n"
				      "[region a2]\nphys = 0x20000000\nsize = 8K\n";
	struct config *config;
	char content[400];

	snprintf(content, sizeof(content),
		 "%s[grant a]\nregion = a*\nuser = root\nrange = 0x2000-0x2fff\n", regions);
	config = load_text(content);
	warned(config, 0, 7, "fits no region of that name");
	config_free(config);
	snprintf(content, sizeof(content),
		 "%s[grant a]\nregion = a*\nuser = root\nrange = 0x1000-0x1fff\n", regions);
	config = load_text(content);
	cr_assert_eq(config->n_warnings, 0u, "it fits one of them");
	config_free(config);
}

/* ---- places ---------------------------------------------------------------------------------- */

Test(config, a_part_of_a_platform_range_is_where_it_says)
{
	struct config *config =
		load_text("[region a]\nphys = 0x30a00000\noffset = 0x1000\nsize = 4K\n"
			  "[region b]\nphys = 0x40a00000\nrange = 0x1000-0x1fff\n");

	cr_assert_eq(config->regions[0]->phys, 0x30a01000u);
	cr_assert_eq(config->regions[0]->length, 0x1000u);
	cr_assert_eq(config->regions[1]->phys, 0x40a01000u);
	cr_assert_eq(config->regions[1]->length, 0x1000u);
	cr_assert_eq(config->regions[1]->offset, 0u);
	config_free(config);
	refused_text("[region a]\nphys = 0xfffffffffffff000\noffset = 4K\nsize = 4K\n", 1, "wraps");
}

Test(config, a_region_may_say_what_the_device_at_its_address_must_be)
{
	struct config *config = load_text(REGION "ids = 10ee:9038\n");
	const struct config_region *region = config->regions[0];

	cr_assert_eq(region->device, CONFIG_DEVICE_SLOT);
	cr_assert(config_is_meant(region, 0x10ee, 0x9038));
	cr_assert_not(config_is_meant(region, 0x1b36, 0x0005));
	config_free(config);
	config = load_text(REGION);
	cr_assert(config_is_meant(config->regions[0], 0x1b36, 0x0005));
	config_free(config);
	refused_text(REGION "ids = 10ee\n", 4, "VVVV:DDDD");
	refused_text("[region a]\nphys = 0x1000\nsize = 4K\nids = 10ee:9038\n", 1, "\"ids\"");
	refused_text("[region a]\ndevice = 10ee:9038\nbar = 0\nids = 10ee:9038\n", 1, "keep one");
}

/* ---- one reader ------------------------------------------------------------------------------ */

Test(config, an_indented_section_is_neither_a_section_nor_a_value)
{
	refused_text(REGION "[grant g]\nregion = shm\n [grant h]\nuser = root\n", 6,
		     "do not indent it");
	refused_text(" [daemon]\n", 1, "do not indent it");
	refused_text("[daemon]\n  root\n", 2, "an indented line goes on|none");
}
