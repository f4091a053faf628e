/* SPDX-License-Identifier: MIT */
/*
 * mmioctl export --listen: the counters by HTTP, for a Prometheus that fetches them itself. One
 * connection to the daemon serves all, and a daemon that is away costs its readers nothing but an
 * answer that says so. The socket is ours, or one that systemd opened and hands on.
 *
 * Readers are not trusted. One that says nothing is dropped after a while, and when they have used up
 * our descriptors the next ones wait, rather than that we try again and again.
 */
#include "verbs/export.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define SILENCE_S 30 /* Prometheus asks every 15 s, and keeps its connection */
#define HEADERS_MAX 8192
#define BODY_MAX 1024 /* nobody has anything to send */
#define RESPITE_MS 200

struct server {
	struct context *context;
	export_text make;
	struct event_base *base;
	struct evhttp *http;
	struct evconnlistener *listener;
	struct event *respite; /* until connections are taken again */
};

/* ---- answers ---- */

static void answer(struct evhttp_request *request, int code, const char *reason, const char *text,
		   size_t length)
{
	struct evbuffer *body = evhttp_request_get_output_buffer(request);

	evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Type",
			  "text/plain; version=0.0.4; charset=utf-8");
	evbuffer_add(body, text, length);
	evhttp_send_reply(request, code, reason, NULL);
}

/* The next one connects anew: what was wrong may have been the connection. */
static void answer_failure(struct server *server, struct evhttp_request *request, int err)
{
	struct context *context = server->context;
	char text[512];

	snprintf(text, sizeof(text), "%s\n",
		 err == -ENOMEM ? strerror(ENOMEM) : mmiod_client_error(context->client));
	mmiod_client_free(context->client);
	context->client = NULL;
	answer(request, HTTP_SERVUNAVAIL, "Service Unavailable", text, strlen(text));
}

static void on_metrics(struct evhttp_request *request, void *data)
{
	struct server *server = data;
	size_t length = 0;
	char *text = NULL;
	int err = server->make(server->context, &text, &length);

	if (err)
		answer_failure(server, request, err);
	else
		answer(request, HTTP_OK, "OK", text, length);
	free(text);
}

static void on_other(struct evhttp_request *request, void *data)
{
	static const char text[] = "mmiod's counters are at /metrics\n";

	answer(request, HTTP_NOTFOUND, "Not Found", text, sizeof(text) - 1);
}

/* ---- the socket ---- */

static void on_respite(evutil_socket_t fd, short what, void *data)
{
	struct server *server = data;

	evconnlistener_enable(server->listener);
}

/* What it is called with is evhttp's, as the listener is. */
static struct server *listening;

static void on_accept_failed(struct evconnlistener *listener, void *data)
{
	static const struct timeval respite = { .tv_usec = RESPITE_MS * 1000 };

	evconnlistener_disable(listener);
	event_add(listening->respite, &respite);
}

/* "9753", "localhost:9753", "[::1]:9753"; here only, unless a host is given. */
static bool split_address(const char *where, char *host, size_t size, uint16_t *port)
{
	const char *colon = strrchr(where, ':'), *digits = colon ? colon + 1 : where;
	size_t length = colon ? (size_t)(colon - where) : 0;
	unsigned long number;
	char *end;

	if (colon && where[0] == '[' && where[length - 1] == ']') {
		where++;
		length -= 2;
	} else if (memchr(where, ':', length)) {
		return false;
	}
	if (length >= size || (colon && !length))
		return false;
	snprintf(host, size, "%.*s", (int)length, length ? where : "");
	if (!length)
		snprintf(host, size, "127.0.0.1");
	number = strtoul(digits, &end, 10);
	*port = (uint16_t)number;
	return digits[0] >= '0' && digits[0] <= '9' && !*end && number <= UINT16_MAX;
}

