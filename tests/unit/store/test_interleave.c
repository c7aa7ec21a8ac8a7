/* SPDX-License-Identifier: ISC */
/*
 * Two and three processes at one domain of one store, in all orders of their
 * steps with few changes from one to another, and in random orders beyond
 * that.  Whatever the order: a policy is never replaced by an older one, only
 * what was judged is removed, and mail is never answered "no policy" where a
 * policy was in force since it asked.
 *
 * STS_RACES: "full" for more of both (make test-races).
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "store/file.h"
#include "store/store.h"
#include "tests/unit/lib/race_world.h"
#include "tests/unit/lib/tap.h"

enum { PARTS = 3, STEPS_MAX = 400, FAULTS_MAX = 3 };

enum known {
	KNOWN_NOTHING,
	KNOWN_LIVE,
	KNOWN_DUE,
	KNOWN_EXPIRED,
	KNOWN_DAMAGED,
	KNOWN_MODE_NONE,
	KNOWN_NO_RECORD, /* "no policy", still valid, and expired */
	KNOWN_FAILED     /* a fetch that failed, still backed off */
};

struct scenario {
	const char *name;
	enum known known;
	struct race_part parts[PARTS];
};

static const struct scenario scenarios[] = {
    {"two mails, one lock", KNOWN_NOTHING,
	{PATIENT(ROLE_MAIL, "2"), PATIENT(ROLE_MAIL, "2")}},
    {"two mails fetch", KNOWN_NOTHING,
	{POLICY(ROLE_MAIL, "2"), POLICY(ROLE_MAIL, "2")}},
    {"one mail fetches, one finds no record", KNOWN_NOTHING,
	{POLICY(ROLE_MAIL, "2"), NO_RECORD(ROLE_MAIL)}},
    {"one mail fetches, one fetch fails", KNOWN_NOTHING,
	{POLICY(ROLE_MAIL, "2"), FAILS(ROLE_MAIL, "2")}},
    {"one mail fetches, one finds the DNS in trouble", KNOWN_NOTHING,
	{POLICY(ROLE_MAIL, "2"), TROUBLE(ROLE_MAIL)}},
    {"a fetch and a reader", KNOWN_NOTHING,
	{POLICY(ROLE_MAIL, "2"), POLICY(ROLE_READER, "")}},
    {"a policy comes beside \"no record\", and a reader", KNOWN_NO_RECORD,
	{POLICY(ROLE_FORCE, "2"), POLICY(ROLE_READER, "")}},
    {"a policy comes beside \"no record\", and a mail", KNOWN_NO_RECORD,
	{POLICY(ROLE_FORCE, "2"), POLICY(ROLE_MAIL, "2")}},
    {"a failed fetch is tried with a new id", KNOWN_FAILED,
	{POLICY(ROLE_MAIL, "2"), FAILS(ROLE_MAIL, "1")}},
    {"a new id, twice", KNOWN_LIVE,
	{POLICY(ROLE_MAIL, "2"), POLICY(ROLE_MAIL, "3")}},
    {"a new id whose fetch fails once", KNOWN_LIVE,
	{POLICY(ROLE_MAIL, "2"), FAILS(ROLE_MAIL, "2")}},
    {"a policy is confirmed as another comes", KNOWN_LIVE,
	{POLICY(ROLE_MAIL, "1"), POLICY(ROLE_FORCE, "2")}},
    {"a policy whose record goes away", KNOWN_LIVE,
	{NO_RECORD(ROLE_MAIL), POLICY(ROLE_FORCE, "1")}},
    {"a refetch and a refresh", KNOWN_DUE,
	{POLICY(ROLE_REFETCH, "1"), POLICY(ROLE_REFRESH, "1")}},
    {"a slow refresh and a mail", KNOWN_DUE,
	{POLICY(ROLE_REFRESH, "1"), POLICY(ROLE_MAIL, "2")}},
    {"a failing refresh and a forced one", KNOWN_DUE,
	{FAILS(ROLE_REFRESH, "1"), POLICY(ROLE_FORCE, "1")}},
    {"after a delivery, and the timer", KNOWN_DUE,
	{POLICY(ROLE_AFTER, "1"), POLICY(ROLE_REFRESH, "1")}},
    {"a dropped policy and a mail", KNOWN_LIVE,
	{POLICY(ROLE_DROP, ""), POLICY(ROLE_MAIL, "2")}},
    {"an expired policy, two mails", KNOWN_EXPIRED,
	{POLICY(ROLE_MAIL, "1"), FAILS(ROLE_MAIL, "1")}},
    {"an expired policy, a mail and a refresh", KNOWN_EXPIRED,
	{POLICY(ROLE_MAIL, "1"), FAILS(ROLE_REFRESH, "1")}},
    {"an expired policy goes as a mail fetches it", KNOWN_EXPIRED,
	{POLICY(ROLE_TRIM, ""), POLICY(ROLE_MAIL, "1")}},
    {"a damaged file, two mails", KNOWN_DAMAGED,
	{POLICY(ROLE_MAIL, "2"), POLICY(ROLE_MAIL, "2")}},
    {"a damaged file, no record", KNOWN_DAMAGED,
	{POLICY(ROLE_MAIL, "2"), NO_RECORD(ROLE_MAIL)}},
    {"mode none is withdrawn as a policy comes", KNOWN_MODE_NONE,
	{NO_RECORD(ROLE_FORCE), POLICY(ROLE_MAIL, "2")}},
    {"mode none goes as a policy comes", KNOWN_MODE_NONE,
	{POLICY(ROLE_TRIM, ""), POLICY(ROLE_MAIL, "2")}},
    {"mode none comes as a policy comes", KNOWN_LIVE,
	{MODE_NONE(ROLE_MAIL, "2"), POLICY(ROLE_MAIL, "3")}},
    {"three mails", KNOWN_NOTHING,
	{POLICY(ROLE_MAIL, "2"), POLICY(ROLE_MAIL, "2"),
	    POLICY(ROLE_MAIL, "2")}},
    {"three mails, one lock", KNOWN_NOTHING,
	{PATIENT(ROLE_MAIL, "2"), PATIENT(ROLE_MAIL, "2"),
	    PATIENT(ROLE_MAIL, "2")}},
    {"a fetch, no record, a reader", KNOWN_NOTHING,
	{POLICY(ROLE_MAIL, "2"), NO_RECORD(ROLE_MAIL),
	    POLICY(ROLE_READER, "")}},
    {"a fetch, a failed fetch, DNS in trouble", KNOWN_NOTHING,
	{POLICY(ROLE_MAIL, "2"), FAILS(ROLE_MAIL, "2"), TROUBLE(ROLE_MAIL)}},
    {"refresh, refetch, mail", KNOWN_DUE,
	{POLICY(ROLE_REFRESH, "1"), POLICY(ROLE_REFETCH, "1"),
	    POLICY(ROLE_MAIL, "2")}},
    {"expired: mail, bound, reader", KNOWN_EXPIRED,
	{POLICY(ROLE_MAIL, "1"), POLICY(ROLE_TRIM, ""),
	    POLICY(ROLE_READER, "")}},
    {"expired: mail, refresh, failing mail", KNOWN_EXPIRED,
	{POLICY(ROLE_MAIL, "1"), POLICY(ROLE_REFRESH, "1"),
	    FAILS(ROLE_MAIL, "1")}},
    {"withdrawn: force, mail, mail", KNOWN_MODE_NONE,
	{NO_RECORD(ROLE_FORCE), POLICY(ROLE_MAIL, "2"),
	    POLICY(ROLE_MAIL, "2")}},
};

