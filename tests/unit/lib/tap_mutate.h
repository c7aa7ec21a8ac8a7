/* SPDX-License-Identifier: ISC */
/*
 * Input that is nearly what it should be, the same for the same seed.
 */
#ifndef STS_TESTS_TAP_MUTATE_H
#define STS_TESTS_TAP_MUTATE_H

#include <stddef.h>

/* A number below `bound`. */
unsigned mutate_random(unsigned bound);
void mutate_seed(unsigned seed);

/*
 * Changes buf[0..len) in one to four places: bytes set, taken out, doubled,
 * put in, a piece repeated up to thousands of times, the end cut off.  Returns
 * the new length, at most `size`.  Line feeds may come and go.
 */
size_t mutate(char *buf, size_t len, size_t size);

/* How many inputs a test is to try: $SMTPD_FUZZ or `otherwise`. */
unsigned long mutate_count(unsigned long otherwise);

#endif
