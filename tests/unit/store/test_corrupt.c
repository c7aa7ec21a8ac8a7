/* SPDX-License-Identifier: ISC */
/*
 * Files of the store are damaged at random (the seed is fixed) and a delivery
 * asks, with no resolver to help: the answer is that of the intact file, or
 * "defer", never a weaker one, and nothing crashes.  STS_CORRUPTIONS says how
 * many times, 2,000 unless it is set.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "client/ask.h"
#include "exim/hostlist.h"
#include "exim/query.h"
#include "store/file.h"
#include "tests/unit/lib/tap.h"
#include "tests/unit/lib/tap_damage.h"

#define DOMAIN DAMAGE_DOMAIN
#define OTHER  DAMAGE_OTHER

enum { NOBODY = 65534 };

static char top[64], state[80], conf[80];
static struct text intact, damaged, stranger;

static _Noreturn void
give_up(const char *what)
{
	printf("Bail out! %s: %s\n", what, strerror(errno));
	exit(1);
}

static void
read_text(const char *path, struct text *t)
{
	FILE *f = fopen(path, "r");

	if (f == NULL)
		give_up(path);
	t->len = fread(t->bytes, 1, sizeof(t->bytes), f);
	fclose(f);
}

static void
write_text(const char *path, const struct text *t)
{
	FILE *f = fopen(path, "w");

	if (f == NULL || fwrite(t->bytes, 1, t->len, f) != t->len ||
	    fclose(f) != 0)
		give_up(path);
}
/* What is done to the file itself, or to its directory */

static void
run_or_give_up(int result, const char *what)
{
	if (result != 0)
		give_up(what);
}

static void
file_is_directory(const char *path, const char *dir)
{
	(void)dir;
	run_or_give_up(unlink(path), "unlink");
	run_or_give_up(mkdir(path, 0750), "mkdir");
}

static void
file_is_fifo(const char *path, const char *dir)
{
	(void)dir;
	run_or_give_up(unlink(path), "unlink");
	run_or_give_up(mkfifo(path, 0640), "mkfifo");
}

static void
file_is_link(const char *path, const char *dir)
{
	char target[200];

	snprintf(target, sizeof(target), "%s/.moved", dir);
	run_or_give_up(rename(path, target), "rename");
	run_or_give_up(symlink(target, path), "symlink");
}

static void
file_has_two_links(const char *path, const char *dir)
{
	char other[200];

	snprintf(other, sizeof(other), "%s/.second", dir);
	run_or_give_up(link(path, other), "link");
}

static void
file_is_unreadable(const char *path, const char *dir)
{
	(void)dir;
	run_or_give_up(chmod(path, 0), "chmod");
}

static void
file_is_for_all(const char *path, const char *dir)
{
	(void)dir;
	run_or_give_up(chmod(path, 0666), "chmod");
}

static void
directory_is_closed(const char *path, const char *dir)
{
	(void)path;
	run_or_give_up(chmod(dir, 0), "chmod");
}

static void
directory_is_for_all(const char *path, const char *dir)
{
	(void)path;
	run_or_give_up(chmod(dir, 0777), "chmod");
}

static void
directory_is_file(const char *path, const char *dir)
{
	run_or_give_up(unlink(path), "unlink");
	run_or_give_up(rmdir(dir), "rmdir");
	write_text(dir, &intact);
}

static void
directory_is_link(const char *path, const char *dir)
{
	(void)path;
	char other[100];

	snprintf(other, sizeof(other), "%s/elsewhere", top);
	run_or_give_up(rename(dir, other), "rename");
	run_or_give_up(symlink(other, dir), "symlink");
}

static void (*const file_damage[])(const char *, const char *) = {
    file_is_directory, file_is_fifo, file_is_link, file_has_two_links,
    file_is_unreadable, file_is_for_all, directory_is_closed,
    directory_is_for_all, directory_is_file, directory_is_link};

/* The stores in which something is damaged */

struct victim {
	const char *name;
	const char *mode;    /* of the policy; NULL: there is none */
	int64_t checked_ago; /* seconds */
	bool none;           /* "no policy" is on record, beside one or alone */
	bool large;          /* a body of nearly 64 KiB */
	enum sts_kind kind;  /* which file is damaged */
	const char *answer;  /* how the intact one begins */
};

