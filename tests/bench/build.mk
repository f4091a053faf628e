# SPDX-License-Identifier: MIT
# The benchmark of the daemon: in simulation, on this machine. Results go to build/bench/, those of leases as JSON as well.
BENCH_OBJECTS := $(patsubst %.c,$(B)/%.o,$(wildcard tests/bench/*.c))
BENCH_TABLES := $(B)/bench

$(B)/tests/bench/bench: $(BENCH_OBJECTS) $(B)/libmmiod.a
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^

## make bench          all of these, one after the other; each table to build/bench/ as well
## make bench-lease    what a lease costs with 1, 10 and 1,000 clients, beside a bare exchange of descriptors
## make bench-block    what a pool's block costs through the daemon, beside a lease by offset
## make bench-bystander  how long the daemon lets a lone client wait while others keep it busy
## make bench-memory   what a client and a lease cost the daemon in memory
## make bench-lists    what lists of 100,000 leases cost mmioctl, and how long until the first row
## make bench-open     what an open costs with and without mmioctl run
## make bench-python   what an access costs from Python, beside ctypes and numpy
## make bench-command  what mmioctl takes for a line of a batch, a sample of a record, and a large register map
BENCHES := bench-open bench-command bench-python bench-lease bench-block bench-bystander bench-memory bench-lists bench-core bench-pool bench-cache bench-copy
$(BENCHES): SHELL := /bin/bash -o pipefail
.PHONY: bench bench-open bench-command bench-python bench-lease bench-block bench-bystander bench-memory bench-lists
bench: $(BENCHES)
bench-lists: $(B)/mmioctl
bench-lease bench-block bench-bystander bench-memory bench-lists: $(B)/tests/bench/bench $(B)/mmiod | $(BENCH_TABLES)
$(BENCH_TABLES):
	@mkdir -p $@
bench-open: $(B)/tests/bench/opens $(B)/mmiod $(B)/mmioctl | $(BENCH_TABLES)
	tests/bench/open/measure $(B) | tee $(BENCH_TABLES)/open.txt
bench-command: $(B)/mmiod $(B)/mmioctl | $(BENCH_TABLES)
	tests/bench/command/measure $(B) | tee $(BENCH_TABLES)/command.txt
bench-python: $(B)/mmiod $(B)/mmioctl $(if $(PYTHON),$(PYTHON_BUILT)) | $(BENCH_TABLES)
	tests/bench/python/measure $(B) '$(PYTHON)' | tee $(BENCH_TABLES)/python.txt
$(B)/tests/bench/opens: tests/bench/open/opens.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -o $@ $<
bench-lease:
	$(B)/tests/bench/bench leases $(B)/mmiod $(BENCH_TABLES)/lease.json | tee $(BENCH_TABLES)/lease.txt
bench-block:
	$(B)/tests/bench/bench blocks $(B)/mmiod | tee $(BENCH_TABLES)/block.txt
bench-bystander:
	$(B)/tests/bench/bench bystander $(B)/mmiod $(BENCH_TABLES)/bystander.json | tee $(BENCH_TABLES)/bystander.txt
bench-memory:
	$(B)/tests/bench/bench memory $(B)/mmiod | tee $(BENCH_TABLES)/memory.txt
bench-lists:
	$(B)/tests/bench/bench lists $(B)/mmiod $(B)/mmioctl | tee $(BENCH_TABLES)/lists.txt
