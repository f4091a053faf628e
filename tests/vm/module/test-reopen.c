// SPDX-License-Identifier: MIT
/*
 * Windows opened anew by their names in /proc: a dup() with a position of its own, and never more
 * rights than the opener's own descriptors give. And who else has a window.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"

#define UC MMIOD_ATTR_UC
#define RO MMIOD_WINDOW_READONLY
#define RW (PROT_READ | PROT_WRITE)
#define OPERATOR 1000

static int shm(int control, uint32_t flags)
{
	return window(control, "shm", 0, 2 * page(), UC, flags);
}

static bool is_listed(int control, uint64_t id)
{
	struct mmiod_window_info info = { .size = sizeof(info), .window_id = id - 1 };

	return !ioctl(control, MMIOD_IOC_WINDOW_NEXT, &info) && info.window_id == id;
}

TEST(a_window_opened_anew_is_the_same_window_with_a_position_of_its_own)
{
	int control = open_control(), fd = shm(control, 0), again = reopen(fd, O_RDWR);
	uint32_t value = 0x600d;

	EXPECT(again >= 0);
	EXPECT_EQ(window_id(again), window_id(fd));
	EXPECT_EQ(lseek(again, 64, SEEK_SET), 64);
	EXPECT_EQ(lseek(fd, 0, SEEK_CUR), 0);
	EXPECT_EQ(write(again, &value, 4), 4);
	EXPECT_EQ(lseek(again, 0, SEEK_CUR), 68);
	value = 0;
	EXPECT_EQ(pread(fd, &value, 4, 64), 4);
	EXPECT_EQ(value, 0x600d);
	EXPECT_EQ(touch_write(map_window(again, 2 * page(), RW), 1), 0);
	EXPECT_EQ(window_info(control, fd).mappings, 1);
}

TEST(the_window_lasts_until_its_last_file_is_closed)
{
	int control = open_control(), fd = shm(control, 0), again = reopen(fd, O_RDWR);
	uint64_t id = window_id(fd);
	uint32_t value;
	void *address;

	close(fd);
	EXPECT(is_listed(control, id));
	EXPECT_EQ(pread(again, &value, 4, 0), 4);
	fd = reopen(again, O_RDONLY);
	EXPECT(fd >= 0);
	close(again);
	address = map_window(fd, page(), PROT_READ);
	close(fd);
	EXPECT(is_listed(control, id));
	EXPECT_EQ(touch_read(address), 0);
	munmap(address, page());
	EXPECT(!is_listed(control, id));
	EXPECT(happens(control, MMIOD_CONTROL_WINDOW_RELEASED, 0, id));
}

TEST(a_revoked_window_can_be_opened_anew_and_is_revoked_there_too)
{
	int control = open_control(), fd = shm(control, 0), again;
	struct pollfd ready = {};
	uint32_t value;

	EXPECT_EQ(set_state(control, window_id(fd), MMIOD_WINDOW_REVOKED), 0);
	again = reopen(fd, O_RDWR);
	EXPECT(again >= 0);
	ready.fd = again;
	EXPECT_EQ(poll(&ready, 1, 0), 1);
	EXPECT_EQ(ready.revents, POLLHUP | POLLERR);
	EXPECT_ERRNO(pread(again, &value, 4, 0), ENODEV);
	EXPECT_ERRNO(mmap(NULL, page(), RW, MAP_SHARED, again, 0), ENODEV);
}

TEST(a_revoke_reaches_mappings_by_every_file_of_the_window)
{
	int control = open_control(), fd = shm(control, 0), again = reopen(fd, O_RDWR);
	void *first = map_window(fd, page(), RW), *second = map_window(again, page(), RW);

	EXPECT_EQ(touch_write(first, 1), 0);
	EXPECT_EQ(touch_write(second, 1), 0);
	EXPECT_EQ(set_state(control, window_id(fd), MMIOD_WINDOW_REVOKED), 0);
	EXPECT_EQ(touch_read(first), SIGBUS);
	EXPECT_EQ(touch_read(second), SIGBUS);
}

/* ---- rights ---- */

