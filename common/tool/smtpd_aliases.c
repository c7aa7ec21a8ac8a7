/* SPDX-License-Identifier: ISC */
/*
 * The targets of aliases pass no filter.  Where one's domain was never looked
 * up, the table has a second and a half for it, and after that the mail is
 * refused, or lost; so such domains are to be kept known.
 */
#include <errno.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/names.h"
#include "base/readfile.h"
#include "client/ask.h"
#include "core/domain.h"
#include "store/store.h"
#include "tool/smtpd.h"

enum {
	ALIASES_MAX = 4 * 1024 * 1024, /* bytes of a file */
	BELIEVED = 30 * 86400          /* how old an absence may be */
};

/* What goes through the tables. */
struct walk {
	struct sts_findings *findings;
	const struct sts_smtpd *smtpd;
	struct sts_smtpd_statement place;
	struct sts_names seen; /* domains, however many aliases lead there */
	bool failed;           /* the store cannot be read; said once */
};

/* Whether a word of a list, or of a table, is for a domain. */
typedef bool (*match_fn)(const char *pattern, const char *domain);

/* "*.example.org" and "example.org", as smtpd matches domains. */
static bool
matches(const char *pattern, const char *domain)
{
	size_t p = strlen(pattern), d = strlen(domain);

	if (strcasecmp(pattern, domain) == 0)
		return true;
	return pattern[0] == '*' && d >= p - 1 &&
	    strcasecmp(domain + d - (p - 1), pattern + 1) == 0;
}

/* "for domain regex": extended, and without regard to case. */
static bool
matches_regex(const char *pattern, const char *domain)
{
	regex_t regex;
	bool found;

	if (regcomp(&regex, pattern, REG_EXTENDED | REG_ICASE | REG_NOSUB) != 0)
		return false;
	found = regexec(&regex, domain, 0, NULL, 0) == 0;
	regfree(&regex);
	return found;
}

/* A key of a table file. */
static bool
file_has(const char *path, match_fn match, const char *domain)
{
	char *bytes, *rest, *line;
	bool found = false;
	size_t len;

	if (sts_readfile(path, true, ALIASES_MAX, &bytes, &len) != STS_OK)
		return false;
	for (rest = bytes; !found && (line = strsep(&rest, "\n")) != NULL;) {
		line += strspn(line, " \t");
		line[strcspn(line, " \t:#")] = '\0';
		found = line[0] != '\0' && match(line, domain);
	}
	free(bytes);
	return found;
}

/* The file of a table that is one, or NULL. */
static const char *
file_of(const struct sts_smtpd_statement *table)
{
	const char *text;

	if (table == NULL || table->count < 3 ||
	    table->word[2].kind == STS_SMTPD_MARK)
		return NULL;
	text = table->word[2].text;
	if (strncmp(text, "file:", 5) == 0)
		return text + 5;
	return text[0] == '/' ? text : NULL;
}

/* Any word in braces counts: lists hold nothing else. */
static bool
words_have(const struct sts_smtpd_statement *s, size_t at, match_fn match,
    const char *domain)
{
	for (; at < s->count && !sts_smtpd_is_mark(&s->word[at], '}'); at++) {
		if (s->word[at].kind != STS_SMTPD_MARK &&
		    match(s->word[at].text, domain))
			return true;
	}
	return false;
}

bool
sts_smtpd_names(const struct sts_smtpd_conf *conf,
    const struct sts_smtpd_rule *r, const char *domain)
{
	const struct sts_smtpd_word *w = r->for_domain;
	match_fn match = r->for_regex ? matches_regex : matches;
	const struct sts_smtpd_statement *table;
	const char *file;

	if (w == NULL || r->for_not || r->for_table != NULL)
		return false;
	if (sts_smtpd_is_mark(w, '{'))
		return words_have(r->statement,
		    (size_t)(w - r->statement->word), match, domain);
	if (w->kind != STS_SMTPD_TABLE)
		return match(w->text, domain);
	table = sts_smtpd_named(conf, "table", w->text);
	if ((file = file_of(table)) != NULL)
		return file_has(file, match, domain);
	return table != NULL && words_have(table, 2, match, domain);
}

/* Its mail never meets the table. */
static bool
is_named(const struct sts_smtpd *s, const char *domain)
{
	for (size_t i = 0; i < s->rule_count; i++) {
		if (sts_smtpd_names(&s->conf, &s->rule[i], domain))
			return true;
	}
	return false;
}

static bool
is_prefetched(const struct sts_config *config, const char *domain)
{
	char name[STS_NAME_MAX + 1];

	for (size_t i = 0; i < config->prefetch_count; i++) {
		if (sts_domain_normalise(config->prefetch[i], name) == STS_OK &&
		    strcmp(name, domain) == 0)
			return true;
	}
	return false;
}

/*
 * As the table would find it; the status is of the store.  What is old counts
 * where nothing is in force, but not beside a file that cannot be believed.
 */
static enum sts_status
is_known(const struct sts_smtpd *s, const char *domain, bool *known)
{
	struct sts_check check;
	struct sts_entry entry;
	struct sts_store *store;
	struct sts_answer answer;
	enum sts_status status;

	sts_ask_store(s->config, domain, &answer);
	*known = answer.verdict != STS_VERDICT_DEFER;
	status = answer.why;
	sts_answer_free(&answer);
	if (*known || status == STS_ENTRY_CORRUPT)
		return STS_OK;
	if (status != STS_NOT_FOUND ||
	    (status = sts_store_open(&store, s->config->state_dir, false)) !=
		STS_OK)
		return status;
	if (sts_store_read_policy(store, domain, s->now, &entry) == STS_OK) {
		*known = true;
		sts_entry_free(&entry);
	} else if (sts_store_read_check(store, domain, s->now, &check) ==
	    STS_OK) {
		*known = check.reason != STS_OK &&
		    s->now - check.checked <= BELIEVED;
	}
	sts_store_close(store);
	return STS_OK;
}

