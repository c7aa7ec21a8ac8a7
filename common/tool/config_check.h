/* SPDX-License-Identifier: ISC */
/*
 * `mta-sts config check`, as far as `mta-sts status` does it too.
 */
#ifndef STS_TOOL_CONFIG_CHECK_H
#define STS_TOOL_CONFIG_CHECK_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base/config.h"
#include "base/findings.h"
#include "tool/tool.h"

/*
 * The state directory itself: there, a directory, owner and mode.  *st is
 * filled, and true returned, where it has an owner that one can become.
 */
bool sts_check_state(
    struct sts_findings *findings, const char *dir, struct stat *st);

/*
 * The state directory and what the configuration names, as the owner of the
 * state directory sees them.  For root and for that owner: others would report
 * their own lack of rights.
 */
void sts_check_as_owner(
    struct sts_findings *findings, const struct sts_config *config);

/*
 * The Exim of this machine, or the one that the command line names.
 */
void sts_check_exim(struct sts_tool *tool, struct sts_findings *findings);

/*
 * The smtpd.conf that the command line names.  The exit status so far:
 * STS_EXIT_OK, or STS_EXIT_OUTSIDE where it cannot be read, which is said.
 */
int sts_check_smtpd(struct sts_tool *tool, struct sts_findings *findings);

#endif
