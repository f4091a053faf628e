/* SPDX-License-Identifier: MIT */
/*
 * struct mmiod_operation: the lease of a device file. It owns that lease, and the lease its file, on
 * which all calls work without the daemon.
 *
 * In simulation the file is a memory file, which answers no calls: there things are asked for by the
 * bits of the configuration space that stand for them, as a driver of the hardware would, and the
 * daemon does what they say.
 */
#include "base/error.h"
#include "base/getter.h"
#include "device/device.h"

#include <endian.h>
#include <errno.h>
#include <linux/pci_regs.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define PAUSE_MS 10 /* between two tries */
#define SIMULATED_RESET_MS 5000

/* ---- asking ---- */

static void build_operate(const struct lease_call *call, const void *wanted, void *element)
{
	const struct operate_want *want = wanted;
	struct mmiod_wire_operate *wire = element;

	strcpy(wire->device, want->device);
	wire->rights = want->rights;
	wire->flags = want->flags & MMIOD_OPERATION_CONNECTION ? MMIOD_OPERATE_CONNECTION : 0;
}

static int check_operate(struct lease_call *call, const void *wanted)
{
	const struct operate_want *want = wanted;
	int err = lease_check_name(call->client, "device", want->device);

	if (err)
		return err;
	if (want->flags & ~MMIOD_OPERATION_CONNECTION)
		return client_fail(call->client, -EINVAL,
				   "flags 0x%x: only MMIOD_OPERATION_CONNECTION is known",
				   want->flags);
	if (!want->rights || want->rights & ~(unsigned int)MMIOD_MAY_OPERATE)
		return client_fail(call->client, -EINVAL,
				   "rights 0x%x: one or more of MMIOD_MAY_*, without "
				   "MMIOD_MAY_INTERRUPT",
				   want->rights);
	return 0;
}

static const struct sized operate_struct = {
	.name = "operate_want",
	.first = sizeof(struct operate_want),
	.known = sizeof(struct operate_want),
};

static const struct lease_call form = {
	.opcode = MMIOD_OP_OPERATE,
	.kind = &operate_struct,
	.stride = MMIOD_V1_OPERATE,
	.check = check_operate,
	.build = build_operate,
};

MMIOD_EXPORT int mmiod_client_operate(struct mmiod_client *client, const char *device,
				      unsigned int rights, unsigned int flags,
				      struct mmiod_operation **operation)
{
	const struct operate_want want = { .device = device, .rights = rights, .flags = flags };
	struct mmiod_operation *made = calloc(1, sizeof(*made));
	int err;

	*operation = NULL;
	if (!made)
		return client_fail(client, -ENOMEM, "out of memory");
	made->rights = rights;
	err = device_ask(client, &form, &want, &made->lease);
	if (err) {
		free(made);
		return err;
	}
	/* Whether what it was given memory for is trusted, the daemon says. */
	made->rights |= made->lease->rights & MMIOD_MAY_DMA_TRUSTED;
	*operation = made;
	return 0;
}

MMIOD_EXPORT void mmiod_operation_free(struct mmiod_operation *operation)
{
	if (!operation)
		return;
	mmiod_lease_free(operation->lease);
	free(operation);
}

MMIOD_EXPORT int mmiod_operation_release(struct mmiod_operation *operation)
{
	int err = mmiod_lease_release(operation->lease);

	if (!err)
		free(operation);
	return err;
}

/* ---- sentences ---- */

static int fail(const struct mmiod_operation *operation, int err)
{
	const struct mmiod_lease *lease = operation->lease;
	unsigned long long id = lease->id;

	switch (err) {
	case -ENODEV:
		return lease_fail(lease, err,
				  "lease %llu: the device file was revoked, or its device has gone",
				  id);
	case -EAGAIN:
		return lease_fail(lease, err, "lease %llu: the device is suspended", id);
	default:
		return lease_fail(lease, err, "lease %llu: %s", id, strerror(-err));
	}
}

static int need_right(const struct mmiod_operation *operation, unsigned int right, const char *name)
{
	if (operation->lease->lost)
		return device_fail_lost(operation->lease);
	if (operation->rights & right)
		return 0;
	return lease_fail(operation->lease, -EPERM, "lease %llu was asked for without %s",
			  (unsigned long long)operation->lease->id, name);
}

/* ---- the configuration space ---- */

