/* SPDX-License-Identifier: ISC */
/*
 * Fills a store with yesterday's sessions to domains that want reports, so that
 * `mta-sts report send` makes one about each: every type of policy and result,
 * policies that were replaced that day, texts with escapes, addresses of both
 * families, long names and long policies.
 *
 * usage: help_outcomes STATE-DIR DOMAINS
 *
 * Prints "DOMAIN SUCCESSES FAILURES" for each domain.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/policy.h"
#include "store/outcomes.h"
#include "store/store.h"

enum { RESULTS = STS_RESULT_STS_WEBPKI_INVALID + 1, LONG_POLICY = 60 };

static struct sts_store *store;
static int64_t now, yesterday; /* its first second */
static bool good = true;

static void
wants(const char *what, bool done)
{
	if (!done) {
		fprintf(stderr, "help_outcomes: %s\n", what);
		good = false;
	}
}

#define LONG_LABEL \
	"a-label-of-sixty-three-octets-which-is-as-long-as-any-may-be%03u"

/* Names in A-labels and long ones among them. */
static void
name_domain(char domain[STS_NAME_MAX + 1], unsigned number)
{
	static const char *const forms[] = {"d%u.example.com",
	    "d%u.xn--bcher-kva.example", "a.b.c.d.e.f%u.example.net",
	    (LONG_LABEL ".example")};

	snprintf(domain, STS_NAME_MAX + 1, forms[number % 4], number);
}

static void
write_record(const char *domain, unsigned number)
{
	struct sts_check check = {.checked = now,
	    .next_check = now + 3600,
	    .reason = STS_NO_RECORD,
	    .until = now + 3600,
	    .tlsrpt_next = now + STS_DAY};

	snprintf(check.domain, sizeof(check.domain), "%s", domain);
	snprintf(check.tlsrpt, sizeof(check.tlsrpt),
	    "v=TLSRPTv1; rua=mailto:reports%u@%s", number, domain);
	wants("a record", sts_store_write_check(store, &check) == STS_OK);
}

static void
write_policy(const char *domain, unsigned number, int64_t fetched)
{
	char body[STS_BODY_MAX];
	struct sts_policy policy;
	struct sts_entry entry;
	size_t len = (size_t)snprintf(body, sizeof(body),
	    "version: STSv1\nmode: %s\nmax_age: %u\nmx: *.%s\n",
	    number % 2 ? "testing" : "enforce", 86400 + number, domain);

	for (unsigned i = 0; number % 10 == 1 && i < LONG_POLICY; i++)
		len += (size_t)snprintf(
		    body + len, sizeof(body) - len, "mx: mx%u.%s\n", i, domain);
	if (sts_policy_parse(&policy, body, len, NULL, NULL) != STS_OK ||
	    sts_entry_make(&entry, domain, "1", &policy, fetched, 0, 60) !=
		STS_OK) {
		wants("a policy", false);
		return;
	}
	wants("the text of a policy",
	    sts_outcomes_append_policy(store, entry.domain, fetched,
		(struct sts_span){entry.body, entry.body_len},
		fetched) == STS_OK);
	sts_entry_free(&entry);
}

static struct sts_outcome
session(const char *domain, unsigned number, unsigned each)
{
	struct sts_outcome o = {.time = yesterday + 3600 + each,
	    .type = (enum sts_policy_type)(number % 3),
	    .result = (enum sts_result)((number / 3 + each) % RESULTS)};
	bool six = each % 2 != 0;

	snprintf(o.domain, sizeof(o.domain), "%s", domain);
	snprintf(o.mx, sizeof(o.mx), "mx%u.%.200s", each % 5, domain);
	snprintf(o.receiving_ip, sizeof(o.receiving_ip),
	    six ? "2001:db8::%x" : "198.51.100.%u", number + 1);
	snprintf(o.sending_ip, sizeof(o.sending_ip), "%s",
	    six ? "2001:db8::25" : "192.0.2.25");
	if (o.type == STS_POLICY_TYPE_STS)
		o.fetched = yesterday + (each % 4 == 3 ? 600 : 0);
	if (o.result == STS_RESULT_NONE)
		return o;
	if (each % 3 != 0)
		snprintf(o.helo, sizeof(o.helo), "%s", o.mx);
	if (each % 3 != 1)
		snprintf(o.reason, sizeof(o.reason), "reason-%u", each);
	if (each % 3 != 2)
		snprintf(o.additional, sizeof(o.additional),
		    "a \"text\" \\ with <%u> & %% of all", each);
	return o;
}

/* A tenth of the domains had no failure. */
static void
fill(unsigned number)
{
	char domain[STS_NAME_MAX + 1];
	unsigned failed = 0, sessions = 1 + number % 40;

	name_domain(domain, number);
	write_record(domain, number);
	write_policy(domain, number, yesterday);
	write_policy(domain, number + 1, yesterday + 600);
	for (unsigned i = 0; i < sessions; i++) {
		struct sts_outcome o = session(domain, number, i);

		if (number % 10 == 0)
			o.result = STS_RESULT_NONE;
		failed += o.result != STS_RESULT_NONE;
		wants("an outcome", sts_outcomes_append(store, &o) == STS_OK);
	}
	printf("%s %u %u\n", domain, sessions - failed, failed);
}

int
main(int argc, char **argv)
{
	if (argc != 3 || sts_store_open(&store, argv[1], true) != STS_OK) {
		fprintf(stderr, "usage: help_outcomes STATE-DIR DOMAINS\n");
		return 2;
	}
	now = time(NULL);
	yesterday = (now / STS_DAY - 1) * STS_DAY;
	for (int i = 0; i < atoi(argv[2]); i++)
		fill((unsigned)i);
	sts_store_close(store);
	return good ? 0 : 1;
}
