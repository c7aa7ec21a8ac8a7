/* SPDX-License-Identifier: ISC */
/*
 * `mta-sts config check --smtpd`: the examples as they are, and with one thing
 * changed at a time.  Every change that weakens the promise is found, at its
 * line.
 */
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "store/store.h"
#include "tests/unit/lib/tap.h"
#include "tests/unit/lib/tap_mutate.h"
#include "tests/unit/lib/tap_tool.h"
#include "opensmtpd/check/smtpd.h"

enum { TEXT_MAX = 65536 };

static char top[] = "/tmp/mta-sts-smtpd.XXXXXX";
static char conf_file[64], aliases_file[64], state_dir[64], smtpd_file[64],
    program_file[64];

/* The parts of the example and of Debian's file, as they are installed. */
static char example[TEXT_MAX], debian[TEXT_MAX], no_hold[TEXT_MAX];

/* With our paths in place of the system's. */
static void
read_example(const char *path, char *text)
{
	read_text(path, text, TEXT_MAX);
	ok(change(text, "\ntable mta-sts", "/etc/mta-sts.conf", conf_file),
	    "%s names our configuration", path);
	ok(change(text, NULL, "/etc/aliases", aliases_file), "%s has aliases",
	    path);
}

/*
 * The file's own judgement alone: what else `config check` says depends on
 * the machine, so everything it names is made first.
 */
static struct ran
check_text(const char *text)
{
	write_file(smtpd_file, text, strlen(text));
	return run_tool(
	    "-f", conf_file, "config", "check", "--smtpd", smtpd_file, NULL);
}

/* The number of the line that holds `part`. */
static unsigned
line_of(const char *text, const char *part)
{
	const char *at = strstr(text, part);
	unsigned line = 1;

	if (at == NULL)
		return 0;
	for (const char *p = text; p < at; p++)
		line += *p == '\n';
	return line;
}

/* A finding of that severity with `part` in its line. */
static bool
found(const char *out, const char *severity, const char *part)
{
	for (const char *line = out; *line != '\0';) {
		size_t len = strcspn(line, "\n");
		char *copy = strndup(line, len);
		bool fits = copy != NULL && strstr(copy, severity) != NULL &&
		    strstr(copy, part) != NULL;

		free(copy);
		if (fits)
			return true;
		line += len + (line[len] == '\n');
	}
	return false;
}

static void
show(const struct ran *ran)
{
	char *copy = strdup(ran->out), *rest = copy, *line;

	while (rest != NULL && (line = strsep(&rest, "\n")) != NULL)
		tap_diag("%s", line);
	free(copy);
}

static void
good_ones(void)
{
	const char *texts[] = {example, debian, no_hold};
	const char *names[] = {
	    "example.conf", "debian/smtpd.conf", "no-hold.conf"};

	for (size_t i = 0; i < 3; i++) {
		struct ran ran = check_text(texts[i]);

		if (!is_int(ran.code, 0, "%s: exit status 0", names[i]))
			show(&ran);
		ok(strstr(ran.out, "no problem found\n") != NULL,
		    "%s: no problem", names[i]);
		is_int(found(ran.out, "note: ", "no hold listener"), i == 2,
		    "%s: the note on the hold listener", names[i]);
		ran_free(&ran);
	}
}

/* A change in one place, and the finding that it must lead to. */
struct mutation {
	const char *after; /* changed after this text */
	const char *from;
	const char *to;
	const char *severity;
	const char *part;
	const char *at; /* found at the line with this; NULL: the whole file */
};

#define LOCAL_RULE "match from local for domain <mta-sts>"
#define STRICT     "action \"mta-sts\" relay"
#define PLAIN      "action \"relay\""

