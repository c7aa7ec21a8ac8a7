/* SPDX-License-Identifier: ISC */
/*
 * What `mta-sts publish` composes: the policy file, the id, the records, the
 * web server's lines and the next step, from given facts.
 */
#include "tests/unit/lib/tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "publish/draft.h"
#include "publish/next_step.h"
#include "publish/web_server.h"
#include "publish/zone.h"

enum { NOW = 1795900530 /* 2026-11-28T22:35:30Z less some hours */ };

static struct sts_policy
parsed(const char *body)
{
	struct sts_policy policy;

	if (sts_policy_parse(&policy, body, strlen(body), NULL, NULL) !=
	    STS_OK) {
		printf("Bail out! not a policy: %s\n", body);
		exit(1);
	}
	return policy;
}

static struct sts_draft
draft_of(const char *body)
{
	struct sts_policy policy = parsed(body);
	struct sts_draft draft = {.mx_count = 0};

	sts_draft_take(&draft, &policy);
	return draft;
}

#define HEAD "version: STSv1\r\n"
#define BASE                                                            \
	HEAD "mode: testing\r\nmx: a.test\r\nmx: *.b.test\r\nmax_age: " \
	     "86400\r\n"

/* The file. */

static void
test_file(void)
{
	struct sts_draft draft = draft_of(BASE);
	char text[STS_DRAFT_BYTES];
	size_t len = sts_draft_write(&draft, text);
	struct sts_policy again;

	is_str(text, BASE, "a policy that is taken is written as it was");
	is_int((long long)len, (long long)strlen(BASE), "its length");
	is_int(sts_policy_parse(&again, text, len, NULL, NULL), STS_OK,
	    "what is written is a policy");
	ok(sts_draft_is(&draft, &again), "and the same one");
	draft = (struct sts_draft){.mode = STS_MODE_NONE, .max_age = 86400};
	(void)sts_draft_write(&draft, text);
	is_str(text, HEAD "mode: none\r\nmax_age: 86400\r\n",
	    "mode none needs no mx");
}

static void
test_patterns(void)
{
	struct sts_draft draft = {.mode = STS_MODE_ENFORCE};
	char name[32], text[STS_DRAFT_BYTES];

	is_int(sts_draft_add(&draft, "MX1.Example.TEST"), STS_OK, "a host");
	is_str(draft.mx[0], "mx1.example.test", "is put in lower case");
	(void)sts_draft_add(&draft, "mx1.example.test");
	is_int((long long)draft.mx_count, 1, "once");
	is_int(sts_draft_add(&draft, "mx_1.test"), STS_BAD_PATTERN,
	    "an underscore is no pattern");
	is_int(sts_draft_add(&draft, "a\r\nmode: none"), STS_BAD_PATTERN,
	    "nothing makes a line of its own");
	ok(sts_draft_permits(&draft, "MX1.example.test"), "it is permitted");
	ok(!sts_draft_permits(&draft, "mx2.example.test"), "another is not");
	for (int i = 1; i < STS_DRAFT_MX; i++) {
		(void)snprintf(name, sizeof(name), "x%d.test", i);
		(void)sts_draft_add(&draft, name);
	}
	is_int(sts_draft_add(&draft, "one.more.test"), STS_POLICY_TOO_LARGE,
	    "there is a bound");
	ok(sts_draft_write(&draft, text) < sizeof(text), "the file fits");
}

static const struct same_row {
	const char *what, *body;
	bool same;
} same_rows[] = {
    {"the same lines", BASE, true},
    {"lines that end in LF",
	"version: STSv1\nmode: testing\nmx: a.test\nmx: *.b.test\n"
	"max_age: 86400\n",
	true},
    {"another order of the patterns, and one twice",
	HEAD "mx: *.b.test\r\nmx: a.test\r\nmx: A.test\r\nmode: testing\r\n"
	     "max_age: 86400\r\n",
	true},
    {"an extension and a blank line", BASE "x-y: z\r\n\r\n", true},
    {"another mode",
	HEAD "mode: enforce\r\nmx: a.test\r\nmx: *.b.test\r\n"
	     "max_age: 86400\r\n",
	false},
    {"another max_age",
	HEAD "mode: testing\r\nmx: a.test\r\nmx: *.b.test\r\n"
	     "max_age: 86401\r\n",
	false},
    {"a pattern less", HEAD "mode: testing\r\nmx: a.test\r\nmax_age: 86400\r\n",
	false},
    {"a pattern more", BASE "mx: c.test\r\n", false},
    {"another pattern",
	HEAD "mode: testing\r\nmx: a.test\r\nmx: c.test\r\n"
	     "max_age: 86400\r\n",
	false},
};

