/* SPDX-License-Identifier: MIT */
/*
 * fill, load, save and copy: what reaches the memory, and what is refused before anything does.
 */
#include "store.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(bulk, .timeout = 1200);

static char path[64];

/* A file for the tests' process, removed by whom it was made for. */
static void make_file(const void *bytes, size_t size)
{
	int fd;

	strcpy(path, "/tmp/mmiod-bulk-XXXXXX");
	fd = mkstemp(path);
	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, bytes, size), (ssize_t)size);
	close(fd);
}

static uint8_t byte_at(const struct store *store, off_t at)
{
	uint8_t byte;

	cr_assert_eq(pread(store->file, &byte, 1, at), 1);
	return byte;
}

static void holds(const struct store *store, off_t at, const char *bytes)
{
	char found[64] = "";

	cr_assert_eq(pread(store->file, found, strlen(bytes), at), (ssize_t)strlen(bytes));
	cr_assert_str_eq(found, bytes);
}

Test(bulk, fill_writes_the_byte_everywhere_and_nowhere_else)
{
	struct store store = { 0 };
	struct run run;

	store_run(&store, &run, "fill", "ram+0x101/0x20001", "0x5a");
	cr_assert_eq(run.status, 0, "%s", run.err);
	cr_assert_str_empty(run.out);
	cr_assert_eq(byte_at(&store, 0x100), 0);
	cr_assert_eq(byte_at(&store, 0x101), 0x5a);
	cr_assert_eq(byte_at(&store, 0x20101), 0x5a);
	cr_assert_eq(byte_at(&store, 0x20102), 0);
	cr_assert_eq(store.releases, 1);
}

Test(bulk, fill_goes_by_elements_where_there_is_a_width)
{
	struct store declared = { .width = 4 }, asked = { 0 };
	struct run run;

	store_run(&declared, &run, "fill", "ram+8/0x18000", "0x11223344");
	cr_assert_eq(run.status, 0, "%s", run.err);
	holds(&declared, 8, "\x44\x33\x22\x11\x44\x33\x22\x11");
	cr_assert_eq(byte_at(&declared, 0x18007), 0x11);
	cr_assert_eq(byte_at(&declared, 0x18008), 0);
	store_run(&asked, &run, "fill", "ram/4:16", "0x4142");
	cr_assert_eq(run.status, 0, "%s", run.err);
	holds(&asked, 0, "BABA");
}

Test(bulk, fill_refuses_what_does_not_fit)
{
	struct store store = { 0 }, declared = { .width = 4 };
	struct run run;

	store_run(&store, &run, "fill", "ram/16", "256");
	cr_assert_eq(run.status, 2);
	says(run.err, "does not fit 8 bits");
	store_run(&declared, &run, "fill", "ram/6", "1");
	cr_assert_eq(run.status, 2);
	says(run.err, "not a multiple of 4 bytes");
	cr_assert_eq(byte_at(&declared, 0), 0);
	cr_assert_eq(declared.releases, 1);
}

Test(bulk, load_writes_a_files_bytes_and_no_more)
{
	struct store store = { 0 };
	struct run run;

	make_file("abcdefg", 7);
	store_run(&store, &run, "load", "ram+0x11", path);
	cr_assert_eq(run.status, 0, "%s", run.err);
	holds(&store, 0x11, "abcdefg");
	cr_assert_eq(byte_at(&store, 0x18), 0);
	store_run(&store, &run, "load", "ram+0x40/3", path);
	cr_assert_eq(run.status, 0, "%s", run.err);
	holds(&store, 0x40, "abc");
	cr_assert_eq(byte_at(&store, 0x43), 0);
	unlink(path);
}

Test(bulk, load_refuses_a_file_that_is_too_short_before_it_asks_for_anything)
{
	struct run run;

	make_file("abcdefg", 7);
	run_ctl(&run, "/tmp/mmiod-nobody/sock", "load", "ram/8", path);
	cr_assert_eq(run.status, 1);
	says(run.err, "has only 0x7 of the 0x8 bytes");
	unlink(path);
}

Test(bulk, load_of_registers_wants_whole_ones)
{
	struct store store = { .width = 4 };
	struct run run;

	make_file("abcdefg", 7);
	store_run(&store, &run, "load", "ram", path);
	cr_assert_eq(run.status, 2);
	says(run.err, "not a multiple of 4 bytes");
	cr_assert_eq(byte_at(&store, 0), 0);
	unlink(path);
}

