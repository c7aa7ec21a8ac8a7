/* SPDX-License-Identifier: ISC */
/*
 * What `mta-sts report check` says of real Exims: who signs, as whom, and
 * whether reports leave in spite of a policy.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/lib/tap.h"
#include "tests/unit/lib/tap_exim.h"
#include "tests/unit/lib/tap_tool.h"

static struct sts_signing signing;

static void
look(struct world *w)
{
	size_t len;

	signing = (struct sts_signing){
	    .from = "tls@example.com", .submitter = "example.com"};
	w->f.out = open_memstream(&w->found, &len);
	(void)sts_exim_parse(&w->e.routers, w->e.router_text, "router");
	(void)sts_exim_parse(
	    &w->e.transports, w->e.transport_text, "transport");
	sts_exim_check_signing(&w->f, &w->e, &signing);
	sts_exim_check_tls_required(&w->f, &w->e);
	fclose(w->f.out);
}

/* Every value of an option. */
static void
set_all(char *text, const char *option, const char *from, const char *to)
{
	char before[100], after[600];
	char *at = text;

	snprintf(before, sizeof(before), "\n%s = %s\n", option, from);
	snprintf(after, sizeof(after), "\n%s = %s\n", option, to);
	while ((at = strstr(at, before)) != NULL) {
		(void)change(at, NULL, before, after);
		at += strlen(after) - 1;
	}
}

#define BOTH "_DKIM_SIGN_HEADERS:=TLS-Report-Domain:=tls-report-submitter"

static void
sign(struct world *w, const char *domain, const char *selector)
{
	char *text = w->e.transport_text;

	set_all(text, "dkim_domain", "", domain);
	set_all(text, "dkim_selector", "", selector);
	set_all(text, "dkim_private_key", "", "/etc/key");
	set_all(text, "dkim_sign_headers", "", BOTH);
}

static void
test_unsigned(void)
{
	struct world w;

	open_world(&w, "single");
	look(&w);
	ok(found(&w, "warning: ", "no DKIM signature by transport remote_smtp"),
	    "no transport signs: %s", w.found);
	ok(found(&w, "warning: ", "remote_smtp_mta_sts"), "all are named");
	ok(!signing.is_signed, "so nothing is signed");
	close_world(&w);
	open_world(&w, "single");
	sign(&w, "example.com", "s1");
	(void)change(w.e.transport_text,
	    "remote_smtp_mta_sts transport:", "\ndkim_private_key = /etc/key\n",
	    "\ndkim_private_key = \n");
	look(&w);
	ok(found(&w, "warning: ",
	       "no DKIM signature by transport remote_smtp_mta_sts:"),
	    "one does not: %s", w.found);
	close_world(&w);
}

static void
test_signed(void)
{
	struct world w;

	open_world(&w, "single");
	sign(&w, "Example.com", "s1");
	look(&w);
	is_str(w.found, "", "all sign");
	is_int(problems(&w), 0, "no problem");
	ok(signing.is_signed, "that is said");
	is_str(signing.domain, "Example.com", "domain");
	is_str(signing.selector, "s1", "selector");
	close_world(&w);
	open_world(&w, "single");
	sign(&w, "${lc:${domain:$h_from:}}", "${if def:h_x:{a}{b}}");
	look(&w);
	is_str(w.found, "", "by what Exim expands");
	ok(signing.is_signed && signing.domain[0] == '\0' &&
		signing.selector[0] == '\0',
	    "which is not known");
	close_world(&w);
	open_world(&w, "single");
	sign(&w, "<value not displayable>", "<value not displayable>");
	look(&w);
	is_str(w.found, "", "or by what Exim hides");
	close_world(&w);
}

static void
test_domain(void)
{
	struct world w;

	open_world(&w, "single");
	sign(&w, "example.net", "s1 : s2");
	look(&w);
	ok(found(&w, "warning: ",
	       "signs as example.net, but reports are submitted by "
	       "example.com"),
	    "as another domain: %s", w.found);
	is_str(signing.selector, "s1", "the first of two selectors");
	close_world(&w);
	open_world(&w, "single");
	sign(&w, "example.com", "s1");
	set_all(w.e.transport_text, "dkim_sign_headers", BOTH, "");
	look(&w);
	ok(found(&w, "warning: ",
	       "transport remote_smtp does not sign TLS-Report-Domain"),
	    "without the two fields: %s", w.found);
	close_world(&w);
}

static void
test_tls_required(void)
{
	struct world w;
	char *at;

	open_world(&w, "single");
	sign(&w, "example.com", "s1");
	for (at = w.e.router_text; (at = strstr(at, "TLS-Required")) != NULL;)
		memcpy(at, "X", 1);
	look(&w);
	ok(found(&w, "warning: ", "no router heeds \"TLS-Required: No\""),
	    "reports wait for what they are about: %s", w.found);
	close_world(&w);
	open_world(&w, "debian-light");
	look(&w);
	ok(!found(&w, "warning: ", "TLS-Required"),
	    "not where no policy is enforced: %s", w.found);
	close_world(&w);
}

int
main(void)
{
	if (!worlds_begin())
		return 1;
	test_unsigned();
	test_signed();
	test_domain();
	test_tls_required();
	worlds_end();
	return tap_done();
}
