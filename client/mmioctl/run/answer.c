/* SPDX-License-Identifier: MIT */
/*
 * What cannot be read, or is none of ours, is left to the kernel, which decides by the program's
 * own rights. The path may be changed by another thread between our look and the kernel's: that
 * gives nobody anything that they could not have by asking for it, since what is handed out is what
 * policy lets this user have, and no refusal here protects anything.
 */
#include "run/answer.h"
#include "run/say.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <linux/openat2.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* One call while it is answered. */
struct question {
	struct answers *answers;
	uint64_t id;
	struct call call;
	struct task task;
	struct thing thing;
	struct offer *offer;
};

/* ---- answers ---- */

static void send_answer(const struct answers *answers, struct seccomp_notif_resp *response)
{
	/* ENOENT: the task is gone, or a signal took it from the call. */
	ioctl(answers->listener, SECCOMP_IOCTL_NOTIF_SEND, response);
}

static void let_pass(const struct answers *answers, uint64_t id)
{
	struct seccomp_notif_resp response = { .id = id,
					       .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE };

	send_answer(answers, &response);
}

void answer_error(const struct answers *answers, uint64_t id, int err)
{
	struct seccomp_notif_resp response = { .id = id, .error = err };

	send_answer(answers, &response);
}

bool answer_is_awaited(const struct answers *answers, uint64_t id)
{
	return !ioctl(answers->listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id);
}

/* Installing and answering are one step: a file that is put into a task that is gone is nowhere. */
static void give_file(const struct question *question, int fd)
{
	struct seccomp_notif_addfd give = {
		.id = question->id,
		.flags = SECCOMP_ADDFD_FLAG_SEND,
		.srcfd = (uint32_t)fd,
		.newfd_flags = question->call.flags & O_CLOEXEC,
	};
	int err = ioctl(question->answers->listener, SECCOMP_IOCTL_NOTIF_ADDFD, &give) < 0 ? -errno
											   : 0;

	if (err && err != -ENOENT)
		answer_error(question->answers, question->id, err);
}

/* ---- open ---- */

/* Most of the daemon's sentences begin with such a word; those of others get one. */
static const char *trouble(int err, const char *why)
{
	const char *word = err == -EACCES ? "denied: " : err == -EBUSY ? "busy: " : "";

	return strncmp(why, word, strlen(word)) ? word : "";
}

/* Errors of the way to the daemon would puzzle a program. */
static int error_for_program(int err)
{
	switch (-err) {
	case EACCES:
	case EBUSY:
	case ENOENT:
	case ENODEV:
	case ENOMEM:
	case EMFILE:
	case EAGAIN:
		return err;
	case EPERM:
		return -EACCES;
	case EDQUOT:
	case ETIMEDOUT:
		return -EBUSY;
	default:
		return -EIO;
	}
}

static void refuse(const struct question *question, int err)
{
	const struct answers *answers = question->answers;

	say_while_running(answers->context, "%s: %s%s", question->thing.name,
			  trouble(err, question->offer->why), question->offer->why);
	answer_error(answers, question->id, error_for_program(err));
}

static unsigned int rights_of(uint64_t flags)
{
	switch (flags & O_ACCMODE) {
	case O_RDONLY:
		return MMIOD_RIGHT_READ;
	case O_WRONLY:
		return MMIOD_RIGHT_WRITE;
	default:
		return MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE;
	}
}

/* The program's own descriptor, or -1. */
static int take_descriptor(const struct question *question)
{
	pid_t group = task_group(&question->task);
	int process = group ? (int)syscall(SYS_pidfd_open, group, 0) : -1, fd = -1;

	if (process < 0)
		return -1;
	/* While one of its threads waits for us, its number is nobody else's. */
	if (answer_is_awaited(question->answers, question->id))
		fd = (int)syscall(SYS_pidfd_getfd, process, question->thing.number, 0);
	close(process);
	return fd;
}

/* The same file again: the kernel opens no view by its name. */
static void give_same(const struct question *question)
{
	int fd = take_descriptor(question);

	if (fd < 0) {
		let_pass(question->answers, question->id);
		return;
	}
	give_file(question, fd);
	close(fd);
}

/* As the program would open it, with its own rights, which are ours. */
static void give_tree_file(const struct question *question)
{
	int flags = (int)question->call.flags & ~(O_CREAT | O_EXCL | O_TRUNC);
	int fd = open(question->thing.name, flags | O_CLOEXEC);

	if (fd < 0) {
		answer_error(question->answers, question->id, -errno);
		return;
	}
	give_file(question, fd);
	close(fd);
}

