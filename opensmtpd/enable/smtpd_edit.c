/* SPDX-License-Identifier: ISC */
#include "opensmtpd/enable/smtpd_edit.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
sts_smtpd_edit(struct sts_smtpd_edits *e, size_t at, size_t remove,
    const char *format, ...)
{
	struct sts_smtpd_edit *more =
	    reallocarray(e->edit, e->count + 1, sizeof(*more));
	struct sts_smtpd_edit one = {at, remove, NULL};
	size_t i = e->count;
	va_list args;
	int n;

	if (more == NULL) {
		e->no_memory = true;
		return;
	}
	e->edit = more;
	va_start(args, format);
	n = vasprintf(&one.text, format, args);
	va_end(args);
	if (n < 0) {
		e->no_memory = true;
		return;
	}
	for (; i > 0 && more[i - 1].at > at; i--)
		more[i] = more[i - 1];
	more[i] = one;
	e->count++;
}

bool
sts_smtpd_is_edited(const struct sts_smtpd_edits *e, size_t at)
{
	for (size_t i = 0; i < e->count; i++)
		if (e->edit[i].at == at)
			return true;
	return false;
}

/* A line feed at `at` that ends a line. */
static bool
is_end(const struct sts_smtpd_edits *e, size_t at)
{
	return e->bytes[at] == '\n' && (at == 0 || e->bytes[at - 1] != '\\');
}

size_t
sts_smtpd_line_begin(const struct sts_smtpd_edits *e, size_t at)
{
	while (at > 0 && !is_end(e, at - 1))
		at--;
	return at;
}

size_t
sts_smtpd_line_end(const struct sts_smtpd_edits *e, size_t at)
{
	while (at < e->len && !is_end(e, at))
		at++;
	return at < e->len ? at + 1 : at;
}

size_t
sts_smtpd_above_comments(const struct sts_smtpd_edits *e, size_t at)
{
	size_t begin = sts_smtpd_line_begin(e, at);

	while (begin > 0) {
		size_t above = sts_smtpd_line_begin(e, begin - 1);

		if (e->bytes[above + strspn(e->bytes + above, " \t")] != '#')
			break;
		begin = above;
	}
	return begin;
}

bool
sts_smtpd_is_blank_line(const struct sts_smtpd_edits *e, size_t at)
{
	while (at < e->len && (e->bytes[at] == ' ' || e->bytes[at] == '\t'))
		at++;
	return at >= e->len || e->bytes[at] == '\n';
}

char *
sts_smtpd_edits_apply(struct sts_smtpd_edits *e, size_t *len)
{
	size_t size = e->len + 1, at = 0, to = 0, n;
	char *text;

	for (size_t i = 0; i < e->count; i++)
		size += strlen(e->edit[i].text);
	text = e->no_memory ? NULL : malloc(size);
	if (text == NULL)
		return NULL;
	for (size_t i = 0; i < e->count; i++) {
		n = e->edit[i].at > at ? e->edit[i].at - at : 0;
		memcpy(text + to, e->bytes + at, n);
		at += n;
		to += n;
		n = strlen(e->edit[i].text);
		memcpy(text + to, e->edit[i].text, n);
		to += n;
		at += e->edit[i].remove;
	}
	memcpy(text + to, e->bytes + at, e->len - at);
	to += e->len - at;
	text[to] = '\0';
	*len = to;
	return text;
}

void
sts_smtpd_edits_free(struct sts_smtpd_edits *e)
{
	for (size_t i = 0; i < e->count; i++)
		free(e->edit[i].text);
	free(e->edit);
	memset(e, 0, sizeof(*e));
}
