// SPDX-License-Identifier: MIT
/*
 * Binding, on a directory that looks like sysfs and a kernel that does what drivers do when their
 * files are written.
 */
#include <criterion/criterion.h>
#include <string.h>
#include <sys/stat.h>
#include "daemon/bind-command.h"
#include "support/files.h"

#define CARD 0x0100u /* 0000:01:00.0 */
#define NAME "0000:01:00.0"
#define DEVICE "sys/bus/pci/devices/" NAME "/"

static struct binder binder;
static char sysfs[160], said[1024], buffer[TEXT_MAX];
static struct text why;
static int busy; /* so often the BARs are still another's */
static const char *native; /* the driver that drivers_probe finds, NULL: none */
static int writes;

/* ---- the kernel ------------------------------------------------------------------------------ */

static const char *content(const char *name)
{
	static char line[128];
	FILE *file = fopen(files_path(name), "re");

	line[0] = '\0';
	if (file && fgets(line, sizeof(line), file))
		line[strcspn(line, "\n")] = '\0';
	if (file)
		fclose(file);
	return line;
}

static const char *driver(void)
{
	static char target[128];
	ssize_t n = readlink(files_path(DEVICE "driver"), target, sizeof(target) - 1);

	if (n < 0)
		return "";
	target[n] = '\0';
	return strrchr(target, '/') + 1;
}

static void set_driver(const char *name)
{
	char target[128];

	unlink(files_path(DEVICE "driver"));
	if (!name)
		return;
	snprintf(target, sizeof(target), "../../../../bus/pci/drivers/%s", name);
	cr_assert_eq(symlink(target, files_path(DEVICE "driver")), 0);
}

static bool ends(const char *path, const char *end)
{
	size_t length = strlen(path), n = strlen(end);

	return length >= n && !strcmp(path + length - n, end);
}

static int write_sysfs(const char *path, const char *value)
{
	const char *override;

	writes++;
	if (ends(path, "/driver_override")) {
		files_write(DEVICE "driver_override", 0644, value[0] == '\n' ? "(null)\n" : value);
		return 0;
	}
	cr_assert_str_eq(value, NAME);
	override = content(DEVICE "driver_override");
	if (ends(path, "/unbind")) {
		set_driver(NULL);
	} else if (ends(path, "/drivers/mmiod/bind")) {
		if (strcmp(override, "mmiod"))
			return -ENODEV;
		if (driver()[0] || busy-- > 0)
			return -EBUSY;
		set_driver("mmiod");
	} else {
		cr_assert(ends(path, "/drivers_probe"));
		set_driver(strcmp(override, "(null)") ? override : native);
	}
	return 0;
}

static void start(void)
{
	files_make();
	files_mkdir("sys", 0755);
	files_mkdir("sys/bus", 0755);
	files_mkdir("sys/bus/pci", 0755);
	files_mkdir("sys/bus/pci/drivers", 0755);
	files_mkdir("sys/bus/pci/drivers/mmiod", 0755);
	files_mkdir("sys/bus/pci/devices", 0755);
	files_mkdir(DEVICE, 0755);
	files_write(DEVICE "driver_override", 0644, "(null)\n");
	files_write(DEVICE "class", 0644, "0x058000\n");
	snprintf(sysfs, sizeof(sysfs), "%s", files_path("sys"));
	binder = (struct binder){
		.sysfs = sysfs,
		.write = write_sysfs,
		.patience_ms = 1000,
		.output = fmemopen(said, sizeof(said), "w"),
	};
	setbuf(binder.output, NULL);
	why = TEXT_ON(buffer);
	text_reset(&why);
	busy = writes = 0;
	native = NULL;
}

static void stop(void)
{
	fclose(binder.output);
	files_remove();
}

TestSuite(bind, .init = start, .fini = stop);

static void says(const char *part)
{
	cr_assert(strstr(buffer, part), "\"%s\" does not say \"%s\"", buffer, part);
}

/* ---- bind ------------------------------------------------------------------------------------ */

