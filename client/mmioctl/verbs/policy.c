/* SPDX-License-Identifier: MIT */
/*
 * mmioctl explain and check-config: which rule decides, and whether the rules are good. The daemon
 * answers the first; of the second its program does, which needs no daemon: the command line does
 * not contain what reads configurations.
 */
#include "system/run-mmiod.h"
#include "target/target.h"
#include "target/vector.h"
#include "verb.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <common/size.h>

/* ---- explain ---- */

static struct explain_options {
	struct lease_options lease;
	const char *user;
	const char *groups;
	const char *device;
} options;

static const struct verb_option option_rows[] = {
	LEASE_OPTIONS(struct explain_options, lease),
	GRANT_OPTION(struct explain_options, lease),
	{ "user", 0, "USER", "about this user (default: about oneself)",
	  TEXT(struct explain_options, user) },
	{ "group", 0, "GROUPS", "as if also in these groups",
	  TEXT(struct explain_options, groups) },
	DEVICE_OPTION(struct explain_options, device),
	{ 0 },
};

struct somebody {
	char name[64];
	uint32_t uid;
	gid_t *groups;
	int count;
	bool other; /* than the caller */
};

static int add_group(const struct context *context, struct somebody *who, gid_t group)
{
	gid_t *larger = reallocarray(who->groups, (size_t)who->count + 1, sizeof(*larger));

	if (!larger)
		return out_of_memory(context);
	who->groups = larger;
	who->groups[who->count++] = group;
	return 0;
}

/* Names and numbers, with commas between them. */
static int add_groups(const struct context *context, struct somebody *who, const char *names)
{
	char *copy = strdup(names), *rest = copy, *name;
	int status = copy ? 0 : out_of_memory(context);

	while (!status && (name = strsep(&rest, ","))) {
		const struct group *group = getgrnam(name);
		uint64_t number;

		if (!group && (common_number(name, &number) || number >= UINT32_MAX))
			status = report_not_found(context, "there is no group \"%s\"", name);
		else
			status = add_group(context, who, group ? group->gr_gid : (gid_t)number);
	}
	free(copy);
	return status;
}

static int own_groups(const struct context *context, struct somebody *who)
{
	int count = getgroups(0, NULL);

	who->uid = getuid();
	user_name(who->uid, who->name, sizeof(who->name));
	who->groups = calloc((size_t)count + 1, sizeof(gid_t));
	if (!who->groups)
		return out_of_memory(context);
	who->count = getgroups(count, who->groups);
	for (int i = 0; i < who->count; i++)
		if (who->groups[i] == getegid())
			return 0;
	return add_group(context, who, getegid());
}

static int groups_of(const struct context *context, struct somebody *who, gid_t primary)
{
	who->count = 0;
	getgrouplist(who->name, primary, NULL, &who->count);
	who->groups = calloc((size_t)who->count + 1, sizeof(gid_t));
	if (!who->groups)
		return out_of_memory(context);
	getgrouplist(who->name, primary, who->groups, &who->count);
	return 0;
}

static int find_user(const struct context *context, struct somebody *who, const char *name)
{
	const struct passwd *user = getpwnam(name);
	uint64_t number;

	if (!user && !common_number(name, &number) && number < UINT32_MAX) {
		who->uid = (uint32_t)number;
		user = getpwuid(who->uid);
	} else if (!user) {
		return report(context, -ENOENT, "there is no user \"%s\"", name);
	}
	snprintf(who->name, sizeof(who->name), "%s", user ? user->pw_name : name);
	who->other = true;
	if (!user)
		return 0;
	who->uid = user->pw_uid;
	return groups_of(context, who, user->pw_gid);
}

/* A user who asks about himself need not be an administrator, even if he says his name. */
static int find_somebody(const struct context *context, struct somebody *who)
{
	int status =
		options.user ? find_user(context, who, options.user) : own_groups(context, who);

	if (!status && options.user && who->uid == getuid() && !options.groups)
		who->other = false;
	if (!status && options.groups) {
		who->other = true;
		status = add_groups(context, who, options.groups);
	}
	return status;
}

static void group_words(const struct somebody *who, char *out, size_t size)
{
	size_t used = 0;

	out[0] = '\0';
	for (int i = 0; i < who->count && used < size; i++) {
		const struct group *group = getgrgid(who->groups[i]);
		const char *comma = i ? ", " : "";

		if (group)
			used += (size_t)snprintf(out + used, size - used, "%s%s", comma,
						 group->gr_name);
		else
			used += (size_t)snprintf(out + used, size - used, "%s%u", comma,
						 who->groups[i]);
	}
}

