/* SPDX-License-Identifier: ISC */
#include "fetcher/probe_reply.h"

#include <string.h>

/* Reads three digits, the first of them 2 to 5, into *code. */
static bool
parse_code(struct sts_cursor *c, int *code)
{
	*code = 0;
	for (int i = 0; i < 3; i++) {
		int byte = sts_cursor_peek(c);

		if (!sts_is_digit(byte))
			return false;
		(void)sts_cursor_byte(c, (char)byte);
		*code = *code * 10 + (byte - '0');
	}
	return *code >= 200 && *code <= 599;
}

/* ASCII only: strncasecmp(3) depends on the locale. */
static bool
is_starttls(struct sts_cursor c)
{
	static const char keyword[] = "starttls";

	for (size_t i = 0; keyword[i] != '\0'; i++) {
		if (!sts_cursor_byte(&c, keyword[i]) &&
		    !sts_cursor_byte(&c, (char)(keyword[i] - 'a' + 'A')))
			return false;
	}
	return sts_cursor_left(&c) == 0 || sts_cursor_blanks(&c);
}

static void
keep_text(struct sts_smtp_reply *reply, struct sts_cursor c)
{
	struct sts_span text = {c.p, sts_cursor_left(&c)};

	if (text.len >= sizeof(reply->text))
		text.len = sizeof(reply->text) - 1;
	(void)sts_span_copy(text, reply->text, sizeof(reply->text));
}

/* Parses one line without its end: "250-text", "250 text" or "250". */
static enum sts_smtp_progress
parse_line(struct sts_smtp_reply *reply, struct sts_span line)
{
	struct sts_cursor c;
	bool last;
	int code;

	if (line.len > 0 && line.p[line.len - 1] == '\r')
		line.len--;
	c = sts_cursor_make(line.p, line.len);
	if (memchr(line.p, '\0', line.len) != NULL || !parse_code(&c, &code))
		return STS_SMTP_BAD;
	/* All lines of a reply have the same code, RFC 5321 4.2.1. */
	if (reply->lines > 0 && code != reply->code)
		return STS_SMTP_BAD;
	last = sts_cursor_left(&c) == 0 || sts_cursor_byte(&c, ' ');
	if (!last && !sts_cursor_byte(&c, '-'))
		return STS_SMTP_BAD;
	reply->code = code;
	/* The first line only names the server. */
	if (reply->lines++ > 0 && is_starttls(c))
		reply->starttls = true;
	keep_text(reply, c);
	if (last)
		return STS_SMTP_DONE;
	return reply->lines < STS_SMTP_LINES_MAX ? STS_SMTP_MORE : STS_SMTP_BAD;
}

enum sts_smtp_progress
sts_smtp_reply_take(struct sts_smtp_reply *reply, struct sts_cursor *bytes)
{
	enum sts_smtp_progress progress = STS_SMTP_MORE;

	while (progress == STS_SMTP_MORE) {
		struct sts_cursor before = *bytes;
		struct sts_span line = {0};

		if (!sts_cursor_until(bytes, '\n', &line))
			break;
		if (line.len > STS_SMTP_LINE_MAX)
			return STS_SMTP_BAD;
		if (line.len == sts_cursor_left(&before)) {
			*bytes = before; /* the line is incomplete */
			break;
		}
		progress = parse_line(reply, line);
	}
	return progress;
}
