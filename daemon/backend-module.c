// SPDX-License-Identifier: MIT
#include "backend.h"
int backend_module_open(struct backend **backendp, struct text *why)
{
	text_set(why, "not yet");
	return -ENODEV;
}
