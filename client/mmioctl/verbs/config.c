/* SPDX-License-Identifier: MIT */
/*
 * mmioctl config: the configuration space of a device, register by register, or decoded: its header
 * and the chains of its capabilities.
 */
#include "system/sysfs.h"
#include "target/target.h"
#include "verb.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <stdlib.h>
#include <string.h>
#include <common/size.h>

static struct config_options {
	struct lease_options lease;
	bool vendor;
	bool hex;
} options;

static const struct verb_option option_rows[] = {
	{ "vendor", 0, NULL, "also what belongs to vendors; needs \"config = vendor\"",
	  FLAG(struct config_options, vendor) },
	{ "hex", 'x', NULL, "all bytes, as lspci -xxxx prints them",
	  FLAG(struct config_options, hex) },
	WAIT_OPTION(struct config_options, lease),
	{ 0 },
};

/* ---- OFF[:W][=VALUE] ---- */

struct register_access {
	unsigned int offset;
	unsigned int width; /* bytes */
	bool writes;
	uint32_t value;
};

static int parse_width(const struct context *context, const char *text,
		       struct register_access *access)
{
	uint64_t bits;

	if (common_number(text, &bits) || (bits != 8 && bits != 16 && bits != 32))
		return usage_error(context, "\"%s\" is not a width: write 8, 16 or 32", text);
	access->width = (unsigned int)bits / 8;
	return 0;
}

/* The widest that it is aligned to, unless it says another. */
static unsigned int usual_width(unsigned int offset)
{
	return offset % 4 == 0 ? 4 : offset % 2 == 0 ? 2 : 1;
}

/* The text is cut up. */
static int parse_access(const struct context *context, char *text, struct register_access *access)
{
	char *value = strchr(text, '='), *width;
	uint64_t offset, number = 0;
	int status = 0;

	*access = (struct register_access){ .writes = value != NULL };
	if (value)
		*value++ = '\0';
	width = strchr(text, ':');
	if (width)
		*width++ = '\0';
	if (common_number(text, &offset) || offset > 4095)
		return usage_error(context,
				   "\"%s\" is not an offset in a configuration space: 0 to 0xfff",
				   text);
	access->offset = (unsigned int)offset;
	access->width = usual_width(access->offset);
	if (width)
		status = parse_width(context, width, access);
	if (status)
		return status;
	if (access->offset % access->width)
		return usage_error(context, "0x%x is not aligned to %u bits", access->offset,
				   access->width * 8);
	if (!value)
		return 0;
	status = parse_value(context, value, &number);
	if (!status)
		status = check_fit(context, value, number, access->width);
	access->value = (uint32_t)number;
	return status;
}

static int read_register(const struct mmiod_operation *operation, struct register_access *access)
{
	uint16_t half = 0;
	uint8_t byte = 0;
	int err;

	switch (access->width) {
	case 1:
		err = mmiod_operation_config_read8(operation, access->offset, &byte);
		access->value = byte;
		return err;
	case 2:
		err = mmiod_operation_config_read16(operation, access->offset, &half);
		access->value = half;
		return err;
	default:
		return mmiod_operation_config_read32(operation, access->offset, &access->value);
	}
}

static int write_register(struct mmiod_operation *operation, const struct register_access *access)
{
	switch (access->width) {
	case 1:
		return mmiod_operation_config_write8(operation, access->offset,
						     (uint8_t)access->value);
	case 2:
		return mmiod_operation_config_write16(operation, access->offset,
						      (uint16_t)access->value);
	default:
		return mmiod_operation_config_write32(operation, access->offset, access->value);
	}
}

static int print_register(const struct context *context, const char *device,
			  const struct register_access *access)
{
	if (context->json)
		return json_line(json_pack("{s:i, s:s, s:i, s:i, s:o}", "schema", JSON_SCHEMA,
					   "device", device, "offset", (int)access->offset, "width",
					   (int)access->width * 8, "value",
					   json_number(access->value)));
	printf("0x%0*x\n", (int)access->width * 2, access->value);
	return output_flush() ? STATUS_FAILED : STATUS_OK;
}

static int access_register(struct context *context, const char *device,
			   struct mmiod_operation *operation, struct register_access *access)
{
	int err = access->writes ? write_register(operation, access)
				 : read_register(operation, access);

	if (err)
		return report_client(context, err);
	return access->writes ? STATUS_OK : print_register(context, device, access);
}

