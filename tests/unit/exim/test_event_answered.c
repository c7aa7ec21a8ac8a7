/* SPDX-License-Identifier: ISC */
/*
 * Sessions are recorded under the policy that the router was answered, whatever
 * has become of the store meanwhile (RFC 8460 4.4), and under that of the store
 * where this process, or one that has forked it, has answered nothing.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "exim/answered.h"
#include "exim/event.h"
#include "exim/query.h"
#include "store/outcomes.h"
#include "tests/unit/lib/tap.h"
#include "tests/unit/lib/tap_world.h"

#define REPORTS                                                  \
	"organization Example\ncontact postmaster@example.net\n" \
	"log-level error\n"
#define RECORD  "v=TLSRPTv1; rua=mailto:r@example.org"
#define TESTING "version: STSv1\nmode: testing\nmax_age: 604800\n"
#define OLD     TESTING "mx: *.d.example\n"
#define NEW     TESTING "mx: mx.other.example\n"
#define BRIEF   "version: STSv1\nmode: testing\nmax_age: 60\nmx: *.d.example\n"

enum {
	OLD_AGE = 5000, /* seconds since the fetch of OLD, */
	NEW_AGE = 10    /* and of NEW */
};

static struct world world, other;

static unsigned char *
bytes(const char *text)
{
	return (unsigned char *)(uintptr_t)text;
}

static const char *
ask(const struct world *w, const char *domain)
{
	unsigned char *argv[] = {bytes(domain), bytes(w->conf)};
	unsigned char *yield = NULL;

	return mta_sts_query(&yield, 2, argv) == 0 ? (char *)yield : "not OK";
}

static void
raise_event(const struct world *w, const char *domain, const char *name,
    const char *data, bool up)
{
	char where[400];
	unsigned char *argv[] = {bytes(name), bytes(data), bytes(where),
	    bytes(up ? "c=TLS1.3 v=1 u=0" : "c=- v=0 u=0"), bytes(w->conf),
	    bytes(up ? "4102444800" : "-"), bytes(up ? "mx.d.example" : "-")};
	unsigned char *yield = NULL;

	snprintf(where, sizeof(where),
	    "d=%s h=mx.d.example a=192.0.2.1 s=192.0.2.2 m=testing", domain);
	if (mta_sts_event(&yield, 7, argv) != 0 || yield[0] != '\0')
		_exit(3);
}

static void
session(const struct world *w, const char *domain)
{
	raise_event(w, domain, "smtp:connect", "220 mx", false);
	raise_event(w, domain, "smtp:ehlo", "250-mx\n250 STARTTLS", false);
	raise_event(w, domain, "smtp:ehlo", "250 mx", true);
	raise_event(w, domain, "tcp:close", "", true);
}

/* In a process of its own. */
static void
in_child(void (*function)(void))
{
	int status = -1;
	pid_t pid;

	(void)fflush(stdout);
	if ((pid = fork()) == 0) {
		function();
		exit(0);
	}
	(void)waitpid(pid, &status, 0);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		ok(false, "a process failed: %d", status);
}

static void
become(unsigned id)
{
	if (geteuid() == 0 && (setgid(id) != 0 || setuid(id) != 0))
		_exit(4);
}

/* The transport's process is forked, and has another user where it was root. */
static void
transport(void)
{
	become(WORLD_USER);
	session(&world, "d.example");
}

struct seen {
	unsigned count;
	struct sts_outcome last;
};

static bool
on_outcome(void *arg, const struct sts_outcome *o)
{
	struct seen *s = arg;

	s->count++;
	s->last = *o;
	return true;
}

/* What was recorded since the last call. */
static struct seen
take(const struct world *w)
{
	struct seen seen = {0};
	struct sts_outcomes_reader reader = {on_outcome, NULL, &seen, 0};
	int64_t day = (int64_t)time(NULL) / STS_DAY;
	char path[200], text[STS_DAY_TEXT];
	struct sts_store *store;

	if (sts_store_open(&store, w->state, false) != STS_OK)
		return seen;
	for (int64_t d = day - 1; d <= day; d++) {
		(void)sts_outcomes_read(store, d, &reader);
		sts_outcomes_day_text(d, text);
		snprintf(path, sizeof(path), "%s/outcomes/%s", w->state, text);
		(void)unlink(path);
	}
	sts_store_close(store);
	return seen;
}

