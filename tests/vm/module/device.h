/* SPDX-License-Identifier: MIT */
/*
 * What the tests of device files share: the functions that they operate, and ways past the module
 * to the configuration space of these.
 */
#ifndef DEVICE_H
#define DEVICE_H

#include <pthread.h>

#include "interrupts.h"

#define READ MMIOD_OPERATE_CONFIG_READ
#define WRITE MMIOD_OPERATE_CONFIG_WRITE
#define VENDOR MMIOD_OPERATE_CONFIG_VENDOR

/*
 * Bound to the module, and as after binding when a test asks for them first; it is skipped where
 * there is none. Control files that are open by then hear of an earlier test's end.
 */
uint32_t edu_behind_port(void);
uint32_t nvme(void);
uint32_t virtio(void);

/* The first function of a bus behind a port that has these ids, alone there if @alone; or PCI_NONE. */
uint32_t behind_port(unsigned int vendor, unsigned int id, bool alone);
/* Of NVMe, whose controller works when this returns. */
void give_to_kernels_driver(uint32_t device);
/*
 * The physical function of a card with SR-IOV and more vectors than processors have, an NVMe
 * controller: the kernel's driver has it, and there are no virtual ones. Or the test is skipped.
 */
uint32_t card(void);

struct mmiod_device_open request(uint32_t device, uint32_t rights, uint32_t flags, uint64_t owner);
/*
 * A device file's descriptor, or -1 with errno; and the test ends when there is none, after the
 * device was made quiet, or at once.
 */
int try_operate(int control, struct mmiod_device_open open);
int operate_at_once(int control, uint32_t device, uint32_t rights, uint32_t flags, uint64_t owner);
int operate_as(int control, struct mmiod_device_open open);
int operate(int control, uint32_t device, uint32_t rights, uint32_t flags, uint64_t owner);
struct mmiod_device_query query(int fd);
int set_master(int fd, bool on);
/*
 * A region of a PCI function, by its .pci, .name, .width and .flags; and a window on what it begins
 * with. The test ends when there is none.
 */
uint64_t claim_bar(int control, struct mmiod_region_claim claim);
int window_on(int control, uint64_t region_id, uint64_t length, uint64_t owner);
/* A window on the first page of its BAR 0, which is claimed by that name if it is not yet, or -1. */
int window_on_bar(int control, uint32_t device, const char *name, uint64_t owner);
/* Where the device of a window on DMA memory finds it. */
uint64_t iova_of(int fd);

/* Where a capability lies, 0: nowhere; virtio's of a type; and one beyond the first 256 bytes. */
unsigned int capability(uint32_t device, uint8_t id);
unsigned int virtio_capability(uint32_t device, uint8_t type);
unsigned int extended_capability(uint32_t device, uint16_t id);
/* The configuration space as root sees it in sysfs. */
void past_the_module(uint32_t device, void *buffer, size_t length, unsigned int at);
void set_past_the_module(uint32_t device, const void *buffer, size_t length, unsigned int at);

/*
 * The operator's reset, which is asked for again while the PCI core has the function, or the port
 * above it, locked for moments of its own. *@answer, if not NULL, is what the module says of it.
 */
int reset_now(int fd, struct mmiod_device_reset *answer);
/* Resets that have begun wait, in a module that was built for tests. */
void hold_resets(bool hold);
/* Root's reset, in a thread of its own. */
pthread_t begin_sysfs_reset(uint32_t device);
void end_sysfs_reset(pthread_t thread);

#endif
