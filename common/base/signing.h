/* SPDX-License-Identifier: ISC */
/*
 * What a mail server's configuration says of the DKIM signature of our TLS
 * reports (RFC 8460 3).
 */
#ifndef STS_BASE_SIGNING_H
#define STS_BASE_SIGNING_H

#include <stdbool.h>

struct sts_signing {
	const char *from;      /* the address of our reports */
	const char *submitter; /* the domain that has to sign them */
	/* Found; "" where unknown, as what Exim expands is. */
	char domain[256];
	char selector[128];
	bool is_signed; /* something signs, or may do so */
};

#endif
