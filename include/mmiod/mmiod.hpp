/* SPDX-License-Identifier: MIT */
/**
 * libmmiod for C++17 and later: headers only, over <mmiod/mmiod.h>.
 *
 *	mmiod::client client;
 *	mmiod::lease lease = client.lease("fpga-ctrl", mmiod::rw);
 *	mmiod::mapping regs = lease.map();
 *	constexpr mmiod::register_at<std::uint32_t> control{ 0x10 };
 *
 *	regs.write(control, 1);
 *	std::uint32_t status = regs.read<std::uint32_t>(0x14);
 *
 * Objects own what the library made for them, can be moved and not copied, and give it back when
 * they end, as the functions of C that are called _free do. An object that was moved from, closed
 * or released holds nothing: whatever is called on it, but for its destructor, close() and
 * assignment, throws an error of EBADF. native() is the object of C, for what is not wrapped here.
 *
 * Errors are exceptions. mmiod::error is a std::system_error whose what() is the sentence that says
 * what rule, holder or limit was in the way; mmiod::gone is one of ENODEV: the window was revoked,
 * its device is gone, or it is suspended. Accesses beyond the end throw std::out_of_range, and those
 * that are misaligned, or of another width than the region declares, std::invalid_argument.
 *
 * Sizes, offsets and widths are in bytes; times are those of <chrono>.
 *
 * Threads: objects of one client, that is the client itself and its leases, interrupts, operations and what
 * waits for them, may be used by one thread at a time. Any number may access a mapping at once; it
 * is made, populated and destroyed as its lease is used. Fork: as in C, a client belongs to the
 * process that made it.
 */
#ifndef MMIOD_HPP
#define MMIOD_HPP

#include <mmiod/mmiod.h>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <unistd.h>

namespace mmiod
{

/* ---- errors ---- */

/** Whatever mmiod refuses or cannot do. */
class error : public std::system_error
{
      public:
	error(int number, const std::string &sentence)
	    : std::system_error(number, std::generic_category()),
	      sentence_(sentence.empty() ? code().message() : sentence)
	{
	}

	/** The sentence alone. */
	const char *what() const noexcept override
	{
		return sentence_.what();
	}

	/** errno; code() compares with std::errc. */
	int number() const noexcept
	{
		return code().value();
	}

