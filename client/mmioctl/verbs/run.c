/* SPDX-License-Identifier: MIT */
/*
 * mmioctl run: a program that opens device files by their own names gets windows instead.
 */
#include "run/run.h"
#include "verb.h"

static struct run_options options;

static const struct verb_option option_rows[] = {
	{ "window", 'w', "TARGET", "lease it at once; /dev/mem has only such",
	  CALL(struct run_options, windows, plan_add_word) },
	{ "map", 0, "PATH=TARGET", "the file PATH is the target",
	  CALL(struct run_options, maps, plan_add_word) },
	{ "uio", 0, "N=TARGET,…", "/dev/uioN has these maps; DEVICE/irqN: its interrupt",
	  CALL(struct run_options, uios, plan_add_word) },
	READ_ONLY_OPTION(struct run_options, read_only),
	{ "downgrade", 0, NULL, "with --read-only: what maps for writing may read",
	  FLAG(struct run_options, downgrade) },
	SHARE_OPTIONS(struct run_options, lease),
	GRANT_OPTION(struct run_options, lease),
	WAIT_OPTION(struct run_options, lease),
	{ "keep", 0, NULL, "give nothing back before the end", FLAG(struct run_options, keep) },
	{ "root", 0, NULL, "the program takes itself for root", FLAG(struct run_options, root) },
	{ "as-root", 0, NULL, "run it although root needs no windows",
	  FLAG(struct run_options, as_root) },
	{ 0 },
};

static int verb_run(struct context *context, int argc, char **argv)
{
	if (argc > 0)
		options.command = argv;
	return run_command(context, &options);
}

const struct verb run_verb = {
	.name = "run",
	.arguments = "[--] COMMAND ARG…",
	.summary = "a program that opens device files gets windows",
	.group = GROUP_HOLD,
	.options = option_rows,
	.values = &options,
	.command = &options.command,
	.runs_arguments = true,
	.endless = true,
	.most = ARGUMENTS_ANY,
	.run = verb_run,
	.examples = { { "run -- pcimem /sys/bus/pci/devices/0000:01:00.0/resource0 0 w",
			"its BAR, leased when it is opened" },
		      { "run -w fpga-ctrl -- devmem2 0xfe000000",
			"/dev/mem with one region in it" },
		      { "run --map /dev/fpga0=fpga-ctrl -- ./tool", "a name that a tool expects" },
		      { "run --uio 0=fpga-ctrl,fpga-ram,fpga/irq0 -- ./driver",
			"a UIO node with two maps and an interrupt" } },
	.more = "-w, --map and --uio may be given several times.\n"
		"A file that is none of these is opened by the kernel as ever. A region is given\n"
		"back when no program has it open or mapped any more. Refusals are told on\n"
		"standard error. The exit status is the command's; 125: it was not started,\n"
		"126 and 127: it could not be run, or found. Programs inside lose what\n"
		"set-user-id bits give: sudo does not work.\n",
};
