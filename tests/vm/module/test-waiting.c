// SPDX-License-Identifier: MIT
/*
 * Nothing that a client does makes a revoke wait: not the one of its own window, and no other call
 * either. The clients here do their worst: their cgroup puts them to sleep whenever the kernel
 * allocates for them, or lets them run for a thousandth of each second.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <linux/userfaultfd.h>
#include <sys/syscall.h>

#include "fixture.h"

#define UC MMIOD_ATTR_UC
#define RW (PROT_READ | PROT_WRITE)
#define CGROUP "/sys/fs/cgroup/mmiod-test-attack"
#define MIB (1ULL << 20)

/*
 * The longest time that a call may take. A client over its memory.high sleeps for two seconds at a
 * time; a module that waited for one would take that long now and then, and for a whole EXACT for
 * minutes.
 */
enum { LONGEST_MS = 1000 };

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

static uint64_t longest_ms(void)
{
	const char *patience = getenv("TAP_PATIENCE");

	return LONGEST_MS * (patience ? atoi(patience) : 1);
}

/* ---- attacks ---- */

struct victim {
	int fd;
	uint8_t *address; /* where it is mapped; NULL: a buffer, not mapped yet */
	size_t length;
};

struct attack {
	const char *name;
	const char *limit, *value; /* of the cgroup */
	uint32_t kind; /* of a buffer; 0: a window on bigshm */
	void (*run)(const struct victim *victim);
};

static void attack_by_populate(const struct victim *victim)
{
	populate(victim->fd, victim->address, victim->length);
}

static void attack_by_exact(const struct victim *victim)
{
	populate_exactly(victim->fd, victim->address, victim->length);
}

/* One loop in the kernel, which does not return to user space between two faults. */
static void attack_by_zeros(const struct victim *victim)
{
	int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);

	/* A window that is suspended makes it EFAULT: the next one may do better. */
	if (zero < 0 || (read(zero, victim->address, victim->length) < 0 && errno != EFAULT))
		_exit(1);
	close(zero);
}

