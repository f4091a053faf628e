/* SPDX-License-Identifier: MIT */
/*
 * mmioctl complete: what shells ask while somebody types. One word a line; quick, and silent
 * whatever happens: nobody wants to read an error in the middle of a command line.
 */
#include "regmap/regmap.h"
#include "verb.h"

#include <string.h>
#include <unistd.h>
#include <common/size.h>

#define PATIENCE_S 1 /* SIGALRM ends us */

static struct complete_options {
	const char *map_file;
} options;

static const struct verb_option option_rows[] = {
	MAP_FILE_OPTION(struct complete_options, map_file),
	{ 0 },
};

static void print_verbs(const struct context *context)
{
	for (const struct verb *const *verb = context->verbs; *verb; verb++)
		if ((*verb)->group != GROUP_HIDDEN)
			puts((*verb)->name);
}

static const struct verb *verb_named(const struct context *context, const char *name)
{
	for (const struct verb *const *verb = context->verbs; name && *verb; verb++)
		if (!strcmp((*verb)->name, name))
			return *verb;
	return NULL;
}

static void print_column_names(const struct verb *verb)
{
	for (size_t i = 0; verb && verb->columns && i < *verb->column_count; i++)
		puts(verb->columns[i].name);
}

/* ---- what the daemon knows ---- */

static bool is_connected(struct context *context)
{
	return !mmiod_client_connect(context->socket, &context->client);
}

static void print_regions(struct context *context)
{
	struct mmiod_region_list *list;

	if (!is_connected(context) || mmiod_client_list_regions(context->client, &list))
		return;
	for (size_t i = 0; i < mmiod_region_list_count(list); i++)
		puts(mmiod_region_name(mmiod_region_list_get(list, i)));
	mmiod_region_list_free(list);
}

/* What [device NAME] of the configuration names. */
static void print_devices(struct context *context)
{
	struct mmiod_device_list *list;

	if (!is_connected(context) || mmiod_client_list_devices(context->client, &list))
		return;
	for (size_t i = 0; i < mmiod_device_list_count(list); i++)
		puts(mmiod_device_name(mmiod_device_list_get(list, i)));
	mmiod_device_list_free(list);
}

static void print_pools(struct context *context)
{
	struct mmiod_pool_list *list;

	if (!is_connected(context) || mmiod_client_list_pools(context->client, &list))
		return;
	for (size_t i = 0; i < mmiod_pool_list_count(list); i++)
		puts(mmiod_pool_name(mmiod_pool_list_get(list, i)));
	mmiod_pool_list_free(list);
}

/* Those from @first to @last, or to the end of the list if that comes first. False: it came. */
static bool print_leases_between(struct context *context, uint64_t first, uint64_t last)
{
	uint64_t id = first ? first - 1 : 0;
	bool more = true;

	while (more && id < last) {
		struct mmiod_lease_list *list;
		size_t count;

		if (mmiod_client_list_leases_after(context->client, id, &list))
			return false;
		count = mmiod_lease_list_count(list);
		for (size_t i = 0; i < count && id < last; i++) {
			id = mmiod_lease_info_id(mmiod_lease_list_get(list, i));
			if (id <= last)
				printf("%llu\n", (unsigned long long)id);
		}
		more = count;
		mmiod_lease_list_free(list);
	}
	return more;
}

/*
 * Those whose ids begin with these digits. They come in the order of their ids, so that only those
 * need be asked for: of one digit more, of two, and so on.
 */
static void print_leases(struct context *context, const char *digits)
{
	uint64_t first = 0, last = UINT64_MAX;

	if (digits && digits[0]) {
		if (digits[0] == '0' || digits[strspn(digits, "0123456789")] ||
		    common_number(digits, &first))
			return;
		last = first;
	}
	if (!is_connected(context))
		return;
	while (print_leases_between(context, first, last) && first && last <= UINT64_MAX / 10 - 1) {
		first *= 10;
		last = last * 10 + 9;
	}
}

static void print_grants(struct context *context)
{
	struct mmiod_grant_list *list;

	if (!is_connected(context) || mmiod_client_list_grants(context->client, &list))
		return;
	for (size_t i = 0; i < mmiod_grant_list_count(list); i++)
		puts(mmiod_grant_info_name(mmiod_grant_list_get(list, i)));
	mmiod_grant_list_free(list);
}

/* NAME, and NAME.FIELD. */
static void print_registers(struct context *context, const char *text)
{
	struct mmiod_target target;
	struct regmap *map;

	if (!text || mmiod_target_parse(text, &target, NULL, 0) || !is_connected(context) ||
	    regmap_find(context, options.map_file, NULL, &target, &map))
		return;
	for (size_t i = 0; i < map->count; i++) {
		const struct map_register *reg = &map->registers[i];

		puts(reg->name);
		for (size_t j = 0; j < reg->field_count; j++)
			printf("%s.%s\n", reg->name, reg->fields[j].name);
	}
	regmap_free(map);
}

static void print_fields(struct context *context, const char *text)
{
	const struct map_register *reg;
	struct mmiod_target target;
	struct regmap *map;

	if (!text || mmiod_target_parse(text, &target, NULL, 0) || !is_connected(context) ||
	    regmap_find(context, options.map_file, NULL, &target, &map))
		return;
	reg = regmap_at(map, target.offset);
	for (size_t i = 0; reg && i < reg->field_count; i++)
		puts(reg->fields[i].name);
	regmap_free(map);
}

static int verb_complete(struct context *context, int argc, char **argv)
{
	const char *what = argv[0], *of = argc > 1 ? argv[1] : NULL;

	alarm(PATIENCE_S);
	if (!freopen("/dev/null", "w", stderr))
		return STATUS_FAILED;
	if (!strcmp(what, "verbs"))
		print_verbs(context);
	else if (!strcmp(what, "options"))
		print_option_names(verb_named(context, of), false);
	else if (!strcmp(what, "arguments"))
		print_option_names(verb_named(context, of), true);
	else if (!strcmp(what, "columns"))
		print_column_names(verb_named(context, of));
	else if (!strcmp(what, "regions"))
		print_regions(context);
	else if (!strcmp(what, "devices"))
		print_devices(context);
	else if (!strcmp(what, "pools"))
		print_pools(context);
	else if (!strcmp(what, "leases"))
		print_leases(context, of);
	else if (!strcmp(what, "grants"))
		print_grants(context);
	else if (!strcmp(what, "registers"))
		print_registers(context, of);
	else if (!strcmp(what, "fields"))
		print_fields(context, of);
	else
		return STATUS_USAGE;
	return STATUS_OK;
}

const struct verb complete_verb = {
	.name = "complete",
	.arguments = "verbs|options|arguments|columns|regions|devices|pools|leases|grants|"
		     "registers|fields [OF]",
	.summary = "what the shells' completion asks",
	.group = GROUP_HIDDEN,
	.options = option_rows,
	.values = &options,
	.least = 1,
	.most = 2,
	.run = verb_complete,
};
