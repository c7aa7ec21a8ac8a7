/* SPDX-License-Identifier: ISC */
/*
 * Internal to the configuration: the syntax of values; and the address of a
 * name server, which has the same form in the system's file.
 */
#ifndef STS_BASE_CONFIG_VALUE_H
#define STS_BASE_CONFIG_VALUE_H

#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "base/config.h"

enum { STS_QUOTED_BYTES = 120 };

/* Quotes a value of the file, cut and escaped, for a note.  Returns buf. */
const char *sts_config_quote(const char *value, char buf[STS_QUOTED_BYTES]);

/*
 * Lower-cases ASCII and drops a trailing dot, in place.  False if it is not a
 * domain name; an internationalised name stays as typed, for core/domain.h to
 * convert.
 */
bool sts_config_name(char *name);

struct sts_host_port {
	char zone[IF_NAMESIZE]; /* of the address, or "" */
	union {
		struct sockaddr sa;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} u;
};

/*
 * Parses "address", "address:port", "[address]" or "[address]:port"; an IPv6
 * address may have a zone ("fe80::1%eth0"); the port is 1 to 65535, default 53.
 * False for any other text.
 */
bool sts_host_port_parse(struct sts_host_port *to, const char *text);

/*
 * ADDRESS, IPV4:PORT, [IPV6] or [IPV6]:PORT, numbers only.  A link-local IPv6
 * address may end in "%ZONE"; whether that interface exists is left to the
 * resolver.
 */
bool sts_config_nameserver(const char *value);

#endif
