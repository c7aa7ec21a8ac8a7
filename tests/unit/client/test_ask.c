/* SPDX-License-Identifier: ISC */
/* What a delivery is told, whatever the store holds and the resolver does. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child.h"
#include "client/ask.h"
#include "tests/unit/lib/tap.h"
#include "tests/unit/lib/tap_world.h"

#define ENFORCE                                                         \
	"version: STSv1\nmode: enforce\nmx: mx.good.example\nmax_age: " \
	"604800\n"
#define TESTING                                                         \
	"version: STSv1\nmode: testing\nmx: mx.good.example\nmax_age: " \
	"604800\n"
#define MODE_NONE "version: STSv1\nmode: none\nmax_age: 604800\n"

enum { DAY = 86400 };

/* Less than a lookup's limits, 40 s, or what hangs. */
enum { LONG_MS = 30000 };

/* Limits that are waited for. */
#define SHORT "dns-timeout 1\nfetch-timeout 1\n"

/* What the store holds of good.example. */
enum held {
	NOTHING,
	FRESH,     /* enforce, just checked */
	UNCHECKED, /* enforce, unexpired, checked an hour ago */
	UNCHECKED_TESTING,
	UNCHECKED_NONE,
	EXPIRED,      /* enforce */
	FRESH_NONE,   /* no record */
	FAILED_NONE,  /* a fetch that failed, still held back */
	EXPIRED_NONE, /* no record, two hours ago */
	CORRUPT,      /* a damaged enforce policy */
	CORRUPT_AND_NONE,
	CORRUPT_NONE,
	EXPIRED_AND_NONE,
	UNCHECKED_AND_NONE,
	DUE,        /* enforce, past refresh-after, unchecked */
	FUTURE,     /* enforce, fetched tomorrow */
	FUTURE_NONE /* no record, looked up tomorrow */
};

/* What the resolver finds, where the fake is one that stores. */
enum found { FINDS_NOTHING, FINDS_POLICY, FINDS_NONE };

struct scenario {
	const char *behaviour;
	const char *fake;
	enum held held;
	enum found found;
	const char *lines; /* of configuration */
	enum sts_verdict verdict;
	enum sts_status why;
	unsigned runs;    /* of the resolver */
	int64_t slow_ms;  /* spent before */
	int64_t least_ms; /* it takes at least, */
	int64_t most_ms;  /* and at most; 0: 4 s */
};

#define DELIVER "on-local-error deliver\n"
#define N       STS_VERDICT_NONE
#define T       STS_VERDICT_TESTING
#define E       STS_VERDICT_ENFORCE
#define D       STS_VERDICT_DEFER

