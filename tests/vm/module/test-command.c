// SPDX-License-Identifier: MIT
/*
 * The rights of a bound function on its bus, and whether it answers: bus mastering, INTx and memory
 * decoding, whether firmware, a reset, an error or a bridge above changed them. COMMAND is read and
 * written as lspci and setpci do, past the module.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "fixture.h"

#define UC MMIOD_ATTR_UC
#define RW (PROT_READ | PROT_WRITE)

#define MEMORY 0x2
#define MASTER 0x4
#define INTX_OFF 0x400

/* edu's registers. */
#define RAISE 0x60
#define ACKNOWLEDGE 0x64

static uint32_t edu(void)
{
	return find_pci(0x1234, 0x11e8);
}

static uint32_t shm(void)
{
	return find_pci(0x1af4, 0x1110);
}

static int dma_buffer(int control, uint32_t device)
{
	return try_buffer(control, (struct mmiod_buffer_create){ .kind = MMIOD_BUFFER_DMA,
								 .length = page(),
								 .node = -1,
								 .pci = device });
}

/* ---- bus mastering ---- */

TEST(bus_mastering_that_was_left_on_is_off_once_the_device_is_bound)
{
	int control = open_control();

	region(control, "edu");
	bind_driver(edu(), "");
	set_pci_command(edu(), MASTER, true);
	EXPECT(pci_command(edu()) & MASTER);
	bind_driver(edu(), "mmiod");
	EXPECT(!(pci_command(edu()) & MASTER));
}

TEST(a_device_masters_the_bus_exactly_while_it_has_a_buffer)
{
	int control = open_control(), one, two;

	region(control, "edu");
	EXPECT(!(pci_command(edu()) & MASTER));
	one = dma_buffer(control, edu());
	two = dma_buffer(control, edu());
	EXPECT(one >= 0 && two >= 0);
	EXPECT(pci_command(edu()) & MASTER);
	close(one);
	EXPECT(pci_command(edu()) & MASTER);
	close(two);
	EXPECT(!(pci_command(edu()) & MASTER));
}

static void comes_back(int control, uint64_t region_id)
{
	EXPECT(happens(control, MMIOD_CONTROL_REGION_STATE, MMIOD_WINDOW_SUSPENDED, region_id));
	EXPECT(happens(control, MMIOD_CONTROL_REGION_STATE, MMIOD_WINDOW_OK, region_id));
}

static void recover_from(const char *error, int control, uint64_t region_id)
{
	tell_qemu(error);
	comes_back(control, region_id);
}

TEST(bus_mastering_outlives_the_recovery_from_an_error_while_there_is_a_buffer)
{
	static const char *const errors[] = { "pcie_aer_inject_error slot0 COMP_TIME\n",
					      "pcie_aer_inject_error slot0 DLP\n" };
	int control = open_control();
	uint64_t region_id = region(control, "shm");

	for (size_t i = 0; i < 2; i++) {
		int fd = dma_buffer(control, shm());

		EXPECT(pci_command(shm()) & MASTER);
		recover_from(errors[i], control, region_id);
		EXPECT(pci_command(shm()) & MASTER);
		close(fd);
		recover_from(errors[i], control, region_id);
		EXPECT(!(pci_command(shm()) & MASTER));
	}
}

/* A recovery does not restore the state that an earlier reset saved. */
TEST(a_recovery_after_a_reset_leaves_a_device_that_decodes)
{
	int control = open_control();
	uint64_t region_id = region(control, "shm");

	if (write_file(pci_path(shm()), "reset", "1"))
		tap_skip("this machine cannot reset the device: %s", strerror(errno));
	comes_back(control,
		   region_id); /* or the recovery would be taken for over before it began */
	recover_from("pcie_aer_inject_error slot0 DLP\n", control, region_id);
	EXPECT(pci_command(shm()) & MEMORY);
	EXPECT(pci_command(shm()) & INTX_OFF);
	close(window(control, "shm", 0, page(), UC, 0));
}

