/* SPDX-License-Identifier: ISC */
#include "store/routes.h"

#include <stdlib.h>
#include <string.h>

#include "core/domain.h"
#include "store/file.h"

#define TITLE "mta-sts routes 2"

/* Longest text of a file: a name, addresses and numbers for each host. */
enum { ROUTES_TEXT_MAX = STS_ROUTES_MAX * 700 + 600 };

/* "192.0.2.1 2001:db8::1" or "", each bounded. */
static bool
parse_addresses(const char *text, struct sts_route *r)
{
	struct sts_cursor c = sts_cursor_make(text, strlen(text));
	struct sts_span word;

	while (sts_cursor_until(&c, ' ', &word)) {
		if (r->address_count == STS_ROUTE_ADDRESSES_MAX ||
		    !sts_span_copy(word, r->address[r->address_count++],
			STS_ADDRESS_TEXT_MAX))
			return false;
	}
	return true;
}

static bool
parse_route(struct sts_cursor *c, struct sts_route *r)
{
	char addresses[STS_ROUTE_ADDRESSES_MAX * STS_ADDRESS_TEXT_MAX];
	int64_t permitted;

	if (!sts_text_string(c, "mx", r->host, sizeof(r->host)) ||
	    !sts_domain_is_normalised(r->host) ||
	    !sts_text_number(c, "preference", &r->preference) ||
	    !sts_text_number(c, "permitted", &permitted) ||
	    !sts_text_string(c, "addresses", addresses, sizeof(addresses)) ||
	    !sts_text_number(c, "probed", &r->probed) ||
	    !sts_text_status(c, "probe", &r->probe))
		return false;
	r->permitted = permitted == 1;
	return r->preference <= 65535 && parse_addresses(addresses, r);
}

static bool
parse_routes(const char *text, size_t len, struct sts_routes *routes)
{
	struct sts_cursor c = sts_cursor_make(text, len);
	int64_t implicit;

	if (!sts_text_title(&c, TITLE) ||
	    !sts_text_string(
		&c, "domain", routes->domain, sizeof(routes->domain)) ||
	    !sts_text_number(&c, "recorded", &routes->recorded) ||
	    !sts_text_status(&c, "status", &routes->status) ||
	    !sts_text_number(&c, "implicit", &implicit) ||
	    !sts_text_status(&c, "unusable", &routes->unusable) ||
	    !sts_text_number(&c, "more", &routes->more))
		return false;
	routes->implicit = implicit == 1;
	while (sts_cursor_left(&c) > 0) {
		if (routes->count == STS_ROUTES_MAX ||
		    !parse_route(&c, &routes->route[routes->count]))
			return false;
		routes->count++;
	}
	return (routes->status == STS_OK) == (routes->count > 0);
}

static void
clamp_to_now(struct sts_routes *routes, int64_t now)
{
	routes->unsure = routes->recorded > now;
	if (routes->unsure)
		routes->recorded = now;
	for (size_t i = 0; i < routes->count; i++) {
		if (routes->route[i].probed > now) {
			routes->route[i].probed = 0;
			routes->route[i].probe = STS_OK;
		}
	}
}

enum sts_status
sts_store_read_routes(struct sts_store *store, const char *domain, int64_t now,
    struct sts_routes *routes)
{
	enum sts_status status;
	size_t len;
	char *text;

	memset(routes, 0, sizeof(*routes));
	status = sts_file_read(store, STS_KIND_ROUTES, domain, &text, &len);
	if (status != STS_OK)
		return status == STS_ENTRY_CORRUPT ? STS_NOT_FOUND : status;
	if (!parse_routes(text, len, routes) ||
	    strcmp(routes->domain, domain) != 0) {
		memset(routes, 0, sizeof(*routes));
		status = STS_NOT_FOUND;
	} else
		clamp_to_now(routes, now);
	free(text);
	return status;
}

static void
format_route(struct sts_text *text, const struct sts_route *r)
{
	sts_text_add(text, "mx: %s\npreference: %lld\npermitted: %d\n", r->host,
	    (long long)r->preference, r->permitted ? 1 : 0);
	sts_text_add(text, "addresses: ");
	for (size_t i = 0; i < r->address_count; i++)
		sts_text_add(text, "%s%s", i > 0 ? " " : "", r->address[i]);
	sts_text_add(text, "\nprobed: %lld\nprobe: %s\n", (long long)r->probed,
	    sts_status_name(r->probe));
}

enum sts_status
sts_store_write_routes(struct sts_store *store, const struct sts_routes *routes)
{
	char buf[ROUTES_TEXT_MAX];
	struct sts_text text = {buf, sizeof(buf), 0, false};

	if (!sts_domain_is_normalised(routes->domain))
		return STS_INTERNAL;
	sts_text_add(&text, TITLE "\ndomain: %s\nrecorded: %lld\n",
	    routes->domain, (long long)routes->recorded);
	sts_text_add(&text, "status: %s\nimplicit: %d\n",
	    sts_status_name(routes->status), routes->implicit ? 1 : 0);
	sts_text_add(&text, "unusable: %s\nmore: %lld\n",
	    sts_status_name(routes->unusable), (long long)routes->more);
	for (size_t i = 0; i < routes->count; i++)
		format_route(&text, &routes->route[i]);
	return text.full ? STS_INTERNAL
			 : sts_file_write(store, STS_KIND_ROUTES,
			       routes->domain, buf, text.len, STS_WRITE_ATOMIC);
}
