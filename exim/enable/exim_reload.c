/* SPDX-License-Identifier: ISC */
/*
 * Each new process of Exim reads the configuration; the daemon, which verifies
 * recipients for clients and starts queue runs, does so at SIGHUP.  A daemon
 * that does not run is not started.
 */
#include <stdio.h>

#include "exim/enable/exim_daemon.h"
#include "exim/enable/exim_work.h"

/* What it was before a first failure is what it has to be again. */
static bool
find(struct sts_work *w)
{
	if (!w->daemon_failed)
		sts_daemon_find(&w->daemon, w->binary, w->pid_file);
	return w->daemon.pid != 0;
}

enum sts_enable_result
sts_work_reload(struct sts_work *w)
{
	if (!find(w)) {
		/* One that is process 1 of a container is left alone, too. */
		(void)fprintf(w->e->out,
		    "note: no daemon of Exim was found by its file, \"%s\"; if "
		    "one runs, restart it\n",
		    w->pid_file);
		return STS_ENABLE_DONE;
	}
	sts_work_say(w, "have Exim's daemon, process %ld, read it again",
	    (long)w->daemon.pid);
	if (w->e->dry_run || sts_daemon_hang_up(&w->daemon))
		return STS_ENABLE_DONE;
	w->daemon_failed = true;
	return sts_work_refuse(
	    w, "see Exim's log, mainlog or paniclog", "%s", w->daemon.why);
}

enum sts_enable_result
sts_work_serve(struct sts_work *w)
{
	char command[STS_DAEMON_COMMAND_BYTES];

	if (!w->daemon_failed && sts_work_reload(w) == STS_ENABLE_DONE)
		return STS_ENABLE_DONE;
	(void)sts_daemon_command(&w->daemon, command);
	sts_work_say(w, "start Exim's daemon again: %s", command);
	if (sts_daemon_start(&w->daemon)) {
		w->daemon_failed = false;
		return STS_ENABLE_DONE;
	}
	return sts_work_fail(w, "%s: no mail comes in until it is started: %s",
	    w->daemon.why, command);
}
