/* SPDX-License-Identifier: ISC */
/*
 * Match rules: before each group of rules that relay mail for any domain, those
 * that ask the table about the same mail.
 */
#include <stdlib.h>

#include "opensmtpd/enable/smtpd_placing.h"

bool
sts_smtpd_is_for_users(const struct sts_smtpd_rule *r)
{
	return sts_smtpd_rule_requires(r, "auth") &&
	    !sts_smtpd_rule_has(r, "tag") && !sts_smtpd_is_from_local(r);
}

/* "match" and the conditions of a rule, without for whom. */
static void
write_conditions(const struct sts_smtpd_placing *p, FILE *out,
    const struct sts_smtpd_rule *r)
{
	size_t middle = r->for_end > 0 ? r->for_begin : r->end;

	(void)fputs("match", out);
	if (p->add_tag && sts_smtpd_is_for_users(r))
		(void)fputs(" tag SUBMIT", out);
	sts_smtpd_write_words(p, out, r->statement, 1, middle);
	if (r->for_end > 0)
		sts_smtpd_write_words(p, out, r->statement, r->for_end, r->end);
}

enum sts_smtpd_held
sts_smtpd_may_hold(const struct sts_smtpd *smtpd)
{
	enum sts_smtpd_held held = HELD_NONE;

	for (size_t i = 0; i < smtpd->rule_count; i++) {
		if (!sts_smtpd_is_catch_all(smtpd, i))
			continue;
		if (sts_smtpd_is_for_local(&smtpd->rule[i], true))
			return HELD_ALL;
		if (sts_smtpd_is_for_local(&smtpd->rule[i], false))
			held = HELD_SOME;
	}
	return held;
}

/* Whether the rules for held mail take what this rule takes. */
static bool
is_held(const struct sts_smtpd_placing *p, const struct sts_smtpd_rule *r)
{
	return p->held == HELD_ALL ||
	    (p->held == HELD_SOME && sts_smtpd_is_for_local(r, false));
}

/* Held mail of the senders and recipients that rules name; no other. */
static void
write_held_some(const struct sts_smtpd_placing *p, FILE *out)
{
	for (size_t i = 0; i < p->smtpd.rule_count; i++) {
		const struct sts_smtpd_rule *r = &p->smtpd.rule[i];

		if (!sts_smtpd_is_catch_all(&p->smtpd, i) ||
		    !sts_smtpd_is_for_local(r, false))
			continue;
		for (int strict = 1; strict >= 0; strict--) {
			(void)fputs("match tag HELD", out);
			sts_smtpd_write_words(
			    p, out, r->statement, 1, r->for_begin);
			sts_smtpd_write_words(
			    p, out, r->statement, r->for_end, r->end);
			if (strict)
				(void)fprintf(
				    out, " for domain <%s>", p->table);
			else
				(void)fputs(" for any", out);
			(void)fprintf(out, " action \"%s\"\n",
			    strict ? p->strict : r->action->word[1].text);
		}
	}
	(void)fputs("match tag HELD from local for any reject\n", out);
}

static void
write_held(const struct sts_smtpd_placing *p, FILE *out)
{
	if (p->held == HELD_SOME)
		write_held_some(p, out);
	else
		(void)fprintf(out,
		    "match tag HELD from local for domain <%s> action \"%s\"\n"
		    "match tag HELD from local for any action \"%s\"\n",
		    p->table, p->strict, p->plain->word[1].text);
}

/* The rules for one table, beside those from `from` to `to`. */
static void
write_rules(const struct sts_smtpd_placing *p, FILE *out, size_t from,
    size_t to, const char *table, const char *action)
{
	for (; from < to; from++) {
		if (action == p->hold && !is_held(p, &p->smtpd.rule[from]))
			continue;
		write_conditions(p, out, &p->smtpd.rule[from]);
		(void)fprintf(
		    out, " for domain <%s> action \"%s\"\n", table, action);
	}
}

/* TLS reports must leave although a policy is in the way (RFC 8460 3). */
static void
write_reports(const struct sts_smtpd_placing *p, FILE *out)
{
	const char *from = sts_smtpd_report_sender(p->smtpd.config);

	if (from[0] == '\0')
		return;
	for (size_t i = 0; i < p->smtpd.rule_count; i++) {
		if (sts_smtpd_is_sender_rule(
			&p->smtpd, &p->smtpd.rule[i], from))
			return;
	}
	(void)fprintf(out,
	    "match from local mail-from \"%s\" for any action \"%s\"\n", from,
	    p->plain->word[1].text);
}

