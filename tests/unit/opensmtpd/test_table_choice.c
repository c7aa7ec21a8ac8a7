/* SPDX-License-Identifier: ISC */
/*
 * Which MX host smtpd is given, which are probed, and what a domain needs next.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "opensmtpd/choose_mx.h"
#include "tests/unit/lib/tap.h"

static const int64_t now = 1800000000;

static struct sts_routes routes;
static struct sts_policy policy;

static void
begin(void)
{
	memset(&routes, 0, sizeof(routes));
	strcpy(routes.domain, "a.test");
	routes.recorded = now;
}

static struct sts_route *
add(const char *host, int64_t preference)
{
	struct sts_route *r = &routes.route[routes.count++];

	snprintf(r->host, sizeof(r->host), "%s", host);
	r->preference = preference;
	return r;
}

static void
mark(struct sts_route *r, enum sts_status probe, int64_t ago)
{
	r->probe = probe;
	r->probed = now - ago;
}

/* The host that is given at a time, or the reason why none is. */
static const char *
at(const struct sts_policy *with, int64_t when)
{
	const struct sts_route *chosen = NULL;
	enum sts_status status = sts_choose_host(&routes, with, when, &chosen);

	if ((status == STS_OK) != (chosen != NULL))
		return "status and host disagree";
	return chosen != NULL ? chosen->host : sts_status_name(status);
}

static void
permit(const char *body)
{
	if (sts_policy_parse(&policy, body, strlen(body), NULL, NULL) != STS_OK)
		ok(false, "the policy of the test parses");
}

static void
test_order(void)
{
	begin();
	add("mx3.a.test", 30);
	add("mx1.a.test", 10);
	add("mx2.a.test", 20);
	is_str(at(NULL, now), "mx1.a.test", "the lowest preference");
	permit("version: STSv1\nmode: enforce\nmx: mx3.a.test\n"
	       "mx: mx2.a.test\nmax_age: 1\n");
	is_str(at(&policy, now), "mx2.a.test",
	    "of those permitted, whatever the order in the policy");
	is_int((long long)sts_routes_permitted(&routes, &policy), 2,
	    "two are permitted");
	permit("version: STSv1\nmode: enforce\nmx: *.b.test\nmax_age: 1\n");
	is_str(at(&policy, now), "no_match", "none is");
	is_int((long long)sts_routes_permitted(&routes, &policy), 0,
	    "and so many are counted");
}

static void
test_marks(void)
{
	struct sts_route *r1, *r2;

	begin();
	r1 = add("mx1.a.test", 10);
	r2 = add("mx2.a.test", 20);
	mark(r1, STS_OK, 5);
	is_str(at(NULL, now), "mx1.a.test", "a good probe");
	mark(r1, STS_MX_CONNECT, 5);
	is_str(at(NULL, now), "mx2.a.test", "a dead host is passed over");
	mark(r1, STS_MX_CONNECT, 10 * 3600);
	is_str(at(NULL, now), "mx2.a.test",
	    "hours later too: smtpd's attempts are as far apart");
	mark(r1, STS_MX_CONNECT, STS_MARK_LIFE + 1);
	is_str(at(NULL, now), "mx1.a.test", "not for ever");
	mark(r1, STS_MX_CERT_NAME, 5);
	is_str(at(NULL, now), "mx2.a.test", "a certificate that failed");
	mark(r2, STS_MX_CONNECT, 5);
	is_str(at(NULL, now), "mx2.a.test",
	    "a dead host rather than a bad certificate");
	mark(r2, STS_MX_CERT_UNTRUSTED, 5);
	is_str(at(NULL, now), "mx_cert_name", "none is given");
	mark(r1, STS_MX_CERT_NAME, STS_CERTIFICATE_LIFE + 1);
	is_str(at(NULL, now), "mx1.a.test",
	    "where nobody probed for hours, smtpd tries by itself");
	mark(r1, STS_MX_CONNECT, 5);
	mark(r2, STS_MX_CONNECT, 5);
	is_str(at(NULL, now), "mx1.a.test", "all dead: the first");
	mark(r1, STS_MX_NO_STARTTLS, 5);
	mark(r2, STS_MX_NO_STARTTLS, 5);
	is_str(at(NULL, now), "mx_no_starttls", "no STARTTLS counts as TLS");
	r1->probed = r2->probed = 0;
	is_str(at(NULL, now), "mx1.a.test", "never probed: not marked");
}

