/* SPDX-License-Identifier: ISC */
/*
 * The part of MIME (RFC 2045 and RFC 2046) that is needed to find an
 * attachment: the type, encoding and file name of an entity, its parts, its
 * decoded body.
 *
 * Debian has no small C library for it: gmime brings glib, libetpan an IMAP
 * client, mailutils and vmime more.  Nothing is allocated except decoded
 * bodies, which are never longer than the encoded ones.
 */
#ifndef STS_REPORT_MIME_H
#define STS_REPORT_MIME_H

#include <stdbool.h>
#include <stddef.h>

#include "base/cursor.h"

enum {
	STS_MIME_TYPE_MAX = 63,
	STS_MIME_BOUNDARY_MAX = 200, /* RFC 2046 5.1.1 allows 70 */
	STS_MIME_NAME_MAX = 1000     /* of a file */
};

enum sts_mime_encoding {
	STS_MIME_PLAIN, /* 7bit, 8bit, binary */
	STS_MIME_BASE64,
	STS_MIME_QUOTED,
	STS_MIME_UNKNOWN
};

/* A message or a part of one. */
struct sts_mime_entity {
	char type[STS_MIME_TYPE_MAX + 1]; /* lower case; "text/plain" if none */
	char boundary[STS_MIME_BOUNDARY_MAX + 1];
	/* All pieces of RFC 2231 that fit, still percent-encoded. */
	char name[STS_MIME_NAME_MAX + 1];
	enum sts_mime_encoding encoding;
	bool has_fields; /* there is at least one "Name:" */
	struct sts_span body;
};

/*
 * Reads the header fields of `bytes`, which `entity` borrows.  Skips a line
 * that is not a field, such as the "From " of an mbox; cuts what does not fit.
 */
void sts_mime_parse(struct sts_mime_entity *entity, struct sts_span bytes);

/*
 * The next part of a multipart; `rest` begins as a cursor over its body.  The
 * last part may lack its final boundary.  False: no more parts.
 */
bool sts_mime_next_part(const struct sts_mime_entity *entity,
    struct sts_cursor *rest, struct sts_span *part);

/*
 * Decodes the body; bytes outside the encoding are skipped (base64, RFC 2045
 * 6.8) or copied (quoted-printable).  The caller frees *bytes.  False: no
 * memory, or an unknown encoding.
 */
bool sts_mime_decode(
    const struct sts_mime_entity *entity, char **bytes, size_t *len);

#endif
