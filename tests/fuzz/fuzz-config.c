// SPDX-License-Identifier: MIT
/*
 * Configurations under libFuzzer: a main file and, behind a zero byte, a drop-in. A refusal has a
 * sentence that names the file; a configuration that is taken can be asked for decisions.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include "daemon/config/policy.h"
#include "tests/unit/daemon/support/files.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *main_path, *drop_in_path, *directory;

static void prepare(void)
{
	if (main_path)
		return;
	files_make();
	atexit(files_remove);
	main_path = strdup(files_path("main.conf"));
	files_mkdir("conf.d", 0755);
	directory = strdup(files_path("conf.d"));
	drop_in_path = strdup(files_path("conf.d/50.conf"));
}

static void write_file(const char *path, const uint8_t *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, data, size), (ssize_t)size);
	close(fd);
}

static void ask(const struct config_region *region, const struct subject *subject)
{
	static const struct question questions[] = {
		{ .rights = MMIOD_RIGHT_READ, .length = 1 },
		{ .rights = MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE,
		  .share = MMIOD_SHARE_EXCLUSIVE,
		  .memtype = MMIOD_MEMTYPE_WC,
		  .offset = 0x1000,
		  .length = UINT64_MAX - 0x1000 },
		{ .rights = MMIOD_RIGHT_READ, .share = MMIOD_SHARE_WRITE },
	};

	policy_rights(region, subject);
	for (size_t i = 0; i < array_size(questions); i++) {
		char buffer[TEXT_MAX];
		struct text text = TEXT_ON(buffer);
		struct decision decision = policy_decide(region, subject, &questions[i]);

		if (decision.reason != POLICY_GRANTED)
			policy_explain(&text, &decision, region->name, "user", subject,
				       &questions[i]);
	}
}

static void decide(const struct config *config)
{
	static const gid_t gids[] = { 0, 100 };

	for (uid_t uid = 0; uid < 3; uid++) {
		struct subject subject = {
			.uid = uid, .gids = gids, .n_gids = uid, .known = uid != 2
		};

		policy_is_admin(config, &subject);
		for (size_t i = 0; i < config->n_regions; i++)
			ask(config->regions[i], &subject);
		for (unsigned int kind = MMIOD_MEMORY_PAGES; kind <= MMIOD_MEMORY_DMA; kind++)
			policy_decide_memory(config, &subject, (enum mmiod_memory)kind);
	}
}

static void load(bool simulation)
{
	const struct config_paths paths = {
		.main = simulation ? NULL : main_path,
		.directories = { directory },
		.simulation = simulation ? main_path : NULL,
	};
	struct config *config = NULL;
	char buffer[TEXT_MAX] = "";
	struct text why = TEXT_ON(buffer);

	if (config_load(&paths, &config, &why) < 0) {
		cr_assert(buffer[0]);
		cr_assert_null(config);
		return;
	}
	decide(config);
	config_free(config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *second;

	if (size < 1)
		return 0;
	prepare();
	second = memchr(data + 1, '\0', size - 1);
	write_file(main_path, data + 1, second ? (size_t)(second - data) - 1 : size - 1);
	unlink(drop_in_path);
	if (second)
		write_file(drop_in_path, second + 1, size - (size_t)(second - data) - 1);
	load(data[0] & 1);
	return 0;
}
