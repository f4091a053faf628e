# SPDX-License-Identifier: MIT
# The benchmark of parts of the daemon that need no client: linked from the daemon's own archive.
BENCH_CORE_OBJECTS := $(patsubst %.c,$(B)/%.o,$(wildcard tests/bench/core/*.c))
$(BENCH_CORE_OBJECTS): OBJ_FLAGS += -I. -Idaemon $(MMIOD_CFLAGS)

$(B)/tests/bench/core/bench-core: $(BENCH_CORE_OBJECTS) $(MMIOD_ARCHIVE)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(MMIOD_LIBS)

## make bench-core     how long a restart takes with 1,000,000 leases, and a decision with 10,000 rules
RUNS ?= 5
.PHONY: bench-core
bench-core: $(B)/tests/bench/core/bench-core | $(BENCH_TABLES)
	$< -r $(RUNS) | tee $(BENCH_TABLES)/core.txt
