/* SPDX-License-Identifier: ISC */
/* What table-mta-sts answers for what the store knows, and what it starts. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "opensmtpd/delivery_log.h"
#include "tests/unit/lib/tap.h"
#include "tests/unit/lib/tap_smtpd.h"

enum { DAY = 86400 };

/* One that waits takes 1.5 s. */
enum { AT_ONCE_MS = 1400 };

static struct world w;
static struct peer p;
static unsigned serial;
static int64_t took_ms;

static void
start_as(const char *name)
{
	const char *const arguments[] = {w.conf, NULL};

	peer_start(&p, "table-mta-sts", PEER_BOTH, name, arguments);
	peer_say(&p, "config|ready\n");
	for (int i = 0; i < 3; i++)
		(void)peer_line(&p, TAP_WAIT_MS);
}

static void
start(void)
{
	start_as("mta-sts");
}

/* The reply to "check|domain" or "lookup|relayhost" after its id. */
static const char *
ask(const char *op, const char *domain)
{
	bool check = strcmp(op, "check") == 0;
	char request[500], id[16];
	int64_t began = smtpd_ms();
	const char *line;

	snprintf(id, sizeof(id), "%08x", ++serial);
	snprintf(request, sizeof(request),
	    "table|0.1|1.1|mta-sts|%s|%s|%s|%s\n", op,
	    check ? "domain" : "relayhost", id, domain);
	peer_say(&p, request);
	line = peer_line(&p, TAP_WAIT_MS);
	took_ms = smtpd_ms() - began;
	if (line == NULL || strncmp(line, op, strlen(op)) != 0 ||
	    strncmp(line + strlen(op), "-result|", 8) != 0 ||
	    strncmp(line + strlen(op) + 8, id, 8) != 0)
		return "(no reply to this request)";
	return line + strlen(op) + 17;
}

static void
is_checked(const char *domain, const char *expected, const char *what)
{
	is_str(ask("check", domain), expected, "check: %s", what);
}

static void
is_host(const char *domain, const char *expected, const char *what)
{
	is_str(ask("lookup", domain), expected, "relayhost: %s", what);
}

static void
begin(const char *lines)
{
	smtpd_world(&w, lines);
	serial = 0;
}

static void
finish(void)
{
	is_int(peer_end(&p), 0, "ends with its input");
	smtpd_remove(&w);
}

static const char testing[] =
    "version: STSv1\nmode: testing\nmx: *.x.test\nmax_age: 604800\n";
static const char no_mode[] = "version: STSv1\nmode: none\nmax_age: 604800\n";

/* An answer that is merely old loses no mail; a missing one may. */
static void
test_however_old(void)
{
	const char *enforce = smtpd_enforce("x.test");

	begin("");
	world_policy(&w, "state", "enforce-new.test", enforce, 10, 10);
	world_policy(&w, "state", "enforce-stale.test", enforce, DAY, DAY);
	world_policy(
	    &w, "state", "enforce-expired.test", enforce, 90 * DAY, 90 * DAY);
	world_policy(&w, "state", "testing.test", testing, 10, 10);
	world_policy(&w, "state", "none-mode.test", no_mode, 10, 10);
	world_policy(
	    &w, "state", "gone-enforce.test", enforce, 90 * DAY, 90 * DAY);
	world_none(&w, "state", "gone-enforce.test", "", 20 * DAY, 3600);
	world_none(&w, "state", "absent-new.test", "", 10, 3600);
	world_none(&w, "state", "absent-29d.test", "", 29 * DAY, 3600);
	world_none(&w, "state", "absent-31d.test", "", 31 * DAY, 3600);
	world_none(&w, "state", "absent-fetch.test", "id9", 10, 300);
	start();
	is_checked("enforce-new.test", "found", "enforce, fresh");
	is_checked("testing.test", "not-found", "testing");
	is_checked("none-mode.test", "not-found", "mode none");
	is_checked("absent-new.test", "not-found", "no policy");
	ok(!smtpd_wait_ran(&w, "", 1, 200), "none of these is looked up");
	is_checked("enforce-stale.test", "found", "enforce, checked long ago");
	is_checked("enforce-expired.test", "found", "enforce, expired");
	is_checked("gone-enforce.test", "not-found",
	    "expired, and seen to have none since");
	is_checked("absent-29d.test", "not-found", "no policy, of 29 days");
	is_checked("absent-fetch.test", "not-found", "a failed fetch");
	ok(took_ms < AT_ONCE_MS, "at once: %lld ms", (long long)took_ms);
	ok(smtpd_wait_ran(&w, "lookup ", 4, TAP_WAIT_MS) &&
		smtpd_wait_ran(
		    &w, "refresh enforce-stale.test", 1, TAP_WAIT_MS),
	    "each of these is looked up again in the background");
	is_checked("absent-31d.test", "not-found",
	    "one of 31 days is never looked up: waited for");
	is_int(smtpd_ran(&w, "lookup absent-31d.test"), 1, "by a resolver");
	finish();
}

