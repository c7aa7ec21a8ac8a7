/* SPDX-License-Identifier: ISC */
#include "base/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/child_exec.h"
#include "base/clock.h"
#include "base/safe_path.h"

enum {
	EXEC_MS = 5000, /* for a fork and an exec */
	KILL_MS = 5000  /* for a killed process to go */
};

static void
close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/*
 * Moves a descriptor above 2.  In a mail server that runs with 0 to 2 closed, a
 * pipe would get one of these, which the child replaces.
 */
static bool
lift(int *fd)
{
	int high;

	if (*fd > STDERR_FILENO)
		return true;
	high = fcntl(*fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (high < 0)
		return false;
	close(*fd);
	*fd = high;
	return true;
}

/* A pipe with both ends above 2 and closed on exec; `ours` never blocks. */
static bool
make_pipe(int fds[2], int ours)
{
	if (pipe2(fds, O_CLOEXEC) != 0) {
		fds[0] = fds[1] = -1;
		return false;
	}
	return lift(&fds[0]) && lift(&fds[1]) &&
	    fcntl(fds[ours], F_SETFL, O_NONBLOCK) == 0;
}

/* 1: readable; 0: the deadline has passed; -1: error. */
static int
wait_readable(int fd, int64_t deadline_ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	for (;;) {
		int n = poll(&p, 1, sts_ms_until(deadline_ms, 60000));

		if (n > 0)
			return (p.revents & POLLNVAL) == 0 ? 1 : -1;
		if (n < 0 && errno != EINTR)
			return -1;
		if (sts_monotonic_ms() >= deadline_ms)
			return 0;
	}
}

/* The pipes of a child: [0] is the read end, [1] the write end. */
struct pipes {
	int in[2];
	int out[2];
	int status[2];
};

static void
close_pipe(int fds[2])
{
	close_fd(&fds[0]);
	close_fd(&fds[1]);
}

/* The status pipe first: without it a failed exec would look like a crash. */
static bool
open_pipes(struct pipes *p, const struct sts_child_spec *spec)
{
	*p = (struct pipes){{-1, -1}, {-1, -1}, {-1, -1}};
	return make_pipe(p->status, 0) &&
	    (!spec->want_stdin || make_pipe(p->in, 1)) &&
	    (!spec->want_stdout || make_pipe(p->out, 0));
}

/* The intermediate child, so that the program is no child of this process. */
static _Noreturn void
run_detached(const struct sts_exec *exec)
{
	struct sts_exec_failure failure = {STS_NO_DESCRIPTORS};
	pid_t pid = fork();

	if (pid == 0)
		sts_exec_run(exec);
	if (pid < 0 && write(exec->status_fd, &failure, sizeof(failure)) < 0)
		_exit(126);
	_exit(pid < 0 ? 127 : 0);
}

/*
 * Forks with every signal blocked, so that no handler of the host ever runs
 * in the child.
 */
static pid_t
fork_child(const struct pipes *p, const struct sts_child_spec *spec)
{
	struct sts_exec exec = {.spec = spec,
	    .stdin_fd = p->in[0] < 0 && spec->stdin_fd > STDERR_FILENO
		? spec->stdin_fd
		: p->in[0],
	    .stdout_fd = p->out[1],
	    .status_fd = p->status[1]};
	sigset_t all, before;
	pid_t pid;

	sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &before);
	pid = fork();
	if (pid == 0) {
		if (spec->detach)
			run_detached(&exec);
		sts_exec_run(&exec);
	}
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	return pid;
}

/* Reads the status pipe; end of file means that the exec succeeded. */
static enum sts_status
await_exec(int fd, int64_t deadline_ms)
{
	struct sts_exec_failure failure;
	ssize_t n;
	int ready;

	do {
		ready = wait_readable(fd, deadline_ms);
		if (ready <= 0)
			return ready == 0 ? STS_RESOLVER_TIMEOUT : STS_INTERNAL;
		n = read(fd, &failure, sizeof(failure));
	} while (n < 0 && (errno == EINTR || errno == EAGAIN));
	if (n == 0)
		return STS_OK;
	return n == (ssize_t)sizeof(failure) ? failure.status : STS_INTERNAL;
}

/*
 * Forks, closes the child's ends (or end of file would never come) and waits
 * for the exec.  Of a detached child, reaps the intermediate process.
 */
static enum sts_status
launch(
    struct sts_child *child, struct pipes *p, const struct sts_child_spec *spec)
{
	int64_t deadline_ms = sts_monotonic_ms() + EXEC_MS;
	enum sts_status status;