/* What is the same policy has the same id, and nothing else has. */
static const struct cover_row {
	const char *what, *pattern;
	bool covered;
} cover_rows[] = {
    {"a name that is there", "a.test", true},
    {"a name that a pattern matches", "mx.b.test", true},
    {"the pattern itself", "*.b.test", true},
    {"another name", "c.test", false},
    {"a name one label deeper", "mx.a.b.test", false},
    {"the pattern's name", "b.test", false},
    {"another pattern", "*.test", false},
    {"a pattern one label deeper", "*.a.b.test", false},
    {"an address, which matches no host", "192.0.2.1", true},
};

static void
test_covers(void)
{
	struct sts_draft draft = draft_of(BASE);

	for (size_t i = 0; i < sizeof(cover_rows) / sizeof(cover_rows[0]); i++)
		is_int(sts_draft_covers(&draft, cover_rows[i].pattern),
		    cover_rows[i].covered, "covers: %s", cover_rows[i].what);
}

static void
test_same(void)
{
	struct sts_draft base = draft_of(BASE);
	char id[STS_ID_MAX + 1];

	sts_zone_new_id(&base, NOW, id);
	for (size_t i = 0; i < sizeof(same_rows) / sizeof(same_rows[0]); i++) {
		const struct same_row *row = &same_rows[i];
		struct sts_policy policy = parsed(row->body);
		struct sts_draft draft = draft_of(row->body);

		is_int(sts_draft_is(&base, &policy), row->same, "%s: %s",
		    row->what, row->same ? "no change" : "a change");
		is_int(sts_zone_judge_id(id, &draft),
		    row->same ? STS_ZONE_ID_OF_THIS : STS_ZONE_ID_OF_OTHER,
		    "%s: the id says so", row->what);
	}
}

static void
test_lost(void)
{
	struct sts_policy policy = parsed(BASE);

	is_int((long long)sts_draft_lost_lines(&policy), 0,
	    "fields of the RFC are taken over");
	policy = parsed(BASE "x-y: z\r\n\r\n# comment\r\n");
	is_int((long long)sts_draft_lost_lines(&policy), 2,
	    "an extension and a comment are not");
}

/* The id and the records. */

static void
test_id(void)
{
	struct sts_draft draft = draft_of(BASE);
	char id[STS_ID_MAX + 1], value[64], record_id[STS_ID_MAX + 1];
	struct sts_span record = {value, 0};

	sts_zone_new_id(&draft, 1795905330, id);
	is_str(id, "2026112822353037ab7a5c",
	    "an id is the time and a number of the policy, which never "
	    "changes");
	record.len =
	    (size_t)snprintf(value, sizeof(value), "v=STSv1; id=%s", id);
	is_int(sts_record_sts(&record, 1, record_id), STS_OK,
	    "senders take it (RFC 8461 3.1)");
	is_int(sts_zone_judge_id("20240101000000", &draft), STS_ZONE_ID_FOREIGN,
	    "a time alone was not made here");
	is_int(sts_zone_judge_id("2026112822353037ab7a5X", &draft),
	    STS_ZONE_ID_FOREIGN, "nor was this");
	sts_zone_new_id(&draft, 0, id);
	record.len =
	    (size_t)snprintf(value, sizeof(value), "v=STSv1; id=%s", id);
	is_int(sts_record_sts(&record, 1, record_id), STS_OK,
	    "also where the clock is not set");
}

/* What a function prints. */
static char *
printed(void (*print)(FILE *out, const char *name, const char *value),
    const char *name, const char *value)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	print(out, name, value);
	fclose(out);
	return text;
}

