/* SPDX-License-Identifier: ISC */
#include "opensmtpd/enable/smtpd_placing.h"

#include <stdarg.h>

void
sts_smtpd_refuse(struct sts_smtpd_placing *p,
    const struct sts_smtpd_statement *s, const char *fix, const char *format,
    ...)
{
	struct sts_smtpd_place *place = p->place;
	va_list args;

	if (p->refused)
		return;
	p->refused = true;
	if (s != NULL)
		(void)snprintf(place->where, sizeof(place->where), "%s:%u",
		    s->file, s->line);
	(void)snprintf(
	    place->fix, sizeof(place->fix), "%s", fix != NULL ? fix : "");
	va_start(args, format);
	(void)vsnprintf(place->reason, sizeof(place->reason), format, args);
	va_end(args);
}

size_t
sts_smtpd_end(const struct sts_smtpd_statement *s)
{
	return s->word[s->count - 1].end;
}

bool
sts_smtpd_is_packed(const struct sts_smtpd_statement *s)
{
	for (size_t i = 1; i < s->count; i++)
		if (s->word[i].begin == s->word[i - 1].begin)
			return true;
	return false;
}

void
sts_smtpd_write_words(const struct sts_smtpd_placing *p, FILE *out,
    const struct sts_smtpd_statement *s, size_t from, size_t to)
{
	for (; from < to; from++) {
		const struct sts_smtpd_word *w = &s->word[from];
		const char *begin = w->kind == STS_SMTPD_STRING ? "\""
		    : w->kind == STS_SMTPD_TABLE                ? "<"
								: "";
		const char *end = w->kind == STS_SMTPD_TABLE ? ">" : begin;

		if (s->included)
			(void)fprintf(out, " %s%s%s", begin, w->text, end);
		else
			(void)fprintf(out, " %.*s", (int)(w->end - w->begin),
			    p->edits.bytes + w->begin);
	}
}
