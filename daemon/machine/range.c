// SPDX-License-Identifier: MIT
/*
 * Names the rule by which the kernel refuses a claim by address. The module answers EPERM to all of
 * them, in the order in which they are asked here.
 */
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include "base/util.h"
#include "machine/range.h"

#define LOW_MEMORY_END 0x100000

static bool read_line(const char *sys, const char *name, char *line, int size)
{
	_cleanup_(fclosep) FILE *file = NULL;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", sys, name);
	file = fopen(path, "re");
	return file && fgets(line, size, file);
}

/* "none [integrity] confidentiality": the word in brackets. NULL: the kernel keeps root from nothing. */
static const char *lockdown(const char *sys, char *line, int size)
{
	char *word;

	if (!read_line(sys, "kernel/security/lockdown", line, size))
		return NULL;
	word = strchr(line, '[');
	if (!word)
		return NULL;
	word++;
	word[strcspn(word, "]\n")] = '\0';
	return *word && strcmp(word, "none") ? word : NULL;
}

void range_explain_denial(const char *sys, uint64_t start, struct text *why)
{
	char parameter[8], line[128];
	const char *word;

	if (read_line(sys, "module/mmiod/parameters/allow_ranges", parameter, sizeof(parameter)) &&
	    parameter[0] == 'N') {
		text_add(why, "the module's parameter allow_ranges is off");
		return;
	}
	word = lockdown(sys, line, sizeof(line));
	if (word)
		text_add(why,
			 "the kernel is locked down (%s), as it is under Secure Boot, and refuses "
			 "every claim by address: only devices (\"device =\") have regions there",
			 word);
	else if (start < LOW_MEMORY_END)
		text_add(why, "a claim by address is refused below 1 MiB");
	else
		text_add(why, "the range lies in a PCI BAR, which is not claimed by address: name "
			      "the function by \"device =\" and the BAR by \"bar =\"");
}
