/* SPDX-License-Identifier: MIT */
/*
 * Help: of mmioctl as a whole by task, examples first; of one verb everything.
 */
#include "verb.h"

static const char *const headings[GROUPS] = {
	[GROUP_SEE] = "See what there is",
	[GROUP_MEMORY] = "Memory, down to the page-table entry",
	[GROUP_ACCESS] = "Access registers and memory",
	[GROUP_HOLD] = "Hold, allocate and take",
	[GROUP_DEVICES] = "Devices that come and go",
	[GROUP_LIVE] = "Watch it live",
	[GROUP_TROUBLE] = "When it does not work",
};

static const char targets[] =
	"TARGET is REGION[+OFFSET][/LENGTH][:WIDTH]; WIDTH is 8, 16, 32 or 64 bits.\n"
	"Instead of REGION, PCIADDR/barN: 0000:01:00.0/bar2+0x10. Numbers are decimal\n"
	"or 0x…, in targets with K, M, G or T behind them.\n";

static const char statuses[] =
	"Exit status: 0 ok, 1 failed, 2 usage, 3 not found, 4 denied, 5 busy or quota,\n"
	"6 no daemon or module, 7 revoked or device gone, 8 timeout, 9 mismatch;\n"
	"hold, alloc: that of their command\n";

#define SUMMARY_AT 29

/* printf() counts bytes, a terminal characters. Returns how many those are. */
static int print_padded(const char *text, int width)
{
	int shown = 0;

	for (const char *at = text; *at; at++)
		shown += (*at & 0xc0) != 0x80;
	printf("%s%*s", text, shown < width ? width - shown : 0, "");
	return shown;
}

static void print_verb_line(const struct verb *verb)
{
	char call[96];

	snprintf(call, sizeof(call), "%s %s", verb->name, verb->arguments);
	printf("  ");
	if (print_padded(call, SUMMARY_AT) > SUMMARY_AT)
		printf("\n%*s", SUMMARY_AT + 2, "");
	printf(" %s\n", verb->summary);
}

static void print_group(const struct context *context, enum verb_group group)
{
	bool any = false;

	for (const struct verb *const *verb = context->verbs; *verb; verb++) {
		if ((*verb)->group != group)
			continue;
		if (!any)
			printf("\n%s:\n", headings[group]);
		any = true;
		print_verb_line(*verb);
	}
}

int print_version(void)
{
	printf("mmioctl %s\n", mmiod_version());
	return STATUS_OK;
}

int print_help(const struct context *context)
{
	printf("mmioctl: device memory through the mmiod daemon\n\n"
	       "Usage: mmioctl [OPTION…] VERB [ARGUMENT…] [OPTION…]\n\n"
	       "Examples:\n"
	       "  mmioctl list                         which regions there are\n"
	       "  mmioctl read edu+0x8                 the register at 0x8\n"
	       "  mmioctl write edu+0x8:32 12          12 into it, by one 32-bit store\n"
	       "  mmioctl dump shm+0x1000/256          256 bytes as a hex dump\n"
	       "  mmioctl hold shm/0x1000 -- CMD       run CMD with the window as descriptor 3\n"
	       "  mmioctl alloc vram 2M --align 2M     2 MiB of the pool vram\n"
	       "  mmioctl leases --json                who holds what, for programs\n"
	       "  mmioctl read --help                  all of one verb: options, columns\n");
	for (enum verb_group group = 0; group < GROUP_HIDDEN; group++)
		print_group(context, group);
	printf("\n%s"
	       "KIND is pages, kmalloc, vmalloc or dma (kernel memory); POOL is a region that\n"
	       "is one.\n\nOptions of every verb:\n",
	       targets);
	print_options(NULL);
	printf("\nOptions of verbs that print tables:\n");
	print_options(table_options);
	printf("\n%s", statuses);
	return STATUS_OK;
}

static size_t example_count(const struct verb *verb)
{
	size_t count = 0;

	while (count < EXAMPLES_MAX && verb->examples[count].command)
		count++;
	return count;
}

/* The explanation of an example stands beside it, or below it where that would be too wide. */
static void print_examples(const struct verb *verb)
{
	int commands = 20, says = 0;

	for (size_t i = 0; i < example_count(verb); i++) {
		int command = snprintf(NULL, 0, "%s", verb->examples[i].command);
		int words = snprintf(NULL, 0, "%s", verb->examples[i].says);

		commands = command > commands ? command : commands;
		says = words > says ? words : says;
	}
	if (example_count(verb))
		printf("\nExamples:\n");
	for (size_t i = 0; i < example_count(verb); i++) {
		printf("  mmioctl ");
		print_padded(verb->examples[i].command, commands + says > 68 ? 0 : commands);
		printf("%s%s\n", commands + says > 68 ? "\n      " : "  ", verb->examples[i].says);
	}
}

static void print_columns(const struct column *columns, size_t count)
{
	printf("\nColumns for -o (* usual):\n");
	for (size_t i = 0; i < count; i++)
		printf("  %-13s %c %s\n", columns[i].name, columns[i].usual ? '*' : ' ',
		       columns[i].help);
}

int print_verb_help(const struct verb *verb)
{
	printf("mmioctl %s: %s\n\nUsage: mmioctl %s%s%s [OPTION…]\n", verb->name, verb->summary,
	       verb->name, verb->arguments[0] ? " " : "", verb->arguments);
	print_examples(verb);
	if (verb->more)
		printf("\n%s", verb->more);
	printf("\nOptions:\n");
	if (verb->options)
		print_options(verb->options);
	print_options(NULL);
	if (verb->columns)
		print_columns(verb->columns, *verb->column_count);
	return STATUS_OK;
}
