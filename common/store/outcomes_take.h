/* SPDX-License-Identifier: ISC */
/*
 * Outcomes that another machine recorded, for one report about the sessions of
 * all: outcomes/YYYY-MM-DD.MACHINE, replaced as a whole, so that a file that is
 * taken twice counts once.
 */
#ifndef STS_STORE_OUTCOMES_TAKE_H
#define STS_STORE_OUTCOMES_TAKE_H

#include "store/outcomes.h"

struct sts_outcomes_taken {
	uint64_t lines; /* outcomes and policies that are in it */
	uint64_t bad;   /* lines that are none, or of another day */
	bool changed;   /* else the same had been taken before */
	char twin[STS_DAY_TEXT + STS_NAME_MAX +
	    2]; /* has the same bytes, or "" */
};

/*
 * Reads `fd`, the file of `day` of another machine, and writes what is
 * well-formed in it as that of `machine`, a normalised name.  Not if it has the
 * same bytes as the file of this machine or of a third: that is a copy, and
 * would count twice.  Local faults; STS_STATE_FULL beyond
 * STS_OUTCOMES_FILE_MAX.
 */
enum sts_status sts_outcomes_take(struct sts_store *store, int64_t day,
    const char *machine, int fd, struct sts_outcomes_taken *taken);

#endif
