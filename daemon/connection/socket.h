/* SPDX-License-Identifier: MIT */
/* Calls on a client's socket, by its descriptor. */
#ifndef MMIOD_DAEMON_CONNECTION_SOCKET_H
#define MMIOD_DAEMON_CONNECTION_SOCKET_H

#include <stdbool.h>
#include <stddef.h>

int socket_send(int fd, const void *data, size_t length, const int *fds, size_t n_fds);
bool socket_all_read(int fd);
bool socket_has_hung_up(int fd);
void socket_hang_up(int fd);

#endif
