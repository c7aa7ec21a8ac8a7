/* SPDX-License-Identifier: ISC */
#include "fetcher/verify.h"

#include <openssl/x509v3.h>

#include "base/fault.h"
#include "fetcher/certificate.h"

static bool
is_name_error(int error)
{
	return error == X509_V_ERR_HOSTNAME_MISMATCH ||
	    error == X509_V_ERR_IP_ADDRESS_MISMATCH ||
	    error == X509_V_ERR_EMAIL_MISMATCH;
}

/* True if a new error says more than the recorded one. */
static bool
outranks(const struct sts_verdict *noted, int error, int depth)
{
	if (noted->error == X509_V_OK)
		return true;
	if (is_name_error(noted->error) != is_name_error(error))
		return is_name_error(noted->error);
	return depth < noted->depth;
}

/* Several errors are common: an expired certificate for another name. */
static void
note(struct sts_verdict *verdict, int error, int depth)
{
	/* Without an error code, it is still a failure. */
	if (error == X509_V_OK)
		error = X509_V_ERR_UNSPECIFIED;
	if (outranks(verdict, error, depth)) {
		verdict->error = error;
		verdict->depth = depth;
	}
}

/*
 * Continues after every error so that all are seen; check() reads the result
 * from the verdict.
 */
static int
collect(int ok, X509_STORE_CTX *chain)
{
	struct sts_verdict *verdict = X509_STORE_CTX_get_app_data(chain);

	if (!ok)
		note(verdict, X509_STORE_CTX_get_error(chain),
		    X509_STORE_CTX_get_error_depth(chain));
	return 1;
}

/* Sets all rules: nothing is inherited from the library's context. */
static bool
set_rules(X509_STORE_CTX *chain, const char *host, int level)
{
	X509_VERIFY_PARAM *rules;

	if (!X509_STORE_CTX_set_default(chain, "ssl_server"))
		return false;
	rules = X509_STORE_CTX_get0_param(chain);
	X509_VERIFY_PARAM_set_auth_level(rules, level);
	X509_VERIFY_PARAM_set_hostflags(rules,
	    X509_CHECK_FLAG_NEVER_CHECK_SUBJECT |
		X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
		X509_CHECK_FLAG_SINGLE_LABEL_SUBDOMAINS);
	return X509_VERIFY_PARAM_set1_host(rules, host, 0);
}

/* A leading dot would match any subdomain, "" any name at all. */
static bool
is_askable(const char *host)
{
	return host[0] != '\0' && host[0] != '.';
}

/*
 * Replaces OpenSSL's own verification in a handshake.  A separate verification
 * context excludes what libcurl, depending on version and build, sets in the
 * connection's: other trust roots, partial chains.
 */
static int
check(X509_STORE_CTX *given, void *arg)
{
	struct sts_verification *v = arg;
	const SSL *ssl = X509_STORE_CTX_get_ex_data(
	    given, SSL_get_ex_data_X509_STORE_CTX_idx());
	X509_STORE_CTX *chain = X509_STORE_CTX_new();

	v->verdict = (struct sts_verdict){.done = true};
	if (v->seen != NULL)
		sts_certificate_read(v->seen, X509_STORE_CTX_get0_cert(given));
	if (!is_askable(v->host)) {
		note(&v->verdict, X509_V_ERR_INVALID_CALL, 0);
		goto out;
	}
	if (chain == NULL ||
	    !X509_STORE_CTX_init(chain, v->store,
		X509_STORE_CTX_get0_cert(given),
		X509_STORE_CTX_get0_untrusted(given)) ||
	    !X509_STORE_CTX_set_app_data(chain, &v->verdict) ||
	    !set_rules(chain, v->host,
		ssl != NULL ? SSL_get_security_level(ssl) : 1)) {
		note(&v->verdict, X509_V_ERR_OUT_OF_MEM, 0);
		goto out;
	}
	X509_STORE_CTX_set_verify_cb(chain, collect);
	if (X509_verify_cert(chain) <= 0)
		note(&v->verdict, X509_STORE_CTX_get_error(chain),
		    X509_STORE_CTX_get_error_depth(chain));
out:
	X509_STORE_CTX_free(chain);
	X509_STORE_CTX_set_error(given, v->verdict.error);
	return v->lenient || v->verdict.error == X509_V_OK;
}

/* A truncation by an attacker lacks this alert. */
static void
note_close(const SSL *ssl, int where, int value)
{
	struct sts_verification *v = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

	if (where == SSL_CB_READ_ALERT && v != NULL &&
	    (value & 0xff) == SSL_AD_CLOSE_NOTIFY)
		v->closed = true;
}

void
sts_verify_install(SSL_CTX *ctx, struct sts_verification *verification)
{
	verification->verdict = (struct sts_verdict){.done = false};
	verification->closed = false;
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(ctx, check, verification);
	(void)SSL_CTX_set_app_data(ctx, verification);
	SSL_CTX_set_info_callback(ctx, note_close);
}

/* If a trust directory could not be read, its roots are unknown. */
static enum sts_status
untrusted(void)
{
	enum sts_status fault = sts_fault_descriptors();

	return fault != STS_OK ? fault : STS_FETCH_CERT_UNTRUSTED;
}

/* The classes are those of RFC 8460 4.3.1, under the names of a fetch. */
enum sts_status
sts_verify_status(const struct sts_verdict *verdict)
{
	if (!verdict->done)
		return STS_INTERNAL;
	switch (verdict->error) {
	case X509_V_OK:
		return STS_OK;
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID:
	case X509_V_ERR_ERROR_IN_CERT_NOT_BEFORE_FIELD:
	case X509_V_ERR_ERROR_IN_CERT_NOT_AFTER_FIELD:
		return STS_FETCH_CERT_EXPIRED;
	case X509_V_ERR_HOSTNAME_MISMATCH:
		return STS_FETCH_CERT_NAME;
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_CERT_UNTRUSTED:
	case X509_V_ERR_CERT_REJECTED:
		return untrusted();
	case X509_V_ERR_OUT_OF_MEM:
		return STS_NO_MEMORY;
	case X509_V_ERR_STORE_LOOKUP:
		return STS_CA_UNUSABLE;
	case X509_V_ERR_INVALID_CALL:
		return STS_INTERNAL;
	default:
		return STS_FETCH_CERT_INVALID;
	}
}
