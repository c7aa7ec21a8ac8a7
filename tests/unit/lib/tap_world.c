/* SPDX-License-Identifier: ISC */
#include "tests/unit/lib/tap_world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static _Noreturn void
give_up(const char *what)
{
	printf("Bail out! %s\n", what);
	exit(1);
}

static void __attribute__((format(printf, 1, 2))) shell(const char *format, ...)
{
	char command[1000];
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	if (system(command) != 0)
		give_up(command);
}

/* Files of the store are accepted only if their directory's owner wrote them.
 */
static void
as_owner(bool on)
{
	static bool root;

	if (on)
		root = geteuid() == 0;
	if (!root)
		return;
	if (on ? setegid(WORLD_USER) != 0 || seteuid(WORLD_USER) != 0
	       : seteuid(0) != 0 || setegid(0) != 0)
		give_up("cannot change the user");
}

void
world_make(struct world *w, const char *fake, const char *lines)
{
	FILE *f;

	strcpy(w->dir, "/tmp/mta-sts-world.XXXXXX");
	if (mkdtemp(w->dir) == NULL || chmod(w->dir, 0755) != 0)
		give_up("no temporary directory");
	snprintf(w->conf, sizeof(w->conf), "%s/mta-sts.conf", w->dir);
	snprintf(w->state, sizeof(w->state), "%s/state", w->dir);
	if ((f = fopen(w->conf, "w")) == NULL)
		give_up("no configuration");
	fprintf(f,
	    "state-dir %s\nresolver %s/%s\n"
	    "dns-timeout 10\nfetch-timeout 20\n%s",
	    w->state, w->dir, fake[0] != '\0' ? fake : "missing", lines);
	fclose(f);
	shell("chmod 644 %s && mkdir -m 750 %s %s/prepared", w->conf, w->state,
	    w->dir);
	if (fake[0] != '\0')
		shell("cp tests/unit/lib/fake_resolver.sh %s/%s && chmod 755 "
		      "%s/%s",
		    w->dir, fake, w->dir, fake);
	/* What root reads or runs stays root's; the rest is the MTA user's. */
	shell("touch %s/ran %s/whoami.out", w->dir, w->dir);
	if (geteuid() == 0)
		shell("cd %s && chown -R %d:%d state prepared ran whoami.out",
		    w->dir, WORLD_USER, WORLD_USER);
}

void
world_remove(struct world *w)
{
	/* A resolver that nobody waits for may be writing at this moment. */
	shell("for i in 1 2 3 4 5 6 7 8 9; do rm -rf %s 2>/dev/null && exit; "
	      "sleep 0.2; done; rm -rf %s",
	    w->dir, w->dir);
}

unsigned
world_runs(const struct world *w)
{
	char path[80];
	unsigned lines = 0;
	FILE *f;
	int c;

	snprintf(path, sizeof(path), "%s/ran", w->dir);
	if ((f = fopen(path, "r")) == NULL)
		return 0;
	while ((c = getc(f)) != EOF)
		lines += c == '\n';
	fclose(f);
	return lines;
}

static struct sts_store *
open_store(const struct world *w, const char *where)
{
	struct sts_store *store;
	char path[100];

	snprintf(path, sizeof(path), "%s/%s", w->dir, where);
	if (sts_store_open(&store, path, true) != STS_OK)
		give_up("cannot write the store");
	return store;
}

void
world_policy(const struct world *w, const char *where, const char *domain,
    const char *body, int64_t fetched_ago, int64_t checked_ago)
{
	int64_t now = (int64_t)time(NULL);
	struct sts_check c = {.checked = now - checked_ago,
	    .next_check = now - checked_ago + 300};
	struct sts_policy policy;
	struct sts_entry e;
	struct sts_store *store;
	bool replaced;

	snprintf(c.domain, sizeof(c.domain), "%s", domain);
	if (sts_policy_parse(&policy, body, strlen(body), NULL, NULL) !=
		STS_OK ||
	    sts_entry_make(
		&e, domain, "id1", &policy, now - fetched_ago, 0, 0) != STS_OK)
		give_up("the policy of a test is ill-formed");
	as_owner(true);
	store = open_store(w, where);
	(void)sts_store_drop(store, domain);
	if (sts_store_write_policy(store, &e, now, &replaced) != STS_OK ||
	    sts_store_write_check(store, &c) != STS_OK)
		give_up("cannot write a policy");
	sts_store_close(store);
	as_owner(false);
	sts_entry_free(&e);
}

