/* SPDX-License-Identifier: ISC */
/* filter-mta-sts: outgoing sessions, probes, and domains kept known. */

/* Of turns that take ten minutes the clock and the resolver are the test's. */
#define sts_monotonic_ms fake_ms
#define sts_worker_probe fake_probe
#include "opensmtpd/filter/filter_relay.c"
#undef sts_monotonic_ms
#undef sts_worker_probe

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "opensmtpd/delivery_log.h"
#include "store/store.h"
#include "tests/unit/lib/tap.h"
#include "tests/unit/lib/tap_smtpd.h"

static struct world w;
static struct peer p;

static void
start(bool sees_out)
{
	const char *const arguments[] = {"-f", w.conf, NULL};

	peer_start(
	    &p, "filter-mta-sts", PEER_BOTH, "filter-mta-sts", arguments);
	peer_say(&p,
	    sees_out ? "config|subsystem|smtp-in\n"
		       "config|subsystem|smtp-out\nconfig|ready\n"
		     : "config|subsystem|smtp-in\nconfig|ready\n");
	for (;;) {
		const char *line = peer_line(&p, TAP_WAIT_MS);

		if (line == NULL || strcmp(line, "register|ready") == 0)
			break;
	}
}

/* Everything said so far has been taken in. */
static void
settle(void)
{
	peer_say(&p, "filter|0.7|1.1|smtp-in|rcpt-to|ffff|1|root\n");
	is_str(peer_line(&p, TAP_WAIT_MS), "filter-result|ffff|1|proceed",
	    "the filter goes on");
}

/* When the filter noted a commit for the domain, or a failure (NULL). */
static int64_t
noted(const char *domain)
{
	struct sts_config config = {.state_dir = w.state};
	struct sts_delivery_log o;
	int64_t when;

	sts_delivery_log_init(&o, &config, STS_DELIVERY_LOG_SENT, false);
	when = domain != NULL ? sts_delivery_log_noted(&o, domain)
			      : sts_delivery_log_failed(&o);
	sts_delivery_log_close(&o);
	return when;
}

/* A delivery as smtpd 7.6 reports it; 6.8 differs in the version alone. */
static void
test_commit(const char *version, const char *domain)
{
	int64_t before = sts_delivery_log_now();
	char text[2000];

	snprintf(text, sizeof(text),
	    "report|%s|1.1|smtp-out|link-connect|b1|mx1.%s|pass|"
	    "203.0.113.1:41234|192.0.2.1:25\n"
	    "report|%s|1.1|smtp-out|link-greeting|b1|mx1.%s\n"
	    "report|%s|1.1|smtp-out|link-tls|b1|TLSv1.3:TLS_AES_256_GCM_SHA384:"
	    "256\n"
	    "report|%s|1.1|smtp-out|tx-begin|b1|1d2c3b4a\n"
	    "report|%s|1.1|smtp-out|tx-mail|b1|1d2c3b4a|ok|me@example.org\n"
	    "report|%s|1.1|smtp-out|tx-rcpt|b1|1d2c3b4a|ok|u@%s\n"
	    "report|%s|1.1|smtp-out|tx-rcpt|b1|1d2c3b4a|permfail|"
	    "v@refused.test\n",
	    version, domain, version, domain, version, version, version,
	    version, domain, version);
	peer_say(&p, text);
	settle();
	is_int(noted(domain), 0, "%s: nothing before the commit", version);
	snprintf(text, sizeof(text),
	    "report|%s|1.1|smtp-out|tx-commit|b1|1d2c3b4a|431\n"
	    "report|%s|1.1|smtp-out|link-disconnect|b1\n",
	    version, version);
	peer_say(&p, text);
	settle();
	ok(noted(domain) >= before, "%s: then it is noted", version);
	is_int(noted("refused.test"), 0, "not for a refused recipient");
	is_int(noted(NULL), 0, "and nothing failed");
}

/* The domain of the last mail that went past the table, or "". */
static const char *
unprotected(void)
{
	static struct sts_unprotected u;
	struct sts_store *store;

	u.domain[0] = '\0';
	if (sts_store_open(&store, w.state, false) == STS_OK) {
		(void)sts_store_read_unprotected(store, &u);
		sts_store_close(store);
	}
	return u.domain;
}

