/* SPDX-License-Identifier: MIT */
/*
 * alloc and free, and the verbs that show where memory goes.
 */
#include "store.h"

#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(memory, .timeout = 1200);

/* ---- alloc and free ---- */

static const char show_files[] = "echo $MMIOD_FDS $MMIOD_TARGETS $MMIOD_LEASES $MMIOD_OFFSETS; "
				 "readlink /proc/$$/fd/3; exit 41";

Test(memory, alloc_hands_a_pools_blocks_to_its_command)
{
	struct store store = { 0 };
	struct run run;

	store_run(&store, &run, "alloc", "vram", "5000", "--above", "64K", "--", "sh", "-c",
		  show_files);
	cr_assert_eq(run.status, 41, "%s", run.err);
	says(run.out, "1 vram+0x10000/0x2000 17 0x10000\n");
	says(run.out, "window");
	cr_assert_eq(store.alloc.memory, MMIOD_MEMORY_REGION);
	cr_assert_str_eq(store.alloc.region, "vram");
	cr_assert_eq(store.alloc.length, 5000);
	cr_assert_eq(store.releases, 1);
}

Test(memory, alloc_sends_every_option)
{
	struct store pool = { 0 }, kernel = { 0 };
	struct run run;

	store_run(&pool, &run, "alloc", "vram", "1", "--align=2M", "--below=0x40000000", "--zero",
		  "--power-of-two", "--wc", "--read-only", "--", "true");
	cr_assert_eq(run.status, 0, "%s", run.err);
	cr_assert_eq(pool.alloc.align, 2 << 20);
	cr_assert_eq(pool.alloc.high, 1 << 30);
	cr_assert_eq(pool.alloc.flags, MMIOD_ALLOC_ZERO | MMIOD_ALLOC_POWER_OF_TWO);
	cr_assert_eq(pool.alloc.memtype, MMIOD_MEMTYPE_WC);
	cr_assert_eq(pool.alloc.rights, MMIOD_RIGHT_READ);
	store_run(&kernel, &run, "alloc", "pages", "64K", "--zone=dma32", "--node=0",
		  "--contiguous", "--no-wait", "--below=1G", "--", "true");
	cr_assert_eq(run.status, 0, "%s", run.err);
	cr_assert_eq(kernel.alloc.memory, MMIOD_MEMORY_PAGES);
	cr_assert_str_eq(kernel.alloc.region, "");
	cr_assert_eq(kernel.alloc.zone, MMIOD_MEMORY_BELOW_4G);
	cr_assert_eq(kernel.alloc.node, 0);
	cr_assert_eq(kernel.alloc.flags, MMIOD_ALLOC_CONTIGUOUS | MMIOD_ALLOC_NOWAIT);
	cr_assert_eq(kernel.alloc.high, (1 << 30) - 1, "the highest address, not the end");
	cr_assert_eq(kernel.alloc.rights, MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE);
}

Test(memory, alloc_of_dma_names_the_device)
{
	struct store store = { 0 };
	struct run run;

	store_run(&store, &run, "alloc", "dma", "4K", "--device", "edu", "--", "true");
	cr_assert_eq(run.status, 0, "%s", run.err);
	cr_assert_eq(store.alloc.memory, MMIOD_MEMORY_DMA);
	cr_assert_str_eq(store.alloc.region, "edu");
	cr_assert_eq(store.alloc.node, -1);
}

Test(memory, alloc_without_a_command_holds_until_told_otherwise)
{
	const char *const args[ARGS_MAX] = { "alloc", "vmalloc", "5000" };
	const char *const json[ARGS_MAX] = { "alloc", "vmalloc", "5000", "--json" };
	struct store store = { 0 };
	struct run run;
	json_t *root;

	store_start(&store);
	run_start(&run, store.fake.path, args);
	run_await(&run, "lease 17 vmalloc+0x0/0x2000 rw wc\n");
	kill(run.pid, SIGTERM);
	run_finish(&run);
	store_stop(&store);
	cr_assert_eq(run.status, 0);
	store_start(&store);
	run_start(&run, store.fake.path, json);
	run_await(&run, "}\n");
	kill(run.pid, SIGTERM);
	run_finish(&run);
	store_stop(&store);
	root = json_loads(run.out, 0, NULL);
	cr_assert_str_eq(json_string_value(json_object_get(root, "memory")), "vmalloc");
	cr_assert(json_is_null(json_object_get(root, "region")));
	cr_assert_eq(json_integer_value(json_object_get(root, "length")), 0x2000);
	json_decref(root);
}

