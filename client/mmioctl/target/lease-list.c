/* SPDX-License-Identifier: MIT */
/*
 * The leases that the caller may see, for the verbs that show them.
 */
#include "target/target.h"

#include <time.h>

int with_leases(struct context *context,
		int (*print)(struct context *context, const struct mmiod_lease_list *list))
{
	struct mmiod_lease_list *list;
	int status, err;

	status = client_open(context);
	if (status)
		return status;
	err = mmiod_client_list_leases(context->client, &list);
	if (err)
		return report_client(context, err);
	status = print(context, list);
	mmiod_lease_list_free(list);
	return status;
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
