/* SPDX-License-Identifier: ISC */
/* Policies: the format of a file in policies/, and when a policy counts. */
#include "store/file.h"

#include <stdlib.h>
#include <string.h>

#include "base/minmax.h"
#include "core/domain.h"
#include "core/due.h"
#include "store/lock.h"

#define TITLE "mta-sts policy 2"

/* The header lines, in the order in which format_entry writes them. */
static bool
parse_header(struct sts_cursor *c, struct sts_entry *e)
{
	return sts_text_title(c, TITLE) &&
	    sts_text_string(c, "domain", e->domain, sizeof(e->domain)) &&
	    sts_text_string(c, "id", e->id, sizeof(e->id)) &&
	    sts_text_number(c, "fetched", &e->fetched) &&
	    sts_text_number(c, "fetched-us", &e->fetched_us) &&
	    sts_text_number(c, "expires", &e->expires);
}

/* The rest of the file is the policy. */
static enum sts_status
parse_body(struct sts_cursor *c, struct sts_entry *e)
{
	e->body_len = sts_cursor_left(c);
	if (e->body_len > STS_BODY_MAX)
		return STS_ENTRY_CORRUPT;
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

	if (!parse_header(&c, e) || strcmp(e->domain, domain) != 0 ||
	    !sts_text_is_id(e->id) || e->fetched_us > 999999)
		return STS_ENTRY_CORRUPT;
	return parse_body(&c, e);
}

/*
 * A clock that jumps must neither prolong a policy nor discard it: a `fetched`
 * in the future becomes now, and the policy's lifetime counts from there.
 */
static void
clamp_to_now(struct sts_entry *e, int64_t now)
{
	int64_t life = e->expires - e->fetched;

	if (life > STS_MAX_AGE_LIMIT)
		life = STS_MAX_AGE_LIMIT;
	e->stored = e->fetched;
	e->unsure = e->fetched > now;
	if (e->unsure)
		e->fetched = now;
	e->expires = e->fetched + life;
}

/* As in the file, times included. */
static enum sts_status
read_raw(struct sts_store *store, const char *domain, struct sts_entry *entry)
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
	if (status != STS_OK)
		sts_entry_free(entry);
	return status;
}

enum sts_status
sts_store_read_policy(struct sts_store *store, const char *domain, int64_t now,
    struct sts_entry *entry)
{
	enum sts_status status = read_raw(store, domain, entry);

