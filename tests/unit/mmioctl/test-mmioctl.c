/* SPDX-License-Identifier: MIT */
/*
 * The command line as its users meet it: a process with arguments, output, messages and an exit
 * status. The daemon is the tests' own.
 */
#include "run.h"

#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- a daemon with one region ---- */

static void send_region(struct fake *fake)
{
	struct {
		struct mmiod_msg_list_reply list;
		struct mmiod_wire_region region;
	} reply = { .list.msg = { .size = sizeof(reply),
				  .opcode = MMIOD_OP_REGIONS,
				  .flags = MMIOD_MSG_REPLY,
				  .id = ((struct mmiod_msg *)fake->request)->id,
				  .fixed = sizeof(reply.list),
				  .count = 1,
				  .stride = sizeof(reply.region) },
		    .region = { .id = 1,
				.name = "shm",
				.device = "simulation",
				.length = 1 << 20,
				.bar = UINT32_MAX,
				.width = 2,
				.memtypes = 6,
				.memtype = MMIOD_MEMTYPE_UC,
				.rights = 3 } };

	fake_send(fake, &reply, sizeof(reply), NULL, 0);
}

static bool next_request(struct fake *fake)
{
	ssize_t n = recv(fake->sock, fake->request, sizeof(fake->request), 0);

	fake->request_size = n > 0 ? (size_t)n : 0;
	return n > 0;
}

/* Leases are 17 and up; a window starts with the number of its lease. Until the client hangs up. */
static void serve(struct fake *fake)
{
	const struct mmiod_msg *request = (const struct mmiod_msg *)fake->request;
	uint64_t lease = 17;

	fake_accept(fake);
	while (next_request(fake)) {
		cr_expect_eq(request->size, fake->request_size, "what was printed came to us");
		if (request->opcode == MMIOD_OP_REGIONS) {
			send_region(fake);
		} else if (request->opcode == MMIOD_OP_LEASE) {
			fake_grant(fake, request, lease, NULL);
			lease += request->count;
		} else {
			fake_end(fake, MMIOD_OK, "");
		}
	}
	fake_hang_up(fake);
}

TestSuite(mmioctl, .timeout = 1200);

/* ---- reading ---- */

Test(mmioctl, read_prints_the_value_in_its_width_and_nothing_else)
{
	static const struct {
		const char *target, *value;
	} rows[] = { { "shm:8", "0x11\n" },
		     { "shm:16", "0x0011\n" },
		     { "shm:32", "0x00000011\n" },
		     { "shm:64", "0x0000000000000011\n" },
		     { "shm/4:16", "0x0011\n0x0000\n" } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct run run;

		run_with(&run, serve, NULL, "read", rows[i].target);
		cr_assert_eq(run.status, 0, "%s", run.err);
		cr_assert_str_eq(run.out, rows[i].value);
		cr_assert_str_empty(run.err);
	}
}

Test(mmioctl, read_takes_the_regions_width)
{
	struct run run;

	run_with(&run, serve, NULL, "read", "shm");
	cr_assert_str_eq(run.out, "0x0011\n");
}

Test(mmioctl, read_as_json_has_numbers_as_numbers)
{
	json_t *root, *value;
	struct run run;

	run_with(&run, serve, NULL, "--json", "read", "shm+0x40:32");
	cr_assert_eq(run.status, 0);
	root = json_loads(run.out, 0, NULL);
	cr_assert(root);
	cr_assert_eq(json_integer_value(json_object_get(root, "schema")), 1);
	cr_assert_eq(json_integer_value(json_object_get(root, "offset")), 0x40);
	cr_assert_eq(json_integer_value(json_object_get(root, "width")), 32);
	value = json_array_get(json_object_get(root, "values"), 0);
	cr_assert_eq(json_integer_value(json_object_get(value, "value")), 17);
	cr_assert_str_eq(json_string_value(json_object_get(value, "hex")), "0x00000011");
	json_decref(root);
}

static void let_nobody_in(struct fake *fake)
{
	fake_accept_silently(fake);
	fake_read(fake);
	fake_refuse(fake, MMIOD_E_INTERNAL, "the daemon cannot start: x.conf:3");
	fake_hang_up(fake);
}

Test(mmioctl, a_daemon_that_lets_nobody_in_is_none)
{
	struct run run;

	run_with(&run, let_nobody_in, NULL, "read", "shm");
	cr_assert_eq(run.status, 6);
	cr_assert_not_null(strstr(run.err, "the daemon cannot start: x.conf:3"));
}