/* By the path that it gave, the kernel would not find what lies in the tree. */
static void leave_to_kernel(const struct question *question)
{
	if (question->thing.in_tree)
		give_tree_file(question);
	else
		let_pass(question->answers, question->id);
}

/* true: it has to wait. */
static bool give_offer(const struct question *question)
{
	struct answers *answers = question->answers;
	struct offer *offer = question->offer;
	int err;

	offer->rights = rights_of(question->call.flags);
	err = offer_file(&answers->offers, &question->thing, offer);
	if (err == -EINPROGRESS)
		return true;
	if (err < 0) {
		refuse(question, err);
		return false;
	}
	if (offer->note[0])
		say_while_running(answers->context, "%s: %s", question->thing.name, offer->note);
	if (err) {
		leave_to_kernel(question);
		return false;
	}
	give_file(question, offer->fd);
	close(offer->fd);
	return false;
}

/* What open(2) itself would say of a device's file. */
static int error_of_flags(uint64_t flags)
{
	if (flags & O_DIRECTORY)
		return -ENOTDIR;
	return (flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL) ? -EEXIST : 0;
}

/* true: it has to wait. */
static bool answer_open(const struct question *question)
{
	uint64_t flags = question->call.flags;
	enum thing_kind kind = question->thing.kind;

	if (kind == THING_TREE)
		give_tree_file(question);
	else if (kind == THING_VIEW)
		give_same(question);
	else if (flags & O_PATH)
		leave_to_kernel(question);
	else if (error_of_flags(flags))
		answer_error(question->answers, question->id, error_of_flags(flags));
	else
		return give_offer(question);
	return false;
}

/* ---- stat and access ---- */

/* What stat64(2) of i386 fills in. */
struct stat64_i386 {
	uint64_t device;
	uint32_t pad, low_inode, mode, links, uid, gid;
	uint64_t rdev;
	uint32_t pad2;
	uint64_t size;
	uint32_t block_size;
	uint64_t blocks;
	uint32_t atime, atime_ns, mtime, mtime_ns, ctime, ctime_ns;
	uint64_t inode;
} __attribute__((packed));

_Static_assert(sizeof(struct stat64_i386) == 96, "as the kernel has it");

/* A node that is not there, or a name for a region: what fstat() of what would be given says. */
static void make_stat(const struct question *question, struct stat *status)
{
	const struct offers *offers = &question->answers->offers;
	bool node = question->thing.kind == THING_UIO;
	mode_t rights = offers->loans.options->read_only ? 0444 : 0666;

	*status = (struct stat){
		.st_ino = 1,
		.st_nlink = 1,
		.st_mode = (node ? S_IFCHR : S_IFREG) | rights,
		.st_uid = geteuid(),
		.st_gid = getegid(),
		.st_blksize = 4096,
	};
	if (node)
		status->st_rdev = makedev(offers->uio_major,
					  offers->plan.uios[question->thing.number].number);
	else
		status->st_size = (off_t)offer_size(offers, &question->thing);
}

/* false: none that run answers for. */
static bool find_stat(const struct question *question, struct stat *status, int *err)
{
	int flags = (int)question->call.flags & AT_SYMLINK_NOFOLLOW;
	enum thing_kind kind = question->thing.kind;

	*err = 0;
	if (kind == THING_UIO || kind == THING_MAP) {
		make_stat(question, status);
		return true;
	}
	if (kind != THING_TREE && !question->thing.in_tree)
		return false;
	if (fstatat(AT_FDCWD, question->thing.name, status, flags))
		*err = -errno;
	return true;
}

static struct stat64_i386 to_i386(const struct stat *status)
{
	return (struct stat64_i386){
		.device = status->st_dev,
		.low_inode = (uint32_t)status->st_ino,
		.mode = status->st_mode,
		.links = (uint32_t)status->st_nlink,
		.uid = status->st_uid,
		.gid = status->st_gid,
		.rdev = status->st_rdev,
		.size = (uint64_t)status->st_size,
		.block_size = (uint32_t)status->st_blksize,
		.blocks = (uint64_t)status->st_blocks,
		.atime = (uint32_t)status->st_atim.tv_sec,
		.mtime = (uint32_t)status->st_mtim.tv_sec,
		.ctime = (uint32_t)status->st_ctim.tv_sec,
		.inode = status->st_ino,
	};
}

