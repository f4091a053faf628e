/* SPDX-License-Identifier: MIT */
/*
 * Who may do what: pure functions over the configuration and a subject. Default deny. Decisions rest on the uid and
 * the groups that the kernel vouched for when the subject connected, never on a pid.
 */
#ifndef MMIOD_DAEMON_POLICY_H
#define MMIOD_DAEMON_POLICY_H

#include "config.h"

struct subject {
	uid_t uid;
	const gid_t *gids; /* primary and supplementary */
	size_t n_gids;
	bool known; /* false: a foreign pid or user namespace hides who it is; denied everything */
};

enum policy_reason {
	POLICY_GRANTED,
	POLICY_UNKNOWN_PEER,
	POLICY_NO_GRANT, /* none names this region and this subject; `grant` is the nearest, or NULL */
	POLICY_ACCESS, /* `grant` applies, but does not give the rights */
	POLICY_SHARE, /* `grant` applies, but does not let its holder keep others out so far */
};

struct decision {
	enum policy_reason reason;
	const struct config_grant *grant;
	enum mmiod_share share; /* what the request for a default comes to */
};

struct decision policy_decide(const struct config_region *region, const struct subject *subject,
			      uint32_t rights, enum mmiod_share share);
struct decision policy_decide_memory(const struct config *config, const struct subject *subject,
				     enum mmiod_memory memory);
uint32_t policy_rights(const struct config_region *region, const struct subject *subject);
bool policy_is_admin(const struct config *config, const struct subject *subject);

void policy_explain(struct text *text, const struct decision *decision, const char *region,
		    const char *user, const struct subject *subject, uint32_t rights,
		    enum mmiod_share share);
void policy_explain_memory(struct text *text, const struct decision *decision,
			   enum mmiod_memory memory, const char *user,
			   const struct subject *subject);
const char *memory_name(enum mmiod_memory memory);
const char *share_name(enum mmiod_share share);

#endif
