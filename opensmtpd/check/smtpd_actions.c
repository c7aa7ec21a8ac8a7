/* SPDX-License-Identifier: ISC */
/*
 * The strict action: the options that make it safe, and those of the plain one
 * that it lacks; the filter in both. docs/opensmtpd.md gives the reasons.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "opensmtpd/check/smtpd.h"

enum { VALUE_MAX = 512, TTL_DEFAULT = 4 * 86400 };

/* Lists like "tlsv1.2,tlsv1.3"; a bare "tlsv1" is all of them. */
static bool
are_modern(const char *protocols)
{
	static const char *const modern[] = {
	    "tlsv1.2", "tlsv1.3", "secure", "default"};
	size_t len, i;

	for (const char *p = protocols;; p += len + 1) {
		len = strcspn(p, ",:");
		for (i = 0; i < sizeof(modern) / sizeof(modern[0]); i++) {
			if (strlen(modern[i]) == len &&
			    strncasecmp(p, modern[i], len) == 0)
				break;
		}
		if (i == sizeof(modern) / sizeof(modern[0]))
			return false;
		if (p[len] == '\0')
			return true;
	}
}

/* "tls" makes smtpd verify the certificate. */
static void
check_tls(struct sts_findings *f, const struct sts_smtpd_statement *a)
{
	const struct sts_smtpd_word *next = sts_smtpd_value(a, "tls");
	const struct sts_smtpd_word *protocols =
	    sts_smtpd_value(a, "protocols");

	if (!sts_smtpd_has(a, "tls"))
		sts_smtpd_report(f, STS_FIND_ERROR, a, "relay tls ...",
		    "action %s: without \"tls\" no certificate is verified",
		    a->word[1].text);
	else if (sts_smtpd_is(next, "no-verify"))
		sts_smtpd_report(f, STS_FIND_ERROR, a, "remove no-verify",
		    "action %s: with no-verify any certificate is taken",
		    a->word[1].text);
	if (protocols != NULL && !are_modern(protocols->text))
		sts_smtpd_report(f, STS_FIND_ERROR, a, "remove protocols",
		    "action %s: TLS before 1.2 is taken", a->word[1].text);
}

/*
 * 7.x reuses a session for another action with the same host, "ca" and other
 * options, whether or not its certificate was verified.
 */
static void
check_ca(struct sts_findings *f, const struct sts_smtpd_conf *conf,
    const struct sts_smtpd_statement *a)
{
	const struct sts_smtpd_word *ca = sts_smtpd_value(a, "ca");

	if (ca == NULL) {
		sts_smtpd_report(f, STS_FIND_ERROR, a,
		    "ca mta-sts-roots cert \"FILE\" before it, and here: "
		    "relay tls ca mta-sts-roots ...",
		    "action %s has no \"ca\" of its own: its mail can be "
		    "carried over an unverified session of another action",
		    a->word[1].text);
		return;
	}
	if (sts_smtpd_named(conf, "ca", ca->text) == NULL)
		sts_smtpd_report(f, STS_FIND_ERROR, a,
		    "ca NAME cert \"FILE\" before it",
		    "action %s: there is no ca %s", a->word[1].text, ca->text);
	for (size_t i = 0; i < conf->count; i++) {
		const struct sts_smtpd_statement *other = &conf->statement[i];
		const struct sts_smtpd_word *theirs;

		if (other->count < 3 ||
		    !sts_smtpd_is(&other->word[0], "action") ||
		    sts_smtpd_is_strict(conf, other))
			continue;
		theirs = sts_smtpd_value(other, "ca");
		if (theirs != NULL && strcmp(theirs->text, ca->text) == 0)
			sts_smtpd_report(f, STS_FIND_ERROR, other,
			    "give it a ca of another name, even for the same "
			    "file",
			    "action %s shares the ca of action %s: mail can be "
			    "carried over an unverified session of this action",
			    other->word[1].text, a->word[1].text);
	}
}

static void
check_action(struct sts_findings *f, const struct sts_smtpd_conf *conf,
    const struct sts_smtpd_statement *a)
{
	char fix[128];

	check_tls(f, a);
	check_ca(f, conf, a);
	if (sts_smtpd_our_filter(conf) == NULL || sts_smtpd_has_filter(conf, a))
		return;
	(void)snprintf(
	    fix, sizeof(fix), "filter \"%s\"", sts_smtpd_our_filter(conf));
	sts_smtpd_report(f, STS_FIND_WARNING, a, fix,
	    "action %s: the filter does not see its sessions, so hosts that "
	    "fail are found late",
	    a->word[1].text);
}

