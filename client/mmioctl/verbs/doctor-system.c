/* SPDX-License-Identifier: MIT */
/*
 * The doctor's look at the kernel (module, lockdown, options) and at the daemon's
 * configuration. MMIOCTL_ROOT: another directory than / for files outside /proc and /sys.
 */
#include "system/signature.h"
#include "system/sysfs.h"
#include "verbs/doctor.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>

static bool file_says(const char *path, const char *words)
{
	FILE *file = open_root(path);
	bool found = false;
	char line[512];

	while (file && !found && fgets(line, sizeof(line), file))
		found = strstr(line, words);
	if (file)
		fclose(file);
	return found;
}

static bool sys_exists(const char *path)
{
	struct stat status;
	char full[512];

	snprintf(full, sizeof(full), "%s/%s", sys_directory(), path);
	return stat(full, &status) == 0;
}

/* ---- the module ---- */

/*
 * "[none] integrity confidentiality": the word in brackets; "none" where the kernel has no
 * lockdown.
 */
static void read_lockdown(char *out, size_t size)
{
	char line[128], *start, *end;

	snprintf(out, size, "none");
	if (!sys_read("kernel/security/lockdown", line, sizeof(line)))
		return;
	start = strchr(line, '[');
	end = start ? strchr(start, ']') : NULL;
	if (!end)
		return;
	*end = '\0';
	snprintf(out, size, "%s", start + 1);
}

static void check_loaded(struct doctor *doctor, const char *release, const char *lockdown,
			 const struct signature *signature)
{
	char version[64] = "", taint[32] = "";
	bool unsigned_one;

	sys_read("module/mmiod/version", version, sizeof(version));
	sys_read("module/mmiod/taint", taint, sizeof(taint));
	unsigned_one = strchr(taint, 'E');
	finding(doctor, RESULT_OK, "module", NULL, "kernel %s, module mmiod%s%s is loaded%s",
		release, version[0] ? " " : "", version,
		unsigned_one ? "" : " and signed with a key that the kernel knows");
	if (unsigned_one)
		note_signature(doctor, signature);
	if (strcmp(lockdown, "none"))
		finding(doctor, RESULT_NOTE, "lockdown", NULL,
			"kernel lockdown is %s: regions by physical address are refused, devices "
			"are not",
			lockdown);
}

static void check_unloaded(struct doctor *doctor, const char *release, const char *lockdown,
			   const struct signature *signature)
{
	if (doctor->simulation)
		finding(doctor, RESULT_NOTE, "module", NULL,
			"kernel %s has no module mmiod loaded, which simulation does not need",
			release);
	else if (!signature->module[0])
		finding(doctor, RESULT_FAIL, "module",
			"install it: dkms add mmiod/" MMIOD_VERSION
			" && dkms install mmiod/" MMIOD_VERSION,
			"kernel %s has no module mmiod", release);
	else if (check_signature(doctor, signature, lockdown))
		finding(doctor, RESULT_FAIL, "module", "modprobe mmiod",
			"module mmiod is installed, but not loaded");
}

static void check_module(struct doctor *doctor, const char *release)
{
	struct signature signature;
	char lockdown[32];

	read_lockdown(lockdown, sizeof(lockdown));
	read_signature(&signature, release);
	if (sys_exists("module/mmiod"))
		check_loaded(doctor, release, lockdown, &signature);
	else
		check_unloaded(doctor, release, lockdown, &signature);
}

static void check_node(struct doctor *doctor)
{
	const char *root = getenv("MMIOCTL_ROOT");
	struct stat status;
	char path[256], user[64];

	snprintf(path, sizeof(path), "%s/dev/mmiod", root ? root : "");
	if (stat(path, &status)) {
		if (sys_exists("module/mmiod"))
			finding(doctor, RESULT_FAIL, "node", "udevadm trigger -c add -s misc",
				"the module is loaded, but there is no /dev/mmiod");
		return;
	}
	user_name(status.st_uid, user, sizeof(user));
	if (status.st_mode & (S_IRWXG | S_IRWXO))
		finding(doctor, RESULT_WARN, "node", "chmod 0600 /dev/mmiod",
			"/dev/mmiod is open to others than its owner (mode %04o)",
			(unsigned int)status.st_mode & 07777);
	else
		finding(doctor, RESULT_OK, "node", NULL,
			"/dev/mmiod belongs to %s, and to nobody else", user);
}

/* ---- kernel options ---- */

