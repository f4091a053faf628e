/* SPDX-License-Identifier: MIT */
/*
 * Notes: small files of what must outlive the daemon. Their directory lies in /run and so ends with
 * the boot, as leases do. What stands in them is their writers' affair.
 */
#ifndef MMIOD_DAEMON_BROKER_NOTE_H
#define MMIOD_DAEMON_BROKER_NOTE_H

#include <dirent.h>
#include <stdio.h>
#include "broker/broker.h"

int note_directory(struct broker *broker);
/* A descriptor or -errno. One that is created is empty, whatever it was before. */
int note_open(struct broker *broker, const char *name);
int note_create(struct broker *broker, const char *name);
/* The same as a stream, the caller's to close; 0 or -errno. */
int note_create_stream(struct broker *broker, const char *name, FILE **file);
void note_remove(struct broker *broker, const char *name);
/* As scandir(): how many, or -errno. */
int note_list(struct broker *broker, struct dirent ***entries,
	      int (*is_note)(const struct dirent *entry));

#endif
