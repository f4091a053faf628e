/* SPDX-License-Identifier: MIT */
/*
 * Between values and the words that people read and write. Pure functions over text, but for the
 * user's name.
 */
#include "output/output.h"

#include <assert.h>
#include <pwd.h>
#include <string.h>
#include <time.h>
#include <common/size.h>
#include <common/word.h>

const char *rights_word(unsigned int rights)
{
	static const char *const words[] = { "-", "r", "w", "rw" };

	return words[rights & (MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE)];
}

static_assert(MMIOD_MEMTYPE_UC == 1 && MMIOD_MEMTYPE_WC == 2 && MMIOD_MEMTYPE_WB == 3 &&
		      MMIOD_MEMTYPE_WT == 4 && MMIOD_MEMTYPE_WP == 5 && MMIOD_MEMTYPE_UC_MINUS == 6,
	      "common_memtype_words");
static_assert(MMIOD_SHARE_EXCLUSIVE == 1 && MMIOD_SHARE_READ == 2 && MMIOD_SHARE_WRITE == 3 &&
		      MMIOD_SHARE_GUEST == 4,
	      "common_share_words");
static_assert(MMIOD_MEMORY_REGION == 0 && MMIOD_MEMORY_PAGES == 1 && MMIOD_MEMORY_KMALLOC == 2 &&
		      MMIOD_MEMORY_VMALLOC == 3 && MMIOD_MEMORY_DMA == 4,
	      "common_memory_words");

const char *memtype_word(enum mmiod_memtype memtype)
{
	return common_word(common_memtype_words, memtype, "-");
}

const char *share_word(enum mmiod_share share)
{
	return common_word(common_share_words, share, "-");
}

const char *memory_word(enum mmiod_memory memory)
{
	return common_word(common_memory_words, memory, "-");
}

/* A device may have the name of a region, and its vectors are no bytes of that. */
bool lease_is_in_region(const struct mmiod_lease_info *info, const char *region)
{
	return mmiod_lease_info_memory(info) == MMIOD_MEMORY_REGION &&
	       mmiod_lease_info_kind(info) == MMIOD_KIND_WINDOW &&
	       !strcmp(mmiod_lease_info_region(info), region);
}

/* What a lease is of: of memory, which kind. */
const char *lease_kind_word(enum mmiod_lease_kind kind, enum mmiod_memory memory)
{
	switch (kind) {
	case MMIOD_KIND_DEVICE:
		return "device";
	case MMIOD_KIND_INTERRUPT:
		return "interrupt";
	default:
		return memory_word(memory);
	}
}

/* Whether windows of it can be mapped, as far as its place is known. */
bool region_owns_pages(const struct mmiod_region *region)
{
	uint64_t start = mmiod_region_phys(region), page = mmiod_page_size();

	if (mmiod_region_is_ports(region))
		return false;
	if (!start)
		start = mmiod_region_offset(region);
	return !(start % page) && mmiod_region_length(region) >= page;
}

const char *state_word(enum mmiod_state state)
{
	switch (state) {
	case MMIOD_STATE_OK:
		return "ok";
	case MMIOD_STATE_SUSPENDED:
		return "suspended";
	case MMIOD_STATE_ENDING:
		return "ending";
	case MMIOD_STATE_STALE:
		return "stale";
	default:
		return "revoked";
	}
}

/* One that is parked is to whoever looks for bytes as good as none. */
const char *lease_state_word(const struct mmiod_lease_info *info)
{
	return mmiod_lease_info_parked(info) ? "parked" : state_word(mmiod_lease_info_state(info));
}

/* MMIOD_MEMORY_REGION: it is no word for a kind of kernel memory. */
enum mmiod_memory memory_of_word(const char *text)
{
	for (enum mmiod_memory kind = MMIOD_MEMORY_PAGES; kind <= MMIOD_MEMORY_DMA; kind++)
		if (!strcmp(text, memory_word(kind)))
			return kind;
	return MMIOD_MEMORY_REGION;
}

