// SPDX-License-Identifier: MIT
/*
 * PUBLISH and CACHES: what clients tell of their object caches, who sees it, and that it costs no
 * more than admitted.
 */
#include <criterion/criterion.h>
#include <string.h>
#include "support/files.h"
#include "support/rig.h"

#define OPERATOR 4001
#define OTHER 4003
#define ROOT 0

static const char config[] = "[region shm]\nphys = 0xf9000000\nsize = 1M\n";

static void start(void)
{
	rig_start(config);
}

TestSuite(caches, .init = start, .fini = rig_stop);

static struct mmiod_wire_cache cache(const char *name)
{
	struct mmiod_wire_cache cache = {
		.object_size = 48,
		.align = 8,
		.slab_size = 4096,
		.active = 5,
		.objects = 85,
		.slabs = 1,
		.bytes = 4096,
		.host_bytes = 700,
		.per_slab = 85,
		.flags = 1 << 8,
	};

	snprintf(cache.name, sizeof(cache.name), "%s", name);
	return cache;
}

static uint32_t publish(int fd, const struct mmiod_wire_cache *caches, size_t n)
{
	static struct {
		struct mmiod_msg msg;
		struct mmiod_wire_cache caches[600];
	} packet;

	packet.msg = (struct mmiod_msg){
		.size = (uint32_t)(sizeof(packet.msg) + n * sizeof(caches[0])),
		.opcode = MMIOD_OP_PUBLISH,
		.id = 77,
		.fixed = sizeof(packet.msg),
		.count = (uint32_t)n,
		.stride = sizeof(caches[0]),
	};
	if (n)
		memcpy(packet.caches, caches, n * sizeof(caches[0]));
	client_send(fd, &packet, packet.msg.size);
	rig_turn();
	cr_assert_gt(client_receive(fd), 0);
	cr_assert_eq(answer.msg.id, 77u);
	return answer.msg.status;
}

static uint32_t publish_many(int fd, size_t n)
{
	static struct mmiod_wire_cache many[600];

	for (size_t i = 0; i < n; i++)
		many[i] = cache("many");
	return publish(fd, many, n);
}

static uint32_t publish_named(int fd, const char *name)
{
	struct mmiod_wire_cache one = cache(name);

	return publish(fd, &one, 1);
}

static void refused(int fd, uint32_t status, uint32_t expected, const char *words)
{
	cr_assert_eq(status, expected, "%u: %s", status, answer_text(answer.error.text));
	cr_assert_not_null(strstr(answer_text(answer.error.text), words), "\"%s\" lacks \"%s\"",
			   answer_text(answer.error.text), words);
}

static size_t listed(int fd)
{
	cr_assert_eq(client_list(fd, MMIOD_OP_CACHES, 0), MMIOD_OK);
	return answer.msg.count;
}

Test(caches, what_is_published_is_listed_with_who_did)
{
	int fd = client_hello(OPERATOR);
	const struct mmiod_wire_published *published;
	struct mmiod_wire_cache two[2] = { cache("descriptor"), cache("frame") };

	cr_assert_eq(publish(fd, two, 2), MMIOD_OK);
	cr_assert_eq(answer.msg.count, 0u);
	cr_assert_eq(listed(fd), 2u);
	published = answer_element(0);
	cr_assert_eq(memcmp(&published->cache, &two[0], sizeof(two[0])), 0);
	cr_assert_eq(published->uid, OPERATOR);
	cr_assert_eq(published->pid, (uint32_t)getpid());
	cr_assert_neq(published->comm[0], '\0');
	cr_assert_str_eq(((struct mmiod_wire_published *)answer_element(1))->cache.name, "frame");
}

Test(caches, the_last_word_of_a_connection_counts)
{
	int fd = client_hello(OPERATOR), second = client_hello(OPERATOR);

	cr_assert_eq(publish_many(fd, 3), MMIOD_OK);
	cr_assert_eq(publish_named(second, "second"), MMIOD_OK);
	cr_assert_eq(publish_named(fd, "first"), MMIOD_OK);
	cr_assert_eq(listed(fd), 2u, "of each connection its own");
	cr_assert_str_eq(((struct mmiod_wire_published *)answer_element(0))->cache.name, "first");
	cr_assert_eq(publish(fd, NULL, 0), MMIOD_OK, "none any more");
	cr_assert_eq(listed(fd), 1u);
	cr_assert_eq(user_uses(&rig.broker.host.users, OPERATOR, USER_CACHES), 1u);
}

Test(caches, end_with_their_connection)
{
	int fd = client_hello(OPERATOR), other = client_hello(ROOT);

	cr_assert_eq(publish_many(fd, 5), MMIOD_OK);
	cr_assert_eq(listed(other), 5u);
	close(fd);
	rig_turn();
	cr_assert_eq(listed(other), 0u);
	cr_assert_eq(user_uses(&rig.broker.host.users, OPERATOR, USER_CACHES), 0u);
	cr_assert_null(rig.broker.published.head);
}

Test(caches, are_seen_by_their_user_and_by_administrators)
{
	int fd = client_hello(OPERATOR), other = client_hello(OTHER);

	cr_assert_eq(publish_named(fd, "mine"), MMIOD_OK);
	cr_assert_eq(listed(other), 0u);
	cr_assert_eq(publish_named(other, "theirs"), MMIOD_OK);
	cr_assert_eq(listed(other), 1u);
	cr_assert_eq(listed(client_hello(OPERATOR)), 1u);
	cr_assert_eq(listed(client_hello(ROOT)), 2u);
}

