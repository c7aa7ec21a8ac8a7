/* SPDX-License-Identifier: ISC */
/* The policy file, RFC 8461 3.2, and its mode and times, 8 and 10.2. */
#include <stdio.h>
#include <string.h>

#include "publish/checks.h"

enum { WEEK = 7 * 86400, NOTES_MAX = 12, HTTP_OK = 200 };

#define RULE(...) STS_CHECKS_RULE(STS_PART_POLICY, __VA_ARGS__)

RULE(html, STS_PUBLISH_PROBLEM, "policy_html",
    "serve the policy as a plain text file; mta-sts publish DOMAIN writes one");
RULE(line_ends, STS_PUBLISH_REMARK, "policy_line_ends",
    "end each line in CR LF: unix2dos mta-sts.txt");
RULE(mixed_ends, STS_PUBLISH_REMARK, "policy_mixed_line_ends",
    "end each line in CR LF: unix2dos mta-sts.txt");
RULE(short_age, STS_PUBLISH_PROBLEM, "max_age_short",
    "once enforce has worked for some days: max_age: 1209600 (two weeks)");
RULE(testing, STS_PUBLISH_REMARK, "mode_testing",
    "when TLS reports have been clean for a week or two: mode: enforce, and a "
    "new id");
RULE(none, STS_PUBLISH_REMARK, "mode_none",
    "to protect mail: mode: testing, later enforce, and a new id each time");
RULE(same_id, STS_PUBLISH_PROBLEM, "id_unchanged",
    "change the id in _mta-sts.DOMAIN whenever the file changes");

/* What to do about what core/policy.h reports. */
static const struct note_rule {
	enum sts_status reason;
	const char *fix;
} note_rules[] = {
    {STS_POLICY_EMPTY, "mta-sts publish DOMAIN writes a policy file"},
    {STS_POLICY_NUL, "write the file anew with a plain text editor, as ASCII"},
    {STS_POLICY_BOM,
	"save the file without a byte order mark (UTF-8 without BOM)"},
    {STS_POLICY_NO_VERSION, "begin the file with: version: STSv1"},
    {STS_POLICY_BAD_VERSION, "write: version: STSv1"},
    {STS_POLICY_NO_MODE, "add: mode: testing"},
    {STS_POLICY_BAD_MODE, "write: mode: testing, or enforce, or none"},
    {STS_POLICY_NO_MAX_AGE, "add: max_age: 604800"},
    {STS_POLICY_BAD_MAX_AGE, "write seconds as digits: max_age: 604800"},
    {STS_POLICY_NO_MX, "add a line for each MX host: mx: mail.DOMAIN"},
    {STS_POLICY_BAD_MX,
	"write the host name alone, or \"*.\" and a name: mx: mail.DOMAIN"},
    {STS_WARN_MAX_AGE_CAPPED, "write at most: max_age: 31557600 (a year)"},
    {STS_WARN_MX_ADDRESS, "write the MX host's name in place of its address"},
    {STS_WARN_MX_DROPPED, "write the host name alone, or remove the line"},
    {STS_WARN_BLANK_LINE, "remove the line"},
    {STS_WARN_BAD_EXTENSION,
	"write \"name: value\", with nothing before the name, or remove the "
	"line; a policy has no comments"},
    {STS_WARN_DUPLICATE, "remove the second line"},
};

static const char *
fix_for(enum sts_status reason)
{
	for (size_t i = 0; i < sizeof(note_rules) / sizeof(note_rules[0]); i++)
		if (note_rules[i].reason == reason)
			return note_rules[i].fix;
	return "mta-sts lint policy FILE says more";
}

/* The findings of the parser. */

struct notes {
	const struct sts_checks *c;
	const struct sts_published_page *page;
	unsigned count;
};

/* The text of a line, from 1; empty if there is none. */
static struct sts_span
line_text(const struct sts_published_page *page, unsigned line)
{
	struct sts_cursor c = sts_cursor_make(page->body, page->body_len);
	struct sts_span text = {page->body, 0};

	while (line > 0 && sts_cursor_line(&c, &text))
		line--;
	if (line > 0)
		text.len = 0;
	return text;
}

static void
on_note(void *arg, unsigned line, enum sts_status reason, bool error)
{
	struct notes *notes = arg;
	struct sts_span text;
	struct sts_checks_rule rule = {
	    error ? STS_PUBLISH_PROBLEM : STS_PUBLISH_REMARK, STS_PART_POLICY,
	    sts_status_name(reason), fix_for(reason)};

	if (++notes->count > NOTES_MAX)
		return;
	text = line_text(notes->page, line);
	if (line == 0)
		sts_checks_found(notes->c, &rule, "", "%s%s",
		    sts_status_text(reason),
		    error ? ", so senders do not use it" : "");
	else
		sts_checks_found(notes->c, &rule, "", "line %u: %s%s: \"%.*s\"",
		    line, sts_status_text(reason),
		    error ? ", so senders do not use the policy" : "",
		    sts_checks_shown(text.len), text.p);
}

