/* SPDX-License-Identifier: ISC */
#include "base/child_exec.h"

#include <sys/resource.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/syscall.h>
#endif

#include "base/privilege.h"

/* The status pipe's number in the child; all above it are closed. */
enum { STATUS_FD = 3 };

/* _exit: the mail server's atexit handlers must not run twice. */
static _Noreturn void
fail(int status_fd, enum sts_status status)
{
	struct sts_exec_failure failure = {status};

	if (write(status_fd, &failure, sizeof(failure)) < 0)
		_exit(126);
	_exit(127);
}

/*
 * As root, sets a limit to `want`, whatever a local user had set; otherwise
 * moves the soft and the hard limit as near to it as allowed.
 */
static void
set_limit(sts_rlimit resource, rlim_t want)
{
	struct rlimit limit = {want, want};

	if (geteuid() == 0 && setrlimit(resource, &limit) == 0)
		return;
	if (getrlimit(resource, &limit) != 0)
		return;
	if (limit.rlim_max > want)
		limit.rlim_max = want;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(resource, &limit);
}

/*
 * Bytes of memory that a child may write to, many times what it needs: a reply
 * that makes it grow must end the child, not exhaust the machine.  A
 * sanitizer's shadow memory counts, too, and is larger than any machine's.
 */
#ifdef STS_SANITIZED
#define MEMORY_MAX RLIM_INFINITY
#else
#define MEMORY_MAX ((rlim_t)512 << 20)
#endif

/*
 * The address space is not limited, since untouched reservations cost nothing.
 * Nor are processes: the limit would count all of the user's.
 */
static void
set_limits(unsigned lifetime)
{
	set_limit(RLIMIT_CORE, 0);
	set_limit(RLIMIT_CPU, lifetime > 0 ? lifetime : RLIM_INFINITY);
	set_limit(RLIMIT_FSIZE, (rlim_t)1 << 30);
	set_limit(RLIMIT_DATA, MEMORY_MAX);
	set_limit(RLIMIT_STACK, (rlim_t)8 << 20);
	set_limit(RLIMIT_NOFILE, 4096);
#ifdef RLIMIT_AS
	set_limit(RLIMIT_AS, RLIM_INFINITY);
#endif
#ifdef RLIMIT_NPROC
	set_limit(RLIMIT_NPROC, RLIM_INFINITY);
#endif
}

#if defined(__linux__) && defined(SYS_getdents64)
/* Closes what /proc lists, without readdir(3), which may allocate. */
static bool
close_listed(int first)
{
	struct entry {
		uint64_t inode;
		int64_t offset;
		unsigned short size;
		unsigned char type;
		char name[];
	};
	_Alignas(struct entry) char buf[2048];
	int dir = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	long got;

	if (dir < 0)
		return false;
	while ((got = syscall(SYS_getdents64, dir, buf, sizeof(buf))) > 0) {
		for (long at = 0; at < got;) {
			struct entry *e = (struct entry *)(void *)(buf + at);
			int fd = 0;

			for (char *p = e->name; *p >= '0' && *p <= '9'; p++)
				fd = fd * 10 + (*p - '0');
			if (fd >= first && fd != dir)
				close(fd);
			at += e->size;
		}
	}
	close(dir);
	return got == 0;
}
#else
static bool
close_listed(int first)
{
	(void)first;
	return false;
}
#endif

static void
close_from(int first)
{
	struct rlimit limit;
	rlim_t end = 1 << 16;

#if defined(__OpenBSD__) || defined(__FreeBSD__) || defined(__NetBSD__)
	closefrom(first);
	return;
#elif defined(__linux__) && defined(SYS_close_range)
	if (syscall(SYS_close_range, (unsigned)first, ~0U, 0U) == 0)
		return;
#endif
	if (close_listed(first))
		return;
	/*
	 * Slow, for kernels and systems without the above.  Descriptors may lie
	 * above a limit that was lowered later.
	 */
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_max > end &&
	    limit.rlim_max < (1 << 20))
		end = limit.rlim_max;
	for (int fd = first; (rlim_t)fd < end; fd++)
		close(fd);
}

