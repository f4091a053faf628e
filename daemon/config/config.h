/* SPDX-License-Identifier: MIT */
/*
 * The configuration: what the files in /etc/mmiod say, as a tree that is built once, checked as a
 * whole and never changed afterwards. Reloading builds another tree. Nothing here knows sockets,
 * devices or the event loop.
 */
#ifndef MMIOD_DAEMON_CONFIG_CONFIG_H
#define MMIOD_DAEMON_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <mmiod/types.h>
#include <linux/mmiod.h>
#include "base/hash.h"
#include "base/names.h"
#include "base/text.h"
#include "base/uid-range.h"

struct config_origin {
	const char *file; /* belongs to the tree */
	unsigned int line;
};

enum config_device {
	CONFIG_DEVICE_NONE, /* not said; only simulation admits it */
	CONFIG_DEVICE_SLOT, /* pci:DDDD:BB:DD.F; of the domain four digits or more */
	CONFIG_DEVICE_IDS, /* VVVV:DDDD, the first that matches */
	CONFIG_DEVICE_RANGE, /* by physical address */
};

enum config_bind {
	CONFIG_BIND_NO,
	CONFIG_BIND_YES, /* unless another driver has the device */
	CONFIG_BIND_FORCE, /* take it from that driver */
};

struct config;
struct config_grant;
struct runtime_grants;

enum config_interrupts {
	CONFIG_INTERRUPTS_NONE,
	CONFIG_INTERRUPTS_INTX,
	CONFIG_INTERRUPTS_MSI,
	CONFIG_INTERRUPTS_MSIX,
	CONFIG_INTERRUPTS_AUTO, /* the best that the device has, and may have without more risk */
};

/* How far the device may reach into the machine's memory. */
enum config_dma {
	CONFIG_DMA_NONE,
	CONFIG_DMA_IOMMU, /* to the memory of its operator, and no other */
	CONFIG_DMA_TRUSTED, /* everywhere: nothing bounds it */
};

/* Whether the device must be reset between those who operate it. */
enum config_reset {
	CONFIG_RESET_YES,
	CONFIG_RESET_NO, /* by the administrator's word it needs none; it has one where that works */
	CONFIG_RESET_NEVER, /* nobody resets it */
};

enum config_party {
	CONFIG_PARTY_ALL, /* every known user */
	CONFIG_PARTY_UNKNOWN,
	CONFIG_PARTY_TENANT, /* whoever connects to a tenant's socket, unless the grant names some */
	CONFIG_PARTY_USER,
	CONFIG_PARTY_GROUP, /* the last */
};

/* One of those whom a grant of a region is for. */
struct config_holder {
	enum config_party party;
	uint32_t id; /* of a user or group, or key of a tenant */
	uint32_t grant; /* place in the region's grants */
};

#define CONFIG_ON_END_MAX 8

/* A register write that makes a device safe. */
struct config_write {
	uint64_t offset; /* from the start of the region */
	uint64_t value;
	uint32_t width; /* bytes: 1, 2, 4, 8 */
};

struct config_writes {
	struct config_write items[2 * CONFIG_ON_END_MAX]; /* a client's and a region's */
	size_t count;
};

/* Bytes of an access to I/O ports: no processor has wider ones. */
#define CONFIG_PORTS_WIDTH_MAX 4

struct config_region {
	char name[MMIOD_NAME_MAX];
	size_t number; /* its place in the files */
	struct config_origin origin;
	enum config_device device;
	uint64_t pci; /* MMIOD_PCI_DEVICE */
	uint16_t vendor;
	uint16_t product;
	bool expects_ids; /* in a slot: these, and no other function is meant */
	int bar; /* -1: not said */
	uint64_t offset; /* in the BAR */
	uint64_t length; /* 0: to the end of the BAR */
	uint64_t phys;
	uint32_t width; /* bytes, 0: any */
	uint32_t memtypes; /* bit 1 << enum mmiod_memtype */
	enum mmiod_memtype memtype; /* default */
	enum config_bind bind; /* the device to the module's driver */
	bool revoke_on_reset; /* else leases are suspended, and resume */
	bool ports; /* the BAR is one of I/O ports */
	bool no_dma; /* nothing in it starts the device's DMA */
	uint32_t dma_bits; /* of an address that the device can put on its bus; 0: 32 */
	char *backing; /* simulation: a file instead of anonymous memory */
	bool pool; /* the daemon gives it out block by block, by ALLOC */
	bool wipe; /* pool: overwrite blocks before another user gets them */
	uint64_t page; /* pool: bytes of the smallest block */
	/* Done in order when a lease that may write these registers ends. */
	struct config_writes on_end;
	const struct config_grant **grants; /* those that name this region, in order of the files */
	size_t n_grants;
	/* Of its grants, sorted: a decision finds those of its subject. */
	struct config_holder *holders;
	size_t n_holders;
	const struct config *tree; /* that it is of */
	uint64_t seen; /* keys, while loading */
	unsigned int seen_file;
	UT_hash_handle hh;
};

