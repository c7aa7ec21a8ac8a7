/* SPDX-License-Identifier: ISC */
/*
 * How far TLS came in one outgoing TCP connection, told by the lines of SMTP
 * that smtpd reports ("protocol-client", "protocol-server").  No I/O.
 */
#ifndef STS_OPENSMTPD_FILTER_FILTER_DIALOGUE_H
#define STS_OPENSMTPD_FILTER_FILTER_DIALOGUE_H

#include <stdbool.h>

#include "base/cursor.h"

/* Where the dialogue is. */
enum sts_dialogue_state {
	STS_DIALOGUE_CONNECTED, /* no EHLO yet, or it was refused */
	STS_DIALOGUE_EHLO,      /* smtpd has said EHLO or HELO */
	STS_DIALOGUE_ANSWERED,  /* and the host has answered with 250 */
	STS_DIALOGUE_STARTTLS,  /* smtpd has said STARTTLS */
	STS_DIALOGUE_REFUSED,   /* the host has answered, not with 220 */
	STS_DIALOGUE_HANDSHAKE, /* with 220: what follows is TLS */
	STS_DIALOGUE_SECURED,   /* smtpd goes on, inside TLS */
	STS_DIALOGUE_IMPLICIT   /* TLS from the first byte: a relay of ours */
};

/* Begins zeroed. */
struct sts_dialogue {
	enum sts_dialogue_state state;
	bool offered;  /* the host offers STARTTLS */
	bool link_tls; /* smtpd has reported a handshake */
};

/* What a session is to a TLS report. */
enum sts_session_class {
	STS_SESSION_NONE,        /* not a session: over before EHLO, or ours */
	STS_SESSION_SECURED,     /* smtpd accepted what TLS gave it */
	STS_SESSION_NOT_OFFERED, /* no STARTTLS */
	STS_SESSION_REFUSED,     /* STARTTLS was offered, and refused */
	STS_SESSION_BROKEN,      /* the handshake failed */
	STS_SESSION_DISTRUSTED   /* it was completed, the certificate refused */
};

/* A line of smtpd's, a line of the host's, and the event link-tls. */
void sts_dialogue_client(struct sts_dialogue *dialogue, struct sts_span line);
void sts_dialogue_server(struct sts_dialogue *dialogue, struct sts_span line);
void sts_dialogue_tls(struct sts_dialogue *dialogue);

/*
 * The class of the session as it is: at its first RCPT, or at its end.  Before
 * RCPT smtpd may still go on, and a later line change the class.
 */
enum sts_session_class sts_dialogue_class(const struct sts_dialogue *dialogue);

#endif