/* Which process goes on at each point where one has to be chosen. */
struct choice {
	unsigned char index, count;
	bool stays; /* index 0 is the one that ran before */
};

static struct choice choices[STEPS_MAX];
static size_t choice_count, prefix; /* the first `prefix` are given */
static uint64_t random_state;       /* 0: not random */

static char dir[] = "/tmp/mta-sts-interleave.XXXXXX";
static struct sts_store *store;
static struct race_process processes[PARTS];
static unsigned long faults;

/* The policy at a moment. */
struct stamp {
	bool there, live, enforce, damaged;
	int64_t fetched, fetched_us;
};

/* One schedule under way. */
static struct {
	const struct scenario *s;
	struct race_message at[PARTS];
	size_t began[PARTS], read[PARTS]; /* steps; 0: not yet */
	size_t blocked[PARTS];            /* `moved` when it blocked */
	size_t steps, moved;
	struct stamp first, now;
	bool live[STEPS_MAX + 1];
} run;

static void
fault(const char *what, size_t part)
{
	char order[STEPS_MAX + 1];

	if (faults++ >= FAULTS_MAX)
		return;
	for (size_t i = 0; i < choice_count; i++)
		order[i] = (char)('0' + choices[i].index);
	order[choice_count] = '\0';
	tap_diag(
	    "%s: part %zu: %s; choices %s", run.s->name, part + 1, what, order);
}

