/* SPDX-License-Identifier: ISC */
/*
 * Match rules: the first that matches decides, so for every rule that sends
 * mail to any domain there has to be one before it, at least as wide, that
 * asks the table first.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool/smtpd.h"

enum { TEXT_MAX = 512 };

/* Making rules of statements. */

static bool
add_condition(struct sts_smtpd_rule *r, bool not, const char *text)
{
	char *copy;

	if (r->condition_count == STS_SMTPD_CONDITIONS_MAX) {
		r->too_many = true;
		return true;
	}
	if (asprintf(&copy, "%s%s", not ? "! " : "", text) < 0)
		return false;
	r->condition[r->condition_count++] = copy;
	return true;
}

/* "KEYWORD VALUE", or "KEYWORD regex VALUE"; returns the place behind it. */
static size_t
join_condition(const struct sts_smtpd_statement *s, size_t at,
    const char *keyword, char *buf, size_t size)
{
	char value[TEXT_MAX];
	const char *regex = "";

	if (sts_smtpd_is(sts_smtpd_word_at(s, at), "regex")) {
		regex = " regex";
		at++;
	}
	at = sts_smtpd_join(s, at, value, sizeof(value));
	(void)snprintf(buf, size, "%s%s %s", keyword, regex, value);
	return at;
}

/* Behind "auth" and "rdns" a value may stand, or the next condition. */
static bool
has_value(const struct sts_smtpd_word *w)
{
	static const char *const keywords[] = {"from", "for", "tag", "auth",
	    "helo", "mail-from", "rcpt-to", "tls", "action", "reject"};

	if (w == NULL || sts_smtpd_is_mark(w, '!'))
		return false;
	for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++) {
		if (sts_smtpd_is(w, keywords[i]))
			return false;
	}
	return true;
}

/* A condition that may stand alone. */
static size_t
take_optional(const struct sts_smtpd_statement *s, size_t at,
    const char *keyword, char *buf, size_t size)
{
	if (has_value(sts_smtpd_word_at(s, at)))
		return join_condition(s, at, keyword, buf, size);
	(void)snprintf(buf, size, "%s", keyword);
	return at;
}

/* What follows "from"; "" for any. */
static size_t
take_from(
    const struct sts_smtpd_statement *s, size_t at, char *buf, size_t size)
{
	const struct sts_smtpd_word *w = sts_smtpd_word_at(s, at);

	buf[0] = '\0';
	if (w == NULL || sts_smtpd_is(w, "any"))
		return at + 1;
	if (sts_smtpd_is(w, "auth"))
		return take_optional(s, at + 1, "auth", buf, size);
	if (sts_smtpd_is(w, "rdns"))
		return take_optional(s, at + 1, "from rdns", buf, size);
	if (sts_smtpd_is(w, "mail-from"))
		return join_condition(s, at + 1, "mail-from", buf, size);
	if (sts_smtpd_is(w, "src"))
		return join_condition(s, at + 1, "from src", buf, size);
	(void)snprintf(buf, size, "from %s", w->text);
	return at + 1;
}

/* What follows "for". */
static size_t
take_for(struct sts_smtpd_rule *r, const struct sts_smtpd_conf *conf, size_t at,
    bool not, char *buf, size_t size)
{
	const struct sts_smtpd_statement *s = r->statement;
	const struct sts_smtpd_word *w = sts_smtpd_word_at(s, at);
	char value[TEXT_MAX];

	buf[0] = '\0';
	r->for_not = not ;
	if (w == NULL || sts_smtpd_is(w, "any")) {
		r->for_any = true;
		return at + 1;
	}
	if (sts_smtpd_is(w, "rcpt-to")) {
		r->for_any = true;
		return join_condition(s, at + 1, "rcpt-to", buf, size);
	}
	/* All but some is for any, as far as remote domains go. */
	r->for_any = not ;
	if (sts_smtpd_is(w, "local"))
		return at + 1;
	if (sts_smtpd_is(sts_smtpd_word_at(s, at + 1), "regex")) {
		r->for_regex = true;
		at++;
	}
	r->for_domain = sts_smtpd_word_at(s, at + 1);
	r->for_table = sts_smtpd_our_table(conf, r->for_domain);
	/* "*" in a list or a table: who names this one names all. */
	r->for_any |= sts_smtpd_names(conf, r, "no-such-domain.invalid");
	return sts_smtpd_join(s, at + 1, value, sizeof(value));
}

