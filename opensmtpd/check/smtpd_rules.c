/* SPDX-License-Identifier: ISC */
/*
 * Match rules: the first that matches decides, so each rule that relays mail
 * for any domain needs a rule before it, without further conditions, that
 * queries the table.
 *
 * This checks parts and their order and does not follow smtpd's grammar: what
 * it cannot see (a file of domains with a pattern for every one, a rule that an
 * alias leads to) is found when mail uses it, and the filter logs
 * event=unprotected.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "opensmtpd/check/smtpd.h"

enum { TEXT_MAX = 512 };

/* Rules from statements. */

/* "*", or of nothing but "*" and ".": smtpd takes it for each domain. */
static bool
is_for_each(const struct sts_smtpd_word *w)
{
	return w->kind != STS_SMTPD_MARK && w->kind != STS_SMTPD_TABLE &&
	    strchr(w->text, '*') != NULL &&
	    w->text[strspn(w->text, "*.")] == '\0';
}

/* Words of a statement, from `at` to `end`, one of which is for each domain. */
static bool
has_for_each(const struct sts_smtpd_statement *s, size_t at, size_t end)
{
	for (; at < end; at++) {
		if (is_for_each(&s->word[at]))
			return true;
	}
	return false;
}

/* For each domain by a pattern: there, in a list, in a table of this file. */
static bool
names_each(const struct sts_smtpd_conf *conf,
    const struct sts_smtpd_statement *s, size_t at, size_t end)
{
	const struct sts_smtpd_word *w = sts_smtpd_word_at(s, at);
	const struct sts_smtpd_statement *table =
	    w != NULL && w->kind == STS_SMTPD_TABLE
	    ? sts_smtpd_named(conf, "table", w->text)
	    : NULL;

	return has_for_each(s, at, end) ||
	    (table != NULL && has_for_each(table, 2, table->count));
}

/* Parses what follows "for"; returns the index after it. */
static size_t
parse_for(struct sts_smtpd_rule *r, const struct sts_smtpd_conf *conf,
    size_t at, bool negated)
{
	const struct sts_smtpd_statement *s = r->statement;
	const struct sts_smtpd_word *w = sts_smtpd_word_at(s, at);
	char value[TEXT_MAX];
	size_t end;

	r->for_not = negated;
	/* For remote domains, all but some is for any. */
	r->for_any = negated || w == NULL || sts_smtpd_is(w, "any") ||
	    sts_smtpd_is(w, "rcpt-to");
	if (w == NULL || sts_smtpd_is(w, "any") || sts_smtpd_is(w, "local"))
		return at + 1;
	at++;
	r->for_regex = sts_smtpd_is(sts_smtpd_word_at(s, at), "regex");
	at += r->for_regex;
	end = sts_smtpd_join(s, at, value, sizeof(value));
	if (sts_smtpd_is(w, "domain")) {
		r->for_domain = sts_smtpd_word_at(s, at);
		r->for_table = sts_smtpd_our_table(conf, r->for_domain);
		if (!r->for_regex && names_each(conf, s, at, end))
			r->for_any = true;
	}
	return end;
}

/* Whether the conditions end at this index. */
static bool
is_end(const struct sts_smtpd_statement *s, size_t at)
{
	return at >= s->count || sts_smtpd_is(&s->word[at], "action") ||
	    sts_smtpd_is(&s->word[at], "reject");
}

static void
make_rule(const struct sts_smtpd_conf *conf, struct sts_smtpd_rule *r)
{
	const struct sts_smtpd_statement *s = r->statement;
	size_t at = 1;

	while (!is_end(s, at)) {
		bool negated =
		    at > 1 && sts_smtpd_is_mark(&s->word[at - 1], '!');
		size_t begin = negated ? at - 1 : at;

		if (!sts_smtpd_is(&s->word[at++], "for"))
			continue;
		/* Allowed before and after the keyword. */
		if (sts_smtpd_is_mark(sts_smtpd_word_at(s, at), '!')) {
			negated = true;
			at++;
		}
		at = parse_for(r, conf, at, negated);
		r->for_begin = begin;
		r->for_end = at;
	}
	r->end = at < s->count ? at : s->count;
	if (at + 1 < s->count && sts_smtpd_is(&s->word[at], "action"))
		r->action =
		    sts_smtpd_named(conf, "action", s->word[at + 1].text);
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
		make_rule(conf, r);
	}
	return true;
}

void
sts_smtpd_free_rules(struct sts_smtpd *smtpd)
{
	free(smtpd->rule);
	smtpd->rule = NULL;
	smtpd->rule_count = 0;
}