static json_t *split_groups(const struct somebody *who)
{
	json_t *list = json_array();

	for (int i = 0; i < who->count; i++)
		json_array_append_new(list, json_integer(who->groups[i]));
	return list;
}

static const struct verdict {
	int error;
	const char *word; /* in JSON */
	const char *title;
} verdicts[] = {
	{ 0, "ok", "ALLOW" },	       { -EACCES, "denied", "DENY" }, { -EBUSY, "busy", "BUSY" },
	{ -EDQUOT, "quota", "QUOTA" }, { -ENODEV, "gone", "GONE" },   { 0, "refused", "REFUSED" },
};

/* The last is for what a newer daemon may say. */
static const struct verdict *verdict_of(const struct mmiod_policy_answer *answer)
{
	const struct verdict *last = verdicts + sizeof(verdicts) / sizeof(verdicts[0]) - 1;

	for (const struct verdict *verdict = verdicts; verdict < last; verdict++)
		if (answer->allowed ? !verdict->error : verdict->error == answer->error)
			return verdict;
	return last;
}

static const char *access_words(const struct mmiod_policy_question *question, char *out,
				size_t size)
{
	if (question->kind == MMIOD_KIND_INTERRUPT)
		return "interrupts";
	if (question->kind != MMIOD_KIND_DEVICE)
		return rights_word(question->rights);
	device_right_words(question->operate, out, size);
	return out;
}

static int print_json(const struct somebody *who, const char *target,
		      const struct mmiod_policy_question *question,
		      const struct mmiod_policy_answer *answer)
{
	json_t *rule = answer->line ? json_pack("{s:s, s:s, s:i}", "grant", answer->grant, "file",
						answer->file, "line", (int)answer->line)
				    : json_null();
	char access[160];

	return json_output(json_pack(
		"{s:i, s:b, s:s, s:s, s:I, s:o, s:s, s:s, s:o, s:s, s:s?}", "schema", JSON_SCHEMA,
		"allowed", answer->allowed, "outcome", verdict_of(answer)->word, "user", who->name,
		"uid", (json_int_t)who->uid, "groups", split_groups(who), "target", target,
		"access", access_words(question, access, sizeof(access)), "rule", rule, "text",
		answer->text, "instead", answer->instead[0] ? answer->instead : NULL));
}

/* The verdict stands before it. */
static const char *without(const char *text, const char *verdict)
{
	size_t length = strlen(verdict);

	return strncmp(text, verdict, length) ? text : text + length;
}

static void print_text(const struct somebody *who, const struct mmiod_policy_answer *answer)
{
	char groups[512];

	if (answer->error != -EACCES) {
		printf("%s %s\n", verdict_of(answer)->title, without(answer->text, "granted by "));
		return;
	}
	group_words(who, groups, sizeof(groups));
	printf("DENY  %s; %s has: %s\n", without(answer->text, "denied: "), who->name,
	       groups[0] ? groups : "no group");
	if (answer->instead[0])
		printf("      would be allowed by %s\n", without(answer->instead, "granted by "));
}

static int ask(struct context *context, const char *text, struct mmiod_policy_question *question,
	       const struct somebody *who)
{
	struct mmiod_policy_answer answer;
	int err;

	question->other = who->other;
	question->uid = who->uid;
	question->groups = who->groups;
	question->group_count = (size_t)who->count;
	err = mmiod_client_explain(context->client, question, &answer);
	if (err)
		return report_client(context, err);
	if (context->json)
		err = print_json(who, text, question, &answer);
	else
		print_text(who, &answer);
	return answer.allowed || err ? err : exit_status_of(answer.error);
}

static int read_access(const struct context *context, const char *word, unsigned int *rights)
{
	*rights = MMIOD_RIGHT_READ;
	if (!strcmp(word, "rw"))
		*rights |= MMIOD_RIGHT_WRITE;
	else if (strcmp(word, "r") && strcmp(word, "ro"))
		return usage_error(
			context,
			"\"%s\" is not an access: write r or rw, or, of a device, interrupts, or "
			"with commas between them config, config-write, config-vendor, bus-master, "
			"reset, reset-others, power",
			word);
	return 0;
}

/* The words for kinds come first, as of alloc; a region of such a name is NAME+0. */
static int read_subject(struct context *context, const char *text,
			struct mmiod_policy_question *question, struct mmiod_target *target)
{
	int status;

	question->memory = memory_of_word(text);
	if (options.device && question->memory != MMIOD_MEMORY_DMA)
		return usage_error(context, "--device is for dma, not for %s", text);
	if (question->memory != MMIOD_MEMORY_REGION) {
		question->region = options.device;
		return 0;
	}
	status = target_read(context, text, target);
	question->region = target->region;
	question->offset = target->offset;
	question->length = target->length;
	return status;
}

