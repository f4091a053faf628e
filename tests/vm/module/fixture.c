// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <glob.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "fixture.h"

size_t page(void)
{
	return sysconf(_SC_PAGESIZE);
}

bool kernel_is_from(int major, int minor)
{
	struct utsname name;
	int its_major, its_minor;

	EXPECT_EQ(uname(&name), 0);
	EXPECT_EQ(sscanf(name.release, "%d.%d", &its_major, &its_minor), 2);
	return its_major > major || (its_major == major && its_minor >= minor);
}

bool has_huge_leaves(void)
{
	return kernel_is_from(6, 12);
}

void need_huge_leaves(void)
{
	if (!has_huge_leaves())
		tap_skip("this kernel has no huge leaves for device memory");
}

/* One that a test which failed has left unbound. Once for each test, which may unbind them itself. */
static void bind_again(void)
{
	static const unsigned int ids[][2] = { { 0x1234, 0x11e8 }, { 0x1af4, 0x1110 } };
	static bool done;
	char driver[128];

	if (done)
		return;
	done = true;
	for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++) {
		uint32_t device = find_pci(ids[i][0], ids[i][1]);

		snprintf(driver, sizeof(driver), "%s/driver", pci_path(device));
		if (device != PCI_NONE && access(driver, F_OK))
			bind_driver(device, "mmiod");
	}
}

int open_control(void)
{
	int fd = open("/dev/mmiod", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		FAIL("cannot open /dev/mmiod: %s", strerror(errno));
	bind_again();
	return fd;
}

const char *read_file(const char *path)
{
	static _Thread_local char *text;
	const size_t size = 1 << 18;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t length = 0;
	ssize_t got;

	if (fd < 0)
		FAIL("cannot open %s: %s", path, strerror(errno));
	if (!text)
		text = malloc(size);
	if (!text)
		FAIL("no memory to read %s", path);
	while ((got = read(fd, text + length, size - 1 - length)) > 0)
		length += got;
	close(fd);
	text[length] = '\0';
	return text;
}

int write_file(const char *directory, const char *name, const char *text)
{
	char path[256];
	ssize_t written;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	written = write(fd, text, strlen(text));
	close(fd);
	return written < 0 ? -1 : 0;
}

static unsigned int read_id(const char *directory, const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return strtoul(read_file(path), NULL, 16);
}

static uint32_t parse_pci(const char *path)
{
	unsigned int domain, bus, device, function;
	const char *name = strrchr(path, '/') + 1;

	if (sscanf(name, "%x:%x:%x.%x", &domain, &bus, &device, &function) != 4)
		FAIL("not a PCI address: %s", name);
	return MMIOD_PCI_ADDR(domain, bus, device, function);
}

/* Not bound by the rig, and not the device that find_pci() takes for shm. */
#define BIGSHM MMIOD_PCI_ADDR(0, 0, 0x1d, 0)

static uint32_t bigshm(void)
{
	write_file(pci_path(BIGSHM), "driver_override", "mmiod");
	write_file("/sys/bus/pci", "drivers_probe", strrchr(pci_path(BIGSHM), '/') + 1);
	return BIGSHM;
}

uint32_t find_pci(unsigned int vendor, unsigned int device)
{
	uint32_t found = PCI_NONE;
	glob_t paths;

	if (glob("/sys/bus/pci/devices/*", 0, NULL, &paths))
		return PCI_NONE;
	for (size_t i = 0; i < paths.gl_pathc && found == PCI_NONE; i++)
		if (read_id(paths.gl_pathv[i], "vendor") == vendor &&
		    read_id(paths.gl_pathv[i], "device") == device &&
		    parse_pci(paths.gl_pathv[i]) != BIGSHM)
			found = parse_pci(paths.gl_pathv[i]);
	globfree(&paths);
	return found;
}

const char *pci_path(uint32_t address)
{
	static _Thread_local char path[64];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%04x:%02x:%02x.%x", address >> 16,
		 address >> 8 & 0xff, address >> 3 & 0x1f, address & 7);
	return path;
}

void bind_driver(uint32_t address, const char *driver)
{
	const char *path = pci_path(address), *name = strrchr(path, '/') + 1;
	char directory[128];

	snprintf(directory, sizeof(directory), "%s/driver", path);
	write_file(directory, "unbind", name);
	EXPECT_EQ(write_file(path, "driver_override", *driver ? driver : "\n"), 0);
	if (!*driver)
		return;
	EXPECT_EQ(write_file("/sys/bus/pci", "drivers_probe", name), 0);
	EXPECT_EQ(access(directory, F_OK), 0);
}

