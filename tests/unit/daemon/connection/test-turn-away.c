// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "daemon/base/clock.h"
#include "daemon/connection/server.h"
#include "daemon/connection/turn-away.h"
#include "support/files.h"
#include "support/rig.h"

static int listening;

static void start(void)
{
	char buffer[TEXT_MAX];
	struct text why = TEXT_ON(buffer);

	files_make();
	listening = server_bind(files_path("sock"), 0666, &why);
	cr_assert_geq(listening, 0);
}

static void stop(void)
{
	close(listening);
	files_remove();
}

TestSuite(turn_away, .init = start, .fini = stop);

static int come(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct mmiod_msg_hello hello = { .msg = { .size = sizeof(hello),
						  .opcode = MMIOD_OP_HELLO,
						  .id = 1,
						  .fixed = sizeof(hello) },
					 .version_min = 1,
					 .version_max = 1,
					 .max_message = MMIOD_MSG_MAX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, files_path("sock"));
	cr_assert_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	client_send(fd, &hello, sizeof(hello));
	return fd;
}

Test(turn_away, root_hears_why_the_daemon_cannot_start_and_others_where_it_is_written)
{
	int fd = come();

	turn_away_all(listening, "x.conf:3: unknown key \"bra\"", 50);
	cr_assert_gt(client_receive(fd), 0, "before the end of the connection");
	cr_assert_eq(answer.msg.opcode, MMIOD_OP_HELLO);
	cr_assert_eq(answer.msg.status, MMIOD_E_INTERNAL);
	if (getuid() == 0)
		cr_assert_str_eq(answer_text(answer.error.text),
				 "the daemon cannot start: x.conf:3: unknown key \"bra\"");
	else
		cr_assert_null(strstr(answer_text(answer.error.text), "bra"));
	cr_assert_eq(client_receive(fd), 0);
	close(fd);
}

Test(turn_away, who_asked_for_something_behind_hello_hears_why_without_a_reset)
{
	struct mmiod_msg status = {
		.size = sizeof(status), .opcode = MMIOD_OP_STATUS, .id = 2, .fixed = sizeof(status)
	};
	int fd = come();

	client_send(fd, &status, sizeof(status));
	turn_away_all(listening, "there is no module", 50);
	cr_assert_gt(client_receive(fd), 0);
	cr_assert_eq(answer.msg.opcode, MMIOD_OP_HELLO);
	cr_assert_eq(answer.msg.status, MMIOD_E_INTERNAL);
	cr_assert_eq(client_receive(fd), 0);
	close(fd);
}

Test(turn_away, everybody_who_waits_is_answered)
{
	int fds[64];

	for (size_t i = 0; i < array_size(fds); i++)
		fds[i] = come();
	turn_away_all(listening, "no module", 50);
	for (size_t i = 0; i < array_size(fds); i++) {
		cr_assert_gt(client_receive(fds[i]), 0);
		close(fds[i]);
	}
}

Test(turn_away, nobody_who_comes_is_no_reason_to_wait_longer)
{
	uint64_t before = clock_coarse_ms();

	turn_away_all(listening, "no module", 100);
	cr_assert_geq(clock_coarse_ms() - before, 90u);
}
