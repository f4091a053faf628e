/* SPDX-License-Identifier: MIT */
/*
 * The module as its backend in the daemon sees it: a control file and its ioctls, over the unit
 * tests' backend, which keeps the ledger. So the daemon runs with its real backend where no module
 * can be loaded, and every ioctl can fail.
 */
#ifndef TEST_FAULTS_STAND_IN_H
#define TEST_FAULTS_STAND_IN_H

/* From now on, for this process; `rig_fake` must be initialised. */
void stand_in_begin(void);
void stand_in_end(void);
/* What the ledger has to tell goes to the control file. */
void stand_in_tell(void);

#endif
