/* SPDX-License-Identifier: ISC */
/*
 * System calls that fail under a DNS question: whose trouble it is.  socket,
 * connect, sendmsg and recv of the code under test are ours.
 */
/* The fortified ones are inline, and cannot be replaced. */
#undef _FORTIFY_SOURCE

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/child.h"
#include "dns/dns.h"
#include "loop/loop.h"
#include "tests/unit/lib/tap.h"

enum call { CALL_NONE, CALL_SOCKET, CALL_CONNECT, CALL_SEND, CALL_RECEIVE };

/* What fails: the next `times` calls of a kind, on sockets of a type. */
static struct {
	enum call call;
	int error, type;
	long times;
} failing;

static bool
fails(enum call call, int fd)
{
	int type = 0;
	socklen_t len = sizeof(type);

	if (failing.call != call || failing.times == 0)
		return false;
	if (call != CALL_SOCKET &&
	    (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) != 0 ||
		type != failing.type))
		return false;
	failing.times--;
	errno = failing.error;
	return true;
}

static void *
real(const char *name)
{
	void *function = dlsym(RTLD_NEXT, name);

	if (function == NULL)
		exit(1);
	return function;
}

/* ISO C has no conversion from an object pointer to a function's. */
#define REAL(pointer, name)                                  \
	do {                                                 \
		void *found = real(name);                    \
		memcpy(&(pointer), &found, sizeof(pointer)); \
	} while (0)

int
socket(int family, int type, int protocol)
{
	int (*next)(int, int, int);

	if (fails(CALL_SOCKET, -1))
		return -1;
	REAL(next, "socket");
	return next(family, type, protocol);
}

/* By another name, since glibc declares it with a type of its own. */
int fake_connect(int fd, const struct sockaddr *address, socklen_t len) __asm__(
    "connect");

int
fake_connect(int fd, const struct sockaddr *address, socklen_t len)
{
	int (*next)(int, const struct sockaddr *, socklen_t);

	if (fails(CALL_CONNECT, fd))
		return -1;
	REAL(next, "connect");
	return next(fd, address, len);
}

ssize_t
sendmsg(int fd, const struct msghdr *message, int flags)
{
	ssize_t (*next)(int, const struct msghdr *, int);

	if (fails(CALL_SEND, fd))
		return -1;
	REAL(next, "sendmsg");
	return next(fd, message, flags);
}

ssize_t
recv(int fd, void *buf, size_t size, int flags)
{
	ssize_t (*next)(int, void *, size_t, int);

	if (fails(CALL_RECEIVE, fd))
		return -1;
	REAL(next, "recv");
	return next(fd, buf, size, flags);
}

/* NXDOMAIN to everything; or the TC bit to all but the control questions. */
static bool truncating;

/* Answers the control questions alone. */
static bool silent;

static void
answer(void *arg)
{
	int fd = *(int *)arg;
	unsigned char message[512];
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	ssize_t got = recvfrom(
	    fd, message, sizeof(message), 0, (struct sockaddr *)&from, &len);

	bool control = got > 12 && message[12] != 1; /* not a.test */

	if (got < 13 || (silent && !control))
		return;
	message[2] = truncating && !control ? 0x83 : 0x81;
	message[3] = truncating && !control ? 0x80 : 0x83;
	(void)sendto(
	    fd, message, (size_t)got, 0, (struct sockaddr *)&from, len);
}

static struct sts_loop *loop;
static struct sts_dns *dns;
static struct sts_config config;
static enum sts_status last;
static bool over;

static void
done(void *arg, enum sts_status status, const struct sts_span *records,
    size_t count)
{
	(void)arg;
	(void)records;
	(void)count;
	last = status;
	over = true;
}

enum { LIMIT_MS = 1000 };

/* The status of a question while that fails. */
static const char *
ask(enum call call, int type, int error, long times)
{
	failing.call = call;
	failing.type = type;
	failing.error = error;
	failing.times = times;
	over = false;
	/* Sockets of its own. */
	if (sts_dns_create(&dns, loop, &config) != STS_OK ||
	    sts_dns_txt(dns, "a.test", LIMIT_MS, done, NULL) == NULL)
		return "not asked";
	while (!over)
		(void)sts_loop_step(loop, 1000);
	failing.call = CALL_NONE;
	sts_dns_destroy(dns);
	return sts_status_name(last);
}

