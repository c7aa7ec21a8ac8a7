/* SPDX-License-Identifier: ISC */
/*
 * The difference of two texts, for a reader: after each line in which they part
 * the nearest place is taken at which they meet again.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "change/change.h"

enum { AROUND = 3, AHEAD_MAX = 1000, MEETING = 3 };

struct line {
	const char *p;
	size_t len;
};

struct text {
	struct line *line;
	size_t count;
};

/* False without memory. */
static bool
cut(struct text *t, const char *bytes, size_t len)
{
	size_t lines = 1;

	for (size_t i = 0; i < len; i++)
		lines += bytes[i] == '\n';
	t->count = 0;
	t->line = calloc(lines, sizeof(*t->line));
	if (t->line == NULL)
		return false;
	while (len > 0) {
		const char *end = memchr(bytes, '\n', len);
		size_t n = end != NULL ? (size_t)(end - bytes) : len;

		t->line[t->count++] = (struct line){bytes, n};
		n += end != NULL;
		bytes += n;
		len -= n;
	}
	return true;
}

static bool
is_same(const struct text *a, size_t i, const struct text *b, size_t k)
{
	if (i == a->count || k == b->count)
		return i == a->count && k == b->count;
	return a->line[i].len == b->line[k].len &&
	    memcmp(a->line[i].p, b->line[k].p, a->line[i].len) == 0;
}

/* So many lines in a row, or up to both ends: empty lines are everywhere. */
static bool
is_meeting(const struct text *a, size_t i, const struct text *b, size_t k)
{
	for (size_t n = 0; n < MEETING; n++) {
		if (!is_same(a, i + n, b, k + n))
			return false;
		if (i + n == a->count)
			return true;
	}
	return true;
}

/* Tabs are as they are; what else is not printable is not. */
static void
print_line(FILE *out, char sign, const struct line *line)
{
	const char *p = line->p, *end = line->p + line->len;

	(void)putc(sign, out);
	while (p < end) {
		const char *tab = memchr(p, '\t', (size_t)(end - p));
		const char *stop = tab != NULL ? tab : end;

		sts_escape_write(out, p, (size_t)(stop - p));
		if (tab != NULL)
			(void)putc('\t', out);
		p = tab != NULL ? tab + 1 : end;
	}
	(void)putc('\n', out);
}

static void
print_lines(FILE *out, char sign, const struct text *t, size_t from, size_t to)
{
	for (; from < to && from < t->count; from++)
		print_line(out, sign, &t->line[from]);
}

/* The fewest lines to leave out of both until they are the same again. */
static void
meet(const struct text *a, size_t i, const struct text *b, size_t k,
    size_t *gone, size_t *came)
{
	for (size_t sum = 1; sum <= AHEAD_MAX; sum++) {
		for (size_t g = 0; g <= sum; g++) {
			if (i + g > a->count || k + (sum - g) > b->count ||
			    !is_meeting(a, i + g, b, k + (sum - g)))
				continue;
			*gone = g;
			*came = sum - g;
			return;
		}
	}
	*gone = a->count - i;
	*came = b->count - k;
}

static void
print_parts(FILE *out, const struct text *a, const struct text *b)
{
	size_t i = 0, k = 0, gone, came, shown = 0;

	while (i < a->count || k < b->count) {
		if (is_same(a, i, b, k)) {
			i++;
			k++;
			continue;
		}
		if (i > shown + AROUND || shown == 0)
			(void)fprintf(out, "@@ line %zu @@\n", i + 1);
		print_lines(
		    out, ' ', a, i > shown + AROUND ? i - AROUND : shown, i);
		meet(a, i, b, k, &gone, &came);
		print_lines(out, '-', a, i, i + gone);
		print_lines(out, '+', b, k, k + came);
		i += gone;
		k += came;
		for (shown = i; shown < i + AROUND &&
		     is_same(a, shown, b, k + (shown - i)) && shown < a->count;
		     shown++)
			print_line(out, ' ', &a->line[shown]);
		k += shown - i;
		i = shown;
	}
}

