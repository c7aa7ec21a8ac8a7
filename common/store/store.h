/* SPDX-License-Identifier: ISC */
/*
 * The store: the data of each domain, in files, and the only data interface
 * between the processes.
 *
 *     policies/XX/DOMAIN   a fetched policy: precious, written once, immutable
 *     checks/XX/DOMAIN     the result of a domain's last check: disposable
 *     routes/XX/DOMAIN     MX hosts, their addresses and match: disposable
 *     lock                 which domains are being looked up (see lock.h)
 *     writing              which files in policies/ are being changed
 *     newest               the newest `fetched`: the clock's lower bound
 *     unprotected          mail that left without the table being asked
 *     outcomes/DAY         what became of TLS in sessions (see outcomes.h)
 *     events/DAY, totals   lookups, refreshes, deferrals (see events.h)
 *     reports/DAY/DOMAIN   reports that are sent (see reports.h)
 *
 * XX is two hex digits of a hash of the domain.  A file is text and ends with a
 * CRC-32 of all before it.  A reader takes no lock and never writes.  It
 * accepts only a regular file with the owner of its directory, of bounded size,
 * with the right checksum and the right domain.
 *
 * A change in policies/ is a compare and swap under the domain's write lock,
 * since the file may have been replaced during a slow fetch.  After a power cut
 * the old policy or the new one is there.  A truncated file in checks/ or
 * routes/ counts as missing, and costs a DNS query.
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
 * A fetched policy.  Times are seconds since 1970.  The body is the policy in
 * the form of RFC 8461 3.2, reduced to version, mode, max_age and the distinct
 * mx patterns in the order of the file that was served.
 */
struct sts_entry {
	char domain[STS_NAME_MAX + 1];
	char id[STS_ID_MAX + 1]; /* of the record that caused the fetch */
	int64_t fetched;         /* when that fetch began, */
	int64_t fetched_us;      /* and microseconds of that second */
	int64_t expires; /* fetched + max_age, at least fetched + recheck */
	char *body;      /* body_len bytes and a NUL, allocated */
	size_t body_len;
	struct sts_policy policy; /* parsed, borrows body */
	bool unsure;              /* fetched in the future: unchecked */
	int64_t stored;           /* `fetched` in the file */
};

/* The result of a domain's last check.  Times as above, 0 for never. */
struct sts_check {
	char domain[STS_NAME_MAX + 1];
	int64_t checked;    /* when the record was queried */
	int64_t next_check; /* no query before then */
	/*
	 * STS_OK, or why there is no policy, of class RECORD, DNS, FETCH or
	 * POLICY, and until when.  A live policy takes precedence.
	 */
	enum sts_status reason;
	int64_t until;
	/* The last fetch, if it failed, else "" and STS_OK. */
	char failed_id[STS_ID_MAX + 1];
	enum sts_status failed_reason;
	int64_t failed_since; /* the first failure in a row */
	int64_t failed_next;  /* not before then for this id */
	int64_t failures;     /* in a row, of that policy's id; else 1 */
	int64_t refetched;    /* last fetch because all MX hosts were refused */
	int64_t warned;       /* last warning about the domain's DNS */
	int64_t used;         /* last lookup for mail */
	int64_t used_days;    /* days on which mail used it; 2: or more */
	int64_t unused;       /* when a refresh found it expired and unused */
	bool unsure;          /* checked in the future: not an answer */
	/*
	 * The usable _smtp._tls record, RFC 8460 3, or "", and when it is to be
	 * queried again.  0: never queried, and the file has neither.
	 */
	int64_t tlsrpt_next;
	char tlsrpt[STS_TLSRPT_MAX + 1];
	bool found; /* read from a file, which is written over */
};

/* Directories of each kind. */
enum { STS_STORE_BUCKETS = 256 };

enum sts_kind { STS_KIND_POLICY, STS_KIND_CHECK, STS_KIND_ROUTES };

/*
 * Opens the state directory for reading, or for writing too.
 * STS_STATE_MISSING, _UNREADABLE, _OWNER, _MODE (writable by others),
 * STS_NO_DESCRIPTORS, STS_NO_MEMORY; for writing also STS_STATE_UNWRITABLE if
 * this user may not create files there.  *store is NULL on failure.
 */
enum sts_status sts_store_open(
    struct sts_store **store, const char *state_dir, bool writing);
void sts_store_close(struct sts_store *store);

/*
 * The same without opening anything, for sts_outcomes_append and
 * sts_outcomes_session and nothing else, in a process that has had the state
 * directory opened, or that inherits this from one: `owner` is its owner of
 * then.  STS_STATE_OWNER if this process has another user, or that is root;
 * STS_NO_MEMORY.
 */
enum sts_status sts_store_know(
    struct sts_store **store, const char *state_dir, uid_t owner);

/*
 * False if the path now names another directory, or none, so that no reader
 * sees what is written here.
 */
bool sts_store_is_current(const struct sts_store *store, const char *state_dir);

/* The user and group that own the state directory. */
uid_t sts_store_uid(const struct sts_store *store);
gid_t sts_store_gid(const struct sts_store *store);

