/* SPDX-License-Identifier: ISC */
/*
 * A body is read line by line, each line as one field.  The parser reads it
 * twice, first for the mode alone, then for everything, and mx patterns are
 * read again with the same function when needed: so nothing is stored or
 * allocated, and each pass is linear.
 *
 * The fields of RFC 8461 3.2 are parsed to the letter.  Elsewhere that would
 * reject policies in use, for example for a blank line at the end: those get
 * warnings.
 */
#include "core/policy.h"

#include "core/domain.h"
#include "core/grammar.h"

enum { MAX_AGE_DIGITS = 10 }; /* sts-policy-max-age-value */

/* The first three count once, and index `seen`. */
enum field {
	FIELD_VERSION,
	FIELD_MODE,
	FIELD_MAX_AGE,
	FIELD_MX,
	FIELD_EXTENSION,
	FIELD_BLANK,     /* empty, or blanks only */
	FIELD_ILL_FORMED /* not a field of the grammar */
};

struct line {
	enum field field;
	struct sts_span value; /* without blanks around it */
};

/* The state of a parse. */
struct parse {
	struct sts_policy *policy;
	sts_policy_note *note;
	void *arg;
	unsigned line;          /* of the field being parsed */
	enum sts_status status; /* the first error's */
	bool seen[FIELD_MX];    /* version, mode, max_age */
	bool mode_is_known;     /* policy->mode is set */
	bool mx_rejects;        /* an ill-formed mx was an error */
	unsigned usable_mx;     /* patterns that are no address */
};

static const struct {
	const char *name;
	enum sts_mode mode;
} modes[] = {
    {"none", STS_MODE_NONE},
    {"testing", STS_MODE_TESTING},
    {"enforce", STS_MODE_ENFORCE},
};

const char *
sts_mode_name(enum sts_mode mode)
{
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (modes[i].mode == mode)
			return modes[i].name;
	}
	return "";
}

static bool
mode_parse(struct sts_span value, enum sts_mode *out)
{
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (sts_span_is(value, modes[i].name)) {
			*out = modes[i].mode;
			return true;
		}
	}
	return false;
}

/* sts-policy-vchar without UTF-8, and the space. */
static bool
is_ascii_value_byte(int byte)
{
	return byte >= ' ' && byte < 0x7f;
}

/* sts-policy-ext-value: visible ASCII, inner spaces (no tabs), UTF-8. */
static bool
is_extension_value(struct sts_span value)
{
	struct sts_cursor c = sts_cursor_make(value.p, value.len);

	do {
		(void)sts_cursor_while(&c, is_ascii_value_byte);
	} while (sts_utf8_sequence(&c));
	return value.len > 0 && sts_cursor_left(&c) == 0;
}

/*
 * Names are compared as whole tokens and in their case: "mx2", "Mode" and "MX"
 * are extensions.  The grammar has no blank before the name or the colon.
 */
static enum field
classify(struct sts_span name, struct sts_span value)
{
	if (sts_span_is(name, "version"))
		return FIELD_VERSION;
	if (sts_span_is(name, "mode"))
		return FIELD_MODE;
	if (sts_span_is(name, "max_age"))
		return FIELD_MAX_AGE;
	if (sts_span_is(name, "mx"))
		return FIELD_MX;
	return is_extension_value(value) ? FIELD_EXTENSION : FIELD_ILL_FORMED;
}

/* Drops the *WSP that may follow a field.  A lone CR is not a blank. */
static void
trim_end(struct sts_span *s)
{
	while (s->len > 0 && sts_is_blank((unsigned char)s->p[s->len - 1]))
		s->len--;
}

/* The next line as a field; false at the end of the body. */
static bool
next_line(struct sts_cursor *body, struct line *line)
{
	struct sts_span text, name;
	struct sts_cursor c;

	if (!sts_cursor_line(body, &text))
		return false;
	trim_end(&text);
	line->value.p = text.p;
	line->value.len = 0;
	line->field = text.len == 0 ? FIELD_BLANK : FIELD_ILL_FORMED;
	c = sts_cursor_make(text.p, text.len);
	if (!sts_field_name(&c, &name) || !sts_cursor_byte(&c, ':'))
		return true;
	(void)sts_cursor_blanks(&c);
	line->value.p = c.p;
	line->value.len = sts_cursor_left(&c);
	line->field = classify(name, line->value);
	return true;
}

