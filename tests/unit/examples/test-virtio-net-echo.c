// SPDX-License-Identifier: MIT
/*
 * The queues of the example's driver, with a function on their other side that says what real ones
 * do not: the driver is a program of one file, and is here as a whole.
 */
#include <criterion/criterion.h>

int echo_main(int argc, char **argv);
#define main echo_main
#include "../../../client/examples/virtio-net-echo.c"
#undef main

#define ADDRESS 0x100000u
#define SHORTEST (HEADER + ETHERNET)

static _Alignas(QUEUE_BYTES) unsigned char bytes[LENGTH];
static uint16_t doorbells[QUEUES];
static struct net net;

static void begin(void)
{
	memset(bytes, 0, sizeof(bytes));
	memset(&net, 0, sizeof(net));
	lay_out(&net, bytes, ADDRESS);
	for (unsigned int i = 0; i < QUEUES; i++) {
		doorbells[i] = UINT16_MAX;
		net.queues[i].doorbell = (volatile char *)&doorbells[i];
	}
	offer_all(&net);
}

TestSuite(echo, .init = begin);

/* The function gives a buffer back. */
static void give(unsigned int index, uint32_t id, uint32_t length)
{
	volatile struct used *used = net.queues[index].used;

	used->elements[used->index % DEPTH].id = id;
	used->elements[used->index % DEPTH].length = length;
	used->index++;
}

static unsigned char *buffer(unsigned int id)
{
	return bytes + QUEUES * QUEUE_BYTES + (size_t)id * BUFFER;
}

static void put_frame(unsigned int id)
{
	memset(buffer(id), 0xff, HEADER);
	memcpy(buffer(id) + HEADER, "to----from--..text", 18);
}

static unsigned int waiting(unsigned int index)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < DEPTH; i++)
		count += net.holders[i] == index;
	return count;
}

Test(echo, all_buffers_wait_for_frames_where_the_function_finds_them)
{
	const struct queue *queue = &net.queues[RECEIVE];

	cr_expect_eq(queue->available->index, DEPTH);
	cr_expect_eq(doorbells[RECEIVE], RECEIVE);
	cr_expect_eq(doorbells[TRANSMIT], UINT16_MAX);
	for (unsigned int i = 0; i < DEPTH; i++) {
		cr_expect_eq(queue->available->ids[i], i);
		cr_expect_eq(queue->descriptors[i].address,
			     ADDRESS + QUEUES * QUEUE_BYTES + i * BUFFER);
		cr_expect_eq(queue->descriptors[i].length, BUFFER);
		cr_expect_eq(queue->descriptors[i].flags, DEVICE_WRITES);
	}
}

Test(echo, a_frame_goes_back_with_its_addresses_swapped_and_no_wishes)
{
	const struct queue *queue = &net.queues[TRANSMIT];
	const unsigned char header[HEADER] = { 0 };

	put_frame(7);
	give(RECEIVE, 7, HEADER + 18);
	cr_assert_eq(look_at_queues(&net), 0);
	cr_expect_eq(queue->available->index, 1);
	cr_expect_eq(queue->available->ids[0], 7);
	cr_expect_eq(queue->descriptors[7].length, HEADER + 18);
	cr_expect_eq(queue->descriptors[7].flags, 0);
	cr_expect_eq(doorbells[TRANSMIT], TRANSMIT);
	cr_expect_arr_eq(buffer(7), header, HEADER);
	cr_expect_arr_eq(buffer(7) + HEADER, "from--to----..text", 18);
	give(TRANSMIT, 7, 0);
	cr_assert_eq(look_at_queues(&net), 0);
	cr_expect_eq(net.echoed, 1);
	cr_expect_eq(waiting(RECEIVE), DEPTH);
}

Test(echo, a_function_that_does_not_want_to_hear_is_not_told)
{
	net.queues[TRANSMIT].used->flags = NO_DOORBELL;
	give(RECEIVE, 0, SHORTEST);
	cr_assert_eq(look_at_queues(&net), 0);
	cr_expect_eq(net.queues[TRANSMIT].available->index, 1);
	cr_expect_eq(doorbells[TRANSMIT], UINT16_MAX);
}

Test(echo, a_buffer_that_does_not_exist_is_refused)
{
	give(RECEIVE, DEPTH, SHORTEST);
	cr_expect_eq(look_at_queues(&net), -1);
}

Test(echo, a_buffer_far_beyond_the_last_is_refused)
{
	give(RECEIVE, UINT32_MAX, SHORTEST);
	cr_expect_eq(look_at_queues(&net), -1);
}

Test(echo, a_buffer_that_comes_back_twice_is_refused)
{
	give(RECEIVE, 3, SHORTEST);
	give(RECEIVE, 3, SHORTEST);
	cr_expect_eq(look_at_queues(&net), -1);
}

Test(echo, a_buffer_that_comes_back_by_the_other_queue_is_refused)
{
	give(RECEIVE, 3, SHORTEST);
	cr_assert_eq(look_at_queues(&net), 0);
	give(TRANSMIT, 4, 0);
	cr_expect_eq(look_at_queues(&net), -1);
}

Test(echo, more_buffers_than_the_function_has_are_refused)
{
	net.queues[RECEIVE].used->index = DEPTH + 1;
	cr_expect_eq(look_at_queues(&net), -1);
	cr_expect_eq(net.taken, 0);
}

Test(echo, a_count_that_goes_back_is_refused)
{
	net.queues[TRANSMIT].used->index = UINT16_MAX;
	cr_expect_eq(look_at_queues(&net), -1);
}

Test(echo, a_length_beyond_the_buffer_is_refused)
{
	give(RECEIVE, 0, BUFFER + 1);
	cr_expect_eq(look_at_queues(&net), -1);
	cr_expect_eq(net.queues[TRANSMIT].available->index, 0);
}

Test(echo, what_is_too_short_for_a_frame_is_dropped)
{
	give(RECEIVE, 0, SHORTEST - 1);
	give(RECEIVE, 1, 0);
	cr_assert_eq(look_at_queues(&net), 0);
	cr_expect_eq(net.queues[TRANSMIT].available->index, 0);
	cr_expect_eq(waiting(RECEIVE), DEPTH);
}

Test(echo, no_more_frames_go_back_than_are_asked_for)
{
	net.limit = 2;
	for (uint32_t id = 0; id < 4; id++)
		give(RECEIVE, id, SHORTEST);
	cr_assert_eq(look_at_queues(&net), 0);
	cr_expect_eq(net.queues[TRANSMIT].available->index, 2);
	cr_expect_eq(waiting(RECEIVE), DEPTH - 2);
}

Test(echo, counts_go_on_beyond_sixteen_bits)
{
	for (unsigned int i = 0; i < 70000; i++) {
		uint32_t id = net.queues[RECEIVE].available->ids[i % DEPTH];

		give(RECEIVE, id, SHORTEST);
		cr_assert_eq(look_at_queues(&net), 0);
		give(TRANSMIT, id, 0);
		cr_assert_eq(look_at_queues(&net), 0);
	}
	cr_expect_eq(net.echoed, 70000);
	cr_expect_eq(waiting(RECEIVE), DEPTH);
}
