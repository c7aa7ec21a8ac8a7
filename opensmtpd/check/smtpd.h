/* SPDX-License-Identifier: ISC */
/*
 * `mta-sts config check --smtpd`: checks an smtpd.conf(5) for what enforcing
 * policies requires.
 *
 * The filter waits and prepares, the table decides, the action verifies, and
 * the match rules lead there; if one of the four is missing, the others protect
 * nothing, and smtpd reports no error.
 *
 *	smtpd_read.c        files into statements: includes, macros, quotes
 *	smtpd_words.c       what a statement says
 *	smtpd_check.c       the filter, the table, the listeners
 *	smtpd_actions.c     actions
 *	smtpd_rules.c       match rules
 *	smtpd_conditions.c  from whom a match rule takes mail
 *	smtpd_signing.c     what TLS reports need: DKIM, a rule of their own
 */
#ifndef STS_OPENSMTPD_CHECK_SMTPD_H
#define STS_OPENSMTPD_CHECK_SMTPD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/config.h"
#include "base/findings.h"
#include "base/signing.h"

enum {
	STS_SMTPD_FILE_MAX = 1024 * 1024, /* bytes of a file */
	STS_SMTPD_FILES_MAX = 64,
	STS_SMTPD_DEPTH_MAX = 16, /* of includes */
	STS_SMTPD_STATEMENTS_MAX = 8192,
	STS_SMTPD_WORDS_MAX = 65536 /* of all statements */
};

enum sts_smtpd_kind {
	STS_SMTPD_WORD,   /* may be a keyword */
	STS_SMTPD_STRING, /* in quotes: never a keyword */
	STS_SMTPD_TABLE,  /* <NAME> */
	STS_SMTPD_MARK    /* one of { } ( ) , = ! < > */
};

struct sts_smtpd_word {
	char *text; /* without quotes or angle brackets */
	enum sts_smtpd_kind kind;
	/* Its bytes in the file; those of the macro that it comes from. */
	size_t begin, end;
};

/* From its keyword to the end of the line or of its braces. */
struct sts_smtpd_statement {
	const char *file;
	unsigned line;
	struct sts_smtpd_word *word;
	size_t count; /* at least 1 */
	/* Of an included one: where the first file has its include. */
	size_t top;
	bool included;
};

/* A configuration, with its includes inserted and macros expanded. */
struct sts_smtpd_conf {
	struct sts_smtpd_statement *statement;
	size_t count;
	size_t words;
	char *file[STS_SMTPD_FILES_MAX];
	size_t file_count;
	struct {
		char *name, *value;
	} * macro;
	size_t macro_count;
	bool no_memory;
};

/* A match rule. */
struct sts_smtpd_rule {
	const struct sts_smtpd_statement *statement;
	size_t end;                /* its conditions are words 1 to end, */
	size_t for_begin, for_end; /* except these: for whom */
	const struct sts_smtpd_statement *action; /* NULL: reject, or none */
	/* Or for all but some, by recipient, by a pattern that all match. */
	bool for_any;
	bool for_not;
	bool for_regex;
	const struct sts_smtpd_word *for_domain; /* the first word after it */
	const struct sts_smtpd_statement *for_table; /* ours, or NULL */
};

/* What is to be checked. */
struct sts_smtpd {
	struct sts_smtpd_conf conf;
	const struct sts_config *config; /* of this suite */
	const char *config_file;         /* as by -f; NULL: default */
	int64_t now;                     /* seconds since 1970 */
	bool trial; /* not in use yet: no mail has left by it */
	struct sts_smtpd_rule *rule; /* all match rules, in order */
	size_t rule_count;
};

/*
 * Reads a file and its includes.  Reports syntax that it cannot follow, unless
 * `findings` is NULL.
 * STS_OK, STS_NO_MEMORY, or the status of sts_readfile for the file itself; to
 * be freed in every case.
 */
enum sts_status sts_smtpd_read(struct sts_smtpd_conf *conf, const char *path,
    struct sts_findings *findings);
void sts_smtpd_free(struct sts_smtpd_conf *conf);

