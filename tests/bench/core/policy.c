// SPDX-License-Identifier: MIT
/*
 * A decision with 1, 100 and 10,000 rules: each for a region of its own, or all for one region and
 * a user each. Beside it, what looking at each rule for the name of the region and the user would
 * cost.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bench-core.h"
#include "daemon/config/policy.h"

#define DECISIONS 20000
#define FIRST_UID 100000u

static const unsigned int sizes[] = { 1, 100, 10000 };

static char *write_rules(unsigned int rules, bool one_region)
{
	char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	if (!file)
		die("out of memory");
	for (unsigned int i = 0; i < (one_region ? 1 : rules); i++)
		fprintf(file, "[region r%u]\nsize = 64K\n", i);
	for (unsigned int i = 0; i < rules; i++)
		fprintf(file, "[grant g%u]\nregion = r%u\nuser = %u\naccess = rw\n", i,
			one_region ? 0 : i, FIRST_UID + i);
	if (fclose(file))
		die("out of memory");
	return text;
}

/*
 * Of one decision, in nanoseconds: by everybody in turn whom a rule is for, or by one whom none is
 * for.
 */
static double decide(const struct config *config, unsigned int rules, bool one_region,
		     bool stranger)
{
	const struct question question = { .rights = MMIOD_RIGHT_READ, .length = 4096 };
	unsigned int count = rules > 100 && one_region ? DECISIONS / 100 : DECISIONS, right = 0;
	uint64_t start = cpu_ns();

	for (unsigned int i = 0; i < count; i++) {
		unsigned int rule = (unsigned int)((uint64_t)i * 7919 % rules);
		struct subject subject = { .uid = stranger ? 1 : FIRST_UID + rule, .known = true };
		struct decision decision =
			policy_decide(config->regions[one_region ? 0 : rule], &subject, &question);

		right += (decision.reason == POLICY_GRANTED) != stranger;
	}
	if (right != count)
		die("a decision is wrong");
	return (double)(cpu_ns() - start) / count;
}

static double scan(const struct config *config, unsigned int rules, bool one_region)
{
	unsigned int count = rules > 100 ? DECISIONS / 100 : DECISIONS, right = 0;
	uint64_t start = cpu_ns();
	char name[16];

	for (unsigned int i = 0; i < count; i++) {
		unsigned int rule = (unsigned int)((uint64_t)i * 7919 % rules);

		snprintf(name, sizeof(name), "r%u", one_region ? 0 : rule);
		for (size_t g = 0; g < config->n_grants; g++) {
			const struct config_grant *grant = config->grants[g];

			if (strcmp(grant->regions.items[0], name) != 0 ||
			    grant->users.items[0].id != FIRST_UID + rule)
				continue;
			right++;
			break;
		}
	}
	if (right != count)
		die("a scan is wrong");
	return (double)(cpu_ns() - start) / count;
}

static void measure(unsigned int rules, bool one_region, unsigned int runs)
{
	double loads[RUNS_MAX], grants[RUNS_MAX], denials[RUNS_MAX], scans[RUNS_MAX];
	char *text = write_rules(rules, one_region);

	for (unsigned int run = 0; run < runs; run++) {
		uint64_t start = cpu_ns();
		struct config *config = load(text);

		loads[run] = (double)(cpu_ns() - start) / 1e6;
		grants[run] = decide(config, rules, one_region, false);
		denials[run] = decide(config, rules, one_region, true);
		scans[run] = scan(config, rules, one_region);
		config_free(config);
	}
	printf("%8u %-18s %10.0f %10.0f %12.0f %10.1f\n", rules,
	       one_region ? "all for one region" : "a region each", median(grants, runs),
	       median(denials, runs), median(scans, runs), median(loads, runs));
	fflush(stdout);
	free(text);
}

void policy_measure(unsigned int runs)
{
	printf("\nA decision of policy; medians of %u runs.\n\n%8s %-18s %10s %10s %12s %10s\n",
	       runs, "rules", "", "granted ns", "denied ns", "full scan ns", "load ms");
	for (int one = 0; one < 2; one++)
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
			measure(sizes[i], one, runs);
}