/* One condition and its value at `at`; returns the place behind them. */
static size_t
take_condition(struct sts_smtpd_rule *r, const struct sts_smtpd_conf *conf,
    size_t at, bool * not, char *buf, size_t size)
{
	const struct sts_smtpd_statement *s = r->statement;
	const struct sts_smtpd_word *w = &s->word[at];

	/* Accepted before and behind the keyword. */
	if (sts_smtpd_is_mark(sts_smtpd_word_at(s, at + 1), '!')) {
		*not = true;
		at++;
	}
	if (sts_smtpd_is(w, "from"))
		return take_from(s, at + 1, buf, size);
	if (sts_smtpd_is(w, "for"))
		return take_for(r, conf, at + 1, *not, buf, size);
	if (sts_smtpd_is(w, "auth"))
		return take_optional(s, at + 1, w->text, buf, size);
	if (sts_smtpd_is(w, "tag") || sts_smtpd_is(w, "helo") ||
	    sts_smtpd_is(w, "mail-from") || sts_smtpd_is(w, "rcpt-to"))
		return join_condition(s, at + 1, w->text, buf, size);
	(void)snprintf(buf, size, "%s", w->text);
	return at + 1;
}

/* False without memory. */
static bool
make_rule(const struct sts_smtpd_conf *conf, struct sts_smtpd_rule *r)
{
	const struct sts_smtpd_statement *s = r->statement;
	bool from = false, not ;
	char text[2 * TEXT_MAX];
	size_t at = 1;

	while (at < s->count && !sts_smtpd_is(&s->word[at], "action") &&
	    !sts_smtpd_is(&s->word[at], "reject")) {
		not = sts_smtpd_is_mark(&s->word[at], '!');
		if (not &&++at == s->count)
			break;
		from |= sts_smtpd_is(&s->word[at], "from");
		at = take_condition(r, conf, at, &not, text, sizeof(text));
		if (text[0] != '\0' && !add_condition(r, not, text))
			return false;
	}
	if (at + 1 < s->count && sts_smtpd_is(&s->word[at], "action"))
		r->action =
		    sts_smtpd_named(conf, "action", s->word[at + 1].text);
	/* smtpd's own default; without "for" the rule is for local. */
	return from || add_condition(r, false, "from local");
}

bool
sts_smtpd_make_rules(struct sts_smtpd *smtpd)
{
	const struct sts_smtpd_conf *conf = &smtpd->conf;

	smtpd->rule_count = 0;
	smtpd->rule = calloc(conf->count + 1, sizeof(*smtpd->rule));
	if (smtpd->rule == NULL)
		return false;
	for (size_t i = 0; i < conf->count; i++) {
		struct sts_smtpd_rule *r = &smtpd->rule[smtpd->rule_count];

		if (!sts_smtpd_is(&conf->statement[i].word[0], "match"))
			continue;
		smtpd->rule_count++;
		r->statement = &conf->statement[i];
		if (!make_rule(conf, r))
			return false;
	}
	return true;
}

void
sts_smtpd_free_rules(struct sts_smtpd *smtpd)
{
	for (size_t i = 0; i < smtpd->rule_count; i++) {
		for (size_t k = 0; k < smtpd->rule[i].condition_count; k++)
			free(smtpd->rule[i].condition[k]);
	}
	free(smtpd->rule);
	smtpd->rule = NULL;
	smtpd->rule_count = 0;
}

/* Comparing them. */

