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

/* Bytes; later lines are not read. */
enum { SYSTEM_FILE_MAX = 1024 * 1024 };

bool
sts_nameserver_parse(struct sts_nameserver *server, const char *text)
{
	*server = (struct sts_nameserver){0};
	snprintf(server->text, sizeof(server->text), "%s", text);
	server->usable = sts_host_port_parse(&server->at, text);
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

/* As libc does: the keyword at the beginning of the line, blanks, a word. */
static void
parse_line(struct sts_nameserver_list *list, char *line)
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

/* Parses all lines; returns 0 or an errno. */
static int
parse_lines(struct sts_nameserver_list *list, FILE *file)
{
	size_t size = 0, total = 0;
	char *line = NULL;
	ssize_t len = 0;
	int error;

	while (total < SYSTEM_FILE_MAX &&
	    (len = getline(&line, &size, file)) > 0) {
		total += (size_t)len;
		line[strcspn(line, "\n")] = '\0';
		parse_line(list, line);
	}
	error = len < 0 && !feof(file) ? errno : 0;
	free(line);
	return error;
}

/* Returns 0 or an errno; a missing file has no lines. */
static int
read_system(struct sts_nameserver_list *list, const char *path)
{
	/* Non-blocking, in case it is a pipe. */
	int error, fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	FILE *file;

	if (fd < 0)
		return errno == ENOENT ? 0 : errno;
	if ((file = fdopen(fd, "r")) == NULL) {
		error = errno;
		close(fd);
		return error;
	}
	error = parse_lines(list, file);
	(void)fclose(file);
	return error;
}

enum sts_status
sts_nameserver_system(struct sts_nameserver_list *list, const char *path)
{
	enum sts_status status;
	int error;

	list->count = 0;
	if ((error = read_system(list, path)) != 0) {
		status = sts_fault_traffic(error);
		return status != STS_OK ? status : STS_CONFIG;
	}
	if (list->count == 0) {
		(void)sts_nameserver_parse(
		    &list->server[list->count++], "127.0.0.1");
		list->server[0].implied = true;
	}
	return STS_OK;
}

/* The number of an interface, from its name or number; 0: none. */
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
	struct sockaddr_in6 v6 = server->at.u.v6;

	if (!server->usable)
		return 0;
	memset(out, 0, sizeof(*out));
	if (server->at.u.sa.sa_family == AF_INET) {
		memcpy(out, &server->at.u.v4, sizeof(server->at.u.v4));
		return sizeof(server->at.u.v4);
	}
	if (server->at.zone[0] != '\0' &&
	    (v6.sin6_scope_id = zone_index(server->at.zone)) == 0)
		return 0;
	memcpy(out, &v6, sizeof(v6));
	return sizeof(v6);
}
