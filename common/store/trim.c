/* SPDX-License-Identifier: ISC */
/*
 * Limits the number of files of each kind.
 *
 * Each of 256 directories has 1/256 of the limit.  A large one is not read for
 * each file that is added but for one in 16, and, by a process that has read
 * it, not before that process has filled half of the room left.  When it is
 * full, a quarter of its files are removed at once.  So the cost of reading it
 * is shared by many.
 *
 * Names from outside must not displace what protects mail: policies without use
 * are removed first, and a live enforce policy that mail has used on two days
 * never.  If a directory has only such policies, a new one is enforced for its
 * lookup and removed by the next trimming.  A check stays as long as its
 * policy; of the others the oldest are removed first.
 *
 * Processes that find a directory full at the same time remove the same quarter
 * of it, not each its own: their order is the same, and what one finds gone
 * counts as removed.
 */
#include "store/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/minmax.h"
#include "core/domain.h"

enum { ONE_IN_MAX = 16, ROOM_SHARE = 2 };

/* In the order of removal; KEPT is never removed. */
enum rank { RANK_EXPIRED, RANK_NONE, RANK_USED_ONCE, RANK_OTHER, RANK_KEPT };

struct candidate {
	enum rank rank;
	int64_t time; /* the oldest is removed first; seconds, */
	int64_t part; /* and the part of that second, in the kind's own unit */
	char name[STS_NAME_MAX + 1];
	struct sts_entry ranked; /* of a policy, without its body */
};

static int
by_rank(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	if (x->time != y->time)
		return x->time < y->time ? -1 : 1;
	if (x->part != y->part)
		return x->part < y->part ? -1 : 1;
	return strcmp(x->name, y->name);
}

static enum rank
rank_live(const struct sts_entry *e, const struct sts_check *check)
{
	if (check->used_days < 2)
		return RANK_USED_ONCE;
	return e->policy.mode == STS_MODE_ENFORCE ? RANK_KEPT : RANK_OTHER;
}

/* False if it is gone: another process has just removed it. */
static bool
rank_policy(struct sts_store *store, struct candidate *c, int64_t now)
{
	struct sts_check check;
	struct sts_entry e;
	enum sts_status status;

	c->rank = RANK_KEPT;
	/* A damaged one is kept, as a fault for the operator to see. */
	if ((status = sts_store_read_policy(store, c->name, now, &e)) != STS_OK)
		return status != STS_NOT_FOUND;
	status = sts_store_read_check(store, c->name, now, &check);
	c->time = sts_max(check.used, e.fetched);
	c->part = c->time == e.fetched ? e.fetched_us : 0;
	if (!sts_entry_is_live(&e, now))
		c->rank = RANK_EXPIRED;
	else if (e.policy.mode == STS_MODE_NONE)
		c->rank = RANK_NONE;
	/* If its use cannot be read now, it stays. */
	else if (status == STS_OK || status == STS_NOT_FOUND)
		c->rank = rank_live(&e, &check);
	c->ranked = e;
	c->ranked.body = NULL;
	sts_entry_free(&e);
	return true;
}