/* clang-format off */
static const struct scenario scenarios[] = {
    /* answered from the store */
    {"a fresh policy", "crashes", FRESH, 0, "", E, STS_OK, 0, 0, 0, 0},
    {"a fresh negative entry", "crashes", FRESH_NONE, 0, "",
	N, STS_NO_RECORD, 0, 0, 0, 0},
    {"a fresh negative entry beside an expired policy", "crashes",
	EXPIRED_AND_NONE, 0, "", N, STS_NO_RECORD, 0, 0, 0, 0},

    /* answered by the resolver */
    {"nothing known, a policy is found", "stores", NOTHING, FINDS_POLICY, "",
	E, STS_OK, 1, 0, 0, 0},
    {"nothing known, no policy is found", "stores", NOTHING, FINDS_NONE, "",
	N, STS_NO_RECORD, 1, 0, 0, 0},
    {"an unchecked policy is confirmed", "stores", UNCHECKED, FINDS_POLICY, "",
	E, STS_OK, 1, 0, 0, 0},
    {"an unchecked policy stays in force without being stored anew", "ok",
	UNCHECKED, 0, "", E, STS_OK, 1, 0, 0, 0},
    {"a negative entry never beats an unexpired policy", "ok",
	UNCHECKED_AND_NONE, 0, "", E, STS_OK, 1, 0, 0, 0},
    {"an expired policy is gone", "stores", EXPIRED, FINDS_NONE, "",
	N, STS_NO_RECORD, 1, 0, 0, 0},
    {"an expired policy is found again", "stores", EXPIRED, FINDS_POLICY, "",
	E, STS_OK, 1, 0, 0, 0},
    {"a negative entry that ran out", "stores", EXPIRED_NONE, FINDS_POLICY, "",
	E, STS_OK, 1, 0, 0, 0},
    {"a negative entry after a failed fetch is asked about", "stores",
	FAILED_NONE, FINDS_POLICY, "", E, STS_OK, 1, 0, 0, 0},
    {"and holds where the resolver leaves it", "ok", FAILED_NONE, 0, "",
	N, STS_FETCH_CONNECT, 1, 0, 0, 0},
    {"times in the future are asked about", "stores", FUTURE, FINDS_POLICY, "",
	E, STS_OK, 1, 0, 0, 0},
    {"a damaged negative entry is a miss", "stores", CORRUPT_NONE, FINDS_POLICY,
	"", E, STS_OK, 1, 0, 0, 0},
    {"a corrupt policy is fixed by a fetch", "stores", CORRUPT, FINDS_POLICY,
	"", E, STS_OK, 1, 0, 0, 0},
    {"mode none is no policy", "ok", UNCHECKED_NONE, 0, "",
	N, STS_OK, 1, 0, 0, 0},
    {"mode testing", "ok", UNCHECKED_TESTING, 0, "", T, STS_OK, 1, 0, 0, 0},
    {"two lines: the first is the answer", "two_lines", NOTHING, FINDS_POLICY,
	"", E, STS_OK, 1, 0, 0, 0},
    {"a resolver that lingers is killed a second later", "lingers", NOTHING,
	FINDS_POLICY, "", E, STS_OK, 1, 0, 900, LONG_MS},

    /* a corrupt policy is never "no policy" */
    {"a corrupt policy that is not fixed", "ok", CORRUPT, 0, "",
	D, STS_ENTRY_CORRUPT, 1, 0, 0, 0},
    {"a corrupt policy, and a negative entry is recorded", "stores", CORRUPT,
	FINDS_NONE, "", D, STS_ENTRY_CORRUPT, 1, 0, 0, 0},
    {"a corrupt policy beside a negative entry", "ok", CORRUPT_AND_NONE, 0, "",
	D, STS_ENTRY_CORRUPT, 1, 0, 0, 0},
    {"a corrupt policy, no resolver", "", CORRUPT_AND_NONE, 0, "",
	D, STS_ENTRY_CORRUPT, 0, 0, 0, 0},
    {"a corrupt policy under on-local-error deliver", "ok", CORRUPT, 0,
	DELIVER, N, STS_ENTRY_CORRUPT, 1, 0, 0, 0},

    /* faults, nothing known */
    {"the resolver is missing", "", NOTHING, 0, "",
	D, STS_RESOLVER_MISSING, 0, 0, 0, 0},
    {"the same under deliver", "", NOTHING, 0, DELIVER,
	N, STS_RESOLVER_MISSING, 0, 0, 0, 0},
    {"it names a fault", "fault", NOTHING, 0, "",
	D, STS_CA_UNUSABLE, 1, 0, 0, 0},
    {"the same under deliver", "fault", NOTHING, 0, DELIVER,
	N, STS_CA_UNUSABLE, 1, 0, 0, 0},
    {"what is no local fault is an internal error", "fault_network", NOTHING,
	0, "", D, STS_INTERNAL, 1, 0, 0, 0},
    {"a fault called ok", "fault_ok", NOTHING, 0, "",
	D, STS_INTERNAL, 1, 0, 0, 0},
    {"an unknown reason", "fault_unknown", NOTHING, 0, "",
	D, STS_RESOLVER_DIED, 1, 0, 0, 0},
    {"it crashes", "crashes", NOTHING, 0, "",
	D, STS_RESOLVER_DIED, 1, 0, 0, 0},
    {"it is killed", "killed", NOTHING, 0, "",
	D, STS_RESOLVER_DIED, 1, 0, 0, 0},
    {"it prints garbage", "garbage", NOTHING, 0, "",
	D, STS_RESOLVER_DIED, 1, 0, 0, 0},
    {"it prints a megabyte", "megabyte", NOTHING, 0, "",
	D, STS_RESOLVER_DIED, 1, 0, 0, 0},
    {"it closes its output and hangs", "closes", NOTHING, 0, "",
	D, STS_RESOLVER_DIED, 1, 0, 0, LONG_MS},
    {"it says nothing", "silent", NOTHING, 0, "",
	D, STS_RESOLVER_DIED, 1, 0, 0, 0},
    {"it says nothing and exits with 3", "silent3", NOTHING, 0, "",
	D, STS_RESOLVER_DIED, 1, 0, 0, 0},
    {"it answers for another domain", "other_domain", NOTHING, 0, "",
	D, STS_RESOLVER_DIED, 1, 0, 0, 0},
    {"it answers for a longer domain", "other_prefix", NOTHING, 0, "",
	D, STS_RESOLVER_DIED, 1, 0, 0, 0},
    {"it answers another question", "other_line", NOTHING, 0, "",
	D, STS_RESOLVER_DIED, 1, 0, 0, 0},
    {"its line is cut off", "cut", NOTHING, 0, "",
	D, STS_RESOLVER_DIED, 1, 0, 0, 0},
    {"its line has a blank too many", "blanks", NOTHING, 0, "",
	D, STS_RESOLVER_DIED, 1, 0, 0, 0},
    {"it says ok and fails", "ok_then_fails", NOTHING, 0, "",
	D, STS_RESOLVER_DIED, 1, 0, 0, 0},
    {"it says ok and crashes", "ok_then_crashes", NOTHING, 0, "",
	D, STS_RESOLVER_DIED, 1, 0, 0, 0},
    {"it says ok and has recorded nothing", "ok", NOTHING, 0, "",
	D, STS_INTERNAL, 1, 0, 0, 0},
    {"the same under deliver", "ok", NOTHING, 0, DELIVER,
	N, STS_INTERNAL, 1, 0, 0, 0},
    {"it says ok and has left an expired policy", "ok", EXPIRED, 0, "",
	D, STS_INTERNAL, 1, 0, 0, 0},
    {"it hangs", "hangs", NOTHING, 0, SHORT,
	D, STS_RESOLVER_TIMEOUT, 1, 0, 7900, LONG_MS},
    {"it hangs without a child of its own", "hangs_alone", NOTHING, 0, SHORT,
	D, STS_RESOLVER_TIMEOUT, 1, 0, 7900, LONG_MS},
    {"it faults after it has recorded", "stores_then_faults", NOTHING,
	FINDS_POLICY, "", E, STS_INTERNAL, 1, 0, 0, 0},

    /* faults, and what is known holds */
    {"missing, an unchecked policy", "", UNCHECKED, 0, "",
	E, STS_RESOLVER_MISSING, 0, 0, 0, 0},
    {"missing, an unchecked policy, deliver", "", UNCHECKED, 0, DELIVER,
	E, STS_RESOLVER_MISSING, 0, 0, 0, 0},
    {"fault, an unchecked policy", "fault", UNCHECKED, 0, "",
	E, STS_CA_UNUSABLE, 1, 0, 0, 0},
    {"crash, an unchecked policy", "crashes", UNCHECKED, 0, "",
	E, STS_RESOLVER_DIED, 1, 0, 0, 0},
    {"hang, an unchecked policy", "hangs", UNCHECKED, 0, SHORT,
	E, STS_RESOLVER_TIMEOUT, 1, 0, 7900, LONG_MS},
    {"fault, an unchecked policy beside a negative entry", "fault",
	UNCHECKED_AND_NONE, 0, "", E, STS_CA_UNUSABLE, 1, 0, 0, 0},
    {"fault, an unchecked testing policy", "fault", UNCHECKED_TESTING, 0, "",
	T, STS_CA_UNUSABLE, 1, 0, 0, 0},
    {"fault, a policy from the future", "fault", FUTURE, 0, "",
	E, STS_CA_UNUSABLE, 1, 0, 0, 0},
    {"fault, a negative entry", "fault", FAILED_NONE, 0, "",
	N, STS_FETCH_CONNECT, 1, 0, 0, 0},
    {"fault, a negative entry from the future", "fault", FUTURE_NONE, 0, "",
	N, STS_NO_RECORD, 1, 0, 0, 0},
    {"fault, a negative entry that ran out", "fault", EXPIRED_NONE, 0, "",
	D, STS_CA_UNUSABLE, 1, 0, 0, 0},
    {"fault, an expired policy", "fault", EXPIRED, 0, "",
	D, STS_CA_UNUSABLE, 1, 0, 0, 0},
    {"fault, a damaged negative entry", "fault", CORRUPT_NONE, 0, "",
	D, STS_CA_UNUSABLE, 1, 0, 0, 0},

    /* the budget of a process */
    {"budget spent, a quick lookup", "stores", NOTHING, FINDS_POLICY, "",
	E, STS_OK, 1, 60000, 0, LONG_MS},
    {"budget spent, a quick fault", "fault", NOTHING, 0, "",
	D, STS_CA_UNUSABLE, 1, 60000, 0, LONG_MS},
    {"budget spent, a missing resolver", "", NOTHING, 0, "",
	D, STS_RESOLVER_MISSING, 0, 60000, 0, LONG_MS},
    {"budget spent, a slow lookup", "late_fault", NOTHING, 0, "",
	D, STS_BUDGET, 1, 60000, 1900, LONG_MS},
    {"budget spent, the same under deliver", "late_fault", NOTHING, 0, DELIVER,
	D, STS_BUDGET, 1, 60000, 1900, LONG_MS},
    {"budget spent, an unchecked policy", "late_fault", UNCHECKED, 0, "",
	E, STS_BUDGET, 1, 60000, 1900, LONG_MS},
    {"budget spent, a negative entry", "late_fault", FAILED_NONE, 0, "",
	N, STS_FETCH_CONNECT, 1, 60000, 1900, LONG_MS},
    {"budget nearly spent: 2 s and no more", "hangs", NOTHING, 0, "",
	D, STS_BUDGET, 1, 59000, 1900, LONG_MS},
    {"5 s of the budget left: they are waited for", "hangs", NOTHING, 0, "",
	D, STS_BUDGET, 1, 55000, 4900, LONG_MS},

    /* overrides */
    {"off: as if there were no policy", "crashes", FRESH, 0,
	"domain good.example off\n", N, STS_OK, 0, 0, 0, 0},
    {"off for what is below does not concern the name", "crashes", FRESH, 0,
	"domain *.good.example off\n", E, STS_OK, 0, 0, 0, 0},
    {"testing: an enforce policy counts as one", "crashes", FRESH, 0,
	"domain good.example testing\n", T, STS_OK, 0, 0, 0, 0},
    {"testing, after a fault too", "fault", UNCHECKED, 0,
	"domain *.example testing\n", T, STS_CA_UNUSABLE, 1, 0, 0, 0},
    {"testing makes no policy of none", "ok", UNCHECKED_NONE, 0,
	"domain good.example testing\n", N, STS_OK, 1, 0, 0, 0},
    {"enforce: a testing policy counts as one", "ok", UNCHECKED_TESTING, 0,
	"domain good.example enforce\n", E, STS_OK, 1, 0, 0, 0},
    {"enforce, after a fault too", "fault", UNCHECKED_TESTING, 0,
	"domain *.example enforce\n", E, STS_CA_UNUSABLE, 1, 0, 0, 0},
    {"enforce leaves an enforce policy what it is", "crashes", FRESH, 0,
	"domain good.example enforce\n", E, STS_OK, 0, 0, 0, 0},
    {"enforce makes no policy of none", "ok", UNCHECKED_NONE, 0,
	"domain good.example enforce\n", N, STS_OK, 1, 0, 0, 0},
    {"enforce makes no answer of a fault", "fault", NOTHING, 0,
	"domain good.example enforce\n", D, STS_CA_UNUSABLE, 1, 0, 0, 0},
    {"an exact line wins over a wildcard", "crashes", FRESH, 0,
	"domain *.example testing\ndomain good.example enforce\n",
	E, STS_OK, 0, 0, 0, 0},
    {"testing makes no answer of a fault", "fault", NOTHING, 0,
	"domain good.example testing\n", D, STS_CA_UNUSABLE, 1, 0, 0, 0},
    {"a policy file that does not exist", "ok", FRESH, 0,
	"domain good.example policy /nonexistent/policy\n",
	D, STS_CONFIG, 0, 0, 0, 0},
    {"the same under deliver", "ok", NOTHING, 0,
	DELIVER "domain good.example policy /nonexistent/policy\n",
	D, STS_CONFIG, 0, 0, 0, 0},
    {"a line that does not say what holds for a domain", "ok", FRESH, 0,
	"domain good.example enforc\n", D, STS_CONFIG, 0, 0, 0, 0},
    {"the same under deliver, where nothing is known", "ok", NOTHING, 0,
	DELIVER "domain good.example enforc\n", D, STS_CONFIG, 0, 0, 0, 0},
    {"a line that may mean a domain", "ok", FRESH, 0,
	"domain good,example enforce\n", D, STS_CONFIG, 0, 0, 0, 0},
    {"a line that cannot mean a domain", "crashes", FRESH, 0,
	"domain god.example enforc\n", E, STS_OK, 0, 0, 0, 0},
    {"a line that names no domain", "crashes", FRESH, 0,
	"domain * off\n", E, STS_OK, 0, 0, 0, 0},
    {"a policy file that is a device", "ok", FRESH, 0,
	"domain good.example policy /dev/zero\n", D, STS_UNSAFE_FILE, 0, 0, 0,
	0},
};
/* clang-format on */
enum { SCENARIOS = sizeof(scenarios) / sizeof(scenarios[0]), AT_ONCE = 4 };

