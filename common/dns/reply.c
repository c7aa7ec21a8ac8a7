/* SPDX-License-Identifier: ISC */
/* The calls that c-ares 1.18 and 1.34 share are marked deprecated in 1.34. */
#define CARES_NO_DEPRECATED

#include "dns/reply.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <ares.h>

/* RFC 1035 4.1: the header, and what follows a name. */
enum {
	HEADER = 12,
	QUESTION_REST = 4,
	RECORD_REST = 10,
	SECTIONS = 4,
	WIRE_MAX = 65535 /* bytes of a reply */
};

enum { RCODE_NOERROR = 0, RCODE_NXDOMAIN = 3 };

void
sts_reply_free(struct sts_reply *reply)
{
	free(reply->bytes);
	free(reply->records);
	free(reply->hosts);
	free(reply->addresses);
	*reply = (struct sts_reply){.status = STS_DNS_TIMEOUT};
}

/* The message as a whole. */

static unsigned
two_bytes(const unsigned char *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

/* The offset after the name at `at`, or 0 if the message ends in it. */
static size_t
skip_name(const unsigned char *wire, size_t len, size_t at)
{
	while (at < len) {
		if (wire[at] >= 0xc0) /* the rest of the name is elsewhere */
			return at + 2 <= len ? at + 2 : 0;
		if (wire[at] == 0)
			return at + 1;
		at += (size_t)wire[at] + 1;
	}
	return 0;
}

/* True if all records that the header counts are there. */
static bool
is_whole(const unsigned char *wire, size_t len)
{
	size_t at = HEADER;

	for (size_t section = 0; section < SECTIONS; section++) {
		unsigned count = two_bytes(wire + 4 + 2 * section);

		while (count-- > 0) {
			size_t rest =
			    section == 0 ? QUESTION_REST : RECORD_REST;

			at = skip_name(wire, len, at);
			if (at == 0 || len - at < rest)
				return false;
			at += rest;
			if (section > 0 &&
			    (rest = two_bytes(wire + at - 2)) <= len - at)
				at += rest;
			else if (section > 0)
				return false;
		}
	}
	return true;
}

/* The server recurses (RA). */
static bool
is_recursive(const unsigned char *wire)
{
	return (wire[3] & 0x80) != 0;
}

/* It recurses, or is authoritative (AA). */
static bool
is_competent(const unsigned char *wire)
{
	return (wire[2] & 0x04) != 0 || is_recursive(wire);
}

/*
 * The status from the header.  A server that is not competent and has no record
 * has no answer: libc then asks the next one.
 */
static enum sts_status
header_status(const unsigned char *wire, size_t len)
{
	bool truncated;
	unsigned rcode;

	if (len < HEADER)
		return STS_DNS_BAD_REPLY;
	truncated = (wire[2] & 0x02) != 0;
	rcode = wire[3] & 0x0f;
	if (truncated || !is_whole(wire, len))
		return STS_DNS_BAD_REPLY;
	if (rcode == RCODE_NXDOMAIN)
		return STS_DNS_NXDOMAIN;
	if (rcode != RCODE_NOERROR)
		return STS_DNS_SERVFAIL;
	if (two_bytes(wire + 6) > 0)
		return STS_OK;
	return is_competent(wire) ? STS_DNS_NODATA : STS_DNS_SERVFAIL;
}

bool
sts_reply_is_useful(const unsigned char *wire, size_t len)
{
	enum sts_status status = header_status(wire, len);
	bool is_root = len > HEADER && wire[HEADER] == 0;

	if (status == STS_DNS_NXDOMAIN || status == STS_DNS_NODATA)
		return !is_root && is_competent(wire);
	return status == STS_OK;
}

/* The records, through c-ares. */

/* The message is complete, so what c-ares cannot read is ill-formed. */
static enum sts_status
parsed(int code)
{
	switch (code) {
	case ARES_SUCCESS:
		return STS_OK;
	case ARES_ENODATA:
		return STS_DNS_NODATA;
	case ARES_ENOMEM:
		return STS_NO_MEMORY;
	default:
		return STS_DNS_BAD_REPLY;
	}
}

/* record_start tells a second record from a second string of the first. */
static bool
begins_record(const struct ares_txt_ext *list, const struct ares_txt_ext *t)
{
	return t == list || t->record_start;
}

/* RFC 8461 3.1: the strings of one record are joined without spaces. */
static enum sts_status
join_txt(struct sts_reply *reply, const struct ares_txt_ext *list)
{
	const struct ares_txt_ext *t;
	size_t bytes = 0, records = 0;
	struct sts_span *record = NULL;
	char *at;

	for (t = list; t != NULL; t = t->next) {
		bytes += t->length;
		records += begins_record(list, t);
	}
	if (records == 0)
		return STS_DNS_NODATA;
	if (bytes > WIRE_MAX)
		return STS_DNS_BAD_REPLY;
	reply->bytes = at = malloc(bytes + 1);
	reply->records = calloc(records, sizeof(*reply->records));
	if (reply->bytes == NULL || reply->records == NULL)
		return STS_NO_MEMORY;
	for (t = list; t != NULL; t = t->next) {
		if (begins_record(list, t)) {
			record = &reply->records[reply->count++];
			record->p = at;
		}
		memcpy(at, t->txt, t->length);
		record->len += t->length;
		at += t->length;
	}
	return STS_OK;
}

/*
 * The "ext" parser: the plain one returns each string of a record as a record.
 * Uses lengths, since a string may contain NUL.
 */
static enum sts_status
parse_txt(struct sts_reply *reply, const unsigned char *wire, int len)
{
	struct ares_txt_ext *list = NULL;
	enum sts_status status =
	    parsed(ares_parse_txt_reply_ext(wire, len, &list));

	if (status == STS_OK)
		status = join_txt(reply, list);
	ares_free_data(list);
	return status;
}

/* Copies in ASCII lower case, whatever the locale; false: too long. */
static bool
copy_host(const char *from, char to[STS_NAME_MAX + 1])
{
	size_t len = strlen(from);

	if (len == 1 && from[0] == '.') /* the root, however written */
		len = 0;
	if (len > STS_NAME_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		to[i] = (char)(from[i] >= 'A' && from[i] <= 'Z'
			? from[i] - 'A' + 'a'
			: from[i]);
	to[len] = '\0';
	return true;
}

/*
 * Leaves out hosts whose escaped form is too long for a name, to which no
 * connection is possible; if there is no other, the reply is of no use.
 */
static enum sts_status
copy_mx(struct sts_reply *reply, const struct ares_mx_reply *list)
{
	const struct ares_mx_reply *m;
	size_t records = 0;

	for (m = list; m != NULL; m = m->next)
		records++;
	if (records == 0)
		return STS_DNS_NODATA;
	reply->hosts = calloc(records, sizeof(*reply->hosts));
	if (reply->hosts == NULL)
		return STS_NO_MEMORY;
	for (m = list; m != NULL; m = m->next) {
		struct sts_mx *host = &reply->hosts[reply->count];

		if (m->host == NULL || !copy_host(m->host, host->host))
			continue;
		host->preference = m->priority;
		reply->count++;
	}
	return reply->count > 0 ? STS_OK : STS_DNS_BAD_REPLY;
}

static enum sts_status
parse_mx(struct sts_reply *reply, const unsigned char *wire, int len)
{
	struct ares_mx_reply *list = NULL;
	enum sts_status status = parsed(ares_parse_mx_reply(wire, len, &list));

	if (status == STS_OK)
		status = copy_mx(reply, list);
	ares_free_data(list);
	return status;
}

/* A reply of nothing but CNAMEs is a success with no address. */
static enum sts_status
parse_a(struct sts_reply *reply, const unsigned char *wire, int len)
{
	struct ares_addrttl found[STS_ADDRESSES_MAX];
	int count = STS_ADDRESSES_MAX;
	int code = ares_parse_a_reply(wire, len, NULL, found, &count);

	if (code != ARES_SUCCESS)
		return parsed(code);
	for (int i = 0; i < count; i++) {
		struct sockaddr_in *to = &reply->addresses[i].u.v4;

		to->sin_family = AF_INET;
		to->sin_addr = found[i].ipaddr;
		reply->count++;
	}
	return count > 0 ? STS_OK : STS_DNS_NODATA;
}

static enum sts_status
parse_aaaa(struct sts_reply *reply, const unsigned char *wire, int len)
{
	struct ares_addr6ttl found[STS_ADDRESSES_MAX];
	int count = STS_ADDRESSES_MAX;
	int code = ares_parse_aaaa_reply(wire, len, NULL, found, &count);

	if (code != ARES_SUCCESS)
		return parsed(code);
	for (int i = 0; i < count; i++) {
		struct sockaddr_in6 *to = &reply->addresses[i].u.v6;

		to->sin6_family = AF_INET6;
		memcpy(
		    &to->sin6_addr, &found[i].ip6addr, sizeof(to->sin6_addr));
		reply->count++;
	}
	return count > 0 ? STS_OK : STS_DNS_NODATA;
}

static enum sts_status
parse_addresses(struct sts_reply *reply, enum sts_record_type type,
    const unsigned char *wire, int len)
{
	reply->addresses = calloc(STS_ADDRESSES_MAX, sizeof(*reply->addresses));
	if (reply->addresses == NULL)
		return STS_NO_MEMORY;
	return type == STS_TYPE_A ? parse_a(reply, wire, len)
				  : parse_aaaa(reply, wire, len);
}

/* How many records of this type the answer section has. */
static size_t
count_records(const unsigned char *wire, size_t len, unsigned type)
{
	size_t at = skip_name(wire, len, HEADER) + QUESTION_REST, found = 0;

	for (unsigned left = two_bytes(wire + 6); left > 0; left--) {
		at = skip_name(wire, len, at);
		/* The message is whole: this only bounds what follows. */
		if (at == 0 || len - at < RECORD_REST)
			break;
		found += two_bytes(wire + at) == type;
		at += RECORD_REST + two_bytes(wire + at + 8);
		if (at > len)
			break;
	}
	return found;
}

static enum sts_status
count_tlsa(struct sts_reply *reply, const unsigned char *wire, size_t len)
{
	/* One question, as compared before. */
	if (two_bytes(wire + 4) != 1)
		return STS_DNS_BAD_REPLY;
	reply->count = count_records(wire, len, STS_DNS_TLSA);
	return reply->count > 0 ? STS_OK : STS_DNS_NODATA;
}

void
sts_reply_read(struct sts_reply *reply, enum sts_record_type type,
    const unsigned char *wire, size_t len)
{
	*reply = (struct sts_reply){.status = header_status(wire, len)};
	if (reply->status != STS_OK)
		return;
	if (type == STS_TYPE_TXT)
		reply->status = parse_txt(reply, wire, (int)len);
	else if (type == STS_TYPE_MX)
		reply->status = parse_mx(reply, wire, (int)len);
	else if (type == STS_TYPE_TLSA)
		reply->status = count_tlsa(reply, wire, len);
	else if (type == STS_TYPE_A || type == STS_TYPE_AAAA)
		reply->status = parse_addresses(reply, type, wire, (int)len);
	/* An alias that the server did not follow (RFC 1034 3.6.2). */
	if (reply->status == STS_DNS_NODATA && !is_recursive(wire))
		reply->status = STS_DNS_SERVFAIL;
	if (reply->status != STS_OK)
		reply->count = 0;
}
