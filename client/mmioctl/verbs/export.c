/* SPDX-License-Identifier: MIT */
/*
 * mmioctl export: for other programs, what the daemon counts, and what a container may have, which
 * is in export-cdi.c. "prometheus" is its text exposition format 0.0.4. Labels have few values:
 * regions, devices, vectors, kinds of memory, causes; never processes or users.
 */
#include "verb.h"
#include "verbs/export.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct export_options {
	const char *textfile;
	const char *listen;
	const char *class;
	const char *output;
} options;

static const struct verb_option option_rows[] = {
	{ "textfile", 0, "PATH", "prometheus: into this file, replaced as a whole",
	  TEXT(struct export_options, textfile) },
	{ "listen", 0, "WHERE", "serve it by HTTP: at [HOST:]PORT, or by the socket fd:N",
	  TEXT(struct export_options, listen) },
	{ "class", 0, "CLASS", "cdi: name the devices mmiod.io/CLASS=REGION (region)",
	  TEXT(struct export_options, class) },
	{ "output", 0, "PATH", "cdi: into this file, which is replaced as a whole",
	  TEXT(struct export_options, output) },
	{ 0 },
};

/* ---- families ---- */

static const char *const requests[] = {
	"unknown", "hello",   "status",	 "regions",   "lease",	   "release",	 "revoke",
	"leases",  "alloc",   "pools",	 "pool-map",  "buffer",	   "publish",	 "caches",
	"renew",   "explain", "peers",	 "translate", "page",	   "monitor",	 "counters",
	"cancel",  "log",     "devices", "operate",   "interrupt", "interrupts", "grant",
	"ungrant", "grants",  "extents", "park",
};
static const char *const limits[] = {
	"module",
	"connections-per-user",
	"connection-rate-per-user",
	"leases-per-user",
	"bytes-per-user",
	"unread-replies-per-user",
	"unread-descriptors-per-user",
	"caches-per-user",
	"grant",
	"waiting-per-user",
	"interrupts-per-user",
	"devices-per-user",
	"extents-per-user",
};
static const char *const causes[] = { "other",	 "administrator", "obeyed", "gone",   "connection",
				      "expired", "program",	  "reset",  "policy", "guest" };
static const char *const reloads[] = { "done", "failed" };
static const char *const resets[] = { "done", "failed" };
static const char *const states[] = { "ok", "suspended", "gone", "ending", "stale" };
static const char *const memories[] = { "region", "pages", "kmalloc", "vmalloc", "dma" };

#define WORDS(array) .words = (array), .word_count = sizeof(array) / sizeof((array)[0])

