/* SPDX-License-Identifier: MIT */
/*
 * mmioctl operate, reset and power: a device as a whole. Each leases the right to operate it, for as
 * long as it takes.
 */
#include "target/holding.h"
#include "target/target.h"
#include "verb.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <common/size.h>

#define PATIENCE_MS 10000 /* while the device is suspended for another reason */

/* ---- reset ---- */

static struct reset_options {
	struct lease_options lease;
	bool force;
} reset_options;

static const struct verb_option reset_rows[] = {
	{ "force", 0, NULL, "even while others use the device; needs \"reset = force\"",
	  FLAG(struct reset_options, force) },
	WAIT_OPTION(struct reset_options, lease),
	{ 0 },
};

static int tell_reset(const struct context *context, const char *device, uint64_t us)
{
	if (context->json)
		return json_output(json_pack("{s:i, s:s, s:o}", "schema", JSON_SCHEMA, "device",
					     device, "duration_us", json_number(us)));
	printf("%s was reset in %" PRIu64 ".%" PRIu64 " ms\n", device, us / 1000, us / 100 % 10);
	return output_flush() ? STATUS_FAILED : STATUS_OK;
}

static int verb_reset(struct context *context, int argc, char **argv)
{
	unsigned int rights = MMIOD_MAY_RESET | (reset_options.force ? MMIOD_MAY_RESET_OTHERS : 0);
	struct mmiod_operation *operation;
	uint64_t us;
	int status = target_operate(context, argv[0], &reset_options.lease, rights, &operation);
	int err;

	if (status)
		return status;
	err = mmiod_operation_reset(operation, PATIENCE_MS, &us);
	status = err ? report_client(context, err) : tell_reset(context, argv[0], us);
	target_operate_end(operation);
	return status;
}

const struct verb reset_verb = {
	.name = "reset",
	.arguments = "DEVICE",
	.summary = "reset a device, and tell how long it took",
	.group = GROUP_DEVICES,
	.options = reset_rows,
	.values = &reset_options,
	.least = 1,
	.most = 1,
	.run = verb_reset,
	.examples = { { "reset nvme0", "unless somebody else uses it" },
		      { "reset nvme0 --wait=10s", "once nobody operates it" },
		      { "reset nvme0 --force", "whoever uses it" } },
	.more = "DEVICE is the name of a [device NAME] of the configuration; a grant must say\n"
		"\"reset = yes\". All of the device is suspended meanwhile, and its holders are\n"
		"told; its configuration is as before, but for bus mastering, which is off.\n"
		"Exit status 5: somebody else operates it, or has something of it.\n",
};

/* ---- holding ---- */

struct device_hold {
	struct holding holding;
	const char *device;
	const struct lease_options *lease;
	unsigned int rights;
	uint64_t dma; /* bytes of memory; 0: none */
	bool sleeps; /* it is to be asleep as long as it is held */
};

static const struct device_hold *hold_of(const struct holding *holding)
{
	return (const struct device_hold *)holding;
}

static const char *device_label(const struct holding *holding, size_t index)
{
	return index ? memory_word(MMIOD_MEMORY_DMA) : hold_of(holding)->device;
}

static int take_dma(struct context *context, const struct holding *holding,
		    struct mmiod_operation *operation, struct mmiod_lease **memory)
{
	int err = mmiod_operation_allocate(operation, hold_of(holding)->dma, 0, 0, memory);

	return err ? report_client(context, err) : 0;
}

static int take_device(struct context *context, const struct holding *holding,
		       struct mmiod_operation **operation)
{
	const struct device_hold *hold = hold_of(holding);
	int err = mmiod_client_operate(context->client, hold->device, hold->rights, 0, operation);

	if (!err && hold->sleeps)
		err = mmiod_operation_set_power(*operation, MMIOD_OPERATION_D3HOT, PATIENCE_MS);
	return err ? report_client(context, err) : 0;
}

static int hold_device(struct context *context, struct device_hold *hold)
{
	int status = lease_open(context, hold->lease);

	hold->holding.count = hold->dma ? 2 : 1;
	hold->holding.take_memory = take_dma;
	hold->holding.take_operation = take_device;
	hold->holding.label = device_label;
	return status ? status : hold_leases(context, &hold->holding);
}

/* ---- power ---- */

static struct power_options {
	struct lease_options lease;
	char **command;
} power_options;