      private:
	std::runtime_error sentence_; /* a string that can be copied without throwing */
};

/** The window was revoked, its device is gone, or it is suspended. */
class gone : public error
{
      public:
	explicit gone(const std::string &sentence) : error(ENODEV, sentence)
	{
	}
};

/* ---- words: values that are not named here may come from a newer daemon ---- */

/** What a lease lets its holder do: a set. */
enum class rights : unsigned int {
	none = 0,
	read = MMIOD_RIGHT_READ,
	write = MMIOD_RIGHT_WRITE,
	read_write = MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE,
};

constexpr rights operator|(rights left, rights right) noexcept
{
	return static_cast<rights>(static_cast<unsigned int>(left) |
				   static_cast<unsigned int>(right));
}

constexpr rights operator&(rights left, rights right) noexcept
{
	return static_cast<rights>(static_cast<unsigned int>(left) &
				   static_cast<unsigned int>(right));
}

inline constexpr rights ro = rights::read;
inline constexpr rights rw = rights::read_write;

/** What caches do with a window's memory. */
enum class memtype : unsigned int {
	standard = MMIOD_MEMTYPE_DEFAULT, /**< the first that the region's configuration names */
	uc = MMIOD_MEMTYPE_UC,
	wc = MMIOD_MEMTYPE_WC,
	wb = MMIOD_MEMTYPE_WB,
};

/** How a lease bears others on the same bytes. */
enum class share : unsigned int {
	standard = MMIOD_SHARE_DEFAULT, /**< what the grant says */
	exclusive = MMIOD_SHARE_EXCLUSIVE,
	read = MMIOD_SHARE_READ,
	write = MMIOD_SHARE_WRITE,
	guest = MMIOD_SHARE_GUEST,
};

enum class state : unsigned int {
	ok = MMIOD_STATE_OK,
	suspended = MMIOD_STATE_SUSPENDED,
	revoked = MMIOD_STATE_REVOKED,
	ending = MMIOD_STATE_ENDING,
	stale = MMIOD_STATE_STALE,
};

/** What stands behind a lease: see enum mmiod_memory. */
enum class memory : unsigned int {
	region = MMIOD_MEMORY_REGION, /**< of an allocation: blocks of a pool */
	pages = MMIOD_MEMORY_PAGES,
	kmalloc = MMIOD_MEMORY_KMALLOC,
	vmalloc = MMIOD_MEMORY_VMALLOC,
	dma = MMIOD_MEMORY_DMA,
};

/** Where kernel memory may lie. */
enum class zone : unsigned int {
	any = MMIOD_MEMORY_ANY,
	below_4g = MMIOD_MEMORY_BELOW_4G,
	below_16m = MMIOD_MEMORY_BELOW_16M,
};

enum class event_type : unsigned int {
	revoke_asked = MMIOD_EVENT_REVOKE_ASKED, /**< give the lease back before its deadline */
	revoked = MMIOD_EVENT_REVOKED,
	suspended = MMIOD_EVENT_SUSPENDED,
	resumed = MMIOD_EVENT_RESUMED,
	gone = MMIOD_EVENT_GONE,
	expiring = MMIOD_EVENT_EXPIRING,
	storm = MMIOD_EVENT_STORM,
};

enum class irq_kind : unsigned int {
	standard = MMIOD_IRQ_DEFAULT, /**< the one that the configuration says */
	intx = MMIOD_IRQ_INTX,
	msi = MMIOD_IRQ_MSI,
	msix = MMIOD_IRQ_MSIX,
};

/** What may be done with a device: a set. */
enum class device_rights : unsigned int {
	none = 0,
	interrupt = MMIOD_MAY_INTERRUPT, /**< not to be asked for by client::operate() */
	read_config = MMIOD_MAY_READ_CONFIG,
	write_config = MMIOD_MAY_WRITE_CONFIG, /**< needs read_config */
	vendor_config = MMIOD_MAY_VENDOR_CONFIG, /**< needs read_config */
	master = MMIOD_MAY_MASTER,
	reset = MMIOD_MAY_RESET,
	reset_others = MMIOD_MAY_RESET_OTHERS, /**< needs reset */
	power = MMIOD_MAY_POWER,
	dma = MMIOD_MAY_DMA,
	dma_trusted = MMIOD_MAY_DMA_TRUSTED, /**< needs dma */
};

constexpr device_rights operator|(device_rights left, device_rights right) noexcept
{
	return static_cast<device_rights>(static_cast<unsigned int>(left) |
					  static_cast<unsigned int>(right));
}

constexpr device_rights operator&(device_rights left, device_rights right) noexcept
{
	return static_cast<device_rights>(static_cast<unsigned int>(left) &
					  static_cast<unsigned int>(right));
}

/** Of a device, as PCI counts them. */
enum class power : unsigned int {
	d0 = MMIOD_OPERATION_D0, /**< awake */
	d3hot = MMIOD_OPERATION_D3HOT,
};

/** How lease::map() maps. */
enum class map_mode : unsigned int {
	on_fault = 0,
	populate = MMIOD_MAP_POPULATE, /**< all page-table entries now: no access faults later */
	exact = MMIOD_MAP_EXACT, /**< likewise, in entries of one page each */
};

inline constexpr map_mode populate = map_mode::populate;

/** Of times to wait: without end. */
inline constexpr std::chrono::milliseconds forever = std::chrono::milliseconds::max();

/* ---- what the rest is made of: nothing for programs ---- */

namespace detail
{

template <auto Free> struct deleter {
	template <class T> void operator()(T *object) const noexcept
	{
		Free(object);
	}
};

template <class T, auto Free> using owner = std::unique_ptr<T, deleter<Free>>;

/* Leases do not keep their client, and have its sentence only as long as it is there. */
using connection = std::shared_ptr<::mmiod_client>;
using origin = std::weak_ptr<::mmiod_client>;

[[noreturn]] inline void fail(int result, const std::string &sentence)
{
	const int number = result < 0 ? -result : result;

	if (number == ENODEV)
		throw gone(sentence);
	throw error(number, sentence);
}

[[noreturn]] inline void fail(int result, const origin &client)
{
	const connection living = client.lock();

	fail(result, std::string(::mmiod_client_error(living.get())));
}

/* Every result of C passes here. */
inline int check(int result, const origin &client)
{
	if (result < 0)
		fail(result, client);
	return result;
}

[[noreturn]] inline void fail_gone(int result)
{
	fail(result, result == -ENODEV ? std::string("the window was revoked, its device is gone, "
						     "or it is suspended")
				       : std::string());
}

template <class T> T *held(T *object, const char *what)
{
	if (!object)
		throw error(EBADF,
			    std::string("the ") + what +
				    " holds nothing: it was moved from, closed or given back");
	return object;
}

inline std::string hex(std::uint64_t number)
{
	static constexpr char digits[] = "0123456789abcdef";
	std::string text;

	do {
		text.insert(text.begin(), digits[number & 15]);
		number >>= 4;
	} while (number);
	return "0x" + text;
}

inline std::string text_of(const char *text)
{
	return text ? text : "";
}

/* Milliseconds as C counts them: 0 for none, UINT32_MAX for ever. */
inline std::uint32_t milliseconds_of(std::chrono::milliseconds time) noexcept
{
	if (time.count() <= 0)
		return 0;
	if (time.count() >= std::int64_t{ UINT32_MAX })
		return UINT32_MAX;
	return static_cast<std::uint32_t>(time.count());
}

/* Likewise of calls whose times are signed: -1 for ever. */
inline int timeout_of(std::chrono::milliseconds time) noexcept
{
	const std::uint32_t ms = milliseconds_of(time);

	return ms > INT32_MAX ? -1 : static_cast<int>(ms);
}

template <class T>
inline constexpr bool is_register =
	(sizeof(T) == 1 || sizeof(T) == 2 || sizeof(T) == 4 || sizeof(T) == 8) &&
	std::conjunction_v<std::is_integral<T>, std::is_unsigned<T>,
			   std::negation<std::is_same<std::remove_cv_t<T>, bool>>>;

template <class T> constexpr void check_mapped_register() noexcept
{
	static_assert(is_register<T>, "a register is an unsigned integer of 8, 16, 32 or 64 bits");
	static_assert(sizeof(T) <= sizeof(void *),
		      "a 32-bit program would make two accesses of this: use lease::read()");
}

/* What is not to be deduced: write<T>(offset, 1) would write an int. */
template <class T> struct identity {
	using type = T;
};
template <class T> using value_of = typename identity<std::remove_const_t<T>>::type;

} // namespace detail

/* ---- guarded code ---- */

namespace detail
{

template <class Body, class Result> struct guarded {
	Body &body;
	std::optional<Result> result{};
	std::exception_ptr thrown{};

	void run()
	{
		result.emplace(body());
	}
};

template <class Body> struct guarded<Body, void> {
	Body &body;
	std::exception_ptr thrown{};

	void run()
	{
		body();
	}
};

/* An exception does not pass through C, so it is carried past it. */
template <class Guarded> int run_guarded(void *argument) noexcept
{
	auto *guarded = static_cast<Guarded *>(argument);

	try {
		guarded->run();
	} catch (...) {
		guarded->thrown = std::current_exception();
	}
	return 0;
}

} // namespace detail

/**
 * Run @body so that a revoked window makes this throw mmiod::gone instead of killing the process by
 * SIGBUS: for many accesses at the price of one guard. Returns what @body returns; what it throws is
 * thrown.
 *
 * A revocation leaves @body in its middle, at an access, by a jump: no destructor runs. Let it hold
 * no lock, and no object that owns something, while it accesses a window; what it changed before
 * counts only if that was volatile or atomic. Within it registers (reg) are what to use: they are
 * not guarded each for itself.
 */
template <class Body> std::invoke_result_t<Body &> guard(Body &&body)
{
	using result = std::invoke_result_t<Body &>;
	static_assert(std::is_void_v<result> || std::is_trivially_destructible_v<result>,
		      "what a guarded body returns owns nothing: it may be left in the middle");
	detail::guarded<std::remove_reference_t<Body>, result> call{ body };
	const int err = ::mmiod_guard(&detail::run_guarded<decltype(call)>, &call);

	if (err)
		detail::fail_gone(err);
	if (call.thrown)
		std::rethrow_exception(call.thrown);
	if constexpr (!std::is_void_v<result>)
		return *call.result;
}

/* ---- registers ---- */

/** Where a register is, and its width: what a header of a device's registers consists of. */
template <class T> struct register_at {
	static_assert(detail::is_register<T>,
		      "a register is an unsigned integer of 8, 16, 32 or 64 bits");
	std::uint64_t offset; /**< from the start of the mapping or lease */
};

/** Some bits of a register. */
template <class T> class field
{
      public:
	/** @bits bits from bit @lowest of @where. std::invalid_argument: it has no such bits. */
	constexpr field(register_at<T> where, unsigned int lowest, unsigned int bits)
	    : where_(where), lowest_(lowest),
	      ones_(bits && bits <= width && lowest <= width - bits
			    ? static_cast<T>(static_cast<T>(~T{ 0 }) >> (width - bits))
			    : throw std::invalid_argument("the register has no such bits"))
	{
	}

	constexpr register_at<T> where() const noexcept
	{
		return where_;
	}

	/** The bits, in their place. */
	constexpr T mask() const noexcept
	{
		return static_cast<T>(ones_ << lowest_);
	}

	/** Their value, out of the register's. */
	constexpr T of(T whole) const noexcept
	{
		return static_cast<T>((whole >> lowest_) & ones_);
	}

	/** A value in its place. std::out_of_range: it has more bits. */
	constexpr T put(T value) const
	{
		return value <= ones_ ? static_cast<T>(value << lowest_)
				      : throw std::out_of_range("the value has more bits than "
								"the field");
	}

      private:
	static constexpr unsigned int width = 8 * sizeof(T);
	register_at<T> where_;
	unsigned int lowest_;
	T ones_;
};

/**
 * One register of a mapping, as a variable: reading is one load of its width, assigning one store.
 * Checked when it is made, and neither checked nor guarded afterwards: see mmiod::guard(). It must
 * not outlive its mapping. Of a const type it is only read.
 */
template <class T> class reg
{
      public:
	using value_type = std::remove_const_t<T>;

	/** @at: aligned, in a mapping that may be written unless T is const. */
	explicit reg(volatile T *at) noexcept : at_(at)
	{
		detail::check_mapped_register<T>();
	}
	reg(const reg &) noexcept = default;
	/** Whether the register or the variable was meant, nobody could tell. */
	reg &operator=(const reg &) = delete;
	~reg() = default;

	value_type read() const noexcept
	{
		return *at_;
	}

	operator value_type() const noexcept
	{
		return read();
	}

	void write(value_type value) const noexcept
	{
		static_assert(!std::is_const_v<T>, "the register is only for reading");
		*at_ = value;
	}

	const reg &operator=(value_type value) const noexcept
	{
		write(value);
		return *this;
	}

	/** Change the bits of @mask, by one load and one store. */
	void update(value_type mask, value_type value) const noexcept
	{
		write(static_cast<value_type>((read() & ~mask) | (value & mask)));
	}

	volatile T *address() const noexcept
	{
		return at_;
	}

      private:
	volatile T *at_;
};

namespace detail
{

template <class T> struct one_access {
	volatile T *at;
	std::remove_const_t<T> value;
	std::remove_const_t<T> mask;
};

template <class T> int load(void *argument) noexcept
{
	auto *access = static_cast<one_access<const T> *>(argument);

	access->value = *access->at;
	return 0;
}

template <class T> int store(void *argument) noexcept
{
	auto *access = static_cast<one_access<T> *>(argument);

	*access->at = access->value;
	return 0;
}

template <class T> int change(void *argument) noexcept
{
	auto *access = static_cast<one_access<T> *>(argument);

	*access->at = static_cast<T>((*access->at & ~access->mask) | access->value);
	return 0;
}

/* A fence before the store: see mmiod_write_doorbell32(). */
template <class T> int ring(void *argument) noexcept
{
	::mmiod_wc_flush();
	return store<T>(argument);
}

template <class T> struct many_accesses {
	volatile T *at;
	std::remove_const_t<T> *from;
	const std::remove_const_t<T> *to;
	std::size_t count;
};

template <class T> int load_many(void *argument) noexcept
{
	auto *access = static_cast<many_accesses<const T> *>(argument);

	for (std::size_t i = 0; i < access->count; i++)
		access->from[i] = access->at[i];
	return 0;
}

template <class T> int store_many(void *argument) noexcept
{
	auto *access = static_cast<many_accesses<T> *>(argument);

	for (std::size_t i = 0; i < access->count; i++)
		access->at[i] = access->to[i];
	return 0;
}

inline void run_access(int (*body)(void *), void *access)
{
	const int err = ::mmiod_guard(body, access);

	if (err)
		fail_gone(err);
}

} // namespace detail

/* ---- mappings ---- */

/**
 * A mapped window. It lives on when its lease object is closed, and the lease with it.
 *
 * Accesses are one load or store of exactly the width of their type. They are checked, and guarded:
 * a window that is revoked makes them throw mmiod::gone. That is a system call each; at() and
 * mmiod::guard() are for loops that cannot afford it.
 */
class mapping
{
      public:
	/** Holds nothing. */
	mapping() noexcept = default;
	mapping(mapping &&) noexcept = default;
	mapping &operator=(mapping &&other) noexcept = default;

