/* SPDX-License-Identifier: MIT */
/*
 * mmioctl revoke and free: an administrator takes leases from their holders; holders give theirs back.
 */
#include "mmioctl.h"

#include <errno.h>

int parse_lease(const struct context *context, const char *text, uint64_t *lease)
{
	if (parse_number(text, lease) || !*lease)
		return usage_error(context,
				   "\"%s\" is not the number of a lease: see mmioctl leases", text);
	return 0;
}

/* All are tried; the exit status is that of the first that failed. */
static int end_leases(struct context *context, int argc, char **argv, bool revoke)
{
	int status = 0, result = 0;
	uint64_t lease;

	for (int i = 0; !status && i < argc; i++)
		status = parse_lease(context, argv[i], &lease);
	if (!status)
		status = client_open(context);
	if (status)
		return status;
	for (int i = 0; i < argc; i++) {
		int err;

		parse_lease(context, argv[i], &lease);
		err = revoke ? mmiod_client_revoke(context->client, lease, context->deadline_ms)
			     : mmiod_client_release(context->client, lease);
		if (!err)
			continue;
		status = report_client(context, err);
		if (!result)
			result = status;
	}
	return result;
}

int verb_revoke(struct context *context, int argc, char **argv)
{
	if (argc < 1)
		return usage_error(context, "usage: mmioctl revoke LEASE… [--deadline TIME]");
	return end_leases(context, argc, argv, true);
}

int verb_free(struct context *context, int argc, char **argv)
{
	if (argc < 1)
		return usage_error(context, "usage: mmioctl free LEASE…");
	return end_leases(context, argc, argv, false);
}
