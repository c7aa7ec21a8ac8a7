/* SPDX-License-Identifier: ISC */
#include "base/config_value.h"

#include <sys/socket.h>
#include <netinet/in.h>
#include <arpa/inet.h>
#include <net/if.h>
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

/* The whole string is a port from 1 to 65535. */
static bool
is_port(const char *text)
{
	struct sts_cursor c = sts_cursor_make(text, strlen(text));
	int64_t port;

	return sts_cursor_number(&c, 5, &port) && sts_cursor_left(&c) == 0 &&
	    port >= 1 && port <= 65535;
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

/*
 * An IPv6 address; a link-local one, and no other, may have "%" and a zone.
 * Cuts the zone off.
 */
static bool
is_ipv6(char *text)
{
	struct in6_addr binary;
	char *zone = strchr(text, '%');

	if (zone != NULL)
		*zone++ = '\0';
	if (inet_pton(AF_INET6, text, &binary) != 1)
		return false;
	return zone == NULL ||
	    (IN6_IS_ADDR_LINKLOCAL(&binary) && is_zone(zone));
}

bool
sts_config_nameserver(const char *value)
{
	char host[INET6_ADDRSTRLEN + IF_NAMESIZE];
	struct in_addr binary;
	const char *end;
	bool brackets = value[0] == '[';

	/* Its colons separate no port. */
	if (!brackets && strlen(value) < sizeof(host)) {
		memcpy(host, value, strlen(value) + 1);
		if (is_ipv6(host))
			return true;
	}
	value += brackets;
	if ((end = strchr(value, brackets ? ']' : ':')) == NULL)
		end = value + strlen(value);
	if ((size_t)(end - value) >= sizeof(host))
		return false;
	memcpy(host, value, (size_t)(end - value));
	host[end - value] = '\0';
	if (brackets ? !is_ipv6(host) : inet_pton(AF_INET, host, &binary) != 1)
		return false;
	if (brackets && *end++ != ']')
		return false;
	return *end == '\0' || (*end == ':' && is_port(end + 1));
}
