/* SPDX-License-Identifier: ISC */
/*
 * Test-only writer: makes a store's entry look as if time had passed, by
 * moving all its times into the past.  Production has no clock switch.
 *
 * usage: help_age STATE-DIR DOMAIN SECONDS
 *        help_age STATE-DIR DOMAIN set FIELD VALUE
 *
 * FIELD is fetched, expires, checked, next-check, used, failed-next or
 * max-age (which rewrites the body).  Also moves an absence.
 * Runs as the owner of the state directory (it becomes that user as root).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/store.h"

/* No clamping: as far in the future as a file may say. */
static const int64_t far_future = INT64_C(1) << 52;

static void
shift(int64_t *time, int64_t seconds)
{
	if (*time > 0)
		*time -= seconds;
}

static int
age_policy(struct sts_store *store, const char *domain, int64_t seconds)
{
	struct sts_entry e;
	int result = 1;

	if (sts_store_read_policy(store, domain, far_future, &e) != STS_OK)
		return 0;
	shift(&e.fetched, seconds);
	shift(&e.expires, seconds);
	shift(&e.checked, seconds);
	shift(&e.next_check, seconds);
	shift(&e.used, seconds);
	shift(&e.failed_at, seconds);
	shift(&e.failed_next, seconds);
	if (sts_store_write_policy(store, &e, true) != STS_OK)
		result = -1;
	sts_entry_free(&e);
	return result;
}

static int
age_absence(struct sts_store *store, const char *domain, int64_t seconds)
{
	struct sts_absence a;

	if (sts_store_read_absence(store, domain, far_future, &a) != STS_OK)
		return 0;
	shift(&a.recorded, seconds);
	shift(&a.until, seconds);
	shift(&a.used, seconds);
	return sts_store_write_absence(store, &a) == STS_OK ? 1 : -1;
}

static int
set_field(struct sts_store *store, const char *domain, const char *field,
    int64_t value)
{
	static const char *const names[] = {"fetched", "expires", "checked",
	    "next-check", "used", "failed-next"};
	struct sts_entry e;
	int64_t *const fields[] = {&e.fetched, &e.expires, &e.checked,
	    &e.next_check, &e.used, &e.failed_next};
	int result = -1;

	if (sts_store_read_policy(store, domain, far_future, &e) != STS_OK)
		return -1;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(names[i], field) == 0) {
			*fields[i] = value;
			result = 1;
		}
	}
	if (result == 1 && sts_store_write_policy(store, &e, true) != STS_OK)
		result = -1;
	sts_entry_free(&e);
	return result;
}

/* As root, becomes the owner of the state directory. */
static void
become_owner(const char *dir)
{
	struct stat st;

	if (getuid() != 0)
		return;
	if (stat(dir, &st) != 0 || setgid(st.st_gid) != 0 ||
	    setuid(st.st_uid) != 0) {
		perror(dir);
		exit(3);
	}
}

int
main(int argc, char **argv)
{
	struct sts_store *store;
	int done;

	if (argc != 4 && !(argc == 6 && strcmp(argv[3], "set") == 0)) {
		fprintf(stderr, "usage: help_age STATE-DIR DOMAIN SECONDS\n"
				"       help_age STATE-DIR DOMAIN set FIELD "
				"VALUE\n");
		return 2;
	}
	become_owner(argv[1]);
	if (sts_store_open(&store, argv[1], true) != STS_OK) {
		fprintf(stderr, "help_age: cannot open %s\n", argv[1]);
		return 3;
	}
	if (argc == 6)
		done = set_field(store, argv[2], argv[4], atoll(argv[5]));
	else {
		int policy = age_policy(store, argv[2], atoll(argv[3]));
		int absence = age_absence(store, argv[2], atoll(argv[3]));

		done = policy < 0 || absence < 0 ? -1 : policy + absence;
	}
	sts_store_close(store);
	if (done <= 0)
		fprintf(stderr, "help_age: no entry of %s\n", argv[2]);
	return done > 0 ? 0 : 1;
}
