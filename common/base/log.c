/* SPDX-License-Identifier: ISC */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <paths.h>
#include <sys/socket.h>
#include <sys/un.h>
#endif

#include "base/escape.h"

enum { LINE_MAX_BYTES = 1000 };

static struct {
	const char *program;
	enum sts_log_sink sink;
	enum sts_log_level threshold;
	int syslog_fd;
} logger = {"mta-sts", STS_LOG_NOWHERE, STS_LOG_INFO, -1};

void
sts_log_open(
    const char *program, enum sts_log_sink sink, enum sts_log_level threshold)
{
	logger.program = program;
	logger.sink = sink;
	logger.threshold = threshold;
	if (sink == STS_LOG_SYSLOG)
		openlog(program, LOG_PID, LOG_MAIL);
}

/* Appends `from` to the line in `to`, escaping what is not plain text. */
static void
append_escaped(char *to, size_t size, const char *from)
{
	size_t used = strlen(to);

	if (used + 5 <= size)
		(void)sts_escape_into(
		    to + used, size - used, from, strlen(from));
}

/* One write, so that lines of several processes do not mix. */
static void
write_stderr(enum sts_log_level level, const char *line)
{
	static const char *const words[] = {
	    [STS_LOG_ERROR] = "error: ",
	    [STS_LOG_WARNING] = "warning: ",
	    [STS_LOG_INFO] = "",
	    [STS_LOG_DEBUG] = "",
	};
	char out[LINE_MAX_BYTES + 100];
	int len = snprintf(
	    out, sizeof(out), "%s: %s%s\n", logger.program, words[level], line);

	if (len > 0 && write(STDERR_FILENO, out, (size_t)len) < 0)
		return;
}

#ifdef __linux__
/*
 * Sends a line without blocking; false: the caller falls back to syslog(3).  On
 * Linux syslog(3) blocks while the daemon does not read, which would block a
 * lookup.  A line that does not fit into the daemon's queue is lost.
 */
static bool
send_syslog(int priority, const char *line)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX, .sun_path = _PATH_LOG};
	char out[LINE_MAX_BYTES + 100], when[32];
	time_t now = time(NULL);
	struct tm tm;
	int len;

	if (logger.syslog_fd < 0)
		logger.syslog_fd =
		    socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (localtime_r(&now, &tm) == NULL ||
	    strftime(when, sizeof(when), "%b %e %H:%M:%S", &tm) == 0)
		return false;
	len = snprintf(out, sizeof(out), "<%d>%s %s[%ld]: %s",
	    LOG_MAIL | priority, when, logger.program, (long)getpid(), line);
	if (len < 0 || (size_t)len >= sizeof(out))
		return false;
	return sendto(logger.syslog_fd, out, (size_t)len,
		   MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&to,
		   sizeof(to)) >= 0 ||
	    errno != EPROTOTYPE;
}
#else
static bool
send_syslog(int priority, const char *line)
{
	(void)priority;
	(void)line;
	return false;
}
#endif

static void
send_once(int priority, const char *line)
{
	(void)send_syslog(priority, line);
	if (logger.syslog_fd >= 0)
		close(logger.syslog_fd);
	logger.syslog_fd = -1;
}

void
sts_log(enum sts_log_level level, const char *domain, const char *format, ...)
{
	static const int priorities[] = {
	    [STS_LOG_ERROR] = LOG_ERR,
	    [STS_LOG_WARNING] = LOG_WARNING,
	    [STS_LOG_INFO] = LOG_INFO,
	    [STS_LOG_DEBUG] = LOG_DEBUG,
	};
	char raw[LINE_MAX_BYTES];
	char line[LINE_MAX_BYTES] = "";
	int saved_errno = errno;
	va_list args;

	if (logger.sink == STS_LOG_NOWHERE || level > logger.threshold)
		return;
	va_start(args, format);
	if (vsnprintf(raw, sizeof(raw), format, args) < 0)
		raw[0] = '\0';
	va_end(args);
	if (domain != NULL) {
		append_escaped(line, sizeof(line), "domain=");
		append_escaped(line, sizeof(line), domain);
		append_escaped(line, sizeof(line), " ");
	}
	append_escaped(line, sizeof(line), raw);
	if (logger.sink == STS_LOG_STDERR)
		write_stderr(level, line);
	else if (logger.sink == STS_LOG_DATAGRAM)
		send_once(priorities[level], line);
	else if (!send_syslog(priorities[level], line))
		syslog(priorities[level], "%s", line);
	errno = saved_errno;
}
