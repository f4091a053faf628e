/* SPDX-License-Identifier: MIT */
/*
 * Targets: REGION[+OFFSET][/LENGTH][:WIDTH], where
 * REGION may be PCIADDR/barN. A pure function over text.
 */
#include "internal.h"
#include "base/sized.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct parser {
	const char *at; /* what is not read yet */
	char *error;
	size_t size;
};

static int complain(const struct parser *parser, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static int complain(const struct parser *parser, const char *format, ...)
{
	va_list args;

	if (!parser->error || !parser->size)
		return -EINVAL;
	va_start(args, format);
	vsnprintf(parser->error, parser->size, format, args);
	va_end(args);
	return -EINVAL;
}

/* Not isalnum(): the locale has no say in names. */
static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '.' || c == '_' || c == '-';
}

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 16;
}

/* @digits of base 16, then @stop; moves @at behind it. */
static bool scan_hex(const char **at, unsigned int digits, char stop)
{
	for (unsigned int i = 0; i < digits; i++)
		if (digit_value((*at)[i]) >= 16)
			return false;
	if (stop && (*at)[digits] != stop)
		return false;
	*at += digits + (stop ? 1 : 0);
	return true;
}

/* As the kernel writes it: at least four digits, and more only if the first says something. */
static bool scan_domain(const char **at)
{
	unsigned int digits = 0;

	while (digits < 8 && digit_value((*at)[digits]) < 16)
		digits++;
	if (digits < 4 || (digits > 4 && **at == '0'))
		return false;
	return scan_hex(at, digits, ':');
}

/*
 * DDDD:BB:DD.F, the domain 0 may be left out. Returns
 * what is behind it, NULL: it is no such address.
 */
static const char *scan_slot(const char *text, bool *has_domain)
{
	const char *at = text;

	*has_domain = scan_domain(&at);
	if (!scan_hex(&at, 2, ':') || !scan_hex(&at, 2, '.') || !scan_hex(&at, 1, '\0'))
		return NULL;
	return is_name_char(*at) ? NULL : at;
}

/* The wire knows it in this form. @rest: behind the address. */
static int parse_address(struct parser *parser, const char *rest, bool has_domain,
			 struct mmiod_target *target)
{
	int slot = (int)(rest - parser->at);

	if (strncmp(rest, "/bar", 4))
		return complain(parser, "\"%s\": which BAR of it? Write %.*s/bar0", parser->at,
				slot, parser->at);
	if (rest[4] < '0' || rest[4] > '5' || is_name_char(rest[5]))
		return complain(parser, "\"%s\": a device has bar0 to bar5", parser->at);
	snprintf(target->region, sizeof(target->region), "%s%.*s/bar%c",
		 has_domain ? "" : "0000:", slot, parser->at, rest[4]);
	for (char *c = target->region; *c; c++)
		if (*c >= 'A' && *c <= 'F')
			*c = (char)(*c - 'A' + 'a');
	parser->at = rest + 5;
	return 0;
}

static int parse_region(struct parser *parser, struct mmiod_target *target)
{
	size_t length = 0;
	bool has_domain;
	const char *rest = scan_slot(parser->at, &has_domain);

	if (rest)
		return parse_address(parser, rest, has_domain, target);
	while (is_name_char(parser->at[length]))
		length++;
	if (!length)
		return complain(parser, "\"%s\" does not start with the name of a region",
				parser->at);
	if (length >= sizeof(target->region))
		return complain(parser, "\"%.*s\": a region's name has at most %zu characters",
				(int)length, parser->at, sizeof(target->region) - 1);
	memcpy(target->region, parser->at, length);
	target->region[length] = '\0';
	parser->at += length;
	return 0;
}

static int suffix_shift(char c)
{
	switch (c) {
	case 'K':
		return 10;
	case 'M':
		return 20;
	case 'G':
		return 30;
	default:
		return 0;
	}
}

static int parse_number(struct parser *parser, const char *what, uint64_t *number)
{
	const char *start = parser->at;
	int base = 10, shift;

	*number = 0;
	if (start[0] == '0' && (start[1] == 'x' || start[1] == 'X')) {
		base = 16;
		parser->at += 2;
	}
	if (digit_value(*parser->at) >= base)
		return complain(parser,
				"\"%s\" is not a number: the %s is decimal or 0x…, with K, "
				"M or G behind it if you like",
				start, what);
	for (; digit_value(*parser->at) < base; parser->at++)
		if (__builtin_mul_overflow(*number, base, number) ||
		    __builtin_add_overflow(*number, digit_value(*parser->at), number))
			return complain(parser, "\"%s\": the %s does not fit 64 bits", start, what);
	shift = suffix_shift(*parser->at);
	if (!shift)
		return 0;
	parser->at++;
	if (*number > UINT64_MAX >> shift)
		return complain(parser, "\"%s\": the %s does not fit 64 bits", start, what);
	*number <<= shift;
	return 0;
}

static int parse_width(struct parser *parser, struct mmiod_target *target)
{
	const char *start = parser->at;
	uint64_t bits;

	if (parse_number(parser, "width", &bits) ||
	    (bits != 8 && bits != 16 && bits != 32 && bits != 64))
		return complain(parser, "width \"%s\": it is 8, 16, 32 or 64 bits", start);
	target->width = (unsigned int)bits / 8;
	return 0;
}

static int parse_rest(struct parser *parser, struct mmiod_target *target)
{
	int err = 0;

	if (*parser->at == '+') {
		parser->at++;
		err = parse_number(parser, "offset", &target->offset);
	}
	if (!err && *parser->at == '/') {
		parser->at++;
		err = parse_number(parser, "length", &target->length);
		if (!err && !target->length)
			err = complain(parser, "a length of 0: leave it out to mean the rest of "
					       "the region");
	}
	if (!err && *parser->at == ':') {
		parser->at++;
		err = parse_width(parser, target);
	}
	return err;
}

static int parse(struct parser *parser, const char *text, struct mmiod_target *target)
{
	int err = parse_region(parser, target);

	if (!err)
		err = parse_rest(parser, target);
	if (!err && *parser->at)
		err = complain(parser,
			       "\"%s\" in \"%s\": a target is REGION[+OFFSET][/LENGTH][:WIDTH]",
			       parser->at, text);
	if (!err && target->length > UINT64_MAX - target->offset)
		err = complain(parser, "\"%s\": offset and length together do not fit 64 bits",
			       text);
	return err;
}

MMIOD_EXPORT int mmiod_target_parse_sized(const char *text, struct mmiod_target *target,
					  size_t target_size, char *error, size_t size)
{
	struct parser parser = { .at = text, .error = error, .size = size };
	struct mmiod_target known = { 0 };
	int err;

	if (error && size)
		error[0] = '\0';
	err = parse(&parser, text, &known);
	if (err)
		memset(&known, 0, sizeof(known));
	sized_give(target, target_size, &known, sizeof(known));
	return err;
}
