/* SPDX-License-Identifier: MIT */
/* Device files, against a daemon that hands out memory files as simulation's do. */
#include "support/fake.h"
#include "support/module.h"

#include <fcntl.h>
#include <linux/pci_regs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PM 0x40
#define EXPRESS 0x50
#define CONTROL (EXPRESS + PCI_EXP_DEVCTL)
#define RIGHTS                                                                                 \
	(MMIOD_MAY_READ_CONFIG | MMIOD_MAY_WRITE_CONFIG | MMIOD_MAY_MASTER | MMIOD_MAY_RESET | \
	 MMIOD_MAY_POWER)

static int space = -1; /* of the device, with the fake and with the program */

static void put(unsigned int offset, uint32_t value, size_t width)
{
	cr_assert_eq(pwrite(space, &value, width, offset), (ssize_t)width);
}

/* Two capabilities, and of the extended ones a serial number and two of a vendor. */
static void make_space(void)
{
	space = memfd_create("configuration", MFD_CLOEXEC);
	cr_assert_geq(space, 0);
	cr_assert_eq(ftruncate(space, 4096), 0);
	put(PCI_VENDOR_ID, 0x00101b36, 4);
	put(PCI_STATUS, PCI_STATUS_CAP_LIST, 2);
	put(PCI_CAPABILITY_LIST, PM, 1);
	put(PM, PCI_CAP_ID_PM | EXPRESS << 8, 2);
	put(EXPRESS, PCI_CAP_ID_EXP, 2);
	put(0x100, PCI_EXT_CAP_ID_DSN | 1 << 16 | 0x140 << 20, 4);
	put(0x140, PCI_EXT_CAP_ID_VNDR | 1 << 16 | 0x160 << 20, 4);
	put(0x160, PCI_EXT_CAP_ID_VNDR | 1 << 16, 4);
}

TestSuite(operation, .init = make_space);

static void grant_device(struct fake *fake, const struct mmiod_msg *request)
{
	fake_send_granted(fake, request,
			  (struct mmiod_wire_granted){
				  .lease = 17, .rights = RIGHTS, .share = MMIOD_SHARE_READ },
			  space);
}

static void check_request(const struct mmiod_msg *request)
{
	struct mmiod_wire_operate want;

	memcpy(&want, (const uint8_t *)request + request->fixed, sizeof(want));
	cr_expect_eq(request->opcode, MMIOD_OP_OPERATE);
	cr_expect_eq(request->fixed, MMIOD_V1_LEASE_REQUEST);
	cr_expect_eq(request->stride, MMIOD_V1_OPERATE);
	cr_expect_eq(request->count, 1u);
	cr_expect_str_eq(want.device, "nvme0");
	cr_expect_eq(want.rights, RIGHTS);
	cr_expect_eq(want.flags, MMIOD_OPERATE_CONNECTION);
	cr_expect_eq(want.reserved, 0u);
}

static void serve(struct fake *fake, enum mmiod_backend backend)
{
	const struct mmiod_msg *request;

	fake_accept_silently(fake);
	fake_greet(fake, backend);
	request = fake_read(fake);
	check_request(request);
	grant_device(fake, request);
	fake_wait_hang_up(fake);
}

static void serve_simulated(struct fake *fake)
{
	serve(fake, MMIOD_BACKEND_SIMULATION);
}

/* The kernel answers that a memory file knows no such call. */
static void serve_module(struct fake *fake)
{
	serve(fake, MMIOD_BACKEND_MODULE);
}

static struct mmiod_operation *operate_or_fail(struct mmiod_client *client)
{
	struct mmiod_operation *operation = NULL;

	cr_assert_eq(mmiod_client_operate(client, "nvme0", RIGHTS, MMIOD_OPERATION_CONNECTION,
					  &operation),
		     0, "%s", mmiod_client_error(client));
	return operation;
}

Test(operation, is_asked_for_and_says_what_it_is)
{
	size_t files = open_files();
	struct mmiod_operation *operation;
	struct mmiod_client *client;
	enum mmiod_state state = MMIOD_STATE_REVOKED;
	struct fake fake;

	client = fake_serve(&fake, serve_simulated, NULL);
	operation = operate_or_fail(client);
	cr_assert_eq(mmiod_operation_lease(operation), 17u);
	cr_assert_eq(mmiod_operation_rights(operation), RIGHTS);
	cr_assert_eq(mmiod_operation_state(operation, &state), 0);
	cr_assert_eq(state, MMIOD_STATE_OK);
	cr_assert_eq(fcntl(mmiod_operation_fd(operation), F_GETFD), FD_CLOEXEC);
	mmiod_operation_free(operation);
	mmiod_operation_free(NULL);
	fake_leave(&fake, client);
	cr_assert_eq(open_files(), files);
}

