// SPDX-License-Identifier: MIT
/*
 * The holder of a lease, in words for people: user, process and unit. The name of a process may
 * change, so nothing is decided by it.
 */
#include <string.h>
#include <common/escape.h>
#include "broker/broker.h"

/* Or the number: its reader may ask the name service, the daemon must not. */
const char *holder_user_name(struct broker *broker, uid_t uid, char *buffer, size_t size)
{
	const char *name = names_of_user(&broker->config->sources.names, uid);

	if (name)
		return name;
	snprintf(buffer, size, "%u", uid);
	return buffer;
}

/* It outlives the next reload by its leases. */
const char *holder_tenant_name(const struct broker *broker, uint32_t key)
{
	const struct config_socket *tenant = config_find_socket(broker->config, key);

	return tenant ? tenant->name : "?";
}

static bool has_name(uint32_t pid, const char *comm)
{
	struct holder now = { .pid = pid };

	peer_read_comm(&now);
	return !strcmp(now.comm, comm);
}

/*
 * The unit as it was when the holder's connection was first asked about; for a holder without a
 * connection as it is now, if its number still has its name.
 */
void holder_unit(const struct broker *broker, const struct lease *lease, char *unit, size_t size)
{
	unit[0] = '\0';
	if (lease->list && lease->list != &broker->orphans) {
		struct connection *connection =
			container_of(lease->list, struct connection, leases);

		snprintf(unit, size, "%s", peer_unit(&connection->peer));
	} else if (has_name(lease->holder.pid, lease->holder.comm)) {
		peer_find_unit(lease->holder.pid, unit, size);
	}
}

void holder_describe(struct broker *broker, const struct lease *lease, struct text *text)
{
	const struct holder *holder = &lease->holder;
	char comm[64], name[USER_NAME_MAX], unit[PEER_UNIT_MAX];

	if (holder->uid == UINT32_MAX) {
		text_add(text, "a window that another program made (%llu)",
			 (unsigned long long)lease->id);
		return;
	}
	common_escape(comm, sizeof(comm), holder->comm, sizeof(holder->comm));
	holder_unit(broker, lease, unit, sizeof(unit));
	if (holder->tenant)
		text_add(text, "tenant %s, ", holder_tenant_name(broker, holder->tenant));
	text_add(text, "user %s (uid %u), pid %u (%s%s%s), ",
		 holder_user_name(broker, holder->uid, name, sizeof(name)), holder->uid,
		 holder->pid, comm, unit[0] ? ", " : "", unit);
	if (lease->id)
		text_add(text, "lease %llu, ", (unsigned long long)lease->id);
	if (lease->kind != MMIOD_KIND_DEVICE)
		text_add(text, "%s%s, ", share_name(lease->share),
			 lease->rights & MMIOD_RIGHT_WRITE ? "" : " read-only");
	text_add(text, "for ");
	text_add_age(text, (clock_boot_ms() - lease->started_ms) / 1000);
}
