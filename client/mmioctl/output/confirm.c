/* SPDX-License-Identifier: MIT */
/*
 * Asking first. Where nobody can be asked, only --yes is an answer.
 */
#include "output/output.h"

#include <unistd.h>

/* @yes: --yes was said. @what: a sentence without its full stop. 0: go on; else the exit status. */
int confirm(const struct context *context, bool yes, const char *what)
{
	char answer[16];

	if (yes)
		return 0;
	if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
		return usage_error(context, "%s: say --yes", what);
	fprintf(stderr, "%s. Go on? [y/N] ", what);
	if (fgets(answer, sizeof(answer), stdin) && (answer[0] == 'y' || answer[0] == 'Y'))
		return 0;
	return usage_error(context, "nothing was done");
}