static void serve_nothing(struct fake *fake)
{
	fake_accept(fake);
	fake_wait_hang_up(fake);
}

Test(operation, what_makes_no_sense_is_not_sent)
{
	struct mmiod_operation *operation;
	struct mmiod_client *client;
	struct fake fake;

	client = fake_serve(&fake, serve_nothing, NULL);
	cr_assert_eq(mmiod_client_operate(client, "", RIGHTS, 0, &operation), -EINVAL);
	cr_assert_eq(mmiod_client_operate(client, NULL, RIGHTS, 0, &operation), -EINVAL);
	cr_assert_eq(mmiod_client_operate(client, "d", 0, 0, &operation), -EINVAL);
	cr_assert_not_null(strstr(mmiod_client_error(client), "rights 0x0"));
	cr_assert_eq(mmiod_client_operate(client, "d", MMIOD_MAY_INTERRUPT, 0, &operation),
		     -EINVAL);
	cr_assert_eq(mmiod_client_operate(client, "d", RIGHTS, 2, &operation), -EINVAL);
	cr_assert_null(operation);
	fake_leave(&fake, client);
}

Test(operation, reads_and_writes_registers_of_each_width)
{
	struct mmiod_operation *operation;
	struct mmiod_client *client;
	uint32_t word = 0;
	uint16_t half = 0;
	uint8_t byte = 0;
	struct fake fake;

	client = fake_serve(&fake, serve_simulated, NULL);
	operation = operate_or_fail(client);
	cr_assert_eq(mmiod_operation_config_read32(operation, 0, &word), 0);
	cr_assert_eq(word, 0x00101b36u);
	cr_assert_eq(mmiod_operation_config_read16(operation, 2, &half), 0);
	cr_assert_eq(half, 0x0010);
	cr_assert_eq(mmiod_operation_config_read8(operation, 1, &byte), 0);
	cr_assert_eq(byte, 0x1b);
	cr_assert_eq(mmiod_operation_config_write32(operation, 0x200, 0x12345678), 0);
	cr_assert_eq(mmiod_operation_config_write16(operation, 0x202, 0xabcd), 0);
	cr_assert_eq(mmiod_operation_config_write8(operation, 0x201, 0xef), 0);
	cr_assert_eq(mmiod_operation_config_read32(operation, 0x200, &word), 0);
	cr_assert_eq(word, 0xabcdef78u);
	mmiod_operation_free(operation);
	fake_leave(&fake, client);
}

Test(operation, an_access_that_is_not_aligned_or_beyond_the_end_is_refused)
{
	struct mmiod_operation *operation;
	struct mmiod_client *client;
	uint32_t word = 0;
	uint16_t half = 0;
	struct fake fake;

	client = fake_serve(&fake, serve_simulated, NULL);
	operation = operate_or_fail(client);
	cr_assert_eq(mmiod_operation_config_read32(operation, 2, &word), -EINVAL);
	cr_assert_eq(word, 0xffffffffu);
	cr_assert_not_null(strstr(mmiod_client_error(client), "aligned"));
	cr_assert_eq(mmiod_operation_config_read16(operation, 4096, &half), -EINVAL);
	cr_assert_eq(mmiod_operation_config_write16(operation, 1, 0), -EINVAL);
	cr_assert_eq(mmiod_operation_config_write8(operation, UINT32_MAX, 0), -EINVAL);
	cr_assert_eq(ftruncate(space, 256), 0);
	cr_assert_eq(mmiod_operation_config_read32(operation, 256, &word), -EINVAL);
	cr_assert_not_null(strstr(mmiod_client_error(client), "ends before it"));
	mmiod_operation_free(operation);
	fake_leave(&fake, client);
}

