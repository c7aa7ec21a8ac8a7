/* SPDX-License-Identifier: ISC */
/*
 * Reports on their way: each day is added up once, each report is sent once to
 * each destination, however often a run is repeated, fails or dies; pauses, the
 * end after 24 hours, bounds; what is written into each state.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cursor.h"
#include "report/deliver.h"
#include "report/destination.h"
#include "report/gzip.h"
#include "report/report.h"
#include "store/outcomes.h"
#include "tests/unit/lib/tap.h"
#include "tests/unit/lib/tap_schema.h"

enum { DAY = 20000, SECONDS = 86400, MANY = 130 };

static char dir[] = "/tmp/mta-sts-deliver.XXXXXX";
static struct sts_store *store;
static struct sts_config config = {.organization = (char *)"Example Org",
    .contact = (char *)"tls@sender.test",
    .report_sendmail = (char *)"/nonexistent",
    .report_successes = true};
static const int64_t end_of_day = (int64_t)(DAY + 1) * SECONDS;

/* What the next attempts do, and what was tried and said. */
static struct sts_attempt_result next_result;
static pid_t parent;
static bool die_in_attempt, lock_in_attempt;
static char tried[8000], events[8000], last_json[20000], last_id[64];
static unsigned attempts, unfit;

/* How often fsync(2) was called, and how often before each attempt. */
static unsigned syncs, syncs_before[MANY];

int
fsync(int fd)
{
	syncs++;
	return (int)syscall(SYS_fsync, fd);
}

static void
append_text(char *text, size_t size, const char *more)
{
	size_t used = strlen(text);

	if (used > 0 && used + 2 < size) {
		strcpy(text + used, "; ");
		used += 2;
	}
	sts_copy_head(text + used, more, size - used);
}

/* The states' directory is that of the day; its mode. */
static void
set_mode(mode_t mode)
{
	char path[100];

	snprintf(path, sizeof(path), "%s/reports/2024-10-04", dir);
	if (chmod(path, mode) != 0)
		tap_diag("no %s", path);
}

static int64_t attempt_ms; /* that an attempt seems to take */

/* A destination that keeps a record. */
static void
carry(struct sts_deliver *d, const struct sts_report_job *job,
    const struct sts_delivery *to, struct sts_attempt_result *result)
{
	char *json = NULL, line[400];
	size_t len = 0;

	d->began_ms -= attempt_ms;
	d->end_ms -= attempt_ms;
	if (die_in_attempt && getpid() != parent)
		_exit(0);
	if (lock_in_attempt)
		set_mode(0500);
	if (attempts < MANY)
		syncs_before[attempts] = syncs;
	syncs = 0;
	attempts++;
	snprintf(line, sizeof(line), "%.100s %.200s", job->domain, to->uri);
	append_text(tried, sizeof(tried), line);
	if (sts_gzip_unpack(job->packed, job->packed_len, STS_REPORT_JSON_MAX,
		&json, &len) == NULL &&
	    len < sizeof(last_json)) {
		memcpy(last_json, json, len);
		last_json[len] = '\0';
	}
	if (schema_fits(last_json)[0] != '\0') {
		tap_diag("%s: %s", last_json, schema_fits(last_json));
		unfit++;
	}
	free(json);
	snprintf(last_id, sizeof(last_id), "%s", job->id);
	*result = next_result;
}

static void
said(struct sts_deliver *d, enum sts_deliver_event event,
    const struct sts_report_job *job, const struct sts_delivery *to,
    const char *reason)
{
	static const char *const words[] = {"sent", "failed", "refused",
	    "given-up", "unsure", "interrupted", "waiting", "due", "not-made"};
	char line[400];

	(void)d;
	(void)to;
	snprintf(line, sizeof(line), "%s %s%s%.100s", job->domain, words[event],
	    reason[0] != '\0' ? " " : "", reason);
	append_text(events, sizeof(events), line);
}

static struct sts_deliver
prepare(int64_t now, bool at_once)
{
	return (struct sts_deliver){.store = store,
	    .config = &config,
	    .from = "tls@sender.test",
	    .submitter = "sender.test",
	    .now = now,
	    .at_once = at_once,
	    .mail_ms = 300,
	    .mail = carry,
	    .https = carry,
	    .said = said};
}

/* A run at `now`; what it tried is in `tried`, what it said in `events`. */
static enum sts_status
run_at(int64_t now, bool at_once)
{
	struct sts_deliver d = prepare(now, at_once);

	tried[0] = events[0] = last_json[0] = '\0';
	attempts = syncs = 0;
	return sts_deliver_run(&d);
}

