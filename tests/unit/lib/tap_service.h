/* SPDX-License-Identifier: ISC */
/*
 * smtpd as a service of the test's: TOP/manager is systemctl, rcctl or service,
 * TOP/smtpctl answers while it runs, and its processes and sockets are files
 * below TOP/proc.  It has a filter and two tables if TOP/etc/smtpd.conf
 * contains "mta-sts:/".  Where it has an action "mta-sts", scheduling empties
 * TOP/queue, unless there is a file TOP/stuck, of ids that end in "7".
 * With TOP/dry it does not start with actions for what waits; and TOP/late is a
 * recipient that it accepts before it is started again.
 */
#ifndef STS_TESTS_TAP_SERVICE_H
#define STS_TESTS_TAP_SERVICE_H

#include <stdbool.h>

/* Makes and starts it, as a service of this name, with no fault. */
void service_make(const char *top, const char *unit);

/*
 * What is wrong with a smtpd.conf that contains "mta-sts:/", from the next
 * restart on; see the script.
 */
void service_fault(const char *top, const char *fault);

/* Writes a program. */
void service_script(const char *path, const char *text);

/* Whether the manager was called with these words, other than to look. */
bool service_was_called(const char *top, const char *words);

#endif
