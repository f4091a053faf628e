/* SPDX-License-Identifier: MIT */
/*
 * mmioctl configure: a configuration for a PCI function as it is: a region for each BAR, of memory
 * or of I/O ports, and who may have them. It says in comments where each line comes from, and what somebody must decide.
 *
 * Everything is from sysfs and needs neither daemon nor root, except the place of MSI-X tables: whoever may
 * write there chooses where the function's messages go, so their pages are in no region.
 */
#include "regmap/regmap.h"
#include "system/msix.h"
#include "verb.h"
#include "verbs/configure.h"

#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <common/escape.h>
#include <common/pci-address.h>

#define PAGE 4096u
#define NAME_MOST 20 /* a region's name has 31 characters, with -bar0-a behind it */

static struct configure_options {
	const char *name;
	const char *group;
	bool install;
	bool force;
} options;

static const struct verb_option option_rows[] = {
	{ "name", 0, "NAME", "of the regions, with -barN, and of the grant",
	  TEXT(struct configure_options, name) },
	{ "group", 0, "GROUP", "who may have the regions (default: nobody yet)",
	  TEXT(struct configure_options, group) },
	{ "install", 0, NULL, "write it to a file, check it, bind, reload (root)",
	  FLAG(struct configure_options, install) },
	{ "force", 0, NULL, "--install: whoever uses the function",
	  FLAG(struct configure_options, force) },
	{ 0 },
};

struct writing {
	struct context *context;
	const struct pci_function *function;
	FILE *out;
	const char *name;
	enum msix_answer msix;
	struct msix_part parts[2];
	unsigned int regions;
};

/* ---- one BAR ---- */

/* The pages between @start and @end of which nothing is kept back; false: there are none left. */
static bool next_piece(const struct writing *writing, unsigned int index, uint64_t *start,
		       uint64_t *end)
{
	uint64_t size = writing->function->bars[index].size;

	*end = size;
	for (bool moved = true; moved;) {
		moved = false;
		*end = size;
		for (size_t i = 0; writing->msix == MSIX_FOUND && i < 2; i++) {
			const struct msix_part *part = &writing->parts[i];
			uint64_t first = part->start / PAGE * PAGE;
			uint64_t last = (part->start + part->size + PAGE - 1) / PAGE * PAGE;

			if (part->bar != index || last <= *start)
				continue;
			if (first <= *start) {
				*start = last;
				moved = true;
			} else if (first < *end) {
				*end = first;
			}
		}
	}
	return *start < size;
}

static void tell_bar(const struct writing *writing, unsigned int index)
{
	const struct pci_bar *bar = &writing->function->bars[index];
	char size[32];

	size_words(bar->size, size, sizeof(size));
	fprintf(writing->out, "\n; BAR %u: %s at 0x%llx, %s (from \"resource\")\n", index, size,
		(unsigned long long)bar->start,
		bar->io		    ? "I/O ports, which are read and written, and never mapped"
		: bar->prefetchable ? "prefetchable, so that write-combining is possible"
				    : "not prefetchable, so never write-combining");
	if (bar->io)
		return;
	for (size_t i = 0; writing->msix == MSIX_FOUND && i < 2; i++)
		if (writing->parts[i].bar == index)
			fprintf(writing->out,
				"; Left out: the pages of the %s, 0x%llx bytes at 0x%llx (from "
				"\"config\")\n",
				writing->parts[i].what, (unsigned long long)writing->parts[i].size,
				(unsigned long long)writing->parts[i].start);
	if (bar->size < PAGE)
		fputs("; Smaller than a page: it is read and written through the kernel, and "
		      "cannot be "
		      "mapped.\n",
		      writing->out);
}

/* Memory has no width; of registers a map may know. */
static void write_width(const struct writing *writing, unsigned int index)
{
	const struct pci_function *function = writing->function;
	const struct map_device device = {
		.vendor = function->vendor,
		.product = function->device,
		.pci_class = { .is = true, .value = function->class },
		.bar = (int)index,
	};
	struct regmap *map = NULL;

	if (function->bars[index].prefetchable)
		return;
	map = regmap_of_device(writing->context, &device);
	if (map)
		fprintf(writing->out, "width = %u%*s; from the register map %s\n", map->width * 8,
			map->width == 1 ? 20 : 19, "", map->file);
	else
		fprintf(writing->out, "; decide: width = 32, if it has registers that are accessed "
				      "so; no width: any "
				      "is taken\n");
	regmap_free(map);
}

