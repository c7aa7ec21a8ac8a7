/* SPDX-License-Identifier: ISC */
#include "tests/unit/lib/tap_mutate.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static uint64_t state = 1;

void
mutate_seed(unsigned seed)
{
	state = seed * UINT64_C(2654435761) + 1;
}

unsigned
mutate_random(unsigned bound)
{
	state = state * UINT64_C(6364136223846793005) +
	    UINT64_C(1442695040888963407);
	return (unsigned)(state >> 33) % bound;
}

/* Makes room for `n` bytes at `at`; returns how many there was room for. */
static size_t
open_gap(char *buf, size_t *len, size_t size, size_t at, size_t n)
{
	if (n > size - *len)
		n = size - *len;
	memmove(buf + at + n, buf + at, *len - at);
	*len += n;
	return n;
}

static void
repeat(char *buf, size_t *len, size_t size, size_t at)
{
	size_t n = 1 + mutate_random(40), times = 1 + mutate_random(4);

	if (mutate_random(50) == 0)
		times = 1000;
	if (n > *len - at)
		n = *len - at;
	for (; times > 0; times--) {
		char piece[64];

		memcpy(piece, buf + at, n);
		memcpy(buf + at, piece,
		    open_gap(buf, len, size, at, n) == n ? n : 0);
	}
}

static void
mutate_once(char *buf, size_t *len, size_t size)
{
	static const char special[] = "|\n\0\r .@-_0a\xff\xc3:/[]";
	size_t at = mutate_random((unsigned)*len);
	char byte = mutate_random(2) == 0
	    ? special[mutate_random(sizeof(special))]
	    : (char)mutate_random(256);

	switch (mutate_random(6)) {
	case 0:
	case 1:
		buf[at] = byte;
		break;
	case 2:
		memmove(buf + at, buf + at + 1, *len - at - 1);
		--*len;
		break;
	case 3:
		if (open_gap(buf, len, size, at, 1) == 1)
			buf[at] = byte;
		break;
	case 4:
		repeat(buf, len, size, at);
		break;
	default:
		if (mutate_random(4) == 0)
			*len = at;
		else
			buf[at] = (char)(buf[at] ^ (1 << mutate_random(8)));
		break;
	}
}

size_t
mutate(char *buf, size_t len, size_t size)
{
	for (unsigned n = 1 + mutate_random(4); n > 0 && len > 1; n--)
		mutate_once(buf, &len, size);
	return len;
}

unsigned long
mutate_count(unsigned long otherwise)
{
	const char *wanted = getenv("SMTPD_FUZZ");

	return wanted != NULL ? strtoul(wanted, NULL, 10) : otherwise;
}
