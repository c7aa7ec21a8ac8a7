/* SPDX-License-Identifier: ISC */
/*
 * Parses a DNS message as it came from a name server.
 *
 * The message is parsed here and not by c-ares alone: 1.18 reports the response
 * codes 6 to 15, and a record set that is cut between two records, as "there is
 * none".
 */
#ifndef STS_DNS_REPLY_H
#define STS_DNS_REPLY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/cursor.h"
#include "base/status.h"
#include "dns/dns.h"

enum sts_record_type {
	STS_TYPE_TXT,
	STS_TYPE_MX,
	STS_TYPE_A,
	STS_TYPE_AAAA,
	STS_TYPE_NS, /* of the control questions: no records are read */
	STS_TYPE_SOA
};

/*
 * One reply: of the arrays the one that fits the type, with `count` members;
 * all are its own.  The status is as in dns.h.
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
 * Fills *reply from a message whose question is known to be ours.
 *
 * STS_OK, STS_DNS_NXDOMAIN, STS_DNS_NODATA; STS_DNS_SERVFAIL for every other
 * response code and for a server that neither has the answer nor looks for
 * it; STS_DNS_BAD_REPLY for a message that is cut, ill-formed or marked as
 * truncated; STS_NO_MEMORY.
 */
void sts_reply_read(struct sts_reply *reply, enum sts_record_type type,
    const unsigned char *wire, size_t len);

/*
 * True for an answer to a control question (servers.h) that only a server that
 * works sends: it has records, or, but for the root, says that there are none
 * and is the zone's own or asks others.  Every other one can come from a server
 * that refuses this client, or cannot reach any other server.
 */
bool sts_reply_is_useful(const unsigned char *wire, size_t len);

/* Frees the arrays and empties the reply. */
void sts_reply_free(struct sts_reply *reply);

#endif
