/* SPDX-License-Identifier: ISC */
/* Common to the programs that smtpd starts and depends on. */
#ifndef STS_OPENSMTPD_DAEMON_H
#define STS_OPENSMTPD_DAEMON_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Ignores every signal that would end the program before its input does; makes
 * standard input non-blocking; logs to standard error, which it makes
 * non-blocking if `own_stderr`; on OpenBSD, pledges what these programs need.
 */
void sts_daemon_begin(const char *program, bool own_stderr);

/* Prints usage or version if that is what `argument` requests. */
bool sts_daemon_is_option(const char *argument, const char *usage);

/* poll(2) until `due_ms` by sts_monotonic_ms, INT64_MAX for ever. */
void sts_daemon_poll(struct pollfd *fds, size_t count, int64_t due_ms);

/* True for an error of read(2) that is not the end of the input. */
bool sts_daemon_may_read_again(int error);

#endif
