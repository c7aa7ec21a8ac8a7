/* SPDX-License-Identifier: ISC */
/*
 * Delivery of reports, RFC 8460 5.5: each finished day of UTC is added up once,
 * into a file a domain (store/reports.h), and each report is tried at each of
 * its destinations until that takes it.
 *
 *	pending	-> sending	written durably before anything is sent
 *	sending	-> sent		the destination has taken it
 *		-> pending	it has not: again after a pause that doubles
 *				from 15 minutes to 4 hours
 *		-> failed	it refuses the report; or 24 hours have passed
 *		-> unsure	it may have taken it; or, found by the next run,
 *				the process that sent has died: never again
 *
 * The first attempt is at a time of the domain's own, between 15 minutes and 4
 * hours after the end of the day.
 */
#ifndef STS_REPORT_DELIVER_H
#define STS_REPORT_DELIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/config.h"
#include "store/reports.h"

enum {
	STS_DELIVER_EARLIEST = 900,       /* seconds after a day's end */
	STS_DELIVER_SPREAD = 4 * 3600,    /* and the latest first attempt */
	STS_DELIVER_PAUSE = 900,          /* seconds after the first failure, */
	STS_DELIVER_PAUSE_MAX = 4 * 3600, /* after later ones */
	STS_DELIVER_UNTIL = 86400,        /* since the first attempt */
	STS_DELIVER_PER_DESTINATION = 100, /* reports about one day */
	/* A time limit that is reached is slow, and so is this over HTTPS. */
	STS_DELIVER_SLOW_MS = 10 * 1000,
	/* Slow attempts of a run at one host, then none. */
	STS_DELIVER_SLOW_MAX = 3,
	STS_DELIVER_SLOW_HOSTS = 64,
	/* At all https: hosts, and what they take together. */
	STS_DELIVER_SLOW_HTTPS = 30,
	STS_DELIVER_SLOW_TOTAL_MS = 15 * 60 * 1000,
	STS_DELIVER_RUN_MS = 50 * 60 * 1000
};

/* A run goes through the reports up to three times. */
enum sts_deliver_pass {
	STS_DELIVER_FIRST_PASS,  /* mail, and all that is not sent */
	STS_DELIVER_NEW_HTTPS,   /* never tried before */
	STS_DELIVER_AGAIN_HTTPS, /* tried before */
	STS_DELIVER_PASSES
};

/* How an attempt ended. */
enum sts_attempt {
	STS_ATTEMPT_TAKEN,
	STS_ATTEMPT_LATER,   /* not taken, and may be tried again */
	STS_ATTEMPT_REFUSED, /* not taken, and never will be */
	STS_ATTEMPT_UNSURE   /* may have been taken */
};

struct sts_attempt_result {
	enum sts_attempt what;
	bool local;                             /* this machine is at fault */
	bool slow;                              /* it took its time limit */
	char reason[STS_DELIVERY_REASON_BYTES]; /* a token, "" where taken */
};

/* A host, or sendmail, at which attempts of this run were slow. */
struct sts_deliver_slow {
	char where[STS_NAME_MAX + 1]; /* "": sendmail */
	unsigned times;
};

/* What there is to say of a report, or of the domain's day. */
enum sts_deliver_event {
	STS_DELIVER_SENT,
	STS_DELIVER_FAILED, /* is tried again at `next` */
	STS_DELIVER_REFUSED,
	STS_DELIVER_GIVEN_UP,
	STS_DELIVER_UNSURE,
	STS_DELIVER_INTERRUPTED, /* unsure since the last run */
	STS_DELIVER_WAITING,     /* not before `next` */
	STS_DELIVER_DUE,         /* only in a dry run: would be sent now */
	STS_DELIVER_NOT_MADE,    /* no report: `reason` is a sentence */
	STS_DELIVER_EVENTS
};

struct sts_deliver {
	struct sts_store *store; /* open for writing, unless `dry` */
	const struct sts_config *config;
	const char *from;      /* address of the mails */
	const char *submitter; /* our domain, RFC 8460 5.3 */
	int64_t now;           /* seconds since 1970 */
	bool at_once;          /* no time of the domain's own */
	bool dry;              /* writes and sends nothing */
	int64_t mail_ms;       /* milliseconds for one sendmail; 0: 120000 */
	/*
	 * Tries once; `to` is one of job->to, a mailto: for the first, an
	 * https: for the second.
	 */
	void (*mail)(struct sts_deliver *deliver,
	    const struct sts_report_job *job, const struct sts_delivery *to,
	    struct sts_attempt_result *result);
	void (*https)(struct sts_deliver *deliver,
	    const struct sts_report_job *job, const struct sts_delivery *to,
	    struct sts_attempt_result *result);
	/* `to` and `job->packed` may be NULL: STS_DELIVER_NOT_MADE. */
	void (*said)(struct sts_deliver *deliver, enum sts_deliver_event event,
	    const struct sts_report_job *job, const struct sts_delivery *to,
	    const char *reason);
	void *arg; /* the caller's */
	/* Of this run: events, and faults of this machine. */
	size_t count[STS_DELIVER_EVENTS];
	size_t faults;
	/* Internal. */
	struct sts_refused refused;
	struct sts_deliver_slow slow[STS_DELIVER_SLOW_HOSTS];
	size_t slow_count, slow_https;
	int64_t slow_https_ms;
	enum sts_deliver_pass pass;
	bool https_left;
	int64_t day, began_ms, end_ms;
	enum sts_status status;
};

/*
 * Sets from and submitter: report-from, or the address in contact; the domain
 * of contact, or of report-from.  False where there is no address.  `domain`
 * keeps the submitter.
 */
bool sts_deliver_identity(
    struct sts_deliver *deliver, char domain[STS_NAME_MAX + 1]);

/*
 * One run, of at most STS_DELIVER_RUN_MS and an attempt: what is left is left
 * to the next.  STS_OK, whatever became of the reports; STS_STATE_LOCKED:
 * another run is at work; else a local fault that ended it.
 */
enum sts_status sts_deliver_run(struct sts_deliver *deliver);

/* deliver_plan.c: adds up a day, unless that was done. */
enum sts_status sts_deliver_plan(struct sts_deliver *deliver, int64_t day);

/* deliver_say.c: when the first attempt at a domain's report is due. */
int64_t sts_deliver_first(
    const struct sts_deliver *deliver, int64_t day, const char *domain);

/* Counts an event and says it. */
void sts_deliver_say(struct sts_deliver *deliver, enum sts_deliver_event event,
    const struct sts_report_job *job, const struct sts_delivery *to,
    const char *reason);

/* send_mail.c: `mail` of struct sts_deliver, by the local sendmail. */
void sts_deliver_mail(struct sts_deliver *deliver,
    const struct sts_report_job *job, const struct sts_delivery *to,
    struct sts_attempt_result *result);

#endif
