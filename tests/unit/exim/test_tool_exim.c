/* SPDX-License-Identifier: ISC */
/*
 * `mta-sts config check --exim`: routers and transports of real Exims, as
 * recorded and with one thing changed at a time.  Every change that weakens
 * the promise is found.
 */
#include <string.h>

#include "tests/unit/lib/tap.h"
#include "tests/unit/lib/tap_exim.h"
#include "tests/unit/lib/tap_tool.h"

/* Parsing. */
static void
parsing(void)
{
	struct world w;
	const struct sts_exim_driver *d;

	open_world(&w, "debian-split");
	judge(&w);
	is_int((long long)w.e.routers.count, 16, "all routers");
	is_int((long long)w.e.transports.count, 13, "all transports");
	is_str(w.e.routers.driver[1].name, "mta_sts_query", "in order");
	d = sts_exim_find(&w.e.transports, "remote_smtp_mta_sts");
	ok(d != NULL, "a transport is found by name");
	is_str(sts_exim_value(d, "tls_sni"), "$host", "a value");
	is_str(sts_exim_value(d, "multi_domain"), "false", "no_NAME is false");
	is_str(sts_exim_value(d, "keepalive"), "true", "NAME is true");
	is_str(sts_exim_value(d, "hosts"), "", "an empty value");
	ok(sts_exim_value(d, "no_such_option") == NULL, "an unknown option");
	is_str(sts_exim_value(&w.e.routers.driver[1], "owners"), "",
	    "a line that ends with its equals sign");
	close_world(&w);
}

static void
call_arguments(void)
{
	const char *data = "x ${dlfunc{/a b.so} {mta_sts_query}{${lc:$domain}}"
			   "{/etc/c}}";
	char buf[32];

	ok(sts_exim_call_argument(data, 0, buf, sizeof(buf)), "the object");
	is_str(buf, "/a b.so", "its path");
	ok(sts_exim_call_argument(data, 2, buf, sizeof(buf)), "the domain");
	is_str(buf, "${lc:$domain}", "with braces of its own");
	ok(sts_exim_call_argument(data, 3, buf, sizeof(buf)), "a further one");
	ok(!sts_exim_call_argument(data, 4, buf, sizeof(buf)), "no more");
	ok(!sts_exim_call_argument(data, 2, buf, 4), "one that does not fit");
	ok(!sts_exim_call_argument("${dlfunc{x", 0, buf, sizeof(buf)),
	    "an unfinished one");
	ok(!sts_exim_call_argument("", 0, buf, sizeof(buf)), "none");
}

static void
domain_lists(void)
{
	static const char *const open[] = {"", "*", "! +local_domains",
	    "! +local_domains : ! +relay_to_domains", "example.com : *",
	    "<; ! +local_domains ; !example.com", "+a : !b"};
	static const char *const limited[] = {"+local_domains",
	    "! +local_domains : +relay_to_domains", "*.example.com",
	    "${if exists{/f}{partial-lsearch;/f}fail}", "<; example.com"};

	for (size_t i = 0; i < sizeof(open) / sizeof(open[0]); i++)
		ok(sts_exim_list_is_open(open[i]), "'%s' leaves none out",
		    open[i]);
	for (size_t i = 0; i < sizeof(limited) / sizeof(limited[0]); i++)
		ok(!sts_exim_list_is_open(limited[i]), "'%s' is limited",
		    limited[i]);
}

/* The recorded configurations as they are. */
static void
good_ones(void)
{
	static const char *const scenarios[] = {
	    "debian-split", "debian-macros", "debian-split-4.98", "single"};

	for (size_t i = 0; i < 4; i++) {
		struct world w;

		open_world(&w, scenarios[i]);
		judge(&w);
		if (!is_int(problems(&w), 0, "%s: no problem", scenarios[i]))
			show(&w);
		ok(found(&w, "note: ", "TLS-Required: No"),
		    "%s: so is mail that may do without TLS", scenarios[i]);
		if (i < 3)
			ok(found(&w, "note: ", "router hubbed_hosts "),
			    "%s: hubbed_hosts is named as an exception",
			    scenarios[i]);
		if (i == 1)
			ok(found(&w, "note: ", "same interface"),
			    "debian-macros: the shared retry key is noted");
		close_world(&w);
	}
}

/* A change in one place, and the finding that it must lead to. */
struct mutation {
	const char *driver; /* changed after this text */
	const char *from;
	const char *to;
	const char *begins;
	const char *part; /* of the finding's line */
};

