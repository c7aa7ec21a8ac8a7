/* SPDX-License-Identifier: ISC */
#include "resolver/fetcher_input.h"

#include <stdlib.h>
#include <string.h>

void
sts_fetcher_input_reset(struct sts_fetcher_input *in)
{
	free(in->body);
	memset(in, 0, sizeof(*in));
}

static void
report(struct sts_fetcher_input *in,
    const struct sts_fetcher_input_calls *calls, void *arg)
{
	struct sts_wire_reply reply = in->reply;
	char *body = in->body;

	in->body = NULL;
	in->body_len = 0;
	in->in_reply = false;
	if (body != NULL)
		body[reply.length] = '\0';
	calls->reply(arg, &reply, body);
	free(body);
}

static enum sts_status
begin_reply(struct sts_fetcher_input *in, struct sts_span line,
    const struct sts_fetcher_input_calls *calls, void *arg)
{
	if (!sts_wire_parse_reply(line, &in->reply) ||
	    !calls->may_be(arg, &in->reply))
		return STS_FETCHER_REPLY;
	in->in_reply = true;
	if (in->reply.length == 0)
		report(in, calls, arg);
	else if ((in->body = malloc(in->reply.length + 1)) == NULL)
		return STS_NO_MEMORY;
	return STS_OK;
}

/* Expects "end NUMBER", which is not here if the length was wrong. */
static enum sts_status
end_reply(struct sts_fetcher_input *in, struct sts_span line,
    const struct sts_fetcher_input_calls *calls, void *arg)
{
	if (!sts_wire_is_end(line, in->reply.number))
		return STS_FETCHER_REPLY;
	report(in, calls, arg);
	return STS_OK;
}

static enum sts_status
read_line(struct sts_fetcher_input *in,
    const struct sts_fetcher_input_calls *calls, void *arg)
{
	struct sts_span line = {in->line, in->line_len};
	struct sts_wire_hello hello;

	in->line_len = 0;
	if (in->in_reply)
		return end_reply(in, line, calls, arg);
	if (in->greeted)
		return begin_reply(in, line, calls, arg);
	if (!sts_wire_parse_hello(line, &hello))
		return STS_FETCHER_REPLY;
	in->greeted = calls->hello(arg, &hello);
	return STS_OK;
}

/* Reads as much of the body as there is; returns the number of bytes. */
static size_t
read_body(struct sts_fetcher_input *in, const char *bytes, size_t len)
{
	size_t missing = in->reply.length - in->body_len;
	size_t some = len < missing ? len : missing;

	memcpy(in->body + in->body_len, bytes, some);
	in->body_len += some;
	return some;
}

/* Reads a line or a part of one; returns the number of bytes. 0: too long. */
static size_t
read_text(
    struct sts_fetcher_input *in, const char *bytes, size_t len, bool *whole)
{
	const char *end = memchr(bytes, '\n', len);
	size_t some = end != NULL ? (size_t)(end - bytes) : len;

	if (some >= sizeof(in->line) - in->line_len)
		return 0;
	memcpy(in->line + in->line_len, bytes, some);
	in->line_len += some;
	*whole = end != NULL;
	return some + (end != NULL);
}

enum sts_status
sts_fetcher_input_take(struct sts_fetcher_input *in, const char *bytes,
    size_t len, const struct sts_fetcher_input_calls *calls, void *arg)
{
	enum sts_status status = STS_OK;

	while (len > 0 && status == STS_OK) {
		bool whole = false, greeted = in->greeted;
		size_t some;

		if (in->in_reply && in->body_len < in->reply.length)
			some = read_body(in, bytes, len);
		else if ((some = read_text(in, bytes, len, &whole)) == 0)
			return STS_FETCHER_REPLY;
		bytes += some;
		len -= some;
		if (!whole)
			continue;
		status = read_line(in, calls, arg);
		/* Refused, or a callback has reset the input. */
		if (!in->greeted && (greeted || status == STS_OK))
			break;
	}
	return status;
}