/* In both examples. */
static const struct mutation both[] = {
    {"\nfilter \"mta-sts\"", "filter-mta-sts", "filter-other",
	"error: ", "no filter waits", NULL},
    {"\nfilter", "\"filter-mta-sts", "\"/nonexistent/filter-mta-sts",
	"error: ", "/nonexistent/filter-mta-sts: ", "\nfilter \"mta-sts"},
    {"\nfilter", "proc-exec", "chain", "error: ", "no filter waits", NULL},
    {"\ntable mta-sts ", "mta-sts:", "file:", "error: ", "no table decides",
	NULL},
    {"\ntable mta-sts ", "mta-sts:/", "mta-sts:", "error: ", "no absolute path",
	"\ntable mta-sts "},
    {"\ntable mta-sts ", ".conf\"", ".none\"",
	"error: ", "cannot read its configuration", "\ntable mta-sts "},
    {STRICT, " tls", "", "error: ", "no certificate is verified", STRICT},
    {STRICT, " tls", " tls no-verify", "error: ", "any certificate is taken",
	STRICT},
    {STRICT, " ca mta-sts-roots", "", "error: ", "has no \"ca\"", STRICT},
    {STRICT, " ca mta-sts-roots", " ca other",
	"error: ", "there is no ca other", STRICT},
    {"\nca", " mta-sts-roots cert", " x cert",
	"error: ", "there is no ca mta-sts-roots", STRICT},
    {PLAIN, "relay filter", "relay tls no-verify ca mta-sts-roots filter",
	"error: ", "shares the ca", PLAIN},
    {STRICT, " domain <mta-sts>", "", "error: ", "no action asks", NULL},
    {STRICT, " domain <mta-sts>", " domain <aliases>",
	"error: ", "no action asks", NULL},
    {STRICT, " domain <mta-sts>", "", "error: ", "its action does not ask",
	LOCAL_RULE},
    {STRICT, " filter \"mta-sts\"", "",
	"warning: ", "does not see its sessions", STRICT},
    {PLAIN, " filter \"mta-sts\"", "",
	"warning: ", "leaves past the table is not noticed", PLAIN},
    {PLAIN, " filter \"mta-sts\"", " filter \"other\"",
	"note: ", "leaves past the table is not noticed", PLAIN},
    {STRICT, " filter", " protocols \"all\" filter",
	"error: ", "TLS before 1.2", STRICT},
    {"\nlisten on socket", " filter \"mta-sts\"", "",
	"error: ", "does not have the filter", "\nlisten on socket"},
    {"\nlisten on localhost", " filter \"mta-sts\"", "",
	"error: ", "does not have the filter", "\nlisten on localhost"},
    {"\nlisten on socket", "listen on socket", "listen on lo1",
	"error: ", "does not see mail from sendmail", NULL},
    {LOCAL_RULE, " for domain <mta-sts>", "", "error: ",
	"domains that do not enforce", "match from local action \"mta-sts\""},
    {LOCAL_RULE, " for domain <mta-sts>", "",
	"error: ", "no rule before it asks", "match from local for any"},
    {LOCAL_RULE, "<mta-sts> action \"mta-sts\"", "<mta-sts> action \"relay\"",
	"error: ", "its action does not ask", LOCAL_RULE},
    {LOCAL_RULE, "<mta-sts> action \"mta-sts\"", "<mta-sts> action \"local\"",
	"error: ", "does not relay their mail", LOCAL_RULE},
    {LOCAL_RULE, "for domain", "! for domain",
	"error: ", "the rule takes the domains that do not", "! for domain"},
    {LOCAL_RULE, "from local", "from socket",
	"error: ", "no rule before it asks", "match from local for any"},
    {LOCAL_RULE, "from local", "helo example.org from local",
	"error: ", "no rule before it asks", "match from local for any"},
    {LOCAL_RULE, LOCAL_RULE " action \"mta-sts\"\n", "",
	"error: ", "no rule before it asks", "match from local for any"},
    {"match for local", "match for local",
	"match from local for any action \"relay\"\nmatch for local",
	"error: ", "which takes the mail first", LOCAL_RULE},
    {STRICT, " filter", " src 192.0.2.1 filter", "warning: ", "src differs",
	STRICT},
    {PLAIN, " filter", " src <sources> filter", "warning: ", "src differs",
	STRICT},
    {PLAIN, " filter", " helo \"a.example.org\" filter",
	"warning: ", "helo differs", STRICT},
    {PLAIN, " filter", " helo-src <names> filter",
	"warning: ", "helo-src differs", STRICT},
    {PLAIN, " filter", " pki a.example.org filter", "warning: ", "pki differs",
	STRICT},
    {PLAIN, " filter", " mail-from \"a@example.org\" filter",
	"warning: ", "mail-from differs", STRICT},
    {PLAIN, " filter", " srs filter", "warning: ", "srs differs", STRICT},
    {PLAIN, "\"mta-sts\"", "\"mta-sts\" ttl 7d", "warning: ", "ttl differs",
	STRICT},
    {STRICT, "filter \"mta-sts\"", "filter \"mta-sts\" ttl 1d",
	"warning: ", "ttl differs", STRICT},
    {PLAIN, " relay", " relay host \"smart.example.net\"",
	"warning: ", "perhaps in clear text", "match from local for any"},
    {"match for local", "match for local",
	"match from local for domain \"example.net\" action \"relay\"\n"
	"match for local",
	"note: ", "exception", "for domain \"example.net\""},
    {STRICT, " filter", " protocols \"tlsv1\" filter",
	"error: ", "TLS before 1.2", STRICT},
    {STRICT, " filter", " protocols \"TLSv1.0\" filter",
	"error: ", "TLS before 1.2", STRICT},
    {STRICT, " filter", " protocols \"tlsv1.2,TLSv1.1\" filter",
	"error: ", "TLS before 1.2", STRICT},
    {STRICT, " filter", " protocols \"\" filter", "error: ", "TLS before 1.2",
	STRICT},
};