static void fail_inside(struct fake *fake)
{
	fake_accept(fake);
	fake_read(fake);
	fake_refuse(fake, MMIOD_E_INTERNAL, "the backend failed");
	fake_wait_hang_up(fake);
}

Test(mmioctl, a_daemon_that_fails_at_a_request_is_one)
{
	struct run run;

	run_with(&run, fail_inside, NULL, "read", "shm");
	cr_assert_eq(run.status, 1);
	cr_assert_not_null(strstr(run.err, "the backend failed"));
}

Test(mmioctl, dump_shows_repeated_lines_once)
{
	struct fake fake;
	struct run run;

	fake_start(&fake, serve, NULL);
	run_ctl(&run, fake.path, "dump", "shm+0x1000:32", "0x45");
	cr_assert_eq(run.status, 2, "not whole elements");
	fake_stop(&fake);
	fake_start(&fake, serve, NULL);
	run_ctl(&run, fake.path, "dump", "shm+0x1000:32", "0x44");
	cr_assert_eq(run.status, 0, "%s", run.err);
	cr_assert_str_eq(run.out,
			 "00001000  00000011 00000000 00000000 00000000  |................|\n"
			 "00001010  00000000 00000000 00000000 00000000  |................|\n"
			 "*\n"
			 "00001040  00000000                             |....|\n"
			 "00001044\n");
	fake_stop(&fake);
}

Test(mmioctl, output_into_a_closed_pipe_ends_it_as_it_ends_cat)
{
	struct run run = { 0 };
	struct fake fake;
	int ends[2];
	pid_t pid;

	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	close(ends[0]);
	fake_start(&fake, serve, NULL);
	setenv("MMIOD_SOCKET", fake.path, 1);
	pid = fork();
	if (!pid) {
		dup2(ends[1], 1);
		execl(CTL, "mmioctl", "dump", "shm/64K", NULL);
		_exit(99);
	}
	waitpid(pid, &run.status, 0);
	cr_assert(WIFSIGNALED(run.status));
	cr_assert_eq(WTERMSIG(run.status), SIGPIPE);
	close(ends[1]);
	fake_stop(&fake);
}

Test(mmioctl, output_onto_a_full_disk_is_a_failure)
{
	struct fake fake;
	int status, pid;

	fake_start(&fake, serve, NULL);
	setenv("MMIOD_SOCKET", fake.path, 1);
	pid = fork();
	if (!pid) {
		dup2(open("/dev/full", O_WRONLY), 1);
		close(2);
		execl(CTL, "mmioctl", "list", NULL);
		_exit(99);
	}
	waitpid(pid, &status, 0);
	cr_assert_eq(WEXITSTATUS(status), 1);
	fake_stop(&fake);
}

/*
 * The first files that it opens would be 0, 1 and 2: the third is the socket, and messages go to 2.
 */
Test(mmioctl, without_standard_files_prints_nothing_to_the_daemon)
{
	struct fake fake;
	int status, pid;

	fake_start(&fake, serve, NULL);
	setenv("MMIOD_SOCKET", fake.path, 1);
	pid = fork();
	if (!pid) {
		close(0);
		close(1);
		close(2);
		execl(CTL, "mmioctl", "read", "shm+1", NULL);
		_exit(99);
	}
	waitpid(pid, &status, 0);
	cr_assert_eq(WEXITSTATUS(status), 2);
	fake_stop(&fake);
}

/* ---- exit status ---- */

static void refuse_lease(struct fake *fake)
{
	const enum mmiod_outcome *outcome = fake->argument;

	fake_accept(fake);
	fake_read(fake);
	fake_refuse(fake, *outcome, "because of rule 7");
	/* Who only reads asks to be a guest first. */
	if (*outcome != MMIOD_E_UNSUPPORTED)
		return;
	fake_read(fake);
	fake_refuse(fake, *outcome, "because of rule 7");
}

