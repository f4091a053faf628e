// SPDX-License-Identifier: MIT
/*
 * The queue against a model of what it promises, with random requests, releases, cancellations,
 * time-outs and hang-ups. After every step:
 *  - nobody waits who would be granted;
 *  - nobody was granted what is in the way of an older request that waits, with any of its
 *    elements;
 *  - what EXPLAIN says of a request is what it then comes to.
 * MODEL_SEED and MODEL_STEPS in the environment repeat one run, or make a longer one.
 */
#include <criterion/criterion.h>
#include <string.h>
#include "support/rig.h"

#define CLIENTS 5
#define PAGES 4
#define MOST 512 /* requests, and leases, of one run */
#define SEEDS 6
#define STEPS 400

struct element {
	uint64_t page;
	bool writes;
	bool granted; /* of a batch others may have been refused, when its time was over */
	uint32_t share;
};

struct asked {
	uint64_t id;
	int client;
	size_t n;
	struct element elements[2];
	bool waits;
};

struct held {
	uint64_t lease;
	int client;
	struct element element;
};

static int clients[CLIENTS];
static struct asked asked[MOST]; /* in order of their tickets */
static struct held held[MOST];
static size_t n_asked, n_held;
static unsigned int seed, step;

static unsigned int pick(unsigned int n)
{
	return (unsigned int)rand_r(&seed) % n;
}

/* ---- the model ------------------------------------------------------------------------------- */

static bool bears(const struct element *one, const struct element *other)
{
	return one->share == MMIOD_SHARE_WRITE ||
	       (one->share == MMIOD_SHARE_READ && !other->writes);
}

/* Whether one that is there lets another come. */
static bool lets(const struct element *there, const struct element *comes)
{
	if (there->page != comes->page || there->share == MMIOD_SHARE_GUEST)
		return true;
	if (there->share == MMIOD_SHARE_EXCLUSIVE || comes->share == MMIOD_SHARE_EXCLUSIVE)
		return false;
	return comes->share == MMIOD_SHARE_GUEST || (bears(there, comes) && bears(comes, there));
}

/* Whether the older, which waits, could not have its bytes if the younger got them. */
static bool is_in_way(const struct element *younger, const struct asked *older)
{
	for (size_t i = 0; i < older->n; i++)
		if (older->elements[i].share != MMIOD_SHARE_GUEST &&
		    !lets(younger, &older->elements[i]))
			return true;
	return false;
}

static bool may_have(const struct element *element, const struct asked *before)
{
	for (size_t i = 0; i < n_held; i++)
		if (!lets(&held[i].element, element))
			return false;
	for (const struct asked *older = asked; older < before; older++)
		if (older->waits && is_in_way(element, older))
			return false;
	return true;
}

static void check_nobody_waits_in_vain(void)
{
	for (const struct asked *one = asked; one < asked + n_asked; one++) {
		bool free = one->waits;

		for (size_t i = 0; i < one->n; i++)
			free = free && may_have(&one->elements[i], one);
		cr_assert_not(free, "step %u: request %zu waits for what it may have", step,
			      (size_t)(one - asked));
	}
}

static void check_nobody_was_passed(const struct asked *granted)
{
	for (const struct asked *older = asked; older < granted; older++)
		for (size_t i = 0; older->waits && i < granted->n; i++)
			cr_assert_not(granted->elements[i].granted &&
					      is_in_way(&granted->elements[i], older),
				      "step %u: request %zu passed request %zu", step,
				      (size_t)(granted - asked), (size_t)(older - asked));
}

/* ---- what comes back ------------------------------------------------------------------------- */

static void drop_held(size_t index)
{
	held[index] = held[--n_held];
}

static void take_event(void)
{
	for (size_t i = 0; i < n_held; i++)
		if (held[i].lease == answer.event.lease &&
		    answer.event.type == MMIOD_EVENT_REVOKED) {
			cr_assert_eq(held[i].element.share, (uint32_t)MMIOD_SHARE_GUEST);
			drop_held(i);
			return;
		}
}

static struct asked *find_asked(uint64_t id)
{
	for (size_t i = 0; i < n_asked; i++)
		if (asked[i].id == id)
			return &asked[i];
	return NULL;
}

static bool take_answer(struct asked *one, int client)
{
	size_t granted = 0;

	one->waits = false;
	for (size_t i = 0; answer.msg.status == MMIOD_OK && i < one->n; i++) {
		const struct mmiod_wire_granted *element = answer_element(i);

		if (element->status != MMIOD_OK)
			continue;
		cr_assert_lt(n_held, (size_t)MOST);
		one->elements[i].granted = true;
		held[n_held++] = (struct held){ element->lease, client, one->elements[i] };
		granted++;
	}
	return granted;
}

/*
 * A client is sent one message with a descriptor at a time: the next when it has read that. False:
 * there was nothing more to read.
 */
static bool receive_all(struct asked **granted, size_t *n_granted)
{
	bool any = false;

	rig_turn();
	for (int i = 0; i < CLIENTS; i++) {
		while (client_receive(clients[i]) > 0) {
			struct asked *one = find_asked(answer.msg.id);

			any = true;
			if (answer.msg.opcode == MMIOD_OP_EVENT)
				take_event();
			else if (one && answer.msg.opcode == MMIOD_OP_LEASE && take_answer(one, i))
				granted[(*n_granted)++] = one;
			client_close_fds();
		}
	}
	return any;
}

/* All that came in this step; then who was granted something is known, and who waits on. */
static void take_answers(void)
{
	struct asked *granted[MOST];
	size_t n_granted = 0;

	while (receive_all(granted, &n_granted))
		;
	for (size_t i = 0; i < n_granted; i++)
		check_nobody_was_passed(granted[i]);
}