static void expect_no_more_than_reading(int fd)
{
	int again;

	EXPECT_ERRNO(reopen(fd, O_RDWR), EACCES);
	EXPECT_ERRNO(reopen(fd, O_WRONLY), EACCES);
	EXPECT_ERRNO(reopen(fd, O_WRONLY | O_TRUNC), EACCES);
	again = reopen(fd, O_RDONLY);
	EXPECT(again >= 0);
	EXPECT_ERRNO(mmap(NULL, page(), RW, MAP_SHARED, again, 0), EACCES);
	EXPECT_ERRNO(reopen(again, O_RDWR), EACCES);
}

static void expect_nothing(int fd)
{
	EXPECT_ERRNO(reopen(fd, O_RDWR), EACCES);
	EXPECT_ERRNO(reopen(fd, O_WRONLY), EACCES);
	EXPECT_ERRNO(reopen(fd, O_RDONLY), EACCES);
	EXPECT_ERRNO(reopen(fd, O_ACCMODE), EACCES);
}

/* A process that has what comes over the socket, and nothing else of the module's. */
static pid_t start_receiver(int *sock, void (*check)(int fd))
{
	int pair[2];
	pid_t child;

	EXPECT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	child = fork();
	if (!child) {
		check(receive_fd(pair[1]));
		_exit(0);
	}
	close(pair[1]);
	*sock = pair[0];
	return child;
}

static void expect_success(pid_t child)
{
	int status;

	EXPECT_EQ(waitpid(child, &status, 0), child);
	EXPECT(WIFEXITED(status) && !WEXITSTATUS(status));
}

TEST(who_got_a_read_only_descriptor_of_a_writable_window_cannot_open_it_for_writing)
{
	int sock;
	pid_t child = start_receiver(&sock, expect_no_more_than_reading);
	int fd = shm(open_control(), 0);

	send_fd(sock, reopen(fd, O_RDONLY));
	expect_success(child);
}

TEST(who_got_an_o_path_descriptor_of_a_window_cannot_open_it)
{
	int sock;
	pid_t child = start_receiver(&sock, expect_nothing);
	int fd = shm(open_control(), 0);

	send_fd(sock, reopen(fd, O_PATH));
	expect_success(child);
}

TEST(a_descriptor_for_reading_and_one_for_writing_together_open_for_both)
{
	int fd = shm(open_control(), 0);
	int reader = reopen(fd, O_RDONLY), writer = reopen(fd, O_WRONLY), both;

	close(fd);
	both = reopen(reader, O_RDWR);
	EXPECT(both >= 0);
	EXPECT_EQ(touch_write(map_window(both, page(), RW), 1), 0);
	close(both);
	close(writer);
	EXPECT_ERRNO(reopen(reader, O_RDWR), EACCES);
}

TEST(a_descriptor_of_another_window_opens_nothing)
{
	int control = open_control();
	int other = shm(control, 0), path = reopen(other, O_PATH);
	int fd = shm(control, 0);

	close(other);
	EXPECT_ERRNO(reopen(path, O_RDWR), ENXIO);
	other = shm(control, 0);
	path = reopen(other, O_PATH);
	dup2(fd, other);
	EXPECT(reopen(other, O_RDWR) >= 0);
	EXPECT_ERRNO(reopen(path, O_RDWR), ENXIO);
}

/* As an ordinary user whose processes may be looked at. */
static void become_operator(void)
{
	EXPECT_EQ(setgid(OPERATOR), 0);
	EXPECT_EQ(setuid(OPERATOR), 0);
	EXPECT_EQ(prctl(PR_SET_DUMPABLE, 1), 0);
}

static void expect_no_access_by_proc(pid_t holder, int fd)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", holder, fd);
	EXPECT_ERRNO(open(path, O_RDONLY), EACCES);
	EXPECT_ERRNO(open(path, O_RDWR), EACCES);
	EXPECT_EQ(close(open(path, O_PATH)), 0);
}