static bool
has_condition(const struct sts_smtpd_rule *r, const char *text)
{
	for (size_t i = 0; i < r->condition_count; i++) {
		if (strcmp(r->condition[i], text) == 0)
			return true;
	}
	return false;
}

bool
sts_smtpd_covers(
    const struct sts_smtpd_rule *wide, const struct sts_smtpd_rule *narrow)
{
	for (size_t i = 0; i < wide->condition_count; i++) {
		const char *text = wide->condition[i];

		/* What comes by the socket is local. */
		if (!has_condition(narrow, text) &&
		    !(strcmp(text, "from local") == 0 &&
			has_condition(narrow, "from socket")))
			return false;
	}
	return !wide->too_many;
}

/* The tag that a rule wants, or NULL. */
static const char *
tag_of(const struct sts_smtpd_rule *r)
{
	for (size_t i = 0; i < r->condition_count; i++) {
		if (strncmp(r->condition[i], "tag ", 4) == 0)
			return r->condition[i] + 4;
	}
	return NULL;
}

/* Whether there may be mail that both match. */
static bool
may_meet(const struct sts_smtpd_rule *a, const struct sts_smtpd_rule *b)
{
	const char *tag = tag_of(a), *other = tag_of(b);

	return tag == NULL || other == NULL || strcmp(tag, other) == 0;
}

/* Leads to the table: "for domain <mta-sts> action STRICT". */
static bool
is_strict(const struct sts_smtpd *s, const struct sts_smtpd_rule *r)
{
	return r->for_table != NULL && !r->for_not &&
	    !sts_smtpd_table_is_unknown(r->for_table) &&
	    sts_smtpd_is_strict(&s->conf, r->action);
}

/* Sends mail for any domain somewhere else. */
static bool
is_catch_all(const struct sts_smtpd *s, const struct sts_smtpd_rule *r)
{
	return r->for_any && sts_smtpd_is_relay(r->action) &&
	    !sts_smtpd_is_strict(&s->conf, r->action);
}

/* The rule that has to be there, with the conditions of this one. */
static void
strict_line(const struct sts_smtpd *s, const struct sts_smtpd_rule *r,
    const char *where, char *buf, size_t size)
{
	const char *action = "mta-sts", *table = "mta-sts";
	size_t len = 0;
	int n;

	for (size_t i = 0; i < s->conf.count; i++) {
		const struct sts_smtpd_statement *a = &s->conf.statement[i];

		if (a->count > 2 && sts_smtpd_is(&a->word[0], "action") &&
		    sts_smtpd_is_strict(&s->conf, a)) {
			action = a->word[1].text;
			table = sts_smtpd_value(a, "domain")->text;
		}
	}
	buf[0] = '\0';
	for (size_t i = 0; i < r->condition_count; i++) {
		n = snprintf(buf + len, size - len, " %s", r->condition[i]);
		if (n > 0 && (size_t)n < size - len)
			len += (size_t)n;
	}
	/* Without "from" it would be for local mail only. */
	if (strstr(buf, " from ") == NULL) {
		n = snprintf(buf + len, size - len, " from any");
		if (n > 0 && (size_t)n < size - len)
			len += (size_t)n;
	}
	(void)snprintf(buf + len, size - len,
	    " for domain <%s> action \"%s\"%s", table, action, where);
}

/* Judging them. */

/* Every way out needs a rule before it that asks the table. */
static void
judge_catch_all(struct sts_findings *f, const struct sts_smtpd *s, size_t at)
{
	const struct sts_smtpd_rule *r = &s->rule[at], *late = NULL;
	char line[TEXT_MAX], mend[TEXT_MAX + 16];

	for (size_t i = 0; i < s->rule_count; i++) {
		const struct sts_smtpd_rule *other = &s->rule[i];

		if (!is_strict(s, other) || !sts_smtpd_covers(other, r))
			continue;
		if (i < at) {
			sts_smtpd_judge_difference(f, other->action, r->action);
			return;
		}
		if (late == NULL)
			late = other;
	}
	strict_line(s, r, "", line, sizeof(line));
	(void)snprintf(mend, sizeof(mend), "before it: match%s", line);
	if (late != NULL)
		sts_smtpd_find_at(f, STS_FIND_ERROR, late->statement,
		    "move it before that rule",
		    "the rule comes after line %u of %s, which takes the mail "
		    "first",
		    r->statement->line, r->statement->file);
	else
		sts_smtpd_find_at(f, STS_FIND_ERROR, r->statement, mend,
		    "the rule sends mail to remote domains, and no rule before "
		    "it asks the table about all of that mail");
}

