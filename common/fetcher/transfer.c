/* SPDX-License-Identifier: ISC */
/*
 * A transfer goes through four stages, and each of them may end it:
 *
 *	connect	only to the addresses that the resolver checked
 *	TLS	our own verification (verify.h), never libcurl's
 *	header	status 200 and text/plain before a byte of the body counts
 *	body	at most STS_BODY_MAX bytes, and known to be whole
 *
 * A post has the same first two, but a bad certificate does not end it (RFC
 *8460 3); its status counts, and its body is dropped.  An examination does not
 * end at any of the four: transfer_examine.c has what it says.
 *
 * libcurl calls these functions, and a callback can only make it stop with an
 * error of libcurl's choice.  So a callback first sets `stop` (a rule of RFC
 * 8461 was broken) or `fault` (this machine failed), which sts_transfer_outcome
 * reads before libcurl's code: first the rules, then this machine, then what
 * libcurl says about the network is to blame.
 */
#include "fetcher/transfer.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fault.h"
#include "fetcher/http.h"
#include "fetcher/sandbox.h"
#include "fetcher/transfer_examine.h"

static void
set_detail(struct sts_transfer *t, const char *text)
{
	(void)strlcpy(t->detail, text, sizeof(t->detail));
}

/* The response. */

static struct sts_span
value_of(const struct curl_header *header)
{
	return (struct sts_span){header->value, strlen(header->value)};
}

/* True if `is` is true of each field of this name, or there is none. */
static bool
all_fields(
    struct sts_transfer *t, const char *name, bool (*is)(struct sts_span value))
{
	struct curl_header *header;

	for (size_t i = 0; curl_easy_header(t->easy, name, i, CURLH_HEADER, -1,
			       &header) == CURLHE_OK;
	     i++) {
		if (is(value_of(header)))
			continue;
		snprintf(t->detail, sizeof(t->detail), "%s: %s", name,
		    header->value);
		return false;
	}
	return true;
}

static bool
has_field(struct sts_transfer *t, const char *name)
{
	struct curl_header *header;

	return curl_easy_header(t->easy, name, 0, CURLH_HEADER, -1, &header) ==
	    CURLHE_OK;
}

/* RFC 9112 6.3: contradictory lengths are an error. */
static bool
one_length(struct sts_transfer *t)
{
	struct curl_header *header;
	char first[32] = "";

	for (size_t i = 0; curl_easy_header(t->easy, "Content-Length", i,
			       CURLH_HEADER, -1, &header) == CURLHE_OK;
	     i++) {
		if (i == 0)
			snprintf(first, sizeof(first), "%s", header->value);
		else if (strcmp(first, header->value) != 0)
			return false;
	}
	return true;
}

/* RFC 8461 3.3: only 200; redirects are not followed. */
static enum sts_status
check_status(struct sts_transfer *t)
{
	long status = 0;

	(void)curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	snprintf(t->detail, sizeof(t->detail), "HTTP status %ld", status);
	if (status < 200)
		return STS_FETCH_HTTP;
	if (sts_http_is_redirect(status))
		return STS_FETCH_REDIRECT;
	if (t->post ? status >= 300 : status != 200)
		return STS_FETCH_STATUS;
	t->detail[0] = '\0';
	return STS_OK;
}

/*
 * RFC 8461 3.2 requires text/plain.  No coding was requested, and decoding one
 * could expand a small response without limit.
 */
