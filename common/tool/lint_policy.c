/* SPDX-License-Identifier: ISC */
/*
 * The cause of a fault in a policy.  Each rule is a guess at the publisher's
 * mistake, the most specific first; the parser has accepted or rejected the
 * line before, and nothing here changes that.
 */
#include <stdio.h>
#include <string.h>

#include "base/resemble.h"
#include "core/domain.h"
#include "core/grammar.h"
#include "tool/lint.h"

enum { WEEK = 7 * 86400 };

/* A line as people read it, without leading and trailing blanks. */
struct loose {
	struct sts_span name; /* before ":" or "=", or the whole line */
	struct sts_span value;
	char separator; /* ':', '=' or '\0' */
	bool indented;
	bool blank_before_separator;
};

static struct loose
split(struct sts_span line)
{
	struct loose l = {.name = sts_span_trim(line)};
	size_t len = 0;

	l.indented = l.name.len > 0 && l.name.p != line.p;
	while (len < l.name.len && l.name.p[len] != ':' && l.name.p[len] != '=')
		len++;
	if (len == l.name.len)
		return l;
	l.separator = l.name.p[len];
	l.value = sts_span_trim(
	    (struct sts_span){l.name.p + len + 1, l.name.len - len - 1});
	l.name.len = len;
	l.blank_before_separator = sts_span_trim(l.name).len != len;
	l.name = sts_span_trim(l.name);
	return l;
}

/* True if the span has a byte of the set. */
static bool
has_any(struct sts_span s, const char *bytes)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] != '\0' && strchr(bytes, s.p[i]) != NULL)
			return true;
	}
	return false;
}

static bool
begins(struct sts_span s, const char *text)
{
	return s.len >= strlen(text) && memcmp(s.p, text, strlen(text)) == 0;
}

/* The field that was probably meant, or NULL. */
static const char *
meant_field(struct sts_span name)
{
	static const char *const fields[] = {
	    "version", "mode", "max_age", "mx"};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (name.len > 0 &&
		    sts_resembles(name.p, name.len, fields[i]) &&
		    !(strcmp(fields[i], "mx") == 0 && name.len == 1))
			return fields[i];
	}
	return NULL;
}

/* "port 25", "10 mx.d.test", "Priority 5: mx.d.test". */
static bool
has_priority(struct sts_span v)
{
	struct sts_cursor c = sts_cursor_make(v.p, v.len);

	if (sts_cursor_while(&c, sts_is_digit).len > 0 && sts_cursor_blanks(&c))
		return true;
	return v.len > 8 && sts_resembles(v.p, 8, "priority");
}

/* "*" anywhere but as the whole first label. */
static bool
has_odd_wildcard(struct sts_span v)
{
	if (begins(v, "*."))
		v = (struct sts_span){v.p + 2, v.len - 2};
	return has_any(v, "*");
}

static bool
has_bad_hyphen(struct sts_span v)
{
	return begins(v, "-") || v.len == 0 || v.p[v.len - 1] == '-' ||
	    sts_span_contains(v, "-.") || sts_span_contains(v, ".-");
}

/* A label of more than 63 bytes, or more than 253 in all. */
static bool
is_too_long(struct sts_span v)
{
	size_t label = 0;

	for (size_t i = 0; i < v.len; i++) {
		label = v.p[i] == '.' ? 0 : label + 1;
		if (label > 63)
			return true;
	}
	return v.len > STS_NAME_MAX;
}

/* Suggests A-labels for a name in another script. */
static void
unicode_cause(struct sts_span v, char cause[STS_CAUSE_BYTES])
{
	char name[STS_NAME_MAX * 4], ascii[STS_NAME_MAX + 1];
	bool wildcard = begins(v, "*.");

	if (wildcard)
		v = (struct sts_span){v.p + 2, v.len - 2};
	if (sts_span_copy(v, name, sizeof(name)) &&
	    sts_domain_normalise(name, ascii) == STS_OK)
		(void)snprintf(cause, STS_CAUSE_BYTES,
		    "it is not in ASCII; write %s%s", wildcard ? "*." : "",
		    ascii);
	else
		(void)snprintf(cause, STS_CAUSE_BYTES,
		    "it is not in ASCII, and no A-label (xn--...) stands for "
		    "it");
}

/* The fault of a value that looks like a name. */
static const char *
name_cause(struct sts_span v)
{
	if (has_odd_wildcard(v))
		return "\"*\" stands for the whole first label and nothing "
		       "else: \"*.example.com\"";
	if (sts_span_contains(v, ".."))
		return "it has an empty label (two dots)";
	if (begins(v, "."))
		return "it begins with a dot; for all hosts directly below a "
		       "name write \"*.\" and the name";
	if (v.p[v.len - 1] == '.')
		return "it ends in a dot; write it without";
	if (has_any(v, "_"))
		return "a host name has no underscore";
	if (is_too_long(v))
		return "a label is longer than 63 bytes, or the name than 253";
	if (has_bad_hyphen(v))
		return "a label begins or ends with a hyphen";
	return "it has a byte in it that no host name has";
}

