/* SPDX-License-Identifier: ISC */
/*
 * The hourly refresh (RFC 8461 10.2): a timer of systemd, or cron.  Neither is
 * installed here, only enabled.
 */
#include <stdlib.h>
#include <unistd.h>

#include "exim/enable/exim_command.h"
#include "exim/enable/exim_work.h"

#define TIMER "mta-sts-refresh.timer"

static bool
has_cron(void)
{
	return access("/etc/cron.d/mta-sts", F_OK) == 0;
}

static bool
has_systemd(void)
{
	return access("/run/systemd/system", F_OK) == 0;
}

static bool
is_enabled(void)
{
	char path[1];

	return readlink("/etc/systemd/system/timers.target.wants/" TIMER, path,
		   sizeof(path)) > 0;
}

static bool
has_unit(void)
{
	static const char *const dirs[] = {"/etc/systemd/system/",
	    "/usr/local/lib/systemd/system/", "/usr/lib/systemd/system/",
	    "/lib/systemd/system/"};
	char path[128];

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s" TIMER, dirs[i]);
		if (access(path, F_OK) == 0)
			return true;
	}
	return false;
}

bool
sts_refresh_is_missing(const struct sts_work *w)
{
	(void)w;
	return has_systemd() && has_unit() && !is_enabled();
}

/* Without it policies expire while no mail is sent to their domains. */
static void
say_missing(const struct sts_work *w)
{
	(void)fprintf(w->e->out,
	    "still to do, the hourly refresh of the policies: %s\n",
	    has_systemd()
		? "make install-systemd, then systemctl enable --now " TIMER
		: "make install-cron, or a job that runs \"mta-sts cache "
		  "refresh\" each hour");
}

enum sts_enable_result
sts_refresh_enable(const struct sts_work *w)
{
	enum sts_enable_result result = STS_ENABLE_DONE;
	char *said;

	if (!sts_refresh_is_missing(w)) {
		if (!has_cron() && !(has_systemd() && is_enabled()))
			say_missing(w);
		return result;
	}
	sts_work_say(
	    w, "enable the hourly refresh: systemctl enable --now " TIMER);
	if (w->e->dry_run)
		return result;
	if (!STS_COMMAND(&said, "systemctl", "enable", "--now", TIMER))
		result = sts_work_fail(w,
		    "MTA-STS is on, but systemctl enable --now " TIMER
		    " fails: %s",
		    said != NULL ? said : "");
	free(said);
	return result;
}

void
sts_refresh_disable(const struct sts_work *w)
{
	sts_work_say(
	    w, "disable the hourly refresh: systemctl disable --now " TIMER);
	if (!w->e->dry_run)
		(void)STS_COMMAND(NULL, "systemctl", "disable", "--now", TIMER);
}