static void write_region(struct writing *writing, unsigned int index, uint64_t start, uint64_t end,
			 char piece)
{
	const struct pci_function *function = writing->function;
	const struct pci_bar *bar = &function->bars[index];

	fprintf(writing->out, "[region %s-bar%u", writing->name, index);
	if (piece)
		fprintf(writing->out, "-%c", piece);
	fprintf(writing->out,
		"]\ndevice = pci:%s\nids = %04x:%04x               ; expected there\n",
		function->address, function->vendor, function->device);
	fprintf(writing->out, "bar = %u\n", index);
	if (start || end != bar->size)
		fprintf(writing->out, "range = 0x%llx-0x%llx\n", (unsigned long long)start,
			(unsigned long long)end - 1);
	if (bar->io)
		fputs("ports = yes\n", writing->out);
	else
		fprintf(writing->out, "memory-type = %s\n",
			bar->prefetchable ? "uc wc           ; the first unless a program asks"
					  : "uc");
	write_width(writing, index);
	fprintf(writing->out, "bind = %s\n", options.force && options.install ? "force" : "yes");
	writing->regions++;
}

static void write_bar(struct writing *writing, unsigned int index)
{
	const struct pci_bar *bar = &writing->function->bars[index];
	uint64_t start = 0, end;
	char piece = 'a';

	if (!bar->size)
		return;
	if (!bar->start) {
		fprintf(writing->out, "\n; BAR %u: it has no address, and cannot be used\n", index);
		return;
	}
	tell_bar(writing, index);
	for (; next_piece(writing, index, &start, &end); start = end, piece++)
		write_region(writing, index, start, end, start || end != bar->size ? piece : '\0');
}

/* ---- all of it ---- */

static void write_head(const struct writing *writing)
{
	const struct pci_function *function = writing->function;
	char model[256];

	function_model(function, model, sizeof(model));
	common_clean(model);
	fprintf(writing->out, "; %s, %04x:%04x, %s%s%s, as sysfs shows it.\n", function->address,
		function->vendor, function->device, class_name(function->class),
		model[0] ? ": " : "", model);
	fputs("; Lines that begin with \"decide\" are for a person.\n", writing->out);
	if (function->driver[0] && strcmp(function->driver, "mmiod"))
		fprintf(writing->out,
			"; decide: the driver %s has it now, and bind = yes leaves it there; bind "
			"= force "
			"takes it.\n",
			function->driver);
	if (writing->msix == MSIX_UNKNOWN)
		fputs("; decide: an MSI-X table may lie in a BAR, and whoever may write there "
		      "chooses "
		      "where the\n; function's messages go. Only root sees where it is: run this "
		      "as "
		      "root.\n",
		      writing->out);
}

static void write_grant(const struct writing *writing)
{
	const char *mark = options.group ? "" : "; ";

	if (!writing->regions)
		return;
	fprintf(writing->out,
		"\n; decide: %s, to read or to write, and how far a holder keeps others out "
		"(share).\n",
		options.group ? "whether all of this group may have all of it" : "who may have it");
	if (!options.group)
		fputs("; Nobody may, as long as these lines are comments.\n", writing->out);
	fprintf(writing->out, "%s[grant %s]\n%sregion = %s-bar*\n%sgroup = %s\n%saccess = rw\n",
		mark, writing->name, mark, writing->name, mark,
		options.group ? options.group : "GROUP", mark);
}

static int write_text(struct writing *writing, char **text, size_t *length)
{
	writing->out = open_memstream(text, length);
	if (!writing->out)
		return out_of_memory(writing->context);
	writing->msix = read_msix(writing->function->address, writing->parts);
	write_head(writing);
	for (unsigned int i = 0; i < FUNCTION_BARS; i++)
		write_bar(writing, i);
	write_grant(writing);
	if (fclose(writing->out))
		return out_of_memory(writing->context);
	if (writing->regions)
		return 0;
	return report_not_found(writing->context, "%s has no BAR that could be handed out",
				writing->function->address);
}

/* ---- arguments ---- */

