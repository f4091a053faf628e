# SPDX-License-Identifier: MIT
# What the jobs of the tests run, and with what a user might submit some.
$(B)/tests/slurm/windowed: tests/slurm/windowed.c $(B)/libmmiod.a
	@mkdir -p $(@D)
	$(CC) -Iinclude $(CFLAGS) $(LDFLAGS) -o $@ $^

$(B)/tests/slurm/forger.so: tests/slurm/forger.c
	@mkdir -p $(@D)
	$(CC) -isystem $(SLURM_INCLUDEDIR) -O1 -fPIC -shared -o $@ $<
