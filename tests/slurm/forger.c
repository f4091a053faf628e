/* SPDX-License-Identifier: MIT */
/*
 * A plugin by the name of ours, for the configuration of somebody who submits jobs with options that
 * ours would have refused. The nodes have ours.
 */
#include <slurm/spank.h>

SPANK_PLUGIN(mmiod, 1)

static int accept_any(int value, const char *argument, int remote)
{
	return 0;
}

static struct spank_option option = {
	.name = "mmio",
	.arginfo = "ANYTHING",
	.usage = "what nobody reads",
	.has_arg = 2,
	.cb = accept_any,
};

int slurm_spank_init(spank_t spank, int argc, char **argv)
{
	return spank_option_register(spank, &option) == ESPANK_SUCCESS ? 0 : -1;
}