#define LAST_RULE "\nmatch from local for any"
#define RELAYED   " action \"relay\"" LAST_RULE

/* Before the last rule, one that asks the table about some of another's mail.
 */
#define PART(some, more)                                                 \
	NULL, LAST_RULE,                                                 \
	    "\nmatch " some " for domain <mta-sts> action \"mta-sts\"\n" \
	    "match " more " for any" RELAYED,                            \
	    "error: ", "no rule before it asks", "match " more
/* Or one for every domain that does not say "any". */
#define EACH(who)                                         \
	NULL, LAST_RULE, "\nmatch from any " who RELAYED, \
	    "error: ", "no rule before it asks", "match from any " who

/* Rules that took mail past the table unseen, in both examples. */
static const struct mutation past[] = {
    {PART("from src { \"10.0.0.1\" }",
	"from src { \"10.0.0.1\", \"10.0.0.2\" }")},
    {PART("from any mail-from { \"a@b\" }",
	"from any mail-from { \"a@b\", \"c@d\" }")},
    {PART("from any mail-from \"a@b\"", "from any ! mail-from \"a@b\"")},
    {PART("from any tag A", "from any ! tag A")},
    {PART("from any auth", "from any ! auth")},
    {PART("from any ! tag { A, B }", "from any ! tag A")},
    {PART("from local", "! from local")},
    {PART("from local", "! from socket")},
    {PART("from local", "from auth")},
    {PART("from src \"10.0.0.1\"", "from rdns \"10.0.0.1\"")},
    {PART("from any mail-from \"a@b\"", "from any mail-from regex \"a@b\"")},
    {PART("! from rdns \"a.example\" tag S", "! from rdns tag S")},
    {PART("from rdns", "from rdns regex \".\"")},
    {EACH("! for local")},
    {EACH("for domain \"*\"")},
    {EACH("for domain \"*.*\"")},
    {EACH("for domain { \"example.net\", \"*\" }")},
    {NULL, LAST_RULE,
	"\ntable each { \"example.net\", \"*\" }\n"
	"match from any for domain <each>" RELAYED,
	"error: ", "no rule before it asks", "match from any for domain <each"},
    {NULL, LAST_RULE, "\nmatch from any for domain regex \".\"" RELAYED,
	"warning: ", "may match every domain", "match from any for domain reg"},
    {LOCAL_RULE, "for domain", "for domain regex",
	"error: ", "no rule before it asks", "match from local for any"},
};

#define HOLD_RULE "match from local for domain <mta-sts-unknown>"

/* All in the same place of both. */
static const struct mutation limits[] = {
    {"\nmta limit", "delay-route 0\n", "delay-route 0 conn-delay-relay 10\n",
	"error: ", "with conn-delay-relay 10 mail", "\nmta limit"},
    {"\nmta limit", "delay-route 0\n",
	"delay-route 0\nmta limit for domain a.example conn-delay-relay 3\n",
	"error: ", "with conn-delay-relay 3 mail",
	"mta limit for domain a.example"},
};