static void
deliver_from(const char *sender, const char *address, const char *domain)
{
	char text[800];

	snprintf(text, sizeof(text),
	    "report|0.7|1.1|smtp-out|link-connect|e1|mx|pass|203.0.113.1:1|%s\n"
	    "report|0.7|1.1|smtp-out|protocol-client|e1|MAIL FROM:<%s>\n"
	    "report|0.7|1.1|smtp-out|tx-begin|e1|1d2c3b4a\n"
	    "report|0.7|1.1|smtp-out|tx-rcpt|e1|1d2c3b4a|ok|u@%s\n"
	    "report|0.7|1.1|smtp-out|tx-commit|e1|1d2c3b4a|431\n"
	    "report|0.7|1.1|smtp-out|link-disconnect|e1\n",
	    address, sender, domain);
	peer_say(&p, text);
	settle();
}

static void
deliver(const char *address, const char *domain)
{
	deliver_from("me@example.org", address, domain);
}

/* What some rule of smtpd.conf sent without asking for the host is noticed. */
static void
test_unprotected(void)
{
	struct sts_config config = {.state_dir = w.state};
	struct sts_delivery_log asked;
	struct stat st;

	sts_delivery_log_init(&asked, &config, STS_DELIVERY_LOG_ASKED, true);
	sts_delivery_log_note(&asked, "enforce.test");
	/* As the table makes it, whose user the filter's is. */
	ok(stat(w.state, &st) == 0 &&
		fchown(asked.file.fd, st.st_uid, st.st_gid) == 0,
	    "the table was asked for its host");
	deliver("192.0.2.1:25", "enforce.test");
	is_str(unprotected(), "",
	    "a domain that enforces, its host asked for: nothing to report");
	sts_delivery_log_remove(&asked);
	deliver("192.0.2.1:25", "none.test");
	is_str(unprotected(), "", "nor for one without a policy");
	deliver("127.0.0.1:10587", "enforce.test");
	is_str(unprotected(), "", "nor for what stays on this machine");
	deliver("192.0.2.1:25", "enforce.test");
	is_str(unprotected(), "enforce.test",
	    "a host that the table was not asked for: mail left unprotected");
}

/* TLS reports have a rule of their own. */
static void
test_own_reports(void)
{
	smtpd_world(&w, "organization X\ncontact tls@example.org\n");
	world_policy(
	    &w, "state", "enforce.test", smtpd_enforce("enforce.test"), 10, 10);
	smtpd_routes(&w, "enforce.test", 10);
	start(true);
	deliver_from("TLS@example.org", "192.0.2.1:25", "enforce.test");
	is_str(unprotected(), "", "a report of ours bypasses the table");
	deliver_from("tls@example.org", "192.0.2.1:25", "enforce.test");
	is_str(unprotected(), "", "so does the next one");
	deliver("192.0.2.1:25", "enforce.test");
	is_str(unprotected(), "enforce.test", "other mail does not");
	is_int(peer_end(&p), 0, "ends with its input");
	smtpd_remove(&w);
}

static void
test_failures(void)
{
	int64_t before = sts_delivery_log_now();

	/* A bad certificate: 6.8 reports link-tls before, 7.6 does not. */
	peer_say(&p,
	    "report|0.7|1.1|smtp-out|link-connect|c1|mx|pass|203.0.113.1:1|"
	    "192.0.2.2:25\n"
	    "report|0.7|1.1|smtp-out|link-greeting|c1|mx\n"
	    "report|0.7|1.1|smtp-out|link-disconnect|c1\n");
	ok(smtpd_wait_ran(&w, "probe mx2.enforce.test", 1, TAP_WAIT_MS),
	    "a session without a transaction: its host is probed");
	is_int(smtpd_ran(&w, "probe mx1.enforce.test"), 0, "and no other");
	is_int(noted(NULL), 0, "its address being known");
	peer_say(&p,
	    "report|0.6|1.1|smtp-out|link-connect|c2|mx|pass|203.0.113.1:1|"
	    "192.0.2.1:25\n"
	    "report|0.6|1.1|smtp-out|link-tls|c2|TLSv1.3:x:256\n"
	    "report|0.6|1.1|smtp-out|tx-begin|c2|1d2c3b4a\n"
	    "report|0.6|1.1|smtp-out|tx-rcpt|c2|1d2c3b4a|permfail|u@x.test\n"
	    "report|0.6|1.1|smtp-out|tx-rollback|c2|1d2c3b4a\n"
	    "report|0.6|1.1|smtp-out|link-disconnect|c2\n"
	    "report|0.7|1.1|smtp-out|link-connect|c3|mx|pass|203.0.113.1:1|"
	    "198.51.100.99:25\n"
	    "report|0.7|1.1|smtp-out|link-disconnect|c3\n");
	settle();
	poll(NULL, 0, 300);
	is_int(smtpd_ran(&w, "probe"), 1,
	    "a refused recipient and a foreign address cause none");
	/* TCP refused: this event alone. */
	peer_say(&p, "report|0.7|1.1|smtp-out|link-disconnect|c4\n");
	settle();
	ok(noted(NULL) >= before, "a connection that was refused is noted");
}

