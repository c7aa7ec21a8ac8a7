/* SPDX-License-Identifier: ISC */
/* What the store promises about its files, its readers, and the clock. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/due.h"
#include "store/file.h"
#include "store/lock.h"
#include "store/routes.h"
#include "store/store.h"
#include "tests/unit/lib/tap.h"

#define BODY \
	"version: STSv1\nmode: enforce\nmx: mx.good.test\nmax_age: 604800\n"

static char dir[] = "/tmp/mta-sts-store.XXXXXX";
static const int64_t now = 1800000000;

/* The path of a domain's file; a static buffer. */
static const char *
path_of(const char *kind, const char *domain)
{
	static char path[600];

	snprintf(path, sizeof(path), "%s/%s/%02x/%s", dir, kind,
	    (unsigned)(sts_domain_hash(domain) & 0xff), domain);
	return path;
}

/* A policy of `domain` that was fetched at `fetched`. */
static void
make(struct sts_entry *e, const char *domain, const char *body, int64_t fetched)
{
	struct sts_policy policy;

	if (sts_policy_parse(&policy, body, strlen(body), NULL, NULL) !=
		STS_OK ||
	    sts_entry_make(e, domain, "20261122", &policy, fetched, 5, 300) !=
		STS_OK)
		ok(false, "a policy for the test");
}

/* In place of what is there, newer or not. */
static enum sts_status
put(struct sts_store *store, struct sts_entry *e)
{
	enum sts_status status;
	bool replaced;

	(void)sts_store_drop(store, e->domain);
	status = sts_store_write_policy(store, e, now, &replaced);
	ok(status != STS_OK || replaced, "what is written is there");
	sts_entry_free(e);
	return status;
}

static struct sts_store *
open_store(void)
{
	struct sts_store *store;

	is_str(sts_status_name(sts_store_open(&store, dir, true)), "ok",
	    "the state directory opens for writing");
	return store;
}

static void
write_good(struct sts_store *store, const char *domain)
{
	struct sts_entry e;

	make(&e, domain, BODY, now);
	is_int(put(store, &e), STS_OK, "a policy of %s is written", domain);
}

static enum sts_status
read_status(struct sts_store *store, const char *domain)
{
	struct sts_entry e;
	enum sts_status status = sts_store_read_policy(store, domain, now, &e);

	if (status == STS_OK)
		sts_entry_free(&e);
	return status;
}

static void
test_round_trip(struct sts_store *store)
{
	struct sts_check none = {0},
			 check = {
			     .checked = now + 1000, .next_check = now + 1300};
	struct sts_entry e, r;
	struct stat st;

	make(&e, "good.test", BODY, now);
	umask(0);
	is_int(put(store, &e), STS_OK, "write");
	umask(022);
	is_int(sts_store_read_policy(store, "good.test", now, &r), STS_OK,
	    "read back");
	is_str(r.id, "20261122", "the record id");
	ok(r.fetched == now && r.fetched_us == 5, "the time of the fetch");
	is_int(r.expires, now + 604800, "expires");
	is_int(r.policy.mode, STS_MODE_ENFORCE, "the parsed mode");
	ok(sts_policy_permits(&r.policy, "mx.good.test"), "the pattern");
	ok(sts_entry_is_live(&r, now) && !sts_entry_is_live(&r, r.expires),
	    "it is in force until it expires, not longer");
	ok(sts_entry_is_fresh(&r, &none, now + 299, 300) &&
		!sts_entry_is_fresh(&r, &none, now + 300, 300) &&
		!sts_entry_is_fresh(&r, &none, now + 30, 20),
	    "without a check it is fresh for recheck seconds");
	ok(sts_entry_is_fresh(&r, &check, now + 1299, 300) &&
		!sts_entry_is_fresh(&r, &check, now + 1300, 300),
	    "the last check makes it fresh again");
	check.next_check = now + 1060;
	ok(!sts_entry_is_fresh(&r, &check, now + 1060, 300),
	    "unless the next one is to come earlier");
	is_int(stat(path_of("policies", "good.test"), &st), 0,
	    "it lies at policies/XX/DOMAIN");
	is_int(st.st_mode & 07777, 0640, "mode 0640 whatever the umask");
	sts_entry_free(&r);
	is_int(read_status(store, "other.test"), STS_NOT_FOUND,
	    "another domain is not found");
}

