// SPDX-License-Identifier: MIT
/*
 * Where the BARs of a PCI function lie, on a directory that looks like sysfs: a card below a bridge
 * below a root port.
 */
#include <criterion/criterion.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "daemon/machine/pci.h"
#include "support/files.h"

#define CARD 0x0200u /* 0000:02:00.0 */
#define PORT "sys/devices/pci0000:00/0000:00:05.0"
#define BRIDGE PORT "/0000:01:00.0"
#define FUNCTION BRIDGE "/0000:02:00.0"

static void start(void)
{
	files_make();
	files_mkdir("sys", 0755);
	files_mkdir("sys/devices", 0755);
	files_mkdir("sys/devices/pci0000:00", 0755);
	files_mkdir(PORT, 0755);
	files_mkdir(BRIDGE, 0755);
	files_mkdir(FUNCTION, 0755);
	files_mkdir("sys/bus", 0755);
	files_mkdir("sys/bus/pci", 0755);
	files_mkdir("sys/bus/pci/devices", 0755);
	cr_assert_eq(symlink("../../../devices/pci0000:00/0000:00:05.0/0000:01:00.0/0000:02:00.0",
			     files_path("sys/bus/pci/devices/0000:02:00.0")),
		     0);
}

TestSuite(pci, .init = start, .fini = files_remove);

static struct pci_info bars_of(const char *resource)
{
	struct pci_info info = { .address = CARD, .bars = { { 1, 1 }, { 1, 1 }, [5] = { 1, 1 } } };
	char sys[160];

	if (resource)
		files_write(FUNCTION "/resource", 0600, resource);
	snprintf(sys, sizeof(sys), "%s", files_path("sys"));
	pci_read_bars(sys, &info);
	return info;
}

/* Its configuration space is a pipe that nobody writes to: who opens it waits, as in a reset. */
Test(pci, bars_are_known_without_a_look_at_the_configuration_space)
{
	struct pci_info info;

	cr_assert_eq(mkfifo(files_path(FUNCTION "/config"), 0600), 0);
	info = bars_of("0x00000000fea00000 0x00000000fea00fff 0x0000000000040200\n"
		       "0x000000000000c000 0x000000000000c0ff 0x0000000000040101\n"
		       "0x0000000800000000 0x00000009ffffffff 0x000000000014220c\n"
		       "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
		       "0x0000000000000000 0x0000000000003fff 0x0000000000040200\n"
		       "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
		       "0x00000000febc0000 0x00000000febfffff 0x0000000000046200\n");
	cr_assert_eq(info.bars[0].start, 0xfea00000);
	cr_assert_eq(info.bars[0].size, 0x1000);
	cr_assert_eq(info.bars[1].size, 0x100u);
	cr_assert(info.bars[1].ports);
	cr_assert_not(info.bars[0].ports);
	cr_assert_eq(info.bars[2].start, 0x800000000);
	cr_assert_eq(info.bars[2].size, 8ull << 30);
	cr_assert_eq(info.bars[4].size, 0x4000u, "one that has no address yet has a size");
	cr_assert_eq(info.bars[3].size, 0u);
	cr_assert_eq(info.bars[5].size, 0u, "the ROM is no BAR");
}

Test(pci, a_function_that_has_gone_or_makes_no_sense_has_no_bars)
{
	static const char *const resources[] = {
		NULL,
		"",
		"0xfea00000\n",
		"0xfea00fff 0xfea00000 0x40200\n",
		"?\n0xfea00000 0xfea00fff 0x40200\n",
	};

	for (size_t i = 0; i < sizeof(resources) / sizeof(resources[0]); i++) {
		struct pci_info info = bars_of(resources[i]);

		for (size_t bar = 0; bar < PCI_BARS; bar++)
			cr_assert_eq(info.bars[bar].size, 0u, "%zu: BAR %zu", i, bar);
	}
}

Test(pci, addresses_are_written_with_as_many_digits_as_the_domain_needs)
{
	char name[MMIOD_WIRE_NAME];

	pci_format(MMIOD_PCI_DEVICE(0, 1, 0x1f, 7), name);
	cr_assert_str_eq(name, "0000:01:1f.7");
	pci_format(MMIOD_PCI_DEVICE(0x10000, 0xe1, 0, 0), name);
	cr_assert_str_eq(name, "10000:e1:00.0");
	pci_format(MMIOD_PCI_DEVICE(0xffffffff, 0xff, 0x1f, 7), name);
	cr_assert_str_eq(name, "ffffffff:ff:1f.7");
}