/* ---- steps ----------------------------------------------------------------------------------- */

static struct mmiod_wire_want wanted(const struct element *element)
{
	struct mmiod_wire_want wire = want("shm", element->page * 0x1000, 0x1000,
					   element->writes ? 3 : 1, element->share);

	wire.flags = MMIOD_LEASE_CONNECTION;
	return wire;
}

static struct element random_element(uint64_t page)
{
	struct element element = { .page = page, .share = 1 + pick(4) };

	element.writes = element.share != MMIOD_SHARE_GUEST && pick(2);
	return element;
}

static uint32_t explained(int fd, const struct element *element)
{
	struct mmiod_msg_explain message = { .msg = { .size = sizeof(message),
						      .opcode = MMIOD_OP_EXPLAIN,
						      .fixed = sizeof(message) },
					     .region = "shm",
					     .offset = element->page * 0x1000,
					     .length = 0x1000,
					     .rights = element->writes ? 3 : 1,
					     .share = element->share,
					     .flags = MMIOD_EXPLAIN_SELF };

	client_send(fd, &message, sizeof(message));
	rig_turn();
	cr_assert_gt(client_receive(fd), 0);
	cr_assert_eq(answer.msg.opcode, MMIOD_OP_EXPLAIN);
	return answer.explanation.outcome;
}

static void ask_at_once(int client)
{
	struct element element = random_element(pick(PAGES));
	struct mmiod_wire_want wire = wanted(&element);
	uint32_t outcome = explained(clients[client], &element);
	struct asked *one = &asked[n_asked];

	cr_assert_eq(outcome == MMIOD_OK, may_have(&element, one), "step %u: EXPLAIN says %u", step,
		     outcome);
	request_wait_ms = 0;
	send_lease(clients[client], &wire, 1, 0);
	*one = (struct asked){ sent_id(), client, 1, { element }, false };
	n_asked++;
	rig_turn();
	cr_assert_gt(client_receive(clients[client]), 0);
	while (answer.msg.opcode == MMIOD_OP_EVENT) {
		take_event();
		cr_assert_gt(client_receive(clients[client]), 0);
	}
	cr_assert_eq(((struct mmiod_wire_granted *)answer_element(0))->status, outcome, "step %u",
		     step);
	if (take_answer(one, client))
		check_nobody_was_passed(one);
	client_close_fds();
}

static void ask_and_wait(int client)
{
	struct asked *one = &asked[n_asked];
	struct mmiod_wire_want wires[2];
	uint64_t first = pick(PAGES);

	one->n = 1 + pick(2);
	for (size_t i = 0; i < one->n; i++) {
		one->elements[i] = random_element((first + i) % PAGES);
		wires[i] = wanted(&one->elements[i]);
	}
	request_wait_ms = pick(3) ? UINT32_MAX : 8;
	send_lease(clients[client], wires, one->n, pick(2) ? MMIOD_LEASE_ALL_OR_NONE : 0);
	one->id = sent_id();
	one->client = client;
	one->waits = true;
	n_asked++;
}

static void release_one(void)
{
	size_t index = pick((unsigned int)n_held);

	send_end(clients[held[index].client], MMIOD_OP_RELEASE, 0, &held[index].lease, 1);
	drop_held(index);
}

static void cancel_one(void)
{
	struct asked *one = &asked[pick((unsigned int)n_asked)];

	send_cancel(clients[one->client], one->id);
}

static void hang_up(int client)
{
	close(clients[client]);
	for (size_t i = n_held; i-- > 0;)
		if (held[i].client == client)
			drop_held(i);
	for (size_t i = 0; i < n_asked; i++)
		if (asked[i].client == client)
			asked[i].waits = false;
	rig_turn();
	clients[client] = client_hello((uid_t)(4001 + client));
}

static unsigned int waiting_of(int client)
{
	unsigned int n = 0;

	for (size_t i = 0; i < n_asked; i++)
		n += asked[i].waits && asked[i].client == client;
	return n;
}

static void take_step(void)
{
	int client = (int)pick(CLIENTS);

	switch (pick(10)) {
	case 0 ... 2:
		ask_at_once(client);
		break;
	case 3 ... 5:
		if (waiting_of(client) < 8)
			ask_and_wait(client);
		break;
	case 6 ... 7:
		if (n_held)
			release_one();
		break;
	case 8:
		if (n_asked)
			cancel_one();
		break;
	default:
		if (pick(4))
			rig_wait(10); /* some have waited long enough */
		else
			hang_up(client);
	}
	take_answers();
	check_nobody_waits_in_vain();
}

static void run(unsigned int steps)
{
	rig_start("[daemon]\nwaiting-per-user = 1000\n[region shm]\nphys = 0x10000000\nsize = 1M\n"
		  "[grant all]\nregion = shm\nuser = *\naccess = rw\n");
	n_asked = n_held = 0;
	for (int i = 0; i < CLIENTS; i++)
		clients[i] = client_hello((uid_t)(4001 + i));
	for (step = 0; step < steps && n_asked < MOST - 1; step++)
		take_step();
	for (int i = 0; i < CLIENTS; i++)
		close(clients[i]);
	request_wait_ms = 0;
	rig_turn();
	cr_assert_null(rig.broker.waitlist.head);
	rig_stop();
}

Test(queue_model, nobody_waits_in_vain_and_nobody_is_passed)
{
	const char *one = getenv("MODEL_SEED"), *steps = getenv("MODEL_STEPS");
	unsigned int first = one ? (unsigned int)atoi(one) : 1, last = one ? first : SEEDS;

	for (unsigned int i = first; i <= last; i++) {
		seed = i;
		run(steps ? (unsigned int)atoi(steps) : STEPS);
	}
}