/* Whether a listener gives its sessions this tag. */
static bool
has_listener(const struct sts_smtpd_conf *conf, const char *tag)
{
	for (size_t i = 0; i < conf->count; i++) {
		const struct sts_smtpd_statement *s = &conf->statement[i];
		const struct sts_smtpd_word *w;

		if (!sts_smtpd_is(&s->word[0], "listen"))
			continue;
		w = sts_smtpd_value(s, "tag");
		if (w != NULL && strcmp(w->text, tag) == 0)
			return true;
	}
	return false;
}

/* A list or a table of tags is more than can be told from here. */
static bool
is_one_word(const char *text)
{
	return strcspn(text, " <{*") == strlen(text);
}

/* Mail that no plain rule would take must not go out by way of this one. */
static void
judge_width(struct sts_findings *f, const struct sts_smtpd *s,
    const struct sts_smtpd_rule *r)
{
	for (size_t i = 0; i < s->rule_count; i++) {
		if (is_catch_all(s, &s->rule[i]) &&
		    sts_smtpd_covers(&s->rule[i], r))
			return;
	}
	sts_smtpd_find_at(f, STS_FIND_WARNING, r->statement,
	    "give it the same \"from\", \"tag\" and \"auth\" as the rule that "
	    "takes all other mail",
	    "the rule relays mail that no other rule would relay");
}

/* The recipients are looked at before "auth" is. */
static void
judge_strangers(struct sts_findings *f, const struct sts_smtpd_rule *r)
{
	if (tag_of(r) != NULL || has_condition(r, "from local") ||
	    has_condition(r, "from socket"))
		return;
	for (size_t i = 0; i < r->condition_count; i++) {
		if (strncmp(r->condition[i], "from src ", 9) == 0)
			return;
	}
	sts_smtpd_find_at(f, STS_FIND_WARNING, r->statement,
	    "add \"tag SUBMIT\" here, in the rule for all other mail, and to "
	    "the listener for your users",
	    "without a tag strangers can make the table ask for any domain: "
	    "smtpd evaluates \"for\" before \"auth\"");
}

/* Rules for domains of our own have to come first. */
static void
judge_later_rules(struct sts_findings *f, const struct sts_smtpd *s, size_t at)
{
	const struct sts_smtpd_rule *r = &s->rule[at];

	for (size_t i = at + 1; i < s->rule_count; i++) {
		const struct sts_smtpd_rule *other = &s->rule[i];

		if (other->for_any || other->for_table != NULL ||
		    !may_meet(r, other))
			continue;
		sts_smtpd_find_at(f, STS_FIND_ERROR, r->statement,
		    "move it behind that rule",
		    "the rule comes before line %u of %s, whose domains are "
		    "named: their mail would be sent by their policies",
		    other->statement->line, other->statement->file);
		return;
	}
}

static void
judge_strict_rule(struct sts_findings *f, const struct sts_smtpd *s, size_t at)
{
	const struct sts_smtpd_rule *r = &s->rule[at];
	const char *tag = tag_of(r);

	if (tag != NULL && is_one_word(tag) && !has_listener(&s->conf, tag))
		sts_smtpd_find_at(f, STS_FIND_ERROR, r->statement,
		    "add the tag to the listener for your users",
		    "no listener has the tag %s: the rule matches nothing",
		    tag);
	judge_strangers(f, r);
	judge_width(f, s, r);
	judge_later_rules(f, s, at);
}