/* ---- resets, in a thread of their own ---- */

static void *reset_shm(void *path)
{
	return (void *)(intptr_t)(write_file(path, "reset", "1") ? errno : 0);
}

static bool is_suspended(int control)
{
	static uint64_t id; /* looked up once: a reset is short */

	id = id ? id : region(control, "shm");
	return region_info(control, id).state == MMIOD_WINDOW_SUSPENDED;
}

/* Starts a reset of shm, and returns while it is under way, unless that was missed. */
static pthread_t begin_reset(int control, const char *path)
{
	pthread_t thread;

	EXPECT_EQ(pthread_create(&thread, NULL, reset_shm, (void *)path), 0);
	for (int i = 0; i < 100000 && !is_suspended(control); i++)
		;
	return thread;
}

static void end_reset(pthread_t thread)
{
	void *error;

	pthread_join(thread, &error);
	EXPECT_EQ((intptr_t)error, 0);
}

TEST(a_buffer_that_is_made_during_a_reset_has_its_bus_mastering_after_it)
{
	int control = open_control();
	const char *path = strdup(pci_path(shm()));
	bool during = false;

	region(control, "shm");
	for (int round = 0; round < 200 && !during; round++) {
		pthread_t thread = begin_reset(control, path);
		int fd = dma_buffer(control, shm());

		EXPECT(fd >= 0);
		during = is_suspended(control);
		end_reset(thread);
		EXPECT(pci_command(shm()) & MASTER);
		close(fd);
		EXPECT(!(pci_command(shm()) & MASTER));
	}
	if (!during)
		tap_skip("the machine is through with each reset before the buffer is made");
}

TEST(a_window_that_is_made_during_a_reset_is_born_suspended_and_works_after_it)
{
	int control = open_control();
	const char *path = strdup(pci_path(shm()));
	bool during = false;
	uint32_t value;

	region(control, "shm");
	for (int round = 0; round < 200 && !during; round++) {
		pthread_t thread = begin_reset(control, path);
		int fd = window(control, "shm", 0, page(), UC, 0);

		during = pread(fd, &value, sizeof(value), 0) < 0 && errno == EAGAIN;
		end_reset(thread);
		EXPECT_EQ(window_info(control, fd).state, MMIOD_WINDOW_OK);
		EXPECT_EQ(pread(fd, &value, sizeof(value), 0), sizeof(value));
		close(fd);
	}
	EXPECT(during);
}

TEST(windows_asked_for_while_a_device_is_reset_again_and_again_are_all_granted)
{
	int control = open_control();
	const char *path = strdup(pci_path(shm()));
	struct mmiod_window_create create = { .region_id = region(control, "shm"),
					      .length = page(),
					      .attr = UC };

	for (int round = 0; round < 5; round++) {
		pthread_t thread = begin_reset(control, path);

		while (is_suspended(control)) {
			EXPECT(try_window(control, &create) >= 0);
			close(create.fd);
		}
		end_reset(thread);
	}
}

/* ---- a bridge that does not forward ---- */

/* The port above shm. */
static uint32_t port(void)
{
	return MMIOD_PCI_ADDR(0, 0, 5, 0);
}

TEST(a_window_is_refused_while_a_bridge_above_the_device_does_not_decode)
{
	int control = open_control(), error;
	struct mmiod_window_create create = { .region_id = region(control, "shm"),
					      .length = page(),
					      .attr = UC };

	set_pci_command(port(), MEMORY, false);
	error = try_window(control, &create) < 0 ? errno : 0;
	set_pci_command(port(), MEMORY, true);
	EXPECT_EQ(error, EIO);
	EXPECT(try_window(control, &create) >= 0);
}