	/** Whether it holds a mapping. */
	explicit operator bool() const noexcept
	{
		return mapping_ != nullptr;
	}

	/** Unmap. Registers of it must not be used any more. */
	void close() noexcept
	{
		mapping_.reset();
	}

	/** The first byte. Accesses through it are unchecked. */
	volatile void *address() const
	{
		return ::mmiod_mapping_address(native());
	}

	/** Bytes. */
	std::size_t size() const
	{
		return ::mmiod_mapping_length(native());
	}

	/** That every access must have, as the region declares it; 0: any. */
	unsigned int width() const noexcept
	{
		return width_;
	}

	bool writable() const noexcept
	{
		return writable_;
	}

	/** Build all page-table entries now. EBADF: the lease was closed. */
	void populate()
	{
		detail::check(::mmiod_mapping_populate(native()), client_);
	}

	/** The register at @offset. */
	template <class T> T read(std::uint64_t offset) const
	{
		detail::one_access<const T> access{ place<const T>(offset), 0, 0 };

		detail::run_access(&detail::load<T>, &access);
		return access.value;
	}

	template <class T> T read(register_at<T> where) const
	{
		return read<T>(where.offset);
	}

	template <class T> T read(const field<T> &bits) const
	{
		return bits.of(read(bits.where()));
	}

	/** Write the register at @offset. EBADF: the window is read-only, here and below. */
	template <class T> void write(std::uint64_t offset, detail::value_of<T> value)
	{
		detail::one_access<T> access{ place<T>(offset), value, 0 };

		detail::run_access(&detail::store<T>, &access);
	}

	template <class T> void write(register_at<T> where, detail::value_of<T> value)
	{
		write<T>(where.offset, value);
	}

	/** The other bits of the register stay: one load and one store. */
	template <class T> void write(const field<T> &bits, detail::value_of<T> value)
	{
		update<T>(bits.where().offset, bits.mask(), bits.put(value));
	}

	/**
	 * Change the bits of @mask, by one load and one store. std::invalid_argument: @value has
	 * others.
	 */
	template <class T>
	void update(std::uint64_t offset, detail::value_of<T> mask, detail::value_of<T> value)
	{
		detail::one_access<T> access{ place<T>(offset), value, mask };

		check_bits(mask, value);
		detail::run_access(&detail::change<T>, &access);
	}

	template <class T>
	void update(register_at<T> where, detail::value_of<T> mask, detail::value_of<T> value)
	{
		update<T>(where.offset, mask, value);
	}

	/** A fence, then the store: what this thread stored before is seen by the device first. */
	template <class T> void ring(std::uint64_t offset, detail::value_of<T> value)
	{
		detail::one_access<T> access{ place<T>(offset), value, 0 };

		detail::run_access(&detail::ring<T>, &access);
	}

	template <class T> void ring(register_at<T> where, detail::value_of<T> value)
	{
		ring<T>(where.offset, value);
	}

	/**
	 * Look until the bits of @mask are as in @value: returns what was read last. ETIMEDOUT: they
	 * were not within @timeout; it looks once at least.
	 */
	template <class T>
	T wait(std::uint64_t offset, detail::value_of<T> mask, detail::value_of<T> value,
	       std::chrono::nanoseconds timeout) const
	{
		const auto begun = std::chrono::steady_clock::now();

		check_bits(mask, value);
		for (unsigned int looks = 0;; looks++) {
			const T found = read<T>(offset);

			if ((found & mask) == value)
				return found;
			if (std::chrono::steady_clock::now() - begun >= timeout)
				throw error(ETIMEDOUT, "the register at " + detail::hex(offset) +
							       " did not become as it was waited "
							       "for: it is " +
							       detail::hex(found));
			if (looks >= spins)
				std::this_thread::sleep_for(std::chrono::microseconds(20));
		}
	}

	template <class T>
	T wait(register_at<T> where, detail::value_of<T> mask, detail::value_of<T> value,
	       std::chrono::nanoseconds timeout) const
	{
		return wait<T>(where.offset, mask, value, timeout);
	}

	/** @count registers from @offset on, in rising order, one access each. */
	template <class T> void read_many(std::uint64_t offset, T *buffer, std::size_t count) const
	{
		detail::many_accesses<const T> access{ place<const T>(offset, count), buffer,
						       nullptr, count };

		detail::run_access(&detail::load_many<T>, &access);
	}

	template <class T> void write_many(std::uint64_t offset, const T *buffer, std::size_t count)
	{
		detail::many_accesses<T> access{ place<T>(offset, count), nullptr, buffer, count };

		detail::run_access(&detail::store_many<T>, &access);
	}

	/** Copy bytes out of it, into it and over it, as the window demands: mmiod_mapping_read(). */
	void read_block(std::uint64_t offset, void *buffer, std::size_t length) const
	{
		check_block(::mmiod_mapping_read(native(), offset, buffer, length), offset, length);
	}

	void write_block(std::uint64_t offset, const void *buffer, std::size_t length)
	{
		check_block(::mmiod_mapping_write(native(), offset, buffer, length), offset,
			    length);
	}

	void fill_block(std::uint64_t offset, std::uint8_t value, std::size_t length)
	{
		check_block(::mmiod_mapping_fill(native(), offset, value, length), offset, length);
	}

