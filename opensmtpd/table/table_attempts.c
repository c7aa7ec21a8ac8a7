/* SPDX-License-Identifier: ISC */
/*
 * One slot for each domain, by its hash; if another domain displaces it, its
 * next failure is overlooked.  This decides no answer: the probe's result, in
 * the routes, does.
 */
#include "opensmtpd/table/table_attempts.h"

#include <string.h>

#include "base/child.h"
#include "base/hashmap.h"

void
sts_attempts_init(
    struct sts_attempts *attempts, const struct sts_config *config)
{
	memset(attempts, 0, sizeof(*attempts));
	sts_delivery_log_init(
	    &attempts->deliveries, config, STS_DELIVERY_LOG_SENT, false);
}

void
sts_attempts_close(struct sts_attempts *attempts)
{
	sts_delivery_log_close(&attempts->deliveries);
}

static struct sts_attempt *
slot_of(struct sts_attempts *a, const char *domain)
{
	return &a->attempt[sts_hashmap_mix(sts_hashmap_hash(domain)) %
	    STS_ATTEMPTS_MAX];
}

/* Counts watched attempts: without any there is nothing to check. */
static void
watch(struct sts_attempts *a, struct sts_attempt *t, bool watched)
{
	if (t->watched != watched)
		a->watched += watched ? 1 : (size_t)-1;
	t->watched = watched;
}

/* Begins an attempt that does not repeat a failed one. */
static void
begin(struct sts_attempts *a, struct sts_attempt *t, const char *domain,
    const char *host, int64_t now)
{
	memcpy(t->domain, domain, strlen(domain) + 1);
	memcpy(t->host, host, strlen(host) + 1);
	t->first_ms = now;
	watch(a, t, true);
}

bool
sts_attempts_note(
    struct sts_attempts *attempts, const char *domain, const char *host)
{
	struct sts_attempt *t = slot_of(attempts, domain);
	int64_t now = sts_delivery_log_now(), age = now - t->first_ms;

	if (strcmp(t->domain, domain) != 0 || strcmp(t->host, host) != 0 ||
	    age < 0 || age > STS_ATTEMPT_LIFE_MS) {
		begin(attempts, t, domain, host, now);
		return false;
	}
	if (age < STS_ATTEMPT_AGAIN_MS)
		return false;
	if (sts_delivery_log_noted(&attempts->deliveries, domain) >=
	    t->first_ms) {
		begin(attempts, t, domain, host, now);
		return false;
	}
	watch(attempts, t, true);
	return true;
}

/* True if a failure at `failed` may have been this attempt's. */
static bool
may_have_failed(
    struct sts_attempts *a, const struct sts_attempt *t, int64_t failed)
{
	return failed >= t->first_ms &&
	    sts_delivery_log_noted(&a->deliveries, t->domain) < t->first_ms;
}

void
sts_attempts_step(
    struct sts_attempts *attempts, sts_attempt_failed *failed, void *arg)
{
	int64_t now = sts_delivery_log_now(), when;

	if (sts_monotonic_ms() < sts_attempts_due_ms(attempts))
		return;
	attempts->looked_ms = sts_monotonic_ms();
	when = sts_delivery_log_failed(&attempts->deliveries);
	for (size_t i = 0; i < STS_ATTEMPTS_MAX; i++) {
		struct sts_attempt *t = &attempts->attempt[i];

		if (!t->watched)
			continue;
		/* Leaves a delivery that works time to be recorded. */
		if (when <= now - STS_ATTEMPT_SETTLE_MS &&
		    may_have_failed(attempts, t, when)) {
			watch(attempts, t, false);
			failed(arg, t->domain, t->host);
		} else if (now - t->first_ms > STS_ATTEMPT_WATCH_MS)
			watch(attempts, t, false);
	}
}

int64_t
sts_attempts_due_ms(const struct sts_attempts *attempts)
{
	return attempts->watched > 0 ? attempts->looked_ms + STS_ATTEMPT_POLL_MS
				     : INT64_MAX;
}
