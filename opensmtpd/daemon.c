/* SPDX-License-Identifier: ISC */
/*
 * smtpd starts both programs, with any signals and descriptors, and exits when
 * one of them exits.  So only the end of their input may end them: Ctrl-C at
 * `smtpd -d` and the stop of a service reach them too, and smtpd must exit
 * first.
 */
#include "opensmtpd/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/child.h"
#include "base/clock.h"
#include "base/log.h"

/* Not a terminal or a file, which other processes may use. */
static void
unblock(int fd)
{
	int flags = fcntl(fd, F_GETFL);
	struct stat st;

	if (flags >= 0 && fstat(fd, &st) == 0 &&
	    (S_ISSOCK(st.st_mode) || S_ISFIFO(st.st_mode)))
		(void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

void
sts_daemon_begin(const char *program, bool own_stderr)
{
	static const int ignored[] = {SIGPIPE, SIGHUP, SIGINT, SIGQUIT, SIGTERM,
	    SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGXCPU, SIGXFSZ};

	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		(void)signal(ignored[i], SIG_IGN);
	/* Children are waited for, whatever was inherited. */
	(void)signal(SIGCHLD, SIG_DFL);
	unblock(STDIN_FILENO);
	/* A log that smtpd does not read must not stop the mail. */
	if (own_stderr)
		unblock(STDERR_FILENO);
	sts_log_open(program, STS_LOG_STDERR, STS_LOG_INFO);
#ifdef __OpenBSD__
	/* "unix" for a collector of sessions (store/outcome_socket.h). */
	if (pledge("stdio rpath wpath cpath unix proc exec id route", NULL) !=
	    0)
		sts_log(STS_LOG_WARNING, NULL, "event=pledge error=%d", errno);
#endif
}

bool
sts_daemon_is_option(const char *argument, const char *usage)
{
	if (strcmp(argument, "--version") == 0) {
		printf("%s\n", STS_VERSION);
		return true;
	}
	if (strcmp(argument, "--help") == 0) {
		printf("usage: %s\nStarted by smtpd(8).\n", usage);
		return true;
	}
	return false;
}

void
sts_daemon_poll(struct pollfd *fds, size_t count, int64_t due_ms)
{
	int timeout = due_ms == INT64_MAX ? -1 : sts_ms_until(due_ms, INT_MAX);

	if (poll(fds, (nfds_t)count, timeout) >= 0)
		return;
	for (size_t i = 0; i < count; i++)
		fds[i].revents = 0;
	/* Probably out of memory: do not spin. */
	if (errno != EINTR)
		(void)poll(NULL, 0, 100);
}

bool
sts_daemon_may_read_again(int error)
{
	return error == EINTR || error == EAGAIN || error == EWOULDBLOCK ||
	    error == ENOMEM || error == ENOBUFS;
}
