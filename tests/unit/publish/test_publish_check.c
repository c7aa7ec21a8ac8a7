/* SPDX-License-Identifier: ISC */
/*
 * What `mta-sts check` finds: for each thing that a domain can publish wrongly,
 * the facts as the resolver prints them, and the one finding that they give.
 */
#include "tests/unit/lib/tap.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "publish/publish.h"

enum { MUTATIONS = 20000 };

#define POLICY(mode, mx, age)                                                 \
	"body policy version: STSv1\\x0d\\x0amode: " mode "\\x0d\\x0amx: " mx \
	"\\x0d\\x0amax_age: " age "\\x0d\\x0a\n"

#define RECORD  "dns record ok\ntxt record v=STSv1; id=a1;\n"
#define NO_WILD "dns wildcard dns_nxdomain\n"
#define HTTPS   "get policy ok \ncertificate policy ok \n"
#define PLAIN   "http policy 200\ntype policy text/plain\n"
#define HOST    HTTPS PLAIN
#define ENFORCE POLICY("enforce", "mx.d.test", "1209600")
#define MX      "dns mx ok\nmx 10 mx.d.test\n"
#define PROBE   "probe mx.d.test ok 192.0.2.1 TLSv1.3\n"
#define REPORTS "dns reports ok\ntxt reports v=TLSRPTv1; rua=mailto:a@d.test\n"
#define AROUND  NO_WILD HOST ENFORCE MX PROBE REPORTS

