/* SPDX-License-Identifier: MIT */
/*
 * mmioctl devices: every PCI function of the machine. All comes from sysfs, so that it works
 * without a daemon; with one, the regions that mmiod holds are named.
 */
#include "system/sysfs.h"
#include "target/vector.h"
#include "verb.h"

#include <errno.h>
#include <string.h>

enum {
	DEVICE_HELD,
	DEVICE_ADDRESS,
	DEVICE_IDS,
	DEVICE_CLASS,
	DEVICE_DRIVER,
	DEVICE_OVERRIDE,
	DEVICE_REGIONS,
	DEVICE_IRQ,
	DEVICE_OPERATOR,
	DEVICE_RESETS,
	DEVICE_MASTER,
	DEVICE_DMA,
	DEVICE_MAPPED,
	DEVICE_GRAVES,
	DEVICE_BARS,
	DEVICE_DECODING,
	DEVICE_GROUP,
	DEVICE_NODE,
	DEVICE_SPEED,
	DEVICE_LANES,
	DEVICE_MODEL,
	DEVICE_COLUMNS,
};

static const struct column device_columns[] = {
	[DEVICE_HELD] = { "M", CELL_OBJECT, true, "*: bound to mmiod" },
	[DEVICE_ADDRESS] = { "ADDRESS", CELL_TEXT, true, "domain, bus, device, function" },
	[DEVICE_IDS] = { "IDS", CELL_TEXT, true, "vendor and device" },
	[DEVICE_CLASS] = { "CLASS", CELL_TEXT, true, "kind of device" },
	[DEVICE_DRIVER] = { "DRIVER", CELL_TEXT, true, "which it is bound to" },
	[DEVICE_OVERRIDE] = { "OVERRIDE", CELL_TEXT, false, "the only driver that may have it" },
	[DEVICE_REGIONS] = { "REGIONS", CELL_LIST, true, "that mmiod made of it and you may see" },
	[DEVICE_IRQ] = { "IRQ", CELL_TEXT, true, "interrupts that you may lease: kind, vectors" },
	[DEVICE_OPERATOR] = { "OPERATOR", CELL_TEXT, false, "who operates it, or its lease" },
	[DEVICE_RESETS] = { "RESETS", CELL_NUMBER, false, "by mmiod, since it was bound" },
	[DEVICE_MASTER] = { "MASTER", CELL_TEXT, false, "whether it masters the bus" },
	[DEVICE_DMA] = { "DMA", CELL_TEXT, false,
			 "none, isolated, trusted; unbounded: and is to be isolated"
			 "it" },
	[DEVICE_MAPPED] = { "MAPPED", CELL_SIZE, false, "memory that its operator lets it reach" },
	[DEVICE_GRAVES] = { "GRAVES", CELL_SIZE, false, "memory that waits for its reset" },
	[DEVICE_BARS] = { "BARS", CELL_OBJECT, true, "index:size, p prefetchable, i I/O ports" },
	[DEVICE_DECODING] = { "DECODING", CELL_TEXT, false, "whether it answers at its BARs" },
	[DEVICE_GROUP] = { "IOMMU", CELL_NUMBER, true, "IOMMU group" },
	[DEVICE_NODE] = { "NODE", CELL_NUMBER, false, "NUMA node" },
	[DEVICE_SPEED] = { "SPEED", CELL_TEXT, true, "of the link" },
	[DEVICE_LANES] = { "LANES", CELL_NUMBER, true, "of the link" },
	[DEVICE_MODEL] = { "MODEL", CELL_TEXT, true, "its name by its ids, if known", true },
};
static const size_t device_column_count = DEVICE_COLUMNS;

static void fill_bars(const struct pci_function *function, struct cell *cell)
{
	size_t length = 0;

	cell->json = json_array();
	for (int i = 0; i < FUNCTION_BARS; i++) {
		const struct pci_bar *bar = &function->bars[i];
		char size[32];

		if (!bar->size)
			continue;
		size_words(bar->size, size, sizeof(size));
		length += (size_t)snprintf(cell->text + length, sizeof(cell->text) - length,
					   "%s%d:%s%s", length ? " " : "", i, size,
					   bar->io	       ? "i"
					   : bar->prefetchable ? "p"
							       : "");
		json_array_append_new(cell->json,
				      json_pack("{s:i, s:o, s:o, s:s, s:b, s:b}", "bar", i, "start",
						json_number(bar->start), "size",
						json_number(bar->size), "kind",
						bar->io ? "io" : "memory", "prefetchable",
						bar->prefetchable, "wide", bar->wide));
	}
	if (!length)
		snprintf(cell->text, sizeof(cell->text), "-");
}

static void fill_regions(const struct pci_function *function, const struct mmiod_region_list *list,
			 struct cell *cell)
{
	size_t length = 0;

	cell->none = true;
	for (size_t i = 0; list && i < mmiod_region_list_count(list); i++) {
		const struct mmiod_region *region = mmiod_region_list_get(list, i);

		if (strcmp(mmiod_region_device(region), function->address) ||
		    length + 40 > sizeof(cell->text))
			continue;
		cell->none = false;
		length += (size_t)snprintf(cell->text + length, sizeof(cell->text) - length, "%s%s",
					   length ? "," : "", mmiod_region_name(region));
	}
}

/* What the daemon says of the devices; each NULL without one, or if it is an older one. */
struct known {
	struct mmiod_region_list *regions;
	struct mmiod_device_list *devices;
};

