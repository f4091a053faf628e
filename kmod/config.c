// SPDX-License-Identifier: GPL-2.0-only
/*
 * The configuration space as the holder of a device file may read and write it.
 *
 * What may be a mailbox, or a window into the BARs, is hidden: it reads 0. A write is taken apart:
 * the bits of a table act, and all others must equal what is read. So the read-modify-write of a
 * register works, a bit that is not the holder's is refused aloud, and a bit that is cleared by
 * writing 1 is not cleared by writing back what was read.
 *
 * Where the capabilities lie is looked up once, at probe. Values are never kept: each access asks
 * the function, by accessors that do not wait. (Those of user space wait for a reset to end, and so
 * would keep it from beginning, as its ->reset_prepare waits for the file's lock.)
 */
#include <linux/bitfield.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include "internal.h"

#define CAPABILITIES_MAX 48 /* of the first 256 bytes: no more fit */
#define EXTENDED_MAX ((PCI_CFG_SPACE_EXP_SIZE - PCI_CFG_SPACE_SIZE) / 8)
#define COMMAND_WISHES (PCI_COMMAND_MASTER | PCI_COMMAND_INTX_DISABLE)

/* What a byte is. Where two capabilities overlap the higher number holds. */
enum {
	UNASSIGNED, /* no capability's that is known here: as VENDOR */
	PLAIN,
	VENDOR, /* read and written as it is with CONFIG_VENDOR, else hidden */
	HIDDEN, /* from everybody */
	HEADER, /* of a capability: as PLAIN */
};

struct mmiod_config {
	u16 pm, exp, af; /* where these capabilities lie, 0: it has none */
	u8 kind[PCI_CFG_SPACE_EXP_SIZE];
};

/* ---- at probe ---- */

static void mark(struct mmiod_config *config, unsigned int at, unsigned int length, u8 kind)
{
	for (; length && at < PCI_CFG_SPACE_EXP_SIZE; at++, length--)
		config->kind[at] = max(config->kind[at], kind);
}

static u32 read_raw(struct pci_dev *pdev, unsigned int at, unsigned int width)
{
	u32 value = ~0u;
	u16 word;
	u8 byte;

	switch (width) {
	case 1:
		return pci_read_config_byte(pdev, at, &byte) ? U8_MAX : byte;
	case 2:
		return pci_read_config_word(pdev, at, &word) ? U16_MAX : word;
	default:
		return pci_read_config_dword(pdev, at, &value) ? U32_MAX : value;
	}
}

/* The data word of the type that reads any BAR is all that virtio has to hide. */
static void mark_vendor(struct mmiod_config *config, struct pci_dev *pdev, unsigned int at)
{
	unsigned int length = read_raw(pdev, at + PCI_CAP_FLAGS, 1);
	const unsigned int type = 3, window = 5, data = 16;

	mark(config, at, PCI_CAP_FLAGS + 1, HEADER);
	if (pdev->vendor != PCI_VENDOR_ID_REDHAT_QUMRANET) {
		mark(config, at, length, VENDOR);
		return;
	}
	mark(config, at, length, PLAIN);
	if (read_raw(pdev, at + type, 1) == window)
		mark(config, at + data, sizeof(u32), VENDOR);
}

static unsigned int msi_length(struct pci_dev *pdev, unsigned int at)
{
	u16 flags = read_raw(pdev, at + PCI_MSI_FLAGS, 2);
	unsigned int length = flags & PCI_MSI_FLAGS_64BIT ? 14 : 10;

	return flags & PCI_MSI_FLAGS_MASKBIT ? length + 10 : length;
}

static unsigned int exp_length(struct pci_dev *pdev, unsigned int at)
{
	u16 flags = read_raw(pdev, at + PCI_EXP_FLAGS, 2);

	return (flags & PCI_EXP_FLAGS_VERS) > 1 ? 0x3c : PCI_CAP_EXP_ENDPOINT_SIZEOF_V1;
}

