/* SPDX-License-Identifier: ISC */
/*
 * Where the four includes go in files of the kind that panels write, and that
 * nothing else of them changes.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/readfile.h"
#include "exim/enable/exim_place.h"
#include "tests/unit/lib/tap.h"

#define INC ".include_if_exists " STS_EXAMPLE_DIR "/exim/include/"

static char *text;
static size_t length;
static struct sts_place place;
static enum sts_place_result result;

static void
place_text(const char *bytes)
{
	sts_place_free(&place);
	result = sts_place_includes(&place, bytes, strlen(bytes));
}

static void
place_panel(const char *name)
{
	char path[128];

	free(text);
	snprintf(path, sizeof(path), "tests/unit/data/exim/panels/%s", name);
	if (sts_readfile(path, true, 1 << 20, &text, &length) != STS_OK)
		tap_diag("%s cannot be read", path);
	place_text(text != NULL ? text : "");
}

static bool
has(const char *where, const char *what)
{
	return where != NULL && strstr(where, what) != NULL;
}

/* The new text without the lines that are ours is the old one. */
static bool
only_adds(void)
{
	const char *a = text, *b = place.text;

	while (*b != '\0') {
		size_t len = strcspn(b, "\n") + 1;

		if (strncmp(a, b, len) == 0)
			a += len;
		else if (strncmp(b, "# MTA-STS", 9) != 0 &&
		    strncmp(b, "MTA_STS_", 8) != 0 &&
		    strncmp(b, INC, sizeof(INC) - 1) != 0 &&
		    strncmp(b, "dns_dnssec_ok", 13) != 0 && *b != '\n')
			return false;
		b += len;
	}
	return *a == '\0';
}

static void
test_hestia(void)
{
	place_panel("hestia.conf");
	is_int(result, STS_PLACE_OK, "Hestia: placed");
	ok(only_adds(), "nothing else of it changes");
	is_str(place.router, "dnslookup", "before its router for remote mail");
	is_str(place.transport, "remote_smtp", "with that one's transport");
	is_str(place.other, "", "it has one");
	ok(has(place.text,
	       "\n\n# MTA-STS: by \"mta-sts enable exim\"; \"disable\" "
	       "takes it out.\n" INC "routers\n\ndnslookup:"),
	    "the routers stand right before it");
	ok(has(place.text,
	       "MTA_STS_DOMAINS = ! +relay_to_domains : !+local_domains\n"),
	    "its domains, but first without those of a backup MX");
	ok(has(place.text,
	       "MTA_STS_INTERFACE = ${if exists{OUTGOING_IP}{${readfile{"
	       "OUTGOING_IP}}}}\ndns_dnssec_ok = 1\n" INC "main\n"),
	    "its source address, and what DANE needs, before the settings");
	ok(has(place.text, INC "transports\n\nsmtp_relay_smtp:"),
	    "the transports are the first");
	ok(has(place.text, INC "retry\n\n*\t"), "and so are the retry rules");
	ok(has(place.options, "dkim_private_key = DKIM_PRIVATE_KEY\n"),
	    "the signature is taken over");
	ok(has(place.options, "helo_data = ${lookup"), "and the name");
	ok(!has(place.options, "interface") && !has(place.options, "driver"),
	    "but not what stands there already");
}

static void
test_cpanel(void)
{
	place_panel("cpanel.conf");
	is_int(result, STS_PLACE_OK, "cPanel: placed");
	ok(only_adds(), "nothing else of it changes");
	is_str(place.router, "dkim_lookuphost", "before the first of two");
	is_str(place.other, "lookuphost", "the other one is named");
	is_str(place.lost, "condition, headers_add",
	    "and what of both mail does not meet any more");
	ok(has(place.text, INC "routers\n\n#\n# This sends mail with"),
	    "above the comment of the router");
	ok(has(place.text, "MTA_STS_BARRED = +loopback : 64.94.110.11/32\n"),
	    "addresses that it ignores");
	ok(!has(place.text, "MTA_STS_OWN_BOUNCE"), "no text for bounces: ours");
	ok(!has(place.text, "dns_dnssec_ok = 1\n.include"),
	    "dns_dnssec_ok is not set twice");
	ok(has(place.text,
	       "MTA_STS_INTERFACE = <; ${if > {${extract {size} "
	       "{${stat:/etc/mailips}} }} {0} "),
	    "a continued value is joined");
	ok(has(place.options, "dkim_selector = default\n"), "the signature");
	ok(has(place.options,
	       ".ifndef MTA_STS_ENFORCED\n    "
	       "tls_tempfail_tryclear = true\n.endif\n"),
	    "what chooses where TLS is used is not for enforced mail");
}

