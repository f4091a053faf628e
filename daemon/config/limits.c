// SPDX-License-Identifier: MIT
/* The keys of [daemon]: limits, each with the range that it must lie in. */
#include "config/setters.h"
#include "config/value.h"

static int set_count(struct config_cursor *cursor, const char *value, uint32_t *count)
{
	uint64_t number;

	if (value_number(value, &number) < 0 || number < 1 || number > 1000000)
		return config_refuse(cursor, "\"%s\" is not a count from 1 to 1000000", value);
	*count = (uint32_t)number;
	return 0;
}

int limits_set_connections(struct config_cursor *cursor, const char *value)
{
	return set_count(cursor, value, &cursor->limits->connections_per_user);
}

int limits_set_connection_rate(struct config_cursor *cursor, const char *value)
{
	return set_count(cursor, value, &cursor->limits->connection_rate_per_user);
}

int limits_set_unread_replies(struct config_cursor *cursor, const char *value)
{
	return set_count(cursor, value, &cursor->limits->unread_replies_per_user);
}

/* Fewer than one message may carry would refuse what every client may ask for. */
int limits_set_unread_descriptors(struct config_cursor *cursor, const char *value)
{
	uint64_t number;

	if (value_number(value, &number) < 0 || number < 16 || number > 1000000)
		return config_refuse(cursor, "\"%s\" is not a count from 16 to 1000000", value);
	cursor->limits->unread_descriptors_per_user = (uint32_t)number;
	return 0;
}

int limits_set_slow_reader_timeout(struct config_cursor *cursor, const char *value)
{
	uint32_t ms;

	if (value_duration(value, &ms) < 0 || ms < 100 || ms > 3600000)
		return config_refuse(cursor, "\"%s\" is not a time from 100ms to 1h, such as 30s",
				     value);
	cursor->limits->slow_reader_timeout_ms = ms;
	return 0;
}

int limits_set_leases(struct config_cursor *cursor, const char *value)
{
	return set_count(cursor, value, &cursor->limits->leases_per_user);
}

int limits_set_hello_timeout(struct config_cursor *cursor, const char *value)
{
	uint32_t ms;

	if (value_duration(value, &ms) < 0 || ms < 10 || ms > 60000)
		return config_refuse(cursor, "\"%s\" is not a time from 10ms to 60s, such as 2s",
				     value);
	cursor->limits->hello_timeout_ms = ms;
	return 0;
}

int limits_set_bytes(struct config_cursor *cursor, const char *value)
{
	if (value_size(value, &cursor->limits->bytes_per_user) < 0)
		return config_refuse(cursor, "\"%s\" is not a size, such as 64M or 1G", value);
	return 0;
}

/* ---- of all users together ------------------------------------------------------------------- */

int limits_set_all_connections(struct config_cursor *cursor, const char *value)
{
	return set_count(cursor, value, &cursor->limits->connections);
}

int limits_set_all_leases(struct config_cursor *cursor, const char *value)
{
	return set_count(cursor, value, &cursor->limits->leases);
}

int limits_set_all_bytes(struct config_cursor *cursor, const char *value)
{
	if (value_size(value, &cursor->limits->bytes) < 0)
		return config_refuse(cursor, "\"%s\" is not a size, such as 64M or 1G", value);
	return 0;
}

int limits_set_all_caches(struct config_cursor *cursor, const char *value)
{
	return set_count(cursor, value, &cursor->limits->caches);
}

int limits_set_all_waiting(struct config_cursor *cursor, const char *value)
{
	return set_count(cursor, value, &cursor->limits->waiting);
}

int limits_set_all_unread_replies(struct config_cursor *cursor, const char *value)
{
	return set_count(cursor, value, &cursor->limits->unread_replies);
}

int limits_set_all_unread_descriptors(struct config_cursor *cursor, const char *value)
{
	return set_count(cursor, value, &cursor->limits->unread_descriptors);
}

/* ---- of each, again -------------------------------------------------------------------------- */

int limits_set_caches(struct config_cursor *cursor, const char *value)
{
	return set_count(cursor, value, &cursor->limits->caches_per_user);
}

int limits_set_waiting(struct config_cursor *cursor, const char *value)
{
	return set_count(cursor, value, &cursor->limits->waiting_per_user);
}

int limits_set_interrupts(struct config_cursor *cursor, const char *value)
{
	return set_count(cursor, value, &cursor->limits->interrupts_per_user);
}

int limits_set_devices(struct config_cursor *cursor, const char *value)
{
	return set_count(cursor, value, &cursor->limits->devices_per_user);
}

int limits_set_extents(struct config_cursor *cursor, const char *value)
{
	return set_count(cursor, value, &cursor->limits->extents_per_user);
}

int limits_set_longest_wait(struct config_cursor *cursor, const char *value)
{
	if (value_duration(value, &cursor->limits->longest_wait_ms) < 0 ||
	    cursor->limits->longest_wait_ms < 100)
		return config_refuse(
			cursor, "\"%s\" is not a time from 100ms on, such as 10min or 8h", value);
	return 0;
}

int limits_set_bypass(struct config_cursor *cursor, const char *value)
{
	if (value_duration(value, &cursor->limits->bypass_ms) < 0)
		return config_refuse(cursor, "\"%s\" is not a time, such as 0s, 500ms or 10s",
				     value);
	return 0;
}

int limits_set_revoke_on_reload(struct config_cursor *cursor, const char *value)
{
	return config_yes_no(cursor, value, &cursor->limits->revoke_on_reload);
}

int limits_set_runtime_grants(struct config_cursor *cursor, const char *value)
{
	bool may = true;
	int r = config_yes_no(cursor, value, &may);

	cursor->limits->no_runtime_grants = !may;
	return r;
}