/* What [device NAME] says: a PCI function as a whole, and what its hardware may be used for. */
struct config_function {
	char name[MMIOD_NAME_MAX];
	struct config_origin origin;
	enum config_device device;
	uint64_t pci; /* MMIOD_PCI_DEVICE */
	uint16_t vendor;
	uint16_t product;
	enum config_bind bind;
	enum config_interrupts interrupts;
	uint32_t vectors; /* to set up; 0: not said */
	bool dma_engine; /* false: it writes nothing to memory but its MSIs */
	bool share_dma; /* others may write its registers while its operator masters, isolated */
	enum config_dma dma;
	uint32_t dma_bits; /* of an address that it can put on its bus; 0: 32 */
	enum config_reset reset;
	uint32_t storm; /* interrupts of a vector in 100 ms; 0: as many as the module says */
	uint32_t period_ms; /* simulation: an interrupt so often; 0: none */
	const struct config_grant **grants; /* those that name it, in order of the files */
	size_t n_grants;
	uint64_t seen; /* keys, while loading */
	unsigned int seen_file;
	UT_hash_handle hh;
};

/* Whether a function with these ids, found where the region has it, is the one that is meant. */
static inline bool config_is_meant(const struct config_region *region, uint16_t vendor,
				   uint16_t product)
{
	return !region->expects_ids || (region->vendor == vendor && region->product == product);
}

struct config_id {
	uint32_t id;
	char *name; /* as written */
};

struct config_ids {
	struct config_id *items;
	size_t count;
	size_t unresolved; /* names left out, because nobody has them now */
	bool all; /* "*": every known user */
};

struct config_names {
	char **items;
	size_t count;
};

struct config_grant {
	char *name;
	uint32_t key; /* stands for the name where there is no room for it; never 0 */
	struct config_origin origin;
	struct config_names regions; /* names or globs */
	struct config_names devices; /* likewise */
	uint32_t device_rights; /* enum mmiod_device_right: to these devices */
	uint32_t memory; /* bit 1 << enum mmiod_memory, of the kernel's kinds */
	struct config_ids users;
	struct config_ids groups;
	struct config_ids tenants; /* whose [socket NAME] lists it */
	uint32_t rights; /* enum mmiod_right */
	/*
	 * The most that a holder may keep others out, and the default; DEFAULT until all is read.
	 */
	enum mmiod_share share;
	bool unknown; /* also for peers whose uid cannot be seen */
	uint32_t memtypes; /* bit 1 << enum mmiod_memtype; 0: all that the region has */
	uint64_t offset; /* the part of its regions that it covers */
	uint64_t length; /* 0: all of them */
	uint32_t lease_ms; /* how long a lease lasts unless renewed; 0: no limit */
	bool renew; /* the holder may renew it */
	uint32_t leases; /* that one user may have under this grant; 0: no limit */
	uint64_t bytes; /* likewise, of all these leases together */
	uint32_t wait_ms; /* how long a request under it may wait; 0: not said */
	bool huge; /* leaves of 2 MiB even where mbind(2) on them may bring the kernel down */
	bool runtime; /* no file has it: it is in a struct runtime_grant */
	uint64_t seen;
	unsigned int seen_file;
	UT_hash_handle by_name;
	UT_hash_handle by_key; /* of two with one key only the first has it */
};

