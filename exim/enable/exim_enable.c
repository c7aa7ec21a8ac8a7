/* SPDX-License-Identifier: ISC */
#include "exim/enable/exim_enable.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exim/check/exim.h"
#include "exim/enable/exim_command.h"
#include "exim/enable/exim_work.h"

/* The note in the record: the timer was enabled by this command. */
#define TIMER_NOTE "timer"

/* Once the fragments are as they were, what is made from them. */
static enum sts_enable_result
make_again(const struct sts_work *w)
{
	enum sts_enable_result result = STS_ENABLE_DONE;
	char *said;

	if (!w->changes.stale)
		return result;
	sts_work_say(w, "update-exim4.conf");
	if (!STS_COMMAND(&said, "/usr/sbin/update-exim4.conf"))
		result = sts_work_fail(w,
		    "update-exim4.conf fails, so Exim goes on "
		    "with " STS_DEBIAN_MADE
		    " as it is, which may still have MTA-STS "
		    "in it; run it again: %s",
		    said != NULL ? said : "");
	free(said);
	return result;
}

/* Takes back what a run left that was interrupted. */
static enum sts_enable_result
recover(struct sts_work *w)
{
	enum sts_change_result taken = sts_changes_recover(&w->changes);
	enum sts_enable_result result = sts_work_changes(w, taken);
	enum sts_enable_result serves;

	if (taken == STS_CHANGE_NONE)
		return result;
	if (taken != STS_CHANGE_OK) {
		w->files = STS_FILES_LEFT;
		return result;
	}
	(void)fprintf(w->e->out,
	    "an earlier run was interrupted: all files are as before it\n");
	result = make_again(w);
	w->files = result == STS_ENABLE_DONE ? STS_FILES_BACK : STS_FILES_LEFT;
	serves = sts_work_serve(w);
	return result == STS_ENABLE_DONE ? serves : result;
}

static enum sts_enable_result
begin(struct sts_work *w)
{
	enum sts_enable_result result;

	w->changes.record = w->e->record;
	if (w->e->dry_run) {
		if (sts_changes_is_unfinished(&w->changes))
			sts_work_say(w,
			    "put back all files first: an earlier run was "
			    "interrupted");
		return STS_ENABLE_DONE;
	}
	if (geteuid() != 0)
		return sts_work_refuse(w, NULL, "this needs root");
	result = sts_work_changes(w, sts_changes_begin(&w->changes));
	if (result == STS_ENABLE_DONE)
		result = recover(w);
	sts_changes_free(&w->changes);
	memset(&w->changes, 0, sizeof(w->changes));
	w->changes.record = w->e->record;
	return result == STS_ENABLE_DONE
	    ? sts_work_changes(w, sts_changes_begin(&w->changes))
	    : result;
}

/* The state directory belongs to the user that Exim runs as. */
static bool
has_state(const struct sts_work *w)
{
	const struct passwd *pw = getpwnam(w->user);
	struct stat st;

	return stat(w->e->state_dir, &st) == 0 &&
	    (pw == NULL || st.st_uid == pw->pw_uid);
}

static enum sts_enable_result
set_up(const struct sts_work *w)
{
	if (has_state(w))
		return STS_ENABLE_DONE;
	sts_work_say(w, "mta-sts setup --user %s", w->user);
	if (w->e->dry_run || w->e->setup(w->e->arg, w->user))
		return STS_ENABLE_DONE;
	return STS_ENABLE_OUTSIDE;
}

/* Each step, and in a dry run how the files differ. */
static void
show(const struct sts_work *w)
{
	const struct sts_changes *c = &w->changes;

	if (!w->debian || w->e->dry_run) {
		sts_changes_print(c, w->e->out);
		return;
	}
	for (size_t i = 0; i < c->count; i++) {
		const struct sts_change_item *item = &c->item[i];

		if (item->next.kind == STS_CHANGE_LINK)
			sts_work_say(
			    w, "link %s -> %s", item->path, item->next.bytes);
		else
			sts_work_say(w, "write %s", item->path);
	}
}

