/* SPDX-License-Identifier: ISC */
#include "exim/enable/exim_work.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "exim/enable/exim_command.h"

void
sts_work_say(const struct sts_work *w, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	sts_change_say(w->e->out, w->e->dry_run ? "would: " : "", format, args);
	va_end(args);
}

enum sts_enable_result
sts_work_refuse(
    const struct sts_work *w, const char *fix, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	sts_change_say(w->e->err, "mta-sts: ", format, args);
	va_end(args);
	if (fix != NULL)
		(void)fprintf(w->e->err, "  fix: %s\n", fix);
	return STS_ENABLE_NOT;
}

enum sts_enable_result
sts_work_fail(const struct sts_work *w, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	sts_change_say(w->e->err, "mta-sts: ", format, args);
	va_end(args);
	return STS_ENABLE_OUTSIDE;
}

/* What to do with a file that is neither old nor new. */
static enum sts_enable_result
refuse_edited(const struct sts_work *w)
{
	const struct sts_changes *c = &w->changes;
	char fix[16384];

	sts_change_edited_fix(c, "exim", NULL, fix, sizeof(fix));
	return sts_work_refuse(w, fix,
	    "%s was changed after \"mta-sts enable exim\" wrote it; it is left "
	    "as it is",
	    c->where);
}

enum sts_enable_result
sts_work_changes(const struct sts_work *w, enum sts_change_result result)
{
	const struct sts_changes *c = &w->changes;

	switch (result) {
	case STS_CHANGE_OK:
	case STS_CHANGE_NONE:
		return STS_ENABLE_DONE;
	case STS_CHANGE_EDITED:
		return refuse_edited(w);
	case STS_CHANGE_BUSY:
		return sts_work_fail(
		    w, "%s: another run is at work", c->record);
	case STS_CHANGE_FAILED:
		break;
	}
	if (c->error == EPERM)
		return sts_work_fail(w,
		    "%s: refused, since another user could change it or its "
		    "directory",
		    c->where);
	return sts_work_fail(w, "%s: %s", c->where, strerror(c->error));
}

enum sts_enable_result
sts_work_trial_dir(struct sts_work *w)
{
	(void)snprintf(
	    w->trial_dir, sizeof(w->trial_dir), "/tmp/mta-sts-trial.XXXXXX");
	/* Exim reads a part of its configuration as its own user. */
	if (mkdtemp(w->trial_dir) != NULL && chmod(w->trial_dir, 0711) == 0)
		return STS_ENABLE_DONE;
	w->trial_dir[0] = '\0';
	return sts_work_fail(
	    w, "a directory for the trial in /tmp: %s", strerror(errno));
}

void
sts_work_end(struct sts_work *w)
{
	if (w->trial_dir[0] != '\0')
		(void)STS_COMMAND(NULL, "/bin/rm", "-rf", w->trial_dir);
	sts_changes_free(&w->changes);
}
