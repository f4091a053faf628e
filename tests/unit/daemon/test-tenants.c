// SPDX-License-Identifier: MIT
/*
 * Tenants: whoever comes by the socket of one has what its grants give, and is nobody's
 * administrator, uid 0 included.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "support/files.h"
#include "support/rig.h"

#define ROOT 0
#define ALICE 4001
#define READ MMIOD_RIGHT_READ
#define WRITE (MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE)
#define REGIONS                                                                             \
	"[region card-a]\nphys = 0x10000000\nsize = 64K\n"                                  \
	"[region card-b]\nphys = 0x20000000\nsize = 64K\n"                                  \
	"[region motor]\nphys = 0x30000000\nsize = 64K\n"                                   \
	"[grant cards]\nregion = card-a\naccess = rw\nshare = shared-write\n"               \
	"[grant alices]\nregion = card-b\nuser = 4001\n"                                    \
	"[grant files]\nregion = motor\nuser = 0 4001\naccess = rw\nshare = shared-write\n" \
	"[socket keep]\ngrants = cards\n"
#define CONFIG REGIONS "[socket lab]\ngrants = cards alices\n[socket line]\ngrants = cards\n"

static void start(void)
{
	rig_start(CONFIG);
}

TestSuite(tenants, .init = start, .fini = rig_stop);

static int hello_at(const char *tenant, uid_t uid)
{
	int fd;

	rig_tenant = tenant;
	fd = client_hello(uid);
	rig_tenant = NULL;
	return fd;
}

/* The element's status. */
static uint32_t lease(int fd, const char *region, uint32_t rights, uint64_t *id)
{
	struct mmiod_wire_want element = want(region, 0, 0x1000, rights, 0);
	const struct mmiod_wire_granted *granted;

	cr_assert_eq(client_lease(fd, &element, 1, 0), MMIOD_OK);
	granted = answer_element(0);
	if (id)
		*id = granted->lease;
	client_close_fds();
	return granted->status;
}

static size_t listed(int fd, uint16_t opcode)
{
	cr_assert_eq(client_list(fd, opcode, 0), MMIOD_OK);
	return answer.msg.count;
}

/* ---- what the grants give -------------------------------------------------------------------- */

Test(tenants, only_the_grants_that_the_socket_lists_count_there)
{
	int root = hello_at("lab", ROOT), alice = hello_at("lab", ALICE);

	cr_assert_eq(lease(root, "card-a", WRITE, NULL), MMIOD_OK, "it names nobody");
	cr_assert_eq(lease(root, "card-b", READ, NULL), MMIOD_E_DENIED, "it names alice");
	cr_assert_eq(lease(alice, "card-b", READ, NULL), MMIOD_OK);
	cr_assert_eq(lease(root, "motor", READ, NULL), MMIOD_E_DENIED, "it is not listed");
	cr_assert_eq(lease(alice, "motor", READ, NULL), MMIOD_E_DENIED);
	cr_assert_eq(lease(hello_at("line", ALICE), "card-b", READ, NULL), MMIOD_E_DENIED);
	cr_assert_eq(listed(root, MMIOD_OP_REGIONS), 1u);
	cr_assert_eq(listed(alice, MMIOD_OP_REGIONS), 2u);
}

Test(tenants, a_grant_that_names_nobody_gives_nobody_anything_on_the_main_socket)
{
	cr_assert_eq(lease(client_hello(ROOT), "card-a", READ, NULL), MMIOD_E_DENIED);
	cr_assert_eq(lease(client_hello(ALICE), "card-a", READ, NULL), MMIOD_E_DENIED);
	cr_assert_eq(lease(client_hello(ALICE), "card-b", READ, NULL), MMIOD_OK);
}

Test(tenants, a_refusal_names_no_grant_of_others)
{
	int root = hello_at("lab", ROOT);

	lease_refused(root, want("motor", 0, 0x1000, READ, 0), MMIOD_E_DENIED, "denied: no grant");
	cr_assert_null(strstr(answer_text(((struct mmiod_wire_granted *)answer_element(0))->text),
			      "files"));
}

