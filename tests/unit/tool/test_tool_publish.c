/* SPDX-License-Identifier: ISC */
/*
 * `mta-sts publish`, with a resolver that prints given facts: what is refused,
 * what is written and kept, and when the id changes.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/policy.h"
#include "tests/unit/lib/tap.h"
#include "tests/unit/lib/tap_tool.h"
#include "tool/tool.h"

#define MX     "dns mx ok\nmx 10 mx1.d.test\nmx 20 mx2.d.test\n"
#define GOOD_1 "probe mx1.d.test ok 192.0.2.1 TLSv1.3\n"
#define GOOD_2 "probe mx2.d.test ok 192.0.2.2 TLSv1.3\n"
#define NO_TLS "probe mx2.d.test mx_no_starttls 192.0.2.2 \n"
#define EXPIRED \
	"probe mx2.d.test mx_cert_expired 192.0.2.2 certificate has expired\n"
#define NOTHING "dns record dns_nxdomain\nget policy fetch_no_address \n"
#define DONE    "done examine ok\n"
#define WORKS   MX GOOD_1 GOOD_2

static char top[] = "/tmp/mta-sts-publish.XXXXXX";
static char conf[64], facts[64], web[64], file[128];

/* The path of something below the test's directory. */
static const char *
below(char *buf, size_t size, const char *name)
{
	(void)snprintf(buf, size, "%s/%s", top, name);
	return buf;
}

static void
put(const char *path, const char *text)
{
	write_file(path, text, strlen(text));
}

static void
get(const char *path, char *text, size_t size)
{
	FILE *in = fopen(path, "r");
	size_t len = in != NULL ? fread(text, 1, size - 1, in) : 0;

	text[len] = '\0';
	if (in != NULL)
		fclose(in);
}

/* Runs `mta-sts publish d.test WORDS...` while these are the facts. */
static struct ran
publish(const char *what, const char *w1, const char *w2, const char *w3,
    const char *w4)
{
	char text[8192];

	(void)snprintf(text, sizeof(text), "%s%s", what, DONE);
	put(facts, text);
	return run_tool("-f", conf, "publish", "d.test", w1, w2, w3, w4, NULL);
}

/* The id in what was printed. */
static const char *
id_in(const char *out, char id[64])
{
	const char *at = strstr(out, "id=");

	id[0] = '\0';
	if (at != NULL)
		(void)snprintf(
		    id, 64, "%.*s", (int)strcspn(at + 3, "\";"), at + 3);
	return id;
}

static void
make_world(void)
{
	char resolver[64], text[512];

	if (!tap_own_directory(top)) {
		printf("Bail out! no directory\n");
		exit(1);
	}
	below(conf, sizeof(conf), "conf");
	below(facts, sizeof(facts), "facts");
	below(web, sizeof(web), "web");
	(void)snprintf(file, sizeof(file), "%s/.well-known/mta-sts.txt", web);
	below(resolver, sizeof(resolver), "resolver");
	(void)snprintf(text, sizeof(text), "#!/bin/sh\nexec cat %s\n", facts);
	put(resolver, text);
	(void)chmod(resolver, 0755);
	(void)snprintf(text, sizeof(text), "state-dir %s/state\nresolver %s\n",
	    top, resolver);
	put(conf, text);
	(void)mkdir(web, 0755);
}

/* What is refused, and shown. */

