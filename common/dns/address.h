/* SPDX-License-Identifier: ISC */
/*
 * Addresses and MX hosts, as the DNS has them.
 */
#ifndef STS_DNS_ADDRESS_H
#define STS_DNS_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/config.h"

struct sts_address {
	union {
		struct sockaddr sa;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} u; /* port 0 */
};

struct sts_mx {
	char host[STS_NAME_MAX + 1]; /* lower case; "" for the null MX */
	uint16_t preference;
};

/*
 * True for loopback, private (RFC 1918, fc00::/7), shared (100.64/10),
 * link-local, multicast, unspecified, documentation and "this network"
 * addresses and mapped or translated forms of these: names from outside must
 * not make this machine connect to them.
 */
bool sts_address_is_private(const struct sts_address *address);

/* True for one IPv4 or IPv6 address, whatever the ports. */
bool sts_address_is_same(
    const struct sts_address *a, const struct sts_address *b);

/* Parses an IPv4 or IPv6 address without port or zone; false: not one. */
bool sts_address_parse(const char *text, struct sts_address *address);

/* The address as text (RFC 5952 for IPv6) into buf[INET6_ADDRSTRLEN]. */
const char *sts_address_text(const struct sts_address *address, char *buf);

#endif
