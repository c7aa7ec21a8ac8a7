/* SPDX-License-Identifier: ISC */
/*
 * filter-mta-sts: sessions that TLS reports count, from dialogues as smtpd 6.8
 * and 7.6 report them.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "opensmtpd/last_hosts.h"
#include "tests/unit/lib/tap.h"
#include "tests/unit/lib/tap_outcome.h"
#include "tests/unit/lib/tap_smtpd.h"

static struct world w;
static struct peer p;

static const char reporting[] = "organization Lab\ncontact tls@sender.test\n";

/* The domain's policy, or how its fetch has failed. */
enum policy { NONE, TESTING, ENFORCE, ELSEWHERE, UNFETCHED };

static void
start(void)
{
	const char *const arguments[] = {"-f", w.conf, NULL};

	peer_start(
	    &p, "filter-mta-sts", PEER_BOTH, "filter-mta-sts", arguments);
	peer_say(&p,
	    "config|subsystem|smtp-in\nconfig|subsystem|smtp-out\n"
	    "config|ready\n");
}

/* How many lines of the registration begin so, of all. */
static int
registered(const char *beginning)
{
	const char *line;
	int count = 0;

	while ((line = peer_line(&p, TAP_WAIT_MS)) != NULL) {
		count += strncmp(line, beginning, strlen(beginning)) == 0;
		if (strcmp(line, "register|ready") == 0)
			break;
	}
	return count;
}

/* All that was said has been taken in. */
static void
settle(void)
{
	peer_say(&p, "filter|0.7|1.1|smtp-in|rcpt-to|ffff|1|root\n");
	is_str(peer_line(&p, TAP_WAIT_MS), "filter-result|ffff|1|proceed",
	    "the filter goes on");
}

/* What the store has. */

/* One host at the address, in MX order before a second one elsewhere. */
static void
add_routes(const char *domain, const char *host, const char *address,
    int64_t probed_ago, enum sts_status probe)
{
	struct sts_routes r = {
	    .recorded = time(NULL) - 5, .status = STS_OK, .count = 1};

	snprintf(r.domain, sizeof(r.domain), "%s", domain);
	snprintf(r.route[0].host, sizeof(r.route[0].host), "%s", host);
	snprintf(r.route[0].address[0], STS_ADDRESS_TEXT_MAX, "%s", address);
	r.route[0].address_count = 1;
	r.route[0].permitted = true;
	if (probed_ago > 0)
		r.route[0].probed = time(NULL) - probed_ago;
	r.route[0].probe = probe;
	smtpd_write_routes(&w, &r);
}

static void
add_domain(const char *domain, enum policy policy)
{
	static const char *const modes[] = {
	    "", "testing", "enforce", "testing"};
	char body[600];

	if (policy == NONE || policy == UNFETCHED)
		world_none(
		    &w, "state", domain, policy == NONE ? "" : "id1", 10, 3600);
	else {
		snprintf(body, sizeof(body),
		    "version: STSv1\nmode: %s\nmx: mx.%s\nmax_age: 604800\n",
		    modes[policy], policy == ELSEWHERE ? "else.test" : domain);
		world_policy(&w, "state", domain, body, 10, 10);
	}
	want_reports(&w, domain);
}

/* The table gave this host to smtpd so long ago. */
static void
give_host(const char *domain, const char *host)
{
	struct sts_config config = {.state_dir = w.state};
	struct sts_shared_file file;
	struct stat st;

	sts_shared_file_init(&file, &config, STS_LAST_HOSTS_FILE, true);
	sts_last_hosts_note(&file, domain, host);
	if (stat(w.state, &st) != 0 ||
	    fchown(file.fd, st.st_uid, st.st_gid) != 0)
		ok(false, "the table's file is made");
	sts_shared_file_close(&file);
}

/* What was recorded of a domain (outcome_of). */
static const char *
outcome(const char *domain)
{
	return outcome_of(&w, domain);
}

