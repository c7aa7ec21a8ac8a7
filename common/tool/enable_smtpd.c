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

/* What starts services here. */
static void
find_manager(struct sts_smtpd_switch *e)
{
	static const struct {
		const char *sign, *program;
		enum sts_managed managed;
	} all[] = {
	    {"/run/systemd/system", "systemctl", STS_MANAGED_SYSTEMD},
	    {"/usr/sbin/rcctl", "rcctl", STS_MANAGED_RCCTL},
	    {"/run/openrc", "rc-service", STS_MANAGED_SERVICE},
	    {"/usr/sbin/service", "service", STS_MANAGED_SERVICE},
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (access(all[i].sign, F_OK) != 0)
			continue;
		e->manager = all[i].program;
		e->managed = all[i].managed;
		return;
	}
}

static int
run(struct sts_tool *tool,
    enum sts_switched (*what)(const struct sts_smtpd_switch *e))
{
	struct sts_smtpd_switch e = {.out = tool->out,
	    .err = tool->err,
	    .dry_run = (tool->args.given & STS_OPT_DRY_RUN) != 0,
	    .record = STS_ENABLE_DIR "/opensmtpd",
	    .file = tool->operand_count > 0 ? tool->operand[0] : NULL,
	    .config = &tool->config,
	    .config_file = tool->args.config_file,
	    .now = tool->now,
	    .smtpd = "smtpd",
	    .smtpctl = "smtpctl",
	    .setup = set_up,
	    .arg = tool};

	if (geteuid() != 0)
		return sts_tool_outside(tool, "this needs root");
	find_manager(&e);
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
