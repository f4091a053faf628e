// SPDX-License-Identifier: MIT
/* Simulation: what it enforces, and what becomes of leases that no module watches over. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include "support/files.h"
#include "support/rig.h"

#define READ MMIOD_RIGHT_READ
#define WRITE (MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE)

static void start(void)
{
	rig_start_simulation(
		"[region shm]\nsize = 1M\n[grant all]\nregion = shm\nuser = *\naccess = rw\n");
}

TestSuite(simulation, .init = start, .fini = rig_stop);

static const struct mmiod_wire_granted *lease(int fd, uint64_t offset, uint64_t length,
					      uint32_t rights)
{
	struct mmiod_wire_want element = want("shm", offset, length, rights, MMIOD_SHARE_WRITE);
	const struct mmiod_wire_granted *granted;

	cr_assert_eq(client_lease(fd, &element, 1, 0), MMIOD_OK);
	granted = answer_element(0);
	cr_assert_eq(granted->status, MMIOD_OK, "%s", answer_text(granted->text));
	return granted;
}

Test(simulation, what_one_client_writes_another_reads_at_the_same_place)
{
	int writer = client_hello(1000), reader = client_hello(1001);
	const struct mmiod_wire_granted *granted = lease(writer, 0x3000, 0x1000, WRITE);
	char text[6] = "";

	cr_assert_eq(granted->map_offset, 0x3000u);
	cr_assert_eq(pwrite(answer_fds[0], "hello", 5, (off_t)granted->map_offset), 5);
	granted = lease(reader, 0x3000, 0x1000, READ);
	cr_assert_eq(pread(answer_fds[0], text, 5, (off_t)granted->map_offset), 5);
	cr_assert_str_eq(text, "hello");
	client_close_fds();
}

Test(simulation, a_read_only_window_cannot_be_written_or_mapped_for_writing)
{
	int fd = client_hello(1000);

	lease(fd, 0, 0x1000, READ);
	cr_assert_eq(pwrite(answer_fds[0], "x", 1, 0), -1);
	cr_assert_eq(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, answer_fds[0], 0),
		     MAP_FAILED);
	cr_assert_neq(mmap(NULL, 4096, PROT_READ, MAP_SHARED, answer_fds[0], 0), MAP_FAILED);
	client_close_fds();
}

Test(simulation, each_lease_has_a_file_of_its_own)
{
	int fd = client_hello(1000), first;

	lease(fd, 0, 0x1000, WRITE);
	first = dup(answer_fds[0]);
	lseek(first, 100, SEEK_SET);
	lease(fd, 0, 0x1000, WRITE);
	cr_assert_eq(lseek(answer_fds[0], 0, SEEK_CUR), 0);
	close(first);
	client_close_fds();
}

Test(simulation, a_lease_ends_when_it_is_released)
{
	int fd = client_hello(1000);
	uint64_t id = lease(fd, 0, 0x1000, WRITE)->lease;

	cr_assert_eq(client_end(fd, MMIOD_OP_RELEASE, id), MMIOD_OK);
	cr_assert_not(leases_count(&rig.broker.leases));
	cr_assert_eq(client_end(fd, MMIOD_OP_RELEASE, id), MMIOD_E_NOT_FOUND);
}

/* Files cannot be watched there; who closed its own and asks again is told. */
Test(simulation, a_lease_does_not_end_with_its_file_and_says_so_to_its_holder)
{
	struct mmiod_wire_want element = want("shm", 0, 0x1000, WRITE, MMIOD_SHARE_EXCLUSIVE);
	int fd = client_hello(1000), other = client_hello(1001);
	const struct mmiod_wire_granted *granted;

	cr_assert_eq(client_lease(fd, &element, 1, 0), MMIOD_OK);
	client_close_fds();
	cr_assert_eq(client_lease(fd, &element, 1, 0), MMIOD_OK);
	granted = answer_element(0);
	cr_assert_eq(granted->status, MMIOD_E_BUSY);
	cr_assert(strstr(answer_text(granted->text), "not when its file is closed"), "%s",
		  answer_text(granted->text));
	cr_assert_eq(client_lease(other, &element, 1, 0), MMIOD_OK);
	granted = answer_element(0);
	cr_assert_eq(granted->status, MMIOD_E_BUSY);
	cr_assert_null(strstr(answer_text(granted->text), "not when its file is closed"));
}

