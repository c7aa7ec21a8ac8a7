/* SPDX-License-Identifier: ISC */
/*
 * What the parts of smtpd_place.h share.
 *
 *	smtpd_place.c		what there is, the order of the steps
 *	smtpd_placing.c		a refusal, words of the file
 *	smtpd_place_parts.c	definitions, actions
 *	smtpd_place_listen.c	listeners, filter chains
 *	smtpd_place_rules.c	match rules
 *	smtpd_place_lost.c	actions for mail that was accepted under ours
 */
#ifndef STS_OPENSMTPD_ENABLE_SMTPD_PLACING_H
#define STS_OPENSMTPD_ENABLE_SMTPD_PLACING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "opensmtpd/check/smtpd.h"
#include "opensmtpd/enable/smtpd_edit.h"
#include "opensmtpd/enable/smtpd_place.h"

struct sts_smtpd_placing {
	struct sts_smtpd smtpd; /* as the file is */
	const struct sts_smtpd_wanted *wanted;
	struct sts_smtpd_edits edits;
	struct sts_smtpd_place *place;
	bool refused; /* place has the first reason */
	/* Names, of the file or of ours; those of ours are still to be added.
	 */
	const char *table, *unknown, *filter, *strict, *hold;
	bool add_table, add_unknown, add_filter, add_strict, add_hold;
	/* Rules for held mail; none where no mail can be held. */
	enum sts_smtpd_held { HELD_NONE, HELD_SOME, HELD_ALL } held;
	bool add_tag;  /* "tag SUBMIT", to listeners and rules with "auth" */
	unsigned port; /* of the hold listener to be added */
	/* The action of remote mail; NULL: every rule asks the table. */
	const struct sts_smtpd_statement *plain;
	/* Lines for the place of the definitions; open while placing. */
	FILE *defined;
};

/* Notes why nothing is placed; `s` NULL: the file as a whole. */
void sts_smtpd_refuse(struct sts_smtpd_placing *p,
    const struct sts_smtpd_statement *s, const char *fix, const char *format,
    ...) __attribute__((format(printf, 4, 5)));

/*
 * Writes words from `from` to `to` as the file has them, a space before each;
 * those of an included file in quotes where they were.
 */
void sts_smtpd_write_words(const struct sts_smtpd_placing *p, FILE *out,
    const struct sts_smtpd_statement *s, size_t from, size_t to);

/* True if several words come from one macro. */
bool sts_smtpd_is_packed(const struct sts_smtpd_statement *s);

/* Behind the last word. */
size_t sts_smtpd_end(const struct sts_smtpd_statement *s);

/*
 * What may come in by the hold listener, where programs of this machine can
 * connect, too: no more than may be sent from this machine without it.
 */
enum sts_smtpd_held sts_smtpd_may_hold(const struct sts_smtpd *smtpd);

/* True for a rule for users of other hosts, which gets a tag of theirs. */
bool sts_smtpd_is_for_users(const struct sts_smtpd_rule *r);

/* Where the definitions go; *after: behind other definitions. */
size_t sts_smtpd_definitions_at(const struct sts_smtpd_placing *p, bool *after);

/* The steps. */
void sts_smtpd_place_listeners(struct sts_smtpd_placing *p);
void sts_smtpd_place_actions(struct sts_smtpd_placing *p);
void sts_smtpd_place_rules(struct sts_smtpd_placing *p);
void sts_smtpd_place_definitions(struct sts_smtpd_placing *p);

#endif
