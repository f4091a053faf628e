// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include <string.h>
#include "daemon/config/policy.h"
#include "support/configuration.h"
#include "support/files.h"

TestSuite(device_keys, .init = files_make, .fini = files_remove);

static struct config *simulate(const char *content)
{
	const struct config_paths paths = {
		.simulation = files_write("simulation.conf", 0644, content),
	};

	return load(&paths);
}

static bool warns_of(const struct config *config, const char *words)
{
	for (size_t i = 0; i < config->n_warnings; i++)
		if (strstr(config->warnings[i], words))
			return true;
	return false;
}

#define DEVICE "[device nvme0]\ndevice = pci:0000:01:00.0\n"

Test(device_keys, a_device_has_all_that_its_section_says)
{
	struct config *config =
		load_text(DEVICE "bind = yes\ninterrupts = msix\nvectors = 8\ndma = trusted\n"
				 "storm = 200k/s\n"
				 "[device edu]\ndevice = 1234:11e8\ninterrupts = auto\n"
				 "dma-engine = no\nstorm = 5000/s\n");
	const struct config_function *function = config_find_function(config, "nvme0");

	cr_assert_eq(config->n_functions, 2u);
	cr_assert_eq(function->device, CONFIG_DEVICE_SLOT);
	cr_assert_eq(function->pci, MMIOD_PCI_ADDR(0, 1, 0, 0));
	cr_assert_eq(function->bind, CONFIG_BIND_YES);
	cr_assert_eq(function->interrupts, CONFIG_INTERRUPTS_MSIX);
	cr_assert_eq(function->vectors, 8u);
	cr_assert_eq(function->dma, CONFIG_DMA_TRUSTED);
	cr_assert(function->dma_engine, "unless it says no");
	cr_assert_eq(function->storm, 20000u, "in 100 ms");
	function = config_find_function(config, "edu");
	cr_assert_eq(function->device, CONFIG_DEVICE_IDS);
	cr_assert_eq(function->vendor, 0x1234u);
	cr_assert_not(function->dma_engine);
	cr_assert_eq(function->storm, 500u);
	cr_assert_null(config_find_function(config, "nothing"));
	config_free(config);
}

Test(device_keys, a_device_interrupts_only_if_it_says_so)
{
	struct config *config = load_text(DEVICE);
	const struct config_function *function = config_find_function(config, "nvme0");

	cr_assert_eq(function->interrupts, CONFIG_INTERRUPTS_NONE);
	cr_assert_eq(function->dma, CONFIG_DMA_NONE);
	config_free(config);
}

Test(device_keys, the_best_of_a_device_without_dma_is_its_line)
{
	struct config *config =
		load_text(DEVICE "interrupts = auto\n"
				 "[device b]\ndevice = 1234:11e8\ninterrupts = auto\n"
				 "dma-engine = no\n");

	cr_assert_eq(config_best_interrupts(config_find_function(config, "nvme0")),
		     CONFIG_INTERRUPTS_INTX);
	cr_assert_eq(config_best_interrupts(config_find_function(config, "b")),
		     CONFIG_INTERRUPTS_AUTO);
	config_free(config);
}

Test(device_keys, a_value_that_breaks_its_rule_is_refused_with_the_rule)
{
	refused_text("[device a]\ndevice = 01:00\n", 2, "\"01:00\"|pci:DDDD:BB:DD.F");
	refused_text("[device a]\ninterrupts = msx\n", 2, "\"msx\"|did you mean \"msi");
	refused_text("[device a]\nvectors = 0\n", 2, "\"0\"|1 to 2048");
	refused_text("[device a]\nvectors = 2049\n", 2, "1 to 2048");
	refused_text("[device a]\ndma = all\n", 2, "\"all\"|none, iommu|or trusted");
	refused_text("[device a]\ndma-bits = 23\n", 2, "\"23\"|24 to 64");
	refused_text("[device a]\nstorm = 200k\n", 2, "\"200k\"|rate|200k/s");
	refused_text("[device a]\nstorm = 9/s\n", 2, "10/s");
	refused_text("[device a]\nstorm = 99999999999999999M/s\n", 2, "rate");
	refused_text("[device a]\nbind = maybe\n", 2, "\"maybe\"|yes, no, or force");
	refused_text("[device a]\ndma-engine = perhaps\n", 2, "perhaps");
	refused_text("[device a]\nbar = 0\n", 2, "unknown key \"bar\"");
	refused_text("[device]\n", 1, "[device NAME]");
	refused_text("[devise a]\n", 1, "did you mean [device NAME]?");
}