Test(simulation, a_revoked_lease_stays_listed_until_it_is_released)
{
	int fd = client_hello(1000), admin = client_hello(0);
	uint64_t id = lease(fd, 0, 0x1000, WRITE)->lease;

	cr_assert_eq(client_end(admin, MMIOD_OP_REVOKE, id), MMIOD_OK);
	cr_assert_gt(client_receive(fd), 0);
	cr_assert_eq(answer.event.type, MMIOD_EVENT_REVOKED);
	cr_assert_eq(client_list(fd, MMIOD_OP_LEASES, 0), MMIOD_OK);
	cr_assert_eq(((struct mmiod_wire_lease *)answer_element(0))->state, MMIOD_STATE_REVOKED);
	cr_assert_eq(client_end(fd, MMIOD_OP_RELEASE, id), MMIOD_OK);
	cr_assert_not(leases_count(&rig.broker.leases));
}

Test(simulation, ids_are_not_used_again)
{
	int fd = client_hello(1000);
	uint64_t first = lease(fd, 0, 0x1000, WRITE)->lease;

	cr_assert_eq(client_end(fd, MMIOD_OP_RELEASE, first), MMIOD_OK);
	cr_assert_gt(lease(fd, 0, 0x1000, WRITE)->lease, first);
}

Test(simulation, lists_of_many_leases_come_in_pages)
{
	int fd = client_hello(1000);
	struct mmiod_wire_want wants[16];
	uint64_t cursor = 0, last = 0;
	unsigned int seen = 0;

	for (int i = 0; i < 16; i++)
		wants[i] = want("shm", 0, 64, READ, MMIOD_SHARE_WRITE);
	for (int i = 0; i < 40; i++) {
		cr_assert_eq(client_lease(fd, wants, 16, 0), MMIOD_OK);
		cr_assert_eq(n_answer_fds, 16u);
		client_close_fds();
	}
	do {
		cr_assert_eq(client_list(fd, MMIOD_OP_LEASES, cursor), MMIOD_OK);
		for (uint32_t i = 0; i < answer.msg.count; i++) {
			const struct mmiod_wire_lease *entry = answer_element(i);

			cr_assert_gt(entry->id, last);
			last = entry->id;
			seen++;
		}
		cursor = answer.list.cursor;
		/* What ended between two pages does not stop the list. */
		if (seen == 256)
			cr_assert_eq(client_end(fd, MMIOD_OP_RELEASE, cursor), MMIOD_OK);
		else if (!(answer.msg.flags & MMIOD_MSG_MORE))
			break;
	} while (seen < 10000);
	cr_assert_eq(seen, 640u);
}

Test(simulation, a_file_can_stand_behind_a_region)
{
	char content[256];
	struct stat status;
	int fd;

	snprintf(content, sizeof(content),
		 "[region shm]\nsize = 8K\nbacking = %s\n[grant all]\nregion = shm\nuser = "
		 "*\naccess = rw\n",
		 files_path("backing"));
	rig_write_config(content);
	cr_assert_eq(daemon_reload(&rig), 0);
	cr_assert_eq(stat(files_path("backing"), &status), 0);
	cr_assert_eq(status.st_size, 8192);
	fd = client_hello(1000);
	lease(fd, 0x1000, 0x1000, WRITE);
	cr_assert_eq(pwrite(answer_fds[0], "x", 1, 0x1000), 1);
	client_close_fds();
	fd = open(files_path("backing"), O_RDONLY);
	cr_assert_eq(pread(fd, content, 1, 0x1000), 1);
	cr_assert_eq(content[0], 'x');
	close(fd);
}

Test(simulation, regions_without_a_size_are_missing_and_say_why)
{
	int fd = client_hello(0);

	rig_write_config("[region bar]\ndevice = 1af4:1110\nbar = 2\n");
	cr_assert_eq(daemon_reload(&rig), 0);
	cr_assert_eq(client_status(fd), MMIOD_OK);
	cr_assert_eq(answer.status.regions_missing, 1u);
	cr_assert_not_null(strstr(answer_text(answer.status.warning), "size = BYTES"));
}

