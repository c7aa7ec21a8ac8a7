/* SPDX-License-Identifier: ISC */
/* Operands that name a domain. */
#include "core/domain.h"
#include "tool/tool.h"

#include <string.h>

const char *
sts_tool_domain_part(const struct sts_tool *tool, size_t index)
{
	const char *at = strrchr(tool->operand[index], '@');

	return at != NULL ? at + 1 : tool->operand[index];
}

int
sts_tool_no_domain(struct sts_tool *tool, size_t index, enum sts_status why)
{
	(void)sts_tool_outside(tool, "\"%s\": %s", tool->operand[index],
	    why == STS_BAD_DOMAIN ? "is neither a domain nor a mail address"
				  : sts_status_text(why));
	return why == STS_NO_MEMORY ? STS_EXIT_OUTSIDE : STS_EXIT_USAGE;
}

int
sts_tool_domain(
    struct sts_tool *tool, size_t index, char domain[STS_NAME_MAX + 1])
{
	enum sts_status status =
	    sts_domain_normalise(sts_tool_domain_part(tool, index), domain);

	return status == STS_OK ? STS_EXIT_OK
				: sts_tool_no_domain(tool, index, status);
}
