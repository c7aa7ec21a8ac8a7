/* SPDX-License-Identifier: ISC */
/* Log lines: where they go, which go, and that nothing can forge one. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "tests/unit/lib/tap.h"

static FILE *captured;
static int saved_stderr;

static void
begin_capture(void)
{
	fflush(stderr);
	captured = tmpfile();
	saved_stderr = dup(STDERR_FILENO);
	if (captured == NULL || saved_stderr < 0 ||
	    dup2(fileno(captured), STDERR_FILENO) < 0) {
		printf("Bail out! standard error cannot be captured\n");
		exit(1);
	}
}

/* All that was written since begin_capture. */
static const char *
end_capture(void)
{
	static char text[4096];
	size_t len;

	(void)dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
	rewind(captured);
	len = fread(text, 1, sizeof(text) - 1, captured);
	text[len] = '\0';
	fclose(captured);
	return text;
}

/* What is sent to syslog, in place of this machine's. */
static char datagram[2000];
static int sent;

/* glibc's functions take a union of its own. */
#ifdef __GLIBC__
typedef __CONST_SOCKADDR_ARG address_arg;
#else
typedef const struct sockaddr *address_arg;
#endif

ssize_t
sendto(int fd, const void *buf, size_t len, int flags, address_arg to,
    socklen_t to_len)
{
	(void)fd, (void)flags, (void)to, (void)to_len;
	snprintf(
	    datagram, sizeof(datagram), "%.*s", (int)len, (const char *)buf);
	sent++;
	errno = ECONNREFUSED;
	return sent % 2 == 1 ? (ssize_t)len : -1;
}

/* In a mail server's process: nothing is left behind, sent or not. */
static void
test_datagrams(void)
{
#ifdef __linux__
	int before = dup(STDOUT_FILENO), after;

	close(before);
	sts_log_open("prog", STS_LOG_DATAGRAM, STS_LOG_INFO);
	errno = ENOTTY;
	sts_log(STS_LOG_INFO, NULL, "TLSRPT: domain=%s", "a\n.example");
	is_int(errno, ENOTTY, "errno is kept");
	ok(strncmp(datagram, "<22>", 4) == 0, "mail.info: %.4s", datagram);
	ok(strstr(datagram, " prog[") != NULL &&
		strstr(datagram, "]: TLSRPT: domain=a\\x0a.example") != NULL,
	    "with the program, and escaped");
	sts_log(STS_LOG_WARNING, NULL, "x");
	is_int(sent, 2, "each is tried once, also where there is no daemon");
	sts_log(STS_LOG_DEBUG, NULL, "x");
	is_int(sent, 2, "below the threshold none");
	after = dup(STDOUT_FILENO);
	close(after);
	is_int(after, before, "no descriptor is left");
	sts_log_open("prog", STS_LOG_NOWHERE, STS_LOG_INFO);
#else
	tap_skip("datagrams", "syslog(3) alone knows where to send them");
#endif
}

static void
test_lines(void)
{
	sts_log_open("prog", STS_LOG_STDERR, STS_LOG_INFO);
	begin_capture();
	sts_log(STS_LOG_INFO, "a.example", "event=fetch reason=%s", "ok");
	is_str(end_capture(), "prog: domain=a.example event=fetch reason=ok\n",
	    "the domain first, then the fields");
	begin_capture();
	sts_log(STS_LOG_WARNING, NULL, "event=x");
	sts_log(STS_LOG_ERROR, NULL, "event=y");
	is_str(end_capture(), "prog: warning: event=x\nprog: error: event=y\n",
	    "no domain, and levels that matter are named");
}

static void
test_threshold(void)
{
	sts_log_open("prog", STS_LOG_STDERR, STS_LOG_WARNING);
	begin_capture();
	sts_log(STS_LOG_DEBUG, NULL, "event=a");
	sts_log(STS_LOG_INFO, NULL, "event=b");
	sts_log(STS_LOG_WARNING, NULL, "event=c");
	is_str(end_capture(), "prog: warning: event=c\n",
	    "less important lines are not written");
	sts_log_open("prog", STS_LOG_NOWHERE, STS_LOG_DEBUG);
	begin_capture();
	sts_log(STS_LOG_ERROR, NULL, "event=a");
	is_str(end_capture(), "", "nowhere is nowhere");
}

static void
test_escapes(void)
{
	sts_log_open("prog", STS_LOG_STDERR, STS_LOG_INFO);
	begin_capture();
	sts_log(STS_LOG_INFO, "a\nb", "x=%s", "\r\n\x1b[2J\\\x7f\xc3\xa9\t~");
	is_str(end_capture(),
	    "prog: domain=a\\x0ab x=\\x0d\\x0a\\x1b[2J\\x5c\\x7f\\xc3\\xa9"
	    "\\x09~\n",
	    "what is not printable ASCII is escaped");
}

static void
test_long_line(void)
{
	char text[3000];
	const char *line;

	memset(text, '\n', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	sts_log_open("prog", STS_LOG_STDERR, STS_LOG_INFO);
	begin_capture();
	sts_log(STS_LOG_INFO, NULL, "%s", text);
	line = end_capture();
	ok(strlen(line) <= 1000 + strlen("prog: \n"), "a long line is cut");
	ok(strlen(line) > 900, "but not to nothing");
	is_str(strchr(line, '\n'), "\n", "and is one line");
}

static void
test_errno_is_kept(void)
{
	sts_log_open("prog", STS_LOG_STDERR, STS_LOG_INFO);
	begin_capture();
	close(STDERR_FILENO);
	errno = EXDEV;
	sts_log(STS_LOG_ERROR, NULL, "event=x");
	is_int(errno, EXDEV, "errno is as before");
	(void)end_capture();
}

int
main(void)
{
	test_datagrams();
	test_lines();
	test_threshold();
	test_escapes();
	test_long_line();
	test_errno_is_kept();
	return tap_done();
}