/* DISK-1: the names and values that are a policy's, and nothing else. */
static void
test_small(struct sts_store *store)
{
	char body[STS_BODY_MAX], *at = body;
	struct sts_entry e, r;
	struct stat st;

	at += sprintf(at, "version: STSv1\nmode: enforce\nmx: b.test\n");
	while (at < body + STS_BODY_MAX - 200)
		at += sprintf(at, "x-y: %s\n", "ignored, ill-formed: \x01");
	at += sprintf(at,
	    "mx: A.test\nmx: b.test\nmx: *.c.test\n"
	    "max_age: 99999999\n");
	make(&e, "small.test", body, now);
	is_str(e.body,
	    "version: STSv1\nmode: enforce\nmax_age: 31557600\n"
	    "mx: b.test\nmx: a.test\nmx: *.c.test\n",
	    "distinct patterns in the order of the file, nothing ignored");
	is_int(put(store, &e), STS_OK, "write");
	is_int(stat(path_of("policies", "small.test"), &st), 0, "stat");
	ok(st.st_size < 400, "63 KB of ill-formed lines take %d bytes",
	    (int)st.st_size);
	is_int(sts_store_read_policy(store, "small.test", now, &r), STS_OK,
	    "read back");
	is_int(r.policy.mx_count, 3, "three patterns");
	is_int(r.expires, now + STS_MAX_AGE_LIMIT, "the age is capped");
	sts_entry_free(&r);
}

/* RACE-1, RACE-2: what was fetched earlier never replaces what came later. */
static void
test_compare_and_swap(struct sts_store *store)
{
	struct sts_entry older, newer, r;
	bool replaced;

	make(&newer, "race.test", BODY, now - 10);
	is_int(put(store, &newer), STS_OK, "a policy");
	make(&older, "race.test",
	    "version: STSv1\nmode: testing\nmx: a.test\nmax_age: 60\n",
	    now - 20);
	is_int(sts_store_write_policy(store, &older, now, &replaced), STS_OK,
	    "an earlier fetch comes late");
	ok(!replaced, "and is not written");
	is_int(sts_store_read_policy(store, "race.test", now, &r), STS_OK,
	    "read back");
	is_int(r.policy.mode, STS_MODE_ENFORCE, "the later fetch stays");
	older.fetched = now - 10;
	older.fetched_us = 5;
	is_int(sts_store_write_policy(store, &older, now, &replaced), STS_OK,
	    "one of the same microsecond");
	ok(!replaced, "is not written either");
	older.fetched_us = 6;
	is_int(sts_store_write_policy(store, &older, now, &replaced), STS_OK,
	    "one that is a microsecond later");
	ok(replaced, "is");
	is_int(sts_store_remove_policy(store, &r), STS_NOT_FOUND,
	    "a removal for what was read before");
	is_int(read_status(store, "race.test"), STS_OK,
	    "does not touch what replaced it");
	sts_entry_free(&r);
	(void)sts_store_read_policy(store, "race.test", now, &r);
	is_int(sts_store_remove_policy(store, &r), STS_OK,
	    "what was read last is removed");
	is_int(read_status(store, "race.test"), STS_NOT_FOUND, "and gone");
	sts_entry_free(&r);
	sts_entry_free(&older);
}

static void
test_clock(struct sts_store *store)
{
	struct sts_check none = {0};
	struct sts_entry e, r;
	bool replaced;

	make(&e, "clock.test", BODY, now + 1000000);
	is_int(put(store, &e), STS_OK, "write");
	is_int(sts_store_read_policy(store, "clock.test", now, &r), STS_OK,
	    "a policy from the future is not thrown away");
	is_int(r.fetched, now, "its fetched is now");
	is_int(r.expires, now + 604800, "it lives no longer than from now");
	ok(sts_entry_is_live(&r, now) &&
		!sts_entry_is_fresh(&r, &none, now, 300) &&
		sts_entry_wants_refresh(&r, &none, now, 86400),
	    "it is in force, counts as unchecked, and is due");
	ok(r.unsure, "and is marked so");
	make(&e, "clock.test", BODY, now);
	is_int(sts_store_write_policy(store, &e, now, &replaced), STS_OK,
	    "a fetch by the right clock");
	ok(replaced, "replaces it: the future is not later");
	sts_entry_free(&e);
	is_int(sts_store_remove_policy(store, &r), STS_NOT_FOUND,
	    "a removal for the one from the future finds another");
	sts_entry_free(&r);

	make(&e, "clock.test", BODY, now);
	e.expires = now + 10ll * STS_MAX_AGE_LIMIT;
	is_int(put(store, &e), STS_OK, "write");
	is_int(sts_store_read_policy(store, "clock.test", now, &r), STS_OK,
	    "a stored life above the limit reads");
	is_int(r.expires, now + STS_MAX_AGE_LIMIT,
	    "capped at 31557600 seconds (CAC-049)");
	sts_entry_free(&r);
}

