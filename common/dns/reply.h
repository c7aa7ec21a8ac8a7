/* SPDX-License-Identifier: ISC */
/*
 * Parses a DNS message from a name server.
 *
 * Does not leave this to c-ares: 1.18 reports the response codes 6 to 15, and a
 * record set that is cut between two records, as "none".
 */
#ifndef STS_DNS_REPLY_H
#define STS_DNS_REPLY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/cursor.h"
#include "base/status.h"
#include "dns/dns.h"

enum { STS_DNS_TLSA = 52 }; /* the TLSA record of RFC 6698 */

enum sts_record_type {
	STS_TYPE_TXT,
	STS_TYPE_MX,
	STS_TYPE_A,
	STS_TYPE_AAAA,
	STS_TYPE_TLSA, /* only counted */
	STS_TYPE_NS,   /* of the control questions: no records are read */
	STS_TYPE_SOA
};

/*
 * One reply: the array for its type has `count` members; it owns all arrays.
 * The status is as in dns.h.
 */
struct sts_reply {
	enum sts_status status;
	size_t count;
	char *bytes; /* what the records point into */
	struct sts_span *records;
	struct sts_mx *hosts; /* in no order */
	struct sts_address *addresses;
};

/*
 * Fills *reply from a message whose question has been compared.
 *
 * STS_OK, STS_DNS_NXDOMAIN, STS_DNS_NODATA; STS_DNS_SERVFAIL for any other
 * response code and for a server that neither has the answer nor recurses;
 * STS_DNS_BAD_REPLY for a message that is cut, ill-formed or marked as
 * truncated; STS_NO_MEMORY.
 */
void sts_reply_read(struct sts_reply *reply, enum sts_record_type type,
    const unsigned char *wire, size_t len);

/*
 * True for an answer to a control question (servers.h) that only a working
 * server sends: it has records, or, except for the root, says that there are
 * none and is authoritative or recurses.  Any other may come from a server that
 * refuses this client or reaches no other server.
 */
bool sts_reply_is_useful(const unsigned char *wire, size_t len);

/* Frees the arrays and empties the reply. */
void sts_reply_free(struct sts_reply *reply);

#endif
