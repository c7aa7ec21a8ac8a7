/* SPDX-License-Identifier: ISC */
/*
 * A store that is known and not opened (sts_store_know): outcomes are appended
 * as to an open one, by the owner alone, and nothing else is done with it.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/outcomes.h"
#include "tests/unit/lib/tap.h"

static char dir[] = "/tmp/mta-sts-known.XXXXXX";

static const struct sts_outcome outcome = {.time = 1800000000,
    .domain = "d.test",
    .type = STS_POLICY_TYPE_NO_POLICY_FOUND,
    .mx = "mx.d.test"};

static bool
on_outcome(void *arg, const struct sts_outcome *o)
{
	*(int *)arg += strcmp(o->domain, "d.test") == 0;
	return true;
}

/* As a reader finds them, which opens the store. */
static int
count(void)
{
	int found = 0;
	struct sts_outcomes_reader reader = {on_outcome, NULL, &found, 0};
	struct sts_store *store;

	if (sts_store_open(&store, dir, false) != STS_OK)
		return -1;
	(void)sts_outcomes_read(store, outcome.time / STS_DAY, &reader);
	sts_store_close(store);
	return found;
}

static unsigned
mode_of(const char *name)
{
	char path[100];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return stat(path, &st) == 0 ? st.st_mode & 07777 : 0;
}

static void
test_append(void)
{
	struct sts_store *store;

	is_int(sts_store_know(&store, dir, geteuid()), STS_OK,
	    "the owner knows the store");
	umask(077);
	is_int(sts_outcomes_append(store, &outcome), STS_OK,
	    "the first outcome of all");
	is_int(sts_outcomes_append(store, &outcome), STS_OK, "the next one");
	umask(022);
	is_int(count(), 2, "are read like any other");
	is_int(mode_of("outcomes"), 0750, "the directory is as ever");
	is_int(mode_of("outcomes/2027-01-15"), 0640, "and so is the file");
	sts_store_close(store);
}

static void
test_users(void)
{
	struct sts_store *store;

	is_int(sts_store_know(&store, dir, 0), STS_STATE_OWNER,
	    "root owns none that is appended to");
	ok(store == NULL, "and gets none");
	is_int(sts_store_know(&store, dir, geteuid() + 1), STS_STATE_OWNER,
	    "another user than the owner");
	ok(store == NULL, "gets none");
}

static void
test_paths(void)
{
	static char path[PATH_MAX + 10];
	struct sts_store *store;

	memset(path, 'x', sizeof(path) - 1);
	path[0] = '/';
	is_int(sts_store_know(&store, path, geteuid()), STS_OK, "a long path");
	is_int(sts_outcomes_append(store, &outcome), STS_STATE_UNWRITABLE,
	    "is not one to append to");
	sts_store_close(store);
	is_int(sts_store_know(&store, "/nonexistent/mta-sts", geteuid()),
	    STS_OK, "a directory that is gone");
	ok(sts_outcomes_append(store, &outcome) != STS_OK, "is none either");
	sts_store_close(store);
}

/* A policy that is not found would be "no policy". */
static void
test_nothing_else(void)
{
	struct sts_store *store;
	struct sts_entry entry;
	struct sts_check check;
	enum sts_status status;

	if (chdir(dir) != 0 ||
	    sts_store_know(&store, dir, geteuid()) != STS_OK) {
		ok(false, "a store");
		return;
	}
	status = sts_store_read_policy(store, "d.test", outcome.time, &entry);
	ok(status != STS_OK && status != STS_NOT_FOUND,
	    "no policy is read from it: %s", sts_status_name(status));
	status = sts_store_read_check(store, "d.test", outcome.time, &check);
	ok(status != STS_OK, "nor a check: %s", sts_status_name(status));
	sts_store_close(store);
}

int
main(void)
{
	char command[64];

	if (!tap_own_directory(dir))
		return 1;
	test_append();
	test_users();
	test_paths();
	test_nothing_else();
	snprintf(command, sizeof(command), "rm -rf %s 2>/dev/null", dir);
	(void)!system(command);
	return tap_done();
}