/* AGE-1: min(refresh-after, half of the life), and failures waited out. */
static void
test_due(void)
{
	static const struct {
		int64_t life, after, due;
	} cases[] = {{604800, 86400, 86400}, {86400, 86400, 43200},
	    {3600, 86400, 1800}, {300, 86400, 150}, {31557600, 3600, 3600},
	    {2, 86400, 1}};
	struct sts_check check = {0};
	struct sts_entry e;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		is_int(sts_due_at(now, now + cases[i].life, cases[i].after),
		    now + cases[i].due, "a life of %lld is due after %lld",
		    (long long)cases[i].life, (long long)cases[i].due);
	make(&e, "due.test", BODY, now);
	ok(!sts_entry_wants_refresh(&e, &check, now + 86399, 86400) &&
		sts_entry_wants_refresh(&e, &check, now + 86400, 86400),
	    "due from that second on");
	ok(!sts_entry_wants_refresh(&e, &check, e.expires, 86400),
	    "an expired policy is not refreshed but looked up");
	check.failed_reason = STS_FETCH_TIMEOUT;
	check.failed_next = now + 90000;
	ok(!sts_entry_wants_refresh(&e, &check, now + 89999, 86400) &&
		sts_entry_wants_refresh(&e, &check, now + 90000, 86400),
	    "a failure is waited out");
	is_int(sts_due_backoff(1, 86400), 300, "the first for five minutes");
	is_int(sts_due_backoff(3, 86400), 1200, "the third for twenty");
	is_int(sts_due_backoff(4, 900), 600,
	    "but not beyond five minutes before the policy runs out");
	is_int(sts_due_backoff(4, 310), 300, "nor less than five");
	is_int(sts_due_again(1, now + 300), now + 300, "mail too");
	is_int(sts_due_again(1000, now + 3000), now + 300,
	    "mail never waits longer");
	is_int(sts_due_backoff(1000, 86400), 3000,
	    "and never as long as the timer's hour");
	sts_entry_free(&e);
	ok(!sts_due_is_silent(86399, 1000),
	    "a fetch within the day: no silence");
	ok(!sts_due_is_silent(INT64_MAX, 2), "two domains that fail: none");
	ok(sts_due_is_silent(86400, 3), "a day, and three: silence");
	ok(sts_due_is_silent(INT64_MAX, 3),
	    "never a fetch, and three: silence");
}

/* Started as root where we are: gives files to another user; or -1. */
static int chowner = -1;

static void
start_chowner(void)
{
	int pair[2];
	char path[600];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) != 0)
		return;
	if (fork() != 0) {
		close(pair[1]);
		chowner = pair[0];
		return;
	}
	close(pair[0]);
	for (;;) {
		ssize_t n = recv(pair[1], path, sizeof(path) - 1, 0);

		if (n <= 0)
			_exit(0);
		path[n] = '\0';
		if (chown(path, 1, 1) != 0 || send(pair[1], "k", 1, 0) != 1)
			_exit(1);
	}
}

static void
give_away(const char *path)
{
	char answer;

	ok(send(chowner, path, strlen(path), 0) > 0 &&
		recv(chowner, &answer, 1, 0) == 1,
	    "the file is given to another user");
}

/* Replaces the file of victim.test by what a shell command makes. */
static void
spoil(const char *how, struct sts_store *store)
{
	char command[2048];
	const char *path = path_of("policies", "victim.test");

	unlink(path);
	rmdir(path);
	write_good(store, "victim.test");
	snprintf(command, sizeof(command), "cd '%s' && f='%s' && { %s; }", dir,
	    path, how);
	if (system(command) != 0)
		ok(false, "the test's own command: %s", how);
}

static void
test_disbelief(struct sts_store *store)
{
	static const char *const spoils[] = {
	    ": >\"$f\"",                              /* empty */
	    "printf x >>\"$f\"",                      /* longer */
	    "truncate -s -1 \"$f\"",                  /* shorter */
	    "sed -i s/enforce/testing/ \"$f\"",       /* edited */
	    "sed -i s/victim/victin/ \"$f\"",         /* another domain */
	    "mv \"$f\" t && ln -s \"$PWD/t\" \"$f\"", /* a symbolic link */
	    "rm \"$f\" && mkfifo \"$f\"",             /* would block */
	    "rm \"$f\" && mkdir \"$f\"",              /* a directory */
	    "chmod o+w \"$f\"",                       /* writable by others */
	    "head -c 100000 /dev/zero >\"$f\"",       /* too large */
	    ("f2=$(dirname \"$f\")/good.test; cp \"$f\" \"$f2\"; "
	     "sed s/victim.test/goods.test/ \"$f2\" >\"$f\""),
	};

	for (size_t i = 0; i < sizeof(spoils) / sizeof(spoils[0]); i++) {
		spoil(spoils[i], store);
		is_str(sts_status_name(read_status(store, "victim.test")),
		    "entry_corrupt", "not believed, and not \"none\": %s",
		    spoils[i]);
	}
	spoil("true", store);
	is_int(read_status(store, "victim.test"), STS_OK,
	    "the untouched file is accepted");
	spoil("rm -f l; ln \"$f\" l", store);
	is_int(read_status(store, "victim.test"), STS_OK,
	    "so is one that a backup has linked (BACKUP-1)");
	if (chowner < 0) {
		tap_skip("a file of another owner", "needs root to make one");
		return;
	}
	spoil("chmod o+r \"$f\"", store);
	give_away(path_of("policies", "victim.test"));
	is_int(read_status(store, "victim.test"), STS_ENTRY_CORRUPT,
	    "a file of another owner is not believed");
}