/* The same for bytes that were read from `path`. */
enum sts_status sts_smtpd_read_text(struct sts_smtpd_conf *conf,
    const char *path, const char *bytes, size_t len,
    struct sts_findings *findings);

/* True for a keyword, or an unquoted value. */
bool sts_smtpd_is(const struct sts_smtpd_word *word, const char *keyword);
bool sts_smtpd_is_mark(const struct sts_smtpd_word *word, char mark);

/* The word's index in the statement, from `from` on; 0: not found. */
size_t sts_smtpd_word_index(
    const struct sts_smtpd_statement *s, size_t from, const char *keyword);
bool sts_smtpd_has(const struct sts_smtpd_statement *s, const char *keyword);

/* The word after a keyword; NULL if either is missing. */
const struct sts_smtpd_word *sts_smtpd_value(
    const struct sts_smtpd_statement *s, const char *keyword);

/* The n-th word (from 0), or NULL. */
const struct sts_smtpd_word *sts_smtpd_word_at(
    const struct sts_smtpd_statement *s, size_t n);

/* The statement "KEYWORD NAME ..." or NULL. */
const struct sts_smtpd_statement *sts_smtpd_named(
    const struct sts_smtpd_conf *conf, const char *keyword, const char *name);

/*
 * The value at index `at` (a word, <TABLE> or {list}) as one text; returns the
 * index after it.
 */
size_t sts_smtpd_join(
    const struct sts_smtpd_statement *s, size_t at, char *buf, size_t size);

/* The table's "mta-sts:PATH" parameter; NULL: another table. */
const char *sts_smtpd_table_path(const struct sts_smtpd_statement *table);

/* True for the table of domains that were never looked up. */
bool sts_smtpd_table_is_unknown(const struct sts_smtpd_statement *table);

/* The table-mta-sts table after a keyword such as "domain", or NULL. */
const struct sts_smtpd_statement *sts_smtpd_our_table(
    const struct sts_smtpd_conf *conf, const struct sts_smtpd_word *word);

/* True if the action is a relay; false for NULL. */
bool sts_smtpd_is_relay(const struct sts_smtpd_statement *action);

/* The command of a "filter" statement, or NULL. */
const char *sts_smtpd_filter_command(const struct sts_smtpd_conf *conf,
    const struct sts_smtpd_statement *filter);

/* True for a "filter" that runs filter-mta-sts; false for NULL. */
bool sts_smtpd_is_our_filter(
    const struct sts_smtpd_conf *conf, const struct sts_smtpd_statement *s);

/* The name of the first such filter, or NULL. */
const char *sts_smtpd_our_filter(const struct sts_smtpd_conf *conf);

/* True if a listener or action has such a filter, alone or in a chain. */
bool sts_smtpd_has_filter(
    const struct sts_smtpd_conf *conf, const struct sts_smtpd_statement *s);

/* True for a listener whose sessions are local, or may be authenticated. */
bool sts_smtpd_needs_filter(const struct sts_smtpd_statement *listener);

/* Prints a finding with the statement's file and line; to NULL, none. */
void sts_smtpd_report(struct sts_findings *findings, enum sts_severity severity,
    const struct sts_smtpd_statement *s, const char *fix, const char *format,
    ...) __attribute__((format(printf, 5, 6)));

/* Fills rule and rule_count; false: no memory. */
bool sts_smtpd_make_rules(struct sts_smtpd *smtpd);
void sts_smtpd_free_rules(struct sts_smtpd *smtpd);

/* True if the rule has a condition "KEYWORD" or "! KEYWORD"; not "for". */
bool sts_smtpd_rule_has(const struct sts_smtpd_rule *r, const char *keyword);

/* The same, and it is not negated. */
bool sts_smtpd_rule_requires(
    const struct sts_smtpd_rule *r, const char *keyword);

/*
 * True if `wide` takes all mail that `narrow` takes, but for "for": each of its
 * conditions follows from one of `narrow` of the same keyword, as a list from
 * one with fewer values.  False where that cannot be seen.
 */
