/* SPDX-License-Identifier: ISC */
/* The configuration file: every key, every kind of bad line. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/config.h"
#include "base/config_value.h"
#include "tests/unit/lib/tap.h"

static char dir[] = "/tmp/test_config.XXXXXX";
static char path[64];

/* What the note function was told. */
static struct {
	unsigned count;
	unsigned line;    /* of the last note */
	char reason[512]; /* of the last note */
} told;

static void
remember(void *arg, const char *file, unsigned line, const char *reason)
{
	(void)arg;
	(void)file;
	told.count++;
	told.line = line;
	snprintf(told.reason, sizeof(told.reason), "%s", reason);
}

static void
write_file(const char *bytes, size_t len)
{
	FILE *f = fopen(path, "w");

	if (f == NULL || fwrite(bytes, 1, len, f) != len || fclose(f) != 0) {
		printf("Bail out! cannot write %s\n", path);
		exit(1);
	}
}

static enum sts_status
load_bytes(struct sts_config *config, const char *bytes, size_t len)
{
	memset(&told, 0, sizeof(told));
	write_file(bytes, len);
	return sts_config_load(config, path, remember, NULL);
}

static enum sts_status
load(struct sts_config *config, const char *text)
{
	return load_bytes(config, text, strlen(text));
}

static void
is_built_in(const struct sts_config *c, const char *when)
{
	is_str(c->state_dir, STS_STATE_DIR, "state-dir, %s", when);
	is_str(c->resolver, STS_RESOLVER, "resolver, %s", when);
	is_str(c->fetcher, STS_FETCHER, "fetcher, %s", when);
	ok(c->ca_file == NULL && c->ca_path == NULL &&
		c->nameserver_count == 0 && c->organization == NULL &&
		c->contact == NULL && c->tlsrpt_socket == NULL &&
		c->report_from == NULL && !sts_config_reports(c),
	    "trust roots, nameservers, report keys are unset, %s", when);
	ok(c->recheck == 300 && c->negative_ttl == 3600 &&
		c->refresh_after == 86400 && c->dns_timeout == 5 &&
		c->fetch_timeout == 20 && c->policies_max == 100000 &&
		c->checks_max == 100000,
	    "numbers, %s", when);
	ok(!c->deliver_on_local_error && !c->on_dns_error_defer &&
		!c->allow_private && c->log_level == STS_LOG_INFO &&
		c->probe == STS_PROBE_FAILED && c->override_count == 0 &&
		c->prefetch.count == 0,
	    "defer on local error, nothing private, no overrides, %s", when);
	is_str(c->report_sendmail, "/usr/sbin/sendmail", "report-sendmail, %s",
	    when);
	ok(c->report_successes, "days without a failure are reported, %s",
	    when);
	ok(!c->report_elsewhere, "by this machine, %s", when);
}

static void
test_defaults(void)
{
	struct sts_config config;

	is_int(load(&config, ""), STS_OK, "an empty file is a configuration");
	is_built_in(&config, "empty file");
	is_str(config.file, path, "the file that was read is named");
	sts_config_free(&config);
	sts_config_free(&config);
	ok(true, "freeing twice is harmless");
}

static const char everything[] =
    "# a comment\n"
    "\n"
    "  state-dir   /srv/state   # and another\n"
    "resolver\t/opt/resolver#1\n"
    "fetcher /opt/fetcher\n"
    "ca-file /etc/ca.pem\n"
    "ca-path /etc/ca\n"
    "nameserver 192.0.2.1\n"
    "nameserver 192.0.2.2:5353\n"
    "nameserver 2001:db8::1\n"
    "nameserver [2001:db8::2]:53\n"
    "nameserver [fe80::1%eth0]:53\n"
    "recheck 1\n"
    "negative-ttl 86400\n"
    "refresh-after 60\n"
    "dns-timeout 30\n"
    "fetch-timeout 60\n"
    "on-local-error deliver\n"
    "on-dns-error defer\n"
    "domain Off.Example. off\n"
    "domain *.testing.example testing\n"
    "domain strict.example enforce\n"
    "domain _odd-.example policy /etc/policies/a file\n"
    "prefetch Alias.Example\n"
    "prefetch other.example\n"
    "prefetch m\xc3\xbcnchen.example\n"
    "probe always\n"
    "allow-private yes\n"
    "policies-max 1\n"
    "checks-max 10000000\n"
    "log-level debug\n"
    "organization Example Org\n"
    "contact postmaster@example.org\n"
    "tlsrpt-socket /run/tlsrpt\n"
    "report-from reports@example.org\n"
    "report-sendmail /opt/sendmail\n"
    "report-successes no\n"
    "report-elsewhere yes";