static int check_name(const struct context *context, const char *name)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
	size_t length = strlen(name);

	if (length && length <= NAME_MOST && strspn(name, letters) == length && *name != '.' &&
	    *name != '-')
		return 0;
	return usage_error(context,
			   "--name \"%s\": it has 1 to %d letters, digits, dots, underscores and "
			   "minus signs",
			   name, NAME_MOST);
}

/* As "Ethernet-01-00.0": a blank or a colon is no part of a name. */
static void default_name(const struct pci_function *function, char *out, size_t size)
{
	const char *address = function->address;

	if (!strncmp(address, "0000:", 5))
		address += 5;
	snprintf(out, size, "%.*s-%s", (int)strcspn(class_name(function->class), " "),
		 class_name(function->class), address);
	for (char *at = out; *at; at++)
		*at = *at == ':' ? '-' : *at >= 'A' && *at <= 'Z' ? *at + 32 : *at;
	out[NAME_MOST] = '\0';
}

static const struct pci_function *find_function(const struct pci_functions *functions,
						const char *word)
{
	const char *at = strncmp(word, "pci:", 4) ? word : word + 4;
	struct common_pci_address wanted;

	if (common_scan_pci_address(&at, &wanted) || *at)
		return NULL;
	for (size_t i = 0; i < functions->count; i++) {
		const char *address = functions->items[i].address;
		struct common_pci_address found;

		if (!common_scan_pci_address(&address, &found) && found.domain == wanted.domain &&
		    found.bus == wanted.bus && found.device == wanted.device &&
		    found.function == wanted.function)
			return &functions->items[i];
	}
	return NULL;
}

static int check_options(const struct context *context)
{
	int status = options.name ? check_name(context, options.name) : 0;

	if (!status && options.force && !options.install)
		return usage_error(context, "--force goes with --install");
	if (!status && options.group && !getgrnam(options.group))
		return report_not_found(context, "there is no group \"%s\"", options.group);
	return status;
}

static int print_text(const struct context *context, const char *text)
{
	if (context->json)
		return json_output(json_pack("{s:i, s:o}", "schema", JSON_SCHEMA, "configuration",
					     json_text(text)));
	fputs(text, stdout);
	return STATUS_OK;
}

static int configure(struct context *context, const struct pci_function *function)
{
	struct proposal proposal = { .function = function, .force = options.force };
	struct writing writing = { .context = context, .function = function };
	char *text = NULL;
	int status;

	if (options.name)
		snprintf(proposal.name, sizeof(proposal.name), "%s", options.name);
	else
		default_name(function, proposal.name, sizeof(proposal.name));
	writing.name = proposal.name;
	status = write_text(&writing, &text, &proposal.length);
	proposal.text = text;
	if (!status)
		status = options.install ? install_proposal(context, &proposal)
					 : print_text(context, text);
	free(text);
	return status;
}

static int verb_configure(struct context *context, int argc, char **argv)
{
	struct pci_functions functions = { 0 };
	const struct pci_function *function;
	int status = check_options(context);

	if (!status)
		status = read_functions(context, &functions);
	if (status)
		return status;
	function = find_function(&functions, argv[0]);
	if (function)
		status = configure(context, function);
	else
		status = report_not_found(context,
					  "there is no PCI function \"%s\": mmioctl devices shows "
					  "those that are there, as "
					  "0000:01:00.0",
					  argv[0]);
	free_functions(&functions);
	return status;
}

const struct verb configure_verb = {
	.name = "configure",
	.arguments = "PCIADDR",
	.summary = "write a configuration for a PCI function",
	.group = GROUP_DEVICES,
	.options = option_rows,
	.values = &options,
	.least = 1,
	.most = 1,
	.run = verb_configure,
	.examples = { { "configure 01:00.0", "to read, and to change" },
		      { "configure 01:00.0 --name fpga --group fpga --install",
			"and put it in force (root)" } },
	.more = "A region for each BAR, with the ids that are expected there and the\n"
		"memory types that the BAR allows, and a grant. Comments say where a line comes\n"
		"from, and what somebody must decide. Pages with an MSI-X table are left out.\n"
		"--install makes mmiod.conf.d/NAME.conf, never over a file that is there; takes\n"
		"it away again if check-config finds it bad; then binds the function and\n"
		"reloads. It refuses what the machine uses: a function with a driver, a bridge, a\n"
		"display, a disk that is mounted, a network that is up.\n",
};
