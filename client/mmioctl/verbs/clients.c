/* SPDX-License-Identifier: MIT */
/*
 * mmioctl clients: who is connected to the daemon.
 */
#include "verb.h"

#include <time.h>

enum {
	CLIENT_ID,
	CLIENT_USER,
	CLIENT_UID,
	CLIENT_PID,
	CLIENT_COMMAND,
	CLIENT_UNIT,
	CLIENT_LEASES,
	CLIENT_BYTES,
	CLIENT_UNREAD,
	CLIENT_FLAGS,
	CLIENT_AGE,
	CLIENT_STARTED,
	CLIENT_COLUMNS,
};

static const struct column client_columns[] = {
	[CLIENT_ID] = { "ID", CELL_NUMBER, true, "number of the connection" },
	[CLIENT_USER] = { "USER", CELL_TEXT, true, "who it is" },
	[CLIENT_UID] = { "UID", CELL_NUMBER, false, "likewise, as a number" },
	[CLIENT_PID] = { "PID", CELL_NUMBER, true, "process that connected" },
	[CLIENT_COMMAND] = { "COMMAND", CELL_TEXT, true, "its name" },
	[CLIENT_UNIT] = { "UNIT", CELL_TEXT, true, "its unit of systemd" },
	[CLIENT_LEASES] = { "LEASES", CELL_NUMBER, true, "that it got and that still are" },
	[CLIENT_BYTES] = { "BYTES", CELL_SIZE, true, "of these leases" },
	[CLIENT_UNREAD] = { "UNREAD", CELL_NUMBER, true, "messages that wait for it" },
	[CLIENT_FLAGS] = { "FLAGS", CELL_LIST, true, "paused: must read first; monitor" },
	[CLIENT_AGE] = { "AGE", CELL_AGE, true, "since it connected" },
	[CLIENT_STARTED] = { "STARTED", CELL_TIME, false, "when it connected" },
};
static const size_t client_column_count = CLIENT_COLUMNS;

static void fill_client(const struct mmiod_peer *peer, struct cell *cells)
{
	uint64_t now = (uint64_t)time(NULL), started = mmiod_peer_started(peer);
	bool paused = mmiod_peer_paused(peer), monitor = mmiod_peer_monitors(peer);
	char user[64];

	user_name(mmiod_peer_uid(peer), user, sizeof(user));
	cell_number(&cells[CLIENT_ID], mmiod_peer_id(peer));
	cell_text(&cells[CLIENT_USER], user);
	cell_number(&cells[CLIENT_UID], mmiod_peer_uid(peer));
	cell_optional(&cells[CLIENT_PID], mmiod_peer_pid(peer));
	cell_text(&cells[CLIENT_COMMAND], mmiod_peer_comm(peer));
	cell_text(&cells[CLIENT_UNIT], mmiod_peer_unit(peer));
	cell_number(&cells[CLIENT_LEASES], mmiod_peer_leases(peer));
	cell_number(&cells[CLIENT_BYTES], mmiod_peer_bytes(peer));
	cell_number(&cells[CLIENT_UNREAD], mmiod_peer_unread(peer));
	cell_text(&cells[CLIENT_FLAGS], paused && monitor ? "paused,monitor"
					: paused	  ? "paused"
					: monitor	  ? "monitor"
							  : "");
	cell_number(&cells[CLIENT_AGE], now > started ? now - started : 0);
	cell_number(&cells[CLIENT_STARTED], started);
}

static int verb_clients(struct context *context, int argc, char **argv)
{
	struct mmiod_peer_list *list;
	struct table table;
	int status = client_open(context), err;

	if (status)
		return status;
	err = mmiod_client_list_peers(context->client, &list);
	if (err)
		return report_client(context, err);
	status = table_begin(&table, context, client_columns, client_column_count, "clients");
	for (size_t i = 0; !status && i < mmiod_peer_list_count(list); i++) {
		struct cell cells[CLIENT_COLUMNS] = { 0 };

		fill_client(mmiod_peer_list_get(list, i), cells);
		status = table_row(&table, cells);
	}
	mmiod_peer_list_free(list);
	return table_end(&table, status);
}

const struct verb clients_verb = {
	.name = "clients",
	.arguments = "",
	.summary = "who is connected to the daemon",
	.group = GROUP_SEE,
	.options = table_options,
	.run = verb_clients,
	.columns = client_columns,
	.column_count = &client_column_count,
	.examples = { { "clients", "yourself at least: others need the inspect right" } },
	.more = "A user sees their own connections; all are for administrators and for those\n"
		"that an [inspect] section of the configuration names.",
};
