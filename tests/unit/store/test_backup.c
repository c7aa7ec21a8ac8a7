/* SPDX-License-Identifier: ISC */
/*
 * BACKUP-1: a state directory that a backup has hard-linked (cp -al) goes on
 * as before, and the policies in the backup stay as they were.  DISK-1: what
 * domains with large policy files cost on the disk.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/file.h"
#include "store/store.h"
#include "tests/unit/lib/tap.h"
#include "tests/unit/lib/tap_store.h"

enum { DOMAINS = 60 };

static char dir[] = "/tmp/mta-sts-backup.XXXXXX";
static char state[sizeof(dir) + 8], backup[sizeof(dir) + 8];
static const int64_t now = 1800000000;

static const char *
name_of(int i)
{
	static char domain[40];

	snprintf(domain, sizeof(domain), "d%d.backup.test", i);
	return domain;
}

/* 63 KB of lines that are no field of a policy, and three that are. */
static const char *
large_body(void)
{
	static char body[STS_BODY_MAX];
	size_t len = 0;

	len += (size_t)sprintf(body, "version: STSv1\nmode: enforce\n");
	while (len < 63 * 1024)
		len += (size_t)sprintf(body + len, "x-y: ignored \x01\n");
	sprintf(body + len, "mx: a.test\nmax_age: 604800\n");
	return body;
}

static bool
write_policy(struct sts_store *store, const char *domain, int64_t fetched)
{
	bool replaced;

	return tap_put_policy(store, domain, large_body(), fetched, 0, now,
		   &replaced) == STS_OK &&
	    replaced;
}

static bool
write_check(struct sts_store *store, const char *domain, int64_t checked)
{
	struct sts_check c = {.checked = checked, .used = checked};

	snprintf(c.domain, sizeof(c.domain), "%s", domain);
	return sts_store_write_check(store, &c) == STS_OK;
}

/* How many domains have a policy of that time. */
static int
count_fetched(const char *path, int64_t fetched)
{
	struct sts_store *store;
	int count = 0;

	if (sts_store_open(&store, path, false) != STS_OK)
		return -1;
	for (int i = 0; i < DOMAINS; i++) {
		struct sts_entry e;

		if (sts_store_read_policy(store, name_of(i), now, &e) != STS_OK)
			continue;
		count += e.fetched == fetched;
		sts_entry_free(&e);
	}
	sts_store_close(store);
	return count;
}

static void
test_disk(struct sts_store *store)
{
	long long bytes = 0;
	int written = 0;

	for (int i = 0; i < DOMAINS; i++) {
		char path[300];
		struct stat st;

		written += write_policy(store, name_of(i), now - 1000);
		snprintf(path, sizeof(path), "%s/policies/%02x/%s", state,
		    sts_file_bucket(name_of(i)), name_of(i));
		if (stat(path, &st) == 0)
			bytes += st.st_size;
	}
	is_int(written, DOMAINS, "%d policies of 63 KB", DOMAINS);
	ok(bytes > 0 && bytes < DOMAINS * 400, "%lld bytes in files", bytes);
}

static void
test_backup(struct sts_store *store)
{
	char command[300];
	struct sts_check c;
	bool good = true;

	snprintf(command, sizeof(command), "cp -al %s %s", state, backup);
	is_int(system(command), 0, "a backup by hard links");
	is_int(count_fetched(state, now - 1000), DOMAINS,
	    "every policy is read as before");
	is_int(count_fetched(backup, now - 1000), DOMAINS, "in the backup too");
	for (int i = 0; i < DOMAINS; i++) {
		const char *domain = name_of(i);

		good = write_policy(store, domain, now - 500) &&
		    write_check(store, domain, now - 500) && good;
		good = sts_store_read_check(store, domain, now, &c) == STS_OK &&
		    c.checked == now - 500 && good;
	}
	ok(good, "policies and checks are written");
	is_int(count_fetched(state, now - 500), DOMAINS, "and are there");
	is_int(count_fetched(backup, now - 1000), DOMAINS,
	    "the backup has what it had");
}

static bool
become_owner(void)
{
	if (mkdtemp(dir) == NULL)
		return false;
	/* Nobody's files are written as root. */
	if (getuid() == 0 &&
	    (chown(dir, 65534, 65534) != 0 || setgid(65534) != 0 ||
		setuid(65534) != 0))
		return false;
	snprintf(state, sizeof(state), "%s/state", dir);
	snprintf(backup, sizeof(backup), "%s/backup", dir);
	return mkdir(state, 0750) == 0;
}

int
main(void)
{
	struct sts_store *store;
	char command[100];

	if (!become_owner() || sts_store_open(&store, state, true) != STS_OK) {
		printf("Bail out! no state directory\n");
		return 1;
	}
	test_disk(store);
	for (int i = 0; i < DOMAINS; i++)
		(void)write_check(store, name_of(i), now - 900);
	test_backup(store);
	sts_store_close(store);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command) == 0 ? tap_done() : 1;
}