static const struct row {
	const char *what;
	const char *facts;
	const char *found; /* "SEVERITY TOKEN" of each, with "; " between */
	const char *words; /* in cause and fix of the first; NULL: any */
} rows[] = {
    {"a domain that is as it should be", RECORD AROUND, "", NULL},
    {"upper case and parameters of a media type do not matter",
	RECORD NO_WILD HTTPS
	"http policy 200\ntype policy Text/PLAIN; charset=utf-8\n" ENFORCE MX
	    PROBE REPORTS,
	"", NULL},
    {"mode none, without an mx",
	RECORD NO_WILD HOST
	"body policy version: STSv1\\x0d\\x0amode: none\\x0d\\x0amax_age: "
	"86400\\x0d\\x0a\n" MX PROBE REPORTS,
	"remark mode_none", "testing"},

    /* the record */
    {"no record", "dns record dns_nxdomain\n" AROUND, "problem record_missing",
	"_mta-sts.d.test. IN TXT"},
    {"no record, but other records", "dns record ok\ntxt record x\n" AROUND,
	"problem record_other", "\"x\""},
    {"a record without the semicolon of its version",
	"dns record ok\ntxt record v=STSv1 id=1\n" AROUND,
	"problem record_ill_formed", NULL},
    {"the record without its underscore",
	"dns record dns_nxdomain\ndns no_underscore ok\n"
	"txt no_underscore v=STSv1; id=1\n" AROUND,
	"problem record_wrong_name", "move it to _mta-sts.d.test"},
    {"the record below the domain twice",
	"dns record dns_nxdomain\ndns twice ok\ntxt twice v=STSv1; "
	"id=1\n" AROUND,
	"problem record_twice", "_mta-sts.d.test.d.test"},
    {"a wildcard answers in place of the record",
	"dns record ok\ntxt record v=spf1 -all\ndns wildcard ok\n"
	"txt wildcard v=spf1 -all\n" HOST ENFORCE MX PROBE REPORTS,
	"problem record_wildcard", "v=spf1"},
    {"a wildcard has the record",
	RECORD "dns wildcard ok\ntxt wildcard v=STSv1; id=a1;\n" HOST ENFORCE MX
	    PROBE REPORTS,
	"problem record_wildcard", "every name below"},
    {"two records", RECORD "txt record v=STSv1; id=2\n" AROUND,
	"problem record_several", "2 TXT records"},
    {"an id that is not one",
	"dns record ok\ntxt record v=STSv1; id=2026-01-01;\n" AROUND,
	"problem record_ill_formed", "2026-01-01"},
    {"no id", "dns record ok\ntxt record v=STSv1;\n" AROUND,
	"problem record_ill_formed", "no id"},
    {"the DNS of the record fails", "dns record dns_servfail\n" AROUND,
	"problem record_dns", "name server"},
    {"a name server of this machine that is at fault is no finding",
	"dns record no_nameserver\n", "", NULL},

    /* the policy host */
    {"no address",
	RECORD NO_WILD "get policy fetch_no_address \n" MX PROBE REPORTS,
	"problem host_no_address", "mta-sts.d.test"},
    {"an address that cannot be looked up",
	RECORD NO_WILD "get policy fetch_dns x\n" MX PROBE REPORTS,
	"problem host_dns", NULL},
    {"private addresses",
	RECORD NO_WILD "get policy fetch_private_address \n" MX PROBE REPORTS,
	"problem host_private", NULL},
    {"no connection",
	RECORD NO_WILD
	"get policy fetch_connect refused\nget plain fetch_connect \n" MX PROBE
	    REPORTS,
	"problem host_connect", "port 443"},
    {"silence", RECORD NO_WILD "get policy fetch_timeout \n" MX PROBE REPORTS,
	"problem host_connect", "in time"},
    {"the file by http: alone",
	RECORD NO_WILD
	"get policy fetch_connect refused\nget plain ok \nhttp plain 200\n" MX
	    PROBE REPORTS,
	"problem host_plain_http", "http: alone"},
    {"TLS 1.1, and the host says so",
	RECORD NO_WILD
	"get policy fetch_tls tlsv1 alert protocol version\n" MX PROBE REPORTS,
	"problem host_tls_old", "TLS 1.2"},
    {"TLS 1.1, and OpenSSL says so",
	RECORD NO_WILD
	"get policy fetch_tls unsupported protocol\n" MX PROBE REPORTS,
	"problem host_tls_old", NULL},
    {"another failure of TLS",
	RECORD NO_WILD
	"get policy fetch_tls wrong version number\n" MX PROBE REPORTS,
	"problem host_tls", "wrong version number"},
    {"no HTTP", RECORD NO_WILD "get policy fetch_http cut\n" MX PROBE REPORTS,
	"problem host_http", "cut"},
#define CERTIFICATE(status, words)                                            \
	RECORD NO_WILD "get policy ok \ncertificate policy " status " " words \
		       "\n" PLAIN ENFORCE MX PROBE REPORTS
    {"an expired certificate",
	CERTIFICATE("fetch_cert_expired", "certificate has expired"),
	"problem cert_expired", "renew"},
    {"a certificate of the future",
	CERTIFICATE("fetch_cert_expired", "certificate is not yet valid"),
	"problem cert_not_yet_valid", NULL},
    {"a self-signed certificate",
	CERTIFICATE("fetch_cert_untrusted", "self-signed certificate"),
	"problem cert_self_signed", "self-signed"},
    {"the same in the words of OpenSSL 1.1",
	CERTIFICATE("fetch_cert_untrusted", "self signed certificate"),
	"problem cert_self_signed", NULL},
    {"a root of its own",
	CERTIFICATE("fetch_cert_untrusted",
	    "self-signed certificate in certificate chain"),
	"problem cert_untrusted", "root"},
    {"an incomplete chain",
	CERTIFICATE(
	    "fetch_cert_untrusted", "unable to get local issuer certificate"),
	"problem cert_chain", "fullchain.pem"},
    {"a certificate that is wrong in another way",
	CERTIFICATE("fetch_cert_invalid", "unsuitable certificate purpose"),
	"problem cert_invalid", "purpose"},
    {"a certificate of another name",
	CERTIFICATE("fetch_cert_name",
	    "hostname mismatch\nnames policy www.d.test,d.test"),
	"problem cert_name", "www.d.test,d.test"},
    {"a common name alone",
	CERTIFICATE("fetch_cert_name",
	    "hostname mismatch\ncommon_name policy mta-sts.d.test"),
	"problem cert_common_name", "common name"},
    {"a redirect",
	RECORD NO_WILD HTTPS
	"http policy 301\nlocation policy https://www.d.test/\n" MX PROBE
	    REPORTS,
	"problem redirect", "https://www.d.test/"},
    {"no file", RECORD NO_WILD HTTPS "http policy 404\n" MX PROBE REPORTS,
	"problem file_missing", "status 404"},
    {"the file at the top",
	RECORD NO_WILD HTTPS
	"http policy 404\nget top ok \nhttp top 200\nbody top version: "
	"STSv1\n" MX PROBE REPORTS,
	"problem file_wrong_path", "well-known"},
    {"something else at the top is no policy",
	RECORD NO_WILD HTTPS
	"http policy 404\nget top ok \nhttp top 200\nbody top hello\n" MX PROBE
	    REPORTS,
	"problem file_missing", NULL},
    {"a status", RECORD NO_WILD HTTPS "http policy 403\n" MX PROBE REPORTS,
	"problem http_status", "status 403"},
    {"a status, and a bad certificate",
	RECORD NO_WILD
	"get policy ok \ncertificate policy fetch_cert_expired x\n"
	"http policy 500\n" MX PROBE REPORTS,
	"problem cert_expired; problem http_status", NULL},
    {"a wrong media type",
	RECORD NO_WILD HTTPS
	"http policy 200\ntype policy text/html\n" ENFORCE MX PROBE REPORTS,
	"problem media_type", "text/html"},
    {"no media type",
	RECORD NO_WILD HTTPS "http policy 200\n" ENFORCE MX PROBE REPORTS,
	"problem media_type", "without a media type"},
    {"a content coding", RECORD AROUND "encoding policy gzip\n",
	"problem content_encoding", "gzip"},
    {"a body that is cut", RECORD AROUND "cut policy\n", "problem file_cut",
	NULL},
    {"a body that is too large", RECORD AROUND "large policy\n",
	"problem file_large", NULL},

/* the policy */
#define BODY(text) RECORD NO_WILD HOST "body policy " text "\n" MX PROBE REPORTS
    {"an empty file", RECORD NO_WILD HOST MX PROBE REPORTS,
	"problem policy_empty", NULL},
    {"a web page", BODY("\\x0a<!DOCTYPE html>\\x0a"), "problem policy_html",
	"HTML"},
    {"no version",
	BODY("mode: enforce\\x0d\\x0amx: mx.d.test\\x0d\\x0a"
	     "max_age: 1209600\\x0d\\x0a"),
	"problem policy_no_version", "version: STSv1"},
    {"a mode that is none of the three",
	BODY("version: STSv1\\x0d\\x0amode: on\\x0d\\x0amx: mx.d.test\\x0d\\x0a"
	     "max_age: 1209600\\x0d\\x0a"),
	"problem policy_bad_mode", "line 2"},
    {"a body in two lines of the resolver",
	RECORD NO_WILD HOST
	"body policy version: STSv1\\x0d\\x0amode: enf\n"
	"body policy orce\\x0d\\x0amx: mx.d.test\\x0d\\x0amax_age: "
	"1209600\\x0d\\x0a\n" MX PROBE REPORTS,
	"", NULL},
    {"LF alone",
	BODY("version: STSv1\\x0amode: enforce\\x0amx: mx.d.test\\x0a"
	     "max_age: 1209600\\x0a"),
	"remark policy_line_ends", "CR LF"},
    {"both ends of lines",
	BODY("version: STSv1\\x0d\\x0amode: enforce\\x0amx: mx.d.test\\x0a"
	     "max_age: 1209600\\x0a"),
	"remark policy_mixed_line_ends", "3 in LF alone"},
    {"a comment",
	BODY("version: STSv1\\x0d\\x0a# ours\\x0d\\x0amode: "
	     "enforce\\x0d\\x0amx: mx.d.test\\x0d\\x0amax_age: "
	     "1209600\\x0d\\x0a"),
	"remark warn_bad_extension", "# ours"},
    {"a byte order mark",
	BODY(
	    "\\xef\\xbb\\xbfversion: STSv1\\x0d\\x0amode: enforce\\x0d\\x0amx: "
	    "mx.d.test\\x0d\\x0amax_age: 1209600\\x0d\\x0a"),
	"problem policy_bom", "byte order mark"},
#define WITH(policy) RECORD NO_WILD HOST policy MX PROBE REPORTS
    {"max_age below a week", WITH(POLICY("enforce", "mx.d.test", "86400")),
	"problem max_age_short", "86400 seconds"},
    {"max_age of a week", WITH(POLICY("enforce", "mx.d.test", "604800")), "",
	NULL},
    {"max_age above a year", WITH(POLICY("enforce", "mx.d.test", "31557601")),
	"remark warn_max_age_capped", "31557600"},
    {"still testing, of whatever max_age",
	WITH(POLICY("testing", "mx.d.test", "86400")), "remark mode_testing",
	"enforce"},

    /* the MX hosts */
    {"an MX host that is not in the policy",
	RECORD NO_WILD HOST ENFORCE MX "mx 20 mx2.d.test\n" PROBE REPORTS,
	"problem mx_not_in_policy", "mx2.d.test is an MX host"},
    {"a pattern that matches no MX host",
	WITH(POLICY("enforce", "mx.d.test\\x0d\\x0amx: old.d.test", "1209600")),
	"problem mx_pattern_unused", "mx: old.d.test"},
    {"a wildcard that matches", WITH(POLICY("enforce", "*.d.test", "1209600")),
	"", NULL},
    {"the domain itself, where it has no MX record",
	RECORD NO_WILD HOST POLICY("enforce", "d.test",
	    "1209600") "dns mx dns_nodata\nmx implicit d.test\nprobe d.test ok "
		       "192.0.2.1 \n" REPORTS,
	"", NULL},
    {"a null MX", RECORD NO_WILD HOST ENFORCE "dns mx null_mx\n" REPORTS,
	"remark null_mx", NULL},
    {"no such domain",
	RECORD NO_WILD HOST ENFORCE "dns mx dns_nxdomain\n" REPORTS,
	"problem domain_missing", NULL},
    {"a mistyped domain: that comes first",
	"dns record dns_nxdomain\nget policy fetch_no_address \ndns mx "
	"dns_nxdomain\ndns reports dns_nxdomain\n",
	"problem domain_missing; problem record_missing; problem "
	"host_no_address; remark tlsrpt_missing",
	"spelt right"},
    {"MX records that cannot be looked up",
	RECORD NO_WILD HOST ENFORCE "dns mx dns_timeout\n" REPORTS,
	"problem mx_dns_failed", NULL},
    {"an MX record with an address", RECORD AROUND "mx_bad 192.0.2.1\n",
	"problem mx_bad_name", "192.0.2.1"},
    {"more MX hosts than are examined",
	RECORD NO_WILD HOST ENFORCE MX "mx_more 3\n" PROBE REPORTS,
	"remark mx_more", "3 were not"},
#define PROBED(result) \
	RECORD NO_WILD HOST ENFORCE MX "probe mx.d.test " result "\n" REPORTS
    {"no STARTTLS", PROBED("mx_no_starttls 192.0.2.1 "),
	"problem mx_no_starttls", "does not reach it"},
    {"the same while testing",
	RECORD NO_WILD HOST POLICY("testing", "mx.d.test", "604800") MX
	"probe mx.d.test mx_no_starttls 192.0.2.1 \n" REPORTS,
	"remark mode_testing; problem mx_no_starttls", NULL},
    {"STARTTLS refused", PROBED("mx_starttls_refused 192.0.2.1 454"),
	"problem mx_starttls_refused", "454"},
    {"an expired certificate", PROBED("mx_cert_expired 192.0.2.1 expired"),
	"problem mx_cert_expired", "renew"},
    {"a certificate of another name", PROBED("mx_cert_name 192.0.2.1 x"),
	"problem mx_cert_name", "the name of the MX record"},
    {"a self-signed certificate",
	PROBED("mx_cert_untrusted 192.0.2.1 self-signed certificate"),
	"problem mx_cert_self_signed", NULL},
    {"an incomplete chain",
	PROBED("mx_cert_untrusted 192.0.2.1 unable to get local issuer "
	       "certificate"),
	"problem mx_cert_chain", "fullchain.pem"},
    {"TLS 1.1", PROBED("mx_tls 192.0.2.1 tlsv1 alert protocol version"),
	"problem mx_tls_old", "TLS 1.2"},
    {"no TLS in common", PROBED("mx_tls 192.0.2.1 handshake failure"),
	"problem mx_tls", NULL},
    {"no connection", PROBED("mx_connect - "), "problem mx_connect", "port 25"},
    {"no time", PROBED("mx_timeout 192.0.2.1 "), "problem mx_timeout", NULL},
    {"no address", PROBED("mx_no_address - "), "problem mx_no_address", NULL},
    {"a second address that fails",
	PROBED("ok 192.0.2.1 TLSv1.3") "probe mx.d.test mx_no_starttls "
				       "192.0.2.2 \n",
	"problem mx_no_starttls", "another of its addresses works"},
    {"a first address that fails",
	PROBED("mx_no_starttls 192.0.2.1 ") "probe mx.d.test ok 192.0.2.2 \n",
	"problem mx_no_starttls", "at 192.0.2.1"},
    {"a second address that this machine cannot reach",
	PROBED("ok 192.0.2.1 ") "probe mx.d.test network 2001:db8::1 x\n", "",
	NULL},
    {"no address that this machine can reach", PROBED("network 2001:db8::1 x"),
	"remark mx_not_reached_here", NULL},
    {"DANE", RECORD AROUND "tlsa mx.d.test 1\n", "remark dane", "mx.d.test"},

/* reports */
#define REPORTED(records) RECORD NO_WILD HOST ENFORCE MX PROBE records
    {"no _smtp._tls", REPORTED("dns reports dns_nxdomain\n"),
	"remark tlsrpt_missing", "_smtp._tls.d.test. IN TXT"},
    {"two of them",
	REPORTED(REPORTS "txt reports v=TLSRPTv1; rua=mailto:b@d.test\n"),
	"problem tlsrpt_several", NULL},
    {"an ill-formed one",
	REPORTED(
	    "dns reports ok\ntxt reports v=TLSRPTv1 rua=mailto:b@d.test\n"),
	"problem tlsrpt_ill_formed", NULL},
    {"something else at its name", REPORTED("dns reports ok\ntxt reports x\n"),
	"problem tlsrpt_ill_formed", NULL},
    {"no rua", REPORTED("dns reports ok\ntxt reports v=TLSRPTv1;\n"),
	"problem tlsrpt_rua", NULL},
    {"a rua that is an address alone",
	REPORTED("dns reports ok\ntxt reports v=TLSRPTv1; rua=a@d.test\n"),
	"problem tlsrpt_rua", NULL},
    {"a rua beside a good one that is unusable",
	REPORTED("dns reports ok\ntxt reports v=TLSRPTv1; "
		 "rua=mailto:a@d.test,http://d.test/x\n"),
	"problem tlsrpt_rua", "1 of its destinations"},
    {"its DNS fails", REPORTED("dns reports dns_servfail\n"),
	"problem tlsrpt_dns", NULL},
};

