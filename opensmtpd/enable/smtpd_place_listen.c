/* SPDX-License-Identifier: ISC */
/* Listeners, their filters and their tags. */
#include <string.h>

#include "opensmtpd/enable/smtpd_placing.h"

/* The place of a file that is included is its owner's to choose. */
static bool
is_ours_to_change(struct sts_smtpd_placing *p,
    const struct sts_smtpd_statement *s, const char *what)
{
	char fix[160];

	if (!s->included)
		return true;
	(void)snprintf(fix, sizeof(fix), "add there: %s", what);
	sts_smtpd_refuse(p, s, fix,
	    "this line is in a file that is included, which is left as it is");
	return false;
}

/* Into a list in braces, from its "{" on, as the first one. */
static void
add_to_list(struct sts_smtpd_placing *p, const struct sts_smtpd_statement *s,
    size_t brace)
{
	char what[128];
	size_t at;

	(void)snprintf(what, sizeof(what), "\"%s\" to the chain", p->filter);
	if (brace >= s->count || !is_ours_to_change(p, s, what))
		return;
	at = s->word[brace].end;
	if (!sts_smtpd_is_edited(&p->edits, at))
		sts_smtpd_edit(&p->edits, at, 0, " \"%s\",", p->filter);
}

/* Makes a chain of ours and a single filter, before its first listener. */
static void
add_chain(struct sts_smtpd_placing *p, const struct sts_smtpd_statement *l,
    size_t at, const struct sts_smtpd_statement *single)
{
	const char *name = single->word[1].text;
	char chain[128];
	bool after;

	(void)snprintf(chain, sizeof(chain), "%s+%s", p->filter, name);
	if (!is_ours_to_change(p, l, "a chain of both filters"))
		return;
	sts_smtpd_edit(&p->edits, l->word[at].begin,
	    l->word[at].end - l->word[at].begin, "\"%s\"", chain);
	for (const struct sts_smtpd_statement *s = p->smtpd.conf.statement;
	     s < l; s++) {
		size_t k = sts_smtpd_word_index(s, 1, "filter");

		if (sts_smtpd_is(&s->word[0], "listen") && k > 0 &&
		    k + 1 < s->count && sts_smtpd_needs_filter(s) &&
		    strcmp(s->word[k + 1].text, name) == 0)
			return;
	}
	if (single->top < sts_smtpd_definitions_at(p, &after))
		(void)fprintf(p->defined,
		    "filter \"%s\" chain { \"%s\", \"%s\" }\n", chain,
		    p->filter, name);
	else
		sts_smtpd_edit(&p->edits,
		    sts_smtpd_line_begin(&p->edits, l->word[0].begin), 0,
		    "filter \"%s\" chain { \"%s\", \"%s\" }\n", chain,
		    p->filter, name);
}

static void
add_filter(struct sts_smtpd_placing *p, const struct sts_smtpd_statement *l)
{
	size_t at = sts_smtpd_word_index(l, 2, "filter") + 1;
	const struct sts_smtpd_statement *named;
	char what[128];

	(void)snprintf(what, sizeof(what), "filter \"%s\"", p->filter);
	if (at == 1) {
		if (is_ours_to_change(p, l, what))
			sts_smtpd_edit(
			    &p->edits, sts_smtpd_end(l), 0, " %s", what);
		return;
	}
	if (sts_smtpd_is_mark(sts_smtpd_word_at(l, at), '{')) {
		add_to_list(p, l, at);
		return;
	}
	named = at < l->count
	    ? sts_smtpd_named(&p->smtpd.conf, "filter", l->word[at].text)
	    : NULL;
	if (named == NULL || sts_smtpd_is_packed(l))
		sts_smtpd_refuse(p, l, what,
		    "the filter of this listener is not in the file, or comes "
		    "from a macro with other options");
	else if (sts_smtpd_has(named, "chain"))
		add_to_list(
		    p, named, sts_smtpd_word_index(named, 2, "chain") + 1);
	else
		add_chain(p, l, at, named);
}

/*
 * "for" is evaluated before "auth", so rules for users need a tag.  It can be
 * added where all listeners with "auth" let nobody else in, and have none; and
 * where another rule takes mail from sendmail, which is authenticated, too, and
 * has no tag.
 */
static void
choose_tag(struct sts_smtpd_placing *p)
{
	const struct sts_smtpd_conf *conf = &p->smtpd.conf;

	if (sts_smtpd_may_hold(&p->smtpd) != HELD_ALL)
		return;
	for (size_t i = 0; i < conf->count; i++) {
		const struct sts_smtpd_statement *l = &conf->statement[i];
		bool auth = sts_smtpd_has(l, "auth");

		if (!sts_smtpd_is(&l->word[0], "listen"))
			continue;
		if (sts_smtpd_has(l, "auth-optional") ||
		    (auth && (l->included || sts_smtpd_has(l, "tag"))) ||
		    (!auth && sts_smtpd_has(l, "tag") &&
			strcmp(sts_smtpd_value(l, "tag")->text, "SUBMIT") ==
			    0)) {
			p->add_tag = false;
			return;
		}
		p->add_tag |= auth;
	}
}

static bool
has_users(const struct sts_smtpd *smtpd)
{
	for (size_t i = 0; i < smtpd->rule_count; i++) {
		const struct sts_smtpd_rule *r = &smtpd->rule[i];

		if (sts_smtpd_is_uncovered(smtpd, i) &&
		    !r->statement->included && sts_smtpd_is_for_users(r))
			return true;
	}
	return false;
}

static void
place_listener(struct sts_smtpd_placing *p, const struct sts_smtpd_statement *l)
{
	if (p->add_tag && sts_smtpd_has(l, "auth"))
		sts_smtpd_edit(&p->edits, sts_smtpd_end(l), 0, " tag SUBMIT");
	if (sts_smtpd_needs_filter(l) &&
	    !sts_smtpd_has_filter(&p->smtpd.conf, l))
		add_filter(p, l);
}

void
sts_smtpd_place_listeners(struct sts_smtpd_placing *p)
{
	const struct sts_smtpd_conf *conf = &p->smtpd.conf;
	const struct sts_smtpd_statement *last = NULL;
	bool socket = false;
	char lines[256] = "";
	size_t at;

	if (has_users(&p->smtpd))
		choose_tag(p);
	for (size_t i = 0; i < conf->count; i++) {
		const struct sts_smtpd_statement *l = &conf->statement[i];

		if (!sts_smtpd_is(&l->word[0], "listen"))
			continue;
		socket |= sts_smtpd_is(sts_smtpd_value(l, "on"), "socket");
		last = l->included ? last : l;
		place_listener(p, l);
	}
	if (!socket)
		(void)snprintf(lines, sizeof(lines),
		    "listen on socket filter \"%s\"\n", p->filter);
	if (p->add_hold)
		(void)snprintf(lines + strlen(lines),
		    sizeof(lines) - strlen(lines),
		    "listen on 127.0.0.1 port %u tag HELD filter \"%s\"\n",
		    p->port, p->filter);
	if (lines[0] == '\0')
		return;
	if (last == NULL) {
		(void)fputs(lines, p->defined);
		return;
	}
	at = sts_smtpd_line_end(&p->edits, sts_smtpd_end(last));
	sts_smtpd_edit(&p->edits, at, 0, "%s%s",
	    p->edits.bytes[at - 1] == '\n' ? "" : "\n", lines);
}