enum { SHARING = 3 };

/* Domains whose hosts share an address. */
static void
share_address(void)
{
	char domain[32];

	for (int i = 0; i < SHARING; i++) {
		struct sts_routes r = {
		    .recorded = time(NULL) - 10, .status = STS_OK, .count = 1};
		struct sts_route *route = &r.route[0];

		snprintf(domain, sizeof(domain), "enforce%d.test", i);
		strlcpy(r.domain, domain, sizeof(r.domain));
		snprintf(route->host, sizeof(route->host), "mx1.%s", domain);
		route->permitted = true;
		route->address_count = 1;
		strlcpy(route->address[0], "192.0.2.9", STS_ADDRESS_TEXT_MAX);
		world_policy(
		    &w, "state", domain, smtpd_enforce(domain), 10, 10);
		smtpd_write_routes(&w, &r);
	}
}

static const char failed_at_shared[] =
    "report|0.7|1.1|smtp-out|link-connect|d1|mx|pass|203.0.113.1:1|"
    "192.0.2.9:25\n"
    "report|0.7|1.1|smtp-out|link-disconnect|d1\n";

/* The resolver contacts an address once in ten minutes. */
static void
test_shared(void)
{
	smtpd_world(&w, "");
	share_address();
	start(true);
	peer_say(&p, failed_at_shared);
	ok(smtpd_wait_ran(&w, "probe mx1.enforce", 1, TAP_WAIT_MS),
	    "hosts share an address: a session there fails");
	poll(NULL, 0, 300);
	is_int(smtpd_ran(&w, "probe "), 1, "one of them is asked for");
	peer_say(&p, failed_at_shared);
	settle();
	poll(NULL, 0, 300);
	is_int(smtpd_ran(&w, "probe "), 1, "and none when the next one fails");
	is_int(peer_end(&p), 0, "ends with its input");
	smtpd_remove(&w);
}

/* The same with a clock that can be set. */

#define SHARED "192.0.2.9"

struct sts_worker {
	char asked[200]; /* the hosts, each with a space after it */
};

static struct sts_worker resolver;
static struct sts_filter filter = {.worker = &resolver};
static int64_t now_ms = 1000;
static bool refuses;

int64_t
fake_ms(void)
{
	return now_ms;
}

bool
fake_probe(struct sts_worker *worker, const char *host, const char *domain)
{
	(void)domain;
	if (refuses)
		return false;
	strlcat(worker->asked, host, sizeof(worker->asked));
	strlcat(worker->asked, " ", sizeof(worker->asked));
	return true;
}

/* Whom the filter has probed when a session at the address fails. */
static const char *
fails(const char *address)
{
	char endpoint[STS_ADDRESS_TEXT_MAX + 8];

	resolver.asked[0] = '\0';
	snprintf(endpoint, sizeof(endpoint), "%s:25", address);
	sts_relay_connect(&filter, 1, endpoint);
	sts_relay_end(&filter, 1);
	return resolver.asked;
}

/* Time enough for the resolver to contact an address again. */
static const char *
fails_later(void)
{
	now_ms += (STS_PROBE_AGAIN + 60) * 1000;
	return fails(SHARED);
}

