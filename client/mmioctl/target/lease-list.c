/* SPDX-License-Identifier: MIT */
/*
 * The leases that the caller may see, for the verbs that show them.
 */
#include "target/target.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

static int each_of(const struct mmiod_lease_list *list, uint64_t *last,
		   int (*each)(void *data, const struct mmiod_lease_info *info), void *data)
{
	int status = STATUS_OK;

	for (size_t i = 0; !status && i < mmiod_lease_list_count(list); i++) {
		const struct mmiod_lease_info *info = mmiod_lease_list_get(list, i);

		*last = mmiod_lease_info_id(info);
		status = each(data, info);
	}
	return status;
}

int each_lease(const struct context *context,
	       int (*each)(void *data, const struct mmiod_lease_info *info), void *data)
{
	int status = STATUS_OK;
	uint64_t last = 0;
	size_t count = 1;

	while (!status && count) {
		struct mmiod_lease_list *list;
		int err = mmiod_client_list_leases_after(context->client, last, &list);

		if (err)
			return report_client(context, err);
		count = mmiod_lease_list_count(list);
		status = each_of(list, &last, each, data);
		mmiod_lease_list_free(list);
	}
	return status;
}

int list_extents(const struct context *context, const struct mmiod_lease_info *info,
		 struct mmiod_lease_extent **extents)
{
	uint32_t count = mmiod_lease_info_extents(info);
	int n;

	*extents = calloc(count, sizeof(**extents));
	if (!*extents)
		return -ENOMEM;
	n = mmiod_client_lease_extents(context->client, mmiod_lease_info_id(info), *extents, count);
	return n > 0 && (uint32_t)n > count ? (int)count : n;
}

/* The columns of a lease's holder. */
void holder_cells(const struct mmiod_lease_info *info, struct cell *user, struct cell *uid,
		  struct cell *pid, struct cell *command, struct cell *age)
{
	uint64_t now = (uint64_t)time(NULL), started = mmiod_lease_info_started(info);
	char name[64];

	user_name(mmiod_lease_info_uid(info), name, sizeof(name));
	cell_text(user, name);
	cell_number(uid, mmiod_lease_info_uid(info));
	cell_optional(pid, mmiod_lease_info_pid(info));
	cell_text(command, mmiod_lease_info_comm(info));
	cell_number(age, now > started ? now - started : 0);
}
