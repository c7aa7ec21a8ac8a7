/* SPDX-License-Identifier: ISC */
/* The contract of mta_sts_query: what Exim is told, and that it is told. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/child.h"
#include "exim/hostlist.h"
#include "exim/no_mx.h"
#include "exim/query.h"
#include "store/events.h"
#include "tests/unit/lib/tap.h"
#include "tests/unit/lib/tap_world.h"

#define HEAD "version: STSv1\nmode: enforce\nmax_age: 604800\n"

enum { ANSWER_MAX = 3072 };

static unsigned char *
bytes(const char *string)
{
	return (unsigned char *)(uintptr_t)string;
}

/* One call with the arguments as Exim passes them. */
static const char *
query(const char *domain, const char *conf)
{
	unsigned char *argv[] = {bytes(domain), bytes(conf), NULL};
	unsigned char *yield = NULL;

	if (mta_sts_query(&yield, conf != NULL ? 2 : 1, argv) != 0)
		return "not OK";
	return (const char *)yield;
}

static const char *
query_count(int argc, unsigned char *argv[])
{
	unsigned char *yield = NULL;

	if (mta_sts_query(&yield, argc, argv) != 0)
		return "not OK";
	return (const char *)yield;
}

/* For `mta-sts status`, also where Exim is root at that moment. */
static void
is_recorded(const struct world *w, const char *domain, enum sts_status why)
{
	static struct sts_events e;
	struct sts_store *store;

	if (sts_store_open(&store, w->state, false) != STS_OK)
		return;
	(void)sts_events_read(store, (int64_t)time(NULL), &e);
	sts_store_close(store);
	is_int(e.deferred[why], 1, "that %s waited is recorded", domain);
	is_str(e.last[0].domain, domain, "with its domain");
}

static void
test_arguments(void)
{
	unsigned char *three[] = {bytes("a.example"), bytes("/c"), bytes("x")};
	unsigned char *null[] = {NULL, NULL};
	unsigned char *second_null[] = {bytes("a.example"), NULL};
	unsigned char *one[] = {bytes("[192.0.2.1]")};
	unsigned char **guarded =
	    (unsigned char **)(void *)guard_copy(one, sizeof(one));

	is_str(query_count(0, null), "mode=defer why=usage", "no argument");
	is_str(query_count(-1, null), "mode=defer why=usage", "fewer");
	is_str(query_count(3, three), "mode=defer why=usage", "three");
	is_str(query_count(1, null), "mode=defer why=usage", "a null one");
	is_str(query_count(1, NULL), "mode=defer why=usage", "none at all");
	is_str(query_count(2, second_null), "mode=defer why=usage",
	    "a null second one");
	is_str(query_count(1, guarded), "mode=none",
	    "the list of arguments needs no end");
	guard_free((char *)guarded, sizeof(one));
	is_int(mta_sts_query(NULL, 1, one), 0, "nowhere to put the answer");
}

static void
test_names_and_configuration(void)
{
	struct world w;

	world_make(&w, "", "no such line\nrecheck never\n");
	is_str(query("", w.conf), "mode=none", "no domain has no policy");
	is_str(query("[IPv6:::1]", w.conf), "mode=none", "an address literal");
	is_str(query("\xff.example", w.conf), "mode=defer why=bad_idn",
	    "what cannot be converted");
	is_str(query("new.example", w.conf), "mode=defer why=resolver_missing",
	    "bad lines do not matter, the others hold");
	is_recorded(&w, "new.example", STS_RESOLVER_MISSING);
	is_str(query("new.example", "/nonexistent/mta-sts.conf"),
	    "mode=defer why=config", "no configuration, no guess");
	is_str(query("new.example", ""), "mode=defer why=config",
	    "an empty name of it");
	is_str(query("new.example", "/"), "mode=defer why=config", "a folder");
	world_remove(&w);
	world_make(&w, "", "on-local-error deliver\n");
	is_str(query("new.example", w.conf), "mode=none",
	    "on-local-error deliver");
	is_str(query("new.example", "/nonexistent/mta-sts.conf"),
	    "mode=defer why=config", "cannot hold where it cannot be read");
	world_remove(&w);
}

