// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include "support/rig.h"
#include "stand-in.h"
#include "wrap.h"

#define WINDOWS_MAX 64

static int pipe_ends[2] = { -1, -1 };
/* Windows that the daemon makes for itself, to wipe and to write: they end with their file. */
static struct {
	int fd;
	uint64_t id;
} own[WINDOWS_MAX];
static size_t n_own;

static void write_event(void *data, const struct mmiod_control_event *event)
{
	cr_assert_eq(write(pipe_ends[1], event, sizeof(*event)), (ssize_t)sizeof(*event));
}

void stand_in_tell(void)
{
	rig_fake.backend.ops->read_events(&rig_fake.backend, write_event, NULL);
}

/* ---- ioctls ---------------------------------------------------------------------------------- */

static int claim(struct mmiod_region_claim *claim)
{
	struct config_region config = { .length = claim->length, .width = claim->width };
	char buffer[TEXT_MAX];
	struct text why = TEXT_ON(buffer);
	struct backend_region region;
	int r;

	memcpy(config.name, claim->name, sizeof(config.name));
	r = rig_fake.backend.ops->claim(&rig_fake.backend, &config, &region, &why);
	if (r == 0)
		claim->region_id = region.handle;
	return r;
}

static int next_region(struct mmiod_region_info *info)
{
	struct backend_region region;
	int r = rig_fake.backend.ops->next_region(&rig_fake.backend, info->region_id, &region);

	if (r < 0)
		return r;
	info->kind = MMIOD_REGION_RANGE;
	info->region_id = region.handle;
	info->length = region.length;
	info->phys = 0xf8000000 + (region.handle - 1) * 0x1000000;
	info->width = region.width;
	info->generation = region.generation;
	memcpy(info->name, region.name, sizeof(info->name));
	return 0;
}

static bool is_empty(const uint8_t *tag)
{
	static const uint8_t none[MMIOD_TAG_SIZE];

	return !memcmp(tag, none, sizeof(none));
}

static void note_own(const uint8_t *tag, const struct backend_created *created)
{
	if (!is_empty(tag))
		return;
	cr_assert_lt(n_own, (size_t)WINDOWS_MAX);
	own[n_own].fd = created->fd;
	own[n_own++].id = created->id;
}

static int create(struct mmiod_window_create *create)
{
	struct backend_window window = {
		.region = create->region_id,
		.offset = create->offset,
		.length = create->length,
		.memtype = (enum mmiod_memtype)create->attr,
		.width = create->width,
		.rights = create->flags & MMIOD_WINDOW_READONLY
				  ? MMIOD_RIGHT_READ
				  : MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE,
	};
	struct backend_created created = { .fd = -1 };
	int r;

	memcpy(window.tag, create->tag, sizeof(window.tag));
	r = rig_fake.backend.ops->create(&rig_fake.backend, &window, &created);
	if (r < 0)
		return r;
	create->fd = created.fd;
	create->window_id = created.id;
	note_own(create->tag, &created);
	return 0;
}

static int create_buffer(struct mmiod_buffer_create *create)
{
	struct backend_buffer buffer = {
		.memory = (enum mmiod_memory)create->kind,
		.length = create->length,
		.rights = MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE,
	};
	struct backend_created created = { .fd = -1 };
	int r;

	memcpy(buffer.tag, create->tag, sizeof(buffer.tag));
	r = rig_fake.backend.ops->create_buffer(&rig_fake.backend, &buffer, &created);
	create->fd = created.fd;
	create->window_id = created.id;
	return r;
}

static int next_window(struct mmiod_window_info *info)
{
	struct backend_ledger entry;
	int r = rig_fake.backend.ops->next_window(&rig_fake.backend, info->window_id, &entry);

	if (r < 0)
		return r;
	info->window_id = entry.id;
	info->region_id = entry.window.region;
	info->offset = entry.window.offset;
	info->length = entry.window.length;
	info->attr = (uint32_t)entry.window.memtype;
	info->state = (uint32_t)entry.state;
	memcpy(info->tag, entry.window.tag, sizeof(info->tag));
	return 0;
}

static int set_state(const struct mmiod_window_set_state *set)
{
	return rig_fake.backend.ops->set_state(&rig_fake.backend, set->window_id,
					       (enum mmiod_state)set->state);
}

static int buffer_info(struct mmiod_buffer_info *info)
{
	uint64_t page = info->page, id = info->window_id;

	return rig_fake.backend.ops->buffer_info(&rig_fake.backend, id, page, info);
}

static int serve(unsigned long request, void *argument)
{
	switch (request) {
	case MMIOD_IOC_INFO:
		((struct mmiod_control_info *)argument)->abi_version = MMIOD_ABI_VERSION;
		return 0;
	case MMIOD_IOC_REGION_CLAIM:
		return claim(argument);
	case MMIOD_IOC_REGION_RELEASE:
		return rig_fake.backend.ops->release(
			&rig_fake.backend, ((struct mmiod_region_release *)argument)->region_id);
	case MMIOD_IOC_REGION_NEXT:
		return next_region(argument);
	case MMIOD_IOC_WINDOW_CREATE:
		return create(argument);
	case MMIOD_IOC_BUFFER_CREATE:
		return create_buffer(argument);
	case MMIOD_IOC_BUFFER_INFO:
		return buffer_info(argument);
	case MMIOD_IOC_WINDOW_SET_STATE:
		return set_state(argument);
	case MMIOD_IOC_WINDOW_NEXT:
		return next_window(argument);
	case MMIOD_IOC_ACCESS:
		return 0; /* all of it is done */
	default:
		return -ENOTTY;
	}
}

/* ---- in place of the C library's ------------------------------------------------------------- */

static bool on_ioctl(int fd, unsigned long request, void *argument, int *result)
{
	int r;

	if (_IOC_TYPE(request) != MMIOD_IOC_TYPE)
		return false;
	r = serve(request, argument);
	stand_in_tell();
	*result = r < 0 ? -1 : 0;
	if (r < 0)
		errno = -r;
	return true;
}

static bool on_open(const char *path, int *fd)
{
	if (strcmp(path, "/dev/mmiod"))
		return false;
	cr_assert_eq(pipe2(pipe_ends, O_NONBLOCK | O_CLOEXEC), 0);
	*fd = pipe_ends[0];
	return true;
}

static void on_close(int fd)
{
	for (size_t i = 0; i < n_own; i++) {
		if (own[i].fd != fd)
			continue;
		fake_close_window(&rig_fake, own[i].id);
		own[i] = own[--n_own];
		return;
	}
}

void stand_in_begin(void)
{
	fault_hooks = (struct fault_hooks){ .open = on_open, .ioctl = on_ioctl, .close = on_close };
	n_own = 0;
}

void stand_in_end(void)
{
	fault_hooks = (struct fault_hooks){ 0 };
	close(pipe_ends[1]);
}