static void
test_strings(const struct sts_config *c)
{
	is_str(c->state_dir, "/srv/state", "state-dir without its comment");
	is_str(c->resolver, "/opt/resolver#1", "# inside a word is no comment");
	is_str(c->ca_file, "/etc/ca.pem", "ca-file");
	is_str(c->ca_path, "/etc/ca", "ca-path");
	is_str(c->fetcher, "/opt/fetcher", "fetcher");
	is_int((long long)c->nameserver_count, 5, "five nameservers");
	is_str(c->nameservers[1], "192.0.2.2:5353", "with a port");
	is_str(c->nameservers[3], "[2001:db8::2]:53", "IPv6 with a port");
	is_str(c->nameservers[4], "[fe80::1%eth0]:53", "with a zone");
	is_str(c->organization, "Example Org", "organization has blanks");
	is_str(c->contact, "postmaster@example.org", "contact");
	ok(sts_config_reports(c), "with both TLS reports are wanted");
	is_str(c->tlsrpt_socket, "/run/tlsrpt", "tlsrpt-socket");
	is_str(c->report_from, "reports@example.org", "report-from");
	is_str(c->report_sendmail, "/opt/sendmail", "report-sendmail");
	ok(!c->report_successes, "report-successes");
	ok(c->report_elsewhere, "report-elsewhere");
	is_int((long long)c->prefetch.count, 3, "three prefetch domains");
	is_str(c->prefetch.name[0], "alias.example", "in lower case");
	is_str(c->prefetch.name[2], "m\xc3\xbcnchen.example",
	    "as they were typed");
}

/* The level that a word sets; -1: it is a bad line. */
static int
level_of(const char *word)
{
	struct sts_config c;
	char line[64];
	int level;

	snprintf(line, sizeof(line), "log-level %s\n", word);
	is_int(load(&c, line), STS_OK, "log-level %s", word);
	level = c.bad_lines == 0 ? (int)c.log_level : -1;
	sts_config_free(&c);
	return level;
}

static void
test_levels(void)
{
	is_int(level_of("error"), STS_LOG_ERROR, "error");
	is_int(level_of("warning"), STS_LOG_WARNING, "warning");
	is_int(level_of("info"), STS_LOG_INFO, "info");
	is_int(level_of("debug"), STS_LOG_DEBUG, "debug");
	is_int(level_of("Info"), -1, "case matters");
	is_int(level_of(""), -1, "nothing");
}

static void
test_every_key(void)
{
	struct sts_config c;

	is_int(load(&c, everything), STS_OK, "every key is accepted");
	is_int(c.bad_lines, 0, "none of them is a bad line");
	is_str(told.reason, "", "nothing was noted");
	test_strings(&c);
	ok(c.recheck == 1 && c.negative_ttl == 86400 && c.refresh_after == 60 &&
		c.dns_timeout == 30 && c.fetch_timeout == 60 &&
		c.policies_max == 1 && c.checks_max == 10000000,
	    "numbers at their bounds");
	ok(c.deliver_on_local_error && c.on_dns_error_defer &&
		c.allow_private && c.log_level == STS_LOG_DEBUG &&
		c.probe == STS_PROBE_ALWAYS,
	    "words");
	is_int((long long)c.override_count, 4, "four overrides");
	is_str(
	    c.overrides[0].name, "off.example", "lower case, no trailing dot");
	ok(c.overrides[0].kind == STS_OVERRIDE_OFF &&
		c.overrides[0].line == 20 && c.overrides[0].file == NULL,
	    "off, with its line");
	is_str(c.overrides[1].name, "*.testing.example", "a wildcard");
	is_int(c.overrides[1].kind, STS_OVERRIDE_TESTING, "testing");
	is_int(c.overrides[2].kind, STS_OVERRIDE_ENFORCE, "enforce");
	is_str(c.overrides[3].name, "_odd-.example", "an odd name");
	is_int(c.overrides[3].kind, STS_OVERRIDE_POLICY, "policy");
	is_str(c.overrides[3].file, "/etc/policies/a file",
	    "a file name with a blank");
	sts_config_free(&c);
}

