/* SPDX-License-Identifier: ISC */
/*
 * TLS reports come by sendmail, so they are signed where the socket listener
 * has a filter that signs: filter-dkimsign, whose command names domain and
 * selector, or one that does not, as for rspamd.  An action's filter changes no
 * mail.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/cursor.h"
#include "opensmtpd/check/smtpd.h"

enum { TEXT_BYTES = 512 };

/* The statement of a filter by its name, if it signs, or may do so. */
static const struct sts_smtpd_statement *
signer(const struct sts_smtpd_conf *conf, const struct sts_smtpd_word *name)
{
	const struct sts_smtpd_statement *s;
	const char *command;

	if (name == NULL || name->kind == STS_SMTPD_MARK)
		return NULL;
	s = sts_smtpd_named(conf, "filter", name->text);
	command = s != NULL ? sts_smtpd_filter_command(conf, s) : NULL;
	if (command == NULL ||
	    (strstr(command, "dkim") == NULL &&
		strstr(command, "rspamd") == NULL))
		return NULL;
	return s;
}

/* The first one of a list in braces, from its "{" on. */
static const struct sts_smtpd_statement *
signer_of_list(const struct sts_smtpd_conf *conf,
    const struct sts_smtpd_statement *s, size_t at)
{
	const struct sts_smtpd_statement *found = NULL;

	for (; found == NULL && at < s->count &&
	     !sts_smtpd_is_mark(&s->word[at], '}');
	     at++)
		found = signer(conf, &s->word[at]);
	return found;
}

/* That of a listener, alone or in a chain. */
static const struct sts_smtpd_statement *
signer_of(const struct sts_smtpd_conf *conf,
    const struct sts_smtpd_statement *listener)
{
	size_t at = sts_smtpd_word_index(listener, 2, "filter");
	const struct sts_smtpd_word *name = sts_smtpd_word_at(listener, at + 1);
	const struct sts_smtpd_statement *chain;

	if (at == 0 || name == NULL)
		return NULL;
	if (sts_smtpd_is_mark(name, '{'))
		return signer_of_list(conf, listener, at + 1);
	chain = sts_smtpd_named(conf, "filter", name->text);
	at = chain != NULL ? sts_smtpd_word_index(chain, 2, "chain") : 0;
	return at > 0 ? signer_of_list(conf, chain, at + 1)
		      : signer(conf, name);
}

/* The value of the n-th option -LETTER of a command, from 0; "": none. */
static void
option(const char *command, char letter, unsigned n, char *buf, size_t size)
{
	const char name[] = {' ', '-', letter, '\0'};

	buf[0] = '\0';
	for (const char *p = command; (p = strstr(p, name)) != NULL;) {
		p += sizeof(name) - 1;
		p += strspn(p, " \t");
		if (n-- > 0)
			continue;
		(void)snprintf(buf, size, "%.*s", (int)strcspn(p, " \t"), p);
		return;
	}
}

static bool
has_domain(const char *command, const char *domain)
{
	char value[TEXT_BYTES];

	for (unsigned i = 0; i < 64; i++) {
		option(command, 'd', i, value, sizeof(value));
		if (strcasecmp(value, domain) == 0)
			return true;
		if (value[0] == '\0')
			return false;
	}
	return false;
}

/* What the command of filter-dkimsign says. */
static void
check_command(struct sts_findings *f, const struct sts_smtpd_statement *s,
    const char *command, struct sts_signing *signing)
{
	char names[TEXT_BYTES], fix[320];

	option(command, 'd', 0, signing->domain, sizeof(signing->domain));
	option(command, 's', 0, signing->selector, sizeof(signing->selector));
	option(command, 'h', 0, names, sizeof(names));
	(void)snprintf(fix, sizeof(fix), "-d %s", signing->submitter);
	if (has_domain(command, signing->submitter))
		(void)snprintf(signing->domain, sizeof(signing->domain), "%s",
		    signing->submitter);
	else if (signing->submitter[0] != '\0')
		sts_smtpd_report(f, STS_FIND_WARNING, s, fix,
		    "filter %s signs as %s, but reports are submitted by %s: "
		    "they do not count as signed",
		    s->word[1].text,
		    signing->domain[0] != '\0' ? signing->domain : "no domain",
		    signing->submitter);
	if (strcasestr(names, "tls-report-domain") == NULL ||
	    strcasestr(names, "tls-report-submitter") == NULL)
		sts_smtpd_report(f, STS_FIND_WARNING, s,
		    "-h from:to:subject:date:message-id:mime-version:"
		    "content-type:tls-report-domain:tls-report-submitter",
		    "filter %s does not sign TLS-Report-Domain and "
		    "TLS-Report-Submitter",
		    s->word[1].text);
}

