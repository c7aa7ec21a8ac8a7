/* SPDX-License-Identifier: ISC */
/*
 * What became of lookups and refreshes, what waited, and why.
 */
#include <stdlib.h>
#include <string.h>

#include "tool/overview.h"

static void
add(struct sts_overview_counts *counts, const char *token, int64_t number)
{
	if (number <= 0)
		return;
	counts->item[counts->count].token = token;
	counts->item[counts->count++].number = number;
}

static void
note_results(struct sts_overview_counts *counts, const int64_t *number)
{
	counts->count = 0;
	for (size_t i = 0; i < STS_EVENT_RESULTS; i++)
		add(counts, sts_event_result_name((enum sts_event_result)i),
		    number[i]);
}

static int
by_number(const void *a, const void *b)
{
	const struct sts_overview_count *x = a, *y = b;

	return (x->number < y->number) - (x->number > y->number);
}

static void
note_deferred(struct sts_overview *o, const struct sts_events *e)
{
	size_t used = 0;

	o->deferred = 0;
	o->deferred_why.count = 0;
	for (size_t i = 0; i < STS_STATUS_COUNT; i++) {
		o->deferred += e->deferred[i];
		add(&o->deferred_why, sts_status_name((enum sts_status)i),
		    e->deferred[i]);
	}
	qsort(o->deferred_why.item, o->deferred_why.count,
	    sizeof(o->deferred_why.item[0]), by_number);
	o->deferred_by_fault = e->faults;
	for (size_t i = 0; i < e->last_count; i++) {
		int got = snprintf(o->deferred_domains + used,
		    sizeof(o->deferred_domains) - used, "%s%s (%s)",
		    i > 0 ? ", " : "", e->last[i].domain,
		    sts_status_name(e->last[i].why));

		if (got < 0 ||
		    (size_t)got >= sizeof(o->deferred_domains) - used)
			break;
		used += (size_t)got;
	}
}

static void
note_unprotected(struct sts_overview *o, struct sts_store *store)
{
	struct sts_unprotected u;

	if (sts_store_read_unprotected(store, &u) != STS_OK)
		return;
	o->unprotected_when = u.when;
	(void)snprintf(o->unprotected, sizeof(o->unprotected), "%s", u.domain);
}

/* What is past needs no person; what is wrong now, the other checks find. */
static void
report_deferred(struct sts_overview *o)
{
	const struct sts_overview_counts *why = &o->deferred_why;

	if (o->deferred > 0)
		sts_report_problem(&o->findings, STS_FIND_NOTE,
		    "mta-sts query DOMAIN says what a delivery would do now",
		    "mail waited %lld times within a day, most often for %s",
		    (long long)o->deferred, why->item[0].token);
}

void
sts_overview_events(struct sts_overview *o, struct sts_store *store)
{
	struct sts_events *e = calloc(1, sizeof(*e));

	if (e == NULL || sts_events_read(store, o->now, e) != STS_OK) {
		o->failed = true;
	} else {
		note_results(&o->lookups, e->count[STS_EVENT_LOOKUP]);
		note_results(&o->refreshes, e->count[STS_EVENT_REFRESH]);
		if (e->last_answer > 0)
			o->last_answer = e->last_answer;
		if (e->last_round > 0)
			o->last_round = e->last_round;
		note_deferred(o, e);
		note_unprotected(o, store);
		report_deferred(o);
	}
	free(e);
}
