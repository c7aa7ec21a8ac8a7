/* SPDX-License-Identifier: ISC */
/* How an answer is shown, for people and as JSON, and what it counts as. */
#include <stdlib.h>
#include <string.h>

#include "tests/unit/lib/tap.h"
#include "tool/query_command.h"

static const int64_t now = 1800000000;

static char body[] = "version: STSv1\nmode: enforce\nmx: mx1.example.com\n"
		     "mx: *.example.net\nmax_age: 604800\n";

static void
enforced(struct sts_query *q)
{
	struct sts_entry *e = &q->answer.entry;

	memset(q, 0, sizeof(*q));
	q->asked = "Example.COM";
	q->now = now;
	q->answer.verdict = STS_VERDICT_ENFORCE;
	q->answer.has_entry = true;
	strcpy(q->answer.domain, "example.com");
	q->answer.has_check = true;
	q->answer.check.checked = now - 10800;
	strcpy(q->answer.check.domain, "example.com");
	strcpy(e->domain, "example.com");
	strcpy(e->id, "20270101");
	e->fetched = now - 10800;
	e->expires = now + 594000;
	e->body = body;
	e->body_len = strlen(body);
	(void)sts_policy_parse(&e->policy, body, strlen(body), NULL, NULL);
}

static void
add_route(struct sts_query *q, const char *host, bool permitted)
{
	struct sts_route *r = &q->routes.route[q->routes.count++];

	q->has_routes = true;
	q->routes.recorded = now;
	memset(r, 0, sizeof(*r));
	strcpy(r->host, host);
	r->preference = 10 * (int64_t)q->routes.count;
	r->permitted = permitted;
	r->address_count = 1;
	strcpy(r->address[0], "192.0.2.1");
}

static char *
printed(const struct sts_query *q)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	sts_query_print(out, q);
	fclose(out);
	return text;
}

static json_t *
as_json(const struct sts_query *q)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	json_t *object;

	ok(sts_query_print_json(out, q), "JSON is printed");
	fclose(out);
	object = json_loads(text, 0, NULL);
	ok(json_is_object(object), "and is one object");
	free(text);
	return object;
}

static void
an_enforced_domain(void)
{
	struct sts_query q;
	char *text;

	enforced(&q);
	add_route(&q, "mx1.example.com", true);
	add_route(&q, "mx.other.example", false);
	ok(sts_query_delivers(&q), "with one permitted host it is delivered");
	text = printed(&q);
	is_str(text,
	    "domain:         example.com\n"
	    "record id:      20270101\n"
	    "policy mode:    enforce\n"
	    "max_age:        604800 (7 days)\n"
	    "mx pattern:     mx1.example.com\n"
	    "mx pattern:     *.example.net\n"
	    "fetched:        2027-01-15T05:00:00Z (3 hours ago)\n"
	    "expires:        2027-01-22T05:00:00Z (in 6 days)\n"
	    "record checked: 2027-01-15T05:00:00Z (3 hours ago)\n"
	    "MX host:        10 mx1.example.com 192.0.2.1: permitted\n"
	    "MX host:        20 mx.other.example 192.0.2.1: not in the "
	    "policy\n"
	    "MX looked up:   2027-01-15T08:00:00Z (0 seconds ago)\n"
	    "verdict:        enforce: delivered only over TLS 1.2 or better, "
	    "to an MX host of the policy with a valid certificate\n",
	    "everything there is to know, in this order");
	free(text);
}

static void
no_host_is_permitted(void)
{
	struct sts_query q;
	char *text;

	enforced(&q);
	add_route(&q, "mx.other.example", false);
	ok(!sts_query_delivers(&q), "no permitted host: deferred");
	is_str(sts_status_name(sts_query_reason(&q)), "no_match",
	    "the reason is no_match");
	text = printed(&q);
	ok(strstr(text, "verdict:        defer: mail would wait") != NULL &&
		strstr(text, "(no_match)\n") != NULL,
	    "and both are printed");
	free(text);
	enforced(&q);
	q.has_routes = true;
	q.routes.status = STS_NULL_MX;
	is_str(sts_status_name(sts_query_reason(&q)), "null_mx",
	    "no host at all: why");
	q.answer.verdict = STS_VERDICT_TESTING;
	ok(sts_query_delivers(&q), "a testing policy stops nothing");
	q.answer.verdict = STS_VERDICT_ENFORCE;
	q.has_routes = false;
	ok(sts_query_delivers(&q), "unknown hosts are not held against it");
}

