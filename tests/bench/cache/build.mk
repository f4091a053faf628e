# SPDX-License-Identifier: MIT
# The object caches' benchmark: natively, beside malloc(), on a workload that is generated and checked.
BENCH_CACHE_OBJECTS := $(B)/tests/bench/cache/bench-cache.o $(B)/tests/bench/pool/trace.o

$(B)/tests/bench/cache/bench-cache: $(BENCH_CACHE_OBJECTS) $(B)/libmmiod.a
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^

## make bench-cache    what an object of an object cache costs, beside malloc: RUNS=5
RUNS ?= 5
.PHONY: bench-cache
bench-cache: $(B)/tests/bench/cache/bench-cache | $(BENCH_TABLES)
	$< -r $(RUNS) | tee $(BENCH_TABLES)/cache.txt