/* ---- all of it, in words ---- */

#define SPACE_MAX 4096

struct space {
	uint8_t bytes[SPACE_MAX];
	size_t length; /* 256 or 4096 */
};

static uint16_t get16(const struct space *space, size_t offset)
{
	return (uint16_t)(space->bytes[offset] | space->bytes[offset + 1] << 8);
}

static uint32_t get32(const struct space *space, size_t offset)
{
	return get16(space, offset) | (uint32_t)get16(space, offset + 2) << 16;
}

/* The end of a conventional one is found by reading beyond it. */
static int read_space(struct context *context, const struct mmiod_operation *operation,
		      struct space *space)
{
	for (space->length = 0; space->length < SPACE_MAX; space->length += 4) {
		uint32_t value;
		int err = mmiod_operation_config_read32(operation, (unsigned int)space->length,
							&value);

		if (err == -EINVAL && space->length == PCI_CFG_SPACE_SIZE)
			return 0;
		if (err)
			return report_client(context, err);
		for (size_t i = 0; i < 4; i++)
			space->bytes[space->length + i] = (uint8_t)(value >> 8 * i);
	}
	return 0;
}

struct word {
	unsigned int number;
	const char *text;
};

static const char *word_of(const struct word *words, size_t count, unsigned int number)
{
	for (size_t i = 0; i < count; i++)
		if (words[i].number == number)
			return words[i].text;
	return "unknown";
}

#define WORD_OF(words, number) word_of(words, sizeof(words) / sizeof(words[0]), number)

static const struct word capability_words[] = {
	{ PCI_CAP_ID_PM, "power management" },
	{ PCI_CAP_ID_AGP, "AGP" },
	{ PCI_CAP_ID_VPD, "vital product data" },
	{ PCI_CAP_ID_SLOTID, "slot identification" },
	{ PCI_CAP_ID_MSI, "MSI" },
	{ PCI_CAP_ID_CHSWP, "hot swap" },
	{ PCI_CAP_ID_PCIX, "PCI-X" },
	{ PCI_CAP_ID_HT, "HyperTransport" },
	{ PCI_CAP_ID_VNDR, "vendor" },
	{ PCI_CAP_ID_DBG, "debug port" },
	{ PCI_CAP_ID_CCRC, "resource control" },
	{ PCI_CAP_ID_SHPC, "hot-plug controller" },
	{ PCI_CAP_ID_SSVID, "subsystem ids" },
	{ PCI_CAP_ID_AGP3, "AGP 8x" },
	{ PCI_CAP_ID_SECDEV, "secure device" },
	{ PCI_CAP_ID_EXP, "PCI Express" },
	{ PCI_CAP_ID_MSIX, "MSI-X" },
	{ PCI_CAP_ID_SATA, "SATA configuration" },
	{ PCI_CAP_ID_AF, "advanced features" },
	{ PCI_CAP_ID_EA, "enhanced allocation" },
};

static const struct word extended_words[] = {
	{ PCI_EXT_CAP_ID_ERR, "advanced error reporting" },
	{ PCI_EXT_CAP_ID_VC, "virtual channel" },
	{ PCI_EXT_CAP_ID_DSN, "serial number" },
	{ PCI_EXT_CAP_ID_PWR, "power budgeting" },
	{ PCI_EXT_CAP_ID_VNDR, "vendor" },
	{ PCI_EXT_CAP_ID_ACS, "access control services" },
	{ PCI_EXT_CAP_ID_ARI, "alternative routing id" },
	{ PCI_EXT_CAP_ID_ATS, "address translation services" },
	{ PCI_EXT_CAP_ID_SRIOV, "SR-IOV" },
	{ PCI_EXT_CAP_ID_PRI, "page requests" },
	{ PCI_EXT_CAP_ID_REBAR, "resizable BARs" },
	{ PCI_EXT_CAP_ID_DPA, "dynamic power" },
	{ PCI_EXT_CAP_ID_TPH, "processing hints" },
	{ PCI_EXT_CAP_ID_LTR, "latency tolerance" },
	{ PCI_EXT_CAP_ID_SECPCI, "secondary PCI Express" },
	{ PCI_EXT_CAP_ID_PASID, "process address spaces" },
	{ PCI_EXT_CAP_ID_DPC, "downstream port containment" },
	{ PCI_EXT_CAP_ID_L1SS, "L1 substates" },
	{ PCI_EXT_CAP_ID_PTM, "precision time" },
	{ PCI_EXT_CAP_ID_DVSEC, "designated vendor" },
	{ 0x2e, "data object exchange" },
};