static void
test_names(void)
{
	begin("domain off.test off\ndomain soft.test testing\n");
	world_policy(
	    &w, "state", "off.test", smtpd_enforce("off.test"), 10, 10);
	world_policy(
	    &w, "state", "soft.test", smtpd_enforce("soft.test"), 10, 10);
	world_policy(&w, "state", "xn--bcher-kva.test",
	    smtpd_enforce("xn--bcher-kva.test"), 10, 10);
	smtpd_routes(&w, "off.test", 10);
	smtpd_routes(&w, "soft.test", 10);
	start();
	is_checked("off.test", "not-found", "domain ... off");
	is_checked("soft.test", "not-found", "domain ... testing");
	is_checked("b\xc3\xbc"
		   "cher.test",
	    "found", "U-labels");
	is_checked("B\xc3\x9c"
		   "cher.TEST.",
	    "found", "case and a final dot");
	is_checked("192.0.2.1", "not-found", "an address");
	is_checked("", "not-found", "nothing");
	is_host("off.test", "found|smtp+tls://mx1.off.test",
	    "what is queued strictly stays strict");
	finish();
}

/* The wait is for 1.5 s, in which a slow machine may not get to an answer. */
static void
never_seen(void)
{
	const char *domain = "enforce-slow300.test";

	for (int i = 0; i < 10; i++) {
		begin("");
		start();
		if (strcmp(ask("check", domain), "found") == 0)
			break;
		(void)peer_end(&p);
		smtpd_remove(&w);
	}
	ok(took_ms >= 250 && took_ms < 8000,
	    "never seen: waited for, as long as it takes: %lld ms",
	    (long long)took_ms);
	is_checked(domain, "found", "and is known");
}

/* The one wait, and that it is the only one. */
static void
test_never_seen(void)
{
	int64_t began;

	never_seen();
	began = smtpd_ms();
	is_checked(
	    "enforce-slow301.test", "error|not_found", "the next one is not");
	ok(took_ms < AT_ONCE_MS, "but answered at once: %lld ms",
	    (long long)took_ms);
	ok(smtpd_wait_ran(&w, "lookup enforce-slow301.test", 1, TAP_WAIT_MS),
	    "and looked up in the background");
	while (smtpd_ms() - began < TAP_WAIT_MS &&
	    strcmp(ask("check", "enforce-slow301.test"), "found") != 0)
		poll(NULL, 0, 50);
	is_checked("enforce-slow301.test", "found", "and then known");
	if (smtpd_ms() - began < 10000)
		poll(NULL, 0, (int)(10000 - (smtpd_ms() - began)));
	is_checked("enforce-slow9000.test", "error|not_found",
	    "10 s later: waited for again");
	ok(took_ms >= 1400 && took_ms < 8000, "1.5 s, not 9: %lld ms",
	    (long long)took_ms);
	finish();
	begin("on-local-error deliver\n");
	start();
	is_checked("none-slow9000.test", "not-found",
	    "on-local-error deliver: the plain action");
	finish();
}