static enum sts_status
check_fields(struct sts_transfer *t)
{
	curl_off_t length = -1;

	if (!one_length(t)) {
		set_detail(t, "contradictory Content-Length");
		return STS_FETCH_HTTP;
	}
	if (!all_fields(t, "Content-Encoding", sts_http_is_identity) ||
	    !all_fields(t, "Transfer-Encoding", sts_http_is_chunked))
		return STS_FETCH_ENCODING;
	if (!has_field(t, "Content-Type")) {
		set_detail(t, "no Content-Type");
		return STS_FETCH_MEDIA_TYPE;
	}
	if (!all_fields(t, "Content-Type", sts_http_is_text_plain))
		return STS_FETCH_MEDIA_TYPE;
	(void)curl_easy_getinfo(
	    t->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
	return length > STS_BODY_MAX ? STS_FETCH_TOO_LARGE : STS_OK;
}

/* Runs once, at the first byte of the body or, without a body, at the end. */
static void
check_header(struct sts_transfer *t)
{
	if (t->header_checked || t->stop != STS_OK)
		return;
	t->header_checked = true;
	t->stop = check_status(t);
	if (t->stop == STS_OK)
		t->stop = check_fields(t);
}

/* Accepting fewer bytes than libcurl offers ends the transfer. */
static size_t
append_body(char *bytes, size_t size, size_t count, void *arg)
{
	struct sts_transfer *t = arg;
	size_t len = size * count;

	if (t->post) {
		t->body_len += len;
		return t->body_len <= STS_BODY_MAX ? len : 0;
	}
	if (t->examine)
		return sts_transfer_examine_body(t, bytes, len);
	check_header(t);
	if (t->stop == STS_OK && len > STS_BODY_MAX - t->body_len)
		t->stop = STS_FETCH_TOO_LARGE;
	if (t->stop != STS_OK)
		return 0;
	memcpy(t->body + t->body_len, bytes, len);
	t->body_len += len;
	return len;
}

/* For each line.  libcurl limits a field, this all of all responses. */
static size_t
count_header(char *bytes, size_t size, size_t count, void *arg)
{
	struct sts_transfer *t = arg;
	size_t len = size * count;

	/* Each interim response ends with an empty line. */
	if (len >= 5 && memcmp(bytes, "HTTP/", 5) == 0)
		t->header_ended = false;
	else if (len <= 2 && bytes[len - 1] == '\n')
		t->header_ended = true;
	t->header_len += len;
	if (t->header_len <= STS_HEADER_MAX)
		return len;
	t->stop = STS_FETCH_HTTP;
	set_detail(t, "header too large");
	return 0;
}

/* The connection. */

/* libcurl's struct ends in more than an address has. */
static bool
is_ours(const struct sts_transfer *t, const struct curl_sockaddr *to)
{
	struct sts_address given = {.u.sa.sa_family = AF_UNSPEC};

	if (to->addrlen > sizeof(given))
		return false;
	memcpy(&given, (const char *)to + offsetof(struct curl_sockaddr, addr),
	    to->addrlen);
	for (size_t i = 0; i < t->address_count; i++) {
		if (sts_address_is_same(&t->addresses[i], &given))
			return true;
	}
	return false;
}

/*
 * libcurl reports a lack of descriptors as "could not connect", so the errno is
 * noted here.  Refuses an address that libcurl resolved by itself.
 */
static curl_socket_t
open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *to)
{
	struct sts_transfer *t = arg;
	int fd;

	if (purpose != CURLSOCKTYPE_IPCXN || !is_ours(t, to)) {
		t->fault = STS_INTERNAL;
		return CURL_SOCKET_BAD;
	}
	fd = sts_sandbox_socket(
	    to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
	if (fd < 0 && t->fault == STS_OK)
		t->fault = sts_fault_socket(errno, to->family);
	return fd < 0 ? CURL_SOCKET_BAD : fd;
}

/* Called when the TLS context has been made, before the handshake. */
static CURLcode
prepare_tls(CURL *easy, void *ctx, void *arg)
{
	struct sts_transfer *t = arg;

	(void)easy;
	sts_verify_install(ctx, &t->verification);
	return CURLE_OK;
}

/* The options. */

/* Sets one option, and `ok` to false if that fails. */
#define SET(option, value) \
	(ok = curl_easy_setopt(t->easy, option, value) == CURLE_OK && ok)

/*
 * Offers HTTP/2 besides HTTP/1.1, by ALPN, since some hosts support nothing
 * else; only over TLS, and if libcurl has it.
 */
static long
http_version(void)
{
	const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);

	return (info->features & CURL_VERSION_HTTP2) != 0
	    ? (long)CURL_HTTP_VERSION_2TLS
	    : (long)CURL_HTTP_VERSION_1_1;
}

/* RFC 8460 5.4.  "Expect:" would wait for an interim answer. */
static bool
set_post(struct sts_transfer *t, const struct sts_transfer_spec *spec)
{
	struct curl_slist *more;
	bool ok = true;

	t->fields =
	    curl_slist_append(NULL, "Content-Type: application/tlsrpt+gzip");
	more = curl_slist_append(t->fields, "Expect:");
	SET(CURLOPT_POST, 1L);
	SET(CURLOPT_POSTFIELDS, spec->post);
	SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)spec->post_len);
	SET(CURLOPT_HTTPHEADER, t->fields);
	return ok && t->fields != NULL && more != NULL;
}

static bool
set_request(struct sts_transfer *t, const struct sts_transfer_spec *spec)
{
	char url[STS_NAME_MAX + STS_WIRE_TARGET_MAX + 64];
	bool ok = true;

	snprintf(url, sizeof(url), "%s://%s:%u%s",
	    spec->plain ? "http" : "https", spec->host, (unsigned)spec->port,
	    spec->target != NULL ? spec->target : "/.well-known/mta-sts.txt");
	SET(CURLOPT_URL, url);
	SET(CURLOPT_PATH_AS_IS, 1L);
	SET(CURLOPT_PROTOCOLS_STR, spec->plain ? "http" : "https");
	if (t->post)
		ok = set_post(t, spec) && ok;
	else
		SET(CURLOPT_HTTPGET, 1L);
	SET(CURLOPT_HTTP_VERSION, http_version());
	SET(CURLOPT_HTTP09_ALLOWED, 0L);
	SET(CURLOPT_HTTP_CONTENT_DECODING, 0L);
	SET(CURLOPT_USERAGENT, "mta-sts/" STS_VERSION);
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	/* "" also disables the proxies of the environment. */
	SET(CURLOPT_PROXY, "");
	SET(CURLOPT_NOPROXY, "*");
	return ok;
}

