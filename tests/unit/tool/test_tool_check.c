/* SPDX-License-Identifier: ISC */
/*
 * `mta-sts check` with a resolver that says what it is told to: exit status,
 * text and JSON, and a resolver that dies, hangs up or says nonsense.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "tests/unit/lib/tap.h"
#include "tests/unit/lib/tap_tool.h"
#include "tests/unit/lib/tap_world.h"
#include "tool/screen.h"

#define POLICY                                                              \
	"version: STSv1\\x0d\\x0amode: enforce\\x0d\\x0amx: mx.d.test\\x0d" \
	"\\x0amax_age: 1209600\\x0d\\x0a"
#define CLEAN                                                                  \
	"dns record ok\ntxt record v=STSv1; id=a1;\ndns wildcard "             \
	"dns_nxdomain\nprogress 1 3\nget policy ok \ncertificate policy ok \n" \
	"http policy 200\ntype policy text/plain\nbody policy " POLICY         \
	"\ndns mx ok\nmx 10 mx.d.test\nprobe mx.d.test ok 192.0.2.1 TLSv1.3\n" \
	"dns reports ok\ntxt reports v=TLSRPTv1; rua=mailto:a@d.test\n"
#define DONE "done examine ok\n"

static struct world w;

static const char *
at(const char *name)
{
	return path_in(w.dir, name);
}

static void
put(const char *name, const char *text)
{
	write_file(at(name), text, strlen(text));
	(void)chmod(at(name), 0755);
}

static void
begin(void)
{
	char text[500];

	world_make(&w, "nameservers", "");
	/* As the command does before it starts a resolver. */
	if (getuid() == 0 &&
	    (chown(w.dir, WORLD_USER, WORLD_USER) != 0 ||
		setgid(WORLD_USER) != 0 || setuid(WORLD_USER) != 0))
		exit(1);
	snprintf(text, sizeof(text), "state-dir %s\nresolver %s\n", w.state,
	    at("resolver"));
	put("check.conf", text);
	put("resolver",
	    "#!/bin/sh\nprintf '%s' \"$*\" >\"$0.asked\"\ncat \"$0.says\"\n");
}

/* What the command does where the resolver says this. */
static struct ran
check(const char *says, const char *option)
{
	put("resolver.says", says);
	return run_tool(
	    "-f", at("check.conf"), "check", "D.test.", option, NULL);
}

static void
test_text(void)
{
	struct ran ran = check(CLEAN DONE, NULL);
	char asked[300];

	is_int(ran.code, 0, "clean: exit status 0");
	is_str(ran.out,
	    "domain:         d.test\n"
	    "record:         id a1\n"
	    "policy host:    mta-sts.d.test: valid certificate, HTTP status "
	    "200\n"
	    "policy:         enforce for 14 days\n"
	    "permits:        mx.d.test\n"
	    "MX host:        10 mx.d.test 192.0.2.1: TLSv1.3, valid "
	    "certificate\n"
	    "TLS reports:    mailto:a@d.test\n"
	    "\n"
	    "clean:   nothing is wrong with what this domain publishes\n",
	    "what was seen, and that it is right");
	is_str(ran.err, "", "no progress where there is no terminal");
	ran_free(&ran);
	read_text(at("resolver.asked"), asked, sizeof(asked));
	ok(strstr(asked, "--examine d.test") != NULL,
	    "the resolver is asked about the domain in its usual form");

	ran =
	    check("dns record ok\ntxt record v=STSv1; \\x1b[31m\n" DONE, NULL);
	is_int(ran.code, 1, "a problem: exit status 1");
	ok(strstr(ran.out, "problem: ") != NULL &&
		strstr(ran.out, "\\x1b[31m") != NULL &&
		strchr(ran.out, '\033') == NULL,
	    "bytes of the network do not reach the terminal");
	ok(strstr(ran.out, "\n    fix: publish: _mta-sts.d.test. IN TXT") !=
		NULL,
	    "the fix has the domain's name");
	ran_free(&ran);
	ran = check(CLEAN "tlsa mx.d.test 1\n" DONE, NULL);
	is_int(ran.code, 1, "a remark: exit status 1, too");
	ok(strstr(ran.out, "0 problems, 1 remark\n") != NULL,
	    "they are counted apart");
	ran_free(&ran);
}