	/** A register as a variable: see reg. EBADF: read-only, and T is not const. */
	template <class T> reg<T> at(std::uint64_t offset)
	{
		return reg<T>(place<T>(offset));
	}

	template <class T> reg<const T> at(std::uint64_t offset) const
	{
		return reg<const T>(place<const T>(offset));
	}

	template <class T> reg<T> operator[](register_at<T> where)
	{
		return at<T>(where.offset);
	}

	template <class T> reg<const T> operator[](register_at<T> where) const
	{
		return at<T>(where.offset);
	}

	::mmiod_mapping *native() const
	{
		return detail::held(mapping_.get(), "mapping");
	}

      private:
	friend class lease;

	static constexpr unsigned int spins = 1000; /* of a wait, before it sleeps between looks */

	mapping(::mmiod_mapping *made, detail::origin client, unsigned int width, bool writable)
	    : mapping_(made), client_(std::move(client)), width_(width), writable_(writable)
	{
	}

	template <class T> static void check_bits(T mask, T value)
	{
		if (value & static_cast<T>(~mask))
			throw std::invalid_argument("value " + detail::hex(value) +
						    " has bits outside of mask " +
						    detail::hex(mask));
	}

	template <class T> volatile T *place(std::uint64_t offset, std::uint64_t count = 1) const
	{
		const std::uint64_t length = size();

		detail::check_mapped_register<T>();
		if (offset > length || count > (length - offset) / sizeof(T))
			throw std::out_of_range("offset " + detail::hex(offset) +
						": the mapping has " + detail::hex(length) +
						" bytes, and this wants " + std::to_string(count) +
						" times " + std::to_string(sizeof(T)));
		if (offset % sizeof(T))
			throw std::invalid_argument("offset " + detail::hex(offset) +
						    " is not a multiple of " +
						    std::to_string(sizeof(T)) + " bytes");
		if (width_ && width_ != sizeof(T))
			throw std::invalid_argument("an access of " +
						    std::to_string(8 * sizeof(T)) +
						    " bits: the registers here are " +
						    std::to_string(8 * width_) + " bits wide");
		if (!std::is_const_v<T> && !writable_)
			throw error(EBADF, "the mapping is read-only");
		return reinterpret_cast<volatile T *>(static_cast<volatile char *>(address()) +
						      offset);
	}

	void check_block(int result, std::uint64_t offset, std::size_t length) const
	{
		if (result == -EINVAL)
			throw std::out_of_range(
				detail::hex(length) + " bytes at offset " + detail::hex(offset) +
				" leave the mapping, or are no multiple of the registers' width");
		if (result == -EBADF)
			throw error(EBADF, "the mapping is read-only");
		if (result < 0)
			detail::fail_gone(result);
	}

	detail::owner<::mmiod_mapping, ::mmiod_mapping_free> mapping_;
	detail::origin client_;
	unsigned int width_ = 0;
	bool writable_ = false;
};

/* ---- leases ---- */

/** A register write that the daemon does when the lease ends, for whatever reason. */
struct write_at_end {
	std::uint64_t offset; /**< from the start of the region */
	std::uint64_t value;
	unsigned int width; /**< bytes */
};

/** What is asked for. Each member's initial value means the default. */
struct want {
	std::string target; /**< REGION[+OFFSET][/LENGTH][:WIDTH]: see mmiod_target_parse() */
	mmiod::rights rights = ro;
	std::uint64_t offset = 0; /**< from what the target names */
	std::uint64_t length = 0; /**< 0: what the target names, or to the end of the region */
	unsigned int width = 0; /**< of a mediated access; 0: the target's, or the region's */
	mmiod::memtype memtype = mmiod::memtype::standard;
	mmiod::share share = mmiod::share::standard;
	std::chrono::milliseconds time{ 0 }; /**< limit; 0: as the grant says */
	bool dummy = false; /**< after revocation a page of ones instead of SIGBUS */
	bool connection = false; /**< ends with the connection, even if the file lives on */
	std::vector<write_at_end> on_end{}; /**< at most 8 */
	std::optional<std::uint32_t> for_user{}; /**< administrators: whose lease it is to be */
};

/** What memory the daemon is to find. Each member's initial value means the default. */
struct allocation {
	std::uint64_t length = 0; /**< bytes, from 1 */
	mmiod::memory memory = mmiod::memory::region;
	std::string region{}; /**< the pool; for DMA a region of the device */
	std::uint64_t align = 0; /**< pool: bytes, a power of two; 0: a page */
	std::uint64_t low = 0; /**< pool: not below this offset */
	std::uint64_t high = 0; /**< end at or below this; 0: no limit */
	std::optional<unsigned int> node{}; /**< pages and kmalloc: NUMA node */
	mmiod::zone zone = mmiod::zone::any;
	mmiod::rights rights = rw;
	mmiod::memtype memtype = mmiod::memtype::standard;
	unsigned int width = 0; /**< pool: of a mediated access */
	unsigned int flags = 0; /**< set of MMIOD_ALLOCATE_* */
	std::chrono::milliseconds time{ 0 }; /**< limit; 0: as the grant says */
	std::uint32_t max_extents =
		1; /**< pool: that it may lie in if one does not do; 0: any number */
};

/**
 * A window. The lease lasts as long as this object, a mapping of it or another copy of its file
 * does; release() ends it before. In simulation it ends by release(), or with its client.
 */
class lease
{
      public:
	/** Holds nothing. */
	lease() noexcept = default;
	lease(lease &&) noexcept = default;
	lease &operator=(lease &&other) noexcept = default;

	explicit operator bool() const noexcept
	{
		return lease_ != nullptr;
	}

	/** Close its file; its mappings go on. */
	void close() noexcept
	{
		lease_.reset();
	}

	/**
	 * Give it back now: whoever still has the file or a mapping loses it. ENOTCONN: its client
	 * is gone, or it never had one. It is held as before when this throws.
	 */
	void release()
	{
		detail::check(::mmiod_lease_release(native()), client_);
		static_cast<void>(lease_.release()); /* the library has freed it */
	}

	std::uint64_t id() const
	{
		return ::mmiod_lease_id(native());
	}

	/** From the start of the region; UINT64_MAX: it has several extents(). */
	std::uint64_t offset() const
	{
		return ::mmiod_lease_offset(native());
	}

	/** Where it lies, in the order of its bytes; asks the daemon if there are several. */
	std::vector<::mmiod_lease_extent> extents() const
	{
		const int count =
			detail::check(::mmiod_lease_extents(native(), nullptr, 0), client_);
		std::vector<::mmiod_lease_extent> all(static_cast<std::size_t>(count));

		detail::check(::mmiod_lease_extents(native(), all.data(), all.size()), client_);
		return all;
	}

	/** Of operation::allocate(): where the device finds the first byte. Else nothing. */
	std::optional<std::uint64_t> iova() const
	{
		const std::uint64_t iova = ::mmiod_lease_iova(native());

		return iova == MMIOD_NO_IOVA ? std::nullopt : std::make_optional(iova);
	}

	/** Bytes. */
	std::uint64_t length() const
	{
		return ::mmiod_lease_length(native());
	}

	mmiod::rights rights() const
	{
		return static_cast<mmiod::rights>(::mmiod_lease_rights(native()));
	}

	mmiod::memtype memtype() const
	{
		return static_cast<mmiod::memtype>(::mmiod_lease_memtype(native()));
	}

	mmiod::share share() const
	{
		return static_cast<mmiod::share>(::mmiod_lease_share(native()));
	}

	mmiod::memory memory() const
	{
		return static_cast<mmiod::memory>(::mmiod_lease_memory(native()));
	}

