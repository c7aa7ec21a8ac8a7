/* SPDX-License-Identifier: ISC */
/*
 * Conditions of match rules, all but "for": [!] KEYWORD [regex] [VALUES].
 * smtpd takes each keyword at most once in a rule, values only in quotes where
 * they could be keywords, and "from auth" and "from mail-from" as "from any"
 * with that condition.
 */
#include <string.h>

#include "opensmtpd/check/smtpd.h"

struct condition {
	bool negated;
	bool from;  /* after "from" */
	bool regex; /* its values are regular expressions */
	const char *keyword;
	const struct sts_smtpd_word *value; /* NULL: any */
	size_t count;                       /* words, with braces and commas */
};

static bool
is_keyword(const struct sts_smtpd_word *w)
{
	static const char *const keywords[] = {"auth", "for", "from", "helo",
	    "mail-from", "rcpt-to", "tag", "tls"};

	for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++) {
		if (sts_smtpd_is(w, keywords[i]))
			return true;
	}
	return false;
}

static bool
takes_no_value(const char *keyword)
{
	return strcmp(keyword, "any") == 0 || strcmp(keyword, "local") == 0 ||
	    strcmp(keyword, "socket") == 0 || strcmp(keyword, "tls") == 0;
}

/* The values from `at` on, with "regex" before them; returns the index after.
 */
static size_t
read_values(const struct sts_smtpd_rule *r, size_t at, struct condition *c)
{
	const struct sts_smtpd_statement *s = r->statement;
	size_t begin;

	c->regex = at < r->end && sts_smtpd_is(&s->word[at], "regex");
	at += c->regex;
	if (at >= r->end || at == r->for_begin || is_keyword(&s->word[at]) ||
	    sts_smtpd_is_mark(&s->word[at], '!'))
		return at;
	begin = at;
	c->value = &s->word[begin];
	if (sts_smtpd_is_mark(&s->word[at], '{')) {
		while (at < r->end && !sts_smtpd_is_mark(&s->word[at], '}'))
			at++;
	}
	at = at < r->end ? at + 1 : r->end;
	c->count = at - begin;
	return at;
}

/* The next one from *at on; false: there is none. */
static bool
next_condition(const struct sts_smtpd_rule *r, size_t *at, struct condition *c)
{
	const struct sts_smtpd_statement *s = r->statement;

	memset(c, 0, sizeof(*c));
	for (; *at < r->end; (*at)++) {
		if (*at == r->for_begin && r->for_end > *at)
			*at = r->for_end;
		if (*at >= r->end)
			return false;
		/* In smtpd before "from"; read on either side of it. */
		if (sts_smtpd_is_mark(&s->word[*at], '!'))
			c->negated = true;
		else if (sts_smtpd_is(&s->word[*at], "from"))
			c->from = true;
		else
			break;
	}
	if (*at >= r->end)
		return false;
	c->keyword = s->word[(*at)++].text;
	if (!takes_no_value(c->keyword))
		*at = read_values(r, *at, c);
	return true;
}

static bool
find(const struct sts_smtpd_rule *r, const char *keyword, struct condition *c)
{
	for (size_t at = 1; next_condition(r, &at, c);) {
		if (strcmp(c->keyword, keyword) == 0)
			return true;
	}
	return false;
}

/* From where; as in smtpd, a rule without "from" is for local mail. */
static void
find_from(const struct sts_smtpd_rule *r, struct condition *c)
{
	for (size_t at = 1; next_condition(r, &at, c);) {
		if (!c->from)
			continue;
		if (strcmp(c->keyword, "auth") == 0 ||
		    strcmp(c->keyword, "mail-from") == 0)
			*c = (struct condition){.keyword = "any"};
		return;
	}
	*c = (struct condition){.keyword = "local"};
}

bool
sts_smtpd_rule_has(const struct sts_smtpd_rule *r, const char *keyword)
{
	struct condition c;

	return find(r, keyword, &c);
}

bool
sts_smtpd_rule_requires(const struct sts_smtpd_rule *r, const char *keyword)
{
	struct condition c;

	return find(r, keyword, &c) && !c.negated;
}

bool
sts_smtpd_is_from_local(const struct sts_smtpd_rule *r)
{
	struct condition c;

	find_from(r, &c);
	return !c.negated &&
	    (strcmp(c.keyword, "local") == 0 ||
		strcmp(c.keyword, "socket") == 0);
}

/* Whether a value is among those of a condition; tables by their names. */
static bool
has_value(const struct condition *c, const struct sts_smtpd_word *value)
{
	for (size_t i = 0; i < c->count; i++) {
		if (c->value[i].kind != STS_SMTPD_MARK &&
		    (c->value[i].kind == STS_SMTPD_TABLE) ==
			(value->kind == STS_SMTPD_TABLE) &&
		    strcmp(c->value[i].text, value->text) == 0)
			return true;
	}
	return false;
}