/* Where mail is held. */
static const struct mutation with_hold[] = {
    {NULL, "match tag HELD from local for any action \"relay\"\n", "",
	"error: ", "would loop", HOLD_RULE},
    {NULL, "match tag HELD from local for any", "match tag HELD auth for any",
	"error: ", "would loop", HOLD_RULE},
    {NULL, "match tag HELD from local for any",
	"match tag SUBMIT from local for any", "error: ", "would loop",
	HOLD_RULE},
    {NULL, "match tag HELD from local for any",
	"match tag HELD from local for ! domain <mta-sts>",
	"error: ", "would loop", HOLD_RULE},
    {NULL, "match tag HELD from local for domain",
	HOLD_RULE " action \"mta-sts-hold\"\n"
		  "match tag HELD from local for domain",
	"error: ", "would loop", HOLD_RULE},
    {NULL, "match tag HELD from local for any",
	"match tag HELD from local mail-from \"a@b.example\" for any",
	"error: ", "would loop", HOLD_RULE},
    {NULL, "\nmatch from local for any",
	"\nmatch from local mail-from \"a@b.example\" for any", "warning: ",
	"which no other rule permits", "match tag HELD from local for any"},
    {"10587", " tag HELD", "", "error: ", "without a tag",
	"\nlisten on 127.0.0.1 port 10587"},
    {"\naction \"mta-sts-hold\"", "10587", "10588",
	"error: ", "relays to no listener", HOLD_RULE},
    {"\naction \"mta-sts-hold\"", ":10587", "", "error: ", "without a tag",
	"\nlisten on localhost"},
    {HOLD_RULE, "\"mta-sts-hold\"", "\"relay\"",
	"error: ", "relays to no listener", HOLD_RULE},
    {HOLD_RULE, "\"mta-sts-hold\"", "\"local\"",
	"error: ", "relays to no listener", HOLD_RULE},
};

#define USERS_RULE "action \"mta-sts\"\nmatch tag SUBMIT"

/* Where there is submission. */
static const struct mutation with_users[] = {
    {"port 587", "filter \"mta-sts\"", "",
	"error: ", "does not have the filter", "port 587"},
    {"port 587", "filter \"mta-sts\"", "filter \"other\"",
	"error: ", "does not have the filter", "port 587"},
    {USERS_RULE, " tag SUBMIT", "",
	"warning: ", "untrusted clients can make the table ask",
	"match from any auth for domain <mta-sts>"},
    {USERS_RULE, " from any", "", "error: ", "no rule before it asks",
	"match tag SUBMIT from any auth for any"},
    {USERS_RULE, " for domain <mta-sts>", "", "error: ",
	"no rule before it asks", "match tag SUBMIT from any auth for any"},
    {USERS_RULE, "match tag", "match !tag", "error: ", "no rule before it asks",
	"match tag SUBMIT from any auth for any"},
    {USERS_RULE, "match tag SUBMIT", "match tag OTHER", "error: ",
	"no rule before it asks", "match tag SUBMIT from any auth for any"},
    {"auth for any", "match", "", NULL, NULL, NULL},
    {"\nmatch from any for domain \"example.org\"",
	"match from any for domain \"example.org\"",
	"match tag SUBMIT from any auth for any action \"relay\"\n"
	"match from any for domain \"example.org\"",
	"error: ", "which takes the mail first",
	"match tag SUBMIT from any auth for domain <mta-sts>"},
};

static void
try_mutation(const char *name, const char *base, const struct mutation *m)
{
	static char text[TEXT_MAX];
	char place[128];
	struct ran ran;

	if (m->severity == NULL)
		return;
	strcpy(text, base);
	if (!ok(change(text, m->after, m->from, m->to), "%s can be changed: %s",
		name, m->part))
		return;
	ran = check_text(text);
	snprintf(place, sizeof(place), "%s:%s%s", smtpd_file,
	    m->at == NULL ? " " : "", m->severity);
	if (m->at != NULL)
		snprintf(place, sizeof(place), "%s:%u: %s", smtpd_file,
		    line_of(text, m->at) + (m->at[0] == '\n'), m->severity);
	if (!ok(found(ran.out, place, m->part), "%s: found: %s%s", name,
		m->severity, m->part)) {
		tap_diag("not found: %s ... %s", place, m->part);
		show(&ran);
	}
	is_int(ran.code, m->severity[0] == 'n' ? 0 : 1, "the exit status");
	ok(m->severity[0] == 'n' || strstr(ran.out, "\n  fix: ") != NULL,
	    "with what fixes it");
	ran_free(&ran);
}

static void
each_change_is_found(void)
{
	for (size_t i = 0; i < sizeof(both) / sizeof(both[0]); i++) {
		try_mutation("example", example, &both[i]);
		try_mutation("debian", debian, &both[i]);
	}
	for (size_t i = 0; i < sizeof(past) / sizeof(past[0]); i++) {
		try_mutation("example", example, &past[i]);
		try_mutation("debian", debian, &past[i]);
	}
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		try_mutation("example", example, &limits[i]);
		try_mutation("debian", debian, &limits[i]);
	}
	for (size_t i = 0; i < sizeof(with_users) / sizeof(with_users[0]); i++)
		try_mutation("example", example, &with_users[i]);
	for (size_t i = 0; i < sizeof(with_hold) / sizeof(with_hold[0]); i++)
		try_mutation("example", example, &with_hold[i]);
}

