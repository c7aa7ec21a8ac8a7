/* SPDX-License-Identifier: ISC */
/* table-mta-sts: what it has to say for TLS reports. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "opensmtpd/last_hosts.h"
#include "tests/unit/lib/tap.h"
#include "tests/unit/lib/tap_outcome.h"
#include "tests/unit/lib/tap_smtpd.h"

static struct world w;
static struct peer p;
static unsigned serial;

static void
begin(const char *lines)
{
	const char *const arguments[] = {w.conf, NULL};

	smtpd_world(&w, lines);
	peer_start(&p, "table-mta-sts", PEER_BOTH, "mta-sts", arguments);
	peer_say(&p, "config|ready\n");
	for (int i = 0; i < 3; i++)
		(void)peer_line(&p, TAP_WAIT_MS);
	serial = 0;
}

static void
finish(void)
{
	is_int(peer_end(&p), 0, "ends with its input");
	smtpd_remove(&w);
}

static void
is_host(const char *domain, const char *reply)
{
	char request[300], expected[300];

	snprintf(request, sizeof(request),
	    "table|0.1|1.1|mta-sts|lookup|relayhost|%08x|%s\n", ++serial,
	    domain);
	snprintf(
	    expected, sizeof(expected), "lookup-result|%08x|%s", serial, reply);
	peer_say(&p, request);
	is_str(
	    peer_line(&p, TAP_WAIT_MS), expected, "smtpd asks for %s", domain);
}

static void
add_domain(const char *domain, const char *permitted)
{
	world_policy(&w, "state", domain, smtpd_enforce(permitted), 10, 10);
	smtpd_routes(&w, domain, 5);
}

/* The domains of the answers that are noted, each with its blank. */
static const char *
noted(void)
{
	static struct sts_last_host hosts[STS_LAST_HOSTS_MAX];
	static char text[1000];
	struct sts_config config = {.state_dir = w.state};
	struct sts_shared_file file;
	size_t count;

	sts_shared_file_init(&file, &config, STS_LAST_HOSTS_FILE, false);
	count = sts_last_hosts_read(&file, 1, hosts);
	sts_shared_file_close(&file);
	text[0] = '\0';
	for (size_t i = 0; i < count; i++) {
		strlcat(text, hosts[i].domain, sizeof(text));
		strlcat(text, "=", sizeof(text));
		strlcat(text, hosts[i].host, sizeof(text));
		strlcat(text, " ", sizeof(text));
	}
	return text;
}

static void
test_answers(void)
{
	add_domain("one.test", "one.test");
	add_domain("two.test", "two.test");
	is_host("one.test", "found|smtp+tls://mx1.one.test");
	usleep(5000);
	is_host("two.test", "found|smtp+tls://mx1.two.test");
	is_str(noted(), "two.test=mx1.two.test one.test=mx1.one.test ",
	    "answers are noted, the last one first");
	usleep(5000);
	is_host("one.test", "found|smtp+tls://mx1.one.test");
	is_str(noted(), "one.test=mx1.one.test two.test=mx1.two.test ",
	    "each domain once");
}

static void
test_refused(void)
{
	add_domain("refused.test", "else.test");
	add_domain("quiet.test", "else.test");
	want_reports(&w, "refused.test");
	for (int i = 0; i < 20; i++)
		is_host("refused.test", "error|no_match");
	is_host("quiet.test", "error|no_match");
	is_str(outcome_of(&w, "refused.test"),
	    "sts validation-failure mtasts-policy-mx-mismatch "
	    "mx1.refused.test",
	    "no MX host is permitted: one failure for all envelopes");
	is_str(outcome_of(&w, "quiet.test"), "",
	    "none for a domain that wants no reports");
	is_int(strstr(noted(), "refused.test") != NULL, 0,
	    "and no host was given");
}

/* What is not an answer is none, wherever it came from. */
static void
test_damaged(void)
{
	char path[200], other[200], byte;
	struct stat st;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", w.state, STS_LAST_HOSTS_FILE);
	snprintf(other, sizeof(other), "%s/other", w.dir);
	is_host("one.test", "found|smtp+tls://mx1.one.test");
	is_int(strstr(noted(), "one.test=") != NULL, 1, "an answer is there");
	f = fopen(path, "r+");
	for (long at = 0; f != NULL && stat(path, &st) == 0 && at < st.st_size;
	     at++) {
		if (fseek(f, at, SEEK_SET) != 0 || fread(&byte, 1, 1, f) != 1)
			break;
		/* The first letter of each domain that is there. */
		if (byte == 'o' || byte == 't') {
			(void)fseek(f, at, SEEK_SET);
			fputc('x', f);
		}
	}
	if (f != NULL)
		fclose(f);
	is_str(noted(), "", "not once it was changed");
	f = fopen(path, "w");
	for (int i = 0; f != NULL && i < 200000; i++)
		fputc(i % 3 == 0 ? 'a' : 0xff, f);
	if (f != NULL)
		fclose(f);
	is_str(noted(), "", "nor what was written over it");
	ok(unlink(path) == 0 && symlink(other, path) == 0,
	    "a link is in its place");
	is_host("one.test", "found|smtp+tls://mx1.one.test");
	ok(access(other, F_OK) != 0, "which is not followed");
}

static void
test_off(void)
{
	begin("contact tls@sender.test\n");
	add_domain("one.test", "one.test");
	add_domain("refused.test", "else.test");
	want_reports(&w, "refused.test");
	is_host("one.test", "found|smtp+tls://mx1.one.test");
	is_host("refused.test", "error|no_match");
	is_str(noted(), "", "off: no answer is noted");
	is_int(outcomes_of(&w, "refused.test"), 0, "and nothing recorded");
	finish();
}

int
main(void)
{
	test_off();
	begin("organization Lab\ncontact tls@sender.test\n");
	test_answers();
	test_refused();
	test_damaged();
	finish();
	return tap_done();
}
