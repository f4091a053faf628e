# SPDX-License-Identifier: MIT
# Programs of the restart tests: against the library as it is built, in itself, so that they run where it is not installed.
RESTART_STEADY := $(B)/tests/restart/steady
RESTART_LEDGER := $(B)/tests/restart/ledger

$(RESTART_STEADY): tests/restart/steady.c $(B)/libmmiod.a
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $^

$(RESTART_LEDGER): tests/restart/ledger.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -o $@ $<
