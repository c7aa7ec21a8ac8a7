/* SPDX-License-Identifier: ISC */
#include "store/import.h"

#include "store/file.h"
#include "store/lock.h"

static bool
is_later(const struct sts_entry *a, const struct sts_entry *b)
{
	if (a->fetched != b->fetched)
		return a->fetched > b->fetched;
	return a->fetched_us > b->fetched_us;
}

static bool
is_weaker(const struct sts_entry *a, const struct sts_entry *b)
{
	return a->policy.mode < b->policy.mode || a->expires < b->expires;
}

static bool
count_file(void *arg, const char *domain)
{
	int64_t *count = arg;

	(void)domain;
	++*count;
	return true;
}

/* As trim.c counts, so that the next trim has nothing to remove for it. */
static bool
has_room(struct sts_importer *im, const char *domain)
{
	unsigned bucket = sts_file_bucket(domain);
	int64_t *count = &im->count[bucket];

	if (*count == 0) {
		*count = 1;
		(void)sts_store_walk_bucket(
		    im->store, STS_KIND_POLICY, bucket, count_file, count);
	}
	return *count - 1 <
	    (im->max + STS_STORE_BUCKETS - 1) / STS_STORE_BUCKETS;
}

static enum sts_status
add(struct sts_importer *im, const struct sts_entry *entry, bool is_new,
    enum sts_import *what)
{
	enum sts_status status;
	bool replaced = false;

	*what = STS_IMPORT_NO_ROOM;
	if (is_new && !has_room(im, entry->domain))
		return STS_OK;
	status = sts_store_write_policy(im->store, entry, im->now, &replaced);
	*what = replaced ? STS_IMPORT_TAKEN : STS_IMPORT_NOT_NEWER;
	im->count[sts_file_bucket(entry->domain)] += replaced && is_new;
	return status;
}

/* With the domain's write lock. */
static enum sts_status
compare(struct sts_importer *im, const struct sts_entry *entry,
    bool from_future, enum sts_import *what)
{
	struct sts_entry there;
	enum sts_status status =
	    sts_store_read_policy(im->store, entry->domain, im->now, &there);

	*what = STS_IMPORT_DAMAGED;
	if (status == STS_NOT_FOUND)
		return add(im, entry, true, what);
	if (status != STS_OK)
		return status == STS_ENTRY_CORRUPT ? STS_OK : status;
	if (!sts_entry_is_live(&there, im->now) && !from_future)
		status = add(im, entry, false, what);
	else if (from_future || !is_later(entry, &there))
		*what = STS_IMPORT_NOT_NEWER;
	else if (is_weaker(entry, &there))
		*what = STS_IMPORT_WEAKER;
	else
		status = add(im, entry, false, what);
	sts_entry_free(&there);
	return status;
}

enum sts_status
sts_import_policy(struct sts_importer *importer, struct sts_entry *entry,
    enum sts_import *what)
{
	bool from_future = entry->fetched > importer->now;
	enum sts_status status;
	bool held;

	if (from_future) {
		entry->fetched = importer->now;
		entry->fetched_us = 0;
	}
	entry->expires = entry->fetched + entry->policy.max_age;
	*what = STS_IMPORT_EXPIRED;
	if (!sts_entry_is_live(entry, importer->now))
		return STS_OK;
	*what = STS_IMPORT_WEAKER;
	if (entry->policy.mode == STS_MODE_NONE)
		return STS_OK;
	status = sts_write_lock(importer->store, entry->domain, &held);
	if (status != STS_OK)
		return status;
	status = compare(importer, entry, from_future, what);
	if (held)
		sts_write_unlock(importer->store, entry->domain);
	return status;
}
