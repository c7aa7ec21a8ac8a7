/* SPDX-License-Identifier: ISC */
#include "opensmtpd/enable/smtpd_place.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "opensmtpd/enable/smtpd_placing.h"

enum { PORT = 10587, PORTS = 10 };

/* What is wrong with the file itself: the first error is the reason. */
static void
take_error(void *arg, const struct sts_finding *finding)
{
	struct sts_smtpd_placing *p = arg;

	if (finding->severity != STS_FIND_ERROR || p->refused)
		return;
	sts_smtpd_refuse(p, NULL, finding->fix, "%s", finding->text);
	if (finding->place != NULL)
		(void)snprintf(p->place->where, sizeof(p->place->where), "%s",
		    finding->place);
}

/* "mta-sts" and the like, unless the file uses it for something else. */
static const char *
new_name(struct sts_smtpd_placing *p, const char *keyword, const char *name)
{
	const struct sts_smtpd_statement *taken =
	    sts_smtpd_named(&p->smtpd.conf, keyword, name);

	if (taken != NULL)
		sts_smtpd_refuse(p, taken, "give it another name",
		    "the %s has the name %s, which MTA-STS needs", keyword,
		    name);
	return name;
}

static const char *
table_name(const struct sts_smtpd_conf *conf, bool unknown)
{
	for (size_t i = 0; i < conf->count; i++) {
		const struct sts_smtpd_statement *s = &conf->statement[i];

		if (sts_smtpd_is(&s->word[0], "table") &&
		    sts_smtpd_table_path(s) != NULL &&
		    sts_smtpd_table_is_unknown(s) == unknown)
			return s->word[1].text;
	}
	return NULL;
}

static const char *
strict_name(const struct sts_smtpd_conf *conf)
{
	for (size_t i = 0; i < conf->count; i++) {
		const struct sts_smtpd_statement *s = &conf->statement[i];

		if (s->count > 2 && sts_smtpd_is(&s->word[0], "action") &&
		    sts_smtpd_is_strict(conf, s))
			return s->word[1].text;
	}
	return NULL;
}

/* The action of domains that were never looked up. */
static const char *
hold_name(const struct sts_smtpd *smtpd)
{
	for (size_t i = 0; i < smtpd->rule_count; i++) {
		const struct sts_smtpd_rule *r = &smtpd->rule[i];

		if (r->for_table != NULL && r->action != NULL &&
		    sts_smtpd_table_is_unknown(r->for_table))
			return r->action->word[1].text;
	}
	return NULL;
}

/* A name of the file's, or one of ours that is to be added. */
static void
choose(struct sts_smtpd_placing *p, const char *keyword, const char *ours,
    const char **name, bool *add)
{
	*add = *name == NULL;
	if (*add)
		*name = new_name(p, keyword, ours);
}

static void
choose_names(struct sts_smtpd_placing *p)
{
	const struct sts_smtpd_conf *conf = &p->smtpd.conf;

	p->filter = sts_smtpd_our_filter(conf);
	choose(p, "filter", "mta-sts", &p->filter, &p->add_filter);
	if (p->plain == NULL)
		return;
	p->table = table_name(conf, false);
	p->unknown = table_name(conf, true);
	p->strict = strict_name(conf);
	p->hold = hold_name(&p->smtpd);
	choose(p, "table", "mta-sts", &p->table, &p->add_table);
	choose(p, "table", "mta-sts-unknown", &p->unknown, &p->add_unknown);
	choose(p, "action", "mta-sts", &p->strict, &p->add_strict);
	choose(p, "action", "mta-sts-hold", &p->hold, &p->add_hold);
	p->held = p->add_hold ? sts_smtpd_may_hold(&p->smtpd) : HELD_ALL;
	if (p->held == HELD_NONE) {
		p->add_hold = false;
		p->add_unknown = false;
		p->place->no_hold = true;
	}
}

static void
choose_port(struct sts_smtpd_placing *p)
{
	const struct sts_smtpd_conf *conf = &p->smtpd.conf;
	const struct sts_smtpd_word *port, *tag;
	char text[16];

	p->port = PORT;
	for (size_t i = 0; p->add_hold && i < conf->count; i++) {
		const struct sts_smtpd_statement *s = &conf->statement[i];

		if (!sts_smtpd_is(&s->word[0], "listen"))
			continue;
		tag = sts_smtpd_value(s, "tag");
		if (tag != NULL && strcmp(tag->text, "HELD") == 0)
			sts_smtpd_refuse(p, s, "give it another tag",
			    "the listener has the tag HELD, which MTA-STS "
			    "needs for a listener of its own");
		(void)snprintf(text, sizeof(text), "%u", p->port);
		port = sts_smtpd_value(s, "port");
		if (port != NULL && strcmp(port->text, text) == 0) {
			p->port++;
			i = SIZE_MAX; /* from the first one */
		}
		if (p->port == PORT + PORTS)
			return;
	}
}