static void
test_none(void)
{
	begin();
	routes.status = STS_NULL_MX;
	is_str(at(NULL, now), "null_mx", "the routes' own status");
	begin();
	is_str(at(NULL, now), "no_match", "no host at all");
}

/* Within a slot one host, over many slots each of them. */
static void
test_turns(void)
{
	unsigned first = 0, changes = 0;
	const char *last = NULL;
	int64_t slot = now / STS_CHOICE_SLOT * STS_CHOICE_SLOT;

	begin();
	add("mxa.a.test", 10);
	add("mxb.a.test", 10);
	add("mxc.a.test", 20);
	for (int64_t i = 0; i < STS_CHOICE_SLOT; i++) {
		const char *host = at(NULL, slot + i);

		changes += last != NULL && strcmp(host, last) != 0;
		last = host;
	}
	is_int(changes, 0, "equal hosts: the same for 10 minutes");
	for (int64_t i = 0; i < 1000; i++) {
		const char *host = at(NULL, slot + i * STS_CHOICE_SLOT);

		first += strcmp(host, "mxa.a.test") == 0;
		if (strcmp(host, "mxc.a.test") == 0)
			first = 1000000;
	}
	ok(first > 400 && first < 600, "each of them in turn: %u of 1000",
	    first);
	routes.route[0].probed = now;
	routes.route[0].probe = STS_MX_CONNECT;
	is_str(at(NULL, now), "mxb.a.test", "the equal one that works");
}

static void
test_lengths(void)
{
	char longname[100];

	memset(longname, 'a', 60);
	strcpy(longname + 60, ".a.test");
	begin();
	add(longname, 10);
	add("mx2.a.test", 20);
#if defined HOST_NAME_MAX && HOST_NAME_MAX < 67
	is_str(at(NULL, now), "mx2.a.test",
	    "a name of 67 bytes is more than smtpd takes here");
	routes.count = 1;
	is_str(at(NULL, now), "bad_domain", "and then there is none");
#else
	is_str(at(NULL, now), longname, "smtpd takes long names here");
#endif
}

static struct sts_config config = {.probe = STS_PROBE_FAILED};

/* The numbers of the routes that are to be probed at a moment. */
static const char *
probed(enum sts_verdict verdict, enum sts_moment moment)
{
	static char text[STS_ROUTES_MAX + 1];
	struct sts_domain_state k = {.verdict = verdict, .routes = routes};
	size_t len = 0;

	for (size_t i = 0; i < k.routes.count; i++) {
		if (sts_route_wants_probe(
			&config, &k, &k.routes.route[i], moment))
			text[len++] = (char)('0' + i);
	}
	text[len] = '\0';
	return text;
}

static void
test_probes(void)
{
	int64_t since = now - (int64_t)time(NULL);

	begin();
	mark(add("mx0.a.test", 10), STS_MX_CERT_EXPIRED, since + 30);
	mark(add("mx1.a.test", 20), STS_MX_CERT_EXPIRED, since + 100);
	mark(add("mx2.a.test", 30), STS_MX_CONNECT, since + 100);
	(void)add("mx3.a.test", 40);
	is_str(probed(STS_VERDICT_ENFORCE, STS_HOST_ANSWERED), "12",
	    "hosts passed over are probed again, after a minute");
	is_str(probed(STS_VERDICT_NONE, STS_HOST_ANSWERED), "12",
	    "of a policy withdrawn too");
	is_str(probed(STS_VERDICT_ENFORCE, STS_MAIL_GATED), "1",
	    "those refused as well");
	is_str(probed(STS_VERDICT_ENFORCE, STS_MAIL_PASSED), "",
	    "where none is refused, none");
	is_str(probed(STS_VERDICT_ENFORCE, STS_HOST_PROBED), "3",
	    "after a probe the host that is next");
	is_str(probed(STS_VERDICT_NONE, STS_HOST_PROBED), "",
	    "without a policy none");
	config.probe = STS_PROBE_ALWAYS;
	is_str(probed(STS_VERDICT_ENFORCE, STS_MAIL_PASSED), "3",
	    "probe always: before the first mail");
	config.probe = STS_PROBE_OFF;
	is_str(probed(STS_VERDICT_ENFORCE, STS_HOST_ANSWERED), "12",
	    "probe off: with several hosts all the same");
	routes.route[0] = routes.route[1];
	routes.count = 1;
	is_str(probed(STS_VERDICT_ENFORCE, STS_HOST_ANSWERED), "",
	    "but not the only one");
}

