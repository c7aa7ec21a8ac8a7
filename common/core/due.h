/* SPDX-License-Identifier: ISC */
/*
 * When work for a domain is due again: the only file that says when a policy
 * is due for its refresh, and how long the pause after a failure is.
 * Times are seconds since 1970, lengths are seconds.
 */
#ifndef STS_CORE_DUE_H
#define STS_CORE_DUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	STS_FETCH_BACKOFF = 300,      /* after one failed fetch of an id, 3.3 */
	STS_FETCH_BACKOFF_MAX = 3000, /* below the hour of the timer */
	STS_DNS_BACKOFF = 60,         /* what a DNS in trouble stands for */
	STS_REFETCH_PAUSE = 600, /* between two fetches that mail asked for */
	STS_UNUSED_LIFE = 180 * 86400, /* of what no mail used; RFC silent */
	STS_UNUSED_AGAIN = 86400,      /* found unused twice, so long apart */
	STS_SILENCE = 86400,     /* seconds without a fetch that succeeded, */
	STS_SILENCE_DOMAINS = 3, /* and so many failures: it is this machine */
	STS_OVERDUE = 7200       /* after which an hourly timer has not run */
};

/*
 * When a policy is due to be fetched again by HTTPS, whatever its record says:
 * fetched + min(refresh_after, half of its life), RFC 8461 3.3 and 10.2.  At
 * least one second before it expires, where its life is two or more.
 */
int64_t sts_due_at(int64_t fetched, int64_t expires, int64_t refresh_after);

/*
 * How long to wait after the `failures`-th failed fetch in a row (1: the
 * first) of a policy that is in force for `left` seconds more: 300 s, doubled
 * up to 3000 s, RFC 8461 3.3.  So a policy whose host comes back is fetched by
 * the next run of the hourly timer.  The wait ends five minutes before the
 * policy does: it must not run out, and mail leave without it, while a host
 * that is back is still waited for.
 */
int64_t sts_due_backoff(int64_t failures, int64_t left);

/*
 * True where no fetch has succeeded for a day, `silence` seconds (INT64_MAX:
 * never), and three domains failed: an operator is to hear of it long before
 * anything expires, RFC 8461 10.2.
 */
bool sts_due_is_silent(int64_t silence, size_t failed);

#endif
