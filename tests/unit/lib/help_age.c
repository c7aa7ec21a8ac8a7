/* SPDX-License-Identifier: ISC */
/*
 * Test-only writer: makes a store's entry look as if time had passed, by
 * moving all its times into the past.  Production has no clock switch.
 *
 * usage: help_age STATE-DIR DOMAIN SECONDS
 *        help_age STATE-DIR DOMAIN set FIELD VALUE
 *
 * FIELD is fetched or expires (of the policy), or checked, next-check, until,
 * used, used-days, failed-since, failed-next, refetched, warned or unused (of
 * the check).  Runs as the owner of the state directory (it becomes that user
 * as root).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/store.h"

/* No clamping: as far in the future as a file may say. */
static const int64_t far_future = INT64_C(1) << 52;

struct known {
	struct sts_entry entry;
	struct sts_check check;
	bool has_entry, has_check;
};

static void
shift(int64_t *time, int64_t seconds)
{
	if (*time > 0)
		*time -= seconds;
}

static void
age(struct known *k, int64_t seconds)
{
	shift(&k->entry.fetched, seconds);
	shift(&k->entry.expires, seconds);
	shift(&k->check.checked, seconds);
	shift(&k->check.next_check, seconds);
	shift(&k->check.until, seconds);
	shift(&k->check.failed_since, seconds);
	shift(&k->check.failed_next, seconds);
	shift(&k->check.refetched, seconds);
	shift(&k->check.warned, seconds);
	shift(&k->check.used, seconds);
	shift(&k->check.unused, seconds);
	shift(&k->check.tlsrpt_next, seconds);
}

static bool
set_field(struct known *k, const char *field, int64_t value)
{
	struct {
		const char *name;
		int64_t *value;
		bool has;
	} fields[] = {
	    {"fetched", &k->entry.fetched, k->has_entry},
	    {"expires", &k->entry.expires, k->has_entry},
	    {"checked", &k->check.checked, k->has_check},
	    {"next-check", &k->check.next_check, k->has_check},
	    {"until", &k->check.until, k->has_check},
	    {"used", &k->check.used, k->has_check},
	    {"used-days", &k->check.used_days, k->has_check},
	    {"failed-since", &k->check.failed_since, k->has_check},
	    {"failed-next", &k->check.failed_next, k->has_check},
	    {"refetched", &k->check.refetched, k->has_check},
	    {"warned", &k->check.warned, k->has_check},
	    {"unused", &k->check.unused, k->has_check},
	    {"tlsrpt-next", &k->check.tlsrpt_next, k->has_check},
	};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (fields[i].has && strcmp(fields[i].name, field) == 0) {
			*fields[i].value = value;
			return true;
		}
	}
	return false;
}

/* The store puts no older policy in place of a newer one. */
static void
make_room(struct sts_store *store, const char *domain)
{
	struct sts_entry e;

	if (sts_store_read_policy(store, domain, far_future, &e) != STS_OK)
		return;
	(void)sts_store_remove_policy(store, &e);
	sts_entry_free(&e);
}

static bool
write_back(struct sts_store *store, const char *domain, struct known *k)
{
	bool replaced;

	make_room(store, domain);
	if (k->has_entry &&
	    sts_store_write_policy(store, &k->entry, far_future, &replaced) !=
		STS_OK)
		return false;
	return !k->has_check ||
	    sts_store_write_check(store, &k->check) == STS_OK;
}

static bool
change(struct sts_store *store, int argc, char **argv)
{
	struct known k;
	bool done = true;

	k.has_entry = sts_store_read_policy(
			  store, argv[2], far_future, &k.entry) == STS_OK;
	k.has_check = sts_store_read_check(
			  store, argv[2], far_future, &k.check) == STS_OK;
	if (!k.has_entry && !k.has_check)
		return false;
	if (argc == 6)
		done = set_field(&k, argv[4], atoll(argv[5]));
	else
		age(&k, atoll(argv[3]));
	done = done && write_back(store, argv[2], &k);
	if (k.has_entry)
		sts_entry_free(&k.entry);
	return done;
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
	bool done;

	if (argc != 4 && !(argc == 6 && strcmp(argv[3], "set") == 0)) {
		fprintf(stderr,
		    "usage: help_age STATE-DIR DOMAIN SECONDS\n"
		    "       help_age STATE-DIR DOMAIN set FIELD "
		    "VALUE\n");
		return 2;
	}
	become_owner(argv[1]);
	if (sts_store_open(&store, argv[1], true) != STS_OK) {
		fprintf(stderr, "help_age: cannot open %s\n", argv[1]);
		return 3;
	}
	done = change(store, argc, argv);
	sts_store_close(store);
	if (!done)
		fprintf(stderr, "help_age: nothing to change of %s\n", argv[2]);
	return done ? 0 : 1;
}
