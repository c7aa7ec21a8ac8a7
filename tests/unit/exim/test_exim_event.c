/* SPDX-License-Identifier: ISC */
/*
 * mta_sts_event, called as Exim calls it.  A scenario is the events of one or
 * more processes in the order in which Exim raised them at a real peer, and
 * what is recorded.  Those marked as traps are counted wrong by the rule that
 * suggests itself: a tcp:close with a verified certificate is a success, a
 * msg:host:defer is a failure.
 */
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "exim/event.h"
#include "exim/query.h"
#include "store/outcomes.h"
#include "store/routes.h"
#include "tests/unit/lib/tap.h"
#include "tests/unit/lib/tap_world.h"

#define REPORTS     "organization Example\ncontact postmaster@example.net\n"
#define RECORD      "v=TLSRPTv1; rua=mailto:r@example.org"
#define MX          "mx.d.example"

#define OFFERED     "250-mx.d.example hello\n250-SIZE\n250 STARTTLS"
#define NOT_OFFERED "250-mx.d.example hello\n250 SIZE"
#define ENCRYPTED   "250-mx.d.example hello\n250 SIZE"
#define CIPHER      "TLS1.3:ECDHE_X25519__RSA:256"
#define LATER       "4102444800" /* 2100 */
#define PAST        "1000000000"

/* One call.  NULL stands for what is there if nothing else is said. */
struct step {
	const char *name, *data;
	const char *cipher;   /* NULL: "-" */
	const char *verified; /* NULL: "0" */
	const char *not_after, *names;
	const char *usage;   /* NULL: "0" */
	const char *counts;  /* NULL: the configuration file */
	const char *host;    /* NULL: MX */
	const char *address; /* NULL: 192.0.2.1 */
	const char *domain;  /* NULL: the scenario's */
};

/* clang-format off */
#define CONNECT {.name = "smtp:connect", .data = "220 mx"}
#define EHLO {.name = "smtp:ehlo", .data = OFFERED}
#define EHLO_PLAIN {.name = "smtp:ehlo", .data = NOT_OFFERED}
#define CERT(end, list) \
	{.name = "tls:cert", .data = "0", .not_after = end, .names = list}
#define UP(value, end, list) \
	{.name = "smtp:ehlo", .data = ENCRYPTED, .cipher = CIPHER, \
	    .verified = value, .not_after = end, .names = list}
#define CLOSE {.name = "tcp:close"}
#define CLOSE_AS(value, end, list) \
	{.name = "tcp:close", .cipher = CIPHER, .verified = value, \
	    .not_after = end, .names = list}
#define CLOSE_UP CLOSE_AS("1", LATER, MX)
#define DEFER {.name = "msg:host:defer", .data = "TLS session: failed"}
#define DEFER_454 \
	{.name = "msg:host:defer", \
	    .data = "SMTP error from remote mail server after STARTTLS: 454"}
/* The next steps are of a process that the last one has forked. */
#define FORK {.name = "fork"}
/* ...or that exec(3) has made of it. */
#define EXEC {.name = "exec"}
/* clang-format on */

enum { STEPS_MAX = 20 };

struct scenario {
	const char *name;
	bool trap;
	const char *domain, *mode;
	const char *expected; /* "TYPE RESULT REASON", each with "; " behind */
	struct step steps[STEPS_MAX];
};