static void
begin(void)
{
	char command[200];

	snprintf(command, sizeof(command),
	    "rm -rf %s/reports %s/outcomes %s/checks %s/policies", dir, dir,
	    dir, dir);
	if (system(command) != 0)
		tap_diag("cannot clear %s", dir);
	sts_store_close(store);
	(void)sts_store_open(&store, dir, true);
	next_result = (struct sts_attempt_result){.what = STS_ATTEMPT_TAKEN};
	config.report_successes = true;
}

static void
set_record(const char *domain, const char *record, int64_t now)
{
	struct sts_check check = {
	    .checked = now, .next_check = now + 60, .tlsrpt_next = now + 60};

	snprintf(check.domain, sizeof(check.domain), "%s", domain);
	snprintf(check.tlsrpt, sizeof(check.tlsrpt), "%s", record);
	if (sts_store_write_check(store, &check) != STS_OK)
		tap_diag("no check of %s", domain);
}

static void
session_on(const char *domain, int64_t day, enum sts_policy_type type,
    int64_t fetched, enum sts_result result)
{
	struct sts_outcome o = {.time = day * SECONDS + 100,
	    .type = type,
	    .fetched = fetched,
	    .result = result,
	    .mx = "mx.example.net",
	    .receiving_ip = "192.0.2.1",
	    .sending_ip = "198.51.100.1"};

	snprintf(o.domain, sizeof(o.domain), "%s", domain);
	if (sts_outcomes_append(store, &o) != STS_OK)
		tap_diag("an outcome is lost");
}

static void
session(const char *domain)
{
	session_on(domain, DAY, STS_POLICY_TYPE_NO_POLICY_FOUND, 0,
	    STS_RESULT_STARTTLS_NOT_SUPPORTED);
}

#define RECORD "v=TLSRPTv1; rua=mailto:tls@"

static void
one_domain(void)
{
	begin();
	set_record("a.test", RECORD "a.test", end_of_day);
	session("a.test");
}

static void
test_destinations(void)
{
	static const struct {
		const char *record, *expected;
	} rows[] = {
	    {"v=TLSRPTv1; rua=mailto:a@b.test", "mailto:a@b.test"},
	    {"v=TLSRPTv1; rua=mailto:a@b.test,MAILTO:a@B.test",
		"mailto:a@b.test"},
	    {"v=TLSRPTv1; rua=mailto:a%2Bc@b.test?subject=x",
		"mailto:a+c@b.test"},
	    {"v=TLSRPTv1; rua=HTTPS://C.test/Path?q=1",
		"https://c.test/Path?q=1"},
	    {"v=TLSRPTv1; rua=mailto:a@b.test,https://c.test/",
		"mailto:a@b.test https://c.test/"},
	    {"v=TLSRPTv1; rua=mailto:-oQ@b.test", "mailto:-oQ@b.test"},
	    {"v=TLSRPTv1; rua=mailto:a%0A@b.test", ""},
	    {"v=TLSRPTv1; rua=mailto:a%00@b.test", ""},
	    {"v=TLSRPTv1; rua=mailto:a@b.test%2Cc@d.test", ""},
	    {"v=TLSRPTv1; rua=mailto:%22a%22@b.test", ""},
	    {"", ""},
	};
	char got[3000];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sts_report_job job = {.day = DAY};
		size_t count = sts_destinations_read(rows[i].record, &job);

		got[0] = '\0';
		for (size_t k = 0; k < count; k++)
			snprintf(got + strlen(got), sizeof(got) - strlen(got),
			    "%s%.1000s", k > 0 ? " " : "", job.to[k].uri);
		/* What could be an option is none: sendmail is given "--". */
		if (strstr(rows[i].expected, ":-") != NULL)
			is_str(got, "", "an option is no address");
		else
			is_str(got, rows[i].expected, "the destinations of %s",
			    rows[i].record);
	}
}

static void
test_many_destinations(void)
{
	struct sts_report_job job = {.day = DAY};
	char record[600] = "v=TLSRPTv1; rua=";

	for (int i = 0; i < 14; i++)
		snprintf(record + strlen(record),
		    sizeof(record) - strlen(record), "%smailto:a%d@b.test",
		    i > 0 ? "," : "", i);
	is_int((long long)sts_destinations_read(record, &job),
	    STS_DESTINATIONS_MAX, "at most ten destinations");
}