static int open_config(uint32_t address)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/config", pci_path(address));
	fd = open(path, O_RDWR | O_CLOEXEC);
	EXPECT(fd >= 0);
	return fd;
}

uint16_t pci_command(uint32_t address)
{
	int fd = open_config(address);
	uint16_t command;

	EXPECT_EQ(pread(fd, &command, sizeof(command), 4), sizeof(command));
	close(fd);
	return command;
}

void set_pci_command(uint32_t address, uint16_t bits, bool on)
{
	uint16_t command = pci_command(address);
	int fd = open_config(address);

	command = on ? command | bits : command & ~bits;
	EXPECT_EQ(pwrite(fd, &command, sizeof(command), 4), sizeof(command));
	close(fd);
}

const char *first_match(const char *pattern)
{
	static _Thread_local char found[256];
	glob_t paths;

	if (glob(pattern, 0, NULL, &paths))
		return NULL;
	snprintf(found, sizeof(found), "%s", paths.gl_pathv[0]);
	globfree(&paths);
	return found;
}

bool has_iommu(void)
{
	return first_match("/sys/class/iommu/*");
}

void prepare_sleep(void)
{
	if (write_file("/sys/power", "pm_test", "devices"))
		tap_skip("this kernel has no test of sleeping: %s", strerror(errno));
	write_file("/sys/module/suspend/parameters", "pm_test_delay", "0");
}

void sleep_and_wake(void)
{
	EXPECT_EQ(write_file("/sys/power", "state", "freeze"), 0);
	EXPECT_EQ(write_file("/sys/power", "pm_test", "none"), 0);
}

/* Linux takes 0 for the calling thread, not for its process. */
void go_before_others(void)
{
	EXPECT_EQ(setpriority(PRIO_PROCESS, 0, -20), 0);
}

void tell_qemu(const char *command)
{
	int fd = open("/dev/rig-monitor", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		tap_skip("QEMU's monitor is not at hand: %s", strerror(errno));
	EXPECT_EQ(write(fd, command, strlen(command)), (ssize_t)strlen(command));
	close(fd);
}

bool happens(int control, uint32_t type, uint32_t value, uint64_t id)
{
	struct mmiod_control_event event;

	EXPECT_EQ(fcntl(control, F_SETFL, O_NONBLOCK), 0);
	for (int i = 0; i < 30000; i++) {
		while (read(control, &event, sizeof(event)) == sizeof(event))
			if (event.type == type && event.value == value && event.id == id)
				return true;
		usleep(20000);
	}
	return false;
}

/* Physical address of the RAM that memmap= set aside: the command line says `memmap=16M$0x…`. */
static uint64_t set_aside_address(void)
{
	const char *text = strstr(read_file("/proc/cmdline"), "memmap=16M$");

	if (!text)
		tap_skip("the kernel was not booted with memmap=16M$ADDRESS");
	return strtoull(text + strlen("memmap=16M$"), NULL, 0);
}

static void describe_claim(const char *name, struct mmiod_region_claim *claim)
{
	static const struct {
		const char *name;
		unsigned int vendor, device, bar, width;
	} devices[] = {
		{ "bigshm", 0x1af4, 0x1110, 2, 0 },
		{ "edu", 0x1234, 0x11e8, 0, 4 },
		{ "shm", 0x1af4, 0x1110, 2, 0 },
		{ "testdev", 0x1b36, 0x0005, 0, 0 },
	};

	strcpy(claim->name, name);
	for (size_t i = 0; i < sizeof(devices) / sizeof(*devices); i++) {
		if (strcmp(devices[i].name, name))
			continue;
		claim->kind = MMIOD_REGION_PCI;
		claim->pci = strcmp(name, "bigshm") ? find_pci(devices[i].vendor, devices[i].device)
						    : bigshm();
		claim->bar = devices[i].bar;
		claim->width = devices[i].width;
		return;
	}
	claim->kind = MMIOD_REGION_RANGE;
	claim->offset = set_aside_address();
	claim->length = 16 << 20;
}

uint64_t find_region(int control, const char *name)
{
	struct mmiod_region_info info = { .size = sizeof(info) };

	while (!ioctl(control, MMIOD_IOC_REGION_NEXT, &info))
		if (!strcmp(info.name, name))
			return info.region_id;
	return 0;
}

uint64_t region(int control, const char *name)
{
	struct mmiod_region_claim claim = { .size = sizeof(claim) };
	uint64_t id = find_region(control, name);

	if (id)
		return id;
	describe_claim(name, &claim);
	if (ioctl(control, MMIOD_IOC_REGION_CLAIM, &claim))
		FAIL("cannot claim %s: %s", name, strerror(errno));
	return claim.region_id;
}

struct mmiod_region_info region_info(int control, uint64_t id)
{
	struct mmiod_region_info info = { .size = sizeof(info), .region_id = id - 1 };

	if (ioctl(control, MMIOD_IOC_REGION_NEXT, &info) || info.region_id != id)
		FAIL("region %llu is not listed", (unsigned long long)id);
	return info;
}

int try_window(int control, struct mmiod_window_create *create)
{
	create->size = sizeof(*create);
	return ioctl(control, MMIOD_IOC_WINDOW_CREATE, create) ? -1 : create->fd;
}

int window(int control, const char *name, uint64_t offset, uint64_t length, uint32_t attr,
	   uint32_t flags)
{
	struct mmiod_window_create create = {
		.region_id = region(control, name),
		.offset = offset,
		.length = length,
		.attr = attr,
		.flags = flags,
		.tag = "module test",
	};
	int fd = try_window(control, &create);

	if (fd < 0)
		FAIL("no window %s+0x%llx/0x%llx: %s", name, (unsigned long long)offset,
		     (unsigned long long)length, strerror(errno));
	return fd;
}

uint64_t window_id(int fd)
{
	struct mmiod_window_query query = { .size = sizeof(query) };

	if (ioctl(fd, MMIOD_IOC_QUERY, &query))
		FAIL("QUERY: %s", strerror(errno));
	return query.window_id;
}

int reopen(int fd, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, flags | O_CLOEXEC);
}

