/* SPDX-License-Identifier: ISC */
/* Policy entries: the format of a file in policies/, and what it counts for. */
#include "store/file.h"

#include <stdlib.h>
#include <string.h>

#include "core/domain.h"

#define TITLE "mta-sts policy 1"

/* The header lines, in the order in which format_entry writes them. */
static bool
parse_header(struct sts_cursor *c, struct sts_entry *e, int64_t *body_bytes)
{
	return sts_text_title(c, TITLE) &&
	       sts_text_string(c, "domain", e->domain, sizeof(e->domain)) &&
	       sts_text_string(c, "id", e->id, sizeof(e->id)) &&
	       sts_text_number(c, "fetched", &e->fetched) &&
	       sts_text_number(c, "expires", &e->expires) &&
	       sts_text_number(c, "checked", &e->checked) &&
	       sts_text_number(c, "next-check", &e->next_check) &&
	       sts_text_number(c, "used", &e->used) &&
	       sts_text_string(
		   c, "failed-id", e->failed_id, sizeof(e->failed_id)) &&
	       sts_text_number(c, "failed-at", &e->failed_at) &&
	       sts_text_number(c, "failed-next", &e->failed_next) &&
	       sts_text_status(c, "failed-reason", &e->failed_reason) &&
	       sts_text_number(c, "body-bytes", body_bytes) &&
	       sts_cursor_byte(c, '\n');
}

/* The body and the line feed that separates it from the checksum. */
static enum sts_status
parse_body(struct sts_cursor *c, struct sts_entry *e, int64_t body_bytes)
{
	if (body_bytes < 0 || body_bytes > STS_BODY_MAX ||
	    sts_cursor_left(c) != (size_t)body_bytes + 1 ||
	    c->p[body_bytes] != '\n')
		return STS_ENTRY_CORRUPT;
	e->body_len = (size_t)body_bytes;
	if ((e->body = malloc(e->body_len + 1)) == NULL)
		return STS_NO_MEMORY;
	memcpy(e->body, c->p, e->body_len);
	e->body[e->body_len] = '\0';
	return sts_policy_parse(&e->policy, e->body, e->body_len, NULL, NULL) ==
		       STS_OK
		   ? STS_OK
		   : STS_ENTRY_CORRUPT;
}

static enum sts_status
parse_entry(
    const char *text, size_t len, const char *domain, struct sts_entry *e)
{
	struct sts_cursor c = sts_cursor_make(text, len);
	int64_t body_bytes;

	if (!parse_header(&c, e, &body_bytes) ||
	    strcmp(e->domain, domain) != 0 || !sts_text_is_id(e->id) ||
	    !sts_text_is_id(e->failed_id))
		return STS_ENTRY_CORRUPT;
	return parse_body(&c, e, body_bytes);
}

/*
 * A clock that jumps must neither prolong a policy beyond what its host said
 * nor throw it away: times in the future become now, and what they allowed
 * from then on counts from now.
 */
static void
clamp_to_now(struct sts_entry *e, int64_t now)
{
	int64_t life = e->expires - e->fetched;

	if (life > STS_MAX_AGE_LIMIT)
		life = STS_MAX_AGE_LIMIT;
	if (e->fetched > now || e->checked > now) {
		e->checked = 0;
		e->next_check = 0;
		e->unsure = true;
	}
	if (e->fetched > now)
		e->fetched = now;
	e->expires = e->fetched + life;
	if (e->used > now)
		e->used = now;
	if (e->failed_at > now)
		e->failed_next = e->failed_at = 0;
}

enum sts_status
sts_store_read_policy(struct sts_store *store, const char *domain, int64_t now,
    struct sts_entry *entry)
{
	enum sts_status status;
	size_t len;
	char *text;

	memset(entry, 0, sizeof(*entry));
	status = sts_file_read(store, STS_KIND_POLICY, domain, &text, &len);
	if (status != STS_OK)
		return status;
	status = parse_entry(text, len, domain, entry);
	free(text);
	if (status == STS_OK)
		clamp_to_now(entry, now);
	else
		sts_entry_free(entry);
	return status;
}

void
sts_entry_free(struct sts_entry *entry)
{
	free(entry->body);
	memset(entry, 0, sizeof(*entry));
}

bool
sts_entry_is_live(const struct sts_entry *entry, int64_t now)
{
	return entry->body != NULL && now < entry->expires;
}

bool
sts_entry_is_fresh(const struct sts_entry *entry, int64_t now, int64_t recheck)
{
	return sts_entry_is_live(entry, now) && entry->checked > 0 &&
	       entry->checked <= now && now < entry->next_check &&
	       now - entry->checked < recheck;
}

static void
format_entry(struct sts_text *text, const struct sts_entry *e)
{
	sts_text_add(text, TITLE "\ndomain: %s\nid: %s\n", e->domain, e->id);
	sts_text_add(text, "fetched: %lld\nexpires: %lld\nchecked: %lld\n",
	    (long long)e->fetched, (long long)e->expires,
	    (long long)e->checked);
	sts_text_add(text, "next-check: %lld\nused: %lld\n",
	    (long long)e->next_check, (long long)e->used);
	sts_text_add(text, "failed-id: %s\nfailed-at: %lld\n", e->failed_id,
	    (long long)e->failed_at);
	sts_text_add(text, "failed-next: %lld\nfailed-reason: %s\n",
	    (long long)e->failed_next, sts_status_name(e->failed_reason));
	sts_text_add(text, "body-bytes: %zu\n\n", e->body_len);
	sts_text_add_bytes(text, e->body, e->body_len);
	sts_text_add_bytes(text, "\n", 1);
}

enum sts_status
sts_store_write_policy(
    struct sts_store *store, const struct sts_entry *entry, bool durable)
{
	struct sts_text text = {NULL, STS_FILE_MAX, 0, false};
	enum sts_status status;
	struct sts_policy policy;

	/* What a reader would not believe is never written. */
	if (!sts_domain_is_normalised(entry->domain) || entry->body == NULL ||
	    sts_policy_parse(
		&policy, entry->body, entry->body_len, NULL, NULL) != STS_OK)
		return STS_INTERNAL;
	if ((text.buf = malloc(text.size)) == NULL)
		return STS_NO_MEMORY;
	format_entry(&text, entry);
	status = text.full ? STS_INTERNAL
			   : sts_file_write(store, STS_KIND_POLICY,
				 entry->domain, text.buf, text.len, durable);
	free(text.buf);
	return status;
}
