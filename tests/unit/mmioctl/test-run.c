/* SPDX-License-Identifier: MIT */
/*
 * mmioctl run, as far as it is pure: paths, the table of calls, names of things.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>
#include <linux/audit.h>
#include "run/calls.h"
#include "run/pathname.h"
#include "run/thing.h"

static const char *simplified(const char *path)
{
	static char out[PATH_MAX];

	path_simplify(path, out, sizeof(out));
	return out;
}

Test(run_path, is_simplified_as_if_there_were_no_links)
{
	cr_expect_str_eq(simplified("/dev/mem"), "/dev/mem");
	cr_expect_str_eq(simplified("//dev/./mem/"), "/dev/mem");
	cr_expect_str_eq(simplified("/dev/../sys/class/uio/.."), "/sys/class");
	cr_expect_str_eq(simplified("/../.."), "/");
	cr_expect_str_eq(simplified("/"), "/");
	cr_expect_str_eq(simplified("/..."), "/...");
}

Test(run_path, is_cut_where_there_is_no_room_and_not_written_beyond)
{
	char out[9];

	memset(out, 'x', sizeof(out));
	path_simplify("/abc/defgh/i", out, sizeof(out) - 1);
	cr_expect_str_eq(out, "/abc/i");
	cr_expect_eq(out[8], 'x');
}

Test(run_path, lies_below_a_directory_only_by_whole_components)
{
	cr_expect_str_eq(path_below("/dev/mem", "/dev"), "mem");
	cr_expect_str_eq(path_below("/dev", "/dev"), "");
	cr_expect_null(path_below("/device", "/dev"));
	cr_expect_null(path_below("/de", "/dev"));
}

static struct seccomp_data openat_of(uint32_t arch, int number)
{
	return (struct seccomp_data){
		.nr = number,
		.arch = arch,
		.args = { (uint32_t)-100, 0x123400001000, 0x5678, 0, 0, 0 },
	};
}

Test(run_calls, of_32_bit_programs_have_32_bit_pointers)
{
	struct seccomp_data data = openat_of(AUDIT_ARCH_I386, 295);
	struct call call;

	cr_assert(call_decode(&data, &call));
	cr_expect(call.narrow);
	cr_expect_eq(call.path, 0x1000);
	cr_expect_eq(call.directory, AT_FDCWD);
	data = openat_of(AUDIT_ARCH_X86_64, 257);
	cr_assert(call_decode(&data, &call));
	cr_expect_not(call.narrow);
	cr_expect_eq(call.path, 0x123400001000);
	cr_expect_eq(call.flags, 0x5678);
}

Test(run_calls, of_x32_and_of_other_architectures_are_not_taken_for_ours)
{
	struct seccomp_data data = openat_of(AUDIT_ARCH_X86_64, 257 | 0x40000000);
	struct call call;

	cr_expect_not(call_decode(&data, &call));
	data = openat_of(AUDIT_ARCH_AARCH64, 257);
	cr_expect_not(call_decode(&data, &call));
	data = openat_of(AUDIT_ARCH_PPC64, 257);
	cr_expect_not(call_decode(&data, &call));
}

/*
 * The filter jumps over a block by its number of rows: a second block of the same would be missed.
 */
Test(run_calls, of_one_architecture_stand_together)
{
	for (size_t i = 0; i < call_row_count; i++)
		for (size_t j = i + 1; j < call_row_count; j++)
			if (call_rows[i].arch == call_rows[j].arch) {
				cr_expect_eq(call_rows[j].arch, call_rows[j - 1].arch);
				cr_expect_neq(call_rows[i].number, call_rows[j].number);
			}
}

static bool find(const char *name, const struct plan *plan, struct thing *thing)
{
	static struct pathname found;

	found = (struct pathname){ .directory = -1, .descriptor = -1 };
	snprintf(found.name, sizeof(found.name), "%s", name);
	return thing_find(&found, plan, "", thing);
}

Test(run_thing, is_a_bar_by_its_name_where_the_card_is_not)
{
	const struct plan plan = { 0 };
	struct thing thing;

	cr_assert(find("/sys/bus/pci/devices/0000:01:00.0/resource2_wc", &plan, &thing));
	cr_expect_eq(thing.kind, THING_BAR);
	cr_expect_str_eq(thing.device, "0000:01:00.0");
	cr_expect_eq(thing.number, 2);
	cr_expect(thing.combining);
	cr_assert(find("/sys/bus/pci/devices/10000:e1:00.7/resource5", &plan, &thing));
	cr_expect_str_eq(thing.device, "10000:e1:00.7");
	cr_expect_not(thing.combining);
}

Test(run_thing, is_none_by_a_name_that_only_resembles_one)
{
	static const char *const names[] = {
		"/sys/bus/pci/devices/0000:01:00.0/resource",
		"/sys/bus/pci/devices/0000:01:00.0/resource6",
		"/sys/bus/pci/devices/0000:01:00.0/resource10",
		"/sys/bus/pci/devices/0000:01:00.0/resource0_wcx",
		"/sys/bus/pci/devices/0000:01:00.8/resource0",
		"/sys/bus/pci/devices/card/resource0",
		"/sys/bus/pci/devices/resource0",
		"/home/0000:01:00.0/resource0",
		"/dev/memory",
		"/dev/uio0",
		"/",
	};
	const struct plan plan = { 0 };
	struct thing thing;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		cr_expect_not(find(names[i], &plan, &thing), "%s", names[i]);
}

Test(run_thing, is_what_the_plan_names_first_of_all)
{
	struct plan_uio uios[] = { { .number = 3 }, { .number = 12 } };
	const char *names[] = { "/dev/fpga0", "/dev/mem" };
	const struct plan plan = { .uios = uios, .uio_count = 2, .names = names, .map_count = 2 };
	struct thing thing;

	cr_assert(find("/dev/uio12", &plan, &thing));
	cr_expect_eq(thing.kind, THING_UIO);
	cr_expect_eq(thing.number, 1);
	cr_expect_not(find("/dev/uio1", &plan, &thing));
	cr_assert(find("/dev/mem", &plan, &thing));
	cr_expect_eq(thing.kind, THING_MAP);
	cr_expect_eq(thing.number, 1);
}
