/* SPDX-License-Identifier: ISC */
/* `mta-sts enable opensmtpd` and `mta-sts disable opensmtpd`: opensmtpd/enable
 * does the work. */
#include <unistd.h>

#include "opensmtpd/enable/smtpd_switch.h"
#include "tool/tool.h"

static bool
set_up(void *arg, const char *user)
{
	struct sts_tool *tool = arg;

	tool->args.user = user;
	tool->args.group = NULL;
	return sts_tool_setup(tool) == STS_EXIT_OK;
}

static int
run(struct sts_tool *tool,
    enum sts_switched (*what)(const struct sts_smtpd_switch *e))
{
	const struct sts_smtpd_switch e = {.out = tool->out,
	    .err = tool->err,
	    .dry_run = (tool->args.given & STS_OPT_DRY_RUN) != 0,
	    .record = STS_ENABLE_DIR "/opensmtpd",
	    .file = tool->operand_count > 0 ? tool->operand[0] : NULL,
	    .config = &tool->config,
	    .config_file = tool->args.config_file,
	    .now = tool->now,
	    .smtpd = "smtpd",
	    .smtpctl = "smtpctl",
	    .systemctl =
		access("/run/systemd/system", F_OK) == 0 ? "systemctl" : NULL,
	    .setup = set_up,
	    .arg = tool};

	if (geteuid() != 0)
		return sts_tool_outside(tool, "this needs root");
	return (int)what(&e);
}

int
sts_tool_enable_smtpd(struct sts_tool *tool)
{
	return run(tool, sts_smtpd_enable);
}

int
sts_tool_disable_smtpd(struct sts_tool *tool)
{
	return run(tool, sts_smtpd_disable);
}
