/* SPDX-License-Identifier: ISC */
#ifndef STS_FETCHER_CERTIFICATE_H
#define STS_FETCHER_CERTIFICATE_H

#include <openssl/x509.h>

#include "fetcher/verify.h"

/*
 * The names in a certificate, as many as fit; any bytes except NUL and control
 * characters, "?" for those.  `certificate` may be NULL.
 */
void sts_certificate_read(struct sts_certificate *seen, X509 *certificate);

#endif
