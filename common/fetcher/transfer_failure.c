/* SPDX-License-Identifier: ISC */
/* Who is to blame for a transfer that libcurl ended. */
#include <string.h>

#include <curl/curl.h>

#include "base/fault.h"
#include "fetcher/route.h"
#include "fetcher/transfer.h"

/*
 * What the peer or the network can cause is blamed on the policy host; what
 * only this machine can cause is a local fault.
 */
static enum sts_status
status_of(CURLcode code)
{
	static const enum sts_status statuses[CURL_LAST] = {
	    [CURLE_OUT_OF_MEMORY] = STS_NO_MEMORY,
	    [CURLE_SSL_CACERT_BADFILE] = STS_CA_UNUSABLE,
	    [CURLE_COULDNT_CONNECT] = STS_FETCH_CONNECT,
	    [CURLE_OPERATION_TIMEDOUT] = STS_FETCH_TIMEOUT,
	    [CURLE_SSL_CONNECT_ERROR] = STS_FETCH_TLS,
	    [CURLE_SSL_CIPHER] = STS_FETCH_TLS,
	    [CURLE_SSL_SHUTDOWN_FAILED] = STS_FETCH_TLS,
	    [CURLE_USE_SSL_FAILED] = STS_FETCH_TLS,
	    [CURLE_PEER_FAILED_VERIFICATION] = STS_FETCH_CERT_INVALID,
	    [CURLE_SSL_CERTPROBLEM] = STS_FETCH_CERT_INVALID,
	    [CURLE_SSL_ISSUER_ERROR] = STS_FETCH_CERT_INVALID,
	    [CURLE_SSL_INVALIDCERTSTATUS] = STS_FETCH_CERT_INVALID,
	    [CURLE_FAILED_INIT] = STS_INTERNAL,
	    [CURLE_URL_MALFORMAT] = STS_INTERNAL,
	    [CURLE_NOT_BUILT_IN] = STS_INTERNAL,
	    [CURLE_COULDNT_RESOLVE_PROXY] = STS_INTERNAL,
	    /* the given addresses were not used */
	    [CURLE_COULDNT_RESOLVE_HOST] = STS_INTERNAL,
	    [CURLE_FUNCTION_NOT_FOUND] = STS_INTERNAL,
	    [CURLE_ABORTED_BY_CALLBACK] = STS_INTERNAL,
	    [CURLE_BAD_FUNCTION_ARGUMENT] = STS_INTERNAL,
	    [CURLE_INTERFACE_FAILED] = STS_INTERNAL,
	    [CURLE_UNKNOWN_OPTION] = STS_INTERNAL,
	    [CURLE_SSL_ENGINE_NOTFOUND] = STS_INTERNAL,
	    [CURLE_SSL_ENGINE_SETFAILED] = STS_INTERNAL,
	    [CURLE_SSL_ENGINE_INITFAILED] = STS_INTERNAL,
	    [CURLE_SSL_CRL_BADFILE] = STS_INTERNAL,
	    [CURLE_RECURSIVE_API_CALL] = STS_INTERNAL,
	};

	if (code == CURLE_OK)
		return STS_OK;
	return code < CURL_LAST && statuses[code] != STS_OK ? statuses[code]
							    : STS_FETCH_HTTP;
}

/*
 * libcurl has only the errno of the last connect(2), without its address.  If
 * there was a connection, the timeout came later.
 */
static enum sts_status
connect_fault(const struct sts_transfer *t)
{
	curl_off_t connected = 0;
	enum sts_status fault;
	long error = 0;

	if (t->fault != STS_OK)
		return t->fault;
	(void)curl_easy_getinfo(t->easy, CURLINFO_OS_ERRNO, &error);
	if ((fault = sts_fault_traffic((int)error)) != STS_OK)
		return fault;
	(void)curl_easy_getinfo(t->easy, CURLINFO_CONNECT_TIME_T, &connected);
	return connected > 0
	    ? STS_OK
	    : sts_route_fault(t->addresses, t->address_count, t->port);
}

enum sts_status
sts_transfer_failure(struct sts_transfer *t, CURLcode code)
{
	const struct sts_verdict *verdict = &t->verification.verdict;
	enum sts_status status = status_of(code), fault = STS_OK;
	const char *detail =
	    t->error[0] != '\0' ? t->error : curl_easy_strerror(code);

	if (verdict->done && verdict->error != X509_V_OK &&
	    !t->verification.lenient) {
		detail = X509_verify_cert_error_string(verdict->error);
		status = sts_verify_status(verdict);
	} else if (status == STS_FETCH_CONNECT || status == STS_FETCH_TIMEOUT)
		fault = connect_fault(t);
	else if (code == CURLE_OUT_OF_MEMORY && verdict->done)
		/* Some versions report a field that is too long in this way. */
		status = STS_FETCH_HTTP;
	/* OpenSSL reports a failed allocation in many ways. */
	if (fault == STS_OK)
		fault = sts_fault_memory();
	(void)strlcpy(t->detail, detail, sizeof(t->detail));
	return fault != STS_OK ? fault : status;
}