/* A rule that says half of it. */
static void
judge_half(struct sts_findings *f, const struct sts_smtpd *s,
    const struct sts_smtpd_rule *r)
{
	bool asks =
	    r->for_table != NULL && !sts_smtpd_table_is_unknown(r->for_table);
	bool strict = sts_smtpd_is_strict(&s->conf, r->action);

	if (asks && r->for_not)
		sts_smtpd_find_at(f, STS_FIND_ERROR, r->statement,
		    "for domain, without \"!\"",
		    "the rule takes the domains that do not enforce");
	else if (asks && !strict && sts_smtpd_is_relay(r->action))
		sts_smtpd_find_at(f, STS_FIND_ERROR, r->statement,
		    "name the action that has \"relay tls ca NAME domain "
		    "<mta-sts>\"",
		    "the rule is for domains that enforce, but its action "
		    "does not ask the table for their hosts");
	else if (asks && !strict)
		sts_smtpd_find_at(f, STS_FIND_ERROR, r->statement,
		    "name the action that has \"relay tls ca NAME domain "
		    "<mta-sts>\"",
		    "the rule is for domains that enforce, but it does not "
		    "relay their mail");
	else if (!asks && strict)
		sts_smtpd_find_at(f, STS_FIND_ERROR, r->statement,
		    "for domain <mta-sts>",
		    "the rule gives the strict action mail of domains that "
		    "do not enforce: it would wait for certificates that "
		    "nobody promised");
}

/* What an operator has sent elsewhere on purpose. */
static void
judge_exception(struct sts_findings *f, const struct sts_smtpd *s,
    const struct sts_smtpd_rule *r)
{
	if (r->for_domain != NULL && r->for_table == NULL && !r->for_not &&
	    sts_smtpd_is_relay(r->action) &&
	    !sts_smtpd_is_strict(&s->conf, r->action))
		sts_smtpd_find_at(f, STS_FIND_NOTE, r->statement, NULL,
		    "the rule is an exception: its domains' policies are not "
		    "asked for");
}

/*
 * With a smart host there is no MX lookup, and RFC 8461 3.4 is met by
 * verified TLS to that host.
 */
static void
judge_smarthost(struct sts_findings *f, const struct sts_smtpd_rule *r)
{
	const struct sts_smtpd_word *host = sts_smtpd_value(r->action, "host");

	if (host == NULL)
		return;
	if (strncmp(host->text, "smtps://", 8) == 0 ||
	    strncmp(host->text, "smtp+tls://", 11) == 0 ||
	    host->kind == STS_SMTPD_TABLE || sts_smtpd_has(r->action, "tls"))
		sts_smtpd_find_at(f, STS_FIND_NOTE, r->statement, NULL,
		    "the rule sends to a smart host, and mail for domains that "
		    "enforce goes past it");
	else
		sts_smtpd_find_at(f, STS_FIND_WARNING, r->statement,
		    "smtps://HOST or smtp+tls://HOST in the action",
		    "the rule sends to a smart host, perhaps in clear text");
}

/* The port of a relay's "smtp://HOST:PORT". */
static const char *
port_of(const char *url)
{
	const char *host = strstr(url, "://"), *port;

	port = strrchr(host != NULL ? host + 3 : url, ':');
	return port != NULL && port[strspn(port + 1, "0123456789") + 1] == '\0'
	    ? port + 1
	    : "25";
}

/* The listener of this smtpd that an action relays to, or NULL. */
static const struct sts_smtpd_statement *
listener_of(
    const struct sts_smtpd_conf *conf, const struct sts_smtpd_statement *action)
{
	const struct sts_smtpd_word *host, *port;

	if (!sts_smtpd_is_relay(action) ||
	    (host = sts_smtpd_value(action, "host")) == NULL)
		return NULL;
	for (size_t i = 0; i < conf->count; i++) {
		const struct sts_smtpd_statement *s = &conf->statement[i];

		if (!sts_smtpd_is(&s->word[0], "listen") ||
		    sts_smtpd_is(sts_smtpd_value(s, "on"), "socket"))
			continue;
		port = sts_smtpd_value(s, "port");
		if (strcmp(port != NULL ? port->text : "25",
			port_of(host->text)) == 0)
			return s;
	}
	return NULL;
}