static bool
looks_like_html(const struct sts_published_page *page)
{
	struct sts_cursor c = sts_cursor_make(page->body, page->body_len);

	while (sts_cursor_peek(&c) == ' ' || sts_cursor_peek(&c) == '\n' ||
	    sts_cursor_peek(&c) == '\r' || sts_cursor_peek(&c) == '\t')
		c.p++;
	return sts_cursor_peek(&c) == '<';
}

static void
check_line_ends(
    const struct sts_checks *c, const struct sts_published_page *page)
{
	size_t bare = 0, both = 0;

	for (size_t i = 0; i < page->body_len; i++) {
		if (page->body[i] != '\n')
			continue;
		if (i > 0 && page->body[i - 1] == '\r')
			both++;
		else
			bare++;
	}
	if (bare > 0 && both > 0)
		sts_checks_found(c, &mixed_ends, "",
		    "%zu lines end in CR LF and %zu in LF alone; some "
		    "senders' parsers split such a file at the wrong places",
		    both, bare);
	else if (bare > 0)
		sts_checks_found(c, &line_ends, "",
		    "the lines end in LF alone; RFC 8461 allows it, but some "
		    "senders and checkers want CR LF");
}

/* Mode and times. */

static void
check_mode(const struct sts_checks *c)
{
	long long age = c->policy.max_age;

	if (c->policy.mode == STS_MODE_TESTING)
		sts_checks_found(c, &testing, "",
		    "the mode is still testing: senders report what fails, "
		    "and deliver all the same, also to an attacker");
	else if (c->policy.mode == STS_MODE_NONE)
		sts_checks_found(c, &none, "",
		    "the mode is none: senders act as if there were no "
		    "policy");
	else if (age < WEEK)
		sts_checks_found(c, &short_age, "",
		    "max_age is %lld seconds, less than a week: an attacker "
		    "has to keep senders from the policy host for only that "
		    "long (RFC 8461, 10.2, recommends weeks or more)",
		    age);
}

/* Whether each pattern of a is one of b. */
static bool
is_within(const struct sts_policy *a, const struct sts_policy *b)
{
	struct sts_mx_walk one = {0};
	char pattern[STS_PATTERN_MAX + 1], other[STS_PATTERN_MAX + 1];

	while (sts_policy_mx_next(a, &one, pattern)) {
		struct sts_mx_walk two = {0};
		bool found = false;

		while (!found && sts_policy_mx_next(b, &two, other))
			found = strcmp(pattern, other) == 0;
		if (!found)
			return false;
	}
	return true;
}

static void
check_id(const struct sts_checks *c)
{
	const struct sts_published *p = c->p;
	char id[STS_ID_MAX + 1];
	struct sts_policy stored;

	if (p->stored_body == NULL || sts_published_id(p, id) != STS_OK ||
	    strcmp(id, p->stored_id) != 0 ||
	    sts_policy_parse(
		&stored, p->stored_body, p->stored_len, NULL, NULL) != STS_OK)
		return;
	if (stored.mode == c->policy.mode &&
	    stored.max_age == c->policy.max_age &&
	    is_within(&stored, &c->policy) && is_within(&c->policy, &stored))
		return;
	sts_checks_found(c, &same_id, "",
	    "the file has changed and the id has not: this machine has "
	    "another policy (mode %s, max_age %lld) with the same id %s, and "
	    "senders that have it do not look for the new one",
	    sts_mode_name(stored.mode), (long long)stored.max_age, id);
}

void
sts_checks_policy(const struct sts_checks *c)
{
	const struct sts_published_page *page = &c->p->page[STS_URL_POLICY];
	struct notes notes = {.c = c, .page = page};
	struct sts_policy policy;

	if (!page->asked || page->status != STS_OK || page->http != HTTP_OK ||
	    page->cut || page->large)
		return;
	if (page->body == NULL)
		on_note(&notes, 0, STS_POLICY_EMPTY, true);
	else if (looks_like_html(page))
		sts_checks_found(c, &html, "",
		    "what is served is a web page (HTML), not a policy");
	else {
		(void)sts_policy_parse(
		    &policy, page->body, page->body_len, on_note, &notes);
		check_line_ends(c, page);
	}
	if (!c->has_policy)
		return;
	check_mode(c);
	check_id(c);
}