/* True if each value of `few` is one of `many`, without regard to "!". */
static bool
is_subset(const struct condition *few, const struct condition *many)
{
	if (many->value == NULL)
		return true;
	if (few->value == NULL || few->regex != many->regex)
		return false;
	for (size_t i = 0; i < few->count; i++) {
		if (few->value[i].kind != STS_SMTPD_MARK &&
		    !has_value(many, &few->value[i]))
			return false;
	}
	return true;
}

/* True if what meets `narrow` meets `wide`, too, of the same keyword. */
static bool
implies(const struct condition *narrow, const struct condition *wide)
{
	if (narrow->negated != wide->negated)
		return false;
	/* smtpd: a client without a name meets neither "rdns" nor "! rdns". */
	if (strcmp(wide->keyword, "rdns") == 0 &&
	    (narrow->value == NULL) != (wide->value == NULL))
		return false;
	return narrow->negated ? is_subset(wide, narrow)
			       : is_subset(narrow, wide);
}

static bool
from_implies(const struct condition *narrow, const struct condition *wide)
{
	if (!wide->negated && strcmp(wide->keyword, "any") == 0)
		return true;
	if (strcmp(narrow->keyword, wide->keyword) == 0)
		return implies(narrow, wide);
	/* What comes in by the socket is local. */
	return !narrow->negated && !wide->negated &&
	    strcmp(narrow->keyword, "socket") == 0 &&
	    strcmp(wide->keyword, "local") == 0;
}

bool
sts_smtpd_covers(
    const struct sts_smtpd_rule *wide, const struct sts_smtpd_rule *narrow)
{
	struct condition w, n;

	find_from(wide, &w);
	find_from(narrow, &n);
	if (!from_implies(&n, &w))
		return false;
	for (size_t at = 1; next_condition(wide, &at, &w);) {
		if (w.from && strcmp(w.keyword, "auth") != 0 &&
		    strcmp(w.keyword, "mail-from") != 0)
			continue;
		if (!find(narrow, w.keyword, &n) || !implies(&n, &w))
			return false;
	}
	return true;
}

static bool
has_one_of(const struct sts_smtpd_rule *r, const char *const *keywords)
{
	for (; *keywords != NULL; keywords++) {
		if (sts_smtpd_rule_has(r, *keywords))
			return true;
	}
	return false;
}

/* "for any", and not for all but some. */
static bool
is_for_all(const struct sts_smtpd_rule *r)
{
	return r->for_any && !r->for_not &&
	    sts_smtpd_is(
		sts_smtpd_word_at(r->statement, r->for_begin + 1), "any");
}

bool
sts_smtpd_is_for_local(const struct sts_smtpd_rule *r, bool whole)
{
	static const char *const more[] = {
	    "tag", "auth", "helo", "tls", "rdns", "src", NULL};
	static const char *const who[] = {"mail-from", "rcpt-to", NULL};

	if (!sts_smtpd_is_from_local(r) || !is_for_all(r) ||
	    has_one_of(r, more))
		return false;
	return whole ? !has_one_of(r, who) : !sts_smtpd_rule_has(r, "socket");
}

bool
sts_smtpd_takes_tagged(
    const struct sts_smtpd_rule *r, const struct sts_smtpd_word *tag)
{
	static const char *const more[] = {"auth", "helo", "tls", "rdns", "src",
	    "socket", "mail-from", "rcpt-to", NULL};
	struct condition c;

	find_from(r, &c);
	return is_for_all(r) && !c.negated && !has_one_of(r, more) &&
	    find(r, "tag", &c) && !c.negated && !c.regex && has_value(&c, tag);
}

/* Sessions of this machine, by TCP and without a name, may be refused by it. */
static bool
may_refuse_local(const struct sts_smtpd_rule *r)
{
	static const char *const session[] = {"auth", "helo", "tls", NULL};
	struct condition c;

	find_from(r, &c);
	if (strcmp(c.keyword, "any") == 0 || strcmp(c.keyword, "local") == 0)
		return !c.negated && has_one_of(r, session);
	return c.negated;
}

bool
sts_smtpd_may_refuse_held(const struct sts_smtpd_rule *r)
{
	return r->end < r->statement->count &&
	    sts_smtpd_is(&r->statement->word[r->end], "reject") &&
	    !sts_smtpd_rule_has(r, "tag") && may_refuse_local(r);
}

bool
sts_smtpd_excludes_tagged(
    const struct sts_smtpd_rule *r, const struct sts_smtpd_word *tag)
{
	struct condition c;

	return find(r, "tag", &c) && c.negated && !c.regex &&
	    has_value(&c, tag);
}