/* The socket of a tenant: nobody is an administrator there, and the listed grants alone count. */
struct config_socket {
	char *name;
	uint32_t key; /* stands for the name in subjects and holders; never 0 */
	struct config_origin origin;
	mode_t mode; /* 0: not said */
	struct config_ids groups; /* one at most */
	struct config_names grants;
	bool admits_unknown; /* one of these says so */
	uint64_t seen;
	unsigned int seen_file;
};

/* Whom [admin NAME] or [inspect NAME] names. */
struct config_admin {
	char *name;
	struct config_origin origin;
	struct config_ids users;
	struct config_ids groups;
	uint64_t seen;
	unsigned int seen_file;
};

struct config_limits {
	uint32_t connections_per_user;
	uint32_t connection_rate_per_user; /* in a second; administrators have no limit */
	uint32_t leases_per_user;
	uint32_t unread_replies_per_user; /* that wait in the daemon */
	uint32_t unread_descriptors_per_user; /* in sockets and in the daemon */
	uint32_t slow_reader_timeout_ms;
	uint32_t hello_timeout_ms;
	uint64_t bytes_per_user; /* allocated: pool blocks and kernel memory */
	uint32_t caches_per_user; /* object caches that are published */
	uint32_t waiting_per_user; /* requests that wait until others give back */
	uint32_t interrupts_per_user; /* leases of vectors */
	uint32_t devices_per_user; /* leases of device files */
	uint32_t extents_per_user; /* of leases that have several */
	uint32_t longest_wait_ms; /* where a grant does not say how long they may */
	uint32_t bypass_ms; /* for so long younger requests may pass an older one that waits */
	/* Of all users together; 0: not said. */
	uint32_t connections;
	uint32_t leases;
	uint64_t bytes;
	uint32_t caches;
	uint32_t waiting;
	uint32_t unread_replies;
	uint32_t unread_descriptors;
	bool revoke_on_reload; /* leases that no grant stands behind any more end at once */
	bool no_runtime_grants; /* nobody may give any while the daemon runs */
	uint64_t seen;
	unsigned int seen_file;
};

/* A source of a tree: the text of a file as it was read. */
struct config_source {
	char *path;
	char *text;
	size_t length;
};

struct config_sources {
	struct config_source *items;
	size_t count;
	bool simulation;
	const char *subuids; /* see struct config_paths */
	struct names names; /* that are known before; after loading, those that were asked for */
};

struct config {
	struct config_limits limits;
	struct config_sources sources;
	bool tolerant; /* see config_load_tolerant() */
	char **warnings; /* what will not work, with file and line */
	size_t n_warnings;
	size_t n_unresolved; /* names of users and groups that were left out */
	char *unresolved; /* the warning of the first */
	struct config_region **regions;
	size_t n_regions;
	struct config_region *by_name;
	struct config_region **sorted; /* by name */
	struct config_function **functions;
	size_t n_functions;
	struct config_function *functions_by_name;
	struct config_grant **grants;
	size_t n_grants;
	struct config_grant *grants_by_name;
	struct config_grant *grants_by_key;
	/* Beside those of the files; not the tree's: it outlives the tree. NULL: none. */
	const struct runtime_grants *runtime;
	bool admits_unknown; /* a grant says so */
	struct config_admin **admins;
	size_t n_admins;
	struct config_socket **sockets;
	size_t n_sockets;
	struct config_admin **inspectors;
	size_t n_inspectors;
	struct config_holder *named; /* users and groups in any section, sorted; no grants */
	size_t n_named;
	struct uid_range *uid_ranges; /* of /etc/subuid, in order of their starts */
	size_t n_uid_ranges;
	char **files; /* that were read, in order */
	size_t n_files;
};

/*
 * Where the files are. Later entries win; a file name in a later directory replaces its namesake in
 * an earlier one.
 */
struct config_paths {
	const char *main; /* may be missing unless main_required; NULL: none */
	bool main_required;
	const char *directories[4]; /* of drop-ins, *.conf; missing ones are skipped */
	const char *simulation; /* read last; admits regions without a device */
	const char *subuids; /* /etc/subuid; NULL: nobody has uids beside their own */
	const char *state; /* directory of notes that outlive the daemon; NULL: none */
	const char *tenants; /* directory of their sockets; NULL: none */
};

/*
 * For a caller that can put errors right: each is refused. On failure `why` says FILE:LINE and the
 * cure.
 */
