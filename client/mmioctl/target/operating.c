/* SPDX-License-Identifier: MIT */
/*
 * Operating devices: the lease of a device file for a verb, and words for the rights that it has.
 */
#include "target/target.h"

#include <errno.h>
#include <string.h>

/* What this command was started within, if that may do all of it. */
static bool take_inherited(const char *device, unsigned int rights,
			   struct mmiod_operation **operation)
{
	for (size_t i = 0; !mmiod_operation_inherited(device, i, operation); i++) {
		if ((mmiod_operation_rights(*operation) & rights) == rights)
			return true;
		mmiod_operation_free(*operation);
	}
	*operation = NULL;
	return false;
}

int target_operate(struct context *context, const char *device, const struct lease_options *options,
		   unsigned int rights, struct mmiod_operation **operation)
{
	int status, err;

	if (take_inherited(device, rights, operation))
		return 0;
	status = lease_open(context, options);
	if (status)
		return status;
	err = mmiod_client_operate(context->client, device, rights, 0, operation);
	return err ? report_client(context, err) : 0;
}

void target_operate_end(struct mmiod_operation *operation)
{
	if (operation && mmiod_operation_release(operation))
		mmiod_operation_free(operation);
}

static const struct {
	const char *word;
	unsigned int rights;
} config_words[] = {
	{ "none", 0 },
	{ "read", MMIOD_MAY_READ_CONFIG },
	{ "standard", MMIOD_MAY_READ_CONFIG | MMIOD_MAY_WRITE_CONFIG },
	{ "vendor", MMIOD_MAY_READ_CONFIG | MMIOD_MAY_WRITE_CONFIG | MMIOD_MAY_VENDOR_CONFIG },
};

unsigned int config_rights(const char *word)
{
	for (size_t i = 0; i < sizeof(config_words) / sizeof(config_words[0]); i++)
		if (!strcmp(word, config_words[i].word))
			return config_words[i].rights;
	return ~0u;
}

static const struct {
	unsigned int right;
	const char *word;
} right_words[] = {
	{ MMIOD_MAY_INTERRUPT, "interrupts" },
	{ MMIOD_MAY_READ_CONFIG, "config" },
	{ MMIOD_MAY_WRITE_CONFIG, "config-write" },
	{ MMIOD_MAY_VENDOR_CONFIG, "config-vendor" },
	{ MMIOD_MAY_MASTER, "bus-master" },
	{ MMIOD_MAY_RESET, "reset" },
	{ MMIOD_MAY_RESET_OTHERS, "reset-others" },
	{ MMIOD_MAY_POWER, "power" },
	{ MMIOD_MAY_DMA, "dma" },
	{ MMIOD_MAY_DMA_TRUSTED, "dma-trusted" },
};

void device_right_words(unsigned int rights, char *out, size_t size)
{
	size_t length = 0;

	out[0] = '\0';
	for (size_t i = 0; i < sizeof(right_words) / sizeof(right_words[0]) && length < size; i++)
		if (rights & right_words[i].right)
			length += (size_t)snprintf(out + length, size - length, "%s%s",
						   length ? "," : "", right_words[i].word);
}

/* Those that another needs come with it. */
static unsigned int with_needed(unsigned int right)
{
	switch (right) {
	case MMIOD_MAY_VENDOR_CONFIG:
	case MMIOD_MAY_WRITE_CONFIG:
		return right | MMIOD_MAY_READ_CONFIG;
	case MMIOD_MAY_RESET_OTHERS:
		return right | MMIOD_MAY_RESET;
	case MMIOD_MAY_DMA_TRUSTED:
		return right | MMIOD_MAY_DMA;
	default:
		return right;
	}
}

static unsigned int right_of_word(const char *word, size_t length)
{
	for (size_t i = 1; i < sizeof(right_words) / sizeof(right_words[0]); i++)
		if (strlen(right_words[i].word) == length &&
		    !strncmp(right_words[i].word, word, length))
			return with_needed(right_words[i].right);
	return 0;
}

unsigned int device_rights(const char *words)
{
	unsigned int rights = 0;

	for (;;) {
		size_t length = strcspn(words, ",");
		unsigned int right = right_of_word(words, length);

		if (!right)
			return 0;
		rights |= right;
		if (!words[length])
			return rights;
		words += length + 1;
	}
}
