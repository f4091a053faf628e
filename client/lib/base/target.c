/* SPDX-License-Identifier: MIT */
/*
 * Targets: REGION[+OFFSET][/LENGTH][:WIDTH], where REGION may be PCIADDR/barN. A pure function over
 * text.
 */
#include "internal.h"
#include "base/sized.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <common/pci-address.h>
#include <common/size.h>

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

/*
 * DDDD:BB:DD.F, the domain 0 may be left out. Returns what is behind it, NULL: it is no such address.
 */
static const char *scan_slot(const char *text, bool *has_domain)
{
	struct common_pci_address address;
	const char *at = text;

	if (common_scan_pci_address(&at, &address) || is_name_char(*at))
		return NULL;
	*has_domain = address.has_domain;
	return at;
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

static int parse_number(struct parser *parser, const char *what, uint64_t *number)
{
	const char *start = parser->at;

	switch (common_scan_size(&parser->at, number)) {
	case 0:
		return 0;
	case -ERANGE:
		return complain(parser, "\"%s\": the %s does not fit 64 bits", start, what);
	default:
		return complain(parser,
				"\"%s\" is not a number: the %s is decimal or 0x…, with K, "
				"M, G or T behind it if you like",
				start, what);
	}
}

static int parse_width(struct parser *parser, struct mmiod_target *target)
{
	const char *start = parser->at;
	uint64_t bits;

	if (strpbrk(start, ":."))
		return complain(parser,
				"\"%s\" is neither a width, 8, 16, 32 or 64 bits, nor does it go "
				"on with a PCI address: DDDD:BB:DD.F, device 00 to 1f, function 0 "
				"to 7",
				start);
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
