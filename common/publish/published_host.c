/* SPDX-License-Identifier: ISC */
/* The web server mta-sts.DOMAIN, RFC 8461 3.3. */
#include <string.h>
#include <strings.h>

#include "publish/checks.h"

enum { HTTP_OK = 200 };

#define FILE_PATH "/.well-known/mta-sts.txt"

#define PROBLEM(name, token, advice)                 \
	static const struct sts_checks_rule name = { \
	    STS_PUBLISH_PROBLEM, STS_PART_HOST, token, advice}

PROBLEM(no_address, "host_no_address",
    "publish an A, AAAA or CNAME record for mta-sts.DOMAIN that leads to the "
    "web server");
PROBLEM(no_dns, "host_dns",
    "see that every name server of DOMAIN answers A and AAAA queries for "
    "mta-sts.DOMAIN");
PROBLEM(private, "host_private",
    "publish an address that can be reached from everywhere");
PROBLEM(connect, "host_connect",
    "have the web server listen on port 443 at every address of "
    "mta-sts.DOMAIN, and the firewall let it through");
PROBLEM(plain_only, "host_plain_http",
    "serve the same file by https:, with a certificate for mta-sts.DOMAIN");
PROBLEM(tls_old, "host_tls_old",
    "switch TLS 1.2 and 1.3 on for mta-sts.DOMAIN (nginx: ssl_protocols "
    "TLSv1.2 TLSv1.3; Apache: SSLProtocol -all +TLSv1.2 +TLSv1.3)");
PROBLEM(no_tls, "host_tls",
    "try: openssl s_client -connect mta-sts.DOMAIN:443 -servername "
    "mta-sts.DOMAIN");
PROBLEM(no_http, "host_http", "try: curl -v https://mta-sts.DOMAIN" FILE_PATH);
PROBLEM(redirect, "redirect",
    "serve the file at https://mta-sts.DOMAIN" FILE_PATH
    " itself, with status 200");
PROBLEM(missing, "file_missing",
    "put the policy file at https://mta-sts.DOMAIN" FILE_PATH
    "; mta-sts publish DOMAIN writes one");
PROBLEM(wrong_path, "file_wrong_path",
    "move it into the folder .well-known: "
    "https://mta-sts.DOMAIN" FILE_PATH);
PROBLEM(bad_status, "http_status",
    "see the web server's log; the file must come with status 200, without a "
    "login and whatever the client is called");
PROBLEM(media_type, "media_type",
    "have the web server send the file as: Content-Type: text/plain");
PROBLEM(coding, "content_encoding",
    "send the file as it is where the client has not asked for compression");
PROBLEM(cut, "file_cut",
    "see the web server's log: the answer has to come whole, with its "
    "Content-Length");
PROBLEM(large, "file_large", "a policy has some lines; serve nothing else");

/* Certificates: rows are tried in their order. */

static const struct certificate_row {
	enum sts_status status;
	const char *words; /* in OpenSSL's; NULL: any */
	struct sts_checks_rule rule;
	const char *cause; /* behind "the certificate of HOST " */
} certificate_rows[] = {
#define ROW(status, words, token, cause, fix)                               \
	{                                                                   \
		status, words,                                              \
		    {STS_PUBLISH_PROBLEM, STS_PART_HOST, token, fix}, cause \
	}
    ROW(STS_FETCH_CERT_EXPIRED, "not yet valid", "cert_not_yet_valid",
	"is not valid yet",
	"see the clock of the machine that made it, or wait"),
    ROW(STS_FETCH_CERT_EXPIRED, NULL, "cert_expired", "has expired",
	"renew it, have the web server load the new one, and have both done "
	"by a timer (certbot renew --deploy-hook)"),
    ROW(STS_FETCH_CERT_UNTRUSTED, "in certificate chain", "cert_untrusted",
	"leads to a root that is not among the public ones",
	"get a certificate of a public CA, such as Let's Encrypt, for "
	"mta-sts.DOMAIN"),
    ROW(STS_FETCH_CERT_UNTRUSTED, "signed certificate", "cert_self_signed",
	"is self-signed",
	"get a certificate of a public CA, such as Let's Encrypt, for "
	"mta-sts.DOMAIN"),
    ROW(STS_FETCH_CERT_UNTRUSTED, NULL, "cert_chain",
	"cannot be followed to a root that is trusted: the chain that the web "
	"server sends is incomplete, or the CA is not a public one",
	"have the web server send the intermediate certificate, too "
	"(fullchain.pem, not cert.pem)"),
    ROW(STS_FETCH_CERT_INVALID, NULL, "cert_invalid", "is not valid",
	"get a new certificate for mta-sts.DOMAIN"),
#undef ROW
};