static void
test_txt(void)
{
	char value[401] = "", expected[600];
	char *text = printed(sts_zone_txt, "_mta-sts.d.test", "v=STSv1; id=1");

	is_str(text, "_mta-sts.d.test. 3600 IN TXT \"v=STSv1; id=1\"\n",
	    "a TXT record");
	free(text);
	text = printed(sts_zone_txt, "d", "a\"b\\c\n\x80");
	is_str(text, "d. 3600 IN TXT \"a\\\"b\\\\c\\010\\128\"\n",
	    "quotes and other bytes are escaped");
	free(text);
	memset(value, 'x', 400);
	(void)snprintf(expected, sizeof(expected),
	    "d. 3600 IN TXT \"%.255s\" \"%.145s\"\n", value, value);
	text = printed(sts_zone_txt, "d", value);
	is_str(text, expected, "a long value is several strings");
	free(text);
}

static const struct host_row {
	const char *target, *line;
} host_rows[] = {
    {"192.0.2.1", "mta-sts.d.test. 3600 IN A 192.0.2.1\n"},
    {"2001:db8::1", "mta-sts.d.test. 3600 IN AAAA 2001:db8::1\n"},
    {"WWW.d.test.", "mta-sts.d.test. 3600 IN CNAME www.d.test.\n"},
    {"w\xc3\xbcrd.test", "mta-sts.d.test. 3600 IN CNAME xn--wrd-hoa.test.\n"},
    {"not a name", ""},
    {"192.0.2.300", ""},
    {"", ""},
};

static void
test_hosts(void)
{
	for (size_t i = 0; i < sizeof(host_rows) / sizeof(host_rows[0]); i++) {
		const struct host_row *row = &host_rows[i];
		char *text =
		    printed(sts_zone_host, "mta-sts.d.test", row->target);

		is_str(text, row->line, "web host \"%s\"", row->target);
		is_int(sts_zone_host_type(row->target) != NULL,
		    row->line[0] != '\0', "\"%s\" is one, or not", row->target);
		free(text);
	}
}

static const struct rua_row {
	const char *given, *value; /* NULL: refused */
} rua_rows[] = {
    {"tls@d.test", "v=TLSRPTv1; rua=mailto:tls@d.test"},
    {"mailto:tls@d.test", "v=TLSRPTv1; rua=mailto:tls@d.test"},
    {"https://r.test/x", "v=TLSRPTv1; rua=https://r.test/x"},
    {"a@d.test,https://r.test/x",
	"v=TLSRPTv1; rua=mailto:a@d.test,https://r.test/x"},
    {"ftp://r.test/x", NULL},
    {"nobody", NULL},
    {"", NULL},
    {"a@d.test,", NULL},
    {"a@d.test;x", NULL},
    {"a@d.test,nobody", NULL},
};

static void
test_reports(void)
{
	char value[STS_TLSRPT_MAX + 1], *many;

	for (size_t i = 0; i < sizeof(rua_rows) / sizeof(rua_rows[0]); i++) {
		const struct rua_row *row = &rua_rows[i];
		enum sts_status status = sts_zone_reports(row->given, value);

		if (row->value == NULL)
			is_int(status, STS_RECORD_BAD_RUA, "rua \"%s\"",
			    row->given);
		else
			is_str(value, row->value, "rua \"%s\"", row->given);
	}
	many = calloc(1, 3000);
	memset(many, 'a', 2999);
	is_int(sts_zone_reports(many, value), STS_RECORD_BAD_RUA,
	    "a rua that is too long");
	free(many);
}

/* The web servers. */

static void
test_servers(void)
{
	static const char *const names[] = {
	    "nginx", "apache", "caddy", "static"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		enum sts_web_server server;
		char *text = NULL;
		size_t len;
		FILE *out = open_memstream(&text, &len);

		ok(sts_web_server_named(names[i], &server), "%s", names[i]);
		sts_web_server_write(out, server, "d.test", "/srv/sts");
		fclose(out);
		ok(strstr(text, "mta-sts.d.test") != NULL, "%s: the host",
		    names[i]);
		ok(strstr(text, ".well-known/mta-sts.txt") != NULL,
		    "%s: the path", names[i]);
		ok(strchr(text, '@') == NULL, "%s: nothing is left open",
		    names[i]);
		is_int(strstr(text, "/srv/sts") != NULL,
		    server != STS_WEB_STATIC, "%s: the folder", names[i]);
		free(text);
	}
	ok(!sts_web_server_named("iis", &(enum sts_web_server){0}),
	    "another web server is not known");
	ok(sts_web_root_is_plain("/var/www/mta-sts.d.test"), "a folder");
	ok(!sts_web_root_is_plain("/var/www/a b"), "one with a blank");
	ok(!sts_web_root_is_plain("/var/www/a;b"), "one with a semicolon");
	ok(!sts_web_root_is_plain("www"), "one that is not absolute");
}