static void
test_answers(void)
{
	struct world w;
	char *before;

	world_make(&w, "", "");
	world_policy(&w, "state", "enforce.example",
	    HEAD "mx: MX1.a.example\nmx: *.B.example\n", 1, 1);
	world_policy(&w, "state", "testing.example",
	    "version: STSv1\nmode: testing\nmx: a.example\nmax_age: 9999\n", 1,
	    1);
	world_policy(&w, "state", "none.example",
	    "version: STSv1\nmode: none\nmax_age: 9999\n", 1, 1);
	world_none(&w, "state", "absent.example", "", 1, 3600);
	is_str(query("Enforce.Example.", w.conf),
	    "mode=enforce "
	    "ign=!^([^.]+[.]b[.]example|mx1[.]a[.]example)$:*",
	    "enforce, with the hosts to ignore");
	is_str(query("testing.example", w.conf), "mode=testing", "testing");
	is_str(query("none.example", w.conf), "mode=none", "mode none");
	is_str(query("absent.example", w.conf), "mode=none", "no policy");
	before = strdup(query("enforce.example", w.conf));
	errno = ENOTTY;
	is_str(query("enforce.example", w.conf), before, "the same again");
	is_int(errno, ENOTTY, "errno is kept");
	free(before);
	world_remove(&w);
}

/* The list that a body of mx lines gives; a static buffer. */
static const char *
list_of(const char *mx_lines, size_t size)
{
	static char buf[ANSWER_MAX + 1];
	static char body[STS_BODY_MAX + 1];
	struct sts_policy policy;
	enum sts_status status;
	int len = snprintf(body, sizeof(body), HEAD "%s", mx_lines);

	if (sts_policy_parse(&policy, body, (size_t)len, NULL, NULL) != STS_OK)
		return "ill-formed";
	status = sts_hostlist(&policy, buf, size);
	return status == STS_OK ? buf : sts_status_name(status);
}

static void
test_lists(void)
{
	static const struct {
		const char *mx;
		const char *list;
	} rows[] = {
	    {"mx: a.example\n", "!^(a[.]example)$:*"},
	    {"mx: *.a.example\n", "!^([^.]+[.]a[.]example)$:*"},
	    {"mx: b.example\nmx: a-1.example\n",
		"!^(a-1[.]example|b[.]example)$:*"},
	    {"mx: a.example\nmx: A.example\nmx: a.EXAMPLE\n",
		"!^(a[.]example)$:*"},
	    {"mx: x.a.example\nmx: *.a.example\nmx: y.a.example\n"
	     "mx: y.x.a.example\nmx: a.example\n",
		"!^([^.]+[.]a[.]example|a[.]example|y[.]x[.]a[.]example)$:*"},
	    {"mx: *.a.example\nmx: *.b.a.example\nmx: b.a.example\n",
		"!^([^.]+[.]a[.]example|[^.]+[.]b[.]a[.]example)$:*"},
	    {"mx: 192.0.2.1\nmx: a.example\nmx: *.2.1\n", "!^(a[.]example)$:*"},
	    {"mx: localhost\n", "!^(localhost)$:*"},
	};

	struct sts_policy empty = {.mode = STS_MODE_ENFORCE, .body = ""};
	char buf[100];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		is_str(list_of(rows[i].mx, ANSWER_MAX), rows[i].list,
		    "host list %zu", i);
	is_str(list_of("mx: a.example\n", 19), "!^(a[.]example)$:*",
	    "a list that just fits");
	is_str(list_of("mx: a.example\n", 18), "policy_too_large",
	    "and one byte less");
	is_int(sts_hostlist(&empty, buf, sizeof(buf)), STS_OK,
	    "a policy without a usable pattern, if there were one");
	is_str(buf, "*", "ignores every host");
	is_int(sts_hostlist(&empty, buf, 1), STS_POLICY_TOO_LARGE,
	    "and needs room");
}

/* Of a policy that is too long: the present MX hosts that it permits. */
static void
test_present(void)
{
	static const char text[] = HEAD "mx: a.example\nmx: *.b.example\n";
	struct sts_routes routes = {.count = 5};
	struct sts_policy policy;
	char buf[100];

	is_int(sts_policy_parse(&policy, text, sizeof(text) - 1, NULL, NULL),
	    STS_OK, "a policy");
	strcpy(routes.route[0].host, "x.b.example");
	strcpy(routes.route[1].host, "attacker.example");
	strcpy(routes.route[2].host, "a.example");
	strcpy(routes.route[3].host, "x.b.example");
	strcpy(routes.route[4].host, "y.x.b.example");
	is_int(sts_hostlist_present(&policy, &routes, buf, sizeof(buf)), STS_OK,
	    "its present MX hosts");
	is_str(buf, "!^(a[.]example|x[.]b[.]example)$:*",
	    "those that it permits, once");
	is_int(sts_hostlist_present(&policy, &routes, buf, 10),
	    STS_POLICY_TOO_LARGE, "or no room");
	routes.count = 0;
	is_int(sts_hostlist_present(&policy, &routes, buf, sizeof(buf)), STS_OK,
	    "no MX host");
	is_str(buf, "*", "ignores every host");
}

