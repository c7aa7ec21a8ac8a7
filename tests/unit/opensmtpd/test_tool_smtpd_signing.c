/* SPDX-License-Identifier: ISC */
/*
 * What `mta-sts report check` says of the examples for smtpd.conf, with a
 * filter that signs and a rule for the sender of reports, and with one of them
 * wrong.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/lib/tap.h"
#include "tests/unit/lib/tap_tool.h"
#include "opensmtpd/check/smtpd.h"

enum { TEXT_MAX = 65536 };

#define RULE                                                             \
	"match from local mail-from \"tls@example.org\" for any action " \
	"\"relay\"\n"
#define SIGN                                              \
	"-d example.org -s s1 -h from:TLS-Report-Domain:" \
	"TLS-Report-Submitter -k /etc/key"

static char path[] = "/tmp/mta-sts-sign.XXXXXX";
static char text[TEXT_MAX];
static struct sts_signing signing;
static struct sts_config config = {.organization = (char *)"Example",
    .contact = (char *)"tls@example.org"};

/* The example with its filters in a chain, and a rule before the others. */
static void
begin(const char *filter, const char *rule)
{
	char lines[1000];

	read_text("opensmtpd/conf/example.conf", text, TEXT_MAX);
	snprintf(lines, sizeof(lines),
	    "\nfilter \"sign\" %s\nfilter \"both\" chain { \"mta-sts\", "
	    "\"sign\" }\nlisten on socket filter \"both\"\n",
	    filter);
	ok(change(text, NULL, "\nlisten on socket filter \"mta-sts\"\n", lines),
	    "the example has a listener");
	snprintf(
	    lines, sizeof(lines), "\n%smatch tag HELD from local for", rule);
	ok(change(text, NULL, "\nmatch tag HELD from local for", lines),
	    "and rules");
}

/* What is found; the caller frees it. */
static char *
look(void)
{
	struct sts_smtpd s = {.config = &config};
	char *found = NULL;
	size_t len;
	FILE *out = open_memstream(&found, &len);
	struct sts_findings f = {.out = out};

	signing = (struct sts_signing){
	    .from = "tls@example.org", .submitter = "example.org"};
	write_file(path, text, strlen(text));
	is_int(sts_smtpd_check_reporter(&f, &s, path, &signing), STS_OK,
	    "it is read");
	fclose(out);
	return found;
}

static void
says(const char *part, const char *what)
{
	char *found = look();

	if (part == NULL)
		is_str(found, "", "%s: nothing is said", what);
	else
		ok(strstr(found, part) != NULL, "%s: %s", what, found);
	free(found);
}

static void
test_signer(void)
{
	begin("proc-exec \"filter-dkimsign " SIGN "\"", RULE);
	says(NULL, "signed, with a rule");
	ok(signing.is_signed, "by a filter");
	is_str(signing.domain, "example.org", "domain");
	is_str(signing.selector, "s1", "selector");
	begin("proc-exec \"filter-dkimsign -d a.example " SIGN "\"", RULE);
	says(NULL, "as two domains");
	is_str(signing.domain, "example.org", "the one that counts");
	begin("proc-exec \"filter-dkimsign -d a.example -s s1\"", RULE);
	says("filter sign signs as a.example, but reports are submitted by "
	     "example.org",
	    "as another domain");
	says("does not sign TLS-Report-Domain", "without the two fields");
	begin("proc-exec \"/usr/local/bin/filter-rspamd\"", RULE);
	says("note: whether filter sign signs as example.org", "by rspamd");
	ok(signing.is_signed && signing.selector[0] == '\0',
	    "whose selector is not known");
	begin("proc-exec \"filter-senderscore\"", RULE);
	says(": warning: no filter signs mail from sendmail", "by none");
	ok(!signing.is_signed, "nothing is signed");
	begin("proc-exec \"filter-dkimsign " SIGN "\"", RULE);
	(void)change(text, NULL, "listen on socket filter \"both\"",
	    "listen on socket filter \"sign\"");
	says(NULL, "a filter alone");
	(void)change(text, NULL, "listen on socket filter \"sign\"",
	    "listen on socket filter { \"mta-sts\", \"sign\" }");
	says(NULL, "in a list");
	(void)change(text, NULL,
	    "listen on socket filter { \"mta-sts\", "
	    "\"sign\" }",
	    "listen on socket filter \"mta-sts\"");
	says("no filter signs", "another listener's filter");
	(void)change(text, NULL, "listen on socket filter \"mta-sts\"", "");
	says("no filter signs", "no listener on the socket");
}

static void
test_rule(void)
{
	static const char sign[] = "proc-exec \"filter-dkimsign " SIGN "\"";

	begin(sign, "");
	says(": warning: this rule takes TLS reports, too", "no rule");
	begin(sign,
	    "match from local mail-from \"x@example.org\" for any "
	    "action \"relay\"\n");
	says("this rule takes TLS reports, too", "another sender's");
	begin(sign,
	    "match from local mail-from \"tls@example.org\" for any "
	    "action \"mta-sts\"\n");
	says("this rule takes TLS reports, too", "to the strict action");
	begin(sign,
	    "match from local ! mail-from \"tls@example.org\" for any "
	    "action \"relay\"\n");
	says("this rule takes TLS reports, too", "for all others");
	begin(sign,
	    "table r { \"a@example.org\", \"TLS@example.org\" }\n"
	    "match from local mail-from <r> for any action \"relay\"\n");
	says(NULL, "by a table");
	begin(sign,
	    "match from local mail-from \"@example.org\" for any "
	    "action \"relay\"\n");
	says(NULL, "by its domain");
}

/* `config check` does not want a strict rule before it. */
static void
test_config_check(void)
{
	struct sts_smtpd s = {.config = &config};
	char *found = NULL;
	size_t len;
	FILE *out = open_memstream(&found, &len);
	struct sts_findings f = {.out = out};

	begin("proc-exec \"filter-dkimsign " SIGN "\"", RULE);
	write_file(path, text, strlen(text));
	(void)sts_smtpd_check_file(&f, &s, path);
	fflush(out);
	ok(strstr(found, "which takes the mail first") == NULL,
	    "config check lets the rule stand: %s", found);
	config.contact = (char *)"other@example.org";
	rewind(out);
	(void)sts_smtpd_check_file(&f, &s, path);
	fclose(out);
	ok(strstr(found, "which takes the mail first") != NULL,
	    "but not for another sender: %s", found);
	free(found);
	config.contact = (char *)"tls@example.org";
}

int
main(void)
{
	int fd = mkstemp(path);

	if (fd < 0)
		return 1;
	close(fd);
	test_signer();
	test_rule();
	test_config_check();
	(void)unlink(path);
	return tap_done();
}