Test(simulation, a_region_with_a_slot_is_found_by_its_address)
{
	struct mmiod_wire_want element = want("0000:01:00.0/bar2", 0x3004, 4, WRITE, 0);
	const struct mmiod_wire_granted *granted;
	const struct mmiod_wire_region *region;
	int fd;

	rig_write_config(
		"[region card]\ndevice = pci:0000:01:00.0\nbar = 2\noffset = 0x3000\nsize = 4K\n"
		"[grant all]\nregion = card\nuser = *\naccess = rw\n");
	rig_restart();
	fd = client_hello(1000);
	cr_assert_eq(client_list(fd, MMIOD_OP_REGIONS, 0), MMIOD_OK);
	region = answer_element(0);
	cr_assert_str_eq(region->device, "0000:01:00.0");
	cr_assert_eq(region->bar, 2u);
	cr_assert_eq(region->offset, 0x3000u);
	cr_assert_eq(client_lease(fd, &element, 1, 0), MMIOD_OK);
	granted = answer_element(0);
	cr_assert_eq(granted->status, MMIOD_OK, "%s", answer_text(granted->text));
	cr_assert_eq(granted->offset, 4u, "from the start of the region");
	element.offset = 0x2ffc;
	cr_assert_eq(client_lease(fd, &element, 1, 0), MMIOD_OK);
	granted = answer_element(0);
	cr_assert_eq(granted->status, MMIOD_E_NOT_FOUND);
	cr_assert_str_eq(answer_text(granted->text),
			 "no region has byte 0x2ffc of 0000:01:00.0/bar2");
}

Test(simulation, ports_are_never_mapable_and_have_neither_memory_type_nor_eight_bytes)
{
	struct mmiod_wire_want element = want("ports", 0, 0, WRITE, 0);
	const struct mmiod_wire_granted *granted;
	int fd;

	rig_write_config("[region ports]\nsize = 4K\nports = yes\n[region memory]\nsize = 4K\n"
			 "[grant all]\nregion = ports memory\nuser = *\naccess = rw\n");
	rig_restart();
	fd = client_hello(1000);
	cr_assert_eq(client_list(fd, MMIOD_OP_REGIONS, 0), MMIOD_OK);
	for (size_t i = 0; i < 2; i++) {
		const struct mmiod_wire_region *region = answer_element(i);

		cr_assert_eq(region->flags,
			     strcmp(region->name, "ports") ? 0 : MMIOD_REGION_IS_PORTS);
	}
	element.memtype = MMIOD_MEMTYPE_WC;
	cr_assert_eq(client_lease(fd, &element, 1, 0), MMIOD_OK);
	granted = answer_element(0);
	cr_assert_neq(granted->status, MMIOD_OK);
	element.memtype = MMIOD_MEMTYPE_DEFAULT;
	element.width = 8;
	cr_assert_eq(client_lease(fd, &element, 1, 0), MMIOD_OK);
	granted = answer_element(0);
	cr_assert_eq(granted->status, MMIOD_E_INVALID);
	cr_assert_str_eq(answer_text(granted->text), "region ports is of I/O ports, which are "
						     "accessed by 8, 16 or 32 bits, not 64");
	element.width = 4;
	cr_assert_eq(client_lease(fd, &element, 1, 0), MMIOD_OK);
	granted = answer_element(0);
	cr_assert_eq(granted->status, MMIOD_OK, "%s", answer_text(granted->text));
	cr_assert_eq(granted->mmapable, 0u);
}

/* Who may write the memory of all must not take it away from all. */
Test(simulation, nobody_makes_a_memory_file_shorter_or_longer)
{
	int fd = client_hello(1000);
	char path[40];

	lease(fd, 0, 0x1000, WRITE);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", answer_fds[0]);
	cr_assert_eq(ftruncate(answer_fds[0], 2), -1);
	cr_assert_eq(errno, EPERM);
	cr_assert_eq(ftruncate(answer_fds[0], 2 << 20), -1);
	cr_assert_eq(open(path, O_WRONLY | O_TRUNC | O_CLOEXEC), -1);
	cr_assert_eq(errno, EPERM);
	cr_assert_eq(fcntl(answer_fds[0], F_ADD_SEALS, F_SEAL_WRITE), -1, "nor seals more of it");
	cr_assert_eq(pwrite(answer_fds[0], "x", 1, 0xfff), 1);
	client_close_fds();
}

/* The id of an earlier run would release somebody else's lease. */
Test(simulation, ids_of_an_earlier_run_are_not_used_again)
{
	uint64_t first = lease(client_hello(1000), 0, 0x1000, WRITE)->lease;

	rig_wait(1);
	rig_stop();
	start();
	cr_assert_gt(lease(client_hello(1000), 0, 0x1000, WRITE)->lease, first);
	cr_assert_lt(first, 1ull << 53, "JSON keeps it exact");
}
