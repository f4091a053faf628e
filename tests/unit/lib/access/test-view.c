/* SPDX-License-Identifier: MIT */
#include "support/module.h"
#include "support/window.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define PAGE ((uint64_t)mmiod_page_size())

static char error[512];

static struct mmiod_view_part part_of(int fd, uint64_t offset, uint64_t start, uint64_t length)
{
	return (struct mmiod_view_part){
		.offset = offset, .start = start, .length = length, .fd = fd
	};
}

/* As if it had made one, when it had not: no descriptor is left behind. */
static int try_view(enum mmiod_view_kind kind, const struct mmiod_view_part *parts, size_t count,
		    const struct mmiod_view_options *options)
{
	size_t files = open_files();
	int fd = -7, err;

	strcpy(error, "none");
	err = mmiod_view_create(kind, parts, count, options, &fd, error, sizeof(error));
	if (!err)
		close(fd);
	else
		cr_expect_eq(fd, -7);
	cr_expect_eq(open_files(), files);
	return err;
}

static void expect_refused(enum mmiod_view_kind kind, struct mmiod_view_part part,
			   const struct mmiod_view_options *options, int err, const char *sentence)
{
	cr_expect_eq(try_view(kind, &part, 1, options), err, "%s", error);
	cr_expect_str_eq(error, sentence);
	cr_expect_eq(module.created, 0);
}

/* ---- what the module is told ---- */

Test(view, tells_the_module_what_the_program_says)
{
	int first = module_window(4 * PAGE, true), second = module_window(PAGE, true);
	struct mmiod_view_part parts[] = { part_of(second, 8 * PAGE, 0, PAGE),
					   part_of(first, 2 * PAGE, PAGE, 3 * PAGE) };
	struct mmiod_view_options options = { .length = 16 * PAGE, .flags = MMIOD_VIEW_DOWNGRADE };

	cr_assert_eq(try_view(MMIOD_VIEW_FILE, parts, 2, &options), 0, "%s", error);
	cr_expect_eq(module.created, 1);
	cr_expect_eq(module.create.size, sizeof(module.create));
	cr_expect_eq(module.create.form, MMIOD_VIEW_FORM_FILE);
	cr_expect_eq(module.create.flags, MMIOD_VIEW_CREATE_DOWNGRADE);
	cr_expect_eq(module.create.count, 2);
	cr_expect_eq(module.create.length, 16 * PAGE);
	cr_expect_eq(module.create.rdev, 0);
	cr_expect_eq(module.create.irq, -1);
	cr_expect_eq(module.create.reserved, 0);
	cr_expect_eq(module.parts[0].fd, second);
	cr_expect_eq(module.parts[0].offset, 8 * PAGE);
	cr_expect_eq(module.parts[1].fd, first);
	cr_expect_eq(module.parts[1].offset, 2 * PAGE);
	cr_expect_eq(module.parts[1].start, PAGE);
	cr_expect_eq(module.parts[1].length, 3 * PAGE);
	cr_expect_eq(module.parts[1].reserved, 0);
}

Test(view, has_defaults_for_all_options)
{
	struct mmiod_view_part part = part_of(module_window(PAGE, true), 0xfe000000, 0, PAGE);

	cr_assert_eq(try_view(MMIOD_VIEW_PHYS, &part, 1, NULL), 0, "%s", error);
	cr_expect_eq(module.create.form, MMIOD_VIEW_FORM_PHYS);
	cr_expect_eq(module.create.flags, 0);
	cr_expect_eq(module.create.irq, -1);
	cr_expect_eq(module.parts[0].offset, 0xfe000000);
}

Test(view, hands_on_a_uio_nodes_device_number_and_interrupt)
{
	int fd = module_window(PAGE, true);
	struct mmiod_view_part parts[] = { part_of(fd, 0, 0, PAGE), part_of(fd, 0, 0, PAGE) };
	struct mmiod_view_options options = { .device = makedev(240, 300),
					      .irq = 0,
					      .flags = MMIOD_VIEW_INTERRUPT };

	cr_assert_eq(try_view(MMIOD_VIEW_UIO, parts, 2, &options), 0, "%s", error);
	cr_expect_eq(module.create.rdev, makedev(240, 300));
	cr_expect_eq(module.create.irq, 0);
	cr_expect_eq(module.create.flags, 0);
}