/* A bad line, and what the note must say: the value and what is allowed. */
static const struct {
	const char *line;
	const char *reason;
} bad[] = {
    {"no-such-key 1", "\"no-such-key\" is not a key"},
    {"Recheck 1", "\"Recheck\" is not a key (was \"recheck\" meant?)"},
    {"orgnization A",
	"\"orgnization\" is not a key (was \"organization\" meant?)"},
    {"recheck", "recheck: no value"},
    {"recheck # 5", "recheck: no value"},
    {"recheck 0", "recheck: \"0\" is not a number from 1 to 86400"},
    {"recheck -1", "recheck: \"-1\" is not a number from 1 to 86400"},
    {"recheck 86401", "recheck: \"86401\" is not a number from 1 to 86400"},
    {"recheck 5m", "recheck: \"5m\" is not a number from 1 to 86400"},
    {"recheck 18446744073709551617",
	"recheck: \"18446744073709551617\" is not a number from 1 to 86400"},
    {"recheck 5 6", "recheck: \"5 6\" is not a number from 1 to 86400"},
    {"negative-ttl 0", "negative-ttl: \"0\" is not a number from 1 to 86400"},
    {"refresh-after 59",
	"refresh-after: \"59\" is not a number from 60 to 2592000"},
    {"dns-timeout 31", "dns-timeout: \"31\" is not a number from 1 to 30"},
    {"fetch-timeout 61", "fetch-timeout: \"61\" is not a number from 1 to 60"},
    {"checks-max 10000001",
	"checks-max: \"10000001\" is not a number from 1 to 10000000"},
    {"policies-max 0",
	"policies-max: \"0\" is not a number from 1 to 10000000"},
    {"absent-max 1000", "\"absent-max\" is not a key"},
    {"fetcher bin/fetcher", "fetcher: \"bin/fetcher\" is not an absolute path"},
    {"on-dns-error wait", "on-dns-error: \"wait\" is not deliver or defer"},
    {"state-dir var/lib", "state-dir: \"var/lib\" is not an absolute path"},
    {"state-dir = /var", "state-dir: \"= /var\" is not an absolute path"},
    {"resolver \"/a b\"",
	"resolver: \"\\x22/a b\\x22\" is not an absolute path"},
    {"on-local-error Deliver",
	"on-local-error: \"Deliver\" is not defer or deliver"},
    {"allow-private 1", "allow-private: \"1\" is not yes or no"},
    {"report-form a@b.example",
	"\"report-form\" is not a key (was \"report-from\" meant?)"},
    {"report-from b.example",
	"report-from: \"b.example\" is not a mail address"},
    {"report-from A <a@b.example>",
	"report-from: \"A <a@b.example>\" is not a mail address"},
    {"report-from -oX@b.example",
	"report-from: \"-oX@b.example\" is not a mail address"},
    {"report-sendmail sendmail",
	"report-sendmail: \"sendmail\" is not an absolute path"},
    {"report-successes 1", "report-successes: \"1\" is not yes or no"},
    {"log-level 7", "log-level: \"7\" is not error, warning, info or debug"},
    {"probe on", "probe: \"on\" is not failed, always or off"},
    {"nameserver ns.example",
	"nameserver: \"ns.example\" is not an address, address:port or "
	"[IPv6 address]:port, with %zone behind a link-local one"},
    {"prefetch a..b", "prefetch: \"a..b\" is not a domain name"},
    {"prefetch a b", "prefetch: \"a b\" is not a domain name"},
    {"state-dir /a\x01", "the line has a control character or NUL in it"},
};

