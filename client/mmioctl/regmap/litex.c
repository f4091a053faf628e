/* SPDX-License-Identifier: MIT */
/*
 * A register map from LiteX's list of registers.
 *
 * Addresses are on the SoC's bus. The size of a register counts words of the SoC's CSR data width; each
 * word has an address of its own. Two words of 32 bits are a register of 64 bits; the list does not say
 * which word is the more significant, and LiteX's default is the first. What is longer, or has other
 * words, is one register a word: NAME_0, NAME_1, in order of address.
 */
#include "regmap/litex.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

void litex_add(struct litex *litex, struct litex_list *list, const struct litex_item *item)
{
	struct litex_item *items = list->items;

	if (list->count == (list == &litex->bases ? LITEX_BASES_MAX : MAP_REGISTERS_MAX)) {
		build_refuse(litex->build, item->line, "there are more than %zu %s in it",
			     list->count, list == &litex->bases ? "peripherals" : "registers");
		return;
	}
	if (!(list->count & (list->count - 1)))
		items = reallocarray(items, list->count ? list->count * 2 : 1, sizeof(*items));
	if (!items) {
		build_no_memory(litex->build);
		return;
	}
	list->items = items;
	items[list->count] = *item;
	items[list->count].name = strdup(item->name);
	if (items[list->count].name)
		list->count++;
	else
		build_no_memory(litex->build);
}

bool litex_type(struct litex *litex, unsigned int line, const char *word, bool *read_only)
{
	*read_only = !strcmp(word, "ro");
	if (!*read_only && strcmp(word, "rw"))
		build_refuse(litex->build, line, "type \"%.40s\": it is ro or rw", word);
	return !litex->build->err;
}

void litex_constant(struct litex *litex, const char *name, uint64_t number)
{
	if (!strcasecmp(name, "config_csr_data_width"))
		litex->data_width = number;
	else if (!strcasecmp(name, "config_csr_alignment"))
		litex->alignment = number;
}

/* ---- the map ---- */

static bool check_widths(struct litex *litex)
{
	if (!litex->data_width)
		litex->data_width = 32;
	if (!litex->alignment)
		litex->alignment = 32;
	if (litex->data_width != 8 && litex->data_width != 16 && litex->data_width != 32)
		build_refuse(litex->build, 0, "config_csr_data_width %llu: it is 8, 16 or 32",
			     (unsigned long long)litex->data_width);
	if (litex->alignment != 32 && litex->alignment != 64)
		build_refuse(litex->build, 0, "config_csr_alignment %llu: it is 32 or 64",
			     (unsigned long long)litex->alignment);
	return !litex->build->err;
}

static void add_word(struct litex *litex, const struct litex_item *item, const char *name,
		     uint64_t offset, unsigned int width)
{
	struct map_register *reg = build_register(litex->build, item->line, name);

	if (!reg)
		return;
	reg->offset = offset;
	reg->placed = true;
	reg->width = width;
	reg->access = item->read_only ? MAP_RO : MAP_RW;
	build_finish_register(litex->build, reg);
}

static void add_register(struct litex *litex, const struct litex_item *item, const char *name,
			 uint64_t offset)
{
	uint64_t stride = litex->alignment / 8;
	char word[MAP_NAME_MAX + 24];

	if (item->words == 1 || (item->words == 2 && litex->data_width == 32 && stride == 4)) {
		add_word(litex, item, name, offset, item->words == 1 ? 4 : 8);
		return;
	}
	for (uint64_t i = 0; i < item->words && !litex->build->err; i++) {
		snprintf(word, sizeof(word), "%.*s_%llu", MAP_NAME_MAX, name,
			 (unsigned long long)i);
		add_word(litex, item, word, offset + i * stride, 4);
	}
}

/* ---- which ---- */

static bool begins_with(const char *name, const char *base)
{
	size_t length = strlen(base);

	return !strncasecmp(name, base, length) && name[length] == '_' && name[length + 1];
}

/* Of uart_phy_x, uart_phy is the peripheral if there is one of that name, and not uart. */
static bool is_of(const struct litex *litex, const char *name, const struct litex_item *base)
{
	if (!begins_with(name, base->name))
		return false;
	for (size_t i = 0; i < litex->bases.count; i++)
		if (strlen(litex->bases.items[i].name) > strlen(base->name) &&
		    begins_with(name, litex->bases.items[i].name))
			return false;
	return true;
}

static const struct litex_item *find_base(struct litex *litex, const char *name)
{
	char list[360] = "none";
	size_t used = 0;

	for (size_t i = 0; i < litex->bases.count; i++) {
		const char *other = litex->bases.items[i].name;

		if (!strcasecmp(other, name))
			return &litex->bases.items[i];
		if (used + strlen(other) + 8 < sizeof(list))
			used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s",
						 used ? ", " : "", other);
	}
	build_refuse(litex->build, 0, "there is no peripheral \"%s\": there are %s", name, list);
	return NULL;
}

static void add_registers(struct litex *litex, const struct litex_item *only, uint64_t base)
{
	for (size_t i = 0; i < litex->registers.count && !litex->build->err; i++) {
		const struct litex_item *item = &litex->registers.items[i];
		size_t skip = only ? strlen(only->name) + 1 : 0;

		if (only && !is_of(litex, item->name, only))
			continue;
		if (item->address < base || item->address > MAP_ADDRESS_MAX)
			build_refuse(litex->build, item->line,
				     "%.100s lies at 0x%llx, which is not from the base 0x%llx on",
				     item->name, (unsigned long long)item->address,
				     (unsigned long long)base);
		else if (!item->words || item->words > MAP_REGISTERS_MAX)
			build_refuse(litex->build, item->line,
				     "%.100s: size %llu: it has 1 to %d words", item->name,
				     (unsigned long long)item->words, MAP_REGISTERS_MAX);
		else
			add_register(litex, item, item->name + skip, item->address - base);
	}
}

static void make_map(struct litex *litex, const struct map_choice *choice)
{
	const struct litex_item *only = NULL;
	uint64_t base = litex->memory.value;

	if (choice->peripheral)
		only = find_base(litex, choice->peripheral);
	if (only) {
		base = only->address;
		build_text(litex->build, only->name, strlen(only->name), &litex->build->map->title);
	}
	if (choice->base.is)
		base = choice->base.value;
	else if (!only && !litex->memory.is && !choice->all)
		build_refuse(
			litex->build, 0,
			"it has no memory region csr: name the base address that its registers "
			"count from");
	litex->build->map->word = 4;
	litex->build->map->big = true;
	if (!litex->build->err)
		add_registers(litex, only, base);
	if (!litex->build->err && !litex->build->map->count && !litex->build->hearing)
		build_refuse(litex->build, 0, "there is no register in it");
}

static void free_list(struct litex_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i].name);
	free(list->items);
}

void litex_finish(struct litex *litex, const struct map_choice *choice)
{
	if (!litex->build->err && check_widths(litex))
		make_map(litex, choice);
	free_list(&litex->bases);
	free_list(&litex->registers);
}