/* The same, once it is there, for at most so long. */
static const char *
outcome_within(const char *domain, int ms)
{
	int64_t end = smtpd_ms() + ms;

	while (outcome(domain)[0] == '\0' && smtpd_ms() < end)
		poll(NULL, 0, 50);
	return outcome(domain);
}

/* Dialogues. */

/*
 * A line each: "+" the connection, "C" smtpd's line, "S" the host's, "T" the
 * event link-tls, "-" the end; @ is the address, ~ the domain.
 */
#define GREETING "+\nS 220 mx.~ ESMTP\nC EHLO sender.test\n"
#define OFFER    "S 250-mx.~\nS 250-PIPELINING\nS 250 STARTTLS\n"
#define NO_OFFER "S 250-mx.~\nS 250 PIPELINING\n"
#define STARTTLS GREETING OFFER "C STARTTLS\n"
#define TLS      STARTTLS "S 220 go on\n"
/* 6.8 reports the handshake first, 7.6 when it has said EHLO again. */
#define TLS_68 TLS "T\nC EHLO sender.test\n"
#define TLS_76 TLS "C EHLO sender.test\nT\n"
#define MAIL                                                             \
	"C MAIL FROM:<alice@sender.test>\nS 250 ok\nC RCPT TO:<bob@~>\n" \
	"S 250 ok\nC DATA\nS 354 go on\nC .\nS 250 2.0.0 taken\n"
#define AGAIN MAIL MAIL
#define BYE   "C QUIT\nS 221 bye\n-\n"

static void
say_line(const char *version, unsigned id, const char *address,
    const char *domain, const char *line, size_t len)
{
	static const char *const events[] = {['+'] = "link-connect",
	    ['C'] = "protocol-client",
	    ['S'] = "protocol-server",
	    ['T'] = "link-tls",
	    ['-'] = "link-disconnect"};
	char text[5000];
	size_t n = (size_t)snprintf(text, sizeof(text),
	    "report|%s|1795891095.615486|smtp-out|%s|bc849dd7%08x", version,
	    events[(unsigned char)line[0]], id);

	if (line[0] == '+')
		n += (size_t)snprintf(text + n, sizeof(text) - n,
		    "|%s|pass|192.0.2.25:57502|%s", address, address);
	else if (line[0] == 'T')
		n += (size_t)snprintf(text + n, sizeof(text) - n,
		    "|TLSv1.3:TLS_AES_256_GCM_SHA384:256");
	else if (line[0] != '-')
		text[n++] = '|';
	for (size_t i = 2; i < len && n < sizeof(text) - 300; i++) {
		if (line[i] == '~')
			n += (size_t)snprintf(
			    text + n, sizeof(text) - n, "%s", domain);
		else
			text[n++] = line[i];
	}
	text[n++] = '\n';
	peer_write(&p, text, n);
}

/* `address` has a port. */
static void
say(const char *version, unsigned id, const char *address, const char *domain,
    const char *dialogue)
{
	for (const char *line = dialogue; *line != '\0';) {
		size_t len = strcspn(line, "\n");

		say_line(version, id, address, domain, line, len);
		line += len + (line[len] == '\n');
	}
}