static const struct row {
	const char *what, *facts;
	const char *words[4];
	int code;
	const char *out, *err; /* part of it, or NULL */
} rows[] = {
    {"a new domain", NOTHING WORKS, {NULL}, 0,
	"version: STSv1\nmode: testing\nmx: mx1.d.test\nmx: mx2.d.test\n"
	"max_age: 86400\n",
	NULL},
    {"its hosts are shown", NOTHING WORKS, {NULL}, 0,
	"mx1.d.test: STARTTLS with a valid certificate", NULL},
    {"the next step is named", NOTHING WORKS, {NULL}, 0,
	"1.  First have the web server", NULL},
    {"enforce begins with a week", NOTHING WORKS, {"--mode", "enforce"}, 0,
	"max_age: 604800", NULL},
    {"a max_age of one's own", NOTHING WORKS, {"--max-age", "3600"}, 0,
	"max_age: 3600\n", NULL},
    {"testing with a host without STARTTLS: a warning",
	NOTHING MX GOOD_1 NO_TLS, {NULL}, 0, "warning:", NULL},
    {"enforce with it: refused", NOTHING MX GOOD_1 NO_TLS,
	{"--mode", "enforce"}, 1, NULL,
	"mx2.d.test: it does not offer STARTTLS"},
    {"enforce with a bad certificate: refused, and why",
	NOTHING MX GOOD_1 EXPIRED, {"--mode", "enforce"}, 1, NULL,
	"certificate has expired"},
    {"and what to do", NOTHING MX GOOD_1 EXPIRED, {"--mode", "enforce"}, 1,
	NULL, "mode enforce is refused"},
    {"unless forced", NOTHING MX GOOD_1 EXPIRED,
	{"--mode", "enforce", "--force"}, 0, "mode: enforce", NULL},
    {"a host that was not probed counts as one that fails", NOTHING MX GOOD_1,
	{"--mode", "enforce"}, 1, NULL, "is refused"},
    {"mode none asks no host", NOTHING MX GOOD_1 NO_TLS, {"--mode", "none"}, 0,
	"mode: none", NULL},
    {"no MX host", NOTHING "dns mx null_mx\n", {NULL}, 1, NULL,
	"no MX host was found"},
    {"no domain", NOTHING "dns mx dns_nxdomain\n", {NULL}, 1, NULL,
	"does not exist"},
    {"the DNS fails", NOTHING "dns mx dns_servfail\n", {NULL}, 3, NULL,
	"no MX host was found"},
    {"hosts that are not in the DNS yet", NOTHING "dns mx dns_nodata\n",
	{"--mx", "new.d.test,*.e.test"}, 0, "mx: new.d.test\nmx: *.e.test\n",
	NULL},
    {"but not at once with enforce", NOTHING "dns mx dns_nodata\n",
	{"--mx", "new.d.test", "--mode", "enforce"}, 1, NULL, "is refused"},
    {"nor where not all MX hosts are seen", NOTHING WORKS "mx_more 3\n",
	{"--mx", "*.d.test", "--mode", "enforce"}, 1, NULL,
	"more MX hosts than are looked at"},
    {"more hosts than are looked at", NOTHING WORKS "mx_more 3\n", {NULL}, 1,
	NULL, "more MX hosts than are looked at"},
    {"the address of the web server", NOTHING WORKS,
	{"--web-host", "192.0.2.80,2001:db8::80"}, 0,
	"mta-sts.d.test. 3600 IN A 192.0.2.80\n"
	"mta-sts.d.test. 3600 IN AAAA 2001:db8::80\n",
	NULL},
    {"its name", NOTHING WORKS, {"--web-host", "www.d.test"}, 0,
	"mta-sts.d.test. 3600 IN CNAME www.d.test.\n", NULL},
    {"where reports go", NOTHING WORKS, {"--rua", "tls@d.test"}, 0,
	"_smtp._tls.d.test. 3600 IN TXT \"v=TLSRPTv1; rua=mailto:tls@d.test\"",
	NULL},
    {"without --rua a line to fill in", NOTHING WORKS, {NULL}, 0,
	"; _smtp._tls.d.test. 3600 IN TXT \"v=TLSRPTv1; rua=mailto:ADDRESS\"",
	NULL},
    {"a reports record that is there is kept",
	NOTHING WORKS
	"dns reports ok\ntxt reports v=TLSRPTv1; rua=mailto:x@d.test\n",
	{NULL}, 0,
	"; there already:\n_smtp._tls.d.test. 3600 IN TXT \"v=TLSRPTv1; "
	"rua=mailto:x@d.test\"",
	NULL},
    {"a web server's lines", NOTHING WORKS, {"--server", "nginx"}, 0,
	"server_name mta-sts.d.test;", NULL},
    {"only those", NOTHING WORKS, {"--server", "caddy", "--print", "server"}, 0,
	"root * /var/www/mta-sts.d.test", NULL},
    {"only the policy", NOTHING WORKS, {"--print", "policy"}, 0,
	"version: STSv1\r\nmode: testing\r\n", NULL},
    {"a mode that is none", NOTHING, {"--mode", "report"}, 2, NULL,
	"--mode is testing, enforce or none"},
    {"a max_age above a year", NOTHING, {"--max-age", "31557601"}, 2, NULL,
	"--max-age is 1 to 31557600"},
    {"a max_age in words", NOTHING, {"--max-age", "1w"}, 2, NULL,
	"--max-age is 1 to 31557600"},
    {"a server that is not known", NOTHING, {"--server", "iis"}, 2, NULL,
	"--server is nginx"},
    {"a rua that is none", NOTHING, {"--rua", "postmaster"}, 2, NULL,
	"--rua is a mail address"},
    {"two names of one host", NOTHING, {"--web-host", "a.test,b.test"}, 2, NULL,
	"--web-host is a name"},
    {"a pattern that is none", NOTHING, {"--mx", "mx_1.d.test"}, 2, NULL,
	"--mx is a list"},
    {"a part that is none", NOTHING, {"--print", "all"}, 2, NULL,
	"--print is policy"},
    {"a folder that is not there", NOTHING, {"--write", "/nonexistent/d"}, 3,
	NULL, "/nonexistent/d: no such directory"},
    {"nor its folder", NOTHING, {"--write", "/nonexistent/d.txt"}, 3, NULL,
	"/nonexistent/"},
};

