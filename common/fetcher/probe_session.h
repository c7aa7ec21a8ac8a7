/* SPDX-License-Identifier: ISC */
/*
 * One probe of one address: TCP, greeting, EHLO, STARTTLS (RFC 3207), the TLS
 * handshake, QUIT.  It has no other commands, so it cannot send mail.
 */
#ifndef STS_FETCHER_PROBE_SESSION_H
#define STS_FETCHER_PROBE_SESSION_H

#include <openssl/x509.h>

#include "dns/address.h"
#include "fetcher/wire.h"
#include "loop/loop.h"

struct sts_probe_session;

struct sts_probe_target {
	const char *host; /* outlives the session */
	struct sts_address address;
	uint16_t port;
	int64_t timeout_ms; /* for all of it */
	X509_STORE *store;  /* outlives the session */
};

/*
 * STS_OK: TLS 1.2 or later, with a certificate that is valid for the host (RFC
 * 8461 4.2).  Else the class MX, or a local fault.  `detail` is for the log,
 * may contain bytes from the network, and lasts until the callback returns.
 */
typedef void sts_probe_session_done(
    void *arg, enum sts_status status, const char *detail);

/*
 * Starts a session.  The callback comes once, never from within this call, and
 * frees the session.  NULL: no memory, no callback.
 */
struct sts_probe_session *sts_probe_session_start(struct sts_loop *loop,
    const struct sts_probe_target *target, sts_probe_session_done *done,
    void *arg);

/* Ends it without a callback. */
void sts_probe_session_cancel(struct sts_probe_session *session);

#endif