static const struct sts_checks_rule wrong_name = {STS_PUBLISH_PROBLEM,
    STS_PART_HOST, "cert_name",
    "get a certificate that has mta-sts.DOMAIN among its names, and have the "
    "web server use it for that name"};
static const struct sts_checks_rule common_name = {STS_PUBLISH_PROBLEM,
    STS_PART_HOST, "cert_common_name",
    "get a certificate with mta-sts.DOMAIN as a subject alternative name "
    "(dNSName)"};

/* A certificate for another name, or with its name at the wrong place. */
static void
check_name(const struct sts_checks *c, const struct sts_published_page *page)
{
	if (page->names[0] != '\0')
		sts_checks_found(c, &wrong_name, "",
		    "the certificate is for %.*s, not for mta-sts.%s",
		    sts_checks_shown(strlen(page->names)), page->names,
		    c->p->domain);
	else
		sts_checks_found(c, &common_name, "",
		    "the certificate has a common name (%.*s) and no "
		    "dNSName; senders compare only dNSNames",
		    sts_checks_shown(strlen(page->common_name)),
		    page->common_name);
}

static void
check_certificate(
    const struct sts_checks *c, const struct sts_published_page *page)
{
	if (page->certificate == STS_FETCH_CERT_NAME) {
		check_name(c, page);
		return;
	}
	for (size_t i = 0;
	     i < sizeof(certificate_rows) / sizeof(certificate_rows[0]); i++) {
		const struct certificate_row *row = &certificate_rows[i];

		if (row->status != page->certificate ||
		    (row->words != NULL &&
			strstr(page->certificate_detail, row->words) == NULL))
			continue;
		sts_checks_found(c, &row->rule, "",
		    "the certificate of mta-sts.%s %s (%s)", c->p->domain,
		    row->cause, page->certificate_detail);
		return;
	}
}

/* No answer. */

static void
check_tls(const struct sts_checks *c, const struct sts_published_page *page)
{
	if (sts_checks_is_old_tls(page->detail))
		sts_checks_found(c, &tls_old, "",
		    "mta-sts.%s has no TLS 1.2 or later, which senders "
		    "demand (%s)",
		    c->p->domain, page->detail);
	else
		sts_checks_found(c, &no_tls, "",
		    "the TLS handshake with mta-sts.%s fails (%s)",
		    c->p->domain, page->detail);
}

static void
check_connection(
    const struct sts_checks *c, const struct sts_published_page *page)
{
	const struct sts_published_page *plain = &c->p->page[STS_URL_PLAIN];

	if (plain->asked && plain->status == STS_OK && plain->http == HTTP_OK)
		sts_checks_found(c, &plain_only, "",
		    "mta-sts.%s serves the file by http: alone, and senders "
		    "ask by https:, where it does not answer (%s)",
		    c->p->domain, page->detail);
	else
		sts_checks_found(c, &connect, "",
		    "mta-sts.%s: %s on port 443 (%s)", c->p->domain,
		    sts_status_text(page->status), page->detail);
}

