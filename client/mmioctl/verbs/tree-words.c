/* SPDX-License-Identifier: MIT */
/*
 * What a node of mmioctl tree says, in whatever form it is shown.
 */
#include "target/vector.h"
#include "verbs/tree.h"

#include <stdarg.h>
#include <string.h>

const struct column tree_columns[TREE_COLUMNS] = {
	[TREE_NAME] = { "NAME", CELL_TEXT, true, "" },
	[TREE_SIZE] = { "SIZE", CELL_SIZE, true, "" },
	[TREE_RIGHTS] = { "RIGHTS", CELL_TEXT, true, "" },
	[TREE_MEMTYPE] = { "CACHE", CELL_TEXT, true, "" },
	[TREE_STATE] = { "STATE", CELL_TEXT, true, "" },
	[TREE_NOTE] = { "NOTE", CELL_TEXT, true, "" },
};

const char *tree_rights(const struct tree_node *node)
{
	if (node->kind == TREE_REGION)
		return rights_word(mmiod_region_rights(node->region));
	return node->kind == TREE_LEASE ? rights_word(node->lease->rights) : "";
}

const char *tree_memtype(const struct tree_node *node)
{
	if (node->kind == TREE_REGION)
		return memtype_word(mmiod_region_memtype(node->region));
	return node->kind == TREE_LEASE ? memtype_word(node->lease->memtype) : "";
}

static const char *presence_word(enum mmiod_state state)
{
	return state == MMIOD_STATE_REVOKED ? "missing" : state_word(state);
}

const char *tree_state(const struct tree_node *node)
{
	switch (node->kind) {
	case TREE_REGION:
		return presence_word(mmiod_region_state(node->region));
	case TREE_INTERRUPTS:
		return presence_word(mmiod_device_state(node->device));
	case TREE_VECTOR:
		return vector_state_word(node->vector);
	case TREE_LEASE:
		return node->lease->state;
	default:
		return "";
	}
}

bool tree_has_size(const struct tree_node *node, uint64_t *size)
{
	switch (node->kind) {
	case TREE_REGION:
		*size = mmiod_region_length(node->region);
		return true;
	case TREE_LEASE:
		*size = node->lease->length;
		return true;
	case TREE_PROCESS:
		*size = node->mapping->segment.end - node->mapping->segment.start;
		return true;
	default:
		return false;
	}
}

static void add_words(char *out, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void add_words(char *out, size_t size, const char *format, ...)
{
	size_t used = strlen(out);
	va_list args;

	if (used)
		used += (size_t)snprintf(out + used, size - used, ", ");
	va_start(args, format);
	if (used < size)
		vsnprintf(out + used, size - used, format, args);
	va_end(args);
}

bool tree_has_operator(const struct mmiod_device *device, char *user, size_t size)
{
	uint32_t uid = mmiod_device_operator_uid(device);

	if (!mmiod_device_operator(device) || uid == UINT32_MAX)
		return false;
	user_name(uid, user, size);
	return true;
}

static void describe_device(const struct mmiod_device *device, char *out, size_t size)
{
	char user[64];

	if (mmiod_device_vectors(device))
		add_words(out, size, "%s, %u vectors", irq_word(mmiod_device_interrupt(device)),
			  mmiod_device_vectors(device));
	if (mmiod_device_masters(device))
		add_words(out, size, "master");
	if (mmiod_device_trusted(device))
		add_words(out, size, "trusted");
	if (mmiod_device_isolated(device))
		add_words(out, size, "isolated");
	if (mmiod_device_sleeps(device))
		add_words(out, size, "asleep");
	if (tree_has_operator(device, user, sizeof(user)))
		add_words(out, size, "operated by %s (pid %u, %s)", user,
			  mmiod_device_operator_pid(device), mmiod_device_operator_comm(device));
	else if (mmiod_device_operator(device))
		add_words(out, size, "operated by somebody");
}

static void describe_lease(const struct tree_lease *lease, char *out, size_t size)
{
	char user[64];

	user_name(lease->uid, user, sizeof(user));
	if (lease->offset != UINT64_MAX)
		add_words(out, size, "at 0x%llx", (unsigned long long)lease->offset);
	add_words(out, size, "%s %u %s", user, lease->pid, lease->comm);
}

static void describe_vector(const struct mmiod_vector *vector, char *out, size_t size)
{
	char user[64];

	user_name(mmiod_vector_uid(vector), user, sizeof(user));
	snprintf(out, size, "lease %llu, %llu so far, %s %u %s",
		 (unsigned long long)mmiod_vector_lease(vector),
		 (unsigned long long)mmiod_vector_count(vector), user, mmiod_vector_pid(vector),
		 mmiod_vector_comm(vector));
}

static void describe_mapping(const struct window_mapping *mapping, char *out, size_t size)
{
	char user[64];

	user_name(mapping->uid, user, sizeof(user));
	snprintf(out, size, "at 0x%llx, %s", (unsigned long long)mapping->segment.start, user);
}

void tree_describe(const struct tree_node *node, char *out, size_t size)
{
	out[0] = '\0';
	if (node->kind == TREE_LEASE)
		describe_lease(node->lease, out, size);
	else if (node->kind == TREE_PROCESS)
		describe_mapping(node->mapping, out, size);
	else if (node->kind == TREE_INTERRUPTS)
		describe_device(node->device, out, size);
	else if (node->kind == TREE_VECTOR)
		describe_vector(node->vector, out, size);
	else if (node->kind == TREE_REGION && mmiod_region_offset(node->region))
		snprintf(out, size, "at 0x%llx",
			 (unsigned long long)mmiod_region_offset(node->region));
	else if (node->kind == TREE_DEVICE && node->region)
		snprintf(out, size, "%s", mmiod_region_model(node->region));
}
