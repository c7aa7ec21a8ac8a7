/* SPDX-License-Identifier: ISC */
/*
 * Splits smtpd.conf into words like smtpd's own parser.  Statements that mean
 * nothing here are copied: a later version's syntax must not make this fail.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "base/readfile.h"
#include "opensmtpd/check/smtpd.h"

enum { WORD_MAX = 8192 }; /* bytes, as in smtpd */

/* The position in the files. */
struct reader {
	struct sts_smtpd_conf *conf;
	struct sts_findings *findings;
	const char *file;
	unsigned line;
	unsigned depth; /* of includes */
	unsigned braces;
	bool in_macro;
	bool in_comment;   /* since in_macro, if one has begun */
	bool full;         /* a limit was reached, and reported */
	const char *start; /* of the file's bytes */
	size_t begin;      /* of what is being read, from there */
	size_t top;        /* if depth > 1: of the first file's include */
	struct sts_smtpd_statement statement;
};

static void read_bytes(struct reader *r, struct sts_cursor c);

/* Reports what smtpd itself would refuse, once for each file. */
static void
complain(struct reader *r, const char *what)
{
	const struct sts_smtpd_statement here = {
	    .file = r->file, .line = r->line};

	sts_smtpd_report(r->findings, STS_FIND_ERROR, &here,
	    "see what this says: smtpd -n -f FILE", "%s", what);
}

/* Reports that a limit was reached, since the rest is not checked. */
static void
complain_full(struct reader *r)
{
	if (!r->full)
		complain(r, "the configuration is too large to be checked");
	r->full = true;
}

static void
free_words(struct sts_smtpd_statement *s)
{
	for (size_t i = 0; i < s->count; i++)
		free(s->word[i].text);
	free(s->word);
	s->word = NULL;
	s->count = 0;
}

/* Appends a word to the current statement. */
static void
add_word(struct reader *r, struct sts_span text, enum sts_smtpd_kind kind)
{
	struct sts_smtpd_statement *s = &r->statement;
	struct sts_smtpd_word *more;
	char *copy;

	if (r->conf->words >= STS_SMTPD_WORDS_MAX) {
		complain_full(r);
		return;
	}
	/* Room doubles whenever the count is a power of two. */
	if ((s->count & (s->count - 1)) == 0) {
		more = reallocarray(
		    s->word, s->count == 0 ? 1 : s->count * 2, sizeof(*more));
		if (more == NULL) {
			r->conf->no_memory = true;
			return;
		}
		s->word = more;
	}
	if ((copy = strndup(text.p, text.len)) == NULL) {
		r->conf->no_memory = true;
		return;
	}
	if (s->count == 0) {
		s->file = r->file;
		s->line = r->line;
		s->included = r->depth > 1;
		s->top = s->included ? r->top : r->begin;
	}
	s->word[s->count].begin = r->begin;
	s->word[s->count].text = copy;
	s->word[s->count++].kind = kind;
	r->conf->words++;
}

static const char *
macro_value(const struct sts_smtpd_conf *conf, const char *name)
{
	/* The last definition counts. */
	for (size_t i = conf->macro_count; i-- > 0;) {
		if (strcmp(conf->macro[i].name, name) == 0)
			return conf->macro[i].value;
	}
	return NULL;
}

/* NAME = VALUE */
static void
define_macro(struct reader *r)
{
	struct sts_smtpd_conf *conf = r->conf;
	struct sts_smtpd_word *word = r->statement.word;
	void *more = realloc(
	    conf->macro, (conf->macro_count + 1) * sizeof(*conf->macro));

	if (more == NULL) {
		conf->no_memory = true;
		return;
	}
	conf->macro = more;
	/* Moved: freeing the words must not free these. */
	conf->macro[conf->macro_count].name = word[0].text;
	conf->macro[conf->macro_count++].value = word[2].text;
	word[0].text = word[2].text = NULL;
}

/* Reads the bytes of a file in place of the include statement. */
static enum sts_status
read_file_bytes(
    struct reader *r, const char *path, const char *bytes, size_t len)
{
	struct sts_smtpd_conf *conf = r->conf;
	struct reader inner = {.conf = conf,
	    .findings = r->findings,
	    .depth = r->depth + 1,
	    .full = r->full,
	    .start = bytes,
	    .top = r->depth == 1 ? r->statement.top : r->top};
	char *name = strdup(path);

	if (name == NULL)
		return STS_NO_MEMORY;
	inner.file = conf->file[conf->file_count++] = name;
	inner.line = 1;
	read_bytes(&inner, sts_cursor_make(bytes, len));
	r->full = inner.full;
	return STS_OK;
}