/* The next word of the conditions but "for"; r->end or more: there is none. */
static size_t
skip_for(const struct sts_smtpd_rule *r, size_t at)
{
	return at == r->for_begin && r->for_end > at ? r->for_end : at;
}

/* Queries the table: "for domain <mta-sts> action STRICT". */
static bool
is_strict(const struct sts_smtpd *s, const struct sts_smtpd_rule *r)
{
	return r->for_table != NULL && !r->for_not && !r->for_regex &&
	    !sts_smtpd_table_is_unknown(r->for_table) &&
	    sts_smtpd_is_strict(&s->conf, r->action);
}

/* Relays mail for any domain without a query. */
static bool
is_catch_all(const struct sts_smtpd *s, const struct sts_smtpd_rule *r)
{
	return r->for_any && sts_smtpd_is_relay(r->action) &&
	    !sts_smtpd_is_strict(&s->conf, r->action);
}

/* The strict rule that a catch-all needs before it: the same conditions. */
static void
strict_line(const struct sts_smtpd *s, const struct sts_smtpd_rule *r,
    char *buf, size_t size)
{
	const struct sts_smtpd_statement *rule = r->statement;
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
	for (size_t i = skip_for(r, 1); i < r->end; i = skip_for(r, i + 1)) {
		n = snprintf(buf + len, size - len, " %s", rule->word[i].text);
		if (n > 0 && (size_t)n < size - len)
			len += (size_t)n;
	}
	(void)snprintf(buf + len, size - len, " for domain <%s> action \"%s\"",
	    table, action);
}

/* The checks. */

const char *
sts_smtpd_report_sender(const struct sts_config *config)
{
	const char *from =
	    config->report_from != NULL ? config->report_from : config->contact;

	return sts_config_reports(config) && strchr(from, '@') != NULL ? from
								       : "";
}

/*
 * RFC 8460 3: reports leave in spite of a policy, by a rule for mail from this
 * machine with their sender.  One for more than that is a way around policies.
 */
static bool
is_for_reports(const struct sts_smtpd *s, const struct sts_smtpd_rule *r)
{
	const struct sts_smtpd_word *sender =
	    sts_smtpd_value(r->statement, "mail-from");

	return sender != NULL &&
	    strcasecmp(sender->text, sts_smtpd_report_sender(s->config)) == 0 &&
	    sts_smtpd_is_sender_rule(s, r, sender->text) &&
	    sts_smtpd_is_from_local(r) && !sts_smtpd_rule_has(r, "tag") &&
	    !sts_smtpd_rule_has(r, "auth");
}

/* What reports need (smtpd_signing.c), where they are sent. */
static void
check_reports(struct sts_findings *f, const struct sts_smtpd *s)
{
	struct sts_signing signing = {
	    .from = sts_smtpd_report_sender(s->config)};

	sts_smtpd_check_sender(f, s, &signing);
}

/* The first rule of a range that asks the table about all mail of `r`. */
static const struct sts_smtpd_rule *
strict_for(const struct sts_smtpd *s, const struct sts_smtpd_rule *r,
    size_t from, size_t to)
{
	for (; from < to; from++) {
		if (is_strict(s, &s->rule[from]) &&
		    sts_smtpd_covers(&s->rule[from], r))
			return &s->rule[from];
	}
	return NULL;
}

bool
sts_smtpd_is_catch_all(const struct sts_smtpd *s, size_t at)
{
	return is_catch_all(s, &s->rule[at]) &&
	    !is_for_reports(s, &s->rule[at]);
}

bool
sts_smtpd_is_uncovered(const struct sts_smtpd *s, size_t at)
{
	return sts_smtpd_is_catch_all(s, at) &&
	    strict_for(s, &s->rule[at], 0, at) == NULL;
}

/* Each rule to the outside needs one before it that queries the table. */
static void
check_catch_all(struct sts_findings *f, const struct sts_smtpd *s, size_t at)
{
	const struct sts_smtpd_rule *r = &s->rule[at];
	const struct sts_smtpd_rule *early = strict_for(s, r, 0, at);
	const struct sts_smtpd_rule *late = strict_for(s, r, at, s->rule_count);
	char line[TEXT_MAX], fix[TEXT_MAX + 16];

	if (early != NULL) {
		sts_smtpd_check_difference(f, early->action, r->action);
		return;
	}
	strict_line(s, r, line, sizeof(line));
	(void)snprintf(fix, sizeof(fix), "before it: match%s", line);
	if (late != NULL)
		sts_smtpd_report(f, STS_FIND_ERROR, late->statement,
		    "move it before that rule",
		    "the rule comes after line %u of %s, which takes the mail "
		    "first",
		    r->statement->line, r->statement->file);
	else
		sts_smtpd_report(f, STS_FIND_ERROR, r->statement, fix,
		    "the rule sends mail to remote domains, and no rule before "
		    "it asks the table about all of that mail");
}