static void attack_by_readv(const struct victim *victim)
{
	size_t length = victim->length;
	void *zeros =
		mmap(NULL, length, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	struct iovec to = { victim->address, length }, from = { zeros, length };

	if (process_vm_readv(getpid(), &to, 1, &from, 1, 0) < 0 && errno != EFAULT)
		_exit(1);
	munmap(zeros, length);
}

static void attack_by_allocation(const struct victim *victim)
{
	allocate(victim->fd);
}

static void attack_by_mmap(const struct victim *victim)
{
	mmap(NULL, victim->length, RW, MAP_SHARED, victim->fd, 0);
}

static const struct attack attacks[] = {
	{ "populate, memory.high", "memory.high", "1M", 0, attack_by_populate },
	{ "populate exactly, memory.high", "memory.high", "1M", 0, attack_by_exact },
	{ "read /dev/zero, memory.high", "memory.high", "1M", 0, attack_by_zeros },
	{ "process_vm_readv, memory.high", "memory.high", "1M", 0, attack_by_readv },
	{ "allocate DMA memory, memory.high", "memory.high", "1M", MMIOD_BUFFER_DMA,
	  attack_by_allocation },
	{ "map a large buffer, memory.high", "memory.high", "1M", MMIOD_BUFFER_PAGES,
	  attack_by_mmap },
	{ "populate, cpu.max", "cpu.max", "1000 1000000", 0, attack_by_populate },
	{ "populate exactly, cpu.max", "cpu.max", "1000 1000000", 0, attack_by_exact },
};

/* 32-bit clients have less room. */
#define ATTACK_SIZE (sizeof(void *) == 8 ? 2048 * MIB : 512 * MIB)

/*
 * By tables of small pages, as for most clients: the window begins a page above where a leaf could,
 * and is mapped where one could.
 */
static uint8_t *map_without_leaves(int fd, size_t length)
{
	const size_t table = 2 * MIB;
	uint8_t *area = mmap(NULL, length + table, PROT_NONE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uint8_t *address = area + (-(uintptr_t)area & (table - 1));

	EXPECT(area != MAP_FAILED);
	EXPECT(mmap(address, length, RW, MAP_SHARED | MAP_FIXED, fd, 0) == address);
	return address;
}

/* Without page tables, so that the next attack finds as much to do as the last one. */
static void map_anew(const struct victim *victim)
{
	if (victim->address)
		mmap(victim->address, victim->length, RW, MAP_SHARED | MAP_FIXED, victim->fd, 0);
}

static int target(int control, const struct attack *attack)
{
	struct mmiod_buffer_create create = { .kind = attack->kind, .node = -1 };

	if (!attack->kind)
		return window(control, "bigshm", page(), ATTACK_SIZE, UC, 0);
	if (attack->kind == MMIOD_BUFFER_DMA)
		create.pci = region_info(control, region(control, "edu")).pci;
	create.length = attack->kind == MMIOD_BUFFER_DMA ? 4 * MIB : 256 * MIB;
	return try_buffer(control, create);
}

static void prepare_cgroup(const struct attack *attack)
{
	write_file("/sys/fs/cgroup", "cgroup.subtree_control", "+memory");
	write_file("/sys/fs/cgroup", "cgroup.subtree_control", "+cpu");
	mkdir(CGROUP, 0755);
	if (write_file(CGROUP, attack->limit, "max"))
		tap_skip("no %s: %s", attack->limit, strerror(errno));
}

/*
 * In the cgroup, and in a process of its own, which goes on until it is killed. Returns when its
 * first attack begins. Before, it may be put to sleep on its way back from any call, and does no
 * harm: the word that says so lies in memory that it has touched already.
 */
static pid_t start_on(const struct attack *attack, int fd, size_t length)
{
	struct victim victim = { .fd = fd, .length = length };
	static char ballast[8 << 20];
	atomic_uint *attacks_begun =
		mmap(NULL, page(), RW, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	pid_t child = fork();

	EXPECT(attacks_begun != MAP_FAILED);
	if (!child) {
		if (!attack->kind)
			victim.address = map_without_leaves(fd, victim.length);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (write_file(CGROUP, "cgroup.procs", "0"))
			_exit(1);
		memset(ballast, 1, sizeof(ballast));
		atomic_store(attacks_begun, 0);
		write_file(CGROUP, attack->limit, attack->value);
		for (;;) {
			atomic_fetch_add(attacks_begun, 1);
			attack->run(&victim);
			map_anew(&victim);
		}
	}
	while (!atomic_load(attacks_begun)) {
		EXPECT_EQ(waitpid(child, NULL, WNOHANG), 0);
		usleep(10000);
	}
	munmap(attacks_begun, page());
	return child;
}

static pid_t start(const struct attack *attack, int fd)
{
	return start_on(attack, fd, attack->kind == MMIOD_BUFFER_PAGES ? 256 * MIB : ATTACK_SIZE);
}

/* Out of the cgroup, which would have it die as slowly as it lived. */
static void stop(const struct attack *attack, pid_t child)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", child);
	kill(child, SIGKILL);
	write_file("/sys/fs/cgroup", "cgroup.procs", text);
	write_file(CGROUP, attack->limit, "max");
	EXPECT_EQ(waitpid(child, NULL, 0), child);
}

static void expect_within(const struct attack *attack, const char *what, uint64_t since,
			  uint64_t most_ms)
{
	uint64_t ms = (now_ns() - since) / 1000000;

	printf("# %s: %s took %llu ms\n", attack->name, what, (unsigned long long)ms);
	fflush(stdout);
	if (ms > most_ms)
		FAIL("%s: %s took %llu ms", attack->name, what, (unsigned long long)ms);
}

static void expect_soon(const struct attack *attack, const char *what, uint64_t since)
{
	expect_within(attack, what, since, longest_ms());
}

/*
 * To take a window away costs time for each entry that there is, which nobody can prolong: for a
 * window that is mapped whole by a client that rests. Kernels that let a task reach user space
 * before they stop it (6.18 and later) find most of the window mapped by a client without time.
 */
static uint64_t undisturbed_zap_ms(int control, const struct attack *attack)
{
	int fd = target(control, attack);
	uint8_t *address = map_without_leaves(fd, ATTACK_SIZE);
	uint64_t since, ms;

	EXPECT_EQ(populate(fd, address, ATTACK_SIZE), 0);
	since = now_ns();
	EXPECT_EQ(set_state(control, window_id(fd), MMIOD_WINDOW_SUSPENDED), 0);
	ms = (now_ns() - since) / 1000000;
	printf("# a suspension of a client that rests took %llu ms\n", (unsigned long long)ms);
	munmap(address, ATTACK_SIZE);
	close(fd);
	return ms;
}

/* The calls of others meanwhile, each within its time. */
static void expect_others_served(int control, const struct attack *attack)
{
	int other = window(control, "shm", 0, page(), UC, 0);
	struct mmiod_window_info info = { .size = sizeof(info) };
	uint64_t since = now_ns();

	EXPECT_EQ(ioctl(control, MMIOD_IOC_WINDOW_NEXT, &info), 0);
	expect_soon(attack, "a look into the ledger", since);
	since = now_ns();
	EXPECT_EQ(set_state(control, window_id(other), MMIOD_WINDOW_REVOKED), 0);
	expect_soon(attack, "a revoke of another window", since);
	since = now_ns();
	close(other);
	expect_soon(attack, "a close", since);
	since = now_ns();
	close(window(control, "shm", 0, page(), UC, 0));
	expect_soon(attack, "a new window", since);
}

static void attacked_while_revoking(int control, const struct attack *attack, uint64_t most_ms,
				    unsigned int delay_ms)
{
	int fd = target(control, attack);
	uint64_t id = window_id(fd), since;
	pid_t child = start(attack, fd);

	usleep(delay_ms * 1000);
	expect_others_served(control, attack);
	if (!attack->kind) {
		since = now_ns();
		EXPECT_EQ(set_state(control, id, MMIOD_WINDOW_SUSPENDED), 0);
		expect_within(attack, "a suspension of its window", since, most_ms);
		EXPECT_EQ(set_state(control, id, MMIOD_WINDOW_OK), 0);
		usleep(delay_ms * 1000);
	}
	since = now_ns();
	EXPECT_EQ(set_state(control, id, MMIOD_WINDOW_REVOKED), 0);
	expect_within(attack, "a revoke of its window", since, most_ms);
	stop(attack, child);
	close(fd);
}

static void unbind(uint32_t pci)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/driver", pci_path(pci));
	EXPECT_EQ(write_file(path, "unbind", strrchr(pci_path(pci), '/') + 1), 0);
}

static void bind_again(uint32_t pci)
{
	EXPECT_EQ(write_file("/sys/bus/pci", "drivers_probe", strrchr(pci_path(pci), '/') + 1), 0);
}

/*
 * The core waits for grace periods here, which take their time on a busy machine: an unbind that
 * nobody disturbs tells how long.
 */
static uint64_t longest_unbind_ms(uint32_t pci)
{
	uint64_t since = now_ns(), ms;

	unbind(pci);
	ms = (now_ns() - since) / 1000000;
	bind_again(pci);
	return longest_ms() + 10 * ms;
}

static void attacked_while_unbinding(int control, const struct attack *attack)
{
	uint32_t pci = attack->kind ? find_pci(0x1234, 0x11e8)
				    : region_info(control, region(control, "bigshm")).pci;
	uint64_t since, longest;
	pid_t child;
	int fd;

	if (attack->kind && attack->kind != MMIOD_BUFFER_DMA)
		return;
	longest = longest_unbind_ms(pci);
	fd = target(control, attack);
	child = start(attack, fd);
	usleep(300000);
	since = now_ns();
	unbind(pci);
	expect_within(attack, "an unbind of its device", since, longest);
	stop(attack, child);
	close(fd);
	bind_again(pci);
}

/*
 * A device behind a port, as only such can be reset, that has more memory than tables for a few
 * charges: before, the kernel puts nobody to sleep within a call.
 */
#define WIDE MMIOD_PCI_ADDR(0, 4, 0, 0)
#define WIDE_SIZE (512 * MIB)

static int window_of_wide(int control)
{
	struct mmiod_region_claim claim = { .size = sizeof(claim),
					    .kind = MMIOD_REGION_PCI,
					    .pci = WIDE,
					    .bar = 2,
					    .name = "wide" };
	struct mmiod_window_create create = { .offset = page(),
					      .length = WIDE_SIZE - 2 * MIB,
					      .attr = UC };
	int fd;

	if (access(pci_path(WIDE), F_OK))
		tap_skip("there is no device with much memory behind a port");
	bind_driver(WIDE, "mmiod");
	EXPECT_EQ(ioctl(control, MMIOD_IOC_REGION_CLAIM, &claim), 0);
	create.region_id = claim.region_id;
	fd = try_window(control, &create);
	EXPECT(fd >= 0);
	return fd;
}

static void reset_wide(void)
{
	if (write_file(pci_path(WIDE), "reset", "1"))
		tap_skip("this machine cannot reset the device: %s", strerror(errno));
}

/* A reset has to wait for the link, too: as long as it takes when nobody attacks. */
static uint64_t undisturbed_reset_ms(int fd, size_t length)
{
	uint8_t *address = map_without_leaves(fd, length);
	uint64_t since, ms;

	EXPECT_EQ(populate(fd, address, length), 0);
	since = now_ns();
	reset_wide();
	ms = (now_ns() - since) / 1000000;
	munmap(address, length);
	return ms;
}

/* Of the device that has the attacked window, which is suspended meanwhile, and goes on to be attacked. */
static void attacked_while_resetting(const struct attack *attack)
{
	int control = open_control(), fd = window_of_wide(control);
	const size_t length = WIDE_SIZE - 2 * MIB;
	uint64_t most_ms = undisturbed_reset_ms(fd, length) + longest_ms(), since;
	pid_t child;

	prepare_cgroup(attack);
	child = start_on(attack, fd, length);
	for (int round = 0; round < 5; round++) {
		usleep(300000);
		since = now_ns();
		reset_wide();
		expect_within(attack, "a reset of its device", since, most_ms);
		EXPECT_EQ(window_info(control, fd).state, MMIOD_WINDOW_OK);
	}
	stop(attack, child);
	close(fd);
	bind_driver(WIDE, "");
}

static void under(const struct attack *attack)
{
	int control = open_control();
	uint64_t most_ms = longest_ms();

	if (!attack->kind)
		most_ms += 2 * undisturbed_zap_ms(control, attack);
	prepare_cgroup(attack);
	for (unsigned int delay_ms = 100; delay_ms <= 900; delay_ms += 400)
		attacked_while_revoking(control, attack, most_ms, delay_ms);
	attacked_while_unbinding(control, attack);
}

TEST_WITHIN(120, nobody_waits_for_a_client_that_sleeps_while_it_populates)
{
	under(&attacks[0]);
}

TEST_WITHIN(120, nobody_waits_for_a_client_that_sleeps_while_it_populates_exactly)
{
	under(&attacks[1]);
}

TEST_WITHIN(120, nobody_waits_for_a_client_that_sleeps_while_the_kernel_reads_into_its_window)
{
	under(&attacks[2]);
	under(&attacks[3]);
}

TEST_WITHIN(120, nobody_waits_for_a_client_that_sleeps_while_it_allocates)
{
	under(&attacks[4]);
	under(&attacks[5]);
}

/*
 * Such a kernel stops a task that has spent its time between any two instructions, also with a lock
 * held: see kmod/internal.h.
 */
static bool kernel_preempts_itself(void)
{
	const char *chosen = "/sys/kernel/debug/sched/preempt"; /* of PREEMPT_DYNAMIC's */
	struct utsname name;

	EXPECT_EQ(uname(&name), 0);
	if (strstr(name.version, " PREEMPT_DYNAMIC "))
		return strstr(read_file(chosen), "(full)");
	return strstr(name.version, " PREEMPT ") || strstr(name.version, " PREEMPT_RT ");
}

TEST_WITHIN(120, nobody_waits_for_a_client_that_has_spent_its_processor_time)
{
	if (kernel_preempts_itself())
		tap_skip("this kernel preempts itself");
	under(&attacks[6]);
	under(&attacks[7]);
}

TEST_WITHIN(120, no_reset_waits_for_a_client_that_sleeps_while_it_populates)
{
	for (int i = 0; i < 4; i++)
		attacked_while_resetting(&attacks[i]);
}

TEST_WITHIN(120, no_reset_waits_for_a_client_that_has_spent_its_processor_time)
{
	if (kernel_preempts_itself())
		tap_skip("this kernel preempts itself");
	attacked_while_resetting(&attacks[6]);
	attacked_while_resetting(&attacks[7]);
}

/* ---- entries that come after the call ---- */

enum { TOUCHERS = 3, TOUCHED_PAGES = 512, SUSPENSIONS = 400 };

struct touchers {
	uint8_t *address;
	sem_t go; /* one for each thread and suspension */
	sem_t met; /* by a thread that has met it, and begins nothing before the next */
	atomic_bool end;
};

/* Until each suspension: all that this thread has begun is over then. */
static void *touch_until_the_end(void *argument)
{
	struct touchers *touchers = argument;
	unsigned int seed = (uintptr_t)pthread_self() >> 12;

	for (;;) {
		sem_wait(&touchers->go);
		if (atomic_load(&touchers->end))
			return NULL;
		while (!touch_read(touchers->address + rand_r(&seed) % TOUCHED_PAGES * page()))
			;
		sem_post(&touchers->met);
	}
}

static void for_each_toucher(int (*call)(sem_t *), sem_t *semaphore)
{
	for (int i = 0; i < TOUCHERS; i++)
		EXPECT_EQ(call(semaphore), 0);
}

static unsigned int present_pages(const uint8_t *address)
{
	static uint64_t entries[TOUCHED_PAGES];
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	unsigned int present = 0;

	EXPECT_EQ(pread(fd, entries, sizeof(entries),
			(off_t)((uintptr_t)address / page() * sizeof(*entries))),
		  sizeof(entries));
	close(fd);
	for (size_t i = 0; i < TOUCHED_PAGES; i++)
		present += entries[i] >> 63;
	return present;
}

static void expect_no_late_entry(uint32_t kind)
{
	int control = open_control();
	struct mmiod_buffer_create create = { .kind = kind,
					      .length = TOUCHED_PAGES * page(),
					      .node = -1 };
	int fd = try_buffer(control, create);
	struct touchers touchers = { .address = map_window(fd, TOUCHED_PAGES * page(), RW) };
	pthread_t threads[TOUCHERS];
	uint64_t id = window_id(fd);
	unsigned int seed = 1;

	EXPECT_EQ(sem_init(&touchers.go, 0, 0), 0);
	EXPECT_EQ(sem_init(&touchers.met, 0, 0), 0);
	for (int i = 0; i < TOUCHERS; i++)
		EXPECT_EQ(pthread_create(&threads[i], NULL, touch_until_the_end, &touchers), 0);
	go_before_others();
	for (int left = tap_rounds(SUSPENSIONS); left > 0; left--) {
		for_each_toucher(sem_post, &touchers.go);
		/* Into their first faults: later most of the pages are there. */
		usleep(rand_r(&seed) % 50);
		EXPECT_EQ(set_state(control, id,
				    left == 1 ? MMIOD_WINDOW_REVOKED : MMIOD_WINDOW_SUSPENDED),
			  0);
		for_each_toucher(sem_wait, &touchers.met);
		EXPECT_EQ(present_pages(touchers.address), 0);
		if (left > 1)
			EXPECT_EQ(set_state(control, id, MMIOD_WINDOW_OK), 0);
	}
	atomic_store(&touchers.end, true);
	for_each_toucher(sem_post, &touchers.go);
	for (int i = 0; i < TOUCHERS; i++)
		pthread_join(threads[i], NULL);
	close(fd);
}

TEST_WITHIN(300, no_page_of_a_buffer_is_mapped_after_it_was_suspended_or_revoked)
{
	expect_no_late_entry(MMIOD_BUFFER_PAGES);
	expect_no_late_entry(MMIOD_BUFFER_VMALLOC);
}

/* ---- a revocation that the kernel finishes ---- */

enum { MAPPERS = 16 };

static int revoke_later(int control, uint64_t id, uint32_t *flags)
{
	struct mmiod_window_set_state set = { .size = sizeof(set),
					      .window_id = id,
					      .state = MMIOD_WINDOW_REVOKED,
					      .flags = MMIOD_SET_STATE_LATER };
	int ret = ioctl(control, MMIOD_IOC_WINDOW_SET_STATE, &set);

	*flags = set.flags;
	return ret;
}

static void wait_for_state(int control, uint64_t id, uint32_t state)
{
	struct mmiod_control_event event;

	do
		EXPECT_EQ(read(control, &event, sizeof(event)), sizeof(event));
	while (event.type != MMIOD_CONTROL_WINDOW_STATE || event.id != id);
	EXPECT_EQ(event.value, state);
}

/* Each child has a copy of the page tables; it looks whether they are empty when it is told to. */
static pid_t start_mapper(uint8_t *address, size_t length, int go)
{
	pid_t child = fork();
	char byte;

	if (child)
		return child;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (read(go, &byte, 1) != 1)
		_exit(2);
	for (size_t i = 0; i < length; i += 2 * MIB)
		if (touch_read(address + i) != SIGBUS)
			_exit(1);
	_exit(0);
}

TEST_WITHIN(120, a_revoke_that_the_kernel_finishes_costs_the_caller_nothing_and_is_reported)
{
	int control = open_control(), fd, go[2], status;
	const size_t length = 256 * MIB;
	uint8_t *address;
	pid_t children[MAPPERS];
	struct timespec before, after;
	uint32_t flags;
	uint64_t id;

	fd = window(control, "bigshm", page(), length, UC, 0);
	id = window_id(fd);
	address = map_window(fd, length, RW);
	EXPECT_EQ(populate_exactly(fd, address, length), 0);
	EXPECT_EQ(pipe(go), 0);
	for (int i = 0; i < MAPPERS; i++)
		children[i] = start_mapper(address, length, go[0]);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
	EXPECT_EQ(revoke_later(control, id, &flags), 0);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
	printf("# the call took %lld us of processor time\n",
	       (after.tv_sec - before.tv_sec) * 1000000LL +
		       (after.tv_nsec - before.tv_nsec) / 1000);
	fflush(stdout);
	EXPECT_EQ(flags, MMIOD_SET_STATE_LATER);
	EXPECT_EQ(window_info(control, fd).state, MMIOD_WINDOW_REVOKED);
	EXPECT_ERRNO(populate(fd, address, page()), ENODEV);
	EXPECT_ERRNO(set_state(control, id, MMIOD_WINDOW_OK), ENODEV);
	wait_for_state(control, id, MMIOD_WINDOW_REVOKED);
	EXPECT_EQ(write(go[1], children, MAPPERS), MAPPERS);
	for (int i = 0; i < MAPPERS; i++) {
		EXPECT_EQ(waitpid(children[i], &status, 0), children[i]);
		EXPECT_EQ(status, 0);
	}
	EXPECT_EQ(revoke_later(control, id, &flags), 0);
	EXPECT_EQ(flags, 0);
}

TEST(a_revoke_left_to_the_kernel_is_done_by_whoever_asks_again_or_closes)
{
	int control = open_control();
	struct mmiod_window_set_state wrong = { .size = sizeof(wrong),
						.state = MMIOD_WINDOW_SUSPENDED,
						.flags = MMIOD_SET_STATE_LATER };
	uint8_t *address;
	uint32_t flags;
	int fd;

	for (int round = 0; round < 50; round++) {
		fd = window(control, "shm", 0, 4 * MIB, UC, round % 2 ? MMIOD_WINDOW_DUMMY : 0);
		address = map_window(fd, 4 * MIB, RW);
		EXPECT_EQ(populate(fd, address, 4 * MIB), 0);
		EXPECT_EQ(revoke_later(control, window_id(fd), &flags), 0);
		if (round % 3 == 0)
			EXPECT_EQ(set_state(control, window_id(fd), MMIOD_WINDOW_REVOKED), 0);
		else
			wait_for_state(control, window_id(fd), MMIOD_WINDOW_REVOKED);
		EXPECT_EQ(touch_read(address), round % 2 ? 0 : SIGBUS);
		munmap(address, 4 * MIB);
		EXPECT_EQ(revoke_later(control, window_id(fd), &flags), 0);
		close(fd);
	}
	fd = window(control, "shm", 0, page(), UC, 0);
	wrong.window_id = window_id(fd);
	EXPECT_ERRNO(ioctl(control, MMIOD_IOC_WINDOW_SET_STATE, &wrong), EINVAL);
	wrong.state = MMIOD_WINDOW_REVOKED;
	wrong.flags = 2;
	EXPECT_ERRNO(ioctl(control, MMIOD_IOC_WINDOW_SET_STATE, &wrong), EINVAL);
	wrong.flags = 0;
	wrong.reserved = 1;
	EXPECT_ERRNO(ioctl(control, MMIOD_IOC_WINDOW_SET_STATE, &wrong), EINVAL);
	EXPECT_EQ(window_info(control, fd).state, MMIOD_WINDOW_OK);
}

/* ---- a slow bus ---- */

struct transfer {
	int fd;
	int started[2]; /* a pipe */
	ssize_t got;
};

static void *read_bytes(void *argument)
{
	struct transfer *transfer = argument;
	uint8_t bytes[256];
	struct mmiod_window_access access = { .size = sizeof(access),
					      .op = MMIOD_ACCESS_READ,
					      .count = sizeof(bytes),
					      .width = 1,
					      .buffer = (uintptr_t)bytes };

	if (write(transfer->started[1], "", 1) != 1)
		return NULL;
	transfer->got =
		ioctl(transfer->fd, MMIOD_IOC_ACCESS, &access) ? -errno : (ssize_t)access.count;
	return NULL;
}

TEST(a_revoke_waits_for_one_bus_access_and_not_for_a_transfer)
{
	const char *parameters = "/sys/module/mmiod/parameters";
	int control = open_control();
	struct transfer transfer = { .fd = window(control, "shm", 0, page(), UC, 0) };
	pthread_t thread;
	uint64_t ms;
	char byte;

	if (write_file(parameters, "access_delay", "20"))
		tap_skip("this module was not built for tests");
	EXPECT_EQ(pipe(transfer.started), 0);
	EXPECT_EQ(pthread_create(&thread, NULL, read_bytes, &transfer), 0);
	EXPECT_EQ(read(transfer.started[0], &byte, 1), 1);
	usleep(300000); /* the whole transfer takes more than five seconds */
	ms = now_ns();
	EXPECT_EQ(set_state(control, window_id(transfer.fd), MMIOD_WINDOW_REVOKED), 0);
	ms = (now_ns() - ms) / 1000000;
	pthread_join(thread, NULL);
	printf("# the revoke took %llu ms, after %lld of 256 accesses\n", (unsigned long long)ms,
	       (long long)transfer.got);
	fflush(stdout);
	EXPECT_EQ(write_file(parameters, "access_delay", "0"), 0);
	EXPECT(transfer.got > 0 && transfer.got < 256);
	EXPECT(ms < longest_ms());
}

/* ---- what the kernel maps for itself ---- */

/* Bytes of ioremap mappings that lie in [start, start + length) of physical memory. */
static uint64_t ioremapped(uint64_t start, uint64_t length)
{
	const char *text = read_file("/proc/vmallocinfo");
	uint64_t sum = 0;

	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		unsigned long long size, phys;
		const char *at, *end;

		line += *line == '\n';
		end = strchr(line, '\n');
		at = strstr(line, "phys=");
		if (!at || (end && at > end) || !strstr(at, "ioremap") ||
		    sscanf(line, "%*s %llu", &size) != 1 || sscanf(at, "phys=%llx", &phys) != 1)
			continue;
		if (phys >= start && phys < start + length)
			sum += size;
	}
	return sum;
}