/* A file whose checksum and header are right under another name. */
static void
test_wrong_name(struct sts_store *store)
{
	char command[2048];
	char from[600];

	write_good(store, "victim.test");
	strcpy(from, path_of("policies", "victim.test"));
	snprintf(command, sizeof(command),
	    "mkdir -p \"$(dirname '%s')\" && cp '%s' '%s'",
	    path_of("policies", "target.test"), from,
	    path_of("policies", "target.test"));
	is_int(system(command), 0, "one domain's file is copied to another's");
	is_int(read_status(store, "target.test"), STS_ENTRY_CORRUPT,
	    "the domain inside must be the domain asked for");
}

static void
test_every_byte(struct sts_store *store)
{
	char *text;
	size_t len;
	unsigned believed = 0, tried = 0;
	int fd;

	write_good(store, "victim.test");
	if (sts_file_read(store, STS_KIND_POLICY, "victim.test", &text, &len) !=
	    STS_OK) {
		ok(false, "the intact file reads");
		return;
	}
	fd = open(path_of("policies", "victim.test"), O_WRONLY);
	for (size_t i = 0; i < len; i++) {
		for (int bit = 0; bit < 8; bit++) {
			char byte = (char)(text[i] ^ (1 << bit));

			if (pwrite(fd, &byte, 1, (off_t)i) != 1)
				ok(false, "write");
			tried++;
			believed += read_status(store, "victim.test") == STS_OK;
		}
		if (pwrite(fd, text + i, 1, (off_t)i) != 1)
			ok(false, "write back");
	}
	close(fd);
	free(text);
	ok(tried > 1000 && believed == 0,
	    "of %u files with one bit flipped %u are believed", tried,
	    believed);
	is_int(read_status(store, "victim.test"), STS_OK, "intact again");
}

static void
test_check(struct sts_store *store)
{
	struct sts_check c = {.domain = "none.test",
	    .checked = now,
	    .until = now + 3600,
	    .reason = STS_NO_RECORD,
	    .used = now,
	    .used_days = 1};
	struct sts_check r;
	struct stat st;

	umask(0);
	is_int(sts_store_write_check(store, &c), STS_OK, "a check");
	umask(022);
	is_int(sts_store_read_check(store, "none.test", now, &r), STS_OK,
	    "reads back");
	ok(r.used == now && r.used_days == 1, "with its use");
	ok(sts_check_is_fresh(&r, now + 3599) &&
		!sts_check_is_fresh(&r, now + 3600),
	    "\"no policy\" answers until it ends");
	is_int(stat(path_of("checks", "none.test"), &st), 0,
	    "it lies at checks/XX/DOMAIN");
	is_int(st.st_mode & 07777, 0640, "mode 0640 whatever the umask");
	strcpy(c.failed_id, "77");
	c.reason = c.failed_reason = STS_FETCH_TIMEOUT;
	is_int(sts_store_write_check(store, &c), STS_OK, "a failed fetch");
	is_int(sts_store_read_check(store, "none.test", now, &r), STS_OK,
	    "reads back");
	ok(sts_check_is_none(&r, now) && !sts_check_is_fresh(&r, now),
	    "a failed fetch counts, but the id is asked for again");
	is_int(sts_store_read_check(store, "none.test", now - 100, &r), STS_OK,
	    "recorded in the future");
	ok(sts_check_is_none(&r, now - 100) &&
		!sts_check_is_fresh(&r, now - 100),
	    "is no answer by itself, but better than none");
	c.failed_since = now - 600;
	c.failed_next = now + 3000;
	is_int(sts_store_write_check(store, &c), STS_OK, "a back-off");
	is_int(sts_store_read_check(store, "none.test", now, &r), STS_OK,
	    "reads back");
	is_int(r.failed_next, now + 3000, "as long as one may be");
	is_int(sts_store_read_check(store, "none.test", now - 86400, &r),
	    STS_OK, "the clock leapt for a day between two failures");
	is_int(r.failed_next, 0, "and the back-off does not outlast that");
	c.failed_since = now - 86400 - 600;
	is_int(sts_store_write_check(store, &c), STS_OK, "the first before");
	is_int(sts_store_read_check(store, "none.test", now - 86400, &r),
	    STS_OK, "the clock leapt for a day after the first failure");
	is_int(r.failed_next, 0, "and the back-off does not outlast that");
	c.reason = STS_STATE_FULL;
	is_int(sts_store_write_check(store, &c), STS_INTERNAL,
	    "a local fault is never recorded against a domain");
	is_int(truncate(path_of("checks", "none.test"), 20), 0, "cut short");
	is_int(sts_store_read_check(store, "none.test", now, &r), STS_NOT_FOUND,
	    "a check that is damaged is a miss");
	c.reason = STS_OK;
	ok(unlink(path_of("checks", "none.test")) == 0 &&
		symlink("/nowhere", path_of("checks", "none.test")) == 0,
	    "a link in its place");
	is_int(sts_store_write_check(store, &c), STS_OK, "is written over");
	is_int(sts_store_read_check(store, "none.test", now, &r), STS_OK,
	    "and not followed");
}

