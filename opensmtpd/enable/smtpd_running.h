/* SPDX-License-Identifier: ISC */
/*
 * What runs of smtpd: its filters and tables of this suite, and the ports that
 * it listens on, as Linux shows them in /proc.
 */
#ifndef STS_OPENSMTPD_ENABLE_SMTPD_RUNNING_H
#define STS_OPENSMTPD_ENABLE_SMTPD_RUNNING_H

#include <stdbool.h>
#include <stddef.h>

#include "base/listening.h"

enum { STS_RUNNING_PIDS_MAX = 64 /* more are left out */ };

struct sts_running_pids {
	long pid[STS_RUNNING_PIDS_MAX];
	size_t count;
};

struct sts_smtpd_running {
	bool known; /* this system shows its processes there */
	struct sts_running_pids smtpd, filter, table;
	struct sts_ports ports;
};

/* Looks below `proc`, NULL: /proc; at processes of this pid namespace. */
void sts_smtpd_look(struct sts_smtpd_running *r, const char *proc);

/* How many are in `now`, but not in `before`. */
size_t sts_running_new(
    const struct sts_running_pids *now, const struct sts_running_pids *before);

#endif