static enum sts_enable_result
plan(struct sts_work *w)
{
	enum sts_enable_result result = sts_work_trial_dir(w);

	if (result == STS_ENABLE_DONE)
		result =
		    w->debian ? sts_work_plan_debian(w) : sts_work_plan_file(w);
	if (result == STS_ENABLE_DONE)
		result = set_up(w);
	if (result != STS_ENABLE_DONE)
		return result;
	if (has_state(w) && !w->e->check(w->e->arg))
		return sts_work_refuse(
		    w, NULL, "mta-sts config check finds the errors above");
	sts_work_route_before(w);
	result = sts_work_try(
	    w, w->trial[0] != '\0' ? w->trial : NULL, has_state(w));
	if (result == STS_ENABLE_DONE)
		(void)fprintf(w->e->out, "the new configuration is checked\n");
	return result;
}

/*
 * Takes all back after a check that failed.  Exim routes each message anew at
 * each attempt, so what came in since has nothing of ours in it; what has
 * waited has a time in Exim's hints before which it is not tried.
 */
static enum sts_enable_result
put_back(struct sts_work *w, enum sts_enable_result why)
{
	enum sts_enable_result result =
	    sts_work_changes(w, sts_changes_undo(&w->changes));
	enum sts_enable_result serves;

	if (result == STS_ENABLE_DONE)
		result = make_again(w);
	w->files = result == STS_ENABLE_DONE ? STS_FILES_BACK : STS_FILES_LEFT;
	serves = sts_work_serve(w);
	if (result != STS_ENABLE_DONE)
		return result;
	(void)fprintf(w->e->out,
	    "all files are as before; mail that came in meanwhile leaves as it "
	    "did before, with the next queue run: exim -qff\n");
	return serves == STS_ENABLE_DONE ? why : serves;
}

/* What is in place is checked as well, and taken back if it is not right. */
static enum sts_enable_result
apply(struct sts_work *w)
{
	enum sts_enable_result result;

	if (w->changes.count == 0) {
		(void)fprintf(w->e->out, "no file has to change\n");
		return STS_ENABLE_DONE;
	}
	show(w);
	if (w->e->dry_run)
		return sts_work_reload(w);
	if (sts_refresh_is_missing(w))
		(void)snprintf(
		    w->changes.note, sizeof(w->changes.note), TIMER_NOTE);
	result = sts_work_changes(w, sts_changes_apply(&w->changes));
	if (result != STS_ENABLE_DONE) {
		if (sts_changes_is_unfinished(&w->changes))
			w->files = STS_FILES_LEFT;
		return result;
	}
	/* The daemon last: what Exim refuses would end it. */
	result = sts_work_try(w, NULL, true);
	if (result == STS_ENABLE_DONE)
		result = sts_work_reload(w);
	return result == STS_ENABLE_DONE ? result : put_back(w, result);
}

/*
 * Where it is on: whether it still works.  A run that was killed behind its
 * last file may not have come to the daemon.
 */
static enum sts_enable_result
look_again(struct sts_work *w)
{
	enum sts_enable_result result = sts_work_try(w, NULL, true);

	w->files = STS_FILES_LEFT;
	if (result != STS_ENABLE_DONE)
		return sts_work_refuse(w,
		    "mta-sts disable exim, then this again",
		    "MTA-STS was switched on by this command, and something "
		    "has changed since");
	result = sts_work_serve(w);
	if (result == STS_ENABLE_DONE)
		(void)fprintf(w->e->out, "MTA-STS is on already\n");
	return result;
}