static const struct family {
	enum mmiod_counter_kind kind;
	const char *name;
	bool total;
	bool region; /* has a label for it */
	bool device; /* likewise: what the counter calls region is a device's name */
	const char *label; /* of the detail; NULL: it has none */
	const char *const *words;
	size_t word_count;
	bool micro; /* counted in microseconds, and told in seconds */
	const char *help;
} families[] = {
	{ MMIOD_COUNTER_STARTED, "start_time_seconds",
	  .help = "When the daemon was started, in seconds since 1970." },
	{ MMIOD_COUNTER_CLIENTS, "clients", .help = "Connections." },
	{ MMIOD_COUNTER_REGIONS, "regions", .label = "state", WORDS(states),
	  .help = "Regions by state; gone: their devices are not there, stale: claimed otherwise "
		  "than configured." },
	{ MMIOD_COUNTER_LEASES, "leases", .region = true, .label = "memory", WORDS(memories),
	  .help = "Leases that are not revoked." },
	{ MMIOD_COUNTER_BYTES, "leased_bytes", .region = true, .label = "memory", WORDS(memories),
	  .help = "Bytes of the leases that are not revoked." },
	{ MMIOD_COUNTER_ENDING, "ending_leases",
	  .help = "Leases that have ended, but of which nobody else may have the bytes yet." },
	{ MMIOD_COUNTER_NOTES, "waiting_notes",
	  .help = "Ends of leases whose writes wait until their device is claimed." },
	{ MMIOD_COUNTER_POOL_FREE, "pool_free_bytes", .region = true,
	  .help = "Free bytes of pools." },
	{ MMIOD_COUNTER_POOL_WIPING, "pool_wiping_bytes", .region = true,
	  .help = "Bytes of pools that were given back and wait to be wiped." },
	{ MMIOD_COUNTER_LIMIT, "user_limit", .label = "limit", WORDS(limits),
	  .help = "Limits of each user that are in force." },
	{ MMIOD_COUNTER_GRANTS, "grants_total", .total = true, .region = true, .label = "memory",
	  WORDS(memories), .help = "Leases that were granted." },
	{ MMIOD_COUNTER_DENIALS, "denials_total", .total = true, .region = true, .label = "memory",
	  WORDS(memories), .help = "Leases that policy denied." },
	{ MMIOD_COUNTER_CONFLICTS, "conflicts_total", .total = true, .region = true,
	  .label = "memory", WORDS(memories),
	  .help = "Leases that were refused because others held the bytes." },
	{ MMIOD_COUNTER_REVOCATIONS, "revocations_total", .total = true, .label = "cause",
	  WORDS(causes),
	  .help = "Leases that were revoked, or given back because they were to be." },
	{ MMIOD_COUNTER_QUOTA_REFUSALS, "quota_refusals_total", .total = true, .label = "limit",
	  WORDS(limits), .help = "What was refused because of a limit." },
	{ MMIOD_COUNTER_REQUESTS, "requests_total", .total = true, .label = "request",
	  WORDS(requests), .help = "Requests by kind." },
	{ MMIOD_COUNTER_ACCEPTED, "connections_accepted_total", .total = true,
	  .help = "Connections that were accepted." },
	{ MMIOD_COUNTER_UNKNOWN_PEERS, "unknown_peers_total", .total = true,
	  .help = "Connections that were refused because their peer was unknown." },
	{ MMIOD_COUNTER_SHORTAGES, "shortages_total", .total = true,
	  .help = "Connections that were refused for want of memory or descriptors." },
	{ MMIOD_COUNTER_PROTOCOL_ERRORS, "protocol_errors_total", .total = true,
	  .help = "Connections that ended by breaking the protocol." },
	{ MMIOD_COUNTER_HELLO_TIMEOUTS, "hello_timeouts_total", .total = true,
	  .help = "Connections that ended because they said nothing." },
	{ MMIOD_COUNTER_SLOW_READERS, "slow_readers_total", .total = true,
	  .help = "Connections that were dropped because they did not read their replies." },
	{ MMIOD_COUNTER_UNSAFE_ENDS, "unsafe_ends_total", .total = true,
	  .help = "Leases at whose end a register could not be written at first." },
	{ MMIOD_COUNTER_EVENTS_LOST, "events_lost_total", .total = true,
	  .help = "How often events of the module were lost, and its ledger read again." },
	{ MMIOD_COUNTER_LINES_HELD_BACK, "log_lines_held_back_total", .total = true,
	  .help = "Lines of the log that were held back because there were too many." },
	{ MMIOD_COUNTER_INTERRUPTS, "interrupts_total", .total = true, .device = true,
	  .label = "vector",
	  .help = "Interrupts of the vectors that are leased, since they were." },
	{ MMIOD_COUNTER_STORMS, "interrupt_storms_total", .total = true, .device = true,
	  .help = "Interrupts that came too often and were silenced." },
	{ MMIOD_COUNTER_RESETS, "device_resets_total", .total = true, .device = true,
	  .label = "result", WORDS(resets), .help = "Resets of devices, since they were bound." },
	{ MMIOD_COUNTER_RESET_US, "device_reset_seconds_total", .total = true, .device = true,
	  .micro = true, .help = "How long these resets took." },
	{ MMIOD_COUNTER_MASTERS, "device_bus_master", .device = true,
	  .help = "1: the device masters the bus." },
	{ MMIOD_COUNTER_QUIET, "device_quiet", .device = true,
	  .help = "1: nothing of an earlier user runs on the device." },
	{ MMIOD_COUNTER_DMA_MAPPED, "dma_mapped_bytes", .device = true,
	  .help = "Bytes that the device's operator lets it reach." },
	{ MMIOD_COUNTER_DMA_GRAVES, "dma_graves_bytes", .device = true,
	  .help = "Bytes that nobody gets before the device was reset, as it may write there." },
	{ MMIOD_COUNTER_RELOADS, "reloads_total", .total = true, .label = "result", WORDS(reloads),
	  .help = "How often the configuration was read again." },
};

/* ---- text exposition format ---- */

static void print_label(FILE *out, const char *name, const char *value, char before)
{
	fprintf(out, "%c%s=\"", before, name);
	for (; *value; value++) {
		if (*value == '\\' || *value == '"')
			putc('\\', out);
		putc(*value, out);
	}
	putc('"', out);
}

static void print_detail(FILE *out, const struct family *family, uint32_t detail, char before)
{
	char number[16];

	snprintf(number, sizeof(number), "%u", detail);
	print_label(out, family->label,
		    detail < family->word_count && family->words[detail] ? family->words[detail]
									 : number,
		    before);
}

static void print_sample(FILE *out, const struct family *family,
			 const struct mmiod_counter *counter)
{
	char before = '{';

	fprintf(out, "mmiod_%s", family->name);
	if (family->region || family->device) {
		print_label(out, family->device ? "device" : "region",
			    mmiod_counter_region(counter), before);
		before = ',';
	}
	if (family->label) {
		print_detail(out, family, mmiod_counter_detail(counter), before);
		before = ',';
	}
	fputs(before == ',' ? "} " : " ", out);
	if (family->micro)
		fprintf(out, "%.6g\n", (double)mmiod_counter_value(counter) / 1e6);
	else
		fprintf(out, "%llu\n", (unsigned long long)mmiod_counter_value(counter));
}

