/* SPDX-License-Identifier: ISC */
/*
 * The data of the store.  Files are counted by their names; of a large store as
 * many are read as time allows, and that number is shown.  Names are ordered by
 * a hash, so these are a fair sample.
 */
#include "tool/overview.h"

#include <stdarg.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "core/due.h"
#include "store/store.h"
#include "tool/cache.h"
#include "tool/out.h"

enum {
	ROUND_LEAST = 3 * 3600, /* the timer is hourly, */
	ROUND_MOST = 25 * 3600  /* a job of the operator's perhaps daily */
};

/* One kind of problem: the number of its domains, and the first of them. */
struct trouble {
	int64_t count;
	char first[STS_OVERVIEW_EXAMPLES][STS_NAME_MAX + 64];
};

struct scan {
	struct sts_overview *o;
	struct sts_store *store;
	const struct sts_config *config;
	int64_t end_ms;          /* nothing is read after this */
	int64_t failing_unknown; /* domains without a policy, fetch failed */
	int64_t unreadable;      /* files that this user may not read */
	struct trouble corrupt, ending, overdue;
};

static void
add(struct trouble *t, const char *domain, const char *format, int64_t when,
    int64_t now)
{
	char span[STS_AGE_TEXT];

	if (t->count < STS_OVERVIEW_EXAMPLES)
		(void)snprintf(t->first[t->count], sizeof(t->first[0]),
		    "%s%s%s", domain, format,
		    when != 0 ? sts_print_span(span, llabs(now - when)) : "");
	t->count++;
}

/* The age of the oldest, and the time within which each is to be fetched. */
static void
note_age(struct sts_overview *o, const struct sts_entry *e)
{
	if (!sts_entry_is_live(e, o->now) || e->policy.mode == STS_MODE_NONE)
		return;
	if (o->oldest == STS_OVERVIEW_UNKNOWN || e->fetched < o->oldest)
		o->oldest = e->fetched;
	if (o->least_max_age == STS_OVERVIEW_UNKNOWN ||
	    e->policy.max_age < o->least_max_age)
		o->least_max_age = e->policy.max_age;
}

static void
count_mode(struct sts_overview *o, const struct sts_entry *e)
{
	if (!sts_entry_is_live(e, o->now))
		o->expired++;
	else if (e->policy.mode == STS_MODE_ENFORCE)
		o->enforced++;
	else if (e->policy.mode == STS_MODE_TESTING)
		o->testing++;
	else
		o->none++;
}

/*
 * A quarter of its lifetime, at most a week: before that, failed refreshes are
 * simply repeated.  Only enforce policies protect something.
 */
static bool
ends_soon(const struct sts_entry *e, int64_t now)
{
	int64_t soon = (e->expires - e->fetched) / 4;

	if (soon > STS_OVERVIEW_SOON)
		soon = STS_OVERVIEW_SOON;
	return sts_entry_is_live(e, now) && e->expires - now < soon &&
	    e->policy.mode == STS_MODE_ENFORCE;
}

static void
note_refresh(
    struct scan *s, const struct sts_entry *e, const struct sts_check *check)
{
	struct sts_overview *o = s->o;
	struct sts_cache_line line;
	bool failing = check->failed_reason != STS_OK;
	int64_t due =
	    sts_due_at(e->fetched, e->expires, s->config->refresh_after);

	sts_cache_policy_line(&line, e, check, s->config, o->now);
	o->failing += failing;
	o->failing_long += line.marked;
	if (sts_entry_is_live(e, o->now) &&
	    (o->next_due == STS_OVERVIEW_UNKNOWN || due < o->next_due))
		o->next_due = due;
	if (failing && ends_soon(e, o->now))
		add(&s->ending, e->domain, " expires in ", e->expires, o->now);
	if (failing && check->failed_next > due)
		due = check->failed_next;
	if (!e->unsure && o->now - due > STS_OVERDUE)
		add(&s->overdue, e->domain, " since ", due, o->now);
}

static void
read_policy(struct scan *s, const char *domain)
{
	struct sts_overview *o = s->o;
	struct sts_check check;
	struct sts_entry entry;
	enum sts_status status =
	    sts_store_read_policy(s->store, domain, o->now, &entry);

	if (status == STS_NOT_FOUND)
		return;
	o->policies_read++;
	if (status == STS_STATE_UNREADABLE) {
		s->unreadable++;
		return;
	}
	if (status != STS_OK) {
		add(&s->corrupt, domain, "", 0, 0);
		return;
	}
	(void)sts_store_read_check(s->store, domain, o->now, &check);
	if (check.checked > o->last_answer && check.checked <= o->now)
		o->last_answer = check.checked;
	note_age(o, &entry);
	count_mode(o, &entry);
	note_refresh(s, &entry, &check);
	sts_entry_free(&entry);
}

static bool
has_time(const struct scan *s)
{
	return sts_monotonic_ms() < s->end_ms;
}

static bool
each_policy(void *arg, const char *domain)
{
	struct scan *s = arg;

	s->o->policies++;
	if (has_time(s))
		read_policy(s, domain);
	return true;
}

