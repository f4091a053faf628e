# SPDX-License-Identifier: MIT
# The benchmark on real kernels: a program for the guest, and a module that stands for a UIO driver.
RIG_BENCH_SOURCES := $(wildcard tests/bench/rig/*.c)

build/bench/rig-bench: $(RIG_BENCH_SOURCES) $(wildcard tests/bench/rig/*.h) build/libmmiod.a
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -O2 -Iinclude/uapi -static -o $@ $(RIG_BENCH_SOURCES) build/libmmiod.a

UIO_RANGE_OUT ?= build/uio-range/$(KVER)
.PHONY: uio-range
uio-range:
	@mkdir -p $(UIO_RANGE_OUT)
	@cp -pu tests/bench/rig/uio-range/* $(UIO_RANGE_OUT)/
	$(MAKE) -C $(KDIR) M=$(abspath $(UIO_RANGE_OUT)) $(NO_BTF) modules

## make bench-vm       mapping, access, grant, revocation, interrupts, DMA memory and reset beside sysfs, UIO and vfio-pci, on KERNEL=6.1|6.12 in the rig
.PHONY: bench-vm
bench-vm: prereqs
	@tests/bench/rig/run $(KERNEL)
