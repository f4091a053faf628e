# SPDX-License-Identifier: MIT
# The benchmark of copies to and from windows: natively, on ordinary memory, beside what a program would use instead.
$(B)/tests/bench/copy/bench-copy.o: OBJ_FLAGS := $(LIB_FLAGS)

$(B)/tests/bench/copy/bench-copy: $(B)/tests/bench/copy/bench-copy.o $(B)/libmmiod.a
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^

## make bench-copy     how fast copies to and from windows are, beside memcpy, rep movsb and GDRCopy's way: ROUNDS=40
ROUNDS ?= 40
.PHONY: bench-copy
bench-copy: $(B)/tests/bench/copy/bench-copy | $(BENCH_TABLES)
	$< $(ROUNDS) | tee $(BENCH_TABLES)/copy.txt
