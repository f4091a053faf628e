/* SPDX-License-Identifier: MIT */
#include "support/configuration.h"

#include <criterion/criterion.h>
#include <string.h>
#include "support/files.h"

char why_buffer[TEXT_MAX];
struct text why = TEXT_ON(why_buffer);

struct config *load(const struct config_paths *paths)
{
	struct config *config = NULL;

	cr_assert_eq(config_load(paths, &config, &why), 0, "%s", why_buffer);
	return config;
}

struct config *load_text(const char *content)
{
	struct config_paths paths = { .main = files_write("mmiod.conf", 0644, content),
				      .main_required = true };

	return load(&paths);
}

void refused(const struct config_paths *paths, const char *file, unsigned int line,
	     const char *words)
{
	struct config *config = NULL;
	char copy[256], *rest = copy, *word, prefix[256];

	cr_assert_lt(config_load(paths, &config, &why), 0, "was taken");
	cr_assert_null(config);
	snprintf(prefix, sizeof(prefix), "%s:%u: ", file, line);
	cr_assert_eq(strncmp(why_buffer, prefix, strlen(prefix)), 0,
		     "\"%s\" does not start with \"%s\"", why_buffer, prefix);
	snprintf(copy, sizeof(copy), "%s", words);
	while ((word = strsep(&rest, "|")))
		cr_assert_not_null(strstr(why_buffer, word), "\"%s\" lacks \"%s\"", why_buffer,
				   word);
}

void refused_text(const char *content, unsigned int line, const char *words)
{
	struct config_paths paths = { .main = files_write("mmiod.conf", 0644, content),
				      .main_required = true };

	refused(&paths, paths.main, line, words);
}