/* What stands behind the name; "": nothing. */
static void describe_capability(const struct space *space, unsigned int at, unsigned int id,
				char *out, size_t size)
{
	uint16_t control;

	out[0] = '\0';
	switch (id) {
	case PCI_CAP_ID_PM:
		control = get16(space, at + PCI_PM_CTRL) & PCI_PM_CTRL_STATE_MASK;
		snprintf(out, size, "D%u", control);
		break;
	case PCI_CAP_ID_MSI:
		control = get16(space, at + PCI_MSI_FLAGS);
		snprintf(out, size, "%s, %u vectors", control & PCI_MSI_FLAGS_ENABLE ? "on" : "off",
			 1u << ((control & PCI_MSI_FLAGS_QMASK) >> 1));
		break;
	case PCI_CAP_ID_MSIX:
		control = get16(space, at + PCI_MSIX_FLAGS);
		snprintf(out, size, "%s, %u vectors",
			 control & PCI_MSIX_FLAGS_ENABLE ? "on" : "off",
			 (control & PCI_MSIX_FLAGS_QSIZE) + 1u);
		break;
	case PCI_CAP_ID_EXP:
		control = get16(space, at + PCI_EXP_DEVCTL);
		snprintf(out, size, "read requests of %u bytes%s",
			 128u << ((control & PCI_EXP_DEVCTL_READRQ) >> 12),
			 get32(space, at + PCI_EXP_DEVCAP) & PCI_EXP_DEVCAP_FLR ? ", resets itself"
										: "");
		break;
	}
}

typedef int take_capability(void *data, unsigned int at, unsigned int id, bool extended);

/* A chain that is a ring, or leaves the space, ends. */
static int each_plain(const struct space *space, take_capability *take, void *data)
{
	unsigned int at = space->bytes[PCI_CAPABILITY_LIST] & ~3u;
	int status = 0;

	if (!(get16(space, PCI_STATUS) & PCI_STATUS_CAP_LIST))
		return 0;
	for (int i = 0; !status && i < 48 && at >= PCI_STD_HEADER_SIZEOF; i++) {
		unsigned int here = at;

		at = space->bytes[here + PCI_CAP_LIST_NEXT] & ~3u;
		status = take(data, here, space->bytes[here], false);
	}
	return status;
}

static int each_extended(const struct space *space, take_capability *take, void *data)
{
	unsigned int at = PCI_CFG_SPACE_SIZE;
	int status = 0;

	for (int i = 0; !status && i < 480 && at >= PCI_CFG_SPACE_SIZE && at + 4 <= space->length;
	     i++) {
		uint32_t header = get32(space, at);

		if (!header || header == 0xffffffff)
			break;
		status = take(data, at, PCI_EXT_CAP_ID(header), true);
		at = PCI_EXT_CAP_NEXT(header);
	}
	return status;
}

static const char *capability_name(unsigned int id, bool extended)
{
	return extended ? WORD_OF(extended_words, id) : WORD_OF(capability_words, id);
}

/* Bits of COMMAND and STATUS that are set, with blanks between them. */
static void bit_words(const struct word *words, size_t count, unsigned int value, char *out,
		      size_t size)
{
	size_t length = 0;

	out[0] = '\0';
	for (size_t i = 0; i < count && length < size; i++)
		if (value & words[i].number)
			length += (size_t)snprintf(out + length, size - length, "%s%s",
						   length ? " " : "", words[i].text);
}

static const struct word command_words[] = {
	{ PCI_COMMAND_IO, "io" },	  { PCI_COMMAND_MEMORY, "memory" },
	{ PCI_COMMAND_MASTER, "master" }, { PCI_COMMAND_PARITY, "parity" },
	{ PCI_COMMAND_SERR, "serr" },	  { PCI_COMMAND_INTX_DISABLE, "no-intx" },
};

