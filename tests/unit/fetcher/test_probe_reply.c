/* SPDX-License-Identifier: ISC */
/* Replies of an SMTP server, whole and in pieces, well-formed and not. */
#include <stdio.h>
#include <string.h>

#include "fetcher/probe_reply.h"
#include "tests/unit/lib/tap.h"

static const char *const names[] = {"more", "done", "bad"};

/* The progress on `bytes`, all at once, the last byte before a guard page. */
static enum sts_smtp_progress
take(struct sts_smtp_reply *reply, const char *bytes, size_t len, size_t *left)
{
	char *copy = guard_copy(bytes, len);
	struct sts_cursor c = sts_cursor_make(copy, len);
	enum sts_smtp_progress progress;

	memset(reply, 0, sizeof(*reply));
	progress = sts_smtp_reply_take(reply, &c);
	*left = sts_cursor_left(&c);
	guard_free(copy, len);
	return progress;
}

static void
check(const char *bytes, enum sts_smtp_progress want, int code, bool starttls,
    const char *what)
{
	struct sts_smtp_reply reply;
	size_t left;
	enum sts_smtp_progress got = take(&reply, bytes, strlen(bytes), &left);

	is_str(names[got], names[want], "%s", what);
	if (want != STS_SMTP_DONE)
		return;
	is_int(reply.code, code, "%s: the code", what);
	ok(reply.starttls == starttls, "%s: STARTTLS or not", what);
	is_int((long long)left, 0, "%s: all is taken", what);
}

static void
test_whole(void)
{
	check("220 mx\r\n", STS_SMTP_DONE, 220, false, "one line");
	check("220\r\n", STS_SMTP_DONE, 220, false, "a bare code");
	check("220 \n", STS_SMTP_DONE, 220, false, "LF alone");
	check("554-no\r\n554 really\r\n", STS_SMTP_DONE, 554, false, "two");
	check("250-mx\r\n250 STARTTLS\r\n", STS_SMTP_DONE, 250, true,
	    "the keyword in the last line");
	check("250-mx\r\n250-StartTLS\r\n250\r\n", STS_SMTP_DONE, 250, true,
	    "in any case, in the middle");
	check("250-mx\r\n250 STARTTLS \r\n", STS_SMTP_DONE, 250, true,
	    "a blank after it");
	check("250 STARTTLS\r\n", STS_SMTP_DONE, 250, false,
	    "the first line is the server's name");
	check("250-mx\r\n250 STARTTLSX\r\n", STS_SMTP_DONE, 250, false,
	    "a longer word");
	check("250-mx\r\n250 STARTTL\r\n", STS_SMTP_DONE, 250, false,
	    "a shorter word");
	check("250-mx\r\n250  STARTTLS\r\n", STS_SMTP_DONE, 250, false,
	    "a blank before it");
}

static void
test_ill_formed(void)
{
	static const char *const rows[] = {"\r\n", "\n", "2\r\n", "22\r\n",
	    "22x hi\r\n", "220x hi\r\n", "220\thi\r\n", "2200 hi\r\n",
	    " 220 hi\r\n", "-220 hi\r\n", "199 hi\r\n", "600 hi\r\n",
	    "000 hi\r\n", "220-mx\r\n221 mx\r\n", "220-mx\r\n\r\n",
	    "220-mx\r\nmx\r\n", "\xb2\xb2\xb0 hi\r\n"};
	struct sts_smtp_reply reply;
	size_t left;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		is_str(names[take(&reply, rows[i], strlen(rows[i]), &left)],
		    "bad", "ill-formed reply %zu", i);
	}
	is_str(names[take(&reply, "220 m\0x\r\n", 9, &left)], "bad", "a NUL");
}

/* However it is cut, the outcome is that of the whole. */
static void
test_pieces(void)
{
	static const char whole[] = "250-mx\r\n250-SIZE\r\n250 STARTTLS\r\n";
	struct sts_smtp_reply reply;
	size_t left, len = sizeof(whole) - 1;

	for (size_t cut = 0; cut < len; cut++) {
		enum sts_smtp_progress first = take(&reply, whole, cut, &left);
		struct sts_cursor rest =
		    sts_cursor_make(whole + cut - left, len - cut + left);

		is_str(names[first], "more", "%zu bytes are not enough", cut);
		is_str(names[sts_smtp_reply_take(&reply, &rest)], "done",
		    "with the rest they are");
		ok(reply.starttls && reply.lines == 3, "and nothing is lost");
	}
}

static void
test_what_follows(void)
{
	static const char bytes[] = "220 go\r\n250-mx\r\n250";
	struct sts_smtp_reply reply;
	size_t left;

	is_str(names[take(&reply, bytes, sizeof(bytes) - 1, &left)], "done",
	    "bytes after a reply");
	is_int((long long)left, 11, "are left");
	is_int(reply.code, 220, "and are none of it");
}

static void
test_bounds(void)
{
	static char bytes[STS_SMTP_LINES_MAX * 8 + STS_SMTP_LINE_MAX + 8];
	struct sts_smtp_reply reply;
	size_t left, at = 0;

	memset(bytes, 'x', sizeof(bytes));
	memcpy(bytes, "220 ", 4);
	bytes[STS_SMTP_LINE_MAX] = '\n';
	is_str(names[take(&reply, bytes, STS_SMTP_LINE_MAX + 1, &left)], "done",
	    "the longest line");
	is_int((long long)strlen(reply.text), STS_SMTP_TEXT_MAX - 1,
	    "its text is cut");
	bytes[STS_SMTP_LINE_MAX] = 'x';
	bytes[STS_SMTP_LINE_MAX + 1] = '\n';
	is_str(names[take(&reply, bytes, STS_SMTP_LINE_MAX + 2, &left)], "bad",
	    "a line too long");
	is_str(names[take(&reply, bytes, STS_SMTP_LINE_MAX, &left)], "more",
	    "one that may still end in time");
	is_str(names[take(&reply, bytes, STS_SMTP_LINE_MAX + 1, &left)], "bad",
	    "one that cannot");
	for (int i = 0; i < STS_SMTP_LINES_MAX; i++, at += 6)
		memcpy(bytes + at, "250-x\n", 6);
	memcpy(bytes + at, "250 x\n", 6);
	is_str(
	    names[take(&reply, bytes, at + 6, &left)], "bad", "too many lines");
	is_str(names[take(&reply, bytes + 6, at, &left)], "done",
	    "as many as allowed");
	is_int(reply.lines, STS_SMTP_LINES_MAX, "are counted");
}

int
main(void)
{
	test_whole();
	test_ill_formed();
	test_pieces();
	test_what_follows();
	test_bounds();
	return tap_done();
}
