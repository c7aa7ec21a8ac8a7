/* SPDX-License-Identifier: ISC */
/*
 * Limits background refreshes to two requests a second at one address: a policy
 * host may serve many domains, and a refresh of all of them must not look like
 * an attack.
 */
#ifndef STS_RESOLVER_PACE_H
#define STS_RESOLVER_PACE_H

#include <stdint.h>

#include "dns/address.h"

enum {
	STS_PACE_ADDRESSES = 64, /* that are recorded */
	STS_PACE_MS = 500,       /* between two requests to an address */
	STS_PACE_WAIT_MAX = 8000 /* milliseconds; longest wait */
};

struct sts_pace {
	struct {
		struct sts_address address;
		int64_t next_ms; /* monotonic; 0: not used */
	} slot[STS_PACE_ADDRESSES];
};

/*
 * Reserves the next request to an address: returns the milliseconds to wait
 * from `now_ms`, 0 for none, or -1, without a reservation, if they exceed
 * STS_PACE_WAIT_MAX.
 */
int64_t sts_pace_reserve(
    struct sts_pace *pace, const struct sts_address *address, int64_t now_ms);

#endif
