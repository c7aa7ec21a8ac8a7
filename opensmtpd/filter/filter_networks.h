/* SPDX-License-Identifier: ISC */
/*
 * The clients that the filter acts for: this machine's addresses, and the
 * operator's networks.  Otherwise an untrusted client on a public listener
 * could make this machine look up any name.
 */
#ifndef STS_OPENSMTPD_FILTER_FILTER_NETWORKS_H
#define STS_OPENSMTPD_FILTER_FILTER_NETWORKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STS_NETWORKS_MAX = 64, STS_OWN_MAX = 256, STS_OWN_AGE_MS = 10000 };

struct sts_network {
	int family;              /* AF_INET, AF_INET6 */
	unsigned char bytes[16]; /* 4 of them for AF_INET */
	unsigned prefix;         /* bits */
};

struct sts_networks {
	struct sts_network named[STS_NETWORKS_MAX];
	size_t named_count;
	struct sts_network own[STS_OWN_MAX]; /* of the interfaces */
	size_t own_count;
	int64_t own_ms; /* when they were last read */
};

/*
 * Parses ADDRESS or ADDRESS/BITS, v4 or v6; v6 also in brackets.  An
 * IPv4-mapped address counts as IPv4.
 */
bool sts_network_parse(const char *text, struct sts_network *network);

/* Adds one to `named`; false if it is ill-formed or there are too many. */
bool sts_networks_add(struct sts_networks *networks, const char *text);

/*
 * Parses an end of a connection as smtpd writes it, "192.0.2.1:25" or
 * "[2001:db8::1]:25", into its address.
 */
bool sts_endpoint_parse(const char *endpoint, struct sts_network *address);

/* True for "local" and "unix:PATH", smtpd's own socket. */
bool sts_endpoint_is_socket(const char *endpoint);

/* True for loopback, an address of this machine, or a named network. */
bool sts_networks_have(
    struct sts_networks *networks, const struct sts_network *address);

#endif
