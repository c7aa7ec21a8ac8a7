/* SPDX-License-Identifier: ISC */
/* smtpd as a service: how it is restarted, and whether it then runs and stays.
 */
#ifndef STS_OPENSMTPD_ENABLE_SMTPD_SERVICE_H
#define STS_OPENSMTPD_ENABLE_SMTPD_SERVICE_H

#include <stdbool.h>
#include <stddef.h>

#include "opensmtpd/enable/smtpd_running.h"
#include "opensmtpd/enable/smtpd_switch.h"

enum sts_smtpd_serves {
	STS_SERVES,     /* it was restarted, is up, and stays */
	STS_SERVES_NOT, /* it is not, `why` says what is missing */
	STS_SERVES_OFF, /* it did not run, and was not started */
	STS_SERVES_ELSE /* it is no service here: the operator restarts it */
};

struct sts_smtpd_service {
	const struct sts_smtpd_switch *e;
	const char *name; /* of the service; NULL: none runs */
	bool alive;       /* smtpctl was answered */
	bool active;      /* when it was last looked at */
	struct sts_smtpd_running before;
	char why[256];
};

/* Finds the service, and what runs of it now. */
void sts_service_find(
    struct sts_smtpd_service *s, const struct sts_smtpd_switch *e);

/* The command that restarts it, or starts it, for the operator. */
void sts_service_command(const struct sts_smtpd_service *s, const char *what,
    char *buf, size_t size);

/*
 * Seconds since smtpd was started, by this smtpctl; 0 if it does not say, -1:
 * no answer.
 */
long sts_service_uptime(const char *smtpctl);

/* Whether an smtpd that was asked just now was started with the file as it is;
 * in case of doubt, within a second, true. */
bool sts_service_has_read(const char *file, long uptime);

/*
 * Restarts what sts_service_find found, and waits until it runs, listens on
 * each port that it had then, has its filter (with `filter`) and so many
 * tables, and has stayed like that for a while.
 */
enum sts_smtpd_serves sts_service_restart(
    struct sts_smtpd_service *s, bool filter, size_t tables);

#endif
