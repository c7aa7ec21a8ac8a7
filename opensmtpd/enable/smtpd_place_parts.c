/* SPDX-License-Identifier: ISC */
/* Definitions and actions. */
#include <stdlib.h>
#include <string.h>

#include "opensmtpd/enable/smtpd_placing.h"

/* smtpd looks up what these name when it reads them. */
static bool
is_user(const struct sts_smtpd_statement *s)
{
	return sts_smtpd_is(&s->word[0], "listen") ||
	    sts_smtpd_is(&s->word[0], "action") ||
	    sts_smtpd_is(&s->word[0], "match") ||
	    (sts_smtpd_is(&s->word[0], "filter") && sts_smtpd_has(s, "chain"));
}

size_t
sts_smtpd_definitions_at(const struct sts_smtpd_placing *p, bool *after)
{
	const struct sts_smtpd_conf *conf = &p->smtpd.conf;
	const struct sts_smtpd_statement *last = NULL;
	size_t i = 0;

	for (; i < conf->count && !is_user(&conf->statement[i]); i++) {
		if (!conf->statement[i].included)
			last = &conf->statement[i];
	}
	*after = last != NULL;
	if (last != NULL)
		return sts_smtpd_line_end(&p->edits, sts_smtpd_end(last));
	return i < conf->count
	    ? sts_smtpd_above_comments(&p->edits, conf->statement[i].top)
	    : 0;
}

/* "mta limit" or, before 6.4, "limit mta": the operator's own counts. */
static bool
has_limits(const struct sts_smtpd_conf *conf)
{
	for (size_t i = 0; i < conf->count; i++) {
		const struct sts_smtpd_statement *s = &conf->statement[i];

		if (sts_smtpd_is(&s->word[0], "mta") &&
		    (sts_smtpd_has(s, "conn-delay-route") ||
			sts_smtpd_has(s, "reconn-delay-route")))
			return true;
	}
	return false;
}

void
sts_smtpd_place_definitions(struct sts_smtpd_placing *p)
{
	const char *config = p->wanted->config_file;
	FILE *out = p->defined;
	bool add = p->add_strict &&
	    sts_smtpd_named(&p->smtpd.conf, "ca", "mta-sts-roots") == NULL;

	if (p->add_table)
		(void)fprintf(out, "table %s \"mta-sts:%s\"\n", p->table,
		    config != NULL ? config : sts_config_default_file());
	if (p->add_unknown)
		(void)fprintf(out, "table %s \"mta-sts:%s\"\n", p->unknown,
		    config != NULL ? config : sts_config_default_file());
	if (p->add_filter && config == NULL)
		(void)fprintf(out,
		    "filter \"%s\" proc-exec \"filter-mta-sts\"\n", p->filter);
	else if (p->add_filter)
		(void)fprintf(out,
		    "filter \"%s\" proc-exec \"filter-mta-sts -f %s\"\n",
		    p->filter, config);
	if (add)
		(void)fprintf(
		    out, "ca mta-sts-roots cert \"%s\"\n", p->wanted->roots);
	if (p->add_strict && !has_limits(&p->smtpd.conf))
		(void)fputs(
		    "mta limit conn-delay-route 0 reconn-delay-route 0\n", out);
}

/* Same words, but for the filter. */
static bool
is_same_action(
    const struct sts_smtpd_statement *a, const struct sts_smtpd_statement *b)
{
	size_t i = 2, k = 2;

	for (;; i++, k++) {
		if (i < a->count && sts_smtpd_is(&a->word[i], "filter"))
			i += 2;
		if (k < b->count && sts_smtpd_is(&b->word[k], "filter"))
			k += 2;
		if (i >= a->count || k >= b->count)
			return i >= a->count && k >= b->count;
		if (a->word[i].kind != b->word[k].kind ||
		    strcmp(a->word[i].text, b->word[k].text) != 0)
			return false;
	}
}

