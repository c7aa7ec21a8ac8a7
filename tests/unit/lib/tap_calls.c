/* SPDX-License-Identifier: ISC */
#include "tests/unit/lib/tap_calls.h"

#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

/* A call that nothing else makes stands before each, and after the last. */
static _Noreturn void
traced(void (*const *functions)(void), unsigned count)
{
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
		_exit(77);
	(void)raise(SIGSTOP);
	for (unsigned i = 0; i < count; i++) {
		(void)syscall(SYS_getppid);
		functions[i]();
	}
	(void)syscall(SYS_getppid);
	_exit(0);
}

/* How malloc(3) has its memory is the C library's: musl asks for it each time.
 */
static int
is_for_memory(long number)
{
	static const long numbers[] = {SYS_brk, SYS_mremap, SYS_munmap,
#ifdef SYS_mmap2
	    SYS_mmap2,
#endif
#ifdef SYS_mmap
	    SYS_mmap,
#endif
	    SYS_madvise};

	for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		if (number == numbers[i])
			return 1;
	}
	return 0;
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

int
count_calls(void (*const *functions)(void), unsigned count, unsigned *calls)
{
	unsigned at = 0; /* one more than the function's number */
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		traced(functions, count);
	memset(calls, 0, count * sizeof(calls[0]));
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status) ||
	    ptrace(PTRACE_SETOPTIONS, pid, NULL,
		(void *)PTRACE_O_TRACESYSGOOD) != 0)
		return 0;
	while (WIFSTOPPED(status)) {
		long number = next_call(pid, &status);

		if (number == SYS_getppid)
			at++;
		else if (number >= 0 && at > 0 && at <= count &&
		    !is_for_memory(number))
			calls[at - 1]++;
	}
	return at == count + 1 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
