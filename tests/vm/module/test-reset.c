// SPDX-License-Identifier: MIT
/*
 * Resets that the holder of a device file asks for: what they do to windows and to others, and that
 * nobody waits for them but who asked.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "calls.h"
#include "device.h"

#define UC MMIOD_ATTR_UC
#define RW (PROT_READ | PROT_WRITE)
#define RESET MMIOD_OPERATE_RESET
#define OTHERS MMIOD_OPERATE_RESET_OTHERS

#define MEMORY 0x2
#define MASTER 0x4

static int reset(int fd)
{
	struct mmiod_device_reset arg = { .size = sizeof(arg) };

	return ioctl(fd, MMIOD_IOC_DEVICE_RESET, &arg);
}

/* The region of a function's BAR 0. */
static uint64_t claim(int control, uint32_t device, uint32_t flags)
{
	struct mmiod_region_claim claim = {
		.pci = device, .width = 4, .flags = flags, .name = "under-reset"
	};

	return claim_bar(control, claim);
}

static int window_for(int control, uint64_t region_id, uint64_t owner)
{
	return window_on(control, region_id, page(), owner);
}

TEST(a_reset_by_the_holder_suspends_the_windows_and_they_work_after_it)
{
	int control = open_control(), fd = operate(control, nvme(), READ | RESET, 0, 1), held;
	uint64_t region_id = claim(control, nvme(), 0);
	volatile uint32_t *registers;
	uint32_t version, value;

	held = window_for(control, region_id, 1);
	registers = map_window(held, page(), RW);
	version = registers[2];
	EXPECT_EQ(reset_now(fd, NULL), 0);
	EXPECT(happens(control, MMIOD_CONTROL_DEVICE_RESET, 1, nvme()));
	EXPECT(happens(control, MMIOD_CONTROL_WINDOW_STATE, MMIOD_WINDOW_OK, window_id(held)));
	EXPECT(happens(control, MMIOD_CONTROL_DEVICE_RESET, 0, nvme()));
	EXPECT_EQ(registers[2], version);
	EXPECT_EQ(pread(fd, &value, 4, 0), 4);
	EXPECT_EQ(value, 0x00101b36);
	EXPECT(!(pci_command(nvme()) & MASTER));
	EXPECT(pci_command(nvme()) & MEMORY);
}

TEST(a_device_file_tells_that_there_was_a_reset_until_it_is_asked)
{
	int control = open_control(), fd = operate(control, nvme(), READ | RESET, 0, 1);
	struct pollfd poll_fd = { .fd = fd, .events = POLLPRI };
	uint32_t resets = query(fd).resets;

	EXPECT_EQ(poll(&poll_fd, 1, 0), 0);
	EXPECT_EQ(reset_now(fd, NULL), 0);
	EXPECT_EQ(poll(&poll_fd, 1, 0), 1);
	EXPECT_EQ(poll_fd.revents, POLLPRI);
	EXPECT_EQ(query(fd).resets, resets + 1);
	EXPECT_EQ(query(fd).reasons, 0);
	EXPECT_EQ(poll(&poll_fd, 1, 0), 0);
}

/* Where no MSI is set up nobody restores its address. */
TEST(a_function_behind_a_port_of_its_own_is_reset_by_the_link)
{
	uint32_t device = edu_behind_port(), address = 0xfee00000;
	int control = open_control(), fd = operate(control, device, READ | RESET, 0, 1);
	struct mmiod_device_reset arg;
	unsigned int at = capability(device, 5) + 4;

	set_past_the_module(device, &address, 4, at);
	EXPECT_EQ(pread(fd, &address, 4, at), 4);
	EXPECT_EQ(address, 0xfee00000);
	EXPECT_EQ(reset_now(fd, &arg), 0);
	EXPECT(arg.duration_us >= 1000);
	EXPECT_EQ(pread(fd, &address, 4, at), 4);
	EXPECT_EQ(address, 0);
	EXPECT(pci_command(device) & MEMORY);
}

TEST(a_function_that_the_kernel_cannot_reset_says_so)
{
	int control = open_control(), fd = operate(control, edu(), READ | RESET, 0, 1);

	EXPECT_ERRNO(reset_now(fd, NULL), ENOTTY);
	EXPECT_EQ(query(fd).resets, 0);
	EXPECT_EQ(query(fd).state, MMIOD_WINDOW_OK);
	close(fd);
	fd = operate(control, nvme(), READ | RESET, MMIOD_OPERATE_NEVER_RESET, 1);
	EXPECT_ERRNO(reset_now(fd, NULL), ENOTTY);
}

