/* SPDX-License-Identifier: MIT */
/*
 * The decision who may do what: pure functions over the configuration and a subject. Default deny.
 * Decisions rest on the uid and the groups that the kernel vouched for when the subject connected,
 * never on a pid, but that process 1 is no administrator.
 *
 * Grants do not add up: one of them alone must give all that is asked for, and the first one that
 * does, in the order of the files, decides and sets the terms. Unknown subjects are given what a
 * grant with "unknown = yes" gives.
 */
#ifndef MMIOD_DAEMON_CONFIG_POLICY_H
#define MMIOD_DAEMON_CONFIG_POLICY_H

#include "config/config.h"

struct subject {
	uid_t uid;
	const gid_t *gids; /* primary and supplementary */
	size_t n_gids;
	bool sorted; /* the gids rise: they need not all be looked at */
	bool known; /* false: a foreign pid or user namespace hides who it is */
	uint32_t tenant; /* key of whose socket it came by; 0: by the main one */
	/*
	 * Connected by process 1, which opens sockets for what it starts: that may be a service
	 * without any rights, whose connection this is from then on.
	 */
	bool manager;
};

enum policy_reason {
	POLICY_GRANTED,
	POLICY_UNKNOWN_PEER,
	POLICY_NO_GRANT, /* none names region and subject; `grant` is the nearest, or NULL */
	POLICY_ACCESS, /* `grant` applies, but does not give the rights */
	POLICY_SHARE, /* `grant` applies, but does not let its holder keep others out so far */
	POLICY_MEMTYPE, /* `grant` applies, but not with that memory type */
	POLICY_RANGE, /* `grant` applies, but not to all of these bytes */
	POLICY_DEVICE_RIGHT, /* `grant` applies to the device, but does not give the right */
};

/* A request's wants of a region. */
struct question {
	uint32_t rights;
	enum mmiod_share share;
	enum mmiod_memtype memtype;
	uint64_t offset;
	uint64_t length; /* 0: bytes that an allocator will choose where the grant lets it */
	const char *grant; /* by its name, this one alone; NULL: any */
};

struct decision {
	enum policy_reason reason;
	const struct config_grant *grant;
	enum mmiod_share share; /* what the request for a default comes to */
	enum mmiod_memtype memtype; /* likewise */
};

struct decision policy_decide(const struct config_region *region, const struct subject *subject,
			      const struct question *question);
struct decision policy_decide_memory(const struct config *config, const struct subject *subject,
				     enum mmiod_memory memory);
struct decision policy_decide_device(const struct config_function *function,
				     const struct subject *subject, uint32_t rights);
uint32_t policy_device_rights(const struct config_function *function,
			      const struct subject *subject);
bool policy_gives_device(const struct config_grant *grant, const struct config_function *function,
			 uint32_t rights);
bool policy_gives(const struct config_grant *grant, const struct config_region *region,
		  const struct question *question);
uint32_t policy_rights(const struct config_region *region, const struct subject *subject);
bool policy_names(const struct config *config, const struct subject *subject);
bool policy_may_inspect(const struct config *config, const struct subject *subject);
bool policy_is_admin(const struct config *config, const struct subject *subject);

void policy_explain(struct text *text, const struct decision *decision, const char *region,
		    const char *user, const struct subject *subject,
		    const struct question *question);
void policy_explain_memory(struct text *text, const struct decision *decision,
			   enum mmiod_memory memory, const char *user,
			   const struct subject *subject);
void policy_add_grant(struct text *text, const struct config_grant *grant);
/* `rights`: enum mmiod_device_right, those that were asked for. */
void policy_explain_device(struct text *text, const struct decision *decision, const char *device,
			   uint32_t rights, const char *user, const struct subject *subject);
/* The keys that give these, quoted. */
void policy_add_device_rights(struct text *text, uint32_t rights);
const char *memtype_name(enum mmiod_memtype memtype);
const char *memory_name(enum mmiod_memory memory);
const char *share_name(enum mmiod_share share);

#endif