static void
test_turns(void)
{
	learn_address(&filter, SHARED, "a.test", true);
	learn_address(&filter, SHARED, "b.test", true);
	learn_address(&filter, "192.0.2.10", "own.test", true);
	is_str(fails(SHARED), "a.test ", "the first that was learned, alone");
	is_str(fails(SHARED), "", "nobody at the next failure");
	is_str(fails("192.0.2.10"), "own.test ", "another address is another");
	now_ms += STS_PROBE_AGAIN * 1000 - 1;
	is_str(fails(SHARED), "", "nor within the resolver's time");
	learn_address(&filter, SHARED, "new.test", true);
	is_str(fails(SHARED), "", "nor a host that was learned meanwhile");
	now_ms += 60000;
	learn_address(&filter, SHARED, "b.test", true);
	is_str(fails(SHARED), "b.test ",
	    "then who waits longest, though learned again");
	is_str(fails_later(), "a.test ", "a new host overtakes nobody");
	now_ms++;
	learn_address(&filter, SHARED, "newer.test", true);
	is_str(fails_later(), "new.test ", "its turn comes");
	is_str(fails_later(), "b.test ", "failures in between moved no turn");
	is_str(fails_later(), "a.test ", "round and round");
	is_str(fails_later(), "newer.test ", "nobody is left out");
	refuses = true;
	is_str(fails_later(), "", "without a resolver nobody is asked for");
	refuses = false;
	is_str(fails(SHARED), "new.test ", "and nobody loses his turn by it");
	forget_addresses(&filter);
}

/* With "probe off" only a host beside which there is another. */
static void
test_turns_off(void)
{
	learn_address(&filter, SHARED, "only.test", false);
	is_str(fails(SHARED), "", "probe off: nobody");
	is_int(filter.walked_ms, 0, "but the address is known");
	learn_address(&filter, SHARED, "one-of-two.test", true);
	is_str(fails(SHARED), "one-of-two.test ",
	    "probe off: who has an alternative; the other takes no turn");
	is_str(fails(SHARED), "", "nobody at the next failure");
	is_str(fails_later(), "one-of-two.test ", "and the same one again");
	(void)fails("192.0.2.11");
	is_int(filter.walked_ms, now_ms,
	    "routes are read for an address that is not known");
	forget_addresses(&filter);
}

static void
test_file(void)
{
	char path[200];

	snprintf(path, sizeof(path), "%s/smtp-out", w.state);
	ok(access(path, F_OK) == 0, "outcomes are in the state directory");
	start(false);
	ok(access(path, F_OK) != 0,
	    "and go where smtpd tells nothing of outgoing sessions");
	is_int(peer_end(&p), 0, "ends with its input");
}

static void
age(const char *domain, int64_t seconds)
{
	world_policy(&w, "state", domain, smtpd_enforce(domain), seconds, 10);
}

