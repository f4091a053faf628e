// SPDX-License-Identifier: MIT
/*
 * Bits of the configuration space that others change beside a holder of a device file: those of
 * COMMAND that an interrupt handler writes as well, and errors, which a 1 clears.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "device.h"

#define MASTER MMIOD_OPERATE_MASTER
#define TRUSTED MMIOD_OPERATE_DMA_TRUSTED
#define NO_RESET MMIOD_OPERATE_NEEDS_NO_RESET

#define COMMAND 4
#define MASTERING 0x4
#define INTX_OFF 0x400

enum { CHANGES = 2000 };

static uint16_t command_of(int fd)
{
	uint16_t command;

	EXPECT_EQ(pread(fd, &command, 2, COMMAND), 2);
	return command;
}

/* As UIO's users do it. */
static int write_high(int fd, bool off)
{
	uint8_t high = command_of(fd) >> 8;

	high = off ? high | INTX_OFF >> 8 : high & ~(INTX_OFF >> 8);
	return pwrite(fd, &high, 1, COMMAND + 1);
}

static int intx_for(int control, uint64_t owner)
{
	struct mmiod_interrupt_create create = { .device = edu(),
						 .kind = MMIOD_INTERRUPT_INTX,
						 .owner = owner };
	int fd;

	allow_handlers_all_time();
	fd = try_interrupt(control, &create);
	EXPECT(fd >= 0);
	return fd;
}

TEST(the_bit_that_switches_intx_off_is_the_mask_of_the_same_owners_interrupt)
{
	int control = open_control(), fd = operate(control, edu(), READ | WRITE, 0, 1);
	int line = intx_for(control, 1);
	uint16_t command = command_of(fd);

	EXPECT_EQ(command & INTX_OFF, 0);
	command |= INTX_OFF;
	EXPECT_EQ(pwrite(fd, &command, 2, COMMAND), 2);
	EXPECT(query_interrupt(line).flags & MMIOD_INTERRUPT_MASKED);
	EXPECT(pci_command(edu()) & INTX_OFF);
	EXPECT_EQ(command_of(fd), command);
	EXPECT_EQ(mask_interrupt(line, false), 0);
	EXPECT_EQ(command_of(fd), command & ~INTX_OFF);
	EXPECT_EQ(mask_interrupt(line, true), 0);
	EXPECT_EQ(command_of(fd), command);
	command &= ~INTX_OFF;
	EXPECT_EQ(pwrite(fd, &command, 2, COMMAND), 2);
	EXPECT(!(pci_command(edu()) & INTX_OFF));
	close(line);
	EXPECT(command_of(fd) & INTX_OFF);
	EXPECT_ERRNO(pwrite(fd, &command, 2, COMMAND), EPERM);
}

TEST(the_bit_that_switches_intx_off_is_nobodys_whose_interrupt_is_anothers)
{
	int control = open_control(), fd = operate(control, edu(), READ | WRITE, 0, 1);
	int line = intx_for(control, 2);

	EXPECT(command_of(fd) & INTX_OFF);
	EXPECT_ERRNO(write_high(fd, false), EPERM);
	EXPECT_EQ(write_high(fd, true), 1);
	EXPECT(!(query_interrupt(line).flags & MMIOD_INTERRUPT_MASKED));
	EXPECT(!(pci_command(edu()) & INTX_OFF));
}

/* The handler has masked it, which the bit does not show: it reads as it was asked for. */
TEST(the_upper_byte_of_command_unmasks_intx_though_it_reads_as_unmasked)
{
	int control = open_control(), fd = operate(control, edu(), READ | WRITE, 0, 1);
	int registers = window_on_bar(control, edu(), "edu", 1), line = intx_for(control, 1);

	for (unsigned int i = 1; i <= 20; i++) {
		poke(registers, EDU_RAISE, 1);
		EXPECT_EQ(count_from(line, i), i);
		EXPECT(query_interrupt(line).flags & MMIOD_INTERRUPT_MASKED);
		EXPECT_EQ(command_of(fd) & INTX_OFF, 0);
		poke(registers, EDU_ACKNOWLEDGE, 1);
		EXPECT_EQ(write_high(fd, false), 1);
		EXPECT(!(query_interrupt(line).flags & MMIOD_INTERRUPT_MASKED));
	}
	EXPECT_EQ(write_high(fd, true), 1);
	EXPECT(query_interrupt(line).flags & MMIOD_INTERRUPT_MASKED);
	EXPECT_EQ(command_of(fd) & INTX_OFF, INTX_OFF);
}

