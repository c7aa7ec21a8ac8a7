/* SPDX-License-Identifier: ISC */
/*
 * Which certificate is valid for which host: cert_name.tsv, each row a
 * handshake in memory, and the rank of errors that come together.
 */
#include "tests/unit/lib/tap.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "fetcher/trust.h"
#include "fetcher/verify.h"

enum { DAY = 24 * 60 * 60 };

struct made {
	X509 *cert;
	EVP_PKEY *key;
};

static void
add_extension(X509 *cert, int nid, const char *value)
{
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	if (e == NULL || !X509_add_ext(cert, e, -1))
		tap_diag("extension \"%s\" cannot be made", value);
	X509_EXTENSION_free(e);
}

/* NULL issuer: self-signed.  Days are relative to now. */
static struct made
make(const char *name, const char *san, const struct made *issuer,
    long from_day, long to_day)
{
	struct made m = {X509_new(), EVP_EC_gen("P-256")};
	X509_NAME *subject = X509_get_subject_name(m.cert);
	static long serial;

	X509_set_version(m.cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(m.cert), ++serial);
	X509_gmtime_adj(X509_getm_notBefore(m.cert), from_day * DAY);
	X509_gmtime_adj(X509_getm_notAfter(m.cert), to_day * DAY);
	if (name[0] != '\0')
		X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
		    (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(m.cert,
	    issuer != NULL ? X509_get_subject_name(issuer->cert) : subject);
	X509_set_pubkey(m.cert, m.key);
	if (san == NULL)
		add_extension(
		    m.cert, NID_basic_constraints, "critical,CA:TRUE");
	else if (san[0] != '\0')
		add_extension(m.cert, NID_subject_alt_name, san);
	X509_sign(m.cert, issuer != NULL ? issuer->key : m.key, EVP_sha256());
	return m;
}

static void
forget(struct made *m)
{
	X509_free(m->cert);
	EVP_PKEY_free(m->key);
}

/* Both sides in turn until neither gets further. */
static bool
shake_hands(SSL *client, SSL *server)
{
	for (int i = 0; i < 20; i++) {
		int c = SSL_do_handshake(client);
		int s = SSL_do_handshake(server);

		if (c == 1 && s == 1)
			return true;
		if (c <= 0 && SSL_get_error(client, c) != SSL_ERROR_WANT_READ)
			return false;
	}
	return false;
}

/* What a client says of a server with this certificate. */
static enum sts_status
try_handshake(
    X509_STORE *roots, const char *host, const struct made *m, bool *shaken)
{
	struct sts_verification v = {.store = roots, .host = host};
	SSL_CTX *cctx = SSL_CTX_new(TLS_client_method());
	SSL_CTX *sctx = SSL_CTX_new(TLS_server_method());
	BIO *near, *far;
	SSL *client, *server;

	sts_verify_install(cctx, &v);
	SSL_CTX_use_certificate(sctx, m->cert);
	SSL_CTX_use_PrivateKey(sctx, m->key);
	client = SSL_new(cctx);
	server = SSL_new(sctx);
	BIO_new_bio_pair(&near, 0, &far, 0);
	SSL_set_bio(client, near, near);
	SSL_set_bio(server, far, far);
	SSL_set_connect_state(client);
	SSL_set_accept_state(server);
	*shaken = shake_hands(client, server);
	SSL_free(client);
	SSL_free(server);
	SSL_CTX_free(cctx);
	SSL_CTX_free(sctx);
	ERR_clear_error();
	return sts_verify_status(&v.verdict);
}

/*
 * The rows that leave it open, and rows about Postfix' notation, have one
 * answer here: not valid.
 */
static void
names(X509_STORE *roots, const struct made *root)
{
	struct vector_file *file = vector_open("cert_name.tsv");
	char *f[6]; /* id, common name, SAN, host, openssl flags, verdict */

	while (vector_next(file, f, 6)) {
		bool valid = strcmp(f[5], "1") == 0, shaken;
		struct made m = make(f[1], f[2], root, -1, 1);
		enum sts_status status =
		    try_handshake(roots, f[3], &m, &shaken);
		bool dotted = f[3][0] == '.';

		is_str(sts_status_name(status),
		    valid        ? "ok"
			: dotted ? "internal"
				 : "fetch_cert_name",
		    "%s CN=%s SAN=%s for %s", f[0], f[1], f[2], f[3]);
		ok(shaken == valid, "%s: the handshake %s", f[0],
		    valid ? "succeeds" : "fails");
		forget(&m);
	}
	vector_close(file);
}

static void
try_one(X509_STORE *roots, const struct made *m, const char *host,
    enum sts_status expected, const char *what)
{
	bool shaken;
	enum sts_status status = try_handshake(roots, host, m, &shaken);

	is_str(sts_status_name(status), sts_status_name(expected), "%s", what);
	ok(shaken == (expected == STS_OK), "%s: the handshake %s", what,
	    expected == STS_OK ? "succeeds" : "fails");
}

static void
ranks(X509_STORE *roots, const struct made *root)
{
	static const struct {
		const char *what, *san;
		bool signed_by_root;
		long from_day, to_day;
		enum sts_status expected;
	} rows[] = {
	    {"a good one", "DNS:a.test", true, -1, 1, STS_OK},
	    {"expired", "DNS:a.test", true, -9, -1, STS_FETCH_CERT_EXPIRED},
	    {"not yet valid", "DNS:a.test", true, 1, 9, STS_FETCH_CERT_EXPIRED},
	    {"another name", "DNS:b.test", true, -1, 1, STS_FETCH_CERT_NAME},
	    {"expired, another name", "DNS:b.test", true, -9, -1,
		STS_FETCH_CERT_EXPIRED},
	    {"self-signed", "DNS:a.test", false, -1, 1,
		STS_FETCH_CERT_UNTRUSTED},
	    {"self-signed, another name", "DNS:b.test", false, -1, 1,
		STS_FETCH_CERT_UNTRUSTED},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct made m =
		    make("x", rows[i].san, rows[i].signed_by_root ? root : NULL,
			rows[i].from_day, rows[i].to_day);

		try_one(roots, &m, "a.test", rows[i].expected, rows[i].what);
		forget(&m);
	}
}

static void
no_roots(const struct made *root)
{
	X509_STORE *empty = X509_STORE_new();
	struct made m = make("x", "DNS:a.test", root, -1, 1);
	struct sts_verdict none = {.done = false};

	try_one(empty, &m, "a.test", STS_FETCH_CERT_UNTRUSTED,
	    "without roots nothing is trusted");
	try_one(empty, &m, "", STS_INTERNAL, "no host, no verification");
	is_int(sts_verify_status(&none), STS_INTERNAL,
	    "nothing is valid that was not verified");
	forget(&m);
	X509_STORE_free(empty);
}

static void
hash_names(void)
{
	static const char *const good[] = {
	    "0123abcd.0", "ffffffff.9", "00000000.12"};
	static const char *const bad[] = {"", "0123abcd", "0123abcd.",
	    "0123abcd.r0", "0123abcd.0x", "0123ABCD.0", "0123abc.0",
	    "00123abcd.0", "root.pem", "0123abcd.0.pem", ".."};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ok(sts_trust_is_hash_name(good[i]), "\"%s\" is a hashed name",
		    good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(!sts_trust_is_hash_name(bad[i]), "\"%s\" is none", bad[i]);
}

int
main(void)
{
	struct made root = make("root", NULL, NULL, -10, 10);
	X509_STORE *roots = X509_STORE_new();

	X509_STORE_add_cert(roots, root.cert);
	names(roots, &root);
	ranks(roots, &root);
	no_roots(&root);
	hash_names();
	X509_STORE_free(roots);
	forget(&root);
	return tap_done();
}
