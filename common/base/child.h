/* SPDX-License-Identifier: ISC */
/*
 * Child processes, started from inside a mail server.
 *
 * The caller may run as root, with open and locked spool files, with resource
 * limits and a umask that a local user chose, with signals blocked or ignored.
 * The child inherits none of this: it gets a session of its own, "/" as working
 * directory, umask 077, sane limits (set while still root; memory 512 MiB), no
 * core file, only the descriptors named here, an empty environment, default
 * signals, and, if the caller is root, the user and group named here.  Nothing
 * that it executes gains a privilege (Linux: no_new_privs), unless `may_gain`.
 */
#ifndef STS_BASE_CHILD_H
#define STS_BASE_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/clock.h"
#include "base/status.h"

enum { STS_CHILD_ARGS_MAX = 16 };

struct sts_child_spec {
	const char *path;                     /* absolute */
	const char *argv[STS_CHILD_ARGS_MAX]; /* argv[0] first, NULL-ended */
	bool drop; /* become uid and gid before exec */
	uid_t uid;
	gid_t gid;
	bool want_stdin;     /* a pipe to the child; else stdin_fd */
	int stdin_fd;        /* borrowed, above 2; 0: /dev/null */
	bool want_stdout;    /* a pipe from the child; else /dev/null */
	bool inherit_stderr; /* keep descriptor 2; else /dev/null */
	/*
	 * No child of this process: not reaped, may outlive the caller.
	 * Without want_stdout nothing connects the two once it runs.
	 */
	bool detach;
	/*
	 * Set-user-id bits count, and there are no limits but that of core
	 * files: the local sendmail submits mail, and goes on to deliver it.
	 */
	bool may_gain;
	unsigned lifetime; /* seconds until SIGALRM ends it; 0: none */
};

struct sts_child {
	pid_t pid;  /* -1: none, or detached */
	int in_fd;  /* write end to the child's standard input, or -1 */
	int out_fd; /* read end from its standard output, or -1 */
};

/*
 * Starts a child.  The descriptors in *child are non-blocking, close-on-exec
 * and never 0, 1 or 2.  Errors: STS_UNSAFE_FILE (another user can change the
 * program, base/safe_path.h), STS_NO_DESCRIPTORS, STS_NO_MEMORY,
 * STS_RESOLVER_MISSING (the path cannot be executed, which the child reports
 * before this call returns), or STS_RESOLVER_ROOT (uid or gid is 0, or
 * privileges cannot be dropped).  Blocks only until the exec, at most 5 s: then
 * STS_RESOLVER_TIMEOUT.
 */
enum sts_status sts_child_start(
    struct sts_child *child, const struct sts_child_spec *spec);

/*
 * Reads from the child's standard output into buf until `size` bytes, end of
 * file, the line feed that ends a line if `one_line`, or the deadline
 * (sts_monotonic_ms).  Returns the number of bytes (0 at end of file), or -1 at
 * the deadline or for an error; what was read before is lost.
 */
ssize_t sts_child_read(struct sts_child *child, char *buf, size_t size,
    bool one_line, int64_t deadline_ms);

/*
 * Writes all of it to the child's standard input.  False at the deadline, or
 * once the child reads no further; SIGPIPE must be ignored.
 */
bool sts_child_write(struct sts_child *child, const char *bytes, size_t len,
    int64_t deadline_ms);

/* Closes the descriptors. */
void sts_child_close(struct sts_child *child);

/*
 * Closes the child's standard input, waits for exactly this child until the
 * deadline, then kills it with SIGKILL and reaps it.  Its standard output stays
 * open but unread until it has ended, so that a late line causes no SIGPIPE.
 * Returns the wait status of waitpid(2), or -1 if the child was killed here, is
 * detached, or was reaped by the mail server.
 */
int sts_child_finish(struct sts_child *child, int64_t deadline_ms);

#endif