/* ---- beside a handler ---- */

struct firing {
	int registers, line;
	atomic_bool over;
};

static void *fire(void *arg)
{
	struct firing *firing = arg;
	uint64_t count = 0;

	while (!atomic_load(&firing->over)) {
		poke(firing->registers, EDU_RAISE, 1);
		count = count_from(firing->line, count + 1);
		poke(firing->registers, EDU_ACKNOWLEDGE, 1);
		EXPECT_EQ(mask_interrupt(firing->line, false), 0);
	}
	return (void *)(uintptr_t)count;
}

TEST_WITHIN(120, command_is_read_changed_and_written_beside_a_handler_of_intx_without_a_refusal)
{
	int control = open_control();
	int fd = operate(control, edu(), READ | WRITE | MASTER | TRUSTED, NO_RESET, 1);
	struct firing firing = { .registers = window_on_bar(control, edu(), "edu", 1),
				 .line = intx_for(control, 1) };
	unsigned int before = unhandled(line_of(edu()));
	pthread_t thread;
	void *count;

	EXPECT_EQ(pthread_create(&thread, NULL, fire, &firing), 0);
	for (int i = 0; i < tap_rounds(CHANGES); i++) {
		uint16_t command = command_of(fd), changed = command ^ MASTERING;

		EXPECT_EQ(command & INTX_OFF, 0);
		EXPECT_EQ(command & MASTERING, i & 1 ? MASTERING : 0);
		EXPECT_EQ(pwrite(fd, &changed, 2, COMMAND), 2);
		EXPECT_EQ(pci_command(edu()) & MASTERING, changed & MASTERING);
	}
	atomic_store(&firing.over, true);
	pthread_join(thread, &count);
	EXPECT(count);
	EXPECT(!(query_interrupt(firing.line).flags & MMIOD_INTERRUPT_MASKED));
	EXPECT_EQ(unhandled(line_of(edu())), before);
}

/* ---- errors ---- */

static uint32_t errors_of(uint32_t device, unsigned int at)
{
	uint32_t errors;

	past_the_module(device, &errors, sizeof(errors), at);
	return errors;
}

/* The rig's only function that reports errors. It keeps to itself, or the kernel would clear them. */
static uint32_t reporter(void)
{
	uint32_t device = behind_port(0x1af4, 0x1045, true);
	unsigned int at;
	uint16_t devctl;

	if (device == PCI_NONE || !extended_capability(device, 1))
		tap_skip("this machine has no function that reports errors");
	bind_driver(device, "mmiod");
	at = capability(device, 0x10) + 8;
	past_the_module(device, &devctl, 2, at);
	devctl &= ~0xf;
	set_past_the_module(device, &devctl, 2, at);
	return device;
}

TEST(an_error_that_a_function_has_noted_outlives_a_write_of_what_was_read)
{
	uint32_t device = reporter(), errors, cleared = 0;
	unsigned int at = extended_capability(device, 1) + 4;
	int control = open_control(), fd = operate(control, device, READ | WRITE, 0, 1);

	tell_qemu("pcie_aer_inject_error reporter COMP_TIME\n");
	while (!(errors = errors_of(device, at)))
		usleep(1000);
	EXPECT_ERRNO(pwrite(fd, &cleared, 4, at), EPERM);
	EXPECT_EQ(pread(fd, &cleared, 4, at), 4);
	EXPECT_EQ(cleared, errors);
	EXPECT_EQ(pwrite(fd, &errors, 4, at), 4);
	EXPECT_EQ(errors_of(device, at), errors);
	set_past_the_module(device, &errors, 4, at);
	EXPECT_EQ(errors_of(device, at), 0);
}