static pid_t start_stranger(pid_t holder, int fd)
{
	pid_t child = fork();

	if (child)
		return child;
	close(fd);
	become_operator();
	expect_no_access_by_proc(holder, fd);
	_exit(0);
}

static pid_t start_holder(int fd)
{
	int ready[2];
	pid_t child;
	char byte;

	EXPECT_EQ(pipe(ready), 0);
	child = fork();
	if (!child) {
		become_operator();
		EXPECT(reopen(fd, O_RDWR) >= 0);
		EXPECT_EQ(write(ready[1], "", 1), 1);
		for (;;)
			pause();
	}
	close(ready[1]);
	EXPECT_EQ(read(ready[0], &byte, 1), 1);
	return child;
}

static void expect_strangers_kept_out(const char *ptrace_scope)
{
	int fd = shm(open_control(), 0);
	pid_t holder = start_holder(fd);

	if (!access("/proc/sys/kernel/yama/ptrace_scope", F_OK))
		EXPECT_EQ(write_file("/proc/sys/kernel/yama", "ptrace_scope", ptrace_scope), 0);
	expect_success(start_stranger(holder, fd));
	kill(holder, SIGKILL);
	waitpid(holder, NULL, 0);
}

TEST(another_process_of_the_user_cannot_open_a_window_by_the_holders_proc)
{
	expect_strangers_kept_out("0");
	expect_strangers_kept_out("1");
}

/* ---- what else a file may be ---- */

TEST(a_file_that_is_open_for_writing_only_cannot_be_read_or_mapped)
{
	int fd = shm(open_control(), 0), writer = reopen(fd, O_WRONLY);
	uint32_t value = 7;
	struct mmiod_window_access access = { .size = sizeof(access),
					      .op = MMIOD_ACCESS_READ,
					      .count = 1,
					      .width = 4,
					      .buffer = (uintptr_t)&value };

	EXPECT_ERRNO(pread(writer, &value, 4, 0), EBADF);
	EXPECT_ERRNO(ioctl(writer, MMIOD_IOC_ACCESS, &access), EBADF);
	access.op = MMIOD_ACCESS_COPY_FROM;
	access.width = 0;
	access.count = 4;
	EXPECT_ERRNO(ioctl(writer, MMIOD_IOC_ACCESS, &access), EBADF);
	EXPECT_ERRNO(mmap(NULL, page(), PROT_WRITE, MAP_SHARED, writer, 0), EACCES);
	EXPECT_EQ(pwrite(writer, &value, 4, 0), 4);
	access.op = MMIOD_ACCESS_WRITE;
	access.width = 4;
	access.count = 1;
	EXPECT_EQ(ioctl(writer, MMIOD_IOC_ACCESS, &access), 0);
}

static void expect_whole(int fd)
{
	struct stat status;
	uint32_t value = 0;

	EXPECT_EQ(fstat(fd, &status), 0);
	EXPECT_EQ(status.st_size, 2 * page());
	EXPECT_EQ(pread(fd, &value, 4, 0), 4);
	EXPECT_EQ(value, 0xfeed);
}

TEST(truncation_is_accepted_and_changes_nothing)
{
	int fd = shm(open_control(), 0);
	uint32_t value = 0xfeed;
	char path[64];
	int again;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	EXPECT_EQ(pwrite(fd, &value, 4, 0), 4);
	again = reopen(fd, O_WRONLY | O_CREAT | O_TRUNC);
	EXPECT(again >= 0);
	expect_whole(fd);
	EXPECT_EQ(ftruncate(again, 0), 0);
	EXPECT_EQ(ftruncate(again, 1 << 30), 0);
	EXPECT_EQ(truncate(path, 4), 0);
	expect_whole(fd);
	EXPECT_EQ(fsync(fd), 0);
	EXPECT_ERRNO(ftruncate(reopen(fd, O_RDONLY), 0), EINVAL);
}

