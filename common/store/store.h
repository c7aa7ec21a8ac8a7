/* SPDX-License-Identifier: ISC */
/*
 * The store: what is known of each domain, in files, the only data interface
 * between the processes.
 *
 *     policies/XX/DOMAIN   domains that have, or had, a policy; precious
 *     absent/XX/DOMAIN     looked up, nothing there; disposable
 *     routes/XX/DOMAIN     MX hosts, their addresses and match; disposable
 *     lock                 one byte a domain is locked (see lock.h)
 *     newest               the newest `fetched`, and whose: the clock's witness
 *
 * XX is two hex digits of a hash of the domain.  A file is text, ends with a
 * CRC-32 of all before it, and is replaced by rename, so a reader takes no
 * lock and never writes.  A reader believes only a regular file with one link,
 * owned like the directory that holds it, of bounded size, whose checksum is
 * right and whose domain is the one asked for.
 */
#ifndef STS_STORE_STORE_H
#define STS_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/config.h"
#include "base/status.h"
#include "core/policy.h"
#include "core/record.h"

struct sts_store; /* an open state directory */

/*
 * What is known of one domain with a policy.  Times are seconds since 1970,
 * 0 for never.  The body is allocated with the entry.
 */
struct sts_entry {
	char domain[STS_NAME_MAX + 1];
	char id[STS_ID_MAX + 1]; /* of the record at the last fetch */
	int64_t fetched;
	int64_t expires;    /* fetched + max_age, at least recheck from then */
	int64_t checked;    /* last time the record was asked for */
	int64_t next_check; /* until then, no query */
	int64_t used;       /* last delivery that asked the resolver */
	char failed_id[STS_ID_MAX + 1]; /* "" when the last fetch succeeded */
	int64_t failed_at;
	int64_t failed_next; /* not before then for this id */
	enum sts_status failed_reason;
	char *body; /* as served, body_len bytes and a NUL */
	size_t body_len;
	struct sts_policy policy; /* parsed, borrows body */
	bool unsure; /* fetched or checked in the future: asked again */
};

/* Looked up, nothing there. */
struct sts_absence {
	char domain[STS_NAME_MAX + 1];
	int64_t recorded;
	int64_t until;
	enum sts_status reason;  /* of class RECORD, DNS, FETCH or POLICY */
	char id[STS_ID_MAX + 1]; /* of the failed fetch, else "" */
	int64_t used;
	bool unsure; /* recorded in the future: not an answer by itself */
};

/*
 * Opens the state directory for reading, or for writing too.
 * STS_STATE_MISSING, _UNREADABLE, _OWNER, _MODE (writable by others),
 * STS_NO_DESCRIPTORS, STS_NO_MEMORY; for writing also STS_STATE_UNWRITABLE
 * where this user may not create files there.  *store is NULL on failure.
 */
enum sts_status sts_store_open(
    struct sts_store **store, const char *state_dir, bool writing);
void sts_store_close(struct sts_store *store);

/*
 * False where the path names another directory by now, or none: what is
 * written here is seen by nobody.
 */
bool sts_store_is_current(const struct sts_store *store, const char *state_dir);

/* The user and group that own the state directory. */
uid_t sts_store_uid(const struct sts_store *store);
gid_t sts_store_gid(const struct sts_store *store);

/*
 * Reads a domain's policy entry as it counts at `now`: times in the future
 * are clamped to now, and a `checked` in the future is 0, `expires` is at most
 * fetched + STS_MAX_AGE_LIMIT.  An expired entry is returned too; see
 * sts_entry_is_live.  STS_NOT_FOUND where there is no file; STS_ENTRY_CORRUPT
 * where there is one that cannot be believed; other local faults where it
 * cannot be read.  Frees with sts_entry_free; on failure there is nothing to
 * free.
 */
enum sts_status sts_store_read_policy(struct sts_store *store,
    const char *domain, int64_t now, struct sts_entry *entry);
void sts_entry_free(struct sts_entry *entry);

/* True where the policy is in force at `now`. */
bool sts_entry_is_live(const struct sts_entry *entry, int64_t now);

/* True where it is in force and its record need not be asked for yet. */
bool sts_entry_is_fresh(
    const struct sts_entry *entry, int64_t now, int64_t recheck);

/*
 * Writes the entry (body, ids and times; entry->policy is not looked at, the
 * body must parse).  `durable` syncs file and directory: for a new body.
 */
enum sts_status sts_store_write_policy(
    struct sts_store *store, const struct sts_entry *entry, bool durable);

/* Removes the policy, absence and routes of a domain; STS_NOT_FOUND: none. */
enum sts_status sts_store_drop(struct sts_store *store, const char *domain);

/*
 * The same for absences.  A file that cannot be believed is STS_NOT_FOUND.
 * `recorded` in the future is clamped to now and `until` with it.
 */
enum sts_status sts_store_read_absence(struct sts_store *store,
    const char *domain, int64_t now, struct sts_absence *absence);
enum sts_status sts_store_write_absence(
    struct sts_store *store, const struct sts_absence *absence);
enum sts_status sts_store_drop_absence(
    struct sts_store *store, const char *domain);

/* True where `until` has not come, whatever the reason. */
bool sts_absence_is_live(const struct sts_absence *absence, int64_t now);

/*
 * True where it answers without a query: live, recorded not in the future,
 * and not a failed fetch (whose id may have changed since).
 */
bool sts_absence_is_fresh(const struct sts_absence *absence, int64_t now);

/*
 * Keeps absent/ at or below `max` files, the oldest going first; looks only
 * at one directory in 256 a call, chosen by `domain`, so that it costs little.
 */
void sts_store_trim_absences(
    struct sts_store *store, const char *domain, int64_t max);

enum sts_kind { STS_KIND_POLICY, STS_KIND_ABSENCE, STS_KIND_ROUTES };

/*
 * Calls `each` with every domain that has a file of that kind, unread, in no
 * order; a false return ends the walk.  `each` may write and drop entries.
 */
enum sts_status sts_store_walk(struct sts_store *store, enum sts_kind kind,
    bool (*each)(void *arg, const char *domain), void *arg);

/*
 * The newest `fetched` of the store, and the domain it was seen with; 0 and
 * "" where none is known.
 */
enum sts_status sts_store_read_newest(
    struct sts_store *store, int64_t *fetched, char domain[STS_NAME_MAX + 1]);
enum sts_status sts_store_write_newest(
    struct sts_store *store, int64_t fetched, const char *domain);

#endif
