/* SPDX-License-Identifier: MIT */
/*
 * mmioctl regmap: register maps as files: from another format to ours, to constants of C, and what is
 * wrong with one. Needs no daemon.
 */
#include "regmap/regmap.h"
#include "verb.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct maps_options {
	struct map_choice choice;
	const char *prefix;
	bool force;
} options;

static const struct verb_option option_rows[] = {
	MAP_CHOICE_OPTIONS(struct maps_options, choice),
	{ "prefix", 0, "NAME", "header: of all constants (default: the map's title)",
	  TEXT(struct maps_options, prefix) },
	{ "force", 0, NULL, "write over OUT, if it is there", FLAG(struct maps_options, force) },
	{ 0 },
};

static int load(struct context *context, const char *file, struct regmap **map)
{
	char error[MAP_ERROR_MAX];
	int err = regmap_load(file, &options.choice, NULL, map, error, sizeof(error));

	return err ? report(context, err, "%s", error) : 0;
}

/* ---- convert ---- */

static int write_failed(const struct context *context, const char *path)
{
	int err = errno ? errno : EIO;

	if (err == EEXIST)
		return report(context, -err, "%s is there already: --force writes over it", path);
	return report(context, -err, "%s: %s", path, strerror(err));
}

static int write_file(const struct context *context, const char *path, const struct regmap *map)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | (options.force ? O_TRUNC : O_EXCL),
		      0644);
	FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;

	if (!out) {
		int status = write_failed(context, path);

		if (fd >= 0)
			close(fd);
		return status;
	}
	regmap_write_ini(map, out);
	errno = 0;
	if (ferror(out) | fclose(out))
		return write_failed(context, path);
	return STATUS_OK;
}

static int convert(struct context *context, const char *in, const char *out)
{
	struct regmap *map;
	int status = load(context, in, &map);

	if (status)
		return status;
	if (out && strcmp(out, "-"))
		status = write_file(context, out, map);
	else
		regmap_write_ini(map, stdout);
	regmap_free(map);
	return status;
}

/* ---- header ---- */

/* What stands in a file's name is no name of C. */
static void default_prefix(const struct regmap *map, char *out, size_t size)
{
	const char *slash = strrchr(map->file, '/');
	const char *text = map->title[0] ? map->title : slash ? slash + 1 : map->file;
	size_t used = 0;

	if (*text >= '0' && *text <= '9')
		out[used++] = '_';
	for (; *text && used < size - 1 && !(*text == '.' && !map->title[0]); text++) {
		bool fits = (*text >= '0' && *text <= '9') || (*text >= 'A' && *text <= 'Z') ||
			    (*text >= 'a' && *text <= 'z');

		if (fits || (used && out[used - 1] != '_'))
			out[used++] = fits ? *text : '_';
	}
	out[used] = '\0';
}

static int check_prefix(const struct context *context, const char *prefix)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";

	if (*prefix && strspn(prefix, letters) == strlen(prefix) && strlen(prefix) < 64 &&
	    !(*prefix >= '0' && *prefix <= '9'))
		return 0;
	return usage_error(context,
			   "--prefix \"%s\": it is a name of C: at most 63 letters, digits and _",
			   prefix);
}

/* All or nothing: what is half a header would compile. */
static int header(struct context *context, const char *in)
{
	char error[MAP_ERROR_MAX], prefix[64] = "", *text = NULL;
	size_t length = 0;
	struct regmap *map;
	FILE *out;
	int status = options.prefix ? check_prefix(context, options.prefix) : 0, err;

	if (!status)
		status = load(context, in, &map);
	if (status)
		return status;
	default_prefix(map, prefix, sizeof(prefix));
	out = open_memstream(&text, &length);
	err = out ? regmap_write_header(map, options.prefix ? options.prefix : prefix, out, error,
					sizeof(error))
		  : -ENOMEM;
	if (out && fclose(out) && !err)
		err = -ENOMEM;
	if (err == -ENOMEM)
		status = out_of_memory(context);
	else if (err)
		status = report(context, err, "%s", error);
	else
		fwrite(text, 1, length, stdout);
	free(text);
	regmap_free(map);
	return status;
}

/* ---- check ---- */