static void
test_bad_lines(void)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct sts_config c;
		char text[400];

		snprintf(text, sizeof(text), "# first\n%s\ndns-timeout 7\n",
		    bad[i].line);
		is_int(load(&c, text), STS_OK, "bad line %zu: status", i);
		is_str(told.reason, bad[i].reason, "bad line %zu: reason", i);
		ok(told.line == 2 && told.count == 1 && c.bad_lines == 1,
		    "bad line %zu: its number, once", i);
		ok(c.dns_timeout == 7 && c.recheck == 300 &&
			c.override_count == 0 && c.prefetch.count == 0,
		    "bad line %zu: is skipped, the others hold", i);
		sts_config_free(&c);
	}
}

/*
 * A bad "domain" line: what its note says, and the names that wait, each
 * followed by a blank.
 */
static const struct {
	const char *line;
	const char *reason;
	const char *names;
} bad_domain[] = {
    {"domain a.example",
	"domain: \"\" is not off, testing, enforce or policy FILE; mail for "
	"\"a.example\" waits",
	"a.example "},
    {"domain A.Example. on",
	"domain: \"on\" is not off, testing, enforce or policy FILE; mail for "
	"\"a.example\" waits",
	"a.example "},
    {"domain *.a.example Enforce", NULL, "*.a.example "},
    {"domain a.example off on",
	"domain: \"on\" is not expected here; mail for \"a.example\" waits",
	"a.example "},
    {"domain a.example b.example off", NULL, "a.example b.example "},
    {"domain a.example policy",
	"domain: \"\" is not the absolute path of a policy file; mail for "
	"\"a.example\" waits",
	"a.example "},
    {"domain a.example policy a.policy", NULL, "a.example a.policy "},
    {"domain a.example polcy /etc/a.policy", NULL, "a.example "},
    {"domain enforce a.example", NULL, "enforce a.example "},
    {"domain a.*.b off",
	"domain: \"a.*.b\" is not a domain name, or \"*.\" and one; mail for "
	"\"a.*.b\" waits",
	"a.*.b "},
    {"domain a..example off", NULL, "a.*example "},
    {"domain .a.example enforce", NULL, "a.example *.a.example "},
    {"domain a.example.. enforce", NULL, "a.example "},
    {"domain a,example enforce", NULL, "a*example "},
    {"domain \"a.example\" enforce", NULL, "a.example "},
    {"domain <A.example>, enforce", NULL, "a.example "},
    {"domain a.example: enforce", NULL, "a.example "},
    {"domain u@a.example enforce", NULL, "a.example "},
    {"domain @a.example enforce", NULL, "a.example "},
    {"domain https://a.example/ enforce", NULL, "a.example "},
    {"domain *a.example enforce", NULL, "*a.example "},
    {"domain **.a.example enforce", NULL, "*.a.example "},
    {"domain a.b/c.example enforce", NULL, "a.b*c.example "},
    {"domain m\xc3\xbcnchen..example off", NULL, "xn--*.*example "},
    {"domain a.ex\x01mple enforce",
	"the line has a control character or NUL in it; mail for "
	"\"a.ex*mple\" waits",
	"a.ex*mple "},
    {"Domain a.example enforce",
	"\"Domain\" is not a key (was \"domain\" meant?); mail for "
	"\"a.example\" waits",
	"a.example "},
    {"domian a.example enforce", NULL, "a.example "},
    {"domains a.example enforce", NULL, "a.example "},
    {"domain: a.example enforce", NULL, "a.example "},
    {"domain=a.example enforce", NULL, "a.example "},
    {"domain = a.example enforce", NULL, "a.example "},
    {"domain-name a.example off", "\"domain-name\" is not a key", ""},
    {"domain", "domain: no value", ""},
    {"domain * off",
	"domain: \"*\" is not a domain name, or \"*.\" and one; no domain can "
	"be read in it",
	""},
    {"domain ... enforce", NULL, ""},
};

