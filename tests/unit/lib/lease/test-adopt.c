/* SPDX-License-Identifier: MIT */
/*
 * Windows that this process was given: what is taken for one, what is not, and what the environment
 * names.
 */
#include "support/fake.h"
#include "support/module.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define RW (MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE)

static int window_file_of(uint64_t id, uint64_t length, uint32_t width)
{
	struct mmiod_window_query query = {
		.window_id = id,
		.length = length,
		.attr = MMIOD_ATTR_WC,
		.width = width,
		.mmapable = 1,
	};
	int fd = memory_file(length);

	module_adopt(fd, &query);
	return fd;
}

static void name_simulated(int fd, uint64_t offset, char *text, size_t size)
{
	struct stat status;

	cr_assert_eq(fstat(fd, &status), 0);
	snprintf(text, size, "%llu.%llu+0x%llx", (unsigned long long)status.st_dev,
		 (unsigned long long)status.st_ino, (unsigned long long)offset);
}

static const char *sentence(void)
{
	return mmiod_client_error(NULL);
}

static void expect_sentence(const char *part)
{
	cr_expect(strstr(sentence(), part), "\"%s\" is not in \"%s\"", part, sentence());
}

/* ---- one descriptor ---- */

Test(adopt, a_window_is_what_the_module_says_it_is)
{
	int fd = window_file_of(17, 0x3000, 4);
	struct mmiod_lease *lease;

	cr_assert_eq(mmiod_window_adopt(fd, "17", &lease), 0, "%s", sentence());
	cr_assert_eq(mmiod_lease_id(lease), 17);
	cr_assert_eq(mmiod_lease_length(lease), 0x3000);
	cr_assert_eq(mmiod_lease_width(lease), 4);
	cr_assert_eq(mmiod_lease_rights(lease), RW);
	cr_assert_eq(mmiod_lease_memtype(lease), MMIOD_MEMTYPE_WC);
	cr_assert_eq(mmiod_lease_map_offset(lease), 0);
	cr_assert(mmiod_lease_mappable(lease));
	cr_assert_eq(fcntl(mmiod_lease_fd(lease), F_GETFD), FD_CLOEXEC);
	mmiod_lease_free(lease);
	cr_assert_eq(fcntl(fd, F_GETFD), FD_CLOEXEC, "the descriptor stays the caller's");
	cr_assert_eq(mmiod_window_adopt(fd, NULL, &lease), 0);
	mmiod_lease_free(lease);
	close(fd);
}

Test(adopt, the_rights_are_those_of_the_descriptor)
{
	char path[40];
	int fd = window_file_of(17, 0x1000, 0), readonly;
	struct mmiod_lease *lease;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	readonly = open(path, O_RDONLY | O_CLOEXEC);
	cr_assert_eq(mmiod_window_adopt(readonly, "17", &lease), 0);
	cr_assert_eq(mmiod_lease_rights(lease), MMIOD_RIGHT_READ);
	mmiod_lease_free(lease);
	cr_assert_eq(mmiod_window_adopt(open(path, O_PATH | O_CLOEXEC), NULL, &lease), -EINVAL);
	cr_assert_null(lease);
}

Test(adopt, it_is_for_who_took_the_lease_to_release_it)
{
	int fd = window_file_of(17, 0x1000, 0);
	struct mmiod_lease *lease;

	cr_assert_eq(mmiod_window_adopt(fd, NULL, &lease), 0);
	cr_assert_eq(mmiod_lease_release(lease), -ENOTCONN);
	cr_assert_eq(mmiod_lease_time_ms(lease), 0);
	mmiod_lease_free(lease);
}

Test(adopt, another_window_is_stale)
{
	struct mmiod_lease *lease = (void *)1;

	cr_assert_eq(mmiod_window_adopt(window_file_of(18, 0x1000, 0), "17", &lease), -ESTALE);
	cr_assert_null(lease);
	expect_sentence("is window 18, not 17");
}

Test(adopt, a_log_file_is_no_window)
{
	char path[] = "/tmp/mmiod-adopt-XXXXXX";
	int fd = mkstemp(path), pipes[2];
	struct mmiod_lease *lease;

	cr_assert_eq(write(fd, "log\n", 4), 4);
	cr_assert_eq(mmiod_window_adopt(fd, NULL, &lease), -EINVAL);
	expect_sentence("is no window");
	cr_assert_eq(mmiod_window_adopt(fd, "17", &lease), -ESTALE);
	cr_assert_eq(lseek(fd, 0, SEEK_CUR), 4);
	cr_assert_eq(lseek(fd, 0, SEEK_END), 4, "something was written into the log");
	cr_assert_eq(pipe(pipes), 0);
	cr_assert_eq(mmiod_window_adopt(pipes[0], NULL, &lease), -EINVAL);
	cr_assert_eq(mmiod_window_adopt(pipes[1], "17", &lease), -ESTALE);
	cr_assert_eq(mmiod_window_adopt(1000, "17", &lease), -ESTALE);
	expect_sentence("is not open any more");
	cr_assert_eq(mmiod_window_adopt(1000, NULL, &lease), -EBADF);
	unlink(path);
}

