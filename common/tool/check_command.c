/* SPDX-License-Identifier: ISC */
/* `mta-sts check DOMAIN`: what is wrong with what a domain publishes. */
#include "tool/check_command.h"

#include <stdlib.h>

#include "tool/examine_domain.h"
#include "tool/tool.h"

static int
print(struct sts_tool *tool, const struct sts_published *p)
{
	bool clean = false;

	if ((tool->args.given & STS_OPT_JSON) == 0)
		clean = sts_check_print(tool->out, p);
	else if (!sts_check_print_json(tool->out, p, &clean))
		return sts_tool_outside(
		    tool, "%s", sts_status_text(STS_NO_MEMORY));
	return clean ? STS_EXIT_OK : STS_EXIT_NO;
}

int
sts_tool_check(struct sts_tool *tool)
{
	char domain[STS_NAME_MAX + 1];
	struct sts_published *p;
	int code = sts_tool_domain(tool, 0, domain);

	if (code != STS_EXIT_OK)
		return code;
	if ((p = malloc(sizeof(*p))) == NULL)
		return sts_tool_outside(
		    tool, "%s", sts_status_text(STS_NO_MEMORY));
	code = sts_tool_examine(tool, domain, p);
	if (code == STS_EXIT_OK)
		code = print(tool, p);
	sts_published_free(p);
	free(p);
	return code;
}
