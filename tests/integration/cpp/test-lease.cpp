// SPDX-License-Identifier: MIT
/* Leases, what they are of, what becomes of them, and what the daemon tells. */
#include "rig.hpp"

#include <climits>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <thread>

using namespace std::chrono_literals;

namespace
{

template <class T>
inline constexpr bool moves_only =
	std::is_nothrow_move_constructible_v<T> &&std::is_nothrow_move_assignable_v<T> &&
	!std::is_copy_constructible_v<T> && !std::is_copy_assignable_v<T>;
static_assert(moves_only<mmiod::client> && moves_only<mmiod::lease> && moves_only<mmiod::mapping>);
static_assert(moves_only<mmiod::interrupt> && moves_only<mmiod::pending> &&
	      moves_only<mmiod::file>);
static_assert(std::is_nothrow_copy_constructible_v<mmiod::error>);
static_assert(std::is_base_of_v<std::system_error, mmiod::gone>);

std::uint32_t leases(mmiod::client &client)
{
	return client.status().leases;
}

TEST(leases, a_lease_says_what_it_is)
{
	mmiod::client client;
	mmiod::lease lease = client.lease("regs+0x10/0x20", mmiod::rw);

	EXPECT_EQ(lease.offset(), 0x10U);
	EXPECT_EQ(lease.length(), 0x20U);
	EXPECT_EQ(lease.width(), 4U);
	EXPECT(lease.rights() == mmiod::rw);
	EXPECT(lease.share() == mmiod::share::exclusive);
	EXPECT(lease.memory() == mmiod::memory::region);
	EXPECT(lease.memtype() == mmiod::memtype::uc);
	EXPECT(lease.state() == mmiod::state::ok);
	EXPECT(!lease.mappable());
	EXPECT(lease.time() == 0ms && !lease.renews());
	EXPECT(fcntl(lease.fd(), F_GETFD) >= 0);
	EXPECT_ERROR(EINVAL, lease.map());
	EXPECT_ERROR(EOPNOTSUPP, lease.users());
	lease.write<std::uint32_t>(0, 7);
	EXPECT_EQ(lease.read<std::uint32_t>(0), 7U);
}

TEST(leases, a_lease_is_given_back_once)
{
	mmiod::client client;
	mmiod::lease lease = client.lease("regs", mmiod::rw);
	const std::uint64_t id = lease.id();

	EXPECT_EQ(leases(client), 1U);
	lease.release();
	EXPECT_EQ(leases(client), 0U);
	EXPECT(!lease);
	EXPECT(contains(EXPECT_ERROR(EBADF, lease.release()), "given back"));
	EXPECT_ERROR(ENOENT, client.release(id));
	lease.close();
	lease = client.lease("regs", mmiod::rw);
	client.release(lease.id());
	EXPECT_EQ(leases(client), 0U);
}

TEST(leases, what_was_moved_from_says_so)
{
	mmiod::client client;
	mmiod::lease first = client.lease("regs", mmiod::rw);
	mmiod::lease second = std::move(first);

	EXPECT_ERROR(EBADF, first.id());
	EXPECT_ERROR(EBADF, first.fd());
	EXPECT_ERROR(EBADF, first.map());
	EXPECT_ERROR(EBADF, first.release());
	EXPECT_ERROR(EBADF, first.read<std::uint32_t>(0));
	EXPECT_ERROR(EBADF, first.write<std::uint32_t>(0, 1));
	first = std::move(second);
	EXPECT_EQ(first.length(), 4096U);

	mmiod::client other = std::move(client);
	EXPECT_ERROR(EBADF, client.status());
	EXPECT_ERROR(EBADF, client.lease("rom"));
	EXPECT_ERROR(EBADF, client.event_fd());
	client.cancel();
	EXPECT_EQ(leases(other), 1U);
	first.release(); /* its client has moved, and is found */
}

TEST(leases, what_is_refused_says_why)
{
	mmiod::client client;
	mmiod::client other;

	EXPECT(contains(EXPECT_ERROR(EACCES, client.lease("secret")), "no grant lets user"));
	EXPECT(contains(EXPECT_ERROR(ENOENT, client.lease("nothing")), "nothing"));
	EXPECT_ERROR(EINVAL, client.lease("+1"));
	EXPECT_ERROR(EINVAL, client.lease(""));
	const mmiod::lease held = client.lease("regs", mmiod::rw);
	EXPECT(contains(EXPECT_ERROR(EBUSY, other.lease("regs", mmiod::rw)), "regs"));
	try {
		other.lease("regs", mmiod::rw);
	} catch (const std::system_error &caught) {
		EXPECT(caught.code() == std::errc::device_or_resource_busy);
	}
	EXPECT_ERROR(ENOENT, mmiod::client("/nowhere/at/all"));
	EXPECT_ERROR(ENOENT, mmiod::client(std::string("/nowhere/at/all")));
}

TEST(leases, a_want_says_the_rest)
{
	mmiod::client client;
	mmiod::want wanted;

	wanted.target = "shm+0x1000/0x2000";
	wanted.offset = 0x1000;
	wanted.memtype = mmiod::memtype::uc;
	wanted.share = mmiod::share::read;
	mmiod::lease lease = client.lease(wanted);
	EXPECT_EQ(lease.offset(), 0x2000U);
	EXPECT_EQ(lease.length(), 0x1000U);
	EXPECT(lease.share() == mmiod::share::read && lease.memtype() == mmiod::memtype::uc);
	wanted.offset = 0x2000;
	EXPECT(contains(EXPECT_ERROR(EINVAL, client.lease(wanted)), "leaves"));
	wanted.offset = UINT64_MAX;
	EXPECT_ERROR(EINVAL, client.lease(wanted));
	wanted = mmiod::want();
	wanted.target = "regs";
	wanted.rights = mmiod::rw;
	wanted.time = 1s;
	wanted.on_end.assign(9, { 0, 0, 4 });
	EXPECT_ERROR(EINVAL, client.lease(wanted));
	wanted.on_end = { { 0x14, 0x600d, 4 } };
	lease = client.lease(wanted);
	EXPECT(lease.time() == 1s);
	lease.release();
	EXPECT_EQ(client.lease("regs").read<std::uint32_t>(0x14), 0x600dU);
#if __cplusplus >= 202002L
	lease = client.lease(mmiod::want{ .target = "shm", .offset = 0x100, .length = 8 });
	EXPECT_EQ(lease.length(), 8U);
#endif
}

TEST(leases, all_are_leased_or_none)
{
	mmiod::client client;
	std::vector<mmiod::want> wanted(3);

	wanted[0].target = "regs";
	wanted[1].target = "rom";
	wanted[2].target = "secret";
	EXPECT_ERROR(EACCES, client.lease_all(wanted));
	EXPECT_EQ(leases(client), 0U);
	wanted.pop_back();
	const std::vector<mmiod::lease> all = client.lease_all(wanted);
	EXPECT_EQ(all.size(), 2U);
	EXPECT_EQ(all[1].length(), 8192U);
	EXPECT_EQ(leases(client), 2U);
}

TEST(leases, a_lease_outlives_its_client_and_a_mapping_its_lease)
{
	mmiod::client client;
	mmiod::lease lease = client.lease("rom");
	mmiod::mapping map = mmiod::client().lease("shm", mmiod::rw).map();

	map.write<std::uint32_t>(0, 5);
	EXPECT_EQ(map.read<std::uint32_t>(0), 5U);
	EXPECT_ERROR(EBADF, map.populate());
	client.close();
	EXPECT(!client);
	EXPECT_EQ(lease.length(), 8192U);
	EXPECT(contains(EXPECT_ERROR(ENOTCONN, lease.release()), "its client was freed"));
	EXPECT_EQ(lease.length(), 8192U); /* held as before */
}

TEST(leases, regions_and_decisions_are_told)
{
	mmiod::client client;
	unsigned int seen = 0;

	for (const mmiod::region &region : client.regions()) {
		if (region.name == "regs") {
			EXPECT(region.width == 4 && region.length == 4096);
			EXPECT(region.rights == mmiod::rw && region.device == "simulation");
			seen++;
		}
		if (region.name == "secret") {
			EXPECT(region.rights == mmiod::rights::none);
			seen++;
		}
	}
	EXPECT_EQ(seen, 2U);
	EXPECT(client.explain("rom").allowed);
	const mmiod::decision decision = client.explain("rom", mmiod::rw);
	EXPECT(!decision.allowed && decision.grant == "readers" && decision.number == EACCES);
}

TEST(leases, memory_is_allocated)
{
	mmiod::client client;
	mmiod::allocation wanted;

	wanted.length = 65536;
	wanted.memory = mmiod::memory::pages;
	mmiod::lease pages = client.allocate(wanted);
	EXPECT(pages.memory() == mmiod::memory::pages && pages.length() == 65536);
	mmiod::mapping map = pages.map();
	map.write<std::uint64_t>(65528, 1);
	EXPECT_EQ(map.read<std::uint64_t>(65528), 1U);
	wanted.memory = mmiod::memory::region;
	wanted.region = "vram";
	wanted.align = 65536;
	mmiod::lease block = client.allocate(wanted);
	EXPECT(block.memory() == mmiod::memory::region && block.offset() % 65536 == 0);
	EXPECT_EQ(block.extents().size(), 1U);
	EXPECT_EQ(block.extents()[0].offset, block.offset());
	wanted.align = 3;
	EXPECT_ERROR(EINVAL, client.allocate(wanted));
	wanted = mmiod::allocation();
	wanted.memory = mmiod::memory::kmalloc;
	wanted.length = 4096;
	EXPECT_ERROR(EACCES, client.allocate(wanted));
	EXPECT_ERROR(EINVAL, client.allocate(mmiod::allocation()));
}

TEST(leases, after_a_fork_the_client_is_the_parents_and_mappings_go_on)
{
	mmiod::client client;
	mmiod::lease lease = client.lease("regs", mmiod::rw);
	mmiod::mapping regs = lease.map();
	const int status = status_of_child([&] {
		regs.write<std::uint32_t>(0, 7);
		EXPECT_ERROR(EOWNERDEAD, client.status());
		EXPECT_ERROR(EOWNERDEAD, lease.release());
	});

	EXPECT_EQ(status, 0);
	EXPECT_EQ(regs.read<std::uint32_t>(0), 7U);
	EXPECT_EQ(leases(client), 1U);
}

/* ---- threads ---- */

TEST(threads, each_thread_has_a_client_of_its_own)
{
	std::vector<std::thread> threads;

	for (int i = 0; i < 4; i++)
		threads.emplace_back([] {
			mmiod::client client;

			for (int n = 0; n < 50; n++) {
				mmiod::lease lease = client.lease("rom");
				EXPECT_EQ(lease.read<std::uint32_t>(0), 0U);
				lease.release();
				EXPECT_ERROR(EACCES, client.lease("secret"));
			}
		});
	for (std::thread &thread : threads)
		thread.join();
}

TEST(threads, another_thread_breaks_a_wait_off)
{
	mmiod::client holder, waiter;
	const mmiod::lease held = holder.lease("regs", mmiod::rw);

	waiter.set_wait(mmiod::forever);
	std::thread other([&] { waiter.cancel(); }); /* before the call or during it */
	EXPECT_ERROR(ECANCELED, waiter.lease("regs", mmiod::rw));
	other.join();
	waiter.set_wait(0ms);
	EXPECT_ERROR(EBUSY, waiter.lease("regs", mmiod::rw));
}

/* ---- inherited windows ---- */

TEST(adopted, a_window_is_handed_on_by_its_descriptor)
{
	mmiod::client client;
	mmiod::lease lease = client.lease("shm/0x1000", mmiod::rw);
	mmiod::lease other = mmiod::adopt(lease.fd(), lease.identity());

	other.write<std::uint32_t>(0, 5);
	EXPECT_EQ(lease.read<std::uint32_t>(0), 5U);
	EXPECT_ERROR(ENOTCONN, other.release());
	EXPECT_ERROR(EINVAL, mmiod::adopt(lease.fd(), "no identity"));
	EXPECT_ERROR(ESTALE, mmiod::adopt(0, lease.identity()));
	EXPECT_ERROR(ESTALE, mmiod::adopt(-1, lease.identity()));
	EXPECT_ERROR(EINVAL, mmiod::adopt(0));
}

TEST(adopted, where_none_was_inherited_there_is_none)
{
	EXPECT(mmiod::all_inherited().empty());
	EXPECT_ERROR(ENOENT, mmiod::inherited());
	EXPECT_ERROR(ENOENT, mmiod::inherited("regs"));
	EXPECT_ERROR(EINVAL, mmiod::inherited("+"));
}

/* Run by cpp.bats under mmioctl hold shm+0x1000/0x1000 regs. */
TEST(inherited, the_windows_of_a_holder_are_found)
{
	std::vector<mmiod::lease> all = mmiod::all_inherited();

	EXPECT_EQ(all.size(), 2U);
	EXPECT(all[0].offset() == 4096 && all[0].length() == 4096);
	EXPECT_EQ(all[1].width(), 4U);
	mmiod::inherited("regs").map().write<std::uint32_t>(0x10, 0x600d);
	EXPECT_EQ(all[1].read<std::uint32_t>(0x10), 0x600dU);
	EXPECT_ERROR(ENOENT, mmiod::inherited("rom"));
}

/* ---- events, requests that wait ---- */

bool readable(int fd)
{
	pollfd poll_fd{ fd, POLLIN, 0 };

	return ::poll(&poll_fd, 1, -1) == 1 && (poll_fd.revents & POLLIN);
}

TEST(events, an_event_tells_who_took_a_lease)
{
	mmiod::client client, admin;
	const mmiod::lease lease = client.lease("regs", mmiod::rw);

	EXPECT(!client.next_event());
	admin.revoke(lease.id());
	EXPECT(readable(client.event_fd()));
	const std::optional<mmiod::event> told = client.next_event();
	EXPECT(told && told->type == mmiod::event_type::revoked && told->lease == lease.id());
	EXPECT(contains(told->text, "revoked by user"));
	EXPECT(!client.next_event());
	EXPECT_ERROR(ENOENT, admin.revoke(UINT64_MAX));
}

TEST(events, a_request_waits_without_blocking)
{
	mmiod::client holder, client;
	mmiod::want wanted;

	wanted.target = "regs";
	wanted.rights = mmiod::rw;
	mmiod::lease held = holder.lease(wanted);
	mmiod::pending request = client.ask(wanted, mmiod::forever);
	EXPECT(!request.get());
	EXPECT_EQ(leases(client), 1U); /* other calls go on */
	held.release();
	EXPECT(readable(request.fd()));
	std::optional<mmiod::lease> granted = request.get();
	EXPECT(granted && granted->length() == 4096);
	EXPECT(!request);
	EXPECT_ERROR(EBADF, request.get());

	mmiod::pending late = holder.ask(wanted, 10ms);
	EXPECT(readable(late.fd()));
	EXPECT_ERROR(ETIMEDOUT, late.get());
	wanted.target = "secret";
	mmiod::pending denied = holder.ask(wanted, 0ms);
	EXPECT(readable(denied.fd()));
	EXPECT_ERROR(EACCES, denied.get());
	wanted.target = "regs";
	mmiod::pending cancelled = holder.ask(wanted, mmiod::forever);
	cancelled.cancel();
	EXPECT_ERROR(EBADF, cancelled.fd());
	mmiod::pending orphan = holder.ask(wanted, mmiod::forever);
	holder.close();
	EXPECT(contains(EXPECT_ERROR(ENOTCONN, orphan.get()), "the client was freed"));
}

/* ---- interrupts, views ---- */

TEST(interrupts, an_interrupt_is_waited_for)
{
	mmiod::client client;
	mmiod::interrupt irq = client.interrupt("card", 2);

	EXPECT_EQ(irq.vector(), 2U);
	EXPECT(irq.kind() == mmiod::irq_kind::msix && irq.state() == mmiod::state::ok);
	EXPECT_EQ(irq.flags(), 0U);
	EXPECT(!irq.wait_for(0ms));
	EXPECT(!irq.wait_for(1ms));
	irq.trigger();
	irq.trigger();
	EXPECT(readable(irq.fd()));
	EXPECT_EQ(irq.wait(), 2U);
	std::thread other([&] { irq.trigger(); });
	EXPECT_EQ(irq.wait_for(mmiod::forever).value_or(0), 1U);
	other.join();
	EXPECT_EQ(irq.count(), 3U);
	EXPECT_ERROR(EOPNOTSUPP, irq.mask());
	EXPECT_ERROR(EOPNOTSUPP, irq.unmask());
	EXPECT_ERROR(EOPNOTSUPP, irq.set_eventfd(-1));
}

TEST(interrupts, what_is_refused_or_given_back_says_so)
{
	mmiod::client client, other;
	mmiod::interrupt irq = client.interrupt("card");

	EXPECT_ERROR(EBUSY, other.interrupt("card"));
	EXPECT_ERROR(EINVAL, other.interrupt("card", 4));
	EXPECT_ERROR(EINVAL, other.interrupt("card", 1, mmiod::irq_kind::intx));
	EXPECT_ERROR(ENOENT, other.interrupt("nothing"));
	mmiod::interrupt moved = std::move(irq);
	EXPECT_ERROR(EBADF, irq.wait());
	moved.release();
	EXPECT_ERROR(EBADF, moved.release());
	EXPECT_ERROR(EBADF, moved.trigger());
	irq = other.interrupt("card");
	client.revoke(irq.id());
	EXPECT(readable(other.event_fd()));
	EXPECT_EQ(other.next_event().value().lease, irq.id());
}

TEST(interrupts, simulation_makes_no_views)
{
	mmiod::client client;
	mmiod::lease lease = client.lease("shm");

	EXPECT(contains(EXPECT_ERROR(EOPNOTSUPP, mmiod::make_view(mmiod::view_kind::file,
								  { mmiod::part_of(lease) })),
			"simulation"));
	EXPECT(contains(EXPECT_ERROR(EINVAL, mmiod::make_view(mmiod::view_kind::file, {})),
			"0 parts"));
}

TEST(interrupts, a_file_is_closed_with_its_object)
{
	int number = -1;
	{
		mmiod::file first(::open("/dev/null", O_RDONLY | O_CLOEXEC));
		mmiod::file second = std::move(first);
		number = second.get();
		EXPECT(!first && second && first.get() == -1);
		first = std::move(second);
		EXPECT(fcntl(number, F_GETFD) >= 0);
	}
	EXPECT(fcntl(number, F_GETFD) < 0 && errno == EBADF);
}

} // namespace
