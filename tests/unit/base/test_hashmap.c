/* SPDX-License-Identifier: ISC */
/* Hashes of names that strangers choose. */
#include <stdio.h>

#include "base/hashmap.h"
#include "tests/unit/lib/tap.h"

enum { NAMES = 64 };

static size_t
bucket(uint64_t secret, unsigned number)
{
	char name[32];

	(void)snprintf(name, sizeof(name), "host%u.example", number);
	return (size_t)(sts_hashmap_mix(sts_hashmap_keyed(secret, name)) %
	    STS_MAP_BUCKETS);
}

/* Names that share a bucket under one secret do not under another. */
static void
secret(void)
{
	static bool taken[STS_MAP_BUCKETS];
	unsigned same[NAMES], count = 0, buckets = 0;

	for (unsigned i = 0; count < NAMES; i++) {
		if (bucket(1, i) == 0)
			same[count++] = i;
	}
	for (unsigned i = 0; i < NAMES; i++) {
		size_t at = bucket(2, same[i]);

		buckets += !taken[at];
		taken[at] = true;
	}
	ok(buckets > NAMES * 3 / 4,
	    "%u names of one bucket have %u under another secret", NAMES,
	    buckets);
}

static void
distinct(void)
{
	ok(sts_hashmap_keyed(1, "ab") != sts_hashmap_keyed(1, "ba") &&
		sts_hashmap_keyed(1, "") != sts_hashmap_keyed(2, "") &&
		sts_hashmap_keyed(0, "a") != sts_hashmap_keyed(0, "aa"),
	    "order, secret and length count");
	ok(sts_hashmap_keyed(7, "example") == sts_hashmap_keyed(7, "example"),
	    "the same name has the same hash");
}

int
main(void)
{
	secret();
	distinct();
	return tap_done();
}
