/* SPDX-License-Identifier: ISC */
/*
 * `mta-sts config check --exim`: what does not stand in a router or transport,
 * how Debian's configuration is put together, and odd output.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/lib/tap.h"
#include "tests/unit/lib/tap_exim.h"
#include "tests/unit/lib/tap_tool.h"

/* Part of the retry rule that names the enforcing transport. */
#define RULE "\"${if or{{eq{$transport_name}{remote_smtp_mta_sts}}\n"

/* What is not in a router or a transport. */
static void
around_it(void)
{
	struct world w;

	open_world(&w, "single");
	strcpy(w.e.dlfunc, "_HAVE_DLFUNC\n");
	(void)change(w.e.version, NULL, "Expand_dlfunc ", "");
	free(w.e.call_result);
	w.e.call_result = strdup("Failed: \"${dlfunc\" encountered, but this "
				 "facility is not included in this binary\n");
	judge(&w);
	ok(found(&w, "error: ", "has no dlfunc"), "no dlfunc");
	close_world(&w);

	open_world(&w, "single");
	strcpy(w.e.dlfunc, "_HAVE_DLFUNC\n");
	judge(&w);
	is_int(problems(&w), 0, "macros that are not shown to this user");
	close_world(&w);

	open_world(&w, "single");
	strcpy(w.e.call_result, "Failed:\n");
	judge(&w);
	ok(found(&w, "error: ", "cannot call mta_sts_query"),
	    "an object that cannot be loaded");
	close_world(&w);

	open_world(&w, "single");
	(void)change(w.e.router_text, NULL, places.object, "/nonexistent.so");
	judge(&w);
	ok(found(&w, "error: ", "/nonexistent.so does not exist"),
	    "an object that is missing");
	close_world(&w);

	open_world(&w, "single");
	w.e.config_file = "/etc/other.conf";
	judge(&w);
	ok(found(&w, "warning: ", "not the one checked here"),
	    "another configuration than Exim's");
	close_world(&w);

	open_world(&w, "single");
	(void)change(w.e.main, NULL, "dns_dnssec_ok = 1", "dns_dnssec_ok = -1");
	judge(&w);
	ok(found(&w, "warning: ", "dns_dnssec_ok"), "no DNSSEC questions");
	close_world(&w);

	open_world(&w, "single");
	w.e.all = strdup(RULE "begin acl\nacl_check_rcpt:\n  accept\n"
			      "    control = cutthrough_delivery/defer=pass\n");
	judge(&w);
	ok(found(&w, "warning: ", "cutthrough"), "cutthrough delivery");
	is_int(problems(&w), 1, "and nothing else");
	close_world(&w);

	open_world(&w, "single");
	w.e.all = strdup(RULE "begin acl\nacl_check_rcpt:\n  accept\n");
	judge(&w);
	is_int(problems(&w), 0, "an ACL without it");
	close_world(&w);

	open_world(&w, "single");
	w.e.all = strdup("begin retry\n* tls_required F,4d,5s\n");
	judge(&w);
	ok(found(&w, "warning: ", "no retry rule names it"),
	    "a rule for TLS that does not name the transport");
	is_int(problems(&w), 1, "and nothing else is wrong");
	close_world(&w);

	open_world(&w, "single");
	w.e.retry = strdup("Retry rule: *  *  F,2h,15m; F,4d,6h; \n");
	w.e.retry_tls = strdup(w.e.retry);
	judge(&w);
	ok(found(&w, "warning: ", "makes the mail of its other domains wait"),
	    "one retry rule for everything");
	is_int(problems(&w), 1, "and nothing else is wrong");
	close_world(&w);

	open_world(&w, "single");
	w.e.retry = strdup("Retry rule: *  *  F,2h,15m; F,4d,6h; \n");
	w.e.retry_tls = strdup("Retry rule: *  *  F,4d,5s; \n");
	judge(&w);
	is_int(problems(&w), 0, "a retry rule for TLS");
	close_world(&w);
}

