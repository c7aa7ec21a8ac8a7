/* SPDX-License-Identifier: ISC */
/* Sessions as datagrams for a collector: what is sent, and when it is lost. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "store/outcome_socket.h"
#include "store/outcomes.h"
#include "tests/unit/lib/tap.h"

static char dir[] = "/tmp/mta-sts-outcome-socket.XXXXXX";
static const char record[] = "v=TLSRPTv1; rua=mailto:tls@d.test";
static char body[] = "version: STSv1\nmode: testing\nmx: mx.d.test\n"
		     "mx: *.d.test\nmax_age: 86400\n";

static struct sts_outcome
example(enum sts_result result)
{
	return (struct sts_outcome){.time = 1800000000,
	    .domain = "d.test",
	    .type = STS_POLICY_TYPE_STS,
	    .fetched = 1799990000,
	    .result = result,
	    .mx = "mx.d.test",
	    .receiving_ip = "192.0.2.1",
	    .sending_ip = "2001:db8::1",
	    .helo = "mx.d.test",
	    .reason = "a-reason",
	    .additional = "more"};
}

static struct sts_policy
example_policy(void)
{
	struct sts_policy policy;

	if (sts_policy_parse(&policy, body, strlen(body), NULL, NULL) != STS_OK)
		ok(false, "the policy of a test is one");
	return policy;
}

/* The datagram, as JSON has it in its shortest form; "": none. */
static const char *
json_of(const struct sts_outcome *o, const struct sts_policy *policy)
{
	static char text[2 * STS_OUTCOME_DATAGRAM_MAX];
	static char buf[STS_OUTCOME_DATAGRAM_MAX];
	size_t len = sts_outcome_datagram(o, record, policy, buf);
	json_error_t error;
	json_t *value;
	char *short_form;

	text[0] = '\0';
	if (len == 0)
		return text;
	value = json_loadb(buf, len, JSON_REJECT_DUPLICATES, &error);
	if (!ok(value != NULL, "it is JSON: %s", value ? "yes" : error.text))
		return text;
	short_form = json_dumps(value, JSON_COMPACT);
	snprintf(text, sizeof(text), "%s", short_form);
	free(short_form);
	json_decref(value);
	return text;
}

static void
test_form(void)
{
	struct sts_outcome o = example(STS_RESULT_CERTIFICATE_EXPIRED);
	struct sts_policy policy = example_policy();
	char buf[STS_OUTCOME_DATAGRAM_MAX];

	is_str(json_of(&o, &policy),
	    "{\"dpv\":\"1\",\"d\":\"d.test\","
	    "\"pr\":\"v=TLSRPTv1; rua=mailto:tls@d.test\","
	    "\"policies\":[{\"policy-type\":2,\"policy-domain\":\"d.test\","
	    "\"policy-string\":[\"version: STSv1\",\"mode: testing\","
	    "\"mx: mx.d.test\",\"mx: *.d.test\",\"max_age: 86400\"],"
	    "\"mx-host\":[\"mx.d.test\",\"*.d.test\"],"
	    "\"failure-details\":[{\"c\":204,\"s\":\"2001:db8::1\","
	    "\"n\":\"mx.d.test\",\"h\":\"mx.d.test\",\"r\":\"192.0.2.1\","
	    "\"a\":\"more\",\"f\":\"a-reason\"}],\"t\":1,\"f\":1}]}",
	    "a failure under a policy");
	o = example(STS_RESULT_NONE);
	o.type = STS_POLICY_TYPE_NO_POLICY_FOUND;
	is_str(json_of(&o, NULL),
	    "{\"dpv\":\"1\",\"d\":\"d.test\","
	    "\"pr\":\"v=TLSRPTv1; rua=mailto:tls@d.test\","
	    "\"policies\":[{\"policy-type\":9,\"policy-domain\":\"d.test\","
	    "\"t\":0,\"f\":0}]}",
	    "a success without one");
	o.type = STS_POLICY_TYPE_TLSA;
	ok(strstr(json_of(&o, NULL),
	       "\"policy-type\":1,\"policy-domain\":\"mx.d.test\"") != NULL,
	    "with DANE the policy's domain is the MX host");
	o = (struct sts_outcome){.domain = "d.test",
	    .result = STS_RESULT_VALIDATION_FAILURE,
	    .type = STS_POLICY_TYPE_STS};
	ok(strstr(json_of(&o, NULL), "\"failure-details\":[{\"c\":205}]") !=
		NULL,
	    "what is not known is left out");
	o.result = STS_RESULT_STS_WEBPKI_INVALID;
	is_str(json_of(&o, NULL), "", "a failed fetch is no session");
	o = example(STS_RESULT_NONE);
	is_int((long long)sts_outcome_datagram(&o, "", NULL, buf), 0,
	    "a domain without a record wants no report");
}

static void
test_codes(void)
{
	static const int codes[] = {
	    201, 202, 204, 203, 205, 304, 305, 306, 301, 302, 303};

	for (int i = 0; i < 11; i++) {
		struct sts_outcome o = example((enum sts_result)(i + 1));
		char expected[20];

		snprintf(expected, sizeof(expected), "{\"c\":%d,", codes[i]);
		ok(strstr(json_of(&o, NULL), expected) != NULL, "%s is %d",
		    sts_result_name(o.result), codes[i]);
	}
}