unsigned int users(int fd)
{
	struct mmiod_window_query query = { .size = sizeof(query), .users = UINT32_MAX };

	EXPECT_EQ(ioctl(fd, MMIOD_IOC_QUERY, &query), 0);
	return query.users;
}

/* Of one descriptor, with the byte that a message needs. */
union passed {
	struct cmsghdr head;
	char space[CMSG_SPACE(sizeof(int))];
};

void send_fd(int sock, int fd)
{
	union passed passed = { .head = { .cmsg_len = CMSG_LEN(sizeof(int)),
					  .cmsg_level = SOL_SOCKET,
					  .cmsg_type = SCM_RIGHTS } };
	struct iovec byte = { .iov_base = "", .iov_len = 1 };
	struct msghdr message = { .msg_iov = &byte,
				  .msg_iovlen = 1,
				  .msg_control = &passed,
				  .msg_controllen = sizeof(passed) };

	memcpy(CMSG_DATA(&passed.head), &fd, sizeof(fd));
	EXPECT_EQ(sendmsg(sock, &message, 0), 1);
}

int receive_fd(int sock)
{
	union passed passed = {};
	char text;
	struct iovec byte = { .iov_base = &text, .iov_len = 1 };
	struct msghdr message = { .msg_iov = &byte,
				  .msg_iovlen = 1,
				  .msg_control = &passed,
				  .msg_controllen = sizeof(passed) };
	int fd;

	EXPECT_EQ(recvmsg(sock, &message, MSG_CMSG_CLOEXEC), 1);
	EXPECT_EQ(passed.head.cmsg_type, SCM_RIGHTS);
	memcpy(&fd, CMSG_DATA(&passed.head), sizeof(fd));
	return fd;
}

struct mmiod_view_create_part view_part(int fd, uint64_t offset, uint64_t start, uint64_t length)
{
	return (struct mmiod_view_create_part){
		.offset = offset, .start = start, .length = length, .fd = fd
	};
}

int try_view_as(struct mmiod_view_create create, const struct mmiod_view_create_part *parts)
{
	create.size = sizeof(create);
	create.parts = (uintptr_t)parts;
	return ioctl(parts[0].fd, MMIOD_IOC_VIEW_CREATE, &create) ? -1 : create.fd;
}

int try_view(uint32_t form, uint32_t flags, const struct mmiod_view_create_part *parts,
	     unsigned int count)
{
	return try_view_as(
		(struct mmiod_view_create){
			.form = form, .flags = flags, .count = count, .irq = -1 },
		parts);
}

struct mmiod_window_info window_info(int control, int fd)
{
	struct mmiod_window_info info = { .size = sizeof(info), .window_id = window_id(fd) - 1 };

