/* SPDX-License-Identifier: MIT */
/*
 * Would the kernel load the module under Secure Boot, and what is the one next step towards that?
 * The signature is compared with the certificate that DKMS signs with, and that with the kernel's
 * keys.
 */
#include "verbs/doctor.h"

#include <string.h>

/* DKMS signs what it builds: an install alone, however forced, takes again what was built before. */
#define SIGN_AGAIN \
	"dkms build --force mmiod/" MMIOD_VERSION " && dkms install --force mmiod/" MMIOD_VERSION

struct verdict {
	enum result result;
	char text[640];
	char fix[384]; /* "": nothing is to be done */
};

static struct verdict verdict(enum result result, const char *fix, const char *text)
{
	struct verdict verdict = { .result = result };

	snprintf(verdict.fix, sizeof(verdict.fix), "%s", fix);
	snprintf(verdict.text, sizeof(verdict.text), "%s", text);
	return verdict;
}

/* Without a certificate to compare with. */
static struct verdict judge_alone(const struct signature *signature)
{
	struct verdict said = { .result = RESULT_WARN };

	if (!signature->signed_by[0])
		return verdict(
			RESULT_FAIL, SIGN_AGAIN,
			"the module is not signed, and DKMS, which signs what it builds, has no "
			"certificate yet");
	if (signature->no_openssl) {
		snprintf(said.fix, sizeof(said.fix), "apt-get install openssl");
		snprintf(said.text, sizeof(said.text),
			 "without openssl nobody can compare the module's signature with %s",
			 signature->certificate);
		return said;
	}
	snprintf(said.fix, sizeof(said.fix),
		 "mokutil --list-enrolled shows the serial numbers that the kernel knows; see "
		 "mmiod-sign(8)");
	snprintf(
		said.text, sizeof(said.text),
		"the module is signed by the certificate with serial %s, and %s is none to compare "
		"with",
		signature->signed_by, signature->certificate);
	return said;
}

static struct verdict judge_other(const struct signature *signature)
{
	struct verdict said = { .result = RESULT_FAIL };

	snprintf(said.fix, sizeof(said.fix), "%s", SIGN_AGAIN);
	snprintf(said.text, sizeof(said.text),
		 "the module is signed by the certificate with serial %s, and not by %s, which has "
		 "serial %s",
		 signature->signed_by, signature->certificate, signature->serial);
	return said;
}

/* The certificate is there, and the module is signed by it. */
static struct verdict judge_key(const struct signature *signature)
{
	struct verdict said = { .result = RESULT_FAIL };

	if (signature->key == KEY_ENROLLED) {
		said.result = RESULT_OK;
		snprintf(said.text, sizeof(said.text),
			 "the module is signed by %s, whose key the kernel knows",
			 signature->certificate);
	} else if (signature->key == KEY_UNKNOWN) {
		said.result = RESULT_NOTE;
		snprintf(said.fix, sizeof(said.fix), "mmioctl doctor, as root");
		snprintf(said.text, sizeof(said.text),
			 "the module is signed by %s; only root sees whether the kernel knows its "
			 "key",
			 signature->certificate);
	} else if (signature->pending) {
		snprintf(said.fix, sizeof(said.fix),
			 "systemctl reboot, and confirm the key at the console");
		snprintf(said.text, sizeof(said.text),
			 "the key of %s, which the module is signed by, waits to be confirmed",
			 signature->certificate);
	} else {
		snprintf(said.fix, sizeof(said.fix), "mokutil --import %s", signature->certificate);
		snprintf(said.text, sizeof(said.text),
			 "the module is signed by %s, whose key the kernel does not know",
			 signature->certificate);
	}
	return said;
}

static struct verdict judge(const struct signature *signature)
{
	if (!signature->readable)
		return judge_alone(signature);
	if (!signature->signed_by[0])
		return verdict(RESULT_FAIL, SIGN_AGAIN, "the module is not signed");
	if (!signed_by_certificate(signature))
		return judge_other(signature);
	return judge_key(signature);
}

bool check_signature(struct doctor *doctor, const struct signature *signature, const char *lockdown)
{
	struct verdict said = judge(signature);
	bool locked = strcmp(lockdown, "none");

	if (!signature->secure_boot && !locked) {
		finding(doctor, RESULT_OK, "signature", NULL,
			"Secure Boot is off: the kernel loads the module whoever signed it");
		return true;
	}
	finding(doctor, said.result, "signature", said.fix[0] ? said.fix : NULL,
		"%s, and the kernel loads only modules signed by a key that it knows: %s",
		signature->secure_boot ? "Secure Boot is on" : "the kernel is locked down",
		said.text);
	return said.result != RESULT_FAIL;
}

void note_signature(struct doctor *doctor, const struct signature *signature)
{
	struct verdict said = judge(signature);

	finding(doctor, RESULT_NOTE, "signature", said.fix[0] ? said.fix : NULL,
		"this kernel took the module without knowing who signed it, as Secure Boot would "
		"not: %s",
		said.text);
}
