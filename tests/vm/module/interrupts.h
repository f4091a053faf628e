/* SPDX-License-Identifier: MIT */
/* Interrupts, for the tests of them: how they are made and looked at, and edu, which makes them. */
#ifndef INTERRUPTS_H
#define INTERRUPTS_H

#include "fixture.h"

/* Registers of edu: what is written to the first raises its line, to the second lets go of it. */
#define EDU_STATUS 0x24
#define EDU_RAISE 0x60
#define EDU_ACKNOWLEDGE 0x64

/* Commands of its engine, which copies a tenth of a second later, and with an interrupt if told. */
#define EDU_COMMAND 0x98
#define EDU_RUNS 1
#define EDU_TO_MEMORY 2

/* The function of edu, and a window on its registers; each is claimed as it has to be. */
uint32_t edu(void);
int edu_window(int control);
void poke(int fd, uint64_t offset, uint32_t value);
/* Starts a copy between edu's own memory and an address below 4 GiB. Waits until one was tried. */
void start_copy(int registers, uint64_t address, uint32_t length, uint32_t command);
void finish_copy(int registers);

/*
 * An interrupt's descriptor, or -1 with errno; and the same where it has to succeed: its handlers
 * may take any time, as emulated ones do, unless the test then sets the parameters of storms.
 */
int try_interrupt(int control, struct mmiod_interrupt_create *create);
int interrupt(int control, uint32_t device, uint32_t kind, uint32_t vector, uint32_t flags);

struct mmiod_interrupt_query query_interrupt(int fd);
struct mmiod_interrupt_info interrupt_info(int control, uint64_t id);
struct mmiod_device_info device_info(int control, uint32_t device);

int mask_interrupt(int fd, bool on);
int trigger(int fd);
int set_eventfd(int fd, int eventfd);

/* What poll says of it now. */
short poll_now(int fd);
/* Waits until poll says one of these; the test ends when it does not within 20 s. */
short poll_for(int fd, short events);
/* The count once it is at least that; the test ends when it is not within 20 s. */
uint64_t count_from(int fd, uint64_t least);

/* The line of a function's pin, and how many interrupts on it nobody has handled. */
unsigned int line_of(uint32_t device);
unsigned int unhandled(unsigned int line);

/* Sets a parameter of the module. */
void set_parameter(const char *name, const char *value);
/* As many ms of the 100 of a period as there are: what takes long is no storm, on any machine. */
void allow_handlers_all_time(void);

/* A buffer's descriptor, allocated: the device masters the bus while it lives. */
int dma_buffer(int control, uint32_t device, uint64_t length);

#endif
