/* SPDX-License-Identifier: ISC */
/*
 * A pace for background refreshes: many domains may have one policy host, and
 * a refresh of all of them must not look like an attack.  At most two
 * requests a second go to one address.
 */
#ifndef STS_RESOLVER_PACE_H
#define STS_RESOLVER_PACE_H

#include <stdint.h>

#include "dns/address.h"

enum {
	STS_PACE_ADDRESSES = 64, /* that are remembered */
	STS_PACE_MS = 500,       /* between two requests to one */
	STS_PACE_WAIT_MAX = 8000 /* milliseconds that are waited for a turn */
};

struct sts_pace {
	struct {
		struct sts_address address;
		int64_t next_ms; /* monotonic; 0: not used */
	} slot[STS_PACE_ADDRESSES];
};

/*
 * Takes the next turn at an address: how many milliseconds from `now_ms` it is
 * to be waited for, 0 for none; -1, and no turn is taken, where that is longer
 * than STS_PACE_WAIT_MAX.
 */
int64_t sts_pace_take(
    struct sts_pace *pace, const struct sts_address *address, int64_t now_ms);

#endif