static void
check_failure(const struct sts_checks *c, const struct sts_published_page *page)
{
	switch (page->status) {
	case STS_FETCH_NO_ADDRESS:
		sts_checks_found(c, &no_address, "",
		    "mta-sts.%s, from where senders fetch the policy, has no "
		    "address",
		    c->p->domain);
		break;
	case STS_FETCH_DNS:
		sts_checks_found(c, &no_dns, "", "mta-sts.%s: %s (%s)",
		    c->p->domain, sts_status_text(page->status), page->detail);
		break;
	case STS_FETCH_PRIVATE:
		sts_checks_found(c, &private, "",
		    "mta-sts.%s has only private or local addresses",
		    c->p->domain);
		break;
	case STS_FETCH_CONNECT:
	case STS_FETCH_TIMEOUT:
		check_connection(c, page);
		break;
	case STS_FETCH_TLS:
		check_tls(c, page);
		break;
	default:
		sts_checks_found(c, &no_http, "", "mta-sts.%s: %s (%s)",
		    c->p->domain, sts_status_text(page->status), page->detail);
		break;
	}
}

/* An answer. */

static bool
is_redirect(int status)
{
	return (status >= 301 && status <= 303) || status == 307 ||
	    status == 308;
}

/* Whether the file is where it was before RFC 8461 had its path. */
static bool
is_at_top(const struct sts_published *p)
{
	const struct sts_published_page *page = &p->page[STS_URL_TOP];

	return page->asked && page->status == STS_OK && page->http == HTTP_OK &&
	    page->body != NULL && strstr(page->body, "STSv1") != NULL;
}

static void
check_status(const struct sts_checks *c, const struct sts_published_page *page)
{
	if (is_redirect(page->http))
		sts_checks_found(c, &redirect, "",
		    "the web server answers with a redirect (status %d) to "
		    "%s; senders never follow one for a policy",
		    page->http,
		    page->location[0] != '\0' ? page->location : "nowhere");
	else if (is_at_top(c->p))
		sts_checks_found(c, &wrong_path, "",
		    "the file is at https://mta-sts.%s/mta-sts.txt, where "
		    "senders do not look (status %d at " FILE_PATH ")",
		    c->p->domain, page->http);
	else if (page->http == 404 || page->http == 410)
		sts_checks_found(c, &missing, "",
		    "there is no policy file at https://mta-sts.%s" FILE_PATH
		    " (status %d)",
		    c->p->domain, page->http);
	else
		sts_checks_found(c, &bad_status, "",
		    "the web server answers with HTTP status %d in place of "
		    "200",
		    page->http);
}

/* Parameters are ignored, RFC 8461 3.2. */
static bool
is_text_plain(const char *value)
{
	struct sts_cursor c = sts_cursor_make(value, strlen(value));
	struct sts_span type;

	if (!sts_cursor_until(&c, ';', &type))
		return false;
	type = sts_span_trim(type);
	return type.len == strlen("text/plain") &&
	    strncasecmp(type.p, "text/plain", type.len) == 0;
}

static void
check_fields(const struct sts_checks *c, const struct sts_published_page *page)
{
	if (page->type[0] == '\0')
		sts_checks_found(c, &media_type, "",
		    "the file comes without a media type (Content-Type), and "
		    "senders want text/plain");
	else if (!is_text_plain(page->type))
		sts_checks_found(c, &media_type, "",
		    "the file comes with the media type %s, and senders want "
		    "text/plain",
		    page->type);
	if (page->encoding[0] != '\0' &&
	    strcasecmp(page->encoding, "identity") != 0)
		sts_checks_found(c, &coding, "",
		    "the file comes with a content coding (%s) that was not "
		    "requested",
		    page->encoding);
	if (page->large)
		sts_checks_found(c, &large, "",
		    "the answer is very large; senders take 64 KiB at most");
	else if (page->cut)
		sts_checks_found(
		    c, &cut, "", "the connection ends before the file does");
}

void
sts_checks_host(const struct sts_checks *c)
{
	const struct sts_published_page *page = &c->p->page[STS_URL_POLICY];

	if (!page->asked || sts_status_is_local(page->status))
		return;
	if (page->status != STS_OK) {
		check_failure(c, page);
		return;
	}
	check_certificate(c, page);
	if (page->http != HTTP_OK)
		check_status(c, page);
	else
		check_fields(c, page);
}
