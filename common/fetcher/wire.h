/* SPDX-License-Identifier: ISC */
/*
 * The pipes between mta-sts-resolver and mta-sts-fetcher: both ends write and
 * parse their lines with this file.  mta-sts-fetcher(8) describes them.
 *
 *	fetcher 1 STATUS SANDBOX DETAIL			first, by the fetcher
 *	NUMBER policy|probe HOST PORT MS ADDRESS,...	a request
 *	NUMBER post HOST PORT MS LENGTH TARGET ADDRESS,...	another, then
 *	LENGTH bytes, and "end NUMBER"
 *	NUMBER examine HOST PORT MS TARGET ADDRESS,...	another
 *	NUMBER STATUS ADDRESS LENGTH DETAIL		its reply, then
 *	LENGTH bytes, and "end NUMBER"			for LENGTH above 0
 *
 * Neither end trusts the other: a line that does not parse here is an error,
 * and every length is bounded.
 */
#ifndef STS_FETCHER_WIRE_H
#define STS_FETCHER_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/config.h"
#include "base/cursor.h"
#include "base/status.h"
#include "dns/address.h"

enum {
	STS_WIRE_VERSION = 1,
	STS_WIRE_ADDRESSES = 6,      /* of one request; a probe has one */
	STS_WIRE_AT_ONCE = 256,      /* requests without a reply */
	STS_WIRE_MS_MAX = 120000,    /* of one request */
	STS_WIRE_REQUEST_MAX = 2048, /* of a line, without a body */
	STS_WIRE_TARGET_MAX = 1024,
	STS_WIRE_POST_MAX = 1024 * 1024, /* bytes of a body */
	STS_WIRE_DETAIL_MAX = 200, /* with the NUL, before it is escaped */
	STS_WIRE_SANDBOX_MAX = 32,
	STS_WIRE_REPLY_MAX = 1024 /* of a line, without a body */
};

enum sts_wire_kind {
	STS_WIRE_POLICY, /* GET https://HOST:PORT/.well-known/mta-sts.txt */
	STS_WIRE_PROBE,  /* STARTTLS and the certificate of an MX host */
	STS_WIRE_POST,   /* POST https://HOST:PORTTARGET, RFC 8460 5.4 */
	STS_WIRE_EXAMINE /* GET of it, whatever certificate and status */
};

struct sts_wire_request {
	uint32_t number; /* the resolver's choice; not used twice */
	enum sts_wire_kind kind;
	char host[STS_NAME_MAX + 1]; /* normalised */
	uint16_t port;
	int64_t timeout_ms; /* for all of it, 1 to STS_WIRE_MS_MAX */
	struct sts_address addresses[STS_WIRE_ADDRESSES];
	size_t count; /* at least 1 */
	/*
	 * Of a post: a path and query, and a body of 1 byte or more; of an
	 * examination the first alone.
	 */
	char target[STS_WIRE_TARGET_MAX + 1];
	size_t length;
};

struct sts_wire_reply {
	uint32_t number;
	/*
	 * STS_OK; the class FETCH for a policy or a post, the class MX for a
	 * probe; or a local fault of the fetcher.  STS_OK for a post: an
	 * HTTP status of 2xx; `detail` then is what is wrong with the
	 * certificate, or "".  STS_OK for an examination: HTTP answered.
	 */
	enum sts_status status;
	char address[INET6_ADDRSTRLEN]; /* of a probe; else "" */
	/*
	 * Of a policy's body, at most STS_BODY_MAX; of an examination's answer:
	 * lines "NAME VALUE" as transfer_examine.h has, an empty line, and the
	 * body.
	 */
	size_t length;
	/*
	 * Any bytes except NUL; for the log.  Of a post also "HTTP status NNN",
	 * or STS_WIRE_POSTED.
	 */
	char detail[STS_WIRE_DETAIL_MAX];
};

/* With STS_FETCH_TIMEOUT: all of the post had been sent. */
#define STS_WIRE_POSTED "no answer to the whole post"

/* The fetcher's first line. */
struct sts_wire_hello {
	enum sts_status status; /* STS_OK, or why it cannot work */
	/* The sandbox: "landlock,seccomp", "none", ... */
	char sandbox[STS_WIRE_SANDBOX_MAX];
	char detail[STS_WIRE_DETAIL_MAX];
};

/*
 * Each writes one line with its line feed and a NUL, and returns its length
 * without the NUL.  The caller has checked the structs.
 */
size_t sts_wire_write_request(
    const struct sts_wire_request *request, char line[STS_WIRE_REQUEST_MAX]);
size_t sts_wire_write_reply(
    const struct sts_wire_reply *reply, char line[STS_WIRE_REPLY_MAX]);
size_t sts_wire_write_hello(
    const struct sts_wire_hello *hello, char line[STS_WIRE_REPLY_MAX]);

/* "end NUMBER" and a line feed, behind a body. */
size_t sts_wire_write_end(uint32_t number, char line[STS_WIRE_REPLY_MAX]);

/* True if the line, without its line feed, is that. */
bool sts_wire_is_end(struct sts_span line, uint32_t number);

/* True for what can be the target of a post: printable ASCII after a "/". */
bool sts_wire_is_target(const char *target);

/*
 * Each parses one line, without its line feed.  False: nonsense, and the struct
 * must not be used.
 */
bool sts_wire_parse_request(
    struct sts_span line, struct sts_wire_request *request);
bool sts_wire_parse_reply(struct sts_span line, struct sts_wire_reply *reply);
bool sts_wire_parse_hello(struct sts_span line, struct sts_wire_hello *hello);

/* True if a fetcher may send this status for such a request. */
bool sts_wire_may_say(enum sts_wire_kind kind, enum sts_status status);

#endif
