/* SPDX-License-Identifier: ISC */
/*
 * When work for a domain is due: the only file that decides when a policy is
 * refreshed and how long to wait after a failure.  Times are seconds since
 * 1970, durations seconds.
 */
#ifndef STS_CORE_DUE_H
#define STS_CORE_DUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	STS_FETCH_BACKOFF = 300,      /* after one failed fetch of an id, 3.3 */
	STS_FETCH_BACKOFF_MAX = 3000, /* below the hour of the timer */
	STS_DNS_BACKOFF = 60,         /* after a DNS failure */
	STS_REFETCH_PAUSE = 600, /* between two fetches on behalf of mail */
	STS_UNUSED_LIFE = 180 * 86400, /* of an unused policy; RFC silent */
	STS_UNUSED_AGAIN = 86400,      /* between two checks that say so */
	STS_SILENCE = 86400,           /* seconds without a success, and */
	STS_SILENCE_DOMAINS = 3,       /* so many failures: a local fault */
	STS_OVERDUE = 7200             /* an hourly timer has not run */
};

/*
 * When a policy is due to be fetched again by HTTPS, whatever its record:
 * fetched + min(refresh_after, half of its lifetime), RFC 8461 3.3 and 10.2.
 * At least one second before it expires, if its lifetime is two or more.
 */
int64_t sts_due_at(int64_t fetched, int64_t expires, int64_t refresh_after);

/*
 * How long to wait after the `failures`-th failed fetch in a row (1: the first)
 * of a policy that is in force for `left` more seconds: 300 s, doubled up to
 * 3000 s (RFC 8461 3.3), so that the next run of the hourly timer fetches it.
 * The wait ends five minutes before the policy expires, so that a host that is
 * back in time prevents that.
 */
int64_t sts_due_backoff(int64_t failures, int64_t left);

/*
 * When mail may have an id fetched again of which `failures` fetches in a row
 * have failed and whose refreshes wait until `next`: five minutes after the
 * last failure, or earlier where the policy's end has shortened that wait.
 */
int64_t sts_due_again(int64_t failures, int64_t next);

/*
 * True if no fetch has succeeded for a day, `silence` seconds (INT64_MAX:
 * never), and three domains failed: the operator must learn of it long before a
 * policy expires, RFC 8461 10.2.
 */
bool sts_due_is_silent(int64_t silence, size_t failed);

#endif