	if (status == STS_OK)
		clamp_to_now(entry, now);
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
sts_entry_is_fresh(const struct sts_entry *entry, const struct sts_check *check,
    int64_t now, int64_t recheck)
{
	int64_t since = entry->unsure ? 0 : entry->fetched;

	if (!sts_entry_is_live(entry, now))
		return false;
	if (!check->unsure && check->checked >= since) {
		since = check->checked;
		if (now >= check->next_check)
			return false;
	}
	return since > 0 && now - since < recheck;
}

bool
sts_entry_wants_refresh(const struct sts_entry *entry,
    const struct sts_check *check, int64_t now, int64_t refresh_after)
{
	if (!sts_entry_is_live(entry, now) ||
	    (!entry->unsure &&
		now <
		    sts_due_at(entry->fetched, entry->expires, refresh_after)))
		return false;
	return check->unsure || check->failed_reason == STS_OK ||
	    now >= check->failed_next;
}

/* The patterns of a policy, to leave out duplicates. */
struct pattern {
	size_t number; /* in the order of the file */
	char text[STS_PATTERN_MAX + 1];
};

static int
by_text(const void *a, const void *b)
{
	const struct pattern *x = a, *y = b;
	int order = strcmp(x->text, y->text);

	if (order != 0)
		return order;
	return (x->number > y->number) - (x->number < y->number);
}

static int
by_number(const void *a, const void *b)
{
	const struct pattern *x = a, *y = b;

	return (x->number > y->number) - (x->number < y->number);
}

/* Keeps the first of equal patterns, in file order; returns their number. */
static size_t
make_distinct(struct pattern *list, size_t count)
{
	size_t kept = 0;

	qsort(list, count, sizeof(*list), by_text);
	for (size_t i = 0; i < count; i++) {
		if (kept == 0 || strcmp(list[kept - 1].text, list[i].text) != 0)
			list[kept++] = list[i];
	}
	qsort(list, kept, sizeof(*list), by_number);
	return kept;
}

/* Writes the policy in the form of 3.2 into text. */
static enum sts_status
render(struct sts_text *text, const struct sts_policy *policy)
{
	struct pattern *list = calloc(policy->mx_count + 1, sizeof(*list));
	struct sts_mx_walk walk = {0};
	size_t count = 0;

	if (list == NULL)
		return STS_NO_MEMORY;
	while (count < policy->mx_count &&
	    sts_policy_mx_next(policy, &walk, list[count].text)) {
		list[count].number = count;
		count++;
	}
	count = make_distinct(list, count);
	sts_text_add(text, "version: STSv1\nmode: %s\nmax_age: %lld\n",
	    sts_mode_name(policy->mode), (long long)policy->max_age);
	for (size_t i = 0; i < count; i++)
		sts_text_add(text, "mx: %s\n", list[i].text);
	free(list);
	return text->full ? STS_INTERNAL : STS_OK;
}

enum sts_status
sts_entry_make(struct sts_entry *entry, const char *domain, const char *id,
    const struct sts_policy *policy, int64_t fetched, int64_t fetched_us,
    int64_t recheck)
{
	int64_t life = sts_max(policy->max_age, recheck);
	/* Room for the rest; the patterns are no longer than in the body. */
	struct sts_text text = {NULL, policy->body_len + 200, 0, false};
	enum sts_status status;

	memset(entry, 0, sizeof(*entry));
	if (strlen(domain) >= sizeof(entry->domain) ||
	    strlen(id) >= sizeof(entry->id))
		return STS_INTERNAL;
	if ((text.buf = malloc(text.size)) == NULL)
		return STS_NO_MEMORY;
	status = render(&text, policy);
	entry->body = text.buf;
	entry->body_len = text.len;
	if (status == STS_OK &&
	    sts_policy_parse(&entry->policy, entry->body, entry->body_len, NULL,
		NULL) != STS_OK)
		status = STS_INTERNAL;
	if (status != STS_OK) {
		sts_entry_free(entry);
		return status;
	}
	memcpy(entry->domain, domain, strlen(domain) + 1);
	memcpy(entry->id, id, strlen(id) + 1);
	entry->fetched = fetched;
	entry->fetched_us = fetched_us;
	entry->expires = fetched + life;
	return STS_OK;
}

static enum sts_status
write_entry(struct sts_store *store, const struct sts_entry *e)
{
	struct sts_text text = {NULL, STS_FILE_MAX, 0, false};
	enum sts_status status;
	struct sts_policy policy;

	/* Never write what a reader would not accept. */
	if (!sts_domain_is_normalised(e->domain) || e->body == NULL ||
	    !sts_text_is_id(e->id) || e->fetched_us < 0 ||
	    e->fetched_us > 999999 ||
	    sts_policy_parse(&policy, e->body, e->body_len, NULL, NULL) !=
		STS_OK)
		return STS_INTERNAL;
	if ((text.buf = malloc(text.size)) == NULL)
		return STS_NO_MEMORY;
	sts_text_add(&text, TITLE "\ndomain: %s\nid: %s\n", e->domain, e->id);
	sts_text_add(&text, "fetched: %lld\nfetched-us: %lld\nexpires: %lld\n",
	    (long long)e->fetched, (long long)e->fetched_us,
	    (long long)e->expires);
	sts_text_add_bytes(&text, e->body, e->body_len);
	status = text.full ? STS_INTERNAL
			   : sts_file_write(store, STS_KIND_POLICY, e->domain,
				 text.buf, text.len, STS_WRITE_DURABLE);
	free(text.buf);
	return status;
}

/* Of two fetches within one microsecond the first counts. */
static bool
is_later(const struct sts_entry *a, const struct sts_entry *b)
{
	if (a->fetched != b->fetched)
		return a->fetched > b->fetched;
	return a->fetched_us >= b->fetched_us;
}

/* A damaged file is replaced; one from the future does not count as newer. */
static enum sts_status
swap_entry(struct sts_store *store, const struct sts_entry *entry, int64_t now,
    bool *replaced)
{
	struct sts_entry there;
	enum sts_status status = read_raw(store, entry->domain, &there);
	bool stays = false;

	if (status == STS_OK) {
		stays = there.fetched <= now && is_later(&there, entry);
		sts_entry_free(&there);
	} else if (status == STS_NO_MEMORY || status == STS_NO_DESCRIPTORS)
		return status;
	*replaced = !stays;
	return stays ? STS_OK : write_entry(store, entry);
}

enum sts_status
sts_store_write_policy(struct sts_store *store, const struct sts_entry *entry,
    int64_t now, bool *replaced)
{
	enum sts_status status;
	bool held;

	*replaced = false;
	if ((status = sts_write_lock(store, entry->domain, &held)) != STS_OK)
		return status;
	status = swap_entry(store, entry, now, replaced);
	if (held)
		sts_write_unlock(store, entry->domain);
	if (status != STS_OK)
		*replaced = false;
	return status;
}

static bool
is_same(const struct sts_entry *there, const struct sts_entry *entry)
{
	return there->fetched == entry->stored &&
	    there->fetched_us == entry->fetched_us &&
	    strcmp(there->id, entry->id) == 0;
}

enum sts_status
sts_store_remove_policy(struct sts_store *store, const struct sts_entry *entry)
{
	struct sts_entry there;
	enum sts_status status;
	bool held;

	if ((status = sts_write_lock(store, entry->domain, &held)) != STS_OK)
		return status;
	status = read_raw(store, entry->domain, &there);
	if (status == STS_OK) {
		status = is_same(&there, entry)
		    ? sts_file_remove(store, STS_KIND_POLICY, entry->domain)
		    : STS_NOT_FOUND;
		sts_entry_free(&there);
	}
	if (held)
		sts_write_unlock(store, entry->domain);
	return status;
}
