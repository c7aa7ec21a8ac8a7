/* SPDX-License-Identifier: ISC */
/* The meaning of a statement of smtpd.conf. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cursor.h"
#include "opensmtpd/check/smtpd.h"

void
sts_smtpd_report(struct sts_findings *findings, enum sts_severity severity,
    const struct sts_smtpd_statement *s, const char *fix, const char *format,
    ...)
{
	char place[1100], text[1536];
	va_list args;

	if (findings == NULL)
		return;
	va_start(args, format);
	if (vsnprintf(text, sizeof(text), format, args) < 0)
		text[0] = '\0';
	va_end(args);
	if (s->line > 0)
		(void)snprintf(
		    place, sizeof(place), "%.1024s:%u", s->file, s->line);
	else
		(void)snprintf(place, sizeof(place), "%.1024s", s->file);
	sts_find_at(findings, severity, place, fix, "%s", text);
}

bool
sts_smtpd_is(const struct sts_smtpd_word *word, const char *keyword)
{
	return word != NULL && word->kind == STS_SMTPD_WORD &&
	    strcmp(word->text, keyword) == 0;
}

bool
sts_smtpd_is_mark(const struct sts_smtpd_word *word, char mark)
{
	return word != NULL && word->kind == STS_SMTPD_MARK &&
	    word->text[0] == mark;
}

size_t
sts_smtpd_word_index(
    const struct sts_smtpd_statement *s, size_t from, const char *keyword)
{
	for (size_t i = from; i < s->count; i++) {
		if (sts_smtpd_is(&s->word[i], keyword))
			return i;
	}
	return 0;
}

bool
sts_smtpd_has(const struct sts_smtpd_statement *s, const char *keyword)
{
	return sts_smtpd_word_index(s, 1, keyword) > 0;
}

const struct sts_smtpd_word *
sts_smtpd_word_at(const struct sts_smtpd_statement *s, size_t n)
{
	return n < s->count ? &s->word[n] : NULL;
}

const struct sts_smtpd_word *
sts_smtpd_value(const struct sts_smtpd_statement *s, const char *keyword)
{
	size_t at = sts_smtpd_word_index(s, 1, keyword);

	return at > 0 ? sts_smtpd_word_at(s, at + 1) : NULL;
}

const struct sts_smtpd_statement *
sts_smtpd_named(
    const struct sts_smtpd_conf *conf, const char *keyword, const char *name)
{
	for (size_t i = 0; i < conf->count; i++) {
		const struct sts_smtpd_statement *s = &conf->statement[i];

		if (s->count >= 2 && sts_smtpd_is(&s->word[0], keyword) &&
		    strcmp(s->word[1].text, name) == 0)
			return s;
	}
	return NULL;
}

size_t
sts_smtpd_join(
    const struct sts_smtpd_statement *s, size_t at, char *buf, size_t size)
{
	bool list = sts_smtpd_is_mark(sts_smtpd_word_at(s, at), '{');
	size_t len = 0;

	buf[0] = '\0';
	for (; at < s->count; at++) {
		const struct sts_smtpd_word *w = &s->word[at];
		bool table = w->kind == STS_SMTPD_TABLE;
		int n = snprintf(buf + len, size - len, "%s%s%s%s",
		    len > 0 ? " " : "", table ? "<" : "", w->text,
		    table ? ">" : "");

		if (n > 0 && (size_t)n < size - len)
			len += (size_t)n;
		if (!list || sts_smtpd_is_mark(w, '}'))
			return at + 1;
	}
	return at;
}

const char *
sts_smtpd_table_path(const struct sts_smtpd_statement *table)
{
	static const char backend[] = "mta-sts:";

	if (table->count < 3 ||
	    strncmp(table->word[2].text, backend, sizeof(backend) - 1) != 0)
		return NULL;
	return table->word[2].text + sizeof(backend) - 1;
}

bool
sts_smtpd_table_is_unknown(const struct sts_smtpd_statement *table)
{
	static const char suffix[] = "-unknown";
	const char *name = table->word[1].text;
	size_t len = strlen(name);

	return len >= sizeof(suffix) - 1 &&
	    strcmp(name + len - (sizeof(suffix) - 1), suffix) == 0;
}

const struct sts_smtpd_statement *
sts_smtpd_our_table(
    const struct sts_smtpd_conf *conf, const struct sts_smtpd_word *word)
{
	const struct sts_smtpd_statement *table;

	if (word == NULL || word->kind != STS_SMTPD_TABLE)
		return NULL;
	table = sts_smtpd_named(conf, "table", word->text);
	return table != NULL && sts_smtpd_table_path(table) != NULL ? table
								    : NULL;
}

bool
sts_smtpd_is_relay(const struct sts_smtpd_statement *action)
{
	return action != NULL &&
	    sts_smtpd_is(sts_smtpd_word_at(action, 2), "relay");
}

bool
sts_smtpd_is_strict(
    const struct sts_smtpd_conf *conf, const struct sts_smtpd_statement *action)
{
	const struct sts_smtpd_statement *table;

	if (!sts_smtpd_is_relay(action))
		return false;
	table = sts_smtpd_our_table(conf, sts_smtpd_value(action, "domain"));
	return table != NULL && !sts_smtpd_table_is_unknown(table);
}

const char *
sts_smtpd_filter_command(
    const struct sts_smtpd_conf *conf, const struct sts_smtpd_statement *filter)
{
	const struct sts_smtpd_word *w = sts_smtpd_value(filter, "proc-exec");
	const struct sts_smtpd_statement *proc;

	if (w != NULL)
		return w->text;
	w = sts_smtpd_value(filter, "proc");
	proc = w != NULL ? sts_smtpd_named(conf, "proc", w->text) : NULL;
	return proc != NULL && proc->count >= 3 ? proc->word[2].text : NULL;
}

/* In any directory, with any arguments. */
static bool
is_our_command(const char *command)
{
	size_t len = strcspn(command, " \t");
	const char *slash = memrchr(command, '/', len);
	const char *name = slash != NULL ? slash + 1 : command;

	return sts_span_is(
	    (struct sts_span){name, len - (size_t)(name - command)},
	    "filter-mta-sts");
}