TEST(who_has_not_the_right_to_reset_does_not)
{
	int control = open_control(), fd = operate(control, nvme(), READ | WRITE, 0, 1);
	struct mmiod_device_reset arg = { .size = sizeof(arg), .flags = 1 };
	unsigned int at = capability(nvme(), 0x10) + 8;
	uint32_t resets = query(fd).resets;
	uint16_t devctl;

	EXPECT_ERRNO(reset(fd), EPERM);
	EXPECT_ERRNO(ioctl(fd, MMIOD_IOC_DEVICE_RESET, &arg), EINVAL);
	EXPECT_EQ(pread(fd, &devctl, 2, at), 2);
	devctl |= 0x8000;
	EXPECT_ERRNO(pwrite(fd, &devctl, 2, at), EPERM);
	EXPECT_EQ(query(fd).resets, resets);
}

TEST(the_bit_of_the_device_control_that_resets_is_a_reset)
{
	int control = open_control(), fd = operate(control, nvme(), READ | WRITE | RESET, 0, 1);
	unsigned int at = capability(nvme(), 0x10) + 8;
	uint32_t resets = query(fd).resets;
	uint16_t devctl, flr;
	ssize_t ret;

	EXPECT_EQ(pread(fd, &devctl, 2, at), 2);
	flr = devctl | 0x8000;
	while ((ret = pwrite(fd, &flr, 2, at)) < 0 && errno == EAGAIN)
		;
	EXPECT_EQ(ret, 2);
	EXPECT_EQ(query(fd).resets, resets + 1);
	EXPECT_EQ(pread(fd, &flr, 2, at), 2);
	EXPECT_EQ(flr, devctl);
}

/* ---- others ---- */

TEST(a_reset_that_would_hit_another_owner_is_refused_and_names_what_he_has)
{
	static const uint64_t owners[] = { 2, 0 };
	int control = open_control(), fd = operate(control, nvme(), READ | RESET, 0, 1);
	struct mmiod_device_reset arg;
	uint64_t region_id = claim(control, nvme(), 0);

	for (int i = 0; i < 2; i++) {
		int mine = window_for(control, region_id, 1);
		int other = window_for(control, region_id, owners[i]);

		EXPECT_ERRNO(reset_now(fd, &arg), EBUSY);
		EXPECT_EQ(arg.conflict_id, window_id(other));
		EXPECT_EQ(window_info(control, other).owner, owners[i]);
		close(other);
		EXPECT_EQ(reset_now(fd, NULL), 0);
		close(mine);
	}
}

TEST(files_of_owner_0_are_in_the_way_of_each_other)
{
	int control = open_control(), fd = operate(control, nvme(), READ | RESET, 0, 0);
	int held = window_for(control, claim(control, nvme(), 0), 0);

	EXPECT_ERRNO(reset_now(fd, NULL), EBUSY);
	close(held);
	EXPECT_EQ(reset_now(fd, NULL), 0);
}

TEST(who_may_reset_under_others_suspends_their_windows_too)
{
	int control = open_control(), fd = operate(control, nvme(), RESET | OTHERS, 0, 1);
	int other = window_for(control, claim(control, nvme(), 0), 2);
	uint32_t value;

	EXPECT_EQ(reset_now(fd, NULL), 0);
	EXPECT(happens(control, MMIOD_CONTROL_WINDOW_STATE, MMIOD_WINDOW_SUSPENDED,
		       window_id(other)));
	EXPECT(happens(control, MMIOD_CONTROL_WINDOW_STATE, MMIOD_WINDOW_OK, window_id(other)));
	EXPECT_EQ(pread(other, &value, 4, 8), 4);
}

TEST(where_a_reset_revokes_it_spares_the_windows_of_who_asked_for_it)
{
	int control = open_control(), fd = operate(control, nvme(), RESET | OTHERS, 0, 1);
	uint64_t region_id = claim(control, nvme(), MMIOD_REGION_REVOKE_ON_RESET);
	int mine = window_for(control, region_id, 1), other = window_for(control, region_id, 2);
	uint32_t value;

	EXPECT_EQ(reset_now(fd, NULL), 0);
	EXPECT_EQ(pread(mine, &value, 4, 8), 4);
	EXPECT_ERRNO(pread(other, &value, 4, 8), ENODEV);
	EXPECT_EQ(write_file(pci_path(nvme()), "reset", "1"), 0);
	EXPECT_ERRNO(pread(mine, &value, 4, 8), ENODEV);
}