/* What a domain needs at each moment, in their order. */
static const char *
needed(const struct sts_domain_state *k)
{
	static char text[STS_HOST_PROBED + 2];

	for (int moment = 0; moment <= STS_HOST_PROBED; moment++) {
		enum sts_worker_what what = STS_WORKER_REFRESH;
		bool needs =
		    sts_domain_state_needs(k, (enum sts_moment)moment, &what);

		text[moment] = (char)(!needs        ? '-'
			: what == STS_WORKER_ROUTES ? 'R'
			: what == STS_WORKER_LOOKUP ? 'L'
						    : '?');
	}
	return text;
}

/*
 * L: a lookup, R: its MX hosts; in the columns the moments of enum sts_moment,
 * from "the table has said whether it enforces" to "a probe has ended".
 */
static void
test_needs(void)
{
	enum { FETCHED = 1000, BEFORE = FETCHED - 1, AFTER = FETCHED };
	static const struct {
		const char *needed;
		enum sts_verdict verdict;
		bool fresh;
		enum sts_status routes_status;
		int64_t recorded;
		bool routes_fresh;
		const char *what;
	} rows[] = {
	    {"-RRR-----", STS_VERDICT_ENFORCE, true, STS_NOT_FOUND, 0, false,
		"enforce, its MX hosts never found"},
	    {"---------", STS_VERDICT_ENFORCE, true, STS_OK, AFTER, true,
		"enforce, its MX hosts found just now"},
	    {"-RRR--R--", STS_VERDICT_ENFORCE, true, STS_OK, AFTER, false,
		"enforce, its MX hosts found long ago"},
	    {"-RRR--RR-", STS_VERDICT_ENFORCE, true, STS_OK, BEFORE, false,
		"enforce, its MX hosts found before the policy was fetched"},
	    {"LRLR-----", STS_VERDICT_ENFORCE, false, STS_NOT_FOUND, 0, false,
		"enforce, out of date, its MX hosts never found"},
	    {"LRLR--R--", STS_VERDICT_ENFORCE, false, STS_OK, AFTER, false,
		"enforce, out of date, its MX hosts found long ago"},
	    {"LLL------", STS_VERDICT_ENFORCE, false, STS_OK, AFTER, true,
		"enforce, out of date, its MX hosts found just now"},
	    {"-R-------", STS_VERDICT_NONE, true, STS_OK, BEFORE, false,
		"no policy, its MX hosts found long ago"},
	    {"-R-------", STS_VERDICT_TESTING, true, STS_OK, BEFORE, false,
		"testing, its MX hosts found long ago"},
	    {"LLL------", STS_VERDICT_NONE, false, STS_OK, AFTER, true,
		"no policy, out of date, its MX hosts found just now"},
	    {"LRL------", STS_VERDICT_DEFER, false, STS_NOT_FOUND, 0, false,
		"never looked up"},
	};
	struct sts_domain_state k;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		k = (struct sts_domain_state){.domain = "a.test",
		    .verdict = rows[i].verdict,
		    .fresh = rows[i].fresh,
		    .has_policy = true,
		    .entry.fetched = FETCHED,
		    .routes_status = rows[i].routes_status,
		    .routes.recorded = rows[i].recorded,
		    .routes_fresh = rows[i].routes_fresh};
		is_str(needed(&k), rows[i].needed, "needs: %s", rows[i].what);
	}
	k.domain[0] = '\0';
	is_str(needed(&k), "---------", "needs: no domain name, nothing");
}

int
main(void)
{
	test_order();
	test_marks();
	test_none();
	test_turns();
	test_lengths();
	test_probes();
	test_needs();
	return tap_done();
}
