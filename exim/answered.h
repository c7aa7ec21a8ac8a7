/* SPDX-License-Identifier: ISC */
/*
 * Internal to exim: what mta_sts_query has answered in this process, or in one
 * that has forked it, for the sessions that follow.
 *
 * Exim routes in the delivery process and forks one for the transport, so the
 * policy of RFC 8460 4.4, the one that was applied, is still in memory, and a
 * session need not read it again.  Only outcomes are made with it: no answer
 * is.
 */
#ifndef STS_EXIM_ANSWERED_H
#define STS_EXIM_ANSWERED_H

#include <stdint.h>

#include "base/config.h"
#include "client/ask.h"

/* Domains, the last ones; with their policies at most 4.5 MiB. */
enum { STS_ANSWERED_MAX = 64 };

struct sts_answered {
	/* With state_dir, tlsrpt_socket and log_level, and no more. */
	struct sts_config config;
	struct sts_answer answer; /* its override is NULL */
	int64_t when;             /* seconds since 1970 */
};

/*
 * Notes the answer for a domain that wants reports, in place of an earlier one,
 * and takes over answer->entry.  `file` is the configuration's, as Exim names
 * it, NULL for the default.  Without memory nothing is noted.
 */
void sts_answered_note(const char *file, const struct sts_config *config,
    struct sts_answer *answer);

/* The domain wants no reports. */
void sts_answered_forget(const char *file, const char *domain);

/* The last answer for a normalised domain; NULL: none is noted. */
const struct sts_answered *sts_answered_find(
    const char *file, const char *domain);

#endif
