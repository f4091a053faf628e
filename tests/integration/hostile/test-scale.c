// SPDX-License-Identifier: MIT
/*
 * A thousand clients and ten thousand leases at once:
 * all of them right, and the list of them whole.
 */
#include <sys/resource.h>
#include <unistd.h>

#include "fixture.h"

enum { CLIENTS = 1000, EACH = 10 };

static void large(void)
{
	const struct rlimit many = { 16384, 16384 };

	if (setrlimit(RLIMIT_NOFILE, &many) < 0)
		tap_skip("not so many descriptors: %s", strerror(errno));
	victim_start("[daemon]\nconnections-per-user = 2000\nleases-per-user = 20000\n"
		     "connection-rate-per-user = 10000\n"
		     "unread-descriptors-per-user = 20000",
		     16384, FREE);
}

/* In order of id, without a gap; returns how many. */
static unsigned int walk_list(int fd)
{
	struct answer *answer = malloc(sizeof(*answer));
	uint64_t last = 0, cursor = 0;
	unsigned int count = 0, pages = 0;
	union request request;

	do {
		make_list(&request, MMIOD_OP_LEASES, cursor);
		ask(fd, &request, answer);
		EXPECT_EQ(answer->head.status, MMIOD_OK);
		for (unsigned int i = 0; i < answer->head.count; i++) {
			const struct mmiod_wire_lease *lease =
				(void *)(answer->bytes + answer->head.fixed +
					 i * answer->head.stride);

			EXPECT(lease->id > last);
			EXPECT_EQ(lease->length, 256);
			EXPECT_EQ(lease->state, MMIOD_STATE_OK);
			last = lease->id;
		}
		count += answer->head.count;
		cursor = answer->list.cursor;
		pages++;
	} while (answer->head.flags & MMIOD_MSG_MORE);
	EXPECT(pages >= count / MMIOD_BATCH_MAX);
	free(answer);
	return count;
}

/* Half of the clients hang up in between; what is theirs ends, and only that. */
TEST_WITHIN(180, a_thousand_clients_hold_ten_thousand_leases)
{
	static int fds[CLIENTS];
	struct answer *answer = malloc(sizeof(*answer));
	union request request;
	int watch;

	large();
	watch = connect_greeted();
	for (int i = 0; i < CLIENTS; i++) {
		fds[i] = connect_greeted();
		make_lease(&request, OPEN_REGION, EACH);
		ask(fds[i], &request, answer);
		EXPECT_EQ(answer->n_fds, EACH);
		close_fds(answer);
	}
	EXPECT_EQ(walk_list(watch), CLIENTS * EACH);
	for (int i = 0; i < CLIENTS; i++)
		expect_status(fds[i]);
	for (int i = 0; i < CLIENTS; i += 2)
		close(fds[i]);
	for (int i = 0; i < 10000 && walk_list(watch) != CLIENTS / 2 * EACH; i++)
		sleep_ms(20);
	EXPECT_EQ(walk_list(watch), CLIENTS / 2 * EACH);
	for (int i = 1; i < CLIENTS; i += 2)
		expect_status(fds[i]);
	expect_others_served();
	victim_stop();
}