/* Both say the same to smtpd. */
static void
expect_clean(const char *text, const char *name)
{
	struct ran ran = check_text(text);

	if (!is_int(ran.code, 0, "%s", name))
		show(&ran);
	ran_free(&ran);
}

static void
other_ways_to_write_it(void)
{
	static char text[TEXT_MAX];

	strcpy(text, example);
	ok(change(text, "\nfilter \"mta-sts\"", "proc-exec \"filter-mta-sts",
	       "proc x\nproc x \\\n \"PROGRAM -g") &&
		change(text, NULL, "PROGRAM", program_file) &&
		change(
		    text, "port 587", "filter \"mta-sts\"", "filter \"out\"") &&
		change(text, "\nlisten on socket", "filter \"mta-sts\"",
		    "filter { \"dkim\", \"mta-sts\" }") &&
		change(text, "\nlisten", "listen",
		    "filter \"dkim\" proc-exec \"filter-dkimsign\"\n"
		    "filter \"out\" chain {\n \"mta-sts\",\n \"dkim\" }\n"
		    "listen"),
	    "a filter in a chain");
	expect_clean(text, "filters in chains, and a proc");
	strcpy(text, example);
	ok(change(text, NULL, "public = ",
	       "action_name = \"mta-sts\"\nwhom = \"any\"\npublic = ") &&
		change(text, LOCAL_RULE, "action \"mta-sts\"",
		    "action $action_name # a comment") &&
		change(
		    text, "match from local for any", "for any", "for $whom"),
	    "macros");
	expect_clean(text, "macros, a comment");
	strcpy(text, example);
	ok(change(text, NULL, "public = ", "off = \" # no\"\npublic = ") &&
		change(text, NULL, LOCAL_RULE,
		    "$off match from local for any action \"relay\"\n"
		    "$off match from local for any action {\n" LOCAL_RULE),
	    "a comment in a macro");
	expect_clean(text, "a macro with a comment: to the end of the line");
	strcpy(text, example);
	ok(change(text, "\nmatch tag SUBMIT", "from any auth", "from auth") &&
		change(text, LOCAL_RULE, "match from local", "match"),
	    "shorter conditions");
	expect_clean(text, "\"from auth\", and no \"from\" at all");
	strcpy(text, example);
	ok(change(
	       text, PLAIN, "filter \"mta-sts\"", "filter \"mta-sts\" ttl 1d"),
	    "a time to live");
	expect_clean(text, "a shorter ttl on the plain action");
	strcpy(text, example);
	ok(change(text, STRICT, " filter",
	       " protocols \"TLSv1.2,tlsv1.3\" filter"),
	    "protocols");
	expect_clean(text, "protocols from TLS 1.2 on");
	strcpy(text, example);
	ok(change(text, NULL, "match tag HELD",
	       "match !tag HELD from local for domain <mta-sts-unknown> "
	       "action \"mta-sts-hold\"\nmatch tag HELD"),
	    "a tag that is not wanted");
	expect_clean(text, "a rule that takes nothing that was held");
	strcpy(text, example);
	ok(change(text, "\nsmtp", "x", "x") ||
		change(
		    text, NULL, "public =", "no such words { a } b\npublic ="),
	    "an unknown statement");
	expect_clean(text, "an unknown statement");
}

static void
hold_listener(void)
{
	static char text[TEXT_MAX];
	struct ran ran;

	strcpy(text, example);
	ok(change(text, NULL, "\nmatch tag HELD",
	       "\nmatch from local for domain <mta-sts-unknown> action "
	       "\"mta-sts-hold\"\nmatch tag HELD"),
	    "its rule moves to the front");
	ran = check_text(text);
	ok(found(ran.out, "error: ", "would loop"), "which is found");
	ran_free(&ran);
}

#define REPORT_RULE "match from local mail-from \"tlsrpt@example.org\""
#define PAST        "which takes the mail first"
#define UNASKED     "no rule before it asks the table about all of that mail"