/*
 * Each fetch verifies a certificate of its own: neither connections nor TLS
 * sessions are used again.
 */
static bool
set_connection(struct sts_transfer *t, const struct sts_transfer_spec *spec)
{
	bool ok = true;

	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_TIMEOUT_MS, (long)spec->timeout_ms);
	SET(CURLOPT_SHARE, t->share);
	SET(CURLOPT_RESOLVE, t->resolve);
	SET(CURLOPT_FRESH_CONNECT, 1L);
	SET(CURLOPT_FORBID_REUSE, 1L);
	SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
	SET(CURLOPT_OPENSOCKETDATA, t);
	return ok;
}

/*
 * verify.h does the verification, whatever libcurl does as well.  The one root
 * given here keeps libcurl from reading its built-in bundle.
 */
static bool
set_tls(struct sts_transfer *t, const struct sts_transfer_spec *spec)
{
	struct curl_blob root = {.flags = CURL_BLOB_COPY};
	bool ok = true;

	memcpy(&root.data, &spec->sample_root, sizeof(root.data));
	root.len = strlen(spec->sample_root);
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(CURLOPT_SSL_VERIFYPEER, t->verification.lenient ? 0L : 1L);
	SET(CURLOPT_SSL_VERIFYHOST, t->verification.lenient ? 0L : 2L);
	SET(CURLOPT_SSL_SESSIONID_CACHE, 0L);
	SET(CURLOPT_CAINFO_BLOB, &root);
	SET(CURLOPT_CAINFO, NULL);
	SET(CURLOPT_CAPATH, NULL);
	SET(CURLOPT_SSL_CTX_FUNCTION, prepare_tls);
	SET(CURLOPT_SSL_CTX_DATA, t);
	return ok;
}

/* Fields are checked one by one as they arrive, the body at its first byte. */
static bool
set_callbacks(struct sts_transfer *t)
{
	bool ok = true;

	SET(CURLOPT_ERRORBUFFER, t->error);
	SET(CURLOPT_WRITEFUNCTION, append_body);
	SET(CURLOPT_WRITEDATA, t);
	SET(CURLOPT_HEADERFUNCTION, count_header);
	SET(CURLOPT_HEADERDATA, t);
	return ok;
}

#undef SET

/*
 * "HOST:PORT:ADDRESS,ADDRESS...": with it libcurl resolves nothing, and starts
 * no thread for that.
 */
static bool
make_resolve(struct sts_transfer *t, const struct sts_transfer_spec *spec)
{
	char entry[STS_NAME_MAX + 16 +
	    STS_TRANSFER_ADDRESSES * (INET6_ADDRSTRLEN + 3)];
	char text[INET6_ADDRSTRLEN];
	size_t used = (size_t)snprintf(
	    entry, sizeof(entry), "%s:%u:", spec->host, (unsigned)spec->port);

	for (size_t i = 0; i < spec->count && used < sizeof(entry); i++) {
		const struct sts_address *a = &spec->addresses[i];
		bool v6 = a->u.sa.sa_family == AF_INET6;

		used += (size_t)snprintf(entry + used, sizeof(entry) - used,
		    "%s%s%s%s", i > 0 ? "," : "", v6 ? "[" : "",
		    sts_address_text(a, text), v6 ? "]" : "");
	}
	t->resolve = curl_slist_append(NULL, entry);
	return t->resolve != NULL;
}

/* A cache of names for this fetch only. */
static bool
make_share(struct sts_transfer *t)
{
	t->share = curl_share_init();
	return t->share != NULL &&
	    curl_share_setopt(t->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS) ==
	    CURLSHE_OK;
}

enum sts_status
sts_transfer_create(
    struct sts_transfer **out, const struct sts_transfer_spec *spec)
{
	struct sts_transfer *t = calloc(1, sizeof(*t));
	enum sts_status status = STS_NO_MEMORY;

