/* SPDX-License-Identifier: ISC */
/*
 * `mta-sts enable exim` and `mta-sts disable exim`: all that the guide asks for
 * by hand, each step said, nothing switched over that has not passed its check.
 */
#ifndef STS_EXIM_ENABLE_EXIM_ENABLE_H
#define STS_EXIM_ENABLE_EXIM_ENABLE_H

#include <stdbool.h>
#include <stdio.h>

/* Also the exit status of the command. */
enum sts_enable_result {
	STS_ENABLE_DONE = 0,
	STS_ENABLE_NOT = 1, /* not switched; the reason and the fix are said */
	STS_ENABLE_OUTSIDE = 3 /* the system refused something */
};

struct sts_enable {
	FILE *out;          /* what is done */
	FILE *err;          /* why something is not */
	bool dry_run;       /* show all, change nothing */
	const char *record; /* directory for the record, common/change */
	const char *binary; /* Exim; NULL: found in the usual places */
	const char *file;   /* its configuration; NULL: what it reads */
	const char *domain; /* mail for it is routed in the trial */
	const char *state_dir;
	const char *config_file; /* of this suite, as by -f; NULL: default */
	bool reports;            /* TLS reports are on */
	/*
	 * `mta-sts setup --user USER`; false, with a message, if it fails.  Not
	 * called with dry_run.
	 */
	bool (*setup)(void *arg, const char *user);
	/*
	 * `mta-sts config check`, without Exim's part, once there is a state
	 * directory; false if it has printed an error.
	 */
	bool (*check)(void *arg);
	void *arg;
};

/* Both need root. */
enum sts_enable_result sts_exim_enable(const struct sts_enable *e);
enum sts_enable_result sts_exim_disable(const struct sts_enable *e);

#endif
