/* SPDX-License-Identifier: ISC */
/*
 * Routes: the MX hosts of a domain as the resolver last saw them, in order of
 * preference: whether the policy permits each, its addresses, and the result of
 * its last certificate probe.  One file for each domain, in routes/.
 */
#ifndef STS_STORE_ROUTES_H
#define STS_STORE_ROUTES_H

#include "store/store.h"

enum {
	STS_ROUTES_MAX = 8,          /* MX hosts that are stored */
	STS_ROUTE_ADDRESSES_MAX = 2, /* addresses of each */
	STS_ADDRESS_TEXT_MAX = 46,   /* INET6_ADDRSTRLEN */
	STS_PROBE_AGAIN = 600,       /* seconds between two probes of a host */
	/* for a failed host, since mail waits; and for an address */
	STS_PROBE_RETRY = 60
};

struct sts_route {
	char host[STS_NAME_MAX + 1]; /* normalised MX host name */
	int64_t preference;          /* 0 to 65535 */
	bool permitted;              /* by the policy at `recorded` */
	char address[STS_ROUTE_ADDRESSES_MAX][STS_ADDRESS_TEXT_MAX];
	size_t address_count;
	int64_t probed;        /* seconds since 1970, 0: never */
	enum sts_status probe; /* STS_OK: the certificate is valid */
};

struct sts_routes {
	char domain[STS_NAME_MAX + 1];
	int64_t recorded;
	bool unsure; /* recorded in the future: to be looked up again */
	/*
	 * STS_OK with at least one route; STS_NULL_MX (RFC 7505),
	 * STS_DNS_NXDOMAIN; STS_NO_MX_HOST (no usable MX or address);
	 * STS_DNS_SERVFAIL and the like: the lookup failed.
	 */
	enum sts_status status;
	bool implicit; /* no MX record: the domain itself (RFC 5321 5.1) */
	/*
	 * Why the first permitted host that is not listed has no usable
	 * address: STS_MX_NO_ADDRESS, STS_MX_PRIVATE, or the DNS failure.
	 * STS_OK if there is no such host.
	 */
	enum sts_status unusable;
	int64_t more; /* MX hosts that are not listed, for any reason */
	size_t count;
	struct sts_route route[STS_ROUTES_MAX];
};

/*
 * STS_NOT_FOUND if there is no file, or a damaged one.  A `recorded` in the
 * future is clamped to now, and the routes are `unsure`; a probe in the future
 * counts as never made.
 */
enum sts_status sts_store_read_routes(struct sts_store *store,
    const char *domain, int64_t now, struct sts_routes *routes);
enum sts_status sts_store_write_routes(
    struct sts_store *store, const struct sts_routes *routes);

#endif
