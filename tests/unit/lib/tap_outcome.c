/* SPDX-License-Identifier: ISC */
#include "tests/unit/lib/tap_outcome.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "store/outcomes.h"
#include "tests/unit/lib/tap_smtpd.h"

struct reading {
	const char *domain;
	char text[600];
	int count;
};

static struct sts_store *
open_store(const struct world *w)
{
	struct sts_store *store;

	if (sts_store_open(&store, w->state, false) != STS_OK) {
		printf("Bail out! no store\n");
		exit(1);
	}
	return store;
}

void
want_reports(const struct world *w, const char *domain)
{
	struct sts_store *store = open_store(w);
	struct sts_check c;
	int64_t now = time(NULL);

	if (sts_store_read_check(store, domain, now, &c) != STS_OK) {
		printf("Bail out! no check of %s\n", domain);
		exit(1);
	}
	sts_store_close(store);
	snprintf(c.tlsrpt, sizeof(c.tlsrpt),
	    "v=TLSRPTv1; rua=mailto:reports@%s", domain);
	c.tlsrpt_next = now + 80000;
	smtpd_write_check(w, &c);
}

static void
add(char *text, size_t size, const char *word)
{
	size_t len = strlen(text);

	if (word[0] != '\0')
		snprintf(
		    text + len, size - len, "%s%s", len > 0 ? " " : "", word);
}

static bool
take(void *arg, const struct sts_outcome *o)
{
	struct reading *r = arg;
	int64_t age = time(NULL) - o->time;

	if (strcmp(o->domain, r->domain) != 0)
		return true;
	r->count++;
	r->text[0] = '\0';
	add(r->text, sizeof(r->text), sts_policy_type_name(o->type));
	add(r->text, sizeof(r->text),
	    o->result == STS_RESULT_NONE ? "success"
					 : sts_result_name(o->result));
	add(r->text, sizeof(r->text), o->reason);
	add(r->text, sizeof(r->text), o->mx);
	add(r->text, sizeof(r->text), o->receiving_ip);
	add(r->text, sizeof(r->text), o->additional);
	if (age < 0 || age > 60)
		add(r->text, sizeof(r->text), "at a wrong time");
	if (o->receiving_ip[0] != '\0' &&
	    strcmp(o->sending_ip, "192.0.2.25") != 0)
		add(r->text, sizeof(r->text), "from a wrong address");
	return true;
}

static const struct reading *
read_all(const struct world *w, const char *domain)
{
	static struct reading r;
	struct sts_outcomes_reader reader = {.outcome = take, .arg = &r};
	struct sts_store *store = open_store(w);
	int64_t today = time(NULL) / STS_DAY;

	memset(&r, 0, sizeof(r));
	r.domain = domain;
	for (int64_t day = today - 1; day <= today; day++)
		(void)sts_outcomes_read(store, day, &reader);
	sts_store_close(store);
	return &r;
}

const char *
outcome_of(const struct world *w, const char *domain)
{
	const struct reading *r = read_all(w, domain);

	return r->count > 1 ? "twice" : r->text;
}

int
outcomes_of(const struct world *w, const char *domain)
{
	return read_all(w, domain)->count;
}