	/** Of an access, in bytes, as the region declares it; 0: any. */
	unsigned int width() const
	{
		return ::mmiod_lease_width(native());
	}

	/** Its limit; 0: none. */
	std::chrono::milliseconds time() const
	{
		return std::chrono::milliseconds(::mmiod_lease_time_ms(native()));
	}

	bool renews() const
	{
		return ::mmiod_lease_renews(native()) != 0;
	}

	/** false: it does not own whole pages, and read() and write() reach it, but no mapping. */
	bool mappable() const
	{
		return ::mmiod_lease_mappable(native()) != 0;
	}

	/** The window's file, owned by this object. */
	int fd() const
	{
		return ::mmiod_lease_fd(native());
	}

	mmiod::state state() const
	{
		::mmiod_state state{};

		detail::check(::mmiod_lease_state(native(), &state), client_);
		return static_cast<mmiod::state>(state);
	}

	/** How many others have the window: see mmiod_lease_users(). */
	int users() const
	{
		return detail::check(::mmiod_lease_users(native()), client_);
	}

	/** By which adopt() knows the file again. */
	std::string identity() const
	{
		char text[64];

		detail::check(::mmiod_lease_identity(native(), text, sizeof(text)), client_);
		return text;
	}

	/** Map the whole window, with the lease's rights. EINVAL: see mappable(). */
	mapping map(map_mode mode = map_mode::on_fault)
	{
		return map(0, static_cast<std::size_t>(length()), mode);
	}

	/** Map a part; @offset is a multiple of the page size. */
	mapping map(std::uint64_t offset, std::size_t length, map_mode mode = map_mode::on_fault)
	{
		::mmiod_mapping *made = nullptr;

		detail::check(::mmiod_lease_map_range(native(), offset, length,
						      static_cast<unsigned int>(mode), &made),
			      client_);
		return mapping(made, client_, width(), (rights() & rights::write) != rights::none);
	}

	/** Mediated: the kernel makes one bus access of exactly that width. */
	template <class T> T read(std::uint64_t offset) const
	{
		T value{};

		read(offset, &value, 1);
		return value;
	}

	template <class T> T read(register_at<T> where) const
	{
		return read<T>(where.offset);
	}

	template <class T> void read(std::uint64_t offset, T *buffer, std::size_t count) const
	{
		static_assert(detail::is_register<T>, "8, 16, 32 or 64 bits, unsigned");
		detail::check(::mmiod_lease_read(native(), offset, sizeof(T), count, buffer),
			      client_);
	}

	template <class T> void write(std::uint64_t offset, detail::value_of<T> value)
	{
		const T one = value;

		write(offset, &one, 1);
	}

	template <class T> void write(register_at<T> where, detail::value_of<T> value)
	{
		write<T>(where.offset, value);
	}

	template <class T> void write(std::uint64_t offset, const T *buffer, std::size_t count)
	{
		static_assert(detail::is_register<T>, "8, 16, 32 or 64 bits, unsigned");
		detail::check(::mmiod_lease_write(native(), offset, sizeof(T), count, buffer),
			      client_);
	}

	/** In bulk. EINVAL where the region declares a width. */
	void fill(std::uint64_t offset, std::size_t length, std::uint8_t value)
	{
		detail::check(::mmiod_lease_fill(native(), offset, length, value), client_);
	}

	void copy_from(std::uint64_t offset, void *buffer, std::size_t length) const
	{
		detail::check(::mmiod_lease_copy_from(native(), offset, buffer, length), client_);
	}

	void copy_to(std::uint64_t offset, const void *buffer, std::size_t length)
	{
		detail::check(::mmiod_lease_copy_to(native(), offset, buffer, length), client_);
	}

	::mmiod_lease *native() const
	{
		return detail::held(lease_.get(), "lease");
	}

	/** Take over an object of C. @client: whose it is; none: adopted, or its client is in C. */
	explicit lease(::mmiod_lease *made, detail::origin client = {}) noexcept
	    : lease_(made), client_(std::move(client))
	{
	}

      private:
	detail::owner<::mmiod_lease, ::mmiod_lease_free> lease_;
	detail::origin client_;
};

/* ---- inherited windows ---- */

namespace detail
{

inline lease adopt(int fd, const char *identity)
{
	::mmiod_lease *made = nullptr;

	check(::mmiod_window_adopt(fd, identity, &made), {});
	return lease(made);
}

inline lease inherited(const char *target, std::size_t index)
{
	::mmiod_lease *made = nullptr;

	check(::mmiod_inherited(target, index, &made), {});
	return lease(made);
}

} // namespace detail

/** A lease of a window's file that this process was given: see mmiod_window_adopt(). */
inline lease adopt(int fd, const std::string &identity)
{
	return detail::adopt(fd, identity.c_str());
}

/** Of whichever window of the module it is. */
inline lease adopt(int fd)
{
	return detail::adopt(fd, nullptr);
}

/** The window number @index that the environment names, of those of @target. */
inline lease inherited(const std::string &target, std::size_t index = 0)
{
	return detail::inherited(target.c_str(), index);
}

/** Of all of them. */
inline lease inherited(std::size_t index = 0)
{
	return detail::inherited(nullptr, index);
}

/** All of them; empty if there are none. */
inline std::vector<lease> all_inherited()
{
	std::vector<lease> leases;
	const std::size_t count = ::mmiod_inherited_count();

	leases.reserve(count);
	for (std::size_t i = 0; i < count; i++)
		leases.push_back(inherited(i));
	return leases;
}

/* ---- interrupts ---- */

/** A vector of a device. In simulation its lease ends by release(), or with its client. */
class interrupt
{
      public:
	/** Holds nothing. */
	interrupt() noexcept = default;
	interrupt(interrupt &&) noexcept = default;
	interrupt &operator=(interrupt &&other) noexcept = default;

	explicit operator bool() const noexcept
	{
		return interrupt_ != nullptr;
	}

	void close() noexcept
	{
		interrupt_.reset();
	}

	/** Give it back now, whoever still has the file. It is held as before when this throws. */
	void release()
	{
		detail::check(::mmiod_interrupt_release(native()), client_);
		static_cast<void>(interrupt_.release());
	}

	/** Wait until it came: how often since the last wait. Errors: see mmiod_interrupt_wait(). */
	std::uint64_t wait()
	{
		std::uint64_t count = 0;

		detail::check(::mmiod_interrupt_wait(native(), -1, &count), client_);
		return count;
	}

	/** Likewise, for at most @timeout: nothing if it did not come. 0 looks. */
	std::optional<std::uint64_t> wait_for(std::chrono::milliseconds timeout)
	{
		std::uint64_t count = 0;
		const int err =
			::mmiod_interrupt_wait(native(), detail::timeout_of(timeout), &count);

		if (err == -ETIMEDOUT)
			return std::nullopt;
		detail::check(err, client_);
		return count;
	}

	void mask()
	{
		detail::check(::mmiod_interrupt_mask(native()), client_);
	}

	void unmask()
	{
		detail::check(::mmiod_interrupt_unmask(native()), client_);
	}

	/** Make it come without the device. */
	void trigger()
	{
		detail::check(::mmiod_interrupt_trigger(native()), client_);
	}

	/** Have it signal an eventfd as well; -1: none any more. */
	void set_eventfd(int fd)
	{
		detail::check(::mmiod_interrupt_set_eventfd(native(), fd), client_);
	}

	/** How often it came since it was leased. */
	std::uint64_t count() const
	{
		std::uint64_t count = 0;

		detail::check(::mmiod_interrupt_count(native(), &count), client_);
		return count;
	}

