/* SPDX-License-Identifier: ISC */
/*
 * Exim's daemon, as Linux shows it in /proc.  At SIGHUP it starts itself anew,
 * which may fail where `exim -bV` finds nothing wrong: it then does not run any
 * more, and no mail comes in.
 */
#ifndef STS_EXIM_ENABLE_EXIM_DAEMON_H
#define STS_EXIM_ENABLE_EXIM_DAEMON_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/listening.h"

enum { STS_DAEMON_ARGS_MAX = 10, STS_DAEMON_COMMAND_BYTES = 2048 };

struct sts_daemon {
	const char *binary;   /* Exim; the caller's */
	const char *pid_file; /* the caller's */
	pid_t pid;            /* 0: none runs */
	struct sts_ports ports;
	char unit[256]; /* the service of systemd that it is, or "" */
	/* The command that it was started by, as its words; no more: "". */
	char command[STS_DAEMON_COMMAND_BYTES];
	size_t command_len;
	char why[256]; /* after false from the two below */
	/*
	 * For tests: how long it may take to be there, may be gone in between,
	 * and must then stay, in milliseconds; 0: as usual.
	 */
	int wait_ms, gone_ms, stays_ms;
};

/* Finds it by its file, which may name a process that is another's by now. */
void sts_daemon_find(
    struct sts_daemon *d, const char *binary, const char *pid_file);

/*
 * Has it read its configuration again.  True once it has started anew, listens
 * on each port that it had, and is still there a moment later.
 */
bool sts_daemon_hang_up(struct sts_daemon *d);

/*
 * After that, and once its configuration is another: restarts its service, else
 * starts it by its own command, or has it read once more where it still runs.
 * True if it then listens on each port that it had when it was found.
 */
bool sts_daemon_start(struct sts_daemon *d);

/* The command that starts it, for the operator; into buf. */
const char *sts_daemon_command(
    const struct sts_daemon *d, char buf[STS_DAEMON_COMMAND_BYTES]);

#endif