static void
hold(const struct world *w, enum held held)
{
	const char *domain = "good.example";

	switch (held) {
	case NOTHING:
		break;
	case FRESH:
		world_policy(w, "state", domain, ENFORCE, 100, 100);
		break;
	case UNCHECKED_TESTING:
		world_policy(w, "state", domain, TESTING, DAY / 2, 3600);
		break;
	case UNCHECKED_NONE:
		world_policy(w, "state", domain, MODE_NONE, DAY / 2, 3600);
		break;
	case EXPIRED:
	case EXPIRED_AND_NONE:
		world_policy(w, "state", domain, ENFORCE, 8 * DAY, 8 * DAY);
		break;
	case FAILED_NONE:
		world_none(w, "state", domain, "id1", 60, 300);
		break;
	case EXPIRED_NONE:
		world_none(w, "state", domain, "", 7200, 3600);
		break;
	case CORRUPT:
	case UNCHECKED:
	case CORRUPT_AND_NONE:
	case UNCHECKED_AND_NONE:
		world_policy(w, "state", domain, ENFORCE, DAY / 2, 3600);
		break;
	case DUE:
		world_policy(w, "state", domain, ENFORCE, DAY + 60, 3600);
		break;
	case FUTURE:
		world_policy(w, "state", domain, ENFORCE, -DAY, -DAY);
		break;
	case FUTURE_NONE:
		world_none(w, "state", domain, "", -DAY, 3600);
		break;
	case CORRUPT_NONE:
	case FRESH_NONE:
		break;
	}
	if (held == EXPIRED_AND_NONE || held == CORRUPT_NONE ||
	    held == FRESH_NONE || held == UNCHECKED_AND_NONE ||
	    held == CORRUPT_AND_NONE)
		world_none(w, "state", domain, "", 60, 3600);
	if (held == CORRUPT || held == CORRUPT_AND_NONE)
		world_damage(w, "policies", domain);
	if (held == CORRUPT_NONE)
		world_damage(w, "checks", domain);
}

