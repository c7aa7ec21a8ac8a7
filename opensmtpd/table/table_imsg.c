/* SPDX-License-Identifier: ISC */
/*
 * The imsg protocol: a header of 16 bytes {u32 type, u16 length with header,
 * u16 flags, u32 peer id, u32 process id} and a payload, in host order.
 *
 * Not by libutil, which differs between systems: the library's header changed
 * with its versions, smtpd's own copy did not.  No message comes with a
 * descriptor, so plain reads suffice.
 */
#include "opensmtpd/table/table_proto.h"

#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

enum {
	MSG_OK = 0,
	MSG_OPEN = 2,
	MSG_CLOSE = 3,
	MSG_UPDATE = 4,
	MSG_CHECK = 5,
	MSG_LOOKUP = 6,
	MSG_FETCH = 7
};

enum { API_VERSION = 2, RESULT_BYTES = 4 };

/* Moves `size` bytes from the front of a payload into *out. */
static bool
read_bytes(struct sts_span *payload, void *out, size_t size)
{
	if (payload->len < size)
		return false;
	memcpy(out, payload->p, size);
	payload->p += size;
	payload->len -= size;
	return true;
}

/* A reply is always of type OK; its result is in the payload. */
static void
put_message(struct sts_table_imsg *t, const void *payload, size_t len)
{
	char out[STS_IMSG_HEADER + RESULT_BYTES + sizeof(struct sts_reply)];
	uint16_t total = (uint16_t)(STS_IMSG_HEADER + len);
	uint32_t type = MSG_OK, pid = (uint32_t)getpid();

	if (len > sizeof(out) - STS_IMSG_HEADER)
		return;
	memset(out, 0, STS_IMSG_HEADER);
	memcpy(out, &type, sizeof(type));
	memcpy(out + 4, &total, sizeof(total));
	memcpy(out + 12, &pid, sizeof(pid));
	if (len > 0)
		memcpy(out + STS_IMSG_HEADER, payload, len);
	sts_output_add(t->output, out, STS_IMSG_HEADER + len);
}

/* {i32 result} and, after a lookup that found something, value\0. */
static void
put_result(struct sts_table_imsg *t, int32_t result, const char *value)
{
	char payload[RESULT_BYTES + sizeof(struct sts_reply)];
	size_t len = value == NULL ? 0 : strlen(value) + 1;

	memcpy(payload, &result, sizeof(result));
	if (len > 0)
		memcpy(payload + RESULT_BYTES, value, len);
	put_message(t, payload, RESULT_BYTES + len);
}

/*
 * {u32 service, size_t 0, key\0}. A key that is too long cannot be a domain,
 * and counts as empty.
 */
static bool
parse_key(struct sts_span payload, uint32_t *service, char key[STS_KEY_MAX + 1])
{
	size_t parameters;

	if (!read_bytes(&payload, service, sizeof(*service)) ||
	    !read_bytes(&payload, &parameters, sizeof(parameters)) ||
	    parameters != 0 || payload.len == 0 ||
	    payload.p[payload.len - 1] != '\0')
		return false;
	payload.len--;
	(void)sts_span_copy(payload, key, STS_KEY_MAX + 1);
	return true;
}

/* CHECK and LOOKUP: an unreadable one gets an error as its reply. */
static void
handle_question(struct sts_table_imsg *t, bool lookup, struct sts_span payload)
{
	struct sts_reply reply = {STS_ERROR, ""};
	char key[STS_KEY_MAX + 1];
	uint32_t service;

	if (!parse_key(payload, &service, key)) {
		put_result(t, STS_ERROR, NULL);
		return;
	}
	if (lookup && service == STS_SERVICE_RELAYHOST)
		sts_table_lookup(t->table, key, &reply);
	else if (!lookup && service == STS_SERVICE_DOMAIN)
		sts_table_check(t->table, key, &reply);
	/* This protocol does not transmit the reason. */
	if (reply.found == STS_ERROR && reply.text[0] != '\0')
		sts_log(STS_LOG_INFO, key, "event=%s reason=%s",
		    lookup ? "relayhost" : "check", reply.text);
	put_result(t, reply.found,
	    lookup && reply.found == STS_FOUND ? reply.text : NULL);
}

/* {u32 version, name\0}; the name is known from argv[0]. */
static void
handle_open(struct sts_table_imsg *t, struct sts_span payload)
{
	uint32_t version;

	if (!read_bytes(&payload, &version, sizeof(version)) ||
	    version != API_VERSION)
		sts_log(STS_LOG_WARNING, NULL, "event=open reason=version");
	put_message(t, NULL, 0);
}

static void
handle_message(struct sts_table_imsg *t, uint32_t type, struct sts_span payload)
{
	switch (type) {
	case MSG_OPEN:
		handle_open(t, payload);
		break;
	case MSG_UPDATE:
		put_result(t, sts_table_update(t->table) ? 1 : 0, NULL);
		break;
	case MSG_CHECK:
	case MSG_LOOKUP:
		handle_question(t, type == MSG_LOOKUP, payload);
		break;
	case MSG_FETCH:
		put_result(t, STS_ERROR, NULL);
		break;
	case MSG_CLOSE: /* the end of input follows */
	default:
		break;
	}
}

/* Handles the messages that are complete; returns their bytes. */
static size_t
handle_messages(struct sts_table_imsg *t)
{
	size_t used = 0;

	while (t->len - used >= STS_IMSG_HEADER) {
		const char *p = t->buf + used;
		uint32_t type;
		uint16_t len;

		memcpy(&type, p, sizeof(type));
		memcpy(&len, p + 4, sizeof(len));
		if (len < STS_IMSG_HEADER || len > STS_IMSG_MAX) {
			sts_log(STS_LOG_ERROR, NULL,
			    "event=input reason=bad_length");
			/* Where the next one begins is unknown. */
			t->lost = true;
			return t->len;
		}
		if (t->len - used < len)
			break;
		handle_message(t, type,
		    (struct sts_span){
			p + STS_IMSG_HEADER, (size_t)len - STS_IMSG_HEADER});
		used += len;
	}
	return used;
}

void
sts_table_imsg_feed(struct sts_table_imsg *imsg, const char *bytes, size_t len)
{
	while (len > 0 && !imsg->lost) {
		size_t n = sizeof(imsg->buf) - imsg->len, used;

		if (n > len)
			n = len;
		memcpy(imsg->buf + imsg->len, bytes, n);
		imsg->len += n;
		bytes += n;
		len -= n;
		used = handle_messages(imsg);
		memmove(imsg->buf, imsg->buf + used, imsg->len - used);
		imsg->len -= used;
	}
}
