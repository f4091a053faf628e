// SPDX-License-Identifier: MIT
/*
 * Revocation: after it, nothing reaches the pages, however the mapping was made, moved or
 * inherited.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fixture.h"

#define UC MMIOD_ATTR_UC
#define RW (PROT_READ | PROT_WRITE)

static void take(int control, int fd)
{
	EXPECT_EQ(set_state(control, window_id(fd), MMIOD_WINDOW_REVOKED), 0);
}

TEST(a_revoked_window_raises_sigbus_and_keeps_its_addresses)
{
	int control = open_control();
	int fd = window(control, "shm", 0, 4 * page(), UC, 0);
	uint8_t *address = map_window(fd, 4 * page(), RW);
	void *other;

	for (size_t i = 0; i < 4; i++)
		EXPECT_EQ(touch_write(address + i * page(), 1), 0);
	take(control, fd);
	for (size_t i = 0; i < 4; i++) {
		EXPECT_EQ(touch_read(address + i * page()), SIGBUS);
		EXPECT_EQ(touch_write(address + i * page(), 1), SIGBUS);
	}
	other = mmap(address, page(), PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
		     -1, 0);
	EXPECT(other == MAP_FAILED && errno == EEXIST);
}

TEST(a_revoked_window_answers_enodev_to_everything_else)
{
	int control = open_control();
	int fd = window(control, "shm", 0, page(), UC, 0);
	void *address = map_window(fd, page(), RW);
	struct pollfd waiting = { .fd = fd, .events = POLLIN };
	uint32_t value = 0;
	struct mmiod_window_access access = { .size = sizeof(access),
					      .op = MMIOD_ACCESS_READ,
					      .count = 1,
					      .width = 4,
					      .buffer = (uintptr_t)&value };

	EXPECT_EQ(poll(&waiting, 1, 0), 1);
	EXPECT_EQ(waiting.revents, POLLIN);
	EXPECT_EQ(pread(fd, &value, 4, 0), 4);
	take(control, fd);
	EXPECT_ERRNO(pread(fd, &value, 4, 0), ENODEV);
	EXPECT_ERRNO(pwrite(fd, &value, 4, 0), ENODEV);
	EXPECT_ERRNO(ioctl(fd, MMIOD_IOC_ACCESS, &access), ENODEV);
	EXPECT_ERRNO(mmap(NULL, page(), RW, MAP_SHARED, fd, 0), ENODEV);
	EXPECT_ERRNO(populate(fd, address, page()), ENODEV);
	EXPECT_EQ(poll(&waiting, 1, 0), 1);
	EXPECT_EQ(waiting.revents, POLLHUP | POLLERR);
	EXPECT_EQ(window_info(control, fd).state, MMIOD_WINDOW_REVOKED);
}

TEST(revocation_is_final_and_revoking_twice_is_no_error)
{
	int control = open_control();
	int fd = window(control, "shm", 0, page(), UC, 0);

	take(control, fd);
	take(control, fd);
	EXPECT_ERRNO(set_state(control, window_id(fd), MMIOD_WINDOW_OK), ENODEV);
	EXPECT_ERRNO(set_state(control, window_id(fd), MMIOD_WINDOW_SUSPENDED), ENODEV);
	EXPECT_ERRNO(set_state(control, window_id(fd), 3), EINVAL);
	EXPECT_ERRNO(set_state(control, 1ULL << 62, MMIOD_WINDOW_REVOKED), ENOENT);
}

TEST(revocation_wakes_a_waiting_poll)
{
	int control = open_control();
	int fd = window(control, "shm", 0, page(), UC, 0);
	struct pollfd waiting = { .fd = fd };
	pid_t child = fork();

	if (!child) {
		usleep(200000);
		_exit(set_state(control, window_id(fd), MMIOD_WINDOW_REVOKED) != 0);
	}
	EXPECT_EQ(poll(&waiting, 1, -1), 1);
	EXPECT(waiting.revents & POLLHUP);
}

TEST(revocation_reaches_only_its_own_window)
{
	int control = open_control();
	int fd = window(control, "shm", 0, page(), UC, 0);
	int other = window(control, "shm", 0, 2 * page(), UC, 0);
	uint8_t *address = map_window(fd, page(), RW);
	uint8_t *alive = map_window(other, 2 * page(), RW);

	EXPECT_EQ(touch_read(address), 0);
	EXPECT_EQ(touch_read(alive), 0);
	take(control, fd);
	EXPECT_EQ(touch_read(address), SIGBUS);
	EXPECT_EQ(touch_read(alive), 0);
	EXPECT_EQ(touch_write(alive + page(), 1), 0);
}

/*
 * Touch @address in a child; the child says when it is mapped, and what it sees after the parent
 * has gone on.
 */