static const struct victim victims[] = {
    {"enforce", "enforce", 10, false, false, STS_KIND_POLICY, "mode=enforce "},
    {"enforce, past recheck", "enforce", 9000, false, false, STS_KIND_POLICY,
	"mode=enforce "},
    {"enforce, checked in the future", "enforce", -9000, false, false,
	STS_KIND_POLICY, "mode=enforce "},
    {"enforce, large", "enforce", 10, false, true, STS_KIND_POLICY,
	"mode=enforce "},
    {"enforce beside \"no policy\"", "enforce", 10, true, false,
	STS_KIND_POLICY, "mode=enforce "},
    {"testing", "testing", 10, false, false, STS_KIND_POLICY, "mode=testing"},
    {"mode none", "none", 10, false, false, STS_KIND_POLICY, "mode=none"},
    {"no policy", NULL, 0, true, false, STS_KIND_CHECK, "mode=none"},
    {"no policy beside enforce", "enforce", 10, true, false, STS_KIND_CHECK,
	"mode=enforce "},
    {"the check of enforce", "enforce", 10, false, false, STS_KIND_CHECK,
	"mode=enforce "},
    {"the check of enforce, past recheck", "enforce", 9000, false, false,
	STS_KIND_CHECK, "mode=enforce "},
};

/* Names below one wildcard: large in the file, short in the answer. */
static size_t
make_body(const struct victim *v, char *body, size_t size)
{
	int n = snprintf(body, size,
	    "version: STSv1\r\nmode: %s\r\nmx: mx1." DOMAIN
	    "\r\nmx: *.mx.example\r\nmax_age: 604800\r\n",
	    v->mode);
	size_t len = (size_t)n;

	for (unsigned i = 0; v->large && len < STS_BODY_MAX - 100; i++) {
		n = snprintf(body + len, size - len,
		    "mx: a-rather-long-name-%05u.mx.example\r\n", i);
		len += (size_t)n;
	}
	return len;
}

static void
make_policy(struct sts_store *store, const struct victim *v, const char *domain)
{
	static char body[STS_BODY_MAX + 1];
	size_t len = make_body(v, body, sizeof(body));
	int64_t now = (int64_t)time(NULL);
	struct sts_policy policy;
	struct sts_entry e;
	bool replaced;

	if (sts_policy_parse(&policy, body, len, NULL, NULL) != STS_OK ||
	    sts_entry_make(&e, domain, "id1", &policy, now - v->checked_ago, 0,
		300) != STS_OK)
		give_up("policy");
	if (sts_store_write_policy(store, &e, now, &replaced) != STS_OK ||
	    !replaced)
		give_up("policy");
	sts_entry_free(&e);
}

static void
make_check(struct sts_store *store, const struct victim *v, const char *domain)
{
	int64_t now = (int64_t)time(NULL);
	struct sts_check c = {.checked = now - v->checked_ago, .used = now};

	c.next_check = c.checked + 300;
	if (v->none) {
		c.checked = now - 10;
		c.until = now + 80000;
		c.reason = STS_NO_RECORD;
	}
	snprintf(c.domain, sizeof(c.domain), "%s", domain);
	if (sts_store_write_check(store, &c) != STS_OK)
		give_up("check");
}

/* Of the victim's file, and of the directory it is in. */
static void
make_path(const char *domain, enum sts_kind kind, char *path, char *dir)
{
	snprintf(dir, 100, "%s/%s/%02x", state,
	    kind == STS_KIND_POLICY ? "policies" : "checks",
	    (unsigned)(sts_domain_hash(domain) & 0xff));
	snprintf(path, 200, "%s/%s", dir, domain);
}

static void
remove_tree(const char *path)
{
	char child[400];
	struct dirent *d;
	DIR *dir;

	if (unlink(path) == 0)
		return;
	(void)chmod(path, 0700);
	if ((dir = opendir(path)) == NULL)
		return;
	while ((d = readdir(dir)) != NULL) {
		if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
			continue;
		snprintf(child, sizeof(child), "%s/%s", path, d->d_name);
		remove_tree(child);
	}
	closedir(dir);
	(void)rmdir(path);
}

/* What directory_is_link made. */
static void
remove_elsewhere(void)
{
	char path[100];

	snprintf(path, sizeof(path), "%s/elsewhere", top);
	remove_tree(path);
}

