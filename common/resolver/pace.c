/* SPDX-License-Identifier: ISC */
#include "resolver/pace.h"

#include <stddef.h>

/* The address's slot, or the one whose last request was longest ago. */
static size_t
find_slot(const struct sts_pace *pace, const struct sts_address *address)
{
	size_t oldest = 0;

	for (size_t i = 0; i < STS_PACE_ADDRESSES; i++) {
		if (pace->slot[i].next_ms != 0 &&
		    sts_address_is_same(&pace->slot[i].address, address))
			return i;
		if (pace->slot[i].next_ms < pace->slot[oldest].next_ms)
			oldest = i;
	}
	return oldest;
}

int64_t
sts_pace_reserve(
    struct sts_pace *pace, const struct sts_address *address, int64_t now_ms)
{
	size_t i = find_slot(pace, address);
	int64_t at_ms = now_ms;

	if (pace->slot[i].next_ms > now_ms &&
	    sts_address_is_same(&pace->slot[i].address, address))
		at_ms = pace->slot[i].next_ms;
	if (at_ms - now_ms > STS_PACE_WAIT_MAX)
		return -1;
	pace->slot[i].address = *address;
	pace->slot[i].next_ms = at_ms + STS_PACE_MS;
	return at_ms - now_ms;
}