static void child_sees(int control, int fd, uint8_t *address, bool close_file)
{
	int ready[2], go[2], status;
	char byte = 0;
	pid_t child;

	EXPECT_EQ(pipe(ready) | pipe(go), 0);
	child = fork();
	if (!child) {
		if (close_file)
			close(fd);
		EXPECT_EQ(touch_write(address, 1), 0);
		EXPECT_EQ(write(ready[1], &byte, 1), 1);
		EXPECT_EQ(read(go[0], &byte, 1), 1);
		_exit(touch_read(address) == SIGBUS ? 0 : 1);
	}
	EXPECT_EQ(read(ready[0], &byte, 1), 1);
	take(control, fd);
	EXPECT_EQ(write(go[1], &byte, 1), 1);
	EXPECT_EQ(waitpid(child, &status, 0), child);
	EXPECT_EQ(status, 0);
}

TEST(revocation_reaches_a_forked_child)
{
	int control = open_control();
	int fd = window(control, "shm", 0, page(), UC, 0);
	uint8_t *address = map_window(fd, page(), RW);

	EXPECT_EQ(touch_write(address, 1), 0);
	child_sees(control, fd, address, false);
	EXPECT_EQ(touch_read(address), SIGBUS);
}

TEST(revocation_reaches_a_child_that_closed_the_file)
{
	int control = open_control();
	int fd = window(control, "shm", 0, page(), UC, 0);

	child_sees(control, fd, map_window(fd, page(), RW), true);
}

TEST(a_mapping_outlives_its_descriptor_and_can_still_be_revoked)
{
	int control = open_control();
	int fd = window(control, "shm", 0, page(), UC, 0);
	uint64_t id = window_id(fd);
	uint8_t *address = map_window(fd, page(), RW);

	close(fd);
	EXPECT_EQ(touch_write(address, 7), 0);
	EXPECT_EQ(set_state(control, id, MMIOD_WINDOW_REVOKED), 0);
	EXPECT_EQ(touch_read(address), SIGBUS);
	munmap(address, page());
	EXPECT_ERRNO(set_state(control, id, MMIOD_WINDOW_REVOKED), ENOENT);
}

