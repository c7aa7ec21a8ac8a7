/* SPDX-License-Identifier: ISC */
/*
 * `mta-sts status`: whether outgoing mail is protected, and what needs the
 * operator's attention.
 *
 * One struct is filled from the configuration, the store, the programs and the
 * mail servers; one table (overview_print.c) prints it as text and as JSON.
 * Nothing is fetched or written.  What this user may not read is listed.
 */
#ifndef STS_TOOL_OVERVIEW_H
#define STS_TOOL_OVERVIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/names.h"
#include "store/events.h"
#include "tool/config_check.h"
#include "tool/tool.h"

enum {
	STS_OVERVIEW_EXAMPLES = 5,    /* domains or lines shown of one kind */
	STS_OVERVIEW_TEXT = 512,      /* bytes of a text */
	STS_OVERVIEW_READ_MS = 5000,  /* for reading what is in the store */
	STS_OVERVIEW_UNKNOWN = -1,    /* a number or time that was not read */
	STS_OVERVIEW_SOON = 7 * 86400 /* before expiry, at most */
};

/* Paths; the command uses the usual ones. */
struct sts_overview_places {
	const char *exim_etc;           /* Debian's /etc/exim4 */
	const char *exim_generated;     /* what Debian generates from it */
	const char *const *exim_files;  /* Exim's configurations, NULL-ended */
	const char *const *smtpd_files; /* of OpenSMTPD, NULL-ended */
	const char *const *jobs;        /* hourly refresh jobs, NULL-ended */
	const char *const *report_jobs; /* what sends reports; may be NULL */
	const char *systemd; /* is there where systemd runs; may be NULL */
	bool ask_exim;       /* as root, run Exim, as config check does */
	const char *smtpctl; /* as root, is asked about smtpd; may be NULL */
	const char *proc;    /* where its processes are; NULL: /proc */
};

/* Numbers by a token, such as a reason; those that are not 0. */
struct sts_overview_counts {
	size_t count;
	struct sts_overview_count {
		const char *token;
		int64_t number;
	} item[STS_STATUS_COUNT];
};

/*
 * Numbers and times (seconds since 1970) are STS_OVERVIEW_UNKNOWN if they could
 * not be read, texts "".
 */
struct sts_overview {
	int64_t now;
	char config_file[STS_OVERVIEW_TEXT]; /* "": built-in values */
	int64_t bad_lines;
	/* The state directory. */
	char state_dir[STS_OVERVIEW_TEXT];
	char owner[STS_OVERVIEW_TEXT];
	char group[STS_OVERVIEW_TEXT];
	char mode[8];
	/* Policies, and the number of files of each kind. */
	int64_t policies, policies_max;
	int64_t policies_read; /* the following numbers are of these */
	int64_t enforced, testing, none; /* in force, by mode */
	int64_t expired;
	int64_t corrupt; /* unreadable or damaged: mail waits */
	int64_t checks, checks_max;
	int64_t routes;
	/* The refresh. */
	int64_t newest;       /* when the newest successful fetch began */
	int64_t next_due;     /* the earliest of all policies in force */
	int64_t failing;      /* policies whose last fetch failed */
	int64_t failing_long; /* for more than a day */
	int64_t ending;       /* of these: enforced, and expiring soon */
	int64_t overdue;      /* due for hours, without an attempt */
	int64_t oldest; /* when that of the oldest policy in force began */
	int64_t least_max_age;       /* of these, in seconds */
	int64_t last_round;          /* when a round of refreshes last ended */
	char job[STS_OVERVIEW_TEXT]; /* what refreshes; "": not found */
	/* The programs. */
	char resolver[STS_OVERVIEW_TEXT];
	char resolver_state[STS_OVERVIEW_TEXT];
	char fetcher[STS_OVERVIEW_TEXT];
	char fetcher_state[STS_OVERVIEW_TEXT];
	int64_t nameservers, nameservers_answering;
	int64_t last_answer; /* of the DNS, about any domain */
	/* What became of lookups; not of answers from the store. */
	struct sts_overview_counts lookups, refreshes;
	/* Attempts that waited within a day, by reason; and the last domains.
	 */
	int64_t deferred;
	int64_t deferred_by_fault; /* of this machine, within an hour */
	struct sts_overview_counts deferred_why;
	char deferred_domains[STS_OVERVIEW_TEXT];
	/* The last mail that left past the policies (event=unprotected). */
	char unprotected[STS_OVERVIEW_TEXT];
	int64_t unprotected_when;
	/* The mail servers. */
	char exim[STS_OVERVIEW_TEXT];
	char smtpd[STS_OVERVIEW_TEXT];
	/* TLS reports: "off", or what is missing; of the rest see reporting.h.
	 */
	char reports[STS_OVERVIEW_TEXT];
	char report_from[STS_OVERVIEW_TEXT];
	char report_submitter[STS_OVERVIEW_TEXT];
	char report_recorded[STS_OVERVIEW_TEXT]; /* newest day with sessions */
	int64_t report_last_run;                 /* 0: never */
	/* Of the days that are kept, one for each destination. */
	int64_t reports_sent, reports_waiting, reports_lost;
	char report_job[STS_OVERVIEW_TEXT];
	char report_key[STS_OVERVIEW_TEXT]; /* DKIM; only report check */

