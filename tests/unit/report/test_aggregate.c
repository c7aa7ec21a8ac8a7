/* SPDX-License-Identifier: ISC */
/*
 * The sessions of a day, added up by domain: each counts once, failures add up,
 * many domains and many failures of one stay within the bounds.  STS_OUTCOMES
 * is the number of sessions of the large days.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "report/aggregate.h"
#include "report/write.h"
#include "tests/unit/lib/tap.h"

enum {
	SMALL = 64 * 1024, /* bytes of entries that few domains fit into */
	DOMAINS = 3000,
	MEMORY_MAX = 32 * 1024 /* KiB beyond what the test has itself */
};

static char dir[] = "/tmp/mta-sts-aggregate.XXXXXX";
static struct sts_store *store;
static const int64_t day = 20000;
static FILE *file;

static void
begin_day(void)
{
	char path[100];

	snprintf(path, sizeof(path), "%s/outcomes", dir);
	(void)mkdir(path, 0750);
	snprintf(path, sizeof(path), "%s/outcomes/2024-10-04", dir);
	file = fopen(path, "w");
	if (file == NULL) {
		printf("Bail out! cannot write %s\n", path);
		exit(1);
	}
}

static void
put(const struct sts_outcome *outcome)
{
	char line[STS_OUTCOME_LINE_MAX];
	size_t len = sts_outcome_format(outcome, line);

	if (len == 0)
		tap_diag("an outcome is not well-formed");
	(void)fwrite(line, 1, len, file);
}

static struct sts_outcome
session(const char *domain, enum sts_result result)
{
	struct sts_outcome o = {.time = day * STS_DAY + 1,
	    .type = STS_POLICY_TYPE_STS,
	    .fetched = 1700000000,
	    .result = result,
	    .mx = "mx.example.net",
	    .receiving_ip = "192.0.2.1",
	    .sending_ip = "198.51.100.1"};

	snprintf(o.domain, sizeof(o.domain), "%s", domain);
	return o;
}

/* What was given: in words, and in numbers. */
static char told[4000];
static int64_t successes, failures;
static unsigned domains, unsound, stop_after;
static size_t most_rows;

static void
tell(const char *domain, const struct sts_aggregate_policy *policy)
{
	size_t used = strlen(told);

	if (used + 400 > sizeof(told))
		return;
	used += (size_t)snprintf(told + used, sizeof(told) - used,
	    "%s%s %s %lld: %lld+%lld", used > 0 ? "; " : "", domain,
	    sts_policy_type_name(policy->report.type),
	    (long long)policy->fetched, (long long)policy->report.successes,
	    (long long)policy->report.failures);
	for (size_t i = 0; i < policy->report.failure_count && used < 3500;
	     i++) {
		const struct sts_report_failure *f = &policy->report.failure[i];

		used += (size_t)snprintf(told + used, sizeof(told) - used,
		    " (%lld %s %s %s %s %s %s %s)", (long long)f->sessions,
		    sts_result_name(f->result), f->receiving_mx,
		    f->receiving_ip, f->sending_ip, f->receiving_helo,
		    f->reason, f->additional);
	}
}

/* Each policy can be written as it is: its failures add up. */
static bool
take(void *arg, const char *domain, struct sts_aggregate_policy *policies,
    size_t count)
{
	(void)arg;
	domains++;
	for (size_t i = 0; i < count; i++) {
		struct sts_report report = {"o", "a@b.example", "id",
		    day * STS_DAY, day * STS_DAY + STS_DAY - 1,
		    &policies[i].report, 1, NULL};
		char *json;
		size_t len;

		if (sts_report_write(&report, &json, &len) != NULL)
			unsound++;
		free(json);
		successes += policies[i].report.successes;
		failures += policies[i].report.failures;
		if (policies[i].report.failure_count > most_rows)
			most_rows = policies[i].report.failure_count;
		tell(domain, &policies[i]);
	}
	return domains != stop_after;
}

static enum sts_status
aggregate(size_t bytes)
{
	if (file != NULL)
		fclose(file);
	file = NULL;
	told[0] = '\0';
	successes = failures = 0;
	domains = unsound = 0;
	most_rows = 0;
	return sts_aggregate_day(store, day, bytes, take, NULL);
}

static void
test_rows(void)
{
	struct sts_outcome o;

	begin_day();
	o = session("a.example", STS_RESULT_NONE);
	put(&o);
	snprintf(o.mx, sizeof(o.mx), "mx2.example.net");
	put(&o);
	o = session("b.example", STS_RESULT_CERTIFICATE_EXPIRED);
	put(&o);
	put(&o);
	o = session("a.example", STS_RESULT_VALIDATION_FAILURE);
	snprintf(o.helo, sizeof(o.helo), "helo");
	snprintf(o.reason, sizeof(o.reason), "handshake");
	snprintf(o.additional, sizeof(o.additional), "two words");
	put(&o);
	o = session("a.example", STS_RESULT_NONE);
	o.type = STS_POLICY_TYPE_NO_POLICY_FOUND;
	o.fetched = 0;
	put(&o);
	o = session("a.example", STS_RESULT_NONE);
	o.fetched = 1700000001;
	put(&o);
	is_str(sts_status_name(aggregate(STS_AGGREGATE_BYTES)), "ok",
	    "a day is added up");
	ok(strstr(told, "a.example no-policy-found 0: 1+0") != NULL,
	    "sessions without a policy");
	ok(strstr(told,
	       "a.example sts 1700000000: 2+1 (1 validation-failure "
	       "mx.example.net 192.0.2.1 198.51.100.1 helo handshake two "
	       "words)") != NULL,
	    "those under a policy: successes of two hosts, a failure");
	ok(strstr(told, "a.example sts 1700000001: 1+0") != NULL,
	    "those under the policy that replaced it");
	ok(strstr(told,
	       "b.example sts 1700000000: 0+2 (2 certificate-expired "
	       "mx.example.net 192.0.2.1 198.51.100.1   )") != NULL,
	    "two failures of a kind are one row");
	is_int(domains, 2, "each domain once");
	is_int(unsound, 0, "each of them can be written: %s", told);
}

