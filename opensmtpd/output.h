/* SPDX-License-Identifier: ISC */
/*
 * Output to smtpd, which exits if a line is missing, doubled or torn: whatever
 * was added is written completely and in order, or, once smtpd does not read
 * any more, not at all.
 */
#ifndef STS_OPENSMTPD_OUTPUT_H
#define STS_OPENSMTPD_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes that may be queued before a program stops reading requests. */
enum { STS_OUTPUT_HIGH = 8 * 1024 * 1024 };

struct sts_output {
	int fd;
	char *buf;
	size_t start; /* the first unwritten byte */
	size_t end;
	size_t size;
	bool broken; /* the reader is gone */
};

/* Makes the descriptor non-blocking; it stays the caller's. */
void sts_output_open(struct sts_output *output, int fd);
void sts_output_close(struct sts_output *output);

/*
 * Queues bytes.  Without memory, waits until all queued ones are written, then
 * writes these: an answer is never lost.
 */
void sts_output_add(struct sts_output *output, const char *bytes, size_t len);

/* Writes what is possible without waiting. */
void sts_output_flush(struct sts_output *output);

/* Bytes that are queued. */
size_t sts_output_pending(const struct sts_output *output);

/* Waits, `max_ms` at most, until everything is written. */
void sts_output_drain(struct sts_output *output, int64_t max_ms);

#endif
