# SPDX-License-Identifier: MIT
# The benchmark: in simulation, on this machine. Results go to build/bench.json as well.
BENCH_OBJECTS := $(patsubst %.c,$(B)/%.o,$(wildcard tests/bench/*.c))

$(B)/tests/bench/bench: $(BENCH_OBJECTS) $(B)/libmmiod.a
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^

## make bench          what a lease costs, next to a bare exchange of messages and descriptors
.PHONY: bench
bench: $(B)/tests/bench/bench $(B)/mmiod
	$(B)/tests/bench/bench $(B)/mmiod $(B)/bench.json