	*out = NULL;
	if (t == NULL)
		return STS_NO_MEMORY;
	t->address_count = spec->count < STS_TRANSFER_ADDRESSES
	    ? spec->count
	    : STS_TRANSFER_ADDRESSES;
	memcpy(t->addresses, spec->addresses,
	    t->address_count * sizeof(t->addresses[0]));
	t->port = spec->port;
	t->verification.store = spec->store;
	t->verification.host = spec->host;
	t->verification.lenient = spec->target != NULL;
	t->post = spec->target != NULL && spec->post != NULL;
	t->examine = spec->target != NULL && spec->post == NULL;
	if (t->examine)
		t->verification.seen = &t->certificate;
	t->post_len = spec->post_len;
	if ((t->body = malloc(STS_BODY_MAX + 1)) == NULL ||
	    (t->easy = curl_easy_init()) == NULL || !make_share(t) ||
	    !make_resolve(t, spec))
		goto out;
	status = STS_INTERNAL;
	if (set_request(t, spec) && set_connection(t, spec) &&
	    set_tls(t, spec) && set_callbacks(t))
		status = STS_OK;
out:
	if (status == STS_OK)
		*out = t;
	else
		sts_transfer_free(t);
	return status;
}

void
sts_transfer_free(struct sts_transfer *t)
{
	if (t == NULL)
		return;
	if (t->easy != NULL)
		curl_easy_cleanup(t->easy);
	if (t->share != NULL)
		(void)curl_share_cleanup(t->share);
	curl_slist_free_all(t->resolve);
	curl_slist_free_all(t->fields);
	free(t->body);
	free(t);
}

/* The outcome. */

/* For a truncated response the status line counts first, unless it is 200. */
static bool
has_status_line(const struct sts_transfer *t)
{
	long status = 0;

	return curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status) ==
	    CURLE_OK &&
	    status >= 200;
}

/*
 * Without a length or chunks the end of the connection ends the body, RFC 9112
 * 6.3, and libcurl may accept any end as such.  HTTP/2 has its own end (RFC
 * 9113 8.1), without which the transfer fails.
 */
static bool
is_whole(struct sts_transfer *t)
{
	curl_off_t length = -1;
	long version = 0;

	if (!t->header_ended)
		return false;
	(void)curl_easy_getinfo(t->easy, CURLINFO_HTTP_VERSION, &version);
	if (version == CURL_HTTP_VERSION_2_0)
		return true;
	(void)curl_easy_getinfo(
	    t->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
	return length >= 0 || has_field(t, "Transfer-Encoding") ||
	    t->verification.closed;
}

/* Whether all of a post's body has been sent, though it may not have arrived.
 */
static bool
is_posted(const struct sts_transfer *t)
{
	curl_off_t sent = 0;

	return curl_easy_getinfo(t->easy, CURLINFO_SIZE_UPLOAD_T, &sent) ==
	    CURLE_OK &&
	    t->post_len > 0 && sent >= (curl_off_t)t->post_len;
}

/* A whole header is an answer; what follows is not needed. */
static enum sts_status
post_outcome(struct sts_transfer *t, CURLcode code)
{
	const struct sts_verdict *verdict = &t->verification.verdict;
	enum sts_status status;

	if (t->stop != STS_OK)
		return t->stop;
	if (t->header_ended && has_status_line(t)) {
		status = check_status(t);
		if (status == STS_OK && verdict->error != X509_V_OK)
			set_detail(
			    t, X509_verify_cert_error_string(verdict->error));
		return status;
	}
	if (code == CURLE_OK) {
		set_detail(t, "the answer is cut short");
		return STS_FETCH_HTTP;
	}
	status = sts_transfer_failure(t, code);
	if (status == STS_FETCH_TIMEOUT && is_posted(t))
		set_detail(t, STS_WIRE_POSTED);
	return status;
}

/* Whatever the header says: it is what was asked for. */
static enum sts_status
examine_outcome(struct sts_transfer *t, CURLcode code)
{
	if (t->stop != STS_OK)
		return t->stop;
	if (t->header_ended && has_status_line(t)) {
		t->cut = !t->large && (code != CURLE_OK || !is_whole(t));
		return STS_OK;
	}
	if (code != CURLE_OK)
		return sts_transfer_failure(t, code);
	set_detail(t, "the answer is cut short");
	return STS_FETCH_HTTP;
}

enum sts_status
sts_transfer_outcome(struct sts_transfer *t, CURLcode code)
{
	enum sts_status status;

	if (t->post)
		return post_outcome(t, code);
	if (t->examine)
		return examine_outcome(t, code);
	if (t->stop == STS_OK && has_status_line(t) &&
	    (code == CURLE_OK || check_status(t) != STS_OK))
		check_header(t);
	if (t->stop != STS_OK)
		return t->stop;
	if (code != CURLE_OK)
		return sts_transfer_failure(t, code);
	if (!has_status_line(t) || !is_whole(t)) {
		set_detail(t, "the answer is cut short");
		return STS_FETCH_HTTP;
	}
	/* Accepts nothing that verify.h has not verified. */
	status = sts_verify_status(&t->verification.verdict);
	if (status == STS_OK)
		t->body[t->body_len] = '\0';
	return status;
}