Test(view, has_at_most_as_many_parts_as_the_header_says)
{
	struct mmiod_view_part parts[MMIOD_VIEW_PARTS_MAX + 1];
	int fd = module_window(PAGE, true);

	for (size_t i = 0; i <= MMIOD_VIEW_PARTS_MAX; i++)
		parts[i] = part_of(fd, i * PAGE, 0, PAGE);
	cr_expect_eq(try_view(MMIOD_VIEW_FILE, parts, MMIOD_VIEW_PARTS_MAX, NULL), 0, "%s", error);
	cr_expect_eq(module.create.count, MMIOD_VIEW_PARTS_MAX);
	cr_expect_eq(try_view(MMIOD_VIEW_FILE, parts, MMIOD_VIEW_PARTS_MAX + 1, NULL), -EINVAL);
	cr_expect_str_eq(error, "65 parts: a view has 1 to 64");
	cr_expect_eq(try_view(MMIOD_VIEW_FILE, parts, 0, NULL), -EINVAL);
	cr_expect_str_eq(error, "0 parts: a view has 1 to 64");
}

Test(view, needs_no_place_for_a_sentence)
{
	struct mmiod_view_part part = part_of(-1, 0, 0, PAGE);
	int fd;

	cr_expect_eq(mmiod_view_create(MMIOD_VIEW_FILE, &part, 1, NULL, &fd, NULL, 0), -EBADF);
}

/* ---- what is wrong with a part ---- */

Test(view, says_which_part_is_misplaced)
{
	int fd = module_window(4 * PAGE, true), small = module_window(64, false);
	const struct mmiod_view_options short_one = { .length = PAGE };
	const struct mmiod_view_options longer = { .flags = MMIOD_VIEW_LONGER };

	cr_assert_eq(PAGE, 4096);
	expect_refused(MMIOD_VIEW_FILE, part_of(fd, 0, 0x10, PAGE), NULL, -EINVAL,
		       "part 0: 0x1000 bytes from 0x10 of the window at 0x0: all three are "
		       "multiples of a page of 4096 bytes, and there is at least one");
	expect_refused(MMIOD_VIEW_FILE, part_of(fd, 0, 0, 0), NULL, -EINVAL,
		       "part 0: 0x0 bytes from 0x0 of the window at 0x0: all three are "
		       "multiples of a page of 4096 bytes, and there is at least one");
	expect_refused(MMIOD_VIEW_UIO, part_of(fd, PAGE, 0, PAGE), NULL, -EINVAL,
		       "part 0: offset 0x1000: in a UIO node its index decides, so it is 0");
	expect_refused(MMIOD_VIEW_PHYS, part_of(fd, -PAGE, 0, PAGE), NULL, -EINVAL,
		       "part 0: 0x1000 bytes at 0xfffffffffffff000: no file goes so far");
	expect_refused(MMIOD_VIEW_FILE, part_of(fd, PAGE, 0, PAGE), &short_one, -EINVAL,
		       "part 0 ends at 0x2000, behind the end of the view at 0x1000");
	expect_refused(MMIOD_VIEW_FILE, part_of(fd, 0, 3 * PAGE, 2 * PAGE), NULL, -EINVAL,
		       "part 0: 0x2000 bytes from 0x3000 leave the window of 0x4000 bytes");
	expect_refused(MMIOD_VIEW_FILE, part_of(fd, 0, -PAGE, 2 * PAGE), NULL, -EINVAL,
		       "part 0: 0x2000 bytes from 0xfffffffffffff000 leave the window of 0x4000 "
		       "bytes");
	expect_refused(MMIOD_VIEW_FILE, part_of(small, 0, 0, PAGE), NULL, -EINVAL,
		       "part 0: the window has no whole pages, so it cannot be mapped");
	expect_refused(MMIOD_VIEW_FILE, part_of(fd, 0, 0, PAGE), &longer, -EINVAL,
		       "part 0 ends before its window does: with MMIOD_VIEW_LONGER it would show "
		       "more than it is to");
}

