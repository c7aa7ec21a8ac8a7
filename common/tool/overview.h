/* SPDX-License-Identifier: ISC */
/*
 * `mta-sts status`: is this sender protected, and what needs a person?
 *
 * One struct is filled from the configuration, the store, the programs and the
 * mail servers; one table (overview_print.c) writes it as text and as JSON.
 * Nothing is fetched and nothing is written.  What this user may not see is
 * said, and is no fault of the system.
 */
#ifndef STS_TOOL_OVERVIEW_H
#define STS_TOOL_OVERVIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/names.h"
#include "tool/config_check.h"
#include "tool/tool.h"

enum {
	STS_OVERVIEW_EXAMPLES = 5,    /* domains or lines named of one kind */
	STS_OVERVIEW_TEXT = 512,      /* bytes of a text */
	STS_OVERVIEW_READ_MS = 5000,  /* for reading what is in the store */
	STS_OVERVIEW_UNKNOWN = -1,    /* a number or time that was not seen */
	STS_OVERVIEW_SOON = 7 * 86400 /* at most: before a policy expires */
};

/* Where things lie; the command's own are the usual places. */
struct sts_overview_places {
	const char *exim_etc;           /* Debian's /etc/exim4 */
	const char *exim_generated;     /* what Debian makes of it */
	const char *const *exim_files;  /* Exim's configurations, NULL-ended */
	const char *const *smtpd_files; /* of OpenSMTPD, NULL-ended */
	const char *const *jobs; /* what refreshes every hour, NULL-ended */
	bool ask_exim; /* run Exim, where we are root, as config check does */
};

/*
 * Numbers and times (seconds since 1970) are STS_OVERVIEW_UNKNOWN where they
 * could not be seen, texts "".
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
	/* Policies, and how many files of each kind there are. */
	int64_t policies, policies_max;
	int64_t policies_read; /* of them; what follows counts these */
	int64_t enforced, testing, none; /* in force, by mode */
	int64_t expired;
	int64_t corrupt; /* unreadable or damaged: mail waits */
	int64_t checks, checks_max;
	int64_t routes;
	/* The refresh. */
	int64_t newest;       /* when the newest fetch that succeeded began */
	int64_t next_due;     /* the earliest of all policies in force */
	int64_t failing;      /* policies whose last fetch failed */
	int64_t failing_long; /* for more than a day */
	int64_t ending;       /* of these: enforced, and soon expired */
	int64_t overdue;      /* due for hours, without a try */
	char job[STS_OVERVIEW_TEXT]; /* what refreshes; "": nothing found */
	/* The programs. */
	char resolver[STS_OVERVIEW_TEXT];
	char resolver_state[STS_OVERVIEW_TEXT];
	char fetcher[STS_OVERVIEW_TEXT];
	char fetcher_state[STS_OVERVIEW_TEXT];
	int64_t nameservers, nameservers_answering;
	/* The mail servers. */
	char exim[STS_OVERVIEW_TEXT];
	char smtpd[STS_OVERVIEW_TEXT];

	/* Not in the table. */
	bool loaded; /* the configuration; else nothing more was looked at */
	struct sts_findings findings; /* each is kept in `problems` */
	struct sts_overview_problem *problems;
	size_t problem_count, problem_size;
	struct sts_names unseen; /* what this user may not see */
	bool blind;              /* the store is among it */
	bool failed;             /* no memory */
};

/* A finding with strings of its own. */
struct sts_overview_problem {
	enum sts_severity severity;
	char *place, *text, *fix; /* the first and last may be NULL */
};

/*
 * Fills *o, everything unknown at first, from what tool->config says.  The
 * caller frees it with sts_overview_free.  Takes at most twice
 * STS_OVERVIEW_READ_MS for the store, 2 s for each name server that is silent,
 * and what config check takes for a mail server.
 */
void sts_overview_fill(struct sts_overview *o, struct sts_tool *tool,
    const struct sts_overview_places *places);
void sts_overview_free(struct sts_overview *o);

/* Notes something that this user may not see. */
void sts_overview_unseen(struct sts_overview *o, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The parts of it. */
void sts_overview_store(
    struct sts_overview *o, const struct sts_config *config);
void sts_overview_programs(
    struct sts_overview *o, const struct sts_config *config);
void sts_overview_servers(struct sts_overview *o, struct sts_tool *tool,
    const struct sts_overview_places *places);

/*
 * STS_EXIT_NO where an error or a warning was found, else STS_EXIT_OUTSIDE
 * where the store or the configuration could not be seen, else STS_EXIT_OK.
 */
int sts_overview_exit(const struct sts_overview *o);

/* Aligned lines, then the findings, then one line that says it all. */
void sts_overview_print(FILE *out, const struct sts_overview *o);

/* One JSON object, as mta-sts(1) describes it.  False: no memory. */
bool sts_overview_print_json(FILE *out, const struct sts_overview *o);

#endif