static void
test_rows(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		struct ran ran = publish(r->facts, r->words[0], r->words[1],
		    r->words[2], r->words[3]);

		if (!is_int(ran.code, r->code, "%s: exit status", r->what))
			tap_diag("%s%s", ran.out, ran.err);
		if (r->out != NULL &&
		    !ok(strstr(ran.out, r->out) != NULL, "%s", r->what))
			tap_diag("%s", ran.out);
		if (r->err != NULL &&
		    !ok(strstr(ran.err, r->err) != NULL, "%s", r->what))
			tap_diag("%s", ran.err);
		if (r->code != 0)
			is_str(
			    ran.out, "", "%s: prints nothing to copy", r->what);
		ran_free(&ran);
	}
}

static void
test_dead_resolver(void)
{
	struct ran ran;

	put(facts, "dns mx ok\nmx 10 mx1.d.test\n");
	ran = run_tool("-f", conf, "publish", "d.test", NULL);
	is_int(ran.code, 3, "a resolver that ends early: exit status 3");
	is_str(ran.out, "", "and nothing is shown as if it were all");
	ran_free(&ran);
}

/* What is written and kept. */

#define TESTING                                                           \
	"version: STSv1\r\nmode: testing\r\nmx: mx1.d.test\r\nmx: mx2.d." \
	"test\r\nmax_age: 86400\r\n"

static void
test_write(void)
{
	char text[1024], path[160];
	struct ran ran = publish(NOTHING WORKS, "--write", web, NULL, NULL);
	struct stat st;

	is_int(ran.code, 0, "--write DIR: exit status");
	ran_free(&ran);
	get(file, text, sizeof(text));
	is_str(text, TESTING, "the file, in CR LF");
	ok(stat(file, &st) == 0 && (st.st_mode & 07777) == 0644,
	    "all may read it");
	ran = run_tool("lint", "policy", file, NULL);
	is_int(ran.code, 0, "lint finds nothing wrong with it");
	ran_free(&ran);
	(void)snprintf(path, sizeof(path), "%s/.nojekyll", web);
	ok(stat(path, &st) != 0, "no .nojekyll where nobody wants it");
	ran = publish(NOTHING WORKS, "--write", web, "--server", "static");
	is_int(ran.code, 0, "static hosting: exit status");
	ok(stat(path, &st) == 0 && st.st_size == 0, "has it, empty");
	ran_free(&ran);
}

