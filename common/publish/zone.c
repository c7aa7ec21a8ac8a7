/* SPDX-License-Identifier: ISC */
#include "publish/zone.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/cursor.h"
#include "core/domain.h"

enum {
	STAMP_DIGITS = 14,
	POLICY_DIGITS = 8,
	STRING_MAX = 255 /* of a TXT record: its length is one byte */
};

/* FNV-1a, 32 bits. */
static uint32_t
hash(const char *text)
{
	uint32_t number = 2166136261U;

	for (; *text != '\0'; text++)
		number = (number ^ (unsigned char)*text) * 16777619U;
	return number;
}

/*
 * A sum, as the order of the patterns does not matter.  The number stands in
 * the DNS of others, so how it is made must never change.
 */
static uint32_t
number_of(const struct sts_draft *draft)
{
	char head[64];
	uint32_t number;

	(void)snprintf(head, sizeof(head), "%s %lld",
	    sts_mode_name(draft->mode), (long long)draft->max_age);
	number = hash(head);
	for (size_t i = 0; i < draft->mx_count; i++)
		number += hash(draft->mx[i]);
	return number;
}

void
sts_zone_new_id(
    const struct sts_draft *draft, int64_t now, char id[STS_ID_MAX + 1])
{
	char at[STS_TIME_TEXT], stamp[STS_TIME_TEXT];
	size_t len = 0;

	/* "2026-11-22T13:14:15Z" without all that is no digit. */
	for (const char *p = sts_time_text(at, now); *p != '\0'; p++)
		if (*p >= '0' && *p <= '9')
			stamp[len++] = *p;
	stamp[len] = '\0';
	(void)snprintf(id, STS_ID_MAX + 1, "%.*s%08lx", STAMP_DIGITS, stamp,
	    (unsigned long)number_of(draft));
}

static bool
is_made_here(const char *id)
{
	return strlen(id) == STAMP_DIGITS + POLICY_DIGITS &&
	    strspn(id, "0123456789") >= STAMP_DIGITS &&
	    strspn(id + STAMP_DIGITS, "0123456789abcdef") == POLICY_DIGITS;
}

enum sts_zone_id
sts_zone_judge_id(const char *id, const struct sts_draft *draft)
{
	char number[POLICY_DIGITS + 1];

	if (!is_made_here(id))
		return STS_ZONE_ID_FOREIGN;
	(void)snprintf(
	    number, sizeof(number), "%08lx", (unsigned long)number_of(draft));
	return strcmp(id + STAMP_DIGITS, number) == 0 ? STS_ZONE_ID_OF_THIS
						      : STS_ZONE_ID_OF_OTHER;
}

static void
put_string(FILE *out, const char *bytes, size_t len)
{
	(void)putc('"', out);
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)bytes[i];

		if (c == '"' || c == '\\')
			(void)fprintf(out, "\\%c", c);
		else if (c < ' ' || c > '~')
			(void)fprintf(out, "\\%03u", c);
		else
			(void)putc(c, out);
	}
	(void)putc('"', out);
}

void
sts_zone_txt(FILE *out, const char *name, const char *value)
{
	size_t len = strlen(value);

	(void)fprintf(out, "%s. %d IN TXT ", name, STS_ZONE_TTL);
	for (; len > STRING_MAX; value += STRING_MAX, len -= STRING_MAX) {
		put_string(out, value, STRING_MAX);
		(void)putc(' ', out);
	}
	put_string(out, value, len);
	(void)putc('\n', out);
}

const char *
sts_zone_host_type(const char *target)
{
	unsigned char address[sizeof(struct in6_addr)];
	char host[STS_NAME_MAX + 1];

	if (inet_pton(AF_INET, target, address) == 1)
		return "A";
	if (inet_pton(AF_INET6, target, address) == 1)
		return "AAAA";
	return sts_domain_normalise(target, host) == STS_OK ? "CNAME" : NULL;
}

void
sts_zone_host(FILE *out, const char *name, const char *target)
{
	const char *type = sts_zone_host_type(target);
	char host[STS_NAME_MAX + 1];

	if (type == NULL)
		return;
	(void)fprintf(out, "%s. %d IN %s ", name, STS_ZONE_TTL, type);
	if (strcmp(type, "CNAME") != 0)
		(void)fprintf(out, "%s\n", target);
	else if (sts_domain_normalise(target, host) == STS_OK)
		(void)fprintf(out, "%s.\n", host);
}

/* Appends one destination; false: there is no room. */
static bool
append(char *value, struct sts_span one, bool first)
{
	size_t used = strlen(value);
	bool has_scheme = memchr(one.p, ':', one.len) != NULL;
	int len = snprintf(value + used, STS_TLSRPT_MAX + 1 - used, "%s%s%.*s",
	    first ? "" : ",", has_scheme ? "" : "mailto:", (int)one.len, one.p);

	return len > 0 && (size_t)len <= STS_TLSRPT_MAX - used;
}

enum sts_status
sts_zone_reports(const char *destinations, char value[STS_TLSRPT_MAX + 1])
{
	struct sts_rua_list list;
	struct sts_span record;
	size_t count = 0;
	enum sts_status status;

	(void)snprintf(value, STS_TLSRPT_MAX + 1, "v=TLSRPTv1; rua=");
	for (const char *p = destinations; p != NULL; count++) {
		size_t len = strcspn(p, ",");

		if (!append(value, (struct sts_span){p, len}, count == 0))
			return STS_RECORD_BAD_RUA;
		p = p[len] == ',' ? p + len + 1 : NULL;
	}
	record = (struct sts_span){value, strlen(value)};
	status = sts_record_tlsrpt(&record, 1, &list);
	if (status != STS_OK || list.unusable > 0 || list.count != count)
		return STS_RECORD_BAD_RUA;
	return STS_OK;
}
