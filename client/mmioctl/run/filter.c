/* SPDX-License-Identifier: MIT */
/*
 * A filter of seccomp(2): for each architecture a block that compares the number with those of its
 * rows. What no row names passes.
 */
#include "run/filter.h"
#include "run/calls.h"

#include <errno.h>
#include <stddef.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FILTER_MAX 96

/* Since 5.19; a task that gets signals would else never have an answer. */
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

struct filter {
	struct sock_filter code[FILTER_MAX];
	unsigned short length;
};

static void add(struct filter *filter, struct sock_filter instruction)
{
	filter->code[filter->length++] = instruction;
}

static void add_load(struct filter *filter, unsigned int at)
{
	add(filter, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at));
}

static void add_return(struct filter *filter, unsigned int what)
{
	add(filter, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, what));
}

static bool is_wanted(const struct call_row *row, bool stats)
{
	return stats || row->kind == CALL_OPEN || row->kind == CALL_OPENAT2;
}

static unsigned char count_wanted(const struct call_row *row, const struct call_row *end,
				  bool stats)
{
	unsigned char count = 0;

	for (; row < end; row++)
		count += is_wanted(row, stats);
	return count;
}

/* Behind the comparisons, whose number is @count, stand "pass" and "tell". */
static void add_block(struct filter *filter, const struct call_row *row, const struct call_row *end,
		      bool stats)
{
	unsigned char count = count_wanted(row, end, stats);

	add(filter, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, row->arch, 0,
						 (unsigned char)(count + 3)));
	add_load(filter, offsetof(struct seccomp_data, nr));
	for (; row < end; row++)
		if (is_wanted(row, stats))
			add(filter, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
								 row->number, count--, 0));
	add_return(filter, SECCOMP_RET_ALLOW);
	add_return(filter, SECCOMP_RET_USER_NOTIF);
}

static void build(struct filter *filter, bool stats)
{
	const struct call_row *row = call_rows, *end = call_rows + call_row_count;

	add_load(filter, offsetof(struct seccomp_data, arch));
	while (row < end) {
		const struct call_row *next = row;

		while (next < end && next->arch == row->arch)
			next++;
		add_block(filter, row, next, stats);
		row = next;
	}
	add_return(filter, SECCOMP_RET_ALLOW);
}

static int install(const struct sock_fprog *program, unsigned long flags)
{
	long fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, program);

	return fd < 0 ? -errno : (int)fd;
}

int filter_install(bool stats)
{
	struct filter filter = { .length = 0 };
	struct sock_fprog program = { .filter = filter.code };
	int fd;

	build(&filter, stats);
	program.len = filter.length;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	fd = install(&program,
		     SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
	return fd == -EINVAL ? install(&program, SECCOMP_FILTER_FLAG_NEW_LISTENER) : fd;
}