Test(device_keys, an_iommu_lets_a_device_have_messages_and_memory)
{
	struct config *config = load_text(DEVICE "interrupts = msix\ndma = iommu\ndma-bits = 40\n"
						 "[device b]\ndevice = 1234:11e8\n"
						 "interrupts = auto\ndma = iommu\n");
	const struct config_function *function = config_find_function(config, "nvme0");

	cr_assert_eq(function->dma, CONFIG_DMA_IOMMU);
	cr_assert_eq(function->dma_bits, 40u);
	cr_assert_not(warns_of(config, "trusted"));
	cr_assert_eq(config_best_interrupts(config_find_function(config, "b")),
		     CONFIG_INTERRUPTS_AUTO);
	config_free(config);
}

#define GIVEN "[grant g]\ndevice = nvme0\nuser = 1000\nbus-master = yes\n"

static uint32_t given(const char *device, const char *grant)
{
	char text[512];
	struct config *config;
	uint32_t rights;

	snprintf(text, sizeof(text), "%s%s%s%s", DEVICE, device, GIVEN, grant);
	config = load_text(text);
	rights = config_find_grant_name(config, "g")->device_rights &
		 (MMIOD_MAY_DMA | MMIOD_MAY_DMA_TRUSTED);
	config_free(config);
	return rights;
}

Test(device_keys, a_grant_gives_memory_for_dma_and_trust_only_if_it_says_so)
{
	cr_assert_eq(given("dma = iommu\n", ""), 0u);
	cr_assert_eq(given("dma = trusted\n", "dma = no\n"), 0u);
	cr_assert_eq(given("dma = iommu\n", "dma = iommu\n"), MMIOD_MAY_DMA);
	cr_assert_eq(given("dma = trusted\n", "dma = iommu\n"), MMIOD_MAY_DMA,
		     "less than the device may");
	cr_assert_eq(given("dma = trusted\n", "dma = trusted\n"),
		     MMIOD_MAY_DMA | MMIOD_MAY_DMA_TRUSTED);
	refused_text(DEVICE "dma = iommu\n" GIVEN "dma = all\n", 8,
		     "\"all\"|write no, iommu|or trusted");
}

Test(device_keys, a_grant_gives_no_more_dma_than_its_device_may_have)
{
	struct config *config;

	refused_text(DEVICE "[grant g]\ndevice = nvme0\nuser = 1000\ndma = iommu\n", 3,
		     "grant g gives \"dma\"|device nvme0|dma = none|add \"dma = iommu\"");
	refused_text(DEVICE "dma = iommu\n" GIVEN "dma = trusted\n", 4,
		     "grant g gives \"dma = trusted\"|device nvme0|dma = iommu");
	refused_text("[grant g]\nmemory = pages\nuser = 1000\ndma = iommu\n", 1,
		     "\"dma\"|device = NAME");
	config = load_text(DEVICE "dma = iommu\n[grant g]\ndevice = nvme0\nuser = 1000\n"
				  "dma = iommu\n");
	cr_assert(warns_of(config, "bus-master = yes"), "else it reaches none of it");
	config_free(config);
}

Test(device_keys, keys_of_a_device_must_fit_together)
{
	refused_text("[device a]\ninterrupts = intx\n", 1, "device = pci:DDDD:BB:DD.F");
	refused_text(DEVICE "interrupts = msix\n", 1,
		     "dma = none|dma-engine = no|dma = trusted|intx");
	refused_text(DEVICE "interrupts = msi\n", 1, "dma-engine = no");
	refused_text(DEVICE "vectors = 2\n", 1, "interrupts = auto");
	refused_text(DEVICE "interrupts = intx\nvectors = 2\n", 1, "INTx|vector 0");
	refused_text(DEVICE "interrupts = msi\ndma-engine = no\nvectors = 33\n", 1, "32 vectors");
	refused_text(DEVICE "dma = trusted\ndma-engine = no\n", 1, "dma-engine");
	refused_text(DEVICE "dma = iommu\ndma-engine = no\n", 1, "dma-engine");
	refused_text(DEVICE "dma-bits = 40\n", 1, "dma-bits|dma = iommu");
	refused_text(DEVICE "interrupt-period = 1s\n", 1, "simulation only");
	refused_text(DEVICE "[device b]\ndevice = pci:0000:01:00.0\n", 3, "b|nvme0|are one");
}

