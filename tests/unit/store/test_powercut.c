/* SPDX-License-Identifier: ISC */
/*
 * The power goes: the store's writing calls are recorded, and for each prefix
 * of them the directories are made that a file system on the model of XFS may
 * leave.  What was written and not synced is there, or not, or zero bytes; a
 * name whose directory was not synced since is there or not, each for itself.
 * Every policy must be whole, and none older than the last that was reported
 * as stored.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/policy.h"
#include "store/file.h"
#include "store/store.h"
#include "tests/unit/lib/power_calls.h"
#include "tests/unit/lib/tap.h"

enum { SUBSETS_MAX = 6 }; /* pending names that are tried in all subsets */

/* What has been reported: after how many calls, which `fetched` is there. */
static struct report {
	size_t after;
	int64_t fetched; /* 0: none */
} reports[CALLS_MAX];
static size_t report_count;

static char dir[] = "/tmp/mta-sts-powercut.XXXXXX";
static char after_dir[sizeof(dir) + 8];
static const int64_t now = 1800000000;
static unsigned long states;

/* What is left after a power cut. */

static bool
is_name_call(const struct call *c)
{
	return c->kind == CREATE || c->kind == RENAME || c->kind == REMOVE ||
	    c->kind == MAKE_DIR;
}

static bool
is_synced(size_t i, size_t cut)
{
	for (size_t j = i + 1; j < cut; j++) {
		if (calls[j].kind == SYNC_DIR &&
		    strcmp(calls[j].dir, calls[i].dir) == 0)
			return true;
	}
	return false;
}

enum loss { LOSE_NOTHING, LOSE_BYTES, ZERO_BYTES, LOSSES };

/* What a file contains: what was synced, and what came since or was lost. */
static struct content
content_after(int file, size_t cut, enum loss loss)
{
	struct content synced = {0}, last = {0};
	bool dirty = false;

	for (size_t i = 0; i < cut; i++) {
		if (calls[i].file != file)
			continue;
		if (calls[i].kind == CONTENT && calls[i].content != NULL) {
			last = *calls[i].content;
			dirty = true;
		} else if (calls[i].kind == SYNC_FILE) {
			synced = last;
			dirty = false;
		}
	}
	if (dirty && loss == ZERO_BYTES)
		memset(last.bytes, 0, sizeof(last.bytes));
	return dirty && loss == LOSE_BYTES ? synced : last;
}

static bool
has_dir(const struct name *made, size_t count, const char *path)
{
	char parent[NAME_LEN];
	char *slash;

	snprintf(parent, sizeof(parent), "%s", path);
	slash = strchr(parent, '/');
	if (slash != NULL)
		*slash = '\0';
	return find_name(made, count, ".", parent) != NULL &&
	    (slash == NULL || find_name(made, count, parent, path) != NULL);
}

/* The names that are there: each call that is pending by its bit of `kept`. */
static size_t
names_after(size_t cut, unsigned kept, struct name *list)
{
	size_t count = 0;
	unsigned pending = 0;

	for (size_t i = 0; i < cut; i++) {
		const struct call *c = &calls[i];

		if (!is_name_call(c) ||
		    (!is_synced(i, cut) && (kept >> (pending++ % 32) & 1) == 0))
			continue;
		if (c->kind == RENAME)
			set_name(list, &count, c->dir, c->from, -1);
		set_name(list, &count, c->dir, c->name,
		    c->kind == MAKE_DIR ? 0 : c->file);
	}
	return count;
}

static unsigned
count_pending(size_t cut)
{
	unsigned count = 0;

	for (size_t i = 0; i < cut; i++)
		count += is_name_call(&calls[i]) && !is_synced(i, cut);
	return count;
}

/* Makes the file of a domain as it would be, or removes it. */
static void
make_state(size_t cut, unsigned kept, enum loss loss, const char *domain)
{
	static struct name list[NAMES_MAX];
	char in[NAME_LEN], path[600];
	size_t count = names_after(cut, kept, list);
	const struct name *n;
	struct content content;
	int fd;

	snprintf(in, sizeof(in), "policies/%02x", sts_file_bucket(domain));
	snprintf(path, sizeof(path), "%s/%s/%s", after_dir, in, domain);
	(void)unlink(path);
	n = find_name(list, count, in, domain);
	if (n == NULL || n->file < 0 || !has_dir(list, count, in))
		return;
	content = content_after(n->file, cut, loss);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0640);
	if (fd < 0 || write(fd, content.bytes, content.len) < 0)
		ok(false, "%s is made", path);
	if (fd >= 0)
		close(fd);
}

