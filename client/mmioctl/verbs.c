/* SPDX-License-Identifier: MIT */
/*
 * The table of verbs. The code of each and its help are in the file of its group.
 */
#include "verb.h"

#define POINT_TO_VERB(name) &name##_verb,
const struct verb *const verbs[] = { VERBS(POINT_TO_VERB) NULL };