static bool
file_says(const char *domain, const char *text)
{
	char buf[4000] = "";
	FILE *f = fopen(path_of("checks", domain), "r");
	size_t len;

	if (f == NULL)
		return false;
	len = fread(buf, 1, sizeof(buf) - 1, f);
	fclose(f);
	buf[len] = '\0';
	return strstr(buf, text) != NULL;
}

/* The record that wants TLS reports, in the check. */
static void
test_tlsrpt(struct sts_store *store)
{
	static const char record[] = "v=TLSRPTv1; rua=mailto:a@rpt.test";
	struct sts_check c = {.checked = now,
			     .reason = STS_NO_RECORD,
			     .until = now + 3600},
			 r;

	strcpy(c.domain, "rpt.test");
	is_int(sts_store_write_check(store, &c), STS_OK, "no query");
	ok(!file_says("rpt.test", "tlsrpt"), "no byte of it in the file");
	c.tlsrpt_next = now + 86400;
	is_int(sts_store_write_check(store, &c), STS_OK, "no record");
	is_int(sts_store_read_check(store, "rpt.test", now, &r), STS_OK,
	    "reads back");
	ok(r.tlsrpt_next == now + 86400 && r.tlsrpt[0] == '\0',
	    "that there is none, for a day");
	strcpy(c.tlsrpt, record);
	is_int(sts_store_write_check(store, &c), STS_OK, "a record");
	is_int(sts_store_read_check(store, "rpt.test", now, &r), STS_OK,
	    "reads back");
	is_str(r.tlsrpt, record, "as it was");
	is_int(sts_store_read_check(store, "rpt.test", now - 1, &r), STS_OK,
	    "the clock was set back");
	is_int(r.tlsrpt_next, 1, "it is queried again");
	is_str(r.tlsrpt, record, "and counts until then");
	memset(c.tlsrpt + sizeof(record) - 1, 'a', STS_TLSRPT_MAX - 33);
	is_int((long long)strlen(c.tlsrpt), STS_TLSRPT_MAX, "the longest");
	is_int(sts_store_write_check(store, &c), STS_OK, "is written");
	is_int(sts_store_read_check(store, "rpt.test", now, &r), STS_OK,
	    "and read");
	is_str(r.tlsrpt, c.tlsrpt, "whole");
	strcpy(c.tlsrpt, "v=TLSRPTv1; rua=mailto:nobody");
	is_int(sts_store_write_check(store, &c), STS_INTERNAL,
	    "what is no record is not written");
	strcpy(c.tlsrpt, "v=TLSRPTv1; rua=mailto:a@rpt.test\nchecked: 1");
	is_int(sts_store_write_check(store, &c), STS_INTERNAL,
	    "nor two lines of text");
}

/* A store that has opened its directories before goes by what is there now. */
static void
test_moved_dirs(struct sts_store *store)
{
	struct sts_check r,
	    c = {.domain = "moved.test",
		.checked = now,
		.until = now + 60,
		.reason = STS_NO_RECORD};
	char command[2048];

	is_int(sts_store_write_check(store, &c), STS_OK, "a check");
	snprintf(command, sizeof(command), "cd '%s' && mv checks away", dir);
	is_int(system(command), 0, "its directory is moved away");
	is_int(sts_store_read_check(store, "moved.test", now, &r),
	    STS_NOT_FOUND, "and nothing is read from there");
	is_int(sts_store_write_check(store, &c), STS_OK, "written");
	is_int(sts_store_read_check(store, "moved.test", now, &r), STS_OK,
	    "where readers look");
	snprintf(command, sizeof(command),
	    "cd '%s' && rm -r checks && mv away checks", dir);
	is_int(system(command), 0, "it is put back");
	is_int(sts_store_read_check(store, "moved.test", now, &r), STS_OK,
	    "and read again");
	is_int(sts_store_remove_check(store, "moved.test"), STS_OK, "removed");
}

