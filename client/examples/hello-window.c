/* SPDX-License-Identifier: MIT */
/*
 * hello-window: write a message into device memory.
 *
 *	hello-window [REGION[+OFFSET][/LENGTH] [MESSAGE]]
 *
 * The shortest whole use of libmmiod: connect, lease a window, map it, write through the mapping,
 * flush, read back, unmap, free. Once the window is mapped, neither the daemon nor the kernel takes
 * part in a store: it goes straight to the device. Nothing outside the window can be reached
 * through the mapping.
 *
 * Without arguments it takes one page of the region "shm" at 0x1000, the page that the QEMU test
 * rig shares with its host, so that the message can be read outside the guest.
 *
 * Build: cc hello-window.c $(pkg-config --cflags --libs mmiod)
 */
#include <mmiod/mmiod.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "hello-window: %s: %s\n", what, why);
	return 1;
}

static int greet(struct mmiod_mapping *mapping, const char *message)
{
	volatile void *window = mmiod_mapping_address(mapping);
	size_t size = strlen(message) + 1;
	char readback[256];

	if (size > mmiod_mapping_length(mapping) || size > sizeof(readback))
		return fail(message, "too long");
	/* Not strcpy(): the C library may store in ways that devices do not take. */
	mmiod_copy_to_window(window, message, size);
	/*
	 * With write-combining, stores wait in the processor until they are flushed; reading back
	 * proves arrival.
	 */
	mmiod_wc_flush();
	mmiod_copy_from_window(readback, window, size);
	if (memcmp(readback, message, size))
		return fail("reading back", "not what was written");
	printf("wrote \"%s\"\n", readback);
	return 0;
}

int main(int argc, char **argv)
{
	const char *message = argc > 2 ? argv[2] : "hello from an unprivileged process";
	struct mmiod_client *client;
	struct mmiod_mapping *mapping;
	struct mmiod_target target;
	struct mmiod_lease *lease;
	char error[256];
	int result;

	if (mmiod_target_parse(argc > 1 ? argv[1] : "shm+0x1000/4K", &target, error, sizeof(error)))
		return fail("target", error);
	if (mmiod_client_connect(NULL, &client))
		return fail("connect", mmiod_client_error(NULL));
	if (mmiod_client_lease(client, target.region, target.offset, target.length,
			       MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE, &lease))
		return fail("lease", mmiod_client_error(client));
	printf("lease %llu: 0x%llx bytes of %s at 0x%llx\n",
	       (unsigned long long)mmiod_lease_id(lease),
	       (unsigned long long)mmiod_lease_length(lease), target.region,
	       (unsigned long long)mmiod_lease_offset(lease));
	if (mmiod_lease_map(lease, 0, &mapping))
		return fail("map", mmiod_client_error(client));

	result = greet(mapping, message);

	mmiod_mapping_free(mapping);
	mmiod_lease_free(lease);
	mmiod_client_free(client);
	return result;
}
