// SPDX-License-Identifier: MIT
/*
 * To look into memory without touching it: where a process's addresses lead, and what a page frame
 * is. A process of the caller's own user is theirs to look into, but for frames' numbers; others,
 * and frames, are for clients with the inspect right.
 */
#include <inttypes.h>
#include <string.h>
#include "base/pidfd.h"
#include "request/request.h"

static enum request_result refuse(struct call *call, enum mmiod_outcome outcome, const char *reason)
{
	reply_error(call->reply, &call->request->head, outcome, "%s", reason);
	return REQUEST_REPLY;
}

static enum request_result refuse_look(struct call *call, int error, uint32_t pid)
{
	bool simulation = call->broker->backend->ops->kind == MMIOD_BACKEND_SIMULATION;
	const struct mmiod_msg *head = &call->request->head;

	switch (error) {
	case -ESRCH:
		reply_error(call->reply, head, MMIOD_E_NOT_FOUND,
			    "there is no process %u, or it has no memory of its own", pid);
		break;
	case -EINVAL:
		reply_error(call->reply, head, MMIOD_E_INVALID,
			    "process %u: that is no address of a program, or no process but a "
			    "thread of one",
			    pid);
		break;
	case -EPERM:
		reply_error(call->reply, head, MMIOD_E_DENIED,
			    "denied: process %u is not uid %u's own; only root and those that an "
			    "[admin] or [inspect] section names may look into others'",
			    pid, call->connection->peer.subject.uid);
		break;
	case -EAGAIN:
		reply_error(call->reply, head, MMIOD_E_BUSY,
			    "process %u is changing its memory just now: ask again", pid);
		break;
	case -EOPNOTSUPP:
	case -ENOTTY:
		reply_error(call->reply, head, MMIOD_E_UNSUPPORTED, "%s",
			    simulation	       ? "simulation has no module that could look"
			    : error == -ENOTTY ? "the module is older than this daemon"
					       : "the module cannot do that on this machine");
		break;
	default:
		reply_error(call->reply, head, MMIOD_E_INTERNAL, "the module failed: %s",
			    strerror(-error));
	}
	return REQUEST_REPLY;
}

static bool is_own(const struct call *call, const struct process *process)
{
	const struct subject *subject = &call->connection->peer.subject;

	return subject->known && !subject->tenant && process_belongs_to(process, subject->uid);
}

/*
 * Every answer about the process is one about the process that had the number when the pidfd was
 * opened: see pidfd.c.
 */
static int translate_checked(struct call *call, const struct process *process,
			     struct mmiod_translate *found)
{
	struct backend *backend = call->broker->backend;
	bool all = call_may_inspect(call);
	int r;

	if (!all && !is_own(call, process))
		return process_lives(process) ? -EPERM : -ESRCH;
	r = backend->ops->translate(backend, found);
	if (!all && !is_own(call, process))
		return process_lives(process) ? -EPERM : -ESRCH;
	return process_lives(process) ? r : -ESRCH;
}

static int translate(struct call *call, uint32_t pid, uint64_t address,
		     struct mmiod_translate *found)
{
	_cleanup_(process_close) struct process process = { .pidfd = -1 };
	int r;

	if (!call->broker->backend->ops->translate)
		return -EOPNOTSUPP;
	*found = (struct mmiod_translate){ .pid = (int32_t)pid, .address = address };
	r = process_open(&process, pid);
	return r < 0 ? r : translate_checked(call, &process, found);
}

static void fill_window(struct call *call, const struct mmiod_translate *found,
			struct mmiod_msg_translate_reply *reply)
{
	const struct lease *lease = lease_find(&call->broker->leases, found->window_id);

	reply->flags |= MMIOD_TRANSLATE_WINDOW;
	reply->lease = found->window_id;
	reply->offset = found->address - found->vma_start + found->vma_pgoff * page_size();
	reply->state = found->window_state;
	reply->asked = found->window_attr;
	if (!lease)
		return;
	reply->offset = lease_place(lease, reply->offset);
	if (lease->memory == MMIOD_MEMORY_REGION)
		memcpy(reply->region, lease->region->name, sizeof(reply->region));
}

/*
 * Bits 12 to 51 of an entry are a frame's number, but bit 12 of a large leaf is its PAT bit. An
 * entry that is not present is the kernel's own affair: a place in swap, say.
 */