static void fill_interrupts(const struct pci_function *function, const struct known *known,
			    struct cell *cell)
{
	cell->none = true;
	for (size_t i = 0; known->devices && i < mmiod_device_list_count(known->devices); i++) {
		const struct mmiod_device *device = mmiod_device_list_get(known->devices, i);

		if (strcmp(mmiod_device_address(device), function->address) ||
		    !mmiod_device_interrupt(device))
			continue;
		cell->none = false;
		snprintf(cell->text, sizeof(cell->text), "%s:%u",
			 irq_word(mmiod_device_interrupt(device)), mmiod_device_vectors(device));
	}
}

/* What the configuration says, and whether it is so. */
static const char *dma_word(const struct mmiod_device *device)
{
	switch (mmiod_device_dma(device)) {
	case MMIOD_DMA_TRUSTED:
		return "trusted";
	case MMIOD_DMA_IOMMU:
		return mmiod_device_isolated(device) ? "isolated" : "unbounded";
	default:
		return "none";
	}
}

static void fill_dma(const struct mmiod_device *device, struct cell *cells)
{
	for (int i = DEVICE_DMA; i <= DEVICE_GRAVES; i++)
		cells[i].none = !device;
	if (!device)
		return;
	cell_text(&cells[DEVICE_DMA], dma_word(device));
	cell_number(&cells[DEVICE_MAPPED], mmiod_device_mapped(device));
	cell_number(&cells[DEVICE_GRAVES], mmiod_device_graves(device));
}

static void fill_operation(const struct pci_function *function, const struct known *known,
			   struct cell *cells)
{
	struct cell *cell = &cells[DEVICE_OPERATOR];

	cell->none = cells[DEVICE_RESETS].none = cells[DEVICE_MASTER].none = true;
	fill_dma(NULL, cells);
	for (size_t i = 0; known->devices && i < mmiod_device_list_count(known->devices); i++) {
		const struct mmiod_device *device = mmiod_device_list_get(known->devices, i);
		uint32_t uid = mmiod_device_operator_uid(device);

		if (strcmp(mmiod_device_address(device), function->address))
			continue;
		cells[DEVICE_RESETS].none = cells[DEVICE_MASTER].none = false;
		cell_number(&cells[DEVICE_RESETS], mmiod_device_resets(device));
		cell_text(&cells[DEVICE_MASTER], mmiod_device_masters(device) ? "yes" : "no");
		fill_dma(device, cells);
		cell->none = !mmiod_device_operator(device);
		if (uid == UINT32_MAX)
			snprintf(cell->text, sizeof(cell->text), "lease %llu",
				 (unsigned long long)mmiod_device_operator(device));
		else
			user_name(uid, cell->text, sizeof(cell->text));
	}
}

static void fill_device(const struct pci_function *function, const struct known *known,
			struct cell *cells)
{
	bool held = !strcmp(function->driver, "mmiod");
	char text[256];

	snprintf(cells[DEVICE_HELD].text, sizeof(cells[DEVICE_HELD].text), "%s", held ? "*" : "");
	cells[DEVICE_HELD].json = json_boolean(held);
	cell_text(&cells[DEVICE_ADDRESS], function->address);
	snprintf(text, sizeof(text), "%04x:%04x", function->vendor, function->device);
	cell_text(&cells[DEVICE_IDS], text);
	cell_text(&cells[DEVICE_CLASS], class_name(function->class));
	cell_text(&cells[DEVICE_DRIVER], function->driver);
	cell_text(&cells[DEVICE_OVERRIDE], function->override);
	fill_regions(function, known->regions, &cells[DEVICE_REGIONS]);
	fill_interrupts(function, known, &cells[DEVICE_IRQ]);
	fill_operation(function, known, cells);
	fill_bars(function, &cells[DEVICE_BARS]);
	cell_text(&cells[DEVICE_DECODING], function->command < 0   ? ""
					   : function->command & 2 ? "on"
								   : "off");
	cell_number(&cells[DEVICE_GROUP], (uint64_t)function->iommu_group);
	cells[DEVICE_GROUP].none = function->iommu_group < 0;
	cell_number(&cells[DEVICE_NODE], (uint64_t)function->node);
	cells[DEVICE_NODE].none = function->node < 0;
	cell_text(&cells[DEVICE_SPEED], function->speed);
	cell_optional(&cells[DEVICE_LANES], function->speed[0] ? function->width : 0);
	function_model(function, text, sizeof(text));
	cell_text(&cells[DEVICE_MODEL], text);
}

static int print_devices(const struct context *context, const struct pci_functions *functions,
			 const struct known *known)
{
	struct table table;
	int status = table_begin(&table, context, device_columns, device_column_count, "devices");

	for (size_t i = 0; !status && i < functions->count; i++) {
		struct cell cells[DEVICE_COLUMNS] = { 0 };

		fill_device(&functions->items[i], known, cells);
		status = table_row(&table, cells);
	}
	return table_end(&table, status);
}

static int verb_devices(struct context *context, int argc, char **argv)
{
	struct known known = { NULL };
	struct pci_functions functions;
	int status = read_functions(context, &functions);

	if (status)
		return status;
	if (!mmiod_client_connect(context->socket, &context->client)) {
		mmiod_client_list_regions(context->client, &known.regions);
		mmiod_client_list_devices(context->client, &known.devices);
	}
	status = print_devices(context, &functions, &known);
	mmiod_region_list_free(known.regions);
	mmiod_device_list_free(known.devices);
	free_functions(&functions);
	return status;
}

const struct verb devices_verb = {
	.name = "devices",
	.arguments = "",
	.summary = "every PCI function: BARs, driver, IOMMU, link",
	.group = GROUP_SEE,
	.options = table_options,
	.run = verb_devices,
	.columns = device_columns,
	.column_count = &device_column_count,
	.examples = { { "devices", "those that mmiod holds have a *" },
		      { "devices -o address,driver,override,decoding", "why is it not mine?" } },
	.more = "It needs no daemon, and no right.",
};
