/* SPDX-License-Identifier: ISC */
/* Requests to an address: two a second, and not waited for too long. */
#include <arpa/inet.h>
#include <string.h>

#include "resolver/pace.h"
#include "tests/unit/lib/tap.h"

static struct sts_address
v4(uint32_t number)
{
	struct sts_address a;

	memset(&a, 0, sizeof(a));
	a.u.v4.sin_family = AF_INET;
	a.u.v4.sin_addr.s_addr = htonl(number);
	return a;
}

static struct sts_address
v6(unsigned char last)
{
	struct sts_address a;

	memset(&a, 0, sizeof(a));
	a.u.v6.sin6_family = AF_INET6;
	a.u.v6.sin6_addr.s6_addr[15] = last;
	return a;
}

int
main(void)
{
	static struct sts_pace pace;
	struct sts_address a = v4(1), b = v4(2), c = v6(1), d = v6(2);
	int64_t now = 100000, waited = 0;
	int reserved = 0;

	is_int(sts_pace_reserve(&pace, &a, now), 0, "the first at once");
	is_int(sts_pace_reserve(&pace, &b, now), 0, "another address too");
	is_int(sts_pace_reserve(&pace, &c, now), 0, "an IPv6 address");
	is_int(sts_pace_reserve(&pace, &d, now), 0, "and another");
	is_int(sts_pace_reserve(&pace, &a, now), 500, "the second 0.5 s later");
	is_int(
	    sts_pace_reserve(&pace, &a, now + 100), 900, "the third after it");
	is_int(
	    sts_pace_reserve(&pace, &a, now + 1499), 1, "nearly the fourth's");
	is_int(sts_pace_reserve(&pace, &a, now + 5000), 0,
	    "after a pause at once");
	while ((waited = sts_pace_reserve(&pace, &b, now)) >= 0)
		reserved++;
	is_int(reserved, 16, "eight seconds are waited for and no more");
	is_int(sts_pace_reserve(&pace, &b, now), -1, "which reserves nothing");
	is_int(sts_pace_reserve(&pace, &b, now + 500), 8000,
	    "so that the next one moves up");
	for (uint32_t i = 0; i < 1000; i++) {
		struct sts_address other = v4(1000 + i);

		(void)sts_pace_reserve(&pace, &other, now);
	}
	ok(sts_pace_reserve(&pace, &b, now) == -1,
	    "the address that most wait for is not forgotten for others");
	return tap_done();
}