/* Bytes that an MX host chose. */
static void
test_escapes(void)
{
	struct sts_outcome o = example(STS_RESULT_CERTIFICATE_EXPIRED);
	char long_body[STS_BODY_MAX];
	struct sts_policy policy;
	size_t len;

	snprintf(o.helo, sizeof(o.helo), "\"]}\\\n\xff\x7f");
	ok(strstr(json_of(&o, NULL),
	       "\"h\":\"\\\"]}\\\\\\n\xc3\xbf\x7f\",\"r\"") != NULL,
	    "a name is one string, whatever is in it");
	for (int byte = 1; byte < 256; byte++) {
		snprintf(o.helo, sizeof(o.helo), "%c", byte);
		snprintf(o.additional, sizeof(o.additional), "%c\\", byte);
		if (json_of(&o, NULL)[0] == '\0')
			ok(false, "byte %d", byte);
	}
	len = (size_t)sprintf(
	    long_body, "version: STSv1\nmode: enforce\nmax_age: 1\n");
	while (len + 30 < sizeof(long_body))
		len +=
		    (size_t)sprintf(long_body + len, "mx: a%zu.d.test\n", len);
	is_int(sts_policy_parse(&policy, long_body, len, NULL, NULL), STS_OK,
	    "a policy of 64 KiB");
	ok(strstr(json_of(&o, &policy),
	       "\"policy-domain\":\"d.test\",\"failure-details\"") != NULL,
	    "is left out");
}

static int
make_socket(struct sockaddr_un *at)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	at->sun_family = AF_UNIX;
	snprintf(at->sun_path, sizeof(at->sun_path), "%s/socket", dir);
	if (fd >= 0 && bind(fd, (struct sockaddr *)at, sizeof(*at)) != 0)
		ok(false, "a socket: %s", strerror(errno));
	return fd;
}

static void
test_send(void)
{
	struct sts_outcome o = example(STS_RESULT_NONE);
	struct sockaddr_un at = {0};
	char buf[STS_OUTCOME_DATAGRAM_MAX];
	char expected[STS_OUTCOME_DATAGRAM_MAX], path[200];
	int fd = make_socket(&at), sent = 0;
	size_t len;

	ok(sts_outcome_send(at.sun_path, &o, record, NULL), "it is sent");
	len = sts_outcome_datagram(&o, record, NULL, expected);
	ok(recv(fd, buf, sizeof(buf), MSG_DONTWAIT) == (ssize_t)len &&
		memcmp(buf, expected, len) == 0,
	    "and received");
	while (sent < 10000 && sts_outcome_send(at.sun_path, &o, record, NULL))
		sent++;
	ok(sent > 0 && sent < 10000 && errno == EAGAIN,
	    "a collector that does not read delays nothing");
	close(fd);
	ok(!sts_outcome_send(at.sun_path, &o, record, NULL) &&
		errno == ECONNREFUSED,
	    "a collector that has gone");
	(void)unlink(at.sun_path);
	ok(!sts_outcome_send(at.sun_path, &o, record, NULL) && errno == ENOENT,
	    "one that is not there");
	memset(path, 'a', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	ok(!sts_outcome_send(path, &o, record, NULL) && errno == ENAMETOOLONG,
	    "a path that is too long");
	o.mx[0] = '\0';
	o.result = STS_RESULT_STS_POLICY_INVALID;
	ok(sts_outcome_send(path, &o, record, NULL), "no session: not sent");
}

static bool
on_outcome(void *arg, const struct sts_outcome *o)
{
	(void)o;
	++*(int *)arg;
	return true;
}

/* Either to the collector or into the store. */
static void
test_session(void)
{
	struct sts_outcome o = example(STS_RESULT_CERTIFICATE_EXPIRED);
	struct sts_entry e = {.fetched = o.fetched,
	    .body = body,
	    .body_len = strlen(body),
	    .policy = example_policy()};
	struct sts_check check = {.tlsrpt_next = 1};
	struct sts_config config = {0};
	struct sockaddr_un at = {0};
	char buf[STS_OUTCOME_DATAGRAM_MAX + 1] = "";
	int fd = make_socket(&at), count = 0;
	struct sts_outcomes_reader reader = {on_outcome, NULL, &count, 0};
	struct sts_store *store;

	snprintf(check.tlsrpt, sizeof(check.tlsrpt), "%s", record);
	is_int(sts_store_open(&store, dir, false), STS_OK, "a store");
	config.tlsrpt_socket = at.sun_path;
	ok(sts_outcomes_session(store, &config, &o, &e, &check), "a session");
	(void)!recv(fd, buf, sizeof(buf) - 1, MSG_DONTWAIT);
	ok(strstr(buf, "mailto:tls@d.test") != NULL &&
		strstr(buf, "\"mx-host\":[") != NULL,
	    "is sent with record and policy");
	is_int(sts_outcomes_read(store, o.time / STS_DAY, &reader),
	    STS_NOT_FOUND, "and not stored");
	e.fetched++;
	memset(buf, 0, sizeof(buf));
	ok(sts_outcomes_session(store, &config, &o, &e, &check), "another");
	(void)!recv(fd, buf, sizeof(buf) - 1, MSG_DONTWAIT);
	ok(buf[0] == '{' && strstr(buf, "\"mx-host\":[") == NULL,
	    "is sent without a policy that has replaced its own");
	close(fd);
	ok(!sts_outcomes_session(store, &config, &o, &e, &check),
	    "without the collector it is lost");
	config.tlsrpt_socket = NULL;
	ok(sts_outcomes_session(store, &config, &o, &e, &check),
	    "without its key");
	is_int(sts_outcomes_read(store, o.time / STS_DAY, &reader), STS_OK,
	    "it is stored");
	is_int(count, 1, "once");
	sts_store_close(store);
}

int
main(void)
{
	char command[64];

	if (!tap_own_directory(dir))
		return 1;
	test_form();
	test_codes();
	test_escapes();
	test_send();
	test_session();
	snprintf(command, sizeof(command), "rm -rf %s 2>/dev/null", dir);
	(void)!system(command);
	return tap_done();
}
