/* SPDX-License-Identifier: MIT */
/*
 * What a job runs: says which windows it was given, writes the job's number into each that it may
 * write, and sees to it that the number stays there, as it does unless somebody else has the window.
 * Then it waits until the file that its argument names is there, if it has one.
 */
#include <mmiod/mmiod.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PLACE 0x20
#define ROUNDS 200

static int use(struct mmiod_lease *lease, uint32_t job)
{
	uint32_t value = 0;
	int err = 0;

	if (mmiod_lease_rights(lease) & MMIOD_RIGHT_WRITE)
		err = mmiod_lease_write(lease, PLACE, 4, 1, &job);
	for (int i = 0; !err && i < ROUNDS; i++) {
		err = mmiod_lease_read(lease, PLACE, 4, 1, &value);
		if (!err && mmiod_lease_rights(lease) & MMIOD_RIGHT_WRITE && value != job)
			return printf("somebody wrote %u\n", value), 1;
	}
	return err ? printf("%d: %s\n", err, mmiod_client_error(NULL)), 1 : 0;
}

static int say(size_t index, uint32_t job)
{
	struct mmiod_lease *lease;
	int err = mmiod_inherited(NULL, index, &lease);

	if (err)
		return printf("%d: %s\n", err, mmiod_client_error(NULL)), 1;
	printf("window of 0x%llx bytes at 0x%llx, %s\n",
	       (unsigned long long)mmiod_lease_length(lease),
	       (unsigned long long)mmiod_lease_offset(lease),
	       mmiod_lease_rights(lease) & MMIOD_RIGHT_WRITE ? "rw" : "r");
	err = use(lease, job);
	mmiod_lease_free(lease);
	return err;
}

int main(int argc, char **argv)
{
	const char *job = getenv("SLURM_JOB_ID"), *windows = getenv("MMIOD_WINDOWS");
	size_t count = mmiod_inherited_count();
	int result = 0;

	printf("job %s on %s: %zu windows, %s\n", job, getenv("SLURMD_NODENAME"), count,
	       windows ? windows : "none named");
	for (size_t i = 0; i < count; i++)
		result |= say(i, (uint32_t)strtoul(job, NULL, 10));
	fflush(stdout);
	while (argc > 1 && access(argv[1], F_OK))
		usleep(20000);
	return result;
}
