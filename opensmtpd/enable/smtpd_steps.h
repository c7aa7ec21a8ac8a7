/* SPDX-License-Identifier: ISC */
/* The steps of enabling, and how they are reported. */
#ifndef STS_OPENSMTPD_ENABLE_SMTPD_STEPS_H
#define STS_OPENSMTPD_ENABLE_SMTPD_STEPS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "change/change.h"
#include "opensmtpd/enable/smtpd_place.h"
#include "opensmtpd/enable/smtpd_queue.h"
#include "opensmtpd/enable/smtpd_service.h"
#include "opensmtpd/enable/smtpd_switch.h"

struct sts_smtpd_steps {
	const struct sts_smtpd_switch *e;
	char path[PATH_MAX]; /* of smtpd.conf, links resolved */
	char trial[PATH_MAX + 32];
	char *bytes; /* of smtpd.conf, with a NUL behind */
	size_t len;
	struct sts_smtpd_place place;
	struct sts_changes changes;
	struct sts_smtpd_service service;
	struct sts_smtpd_queue queue; /* when it was last looked through */
	enum sts_smtpd_serves serves; /* with the new file */
	/* Of `enable`: what an earlier run had left was taken out first. */
	bool went_back;
	bool keeps; /* the file, which has all of ours, stays in any case */
};

/* Prints a step; "would: " before it in a dry run. */
void sts_smtpd_say(const struct sts_smtpd_steps *w, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Prints why nothing is done, and, unless NULL or "", what to do. */
enum sts_switched sts_smtpd_stop(
    const struct sts_smtpd_steps *w, const char *fix, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same, for what the system refused. */
enum sts_switched sts_smtpd_fail(const struct sts_smtpd_steps *w,
    const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Reports what became of a set of changes; NONE is no failure. */
enum sts_switched sts_smtpd_changed(
    const struct sts_smtpd_steps *w, enum sts_change_result result);

/*
 * The operator has changed what this command wrote (STS_CHANGE_EDITED): how to
 * keep that, and, unless NULL, a command to run in the end.
 */
enum sts_switched sts_smtpd_edited(
    const struct sts_smtpd_steps *w, const char *again);

/* Finds and reads smtpd.conf; reads it again. */
enum sts_switched sts_smtpd_load(struct sts_smtpd_steps *w);
enum sts_switched sts_smtpd_reload(struct sts_smtpd_steps *w);

/* Ends with a set of changes, and begins an empty one. */
enum sts_switched sts_smtpd_new_changes(struct sts_smtpd_steps *w);

/* `smtpd -n` on a file; what smtpd says is passed on. */
enum sts_switched sts_smtpd_parse(
    const struct sts_smtpd_steps *w, const char *path);

/* Writes the new text beside smtpd.conf; has smtpd and config check read it. */
enum sts_switched sts_smtpd_try(struct sts_smtpd_steps *w);

/* What `config check --smtpd` says of a file: its errors are a refusal. */
enum sts_switched sts_smtpd_check_path(
    const struct sts_smtpd_steps *w, const char *path, bool trial);

/* The state directory, where it is not there yet. */
enum sts_switched sts_smtpd_set_up(const struct sts_smtpd_steps *w);

/*
 * True if smtpd runs (and with `filter` that filter), and was started with the
 * file as it is.
 */
bool sts_smtpd_is_current(const struct sts_smtpd_steps *w, bool filter);

/*
 * Restarts smtpd where it runs as a service, else says what to do.  With
 * `filter`, filter and tables have to come up, too.  In a dry run it is said.
 */
enum sts_smtpd_serves sts_smtpd_restart(struct sts_smtpd_steps *w, bool filter);

/* Reports STS_SERVES_NOT: what was done then, with which file it is, why. */
enum sts_switched sts_smtpd_not_served(const struct sts_smtpd_steps *w,
    const char *done, const char *file, const char *why);

/* Removes the trial, frees all. */
void sts_smtpd_end_steps(struct sts_smtpd_steps *w);

#endif