Test(device_keys, only_simulation_has_devices_without_hardware)
{
	struct config *config = simulate("[device d]\ninterrupts = msix\ndma-engine = no\n"
					 "vectors = 4\ninterrupt-period = 100ms\n");

	cr_assert_eq(config_find_function(config, "d")->period_ms, 100u);
	config_free(config);
}

Test(device_keys, trust_in_dma_is_warned_of)
{
	struct config *config = load_text(DEVICE "dma = trusted\n");

	cr_assert(warns_of(config, "trusted with DMA"));
	config_free(config);
}

#define REGION "[region regs]\ndevice = pci:0000:01:00.0\nbar = 0\n"
#define TRUSTED DEVICE "interrupts = msix\ndma = trusted\n" REGION

Test(device_keys, a_region_starts_dma_unless_it_or_its_device_says_that_it_does_not)
{
	struct config *config = load_text(
		REGION "dma-registers = no\n"
		       "[region more]\ndevice = pci:0000:01:00.0\nbar = 1\ndma-registers = yes\n"
		       "[region edu]\ndevice = 1234:11e8\nbar = 0\n"
		       "[region odd]\ndevice = pci:0000:02:00.0\nbar = 0\n"
		       "[device a]\ndevice = 1234:11e8\ndma-engine = no\n"
		       "[device b]\ndevice = pci:0000:02:00.0\ndma-engine = no\n" DEVICE);
	const uint64_t slot = MMIOD_PCI_ADDR(0, 1, 0, 0), second = MMIOD_PCI_ADDR(0, 2, 0, 0);

	cr_assert_not(config_starts_dma(config_find_region(config, "regs"), slot, 1, 1));
	cr_assert(config_starts_dma(config_find_region(config, "more"), slot, 1, 1));
	cr_assert_not(config_starts_dma(config_find_region(config, "edu"), 0x99, 0x1234, 0x11e8));
	cr_assert_not(config_starts_dma(config_find_region(config, "odd"), second, 1, 1));
	cr_assert(config_starts_dma(config_find_region(config, "odd"), slot, 1, 1),
		  "another function is not meant");
	config_free(config);
	refused_text("[region ram]\nphys = 0x30000000\nsize = 4K\ndma-registers = no\n", 1,
		     "dma-registers|PCI");
	refused_text(REGION "dma-registers = none\n", 4, "none|neither yes nor no");
}

Test(device_keys, dma_is_shared_where_an_iommu_bounds_it_and_that_is_warned_of)
{
	struct config *config = load_text(DEVICE "dma = iommu\nshare-dma = yes\n");

	cr_assert(config_find_function(config, "nvme0")->share_dma);
	cr_assert(warns_of(config, "shares its DMA"));
	config_free(config);
	refused_text(DEVICE "dma = trusted\nshare-dma = yes\n", 1, "share-dma|dma = iommu");
	refused_text(DEVICE "share-dma = yes\n", 1, "share-dma|dma = iommu");
}

Test(device_keys, others_may_write_regions_of_a_trusted_device_that_start_no_dma)
{
	struct config *config =
		load_text(TRUSTED "dma-registers = no\n[grant g]\nregion = regs\nuser = 1000\n"
				  "access = rw\n");

	config_free(config);
}

Test(device_keys, nobody_else_may_write_the_registers_of_a_device_that_is_trusted)
{
	struct config *config;

	refused_text(TRUSTED "[grant g]\nregion = regs\nuser = 1000\naccess = rw\n", 8,
		     "regs|nvme0|device = nvme0");
	config = load_text(TRUSTED "[grant g]\nregion = regs\nuser = 1000\naccess = r\n");
	config_free(config);
	config = load_text(TRUSTED "[grant g]\nregion = regs\ndevice = nvme*\ninterrupts = yes\n"
				   "user = 1000\naccess = rw\n");
	config_free(config);
	config = load_text("[device nvme0]\ndevice = pci:0000:02:00.0\ndma = trusted\n" REGION
			   "[grant g]\nregion = regs\nuser = 1000\naccess = rw\n");
	config_free(config);
}