static void
test_faults(void)
{
	char path[200];

	begin("");
	start();
	is_checked("fault.test", "error|not_found", "a resolver that cannot");
	ok(took_ms < AT_ONCE_MS, "is not waited for: %lld ms",
	    (long long)took_ms);
	finish();
	begin("");
	start();
	snprintf(path, sizeof(path), "%s/missing", w.dir);
	(void)unlink(path);
	world_policy(
	    &w, "state", "enforce.test", smtpd_enforce("enforce.test"), 10, 10);
	world_policy(
	    &w, "state", "broken.test", smtpd_enforce("broken.test"), 10, 10);
	world_damage(&w, "policies", "broken.test");
	is_checked("enforce.test", "found", "no resolver: what is known holds");
	is_checked("never.test", "error|not_found", "what is not waits");
	ok(took_ms < AT_ONCE_MS, "in the queue: %lld ms", (long long)took_ms);
	is_checked("broken.test", "error|entry_corrupt",
	    "a file that cannot be believed");
	snprintf(path, sizeof(path), "mv %s %s.away", w.state, w.state);
	ok(system(path) == 0, "the state directory is moved away");
	is_checked(
	    "enforce.test", "error|state_missing", "then nothing is known");
	snprintf(path, sizeof(path), "mv %s.away %s", w.state, w.state);
	ok(system(path) == 0, "and put back");
	is_checked("enforce.test", "found", "known again");
	finish();
	begin("on-local-error deliver\n");
	world_policy(
	    &w, "state", "broken.test", smtpd_enforce("broken.test"), 10, 10);
	world_damage(&w, "policies", "broken.test");
	start();
	is_checked("broken.test", "not-found", "on-local-error deliver");
	finish();
}

/* The domains of the next test: what the last look at their DNS said. */
static void
make_trouble(const char *lines)
{
	begin(lines);
	world_policy(&w, "state", "enforce.test", smtpd_enforce("enforce.test"),
	    10, 400);
	world_trouble(&w, "state", "enforce.test", 10);
	world_trouble(&w, "state", "hang-now.test", 10);
	world_trouble(&w, "state", "hang-then.test", DAY);
	world_host_trouble(&w, "state", "host.test", 10);
	world_host_trouble(&w, "state", "host-then.test", DAY);
}

static void
test_dns_trouble(void)
{
	make_trouble("");
	start();
	is_checked("enforce.test", "found", "DNS in trouble, a live policy");
	is_checked(
	    "hang-now.test", "not-found", "on-dns-error deliver: mail flows");
	is_checked("hang-then.test", "not-found", "the same a day later");
	is_checked("host.test", "not-found",
	    "the policy host's address unknown: mail flows");
	finish();
	make_trouble("");
	start_as("mta-sts-unknown");
	is_checked(
	    "enforce.test", "not-found", "unknown: a live policy is known");
	is_checked(
	    "hang-now.test", "not-found", "unknown: so is trouble of now");
	is_checked("hang-then.test", "found", "unknown: trouble of a day ago");
	is_checked("host.test", "not-found",
	    "unknown: a policy that could not be had just now");
	is_checked("host-then.test", "found",
	    "unknown: one that could not be had a day ago");
	finish();
	make_trouble("on-dns-error defer\non-local-error deliver\n");
	start();
	is_checked(
	    "enforce.test", "found", "on-dns-error defer, a live policy");
	is_checked("hang-now.test", "error|dns_servfail",
	    "on-dns-error defer: the mail waits, whatever on-local-error says");
	is_checked(
	    "hang-then.test", "error|dns_servfail", "the same a day later");
	is_checked("host.test", "error|fetch_dns",
	    "the policy host's address unknown: the mail waits too");
	is_checked("host-then.test", "error|fetch_dns", "the same a day later");
	finish();
	make_trouble("on-dns-error defer\n");
	start_as("mta-sts-unknown");
	is_checked("hang-now.test", "found", "unknown: defer, it is held");
	finish();
}