	/* Not in the table. */
	const char *only; /* the one section that is printed; NULL: all */
	bool loaded; /* the configuration was read, else nothing was checked */
	struct sts_findings findings; /* each is also in `problems` */
	struct sts_overview_problem *problems;
	size_t problem_count, problem_size;
	struct sts_names unseen; /* what this user may not read */
	bool blind;              /* the store is in it */
	bool failed;             /* no memory */
};

/* A finding that owns its strings. */
struct sts_overview_problem {
	enum sts_severity severity;
	char *place, *text, *fix; /* the first and last may be NULL */
};

/*
 * Fills *o from tool->config.  The caller frees it with sts_overview_free.
 * Takes at most twice STS_OVERVIEW_READ_MS for the store, 2 s for each silent
 * name server, the time of config check for a mail server, and four minutes
 * where smtpctl is stuck.
 */
void sts_overview_fill(struct sts_overview *o, struct sts_tool *tool,
    const struct sts_overview_places *places);
void sts_overview_free(struct sts_overview *o);

/*
 * The steps of that: *o is empty, the configuration loaded; false, with a
 * finding, if it cannot be.
 */
bool sts_overview_open(struct sts_overview *o, struct sts_tool *tool);

/* Calls `read` as the owner of the state directory, unless it is unusable. */
void sts_overview_as_owner(struct sts_overview *o,
    const struct sts_config *config,
    void (*read)(struct sts_overview *o, const struct sts_config *config));

/* Where the command looks. */
const struct sts_overview_places *sts_overview_usual_places(void);

/* Prints as asked for and frees; returns the exit status. */
int sts_overview_finish(struct sts_overview *o, struct sts_tool *tool);

/*
 * Finds a mail server that uses the policies, or is meant to: fills o->exim or
 * o->smtpd.
 */
bool sts_overview_find_exim(struct sts_overview *o, const struct sts_tool *tool,
    const struct sts_overview_places *places);
bool sts_overview_find_smtpd(struct sts_overview *o,
    const struct sts_tool *tool, const struct sts_overview_places *places);

/* `mta-sts report check`, report_check.c: fills *o as sts_overview_fill. */
void sts_report_check(struct sts_overview *o, struct sts_tool *tool,
    const struct sts_overview_places *places);

/* overview_events.c: lookups, refreshes, and what waited or was unprotected. */
void sts_overview_events(struct sts_overview *o, struct sts_store *store);

/* overview_metrics.c: all of it as text for Prometheus. */
void sts_overview_print_metrics(FILE *out, const struct sts_overview *o);

/* Sets each number and time to STS_OVERVIEW_UNKNOWN. */
void sts_overview_forget(struct sts_overview *o);

/* Lists something that this user may not read. */
void sts_overview_unseen(struct sts_overview *o, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The state directory could not be opened: a finding, or not for this user. */
void sts_overview_unopened(struct sts_overview *o,
    const struct sts_config *config, enum sts_status status);

/* Its sections. */
void sts_overview_store(
    struct sts_overview *o, const struct sts_config *config);
void sts_overview_programs(
    struct sts_overview *o, const struct sts_config *config);
void sts_overview_servers(struct sts_overview *o, struct sts_tool *tool,
    const struct sts_overview_places *places);

void sts_overview_reports_store(
    struct sts_overview *o, const struct sts_config *config);
void sts_overview_reports(struct sts_overview *o,
    const struct sts_config *config, const struct sts_overview_places *places);

/*
 * STS_EXIT_NO if there is an error or a warning, else STS_EXIT_OUTSIDE if the
 * store or the configuration could not be read, else STS_EXIT_OK.
 */
int sts_overview_exit(const struct sts_overview *o);

/* Aligned lines, then the findings, then the conclusion. */
void sts_overview_print(FILE *out, const struct sts_overview *o);

/* One JSON object, as mta-sts(1) describes it.  False: no memory. */
bool sts_overview_print_json(FILE *out, const struct sts_overview *o);

#endif