Test(bind, takes_a_device_that_nobody_has)
{
	cr_assert_eq(bind_device(&binder, CARD, &why), 0, "%s", buffer);
	cr_assert_str_eq(driver(), "mmiod");
	cr_assert_str_eq(content(DEVICE "driver_override"), "mmiod");
	cr_assert_str_eq(said, NAME " is bound to mmiod\n");
}

Test(bind, names_the_driver_that_has_it_and_touches_nothing)
{
	set_driver("nvme");
	cr_assert_eq(bind_device(&binder, CARD, &why), -EEXIST);
	says("bound to driver nvme");
	cr_assert_eq(writes, 0);
	cr_assert_str_eq(driver(), "nvme");
}

Test(bind, takes_it_from_another_driver_by_force)
{
	set_driver("nvme");
	binder.force = true;
	cr_assert_eq(bind_device(&binder, CARD, &why), 0, "%s", buffer);
	cr_assert_str_eq(driver(), "mmiod");
	cr_assert_str_eq(said, NAME " is bound to mmiod, and no longer to nvme\n");
}

Test(bind, bears_an_old_driver_that_lets_go_of_its_regions_late)
{
	set_driver("nvme");
	binder.force = true;
	busy = 3;
	cr_assert_eq(bind_device(&binder, CARD, &why), 0, "%s", buffer);
	cr_assert_str_eq(driver(), "mmiod");
}

Test(bind, gives_up_in_the_end_and_undoes_what_it_did)
{
	set_driver("nvme");
	native = "nvme";
	binder.force = true;
	binder.patience_ms = 100;
	busy = 1000;
	cr_assert_eq(bind_device(&binder, CARD, &why), -EBUSY);
	says("cannot bind " NAME);
	cr_assert_str_eq(driver(), "nvme");
	cr_assert_str_eq(content(DEVICE "driver_override"), "(null)");
}

Test(bind, twice_is_no_error_and_makes_sure_that_it_lasts)
{
	set_driver("mmiod");
	cr_assert_eq(bind_device(&binder, CARD, &why), 0);
	cr_assert_str_eq(content(DEVICE "driver_override"), "mmiod");
	cr_assert_str_eq(said, NAME " is bound to mmiod already\n");
}

Test(bind, refuses_what_is_not_there)
{
	cr_assert_eq(bind_device(&binder, 0x0200u, &why), -ENOENT);
	says("0000:02:00.0");
}

Test(bind, refuses_without_the_module_and_says_how_to_load_it)
{
	rmdir(files_path("sys/bus/pci/drivers/mmiod"));
	cr_assert_eq(bind_device(&binder, CARD, &why), -ENXIO);
	says("modprobe mmiod");
	cr_assert_eq(writes, 0);
}

Test(bind, refuses_bridges_even_by_force)
{
	files_write(DEVICE "class", 0644, "0x060400\n");
	binder.force = true;
	cr_assert_eq(bind_device(&binder, CARD, &why), -EINVAL);
	says("bridge");
	cr_assert_eq(writes, 0);
}

Test(bind, refuses_a_function_that_has_virtual_ones_even_by_force)
{
	files_write(DEVICE "sriov_numvfs", 0644, "2\n");
	binder.force = true;
	cr_assert_eq(bind_device(&binder, CARD, &why), -EBUSY);
	says("has 2 virtual functions");
	cr_assert_eq(writes, 0);
	files_write(DEVICE "sriov_numvfs", 0644, "0\n");
	cr_assert_eq(bind_device(&binder, CARD, &why), 0);
}

static int refuse_to_write(const char *path, const char *value)
{
	return -EACCES;
}

Test(bind, says_that_it_is_for_root)
{
	binder.write = refuse_to_write;
	cr_assert_eq(bind_device(&binder, CARD, &why), -EACCES);
	says("root");
}

Test(bind, only_says_what_it_would_do)
{
	char expected[1024];

	set_driver("nvme");
	binder.force = binder.dry_run = true;
	cr_assert_eq(bind_device(&binder, CARD, &why), 0);
	snprintf(expected, sizeof(expected),
		 "echo mmiod >%1$s/bus/pci/devices/" NAME "/driver_override\n"
		 "echo " NAME " >%1$s/bus/pci/drivers/nvme/unbind\n"
		 "echo " NAME " >%1$s/bus/pci/drivers/mmiod/bind\n",
		 binder.sysfs);
	cr_assert_str_eq(said, expected);
	cr_assert_eq(writes, 0);
}

