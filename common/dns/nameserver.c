/* SPDX-License-Identifier: ISC */
#include "dns/nameserver.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cursor.h"
#include "base/fault.h"

enum { SYSTEM_FILE_MAX = 65536 }; /* bytes; what lies beyond is not read */

/* ":PORT" or nothing, and then the end. */
static bool
take_port(struct sts_cursor *c, int64_t *port)
{
	*port = 53;
	if (sts_cursor_left(c) == 0)
		return true;
	return sts_cursor_byte(c, ':') && sts_cursor_number(c, 5, port) &&
	    *port >= 1 && *port <= UINT16_MAX && sts_cursor_left(c) == 0;
}

/* An IPv6 address with or without a zone. */
static bool
take_v6(struct sts_nameserver *server, struct sts_span text)
{
	const char *percent = memchr(text.p, '%', text.len);
	struct sts_span zone = {NULL, 0};
	char address[INET6_ADDRSTRLEN];

	if (percent != NULL) {
		zone.p = percent + 1;
		zone.len = text.len - (size_t)(zone.p - text.p);
		text.len = (size_t)(percent - text.p);
		if (zone.len == 0 ||
		    !sts_span_copy(zone, server->zone, sizeof(server->zone)))
			return false;
	}
	server->u.v6.sin6_family = AF_INET6;
	return sts_span_copy(text, address, sizeof(address)) &&
	    inet_pton(AF_INET6, address, &server->u.v6.sin6_addr) == 1;
}

static bool
take_v4(struct sts_nameserver *server, struct sts_span text)
{
	char address[INET_ADDRSTRLEN];

	server->u.v4.sin_family = AF_INET;
	return sts_span_copy(text, address, sizeof(address)) &&
	    inet_pton(AF_INET, address, &server->u.v4.sin_addr) == 1;
}

static bool
take(struct sts_nameserver *server, const char *text, int64_t *port)
{
	struct sts_cursor c = sts_cursor_make(text, strlen(text));
	struct sts_span host = {text, strlen(text)};

	/* "::1:53" is an address, not one with a port: whole text first. */
	if (take_v6(server, host))
		return true;
	server->zone[0] = '\0';
	if (sts_cursor_byte(&c, '['))
		return sts_cursor_until(&c, ']', &host) &&
		    c.p != host.p + host.len && /* there is a bracket */
		    take_v6(server, host) && take_port(&c, port);
	host.len = strcspn(text, ":");
	c.p += host.len;
	return take_v4(server, host) && take_port(&c, port);
}

/* No names: looking one up would need a name server. */
bool
sts_nameserver_parse(struct sts_nameserver *server, const char *text)
{
	int64_t port = 53;

	*server = (struct sts_nameserver){0};
	snprintf(server->text, sizeof(server->text), "%s", text);
	server->usable = take(server, text, &port);
	if (server->u.sa.sa_family == AF_INET6)
		server->u.v6.sin6_port = htons((uint16_t)port);
	else
		server->u.v4.sin_port = htons((uint16_t)port);
	return server->usable;
}

enum sts_status
sts_nameserver_config(
    struct sts_nameserver_list *list, const struct sts_config *config)
{
	list->count = 0;
	if (config->nameserver_count > STS_NAMESERVERS_MAX)
		return STS_CONFIG;
	for (size_t i = 0; i < config->nameserver_count; i++) {
		if (!sts_nameserver_parse(
			&list->server[list->count++], config->nameservers[i]))
			return STS_CONFIG;
	}
	return STS_OK;
}

/* As libc reads it: the keyword at the very beginning, blanks, a word. */
static void
take_line(struct sts_nameserver_list *list, char *line)
{
	static const char keyword[] = "nameserver";
	size_t len = sizeof(keyword) - 1;

	if (list->count == STS_SYSTEM_SERVERS ||
	    strncmp(line, keyword, len) != 0 || strspn(line + len, " \t") == 0)
		return;
	line += len + strspn(line + len, " \t");
	line[strcspn(line, " \t\r;#")] = '\0';
	if (line[0] != '\0')
		(void)sts_nameserver_parse(&list->server[list->count++], line);
}

static void
take_lines(struct sts_nameserver_list *list, char *text)
{
	char *line, *rest = text;

	list->count = 0;
	while ((line = strsep(&rest, "\n")) != NULL)
		take_line(list, line);
	if (list->count == 0)
		(void)sts_nameserver_parse(
		    &list->server[list->count++], "127.0.0.1");
}

/* The length, or -1 with errno. */
static ssize_t
read_all(int fd, char *text, size_t size)
{
	size_t len = 0;
	ssize_t got = 1;

	while (got > 0 && len < size) {
		got = read(fd, text + len, size - len);
		if (got < 0 && errno == EINTR)
			got = 1;
		else if (got > 0)
			len += (size_t)got;
	}
	return got < 0 ? -1 : (ssize_t)len;
}

enum sts_status
sts_nameserver_system(struct sts_nameserver_list *list, const char *path)
{
	/* Non-blocking, in case it was made a pipe. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char *text = calloc(1, SYSTEM_FILE_MAX + 1);
	enum sts_status status = STS_OK;
	ssize_t len = 0;

	if (text == NULL) {
		status = STS_NO_MEMORY;
		goto out;
	}
	if (fd >= 0)
		len = read_all(fd, text, SYSTEM_FILE_MAX);
	if ((fd < 0 && errno != ENOENT) || len < 0) {
		status = sts_fault_traffic(errno);
		if (status == STS_OK)
			status = STS_CONFIG;
		goto out;
	}
	take_lines(list, text);
out:
	if (fd >= 0)
		close(fd);
	free(text);
	return status;
}

/* The number of an interface, given by its name or as that number; 0: none. */
static unsigned
zone_index(const char *zone)
{
	struct sts_cursor c = sts_cursor_make(zone, strlen(zone));
	unsigned index = if_nametoindex(zone);
	int64_t number;

	if (index == 0 && sts_cursor_number(&c, 9, &number) &&
	    sts_cursor_left(&c) == 0)
		index = (unsigned)number;
	return index;
}

socklen_t
sts_nameserver_address(
    const struct sts_nameserver *server, struct sockaddr_storage *out)
{
	struct sockaddr_in6 v6 = server->u.v6;

	if (!server->usable)
		return 0;
	memset(out, 0, sizeof(*out));
	if (server->u.sa.sa_family == AF_INET) {
		memcpy(out, &server->u.v4, sizeof(server->u.v4));
		return sizeof(server->u.v4);
	}
	if (server->zone[0] != '\0' &&
	    (v6.sin6_scope_id = zone_index(server->zone)) == 0)
		return 0;
	memcpy(out, &v6, sizeof(v6));
	return sizeof(v6);
}
