/* SPDX-License-Identifier: ISC */
/*
 * Code injected into mta-sts-fetcher (LD_PRELOAD): with the first policy that
 * it is asked for, so behind its sandbox, it tries what an attacker would, and
 * says how each went: "hook WHAT ok" or "hook WHAT ERRNO-NAME".
 *
 * HOOK_STORE is a file of the store, HOOK_TMP a directory that anybody may
 * write, HOOK_PORT the port that the fetcher is for, HOOK_OTHER another one,
 * HOOK_ROOT a trust root.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <curl/curl.h>

#ifndef MSG_FASTOPEN
#define MSG_FASTOPEN 0x20000000
#endif

static void
say(const char *what, long result)
{
	int error = errno;
	char line[128];
	int len = snprintf(line, sizeof(line), "hook %s %s\n", what,
	    result >= 0           ? "ok"
		: error == EPERM  ? "EPERM"
		: error == EACCES ? "EACCES"
		: error == EAGAIN ? "EAGAIN"
				  : strerror(error));

	if (len > 0 && write(STDOUT_FILENO, line, (size_t)len) < 0)
		_exit(9);
}

static const char *
path_in(const char *variable, const char *name)
{
	static char path[4096];

	snprintf(path, sizeof(path), "%s%s", getenv(variable), name);
	return path;
}

static void
try_files(void)
{
	say("read-store", open(getenv("HOOK_STORE"), O_RDONLY));
	say("write-store", open(getenv("HOOK_STORE"), O_WRONLY));
	say("remove-store", unlink(getenv("HOOK_STORE")));
	say("read-passwd", open("/etc/passwd", O_RDONLY));
	say("read-environ", open("/proc/1/environ", O_RDONLY));
	say("list-root", open("/", O_RDONLY | O_DIRECTORY));
	say("create",
	    open(path_in("HOOK_TMP", "/new"), O_CREAT | O_RDWR, 0600));
	say("mkdir", mkdir(path_in("HOOK_TMP", "/dir"), 0700));
	say("symlink", symlink("/etc/passwd", path_in("HOOK_TMP", "/link")));
	say("memfd", syscall(SYS_memfd_create, "x", 0U));
	say("read-root", open(getenv("HOOK_ROOT"), O_RDONLY));
}

static int
tcp(void)
{
	/* As the fetcher makes its own, on every machine. */
	return (int)syscall(
	    SYS_socket, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
}

static long
connect_to(const char *variable)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
	    .sin_port = htons((uint16_t)atoi(getenv(variable))),
	    .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int rc = connect(tcp(), (struct sockaddr *)&to, sizeof(to));

	return rc != 0 && (errno == EINPROGRESS || errno == ECONNREFUSED) ? 0
									  : rc;
}

static long
fast_open(const char *variable)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
	    .sin_port = htons((uint16_t)atoi(getenv(variable))),
	    .sin_addr = {htonl(INADDR_LOOPBACK)}};

	return sendto(
	    tcp(), "x", 1, MSG_FASTOPEN, (struct sockaddr *)&to, sizeof(to));
}

static long
bind_to_any(void)
{
	struct sockaddr_in at = {
	    .sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};

	return bind(tcp(), (struct sockaddr *)&at, sizeof(at));
}

static void
try_sockets(void)
{
	say("connect-own", connect_to("HOOK_PORT"));
	say("connect-other", connect_to("HOOK_OTHER"));
	say("fastopen-other", fast_open("HOOK_OTHER"));
	say("bind", bind_to_any());
	say("listen", listen(tcp(), 1));
	say("udp", socket(AF_INET, SOCK_DGRAM, 0));
	say("udp6", socket(AF_INET6, SOCK_DGRAM, 0));
	say("unix", socket(AF_UNIX, SOCK_STREAM, 0));
	say("netlink", socket(AF_NETLINK, SOCK_RAW, 0));
	say("mptcp", socket(AF_INET, SOCK_STREAM, 262));
}

static void *
nothing(void *arg)
{
	return arg;
}

static void
try_processes(void)
{
	static char program[] = "/bin/true";
	char *argv[] = {program, NULL};
	struct rlimit more = {1, RLIM_INFINITY};
	pthread_t thread;
	pid_t pid;

	if ((pid = fork()) == 0)
		_exit(0);
	say("fork", pid);
	say("clone", syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
	errno = pthread_create(&thread, NULL, nothing, NULL);
	say("thread", errno == 0 ? 0 : -1);
	say("exec", execve(program, argv, NULL));
	say("kill", kill(getppid(), 0));
	say("ptrace", ptrace(PTRACE_ATTACH, getppid(), NULL, NULL));
	say("limit-other",
	    syscall(SYS_prlimit64, getppid(), RLIMIT_CORE, &more, NULL));
	say("unshare", unshare(CLONE_NEWUSER));
	say("setuid", setuid(0) == 0 && getuid() != 0 ? 0 : setuid(1));
}

/* libcurl's, in front of it: the fetcher calls this for each policy. */
__attribute__((visibility("default"))) struct curl_slist *
curl_slist_append(struct curl_slist *list, const char *text)
{
	(void)list;
	(void)text;
	try_files();
	try_sockets();
	try_processes();
	say("end", 0);
	_exit(0);
}