/* ---- unbind ---------------------------------------------------------------------------------- */

Test(bind, unbinding_gives_it_back_to_its_own_driver)
{
	native = "nvme";
	cr_assert_eq(bind_device(&binder, CARD, &why), 0);
	cr_assert_eq(unbind_device(&binder, CARD, &why), 0);
	cr_assert_str_eq(driver(), "nvme");
	cr_assert_str_eq(content(DEVICE "driver_override"), "(null)");
	cr_assert(strstr(said, NAME " is bound to driver nvme\n"));
}

Test(bind, unbinding_says_that_no_driver_wants_it)
{
	cr_assert_eq(bind_device(&binder, CARD, &why), 0);
	cr_assert_eq(unbind_device(&binder, CARD, &why), 0);
	cr_assert_str_eq(driver(), "");
	cr_assert(strstr(said, "no driver"));
}

Test(bind, unbinding_leaves_other_drivers_alone)
{
	set_driver("nvme");
	cr_assert_eq(unbind_device(&binder, CARD, &why), -EINVAL);
	says("not bound to mmiod, but to driver nvme");
	cr_assert_eq(writes, 0);
}

Test(bind, unbinding_takes_an_override_away_that_never_took_effect)
{
	files_write(DEVICE "driver_override", 0644, "mmiod\n");
	cr_assert_eq(unbind_device(&binder, CARD, &why), 0);
	cr_assert_str_eq(content(DEVICE "driver_override"), "(null)");
}

/* ---- the commands ---------------------------------------------------------------------------- */

static int run(enum bind_verb verb, int count, const char **addresses)
{
	struct config_paths paths = { .main = files_path("mmiod.conf") };
	struct bind_command command = {
		.verb = verb,
		.binder = binder,
		.addresses = (char *const *)addresses,
		.count = count,
		.directory = files_path("run/bind"),
	};

	return bind_run(&command, &paths);
}

Test(bind, addresses_may_leave_out_the_domain_or_name_the_bus)
{
	cr_assert_eq(run(BIND_BIND, 1, (const char *[]){ "01:00.0" }), 0);
	cr_assert_eq(run(BIND_BIND, 1, (const char *[]){ "pci:0000:01:00.0" }), 0);
	cr_assert_eq(run(BIND_BIND, 1, (const char *[]){ "pci:01:00.0" }), 0);
	cr_assert_eq(run(BIND_UNBIND, 1, (const char *[]){ NAME }), 0);
}

Test(bind, a_function_of_another_domain_is_not_taken_for_the_one_with_the_same_lower_half)
{
	cr_assert_eq(run(BIND_BIND, 1, (const char *[]){ "10000:01:00.0" }), 3);
	cr_assert_eq(run(BIND_BIND, 1, (const char *[]){ "pci:5d0505:01:00.0" }), 3);
	cr_assert_eq(bind_device(&binder, 0x100000000ull | CARD, &why), -ENOENT);
	cr_assert_not_null(strstr(buffer, "10000:01:00.0"), "%s", buffer);
	cr_assert_eq(writes, 0);
}

Test(bind, bad_addresses_are_a_usage_error_before_anything_is_done)
{
	static const char *const bad[] = { "", "1:0", "01:00.8", "01:20.0", "x", "../01:00.0" };

	cr_assert_eq(run(BIND_BIND, 0, NULL), 2);
	for (size_t i = 0; i < array_size(bad); i++)
		cr_assert_eq(run(BIND_BIND, 2, (const char *[]){ NAME, bad[i] }), 2, "%s", bad[i]);
	cr_assert_eq(writes, 0);
}