/* A domain of its own for each, named after its row. */
static const struct row {
	const char *what;
	enum policy policy;
	const char *in_68, *in_76; /* NULL: the same */
	const char *expected;      /* without host and address; "": nothing */
	enum sts_status probe;     /* the host's last one */
} rows[] = {
    {"good", NONE, TLS_68 MAIL BYE, TLS_76 MAIL BYE, "no-policy-found success",
	STS_OK},
    {"good", TESTING, TLS_68 MAIL BYE, TLS_76 MAIL BYE, "sts success", STS_OK},
    {"good", ENFORCE, TLS_68 MAIL BYE, TLS_76 MAIL BYE, "sts success", STS_OK},
    {"a connection that is used again", NONE, TLS_68 AGAIN BYE,
	TLS_76 AGAIN BYE, "no-policy-found success", STS_OK},
    {"no STARTTLS", NONE, GREETING NO_OFFER MAIL BYE, NULL,
	"no-policy-found starttls-not-supported mx-no-starttls", STS_OK},
    {"no STARTTLS", TESTING, GREETING NO_OFFER MAIL BYE, NULL,
	"sts starttls-not-supported mx-no-starttls", STS_OK},
    {"HELO only", NONE,
	GREETING "S 500 5.5.1 what?\nC HELO sender.test\nS 250 mx.~\n" MAIL BYE,
	NULL, "no-policy-found starttls-not-supported mx-no-starttls", STS_OK},
    {"454", NONE, STARTTLS "S 454 4.7.0 no\n" MAIL BYE, NULL,
	"no-policy-found validation-failure starttls-rejected", STS_OK},
    {"close after STARTTLS, then clear text under the same id", NONE,
	TLS GREETING OFFER MAIL BYE, NULL,
	"no-policy-found validation-failure handshake", STS_OK},
    {"the same", TESTING, TLS GREETING OFFER MAIL BYE, NULL,
	"sts validation-failure handshake", STS_OK},
    {"close at STARTTLS, then clear text under the same id", NONE,
	STARTTLS GREETING OFFER MAIL BYE, NULL,
	"no-policy-found validation-failure starttls-rejected", STS_OK},
    {"offered, and not wanted by smtpd", NONE, GREETING OFFER MAIL BYE, NULL,
	"", STS_OK},
    {"a recipient that is refused", NONE,
	TLS_68 "C MAIL FROM:<a@sender.test>\nS 250 ok\nC RCPT TO:<bob@~>\n"
	       "S 550 5.1.1 no\nC RSET\nS 250 ok\n" BYE,
	NULL, "no-policy-found success", STS_OK},
    {"a quoted local part", NONE,
	TLS_68
	"C MAIL FROM:<a@sender.test>\nS 250 ok\n"
	"C RCPT TO:<\"a>\\\">b@c.test\"@~> ORCPT=rfc822;a>b@d.test\n" BYE,
	NULL, "no-policy-found success", STS_OK},
    {"closed at once", NONE, "+\n-\n", NULL, "", STS_OK},
    {"a greeting of 554", NONE, "+\nS 554 no\n-\n", NULL, "", STS_OK},
    {"closed at EHLO", NONE, GREETING "-\n", NULL, "", STS_OK},
    {"closed in the answer to EHLO", NONE, GREETING "S 250-mx.~\n-\n", NULL, "",
	STS_OK},
    {"refused", NONE, "-\n", NULL, "", STS_OK},
    {"not in the policy", ELSEWHERE, TLS_68 MAIL BYE, TLS_76 MAIL BYE,
	"sts validation-failure mtasts-policy-mx-mismatch", STS_OK},
    {"not in the policy, no STARTTLS", ELSEWHERE, GREETING NO_OFFER MAIL BYE,
	NULL, "sts validation-failure mtasts-policy-mx-mismatch", STS_OK},
    {"a policy that could not be fetched", UNFETCHED, TLS_68 MAIL BYE,
	TLS_76 MAIL BYE, "sts sts-policy-fetch-error fetch-connect", STS_OK},
    {"an expired certificate", TESTING, TLS_68 MAIL BYE, TLS_76 MAIL BYE,
	"sts certificate-expired mx-cert-expired", STS_MX_CERT_EXPIRED},
    {"another name", TESTING, TLS_68 MAIL BYE, TLS_76 MAIL BYE,
	"sts certificate-host-mismatch mx-cert-name", STS_MX_CERT_NAME},
    {"an unknown CA", TESTING, TLS_68 MAIL BYE, TLS_76 MAIL BYE,
	"sts certificate-not-trusted mx-cert-untrusted", STS_MX_CERT_UNTRUSTED},
    {"what a probe cannot tell", TESTING, TLS_68 MAIL BYE, TLS_76 MAIL BYE,
	"sts success", STS_MX_CONNECT},
    {"an expired certificate that nothing forbids", NONE, TLS_68 MAIL BYE,
	TLS_76 MAIL BYE, "no-policy-found success", STS_MX_CERT_EXPIRED},
};

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