Test(tenants, a_grant_while_the_daemon_runs_may_be_for_a_tenant)
{
	struct {
		struct mmiod_msg_grant fixed;
		struct mmiod_wire_pattern pattern;
	} packet = { .fixed = { .name = "job", .tenant = "line", .rights = READ },
		     .pattern = { "card-b" } };
	int admin = client_hello(ROOT);

	packet.fixed.msg = (struct mmiod_msg){ .size = sizeof(packet),
					       .opcode = MMIOD_OP_GRANT,
					       .fixed = sizeof(packet.fixed),
					       .count = 1,
					       .stride = sizeof(packet.pattern) };
	client_send(admin, &packet, sizeof(packet));
	rig_turn();
	cr_assert_gt(client_receive(admin), 0);
	cr_assert_eq(answer.msg.status, MMIOD_OK, "%s", answer_text(answer.error.text));
	cr_assert_eq(lease(hello_at("line", ROOT), "card-b", READ, NULL), MMIOD_OK);
	cr_assert_eq(lease(hello_at("lab", ROOT), "card-b", READ, NULL), MMIOD_E_DENIED);
	cr_assert_eq(lease(client_hello(ROOT), "card-b", READ, NULL), MMIOD_E_DENIED);
	cr_assert_eq(listed(hello_at("line", ALICE), MMIOD_OP_GRANTS), 1u);
	cr_assert_eq(listed(hello_at("lab", ALICE), MMIOD_OP_GRANTS), 0u);
	rig_restart();
	cr_assert_eq(lease(hello_at("line", ROOT), "card-b", READ, NULL), MMIOD_OK);
	rig_write_config(REGIONS "[socket lab]\n");
	cr_assert_eq(daemon_reload(&rig), 0);
	cr_assert_eq(listed(client_hello(ROOT), MMIOD_OP_GRANTS), 0u, "its tenant is gone");
}

/* ---- nobody is an administrator -------------------------------------------------------------- */

static void denied(int fd, struct mmiod_msg *message, uint16_t opcode, size_t fixed)
{
	message->size = (uint32_t)fixed;
	message->fixed = (uint32_t)fixed;
	message->opcode = opcode;
	client_send(fd, message, fixed);
	rig_turn();
	cr_assert_gt(client_receive(fd), 0);
	cr_assert_eq(answer.msg.status, MMIOD_E_DENIED, "opcode %u", opcode);
	cr_assert_not_null(strstr(answer_text(answer.error.text),
				  "on the socket of tenant lab nobody is an administrator"));
}

Test(tenants, uid_0_can_do_nothing_there_that_is_for_administrators)
{
	union {
		struct mmiod_msg msg;
		struct mmiod_msg_translate translate;
		struct mmiod_msg_page page;
		struct mmiod_msg_explain explain;
		struct mmiod_msg_ungrant ungrant;
		struct mmiod_msg_monitor monitor;
	} message = { 0 };
	int root = hello_at("lab", ROOT), holder = client_hello(ALICE);
	uint64_t id;

	cr_assert_eq(lease(holder, "motor", WRITE, &id), MMIOD_OK);
	cr_assert_eq(answer.msg.status, MMIOD_OK);
	send_end(root, MMIOD_OP_REVOKE, 0, &id, 1);
	rig_turn();
	cr_assert_gt(client_receive(root), 0);
	cr_assert_eq(answer.msg.status, MMIOD_E_DENIED);
	cr_assert_eq(client_end(root, MMIOD_OP_RELEASE, id), MMIOD_E_DENIED);
	cr_assert_not(lease_is_over(lease_find(&rig.broker.leases, id)));
	denied(root, &message.msg, MMIOD_OP_UNGRANT, sizeof(message.ungrant));
	message.explain.rights = READ;
	denied(root, &message.msg, MMIOD_OP_EXPLAIN, sizeof(message.explain));
	memset(&message, 0, sizeof(message));
	message.monitor.on = 1;
	denied(root, &message.msg, MMIOD_OP_MONITOR, sizeof(message.monitor));
	memset(&message, 0, sizeof(message));
	denied(root, &message.msg, MMIOD_OP_PAGE, sizeof(message.page));
	message.translate.pid = (uint32_t)getpid();
	denied(root, &message.msg, MMIOD_OP_TRANSLATE, sizeof(message.translate));
}