static void print_family(FILE *out, const struct family *family,
			 const struct mmiod_counter_list *list)
{
	fprintf(out, "# HELP mmiod_%s %s\n# TYPE mmiod_%s %s\n", family->name, family->help,
		family->name, family->total ? "counter" : "gauge");
	for (size_t i = 0; i < mmiod_counter_list_count(list); i++) {
		const struct mmiod_counter *counter = mmiod_counter_list_get(list, i);

		if (mmiod_counter_kind(counter) == family->kind)
			print_sample(out, family, counter);
	}
}

static void print_prometheus(FILE *out, const struct mmiod_counter_list *list)
{
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		print_family(out, &families[i], list);
}

/* ---- to a file ---- */

static int write_all(int fd, const char *text, size_t length)
{
	while (length) {
		ssize_t n = write(fd, text, length);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			text += n;
			length -= (size_t)n;
		}
	}
	return fchmod(fd, 0644) ? -errno : 0;
}

/* A reader of the file meanwhile gets all of the old one or all of the new one. */
static int replace_file(const struct context *context, const char *path, const char *text,
			size_t length)
{
	char temporary[4096];
	int fd, err;

	if (snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path) >= (int)sizeof(temporary))
		return report(context, -ENAMETOOLONG, "%s: the path is too long", path);
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return report(context, -errno, "%s: %s", temporary, strerror(errno));
	err = write_all(fd, text, length);
	if (close(fd) && !err)
		err = -errno;
	if (!err && rename(temporary, path))
		err = -errno;
	if (!err)
		return STATUS_OK;
	unlink(temporary);
	return report(context, err, "%s: %s", path, strerror(-err));
}

/* ---- the verb ---- */

static int make_text(struct context *context, char **text, size_t *length)
{
	struct mmiod_counter_list *list;
	FILE *out;
	int err = 0;

	if (!context->client)
		err = mmiod_client_connect(context->socket, &context->client);
	if (!err)
		err = mmiod_client_list_counters(context->client, &list);
	if (err)
		return err;
	out = open_memstream(text, length);
	if (out)
		print_prometheus(out, list);
	mmiod_counter_list_free(list);
	return out && !fclose(out) ? 0 : -ENOMEM;
}

static int export_prometheus(struct context *context)
{
	char *text = NULL;
	size_t length = 0;
	int status, err;

	if (options.textfile && options.listen)
		return usage_error(context, "--textfile and --listen: only one of them");
	if (options.listen)
		return serve_export(context, options.listen, make_text);
	status = client_open(context);
	if (status)
		return status;
	err = make_text(context, &text, &length);
	if (err == -ENOMEM)
		status = out_of_memory(context);
	else if (err)
		status = report_client(context, err);
	else if (options.textfile)
		status = replace_file(context, options.textfile, text, length);
	else
		fwrite(text, 1, length, stdout);
	free(text);
	return status;
}

static int write_cdi(struct context *context)
{
	char *text = NULL;
	int status = export_cdi(context, options.class, &text);

	if (!status && options.output)
		status = replace_file(context, options.output, text, strlen(text));
	else if (!status)
		puts(text);
	free(text);
	return status;
}

static int verb_export(struct context *context, int argc, char **argv)
{
	bool cdi = !strcmp(argv[0], "cdi");

	if (!cdi && strcmp(argv[0], "prometheus"))
		return usage_error(context, "no format \"%s\": there are prometheus and cdi",
				   argv[0]);
	if (cdi ? options.textfile || options.listen : options.class || options.output)
		return usage_error(context, "%s does not go with %s",
				   cdi ? "--textfile and --listen" : "--class and --output",
				   argv[0]);
	return cdi ? write_cdi(context) : export_prometheus(context);
}

const struct verb export_verb = {
	.name = "export",
	.arguments = "prometheus|cdi",
	.summary = "what is counted, or what a container may have",
	.group = GROUP_LIVE,
	.options = option_rows,
	.values = &options,
	.least = 1,
	.most = 1,
	.run = verb_export,
	.examples = {
		{ "export prometheus", "as text, to standard output" },
		{ "export prometheus --textfile mmiod.prom",
		  "for node_exporter" },
		{ "export prometheus --listen 9753",
		  "at http://127.0.0.1:9753/metrics, for Prometheus itself" },
		{ "export cdi --socket lab --output /var/run/cdi/mmiod-lab.json",
		  "podman run --device mmiod.io/region=fpga-ctrl IMAGE" },
	},
	.more = "cdi needs --socket NAME, that of a [socket NAME] of the daemon's configuration;\n"
		"a second tenant with the same regions needs a --class of its own.\n\n"
		"An administrator sees all regions, others those that they may use. Labels are\n"
		"regions, devices, vectors, kinds of memory, limits and causes; never users or\n"
		"processes. By --listen whoever reaches the port reads them; with systemd,\n"
		"mmiod-metrics.socket does it.",
};
