/* SPDX-License-Identifier: ISC */
/*
 * The TLS part of a probe: a client's handshake on a non-blocking socket, TLS
 * 1.2 or later, SNI, and the certificate checked by verify.h.
 */
#ifndef STS_FETCHER_PROBE_TLS_H
#define STS_FETCHER_PROBE_TLS_H

#include <stddef.h>

#include <openssl/ssl.h>

#include "base/status.h"
#include "fetcher/verify.h"

/* Zeroed before its first use. */
struct sts_probe_tls {
	SSL_CTX *ctx;
	SSL *ssl; /* NULL: not started */
	struct sts_verification verification;
};

enum sts_probe_wait {
	STS_WAIT_READ,  /* for the socket to be readable */
	STS_WAIT_WRITE, /* or writable; then call again */
	STS_WAIT_OVER   /* it has ended */
};

/*
 * Prepares a handshake with `host`; it and the store are borrowed until
 * sts_probe_tls_close.  False: no memory.
 */
bool sts_probe_tls_open(
    struct sts_probe_tls *tls, int fd, const char *host, X509_STORE *store);

/* Frees everything; the socket stays open. */
void sts_probe_tls_close(struct sts_probe_tls *tls);

/*
 * Continues the handshake.  With STS_WAIT_OVER *status is STS_OK only if the
 * certificate is valid for the host, else STS_MX_CERT_EXPIRED, _NAME,
 * _UNTRUSTED, _INVALID, STS_MX_TLS, or a local fault; *detail is static text
 * for the log.
 */
enum sts_probe_wait sts_probe_tls_handshake(
    struct sts_probe_tls *tls, enum sts_status *status, const char **detail);

/* Sends "QUIT" inside the session; false if it cannot be sent now. */
bool sts_probe_tls_quit(struct sts_probe_tls *tls);

/*
 * Reads and drops what follows QUIT.  STS_WAIT_OVER once the server has ended
 * the session, or sends too much; then this side ends it, too.
 */
enum sts_probe_wait sts_probe_tls_drain(struct sts_probe_tls *tls);

#endif