static const struct mutation router_mutations[] = {
    {"mta_sts_query router:", "no_verify_sender", "verify_sender",
	"error: ", "router mta_sts_query: a local fault would refuse"},
    {"mta_sts_enforce router:", "no_verify_sender", "verify_sender",
	"error: ", "router mta_sts_enforce: a local fault would refuse"},
    {"mta_sts_no_mx router:", "no_verify_sender", "verify_sender",
	"error: ", "router mta_sts_no_mx: a local fault would refuse"},
    {"mta_sts_query router:", "\nverify_recipient", "\nno_verify_recipient",
	"error: ", "router mta_sts_query: a delivery that was verified"},
    {"mta_sts_query router:", "\nallow_defer", "\nno_allow_defer",
	"error: ", "router mta_sts_query: without it the reason"},
    {"mta_sts_no_mx router:", "\nallow_defer", "\nno_allow_defer",
	"error: ", "router mta_sts_no_mx: without it the reason"},
    {"mta_sts_query router:", "\nmore", "\nno_more",
	"error: ", "router mta_sts_query: with no_more"},
    {"mta_sts_enforce router:", "\nmore", "\nno_more",
	"error: ", "router mta_sts_enforce: with no_more"},
    {"mta_sts_query router:", "\ncondition = ", "\ncondition = $x",
	"error: ", "router mta_sts_query: a condition"},
    {"mta_sts_query router:", "{none:testing:enforce}",
	"{none:testing:enforce:}",
	"error: ", "router mta_sts_query does not defer"},
    {"mta_sts_query router:", "{mta_sts_query}{$domain}",
	"{mta_sts_query}{$local_part}",
	"error: ", "does not ask about $domain"},
    {"mta_sts_query router:", "no_unseen", "unseen",
	"error: ", "unseen exempts"},
    {"mta_sts_query router:", "\nsenders = ", "\nsenders = a@b",
	"error: ", "senders exempts"},
    {"mta_sts_enforce router:", "\nlocal_parts = ", "\nlocal_parts = a",
	"error: ", "local_parts exempts"},
    {"mta_sts_enforce router:", "\ndomains = ", "\ndomains = x : ", "error: ",
	"router mta_sts_enforce has other domains"},
    {"mta_sts_enforce router:", "\ncondition = ${if eq{", "\ncondition = {",
	"error: ", "router mta_sts_enforce: it is not limited"},
    {"mta_sts_enforce router:", "${if def:r_mta_sts_ign{$r_mta_sts_ign}{*}}",
	"", "error: ", "does not compare MX hosts with the policy"},
    {"mta_sts_enforce router:", "{$r_mta_sts_ign}{*}}", "{$r_mta_sts_ign}{}}",
	"error: ", "does not compare MX hosts with the policy"},
    {"mta_sts_enforce router:", "ignore_target_hosts = ",
	"ignore_target_hosts = !*.evil.test : ", "error: ",
	"does not compare MX hosts with the policy"},
    {"mta_sts_enforce router:", "ignore_target_hosts = ",
	"ignore_target_hosts = <; !*.evil.test ; ",
	"error: ", "does not compare MX hosts with the policy"},
    {"mta_sts_enforce router:", "{$r_mta_sts_ign}{*}}",
	"{$r_mta_sts_ign}{*}}.evil.test",
	"error: ", "does not compare MX hosts with the policy"},
    {"mta_sts_enforce router:", ": 0.0.0.0 :",
	": ${lookup{$domain}lsearch{/none}} :", "error: ",
	"an expansion in ignore_target_hosts that fails"},
    {"mta_sts_enforce router:", "set = r_mta_sts_ign = ${if match",
	"set = r_mta_sts_ign = none ; r_x = ${if match",
	"error: ", "r_mta_sts_ign is not the policy's list"},
    {"mta_sts_enforce router:", "set = r_mta_sts_ign", "set = r_other",
	"error: ", "r_mta_sts_ign is not the policy's list"},
    {"mta_sts_enforce router:", "\naddress_data = ",
	"\naddress_data = mode=none", "error: ", "address_data replaces"},
    {"mta_sts_enforce router:", "self = freeze", "self = pass",
	"error: ", "router mta_sts_enforce: self = pass hands"},
    {"mta_sts_enforce router:", "self = freeze", "self = reroute: a.test",
	"error: ", "router mta_sts_enforce: self = reroute: a.test hands"},
    {"mta_sts_enforce router:", "no_pass_on_timeout", "pass_on_timeout",
	"error: ", "with pass_on_timeout"},
    {"mta_sts_enforce router:", "pass_router = ", "pass_router = dnslookup",
	"error: ", "pass_router leads around"},
    {"mta_sts_enforce router:", "\nsame_domain_copy_routing",
	"\nno_same_domain_copy_routing",
	"warning: ", "each recipient at a domain costs"},
    {"mta_sts_enforce router:", "fallback_hosts = ",
	"fallback_hosts = mx.example.net", "error: ", "fallback_hosts are in"},
    {"mta_sts_enforce router:", "dnssec_request_domains = *",
	"dnssec_request_domains = ", "error: ", "DANE"},
    {"mta_sts_enforce router:", "check_srv = ", "check_srv = smtp",
	"error: ", "SRV"},
    {"mta_sts_enforce router:", "transport = remote_smtp_mta_sts",
	"transport = remote_smtp", "error: ", "has no transport of its own"},
    {"mta_sts_no_mx router:", "{none:testing}{no}{yes}",
	"{none:testing:enforce}{no}{yes}",
	"error: ", "router mta_sts_no_mx does not stop"},
    {"mta_sts_no_mx router:", "data = :defer:", "data = :fail:", "error: ",
	"router mta_sts_no_mx does not defer"},
    {"mta_sts_no_mx router:", "{mta_sts_no_mx}", "{mta_sts_query}",
	"warning: ", "router mta_sts_no_mx: a policy that was corrected"},
    {"mta_sts_query router:", "{mta_sts_query}", "{mta_sts_other}",
	"error: ", "no router asks"},
    {"mta_sts_query router:", "{no}{mode=none required=no}",
	"{no}{mode=none x=no}", "warning: ", "under a condition of yours"},
    {"mta_sts_query router:", "${if eqi{$h_TLS-Required:}{no}",
	"${if eqi{$sender_address}{a@b.test}",
	"warning: ", "under a condition of yours"},
    {"mta_sts_not_required router:", "{mode=none required=no}}", "{mode=none}}",
	"error: ",
	"router mta_sts_not_required: it is not limited to mail with"},
    {"mta_sts_not_required router:", "no_unseen", "unseen",
	"error: ", "router mta_sts_not_required: with unseen"},
    {"mta_sts_report router:", "transport = remote_smtp_mta_sts_report",
	"transport = remote_smtp_mta_sts_not_required", "error: ",
	"router mta_sts_report uses transport "
	"remote_smtp_mta_sts_not_required"},
    {"mta_sts_not_required router:", "driver = dnslookup",
	"driver = manualroute", "warning: ", "DANE stops mail with"},
    {"mta_sts_report router:", "{none:testing}", "{none:testing:enforce}",
	"error: ", "router mta_sts_report: it is not limited to mail that"},
    {"mta_sts_report router:", "no_unseen", "unseen",
	"error: ", "router mta_sts_report: with unseen"},
    {"mta_sts_report router:", "\nmore", "\nno_more",
	"warning: ", "router mta_sts_report: with no_more"},
    {"mta_sts_report router:", "\nignore_target_hosts = ",
	"\nignore_target_hosts = 0.0.0.0 : ", "warning: ",
	"router mta_sts_report ignores other addresses than router dnslookup"},
    {"mta_sts_report router:", "\ntransport_current_directory",
	"\ntransport_current_directory = \n\nown router:\n"
	"driver = manualroute\ndomains = partner.test\n"
	"route_list = partner.test mx.test\n\n"
	"rest router:\nx",
	"warning: ", "router own (manualroute) comes after mta_sts_report"},
};