TEST(mediated_access_maps_two_mib_of_a_window_at_most)
{
	int control = open_control();
	int fd = window(control, "bigshm", page(), 2048 * MIB, UC, 0);
	struct mmiod_region_info info = region_info(control, region(control, "bigshm"));
	uint8_t byte;

	for (uint64_t at = 0; at < 2048 * MIB; at += 255 * MIB) {
		EXPECT_EQ(pread(fd, &byte, 1, at), 1);
		EXPECT(ioremapped(info.phys, info.length) > 0);
		EXPECT(ioremapped(info.phys, info.length) <= 2 * MIB + page());
	}
	EXPECT_EQ(set_state(control, window_id(fd), MMIOD_WINDOW_REVOKED), 0);
	EXPECT_EQ(ioremapped(info.phys, info.length), 0);
}

TEST(a_transfer_across_pieces_finds_every_byte_in_its_place)
{
	int control = open_control();
	int fd = window(control, "shm", 3 * page(), 8 * MIB, UC, 0);
	uint32_t *words = map_window(fd, 8 * MIB, RW);
	uint8_t in[200], out[200];

	for (size_t i = 0; i < 8 * MIB; i += 512 << 10)
		words[i / 4] = 0xabc00000 + i / 1024;
	for (size_t i = 0; i < 8 * MIB; i += 512 << 10) {
		uint32_t word;

		EXPECT_EQ(pread(fd, &word, 4, i), 4);
		EXPECT_EQ(word, 0xabc00000 + i / 1024);
	}
	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = i;
	EXPECT_EQ(pwrite(fd, out, sizeof(out), 4 * MIB - 3 * page() - 100), sizeof(out));
	EXPECT_EQ(pread(fd, in, sizeof(in), 4 * MIB - 3 * page() - 100), sizeof(in));
	EXPECT_EQ(memcmp(in, out, sizeof(in)), 0);
}