Test(bind, each_failure_has_its_exit_status_and_the_others_are_tried)
{
	cr_assert_eq(run(BIND_BIND, 2, (const char *[]){ "02:00.0", NAME }), 3);
	cr_assert_str_eq(driver(), "mmiod");
	set_driver("nvme");
	cr_assert_eq(run(BIND_BIND, 1, (const char *[]){ NAME }), 5);
	binder.write = refuse_to_write;
	set_driver(NULL);
	cr_assert_eq(run(BIND_BIND, 1, (const char *[]){ NAME }), 4);
	rmdir(files_path("sys/bus/pci/drivers/mmiod"));
	cr_assert_eq(run(BIND_BIND, 1, (const char *[]){ NAME }), 6);
}

static void configure(const char *how)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "[region regs]\ndevice = pci:" NAME "\nbar = 0\n%s\n"
		 "[region away]\ndevice = pci:0000:07:00.0\nbar = 0\nbind = yes\n"
		 "[region others]\ndevice = 10ee:9038\nbar = 0\nbind = yes\n"
		 "[region mem]\nphys = 0x30000000\nsize = 4K\n",
		 how);
	files_write("mmiod.conf", 0644, text);
}

Test(bind, the_configuration_says_which_devices_are_bound)
{
	configure("");
	cr_assert_eq(run(BIND_CONFIGURED, 0, NULL), 0);
	cr_assert_str_eq(driver(), "");
	configure("bind = yes");
	cr_assert_eq(run(BIND_CONFIGURED, 0, NULL), 0, "a device that is not there is no failure");
	cr_assert_str_eq(driver(), "mmiod");
}

Test(bind, the_configuration_says_whether_another_driver_matters)
{
	set_driver("nvme");
	configure("bind = yes");
	cr_assert_eq(run(BIND_CONFIGURED, 0, NULL), 5);
	cr_assert_str_eq(driver(), "nvme");
	configure("bind = force");
	cr_assert_eq(run(BIND_CONFIGURED, 0, NULL), 0);
	cr_assert_str_eq(driver(), "mmiod");
}

Test(bind, of_those_configured_only_the_named_are_bound)
{
	configure("bind = yes");
	cr_assert_eq(run(BIND_CONFIGURED, 1, (const char *[]){ "0000:07:00.0" }), 0);
	cr_assert_str_eq(driver(), "");
	cr_assert_eq(run(BIND_CONFIGURED, 1, (const char *[]){ NAME }), 0);
	cr_assert_str_eq(driver(), "mmiod");
}

Test(bind, notes_for_udev_say_what_is_configured_now)
{
	configure("bind = yes");
	files_mkdir("run", 0755);
	files_mkdir("run/bind", 0755);
	files_write("run/bind/0000:09:00.0", 0644, "");
	cr_assert_eq(run(BIND_CONFIGURED, 0, NULL), 0);
	cr_assert_eq(access(files_path("run/bind/" NAME), F_OK), 0);
	cr_assert_eq(access(files_path("run/bind/0x10ee:0x9038"), F_OK), 0);
	cr_assert_neq(access(files_path("run/bind/0000:09:00.0"), F_OK), 0);
	configure("");
	cr_assert_eq(run(BIND_CONFIGURED, 0, NULL), 0);
	cr_assert_neq(access(files_path("run/bind/" NAME), F_OK), 0);
}

Test(bind, a_bad_configuration_binds_nothing)
{
	configure("bind = perhaps");
	cr_assert_eq(run(BIND_CONFIGURED, 0, NULL), 78);
	cr_assert_eq(writes, 0);
}

Test(bind, a_device_is_bound_as_its_own_section_says)
{
	files_write("mmiod.conf", 0644, "[device card]\ndevice = pci:" NAME "\nbind = yes\n");
	files_mkdir("run", 0755);
	files_mkdir("run/bind", 0755);
	cr_assert_eq(run(BIND_CONFIGURED, 0, NULL), 0);
	cr_assert_str_eq(driver(), "mmiod");
	cr_assert_eq(access(files_path("run/bind/" NAME), F_OK), 0);
	set_driver("nvme");
	cr_assert_eq(run(BIND_CONFIGURED, 0, NULL), 5);
	cr_assert_str_eq(driver(), "nvme");
}
