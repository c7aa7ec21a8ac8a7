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

static const char system_list[] = "/etc/resolv.conf";

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

/* No names: looking one up would need a name server. */
static bool
is_address(int family, struct sts_span text, char *out, size_t size)
{
	unsigned char binary[sizeof(struct in6_addr)];

	return sts_span_copy(text, out, size) &&
	    inet_pton(family, out, binary) == 1;
}

bool
sts_nameserver_rewrite(const char *text, char out[STS_NAMESERVER_TEXT])
{
	struct sts_cursor c = sts_cursor_make(text, strlen(text));
	struct sts_span whole = {text, strlen(text)};
	struct sts_span host;
	char address[INET6_ADDRSTRLEN];
	int64_t port = 53;
	bool v6 = true;

	/* "::1:53" is an address, not one with a port: whole text first. */
	if (is_address(AF_INET6, whole, address, sizeof(address))) {
		/* without brackets: no port */
	} else if (sts_cursor_byte(&c, '[')) {
		if (!sts_cursor_until(&c, ']', &host) ||
		    c.p == host.p + host.len || /* no bracket */
		    !is_address(AF_INET6, host, address, sizeof(address)) ||
		    !take_port(&c, &port))
			return false;
	} else {
		v6 = false;
		host = (struct sts_span){text, strcspn(text, ":")};
		c.p += host.len;
		if (!is_address(AF_INET, host, address, sizeof(address)) ||
		    !take_port(&c, &port))
			return false;
	}
	snprintf(out, STS_NAMESERVER_TEXT, v6 ? "[%s]:%d" : "%s:%d", address,
	    (int)port);
	return true;
}

enum sts_status
sts_nameserver_list(char **list, const struct sts_config *config)
{
	size_t count = config->nameserver_count;
	char *at;

	*list = NULL;
	if (count == 0)
		return STS_OK;
	if (count > STS_NAMESERVERS_MAX)
		return STS_CONFIG;
	*list = at = calloc(count, STS_NAMESERVER_TEXT);
	if (at == NULL)
		return STS_NO_MEMORY;
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			*at++ = ',';
		if (!sts_nameserver_rewrite(config->nameservers[i], at)) {
			free(*list);
			*list = NULL;
			return STS_CONFIG;
		}
		at += strlen(at);
	}
	return STS_OK;
}

enum sts_status
sts_nameserver_check_system(void)
{
	/* Non-blocking, in case somebody made it a pipe. */
	int fd = open(system_list, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	enum sts_status status;

	if (fd >= 0) {
		close(fd);
		return STS_OK;
	}
	if (errno == ENOENT)
		return STS_OK;
	status = sts_fault_traffic(errno);
	return status == STS_OK ? STS_CONFIG : status;
}
