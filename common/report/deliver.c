/* SPDX-License-Identifier: ISC */
/*
 * One process at a time sends, under the lock of the store, so a report that is
 * found in "sending" is that of a process that has died: the destination may
 * have it, and a report that comes twice would count sessions
 * twice.  Everything else is decided by the file of the report alone, and each
 * step is in that file before the next begins.
 */
#include "report/deliver.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/cursor.h"
#include "base/log.h"
#include "report/destination.h"
#include "store/outcomes.h"

/* Days with reports that may be on their way, before the present one. */
enum { DAYS_BACK = 3 };

/* The first of two statuses that is a fault. */
static void
note(struct sts_deliver *d, enum sts_status status)
{
	if (d->status == STS_OK && status != STS_NOT_FOUND)
		d->status = status;
}

/* False: the state cannot be written, and the run ends. */
static bool
save(struct sts_deliver *d, const struct sts_report_job *job)
{
	enum sts_status status = sts_reports_write(d->store, job);

	if (status == STS_OK)
		return true;
	note(d, status);
	sts_log(STS_LOG_ERROR, job->domain, "event=fault reason=%s",
	    sts_status_name(status));
	return false;
}

static bool
end_as(struct sts_deliver *d, struct sts_report_job *job,
    struct sts_delivery *to, enum sts_delivery_state state,
    enum sts_deliver_event event)
{
	to->state = state;
	if (!save(d, job))
		return false;
	sts_deliver_say(d, event, job, to, to->reason);
	return true;
}

static int64_t
pause_after(int64_t attempts)
{
	int64_t pause = STS_DELIVER_PAUSE;

	for (int64_t i = 1; i < attempts && pause < STS_DELIVER_PAUSE_MAX; i++)
		pause *= 2;
	return pause < STS_DELIVER_PAUSE_MAX ? pause : STS_DELIVER_PAUSE_MAX;
}

/* Milliseconds since the run's start. */
static int64_t
elapsed_ms(const struct sts_deliver *d)
{
	return sts_monotonic_ms() - d->began_ms;
}

/* Seconds since 1970; d->now is that of the run's start. */
static int64_t
present(const struct sts_deliver *d)
{
	return d->now + elapsed_ms(d) / 1000;
}

/* Nothing is due after the end, so that is said at once. */
static bool
try_later(
    struct sts_deliver *d, struct sts_report_job *job, struct sts_delivery *to)
{
	to->next = present(d) + pause_after(to->attempts);
	if (to->next >= to->until)
		return end_as(
		    d, job, to, STS_DELIVERY_FAILED, STS_DELIVER_GIVEN_UP);
	return end_as(d, job, to, STS_DELIVERY_PENDING, STS_DELIVER_FAILED);
}

static bool
settle(struct sts_deliver *d, struct sts_report_job *job,
    struct sts_delivery *to, const struct sts_attempt_result *result)
{
	enum sts_status status;

	sts_copy_head(to->reason, result->reason, sizeof(to->reason));
	d->faults += result->local;
	switch (result->what) {
	case STS_ATTEMPT_TAKEN:
		return end_as(d, job, to, STS_DELIVERY_SENT, STS_DELIVER_SENT);
	case STS_ATTEMPT_UNSURE:
		return end_as(
		    d, job, to, STS_DELIVERY_UNSURE, STS_DELIVER_UNSURE);
	case STS_ATTEMPT_REFUSED:
		status = sts_refused_add(d->store, &d->refused, to->uri,
		    present(d), STS_REFUSED_BY_ITSELF);
		note(d, status);
		return end_as(
		    d, job, to, STS_DELIVERY_FAILED, STS_DELIVER_REFUSED);
	default:
		return try_later(d, job, to);
	}
}

static bool
is_https(const struct sts_delivery *to)
{
	return sts_destination_address(to->uri) == NULL;
}

/* The host of an https: destination; "" for a mailto:. */
static void
host_of(const struct sts_delivery *to, char host[STS_NAME_MAX + 1])
{
	static const char scheme[] = "https://";
	const char *name = to->uri + sizeof(scheme) - 1;

	host[0] = '\0';
	if (strncmp(to->uri, scheme, sizeof(scheme) - 1) == 0)
		(void)sts_span_copy(
		    (struct sts_span){name, strcspn(name, ":/?#")}, host,
		    STS_NAME_MAX + 1);
}

