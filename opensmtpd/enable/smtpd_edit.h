/* SPDX-License-Identifier: ISC */
/* Changes to a text, collected first; every other byte stays as it is. */
#ifndef STS_OPENSMTPD_ENABLE_SMTPD_EDIT_H
#define STS_OPENSMTPD_ENABLE_SMTPD_EDIT_H

#include <stdbool.h>
#include <stddef.h>

struct sts_smtpd_edit {
	size_t at, remove; /* bytes of the old text */
	char *text;        /* in their place */
};

struct sts_smtpd_edits {
	const char *bytes; /* the old text, borrowed */
	size_t len;
	struct sts_smtpd_edit *edit;
	size_t count;
	bool no_memory;
};

/*
 * Puts a formatted text in the place of `remove` bytes at `at`.  Of several at
 * one place the first comes first.
 */
void sts_smtpd_edit(struct sts_smtpd_edits *e, size_t at, size_t remove,
    const char *format, ...) __attribute__((format(printf, 4, 5)));

/* True if something is changed at exactly this place. */
bool sts_smtpd_is_edited(const struct sts_smtpd_edits *e, size_t at);

/* Where the line of `at` begins; continued lines (backslash) are one. */
size_t sts_smtpd_line_begin(const struct sts_smtpd_edits *e, size_t at);

/* Behind the line feed of the line of `at`, or the end of the text. */
size_t sts_smtpd_line_end(const struct sts_smtpd_edits *e, size_t at);

/* The same as line_begin, or above the comments directly before that line. */
size_t sts_smtpd_above_comments(const struct sts_smtpd_edits *e, size_t at);

/* True if there is no line at `at`, or a blank one. */
bool sts_smtpd_is_blank_line(const struct sts_smtpd_edits *e, size_t at);

/* The new text, with a NUL behind it; the caller frees it.  NULL: no memory. */
char *sts_smtpd_edits_apply(struct sts_smtpd_edits *e, size_t *len);

void sts_smtpd_edits_free(struct sts_smtpd_edits *e);

#endif