static const struct scenario scenarios[] = {
    {"a good session", false, "d.example", "enforce", "sts success -; ",
	{CONNECT, EHLO, CERT(LATER, MX), UP("1", LATER, MX), CLOSE_UP}},
    {"under testing", false, "t.example", "testing", "sts success -; ",
	{CONNECT, EHLO, CERT(LATER, MX), UP("1", LATER, MX), CLOSE_UP}},
    {"without a policy", false, "n.example", "none",
	"no-policy-found success -; ",
	{CONNECT, EHLO, CERT(LATER, MX), UP("1", LATER, MX), CLOSE_UP}},
    {"without a policy a certificate need not be valid", true, "n.example",
	"none", "no-policy-found success -; ",
	{CONNECT, EHLO, CERT(PAST, "x.example"), UP("0", PAST, "x.example"),
	    CLOSE_AS("0", PAST, "x.example")}},
    {"testing: mail leaves in spite of an expired certificate", true,
	"t.example", "testing", "sts certificate-expired mx-cert-expired; ",
	{CONNECT, EHLO, CERT(PAST, MX), UP("0", PAST, MX),
	    CLOSE_AS("0", PAST, MX)}},
    {"testing: in spite of a name that is another's", true, "t.example",
	"testing", "sts certificate-host-mismatch mx-cert-name; ",
	{CONNECT, EHLO, CERT(LATER, "other.example\nmx.d.example.net"),
	    UP("0", LATER, "other.example\nmx.d.example.net"),
	    CLOSE_AS("0", LATER, "other.example")}},
    {"testing: in spite of an issuer that is not trusted", true, "t.example",
	"testing", "sts certificate-not-trusted mx-cert-untrusted; ",
	{CONNECT, EHLO, CERT(LATER, MX), UP("0", LATER, MX),
	    CLOSE_AS("0", LATER, MX)}},
    {"testing: in clear text", true, "t.example", "testing",
	"sts starttls-not-supported mx-no-starttls; ",
	{CONNECT, EHLO_PLAIN, CLOSE}},
    {"enforce: the certificate is refused", false, "d.example", "enforce",
	"sts certificate-not-trusted mx-cert-untrusted; ",
	{CONNECT, EHLO, CERT(LATER, MX), CLOSE, DEFER}},
    {"OpenSSL: an issuer's certificate comes first, the host's at the end",
	false, "d.example", "enforce",
	"sts certificate-expired mx-cert-expired; ",
	{CONNECT, EHLO, {.name = "tls:cert", .data = "1", .not_after = LATER},
	    {.name = "tcp:close", .not_after = PAST, .names = MX}, DEFER}},
    {"enforce: the handshake fails", false, "d.example", "enforce",
	"sts validation-failure handshake; ", {CONNECT, EHLO, CLOSE, DEFER}},
    {"STARTTLS is refused", false, "d.example", "enforce",
	"sts validation-failure starttls-rejected; ",
	{CONNECT, EHLO, CLOSE, DEFER_454}},
    {"STARTTLS is refused, and mail leaves in clear text", true, "t.example",
	"testing", "sts validation-failure starttls-rejected; ",
	{CONNECT, EHLO, CLOSE}},
    {"a peer that hangs up after a good handshake", true, "t.example",
	"testing", "sts success -; ",
	{CONNECT, EHLO, CERT(LATER, MX), CLOSE_UP, DEFER}},
    {"and is asked again in clear text", true, "t.example", "testing",
	"sts success -; ",
	{CONNECT, EHLO, CERT(LATER, MX), CLOSE_UP, DEFER,
	    {.name = "tcp:connect"}, CONNECT, EHLO, CLOSE}},
    {"one that answers EHLO and then hangs up", true, "t.example", "testing",
	"sts success -; ",
	{CONNECT, EHLO, CERT(LATER, MX), UP("1", LATER, MX), CLOSE_UP, DEFER}},
    {"a connection that is used four times", true, "t.example", "testing",
	"sts success -; ",
	{CONNECT, EHLO, CERT(LATER, MX), UP("1", LATER, MX), EXEC,
	    {.name = "tcp:close", .host = "-", .address = "-", .domain = "-"},
	    EXEC, CLOSE_UP, FORK, CLOSE_UP}},
    {"in clear text it is passed on, and nothing more is said", true,
	"t.example", "testing", "sts starttls-not-supported mx-no-starttls; ",
	{CONNECT, EHLO_PLAIN}},
    {"the clear-text retry is not counted", true, "t.example", "testing",
	"sts validation-failure handshake; ",
	{CONNECT, EHLO, CLOSE, DEFER, {.name = "tcp:connect"}, CONNECT, EHLO,
	    CLOSE, DEFER}},
    {"but the connection after it is, to the same address", false, "t.example",
	"testing",
	"sts validation-failure handshake; sts starttls-not-supported "
	"mx-no-starttls; ",
	{CONNECT, EHLO, CLOSE, DEFER, CONNECT, EHLO, CLOSE, CONNECT, EHLO_PLAIN,
	    CLOSE}},
    {"a session after STARTTLS was refused counts, to the same address", false,
	"t.example", "testing",
	"sts validation-failure starttls-rejected; sts success -; ",
	{CONNECT, EHLO, CLOSE, CONNECT, EHLO, CERT(LATER, MX),
	    UP("1", LATER, MX)}},
    {"and one to another address, and another host", true, "t.example",
	"testing",
	"sts validation-failure starttls-rejected; sts success -; "
	"sts success -; ",
	{CONNECT, EHLO, CLOSE,
	    {.name = "smtp:connect", .data = "220", .address = "192.0.2.2"},
	    EHLO, CERT(LATER, MX), UP("1", LATER, MX), CLOSE_UP,
	    {.name = "smtp:connect", .data = "220", .host = "mx2.d.example"},
	    EHLO, CERT(LATER, "mx2.d.example"),
	    UP("1", LATER, "mx2.d.example")}},
    {"a callout", true, "t.example", "testing", "",
	{{.name = "smtp:connect", .data = "220", .counts = "skip"},
	    {.name = "smtp:ehlo", .data = OFFERED, .counts = "skip"},
	    {.name = "smtp:ehlo",
		.data = ENCRYPTED,
		.cipher = CIPHER,
		.verified = "1",
		.not_after = LATER,
		.names = MX,
		.counts = "skip"},
	    {.name = "tcp:close",
		.cipher = CIPHER,
		.verified = "1",
		.not_after = LATER,
		.names = MX,
		.counts = "skip"}}},
    {"a report of ours", true, "t.example", "testing", "",
	{{.name = "smtp:connect", .data = "220", .counts = "skip"},
	    {.name = "smtp:ehlo", .data = OFFERED, .counts = "skip"},
	    {.name = "msg:host:defer", .data = "x", .counts = "skip"}}},
    {"a peer that dies before EHLO", true, "t.example", "testing", "",
	{{.name = "tcp:connect"}, CONNECT, CLOSE, DEFER}},
    {"and one that is refused", true, "t.example", "testing", "",
	{{.name = "tcp:connect"}, DEFER}},
    {"events that are not known", false, "t.example", "testing",
	"sts success -; ",
	{{.name = "dns:fail", .data = "x"}, CONNECT, {.name = "smtp:fail:x"},
	    EHLO, {.name = ""}, {.name = "tls:cert:x", .data = "0"},
	    CERT(LATER, MX), UP("1", LATER, MX)}},
    {"DANE has verified it", false, "d.example", "enforce", "tlsa success -; ",
	{CONNECT, EHLO, CERT(PAST, "x.example"),
	    {.name = "smtp:ehlo",
		.data = ENCRYPTED,
		.cipher = CIPHER,
		.verified = "257",
		.not_after = PAST,
		.names = "x.example",
		.usage = "2"},
	    {.name = "tcp:close",
		.cipher = CIPHER,
		.verified = "257",
		.not_after = PAST,
		.names = "x.example",
		.usage = "2"}}},
    {"DANE fails", true, "t.example", "testing", "tlsa tlsa-invalid dane; ",
	{CONNECT, EHLO,
	    {.name = "tls:cert",
		.data = "0",
		.not_after = LATER,
		.names = MX,
		.usage = "2"},
	    {.name = "dane:fail", .data = "validation-failure"}, CLOSE}},
    {"because of the handshake", true, "n.example", "none",
	"tlsa validation-failure handshake; ",
	{CONNECT, EHLO,
	    {.name = "dane:fail", .data = "validation-failure", .usage = "8"},
	    CLOSE}},
    {"because STARTTLS was refused", true, "n.example", "none",
	"tlsa validation-failure starttls-rejected; ",
	{CONNECT, EHLO, {.name = "dane:fail", .data = "validation-failure"},
	    CLOSE}},
    {"a hang-up after DANE has verified it", true, "n.example", "none",
	"tlsa success -; ",
	{CONNECT, EHLO,
	    {.name = "dane:fail",
		.data = "validation-failure",
		.cipher = CIPHER,
		.verified = "1",
		.usage = "8"},
	    CLOSE_UP, DEFER}},
    {"with a result of its own", true, "n.example", "none",
	"tlsa starttls-not-supported dane; ",
	{CONNECT, EHLO_PLAIN,
	    {.name = "dane:fail", .data = "starttls-not-supported"}, CLOSE}},
    {"or with words that RFC 8460 does not have", true, "n.example", "none",
	"tlsa validation-failure dane; ",
	{CONNECT, EHLO_PLAIN, {.name = "dane:fail", .data = "whatever"},
	    CLOSE}},
    {"DANE fails before a connection", true, "n.example", "none",
	"tlsa dnssec-invalid dane; ",
	{{.name = "dane:fail", .data = "dnssec-invalid"}}},
    {"after one with another host", true, "n.example", "none",
	"no-policy-found success -; tlsa dane-required dane; ",
	{CONNECT, EHLO, CERT(LATER, MX), UP("1", LATER, MX), CLOSE,
	    {.name = "dane:fail",
		.data = "dane-required",
		.host = "mx2.d.example"}}},
    {"testing: an MX host that the policy does not name", true, "t.example",
	"testing", "sts validation-failure mtasts-policy-mx-mismatch; ",
	{{.name = "smtp:connect", .data = "220", .host = "mx.z.example"}, EHLO,
	    CERT(LATER, "mx.z.example"), UP("1", LATER, "mx.z.example"),
	    CLOSE_UP}},
    {"with a certificate that also has the host's which it names", true,
	"t.example", "testing",
	"sts validation-failure mtasts-policy-mx-mismatch; ",
	{{.name = "smtp:connect", .data = "220", .host = "mx.z.example"}, EHLO,
	    UP("1", LATER, MX "\nmx.z.example")}},
    {"an MX host that is a CNAME: Exim says the name after it", true,
	"t.example", "testing", "sts success -; ",
	{{.name = "smtp:connect", .data = "220", .host = "mx.z.example"}, EHLO,
	    CERT(LATER, MX), UP("1", LATER, MX)}},
    {"enforce: the router has compared the name before it", true, "d.example",
	"enforce", "sts success -; ",
	{{.name = "smtp:connect", .data = "220", .host = "mx.z.example"}, EHLO,
	    CERT(LATER, "*.d.example"), UP("1", LATER, "*.d.example")}},
    {"enforce: so it is not outside where the certificate fails", false,
	"d.example", "enforce", "sts certificate-expired mx-cert-expired; ",
	{{.name = "smtp:connect", .data = "220", .host = "mx.z.example"}, EHLO,
	    CERT(PAST, MX), CLOSE, DEFER}},
    {"a wildcard is the whole left-most label", true, "t.example", "testing",
	"sts certificate-not-trusted mx-cert-untrusted; ",
	{CONNECT, EHLO, UP("0", LATER, "x.example\n*.D.example")}},
    {"testing: a common name is no dNSName, whatever the TLS library says",
	true, "t.example", "testing",
	"sts certificate-host-mismatch mx-cert-name; ",
	{CONNECT, EHLO, CERT(LATER, ""), UP("1", LATER, "")}},
    {"testing: nor is a part of a label", true, "t.example", "testing",
	"sts certificate-host-mismatch mx-cert-name; ",
	{CONNECT, EHLO, UP("1", LATER, "*x.d.example")}},
    {"testing: unless the host's is beside it", false, "t.example", "testing",
	"sts success -; ",
	{CONNECT, EHLO, UP("1", LATER, "*x.d.example\n" MX)}},
    {"a certificate that is not known is as Exim says", false, "t.example",
	"testing", "sts success -; ",
	{CONNECT, EHLO,
	    {.name = "smtp:ehlo",
		.data = ENCRYPTED,
		.cipher = CIPHER,
		.verified = "1"}}},
    {"without a policy a common name is as good", false, "n.example", "none",
	"no-policy-found success -; ", {CONNECT, EHLO, UP("1", LATER, "")}},
    {"a domain of U-labels", false,
	"b\xc3\xbc"
	"cher.example",
	"none", "no-policy-found success -; ",
	{CONNECT, EHLO, UP("1", LATER, MX)}},
    {"and no part of it", true, "t.example", "testing",
	"sts certificate-host-mismatch mx-cert-name; ",
	{CONNECT, EHLO,
	    UP("0", LATER, "*x.d.example\nm*.d.example\n*.example")}},
    {"a host that says STARTTLS in its greeting does not offer it", true,
	"t.example", "testing", "sts starttls-not-supported mx-no-starttls; ",
	{CONNECT,
	    {.name = "smtp:ehlo",
		.data = "250-STARTTLS.example STARTTLS\n250-X STARTTLS\n250 "
			"STARTTLSX"},
	    CLOSE}},
    {"one that has no EHLO offers none", true, "t.example", "testing",
	"sts starttls-not-supported mx-no-starttls; ",
	{CONNECT, {.name = "smtp:ehlo", .data = "502 what?"}, CLOSE}},
    {"a keyword in lower case", false, "t.example", "testing",
	"sts validation-failure starttls-rejected; ",
	{CONNECT,
	    {.name = "smtp:ehlo", .data = "250-mx\n250-starttls \n250 SIZE"},
	    CLOSE, DEFER_454}},
    {"a policy that could not be fetched is each session's result", true,
	"f.example", "none", "sts sts-policy-fetch-error fetch-connect; ",
	{CONNECT, EHLO, CERT(LATER, MX), UP("1", LATER, MX), CLOSE_UP}},
    {"a policy that the router did not use", false, "t.example", "none",
	"no-policy-found success -; ",
	{{.name = "smtp:connect", .data = "220", .host = "mx.z.example"}, EHLO,
	    UP("1", LATER, MX), CLOSE_UP}},
    {"a domain that wants no reports", true, "q.example", "testing", "",
	{CONNECT, EHLO, CERT(LATER, MX), UP("1", LATER, MX), CLOSE_UP}},
    {"one of which nothing is known", true, "unknown.example", "testing", "",
	{CONNECT, EHLO, CERT(LATER, MX), UP("1", LATER, MX), CLOSE_UP}},
    {"two domains on one host", true, "t.example", "testing",
	"sts success -; no-policy-found success -; ",
	{CONNECT, EHLO, CERT(LATER, MX), UP("1", LATER, MX), FORK,
	    {.name = "smtp:connect", .data = "220", .domain = "n.example"},
	    EHLO, CERT(LATER, MX), UP("1", LATER, MX), CLOSE_UP}},
    {"a child does not end its parent's session", true, "t.example", "testing",
	"sts starttls-not-supported mx-no-starttls; ",
	{CONNECT, EHLO_PLAIN, FORK}},
};