/* Why a value is not an mx pattern (RFC 8461 3.2, 4.1). */
static const char *
mx_cause(struct sts_span v)
{
	if (sts_span_contains(v, "://"))
		return "it is a URL; write the host name alone";
	if (sts_span_contains(v, " #") || sts_span_contains(v, "\t#") ||
	    sts_span_contains(v, " ;"))
		return "a comment cannot follow a value";
	if (has_priority(v))
		return "the priority of the MX record does not belong here";
	if (has_any(v, "@"))
		return "it is a mail address; write the name of an MX host";
	if (has_any(v, ",;"))
		return "a line takes one name; write one mx line for each";
	if (has_any(v, "[]"))
		return "it is an address in brackets; write a host name";
	if (has_any(v, " \t"))
		return "it has a blank in it; a line takes one name";
	if (has_any(v, ":"))
		return memchr(v.p, ':', v.len) == memrchr(v.p, ':', v.len)
		    ? "it has a port; write the host name alone"
		    : "it is an IPv6 address; write a host name";
	if (has_any(v, "/\\"))
		return "it has a path or an escape in it; write a host name";
	return name_cause(v);
}

static const char *
version_cause(struct sts_span v)
{
	if (sts_resembles(v.p, v.len, "STSv1"))
		return "write STSv1, which is case-sensitive";
	if (has_any(v, "\"';,"))
		return "write STSv1, with nothing around it";
	return "write STSv1";
}

static const char *
mode_cause(struct sts_span v)
{
	if (sts_resembles(v.p, v.len, "enforce") ||
	    sts_resembles(v.p, v.len, "enforced"))
		return "write enforce, in lower case";
	if (sts_resembles(v.p, v.len, "testing") ||
	    sts_resembles(v.p, v.len, "test"))
		return "write testing, in lower case";
	if (sts_resembles(v.p, v.len, "none"))
		return "write none, in lower case";
	if (has_any(v, " \t#;"))
		return "nothing can follow the value";
	return "";
}

static const char *
max_age_cause(struct sts_span v)
{
	struct sts_cursor c = sts_cursor_make(v.p, v.len);
	size_t digits = sts_cursor_while(&c, sts_is_digit).len;

	if (digits == v.len)
		return "it has more than 10 digits; 31557600 (a year) is the "
		       "largest that counts";
	if (begins(v, "-") || begins(v, "+"))
		return "it has a sign";
	if (digits > 0 && has_any(v, "#"))
		return "a comment cannot follow a value";
	if (digits > 0 && has_any(v, ".,'_ "))
		return "digits are not grouped, and have no fraction";
	return "write seconds, as digits alone: 604800 is a week";
}

/* Why the value of a field is not accepted. */
static const char *
value_cause(enum sts_status reason, struct sts_span v)
{
	if (v.len == 0)
		return "there is no value";
	if (reason == STS_POLICY_BAD_VERSION)
		return version_cause(v);
	if (has_any(v, "\"'`"))
		return "it is in quotes";
	if (reason == STS_POLICY_BAD_MODE)
		return mode_cause(v);
	return reason == STS_POLICY_BAD_MAX_AGE ? max_age_cause(v)
						: mx_cause(v);
}

/* Why a line is not a field. */
static const char *
form_cause(struct sts_span line, const struct loose *l)
{
	if (l->indented)
		return "the line begins with a blank";
	if (begins(l->name, "#") || begins(l->name, ";") ||
	    begins(l->name, "//"))
		return "a policy has no comments";
	if (begins(l->name, "<"))
		return "this is HTML";
	if (has_any(line, "\r"))
		return "a carriage return (CR) alone does not end a line";
	if (l->separator == '=')
		return "write \":\" in place of \"=\"";
	if (l->separator == '\0')
		return "there is no \":\"";
	if (l->blank_before_separator)
		return "there is a blank before the \":\"";
	if (l->value.len == 0)
		return "there is no value";
	if (has_any(l->name, " \t"))
		return "the name has a blank in it";
	if (sts_has_non_ascii(l->name))
		return "the name is not in ASCII";
	return "";
}

void
sts_lint_policy_cause(enum sts_status reason, struct sts_span line,
    struct sts_span *value, char cause[STS_CAUSE_BYTES])
{
	bool mx = reason == STS_POLICY_BAD_MX || reason == STS_WARN_MX_DROPPED;
	struct loose l = split(line);
	const char *why = "";

	*value = l.value;
	cause[0] = '\0';
	if (mx && sts_has_non_ascii(l.value))
		unicode_cause(l.value, cause);
	else if (mx || reason == STS_POLICY_BAD_VERSION ||
	    reason == STS_POLICY_BAD_MODE || reason == STS_POLICY_BAD_MAX_AGE)
		why = value_cause(reason, l.value);
	else if (reason == STS_WARN_BAD_EXTENSION) {
		*value = line;
		why = form_cause(line, &l);
	} else if (reason != STS_WARN_MX_ADDRESS &&
	    reason != STS_WARN_MAX_AGE_CAPPED)
		value->len = 0;
	if (why[0] != '\0')
		(void)snprintf(cause, STS_CAUSE_BYTES, "%s", why);
}