/* Of each row and version; "mx.DOMAIN" is at the address. */
static void
test_rows(const char *version)
{
	bool old = strcmp(version, "0.6") == 0;
	char domain[64], address[32], endpoint[40], expected[300];

	for (unsigned i = 0; i < ROWS; i++) {
		const struct row *r = &rows[i];
		const char *host =
		    r->policy == ELSEWHERE ? "mx.bad.test" : NULL;
		char name[80];

		snprintf(
		    domain, sizeof(domain), "row%u-%c.test", i, version[2]);
		snprintf(name, sizeof(name), "mx.%s", domain);
		host = host != NULL ? host : name;
		snprintf(address, sizeof(address), "203.0.113.%u", i + 1);
		snprintf(endpoint, sizeof(endpoint), "%s:25", address);
		add_domain(domain, r->policy);
		add_routes(domain, host, address, 600, r->probe);
		say(version, i + 100, endpoint, domain,
		    old || r->in_76 == NULL ? r->in_68 : r->in_76);
		snprintf(expected, sizeof(expected), "%s %s %s", r->expected,
		    host, address);
		if (r->expected[0] == '\0')
			expected[0] = '\0';
		settle();
		is_str(outcome(domain), expected, "%s: %s", version, r->what);
	}
}

/* Strict sessions name no domain before RCPT: the table's last answer has it.
 */
#define BY_ADDRESS " domain: last lookup at this address"

static void
add_strict(const char *domain, const char *address, int64_t probed_ago,
    enum sts_status probe)
{
	char host[80];

	snprintf(host, sizeof(host), "mx.%s", domain);
	add_domain(domain, ENFORCE);
	add_routes(domain, host, address, probed_ago, probe);
	give_host(domain, host);
}

static void
test_before_rcpt(void)
{
	static const char refused[] = TLS "-\n", refused_68[] = TLS "T\n-\n";

	add_strict("expired.test", "198.51.100.1", 60, STS_MX_CERT_EXPIRED);
	say("0.7", 1, "198.51.100.1:25", "expired.test", refused);
	settle();
	is_str(outcome("expired.test"),
	    "sts certificate-expired mx-cert-expired mx.expired.test "
	    "198.51.100.1" BY_ADDRESS,
	    "7.6 refuses a certificate: the probe says why");
	add_strict("old.test", "198.51.100.2", 60, STS_MX_CERT_NAME);
	say("0.6", 2, "198.51.100.2:25", "old.test", refused_68);
	settle();
	is_str(outcome("old.test"),
	    "sts certificate-host-mismatch mx-cert-name mx.old.test "
	    "198.51.100.2" BY_ADDRESS,
	    "6.8 does, and has reported the handshake: the same");
	add_strict("cut.test", "198.51.100.3", 60, STS_MX_TLS);
	say("0.7", 3, "198.51.100.3:25", "cut.test", refused);
	settle();
	is_str(outcome("cut.test"),
	    "sts validation-failure handshake mx.cut.test "
	    "198.51.100.3" BY_ADDRESS,
	    "no handshake at all");
	add_strict("plain.test", "198.51.100.4", 0, STS_OK);
	say("0.7", 4, "198.51.100.4:25", "plain.test", GREETING NO_OFFER "-\n");
	settle();
	is_str(outcome("plain.test"),
	    "sts starttls-not-supported mx-no-starttls mx.plain.test "
	    "198.51.100.4" BY_ADDRESS,
	    "no STARTTLS: needs no probe");
	add_strict("hang.test", "198.51.100.5", 0, STS_OK);
	say("0.7", 5, "198.51.100.5:25", "hang.test", TLS_76 "-\n");
	settle();
	is_str(outcome("hang.test"),
	    "sts success mx.hang.test 198.51.100.5" BY_ADDRESS,
	    "hangs up after a good handshake");
	say("0.7", 6, "198.51.100.99:25", "x", refused);
	say("0.7", 7, "nonsense", "x", refused);
	settle();
}

