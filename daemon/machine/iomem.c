// SPDX-License-Identifier: MIT
/*
 * Finds who owns a physical range. The kernel shows real addresses only if /proc/iomem was *opened*
 * by somebody with CAP_SYS_ADMIN, which the daemon has not; so its unit has the service manager
 * open it as standard input, before privileges drop. A seek to the start makes a new listing.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/vfs.h>
#include "base/util.h"
#include "machine/iomem.h"

#define IOMEM_PATH "/proc/iomem"

static int stdin_is_iomem(void)
{
	char target[sizeof(IOMEM_PATH) + 1];
	struct statfs status;
	ssize_t n;

	if (fstatfs(STDIN_FILENO, &status) < 0 || status.f_type != PROC_SUPER_MAGIC)
		return 0;
	n = readlink("/proc/self/fd/0", target, sizeof(target));
	return n == (ssize_t)strlen(IOMEM_PATH) && !memcmp(target, IOMEM_PATH, (size_t)n);
}

static FILE *open_iomem(void)
{
	_cleanup_(fd_closep) int fd = -1;
	FILE *file;

	if (stdin_is_iomem() && lseek(STDIN_FILENO, 0, SEEK_SET) == 0)
		fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	else
		fd = open(IOMEM_PATH, O_RDONLY | O_CLOEXEC);
	file = fd < 0 ? NULL : fdopen(fd, "re");
	if (file)
		steal_fd(&fd);
	return file;
}

/*
 * The innermost entry that touches the range: the listing is a tree, an inner entry follows its
 * outer one, indented. -ENOENT: none. -EACCES: the addresses are hidden.
 */
int iomem_find(FILE *file, uint64_t start, uint64_t length, char *owner, size_t size)
{
	int depth = -1, any = 0;
	char line[256];

	while (fgets(line, sizeof(line), file)) {
		uint64_t first, last;
		int indent = (int)strspn(line, " "), at = 0;

		if (sscanf(line + indent, "%" SCNx64 "-%" SCNx64 " : %n", &first, &last, &at) < 2 ||
		    !at)
			continue;
		any |= last != 0;
		if (first >= start + length || last < start || indent <= depth)
			continue;
		depth = indent;
		snprintf(owner, size, "%s", line + indent + at);
		owner[strcspn(owner, "\n")] = '\0';
	}
	if (!any)
		return -EACCES;
	return depth < 0 ? -ENOENT : 0;
}

int iomem_owner(uint64_t start, uint64_t length, char *owner, size_t size)
{
	_cleanup_(fclosep) FILE *file = open_iomem();

	return file ? iomem_find(file, start, length, owner, size) : -errno;
}