static enum sts_status
read_file(struct reader *r, const char *path)
{
	struct sts_smtpd_conf *conf = r->conf;
	enum sts_status status;
	char *bytes;
	size_t len;

	if (r->depth >= STS_SMTPD_DEPTH_MAX ||
	    conf->file_count >= STS_SMTPD_FILES_MAX) {
		complain_full(r);
		return STS_OK;
	}
	status = sts_readfile(path, true, STS_SMTPD_FILE_MAX, &bytes, &len);
	if (status != STS_OK)
		return status;
	status = read_file_bytes(r, path, bytes, len);
	free(bytes);
	return status;
}

static void
include(struct reader *r)
{
	/* Saves the words while the file is read. */
	struct sts_smtpd_statement s = r->statement;

	memset(&r->statement, 0, sizeof(r->statement));
	r->statement.top = s.top;
	if (read_file(r, s.word[1].text) != STS_OK)
		sts_smtpd_report(r->findings, STS_FIND_ERROR, &s, NULL,
		    "%s cannot be read: %s", s.word[1].text, strerror(errno));
	r->statement = s;
}

static void
keep_statement(struct reader *r)
{
	struct sts_smtpd_conf *conf = r->conf;
	struct sts_smtpd_statement *more;

	if (conf->count >= STS_SMTPD_STATEMENTS_MAX) {
		complain_full(r);
		return;
	}
	more = realloc(conf->statement, (conf->count + 1) * sizeof(*more));
	if (more == NULL) {
		conf->no_memory = true;
		return;
	}
	conf->statement = more;
	more[conf->count++] = r->statement;
	memset(&r->statement, 0, sizeof(r->statement));
}

/* The end of a line outside braces. */
static void
end_statement(struct reader *r)
{
	const struct sts_smtpd_statement *s = &r->statement;

	if (s->count >= 3 && s->word[0].kind == STS_SMTPD_WORD &&
	    sts_smtpd_is_mark(&s->word[1], '='))
		define_macro(r);
	else if (s->count == 2 && sts_smtpd_is(&s->word[0], "include"))
		include(r);
	else if (s->count > 0)
		keep_statement(r);
	free_words(&r->statement);
	memset(&r->statement, 0, sizeof(r->statement));
}

/*
 * The next byte, or -1.  A backslash before a line feed joins two lines, also
 * in a comment.
 */
static int
next_byte(struct reader *r, struct sts_cursor *c)
{
	while (sts_cursor_left(c) >= 2 && c->p[0] == '\\' && c->p[1] == '\n') {
		c->p += 2;
		r->line++;
	}
	return sts_cursor_peek(c);
}

static bool
may_be_in_word(int byte)
{
	return byte > ' ' && byte < 0x7f && strchr("(){}<>!=#,", byte) == NULL;
}

/* Reads up to the same quote; omits line feeds. */
static void
read_string(struct reader *r, struct sts_cursor *c)
{
	char text[WORD_MAX];
	size_t len = 0;
	char quote = *c->p++;
	int byte;

	while ((byte = sts_cursor_peek(c)) != -1 && byte != quote) {
		c->p++;
		/* Before other bytes it stands for itself. */
		if (byte == '\\' && sts_cursor_peek(c) != -1 &&
		    (strchr(" \t\n", *c->p) != NULL || *c->p == quote))
			byte = *c->p++;
		if (byte == '\n')
			r->line++;
		else if (byte != '\0' && len < sizeof(text))
			text[len++] = (char)byte;
	}
	if (!sts_cursor_byte(c, quote))
		complain(r, "a quoted string has no end");
	add_word(r, (struct sts_span){text, len}, STS_SMTPD_STRING);
}

/* Reads the bytes of a word for which `may` is true. */
static size_t
collect(struct reader *r, struct sts_cursor *c, bool (*may)(int), char *text,
    size_t size)
{
	size_t len = 0;
	int byte;

	while ((byte = next_byte(r, c)) != -1 && may(byte)) {
		c->p++;
		if (len < size - 1)
			text[len++] = (char)byte;
	}
	text[len] = '\0';
	return len;
}

static bool
may_be_in_macro(int byte)
{
	return sts_is_alnum(byte) || byte == '_';
}

static void
skip_comment(struct reader *r, struct sts_cursor *c)
{
	int byte;

	r->in_comment = true;
	while ((byte = next_byte(r, c)) != -1 && byte != '\n')
		c->p++;
}

