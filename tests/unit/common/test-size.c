// SPDX-License-Identifier: MIT
/* Numbers, sizes, durations and PCI addresses: what daemon and clients read by the same functions. */
#include <criterion/criterion.h>
#include <common/pci-address.h>
#include <common/size.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

struct expectation {
	const char *text;
	int error;
	uint64_t number;
};

Test(common, numbers_are_decimal_or_hexadecimal_and_nothing_else)
{
	static const struct expectation table[] = {
		{ "0", 0, 0 },
		{ "010", 0, 10 },
		{ "0xDeadBeef", 0, 0xdeadbeef },
		{ "18446744073709551615", 0, UINT64_MAX },
		{ "18446744073709551616", -ERANGE, 0 },
		{ "0x10000000000000000", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ " 1", -EINVAL, 0 },
		{ "1 ", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 },
		{ "+1", -EINVAL, 0 },
		{ "0x", -EINVAL, 0 },
		{ "0xg", -EINVAL, 0 },
		{ "0x-1", -EINVAL, 0 },
		{ "1.5", -EINVAL, 0 },
		{ "1K", -EINVAL, 0 },
		{ "0x1p2", -EINVAL, 0 },
	};
	uint64_t number;

	for (size_t i = 0; i < COUNT(table); i++) {
		cr_expect_eq(common_number(table[i].text, &number), table[i].error, "\"%s\"",
			     table[i].text);
		if (!table[i].error)
			cr_expect_eq(number, table[i].number, "\"%s\"", table[i].text);
	}
}

Test(common, sizes_have_units_of_1024)
{
	static const struct expectation table[] = {
		{ "16", 0, 16 },
		{ "4K", 0, 4096 },
		{ "4k", 0, 4096 },
		{ "0x2M", 0, 2 << 20 },
		{ "1G", 0, 1 << 30 },
		{ "1T", 0, 1ull << 40 },
		{ "16777215T", 0, 16777215ull << 40 },
		{ "16777216T", -ERANGE, 0 },
		{ "0xffffffffffffffffK", -ERANGE, 0 },
		{ "1KB", -EINVAL, 0 },
		{ "1KiB", -EINVAL, 0 },
		{ "1.5K", -EINVAL, 0 },
		{ "1 K", -EINVAL, 0 },
		{ "K", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
	};
	uint64_t bytes;

	for (size_t i = 0; i < COUNT(table); i++) {
		cr_expect_eq(common_size(table[i].text, &bytes), table[i].error, "\"%s\"",
			     table[i].text);
		if (!table[i].error)
			cr_expect_eq(bytes, table[i].number, "\"%s\"", table[i].text);
	}
}

Test(common, durations_have_units_and_a_bare_number_is_what_the_caller_says)
{
	static const struct expectation table[] = {
		{ "500ms", 0, 500 },
		{ "2s", 0, 2000 },
		{ "10min", 0, 600000 },
		{ "1h", 0, 3600000 },
		{ "4294967295ms", 0, UINT32_MAX },
		{ "4294968s", -ERANGE, 0 },
		{ "1194h", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ "s", -EINVAL, 0 },
		{ "-1s", -EINVAL, 0 },
		{ "1.5s", -EINVAL, 0 },
		{ "1d", -EINVAL, 0 },
		{ "1 s", -EINVAL, 0 },
		{ "1S", -EINVAL, 0 },
	};
	uint32_t ms;

	for (size_t i = 0; i < COUNT(table); i++) {
		cr_expect_eq(common_duration(table[i].text, 0, &ms), table[i].error, "\"%s\"",
			     table[i].text);
		if (!table[i].error)
			cr_expect_eq(ms, table[i].number, "\"%s\"", table[i].text);
	}
	cr_expect_eq(common_duration("2", 0, &ms), -EINVAL);
	cr_expect_eq(common_duration("2", 1000, &ms), 0);
	cr_expect_eq(ms, 2000u);
}

Test(common, a_pci_address_has_its_digits_and_may_leave_the_domain_out)
{
	static const char *const bad[] = {
		"",
		"1:00.0",
		"001:00.0",
		"01:00",
		"01:00.8",
		"01:20.0",
		"000:01:00.0",
		"00000:01:00.0",
		"01:00:0",
		"01.00.0",
		"0000:1:00.0",
		"0000:01:0.0",
		"123456789:01:00.0",
		"g0:00.0",
	};
	struct common_pci_address address;
	const char *text = "10000:e1:1f.7/bar0";

	cr_assert_eq(common_scan_pci_address(&text, &address), 0);
	cr_expect_str_eq(text, "/bar0");
	cr_expect(address.has_domain);
	cr_expect_eq(address.domain, 0x10000u);
	cr_expect_eq(address.bus, 0xe1u);
	cr_expect_eq(address.device, 0x1fu);
	cr_expect_eq(address.function, 7u);
	text = "01:00.0";
	cr_assert_eq(common_scan_pci_address(&text, &address), 0);
	cr_expect(!address.has_domain);
	cr_expect_eq(address.domain, 0u);
	for (size_t i = 0; i < COUNT(bad); i++) {
		text = bad[i];
		cr_expect_eq(common_scan_pci_address(&text, &address), -EINVAL, "\"%s\"", bad[i]);
		cr_expect_eq(text, bad[i], "nothing is skipped");
	}
}