Test(tenants, uid_0_sees_there_only_what_is_its_tenants)
{
	int root = client_hello(ROOT), lab = hello_at("lab", ROOT), line = hello_at("line", ROOT);

	cr_assert_eq(lease(root, "motor", WRITE, NULL), MMIOD_OK);
	cr_assert_eq(lease(line, "card-a", READ, NULL), MMIOD_OK);
	cr_assert_eq(listed(lab, MMIOD_OP_LEASES), 0u);
	cr_assert_eq(listed(lab, MMIOD_OP_LOG), 0u);
	cr_assert_eq(listed(lab, MMIOD_OP_CLIENTS), 1u, "itself");
	cr_assert_eq(listed(line, MMIOD_OP_LEASES), 1u);
	cr_assert_eq(listed(line, MMIOD_OP_LOG), 1u);
	cr_assert_eq(listed(root, MMIOD_OP_LEASES), 2u);
}

/* ---- two tenants are two holders ------------------------------------------------------------- */

Test(tenants, one_cannot_give_back_what_the_other_has)
{
	int lab = hello_at("lab", ROOT), line = hello_at("line", ROOT);
	uint64_t id;

	cr_assert_eq(lease(line, "card-a", WRITE, &id), MMIOD_OK);
	cr_assert_eq(client_end(lab, MMIOD_OP_RELEASE, id), MMIOD_E_DENIED);
	cr_assert_eq(client_end(client_hello(ROOT), MMIOD_OP_RELEASE, id), MMIOD_E_DENIED);
	cr_assert_eq(client_end(line, MMIOD_OP_RELEASE, id), MMIOD_OK);
}

Test(tenants, the_quota_of_one_does_not_touch_the_others)
{
	int lab, line;

	rig_write_config("[daemon]\nleases-per-user = 2\n" CONFIG);
	cr_assert_eq(daemon_reload(&rig), 0);
	lab = hello_at("lab", ROOT);
	line = hello_at("line", ROOT);
	cr_assert_eq(lease(lab, "card-a", READ, NULL), MMIOD_OK);
	cr_assert_eq(lease(hello_at("lab", ALICE), "card-a", READ, NULL), MMIOD_OK);
	lease_refused(lab, want("card-a", 0, 0x1000, READ, 0), MMIOD_E_QUOTA,
		      "tenant lab has 2 leases, as many as leases-per-user");
	cr_assert_eq(lease(line, "card-a", READ, NULL), MMIOD_OK);
	cr_assert_eq(lease(client_hello(ROOT), "motor", READ, NULL), MMIOD_OK);
}

Test(tenants, the_holder_is_named_with_its_tenant)
{
	struct mmiod_wire_want element = want("card-a", 0, 0x1000, WRITE, MMIOD_SHARE_READ);
	int lab = hello_at("lab", ROOT), line = hello_at("line", ROOT);

	rig_write_config(REGIONS "[grant alone]\nregion = card-a\naccess = rw\nshare = exclusive\n"
				 "[socket lab]\ngrants = alone\n[socket line]\ngrants = alone\n");
	cr_assert_eq(daemon_reload(&rig), 0);
	cr_assert_eq(lease(lab, "card-a", WRITE, NULL), MMIOD_OK);
	lease_refused(line, element, MMIOD_E_BUSY, "tenant lab, user root (uid 0)");
}

