/* SPDX-License-Identifier: MIT */
/* Which regions a job gets for the GRES that slurmctld says it has. */
#include "plugin.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct settings settings;
static struct patterns patterns;
static char error[SENTENCE_MAX], joined[512];

static const char *get(const char *detail)
{
	cr_assert_eq(gres_patterns(&settings, detail, &patterns, error), 0, "%s", error);
	joined[0] = '\0';
	for (size_t i = 0; i < patterns.count; i++)
		sprintf(joined + strlen(joined), "%s%s", i ? " " : "", patterns.text[i]);
	return joined;
}

#define MAP(...)                                                                              \
	cr_assert_eq(settings_read(&settings,                                                 \
				   (int)(sizeof((char *[]){ __VA_ARGS__ }) / sizeof(char *)), \
				   (char *[]){ __VA_ARGS__ }, error),                         \
		     0, "%s", error)

Test(gres, a_type_gives_its_own_regions_only)
{
	MAP("gres=mmio:fpga0:fpga0-*,shm0", "gres=mmio:fpga1:fpga1-*", "gres=mmio:fpga10:fpga10-*");
	cr_assert_str_eq(get("mmio:fpga0:1(CNT:1)"), "fpga0-* shm0");
	cr_assert_str_eq(get("mmio:fpga1:1"), "fpga1-*");
	cr_assert_str_eq(get("mmio:fpga10:1"), "fpga10-*");
	cr_assert_str_eq(get("mmio:fpga1:1(CNT:1),mmio:fpga10:2(CNT:2)"), "fpga1-* fpga10-*");
	cr_assert_str_eq(get("mmio:fpga:1"), "");
	cr_assert_str_eq(get("mmi:fpga0:1"), "");
	cr_assert_str_eq(get("mmiod:fpga0:1"), "");
}

Test(gres, commas_and_colons_in_parentheses_are_nobodys)
{
	MAP("gres=mmio:fpga0:a", "gres=nic:*:b");
	cr_assert_str_eq(get("gpu:tesla:2(IDX:0,1),mmio:fpga0:1(CNT:1)"), "a");
	cr_assert_str_eq(get("gpu:2(IDX:0,mmio:fpga0:1,nic:1)"), "");
	cr_assert_str_eq(get("gpu:2(IDX:0-1"), "");
}

Test(gres, any_type_includes_none)
{
	MAP("gres=mmio:*:a");
	cr_assert_str_eq(get("mmio:fpga0:1"), "a");
	cr_assert_str_eq(get("mmio:1(CNT:1)"), "a");
	cr_assert_str_eq(get("mmio"), "a");
}

Test(gres, a_count_is_no_type)
{
	MAP("gres=mmio:1:a");
	cr_assert_str_eq(get("mmio:1"), "");
	cr_assert_str_eq(get("mmio:1:1"), "a");
}

Test(gres, none_of_a_kind_is_nothing)
{
	MAP("gres=mmio:*:a");
	cr_assert_str_eq(get("mmio:fpga0:0"), "");
	cr_assert_str_eq(get("mmio:0(CNT:0)"), "");
	cr_assert_str_eq(get("mmio:fpga0:10"), "a");
	cr_assert_str_eq(get(""), "");
	cr_assert_str_eq(get(NULL), "");
	cr_assert_str_eq(get(",,"), "");
}

Test(gres, what_two_maps_give_is_given_once)
{
	MAP("gres=mmio:*:common,a", "gres=mmio:fpga0:common,b");
	cr_assert_str_eq(get("mmio:fpga0:1,mmio:fpga0:1"), "common a b");
}

Test(gres, more_regions_than_a_grant_may_have_are_an_error)
{
	char *maps[MAPS_MAX], text[MAPS_MAX][40];

	for (int i = 0; i < MAPS_MAX; i++) {
		sprintf(text[i], "gres=mmio:*:a%d,b%d", i, i);
		maps[i] = text[i];
	}
	cr_assert_eq(settings_read(&settings, MAPS_MAX, maps, error), 0);
	cr_assert_eq(gres_patterns(&settings, "mmio:1", &patterns, error), -EINVAL);
	cr_assert(strstr(error, "at most 64 regions"), "%s", error);
}