bool
sts_smtpd_is_our_filter(
    const struct sts_smtpd_conf *conf, const struct sts_smtpd_statement *s)
{
	const char *command;

	if (s == NULL || s->count < 3 || !sts_smtpd_is(&s->word[0], "filter"))
		return false;
	command = sts_smtpd_filter_command(conf, s);
	return command != NULL && is_our_command(command);
}

const char *
sts_smtpd_our_filter(const struct sts_smtpd_conf *conf)
{
	for (size_t i = 0; i < conf->count; i++) {
		const struct sts_smtpd_statement *s = &conf->statement[i];

		if (sts_smtpd_is_our_filter(conf, s))
			return s->word[1].text;
	}
	return NULL;
}

/* True if a list in braces, from its "{" on, names filter-mta-sts. */
static bool
list_has_ours(const struct sts_smtpd_conf *conf,
    const struct sts_smtpd_statement *s, size_t at)
{
	for (; at < s->count && !sts_smtpd_is_mark(&s->word[at], '}'); at++) {
		if (s->word[at].kind != STS_SMTPD_MARK &&
		    sts_smtpd_is_our_filter(conf,
			sts_smtpd_named(conf, "filter", s->word[at].text)))
			return true;
	}
	return false;
}

bool
sts_smtpd_has_filter(
    const struct sts_smtpd_conf *conf, const struct sts_smtpd_statement *s)
{
	const struct sts_smtpd_statement *named;
	size_t at = sts_smtpd_word_index(s, 2, "filter");

	if (at == 0 || at + 1 >= s->count)
		return false;
	if (sts_smtpd_is_mark(&s->word[at + 1], '{'))
		return list_has_ours(conf, s, at + 1);
	named = sts_smtpd_named(conf, "filter", s->word[at + 1].text);
	if (sts_smtpd_is_our_filter(conf, named))
		return true;
	at = named != NULL ? sts_smtpd_word_index(named, 2, "chain") : 0;
	return at > 0 && list_has_ours(conf, named, at + 1);
}