static uint64_t hide_frame(uint64_t value, enum mmiod_level level)
{
	bool large = value & 1u << 7 && level != MMIOD_LEVEL_PTE;

	return value & 1 ? value & (0xfff0000000000fffull | (large ? 1u << 12 : 0)) : 0;
}

static uint32_t shift_of(const struct mmiod_translate *found, enum mmiod_level level)
{
	static const uint8_t shifts[MMIOD_LEVELS] = { 48, 39, 30, 21, 12 };

	if (level == MMIOD_LEVEL_PGD && found->folded & 1u << MMIOD_LEVEL_P4D)
		return shifts[MMIOD_LEVEL_P4D];
	return shifts[level];
}

static void fill_entries(struct call *call, const struct mmiod_translate *found, bool hidden)
{
	size_t n = 0;

	for (enum mmiod_level level = MMIOD_LEVEL_PGD; level < MMIOD_LEVELS; level++) {
		uint64_t value = found->entries[level];
		struct mmiod_wire_entry *out;

		if (!(found->walked & 1u << level))
			continue;
		out = reply_element(call->reply, n++);
		out->value = hidden ? hide_frame(value, level) : value;
		out->level = (uint32_t)(MMIOD_LEVELS - level);
		out->shift = shift_of(found, level);
	}
	reply_truncate(call->reply, n);
}

enum request_result request_translate(struct call *call)
{
	const struct mmiod_msg_translate *ask = &call->request->fixed.translate;
	bool hidden = !call_may_inspect(call);
	struct mmiod_msg_translate_reply *reply;
	struct mmiod_translate found;
	int r;

	events_drain(call->broker);
	r = translate(call, ask->pid, ask->address, &found);
	if (r < 0)
		return refuse_look(call, r, ask->pid);
	reply = reply_begin(call->reply, &call->request->head, sizeof(*reply), MMIOD_LEVELS,
			    sizeof(struct mmiod_wire_entry));
	reply->address = ask->address;
	reply->memtype = found.cache;
	reply->leaf = found.leaf_size;
	reply->phys = hidden ? 0 : found.phys;
	reply->start = found.vma_start;
	reply->end = found.vma_end;
	reply->flags = (found.leaf_size ? MMIOD_TRANSLATE_PRESENT : 0) |
		       (hidden ? MMIOD_TRANSLATE_HIDDEN : 0) |
		       (found.vma_present ? MMIOD_TRANSLATE_MAPPED : 0);
	if (found.window_id)
		fill_window(call, &found, reply);
	fill_entries(call, &found, hidden);
	return REQUEST_REPLY;
}

static enum request_result describe_page(struct call *call, uint64_t phys)
{
	struct mmiod_page page = { .pfn = phys / page_size() };
	struct backend *backend = call->broker->backend;
	struct mmiod_msg_page_reply *reply;
	int r = backend->ops->page(backend, &page);

	if (r < 0)
		return refuse_look(call, r, 0);
	reply = reply_begin(call->reply, &call->request->head, sizeof(*reply), 0, 0);
	reply->pfn = page.pfn;
	reply->phys = phys;
	reply->bits = page.flags;
	reply->head = page.head;
	reply->described = page.described;
	reply->order = page.order;
	reply->references = page.refcount;
	reply->mappings = page.mapcount;
	reply->zone = page.zone;
	reply->node = page.node;
	return REQUEST_REPLY;
}

static enum request_result describe_address(struct call *call, uint32_t pid, uint64_t address)
{
	struct mmiod_translate found;
	int r = translate(call, pid, address, &found);

	if (r < 0)
		return refuse_look(call, r, pid);
	if (found.leaf_size)
		return describe_page(call, found.phys);
	reply_error(call->reply, &call->request->head, MMIOD_E_NOT_FOUND,
		    "process %u has nothing present at 0x%" PRIx64, pid, address);
	return REQUEST_REPLY;
}

enum request_result request_page(struct call *call)
{
	const struct mmiod_msg_page *ask = &call->request->fixed.page;
	uint64_t size = page_size();

	if (!call_may_inspect(call))
		return refuse(call, MMIOD_E_DENIED,
			      "denied: only root and those that an [admin] or [inspect] section "
			      "names may see page frames");
	if (!call->broker->backend->ops->page)
		return refuse_look(call, -EOPNOTSUPP, 0);
	if (ask->pid)
		return describe_address(call, ask->pid, ask->where);
	if (ask->where > UINT64_MAX / size)
		return refuse(call, MMIOD_E_INVALID, "no page frame has so great a number");
	return describe_page(call, ask->where * size);
}