const char *zone_word(enum mmiod_memory_zone zone)
{
	switch (zone) {
	case MMIOD_MEMORY_BELOW_16M:
		return "dma";
	case MMIOD_MEMORY_BELOW_4G:
		return "dma32";
	default:
		return "any";
	}
}

void memtypes_words(unsigned int memtypes, char *out, size_t size)
{
	size_t length = 0;

	out[0] = '\0';
	for (unsigned int i = MMIOD_MEMTYPE_UC; i <= MMIOD_MEMTYPE_WB; i++)
		if (memtypes & 1u << i && length < size)
			length += (size_t)snprintf(out + length, size - length, "%s%s",
						   length ? "," : "", memtype_word(i));
}

/* Each look into the user database opens a file at least: names are kept while the program runs. */
void user_name(uint32_t uid, char *out, size_t size)
{
	static struct {
		uint32_t uid;
		char name[64];
	} known[64];
	size_t slot = uid % (sizeof(known) / sizeof(known[0]));
	const struct passwd *user;

	if (!known[slot].name[0] || known[slot].uid != uid) {
		user = getpwuid(uid);
		known[slot].uid = uid;
		if (user)
			snprintf(known[slot].name, sizeof(known[slot].name), "%s", user->pw_name);
		else
			snprintf(known[slot].name, sizeof(known[slot].name), "%u", uid);
	}
	snprintf(out, size, "%s", known[slot].name);
}

/* Exact where it is a whole number of units, one decimal otherwise. */
void size_words(uint64_t bytes, char *out, size_t size)
{
	static const char units[] = "BKMGTPE";
	unsigned int unit = 0;

	while (unit + 2 < sizeof(units) && bytes >> (10 * (unit + 1)))
		unit++;
	if (!unit)
		snprintf(out, size, "%lluB", (unsigned long long)bytes);
	else if (bytes & ((1ull << 10 * unit) - 1))
		snprintf(out, size, "%.1f%c", (double)bytes / (double)(1ull << 10 * unit),
			 units[unit]);
	else
		snprintf(out, size, "%llu%c", (unsigned long long)(bytes >> 10 * unit),
			 units[unit]);
}

void age_words(uint64_t seconds, char *out, size_t size)
{
	unsigned long long s = seconds;

	if (s < 60)
		snprintf(out, size, "%llus", s);
	else if (s < 3600)
		snprintf(out, size, "%llumin%02llus", s / 60, s % 60);
	else if (s < 86400)
		snprintf(out, size, "%lluh%02llumin", s / 3600, s / 60 % 60);
	else
		snprintf(out, size, "%llud%02lluh", s / 86400, s / 3600 % 24);
}

void nanosecond_words(uint64_t nanoseconds, char *out, size_t size)
{
	static const char *const units[] = { "ns", "us", "ms" };
	double number = (double)nanoseconds;
	size_t unit = 0;

	while (unit < 2 && number >= 1000) {
		number /= 1000;
		unit++;
	}
	snprintf(out, size, unit ? "%.1f%s" : "%.0f%s", number, units[unit]);
}

void time_words(uint64_t seconds, char *out, size_t size)
{
	time_t when = (time_t)seconds;
	struct tm tm;

	if (!localtime_r(&when, &tm) || !strftime(out, size, "%Y-%m-%d %H:%M:%S", &tm))
		snprintf(out, size, "-");
}

void target_words(const char *region, uint64_t offset, uint64_t length, char *out, size_t size)
{
	if (offset == UINT64_MAX) /* in several places, of which no target tells */
		snprintf(out, size, "%s", region);
	else
		snprintf(out, size, "%s+0x%llx/0x%llx", region, (unsigned long long)offset,
			 (unsigned long long)length);
}

/* A bare number is seconds. */
int parse_duration(const char *text, uint32_t *milliseconds)
{
	return common_duration(text, 1000, milliseconds);
}
