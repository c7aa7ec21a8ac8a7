/* SPDX-License-Identifier: ISC */
/*
 * Outcomes of sessions (core/outcome.h), for reports: a file a day of UTC,
 * outcomes/YYYY-MM-DD in the state directory, to which any number of processes
 * append at once.  Nothing of senders or recipients is in it.
 *
 * An append takes no lock and is not synced: it is one write(2) to a file that
 * was opened for appending.  Files are of mode 0640, of at most 256 MiB, and
 * kept for 7 days.
 */
#ifndef STS_STORE_OUTCOMES_H
#define STS_STORE_OUTCOMES_H

#include "core/outcome.h"
#include "store/store.h"

enum {
	STS_DAY = 86400,
	STS_OUTCOMES_DAYS = 7, /* kept, beside the present one */
	STS_OUTCOMES_FILE_MAX = 256 * 1024 * 1024
};

/*
 * Appends an outcome to the file of its day, and logs a session in Postfix's
 * words (sts_outcome_log_text).  The store may be open for reading only.
 *
 * STS_STATE_UNWRITABLE where the caller is not the owner of the state
 * directory, as root never is: what root opens in a directory of another user
 * that user has chosen, so a caller that is root has a child do it.  Also
 * where the file is not a regular one of the owner's.  STS_STATE_FULL for a
 * full disk or file; STS_INTERNAL for an outcome that is not well-formed; other
 * local faults.  A loss is logged once a day and store.
 */
enum sts_status sts_outcomes_append(
    struct sts_store *store, const struct sts_outcome *outcome);

/*
 * What became of a session: to the collector that `config` names
 * (store/outcome_socket.h), or else appended as above, and logged.  `check` has
 * the domain's _smtp._tls record, `entry` its policy, or a body of NULL.  False
 * if it was lost, which is logged.
 */
bool sts_outcomes_session(struct sts_store *store,
    const struct sts_config *config, const struct sts_outcome *outcome,
    const struct sts_entry *entry, const struct sts_check *check);

/*
 * Appends the text of a policy that was stored at `now`, or is none (`fetched`
 * 0): a report shows what the domain had declared (RFC 8460 4.5), of which the
 * store has only what counts, and which may be replaced by then.  The line is
 * in the file of the day of `now`: that of the fetch, or the one after.
 * Statuses as above.
 */
enum sts_status sts_outcomes_append_policy(struct sts_store *store,
    const char *domain, int64_t fetched, struct sts_span text, int64_t now);

/*
 * Sets what an outcome says of the domain's policy at `now`, as the store has
 * it: type and `fetched` of the policy in force, unless its mode is none; else
 * no-policy-found.  If the policy could not be fetched and none is in force,
 * the type is sts, result and reason are those of the fetch, and the session
 * has no other result, whatever became of TLS: returns true.  `entry->body`
 * may be NULL, `check` zero.
 */
bool sts_outcomes_set_policy(struct sts_outcome *outcome,
    const struct sts_entry *entry, const struct sts_check *check, int64_t now);

/* What a reader of a day is given; a false return ends the reading. */
struct sts_outcomes_reader {
	bool (*outcome)(void *arg, const struct sts_outcome *outcome);
	bool (*policy)(void *arg, const struct sts_outcome_policy *policy);
	void *arg;
	uint64_t ignored; /* lines so far that are none of ours */
};

/*
 * Reads the files of a day, counted from 1970, in bounded memory: that of this
 * machine, then those of others (store/outcomes_take.h).  `policy` may
 * be NULL.  STS_NOT_FOUND: there is none.  STS_STATE_UNREADABLE where the file
 * or the directory is not the owner's, or the file is not a regular one;
 * STS_NO_MEMORY and other local faults.
 */
enum sts_status sts_outcomes_read(
    struct sts_store *store, int64_t day, struct sts_outcomes_reader *reader);

/* The same for an open file; *ended: the reader ended it. */
enum sts_status sts_outcomes_read_fd(
    int fd, struct sts_outcomes_reader *reader, bool *ended);

/* True for the name of the file of another machine of that day, in text. */
bool sts_outcomes_is_machine(const char *name, const char *day);

/* Removes the files of days that are more than STS_OUTCOMES_DAYS ago. */
void sts_outcomes_expire(struct sts_store *store, int64_t now);

/* YYYY-MM-DD of a day counted from 1970, of at most the year 9999. */
enum { STS_DAY_TEXT = 11 };
void sts_outcomes_day_text(int64_t day, char text[STS_DAY_TEXT]);

#endif