/* What was found. */
struct seen {
	char tokens[500];
	char first[4000]; /* cause and fix of the first */
	unsigned empty;   /* findings without either */
	unsigned count;
};

static void
on_found(void *arg, const struct sts_publish_finding *finding)
{
	struct seen *seen = arg;
	size_t len = strlen(seen->tokens);

	snprintf(seen->tokens + len, sizeof(seen->tokens) - len, "%s%s %s",
	    len > 0 ? "; " : "", sts_publish_severity_name(finding->severity),
	    finding->token);
	seen->count++;
	if (seen->first[0] == '\0')
		snprintf(seen->first, sizeof(seen->first), "%s | %s",
		    finding->cause, finding->fix);
	seen->empty += finding->cause[0] == '\0' || finding->fix[0] == '\0' ||
	    strstr(finding->fix, "DOMAIN") != NULL;
}

/* Reads the facts; returns how many lines were not taken. */
static unsigned
read_facts(struct sts_published *p, const char *facts)
{
	unsigned refused = 0;
	char line[4000];

	sts_published_init(p, "d.test");
	while (*facts != '\0') {
		size_t len = strcspn(facts, "\n");

		snprintf(line, sizeof(line), "%.*s", (int)len, facts);
		refused += !sts_published_read(p, line);
		facts += len + (facts[len] == '\n');
	}
	return refused;
}