static void
test_check_umask(void)
{
	struct sts_check c = {.domain = "umask.test",
	    .checked = now,
	    .until = now + 60,
	    .reason = STS_NO_RECORD};
	struct sts_store *store;
	struct stat st;

	umask(077);
	is_int(sts_store_open(&store, dir, true), STS_OK, "umask 077");
	for (int i = 0; i < 2; i++) {
		(void)unlink(path_of("checks", "umask.test"));
		is_int(sts_store_write_check(store, &c), STS_OK, "a new check");
		ok(stat(path_of("checks", "umask.test"), &st) == 0, "is there");
		is_int(st.st_mode & 07777, 0640, "with mode 0640");
	}
	umask(022);
	sts_store_close(store);
}

/* A file that another process wrote after this one had found none. */
static void
test_check_came_between(void)
{
	struct sts_check r,
	    c = {.domain = "between.test",
		.checked = now,
		.until = now + 60,
		.reason = STS_NO_RECORD,
		.tlsrpt_next = now + 60,
		.tlsrpt = "v=TLSRPTv1; rua=mailto:tls@between.test"};
	struct sts_store *store;

	is_int(sts_store_open(&store, dir, true), STS_OK, "a new process");
	is_int(sts_store_write_check(store, &c), STS_OK, "writes a check");
	c.tlsrpt_next = 0;
	c.reason = STS_DNS_TIMEOUT;
	is_int(sts_store_write_check(store, &c), STS_OK,
	    "a shorter one, where no file was found");
	is_int(sts_store_read_check(store, "between.test", now, &r), STS_OK,
	    "is written over it as a whole");
	is_int(r.reason, STS_DNS_TIMEOUT, "and read");
	is_str(r.tlsrpt, "", "without the rest of the other");
	sts_store_close(store);
}

/* DISK-2: what has run out goes, what stands beside a policy stays. */
static void
test_expire_check(struct sts_store *store)
{
	struct sts_check c = {.domain = "gone.test",
	    .checked = now - 7200,
	    .until = now - 3600,
	    .reason = STS_NO_RECORD};
	struct sts_check r;

	(void)sts_store_write_check(store, &c);
	strcpy(c.domain, "beside.test");
	write_good(store, "beside.test");
	(void)sts_store_write_check(store, &c);
	strcpy(c.domain, "valid.test");
	c.until = now + 1;
	(void)sts_store_write_check(store, &c);
	sts_store_expire_check(store, "gone.test", now);
	sts_store_expire_check(store, "beside.test", now);
	sts_store_expire_check(store, "valid.test", now);
	is_int(sts_store_read_check(store, "gone.test", now, &r), STS_NOT_FOUND,
	    "\"no policy\" that has run out is removed");
	is_int(sts_store_read_check(store, "beside.test", now, &r), STS_OK,
	    "one beside a policy stays");
	is_int(sts_store_read_check(store, "valid.test", now, &r), STS_OK,
	    "and so does one that is still valid");
}

static void
test_drop(struct sts_store *store)
{
	write_good(store, "drop.test");
	is_int(sts_store_drop(store, "drop.test"), STS_OK, "dropped");
	is_int(read_status(store, "drop.test"), STS_NOT_FOUND, "and gone");
	is_int(sts_store_drop(store, "drop.test"), STS_NOT_FOUND,
	    "nothing to drop");
}

/* What is not believed is fixed by the next write, whatever it is. */
static void
test_mended(struct sts_store *store)
{
	const char *path = path_of("policies", "dir.test");

	write_good(store, "dir.test");
	ok(unlink(path) == 0 && mkdir(path, 0750) == 0,
	    "a directory in a file's place");
	is_int(read_status(store, "dir.test"), STS_ENTRY_CORRUPT,
	    "is not believed");
	write_good(store, "dir.test");
	is_int(read_status(store, "dir.test"), STS_OK, "is written over");
	ok(unlink(path) == 0 && mkdir(path, 0750) == 0, "another");
	is_int(sts_store_drop(store, "dir.test"), STS_OK, "is dropped");
	is_int(read_status(store, "dir.test"), STS_NOT_FOUND, "and gone");
}

static bool
count_one(void *arg, const char *domain)
{
	if (strstr(domain, ".many.test") != NULL)
		++*(unsigned *)arg;
	return true;
}

static unsigned
count_many(struct sts_store *store, enum sts_kind kind)
{
	unsigned count = 0;

	is_int(sts_store_walk(store, kind, count_one, &count), STS_OK, "walk");
	return count;
}

