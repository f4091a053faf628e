/* SPDX-License-Identifier: MIT */
/*
 * Views: files of the module's that show windows as another file does that programs open.
 *
 * The module keeps the rules. They are checked here all the same, because it says no more than an
 * errno, and whoever puts parts together wants to know which of them breaks which rule. Pure
 * functions over the arguments and the descriptors, which stay the caller's.
 */
#include "base/sized.h"
#include "internal.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#define FLAGS_KNOWN (MMIOD_VIEW_DOWNGRADE | MMIOD_VIEW_LONGER | MMIOD_VIEW_INTERRUPT)

static_assert(MMIOD_VIEW_DOWNGRADE == MMIOD_VIEW_CREATE_DOWNGRADE, "flags go out as they come");
static_assert(MMIOD_VIEW_LONGER == MMIOD_VIEW_CREATE_LONGER, "flags go out as they come");
static_assert(MMIOD_VIEW_PARTS_MAX == MMIOD_VIEW_CREATE_PARTS_MAX, "as many as the module takes");
static_assert((int)MMIOD_VIEW_FILE == (int)MMIOD_VIEW_FORM_FILE &&
		      (int)MMIOD_VIEW_PHYS == (int)MMIOD_VIEW_FORM_PHYS &&
		      (int)MMIOD_VIEW_UIO == (int)MMIOD_VIEW_FORM_UIO,
	      "kinds go out as they come");

static const struct sized part_struct = SIZED(mmiod_view_part, reserved);
static const struct sized options_struct = SIZED(mmiod_view_options, flags);

/* One call. The parts are in the words of the module, whose structure has all that they say. */
struct view {
	enum mmiod_view_kind kind;
	struct mmiod_view_options options;
	struct mmiod_view_create_part parts[MMIOD_VIEW_PARTS_MAX];
	size_t count;
	char *error; /* or NULL */
	size_t size;
};

static int fail(const struct view *view, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int fail(const struct view *view, int err, const char *format, ...)
{
	va_list args;

	if (!view->error)
		return err;
	va_start(args, format);
	vsnprintf(view->error, view->size, format, args);
	va_end(args);
	return err;
}

/* ---- what the program says ---- */

static int take_part(struct view *view, size_t index, const void *theirs, size_t size)
{
	struct mmiod_view_part part;
	int err = sized_take(&part_struct, &part, theirs, size, view->error, view->size);

	if (err)
		return err;
	if (part.reserved)
		return fail(view, -EINVAL, "part %zu: what is reserved must be zero", index);
	view->parts[index] = (struct mmiod_view_create_part){
		.offset = part.offset,
		.start = part.start,
		.length = part.length,
		.fd = part.fd,
	};
	return 0;
}

static int take_parts(struct view *view, const void *parts, size_t size)
{
	int err = 0;

	if (!view->count || view->count > MMIOD_VIEW_PARTS_MAX)
		return fail(view, -EINVAL, "%zu parts: a view has 1 to %d", view->count,
			    MMIOD_VIEW_PARTS_MAX);
	for (size_t i = 0; !err && i < view->count; i++)
		err = take_part(view, i, (const uint8_t *)parts + i * size, size);
	return err;
}

static int check_irq(const struct view *view)
{
	const struct mmiod_view_options *options = &view->options;

	if (!(options->flags & MMIOD_VIEW_INTERRUPT) && options->irq)
		return fail(view, -EINVAL,
			    "irq %d: it counts with MMIOD_VIEW_INTERRUPT only, and must be zero "
			    "without",
			    options->irq);
	if (options->flags & MMIOD_VIEW_INTERRUPT && view->kind != MMIOD_VIEW_UIO)
		return fail(view, -EINVAL, "only a view of kind UIO has an interrupt");
	return 0;
}

static int check_options(const struct view *view)
{
	const struct mmiod_view_options *options = &view->options;

	if (view->kind < MMIOD_VIEW_FILE || view->kind > MMIOD_VIEW_UIO)
		return fail(view, -EINVAL, "kind %d: a view is FILE, PHYS or UIO", view->kind);
	if (options->flags & ~FLAGS_KNOWN)
		return fail(view, -EINVAL, "flags 0x%x: only MMIOD_VIEW_* are known",
			    options->flags);
	if (view->kind != MMIOD_VIEW_FILE &&
	    (options->length || options->flags & MMIOD_VIEW_LONGER))
		return fail(view, -EINVAL,
			    "a length, and MMIOD_VIEW_LONGER, are for views of kind FILE");
	if (options->length > INT64_MAX)
		return fail(view, -EINVAL, "length 0x%llx: no file is that long",
			    (unsigned long long)options->length);
	if (options->device > UINT32_MAX)
		return fail(view, -EPERM,
			    "device number 0x%llx: its major number is none that the "
			    "kernel gives out",
			    (unsigned long long)options->device);
	return check_irq(view);
}

/* ---- where the parts lie ---- */

static int check_place(const struct view *view, size_t index)
{
	const struct mmiod_view_create_part *part = &view->parts[index];
	uint64_t page = mmiod_page_size();

	if (!part->length || (part->offset | part->start | part->length) % page)
		return fail(view, -EINVAL,
			    "part %zu: 0x%llx bytes from 0x%llx of the window at 0x%llx: all three "
			    "are multiples of a page of %llu bytes, and there is at least one",
			    index, (unsigned long long)part->length,
			    (unsigned long long)part->start, (unsigned long long)part->offset,
			    (unsigned long long)page);
	if (view->kind == MMIOD_VIEW_UIO && part->offset)
		return fail(view, -EINVAL,
			    "part %zu: offset 0x%llx: in a UIO node its index decides, so it is 0",
			    index, (unsigned long long)part->offset);
	if (part->offset > INT64_MAX || part->length > INT64_MAX - part->offset)
		return fail(view, -EINVAL, "part %zu: 0x%llx bytes at 0x%llx: no file goes so far",
			    index, (unsigned long long)part->length,
			    (unsigned long long)part->offset);
	if (view->options.length && part->offset + part->length > view->options.length)
		return fail(view, -EINVAL,
			    "part %zu ends at 0x%llx, behind the end of the view at 0x%llx", index,
			    (unsigned long long)(part->offset + part->length),
			    (unsigned long long)view->options.length);
	return 0;
}

static int check_overlap(const struct view *view, size_t index)
{
	const struct mmiod_view_create_part *part = &view->parts[index];

	for (size_t i = 0; view->kind != MMIOD_VIEW_UIO && i < index; i++) {
		const struct mmiod_view_create_part *other = &view->parts[i];

		if (part->offset < other->offset + other->length &&
		    other->offset < part->offset + part->length)
			return fail(view, -EINVAL, "parts %zu and %zu overlap at 0x%llx", i, index,
				    (unsigned long long)(part->offset > other->offset
								 ? part->offset
								 : other->offset));
	}
	return 0;
}

/* ---- what is behind them ---- */

/* ENOTTY: another file, or a view. The regular ones are simulation's, as far as a program can tell. */
static int fail_foreign(const struct view *view, size_t index, int fd)
{
	struct stat status;

	if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode))
		return fail(view, -EOPNOTSUPP,
			    "part %zu: descriptor %d is no window of the module's: there are no "
			    "views in simulation, and none of views",
			    index, fd);
	return fail(view, -EINVAL, "part %zu: descriptor %d is no window", index, fd);
}