static int check_access(const struct mmiod_operation *operation, unsigned int offset, size_t width)
{
	if (operation->lease->lost)
		return device_fail_lost(operation->lease);
	if (offset % width == 0 && offset < CONFIG_SIZE)
		return 0;
	return lease_fail(operation->lease, -EINVAL,
			  "offset 0x%x: an access of %zu bytes is aligned, and below 0x%x", offset,
			  width, CONFIG_SIZE);
}

static int fail_read(const struct mmiod_operation *operation, unsigned int offset, int err)
{
	if (err == -EPERM)
		return lease_fail(operation->lease, err,
				  "lease %llu was asked for without MMIOD_MAY_READ_CONFIG",
				  (unsigned long long)operation->lease->id);
	if (!err)
		return lease_fail(operation->lease, -EINVAL,
				  "offset 0x%x: the configuration space ends before it", offset);
	return fail(operation, err);
}

static int fail_write(const struct mmiod_operation *operation, unsigned int offset, size_t width,
		      uint32_t value, int err)
{
	if (err == -EPERM || err == -EBADF)
		return lease_fail(
			operation->lease, -EPERM,
			"configuration space, 0x%x: writing 0x%0*x changes bits that may not be "
			"written, or for which a right is missing (mmiod_operation(3) lists them); "
			"nothing was written",
			offset, (int)width * 2, value);
	return fail(operation, err);
}

static int read_config(const struct mmiod_operation *operation, unsigned int offset, void *value,
		       size_t width)
{
	int err = check_access(operation, offset, width);
	ssize_t n;

	if (err)
		return err;
	n = pread(operation->lease->fd, value, width, offset);
	return n == (ssize_t)width ? 0 : fail_read(operation, offset, n < 0 ? -errno : 0);
}

static int write_config(struct mmiod_operation *operation, unsigned int offset, const void *bytes,
			uint32_t value, size_t width)
{
	int err = check_access(operation, offset, width);
	ssize_t n;

	if (err)
		return err;
	n = pwrite(operation->lease->fd, bytes, width, offset);
	return n == (ssize_t)width
		       ? 0
		       : fail_write(operation, offset, width, value, n < 0 ? -errno : -EINVAL);
}

MMIOD_EXPORT int mmiod_operation_config_read8(const struct mmiod_operation *operation,
					      unsigned int offset, uint8_t *value)
{
	*value = 0xff;
	return read_config(operation, offset, value, sizeof(*value));
}

MMIOD_EXPORT int mmiod_operation_config_read16(const struct mmiod_operation *operation,
					       unsigned int offset, uint16_t *value)
{
	int err;

	*value = 0xffff;
	err = read_config(operation, offset, value, sizeof(*value));
	*value = le16toh(*value);
	return err;
}

MMIOD_EXPORT int mmiod_operation_config_read32(const struct mmiod_operation *operation,
					       unsigned int offset, uint32_t *value)
{
	int err;

	*value = 0xffffffff;
	err = read_config(operation, offset, value, sizeof(*value));
	*value = le32toh(*value);
	return err;
}

MMIOD_EXPORT int mmiod_operation_config_write8(struct mmiod_operation *operation,
					       unsigned int offset, uint8_t value)
{
	return write_config(operation, offset, &value, value, sizeof(value));
}

MMIOD_EXPORT int mmiod_operation_config_write16(struct mmiod_operation *operation,
						unsigned int offset, uint16_t value)
{
	const uint16_t bytes = htole16(value);

	return write_config(operation, offset, &bytes, value, sizeof(bytes));
}

MMIOD_EXPORT int mmiod_operation_config_write32(struct mmiod_operation *operation,
						unsigned int offset, uint32_t value)
{
	const uint32_t bytes = htole32(value);

	return write_config(operation, offset, &bytes, value, sizeof(bytes));
}

/* ---- capabilities ---- */

/* A chain that a device made into a ring ends after as many as there is room for. */
#define CAPABILITIES_MAX ((PCI_CFG_SPACE_SIZE - PCI_STD_HEADER_SIZEOF) / 4)
#define EXTENDED_MAX ((PCI_CFG_SPACE_EXP_SIZE - PCI_CFG_SPACE_SIZE) / 8)

/* From the header at @at, 0: none yet, to the next; 0: that was the last. */
static int next_capability(const struct mmiod_operation *operation, unsigned int *at)
{
	unsigned int from = *at ? *at + PCI_CAP_LIST_NEXT : PCI_CAPABILITY_LIST;
	uint16_t status;
	uint8_t next = 0;
	int err = mmiod_operation_config_read16(operation, PCI_STATUS, &status);

	if (!err && status & PCI_STATUS_CAP_LIST)
		err = mmiod_operation_config_read8(operation, from, &next);
	*at = next & ~3u;
	if (*at < PCI_STD_HEADER_SIZEOF)
		*at = 0;
	return err;
}