static void
test_trim_checks(struct sts_store *store)
{
	struct sts_check c = {
	    .checked = now, .until = now + 60, .reason = STS_NO_RECORD};
	unsigned count;

	for (unsigned i = 0; i < 10000; i++) {
		snprintf(c.domain, sizeof(c.domain), "d%u.many.test", i);
		if (sts_store_write_check(store, &c) != STS_OK)
			ok(false, "write %s", c.domain);
		sts_store_trim(store, STS_KIND_CHECK, c.domain, 2560, now);
	}
	count = count_many(store, STS_KIND_CHECK);
	ok(count > 1280 && count <= 2560,
	    "10,000 checks with checks-max 2560 leave %u", count);
}

/* One policy, and its use by mail on so many days. */
static void
add_used(struct sts_store *store, const char *domain, const char *mode,
    int64_t fetched, int64_t days)
{
	struct sts_check c = {
	    .checked = fetched, .used = now, .used_days = days};
	struct sts_entry e;
	char body[200];
	bool replaced;

	snprintf(body, sizeof(body),
	    "version: STSv1\nmode: %s\nmx: a.test\nmax_age: 86400\n", mode);
	strcpy(c.domain, domain);
	make(&e, domain, body, fetched);
	if (sts_store_write_policy(store, &e, now, &replaced) != STS_OK ||
	    sts_store_write_check(store, &c) != STS_OK)
		ok(false, "write %s", domain);
	sts_entry_free(&e);
}

static unsigned
count_there(struct sts_store *store, const char *prefix, unsigned to)
{
	char domain[64];
	unsigned count = 0;

	for (unsigned i = 0; i < to; i++) {
		snprintf(domain, sizeof(domain), "%s%u.many.test", prefix, i);
		count += read_status(store, domain) == STS_OK;
	}
	return count;
}

/* Names from outside make many policies; what mail used on two days stays. */
static void
test_trim_policies(struct sts_store *store)
{
	char domain[64];
	unsigned count;

	for (unsigned i = 0; i < 50; i++) {
		snprintf(domain, sizeof(domain), "kept%u.many.test", i);
		add_used(store, domain, "enforce", now - 100, 2);
		snprintf(domain, sizeof(domain), "old%u.many.test", i);
		add_used(store, domain, "enforce", now - 90000, 2);
	}
	for (unsigned i = 0; i < 400; i++) {
		snprintf(domain, sizeof(domain), "new%u.many.test", i);
		add_used(
		    store, domain, i % 2 == 0 ? "enforce" : "none", now, 1);
		sts_store_trim(store, STS_KIND_POLICY, domain, 256, now);
	}
	count = count_many(store, STS_KIND_POLICY);
	ok(count > 128 && count <= 256 + 50,
	    "500 policies with policies-max 256 leave %u", count);
	is_int(count_there(store, "kept", 50), 50,
	    "every live enforce policy that mail used on two days is there");
	count = count_there(store, "old", 50);
	ok(count < 20, "of 50 expired ones, which go first, %u are left",
	    count);
	/* All of a directory is protected: the bound gives way, not they. */
	for (unsigned i = 0; i < 64; i++)
		sts_store_trim(
		    store, STS_KIND_POLICY, "kept0.many.test", 1, now);
	is_int(count_there(store, "kept", 50), 50, "whatever the bound");
}

/*
 * A lookup writes, trims, and the delivery reads: what was just written is
 * there, though all else in its directory is protected.
 */
static void
test_trim_spares(struct sts_store *store)
{
	struct sts_check c = {
	    .checked = now, .until = now + 60, .reason = STS_NO_RECORD};
	struct sts_check read;
	char domain[64];
	unsigned bucket = sts_file_bucket("kept0.many.test"), i = 0;
	bool there = true;

	do
		snprintf(domain, sizeof(domain), "late%u.test", i++);
	while (sts_file_bucket(domain) != bucket);
	strcpy(c.domain, domain);
	for (i = 0; i < 16; i++) {
		there = sts_store_write_check(store, &c) == STS_OK && there;
		sts_store_trim(store, STS_KIND_CHECK, domain, 1, now);
		there =
		    sts_store_read_check(store, domain, now, &read) == STS_OK &&
		    there;
	}
	ok(there, "a new check is there, beside those of policies");
	(void)sts_store_remove_check(store, domain);
	for (i = 0; i < 16; i++) {
		add_used(store, domain, "enforce", now, 1);
		sts_store_trim(store, STS_KIND_POLICY, domain, 1, now);
		there = read_status(store, domain) == STS_OK && there;
	}
	ok(there, "a new policy is there, beside those that are protected");
	sts_store_trim(store, STS_KIND_POLICY, "kept0.many.test", 1, now);
	is_int(read_status(store, domain), STS_NOT_FOUND,
	    "and goes with the next trimming");
}