/* NULL: nothing was slow there; `make`: is added, unless there are too many. */
static struct sts_deliver_slow *
find_slow(struct sts_deliver *d, const struct sts_delivery *to, bool make)
{
	char host[STS_NAME_MAX + 1];
	size_t i = 0;

	host_of(to, host);
	while (i < d->slow_count && strcmp(d->slow[i].where, host) != 0)
		i++;
	if (i == d->slow_count) {
		if (!make || i == STS_DELIVER_SLOW_HOSTS)
			return NULL;
		d->slow_count++;
		sts_copy_head(d->slow[i].where, host, sizeof(d->slow[i].where));
		d->slow[i].times = 0;
	}
	return &d->slow[i];
}

/*
 * Reports of many domains go to one collector: if that hangs, a run would
 * otherwise do nothing but wait for it.  And whoever owns a domain has as many
 * hosts as he likes.
 */
static bool
is_slow(struct sts_deliver *d, const struct sts_delivery *to)
{
	const struct sts_deliver_slow *slow = find_slow(d, to, false);

	return (is_https(to) &&
		   (d->slow_https >= STS_DELIVER_SLOW_HTTPS ||
		       d->slow_https_ms >= STS_DELIVER_SLOW_TOTAL_MS)) ||
	    (slow != NULL && slow->times >= STS_DELIVER_SLOW_MAX);
}

/* An answer just before the time limit costs a run as much as none. */
static void
note_slow(struct sts_deliver *d, const struct sts_delivery *to,
    const struct sts_attempt_result *result, int64_t ms)
{
	struct sts_deliver_slow *slow;

	if (!result->slow && !(is_https(to) && ms >= STS_DELIVER_SLOW_MS))
		return;
	if ((slow = find_slow(d, to, true)) != NULL)
		slow->times++;
	if (!is_https(to))
		return;
	d->slow_https++;
	d->slow_https_ms += ms;
}

static bool
attempt(
    struct sts_deliver *d, struct sts_report_job *job, struct sts_delivery *to)
{
	struct sts_attempt_result result = {.what = STS_ATTEMPT_LATER};
	int64_t start_ms = elapsed_ms(d);

	if (to->attempts++ == 0)
		to->until = present(d) + STS_DELIVER_UNTIL;
	to->state = STS_DELIVERY_SENDING;
	if (!save(d, job))
		return false;
	if (is_https(to))
		d->https(d, job, to, &result);
	else
		d->mail(d, job, to, &result);
	note_slow(d, to, &result, elapsed_ms(d) - start_ms);
	return settle(d, job, to, &result);
}

/* What a dry run says of one. */
static void
say_plan(struct sts_deliver *d, const struct sts_report_job *job,
    const struct sts_delivery *to, bool due)
{
	if (to->state == STS_DELIVERY_PENDING && d->now < to->until)
		sts_deliver_say(d, due ? STS_DELIVER_DUE : STS_DELIVER_WAITING,
		    job, to, to->reason);
}

/* Mail first, then what was never tried, so that no collector is in its way. */
static bool
attempt_in_turn(
    struct sts_deliver *d, struct sts_report_job *job, struct sts_delivery *to)
{
	if (is_slow(d, to)) {
		sts_deliver_say(d, STS_DELIVER_WAITING, job, to, to->reason);
		return true;
	}
	if (is_https(to) && d->pass == STS_DELIVER_FIRST_PASS) {
		d->https_left = true;
		return true;
	}
	return attempt(d, job, to);
}

/* A due https: destination, whose turn has come or not. */
static bool
step_https(
    struct sts_deliver *d, struct sts_report_job *job, struct sts_delivery *to)
{
	bool is_new = to->attempts == 0;

	if (to->state != STS_DELIVERY_PENDING || !is_https(to) ||
	    is_new != (d->pass == STS_DELIVER_NEW_HTTPS) ||
	    !(d->now >= to->next || (d->at_once && is_new)))
		return true;
	return attempt_in_turn(d, job, to);
}