static void
test_kept(void)
{
	static const char lf[] =
	    "version: STSv1\nmode: testing\nmx: *.d.test\nmax_age: 90000\n";
	char text[1024];
	struct stat before, after;
	struct ran ran;

	put(file, lf);
	(void)stat(file, &before);
	ran = publish(NOTHING WORKS, "--write", web, NULL, NULL);
	(void)stat(file, &after);
	get(file, text, sizeof(text));
	is_str(text, lf, "a file that permits all hosts is kept as it is");
	ok(before.st_ino == after.st_ino, "and not replaced");
	ok(strstr(ran.out, "(unchanged)") != NULL, "which is said");
	ran_free(&ran);

	put(file,
	    "version: STSv1\nmode: testing\nmx: mx1.d.test\n"
	    "mx: old.d.test\nmax_age: 90000\nx: y\n");
	ran = publish(NOTHING WORKS, "--write", file, NULL, NULL);
	get(file, text, sizeof(text));
	is_str(text,
	    "version: STSv1\r\nmode: testing\r\nmx: mx1.d.test\r\n"
	    "mx: old.d.test\r\nmx: mx2.d.test\r\nmax_age: 90000\r\n",
	    "a new host is added, a host that is not there yet stays");
	ok(strstr(ran.out, "old.d.test, which no MX host") != NULL,
	    "but is named");
	ok(strstr(ran.out, "1 line of the present file") != NULL,
	    "what is no field of the RFC is named, too");
	ran_free(&ran);

	ran = publish(
	    NOTHING WORKS, "--write", file, "--mx", "mx1.d.test,mx2.d.test");
	get(file, text, sizeof(text));
	ok(strstr(text, "old.d.test") == NULL, "--mx says which there are");
	ok(strstr(text, "max_age: 90000") != NULL, "all else stays");
	ran_free(&ran);

	ran = publish(NOTHING WORKS, "--write", file, "--mode", "enforce");
	get(file, text, sizeof(text));
	ok(strstr(text, "mode: enforce\r\n") != NULL &&
		strstr(text, "max_age: 604800\r\n") != NULL,
	    "another mode begins with its own max_age");
	ran_free(&ran);
	ran = publish(NOTHING WORKS, "--write", file, "--mode", "enforce");
	ok(strstr(ran.out, "(unchanged)") != NULL,
	    "the same mode changes "
	    "nothing");
	ran_free(&ran);
}

static void
test_refused_files(void)
{
	char text[1024], path[160], link[160];
	struct ran ran;

	below(path, sizeof(path), "passwd.txt");
	put(path, "root:x:0:0\n");
	ran = publish(NOTHING WORKS, "--write", path, NULL, NULL);
	is_int(ran.code, 3, "a file that is no policy is not replaced");
	ok(strstr(ran.err, "passwd.txt is there and is no policy") != NULL,
	    "which is said");
	ran_free(&ran);
	get(path, text, sizeof(text));
	is_str(text, "root:x:0:0\n", "it is as it was");
	ran = publish(NOTHING WORKS, "--write", path, "--force", NULL);
	is_int(ran.code, 0, "unless forced");
	ran_free(&ran);
	put(path, "root:x:0:0\n");
	below(link, sizeof(link), "link.txt");
	ok(symlink(path, link) == 0, "a link");
	ran = publish(NOTHING WORKS, "--write", link, "--force", NULL);
	is_int(ran.code, 3, "nothing is written through a symbolic link");
	ok(strstr(ran.err, "link.txt is a symbolic link") != NULL, "and why");
	ran_free(&ran);
	get(path, text, sizeof(text));
	is_str(text, "root:x:0:0\n", "what it leads to is as it was");
	below(link, sizeof(link), "way");
	ok(symlink(web, link) == 0, "a link to the folder");
	ran = publish(NOTHING WORKS, "--write", link, NULL, NULL);
	is_int(ran.code, 0, "a folder may be a link of one's own");
	ran_free(&ran);
}

/* A folder on the way may let its users through and show them nothing. */
static void
test_unlisted(void)
{
	char outer[160], inner[200];
	struct ran ran;

	below(outer, sizeof(outer), "outer");
	(void)snprintf(inner, sizeof(inner), "%s/web", outer);
	(void)mkdir(outer, 0755);
	(void)mkdir(inner, 0755);
	(void)chmod(outer, 0111);
	ran = publish(NOTHING WORKS, "--write", inner, NULL, NULL);
	(void)chmod(outer, 0755);
	if (!is_int(ran.code, 0, "below a folder that cannot be listed"))
		tap_diag("%s", ran.err);
	ran_free(&ran);
}