static int bind_address(struct server *server, const char *where)
{
	struct evhttp_bound_socket *bound;
	char host[256];
	uint16_t port;

	if (!split_address(where, host, sizeof(host), &port))
		return usage_error(
			server->context,
			"--listen \"%s\": it is PORT, HOST:PORT, [IPV6]:PORT or fd:N, with "
			"a port from 0 to 65535",
			where);
	errno = 0;
	bound = evhttp_bind_socket_with_handle(server->http, host, port);
	if (!bound)
		return report(server->context, errno ? -errno : -EADDRNOTAVAIL, "--listen %s: %s",
			      where, errno ? strerror(errno) : "no such address here");
	server->listener = evhttp_bound_socket_get_listener(bound);
	return STATUS_OK;
}

static int take_descriptor(struct server *server, const char *where)
{
	int listens = 0;
	socklen_t size = sizeof(listens);
	char *end;
	long fd = strtol(where + 3, &end, 10);
	struct evhttp_bound_socket *bound = NULL;

	if (!where[3] || *end || fd < 0 || fd > INT32_MAX)
		return usage_error(server->context, "--listen \"%s\": fd:N, N being a descriptor",
				   where);
	if (getsockopt((int)fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) || !listens)
		return report(
			server->context, -EBADF,
			"--listen %s: descriptor %ld is no socket that listens; systemd hands "
			"on the first one as 3",
			where, fd);
	if (!evutil_make_socket_nonblocking((int)fd))
		bound = evhttp_accept_socket_with_handle(server->http, (int)fd);
	if (!bound)
		return out_of_memory(server->context);
	server->listener = evhttp_bound_socket_get_listener(bound);
	return STATUS_OK;
}

/* The port that it became, for whoever asked for any. */
static void tell_address(const struct server *server)
{
	struct sockaddr_storage address;
	socklen_t size = sizeof(address);
	char host[64] = "";
	int port = -1;

	if (getsockname(evconnlistener_get_fd(server->listener), (struct sockaddr *)&address,
			&size))
		return;
	if (address.ss_family == AF_INET) {
		const struct sockaddr_in *four = (const struct sockaddr_in *)&address;

		evutil_inet_ntop(AF_INET, &four->sin_addr, host, sizeof(host));
		port = be16toh(four->sin_port);
	} else if (address.ss_family == AF_INET6) {
		const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)&address;

		host[0] = '[';
		evutil_inet_ntop(AF_INET6, &six->sin6_addr, host + 1, sizeof(host) - 2);
		strcat(host, "]");
		port = be16toh(six->sin6_port);
	}
	if (port >= 0)
		fprintf(stderr, "serving http://%s:%d/metrics\n", host, port);
}

/* ---- the server ---- */

static int begin(struct server *server, const char *where)
{
	int status;

	server->base = event_base_new();
	server->http = server->base ? evhttp_new(server->base) : NULL;
	server->respite = server->http ? evtimer_new(server->base, on_respite, server) : NULL;
	if (!server->respite || evhttp_set_cb(server->http, "/metrics", on_metrics, server))
		return out_of_memory(server->context);
	evhttp_set_gencb(server->http, on_other, server);
	evhttp_set_allowed_methods(server->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
	evhttp_set_timeout(server->http, SILENCE_S);
	evhttp_set_max_headers_size(server->http, HEADERS_MAX);
	evhttp_set_max_body_size(server->http, BODY_MAX);
	status = strncmp(where, "fd:", 3) ? bind_address(server, where)
					  : take_descriptor(server, where);
	if (status)
		return status;
	listening = server;
	evconnlistener_set_error_cb(server->listener, on_accept_failed);
	tell_address(server);
	return STATUS_OK;
}

int serve_export(struct context *context, const char *where, export_text make)
{
	struct server server = { .context = context, .make = make };
	int status = begin(&server, where);

	signal(SIGPIPE, SIG_IGN); /* readers may leave at any time */
	if (!status)
		status = event_base_dispatch(server.base) < 0 ? STATUS_FAILED : STATUS_OK;
	if (server.respite)
		event_free(server.respite);
	if (server.http)
		evhttp_free(server.http);
	if (server.base)
		event_base_free(server.base);
	return status;
}
