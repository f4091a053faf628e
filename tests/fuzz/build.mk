# SPDX-License-Identifier: MIT
# Fuzz targets: one program for each fuzz-*.c, by clang with libFuzzer and sanitizers, from source and not from objects that
# another compiler made. FUZZ_WITH_NAME has the other files of a target. Seeds are in seeds/NAME.
#
# Each target is also a test (build/tests/fuzz/replay-NAME), without libFuzzer: it stands its seeds and variants of them.
FUZZ_CC ?= clang
FUZZ_CFLAGS := -std=gnu11 -O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined \
	-Itests/fuzz -I. -DMMIOD_SYSCONFDIR='"/etc"' -DMMIOD_VENDORDIR='"/usr/lib"'
FUZZ_NAMES := $(patsubst tests/fuzz/fuzz-%.c,%,$(wildcard tests/fuzz/fuzz-*.c))
FUZZ_TARGETS := $(FUZZ_NAMES:%=build/fuzz/fuzz-%)

FUZZ_HELPERS := tests/unit/daemon/support
FUZZ_WITH_config := $(FUZZ_HELPERS)/files.c
FUZZ_WITH_connection := $(FUZZ_HELPERS)/clock.c $(FUZZ_HELPERS)/rig.c $(FUZZ_HELPERS)/fake.c $(FUZZ_HELPERS)/files.c
FUZZ_WITH_pool := $(FUZZ_HELPERS)/pool-model.c
FUZZ_WITH_client := tests/fuzz/script.c $(LIB_SRCS)
FUZZ_WITH_regmap := $(filter-out %/find.c,$(wildcard client/mmioctl/regmap/*.c))

# The rest of a target, for the fuzzer from source: the daemon, except in the targets of the library, which brings its own
# sources, because calls in them are redefined, and of the command line's register maps.
FUZZ_OF_CLIENTS := client regmap
FUZZ_FLAGS_client = $(LIB_FLAGS) -Itests/fuzz -include tests/fuzz/script.h
FUZZ_FLAGS_regmap = -Iclient/mmioctl $(CTL_CFLAGS)
FUZZ_LIBS_client := -pthread
FUZZ_LIBS_regmap = $(CTL_LIBS)
fuzz_sources = $(if $(filter $(FUZZ_OF_CLIENTS),$(1)),,$(MMIOD_SOURCES))
fuzz_archive = $(if $(filter $(FUZZ_OF_CLIENTS),$(1)),,$(MMIOD_ARCHIVE))
fuzz_flags = $(if $(filter $(FUZZ_OF_CLIENTS),$(1)),$(FUZZ_FLAGS_$(1)),-Idaemon $(MMIOD_CFLAGS))
fuzz_libs = $(if $(filter $(FUZZ_OF_CLIENTS),$(1)),$(FUZZ_LIBS_$(1)),$(MMIOD_LIBS))
FUZZ_HEADERS := $(wildcard daemon/*.h daemon/*/*.h client/lib/*.h client/lib/*/*.h client/mmioctl/regmap/*.h include/mmiod/*.h $(FUZZ_HELPERS)/*.h tests/fuzz/*.h)

## make fuzz TIME=60   every fuzz target for so many seconds; what breaks one stays in build/fuzz/
TIME ?= 60
.PHONY: fuzz fuzz-models fuzz-targets
fuzz-targets: $(FUZZ_TARGETS)
fuzz:
	@tests/vm/prereqs build fuzz
	@$(MAKE) --no-print-directory fuzz-targets
	@for name in $(FUZZ_NAMES); do \
		mkdir -p build/fuzz/$$name.corpus; \
		echo "== fuzz-$$name, $(TIME) s"; \
		build/fuzz/fuzz-$$name -max_total_time=$(TIME) -max_len=4096 -rss_limit_mb=2048 -timeout=20 \
			-close_fd_mask=2 -print_final_stats=1 -artifact_prefix=build/fuzz/$$name- \
			build/fuzz/$$name.corpus tests/fuzz/seeds/$$name || exit 1; \
	done
	@$(MAKE) --no-print-directory fuzz-models

# The daemon against its models, from seeds that no test uses: PROGRAM PREFIX STEPS FILTER, of the environment PREFIX_SEED and
# PREFIX_STEPS.
define fuzz_model
	@seed=$$(date +%s) end=$$(($$(date +%s) + $(TIME))); echo "== $(notdir $(1)), $(TIME) s, from seed $$seed"; \
	while [ "$$(date +%s)" -lt "$$end" ]; do \
		$(2)_SEED=$$seed $(2)_STEPS=$(3) $(B)/tests/unit/daemon/$(1) --filter='$(4)' >build/fuzz/$(notdir $(1)).log 2>&1 || \
			{ cat build/fuzz/$(notdir $(1)).log; echo "$(2)_SEED=$$seed $(2)_STEPS=$(3)"; exit 1; }; \
		seed=$$((seed + 1)); \
	done
endef

fuzz-models: $(B)/tests/unit/daemon/request/test-queue-model $(B)/tests/unit/daemon/test-truth
	@mkdir -p build/fuzz
	$(call fuzz_model,request/test-queue-model,MODEL,450,*)
	$(call fuzz_model,test-truth,MMIOD,1500,truth/*_1)

define FUZZ_RULES
build/fuzz/fuzz-$(1): tests/fuzz/fuzz-$(1).c $$(FUZZ_WITH_$(1)) $$(call fuzz_sources,$(1)) $$(FUZZ_HEADERS)
	@mkdir -p $$(@D)
	$$(FUZZ_CC) $$(CPPFLAGS) $$(call fuzz_flags,$(1)) $$(FUZZ_CFLAGS) -o $$@ $$(filter %.c,$$^) $$(call fuzz_libs,$(1))

$$(B)/tests/fuzz/replay-$(1): tests/fuzz/fuzz-$(1).c tests/fuzz/replay.c $$(FUZZ_WITH_$(1)) $$(call fuzz_archive,$(1)) \
		$$(FUZZ_HEADERS)
	@mkdir -p $$(@D)
	$$(CC) $$(CPPFLAGS) $$(call fuzz_flags,$(1)) $$(CFLAGS) -Itests/fuzz -I. -Wno-missing-prototypes -DTARGET='"fuzz-$(1)"' \
		-DSEEDS='"$$(abspath tests/fuzz/seeds/$(1))"' $$(LDFLAGS) -o $$@ $$(filter %.c %.a,$$^) $$(call fuzz_libs,$(1))
UNIT_TESTS += $$(B)/tests/fuzz/replay-$(1)
endef
$(foreach name,$(FUZZ_NAMES),$(eval $(call FUZZ_RULES,$(name))))