/* The rule for our own reports, as the examples have it in a comment. */
static void
rule_for_reports(const char *good, const char *name)
{
	static char text[TEXT_MAX];
	char at[32];
	struct ran ran = check_text(good);

	ok(found(ran.out, "warning: ", "takes TLS reports, too"),
	    "%s: reports are sent, and there is no rule for them", name);
	snprintf(at, sizeof(at), ":%u: ",
	    line_of(good, "\nmatch from local for domain <mta-sts") + 1);
	ok(found(ran.out, at, "takes TLS reports, too"),
	    "found where it belongs");
	ok(strstr(ran.out,
	       "  fix: before it: match from local mail-from "
	       "\"TLSrpt@Example.org\" for any action \"relay\"") != NULL,
	    "with that rule");
	ran_free(&ran);
	strcpy(text, good);
	ok(change(text, NULL, "\n# " REPORT_RULE, "\n" REPORT_RULE),
	    "%s: the comment becomes a rule", name);
	ran = check_text(text);
	ok(ran.code == 0 && strstr(ran.out, "no problem found\n") != NULL,
	    "then nothing is missing");
	ran_free(&ran);
	ok(change(text, NULL, "\n" REPORT_RULE,
	       "\nmatch from local for domain <mta-sts> action "
	       "\"mta-sts\"\n" REPORT_RULE),
	    "%s: a rule that enforces comes before it", name);
	ran = check_text(text);
	ok(found(ran.out, "warning: ", "takes TLS reports, too"),
	    "which is as without it");
	ran_free(&ran);
}

/* Who wants reports needs the filter, beside others or alone. */
static void
plain_action_with_reports(void)
{
	static char text[TEXT_MAX];
	struct ran ran;

	strcpy(text, example);
	ok(change(text, NULL, "\n# " REPORT_RULE, "\n" REPORT_RULE) &&
		change(text, PLAIN, " filter \"mta-sts\"", " filter \"other\""),
	    "the plain action has a filter of the operator's");
	ran = check_text(text);
	ok(found(ran.out, "warning: ", "TLS reports lack them"),
	    "with reports this is a problem");
	ok(strstr(ran.out,
	       "  fix: a chain of both: filter \"NAME\" chain { "
	       "\"mta-sts\", \"OTHER\" }") != NULL,
	    "with its fix");
	ran_free(&ran);
	strcpy(text, example);
	ok(change(text, NULL, "\n# " REPORT_RULE, "\n" REPORT_RULE) &&
		change(text, PLAIN, " filter \"mta-sts\"",
		    " host \"smtp+tls://smart.example.net\" tls"),
	    "the plain action has a smart host and no filter");
	expect_clean(text, "whose sessions are with no MX host");
}

static void
reports(void)
{
	static char before[TEXT_MAX], text[TEXT_MAX];
	struct ran ran;
	size_t len;

	read_text(conf_file, before, sizeof(before));
	strcpy(text, example);
	ok(change(text, NULL, "\n# " REPORT_RULE, "\n" REPORT_RULE),
	    "the rule for reports where none are sent");
	ran = check_text(text);
	ok(found(ran.out, "error: ", PAST),
	    "is a way around the policies like any other");
	ran_free(&ran);
	len = (size_t)snprintf(text, sizeof(text),
	    "%sorganization Lab\ncontact TLSrpt@Example.org\n"
	    "report-sendmail %s\n",
	    before, program_file);
	write_file(conf_file, text, len);
	rule_for_reports(example, "example");
	rule_for_reports(debian, "Debian's file");
	plain_action_with_reports();
	strcpy(text, example);
	ok(change(text, NULL, "\n# " REPORT_RULE,
	       "\nmatch from local mail-from \"ceo@example.org\""),
	    "a rule for another sender");
	ran = check_text(text);
	ok(found(ran.out, "error: ", PAST), "is one, too");
	ran_free(&ran);
	strcpy(text, example);
	ok(change(text, NULL, "\n# " REPORT_RULE,
	       "\nmatch from any mail-from \"tlsrpt@example.org\""),
	    "a rule for our sender from anywhere");
	ran = check_text(text);
	ok(found(ran.out, "error: ", UNASKED), "is one, too");
	ran_free(&ran);
	write_file(conf_file, before, strlen(before));
}

/* Of two listeners, only the users' has the gate. */
static void
two_filters(void)
{
	static char text[TEXT_MAX];
	struct ran ran;

	strcpy(text, example);
	ok(change(text, NULL, "\nfilter \"mta-sts\"",
	       "\nfilter \"gate\" proc-exec \"filter-mta-sts -g -f CONF\"\n"
	       "filter \"users\" chain { \"gate\", \"other\" }\n"
	       "filter \"mta-sts\"") &&
		change(text, NULL, "CONF", conf_file) &&
		change(text, "\nlisten on $public port 587",
		    "filter \"mta-sts\"", "filter \"users\"") &&
		change(text, STRICT, "filter \"mta-sts\"", "filter \"gate\""),
	    "the users' listener has a filter with -g");
	expect_clean(text, "two filters of ours");
	ok(change(text, "filter-mta-sts -g", conf_file, "/etc/other.conf"),
	    "one of them has another configuration");
	ran = check_text(text);
	ok(found(ran.out, "warning: ",
	       "filter gate uses the configuration /etc/other.conf"),
	    "which is found");
	ran_free(&ran);
}