static const struct verb_option power_rows[] = {
	WAIT_OPTION(struct power_options, lease),
	{ 0 },
};

static int tell_power(const struct context *context, const char *device, bool sleeps)
{
	const char *word = sleeps ? "d3" : "d0";

	if (context->json)
		return json_output(json_pack("{s:i, s:s, s:s}", "schema", JSON_SCHEMA, "device",
					     device, "power", word));
	printf("%s\n", word);
	return output_flush() ? STATUS_FAILED : STATUS_OK;
}

/* Asked of the daemon: who wants to know need not operate the device. */
static int show_power(struct context *context, const char *name)
{
	struct mmiod_device_list *list;
	int status = client_open(context), err;

	if (status)
		return status;
	err = mmiod_client_list_devices(context->client, &list);
	if (err)
		return report_client(context, err);
	status = -1;
	for (size_t i = 0; status < 0 && i < mmiod_device_list_count(list); i++) {
		const struct mmiod_device *device = mmiod_device_list_get(list, i);

		if (!strcmp(mmiod_device_name(device), name))
			status = tell_power(context, name, mmiod_device_sleeps(device));
	}
	mmiod_device_list_free(list);
	if (status < 0)
		return report(context, -ENOENT, "there is no device \"%s\" that you may see", name);
	return status;
}

static int wake(struct context *context, const char *device)
{
	struct mmiod_operation *operation;
	int status =
		target_operate(context, device, &power_options.lease, MMIOD_MAY_POWER, &operation);
	int err;

	if (status)
		return status;
	err = mmiod_operation_set_power(operation, MMIOD_OPERATION_D0, PATIENCE_MS);
	status = err ? report_client(context, err) : tell_power(context, device, false);
	target_operate_end(operation);
	return status;
}

static int verb_power(struct context *context, int argc, char **argv)
{
	struct device_hold hold = { .holding.command = power_options.command,
				    .device = argv[0],
				    .lease = &power_options.lease,
				    .rights = MMIOD_MAY_POWER,
				    .sleeps = true };
	bool sleeps = argc > 1 && !strcmp(argv[1], "d3");

	if (power_options.command && !sleeps)
		return usage_error(context, "a command runs while the device sleeps: say d3");
	if (sleeps)
		return hold_device(context, &hold);
	if (argc == 1)
		return show_power(context, argv[0]);
	if (!strcmp(argv[1], "d0"))
		return wake(context, argv[0]);
	return usage_error(context, "\"%s\" is not a power state: write d0 (awake) or d3 (asleep)",
			   argv[1]);
}

const struct verb power_verb = {
	.name = "power",
	.arguments = "DEVICE [d0|d3 [-- COMMAND ARG…]]",
	.summary = "whether a device sleeps; put it to sleep",
	.group = GROUP_DEVICES,
	.endless = true,
	.options = power_rows,
	.values = &power_options,
	.command = &power_options.command,
	.least = 1,
	.most = 2,
	.run = verb_power,
	.examples = { { "power nvme0", "d0: awake, d3: asleep" },
		      { "power nvme0 d3", "asleep until interrupted" },
		      { "power nvme0 d3 -- sleep 60", "and for a minute" },
		      { "power nvme0 d0", "awake" } },
	.more = "DEVICE is the name of a [device NAME] of the configuration; a grant must say\n"
		"\"power = yes\". A device sleeps only as long as somebody has it sleep: mmioctl\n"
		"operates it meanwhile, and when it ends, the device is woken. All of it is\n"
		"suspended while it sleeps.\n",
};

/* ---- operate ---- */

static struct operate_options {
	struct lease_options lease;
	unsigned int config;
	bool config_is;
	bool master;
	bool reset;
	bool force;
	bool power;
	uint64_t dma; /* bytes; 0: none */
	char **command;
} options;

static int config_option(const struct context *context, void *field, const char *name,
			 const char *argument)
{
	unsigned int rights = config_rights(argument);

	if (rights == ~0u)
		return usage_error(context, "--config \"%s\": write none, read, standard or vendor",
				   argument);
	*(unsigned int *)field = rights;
	options.config_is = true;
	return 0;
}

static int dma_option(const struct context *context, void *field, const char *name,
		      const char *argument)
{
	uint64_t *bytes = field;

	if (!common_size(argument, bytes) && *bytes)
		return 0;
	return usage_error(
		context,
		"--dma \"%s\": write how many bytes, from 1, decimal or 0x…, with K, M, G "
		"or T",
		argument);
}

