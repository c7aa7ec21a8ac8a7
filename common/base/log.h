/* SPDX-License-Identifier: ISC */
/*
 * The logger: one line for each event, "key=value" fields, the domain first.
 *
 * The program chooses where lines go; until then they are dropped.  Exim's
 * plugin sends those about sessions to syslog, and drops all others.  The
 * backslash and bytes outside printable ASCII are written as \xHH, so that
 * nothing from the network can forge a line.
 */
#ifndef STS_BASE_LOG_H
#define STS_BASE_LOG_H

enum sts_log_level {
	STS_LOG_ERROR,
	STS_LOG_WARNING,
	STS_LOG_INFO,
	STS_LOG_DEBUG
};

enum sts_log_sink {
	STS_LOG_NOWHERE,
	STS_LOG_SYSLOG,
	/*
	 * Syslog, in a process whose syslog(3) is another's: never blocks,
	 * keeps no descriptor, and loses the line where that is not possible.
	 */
	STS_LOG_DATAGRAM,
	STS_LOG_STDERR
};

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