static void
test_bad_domain_lines(void)
{
	for (size_t i = 0; i < sizeof(bad_domain) / sizeof(bad_domain[0]);
	     i++) {
		const char *line = bad_domain[i].line;
		struct sts_config c;
		char text[400], names[400] = "";
		bool kinds = true;

		snprintf(
		    text, sizeof(text), "# first\n%s\ndns-timeout 7\n", line);
		is_int(load(&c, text), STS_OK, "'%s': status", line);
		if (bad_domain[i].reason != NULL)
			is_str(told.reason, bad_domain[i].reason,
			    "'%s': reason", line);
		ok(told.line == 2 && told.count == 1 && c.bad_lines == 1,
		    "'%s': its number, once", line);
		for (size_t n = 0; n < c.override_count; n++) {
			const struct sts_override *o = &c.overrides[n];

			strncat(names, o->name, 100);
			strcat(names, " ");
			kinds = kinds && o->kind == STS_OVERRIDE_BAD &&
			    o->line == 2;
		}
		is_str(names, bad_domain[i].names, "'%s': who waits", line);
		ok(kinds && c.dns_timeout == 7,
		    "'%s': by its line, and the others are in force", line);
		sts_config_free(&c);
	}
}

/* A line that is too long still says whose it is. */
static void
test_long_domain_line(void)
{
	struct sts_config c;
	char *text;

	if (asprintf(&text, "domain a.example policy /%05000d\n", 0) < 0)
		return;
	(void)load(&c, text);
	free(text);
	is_str(told.reason,
	    "the line is longer than 4096 bytes; mail for \"a.example\" waits",
	    "a long domain line");
	ok(c.override_count == 1 && c.overrides[0].kind == STS_OVERRIDE_BAD,
	    "makes its domain wait");
	sts_config_free(&c);
}

/* What an editor or a web page puts in and nobody sees. */
static void
test_unseen_bytes(void)
{
	static const char *const texts[] = {"\xef\xbb\xbf"
					    "domain a.example enforce\n",
	    "\xc2\xa0 domain\xc2\xa0"
	    "a.example enforce\xc2\xa0\n",
	    "\xc2\xa0\ndomain a.example\xc2\xa0\xc2\xa0"
	    "enforce\n"};
	struct sts_config c;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		(void)load(&c, texts[i]);
		ok(c.override_count == 1 &&
			c.overrides[0].kind == STS_OVERRIDE_ENFORCE &&
			strcmp(c.overrides[0].name, "a.example") == 0 &&
			c.bad_lines == 0,
		    "a mark or blanks that are not seen: %zu", i);
		sts_config_free(&c);
	}
}

static void
test_bytes(void)
{
	static const char nul[] = "recheck 9\0\nca-file /a\n";
	struct sts_config c;
	char *text;

	is_int(load_bytes(&c, nul, sizeof(nul) - 1), STS_OK, "a NUL byte");
	ok(c.bad_lines == 1 && c.recheck == 300, "spoils its own line");
	is_str(c.ca_file, "/a", "and no other");
	sts_config_free(&c);
	(void)load(&c, "recheck 9\r\nca-file /a\r\n\r\n");
	ok(c.recheck == 9 && c.bad_lines == 0, "CR LF ends a line");
	is_str(c.ca_file, "/a", "and belongs to no value");
	sts_config_free(&c);
	(void)load(&c, "recheck 9\nca-file /last");
	is_str(c.ca_file, "/last", "the last line needs no end");
	sts_config_free(&c);
	if (asprintf(&text, "ca-file /%05000d\nca-path /b\nrecheck 3", 0) < 0)
		return;
	(void)load(&c, text);
	free(text);
	is_str(told.reason, "the line is longer than 4096 bytes",
	    "an over-long line is named");
	ok(c.ca_file == NULL && c.recheck == 3, "skipped, the next one holds");
	is_str(c.ca_path, "/b", "in full");
	sts_config_free(&c);
}

static void
test_repeated(void)
{
	struct sts_config c;

	(void)load(&c,
	    "recheck 5\nca-file /a\nca-file /b\nrecheck x\n"
	    "recheck 6\n");
	is_str(c.ca_file, "/b", "of two lines the last one holds");
	is_int(c.recheck, 6, "a bad line between does not matter");
	is_str(told.reason,
	    "recheck was set before, in line 1; this line counts",
	    "and it is said");
	sts_config_free(&c);
	(void)load(&c,
	    "nameserver ::1\nnameserver ::1\nnameserver ::1\n"
	    "nameserver ::1\nnameserver ::1\nnameserver ::1\n"
	    "nameserver ::1\nnameserver ::1\nnameserver ::2\n");
	is_int((long long)c.nameserver_count, 8, "eight nameservers at most");
	is_str(told.reason, "nameserver: there are 8 already", "the ninth");
	is_int(told.line, 9, "is a bad line");
	sts_config_free(&c);
}