/* A capability of the first 256 bytes. Those without a length here are left to CONFIG_VENDOR. */
static void mark_capability(struct mmiod_config *config, struct pci_dev *pdev, u8 id, u8 at)
{
	unsigned int length = 0;

	mark(config, at, PCI_CAP_SIZEOF, HEADER);
	switch (id) {
	case PCI_CAP_ID_PM:
		config->pm = at;
		length = PCI_PM_SIZEOF;
		break;
	case PCI_CAP_ID_VPD:
		mark(config, at + PCI_VPD_DATA, sizeof(u32), HIDDEN);
		length = PCI_VPD_DATA;
		break;
	case PCI_CAP_ID_MSI:
		length = msi_length(pdev, at);
		break;
	case PCI_CAP_ID_VNDR:
		mark_vendor(config, pdev, at);
		break;
	case PCI_CAP_ID_PCIX:
	case PCI_CAP_ID_SSVID:
		length = 8;
		break;
	case PCI_CAP_ID_EXP:
		config->exp = at;
		length = exp_length(pdev, at);
		break;
	case PCI_CAP_ID_MSIX:
		length = PCI_CAP_MSIX_SIZEOF;
		break;
	case PCI_CAP_ID_AF:
		config->af = at;
		length = PCI_CAP_AF_SIZEOF;
		break;
	}
	mark(config, at, length, PLAIN);
}

static void mark_capabilities(struct mmiod_config *config, struct pci_dev *pdev)
{
	u8 at = read_raw(pdev, PCI_CAPABILITY_LIST, 1);

	if (!(read_raw(pdev, PCI_STATUS, 2) & PCI_STATUS_CAP_LIST))
		return;
	for (int i = 0; i < CAPABILITIES_MAX; i++) {
		at &= ~3;
		if (at < PCI_STD_HEADER_SIZEOF || config->kind[at] == HEADER)
			return;
		mark_capability(config, pdev, read_raw(pdev, at, 1), at);
		at = read_raw(pdev, at + PCI_CAP_LIST_NEXT, 1);
	}
}

/* With the headers of their own that the specification gives these capabilities. */
static void mark_body(struct mmiod_config *config, unsigned int at, unsigned int header,
		      unsigned int length)
{
	mark(config, at, header, HEADER);
	mark(config, at, length, VENDOR);
}

static void mark_extended(struct mmiod_config *config, struct pci_dev *pdev, u16 id,
			  unsigned int at)
{
	static const struct {
		u16 id, length;
	} known[] = {
		{ PCI_EXT_CAP_ID_ERR, 0x48 },	{ PCI_EXT_CAP_ID_VC, 0x1c },
		{ PCI_EXT_CAP_ID_DSN, 0x0c },	{ PCI_EXT_CAP_ID_PWR, 0x10 },
		{ PCI_EXT_CAP_ID_ACS, 0x08 },	{ PCI_EXT_CAP_ID_ARI, 0x08 },
		{ PCI_EXT_CAP_ID_ATS, 0x08 },	{ PCI_EXT_CAP_ID_SRIOV, 0x40 },
		{ PCI_EXT_CAP_ID_PRI, 0x10 },	{ PCI_EXT_CAP_ID_REBAR, 0x0c },
		{ PCI_EXT_CAP_ID_TPH, 0x0c },	{ PCI_EXT_CAP_ID_LTR, 0x08 },
		{ PCI_EXT_CAP_ID_PASID, 0x08 }, { PCI_EXT_CAP_ID_L1SS, 0x10 },
		{ PCI_EXT_CAP_ID_PTM, 0x0c },	{ PCI_EXT_CAP_ID_DLF, 0x0c },
	};
	const unsigned int doe = 0x2e;

	mark(config, at, sizeof(u32), HEADER);
	if (id == PCI_EXT_CAP_ID_VNDR)
		mark_body(config, at, 8, read_raw(pdev, at + PCI_VNDR_HEADER, 4) >> 20);
	else if (id == PCI_EXT_CAP_ID_DVSEC)
		mark_body(config, at, 10, read_raw(pdev, at + PCI_DVSEC_HEADER1, 4) >> 20);
	else if (id == doe)
		mark_body(config, at, sizeof(u32), 0x18);
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (known[i].id == id)
			mark(config, at, known[i].length, PLAIN);
}

static void mark_extended_space(struct mmiod_config *config, struct pci_dev *pdev)
{
	unsigned int at = PCI_CFG_SPACE_SIZE;

	for (int i = 0; i < EXTENDED_MAX && at >= PCI_CFG_SPACE_SIZE; i++) {
		u32 header = read_raw(pdev, at, 4);

		if (!header || PCI_POSSIBLE_ERROR(header) || config->kind[at] == HEADER)
			return;
		mark_extended(config, pdev, PCI_EXT_CAP_ID(header), at);
		at = PCI_EXT_CAP_NEXT(header);
	}
}

