/* SPDX-License-Identifier: ISC */
/*
 * `mta-sts status --prometheus`: the text format 0.0.4 that node_exporter's
 * textfile collector reads.  The names and labels are in mta-sts(1), and in
 * dashboards and alert rules of operators: they may be added to, but not
 * changed.  What was not read is left out.
 */
#include <string.h>

#include "tool/overview.h"

/* In this order: HELP, TYPE, then the samples of a metric. */
static void
head(FILE *out, const char *name, const char *type, const char *help)
{
	(void)fprintf(out, "# HELP mta_sts_%s %s\n# TYPE mta_sts_%s %s\n", name,
	    help, name, type);
}

/* Tokens have nothing to escape; a version or a word of later times might. */
static void
sample(FILE *out, const char *name, const char *label, const char *value,
    int64_t number)
{
	(void)fprintf(out, "mta_sts_%s{%s=\"", name, label);
	for (; *value != '\0'; value++) {
		if (*value == '\\' || *value == '"')
			(void)putc('\\', out);
		if (*value == '\n')
			(void)fputs("\\n", out);
		else
			(void)putc(*value, out);
	}
	(void)fprintf(out, "\"} %lld\n", (long long)number);
}

#define AT(member) offsetof(struct sts_overview, member)

/* Metrics of one number. */
static const struct metric {
	const char *name;
	size_t offset;
	const char *help;
} metrics[] = {
    {"policies_expired", AT(expired), "Policies that have expired."},
    {"policies_damaged", AT(corrupt),
	"Policy files that are damaged; mail for their domains waits."},
    {"policies_max", AT(policies_max), "The limit policies-max."},
    {"policies_ending", AT(ending),
	"Enforce policies that expire soon and cannot be fetched."},
    {"refresh_failures", AT(failing), "Policies whose last fetch failed."},
    {"refresh_failures_long", AT(failing_long),
	"Policies that have not been fetched for more than a day of "
	"attempts."},
    {"refresh_overdue", AT(overdue),
	"Policies that have been due for hours without an attempt."},
    {"shortest_max_age_seconds", AT(least_max_age),
	"The shortest max_age of the policies in force."},
    {"last_fetch_timestamp_seconds", AT(newest),
	"When the newest successful fetch began."},
    {"last_refresh_timestamp_seconds", AT(last_round),
	"When a round of refreshes last ended."},
    {"last_dns_answer_timestamp_seconds", AT(last_answer),
	"When the DNS last answered about a domain."},
    {"local_fault_deferrals", AT(deferred_by_fault),
	"Attempts that waited within an hour for a fault of this machine."},
    {"nameservers", AT(nameservers), "Name servers that were asked."},
    {"nameservers_answering", AT(nameservers_answering),
	"Name servers that answered."},
    {"unprotected_timestamp_seconds", AT(unprotected_when),
	"When mail last left past the policies."},
};

static void
print_numbers(FILE *out, const struct sts_overview *o)
{
	for (size_t i = 0; i < sizeof(metrics) / sizeof(metrics[0]); i++) {
		const struct metric *m = &metrics[i];
		int64_t value;

		memcpy(&value, (const char *)o + m->offset, sizeof(value));
		/* A time of 0 is never: without it, rules need no exception. */
		if (value == STS_OVERVIEW_UNKNOWN ||
		    (value == 0 && strstr(m->name, "timestamp") != NULL))
			continue;
		head(out, m->name, "gauge", m->help);
		(void)fprintf(
		    out, "mta_sts_%s %lld\n", m->name, (long long)value);
	}
}

static void
print_counts(FILE *out, const char *name, const char *type, const char *label,
    const char *help, const struct sts_overview_counts *counts)
{
	head(out, name, type, help);
	for (size_t i = 0; i < counts->count; i++)
		sample(out, name, label, counts->item[i].token,
		    counts->item[i].number);
}

/* Each result always, so that a rate is known from its first event on. */
static void
print_results(FILE *out, const char *name, const char *help,
    const struct sts_overview_counts *counts)
{
	head(out, name, "counter", help);
	for (size_t i = 0; i < STS_EVENT_RESULTS; i++) {
		const char *token =
		    sts_event_result_name((enum sts_event_result)i);
		int64_t number = 0;

		for (size_t k = 0; k < counts->count; k++)
			if (strcmp(counts->item[k].token, token) == 0)
				number = counts->item[k].number;
		sample(out, name, "result", token, number);
	}
}

static void
print_policies(FILE *out, const struct sts_overview *o)
{
	if (o->enforced == STS_OVERVIEW_UNKNOWN)
		return;
	head(out, "policies", "gauge", "Policies in force, by mode.");
	sample(out, "policies", "mode", "enforce", o->enforced);
	sample(out, "policies", "mode", "testing", o->testing);
	sample(out, "policies", "mode", "none", o->none);
	if (o->oldest == STS_OVERVIEW_UNKNOWN)
		return;
	head(out, "oldest_refresh_seconds", "gauge",
	    "The age of the oldest policy in force.");
	(void)fprintf(out, "mta_sts_oldest_refresh_seconds %lld\n",
	    (long long)(o->now - o->oldest));
}

static void
print_programs(FILE *out, const struct sts_overview *o)
{
	static const char works[] = "works";

	if (o->resolver_state[0] == '\0' && o->fetcher_state[0] == '\0')
		return;
	head(out, "program_works", "gauge",
	    "Whether a program starts and answers.");
	if (o->resolver_state[0] != '\0')
		sample(out, "program_works", "program", "resolver",
		    strncmp(o->resolver_state, works, sizeof(works) - 1) == 0);
	if (o->fetcher_state[0] != '\0')
		sample(out, "program_works", "program", "fetcher",
		    strncmp(o->fetcher_state, works, sizeof(works) - 1) == 0);
}

static void
print_reports(FILE *out, const struct sts_overview *o)
{
	if (o->reports_sent == STS_OVERVIEW_UNKNOWN)
		return;
	head(out, "reports", "gauge",
	    "TLS reports of the last week, by what became of them.");
	sample(out, "reports", "state", "sent", o->reports_sent);
	sample(out, "reports", "state", "waiting", o->reports_waiting);
	sample(out, "reports", "state", "lost", o->reports_lost);
}

/* What depends on the store having been read. */
static void
print_events(FILE *out, const struct sts_overview *o)
{
	if (o->deferred == STS_OVERVIEW_UNKNOWN)
		return;
	print_results(out, "lookups_total",
	    "Lookups for mail that the store could not answer.", &o->lookups);
	print_results(out, "refreshes_total",
	    "Attempts to fetch a policy in the store again.", &o->refreshes);
	print_counts(out, "deferred", "gauge", "why",
	    "Attempts that waited within a day, by reason.", &o->deferred_why);
}

void
sts_overview_print_metrics(FILE *out, const struct sts_overview *o)
{
	head(out, "info", "gauge", "The version of mta-sts.");
	sample(out, "info", "version", STS_VERSION, 1);
	head(out, "problems", "gauge", "What mta-sts status found.");
	for (int i = STS_FIND_WARNING; i <= STS_FIND_ERROR; i++)
		sample(out, "problems", "severity",
		    sts_severity_name((enum sts_severity)i),
		    o->findings.count[i]);
	head(out, "status_timestamp_seconds", "gauge",
	    "When this was looked at.");
	(void)fprintf(
	    out, "mta_sts_status_timestamp_seconds %lld\n", (long long)o->now);
	print_policies(out, o);
	print_numbers(out, o);
	print_events(out, o);
	print_programs(out, o);
	print_reports(out, o);
}
