/* SPDX-License-Identifier: MIT */
/*
 * mmioctl doctor: why does it not work? Goes the way from the kernel to the caller, says of each
 * step whether it is in order, and how to put it there. Works with nothing running. Nothing is
 * changed.
 */
#include "system/sysfs.h"
#include "verb.h"
#include "verbs/doctor.h"

#include <errno.h>
#include <string.h>

/* ---- the daemon's view ---- */

static void tell_stale(struct doctor *doctor, const struct mmiod_region *region)
{
	finding(doctor, RESULT_WARN, "region",
		"mmioctl leases shows who keeps it, mmioctl revoke ends that; \"revoke-on-reload = "
		"yes\" in [daemon] does so at each reload",
		"region %s is stale: leases keep what it was before the configuration was read "
		"again, and nobody gets a new one",
		mmiod_region_name(region));
}

static void check_ends(struct doctor *doctor, const struct mmiod_status *status)
{
	if (status->leases_ending)
		finding(doctor, RESULT_WARN, "leases",
			"mmioctl status says what could not be written, and why; it is tried again "
			"until the device takes it or is unbound",
			"%u leases have ended, but nobody may have their bytes yet",
			status->leases_ending);
}

static void tell_missing(struct doctor *doctor, const struct mmiod_region *region)
{
	bool range = !strcmp(mmiod_region_device(region), "range");

	finding(doctor, RESULT_FAIL, "region",
		range ? "mmioctl status says why"
		      : "mmioctl status says why; mmioctl devices, mmioctl bind",
		"region %s is missing: its %s", mmiod_region_name(region),
		range ? "addresses could not be claimed"
		      : "device is not there or not bound to mmiod");
}

static void check_regions(struct doctor *doctor, const struct mmiod_status *status)
{
	struct mmiod_region_list *list;
	size_t missing = 0, usable = 0;

	if (mmiod_client_list_regions(doctor->context->client, &list)) {
		finding(doctor, RESULT_FAIL, "regions", NULL,
			"the daemon does not list regions: %s",
			mmiod_client_error(doctor->context->client));
		return;
	}
	for (size_t i = 0; i < mmiod_region_list_count(list); i++) {
		const struct mmiod_region *region = mmiod_region_list_get(list, i);

		usable += mmiod_region_rights(region) != 0;
		if (mmiod_region_state(region) == MMIOD_STATE_STALE)
			tell_stale(doctor, region);
		if (mmiod_region_state(region) != MMIOD_STATE_REVOKED)
			continue;
		missing++;
		tell_missing(doctor, region);
	}
	if (!missing && mmiod_region_list_count(list))
		finding(doctor, RESULT_OK, "regions", NULL,
			"all %zu regions that you may see are there",
			mmiod_region_list_count(list));
	if (!usable && !status->admin)
		finding(doctor, RESULT_WARN, "policy",
			"an administrator adds a [grant NAME] to /etc/mmiod, or you to its group "
			"(then log in again)",
			"policy gives uid %u no region", status->uid);
	else if (!mmiod_region_list_count(list))
		finding(doctor, RESULT_WARN, "regions",
			"write a [region NAME] in /etc/mmiod/mmiod.conf.d",
			"no region is configured");
	mmiod_region_list_free(list);
}

#define VENDOR_VIRTIO 0x1af4

static void check_isolation(struct doctor *doctor, const struct mmiod_device *device)
{
	const char *name = mmiod_device_name(device);

	if (!mmiod_device_isolated(device))
		finding(doctor, RESULT_WARN, "dma",
			"switch on IOMMU and interrupt remapping in the firmware and on the "
			"kernel's "
			"command line (intel_iommu=on); mmioctl operate says what is missing",
			"device %s is to have DMA by an IOMMU, and none isolates it: nobody gets "
			"it",
			name);
	else if (mmiod_device_vendor(device) == VENDOR_VIRTIO)
		finding(doctor, RESULT_NOTE, "dma", "see dma in mmiod.conf(5)",
			"device %s is one of virtio's, which passes by the machine's IOMMU unless "
			"it "
			"was started with iommu_platform=on: that cannot be seen from inside",
			name);
}

static void check_dma_of(struct doctor *doctor, const struct mmiod_device *device)
{
	const char *name = mmiod_device_name(device);

	if (mmiod_device_dma(device) == MMIOD_DMA_TRUSTED)
		finding(doctor, RESULT_WARN, "dma",
			"let its section say \"dma = iommu\" if an IOMMU isolates it",
			"device %s is trusted with DMA: who may write its registers can have it "
			"read "
			"and write all memory",
			name);
	else if (mmiod_device_dma(device) == MMIOD_DMA_IOMMU &&
		 mmiod_device_state(device) != MMIOD_STATE_REVOKED)
		check_isolation(doctor, device);
	if (mmiod_device_graves(device))
		finding(doctor, RESULT_NOTE, "dma", "mmioctl reset, if it can be",
			"%llu bytes are kept for device %s, which may still write there",
			(unsigned long long)mmiod_device_graves(device), name);
}

/* A daemon that is older than devices has none. */
static void check_dma(struct doctor *doctor)
{
	struct mmiod_device_list *list;

	if (mmiod_client_list_devices(doctor->context->client, &list))
		return;
	for (size_t i = 0; i < mmiod_device_list_count(list); i++)
		check_dma_of(doctor, mmiod_device_list_get(list, i));
	mmiod_device_list_free(list);
}

/* Before all else, because what a simulation says changes what matters. */
static int ask_daemon(struct doctor *doctor)
{
	struct context *context = doctor->context;
	int err = mmiod_client_connect(context->socket, &context->client);

	if (!err)
		err = mmiod_client_status(context->client, &doctor->status);
	doctor->simulation = !err && doctor->status.backend == MMIOD_BACKEND_SIMULATION;
	return err;
}

