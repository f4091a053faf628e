/* SPDX-License-Identifier: MIT */
/*
 * A program that was given windows: says how many there are and what that of the target it is told
 * is, and writes into it, or says why there is none.
 */
#include <mmiod/mmiod.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	uint32_t value = 0x600df00d;
	struct mmiod_lease *lease;
	int err;

	printf("%zu windows, ", mmiod_inherited_count());
	err = mmiod_inherited(argv[1], 0, &lease);
	if (!err)
		err = mmiod_lease_write(lease, 0x10, 4, 1, &value);
	if (err) {
		printf("%d: %s\n", err, mmiod_client_error(NULL));
		return 1;
	}
	printf("%s+0x%llx/0x%llx of %u bytes, %s\n", argv[1],
	       (unsigned long long)mmiod_lease_offset(lease),
	       (unsigned long long)mmiod_lease_length(lease), mmiod_lease_width(lease),
	       mmiod_lease_rights(lease) & MMIOD_RIGHT_WRITE ? "rw" : "r");
	mmiod_lease_free(lease);
	return 0;
}