static void
over_udp(void)
{
	static const struct {
		enum call call;
		int error;
		const char *name, *status;
	} cases[] = {
	    {CALL_SOCKET, EACCES, "socket EACCES", "no_nameserver"},
	    {CALL_SOCKET, EPERM, "socket EPERM", "no_nameserver"},
	    {CALL_SOCKET, EAFNOSUPPORT, "socket EAFNOSUPPORT", "no_nameserver"},
	    {CALL_SOCKET, EMFILE, "socket EMFILE", "no_descriptors"},
	    {CALL_SOCKET, ENFILE, "socket ENFILE", "no_descriptors"},
	    {CALL_SOCKET, ENOMEM, "socket ENOMEM", "no_memory"},
	    {CALL_SOCKET, ENOBUFS, "socket ENOBUFS", "no_memory"},
	    {CALL_CONNECT, EACCES, "connect EACCES", "no_nameserver"},
	    {CALL_CONNECT, EPERM, "connect EPERM", "no_nameserver"},
	    {CALL_CONNECT, EINVAL, "connect EINVAL", "no_nameserver"},
	    {CALL_CONNECT, ENETUNREACH, "connect ENETUNREACH", "no_nameserver"},
	    {CALL_CONNECT, EHOSTUNREACH, "connect EHOSTUNREACH",
		"no_nameserver"},
	    {CALL_CONNECT, EADDRNOTAVAIL, "connect EADDRNOTAVAIL",
		"no_nameserver"},
	    {CALL_CONNECT, EAGAIN, "connect EAGAIN: no port", "no_descriptors"},
	    {CALL_SEND, EACCES, "send EACCES", "no_nameserver"},
	    {CALL_SEND, EPERM, "send EPERM: a packet filter", "no_nameserver"},
	    {CALL_SEND, ENETUNREACH, "send ENETUNREACH", "no_nameserver"},
	    {CALL_SEND, EHOSTUNREACH, "send EHOSTUNREACH", "no_nameserver"},
	    {CALL_SEND, ECONNREFUSED, "send ECONNREFUSED", "no_nameserver"},
	    {CALL_SEND, ENOBUFS, "send ENOBUFS", "no_memory"},
	    {CALL_RECEIVE, ECONNREFUSED, "receive ECONNREFUSED",
		"no_nameserver"},
	    {CALL_RECEIVE, EHOSTUNREACH, "receive EHOSTUNREACH",
		"no_nameserver"},
	    {CALL_RECEIVE, ENOMEM, "receive ENOMEM", "no_memory"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		is_str(ask(cases[i].call, SOCK_DGRAM, cases[i].error, 1000000),
		    cases[i].status, "%s", cases[i].name);
		is_str(ask(cases[i].call, SOCK_DGRAM, cases[i].error, 1),
		    "dns_nxdomain", "%s once: the answer holds", cases[i].name);
	}
}

/* The server answered over UDP; only our own doing is a local fault. */
static void
over_tcp(void)
{
	static const struct {
		int error;
		const char *name, *status;
	} cases[] = {
	    {EACCES, "TCP connect EACCES", "no_nameserver"},
	    {EPERM, "TCP connect EPERM", "no_nameserver"},
	    {EADDRNOTAVAIL, "TCP connect EADDRNOTAVAIL", "no_nameserver"},
	    {ENETUNREACH, "TCP connect ENETUNREACH", "no_nameserver"},
	    {EMFILE, "TCP connect EMFILE", "no_descriptors"},
	    {ECONNREFUSED, "TCP connect ECONNREFUSED", "dns_bad_reply"},
	    {EHOSTUNREACH, "TCP connect EHOSTUNREACH", "dns_bad_reply"},
	    {ETIMEDOUT, "TCP connect ETIMEDOUT", "dns_bad_reply"},
	};

	truncating = true;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		is_str(ask(CALL_CONNECT, SOCK_STREAM, cases[i].error, 1000000),
		    cases[i].status, "%s", cases[i].name);
	truncating = false;
}

/*
 * The status of a question that no one answers, where this process does
 * nothing at all from `at_ms` on until it is past its end; 0: it never stops.
 * STS_OK where the machine was late, and the end came first.
 */
static enum sts_status
ask_and_stop(int64_t at_ms)
{
	int64_t began = sts_monotonic_ms();
	bool late;

	over = false;
	if (sts_dns_create(&dns, loop, &config) != STS_OK ||
	    sts_dns_txt(dns, "a.test", LIMIT_MS, done, NULL) == NULL)
		return STS_OK;
	while (!over && (at_ms == 0 || sts_monotonic_ms() - began < at_ms))
		(void)sts_loop_step(loop, 10);
	late = at_ms != 0 && (over || sts_monotonic_ms() - began >= LIMIT_MS);
	if (at_ms != 0 && !late)
		usleep((useconds_t)(1600 - at_ms) * 1000);
	while (!over)
		(void)sts_loop_step(loop, 10);
	sts_dns_destroy(dns);
	return late ? STS_OK : last;
}

static void
stopped(void)
{
	enum sts_status status = STS_OK;

	silent = true;
	/* A busy machine stops us too. */
	for (int i = 0; i < 10 && status != STS_DNS_TIMEOUT; i++)
		status = ask_and_stop(0);
	is_str(sts_status_name(status), "dns_timeout",
	    "silence of a server that answers others");
	for (int at_ms = 10; at_ms < LIMIT_MS; at_ms += 240) {
		status = STS_OK;
		for (int i = 0; i < 100 && status == STS_OK; i++)
			status = ask_and_stop(at_ms);
		ok(sts_status_is_local(status),
		    "stopped from %d ms on: a local fault (%s)", at_ms,
		    sts_status_name(status));
	}
	silent = false;
}

int
main(void)
{
	struct sockaddr_in address = {
	    .sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(address);
	int server = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char text[32];

	if (server < 0 || bind(server, (struct sockaddr *)&address, len) != 0 ||
	    getsockname(server, (struct sockaddr *)&address, &len) != 0)
		return 1;
	snprintf(text, sizeof(text), "127.0.0.1:%u", ntohs(address.sin_port));
	config.nameservers[0] = text;
	config.nameserver_count = 1;
	if (sts_loop_create(&loop) != STS_OK ||
	    sts_watch_start(loop, server, false, answer, &server) == NULL)
		return 1;
	is_str(ask(CALL_NONE, 0, 0, 0), "dns_nxdomain", "nothing fails");
	over_udp();
	over_tcp();
	stopped();
	is_str(ask(CALL_NONE, 0, 0, 0), "dns_nxdomain", "nothing remains");
	sts_loop_destroy(loop);
	close(server);
	return tap_done();
}