static void check_devmem(struct doctor *doctor, const char *config)
{
	if (file_says(config, "CONFIG_IO_STRICT_DEVMEM=y"))
		finding(doctor, RESULT_OK, "devmem", NULL,
			"IO_STRICT_DEVMEM: claimed regions are closed to /dev/mem and sysfs, even "
			"for root");
	else
		finding(doctor, RESULT_WARN, "devmem", "a kernel with CONFIG_IO_STRICT_DEVMEM=y",
			"no IO_STRICT_DEVMEM: root reaches claimed regions by /dev/mem, past "
			"mmiod");
	if (file_says("/proc/cmdline", "iomem=relaxed"))
		finding(doctor, RESULT_WARN, "devmem", "remove it from the kernel's command line",
			"iomem=relaxed undoes IO_STRICT_DEVMEM");
}

/* The symbol came with 6.12, and with it leaves of device memory. See mmiod(8) for what mbind() does. */
static void check_huge_leaves(struct doctor *doctor, const char *config)
{
	bool able = file_says(config, "CONFIG_ARCH_SUPPORTS_PMD_PFNMAP=y");
	bool crashes = file_says(config, "CONFIG_NUMA=y");
	char set[8];

	if (!able)
		finding(doctor, RESULT_NOTE, "huge-leaves", NULL,
			"the kernel maps windows by pages of 4 KiB (larger leaves come with 6.12)");
	else if (!sys_read("module/mmiod/parameters/pmd_leaves", set, sizeof(set)))
		finding(doctor, RESULT_OK, "huge-leaves", NULL,
			"the kernel can map windows by leaves of 1 GiB, and of 2 MiB");
	else if (set[0] != 'Y')
		finding(doctor, RESULT_OK, "huge-leaves", NULL,
			"windows are mapped by leaves of 1 GiB where they fit, not of 2 MiB "
			"(pmd_leaves is %s, see mmiod(8))",
			set);
	else if (crashes)
		finding(doctor, RESULT_WARN, "huge-leaves",
			"echo N >/sys/module/mmiod/parameters/pmd_leaves, unless all clients are "
			"trusted",
			"pmd_leaves is set: windows are mapped by leaves of 2 MiB, and by mbind(2) "
			"a client could crash this kernel");
	else
		finding(doctor, RESULT_OK, "huge-leaves", NULL,
			"windows are mapped by leaves of 1 GiB and 2 MiB where they fit");
}

static void check_iommu(struct doctor *doctor)
{
	char path[512];
	DIR *directory;
	size_t count = 0;

	snprintf(path, sizeof(path), "%s/class/iommu", sys_directory());
	directory = opendir(path);
	for (struct dirent *entry; directory && (entry = readdir(directory));)
		count += entry->d_name[0] != '.';
	if (directory)
		closedir(directory);
	if (count)
		finding(doctor, RESULT_OK, "iommu", NULL, "the kernel uses an IOMMU");
	else
		finding(doctor, RESULT_NOTE, "iommu", "intel_iommu=on, or vfio for such devices",
			"no IOMMU: a device that does DMA on a client's behalf reaches all memory");
}

void check_kernel(struct doctor *doctor)
{
	struct utsname system;
	char config[128];
	FILE *file;

	uname(&system);
	check_module(doctor, system.release);
	check_node(doctor);
	snprintf(config, sizeof(config), "/boot/config-%.64s", system.release);
	file = open_root(config);
	if (file) {
		fclose(file);
		check_devmem(doctor, config);
		check_huge_leaves(doctor, config);
	} else {
		finding(doctor, RESULT_NOTE, "config", NULL,
			"%s cannot be read: whether the kernel has IO_STRICT_DEVMEM and huge "
			"leaves is unknown",
			config);
	}
	check_iommu(doctor);
}

/* ---- configuration ---- */

/*
 * The daemon's own verdict. Its last line is the interesting one: a refusal, or how much there is.
 */
void check_configuration(struct doctor *doctor)
{
	char line[512], last[512] = "";
	FILE *pipe;
	int status;

	fflush(stdout);
	pipe = popen("PATH=$PATH:/usr/sbin:/sbin mmiod --check-config 2>&1", "re");
	if (!pipe)
		return;
	while (fgets(line, sizeof(line), pipe))
		if (line[0] != '\n')
			snprintf(last, sizeof(last), "%s", line);
	status = pclose(pipe);
	last[strcspn(last, "\n")] = '\0';
	if (status == 0)
		finding(doctor, RESULT_OK, "configuration", NULL, "configuration %s", last);
	else if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		finding(doctor, RESULT_NOTE, "configuration", NULL,
			"mmiod is not installed here: its configuration was not checked");
	else
		finding(doctor, RESULT_FAIL, "configuration",
			"mend it, then systemctl reload mmiod", "%s",
			last[0] ? last : "mmiod --check-config failed");
}