static int next_extended(const struct mmiod_operation *operation, unsigned int *at,
			 uint32_t *header)
{
	int err;

	*at = *at ? PCI_EXT_CAP_NEXT(*header) : PCI_CFG_SPACE_SIZE;
	*header = 0;
	if (*at < PCI_CFG_SPACE_SIZE) {
		*at = 0;
		return 0;
	}
	err = mmiod_operation_config_read32(operation, *at, header);
	if (err == -EINVAL || (!err && (!*header || *header == 0xffffffff))) {
		*at = 0;
		err = 0;
	}
	return err;
}

static int find_plain(const struct mmiod_operation *operation, unsigned int id, unsigned int after,
		      unsigned int *offset)
{
	unsigned int at = after;
	int err = 0;

	for (unsigned int i = 0; !err && i < CAPABILITIES_MAX; i++) {
		uint8_t found = 0;

		err = next_capability(operation, &at);
		if (err || !at)
			break;
		err = mmiod_operation_config_read8(operation, at, &found);
		if (!err && found == id) {
			*offset = at;
			return 0;
		}
	}
	return err ? err : -ENOENT;
}

static int find_extended(const struct mmiod_operation *operation, unsigned int id,
			 unsigned int after, unsigned int *offset)
{
	unsigned int at = after;
	uint32_t header = 0;
	int err = at ? mmiod_operation_config_read32(operation, at, &header) : 0;

	for (unsigned int i = 0; !err && i < EXTENDED_MAX; i++) {
		err = next_extended(operation, &at, &header);
		if (err || !at)
			break;
		if (PCI_EXT_CAP_ID(header) == id) {
			*offset = at;
			return 0;
		}
	}
	return err ? err : -ENOENT;
}

MMIOD_EXPORT int mmiod_operation_find_capability(const struct mmiod_operation *operation,
						 unsigned int id, unsigned int after,
						 unsigned int *offset)
{
	bool extended = id & MMIOD_CAPABILITY_EXTENDED;
	int err;

	*offset = 0;
	id &= ~MMIOD_CAPABILITY_EXTENDED;
	err = extended ? find_extended(operation, id, after, offset)
		       : find_plain(operation, id, after, offset);
	if (err == -ENOENT)
		return lease_fail(operation->lease, err, "the device has no %scapability 0x%02x%s",
				  extended ? "extended " : "", id, after ? " behind that one" : "");
	return err;
}

/* ---- with patience ---- */

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct patience {
	int64_t until_ms;
	bool endless;
};

static struct patience patience_of(int timeout_ms)
{
	return (struct patience){ .until_ms = now_ms() + timeout_ms, .endless = timeout_ms < 0 };
}

/* False: it is over. */
static bool pause_a_moment(const struct patience *patience)
{
	if (!patience->endless && now_ms() >= patience->until_ms)
		return false;
	poll(NULL, 0, PAUSE_MS);
	return true;
}

/* As long as the device is suspended, or is being reset, it is tried again. */
static int call_patiently(const struct mmiod_operation *operation, unsigned long request, void *arg,
			  int timeout_ms)
{
	const struct patience patience = patience_of(timeout_ms);
	int err;

	do
		err = ioctl(operation->lease->fd, request, arg) < 0 ? -errno : 0;
	while (err == -EAGAIN && pause_a_moment(&patience));
	return err;
}

static int fail_conflict(const struct mmiod_operation *operation, const char *what,
			 uint64_t conflict)
{
	char holder[ERROR_MAX];

	if (device_name_conflict(operation, conflict, holder, sizeof(holder)))
		return lease_fail(operation->lease, -EBUSY, "%s: %s", what, holder);
	return lease_fail(operation->lease, -EBUSY,
			  "%s: lease %llu of another user is of the same device, and is in the way",
			  what, (unsigned long long)conflict);
}

static int fail_call(const struct mmiod_operation *operation, const char *what, int err,
		     uint64_t conflict)
{
	switch (err) {
	case -EAGAIN:
		return lease_fail(operation->lease, -ETIMEDOUT,
				  "%s: the device is suspended, or is being reset, and was not let "
				  "in time",
				  what);
	case -EBUSY:
		return fail_conflict(operation, what, conflict);
	default:
		return fail(operation, err);
	}
}

/* ---- in simulation ---- */

