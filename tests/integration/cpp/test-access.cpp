// SPDX-License-Identifier: MIT
/* Registers of a mapped window and through the kernel, and what becomes of them when it is lost. */
#include "rig.hpp"

#include <atomic>
#include <csignal>
#include <cstring>
#include <sys/wait.h>
#include <thread>

using namespace std::chrono_literals;

namespace
{

constexpr mmiod::register_at<std::uint32_t> control{ 0x10 };
constexpr mmiod::register_at<std::uint32_t> status{ 0x14 };
constexpr mmiod::field<std::uint32_t> mode{ control, 4, 3 };
constexpr mmiod::field<std::uint32_t> whole{ control, 0, 32 };
static_assert(mode.mask() == 0x70 && mode.of(0xffffff5f) == 5 && mode.put(7) == 0x70);
static_assert(whole.mask() == 0xffffffff && whole.of(0x12345678) == 0x12345678);

template <class T> void one_width(mmiod::lease &lease, mmiod::mapping &map, T value)
{
	map.write<std::uint64_t>(0x10, 0);
	map.write<T>(0x10, value);
	EXPECT_EQ(map.read<T>(0x10), value);
	EXPECT_EQ(map.read<std::uint64_t>(0x10), std::uint64_t{ value });
	EXPECT_EQ(lease.read<T>(0x10), value);
	lease.write<T>(0x20, value);
	EXPECT_EQ(map.read<std::uint64_t>(0x20), std::uint64_t{ value });
}

TEST(access, a_register_is_read_and_written_in_exactly_its_width)
{
	mmiod::client client;
	mmiod::lease lease = client.lease("shm", mmiod::rw);
	mmiod::mapping map = lease.map();

	one_width<std::uint8_t>(lease, map, 0xab);
	one_width<std::uint16_t>(lease, map, 0xabcd);
	one_width<std::uint32_t>(lease, map, 0xabcdef01);
	one_width<std::uint64_t>(lease, map, 0xabcdef0123456789);
}

TEST(access, what_leaves_the_mapping_is_out_of_range)
{
	mmiod::client client;
	mmiod::lease lease = client.lease("regs", mmiod::rw);
	mmiod::mapping regs = lease.map();
	std::uint32_t some[4] = {};

	EXPECT_EQ(regs.size(), 4096U);
	for (const std::uint64_t offset :
	     { std::uint64_t{ 4096 }, std::uint64_t{ 4094 }, UINT64_MAX, UINT64_MAX - 3 }) {
		EXPECT_THROW(std::out_of_range, regs.read<std::uint32_t>(offset));
		EXPECT_THROW(std::out_of_range, regs.write<std::uint32_t>(offset, 0));
		EXPECT_THROW(std::out_of_range, regs.at<std::uint32_t>(offset));
	}
	EXPECT_THROW(std::out_of_range, regs.read_many(4096 - 12, some, 4));
	EXPECT_THROW(std::out_of_range, regs.read_many(0, some, SIZE_MAX));
	EXPECT_THROW(std::out_of_range, regs.write_many(0, some, SIZE_MAX / 4 + 2));
	EXPECT_THROW(std::out_of_range, regs.read_block(4092, some, 8));
	EXPECT_THROW(std::out_of_range, regs.read_block(0, some, 3)); /* half a register */
	regs.read_many(4096, some, 0);
}

TEST(access, what_is_misaligned_or_of_another_width_is_an_invalid_argument)
{
	mmiod::client client;
	mmiod::lease lease = client.lease("regs", mmiod::rw);
	mmiod::mapping regs = lease.map();

	EXPECT(contains(EXPECT_THROW(std::invalid_argument, regs.read<std::uint32_t>(2)),
			"0x2 is not a multiple of 4"));
	EXPECT(contains(EXPECT_THROW(std::invalid_argument, regs.write<std::uint8_t>(0, 0)),
			"32 bits wide"));
	EXPECT_THROW(std::invalid_argument, regs.read<std::uint64_t>(0));
	EXPECT_THROW(std::invalid_argument, regs.at<std::uint16_t>(0));
	EXPECT_ERROR(EINVAL, lease.read<std::uint8_t>(0));
	EXPECT_ERROR(EINVAL, lease.write<std::uint32_t>(2, 0));
}

TEST(access, a_window_that_is_read_only_is_not_written)
{
	mmiod::client client;
	mmiod::lease lease = client.lease("rom");
	mmiod::mapping rom = lease.map();
	const std::uint32_t zero = 0;

	EXPECT(!rom.writable());
	EXPECT_ERROR(EBADF, rom.write<std::uint32_t>(0, 1));
	EXPECT_ERROR(EBADF, rom.update<std::uint32_t>(0, 1, 1));
	EXPECT_ERROR(EBADF, rom.ring<std::uint32_t>(0, 1));
	EXPECT_ERROR(EBADF, rom.write_many(0, &zero, 1));
	EXPECT_ERROR(EBADF, rom.write_block(0, &zero, 4));
	EXPECT_ERROR(EBADF, rom.fill_block(0, 1, 4));
	EXPECT_ERROR(EBADF, rom.at<std::uint32_t>(0));
	EXPECT_ERROR(EBADF, lease.write<std::uint32_t>(0, 1));
	EXPECT_EQ(rom.at<const std::uint32_t>(0).read(), 0U);
	EXPECT_EQ(std::as_const(rom).at<std::uint32_t>(0).read(), 0U);
}

TEST(access, registers_have_names_and_fields)
{
	mmiod::client client;
	mmiod::lease lease = client.lease("regs", mmiod::rw);
	mmiod::mapping regs = lease.map(mmiod::populate);

	regs.write(control, 0xf0f);
	regs.write(mode, 5);
	EXPECT_EQ(regs.read(control), 0xf5fU);
	EXPECT_EQ(regs.read(mode), 5U);
	EXPECT_EQ(lease.read(control), 0xf5fU);
	EXPECT_THROW(std::out_of_range, regs.write(mode, 8));
	EXPECT_EQ(regs.read(control), 0xf5fU);
	regs.update(control, 0xff, 0x3c);
	EXPECT_EQ(regs.read(control), 0xf3cU);
	EXPECT_THROW(std::invalid_argument, regs.update(control, 1, 2));
	regs.ring(control, 9);
	EXPECT_EQ(regs.read(control), 9U);
	EXPECT_THROW(std::invalid_argument, (mmiod::field<std::uint32_t>{ control, 31, 2 }));
	EXPECT_THROW(std::invalid_argument, (mmiod::field<std::uint32_t>{ control, 0, 0 }));
	EXPECT_THROW(std::invalid_argument, (mmiod::field<std::uint32_t>{ control, 0, 33 }));
}

TEST(access, a_register_is_a_variable)
{
	mmiod::client client;
	mmiod::lease lease = client.lease("regs", mmiod::rw);
	mmiod::mapping regs = lease.map();
	const auto first = regs[control];
	const auto second = regs[status];

	first = 42;
	const std::uint32_t value = first;
	EXPECT_EQ(value, 42U);
	second = first.read() + 1;
	EXPECT_EQ(regs.read(status), 43U);
	second.update(0xf, 1);
	EXPECT_EQ(std::as_const(regs)[status].read(), 0x21U);
	EXPECT(static_cast<volatile void *>(first.address()) ==
	       static_cast<volatile char *>(regs.address()) + 0x10);
}

TEST(access, a_wait_ends_when_the_bits_are_as_wanted_or_with_its_time)
{
	mmiod::client client;
	mmiod::lease lease = client.lease("regs", mmiod::rw);
	mmiod::mapping regs = lease.map();
	regs.write(status, 0);
	std::thread other([&] {
		std::this_thread::sleep_for(20ms);
		regs.write(status, 0x80000001);
	});

	EXPECT_EQ(regs.wait(status, 1, 1, std::chrono::nanoseconds::max()), 0x80000001);
	other.join();
	EXPECT(contains(EXPECT_ERROR(ETIMEDOUT, regs.wait(status, 2, 2, 1ms)), "0x80000001"));
	EXPECT_ERROR(ETIMEDOUT, regs.wait(status, 2, 2, -1ms));
	EXPECT_THROW(std::invalid_argument, regs.wait(status, 1, 2, 1ms));
}

TEST(access, many_registers_and_blocks_go_in_and_out)
{
	mmiod::client client;
	mmiod::lease lease = client.lease("regs", mmiod::rw);
	mmiod::mapping regs = lease.map();
	const std::uint32_t out[] = { 1, 2, 3, 0xffffffff };
	std::uint32_t in[4] = {};
	std::uint8_t bytes[8];

	regs.write_many(0x20, out, 4);
	regs.read_many(0x20, in, 4);
	EXPECT(!std::memcmp(in, out, sizeof(in)));
	lease.read(0x20, in, 2);
	EXPECT_EQ(in[1], 2U);
	lease.write(0x30, out, 4);
	EXPECT_EQ(regs.read<std::uint32_t>(0x3c), 0xffffffff);
	EXPECT_ERROR(EINVAL, lease.copy_from(0, bytes, 8)); /* it declares a width */

	mmiod::lease plain = client.lease("shm+0x1000/0x1000", mmiod::rw);
	mmiod::mapping map = plain.map();
	map.write_block(3, "hello", 5);
	map.fill_block(4, '.', 2);
	map.read_block(2, bytes, 7);
	EXPECT(!std::memcmp(bytes, "\0h..lo\0", 7));
	plain.copy_to(16, "0123", 4);
	plain.fill(17, 2, '-');
	plain.copy_from(16, bytes, 4);
	EXPECT(!std::memcmp(bytes, "0--3", 4));
}

TEST(access, a_mapping_that_was_moved_from_or_closed_says_so)
{
	mmiod::client client;
	mmiod::lease lease = client.lease("regs", mmiod::rw);
	mmiod::mapping first = lease.map();
	mmiod::mapping second = std::move(first);
	std::uint32_t one = 1;

	second.write(control, 7);
	for (mmiod::mapping *empty : { &first, &second }) {
		if (empty == &second) {
			first = mmiod::mapping();
			second.close();
			second.close();
		}
		EXPECT(!*empty);
		EXPECT_ERROR(EBADF, empty->read(control));
		EXPECT_ERROR(EBADF, empty->write(control, 1));
		EXPECT_ERROR(EBADF, empty->at<std::uint32_t>(0));
		EXPECT_ERROR(EBADF, empty->read_block(0, &one, 4));
		EXPECT_ERROR(EBADF, empty->size());
		EXPECT_ERROR(EBADF, empty->address());
		EXPECT_ERROR(EBADF, empty->populate());
	}
	second = lease.map();
	EXPECT_EQ(second.read(control), 7U);
}

/* ---- loss ---- */

TEST(loss, an_access_to_a_lost_window_throws_gone)
{
	mmiod::client client;
	lost_window lost = lose_window(client);
	mmiod::mapping &map = lost.mapping;
	std::uint32_t some[4] = {};

	for (int again = 0; again < 3; again++) {
		EXPECT_THROW(mmiod::gone, map.read<std::uint32_t>(0));
		EXPECT_THROW(mmiod::gone, map.write<std::uint64_t>(0, 1));
		EXPECT_THROW(mmiod::gone, map.update<std::uint8_t>(0, 1, 1));
		EXPECT_THROW(mmiod::gone, map.ring<std::uint32_t>(0, 1));
		EXPECT_THROW(mmiod::gone, map.wait<std::uint32_t>(0, 1, 1, 1h));
		EXPECT_THROW(mmiod::gone, map.read_many(0, some, 4));
		EXPECT_THROW(mmiod::gone, map.write_many(0, some, 4));
		EXPECT_THROW(mmiod::gone, map.read_block(0, some, 16));
		EXPECT_THROW(mmiod::gone, map.write_block(0, some, 16));
		EXPECT_THROW(mmiod::gone, map.fill_block(0, 0, 16));
		EXPECT_THROW(mmiod::gone, lost.lease.read<std::uint32_t>(0));
		EXPECT_THROW(mmiod::gone, lost.lease.map());
	}
	EXPECT_EQ(std::string(mmiod::gone("why").what()), "why");
	EXPECT(mmiod::gone("").code() == std::errc::no_such_device);
}

TEST(loss, a_guarded_body_is_left_and_its_exceptions_pass)
{
	mmiod::client client;
	lost_window lost = lose_window(client);
	auto reg = lost.mapping.at<std::uint32_t>(0);
	volatile int steps = 0; /* what is left by a jump keeps only these as they were */

	EXPECT_THROW(mmiod::gone, mmiod::guard([&] {
			     steps = 1;
			     reg = 1;
			     steps = 2;
		     }));
	EXPECT_EQ(steps, 1);
	EXPECT_THROW(mmiod::gone, mmiod::guard([&] { return reg.read(); }));
	EXPECT_EQ(mmiod::guard([&] { return steps + 1; }), 2);
	EXPECT_EQ(EXPECT_THROW(std::out_of_range,
			       mmiod::guard([] { throw std::out_of_range("so"); })),
		  "so");
	/* The inner one is left, and the outer one goes on. */
	steps = mmiod::guard([&] {
		try {
			mmiod::guard([&] { reg = 1; });
		} catch (const mmiod::gone &) {
			return 3;
		}
		return 4;
	});
	EXPECT_EQ(steps, 3);
}

TEST(loss, an_unguarded_access_to_a_lost_window_kills)
{
	mmiod::client client;
	lost_window lost = lose_window(client);
	const int status = status_of_child([&] {
		std::signal(SIGBUS, SIG_DFL); /* not what a sanitizer makes of it */
		lost.mapping.at<std::uint32_t>(0) = 1;
	});

	EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
}

TEST(loss, threads_that_use_a_window_are_each_told_of_its_loss)
{
	cut_backing(8192);
	mmiod::client client;
	mmiod::lease lease = client.lease("file", mmiod::rw);
	mmiod::mapping map = lease.map();
	std::atomic<int> working{ 0 }, told{ 0 };
	std::vector<std::thread> threads;

	for (std::uint64_t i = 0; i < 4; i++)
		threads.emplace_back([&, i] {
			working++;
			try {
				for (;;)
					map.write<std::uint32_t>(
						4 * i, map.read<std::uint32_t>(4 * i) + 1);
			} catch (const mmiod::gone &) {
				told++;
			}
		});
	while (working < 4)
		std::this_thread::yield();
	cut_backing(0);
	for (std::thread &thread : threads)
		thread.join();
	EXPECT_EQ(told.load(), 4);
}

} // namespace