Test(operation, finds_capabilities_of_both_kinds_one_after_the_other)
{
	const unsigned int vendor = MMIOD_CAPABILITY_EXTENDED | PCI_EXT_CAP_ID_VNDR;
	struct mmiod_operation *operation;
	struct mmiod_client *client;
	unsigned int offset = 1;
	struct fake fake;

	client = fake_serve(&fake, serve_simulated, NULL);
	operation = operate_or_fail(client);
	cr_assert_eq(mmiod_operation_find_capability(operation, PCI_CAP_ID_EXP, 0, &offset), 0);
	cr_assert_eq(offset, EXPRESS);
	cr_assert_eq(mmiod_operation_find_capability(operation, PCI_CAP_ID_EXP, EXPRESS, &offset),
		     -ENOENT);
	cr_assert_eq(offset, 0u);
	cr_assert_eq(mmiod_operation_find_capability(operation, PCI_CAP_ID_MSIX, 0, &offset),
		     -ENOENT);
	cr_assert_not_null(strstr(mmiod_client_error(client), "no capability 0x11"));
	cr_assert_eq(mmiod_operation_find_capability(operation, vendor, 0, &offset), 0);
	cr_assert_eq(offset, 0x140u);
	cr_assert_eq(mmiod_operation_find_capability(operation, vendor, 0x140, &offset), 0);
	cr_assert_eq(offset, 0x160u);
	cr_assert_eq(mmiod_operation_find_capability(operation, vendor, 0x160, &offset), -ENOENT);
	mmiod_operation_free(operation);
	fake_leave(&fake, client);
}

Test(operation, a_chain_that_is_a_ring_ends)
{
	struct mmiod_operation *operation;
	struct mmiod_client *client;
	unsigned int offset;
	struct fake fake;

	put(EXPRESS + 1, PM, 1);
	put(0x160, PCI_EXT_CAP_ID_VNDR | 1 << 16 | 0x100u << 20, 4);
	client = fake_serve(&fake, serve_simulated, NULL);
	operation = operate_or_fail(client);
	cr_assert_eq(mmiod_operation_find_capability(operation, PCI_CAP_ID_MSIX, 0, &offset),
		     -ENOENT);
	cr_assert_eq(mmiod_operation_find_capability(
			     operation, MMIOD_CAPABILITY_EXTENDED | PCI_EXT_CAP_ID_ATS, 0, &offset),
		     -ENOENT);
	put(PCI_STATUS, 0, 2);
	cr_assert_eq(mmiod_operation_find_capability(operation, PCI_CAP_ID_PM, 0, &offset),
		     -ENOENT);
	mmiod_operation_free(operation);
	fake_leave(&fake, client);
}

static uint16_t get(unsigned int offset)
{
	uint16_t value;

	cr_assert_eq(pread(space, &value, sizeof(value), offset), (ssize_t)sizeof(value));
	return value;
}

Test(operation, in_simulation_asks_by_the_bits_of_the_configuration_space)
{
	enum mmiod_operation_power power;
	enum mmiod_state state;
	struct mmiod_operation *operation;
	struct mmiod_client *client;
	struct fake fake;
	int on = 0;

	client = fake_serve(&fake, serve_simulated, NULL);
	operation = operate_or_fail(client);
	cr_assert_eq(mmiod_operation_set_master(operation, 1, 0), 0);
	cr_assert(get(PCI_COMMAND) & PCI_COMMAND_MASTER);
	cr_assert_eq(mmiod_operation_masters(operation, &on), 0);
	cr_assert_eq(on, 1);
	cr_assert_eq(mmiod_operation_set_master(operation, 0, 0), 0);
	cr_assert_eq(mmiod_operation_masters(operation, &on), 0);
	cr_assert_eq(on, 0);
	cr_assert_eq(mmiod_operation_set_power(operation, MMIOD_OPERATION_D3HOT, 0), 0);
	cr_assert_eq(get(PM + PCI_PM_CTRL) & PCI_PM_CTRL_STATE_MASK, 3);
	cr_assert_eq(mmiod_operation_power(operation, &power), 0);
	cr_assert_eq(power, MMIOD_OPERATION_D3HOT);
	cr_assert_eq(mmiod_operation_state(operation, &state), 0);
	cr_assert_eq(state, MMIOD_STATE_SUSPENDED);
	cr_assert_eq(mmiod_operation_set_power(operation, MMIOD_OPERATION_D0, 0), 0);
	cr_assert_eq(mmiod_operation_power(operation, &power), 0);
	cr_assert_eq(power, MMIOD_OPERATION_D0);
	cr_assert_eq(mmiod_operation_set_power(operation, (enum mmiod_operation_power)1, 0),
		     -EINVAL);
	mmiod_operation_free(operation);
	fake_leave(&fake, client);
}

