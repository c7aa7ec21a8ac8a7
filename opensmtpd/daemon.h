/* SPDX-License-Identifier: ISC */
/*
 * What a program needs that smtpd starts once and dies with.
 */
#ifndef STS_OPENSMTPD_DAEMON_H
#define STS_OPENSMTPD_DAEMON_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Ignores every signal that would end us before our input does; makes standard
 * input non-blocking; sends the log to standard error, which is made
 * non-blocking where it is ours alone; promises, on OpenBSD, to do what these
 * programs do and no more.
 */
void sts_daemon_begin(const char *program, bool own_stderr);

/* Prints usage or version where that is what `argument` asks for. */
bool sts_daemon_is_option(const char *argument, const char *usage);

/* poll(2) until `due_ms` by sts_monotonic_ms, INT64_MAX for ever. */
void sts_daemon_poll(struct pollfd *fds, size_t count, int64_t due_ms);

/* True for an error of read(2) that is not the end of the input. */
bool sts_daemon_may_read_again(int error);

#endif
