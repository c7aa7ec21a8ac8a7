/* SPDX-License-Identifier: ISC */
/*
 * The clock is set while a lookup waits for its policy host: a certificate that
 * fails then may have failed for the clock alone.  And a process that stood
 * still while it waited for the record.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/store.h"
#include "tests/unit/lib/race_world.h"
#include "tests/unit/lib/tap.h"

enum { DAY = 86400, LIFE = 30 * DAY };

static char dir[] = "/tmp/mta-sts-clock.XXXXXX";
static struct race_process process;
static struct sts_store *store;

static void
put_policy(void)
{
	static const char body[] =
	    "version: STSv1\nmode: enforce\nmx: mx.race.test\n"
	    "max_age: 2592000\n";
	struct sts_policy policy;
	struct sts_entry e;
	bool replaced;

	if (sts_policy_parse(&policy, body, sizeof(body) - 1, NULL, NULL) !=
		STS_OK ||
	    sts_entry_make(&e, race_domain, "1", &policy,
		race_clock->seconds - 1000, 0, 300) != STS_OK)
		return;
	(void)sts_store_write_policy(store, &e, race_clock->seconds, &replaced);
	sts_entry_free(&e);
}

/* A fetch that fails while the clock moves by `step` in so many real seconds.
 */
static void
fetch_fails(const char *id, int64_t step, int64_t real,
    enum sts_verdict verdict, bool recorded, const char *what)
{
	const struct race_part part = {
	    ROLE_MAIL, STS_OK, id, FETCH_FAILS, true};
	struct race_message at = {0};
	struct sts_check check;
	bool here, stepped = false;

	here = race_give(&process, &part, &at);
	while (here && at.step != STEP_DONE) {
		if (at.step == STEP_FETCH && !stepped) {
			race_clock->seconds += step;
			race_clock->monotonic_ms += real * 1000;
			stepped = true;
		}
		here = race_go(&process, &at);
	}
	ok(here && stepped, "%s: a fetch fails", what);
	is_str(sts_verdict_name(at.verdict), sts_verdict_name(verdict),
	    "%s: the verdict", what);
	(void)sts_store_read_check(
	    store, race_domain, race_clock->seconds, &check);
	ok((check.failed_reason != STS_OK) == recorded,
	    "%s: %s against the domain", what,
	    recorded ? "recorded" : "nothing is recorded");
	race_clock->seconds -= step - real;
	(void)sts_store_drop(store, race_domain);
}

static void
test_steps(void)
{
	fetch_fails("1", 0, 0, STS_VERDICT_NONE, true, "a clock that is right");
	fetch_fails("1", 20, 20, STS_VERDICT_NONE, true, "20 s go by");
	fetch_fails("1", 5, 0, STS_VERDICT_NONE, true, "it is set by 5 s");
	fetch_fails("1", -400 * DAY, 1, STS_VERDICT_DEFER, false,
	    "it is set a year back");
	fetch_fails("1", 400 * DAY, 1, STS_VERDICT_DEFER, false,
	    "it is set a year ahead");
	put_policy();
	fetch_fails("2", -20 * DAY, 1, STS_VERDICT_ENFORCE, false,
	    "set back, beside a policy");
	put_policy();
	fetch_fails(
	    "2", 0, 0, STS_VERDICT_ENFORCE, true, "right, beside a policy");
}

static enum sts_status
stand_still(enum race_role role, enum sts_verdict *verdict)
{
	const struct race_part part = {
	    role, STS_RESOLVER_TIMEOUT, "", FETCH_POLICY, true};
	struct race_message at = {0};
	bool here = race_give(&process, &part, &at);

	while (here && at.step != STEP_DONE)
		here = race_go(&process, &at);
	*verdict = at.verdict;
	return here ? at.status : STS_INTERNAL;
}

static void
test_standing_still(void)
{
	enum sts_verdict verdict;
	struct sts_check check;

	(void)stand_still(ROLE_MAIL, &verdict);
	is_str(sts_verdict_name(verdict), "defer",
	    "stood still at the question for its record: mail waits");
	is_int(sts_store_read_check(
		   store, race_domain, race_clock->seconds, &check),
	    STS_NOT_FOUND, "and nothing is recorded");
	put_policy();
	(void)stand_still(ROLE_MAIL, &verdict);
	is_str(sts_verdict_name(verdict), "enforce", "a policy stays in force");
	is_str(sts_status_name(stand_still(ROLE_FORCE, &verdict)), "ok",
	    "and is fetched all the same where it is to be refreshed");
	(void)sts_store_drop(store, race_domain);
}

int
main(void)
{
	char command[100];

	if (!tap_own_directory(dir) || !race_prepare(dir) ||
	    !race_start(&process) ||
	    sts_store_open(&store, dir, true) != STS_OK) {
		printf("Bail out! no state directory\n");
		return 1;
	}
	test_steps();
	test_standing_still();
	sts_store_close(store);
	race_end(&process);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command) == 0 ? tap_done() : 1;
}
