/* SPDX-License-Identifier: ISC */
/*
 * The logger: one line an event, "key=value" fields, the domain first.
 *
 * Where lines go is chosen once by the program; until then, and in the Exim
 * dlfunc for ever, they go nowhere.  Bytes outside printable ASCII, the
 * backslash among them, are written as \xHH, so that nothing from the network
 * can forge a line.
 */
#ifndef STS_BASE_LOG_H
#define STS_BASE_LOG_H

enum sts_log_level {
	STS_LOG_ERROR,
	STS_LOG_WARNING,
	STS_LOG_INFO,
	STS_LOG_DEBUG
};

enum sts_log_sink { STS_LOG_NOWHERE, STS_LOG_SYSLOG, STS_LOG_STDERR };

/*
 * Chooses the sink, and the least important level that is still written.
 * `program` must stay valid.  Syslog is opened with the mail facility.
 */
void sts_log_open(
    const char *program, enum sts_log_sink sink, enum sts_log_level threshold);

/*
 * One event.  `domain` may be NULL.  The format gives the other fields, for
 * example "event=fetch reason=%s"; a line is cut at 1,000 bytes.
 */
void sts_log(enum sts_log_level level, const char *domain, const char *format,
    ...) __attribute__((format(printf, 3, 4)));

#endif