static const struct mutation transport_mutations[] = {
    {"remote_smtp_mta_sts transport:", "no_multi_domain", "multi_domain",
	"error: ", "multi_domain"},
    {"remote_smtp_mta_sts transport:", "connection_max_messages = 1",
	"connection_max_messages = 500", "error: ", "connection_max_messages"},
    {"remote_smtp_mta_sts transport:", "hosts_nopass_tls = *",
	"hosts_nopass_tls = ", "error: ", "hosts_nopass_tls"},
    {"remote_smtp_mta_sts transport:", "interface = <; 0.0.0.0 ; ::0",
	"interface = ", "warning: ", "interface is not set"},
    {"remote_smtp_mta_sts transport:", "hosts_require_tls = *",
	"hosts_require_tls = ", "error: ", "hosts_require_tls"},
    {"remote_smtp_mta_sts transport:", "\ntls_verify_hosts = *",
	"\ntls_verify_hosts = ", "error: ", "tls_verify_hosts"},
    {"remote_smtp_mta_sts transport:", "tls_verify_cert_hostnames = *",
	"tls_verify_cert_hostnames = ", "error: ", "tls_verify_cert_hostnames"},
    {"remote_smtp_mta_sts transport:", "no_tls_tempfail_tryclear",
	"tls_tempfail_tryclear", "error: ", "tls_tempfail_tryclear"},
    {"remote_smtp_mta_sts transport:", "tls_sni = $host",
	"tls_sni = ", "error: ", "tls_sni"},
    {"remote_smtp_mta_sts transport:", "tls_require_ciphers = NORMAL:-VERS-ALL",
	"tls_require_ciphers = NORMAL", "error: ", "TLS before 1.2"},
    {"remote_smtp_mta_sts transport:", "+VERS-TLS1.2", "+VERS-TLS1.1",
	"error: ", "TLS before 1.2"},
    {"remote_smtp_mta_sts transport:", "+VERS-TLS1.3:", "",
	"warning: ", "tls_require_ciphers"},
    {"remote_smtp_mta_sts transport:", "hosts_try_dane = *",
	"hosts_try_dane = ", "error: ", "hosts_try_dane"},
    {"remote_smtp_mta_sts transport:", "event_action = ${if and",
	"event_action = \nx = ", "error: ", "event_action does not refuse"},
    {"remote_smtp_mta_sts transport:", "tls_resumption_hosts = ",
	"tls_resumption_hosts = *", "error: ", "tls_resumption_hosts"},
    {"remote_smtp_mta_sts transport:", "hosts_avoid_tls = ",
	"hosts_avoid_tls = a", "error: ", "hosts_avoid_tls"},
    {"remote_smtp_mta_sts transport:", "hosts_verify_avoid_tls = ",
	"hosts_verify_avoid_tls = *", "error: ", "hosts_verify_avoid_tls"},
    {"remote_smtp_mta_sts transport:", "hosts_pipe_connect = ",
	"hosts_pipe_connect = *", "error: ", "hosts_pipe_connect"},
    {"remote_smtp_mta_sts transport:", "fallback_hosts = ",
	"fallback_hosts = a", "error: ", "fallback_hosts"},
    {"remote_smtp_mta_sts transport:", "no_hosts_override", "hosts_override",
	"error: ", "hosts_override"},
    {"remote_smtp_mta_sts transport:", "\nprotocol = smtp",
	"\nprotocol = smtps", "error: ", "protocol"},
    {"remote_smtp_mta_sts transport:", "{${if eq{${extract{rpt}",
	"{MTA_STS_EVENT ${if eq{${extract{rpt}", "error: ",
	"transport remote_smtp_mta_sts: MTA_STS_EVENT in event_action is not"},
    {"remote_smtp_mta_sts transport:", "{${if eq{${extract{rpt}",
	"{MTA_STS_FAILED${if eq{${extract{rpt}", "error: ",
	"transport remote_smtp_mta_sts: MTA_STS_FAILED in event_action is "
	"not"},
    {"remote_smtp_mta_sts_report transport:", "event_action = $",
	"event_action = MTA_STS_EVENT$", "error: ",
	"remote_smtp_mta_sts_report: MTA_STS_EVENT in event_action is not"},
    {"remote_smtp_mta_sts_report transport:", "{mta_sts_event}", "{x}",
	"warning: ", "report: its sessions are not recorded"},
    {"remote_smtp_mta_sts_report transport:", "no_multi_domain", "multi_domain",
	"warning: ", "remote_smtp_mta_sts_report: multi_domain is"},
    {"remote_smtp_mta_sts_report transport:", "hosts_try_dane = *",
	"hosts_try_dane = ", "error: ",
	"remote_smtp_mta_sts_report: hosts_try_dane is"},
    {"remote_smtp_mta_sts_report transport:", "hosts_avoid_tls = ",
	"hosts_avoid_tls = a", "warning: ", "blames hosts in hosts_avoid_tls"},
    {"remote_smtp_mta_sts_not_required transport:",
	"connection_max_messages = 1", "connection_max_messages = 500",
	"error: ", "not_required: other mail for the host follows"},
    {"remote_smtp_mta_sts_not_required transport:", "hosts_try_dane = ",
	"hosts_try_dane = *", "warning: ", "not_required: DANE stops"},
    {"remote_smtp_mta_sts_not_required transport:", "\ndkim_selector = ",
	"\ndkim_selector = s2",
	"warning: ", "remote_smtp_mta_sts_not_required: dkim_selector differs"},
    {"remote_smtp_mta_sts_report transport:", "\ndkim_selector = ",
	"\ndkim_selector = s2",
	"warning: ", "remote_smtp_mta_sts_report: dkim_selector differs"},
    {"remote_smtp transport:", "\nevent_action = ",
	"\nevent_action = ${acl{own}}", "warning: ",
	"remote_smtp_mta_sts_report does not call the event_action of "
	"transport remote_smtp"},
    {"remote_smtp transport:", "hosts_try_dane = *", "hosts_try_dane = ",
	"warning: ", "transport remote_smtp: hosts_try_dane"},
    {"remote_smtp transport:", "dkim_selector = ", "dkim_selector = s2",
	"warning: ", "dkim_selector differs"},
    {"remote_smtp transport:", "helo_data = $primary_hostname",
	"helo_data = out.example.org", "warning: ", "helo_data differs"},
    {"remote_smtp transport:", "interface = ", "interface = 192.0.2.9",
	"warning: ", "interface is"},
    {"remote_smtp transport:", "headers_rewrite = ",
	"headers_rewrite = *@a b@c", "warning: ", "headers_rewrite differs"},
    {"remote_smtp transport:", "\nreturn_path = ", "\nreturn_path = a@b",
	"warning: ", "return_path differs"},
    {"remote_smtp transport:", "connect_timeout = 5m", "connect_timeout = 1m",
	"note: ", "connect_timeout"},
    {"remote_smtp_mta_sts transport:", "tls_sni = $host",
	"tls_sni = <value not displayable>",
	"warning: ", "does not show tls_sni"},
};

