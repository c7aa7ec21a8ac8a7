/* SPDX-License-Identifier: ISC */
/*
 * Inside the client: the resolver process of a worker and the pipes to it.
 * Nothing here waits, except for the exec at the start.
 */
#ifndef STS_CLIENT_WORKER_PROCESS_H
#define STS_CLIENT_WORKER_PROCESS_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/child.h"
#include "base/config.h"
#include "base/status.h"
#include "core/domain.h"

enum {
	STS_PROCESS_FDS = 2,                         /* for poll(2) */
	STS_PROCESS_LINE_BYTES = STS_NAME_MAX + 100, /* longest line */
	STS_PROCESS_GONE_MAX = 32
};

struct sts_process {
	struct sts_child child;
	bool running;
	char out[2 * STS_PROCESS_LINE_BYTES]; /* not written yet */
	size_t out_len;
	char line[STS_PROCESS_LINE_BYTES]; /* not read to its end yet */
	size_t line_len;
	bool line_cut; /* it is too long, and counts as empty */
	/* Killed processes that are not reaped yet. */
	pid_t gone[STS_PROCESS_GONE_MAX];
	size_t gone_count;
};

void sts_process_init(struct sts_process *process);

/* Starts a resolver: STS_OK or the fault. */
enum sts_status sts_process_start(
    struct sts_process *process, const struct sts_config *config);

/* Kills the resolver; sts_process_reap reaps it, and no other child. */
void sts_process_kill(struct sts_process *process);

/* Ends its input: it completes its work and exits. */
void sts_process_leave(struct sts_process *process);

/* Reaps killed processes that have exited; does not wait. */
void sts_process_reap(struct sts_process *process);

/* Appends the line "WORD NAME" to the output; false: no room now. */
bool sts_process_put(
    struct sts_process *process, const char *word, const char *name);

/*
 * Writes what fits into the pipe.  Returns the number of bytes, or -1 if the
 * resolver is gone.
 */
ssize_t sts_process_write(struct sts_process *process);

/*
 * Reads what is there and calls `line` for each line, without its line feed;
 * one that is too long has length 0.  False if the resolver is gone.
 */
typedef void sts_process_line(void *arg, const char *line, size_t len);
bool sts_process_read(
    struct sts_process *process, sts_process_line *line, void *arg);

/* Fills at most STS_PROCESS_FDS elements; returns how many. */
size_t sts_process_poll(const struct sts_process *process, struct pollfd *fds);

#endif