/* What does not fit into memory is looked at again. */
static bool
was_seen(struct walk *w, const char *domain)
{
	for (size_t i = 0; i < w->seen.count; i++) {
		if (strcmp(w->seen.name[i], domain) == 0)
			return true;
	}
	(void)sts_names_add(&w->seen, domain);
	return false;
}

/* A target's domain. */
static void
take_domain(struct walk *w, const char *name)
{
	char domain[STS_NAME_MAX + 1], mend[STS_NAME_MAX + 32];
	enum sts_status status;
	bool known;

	if (w->failed || sts_domain_normalise(name, domain) != STS_OK ||
	    was_seen(w, domain) || is_named(w->smtpd, domain) ||
	    is_prefetched(w->smtpd->config, domain))
		return;
	status = is_known(w->smtpd, domain, &known);
	if (status != STS_OK) {
		w->failed = true;
		sts_smtpd_find_at(w->findings, STS_FIND_NOTE, &w->place, NULL,
		    "whether the domains of aliases are known cannot be told: "
		    "%s",
		    sts_status_text(status));
		return;
	}
	if (known)
		return;
	(void)snprintf(mend, sizeof(mend), "prefetch %s", domain);
	sts_smtpd_find_at(w->findings, STS_FIND_WARNING, &w->place, mend,
	    "an alias leads to %s, of which nothing is known: mail to the "
	    "alias may be refused or lost",
	    domain);
}

/* "user@domain", perhaps in quotes; what is none has no domain of its own. */
static void
take_target(struct walk *w, char *target)
{
	char *at;

	target += strspn(target, " \t\"'");
	if (strchr("|/:", target[0]) != NULL ||
	    strncmp(target, "error:", 6) == 0)
		return;
	target[strcspn(target, " \t\r\"'")] = '\0';
	at = strrchr(target, '@');
	if (at != NULL)
		take_domain(w, at + 1);
}

/* The comma, or the end, that ends a target; a quoted one may hold commas. */
static char *
target_end(char *target)
{
	char quote = '\0';

	for (; *target != '\0' && (quote != '\0' || *target != ','); target++) {
		if (*target == '\\' && target[1] != '\0')
			target++;
		else if (*target == quote)
			quote = '\0';
		else if (quote == '\0' && (*target == '"' || *target == '\''))
			quote = *target;
	}
	return target;
}

static void
take_targets(struct walk *w, char *value)
{
	for (;;) {
		char *end = target_end(value);
		bool last = *end == '\0';

		*end = '\0';
		take_target(w, value);
		if (last)
			return;
		value = end + 1;
	}
}

/* KEY, blanks or a colon, and targets, as smtpd's table backend reads it. */
static void
take_file(struct walk *w, const char *path)
{
	char *bytes, *rest, *line;
	enum sts_status status;
	size_t len;

	status = sts_readfile(path, true, ALIASES_MAX, &bytes, &len);
	if (status != STS_OK) {
		sts_smtpd_find_at(w->findings, STS_FIND_WARNING, &w->place,
		    NULL, "%s cannot be read: %s", path,
		    status == STS_BAD_LINE ? "too large" : strerror(errno));
		return;
	}
	w->place.file = path;
	w->place.line = 0;
	for (rest = bytes; (line = strsep(&rest, "\n")) != NULL;) {
		w->place.line++;
		line += strspn(line, " \t");
		if (line[0] == '#')
			continue;
		line += strcspn(line, " \t:");
		line += strspn(line, " \t:");
		take_targets(w, line);
	}
	free(bytes);
}

/* { KEY = "TARGETS", ... } */
static void
take_list(struct walk *w, const struct sts_smtpd_statement *table)
{
	for (size_t i = 3; i + 1 < table->count; i++) {
		char *copy;

		if (!sts_smtpd_is_mark(&table->word[i], '='))
			continue;
		copy = strdup(table->word[i + 1].text);
		if (copy != NULL)
			take_targets(w, copy);
		free(copy);
	}
}

static void
take_table(struct walk *w, const struct sts_smtpd_word *name)
{
	const struct sts_smtpd_statement *table;
	const char *file;

	if (name == NULL || name->kind != STS_SMTPD_TABLE)
		return;
	table = sts_smtpd_named(&w->smtpd->conf, "table", name->text);
	if (table == NULL)
		return;
	w->place = *table;
	if ((file = file_of(table)) != NULL)
		take_file(w, file);
	else if (sts_smtpd_is_mark(sts_smtpd_word_at(table, 2), '{'))
		take_list(w, table);
	else
		sts_smtpd_find_at(w->findings, STS_FIND_NOTE, table, NULL,
		    "the targets in table %s are not looked at", name->text);
}

void
sts_smtpd_judge_aliases(struct sts_findings *f, const struct sts_smtpd *s)
{
	struct walk *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return;
	w->findings = f;
	w->smtpd = s;
	for (size_t i = 0; i < s->conf.count; i++) {
		const struct sts_smtpd_statement *a = &s->conf.statement[i];

		if (!sts_smtpd_is(&a->word[0], "action"))
			continue;
		take_table(w, sts_smtpd_value(a, "alias"));
		take_table(w, sts_smtpd_value(a, "virtual"));
	}
	sts_names_free(&w->seen);
	free(w);
}