/* smtpd evaluates recipients before "auth". */
static void
check_untrusted(struct sts_findings *f, const struct sts_smtpd_rule *r)
{
	if (sts_smtpd_rule_requires(r, "tag") ||
	    sts_smtpd_rule_requires(r, "src") || sts_smtpd_is_from_local(r))
		return;
	sts_smtpd_report(f, STS_FIND_WARNING, r->statement,
	    "add \"tag SUBMIT\" here, in the rule for all other mail, and to "
	    "the listener for your users",
	    "without a tag untrusted clients can make the table ask for any "
	    "domain: smtpd evaluates \"for\" before \"auth\"");
}

/* A rule with only half of the two parts. */
static void
check_half(struct sts_findings *f, const struct sts_smtpd *s,
    const struct sts_smtpd_rule *r)
{
	bool asks =
	    r->for_table != NULL && !sts_smtpd_table_is_unknown(r->for_table);
	bool strict = sts_smtpd_is_strict(&s->conf, r->action);
	const char *fix = "name the action that has \"relay tls ca NAME "
			  "domain <mta-sts>\"";

	if (asks && r->for_not)
		sts_smtpd_report(f, STS_FIND_ERROR, r->statement,
		    "for domain, without \"!\"",
		    "the rule takes the domains that do not enforce");
	else if (asks && !strict)
		sts_smtpd_report(f, STS_FIND_ERROR, r->statement, fix,
		    "the rule is for domains that enforce, but %s",
		    sts_smtpd_is_relay(r->action)
			? "its action does not ask the table for their hosts"
			: "it does not relay their mail");
	else if (!asks && strict)
		sts_smtpd_report(f, STS_FIND_ERROR, r->statement,
		    "for domain <mta-sts>",
		    "the rule gives the strict action mail of domains that "
		    "do not enforce: it would wait for certificates that "
		    "those domains never promised");
}

bool
sts_smtpd_is_unclear(const struct sts_smtpd *s, size_t at)
{
	const struct sts_smtpd_rule *r = &s->rule[at];

	return r->for_regex && !r->for_any && sts_smtpd_is_relay(r->action) &&
	    !sts_smtpd_is_strict(&s->conf, r->action) &&
	    strict_for(s, r, 0, at) == NULL;
}

/* Rules by which the operator sends mail elsewhere. */
static void
check_exception(struct sts_findings *f, const struct sts_smtpd *s, size_t at)
{
	const struct sts_smtpd_rule *r = &s->rule[at];

	if (sts_smtpd_is_unclear(s, at))
		sts_smtpd_report(f, STS_FIND_WARNING, r->statement,
		    "for domain, with their names",
		    "the policies of domains that match this regular "
		    "expression are not asked for, and it may match every "
		    "domain");
	else if (r->for_domain != NULL && r->for_table == NULL && !r->for_any &&
	    !r->for_regex && sts_smtpd_is_relay(r->action) &&
	    !sts_smtpd_is_strict(&s->conf, r->action))
		sts_smtpd_report(f, STS_FIND_NOTE, r->statement, NULL,
		    "the rule is an exception: its domains' policies are not "
		    "asked for");
}

/*
 * With a smart host there is no MX lookup, and verified TLS to that host
 * satisfies RFC 8461 3.4.
 */