	/** Set of MMIOD_IRQ_* that hold now. */
	unsigned int flags() const
	{
		unsigned int flags = 0;

		detail::check(::mmiod_interrupt_flags(native(), &flags), client_);
		return flags;
	}

	mmiod::state state() const
	{
		::mmiod_state state{};

		detail::check(::mmiod_interrupt_state(native(), &state), client_);
		return static_cast<mmiod::state>(state);
	}

	/** Its file, owned by this object: POLLIN when it came. */
	int fd() const
	{
		return ::mmiod_interrupt_fd(native());
	}

	/** Of its lease, by which events name it. */
	std::uint64_t id() const
	{
		return ::mmiod_interrupt_lease(native());
	}

	irq_kind kind() const
	{
		return static_cast<irq_kind>(::mmiod_interrupt_kind(native()));
	}

	unsigned int vector() const
	{
		return ::mmiod_interrupt_vector(native());
	}

	/** How many are set up for the device. */
	unsigned int vectors() const
	{
		return ::mmiod_interrupt_vectors(native());
	}

	::mmiod_interrupt *native() const
	{
		return detail::held(interrupt_.get(), "interrupt");
	}

      private:
	friend class client;

	interrupt(::mmiod_interrupt *made, detail::origin client) noexcept
	    : interrupt_(made), client_(std::move(client))
	{
	}

	detail::owner<::mmiod_interrupt, ::mmiod_interrupt_free> interrupt_;
	detail::origin client_;
};

/* ---- operations ---- */

/**
 * The right to operate a device. The lease lasts as long as this object or another copy of its file
 * does; release() ends it before. Memory that was allocated for the device ends with it. In simulation
 * one that only reads the configuration space ends by release(), or with its client.
 */
class operation
{
      public:
	/** Holds nothing. */
	operation() noexcept = default;
	operation(operation &&) noexcept = default;
	operation &operator=(operation &&other) noexcept = default;

	explicit operator bool() const noexcept
	{
		return operation_ != nullptr;
	}

	void close() noexcept
	{
		operation_.reset();
	}

	/** Give it back now, whoever still has the file. It is held as before when this throws. */
	void release()
	{
		detail::check(::mmiod_operation_release(native()), client_);
		static_cast<void>(operation_.release());
	}

	/** One access of 8, 16 or 32 bits, aligned. Errors: see mmiod_operation_config_read8(). */
	template <class T> T read_config(unsigned int offset) const
	{
		T value{};

		check_width<T>();
		detail::check(read_native(offset, &value), client_);
		return value;
	}

	/** Likewise. EPERM: it changes bits that may not be changed, and nothing was written. */
	template <class T> void write_config(unsigned int offset, detail::value_of<T> value)
	{
		check_width<T>();
		detail::check(write_native(offset, value), client_);
	}

	/** Where the first capability with this @id is behind the one at @after; nothing: none is. */
	std::optional<unsigned int> find_capability(unsigned int id, unsigned int after = 0) const
	{
		unsigned int offset = 0;
		const int err = ::mmiod_operation_find_capability(native(), id, after, &offset);

		if (err == -ENOENT)
			return std::nullopt;
		detail::check(err, client_);
		return offset;
	}

	/** Let the device master the bus, or no more. ETIMEDOUT: it was suspended all the time. */
	void set_master(bool on, std::chrono::milliseconds timeout = forever)
	{
		detail::check(
			::mmiod_operation_set_master(native(), on, detail::timeout_of(timeout)),
			client_);
	}

	bool masters() const
	{
		int on = 0;

		detail::check(::mmiod_operation_masters(native(), &on), client_);
		return on != 0;
	}

	/** Reset it: how long it took. Bus mastering is off then. */
	std::chrono::microseconds reset(std::chrono::milliseconds timeout = forever)
	{
		std::uint64_t duration = 0;

		detail::check(
			::mmiod_operation_reset(native(), detail::timeout_of(timeout), &duration),
			client_);
		return std::chrono::microseconds(duration);
	}

	/** Put it to sleep, or wake it. */
	void set_power(mmiod::power wanted, std::chrono::milliseconds timeout = forever)
	{
		detail::check(::mmiod_operation_set_power(
				      native(), static_cast<enum ::mmiod_operation_power>(wanted),
				      detail::timeout_of(timeout)),
			      client_);
	}

	mmiod::power power() const
	{
		enum ::mmiod_operation_power now{};

		detail::check(::mmiod_operation_power(native(), &now), client_);
		return static_cast<mmiod::power>(now);
	}

	/**
	 * Memory that the device reaches by DMA, of @length bytes, where lease::iova() says; @iova:
	 * there, or not at all, 0: wherever there is room. @flags: MMIOD_OPERATION_DEVICE_READS,
	 * _CONNECTION.
	 */
	lease allocate(std::uint64_t length, std::uint64_t iova = 0, unsigned int flags = 0)
	{
		::mmiod_lease *made = nullptr;

		detail::check(::mmiod_operation_allocate(native(), length, iova, flags, &made),
			      client_);
		return lease(made, client_);
	}

	mmiod::state state() const
	{
		::mmiod_state state{};

		detail::check(::mmiod_operation_state(native(), &state), client_);
		return static_cast<mmiod::state>(state);
	}

	/** Those that were granted. */
	device_rights rights() const
	{
		return static_cast<device_rights>(::mmiod_operation_rights(native()));
	}

	/** Its file, owned by this object, whose content is the configuration space. */
	int fd() const
	{
		return ::mmiod_operation_fd(native());
	}

	/** Of its lease, by which events name it. */
	std::uint64_t id() const
	{
		return ::mmiod_operation_lease(native());
	}

	/** What names it beside its descriptor, in MMIOD_DEVICES. */
	std::string identity() const
	{
		char text[64];

		detail::check(::mmiod_operation_identity(native(), text, sizeof(text)), client_);
		return text;
	}

	::mmiod_operation *native() const
	{
		return detail::held(operation_.get(), "operation");
	}

	/** Take over an object of C. @client: whose it is; none: inherited, or its client is in C. */
	explicit operation(::mmiod_operation *made, detail::origin client = {}) noexcept
	    : operation_(made), client_(std::move(client))
	{
	}

      private:
	template <class T> static void check_width() noexcept
	{
		static_assert(detail::is_register<T> && sizeof(T) <= 4,
			      "configuration space is read and written by unsigned integers of 8, "
			      "16 or 32 bits");
	}

	int read_native(unsigned int offset, std::uint8_t *value) const
	{
		return ::mmiod_operation_config_read8(native(), offset, value);
	}
	int read_native(unsigned int offset, std::uint16_t *value) const
	{
		return ::mmiod_operation_config_read16(native(), offset, value);
	}
	int read_native(unsigned int offset, std::uint32_t *value) const
	{
		return ::mmiod_operation_config_read32(native(), offset, value);
	}

	int write_native(unsigned int offset, std::uint8_t value)
	{
		return ::mmiod_operation_config_write8(native(), offset, value);
	}
	int write_native(unsigned int offset, std::uint16_t value)
	{
		return ::mmiod_operation_config_write16(native(), offset, value);
	}
	int write_native(unsigned int offset, std::uint32_t value)
	{
		return ::mmiod_operation_config_write32(native(), offset, value);
	}