static const struct sts_smtpd_statement *
socket_listener(const struct sts_smtpd_conf *conf)
{
	for (size_t i = 0; i < conf->count; i++) {
		const struct sts_smtpd_statement *s = &conf->statement[i];

		if (sts_smtpd_is(&s->word[0], "listen") &&
		    sts_smtpd_is(sts_smtpd_value(s, "on"), "socket"))
			return s;
	}
	return NULL;
}

/* The whole file, for findings without a line. */
static struct sts_smtpd_statement
whole_file(const struct sts_smtpd *s)
{
	return (struct sts_smtpd_statement){
	    .file = s->conf.file_count > 0 ? s->conf.file[0] : "smtpd.conf"};
}

void
sts_smtpd_check_signing(struct sts_findings *f, const struct sts_smtpd *s,
    struct sts_signing *signing)
{
	struct sts_smtpd_statement here = whole_file(s);
	const struct sts_smtpd_statement *listener = socket_listener(&s->conf);
	const struct sts_smtpd_statement *found =
	    listener != NULL ? signer_of(&s->conf, listener) : NULL;
	const char *command;

	if (found == NULL) {
		sts_smtpd_report(f, STS_FIND_WARNING,
		    listener != NULL ? listener : &here,
		    "filter \"dkim\" proc-exec \"filter-dkimsign ...\", and "
		    "listen on socket with a chain of it and the others; "
		    "unless a smart host signs",
		    "no filter signs mail from sendmail (DKIM): receivers drop "
		    "TLS reports that are not signed");
		return;
	}
	signing->is_signed = true;
	command = sts_smtpd_filter_command(&s->conf, found);
	if (strstr(command, "dkimsign") != NULL)
		check_command(f, found, command, signing);
	else
		sts_smtpd_report(f, STS_FIND_NOTE, found, NULL,
		    "whether filter %s signs as %s is in its own configuration",
		    found->word[1].text, signing->submitter);
}

/* A value names the address, its domain, or a table with one of them. */
static bool
names_sender(
    const struct sts_smtpd *s, const char *value, const char *from, bool deep)
{
	const char *domain = strrchr(from, '@');
	const struct sts_smtpd_statement *table =
	    deep ? sts_smtpd_named(&s->conf, "table", value) : NULL;

	if (strcasecmp(value, from) == 0 ||
	    (domain != NULL && strcasecmp(value, domain) == 0))
		return true;
	for (size_t i = 2; table != NULL && i < table->count; i++)
		if (names_sender(s, table->word[i].text, from, false))
			return true;
	return false;
}

bool
sts_smtpd_is_sender_rule(
    const struct sts_smtpd *s, const struct sts_smtpd_rule *r, const char *from)
{
	size_t at = sts_smtpd_word_index(r->statement, 1, "mail-from");

	if (at == 0 || at >= r->end || !sts_smtpd_is_relay(r->action) ||
	    sts_smtpd_is_strict(&s->conf, r->action) ||
	    sts_smtpd_is_mark(sts_smtpd_word_at(r->statement, at - 1), '!'))
		return false;
	for (at++; at < r->end && r->statement->word[at].kind != STS_SMTPD_WORD;
	     at++)
		if (names_sender(s, r->statement->word[at].text, from, true))
			return true;
	return at < r->end &&
	    names_sender(s, r->statement->word[at].text, from, false);
}

void
sts_smtpd_check_sender(struct sts_findings *f, const struct sts_smtpd *s,
    const struct sts_signing *signing)
{
	char fix[512];

	(void)snprintf(fix, sizeof(fix),
	    "before it: match from local mail-from \"%s\" for any action "
	    "\"relay\"",
	    signing->from);
	for (size_t i = 0; i < s->rule_count && signing->from[0] != '\0'; i++) {
		const struct sts_smtpd_rule *r = &s->rule[i];

		if (sts_smtpd_is_sender_rule(s, r, signing->from))
			return;
		/* Mail from sendmail has no tag. */
		if (r->for_table == NULL || sts_smtpd_rule_requires(r, "tag"))
			continue;
		sts_smtpd_report(f, STS_FIND_WARNING, r->statement, fix,
		    "this rule takes TLS reports, too: one to a domain that "
		    "enforces waits for the very failure that it is about");
		return;
	}
}