/* A write that fails leaves the old file and no scratch file. */
static void
test_full(void)
{
	struct rlimit old, none = {0};
	char text[1024], path[160];
	struct ran ran;

	put(file, TESTING);
	put(facts, NOTHING WORKS DONE);
	(void)getrlimit(RLIMIT_FSIZE, &old);
	none.rlim_max = old.rlim_max;
	(void)signal(SIGXFSZ, SIG_IGN);
	(void)setrlimit(RLIMIT_FSIZE, &none);
	ran = run_tool("-f", conf, "publish", "d.test", "--write", web,
	    "--mode", "enforce", NULL);
	(void)setrlimit(RLIMIT_FSIZE, &old);
	is_int(ran.code, 3, "no room: exit status");
	ok(strstr(ran.err, "mta-sts.txt: File too large") != NULL,
	    "file and reason");
	ran_free(&ran);
	get(file, text, sizeof(text));
	is_str(text, TESTING, "the old file is whole");
	(void)snprintf(path, sizeof(path), "%s/.well-known/.mta-sts.txt.%ld",
	    web, (long)getpid());
	ok(access(path, F_OK) != 0, "nothing else is left");
}

/* The id. */

static void
served(
    char *what, size_t size, const char *mode, const char *age, const char *id)
{
	(void)snprintf(what, size,
	    WORKS "dns record ok\ntxt record v=STSv1; id=%s;\n"
		  "get policy ok \ncertificate policy ok \nhttp policy 200\n"
		  "type policy text/plain\nbody policy version: STSv1\\x0d\\x0a"
		  "mode: %s\\x0d\\x0amx: mx1.d.test\\x0d\\x0amx: "
		  "mx2.d.test\\x0d\\x0amax_age: %s\\x0d\\x0a\n",
	    id, mode, age);
}

static void
test_id(void)
{
	char what[4096], first[64], id[64];
	struct ran ran = publish(NOTHING WORKS, NULL, NULL, NULL, NULL);

	id_in(ran.out, first);
	is_int((long long)strlen(first), 22, "a fresh id");
	ran_free(&ran);
	served(what, sizeof(what), "testing", "86400", first);
	ran = publish(what, NULL, NULL, NULL, NULL);
	is_str(id_in(ran.out, id), first, "run again, the id stays");
	ok(strstr(ran.out, "there already, for this policy") != NULL,
	    "which is said");
	ok(strstr(ran.out, "(as it is served)") != NULL, "so does the policy");
	ran_free(&ran);
	ran = publish(what, "--mode", "enforce", NULL, NULL);
	ok(strcmp(id_in(ran.out, id), first) != 0,
	    "another policy has another id");
	ok(strstr(ran.out, "in place of the one with another id") != NULL,
	    "which replaces the old one");
	ran_free(&ran);
	served(what, sizeof(what), "enforce", "604800", first);
	ran = publish(what, NULL, NULL, NULL, NULL);
	ok(strcmp(id_in(ran.out, id), first) != 0,
	    "a file that was changed without the record is noticed");
	ran_free(&ran);
	served(what, sizeof(what), "enforce", "604800", "byhand1");
	ran = publish(what, NULL, NULL, NULL, NULL);
	is_str(id_in(ran.out, id), "byhand1",
	    "an id of another kind stays with its policy");
	ran_free(&ran);
	ran = publish(what, "--max-age", "1209600", NULL, NULL);
	ok(strcmp(id_in(ran.out, id), "byhand1") != 0,
	    "and goes when that changes");
	ran_free(&ran);
	put(file, TESTING);
	ran = publish(what, "--write", web, NULL, NULL);
	ok(strcmp(id_in(ran.out, id), "byhand1") != 0,
	    "and when the file is no longer what is served");
	ran_free(&ran);
}

/* What enforces already goes on: mail to the other hosts is not at risk. */
static void
test_enforced(void)
{
	char good[4096], bad[8192];
	struct ran ran;

	served(good, sizeof(good), "enforce", "604800", "byhand1");
	(void)snprintf(
	    bad, sizeof(bad), MX GOOD_1 NO_TLS "%s", good + strlen(WORKS));
	ran = publish(bad, NULL, NULL, NULL, NULL);
	is_int(ran.code, 0, "an MX host fails after enforcing began");
	ok(strstr(ran.out, "problem: mx2.d.test") != NULL, "it is a problem");
	ok(strstr(ran.out, "fix them at once, or go back") != NULL,
	    "with two ways out");
	ran_free(&ran);
	ran = publish(
	    bad, "--mx", "mx1.d.test,mx2.d.test,mx3.d.test", NULL, NULL);
	is_int(ran.code, 0, "a host may be added meanwhile");
	ran_free(&ran);
	ran = publish(bad, "--max-age", "1209600", NULL, NULL);
	is_int(ran.code, 1, "but it is not enforced for longer");
	ran_free(&ran);
}