TEST(mode_owner_and_times_of_a_window_are_nobodys_to_change)
{
	int fd = shm(open_control(), 0), again = reopen(fd, O_RDWR);
	const struct timespec times[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };
	const struct timespec now[2] = { { .tv_nsec = UTIME_NOW }, { .tv_nsec = UTIME_NOW } };

	EXPECT_ERRNO(fchmod(again, 0600), EPERM);
	EXPECT_ERRNO(fchown(again, OPERATOR, OPERATOR), EPERM);
	EXPECT_ERRNO(futimens(again, times), EPERM);
	EXPECT_ERRNO(futimens(again, now), EPERM);
}

/* ---- the last close ---- */

TEST(a_path_that_outlived_its_window_opens_nothing)
{
	int control = open_control(), fd = shm(control, 0), path = reopen(fd, O_PATH);

	close(fd);
	EXPECT_ERRNO(reopen(path, O_RDONLY), ENXIO);
	EXPECT_ERRNO(reopen(path, O_RDWR), ENXIO);
	EXPECT_ERRNO(reopen(path, O_WRONLY | O_TRUNC), ENXIO);
}

static void *close_it(void *argument)
{
	close(*(int *)argument);
	return NULL;
}

/* Whichever comes first: there is a file, and the window with it, or neither. */
static void race_with_the_last_close(int control)
{
	int fd = shm(control, 0), path = reopen(fd, O_PATH), again;
	uint64_t id = window_id(fd);
	pthread_t thread;

	EXPECT_EQ(pthread_create(&thread, NULL, close_it, &fd), 0);
	again = reopen(path, O_RDWR);
	if (again < 0)
		EXPECT(errno == ENXIO || errno == EACCES);
	pthread_join(thread, NULL);
	if (again >= 0)
		EXPECT_EQ(window_id(again), id);
	EXPECT_EQ(is_listed(control, id), again >= 0);
	close(again);
	EXPECT(!is_listed(control, id));
	close(path);
}

TEST(opening_races_with_the_last_close)
{
	int control = open_control();

	for (int i = 0; i < 300; i++)
		race_with_the_last_close(control);
}

/* ---- who else has it ---- */

TEST(users_are_counted_through_dup_fork_messages_mappings_and_other_files)
{
	int fd = shm(open_control(), 0), pair[2], other;
	void *address;
	pid_t child;

	EXPECT_EQ(users(fd), 0);
	other = dup(fd);
	EXPECT_EQ(users(fd), 1);
	close(other);
	EXPECT_EQ(users(fd), 0);
	address = map_window(fd, page(), RW);
	EXPECT_EQ(users(fd), 1);
	munmap(address, page());
	EXPECT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	send_fd(pair[0], fd);
	EXPECT_EQ(users(fd), 1);
	close(receive_fd(pair[1]));
	EXPECT_EQ(users(fd), 0);
	other = reopen(fd, O_RDONLY);
	EXPECT_EQ(users(fd), 1);
	EXPECT_EQ(users(other), 1);
	close(other);
	child = fork();
	if (!child)
		for (;;)
			pause();
	EXPECT_EQ(users(fd), 1);
	kill(child, SIGKILL);
	EXPECT_EQ(waitpid(child, NULL, 0), child);
	EXPECT_EQ(users(fd), 0);
}

TEST(a_mapping_by_another_file_counts_when_that_file_is_closed)
{
	int fd = shm(open_control(), 0), other = reopen(fd, O_RDONLY);
	void *address = map_window(other, page(), PROT_READ);

	close(other);
	EXPECT_EQ(users(fd), 1);
	munmap(address, page());
	EXPECT_EQ(users(fd), 0);
}

TEST(a_query_of_the_first_version_knows_no_users)
{
	int fd = shm(open_control(), 0);
	struct mmiod_window_query query = { .users = 77 };

	query.size = offsetof(struct mmiod_window_query, users);
	EXPECT_EQ(ioctl(fd, MMIOD_IOC_QUERY, &query), 0);
	EXPECT_EQ(query.page_size, page());
	EXPECT_EQ(query.users, 77);
	query.size = offsetof(struct mmiod_window_query, users) - 4;
	EXPECT_ERRNO(ioctl(fd, MMIOD_IOC_QUERY, &query), EINVAL);
}