static struct statx to_statx(const struct stat *status)
{
	return (struct statx){
		.stx_mask = STATX_BASIC_STATS,
		.stx_blksize = (uint32_t)status->st_blksize,
		.stx_nlink = (uint32_t)status->st_nlink,
		.stx_uid = status->st_uid,
		.stx_gid = status->st_gid,
		.stx_mode = (uint16_t)status->st_mode,
		.stx_ino = status->st_ino,
		.stx_size = (uint64_t)status->st_size,
		.stx_blocks = (uint64_t)status->st_blocks,
		.stx_atime.tv_sec = status->st_atim.tv_sec,
		.stx_mtime.tv_sec = status->st_mtim.tv_sec,
		.stx_ctime.tv_sec = status->st_ctim.tv_sec,
		.stx_dev_major = major(status->st_dev),
		.stx_dev_minor = minor(status->st_dev),
		.stx_rdev_major = major(status->st_rdev),
		.stx_rdev_minor = minor(status->st_rdev),
	};
}

static bool write_stat(const struct question *question, const struct stat *status)
{
	struct stat64_i386 narrow = to_i386(status);
	struct statx extended = to_statx(status);
	uint64_t at = question->call.buffer;

	switch (question->call.kind) {
	case CALL_STAT64:
		return task_write(&question->task, at, &narrow, sizeof(narrow));
	case CALL_STATX:
		return task_write(&question->task, at, &extended, sizeof(extended));
	default:
		return task_write(&question->task, at, status, sizeof(*status));
	}
}

/* access(2): by the mode that stat tells, of whom run answers for. */
static int check_access(const struct question *question, const struct stat *status)
{
	unsigned int wanted = (unsigned int)question->call.mode & 7;

	if (question->thing.kind == THING_TREE || question->thing.in_tree)
		return faccessat(AT_FDCWD, question->thing.name, (int)wanted, 0) ? -errno : 0;
	return wanted & ~(status->st_mode & 7) ? -EACCES : 0;
}

static void answer_stat(const struct question *question)
{
	struct stat status = { 0 };
	int err;

	if (!find_stat(question, &status, &err)) {
		let_pass(question->answers, question->id);
		return;
	}
	if (!err && question->call.kind == CALL_ACCESS)
		err = check_access(question, &status);
	else if (!err && !write_stat(question, &status))
		err = -EFAULT;
	answer_error(question->answers, question->id, err);
}

/* ---- the question ---- */

/* A program that has taken other rights would get windows that policy never saw it ask for. */
static bool is_for_us(const struct question *question)
{
	struct answers *answers = question->answers;

	if (task_is_ours(&question->task))
		return true;
	if (!answers->told_others) {
		answers->told_others = true;
		say_while_running(answers->context,
				  "%s: opened by process %d as another user or in other groups: "
				  "such opens are left to the kernel",
				  question->thing.name, question->task.id);
	}
	return false;
}

static bool read_how(struct question *question)
{
	struct open_how how;

	if (question->call.kind != CALL_OPENAT2)
		return true;
	if (!task_read(&question->task, question->call.buffer, &how, sizeof(how)))
		return false;
	question->call.flags = how.flags;
	/* What must stay below a directory, or cross no mount, is the kernel's to find. */
	return !(how.resolve & ~(uint64_t)RESOLVE_NO_MAGICLINKS);
}

static bool find_question(struct question *question, struct pathname *found)
{
	struct answers *answers = question->answers;
	const struct plan *plan = &answers->offers.plan;
	const struct pathname_interest interest = {
		.names = plan->names,
		.count = plan->map_count,
		.tree = answers->tree.name,
	};
	char text[PATH_MAX];

	found->directory = -1;
	return task_read_string(&question->task, question->call.path, text, sizeof(text)) &&
	       answer_is_awaited(answers, question->id) && read_how(question) &&
	       pathname_find(&question->task, &question->call, text, &interest, found) &&
	       thing_find(found, plan, answers->tree.name, &question->thing) && is_for_us(question);
}

static bool answer_question(struct question *question)
{
	struct pathname found;
	bool waits = false;

	if (!find_question(question, &found))
		let_pass(question->answers, question->id);
	else if (question->call.kind == CALL_OPEN || question->call.kind == CALL_OPENAT2)
		waits = answer_open(question);
	else
		answer_stat(question);
	pathname_close(&found);
	return waits;
}

bool answer_call(struct answers *answers, const struct seccomp_notif *notification,
		 struct offer *offer)
{
	struct question question = { .answers = answers, .id = notification->id, .offer = offer };
	bool waits;

	*offer = (struct offer){ .fd = -1 };
	if (!call_decode(&notification->data, &question.call) ||
	    !task_open(&question.task, (pid_t)notification->pid)) {
		let_pass(answers, notification->id);
		return false;
	}
	waits = answer_question(&question);
	task_close(&question.task);
	return waits;
}
