/* SPDX-License-Identifier: ISC */
#include "core/due.h"

#include "base/minmax.h"

int64_t
sts_due_at(int64_t fetched, int64_t expires, int64_t refresh_after)
{
	int64_t half = (expires - fetched) / 2;

	return fetched + sts_min(half, refresh_after);
}

int64_t
sts_due_backoff(int64_t failures, int64_t left)
{
	int64_t wait = STS_FETCH_BACKOFF;

	while (failures-- > 1 && wait < STS_FETCH_BACKOFF_MAX)
		wait *= 2;
	wait = sts_min(wait, STS_FETCH_BACKOFF_MAX);
	wait = sts_min(wait, left - STS_FETCH_BACKOFF);
	return sts_max(wait, STS_FETCH_BACKOFF);
}

int64_t
sts_due_again(int64_t failures, int64_t next)
{
	return next - sts_due_backoff(failures, INT64_MAX) + STS_FETCH_BACKOFF;
}

bool
sts_due_is_silent(int64_t silence, size_t failed)
{
	return silence >= STS_SILENCE && failed >= STS_SILENCE_DOMAINS;
}
