/* SPDX-License-Identifier: ISC */
/*
 * What an operator's smtpd.conf lacks for MTA-STS, put in its place: tables,
 * filter, listeners, actions, rules, as docs/opensmtpd.md has them.  What can
 * be placed in more than one way, or not without changing what the file means
 * for other mail, is reported and left alone.
 */
#ifndef STS_OPENSMTPD_ENABLE_SMTPD_PLACE_H
#define STS_OPENSMTPD_ENABLE_SMTPD_PLACE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/config.h"

enum sts_smtpd_placed {
	STS_SMTPD_PLACED,
	STS_SMTPD_COMPLETE,  /* nothing is missing */
	STS_SMTPD_SMARTHOST, /* all remote mail goes to a host of the file's */
	STS_SMTPD_CANNOT,    /* place, reason and fix say why */
	STS_SMTPD_NO_MEMORY
};

/* What the file is to name. */
struct sts_smtpd_wanted {
	const struct sts_config *config; /* of this suite, loaded */
	const char *config_file;         /* as by -f; NULL: the default */
	const char *roots;               /* file of trust roots */
};

struct sts_smtpd_place {
	char *text; /* after STS_SMTPD_PLACED; the caller frees it */
	size_t len;
	/* Without a hold listener: mail of this machine may not leave. */
	bool no_hold;
	char where[1100]; /* "FILE:LINE" or "FILE" */
	char reason[1024];
	char fix[2048]; /* may be "" */
};

/*
 * Places it in the file's bytes, behind which there is a NUL.  `path` is named
 * in messages; files that it includes are read and never changed.
 */
enum sts_smtpd_placed sts_smtpd_place(struct sts_smtpd_place *place,
    const struct sts_smtpd_wanted *wanted, const char *path, const char *bytes,
    size_t len);

/* Names of actions of ours that a file does not have. */
struct sts_smtpd_lost {
	const char *name[2];
	size_t count;
};

/* Of the file at `path`; none if it cannot be read. */
void sts_smtpd_find_lost(struct sts_smtpd_lost *lost, const char *path);

/*
 * Puts actions of the lost names behind the file's bytes, that relay as its own
 * action for all domains does.  False if it has none, or without memory.
 */
bool sts_smtpd_place_lost(struct sts_smtpd_place *place, const char *path,
    const char *bytes, size_t len);

void sts_smtpd_place_free(struct sts_smtpd_place *place);

#endif