/* The words for "TLS 1.2 or later" are the TLS library's. */
static void
an_exim_with_openssl(void)
{
	struct world w;

	open_world(&w, "single");
	(void)change(w.e.version, NULL, " GnuTLS", " OpenSSL");
	(void)change(w.e.transport_text, NULL,
	    "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2",
	    "TLSv1.2:!aNULL:!eNULL");
	judge(&w);
	is_int(problems(&w), 0, "OpenSSL's words on an Exim with OpenSSL");
	close_world(&w);

	open_world(&w, "single");
	(void)change(w.e.version, NULL, " GnuTLS", " OpenSSL");
	judge(&w);
	ok(found(&w, "  fix: ", "TLSv1.2:!aNULL:!eNULL"),
	    "GnuTLS's words there are found");
	close_world(&w);
}

/* Exim 4.100 shows no protocol where none is set, and takes it for SMTP. */
static void
no_protocol(void)
{
	struct world w;

	open_world(&w, "single");
	ok(change(w.e.transport_text, "remote_smtp_mta_sts transport:",
	       "\nprotocol = smtp", "\nprotocol = "),
	    "a transport without protocol");
	judge(&w);
	is_int(problems(&w), 0, "no protocol is that of SMTP");
	close_world(&w);
}

/* Run by somebody else than root, against a "hide" in the configuration. */
static void
hidden_values(void)
{
	struct world w;

	open_world(&w, "single");
	(void)change(w.e.transport_text,
	    "remote_smtp_mta_sts transport:", "hosts_require_tls = *",
	    "hosts_require_tls = <value not displayable>");
	judge(&w);
	ok(found(&w, "warning: ", "does not show hosts_require_tls"),
	    "a hidden value is told");
	is_int(problems(&w), 1, "and not judged");
	ok(!found(&w, "note: ", "hosts_require_tls"), "nor thought missing");
	close_world(&w);
}

static void
names_and_owners(void)
{
	struct world w;

	open_world(&w, "single");
	strcpy(w.e.main, "exim_user = 54321\n");
	judge(&w);
	ok(found(&w, "error: ", "does not belong to 54321"),
	    "a state directory of somebody else");
	ok(found(&w, "  fix: mta-sts setup --user 54321", "setup"),
	    "with the command that fixes it");
	close_world(&w);

	open_world(&w, "single");
	w.e.state_dir = "/nonexistent/state";
	judge(&w);
	ok(found(&w, "error: ", "/nonexistent/state: Exim runs as"),
	    "no state directory");
	close_world(&w);
}

static void
trust_ad(void)
{
	static const struct {
		const char *text;
		bool warned;
	} cases[] = {
	    {"nameserver 192.0.2.53\noptions trust-ad\n", true},
	    {"options edns0 trust-ad\nnameserver 127.0.0.53\n"
	     "nameserver\t2001:db8::53\n",
		true},
	    {"nameserver 127.0.0.53\nnameserver ::1\noptions trust-ad\n",
		false},
	    {"nameserver 192.0.2.53\noptions edns0\n", false},
	    {"# options trust-ad\nnameserver 192.0.2.53\n", false},
	    {"options trust-ad\n", false},
	    {"nameserver", false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct world w;

		open_world(&w, "single");
		write_file(places.resolv, cases[i].text, strlen(cases[i].text));
		judge(&w);
		ok(found(&w, "warning: ", "trusts the AD bit") ==
			cases[i].warned,
		    "resolv.conf %zu: %s", i,
		    cases[i].warned ? "warned of" : "fine");
		close_world(&w);
	}
}

static void
settings(const char *type, const char *split)
{
	char path[128], text[256];

	snprintf(
	    path, sizeof(path), "%s/update-exim4.conf.conf", places.debian);
	snprintf(text, sizeof(text),
	    "# comment\ndc_eximconfig_configtype='%s'\n"
	    "dc_use_split_config='%s'\n",
	    type, split);
	write_file(path, text, strlen(text));
}

static void
link_fragments(bool linked)
{
	static const char *const names[] = {"main/04_mta-sts",
	    "router/190_mta-sts", "transport/31_mta-sts", "retry/20_mta-sts"};
	char path[128];

	snprintf(path, sizeof(path), "%s/conf.d", places.debian);
	mkdir(path, 0755);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/conf.d/%s", places.debian,
		    names[i]);
		*strrchr(path, '/') = '\0';
		mkdir(path, 0755);
		snprintf(path, sizeof(path), "%s/conf.d/%s", places.debian,
		    names[i]);
		if (linked)
			write_file(path, "", 0);
		else
			unlink(path);
	}
}