static void
test_many_overrides(void)
{
	struct sts_config c;
	size_t len = 0, size = 1000 * 32;
	char *text = malloc(size);

	for (int i = 0; i < 1000 && text != NULL; i++)
		len += (size_t)snprintf(
		    text + len, size - len, "domain d%d.example off\n", i);
	is_int(load(&c, text), STS_OK, "a thousand overrides");
	is_int((long long)c.override_count, 1000, "are all kept");
	is_str(c.overrides[999].name, "d999.example", "in their order");
	sts_config_free(&c);
	free(text);
}

static void
expect_fault(const char *file, enum sts_status expected, const char *what)
{
	struct sts_config c;

	memset(&told, 0, sizeof(told));
	is_int(sts_config_load(&c, file, remember, NULL), expected, "%s", what);
	is_built_in(&c, what);
	ok(c.file == NULL, "no file was read: %s", what);
	ok(told.count == 1 && told.line == 0, "one note, for the file: %s",
	    what);
	sts_config_free(&c);
}

static void
test_files(void)
{
	static char big[STS_CONFIG_FILE_MAX + 1];
	char other[80];
	struct sts_config c;

	snprintf(other, sizeof(other), "%s/missing", dir);
	expect_fault(other, STS_CONFIG, "a file that was asked for is missing");
	is_str(told.reason,
	    "the file cannot be read: No such file or directory",
	    "the reason names it");
	expect_fault("", STS_CONFIG, "an empty name");
	/* Directly in /tmp it is refused to root before it is opened. */
	expect_fault(
	    dir, geteuid() == 0 ? STS_UNSAFE_FILE : STS_CONFIG, "a directory");
	snprintf(other, sizeof(other), "%s/fifo", dir);
	if (mkfifo(other, 0600) == 0)
		expect_fault(other, STS_CONFIG, "a FIFO does not block");
	(void)unlink(other);
	memset(big, '#', sizeof(big));
	write_file(big, sizeof(big));
	expect_fault(path, STS_CONFIG, "a file beyond the bound");
	write_file(big, sizeof(big) - 1);
	is_int(sts_config_load(&c, path, NULL, NULL), STS_OK,
	    "a file at the bound, without a note function");
	sts_config_free(&c);
	write_file("recheck 1\n", 10);
	(void)chmod(path, 0602);
	expect_fault(path, STS_UNSAFE_FILE, "a file that everybody can write");
	snprintf(other, sizeof(other), "chmod go-w '%s'", path);
	ok(strstr(told.reason, "can be written by other users") != NULL &&
		strstr(told.reason, other) != NULL,
	    "the reason says so, and what fixes it");
	(void)chmod(path, 0660);
	if (geteuid() == 0)
		expect_fault(path, STS_UNSAFE_FILE,
		    "a file that root's group can write");
	(void)chmod(path, 0600);
	(void)chmod(dir, 0777);
	expect_fault(
	    path, STS_UNSAFE_FILE, "a directory that others can write");
	(void)chmod(dir, 0700);
	if (geteuid() == 0) {
		tap_skip("an unreadable file", "root reads everything");
		return;
	}
	(void)chmod(path, 0);
	expect_fault(path, STS_CONFIG, "an unreadable file");
	(void)chmod(path, 0600);
}

static void
test_default_file(void)
{
	struct sts_config c;

	is_str(sts_config_default_file(), STS_CONFIG_FILE, "compiled-in path");
	if (access(STS_CONFIG_FILE, F_OK) == 0) {
		tap_skip("no default file", "there is one here");
		return;
	}
	is_int(sts_config_load(&c, NULL, remember, NULL), STS_OK,
	    "a default file that does not exist is no error");
	is_built_in(&c, "no default file");
	sts_config_free(&c);
	is_int(sts_config_load(&c, STS_CONFIG_FILE, remember, NULL), STS_OK,
	    "nor is it where it is named");
	is_built_in(&c, "no default file, named");
	sts_config_free(&c);
}