Test(caches, are_seen_by_who_may_inspect_and_not_by_other_unknown_peers)
{
	int unknown = client_hello(OPERATOR), watcher, other;

	rig_write_config("[inspect watchers]\nuser = 4003\n");
	cr_assert_eq(daemon_reload(&rig), 0);
	rig.broker.host.connections->prev->peer.subject.known = false;
	cr_assert_eq(publish_named(unknown, "mine"), MMIOD_OK);
	cr_assert_eq(listed(unknown), 1u);
	watcher = client_hello(OTHER);
	cr_assert_eq(listed(watcher), 1u);
	other = client_hello(OPERATOR);
	rig.broker.host.connections->prev->peer.subject.known = false;
	cr_assert_eq(listed(other), 0u, "they share a uid, and nothing else");
}

Test(caches, come_page_by_page_each_once_whatever_is_published_meanwhile)
{
	int fds[3] = { client_hello(OPERATOR), client_hello(OPERATOR), client_hello(OPERATOR) };
	int viewer = client_hello(ROOT);
	uint64_t cursor = 0, last = 0;
	size_t n = 0, pages = 0;

	for (int i = 0; i < 3; i++)
		cr_assert_eq(publish_many(fds[i], 200), MMIOD_OK);
	do {
		cr_assert_eq(client_list(viewer, MMIOD_OP_CACHES, cursor), MMIOD_OK);
		for (size_t i = 0; i < answer.msg.count; i++) {
			uint64_t id = ((struct mmiod_wire_published *)answer_element(i))->id;

			cr_assert_gt(id, last);
			last = id;
		}
		n += answer.msg.count;
		cr_assert_eq(answer.list.cursor, last);
		cursor = last;
		pages++;
		if (!(answer.msg.flags & MMIOD_MSG_MORE))
			break;
		cr_assert_eq(publish_many(fds[0], 200), MMIOD_OK);
	} while (pages < 10);
	cr_assert_eq(n, 600u);
	cr_assert_eq(pages, 3u);
	cr_assert_eq(client_list(viewer, MMIOD_OP_CACHES, UINT64_MAX), MMIOD_OK);
	cr_assert_eq(answer.msg.count, 0u);
}

Test(caches, a_connection_publishes_so_many_and_no_more)
{
	int fd = client_hello(OPERATOR);

	cr_assert_eq(publish_many(fd, MMIOD_CACHES_MAX), MMIOD_OK);
	refused(fd, publish_many(fd, MMIOD_CACHES_MAX + 1), MMIOD_E_QUOTA,
		"256 caches at most, not 257");
	cr_assert_eq(listed(fd), (size_t)MMIOD_BATCH_MAX, "what was there stays");
}

Test(caches, a_user_publishes_so_many_and_no_more)
{
	int fd, second;

	rig_write_config("[daemon]\ncaches-per-user = 10\n");
	cr_assert_eq(daemon_reload(&rig), 0);
	fd = client_hello(OPERATOR);
	second = client_hello(OPERATOR);
	cr_assert_eq(publish_many(fd, 8), MMIOD_OK);
	refused(second, publish_many(second, 3), MMIOD_E_QUOTA,
		"uid 4001 would have more caches published than the 10 that caches-per-user");
	refused(fd, publish_many(fd, 11), MMIOD_E_QUOTA, "caches-per-user");
	cr_assert_eq(listed(fd), 8u, "what was there stays");
	cr_assert_eq(user_uses(&rig.broker.host.users, OPERATOR, USER_CACHES), 8u);
	cr_assert_eq(publish_many(second, 2), MMIOD_OK);
	cr_assert_eq(publish_many(fd, 4), MMIOD_OK);
	cr_assert_eq(publish_many(client_hello(OTHER), 10), MMIOD_OK, "another user's affair");
}

Test(caches, nonsense_is_refused_by_its_number)
{
	int fd = client_hello(OPERATOR);
	struct mmiod_wire_cache two[2] = { cache("good"), cache("") };

	refused(fd, publish(fd, two, 2), MMIOD_E_INVALID, "cache 1: its name");
	two[1] = cache("with space");
	refused(fd, publish(fd, two, 2), MMIOD_E_INVALID, "cache 1: its name");
	two[1] = cache("esc\033[2J");
	refused(fd, publish(fd, two, 2), MMIOD_E_INVALID, "printable");
	memset(two[1].name, 'x', sizeof(two[1].name));
	refused(fd, publish(fd, two, 2), MMIOD_E_INVALID, "1 to 31");
	two[1] = cache("more");
	two[1].active = 86;
	refused(fd, publish(fd, two, 2), MMIOD_E_INVALID, "more objects in use");
	cr_assert_eq(listed(fd), 0u);
	cr_assert_eq(user_uses(&rig.broker.host.users, OPERATOR, USER_CACHES), 0u);
}

Test(caches, bytes_behind_a_name_reach_nobody)
{
	int fd = client_hello(OPERATOR);
	struct mmiod_wire_cache one = cache("name");
	const struct mmiod_wire_published *published;

	memset(one.name + 5, 'x', sizeof(one.name) - 5);
	cr_assert_eq(publish(fd, &one, 1), MMIOD_OK);
	cr_assert_eq(listed(fd), 1u);
	published = answer_element(0);
	for (size_t i = 4; i < sizeof(one.name); i++)
		cr_assert_eq(published->cache.name[i], '\0');
}