Test(mmioctl, exit_status_says_what_kind_of_failure)
{
	static const struct {
		enum mmiod_outcome outcome;
		int status;
		const char *name;
	} rows[] = {
		{ MMIOD_E_NOT_FOUND, 3, "ENOENT" },  { MMIOD_E_DENIED, 4, "EACCES" },
		{ MMIOD_E_BUSY, 5, "EBUSY" },	     { MMIOD_E_QUOTA, 5, "EDQUOT" },
		{ MMIOD_E_GONE, 7, "ENODEV" },	     { MMIOD_E_TIMEOUT, 8, "ETIMEDOUT" },
		{ MMIOD_E_INVALID, 1, "EINVAL" },    { MMIOD_E_INTERNAL, 1, "EIO" },
		{ MMIOD_E_RESOURCES, 1, "ENOBUFS" }, { MMIOD_E_UNSUPPORTED, 1, "EOPNOTSUPP" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum mmiod_outcome outcome = rows[i].outcome;
		json_t *root, *error;
		struct run run;

		run_with(&run, refuse_lease, &outcome, "read", "shm:32", "--json");
		cr_assert_eq(run.status, rows[i].status, "%s", run.err);
		cr_assert_str_empty(run.out);
		root = json_loads(run.err, 0, NULL);
		error = json_object_get(root, "error");
		cr_assert(error, "%s", run.err);
		cr_assert_str_eq(json_string_value(json_object_get(error, "message")),
				 "because of rule 7");
		cr_assert_str_eq(json_string_value(json_object_get(error, "errno")), rows[i].name);
		cr_assert_eq(json_integer_value(json_object_get(error, "exit")), rows[i].status);
		json_decref(root);
	}
}

Test(mmioctl, without_a_daemon_exits_with_6)
{
	struct run run;

	run_ctl(&run, "/tmp/mmiod-nobody/sock", "status");
	cr_assert_eq(run.status, 6);
	says(run.err, "no daemon");
}

static void refuse_log(struct fake *fake)
{
	fake_accept(fake);
	fake_read(fake);
	cr_expect_eq(((struct mmiod_msg *)fake->request)->opcode, MMIOD_OP_LOG);
	fake_refuse(fake, MMIOD_E_UNSUPPORTED, "unknown opcode");
}

Test(mmioctl, log_of_a_daemon_that_keeps_none_says_where_to_look)
{
	struct run run;

	run_with(&run, refuse_log, NULL, "log");
	cr_assert_eq(run.status, 1, "%s", run.err);
	cr_assert_str_empty(run.out);
	says(run.err, "the daemon is older than this mmioctl");
	says(run.err, "mmioctl log --journal");
}

/* ---- how a verb leases ---- */

struct asked {
	uint32_t wait_ms, cache, share, width;
	unsigned int leases;
};

static void note_lease(struct asked *asked, const struct mmiod_msg *request)
{
	const struct mmiod_wire_want *want = fake_element(request, 0);
	struct mmiod_msg_lease lease = { 0 };

	memcpy(&lease, request, request->fixed < sizeof(lease) ? request->fixed : sizeof(lease));
	*asked = (struct asked){ .wait_ms = lease.wait_ms,
				 .cache = want->memtype,
				 .share = want->share,
				 .width = want->width,
				 .leases = asked->leases + 1 };
}

static void send_simulation(struct fake *fake)
{
	const struct mmiod_msg *request = (const struct mmiod_msg *)fake->request;
	struct mmiod_msg_status_reply reply = { .msg = { .size = sizeof(reply),
							 .opcode = MMIOD_OP_STATUS,
							 .flags = MMIOD_MSG_REPLY,
							 .id = request->id,
							 .fixed = sizeof(reply) },
						.backend = MMIOD_BACKEND_SIMULATION };

	fake_send(fake, &reply, sizeof(reply), NULL, 0);
}

static void refuse_leases(struct fake *fake)
{
	const struct mmiod_msg *request = (const struct mmiod_msg *)fake->request;

	fake_accept(fake);
	while (next_request(fake)) {
		if (request->opcode == MMIOD_OP_REGIONS) {
			send_region(fake);
		} else if (request->opcode == MMIOD_OP_STATUS) {
			send_simulation(fake);
		} else {
			cr_expect_eq(request->opcode, MMIOD_OP_LEASE);
			note_lease(fake->argument, request);
			fake_refuse(fake, MMIOD_E_BUSY, "held by another");
		}
	}
	fake_hang_up(fake);
}

Test(mmioctl, each_verb_that_accesses_leases_as_its_options_say)
{
	static const char *const rows[][6] = {
		{ "read", "shm" },
		{ "write", "shm", "1" },
		{ "dump", "shm/16" },
		{ "fill", "shm/16", "1" },
		{ "load", "shm/4", CTL },
		{ "save", "shm/4", "/dev/null" },
		{ "copy", "shm/4", "shm+8" },
		{ "diff", "shm/4", "shm+8" },
		{ "set", "shm", "1" },
		{ "clear", "shm", "1" },
		{ "toggle", "shm", "1" },
		{ "wait", "shm", "--equals", "1" },
		{ "watch", "shm" },
		{ "test", "shm/4", "--yes" },
		{ "bench", "shm/4" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *const *row = rows[i];
		struct asked asked = { 0 };
		struct run run;

		run_with(&run, refuse_leases, &asked, row[0], "--wait=5s", "--wc", "--shared-write",
			 "-w", "32", row[1], row[2], row[3]);
		cr_assert_eq(run.status, 5, "%s: %d, %s", row[0], run.status, run.err);
		cr_expect_eq(asked.leases, 1, "%s", row[0]);
		cr_expect_eq(asked.wait_ms, 5000, "%s", row[0]);
		cr_expect_eq(asked.cache, MMIOD_MEMTYPE_WC, "%s", row[0]);
		cr_expect_eq(asked.share, MMIOD_SHARE_WRITE, "%s", row[0]);
		cr_expect_eq(asked.width, 4, "%s", row[0]);
	}
}

Test(mmioctl, hold_and_regs_lease_as_their_options_say)
{
	struct asked asked = { 0 };
	struct run run;

	run_with(&run, refuse_leases, &asked, "hold", "shm/16", "--wait", "--exclusive", "--uc");
	cr_assert_eq(run.status, 5, "%s", run.err);
	cr_expect_eq(asked.wait_ms, UINT32_MAX);
	cr_expect_eq(asked.cache, MMIOD_MEMTYPE_UC);
	cr_expect_eq(asked.share, MMIOD_SHARE_EXCLUSIVE);
	run_with(&run, refuse_leases, &asked, "regs", "shm", "--wait=2s", "--wc", "--exclusive",
		 "--map", "client/mmioctl/maps/edu.ini");
	cr_assert_eq(run.status, 5, "%s", run.err);
	cr_expect_eq(asked.wait_ms, 2000);
	cr_expect_eq(asked.cache, MMIOD_MEMTYPE_WC);
	cr_expect_eq(asked.share, MMIOD_SHARE_EXCLUSIVE);
}

/* ---- usage ---- */

static void misused(const char *because, const char *const *args)
{
	struct run run;

	run_start(&run, "/tmp/mmiod-nobody/sock", args);
	run_finish(&run);
	cr_assert_eq(run.status, 2, "%s %s: %d, %s", args[0], args[1], run.status, run.err);
	cr_assert_str_empty(run.out);
	says(run.err, because);
	says(run.err, "mmioctl: ");
}

#define misuse(because, ...)                                              \
	do {                                                              \
		const char *const args[ARGS_MAX] = { __VA_ARGS__, NULL }; \
		misused(because, args);                                   \
	} while (0)

/* None of these may reach for the daemon: there is none. */
Test(mmioctl, misuse_is_told_before_anything_is_done)
{
	misuse("option --json takes no argument", "--json=x", "list");
	misuse("did you mean \"leases\"", "lease");
	misuse("no verb", "frobnicate");
	misuse("unknown option --frob", "list", "--frob");
	misuse("needs an argument", "--socket");
	misuse("list does not know --deadline", "list", "--deadline", "2s");
	misuse("read does not know --read-only", "read", "shm", "--read-only");
	misuse("list does not know -w", "list", "-zw");
	misuse("unknown option -nz", "write", "shm", "1", "-nz");
	misuse("runs no command", "list", "--", "true");
	misuse("takes no \"shm\"", "list", "shm");
	misuse("usage: mmioctl read", "read");
	misuse("\"shm\": how often", "read", "shm", "shm");
	misuse("read takes no \"shm\"", "read", "shm", "x2", "shm");
	misuse("usage: mmioctl write", "write", "shm");
	misuse("usage: mmioctl dump", "dump");
	misuse("usage: mmioctl hold", "hold");
	misuse("usage: mmioctl hold", "hold", "--", "true");
	misuse("no command", "hold", "shm", "--");
	misuse("usage: mmioctl revoke", "revoke");
	misuse("not the number of a lease", "revoke", "17x");
	misuse("not the number of a lease", "revoke", "0");
	misuse("not the number of a lease", "revoke", "1", "two");
	misuse("not a time", "revoke", "17", "--deadline", "soon");
	misuse("offset", "read", "shm+x");
	misuse("how much", "dump", "shm+16");
	misuse("has one already", "dump", "shm/16", "16");
	misuse("not a length", "dump", "shm", "x");
	misuse("not a length", "dump", "shm", "0");
	misuse("not a value", "write", "shm", "x");
	misuse("not a value", "write", "shm", "1K");
	misuse("does not fit 64 bits", "write", "shm", "0x10000000000000000");
	misuse("one value", "write", "shm/4", "1");
}

Test(mmioctl, value_that_does_not_fit_is_refused_with_the_greatest_that_does)
{
	static const char *const rows[][2] = { { "shm:8", "256" },
					       { "shm:16", "0x10000" },
					       { "shm:32", "0x100000000" } };

	for (size_t i = 0; i < 3; i++) {
		struct run run;

		run_with(&run, serve, NULL, "write", rows[i][0], rows[i][1]);
		cr_assert_eq(run.status, 2);
		says(run.err, "does not fit");
		says(run.err, "the greatest is 0xff");
	}
}

Test(mmioctl, offset_between_registers_is_refused)
{
	struct run run;

	run_with(&run, serve, NULL, "read", "shm+1");
	cr_assert_eq(run.status, 2);
	says(run.err, "not a multiple of 2 bytes");
}

Test(mmioctl, help_and_version_need_no_daemon)
{
	struct run run;

	run_ctl(&run, "/tmp/mmiod-nobody/sock", "--help");
	cr_assert_eq(run.status, 0);
	says(run.out, "Examples:");
	run_ctl(&run, "/tmp/mmiod-nobody/sock", "--version");
	cr_assert_eq(run.status, 0);
	cr_assert_str_eq(run.out, "mmioctl " MMIOD_VERSION "\n");
}

Test(mmioctl, help_of_a_verb_tells_of_what_all_verbs_know_once)
{
	static const char *const verbs[] = { "show", "free", "doctor", "check-config", "read" };

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		const char *first;
		struct run run;

		run_ctl(&run, "/tmp/mmiod-nobody/sock", verbs[i], "--help");
		cr_assert_eq(run.status, 0);
		first = strstr(run.out, "--socket");
		cr_assert_not_null(first, "%s", verbs[i]);
		cr_assert_null(strstr(first + 1, "--socket"), "%s", verbs[i]);
	}
}

/* ---- tables ---- */

Test(mmioctl, table_has_the_columns_that_are_asked_for)
{
	struct fake fake;
	struct run run;

	fake_start(&fake, serve, NULL);
	run_ctl(&run, fake.path, "list", "-o", "size,NAME", "--no-headings", "--bytes");
	cr_assert_eq(run.status, 0);
	cr_assert_str_eq(run.out, "1048576 shm\n");
	fake_stop(&fake);
	fake_start(&fake, serve, NULL);
	run_ctl(&run, fake.path, "list", "-o", "nam");
	cr_assert_eq(run.status, 2);
	says(run.err, "no column \"nam\"");
	fake_stop(&fake);
}

/* ---- holding ---- */

static const char show_files[] = "echo $MMIOD_FDS $MMIOD_TARGETS $MMIOD_LEASES $MMIOD_OFFSETS; "
				 "for fd in 3 4; do readlink /proc/$$/fd/$fd; done; test -e "
				 "/proc/$$/fd/5; exit $((40 + $?))";

Test(mmioctl, hold_hands_the_windows_to_its_command_and_exits_as_it_does)
{
	struct run run;

	run_with(&run, serve, NULL, "hold", "shm/8", "shm+0x10/8", "--", "sh", "-c", show_files);
	says(run.out, "2 shm+0x0/0x8 shm+0x10/0x8 17 18 0x0 0x10\n");
	says(run.out, "window");
	cr_assert_eq(run.status, 41, "the command has more than its windows");
	cr_assert_str_empty(run.err);
}

Test(mmioctl, hold_says_when_its_command_cannot_be_run)
{
	struct run run;

	run_with(&run, serve, NULL, "hold", "shm/8", "--", "/nonexistent/command");
	cr_assert_eq(run.status, 127);
	says(run.err, "cannot run \"/nonexistent/command\"");
}

Test(mmioctl, hold_passes_signals_on)
{
	const char *const args[ARGS_MAX] = {
		"hold", "shm/8", "--",
		"sh",	"-c",	 "trap 'exit 33' USR1; echo ready; while :; do sleep 0.05; done"
	};
	struct fake fake;
	struct run run;

	fake_start(&fake, serve, NULL);
	run_start(&run, fake.path, args);
	run_await(&run, "ready");
	kill(run.pid, SIGUSR1);
	run_finish(&run);
	cr_assert_eq(run.status, 33, "%s", run.err);
	fake_stop(&fake);
}

Test(mmioctl, hold_without_a_command_ends_well_when_told_to)
{
	const char *const args[ARGS_MAX] = { "hold", "shm+0x1000/0x1000", "shm/8" };
	struct fake fake;
	struct run run;

	fake_start(&fake, serve, NULL);
	run_start(&run, fake.path, args);
	run_await(&run, "lease 18");
	kill(run.pid, SIGTERM);
	run_finish(&run);
	cr_assert_eq(run.status, 0);
	cr_assert_str_eq(run.out, "lease 17 shm+0x1000/0x1000 rw uc\nlease 18 shm+0x0/0x8 rw uc\n");
	fake_stop(&fake);
}

static void revoke_the_second(struct fake *fake)
{
	fake_accept(fake);
	fake_grant(fake, fake_read(fake), 17, NULL);
	fake_event(fake, MMIOD_EVENT_REVOKED, 99, "not ours");
	fake_event(fake, MMIOD_EVENT_REVOKED, 18, "revoked by user root (uid 0)");
	fake_read(fake);
	fake_end(fake, MMIOD_OK, "");
	fake_wait_hang_up(fake);
}

Test(mmioctl, hold_tells_who_revoked_and_exits_with_7)
{
	struct run run;

	run_with(&run, revoke_the_second, NULL, "hold", "--read-only", "shm/8",
		 "shm+0x1000/0x1000");
	cr_assert_eq(run.status, 7);
	cr_assert_str_eq(run.err, "mmioctl: lease 18 (shm+0x1000/0x1000) was revoked by user root "
				  "(uid 0)\n");
}

static void unplug(struct fake *fake)
{
	fake_accept(fake);
	fake_grant(fake, fake_read(fake), 17, NULL);
	fake_event(fake, MMIOD_EVENT_GONE, 17, "the device has gone");
	fake_wait_hang_up(fake);
}

Test(mmioctl, hold_tells_when_the_device_has_gone)
{
	struct run run;

	run_with(&run, unplug, NULL, "hold", "shm/8");
	cr_assert_eq(run.status, 7);
	says(run.err, "lease 17 (shm+0x0/0x8) was revoked: the device has gone\n");
}

static void ask_back(struct fake *fake)
{
	fake_accept(fake);
	fake_grant(fake, fake_read(fake), 17, NULL);
	fake_event(fake, MMIOD_EVENT_REVOKE_ASKED, 17, "revoked by user root (uid 0)");
	cr_expect_eq(fake_read(fake)->opcode, MMIOD_OP_RELEASE);
	fake_end(fake, MMIOD_OK, "");
	fake_wait_hang_up(fake);
}

Test(mmioctl, hold_gives_back_at_once_what_it_is_asked_for)
{
	struct run run;

	run_with(&run, ask_back, NULL, "hold", "shm/8");
	cr_assert_eq(run.status, 7);
	says(run.err, "lease 17 (shm+0x0/0x8) was revoked by user root");
}

static void refuse_the_second(struct fake *fake)
{
	fake_accept(fake);
	fake_grant(fake, fake_read(fake), 17, &(struct flaw){ .busy = 2 });
	cr_expect_eq(fake_read(fake)->opcode, MMIOD_OP_RELEASE);
	fake_end(fake, MMIOD_OK, "");
	fake_wait_hang_up(fake);
}

Test(mmioctl, hold_holds_nothing_when_not_all_can_be_had)
{
	struct run run;

	run_with(&run, refuse_the_second, NULL, "hold", "shm/8", "shm/8", "--", "echo", "ran");
	cr_assert_eq(run.status, 5);
	cr_assert_str_empty(run.out);
	says(run.err, "held by somebody else");
}