Test(bulk, load_says_what_is_wrong_with_its_file)
{
	struct run run;

	make_file("", 0);
	run_ctl(&run, "/tmp/mmiod-nobody/sock", "load", "ram", path);
	cr_assert_eq(run.status, 1);
	says(run.err, "is empty");
	unlink(path);
	run_ctl(&run, "/tmp/mmiod-nobody/sock", "load", "ram", "/nonexistent/file");
	cr_assert_eq(run.status, 3);
	says(run.err, "/nonexistent/file");
}

Test(bulk, save_reads_what_was_there)
{
	struct store store = { .file = memory_file(STORE_SIZE) };
	char saved[16] = "";
	struct run run;
	FILE *file;

	cr_assert_eq(pwrite(store.file, "quick brown", 11, 0x21), 11);
	make_file("what was there before", 21);
	store_run(&store, &run, "save", "ram+0x21/11", path);
	cr_assert_eq(run.status, 0, "%s", run.err);
	file = fopen(path, "r");
	cr_assert_eq(fread(saved, 1, sizeof(saved), file), 11);
	fclose(file);
	cr_assert_str_eq(saved, "quick brown");
	store_run(&store, &run, "save", "ram+0x21/5", "-");
	cr_assert_str_eq(run.out, "quick");
	unlink(path);
}

Test(bulk, save_keeps_the_file_when_there_is_no_lease)
{
	struct run run;
	struct stat stat;

	make_file("what was there before", 21);
	run_ctl(&run, "/tmp/mmiod-nobody/sock", "save", "ram/16", path);
	cr_assert_eq(run.status, 6);
	cr_assert_eq(lstat(path, &stat), 0);
	cr_assert_eq(stat.st_size, 21);
	unlink(path);
}

Test(bulk, save_onto_a_full_disk_is_a_failure)
{
	struct store store = { 0 };
	struct run run;

	store_run(&store, &run, "save", "ram/16", "/dev/full");
	cr_assert_eq(run.status, 1);
	says(run.err, "/dev/full: No space left on device");
	cr_assert_eq(store.releases, 1);
}

Test(bulk, copy_moves_bytes_between_targets)
{
	struct store store = { .file = memory_file(STORE_SIZE) };
	struct run run;

	cr_assert_eq(pwrite(store.file, "quick brown", 11, 0x21), 11);
	store_run(&store, &run, "copy", "ram+0x21/11", "ram+0x8003");
	cr_assert_eq(run.status, 0, "%s", run.err);
	holds(&store, 0x8003, "quick brown");
	cr_assert_eq(byte_at(&store, 0x8003 + 11), 0);
	store_run(&store, &run, "copy", "ram+0x21", "ram+0x9000/5");
	cr_assert_eq(run.status, 0, "%s", run.err);
	holds(&store, 0x9000, "quick");
	cr_assert_eq(byte_at(&store, 0x9005), 0);
	cr_assert_eq(store.releases, 4);
}

Test(bulk, misuse_is_told_before_anything_is_done)
{
	static const struct {
		const char *args[4];
		const char *because;
	} rows[] = {
		{ { "fill", "ram" }, "usage: mmioctl fill" },
		{ { "fill", "ram", "1" }, "how much of ram" },
		{ { "fill", "ram/16", "x" }, "not a value" },
		{ { "load", "ram" }, "usage: mmioctl load" },
		{ { "save", "ram" }, "usage: mmioctl save" },
		{ { "copy", "ram" }, "usage: mmioctl copy" },
		{ { "copy", "ram", "ram+16" }, "how much of ram" },
		{ { "copy", "ram/16", "ram+16/17" }, "do not fit" },
		{ { "copy", "ram/17", "ram+16" }, "overlap" },
		{ { "copy", "ram+16/17", "ram" }, "overlap" },
		{ { "fill", "ram/16", "1", "--align=4" }, "fill does not know --align" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct run run;

		run_ctl(&run, "/tmp/mmiod-nobody/sock", rows[i].args[0], rows[i].args[1],
			rows[i].args[2], rows[i].args[3]);
		cr_assert_eq(run.status, 2, "%s: %s", rows[i].args[1], run.err);
		says(run.err, rows[i].because);
	}
}