static void
test_once(void)
{
	char id[64];

	one_domain();
	is_int(run_at(end_of_day + 60, false), STS_OK, "a run after midnight");
	is_str(tried, "", "no report is made in the first five minutes");
	is_int(run_at(end_of_day + 5 * 3600, false), STS_OK, "a run at five");
	is_str(tried, "a.test mailto:tls@a.test", "the report is tried");
	is_str(events, "a.test sent", "and sent");
	ok(strstr(last_json, "\"total-failure-session-count\":1") != NULL,
	    "it has the session");
	ok(strncmp(last_id, "2024-10-04-", 11) == 0 && strlen(last_id) == 35,
	    "its id has the day and is random: %s", last_id);
	snprintf(id, sizeof(id), "%s", last_id);
	ok(strstr(last_json, id) != NULL, "the id is in the report");
	is_int(run_at(end_of_day + 6 * 3600, true), STS_OK, "one run more");
	is_str(tried, "", "the report is sent once");
	session("a.test");
	is_int(run_at(end_of_day + 7 * 3600, true), STS_OK,
	    "a session that is recorded too late");
	is_str(tried, "", "makes no second report");
}

static void
test_nothing(void)
{
	begin();
	is_int(
	    run_at(end_of_day + 3600, true), STS_OK, "no outcomes: no fault");
	is_str(events, "", "and nothing to say");
	session("a.test");
	is_int(run_at(end_of_day + 3600, true), STS_OK, "no record any more");
	is_str(events,
	    "a.test not-made the domain has no destination for reports any "
	    "more",
	    "is said");
	is_str(tried, "", "and nothing is sent");
	begin();
	set_record("a.test", RECORD "a.test", end_of_day);
	session_on("a.test", DAY + 1, STS_POLICY_TYPE_NO_POLICY_FOUND, 0,
	    STS_RESULT_NONE);
	is_int(run_at(end_of_day + 3600, true), STS_OK, "a session of today");
	is_str(tried, "", "is not reported before the day is over");
}

static void
test_successes(void)
{
	begin();
	set_record("a.test", RECORD "a.test", end_of_day);
	set_record("b.test", RECORD "b.test", end_of_day);
	session_on(
	    "a.test", DAY, STS_POLICY_TYPE_NO_POLICY_FOUND, 0, STS_RESULT_NONE);
	session("b.test");
	config.report_successes = false;
	(void)run_at(end_of_day + 3600, true);
	is_str(tried, "b.test mailto:tls@b.test",
	    "report-successes no: a day without a failure is not reported");
	one_domain();
	session_on(
	    "b.test", DAY, STS_POLICY_TYPE_NO_POLICY_FOUND, 0, STS_RESULT_NONE);
	set_record("b.test", RECORD "b.test", end_of_day);
	(void)run_at(end_of_day + 3600, true);
	is_int(attempts, 2, "with successes it is");
}

/* Every five minutes for three days: when it was tried. */
static void
test_pauses(void)
{
	char when[400] = "", id[64] = "", json[sizeof(last_json)] = "";
	int64_t first = 0;
	bool same = true;

	one_domain();
	next_result = (struct sts_attempt_result){
	    .what = STS_ATTEMPT_LATER, .reason = "x"};
	for (int64_t now = end_of_day; now < end_of_day + 3 * SECONDS;
	     now += 300) {
		(void)run_at(now, false);
		if (strstr(events, "given-up") != NULL)
			append_text(when, sizeof(when), events);
		if (attempts == 0)
			continue;
		if (first == 0)
			first = now;
		snprintf(when + strlen(when), sizeof(when) - strlen(when),
		    "%s%lld", when[0] != '\0' ? " " : "",
		    (long long)(now - first) / 60);
		same = same && (id[0] == '\0' || strcmp(id, last_id) == 0) &&
		    (json[0] == '\0' || strcmp(json, last_json) == 0);
		snprintf(id, sizeof(id), "%s", last_id);
		snprintf(json, sizeof(json), "%s", last_json);
	}
	is_str(when, "0 15 45 105 225 465 705 945 1185; a.test given-up x 1425",
	    "pauses grow to four hours, and it is given up after 24");
	ok(first >= end_of_day + STS_DELIVER_EARLIEST &&
		first < end_of_day + STS_DELIVER_SPREAD + 300,
	    "the first attempt is within four hours");
	ok(same, "each attempt has the same report");
}