/* In a child: 1 where the lock is taken, 0 where it was free. */
static int
taken_elsewhere(const char *domain)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		struct sts_store *store;
		bool held = false;

		if (sts_store_open(&store, dir, true) != STS_OK ||
		    sts_lock_try(store, domain, &held) != STS_OK)
			_exit(9);
		_exit(held ? 0 : 1);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void
test_lock(struct sts_store *store)
{
	bool held;

	is_int(sts_lock_try(store, "lock.test", &held), STS_OK, "try");
	ok(held, "a free lock is had");
	is_int(taken_elsewhere("lock.test"), 1, "another process has it not");
	is_int(taken_elsewhere("free.test"), 0, "another domain's is free");
	sts_lock_release(store, "lock.test");
	is_int(taken_elsewhere("lock.test"), 0, "released, it is free");
}

static void
test_newest(struct sts_store *store)
{
	int64_t fetched;

	is_int(sts_store_read_newest(store, &fetched), STS_NOT_FOUND,
	    "no newest at first");
	is_int(sts_store_write_newest(store, now), STS_OK, "set");
	is_int(sts_store_read_newest(store, &fetched), STS_OK, "read");
	is_int(fetched, now, "its time");
}

static void
test_routes(struct sts_store *store)
{
	struct sts_routes w = {.domain = "r.test", .recorded = now, .count = 2};
	struct sts_routes r;

	strcpy(w.route[0].host, "mx1.r.test");
	w.route[0].permitted = true;
	w.route[0].address_count = 2;
	strcpy(w.route[0].address[0], "192.0.2.1");
	strcpy(w.route[0].address[1], "2001:db8::1");
	strcpy(w.route[1].host, "mx2.r.test");
	w.route[1].preference = 65535;
	w.route[1].probe = STS_FETCH_CERT_NAME;
	w.route[1].probed = now;
	is_int(sts_store_write_routes(store, &w), STS_OK, "routes");
	is_int(sts_store_read_routes(store, "r.test", now, &r), STS_OK,
	    "read back");
	ok(r.count == 2 && r.route[0].permitted && !r.route[1].permitted &&
		r.route[0].address_count == 2 && r.route[1].address_count == 0,
	    "hosts, match and addresses are as written");
	is_str(r.route[0].address[1], "2001:db8::1", "the second address");
	is_int(r.route[1].probe, STS_FETCH_CERT_NAME, "the probe's result");
	ok(!r.unsure, "the time is sure");
	is_int(sts_store_read_routes(store, "r.test", now - 1, &r), STS_OK,
	    "read with a clock that was set back");
	ok(r.recorded == now - 1 && r.unsure, "found now, and unsure");
	ok(r.route[1].probed == 0 && r.route[1].probe == STS_OK,
	    "a probe in the future was never made");
}

static void
test_open(void)
{
	struct sts_store *store;

	is_int(sts_store_open(&store, "/nonexistent/state", false),
	    STS_STATE_MISSING, "a missing state directory is told");
	is_int(chmod(dir, 0757), 0, "writable by others");
	is_int(sts_store_open(&store, dir, false), STS_STATE_MODE,
	    "a state directory that others can write is refused");
	is_int(chmod(dir, 0550), 0, "read-only");
	is_int(sts_store_open(&store, dir, true), STS_STATE_UNWRITABLE,
	    "a read-only state directory is told");
	is_int(chmod(dir, 0750), 0, "fixed");
}

int
main(void)
{
	struct sts_store *store;
	char command[100];

	if (mkdtemp(dir) == NULL) {
		printf("Bail out! no temporary directory\n");
		return 1;
	}
	/* Nobody's files are written as root. */
	if (getuid() == 0) {
		start_chowner();
		if (chown(dir, 65534, 65534) != 0 || setgid(65534) != 0 ||
		    setuid(65534) != 0) {
			printf("Bail out! cannot become another user\n");
			return 1;
		}
	}
	test_open();
	store = open_store();
	test_round_trip(store);
	test_small(store);
	test_compare_and_swap(store);
	test_clock(store);
	test_due();
	test_disbelief(store);
	test_wrong_name(store);
	test_every_byte(store);
	test_check(store);
	test_tlsrpt(store);
	test_moved_dirs(store);
	test_check_umask();
	test_check_came_between();
	test_expire_check(store);
	test_drop(store);
	test_mended(store);
	test_trim_checks(store);
	test_trim_policies(store);
	test_trim_spares(store);
	test_lock(store);
	test_newest(store);
	test_routes(store);
	sts_store_close(store);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	if (system(command) != 0)
		return 1;
	return tap_done();
}
