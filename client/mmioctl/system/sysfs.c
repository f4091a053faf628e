/* SPDX-License-Identifier: MIT */
/*
 * Reads /sys/bus/pci/devices. Names come from libpciaccess, which reads the machine's pci.ids, if
 * it has one.
 */
#include "system/sysfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/pci_regs.h>
#include <pciaccess.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PCI "bus/pci/devices/"

const char *sys_directory(void)
{
	const char *sys = getenv("MMIOCTL_SYS");

	return sys && sys[0] ? sys : "/sys";
}

bool sys_read(const char *path, char *out, size_t size)
{
	char full[512];
	FILE *file;
	bool good;

	snprintf(full, sizeof(full), "%s/%s", sys_directory(), path);
	file = fopen(full, "re");
	good = file && fgets(out, (int)size, file);
	if (file)
		fclose(file);
	if (!good)
		out[0] = '\0';
	out[strcspn(out, "\n")] = '\0';
	return good;
}

static bool read_attribute(const char *address, const char *name, char *out, size_t size)
{
	char path[256];

	snprintf(path, sizeof(path), PCI "%s/%s", address, name);
	return sys_read(path, out, size);
}

static long read_long(const char *address, const char *name, long otherwise)
{
	char text[64];

	return read_attribute(address, name, text, sizeof(text)) ? strtol(text, NULL, 0)
								 : otherwise;
}

/* The last part of what a link points to; "" if there is none. */
static void read_link(const char *address, const char *name, char *out, size_t size)
{
	char path[512], target[512];
	const char *base;
	ssize_t n;

	snprintf(path, sizeof(path), "%s/" PCI "%s/%s", sys_directory(), address, name);
	n = readlink(path, target, sizeof(target) - 1);
	target[n < 0 ? 0 : n] = '\0';
	base = strrchr(target, '/');
	snprintf(out, size, "%.*s", (int)size - 1, base ? base + 1 : target);
}

/*
 * "0x00000000fea00000 0x00000000feafffff 0x0000000000040200"; the flags are the kernel's
 * IORESOURCE_.
 */
bool parse_bar(const char *line, struct pci_bar *bar)
{
	uint64_t start, end, flags;

	memset(bar, 0, sizeof(*bar));
	if (sscanf(line, "%" SCNx64 " %" SCNx64 " %" SCNx64, &start, &end, &flags) != 3)
		return false;
	if (!flags || end < start)
		return true;
	*bar = (struct pci_bar){
		.start = start,
		.size = end - start + 1,
		.io = flags & 0x100,
		.prefetchable = flags & 0x2000,
		.wide = flags & 0x100000,
	};
	return true;
}

static void read_bars(const char *address, struct pci_bar bars[FUNCTION_BARS])
{
	char path[512], line[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/" PCI "%s/resource", sys_directory(), address);
	file = fopen(path, "re");
	for (size_t i = 0; file && i < FUNCTION_BARS && fgets(line, sizeof(line), file); i++)
		parse_bar(line, &bars[i]);
	if (file)
		fclose(file);
}

bool read_function_bar(const char *address, unsigned int index, struct pci_bar *bar)
{
	struct pci_bar bars[FUNCTION_BARS] = { 0 };

	read_bars(address, bars);
	*bar = index < FUNCTION_BARS ? bars[index] : (struct pci_bar){ 0 };
	return bar->size;
}

/* How many bytes there were, or -1. */
static ssize_t read_config_in(const char *directory, off_t at, uint8_t *bytes, size_t size)
{
	char path[PATH_MAX + 8];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/config", directory);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = pread(fd, bytes, size, at);
	close(fd);
	return n;
}

ssize_t read_function_config(const char *address, uint8_t *bytes, size_t size)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/" PCI "%s", sys_directory(), address);
	return read_config_in(path, 0, bytes, size);
}

static int read_command_in(const char *directory)
{
	uint8_t bytes[2];

	return read_config_in(directory, PCI_COMMAND, bytes, sizeof(bytes)) == sizeof(bytes)
		       ? bytes[0] | bytes[1] << 8
		       : -1;
}

static bool is_virtual(const char *address)
{
	char physical[32];

	read_link(address, "physfn", physical, sizeof(physical));
	return physical[0];
}

/*
 * A virtual function has no bit of its own for memory: its physical one has one for all, which is on
 * for as long as there are any.
 */
static int read_command(const char *address)
{
	char path[512];
	int command;

	snprintf(path, sizeof(path), "%s/" PCI "%s", sys_directory(), address);
	command = read_command_in(path);
	return command >= 0 && is_virtual(address) ? command | PCI_COMMAND_MEMORY : command;
}

