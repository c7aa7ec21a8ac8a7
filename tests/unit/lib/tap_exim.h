/* SPDX-License-Identifier: ISC */
/*
 * What real Exims said of themselves (tests/unit/data/exim, Exim 4.96 and
 * 4.98.2 of Debian), for a test to change and have judged.
 */
#ifndef STS_TESTS_TAP_EXIM_H
#define STS_TESTS_TAP_EXIM_H

#include <stdbool.h>

#include "exim/check/exim.h"

/* One recorded Exim, with what a test changes in it. */
struct world {
	struct sts_exim e;
	char *found; /* what the check printed */
	struct sts_findings f;
};

/* Files of this machine that a world names; made by worlds_begin. */
struct places {
	char top[32]; /* also the state directory */
	char object[64], resolv[64], debian[64];
};
extern struct places places;

/* Makes and removes the places; worlds_begin is false where it cannot. */
bool worlds_begin(void);
void worlds_end(void);

/* A scenario as it was recorded, on this machine. */
void open_world(struct world *w, const char *scenario);
void close_world(struct world *w);

/* Parses and judges it as it is now. */
void judge(struct world *w);

/* Errors and warnings. */
unsigned problems(const struct world *w);

/* True where a line of the findings begins, and goes on, like this. */
bool found(const struct world *w, const char *begins, const char *part);

/* All findings, for whoever reads why a test failed. */
void show(const struct world *w);

#endif