static void
test_directadmin(void)
{
	place_panel("directadmin.conf");
	is_int(result, STS_PLACE_OK, "DirectAdmin: placed");
	ok(only_adds(), "nothing else of it changes");
	is_str(place.router, "lookuphost", "not before what only verifies");
	ok(has(place.text, INC "routers\n\n.ifndef SMART_HOST\n"),
	    "outside of the condition around it");
	ok(has(place.options, ".include_if_exists /etc/exim.dkim.conf\n"),
	    "what the transport includes, ours do too");
	ok(has(place.options,
	       ".ifdef OUTGOING_NO_TLS\n.ifndef MTA_STS_ENFORCED\n"),
	    "a condition in it stays");
	ok(has(place.text, "#EDIT#48:\nbegin acl") &&
		has(place.text, INC "main\n\n#EDIT#48:\nbegin acl"),
	    "the settings stand above the comment of the first section");
}

#define MAIN "domainlist local_domains = @\n"
#define ROUTER                                           \
	"begin routers\nremote:\n  driver = dnslookup\n" \
	"  domains = ! +local_domains\n  transport = smtp\n"
#define TRANSPORT "begin transports\nsmtp:\n  driver = smtp\n"
#define RETRY     "begin retry\n* * F,4d,1h\n"

#define NAMED(name, rest)                                    \
	name ":\n  driver = dnslookup\n  transport = smtp\n" \
	     "  domains = ! +local_domains\n" rest
#define PARTNER "partner:\n  driver = manualroute\n"

static void
is_refused(const char *bytes, const char *reason, const char *name)
{
	place_text(bytes);
	ok(result == STS_PLACE_CANNOT && has(place.reason, reason), "%s: %s",
	    name, place.reason);
	ok(place.fix[0] != '\0' && place.text == NULL, "with what to do");
}

static void
test_refused(void)
{
	char *once;

	place_text(MAIN ROUTER TRANSPORT RETRY);
	is_int(result, STS_PLACE_OK, "a short file");
	place_text(
	    MAIN "bounce_message_file = /etc/x\n" ROUTER TRANSPORT RETRY);
	ok(has(place.text, "MTA_STS_OWN_BOUNCE = yes\n"),
	    "its own text for bounces stays");
	place_text(MAIN ROUTER TRANSPORT RETRY);
	once = place.text;
	place.text = NULL;
	place_text(once);
	is_int(result, STS_PLACE_THERE, "is done once");
	free(once);
	is_refused(MAIN TRANSPORT RETRY, "no router", "no routers");
	is_refused(MAIN
	    "begin routers\na:\n  driver = manualroute\n" TRANSPORT RETRY,
	    "no router", "a smart host");
	is_refused(MAIN ROUTER RETRY, "transport smtp", "no transports");
	is_refused(MAIN ROUTER TRANSPORT, "\"begin retry\"", "no retry rules");
	is_refused(MAIN ROUTER TRANSPORT "  event_action = x\n" RETRY,
	    "event_action", "an event_action");
	is_refused(MAIN ROUTER TRANSPORT
	    ".ifdef A\n  interface = 1.2.3.4\n.endif\n" RETRY,
	    "interface", "a source address under a condition");
	is_refused(MAIN ".ifdef A\n" ROUTER ".endif\n" TRANSPORT RETRY,
	    "condition", "routers under a condition");
	is_refused("begin routers\nremote:\n  driver = dnslookup\n"
		   "  transport = smtp\n" TRANSPORT RETRY,
	    "no domains", "own domains unknown");
	is_refused(MAIN
	    "begin routers\nr:\n  driver = dnslookup\n"
	    "  transport = smtp\n.ifdef X\n  domains = ! a.example\n"
	    ".else\n  domains = ! +local_domains\n.endif\n" TRANSPORT RETRY,
	    "domains of router r depends on a condition",
	    "domains in a condition");
	is_refused("", "no router", "an empty file");
}

