/* SPDX-License-Identifier: ISC */
/* Outcomes that a program has recorded in a world of tap_smtpd.h. */
#ifndef STS_TESTS_TAP_OUTCOME_H
#define STS_TESTS_TAP_OUTCOME_H

#include "tests/unit/lib/tap_world.h"

/* Gives a domain that the store knows a _smtp._tls record. */
void want_reports(const struct world *w, const char *domain);

/*
 * The only outcome of a domain as "TYPE RESULT REASON MX ADDRESS ADDITIONAL",
 * without what is empty; "" for none, "twice" for more.  Says so if it is not
 * of the last minute, or not from 192.0.2.25.
 */
const char *outcome_of(const struct world *w, const char *domain);

/* How many there are. */
int outcomes_of(const struct world *w, const char *domain);

#endif