/* "TYPE RESULT AGE", where AGE is how old the policy is; "" for none. */
static const char *
taken(void)
{
	static char text[200];
	struct seen seen = take(&world);
	int64_t age = seen.last.time - seen.last.fetched;

	text[0] = '\0';
	if (seen.count == 0)
		return text;
	snprintf(text, sizeof(text), "%s%s %s %s",
	    seen.count > 1 ? "twice: " : "",
	    sts_policy_type_name(seen.last.type),
	    seen.last.result == STS_RESULT_NONE
		? "success"
		: sts_result_name(seen.last.result),
	    seen.last.fetched == 0                ? "none"
		: age >= OLD_AGE                  ? "old"
		: age >= NEW_AGE && age < OLD_AGE ? "new"
						  : "now");
	return text;
}

static void
write_policy(const char *body, int64_t ago)
{
	world_policy(&world, "state", "d.example", body, ago, 1);
	world_tlsrpt(&world, "state", "d.example", RECORD);
}

static void
replace_after_answer(void)
{
	(void)ask(&world, "d.example");
	write_policy(NEW, NEW_AGE);
	in_child(transport);
}

static void
replace_without_answer(void)
{
	write_policy(NEW, NEW_AGE);
	in_child(transport);
}

static void
replace_and_answer_again(void)
{
	(void)ask(&world, "d.example");
	write_policy(NEW, NEW_AGE);
	(void)ask(&world, "d.example");
	in_child(transport);
}

static void
test_replaced(void)
{
	write_policy(OLD, OLD_AGE);
	in_child(replace_after_answer);
	is_str(taken(), "sts success old",
	    "a policy that is replaced after the answer is the one applied");
	write_policy(OLD, OLD_AGE);
	in_child(replace_without_answer);
	is_str(taken(), "sts validation-failure new",
	    "without an answer it is the store's");
	write_policy(OLD, OLD_AGE);
	in_child(replace_and_answer_again);
	is_str(taken(), "sts validation-failure new",
	    "after two answers it is that of the second");
}

static void
drop_record_after_answer(void)
{
	(void)ask(&world, "d.example");
	world_tlsrpt(&world, "state", "d.example", "");
	in_child(transport);
}

static void
drop_record_and_answer_again(void)
{
	(void)ask(&world, "d.example");
	world_tlsrpt(&world, "state", "d.example", "");
	(void)ask(&world, "d.example");
	in_child(transport);
}

static void
test_record(void)
{
	write_policy(OLD, OLD_AGE);
	in_child(drop_record_after_answer);
	is_str(taken(), "sts success old",
	    "a session counts if the answer said rpt=1");
	write_policy(OLD, OLD_AGE);
	in_child(drop_record_and_answer_again);
	is_str(taken(), "", "and does not if the last one did not");
}

static void
session_elsewhere(void)
{
	become(WORLD_USER);
	session(&world, "n.example");
}

static void
answer_another_domain(void)
{
	(void)ask(&world, "d.example");
	in_child(session_elsewhere);
}

static void
answer_with_other_configuration(void)
{
	(void)ask(&other, "d.example");
	write_policy(NEW, NEW_AGE);
	in_child(transport);
}

static void
transport_other(void)
{
	become(WORLD_USER);
	session(&other, "d.example");
}

static void
record_with_other_configuration(void)
{
	(void)ask(&world, "d.example");
	in_child(transport_other);
}

static void
test_others(void)
{
	struct seen seen;

	write_policy(OLD, OLD_AGE);
	in_child(answer_another_domain);
	is_str(taken(), "no-policy-found success none",
	    "another domain of the message has a policy of its own");
	in_child(answer_with_other_configuration);
	is_str(taken(), "sts validation-failure new",
	    "an answer under another configuration is not this one's");
	seen = take(&other);
	is_int(seen.count, 0, "nor is its store");
	in_child(record_with_other_configuration);
	seen = take(&other);
	is_str(taken(), "", "a session under another configuration");
	is_int(seen.count, 1, "is in the store that it names");
}

/* d.example first, and then as many others as there is room for. */
static void
answer_many(void)
{
	char domain[40];

	(void)ask(&world, "d.example");
	for (int i = 0; i < STS_ANSWERED_MAX; i++) {
		snprintf(domain, sizeof(domain), "many%d.example", i);
		(void)ask(&world, domain);
	}
	write_policy(NEW, NEW_AGE);
	in_child(transport);
}