/*
 * Makes 0 to 2 the pipes or /dev/null and 3 the status pipe.  Closes first, in
 * case the mail server has used up its descriptors.
 */
static bool
set_descriptors(struct sts_exec *x)
{
	close(STDIN_FILENO);
	close(STDOUT_FILENO);
	if (!x->spec->inherit_stderr)
		close(STDERR_FILENO);
	if (x->stdin_fd >= 0 && dup2(x->stdin_fd, STDIN_FILENO) < 0)
		return false;
	if (x->stdout_fd >= 0 && dup2(x->stdout_fd, STDOUT_FILENO) < 0)
		return false;
	if (x->status_fd != STATUS_FD) {
		if (dup2(x->status_fd, STATUS_FD) < 0)
			return false;
		x->status_fd = STATUS_FD;
	}
	if (fcntl(STATUS_FD, F_SETFD, FD_CLOEXEC) != 0)
		return false;
	(void)fcntl(STDERR_FILENO, F_SETFD, 0);
	close_from(STATUS_FD + 1);
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
			return false;
	}
	return true;
}

/*
 * exec resets handlers, but ignored and blocked signals stay so, and the
 * resolver needs SIGALRM and SIGCHLD.
 */
static void
reset_signals(void)
{
	struct sigaction action = {.sa_handler = SIG_DFL};
	sigset_t none;

	for (int number = 1; number < NSIG; number++)
		(void)sigaction(number, &action, NULL);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/*
 * As root, becomes the given user and group for good; otherwise gives up for
 * good what a set-user-id start may have saved.
 */
static enum sts_status
set_user(const struct sts_child_spec *spec)
{
	if (!spec->drop) {
		if (geteuid() == 0)
			return STS_OK;
		if (setregid(getegid(), getegid()) != 0 ||
		    setreuid(geteuid(), geteuid()) != 0 ||
		    !sts_privilege_root_is_lost(false))
			return STS_RESOLVER_ROOT;
		return STS_OK;
	}
	/* In this order: without uid 0 groups cannot be changed. */
	if (setgroups(1, &spec->gid) != 0 || setgid(spec->gid) != 0 ||
	    setuid(spec->uid) != 0)
		return sts_status_shortage_or(errno, STS_RESOLVER_ROOT);
	if (getuid() != spec->uid || geteuid() != spec->uid ||
	    getgid() != spec->gid || getegid() != spec->gid ||
	    !sts_privilege_root_is_lost(true))
		return STS_RESOLVER_ROOT;
	return STS_OK;
}

_Noreturn void
sts_exec_run(const struct sts_exec *exec)
{
	static char *const environment[] = {NULL};
	const struct sts_child_spec *spec = exec->spec;
	struct sts_exec x = *exec;
	enum sts_status status;

	/*
	 * A session of its own: terminal signals do not reach it, and one
	 * number kills all that it starts.  Limits next, while still root.
	 */
	(void)setsid();
	/* The local sendmail goes on to deliver mail, as its caller may. */
	if (spec->may_gain)
		set_limit(RLIMIT_CORE, 0);
	else
		set_limits(spec->lifetime);
	if (!set_descriptors(&x))
		fail(x.status_fd, STS_NO_DESCRIPTORS);
	reset_signals();
	(void)umask(077);
	if (chdir("/") != 0)
		fail(x.status_fd, STS_RESOLVER_MISSING);
	if ((status = set_user(spec)) != STS_OK)
		fail(x.status_fd, status);
	if (!spec->may_gain && !sts_privilege_forgo_new())
		fail(x.status_fd, STS_RESOLVER_ROOT);
	/* exec keeps the alarm: the program ends without its caller, too. */
	if (spec->lifetime > 0)
		(void)alarm(spec->lifetime);
	execve(
	    spec->path, (char *const *)(const void *)spec->argv, environment);
	fail(x.status_fd, sts_status_shortage_or(errno, STS_RESOLVER_MISSING));
}
