/* SPDX-License-Identifier: ISC */
/* The bounded cursor: what it takes, what it leaves, and never past the end. */
#include <string.h>

#include "base/cursor.h"
#include "tests/unit/lib/tap.h"

/* A cursor over a copy whose last byte is followed by a guard page. */
struct guarded {
	struct sts_cursor c;
	char *copy;
	size_t len;
};

static struct guarded
guard(const char *bytes, size_t len)
{
	struct guarded g;

	g.copy = guard_copy(bytes, len);
	g.len = len;
	g.c = sts_cursor_make(g.copy, len);
	return g;
}

static struct guarded
guard_text(const char *text)
{
	return guard(text, strlen(text));
}

static void
left_is(struct guarded *g, const char *rest, const char *what)
{
	struct sts_span s = {g->c.p, sts_cursor_left(&g->c)};

	ok(sts_span_is(s, rest), "%s", what);
	guard_free(g->copy, g->len);
}

static void
test_bytes(void)
{
	struct guarded g = guard("\xff"
				 "b",
	    2);

	is_int(sts_cursor_peek(&g.c), 0xff, "a byte is 0 to 255");
	ok(!sts_cursor_byte(&g.c, 'b'), "another byte is not consumed");
	ok(sts_cursor_byte(&g.c, '\xff'), "the byte is");
	ok(sts_cursor_byte(&g.c, 'b'), "the next too");
	is_int(sts_cursor_peek(&g.c), -1, "the end is -1");
	ok(!sts_cursor_byte(&g.c, '\0'), "no byte is at the end");
	left_is(&g, "", "nothing is left");
}

static void
test_literal(void)
{
	struct guarded g = guard_text("v=STS");

	ok(!sts_cursor_literal(&g.c, "v=STSv1"), "one longer than the rest");
	ok(!sts_cursor_literal(&g.c, "V="), "case matters");
	ok(sts_cursor_literal(&g.c, "v="), "a literal is consumed");
	ok(sts_cursor_literal(&g.c, ""), "the empty one always");
	left_is(&g, "STS", "the rest is left");
}

static void
test_runs(void)
{
	struct guarded g = guard_text(" \t12a");
	struct sts_span s;

	ok(sts_cursor_blanks(&g.c), "blanks");
	ok(!sts_cursor_blanks(&g.c), "no more blanks");
	s = sts_cursor_while(&g.c, sts_is_digit);
	ok(sts_span_is(s, "12"), "a run of digits");
	s = sts_cursor_while(&g.c, sts_is_digit);
	is_int((long long)s.len, 0, "an empty run");
	left_is(&g, "a", "the rest is left");
}

static void
test_until(void)
{
	struct guarded g = guard_text("a;;b");
	struct sts_span s;

	ok(sts_cursor_until(&g.c, ';', &s) && sts_span_is(s, "a"), "a part");
	ok(sts_cursor_until(&g.c, ';', &s) && s.len == 0, "an empty part");
	ok(sts_cursor_until(&g.c, ';', &s) && sts_span_is(s, "b"), "the last");
	ok(!sts_cursor_until(&g.c, ';', &s), "no more");
	left_is(&g, "", "nothing is left");
}

static void
test_lines(void)
{
	struct guarded g = guard_text("a\nb\r\n\n\r\nc\rd\r\r\ne\r");
	static const char *const lines[] = {"a", "b", "", "", "c\rd\r", "e\r"};
	struct sts_span s;

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		ok(sts_cursor_line(&g.c, &s) && sts_span_is(s, lines[i]),
		    "line %zu", i + 1);
	ok(!sts_cursor_line(&g.c, &s), "no more lines");
	left_is(&g, "", "nothing is left");
	g = guard_text("");
	ok(!sts_cursor_line(&g.c, &s), "nothing has no line");
	left_is(&g, "", "nothing is left");
}

static void
number(const char *text, unsigned max, long long expected, const char *rest)
{
	struct guarded g = guard_text(text);
	int64_t value = -1;
	bool is = sts_cursor_number(&g.c, max, &value);

	ok(is == (expected >= 0), "'%s' with %u digits", text, max);
	is_int(value, expected, "its value");
	left_is(&g, rest, "what it leaves");
}

static void
test_numbers(void)
{
	number("0", 1, 0, "");
	number("007x", 3, 7, "x");
	number("9999999999", 10, 9999999999, "");
	number("10000000000", 10, -1, "10000000000");
	number("999999999999999999", 18, 999999999999999999, "");
	number("9999999999999999999", 19, -1, "9999999999999999999");
	number("", 5, -1, "");
	number("-1", 5, -1, "-1");
	number("+1", 5, -1, "+1");
	number(" 1", 5, -1, " 1");
}

static void
test_spans(void)
{
	struct sts_span s = {"abc\0", 3}, nul = {"a\0b", 3}, none = {NULL, 0};
	char buf[4];

	ok(sts_span_is(s, "abc"), "equal");
	ok(!sts_span_is(s, "ab"), "longer");
	ok(!sts_span_is(s, "abcd"), "shorter");
	ok(!sts_span_is(s, "abC"), "case matters");
	ok(!sts_span_is(nul, "a"), "a NUL ends nothing");
	ok(sts_span_copy(s, buf, 4), "it fits exactly");
	is_str(buf, "abc", "and is copied");
	ok(!sts_span_copy(s, buf, 3), "it does not fit");
	is_str(buf, "", "and leaves nothing");
	ok(!sts_span_copy(nul, buf, 4), "a NUL is refused");
	ok(sts_span_copy(none, buf, 1), "nothing fits one byte");
	ok(!sts_span_copy(none, buf, 0), "but not none");
}

static void
test_classes(void)
{
	unsigned digits = 0, alnums = 0, blanks = 0;

	for (int byte = -1; byte <= 255; byte++) {
		digits += sts_is_digit(byte);
		alnums += sts_is_alnum(byte);
		blanks += sts_is_blank(byte);
	}
	is_int(digits, 10, "ten digits");
	is_int(alnums, 62, "62 letters and digits");
	is_int(blanks, 2, "two blanks");
	ok(sts_is_blank('\t') && sts_is_blank(' '), "tab and space");
}

static void
test_heads(void)
{
	char buf[4] = "xyz";

	sts_copy_head(buf, "ab", sizeof(buf));
	is_str(buf, "ab", "what fits is copied whole");
	sts_copy_head(buf, "abcd", sizeof(buf));
	is_str(buf, "abc", "of the rest, as much as fits");
	sts_copy_head(buf, "abcd", 1);
	is_str(buf, "", "nothing where only the NUL fits");
}

int
main(void)
{
	test_bytes();
	test_literal();
	test_runs();
	test_until();
	test_lines();
	test_numbers();
	test_spans();
	test_classes();
	test_heads();
	return tap_done();
}
