/* SPDX-License-Identifier: ISC */
/*
 * What can be checked of the clock without a query: it is not before this
 * build, not far behind the newest fetch, whose certificate was valid then, and
 * was not set during a lookup.  A clock that is ahead is not detected.
 */
#include "resolver/lookup.h"

#include <time.h>

#include "base/clock.h"

enum {
	CLOCK_SLACK = 86400, /* seconds behind the newest `fetched` */
	CLOCK_STEP = 60,     /* seconds; certificates have no finer times */
	NEWEST_MS = 1000     /* how long the value read is used again */
};

int64_t
sts_now(void)
{
	return (int64_t)time(NULL);
}

/* A lower bound remains one when it is a second old. */
static enum sts_status
read_newest(struct sts_resolver *resolver, int64_t *newest)
{
	int64_t now_ms = sts_monotonic_ms();
	enum sts_status status = STS_OK;

	if (resolver->newest_ms == 0 ||
	    now_ms - resolver->newest_ms >= NEWEST_MS) {
		status =
		    sts_store_read_newest(resolver->store, &resolver->newest);
		resolver->newest_ms = sts_status_is_local(status) ? 0 : now_ms;
	}
	*newest = resolver->newest;
	return status;
}

enum sts_status
sts_clock_check(struct sts_resolver *resolver, int64_t now, bool *suspect)
{
	enum sts_status status;
	int64_t newest;

	if (now < (int64_t)STS_BUILD_DATE)
		return STS_CLOCK;
	status = read_newest(resolver, &newest);
	if (status == STS_OK && now < newest - CLOCK_SLACK)
		*suspect = true;
	return sts_status_is_local(status) ? status : STS_OK;
}

bool
sts_clock_was_set(const struct sts_lookup *lookup, int64_t now)
{
	int64_t took = (sts_monotonic_ms() - lookup->began_ms) / 1000;
	int64_t step = now - lookup->began - took;

	return step > CLOCK_STEP || step < -CLOCK_STEP;
}

int64_t
sts_clock_silence(struct sts_resolver *resolver, int64_t now)
{
	int64_t newest;

	return sts_store_read_newest(resolver->store, &newest) == STS_OK
	    ? now - newest
	    : INT64_MAX;
}