static void
try_mutation(const char *scenario, const struct mutation *m, bool in_routers)
{
	struct world w;
	char *text;

	open_world(&w, scenario);
	text = in_routers ? w.e.router_text : w.e.transport_text;
	if (!ok(change(text, m->driver, m->from, m->to),
		"%s has \"%s\" to change", scenario,
		m->from + (m->from[0] == '\n'))) {
		close_world(&w);
		return;
	}
	judge(&w);
	if (!ok(found(&w, m->begins, m->part), "%s: found: %s%s", scenario,
		m->begins, m->part))
		show(&w);
	if (strcmp(m->begins, "error: ") == 0)
		ok(strstr(w.found, "\n  fix: ") != NULL ||
			strstr(w.found, "no router asks") != NULL,
		    "%s: with what fixes it", scenario);
	close_world(&w);
}

static void
each_change_is_found(void)
{
	static const char *const scenarios[] = {
	    "debian-split", "debian-split-4.98", "single"};

	for (size_t s = 0; s < 3; s++) {
		for (size_t i = 0;
		     i < sizeof(router_mutations) / sizeof(router_mutations[0]);
		     i++)
			try_mutation(scenarios[s], &router_mutations[i], true);
		for (size_t i = 0; i < sizeof(transport_mutations) /
			 sizeof(transport_mutations[0]);
		     i++)
			try_mutation(
			    scenarios[s], &transport_mutations[i], false);
	}
}

