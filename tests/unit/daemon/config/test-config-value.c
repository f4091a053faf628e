// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/mmiod.h>
#include "daemon/config/value.h"

static uint64_t size_of(const char *value)
{
	uint64_t bytes = UINT64_MAX;

	cr_assert_eq(value_size(value, &bytes), 0, "%s", value);
	return bytes;
}

Test(value, sizes_are_numbers_with_an_optional_unit)
{
	cr_assert_eq(size_of("0"), 0u);
	cr_assert_eq(size_of("4096"), 4096u);
	cr_assert_eq(size_of("0x1000"), 4096u);
	cr_assert_eq(size_of("4K"), 4096u);
	cr_assert_eq(size_of("16M"), 16u << 20);
	cr_assert_eq(size_of("2g"), 2ull << 30);
	cr_assert_eq(size_of("1T"), 1ull << 40);
	cr_assert_eq(size_of("010"), 10u, "no octal: nobody means it");
}

Test(value, sizes_refuse_whatever_is_not_clear)
{
	static const char *const bad[] = { "",
					   " ",
					   "-1",
					   "+1",
					   "4KB",
					   "4 K",
					   "K",
					   "0x",
					   "0x-1",
					   "1.5M",
					   "0xg",
					   "4Q",
					   "18446744073709551616",
					   "20000000000T",
					   "0x10000000000000000" };
	uint64_t bytes;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_assert_lt(value_size(bad[i], &bytes), 0, "\"%s\" was taken", bad[i]);
}

Test(value, ranges_include_their_last_byte)
{
	uint64_t offset, length;

	cr_assert_eq(value_range("0x0-0xfff", &offset, &length), 0);
	cr_assert_eq(offset, 0u);
	cr_assert_eq(length, 4096u);
	cr_assert_eq(value_range("16-16", &offset, &length), 0);
	cr_assert_eq(offset, 16u);
	cr_assert_eq(length, 1u);
}

Test(value, ranges_must_not_run_backwards_or_wrap)
{
	uint64_t offset, length;

	cr_assert_lt(value_range("5-4", &offset, &length), 0);
	cr_assert_lt(value_range("0-0xffffffffffffffff", &offset, &length), 0);
	cr_assert_lt(value_range("5", &offset, &length), 0);
	cr_assert_lt(value_range("5-", &offset, &length), 0);
	cr_assert_lt(value_range("-5", &offset, &length), 0);
	cr_assert_lt(value_range("1-2-3", &offset, &length), 0);
}

Test(value, durations_need_a_unit)
{
	uint32_t ms;

	cr_assert_eq(value_duration("500ms", &ms), 0);
	cr_assert_eq(ms, 500u);
	cr_assert_eq(value_duration("2s", &ms), 0);
	cr_assert_eq(ms, 2000u);
	cr_assert_eq(value_duration("10min", &ms), 0);
	cr_assert_eq(ms, 600000u);
	cr_assert_lt(value_duration("2", &ms), 0);
	cr_assert_lt(value_duration("2 s", &ms), 0);
	cr_assert_lt(value_duration("2000h", &ms), 0, "does not fit");
}

Test(value, slots_are_written_as_lspci_does)
{
	uint64_t pci;

	cr_assert_eq(value_slot("pci:0000:01:00.0", &pci), 0);
	cr_assert_eq(pci, MMIOD_PCI_ADDR(0, 1, 0, 0));
	cr_assert_eq(value_slot("pci:000A:fe:1f.7", &pci), 0);
	cr_assert_eq(pci, MMIOD_PCI_ADDR(0xa, 0xfe, 0x1f, 7));
}

Test(value, slots_have_domains_of_up_to_32_bits)
{
	uint64_t pci;

	cr_assert_eq(value_slot("pci:10000:01:00.0", &pci), 0);
	cr_assert_eq(pci, 0x100000100ull);
	cr_assert_eq(value_slot("pci:5d0505:e1:1f.7", &pci), 0);
	cr_assert_eq(pci, 0x5d0505e1ffull);
	cr_assert_eq(value_slot("pci:ffffffff:ff:1f.7", &pci), 0);
	cr_assert_eq(pci, 0xffffffffffffull);
}

Test(value, slots_must_be_whole_and_possible)
{
	static const char *const bad[] = {
		"0000:01:00.0",	     "pci:01:00.0",	  "pci:0000:01:00",
		"pci:0000:01:20.0",  "pci:0000:01:00.8",  "pci:0000:01:00.0 ",
		"pci:0000:001:00.0", "pci:00000:01:00.0", "pci:",
		"pci:0000:1:00.0",   "pci:01000:01:00.0", "pci:100000000:01:00.0",
		"pci:1000g:01:00.0", "pci:100:01:00.0"
	};
	uint64_t pci;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_assert_lt(value_slot(bad[i], &pci), 0, "\"%s\" was taken", bad[i]);
}

Test(value, places_are_written_as_targets_are)
{
	struct value_place place;

	cr_assert_eq(value_place("0000:01:00.0/bar2+0x1000/4K:32", &place), 0);
	cr_assert_eq(place.pci, MMIOD_PCI_ADDR(0, 1, 0, 0));
	cr_assert_eq(place.bar, 2);
	cr_assert_eq(place.offset, 0x1000u);
	cr_assert_eq(place.length, 4096u);
	cr_assert_eq(place.width, 4u);
	cr_assert_eq(value_place("000A:fe:1f.7/bar0", &place), 0);
	cr_assert_eq(place.bar, 0);
	cr_assert_eq(place.length, 0u);
	cr_assert_eq(place.width, 0u);
}

Test(value, places_must_be_whole_and_possible)
{
	static const char *const bad[] = { "0000:01:00.0",
					   "0000:01:00.0/bar6",
					   "0000:01:00.0/bar",
					   "0000:01:00.0/bar22",
					   "pci:0000:01:00.0/bar2",
					   "01:00.0/bar2",
					   "0000:01:20.0/bar2",
					   "0000:01:00.0/bar2+",
					   "0000:01:00.0/bar2/0",
					   "0000:01:00.0/bar2:24",
					   "0000:01:00.0/bar2:32/4K",
					   "0000:01:00.0/bar2+0xffffffffffffffff/2",
					   "0000:01:00.0/bar2 " };
	struct value_place place;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_assert_lt(value_place(bad[i], &place), 0, "\"%s\" was taken", bad[i]);
}

Test(value, ids_are_two_numbers_of_four_digits)
{
	uint16_t vendor, product;

	cr_assert_eq(value_ids("1AF4:1110", &vendor, &product), 0);
	cr_assert_eq(vendor, 0x1af4);
	cr_assert_eq(product, 0x1110);
	cr_assert_lt(value_ids("1af4", &vendor, &product), 0);
	cr_assert_lt(value_ids("1af4:111", &vendor, &product), 0);
	cr_assert_lt(value_ids("1af4:11100", &vendor, &product), 0);
	cr_assert_lt(value_ids("zaf4:1110", &vendor, &product), 0);
}

Test(value, names_have_up_to_31_plain_letters)
{
	cr_assert(value_is_name("fpga-0.ctrl_A"));
	cr_assert(value_is_name("1234567890123456789012345678901"));
	cr_assert_not(value_is_name("12345678901234567890123456789012"));
	cr_assert_not(value_is_name(""));
	cr_assert_not(value_is_name("a b"));
	cr_assert_not(value_is_name("a/b"));
	cr_assert_not(value_is_name("\xc3\xa4"));
}