/* Options that the strict action has as the plain one has them. */
static void
write_options(const struct sts_smtpd_placing *p, FILE *out)
{
	static const char *const options[] = {
	    "src", "helo", "helo-src", "pki", "mail-from", "srs"};
	const struct sts_smtpd_statement *a = p->plain;
	char value[512];

	for (size_t i = 3; i < a->count; i++) {
		bool copied = false;

		for (size_t k = 0; k < sizeof(options) / sizeof(options[0]);
		     k++)
			copied |= sts_smtpd_is(&a->word[i], options[k]);
		if (copied)
			sts_smtpd_write_words(p, out, a, i,
			    sts_smtpd_is(&a->word[i], "srs")
				? i + 1
				: sts_smtpd_join(
				      a, i + 1, value, sizeof(value)));
	}
}

static void
write_actions(struct sts_smtpd_placing *p, FILE *out)
{
	/* smtpd takes it as the last option only. */
	size_t ttl = sts_smtpd_word_index(p->plain, 3, "ttl");

	if (p->add_hold)
		(void)fprintf(out,
		    "action \"%s\" relay host \"smtp+notls://127.0.0.1:%u\"\n",
		    p->hold, p->port);
	if (!p->add_strict)
		return;
	(void)fprintf(out, "action \"%s\" relay", p->strict);
	write_options(p, out);
	(void)fprintf(out, " tls ca mta-sts-roots domain <%s> filter \"%s\"",
	    p->table, p->filter);
	if (ttl > 0)
		sts_smtpd_write_words(p, out, p->plain, ttl, ttl + 2);
	(void)fputc('\n', out);
}

/* Before the plain action, or where that is not in this file, the first rule.
 */
static size_t
actions_at(const struct sts_smtpd_placing *p)
{
	size_t at = p->plain->word[0].begin;

	if (p->plain->included) {
		for (size_t i = p->smtpd.rule_count; i-- > 0;)
			at = p->smtpd.rule[i].statement->top;
	}
	return sts_smtpd_above_comments(&p->edits, at);
}

/* The filter sees the sessions of this action, too. */
static void
add_filter(struct sts_smtpd_placing *p, const struct sts_smtpd_statement *a)
{
	size_t ttl = sts_smtpd_word_index(a, 3, "ttl");
	size_t at = a->word[ttl > 0 ? ttl - 1 : a->count - 1].end;

	if (!a->included && !sts_smtpd_has(a, "filter") &&
	    !sts_smtpd_is_edited(&p->edits, at))
		sts_smtpd_edit(&p->edits, at, 0, " filter \"%s\"", p->filter);
}

/* All remote mail must be the same for everything but the policies. */
static void
check_plain(
    struct sts_smtpd_placing *p, const struct sts_smtpd_statement *other)
{
	if (sts_smtpd_has(other, "backup"))
		sts_smtpd_refuse(p, other, NULL,
		    "action %s relays as a backup MX does; how that goes "
		    "together with policies is yours to say",
		    other->word[1].text);
	if (sts_smtpd_is_packed(other))
		sts_smtpd_refuse(p, other, "write them out",
		    "several options of action %s come from one macro",
		    other->word[1].text);
	if (!is_same_action(other, p->plain))
		sts_smtpd_refuse(p, other,
		    "an action with tls, ca and domain <mta-sts> for each, as "
		    "the guide (opensmtpd.md) shows",
		    "action %s relays with other options than action %s: mail "
		    "for domains that enforce needs one action beside each",
		    other->word[1].text, p->plain->word[1].text);
}

void
sts_smtpd_place_actions(struct sts_smtpd_placing *p)
{
	char *lines = NULL;
	size_t size;
	FILE *out = open_memstream(&lines, &size);

	if (out == NULL) {
		p->edits.no_memory = true;
		return;
	}
	for (size_t i = 0; i < p->smtpd.rule_count; i++) {
		if (!sts_smtpd_is_uncovered(&p->smtpd, i))
			continue;
		check_plain(p, p->smtpd.rule[i].action);
		add_filter(p, p->smtpd.rule[i].action);
	}
	write_actions(p, out);
	if (fclose(out) != 0 || lines == NULL)
		p->edits.no_memory = true;
	else if (lines[0] != '\0')
		sts_smtpd_edit(&p->edits, actions_at(p), 0, "%s", lines);
	free(lines);
}