static void
test_refused(void)
{
	one_domain();
	session_on("a.test", DAY + 1, STS_POLICY_TYPE_NO_POLICY_FOUND, 0,
	    STS_RESULT_NONE);
	next_result = (struct sts_attempt_result){
	    .what = STS_ATTEMPT_REFUSED, .local = false, .reason = "no"};
	(void)run_at(end_of_day + 3600, true);
	is_str(events, "a.test refused no", "a destination that refuses");
	(void)run_at(end_of_day + 7200, true);
	is_str(tried, "", "is not tried again");
	(void)run_at(end_of_day + SECONDS + 3600, true);
	is_str(tried, "", "nor for the next day");
	is_str(events, "a.test refused refused-before", "which is said");
	session_on("a.test", DAY + 32, STS_POLICY_TYPE_NO_POLICY_FOUND, 0,
	    STS_RESULT_NONE);
	(void)run_at(end_of_day + 32 * SECONDS + 3600, true);
	is_str(tried, "a.test mailto:tls@a.test", "but a month later");
}

static void
test_unsure(void)
{
	one_domain();
	next_result = (struct sts_attempt_result){
	    .what = STS_ATTEMPT_UNSURE, .local = true, .reason = "died"};
	(void)run_at(end_of_day + 3600, true);
	is_str(events, "a.test unsure died", "an attempt without an end");
	(void)run_at(end_of_day + 7200, true);
	is_str(tried, "", "is not repeated");
}

/* A process that ends in the attempt. */
static void
test_interrupted(void)
{
	struct sts_report_job job;
	pid_t child;

	one_domain();
	parent = getpid();
	die_in_attempt = true;
	if ((child = fork()) == 0) {
		(void)run_at(end_of_day + 3600, true);
		_exit(1);
	}
	(void)waitpid(child, NULL, 0);
	die_in_attempt = false;
	is_int(sts_reports_read(store, DAY, "a.test", &job), STS_OK,
	    "a process died while it sent");
	is_str(sts_delivery_state_name(job.to[0].state), "sending",
	    "the file says sending");
	sts_report_job_free(&job);
	is_int(run_at(end_of_day + 7200, true), STS_OK, "the next run");
	is_str(events, "a.test interrupted interrupted", "says so");
	is_str(tried, "", "and does not send it again");
	(void)sts_reports_read(store, DAY, "a.test", &job);
	is_str(sts_delivery_state_name(job.to[0].state), "unsure",
	    "it may have been taken");
	sts_report_job_free(&job);
}

/* Each state is on the disk before what comes after it. */
static void
test_durable(void)
{
	begin();
	set_record("a.test", RECORD "a.test,mailto:other@a.test", end_of_day);
	session("a.test");
	(void)run_at(end_of_day + STS_DELIVER_EARLIEST, false);
	is_int(attempts, 0, "a report that is not due yet");
	(void)run_at(end_of_day + STS_DELIVER_EARLIEST + 1, true);
	is_int(attempts, 2, "is tried at two destinations");
	is_int(syncs_before[0], 2,
	    "\"sending\" and its name are synced before the report leaves");
	is_int(
	    syncs_before[1], 4, "\"sent\", too, before that of the next one");
	is_int(syncs, 2, "and at the end");
}

static void
test_lock(void)
{
	int tell[2], hold[2], fd;
	char byte = 0;
	pid_t child;

	one_domain();
	if (pipe(tell) != 0 || pipe(hold) != 0)
		return;
	if ((child = fork()) == 0) {
		close(hold[1]);
		byte = sts_reports_lock(store, &fd) == STS_OK ? '1' : '0';
		(void)!write(tell[1], &byte, 1);
		(void)!read(hold[0], &byte, 1);
		_exit(0);
	}
	(void)!read(tell[0], &byte, 1);
	is_int(byte, '1', "another process sends");
	is_int(run_at(end_of_day + 3600, true), STS_STATE_LOCKED,
	    "two do not send at once");
	is_str(tried, "", "and nothing is tried");
	close(hold[1]);
	(void)waitpid(child, NULL, 0);
	is_int(run_at(end_of_day + 3600, true), STS_OK, "after its end");
	is_int(attempts, 1, "the report is sent");
}

static void
test_cap(void)
{
	char domain[40];

	begin();
	for (int i = 0; i < MANY; i++) {
		snprintf(domain, sizeof(domain), "d%d.test", i);
		set_record(domain, RECORD "victim.test", end_of_day);
		session(domain);
	}
	(void)run_at(end_of_day + 3600, true);
	is_int(attempts, STS_DELIVER_PER_DESTINATION,
	    "one destination gets so many reports about a day");
	ok(strstr(events, "refused too-many-reports") != NULL,
	    "the others are refused, and that is said");
	(void)run_at(end_of_day + 7200, true);
	is_int(attempts, 0, "for good");
}