/* A policy that enforces, and other patterns in its place. */

#define ENFORCED                                                          \
	"version: STSv1\r\nmode: enforce\r\nmx: mx1.d.test\r\nmx: mx2.d." \
	"test\r\nmax_age: 604800\r\n"
#define WIDE "version: STSv1\nmode: enforce\nmx: *.d.test\nmax_age: 604800\n"
#define THREE                                                             \
	"version: STSv1\nmode: enforce\nmx: MX1.d.test\nmx: mx2.d.test\n" \
	"mx: mx17.d.test\nmax_age: 604800\n"
#define ONLY_1   "dns mx ok\nmx 10 mx1.d.test\n" GOOD_1
#define SERVFAIL "dns mx dns_servfail\n"
#define IN_DNS   "would not permit MX hosts that the DNS has: "
#define NO_DNS   "could not be seen whether they are still needed: "

static const struct narrow_row {
	const char *what, *before, *facts, *patterns;
	const char *more; /* another option, or NULL */
	int code;
	const char *err; /* part of it; NULL: there is nothing */
} narrow_rows[] = {
    {"without one of two MX hosts", ENFORCED, WORKS, "mx1.d.test", NULL, 1,
	IN_DNS "mx2.d.test;"},
    {"with none of them", ENFORCED, WORKS, "new.d.test", NULL, 1,
	IN_DNS "mx1.d.test, mx2.d.test;"},
    {"with a pattern that matches none", ENFORCED, WORKS, "*.mx.d.test", NULL,
	1, IN_DNS "mx1.d.test, mx2.d.test;"},
    {"one name in place of a pattern", WIDE, WORKS, "mx1.d.test", NULL, 1,
	IN_DNS "mx2.d.test;"},
    {"without a host that fails", ENFORCED, MX GOOD_1 NO_TLS, "mx1.d.test",
	NULL, 1, IN_DNS "mx2.d.test;"},
    {"without one that was never in the policy", THREE,
	WORKS "mx 30 mx3.d.test\n", "mx1.d.test,mx2.d.test", NULL, 1,
	IN_DNS "mx3.d.test;"},
    {"testing that begins to enforce", TESTING, WORKS, "mx1.d.test",
	"--mode=enforce", 1, IN_DNS "mx2.d.test;"},
    {"what to do", ENFORCED, WORKS, "mx1.d.test", NULL, 1,
	"leave --mx out, or name them in it; publish --mode testing "
	"meanwhile, or insist with --force"},
    {"with a pattern that matches both", ENFORCED, WORKS, "*.d.test", NULL, 0,
	NULL},
    {"with a host that is not in the DNS yet", ENFORCED, WORKS,
	"mx1.d.test,mx2.d.test,mx3.d.test", NULL, 0, NULL},
    {"without a host that the DNS has no longer", ENFORCED, ONLY_1,
	"mx1.d.test", NULL, 0, NULL},
    {"names in place of a pattern", WIDE, WORKS, "mx1.d.test,mx2.d.test", NULL,
	0, NULL},
    {"testing instead", ENFORCED, WORKS, "mx1.d.test", "--mode=testing", 0,
	NULL},
    {"none instead", ENFORCED, WORKS, "mx1.d.test", "--mode=none", 0, NULL},
    {"testing that stays", TESTING, WORKS, "mx1.d.test", NULL, 0, NULL},
    {"fewer patterns while the DNS fails", ENFORCED, SERVFAIL, "mx1.d.test",
	NULL, 1, NO_DNS "mx2.d.test;"},
    {"and the DNS is named", ENFORCED, SERVFAIL, "mx1.d.test", NULL, 1,
	"the MX records of d.test: "},
    {"fewer while it was not asked", ENFORCED, "", "mx1.d.test", NULL, 1,
	NO_DNS "mx2.d.test;"},
    {"fewer while it has no MX host at all", ENFORCED, "dns mx dns_nodata\n",
	"mx1.d.test", NULL, 1, NO_DNS "mx2.d.test;"},
    {"fewer while the domain itself is all there is", ENFORCED,
	"dns mx dns_nodata\nmx implicit d.test\n", "d.test", NULL, 1,
	NO_DNS "mx1.d.test, mx2.d.test;"},
    {"others while it fails", ENFORCED, SERVFAIL, "new.d.test", NULL, 1,
	NO_DNS "mx1.d.test, mx2.d.test;"},
    {"names in place of a pattern while it fails", WIDE, SERVFAIL,
	"mx1.d.test,mx2.d.test", NULL, 1, NO_DNS "*.d.test;"},
    {"more while it fails", ENFORCED, SERVFAIL,
	"mx1.d.test,mx2.d.test,mx3.d.test", NULL, 0, NULL},
    {"a wider pattern while it fails", ENFORCED, SERVFAIL, "*.d.test", NULL, 0,
	NULL},
    {"testing instead while it fails", ENFORCED, SERVFAIL, "mx1.d.test",
	"--mode=testing", 0, NULL},
    {"fewer where not all MX hosts are seen", THREE, WORKS "mx_more 3\n",
	"mx1.d.test,mx2.d.test", NULL, 1, NO_DNS "mx17.d.test;"},
    {"a pattern for all of them", THREE, WORKS "mx_more 3\n", "*.d.test", NULL,
	0, NULL},
};