/* Of the last write: there are thousands, and reading each finds no more. */
static void
set_age(struct candidate *c, int dir)
{
	struct stat st;

	if (fstatat(dir, c->name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		c->time = st.st_mtim.tv_sec;
		c->part = st.st_mtim.tv_nsec;
	}
	c->rank = RANK_OTHER;
}

/* Routes of a domain without a policy are useless. */
static void
rank_routes(struct sts_store *store, struct candidate *c, int dir)
{
	set_age(c, dir);
	if (sts_file_is_missing(store, STS_KIND_POLICY, c->name))
		c->rank = RANK_EXPIRED;
}

static size_t
count_files(DIR *dir)
{
	size_t count = 0;
	struct dirent *d;

	while ((d = readdir(dir)) != NULL)
		count += sts_domain_is_normalised(d->d_name);
	rewinddir(dir);
	return count;
}

/*
 * Fills `list` with up to `max` files and their ranks; returns the number.  The
 * file of `added` has not been read yet by its delivery.
 */
static size_t
list_files(struct sts_store *store, enum sts_kind kind, DIR *dir,
    const char *added, struct candidate *list, size_t max, int64_t now)
{
	size_t count = 0;
	struct dirent *d;

	while (count < max && (d = readdir(dir)) != NULL) {
		struct candidate *c = &list[count];

		sts_file_remove_stale(dirfd(dir), d->d_name);
		if (!sts_domain_is_normalised(d->d_name))
			continue;
		memcpy(c->name, d->d_name, strlen(d->d_name) + 1);
		if (kind == STS_KIND_CHECK)
			set_age(c, dirfd(dir));
		else if (kind == STS_KIND_POLICY) {
			if (!rank_policy(store, c, now))
				continue;
		} else
			rank_routes(store, c, dirfd(dir));
		if (strcmp(c->name, added) == 0)
			c->rank = RANK_KEPT;
		count++;
	}
	return count;
}

/*
 * Keeps a policy that has replaced the one that was ranked, and the check of a
 * domain that has a policy, which is asked only here: few are removed.  False:
 * it stays.  What another process has removed does not.
 */
static bool
remove_one(struct sts_store *store, enum sts_kind kind, int dir,
    const struct candidate *c)
{
	if (kind == STS_KIND_CHECK &&
	    !sts_file_is_missing(store, STS_KIND_POLICY, c->name))
		return false;
	if (kind != STS_KIND_POLICY)
		return sts_file_remove_at(dir, c->name) == 0 || errno == ENOENT;
	if (sts_store_remove_policy(store, &c->ranked) != STS_OK)
		return sts_file_is_missing(store, kind, c->name);
	sts_log(STS_LOG_INFO, c->name, "event=evicted mode=%s expires=%lld",
	    sts_mode_name(c->ranked.policy.mode), (long long)c->ranked.expires);
	return true;
}

/* Removes up to `over`, in their order; returns how many. */
static size_t
remove_first(struct sts_store *store, enum sts_kind kind, int dir,
    const struct candidate *list, size_t count, size_t over)
{
	size_t removed = 0;

	for (size_t i = 0;
	     removed < over && i < count && list[i].rank != RANK_KEPT; i++)
		removed += remove_one(store, kind, dir, &list[i]);
	return removed;
}

/* How many more files a process adds before it reads the directory again. */
static uint16_t
room_left(size_t count, size_t limit)
{
	size_t room = count < limit ? (limit - count) / ROOM_SHARE : 0;

	return room < UINT16_MAX ? (uint16_t)room : UINT16_MAX;
}

static void
trim_bucket(struct sts_store *store, enum sts_kind kind, DIR *dir,
    const char *added, size_t limit, int64_t now)
{
	size_t count = count_files(dir), over;
	struct candidate *list;

	store->room[kind][sts_file_bucket(added)] = room_left(count, limit);
	if (count <= limit)
		return;
	if ((list = calloc(count, sizeof(*list))) == NULL)
		return;
	count = list_files(store, kind, dir, added, list, count, now);
	qsort(list, count, sizeof(*list), by_rank);
	over = count > limit - limit / 4 ? count - (limit - limit / 4) : 0;
	if (remove_first(store, kind, dirfd(dir), list, count, over) < over)
		sts_log(STS_LOG_WARNING, NULL,
		    "event=store-full kind=%s kept=%zu limit=%zu",
		    kind == STS_KIND_POLICY ? "policies" : "checks", count,
		    limit);
	free(list);
}

void
sts_store_trim(struct sts_store *store, enum sts_kind kind, const char *domain,
    int64_t max, int64_t now)
{
	size_t limit =
	    (size_t)((max + STS_STORE_BUCKETS - 1) / STS_STORE_BUCKETS);
	size_t one_in = limit / 8 < ONE_IN_MAX ? limit / 8 : ONE_IN_MAX;
	unsigned bucket = sts_file_bucket(domain);
	DIR *dir;
	int fd;

	if (store->room[kind][bucket] > 0) {
		store->room[kind][bucket]--;
		return;
	}
	if (one_in > 1 && store->trims++ % one_in != 0)
		return;
	fd = sts_file_open_bucket(store, kind, bucket);
	if (fd < 0)
		return;
	if ((dir = fdopendir(fd)) == NULL) {
		close(fd);
		return;
	}
	trim_bucket(store, kind, dir, domain, limit, now);
	closedir(dir);
}