static struct stamp
look(void)
{
	struct stamp s = {0};
	struct sts_entry e;
	enum sts_status status =
	    sts_store_read_policy(store, race_domain, race_clock->seconds, &e);

	s.damaged = status != STS_OK && status != STS_NOT_FOUND;
	if (status != STS_OK)
		return s;
	s.there = true;
	s.live = sts_entry_is_live(&e, race_clock->seconds);
	s.enforce = e.policy.mode == STS_MODE_ENFORCE;
	s.fetched = e.stored;
	s.fetched_us = e.fetched_us;
	sts_entry_free(&e);
	return s;
}

static bool
is_older(const struct stamp *a, const struct stamp *b)
{
	return a->fetched != b->fetched ? a->fetched < b->fetched
					: a->fetched_us < b->fetched_us;
}

/* Puts a policy of age `ago` there. */
static void
put_policy(const char *domain, const char *mode, int64_t ago, int64_t life)
{
	char body[200];
	struct sts_policy policy;
	struct sts_entry e;
	bool replaced;

	snprintf(body, sizeof(body),
	    "version: STSv1\nmode: %s\nmx: mx.race.test\nmax_age: %lld\n", mode,
	    (long long)life);
	if (sts_policy_parse(&policy, body, strlen(body), NULL, NULL) !=
		STS_OK ||
	    sts_entry_make(&e, domain, "1", &policy, race_clock->seconds - ago,
		0, 300) != STS_OK)
		return;
	(void)sts_store_write_policy(store, &e, race_clock->seconds, &replaced);
	sts_entry_free(&e);
}

static void
damage(void)
{
	char path[300];
	int fd;

	snprintf(path, sizeof(path), "%s/policies/%02x/%s", dir,
	    sts_file_bucket(race_domain), race_domain);
	fd = open(path, O_WRONLY | O_TRUNC);
	if (fd >= 0)
		close(fd);
}

static void
put_none(enum sts_status reason)
{
	int64_t now = race_clock->seconds;
	struct sts_check c = {.checked = now - 10,
	    .next_check = now + 200,
	    .reason = reason,
	    .until = now + 200};

	memcpy(c.domain, race_domain, strlen(race_domain) + 1);
	if (reason == STS_FETCH_CONNECT) {
		memcpy(c.failed_id, "1", 2);
		c.failed_reason = reason;
		c.failed_since = now - 10;
		c.failed_next = now + 290;
		c.failures = 1;
	}
	(void)sts_store_write_check(store, &c);
}

static void
arrange(enum known known)
{
	race_clock->microseconds = 1000;
	(void)sts_store_drop(store, race_domain);
	put_policy(race_neighbour, "enforce", 100, 604800);
	switch (known) {
	case KNOWN_NOTHING:
		break;
	case KNOWN_LIVE:
		put_policy(race_domain, "enforce", 1000, 604800);
		break;
	case KNOWN_DUE:
		put_policy(race_domain, "enforce", 90000, 604800);
		break;
	case KNOWN_EXPIRED:
		put_policy(race_domain, "enforce", 90000, 86400);
		break;
	case KNOWN_DAMAGED:
		put_policy(race_domain, "enforce", 1000, 604800);
		damage();
		break;
	case KNOWN_MODE_NONE:
		put_policy(race_domain, "none", 90000, 604800);
		break;
	case KNOWN_NO_RECORD:
		put_policy(race_domain, "enforce", 90000, 86400);
		put_none(STS_NO_RECORD);
		break;
	case KNOWN_FAILED:
		put_none(STS_FETCH_CONNECT);
		break;
	}
}

