/* SPDX-License-Identifier: MIT */
/*
 * The MSI-X capability, from the function's configuration space in sysfs. Everybody may read the first 64
 * bytes of that, in which capabilities do not lie.
 */
#include "system/msix.h"

#include <fcntl.h>
#include <unistd.h>

#define CONFIG_SIZE 256
#define STATUS 0x06
#define STATUS_HAS_CAPABILITIES 0x10
#define CAPABILITIES 0x34
#define CAPABILITY_MSIX 0x11
#define ENTRY_SIZE 16u

static uint32_t word_at(const uint8_t *config, unsigned int at)
{
	return config[at] | (uint32_t)config[at + 1] << 8 | (uint32_t)config[at + 2] << 16 |
	       (uint32_t)config[at + 3] << 24;
}

static ssize_t read_config(const char *address, uint8_t config[CONFIG_SIZE])
{
	char path[512];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/bus/pci/devices/%s/config", sys_directory(), address);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = pread(fd, config, CONFIG_SIZE, 0);
	close(fd);
	return n;
}

/* 0: it has none. A list that goes in a circle ends. */
static unsigned int find_capability(const uint8_t *config, uint8_t id)
{
	unsigned int at = config[CAPABILITIES] & 0xfc;

	for (unsigned int i = 0; i < 48 && at >= 0x40; i++, at = config[at + 1] & 0xfc)
		if (config[at] == id)
			return at;
	return 0;
}

static struct msix_part part_at(uint32_t word, uint64_t size, const char *what)
{
	return (struct msix_part){
		.bar = word & 7, .start = word & ~7u, .size = size, .what = what
	};
}

enum msix_answer read_msix(const char *address, struct msix_part parts[2])
{
	uint8_t config[CONFIG_SIZE];
	ssize_t n = read_config(address, config);
	unsigned int at, count;

	if (n < 64)
		return MSIX_UNKNOWN;
	if (!(config[STATUS] & STATUS_HAS_CAPABILITIES))
		return MSIX_NONE;
	if (n < CONFIG_SIZE)
		return MSIX_UNKNOWN;
	at = find_capability(config, CAPABILITY_MSIX);
	if (!at || at > CONFIG_SIZE - 12)
		return MSIX_NONE;
	count = ((config[at + 2] | (unsigned int)config[at + 3] << 8) & 0x7ff) + 1;
	parts[0] = part_at(word_at(config, at + 4), (uint64_t)count * ENTRY_SIZE, "MSI-X table");
	parts[1] = part_at(word_at(config, at + 8), (count + 63) / 64 * 8, "MSI-X pending bits");
	return MSIX_FOUND;
}