/* Whether a rule may match mail of unauthenticated local clients so tagged. */
static bool
may_take_tagged(const struct sts_smtpd_rule *r, const char *tag)
{
	const char *own = tag_of(r);
	char other[TEXT_MAX];

	(void)snprintf(other, sizeof(other), "! tag %s", tag);
	return (own == NULL || strcmp(own, tag) == 0) &&
	    !has_condition(r, other) && !has_condition(r, "auth") &&
	    !has_condition(r, "from socket");
}

/* Whether it matches all of that mail. */
static bool
takes_all_tagged(const struct sts_smtpd_rule *r, const char *tag)
{
	if (!r->for_any || r->for_not || r->too_many)
		return false;
	for (size_t i = 0; i < r->condition_count; i++) {
		if (strcmp(r->condition[i], "from local") != 0 &&
		    strncmp(r->condition[i], "tag ", 4) != 0)
			return false;
	}
	return tag_of(r) == NULL || strcmp(tag_of(r), tag) == 0;
}

/* Where held mail comes in, and before the rule at `at` what takes it. */
static void
judge_circle(struct sts_findings *f, const struct sts_smtpd *s, size_t at,
    const struct sts_smtpd_statement *listener)
{
	const struct sts_smtpd_rule *r = &s->rule[at];
	const struct sts_smtpd_word *tag = sts_smtpd_value(listener, "tag");
	char mend[TEXT_MAX];

	if (tag == NULL) {
		sts_smtpd_find_at(f, STS_FIND_ERROR, listener,
		    "a tag of its own (tag HELD), and rules for it",
		    "mail that is held comes in here, and without a tag it "
		    "would be sent round in circles");
		return;
	}
	if (!may_take_tagged(r, tag->text))
		return;
	for (size_t i = 0; i < at; i++) {
		if (takes_all_tagged(&s->rule[i], tag->text))
			return;
	}
	(void)snprintf(mend, sizeof(mend),
	    "before it: match tag %s from local for any action \"relay\"",
	    tag->text);
	sts_smtpd_find_at(f, STS_FIND_ERROR, r->statement, mend,
	    "no rule before it takes all mail with the tag %s: mail that is "
	    "held would be sent round in circles",
	    tag->text);
}

/*
 * Mail for domains that nothing is known of goes to a listener of our own;
 * what comes in there must not be sent there again.
 */
static void
judge_held(struct sts_findings *f, const struct sts_smtpd *s, size_t at)
{
	const struct sts_smtpd_rule *r = &s->rule[at];
	const struct sts_smtpd_statement *listener;

	if (r->for_table == NULL || r->for_not ||
	    !sts_smtpd_table_is_unknown(r->for_table) || r->action == NULL)
		return;
	listener = listener_of(&s->conf, r->action);
	if (listener != NULL)
		judge_circle(f, s, at, listener);
	else
		sts_smtpd_find_at(f, STS_FIND_ERROR, r->statement,
		    "name the action that has \"relay host "
		    "smtp+notls://127.0.0.1:PORT\", and listen there",
		    "the rule is for domains of which nothing is known, but "
		    "its action leads to no listener of this file: their mail "
		    "would go out without a policy, or be lost");
}

void
sts_smtpd_judge_rules(struct sts_findings *f, const struct sts_smtpd *s)
{
	for (size_t i = 0; i < s->rule_count; i++) {
		const struct sts_smtpd_rule *r = &s->rule[i];

		if (is_strict(s, r)) {
			judge_strict_rule(f, s, i);
			continue;
		}
		judge_held(f, s, i);
		judge_half(f, s, r);
		judge_exception(f, s, r);
		if (is_catch_all(s, r)) {
			judge_catch_all(f, s, i);
			judge_smarthost(f, r);
		}
	}
}
