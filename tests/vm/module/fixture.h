/* SPDX-License-Identifier: MIT */
/*
 * The shared parts of the module's tests: the rig's devices, regions on them, windows, and ways to
 * touch memory that may bite.
 */
#ifndef FIXTURE_H
#define FIXTURE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <linux/mmiod.h>

#include <tap.h>

#define SHM_SIZE (64ULL << 20)
#define BIGSHM_SIZE (4ULL << 30)
#define PCI_NONE UINT32_MAX

/* The size of a page, from the system: the tests hold on any. */
size_t page(void);

/* Whether the kernel is of this version or a later one. */
bool kernel_is_from(int major, int minor);

/* Whether the kernel maps device memory by leaves of 2 MiB and 1 GiB; or the test is skipped. */
bool has_huge_leaves(void);
void need_huge_leaves(void);

/*
 * A new descriptor on /dev/mmiod; the test ends when there is none. The first one finds edu and shm
 * bound, also after a test that failed.
 */
int open_control(void);

/* PCI address of the rig's device with these ids, PCI_NONE if it is not there. */
uint32_t find_pci(unsigned int vendor, unsigned int device);
/* Its sysfs directory, "/sys/bus/pci/devices/0000:…", in a buffer of the thread. */
const char *pci_path(uint32_t address);
/* Write text to DIRECTORY/NAME; 0 or -1 with errno. */
int write_file(const char *directory, const char *name, const char *text);
/* All of a file, zero-terminated, in a buffer of the thread. */
const char *read_file(const char *path);

/* Takes a function from its driver and gives it to another; "": to none. */
void bind_driver(uint32_t address, const char *driver);
/* The COMMAND register of a function, past the module; and to set or clear bits of it. */
uint16_t pci_command(uint32_t address);
void set_pci_command(uint32_t address, uint16_t bits, bool on);
/* The first path that matches, in a buffer of the thread, or NULL. */
const char *first_match(const char *pattern);
/* Whether this machine has an IOMMU that is switched on. */
bool has_iommu(void);
/*
 * The devices go to sleep and wake; the machine itself stays awake. To be prepared first, or the test
 * is skipped where the kernel cannot.
 */
void prepare_sleep(void);
void sleep_and_wake(void);
/*
 * The calling thread has a processor as soon as it wants one, until the test ends. For who looks at
 * what many busy threads do: between two looks each of them would have its turn, which is long where
 * the machine's processors have to wait for the host's.
 */
void go_before_others(void);
/* QEMU's monitor says nothing that matters here: the events show the effect of its commands. */
void tell_qemu(const char *command);
/* Whether that event comes within 20 s; all others are dropped. */
bool happens(int control, uint32_t type, uint32_t value, uint64_t id);

/*
 * The region of that name (shm, bigshm, edu, testdev, set-aside), claimed now unless it is already.
 */
uint64_t region(int control, const char *name);
/* One that is claimed already, by its name; 0: there is none. */
uint64_t find_region(int control, const char *name);
struct mmiod_region_info region_info(int control, uint64_t id);

/* A window of a region: its descriptor, or -1 with errno. */
int try_window(int control, struct mmiod_window_create *create);
/* The same with the usual fields; the test ends when it fails. */
int window(int control, const char *name, uint64_t offset, uint64_t length, uint32_t attr,
	   uint32_t flags);
/* Its id, by QUERY. */
uint64_t window_id(int fd);
struct mmiod_window_info window_info(int control, int fd);
int set_state(int control, uint64_t id, uint32_t state);
int populate(int fd, void *address, size_t length);
int populate_exactly(int fd, void *address, size_t length);

/*
 * A buffer's descriptor, nothing allocated yet; or -1 with errno. Length, kind and the rest as in
 * the template.
 */
int try_buffer(int control, struct mmiod_buffer_create create);
struct mmiod_buffer_info buffer_info(int control, int fd, uint64_t page);
int allocate(int fd);

/* Open the file of a descriptor anew, by its name in /proc; -1 with errno. */
int reopen(int fd, int flags);
/* What refers to the window of a descriptor beside that one, by QUERY. */
unsigned int users(int fd);
/* Hand a descriptor over by a socket, and take one. */
void send_fd(int sock, int fd);
int receive_fd(int sock);

/* One window's part of a view; and a view of such, its descriptor, or -1 with errno. */
struct mmiod_view_create_part view_part(int fd, uint64_t offset, uint64_t start, uint64_t length);
int try_view(uint32_t form, uint32_t flags, const struct mmiod_view_create_part *parts,
	     unsigned int count);
/* The same with what else the structure says, but for the parts' address. */
int try_view_as(struct mmiod_view_create create, const struct mmiod_view_create_part *parts);

/* Map a window shared; the test ends when it fails. */
void *map_window(int fd, size_t length, int prot);

/*
 * The page-table entry of the last level, as the test module ptewalk finds it without mmiod's help.
 */
uint64_t ptewalk(const volatile void *address);
/*
 * TRANSLATE for a process (0: this one), asked once: 0 or -1 with errno; asked again while the
 * process is changing its memory; and of this process, the test ends when it fails.
 */
int try_translate(int control, pid_t pid, const volatile void *address,
		  struct mmiod_translate *answer);
int translate(int control, pid_t pid, const volatile void *address, struct mmiod_translate *answer);
struct mmiod_translate translation(int control, const volatile void *address);
struct mmiod_page page_info(int control, uint64_t pfn);

/* Touch a byte: 0, or the signal that came (SIGBUS, SIGSEGV). */
int touch_read(const volatile void *address);
int touch_write(volatile void *address, uint8_t value);

#endif
