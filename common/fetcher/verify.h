/* SPDX-License-Identifier: ISC */
/*
 * Verifies that a certificate is valid for a host, RFC 8461 3.3 and 4.2: a
 * chain to a trusted root, in its validity period, with a dNSName that matches
 * (RFC 6125: never the common name, "*" only as the whole left-most label).
 */
#ifndef STS_FETCHER_VERIFY_H
#define STS_FETCHER_VERIFY_H

#include <stdbool.h>

#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include "base/status.h"

/* The names in a certificate, for people. */
enum { STS_CERTIFICATE_TEXT = 400 };
struct sts_certificate {
	char names[STS_CERTIFICATE_TEXT];       /* dNSNames, with commas */
	char common_name[STS_CERTIFICATE_TEXT]; /* "": none */
};

struct sts_verdict {
	bool done; /* a verification ran; without one nothing is valid */
	/*
	 * X509_V_OK, or the X509_V_ERR_* to report: of several the one closest
	 * to the leaf, a wrong name only if all else is right.
	 */
	int error;
	int depth; /* of the certificate with the error, 0 for the leaf */
};

/*
 * The input and the result for one handshake.  `store` and `host` are borrowed
 * and must outlive it.
 */
struct sts_verification {
	X509_STORE *store;
	const char *host; /* no trailing dot, not beginning with "." */
	bool lenient; /* a certificate that is at fault only has a verdict */
	struct sts_certificate *seen; /* filled in; NULL: not wanted */
	struct sts_verdict verdict;
	bool closed; /* the peer ended the connection (close_notify) */
};

/*
 * Makes every handshake of `ctx` verify its peer with *verification, and
 * nothing else from the context, and fail if the peer does, unless it is
 * lenient.  Uses the context's
 * application data and information callback.
 */
void sts_verify_install(SSL_CTX *ctx, struct sts_verification *verification);

/*
 * STS_OK only after a verification without error.  Else STS_FETCH_CERT_EXPIRED,
 * _NAME, _UNTRUSTED or _INVALID, or a local fault: no memory, unreadable trust
 * roots.  STS_INTERNAL if there was no verification.
 */
enum sts_status sts_verify_status(const struct sts_verdict *verdict);

#endif
