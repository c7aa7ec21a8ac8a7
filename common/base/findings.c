/* SPDX-License-Identifier: ISC */
#include "base/findings.h"

#include <stdarg.h>
#include <string.h>

#include "base/escape.h"

const char *
sts_severity_name(enum sts_severity severity)
{
	static const char *const names[] = {"note", "warning", "error"};

	return names[severity];
}

void
sts_finding_print(FILE *out, const struct sts_finding *finding)
{
	if (finding->place != NULL) {
		sts_escape_write(out, finding->place, strlen(finding->place));
		(void)fputs(": ", out);
	}
	(void)fprintf(out, "%s: ", sts_severity_name(finding->severity));
	sts_escape_write(out, finding->text, strlen(finding->text));
	if (finding->fix != NULL) {
		(void)fputs("\n  fix: ", out);
		sts_escape_write(out, finding->fix, strlen(finding->fix));
	}
	(void)putc('\n', out);
}

static void
find(struct sts_findings *findings, struct sts_finding *finding,
    const char *format, va_list args)
{
	char text[2048];

	if (vsnprintf(text, sizeof(text), format, args) < 0)
		text[0] = '\0';
	finding->text = text;
	findings->count[finding->severity]++;
	if (findings->take != NULL)
		findings->take(findings->arg, finding);
	else
		sts_finding_print(findings->out, finding);
	finding->text = NULL;
}

void
sts_report_problem(struct sts_findings *findings, enum sts_severity severity,
    const char *fix, const char *format, ...)
{
	struct sts_finding finding = {.severity = severity, .fix = fix};
	va_list args;

	va_start(args, format);
	find(findings, &finding, format, args);
	va_end(args);
}

void
sts_find_at(struct sts_findings *findings, enum sts_severity severity,
    const char *place, const char *fix, const char *format, ...)
{
	struct sts_finding finding = {
	    .severity = severity, .place = place, .fix = fix};
	va_list args;

	va_start(args, format);
	find(findings, &finding, format, args);
	va_end(args);
}
