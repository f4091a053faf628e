/* SPDX-License-Identifier: MIT */
/*
 * Opens files as programs do that nobody can change: each of its ways is one that a supervisor of
 * system calls may get wrong. It prints what came of it, and an errno by its name.
 *
 *	opener read|write PATH AT [VALUE]	maps for reading and writing, as pcimem does
 *	opener longer PATH			maps 16 MiB and reads the first word, as libbcm2835 does
 *	opener keep PATH AT			maps, and reads until that raises SIGBUS
 *	opener mode r|w|rw PATH			opens, and says what the descriptor may do
 *	opener openat2|creat|edge|below PATH	by that call; at the end of a mapping; by dirfd
 *	opener threads PATH			eight threads, a hundred times each
 *	opener timer PATH			with a timer that interrupts each millisecond
 *	opener full PATH			when no descriptor is free
 *	opener daemon PATH OUT			in a grandchild whose parent has ended
 *	opener stat|access PATH			size, kind and number, or what access(2) says
 *	opener fault				what a path that is not there comes to
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <unistd.h>

#define PAGE 4096

static int say(int fd)
{
	if (fd < 0)
		printf("%s\n", strerrorname_np(errno));
	else
		printf("opened\n");
	fflush(stdout);
	return fd < 0;
}

static int map(const char *path, const char *at, const char *value)
{
	unsigned long offset = strtoul(at, NULL, 0);
	int fd = open(path, O_RDWR | O_SYNC);
	volatile uint32_t *memory;

	if (fd < 0)
		return say(fd);
	memory = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		      (off_t)(offset & ~(PAGE - 1ul)));
	if (memory == MAP_FAILED)
		return say(-1);
	memory += offset % PAGE / 4;
	if (value)
		*memory = (uint32_t)strtoul(value, NULL, 0);
	else
		printf("0x%08x\n", *memory);
	return 0;
}

static int longer(const char *path)
{
	int fd = open(path, O_RDWR | O_SYNC);
	const volatile uint32_t *memory;

	if (fd < 0)
		return say(fd);
	memory = mmap(NULL, 16 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		return say(-1);
	printf("0x%08x\n", *memory);
	return 0;
}

static void tell_bus(int sig)
{
	static const char text[] = "SIGBUS\n";

	_exit(write(STDOUT_FILENO, text, sizeof(text) - 1) < 0);
}

static int keep(const char *path, const char *at)
{
	unsigned long offset = strtoul(at, NULL, 0);
	int fd = open(path, O_RDWR);
	const volatile uint32_t *memory =
		mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)offset);

	if (memory == MAP_FAILED)
		return say(-1);
	close(fd);
	signal(SIGBUS, tell_bus);
	printf("0x%08x\n", *memory);
	fflush(stdout);
	for (;;) {
		(void)*memory;
		usleep(10000);
	}
}

static int mode(const char *word, const char *path)
{
	int flags = !strcmp(word, "r") ? O_RDONLY : !strcmp(word, "w") ? O_WRONLY : O_RDWR;
	int fd = open(path, flags | O_CLOEXEC);

	if (fd < 0)
		return say(fd);
	flags = fcntl(fd, F_GETFL) & O_ACCMODE;
	printf("%s%s\n",
	       flags == O_RDONLY   ? "r"
	       : flags == O_WRONLY ? "w"
				   : "rw",
	       fcntl(fd, F_GETFD) & FD_CLOEXEC ? " cloexec" : "");
	return 0;
}

static int by_openat2(const char *path)
{
	struct open_how how = { .flags = O_RDWR };

	return say((int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how)));
}

/* The terminating 0 is the last byte that is there. */
static int by_edge(const char *path)
{
	size_t length = strlen(path) + 1;
	char *pages =
		mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	munmap(pages + PAGE, PAGE);
	memcpy(pages + PAGE - length, path, length);
	return say(open(pages + PAGE - length, O_RDWR));
}

