/* SPDX-License-Identifier: ISC */
/*
 * Result types of RFC 8460 4.3, the vocabulary of TLS reports.
 */
#ifndef STS_CORE_RESULT_H
#define STS_CORE_RESULT_H

#include <stdbool.h>

#include "base/status.h"

enum sts_result {
	STS_RESULT_NONE, /* not reported */
	STS_RESULT_STARTTLS_NOT_SUPPORTED,
	STS_RESULT_CERTIFICATE_HOST_MISMATCH,
	STS_RESULT_CERTIFICATE_EXPIRED,
	STS_RESULT_CERTIFICATE_NOT_TRUSTED,
	STS_RESULT_VALIDATION_FAILURE,
	STS_RESULT_TLSA_INVALID,
	STS_RESULT_DNSSEC_INVALID,
	STS_RESULT_DANE_REQUIRED,
	STS_RESULT_STS_POLICY_FETCH_ERROR,
	STS_RESULT_STS_POLICY_INVALID,
	STS_RESULT_STS_WEBPKI_INVALID
};

enum sts_policy_type {
	STS_POLICY_TYPE_TLSA,
	STS_POLICY_TYPE_STS,
	STS_POLICY_TYPE_NO_POLICY_FOUND
};

/*
 * The name in a report (RFC 8460 4.3), e.g. "certificate-expired"; "" for
 * STS_RESULT_NONE.
 */
const char *sts_result_name(enum sts_result result);

/* The reverse, into *out; false for a name RFC 8460 4.3 does not define. */
bool sts_result_parse(const char *name, enum sts_result *out);

/* "tlsa", "sts", "no-policy-found" (RFC 8460 4.4), and the reverse. */
const char *sts_policy_type_name(enum sts_policy_type type);
bool sts_policy_type_parse(const char *name, enum sts_policy_type *out);

/*
 * The result type of a failed discovery, fetch or probe: failures of the policy
 * host's certificate are sts-webpki-invalid, of the body and its media type
 * sts-policy-invalid, all others before a body sts-policy-fetch-error.
 * Failures of STARTTLS or of an MX host's certificate in a probe have types of
 * their own (RFC 8460 4.3.1, 4.3.3); failed connections are transient and have
 * none (4.3.4).  STS_RESULT_NONE for what is not reported: local faults, DNS
 * failures, unusable records.
 */
enum sts_result sts_result_of_status(enum sts_status status);

#endif