/* Of a function that answers, or NULL without memory; freed by kfree(). */
struct mmiod_config *mmiod_config_new(struct pci_dev *pdev)
{
	struct mmiod_config *config = kzalloc(sizeof(*config), GFP_KERNEL);

	if (!config)
		return NULL;
	mark(config, 0, PCI_STD_HEADER_SIZEOF, PLAIN);
	mark_capabilities(config, pdev);
	if (pdev->cfg_size > PCI_CFG_SPACE_SIZE)
		mark_extended_space(config, pdev);
	return config;
}

/* ---- reading ---- */

/*
 * The bits of a register of two bytes at @from as they are in an access of @width bytes at @at, and
 * the reverse. Both are aligned to their width, so that a byte is all that they can miss each other
 * by if they overlap.
 */
static u32 to_access(u16 bits, unsigned int from, unsigned int at, unsigned int width)
{
	if (from + sizeof(bits) <= at || at + width <= from)
		return 0;
	return at > from ? bits >> 8 : (u32)bits << 8 * (from - at) & GENMASK(8 * width - 1, 0);
}

static u16 from_access(u32 bits, unsigned int from, unsigned int at, unsigned int width)
{
	if (from + sizeof(u16) <= at || at + width <= from)
		return 0;
	return at > from ? bits << 8 : bits >> 8 * (from - at);
}

static bool is_visible(const struct mmiod_operation *operation, unsigned int at, unsigned int width)
{
	const u8 *kind = operation->handle.device->config->kind;

	for (unsigned int i = at; i < at + width; i++)
		if (kind[i] == HIDDEN || ((kind[i] == UNASSIGNED || kind[i] == VENDOR) &&
					  !(operation->rights & MMIOD_OPERATE_CONFIG_VENDOR)))
			return false;
	return true;
}

/* A hidden byte is not even looked at: reading it may do something. */
static u32 read_visible(const struct mmiod_operation *operation, unsigned int at,
			unsigned int width)
{
	unsigned int half = width / 2;

	if (is_visible(operation, at, width))
		return read_raw(operation->handle.device->pdev, at, width);
	if (!half)
		return 0;
	return read_visible(operation, at, half) | read_visible(operation, at + half, half)
							   << 8 * half;
}

static u32 replace(u32 value, unsigned int at, unsigned int width, unsigned int from, u16 mask,
		   u16 bits)
{
	return (value & ~to_access(mask, from, at, width)) |
	       to_access(bits & mask, from, at, width);
}

/* A virtual function has neither ids nor a pin of its own. */
static u32 read_value(const struct mmiod_operation *operation, unsigned int at, unsigned int width)
{
	const struct pci_dev *pdev = operation->handle.device->pdev;
	u32 value = read_visible(operation, at, width);

	if (pdev->is_virtfn) {
		value = replace(value, at, width, PCI_VENDOR_ID, U16_MAX, pdev->vendor);
		value = replace(value, at, width, PCI_DEVICE_ID, U16_MAX, pdev->device);
		value = replace(value, at, width, PCI_INTERRUPT_PIN, U8_MAX, 0);
	}
	if (operation->rights & ~MMIOD_OPERATE_CONFIG_READ)
		value = replace(value, at, width, PCI_COMMAND, COMMAND_WISHES,
				mmiod_operation_command(operation));
	return value;
}

/* As large as the place and the length allow. */
static unsigned int width_at(unsigned int at, size_t length)
{
	if (!(at & 3) && length >= 4)
		return 4;
	return !(at & 1) && length >= 2 ? 2 : 1;
}

/*
 * Read @length bytes from @at on, which lie within the space: bytes done, or -errno. Takes and
 * drops the file's lock for each access, because a function that is dead answers none in time.
 */
ssize_t mmiod_config_read(struct mmiod_operation *operation, u8 *buffer, unsigned int at,
			  size_t length)
{
	for (size_t done = 0; done < length;) {
		unsigned int width = width_at(at + done, length - done);
		__le32 value;
		int ret = mmiod_operation_enter(operation);

		if (ret)
			return done ?: ret;
		value = cpu_to_le32(read_value(operation, at + done, width));
		mmiod_operation_leave(operation);
		memcpy(buffer + done, &value, width);
		done += width;
	}
	return length;
}

