/* SPDX-License-Identifier: MIT */
/*
 * The files of mmioctl export: export.c has the text for Prometheus, export-http.c serves it.
 */
#ifndef MMIOCTL_EXPORT_H
#define MMIOCTL_EXPORT_H

#include "output/output.h"

/* The text as it is now, to be freed. -ENOMEM, or an error of the client's with its sentence. */
typedef int (*export_text)(struct context *context, char **text, size_t *length);

/* Until a signal ends it: @where is [HOST:]PORT or fd:N. An exit status if it cannot begin. */
int serve_export(struct context *context, const char *where, export_text make);

#endif
