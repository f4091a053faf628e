/* SPDX-License-Identifier: MIT */
/*
 * mmioctl translate: where a virtual address of a process leads, level by level.
 *
 * The module walks the page tables. Without a daemon, /proc/PID/pagemap still tells a frame, and
 * that is said to be all.
 */
#include "system/paging.h"
#include "system/process.h"
#include "verb.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <common/size.h>

#define HIDDEN "hidden: it needs the inspect right"

struct translated {
	struct context *context;
	uint32_t pid;
	uint64_t address;
	const struct mmiod_translation *walk;
};

/* ---- text ---- */

static void print_leaf_size(uint64_t leaf)
{
	char size[32];

	size_words(leaf, size, sizeof(size));
	printf("%12s %s\n", "Leaf:", size);
}

static void print_window(const struct mmiod_translation *walk)
{
	const char *region = mmiod_translation_region(walk);

	printf("%12s lease %llu, %s+0x%llx, asked to be %s, %s\n",
	       "Window:", (unsigned long long)mmiod_translation_lease(walk),
	       region[0] ? region : "kernel memory",
	       (unsigned long long)mmiod_translation_offset(walk),
	       memtype_word(mmiod_translation_asked(walk)),
	       state_word(mmiod_translation_state(walk)));
}

static void print_entries(const struct mmiod_translation *walk)
{
	bool hidden = mmiod_translation_hidden(walk);

	for (unsigned int i = 0; i < mmiod_translation_levels(walk); i++) {
		uint64_t entry = mmiod_translation_entry(walk, i);
		unsigned int level = mmiod_translation_level(walk, i);
		char bits[128], value[32];

		entry_bits(entry, level, bits, sizeof(bits));
		snprintf(value, sizeof(value), "0x%016llx", (unsigned long long)entry);
		printf("%11s: %s  %s\n", level_name(level), hidden && !entry ? "-" : value, bits);
	}
}

static void print_text(const struct translated *translated)
{
	const struct mmiod_translation *walk = translated->walk;

	printf("process %u, address 0x%llx\n", translated->pid,
	       (unsigned long long)translated->address);
	if (mmiod_translation_mapped(walk))
		printf("%12s 0x%llx-0x%llx\n",
		       "Mapping:", (unsigned long long)mmiod_translation_start(walk),
		       (unsigned long long)mmiod_translation_end(walk));
	else
		printf("%12s none\n", "Mapping:");
	if (mmiod_translation_window(walk))
		print_window(walk);
	print_entries(walk);
	if (!mmiod_translation_present(walk)) {
		printf("%12s not present\n", "Physical:");
		return;
	}
	print_leaf_size(mmiod_translation_leaf(walk));
	if (mmiod_translation_hidden(walk))
		printf("%12s %s\n", "Physical:", HIDDEN);
	else
		printf("%12s 0x%llx (frame 0x%llx)\n",
		       "Physical:", (unsigned long long)mmiod_translation_phys(walk),
		       (unsigned long long)(mmiod_translation_phys(walk) / mmiod_page_size()));
	printf("%12s %s\n", "Cache:", memtype_name(mmiod_translation_memtype(walk)));
}

/* ---- JSON ---- */

static json_t *json_words(const char *words)
{
	json_t *list = json_array();

	while (*words) {
		size_t length = strcspn(words, ",");

		json_array_append_new(list, json_stringn(words, length));
		words += length + (words[length] == ',');
	}
	return list;
}

static json_t *json_entries(const struct mmiod_translation *walk)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < mmiod_translation_levels(walk); i++) {
		uint64_t entry = mmiod_translation_entry(walk, i);
		unsigned int level = mmiod_translation_level(walk, i);
		char bits[128] = "";

		if (entry_is_present(entry))
			entry_bits(entry, level, bits, sizeof(bits));
		json_array_append_new(
			list,
			json_pack("{s:s, s:i, s:i, s:o, s:b, s:b, s:o}", "name", level_name(level),
				  "level", (int)level, "shift",
				  (int)mmiod_translation_shift(walk, i), "entry",
				  json_register(entry, 8), "present", entry_is_present(entry),
				  "leaf", entry_is_leaf(entry, level), "bits", json_words(bits)));
	}
	return list;
}

static json_t *json_window(const struct mmiod_translation *walk)
{
	const char *region = mmiod_translation_region(walk);

	if (!mmiod_translation_window(walk))
		return json_null();
	return json_pack("{s:o, s:s?, s:o, s:s, s:s}", "lease",
			 json_number(mmiod_translation_lease(walk)), "region",
			 region[0] ? region : NULL, "offset",
			 json_number(mmiod_translation_offset(walk)), "cache",
			 memtype_word(mmiod_translation_asked(walk)), "state",
			 state_word(mmiod_translation_state(walk)));
}