#define FINDINGS_MAX 1000 /* that are told one by one */

struct findings {
	const struct context *context;
	const char *file;
	size_t count;
	json_t *list; /* NULL: they are printed */
};

static void tell(void *data, unsigned int line, const char *sentence)
{
	struct findings *findings = data;

	if (++findings->count > FINDINGS_MAX)
		return;
	if (findings->list)
		json_array_append_new(findings->list, json_pack("{s:i, s:o}", "line", (int)line,
								"says", json_text(sentence)));
	else
		printf("%s:%u: %s\n", findings->file, line, sentence);
}

static int print_findings(struct findings *findings, size_t registers)
{
	if (findings->list)
		return json_output(json_pack(
			"{s:i, s:o, s:o, s:o, s:O}", "schema", JSON_SCHEMA, "file",
			json_text(findings->file), "registers", json_number(registers), "count",
			json_number(findings->count), "findings", findings->list));
	if (findings->count > FINDINGS_MAX)
		printf("%s: and %zu more\n", findings->file, findings->count - FINDINGS_MAX);
	if (!findings->count)
		printf("%s: %zu registers, nothing wrong\n", findings->file, registers);
	return STATUS_OK;
}

/* All peripherals, unless one is named. */
static int check(struct context *context, const char *file)
{
	struct findings findings = { .context = context, .file = file };
	const struct map_hearing hearing = { .tell = tell, .data = &findings };
	struct map_choice choice = options.choice;
	char error[MAP_ERROR_MAX];
	struct regmap *map;
	int err, status;

	choice.all = true;
	findings.list = context->json ? json_array() : NULL;
	err = regmap_load(file, &choice, &hearing, &map, error, sizeof(error));
	if (err) {
		if (!context->json)
			output_flush();
		json_decref(findings.list);
		return report(context, err, "%s", error);
	}
	regmap_tell_overlaps(map, &hearing);
	status = print_findings(&findings, map->count);
	json_decref(findings.list);
	regmap_free(map);
	return status ? status : findings.count ? STATUS_MISMATCH : STATUS_OK;
}

/* ---- the verb ---- */

static int verb_regmap(struct context *context, int argc, char **argv)
{
	bool converts = !strcmp(argv[0], "convert"), heads = !strcmp(argv[0], "header");

	if (!converts && !heads && strcmp(argv[0], "check"))
		return usage_error(context, "\"%s\": it is convert, check or header", argv[0]);
	if (argc > 2 && !converts)
		return usage_error(context, "%s takes one file", argv[0]);
	if ((options.prefix && !heads) || (options.force && (!converts || argc < 3)))
		return usage_error(context, options.prefix && !heads
						    ? "--prefix goes with header"
						    : "--force goes with convert IN OUT");
	if (context->json && (converts || heads))
		return usage_error(context, "%s prints no JSON: --json goes with check", argv[0]);
	if (converts)
		return convert(context, argv[1], argc > 2 ? argv[2] : NULL);
	return heads ? header(context, argv[1]) : check(context, argv[1]);
}

const struct verb regmap_verb = {
	.name = "regmap",
	.arguments = "convert IN [OUT] | check FILE | header FILE",
	.summary = "register maps: convert, check, as a C header",
	.group = GROUP_ACCESS,
	.options = option_rows,
	.values = &options,
	.least = 2,
	.most = 3,
	.run = verb_regmap,
	.examples = {
		{ "regmap convert soc.svd --peripheral UART0",
		  "as a map of mmiod's own, to standard output" },
		{ "regmap convert csr.csv fpga.ini", "LiteX's registers" },
		{ "regmap check soc.svd", "what overlaps, clashes or does not fit" },
		{ "regmap header fpga.ini --prefix FPGA", "for a driver in C" },
	},
	.more = "Formats: CMSIS-SVD, IP-XACT (1685-2009 and 2014), LiteX's csr.csv and csr.json,\n"
		"and mmiod's own (mmioctl regs --help). They are told apart by their content. Of\n"
		"a file with several peripherals, --peripheral names one; --base ADDRESS alone\n"
		"takes them all, as PERIPHERAL_REGISTER. check looks at all, and ends with 9 if\n"
		"it finds something. Nothing needs the daemon.\n",
};