/* Many reports to one collector that hangs. */
static void
test_slow(void)
{
	char domain[40], record[100];

	begin();
	for (int i = 0; i < 20; i++) {
		snprintf(domain, sizeof(domain), "d%d.test", i);
		snprintf(record, sizeof(record),
		    "v=TLSRPTv1; rua=https://slow.test/%d", i);
		set_record(domain, record, end_of_day);
		session(domain);
	}
	next_result = (struct sts_attempt_result){
	    .what = STS_ATTEMPT_LATER, .slow = true, .reason = "slow"};
	(void)run_at(end_of_day + 3600, true);
	is_int(attempts, STS_DELIVER_SLOW_MAX,
	    "a host that hangs is tried a few times in a run");
	next_result.slow = false;
	(void)run_at(end_of_day + 3700, true);
	is_int(attempts, 17, "and the others of its reports in the next run");
}

/* Hosts without end, that are one or many, and a report by mail. */
static void
test_many_slow(void)
{
	static const struct {
		const char *uri;
		int expected;
	} rows[] = {
	    {"https://slow.test?%d", STS_DELIVER_SLOW_MAX},
	    {"https://slow.test:443/%d", STS_DELIVER_SLOW_MAX},
	    {"https://slow%d.test/", STS_DELIVER_SLOW_HTTPS},
	};
	struct sts_report_job job;
	char domain[40], record[100];

	for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++) {
		begin();
		for (int i = 0; i < STS_DELIVER_SLOW_HTTPS + 10; i++) {
			size_t len = (size_t)snprintf(
			    record, sizeof(record), "v=TLSRPTv1; rua=");

			snprintf(domain, sizeof(domain), "d%d.test", i);
			snprintf(record + len, sizeof(record) - len,
			    rows[row].uri, i);
			set_record(domain, record, end_of_day);
			session(domain);
		}
		set_record("mail.test", "v=TLSRPTv1; rua=mailto:t@mail.test",
		    end_of_day);
		session("mail.test");
		next_result = (struct sts_attempt_result){
		    .what = STS_ATTEMPT_LATER, .slow = true, .reason = "slow"};
		(void)run_at(end_of_day + 3600, true);
		is_int(attempts, rows[row].expected + 1,
		    "%s: so many attempts and no more", rows[row].uri);
		is_int(sts_reports_read(store, DAY, "mail.test", &job), STS_OK,
		    "mail does not wait for them");
		is_int(job.to[0].attempts, 1, "it is tried");
		sts_report_job_free(&job);
		next_result.slow = false;
	}
}

/* One report to ten destinations of the form, which fail. */
static void
ten_destinations(const char *form)
{
	char record[600] = "v=TLSRPTv1; rua=", uri[50];

	begin();
	for (int i = 0; i < STS_DESTINATIONS_MAX; i++) {
		snprintf(uri, sizeof(uri), form, i);
		if (i > 0)
			strcat(record, ",");
		strcat(record, uri);
	}
	set_record("a.test", record, end_of_day);
	session("a.test");
	next_result = (struct sts_attempt_result){
	    .what = STS_ATTEMPT_LATER, .reason = "http-500"};
}

/* Attempts that take time, whether they fail or not. */
static void
test_time(void)
{
	const int64_t now = end_of_day + 3600;
	struct sts_report_job job;

	attempt_ms = STS_DELIVER_RUN_MS / 2;
	ten_destinations("mailto:t@m%d.test");
	(void)run_at(now, true);
	is_int(attempts, 2, "a run ends within a report, too");
	is_int(sts_reports_read(store, DAY, "a.test", &job), STS_OK, "read");
	ok(job.to[1].until >= now + attempt_ms / 1000 + STS_DELIVER_UNTIL,
	    "a day from the attempt on, not from the run's start");
	ok(job.to[1].next >= now + 2 * attempt_ms / 1000 + STS_DELIVER_PAUSE,
	    "and the pause is from the attempt's end on");
	sts_report_job_free(&job);
	attempt_ms = STS_DELIVER_SLOW_MS;
	ten_destinations("https://slow.test/%d");
	(void)run_at(now, true);
	is_int(attempts, STS_DELIVER_SLOW_MAX,
	    "a host that answers late is as one that does not");
	attempt_ms = STS_DELIVER_SLOW_TOTAL_MS / 4;
	ten_destinations("https://slow%d.test/");
	(void)run_at(now, true);
	is_int(attempts, 4, "slow hosts have a quarter of an hour together");
	attempt_ms = 0;
}

