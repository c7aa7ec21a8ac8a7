/* SPDX-License-Identifier: ISC */
/*
 * RFC 5321 5.1 wants hosts tried in turn and mail spread over equal ones; RFC
 * 8461 5.1 treats a host that is not permitted as unreachable. smtpd uses one
 * host for each attempt, so hosts alternate between attempts: by their last
 * probe, and equal ones by time.
 */
#include "opensmtpd/choose_mx.h"

#include <limits.h>
#include <string.h>
#include <time.h>

#include "base/hashmap.h"

/* The size of smtpd's own buffer for a relay's name, without the NUL. */
#ifdef HOST_NAME_MAX
enum { SMTPD_HOST_MAX = HOST_NAME_MAX };
#else
enum { SMTPD_HOST_MAX = 255 };
#endif

bool
sts_probe_failed_tls(enum sts_status probe)
{
	switch (probe) {
	case STS_MX_NO_STARTTLS:
	case STS_MX_STARTTLS_REFUSED:
	case STS_MX_STARTTLS_PLAINTEXT:
	case STS_MX_TLS:
	case STS_MX_CERT_EXPIRED:
	case STS_MX_CERT_NAME:
	case STS_MX_CERT_UNTRUSTED:
	case STS_MX_CERT_INVALID:
		return true;
	default:
		return false;
	}
}

/* True if the last probe failed, and recently enough to count. */
static bool
is_marked(const struct sts_route *route, int64_t now)
{
	return route->probed != 0 && route->probe != STS_OK &&
	    now - route->probed < STS_MARK_LIFE;
}

/*
 * True if TLS failed so recently in a probe that smtpd should not connect: a
 * failed TLS session makes it avoid that address for all mail.
 */
static bool
is_excluded(const struct sts_route *route, int64_t now)
{
	return route->probed != 0 && sts_probe_failed_tls(route->probe) &&
	    now - route->probed < STS_CERTIFICATE_LIFE;
}

/*
 * True if smtpd accepts the name as a relay's.  Its limit is the system's
 * HOST_NAME_MAX: 64 in glibc, 255 in musl.
 */
static bool
host_fits_smtpd(const char *host)
{
	return strlen(host) <= SMTPD_HOST_MAX;
}

bool
sts_route_is_permitted(
    const struct sts_route *route, const struct sts_policy *policy)
{
	return policy == NULL || sts_policy_permits(policy, route->host);
}

bool
sts_route_has_address(const struct sts_route *route, const char *address)
{
	for (size_t i = 0; i < route->address_count; i++) {
		if (strcmp(route->address[i], address) == 0)
			return true;
	}
	return false;
}

size_t
sts_routes_permitted(
    const struct sts_routes *routes, const struct sts_policy *policy)
{
	size_t count = 0;

	for (size_t i = 0; i < routes->count; i++)
		count += sts_route_is_permitted(&routes->route[i], policy);
	return count;
}

/* The order among equal hosts: fixed in a time slot, another in the next. */
static uint64_t
order_of(const char *domain, const char *host, int64_t now)
{
	uint64_t slot = (uint64_t)(now / STS_CHOICE_SLOT);

	return sts_hashmap_mix(sts_hashmap_hash(domain) ^
	    sts_hashmap_mix(slot) ^ sts_hashmap_hash(host) * 3);
}

/* True where `a` is to be tried before `b`. */
static bool
comes_before(const struct sts_routes *routes, const struct sts_route *a,
    const struct sts_route *b, int64_t now)
{
	if (a->preference != b->preference)
		return a->preference < b->preference;
	return order_of(routes->domain, a->host, now) <
	    order_of(routes->domain, b->host, now);
}

/* Why a host is not chosen, from no reason to the strongest. */
enum obstacle { NOTHING, MARKED, EXCLUDED, TOO_LONG, NOT_PERMITTED };

/* The strongest obstacle; hosts without one are in MX order. */
static enum obstacle
obstacle_of(
    const struct sts_route *route, const struct sts_policy *policy, int64_t now)
{
	if (!sts_route_is_permitted(route, policy))
		return NOT_PERMITTED;
	if (!host_fits_smtpd(route->host))
		return TOO_LONG;
	if (is_excluded(route, now))
		return EXCLUDED;
	return is_marked(route, now) ? MARKED : NOTHING;
}

enum sts_status
sts_choose_host(const struct sts_routes *routes,
    const struct sts_policy *policy, int64_t now,
    const struct sts_route **chosen)
{
	const struct sts_route *best = NULL;
	enum obstacle least = NOT_PERMITTED;

	*chosen = NULL;
	if (routes->status != STS_OK)
		return routes->status;
	for (size_t i = 0; i < routes->count; i++) {
		const struct sts_route *r = &routes->route[i];
		enum obstacle obstacle = obstacle_of(r, policy, now);

		if (best == NULL || obstacle < least ||
		    (obstacle == least && comes_before(routes, r, best, now))) {
			best = r;
			least = obstacle;
		}
	}
	/* If a permitted host is not listed, that is why. */
	if (best == NULL || least == NOT_PERMITTED)
		return routes->unusable != STS_OK ? routes->unusable
						  : STS_NO_MATCH;
	if (least == TOO_LONG)
		return STS_BAD_DOMAIN;
	if (least == EXCLUDED)
		return best->probe;
	*chosen = best;
	return STS_OK;
}

bool
sts_may_probe(
    const struct sts_config *config, const struct sts_domain_state *known)
{
	return config->probe != STS_PROBE_OFF ||
	    sts_routes_permitted(
		&known->routes, sts_domain_state_policy(known)) > 1;
}

/*
 * Hosts that are excluded or passed over because of a probe are probed again,
 * or they would stay so for ever. smtpd tries one host in each attempt, and
 * attempts are far apart: so after a probe the host of the next attempt is
 * probed, too, until one works.
 */
bool
sts_route_wants_probe(const struct sts_config *config,
    const struct sts_domain_state *known, const struct sts_route *route,
    enum sts_moment moment)
{
	const struct sts_policy *policy = sts_domain_state_policy(known);
	int64_t now = (int64_t)time(NULL), ago = now - route->probed;
	bool never = route->probed == 0 && config->probe == STS_PROBE_ALWAYS;
	const struct sts_route *next;

	if (known->verdict != STS_VERDICT_ENFORCE &&
	    moment != STS_HOST_ANSWERED)
		return false;
	/* Patterns are compared last: there may be hundreds. */
	switch (moment) {
	case STS_MAIL_PASSED:
		return never && sts_route_is_permitted(route, policy);
	case STS_MAIL_GATED:
		return (never ||
			   (is_excluded(route, now) &&
			       ago >= STS_PROBE_RETRY)) &&
		    sts_route_is_permitted(route, policy);
	case STS_HOST_ANSWERED:
		return is_marked(route, now) && ago >= STS_PROBE_RETRY &&
		    sts_route_is_permitted(route, policy) &&
		    sts_may_probe(config, known);
	case STS_HOST_PROBED:
		if (known->routes_status != STS_OK || is_marked(route, now) ||
		    ago < STS_PROBE_AGAIN)
			return false;
		(void)sts_choose_host(&known->routes, policy, now, &next);
		return route == next;
	default:
		return false;
	}
}