/* What was reported last before the cut, or anything that came after it. */
static bool
is_allowed(size_t cut, int64_t fetched)
{
	size_t first = 0;

	for (size_t i = 0; i < report_count; i++) {
		if (reports[i].after <= cut)
			first = i;
	}
	for (size_t i = first; i < report_count; i++) {
		if (reports[i].fetched == fetched)
			return true;
		/* Only the change that was under way. */
		if (i > first)
			break;
	}
	/* A removal may be undone: it is made again. */
	return reports[first].fetched == 0 && first > 0 &&
	    reports[first - 1].fetched == fetched;
}

static bool
check_state(
    struct sts_store *after, size_t cut, const char *domain, const char *what)
{
	struct sts_entry e;
	enum sts_status status = sts_store_read_policy(after, domain, now, &e);
	int64_t fetched = 0;

	states++;
	if (status == STS_OK) {
		fetched = e.fetched;
		sts_entry_free(&e);
	}
	if ((status == STS_OK || status == STS_NOT_FOUND) &&
	    is_allowed(cut, fetched))
		return true;
	tap_diag("%s: after %zu of %zu calls: %s, fetched %lld", what, cut,
	    call_count, sts_status_name(status), (long long)fetched);
	return false;
}

static bool
check_cut(
    struct sts_store *after, size_t cut, const char *domain, const char *what)
{
	unsigned pending = count_pending(cut);
	unsigned subsets =
	    pending < SUBSETS_MAX ? 1u << pending : 1u << SUBSETS_MAX;
	bool good = true;

	for (unsigned kept = 0; kept < subsets; kept++) {
		/* The latest calls in all subsets, those before kept or not. */
		unsigned shift =
		    pending > SUBSETS_MAX ? pending - SUBSETS_MAX : 0;
		unsigned mask = kept << (shift % 32);

		for (unsigned old = 0; old < (shift > 0 ? 2u : 1u); old++) {
			unsigned all = old > 0 ? (1u << (shift % 32)) - 1 : 0;

			for (int loss = 0; loss < LOSSES; loss++) {
				make_state(
				    cut, mask | all, (enum loss)loss, domain);
				good = check_state(after, cut, domain, what) &&
				    good;
			}
		}
	}
	return good;
}

/* The changes. */

static void
report(int64_t fetched)
{
	reports[report_count++] = (struct report){call_count, fetched};
}

static void
put_policy(struct sts_store *store, const char *domain, int64_t fetched)
{
	static const char body[] =
	    "version: STSv1\nmode: enforce\nmx: mx.cut.test\nmax_age: 604800\n";
	struct sts_policy policy;
	struct sts_entry e;
	bool replaced = false;

	if (sts_policy_parse(&policy, body, strlen(body), NULL, NULL) !=
		STS_OK ||
	    sts_entry_make(&e, domain, "1", &policy, fetched, 0, 300) !=
		STS_OK ||
	    sts_store_write_policy(store, &e, now, &replaced) != STS_OK ||
	    !replaced)
		ok(false, "a policy is written");
	sts_entry_free(&e);
}

static void
write_policy(struct sts_store *store, const char *domain, int64_t fetched)
{
	put_policy(store, domain, fetched);
	report(fetched);
}

static void
write_check(struct sts_store *store, const char *domain, int64_t checked)
{
	struct sts_check c = {.checked = checked};

	snprintf(c.domain, sizeof(c.domain), "%s", domain);
	is_int(sts_store_write_check(store, &c), STS_OK, "a check is written");
}

static void
remove_policy(struct sts_store *store, const char *domain)
{
	struct sts_entry e;

	if (sts_store_read_policy(store, domain, now, &e) != STS_OK)
		return;
	is_int(
	    sts_store_remove_policy(store, &e), STS_OK, "a policy is removed");
	sts_entry_free(&e);
	report(0);
}

static void
first_policy(struct sts_store *store, const char *domain)
{
	write_policy(store, domain, now - 1000);
	write_check(store, domain, now - 1000);
}

static void
replacement(struct sts_store *store, const char *domain)
{
	write_policy(store, domain, now - 1000);
	write_policy(store, domain, now - 900);
}

static void
removal(struct sts_store *store, const char *domain)
{
	write_policy(store, domain, now - 1000);
	remove_policy(store, domain);
	write_policy(store, domain, now - 900);
}