static void
test_json(void)
{
	struct ran ran = check(CLEAN
	    "mx 20 mx2.d.test\nprobe mx2.d.test mx_cert_expired 192.0.2.2 "
	    "certificate has expired\n" DONE,
	    "--json");
	json_t *root = json_loads(ran.out, 0, NULL), *findings;
	const char *token = NULL, *subject = NULL, *mode = NULL;
	int clean = 1, problems = 0;

	is_int(ran.code, 1, "JSON: the same exit status");
	ok(json_unpack(root, "{s:b, s:i, s:o, s:{s:s}}", "clean", &clean,
	       "problems", &problems, "findings", &findings, "policy", "mode",
	       &mode) == 0 &&
		clean == 0 && problems == 2 && json_array_size(findings) == 2,
	    "JSON: the counts");
	is_str(mode, "enforce", "JSON: what was seen");
	(void)json_unpack(json_array_get(findings, 1), "{s:s, s:s}", "token",
	    &token, "subject", &subject);
	is_str(token, "mx_cert_expired", "JSON: each finding has its token");
	is_str(subject, "mx2.d.test", "and what it is about");
	json_decref(root);
	ran_free(&ran);
	ran = check(CLEAN DONE, "--json");
	ok(ran.code == 0 && strstr(ran.out, "\"clean\": true") != NULL &&
		strstr(ran.out, "\"findings\": []") != NULL,
	    "JSON of a domain that is clean");
	ran_free(&ran);
}

/* Nothing that could be taken for a result. */
static void
fault(const char *what, const char *says, const char *words)
{
	struct ran ran = check(says, NULL);

	is_int(ran.code, 3, "%s: exit status 3", what);
	is_str(ran.out, "", "%s: no result", what);
	if (strstr(ran.err, words) == NULL)
		is_str(ran.err, words, "%s: the reason", what);
	ran_free(&ran);
}

static void
test_faults(void)
{
	static char many[400000];
	struct ran ran;

	fault("no name server",
	    "dns record no_nameserver\ndone examine "
	    "no_nameserver\n",
	    "config check");
	fault("a resolver that dies", CLEAN, "resolver_died");
	fault("a resolver that says nothing", "", "resolver_died");
	for (size_t len = 0; len + 20 < sizeof(many);)
		len += (size_t)snprintf(
		    many + len, sizeof(many) - len, "body policy %s\n", "xx");
	fault("a resolver without end", many, "resolver_died");
	ran = check("what\n\n \ntxt\nmx 1\n" CLEAN DONE, NULL);
	is_int(ran.code, 0, "lines that are not facts are passed over");
	ran_free(&ran);
	ran = run_tool("-f", at("check.conf"), "check", "192.0.2.1", NULL);
	is_int(ran.code, 2, "what is no domain: exit status 2");
	ran_free(&ran);
	(void)unlink(at("resolver"));
	fault("no resolver", "", "resolver_missing");
}

/* Lines that are folded, and those that cannot be. */
static void
test_screen(void)
{
	static const struct {
		const char *text, *shown;
		size_t width;
	} rows[] = {
	    {"one two three", "a:  one two three\n", 0},
	    {"one two three", "a:  one two\n    three\n", 13},
	    {"one two", "a:  one two\n", 13},
	    {"", "a:  \n", 13},
	    {"abcdefghijklm", "a:  abcdefghi\n    jklm\n", 13},
	    {"one  abcdefghijklm", "a:  one \n    abcdefghi\n    jklm\n", 13},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sts_screen screen;
		char *text = NULL;
		size_t len;
		FILE *out = open_memstream(&text, &len);

		sts_screen_open(&screen, out);
		ok(screen.width == 0 && !screen.coloured, "no terminal");
		screen.width = rows[i].width;
		sts_screen_write(
		    &screen, STS_COLOUR_BAD, "a:", 4, rows[i].text);
		(void)fclose(out);
		is_str(text, rows[i].shown, "\"%s\" in %zu columns",
		    rows[i].text, rows[i].width);
		free(text);
	}
}

int
main(void)
{
	begin();
	test_text();
	test_json();
	test_faults();
	test_screen();
	world_remove(&w);
	return tap_done();
}