/* What the table is not allowed to read, whoever runs the check may. */
static void
groups(void)
{
	gid_t before[64], root = 0;
	int count = getgroups(64, before);
	struct ran ran;

	if (geteuid() != 0) {
		tap_skip("groups of root", "only root has them");
		return;
	}
	ok(count >= 0 && setgroups(1, &root) == 0 &&
		chmod(conf_file, 0640) == 0,
	    "a configuration for root's group");
	ran = check_text(example);
	ok(found(ran.out, "error: ", "cannot read its configuration"),
	    "which the table is not in");
	ran_free(&ran);
	ok(chmod(conf_file, 0644) == 0 && setgroups((size_t)count, before) == 0,
	    "as before");
}

static void
the_filter_alone(void)
{
	struct ran ran = check_text("filter \"mta-sts\" proc-exec "
				    "\"filter-mta-sts\"\n"
				    "listen on socket filter \"mta-sts\"\n"
				    "action \"relay\" relay\n"
				    "match for any action \"relay\"\n");

	is_int(ran.code, 1, "the filter alone: exit status 1");
	ok(found(ran.out, "error: ", "the filter alone protects nothing"),
	    "the filter alone protects nothing, and that is said");
	ran_free(&ran);
}

static void
files(void)
{
	struct ran ran = run_tool("-f", conf_file, "config", "check", "--smtpd",
	    "/nonexistent/smtpd.conf", NULL);
	static char text[TEXT_MAX];
	char line[160], included[128];

	is_int(ran.code, 3, "no such file: exit status 3");
	ok(strstr(ran.err, "No such file") != NULL, "and why");
	ran_free(&ran);
	ran = run_tool("config", "check", "--smtpd", NULL);
	is_int(ran.code, 2, "no file named: exit status 2");
	ran_free(&ran);
	snprintf(included, sizeof(included), "%s/more.conf", top);
	snprintf(line, sizeof(line), "include \"%s\"\n", included);
	write_file(included, LOCAL_RULE " action \"mta-sts\"\n",
	    strlen(LOCAL_RULE " action \"mta-sts\"\n"));
	strcpy(text, debian);
	ok(change(text, NULL, LOCAL_RULE " action \"mta-sts\"\n", line),
	    "a rule moves to another file");
	expect_clean(text, "an included file");
	write_file(included, line, strlen(line));
	ran = check_text(text);
	is_int(ran.code, 1, "a file that includes itself: exit status 1");
	ok(found(ran.out, "error: ", "too large"), "and it ends");
	ran_free(&ran);
	unlink(included);
	ran = check_text(text);
	ok(found(ran.out, "error: ", "more.conf cannot be read"),
	    "an included file that is missing");
	ran_free(&ran);
	ran = check_text("table x { a\n");
	ok(found(ran.out, "error: ", "a brace is not closed"), "an open brace");
	ran_free(&ran);
	ran = check_text("table x \"a\n");
	ok(found(ran.out, "error: ", "has no end"), "an open string");
	ran_free(&ran);
	ran = check_text("");
	is_int(ran.code, 1, "an empty file");
	ran_free(&ran);
}

/* Becomes the owner of the state directory, and root again. */
static void
as_owner(bool owner)
{
	struct stat st;

	if (getuid() == 0 &&
	    (stat(state_dir, &st) != 0 || seteuid(0) != 0 ||
		(owner &&
		    (setegid(st.st_gid) != 0 || seteuid(st.st_uid) != 0)) ||
		(!owner && setegid(0) != 0)))
		exit(1);
}

/* What the filter saw leave past the table. */
static void
mail_that_left(void)
{
	struct sts_unprotected u = {"leaked.example", time(NULL) - 86400};
	struct sts_store *store;
	struct ran ran;

	as_owner(true);
	if (!ok(sts_store_open(&store, state_dir, true) == STS_OK &&
		    sts_store_write_unprotected(store, &u) == STS_OK,
		"the filter saw unprotected mail a day ago"))
		return;
	as_owner(false);
	ran = check_text(example);
	is_int(ran.code, 1, "whatever the file says: exit status 1");
	ok(found(ran.out, "error: ", "mail for leaked.example, which enforces"),
	    "and that is said");
	ran_free(&ran);
	u.when = time(NULL) - 8 * 86400;
	as_owner(true);
	ok(sts_store_write_unprotected(store, &u) == STS_OK, "eight days ago");
	sts_store_close(store);
	as_owner(false);
	expect_clean(example, "no more after a week");
}

