/* SPDX-License-Identifier: ISC */
/*
 * The two TXT record sets: _mta-sts.<domain> (RFC 8461 3.1) and
 * _smtp._tls.<domain> (RFC 8460 3).
 *
 * The caller joins the strings of each record (without spaces) and passes one
 * span for each record; a record may contain any byte, even NUL.
 */
#ifndef STS_CORE_RECORD_H
#define STS_CORE_RECORD_H

#include <stddef.h>

#include "base/cursor.h"
#include "base/status.h"

enum {
	STS_ID_MAX = 32,       /* RFC 8461 3.1 */
	STS_RUA_MAX = 16,      /* destinations that are returned */
	STS_TLSRPT_MAX = 1024, /* bytes of a _smtp._tls record that is stored */
	STS_RECORDS_MAX = 64   /* records of one name that are read */
};

/*
 * The id of a record set, RFC 8461 3.1.  Records that do not begin with
 * v=STSv1, blanks and ";" are dropped; exactly one well-formed one must be
 * left.  Blanks before the first ";" are in the grammar and in use, erratum
 * 6285 notwithstanding.  Of a duplicate id the first counts (end of 3.2).
 * STS_NO_RECORD, STS_RECORD_MULTIPLE, STS_RECORD_SYNTAX (also if all there is
 * is a version without ";"), STS_RECORD_NO_ID, STS_RECORD_BAD_ID.  `id` is ""
 * on failure.
 */
enum sts_status sts_record_sts(
    const struct sts_span *records, size_t count, char id[STS_ID_MAX + 1]);

/* The destinations of a _smtp._tls record; spans into the record. */
struct sts_rua_list {
	struct sts_span uri[STS_RUA_MAX]; /* mailto: or https:, in order */
	size_t count;
	size_t unusable; /* others, to which no report can be sent */
};

/*
 * The rua list of a record set, RFC 8460 3, by the same rules with v=TLSRPTv1;
 * also STS_RECORD_NO_RUA, STS_RECORD_BAD_RUA.  All rua fields count.  A
 * destination of another scheme, a mailto: without an address and an https:
 * without a host are counted in `unusable`, and are an error if there is no
 * usable one; what is not a URI is always an error.  Schemes may be in either
 * case.
 */
enum sts_status sts_record_tlsrpt(
    const struct sts_span *records, size_t count, struct sts_rua_list *out);

/*
 * Joins one record, as zone-file strings ("v=STSv1; " "id=1") with the escapes
 * \", \\ and \DDD, into buf.  *len gets the number of bytes, which may include
 * NUL.  STS_BAD_LINE if it is not such a line, or does not fit.
 */
enum sts_status sts_record_unquote(
    struct sts_span line, char *buf, size_t size, size_t *len);

#endif