static void
damage(const char *domain)
{
	char path[200];
	FILE *f;

	snprintf(path, sizeof(path), "%s/reports/2024-10-04/%s", dir, domain);
	if ((f = fopen(path, "r+")) == NULL)
		return;
	(void)fseek(f, 40, SEEK_SET);
	(void)fputc('\001', f);
	(void)fclose(f);
}

static void
test_damage(void)
{
	char command[200];

	one_domain();
	(void)run_at(end_of_day + 3600, true);
	damage("a.test");
	snprintf(
	    command, sizeof(command), "rm %s/reports/2024-10-04/.planned", dir);
	is_int(system(command), 0, "a day that is planned once more");
	(void)run_at(end_of_day + 7200, true);
	is_str(tried, "", "a damaged state is not begun again");
}

/* What cannot be written down is not begun. */
static void
test_unwritable(void)
{
	one_domain();
	(void)run_at(end_of_day + STS_DELIVER_EARLIEST, false);
	set_mode(0500);
	is_int(run_at(end_of_day + 5 * 3600, true), STS_STATE_UNWRITABLE,
	    "a state that cannot be written ends the run");
	is_str(tried, "", "before anything is sent");
	set_mode(0750);
	(void)run_at(end_of_day + 5 * 3600, true);
	is_str(tried, "a.test mailto:tls@a.test", "later it is sent");

	one_domain();
	lock_in_attempt = true;
	is_int(run_at(end_of_day + 3600, true), STS_STATE_UNWRITABLE,
	    "a result that cannot be written ends the run");
	is_int(attempts, 1, "after it was sent");
	lock_in_attempt = false;
	set_mode(0750);
	(void)run_at(end_of_day + 7200, true);
	is_str(events, "a.test interrupted interrupted",
	    "the next run knows only that it was begun");
	is_str(tried, "", "and does not send it again");
}

/* A day that cannot be read does not stop another. */
static void
test_unreadable(void)
{
	char path[100], other[100];

	one_domain();
	session_on("a.test", DAY - 1, STS_POLICY_TYPE_NO_POLICY_FOUND, 0,
	    STS_RESULT_NONE);
	snprintf(path, sizeof(path), "%s/outcomes/2024-10-03", dir);
	snprintf(other, sizeof(other), "%s/outcomes/x", dir);
	if (rename(path, other) != 0 || symlink("x", path) != 0)
		tap_diag("no link");
	is_int(run_at(end_of_day + 3600, true), STS_STATE_UNREADABLE,
	    "outcomes that are no file are a fault");
	is_str(events, "a.test sent", "of that day alone");
}

static void
test_expiry(void)
{
	struct sts_report_job job;

	one_domain();
	(void)run_at(end_of_day + 3600, true);
	(void)run_at(end_of_day + 6 * SECONDS, true);
	is_int(sts_reports_read(store, DAY, "a.test", &job), STS_OK,
	    "reports are kept for 7 days");
	sts_report_job_free(&job);
	(void)run_at(end_of_day + 7 * SECONDS, true);
	is_int(sts_reports_read(store, DAY, "a.test", &job), STS_NOT_FOUND,
	    "and then removed");
}

static void
test_machine_was_off(void)
{
	one_domain();
	(void)run_at(end_of_day + 24 * 3600 + 800, false);
	is_int(attempts, 1, "a machine that was off for a day reports");
	one_domain();
	(void)run_at(end_of_day + 29 * 3600, false);
	is_int(attempts, 0, "not after the 24 hours in which it would have");
}

static void
test_dry(void)
{
	struct sts_deliver d = prepare(end_of_day + 3600, true);
	struct stat st;
	char path[100];

	one_domain();
	d.store = store;
	d.dry = true;
	events[0] = tried[0] = '\0';
	is_int(sts_deliver_run(&d), STS_OK, "a dry run");
	is_str(events, "a.test due", "says what is due");
	is_str(tried, "", "sends nothing");
	snprintf(path, sizeof(path), "%s/reports", dir);
	ok(stat(path, &st) != 0, "and writes nothing");
	(void)run_at(end_of_day + 3600, true);
	events[0] = '\0';
	is_int(sts_deliver_run(&d), STS_OK, "after a run");
	is_str(events, "", "nothing is due any more");
}

static void
put_policy_of(const char *domain, int64_t fetched, const char *body)
{
	struct sts_span text = {body, strlen(body)};

	if (sts_outcomes_append_policy(store, domain, fetched, text,
		fetched > 0 ? fetched : (int64_t)DAY * SECONDS + 1) != STS_OK)
		tap_diag("no policy");
}