/* ---- nobody waits for a reset ---- */

static void *reset_in_thread(void *fd)
{
	return (void *)(intptr_t)(reset_now((intptr_t)fd, NULL) ? errno : 0);
}

static pthread_t begin_reset(int control, int fd, uint32_t device)
{
	pthread_t thread;

	EXPECT_EQ(pthread_create(&thread, NULL, reset_in_thread, (void *)(intptr_t)fd), 0);
	EXPECT(happens(control, MMIOD_CONTROL_DEVICE_RESET, 1, device));
	return thread;
}

static int end_reset(pthread_t thread)
{
	void *error;

	pthread_join(thread, &error);
	return (intptr_t)error;
}

TEST(a_revoke_and_a_close_do_not_wait_for_a_reset)
{
	int control = open_control(), fd = operate(control, nvme(), READ | RESET, 0, 1);
	int reader = operate(control, nvme(), READ, 0, 2);
	int held = window_for(control, claim(control, nvme(), 0), 1);
	uint64_t id = query(fd).id;
	pthread_t thread;
	uint32_t value;

	hold_resets(true);
	thread = begin_reset(control, fd, nvme());
	EXPECT_ERRNO(pread(fd, &value, 4, 0), EAGAIN);
	EXPECT_ERRNO(reset(fd), EAGAIN);
	EXPECT_EQ(query(fd).reasons, MMIOD_REASON_RESET);
	close(reader);
	EXPECT_EQ(set_state(control, window_id(held), MMIOD_WINDOW_REVOKED), 0);
	EXPECT_EQ(set_state(control, id, MMIOD_WINDOW_REVOKED), 0);
	EXPECT_ERRNO(pread(fd, &value, 4, 0), ENODEV);
	hold_resets(false);
	EXPECT_EQ(end_reset(thread), ENODEV);
	EXPECT(happens(control, MMIOD_CONTROL_DEVICE_RESET, 0, nvme()));
}

TEST(a_holder_that_is_killed_in_a_reset_is_gone_and_the_reset_ends)
{
	int control = open_control(), status;
	uint32_t device = nvme();
	pid_t child;

	hold_resets(true);
	child = fork();
	if (!child)
		_exit(reset_now(operate(control, device, READ | RESET, 0, 1), NULL));
	EXPECT(happens(control, MMIOD_CONTROL_DEVICE_RESET, 1, device));
	kill(child, SIGKILL);
	EXPECT_EQ(waitpid(child, &status, 0), child);
	EXPECT(WIFSIGNALED(status));
	hold_resets(false);
	EXPECT(happens(control, MMIOD_CONTROL_DEVICE_RESET, 0, device));
}

static void *unbind(void *path)
{
	char directory[128];

	snprintf(directory, sizeof(directory), "%s/driver", (char *)path);
	write_file(directory, "unbind", strrchr(path, '/') + 1);
	return NULL;
}

TEST(a_function_may_be_unbound_while_it_is_reset)
{
	int control = open_control(), fd = operate(control, nvme(), READ | RESET, 0, 1);
	char *path = strdup(pci_path(nvme()));
	uint32_t device = nvme(), value;
	pthread_t thread, unbinding;

	hold_resets(true);
	thread = begin_reset(control, fd, device);
	EXPECT_EQ(pthread_create(&unbinding, NULL, unbind, path), 0);
	usleep(100000);
	hold_resets(false);
	end_reset(thread);
	pthread_join(unbinding, NULL);
	EXPECT_ERRNO(pread(fd, &value, 4, 0), ENODEV);
	EXPECT_ERRNO(reset_now(fd, NULL), ENODEV);
	bind_driver(device, "mmiod");
	EXPECT_ERRNO(reset_now(fd, NULL), ENODEV);
}

