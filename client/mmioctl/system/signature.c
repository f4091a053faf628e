/* SPDX-License-Identifier: MIT */
/*
 * Certificates are read by openssl and modules by modinfo: both are there where DKMS is. What signed a
 * module is told by the serial number of its certificate, because all of DKMS's have the same name.
 * Whether the kernel knows a key is told by the identifier of the key in /proc/keys: mokutil --test-key
 * ends with another status in each of its generations.
 */
#include "system/signature.h"
#include "system/sysfs.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define EFIVARS "firmware/efi/efivars/"

extern char **environ;

static void root_path(const char *path, char *out, size_t size)
{
	const char *root = getenv("MMIOCTL_ROOT");

	snprintf(out, size, "%s%s", root ? root : "", path);
}

FILE *open_root(const char *path)
{
	char full[768];

	root_path(path, full, sizeof(full));
	return fopen(full, "re");
}

static bool exists(const char *path)
{
	FILE *file = open_root(path);

	if (!file)
		return false;
	fclose(file);
	return true;
}

/* ---- tools ---- */

/* A shell of root's has /usr/sbin in its PATH, a user's has not. */
static int spawn(pid_t *pid, const posix_spawn_file_actions_t *actions, const char *const *words)
{
	char *const *arguments = (char *const *)words;
	char path[64];
	int err = posix_spawnp(pid, words[0], actions, NULL, arguments, environ);

	if (err != ENOENT)
		return -err;
	snprintf(path, sizeof(path), "/usr/sbin/%s", words[0]);
	return -posix_spawn(pid, path, actions, NULL, arguments, environ);
}

static size_t read_all(int fd, char *out, size_t size)
{
	size_t length = 0;

	while (length + 1 < size) {
		ssize_t n = read(fd, out + length, size - length - 1);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		length += (size_t)n;
	}
	out[length] = '\0';
	return length;
}

/* Into @out the output of a program that succeeds; -ENOENT: it is not installed. */
static int run_tool(const char *const *words, char *out, size_t size)
{
	posix_spawn_file_actions_t actions;
	int ends[2], status = -1, err;
	pid_t pid;

	out[0] = '\0';
	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	err = spawn(&pid, &actions, words);
	posix_spawn_file_actions_destroy(&actions);
	close(ends[1]);
	if (!err)
		read_all(ends[0], out, size);
	close(ends[0]);
	while (!err && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return err ? err : status ? -EIO : 0;
}

/* "AA:bb:0C…" up to the end of the line as "aabb0c…". */
static void take_digits(const char *from, char *out, size_t size)
{
	size_t n = 0;

	for (; *from && *from != '\n' && n + 1 < size; from++)
		if (isxdigit((unsigned char)*from))
			out[n++] = (char)tolower((unsigned char)*from);
	out[n] = '\0';
}

/* ---- Secure Boot ---- */

/* A variable of the firmware: four bytes of attributes, then its value, which is one byte here. */
static bool secure_boot_is_on(void)
{
	char path[512], bytes[5];
	FILE *file;
	bool on;

	snprintf(path, sizeof(path),
		 "%s/" EFIVARS "SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c", sys_directory());
	file = fopen(path, "re");
	on = file && fread(bytes, 1, sizeof(bytes), file) == sizeof(bytes) && bytes[4] == 1;
	if (file)
		fclose(file);
	return on;
}

static bool enrolment_is_pending(void)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/" EFIVARS "MokNew-605dab50-e046-4300-abb6-3dd810dd8b23",
		 sys_directory());
	return access(path, F_OK) == 0;
}

/* ---- the certificate ---- */

/* The last `mok_certificate="PATH"` of a file for the shell. */
static void read_setting(const char *path, char *out, size_t size)
{
	FILE *file = fopen(path, "re");
	char line[512], *value;

	while (file && fgets(line, sizeof(line), file)) {
		value = line + strspn(line, " \t");
		if (strncmp(value, "mok_certificate=", 16))
			continue;
		value += 16;
		value += strspn(value, "\"'");
		value[strcspn(value, "\"' \t\n")] = '\0';
		snprintf(out, size, "%s", value);
	}
	if (file)
		fclose(file);
}

