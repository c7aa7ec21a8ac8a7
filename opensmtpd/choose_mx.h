/* SPDX-License-Identifier: ISC */
/*
 * Chooses the MX host that smtpd gets for a domain.
 *
 * smtpd asks once for each envelope, uses one host, and tries another only at
 * the next attempt.  So the envelopes of one message must get the same host, a
 * backup host must not get mail while the first works, and a failed host is
 * recognised by its last probe.
 */
#ifndef STS_OPENSMTPD_CHOOSE_MX_H
#define STS_OPENSMTPD_CHOOSE_MX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "opensmtpd/domain_state.h"

enum {
	/*
	 * Seconds that a failed probe counts: longer than smtpd's intervals
	 * between attempts, each of which would otherwise begin with the same
	 * dead host.  A later probe shows that it works again.
	 */
	STS_MARK_LIFE = 86400,
	/*
	 * Seconds for which a host whose certificate failed is not chosen, even
	 * if there is no other.
	 */
	STS_CERTIFICATE_LIFE = 4 * 3600,
	STS_CHOICE_SLOT = 600 /* seconds: equal hosts take turns */
};

/* True if the status means that TLS to an MX host cannot be verified. */
bool sts_probe_failed_tls(enum sts_status probe);

/* Whether the policy permits the route's host; NULL permits every host. */
bool sts_route_is_permitted(
    const struct sts_route *route, const struct sts_policy *policy);

/* Whether the route's host has this address, in canonical form. */
bool sts_route_has_address(const struct sts_route *route, const char *address);

/* How many hosts are permitted, marked or not. */
size_t sts_routes_permitted(
    const struct sts_routes *routes, const struct sts_policy *policy);

/*
 * True if hosts of this domain may be probed: with several permitted ones, a
 * failed host must be distinguished from a working one, whatever "probe" is.
 */
bool sts_may_probe(
    const struct sts_config *config, const struct sts_domain_state *known);

/* True if one of known->routes is to be probed now. */
bool sts_route_wants_probe(const struct sts_config *config,
    const struct sts_domain_state *known, const struct sts_route *route,
    enum sts_moment moment);

/*
 * Chooses a host, into *chosen: the first in MX order that is permitted and not
 * marked; hosts of equal preference are ordered by a hash of the domain and of
 * the 10-minute slot of `now`.  If all are marked, the first whose TLS did not
 * fail.  Otherwise NULL, and the status is the routes' own, STS_NO_MATCH (no
 * permitted host), STS_BAD_DOMAIN (no name that smtpd accepts), or the first
 * permitted host's probe.
 */
enum sts_status sts_choose_host(const struct sts_routes *routes,
    const struct sts_policy *policy, int64_t now,
    const struct sts_route **chosen);

#endif
