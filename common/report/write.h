/* SPDX-License-Identifier: ISC */
/*
 * A report as it is sent: JSON (RFC 8460 4.4), the name of its file (5.1), and
 * the mail (5.3).  What is written is the same each time for the same input,
 * so that a second attempt sends the same report.
 */
#ifndef STS_REPORT_WRITE_H
#define STS_REPORT_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "report/report.h"

/*
 * Writes JSON into *json (*len bytes, and a NUL), which the caller frees.
 * policy-string, mx-host and failure-details are arrays, empty ones too;
 * addresses have the form of RFC 5952; members of a failure that are "" are
 * left out.  NULL, or a sentence that says what is wrong with the report, and
 * *json is NULL then: a string that is missing (organization, contact, id,
 * domain of each policy) or is not UTF-8, an address that is none, a failure
 * without a result type, failures that do not add up to those of their policy,
 * a report without a session, or no memory.
 */
const char *sts_report_write(
    const struct sts_report *report, char **json, size_t *len);

enum {
	STS_REPORT_FILE_MAX = 700,   /* bytes of a file name and a NUL */
	STS_REPORT_ADDRESS_MAX = 320 /* bytes of a mail address */
};

/*
 * "SUBMITTER!DOMAIN!BEGIN!END!ID.json.gz"; the names in A-labels, of the id its
 * letters and digits (RFC 8460 5.1 allows no others).  False where one of
 * them is no domain.
 */
bool sts_report_file_name(char buf[STS_REPORT_FILE_MAX], const char *submitter,
    const char *domain, const struct sts_report *report);

/*
 * True for an address that a report can be sent to or from: it needs no quotes,
 * and nothing in it ends a header field, begins another one or is an option.
 */
bool sts_report_is_address(const char *text);

/* What the mail says beside the report; strings are borrowed. */
struct sts_report_mail {
	const char *from, *to; /* addresses without a name */
	const char *submitter; /* our domain, RFC 8460 5.3 */
	const char *domain;    /* whose report it is */
	int64_t date;          /* seconds since 1970, of the Date field */
};

/*
 * Writes the mail with `packed`, the compressed JSON, attached: lines end with
 * LF, as the local sendmail wants them.  The caller frees *mail.  NULL, or a
 * sentence: an address, domain or id that cannot stand in a header field, or
 * no memory.
 */
const char *sts_report_write_mail(const struct sts_report_mail *about,
    const struct sts_report *report, const char *packed, size_t packed_len,
    char **mail, size_t *len);

#endif