/* ---- writing ---- */

static int clear_status(struct mmiod_operation *operation, u16 old, u16 bits)
{
	pci_write_config_word(operation->handle.device->pdev, PCI_STATUS, bits);
	return 0;
}

static int clear_devsta(struct mmiod_operation *operation, u16 old, u16 bits)
{
	struct mmiod_device *device = operation->handle.device;

	pci_write_config_word(device->pdev, device->config->exp + PCI_EXP_DEVSTA, bits);
	return 0;
}

/* Below MPS the function would have to split what it may write in one piece. */
static int set_readrq(struct pci_dev *pdev, u16 devctl)
{
	int bytes = 128 << FIELD_GET(PCI_EXP_DEVCTL_READRQ, devctl);

	if (bytes > 4096 || bytes < pcie_get_mps(pdev) || pcie_set_readrq(pdev, bytes))
		return -EPERM;
	return 0;
}

static int write_devctl(struct mmiod_operation *operation, u16 old, u16 devctl)
{
	struct pci_dev *pdev = operation->handle.device->pdev;
	const u16 switches = PCI_EXP_DEVCTL_RELAX_EN | PCI_EXP_DEVCTL_NOSNOOP_EN;
	u16 changed = old ^ devctl;
	int ret = 0;

	/* Around the cache it would find what was in memory before, where no IOMMU prevents that. */
	if (changed & devctl & PCI_EXP_DEVCTL_NOSNOOP_EN &&
	    !(operation->domain && operation->domain->coherent))
		return -EPERM;
	if (changed & PCI_EXP_DEVCTL_READRQ)
		ret = set_readrq(pdev, devctl);
	if (!ret && changed & switches)
		pcie_capability_clear_and_set_word(pdev, PCI_EXP_DEVCTL,
						   changed & switches & ~devctl,
						   changed & switches & devctl);
	return ret;
}

static int mask_intx(struct mmiod_operation *operation, u16 old, u16 value)
{
	return mmiod_interrupt_mask_intx(operation->handle.device, operation->handle.owner,
					 value & PCI_COMMAND_INTX_DISABLE);
}

static int set_master(struct mmiod_operation *operation, u16 old, u16 value)
{
	u64 conflict;

	return mmiod_operation_set_master(operation, value & PCI_COMMAND_MASTER, &conflict);
}

static int reset(struct mmiod_operation *operation, u16 old, u16 value)
{
	u64 took_us, conflict;

	return mmiod_operation_reset(operation, &took_us, &conflict);
}

static int set_power(struct mmiod_operation *operation, u16 old, u16 value)
{
	u64 conflict;

	return mmiod_operation_set_power(operation, value & PCI_PM_CTRL_STATE_MASK, &conflict);
}

/* What the place of a register of the table is counted from. */
enum base { SPACE, PM, EXP, AF };

/* A register of two bytes with bits that act: where they change, and where 1 is written. */
struct row {
	enum base base;
	u8 offset;
	u16 acts;
	u16 clears;
	/* The register as it was read, and as it is to be. 0 or -errno. */
	int (*act)(struct mmiod_operation *operation, u16 old, u16 value);
	bool calls; /* with the file's lock not held, because it waits */
};

/* What is refused more often comes first: nothing has been done then. */
static const struct row rows[] = {
	{ SPACE, PCI_COMMAND, PCI_COMMAND_INTX_DISABLE, 0, mask_intx, true },
	{ SPACE, PCI_COMMAND, PCI_COMMAND_MASTER, 0, set_master, true },
	{ SPACE, PCI_STATUS, 0, PCI_STATUS_ERROR_BITS, clear_status },
	{ EXP, PCI_EXP_DEVCTL,
	  PCI_EXP_DEVCTL_RELAX_EN | PCI_EXP_DEVCTL_READRQ | PCI_EXP_DEVCTL_NOSNOOP_EN, 0,
	  write_devctl },
	{ EXP, PCI_EXP_DEVSTA, 0,
	  PCI_EXP_DEVSTA_CED | PCI_EXP_DEVSTA_NFED | PCI_EXP_DEVSTA_FED | PCI_EXP_DEVSTA_URD,
	  clear_devsta },
	{ EXP, PCI_EXP_DEVCTL, PCI_EXP_DEVCTL_BCR_FLR, 0, reset, true },
	{ PM, PCI_PM_CTRL, PCI_PM_CTRL_STATE_MASK, 0, set_power, true },
	{ AF, PCI_AF_CTRL, PCI_AF_CTRL_FLR, 0, reset, true },
};