static void
table(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		struct sts_published p;
		struct seen seen = {.empty = 0};

		if (read_facts(&p, row->facts) > 0)
			ok(false, "%s: all facts are read", row->what);
		sts_publish_check(&p, on_found, &seen);
		is_str(seen.tokens, row->found, "%s", row->what);
		if (row->words != NULL &&
		    strstr(seen.first, row->words) == NULL)
			is_str(
			    seen.first, row->words, "%s: its words", row->what);
		if (seen.empty > 0)
			ok(false, "%s: cause and fix", row->what);
		sts_published_free(&p);
	}
}

/* The id is compared with that of the policy in the store. */
static void
stored(void)
{
	static const struct {
		const char *what, *id, *body, *found;
	} cases[] = {
	    {"the file has changed, its id has not", "a1",
		"version: STSv1\nmode: testing\nmx: mx.d.test\nmax_age: "
		"1209600\n",
		"problem id_unchanged"},
	    {"other mx patterns", "a1",
		"version: STSv1\nmode: enforce\nmx: mx.d.test\nmx: b.d.test\n"
		"max_age: 1209600\n",
		"problem id_unchanged"},
	    {"the id has changed with it", "a0",
		"version: STSv1\nmode: testing\nmx: mx.d.test\nmax_age: "
		"86400\n",
		""},
	    {"neither has changed", "a1",
		"version: STSv1\nmode: enforce\nmx: mx.d.test\nmax_age: "
		"1209600\n",
		""},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sts_published p;
		struct seen seen = {.empty = 0};

		(void)read_facts(&p, RECORD AROUND);
		ok(sts_published_store(
		       &p, cases[i].id, cases[i].body, strlen(cases[i].body)),
		    "a stored policy");
		sts_publish_check(&p, on_found, &seen);
		is_str(seen.tokens, cases[i].found, "%s", cases[i].what);
		sts_published_free(&p);
	}
}