static const struct verb_option operate_rows[] = {
	{ "config", 0, "HOW", "the configuration space: none, read, standard, vendor",
	  CALL(struct operate_options, config, config_option) },
	{ "bus-master", 0, NULL, "let it master the bus", FLAG(struct operate_options, master) },
	{ "reset", 0, NULL, "reset it", FLAG(struct operate_options, reset) },
	{ "force", 0, NULL, "reset it even while others use it",
	  FLAG(struct operate_options, force) },
	{ "power", 0, NULL, "put it to sleep, and wake it", FLAG(struct operate_options, power) },
	{ "dma", 0, "SIZE", "with so much memory that it reaches by DMA",
	  CALL(struct operate_options, dma, dma_option) },
	WAIT_OPTION(struct operate_options, lease),
	{ 0 },
};

static unsigned int asked_rights(void)
{
	return (options.config_is ? options.config : 0) | (options.master ? MMIOD_MAY_MASTER : 0) |
	       (options.reset || options.force ? MMIOD_MAY_RESET : 0) |
	       (options.force ? MMIOD_MAY_RESET_OTHERS : 0) | (options.power ? MMIOD_MAY_POWER : 0);
}

/* All that grants give, but what only few devices can have, what hits others, and memory. */
static int usual_rights(struct context *context, const char *name, unsigned int *rights)
{
	struct mmiod_device_list *list;
	int err = mmiod_client_list_devices(context->client, &list);

	if (err)
		return report_client(context, err);
	for (size_t i = 0; i < mmiod_device_list_count(list); i++) {
		const struct mmiod_device *device = mmiod_device_list_get(list, i);

		if (!strcmp(mmiod_device_name(device), name))
			*rights = mmiod_device_rights(device);
	}
	mmiod_device_list_free(list);
	*rights &= ~(unsigned int)(MMIOD_MAY_INTERRUPT | MMIOD_MAY_VENDOR_CONFIG |
				   MMIOD_MAY_RESET_OTHERS | MMIOD_MAY_DMA | MMIOD_MAY_DMA_TRUSTED);
	if (!*rights)
		*rights = MMIOD_MAY_READ_CONFIG;
	return 0;
}

static int verb_operate(struct context *context, int argc, char **argv)
{
	struct device_hold hold = { .holding.command = options.command,
				    .device = argv[0],
				    .lease = &options.lease,
				    .rights = asked_rights(),
				    .dma = options.dma };
	int status = 0;

	if (!hold.rights && options.config_is && !hold.dma)
		return usage_error(context, "--config none and nothing else: of what is it to be?");
	if (!hold.rights)
		status = lease_open(context, &options.lease);
	if (!status && !hold.rights)
		status = usual_rights(context, argv[0], &hold.rights);
	hold.rights |= hold.dma ? MMIOD_MAY_DMA : 0;
	return status ? status : hold_device(context, &hold);
}

const struct verb operate_verb = {
	.name = "operate",
	.arguments = "DEVICE [-- COMMAND ARG…]",
	.summary = "operate a device while the command runs",
	.group = GROUP_DEVICES,
	.endless = true,
	.options = operate_rows,
	.values = &options,
	.command = &options.command,
	.least = 1,
	.most = 1,
	.run = verb_operate,
	.examples = { { "operate nvme0 -- CMD", "its device file at descriptor 3" },
		      { "operate nvme0 --config read -- CMD", "in nobody's way" },
		      { "operate nvme0 --bus-master --reset", "until interrupted" },
		      { "operate nvme0 --dma 16M -- CMD", "and memory for it, at 4" } },
	.more = "DEVICE is the name of a [device NAME] of the configuration. Without options the\n"
		"command gets what grants give, but for what belongs to vendors and resets that\n"
		"hit others. A device has one operator; who only reads its configuration space\n"
		"is in nobody's way. The command finds the device file at the lowest descriptor\n"
		"from 3 on that is free; MMIOD_DEVICES says which and where, as MMIOD_FDS,\n"
		"MMIOD_TARGETS and MMIOD_LEASES do if it is 3. Within it, the verbs config,\n"
		"reset and power go by that file if it may do what they do. Memory of --dma is\n"
		"a window behind it, named dma, which tells where the device finds it.\n",
};