/* Reports a finding; the first error becomes the status. */
static void
note(struct parse *p, unsigned line, enum sts_status reason, bool error)
{
	if (error && p->status == STS_OK)
		p->status = reason;
	if (p->note != NULL)
		p->note(p->arg, line, reason, error);
}

static void
fail(struct parse *p, enum sts_status reason)
{
	note(p, p->line, reason, true);
}

static void
warn(struct parse *p, enum sts_status reason)
{
	note(p, p->line, reason, false);
}

/* sts-policy-mx-value; sets the name, without "*.". */
static bool
pattern_name(struct sts_span pattern, struct sts_span *name)
{
	struct sts_cursor c = sts_cursor_make(pattern.p, pattern.len);

	(void)sts_cursor_literal(&c, "*.");
	name->p = c.p;
	name->len = sts_cursor_left(&c);
	return sts_domain_is_ldh(*name);
}

enum sts_status
sts_pattern_check(const char *pattern)
{
	struct sts_span s = {pattern, strlen(pattern)}, name;

	return pattern_name(s, &name) ? STS_OK : STS_BAD_PATTERN;
}

/*
 * A policy of mode none uses no mx, so an ill-formed one must not stop it from
 * replacing an earlier policy.  A U-label always does: 3.2 forbids it
 * explicitly, and its author would think that it counts.
 */
static void
parse_mx(struct parse *p, struct sts_span value)
{
	bool optional = p->mode_is_known && p->policy->mode == STS_MODE_NONE;
	struct sts_span name;

	if (!pattern_name(value, &name)) {
		if (optional && !sts_has_non_ascii(value)) {
			warn(p, STS_WARN_MX_DROPPED);
		} else {
			p->mx_rejects = true;
			fail(p, STS_POLICY_BAD_MX);
		}
		return;
	}
	p->policy->mx_count++;
	if (sts_domain_is_address_like(name))
		warn(p, STS_WARN_MX_ADDRESS);
	else
		p->usable_mx++;
}

/* Only digits: a sign, a blank or a fraction is ill-formed. */
static void
parse_max_age(struct parse *p, struct sts_span value)
{
	struct sts_cursor c = sts_cursor_make(value.p, value.len);

	if (!sts_cursor_number(&c, MAX_AGE_DIGITS, &p->policy->max_age) ||
	    sts_cursor_left(&c) > 0) {
		fail(p, STS_POLICY_BAD_MAX_AGE);
	} else if (p->policy->max_age > STS_MAX_AGE_LIMIT) {
		/* The grammar allows more than the text: erratum 7282. */
		p->policy->max_age = STS_MAX_AGE_LIMIT;
		warn(p, STS_WARN_MAX_AGE_CAPPED);
	}
}

/* Checks one field against its grammar and the fields before it. */
static void
parse_line(struct parse *p, const struct line *line)
{
	/*
	 * 3.2: all entries of a duplicate field but the first SHALL be ignored.
	 * The file is valid, so there is no warning.
	 */
	if (line->field < FIELD_MX) {
		if (p->seen[line->field])
			return;
		p->seen[line->field] = true;
	}
	switch (line->field) {
	case FIELD_VERSION:
		if (!sts_span_is(line->value, "STSv1"))
			fail(p, STS_POLICY_BAD_VERSION);
		break;
	case FIELD_MODE:
		/* find_mode has read this very line. */
		if (!p->mode_is_known)
			fail(p, STS_POLICY_BAD_MODE);
		break;
	case FIELD_MAX_AGE:
		parse_max_age(p, line->value);
		break;
	case FIELD_MX:
		parse_mx(p, line->value);
		break;
	case FIELD_EXTENSION:
		break;
	case FIELD_BLANK:
		warn(p, STS_WARN_BLANK_LINE);
		break;
	case FIELD_ILL_FORMED:
		warn(p, STS_WARN_BAD_EXTENSION);
		break;
	}
}