/* One destination of a report, in the first pass; false ends the run. */
static bool
step(struct sts_deliver *d, struct sts_report_job *job, struct sts_delivery *to)
{
	bool due = d->now >= to->next || (d->at_once && to->attempts == 0);

	if (d->dry) {
		say_plan(d, job, to, due);
		return true;
	}
	if (to->state == STS_DELIVERY_SENDING) {
		sts_copy_head(to->reason, "interrupted", sizeof(to->reason));
		return end_as(
		    d, job, to, STS_DELIVERY_UNSURE, STS_DELIVER_INTERRUPTED);
	}
	if (to->state != STS_DELIVERY_PENDING)
		return true;
	if (d->now >= to->until) {
		if (to->reason[0] == '\0')
			sts_copy_head(
			    to->reason, "not-tried", sizeof(to->reason));
		return end_as(
		    d, job, to, STS_DELIVERY_FAILED, STS_DELIVER_GIVEN_UP);
	}
	if (due && sts_refused_has(&d->refused, to->uri)) {
		sts_copy_head(to->reason, "refused-before", sizeof(to->reason));
		return end_as(
		    d, job, to, STS_DELIVERY_FAILED, STS_DELIVER_REFUSED);
	}
	if (due)
		return attempt_in_turn(d, job, to);
	sts_deliver_say(d, STS_DELIVER_WAITING, job, to, to->reason);
	return true;
}

/* A damaged file is left alone: what it knew would be sent twice. */
static bool
deliver_domain(void *arg, const char *domain)
{
	struct sts_deliver *d = arg;
	struct sts_report_job job;
	enum sts_status status =
	    sts_reports_read(d->store, d->day, domain, &job);
	bool going_on = true;

	if (status != STS_OK) {
		sts_log(STS_LOG_WARNING, domain, "event=fault reason=%s",
		    sts_status_name(status));
		d->faults++;
		return true;
	}
	for (size_t i = 0; going_on && i < job.count; i++)
		going_on = (d->pass == STS_DELIVER_FIRST_PASS
				   ? step(d, &job, &job.to[i])
				   : step_https(d, &job, &job.to[i])) &&
		    sts_monotonic_ms() < d->end_ms;
	sts_report_job_free(&job);
	return going_on;
}

/* A day that cannot be added up does not stop the reports about another. */
static void
run(struct sts_deliver *d)
{
	int64_t today = d->now / STS_DAY;

	for (int64_t day = today - DAYS_BACK; day < today; day++)
		note(d, sts_deliver_plan(d, day));
	d->https_left = false;
	for (d->pass = STS_DELIVER_FIRST_PASS; d->pass < STS_DELIVER_PASSES &&
	     (d->pass == STS_DELIVER_FIRST_PASS || d->https_left);
	     d->pass++)
		for (d->day = today - DAYS_BACK;
		     d->day < today && sts_monotonic_ms() < d->end_ms; d->day++)
			note(d,
			    sts_reports_walk(
				d->store, d->day, deliver_domain, d));
}

enum sts_status
sts_deliver_run(struct sts_deliver *d)
{
	enum sts_status status;
	int lock = -1;

	memset(d->count, 0, sizeof(d->count));
	d->slow_count = d->slow_https = 0;
	d->slow_https_ms = 0;
	d->faults = 0;
	d->status = STS_OK;
	d->began_ms = sts_monotonic_ms();
	d->end_ms = d->began_ms + STS_DELIVER_RUN_MS;
	if (!d->dry && (status = sts_reports_lock(d->store, &lock)) != STS_OK)
		return status;
	status = sts_refused_read(d->store, d->now, &d->refused);
	if (status == STS_OK && !d->dry) {
		sts_reports_expire(d->store, d->now);
		sts_outcomes_expire(d->store, d->now);
	}
	if (status == STS_OK) {
		run(d);
		status = d->status;
	}
	sts_refused_free(&d->refused);
	if (lock >= 0)
		close(lock);
	return status;
}
