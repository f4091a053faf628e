/* SPDX-License-Identifier: MIT */
/*
 * Readers of /proc/PID. The parsers are pure functions over text.
 */
#include "system/process.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <common/escape.h>
#include <common/size.h>

const char *proc_directory(void)
{
	const char *proc = getenv("MMIOCTL_PROC");

	return proc && proc[0] ? proc : "/proc";
}

static void process_path(uint32_t pid, const char *name, char *out, size_t size)
{
	snprintf(out, size, "%s/%u%s%s", proc_directory(), pid, name[0] ? "/" : "", name);
}

bool process_is_there(uint32_t pid)
{
	struct stat status;
	char path[256];

	process_path(pid, "", path, sizeof(path));
	return stat(path, &status) == 0;
}

FILE *process_open(const struct context *context, uint32_t pid, const char *name, int *status)
{
	char path[256];
	FILE *file;

	process_path(pid, name, path, sizeof(path));
	file = fopen(path, "re");
	*status = 0;
	if (file)
		return file;
	if (errno == ENOENT && !process_is_there(pid))
		*status = report(context, -ENOENT, "there is no process %u", pid);
	else if (errno == EACCES || errno == EPERM)
		*status = report(context, -errno,
				 "%s: only root and the process's own user may read it", path);
	else
		*status = report(context, -errno, "%s: %s", path, strerror(errno));
	return NULL;
}

void process_comm(uint32_t pid, char *out, size_t size)
{
	char path[256];
	FILE *file;

	process_path(pid, "comm", path, sizeof(path));
	file = fopen(path, "re");
	if (!file || !fgets(out, (int)size, file))
		snprintf(out, size, "-");
	if (file)
		fclose(file);
	out[strcspn(out, "\n")] = '\0';
	common_clean(out);
}

/* UINT32_MAX: there is none such. */
uint32_t process_uid(uint32_t pid)
{
	struct stat status;
	char path[256];

	process_path(pid, "", path, sizeof(path));
	return stat(path, &status) == 0 ? status.st_uid : UINT32_MAX;
}

int parse_pid(const struct context *context, const char *text, uint32_t *pid)
{
	uint64_t number;

	if (common_number(text, &number) || !number || number > INT32_MAX)
		return usage_error(context, "\"%s\" is not the number of a process", text);
	*pid = (uint32_t)number;
	return 0;
}

/* "7f0000000000-7f0000001000 rw-s 00000000 00:0e 17  /mmiod:shm+0x0-0x1000" */
bool parse_segment(const char *line, struct segment *segment)
{
	int name = 0;

	memset(segment, 0, sizeof(*segment));
	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %*x:%*x %*u %n", &segment->start,
		   &segment->end, segment->mode, &segment->offset, &name) < 4 ||
	    !name || segment->end <= segment->start)
		return false;
	snprintf(segment->name, sizeof(segment->name), "%s", line + name);
	segment->name[strcspn(segment->name, "\n")] = '\0';
	return true;
}

/* "Rss:   12 kB", of smaps; false: a line that does not count here. */
bool parse_segment_detail(const char *line, struct segment *segment)
{
	const struct {
		const char *key;
		uint64_t *value;
	} keys[] = {
		{ "Rss:", &segment->rss },
		{ "Pss:", &segment->pss },
		{ "Shared_Dirty:", &segment->dirty },
		{ "Private_Dirty:", &segment->dirty },
	};
	uint64_t kibibytes;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		size_t length = strlen(keys[i].key);

		if (strncmp(line, keys[i].key, length) ||
		    sscanf(line + length, "%" SCNu64, &kibibytes) != 1)
			continue;
		*keys[i].value += kibibytes << 10;
		return true;
	}
	return false;
}

/* "/mmiod:ORIGIN+0xFIRST-0xLAST": the name that the module gives to a window's file. */
bool parse_window_name(const char *name, struct window_name *window)
{
	const char *plus;
	size_t length;

	if (strncmp(name, "/mmiod:", 7))
		return false;
	name += 7;
	plus = strrchr(name, '+');
	length = plus ? (size_t)(plus - name) : 0;
	if (!length || length >= sizeof(window->origin) ||
	    sscanf(plus, "+0x%" SCNx64 "-0x%" SCNx64, &window->start, &window->end) != 2)
		return false;
	snprintf(window->origin, sizeof(window->origin), "%.*s", (int)length, name);
	return true;
}

static bool next_line(struct segments *segments)
{
	if (segments->ahead) {
		segments->ahead = false;
		return true;
	}
	return fgets(segments->line, sizeof(segments->line), segments->file);
}

bool next_segment(struct segments *segments, struct segment *segment)
{
	struct segment next;

	do {
		if (!next_line(segments))
			return false;
	} while (!parse_segment(segments->line, segment));
	while (next_line(segments)) {
		if (parse_segment(segments->line, &next)) {
			segments->ahead = true;
			break;
		}
		parse_segment_detail(segments->line, segment);
	}
	return true;
}
