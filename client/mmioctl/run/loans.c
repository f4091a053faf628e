/* SPDX-License-Identifier: MIT */
/*
 * Each range is leased once, whatever number of files show it: two exclusive leases of one client
 * would refuse each other. A loan is given back when nobody but the supervisor has its window any
 * more, so that a shell inside of run does not keep for hours what one command used for a moment.
 */
#include "run/loans.h"
#include "system/sysfs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void loan_resolve(const struct mmiod_region_list *list, struct mmiod_target *target)
{
	const struct mmiod_region *region = mmiod_region_list_find(list, target);

	if (!region)
		return;
	if (strchr(target->region, '/'))
		target->offset -= mmiod_region_offset(region);
	snprintf(target->region, sizeof(target->region), "%s", mmiod_region_name(region));
	if (!target->length && target->offset < mmiod_region_length(region))
		target->length = mmiod_region_length(region) - target->offset;
}

uint64_t loan_address(const struct mmiod_region *region)
{
	int index = mmiod_region_bar(region);
	struct pci_bar bar;

	if (mmiod_region_phys(region))
		return mmiod_region_phys(region);
	if (index < 0 || !read_function_bar(mmiod_region_device(region), (unsigned int)index, &bar))
		return 0;
	return bar.start + mmiod_region_offset(region);
}

static bool is_lost(const struct loan *loan)
{
	enum mmiod_state state;

	return mmiod_lease_state(loan->lease, &state) || state == MMIOD_STATE_REVOKED;
}

static bool covers(const struct loan *loan, const struct mmiod_target *target,
		   enum mmiod_memtype memtype)
{
	uint64_t start = mmiod_lease_offset(loan->lease);
	uint64_t length = mmiod_lease_length(loan->lease);

	return !strcmp(loan->region, target->region) && target->offset >= start &&
	       target->offset - start < length &&
	       target->length <= length - (target->offset - start) && target->length &&
	       (memtype == MMIOD_MEMTYPE_DEFAULT || memtype == loan->memtype);
}

/* In simulation by RELEASE, with the module by its last file. */
static void give_back(const struct loans *loans, struct loan *loan)
{
	if (!loans->simulated || mmiod_lease_release(loan->lease))
		mmiod_lease_free(loan->lease);
	free(loan);
}

static void remove_loan(struct loans *loans, struct loan **place)
{
	struct loan *loan = *place;

	*place = loan->next;
	give_back(loans, loan);
}

static bool is_unused(const struct loans *loans, const struct loan *loan)
{
	return !loans->simulated && mmiod_lease_users(loan->lease) == 0;
}

/* One that has too few rights and is in nobody's hands makes room for one that has enough. */
static struct loan *find_loan(struct loans *loans, const struct mmiod_target *target,
			      unsigned int rights, enum mmiod_memtype memtype)
{
	struct loan **place = &loans->first;

	while (*place) {
		struct loan *loan = *place;
		bool fits = covers(loan, target, memtype);
		bool enough = !(rights & ~mmiod_lease_rights(loan->lease));

		if (fits && enough && !is_lost(loan))
			return loan;
		if (is_lost(loan) || (fits && is_unused(loans, loan)))
			remove_loan(loans, place);
		else
			place = &loan->next;
	}
	return NULL;
}

static int add_loan(struct loans *loans, const char *region, enum mmiod_memtype memtype,
		    struct mmiod_lease *lease, struct loan **added)
{
	struct loan *loan = calloc(1, sizeof(*loan));

	if (!loan) {
		mmiod_lease_free(lease);
		return -ENOMEM;
	}
	loan->lease = lease;
	loan->memtype = memtype;
	snprintf(loan->region, sizeof(loan->region), "%s", region);
	loan->next = loans->first;
	loans->first = loan;
	if (added)
		*added = loan;
	return 0;
}

static struct mmiod_want want_of(const struct loans *loans, const struct mmiod_target *target,
				 unsigned int rights, enum mmiod_memtype memtype)
{
	return (struct mmiod_want){
		.region = target->region,
		.offset = target->offset,
		.length = target->length,
		.rights = rights,
		.cache = memtype,
		.width = target->width,
		.share = loans->options->lease.share,
		.grant = loans->options->lease.grant,
	};
}

int loan_take(struct loans *loans, const struct mmiod_target *target, unsigned int rights,
	      enum mmiod_memtype memtype, struct mmiod_wait **wait, struct loan **loan)
{
	struct mmiod_client *client = loans->context->client;
	const struct given *patience = &loans->options->lease.wait;
	struct mmiod_lease *lease;
	struct mmiod_want want;
	int n;

	*loan = find_loan(loans, target, rights, memtype);
	if (*loan)
		return 0;
	want = want_of(loans, target, rights, memtype);
	n = mmiod_client_lease_many(client, &want, 1, 0, &lease, NULL);
	if (n == -EBUSY && wait && patience->is) {
		n = mmiod_wait_start(client, &want, 1, 0, (uint32_t)patience->value, wait);
		return n ? n : -EINPROGRESS;
	}
	return n < 0 ? n : add_loan(loans, target->region, memtype, lease, loan);
}

int loan_finish(struct loans *loans, const char *region, enum mmiod_memtype memtype,
		struct mmiod_wait *wait)
{
	struct mmiod_lease *lease;
	int n = mmiod_wait_finish(wait, &lease, NULL);

	return n < 0 ? n : add_loan(loans, region, memtype, lease, NULL);
}

bool loan_is_used(const struct loans *loans, const struct mmiod_target *target)
{
	for (const struct loan *loan = loans->first; loan; loan = loan->next)
		if (covers(loan, target, MMIOD_MEMTYPE_DEFAULT) && !is_unused(loans, loan))
			return true;
	return false;
}

void loans_return(struct loans *loans)
{
	struct loan **place = &loans->first;

	if (loans->options->keep || loans->simulated)
		return;
	while (*place) {
		if (is_unused(loans, *place) || is_lost(*place))
			remove_loan(loans, place);
		else
			place = &(*place)->next;
	}
}

void loans_drop(struct loans *loans)
{
	while (loans->first)
		remove_loan(loans, &loans->first);
}