	detail::owner<::mmiod_operation, ::mmiod_operation_free> operation_;
	detail::origin client_;
};

/** The operation number @index that the environment names, of those of @device. */
inline operation inherited_operation(const std::string &device, std::size_t index = 0)
{
	::mmiod_operation *made = nullptr;

	detail::check(::mmiod_operation_inherited(device.c_str(), index, &made), {});
	return operation(made);
}

/* ---- what the client tells ---- */

struct event {
	event_type type;
	std::uint64_t lease; /**< id */
	std::chrono::milliseconds left; /**< revoke_asked, expiring */
	std::string text; /**< who and why; may be empty */
};

/** A region that the caller may see. */
struct region {
	std::string name;
	std::string device; /**< "0000:00:04.0", "range" or "simulation" */
	std::uint64_t length;
	unsigned int width; /**< declared; 0: any */
	mmiod::rights rights; /**< the caller's */
	mmiod::memtype memtype;
	mmiod::state state;
};

/** What asking for a lease would come to: see mmiod_client_explain(). */
struct decision {
	bool allowed;
	std::string grant; /**< the one that decides, or comes nearest */
	std::string text; /**< the decision as a sentence */
	std::string instead; /**< what would be allowed; "": nothing */
	int number; /**< 0, or the errno that asking would fail with now */
};

/** A request that stands in the daemon's queue while the program does other things. */
class pending
{
      public:
	/** Holds nothing. */
	pending() noexcept = default;
	pending(pending &&) noexcept = default;
	pending &operator=(pending &&other) noexcept = default;

	explicit operator bool() const noexcept
	{
		return wait_ != nullptr;
	}

	/** Readable when get() has an answer. */
	int fd() const
	{
		return ::mmiod_wait_fd(native());
	}

	/**
	 * The lease, if there is an answer. Throws what client::lease() throws, ETIMEDOUT included.
	 * After the lease or an exception it holds nothing.
	 */
	std::optional<mmiod::lease> get()
	{
		::mmiod_lease *made = nullptr;
		const int result = ::mmiod_wait_finish(native(), &made, nullptr);

		if (result == -EAGAIN)
			return std::nullopt;
		static_cast<void>(wait_.release()); /* the library has freed it */
		detail::check(result, client_);
		return mmiod::lease(made, client_);
	}

	/** Wait no more, and give back what was granted meanwhile. */
	void cancel() noexcept
	{
		wait_.reset();
	}

	::mmiod_wait *native() const
	{
		return detail::held(wait_.get(), "request");
	}

      private:
	friend class client;

	pending(::mmiod_wait *wait, detail::origin client) noexcept
	    : wait_(wait), client_(std::move(client))
	{
	}

	detail::owner<::mmiod_wait, ::mmiod_wait_cancel> wait_;
	detail::origin client_;
};

namespace detail
{

/* A want as C has it. It points into itself, so it stays where it was made. */
class c_want
{
      public:
	explicit c_want(const want &wanted)
	{
		char sentence[256] = "";

		if (::mmiod_target_parse(wanted.target.c_str(), &target_, sentence,
					 sizeof(sentence)))
			throw error(EINVAL, sentence);
		for (const write_at_end &one : wanted.on_end)
			writes_.push_back({ one.offset, one.value, one.width, 0, { 0, 0 } });
		value_.region = target_.region;
		value_.offset = target_.offset + wanted.offset;
		value_.length = length_of(wanted);
		value_.rights = static_cast<unsigned int>(wanted.rights);
		value_.cache = static_cast<::mmiod_memtype>(wanted.memtype);
		value_.width = wanted.width ? wanted.width : target_.width;
		value_.share = static_cast<::mmiod_share>(wanted.share);
		value_.lease_ms = milliseconds_of(wanted.time);
		value_.on_end = writes_.data();
		value_.on_end_count = writes_.size();
		value_.for_uid = wanted.for_user.value_or(0);
		value_.flags = (wanted.dummy ? MMIOD_WANT_DUMMY : 0U) |
			       (wanted.connection ? MMIOD_WANT_CONNECTION : 0U) |
			       (wanted.for_user ? MMIOD_WANT_FOR : 0U);
	}
	c_want(const c_want &) = delete;
	c_want &operator=(const c_want &) = delete;
	~c_want() = default;

	const ::mmiod_want &value() const noexcept
	{
		return value_;
	}

      private:
	std::uint64_t length_of(const want &wanted) const
	{
		if (wanted.offset > UINT64_MAX - target_.offset)
			throw error(EINVAL, "offset " + hex(wanted.offset) + ": there is no such");
		if (wanted.length || !target_.length)
			return wanted.length;
		if (wanted.offset >= target_.length)
			throw error(EINVAL, "offset " + hex(wanted.offset) + " leaves the " +
						    hex(target_.length) + " bytes of " +
						    wanted.target);
		return target_.length - wanted.offset;
	}

	::mmiod_target target_{};
	::mmiod_want value_{};
	std::vector<::mmiod_register_write> writes_;
};

inline ::mmiod_allocation c_allocation(const allocation &wanted)
{
	::mmiod_allocation value{};

	value.memory = static_cast<::mmiod_memory>(wanted.memory);
	value.region = wanted.region.empty() ? nullptr : wanted.region.c_str();
	value.length = wanted.length;
	value.align = wanted.align;
	value.low = wanted.low;
	value.high = wanted.high;
	value.node = wanted.node ? *wanted.node + 1 : 0;
	value.zone = static_cast<::mmiod_memory_zone>(wanted.zone);
	value.rights = static_cast<unsigned int>(wanted.rights);
	value.cache = static_cast<::mmiod_memtype>(wanted.memtype);
	value.width = wanted.width;
	value.flags = wanted.flags;
	value.lease_ms = milliseconds_of(wanted.time);
	value.max_extents = wanted.max_extents;
	return value;
}

} // namespace detail

/* ---- client ---- */

/** A connection to the daemon. What was leased by it outlives it; in simulation it does not. */
class client
{
      public:
	/**
	 * @socket: the daemon's; nullptr: MMIOD_SOCKET of the environment, or the usual one. Throws if
	 * nobody listens there; a daemon that does not let the client in says why to the first call.
	 */
	explicit client(const char *socket = nullptr)
	{
		::mmiod_client *made = nullptr;

		detail::check(::mmiod_client_connect(socket, &made), {});
		client_.reset(made, detail::deleter<::mmiod_client_free>());
	}
	explicit client(const std::string &socket) : client(socket.c_str())
	{
	}
	client(client &&) noexcept = default;
	client &operator=(client &&) noexcept = default;
	client(const client &) = delete;
	client &operator=(const client &) = delete;
	~client() = default;

	/** Whether it holds a connection. */
	explicit operator bool() const noexcept
	{
		return client_ != nullptr;
	}

	void close() noexcept
	{
		client_.reset();
	}

	/** One lease: "fpga-ctrl", "fpga-ctrl+0x40/0x10:32", "0000:01:00.0/bar2+0x1000/4K". */
	mmiod::lease lease(const std::string &target, mmiod::rights rights = ro)
	{
		mmiod::want wanted;

		wanted.target = target;
		wanted.rights = rights;
		return lease(wanted);
	}

	mmiod::lease lease(const want &wanted)
	{
		const detail::c_want asked(wanted);
		::mmiod_lease *made = nullptr;

		check(::mmiod_client_lease_many(native(), &asked.value(), 1, 0, &made, nullptr));
		return mmiod::lease(made, client_);
	}

	/** All of them, at most 16, or none. */
	std::vector<mmiod::lease> lease_all(const std::vector<want> &wanted)
	{
		std::vector<std::unique_ptr<detail::c_want>> kept;
		std::vector<::mmiod_want> asked;
		std::vector<::mmiod_lease *> made(wanted.size());
		std::vector<mmiod::lease> leases;

		for (const want &one : wanted) {
			kept.push_back(std::make_unique<detail::c_want>(one));
			asked.push_back(kept.back()->value());
		}
		leases.reserve(wanted.size());
		check(::mmiod_client_lease_many(native(), asked.data(), asked.size(),
						MMIOD_LEASE_ALL, made.data(), nullptr));
		for (::mmiod_lease *one : made)
			leases.emplace_back(one, client_);
		return leases;
	}