static int find_register(const struct mmiod_operation *operation, unsigned int capability,
			 unsigned int within, unsigned int *offset)
{
	int err = 0;

	*offset = 0;
	if (capability)
		err = mmiod_operation_find_capability(operation, capability, 0, offset);
	*offset += within;
	return err;
}

static int change_bits(struct mmiod_operation *operation, unsigned int offset, uint16_t mask,
		       uint16_t bits)
{
	uint16_t value;
	int err = mmiod_operation_config_read16(operation, offset, &value);

	if (err)
		return err;
	value = (uint16_t)((value & ~mask) | bits);
	return mmiod_operation_config_write16(operation, offset, value);
}

/* Until the bits are what they are to be. */
static int await_bits(const struct mmiod_operation *operation, unsigned int offset, uint16_t mask,
		      uint16_t bits)
{
	const struct patience patience = patience_of(SIMULATED_RESET_MS);
	uint16_t value;
	int err;

	do {
		err = mmiod_operation_config_read16(operation, offset, &value);
		if (err || (value & mask) == bits)
			return err;
	} while (pause_a_moment(&patience));
	return lease_fail(operation->lease, -ETIMEDOUT,
			  "the daemon of the simulation has not reset the device");
}

static int reset_simulated(struct mmiod_operation *operation, uint64_t *duration_us)
{
	const uint16_t reset = PCI_EXP_DEVCTL_BCR_FLR;
	int64_t start = now_ms();
	unsigned int offset;
	int err = find_register(operation, PCI_CAP_ID_EXP, PCI_EXP_DEVCTL, &offset);

	if (!err)
		err = change_bits(operation, offset, reset, reset);
	if (!err)
		err = await_bits(operation, offset, reset, 0);
	if (!err && duration_us)
		*duration_us = (uint64_t)(now_ms() - start) * 1000;
	return err;
}

/* ---- bus mastering ---- */

static int master_simulated(struct mmiod_operation *operation, bool on)
{
	return change_bits(operation, PCI_COMMAND, PCI_COMMAND_MASTER, on ? PCI_COMMAND_MASTER : 0);
}

MMIOD_EXPORT int mmiod_operation_set_master(struct mmiod_operation *operation, int on,
					    int timeout_ms)
{
	struct mmiod_device_master master = { .size = sizeof(master), .on = on != 0 };
	int err = need_right(operation, MMIOD_MAY_MASTER, "MMIOD_MAY_MASTER");

	if (err)
		return err;
	if (operation->lease->simulated)
		return master_simulated(operation, on);
	err = call_patiently(operation, MMIOD_IOC_DEVICE_SET_MASTER, &master, timeout_ms);
	if (err == -ENOTTY)
		err = -EOPNOTSUPP;
	return err ? fail_call(operation, "bus mastering", err, master.conflict_id) : 0;
}

/* ---- reset ---- */

MMIOD_EXPORT int mmiod_operation_reset(struct mmiod_operation *operation, int timeout_ms,
				       uint64_t *duration_us)
{
	struct mmiod_device_reset reset = { .size = sizeof(reset) };
	int err = need_right(operation, MMIOD_MAY_RESET, "MMIOD_MAY_RESET");

	if (duration_us)
		*duration_us = 0;
	if (err)
		return err;
	if (operation->lease->simulated)
		return reset_simulated(operation, duration_us);
	err = call_patiently(operation, MMIOD_IOC_DEVICE_RESET, &reset, timeout_ms);
	if (err == -ENOTTY)
		return lease_fail(operation->lease, err,
				  "the device cannot be reset by itself, nor with all others below "
				  "its bridge, which would have to be mmiod's, and yours or "
				  "nobody's; or it has not come back");
	if (err)
		return fail_call(operation, "reset", err, reset.conflict_id);
	if (duration_us)
		*duration_us = reset.duration_us;
	return 0;
}

/* ---- power ---- */

static int power_simulated(struct mmiod_operation *operation, enum mmiod_operation_power power)
{
	unsigned int offset;
	int err = find_register(operation, PCI_CAP_ID_PM, PCI_PM_CTRL, &offset);

	return err ? err : change_bits(operation, offset, PCI_PM_CTRL_STATE_MASK, (uint16_t)power);
}

MMIOD_EXPORT int mmiod_operation_set_power(struct mmiod_operation *operation,
					   enum mmiod_operation_power power, int timeout_ms)
{
	struct mmiod_device_power wanted = { .size = sizeof(wanted), .state = (uint32_t)power };
	int err = need_right(operation, MMIOD_MAY_POWER, "MMIOD_MAY_POWER");