/* d.example is asked for again in between. */
static void
answer_many_and_again(void)
{
	char domain[40];

	for (int i = 0; i < 2 * STS_ANSWERED_MAX; i++) {
		snprintf(domain, sizeof(domain), "many%d.example",
		    i % STS_ANSWERED_MAX);
		(void)ask(&world, domain);
		(void)ask(&world, "d.example");
	}
	write_policy(NEW, NEW_AGE);
	in_child(transport);
}

static void
test_many(void)
{
	char domain[40];

	for (int i = 0; i < STS_ANSWERED_MAX; i++) {
		snprintf(domain, sizeof(domain), "many%d.example", i);
		world_policy(&world, "state", domain, OLD, OLD_AGE, 1);
		world_tlsrpt(&world, "state", domain, RECORD);
	}
	write_policy(OLD, OLD_AGE);
	in_child(answer_many);
	is_str(taken(), "sts validation-failure new",
	    "the answer before the last %d is read from the store",
	    STS_ANSWERED_MAX);
	write_policy(OLD, OLD_AGE);
	in_child(answer_many_and_again);
	is_str(taken(), "sts success old", "one of the last %d is not",
	    STS_ANSWERED_MAX);
}

static void
expire_after_answer(void)
{
	(void)ask(&world, "d.example");
	(void)sleep(4);
	in_child(transport);
}

static void
test_expired(void)
{
	struct seen seen;

	write_policy(BRIEF, 57);
	in_child(expire_after_answer);
	seen = take(&world);
	is_int(seen.count, 1, "a session after its policy has expired");
	is_str(sts_policy_type_name(seen.last.type), "sts",
	    "is one under the policy that was applied");
}

static void
answer_after_sessions(void)
{
	(void)ask(&world, "d.example");
	if (geteuid() != 0)
		session(&world, "d.example");
	write_policy("version: STSv1\nmode: enforce\nmax_age: 604800\n"
		     "mx: mx.other.example\n",
	    NEW_AGE);
	is_str(ask(&world, "d.example"),
	    "mode=enforce rpt=1 ign=!^(mx[.]other[.]example)$:*",
	    "an answer is the store's, never the one before");
}

static void
transport_as_root(void)
{
	session(&world, "d.example");
}

static void
transport_of_another(void)
{
	become(WORLD_USER - 1);
	session(&world, "d.example");
}

static void
answer_and_stay_root(void)
{
	(void)ask(&world, "d.example");
	write_policy(NEW, NEW_AGE);
	in_child(transport_as_root);
}

static void
answer_and_become_another(void)
{
	(void)ask(&world, "d.example");
	in_child(transport_of_another);
}

static void
test_users(void)
{
	char path[200];
	struct stat st;

	if (geteuid() != 0) {
		tap_skip("other users", "needs root");
		return;
	}
	write_policy(OLD, OLD_AGE);
	in_child(answer_and_stay_root);
	is_str(taken(), "sts success old", "root has the owner append");
	snprintf(path, sizeof(path), "%s/outcomes", world.state);
	ok(stat(path, &st) == 0 && st.st_uid == WORLD_USER,
	    "whose the directory is");
	/* Even if the directory's mode allows it. */
	(void)chmod(path, 01777);
	in_child(answer_and_become_another);
	is_str(taken(), "", "a user who is not the owner appends nothing");
	is_int(rmdir(path), 0, "and leaves no file");
}

static void
lose_store(void)
{
	char away[100];

	(void)ask(&world, "d.example");
	snprintf(away, sizeof(away), "%s.away", world.state);
	(void)rename(world.state, away);
	in_child(transport);
	(void)rename(away, world.state);
}

int
main(void)
{
	world_make(&world, "", REPORTS);
	world_make(&other, "", REPORTS);
	world_none(&world, "state", "n.example", "", 1, 3600);
	world_tlsrpt(&world, "state", "n.example", RECORD);
	world_policy(&other, "state", "d.example", OLD, OLD_AGE, 1);
	world_tlsrpt(&other, "state", "d.example", RECORD);
	test_replaced();
	test_record();
	test_others();
	test_many();
	test_expired();
	test_users();
	(void)taken();
	write_policy(OLD, OLD_AGE);
	in_child(lose_store);
	is_str(taken(), "", "a state directory that is gone is no fault");
	answer_after_sessions();
	world_remove(&world);
	world_remove(&other);
	return tap_done();
}
