/* SPDX-License-Identifier: ISC */
/*
 * `mta-sts enable opensmtpd` and `mta-sts disable opensmtpd`: each step of the
 * guide, said, and nothing switched over that has not passed its check.
 */
#ifndef STS_OPENSMTPD_ENABLE_SMTPD_SWITCH_H
#define STS_OPENSMTPD_ENABLE_SMTPD_SWITCH_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/config.h"

/* Also the exit status of the command. */
enum sts_switched {
	STS_SWITCHED = 0,
	STS_SWITCHED_NOT = 1,    /* nothing was changed; why is said */
	STS_SWITCHED_OUTSIDE = 3 /* the system refused something */
};

/* What starts and stops services here. */
enum sts_managed {
	STS_MANAGED_NOT,     /* nothing that this command knows */
	STS_MANAGED_SYSTEMD, /* systemctl VERB NAME */
	STS_MANAGED_RCCTL,   /* OpenBSD: rcctl VERB NAME */
	STS_MANAGED_SERVICE  /* service NAME VERB; OpenRC: rc-service */
};

struct sts_smtpd_switch {
	FILE *out;          /* what is done */
	FILE *err;          /* why something is not */
	bool dry_run;       /* show all, change nothing */
	const char *record; /* directory for the record, common/change */
	const char *file;   /* smtpd.conf; NULL: in the usual places */
	const struct sts_config *config; /* of this suite, loaded */
	const char *config_file;         /* as by -f; NULL: default */
	int64_t now;                     /* seconds since 1970 */
	/* Programs by name or path; manager is NULL with STS_MANAGED_NOT. */
	const char *smtpd, *smtpctl, *manager;
	enum sts_managed managed;
	/*
	 * For tests: how long smtpd may take to come up, must stay up then, and
	 * may take to send what waits, in milliseconds; where its processes and
	 * its queue are seen.  0, NULL: as usual.
	 */
	unsigned wait_ms, stays_ms, drain_ms;
	const char *proc, *queue;
	/* As whom smtpd runs filters; NULL: by the usual names. */
	const char *user;
	/*
	 * `mta-sts setup --user USER`; false, with a message, if it fails.  Not
	 * called with dry_run.
	 */
	bool (*setup)(void *arg, const char *user);
	void *arg;
};

/* Both need root. */
enum sts_switched sts_smtpd_enable(const struct sts_smtpd_switch *e);
enum sts_switched sts_smtpd_disable(const struct sts_smtpd_switch *e);

#endif