/* The daemon's part: it clears the bit when the reset is over. */
static void serve_reset(struct fake *fake)
{
	const struct mmiod_msg *request;

	fake_accept_silently(fake);
	fake_greet(fake, MMIOD_BACKEND_SIMULATION);
	request = fake_read(fake);
	grant_device(fake, request);
	while (!(get(CONTROL) & PCI_EXP_DEVCTL_BCR_FLR))
		usleep(1000);
	put(CONTROL, 0, 2);
	fake_wait_hang_up(fake);
}

Test(operation, in_simulation_a_reset_is_over_when_its_bit_is_cleared)
{
	struct mmiod_operation *operation;
	struct mmiod_client *client;
	uint64_t us = UINT64_MAX;
	struct fake fake;

	client = fake_serve(&fake, serve_reset, NULL);
	operation = operate_or_fail(client);
	cr_assert_eq(mmiod_operation_reset(operation, 0, &us), 0, "%s", mmiod_client_error(client));
	cr_assert_neq(us, UINT64_MAX);
	mmiod_operation_free(operation);
	fake_leave(&fake, client);
}

/* A memory file is not the module's: each call asks the kernel, which says so. */
Test(operation, of_the_module_everything_is_the_kernels)
{
	struct mmiod_operation *operation;
	enum mmiod_operation_power power;
	struct mmiod_client *client;
	enum mmiod_state state;
	struct fake fake;
	int on;

	client = fake_serve(&fake, serve_module, NULL);
	operation = operate_or_fail(client);
	cr_assert_eq(mmiod_operation_set_master(operation, 1, 0), -EOPNOTSUPP);
	cr_assert_eq(mmiod_operation_set_power(operation, MMIOD_OPERATION_D0, 0), -EOPNOTSUPP);
	cr_assert_not_null(strstr(mmiod_client_error(client), "older than this call"));
	cr_assert_eq(mmiod_operation_reset(operation, 0, NULL), -ENOTTY);
	cr_assert_lt(mmiod_operation_masters(operation, &on), 0);
	cr_assert_lt(mmiod_operation_power(operation, &power), 0);
	cr_assert_lt(mmiod_operation_state(operation, &state), 0);
	cr_assert_eq(state, MMIOD_STATE_REVOKED);
	mmiod_operation_free(operation);
	fake_leave(&fake, client);
}

/* ---- handed down ----------------------------------------------------------------------------- */

static void name_in_environment(const struct mmiod_operation *operation, int fd, const char *more)
{
	char identity[64], list[192];

	cr_assert_eq(mmiod_operation_identity(operation, identity, sizeof(identity)), 0);
	snprintf(list, sizeof(list), "%s%d@%s:nvme0", more, fd, identity);
	setenv("MMIOD_DEVICES", list, 1);
}

Test(operation, one_that_was_handed_down_is_found_again)
{
	struct mmiod_operation *operation, *found = NULL;
	struct mmiod_client *client;
	struct fake fake;
	uint32_t word;

	client = fake_serve(&fake, serve_simulated, NULL);
	operation = operate_or_fail(client);
	name_in_environment(operation, space, "0@1:other ");
	cr_assert_eq(mmiod_operation_inherited("nvme0", 0, &found), 0, "%s",
		     mmiod_client_error(NULL));
	cr_assert_eq(mmiod_operation_lease(found), 0u);
	cr_assert_eq(mmiod_operation_config_read32(found, 0, &word), 0);
	cr_assert_eq(word, 0x00101b36u);
	mmiod_operation_free(found);
	cr_assert_eq(mmiod_operation_inherited("nvme0", 1, &found), -ENOENT);
	cr_assert_eq(mmiod_operation_inherited("nvme1", 0, &found), -ENOENT);
	cr_assert_null(found);
	mmiod_operation_free(operation);
	fake_leave(&fake, client);
}

Test(operation, what_is_no_device_file_any_more_is_not_taken_for_one)
{
	struct mmiod_operation *operation, *found;
	struct mmiod_client *client;
	struct fake fake;
	int other = memfd_create("other", MFD_CLOEXEC);

	client = fake_serve(&fake, serve_simulated, NULL);
	operation = operate_or_fail(client);
	name_in_environment(operation, other, "");
	cr_assert_eq(mmiod_operation_inherited(NULL, 0, &found), -ESTALE);
	name_in_environment(operation, 1000, "");
	cr_assert_eq(mmiod_operation_inherited(NULL, 0, &found), -ESTALE);
	setenv("MMIOD_DEVICES", "3@17:nvme0", 1);
	cr_assert_lt(mmiod_operation_inherited(NULL, 0, &found), 0);
	for (size_t i = 0; i < 6; i++) {
		static const char *const texts[] = { "x",    "3",     "3@",
						     "3@17", "3@17:", "99999999999@1:a" };

		setenv("MMIOD_DEVICES", texts[i], 1);
		cr_assert_eq(mmiod_operation_inherited(NULL, 0, &found), -EINVAL, "%s", texts[i]);
		cr_assert_not_null(strstr(mmiod_client_error(NULL), "FD@IDENTITY:DEVICE"));
	}
	unsetenv("MMIOD_DEVICES");
	cr_assert_eq(mmiod_operation_inherited(NULL, 0, &found), -ENOENT);
	close(other);
	mmiod_operation_free(operation);
	fake_leave(&fake, client);
}

