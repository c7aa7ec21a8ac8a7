/* SPDX-License-Identifier: ISC */
/*
 * What can be known of the clock without asking anybody: it is not before this
 * build, and not far behind the newest fetch, whose certificate was valid at
 * that time.  A clock that is ahead is not guessed at.
 */
#include "resolver/lookup.h"

#include <time.h>

enum { CLOCK_SLACK = 86400 }; /* seconds behind the newest `fetched` */

int64_t
sts_now(void)
{
	return (int64_t)time(NULL);
}

enum sts_status
sts_clock_check(struct sts_resolver *resolver, int64_t now, bool *suspect)
{
	enum sts_status status;
	int64_t newest;

	if (now < (int64_t)STS_BUILD_DATE)
		return STS_CLOCK;
	status = sts_store_read_newest(resolver->store, &newest);
	if (status == STS_OK && now < newest - CLOCK_SLACK)
		*suspect = true;
	return sts_status_is_local(status) ? status : STS_OK;
}

int64_t
sts_clock_silence(struct sts_resolver *resolver, int64_t now)
{
	int64_t newest;

	return sts_store_read_newest(resolver->store, &newest) == STS_OK
	    ? now - newest
	    : INT64_MAX;
}