	if (err)
		return err;
	if (power != MMIOD_OPERATION_D0 && power != MMIOD_OPERATION_D3HOT)
		return lease_fail(operation->lease, -EINVAL,
				  "power %d: there are MMIOD_OPERATION_D0 and _D3HOT", (int)power);
	if (operation->lease->simulated)
		return power_simulated(operation, power);
	err = call_patiently(operation, MMIOD_IOC_DEVICE_SET_POWER, &wanted, timeout_ms);
	if (err == -ENOTTY || err == -EOPNOTSUPP)
		return lease_fail(operation->lease, -EOPNOTSUPP,
				  "the device cannot be put to sleep, or the module is older than "
				  "this call");
	return err ? fail_call(operation, "power", err, wanted.conflict_id) : 0;
}

/* ---- how it is ---- */

static int query(const struct mmiod_operation *operation, struct mmiod_device_query *answer)
{
	*answer = (struct mmiod_device_query){ .size = sizeof(*answer) };
	if (operation->lease->lost)
		return device_fail_lost(operation->lease);
	if (operation->lease->simulated)
		return 0;
	return ioctl(operation->lease->fd, MMIOD_IOC_DEVICE_QUERY, answer) < 0
		       ? fail(operation, -errno)
		       : 0;
}

static int simulated_bits(const struct mmiod_operation *operation, unsigned int capability,
			  unsigned int within, uint16_t mask, uint16_t *bits)
{
	unsigned int offset;
	int err = find_register(operation, capability, within, &offset);

	*bits = 0;
	if (!err)
		err = mmiod_operation_config_read16(operation, offset, bits);
	*bits &= mask;
	return err;
}

MMIOD_EXPORT int mmiod_operation_masters(const struct mmiod_operation *operation, int *on)
{
	struct mmiod_device_query answer;
	uint16_t bits;
	int err;

	*on = 0;
	if (operation->lease->simulated && !operation->lease->lost) {
		err = simulated_bits(operation, 0, PCI_COMMAND, PCI_COMMAND_MASTER, &bits);
		*on = bits != 0;
		return err;
	}
	err = query(operation, &answer);
	*on = !err && answer.flags & MMIOD_FUNCTION_MASTER;
	return err;
}

MMIOD_EXPORT int mmiod_operation_power(const struct mmiod_operation *operation,
				       enum mmiod_operation_power *power)
{
	struct mmiod_device_query answer;
	uint16_t bits;
	int err;

	*power = MMIOD_OPERATION_D0;
	if (operation->lease->simulated && !operation->lease->lost) {
		err = simulated_bits(operation, PCI_CAP_ID_PM, PCI_PM_CTRL, PCI_PM_CTRL_STATE_MASK,
				     &bits);
		*power = (enum mmiod_operation_power)bits;
		return err;
	}
	err = query(operation, &answer);
	if (!err && answer.reasons & MMIOD_REASON_POWER)
		*power = MMIOD_OPERATION_D3HOT;
	return err;
}

/* In simulation nothing but what is asked for by bits is known of it. */
static enum mmiod_state simulated_state(const struct mmiod_operation *operation)
{
	uint16_t reset = 0, power = 0;

	simulated_bits(operation, PCI_CAP_ID_EXP, PCI_EXP_DEVCTL, PCI_EXP_DEVCTL_BCR_FLR, &reset);
	simulated_bits(operation, PCI_CAP_ID_PM, PCI_PM_CTRL, PCI_PM_CTRL_STATE_MASK, &power);
	return reset || power ? MMIOD_STATE_SUSPENDED : MMIOD_STATE_OK;
}

MMIOD_EXPORT int mmiod_operation_state(const struct mmiod_operation *operation,
				       enum mmiod_state *state)
{
	struct mmiod_device_query answer;
	int err;

	*state = MMIOD_STATE_REVOKED;
	if (operation->lease->lost)
		return 0;
	if (operation->lease->simulated) {
		*state = simulated_state(operation);
		return 0;
	}
	err = query(operation, &answer);
	if (!err)
		*state = (enum mmiod_state)answer.state;
	return err;
}

GETTER(int, mmiod_operation_fd, mmiod_operation, lease->fd)
GETTER(uint64_t, mmiod_operation_lease, mmiod_operation, lease->id)
GETTER(unsigned int, mmiod_operation_rights, mmiod_operation, rights)

MMIOD_EXPORT int mmiod_operation_identity(const struct mmiod_operation *operation, char *text,
					  size_t size)
{
	return mmiod_lease_identity(operation->lease, text, size);
}