Test(view, says_which_parts_overlap)
{
	int fd = module_window(4 * PAGE, true);
	struct mmiod_view_part parts[] = { part_of(fd, 4 * PAGE, 0, 4 * PAGE),
					   part_of(fd, 0, 0, PAGE),
					   part_of(fd, 2 * PAGE, 0, 3 * PAGE) };

	cr_expect_eq(try_view(MMIOD_VIEW_FILE, parts, 3, NULL), -EINVAL);
	cr_expect_str_eq(error, "parts 0 and 2 overlap at 0x4000");
	parts[2].length = 2 * PAGE;
	cr_expect_eq(try_view(MMIOD_VIEW_FILE, parts, 3, NULL), 0, "%s", error);
}

Test(view, wants_descriptors_that_are_open_for_reading)
{
	int fd = module_window(PAGE, true), writer, path;
	char name[40], sentence[128];

	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	writer = open(name, O_WRONLY | O_CLOEXEC);
	path = open(name, O_PATH | O_CLOEXEC);
	expect_refused(MMIOD_VIEW_FILE, part_of(-1, 0, 0, PAGE), NULL, -EBADF,
		       "part 0: descriptor -1: Bad file descriptor");
	snprintf(sentence, sizeof(sentence), "part 0: descriptor %d is not open for reading",
		 writer);
	expect_refused(MMIOD_VIEW_FILE, part_of(writer, 0, 0, PAGE), NULL, -EBADF, sentence);
	snprintf(sentence, sizeof(sentence), "part 0: descriptor %d is not open for reading", path);
	expect_refused(MMIOD_VIEW_FILE, part_of(path, 0, 0, PAGE), NULL, -EBADF, sentence);
}

Test(view, is_not_to_be_had_in_simulation)
{
	struct mmiod_view_part part;
	struct window window;
	char sentence[160];

	window_make(&window, 0, PAGE, MMIOD_RIGHT_READ, 0);
	part = part_of(mmiod_lease_fd(window.lease), 0, 0, PAGE);
	snprintf(sentence, sizeof(sentence),
		 "part 0: descriptor %d is no window of the module's: there are no views in "
		 "simulation, and none of views",
		 part.fd);
	expect_refused(MMIOD_VIEW_FILE, part, NULL, -EOPNOTSUPP, sentence);
	window_free(&window);
}

Test(view, is_not_of_files_that_are_no_windows)
{
	int fd = open("/dev/zero", O_RDWR | O_CLOEXEC);
	char sentence[64];

	snprintf(sentence, sizeof(sentence), "part 0: descriptor %d is no window", fd);
	expect_refused(MMIOD_VIEW_FILE, part_of(fd, 0, 0, PAGE), NULL, -EINVAL, sentence);
}

/* ---- what is wrong with the rest ---- */

Test(view, says_which_option_is_wrong)
{
	struct mmiod_view_part part = part_of(module_window(PAGE, true), 0, 0, PAGE);
	struct mmiod_view_options options = { .flags = 8 };

	expect_refused(MMIOD_VIEW_FILE, part, &options, -EINVAL,
		       "flags 0x8: only MMIOD_VIEW_* are known");
	options = (struct mmiod_view_options){ .length = PAGE };
	expect_refused(MMIOD_VIEW_PHYS, part, &options, -EINVAL,
		       "a length, and MMIOD_VIEW_LONGER, are for views of kind FILE");
	options = (struct mmiod_view_options){ .flags = MMIOD_VIEW_LONGER };
	expect_refused(MMIOD_VIEW_UIO, part, &options, -EINVAL,
		       "a length, and MMIOD_VIEW_LONGER, are for views of kind FILE");
	options = (struct mmiod_view_options){ .length = 1ull << 63 };
	expect_refused(MMIOD_VIEW_FILE, part, &options, -EINVAL,
		       "length 0x8000000000000000: no file is that long");
	options = (struct mmiod_view_options){ .irq = 5 };
	expect_refused(MMIOD_VIEW_UIO, part, &options, -EINVAL,
		       "irq 5: it counts with MMIOD_VIEW_INTERRUPT only, and must be zero without");
	options = (struct mmiod_view_options){ .irq = 5, .flags = MMIOD_VIEW_INTERRUPT };
	expect_refused(MMIOD_VIEW_PHYS, part, &options, -EINVAL,
		       "only a view of kind UIO has an interrupt");
	options = (struct mmiod_view_options){ .device = 1ull << 32 };
	expect_refused(MMIOD_VIEW_UIO, part, &options, -EPERM,
		       "device number 0x100000000: its major number is none that the kernel gives "
		       "out");
	expect_refused((enum mmiod_view_kind)4, part, NULL, -EINVAL,
		       "kind 4: a view is FILE, PHYS or UIO");
	part.reserved = 1;
	expect_refused(MMIOD_VIEW_FILE, part, NULL, -EINVAL,
		       "part 0: what is reserved must be zero");
}