struct reader {
	int fd;
	off_t offset;
	uint32_t expected;
	int wrong;
};

static void *read_often(void *argument)
{
	struct reader *reader = argument;

	for (int i = 0; i < 300; i++) {
		uint32_t word = 0;

		if (pread(reader->fd, &word, 4, reader->offset) != 4 || word != reader->expected)
			reader->wrong++;
	}
	return NULL;
}

TEST(readers_far_apart_in_one_window_all_get_on)
{
	int control = open_control();
	int fd = window(control, "shm", 0, 64 * MIB, UC, 0);
	struct reader readers[4];
	pthread_t threads[4];

	for (int i = 0; i < 4; i++) {
		readers[i] = (struct reader){ .fd = fd,
					      .offset = i * 13 * MIB,
					      .expected = 0x1234567 + i };
		EXPECT_EQ(pwrite(fd, &readers[i].expected, 4, readers[i].offset), 4);
	}
	for (int i = 0; i < 4; i++)
		EXPECT_EQ(pthread_create(&threads[i], NULL, read_often, &readers[i]), 0);
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		EXPECT_EQ(readers[i].wrong, 0);
	}
}

/* ---- marks in page tables ---- */

#ifndef UFFD_FEATURE_WP_ASYNC
#define UFFD_FEATURE_WP_ASYNC (1 << 15)
#endif
#ifndef UFFD_FEATURE_WP_UNPOPULATED
#define UFFD_FEATURE_WP_UNPOPULATED (1 << 13)
#endif
#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1
#endif