/* What came of one scenario, in its own process. */
struct outcome {
	enum sts_verdict verdict;
	enum sts_status why;
	unsigned runs;
	int64_t took_ms;
	int leaked;
	bool zombie;
	bool consistent;
	bool done;
};

static int
count_descriptors(void)
{
	int count = 0;

	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

/* What the struct promises beside verdict and reason. */
static bool
is_consistent(const struct sts_answer *a, const struct world *w)
{
	bool by_policy = a->verdict == STS_VERDICT_ENFORCE ||
	    a->verdict == STS_VERDICT_TESTING;

	return strcmp(a->domain, "good.example") == 0 &&
	    (!by_policy || a->has_entry) &&
	    (a->verdict != STS_VERDICT_DEFER ||
		(!a->has_entry && !a->has_check)) &&
	    (!a->due || a->has_entry) && a->asked == (world_runs(w) > 0) &&
	    (!a->has_entry || a->entry.policy.body == a->entry.body);
}

static void
ask_once(const struct scenario *s, const struct world *w, struct outcome *o)
{
	struct sts_budget budget = {.slow_ms = s->slow_ms};
	struct sts_config config;
	struct sts_answer answer;
	int before = count_descriptors();
	int64_t start;

	if (sts_config_load(&config, w->conf, NULL, NULL) != STS_OK)
		return;
	start = sts_monotonic_ms();
	sts_ask(&config, "Good.Example.", &budget, &answer);
	o->took_ms = sts_monotonic_ms() - start;
	o->verdict = answer.verdict;
	o->why = answer.why;
	o->consistent = is_consistent(&answer, w);
	sts_answer_free(&answer);
	sts_config_free(&config);
	o->runs = world_runs(w);
	o->leaked = count_descriptors() - before;
	o->zombie = waitpid(-1, NULL, WNOHANG) != -1 || errno != ECHILD;
	o->done = true;
}

static void
judge(const struct scenario *s, const struct outcome *o)
{
	int64_t most_ms = s->most_ms != 0 ? s->most_ms : LONG_MS;

	ok(o->done, "%s: an answer", s->behaviour);
	is_str(sts_verdict_name(o->verdict), sts_verdict_name(s->verdict),
	    "%s: the verdict", s->behaviour);
	is_str(sts_status_name(o->why), sts_status_name(s->why),
	    "%s: the reason", s->behaviour);
	is_int(o->runs, s->runs, "%s: runs of the resolver", s->behaviour);
	ok(o->consistent && o->leaked == 0 && !o->zombie,
	    "%s: consistent, no descriptor or zombie left", s->behaviour);
	if (!ok(o->took_ms >= s->least_ms && o->took_ms <= most_ms,
		"%s: in time", s->behaviour))
		tap_diag("%lld ms", (long long)o->took_ms);
}

/* One scenario under way. */
struct attempt {
	struct world world;
	pid_t pid;
};

/* Starts those from `first` on, up to `end`, that wait, or do not. */
static void
start_scenarios(struct attempt *attempts, struct outcome *outcomes, int first,
    int end, bool wait)
{
	fflush(stdout);
	for (int i = first; i < end; i++) {
		if ((scenarios[i].least_ms > 0) != wait ||
		    (attempts[i].pid = fork()) != 0)
			continue;
		ask_once(&scenarios[i], &attempts[i].world, &outcomes[i]);
		exit(0); /* where a sanitizer looks for leaks */
	}
}

/* In a world of its own. */
static void
make_scenario(const struct scenario *s, struct world *w)
{
	world_make(w, s->fake, s->lines);
	hold(w, s->held);
	if (s->found == FINDS_POLICY)
		world_policy(w, "prepared", "good.example", ENFORCE, 0, 0);
	if (s->found == FINDS_NONE)
		world_none(w, "prepared", "good.example", "", 0, 3600);
}

/*
 * What is quick may take longer than the two seconds without a budget, on a
 * busy machine: then once more.
 */
static bool
was_slow(const struct scenario *s, const struct outcome *o)
{
	return o->why == STS_BUDGET && s->why != STS_BUDGET;
}

/* Says what came of them. */
static void
end_scenarios(struct attempt *attempts, struct outcome *outcomes, int first,
    int end, bool wait)
{
	for (int i = first; i < end; i++) {
		int status = -1;

		if ((scenarios[i].least_ms > 0) != wait)
			continue;
		waitpid(attempts[i].pid, &status, 0);
		for (int again = 0;
		     again < 20 && was_slow(&scenarios[i], &outcomes[i]);
		     again++) {
			world_remove(&attempts[i].world);
			make_scenario(&scenarios[i], &attempts[i].world);
			start_scenarios(attempts, outcomes, i, i + 1, wait);
			waitpid(attempts[i].pid, &status, 0);
		}
		is_int(
		    status, 0, "%s: the host survived", scenarios[i].behaviour);
		judge(&scenarios[i], &outcomes[i]);
		world_remove(&attempts[i].world);
	}
}

/*
 * Those that wait for what hangs all at once, beside them the others a few at
 * a time: each is to have the time that is its own.
 */
static void
test_scenarios(void)
{
	static struct attempt attempts[SCENARIOS];
	struct outcome *outcomes = mmap(NULL, sizeof(*outcomes) * SCENARIOS,
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	for (int i = 0; i < SCENARIOS; i++)
		make_scenario(&scenarios[i], &attempts[i].world);
	start_scenarios(attempts, outcomes, 0, SCENARIOS, true);
	for (int i = 0; i < SCENARIOS; i += AT_ONCE) {
		int end = i + AT_ONCE < SCENARIOS ? i + AT_ONCE : SCENARIOS;

		start_scenarios(attempts, outcomes, i, end, false);
		end_scenarios(attempts, outcomes, i, end, false);
	}
	end_scenarios(attempts, outcomes, 0, SCENARIOS, true);
	munmap(outcomes, sizeof(*outcomes) * SCENARIOS);
}

/* Names that decide by themselves. */
static void
test_names(void)
{
	static const struct {
		const char *name;
		enum sts_verdict verdict;
		enum sts_status why;
	} names[] = {
	    {"", N, STS_BAD_DOMAIN},
	    {NULL, N, STS_BAD_DOMAIN},
	    {".", N, STS_BAD_DOMAIN},
	    {"a..example", N, STS_BAD_DOMAIN},
	    {"../../etc/passwd", N, STS_BAD_DOMAIN},
	    {"-f.example", N, STS_BAD_DOMAIN},
	    {"a b.example", N, STS_BAD_DOMAIN},
	    {"a.example\nlookup b.example", N, STS_BAD_DOMAIN},
	    {"[192.0.2.1]", N, STS_ADDRESS_LITERAL},
	    {"[IPv6:2001:db8::1]", N, STS_ADDRESS_LITERAL},
	    {"192.0.2.1", N, STS_ADDRESS_LITERAL},
	    {"2001:db8::1", N, STS_ADDRESS_LITERAL},
	    {"\xff\xfe.example", D, STS_BAD_IDN},
	};
	struct sts_answer answer;
	struct sts_config config;
	struct world w;

	world_make(&w, "ok", DELIVER);
	(void)sts_config_load(&config, w.conf, NULL, NULL);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		sts_ask(&config, names[i].name, NULL, &answer);
		ok(answer.verdict == names[i].verdict &&
			answer.why == names[i].why && !answer.asked,
		    "name %zu is answered without a query", i);
		is_str(answer.domain, "", "and is no domain");
		sts_answer_free(&answer);
	}
	sts_ask(&config, "_odd-.Example", NULL, &answer);
	is_str(answer.domain, "_odd-.example", "an odd name is asked as it is");
	ok(answer.asked, "of the resolver");
	sts_answer_free(&answer);
	is_int(world_runs(&w), 1, "once");
	sts_config_free(&config);
	world_remove(&w);
}

/* Asks about a domain whose override names `path`. */
static void
expect_policy_at(const char *path, enum sts_verdict verdict,
    enum sts_status why, const char *what)
{
	struct sts_answer answer;
	struct sts_config config;
	char lines[200];
	struct world w;

	snprintf(
	    lines, sizeof(lines), "domain *.good.example policy %s\n", path);
	world_make(&w, "crashes", lines);
	(void)sts_config_load(&config, w.conf, NULL, NULL);
	sts_ask(&config, "a.b.good.example", NULL, &answer);
	is_str(sts_verdict_name(answer.verdict), sts_verdict_name(verdict),
	    "%s: the verdict", what);
	is_str(sts_status_name(answer.why), sts_status_name(why),
	    "%s: the reason", what);
	ok(answer.override != NULL && !answer.asked, "%s: by override", what);
	if (answer.verdict == STS_VERDICT_ENFORCE)
		ok(sts_policy_permits(&answer.entry.policy, "mx.good.example"),
		    "%s: with its hosts", what);
	sts_answer_free(&answer);
	sts_config_free(&config);
	world_remove(&w);
}

/* A file of its own; root reads none that lies directly in /tmp. */
static char policies[] = "/tmp/mta-sts-policy.XXXXXX";

static int
make_policy(char *path, size_t size)
{
	snprintf(path, size, "%s/policy", policies);
	return open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
}

static void
expect_file(const char *body, size_t len, enum sts_verdict verdict,
    enum sts_status why, const char *what)
{
	char path[64];
	int fd = make_policy(path, sizeof(path));

	ok(fd >= 0 && write(fd, body, len) == (ssize_t)len, "%s", what);
	close(fd);
	expect_policy_at(path, verdict, why, what);
	(void)unlink(path);
}

static void
test_odd_policy_files(void)
{
	char path[64], other[80];
	int fd = make_policy(path, sizeof(path));

	ok(write(fd, ENFORCE, strlen(ENFORCE)) > 0, "a good policy file");
	close(fd);
	expect_policy_at(path, E, STS_OK, "the file itself");
	(void)chmod(path, 0602);
	expect_policy_at(
	    path, D, STS_UNSAFE_FILE, "one that everybody can write");
	(void)chmod(path, 0600);
	(void)chmod(policies, 0777);
	expect_policy_at(
	    path, D, STS_UNSAFE_FILE, "one that everybody can replace");
	(void)chmod(policies, 0700);
	(void)chmod(path, 0600);
	snprintf(other, sizeof(other), "%s.link", path);
	ok(symlink(path, other) == 0, "and a link to it");
	expect_policy_at(other, D, STS_CONFIG, "a link is not followed");
	(void)unlink(other);
	ok(mkfifo(other, 0600) == 0, "a FIFO");
	expect_policy_at(other, D, STS_CONFIG, "a FIFO does not block");
	(void)unlink(other);
	(void)unlink(path);
	expect_policy_at("/etc", D, STS_CONFIG, "a directory");
}

static void
test_policy_files(void)
{
	static char big[STS_BODY_MAX + 1];

	expect_file(ENFORCE, strlen(ENFORCE), E, STS_OK, "an enforce file");
	expect_file(TESTING, strlen(TESTING), T, STS_OK, "a testing file");
	expect_file(MODE_NONE, strlen(MODE_NONE), N, STS_OK, "a none file");
	expect_file("", 0, D, STS_CONFIG, "an empty file");
	expect_file("mode: enforce\n", 14, D, STS_CONFIG, "an ill-formed file");
	memset(big, '\n', sizeof(big));
	memcpy(big, ENFORCE, strlen(ENFORCE));
	expect_file(big, sizeof(big), D, STS_CONFIG, "a file beyond 64 KiB");
}

static void
expect_answer(const char *conf, enum sts_verdict verdict, enum sts_status why,
    bool asked, const char *what)
{
	struct sts_config config;
	struct sts_answer answer;

	(void)sts_config_load(&config, conf, NULL, NULL);
	sts_ask(&config, "good.example", NULL, &answer);
	is_str(sts_verdict_name(answer.verdict), sts_verdict_name(verdict),
	    "%s: the verdict", what);
	is_str(sts_status_name(answer.why), sts_status_name(why),
	    "%s: the reason", what);
	is_int(answer.asked, asked, "%s: resolver started", what);
	sts_answer_free(&answer);
	sts_config_free(&config);
}

/* State directories that no resolver can help with. */
static void
test_state_directory(void)
{
	struct world w;

	world_make(&w, "ok", "");
	hold(&w, UNCHECKED);
	(void)chmod(w.state, 0777);
	expect_answer(w.conf, D, STS_STATE_MODE, false, "writable by others");
	(void)chmod(w.state, 0750);
	expect_answer(w.conf, E, STS_OK, true, "fixed");
	world_remove(&w);

	world_make(&w, "ok", "state-dir /nonexistent/state\n");
	expect_answer(w.conf, D, STS_STATE_MISSING, false, "missing");
	world_remove(&w);
	world_make(&w, "ok", DELIVER "state-dir /nonexistent/state\n");
	expect_answer(w.conf, N, STS_STATE_MISSING, false, "missing, deliver");
	world_remove(&w);
	world_make(&w, "ok", "state-dir /etc/passwd\n");
	expect_answer(w.conf, D, STS_STATE_MISSING, false, "a file");
	world_remove(&w);
}

/* Run by somebody who is not root: permissions count. */
static void
test_unreadable(void)
{
	struct world w;

	if (geteuid() == 0) {
		tap_skip("an unreadable state directory", "run by root");
		return;
	}
	world_make(&w, "ok", "");
	hold(&w, FRESH);
	(void)chmod(w.state, 0);
	expect_answer(w.conf, D, STS_STATE_UNREADABLE, false, "unreadable");
	(void)chmod(w.state, 0750);
	expect_answer(w.conf, E, STS_OK, false, "readable again");
	world_remove(&w);
}

/* Run by root: who the resolver is, and that it is never root. */
static void
test_as_root(void)
{
	char path[100], line[100] = "";
	struct world w;
	FILE *f;

	if (geteuid() != 0) {
		tap_skip("asked by root", "not run by root");
		return;
	}
	world_make(&w, "whoami", "");
	hold(&w, UNCHECKED);
	expect_answer(w.conf, E, STS_OK, true, "asked by root");
	snprintf(path, sizeof(path), "%s/whoami.out", w.dir);
	if ((f = fopen(path, "r")) != NULL) {
		(void)!fgets(line, sizeof(line), f);
		fclose(f);
	}
	is_str(line, "65534 65534 65534\n",
	    "the resolver is the owner of the state directory");
	ok(chown(w.state, 0, WORLD_USER) == 0, "now it belongs to root");
	expect_answer(w.conf, E, STS_STATE_OWNER, false,
	    "root's state directory, an unchecked policy");
	ok(chown(w.state, WORLD_USER, 0) == 0, "now to root's group");
	expect_answer(w.conf, E, STS_STATE_OWNER, false,
	    "root's group, an unchecked policy");
	world_remove(&w);
	world_make(&w, "whoami", "");
	ok(chown(w.state, 0, 0) == 0, "now to both");
	expect_answer(w.conf, D, STS_STATE_OWNER, false,
	    "root's state directory, nothing known");
	is_int(world_runs(&w), 0, "nothing is run as root");
	world_remove(&w);
}

/* From the store alone. */
static void
expect_stored(enum held held, const char *lines, enum sts_verdict verdict,
    enum sts_status why, const char *what)
{
	struct sts_config config;
	struct sts_answer answer;
	struct world w;

	world_make(&w, "crashes", lines);
	hold(&w, held);
	(void)sts_config_load(&config, w.conf, NULL, NULL);
	sts_ask_store(&config, "good.example", &answer);
	is_str(sts_verdict_name(answer.verdict), sts_verdict_name(verdict),
	    "store alone, %s: the verdict", what);
	is_str(sts_status_name(answer.why), sts_status_name(why),
	    "store alone, %s: the reason", what);
	is_int(world_runs(&w), 0, "store alone, %s: no resolver", what);
	sts_answer_free(&answer);
	sts_config_free(&config);
	world_remove(&w);
}

static void
test_store_alone(void)
{
	expect_stored(NOTHING, "", D, STS_NOT_FOUND, "nothing");
	expect_stored(NOTHING, DELIVER, D, STS_NOT_FOUND, "nothing, deliver");
	expect_stored(FRESH, "", E, STS_OK, "a fresh policy");
	expect_stored(UNCHECKED, "", E, STS_OK, "an unchecked policy");
	expect_stored(EXPIRED, "", D, STS_NOT_FOUND, "an expired policy");
	expect_stored(
	    FAILED_NONE, "", N, STS_FETCH_CONNECT, "a negative entry");
	expect_stored(
	    EXPIRED_NONE, "", D, STS_NOT_FOUND, "an old negative entry");
	expect_stored(CORRUPT, "", D, STS_ENTRY_CORRUPT, "a corrupt policy");
	expect_stored(CORRUPT, DELIVER, N, STS_ENTRY_CORRUPT,
	    "a corrupt policy, deliver");
	expect_stored(CORRUPT_AND_NONE, "", D, STS_ENTRY_CORRUPT,
	    "a corrupt policy beside a negative entry");
	expect_stored(FRESH, "domain good.example off\n", N, STS_OK, "off");
}

/* A lookup that was no longer waited for records its answer all the same. */
static void
test_detached(void)
{
	struct sts_budget budget = {.slow_ms = 60000};
	struct sts_config config;
	struct sts_answer answer;
	struct world w;

	/* Two seconds of three: a busy machine may miss the difference. */
	for (int again = 0; again < 5; again++) {
		world_make(&w, "stores_late", "");
		world_policy(&w, "prepared", "good.example", ENFORCE, 0, 0);
		(void)sts_config_load(&config, w.conf, NULL, NULL);
		sts_ask(&config, "good.example", &budget, &answer);
		if (answer.why == STS_BUDGET)
			break;
		sts_answer_free(&answer);
		sts_config_free(&config);
		world_remove(&w);
	}
	is_str(sts_status_name(answer.why), "budget", "not waited for");
	sts_answer_free(&answer);
	for (int i = 0; i < TAP_WAIT_MS / 100; i++) {
		sts_ask_store(&config, "good.example", &answer);
		sts_answer_free(&answer);
		if (answer.verdict == STS_VERDICT_ENFORCE)
			break;
		usleep(100000);
	}
	is_str(sts_verdict_name(answer.verdict), "enforce",
	    "the resolver went on alone and recorded");
	ok(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD,
	    "and was never ours to reap");
	sts_config_free(&config);
	world_remove(&w);
}

/* One question of a process that asks more than one. */
static void
expect_next(struct sts_budget *budget, const struct world *w,
    const char *domain, enum sts_verdict verdict, unsigned runs,
    const char *what)
{
	struct sts_config config;
	struct sts_answer answer;

	(void)sts_config_load(&config, w->conf, NULL, NULL);
	sts_ask(&config, domain, budget, &answer);
	is_str(sts_verdict_name(answer.verdict), sts_verdict_name(verdict),
	    "%s: the verdict", what);
	is_int(world_runs(w), runs, "%s: runs of the resolver", what);
	sts_answer_free(&answer);
	sts_config_free(&config);
}

/* Waits until a resolver that is not ours has run so often. */
static void
await_runs(const struct world *w, unsigned runs)
{
	for (int i = 0; i < TAP_WAIT_MS / 50 && world_runs(w) < runs; i++)
		usleep(50000);
}

/* The first line of what the fake was started with. */
static void
read_ran(const struct world *w, char *line, int size)
{
	char path[100];
	FILE *f;

	line[0] = '\0';
	snprintf(path, sizeof(path), "%s/ran", w->dir);
	if ((f = fopen(path, "r")) == NULL)
		return;
	if (fgets(line, size, f) == NULL)
		line[0] = '\0';
	fclose(f);
}

/* AGE-1, CAC-052: a policy that is due answers at once, and is fetched then. */
static void
test_due(void)
{
	static struct sts_budget budget;
	struct sts_config config;
	struct sts_answer answer;
	int64_t start = sts_monotonic_ms();
	char line[200];
	struct world w;

	world_make(&w, "hangs_alone", "");
	hold(&w, DUE);
	(void)sts_config_load(&config, w.conf, NULL, NULL);
	for (int i = 0; i < 3; i++) {
		sts_ask(&config, "good.example", &budget, &answer);
		is_str(sts_verdict_name(answer.verdict), "enforce",
		    "a policy that is due answers");
		ok(answer.due && !answer.asked && answer.why == STS_OK,
		    "no resolver is waited for");
		sts_answer_free(&answer);
	}
	ok(sts_monotonic_ms() - start < LONG_MS, "at once");
	await_runs(&w, 1);
	read_ran(&w, line, sizeof(line));
	ok(strstr(line, "--due good.example\n") != NULL,
	    "a resolver fetches it again: %s", line);
	is_int(world_runs(&w), 1, "once a minute and process");
	ok(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD,
	    "and is not ours to reap");
	sts_config_free(&config);
	world_remove(&w);
}

/* ID-1: whoever found no permitted MX host has the policy fetched again. */
static void
test_refetch(void)
{
	struct sts_config config;
	char line[200];
	struct world w;

	world_make(&w, "silent", "");
	(void)sts_config_load(&config, w.conf, NULL, NULL);
	is_int(sts_client_refetch(&config, "Good.Example."), STS_OK,
	    "a fetch is asked for");
	await_runs(&w, 1);
	read_ran(&w, line, sizeof(line));
	ok(strstr(line, "--refetch good.example\n") != NULL,
	    "of the normalised domain: %s", line);
	is_int(sts_client_refetch(&config, "[192.0.2.1]"), STS_ADDRESS_LITERAL,
	    "an address has no policy");
	sts_config_free(&config);
	world_remove(&w);
}

/* All waiting counts, but a second of each lookup. */
static void
test_budget_counts(void)
{
	static struct sts_budget budget;
	struct sts_config config;
	struct sts_answer answer;
	struct world w;

	world_make(&w, "stores_late", "");
	world_policy(&w, "prepared", "good.example", ENFORCE, 0, 0);
	(void)sts_config_load(&config, w.conf, NULL, NULL);
	sts_ask(&config, "good.example", &budget, &answer);
	is_str(sts_verdict_name(answer.verdict), "enforce", "after 3 s");
	ok(budget.slow_ms >= 1900 && budget.slow_ms < LONG_MS,
	    "of which %lld ms are charged", (long long)budget.slow_ms);
	sts_answer_free(&answer);
	sts_config_free(&config);
	world_remove(&w);
}

/*
 * A policy in force when the question was asked answers it, also where it runs
 * out while the resolver is at work.
 */
static void
test_expires_meanwhile(void)
{
	struct sts_config config;
	struct sts_answer answer;
	struct world w;

	world_make(&w, "stores_late", "refresh-after 1000000\n");
	world_policy(&w, "state", "good.example",
	    "version: STSv1\nmode: enforce\nmx: mx.good.example\n"
	    "max_age: 1002\n",
	    1000, 1000);
	world_none(&w, "state", "good.example", "id1", 2, 300);
	world_none(&w, "prepared", "good.example", "id1", 0, 300);
	(void)sts_config_load(&config, w.conf, NULL, NULL);
	sts_ask(&config, "good.example", NULL, &answer);
	is_str(sts_verdict_name(answer.verdict), "enforce",
	    "it was in force when the question was asked");
	sts_answer_free(&answer);
	sts_ask_store(&config, "good.example", &answer);
	is_str(sts_verdict_name(answer.verdict), "none", "and is not now");
	sts_answer_free(&answer);
	sts_config_free(&config);
	world_remove(&w);
}

/* DNS in trouble, RFC 8461 3.1 silent: the operator says what it counts for. */
static void
test_on_dns_error(void)
{
	static const struct {
		const char *lines;
		const char *verdict;
		bool host; /* the policy host's address is unknown */
	} cases[] = {{"", "none", false}, {"", "none", true},
	    {"on-dns-error deliver\n", "none", false},
	    {"on-dns-error deliver\n", "none", true},
	    {"on-dns-error defer\n", "defer", false},
	    {"on-dns-error defer\n", "defer", true}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sts_config config;
		struct sts_answer answer;
		struct world w;

		world_make(&w, "crashes", cases[i].lines);
		if (cases[i].host)
			world_host_trouble(&w, "state", "good.example", 0);
		else
			world_trouble(&w, "state", "good.example", 0);
		(void)sts_config_load(&config, w.conf, NULL, NULL);
		sts_ask(&config, "good.example", NULL, &answer);
		is_str(sts_verdict_name(answer.verdict), cases[i].verdict,
		    "DNS in trouble: %s", cases[i].lines);
		is_str(sts_status_name(answer.why),
		    cases[i].host ? "fetch_dns" : "dns_servfail",
		    "with its reason");
		sts_answer_free(&answer);
		sts_config_free(&config);
		world_remove(&w);
	}
}

/* A message may have a thousand recipients at one domain. */
static void
test_asked_recently(void)
{
	static struct sts_budget budget;
	struct world w, other;

	world_make(&w, "fault", "");
	world_make(&other, "fault", "");
	expect_next(&budget, &w, "good.example", D, 1, "a fault");
	expect_next(&budget, &w, "good.example", D, 1, "the next recipient");
	expect_next(&budget, &w, "b.example", D, 2, "another domain");
	expect_next(&budget, &w, "Good.Example.", D, 2, "the first again");
	expect_next(&budget, &other, "good.example", D, 1, "another store");
	expect_next(NULL, &w, "good.example", D, 3, "without a budget");
	/* The place of the oldest is the next one's. */
	budget.next_asked = 0;
	expect_next(&budget, &w, "c.example", D, 4, "one too many to remember");
	expect_next(&budget, &w, "good.example", D, 5, "forgotten");
	budget.asked[budget.next_asked - 1].at_ms -= 50000;
	expect_next(&budget, &w, "good.example", D, 5, "50 seconds later");
	budget.asked[budget.next_asked - 1].at_ms -= 10000;
	expect_next(&budget, &w, "good.example", D, 6, "a minute later");
	world_policy(&w, "state", "good.example", ENFORCE, 0, 0);
	expect_next(&budget, &w, "good.example", E, 6, "a policy by now");
	world_remove(&w);
	world_remove(&other);
}

/* What a resolver has looked up is asked about again when it is due. */
static void
test_asked_and_answered(void)
{
	static struct sts_budget budget;
	struct world w;

	world_make(&w, "ok", "");
	hold(&w, FAILED_NONE);
	expect_next(&budget, &w, "good.example", N, 1, "a failed fetch");
	expect_next(&budget, &w, "good.example", N, 1, "the next recipient");
	hold(&w, UNCHECKED);
	expect_next(&budget, &w, "good.example", E, 2, "an unchecked policy");
	expect_next(&budget, &w, "good.example", E, 3, "still unchecked");
	world_remove(&w);
}

/* As mta-sts(1) starts one, for other work than a lookup. */
static void
test_start_resolver(void)
{
	static const char *const two[] = {"--refresh", "good.example", NULL};
	static const char *const many[] = {
	    "1", "2", "3", "4", "5", "6", "7", "8", "9", NULL};
	struct sts_config config;
	struct sts_child child;
	char buf[200] = "", expected[200];
	struct world w;
	ssize_t n;

	world_make(&w, "echoes", "");
	(void)sts_config_load(&config, w.conf, NULL, NULL);
	is_int(sts_client_start_resolver(&config, two, &child), STS_OK,
	    "a resolver for the command");
	n = sts_child_read(&child, buf, sizeof(buf) - 1, false,
	    sts_monotonic_ms() + TAP_WAIT_MS);
	buf[n > 0 ? n : 0] = '\0';
	snprintf(expected, sizeof(expected), "-f %s --refresh good.example\n",
	    w.conf);
	is_str(buf, expected, "gets the configuration and the arguments");
	is_int(sts_child_finish(&child, sts_monotonic_ms() + TAP_WAIT_MS), 0,
	    "and can be waited for");
	is_int(sts_client_start_resolver(&config, many, &child), STS_INTERNAL,
	    "nine arguments are too many");
	sts_config_free(&config);
	world_remove(&w);
}

int
main(void)
{
	if (mkdtemp(policies) == NULL)
		return 1;
	test_names();
	test_policy_files();
	test_odd_policy_files();
	(void)rmdir(policies);
	test_state_directory();
	test_unreadable();
	test_as_root();
	test_store_alone();
	test_detached();
	test_due();
	test_refetch();
	test_budget_counts();
	test_expires_meanwhile();
	test_on_dns_error();
	test_asked_recently();
	test_asked_and_answered();
	test_start_resolver();
	test_scenarios();
	return tap_done();
}