/* DEVICE[:VECTOR] interrupts */
static int read_interrupt(const struct context *context, const char *text,
			  struct mmiod_policy_question *question, char *device)
{
	unsigned int vector;
	int status = vector_read(context, text, device, &vector);

	question->kind = MMIOD_KIND_INTERRUPT;
	question->region = device;
	question->offset = vector;
	question->rights = MMIOD_RIGHT_READ;
	if (!status && (question->cache || question->share || options.device))
		return usage_error(context, "an interrupt has no memory type and no share mode");
	return status;
}

/* DEVICE and what to do with it. */
static int read_operation(const struct context *context, const char *device, unsigned int rights,
			  struct mmiod_policy_question *question)
{
	question->kind = MMIOD_KIND_DEVICE;
	question->region = device;
	question->operate = rights;
	question->rights = MMIOD_RIGHT_READ;
	if (question->cache || question->share || options.device)
		return usage_error(context,
				   "who operates a device has no memory type and no share mode");
	return 0;
}

static int read_question(struct context *context, int argc, char **argv,
			 struct mmiod_policy_question *question, struct mmiod_target *target,
			 char *device)
{
	int status;

	if (argc > 1 && !strcmp(argv[1], "interrupts"))
		return read_interrupt(context, argv[0], question, device);
	if (argc > 1 && device_rights(argv[1]))
		return read_operation(context, argv[0], device_rights(argv[1]), question);
	status = read_subject(context, argv[0], question, target);
	return status ? status : read_access(context, argc > 1 ? argv[1] : "r", &question->rights);
}

static int verb_explain(struct context *context, int argc, char **argv)
{
	struct mmiod_policy_question question = { .cache = options.lease.memtype,
						  .share = options.lease.share,
						  .grant = options.lease.grant };
	struct mmiod_target target = { 0 };
	struct somebody who = { .count = 0 };
	char device[VECTOR_DEVICE_MAX];
	int status = read_question(context, argc, argv, &question, &target, device);

	if (!status)
		status = find_somebody(context, &who);
	if (!status)
		status = lease_open(context, &options.lease);
	if (!status)
		status = ask(context, argv[0], &question, &who);
	free(who.groups);
	return status;
}

const struct verb explain_verb = {
	.name = "explain",
	.arguments = "TARGET|KIND|DEVICE[:VECTOR] [r|rw|RIGHTS]",
	.summary = "what asking would come to, and by which rule",
	.group = GROUP_TROUBLE,
	.options = option_rows,
	.values = &options,
	.least = 1,
	.most = 2,
	.run = verb_explain,
	.examples = { { "explain fpga-ctrl rw", "may I, and by which rule?" },
		      { "explain --user alice fpga-ctrl+0x40/4 rw", "may alice? (administrators)" },
		      { "explain dma --device fpga-ctrl", "memory that the card writes to?" },
		      { "explain nvme0 interrupts", "may I lease its vectors?" } },
	.more = "Exit status 0: it would be granted now, 4: denied, 5: it is held by others, or\n"
		"the user has as much as it may, 7: the device is not there. Grants do not add\n"
		"up: one must give all that is asked for. KIND is pages, kmalloc, vmalloc or\n"
		"dma: kernel memory, as of alloc; a whole pool stands for its least block.\n"
		"RIGHTS, of a device: interrupts, or with commas between them config,\n"
		"config-write, config-vendor, bus-master, reset, reset-others, power.\n"
		"--group takes names with commas between them; the user is taken to be in\n"
		"these groups too.\n",
};

/* ---- check-config ---- */

static int verb_check_config(struct context *context, int argc, char **argv)
{
	char *words[] = { "mmiod", "--check-config", argc ? "--config" : NULL,
			  argc ? argv[0] : NULL, NULL };
	int status = run_mmiod(context, words);

	return status == EXIT_CONFIG ? STATUS_FAILED : status;
}

const struct verb check_config_verb = {
	.name = "check-config",
	.arguments = "[FILE|DIRECTORY]",
	.summary = "whether the configuration is good",
	.group = GROUP_TROUBLE,
	.least = 0,
	.most = 1,
	.run = verb_check_config,
	.examples = { { "check-config", "what a reload would read" },
		      { "check-config ./mmiod.conf", "this file alone" } },
	.more = "Needs no daemon; of a file for simulation, mmiod --check-config --simulate\n"
		"FILE tells. Names file, line and rule of the first error. What is good,\n"
		"\"systemctl reload mmiod\" puts in force as a whole; of a bad configuration it\n"
		"takes nothing. Leases whose grant has gone stay until they end, unless [daemon]\n"
		"says \"revoke-on-reload = yes\".\n",
};
