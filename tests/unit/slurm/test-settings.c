/* SPDX-License-Identifier: MIT */
/* The arguments of plugstack.conf. */
#include "plugin.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct settings settings;
static char error[SENTENCE_MAX];

#define READ(...)                                                                           \
	settings_read(&settings, (int)(sizeof((char *[]){ __VA_ARGS__ }) / sizeof(char *)), \
		      (char *[]){ __VA_ARGS__ }, error)

static void says(const char *words)
{
	cr_assert(strstr(error, words), "\"%s\" is not in: %s", words, error);
}

Test(settings, without_arguments_a_job_gets_nothing)
{
	cr_assert_eq(settings_read(&settings, 0, NULL, error), 0);
	cr_assert_eq(settings.map_count, 0);
	cr_assert_eq(settings.rights, MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE);
	cr_assert_eq(settings.share, MMIOD_SHARE_DEFAULT);
	cr_assert_eq(settings.grace_min, 5);
	cr_assert_not(settings.no_limit);
	cr_assert_null(settings.socket);
}

Test(settings, all_of_them_are_read)
{
	cr_assert_eq(READ("gres=mmio:fpga0:fpga0-*,shm", "gres=daq:*:daq", "access=r",
			  "share=guest", "grace=90", "socket=/run/%n/sock"),
		     0, "%s", error);
	cr_assert_eq(settings.map_count, 2);
	cr_assert_str_eq(settings.maps[0].name, "mmio");
	cr_assert_str_eq(settings.maps[0].type, "fpga0");
	cr_assert_str_eq(settings.maps[0].patterns, "fpga0-*,shm");
	cr_assert_str_eq(settings.maps[1].type, "*");
	cr_assert_eq(settings.rights, MMIOD_RIGHT_READ);
	cr_assert_eq(settings.share, MMIOD_SHARE_GUEST);
	cr_assert_eq(settings.grace_min, 90);
	cr_assert_eq(READ("grace=never"), 0);
	cr_assert(settings.no_limit);
}

Test(settings, what_is_malformed_is_refused_with_the_rule)
{
	char *bad[] = { "gres=mmio",	 "gres=mmio:fpga0", "gres=mmio:fpga0:",
			"gres=:fpga0:a", "gres=mmio::a",    "gres=mmio:fpga0:a:ro" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cr_assert_eq(READ(bad[i]), -EINVAL, "%s", bad[i]);
		says(bad[i]);
		says("NAME:TYPE:REGIONS");
	}
	cr_assert_eq(READ("access=w"), -EINVAL);
	says("write r or rw");
	cr_assert_eq(READ("share=alone"), -EINVAL);
	says("shared-read");
	cr_assert_eq(READ("grace=5min"), -EINVAL);
	says("minutes");
	cr_assert_eq(READ("grace=999999999"), -EINVAL);
	cr_assert_eq(READ("socket=mmiod.sock"), -EINVAL);
	says("from / on");
	cr_assert_eq(READ("gres=mmio:a:b", "region=x"), -EINVAL);
	says("there is no \"region=x\"");
}

Test(settings, there_may_be_64_maps_and_no_more)
{
	char *many[MAPS_MAX + 1];

	for (size_t i = 0; i <= MAPS_MAX; i++)
		many[i] = "gres=mmio:fpga0:a";
	cr_assert_eq(settings_read(&settings, MAPS_MAX, many, error), 0);
	cr_assert_eq(settings_read(&settings, MAPS_MAX + 1, many, error), -EINVAL);
	says("more than 64");
}

Test(settings, a_socket_may_name_the_node)
{
	const char *socket;
	char path[32];

	cr_assert_eq(READ("socket=/run/mmiod-%n/sock"), 0);
	cr_assert_eq(settings_socket(&settings, "n7", path, sizeof(path), &socket), 0);
	cr_assert_str_eq(socket, "/run/mmiod-n7/sock");
	cr_assert_eq(
		settings_socket(&settings, "a-name-that-does-not-fit", path, sizeof(path), &socket),
		-ENAMETOOLONG);
	cr_assert_eq(READ("socket=/run/sock"), 0);
	cr_assert_eq(settings_socket(&settings, "n7", path, sizeof(path), &socket), 0);
	cr_assert_str_eq(socket, "/run/sock");
	cr_assert_eq(READ("access=r"), 0);
	cr_assert_eq(settings_socket(&settings, "n7", path, sizeof(path), &socket), 0);
	cr_assert_null(socket);
}