/* ---- other daemons, other configurations ----------------------------------------------------- */

Test(tenants, after_a_restart_a_lease_is_still_its_tenants)
{
	uint64_t id;
	int lab;

	cr_assert_eq(lease(hello_at("lab", ROOT), "card-a", WRITE, &id), MMIOD_OK);
	cr_assert_eq(files_count("state"), 1u);
	rig_restart();
	lab = hello_at("lab", ROOT);
	cr_assert_eq(listed(hello_at("line", ROOT), MMIOD_OP_LEASES), 0u);
	cr_assert_eq(listed(lab, MMIOD_OP_LEASES), 1u);
	cr_assert_eq(client_end(client_hello(ROOT), MMIOD_OP_RELEASE, id), MMIOD_E_DENIED);
	cr_assert_eq(client_end(lab, MMIOD_OP_RELEASE, id), MMIOD_OK);
	fake_close_window(&rig_fake, id);
	events_drain(&rig.broker);
	cr_assert_eq(files_count("state"), 0u, "its note goes with it");
}

Test(tenants, after_a_restart_a_vector_is_still_its_tenants)
{
	struct mmiod_wire_interrupt element = vector("nvme0", 2);
	const struct mmiod_wire_granted *granted;
	uint64_t id;

	rig_stop();
	rig_start("[device nvme0]\ndevice = pci:0000:01:00.0\ninterrupts = msix\nvectors = 8\n"
		  "dma = trusted\n[grant vectors]\ndevice = nvme0\ninterrupts = yes\n"
		  "[socket lab]\ngrants = vectors\n[socket line]\ngrants = vectors\n");
	cr_assert_eq(client_interrupt(hello_at("lab", ROOT), &element, 1, 0), MMIOD_OK);
	granted = answer_element(0);
	cr_assert_eq(granted->status, MMIOD_OK, "%s", answer_text(granted->text));
	id = granted->lease;
	client_close_fds();
	rig_restart();
	cr_assert_eq(listed(hello_at("line", ROOT), MMIOD_OP_LEASES), 0u);
	cr_assert_eq(client_end(hello_at("line", ROOT), MMIOD_OP_RELEASE, id), MMIOD_E_DENIED);
	cr_assert_eq(client_end(hello_at("lab", ROOT), MMIOD_OP_RELEASE, id), MMIOD_OK);
}

/* While an operator masters a device, nobody else's owner number writes to it. */
Test(tenants, what_is_written_for_a_tenants_lease_is_written_as_the_tenant_also_after_a_restart)
{
	const struct holder holder = { .uid = ROOT, .tenant = config_key_of("lab") };
	uint64_t id;

	rig_stop();
	rig_start("[region card-a]\nphys = 0x10000000\nsize = 64K\non-end = +0x10:32=0\n"
		  "[grant cards]\nregion = card-a\naccess = rw\n[socket lab]\ngrants = cards\n");
	cr_assert_eq(lease(hello_at("lab", ROOT), "card-a", WRITE, &id), MMIOD_OK);
	fake_close_window(&rig_fake, id);
	rig_restart();
	cr_assert_eq(rig_fake.n_writes, 1u);
	cr_assert_eq(rig_fake.write_owners[0], holder_owner(&holder));
	cr_assert_eq(files_count("state"), 0u);
}

Test(tenants, a_lease_whose_note_is_lost_is_nobodys_own)
{
	char name[48];
	uint64_t id;

	cr_assert_eq(lease(hello_at("lab", ROOT), "card-a", WRITE, &id), MMIOD_OK);
	snprintf(name, sizeof(name), "state/tenant.%llu", (unsigned long long)id);
	cr_assert_eq(unlink(files_path(name)), 0);
	rig_restart();
	cr_assert_eq(listed(hello_at("lab", ROOT), MMIOD_OP_LEASES), 0u);
	cr_assert_eq(client_end(hello_at("lab", ROOT), MMIOD_OP_RELEASE, id), MMIOD_E_DENIED);
	cr_assert_eq(client_end(client_hello(ROOT), MMIOD_OP_RELEASE, id), MMIOD_E_DENIED);
	cr_assert_eq(client_end(client_hello(ROOT), MMIOD_OP_REVOKE, id), MMIOD_OK);
}

