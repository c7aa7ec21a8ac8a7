/* SPDX-License-Identifier: ISC */
/* The parts of `mta-sts config check` that `mta-sts status` uses. */
#ifndef STS_TOOL_CONFIG_CHECK_H
#define STS_TOOL_CONFIG_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "base/config.h"
#include "base/findings.h"
#include "tool/tool.h"

/*
 * Checks the state directory itself: existence, type, owner and mode.  If its
 * owner is a usable one, fills *st and returns true.
 */
bool sts_check_state(
    struct sts_findings *findings, const char *dir, struct stat *st);

/*
 * Checks the state directory and the files in the configuration, as the owner
 * of the state directory.  Only for root and that owner: others would report
 * their own lack of permissions.
 */
void sts_check_as_owner(
    struct sts_findings *findings, const struct sts_config *config);

/* Checks this machine's Exim, or the one on the command line. */
void sts_check_exim(struct sts_tool *tool, struct sts_findings *findings);

/*
 * Checks the smtpd.conf on the command line.  Returns STS_EXIT_OK, or
 * STS_EXIT_OUTSIDE, with a message, if it cannot be read.
 */
int sts_check_smtpd(struct sts_tool *tool, struct sts_findings *findings);

/* Whether the name servers answer: config_nameservers.c. */
struct sts_nameserver_count {
	size_t asked; /* 0: the resolver could not query them */
	size_t answered;
};

/*
 * Has the resolver query each name server, as the owner of the state directory,
 * since a rule of this machine may stop just that user.  A server that does not
 * work is a warning while another one answers, and an error if none does.
 * Takes at most 2 s for each server, and fetches nothing.  Fills *count unless
 * NULL.
 */
void sts_check_nameservers(struct sts_findings *findings,
    const struct sts_config *config, struct sts_nameserver_count *count);

#endif