Test(adopt, an_identity_is_a_number_or_a_file)
{
	static const char *const bad[] = {
		"",	   "x",	  "17x", "-1",	  "1.2", "1.2+",   "1.+2",
		"1.2+3:4", " 17", "17 ", "1.2.3", "+1",	 "1.2+0x", "99999999999999999999"
	};
	int fd = window_file_of(17, 0x1000, 0);
	struct mmiod_lease *lease;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cr_expect_eq(mmiod_window_adopt(fd, bad[i], &lease), -EINVAL, "\"%s\"", bad[i]);
		expect_sentence(bad[i]);
	}
}

Test(adopt, in_simulation_a_window_is_the_file_that_was_named)
{
	size_t page = mmiod_page_size();
	int fd = memory_file(4 * page), other = memory_file(4 * page);
	uint32_t value = 0x12345678, got = 0;
	struct mmiod_mapping *mapping;
	struct mmiod_lease *lease;
	char identity[64], again[64];

	name_simulated(fd, page, identity, sizeof(identity));
	cr_assert_eq(mmiod_window_adopt(fd, identity, &lease), 0, "%s", sentence());
	cr_assert_eq(mmiod_lease_length(lease), 3 * page);
	cr_assert_eq(mmiod_lease_map_offset(lease), page);
	cr_assert_eq(mmiod_lease_identity(lease, again, sizeof(again)), 0);
	cr_assert_str_eq(again, identity);
	cr_assert_eq(mmiod_lease_write(lease, 8, 4, 1, &value), 0);
	cr_assert_eq(pread(fd, &got, 4, (off_t)page + 8), 4);
	cr_assert_eq(got, value);
	cr_assert_eq(mmiod_lease_map(lease, 0, &mapping), 0);
	cr_assert_eq(mmiod_read32((volatile char *)mmiod_mapping_address(mapping) + 8), value);
	mmiod_mapping_free(mapping);
	mmiod_lease_free(lease);
	cr_assert_eq(mmiod_window_adopt(other, identity, &lease), -ESTALE);
	cr_assert_eq(mmiod_window_adopt(fd, NULL, &lease), -EINVAL);
	name_simulated(fd, 4 * page, identity, sizeof(identity));
	cr_assert_eq(mmiod_window_adopt(fd, identity, &lease), -ENODEV);
}

Test(adopt, its_errors_leave_their_sentence_without_a_client)
{
	struct mmiod_lease *lease;
	char identity[64], text[4];
	int fd = memory_file(mmiod_page_size());

	name_simulated(fd, 0, identity, sizeof(identity));
	cr_assert_eq(mmiod_window_adopt(fd, identity, &lease), 0);
	cr_assert_eq(mmiod_lease_read(lease, 1, 4, 1, text), -EINVAL);
	expect_sentence("is not a multiple");
	cr_assert_eq(mmiod_lease_identity(lease, text, sizeof(text)), -ERANGE);
	mmiod_lease_free(lease);
}

/* ---- the environment ---- */

static void set_windows(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void set_windows(const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	setenv("MMIOD_WINDOWS", text, 1);
}

Test(inherit, windows_are_found_by_number_and_by_target)
{
	int a = window_file_of(17, 0x1000, 4), b = window_file_of(18, 0x10, 0);
	struct mmiod_lease *lease;

	set_windows(" %d@17:fpga-ctrl+0x2000/0x1000:32  %d@18:fpga-status+0x100/0x10 ", a, b);
	cr_assert_eq(mmiod_inherited_count(), 2);
	cr_assert_eq(mmiod_inherited(NULL, 1, &lease), 0);
	cr_assert_eq(mmiod_lease_id(lease), 18);
	cr_assert_eq(mmiod_lease_offset(lease), 0x100);
	mmiod_lease_free(lease);
	cr_assert_eq(mmiod_inherited("fpga-ctrl", 0, &lease), 0);
	cr_assert_eq(mmiod_lease_id(lease), 17);
	cr_assert_eq(mmiod_lease_offset(lease), 0x2000);
	mmiod_lease_free(lease);
	cr_assert_eq(mmiod_inherited("fpga-ctrl+0x2000:32", 0, &lease), 0);
	mmiod_lease_free(lease);
	cr_assert_eq(mmiod_inherited("fpga-ctrl+0x1000", 0, &lease), -ENOENT);
	cr_assert_eq(mmiod_inherited("fpga-ctrl:8", 0, &lease), -ENOENT);
	cr_assert_eq(mmiod_inherited("fpga-ctrl", 1, &lease), -ENOENT);
	cr_assert_eq(mmiod_inherited(NULL, 2, &lease), -ENOENT);
	expect_sentence("fpga-status+0x100/0x10");
	cr_assert_eq(mmiod_inherited("+1", 0, &lease), -EINVAL);
	cr_assert_null(lease);
}

Test(inherit, what_is_no_more_what_it_was_does_not_count)
{
	int a = window_file_of(17, 0x1000, 4), b = window_file_of(18, 0x1000, 4);
	struct mmiod_lease *lease;

	set_windows("%d@17:fpga-ctrl/0x1000 %d@18:fpga-status/0x1000", a, b);
	cr_assert_eq(dup3(memory_file(0x1000), a, O_CLOEXEC), a);
	cr_assert_eq(mmiod_inherited_count(), 1);
	cr_assert_eq(mmiod_inherited("fpga-ctrl", 0, &lease), -ESTALE);
	expect_sentence("MMIOD_WINDOWS");
	expect_sentence("17:fpga-ctrl/0x1000");
	cr_assert_eq(mmiod_inherited(NULL, 0, &lease), 0);
	cr_assert_eq(mmiod_lease_id(lease), 18);
	mmiod_lease_free(lease);
	cr_assert_eq(dup3(b, a, O_CLOEXEC), a);
	cr_assert_eq(mmiod_inherited("fpga-ctrl", 0, &lease), -ESTALE);
	expect_sentence("is window 18, not 17");
	close(a);
	close(b);
	cr_assert_eq(mmiod_inherited_count(), 0);
	cr_assert_eq(mmiod_inherited("fpga-status", 0, &lease), -ESTALE);
}

Test(inherit, entries_that_are_none_are_passed_over_and_told)
{
	static const char *const bad[] = { "x",	       "3",	    "3@17",
					   "@17:shm",  "3@17:",	    "3@17:+1",
					   "3@:shm",   "-3@17:shm", "99999999999@17:shm",
					   "3:shm@17", "17:shm" };
	struct mmiod_lease *lease;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		setenv("MMIOD_WINDOWS", bad[i], 1);
		cr_expect_eq(mmiod_inherited_count(), 0, "%s", bad[i]);
		cr_expect_eq(mmiod_inherited(NULL, 0, &lease), -EINVAL, "%s", bad[i]);
		expect_sentence(bad[i]);
	}
	set_windows("nonsense %d@17:shm", window_file_of(17, 0x1000, 0));
	cr_assert_eq(mmiod_inherited(NULL, 0, &lease), 0);
	mmiod_lease_free(lease);
	unsetenv("MMIOD_WINDOWS");
	cr_assert_eq(mmiod_inherited(NULL, 0, &lease), -ENOENT);
}