/* True if no fetch has succeeded for a day. */
static bool
is_silent(const struct sts_overview *o)
{
	return sts_due_is_silent(o->newest > 0 ? o->now - o->newest : INT64_MAX,
	    STS_SILENCE_DOMAINS);
}

/*
 * Called only if needed: a domain without a policy because its fetch failed
 * within the last day counts as failed.
 */
static bool
each_check(void *arg, const char *domain)
{
	struct scan *s = arg;
	struct sts_overview *o = s->o;
	struct sts_check check;

	o->checks++;
	if (is_silent(o) && s->failing_unknown < STS_SILENCE_DOMAINS &&
	    has_time(s) &&
	    sts_store_read_check(s->store, domain, o->now, &check) == STS_OK &&
	    check.reason != STS_OK && check.failed_reason != STS_OK &&
	    o->now - check.checked < STS_SILENCE)
		s->failing_unknown++;
	return true;
}

static bool
each_routes(void *arg, const char *domain)
{
	struct scan *s = arg;

	(void)domain;
	s->o->routes++;
	return true;
}

/* One finding for each kind of problem, with a few domains. */
static void
report(struct scan *s, const struct trouble *t, enum sts_severity severity,
    const char *fix, const char *what)
{
	char list[1600] = "";
	size_t used = 0;

	for (int64_t i = 0; i < t->count && i < STS_OVERVIEW_EXAMPLES; i++) {
		int got = snprintf(list + used, sizeof(list) - used, "%s%s",
		    i > 0 ? ", " : "", t->first[i]);

		if (got > 0 && (size_t)got < sizeof(list) - used)
			used += (size_t)got;
	}
	if (t->count > 0)
		sts_report_problem(&s->o->findings, severity, fix,
		    "%s: %lld (%s%s)", what, (long long)t->count, list,
		    t->count > STS_OVERVIEW_EXAMPLES ? ", ..." : "");
}

static void
report_silence(struct scan *s)
{
	struct sts_overview *o = s->o;
	int64_t failed = o->failing + s->failing_unknown;
	char span[STS_AGE_TEXT];

	if (!is_silent(o) || !sts_due_is_silent(INT64_MAX, (size_t)failed))
		return;
	sts_report_problem(&o->findings, STS_FIND_ERROR,
	    "see the log for the reasons; can this machine reach port 443 of "
	    "other hosts, is its clock right, are its trust roots complete?",
	    "no fetch has succeeded %s%s, and %lld or more domains failed: "
	    "cached policies expire, and new ones are not found",
	    o->newest > 0 ? "for " : "yet",
	    o->newest > 0 ? sts_print_span(span, o->now - o->newest) : "",
	    (long long)failed);
}

/* Rounds are to come often enough for the policy that expires first. */
static void
report_round(struct scan *s)
{
	struct sts_overview *o = s->o;
	char since[STS_AGE_TEXT], age[STS_AGE_TEXT];
	int64_t most = o->least_max_age / 2;

	if (o->last_round <= 0 || o->least_max_age == STS_OVERVIEW_UNKNOWN)
		return;
	most = most < ROUND_LEAST ? ROUND_LEAST
	    : most > ROUND_MOST   ? ROUND_MOST
				  : most;
	if (o->now - o->last_round > most)
		sts_report_problem(&o->findings, STS_FIND_WARNING,
		    "systemctl status mta-sts-refresh.timer, or see the cron "
		    "job in mta-sts(1); smtpd's filter does it by itself",
		    "no round of refreshes has ended for %s, and the shortest "
		    "max_age is %s",
		    sts_print_span(since, o->now - o->last_round),
		    sts_print_span(age, o->least_max_age));
}

/* When files are removed, the least used policies go first. */
static void
report_bound(struct scan *s)
{
	struct sts_overview *o = s->o;

	if (o->policies < o->policies_max / 10 * 9)
		return;
	sts_report_problem(&o->findings, STS_FIND_WARNING,
	    "raise policies-max in mta-sts.conf",
	    "%lld policies of at most %lld: beyond that, policies are dropped",
	    (long long)o->policies, (long long)o->policies_max);
}

static void
report_troubles(struct scan *s)
{
	struct sts_overview *o = s->o;

	o->corrupt = s->corrupt.count;
	o->ending = s->ending.count;
	o->overdue = s->overdue.count;
	report(s, &s->corrupt, STS_FIND_ERROR,
	    "mta-sts cache drop DOMAIN, or wait for a fetch that succeeds",
	    "damaged policies, mail for their domains waits");
	report(s, &s->ending, STS_FIND_WARNING,
	    "mta-sts cache show DOMAIN says why; tell the domain's postmaster",
	    "enforce policies that expire soon and cannot be fetched again");
	report(s, &s->overdue, STS_FIND_WARNING,
	    "mta-sts cache refresh, every hour: see the timer and the cron job "
	    "in mta-sts(1)",
	    "policies due for a refresh that was not attempted");
	report_silence(s);
	report_bound(s);
	if (s->unreadable > 0 && geteuid() == 0)
		sts_report_problem(&o->findings, STS_FIND_ERROR,
		    "mta-sts setup --user NAME", "%lld policies cannot be read",
		    (long long)s->unreadable);
	else if (s->unreadable > 0)
		sts_overview_unseen(
		    o, "%lld policies", (long long)s->unreadable);
}