static void
check_smarthost(struct sts_findings *f, const struct sts_smtpd_rule *r)
{
	const struct sts_smtpd_word *host = sts_smtpd_value(r->action, "host");

	if (host == NULL)
		return;
	if (strncmp(host->text, "smtps://", 8) == 0 ||
	    strncmp(host->text, "smtp+tls://", 11) == 0 ||
	    host->kind == STS_SMTPD_TABLE || sts_smtpd_has(r->action, "tls"))
		sts_smtpd_report(f, STS_FIND_NOTE, r->statement, NULL,
		    "the rule sends to a smart host, and mail for domains that "
		    "enforce goes past it");
	else
		sts_smtpd_report(f, STS_FIND_WARNING, r->statement,
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

/* The listener of this smtpd to which an action relays, or NULL. */
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

/* A program of this machine can connect to the hold listener as smtpd does. */
static void
check_open(struct sts_findings *f, const struct sts_smtpd *s,
    const struct sts_smtpd_rule *held)
{
	for (size_t i = 0; i < s->rule_count; i++) {
		if (sts_smtpd_is_catch_all(s, i) &&
		    sts_smtpd_is_for_local(&s->rule[i], true))
			return;
	}
	if (sts_smtpd_is_relay(held->action))
		sts_smtpd_report(f, STS_FIND_WARNING, held->statement,
		    "without the hold listener, or with the conditions of "
		    "your own rules: see \"The hold listener\" in the guide, "
		    "opensmtpd.md",
		    "by this rule each program on this machine may send mail "
		    "to any domain, which no other rule permits");
}

/* Accepted mail comes back by the hold listener, and is refused: a bounce. */
static void
report_refused(struct sts_findings *f, const struct sts_smtpd_rule *r,
    const struct sts_smtpd_word *tag)
{
	char fix[TEXT_MAX];

	(void)snprintf(fix, sizeof(fix),
	    "move it behind the rules with tag %s, or add \"! tag %s\"",
	    tag->text, tag->text);
	sts_smtpd_report(f, STS_FIND_ERROR, r->statement, fix,
	    "the rule may refuse mail that was accepted and comes back by the "
	    "hold listener");
}

/*
 * Mail for domains that were never looked up goes to a listener of this smtpd;
 * from there it must not be sent to it again.
 */
static void
check_held(struct sts_findings *f, const struct sts_smtpd *s, size_t at)
{
	const struct sts_smtpd_rule *r = &s->rule[at];
	const struct sts_smtpd_statement *listener;
	const struct sts_smtpd_word *tag;
	char fix[TEXT_MAX];

	if (r->for_table == NULL || r->for_not ||
	    !sts_smtpd_table_is_unknown(r->for_table) || r->action == NULL)
		return;
	if ((listener = listener_of(&s->conf, r->action)) == NULL) {
		sts_smtpd_report(f, STS_FIND_ERROR, r->statement,
		    "name the action that has \"relay host "
		    "smtp+notls://127.0.0.1:PORT\", and listen there",
		    "the rule is for domains that are not in the store, but "
		    "its action relays to no listener of this file: their "
		    "mail would leave without a policy check, or be lost");
		return;
	}
	if ((tag = sts_smtpd_value(listener, "tag")) == NULL) {
		sts_smtpd_report(f, STS_FIND_ERROR, listener,
		    "a tag of its own (tag HELD), and rules for it",
		    "mail that waits for a policy comes in here, and without "
		    "a tag it would loop");
		return;
	}
	for (size_t i = 0; i < s->rule_count; i++) {
		if (sts_smtpd_takes_tagged(&s->rule[i], tag))
			break;
		if (sts_smtpd_may_refuse_held(&s->rule[i]))
			report_refused(f, &s->rule[i], tag);
	}
	if (sts_smtpd_excludes_tagged(r, tag))
		return;
	for (size_t i = 0; i < at; i++) {
		if (sts_smtpd_takes_tagged(&s->rule[i], tag)) {
			check_open(f, s, &s->rule[i]);
			return;
		}
	}
	(void)snprintf(fix, sizeof(fix),
	    "before it: match tag %s from local for any action \"relay\"",
	    tag->text);
	sts_smtpd_report(f, STS_FIND_ERROR, r->statement, fix,
	    "no rule before it takes all mail with the tag %s: that mail "
	    "would loop",
	    tag->text);
}

/* True for the first rule that relays mail for any domain by its action. */
static bool
is_first(const struct sts_smtpd *s, size_t at)
{
	for (size_t i = 0; i < at; i++) {
		if (s->rule[i].action == s->rule[at].action &&
		    sts_smtpd_is_catch_all(s, i))
			return false;
	}
	return true;
}

void
sts_smtpd_check_rules(struct sts_findings *f, const struct sts_smtpd *s)
{
	check_reports(f, s);
	for (size_t i = 0; i < s->rule_count; i++) {
		const struct sts_smtpd_rule *r = &s->rule[i];

		if (is_strict(s, r)) {
			check_untrusted(f, r);
			continue;
		}
		check_held(f, s, i);
		check_half(f, s, r);
		check_exception(f, s, i);
		if (sts_smtpd_is_catch_all(s, i)) {
			check_catch_all(f, s, i);
			check_smarthost(f, r);
			if (is_first(s, i))
				sts_smtpd_check_plain(f, s, r->action);
		}
	}
}