static void
test_shared(void)
{
	add_strict("first.test", "198.51.100.10", 60, STS_MX_CERT_EXPIRED);
	poll(NULL, 0, 20);
	add_strict("second.test", "198.51.100.10", 60, STS_MX_CERT_EXPIRED);
	poll(NULL, 0, 20);
	add_strict("other.test", "198.51.100.11", 60, STS_MX_CERT_EXPIRED);
	say("0.7", 1, "198.51.100.10:25", "", TLS "-\n");
	settle();
	is_str(outcome("first.test"), "", "domains share an address");
	ok(strstr(outcome("second.test"), BY_ADDRESS) != NULL,
	    "the last one that was asked for has it, and the outcome says so");
	is_str(outcome("other.test"), "", "not one elsewhere");
	/* Of a host of ours without reports. */
	world_policy(
	    &w, "state", "quiet.test", smtpd_enforce("quiet.test"), 10, 10);
	add_routes("quiet.test", "mx1.quiet.test", "198.51.100.10", 0, STS_OK);
	poll(NULL, 0, 20);
	give_host("quiet.test", "mx1.quiet.test");
	say("0.7", 2, "198.51.100.10:25", "", TLS "-\n");
	settle();
	ok(strcmp(outcome("second.test"), "twice") != 0,
	    "nor is it another's if the last one wants no reports");
}

/* A plain session that ends before RCPT: mail for the domain came lately. */
static void
test_plain_before_rcpt(void)
{
	add_domain("mail.test", NONE);
	peer_say(&p,
	    "report|0.7|1.1|smtp-in|link-connect|a1|n|pass|local|local\n"
	    "filter|0.7|1.1|smtp-in|rcpt-to|a1|1|u@mail.test\n");
	is_str(peer_line(&p, TAP_WAIT_MS), "filter-result|a1|1|proceed",
	    "mail for a domain that wants reports");
	ok(smtpd_wait_ran(&w, "routes mail.test", 1, TAP_WAIT_MS),
	    "has its hosts looked up");
	poll(NULL, 0, 200);
	say("0.7", 1, "192.0.2.1:25", "mail.test", TLS_76 "-\n");
	settle();
	is_str(outcome("mail.test"),
	    "no-policy-found success mx1.mail.test 192.0.2.1" BY_ADDRESS,
	    "a hang-up before RCPT at one of them is that domain's");
	world_none(&w, "state", "unasked.test", "", 10, 3600);
	peer_say(&p, "filter|0.7|1.1|smtp-in|rcpt-to|a1|2|u@unasked.test\n");
	is_str(peer_line(&p, TAP_WAIT_MS), "filter-result|a1|2|proceed",
	    "mail for one that wants none");
	settle();
	poll(NULL, 0, 200);
	is_int(smtpd_ran(&w, "routes unasked.test"), 0, "looks up nothing");
}

