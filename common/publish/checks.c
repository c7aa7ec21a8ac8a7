/* SPDX-License-Identifier: ISC */
#include "publish/checks.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/record.h"

enum { SHOWN_MAX = 100, HTTP_OK = 200 };

const char *
sts_publish_part_name(enum sts_publish_part part)
{
	static const char *const names[STS_PART_COUNT] = {
	    [STS_PART_RECORD] = "record",
	    [STS_PART_HOST] = "host",
	    [STS_PART_POLICY] = "policy",
	    [STS_PART_MX] = "mx",
	    [STS_PART_REPORTS] = "reports"};

	return names[part];
}

const char *
sts_publish_severity_name(enum sts_publish_severity severity)
{
	return severity == STS_PUBLISH_PROBLEM ? "problem" : "remark";
}

bool
sts_checks_is_answer(enum sts_status status)
{
	return status == STS_OK || status == STS_DNS_NXDOMAIN ||
	    status == STS_DNS_NODATA;
}

int
sts_checks_shown(size_t len)
{
	return len > SHOWN_MAX ? SHOWN_MAX : (int)len;
}

bool
sts_checks_is_old_tls(const char *detail)
{
	return strstr(detail, "protocol version") != NULL ||
	    strstr(detail, "unsupported protocol") != NULL;
}

/* Appends to buf[STS_CHECKS_TEXT] as much as fits. */
static size_t
append(char *buf, size_t used, const char *text, size_t len)
{
	size_t room = STS_CHECKS_TEXT - 1 - used;

	if (len > room)
		len = room;
	memcpy(buf + used, text, len);
	buf[used + len] = '\0';
	return used + len;
}

/* Writes a fix with its names. */
static void
fill_in(char buf[STS_CHECKS_TEXT], const char *fix, const char *domain,
    const char *host)
{
	size_t used = 0;

	buf[0] = '\0';
	while (*fix != '\0') {
		if (strncmp(fix, "DOMAIN", 6) == 0) {
			used = append(buf, used, domain, strlen(domain));
			fix += 6;
		} else if (strncmp(fix, "HOST", 4) == 0) {
			used = append(buf, used, host, strlen(host));
			fix += 4;
		} else
			used = append(buf, used, fix++, 1);
	}
}

void
sts_checks_found(const struct sts_checks *c, const struct sts_checks_rule *rule,
    const char *subject, const char *format, ...)
{
	char cause[STS_CHECKS_TEXT], fix[STS_CHECKS_TEXT];
	struct sts_publish_finding finding = {.severity = rule->severity,
	    .part = rule->part,
	    .token = rule->token,
	    .subject = subject,
	    .cause = cause,
	    .fix = fix};
	va_list args;

	va_start(args, format);
	if (vsnprintf(cause, sizeof(cause), format, args) < 0)
		cause[0] = '\0';
	va_end(args);
	fill_in(fix, rule->fix, c->p->domain, subject);
	c->found(c->arg, &finding);
}

enum sts_status
sts_published_id(const struct sts_published *p, char *id)
{
	const struct sts_published_txt *set = &p->txt[STS_AT_RECORD];

	id[0] = '\0';
	if (!set->asked)
		return STS_NO_RECORD;
	if (!sts_checks_is_answer(set->status))
		return set->status;
	return sts_record_sts(set->record, set->count, id);
}

enum sts_status
sts_published_reports(const struct sts_published *p, struct sts_rua_list *list)
{
	const struct sts_published_txt *set = &p->txt[STS_AT_REPORTS];

	memset(list, 0, sizeof(*list));
	if (!set->asked)
		return STS_NO_RECORD;
	if (!sts_checks_is_answer(set->status))
		return set->status;
	return sts_record_tlsrpt(set->record, set->count, list);
}

bool
sts_published_policy(const struct sts_published *p, struct sts_policy *policy)
{
	const struct sts_published_page *page = &p->page[STS_URL_POLICY];

	return page->asked && page->status == STS_OK && page->http == HTTP_OK &&
	    page->body != NULL && !page->cut && !page->large &&
	    sts_policy_parse(policy, page->body, page->body_len, NULL, NULL) ==
	    STS_OK;
}
