# SPDX-License-Identifier: MIT
# The NVMe driver of client/examples as a benchmark for the rig, over each of two ways to the controller.
NVME_BENCH_SHARED := tests/bench/nvme/nvme-bench.c tests/bench/rig/spinner.c
NVME_BENCH_HEADERS := client/examples/nvme-io.c $(wildcard tests/bench/rig/*.h)

build/bench/nvme-bench: $(NVME_BENCH_SHARED) $(NVME_BENCH_HEADERS) build/libmmiod.a
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -O2 -static -o $@ $(NVME_BENCH_SHARED) build/libmmiod.a

build/bench/nvme-bench-vfio: $(NVME_BENCH_SHARED) tests/bench/nvme/by-vfio.c tests/bench/rig/vfio.c $(NVME_BENCH_HEADERS)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -O2 -static -o $@ $(filter %.c,$(filter-out client/%,$^))