/*
 * The first mode line counts, wherever it is: it decides what an ill-formed mx
 * means, and findings are reported in the order of the lines.
 */
static void
find_mode(struct parse *p, struct sts_cursor body)
{
	struct line line;

	while (next_line(&body, &line)) {
		if (line.field == FIELD_MODE) {
			p->mode_is_known =
			    mode_parse(line.value, &p->policy->mode);
			return;
		}
	}
}

/* Checks for missing fields. */
static void
check_required(struct parse *p)
{
	if (!p->seen[FIELD_VERSION])
		note(p, 0, STS_POLICY_NO_VERSION, true);
	if (!p->seen[FIELD_MODE])
		note(p, 0, STS_POLICY_NO_MODE, true);
	if (!p->seen[FIELD_MAX_AGE])
		note(p, 0, STS_POLICY_NO_MAX_AGE, true);
	/* Addresses match no MX host, so they alone permit nothing. */
	if (p->mode_is_known && p->policy->mode != STS_MODE_NONE &&
	    p->usable_mx == 0 && !p->mx_rejects)
		note(p, 0, STS_POLICY_NO_MX, true);
}

/*
 * What rejects a body regardless of its lines, else STS_OK.  A byte order mark
 * would become part of the first name, and a NUL would end the body early for a
 * reader that takes it as a string.
 */
static enum sts_status
body_fault(const char *body, size_t len)
{
	static const char *const marks[] = {
	    "\xef\xbb\xbf", "\xfe\xff", "\xff\xfe"};
	struct sts_cursor c = sts_cursor_make(body, len);

	if (len > STS_BODY_MAX)
		return STS_FETCH_TOO_LARGE;
	if (len == 0)
		return STS_POLICY_EMPTY;
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		if (sts_cursor_literal(&c, marks[i]))
			return STS_POLICY_BOM;
	}
	return memchr(body, '\0', len) != NULL ? STS_POLICY_NUL : STS_OK;
}

/* The line of the first NUL, for editors that do not show it. */
static unsigned
nul_line(const char *body, size_t len)
{
	struct sts_cursor c = sts_cursor_make(body, len);
	struct sts_span text;
	unsigned line = 0;

	while (sts_cursor_line(&c, &text)) {
		line++;
		if (text.len > 0 && memchr(text.p, '\0', text.len) != NULL)
			break;
	}
	return line;
}

enum sts_status
sts_policy_parse(struct sts_policy *policy, const char *body, size_t len,
    sts_policy_note *note_function, void *arg)
{
	struct parse p = {.policy = policy,
	    .note = note_function,
	    .arg = arg,
	    .status = STS_OK};
	struct sts_cursor c;
	struct line line;
	enum sts_status fault = body_fault(body, len);

	memset(policy, 0, sizeof(*policy));
	policy->body = body;
	if (fault != STS_OK) {
		note(&p, fault == STS_POLICY_NUL ? nul_line(body, len) : 0,
		    fault, true);
		return fault;
	}
	policy->body_len = len;
	c = sts_cursor_make(body, len);
	find_mode(&p, c);
	while (next_line(&c, &line)) {
		p.line++;
		parse_line(&p, &line);
	}
	check_required(&p);
	return p.status;
}

bool
sts_policy_mx_next(const struct sts_policy *policy, struct sts_mx_walk *walk,
    char pattern[STS_PATTERN_MAX + 1])
{
	struct sts_cursor c;
	struct sts_span name;
	struct line line;

	if (walk->offset >= policy->body_len)
		return false;
	c = sts_cursor_make(
	    policy->body + walk->offset, policy->body_len - walk->offset);
	/* An ill-formed one occurs only in mode none. */
	while (next_line(&c, &line)) {
		if (line.field != FIELD_MX || !pattern_name(line.value, &name))
			continue;
		walk->offset = policy->body_len - sts_cursor_left(&c);
		for (size_t i = 0; i < line.value.len; i++)
			pattern[i] = sts_ascii_lower(line.value.p[i]);
		pattern[line.value.len] = '\0';
		return true;
	}
	walk->offset = policy->body_len;
	return false;
}