/* Each function's directory lies in that of the bridge above it. */
bool find_mute_bridge(const char *address, char *bridge, size_t size)
{
	char path[512], real[PATH_MAX];
	int command;

	snprintf(path, sizeof(path), "%s/" PCI "%s", sys_directory(), address);
	if (!realpath(path, real))
		return false;
	do {
		*strrchr(real, '/') = '\0';
		command = read_command_in(real);
	} while (command >= 0 && command & 2);
	snprintf(bridge, size, "%.*s", (int)size - 1, strrchr(real, '/') + 1);
	return command >= 0;
}

static void read_function(struct pci_function *function)
{
	const char *address = function->address;
	char text[64], *rest;

	function->vendor = (unsigned int)read_long(address, "vendor", 0);
	function->device = (unsigned int)read_long(address, "device", 0);
	function->class = (unsigned int)read_long(address, "class", 0);
	function->node = (int)read_long(address, "numa_node", -1);
	function->width = (unsigned int)read_long(address, "current_link_width", 0);
	function->command = read_command(address);
	read_link(address, "driver", function->driver, sizeof(function->driver));
	read_attribute(address, "driver_override", function->override, sizeof(function->override));
	if (!strcmp(function->override, "(null)"))
		function->override[0] = '\0';
	read_link(address, "iommu_group", text, sizeof(text));
	function->iommu_group = text[0] ? atoi(text) : -1;
	read_attribute(address, "current_link_speed", function->speed, sizeof(function->speed));
	rest = strstr(function->speed, " PCIe");
	if (rest)
		*rest = '\0';
	if (!strncmp(function->speed, "Unknown", 7))
		function->speed[0] = '\0';
	read_bars(address, function->bars);
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct pci_function *)a)->address,
		      ((const struct pci_function *)b)->address);
}

int read_functions(const struct context *context, struct pci_functions *functions)
{
	struct pci_function *grown;
	struct dirent *entry;
	char path[512];
	DIR *directory;

	*functions = (struct pci_functions){ 0 };
	snprintf(path, sizeof(path), "%s/" PCI, sys_directory());
	directory = opendir(path);
	if (!directory)
		return report(context, -errno, "%s: %s", path, strerror(errno));
	while ((entry = readdir(directory))) {
		struct pci_function function = { 0 };

		if (entry->d_name[0] == '.')
			continue;
		grown = reallocarray(functions->items, functions->count + 1, sizeof(*grown));
		if (!grown)
			break;
		functions->items = grown;
		snprintf(function.address, sizeof(function.address), "%.19s", entry->d_name);
		read_function(&function);
		functions->items[functions->count++] = function;
	}
	closedir(directory);
	if (functions->count)
		qsort(functions->items, functions->count, sizeof(functions->items[0]), compare);
	return 0;
}

void free_functions(struct pci_functions *functions)
{
	free(functions->items);
	*functions = (struct pci_functions){ 0 };
}

void function_model(const struct pci_function *function, char *out, size_t size)
{
	const struct pci_id_match match = {
		.vendor_id = function->vendor,
		.device_id = function->device,
		.subvendor_id = PCI_MATCH_ANY,
		.subdevice_id = PCI_MATCH_ANY,
	};
	const char *device = NULL, *vendor = NULL;

	pci_get_strings(&match, &device, &vendor, NULL, NULL);
	snprintf(out, size, "%s%s%s", vendor ? vendor : "", vendor && device ? " " : "",
		 device ? device : "");
}

/* Of the first byte, and of what is common below it. */
const char *class_name(unsigned int class)
{
	static const char *const bases[] = {
		"unclassified", "storage",    "network",       "display",     "multimedia",
		"memory",	"bridge",     "communication", "system",      "input",
		"docking",	"processor",  "serial bus",    "wireless",    "intelligent I/O",
		"satellite",	"encryption", "signal",	       "accelerator",
	};

	switch (class >> 8) {
	case 0x0108:
		return "NVMe";
	case 0x0200:
		return "Ethernet";
	case 0x0500:
		return "RAM";
	case 0x0600:
		return "host bridge";
	case 0x0601:
		return "ISA bridge";
	case 0x0604:
		return "PCI bridge";
	case 0x0c03:
		return "USB";
	case 0x0c05:
		return "SMBus";
	}
	if (class >> 16 < sizeof(bases) / sizeof(bases[0]))
		return bases[class >> 16];
	return "other";
}
