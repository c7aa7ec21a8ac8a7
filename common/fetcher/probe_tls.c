/* SPDX-License-Identifier: ISC */
#include "fetcher/probe_tls.h"

#include <errno.h>
#include <string.h>

#include <openssl/err.h>

#include "base/fault.h"

enum { READS_MAX = 16 }; /* of a server that does not stop sending */

bool
sts_probe_tls_open(
    struct sts_probe_tls *tls, int fd, const char *host, X509_STORE *store)
{
	tls->verification.store = store;
	tls->verification.host = host;
	tls->ctx = SSL_CTX_new(TLS_client_method());
	/* RFC 8461 7.2; the system's default may be lower. */
	if (tls->ctx == NULL ||
	    !SSL_CTX_set_min_proto_version(tls->ctx, TLS1_2_VERSION))
		return false;
	sts_verify_install(tls->ctx, &tls->verification);
	/* RFC 8461 7.1: SNI is the MX host's name. */
	return (tls->ssl = SSL_new(tls->ctx)) != NULL &&
	    SSL_set_fd(tls->ssl, fd) &&
	    SSL_set_tlsext_host_name(tls->ssl, host);
}

void
sts_probe_tls_close(struct sts_probe_tls *tls)
{
	SSL_free(tls->ssl);
	SSL_CTX_free(tls->ctx);
	tls->ssl = NULL;
	tls->ctx = NULL;
	/* libcurl would read these errors as its own. */
	ERR_clear_error();
}

/* verify.h uses the statuses of policy hosts. */
static enum sts_status
certificate_status(const struct sts_verdict *verdict)
{
	static const enum sts_status of_mx[STS_STATUS_COUNT] = {
	    [STS_FETCH_CERT_EXPIRED] = STS_MX_CERT_EXPIRED,
	    [STS_FETCH_CERT_NAME] = STS_MX_CERT_NAME,
	    [STS_FETCH_CERT_UNTRUSTED] = STS_MX_CERT_UNTRUSTED,
	    [STS_FETCH_CERT_INVALID] = STS_MX_CERT_INVALID};
	enum sts_status status = sts_verify_status(verdict);

	return of_mx[status] != STS_OK ? of_mx[status] : status;
}

/*
 * If the certificate made the handshake fail, reports the certificate's fault;
 * OpenSSL's error says only that it failed.
 */
static enum sts_status
failure(const struct sts_verdict *verdict, int error, int saved_errno,
    const char **detail)
{
	unsigned long code = ERR_peek_error();
	enum sts_status fault = STS_OK;

	if (verdict->done && verdict->error != X509_V_OK) {
		*detail = X509_verify_cert_error_string(verdict->error);
		return certificate_status(verdict);
	}
	*detail = ERR_reason_error_string(code);
	if (error == SSL_ERROR_SYSCALL && code == 0) {
		*detail = saved_errno != 0 ? strerror(saved_errno) : "closed";
		fault = sts_fault_traffic(saved_errno);
	}
	if (*detail == NULL)
		*detail = "no reason given";
	return fault != STS_OK ? fault : STS_MX_TLS;
}

enum sts_probe_wait
sts_probe_tls_handshake(
    struct sts_probe_tls *tls, enum sts_status *status, const char **detail)
{
	int result, error;

	/* SSL_get_error reads both. */
	ERR_clear_error();
	errno = 0;
	result = SSL_connect(tls->ssl);
	if (result == 1) {
		*detail = SSL_get_version(tls->ssl);
		*status = certificate_status(&tls->verification.verdict);
		return STS_WAIT_OVER;
	}
	error = SSL_get_error(tls->ssl, result);
	if (error == SSL_ERROR_WANT_READ)
		return STS_WAIT_READ;
	if (error == SSL_ERROR_WANT_WRITE)
		return STS_WAIT_WRITE;
	*status = failure(&tls->verification.verdict, error, errno, detail);
	return STS_WAIT_OVER;
}

bool
sts_probe_tls_quit(struct sts_probe_tls *tls)
{
	static const char farewell[] = "QUIT\r\n";

	ERR_clear_error();
	return SSL_write(tls->ssl, farewell, sizeof(farewell) - 1) > 0;
}

enum sts_probe_wait
sts_probe_tls_drain(struct sts_probe_tls *tls)
{
	char buf[512];

	for (int i = 0; i < READS_MAX; i++) {
		int n;

		ERR_clear_error();
		n = SSL_read(tls->ssl, buf, sizeof(buf));
		if (n > 0)
			continue;
		/* Session tickets come first, without data. */
		if (SSL_get_error(tls->ssl, n) == SSL_ERROR_WANT_READ)
			return STS_WAIT_READ;
		break;
	}
	(void)SSL_shutdown(tls->ssl);
	return STS_WAIT_OVER;
}