bool sts_smtpd_covers(
    const struct sts_smtpd_rule *wide, const struct sts_smtpd_rule *narrow);

/* True for a rule for any domain that takes all local mail with this tag. */
bool sts_smtpd_takes_tagged(
    const struct sts_smtpd_rule *r, const struct sts_smtpd_word *tag);

/*
 * True for a rule that rejects mail by its session, and may take the one by
 * which mail that was held comes back: from 127.0.0.1, without a password, with
 * the name of this machine.  What it rejects by sender or recipient never was
 * held.
 */
bool sts_smtpd_may_refuse_held(const struct sts_smtpd_rule *r);

/* True if the rule takes no mail with this tag: "! tag TAG". */
bool sts_smtpd_excludes_tagged(
    const struct sts_smtpd_rule *r, const struct sts_smtpd_word *tag);

/* True for mail of this machine only, as by default. */
bool sts_smtpd_is_from_local(const struct sts_smtpd_rule *r);

/*
 * True for a rule for all domains that takes mail of this machine, and by
 * conditions that do not change where smtpd relays the mail to itself: by
 * sender and recipient; `whole`: by none, so it takes all of that mail.
 */
bool sts_smtpd_is_for_local(const struct sts_smtpd_rule *r, bool whole);

/* True for a rule that relays mail for any domain without asking the table. */
bool sts_smtpd_is_catch_all(const struct sts_smtpd *s, size_t at);

/* The same, and no rule before it asks the table about all of that mail. */
bool sts_smtpd_is_uncovered(const struct sts_smtpd *s, size_t at);

/*
 * True for a rule that relays mail by a regular expression, perhaps that for
 * any domain, and no rule before it asks the table about all of that mail.
 */
bool sts_smtpd_is_unclear(const struct sts_smtpd *s, size_t at);

/* Of TLS reports; "" if none are sent, or not by mail. */
const char *sts_smtpd_report_sender(const struct sts_config *config);

/* Checks: each prints its findings. */
void sts_smtpd_check_actions(struct sts_findings *f, const struct sts_smtpd *s);
/* Of an action by which a rule relays mail for any domain: the filter. */
void sts_smtpd_check_plain(struct sts_findings *f, const struct sts_smtpd *s,
    const struct sts_smtpd_statement *a);
void sts_smtpd_check_rules(struct sts_findings *f, const struct sts_smtpd *s);

/* True for an action that queries table-mta-sts for its host. */
bool sts_smtpd_is_strict(const struct sts_smtpd_conf *conf,
    const struct sts_smtpd_statement *action);

/*
 * Checks the differences between the strict action and the plain one that
 * delivered its mail before.
 */
void sts_smtpd_check_difference(struct sts_findings *f,
    const struct sts_smtpd_statement *strict,
    const struct sts_smtpd_statement *plain);

/*
 * Reads and checks.  Uses config, config_file and now of *s.  STS_OK;
 * STS_NO_MEMORY; STS_BAD_LINE if the file is too large; another status, and
 * errno, if it cannot be read.
 */
enum sts_status sts_smtpd_check_file(
    struct sts_findings *findings, struct sts_smtpd *s, const char *file);

/*
 * `mta-sts report check`: whether mail from sendmail is signed, by from and
 * submitter of *signing, whose other members are filled in; and whether a rule
 * for that sender lets reports leave in spite of a policy.
 */
void sts_smtpd_check_signing(struct sts_findings *f, const struct sts_smtpd *s,
    struct sts_signing *signing);
void sts_smtpd_check_sender(struct sts_findings *f, const struct sts_smtpd *s,
    const struct sts_signing *signing);

/* True for a rule that relays mail of this sender, and enforces nothing. */
bool sts_smtpd_is_sender_rule(const struct sts_smtpd *s,
    const struct sts_smtpd_rule *r, const char *from);

/* Reads a file and checks both; uses config of *s.  Statuses as above. */
enum sts_status sts_smtpd_check_reporter(struct sts_findings *findings,
    struct sts_smtpd *s, const char *file, struct sts_signing *signing);

#endif
