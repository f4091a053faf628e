// SPDX-License-Identifier: MIT
/*
 * Why a PCI function does not answer, on a directory that looks like sysfs: a card below a bridge
 * below a root port.
 */
#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>
#include "daemon/machine/pci.h"
#include "support/files.h"

#define CARD 0x0200u /* 0000:02:00.0 */
#define PORT "sys/devices/pci0000:00/0000:00:05.0"
#define BRIDGE PORT "/0000:01:00.0"
#define FUNCTION BRIDGE "/0000:02:00.0"

static char said[256];

static void set_command(const char *directory, unsigned int command)
{
	const uint8_t config[64] = { [4] = command & 0xff, [5] = command >> 8 };
	char name[128];
	FILE *file;

	snprintf(name, sizeof(name), "%s/config", directory);
	file = fopen(files_path(name), "we");
	cr_assert_not_null(file);
	cr_assert_eq(fwrite(config, sizeof(config), 1, file), 1);
	fclose(file);
}

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
	set_command(PORT, 0x107);
	set_command(BRIDGE, 0x107);
	set_command(FUNCTION, 0x102);
}

TestSuite(pci, .init = start, .fini = files_remove);

static const char *explain(uint64_t address)
{
	struct text why = TEXT_ON(said);
	char sys[160];

	said[0] = '\0';
	snprintf(sys, sizeof(sys), "%s", files_path("sys"));
	pci_explain_silence(sys, address, &why);
	return said;
}

Test(pci, a_function_that_does_not_decode_is_named)
{
	set_command(FUNCTION, 0x100);
	cr_assert_str_eq(explain(CARD), "memory decoding of 0000:02:00.0 is off");
}

Test(pci, of_the_bridges_above_the_one_that_does_not_decode_is_named)
{
	set_command(PORT, 0);
	cr_assert_str_eq(explain(CARD),
			 "memory decoding of the bridge 0000:00:05.0 above it is off");
	set_command(PORT, 2);
	set_command(BRIDGE, 0x400);
	cr_assert_str_eq(explain(CARD),
			 "memory decoding of the bridge 0000:01:00.0 above it is off");
}

Test(pci, ones_are_no_answer)
{
	set_command(FUNCTION, 0xffff);
	cr_assert_str_eq(explain(CARD), "the configuration space of 0000:02:00.0 reads as ones");
}

Test(pci, a_function_that_has_gone_or_come_back_is_said_to)
{
	cr_assert_str_eq(explain(0x0300), "there is no 0000:03:00.0 any more");
	cr_assert_not_null(strstr(explain(CARD), "answers by now"));
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