enum { SCENARIOS = sizeof(scenarios) / sizeof(scenarios[0]) };

static struct world world;

static unsigned char *
bytes(const char *text)
{
	return (unsigned char *)(uintptr_t)text;
}

static const char *
or_else(const char *text, const char *other)
{
	return text != NULL ? text : other;
}

/* As Exim calls it, with no end of the list that could be relied on. */
static void
call(const struct scenario *sc, const struct step *st)
{
	char where[2000], tls[200];
	unsigned char *argv[7];
	unsigned char *yield = bytes("unset");

	snprintf(where, sizeof(where), "d=%s h=%s a=%s s=198.51.100.1 m=%s",
	    or_else(st->domain, sc->domain), or_else(st->host, MX),
	    or_else(st->address, "192.0.2.1"), sc->mode);
	snprintf(tls, sizeof(tls), "c=%s v=%s u=%s", or_else(st->cipher, "-"),
	    or_else(st->verified, "0"), or_else(st->usage, "0"));
	argv[0] = bytes(st->name);
	argv[1] = bytes(or_else(st->data, ""));
	argv[2] = bytes(where);
	argv[3] = bytes(tls);
	argv[4] = bytes(or_else(st->counts, world.conf));
	argv[5] = bytes(or_else(st->not_after, "-"));
	argv[6] = bytes(or_else(st->names, "-"));
	errno = ENOTTY;
	if (mta_sts_event(&yield, 7, argv) != 0 || yield[0] != '\0' ||
	    errno != ENOTTY)
		_exit(3);
}