static enum sts_enable_result
enable(struct sts_work *w)
{
	enum sts_enable_result result = sts_work_find(w);
	enum sts_change_result loaded;

	if (result == STS_ENABLE_DONE)
		result = begin(w);
	if (result == STS_ENABLE_DONE)
		result = sts_work_facts(w);
	if (result != STS_ENABLE_DONE)
		return result;
	loaded = sts_changes_load(&w->changes);
	if (loaded == STS_CHANGE_OK)
		return look_again(w);
	if (loaded != STS_CHANGE_NONE)
		return sts_work_changes(w, loaded);
	result = plan(w);
	return result == STS_ENABLE_DONE ? apply(w) : result;
}

/* What it comes to, behind the reason. */
static const char *
outcome(const struct sts_work *w)
{
	switch (w->files) {
	case STS_FILES_UNTOUCHED:
		return "nothing was changed";
	case STS_FILES_BACK:
		return "MTA-STS is not on: all files are as before";
	case STS_FILES_LEFT:
		break;
	}
	return "what \"mta-sts enable exim\" changed is still there, in "
	       "part or whole: see above, then mta-sts disable exim";
}

enum sts_enable_result
sts_exim_enable(const struct sts_enable *e)
{
	struct sts_work w = {.e = e};
	enum sts_enable_result result = enable(&w);

	if (result != STS_ENABLE_DONE)
		(void)fprintf(e->err, "mta-sts: %s\n", outcome(&w));
	else
		result = sts_refresh_enable(&w);
	if (result == STS_ENABLE_DONE)
		(void)fprintf(e->out, "%s",
		    e->dry_run ? "nothing was changed: this was a dry run\n"
			       : "MTA-STS is on; mta-sts status checks it, "
				 "mta-sts disable exim takes it back\n");
	sts_work_end(&w);
	return result;
}

/* There is no record: nothing is on, or it was not this command. */
static enum sts_enable_result
not_ours(const struct sts_work *w)
{
	if (sts_exim_has_fragments(STS_DEBIAN_ETC))
		return sts_work_refuse(w,
		    "see \"Removing it\" in the guide, exim.md",
		    "the fragments in " STS_DEBIAN_ETC
		    "/conf.d were not linked by this command");
	(void)fprintf(w->e->out,
	    "nothing to do: this command has not switched MTA-STS on\n");
	return STS_ENABLE_DONE;
}

static void
show_back(const struct sts_work *w)
{
	for (size_t i = 0; i < w->changes.count; i++) {
		const struct sts_change_item *item = &w->changes.item[i];

		sts_work_say(w, "%s %s",
		    item->old.kind == STS_CHANGE_ABSENT ? "remove" : "restore",
		    item->path);
	}
}

static enum sts_enable_result
take_back(struct sts_work *w)
{
	enum sts_enable_result result, serves;
	enum sts_change_result loaded = sts_changes_load(&w->changes);

	if (loaded == STS_CHANGE_NONE)
		return not_ours(w);
	if (loaded != STS_CHANGE_OK)
		return sts_work_changes(w, loaded);
	show_back(w);
	if (w->e->dry_run)
		return STS_ENABLE_DONE;
	result = sts_work_changes(w, sts_changes_undo(&w->changes));
	if (result != STS_ENABLE_DONE)
		return result;
	result = make_again(w);
	serves = sts_work_serve(w);
	if (strcmp(w->changes.note, TIMER_NOTE) == 0)
		sts_refresh_disable(w);
	if (result != STS_ENABLE_DONE)
		return result;
	(void)fprintf(w->e->out,
	    "MTA-STS is off: mail leaves as it did before; for what waits: "
	    "exim -qff\n");
	return serves;
}

enum sts_enable_result
sts_exim_disable(const struct sts_enable *e)
{
	struct sts_work w = {.e = e};
	enum sts_enable_result result = STS_ENABLE_DONE;

	/* Without an Exim files come back all the same. */
	if (e->binary != NULL || sts_exim_binary() != NULL)
		result = sts_work_find(&w);
	if (result == STS_ENABLE_DONE)
		result = begin(&w);
	if (result == STS_ENABLE_DONE)
		result = take_back(&w);
	sts_work_end(&w);
	return result;
}