/* ---- who is in the way ----------------------------------------------------------------------- */

#define HOLDER "0x0+0x1000 of region bar is held by user bob"

static void name_holder(struct fake *fake, const struct mmiod_msg *request)
{
	struct {
		struct mmiod_msg_explain_reply fixed;
		char text[sizeof(HOLDER)];
	} reply = { .fixed = { .msg = { .size = sizeof(reply),
					.opcode = MMIOD_OP_EXPLAIN,
					.flags = MMIOD_MSG_REPLY,
					.id = request->id,
					.fixed = sizeof(reply.fixed) },
			       .outcome = MMIOD_E_BUSY,
			       .text = { sizeof(reply.fixed), sizeof(HOLDER) - 1 } },
		    .text = HOLDER };

	fake_send(fake, &reply, sizeof(reply), NULL, 0);
}

static const struct mmiod_msg *take_question(struct fake *fake)
{
	const struct mmiod_msg_explain *request = (const void *)fake_read(fake);

	cr_expect_eq(request->msg.opcode, MMIOD_OP_EXPLAIN);
	cr_expect_eq(request->kind, (uint32_t)MMIOD_KIND_DEVICE);
	cr_expect_eq(request->length, 17u, "the operation's lease");
	cr_expect_eq(request->offset, 23u, "the one in the way");
	cr_expect_eq(request->operate, 0u);
	cr_expect_str_eq(request->region, "");
	return &request->msg;
}

static void grant_to(struct fake *fake)
{
	fake_accept_silently(fake);
	fake_greet(fake, MMIOD_BACKEND_MODULE);
	grant_device(fake, fake_read(fake));
}

static void serve_names(struct fake *fake)
{
	grant_to(fake);
	name_holder(fake, take_question(fake));
	name_holder(fake, take_question(fake));
	take_question(fake);
	fake_refuse(fake, MMIOD_E_INVALID, "an older daemon knows no such question");
	fake_wait_hang_up(fake);
}

/* A daemon that has ended, whose socket systemd keeps open, as long as the next one has not begun. */
static void serve_no_names(struct fake *fake)
{
	grant_to(fake);
	fake_hang_up(fake);
}

static void is_busy(struct mmiod_client *client, int err, const char *sentence)
{
	cr_assert_eq(err, -EBUSY);
	cr_assert_str_eq(mmiod_client_error(client), sentence);
}

#define BY_NUMBER "lease 23 of another user is of the same device, and is in the way"

Test(operation, who_is_in_the_way_is_named_if_the_daemon_says_it)
{
	struct mmiod_operation *operation;
	struct mmiod_client *client;
	struct fake fake;

	module.conflict = 23;
	client = fake_serve(&fake, serve_names, NULL);
	operation = operate_or_fail(client);
	is_busy(client, mmiod_operation_reset(operation, 0, NULL), "reset: " HOLDER);
	is_busy(client, mmiod_operation_set_master(operation, 1, 0), "bus mastering: " HOLDER);
	is_busy(client, mmiod_operation_set_power(operation, MMIOD_OPERATION_D3HOT, 0),
		"power: " BY_NUMBER);
	mmiod_operation_free(operation);
	fake_leave(&fake, client);
}

Test(operation, who_is_in_the_way_has_a_number_while_the_daemon_is_away)
{
	struct mmiod_operation *operation;
	struct mmiod_client *client;
	struct fake fake;

	module.conflict = 23;
	client = fake_serve(&fake, serve_no_names, NULL);
	operation = operate_or_fail(client);
	is_busy(client, mmiod_operation_reset(operation, 0, NULL), "reset: " BY_NUMBER);
	is_busy(client, mmiod_operation_reset(operation, -1, NULL), "reset: " BY_NUMBER);
	mmiod_operation_free(operation);
	fake_leave(&fake, client);
}
