// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include <string.h>
#include "daemon/hotplug.h"
#include "support/rig.h"

static const char config[] = "[region slot]\ndevice = pci:0000:01:00.0\nbar = 0\n"
			     "[region make]\ndevice = 10ee:abcd\nbar = 0\n"
			     "[device card]\ndevice = pci:0000:02:00.0\n"
			     "[region ram]\nphys = 0x30000000\nsize = 4K\n";

static struct hotplug hotplug;

static void start(void)
{
	rig_start(config);
	hotplug_open(&hotplug, &rig);
}

static void stop(void)
{
	hotplug_close(&hotplug);
	rig_stop();
}

TestSuite(hotplug, .init = start, .fini = stop);

Test(hotplug, only_configured_devices_concern_it)
{
	cr_assert(hotplug_concerns(rig.broker.config, "0000:01:00.0", "1AF4:1110"));
	cr_assert(hotplug_concerns(rig.broker.config, "0000:09:00.0", "10EE:ABCD"));
	cr_assert(hotplug_concerns(rig.broker.config, "0000:02:00.0", "1AF4:1110"));
	cr_assert_not(hotplug_concerns(rig.broker.config, "0000:01:00.1", "10EE:ABCE"));
}

Test(hotplug, what_an_event_does_not_say_may_concern_it)
{
	cr_assert(hotplug_concerns(rig.broker.config, NULL, "1AF4:1110"));
	cr_assert(hotplug_concerns(rig.broker.config, "0000:09:00.0", NULL));
}

Test(hotplug, many_events_make_it_look_once_and_soon)
{
	unsigned int before = rig_fake.rescans;

	for (int i = 0; i < 16; i++)
		hotplug_note(&hotplug);
	rig_wait(300);
	cr_assert_eq(rig_fake.rescans, before + 1);
}

Test(hotplug, a_steady_stream_of_events_does_not_put_the_look_off_for_ever)
{
	unsigned int before = rig_fake.rescans;

	for (int i = 0; i < 200 && rig_fake.rescans == before; i++) {
		hotplug_note(&hotplug);
		rig_wait(20);
	}
	cr_assert_gt(rig_fake.rescans, before);
}

Test(hotplug, simulation_has_none)
{
	struct hotplug none;

	stop();
	rig_start_simulation("[region r]\nsize = 4K\n");
	hotplug_open(&none, &rig);
	cr_assert_null(none.monitor);
	hotplug_close(&none);
	rig_stop();
	start();
}