/* Runs it with --mx PATTERNS and one more option over a file. */
static struct ran
narrow(const char *before, const char *what, const char *patterns,
    const char *more)
{
	char text[4096];

	put(file, before);
	(void)snprintf(text, sizeof(text), NOTHING "%s" DONE, what);
	put(facts, text);
	return run_tool("-f", conf, "publish", "d.test", "--write", file,
	    "--mx", patterns, more, NULL);
}

static void
test_narrowed(void)
{
	char text[1024];

	for (size_t i = 0; i < sizeof(narrow_rows) / sizeof(narrow_rows[0]);
	     i++) {
		const struct narrow_row *r = &narrow_rows[i];
		struct ran ran =
		    narrow(r->before, r->facts, r->patterns, r->more);

		if (!is_int(ran.code, r->code, "enforce, %s: exit status",
			r->what) ||
		    !ok(r->err != NULL ? strstr(ran.err, r->err) != NULL
				       : ran.err[0] == '\0',
			"%s", r->what))
			tap_diag("%s", ran.err);
		get(file, text, sizeof(text));
		if (r->code != 0) {
			is_str(text, r->before, "%s: the file is as it was",
			    r->what);
			is_str(ran.out, "", "%s: nothing to copy", r->what);
		} else
			ok(strcmp(text, r->before) != 0, "%s: written",
			    r->what);
		ran_free(&ran);
	}
}

static void
test_narrowed_by_force(void)
{
	char text[1024];
	struct ran ran = narrow(ENFORCED, WORKS, "mx1.d.test", "--force");

	is_int(ran.code, 0, "a policy without an MX host, forced");
	get(file, text, sizeof(text));
	ok(strstr(text, "mode: enforce\r\nmx: mx1.d.test\r\nmax_age") != NULL,
	    "is written");
	ok(strstr(ran.err,
	       "--force: the policy does not permit MX hosts that the DNS has: "
	       "mx2.d.test; senders that enforce") != NULL,
	    "and what it does is said");
	ok(strstr(ran.out, "problem: mx2.d.test is an MX host") != NULL,
	    "it is a problem");
	ran_free(&ran);
	ran = narrow(ENFORCED, SERVFAIL, "mx1.d.test", "--force");
	is_int(ran.code, 0, "fewer patterns while the DNS fails, forced");
	ok(strstr(ran.err, "--force: the policy no longer permits what it") !=
		NULL,
	    "that is said, too");
	ran_free(&ran);
	ran = narrow(ENFORCED, WORKS, "*.d.test", "--force");
	is_str(ran.err, "", "--force says nothing where nothing is lost");
	ran_free(&ran);
	ran = narrow(ENFORCED, WORKS, "mx1.d.test", "--mode=testing");
	ok(strstr(ran.out, "warning: mx2.d.test is an MX host") != NULL,
	    "with mode testing it is a warning");
	ran_free(&ran);
}