static int print_json(const struct translated *translated)
{
	const struct mmiod_translation *walk = translated->walk;
	bool present = mmiod_translation_present(walk), hidden = mmiod_translation_hidden(walk);
	uint64_t phys = mmiod_translation_phys(walk);
	json_t *mapping = json_null(), *root;

	if (mmiod_translation_mapped(walk))
		mapping =
			json_pack("{s:o, s:o}", "start", json_number(mmiod_translation_start(walk)),
				  "end", json_number(mmiod_translation_end(walk)));
	root = json_pack("{s:i, s:s, s:i, s:o, s:o, s:o, s:o, s:b, s:b}", "schema", JSON_SCHEMA,
			 "source", "module", "pid", (int)translated->pid, "address",
			 json_number(translated->address), "mapping", mapping, "window",
			 json_window(walk), "levels", json_entries(walk), "present", present,
			 "hidden", hidden);
	json_object_update_new(
		root,
		json_pack("{s:o, s:o, s:o, s:s?}", "leaf",
			  present ? json_number(mmiod_translation_leaf(walk)) : json_null(),
			  "physical", present && !hidden ? json_number(phys) : json_null(), "frame",
			  present && !hidden ? json_number(phys / mmiod_page_size()) : json_null(),
			  "cache", present ? memtype_word(mmiod_translation_memtype(walk)) : NULL));
	return json_output(root);
}

/* ---- without a daemon ---- */

static int read_pagemap(const struct context *context, uint32_t pid, uint64_t address,
			uint64_t *word)
{
	FILE *file;
	int status;
	ssize_t n;

	file = process_open(context, pid, "pagemap", &status);
	if (!file)
		return status;
	n = pread(fileno(file), word, sizeof(*word),
		  (off_t)(address / mmiod_page_size() * sizeof(*word)));
	fclose(file);
	return n == sizeof(*word) ? 0
				  : report(context, -ENOENT, "process %u has nothing at 0x%llx",
					   pid, (unsigned long long)address);
}

static int print_pagemap(const struct translated *translated, const struct pagemap_entry *entry)
{
	uint64_t page = mmiod_page_size(), pfn = entry->pfn;
	uint64_t phys = pfn * page + translated->address % page;

	if (translated->context->json)
		return json_output(
			json_pack("{s:i, s:s, s:i, s:o, s:b, s:b, s:b, s:o, s:o}", "schema",
				  JSON_SCHEMA, "source", "pagemap", "pid", (int)translated->pid,
				  "address", json_number(translated->address), "present",
				  entry->present, "hidden", entry->present && !pfn, "swapped",
				  entry->swapped, "physical", pfn ? json_number(phys) : json_null(),
				  "frame", pfn ? json_number(pfn) : json_null()));
	printf("process %u, address 0x%llx\n", translated->pid,
	       (unsigned long long)translated->address);
	if (!entry->present)
		printf("%12s not present%s\n",
		       "Physical:", entry->swapped ? ", but in swap or migrating" : "");
	else if (!pfn)
		printf("%12s hidden: the kernel shows frames to CAP_SYS_ADMIN only\n", "Physical:");
	else
		printf("%12s 0x%llx (frame 0x%llx)\n", "Physical:", (unsigned long long)phys,
		       (unsigned long long)pfn);
	return STATUS_OK;
}

/*
 * The daemon's refusals for lack of rights stand: this is for when there is no daemon, or it cannot
 * look.
 */
static int fall_back(const struct translated *translated)
{
	struct pagemap_entry entry;
	uint64_t word;
	int status = read_pagemap(translated->context, translated->pid, translated->address, &word);

	if (status)
		return status;
	parse_pagemap(word, &entry);
	note(translated->context,
	     "no module to walk the page tables (%s): entries, leaf size and memory type are "
	     "missing",
	     mmiod_client_error(translated->context->client));
	return print_pagemap(translated, &entry);
}

/* ---- the verb ---- */

static int translate(struct translated *translated)
{
	struct context *context = translated->context;
	struct mmiod_translation *walk;
	int err, status;

	if (!client_try(context))
		return fall_back(translated);
	err = mmiod_client_translate(context->client, translated->pid, translated->address, &walk);
	if (err == -EOPNOTSUPP)
		return fall_back(translated);
	if (err)
		return report_client(context, err);
	translated->walk = walk;
	if (context->json)
		status = print_json(translated);
	else
		print_text(translated), status = STATUS_OK;
	mmiod_translation_free(walk);
	return status;
}

static int verb_translate(struct context *context, int argc, char **argv)
{
	struct translated translated = { .context = context };
	int status = parse_pid(context, argv[0], &translated.pid);

	if (status)
		return status;
	if (common_number(argv[1], &translated.address))
		return usage_error(context, "\"%s\" is not an address: 0x…", argv[1]);
	return translate(&translated);
}

const struct verb translate_verb = {
	.name = "translate",
	.arguments = "PID ADDR",
	.summary = "a virtual address, down to its page-table entry",
	.group = GROUP_MEMORY,
	.least = 2,
	.most = 2,
	.run = verb_translate,
	.examples = { { "translate 4711 0x7f2c8a400000",
			"every level's entry, leaf size, frame, memory type" } },
	.more = "Your own processes are yours to look into, but frames and physical addresses\n"
		"are shown to administrators and to those that an [inspect] section names.\n"
		"Without a daemon /proc/PID/pagemap tells the frame, to root.",
};