static const struct word status_words[] = {
	{ PCI_STATUS_INTERRUPT, "intx" },
	{ PCI_STATUS_CAP_LIST, "capabilities" },
	{ PCI_STATUS_PARITY, "parity-error" },
	{ PCI_STATUS_SIG_TARGET_ABORT, "signaled-abort" },
	{ PCI_STATUS_REC_TARGET_ABORT, "target-abort" },
	{ PCI_STATUS_REC_MASTER_ABORT, "master-abort" },
	{ PCI_STATUS_SIG_SYSTEM_ERROR, "system-error" },
	{ PCI_STATUS_DETECTED_PARITY, "detected-parity" },
};

#define BIT_WORDS(words, value, out) \
	bit_words(words, sizeof(words) / sizeof(words[0]), value, out, sizeof(out))

static void model_of(const struct space *space, char *out, size_t size)
{
	const struct pci_function function = { .vendor = get16(space, PCI_VENDOR_ID),
					       .device = get16(space, PCI_DEVICE_ID) };

	function_model(&function, out, size);
}

static int print_capability(void *data, unsigned int at, unsigned int id, bool extended)
{
	char more[96] = "";

	if (!extended)
		describe_capability(data, at, id, more, sizeof(more));
	printf("  0x%03x  %0*x  %s%s%s\n", at, extended ? 4 : 2, id, capability_name(id, extended),
	       more[0] ? ": " : "", more);
	return 0;
}

static void print_bars(const struct space *space)
{
	for (unsigned int i = 0; i < 6; i++) {
		uint32_t bar = get32(space, PCI_BASE_ADDRESS_0 + 4 * i);
		bool io = bar & PCI_BASE_ADDRESS_SPACE_IO;
		bool wide = !io &&
			    (bar & PCI_BASE_ADDRESS_MEM_TYPE_MASK) == PCI_BASE_ADDRESS_MEM_TYPE_64;
		uint64_t high = wide && i < 5 ? get32(space, PCI_BASE_ADDRESS_0 + 4 * i + 4) : 0;

		if (!bar)
			continue;
		printf("BAR %u     0x%llx%s%s\n", i,
		       (unsigned long long)(high << 32 | (bar & (io ? ~3u : ~15u))),
		       io     ? ", ports"
		       : wide ? ", 64 bits"
			      : ", 32 bits",
		       !io && bar & PCI_BASE_ADDRESS_MEM_PREFETCH ? ", prefetchable" : "");
		i += wide;
	}
}

static int print_words(const char *device, struct space *space)
{
	unsigned int class = get16(space, PCI_CLASS_DEVICE);
	char model[256], bits[160];

	model_of(space, model, sizeof(model));
	printf("device    %s  %04x:%04x%s%s\n", device, get16(space, PCI_VENDOR_ID),
	       get16(space, PCI_DEVICE_ID), model[0] ? "  " : "", model);
	printf("class     %04x  %s, revision %02x\n", class, class_name(class),
	       space->bytes[PCI_REVISION_ID]);
	BIT_WORDS(command_words, get16(space, PCI_COMMAND), bits);
	printf("command   0x%04x  %s\n", get16(space, PCI_COMMAND), bits);
	BIT_WORDS(status_words, get16(space, PCI_STATUS), bits);
	printf("status    0x%04x  %s\n", get16(space, PCI_STATUS), bits);
	if ((space->bytes[PCI_HEADER_TYPE] & 0x7f) == PCI_HEADER_TYPE_NORMAL)
		print_bars(space);
	if (space->bytes[PCI_INTERRUPT_PIN])
		printf("intx      pin %c\n", 'A' + space->bytes[PCI_INTERRUPT_PIN] - 1);
	printf("capabilities\n");
	each_plain(space, print_capability, space);
	each_extended(space, print_capability, space);
	return output_flush() ? STATUS_FAILED : STATUS_OK;
}

struct capability_list {
	struct space *space;
	json_t *list;
};

static int add_capability(void *data, unsigned int at, unsigned int id, bool extended)
{
	struct capability_list *all = data;
	char more[96] = "";

	if (!extended)
		describe_capability(all->space, at, id, more, sizeof(more));
	json_array_append_new(all->list, json_pack("{s:i, s:i, s:b, s:s, s:s?}", "offset", (int)at,
						   "id", (int)id, "extended", extended, "name",
						   capability_name(id, extended), "text",
						   more[0] ? more : NULL));
	return 0;
}

static json_t *bar_list(const struct space *space)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < 6; i++)
		json_array_append_new(list, json_number(get32(space, PCI_BASE_ADDRESS_0 + 4 * i)));
	return list;
}