Test(view, explains_what_the_module_refuses)
{
	struct mmiod_view_part part = part_of(module_window(PAGE, true), 0, 0, PAGE);
	struct mmiod_view_options options = { .device = makedev(1, 3) };

	module.refusal = EPERM;
	expect_refused(MMIOD_VIEW_UIO, part, &options, -EPERM,
		       "device number 0x103: only a UIO node has one, of major 234 to 254 or 384 "
		       "to 511");
	module.refusal = EINVAL;
	options = (struct mmiod_view_options){ .irq = 77, .flags = MMIOD_VIEW_INTERRUPT };
	expect_refused(MMIOD_VIEW_UIO, part, &options, -EINVAL,
		       "irq: descriptor 77 is no interrupt of the module's");
	module.refusal = EMFILE;
	expect_refused(MMIOD_VIEW_FILE, part, NULL, -EMFILE,
		       "the module makes no such view: Too many open files");
	module.old = true;
	expect_refused(MMIOD_VIEW_FILE, part, NULL, -EOPNOTSUPP,
		       "the module that is loaded is older than views");
}

/* ---- structs of other sizes ---- */

Test(view, takes_structs_of_programs_that_are_newer_as_far_as_it_knows_them)
{
	struct {
		struct mmiod_view_part known;
		uint64_t more;
	} parts[2] = { { .known = part_of(module_window(PAGE, true), 0, 0, PAGE) } };
	int fd;

	parts[1].known = part_of(parts[0].known.fd, PAGE, 0, PAGE);
	cr_assert_eq(mmiod_view_create_sized(MMIOD_VIEW_FILE, &parts[0].known, sizeof(parts[0]), 2,
					     NULL, 0, &fd, error, sizeof(error)),
		     0, "%s", error);
	cr_expect_eq(module.parts[1].offset, PAGE);
	close(fd);
	parts[1].more = 1;
	cr_expect_eq(mmiod_view_create_sized(MMIOD_VIEW_FILE, &parts[0].known, sizeof(parts[0]), 2,
					     NULL, 0, &fd, error, sizeof(error)),
		     -E2BIG);
	cr_expect_eq(mmiod_view_create_sized(MMIOD_VIEW_FILE, &parts[0].known, 8, 1, NULL, 0, &fd,
					     error, sizeof(error)),
		     -EINVAL);
}

/* ---- who else has a lease ---- */

static void lease_by_module(struct window *window)
{
	window_make(window, 0, PAGE, MMIOD_RIGHT_READ, 0);
	close(window->lease->fd);
	window->lease->fd = module_window(PAGE, true);
	window->lease->simulated = false;
}

Test(view, users_of_a_lease_are_what_the_module_says)
{
	struct window window;

	lease_by_module(&window);
	cr_expect_eq(mmiod_lease_users(window.lease), 0);
	module.users = 3;
	cr_expect_eq(mmiod_lease_users(window.lease), 3);
	module.users = UINT32_MAX;
	cr_expect_eq(mmiod_lease_users(window.lease), INT32_MAX);
	window_free(&window);
}

Test(view, users_of_a_lease_are_not_none_because_the_module_is_old)
{
	enum mmiod_state state;
	struct window window;

	lease_by_module(&window);
	module.old = true;
	cr_expect_eq(mmiod_lease_users(window.lease), -EOPNOTSUPP);
	cr_expect_str_eq(window.client.error,
			 "lease 17: cannot ask who else has it: the module that is loaded is too "
			 "old");
	cr_expect_eq(mmiod_lease_state(window.lease, &state), 0);
	window_free(&window);
}

Test(view, users_of_a_lease_are_unknown_in_simulation)
{
	struct window window;

	window_make(&window, 0, PAGE, MMIOD_RIGHT_READ, 0);
	cr_expect_eq(mmiod_lease_users(window.lease), -EOPNOTSUPP);
	cr_expect_str_eq(window.client.error,
			 "lease 17: in simulation nobody knows who has a lease's file");
	window_free(&window);
}