/* A store with the victim in it; intact, and what a stranger's file says. */
static void
make_store(const struct victim *v)
{
	static const struct victim weak = {
	    .mode = "none", .checked_ago = 10, .none = true};
	char path[200], dir[100];
	struct sts_store *store;

	remove_tree(state);
	if (mkdir(state, 0750) != 0 ||
	    sts_store_open(&store, state, true) != STS_OK)
		give_up(state);
	if (v->mode != NULL)
		make_policy(store, v, DOMAIN);
	if (v->none || v->kind == STS_KIND_CHECK)
		make_check(store, v, DOMAIN);
	make_policy(store, &weak, OTHER);
	make_check(store, &weak, OTHER);
	sts_store_close(store);
	make_path(DOMAIN, v->kind, path, dir);
	read_text(path, &intact);
	make_path(OTHER, draw(2) ? STS_KIND_POLICY : STS_KIND_CHECK, path, dir);
	read_text(path, &stranger);
}

/* What Exim would be told: its function forks, to find no resolver. */
static const char *
ask_function(void)
{
	unsigned char *argv[] = {
	    (unsigned char *)(uintptr_t)DOMAIN, (unsigned char *)conf, NULL};
	unsigned char *yield = NULL;

	if (mta_sts_query(&yield, 2, argv) != 0 || yield == NULL)
		return "not OK";
	return (const char *)yield;
}

/* The same without a fork, which costs much under a sanitizer. */
static const char *
ask_client(void)
{
	static char text[20000];
	static char no_resolver[] = "missing";
	struct sts_config config = {.state_dir = state,
	    .resolver = no_resolver,
	    .recheck = 300,
	    .refresh_after = 86400};
	struct sts_answer answer;
	size_t len;

	sts_ask(&config, DOMAIN, NULL, &answer);
	len = (size_t)snprintf(
	    text, sizeof(text), "mode=%s", sts_verdict_name(answer.verdict));
	if (answer.verdict == STS_VERDICT_DEFER)
		snprintf(text + len, sizeof(text) - len, " why=%s",
		    sts_status_name(answer.why));
	if (answer.verdict == STS_VERDICT_ENFORCE) {
		len += (size_t)snprintf(text + len, 6, " ign=");
		if (sts_hostlist(&answer.entry.policy, text + len,
			sizeof(text) - len) != STS_OK)
			text[0] = '\0';
	}
	sts_answer_free(&answer);
	return text;
}

static const char *
ask(void)
{
	return draw(20) == 0 ? ask_function() : ask_client();
}

static bool
is_defer(const char *answer)
{
	static const char prefix[] = "mode=defer why=";

	return strncmp(answer, prefix, sizeof(prefix) - 1) == 0 &&
	    answer[sizeof(prefix) - 1] != '\0' &&
	    strchr(answer + sizeof(prefix) - 1, ' ') == NULL;
}

struct counts {
	unsigned same;
	unsigned deferred;
	unsigned weaker;
};

static void
judge(const struct victim *v, const char *expected, const char *damage,
    unsigned number, struct counts *counts)
{
	const char *answer = ask();

	if (strcmp(answer, expected) == 0)
		counts->same++;
	else if (is_defer(answer) &&
	    (v->kind == STS_KIND_POLICY || v->mode == NULL))
		counts->deferred++;
	else if (counts->weaker++ < 10)
		tap_diag("%s, %s %u: %.60s", v->name, damage, number, answer);
}

static void
damage_bytes(const struct victim *v, const char *expected, struct counts *c)
{
	uint32_t which = draw(damage_kinds());
	char path[200], dir[100];

	make_path(DOMAIN, v->kind, path, dir);
	damaged = intact;
	damage_text(&damaged, which, &intact, &stranger);
	write_text(path, &damaged);
	judge(v, expected, "bytes", which, c);
	write_text(path, &intact);
}

static void
damage_file(const struct victim *v, const char *expected, struct counts *c)
{
	uint32_t which = draw(sizeof(file_damage) / sizeof(*file_damage));
	char path[200], dir[100];

	make_path(DOMAIN, v->kind, path, dir);
	file_damage[which](path, dir);
	judge(v, expected, "file", which, c);
	remove_tree(dir);
	remove_elsewhere();
	if (mkdir(dir, 0750) != 0)
		give_up(dir);
	write_text(path, &intact);
}

static void
test_victim(const struct victim *v, unsigned times, struct counts *total)
{
	static char expected[20000];
	struct counts c = {0};

	make_store(v);
	snprintf(expected, sizeof(expected), "%s", ask_function());
	is_str(ask_client(), expected, "%s: asked in two ways", v->name);
	if (!ok(strncmp(expected, v->answer, strlen(v->answer)) == 0,
		"%s: intact: %s", v->name, v->answer))
		tap_diag("%.100s", expected);
	for (unsigned i = 0; i < times; i++) {
		if (draw(10) == 0)
			damage_file(v, expected, &c);
		else
			damage_bytes(v, expected, &c);
	}
	is_int(c.weaker, 0, "%s: never weaker in %u: %u the same, %u deferred",
	    v->name, times, c.same, c.deferred);
	ok(c.deferred > times / 2 || v->kind != STS_KIND_POLICY,
	    "%s: damage is noticed", v->name);
	total->same += c.same;
	total->deferred += c.deferred;
}