/* Lines are the resolver's, but bounded all the same. */
static void
lines(void)
{
	static const char *const bad[] = {"", "what", "txt", "txt nowhere x",
	    "dns record", "dns record what", "dns nowhere ok", "mx", "mx 1",
	    "mx x a.test", "probe z.test ok - ", "tlsa z.test 1", "get what ok",
	    "get policy what", "http policy x", "http policy 1000",
	    "certificate policy what", "body what x", "progress 1",
	    "done examine", "done lookup ok"};
	struct sts_published p;
	char line[4000], long_host[300];
	unsigned read = 0;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(read_facts(&p, bad[i]) == (bad[i][0] != '\0'),
		    "refused: \"%s\"", bad[i]);
	memset(long_host, 'a', sizeof(long_host));
	long_host[sizeof(long_host) - 1] = '\0';
	snprintf(line, sizeof(line), "mx 1 %s\nmx 1 a.test\nmx 2 a.test\n",
	    long_host);
	is_int(read_facts(&p, line), 2, "a host too long, a host twice");
	for (int i = 0; i < 100; i++) {
		snprintf(line, sizeof(line), "mx 1 h%d.test", i);
		read += sts_published_read(&p, line);
	}
	is_int(read, STS_PUBLISHED_MX - 1, "MX hosts up to the bound");
	is_int(read_facts(&p, "txt record a\\x00b\\\\x41\\xzz\\x4"), 0,
	    "a value with every kind of escape");
	ok(p.txt[STS_AT_RECORD].record[0].len == 12 &&
		memcmp(p.txt[STS_AT_RECORD].record[0].p, "a\0b\\A\\xzz\\x4",
		    12) == 0,
	    "is read byte for byte");
	sts_published_free(&p);
	ok(read_facts(&p, "done examine no_nameserver\nprogress 2 9\n") == 0 &&
		p.ended && p.outcome == STS_NO_NAMESERVER && p.done == 2 &&
		p.total == 9,
	    "how it ended, and how far it was");
}