static void
write_check(
    const struct world *w, const char *where, const struct sts_check *check)
{
	struct sts_store *store;

	as_owner(true);
	store = open_store(w, where);
	if (sts_store_write_check(store, check) != STS_OK)
		give_up("cannot write a check");
	sts_store_close(store);
	as_owner(false);
}

void
world_none(const struct world *w, const char *where, const char *domain,
    const char *id, int64_t checked_ago, int64_t life)
{
	int64_t now = (int64_t)time(NULL);
	struct sts_check c = {.checked = now - checked_ago,
	    .until = now - checked_ago + life,
	    .reason = id[0] != '\0' ? STS_FETCH_CONNECT : STS_NO_RECORD};

	if (id[0] != '\0') {
		c.failed_reason = c.reason;
		c.failed_since = c.checked;
		c.failed_next = c.until;
		c.failures = 1;
	}
	snprintf(c.domain, sizeof(c.domain), "%s", domain);
	snprintf(c.failed_id, sizeof(c.failed_id), "%s", id);
	write_check(w, where, &c);
}

void
world_failing(const struct world *w, const char *where, const char *domain,
    int64_t since_ago, int64_t next_in)
{
	int64_t now = (int64_t)time(NULL);
	struct sts_check c = {.checked = now,
	    .failed_id = "id1",
	    .failed_reason = STS_FETCH_CONNECT,
	    .failed_since = now - since_ago,
	    .failed_next = now + next_in,
	    .failures = 1};

	snprintf(c.domain, sizeof(c.domain), "%s", domain);
	write_check(w, where, &c);
}

void
world_tlsrpt(const struct world *w, const char *where, const char *domain,
    const char *record)
{
	int64_t now = (int64_t)time(NULL);
	struct sts_check c;
	struct sts_store *store;

	as_owner(true);
	store = open_store(w, where);
	if (sts_store_read_check(store, domain, now, &c) != STS_OK)
		give_up("no check for the record");
	sts_store_close(store);
	as_owner(false);
	c.tlsrpt_next = now + 3600;
	snprintf(c.tlsrpt, sizeof(c.tlsrpt), "%s", record);
	write_check(w, where, &c);
}

void
world_newest(const struct world *w, int64_t fetched_ago)
{
	struct sts_store *store;

	as_owner(true);
	store = open_store(w, "state");
	if (sts_store_write_newest(store, (int64_t)time(NULL) - fetched_ago) !=
	    STS_OK)
		give_up("cannot write the newest fetch");
	sts_store_close(store);
	as_owner(false);
}

static void
write_trouble(const struct world *w, const char *where, const char *domain,
    enum sts_status reason, int64_t checked_ago)
{
	struct sts_check c = {
	    .checked = (int64_t)time(NULL) - checked_ago, .reason = reason};

	c.until = c.next_check = c.checked + 60;
	snprintf(c.domain, sizeof(c.domain), "%s", domain);
	write_check(w, where, &c);
}

void
world_trouble(const struct world *w, const char *where, const char *domain,
    int64_t checked_ago)
{
	write_trouble(w, where, domain, STS_DNS_SERVFAIL, checked_ago);
}

void
world_host_trouble(const struct world *w, const char *where, const char *domain,
    int64_t checked_ago)
{
	write_trouble(w, where, domain, STS_FETCH_DNS, checked_ago);
}

void
world_damage(const struct world *w, const char *kind, const char *domain)
{
	char pattern[500], path[500];
	FILE *f;
	int c;

	snprintf(
	    pattern, sizeof(pattern), "ls %s/%s/*/%s", w->state, kind, domain);
	if ((f = popen(pattern, "r")) == NULL ||
	    fgets(path, sizeof(path), f) == NULL)
		give_up("no file to damage");
	pclose(f);
	path[strcspn(path, "\n")] = '\0';
	if ((f = fopen(path, "r+")) == NULL || fseek(f, 40, SEEK_SET) != 0 ||
	    (c = getc(f)) == EOF || fseek(f, 40, SEEK_SET) != 0 ||
	    putc(c ^ 4, f) == EOF || fclose(f) != 0)
		give_up("cannot damage a file");
}