TEST(revocation_reaches_moved_and_split_mappings)
{
	int control = open_control();
	int fd = window(control, "shm", 0, 8 * page(), UC, 0);
	uint8_t *place = mmap(NULL, 8 * page(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint8_t *address = map_window(fd, 8 * page(), RW);

	for (size_t i = 0; i < 8; i++)
		EXPECT_EQ(touch_write(address + i * page(), i), 0);
	address = mremap(address, 8 * page(), 8 * page(), MREMAP_MAYMOVE | MREMAP_FIXED, place);
	EXPECT(address == place);
	EXPECT_EQ(munmap(address + 2 * page(), page()), 0);
	EXPECT_EQ(mprotect(address + 5 * page(), page(), PROT_READ), 0);
	EXPECT_EQ(window_info(control, fd).mappings, 4);
	EXPECT_EQ(address[7 * page()], 7);
	take(control, fd);
	for (size_t i = 0; i < 8; i++)
		EXPECT_EQ(touch_read(address + i * page()), i == 2 ? SIGSEGV : SIGBUS);
	munmap(address, 8 * page());
	EXPECT_EQ(window_info(control, fd).mappings, 0);
}

TEST(revocation_takes_a_populated_window)
{
	int control = open_control();
	int fd = window(control, "shm", 0, 16 * page(), UC, 0);
	uint8_t *address = map_window(fd, 16 * page(), RW);

	EXPECT_EQ(populate(fd, address, 16 * page()), 0);
	EXPECT_EQ(munmap(address + 4 * page(), page()), 0);
	take(control, fd);
	for (size_t i = 0; i < 16; i++)
		EXPECT_EQ(touch_read(address + i * page()), i == 4 ? SIGSEGV : SIGBUS);
}

TEST(suspension_faults_until_resumed)
{
	int control = open_control();
	int fd = window(control, "shm", 0, page(), UC, 0);
	uint8_t *address = map_window(fd, page(), RW);
	struct pollfd waiting = { .fd = fd, .events = POLLPRI };
	uint64_t id = window_id(fd);
	uint32_t value;

	EXPECT_EQ(touch_write(address, 0x77), 0);
	EXPECT_EQ(set_state(control, id, MMIOD_WINDOW_SUSPENDED), 0);
	EXPECT_EQ(touch_read(address), SIGBUS);
	EXPECT_ERRNO(pread(fd, &value, 4, 0), EAGAIN);
	EXPECT_ERRNO(populate(fd, address, page()), EAGAIN);
	EXPECT_EQ(poll(&waiting, 1, 0), 1);
	EXPECT_EQ(waiting.revents, POLLPRI);
	EXPECT_EQ(set_state(control, id, MMIOD_WINDOW_OK), 0);
	EXPECT_EQ(touch_read(address), 0);
	EXPECT_EQ(*address, 0x77);
	EXPECT_EQ(poll(&waiting, 1, 0), 0);
	EXPECT_EQ(set_state(control, id, MMIOD_WINDOW_SUSPENDED), 0);
	take(control, fd);
	EXPECT_EQ(touch_read(address), SIGBUS);
	EXPECT_ERRNO(pread(fd, &value, 4, 0), ENODEV);
}

TEST(a_window_with_a_dummy_page_reads_ones_after_revocation)
{
	int control = open_control();
	int fd = window(control, "shm", 0, 2 * page(), UC, MMIOD_WINDOW_DUMMY);
	int all = window(control, "shm", 0, 2 * page(), UC, 0);
	volatile uint8_t *address = map_window(fd, 2 * page(), RW);
	volatile uint8_t *device = map_window(all, 2 * page(), RW);

	address[0] = 1;
	address[page()] = 2;
	EXPECT_EQ(set_state(control, window_id(fd), MMIOD_WINDOW_SUSPENDED), 0);
	EXPECT_EQ(touch_read(address), SIGBUS);
	take(control, fd);
	for (size_t i = 0; i < 2 * page(); i++)
		EXPECT_EQ(address[i], 0xff);
	address[0] = 0x33;
	EXPECT_EQ(device[0], 1);
	EXPECT_EQ(device[page()], 2);
}

TEST(a_read_only_window_with_a_dummy_page_stays_read_only)
{
	int control = open_control();
	int fd = window(control, "shm", 0, page(), UC, MMIOD_WINDOW_DUMMY | MMIOD_WINDOW_READONLY);
	uint8_t *address = map_window(fd, page(), PROT_READ);

	take(control, fd);
	EXPECT_EQ(touch_read(address), 0);
	EXPECT_EQ(touch_write(address, 1), SIGSEGV);
}

/*
 * ---- races: 300 rounds each; what counts is that no mapping survives the revoke ----
 *
 * A thread maps many page tables, or huge leaves, which takes a while; the revoke comes at a random
 * moment of that while, measured before. A module that built page tables outside window->lock fails
 * this within a few rounds.
 */

enum { ROUNDS = 300, RACE_PAGES = 16384, RACE_STEP = 509 };

/* The way in which the thread maps: on fault if NULL. */
typedef int populate_fn(int fd, void *address, size_t length);

struct race {
	int fd;
	populate_fn *populates;
	uint8_t *address;
	atomic_bool go;
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

static void *map_in_a_race(void *argument)
{
	struct race *race = argument;

	while (!atomic_load(&race->go))
		;
	race->address = mmap(NULL, RACE_PAGES * page(), RW, MAP_SHARED, race->fd, 0);
	if (race->address == MAP_FAILED)
		return NULL;
	if (race->populates)
		race->populates(race->fd, race->address, RACE_PAGES * page());
	else
		for (size_t i = 0; i < RACE_PAGES && !touch_read(race->address + i * page());
		     i += RACE_STEP)
			;
	return NULL;
}

static void expect_all_gone(uint8_t *address)
{
	if (address == MAP_FAILED)
		return;
	for (size_t i = 0; i < RACE_PAGES; i += RACE_STEP)
		EXPECT_EQ(touch_read(address + i * page()), SIGBUS);
	EXPECT_EQ(touch_read(address + (RACE_PAGES - 1) * page()), SIGBUS);
	munmap(address, RACE_PAGES * page());
}

/* The time that the thread takes when nobody disturbs it. */
static uint64_t measure(int control, populate_fn *populates)
{
	struct race race = { .fd = window(control, "shm", 0, RACE_PAGES * page(), UC, 0),
			     .populates = populates,
			     .go = true };
	uint64_t start = now_ns();

	map_in_a_race(&race);
	start = now_ns() - start;
	munmap(race.address, RACE_PAGES * page());
	close(race.fd);
	return start;
}

static void race_once(int control, populate_fn *populates, uint64_t delay_ns)
{
	struct race race = { .fd = window(control, "shm", 0, RACE_PAGES * page(), UC, 0),
			     .populates = populates };
	uint64_t id = window_id(race.fd), start;
	pthread_t thread;

	EXPECT_EQ(pthread_create(&thread, NULL, map_in_a_race, &race), 0);
	start = now_ns();
	atomic_store(&race.go, true);
	while (now_ns() - start < delay_ns)
		;
	EXPECT_EQ(set_state(control, id, MMIOD_WINDOW_REVOKED), 0);
	pthread_join(thread, NULL);
	expect_all_gone(race.address);
	close(race.fd);
}

static void race_often(populate_fn *populates)
{
	int control = open_control();
	uint64_t duration = measure(control, populates);

	srand(1);
	for (int round = 0; round < tap_rounds(ROUNDS); round++)
		race_once(control, populates, duration * (rand() % 1000) / 1000);
}

TEST_WITHIN(600, no_mapping_survives_a_revoke_in_the_middle_of_mmap_and_faults)
{
	race_often(NULL);
}

TEST_WITHIN(600, no_mapping_survives_a_revoke_in_the_middle_of_populate)
{
	race_often(populate);
}

TEST_WITHIN(600, no_mapping_survives_a_revoke_in_the_middle_of_remap_pfn_range)
{
	race_often(populate_exactly);
}

static void fork_storm(uint8_t *address)
{
	for (int i = 0; i < 20; i++) {
		pid_t child = fork();

		if (!child) {
			touch_write(address, 1);
			_exit(0);
		}
		waitpid(child, NULL, 0);
	}
}

TEST_WITHIN(300, no_child_keeps_a_mapping_when_forks_race_with_a_revoke)
{
	int control = open_control();

	for (int round = 0; round < 10; round++) {
		int fd = window(control, "shm", 0, page(), UC, 0);
		uint8_t *address = map_window(fd, page(), RW);
		uint64_t id = window_id(fd);
		pid_t storm;

		EXPECT_EQ(touch_write(address, 1), 0);
		storm = fork();
		if (!storm) {
			fork_storm(address);
			_exit(touch_read(address) == SIGBUS ? 0 : 1);
		}
		usleep(2000 * round);
		EXPECT_EQ(set_state(control, id, MMIOD_WINDOW_REVOKED), 0);
		EXPECT_EQ(touch_read(address), SIGBUS);
		waitpid(storm, NULL, 0);
		munmap(address, page());
		close(fd);
	}
}

static void *read_in_a_race(void *argument)
{
	struct race *race = argument;
	uint32_t words[256];
	ssize_t got;

	while (!atomic_load(&race->go))
		;
	do
		got = pread(race->fd, words, sizeof(words), 0);
	while (got > 0); /* a transfer that is cut short says how much it did */
	return (void *)(intptr_t)(got < 0 ? errno : 0);
}

TEST_WITHIN(120, mediated_access_ends_cleanly_in_a_race_with_revoke)
{
	int control = open_control();

	for (int round = 0; round < 50; round++) {
		struct race race = { .fd = window(control, "shm", 0, page(), UC, 0) };
		pthread_t thread;
		void *result;

		EXPECT_EQ(pthread_create(&thread, NULL, read_in_a_race, &race), 0);
		atomic_store(&race.go, true);
		usleep(round * 20);
		take(control, race.fd);
		pthread_join(thread, &result);
		EXPECT_EQ((intptr_t)result, ENODEV);
		close(race.fd);
	}
}