	/** Ask, and wait for up to @wait for what others hold, without blocking. */
	pending ask(const want &wanted, std::chrono::milliseconds wait)
	{
		const detail::c_want asked(wanted);
		::mmiod_wait *made = nullptr;

		check(::mmiod_wait_start(native(), &asked.value(), 1, 0,
					 detail::milliseconds_of(wait), &made));
		return pending(made, client_);
	}

	mmiod::lease allocate(const allocation &wanted)
	{
		const ::mmiod_allocation asked = detail::c_allocation(wanted);
		::mmiod_lease *made = nullptr;

		check(::mmiod_client_allocate(native(), &asked, &made));
		return mmiod::lease(made, client_);
	}

	/** @flags: MMIOD_IRQ_ONESHOT, _MASKED, _CONNECTION. */
	mmiod::interrupt interrupt(const std::string &device, unsigned int vector = 0,
				   irq_kind kind = irq_kind::standard, unsigned int flags = 0)
	{
		::mmiod_interrupt *made = nullptr;

		check(::mmiod_client_interrupt(native(), device.c_str(),
					       static_cast<::mmiod_irq_kind>(kind), vector, flags,
					       &made));
		return mmiod::interrupt(made, client_);
	}

	/** @flags: MMIOD_OPERATION_CONNECTION. Errors: see mmiod_client_operate(). */
	mmiod::operation operate(const std::string &device, device_rights rights,
				 unsigned int flags = 0)
	{
		::mmiod_operation *made = nullptr;

		check(::mmiod_client_operate(native(), device.c_str(),
					     static_cast<unsigned int>(rights), flags, &made));
		return mmiod::operation(made, client_);
	}

	/**
	 * How long lease(), lease_all(), interrupt() and operate() wait for what others hold; 0: not
	 * at all.
	 */
	void set_wait(std::chrono::milliseconds wait)
	{
		::mmiod_client_set_wait(native(), detail::milliseconds_of(wait));
	}

	/** From another thread or a signal handler: the call that waits throws ECANCELED. */
	void cancel() noexcept
	{
		if (client_)
			::mmiod_client_cancel(client_.get());
	}

	/** Give a lease back by its number, by force: see mmiod_client_release(). */
	void release(std::uint64_t lease)
	{
		check(::mmiod_client_release(native(), lease));
	}

	/** Administrators: take a lease, and ask its holder before if there is time. */
	void revoke(std::uint64_t lease, std::chrono::milliseconds ask = {})
	{
		check(::mmiod_client_revoke(native(), lease, detail::milliseconds_of(ask)));
	}

	/**
	 * Keep leases that are closed from now on for who leases the same again, for so long; zero: not
	 * at all. See mmiod_client_set_parking(). EINVAL: more than an hour.
	 */
	void set_parking(std::chrono::milliseconds time)
	{
		const auto count = time.count();

		check(::mmiod_client_set_parking(native(),
						 count < 0 || count > UINT32_MAX
							 ? UINT32_MAX
							 : static_cast<std::uint32_t>(count)));
	}

	/** Readable when next_event() has something to do. Owned by this object. */
	int event_fd() const
	{
		return check(::mmiod_client_event_fd(native()));
	}

	/** Take an event if there is one. ECONNRESET, once: the daemon went away. */
	std::optional<event> next_event()
	{
		::mmiod_event told{};

		if (!check(::mmiod_client_next_event(native(), &told)))
			return std::nullopt;
		return event{ static_cast<event_type>(told.type), told.lease,
			      std::chrono::milliseconds(told.deadline_ms), told.text };
	}

	/** The daemon, as it describes itself. */
	::mmiod_status status()
	{
		::mmiod_status status{};

		check(::mmiod_client_status(native(), &status));
		return status;
	}

	std::vector<region> regions()
	{
		::mmiod_region_list *made = nullptr;

		check(::mmiod_client_list_regions(native(), &made));
		const detail::owner<::mmiod_region_list, ::mmiod_region_list_free> list(made);
		std::vector<region> regions;

		for (std::size_t i = 0; i < ::mmiod_region_list_count(made); i++) {
			const ::mmiod_region *one = ::mmiod_region_list_get(made, i);

			regions.push_back({ detail::text_of(::mmiod_region_name(one)),
					    detail::text_of(::mmiod_region_device(one)),
					    ::mmiod_region_length(one), ::mmiod_region_width(one),
					    static_cast<rights>(::mmiod_region_rights(one)),
					    static_cast<memtype>(::mmiod_region_memtype(one)),
					    static_cast<state>(::mmiod_region_state(one)) });
		}
		return regions;
	}

	/** What lease() would come to now, and which rule decides. Nothing is taken. */
	decision explain(const std::string &target, mmiod::rights rights = ro)
	{
		mmiod::want wanted;

		wanted.target = target;
		const detail::c_want asked(wanted);
		::mmiod_policy_question question{};
		::mmiod_policy_answer answer{};

		question.region = asked.value().region;
		question.offset = asked.value().offset;
		question.length = asked.value().length;
		question.rights = static_cast<unsigned int>(rights);
		check(::mmiod_client_explain(native(), &question, &answer));
		return { answer.allowed != 0, answer.grant, answer.text, answer.instead,
			 answer.error < 0 ? -answer.error : answer.error };
	}

	::mmiod_client *native() const
	{
		return detail::held(client_.get(), "client");
	}

      private:
	int check(int result) const
	{
		return detail::check(result, client_);
	}

	detail::connection client_;
};

/* ---- views ---- */

/** A descriptor that is closed with the object. */
class file
{
      public:
	/** Holds nothing. */
	file() noexcept = default;
	explicit file(int fd) noexcept : fd_(fd)
	{
	}
	file(file &&other) noexcept : fd_(other.release())
	{
	}
	file &operator=(file &&other) noexcept
	{
		if (this != &other) {
			close();
			fd_ = other.release();
		}
		return *this;
	}
	~file()
	{
		close();
	}

	explicit operator bool() const noexcept
	{
		return fd_ >= 0;
	}

	/** -1: it holds nothing. */
	int get() const noexcept
	{
		return fd_;
	}

	/** The caller's from now on. */
	int release() noexcept
	{
		return std::exchange(fd_, -1);
	}

	void close() noexcept
	{
		if (fd_ >= 0)
			::close(release());
	}

      private:
	int fd_ = -1;
};

enum class view_kind : unsigned int {
	file = MMIOD_VIEW_FILE, /**< a regular file, such as a BAR's in sysfs */
	phys = MMIOD_VIEW_PHYS, /**< /dev/mem: offsets are physical addresses */
	uio = MMIOD_VIEW_UIO, /**< a UIO node */
};

/** All pages of a lease's window, at @offset of a view: see struct mmiod_view_part. */
inline ::mmiod_view_part part_of(const lease &lease, std::uint64_t offset = 0)
{
	::mmiod_view_part part{};

	part.offset = offset;
	part.length = lease.length();
	part.fd = lease.fd();
	return part;
}

/** A file that shows windows as a program expects them: see mmiod_view_create(). */
inline file make_view(view_kind kind, const std::vector<::mmiod_view_part> &parts,
		      const ::mmiod_view_options &options = {})
{
	char sentence[256] = "";
	int fd = -1;
	const int err =
		::mmiod_view_create(static_cast<::mmiod_view_kind>(kind), parts.data(),
				    parts.size(), &options, &fd, sentence, sizeof(sentence));

	if (err)
		detail::fail(err, std::string(sentence));
	return file(fd);
}

} // namespace mmiod

#endif
