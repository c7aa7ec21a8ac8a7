/* SPDX-License-Identifier: ISC */
/*
 * RFC 8460 4.3 and 4.4 as tables, and the only function that decides which
 * statuses are reported to the recipient's domain, and under which name.
 */
#include "core/result.h"

#include <stddef.h>
#include <string.h>

static const char *const result_names[] = {
    [STS_RESULT_NONE] = "",
    [STS_RESULT_STARTTLS_NOT_SUPPORTED] = "starttls-not-supported",
    [STS_RESULT_CERTIFICATE_HOST_MISMATCH] = "certificate-host-mismatch",
    [STS_RESULT_CERTIFICATE_EXPIRED] = "certificate-expired",
    [STS_RESULT_CERTIFICATE_NOT_TRUSTED] = "certificate-not-trusted",
    [STS_RESULT_VALIDATION_FAILURE] = "validation-failure",
    [STS_RESULT_TLSA_INVALID] = "tlsa-invalid",
    [STS_RESULT_DNSSEC_INVALID] = "dnssec-invalid",
    [STS_RESULT_DANE_REQUIRED] = "dane-required",
    [STS_RESULT_STS_POLICY_FETCH_ERROR] = "sts-policy-fetch-error",
    [STS_RESULT_STS_POLICY_INVALID] = "sts-policy-invalid",
    [STS_RESULT_STS_WEBPKI_INVALID] = "sts-webpki-invalid",
};

static const char *const policy_type_names[] = {
    [STS_POLICY_TYPE_TLSA] = "tlsa",
    [STS_POLICY_TYPE_STS] = "sts",
    [STS_POLICY_TYPE_NO_POLICY_FOUND] = "no-policy-found",
};

enum {
	RESULT_COUNT = sizeof(result_names) / sizeof(result_names[0]),
	TYPE_COUNT = sizeof(policy_type_names) / sizeof(policy_type_names[0])
};

const char *
sts_result_name(enum sts_result result)
{
	return (unsigned)result < RESULT_COUNT ? result_names[result] : "";
}

bool
sts_result_parse(const char *name, enum sts_result *out)
{
	/* Skips "none", whose empty name is not a result type. */
	for (unsigned i = STS_RESULT_NONE + 1; i < RESULT_COUNT; i++) {
		if (strcmp(result_names[i], name) == 0) {
			*out = (enum sts_result)i;
			return true;
		}
	}
	return false;
}

const char *
sts_policy_type_name(enum sts_policy_type type)
{
	return (unsigned)type < TYPE_COUNT ? policy_type_names[type] : "";
}

bool
sts_policy_type_parse(const char *name, enum sts_policy_type *out)
{
	for (unsigned i = 0; i < TYPE_COUNT; i++) {
		if (strcmp(policy_type_names[i], name) == 0) {
			*out = (enum sts_policy_type)i;
			return true;
		}
	}
	return false;
}

/*
 * RFC 8460 4.3.2.2.  The class decides, so that no later status is forgotten;
 * only exceptions are named.
 */
enum sts_result
sts_result_of_status(enum sts_status status)
{
	switch (status) {
	case STS_FETCH_CERT_EXPIRED:
	case STS_FETCH_CERT_NAME:
	case STS_FETCH_CERT_UNTRUSTED:
	case STS_FETCH_CERT_INVALID:
		return STS_RESULT_STS_WEBPKI_INVALID;
	/* The host answered, but not with a policy. */
	case STS_FETCH_MEDIA_TYPE:
		return STS_RESULT_STS_POLICY_INVALID;
	case STS_MX_NO_STARTTLS:
	case STS_MX_STARTTLS_REFUSED:
		return STS_RESULT_STARTTLS_NOT_SUPPORTED;
	case STS_MX_CERT_EXPIRED:
		return STS_RESULT_CERTIFICATE_EXPIRED;
	case STS_MX_CERT_NAME:
		return STS_RESULT_CERTIFICATE_HOST_MISMATCH;
	case STS_MX_CERT_UNTRUSTED:
		return STS_RESULT_CERTIFICATE_NOT_TRUSTED;
	/* RFC 8460 4.3.3: for what has no type of its own. */
	case STS_MX_CERT_INVALID:
	case STS_MX_TLS:
	case STS_MX_STARTTLS_PLAINTEXT:
		return STS_RESULT_VALIDATION_FAILURE;
	case STS_POLICY_TOO_LARGE: /* a valid policy, beyond the MTA's limit */
	case STS_WARN_MAX_AGE_CAPPED:
	case STS_WARN_MX_ADDRESS:
	case STS_WARN_MX_DROPPED:
	case STS_WARN_BLANK_LINE:
	case STS_WARN_BAD_EXTENSION:
	case STS_WARN_DUPLICATE:
		return STS_RESULT_NONE;
	default:
		break;
	}
	if (sts_status_class(status) == STS_CLASS_FETCH)
		return STS_RESULT_STS_POLICY_FETCH_ERROR;
	if (sts_status_class(status) == STS_CLASS_POLICY)
		return STS_RESULT_STS_POLICY_INVALID;
	return STS_RESULT_NONE;
}