/* A setup from before there were reports stays right, while they are off. */
static void
before_reports(void)
{
	static const char *const missing[] = {
	    "transport remote_smtp_mta_sts: TLS reports are on, but its",
	    "router mta_sts_no_mx: TLS reports are on, but mail without",
	    "TLS reports are on, but sessions with domains that do not"};
	struct world w;

	open_world(&w, "single-before-reports");
	judge(&w);
	if (!is_int(problems(&w), 0, "no problem with reports off"))
		show(&w);
	ok(!found(&w, "note: ", "TLS-Required"),
	    "no mail may do without TLS, as with the macro");
	close_world(&w);
	open_world(&w, "single-before-reports");
	w.e.reports = true;
	judge(&w);
	for (size_t i = 0; i < 3; i++)
		ok(found(&w, "warning: ", missing[i]), "%s", missing[i]);
	is_int(problems(&w), 3, "and nothing else, with reports on");
	close_world(&w);
}

/* What is recorded, and where an operator's own events are. */
static void
reports(void)
{
	static const char own[] = "\nevent_action = ${acl{own}}";
	static const char ours[] = "\nevent_action = ${if eq{${extract{rpt}"
				   "{$address_data}}}{1}{${dlfunc{x}"
				   "{mta_sts_event}{y}}}}";
	static const char *const scenarios[] = {
	    "debian-split", "debian-macros", "debian-split-4.98", "single"};
	struct world w;

	for (size_t i = 0; i < 4; i++) {
		open_world(&w, scenarios[i]);
		w.e.reports = true;
		judge(&w);
		if (!is_int(problems(&w), 0, "%s: reports on", scenarios[i]))
			show(&w);
		close_world(&w);
	}
	open_world(&w, "debian-split");
	w.e.reports = true;
	(void)change(w.e.transport_text,
	    "remote_smtp transport:", "\nevent_action = ", own);
	(void)change(w.e.transport_text,
	    "remote_smtp_mta_sts_report transport:", "\nevent_action = ", own);
	judge(&w);
	if (!is_int(problems(&w), 0, "an event of the operator's, and ours"))
		show(&w);
	ok(found(&w, "note: ",
	       "remote_smtp_mta_sts does not call the event_action of"),
	    "where it is not called, a note says so");
	close_world(&w);
	open_world(&w, "single-before-reports");
	(void)change(w.e.transport_text,
	    "remote_smtp transport:", "\nevent_action = ", ours);
	judge(&w);
	ok(found(&w, "warning: ", "transport remote_smtp: multi_domain is"),
	    "by one line in the usual transport: several domains");
	is_int(problems(&w), 1, "and nothing else");
	close_world(&w);
}

