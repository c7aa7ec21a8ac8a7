/* SPDX-License-Identifier: ISC */
/* Internal to exim: an SMTP session, and its outcome (RFC 8460 4.3). */
#ifndef STS_EXIM_EVENT_RECORD_H
#define STS_EXIM_EVENT_RECORD_H

#include <stdbool.h>

#include "core/outcome.h"

enum {
	STS_SESSION_FILE_MAX = 1023, /* bytes of the configuration's path */
	STS_SESSION_MODE_MAX = 7     /* "enforce" */
};

/* How far TLS came. */
enum sts_session_end {
	STS_END_NO_STARTTLS, /* not offered */
	STS_END_REJECTED,    /* offered, and refused when asked for */
	STS_END_HANDSHAKE,   /* begun, and ended before a certificate */
	STS_END_CERTIFICATE, /* ended because of the certificate */
	STS_END_DANE,        /* ended because of DANE; `dane_result` */
	STS_END_UNVERIFIED,  /* up, with a certificate that is not valid */
	STS_END_VERIFIED     /* up */
};

struct sts_session {
	char domain[STS_NAME_MAX + 1];
	char host[STS_NAME_MAX + 1];
	char address[STS_OUTCOME_IP_MAX + 1];
	char source[STS_OUTCOME_IP_MAX + 1];
	char helo[STS_NAME_MAX + 1];
	char mode[STS_SESSION_MODE_MAX + 1]; /* of the answer; "" unknown */
	char config_file[STS_SESSION_FILE_MAX + 1]; /* "": the default */
	bool dane;
	bool has_certificate; /* seen; what follows is of the last one */
	bool expired;
	bool named; /* it has a dNSName that is the host's */
	enum sts_result dane_result;
};

/*
 * Records a session if its domain wants reports.  `names` are the dNSNames of
 * the certificate that is verified, one a line, or "".
 */
void sts_session_record(const struct sts_session *session,
    enum sts_session_end end, const char *names);

/*
 * The same for mail that waits because the policy permits no MX host of its
 * domain, which makes no session: once for each process and domain.
 */
void sts_session_record_no_mx(const struct sts_session *session);

/*
 * True if a name of the list, one a line, is the host's (RFC 8461 4.2): case
 * does not matter, "*" is the whole left-most label.  Only the first 64 KiB are
 * read.
 */
bool sts_session_is_named(const char *names, const char *host);

#endif