static void
test_refresh(void)
{
	smtpd_world(&w,
	    "refresh-after 3600\nprefetch enforce-kept.test\n"
	    "prefetch none-kept.test\nprefetch Known.Test\n"
	    "prefetch fault-kept.test\nprefetch nohosts.test\n"
	    "prefetch still-old.test\nprefetch fault-old.test\n");
	world_none(&w, "state", "known.test", "", 10, 3600);
	world_policy(
	    &w, "state", "nohosts.test", smtpd_enforce("nohosts.test"), 10, 10);
	for (int i = 0; i < 2; i++) {
		static const char *const names[] = {
		    "still-old.test", "fault-old.test"};

		world_policy(
		    &w, "state", names[i], smtpd_enforce(names[i]), 3500, 3500);
	}
	age("young.test", 3500);
	age("old-still-mail.test", 3700);
	smtpd_routes(&w, "old-still-mail.test", 3600);
	age("old-fault-mail.test", 3700);
	smtpd_routes(&w, "old-fault-mail.test", 3800);
	age("old-enforce-mail.test", 3700);
	smtpd_routes(&w, "old-enforce-mail.test", 60);
	age("old-enforce-idle.test", 3700);
	for (int i = 0; i < 20; i++) {
		char domain[64];

		snprintf(domain, sizeof(domain), "old-slow30-%d.test", i);
		age(domain, 3700);
	}
	start(true);
	ok(smtpd_wait_ran(&w, "lookup enforce-kept.test", 1, TAP_WAIT_MS),
	    "a prefetch domain is looked up at start");
	ok(smtpd_wait_ran(&w, "routes enforce-kept.test", 1, TAP_WAIT_MS),
	    "and its hosts are found");
	ok(smtpd_wait_ran(&w, "lookup none-kept.test", 1, TAP_WAIT_MS),
	    "each of them");
	is_int(smtpd_ran(&w, "refresh-all"), 1, "a round begins at start");
	ok(smtpd_wait_ran(&w, "refresh old-slow30-", 20, TAP_WAIT_MS),
	    "policies past refresh-after are refreshed");
	poll(NULL, 0, 500);
	is_int(smtpd_ran(&w, "refresh "), 24, "each once, and no other");
	ok(smtpd_wait_ran(&w, "routes old-enforce-mail.test", 1, TAP_WAIT_MS),
	    "MX hosts older than the refreshed policy are found anew");
	is_int(smtpd_ran(&w, "routes old-"), 1,
	    "not those of a domain without mail, found after the policy was "
	    "fetched, or after a local fault");
	ok(smtpd_wait_ran(&w, "routes nohosts.test", 1, TAP_WAIT_MS),
	    "a prefetch domain whose policy is known: its hosts are found");
	is_int(
	    smtpd_ran(&w, "lookup nohosts.test"), 0, "without another lookup");
	ok(smtpd_wait_ran(&w, "routes still-old.test", 1, TAP_WAIT_MS),
	    "one whose lookup leaves it out of date: they are found as well");
	is_int(smtpd_ran(&w, "lookup still-old.test"), 1, "after one lookup");
	is_int(smtpd_ran(&w, "routes fault-old.test"), 0,
	    "not after a local fault");
	is_int(smtpd_ran(&w, "lookup known.test"), 0,
	    "what is known is not asked for");
	is_int(smtpd_ran(&w, "lookup fault-kept.test"), 1,
	    "nor is a failure repeated");
	is_int(smtpd_ran(&w, "routes none-kept.test"), 0,
	    "no hosts without a policy");
	is_int(smtpd_ran(&w, "serve"), 1, "all by one resolver");
	is_int(peer_end(&p), 0, "ends with its input");
	smtpd_remove(&w);
}

/* Ticks of processor time the filter has used. */
static long
ticks(void)
{
	char path[64];
	long user = 0, system_ = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)p.pid);
	if ((f = fopen(path, "r")) == NULL)
		return -1;
	if (fscanf(f,
		"%*d %*s %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld %ld",
		&user, &system_) != 2)
		user = -1;
	fclose(f);
	return user + system_;
}

static void
test_idle(void)
{
	long before;

	smtpd_world(&w, "");
	start(true);
	peer_say(&p,
	    "report|0.7|1.1|smtp-in|link-connect|1|n|pass|local|local"
	    "\nfilter|0.7|1.1|smtp-in|rcpt-to|1|1|u@none.test\n");
	is_str(
	    peer_line(&p, TAP_WAIT_MS), "filter-result|1|1|proceed", "at work");
	before = ticks();
	poll(NULL, 0, 1500);
	ok(ticks() - before <= 2, "idle: no processor time: %ld ticks",
	    ticks() - before);
	peer_say(&p, "filter|0.7|1.1|smtp-in|rcpt-to|1|2|u@hang.test\n");
	before = ticks();
	poll(NULL, 0, 1500);
	ok(ticks() - before <= 2, "nor while a recipient waits: %ld ticks",
	    ticks() - before);
	is_int(peer_end(&p), 0, "ends with its input");
	smtpd_remove(&w);
}

int
main(void)
{
	smtpd_world(&w, "");
	world_policy(
	    &w, "state", "enforce.test", smtpd_enforce("enforce.test"), 10, 10);
	smtpd_routes(&w, "enforce.test", 10);
	start(true);
	test_commit("0.6", "good68.test");
	test_commit("0.7", "good76.test");
	test_unprotected();
	test_failures();
	is_int(peer_end(&p), 0, "ends with its input");
	test_file();
	smtpd_remove(&w);
	test_own_reports();
	test_shared();
	test_turns();
	test_turns_off();
	test_refresh();
	test_idle();
	return tap_done();
}
