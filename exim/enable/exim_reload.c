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
#include <sys/stat.h>
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

/*
 * It writes its number again when it has read the configuration.  False if it
 * has ended, or does not within five seconds.
 */
static bool
await(const struct sts_work *w, pid_t pid, const struct stat *before)
{
	const struct timespec pause = {.tv_nsec = 50 * 1000 * 1000};
	struct stat now;

	for (int round = 0; round < 100; round++) {
		if (kill(pid, 0) != 0)
			return false;
		if (stat(w->pid_file, &now) == 0 &&
		    !sts_is_same_version(before, &now))
			return true;
		(void)nanosleep(&pause, NULL);
	}
	return false;
}

void
sts_work_reload(const struct sts_work *w)
{
	pid_t pid = daemon_pid(w);
	struct stat before;

	if (pid == 0 || stat(w->pid_file, &before) != 0)
		return;
	sts_work_say(
	    w, "have Exim's daemon, process %ld, read it again", (long)pid);
	if (w->e->dry_run)
		return;
	if (kill(pid, SIGHUP) != 0 || !await(w, pid, &before))
		(void)sts_work_fail(w,
		    "process %ld does not: see Exim's log, and restart its "
		    "daemon",
		    (long)pid);
}