Test(device_keys, a_grant_names_devices_that_there_are)
{
	struct config *config;

	refused_text(DEVICE "[grant g]\ndevice = nvme1\nuser = 1000\ninterrupts = yes\n", 3,
		     "\"nvme1\"|did you mean \"nvme0\"?");
	refused_text(DEVICE "[grant g]\ndevice = nvme[\nuser = 1000\ninterrupts = yes\n", 3, "[|]");
	refused_text(DEVICE "[grant g]\nmemory = pages\nuser = 1000\ninterrupts = yes\n", 3,
		     "interrupts|device = NAME");
	config = load_text(DEVICE "[grant g]\ndevice = x*\nuser = 1000\ninterrupts = yes\n"
				  "[grant h]\ndevice = nvme0\nuser = 1000\n");
	cr_assert(warns_of(config, "\"x*\" of grant g matches no device"));
	cr_assert(warns_of(config, "grant h names a device and gives nothing of it"));
	config_free(config);
}

Test(device_keys, a_grant_gives_interrupts_only_if_it_says_so_and_to_those_whom_it_names)
{
	struct config *config = load_text(DEVICE "interrupts = intx\n"
						 "[grant a]\ndevice = nvme*\nuser = 1000\n"
						 "[grant b]\ndevice = nvme0\nuser = 1001\n"
						 "interrupts = yes\n");
	const struct config_function *function = config_find_function(config, "nvme0");
	struct subject alice = { .uid = 1000, .known = true };
	struct subject bob = { .uid = 1001, .known = true };
	struct subject carol = { .uid = 1002, .known = true };
	struct subject unknown = { .uid = 1001 };
	struct decision decision;

	cr_assert_eq(policy_decide_device(function, &bob, MMIOD_MAY_INTERRUPT).reason,
		     POLICY_GRANTED);
	cr_assert_eq(policy_device_rights(function, &bob), MMIOD_MAY_INTERRUPT);
	cr_assert_eq(policy_device_rights(function, &alice), 0u);
	decision = policy_decide_device(function, &alice, MMIOD_MAY_INTERRUPT);
	cr_assert_eq(decision.reason, POLICY_DEVICE_RIGHT);
	text_reset(&why);
	policy_explain_device(&why, &decision, "nvme0", MMIOD_MAY_INTERRUPT, "alice", &alice);
	cr_assert(strstr(why_buffer, "[grant a]") && strstr(why_buffer, "interrupts = yes"), "%s",
		  why_buffer);
	decision = policy_decide_device(function, &carol, MMIOD_MAY_INTERRUPT);
	cr_assert_eq(decision.reason, POLICY_NO_GRANT);
	text_reset(&why);
	policy_explain_device(&why, &decision, "nvme0", MMIOD_MAY_INTERRUPT, "carol", &carol);
	cr_assert(strstr(why_buffer, "no grant gives user carol (uid 1002) interrupts of device "
				     "nvme0"),
		  "%s", why_buffer);
	cr_assert_eq(policy_decide_device(function, &unknown, MMIOD_MAY_INTERRUPT).reason,
		     POLICY_UNKNOWN_PEER);
	cr_assert(policy_gives_device(config->grants[1], function, MMIOD_MAY_INTERRUPT));
	cr_assert_not(policy_gives_device(config->grants[0], function, MMIOD_MAY_INTERRUPT));
	cr_assert_not(policy_gives_device(NULL, function, MMIOD_MAY_INTERRUPT));
	config_free(config);
}

Test(device_keys, a_later_file_names_the_devices_of_a_grant_anew)
{
	struct config_paths paths = {
		.main = files_write("mmiod.conf", 0644,
				    DEVICE "[device b]\ndevice = 1234:11e8\n"
					   "[grant g]\ndevice = nvme0\nuser = 0\n"
					   "interrupts = yes\n"),
		.directories = { files_path("d") },
	};
	struct config *config = NULL;

	files_mkdir("d", 0755);
	files_write("d/x.conf", 0644, "[grant g]\ndevice = b\n");
	cr_assert_eq(config_load(&paths, &config, &why), 0, "%s", why_buffer);
	cr_assert_eq(config_find_function(config, "nvme0")->n_grants, 0u);
	cr_assert_eq(config_find_function(config, "b")->n_grants, 1u);
	config_free(config);
}

/* ---- operating ------------------------------------------------------------------------------- */

#define ENGINELESS DEVICE "dma-engine = no\n"

static uint32_t rights_of(const char *text)
{
	struct config *config = load_text(text);
	struct subject alice = { .uid = 1000, .known = true };
	uint32_t rights = policy_device_rights(config_find_function(config, "nvme0"), &alice);

	config_free(config);
	return rights;
}