static int from_below(const char *path)
{
	char directory[PAGE];
	int fd;

	snprintf(directory, sizeof(directory), "%.*s", (int)(strrchr(path, '/') - path), path);
	fd = open(directory, O_RDONLY | O_DIRECTORY);
	return say(fd < 0 ? -1 : openat(fd, strrchr(path, '/') + 1, O_RDWR));
}

static void *open_often(void *path)
{
	for (int i = 0; i < 100; i++) {
		int fd = open(path, O_RDWR), other = open("/dev/null", O_RDONLY);

		if (fd < 0 || other < 0)
			return (void *)1;
		close(fd);
		close(other);
	}
	return NULL;
}

static int by_threads(char *path)
{
	pthread_t threads[8];
	size_t failed = 0;

	for (int i = 0; i < 8; i++)
		pthread_create(&threads[i], NULL, open_often, path);
	for (int i = 0; i < 8; i++) {
		void *result;

		pthread_join(threads[i], &result);
		failed += result != NULL;
	}
	printf("%zu failed\n", failed);
	return failed != 0;
}

static void ring(int sig)
{
}

static int by_timer(const char *path)
{
	const struct itimerval each = { { 0, 1000 }, { 0, 1000 } };
	struct sigaction action = { .sa_handler = ring, .sa_flags = SA_RESTART };
	int fd;

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &each, NULL);
	for (int i = 0; i < 20; i++)
		close(open("/dev/null", O_RDONLY));
	fd = open(path, O_RDWR);
	signal(SIGALRM, SIG_IGN);
	return say(fd);
}

static int when_full(const char *path)
{
	const struct rlimit limit = { 3, 3 };

	setrlimit(RLIMIT_NOFILE, &limit);
	for (int fd = 3; fd < 20; fd++)
		close(fd);
	return say(open(path, O_RDWR));
}

static int by_daemon(const char *path, const char *out)
{
	int ready[2];
	char byte;

	if (pipe(ready) || fork())
		return 3;
	setsid();
	if (fork())
		_exit(0);
	/* Until the parent's parent has ended, and with it the last writer. */
	close(ready[1]);
	if (read(ready[0], &byte, 1) == 0 && freopen(out, "w", stdout))
		say(open(path, O_RDWR));
	return 0;
}

static int by_stat(const char *path)
{
	struct stat status;

	if (stat(path, &status))
		return say(-1);
	printf("%s %lld %u:%u\n",
	       S_ISCHR(status.st_mode)	 ? "device"
	       : S_ISDIR(status.st_mode) ? "directory"
					 : "file",
	       (long long)status.st_size, major(status.st_rdev), minor(status.st_rdev));
	return 0;
}

int main(int argc, char **argv)
{
	const char *way = argc > 1 ? argv[1] : "";

	if (!strcmp(way, "fault"))
		return say(open((const char *)16, O_RDONLY));
	if (argc < 3)
		return 2;
	if (!strcmp(way, "read") || !strcmp(way, "write"))
		return map(argv[2], argv[3], argv[4]);
	if (!strcmp(way, "longer"))
		return longer(argv[2]);
	if (!strcmp(way, "keep"))
		return keep(argv[2], argv[3]);
	if (!strcmp(way, "mode"))
		return mode(argv[2], argv[3]);
	if (!strcmp(way, "openat2"))
		return by_openat2(argv[2]);
	if (!strcmp(way, "creat"))
		return say(creat(argv[2], 0600));
	if (!strcmp(way, "edge"))
		return by_edge(argv[2]);
	if (!strcmp(way, "below"))
		return from_below(argv[2]);
	if (!strcmp(way, "threads"))
		return by_threads(argv[2]);
	if (!strcmp(way, "timer"))
		return by_timer(argv[2]);
	if (!strcmp(way, "full"))
		return when_full(argv[2]);
	if (!strcmp(way, "daemon"))
		return by_daemon(argv[2], argv[3]);
	if (!strcmp(way, "access"))
		return say(access(argv[2], R_OK | W_OK) ? -1 : 0);
	return !strcmp(way, "stat") ? by_stat(argv[2]) : 2;
}
