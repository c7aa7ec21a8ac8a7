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
#include "base/limits.h"

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
