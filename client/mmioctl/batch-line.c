/* SPDX-License-Identifier: MIT */
/*
 * Words are quoted as in a shell: '…' takes all as it is, "…" and what is outside of quotes know the
 * backslash. Nothing is expanded. # at the start of a word begins a comment.
 */
#include "batch-line.h"

#include <string.h>

struct splitter {
	const char *text;
	size_t length;
	size_t at;
	char *out;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* What a backslash stands before; within double quotes it is only special before these. */
static bool take_escaped(struct splitter *splitter, bool quoted)
{
	char next;

	if (splitter->at + 1 >= splitter->length)
		return false;
	next = splitter->text[splitter->at + 1];
	if (quoted && next != '"' && next != '\\')
		*splitter->out++ = '\\';
	*splitter->out++ = next;
	splitter->at += 2;
	return true;
}

/* False: the quotes are not closed, or a backslash stands at the end. */
static bool take_quoted(struct splitter *splitter, char quote)
{
	for (splitter->at++; splitter->at < splitter->length;) {
		char c = splitter->text[splitter->at];

		if (c == quote) {
			splitter->at++;
			return true;
		}
		if (c == '\\' && quote == '"') {
			if (!take_escaped(splitter, true))
				return false;
			continue;
		}
		*splitter->out++ = c;
		splitter->at++;
	}
	return false;
}

/* NULL, or what is wrong at @broken_at. */
static const char *take_word(struct splitter *splitter, size_t *broken_at)
{
	while (splitter->at < splitter->length && !is_blank(splitter->text[splitter->at])) {
		char c = splitter->text[splitter->at];

		*broken_at = splitter->at + 1;
		if (c == '\0')
			return "a zero byte: this is no text";
		if (c == '\'' || c == '"') {
			if (!take_quoted(splitter, c))
				return "the quotes that begin here are not closed";
		} else if (c == '\\') {
			if (!take_escaped(splitter, false))
				return "nothing stands behind the backslash";
		} else {
			*splitter->out++ = c;
			splitter->at++;
		}
	}
	*splitter->out++ = '\0';
	*broken_at = 0;
	return NULL;
}

static const char *ends_with(const char *word, const char *part, size_t length)
{
	size_t size = strlen(word);

	if (size < length || memcmp(word + size - length, part, length))
		return NULL;
	return word + size - length;
}

/* The word that ends with what the sentence quotes: targets are quoted from the mistake on. */
static size_t quoted_column(const struct line *line, const char *sentence)
{
	for (const char *at = strchr(sentence, '"'); at; at = strchr(at, '"')) {
		size_t length = strcspn(++at, "\"");

		for (size_t i = 1; length && i < line->count; i++) {
			const char *found = ends_with(line->words[i], at, length);

			if (found && line->quoted[i])
				return line->columns[i];
			if (found)
				return line->columns[i] + (size_t)(found - line->words[i]);
		}
		at += length;
		if (!*at++)
			break;
	}
	return 0;
}

/* The longest word, an option without its argument, that the sentence has. */
static size_t named_column(const struct line *line, const char *sentence)
{
	size_t best = 0, column = 0;

	for (size_t i = 2; i < line->count; i++) {
		const char *word = line->words[i];
		size_t length = word[0] == '-' ? strcspn(word, "=") : strlen(word);

		if (length <= best || length < 2 ||
		    !memmem(sentence, strlen(sentence), word, length))
			continue;
		best = length;
		column = line->columns[i];
	}
	return column;
}

static size_t column_of(const struct position *position, const char *sentence)
{
	const struct line *line = (const struct line *)position;
	size_t column = line->broken_at;

	if (!column)
		column = quoted_column(line, sentence);
	if (!column)
		column = named_column(line, sentence);
	return column ? column : line->count > 1 ? line->columns[1] : 1;
}

const char *line_split(struct line *line, const char *text, size_t length, char *copy)
{
	struct splitter splitter = { .text = text, .length = length, .out = copy };
	const char *problem = NULL;

	line->position.column = column_of;
	line->words[0] = (char *)"mmioctl";
	line->words[1] = NULL;
	line->count = 1;
	line->broken_at = 0;
	while (!problem) {
		while (splitter.at < length && is_blank(text[splitter.at]))
			splitter.at++;
		if (splitter.at == length || text[splitter.at] == '#')
			break;
		line->broken_at = splitter.at + 1;
		if (line->count == LINE_WORDS_MAX)
			return "more words than a line may have";
		line->words[line->count] = splitter.out;
		line->columns[line->count++] = splitter.at + 1;
		problem = take_word(&splitter, &line->broken_at);
		line->quoted[line->count - 1] = strlen(line->words[line->count - 1]) !=
						splitter.at + 1 - line->columns[line->count - 1];
		line->words[line->count] = NULL;
	}
	return problem;
}