static const char *
missing_field(enum sts_status reason)
{
	static const char *const fields[STS_STATUS_COUNT] = {
	    [STS_POLICY_NO_VERSION] = "version",
	    [STS_POLICY_NO_MODE] = "mode",
	    [STS_POLICY_NO_MAX_AGE] = "max_age",
	    [STS_POLICY_NO_MX] = "mx"};

	return fields[reason];
}

/* Cut to fit a line on a screen; escaped when printed. */
static int
shown(struct sts_span s)
{
	return s.len > 60 ? 60 : (int)s.len;
}

unsigned
sts_lint_meant_line(enum sts_status reason, const char *bytes, size_t len,
    char cause[STS_CAUSE_BYTES])
{
	struct sts_cursor c = sts_cursor_make(bytes, len);
	const char *field = missing_field(reason), *why;
	struct sts_span line;

	cause[0] = '\0';
	for (unsigned number = 1; field != NULL && sts_cursor_line(&c, &line);
	     number++) {
		struct loose l = split(line);
		const char *meant = meant_field(l.name);

		if (meant == NULL || strcmp(meant, field) != 0)
			continue;
		why = form_cause(line, &l);
		if (why[0] != '\0')
			(void)snprintf(cause, STS_CAUSE_BYTES, "%s", why);
		else if (!sts_span_is(l.name, field))
			(void)snprintf(cause, STS_CAUSE_BYTES,
			    "\"%.*s\" is not a field; was \"%s\" meant?",
			    shown(l.name), l.name.p, field);
		else
			continue;
		return number;
	}
	return 0;
}

/* The fields read so far. */
struct advisor {
	sts_lint_advice *advise;
	void *arg;
	const struct sts_policy *policy;
	unsigned first[3]; /* line of version, mode, max_age; 0: none yet */
	unsigned line;
};

static void
advise_mx(struct advisor *a, struct sts_span value)
{
	char text[STS_CAUSE_BYTES];

	if (!begins(value, "*.") ||
	    memchr(value.p + 2, '.', value.len - 2) != NULL)
		return;
	(void)snprintf(text, sizeof(text),
	    "\"%.*s\" permits every host directly below \"%.*s\"", shown(value),
	    value.p, shown(value) - 2, value.p + 2);
	a->advise(a->arg, a->line, text, "lint_mx_wide");
}

/* RFC 8461 10.2: weeks or more; but mode none is to end soon (8.3). */
static void
advise_max_age(struct advisor *a)
{
	char text[STS_CAUSE_BYTES];

	if (a->policy->mode == STS_MODE_NONE || a->policy->max_age >= WEEK)
		return;
	(void)snprintf(text, sizeof(text),
	    "max_age %lld is less than a week; an attacker has to block "
	    "fetches for that long only, RFC 8461 (10.2) recommends weeks "
	    "or more",
	    (long long)a->policy->max_age);
	a->advise(a->arg, a->line, text, "lint_max_age_short");
}

/* A field that may occur once; true if this line counts. */
static bool
is_first(struct advisor *a, unsigned which, struct sts_span name)
{
	char text[STS_CAUSE_BYTES];

	if (a->first[which] == 0) {
		a->first[which] = a->line;
		return true;
	}
	(void)snprintf(text, sizeof(text),
	    "%.*s was set in line %u; this line is ignored", shown(name),
	    name.p, a->first[which]);
	a->advise(a->arg, a->line, text, "lint_duplicate");
	return false;
}

static void
advise_line(struct advisor *a, const struct loose *l)
{
	const char *meant = meant_field(l->name);
	char text[STS_CAUSE_BYTES];

	if (sts_span_is(l->name, "mx"))
		advise_mx(a, l->value);
	else if (sts_span_is(l->name, "version"))
		(void)is_first(a, 0, l->name);
	else if (sts_span_is(l->name, "mode"))
		(void)is_first(a, 1, l->name);
	else if (sts_span_is(l->name, "max_age") && is_first(a, 2, l->name))
		advise_max_age(a);
	else if (meant != NULL && !sts_span_is(l->name, meant)) {
		(void)snprintf(text, sizeof(text),
		    "\"%.*s\" is not a field and is ignored; was \"%s\" meant?",
		    shown(l->name), l->name.p, meant);
		a->advise(a->arg, a->line, text, "lint_unknown_field");
	}
}

void
sts_lint_advise(const char *bytes, size_t len, const struct sts_policy *policy,
    sts_lint_advice *advise, void *arg)
{
	struct advisor a = {.advise = advise, .arg = arg, .policy = policy};
	struct sts_cursor c = sts_cursor_make(bytes, len);
	struct sts_span line;

	while (sts_cursor_line(&c, &line)) {
		struct loose l = split(line);

		a.line++;
		/* For others the parser has reported the fault. */
		if (!l.indented && !l.blank_before_separator &&
		    l.separator == ':')
			advise_line(&a, &l);
	}
}