static void
test_waiting(void)
{
	world_policy(&w, "state", "new.test",
	    "version: STSv1\nmode: testing\nmx: *.new.test\nmax_age: 604800\n",
	    10, 10);
	want_reports(&w, "new.test");
	say("0.7", 1, "192.0.2.1:25", "new.test", TLS_76 MAIL BYE);
	ok(smtpd_wait_ran(&w, "routes new.test", 1, TAP_WAIT_MS),
	    "a session of a domain whose hosts are unknown: they are found");
	ok(smtpd_wait_ran(&w, "probe mx1.new.test", 1, TAP_WAIT_MS),
	    "the policy is in testing: its host is probed");
	is_int(smtpd_ran(&w, "probe mx2.new.test"), 0, "and no other");
	is_str(outcome("new.test"), "", "the session waits for that");
	add_routes(
	    "new.test", "mx1.new.test", "192.0.2.1", 1, STS_MX_CERT_UNTRUSTED);
	is_str(outcome_within("new.test", TAP_WAIT_MS),
	    "sts certificate-not-trusted mx-cert-untrusted mx1.new.test "
	    "192.0.2.1",
	    "and is recorded with its result");
	say("0.7", 2, "192.0.2.1:25", "new.test", TLS_76 MAIL BYE);
	settle();
	is_str(outcome("new.test"), "twice", "the next one at once");
	is_int(smtpd_ran(&w, "probe mx1.new.test"), 1, "once a day");
	add_strict("wait.test", "198.51.100.20", 0, STS_OK);
	peer_say(&p, "filter|0.7|1.1|smtp-in|rcpt-to|a1|3|u@wait.test\n");
	is_str(peer_line(&p, TAP_WAIT_MS), "filter-result|a1|3|proceed",
	    "mail for a domain that enforces");
	say("0.7", 3, "198.51.100.20:25", "wait.test", TLS "-\n");
	ok(smtpd_wait_ran(&w, "probe mx.wait.test", 1, TAP_WAIT_MS),
	    "a strict session fails: its host is probed, as always");
	is_str(outcome("wait.test"), "", "the session waits for that");
}

/* At the end of the input nothing waits any more. */
static void
test_end(void)
{
	is_int(peer_end(&p), 0, "ends with its input");
	is_str(outcome("wait.test"),
	    "sts validation-failure handshake mx.wait.test "
	    "198.51.100.20" BY_ADDRESS,
	    "what waits then is recorded with what is known");
}

static void
test_not_counted(void)
{
	world_none(&w, "state", "norecord.test", "", 10, 3600);
	add_routes(
	    "norecord.test", "mx.norecord.test", "203.0.113.200", 0, STS_OK);
	say("0.7", 1, "203.0.113.200:25", "norecord.test", TLS_76 MAIL BYE);
	settle();
	is_str(outcome("norecord.test"), "", "a domain that wants no reports");
	say("0.7", 2, "203.0.113.200:25", "unknown.test", TLS_76 MAIL BYE);
	settle();
	is_str(outcome("unknown.test"), "", "one that is not in the store");
	add_domain("quiet2.test", NONE);
	add_routes("quiet2.test", "mx.quiet2.test", "203.0.113.201", 0, STS_OK);
	say("0.7", 3, "203.0.113.201:465", "quiet2.test", TLS_76 MAIL BYE);
	say("0.7", 4, "127.0.0.1:25", "quiet2.test", TLS_76 MAIL BYE);
	say("0.7", 5, "203.0.113.201:25", "quiet2.test",
	    "+\nT\nS 220 mx.~ ESMTP\nC EHLO sender.test\n" NO_OFFER MAIL BYE);
	say("0.7", 6, "203.0.113.201:25", "quiet2.test",
	    TLS_76 "C MAIL FROM:<TLS@Sender.Test>\nS 250 ok\n"
		   "C RCPT TO:<reports@~>\nS 250 ok\n" MAIL BYE);
	settle();
	is_str(outcome("quiet2.test"), "",
	    "neither another port, nor this machine, nor TLS from the first "
	    "byte, nor our own report");
	say("0.7", 7, "203.0.113.201:25", "quiet2.test",
	    TLS_76 "C MAIL FROM:<>\nS 250 ok\nC RCPT TO:<a@~>\nS 250 ok\n" BYE);
	settle();
	is_str(outcome("quiet2.test"),
	    "no-policy-found success mx.quiet2.test 203.0.113.201",
	    "but any other mail, a bounce too");
}

