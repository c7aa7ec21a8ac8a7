/* SPDX-License-Identifier: ISC */
/* Header fields of a policy host's answer. */
#include "tests/unit/lib/tap.h"

#include <string.h>

#include "fetcher/http.h"

struct row {
	const char *value;
	bool expected;
};

static void
try_all(const char *field, bool (*is)(struct sts_span value),
    const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		size_t len = strlen(rows[i].value);
		char *bytes = guard_copy(rows[i].value, len);

		is_int(is((struct sts_span){bytes, len}), rows[i].expected,
		    "%s: \"%s\"", field, rows[i].value);
		guard_free(bytes, len);
	}
}

static const struct row types[] = {
    {"text/plain", true},
    {"TEXT/Plain", true},
    {"text/plain; charset=utf-8", true},
    {"text/plain;charset=utf-8", true},
    {"text/plain ; charset=\"a;b\"", true},
    {"\t text/plain \t", true},
    {"text/plain;", true},
    {"text/plain ;;=;", true},
    {"", false},
    {" ", false},
    {";", false},
    {"; charset=utf-8", false},
    {"text", false},
    {"text/", false},
    {"/plain", false},
    {"text/plai", false},
    {"text/plainx", false},
    {"xtext/plain", false},
    {"text /plain", false},
    {"text/ plain", false},
    {"text/plain charset=utf-8", false},
    {"text/plain, text/html", false},
    {"text/html, text/plain", false},
    {"text/html; a=text/plain", false},
    {"text/html", false},
    {"text/*", false},
    {"*/*", false},
    {"invalid/content/type", false},
    {"text/plain/x", false},
};

static const struct row codings[] = {
    {"", true},
    {"  ", true},
    {"identity", true},
    {"Identity ", true},
    {"gzip", false},
    {"identity, gzip", false},
    {"identity;q=1", false},
    {"x", false},
};

static const struct row transfers[] = {
    {"chunked", true},
    {" CHUNKED", true},
    {"", true},
    {"gzip, chunked", false},
    {"gzip", false},
    {"chunked, chunked", false},
};

int
main(void)
{
	static const long redirects[] = {301, 302, 303, 307, 308};
	static const long others[] = {
	    0, 100, 200, 204, 300, 304, 305, 306, 309, 400, 503};

	try_all("Content-Type", sts_http_is_text_plain, types,
	    sizeof(types) / sizeof(types[0]));
	try_all("Content-Encoding", sts_http_is_identity, codings,
	    sizeof(codings) / sizeof(codings[0]));
	try_all("Transfer-Encoding", sts_http_is_chunked, transfers,
	    sizeof(transfers) / sizeof(transfers[0]));
	for (size_t i = 0; i < sizeof(redirects) / sizeof(redirects[0]); i++)
		ok(sts_http_is_redirect(redirects[i]), "%ld is a redirect",
		    redirects[i]);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		ok(!sts_http_is_redirect(others[i]), "%ld is no redirect",
		    others[i]);
	return tap_done();
}