int config_load(const struct config_paths *paths, struct config **configp, struct text *why);
/*
 * For a start, where a fault of one entry must not be one of all: users and groups that are not
 * there are left out, so nobody gets what they would have, and other entries that cannot work are
 * only warned of.
 */
int config_load_tolerant(const struct config_paths *paths, struct config **configp,
			 struct text *why);
/* The texts of an earlier tree again, tolerantly; names that were found then are not asked for. */
int config_load_again(const struct config_sources *sources, struct config **configp,
		      struct text *why);
int config_sources_copy(struct config_sources *to, const struct config_sources *from);
void config_sources_clear(struct config_sources *sources);
struct config *config_free(struct config *config);
bool config_free_some(struct config *config, unsigned int most);
void config_freep(struct config **config);

struct config_grant *config_find_grant(const struct config *config, uint32_t key);
const struct config_grant *config_find_grant_name(const struct config *config, const char *name);
/* That stands for a grant's name where there is no room for it; never 0. */
uint32_t config_key_of(const char *name);
/*
 * The first of a region's grants that are for this party; the others follow in order, up to the end
 * or another party.
 */
const struct config_holder *config_find_holder(const struct config_region *region,
					       enum config_party party, uint32_t id);
struct config_region *config_find_region(const struct config *config, const char *name);
const struct config_socket *config_find_socket(const struct config *config, uint32_t key);
struct config_function *config_find_function(const struct config *config, const char *name);
/* Whether who writes the region's registers, in a function with these ids, can start DMA by them. */
bool config_starts_dma(const struct config_region *region, uint64_t pci, uint16_t vendor,
		       uint16_t product);
enum config_interrupts config_best_interrupts(const struct config_function *function);

/* For the loader: config.c owns the tree, load.c the files, section.c the keys. */
struct config *config_new(void);
struct config_region *config_need_region(struct config *config, const char *name);
struct config_function *config_need_function(struct config *config, const char *name);
struct config_grant *config_need_grant(struct config *config, const char *name);
struct config_admin *config_need_admin(struct config *config, const char *name);
struct config_socket *config_need_socket(struct config *config, const char *name);
struct config_admin *config_need_inspector(struct config *config, const char *name);
const char *config_add_file(struct config *config, const char *path);
void config_ids_clear(struct config_ids *ids);
void config_names_clear(struct config_names *names);
void **config_grow(void *arrayp, size_t *count);
void config_warn(struct config *config, const struct config_origin *origin, const char *format, ...)
	_printf_(3, 4);
int config_object(struct config *config, struct text *why, const struct config_origin *origin,
		  const char *format, ...) _printf_(4, 5);

/* The regions that a grant's pattern, a name or a glob, is for. */
struct config_match {
	const struct config *config;
	const char *pattern;
	size_t at;
	bool done;
};

struct config_match config_match(const struct config *config, const char *pattern);
struct config_region *config_match_next(struct config_match *match);

/* check.c and link.c: the tree as a whole. */
int config_finish(struct config *config, bool simulation, struct text *why);
int config_link(struct config *config);
int config_sort(struct config *config);
int config_read_subuids(struct config *config, const char *path);
const struct config_holder *config_find_party(const struct config_holder *holders, size_t count,
					      enum config_party party, uint32_t id);
bool config_is_glob(const char *pattern);
bool config_pattern_is_broken(const char *pattern);
bool config_names_device(const struct config_grant *grant, const struct config_function *function);

/* device-check.c: what can be judged of devices, and of grants of them, when all is read. */
int config_check_devices(struct config *config, bool simulation, struct text *why);
int config_check_grant_devices(struct config *config, const struct config_grant *grant,
			       struct text *why);
int config_check_given(struct config *config, struct text *why);

/* overlap.c: regions that claim the same bytes. */
int config_check_overlaps(struct config *config, struct text *why);

/* tenant.c: tenants and their sockets. */
int config_check_sockets(struct config *config, struct text *why);
int config_link_sockets(struct config *config);

/* terms.c: the terms of grants, and what makes devices safe. */
int config_check_terms(struct config *config, const struct config_grant *grant, struct text *why);
int config_check_on_end(const struct config_region *region, struct text *why);

#endif