/*
 * The expression, compiled by somebody else's library, permits the hosts that
 * RFC 8461 4.1 does.
 */
static void
test_against_matching(void)
{
	static const char *const parts[] = {
	    "a", "b", "mx", "a-b", "a", "b", "mx", "aa"};
	static char body[STS_BODY_MAX];
	unsigned differ = 0, permitted = 0;

	srandom(8461);
	for (int round = 0; round < 200; round++) {
		struct sts_policy policy;
		size_t len = strlen(HEAD);
		char list[ANSWER_MAX];
		regex_t re;

		memcpy(body, HEAD, len);
		for (int i = 0; i < 6; i++)
			len += (size_t)snprintf(body + len, sizeof(body) - len,
			    "mx: %s%s.%s%s%s\n", random() % 3 ? "" : "*.",
			    parts[random() % 8], parts[random() % 8],
			    random() % 2 ? "." : "",
			    random() % 2 ? "" : parts[random() % 8]);
		body[len] = '\0';
		if (sts_policy_parse(&policy, body, len, NULL, NULL) != STS_OK)
			continue;
		(void)sts_hostlist(&policy, list, sizeof(list));
		/* Without "!" before and ":*" behind. */
		list[strlen(list) - 2] = '\0';
		if (regcomp(&re, list + 1, REG_EXTENDED | REG_NOSUB) != 0) {
			differ++;
			continue;
		}
		for (int i = 0; i < 200; i++) {
			char host[100];
			bool permits;

			snprintf(host, sizeof(host), "%s.%s%s%s",
			    parts[random() % 8], parts[random() % 8],
			    random() % 2 ? "." : "", parts[random() % 8]);
			permits = sts_policy_permits(&policy, host);
			permitted += permits;
			differ +=
			    permits != (regexec(&re, host, 0, NULL, 0) == 0);
		}
		regfree(&re);
	}
	is_int(differ, 0, "the expression permits what the policy permits");
	ok(permitted > 100, "and hosts were permitted in the trial");
}

/* True for the alphabet of an answer, and its bound. */
static bool
is_clean(const char *answer)
{
	size_t len = strlen(answer);

	for (const char *p = answer; *p != '\0'; p++) {
		if (!isalnum((unsigned char)*p) &&
		    strchr("=!^(|)$:*[].+_- ", *p) == NULL)
			return false;
	}
	return len <= ANSWER_MAX &&
	    strcspn(answer, " ") >= strlen("mode=none") &&
	    strchr(answer, '\\') == NULL && strstr(answer, "(?") == NULL;
}

/*
 * A policy whose answer has exactly `want` bytes: names of 10 bytes, each 13
 * in the list with its "|", and a last one that fills up.
 */
static void
body_for(char *body, size_t size, size_t want)
{
	size_t room = want - strlen("mode=enforce ign=!^()$:*");
	size_t len = strlen(HEAD);
	unsigned i = 0;

	memcpy(body, HEAD, len);
	for (; room > 60; room -= 13)
		len += (size_t)snprintf(
		    body + len, size - len, "mx: h%06u.io\n", i++ % 1000000);
	/* "z...z.io" is three bytes longer in the list. */
	len += (size_t)snprintf(body + len, size - len, "mx: ");
	for (size_t n = room - strlen("[.]io"); n > 0; n--)
		body[len++] = 'z';
	snprintf(body + len, size - len, ".io\n");
}

static void
test_bound(void)
{
	static char body[STS_BODY_MAX];
	const char *answer;
	struct world w;

	world_make(&w, "", "");
	body_for(body, sizeof(body), ANSWER_MAX);
	world_policy(&w, "state", "fits.example", body, 1, 1);
	body_for(body, sizeof(body), ANSWER_MAX + 1);
	world_policy(&w, "state", "over.example", body, 1, 1);
	answer = query("fits.example", w.conf);
	is_int((long long)strlen(answer), ANSWER_MAX, "an answer at the bound");
	ok(strncmp(answer, "mode=enforce ign=!^(h000000[.]io|", 33) == 0 &&
		strcmp(answer + ANSWER_MAX - 11, "zz[.]io)$:*") == 0 &&
		is_clean(answer),
	    "is whole");
	is_str(query("over.example", w.conf), "mode=defer why=policy_too_large",
	    "one byte more is deferred");
	is_str(query("[192.0.2.1]", w.conf), "mode=none",
	    "and leaves nothing behind");
	world_remove(&w);
}

