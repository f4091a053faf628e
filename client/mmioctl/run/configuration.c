/* SPDX-License-Identifier: MIT */
/*
 * A file that is opened to be read is a lease of its own, which lasts as long as the program has it:
 * any number of them may be. One that is opened to be written operates the device, with all that
 * grants give but what hits others: drivers switch bus mastering on by writing there. A device has one
 * operator, so all such openings share one file.
 */
#include "run/configuration.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define OPERATES                                                                               \
	(MMIOD_MAY_READ_CONFIG | MMIOD_MAY_WRITE_CONFIG | MMIOD_MAY_MASTER | MMIOD_MAY_RESET | \
	 MMIOD_MAY_POWER)

struct found {
	char name[32];
	unsigned int rights; /* that grants give; 0: there is none such */
};

static int find_device(struct mmiod_client *client, const char *address, struct found *found)
{
	struct mmiod_device_list *list;
	int err = mmiod_client_list_devices(client, &list);

	*found = (struct found){ .rights = 0 };
	if (err)
		return err;
	for (size_t i = 0; i < mmiod_device_list_count(list); i++) {
		const struct mmiod_device *device = mmiod_device_list_get(list, i);

		if (strcmp(mmiod_device_address(device), address))
			continue;
		snprintf(found->name, sizeof(found->name), "%s", mmiod_device_name(device));
		found->rights = mmiod_device_rights(device);
	}
	mmiod_device_list_free(list);
	return 0;
}

static int copy_file(const struct mmiod_operation *operation)
{
	int fd = fcntl(mmiod_operation_fd(operation), F_DUPFD_CLOEXEC, 3);

	return fd < 0 ? -errno : fd;
}

static int open_to_read(const struct context *context, const char *name, int *fd)
{
	struct mmiod_operation *operation;
	int err = mmiod_client_operate(context->client, name, MMIOD_MAY_READ_CONFIG, 0, &operation);

	if (err)
		return err;
	*fd = copy_file(operation);
	mmiod_operation_free(operation);
	return *fd < 0 ? *fd : 0;
}

/* Grants do not add up, and a module may not know all: then with what a driver needs at least. */
static int operate(struct mmiod_client *client, const struct found *found,
		   struct mmiod_operation **operation)
{
	const unsigned int least = MMIOD_MAY_READ_CONFIG | MMIOD_MAY_WRITE_CONFIG;
	int err = mmiod_client_operate(client, found->name, (found->rights & OPERATES) | least, 0,
				       operation);

	if (err == -EACCES || err == -EOPNOTSUPP)
		err = mmiod_client_operate(client, found->name, least, 0, operation);
	return err;
}

static int open_to_write(const struct context *context, struct operated **all, const char *address,
			 const struct found *found, int *fd)
{
	struct operated *operated = *all;
	int err;

	while (operated && strcmp(operated->device, address))
		operated = operated->next;
	if (!operated) {
		operated = calloc(1, sizeof(*operated));
		if (!operated)
			return -ENOMEM;
		snprintf(operated->device, sizeof(operated->device), "%s", address);
		err = operate(context->client, found, &operated->operation);
		if (err) {
			free(operated);
			return err;
		}
		operated->next = *all;
		*all = operated;
	}
	*fd = copy_file(operated->operation);
	return *fd < 0 ? *fd : 0;
}

int configuration_file(const struct context *context, struct operated **operated,
		       const char *address, unsigned int rights, int *fd)
{
	struct found found;
	int err = find_device(context->client, address, &found);

	*fd = -1;
	if (err == -EOPNOTSUPP || (!err && !(found.rights & MMIOD_MAY_READ_CONFIG)))
		return 1;
	if (err)
		return err;
	return rights & MMIOD_RIGHT_WRITE ? open_to_write(context, operated, address, &found, fd)
					  : open_to_read(context, found.name, fd);
}

void configurations_drop(struct operated *operated)
{
	while (operated) {
		struct operated *next = operated->next;

		if (mmiod_operation_release(operated->operation))
			mmiod_operation_free(operated->operation);
		free(operated);
		operated = next;
	}
}