/* As dkms finds it. */
static void find_certificate(char *out, size_t size)
{
	static const char ubuntu[] = "/var/lib/shim-signed/mok/MOK.der";
	char path[768];
	glob_t found;

	out[0] = '\0';
	root_path("/etc/dkms/framework.conf", path, sizeof(path));
	read_setting(path, out, size);
	root_path("/etc/dkms/framework.conf.d/*.conf", path, sizeof(path));
	if (!glob(path, 0, NULL, &found)) {
		for (size_t i = 0; i < found.gl_pathc; i++)
			read_setting(found.gl_pathv[i], out, size);
		globfree(&found);
	}
	if (!out[0])
		snprintf(out, size, "%s", exists(ubuntu) ? ubuntu : "/var/lib/dkms/mok.pub");
}

static void read_certificate(struct signature *signature)
{
	char path[768], said[1024], *line;
	const char *const words[] = {
		"openssl", "x509",   "-inform", "DER",	"-in",
		path,	   "-noout", "-serial", "-ext", "subjectKeyIdentifier",
		NULL
	};
	int err;

	if (!exists(signature->certificate))
		return;
	root_path(signature->certificate, path, sizeof(path));
	err = run_tool(words, said, sizeof(said));
	signature->no_openssl = err == -ENOENT;
	line = strstr(said, "serial=");
	if (err || !line)
		return;
	signature->readable = true;
	take_digits(line + strlen("serial="), signature->serial, sizeof(signature->serial));
	line = strstr(said, "Subject Key Identifier:");
	line = line ? strchr(line, '\n') : NULL;
	if (line)
		take_digits(line + 1, signature->key_id, sizeof(signature->key_id));
}

/*
 * A line is "… asymmetri SUBJECT: KEYID: X509.rsa …", and a reader gets those that they may view. A
 * certificate without an identifier of its key stands there with its serial.
 */
static enum key_state find_key(const char *id)
{
	FILE *file = open_root("/proc/keys");
	enum key_state state = KEY_UNKNOWN;
	char line[1024], wanted[SERIAL_SIZE + 4];

	snprintf(wanted, sizeof(wanted), ": %s:", id);
	while (file && state != KEY_ENROLLED && fgets(line, sizeof(line), file)) {
		if (!strstr(line, " asymmetri "))
			continue;
		state = strstr(line, wanted) ? KEY_ENROLLED : KEY_MISSING;
	}
	if (file && state == KEY_UNKNOWN && geteuid() == 0)
		state = KEY_MISSING;
	if (file)
		fclose(file);
	return state;
}

/* ---- the module ---- */

/* The first word of the line of modules.dep. */
static void find_module(const char *release, char *out, size_t size)
{
	char path[256], line[512];
	FILE *file;

	out[0] = '\0';
	snprintf(path, sizeof(path), "/lib/modules/%.64s/modules.dep", release);
	file = open_root(path);
	while (file && !out[0] && fgets(line, sizeof(line), file)) {
		line[strcspn(line, ":\n")] = '\0';
		if (strstr(line, "/mmiod.ko"))
			snprintf(out, size, "%s/lib/modules/%.64s/%.256s",
				 getenv("MMIOCTL_ROOT") ?: "", release, line);
	}
	if (file)
		fclose(file);
}

static void read_signer(struct signature *signature)
{
	const char *const words[] = { "modinfo", "-F", "sig_key", signature->module, NULL };
	char said[512];

	if (signature->module[0] && !run_tool(words, said, sizeof(said)))
		take_digits(said, signature->signed_by, sizeof(signature->signed_by));
}

void read_signature(struct signature *signature, const char *release)
{
	*signature = (struct signature){ .secure_boot = secure_boot_is_on(),
					 .pending = enrolment_is_pending() };
	find_certificate(signature->certificate, sizeof(signature->certificate));
	read_certificate(signature);
	if (signature->readable)
		signature->key =
			find_key(signature->key_id[0] ? signature->key_id : signature->serial);
	find_module(release, signature->module, sizeof(signature->module));
	read_signer(signature);
}

/* Some write a number with leading zeros. */
bool signed_by_certificate(const struct signature *signature)
{
	const char *one = signature->serial + strspn(signature->serial, "0");
	const char *other = signature->signed_by + strspn(signature->signed_by, "0");

	return signature->readable && *one && !strcmp(one, other);
}