/* Runs the rest of a scenario in a process of its own, which ends by exit. */
static int
run_steps(const struct scenario *sc, size_t from)
{
	int status = -1;
	pid_t pid;

	(void)fflush(stdout);
	if ((pid = fork()) != 0) {
		(void)waitpid(pid, &status, 0);
		return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	}
	for (size_t i = from; i < STEPS_MAX && sc->steps[i].name != NULL; i++) {
		if (strcmp(sc->steps[i].name, "fork") == 0)
			exit(run_steps(sc, i + 1));
		call(sc, &sc->steps[i]);
	}
	exit(0);
}

/* What exec(3) makes new: nothing is inherited. */
static bool
run(const struct scenario *sc)
{
	size_t from = 0;
	struct scenario part;

	for (size_t i = 0; i <= STEPS_MAX; i++) {
		bool end = i == STEPS_MAX || sc->steps[i].name == NULL;

		if (!end && strcmp(sc->steps[i].name, "exec") != 0)
			continue;
		part = *sc;
		if (!end)
			part.steps[i].name = NULL;
		if (run_steps(&part, from) != 0)
			return false;
		if (end)
			break;
		from = i + 1;
	}
	return true;
}

struct seen {
	char text[500];
	unsigned successes, failures;
	uint64_t ignored;
	struct sts_outcome last;
};

