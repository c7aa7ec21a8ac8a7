/* SPDX-License-Identifier: ISC */
/* Absences: looked up, nothing there, and how long that holds. */
#include "store/file.h"

#include <stdlib.h>
#include <string.h>

#include "core/domain.h"

#define TITLE "mta-sts absence 1"

enum { ABSENCE_LIFE_MAX = 86400 }; /* the longest negative-ttl */

static bool
parse_absence(const char *text, size_t len, struct sts_absence *a)
{
	struct sts_cursor c = sts_cursor_make(text, len);

	return sts_text_title(&c, TITLE) &&
	       sts_text_string(&c, "domain", a->domain, sizeof(a->domain)) &&
	       sts_text_number(&c, "recorded", &a->recorded) &&
	       sts_text_number(&c, "until", &a->until) &&
	       sts_text_status(&c, "reason", &a->reason) &&
	       sts_text_string(&c, "id", a->id, sizeof(a->id)) &&
	       sts_text_number(&c, "used", &a->used) &&
	       sts_cursor_left(&c) == 0;
}

/* Only what the network answered may stand for "no policy". */
static bool
is_sound(const struct sts_absence *a, const char *domain)
{
	enum sts_class class = sts_status_class(a->reason);

	return strcmp(a->domain, domain) == 0 && sts_text_is_id(a->id) &&
	       (class == STS_CLASS_RECORD || class == STS_CLASS_DNS ||
		   class == STS_CLASS_FETCH || class == STS_CLASS_POLICY);
}

/* As for policies; a clamped absence still answers where nothing else can. */
static void
clamp_to_now(struct sts_absence *a, int64_t now)
{
	int64_t life = a->until - a->recorded;

	if (life > ABSENCE_LIFE_MAX)
		life = ABSENCE_LIFE_MAX;
	if (a->recorded > now) {
		a->recorded = now;
		a->unsure = true;
	}
	a->until = a->recorded + life;
	if (a->used > now)
		a->used = now;
}

enum sts_status
sts_store_read_absence(struct sts_store *store, const char *domain, int64_t now,
    struct sts_absence *absence)
{
	enum sts_status status;
	size_t len;
	char *text;

	memset(absence, 0, sizeof(*absence));
	status = sts_file_read(store, STS_KIND_ABSENCE, domain, &text, &len);
	if (status != STS_OK)
		return status == STS_ENTRY_CORRUPT ? STS_NOT_FOUND : status;
	if (!parse_absence(text, len, absence) || !is_sound(absence, domain)) {
		memset(absence, 0, sizeof(*absence));
		status = STS_NOT_FOUND;
	} else
		clamp_to_now(absence, now);
	free(text);
	return status;
}

bool
sts_absence_is_live(const struct sts_absence *absence, int64_t now)
{
	return absence->domain[0] != '\0' && now < absence->until;
}

bool
sts_absence_is_fresh(const struct sts_absence *absence, int64_t now)
{
	return sts_absence_is_live(absence, now) && !absence->unsure &&
	       absence->id[0] == '\0';
}

enum sts_status
sts_store_write_absence(
    struct sts_store *store, const struct sts_absence *absence)
{
	char buf[STS_NAME_MAX + 300];
	struct sts_text text = {buf, sizeof(buf), 0, false};

	if (!sts_domain_is_normalised(absence->domain) ||
	    !is_sound(absence, absence->domain))
		return STS_INTERNAL;
	sts_text_add(&text, TITLE "\ndomain: %s\n", absence->domain);
	sts_text_add(&text, "recorded: %lld\nuntil: %lld\nreason: %s\n",
	    (long long)absence->recorded, (long long)absence->until,
	    sts_status_name(absence->reason));
	sts_text_add(&text, "id: %s\nused: %lld\n", absence->id,
	    (long long)absence->used);
	return text.full ? STS_INTERNAL
			 : sts_file_write(store, STS_KIND_ABSENCE,
			       absence->domain, buf, text.len, false);
}

enum sts_status
sts_store_drop_absence(struct sts_store *store, const char *domain)
{
	return sts_file_remove(store, STS_KIND_ABSENCE, domain);
}
