/* SPDX-License-Identifier: MIT */
/*
 * One finding of the doctor: counted, and told as a line or kept for JSON. Both of the doctor's
 * halves call it.
 */
#include "verbs/doctor.h"

static const char *result_word(enum result result)
{
	static const char *const words[] = { "ok", "note", "warn", "fail" };

	return words[result];
}

void finding(struct doctor *doctor, enum result result, const char *check, const char *fix,
	     const char *format, ...)
{
	static const enum paint paints[] = { PAINT_GOOD, PAINT_DIM, PAINT_NOTE, PAINT_BAD };
	const struct context *context = doctor->context;
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	doctor->counts[result]++;
	if (context->json) {
		json_array_append_new(doctor->findings,
				      json_pack("{s:s, s:s, s:o, s:o}", "check", check, "result",
						result_word(result), "text", json_text(text), "fix",
						fix ? json_text(fix) : json_null()));
		return;
	}
	printf("%s%-4s%s  %s\n", paint(context, paints[result]), result_word(result),
	       paint(context, PAINT_NONE), text);
	if (fix)
		printf("      fix: %s\n", fix);
}
