/* SPDX-License-Identifier: ISC */
/*
 * The two TXT record sets: _mta-sts.<domain> (RFC 8461 3.1) and
 * _smtp._tls.<domain> (RFC 8460 3).
 *
 * The caller joins the strings of each record (without spaces) and passes one
 * span a record; a record may hold any byte, NUL included.
 */
#ifndef STS_CORE_RECORD_H
#define STS_CORE_RECORD_H

#include <stddef.h>

#include "base/cursor.h"
#include "base/status.h"

enum {
	STS_ID_MAX = 32,     /* RFC 8461 3.1 */
	STS_RUA_MAX = 16,    /* destinations that are kept */
	STS_RECORDS_MAX = 64 /* records of one name that are looked at */
};

/*
 * The id of a record set, RFC 8461 3.1.  Records that do not begin with
 * v=STSv1, blanks and ";" are dropped; exactly one must be left and be
 * well-formed.  Blanks before the first ";" are in the grammar and seen in the
 * field, erratum 6285 notwithstanding.  Of a duplicate id the first counts (end
 * of 3.2). STS_NO_RECORD, STS_RECORD_MULTIPLE, STS_RECORD_SYNTAX (also where
 * the only thing like a record is a version without ";"), STS_RECORD_NO_ID,
 * STS_RECORD_BAD_ID.  `id` is "" on failure.
 */
enum sts_status sts_record_sts(
    const struct sts_span *records, size_t count, char id[STS_ID_MAX + 1]);

/* The destinations of a _smtp._tls record; spans into the record. */
struct sts_rua_list {
	struct sts_span uri[STS_RUA_MAX]; /* mailto: or https:, in order */
	size_t count;
	size_t unusable; /* further ones that no report can be sent to */
};

/*
 * The rua list of a record set, RFC 8460 3, by the same rules with v=TLSRPTv1
 * (STS_RECORD_NO_RUA, STS_RECORD_BAD_RUA besides).  Several rua fields add up.
 * A destination of another scheme, a mailto: without an address and an https:
 * without a host are counted in `unusable` where a usable one stands beside
 * them, and are an error alone; what is no URI is always one.  Schemes may be
 * in either case.
 */
enum sts_status sts_record_tlsrpt(
    const struct sts_span *records, size_t count, struct sts_rua_list *out);

/*
 * One record as zone-file strings, "v=STSv1; " "id=1", with the escapes \",
 * \\ and \DDD, joined into buf.  *len gets the number of bytes, which may
 * include NUL.  STS_BAD_LINE where it is not such a line, or does not fit.
 */
enum sts_status sts_record_unquote(
    struct sts_span line, char *buf, size_t size, size_t *len);

#endif
