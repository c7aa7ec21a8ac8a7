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

#include "store/file.h"
#include "store/lock.h"
#include "store/routes.h"
#include "store/store.h"
#include "tests/unit/tap.h"

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

static void
fill(struct sts_entry *e, const char *domain)
{
	memset(e, 0, sizeof(*e));
	strcpy(e->domain, domain);
	strcpy(e->id, "20261122");
	e->fetched = e->checked = e->used = now;
	e->expires = now + 604800;
	e->next_check = now + 300;
	e->body = strdup(BODY);
	e->body_len = strlen(BODY);
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

	fill(&e, domain);
	is_int(sts_store_write_policy(store, &e, true), STS_OK,
	    "a policy of %s is written", domain);
	free(e.body);
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
	struct sts_entry e, r;
	struct stat st;

	fill(&e, "good.test");
	strcpy(e.failed_id, "older");
	e.failed_at = now - 10;
	e.failed_next = now + 290;
	e.failed_reason = STS_FETCH_TIMEOUT;
	umask(0);
	is_int(sts_store_write_policy(store, &e, true), STS_OK, "write");
	umask(022);
	is_int(sts_store_read_policy(store, "good.test", now, &r), STS_OK,
	    "read back");
	is_str(r.id, "20261122", "the record id");
	is_int(r.expires, e.expires, "expires");
	is_str(r.failed_id, "older", "the failed id");
	is_int(r.failed_reason, STS_FETCH_TIMEOUT, "the reason");
	is_str(r.body, BODY, "the body as served");
	is_int(r.policy.mode, STS_MODE_ENFORCE, "the parsed mode");
	ok(sts_entry_is_live(&r, now) && !sts_entry_is_live(&r, e.expires),
	    "it is in force until it expires, not longer");
	ok(sts_entry_is_fresh(&r, now + 299, 300) &&
		!sts_entry_is_fresh(&r, now + 300, 300) &&
		!sts_entry_is_fresh(&r, now + 30, 20),
	    "it is fresh for recheck seconds");
	is_int(stat(path_of("policies", "good.test"), &st), 0,
	    "it lies at policies/XX/DOMAIN");
	is_int(st.st_mode & 07777, 0640, "mode 0640 whatever the umask");
	sts_entry_free(&r);
	free(e.body);
	is_int(read_status(store, "other.test"), STS_NOT_FOUND,
	    "another domain is not found");
}

static void
test_clock(struct sts_store *store)
{
	struct sts_entry e, r;

	fill(&e, "clock.test");
	e.fetched = e.checked = now + 1000000;
	e.expires = e.fetched + 604800;
	e.next_check = e.fetched + 300;
	is_int(sts_store_write_policy(store, &e, false), STS_OK, "write");
	free(e.body);
	is_int(sts_store_read_policy(store, "clock.test", now, &r), STS_OK,
	    "an entry from the future is not thrown away");
	is_int(r.fetched, now, "its fetched is now");
	is_int(r.expires, now + 604800, "it lives no longer than from now");
	ok(sts_entry_is_live(&r, now) && !sts_entry_is_fresh(&r, now, 300),
	    "it is in force, and counts as unchecked");
	ok(r.unsure, "and is marked so");
	sts_entry_free(&r);

	fill(&e, "clock.test");
	e.expires = now + 10ll * STS_MAX_AGE_LIMIT;
	is_int(sts_store_write_policy(store, &e, false), STS_OK, "write");
	free(e.body);
	is_int(sts_store_read_policy(store, "clock.test", now, &r), STS_OK,
	    "a stored life above the limit reads");
	is_int(r.expires, now + STS_MAX_AGE_LIMIT,
	    "capped at 31557600 seconds (CAC-049)");
	sts_entry_free(&r);
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
	    "rm -f l; ln \"$f\" l",                   /* a second link */
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
	    "the untouched file is believed");
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
test_absence(struct sts_store *store)
{
	struct sts_absence a = {
	    "none.test", now, now + 3600, STS_NO_RECORD, "", now, false};
	struct sts_absence r;

	is_int(sts_store_write_absence(store, &a), STS_OK, "an absence");
	is_int(sts_store_read_absence(store, "none.test", now, &r), STS_OK,
	    "reads back");
	ok(sts_absence_is_fresh(&r, now + 3599) &&
		!sts_absence_is_fresh(&r, now + 3600),
	    "it answers until it ends");
	strcpy(a.id, "77");
	a.reason = STS_FETCH_TIMEOUT;
	is_int(sts_store_write_absence(store, &a), STS_OK, "a failed fetch");
	is_int(sts_store_read_absence(store, "none.test", now, &r), STS_OK,
	    "reads back");
	ok(sts_absence_is_live(&r, now) && !sts_absence_is_fresh(&r, now),
	    "a failed fetch holds, but the id is asked for again");
	is_int(sts_store_read_absence(store, "none.test", now - 100, &r),
	    STS_OK, "recorded in the future");
	ok(sts_absence_is_live(&r, now - 100) &&
		!sts_absence_is_fresh(&r, now - 100),
	    "is no answer by itself, but better than none");
	a.reason = STS_STATE_FULL;
	is_int(sts_store_write_absence(store, &a), STS_INTERNAL,
	    "a local fault is never recorded as an absence");
	is_int(truncate(path_of("absent", "none.test"), 20), 0, "spoiled");
	is_int(sts_store_read_absence(store, "none.test", now, &r),
	    STS_NOT_FOUND, "an absence that cannot be believed is a miss");
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

/* What is not believed is mended by the next write, whatever it is. */
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

static void
test_trim(struct sts_store *store)
{
	struct sts_absence a = {
	    "", now, now + 60, STS_NO_RECORD, "", now, false};
	unsigned count = 0;

	for (unsigned i = 0; i < 2000; i++) {
		snprintf(a.domain, sizeof(a.domain), "d%u.many.test", i);
		if (sts_store_write_absence(store, &a) != STS_OK)
			ok(false, "write %s", a.domain);
		sts_store_trim_absences(store, a.domain, 512);
	}
	is_int(sts_store_walk(store, STS_KIND_ABSENCE, count_one, &count),
	    STS_OK, "walk");
	ok(count > 256 && count <= 512,
	    "2,000 absences with absent-max 512 leave %u", count);
	count = 0;
	is_int(sts_store_read_absence(store, "d1999.many.test", now, &a),
	    STS_OK, "the newest stays");
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
	char domain[STS_NAME_MAX + 1];
	int64_t fetched;

	is_int(sts_store_read_newest(store, &fetched, domain), STS_NOT_FOUND,
	    "no newest at first");
	is_int(sts_store_write_newest(store, now, "good.test"), STS_OK, "set");
	is_int(sts_store_read_newest(store, &fetched, domain), STS_OK, "read");
	is_int(fetched, now, "its time");
	is_str(domain, "good.test", "its domain");
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
	is_int(chmod(dir, 0750), 0, "mended");
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
	test_clock(store);
	test_disbelief(store);
	test_wrong_name(store);
	test_every_byte(store);
	test_absence(store);
	test_drop(store);
	test_mended(store);
	test_trim(store);
	test_lock(store);
	test_newest(store);
	test_routes(store);
	sts_store_close(store);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	if (system(command) != 0)
		return 1;
	return tap_done();
}