static void
test_configuration(void)
{
	char path[200];

	begin("");
	world_policy(
	    &w, "state", "enforce.test", smtpd_enforce("enforce.test"), 10, 10);
	snprintf(path, sizeof(path), "mv %s %s.away", w.conf, w.conf);
	ok(system(path) == 0, "there is no configuration");
	start();
	is_checked("enforce.test", "error|config", "nothing can be known");
	is_host("enforce.test", "error|config", "nor any host");
	snprintf(path, sizeof(path), "mv %s.away %s", w.conf, w.conf);
	ok(system(path) == 0, "now there is one");
	peer_say(&p, "table|0.1|1.1|mta-sts|update|u1\n");
	is_str(peer_line(&p, TAP_WAIT_MS), "update-result|u1|ok",
	    "smtpctl update table");
	is_checked("enforce.test", "found", "reads it");
	snprintf(path, sizeof(path), "mv %s %s.away", w.conf, w.conf);
	ok(system(path) == 0, "it goes away again");
	peer_say(&p, "table|0.1|1.1|mta-sts|update|u2\n");
	is_str(peer_line(&p, TAP_WAIT_MS), "update-result|u2|error|config",
	    "an update says so");
	is_checked("enforce.test", "found", "and what was read holds");
	finish();
}

static void
test_hosts(void)
{
	struct sts_routes r = {.domain = "nullmx.test", .status = STS_NULL_MX};

	begin("");
	world_policy(
	    &w, "state", "enforce.test", smtpd_enforce("enforce.test"), 10, 10);
	smtpd_routes(&w, "enforce.test", 10);
	world_policy(&w, "state", "moved-enforce.test",
	    smtpd_enforce("enforce.test"), 10, 10);
	smtpd_routes(&w, "moved-enforce.test", 10);
	world_policy(&w, "state", "old-enforce.test",
	    smtpd_enforce("old-enforce.test"), 10, 10);
	smtpd_routes(&w, "old-enforce.test", 20 * DAY);
	world_policy(&w, "state", "enforce-cold.test",
	    smtpd_enforce("enforce-cold.test"), 10, 10);
	world_policy(
	    &w, "state", "nullmx.test", smtpd_enforce("nullmx.test"), 10, 10);
	/* Not before the policy's, in whatever second that was. */
	r.recorded = time(NULL) - 10;
	smtpd_write_routes(&w, &r);
	world_none(&w, "state", "withdrawn.test", "", 10, 3600);
	smtpd_routes(&w, "withdrawn.test", 10);
	world_policy(&w, "state", "testing.test", testing, 10, 10);
	smtpd_routes(&w, "testing.test", 10);
	start();
	is_host("enforce.test", "found|smtp+tls://mx1.enforce.test", "enforce");
	is_host("withdrawn.test", "found|smtp+tls://mx1.withdrawn.test",
	    "a policy withdrawn: the best MX, still verified");
	is_host("testing.test", "found|smtp+tls://mx1.testing.test",
	    "the same for a testing policy");
	is_host("nullmx.test", "error|null_mx", "a domain that takes no mail");
	ok(!smtpd_wait_ran(&w, "", 1, 200), "all of this from the store");
	is_host("moved-enforce.test", "error|no_match",
	    "the policy as it is now, not as the routes saw it");
	world_policy(&w, "state", "useless-enforce.test",
	    smtpd_enforce("enforce.test"), 10, 10);
	smtpd_routes(&w, "useless-enforce.test", 100);
	is_host("useless-enforce.test", "error|no_match",
	    "no host of 100 s ago is permitted");
	ok(smtpd_wait_ran(&w, "routes useless-enforce.test", 1, TAP_WAIT_MS),
	    "so they are found anew: the DNS may have been fixed");
	is_host("old-enforce.test", "found|smtp+tls://mx1.old-enforce.test",
	    "routes of 20 days");
	ok(smtpd_wait_ran(&w, "routes old-enforce.test", 1, TAP_WAIT_MS),
	    "are found anew in the background");
	is_host("enforce-cold.test", "error|not_found", "no routes yet");
	ok(took_ms < AT_ONCE_MS, "not waited for: %lld ms", (long long)took_ms);
	ok(smtpd_wait_ran(&w, "routes enforce-cold.test", 1, TAP_WAIT_MS),
	    "found in the background");
	for (int i = 0; i < TAP_WAIT_MS / 50 &&
	     strncmp(ask("lookup", "enforce-cold.test"), "error", 5) == 0;
	     i++)
		poll(NULL, 0, 50);
	is_host("enforce-cold.test", "found|smtp+tls://mx1.enforce-cold.test",
	    "and then given");
	finish();
}

/*
 * A lookup that no mail waits for: mail in the queue is to have the hosts that
 * the new policy permits at its next attempt.
 */
