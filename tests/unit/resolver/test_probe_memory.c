/* SPDX-License-Identifier: ISC */
/* What a process remembers of its probes, and how it forgets. */
#include <stdio.h>
#include <string.h>

#include "resolver/probe_memory.h"
#include "tests/unit/lib/tap.h"

static const int64_t now = 1800000000;

static void
test_recent(void)
{
	ok(!sts_probe_is_recent(0, STS_PROBE_AGAIN, now),
	    "never is not lately");
	ok(sts_probe_is_recent(now, STS_PROBE_AGAIN, now), "now is");
	ok(sts_probe_is_recent(now - STS_PROBE_AGAIN + 1, STS_PROBE_AGAIN, now),
	    "less than ten minutes ago is");
	ok(!sts_probe_is_recent(now - STS_PROBE_AGAIN, STS_PROBE_AGAIN, now),
	    "ten minutes ago is not");
	ok(!sts_probe_is_recent(now + 1, STS_PROBE_AGAIN, now),
	    "the future is not");
}

static void
test_addresses(void)
{
	struct sts_probe_memory *m = sts_probe_memory_create();
	char text[32];
	int count = 0;

	ok(sts_probe_memory_may_contact(m, "192.0.2.1", now), "a new address");
	sts_probe_memory_note_address(m, "192.0.2.1", now, now);
	ok(!sts_probe_memory_may_contact(m, "192.0.2.1", now + 59),
	    "not again within a minute");
	ok(sts_probe_memory_may_contact(m, "192.0.2.1", now + 60),
	    "again after a minute");
	ok(sts_probe_memory_may_contact(m, "192.0.2.2", now), "another");
	sts_probe_memory_note_address(m, "192.0.2.1", now - 100, now);
	ok(!sts_probe_memory_may_contact(m, "192.0.2.1", now + 50),
	    "an older contact does not hide a newer one");
	sts_probe_memory_note_address(m, "192.0.2.3", now - 700, now);
	ok(sts_probe_memory_may_contact(m, "192.0.2.3", now), "long ago");
	/* However many there are, none is contacted twice. */
	while (count < 100000) {
		snprintf(text, sizeof(text), "2001:db8::%x", count);
		if (!sts_probe_memory_may_contact(m, text, now))
			break;
		sts_probe_memory_note_address(m, text, now, now);
		count++;
	}
	ok(count > 1000 && count < 100000,
	    "after %d in ten minutes there is no more room", count);
	ok(!sts_probe_memory_may_contact(m, "192.0.2.1", now),
	    "and the first is not forgotten");
	ok(sts_probe_memory_may_contact(m, text, now + 600),
	    "ten minutes later there is");
	sts_probe_memory_destroy(m);
}

/* Many hosts may have one address, whoever gave them it. */
static void
test_shared_address(void)
{
	struct sts_probe_memory *m = sts_probe_memory_create();
	int64_t at = now;
	int count = 0;

	for (; at < now + STS_PROBE_AGAIN; at += STS_PROBE_RETRY) {
		if (!sts_probe_memory_may_contact(m, "192.0.2.1", at))
			continue;
		sts_probe_memory_note_address(m, "192.0.2.1", at, at);
		/* Read again from another domain's routes. */
		sts_probe_memory_note_address(m, "192.0.2.1", at, at);
		count++;
	}
	is_int(count, STS_PROBES_AN_ADDRESS, "contacts in ten minutes");
	ok(sts_probe_memory_may_contact(m, "192.0.2.1", at),
	    "then it may be contacted again");
	sts_probe_memory_destroy(m);
}

static void
test_again(void)
{
	is_int(sts_probe_again(now, STS_OK), STS_PROBE_AGAIN,
	    "a host that works is probed again after ten minutes");
	is_int(sts_probe_again(now, STS_MX_CERT_EXPIRED), STS_PROBE_RETRY,
	    "one that failed after one");
}

static void
test_results(void)
{
	struct sts_probe_memory *m = sts_probe_memory_create();
	enum sts_status probe = STS_INTERNAL;
	int64_t probed = -1;
	char host[32];

	ok(!sts_probe_memory_result(m, "mx.test", &probed, &probe),
	    "a host never probed");
	sts_probe_memory_note_result(m, "mx.test", now, STS_MX_TLS);
	ok(sts_probe_memory_result(m, "mx.test", &probed, &probe) &&
		probed == now && probe == STS_MX_TLS,
	    "a result is remembered");
	sts_probe_memory_note_result(m, "mx.test", now + 1, STS_OK);
	ok(sts_probe_memory_result(m, "mx.test", &probed, &probe) &&
		probed == now + 1 && probe == STS_OK,
	    "the last one counts");
	ok(!sts_probe_memory_result(m, "mx2.test", &probed, &probe),
	    "of another host nothing is known");
	for (int i = 0; i < 5000; i++) {
		snprintf(host, sizeof(host), "mx%d.test", i);
		sts_probe_memory_note_result(m, host, now, STS_OK);
	}
	ok(sts_probe_memory_result(m, "mx4999.test", &probed, &probe),
	    "after 5,000 the last is there");
	ok(!sts_probe_memory_result(m, "mx.test", &probed, &probe),
	    "and the first is forgotten");
	sts_probe_memory_destroy(m);
}

struct seen {
	int count;
	int stop_at;
	char last[STS_NAME_MAX + 1];
};

static bool
see(void *arg, const char *domain)
{
	struct seen *s = arg;

	s->count++;
	memcpy(s->last, domain, strlen(domain) + 1);
	return s->count != s->stop_at;
}

static void
test_domains(void)
{
	struct sts_probe_memory *m = sts_probe_memory_create();
	struct seen s = {0};
	char domain[32];

	sts_probe_memory_domains(m, "mx.test", see, &s);
	is_int(s.count, 0, "nobody uses the host");
	sts_probe_memory_note_domain(m, "mx.test", "a.test");
	sts_probe_memory_note_domain(m, "mx.test", "a.test");
	sts_probe_memory_note_domain(m, "mx2.test", "b.test");
	sts_probe_memory_domains(m, "mx.test", see, &s);
	is_int(s.count, 1, "one domain, noted twice");
	is_str(s.last, "a.test", "is the one");
	sts_probe_memory_note_domain(m, "mx.test", "b.test");
	s = (struct seen){.stop_at = 1};
	sts_probe_memory_domains(m, "mx.test", see, &s);
	is_int(s.count, 1, "a false return ends it");
	for (int i = 0; i < 5000; i++) {
		snprintf(domain, sizeof(domain), "d%d.test", i);
		sts_probe_memory_note_domain(m, "mx.test", domain);
	}
	s = (struct seen){0};
	sts_probe_memory_domains(m, "mx.test", see, &s);
	ok(s.count >= 1000 && s.count < 5000, "of 5,000 the last %d are kept",
	    s.count);
	sts_probe_memory_destroy(m);
}

int
main(void)
{
	test_recent();
	test_addresses();
	test_shared_address();
	test_again();
	test_results();
	test_domains();
	return tap_done();
}