#define GRANT "[grant g]\ndevice = nvme0\nuser = 1000\n"

Test(device_keys, a_grant_says_what_of_operating_the_device_it_gives)
{
	const uint32_t read = MMIOD_MAY_READ_CONFIG, standard = read | MMIOD_MAY_WRITE_CONFIG;
	const uint32_t reset = MMIOD_MAY_RESET;

	cr_assert_eq(rights_of(DEVICE GRANT "config = none\n"), 0u);
	cr_assert_eq(rights_of(DEVICE GRANT "config = read\n"), read);
	cr_assert_eq(rights_of(DEVICE GRANT "config = standard\n"), standard);
	cr_assert_eq(rights_of(DEVICE GRANT "config = vendor\n"),
		     standard | MMIOD_MAY_VENDOR_CONFIG);
	cr_assert_eq(rights_of(DEVICE GRANT "reset = no\n"), 0u);
	cr_assert_eq(rights_of(DEVICE GRANT "reset = yes\n"), reset);
	cr_assert_eq(rights_of(DEVICE GRANT "reset = force\n"), reset | MMIOD_MAY_RESET_OTHERS);
	cr_assert_eq(rights_of(DEVICE GRANT "power = yes\n"), MMIOD_MAY_POWER);
	cr_assert_eq(rights_of(ENGINELESS GRANT "bus-master = yes\n"), MMIOD_MAY_MASTER);
	cr_assert_eq(rights_of(DEVICE GRANT "interrupts = yes\npower = no\nconfig = read\n"),
		     MMIOD_MAY_INTERRUPT | read);
}

Test(device_keys, words_that_are_none_are_refused_with_those_that_are)
{
	refused_text(DEVICE GRANT "config = write\n", 6, "\"write\"|none, read, standard|vendor");
	refused_text(DEVICE GRANT "reset = never\n", 6, "\"never\"|no, yes|force");
	refused_text(DEVICE GRANT "power = d3\n", 6, "\"d3\"");
	refused_text(DEVICE GRANT "bus-master = on\n", 6, "\"on\"");
	refused_text(DEVICE "reset = force\n", 3, "\"force\"|yes, no|never");
	refused_text(DEVICE "[grant g]\nmemory = pages\nuser = 1000\nreset = yes\n", 3,
		     "reset|device = NAME");
}

Test(device_keys, nobody_is_given_what_the_device_is_not_to_have)
{
	struct config *config;

	refused_text(DEVICE GRANT "bus-master = yes\n", 3,
		     "grant g|nvme0|dma-engine = no|dma = trusted");
	refused_text(DEVICE "reset = never\n" GRANT "reset = yes\n", 4,
		     "grant g|nvme0|reset = never");
	config = load_text(DEVICE "reset = no\n" GRANT "reset = force\n");
	cr_assert_eq(config_find_function(config, "nvme0")->reset, CONFIG_RESET_NO);
	config_free(config);
	config = load_text(DEVICE GRANT "config = vendor\n");
	cr_assert(
		warns_of(config, "\"config = vendor\" of device nvme0, whose DMA is not trusted"));
	config_free(config);
}

Test(device_keys, a_refusal_names_the_keys_that_would_give_it)
{
	struct config *config = load_text(DEVICE GRANT "config = read\n");
	const struct config_function *function = config_find_function(config, "nvme0");
	struct subject alice = { .uid = 1000, .known = true };
	const uint32_t rights = MMIOD_MAY_READ_CONFIG | MMIOD_MAY_WRITE_CONFIG | MMIOD_MAY_RESET |
				MMIOD_MAY_RESET_OTHERS | MMIOD_MAY_POWER;
	struct decision decision = policy_decide_device(function, &alice, rights);

	cr_assert_eq(decision.reason, POLICY_DEVICE_RIGHT);
	text_reset(&why);
	policy_explain_device(&why, &decision, "nvme0", rights, "alice", &alice);
	cr_assert(strstr(why_buffer, "[grant g]"), "%s", why_buffer);
	cr_assert(strstr(why_buffer, "\"config = standard\", \"reset = force\", \"power = yes\""),
		  "%s", why_buffer);
	cr_assert_eq(policy_decide_device(function, &alice, MMIOD_MAY_READ_CONFIG).reason,
		     POLICY_GRANTED);
	config_free(config);
}
