/* SPDX-License-Identifier: ISC */
/*
 * A delivery waits while an outcome is appended: how many system calls that
 * are, counted from outside.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "store/outcomes.h"
#include "tests/unit/lib/tap.h"

enum { CALLS_MOST = 10, ROUNDS = 2000 };

static char dir[] = "/tmp/mta-sts-outcome-calls.XXXXXX";
static struct sts_store *store;

static enum sts_status
append(int64_t time)
{
	static const struct sts_outcome o = {.domain = "d.test",
	    .type = STS_POLICY_TYPE_STS,
	    .fetched = 1799990000,
	    .mx = "mx.d.test",
	    .receiving_ip = "192.0.2.1",
	    .sending_ip = "192.0.2.2",
	    .helo = "mx.d.test"};
	struct sts_outcome now = o;

	now.time = time;
	return sts_outcomes_append(store, &now);
}

/* Two calls that nothing else makes stand around each append. */
static _Noreturn void
traced(void)
{
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
		_exit(77);
	(void)raise(SIGSTOP);
	umask(077);
	for (int i = 0; i < 3; i++) {
		(void)syscall(SYS_getppid);
		if (append(1800000000) != STS_OK)
			_exit(1);
	}
	(void)syscall(SYS_getppid);
	_exit(0);
}

/* The number of the system call that begins, -1 where one ends. */
static long
next_call(pid_t pid, int *status)
{
	struct __ptrace_syscall_info info;

	if (ptrace(PTRACE_SYSCALL, pid, NULL, NULL) != 0 ||
	    waitpid(pid, status, 0) != pid || !WIFSTOPPED(*status) ||
	    ptrace(PTRACE_GET_SYSCALL_INFO, pid, (void *)sizeof(info), &info) <
		0)
		return -1;
	return info.op == PTRACE_SYSCALL_INFO_ENTRY ? (long)info.entry.nr : -1;
}

/* How many calls each of three appends makes; false: cannot be counted. */
static bool
count_calls(unsigned calls[4])
{
	int status = 0, at = 0;
	pid_t pid = fork();

	if (pid == 0)
		traced();
	memset(calls, 0, 4 * sizeof(calls[0]));
	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status) ||
	    ptrace(PTRACE_SETOPTIONS, pid, NULL,
		(void *)PTRACE_O_TRACESYSGOOD) != 0)
		return false;
	do {
		long call = next_call(pid, &status);

		if (call == SYS_getppid)
			at++;
		else if (call >= 0 && at > 0 && at < 4)
			calls[at]++;
	} while (WIFSTOPPED(status));
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 && at == 4;
}

static void
test_calls(void)
{
	unsigned calls[4];

#ifdef STS_SANITIZED
	tap_skip("system calls", "the sanitizers make some of their own");
	return;
#endif
	if (!count_calls(calls)) {
		tap_skip("system calls", "no process may be traced here");
		return;
	}
	tap_diag("%u for the first outcome of all, %u for the next, %u",
	    calls[1], calls[2], calls[3]);
	ok(calls[1] > 0 && calls[1] <= CALLS_MOST,
	    "the first outcome of all makes at most %d calls", CALLS_MOST);
	ok(calls[2] > 0 && calls[2] <= 6 && calls[3] <= 6,
	    "each later one at most 6");
}

/* For people: it depends on the machine. */
static void
measure(void)
{
	struct timespec began, ended;
	bool good = true;

	(void)clock_gettime(CLOCK_MONOTONIC, &began);
	for (int i = 0; i < ROUNDS; i++)
		good = append(1800000000) == STS_OK && good;
	(void)clock_gettime(CLOCK_MONOTONIC, &ended);
	ok(good, "%d outcomes one after another", ROUNDS);
	tap_diag("%.1f us each",
	    ((double)(ended.tv_sec - began.tv_sec) * 1e9 +
		(double)(ended.tv_nsec - began.tv_nsec)) /
		1e3 / (double)ROUNDS);
}

int
main(void)
{
	char command[64];

	if (!tap_own_directory(dir) ||
	    sts_store_open(&store, dir, false) != STS_OK)
		return 1;
	test_calls();
	measure();
	sts_store_close(store);
	snprintf(command, sizeof(command), "rm -rf %s 2>/dev/null", dir);
	(void)!system(command);
	return tap_done();
}