static void
many(struct sts_store *store, const char *domain)
{
	for (int64_t i = 0; i < 12; i++)
		write_policy(store, domain, now - 1000 + i);
}

/* Their maker was killed, or has yet to sync them. */
static void
directories_of_another(struct sts_store *store, const char *domain)
{
	char path[NAME_LEN];

	snprintf(path, sizeof(path), "policies/%02x", sts_file_bucket(domain));
	if (mkdirat(store->dir, "policies", 0750) != 0 ||
	    mkdirat(store->dir, path, 0750) != 0)
		ok(false, "%s is made", path);
	write_policy(store, domain, now - 1000);
}

/* The same once this process has synced what there was. */
static void
directory_of_another_later(struct sts_store *store, const char *domain)
{
	char path[NAME_LEN];

	put_policy(store, "other.test", now - 1000);
	snprintf(path, sizeof(path), "policies/%02x", sts_file_bucket(domain));
	if (mkdirat(store->dir, path, 0750) != 0)
		ok(false, "%s is made", path);
	write_policy(store, domain, now - 1000);
}

static void
checks_between(struct sts_store *store, const char *domain)
{
	write_policy(store, domain, now - 1000);
	for (int64_t i = 0; i < 5; i++)
		write_check(store, domain, now - 900 + i);
	(void)sts_store_write_newest(store, now - 1000);
	write_policy(store, domain, now - 800);
	write_check(store, domain, now - 800);
}

static void
play(const char *what,
    void (*change)(struct sts_store *store, const char *domain),
    unsigned number)
{
	char state[sizeof(dir) + 20], domain[32], path[200];
	struct sts_store *store, *after;
	unsigned long before = states;
	bool good = true;

	snprintf(domain, sizeof(domain), "d%u.test", number);
	snprintf(state, sizeof(state), "%s/%u", dir, number);
	snprintf(path, sizeof(path), "%s/policies/%02x", after_dir,
	    sts_file_bucket(domain));
	if (mkdir(state, 0750) != 0 || mkdir(path, 0750) != 0 ||
	    sts_store_open(&store, state, true) != STS_OK) {
		ok(false, "a state directory");
		return;
	}
	forget_calls();
	report_count = 0;
	report(0);
	recording = true;
	change(store, domain);
	recording = false;
	sts_store_close(store);
	if (sts_store_open(&after, after_dir, false) != STS_OK)
		return;
	for (size_t cut = 0; cut <= call_count && good; cut++)
		good = check_cut(after, cut, domain, what);
	sts_store_close(after);
	ok(good && call_count > 5, "%s: %zu calls, %lu states", what,
	    call_count, states - before);
}

/* A confirmation is a check; a failure too: no call names policies/. */
static void
test_check_alone(void)
{
	char state[sizeof(dir) + 20];
	struct sts_store *store;
	bool touched = false;

	snprintf(state, sizeof(state), "%s/check", dir);
	if (mkdir(state, 0750) != 0 ||
	    sts_store_open(&store, state, true) != STS_OK)
		return;
	write_policy(store, "c.test", now - 1000);
	forget_calls();
	recording = true;
	write_check(store, "c.test", now - 900);
	write_check(store, "c.test", now - 800);
	recording = false;
	for (size_t i = 0; i < call_count; i++)
		touched = touched || strstr(calls[i].dir, "policies") != NULL;
	ok(!touched && call_count > 0, "a check does not touch policies/");
	sts_store_close(store);
}

static bool
become_owner(void)
{
	char path[sizeof(after_dir) + 20];

	if (!tap_own_directory(dir))
		return false;
	snprintf(after_dir, sizeof(after_dir), "%s/after", dir);
	snprintf(path, sizeof(path), "%s/policies", after_dir);
	return mkdir(after_dir, 0750) == 0 && mkdir(path, 0750) == 0;
}

int
main(void)
{
	char command[100];

	if (!become_owner()) {
		printf("Bail out! no state directory\n");
		return 1;
	}
	play("the first policy ever", first_policy, 1);
	play("a replacement", replacement, 2);
	play("a removal", removal, 3);
	play("many in a row", many, 4);
	play("checks between policies", checks_between, 5);
	play(
	    "directories that another process made", directories_of_another, 6);
	play("a directory that another process makes later",
	    directory_of_another_later, 7);
	test_check_alone();
	forget_calls();
	ok(states > 500, "%lu states", states);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command) == 0 ? tap_done() : 1;
}