static int check_readable(const struct view *view, size_t index)
{
	int fd = view->parts[index].fd, flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return fail(view, -errno, "part %zu: descriptor %d: %s", index, fd,
			    strerror(errno));
	if (flags & O_PATH || (flags & O_ACCMODE) == O_WRONLY)
		return fail(view, -EBADF, "part %zu: descriptor %d is not open for reading", index,
			    fd);
	return 0;
}

static int check_window(const struct view *view, size_t index)
{
	struct mmiod_window_query query = { .size = sizeof(query) };
	const struct mmiod_view_create_part *part = &view->parts[index];
	int err = check_readable(view, index);

	if (err)
		return err;
	if (ioctl(part->fd, MMIOD_IOC_QUERY, &query) < 0)
		return fail_foreign(view, index, part->fd);
	if (!query.mmapable)
		return fail(view, -EINVAL,
			    "part %zu: the window has no whole pages, so it cannot be "
			    "mapped",
			    index);
	if (part->start >= query.length || part->length > query.length - part->start)
		return fail(view, -EINVAL,
			    "part %zu: 0x%llx bytes from 0x%llx leave the window of 0x%llx bytes",
			    index, (unsigned long long)part->length,
			    (unsigned long long)part->start, (unsigned long long)query.length);
	if (view->options.flags & MMIOD_VIEW_LONGER && part->length != query.length - part->start)
		return fail(view, -EINVAL,
			    "part %zu ends before its window does: with MMIOD_VIEW_LONGER it would "
			    "show more than it is to",
			    index);
	return 0;
}

static int check_parts(const struct view *view)
{
	int err = 0;

	for (size_t i = 0; !err && i < view->count; i++) {
		err = check_place(view, i);
		if (!err)
			err = check_overlap(view, i);
		if (!err)
			err = check_window(view, i);
	}
	return err;
}

/* ---- making it ---- */

static int explain(const struct view *view, int err)
{
	if (err == -ENOTTY)
		return fail(view, -EOPNOTSUPP, "the module that is loaded is older than views");
	if (err == -EPERM)
		return fail(view, err,
			    "device number 0x%llx: only a UIO node has one, of major 234 to 254 or "
			    "384 to 511",
			    (unsigned long long)view->options.device);
	if (err == -EINVAL && view->options.flags & MMIOD_VIEW_INTERRUPT)
		return fail(view, err, "irq: descriptor %d is no interrupt of the module's",
			    view->options.irq);
	return fail(view, err, "the module makes no such view: %s", strerror(-err));
}

static int create(const struct view *view, int *fd)
{
	struct mmiod_view_create create = {
		.size = sizeof(create),
		.form = view->kind,
		.flags = view->options.flags & ~MMIOD_VIEW_INTERRUPT,
		.count = (uint32_t)view->count,
		.parts = (uintptr_t)view->parts,
		.length = view->options.length,
		.rdev = (uint32_t)view->options.device,
		.irq = view->options.flags & MMIOD_VIEW_INTERRUPT ? view->options.irq : -1,
	};

	if (ioctl(view->parts[0].fd, MMIOD_IOC_VIEW_CREATE, &create) < 0)
		return explain(view, -errno);
	*fd = create.fd;
	return 0;
}

MMIOD_EXPORT int mmiod_view_create_sized(enum mmiod_view_kind kind,
					 const struct mmiod_view_part *parts, size_t part_size,
					 size_t count, const struct mmiod_view_options *options,
					 size_t options_size, int *fd, char *error, size_t size)
{
	struct view view = { .kind = kind, .count = count, .error = error, .size = size };
	int err = 0;

	if (options)
		err = sized_take(&options_struct, &view.options, options, options_size, error,
				 size);
	if (!err)
		err = check_options(&view);
	if (!err)
		err = take_parts(&view, parts, part_size);
	if (!err)
		err = check_parts(&view);
	return err ? err : create(&view, fd);
}