static int print_json(const char *device, struct space *space)
{
	struct capability_list all = { .space = space, .list = json_array() };
	char model[256];

	model_of(space, model, sizeof(model));
	each_plain(space, add_capability, &all);
	each_extended(space, add_capability, &all);
	return json_output(json_pack(
		"{s:i, s:s, s:i, s:i, s:i, s:i, s:s?, s:i, s:i, s:o, s:i, s:o}", "schema",
		JSON_SCHEMA, "device", device, "vendor", get16(space, PCI_VENDOR_ID), "product",
		get16(space, PCI_DEVICE_ID), "class", get16(space, PCI_CLASS_DEVICE), "revision",
		space->bytes[PCI_REVISION_ID], "model", model[0] ? model : NULL, "command",
		get16(space, PCI_COMMAND), "status", get16(space, PCI_STATUS), "bars",
		bar_list(space), "bytes", (int)space->length, "capabilities", all.list));
}

/* lspci's lines begin with where they are. */
static int print_dump(const struct space *space)
{
	for (size_t i = 0; i < space->length; i++) {
		if (i % 16 == 0)
			printf("%02zx:", i);
		printf(" %02x%s", space->bytes[i], i % 16 == 15 ? "\n" : "");
	}
	return output_flush() ? STATUS_FAILED : STATUS_OK;
}

static int show_space(struct context *context, const char *device,
		      const struct mmiod_operation *operation)
{
	struct space *space = calloc(1, sizeof(*space));
	int status = space ? read_space(context, operation, space) : out_of_memory(context);

	if (!status && options.hex)
		status = print_dump(space);
	else if (!status && context->json)
		status = print_json(device, space);
	else if (!status)
		status = print_words(device, space);
	free(space);
	return status;
}

/* ---- the verb ---- */

#define ACCESSES_MAX 64

static unsigned int needed_rights(const struct register_access *accesses, size_t count)
{
	unsigned int rights = MMIOD_MAY_READ_CONFIG;

	for (size_t i = 0; i < count; i++)
		if (accesses[i].writes)
			rights |= MMIOD_MAY_WRITE_CONFIG;
	return rights | (options.vendor ? MMIOD_MAY_VENDOR_CONFIG : 0);
}

static int do_all(struct context *context, const char *device, struct mmiod_operation *operation,
		  struct register_access *accesses, size_t count)
{
	int status = 0;

	if (!count)
		return show_space(context, device, operation);
	for (size_t i = 0; !status && i < count; i++)
		status = access_register(context, device, operation, &accesses[i]);
	return status;
}

static int verb_config(struct context *context, int argc, char **argv)
{
	struct register_access accesses[ACCESSES_MAX];
	size_t count = (size_t)argc - 1;
	struct mmiod_operation *operation;
	int status = 0;

	if (count > ACCESSES_MAX)
		return usage_error(context, "more than %d registers", ACCESSES_MAX);
	if (count && options.hex)
		return usage_error(context, "--hex is of all bytes, not of registers");
	for (size_t i = 0; !status && i < count; i++)
		status = parse_access(context, argv[i + 1], &accesses[i]);
	if (!status)
		status = target_operate(context, argv[0], &options.lease,
					needed_rights(accesses, count), &operation);
	if (status)
		return status;
	status = do_all(context, argv[0], operation, accesses, count);
	target_operate_end(operation);
	return status;
}

const struct verb config_verb = {
	.name = "config",
	.arguments = "DEVICE [OFFSET[:WIDTH][=VALUE]…]",
	.summary = "configuration space, decoded or by register",
	.group = GROUP_DEVICES,
	.options = option_rows,
	.values = &options,
	.least = 1,
	.most = ARGUMENTS_ANY,
	.run = verb_config,
	.examples = { { "config nvme0", "header and capabilities" },
		      { "config nvme0 0x4:16", "COMMAND, as 0x0406" },
		      { "config nvme0 0x6:16=0xf910", "clears the error bits" },
		      { "config nvme0 --hex", "all bytes" } },
	.more = "DEVICE is the name of a [device NAME] of the configuration; a grant must say\n"
		"\"config = read\", or \"config = standard\" for writing. WIDTH is 8, 16 or 32;\n"
		"else the widest that OFFSET is aligned to. What may be written is in\n"
		"mmiod_operation(3): error bits, relaxed ordering, the size of read requests;\n"
		"all other bits must be written as they are read.\n",
};
