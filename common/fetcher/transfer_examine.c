/* SPDX-License-Identifier: ISC */
#include "fetcher/transfer_examine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"

enum {
	HEAD_MAX = 8192, /* bytes of the lines before the body */
	VALUE_MAX = 400, /* of a header field that are shown */
	BODY_MAX = STS_BODY_MAX - HEAD_MAX
};

size_t
sts_transfer_examine_body(struct sts_transfer *t, const char *bytes, size_t len)
{
	size_t room = BODY_MAX - t->body_len;

	if (len > room) {
		t->large = true;
		memcpy(t->body + t->body_len, bytes, room);
		t->body_len = BODY_MAX;
		return 0;
	}
	memcpy(t->body + t->body_len, bytes, len);
	t->body_len += len;
	return len;
}

/* The answer. */

struct head {
	char text[HEAD_MAX];
	size_t used;
};

/* Appends "NAME VALUE", or nothing without a value. */
static void
add(struct head *head, const char *name, const char *value)
{
	char escaped[4 * VALUE_MAX + 5];
	size_t len = strlen(value);
	int got;

	if (len == 0)
		return;
	(void)sts_escape_into(
	    escaped, sizeof(escaped), value, len > VALUE_MAX ? VALUE_MAX : len);
	got = snprintf(head->text + head->used, sizeof(head->text) - head->used,
	    "%s %s\n", name, escaped);
	if (got > 0 && (size_t)got < sizeof(head->text) - head->used)
		head->used += (size_t)got;
}

static void
add_field(struct head *head, struct sts_transfer *t, const char *name,
    const char *field)
{
	struct curl_header *header;

	if (curl_easy_header(t->easy, field, 0, CURLH_HEADER, -1, &header) ==
	    CURLHE_OK)
		add(head, name, header->value);
}

/* The words are OpenSSL's. */
static void
add_certificate(struct head *head, const struct sts_transfer *t)
{
	const struct sts_verdict *verdict = &t->verification.verdict;
	char text[VALUE_MAX];

	if (!verdict->done)
		return;
	(void)snprintf(text, sizeof(text), "%s %s",
	    sts_status_name(sts_verify_status(verdict)),
	    verdict->error == X509_V_OK
		? ""
		: X509_verify_cert_error_string(verdict->error));
	add(head, "certificate", text);
	add(head, "names", t->certificate.names);
	add(head, "common_name", t->certificate.common_name);
}

static void
add_http(struct head *head, struct sts_transfer *t)
{
	char text[16];
	long status = 0;

	(void)curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	(void)snprintf(text, sizeof(text), "%ld", status);
	add(head, "http", text);
	add_field(head, t, "location", "Location");
	add_field(head, t, "type", "Content-Type");
	add_field(head, t, "encoding", "Content-Encoding");
	if (t->large)
		add(head, "large", "yes");
	else if (t->cut)
		add(head, "cut", "yes");
}

enum sts_status
sts_transfer_examine_answer(struct sts_transfer *t, char **answer, size_t *len)
{
	struct head *head = calloc(1, sizeof(*head));

	*answer = NULL;
	if (head != NULL) {
		add_certificate(head, t);
		add_http(head, t);
		*len = head->used + 1 + t->body_len;
		*answer = malloc(*len);
	}
	if (*answer != NULL) {
		memcpy(*answer, head->text, head->used);
		(*answer)[head->used] = '\n';
		memcpy(*answer + head->used + 1, t->body, t->body_len);
	}
	free(head);
	return *answer != NULL ? STS_OK : STS_NO_MEMORY;
}
