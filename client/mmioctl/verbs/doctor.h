/* SPDX-License-Identifier: MIT */
/*
 * The doctor's files: doctor.c leads and looks at devices and daemon, doctor-system.c at kernel and
 * configuration, doctor-signature.c at Secure Boot; doctor-finding.c tells what they find.
 */
#ifndef MMIOCTL_DOCTOR_H
#define MMIOCTL_DOCTOR_H

#include "output/output.h"
#include "system/signature.h"

#include <stdarg.h>
#include <unistd.h>

enum result { RESULT_OK, RESULT_NOTE, RESULT_WARN, RESULT_FAIL, RESULTS };

struct doctor {
	struct context *context;
	unsigned int counts[RESULTS];
	unsigned int bound; /* PCI functions */
	struct mmiod_status status; /* of the daemon, if there is one */
	bool simulation; /* there is one, and it needs no module */
	json_t *findings;
};

/* @fix: NULL, or what to do. */
void finding(struct doctor *doctor, enum result result, const char *check, const char *fix,
	     const char *format, ...) __attribute__((format(printf, 5, 6)));

void check_kernel(struct doctor *doctor);
void check_configuration(struct doctor *doctor);
/* Of a module that is not loaded: whether the kernel would load it; if not, the next step is told. */
bool check_signature(struct doctor *doctor, const struct signature *signature,
		     const char *lockdown);
/* Of a loaded one that the kernel did not know the signer of: the next step before Secure Boot. */
void note_signature(struct doctor *doctor, const struct signature *signature);

#endif
