/* SPDX-License-Identifier: ISC */
/*
 * Reports on their way: for each day of UTC and domain a file with the report
 * and what became of it at each of its destinations.
 *
 *	reports/YYYY-MM-DD/DOMAIN	a report, its destinations, their states
 *	reports/YYYY-MM-DD/.planned	all reports of that day are there
 *	reports/refused			destinations that refused a report
 *	reports/lock			of the one process that sends
 *
 * Files end with a checksum and are replaced durably: the old state or the new
 * one is there, also after a power cut.  They are kept for 7 days.  Only the
 * owner of the state directory writes here, never root.
 */
#ifndef STS_STORE_REPORTS_H
#define STS_STORE_REPORTS_H

#include "core/record.h"
#include "store/store.h"

enum {
	STS_DESTINATIONS_MAX = 10, /* of one report */
	STS_DESTINATION_BYTES = STS_TLSRPT_MAX + 1,
	STS_REPORT_ID_BYTES = 64,
	STS_DELIVERY_REASON_BYTES = 64,
	STS_REPORT_PACKED_MAX = 1024 * 1024, /* bytes of a compressed report */
	STS_REPORTS_DAYS = 7                 /* kept, beside the present one */
};

enum sts_delivery_state {
	STS_DELIVERY_PENDING,
	STS_DELIVERY_SENDING, /* begun; its process may have died */
	STS_DELIVERY_SENT,    /* taken */
	STS_DELIVERY_UNSURE,  /* begun, and never tried again */
	STS_DELIVERY_FAILED   /* refused, or given up */
};

/* "pending", "sending", "sent", "unsure", "failed". */
const char *sts_delivery_state_name(enum sts_delivery_state state);

/* A report on its way to one destination; times in seconds since 1970. */
struct sts_delivery {
	char uri[STS_DESTINATION_BYTES]; /* mailto: or https: */
	enum sts_delivery_state state;
	int64_t attempts; /* begun so far */
	int64_t next;     /* not before then */
	int64_t until;    /* given up then */
	/* A token: why the last attempt failed, or "". */
	char reason[STS_DELIVERY_REASON_BYTES];
};

struct sts_report_job {
	int64_t day; /* counted from 1970 */
	char domain[STS_NAME_MAX + 1];
	char id[STS_REPORT_ID_BYTES]; /* letters, digits, "-" */
	struct sts_delivery to[STS_DESTINATIONS_MAX];
	size_t count;
	char *packed; /* gzip of the JSON, allocated */
	size_t packed_len;
};

/*
 * Takes the lock of the process that sends, until it ends or closes *fd.
 * STS_STATE_LOCKED: another has it; STS_STATE_UNWRITABLE and other faults.
 */
enum sts_status sts_reports_lock(struct sts_store *store, int *fd);

/*
 * When a process last took that lock, in seconds since 1970; 0: never, or
 * unknown.
 */
int64_t sts_reports_last_run(struct sts_store *store);

/*
 * STS_NOT_FOUND; STS_ENTRY_CORRUPT; other local faults.  Freed with
 * sts_report_job_free; on failure there is nothing to free.
 */
enum sts_status sts_reports_read(struct sts_store *store, int64_t day,
    const char *domain, struct sts_report_job *job);
void sts_report_job_free(struct sts_report_job *job);

/* Writes it durably.  STS_INTERNAL: too large, or not open for writing. */
enum sts_status sts_reports_write(
    struct sts_store *store, const struct sts_report_job *job);

/* True if all reports of a day have been written; and notes that. */
bool sts_reports_is_planned(struct sts_store *store, int64_t day);
enum sts_status sts_reports_set_planned(struct sts_store *store, int64_t day);

/*
 * Calls `each` with every domain that has a report of that day, in no order;
 * false ends the walk.  `each` may write.  STS_NOT_FOUND: none.
 */
enum sts_status sts_reports_walk(struct sts_store *store, int64_t day,
    bool (*each)(void *arg, const char *domain), void *arg);

/* Removes the days that are more than STS_REPORTS_DAYS ago. */
void sts_reports_expire(struct sts_store *store, int64_t now);

/* The destinations that get no report, the oldest first. */
enum sts_refused_by {
	STS_REFUSED_BY_ITSELF,  /* it has refused one */
	STS_REFUSED_BY_OPERATOR /* `report stop` */
};

enum { STS_REFUSED_MAX = 500, STS_REFUSED_SECONDS = 30 * 86400 };

struct sts_refused {
	struct sts_refusal {
		int64_t time;
		enum sts_refused_by by;
		char uri[STS_DESTINATION_BYTES];
	} * list; /* STS_REFUSED_MAX, allocated */
	size_t count;
};

/*
 * Reads those of the last STS_REFUSED_SECONDS.  STS_OK also where there is no
 * list, or a damaged one.  Freed with sts_refused_free in every case.
 */
enum sts_status sts_refused_read(
    struct sts_store *store, int64_t now, struct sts_refused *refused);
void sts_refused_free(struct sts_refused *refused);

bool sts_refused_has(const struct sts_refused *refused, const char *uri);

/*
 * Adds one and writes the list.  In a full one it takes the place of the oldest
 * that refused by itself; only the operator's takes that of another of his, and
 * also that of the same destination.
 */
enum sts_status sts_refused_add(struct sts_store *store,
    struct sts_refused *refused, const char *uri, int64_t now,
    enum sts_refused_by by);

#endif
