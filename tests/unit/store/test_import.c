/* SPDX-License-Identifier: ISC */
/*
 * Policies of another machine: the newer fetch wins, nothing weaker is taken,
 * nothing lasts longer than fetched + max_age, and nothing is removed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/lib/tap.h"
#include "store/import.h"

enum { HOUR = 3600, DAY = 86400, WEEK = 7 * DAY };

static const int64_t now = 1800000000;
static char top[] = "/tmp/mta-sts-import.XXXXXX";
static struct sts_store *store;
static struct sts_importer importer;

static void
make(struct sts_entry *e, const char *domain, const char *mode, int64_t age,
    int64_t max_age)
{
	char body[300];
	struct sts_policy policy;

	snprintf(body, sizeof(body),
	    "version: STSv1\nmode: %s\nmx: mx.example\nmax_age: %lld\n", mode,
	    (long long)max_age);
	if (sts_policy_parse(&policy, body, strlen(body), NULL, NULL) !=
		STS_OK ||
	    sts_entry_make(e, domain, "1", &policy, now - age, 5, 0) != STS_OK)
		tap_diag("cannot make %s", domain);
}

static void
have(const char *domain, const char *mode, int64_t age, int64_t max_age)
{
	struct sts_entry e;
	bool replaced;

	(void)sts_store_drop(store, domain);
	make(&e, domain, mode, age, max_age);
	is_int(sts_store_write_policy(store, &e, now, &replaced), STS_OK,
	    "%s is here", domain);
	sts_entry_free(&e);
}

static enum sts_import
import(const char *domain, const char *mode, int64_t age, int64_t max_age)
{
	enum sts_import what = STS_IMPORTS;
	struct sts_entry e;

	make(&e, domain, mode, age, max_age);
	is_int(sts_import_policy(&importer, &e, &what), STS_OK, "import %s",
	    domain);
	sts_entry_free(&e);
	return what;
}

/* When it ends, from now; 0: there is none. */
static int64_t
left(const char *domain)
{
	struct sts_entry e;
	int64_t seconds;

	if (sts_store_read_policy(store, domain, now, &e) != STS_OK)
		return 0;
	seconds = e.expires - now;
	sts_entry_free(&e);
	return seconds;
}

static void
what_wins(void)
{
	is_int(import("new.example", "enforce", HOUR, WEEK), STS_IMPORT_TAKEN,
	    "a domain never looked up");
	is_int(
	    left("new.example"), WEEK - HOUR, "as long as it was fetched for");
	is_int(import("new.example", "enforce", HOUR, WEEK),
	    STS_IMPORT_NOT_NEWER, "the same once more");
	have("a.example", "enforce", HOUR, WEEK);
	is_int(import("a.example", "enforce", 2 * HOUR, 2 * WEEK),
	    STS_IMPORT_NOT_NEWER, "an older fetch, even if it lasts longer");
	is_int(import("a.example", "enforce", 60, WEEK), STS_IMPORT_TAKEN,
	    "a newer one");
	is_int(left("a.example"), WEEK - 60, "lasts from its own fetch");
	is_int(import("a.example", "testing", 30, WEEK), STS_IMPORT_WEAKER,
	    "a newer one that only tests");
	is_int(import("a.example", "none", 30, WEEK), STS_IMPORT_WEAKER,
	    "a newer one of mode none");
	is_int(import("a.example", "enforce", 30, DAY), STS_IMPORT_WEAKER,
	    "a newer one that would end earlier");
	is_int(left("a.example"), WEEK - 60, "none of them has changed it");
	have("t.example", "testing", HOUR, WEEK);
	is_int(import("t.example", "enforce", 60, WEEK), STS_IMPORT_TAKEN,
	    "a newer one that is stricter");
	is_int(import("n.example", "none", 60, WEEK), STS_IMPORT_WEAKER,
	    "mode none of a domain never looked up");
	is_int(left("n.example"), 0, "and nothing is written");
}

static void
times(void)
{
	is_int(import("old.example", "enforce", WEEK, WEEK), STS_IMPORT_EXPIRED,
	    "one that has just expired");
	is_int(left("old.example"), 0, "and nothing is written");
	have("past.example", "enforce", WEEK + 1, WEEK);
	is_int(import("past.example", "testing", HOUR, WEEK), STS_IMPORT_TAKEN,
	    "one that has expired here is replaced");
	is_int(import("ahead.example", "enforce", -10 * WEEK, WEEK),
	    STS_IMPORT_TAKEN, "fetched in the future");
	is_int(left("ahead.example"), WEEK, "is taken as fetched now");
	importer.now += HOUR;
	is_int(import("ahead.example", "enforce", -10 * WEEK, WEEK),
	    STS_IMPORT_NOT_NEWER, "the same an hour later prolongs nothing");
	importer.now += 2 * WEEK;
	is_int(import("ahead.example", "enforce", -10 * WEEK, WEEK),
	    STS_IMPORT_NOT_NEWER, "nor when it has expired");
	importer.now = now;
	have("b.example", "enforce", DAY, WEEK);
	is_int(import("b.example", "enforce", -WEEK, WEEK),
	    STS_IMPORT_NOT_NEWER, "replaces nothing that is here");
	is_int(import("zero.example", "enforce", 0, 0), STS_IMPORT_EXPIRED,
	    "max_age 0");
}

static void
damage(void)
{
	char command[200];

	have("bad.example", "enforce", DAY, WEEK);
	snprintf(command, sizeof(command),
	    "for f in %s/policies/*/bad.example; do echo x >>$f; done", top);
	if (system(command) != 0)
		tap_diag("%s", command);
	is_int(import("bad.example", "enforce", 60, WEEK), STS_IMPORT_DAMAGED,
	    "a damaged policy stays: nobody knows what was in it");
}

static void
room(void)
{
	char domain[32];
	int taken = 0, refused = 0;
	struct sts_importer small = {
	    .store = store, .now = now, .max = STS_STORE_BUCKETS};
	struct sts_importer before = importer;

	importer = small;
	for (int i = 0; i < 600; i++) {
		enum sts_import what;

		snprintf(domain, sizeof(domain), "d%d.example", i);
		what = import(domain, "enforce", 60, WEEK);
		taken += what == STS_IMPORT_TAKEN;
		refused += what == STS_IMPORT_NO_ROOM;
	}
	ok(taken > 0 && taken <= STS_STORE_BUCKETS,
	    "at most policies-max are taken: %d", taken);
	is_int(taken + refused, 600, "the others have no room");
	is_int(import("a.example", "enforce", 1, WEEK), STS_IMPORT_TAKEN,
	    "one that is here is replaced all the same");
	ok(left("new.example") > 0 && left("t.example") > 0,
	    "nothing was removed");
	importer = before;
}

int
main(void)
{
	char command[100];

	umask(022);
	if (mkdtemp(top) == NULL ||
	    (geteuid() == 0 &&
		(chown(top, 65534, 65534) != 0 || setgid(65534) != 0 ||
		    setuid(65534) != 0)) ||
	    chmod(top, 0750) != 0 ||
	    sts_store_open(&store, top, true) != STS_OK) {
		printf("Bail out! no store\n");
		return 1;
	}
	importer =
	    (struct sts_importer){.store = store, .now = now, .max = 100000};
	what_wins();
	times();
	damage();
	room();
	sts_store_close(store);
	snprintf(command, sizeof(command), "rm -rf %s", top);
	(void)!system(command);
	return tap_done();
}
