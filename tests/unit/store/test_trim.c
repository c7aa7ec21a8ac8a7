/* SPDX-License-Identifier: ISC */
/*
 * What trimming removes from one directory of the store, and never more: also
 * where many processes find it full at once, as the resolvers that a burst of
 * mail starts.  Each sees files that another has just removed.
 */
/* The fortified ones are inline, and cannot be replaced. */
#undef _FORTIFY_SOURCE

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "store/file.h"
#include "store/store.h"
#include "tests/unit/lib/fortified.h"
#include "tests/unit/lib/tap.h"
#include "tests/unit/lib/tap_store.h"

enum {
	BUCKET = 7,
	/* So small a directory is read for each file. */
	SMALL = 8,
	FEW = 12, /* a quarter is removed at once */
	FULL = 100,
	AT_ONCE = 32 /* processes */
};

static char dir[] = "/tmp/mta-sts-trim.XXXXXX";
static const int64_t now = 1800000000;

/* The disk's time is not ours. */
int
fsync(int fd)
{
	(void)fd;
	return 0;
}

/* Before the call of that number another process trims; 0: none does. */
static int calls, other_at;
static void other_trims(void);

static void
count_call(void)
{
	if (other_at == 0 || ++calls != other_at)
		return;
	other_at = 0;
	other_trims();
}

static int
open_at(int in, const char *path, int flags, unsigned mode)
{
	count_call();
	return (int)syscall(SYS_openat, in, path, flags, mode);
}

int
unlinkat(int in, const char *path, int flags)
{
	count_call();
	return (int)syscall(SYS_unlinkat, in, path, flags);
}

/* The n-th name of a kind in the directory; a static buffer. */
static const char *
name(const char *prefix, int n)
{
	static char domain[40];

	for (unsigned i = 0;; i++) {
		snprintf(domain, sizeof(domain), "%s%u.test", prefix, i);
		if (sts_file_bucket(domain) == BUCKET && n-- == 0)
			return domain;
	}
}

static const char *
path_of(const char *kind, const char *domain)
{
	static char path[600];

	snprintf(
	    path, sizeof(path), "%s/%s/%02x/%s", dir, kind, BUCKET, domain);
	return path;
}

/* Microseconds of the second in which policies are fetched. */
static int64_t fetched_us;

static bool
write_policy(struct sts_store *store, const char *domain, int64_t fetched)
{
	bool replaced;

	return tap_put_policy(store, domain,
		   "version: STSv1\nmode: enforce\nmx: mx.trim.test\n"
		   "max_age: 604800\n",
		   fetched, fetched_us, now, &replaced) == STS_OK &&
	    replaced;
}

/* What a lookup by mail leaves: a policy that was used on one day, or none. */
static bool
look_up(struct sts_store *store, enum sts_kind kind, const char *domain,
    int64_t when)
{
	struct sts_check c = {.checked = when,
	    .next_check = when + 300,
	    .used = when,
	    .used_days = 1};

	snprintf(c.domain, sizeof(c.domain), "%s", domain);
	if (kind == STS_KIND_CHECK) {
		c.reason = STS_NO_RECORD;
		c.until = now + 3600;
	} else if (!write_policy(store, domain, when))
		return false;
	return sts_store_write_check(store, &c) == STS_OK;
}

/* Sets the time of the last write, by which checks are ranked. */
static bool
set_age(const char *domain, int seconds, int64_t us)
{
	const struct timespec when = {time(NULL) - seconds, (long)us * 1000};
	const struct timespec then[2] = {when, when};

	return utimensat(AT_FDCWD, path_of("checks", domain), then, 0) == 0;
}

/* So many lookups, the first of them the oldest; returns how many failed. */
static int
fill(struct sts_store *store, enum sts_kind kind, int count)
{
	int faults = 0;

	for (int i = 0; i < count; i++) {
		const char *domain = name("old", i);

		faults += !look_up(store, kind, domain, now - 1000 + i) ||
		    !set_age(domain, 1000 - i, 0);
	}
	return faults;
}

static int
count_files(struct sts_store *store, enum sts_kind kind)
{
	DIR *d = fdopendir(sts_file_open_bucket(store, kind, BUCKET));
	struct dirent *entry;
	int count = 0;

	while (d != NULL && (entry = readdir(d)) != NULL)
		count += entry->d_name[0] != '.';
	if (d != NULL)
		closedir(d);
	return count;
}

/* Every test begins with an empty store. */
static struct sts_store *
new_store(void)
{
	struct sts_store *store;
	char command[100];

	snprintf(command, sizeof(command), "rm -rf %s/*", dir);
	if (system(command) != 0 ||
	    sts_store_open(&store, dir, true) != STS_OK) {
		printf("Bail out! no store\n");
		exit(1);
	}
	return store;
}

/* The check of a policy stays, and others make the room. */
static void
test_stays(void)
{
	enum { POLICIES = 5 };
	struct sts_store *store = new_store();
	bool good = fill(store, STS_KIND_POLICY, POLICIES) == 0;
	int most = 0, stay = 0;

	for (int i = 0; i < 40; i++) {
		const char *domain = name("none", i);
		int count;

		good = look_up(store, STS_KIND_CHECK, domain, now) && good;
		sts_store_trim(store, STS_KIND_CHECK, domain, SMALL * 256, now);
		count = count_files(store, STS_KIND_CHECK);
		most = count > most ? count : most;
	}
	for (int i = 0; i < POLICIES; i++)
		stay += access(path_of("checks", name("old", i)), F_OK) == 0;
	ok(good, "lookups");
	is_int(stay, POLICIES, "the checks of policies, the oldest, are there");
	/* Half of the room left is filled before it is read again. */
	ok(most <= SMALL + SMALL / 4, "with a bound of %d never more than %d",
	    SMALL, most);
	sts_store_close(store);
}

