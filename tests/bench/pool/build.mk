# SPDX-License-Identifier: MIT
# The pool's benchmark: natively, beside yardsticks, on workloads that are generated and checked.
BENCH_POOL_OBJECTS := $(patsubst %.c,$(B)/%.o,$(wildcard tests/bench/pool/*.c))
$(BENCH_POOL_OBJECTS): OBJ_FLAGS += -I. -Idaemon

$(B)/tests/bench/pool/bench-pool: $(BENCH_POOL_OBJECTS) $(MMIOD_ARCHIVE)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^

## make bench-pool     what an allocation costs and how it is placed: TRACES='W1-50 W6', RUNS=5
RUNS ?= 5
.PHONY: bench-pool
bench-pool: $(B)/tests/bench/pool/bench-pool | $(BENCH_TABLES)
	$< -r $(RUNS) $(TRACES) | tee $(BENCH_TABLES)/pool.txt
