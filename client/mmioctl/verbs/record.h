/* SPDX-License-Identifier: MIT */
/*
 * Sheets: what a record is written to, in one of its forms.
 */
#ifndef MMIOCTL_RECORD_H
#define MMIOCTL_RECORD_H

#include "target/sample.h"

enum sheet_form {
	SHEET_CSV,
	SHEET_GNUPLOT,
	SHEET_JSON,
};

struct sheet {
	struct sampling *sampling;
	enum sheet_form form;
	int fd;
	const char *name; /* of the output */
	char *buffer; /* owned */
	size_t used;
	uint64_t drained; /* ns, when last */
	int err; /* of the output */
};

/* @file: NULL or "-" is standard output; one that is there is written over if @force. Exit status. */
int sheet_open(struct sheet *sheet, struct sampling *sampling, enum sheet_form form,
	       const char *file, bool force);
/* @status as it is, or that of an error that comes only now. One that was not opened may be closed. */
int sheet_close(struct sheet *sheet, int status);

void sheet_head(struct sheet *sheet);
void sheet_row(struct sheet *sheet, const struct sample *sample);
void sheet_mark(struct sheet *sheet, const char *mark);
/* @when: what it began by. */
void sheet_started(struct sheet *sheet, const char *when);
/* The last line, and all that has not gone out. Exit status. */
int sheet_end(struct sheet *sheet, uint64_t rows);

/* For a few lines. */
bool sheet_has_room(struct sheet *sheet);
/*
 * Without room nothing is read: the ticks until there is some are missed. false: there is none yet, and no
 * signal has come.
 */
bool sheet_wait(struct sheet *sheet);
/* Lets out what is there, in good time for whoever looks on. */
void sheet_hurry(struct sheet *sheet);

#endif