/* A directory under a domain's name holds no place in the count for good. */
static void
test_directory(void)
{
	struct sts_store *store = new_store();
	const char *path = path_of("checks", name("stray", 0));

	ok(look_up(store, STS_KIND_CHECK, name("none", 0), now) &&
		mkdir(path, 0750) == 0,
	    "a directory under a domain's name");
	sts_store_trim(store, STS_KIND_CHECK, name("none", 0), 1, now);
	ok(access(path, F_OK) != 0, "is removed when room is made");
	is_int(count_files(store, STS_KIND_CHECK), 1, "the new check is not");
	sts_store_close(store);
}

/* What a process does that looks a name up and makes room. */
static bool
add_and_trim(enum sts_kind kind, const char *of, int bound, int at)
{
	struct sts_store *store;
	char domain[40];
	bool good;

	snprintf(domain, sizeof(domain), "%s", of);
	if (sts_store_open(&store, dir, true) != STS_OK)
		return false;
	good = look_up(store, kind, domain, now);
	calls = 0;
	other_at = at;
	sts_store_trim(store, kind, domain, (int64_t)bound * 256, now);
	sts_store_close(store);
	return good;
}

/* What was written last in a second is not the first to go, by its name. */
static void
test_one_second(enum sts_kind kind, const char *what)
{
	struct sts_store *store = new_store();
	bool good = true;
	char last[40];

	for (int i = 0; i < FEW; i++) {
		const char *domain = name("old", i);

		fetched_us = i;
		good = look_up(store, kind, domain, now) &&
		    set_age(domain, 1000, i) && good;
	}
	snprintf(last, sizeof(last), "%s", name("last", 0));
	fetched_us = 999999;
	good = look_up(store, kind, last, now) &&
	    set_age(last, 1000, fetched_us) && good;
	good = add_and_trim(kind, name("other", 0), FEW, 0) && good;
	fetched_us = 0;
	ok(good && count_files(store, kind) <= FEW,
	    "%s: many of one second, and room is made", what);
	ok(!sts_file_is_missing(store, kind, last), "%s: the last stays", what);
	sts_store_close(store);
}

static enum sts_kind other_kind;
static bool other_good;

static void
other_trims(void)
{
	other_good = add_and_trim(other_kind, name("other", 0), FEW, 0);
}

/* One trims, and before each of its calls in turn another does. */
static void
test_steps(enum sts_kind kind, const char *what)
{
	int least = FEW, gone = 0, faults = 0, steps = 0;

	other_kind = kind;
	do {
		struct sts_store *store = new_store();

		faults += fill(store, kind, FEW);
		other_good = true;
		faults += !add_and_trim(kind, name("new", 0), FEW, ++steps) ||
		    !other_good;
		gone += sts_file_is_missing(store, kind, name("new", 0));
		if (other_at == 0)
			gone +=
			    sts_file_is_missing(store, kind, name("other", 0));
		if (count_files(store, kind) < least)
			least = count_files(store, kind);
		sts_store_close(store);
	} while (other_at == 0);
	other_at = 0;
	ok(steps > FEW / 4, "%s: another trims at each of %d calls", what,
	    steps - 1);
	is_int(faults, 0, "%s: both can", what);
	is_int(gone, 0, "%s: what both have written is there", what);
	ok(least >= FEW - FEW / 4,
	    "%s: they remove the same quarter of %d, %d stay", what, FEW,
	    least);
}

/* In a child.  0 where the name is there then. */
static int
one_of_many(enum sts_kind kind, const char *domain, int go)
{
	struct sts_store *store;
	char byte;

	(void)!read(go, &byte, 1);
	if (!add_and_trim(kind, domain, FULL, 0) ||
	    sts_store_open(&store, dir, true) != STS_OK)
		return 2;
	return sts_file_is_missing(store, kind, domain) ? 1 : 0;
}

static void
test_many(enum sts_kind kind, const char *what)
{
	struct sts_store *store = new_store();
	int go[2], status, left, gone = 0, faults = fill(store, kind, FULL);

	if (pipe(go) != 0) {
		ok(false, "a pipe");
		return;
	}
	for (int i = 0; i < AT_ONCE; i++) {
		const char *domain = name("new", i);

		if (fork() != 0)
			continue;
		close(go[1]);
		_exit(one_of_many(kind, domain, go[0]));
	}
	close(go[0]);
	close(go[1]); /* all begin */
	while (wait(&status) > 0) {
		gone += WIFEXITED(status) && WEXITSTATUS(status) == 1;
		faults += !WIFEXITED(status) || WEXITSTATUS(status) > 1;
	}
	is_int(
	    faults, 0, "%s: %d processes find a full directory", what, AT_ONCE);
	is_int(gone, 0, "%s: what each has written is there", what);
	left = count_files(store, kind);
	ok(left >= FULL - FULL / 4, "%s: no more than a quarter goes, %d stay",
	    what, left);
	ok(left <= FULL + AT_ONCE, "%s: and no more than came", what);
	sts_store_close(store);
}

int
main(void)
{
	if (!tap_own_directory(dir)) {
		printf("Bail out! no state directory\n");
		return 1;
	}
	test_stays();
	test_directory();
	test_one_second(STS_KIND_POLICY, "policies");
	test_one_second(STS_KIND_CHECK, "checks");
	test_steps(STS_KIND_POLICY, "policies");
	test_steps(STS_KIND_CHECK, "checks");
	test_many(STS_KIND_POLICY, "policies");
	test_many(STS_KIND_CHECK, "checks");
	tap_remove(dir);
	return tap_done();
}
