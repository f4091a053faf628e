# SPDX-License-Identifier: MIT
# Fuzz targets: one program for each fuzz-*.c, by clang with libFuzzer and sanitizers, from source and not from objects that
# another compiler made. What a target is made with besides is a prerequisite.
FUZZ_CC ?= clang
FUZZ_CFLAGS := -std=gnu11 -O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined -I.
FUZZ_TARGETS := $(patsubst tests/fuzz/%.c,build/fuzz/%,$(wildcard tests/fuzz/fuzz-*.c))

## make fuzz TIME=60   every fuzz target for so many seconds; what breaks one stays in build/fuzz/
TIME ?= 60
.PHONY: fuzz fuzz-targets
fuzz-targets: $(FUZZ_TARGETS)
fuzz:
	@tests/vm/prereqs build fuzz
	@$(MAKE) --no-print-directory fuzz-targets
	@for target in $(FUZZ_TARGETS); do \
		mkdir -p $$target.corpus; \
		$$target -max_total_time=$(TIME) -max_len=4096 -rss_limit_mb=2048 -artifact_prefix=$$target- -print_final_stats=1 \
			$$target.corpus || exit 1; \
	done

build/fuzz/fuzz-pool: daemon/pool.c $(wildcard daemon/pool-*.c) daemon/text.c tests/unit/daemon/pool-model.c
$(FUZZ_TARGETS): build/fuzz/%: tests/fuzz/%.c $(wildcard daemon/*.h tests/unit/daemon/*.h)
	@mkdir -p $(@D)
	$(FUZZ_CC) $(CPPFLAGS) $(FUZZ_CFLAGS) -o $@ $(filter %.c,$^)