/* Only what was there at first may be judged, and a policy in force never. */
static bool
may_remove(enum race_role role, const struct stamp *was)
{
	if (role == ROLE_DROP)
		return true;
	return !is_older(&run.first, was) && !(was->live && was->enforce);
}

static void
check_step(size_t part)
{
	struct stamp was = run.now;

	run.now = look();
	if (run.now.damaged && !run.first.damaged)
		fault("a damaged policy file", part);
	if (was.there && run.now.there && is_older(&run.now, &was))
		fault("an older policy over a newer one", part);
	if (was.there && !run.now.there &&
	    !may_remove(run.s->parts[part].role, &was))
		fault("a policy went that was not judged", part);
	run.live[run.steps] = run.now.live && run.now.enforce;
}

static bool
drops(void)
{
	for (size_t i = 0; i < PARTS; i++) {
		if (run.s->parts[i].role == ROLE_DROP)
			return true;
	}
	return false;
}

/* From the state before its first step to that before its last reading. */
static void
check_answer(size_t part)
{
	const struct race_message *m = &run.at[part];
	enum race_role role = run.s->parts[part].role;

	if (role != ROLE_MAIL && role != ROLE_READER)
		return;
	if (m->has_entry || m->verdict != STS_VERDICT_NONE)
		return;
	if (run.first.damaged && run.now.damaged)
		fault("\"no policy\" beside a damaged file", part);
	for (size_t i = run.began[part]; i <= run.read[part] && !drops(); i++) {
		if (i > 0 && run.live[i - 1]) {
			fault("\"no policy\" where one was in force", part);
			return;
		}
	}
}

static bool
is_waiting(enum race_step step)
{
	return step == STEP_BLOCKED || step == STEP_WAITS;
}

static bool
may_go(size_t i)
{
	if (run.at[i].step == STEP_DONE)
		return false;
	if (!is_waiting(run.at[i].step))
		return true;
	/* Nothing has changed since it found the lock taken. */
	return run.blocked[i] != run.moved ||
	    (run.at[i].step == STEP_BLOCKED && run.s->parts[i].impatient);
}

/* Those that may go on, the one that ran before at first. */
static size_t
list_ready(size_t last, size_t ready[PARTS])
{
	size_t count = 0;

	if (last < PARTS && may_go(last))
		ready[count++] = last;
	for (size_t i = 0; i < PARTS; i++) {
		if (i != last && may_go(i))
			ready[count++] = i;
	}
	return count;
}

static size_t
random_below(size_t limit)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (size_t)(random_state % limit);
}

static size_t
choose(size_t count, bool stays)
{
	struct choice *c = &choices[choice_count];

	if (choice_count++ >= prefix) {
		c->index = 0;
		if (random_state != 0 && random_below(3) == 0)
			c->index = (unsigned char)random_below(count);
	}
	c->count = (unsigned char)count;
	c->stays = stays;
	return c->index;
}

static bool
step(size_t i)
{
	enum race_step taken = run.at[i].step;

	run.steps++;
	if (run.began[i] == 0)
		run.began[i] = run.steps;
	if (taken == STEP_POLICY_READ || taken == STEP_CHECK_READ)
		run.read[i] = run.steps;
	if (!race_go(&processes[i], &run.at[i]))
		return false;
	if (!is_waiting(taken) && taken != STEP_LOCK)
		run.moved++;
	if (is_waiting(run.at[i].step))
		run.blocked[i] = run.moved;
	check_step(i);
	if (run.at[i].step == STEP_DONE)
		check_answer(i);
	return true;
}

static bool
begin(const struct scenario *s)
{
	memset(&run, 0, sizeof(run));
	run.s = s;
	choice_count = 0;
	arrange(s->known);
	run.first = run.now = look();
	run.live[0] = run.now.live && run.now.enforce;
	for (size_t i = 0; i < PARTS; i++) {
		if (!race_give(&processes[i], &s->parts[i], &run.at[i]))
			return false;
	}
	return true;
}

