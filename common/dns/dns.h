/* SPDX-License-Identifier: ISC */
/*
 * DNS questions on the loop, through c-ares: TXT, MX, and addresses.
 *
 * CNAMEs are followed, truncated answers repeated over TCP, nothing is cached,
 * no search list is used, /etc/hosts is not read.  Each question ends within
 * its timeout, whatever the servers do.
 */
#ifndef STS_DNS_DNS_H
#define STS_DNS_DNS_H

#include <stddef.h>
#include <stdint.h>

#include "base/config.h"
#include "base/cursor.h"
#include "dns/address.h"
#include "loop/loop.h"

enum { STS_ADDRESSES_MAX = 16, STS_MX_MAX = 64 };

struct sts_dns;       /* all questions */
struct sts_dns_query; /* one question under way */

/*
 * Uses the name servers of `config`, else the system's, whose file is read
 * again when it has changed; loop and config must outlive it.  STS_CONFIG: a
 * name server is not an address; STS_NO_MEMORY.  Initialises c-ares; for one
 * thread only.
 */
enum sts_status sts_dns_create(struct sts_dns **dns, struct sts_loop *loop,
    const struct sts_config *config);

/* Ends every question without calling back; NULL is allowed. */
void sts_dns_destroy(struct sts_dns *dns);

/*
 * The status is one of four kinds:
 *
 *	STS_OK				at least one record
 *	STS_DNS_NXDOMAIN, _NODATA	there is none
 *	STS_DNS_SERVFAIL, _TIMEOUT,	undetermined: the DNS of that name
 *	_BAD_REPLY			failed
 *	STS_NO_NAMESERVER and other	undetermined: this machine is at fault
 *	local faults
 *
 * STS_NO_NAMESERVER: no name server could be reached (refused, forbidden, no
 * route, no such interface, no address), or all that could be failed or were
 * silent, even for the control questions (servers.h).  Failure or silence of
 * servers that answer those is blamed on the domain; if this process was
 * stopped meanwhile (sts_loop_stalls), silence is STS_RESOLVER_TIMEOUT, another
 * local fault.  A name too long for a query is STS_DNS_NXDOMAIN.  schedule.h
 * says what is sent when.  Arrays belong to the caller of the callback and last
 * until it returns.
 */
typedef void sts_dns_txt_done(void *arg, enum sts_status status,
    const struct sts_span *records, size_t count);
typedef void sts_dns_mx_done(void *arg, enum sts_status status,
    const struct sts_mx *hosts, size_t count); /* by preference, then name */
typedef void sts_dns_address_done(void *arg, enum sts_status status,
    const struct sts_address *addresses, size_t count);

typedef void sts_dns_count_done(
    void *arg, enum sts_status status, size_t count);

/*
 * Each starts a question and returns it, or NULL without memory (then without a
 * callback).  The callback comes exactly once unless the question is cancelled,
 * and invalidates the pointer.
 */
struct sts_dns_query *sts_dns_txt(struct sts_dns *dns, const char *name,
    int64_t timeout_ms, sts_dns_txt_done *done, void *arg);
struct sts_dns_query *sts_dns_mx(struct sts_dns *dns, const char *name,
    int64_t timeout_ms, sts_dns_mx_done *done, void *arg);

/* Only how many TLSA records there are (RFC 6698). */
struct sts_dns_query *sts_dns_tlsa(struct sts_dns *dns, const char *name,
    int64_t timeout_ms, sts_dns_count_done *done, void *arg);

/*
 * A and AAAA together: STS_OK with those that came (at most STS_ADDRESSES_MAX,
 * v6 and v4 alternating), even if one family failed.
 */
struct sts_dns_query *sts_dns_address(struct sts_dns *dns, const char *name,
    int64_t timeout_ms, sts_dns_address_done *done, void *arg);

/* Ends a question without calling back; NULL is allowed. */
void sts_dns_cancel(struct sts_dns_query *query);

#endif