TEST(a_device_that_does_not_answer_after_a_reset_stays_suspended_until_a_reset_after_which_it_does)
{
	int control = open_control(), fd = window(control, "shm", 0, page(), UC, 0);
	const char *path = strdup(pci_path(shm()));
	int state, error;
	uint32_t value;

	set_pci_command(port(), MEMORY, false);
	error = write_file(path, "reset", "1") ? errno : 0;
	state = window_info(control, fd).state;
	set_pci_command(port(), MEMORY, true);
	EXPECT_EQ(error, 0);
	EXPECT_EQ(state, MMIOD_WINDOW_SUSPENDED);
	EXPECT_EQ(window_info(control, fd).state, MMIOD_WINDOW_SUSPENDED);
	EXPECT_EQ(write_file(path, "reset", "1"), 0);
	EXPECT_EQ(window_info(control, fd).state, MMIOD_WINDOW_OK);
	EXPECT_EQ(pread(fd, &value, sizeof(value), 0), sizeof(value));
}

/* ---- INTx ---- */

TEST(intx_is_off_from_binding_on_and_after_a_reset)
{
	int control = open_control();

	region(control, "edu");
	region(control, "shm");
	EXPECT(pci_command(edu()) & INTX_OFF);
	EXPECT(pci_command(shm()) & INTX_OFF);
	set_pci_command(shm(), INTX_OFF, false);
	EXPECT_EQ(write_file(pci_path(shm()), "reset", "1"), 0);
	EXPECT(pci_command(shm()) & INTX_OFF);
}

static unsigned int unhandled(unsigned int line)
{
	char path[64];
	const char *at;

	snprintf(path, sizeof(path), "/proc/irq/%u/spurious", line);
	at = strstr(read_file(path), "unhandled ");
	return at ? strtoul(at + strlen("unhandled "), NULL, 10) : ~0u;
}

static unsigned int line_of(uint32_t device)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/irq", pci_path(device));
	return strtoul(read_file(path), NULL, 10);
}

/* Opens the node of the UIO device that stands for @device: its interrupt is enabled by that. */
static int open_uio(uint32_t device)
{
	char pattern[128], path[64] = "/dev/";
	int fd = -1;

	snprintf(pattern, sizeof(pattern), "%s/uio/uio*", pci_path(device));
	for (int i = 0; i < 6000 && fd < 0; i++, usleep(50000)) {
		const char *node = first_match(pattern);

		if (!node)
			continue;
		snprintf(path, sizeof(path), "/dev/%s", strrchr(node, '/') + 1);
		fd = open(path, O_RDWR | O_CLOEXEC);
	}
	return fd;
}

/* A function's line is known once it is enabled. */
TEST(a_window_alone_cannot_kill_a_line_that_others_share)
{
	const uint32_t neighbour = MMIOD_PCI_ADDR(0, 0, 8, 0);
	const uint32_t value = 1;
	int control = open_control(), fd = window(control, "edu", 0, page(), UC, 0), uio;
	unsigned int line = line_of(edu()), before;

	if (access(pci_path(neighbour), F_OK))
		tap_skip("there is no second edu");
	if (system("modprobe -q uio_pci_generic"))
		tap_skip("this kernel has no uio_pci_generic");
	bind_driver(neighbour, "uio_pci_generic");
	uio = open_uio(neighbour);
	EXPECT(uio >= 0);
	EXPECT_EQ(line_of(neighbour), line);
	before = unhandled(line);
	EXPECT_EQ(pwrite(fd, &value, sizeof(value), RAISE), sizeof(value));
	sleep(1);
	EXPECT_EQ(unhandled(line), before);
	EXPECT_EQ(pwrite(fd, &value, sizeof(value), ACKNOWLEDGE), sizeof(value));
	close(uio);
	bind_driver(neighbour, "");
}

/* ---- how far a device's addresses reach ---- */