/*
 * Reads a macro's value as if it were here, except macros in it; a comment in
 * it goes on to the end of the line.
 */
static void
read_macro(struct reader *r, struct sts_cursor *c)
{
	char name[WORD_MAX];
	const char *value;

	c->p++;
	(void)collect(r, c, may_be_in_macro, name, sizeof(name));
	value = macro_value(r->conf, name);
	if (value == NULL) {
		/* Perhaps defined on smtpd's command line (-D). */
		add_word(
		    r, (struct sts_span){name, strlen(name)}, STS_SMTPD_STRING);
		return;
	}
	r->in_macro = true;
	r->in_comment = false;
	read_bytes(r, sts_cursor_make(value, strlen(value)));
	r->in_macro = false;
	if (r->in_comment)
		skip_comment(r, c);
}

/* Reads "<NAME>", or "<" alone. */
static void
read_table(struct reader *r, struct sts_cursor *c)
{
	struct sts_cursor inner = {c->p + 1, c->end};
	char name[WORD_MAX];
	size_t len = collect(r, &inner, may_be_in_word, name, sizeof(name));

	if (len > 0 && sts_cursor_byte(&inner, '>')) {
		add_word(r, (struct sts_span){name, len}, STS_SMTPD_TABLE);
		*c = inner;
	} else {
		add_word(r, (struct sts_span){c->p++, 1}, STS_SMTPD_MARK);
	}
}

static void
read_mark(struct reader *r, struct sts_cursor *c)
{
	if (*c->p == '{')
		r->braces++;
	else if (*c->p == '}' && r->braces > 0)
		r->braces--;
	add_word(r, (struct sts_span){c->p++, 1}, STS_SMTPD_MARK);
}

/* Reads one word, comment or line feed. */
static void
read_next(struct reader *r, struct sts_cursor *c, int byte)
{
	char text[WORD_MAX];
	size_t len;

	if (byte == '\n') {
		c->p++;
		if (r->braces == 0)
			end_statement(r);
		r->line++;
	} else if (byte == '#') {
		skip_comment(r, c);
	} else if (byte == '"' || byte == '\'') {
		read_string(r, c);
	} else if (byte == '$' && !r->in_macro) {
		read_macro(r, c);
	} else if (byte == '<') {
		read_table(r, c);
	} else if (may_be_in_word(byte)) {
		len = collect(r, c, may_be_in_word, text, sizeof(text));
		add_word(r, (struct sts_span){text, len}, STS_SMTPD_WORD);
	} else if (byte > ' ' && byte < 0x7f) {
		read_mark(r, c);
	} else {
		c->p++;
	}
}

static void
read_bytes(struct reader *r, struct sts_cursor c)
{
	size_t had;
	int byte;

	while ((byte = next_byte(r, &c)) != -1 && !r->conf->no_memory) {
		had = r->statement.count;
		if (!r->in_macro)
			r->begin = (size_t)(c.p - r->start);
		read_next(r, &c, byte);
		for (; !r->in_macro && had < r->statement.count; had++)
			r->statement.word[had].end = (size_t)(c.p - r->start);
	}
	if (r->in_macro)
		return;
	if (r->braces > 0)
		complain(r, "a brace is not closed");
	end_statement(r);
}

enum sts_status
sts_smtpd_read(struct sts_smtpd_conf *conf, const char *path,
    struct sts_findings *findings)
{
	struct reader r = {.conf = conf, .findings = findings};
	enum sts_status status;

	memset(conf, 0, sizeof(*conf));
	status = read_file(&r, path);
	return conf->no_memory ? STS_NO_MEMORY : status;
}

enum sts_status
sts_smtpd_read_text(struct sts_smtpd_conf *conf, const char *path,
    const char *bytes, size_t len, struct sts_findings *findings)
{
	struct reader r = {.conf = conf, .findings = findings};
	enum sts_status status;

	memset(conf, 0, sizeof(*conf));
	status = read_file_bytes(&r, path, bytes, len);
	return conf->no_memory ? STS_NO_MEMORY : status;
}

void
sts_smtpd_free(struct sts_smtpd_conf *conf)
{
	for (size_t i = 0; i < conf->count; i++)
		free_words(&conf->statement[i]);
	free(conf->statement);
	for (size_t i = 0; i < conf->macro_count; i++) {
		free(conf->macro[i].name);
		free(conf->macro[i].value);
	}
	free(conf->macro);
	for (size_t i = 0; i < conf->file_count; i++)
		free(conf->file[i]);
	memset(conf, 0, sizeof(*conf));
}
