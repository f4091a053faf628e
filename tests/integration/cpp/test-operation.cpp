// SPDX-License-Identifier: MIT
/* Operating a device: its configuration space, bus mastering, reset, power, memory for its DMA. */
#include "rig.hpp"

#include <thread>

using namespace std::chrono_literals;

namespace
{

using mmiod::device_rights;

constexpr device_rights config = device_rights::read_config | device_rights::write_config;
constexpr unsigned int COMMAND = 4, STATUS = 6;
constexpr std::uint16_t MASTER = 4;
constexpr unsigned int POWER_MANAGEMENT = 1, AGP = 2;

static_assert(std::is_nothrow_move_constructible_v<mmiod::operation> &&
	      std::is_nothrow_move_assignable_v<mmiod::operation> &&
	      !std::is_copy_constructible_v<mmiod::operation>);
static_assert((config & device_rights::write_config) == device_rights::write_config);

TEST(operations, configuration_space_is_read_and_written_in_three_widths)
{
	mmiod::client client;
	mmiod::operation card = client.operate("engine", config | device_rights::master);
	const auto word = card.read_config<std::uint32_t>(0);

	EXPECT_EQ(card.read_config<std::uint16_t>(0), word & 0xffff);
	EXPECT_EQ(card.read_config<std::uint16_t>(2), word >> 16);
	EXPECT_EQ(card.read_config<std::uint8_t>(3), word >> 24);
	const auto command = card.read_config<std::uint16_t>(COMMAND);
	card.write_config<std::uint16_t>(COMMAND, command | MASTER);
	EXPECT_EQ(card.read_config<std::uint16_t>(COMMAND), command | MASTER);
	card.write_config<std::uint8_t>(COMMAND, static_cast<std::uint8_t>(command));
	EXPECT_EQ(card.read_config<std::uint16_t>(COMMAND), command);
	EXPECT_ERROR(EINVAL, card.read_config<std::uint16_t>(STATUS + 1));
	EXPECT_ERROR(EINVAL, card.read_config<std::uint32_t>(4096));
	EXPECT_ERROR(EINVAL, card.write_config<std::uint32_t>(2, 0));
}

TEST(operations, a_capability_is_found_or_is_not_there)
{
	mmiod::client client;
	mmiod::operation card = client.operate("engine", device_rights::read_config);
	const auto found = card.find_capability(POWER_MANAGEMENT);

	EXPECT(found && card.read_config<std::uint8_t>(*found) == POWER_MANAGEMENT);
	EXPECT(!card.find_capability(POWER_MANAGEMENT, *found));
	EXPECT(!card.find_capability(AGP));
}

TEST(operations, a_device_masters_the_bus_until_it_is_told_not_to)
{
	mmiod::client client;
	mmiod::operation card =
		client.operate("engine", device_rights::read_config | device_rights::master);

	EXPECT(!card.masters());
	card.set_master(true);
	EXPECT(card.masters());
	card.set_master(false, 0ms);
	EXPECT(!card.masters());
	EXPECT(card.state() == mmiod::state::ok);
	EXPECT(contains(EXPECT_ERROR(EPERM, card.reset()), "MMIOD_MAY_RESET"));
}

TEST(operations, a_device_is_reset_sleeps_and_wakes)
{
	mmiod::client client;
	mmiod::operation card =
		client.operate("engine", config | device_rights::reset | device_rights::power |
						 device_rights::master);

	card.set_master(true);
	EXPECT(card.reset(10s) > 0us);
	EXPECT(!card.masters());
	EXPECT(card.power() == mmiod::power::d0);
	card.set_power(mmiod::power::d3hot);
	EXPECT(card.power() == mmiod::power::d3hot);
	EXPECT(card.state() == mmiod::state::suspended);
	card.set_power(mmiod::power::d0, 10s);
	EXPECT(card.power() == mmiod::power::d0);
	EXPECT_ERROR(EINVAL, card.set_power(static_cast<mmiod::power>(1)));
}

TEST(operations, memory_for_the_device_says_where_the_device_finds_it)
{
	mmiod::client client;
	mmiod::operation card =
		client.operate("engine", device_rights::master | device_rights::dma);
	mmiod::lease memory = card.allocate(8192);
	mmiod::mapping map = memory.map();

	EXPECT(memory.iova() && *memory.iova() % 4096 == 0);
	EXPECT(memory.memory() == mmiod::memory::dma);
	map.write<std::uint32_t>(4096, 7);
	EXPECT_EQ(map.read<std::uint32_t>(4096), 7U);
	mmiod::lease fixed = card.allocate(4096, 0x40000000, MMIOD_OPERATION_DEVICE_READS);
	EXPECT_EQ(fixed.iova().value_or(0), 0x40000000U);
	EXPECT(contains(EXPECT_ERROR(EBUSY, card.allocate(4096, 0x40000000)), "0x40000000"));
	EXPECT_ERROR(EINVAL, card.allocate(0));
	EXPECT(!client.lease("shm").iova());
}

TEST(operations, what_is_refused_or_given_back_says_so)
{
	mmiod::client client, other;
	mmiod::operation card = client.operate("engine", device_rights::reset);

	EXPECT(contains(EXPECT_ERROR(EBUSY, other.operate("engine", device_rights::reset)),
			"is operated by"));
	EXPECT_ERROR(ENOENT, other.operate("nothing", device_rights::reset));
	EXPECT_ERROR(EINVAL, other.operate("engine", device_rights::none));
	EXPECT_ERROR(EINVAL, other.operate("engine", device_rights::interrupt));
	EXPECT(card.rights() == device_rights::reset);
	EXPECT(card.id() && card.fd() >= 0 && !card.identity().empty());
	mmiod::operation moved = std::move(card);
	EXPECT(!card && moved);
	EXPECT_ERROR(EBADF, card.reset());
	moved.release();
	EXPECT_ERROR(EBADF, moved.release());
	EXPECT_ERROR(EBADF, moved.masters());
	other.operate("engine", device_rights::reset).reset();
	EXPECT_ERROR(ENOENT, mmiod::inherited_operation("engine"));
}

TEST(operations, who_waits_operates_when_the_other_has_let_go)
{
	mmiod::client client, other;
	mmiod::operation card = client.operate("engine", device_rights::reset);
	std::thread next([&] {
		other.set_wait(mmiod::forever);
		other.operate("engine", device_rights::reset).close();
	});

	card.release();
	next.join();
}

} // namespace

TEST(operations, one_that_is_closed_lets_go_and_one_that_was_moved_does_not)
{
	mmiod::client client, other;
	mmiod::operation card = client.operate("engine", device_rights::reset);
	mmiod::operation moved = std::move(card);

	card.close();
	EXPECT(contains(EXPECT_ERROR(EBUSY, other.operate("engine", device_rights::reset)),
			"is operated by"));
	other.set_wait(std::chrono::minutes(1));
	moved.close();
	EXPECT(other.operate("engine", device_rights::reset).rights() == device_rights::reset);
}