static void
put_policy(int64_t fetched, const char *body)
{
	put_policy_of("a.test", fetched, body);
}

static unsigned
count_of(const char *text, const char *part)
{
	unsigned count = 0;

	for (; (text = strstr(text, part)) != NULL; text += strlen(part))
		count++;
	return count;
}

#define POLICY(mode, mx) \
	"version: STSv1\nmode: " mode "\nmx: " mx "\nmax_age: 604800\n"

static void
test_policies(void)
{
	int64_t morning = (int64_t)DAY * SECONDS + 10, before = morning - 4000;

	begin();
	set_record("a.test", RECORD "a.test", end_of_day);
	put_policy(before, POLICY("testing", "*.a.test"));
	put_policy(morning, POLICY("testing", "*.a.test"));
	put_policy(morning + 9, POLICY("enforce", "mx.a.test"));
	session_on("a.test", DAY, STS_POLICY_TYPE_STS, before,
	    STS_RESULT_CERTIFICATE_EXPIRED);
	session_on("a.test", DAY, STS_POLICY_TYPE_STS, morning,
	    STS_RESULT_CERTIFICATE_EXPIRED);
	session_on(
	    "a.test", DAY, STS_POLICY_TYPE_STS, morning, STS_RESULT_NONE);
	session_on(
	    "a.test", DAY, STS_POLICY_TYPE_STS, morning + 9, STS_RESULT_NONE);
	(void)run_at(end_of_day + 3600, true);
	ok(strstr(last_json,
	       "\"policy-string\":[\"version: STSv1\",\"mode: testing\","
	       "\"mx: *.a.test\",\"max_age: 604800\"]") != NULL,
	    "a report has the lines of the policy: %s", last_json);
	ok(strstr(last_json, "\"mx-host\":[\"*.a.test\"]") != NULL,
	    "and its MX patterns");
	is_int(count_of(last_json, "\"policy-type\":\"sts\""), 2,
	    "a policy that was only fetched again is reported once, one that "
	    "was replaced beside its successor");
	ok(strstr(last_json, "\"failed-session-count\":2") != NULL,
	    "with all of its failures");
	ok(strstr(last_json, "mode: enforce") != NULL,
	    "each was in force at some time");
	is_int(unfit, 0, "all reports fit the schema");
}

static void
test_names(void)
{
	begin();
	set_record("xn--bcher-kva.test", RECORD "a.test", end_of_day);
	put_policy_of("xn--bcher-kva.test", end_of_day - 40000,
	    POLICY("testing", "*.xn--bcher-kva.test"));
	session_on("xn--bcher-kva.test", DAY, STS_POLICY_TYPE_STS,
	    end_of_day - 40000, STS_RESULT_NONE);
	(void)run_at(end_of_day + 3600, true);
	ok(strstr(last_json,
	       "\"policy-domain\":\"xn--bcher-kva.test\","
	       "\"mx-host\":[\"*.xn--bcher-kva.test\"]") != NULL,
	    "domain and patterns are A-labels: %s", last_json);
}

/* RFC 8460 4.5: as it was declared, errors included. */
static void
test_invalid_policy(void)
{
	static const char served[] = "version: STSv1\r\nmode: enforced\r\nmx: "
				     "mx.a.test \t\r\nnote: \xff\n";

	begin();
	set_record("a.test", RECORD "a.test", end_of_day);
	put_policy(0, served);
	session_on("a.test", DAY, STS_POLICY_TYPE_STS, 0,
	    STS_RESULT_STS_POLICY_INVALID);
	(void)run_at(end_of_day + 3600, true);
	ok(strstr(last_json,
	       "\"policy-string\":[\"version: STSv1\",\"mode: enforced\","
	       "\"mx: mx.a.test\",\"note: ?\"]") != NULL,
	    "what was no policy is shown with its errors: %s", last_json);
	ok(strstr(last_json, "\"mx-host\":[\"mx.a.test\"]") != NULL,
	    "and its MX patterns");
	is_int(unfit, 0, "it fits the schema");
}