/*
 * Reads a domain's policy as of `now`: a `fetched` in the future is clamped to
 * now, `expires` is at most fetched + STS_MAX_AGE_LIMIT.  An expired policy is
 * returned too; see sts_entry_is_live.  STS_NOT_FOUND if there is no file;
 * STS_ENTRY_CORRUPT if it fails a check above; other local faults if it cannot
 * be read.  Freed with sts_entry_free; on failure there is nothing to free.
 */
enum sts_status sts_store_read_policy(struct sts_store *store,
    const char *domain, int64_t now, struct sts_entry *entry);
void sts_entry_free(struct sts_entry *entry);

/*
 * Makes an entry for a policy that was fetched for `domain` after a record with
 * `id`; the fetch began at fetched and fetched_us.  `recheck` is the minimum
 * lifetime.  STS_NO_MEMORY.  Freed with sts_entry_free.
 */
enum sts_status sts_entry_make(struct sts_entry *entry, const char *domain,
    const char *id, const struct sts_policy *policy, int64_t fetched,
    int64_t fetched_us, int64_t recheck);

/*
 * Compare and swap: writes the entry, durably, unless there is a policy that
 * was fetched later; then *replaced is false, which is no failure.  A fetch
 * time after `now` does not count as later.
 */
enum sts_status sts_store_write_policy(struct sts_store *store,
    const struct sts_entry *entry, int64_t now, bool *replaced);

/*
 * Removes the policy that was read as `entry`, unless another has replaced it.
 * STS_NOT_FOUND if it is gone.
 */
enum sts_status sts_store_remove_policy(
    struct sts_store *store, const struct sts_entry *entry);

/* True if the policy is in force at `now`, RFC 8461 3.2. */
bool sts_entry_is_live(const struct sts_entry *entry, int64_t now);

/* Reads a check, as above; STS_NOT_FOUND also for a damaged file. */
enum sts_status sts_store_read_check(struct sts_store *store,
    const char *domain, int64_t now, struct sts_check *check);
enum sts_status sts_store_write_check(
    struct sts_store *store, const struct sts_check *check);
enum sts_status sts_store_remove_check(
    struct sts_store *store, const char *domain);

/*
 * True if the policy is in force and its record was queried recently enough
 * (RFC 8461 3).  `check` may be zero.
 */
bool sts_entry_is_fresh(const struct sts_entry *entry,
    const struct sts_check *check, int64_t now, int64_t recheck);

/* True if "no policy" is stored and `until` has not passed. */
bool sts_check_is_none(const struct sts_check *check, int64_t now);

/*
 * True if "no policy" answers without a query: as above, not recorded in the
 * future, and not a failed fetch (whose id may have changed since).
 */
bool sts_check_is_fresh(const struct sts_check *check, int64_t now);

/*
 * True if a live policy is to be fetched again: it is due (core/due.h, RFC 8461
 * 10.2) and its back-off after the last failure is over.
 */
bool sts_entry_wants_refresh(const struct sts_entry *entry,
    const struct sts_check *check, int64_t now, int64_t refresh_after);

/* Removes policy, check and routes of a domain; STS_NOT_FOUND: none. */
enum sts_status sts_store_drop(struct sts_store *store, const char *domain);

/*
 * Called after a file of that kind was added: at intervals reduces the number
 * of files to `max`, in batches (trim.c has the order).
 */
void sts_store_trim(struct sts_store *store, enum sts_kind kind,
    const char *domain, int64_t max, int64_t now);

/* Removes the check of a domain if it has expired and there is no policy. */
void sts_store_expire_check(
    struct sts_store *store, const char *domain, int64_t now);

/*
 * Calls `each` with every domain that has a file of that kind, unread, in no
 * order; false from `each` ends the walk.  `each` may write and drop entries.
 */
enum sts_status sts_store_walk(struct sts_store *store, enum sts_kind kind,
    bool (*each)(void *arg, const char *domain), void *arg);

/*
 * The same for one directory, 0 to STS_STORE_BUCKETS - 1.  What is added or
 * removed by others between two calls may be met or not.
 */
enum sts_status sts_store_walk_bucket(struct sts_store *store,
    enum sts_kind kind, unsigned bucket,
    bool (*each)(void *arg, const char *domain), void *arg);

/* The newest `fetched` of the store; 0 if there is none. */
enum sts_status sts_store_read_newest(
    struct sts_store *store, int64_t *fetched);
enum sts_status sts_store_write_newest(
    struct sts_store *store, int64_t fetched);

/* Mail that left for a domain that enforces, without being checked. */
struct sts_unprotected {
	char domain[STS_NAME_MAX + 1];
	int64_t when; /* seconds since 1970 */
};

/* The last such mail; STS_NOT_FOUND: none. */
enum sts_status sts_store_read_unprotected(
    struct sts_store *store, struct sts_unprotected *unprotected);
enum sts_status sts_store_write_unprotected(
    struct sts_store *store, const struct sts_unprotected *unprotected);

#endif