/* False: the function has no such register. */
static bool find_row(const struct mmiod_config *config, const struct row *row, unsigned int *from)
{
	const u16 bases[] = {
		[SPACE] = 0, [PM] = config->pm, [EXP] = config->exp, [AF] = config->af
	};

	*from = bases[row->base] + row->offset;
	return row->base == SPACE || bases[row->base];
}

/* One pwrite, taken apart. */
struct write {
	unsigned int at, width;
	u32 old; /* as read */
	u32 value;
	u32 acts, clears; /* what the table has there */
};

static void look_up(const struct mmiod_config *config, struct write *write)
{
	unsigned int from;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (!find_row(config, &rows[i], &from))
			continue;
		write->acts |= to_access(rows[i].acts, from, write->at, write->width);
		write->clears |= to_access(rows[i].clears, from, write->at, write->width);
	}
}

static int act_on_row(struct mmiod_operation *operation, const struct row *row,
		      const struct write *write)
{
	u32 changes = ((write->old ^ write->value) & write->acts) | (write->value & write->clears);
	unsigned int from;
	u16 old, mine;

	if (!find_row(operation->handle.device->config, row, &from))
		return 0;
	mine = from_access(changes, from, write->at, write->width) & (row->acts | row->clears);
	if (!mine)
		return 0;
	old = from_access(write->old, from, write->at, write->width) & row->acts;
	return row->act(operation, old, (old ^ (mine & row->acts)) | (mine & row->clears));
}

/*
 * A driver that knows UIO has INTx unmasked by the upper byte of COMMAND, for each interrupt anew,
 * though it reads as it had asked for before.
 */
static bool unmasks_again(const struct write *write)
{
	return write->at == PCI_COMMAND + 1 && write->width == 1 &&
	       !(write->value & PCI_COMMAND_INTX_DISABLE >> 8);
}

/* The bytes are the vendor's, and the holder may write those as they are. */
static bool is_raw(const struct mmiod_operation *operation, const struct write *write)
{
	const u8 *kind = operation->handle.device->config->kind + write->at;

	if (!(operation->rights & MMIOD_OPERATE_CONFIG_VENDOR))
		return false;
	for (unsigned int i = 0; i < write->width; i++)
		if (kind[i] != UNASSIGNED && kind[i] != VENDOR)
			return false;
	return true;
}

static void write_raw(struct pci_dev *pdev, const struct write *write)
{
	switch (write->width) {
	case 1:
		pci_write_config_byte(pdev, write->at, write->value);
		return;
	case 2:
		pci_write_config_word(pdev, write->at, write->value);
		return;
	default:
		pci_write_config_dword(pdev, write->at, write->value);
	}
}

static int act(struct mmiod_operation *operation, const struct write *write, bool calls)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < ARRAY_SIZE(rows); i++)
		if (rows[i].calls == calls)
			ret = act_on_row(operation, &rows[i], write);
	return ret;
}

static int write_locked(struct mmiod_operation *operation, struct write *write)
{
	struct mmiod_device *device = operation->handle.device;

	if (is_raw(operation, write)) {
		write_raw(device->pdev, write);
		return 0; /* and nothing acts: write->acts is 0 */
	}
	write->old = read_value(operation, write->at, write->width);
	if (unmasks_again(write))
		write->old |= PCI_COMMAND_INTX_DISABLE >> 8;
	look_up(device->config, write);
	if ((write->old ^ write->value) & ~(write->acts | write->clears))
		return -EPERM;
	return act(operation, write, false);
}

/*
 * Write @width bytes at @at: 1, 2 or 4, aligned and within the space. 0 or -errno. Takes the file's
 * lock.
 */
int mmiod_config_write(struct mmiod_operation *operation, const u8 *buffer, unsigned int at,
		       unsigned int width)
{
	struct write write = { .at = at, .width = width };
	__le32 value = 0;
	int ret = mmiod_operation_enter(operation);

	if (ret)
		return ret;
	memcpy(&value, buffer, width);
	write.value = le32_to_cpu(value);
	ret = write_locked(operation, &write);
	mmiod_operation_leave(operation);
	return ret ?: act(operation, &write, true);
}