Test(memory, alloc_says_what_would_have_fitted)
{
	struct store store = { .outcome = MMIOD_E_RESOURCES,
			       .text = "vram: the largest free block has 64K" };
	struct run run;

	store_run(&store, &run, "alloc", "vram", "1M", "--", "echo", "ran");
	cr_assert_eq(run.status, 1);
	cr_assert_str_empty(run.out);
	cr_assert_str_eq(run.err, "mmioctl: vram: the largest free block has 64K\n");
	cr_assert_eq(store.releases, 0);
}

Test(memory, free_gives_back_what_it_is_told_and_says_why_not)
{
	struct store store = { 0 }, twice = { .outcome = MMIOD_E_NOT_FOUND, .text = "no lease" };
	struct run run;

	store_run(&store, &run, "free", "23", "0x18");
	cr_assert_eq(run.status, 0, "%s", run.err);
	cr_assert_str_empty(run.out);
	cr_assert_eq(store.releases, 2);
	cr_assert_eq(store.released[0], 23);
	cr_assert_eq(store.released[1], 24);
	store_run(&twice, &run, "free", "23", "24");
	cr_assert_eq(run.status, 3);
	cr_assert_str_eq(run.err, "mmioctl: no lease\nmmioctl: no lease\n");
}

Test(memory, misuse_is_told_before_anything_is_done)
{
	static const struct {
		const char *args[5];
		const char *because;
	} rows[] = {
		{ { "alloc", "vram" }, "usage: mmioctl alloc" },
		{ { "alloc", "vram", "big" }, "size \"big\"" },
		{ { "alloc", "vram", "99999999999999999999" }, "does not fit 64 bits" },
		{ { "alloc", "dma", "4K" }, "needs --device" },
		{ { "alloc", "pages", "4K", "--device=edu" }, "--device is for dma" },
		{ { "alloc", "pages", "4K", "--zone=high" }, "is no zone" },
		{ { "alloc", "pages", "4K", "--node=x" }, "not the number of a NUMA node" },
		{ { "alloc", "pages", "4K", "--node=2147483647" }, "not the number of a NUMA" },
		{ { "alloc", "vram", "4K", "--align=0" }, "leaves nothing" },
		{ { "alloc", "vram", "4K", "--below=0" }, "leaves nothing" },
		{ { "alloc", "vram", "4K", "--above=-1" }, "above \"-1\"" },
		{ { "alloc", "vram", "4K", "--exclusive" }, "alloc does not know --exclusive" },
		{ { "hold", "ram", "--zone=dma" }, "hold does not know --zone" },
		{ { "list", "--map" }, "list does not know --map" },
		{ { "free" }, "usage: mmioctl free" },
		{ { "free", "x" }, "not the number of a lease" },
		{ { "pools", "vram" }, "pools takes no \"vram\"" },
		{ { "pools", "--map", "a", "b" }, "pools takes no \"b\"" },
		{ { "pools", "--map", "-o", "name" }, "no columns" },
		{ { "buffers", "x" }, "buffers takes no" },
		{ { "buddyinfo", "x" }, "buddyinfo takes no" },
		{ { "zones", "x" }, "zones takes no" },
		{ { "slabinfo", "a", "b" }, "slabinfo takes no \"b\"" },
		{ { "show" }, "usage: mmioctl show" },
		{ { "show", "x", "1" }, "not the number of a lease" },
		{ { "show", "1", "x" }, "not the number of a page" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *const *row = rows[i].args;
		struct run run;

		run_ctl(&run, "/tmp/mmiod-nobody/sock", row[0], row[1], row[2], row[3], row[4]);
		cr_assert_eq(run.status, 2, "%s %s: %d %s", row[0], row[1], run.status, run.err);
		cr_assert_str_empty(run.out);
		says(run.err, rows[i].because);
	}
}

/* ---- pools ---- */

/* 64 pages: one user has the first half of the first 8, another has blocks here and there. */
static struct store with_pools(void)
{
	struct store store = {
		.pool_count = 2,
		.pools = { { .id = 1,
			     .name = "vram",
			     .length = 64 * 4096,
			     .page = 4096,
			     .free = 54 * 4096,
			     .largest = 32 * 4096,
			     .wiping = 4096,
			     .leases = 3,
			     .orders = 7,
			     .blocks = { 2, 2, 0, 0, 1, 1, 0 } },
			   { .id = 2,
			     .name = "empty",
			     .length = 4096,
			     .page = 4096,
			     .orders = 1 } },
		.extent_count = 4,
		.extents = { { .length = 4 * 4096, .lease = 17, .pid = 70, .comm = "dd" },
			     { .offset = 4 * 4096,
			       .length = 4096,
			       .lease = 18,
			       .uid = 4000000000,
			       .pid = 71,
			       .comm = "tar" },
			     { .offset = 6 * 4096, .length = 4096 },
			     { .offset = 32 * 4096,
			       .length = 4 * 4096,
			       .lease = 19,
			       .pid = 70,
			       .comm = "dd" } },
	};

	return store;
}

Test(memory, pools_are_a_table)
{
	struct store store = with_pools();
	struct run run;
	json_t *root, *row;

	store_run(&store, &run, "pools", "-o", "name,size,used,free,largest,wiping,leases",
		  "--no-headings");
	cr_assert_eq(run.status, 0, "%s", run.err);
	says(run.out, "vram  256K  36K 216K    128K     4K      3\n");
	store_run(&store, &run, "pools", "--json");
	root = json_loads(run.out, 0, NULL);
	row = json_array_get(json_object_get(root, "pools"), 0);
	cr_assert_eq(json_integer_value(json_object_get(row, "largest")), 32 * 4096);
	json_decref(root);
}

Test(memory, map_draws_owners_to_scale)
{
	struct store store = with_pools();
	struct run run;

	setenv("COLUMNS", "40", 1);
	store_run(&store, &run, "pools", "--map", "vram");
	cr_assert_eq(run.status, 0, "%s", run.err);
	says(run.out, "vram 256K\n"
		      "0x00000 AAAAB.~.........\n"
		      "0x10000 ................\n"
		      "0x20000 AAAA............\n"
		      "0x30000 ................\n"
		      "a cell is 4K; capital: all of it\n"
		      "A root 70 dd 32K in 2, 12.5%\n"
		      "B 4000000000 71 tar 4K in 1, 1.6%\n"
		      "~ being wiped 4K in 1, 1.6%\n"
		      ". free 216K, largest 128K\n");
	cr_assert_null(strstr(run.out, "\033"), "colours in a file");
	cr_assert_null(strstr(run.out, "empty"));
}

Test(memory, map_of_a_large_pool_fits_a_narrow_terminal)
{
	struct store store = with_pools();
	struct run run;
	char *line, *rest;

	store.pools[0].length = 1ull << 40;
	store.pool_count = 1;
	setenv("COLUMNS", "40", 1);
	store_run(&store, &run, "pools", "--map");
	cr_assert_eq(run.status, 0, "%s", run.err);
	says(run.out, "vram 1T\n0x00000000000 a");
	rest = run.out;
	for (size_t i = 0; (line = strsep(&rest, "\n")); i++) {
		cr_assert_leq(strlen(line), 40, "%s", line);
		cr_assert_lt(i, 30);
	}
}

Test(memory, map_with_more_owners_than_letters_lumps_the_rest)
{
	struct store store = with_pools();
	struct run run;

	store.extent_count = 40;
	for (uint32_t i = 0; i < 40; i++)
		store.extents[i] = (struct mmiod_wire_extent){
			.offset = i * 4096, .length = 4096, .lease = 17 + i, .pid = 100 + i
		};
	store_run(&store, &run, "pools", "--map", "vram");
	cr_assert_eq(run.status, 0, "%s", run.err);
	says(run.out, "YZ##############........................");
	says(run.out, "# others 56K in 14");
}

Test(memory, map_as_json_has_every_extent)
{
	struct store store = with_pools();
	json_t *root, *pool, *extents;
	struct run run;

	store_run(&store, &run, "pools", "--map", "vram", "--json");
	cr_assert_eq(run.status, 0, "%s", run.err);
	root = json_loads(run.out, 0, NULL);
	cr_assert_eq(json_array_size(json_object_get(root, "pools")), 1);
	pool = json_array_get(json_object_get(root, "pools"), 0);
	extents = json_object_get(pool, "extents");
	cr_assert_eq(json_array_size(extents), 4);
	cr_assert(json_is_null(json_object_get(json_array_get(extents, 2), "lease")));
	cr_assert_eq(json_integer_value(json_object_get(json_array_get(extents, 1), "uid")),
		     4000000000);
	json_decref(root);
}

Test(memory, map_of_no_pool_is_not_found)
{
	struct store store = with_pools();
	struct run run;

	store_run(&store, &run, "pools", "--map", "dram");
	cr_assert_eq(run.status, 3);
	says(run.err, "no pool \"dram\"");
}

/* ---- buffers ---- */

static struct store with_buffer(enum mmiod_memory memory, bool admin)
{
	struct store store = {
		.admin = admin,
		.lease_count = 2,
		.leases = { { .id = 17,
			      .length = 0x5000,
			      .rights = 3,
			      .memtype = MMIOD_MEMTYPE_WB,
			      .started = 1000,
			      .pid = 7,
			      .comm = "dd",
			      .memory = memory },
			    { .id = 18,
			      .region = "ram",
			      .offset = 0x3000,
			      .length = 0x2000,
			      .rights = 3,
			      .memtype = MMIOD_MEMTYPE_UC,
			      .allocated = 1 } },
		.buffer = { .memory = memory,
			    .zone = MMIOD_MEMORY_BELOW_4G,
			    .node = -1,
			    .flags = MMIOD_ALLOC_CONTIGUOUS,
			    .present = 1,
			    .length = 0x5000,
			    .capacity = 0x8000,
			    .runs = 2,
			    .phys = admin ? 0x12345000 : 0,
			    .kernel = admin ? 0xffff888000001000 : 0,
			    .bus = admin ? 0xfe000000 : 0 },
	};

	return store;
}

Test(memory, buffers_are_those_leases_that_are_kernel_memory)
{
	struct store store = with_buffer(MMIOD_MEMORY_PAGES, false);
	struct run run;

	store_run(&store, &run, "buffers", "-o", "lease,kind,size,capacity,runs,zone,node,present",
		  "--no-headings");
	cr_assert_eq(run.status, 0, "%s", run.err);
	cr_assert_str_eq(run.out, "   17 pages  20K      32K    2 dma32    - yes\n");
}

Test(memory, show_gives_an_administrator_each_address_that_applies)
{
	static const struct {
		enum mmiod_memory memory;
		const char *lines;
	} rows[] = {
		{ MMIOD_MEMORY_PAGES, "       Physical: 0x12345000\n"
				      "            Bus: none\n"
				      " Kernel logical: none\n"
				      " Kernel virtual: none\n" },
		{ MMIOD_MEMORY_KMALLOC, "       Physical: 0x12345000\n"
					"            Bus: none\n"
					" Kernel logical: 0xffff888000001000\n"
					" Kernel virtual: none\n" },
		{ MMIOD_MEMORY_VMALLOC, " Kernel logical: none\n"
					" Kernel virtual: 0xffff888000001000\n" },
		{ MMIOD_MEMORY_DMA, "            Bus: 0xfe000000\n"
				    " Kernel logical: none\n"
				    " Kernel virtual: 0xffff888000001000\n" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct store store = with_buffer(rows[i].memory, true);
		struct run run;

		store_run(&store, &run, "show", "17");
		cr_assert_eq(run.status, 0, "%s", run.err);
		says(run.out, "lease 17\n");
		says(run.out, rows[i].lines);
		says(run.out, "User virtual: n/a");
		says(run.out, "32K in 2 physical pieces\n");
		says(run.out, "dma32, node any, contiguous\n");
	}
}

Test(memory, show_tells_others_that_addresses_are_hidden)
{
	struct store store = with_buffer(MMIOD_MEMORY_DMA, false);
	struct run run;

	store_run(&store, &run, "show", "17");
	cr_assert_eq(run.status, 0, "%s", run.err);
	says(run.out, "       Physical: hidden: it needs the inspect right\n"
		      "            Bus: hidden: it needs the inspect right\n"
		      " Kernel logical: none\n"
		      " Kernel virtual: hidden: it needs the inspect right\n");
	cr_assert_null(strstr(run.out, "0x12345000"));
}

Test(memory, show_of_a_buffer_that_nobody_used_says_so)
{
	struct store store = with_buffer(MMIOD_MEMORY_PAGES, true);
	struct run run;

	store.buffer.present = 0;
	store.buffer.phys = 0;
	store_run(&store, &run, "show", "17");
	says(run.out, "       Physical: none yet: nobody has used it\n");
	cr_assert_null(strstr(run.out, "Capacity"));
}

Test(memory, show_of_pool_blocks_adds_their_offset)
{
	struct store store = with_buffer(MMIOD_MEMORY_PAGES, true);
	struct run run;

	store_run(&store, &run, "show", "18");
	cr_assert_eq(run.status, 0, "%s", run.err);
	says(run.out, "ram+0x3000, allocated from the pool\n");
	says(run.out, "       Physical: 0xf0003000\n");
	store_run(&store, &run, "show", "18", "1");
	says(run.out, "       Physical: 0xf0004000 (page 1)\n");
	store_run(&store, &run, "show", "18", "2");
	cr_assert_eq(run.status, 2);
	says(run.err, "there is no page 2");
}

Test(memory, show_as_json_keeps_addresses_exact)
{
	struct store store = with_buffer(MMIOD_MEMORY_KMALLOC, true);
	json_t *root, *addresses, *kernel;
	struct run run;

	store_run(&store, &run, "show", "17", "--json");
	cr_assert_eq(run.status, 0, "%s", run.err);
	root = json_loads(run.out, 0, NULL);
	addresses = json_object_get(root, "addresses");
	kernel = json_object_get(addresses, "kernel_logical");
	cr_assert_str_eq(json_string_value(json_object_get(kernel, "hex")), "0xffff888000001000");
	cr_assert_null(json_object_get(kernel, "value"));
	cr_assert_eq(json_integer_value(
			     json_object_get(json_object_get(addresses, "physical"), "value")),
		     0x12345000);
	cr_assert(json_object_get(json_object_get(addresses, "bus"), "none"));
	cr_assert_eq(
		json_integer_value(json_object_get(json_object_get(root, "buffer"), "capacity")),
		0x8000);
	json_decref(root);
}

Test(memory, show_of_no_lease_is_not_found)
{
	struct store store = with_buffer(MMIOD_MEMORY_PAGES, true);
	struct run run;

	store_run(&store, &run, "show", "99");
	cr_assert_eq(run.status, 3);
	says(run.err, "there is no lease 99");
}

/* ---- the kernel's files ---- */

static char proc[32];

static void proc_file(const char *name, const char *text)
{
	char path[64];
	FILE *file;

	if (!proc[0]) {
		strcpy(proc, "/tmp/mmiod-proc-XXXXXX");
		cr_assert(mkdtemp(proc));
		setenv("MMIOCTL_PROC", proc, 1);
	}
	snprintf(path, sizeof(path), "%s/%s", proc, name);
	file = fopen(path, "w");
	fputs(text, file);
	fclose(file);
}

static void proc_remove(const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/%s", proc, name);
	unlink(path);
	rmdir(proc);
}

static const char buddyinfo[] =
	"Node 0, zone      DMA      1      0      2 \n"
	"a line that nobody knows\n"
	"Node 1, zone   Normal      3      4      5      6      7      8      9     10     11 "
	"    12     13 \n";

Test(memory, buddyinfo_shows_pools_and_zones_alike)
{
	struct store store = with_pools();
	json_t *root, *rows, *blocks;
	struct run run;

	proc_file("buddyinfo", buddyinfo);
	store_run(&store, &run, "buddyinfo", "--no-headings");
	cr_assert_eq(run.status, 0, "%s", run.err);
	says(run.out, "pool vram ");
	says(run.out, "   2      2      0      0      1      1      0\n");
	says(run.out, "zone DMA       0   4K   36K      1      0      2\n");
	store_run(&store, &run, "buddyinfo", "--json");
	root = json_loads(run.out, 0, NULL);
	rows = json_object_get(root, "buddyinfo");
	cr_assert_eq(json_array_size(rows), 4);
	cr_assert(json_is_null(json_object_get(json_array_get(rows, 0), "node")));
	cr_assert_eq(json_integer_value(json_object_get(json_array_get(rows, 3), "node")), 1);
	blocks = json_object_get(json_array_get(rows, 3), "blocks");
	cr_assert_eq(json_array_size(blocks), 11);
	cr_assert_eq(json_integer_value(json_array_get(blocks, 10)), 13);
	json_decref(root);
	proc_remove("buddyinfo");
}

Test(memory, buddyinfo_shows_the_zones_even_without_a_daemon)
{
	struct run run;

	proc_file("buddyinfo", buddyinfo);
	run_ctl(&run, "/tmp/mmiod-nobody/sock", "buddyinfo");
	cr_assert_eq(run.status, 6);
	says(run.out, "zone Normal");
	says(run.err, "no daemon");
	proc_remove("buddyinfo");
}

static const char zoneinfo[] = "Node 0, zone      DMA\n"
			       "  per-node stats\n"
			       "      nr_inactive_anon 520682\n"
			       "  pages free     3840\n"
			       "        boost    0\n"
			       "        min      22\n"
			       "        low      27\n"
			       "        high     32\n"
			       "        spanned  4095\n"
			       "        present  3999\n"
			       "        managed  3841\n"
			       "        protection: (0, 2983, 11020)\n"
			       "      nr_free_pages 3840\n"
			       "  pagesets\n"
			       "    cpu: 0\n"
			       "              count:    9\n"
			       "              high:     14\n"
			       "  node_unreclaimable:  0\n"
			       "  start_pfn:           1\n"
			       "Node 0, zone  Movable\n"
			       "  pages free     0\n"
			       "        spanned  0\n"
			       "Node 1, zone   Normal\n"
			       "  pages free     512\n"
			       "        spanned  1024\n"
			       "  start_pfn:           1048576\n";

Test(memory, zones_are_those_that_the_machine_has)
{
	json_t *root, *rows, *dma;
	struct run run;

	proc_file("zoneinfo", zoneinfo);
	run_ctl(&run, "/tmp/mmiod-nobody/sock", "zones", "-O", "--json");
	cr_assert_eq(run.status, 0, "%s", run.err);
	root = json_loads(run.out, 0, NULL);
	rows = json_object_get(root, "zones");
	cr_assert_eq(json_array_size(rows), 2);
	dma = json_array_get(rows, 0);
	cr_assert_eq(json_integer_value(json_object_get(dma, "start_pfn")), 1);
	cr_assert_eq(json_integer_value(json_object_get(dma, "spanned_pages")), 4095);
	cr_assert_eq(json_integer_value(json_object_get(dma, "managed_pages")), 3841);
	cr_assert_eq(json_integer_value(json_object_get(dma, "free_pages")), 3840);
	cr_assert_eq(json_integer_value(json_object_get(dma, "min_pages")), 22);
	cr_assert_eq(json_integer_value(json_object_get(dma, "low_pages")), 27);
	cr_assert_eq(json_integer_value(json_object_get(dma, "high_pages")), 32);
	cr_assert_eq(json_integer_value(json_object_get(dma, "high")),
		     32 * (json_int_t)mmiod_page_size());
	cr_assert_eq(json_integer_value(json_object_get(json_array_get(rows, 1), "start")),
		     1048576 * (json_int_t)mmiod_page_size());
	json_decref(root);
	run_ctl(&run, "/tmp/mmiod-nobody/sock", "zones", "--no-headings");
	says(run.out, "   1 Normal 0x100000000");
	proc_remove("zoneinfo");
}

static const char slabinfo[] =
	"slabinfo - version: 2.1\n"
	"# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : "
	"tunables"
	" <limit> <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>\n"
	"kmalloc-64         100    128     64   64    1 : tunables    0    0    0 : slabdata      "
	"1 "
	"     2      0\n"
	"dentry             200    210    192   21    2 : tunables    0    0    0 : slabdata     "
	"10 "
	"    10      0\n";

Test(memory, slabinfo_picks_caches_by_pattern)
{
	struct run run;

	proc_file("slabinfo", slabinfo);
	run_ctl(&run, "/tmp/mmiod-nobody/sock", "slabinfo", "kmalloc-*", "--no-headings");
	cr_assert_eq(run.status, 0, "%s", run.err);
	cr_assert_str_eq(
		run.out,
		"kmalloc-64    100     128      64      64       4K     2   8K -      - -\n");
	run_ctl(&run, "/tmp/mmiod-nobody/sock", "slabinfo", "-o", "name,size", "--no-headings");
	cr_assert_str_eq(run.out, "kmalloc-64   8K\ndentry      80K\n");
	run_ctl(&run, "/tmp/mmiod-nobody/sock", "slabinfo", "nothing");
	cr_assert_eq(run.status, 3);
	says(run.err, "no slab cache \"nothing\"");
	proc_remove("slabinfo");
}

Test(memory, kernel_file_that_is_not_there_is_named)
{
	struct run run;

	setenv("MMIOCTL_PROC", "/nonexistent", 1);
	run_ctl(&run, "/tmp/mmiod-nobody/sock", "zones");
	cr_assert_eq(run.status, 3);
	says(run.err, "/nonexistent/zoneinfo");
}

/* The directory is the user's own, so that it can be removed; the file in it is not. */
Test(memory, slabinfo_that_may_not_be_read_says_so)
{
	const uid_t user = 65534;
	char file[64];
	struct run run;

	if (geteuid())
		cr_skip_test("needs a user to become");
	proc_file("slabinfo", slabinfo);
	snprintf(file, sizeof(file), "%s/slabinfo", proc);
	cr_assert_eq(chown(proc, user, (gid_t)-1), 0);
	cr_assert_eq(chmod(file, 0600), 0);
	cr_assert_eq(setresuid(user, user, user), 0);
	if (access(CTL, X_OK)) {
		proc_remove("slabinfo");
		cr_skip_test("other users do not reach the build directory");
	}
	run_ctl(&run, "/tmp/mmiod-nobody/sock", "slabinfo");
	proc_remove("slabinfo");
	cr_assert_eq(run.status, 4, "%d %s", run.status, run.err);
	says(run.err, "only root may read it");
}

static void fail_buffer(struct fake *fake)
{
	const struct store *store = fake->argument;

	fake_accept(fake);
	fake_read(fake);
	store_send_leases(fake, store);
	cr_expect_eq(fake_read(fake)->opcode, MMIOD_OP_BUFFER);
	fake_refuse(fake, MMIOD_E_INTERNAL, "the module does not answer");
	fake_wait_hang_up(fake);
}

Test(memory, buffers_that_cannot_be_asked_for_are_an_error)
{
	struct store store = with_buffer(MMIOD_MEMORY_PAGES, false);
	struct run run;

	run_with(&run, fail_buffer, &store, "buffers");
	cr_assert_eq(run.status, 1);
	cr_assert_str_empty(run.out);
	says(run.err, "the module does not answer");
}