static void tell_no_daemon(struct doctor *doctor, int err)
{
	const char *fix = "systemctl enable --now mmiod.socket mmiod.service; journalctl -u mmiod "
			  "says why it does not start";

	if (err == -EACCES)
		fix = "join the group that owns the socket (ls -l says which)";
	else if (doctor->context->client)
		fix = "systemctl restart mmiod";
	finding(doctor, RESULT_FAIL, "daemon", fix, "%s",
		mmiod_client_error(doctor->context->client));
}

static void check_daemon(struct doctor *doctor, int err)
{
	const struct mmiod_status *status = &doctor->status;

	if (err) {
		tell_no_daemon(doctor, err);
		return;
	}
	finding(doctor, RESULT_OK, "daemon", NULL, "mmiod %s answers, and takes you for uid %u%s",
		status->version, status->uid,
		status->admin	  ? ", an administrator"
		: status->inspect ? ", who may inspect"
				  : "");
	if (strcmp(status->version, mmiod_version()))
		finding(doctor, RESULT_NOTE, "version", NULL, "mmioctl is %s, the daemon %s",
			mmiod_version(), status->version);
	if (status->warning[0])
		finding(doctor, doctor->simulation ? RESULT_NOTE : RESULT_WARN, "warning", NULL,
			"the daemon warns: %s", status->warning);
	check_regions(doctor, status);
	check_dma(doctor);
	check_ends(doctor, status);
}

/* ---- devices ---- */

/* A function is reached only if it decodes memory, and all the bridges above it. */
static void check_decoding(struct doctor *doctor, const struct pci_function *function)
{
	char fix[256], bridge[20];

	snprintf(fix, sizeof(fix), "setpci -s %s COMMAND=0002:0002", function->address);
	if (function->command == 0xffff) {
		finding(doctor, RESULT_FAIL, "decoding", "reset or re-plug the device",
			"%s does not answer: its configuration space reads as ones",
			function->address);
		return;
	}
	if (function->command >= 0 && !(function->command & 2)) {
		finding(doctor, RESULT_FAIL, "decoding", fix,
			"%s: memory decoding is off (COMMAND 0x%04x): every read gives ones",
			function->address, function->command);
		return;
	}
	if (!find_mute_bridge(function->address, bridge, sizeof(bridge))) {
		finding(doctor, RESULT_OK, "decoding", NULL,
			"%s is bound to mmiod and decodes memory", function->address);
		return;
	}
	snprintf(fix, sizeof(fix), "setpci -s %s COMMAND=0002:0002", bridge);
	finding(doctor, RESULT_FAIL, "decoding", fix,
		"%s: memory decoding of the bridge %s above it is off: no access reaches it",
		function->address, bridge);
}

static void check_device(struct doctor *doctor, const struct pci_function *function)
{
	bool bound = !strcmp(function->driver, "mmiod");
	char fix[256];

	if (!bound && !strcmp(function->override, "mmiod")) {
		snprintf(fix, sizeof(fix), "mmioctl bind %s", function->address);
		finding(doctor, RESULT_FAIL, "binding", fix,
			"%s is meant for mmiod, but bound to %s%s", function->address,
			function->driver[0] ? "driver " : "no driver", function->driver);
	}
	if (!bound)
		return;
	doctor->bound++;
	check_decoding(doctor, function);
}

static void check_devices(struct doctor *doctor)
{
	struct pci_functions functions;
	char path[512];

	snprintf(path, sizeof(path), "%s/bus/pci/devices", sys_directory());
	if (access(path, R_OK)) {
		finding(doctor, RESULT_NOTE, "devices", NULL, "this machine has no PCI bus");
		return;
	}
	if (read_functions(doctor->context, &functions))
		return;
	for (size_t i = 0; i < functions.count; i++)
		check_device(doctor, &functions.items[i]);
	if (!doctor->bound)
		finding(doctor, RESULT_NOTE, "binding",
			"mmioctl devices, then mmioctl bind ADDRESS",
			"none of %zu PCI functions is bound to mmiod", functions.count);
	free_functions(&functions);
}

/* ---- the verb ---- */

static int print_summary(struct doctor *doctor)
{
	int status = doctor->counts[RESULT_FAIL] ? STATUS_FAILED : STATUS_OK;
	int err;

	if (!doctor->context->json) {
		printf("%u ok, %u notes, %u warnings, %u failed\n", doctor->counts[RESULT_OK],
		       doctor->counts[RESULT_NOTE], doctor->counts[RESULT_WARN],
		       doctor->counts[RESULT_FAIL]);
		return status;
	}
	err = json_output(json_pack("{s:i, s:O, s:b}", "schema", JSON_SCHEMA, "findings",
				    doctor->findings, "good", !doctor->counts[RESULT_FAIL]));
	return err ? err : status;
}

static int verb_doctor(struct context *context, int argc, char **argv)
{
	struct doctor doctor = { .context = context, .findings = json_array() };
	int status, err = ask_daemon(&doctor);

	check_kernel(&doctor);
	check_configuration(&doctor);
	check_devices(&doctor);
	check_daemon(&doctor, err);
	status = print_summary(&doctor);
	json_decref(doctor.findings);
	return status;
}

const struct verb doctor_verb = {
	.name = "doctor",
	.arguments = "",
	.summary = "what is wrong, and how to put it right",
	.group = GROUP_TROUBLE,
	.run = verb_doctor,
	.examples = { { "doctor", "module, node, configuration, devices, daemon, your rights" } },
	.more = "Exit status 1 if anything failed. It needs neither daemon nor module nor root,\n"
		"and changes nothing.",
};