/* The policy of one session is in yesterday's file, which is read for it. */
static void
test_invalid_before(void)
{
	static const char served[] = "version: yesterday's\n";
	int64_t before = (int64_t)DAY * SECONDS - 4000;

	begin();
	set_record("a.test", RECORD "a.test", end_of_day);
	put_policy(before, POLICY("testing", "*.a.test"));
	(void)sts_outcomes_append_policy(store, "a.test", 0,
	    (struct sts_span){served, strlen(served)}, before);
	session_on("a.test", DAY, STS_POLICY_TYPE_STS, before, STS_RESULT_NONE);
	session_on("a.test", DAY, STS_POLICY_TYPE_STS, 0,
	    STS_RESULT_STS_POLICY_INVALID);
	(void)run_at(end_of_day + 3600, true);
	ok(strstr(last_json, "mode: testing") != NULL &&
		strstr(last_json, "yesterday") == NULL,
	    "what was no policy on another day is not shown: %s", last_json);
}

/* With DANE the policy is the MX host's. */
static void
test_tlsa(void)
{
	struct sts_outcome o = {.time = (int64_t)DAY * SECONDS + 5,
	    .domain = "a.test",
	    .type = STS_POLICY_TYPE_TLSA};

	begin();
	set_record("a.test", RECORD "a.test", end_of_day);
	for (int i = 0; i < 4; i++) {
		snprintf(o.mx, sizeof(o.mx), "mx%d.a.test", i % 2);
		o.result = i == 3 ? STS_RESULT_TLSA_INVALID : STS_RESULT_NONE;
		(void)sts_outcomes_append(store, &o);
	}
	(void)run_at(end_of_day + 3600, true);
	is_int(count_of(last_json, "\"policy-type\":\"tlsa\""), 2,
	    "DANE: a policy for each MX host");
	ok(strstr(last_json,
	       "\"policy-domain\":\"mx0.a.test\",\"mx-host\":[]},\"summary\":"
	       "{\"total-successful-session-count\":2,"
	       "\"total-failure-session-count\":0}") != NULL &&
		strstr(last_json,
		    "\"policy-domain\":\"mx1.a.test\",\"mx-host\":[]},"
		    "\"summary\":{\"total-successful-session-count\":1,"
		    "\"total-failure-session-count\":1}") != NULL,
	    "which is its policy domain: %s", last_json);
}

/* What a host says need not be text. */
static void
test_bytes(void)
{
	struct sts_outcome o = {.time = (int64_t)DAY * SECONDS + 5,
	    .domain = "a.test",
	    .type = STS_POLICY_TYPE_NO_POLICY_FOUND,
	    .result = STS_RESULT_VALIDATION_FAILURE,
	    .mx = "mx.a.test",
	    .helo = "\xff\xfe",
	    .additional = "a\nb"};

	begin();
	set_record("a.test", RECORD "a.test", end_of_day);
	(void)sts_outcomes_append(store, &o);
	(void)run_at(end_of_day + 3600, true);
	is_str(events, "a.test sent", "bytes of a host stop no report");
	ok(strstr(last_json, "\"receiving-mx-helo\":\"??\"") != NULL &&
		strstr(last_json, "a?b") != NULL,
	    "they are question marks: %s", last_json);
}

static void
test_spread(void)
{
	struct sts_deliver d = prepare(0, false);
	unsigned hours[4] = {0};
	bool within = true;
	char domain[40];

	for (int i = 0; i < 1000; i++) {
		int64_t at;

		snprintf(domain, sizeof(domain), "d%d.test", i);
		at = sts_deliver_first(&d, DAY, domain) - end_of_day;
		within = within && at >= STS_DELIVER_EARLIEST &&
		    at < STS_DELIVER_SPREAD;
		if (within)
			hours[at / 3600]++;
	}
	ok(within, "first attempts are within four hours");
	ok(hours[0] > 150 && hours[1] > 150 && hours[2] > 150 && hours[3] > 150,
	    "in each of them: %u %u %u %u", hours[0], hours[1], hours[2],
	    hours[3]);
}

int
main(void)
{
	if (!tap_own_directory(dir) || !schema_load()) {
		printf("Bail out! cannot begin\n");
		return 1;
	}
	(void)signal(SIGPIPE, SIG_IGN);
	test_destinations();
	test_many_destinations();
	test_spread();
	test_once();
	test_nothing();
	test_successes();
	test_pauses();
	test_refused();
	test_unsure();
	test_interrupted();
	test_durable();
	test_lock();
	test_cap();
	test_slow();
	test_many_slow();
	test_time();
	test_damage();
	test_unwritable();
	test_unreadable();
	test_expiry();
	test_machine_was_off();
	test_dry();
	test_policies();
	test_names();
	test_invalid_policy();
	test_invalid_before();
	test_tlsa();
	test_bytes();
	is_int(unfit, 0, "all reports fit the schema");
	begin();
	sts_store_close(store);
	schema_free();
	tap_remove(dir);
	return tap_done();
}