Test(inherit, in_simulation_length_and_width_are_those_of_the_target)
{
	size_t page = mmiod_page_size();
	int fd = memory_file(4 * page);
	char identity[64], text[128];
	struct mmiod_lease *lease;

	name_simulated(fd, page, identity, sizeof(identity));
	snprintf(text, sizeof(text), "%d@%s:regs+0x%zx/0x%zx:32", fd, identity, page, page);
	setenv("MMIOD_WINDOWS", text, 1);
	cr_assert_eq(mmiod_inherited("regs", 0, &lease), 0, "%s", sentence());
	cr_assert_eq(mmiod_lease_offset(lease), page);
	cr_assert_eq(mmiod_lease_length(lease), page);
	cr_assert_eq(mmiod_lease_width(lease), 4);
	cr_assert(mmiod_lease_mappable(lease));
	mmiod_lease_free(lease);
}

/* As systemd hands descriptors. */
static void listen_to(int count, const char *names)
{
	char number[16];

	snprintf(number, sizeof(number), "%d", getpid());
	setenv("LISTEN_PID", number, 1);
	snprintf(number, sizeof(number), "%d", count);
	setenv("LISTEN_FDS", number, 1);
	setenv("LISTEN_FDNAMES", names, 1);
}

/* In a child of its own: what is at 3 and 4 here belongs to the test's runner. */
#define CHECK(condition)                           \
	do {                                       \
		if (!(condition))                  \
			_exit(__LINE__ % 255 + 1); \
	} while (0)

static void look_into_store(int window, int log)
{
	struct mmiod_lease *lease;

	CHECK(dup2(log, 3) == 3);
	CHECK(dup2(window, 4) == 4);
	listen_to(2, "log:fpga-ctrl+0x2000/0x1000");
	CHECK(mmiod_inherited_count() == 1);
	CHECK(!mmiod_inherited("fpga-ctrl", 0, &lease));
	CHECK(mmiod_lease_id(lease) == 17);
	CHECK(mmiod_lease_offset(lease) == 0x2000);
	mmiod_lease_free(lease);
	/* A window that is named twice is one. */
	setenv("MMIOD_WINDOWS", "4@17:fpga-ctrl/0x1000", 1);
	CHECK(mmiod_inherited_count() == 1);
	unsetenv("MMIOD_WINDOWS");
	/* A name is not needed. */
	listen_to(2, "");
	CHECK(mmiod_inherited_count() == 1);
	/* The descriptors are for another process. */
	setenv("LISTEN_PID", "1", 1);
	CHECK(mmiod_inherited_count() == 0);
	_exit(0);
}

Test(inherit, the_store_of_a_service_manager_is_looked_into)
{
	int window = fcntl(window_file_of(17, 0x1000, 4), F_DUPFD_CLOEXEC, 20), status;
	int log = fcntl(memory_file(10), F_DUPFD_CLOEXEC, 20);
	pid_t child = fork();

	if (!child)
		look_into_store(window, log);
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert_eq(status, 0, "line %d", WEXITSTATUS(status) - 1);
}