/* Routers that come first. */
static void
routers_before_ours(void)
{
	static const struct {
		const char *text, *begins, *part;
	} cases[] = {
	    {"smart router:\ndomains = ! +local_domains\ndriver = manualroute\n"
	     "route_data = \nroute_list = * smart.example.net\n\n",
		"error: ", "router smart (manualroute) comes before"},
	    {"early router:\ndomains = ! +local_domains\ndriver = "
	     "dnslookup\n\n",
		"error: ", "router early (dnslookup) comes before"},
	    {"partner router:\ndomains = \ndriver = manualroute\n"
	     "route_list = example.net mx.example.net\n\n",
		"note: ", "router partner (manualroute) is an exception"},
	    {"bysender router:\ndomains = ! +local_domains\nsenders = a@b\n"
	     "driver = manualroute\nroute_list = * smart.example.net\n\n",
		"note: ", "router bysender (manualroute) is an exception"},
	    {"domain_literal router:\ndomains = ! +local_domains\n"
	     "driver = ipliteral\n\n",
		"note: ", "router domain_literal delivers to address literals"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct world w;

		open_world(&w, "debian-split");
		(void)change(w.e.router_text, NULL, "", cases[i].text);
		judge(&w);
		if (!ok(found(&w, cases[i].begins, cases[i].part), "%s%s",
			cases[i].begins, cases[i].part))
			show(&w);
		is_int(problems(&w), cases[i].begins[0] == 'e',
		    "and nothing else");
		close_world(&w);
	}
}

static void
a_smart_host_after_ours(void)
{
	struct world w;

	open_world(&w, "single");
	(void)change(w.e.router_text,
	    "\ndnslookup router:", "driver = dnslookup",
	    "driver = manualroute\n"
	    "route_list = * smart.example.net");
	judge(&w);
	ok(found(&w, "warning: ", "sends to a smart host"),
	    "a smart host behind our routers is warned of");
	close_world(&w);
}

static void
wrong_order(void)
{
	struct world w;

	open_world(&w, "single");
	(void)change(
	    w.e.router_text, NULL, "mta_sts_no_mx router:", "swap router:");
	(void)change(w.e.router_text, NULL, "",
	    "mta_sts_no_mx router:\n"
	    "driver = redirect\ndata = :defer: MTA-STS: x\n\n");
	(void)change(w.e.router_text, "swap router:", ":defer: MTA-STS:", "");
	judge(&w);
	ok(found(&w, "error: ", "in a wrong order"), "a wrong order is found");
	close_world(&w);
}

int
main(void)
{
	if (!worlds_begin())
		return 1;
	parsing();
	call_arguments();
	domain_lists();
	good_ones();
	each_change_is_found();
	before_reports();
	reports();
	routers_before_ours();
	a_smart_host_after_ours();
	wrong_order();
	worlds_end();
	return tap_done();
}