static void
test_queue(void)
{
	begin("");
	world_none(&w, "state", "enforce-mail.test", "", DAY, 3600);
	smtpd_routes(&w, "enforce-mail.test", DAY);
	world_none(&w, "state", "enforce-ahead.test", "", DAY, 3600);
	smtpd_routes(&w, "enforce-ahead.test", -DAY);
	world_none(&w, "state", "enforce-idle.test", "", DAY, 3600);
	world_none(&w, "state", "none-mail.test", "", DAY, 3600);
	smtpd_routes(&w, "none-mail.test", DAY);
	start();
	is_checked("enforce-idle.test", "not-found",
	    "no policy a day ago, and no mail since");
	is_checked("none-mail.test", "not-found",
	    "no policy a day ago, mail in the queue");
	is_checked(
	    "enforce-mail.test", "not-found", "the same, and a policy by now");
	is_checked("enforce-ahead.test", "not-found",
	    "the same, its MX hosts found by a clock that was ahead");
	ok(smtpd_wait_ran(&w, "routes enforce-mail.test", 1, TAP_WAIT_MS),
	    "a policy was found: the MX hosts of its mail are found anew");
	ok(smtpd_wait_ran(&w, "routes enforce-ahead.test", 1, TAP_WAIT_MS),
	    "those of unknown age too");
	ok(smtpd_wait_ran(&w, "lookup enforce-idle.test", 1, TAP_WAIT_MS) &&
		smtpd_wait_ran(&w, "lookup none-mail.test", 1, TAP_WAIT_MS),
	    "the others were looked up as well");
	poll(NULL, 0, 500);
	is_int(smtpd_ran(&w, "routes "), 2,
	    "not those without mail, or without a policy");
	finish();
}

/* Notes in the name of the filter that mail was accepted, or not. */
static void
tell(const char *committed)
{
	struct sts_config config = {.state_dir = w.state};
	struct sts_delivery_log o;

	if (geteuid() == 0 && seteuid(WORLD_USER) != 0)
		ok(false, "cannot change the user");
	sts_delivery_log_init(&o, &config, STS_DELIVERY_LOG_SENT, true);
	if (committed != NULL)
		sts_delivery_log_note(&o, committed);
	else
		sts_delivery_log_failure(&o);
	sts_delivery_log_close(&o);
	if (getuid() == 0 && seteuid(0) != 0)
		ok(false, "cannot change the user back");
}

static void
test_probes(void)
{
	struct sts_routes r = {
	    .domain = "marked.test", .status = STS_OK, .count = 2};

	begin("");
	for (int i = 0; i < 4; i++) {
		static const char *const names[] = {
		    "good.test", "again.test", "dead.test", "marked.test"};

		world_policy(
		    &w, "state", names[i], smtpd_enforce(names[i]), 10, 10);
		smtpd_routes(&w, names[i], 10);
	}
	r.recorded = time(NULL);
	for (int i = 0; i < 2; i++) {
		snprintf(r.route[i].host, sizeof(r.route[i].host),
		    "mx%d.marked.test", i + 1);
		r.route[i].preference = i;
	}
	r.route[0].probe = STS_MX_CONNECT;
	r.route[0].probed = r.recorded - 700;
	smtpd_write_routes(&w, &r);
	start();
	is_host("good.test", "found|smtp+tls://mx1.good.test", "a good host");
	is_host("again.test", "found|smtp+tls://mx1.again.test", "another");
	poll(NULL, 0, 100);
	tell("good.test");
	poll(NULL, 0, 5200);
	is_host("good.test", "found|smtp+tls://mx1.good.test",
	    "asked for again after a commit");
	is_host("again.test", "found|smtp+tls://mx1.again.test",
	    "and the other without one");
	ok(smtpd_wait_ran(&w, "probe mx1.again.test", 1, TAP_WAIT_MS),
	    "which is probed");
	is_host("dead.test", "found|smtp+tls://mx1.dead.test", "a third");
	is_host("marked.test", "found|smtp+tls://mx2.marked.test",
	    "a host that was dead is passed over");
	ok(smtpd_wait_ran(&w, "probe mx1.marked.test", 1, TAP_WAIT_MS),
	    "and probed again");
	is_int(smtpd_ran(&w, "probe mx1.dead.test"), 0, "the third is not");
	tell("good.test");
	tell(NULL);
	ok(smtpd_wait_ran(&w, "probe mx1.dead.test", 1, TAP_WAIT_MS),
	    "until a connection failed meanwhile");
	is_int(smtpd_ran(&w, "probe mx1.good.test"), 0,
	    "what works is never probed");
	finish();
}