static bool
on_outcome(void *arg, const struct sts_outcome *o)
{
	struct seen *s = arg;
	size_t len = strlen(s->text);

	snprintf(s->text + len, sizeof(s->text) - len, "%s %s %s; ",
	    sts_policy_type_name(o->type),
	    o->result != STS_RESULT_NONE ? sts_result_name(o->result)
					 : "success",
	    o->reason[0] != '\0' ? o->reason : "-");
	if (o->result == STS_RESULT_NONE)
		s->successes++;
	else
		s->failures++;
	s->last = *o;
	return true;
}

/* What was recorded since the last call. */
static void
take(struct seen *seen)
{
	struct sts_outcomes_reader reader = {on_outcome, NULL, seen, 0};
	int64_t day = (int64_t)time(NULL) / STS_DAY;
	char command[200], text[STS_DAY_TEXT];
	struct sts_store *store;

	memset(seen, 0, sizeof(*seen));
	if (sts_store_open(&store, world.state, false) != STS_OK)
		return;
	for (int64_t d = day - 1; d <= day; d++) {
		(void)sts_outcomes_read(store, d, &reader);
		seen->ignored += reader.ignored;
		sts_outcomes_day_text(d, text);
		snprintf(command, sizeof(command), "rm -f %s/outcomes/%s",
		    world.state, text);
		(void)!system(command);
	}
	sts_store_close(store);
}

/* The rule that suggests itself. */
static bool
naive_is_wrong(const struct scenario *sc, const struct seen *seen)
{
	unsigned successes = 0, failures = 0;

	for (size_t i = 0; i < STEPS_MAX && sc->steps[i].name != NULL; i++) {
		const struct step *st = &sc->steps[i];

		if (strcmp(st->name, "tcp:close") == 0)
			successes += st->cipher != NULL &&
			    strcmp(or_else(st->verified, "0"), "1") == 0;
		failures += strcmp(st->name, "msg:host:defer") == 0;
	}
	return successes != seen->successes || failures != seen->failures;
}

static void
test_scenarios(void)
{
	struct seen seen;

	for (size_t i = 0; i < SCENARIOS; i++) {
		const struct scenario *sc = &scenarios[i];

		ok(run(sc), "%s: each call is answered", sc->name);
		take(&seen);
		is_str(seen.text, sc->expected, "%s", sc->name);
		if (sc->trap)
			ok(naive_is_wrong(sc, &seen), "it is a trap");
	}
}