/* What a host says, and what a version of smtpd may say that is not known. */
static void
test_hostile(void)
{
	static char line[3200];

	add_domain("hostile.test", NONE);
	add_routes(
	    "hostile.test", "mx.hostile.test", "203.0.113.210", 0, STS_OK);
	memset(line, 'x', sizeof(line) - 1);
	memcpy(line, "+\nS 220 ", 8);
	say("0.7", 1, "203.0.113.210:25", "hostile.test", line);
	say("0.7", 1, "203.0.113.210:25", "hostile.test",
	    "S 250-STARTTLS\nS 220 go on\nC EHLO sender.test\n"
	    "S 250-STARTTLS|link-tls\nS 250-\nS 250-starttls\n"
	    "S 250-x|1|protocol-client|EHLO\n");
	peer_write(&p,
	    "report|0.7|1.1|smtp-out|protocol-server|bc849dd700000001|250-"
	    "\0\xff|\r250 STARTTLS\n",
	    78);
	say("0.7", 1, "203.0.113.210:25", "hostile.test",
	    "S 250-EHLO sender.test\nS 250 STARTTLSX\n"
	    "S 220 go on\nS EHLO\n" MAIL BYE);
	settle();
	is_str(outcome("hostile.test"),
	    "no-policy-found starttls-not-supported mx-no-starttls "
	    "mx.hostile.test "
	    "203.0.113.210",
	    "a host's words lead nowhere but to where they belong");
	add_domain("future.test", NONE);
	add_routes("future.test", "mx.future.test", "203.0.113.211", 0, STS_OK);
	say("1.9", 2, "203.0.113.211:25", "future.test",
	    TLS_76
	    "C MAIL FROM:<a@b> SIZE=1\nS 250 ok\nC rcpt to:<a@~> X=Y\n" BYE);
	say("", 3, "203.0.113.211:25", "future.test", "C RCPT TO:<a@~>\n-\n");
	peer_say(&p,
	    "report|0.7|1.1|smtp-out|protocol-server\n"
	    "report|0.7|1.1|smtp-out|protocol-client|1\n"
	    "report|0.7|1.1|smtp-out|link-tls|\n"
	    "report|0.7|1.1|smtp-out|link-connect|77\n"
	    "report|0.7|1.1|smtp-out|protocol-client|77|RCPT TO:<\n"
	    "report|0.7|1.1|smtp-out|protocol-client|77|RCPT TO:<@>\n");
	settle();
	is_str(outcome("future.test"),
	    "no-policy-found success mx.future.test 203.0.113.211",
	    "an unknown version of the protocol with the same words");
}

/* Sessions without end. */
static void
test_many(void)
{
	long before = peer_rss(&p);

	for (unsigned i = 0; i < 60000; i++)
		say_line("0.7", i + 1000, "203.0.113.220:25", "", "+", 1);
	settle();
	peer_is_within(&p, before, 16000,
	    "60,000 sessions that never end stay within bounds");
	add_domain("after.test", NONE);
	add_routes("after.test", "mx.after.test", "203.0.113.221", 0, STS_OK);
	say("0.7", 1, "203.0.113.221:25", "after.test", TLS_76 MAIL BYE);
	settle();
	is_str(outcome("after.test"),
	    "no-policy-found success mx.after.test 203.0.113.221",
	    "and the next one is counted");
}

static void
test_off(void)
{
	char path[200];

	smtpd_world(&w, "organization Lab\n");
	start();
	is_int(registered("register|report|smtp-out|"), 5,
	    "without reports no further events are registered for");
	add_domain("off.test", NONE);
	add_routes("off.test", "mx.off.test", "203.0.113.1", 0, STS_OK);
	say("0.7", 1, "203.0.113.1:25", "off.test", TLS_76 MAIL BYE);
	settle();
	snprintf(path, sizeof(path), "%s/outcomes", w.state);
	ok(access(path, F_OK) != 0, "and nothing is recorded");
	is_int(peer_end(&p), 0, "ends with its input");
	smtpd_remove(&w);
}

int
main(void)
{
	test_off();
	smtpd_world(&w, reporting);
	start();
	is_int(registered("register|report|smtp-out|"), 8,
	    "with reports, for the dialogues of outgoing sessions");
	test_rows("0.6");
	test_rows("0.7");
	test_before_rcpt();
	test_shared();
	test_plain_before_rcpt();
	test_not_counted();
	test_hostile();
	test_waiting();
	test_many();
	test_end();
	smtpd_remove(&w);
	return tap_done();
}