/* RFC 8461 10.2; and a policy that was fixed, its id forgotten. */
static void
test_due(void)
{
	struct sts_routes r = {
	    .domain = "enforce-nomx.test", .status = STS_OK, .count = 1};

	begin("");
	world_policy(&w, "state", "enforce-due.test",
	    smtpd_enforce("enforce-due.test"), DAY + 10, DAY + 10);
	world_policy(&w, "state", "enforce-young.test",
	    smtpd_enforce("enforce-young.test"), 10, 10);
	world_policy(&w, "state", "enforce-nomx.test",
	    smtpd_enforce("other.test"), 10, 10);
	r.recorded = time(NULL);
	snprintf(
	    r.route[0].host, sizeof(r.route[0].host), "mx1.enforce-nomx.test");
	smtpd_write_routes(&w, &r);
	start();
	is_checked("enforce-due.test", "found", "a policy that is due");
	ok(took_ms < AT_ONCE_MS, "at once: %lld ms", (long long)took_ms);
	ok(smtpd_wait_ran(&w, "refresh enforce-due.test", 1, TAP_WAIT_MS),
	    "it is fetched again behind the answer");
	is_checked("enforce-young.test", "found", "a young one");
	is_host(
	    "enforce-nomx.test", "error|no_match", "no MX host is permitted");
	ok(smtpd_wait_ran(&w, "refetch enforce-nomx.test", 1, TAP_WAIT_MS),
	    "the policy is fetched again whatever its id");
	is_int(smtpd_ran(&w, "refresh "), 1, "the young one is not");
	is_int(smtpd_ran(&w, "refetch "), 1, "and no other is");
	finish();
}

/* smtpd's next attempt must not begin with another dead host. */
static void
test_next_host(void)
{
	begin("");
	world_policy(
	    &w, "state", "downmx.test", smtpd_enforce("downmx.test"), 10, 10);
	smtpd_routes(&w, "downmx.test", 10);
	start();
	is_host(
	    "downmx.test", "found|smtp+tls://mx1.downmx.test", "a dead host");
	poll(NULL, 0, 100);
	tell(NULL);
	ok(smtpd_wait_ran(&w, "probe mx1.downmx.test", 1, TAP_WAIT_MS),
	    "the host that may have failed is probed");
	ok(smtpd_wait_ran(&w, "probe mx2.downmx.test", 1, TAP_WAIT_MS),
	    "and as it is dead, the next");
	poll(NULL, 0, 500);
	is_int(smtpd_ran(&w, "probe "), 2, "which works: no other is");
	is_host("downmx.test", "found|smtp+tls://mx2.downmx.test",
	    "the next attempt goes there");
	finish();
}

/* A policy that an operator wrote is not fetched, so no MX host is older. */
static void
test_policy_file(void)
{
	char path[120];
	FILE *f;

	begin("");
	snprintf(path, sizeof(path), "%s/policy", w.dir);
	if ((f = fopen(path, "w")) != NULL) {
		fputs(smtpd_enforce("file.test"), f);
		fclose(f);
	}
	if ((f = fopen(w.conf, "a")) != NULL) {
		fprintf(f, "domain file.test policy %s\n", path);
		fclose(f);
	}
	smtpd_routes(&w, "file.test", 10);
	start();
	is_host("file.test", "found|smtp+tls://mx1.file.test",
	    "an operator's policy");
	ok(!smtpd_wait_ran(&w, "", 1, 500),
	    "its hosts, just found, are not looked for again");
	finish();
}

int
main(void)
{
	test_however_old();
	test_policy_file();
	test_names();
	test_never_seen();
	test_faults();
	test_dns_trouble();
	test_configuration();
	test_hosts();
	test_queue();
	test_probes();
	test_next_host();
	test_due();
	return tap_done();
}