static void
test_relative_name(void)
{
	char cwd[256], expected[400];
	struct sts_config c;

	write_file("", 0);
	if (getcwd(cwd, sizeof(cwd)) == NULL || chdir(dir) != 0)
		return;
	snprintf(expected, sizeof(expected), "%s/mta-sts.conf", dir);
	is_int(sts_config_load(&c, "mta-sts.conf", NULL, NULL), STS_OK,
	    "a relative file name");
	is_str(c.file, expected, "is kept as an absolute one, for children");
	sts_config_free(&c);
	if (chdir(cwd) != 0)
		ok(false, "back again");
}

static void
test_no_descriptors(void)
{
	struct rlimit before, none;
	struct sts_config c;

	getrlimit(RLIMIT_NOFILE, &before);
	none = before;
	none.rlim_cur = 3;
	setrlimit(RLIMIT_NOFILE, &none);
	is_int(sts_config_load(&c, path, NULL, NULL), STS_NO_DESCRIPTORS,
	    "no descriptors left is told apart");
	setrlimit(RLIMIT_NOFILE, &before);
	sts_config_free(&c);
}

static void
test_nameserver_forms(void)
{
	static const char *const good[] = {"192.0.2.1", "192.0.2.1:1",
	    "192.0.2.1:65535", "::1", "[::1]", "[::1]:53", "::ffff:192.0.2.1",
	    "fe80::1%eth0", "fe80::53%2", "[fe80::1%eth0.100]",
	    "[fe80::1%wlp2s0]:5353"};
	static const char *const wrong[] = {"", ":", ":53",
	    "192.0.2.1:", "192.0.2.1:0", "192.0.2.1:65536", "192.0.2.1:5x",
	    "192.0.2", "[192.0.2.1]", "[::1", "[]", "[::1]53", "[::1]:", "::1]",
	    "a", "fe80::1%", "[fe80::1%]:53", "fe80::1%a b", "fe80::1%a/b",
	    "fe80::1%a%b", "fe80::1%name-of-16-bytes", "2001:db8::1%eth0",
	    "192.0.2.1%eth0", "fe80::1%eth0:53x]",
	    "[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]"};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ok(sts_config_nameserver(good[i]), "nameserver %s", good[i]);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		ok(!sts_config_nameserver(wrong[i]), "no nameserver: '%s'",
		    wrong[i]);
}

static void
test_quote(void)
{
	char buf[STS_QUOTED_BYTES], value[300];

	is_str(sts_config_quote("a\tb\\\"\xff", buf),
	    "\"a\\x09b\\x5c\\x22\\xff\"", "what is not plain is escaped");
	memset(value, 0xff, sizeof(value));
	value[sizeof(value) - 1] = '\0';
	ok(strlen(sts_config_quote(value, buf)) < STS_QUOTED_BYTES,
	    "a long value is cut");
	ok(strstr(buf, "...\"") != NULL, "visibly");
}

/* Random bytes and mutations: no crash, no line without its number. */
static void
test_random(void)
{
	char text[sizeof(everything)];
	unsigned failed = 0;

	srandom(8461);
	for (int i = 0; i < 2000; i++) {
		struct sts_config c;

		memcpy(text, everything, sizeof(text));
		for (int n = 0; n < 20; n++)
			text[(size_t)random() % (sizeof(text) - 1)] =
			    (char)random();
		if (load_bytes(&c, text, sizeof(text) - 1) != STS_OK ||
		    c.fetch_timeout > 60 || c.state_dir[0] != '/')
			failed++;
		sts_config_free(&c);
	}
	is_int(failed, 0, "2,000 mutated files: bounds hold");
}

int
main(void)
{
	if (mkdtemp(dir) == NULL)
		return 1;
	snprintf(path, sizeof(path), "%s/mta-sts.conf", dir);
	test_defaults();
	test_every_key();
	test_levels();
	test_bad_lines();
	test_bad_domain_lines();
	test_long_domain_line();
	test_unseen_bytes();
	test_bytes();
	test_repeated();
	test_many_overrides();
	test_files();
	test_default_file();
	test_relative_name();
	test_no_descriptors();
	test_nameserver_forms();
	test_quote();
	test_random();
	(void)unlink(path);
	(void)rmdir(dir);
	return tap_done();
}