static void
debian_says(const char *scenario, const char *begins, const char *part,
    const char *what)
{
	struct world w;

	open_world(&w, scenario);
	judge(&w);
	if (!ok(found(&w, begins, part), "%s", what))
		show(&w);
	close_world(&w);
}

static void
on_debian(void)
{
	settings("internet", "false");
	link_fragments(false);
	debian_says("debian-unsplit", "  fix: ", "ln -sfn ",
	    "no fragments: how to link them");
	link_fragments(true);
	debian_says("debian-unsplit",
	    "  fix: update-exim4.conf.template -r && update-exim4.conf", "",
	    "unsplit: how to take them in");
	settings("internet", "true");
	debian_says("debian-unsplit", "  fix: update-exim4.conf", "",
	    "split, not generated yet");
	settings("smarthost", "true");
	debian_says("debian-smarthost", "note: ", "do nothing",
	    "a smart host: the fragments do nothing");
	debian_says("debian-smarthost",
	    "  fix: REMOTE_SMTP_SMARTHOST_HOSTS_REQUIRE_TLS = *", "",
	    "and what to set instead");
	settings("local", "true");
	debian_says(
	    "debian-smarthost", "note: ", "no mail leaves", "local mail only");
	debian_says("debian-light",
	    "error: ", "router mta_sts_no_dlfunc defers all remote mail",
	    "exim4-daemon-light with the fragments");
	debian_says(
	    "debian-light", "error: ", "has no dlfunc", "and what it lacks");
}

static void
a_smart_host_with_tls(void)
{
	struct world w;

	settings("satellite", "true");
	open_world(&w, "debian-smarthost");
	(void)change(w.e.transport_text, "remote_smtp_smarthost transport:",
	    "hosts_require_tls = ", "hosts_require_tls = *");
	judge(&w);
	is_int(problems(&w), 0, "a smart host with verified TLS is fine");
	close_world(&w);
}

/*
 * Whatever an Exim prints, nothing is read beyond it: bytes replaced and cut
 * at random, the same ones in every run.
 */
static void
odd_output(void)
{
	static const char odd[] = "\n:={}$ <;!*\\x";
	unsigned seed = 8461, judged = 0;

	for (unsigned round = 0; round < 400; round++) {
		struct world w;
		char *texts[2];

		open_world(&w, "single");
		texts[0] = w.e.router_text;
		texts[1] = w.e.transport_text;
		for (unsigned i = 0; i < 20; i++) {
			char *text = texts[i % 2];
			size_t at;

			seed = seed * 1103515245 + 12345;
			at = (seed >> 8) % strlen(text);
			text[at] = odd[(seed >> 4) % (sizeof(odd) - 1)];
		}
		texts[round % 2][(seed >> 8) % strlen(texts[round % 2])] = '\0';
		judge(&w);
		judged += w.found != NULL;
		close_world(&w);
	}
	is_int(judged, 400, "odd output is judged to the end");
}

int
main(void)
{
	if (!worlds_begin())
		return 1;
	around_it();
	an_exim_with_openssl();
	no_protocol();
	hidden_values();
	names_and_owners();
	trust_ad();
	on_debian();
	a_smart_host_with_tls();
	odd_output();
	worlds_end();
	return tap_done();
}
