/* SPDX-License-Identifier: ISC */
/* How many system calls something makes, counted from outside. */
#ifndef STS_TESTS_TAP_CALLS_H
#define STS_TESTS_TAP_CALLS_H

/*
 * Calls each of `count` functions in a child, one after the other, and writes
 * the number of system calls of each into calls[].  0 if they cannot be
 * counted here.
 */
int count_calls(
    void (*const *functions)(void), unsigned count, unsigned *calls);

#endif