Test(tenants, who_is_connected_to_one_that_is_gone_is_let_go)
{
	int lab = hello_at("lab", ROOT), line = hello_at("line", ROOT);

	rig_write_config(REGIONS "[socket line]\ngrants = cards\n");
	cr_assert_eq(daemon_reload(&rig), 0);
	rig_turn();
	cr_assert(client_is_hung_up(lab));
	cr_assert_not(client_is_hung_up(line));
	cr_assert_eq(lease(line, "card-a", READ, NULL), MMIOD_OK);
}

/* ---- the sockets themselves ------------------------------------------------------------------ */

static int main_socket(void)
{
	struct text why = { 0 };

	rig.paths.tenants = files_path("tenants");
	return server_bind(files_path("sock"), 0666, &why);
}

static mode_t mode_of(const char *name)
{
	struct stat status;

	return stat(files_path(name), &status) == 0 ? status.st_mode & 07777 : 0;
}

static ino_t inode_of(const char *name)
{
	struct stat status;

	return stat(files_path(name), &status) == 0 ? status.st_ino : 0;
}

/* As the socket of a daemon would; what it is told at the end of the accept is its own affair. */
static int come(const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", files_path(name));
	cr_assert_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	rig_turn();
	return fd;
}

Test(tenants, each_has_a_socket_in_a_directory_that_stays)
{
	ino_t directory;

	cr_assert_eq(daemon_listen(&rig, main_socket()), 0);
	cr_assert_eq(mode_of("tenants"), 0711u);
	cr_assert_eq(mode_of("tenants/lab"), 0755u);
	cr_assert_eq(mode_of("tenants/lab/mmiod.sock"), 0660u);
	directory = inode_of("tenants/lab");
	come("tenants/lab/mmiod.sock");
	cr_assert_not_null(rig.broker.host.connections);
	cr_assert_eq(rig.broker.host.connections->peer.subject.tenant, config_key_of("lab"));
	cr_assert_not(rig.broker.host.connections->admin);
	rig_write_config(REGIONS "[socket line]\nmode = 0600\n[socket more]\n");
	cr_assert_eq(daemon_reload(&rig), 0);
	cr_assert_eq(mode_of("tenants/lab/mmiod.sock"), 0u, "it is gone");
	cr_assert_eq(inode_of("tenants/lab"), directory, "it is mounted somewhere");
	cr_assert_eq(mode_of("tenants/line/mmiod.sock"), 0600u);
	cr_assert_eq(mode_of("tenants/more/mmiod.sock"), 0660u);
	rig_write_config(CONFIG);
	cr_assert_eq(daemon_reload(&rig), 0);
	cr_assert_eq(mode_of("tenants/lab/mmiod.sock"), 0660u);
	cr_assert_eq(inode_of("tenants/lab"), directory);
	tenants_close(&rig);
	unlink(files_path("sock"));
	server_unbind(files_path("sock"));
}

Test(tenants, one_whose_socket_cannot_be_made_harms_no_other)
{
	files_mkdir("tenants", 0711);
	files_mkdir("tenants/lab", 0755);
	files_write("tenants/lab/mmiod.sock", 0600, "this is no socket");
	cr_assert_eq(daemon_listen(&rig, main_socket()), 0);
	cr_assert_eq(mode_of("tenants/lab/mmiod.sock"), 0600u, "what is there stays");
	cr_assert_eq(mode_of("tenants/line/mmiod.sock"), 0660u);
	tenants_close(&rig);
	unlink(files_path("sock"));
	server_unbind(files_path("sock"));
}
