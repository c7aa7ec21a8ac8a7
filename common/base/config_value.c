/* SPDX-License-Identifier: ISC */
#include "base/config_value.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/cursor.h"

const char *
sts_config_quote(const char *value, char buf[STS_QUOTED_BYTES])
{
	size_t used = 0;

	buf[used++] = '"';
	for (; *value != '\0'; value++) {
		unsigned char byte = (unsigned char)*value;
		bool plain =
		    byte >= ' ' && byte < 0x7f && byte != '"' && byte != '\\';

		/* Room for an escape, the dots, the quote and the NUL. */
		if (used + 10 > STS_QUOTED_BYTES) {
			memcpy(buf + used, "...", 3);
			used += 3;
			break;
		}
		used += (size_t)snprintf(buf + used, STS_QUOTED_BYTES - used,
		    plain ? "%c" : "\\x%02x", byte);
	}
	buf[used++] = '"';
	buf[used] = '\0';
	return buf;
}

/* The bytes of a label; core/domain.h checks UTF-8. */
static bool
is_name_byte(unsigned char byte)
{
	return sts_is_alnum(byte) || byte == '-' || byte == '_' || byte >= 0x80;
}

bool
sts_config_name(char *name)
{
	size_t len = strlen(name), label = 0;
	bool ascii = true;

	if (len > 0 && name[len - 1] == '.')
		name[--len] = '\0';
	if (len == 0 || name[0] == '-')
		return false;
	for (char *p = name; *p != '\0'; p++) {
		/* The length limit of U-labels applies to their A-labels. */
		ascii = ascii && (unsigned char)*p < 0x80;
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p | 0x20);
		if (*p == '.' ? label == 0 : !is_name_byte((unsigned char)*p))
			return false;
		label = *p == '.' ? 0 : label + 1;
		if (ascii && label > 63)
			return false;
	}
	return label > 0 && (!ascii || len <= STS_NAME_MAX);
}

/* The name of an interface, or its number (RFC 4007 11.2). */
static bool
is_zone(const char *zone)
{
	size_t len = strlen(zone);

	for (size_t i = 0; i < len; i++) {
		unsigned char byte = (unsigned char)zone[i];

		if (byte <= ' ' || byte >= 0x7f || strchr("/%[]", byte) != NULL)
			return false;
	}
	return len > 0 && len < IF_NAMESIZE;
}

/* ":PORT" or nothing, then the end. */
static bool
parse_port(struct sts_cursor *c, int64_t *port)
{
	*port = 53;
	if (sts_cursor_left(c) == 0)
		return true;
	return sts_cursor_byte(c, ':') && sts_cursor_number(c, 5, port) &&
	    *port >= 1 && *port <= UINT16_MAX && sts_cursor_left(c) == 0;
}

/* An IPv6 address with or without a zone. */
static bool
parse_v6(struct sts_host_port *to, struct sts_span text)
{
	const char *percent = memchr(text.p, '%', text.len);
	struct sts_span zone = {NULL, 0};
	char address[INET6_ADDRSTRLEN];

	if (percent != NULL) {
		zone.p = percent + 1;
		zone.len = text.len - (size_t)(zone.p - text.p);
		text.len = (size_t)(percent - text.p);
		if (zone.len == 0 ||
		    !sts_span_copy(zone, to->zone, sizeof(to->zone)))
			return false;
	}
	to->u.v6.sin6_family = AF_INET6;
	return sts_span_copy(text, address, sizeof(address)) &&
	    inet_pton(AF_INET6, address, &to->u.v6.sin6_addr) == 1;
}

static bool
parse_v4(struct sts_host_port *to, struct sts_span text)
{
	char address[INET_ADDRSTRLEN];

	to->u.v4.sin_family = AF_INET;
	return sts_span_copy(text, address, sizeof(address)) &&
	    inet_pton(AF_INET, address, &to->u.v4.sin_addr) == 1;
}

static bool
parse_address(struct sts_host_port *to, const char *text, int64_t *port)
{
	struct sts_cursor c = sts_cursor_make(text, strlen(text));
	struct sts_span host = {text, strlen(text)};

	/* First as a whole: "::1:53" is an address without a port. */
	if (parse_v6(to, host))
		return true;
	to->zone[0] = '\0';
	if (sts_cursor_byte(&c, '['))
		return sts_cursor_until(&c, ']', &host) &&
		    c.p != host.p + host.len && /* there is a bracket */
		    parse_v6(to, host) && parse_port(&c, port);
	host.len = strcspn(text, ":");
	c.p += host.len;
	return parse_v4(to, host) && parse_port(&c, port);
}

/* No host names, which would need a name server to look up. */
bool
sts_host_port_parse(struct sts_host_port *to, const char *text)
{
	int64_t port = 53;
	bool fine;

	*to = (struct sts_host_port){0};
	fine = parse_address(to, text, &port);
	if (to->u.sa.sa_family == AF_INET6)
		to->u.v6.sin6_port = htons((uint16_t)port);
	else
		to->u.v4.sin_port = htons((uint16_t)port);
	return fine;
}

bool
sts_config_nameserver(const char *value)
{
	struct sts_host_port to;

	return sts_host_port_parse(&to, value) &&
	    (to.zone[0] == '\0' ||
		(IN6_IS_ADDR_LINKLOCAL(&to.u.v6.sin6_addr) &&
		    is_zone(to.zone)));
}