/* The next step. */

static char steps[8192];

static void
add_step(void *arg, const char *text)
{
	size_t used = strlen(steps);

	(void)arg;
	(void)snprintf(steps + used, sizeof(steps) - used, "%s\n", text);
}

static const struct next_row {
	const char *what;
	enum sts_mode mode;
	int64_t max_age;
	struct sts_next next;
	const char *has, *has_not;
} next_rows[] = {
    {"nothing is there: first the file", STS_MODE_TESTING, 86400,
	{.is_served = false},
	"First have the web server of mta-sts.d.test serve", NULL},
    {"the file is served: now the records", STS_MODE_TESTING, 86400,
	{.is_served = true}, "Add the DNS records", "web server"},
    {"then it is checked", STS_MODE_TESTING, 86400, {.is_served = true},
	"mta-sts check d.test", NULL},
    {"all is there: testing until reports are clean", STS_MODE_TESTING, 86400,
	{.is_served = true,
	    .has_record = true,
	    .has_reports = true,
	    .has_host = true},
	"Then: mta-sts publish d.test --mode enforce --write /w\n",
	"DNS records"},
    {"without reports nobody knows", STS_MODE_TESTING, 86400,
	{.is_served = true, .has_record = true},
	"there must be an _smtp._tls record", NULL},
    {"an MX host comes before enforce", STS_MODE_TESTING, 86400,
	{.mx_failed = true}, "Fix the MX hosts named above", NULL},
    {"enforce for a week: two weeks next", STS_MODE_ENFORCE, 7 * 86400,
	{.is_served = true}, "--max-age 1209600 --write /w", NULL},
    {"enforce for two weeks: that is all", STS_MODE_ENFORCE, 14 * 86400,
	{.is_served = true}, "before the MX records change", "--max-age"},
    {"the way back is named", STS_MODE_ENFORCE, 14 * 86400, {.is_served = true},
	"mta-sts publish d.test --mode none --write /w", NULL},
    {"enforce with an MX host that fails", STS_MODE_ENFORCE, 604800,
	{.mx_failed = true}, "fix them at once", NULL},
    {"none after enforce: safe when the old max_age has passed", STS_MODE_NONE,
	86400,
	{.has_old = true, .old_mode = STS_MODE_ENFORCE, .old_max_age = 604800},
	"Until 2026-12-05T22:35:30Z", "It is safe to"},
    {"none for long: the time is not known any more", STS_MODE_NONE, 86400,
	{.is_served = true}, "It is safe to break TLS", "Until"},
    {"testing after enforce is weaker, too", STS_MODE_TESTING, 86400,
	{.has_old = true, .old_mode = STS_MODE_ENFORCE, .old_max_age = 604800},
	"Until 2026-12-05T22:35:30Z", NULL},
    {"testing after testing is not", STS_MODE_TESTING, 86400,
	{.has_old = true, .old_mode = STS_MODE_TESTING, .old_max_age = 604800},
	"--mode enforce", "Until"},
};

static void
test_next(void)
{
	for (size_t i = 0; i < sizeof(next_rows) / sizeof(next_rows[0]); i++) {
		const struct next_row *row = &next_rows[i];
		struct sts_draft draft = {
		    .mode = row->mode, .max_age = row->max_age};
		struct sts_next next = row->next;

		next.domain = "d.test";
		next.draft = &draft;
		next.options = " --write /w";
		next.now = 1795905330;
		steps[0] = '\0';
		sts_next_steps(&next, add_step, NULL);
		if (!ok(strstr(steps, row->has) != NULL, "%s", row->what))
			tap_diag("%s", steps);
		if (row->has_not != NULL)
			ok(strstr(steps, row->has_not) == NULL,
			    "%s: and no more", row->what);
	}
}

int
main(void)
{
	test_file();
	test_patterns();
	test_covers();
	test_same();
	test_lost();
	test_id();
	test_txt();
	test_hosts();
	test_reports();
	test_servers();
	test_next();
	return tap_done();
}
