/* SPDX-License-Identifier: ISC */
/*
 * Each new process of Exim reads the configuration; the daemon, which verifies
 * recipients for clients and starts queue runs, does so at SIGHUP.  A daemon
 * that does not run is not started.
 */
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include "base/readfile.h"
#include "exim/enable/exim_work.h"

/* The process in the file, if it is this Exim: the number may be another's now.
 */
static pid_t
daemon_pid(const struct sts_work *w)
{
	char exe[64], is[PATH_MAX], ours[PATH_MAX], *text, *end;
	size_t len;
	long pid;
	ssize_t n;

	if (w->pid_file[0] == '\0' ||
	    sts_readfile(w->pid_file, true, 64, &text, &len) != STS_OK)
		return 0;
	pid = strtol(text, &end, 10);
	if (end == text)
		pid = 0;
	free(text);
	if (pid <= 1 || pid > INT_MAX || realpath(w->binary, ours) == NULL)
		return 0;
	(void)snprintf(exe, sizeof(exe), "/proc/%ld/exe", pid);
	n = readlink(exe, is, sizeof(is) - 1);
	if (n > 0)
		is[n] = '\0';
	return n > 0 && strcmp(is, ours) == 0 ? (pid_t)pid : 0;
}

/* It starts itself anew, with the same number; false if it has ended. */
static bool
hang_up(pid_t pid)
{
	const struct timespec pause = {.tv_nsec = 500L * 1000 * 1000};

	if (kill(pid, SIGHUP) != 0)
		return false;
	(void)nanosleep(&pause, NULL);
	return kill(pid, 0) == 0;
}

void
sts_work_reload(const struct sts_work *w)
{
	pid_t pid = daemon_pid(w);

	if (pid == 0)
		return;
	sts_work_say(
	    w, "have Exim's daemon, process %ld, read it again", (long)pid);
	if (!w->e->dry_run && !hang_up(pid))
		(void)sts_work_fail(w,
		    "process %ld has ended: see Exim's log, and start its "
		    "daemon",
		    (long)pid);
}
