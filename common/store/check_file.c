/* SPDX-License-Identifier: ISC */
/* Checks: the result of a domain's last check, and how long it counts. */
#include "store/file.h"

#include <stdlib.h>
#include <string.h>

#include "core/domain.h"
#include "core/due.h"

#define TITLE "mta-sts check 1"

enum {
	NONE_LIFE_MAX = 86400, /* the longest negative-ttl */
	TLSRPT_LIFE_MAX = 86400
};

/* The number fields, in the order of the file. */
static const struct number {
	const char *key;
	size_t offset;
} numbers[] = {
    {"checked", offsetof(struct sts_check, checked)},
    {"next-check", offsetof(struct sts_check, next_check)},
    {"until", offsetof(struct sts_check, until)},
    {"failed-since", offsetof(struct sts_check, failed_since)},
    {"failed-next", offsetof(struct sts_check, failed_next)},
    {"failures", offsetof(struct sts_check, failures)},
    {"refetched", offsetof(struct sts_check, refetched)},
    {"warned", offsetof(struct sts_check, warned)},
    {"used", offsetof(struct sts_check, used)},
    {"used-days", offsetof(struct sts_check, used_days)},
    {"unused", offsetof(struct sts_check, unused)},
};

enum { NUMBERS = sizeof(numbers) / sizeof(numbers[0]) };

/* Two more lines, if TLS reports were wanted when it was written. */
static bool
parse_tlsrpt(struct sts_cursor *c, struct sts_check *check)
{
	return sts_text_number(c, "tlsrpt-next", &check->tlsrpt_next) &&
	    check->tlsrpt_next > 0 &&
	    sts_text_string(
		c, "tlsrpt", check->tlsrpt, sizeof(check->tlsrpt)) &&
	    sts_cursor_left(c) == 0;
}

static bool
parse_check(const char *text, size_t len, struct sts_check *check)
{
	struct sts_cursor c = sts_cursor_make(text, len);

	if (!sts_text_title(&c, TITLE) ||
	    !sts_text_string(
		&c, "domain", check->domain, sizeof(check->domain)) ||
	    !sts_text_status(&c, "reason", &check->reason) ||
	    !sts_text_string(
		&c, "failed-id", check->failed_id, sizeof(check->failed_id)) ||
	    !sts_text_status(&c, "failed-reason", &check->failed_reason))
		return false;
	for (size_t i = 0; i < NUMBERS; i++) {
		if (!sts_text_number(&c, numbers[i].key,
			(int64_t *)(void *)((char *)check + numbers[i].offset)))
			return false;
	}
	return sts_cursor_left(&c) == 0 || parse_tlsrpt(&c, check);
}

/* An answer of the network or its lack, never a fault of this machine. */
static bool
is_of_network(enum sts_status reason)
{
	enum sts_class class = sts_status_class(reason);

	return class == STS_CLASS_RECORD || class == STS_CLASS_DNS ||
	    class == STS_CLASS_FETCH || class == STS_CLASS_POLICY;
}

static bool
is_tlsrpt(const char *text)
{
	struct sts_span record = {text, strlen(text)};
	struct sts_rua_list list;

	return record.len == 0 ||
	    sts_record_tlsrpt(&record, 1, &list) == STS_OK;
}

static bool
is_sound(const struct sts_check *c, const char *domain)
{
	return is_tlsrpt(c->tlsrpt) && strcmp(c->domain, domain) == 0 &&
	    sts_text_is_id(c->failed_id) &&
	    (c->reason == STS_OK || is_of_network(c->reason)) &&
	    (c->failed_reason == STS_OK || is_of_network(c->failed_reason));
}

/*
 * A clamped "no policy" counts for the rest of its time from now.  A back-off
 * from the future is dropped.
 */