static void
test_notes_and_nothing(void)
{
	struct sts_outcome o =
	    session("a.example", STS_RESULT_STS_POLICY_FETCH_ERROR);

	begin_day();
	is_str(sts_status_name(aggregate(STS_AGGREGATE_BYTES)), "ok",
	    "an empty day");
	is_int(domains, 0, "has no domain");
	begin_day();
	o.mx[0] = '\0';
	put(&o);
	(void)aggregate(STS_AGGREGATE_BYTES);
	is_int(domains, 0, "what the resolver notes is no session");
	is_str(sts_status_name(sts_aggregate_day(
		   store, day + 1, STS_AGGREGATE_BYTES, take, NULL)),
	    "not_found", "a day without a file");
}

/* More domains than fit: parts of them, one after the other. */
static void
test_parts(void)
{
	char domain[64];
	struct sts_outcome o;

	begin_day();
	for (unsigned i = 0; i < DOMAINS * 4; i++) {
		snprintf(domain, sizeof(domain), "d%u.example", i % DOMAINS);
		o = session(domain,
		    i % 3 == 0 ? STS_RESULT_CERTIFICATE_EXPIRED
			       : STS_RESULT_NONE);
		put(&o);
	}
	is_str(sts_status_name(aggregate(SMALL)), "ok",
	    "a day with more domains than fit");
	is_int(domains, DOMAINS, "each domain is given once");
	is_int(successes, DOMAINS * 4 / 3 * 2, "no success is lost");
	is_int(failures, DOMAINS * 4 / 3, "no failure is lost");
	is_int(unsound, 0, "each of them can be written");
	stop_after = 10;
	is_str(sts_status_name(aggregate(SMALL)), "ok", "a caller may stop");
	is_int(domains, 10, "at once");
	stop_after = 0;
	is_str(sts_status_name(aggregate(100)), "no_memory",
	    "what fits in no part ends with a status");
}

/* A domain can name any number of MX hosts and addresses. */
static void
test_many_failures(void)
{
	struct sts_outcome o =
	    session("a.example", STS_RESULT_CERTIFICATE_EXPIRED);

	begin_day();
	for (unsigned i = 0; i < 20000; i++) {
		snprintf(o.mx, sizeof(o.mx), "mx%u.example.net", i % 5000);
		snprintf(o.receiving_ip, sizeof(o.receiving_ip), "10.0.%u.%u",
		    i / 250, i % 250);
		put(&o);
	}
	is_str(sts_status_name(aggregate(STS_AGGREGATE_BYTES)), "ok",
	    "20000 failures of a domain, each with another address");
	is_int((long long)most_rows,
	    STS_AGGREGATE_ROWS_MAX + STS_AGGREGATE_HOSTS_MAX + 1,
	    "rows with all, rows with the host, and one with the result");
	is_int(failures, 20000, "no failure is lost");
	is_int(unsound, 0, "it can be written");
}

static double
seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static long
peak_kib(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss;
}

/* `names` domains in so many sessions, a tenth of them failed. */
static void
test_large_day(unsigned sessions, unsigned names)
{
	char domain[64];
	double before;
	long kib = peak_kib();

	begin_day();
	for (unsigned i = 0; i < sessions; i++) {
		struct sts_outcome o;

		snprintf(domain, sizeof(domain), "d%u.example.com", i % names);
		o = session(domain,
		    i % 10 == 0 ? STS_RESULT_VALIDATION_FAILURE
				: STS_RESULT_NONE);
		put(&o);
	}
	fclose(file);
	file = NULL;
	before = seconds();
	is_str(sts_status_name(aggregate(STS_AGGREGATE_BYTES)), "ok",
	    "%u sessions to %u domains", sessions, names);
	tap_diag("%.2f s, %ld KiB", seconds() - before, peak_kib() - kib);
	is_int(successes + failures, sessions, "none is lost");
	is_int(domains, names < sessions ? names : sessions, "nor a domain");
#ifndef STS_SANITIZED
	ok(peak_kib() - kib <= MEMORY_MAX, "in at most 32 MiB");
#endif
}

int
main(void)
{
	const char *wanted = getenv("STS_OUTCOMES");
	unsigned sessions = wanted != NULL ? (unsigned)atoi(wanted) : 100000;
	char command[64];

	if (!tap_own_directory(dir) ||
	    sts_store_open(&store, dir, true) != STS_OK)
		return 1;
	test_large_day(sessions, 1000);
	test_large_day(sessions, sessions);
	test_rows();
	test_notes_and_nothing();
	test_parts();
	test_many_failures();
	sts_store_close(store);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	(void)!system(command);
	return tap_done();
}
