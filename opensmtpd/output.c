/* SPDX-License-Identifier: ISC */
/*
 * smtpd writes requests without waiting for answers, and may be slow to read
 * them; if each waited for the other, mail would stop.  So answers are queued
 * without a limit of their own: there is one for each request, and the program
 * stops reading requests when too much is queued.
 */
#include "opensmtpd/output.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/child.h"

enum {
	SIZE_FIRST = 16 * 1024,
	SIZE_KEPT = 256 * 1024, /* of an empty buffer; more is freed */
	NO_LIMIT = -1
};

void
sts_output_open(struct sts_output *output, int fd)
{
	int flags = fcntl(fd, F_GETFL);

	memset(output, 0, sizeof(*output));
	output->fd = fd;
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
		output->broken = flags < 0;
}

void
sts_output_close(struct sts_output *output)
{
	free(output->buf);
	memset(output, 0, sizeof(*output));
	output->fd = -1;
	output->broken = true;
}

size_t
sts_output_pending(const struct sts_output *output)
{
	return output->end - output->start;
}

/* The buffer is empty: starts again, or frees a large one. */
static void
forget(struct sts_output *o)
{
	o->start = o->end = 0;
	if (o->size > SIZE_KEPT) {
		free(o->buf);
		o->buf = NULL;
		o->size = 0;
	}
}

/* Returns the number of bytes written, or -1 if the reader is gone. */
static ssize_t
write_some(struct sts_output *o, const char *bytes, size_t len)
{
	ssize_t n;

	do
		n = write(o->fd, bytes, len);
	while (n < 0 && errno == EINTR);
	if (n >= 0)
		return n;
	if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS)
		return 0;
	o->broken = true;
	return -1;
}

void
sts_output_flush(struct sts_output *output)
{
	while (!output->broken && output->start < output->end) {
		ssize_t n = write_some(output, output->buf + output->start,
		    output->end - output->start);

		if (n <= 0)
			break;
		output->start += (size_t)n;
	}
	if (output->broken || output->start == output->end)
		forget(output);
}

/* Waits until the descriptor is writable, or never will be. */
static void
wait_writable(struct sts_output *o, int ms)
{
	struct pollfd p = {.fd = o->fd, .events = POLLOUT};

	if (poll(&p, 1, ms) > 0 && (p.revents & (POLLNVAL | POLLERR)) != 0)
		o->broken = true;
}

void
sts_output_drain(struct sts_output *output, int64_t max_ms)
{
	int64_t end_ms = sts_monotonic_ms() + max_ms;

	sts_output_flush(output);
	while (sts_output_pending(output) > 0) {
		int64_t left = end_ms - sts_monotonic_ms();

		if (max_ms != NO_LIMIT && left <= 0)
			return;
		wait_writable(output,
		    max_ms == NO_LIMIT || left > 1000 ? 1000 : (int)left);
		sts_output_flush(output);
	}
}

/* Makes room for `len` more bytes; false: no memory. */
static bool
reserve(struct sts_output *o, size_t len)
{
	size_t used = sts_output_pending(o), size = o->size;
	char *more;

	if (o->size - o->end >= len)
		return true;
	/* Moving a little each time would cost more than it gains. */
	if (o->start > o->size / 2) {
		memmove(o->buf, o->buf + o->start, used);
		o->start = 0;
		o->end = used;
	}
	if (size == 0)
		size = SIZE_FIRST;
	while (size - o->end < len)
		size *= 2;
	if (size == o->size)
		return true;
	if ((more = realloc(o->buf, size)) == NULL)
		return false;
	o->buf = more;
	o->size = size;
	return true;
}

void
sts_output_add(struct sts_output *output, const char *bytes, size_t len)
{
	if (output->broken)
		return;
	if (reserve(output, len)) {
		memcpy(output->buf + output->end, bytes, len);
		output->end += len;
		return;
	}
	/* No memory: it must wait, since a lost answer is worse. */
	sts_output_drain(output, NO_LIMIT);
	while (len > 0 && !output->broken) {
		ssize_t n = write_some(output, bytes, len);

		if (n < 0)
			return;
		bytes += n;
		len -= (size_t)n;
		if (len > 0)
			wait_writable(output, 1000);
	}
}