/*
 * What leaves by it although its domain enforces, and its sessions for TLS
 * reports: the filter sees both here alone.  A filter of the operator's own may
 * stay, as `enable` leaves it, unless reports are wanted.
 */
void
sts_smtpd_check_plain(struct sts_findings *f, const struct sts_smtpd *s,
    const struct sts_smtpd_statement *a)
{
	const char *ours = sts_smtpd_our_filter(&s->conf);
	bool other = sts_smtpd_has(a, "filter");
	bool note = other && !sts_config_reports(s->config);
	char fix[160];

	if (ours == NULL || sts_smtpd_has(a, "host") ||
	    sts_smtpd_has_filter(&s->conf, a))
		return;
	(void)snprintf(fix, sizeof(fix),
	    other ? "a chain of both: filter \"NAME\" chain { \"%s\", "
		    "\"OTHER\" }"
		  : "filter \"%s\"",
	    ours);
	sts_smtpd_report(f, note ? STS_FIND_NOTE : STS_FIND_WARNING, a,
	    note ? NULL : fix,
	    "action %s: the filter does not see its sessions, so mail that "
	    "leaves past the table is not noticed, and TLS reports lack them",
	    a->word[1].text);
}

void
sts_smtpd_check_actions(struct sts_findings *f, const struct sts_smtpd *s)
{
	for (size_t i = 0; i < s->conf.count; i++) {
		const struct sts_smtpd_statement *a = &s->conf.statement[i];

		if (a->count > 2 && sts_smtpd_is(&a->word[0], "action") &&
		    sts_smtpd_is_strict(&s->conf, a))
			check_action(f, &s->conf, a);
	}
}

/* The option's value, "" if it has none, "-" if missing. */
static void
option_text(const struct sts_smtpd_statement *a, const char *option, bool flag,
    char *buf, size_t size)
{
	size_t at = sts_smtpd_word_index(a, 2, option);

	if (at == 0)
		(void)snprintf(buf, size, "-");
	else if (flag)
		buf[0] = '\0';
	else
		(void)sts_smtpd_join(a, at + 1, buf, size);
}

/* "4d" in seconds, as in smtpd; -1 if smtpd refuses it. */
static long
seconds_of(const char *text)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (end == text || n < 0 || n > 1000000000)
		return -1;
	switch (*end) {
	case 'd':
		return n * 86400;
	case 'h':
		return n * 3600;
	case 'm':
		return n * 60;
	default:
		return n;
	}
}

/* The guide recommends a shorter time for the plain action. */
static bool
is_wise(const char *option, const char *strict, const char *plain)
{
	long a = strcmp(strict, "-") == 0 ? TTL_DEFAULT : seconds_of(strict);
	long b = strcmp(plain, "-") == 0 ? TTL_DEFAULT : seconds_of(plain);

	return strcmp(option, "ttl") == 0 && a >= 0 && b >= 0 && b <= a;
}

/*
 * When a domain begins to enforce, its mail moves to the other action without a
 * change on this machine, so the two may differ only where they must.
 */
void
sts_smtpd_check_difference(struct sts_findings *f,
    const struct sts_smtpd_statement *strict,
    const struct sts_smtpd_statement *plain)
{
	static const struct {
		const char *name;
		bool flag;
	} options[] = {{"src", false}, {"helo", false}, {"helo-src", false},
	    {"pki", false}, {"mail-from", false}, {"srs", true},
	    {"ttl", false}};
	char has[VALUE_MAX], theirs[VALUE_MAX], fix[VALUE_MAX + 32];

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		const char *name = options[i].name;

		option_text(strict, name, options[i].flag, has, sizeof(has));
		option_text(
		    plain, name, options[i].flag, theirs, sizeof(theirs));
		if (strcmp(has, theirs) == 0 || is_wise(name, has, theirs))
			continue;
		if (strcmp(theirs, "-") == 0)
			(void)snprintf(fix, sizeof(fix), "remove %s", name);
		else
			(void)snprintf(fix, sizeof(fix), "%s %s", name,
			    options[i].flag ? "" : theirs);
		sts_smtpd_report(f, STS_FIND_WARNING, strict, fix,
		    "action %s: %s differs from action %s, whose mail this is",
		    strict->word[1].text, name, plain->word[1].text);
	}
}