/* With a clock that is behind, nothing is accepted. */
static void
read_newest(struct scan *s)
{
	struct sts_overview *o = s->o;
	int64_t newest;
	enum sts_status status = sts_store_read_newest(s->store, &newest);

	if (status == STS_OK)
		o->newest = newest;
	else if (status == STS_NOT_FOUND)
		o->newest = 0;
	if (o->now < (int64_t)STS_BUILD_DATE ||
	    (o->newest > 0 && o->now < o->newest - STS_SILENCE))
		sts_report_problem(&o->findings, STS_FIND_ERROR,
		    "set the clock",
		    "the clock is before this release, or more than a day "
		    "behind the newest fetch");
}

/* Whether its owner can write there, without trying. */
static void
check_writable(struct sts_overview *o, const struct sts_config *config)
{
	static const char *const rooms[] = {
	    "", "/policies", "/checks", "/routes"};
	char path[4096];
	struct stat st;

	if (stat(config->state_dir, &st) != 0 || st.st_uid != geteuid())
		return;
	for (size_t i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++) {
		(void)snprintf(path, sizeof(path), "%.4000s%s",
		    config->state_dir, rooms[i]);
		if (faccessat(AT_FDCWD, path, W_OK | X_OK, AT_EACCESS) == 0 ||
		    errno == ENOENT)
			continue;
		sts_report_problem(&o->findings, STS_FIND_ERROR,
		    errno == EROFS ? NULL : "mta-sts setup --user NAME",
		    "%s: its owner cannot write there: %s", path,
		    strerror(errno));
	}
}

static void
check_space(struct sts_overview *o, const struct sts_config *config)
{
	struct statvfs v;

	if (statvfs(config->state_dir, &v) == 0 &&
	    (v.f_bavail == 0 || (v.f_files > 0 && v.f_favail == 0)))
		sts_report_problem(&o->findings, STS_FIND_ERROR, "make room",
		    "%s: no %s are left: mail to domains never looked up "
		    "waits",
		    config->state_dir, v.f_bavail == 0 ? "blocks" : "inodes");
}

static enum sts_status
walk(struct scan *s)
{
	struct sts_overview *o = s->o;
	enum sts_status status;

	o->policies = o->policies_read = o->enforced = o->testing = o->none =
	    o->expired = o->corrupt = o->checks = o->routes = o->failing =
		o->failing_long = 0;
	s->end_ms = sts_monotonic_ms() + STS_OVERVIEW_READ_MS;
	status = sts_store_walk(s->store, STS_KIND_POLICY, each_policy, s);
	s->end_ms = sts_monotonic_ms() + STS_OVERVIEW_READ_MS;
	if (status == STS_OK)
		status =
		    sts_store_walk(s->store, STS_KIND_CHECK, each_check, s);
	if (status == STS_OK)
		status =
		    sts_store_walk(s->store, STS_KIND_ROUTES, each_routes, s);
	return status;
}

static bool
is_lack_of_rights(enum sts_status status, const struct sts_config *config)
{
	struct stat st;

	return status == STS_STATE_UNREADABLE && geteuid() != 0 &&
	    stat(config->state_dir, &st) == 0 && st.st_uid != geteuid();
}

void
sts_overview_unopened(struct sts_overview *o, const struct sts_config *config,
    enum sts_status status)
{
	if (is_lack_of_rights(status, config)) {
		sts_overview_unseen(
		    o, "what is in the state directory %s", config->state_dir);
		o->blind = true;
	} else {
		sts_report_problem(&o->findings, STS_FIND_ERROR,
		    "mta-sts setup --user NAME", "state-dir %s: %s",
		    config->state_dir, sts_status_text(status));
	}
}

void
sts_overview_store(struct sts_overview *o, const struct sts_config *config)
{
	struct scan *s = calloc(1, sizeof(*s));
	enum sts_status status = STS_NO_MEMORY;

	if (s != NULL) {
		s->o = o;
		s->config = config;
		status = sts_store_open(&s->store, config->state_dir, false);
	}
	if (status == STS_OK) {
		check_writable(o, config);
		check_space(o, config);
		read_newest(s);
		sts_overview_events(o, s->store);
		status = walk(s);
		report_troubles(s);
		report_round(s);
		sts_store_close(s->store);
	}
	if (status != STS_OK)
		sts_overview_unopened(o, config, status);
	free(s);
}

void
sts_overview_unseen(struct sts_overview *o, const char *format, ...)
{
	char text[STS_OVERVIEW_TEXT];
	va_list args;

	va_start(args, format);
	if (vsnprintf(text, sizeof(text), format, args) < 0)
		text[0] = '\0';
	va_end(args);
	if (!sts_names_add(&o->unseen, text))
		o->failed = true;
}
