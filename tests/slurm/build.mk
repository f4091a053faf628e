# SPDX-License-Identifier: MIT
# What the jobs of the tests run.
$(B)/tests/slurm/windowed: tests/slurm/windowed.c $(B)/libmmiod.a
	@mkdir -p $(@D)
	$(CC) -Iinclude $(CFLAGS) $(LDFLAGS) -o $@ $^