/*
 * The policy that mail got is marked as used, where no other process wrote its
 * check at the same moment: eviction goes by that.
 */
static void
check_used(void)
{
	struct sts_check check;

	for (size_t i = 0; i < PARTS; i++) {
		const struct race_part *p = &run.s->parts[i];

		if (p->role != ROLE_NONE &&
		    (p->role != ROLE_MAIL || p->impatient))
			return;
	}
	if (sts_store_read_check(
		store, race_domain, race_clock->seconds, &check) != STS_OK ||
	    check.used == 0 || check.used_days != 1)
		fault("its last use is not marked", 0);
}

/* All parts of a scenario, in the order that `choices` begins with. */
static bool
play_schedule(const struct scenario *s)
{
	size_t ready[PARTS], count, last = PARTS;

	if (!begin(s))
		return false;
	while ((count = list_ready(last, ready)) > 0) {
		if (run.steps == STEPS_MAX || choice_count == STEPS_MAX) {
			fault("no end", last);
			return false;
		}
		last = ready[count == 1
			? 0
			: choose(count, last < PARTS && ready[0] == last)];
		if (!step(last))
			return false;
	}
	for (size_t i = 0; i < PARTS; i++) {
		if (run.at[i].step == STEP_DONE)
			continue;
		fault("waits for ever", i);
		return false;
	}
	check_used();
	return true;
}

/* The next order, in depth, with at most `bound` changes; false: no more. */
static bool
next_schedule(size_t bound)
{
	size_t cost[STEPS_MAX + 1] = {0};

	for (size_t i = 0; i < choice_count; i++)
		cost[i + 1] = cost[i] +
		    (choices[i].stays && choices[i].index > 0 ? 1 : 0);
	for (size_t i = choice_count; i-- > 0;) {
		struct choice *c = &choices[i];

		if (c->index + 1 >= c->count ||
		    cost[i] + (c->stays ? 1 : 0) > bound)
			continue;
		c->index++;
		prefix = i + 1;
		return true;
	}
	return false;
}

static bool
play_all(const struct scenario *s, size_t bound, size_t random,
    unsigned long *schedules)
{
	random_state = 0;
	prefix = 0;
	do {
		if (!play_schedule(s))
			return false;
		++*schedules;
	} while (next_schedule(bound));
	prefix = 0;
	random_state = 88172645463325252u;
	for (size_t i = 0; i < random; i++, ++*schedules) {
		if (!play_schedule(s))
			return false;
	}
	return true;
}

static void
test_scenarios(bool full)
{
	unsigned long all = 0;

	for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
		const struct scenario *s = &scenarios[i];
		bool three = s->parts[2].role != ROLE_NONE;
		unsigned long schedules = 0;
		/* Few steps, and a fault that needs two changes. */
		size_t few = s->known == KNOWN_NO_RECORD ? 2 : 1;
		size_t bound = full ? (three ? 2 : 3) : few;
		bool played;

		faults = 0;
		played = play_all(s, bound, full ? 2000 : 10, &schedules);
		ok(played && faults == 0, "%s: %lu orders", s->name, schedules);
		all += schedules;
		if (!played)
			break;
	}
	ok(all >= 2000, "%lu schedules", all);
}

int
main(void)
{
	const char *races = getenv("STS_RACES");
	char command[100];

	if (!tap_own_directory(dir) || !race_prepare(dir)) {
		printf("Bail out! no state directory\n");
		return 1;
	}
	for (size_t i = 0; i < PARTS; i++) {
		if (!race_start(&processes[i])) {
			printf("Bail out! no processes\n");
			return 1;
		}
	}
	if (sts_store_open(&store, dir, true) != STS_OK)
		return 1;
	test_scenarios(races != NULL && strcmp(races, "full") == 0);
	sts_store_close(store);
	for (size_t i = PARTS; i-- > 0;)
		race_end(&processes[i]);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command) == 0 ? tap_done() : 1;
}