/* Everything that an outcome has. */
static void
test_outcome(void)
{
	static const struct scenario sc = {"", false, "T.example.", "testing",
	    "", {CONNECT, EHLO, UP("1", LATER, MX)}};
	int64_t before = (int64_t)time(NULL);
	struct seen seen;

	ok(run(&sc), "a session");
	take(&seen);
	is_str(seen.last.domain, "t.example", "its domain, normalised");
	is_str(seen.last.mx, MX, "its host");
	is_str(seen.last.receiving_ip, "192.0.2.1", "its address");
	is_str(seen.last.sending_ip, "198.51.100.1", "our address");
	is_str(seen.last.helo, "mx.d.example", "the name in its EHLO answer");
	is_str(seen.last.additional, "", "nothing else");
	ok(seen.last.fetched > 0, "the policy it was made under");
	ok(seen.last.time >= before && seen.last.time <= before + 60,
	    "its time");
}

/* What hostile peers say: nothing is worse than an outcome that is lost. */
static void
test_hostile(void)
{
	static char names[3000000], text[100000];
	struct scenario sc = {"", false, "t.example", "testing", "",
	    {CONNECT, {.name = "smtp:ehlo", .data = text},
		{.name = "smtp:ehlo",
		    .data = ENCRYPTED,
		    .cipher = CIPHER,
		    .verified = "0",
		    .not_after = LATER,
		    .names = names}}};
	struct seen seen;
	size_t len = 0;
	struct timespec begin, end;

	memset(text, 'x', sizeof(text) - 1);
	memcpy(text, "250-", 4);
	while (len + 20 < sizeof(names))
		len +=
		    (size_t)snprintf(names + len, 20, "*.%08zu.example\n", len);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin);
	ok(run(&sc), "an EHLO answer and names without end");
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
	ok(end.tv_sec - begin.tv_sec < 5, "in no time");
	take(&seen);
	is_str(seen.text, "sts certificate-host-mismatch mx-cert-name; ",
	    "are counted");
	is_int((long long)strlen(seen.last.helo), STS_NAME_MAX, "and cut");
	for (size_t i = 0; i + 1 < sizeof(text); i++)
		text[i] = (char)(i % 255 + 1);
	memcpy(text, "250-", 4);
	memset(names, '\n', sizeof(names) - 1);
	ok(run(&sc), "every byte, and names that are empty");
	take(&seen);
	is_str(seen.text, "sts certificate-host-mismatch mx-cert-name; ",
	    "are counted");
	is_str(seen.last.helo, "", "without what is no name");
	sc.steps[0].host = "a b c";
	ok(run(&sc), "a host's name with blanks");
	take(&seen);
	is_str(seen.text, "", "is none");
	sc.steps[0].host = NULL;
	sc.steps[0].address = "fe80::1%eth0-and-much-more-than-an-address-has";
	ok(run(&sc), "an address that is none");
	take(&seen);
	is_str(seen.last.receiving_ip, "", "is left out");
	is_str(seen.text, "sts certificate-host-mismatch mx-cert-name; ",
	    "and no more");
}

static void
test_arguments(void)
{
	unsigned char *argv[] = {bytes("smtp:connect"), bytes("220"),
	    bytes("d=t.example h=mx a=192.0.2.1 s=- m=testing"),
	    bytes("c=- v=0 u=0"), bytes("-"), bytes("-"), bytes("-")};
	static const char *const bad[][2] = {{"2", ""}, {"2", "d="},
	    {"2", "d=t.example"}, {"2", "h=mx d=t.example a=- s=- m=-"},
	    {"2", "d=t.example h=mx a=- s=-"}, {"3", ""}, {"3", "c=-"},
	    {"3", "c=- v=1"}, {"4", ""}, {"4", "skip"}, {"4", "no-path"},
	    {"0", ""}};
	unsigned char *copy[7];
	unsigned char *yield = NULL;

	for (int argc = -1; argc < 7; argc++) {
		yield = NULL;
		is_int(
		    mta_sts_event(&yield, argc, argv), 0, "%d arguments", argc);
		is_str((char *)yield, "", "have an empty answer");
	}
	is_int(mta_sts_event(&yield, 7, NULL), 0, "none at all");
	is_int(mta_sts_event(NULL, 7, argv), 0, "nowhere to put the answer");
	for (int i = 0; i < 7; i++) {
		memcpy(copy, argv, sizeof(copy));
		copy[i] = NULL;
		is_int(
		    mta_sts_event(&yield, 7, copy), 0, "argument %d null", i);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		memcpy(copy, argv, sizeof(copy));
		copy[bad[i][0][0] - '0'] = bytes(bad[i][1]);
		is_int(mta_sts_event(&yield, 7, copy), 0, "ill-formed %zu", i);
		is_str((char *)yield, "", "has an empty answer");
	}
}