static void
write_group(
    struct sts_smtpd_placing *p, FILE *out, size_t from, size_t to, bool first)
{
	if (first)
		write_reports(p, out);
	if (first && p->add_hold)
		write_held(p, out);
	write_rules(p, out, from, to, p->unknown, p->hold);
	write_rules(p, out, from, to, p->table, p->strict);
}

/* Refuses what the table's rules cannot say as the operator's does. */
static void
check_rule(struct sts_smtpd_placing *p, const struct sts_smtpd_rule *r)
{
	const struct sts_smtpd_statement *s = r->statement;
	const char *fix = "before it, with its conditions: for domain "
			  "<mta-sts> action \"mta-sts\", as the guide "
			  "(opensmtpd.md) shows";

	if (s->included)
		sts_smtpd_refuse(p, s, fix,
		    "this line is in a file that is included, which is left "
		    "as it is");
	if (sts_smtpd_is_packed(s))
		sts_smtpd_refuse(p, s, "write them out",
		    "several words of this rule come from one macro");
	if (r->for_not)
		sts_smtpd_refuse(p, s, fix,
		    "the rule relays mail for all domains but some, which a "
		    "rule with a table cannot say");
	if (r->for_end > 0 &&
	    !sts_smtpd_is(&s->word[r->for_begin + 1], "any") && !r->for_not)
		sts_smtpd_refuse(p, s, fix,
		    "the rule relays mail for recipients that it names; which "
		    "of them are for MX hosts is yours to say");
}

static void
place_group(struct sts_smtpd_placing *p, size_t from, size_t to, bool first)
{
	char *lines = NULL;
	size_t size;
	FILE *out = open_memstream(&lines, &size);

	if (out == NULL) {
		p->edits.no_memory = true;
		return;
	}
	write_group(p, out, from, to, first);
	if (fclose(out) != 0 || lines == NULL)
		p->edits.no_memory = true;
	else
		sts_smtpd_edit(&p->edits,
		    sts_smtpd_above_comments(&p->edits,
			p->smtpd.rule[from].statement->word[0].begin),
		    0, "%s", lines);
	free(lines);
}

/* The tag that our rules before it have. */
static void
tag_rule(struct sts_smtpd_placing *p, const struct sts_smtpd_rule *r)
{
	if (p->add_tag && sts_smtpd_is_for_users(r))
		sts_smtpd_edit(
		    &p->edits, r->statement->word[0].end, 0, " tag SUBMIT");
}

/* A regular expression before our rules may take all mail. */
static void
check_unclear(struct sts_smtpd_placing *p)
{
	for (size_t i = 0; i < p->smtpd.rule_count; i++) {
		if (sts_smtpd_is_unclear(&p->smtpd, i))
			sts_smtpd_refuse(p, p->smtpd.rule[i].statement,
			    "for domain, with their names",
			    "the rule relays mail by a regular expression, "
			    "which may match every domain");
	}
}

/* Our rules for held mail come behind it. */
static void
check_refusing(struct sts_smtpd_placing *p)
{
	for (size_t i = 0; p->add_hold && i < p->smtpd.rule_count &&
	     !sts_smtpd_is_uncovered(&p->smtpd, i);
	     i++) {
		if (sts_smtpd_may_refuse_held(&p->smtpd.rule[i]))
			sts_smtpd_refuse(p, p->smtpd.rule[i].statement,
			    "\"! tag HELD\" in this rule",
			    "the rule may refuse mail that was accepted and "
			    "comes back by the hold listener");
	}
}

void
sts_smtpd_place_rules(struct sts_smtpd_placing *p)
{
	bool first = true;
	size_t to;

	check_unclear(p);
	check_refusing(p);
	for (size_t i = 0; i < p->smtpd.rule_count; i = to + 1) {
		for (to = i; to < p->smtpd.rule_count &&
		     sts_smtpd_is_uncovered(&p->smtpd, to);
		     to++) {
			check_rule(p, &p->smtpd.rule[to]);
			tag_rule(p, &p->smtpd.rule[to]);
		}
		if (to == i || p->refused)
			continue;
		place_group(p, i, to, first);
		first = false;
	}
}