void
sts_change_print_difference(FILE *out, const char *old, size_t old_len,
    const char *next, size_t next_len)
{
	struct text a = {0}, b = {0};

	if (cut(&a, old, old_len) && cut(&b, next, next_len))
		print_parts(out, &a, &b);
	free(a.line);
	free(b.line);
}

static void
print_item(const struct sts_change_item *item, FILE *out)
{
	const char *what = item->next.kind == STS_CHANGE_ABSENT ? "remove"
	    : item->next.kind == STS_CHANGE_LINK                ? "link"
	    : item->old.kind == STS_CHANGE_FILE                 ? "change"
								: "write";

	(void)fprintf(out, "%s ", what);
	sts_escape_write(out, item->path, strlen(item->path));
	if (item->next.kind == STS_CHANGE_LINK) {
		(void)fputs(" -> ", out);
		sts_escape_write(out, item->next.bytes, item->next.len);
	}
	(void)putc('\n', out);
	if (item->next.kind == STS_CHANGE_FILE)
		sts_change_print_difference(out,
		    item->old.kind == STS_CHANGE_FILE ? item->old.bytes : "",
		    item->old.kind == STS_CHANGE_FILE ? item->old.len : 0,
		    item->next.bytes, item->next.len);
}

void
sts_changes_print(const struct sts_changes *c, FILE *out)
{
	for (size_t i = 0; i < c->count; i++) {
		if (!c->item[i].derived)
			print_item(&c->item[i], out);
	}
}

static const struct sts_change_item *
find_item(const struct sts_changes *c, const char *path)
{
	for (size_t i = 0; i < c->count; i++) {
		if (strcmp(c->item[i].path, path) == 0)
			return &c->item[i];
	}
	return NULL;
}

/*
 * For what is a link, or was not there before, no text is left behind in which
 * a change could be made again: the operator's file is put aside as it is.
 */
static void
fix_whole(const struct sts_changes *c, const char *server, const char *again,
    const char *target, char *buf, size_t size)
{
	const char *written = c->written, *file = c->where;

	(void)snprintf(buf, size,
	    "see what differs: diff %s %s\n"
	    "    to put your file aside, which is in %s/edit.kept then:\n"
	    "      mv %s %s/edit.kept\n"
	    "      %s %s %s\n"
	    "      mta-sts disable %s%s%s\n"
	    "    to drop it: the same, then rm %s/edit.kept",
	    target != NULL ? target : written, file, c->record, file, c->record,
	    target != NULL ? "ln -s" : "cp", target != NULL ? target : written,
	    file, server, again != NULL ? "\n      " : "",
	    again != NULL ? again : "", c->record);
}

void
sts_change_edited_fix(const struct sts_changes *c, const char *server,
    const char *again, char *buf, size_t size)
{
	const char *written = c->written, *file = c->where;
	const struct sts_change_item *item = find_item(c, file);
	bool is_link = item != NULL && item->next.kind == STS_CHANGE_LINK;

	if (is_link || (item != NULL && item->old.kind == STS_CHANGE_ABSENT)) {
		fix_whole(c, server, again, is_link ? item->next.bytes : NULL,
		    buf, size);
		return;
	}
	(void)snprintf(buf, size,
	    "see what differs: diff %s %s\n"
	    "    to keep your change:\n"
	    "      diff -u %s %s >%s/edit.diff\n"
	    "      cp %s %s\n"
	    "      mta-sts disable %s\n"
	    "      patch %s %s/edit.diff%s%s\n"
	    "    what patch rejects is of lines that are gone by then\n"
	    "    to drop it: cp %s %s, then this again",
	    written, file, written, file, c->record, written, file, server,
	    file, c->record, again != NULL ? "\n      " : "",
	    again != NULL ? again : "", written, file);
}

void
sts_change_say(FILE *out, const char *prefix, const char *format, va_list args)
{
	char text[4096], *rest = text, *line;

	if (vsnprintf(text, sizeof(text), format, args) < 0)
		text[0] = '\0';
	while ((line = strsep(&rest, "\n")) != NULL) {
		if (line[0] == '\0')
			continue;
		(void)fputs(prefix, out);
		sts_escape_write(out, line, strlen(line));
		(void)putc('\n', out);
		prefix = "    ";
	}
}
