/* SPDX-License-Identifier: ISC */
#ifndef STS_TOOL_EXAMINE_DOMAIN_H
#define STS_TOOL_EXAMINE_DOMAIN_H

#include "publish/published.h"
#include "tool/tool.h"

/*
 * Has the resolver examine what a normalised domain publishes, which takes up
 * to four minutes, and reads the facts into *p, with the policy of our own
 * store where this user can read it; shows on a terminal how far it is. Becomes
 * the owner of the state directory for good, as root.  STS_EXIT_OK; or
 * STS_EXIT_OUTSIDE with a message, when *p may lack facts.  The caller calls
 * sts_published_free in either case.
 */
int sts_tool_examine(
    struct sts_tool *tool, const char *domain, struct sts_published *p);

/*
 * The same without our own store, for a caller that writes as root later: only
 * the resolver runs as the owner of the state directory.
 */
int sts_tool_examine_only(
    struct sts_tool *tool, const char *domain, struct sts_published *p);

#endif