	if (ioctl(control, MMIOD_IOC_WINDOW_NEXT, &info))
		FAIL("the window is not in the ledger: %s", strerror(errno));
	return info;
}

int set_state(int control, uint64_t id, uint32_t state)
{
	struct mmiod_window_set_state set = { .size = sizeof(set),
					      .window_id = id,
					      .state = state };

	return ioctl(control, MMIOD_IOC_WINDOW_SET_STATE, &set);
}

static int populate_by(int fd, void *address, size_t length, uint32_t flags)
{
	struct mmiod_window_populate arg = {
		.size = sizeof(arg), .flags = flags, .address = (uintptr_t)address, .length = length
	};

	return ioctl(fd, MMIOD_IOC_POPULATE, &arg);
}

int populate(int fd, void *address, size_t length)
{
	return populate_by(fd, address, length, 0);
}

int populate_exactly(int fd, void *address, size_t length)
{
	return populate_by(fd, address, length, MMIOD_POPULATE_EXACT);
}

int try_buffer(int control, struct mmiod_buffer_create create)
{
	create.size = sizeof(create);
	return ioctl(control, MMIOD_IOC_BUFFER_CREATE, &create) ? -1 : create.fd;
}

struct mmiod_buffer_info buffer_info(int control, int fd, uint64_t number)
{
	struct mmiod_buffer_info info = { .size = sizeof(info),
					  .window_id = window_id(fd),
					  .page = number };

	if (ioctl(control, MMIOD_IOC_BUFFER_INFO, &info))
		FAIL("BUFFER_INFO: %s", strerror(errno));
	return info;
}

int allocate(int fd)
{
	struct mmiod_buffer_allocate arg = { .size = sizeof(arg) };

	return ioctl(fd, MMIOD_IOC_ALLOCATE, &arg);
}

void *map_window(int fd, size_t length, int prot)
{
	void *address = mmap(NULL, length, prot, MAP_SHARED, fd, 0);

	if (address == MAP_FAILED)
		FAIL("mmap: %s", strerror(errno));
	return address;
}

static __thread sigjmp_buf bitten;

static void on_signal(int signal)
{
	siglongjmp(bitten, signal);
}

static void catch_signals(void)
{
	const struct sigaction action = { .sa_handler = on_signal };

	sigaction(SIGBUS, &action, NULL);
	sigaction(SIGSEGV, &action, NULL);
}

int touch_read(const volatile void *address)
{
	int signal;

	catch_signals();
	signal = sigsetjmp(bitten, 1);
	if (!signal)
		(void)*(const volatile uint8_t *)address;
	return signal;
}

int touch_write(volatile void *address, uint8_t value)
{
	int signal;

	catch_signals();
	signal = sigsetjmp(bitten, 1);
	if (!signal)
		*(volatile uint8_t *)address = value;
	return signal;
}

uint64_t ptewalk(const volatile void *address)
{
	uint64_t value = (uintptr_t)address;
	int fd = open("/dev/ptewalk", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		FAIL("/dev/ptewalk: %s (is the test module loaded?)", strerror(errno));
	if (read(fd, &value, sizeof(value)) != sizeof(value))
		FAIL("ptewalk: %s", strerror(errno));
	close(fd);
	return value;
}

int translate(int control, pid_t pid, const volatile void *address, struct mmiod_translate *answer)
{
	int ret;

	do
		ret = try_translate(control, pid, address, answer);
	while (ret && errno == EAGAIN);
	return ret;
}

int try_translate(int control, pid_t pid, const volatile void *address,
		  struct mmiod_translate *answer)
{
	*answer = (struct mmiod_translate){ .size = sizeof(*answer),
					    .pid = pid,
					    .address = (uintptr_t)address };
	return ioctl(control, MMIOD_IOC_TRANSLATE, answer);
}

struct mmiod_translate translation(int control, const volatile void *address)
{
	struct mmiod_translate answer;

	if (translate(control, 0, address, &answer))
		FAIL("TRANSLATE %p: %s", address, strerror(errno));
	return answer;
}

struct mmiod_page page_info(int control, uint64_t pfn)
{
	struct mmiod_page answer = { .size = sizeof(answer), .pfn = pfn };

	if (ioctl(control, MMIOD_IOC_PAGE, &answer))
		FAIL("PAGE 0x%llx: %s", (unsigned long long)pfn, strerror(errno));
	return answer;
}