static void
write_routes(const char *domain, bool permitted, enum sts_status unusable)
{
	struct sts_routes routes = {.recorded = (int64_t)time(NULL),
	    .status = STS_OK,
	    .unusable = unusable,
	    .count = 2};
	struct sts_store *store;

	strcpy(routes.domain, domain);
	strcpy(routes.route[0].host, "mx.z.example");
	strcpy(routes.route[1].host, MX);
	routes.route[1].permitted = permitted;
	for (int i = 0; i < 2; i++) {
		strcpy(routes.route[i].address[0], "192.0.2.1");
		routes.route[i].address_count = 1;
	}
	if (geteuid() == 0 &&
	    (setegid(WORLD_USER) != 0 || seteuid(WORLD_USER) != 0))
		_exit(1);
	if (sts_store_open(&store, world.state, true) != STS_OK ||
	    sts_store_write_routes(store, &routes) != STS_OK)
		printf("Bail out! no routes\n");
	sts_store_close(store);
	if (getuid() == 0 && (seteuid(0) != 0 || setegid(0) != 0))
		_exit(1);
}

/* One of the words, or now and then bytes of any kind. */
static const char *
any_of(const char *const *words, size_t count)
{
	static char noise[3][300];
	static unsigned turn;
	char *text = noise[turn++ % 3];
	size_t len = (size_t)random() % sizeof(noise[0]);

	if (random() % 20 != 0)
		return words[(size_t)random() % count];
	for (size_t i = 0; i < len; i++)
		text[i] = (char)(random() % 255 + 1);
	text[len] = '\0';
	return text;
}

#define ANY(words) any_of(words, sizeof(words) / sizeof((words)[0]))

/* Events in any order, with the arguments of any other. */
static void
random_calls(unsigned calls)
{
	static const char *const names[] = {"smtp:connect", "smtp:connect",
	    "smtp:ehlo", "smtp:ehlo", "tls:cert", "dane:fail", "tcp:connect",
	    "tcp:close", "msg:host:defer", "msg:delivery", "dns:fail",
	    "mta-sts:no-mx"};
	static const char *const data[] = {OFFERED, NOT_OFFERED, "", "0", "1",
	    "250", "250-", "\n", "250-x\n250-STARTTLS", "validation-failure",
	    "tlsa-invalid", "dnssec-invalid", "TLS session: x"};
	static const char *const where[] = {
	    "d=t.example h=mx.d.example a=192.0.2.1 s=192.0.2.2 m=testing",
	    "d=q.example h=mx.d.example a=192.0.2.1 s=192.0.2.2 m=testing",
	    "d=q.example h=mx.z.example a=::1 s=::2 m=enforce",
	    "d=n.example h=- a=- s=- m=none", "d=- h=- a=- s=- m=-"};
	static const char *const tls[] = {"c=- v=0 u=0", "c=TLS v=1 u=0",
	    "c=TLS v=0 u=0", "c=TLS v=257 u=8", "c= v= u="};
	static const char *const ends[] = {"-", PAST, LATER, "", "x"};
	static const char *const lists[] = {
	    "-", MX, "*.d.example", "", "\n*\n"};

	for (unsigned i = 0; i < calls; i++) {
		const char *counts = random() % 30 != 0 ? world.conf : "skip";
		unsigned char *yield = NULL;
		unsigned char *argv[] = {bytes(ANY(names)), bytes(ANY(data)),
		    bytes(random() % 100 != 0 ? where[1 + random() % 4]
					      : ANY(where)),
		    bytes(ANY(tls)), bytes(counts), bytes(ANY(ends)),
		    bytes(ANY(lists))};

		if (mta_sts_event(&yield, 7, argv) != 0 || yield[0] != '\0')
			_exit(3);
	}
	exit(0);
}

static void
test_random(void)
{
	int status = -1;
	struct seen seen;
	pid_t pid;

	(void)fflush(stdout);
	srandom(8460);
	if ((pid = fork()) == 0)
		random_calls(20000);
	(void)waitpid(pid, &status, 0);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 0,
	    "events in any order, with any arguments");
	take(&seen);
	ok(seen.successes > 5 && seen.failures > 20,
	    "%u successes and %u failures are recorded", seen.successes,
	    seen.failures);
	is_int((long long)seen.ignored, 0, "each as a line that can be read");
}

/* The router that defers: no session, and no event of Exim's. */
static void
test_no_mx(void)
{
#define NO_MX                                                    \
	{                                                        \
		"mta-sts:no-mx", "", .host = "-", .address = "-" \
	}
	static const struct scenario sc = {
	    "", false, "d.example", "enforce", "", {NO_MX, NO_MX, NO_MX}};
	static const struct scenario skipped = {"", false, "d.example",
	    "enforce", "",
	    {{.name = "mta-sts:no-mx", .host = "-", .counts = "skip"}}};
	struct seen seen;

	ok(run(&sc), "the router that defers, without MX hosts in the store");
	take(&seen);
	is_str(seen.text, "", "says nothing");
	write_routes("d.example", false, STS_OK);
	ok(run(&sc), "three recipients, and no MX host is permitted");
	take(&seen);
	is_str(seen.text, "sts validation-failure mtasts-policy-mx-mismatch; ",
	    "are one outcome");
	is_str(seen.last.sending_ip, "", "of no connection");
	is_str(seen.last.mx, "mx.z.example", "with the first MX host");
	is_str(seen.last.receiving_ip, "", "and without an address");
	ok(run(&sc), "the next attempt");
	take(&seen);
	is_int(seen.failures, 1, "is one more");
	ok(run(&skipped), "a recipient that is only verified");
	take(&seen);
	is_str(seen.text, "", "is none");
	write_routes("d.example", true, STS_OK);
	ok(run(&sc), "a permitted one, whose addresses were left out");
	take(&seen);
	is_str(seen.text, "", "is no mismatch");
	write_routes("d.example", false, STS_MX_NO_ADDRESS);
	ok(run(&sc), "or that has none");
	take(&seen);
	is_str(seen.text, "", "neither");
}