/* A router between two that look up MX hosts. */
static void
test_between(void)
{
	const char *condition = NAMED("one", "  condition = X\n");
	char bytes[4096];
	static const struct {
		const char *router, *name;
		bool stops;
	} between[] = {
	    {PARTNER "  domains = partner.example\n", "a route of its own",
		true},
	    {PARTNER "", "a route for all", true},
	    {"r:\n  driver = redirect\n  data = x\n", "a redirection", true},
	    {PARTNER "  domains = +relay_to_domains : a.example\n",
		"own domains and one more", true},
	    {PARTNER "  no_verify_only\n", "what \"no_\" denies", true},
	    {PARTNER "  domains = +relay_to_domains\n",
		"the domains of a backup MX", false},
	    {"l:\n  driver = accept\n  domains = +local_domains\n", "own mail",
		false},
	    {PARTNER "  verify_only\n", "what only verifies", false},
	};

	for (size_t i = 0; i < sizeof(between) / sizeof(between[0]); i++) {
		snprintf(bytes, sizeof(bytes), MAIN "begin routers\n%s%s%s%s",
		    condition, between[i].router, NAMED("two", ""),
		    TRANSPORT RETRY);
		place_text(bytes);
		if (between[i].stops)
			ok(result == STS_PLACE_CANNOT &&
				has(place.reason, "routers one and two") &&
				has(place.fix, "move it before the first"),
			    "%s between: %s", between[i].name, place.reason);
		else
			is_int(result, STS_PLACE_OK, "%s between: placed",
			    between[i].name);
		/* Behind both it is none of our business. */
		snprintf(bytes, sizeof(bytes), MAIN "begin routers\n%s%s%s%s",
		    condition, NAMED("two", ""), between[i].router,
		    TRANSPORT RETRY);
		place_text(bytes);
		is_int(
		    result, STS_PLACE_OK, "%s behind: placed", between[i].name);
	}
	place_text(MAIN "begin routers\n" NAMED("one", "  no_verify_only\n")
		NAMED("two", "") TRANSPORT RETRY);
	is_str(place.router, "one", "no_verify_only: it routes mail");
	place_text(MAIN "begin routers\n" NAMED(
	    "one", "  verify_only = false\n") NAMED("two", "") TRANSPORT RETRY);
	is_str(place.router, "one", "so does verify_only = false");
}

/* Domains that this host relays to are taken out, whatever else matches. */
static void
test_domains(void)
{
	static const char backup[] =
	    MAIN "domainlist relay_to_domains = b.example\n";
	static const struct {
		const char *domains, *ours, *name;
	} rows[] = {
	    {"*", "! +relay_to_domains : *", "a \"*\" does not win"},
	    {"+my_relay_to_domains : *",
		"! +relay_to_domains : +my_relay_to_domains : *",
		"another list of a longer name"},
	    {"! +relay_to_domains : *", "! +relay_to_domains : *",
		"what is there is not repeated"},
	    {"! +local_domains", "! +relay_to_domains : ! +local_domains",
		"own domains"},
	};
	char bytes[8192], wanted[256], many[4096] = "";

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(bytes, sizeof(bytes),
		    "%sbegin routers\nr:\n  driver = dnslookup\n"
		    "  transport = smtp\n  domains = %s\n%s",
		    backup, rows[i].domains, TRANSPORT RETRY);
		place_text(bytes);
		snprintf(wanted, sizeof(wanted), "\nMTA_STS_DOMAINS = %s\n",
		    rows[i].ours);
		ok(has(place.text, wanted), "%s", rows[i].name);
	}
	snprintf(bytes, sizeof(bytes),
	    "%sbegin routers\nr:\n  driver = dnslookup\n"
	    "  transport = smtp\n  domains = <; ! a.example ; *\n%s",
	    backup, TRANSPORT RETRY);
	is_refused(bytes, "separator", "a separator of its own");
	while (strlen(many) < 2030)
		strcat(many, "! d.example : ");
	for (unsigned i = 0; i < 2; i++) {
		snprintf(bytes, sizeof(bytes),
		    "%sbegin routers\nr:\n  driver = dnslookup\n"
		    "  transport = smtp\n  domains = %s*\n%s",
		    backup, many, TRANSPORT RETRY);
		is_refused(bytes, "too many",
		    i == 0 ? "no room for one more" : "no room for them");
		strcat(many, "! d.example : ");
		strcat(many, "! d.example : ");
	}
}

int
main(void)
{
	test_hestia();
	test_cpanel();
	test_directadmin();
	test_refused();
	test_between();
	test_domains();
	sts_place_free(&place);
	free(text);
	return tap_done();
}