static void
a_failed_fetch_is_shown(void)
{
	struct sts_query q;
	char *text;

	enforced(&q);
	strcpy(q.answer.check.failed_id, "20270115");
	q.answer.check.failed_reason = STS_FETCH_CERT_NAME;
	q.answer.check.failed_since = now - 60;
	q.answer.check.failed_next = now + 240;
	text = printed(&q);
	ok(strstr(text, "failed fetch:   id 20270115: ") != NULL &&
		strstr(text, "(fetch_cert_name)\n") != NULL &&
		strstr(text,
		    "next attempt:   2027-01-15T08:04:00Z "
		    "(in 4 minutes)\n") != NULL,
	    "id, reason and next attempt");
	free(text);
}

static void
a_deferred_domain(void)
{
	struct sts_query q = {.asked = "a\x1b[31m", .now = now};
	char *text;

	q.answer.verdict = STS_VERDICT_DEFER;
	q.answer.why = STS_BAD_IDN;
	ok(!sts_query_delivers(&q), "a local fault defers");
	text = printed(&q);
	is_str(text,
	    "domain:         a\\x1b[31m\n"
	    "verdict:        defer: mail would wait in the queue\n"
	    "reason:         the internationalised name cannot be converted "
	    "to A-labels (bad_idn)\n",
	    "the domain as it was asked, escaped");
	free(text);
}

static void
no_policy(void)
{
	struct sts_query q = {.asked = "example.org", .now = now};
	char *text;

	strcpy(q.answer.domain, "example.org");
	q.answer.why = STS_NO_RECORD;
	q.answer.has_check = true;
	q.answer.check.reason = STS_NO_RECORD;
	q.answer.check.checked = now;
	q.answer.check.until = now + 3600;
	ok(sts_query_delivers(&q), "no policy: delivered");
	text = printed(&q);
	ok(strstr(text,
	       "policy:         none: there is no TXT record of this "
	       "kind (no_record)\n") != NULL &&
		strstr(text,
		    "verdict:        none: delivered as without "
		    "MTA-STS\n") != NULL,
	    "and says why");
	free(text);
}

/* Without a policy no word of one. */
static void
hosts_without_a_policy(void)
{
	struct sts_query q;
	json_t *object, *host;
	char *text;

	enforced(&q);
	add_route(&q, "mx1.example.com", false);
	q.answer.verdict = STS_VERDICT_NONE;
	q.answer.has_entry = false;
	q.answer.check.reason = STS_NO_RECORD;
	text = printed(&q);
	ok(strstr(text, "MX host:        10 mx1.example.com 192.0.2.1\n") !=
		    NULL &&
		strstr(text, "policy\n") == NULL,
	    "its hosts are neither permitted nor forbidden");
	free(text);
	object = as_json(&q);
	host = json_array_get(json_object_get(object, "mx_hosts"), 0);
	ok(json_is_null(json_object_get(host, "permitted")),
	    "\"permitted\" is null");
	json_decref(object);
	enforced(&q);
	add_route(&q, "mx1.example.com", false);
	q.answer.verdict = STS_VERDICT_NONE;
	q.answer.entry.policy.mode = STS_MODE_NONE;
	object = as_json(&q);
	host = json_array_get(json_object_get(object, "mx_hosts"), 0);
	ok(json_is_null(json_object_get(host, "permitted")),
	    "so it is with a policy of mode none");
	json_decref(object);
}