/* CRC-32 as the store has it, bit by bit. */
static void
fix_checksum(struct text *t)
{
	uint32_t crc = 0xffffffff;
	char line[32];

	if (t->len > sizeof(t->bytes) - 32)
		t->len = sizeof(t->bytes) - 32;
	for (size_t i = 0; i < t->len; i++) {
		crc ^= (unsigned char)t->bytes[i];
		for (int bit = 0; bit < 8; bit++)
			crc = (crc >> 1) ^ ((crc & 1) ? 0xedb88320 : 0);
	}
	snprintf(line, sizeof(line), "crc32: %08x\n", ~crc);
	memcpy(t->bytes + t->len, line, strlen(line));
	t->len += strlen(line);
}

/*
 * With its checksum fixed a damaged file may say anything; it is parsed to
 * the end, and one that is another domain's is not believed.
 */
static void
test_mended(const struct victim *v, unsigned times)
{
	unsigned odd = 0, believed = 0;
	char path[200], dir[100];

	make_store(v);
	make_path(DOMAIN, v->kind, path, dir);
	for (unsigned i = 0; i < times; i++) {
		uint32_t which = draw(DAMAGE_SIMPLE);
		const char *answer;

		damaged = intact;
		damaged.len -= 16; /* the checksum's line */
		damage_text(&damaged, which, &intact, &stranger);
		fix_checksum(&damaged);
		write_text(path, &damaged);
		answer = ask();
		believed += !is_defer(answer);
		odd += strncmp(answer, "mode=", 5) != 0 ||
		    strpbrk(answer, "\n\r\\") != NULL;
	}
	is_int(odd, 0, "%s, checksum fixed: an answer each in %u, %u believed",
	    v->name, times, believed);
	write_text(path, &stranger);
	ok(is_defer(ask()) || v->mode == NULL || v->kind != STS_KIND_POLICY,
	    "%s: the file of another domain", v->name);
}

/* As a backup by links makes it: what is read is whole. */
static void
test_second_link(const struct victim *v)
{
	static char expected[20000];
	char path[200], dir[100];

	make_store(v);
	make_path(DOMAIN, v->kind, path, dir);
	snprintf(expected, sizeof(expected), "%s", ask_client());
	file_has_two_links(path, dir);
	is_str(
	    ask_client(), expected, "%s: a second link is no damage", v->name);
}

static void
make_place(void)
{
	FILE *f;

	snprintf(top, sizeof(top), "/tmp/mta-sts-corrupt.XXXXXX");
	if (mkdtemp(top) == NULL)
		give_up(top);
	/* Root reads everything, and the owner may not be root. */
	if (geteuid() == 0 &&
	    (chown(top, NOBODY, NOBODY) != 0 || setgid(NOBODY) != 0 ||
		setuid(NOBODY) != 0))
		give_up("cannot change the user");
	snprintf(state, sizeof(state), "%s/state", top);
	snprintf(conf, sizeof(conf), "%s/conf", top);
	if ((f = fopen(conf, "w")) == NULL)
		give_up(conf);
	fprintf(f, "state-dir %s\nresolver %s/missing\n", state, top);
	fclose(f);
}

int
main(void)
{
	const char *wanted = getenv("STS_CORRUPTIONS");
	size_t count = sizeof(victims) / sizeof(*victims);
	unsigned times = wanted != NULL ? (unsigned)atoi(wanted) : 2000;
	struct counts total = {0};

	make_place();
	for (size_t i = 0; i < count; i++)
		test_victim(&victims[i],
		    (times + (unsigned)count - 1) / (unsigned)count, &total);
	tap_diag("%u damaged files: %u answered as before, %u deferred",
	    total.same + total.deferred, total.same, total.deferred);
	for (size_t i = 0; i < count; i++)
		test_mended(&victims[i], times / 4 / (unsigned)count + 1);
	for (size_t i = 0; i < count; i++)
		test_second_link(&victims[i]);
	errno = 0;
	is_int(waitpid(-1, NULL, WNOHANG), -1, "no child is left");
	is_int(errno, ECHILD, "nor a zombie");
	remove_tree(top);
	return tap_done();
}
