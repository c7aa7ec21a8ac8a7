/* SPDX-License-Identifier: ISC */
/*
 * `mta-sts match`: one pattern, one host, RFC 8461 4.1, by the same function as
 * in a delivery; but an ill-formed name is distinguished from a mismatch.
 */
#include "core/domain.h"
#include "core/policy.h"
#include "tool/tool.h"

int
sts_tool_match(struct sts_tool *tool)
{
	const char *pattern = tool->operand[0];
	char host[STS_NAME_MAX + 1];
	enum sts_status status = sts_pattern_check(pattern);
	bool matches;

	if (status != STS_OK) {
		(void)sts_tool_outside(
		    tool, "%s: %s", pattern, sts_status_text(status));
		return STS_EXIT_NO;
	}
	/* A host, so a mail address is not accepted. */
	status = sts_domain_normalise(tool->operand[1], host);
	if (status != STS_OK) {
		(void)sts_tool_outside(
		    tool, "%s: %s", tool->operand[1], sts_status_text(status));
		return STS_EXIT_NO;
	}
	matches = sts_mx_match(pattern, tool->operand[1]);
	(void)fputs(matches ? "match\n" : "no match\n", tool->out);
	return matches ? STS_EXIT_OK : STS_EXIT_NO;
}