/* Reports are off: nothing is asked, and nothing written. */
static void
test_off(void)
{
	static const struct scenario sc = {"", false, "t.example", "testing",
	    "", {CONNECT, EHLO, UP("1", LATER, MX)}};
	char path[200];

	ok(run(&sc), "a session where reports are off");
	snprintf(path, sizeof(path), "%s/outcomes", world.state);
	ok(opendir(path) == NULL && errno == ENOENT, "leaves nothing");
}

static const char *
query(const char *domain)
{
	unsigned char *argv[] = {bytes(domain), bytes(world.conf)};
	unsigned char *yield = NULL;

	return mta_sts_query(&yield, 2, argv) == 0 ? (char *)yield : "not OK";
}

/* The answer to a delivery says whether its events are wanted. */
static void
test_answers(bool on)
{
	const char *rpt = on ? " rpt=1" : "";
	char expected[200];

	snprintf(expected, sizeof(expected), "mode=testing%s", rpt);
	is_str(query("t.example"), expected, "testing");
	snprintf(expected, sizeof(expected), "mode=none%s", rpt);
	is_str(query("n.example"), expected, "no policy");
	snprintf(expected, sizeof(expected),
	    "mode=enforce%s ign=!^([^.]+[.]d[.]example)$:*", rpt);
	is_str(query("d.example"), expected, "enforce");
	is_str(query("q.example"), "mode=testing", "testing, without reports");
	is_str(query("[192.0.2.1]"), "mode=none", "an address literal");
}

/* A policy whose list is as long as one may be: reports defer no mail. */
static void
test_bound(void)
{
	enum { ANSWER_MAX = 3072 };
	static char body[STS_BODY_MAX];
	size_t room = ANSWER_MAX - strlen("mode=enforce ign=!^()$:*");
	size_t len = (size_t)snprintf(body, sizeof(body),
	    "version: STSv1\nmode: enforce\nmax_age: 604800\n");

	for (unsigned i = 0; room > 60; room -= 13)
		len += (size_t)snprintf(
		    body + len, sizeof(body) - len, "mx: h%06u.io\n", i++);
	snprintf(body + len, sizeof(body) - len, "mx: %.*s.io\n",
	    (int)(room - strlen("[.]io")),
	    "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz");
	world_policy(&world, "state", "long.example", body, 1, 1);
	is_int((long long)strlen(query("long.example")), ANSWER_MAX,
	    "an answer at the bound");
	world_tlsrpt(&world, "state", "long.example", RECORD);
	is_int((long long)strlen(query("long.example")),
	    ANSWER_MAX + (long long)strlen(" rpt=1"),
	    "has room for the word about reports");
}

static void
make_world(const char *lines)
{
	static const char testing[] = "version: STSv1\nmode: testing\n"
				      "max_age: 604800\nmx: *.d.example\n";
	static const char enforce[] = "version: STSv1\nmode: enforce\n"
				      "max_age: 604800\nmx: *.d.example\n";
	static const char *const reporting[] = {"d.example", "t.example",
	    "n.example", "f.example", "xn--bcher-kva.example"};

	world_make(&world, "", lines);
	world_policy(&world, "state", "d.example", enforce, 1, 1);
	world_policy(&world, "state", "t.example", testing, 1, 1);
	world_policy(&world, "state", "q.example", testing, 1, 1);
	world_none(&world, "state", "n.example", "", 1, 3600);
	world_none(&world, "state", "xn--bcher-kva.example", "", 1, 3600);
	world_none(&world, "state", "f.example", "id2", 1, 3600);
	for (size_t i = 0; i < sizeof(reporting) / sizeof(reporting[0]); i++)
		world_tlsrpt(&world, "state", reporting[i], RECORD);
}

int
main(void)
{
	make_world("");
	test_answers(false);
	test_off();
	world_remove(&world);
	make_world(REPORTS);
	test_answers(true);
	test_bound();
	test_arguments();
	test_scenarios();
	test_outcome();
	test_hostile();
	test_random();
	test_no_mx();
	world_remove(&world);
	return tap_done();
}