/* Of an address range that nothing is mapped in: write protection leaves a mark in each entry. */
static bool mark(uint8_t *address, size_t length)
{
	struct uffdio_api api = { .api = UFFD_API,
				  .features = UFFD_FEATURE_WP_ASYNC | UFFD_FEATURE_WP_UNPOPULATED };
	struct uffdio_range range = { (uintptr_t)address, length };
	struct uffdio_register registration = { .range = range, .mode = UFFDIO_REGISTER_MODE_WP };
	struct uffdio_writeprotect protect = { .range = range,
					       .mode = UFFDIO_WRITEPROTECT_MODE_WP };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);

	return fd >= 0 && !ioctl(fd, UFFDIO_API, &api) &&
	       !ioctl(fd, UFFDIO_REGISTER, &registration) &&
	       !ioctl(fd, UFFDIO_WRITEPROTECT, &protect);
}

TEST(populating_exactly_over_marks_in_the_page_table_is_refused)
{
	int control = open_control();
	int fd = window(control, "shm", 0, 16 * page(), UC, 0);
	uint8_t *address = map_window(fd, 16 * page(), RW);

	if (!mark(address + 4 * page(), page()))
		tap_skip("this kernel leaves no marks in mappings of device memory");
	EXPECT_ERRNO(populate_exactly(fd, address, 16 * page()), EBUSY);
	EXPECT_EQ(set_state(control, window_id(fd), MMIOD_WINDOW_REVOKED), 0);
	EXPECT_EQ(touch_read(address), SIGBUS);
}
