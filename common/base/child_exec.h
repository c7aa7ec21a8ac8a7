/* SPDX-License-Identifier: ISC */
/*
 * Runs between fork and exec in the mail server's process: nothing here may
 * allocate, lock or log; it calls only functions that are safe after a fork in
 * any program, whatever its libraries and threads.
 */
#ifndef STS_BASE_CHILD_EXEC_H
#define STS_BASE_CHILD_EXEC_H

#include <sys/resource.h>

#include "base/child.h"

/* STS_SANITIZED: a build with a sanitizer that keeps shadow memory. */
#ifdef STS_SANITIZED
/* by the makefile, which knows the flags */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(memory_sanitizer)
#define STS_SANITIZED
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STS_SANITIZED
#endif

/* RLIMIT_... */
#ifdef __GLIBC__
typedef __rlimit_resource_t sts_rlimit;
#else
typedef int sts_rlimit;
#endif

/* Prepared before the fork. */
struct sts_exec {
	const struct sts_child_spec *spec;
	int stdin_fd; /* ends of pipes or a file, 3 or more; -1: /dev/null */
	int stdout_fd;
	int status_fd; /* for the report of a failure */
};

/* What the child writes to status_fd, which exec closes on success. */
struct sts_exec_failure {
	enum sts_status status;
};

/* Becomes the program, or reports why not and ends the process. */
_Noreturn void sts_exec_run(const struct sts_exec *exec);

#endif