/* A policy of 64 KiB of patterns that match nothing. */
static void
many_patterns(void)
{
	static char line[3000];
	struct sts_published p;
	struct seen seen = {.empty = 0};
	unsigned count = 0;

	(void)read_facts(&p,
	    RECORD NO_WILD HOST MX PROBE REPORTS
	    "body policy version: STSv1\\x0d\\x0amode: enforce\\x0d\\x0amx: "
	    "mx.d.test\\x0d\\x0amax_age: 1209600\\x0d\\x0a\n");
	for (bool room = true; room; count++) {
		snprintf(line, sizeof(line),
		    "body policy mx: h%u.d.test\\x0d\\x0a", count);
		room = sts_published_read(&p, line);
	}
	ok(count > 3000, "a policy of %u patterns", count);
	sts_publish_check(&p, on_found, &seen);
	is_int(seen.count, 20, "of which the first are named");
	sts_published_free(&p);
}

/* Facts with any bytes in any value. */
static void
mutations(void)
{
	char facts[3000];
	struct sts_published p;
	uint64_t x = 2463534242;
	unsigned long found = 0;
	unsigned empty = 0;

	for (int i = 0; i < MUTATIONS; i++) {
		struct seen seen = {.empty = 0};
		size_t len = (size_t)snprintf(facts, sizeof(facts), "%s",
		    rows[(size_t)i % (sizeof(rows) / sizeof(rows[0]))].facts);

		for (int k = 0; k < 1 + i % 4; k++) {
			x = x * UINT64_C(6364136223846793005) +
			    UINT64_C(1442695040888963407);
			facts[(x >> 33) % len] = (char)(x >> 24 | 1);
		}
		(void)read_facts(&p, facts);
		sts_publish_check(&p, on_found, &seen);
		found += seen.count;
		empty += seen.empty;
		sts_published_free(&p);
	}
	ok(found > MUTATIONS / 2, "%d mutations of facts: %lu findings",
	    MUTATIONS, found);
	is_int(empty, 0, "each with cause and fix");
}

int
main(void)
{
	table();
	stored();
	lines();
	many_patterns();
	mutations();
	return tap_done();
}
