/* SPDX-License-Identifier: ISC */
/*
 * An untrusted client makes this sender look up names without end, one in four
 * with a policy of its own.  The store stays within its bounds, and what mail
 * has used on two days stays in it, marked as such.
 *
 * STS_NAMES: how many names, with the default bounds (make test-names).
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "store/file.h"
#include "store/store.h"
#include "tests/unit/lib/tap.h"
#include "tests/unit/lib/tap_store.h"

enum { KEPT = 400, ONE_IN = 4, BUCKETS = 256 };

static char dir[] = "/tmp/mta-sts-names.XXXXXX";
static const int64_t now = 1800000000;

/* The disk's time is not ours. */
int
fsync(int fd)
{
	(void)fd;
	return 0;
}

static double
seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static bool
write_policy(struct sts_store *store, const char *domain)
{
	bool replaced;

	return tap_put_policy(store, domain,
		   "version: STSv1\nmode: enforce\nmx: mx.names.test\n"
		   "max_age: 604800\n",
		   now - 100, 0, now, &replaced) == STS_OK &&
	    replaced;
}

/* What a lookup leaves that found a policy, or none. */
static bool
look_up(struct sts_store *store, const char *domain, bool has_policy,
    int64_t max, int64_t days)
{
	struct sts_check c = {.checked = now,
	    .next_check = now + 300,
	    .used = now,
	    .used_days = days};

	snprintf(c.domain, sizeof(c.domain), "%s", domain);
	if (!has_policy) {
		c.reason = STS_NO_RECORD;
		c.until = now + 3600;
	} else if (!write_policy(store, domain))
		return false;
	if (sts_store_write_check(store, &c) != STS_OK)
		return false;
	sts_store_trim(store, STS_KIND_CHECK, domain, max, now);
	if (has_policy)
		sts_store_trim(store, STS_KIND_POLICY, domain, max, now);
	return true;
}

struct sum {
	long files;
	long long bytes; /* on the disk */
};

static struct sum
sum_kind(struct sts_store *store, enum sts_kind kind)
{
	struct sum sum = {0, 0};

	for (unsigned i = 0; i < BUCKETS; i++) {
		int fd = sts_file_open_bucket(store, kind, i);
		DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
		struct dirent *entry;
		struct stat st;

		while (d != NULL && (entry = readdir(d)) != NULL) {
			if (entry->d_name[0] == '.' ||
			    fstatat(fd, entry->d_name, &st, 0) != 0)
				continue;
			sum.files++;
			sum.bytes += (long long)st.st_blocks * 512;
		}
		if (d != NULL)
			closedir(d);
	}
	return sum;
}

static int
count_kept(struct sts_store *store)
{
	int count = 0;

	for (int i = 0; i < KEPT; i++) {
		char domain[40];
		struct sts_check c;
		struct sts_entry e;

		snprintf(domain, sizeof(domain), "k%d.kept.test", i);
		if (sts_store_read_policy(store, domain, now, &e) != STS_OK)
			continue;
		sts_entry_free(&e);
		count +=
		    sts_store_read_check(store, domain, now, &c) == STS_OK &&
		    c.used_days == 2;
	}
	return count;
}

static void
report(
    struct sts_store *store, enum sts_kind kind, const char *what, int64_t max)
{
	struct sum sum = sum_kind(store, kind);
	/* One in 16 reads a large directory: so many may come in between. */
	long most = (long)max + BUCKETS * (max < 128 * BUCKETS ? 1 : 16) + KEPT;

	ok(sum.files <= most, "%s: %ld files with a bound of %lld, %lld bytes",
	    what, sum.files, (long long)max, sum.bytes);
}

static void
test_names(struct sts_store *store, long names, int64_t max)
{
	double began;
	long written = 0;
	bool good = true;

	for (int i = 0; i < KEPT; i++) {
		char domain[40];

		snprintf(domain, sizeof(domain), "k%d.kept.test", i);
		good = look_up(store, domain, true, max, 2) && good;
	}
	ok(good, "%d policies that mail has used on two days", KEPT);
	began = seconds();
	for (long i = 0; i < names; i++) {
		char domain[40];

		snprintf(domain, sizeof(domain), "n%ld.asked.test", i);
		written += look_up(store, domain, i % ONE_IN == 0, max, 1);
	}
	began = seconds() - began;
	ok(written == names, "%ld names, %.1f s, %.1f microseconds each",
	    written, began, began * 1e6 / (double)names);
	report(store, STS_KIND_POLICY, "policies", max);
	report(store, STS_KIND_CHECK, "checks", max);
	is_int(count_kept(store), KEPT,
	    "what mail used on two days is there, and is known to be");
}

int
main(void)
{
	const char *given = getenv("STS_NAMES");
	long names = given != NULL ? strtol(given, NULL, 10) : 3000;
	struct sts_store *store;
	char command[100];

	if (names <= 0 || !tap_own_directory(dir) ||
	    sts_store_open(&store, dir, true) != STS_OK) {
		printf("Bail out! no state directory\n");
		return 1;
	}
	/* A small store, to be full at once. */
	test_names(store, names, given != NULL ? 100000 : 1024);
	sts_store_close(store);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command) == 0 ? tap_done() : 1;
}
