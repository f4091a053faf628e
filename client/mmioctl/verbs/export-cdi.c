/* SPDX-License-Identifier: MIT */
/*
 * mmioctl export cdi: what a container's runtime mounts for a tenant, as the Container Device
 * Interface has it: one device for each region that the tenant may have, all by the directory of its
 * socket. The directory and not the socket, which is another file when the daemon starts anew.
 *
 * Version 0.5.0: runtimes of today refuse what later ones added.
 */
#include "verb.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define TENANTS "/run/mmiod/tenants"
#define SOCKET "mmiod.sock"
#define INSIDE "/run/mmiod" /* where programs in the container look for it */

/* ---- the tenant ---- */

struct place {
	char directory[PATH_MAX]; /* of the socket, on the host */
	char socket[PATH_MAX + sizeof("/" SOCKET)];
};

/* The last two components of a directory's path are "tenants" and the tenant. */
static bool is_tenants(const char *directory)
{
	const char *name = strrchr(directory, '/');
	const size_t length = strlen("/tenants");

	return name && name[1] && (size_t)(name - directory) >= length &&
	       !strncmp(name - length, "/tenants", length);
}

/* NAME, its directory, or the socket in it. */
static int find_place(const struct context *context, struct place *place)
{
	const char *text = context->socket, *slash = strrchr(text, '/');
	char given[PATH_MAX];

	if (!slash)
		snprintf(given, sizeof(given), TENANTS "/%s", text);
	else if (!strcmp(slash, "/" SOCKET))
		snprintf(given, sizeof(given), "%.*s", (int)(slash - text), text);
	else
		snprintf(given, sizeof(given), "%s", text);
	if (!realpath(given, place->directory))
		return report(context, -errno, "%s: %s: the configuration needs a [socket NAME]",
			      given, strerror(errno));
	if (!is_tenants(place->directory))
		return usage_error(context,
				   "%s is not a tenant's: a container gets the directory of a "
				   "[socket NAME], never that of the main socket, where its root "
				   "would administer this machine",
				   place->directory);
	snprintf(place->socket, sizeof(place->socket), "%s/" SOCKET, place->directory);
	return 0;
}

/* ---- the document ---- */

/* What begins and ends with a letter or a digit: so much the interface asks of names. */
static bool is_cdi_name(const char *name)
{
	size_t length = strlen(name);

	return length && isalnum((unsigned char)name[0]) &&
	       isalnum((unsigned char)name[length - 1]) &&
	       strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-") ==
		       length;
}

static json_t *device_of(const char *region)
{
	char variable[128];
	int length = snprintf(variable, sizeof(variable), "MMIOD_REGION_%s", region);

	for (char *letter = variable; *letter; letter++)
		*letter = isalnum((unsigned char)*letter) ? (char)toupper((unsigned char)*letter)
							  : '_';
	snprintf(variable + length, sizeof(variable) - (size_t)length, "=%s", region);
	return json_pack("{s:s, s:{s:[s]}}", "name", region, "containerEdits", "env", variable);
}

static json_t *devices_of(const struct context *context, const struct mmiod_region_list *list)
{
	json_t *devices = json_array();

	for (size_t i = 0; i < mmiod_region_list_count(list); i++) {
		const char *region = mmiod_region_name(mmiod_region_list_get(list, i));

		if (is_cdi_name(region))
			json_array_append_new(devices, device_of(region));
		else
			note(context,
			     "region %s is left out: a device's name begins and ends with a "
			     "letter or digit",
			     region);
	}
	return devices;
}

static json_t *document(const char *class, const char *directory, json_t *devices)
{
	char kind[128];

	snprintf(kind, sizeof(kind), "mmiod.io/%s", class);
	return json_pack("{s:s, s:s, s:{s:[{s:s, s:s, s:[s, s, s, s, s]}]}, s:o}", "cdiVersion",
			 "0.5.0", "kind", kind, "containerEdits", "mounts", "hostPath", directory,
			 "containerPath", INSIDE, "options", "ro", "rbind", "nosuid", "nodev",
			 "noexec", "devices", devices);
}

static int make(struct context *context, const char *class, const struct place *place, char **text)
{
	struct mmiod_region_list *list;
	int status = client_open(context), err;
	json_t *devices, *root;

	if (status)
		return status;
	err = mmiod_client_list_regions(context->client, &list);
	if (err)
		return report_client(context, err);
	devices = devices_of(context, list);
	mmiod_region_list_free(list);
	if (!json_array_size(devices)) {
		json_decref(devices);
		return report_not_found(context,
					"%s: the grants of this tenant give no region, so there "
					"is no device",
					place->directory);
	}
	root = document(class, place->directory, devices);
	*text = root ? json_dumps(root, JSON_INDENT(2)) : NULL;
	json_decref(root);
	return *text ? 0 : out_of_memory(context);
}

/* *@text is the caller's, if the status is 0. @class NULL: the usual one. */
int export_cdi(struct context *context, const char *class, char **text)
{
	static struct place place; /* the context's socket is in it */
	int status;

	if (!context->socket)
		return usage_error(context,
				   "of which tenant? write --socket NAME, that of its [socket "
				   "NAME] section: a container never gets the main socket");
	class = class ? class : "region";
	if (!is_cdi_name(class) || strlen(class) > 63)
		return usage_error(context,
				   "--class %s: use at most 63 letters, digits, _ . and -, with a "
				   "letter or digit at both ends",
				   class);
	status = find_place(context, &place);
	if (status)
		return status;
	context->socket = place.socket;
	return make(context, class, &place, text);
}
