/* SPDX-License-Identifier: ISC */
/* `mta-sts enable exim` and `disable exim`: exim/enable does the work. */
#include <unistd.h>

#include "base/findings.h"
#include "exim/enable/exim_enable.h"
#include "tool/config_check.h"
#include "tool/tool.h"

static bool
set_up(void *arg, const char *user)
{
	struct sts_tool *tool = arg;

	tool->args.user = user;
	tool->args.group = NULL;
	return sts_tool_setup(tool) == STS_EXIT_OK;
}

/* What would make mail wait, whatever Exim's configuration says. */
static bool
check(void *arg)
{
	struct sts_tool *tool = arg;
	struct sts_findings findings = {.out = tool->out};

	sts_check_as_owner(&findings, &tool->config);
	sts_check_nameservers(&findings, &tool->config, NULL);
	return findings.count[STS_FIND_ERROR] == 0;
}

static struct sts_enable
describe(struct sts_tool *tool)
{
	return (struct sts_enable){.out = tool->out,
	    .err = tool->err,
	    .dry_run = (tool->args.given & STS_OPT_DRY_RUN) != 0,
	    .record = STS_ENABLE_DIR "/exim",
	    .binary = tool->args.exim_binary,
	    .file = tool->operand_count > 0 ? tool->operand[0] : NULL,
	    .domain =
		tool->args.domain != NULL ? tool->args.domain : "gmail.com",
	    .state_dir = tool->config.state_dir,
	    .config_file = tool->args.config_file,
	    .reports = sts_config_reports(&tool->config),
	    .setup = set_up,
	    .check = check,
	    .arg = tool};
}

int
sts_tool_enable_exim(struct sts_tool *tool)
{
	struct sts_enable e = describe(tool);

	if (geteuid() != 0)
		return sts_tool_outside(tool, "enable needs root");
	return (int)sts_exim_enable(&e);
}

int
sts_tool_disable_exim(struct sts_tool *tool)
{
	struct sts_enable e = describe(tool);

	if (geteuid() != 0)
		return sts_tool_outside(tool, "disable needs root");
	return (int)sts_exim_disable(&e);
}