/* MX hosts that are not listed: how many, and why the one that counts. */
static void
hosts_not_listed(void)
{
	struct sts_query q;
	char *text;

	enforced(&q);
	add_route(&q, "mx.other.example", false);
	q.routes.more = 4;
	q.routes.unusable = STS_MX_PRIVATE;
	is_str(sts_status_name(sts_query_reason(&q)), "mx_private_address",
	    "the permitted host has private addresses: that is the reason");
	ok(!sts_query_delivers(&q), "and mail waits");
	text = printed(&q);
	ok(strstr(text, "MX hosts:       4 more are not listed: ") != NULL &&
		strstr(text, "(mx_private_address)\n") != NULL,
	    "both are printed");
	free(text);
	add_route(&q, "mx1.example.com", true);
	ok(sts_query_delivers(&q), "with another permitted one it is sent");
}

/* --probe was asked for: what it found decides. */
static void
hosts_that_failed_their_probe(void)
{
	struct sts_query q;
	json_t *object;

	enforced(&q);
	add_route(&q, "mx1.example.com", true);
	add_route(&q, "a.example.net", true);
	add_route(&q, "mx.other.example", false);
	for (size_t i = 0; i < 2; i++) {
		q.routes.route[i].probed = now - 5;
		q.routes.route[i].probe = STS_MX_CERT_EXPIRED;
	}
	ok(sts_query_delivers(&q), "probes of some time ago stop nothing");
	q.probed = true;
	ok(!sts_query_delivers(&q), "all permitted hosts just failed: waits");
	is_str(sts_status_name(sts_query_reason(&q)), "mx_cert_expired",
	    "the reason is that of the first");
	object = as_json(&q);
	ok(json_is_false(json_object_get(object, "deliver")),
	    "the same as JSON");
	json_decref(object);
	q.routes.route[1].probe = STS_OK;
	ok(sts_query_delivers(&q), "one is well: delivered");
	q.routes.route[1].probed = 0;
	ok(sts_query_delivers(&q), "one was not probed: delivered");
	q.answer.verdict = STS_VERDICT_TESTING;
	q.routes.route[1] = q.routes.route[0];
	ok(sts_query_delivers(&q), "a testing policy stops nothing");
}

/* The keys that mta-sts(1) promises, always all of them. */
static void
json_keys(void)
{
	static const char *const keys[] = {"domain", "verdict", "deliver",
	    "reason", "reason_text", "record_id", "policy", "fetched",
	    "expires", "record_checked", "failed_fetch", "absence", "override",
	    "mx_hosts", "mx_hosts_not_listed", "now"};
	struct sts_query q;
	json_t *full, *bare;

	enforced(&q);
	add_route(&q, "mx1.example.com", true);
	full = as_json(&q);
	memset(&q.answer, 0, sizeof(q.answer));
	q.has_routes = false;
	bare = as_json(&q);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		ok(json_object_get(full, keys[i]) != NULL &&
			json_object_get(bare, keys[i]) != NULL,
		    "%s is there with and without a policy", keys[i]);
	is_int((long long)json_object_size(full),
	    sizeof(keys) / sizeof(keys[0]), "and no other key");
	json_decref(full);
	json_decref(bare);
}

static void
json_values(void)
{
	struct sts_query q;
	json_t *object;

	enforced(&q);
	add_route(&q, "mx1.example.com", true);
	object = as_json(&q);
	is_str(json_string_value(
		   json_object_get(json_object_get(object, "policy"), "mode")),
	    "enforce", "policy.mode");
	is_int((long long)json_array_size(
		   json_object_get(json_object_get(object, "policy"), "mx")),
	    2, "policy.mx");
	is_str(json_string_value(json_object_get(
		   json_array_get(json_object_get(object, "mx_hosts"), 0),
		   "host")),
	    "mx1.example.com", "mx_hosts[0].host");
	is_str(json_string_value(json_object_get(object, "fetched")),
	    "2027-01-15T05:00:00Z", "fetched");
	ok(json_is_true(json_object_get(object, "deliver")), "deliver");
	json_decref(object);
}

int
main(void)
{
	an_enforced_domain();
	no_host_is_permitted();
	a_failed_fetch_is_shown();
	a_deferred_domain();
	no_policy();
	hosts_without_a_policy();
	hosts_not_listed();
	hosts_that_failed_their_probe();
	json_keys();
	json_values();
	return tap_done();
}
