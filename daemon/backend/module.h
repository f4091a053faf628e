/* SPDX-License-Identifier: MIT */
/* Shared by the files of the module's backend; everybody else goes through struct backend_ops. */
#ifndef MMIOD_DAEMON_BACKEND_MODULE_H
#define MMIOD_DAEMON_BACKEND_MODULE_H

#include "backend/backend.h"
#include "machine/pci.h"

struct module {
	struct backend backend; /* event_fd is the control file; owned */
	bool revokes_on_reset; /* an older module, still loaded after an upgrade, does not */
	bool revokes_later; /* likewise */
	bool knows_devices; /* likewise */
	bool knows_owners; /* likewise */
	bool knows_ports; /* regions of I/O ports */
};

/* module-control.c: one ioctl on the control file: 0 or -errno. */
int module_control(struct backend *backend, unsigned long request, void *argument);

/* module-region.c */
int module_next_region(struct backend *backend, uint64_t handle, struct backend_region *region);
int module_claim(struct backend *backend, const struct config_region *config,
		 struct backend_region *region, struct text *why);
int module_release(struct backend *backend, uint64_t handle);
bool module_matches(struct backend *backend, const struct backend_region *region,
		    const struct config_region *config);

/*
 * The function is there, but not bound to the module's driver: says to which one it is, and how to
 * change that, unless its section says already that it is to be bound.
 */
void module_explain_unbound(const struct pci_info *pci, enum config_bind bind, struct text *why);

/* module-device.c */
int module_find_device(struct backend *backend, const struct config_function *config,
		       struct backend_device *device, struct text *why);
int module_next_device(struct backend *backend, uint64_t number, struct backend_device *device);
int module_create_interrupt(struct backend *backend, const struct backend_interrupt *interrupt,
			    struct backend_created *created);
int module_next_interrupt(struct backend *backend, uint64_t id, struct backend_ledger *entry);
int module_open_device(struct backend *backend, const struct backend_operation *operation,
		       struct backend_created *created);
int module_next_operation(struct backend *backend, uint64_t id, struct backend_ledger *entry);

/* module-window.c */
int module_create(struct backend *backend, const struct backend_window *window,
		  struct backend_created *created);
int module_create_buffer(struct backend *backend, const struct backend_buffer *buffer,
			 struct backend_created *created);
int module_buffer_info(struct backend *backend, uint64_t id, uint64_t page,
		       struct mmiod_buffer_info *info);
int module_wipe(struct backend *backend, uint64_t region, enum mmiod_memtype memtype,
		uint64_t offset, uint64_t length);
int module_write(struct backend *backend, uint64_t region, uint64_t owner,
		 enum mmiod_memtype memtype, const struct config_write *write);
int module_revoke(struct backend *backend, uint64_t id);
int module_set_state(struct backend *backend, uint64_t id, enum mmiod_state state);
int module_read_extents(struct backend *backend, uint64_t id, struct mmiod_window_extent *extents,
			uint32_t n);
int module_next_window(struct backend *backend, uint64_t id, struct backend_ledger *entry);

#endif
