/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>
#include <mmiod/mmiod.h>
#include <string.h>

static void accepts(const char *text, const char *region, uint64_t offset, uint64_t length,
		    unsigned int width)
{
	struct mmiod_target target;
	char error[256];
	int err = mmiod_target_parse(text, &target, error, sizeof(error));

	cr_assert_eq(err, 0, "%s: %s", text, error);
	cr_assert_str_eq(target.region, region);
	cr_assert_eq(target.offset, offset, "%s: offset 0x%llx", text,
		     (unsigned long long)target.offset);
	cr_assert_eq(target.length, length, "%s: length 0x%llx", text,
		     (unsigned long long)target.length);
	cr_assert_eq(target.width, width, "%s: width %u", text, target.width);
	cr_assert_str_empty(error);
}

static void refuses(const char *text, const char *because)
{
	struct mmiod_target target;
	char error[256];
	int err = mmiod_target_parse(text, &target, error, sizeof(error));

	cr_assert_eq(err, -EINVAL, "\"%s\" is accepted", text);
	cr_assert(strstr(error, because), "\"%s\": \"%s\" does not say \"%s\"", text, error,
		  because);
	cr_assert_str_empty(target.region, "\"%s\" leaves a region behind", text);
}

Test(target, is_a_region_alone)
{
	accepts("shm", "shm", 0, 0, 0);
	accepts("fpga-ctrl_0.a", "fpga-ctrl_0.a", 0, 0, 0);
	accepts("0", "0", 0, 0, 0);
}

Test(target, has_an_offset_a_length_and_a_width)
{
	accepts("edu+0x8", "edu", 8, 0, 0);
	accepts("edu+8:32", "edu", 8, 0, 4);
	accepts("shm+0x1000/0x1000", "shm", 0x1000, 0x1000, 0);
	accepts("shm/16", "shm", 0, 16, 0);
	accepts("shm:64", "shm", 0, 0, 8);
	accepts("shm/16:8", "shm", 0, 16, 1);
	accepts("shm+1M/4K:16", "shm", 1 << 20, 4096, 2);
	accepts("shm+0XfF/1G", "shm", 255, 1 << 30, 0);
	accepts("shm+1T/4k", "shm", 1ull << 40, 4096, 0);
}

Test(target, may_say_where_it_lies_instead_of_its_name)
{
	accepts("0000:01:00.0/bar2+0x10/16:32", "0000:01:00.0/bar2", 0x10, 16, 4);
	accepts("00AF:01:1f.7/bar0", "00af:01:1f.7/bar0", 0, 0, 0);
	accepts("01:00.0/bar5:8", "0000:01:00.0/bar5", 0, 0, 1);
	refuses("0000:01:00.0", "Write 0000:01:00.0/bar0");
	refuses("0000:01:00.0+4", "which BAR");
	refuses("0000:01:00.0/4", "which BAR");
	refuses("0000:01:00.0/bar6", "bar0 to bar5");
	refuses("0000:01:00.0/bar", "bar0 to bar5");
	refuses("0000:01:00.0/bar22", "bar0 to bar5");
	refuses("0000:01:00.00/bar2", "width");
	refuses("0000:01:20.0/bar0", "device 00 to 1f");
	refuses("01:00.8/bar0", "function 0 to 7");
	accepts("0000", "0000", 0, 0, 0);
}

Test(target, may_lie_in_a_domain_above_ffff)
{
	accepts("10000:e1:00.0/bar0+0x10:32", "10000:e1:00.0/bar0", 0x10, 0, 4);
	accepts("5D0505:01:00.0/bar2", "5d0505:01:00.0/bar2", 0, 0, 0);
	accepts("ffffffff:ff:1f.7/bar5", "ffffffff:ff:1f.7/bar5", 0, 0, 0);
	refuses("10000:e1:00.0", "Write 10000:e1:00.0/bar0");
	refuses("100000000:01:00.0/bar0", "width");
	refuses("00001:01:00.0/bar0", "width");
}

Test(target, reads_leading_zeros_as_decimal)
{
	accepts("edu+010", "edu", 10, 0, 0);
}

Test(target, reaches_to_the_last_byte_of_64_bits)
{
	accepts("r+0xffffffffffffffff", "r", UINT64_MAX, 0, 0);
	accepts("r+0xfffffffffffffff0/15", "r", UINT64_MAX - 15, 15, 0);
	refuses("r+0xfffffffffffffff0/16", "together");
	refuses("r+0x10000000000000000", "64 bits");
	refuses("r+18446744073709551616", "64 bits");
	refuses("r+0xffffffffffffffffK", "64 bits");
	refuses("r+17179869184G", "64 bits");
	accepts("r+17179869183G", "r", 17179869183ull << 30, 0, 0);
}

Test(target, needs_a_region)
{
	refuses("", "name of a region");
	refuses("+0x10", "name of a region");
	refuses("/4", "name of a region");
	refuses(" shm", "name of a region");
	refuses("\xc3\xa4", "name of a region");
}

Test(target, bounds_the_region_name_as_the_wire_does)
{
	accepts("a234567890123456789012345678901", "a234567890123456789012345678901", 0, 0, 0);
	refuses("a2345678901234567890123456789012", "at most 31");
}

Test(target, refuses_what_is_not_a_number)
{
	refuses("edu+", "offset");
	refuses("edu+0x", "offset");
	refuses("edu+-1", "offset");
	refuses("edu++1", "offset");
	refuses("edu+ 1", "offset");
	refuses("edu+abc", "offset");
	refuses("edu/", "length");
	refuses("edu/x", "length");
	refuses("edu:", "width");
}

Test(target, refuses_widths_that_no_bus_has)
{
	refuses("edu:0", "8, 16, 32 or 64");
	refuses("edu:4", "8, 16, 32 or 64");
	refuses("edu:31", "8, 16, 32 or 64");
	refuses("edu:128", "8, 16, 32 or 64");
	refuses("edu:x", "8, 16, 32 or 64");
}

Test(target, refuses_a_length_of_nothing)
{
	refuses("shm/0", "length of 0");
}

Test(target, refuses_what_follows_or_comes_out_of_order)
{
	refuses("edu+8x", "REGION[+OFFSET][/LENGTH][:WIDTH]");
	refuses("edu+8KK", "REGION[+OFFSET][/LENGTH][:WIDTH]");
	refuses("edu+8kB", "REGION[+OFFSET][/LENGTH][:WIDTH]");
	refuses("edu:32+8", "REGION[+OFFSET][/LENGTH][:WIDTH]");
	refuses("edu/4+8", "REGION[+OFFSET][/LENGTH][:WIDTH]");
	refuses("edu+8 ", "REGION[+OFFSET][/LENGTH][:WIDTH]");
	refuses("edu@8", "REGION[+OFFSET][/LENGTH][:WIDTH]");
}

Test(target, keeps_its_sentence_within_the_room_given)
{
	struct mmiod_target target;
	char error[8] = "1234567";

	cr_assert_eq(mmiod_target_parse("edu+", &target, error, 4), -EINVAL);
	cr_assert_eq(strlen(error), 3);
	cr_assert_eq(error[4], '5', "written beyond its end");
	cr_assert_eq(mmiod_target_parse("edu+", &target, NULL, 0), -EINVAL);
}
