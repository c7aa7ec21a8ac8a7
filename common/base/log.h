/* SPDX-License-Identifier: ISC */
/*
 * The logger: one line for each event, "key=value" fields, the domain first.
 *
 * The program chooses once where lines go; until then, and always in Exim's
 * plugin, they are dropped.  The backslash and bytes outside printable ASCII
 * are written as \xHH, so that nothing from the network can forge a line.
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
 * Chooses the sink and the lowest severity that is written.  `program` must
 * stay valid.  The syslog facility is mail.
 */
void sts_log_open(
    const char *program, enum sts_log_sink sink, enum sts_log_level threshold);

/*
 * Logs one event.  `domain` may be NULL.  The format gives the other fields,
 * for example "event=fetch reason=%s"; a line is cut at 1,000 bytes.
 */
void sts_log(enum sts_log_level level, const char *domain, const char *format,
    ...) __attribute__((format(printf, 3, 4)));

#endif