static void
clamp_to_now(struct sts_check *c, int64_t now)
{
	int64_t life = c->until - c->checked;

	if (life > NONE_LIFE_MAX)
		life = NONE_LIFE_MAX;
	c->unsure = c->checked > now;
	if (c->unsure)
		c->checked = now;
	if (c->reason != STS_OK)
		c->until = c->checked + life;
	if (c->failed_since > now) {
		c->failed_since = now;
		c->failed_next = 0;
	}
	/* The clock was ahead at the last failure only. */
	if (c->failed_next > now + STS_FETCH_BACKOFF_MAX)
		c->failed_next = 0;
	if (c->used > now)
		c->used = now;
	if (c->refetched > now)
		c->refetched = 0;
	if (c->unused > now)
		c->unused = 0;
	if (c->warned > now)
		c->warned = 0;
	/* Due, which is not the same as "never queried". */
	if (c->tlsrpt_next > now + TLSRPT_LIFE_MAX)
		c->tlsrpt_next = 1;
}

enum sts_status
sts_store_read_check(struct sts_store *store, const char *domain, int64_t now,
    struct sts_check *check)
{
	enum sts_status status;
	size_t len;
	char *text;

	memset(check, 0, sizeof(*check));
	status = sts_file_read(store, STS_KIND_CHECK, domain, &text, &len);
	if (status != STS_OK)
		return status == STS_ENTRY_CORRUPT ? STS_NOT_FOUND : status;
	if (!parse_check(text, len, check) || !is_sound(check, domain)) {
		memset(check, 0, sizeof(*check));
		status = STS_NOT_FOUND;
	} else {
		clamp_to_now(check, now);
		check->found = true;
	}
	free(text);
	return status;
}

bool
sts_check_is_none(const struct sts_check *check, int64_t now)
{
	return check->reason != STS_OK && now < check->until;
}

bool
sts_check_is_fresh(const struct sts_check *check, int64_t now)
{
	enum sts_class class = sts_status_class(check->reason);

	return sts_check_is_none(check, now) && !check->unsure &&
	    class != STS_CLASS_FETCH && class != STS_CLASS_POLICY;
}

enum sts_status
sts_store_write_check(struct sts_store *store, const struct sts_check *check)
{
	char buf[STS_NAME_MAX + STS_TLSRPT_MAX + 1000];
	struct sts_text text = {buf, sizeof(buf), 0, false};

	if (!sts_domain_is_normalised(check->domain) ||
	    !is_sound(check, check->domain))
		return STS_INTERNAL;
	sts_text_add_bytes(&text, TITLE "\n", sizeof(TITLE));
	sts_text_add_field(&text, "domain", check->domain);
	sts_text_add_field(&text, "reason", sts_status_name(check->reason));
	sts_text_add_field(&text, "failed-id", check->failed_id);
	sts_text_add_field(
	    &text, "failed-reason", sts_status_name(check->failed_reason));
	for (size_t i = 0; i < NUMBERS; i++) {
		int64_t value;

		memcpy(&value, (const char *)check + numbers[i].offset,
		    sizeof(value));
		sts_text_add_number(
		    &text, numbers[i].key, value > 0 ? value : 0);
	}
	if (check->tlsrpt_next > 0) {
		sts_text_add_number(&text, "tlsrpt-next", check->tlsrpt_next);
		sts_text_add_field(&text, "tlsrpt", check->tlsrpt);
	}
	return text.full
	    ? STS_INTERNAL
	    : sts_file_write(store, STS_KIND_CHECK, check->domain, buf,
		  text.len, check->found ? STS_WRITE_IN_PLACE : STS_WRITE_NEW);
}

enum sts_status
sts_store_remove_check(struct sts_store *store, const char *domain)
{
	return sts_file_remove(store, STS_KIND_CHECK, domain);
}

/* A domain with a policy keeps its check, which records use and failures. */
void
sts_store_expire_check(struct sts_store *store, const char *domain, int64_t now)
{
	struct sts_check check;
	struct sts_entry entry;
	enum sts_status status;

	if (sts_store_read_check(store, domain, now, &check) == STS_OK &&
	    (check.reason == STS_OK || now < check.until))
		return;
	status = sts_store_read_policy(store, domain, now, &entry);
	if (status == STS_NOT_FOUND)
		(void)sts_store_remove_check(store, domain);
	else if (status == STS_OK)
		sts_entry_free(&entry);
}
