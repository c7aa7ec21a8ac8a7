/* SPDX-License-Identifier: ISC */
/*
 * The JSON is put together here, since what runs inside a mail server links no
 * library for it.
 */
#include "store/outcome_socket.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cursor.h"
#include "store/file.h"

static void
add(struct sts_text *text, const char *string)
{
	sts_text_add_bytes(text, string, strlen(string));
}

/* A string of JSON. */
static void
add_string(struct sts_text *text, const char *bytes, size_t len)
{
	static const char hex[] = "0123456789abcdef";

	add(text, "\"");
	for (size_t i = 0; i < len; i++) {
		unsigned char byte = (unsigned char)bytes[i];
		char escape[] = {
		    '\\', 'u', '0', '0', hex[byte >> 4], hex[byte & 15]};

		if (byte < ' ' || byte > '~' || byte == '"' || byte == '\\')
			sts_text_add_bytes(text, escape, sizeof(escape));
		else
			sts_text_add_bytes(text, bytes + i, 1);
	}
	add(text, "\"");
}

/* `before` is all that stands before the value; an empty one is left out. */
static void
add_member(struct sts_text *text, const char *before, const char *value)
{
	if (value[0] == '\0')
		return;
	add(text, before);
	add_string(text, value, strlen(value));
}

/* The numbers of tlsrpt.h, which the datagrams have instead of names. */
static const char *
type_code(enum sts_policy_type type)
{
	switch (type) {
	case STS_POLICY_TYPE_TLSA:
		return "1";
	case STS_POLICY_TYPE_STS:
		return "2";
	default:
		return "9";
	}
}

static const char *
failure_code(enum sts_result result)
{
	static const char *const codes[] = {
	    [STS_RESULT_STARTTLS_NOT_SUPPORTED] = "201",
	    [STS_RESULT_CERTIFICATE_HOST_MISMATCH] = "202",
	    [STS_RESULT_CERTIFICATE_EXPIRED] = "204",
	    [STS_RESULT_CERTIFICATE_NOT_TRUSTED] = "203",
	    [STS_RESULT_VALIDATION_FAILURE] = "205",
	    [STS_RESULT_TLSA_INVALID] = "304",
	    [STS_RESULT_DNSSEC_INVALID] = "305",
	    [STS_RESULT_DANE_REQUIRED] = "306",
	    [STS_RESULT_STS_POLICY_FETCH_ERROR] = "301",
	    [STS_RESULT_STS_POLICY_INVALID] = "302",
	    [STS_RESULT_STS_WEBPKI_INVALID] = "303",
	};

	return (size_t)result < sizeof(codes) / sizeof(codes[0]) &&
		codes[result] != NULL
	    ? codes[result]
	    : "205";
}

static void
add_policy(struct sts_text *text, const struct sts_policy *policy)
{
	struct sts_cursor c = sts_cursor_make(policy->body, policy->body_len);
	struct sts_mx_walk walk = {0};
	char pattern[STS_PATTERN_MAX + 1];
	const char *before = ",\"policy-string\":[";
	struct sts_span line;

	while (sts_cursor_line(&c, &line)) {
		add(text, before);
		add_string(text, line.p, line.len);
		before = ",";
	}
	if (before[1] == '\0')
		add(text, "]");
	before = ",\"mx-host\":[";
	while (sts_policy_mx_next(policy, &walk, pattern)) {
		add(text, before);
		add_string(text, pattern, strlen(pattern));
		before = ",";
	}
	if (before[1] == '\0')
		add(text, "]");
}

static void
add_failure(struct sts_text *text, const struct sts_outcome *o)
{
	add(text, ",\"failure-details\":[{\"c\":");
	add(text, failure_code(o->result));
	add_member(text, ",\"s\":", o->sending_ip);
	add_member(text, ",\"n\":", o->mx);
	add_member(text, ",\"h\":", o->helo);
	add_member(text, ",\"r\":", o->receiving_ip);
	add_member(text, ",\"a\":", o->additional);
	add_member(text, ",\"f\":", o->reason);
	add(text, "}],\"t\":1,\"f\":1}]}");
}

static size_t
build(const struct sts_outcome *o, const char *record,
    const struct sts_policy *policy, char *buf)
{
	struct sts_text text = {buf, STS_OUTCOME_DATAGRAM_MAX, 0, false};
	/* With DANE the policy is that of the MX host. */
	bool tlsa = o->type == STS_POLICY_TYPE_TLSA && o->mx[0] != '\0';

	add_member(&text, "{\"dpv\":\"1\",\"d\":", o->domain);
	add_member(&text, ",\"pr\":", record);
	add(&text, ",\"policies\":[{\"policy-type\":");
	add(&text, type_code(o->type));
	add_member(&text, ",\"policy-domain\":", tlsa ? o->mx : o->domain);
	if (policy != NULL && o->type == STS_POLICY_TYPE_STS)
		add_policy(&text, policy);
	if (o->result != STS_RESULT_NONE)
		add_failure(&text, o);
	else
		add(&text, ",\"t\":0,\"f\":0}]}");
	return text.full ? 0 : text.len;
}

size_t
sts_outcome_datagram(const struct sts_outcome *outcome, const char *record,
    const struct sts_policy *policy, char buf[STS_OUTCOME_DATAGRAM_MAX])
{
	size_t len;

	/* A collector takes no datagram without domain and record. */
	if (!sts_outcome_is_session(outcome) || outcome->domain[0] == '\0' ||
	    record[0] == '\0')
		return 0;
	len = build(outcome, record, policy, buf);
	return len > 0 ? len : build(outcome, record, NULL, buf);
}

bool
sts_outcome_send(const char *path, const struct sts_outcome *outcome,
    const char *record, const struct sts_policy *policy)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	char buf[STS_OUTCOME_DATAGRAM_MAX];
	size_t len = sts_outcome_datagram(outcome, record, policy, buf);
	ssize_t sent;
	int fd, error;

	if (len == 0)
		return true;
	if (strlen(path) >= sizeof(to.sun_path)) {
		errno = ENAMETOOLONG;
		return false;
	}
	memcpy(to.sun_path, path, strlen(path) + 1);
	if ((fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) < 0)
		return false;
	sent = sendto(fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL,
	    (struct sockaddr *)&to, sizeof(to));
	error = errno;
	close(fd);
	errno = error;
	return sent >= 0;
}