TEST(a_device_that_does_not_answer_after_its_holders_reset_stays_suspended_until_one_that_works)
{
	const uint32_t port = MMIOD_PCI_ADDR(0, 0, 5, 0);
	int control = open_control(), held = window(control, "shm", 0, page(), UC, 0), fd, ret;
	uint32_t shm = find_pci(0x1af4, 0x1110), value;

	fd = operate(control, shm, RESET | OTHERS, 0, 1);
	set_pci_command(port, MEMORY, false);
	ret = reset_now(fd, NULL) ? errno : 0;
	set_pci_command(port, MEMORY, true);
	EXPECT_EQ(ret, EIO);
	EXPECT_EQ(window_info(control, held).state, MMIOD_WINDOW_SUSPENDED);
	EXPECT_EQ(query(fd).state, MMIOD_WINDOW_SUSPENDED);
	EXPECT_EQ(query(fd).reasons, MMIOD_REASON_ERROR);
	EXPECT_EQ(reset_now(fd, NULL), 0);
	EXPECT_EQ(query(fd).state, MMIOD_WINDOW_OK);
	EXPECT_EQ(pread(held, &value, 4, 0), 4);
}

/* ---- all at once ---- */

static atomic_bool over;

static void *reset_again_and_again(void *fd)
{
	while (!atomic_load(&over))
		if (reset((intptr_t)fd) && errno != EAGAIN && errno != ENODEV)
			return (void *)(intptr_t)errno;
	return NULL;
}

static void *read_again_and_again(void *fd)
{
	uint8_t space[4096];

	while (!atomic_load(&over))
		if (pread((intptr_t)fd, space, sizeof(space), 0) < 0 && errno != EAGAIN &&
		    errno != ENODEV)
			return (void *)(intptr_t)errno;
	return NULL;
}

TEST(resets_by_client_and_root_reads_revocations_and_unbinding_go_together)
{
	int control = open_control(), fd, reader;
	uint32_t device = nvme();

	for (int round = 0; round < 4; round++) {
		pthread_t threads[2];
		void *error;

		fd = operate(control, device, READ | RESET, 0, 1);
		reader = operate(control, device, READ, 0, 1);
		atomic_store(&over, false);
		pthread_create(&threads[0], NULL, reset_again_and_again, (void *)(intptr_t)fd);
		pthread_create(&threads[1], NULL, read_again_and_again, (void *)(intptr_t)reader);
		for (int i = 0; i < 3; i++)
			write_file(pci_path(device), "reset", "1");
		if (round & 1)
			EXPECT_EQ(set_state(control, query(fd).id, MMIOD_WINDOW_REVOKED), 0);
		if (round & 2)
			bind_driver(device, "mmiod");
		atomic_store(&over, true);
		for (int i = 0; i < 2; i++) {
			pthread_join(threads[i], &error);
			EXPECT_EQ((intptr_t)error, 0);
		}
		close(fd);
		close(reader);
	}
	close(operate(control, device, READ | RESET, 0, 1));
}

static void reset_until_another_driver_has_it(int control, uint32_t device)
{
	int fd = operate(control, device, READ | RESET, 0, 1);
	pthread_t thread;
	void *error;

	atomic_store(&over, false);
	pthread_create(&thread, NULL, reset_again_and_again, (void *)(intptr_t)fd);
	while (!query(fd).resets)
		usleep(1000);
	give_to_kernels_driver(device);
	atomic_store(&over, true);
	pthread_join(thread, &error);
	EXPECT_EQ((intptr_t)error, 0);
	close(fd);
}

/*
 * Between a look at who has the function and its reset it may get another driver, which would be
 * told to prepare, or not even that.
 */
TEST_WITHIN(300, a_reset_by_the_holder_never_reaches_the_driver_that_has_the_function_by_then)
{
	uint32_t device = nvme();
	int control = open_control(), prepared, resets;
	uint64_t by_root;

	give_to_kernels_driver(device);
	prepared = count_calls("nvme_reset_prepare", device);
	resets = count_calls("__pci_reset_function_locked", device);
	EXPECT(prepared >= 0 && resets >= 0);
	EXPECT_EQ(write_file(pci_path(device), "reset", "1"), 0);
	by_root = calls_of(prepared).calls;
	EXPECT(by_root);
	close(resets);
	resets = count_calls("__pci_reset_function_locked", device);
	for (int i = 0; i < tap_rounds(30); i++) {
		bind_driver(device, "mmiod");
		reset_until_another_driver_has_it(control, device);
	}
	bind_driver(device, "mmiod");
	EXPECT_EQ(calls_of(prepared).calls, by_root);
	EXPECT(calls_of(resets).calls);
	EXPECT_EQ(calls_of(resets).foreign, 0);
}