/* What senders have is what the policy host serves, whatever the file says. */
static void
test_narrower_than_served(void)
{
	char what[4096];
	struct ran ran;

	served(what, sizeof(what), "enforce", "604800", "byhand1");
	ran = publish(what, "--mx", "mx1.d.test", NULL, NULL);
	is_int(ran.code, 1, "narrower than what is served, without a file");
	ok(strstr(ran.err, IN_DNS "mx2.d.test;") != NULL, "the host is named");
	is_str(ran.out, "", "nothing is shown to copy");
	ran_free(&ran);
	(void)snprintf(what, sizeof(what),
	    SERVFAIL
	    "get policy ok \ncertificate policy ok \nhttp policy 200\n"
	    "type policy text/plain\nbody policy version: STSv1\\x0amode: "
	    "enforce\\x0amx: mx9.d.test\\x0amax_age: 604800\\x0a\n");
	ran = narrow(ENFORCED, what, "mx1.d.test,mx2.d.test", NULL);
	is_int(ran.code, 1, "the file has less than what is served");
	ok(strstr(ran.err, NO_DNS "mx9.d.test;") != NULL, "which is named");
	ran_free(&ran);
}

/* To none: the time from which it is safe. */
static void
test_none(void)
{
	char what[4096];
	struct ran ran;

	served(what, sizeof(what), "enforce", "1209600", "byhand1");
	ran = publish(what, "--mode", "none", NULL, NULL);
	is_int(ran.code, 0, "mode none");
	ok(strstr(ran.out, "(max_age 1209600, counted from now)") != NULL,
	    "says until when senders may have the old policy");
	ok(strstr(ran.out, "mx: mx1.d.test\n") != NULL,
	    "and keeps the hosts, to come back");
	ran_free(&ran);
}

/* Runs it with a terminal as its standard output, until it has closed it. */
static void
publish_at_terminal(char *text, size_t size)
{
	char program[] = "mta-sts", f[] = "-f", word[] = "publish",
	     domain[] = "d.test", print[] = "--print", policy[] = "policy",
	     write[] = "--write";
	char *argv[] = {
	    program, f, conf, word, domain, print, policy, write, file, NULL};
	int master = posix_openpt(O_RDWR | O_NOCTTY);
	size_t len = 0;
	ssize_t n;
	pid_t child;

	if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0) {
		printf("Bail out! no terminal\n");
		exit(1);
	}
	fflush(stdout);
	if ((child = fork()) == 0) {
		(void)dup2(open(ptsname(master), O_RDWR | O_NOCTTY), 1);
		(void)sts_tool_run(9, argv, stdout, stderr);
		fflush(stdout);
		_exit(0);
	}
	while (len < size - 1 &&
	    (n = read(master, text + len, size - 1 - len)) > 0)
		len += (size_t)n;
	text[len] = '\0';
	(void)waitpid(child, NULL, 0);
	close(master);
}

/* Bytes as served go to a file or a pipe; a terminal would obey them. */
static void
test_terminal(void)
{
	static const char odd[] = "version: STSv1\nmode: testing\n"
				  "mx: *.d.test\nmax_age: 90000\n"
				  "x: a\033[2Jb.";
	char text[1024];
	struct ran ran;

	put(file, odd);
	ran = publish(NOTHING WORKS, "--print", "policy", "--write", file);
	is_str(ran.out, odd, "--print policy: the bytes, where they are piped");
	ran_free(&ran);
	publish_at_terminal(text, sizeof(text));
	ok(strchr(text, '\033') == NULL, "on a terminal nothing that it obeys");
	ok(strstr(text, "max_age: 90000\r\nx: a\\x1b[2Jb.") != NULL,
	    "but the same lines, with such bytes escaped");
}

int
main(void)
{
	make_world();
	test_rows();
	test_dead_resolver();
	test_write();
	test_kept();
	test_terminal();
	test_refused_files();
	test_unlisted();
	test_full();
	test_id();
	test_enforced();
	test_narrowed();
	test_narrowed_by_force();
	test_narrower_than_served();
	test_none();
	tap_remove(top);
	return tap_done();
}