/* As many mx lines as 64 KiB hold. */
static void
test_size(void)
{
	static char body[STS_BODY_MAX + 1];
	const char *answer;
	struct world w;
	size_t len;

	world_make(&w, "", "");
	len = (size_t)snprintf(body, sizeof(body), HEAD);
	for (int i = 0; i < 5000; i++)
		len += (size_t)snprintf(
		    body + len, sizeof(body) - len, "mx: %d.io\n", 9999 - i);
	world_policy(&w, "state", "many.example", body, 1, 1);
	len = (size_t)snprintf(body, sizeof(body), HEAD "mx: *.io\n");
	for (int i = 0; i < 5000; i++)
		len += (size_t)snprintf(
		    body + len, sizeof(body) - len, "mx: %d.io\n", 9999 - i);
	world_policy(&w, "state", "covered.example", body, 1, 1);
	is_str(query("many.example", w.conf), "mode=defer why=policy_too_large",
	    "5,000 names are too many");
	answer = query("covered.example", w.conf);
	is_str(answer, "mode=enforce ign=!^([^.]+[.]io)$:*",
	    "unless a wildcard covers them");
	world_remove(&w);
}

/* Makes this process that much larger, for good. */
static void
grow(size_t mib)
{
	/* volatile: a compiler may take away a block that is only filled */
	char *volatile bytes = malloc(mib << 20);

	if (bytes == NULL)
		return;
	memset(bytes, 1, mib << 20);
	is_int(bytes[(mib << 20) - 1], 1, "grown by %zu MiB", mib);
	free(bytes);
}

/*
 * What Exim has used for lists that were answered counts against a bound for
 * the process: another recipient's delivery must not die of it.
 */
static void
test_growth(void)
{
	static char body[STS_BODY_MAX];
	struct world w;

	world_make(&w, "", "");
	body_for(body, sizeof(body), 1000);
	world_policy(&w, "state", "long.example", body, 1, 1);
	world_policy(
	    &w, "state", "short.example", HEAD "mx: a.example\n", 1, 1);
	ok(strncmp(query("long.example", w.conf), "mode=enforce ", 13) == 0,
	    "a long list, in a small process");
	grow(300);
	is_str(query("long.example", w.conf), "mode=defer why=policy_too_large",
	    "waits in one that has grown");
	is_str(query("short.example", w.conf),
	    "mode=enforce ign=!^(a[.]example)$:*", "a short list does not");
	grow(600);
	is_str(query("short.example", w.conf),
	    "mode=defer why=policy_too_large", "until there is no room left");
	is_str(query("[192.0.2.1]", w.conf), "mode=none",
	    "what needs no list goes on");
	world_remove(&w);
}

static const char *
no_mx(const char *domain, const char *conf)
{
	unsigned char *argv[] = {bytes(domain), bytes(conf), NULL};
	unsigned char *yield = NULL;

	if (mta_sts_no_mx(&yield, 2, argv) != 0)
		return "not OK";
	return (const char *)yield;
}

/* The reason, and a resolver that is started to fetch the policy again. */
static void
test_no_mx(void)
{
	unsigned char *yield = NULL;
	unsigned char *null[] = {NULL, NULL, NULL};
	struct world w;

	world_make(&w, "ok", "");
	errno = ENOTTY;
	is_str(no_mx("A.example", w.conf),
	    "no MX host of a.example is permitted by its policy",
	    "no MX host is permitted");
	is_int(errno, ENOTTY, "errno is kept");
	for (int i = 0; i < TAP_WAIT_MS / 50 && world_runs(&w) < 2; i++)
		usleep(50000);
	is_int(world_runs(&w), 2, "one asked for MX hosts, one for the policy");
	is_int(mta_sts_no_mx(&yield, 1, null), 0, "a null argument");
	is_str((char *)yield, "no MX host is permitted by the domain's policy",
	    "has a reason too");
	is_int(mta_sts_no_mx(&yield, 0, null), 0, "no argument");
	is_int(mta_sts_no_mx(NULL, 3, null), 0, "nowhere to put it");
	is_str(no_mx("not a domain\n", w.conf),
	    "no MX host is permitted by the domain's policy", "no domain");
	is_int(world_runs(&w), 2, "starts nothing");
	world_remove(&w);
}

int
main(void)
{
	test_arguments();
	test_names_and_configuration();
	test_answers();
	test_lists();
	test_present();
	test_against_matching();
	test_bound();
	test_size();
	test_no_mx();
	test_growth(); /* the last: the process stays large */
	return tap_done();
}
