/* SPDX-License-Identifier: ISC */
/*
 * The DNS records that a publisher adds, as lines of a zone file,
 * and the id of the policy's record.
 *
 * An id that is made here is the time and a number that follows from the
 * policy: 20261128221530 and 8 hexadecimal digits.  So the id in the DNS says
 * for which policy it was made, also to a later run that finds the file changed
 * and the record forgotten.
 */
#ifndef STS_PUBLISH_ZONE_H
#define STS_PUBLISH_ZONE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "core/record.h"
#include "publish/draft.h"

enum { STS_ZONE_TTL = 3600 }; /* seconds */

/* A fresh id, RFC 8461 3.1, for a policy that is published at `now`. */
void sts_zone_new_id(
    const struct sts_draft *draft, int64_t now, char id[STS_ID_MAX + 1]);

/* What an id says of a policy. */
enum sts_zone_id {
	STS_ZONE_ID_OF_THIS,  /* made here for a policy like this one */
	STS_ZONE_ID_OF_OTHER, /* made here for another one */
	STS_ZONE_ID_FOREIGN   /* not made here: nothing */
};

enum sts_zone_id sts_zone_judge_id(
    const char *id, const struct sts_draft *draft);

/* One TXT record, its value cut into strings of 255 bytes. */
void sts_zone_txt(FILE *out, const char *name, const char *value);

/*
 * The type of the record that leads to the web server: "A" or "AAAA" for an
 * address, "CNAME" for a name; NULL: it is neither.
 */
const char *sts_zone_host_type(const char *target);

/* That record; nothing where there is no type. */
void sts_zone_host(FILE *out, const char *name, const char *target);

/*
 * Makes the value of the _smtp._tls record (RFC 8460 3) from destinations
 * separated by commas; one without a scheme is a mail address.  STS_OK, or
 * STS_RECORD_BAD_RUA: one of them is none.
 */
enum sts_status sts_zone_reports(
    const char *destinations, char value[STS_TLSRPT_MAX + 1]);

#endif