TEST(a_dma_buffer_lies_where_its_device_can_reach_it)
{
	int control = open_control(), fds[8];
	struct mmiod_buffer_create create = { .kind = MMIOD_BUFFER_DMA,
					      .length = 4 * page(),
					      .node = -1,
					      .pci = edu(),
					      .dma_bits = 28 };

	region(control, "edu");
	for (int i = 0; i < 8; i++) {
		fds[i] = try_buffer(control, create);
		EXPECT(fds[i] >= 0);
		EXPECT_EQ(allocate(fds[i]), 0);
		EXPECT(buffer_info(control, fds[i], 0).bus + 4 * page() <= 1 << 28);
	}
	create.dma_bits = 0;
	EXPECT_ERRNO(try_buffer(control, create), EBUSY);
	for (int i = 0; i < 8; i++)
		close(fds[i]);
	create.dma_bits = 24;
	fds[0] = try_buffer(control, create);
	EXPECT_EQ(allocate(fds[0]), 0);
	EXPECT(buffer_info(control, fds[0], 0).bus + 4 * page() <= 1 << 24);
	close(fds[0]);
	create.dma_bits = 0;
	fds[0] = try_buffer(control, create);
	EXPECT_EQ(allocate(fds[0]), 0);
}

TEST(widths_of_dma_addresses_that_no_device_has_are_refused)
{
	int control = open_control();
	struct mmiod_buffer_create create = {
		.kind = MMIOD_BUFFER_DMA, .length = page(), .node = -1, .pci = edu()
	};

	region(control, "edu");
	for (create.dma_bits = 1; create.dma_bits < 24; create.dma_bits++)
		EXPECT_ERRNO(try_buffer(control, create), EINVAL);
	create.dma_bits = 65;
	EXPECT_ERRNO(try_buffer(control, create), EINVAL);
	create.kind = MMIOD_BUFFER_PAGES;
	create.pci = 0;
	create.dma_bits = 32;
	EXPECT_ERRNO(try_buffer(control, create), EINVAL);
}

#define TAINT_USER (1ul << 6)

/* The rig's machine has an IOMMU only if it is asked for one. */
TEST(dma_that_no_iommu_bounds_taints_the_kernel)
{
	int control = open_control();

	region(control, "edu");
	if (has_iommu())
		tap_skip("this machine has an IOMMU");
	EXPECT(dma_buffer(control, edu()) >= 0);
	EXPECT(strtoul(read_file("/proc/sys/kernel/tainted"), NULL, 10) & TAINT_USER);
}

/* ---- which function it is ---- */

TEST(a_function_of_a_high_domain_is_not_the_one_with_the_same_lower_half)
{
	int control = open_control();
	struct mmiod_region_info edu_info = region_info(control, region(control, "edu"));
	struct mmiod_region_claim claim = { .size = sizeof(claim),
					    .kind = MMIOD_REGION_PCI,
					    .pci = edu(),
					    .domain_high = 1,
					    .name = "far" };
	struct mmiod_buffer_create create = { .kind = MMIOD_BUFFER_DMA,
					      .length = page(),
					      .node = -1,
					      .pci = edu(),
					      .domain_high = 1 };

	EXPECT_EQ(edu_info.domain_high, 0);
	EXPECT_ERRNO(ioctl(control, MMIOD_IOC_REGION_CLAIM, &claim), ENODEV);
	EXPECT_ERRNO(try_buffer(control, create), ENODEV);
	claim.domain_high = 0x10000;
	EXPECT_ERRNO(ioctl(control, MMIOD_IOC_REGION_CLAIM, &claim), EINVAL);
	claim.domain_high = 1;
	claim.kind = MMIOD_REGION_RANGE;
	EXPECT_ERRNO(ioctl(control, MMIOD_IOC_REGION_CLAIM, &claim), EINVAL);
}

/* ---- binding ---- */

TEST(no_id_that_somebody_writes_to_new_id_binds_anything)
{
	int control = open_control();
	char driver[128];

	region(control, "testdev");
	bind_driver(find_pci(0x1b36, 0x0005), "");
	EXPECT_ERRNO(write_file("/sys/bus/pci/drivers/mmiod", "new_id", "1b36 0005"), EINVAL);
	snprintf(driver, sizeof(driver), "%s/driver", pci_path(find_pci(0x1b36, 0x0005)));
	EXPECT(access(driver, F_OK));
	bind_driver(find_pci(0x1b36, 0x0005), "mmiod");
}