/* Nearly right input ends with a status, and nothing worse. */
static void
nonsense(void)
{
	static char text[TEXT_MAX];
	unsigned long tries = mutate_count(2000), fine = 0;

	mutate_seed(8461);
	for (unsigned long i = 0; i < tries; i++) {
		const char *base = i % 2 == 0 ? example : debian;
		struct ran ran;
		size_t len;

		strcpy(text, base);
		len = mutate(text, strlen(text), sizeof(text) - 1);
		write_file(smtpd_file, text, len);
		ran = run_tool("-f", conf_file, "config", "check", "--smtpd",
		    smtpd_file, NULL);
		fine += ran.code == 0 || ran.code == 1;
		ran_free(&ran);
	}
	is_int((long long)fine, (long long)tries, "%lu damaged files", tries);
}

/* As whom smtpd would run here, or NULL. */
static const struct passwd *
smtpd_user(void)
{
	static const char *const users[] = {"opensmtpd", "_smtpd", "smtpd"};
	const struct passwd *pw = NULL;

	for (size_t i = 0; pw == NULL && i < 3; i++)
		pw = getpwnam(users[i]);
	return pw;
}

/* Filter and tables read conf_file. */
static bool
same_configuration(char *text)
{
	while (strstr(text, "/etc/mta-sts.conf") != NULL) {
		if (!change(text, NULL, "/etc/mta-sts.conf", conf_file))
			return false;
	}
	return change(text, "\nfilter \"mta-sts\"", "filter-mta-sts",
		   "filter-mta-sts -f CONF") &&
	    change(text, NULL, "CONF", conf_file);
}

/* A machine on which all that is named is there. */
static void
begin(void)
{
	/* It has heard the name servers. */
	static const char resolver[] =
	    "#!/bin/sh\necho nameserver 127.0.0.1:53 answered\n";
	const struct passwd *pw = smtpd_user();
	char path[128], text[512];

	if (geteuid() == 0 && pw == NULL)
		pw = getpwuid(65534);

	if (mkdtemp(top) == NULL)
		exit(1);
	chmod(top, 0755);
	snprintf(conf_file, sizeof(conf_file), "%s/mta-sts.conf", top);
	snprintf(aliases_file, sizeof(aliases_file), "%s/aliases", top);
	snprintf(state_dir, sizeof(state_dir), "%s/state", top);
	snprintf(smtpd_file, sizeof(smtpd_file), "%s/smtpd.conf", top);
	snprintf(program_file, sizeof(program_file), "%s/filter-mta-sts", top);
	write_file(program_file, "", 0);
	chmod(program_file, 0755);
	snprintf(path, sizeof(path), "%s/resolver", top);
	write_file(path, resolver, strlen(resolver));
	chmod(path, 0755);
	mkdir(state_dir, 0750);
	if (pw != NULL && geteuid() == 0 &&
	    chown(state_dir, pw->pw_uid, pw->pw_gid) != 0)
		exit(1);
	snprintf(text, sizeof(text),
	    "state-dir %s\nresolver %s\nfetcher %s\nca-file %s\n"
	    "prefetch Soon.example\ndomain off.example off\n",
	    state_dir, path, path, conf_file);
	write_file(conf_file, text, strlen(text));
	write_file(aliases_file, "", 0);
	read_example("opensmtpd/conf/example.conf", example);
	read_example("opensmtpd/conf/debian/smtpd.conf", debian);
	read_example("opensmtpd/conf/no-hold.conf", no_hold);
	ok(same_configuration(example) && same_configuration(debian) &&
		same_configuration(no_hold),
	    "the filter has the same configuration");
}

int
main(void)
{
	char command[64];

	if (geteuid() != 0 && smtpd_user() != NULL) {
		tap_skip("config check --smtpd",
		    "smtpd is installed, and only root can make a state "
		    "directory of its user");
		ok(true, "nothing is tried");
		return tap_done();
	}
	begin();
	good_ones();
	each_change_is_found();
	other_ways_to_write_it();
	hold_listener();
	reports();
	two_filters();
	the_filter_alone();
	groups();
	mail_that_left();
	files();
	nonsense();
	snprintf(command, sizeof(command), "rm -rf %s", top);
	if (system(command) != 0)
		tap_diag("%s is left", top);
	return tap_done();
}