	child->pid = fork_child(p, spec);
	if (child->pid < 0)
		return errno == ENOMEM ? STS_NO_MEMORY : STS_NO_DESCRIPTORS;
	close_fd(&p->in[0]);
	close_fd(&p->out[1]);
	close_fd(&p->status[1]);
	status = await_exec(p->status[0], deadline_ms);
	if (status != STS_OK || spec->detach)
		(void)sts_child_finish(child, deadline_ms);
	return status;
}

enum sts_status
sts_child_start(struct sts_child *child, const struct sts_child_spec *spec)
{
	enum sts_status status = STS_NO_DESCRIPTORS;
	int saved_errno = errno;
	struct pipes p;

	*child = (struct sts_child){-1, -1, -1};
	if (spec->path == NULL || spec->path[0] != '/')
		return STS_RESOLVER_MISSING;
	if (!sts_path_is_safe(spec->path, NULL))
		return STS_UNSAFE_FILE;
	if (spec->drop && (spec->uid == 0 || spec->gid == 0))
		return STS_RESOLVER_ROOT;
	if (open_pipes(&p, spec))
		status = launch(child, &p, spec);
	/* The caller owns these two; the rest is closed below. */
	if (status == STS_OK) {
		child->in_fd = p.in[1];
		child->out_fd = p.out[0];
		p.in[1] = p.out[0] = -1;
	}
	close_pipe(p.in);
	close_pipe(p.out);
	close_pipe(p.status);
	errno = saved_errno;
	return status;
}

ssize_t
sts_child_read(struct sts_child *child, char *buf, size_t size, bool one_line,
    int64_t deadline_ms)
{
	int saved_errno = errno;
	size_t used = 0;

	while (used < size) {
		/* Byte by byte, to leave what follows the line in the pipe. */
		size_t want = one_line ? 1 : size - used;
		ssize_t n = read(child->out_fd, buf + used, want);

		if (n < 0 && errno == EINTR)
			continue;
		/* Reads before it polls, since data is often there already. */
		if (n < 0 && errno == EAGAIN &&
		    wait_readable(child->out_fd, deadline_ms) == 1)
			continue;
		if (n < 0) {
			errno = saved_errno;
			return -1;
		}
		used += (size_t)n;
		if (n == 0 || (one_line && buf[used - 1] == '\n'))
			break;
	}
	errno = saved_errno;
	return (ssize_t)used;
}

bool
sts_child_write(
    struct sts_child *child, const char *bytes, size_t len, int64_t deadline_ms)
{
	struct pollfd p = {.fd = child->in_fd, .events = POLLOUT};

	while (len > 0) {
		ssize_t n = write(child->in_fd, bytes, len);

		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
		} else if (n < 0 && errno == EAGAIN) {
			if (sts_monotonic_ms() >= deadline_ms)
				return false;
			(void)poll(&p, 1, sts_ms_until(deadline_ms, 60000));
		} else if (n == 0 || errno != EINTR)
			return false;
	}
	return true;
}

void
sts_child_close(struct sts_child *child)
{
	int saved_errno = errno;

	close_fd(&child->in_fd);
	close_fd(&child->out_fd);
	errno = saved_errno;
}

enum reaped { REAPED, NOT_OURS, STILL_THERE };

/*
 * Polls for the end of one process, at first often, then every 20 ms: there is
 * no other portable way without a signal handler.
 */
static enum reaped
reap(pid_t pid, int64_t deadline_ms, int *status)
{
	struct timespec nap = {0, 200000};

	for (;;) {
		pid_t got = waitpid(pid, status, WNOHANG);

		if (got == pid)
			return REAPED;
		/* The mail server ignores SIGCHLD or reaped the child. */
		if (got < 0 && errno != EINTR)
			return NOT_OURS;
		if (sts_monotonic_ms() >= deadline_ms)
			return STILL_THERE;
		(void)nanosleep(&nap, NULL);
		if (nap.tv_nsec < 20000000)
			nap.tv_nsec *= 2;
	}
}

int
sts_child_finish(struct sts_child *child, int64_t deadline_ms)
{
	int saved_errno = errno;
	pid_t pid = child->pid;
	enum reaped result;
	int status = -1;

	child->pid = -1;
	if (pid <= 0) {
		sts_child_close(child);
		return -1;
	}
	/* out_fd stays open for now: writing to it must not be a SIGPIPE. */
	close_fd(&child->in_fd);
	result = reap(pid, deadline_ms, &status);
	if (result == STILL_THERE) {
		/* Not reaped yet, so the pid is still the child's. */
		(void)kill(-pid, SIGKILL);
		(void)kill(pid, SIGKILL);
		(void)reap(pid, sts_monotonic_ms() + KILL_MS, &status);
	}
	sts_child_close(child);
	errno = saved_errno;
	return result == REAPED ? status : -1;
}