/* To a host of the file's, whatever the DNS says. */
static bool
is_smarthost(const struct sts_smtpd *smtpd, const struct sts_smtpd_rule *r)
{
	const struct sts_smtpd_word *domain =
	    sts_smtpd_value(r->action, "domain");

	return sts_smtpd_has(r->action, "host") ||
	    (domain != NULL &&
		sts_smtpd_our_table(&smtpd->conf, domain) == NULL);
}

/* False: nothing of ours belongs in this file. */
static bool
find_plain(struct sts_smtpd_placing *p, enum sts_smtpd_placed *placed)
{
	struct sts_smtpd *smtpd = &p->smtpd;
	const struct sts_smtpd_rule *host = NULL;
	bool any = false;

	for (size_t i = 0; i < smtpd->rule_count; i++) {
		const struct sts_smtpd_rule *r = &smtpd->rule[i];

		any |= sts_smtpd_is_catch_all(smtpd, i);
		if (!sts_smtpd_is_uncovered(smtpd, i))
			continue;
		if (is_smarthost(smtpd, r))
			host = host != NULL ? host : r;
		else if (p->plain == NULL)
			p->plain = r->action;
	}
	if (!any)
		sts_smtpd_refuse(p, NULL, NULL,
		    "no rule of it relays mail for any domain, so there is "
		    "nothing to protect");
	if (host == NULL)
		return any;
	*placed = p->plain == NULL ? STS_SMTPD_SMARTHOST : STS_SMTPD_CANNOT;
	sts_smtpd_refuse(p, host->statement,
	    "have the host verified: relay host smtp+tls://HOST in its action",
	    p->plain == NULL
		? "action %s relays all mail to a smart host.  Policies of "
		  "recipients are that host's task; this smtpd never chooses "
		  "an MX host"
		: "action %s relays to a smart host, and other rules relay to "
		  "MX hosts: which mail is to go past the smart host is yours "
		  "to say",
	    host->action->word[1].text);
	return false;
}

static void
place_all(struct sts_smtpd_placing *p)
{
	char *lines = NULL;
	size_t size;

	choose_names(p);
	choose_port(p);
	p->defined = open_memstream(&lines, &size);
	if (p->defined == NULL) {
		p->edits.no_memory = true;
		return;
	}
	sts_smtpd_place_definitions(p);
	sts_smtpd_place_listeners(p);
	if (fclose(p->defined) != 0)
		p->edits.no_memory = true;
	if (lines != NULL && lines[0] != '\0' && !p->edits.no_memory) {
		bool after;
		size_t at = sts_smtpd_definitions_at(p, &after);

		sts_smtpd_edit(&p->edits, at, 0, "%s%s%s", after ? "\n" : "",
		    lines, sts_smtpd_is_blank_line(&p->edits, at) ? "" : "\n");
	}
	free(lines);
	if (p->plain == NULL)
		return;
	sts_smtpd_place_actions(p);
	sts_smtpd_place_rules(p);
}

static enum sts_smtpd_placed
finish(struct sts_smtpd_placing *p)
{
	if (p->edits.no_memory)
		return STS_SMTPD_NO_MEMORY;
	if (p->refused)
		return STS_SMTPD_CANNOT;
	if (p->edits.count == 0)
		return STS_SMTPD_COMPLETE;
	p->place->text = sts_smtpd_edits_apply(&p->edits, &p->place->len);
	return p->place->text != NULL ? STS_SMTPD_PLACED : STS_SMTPD_NO_MEMORY;
}

enum sts_smtpd_placed
sts_smtpd_place(struct sts_smtpd_place *place,
    const struct sts_smtpd_wanted *wanted, const char *path, const char *bytes,
    size_t len)
{
	struct sts_smtpd_placing p = {.wanted = wanted,
	    .place = place,
	    .smtpd = {.config = wanted->config,
		.config_file = wanted->config_file},
	    .edits = {.bytes = bytes, .len = len}};
	struct sts_findings findings = {.take = take_error, .arg = &p};
	enum sts_smtpd_placed placed = STS_SMTPD_CANNOT;

	memset(place, 0, sizeof(*place));
	(void)snprintf(place->where, sizeof(place->where), "%s", path);
	if (sts_smtpd_read_text(&p.smtpd.conf, path, bytes, len, &findings) !=
		STS_OK ||
	    !sts_smtpd_make_rules(&p.smtpd)) {
		placed = STS_SMTPD_NO_MEMORY;
	} else if (!p.refused && find_plain(&p, &placed)) {
		place_all(&p);
		placed = finish(&p);
	}
	sts_smtpd_edits_free(&p.edits);
	sts_smtpd_free_rules(&p.smtpd);
	sts_smtpd_free(&p.smtpd.conf);
	return placed;
}

void
sts_smtpd_place_free(struct sts_smtpd_place *place)
{
	free(place->text);
	place->text = NULL;
}
