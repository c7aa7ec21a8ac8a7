/* SPDX-License-Identifier: ISC */
#include "opensmtpd/enable/smtpd_drain.h"

#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "base/command.h"

enum { WAIT_MS = 20000, PAUSE_MS = 200 };

/* All that may wait for these actions, if it came by then. */
static unsigned
look(struct sts_smtpd_steps *w, const struct sts_smtpd_lost *lost, time_t until)
{
	sts_smtpd_queue_look(&w->queue, w->e, lost, until);
	return w->queue.waiting + w->queue.sealed;
}

/* The same, for those of our actions that smtpd.conf does not have. */
static unsigned
look_for_lost(struct sts_smtpd_steps *w, time_t until)
{
	struct sts_smtpd_lost lost;

	sts_smtpd_find_lost(&lost, w->path);
	return look(w, &lost, until);
}

/* When smtpd was started; now, if it does not say. */
static time_t
started(const struct sts_smtpd_steps *w)
{
	long uptime = sts_service_uptime(w->e->smtpctl);

	return time(NULL) - (uptime > 0 ? uptime : 0);
}

void
sts_smtpd_look_waiting(struct sts_smtpd_steps *w)
{
	/* With the file as it is smtpd accepts nothing for such actions. */
	(void)look_for_lost(
	    w, sts_smtpd_is_current(w, false) ? started(w) : time(NULL));
}

bool
sts_smtpd_has_none(const struct sts_smtpd_steps *w)
{
	struct sts_smtpd_lost lost;

	sts_smtpd_find_lost(&lost, w->path);
	return lost.count == sizeof(lost.name) / sizeof(lost.name[0]);
}

void
sts_smtpd_say_sealed(const struct sts_smtpd_steps *w)
{
	if (w->queue.sealed > 0)
		(void)sts_smtpd_stop(w,
		    "those that smtpd accepted with MTA-STS wait, and its log "
		    "has \"unknown dispatcher\": mta-sts enable opensmtpd; or "
		    "put action \"mta-sts\" and action \"mta-sts-hold\" into "
		    "the file, with the words of the action for remote mail, "
		    "and restart smtpd",
		    "%u recipient(s) are in an encrypted queue, where only "
		    "smtpd sees whether they wait for actions that %s does not "
		    "have",
		    w->queue.sealed, w->path);
}

void
sts_smtpd_say_left(struct sts_smtpd_steps *w)
{
	if (!sts_smtpd_has_none(w))
		return;
	sts_smtpd_look_waiting(w);
	if (w->queue.waiting > 0)
		(void)sts_smtpd_stop(w,
		    "when that is repaired, mta-sts enable opensmtpd has them "
		    "leave under policies; mta-sts disable opensmtpd, without",
		    "%u recipient(s) wait under actions that %s does not have; "
		    "an smtpd that was started with it leaves them alone",
		    w->queue.waiting, w->path);
	sts_smtpd_say_sealed(w);
}

/* The actions into smtpd.conf; false if they cannot be, which is said. */
static bool
add_actions(struct sts_smtpd_steps *w)
{
	struct sts_smtpd_place place = {0};
	bool fine = sts_smtpd_new_changes(w) == STS_SWITCHED &&
	    sts_smtpd_reload(w) == STS_SWITCHED;

	if (fine && !sts_smtpd_place_lost(&place, w->path, w->bytes, w->len)) {
		fine = false;
		(void)sts_smtpd_stop(w, NULL,
		    "%s has no action that relays mail to any domain", w->path);
	}
	(void)snprintf(
	    w->changes.note, sizeof(w->changes.note), "%s", STS_SMTPD_DRAINING);
	fine = fine &&
	    sts_smtpd_changed(w,
		sts_changes_write(&w->changes, w->path, place.text,
		    place.len)) == STS_SWITCHED;
	sts_smtpd_place_free(&place);
	if (fine)
		sts_changes_print(&w->changes, w->e->out);
	return fine &&
	    sts_smtpd_changed(w, sts_changes_apply(&w->changes)) ==
	    STS_SWITCHED;
}

/* Both actions of ours, whatever smtpd.conf has. */
static const struct sts_smtpd_lost both = {.name = {"mta-sts", "mta-sts-hold"},
    .count = 2};

/* Until nothing that came by then waits any more; how many do in the end. */
static unsigned
wait_for_queue(struct sts_smtpd_steps *w, time_t until)
{
	const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};
	int64_t wait = w->e->drain_ms > 0 ? w->e->drain_ms : WAIT_MS;
	int64_t begin = sts_monotonic_ms(), at = begin;
	bool once_more = true;
	unsigned count;

	(void)STS_COMMAND(NULL, w->e->smtpctl, "schedule", "all");
	while ((count = look(w, &both, until)) > 0 && at < begin + wait) {
		(void)nanosleep(&pause, NULL);
		at = sts_monotonic_ms();
		if (once_more && at >= begin + wait / 2) {
			once_more = false;
			(void)STS_COMMAND(
			    NULL, w->e->smtpctl, "schedule", "all");
		}
	}
	return count;
}

static enum sts_switched
say_waiting(const struct sts_smtpd_steps *w)
{
	if (w->queue.waiting > 0)
		(void)fprintf(w->e->out,
		    "%u recipient(s) accepted under the actions mta-sts and "
		    "mta-sts-hold still wait.\n",
		    w->queue.waiting);
	if (w->queue.sealed > 0)
		(void)fprintf(w->e->out,
		    "%u recipient(s) that were accepted before, perhaps under "
		    "the actions mta-sts and\nmta-sts-hold, are still in the "
		    "encrypted queue.\n",
		    w->queue.sealed);
	(void)fprintf(w->e->out,
	    "The two actions stay in %s for them; smtpctl show queue has the "
	    "reasons,\nbut not those of mail that smtpd cannot load.\nWhen "
	    "they "
	    "have left or are removed, this restores the file: mta-sts disable "
	    "opensmtpd\n",
	    w->path);
	return STS_SWITCHED;
}

/* smtpd runs with the actions, since then, or is not ours to restart. */
static enum sts_switched
empty(struct sts_smtpd_steps *w, time_t since)
{
	enum sts_switched result;

	if (wait_for_queue(w, since) > 0)
		return say_waiting(w);
	result = sts_smtpd_changed(w, sts_changes_undo(&w->changes));
	if (result == STS_SWITCHED)
		(void)fprintf(w->e->out,
		    "nothing waits under these actions any more; %s is as it "
		    "was\n",
		    w->path);
	return result;
}

/* What only a restart by the operator begins. */
static enum sts_switched
leave_to_operator(const struct sts_smtpd_steps *w)
{
	(void)fprintf(w->e->out,
	    "then, to bring out what waits and restore %s: mta-sts disable "
	    "opensmtpd\n",
	    w->path);
	return STS_SWITCHED;
}

static void
say_why_drained(const struct sts_smtpd_steps *w)
{
	if (w->queue.waiting > 0)
		(void)fprintf(w->e->out,
		    "%u recipient(s) wait that were accepted under actions "
		    "which %s does not have now;\n",
		    w->queue.waiting, w->path);
	if (w->queue.sealed > 0)
		(void)fprintf(w->e->out,
		    "%u recipient(s) are in an encrypted queue, and may have "
		    "been accepted under actions\nwhich %s does not have "
		    "now;\n",
		    w->queue.sealed, w->path);
	(void)fprintf(w->e->out,
	    "for their mail it gets actions of the same names, without "
	    "policies\n");
}

/* smtpd with the operator's file. */
static enum sts_switched
restart(struct sts_smtpd_steps *w, enum sts_smtpd_serves *serves)
{
	*serves = sts_smtpd_restart(w, false);
	return *serves == STS_SERVES_NOT
	    ? sts_smtpd_not_served(w, "", "old file", w->service.why)
	    : STS_SWITCHED;
}

/* smtpd has no actions for what waits: it is to run, and what waits is told. */
static enum sts_switched
give_up(struct sts_smtpd_steps *w)
{
	enum sts_smtpd_serves serves;

	(void)restart(w, &serves);
	sts_smtpd_say_left(w);
	return STS_SWITCHED_OUTSIDE;
}

/* It does not serve with them. */
static enum sts_switched
take_out(struct sts_smtpd_steps *w)
{
	(void)sts_smtpd_not_served(w, "", "file that has them", w->service.why);
	(void)sts_smtpd_changed(w, sts_changes_undo(&w->changes));
	return give_up(w);
}

/* smtpd.conf has the actions. */
static enum sts_switched
restart_and_empty(struct sts_smtpd_steps *w)
{
	switch (sts_smtpd_restart(w, false)) {
	case STS_SERVES:
		return empty(w, time(NULL));
	case STS_SERVES_NOT:
		return take_out(w);
	default:
		return leave_to_operator(w);
	}
}

/* Has what waits leave.  OUTSIDE if that cannot be begun. */
static enum sts_switched
drain(struct sts_smtpd_steps *w)
{
	say_why_drained(w);
	if (!add_actions(w)) {
		(void)sts_smtpd_stop(w,
		    "add actions mta-sts and mta-sts-hold that relay, until "
		    "smtpctl show queue is without them",
		    "this mail waits until the actions are there");
		return give_up(w);
	}
	return restart_and_empty(w);
}

enum sts_switched
sts_smtpd_settle(struct sts_smtpd_steps *w)
{
	enum sts_smtpd_serves serves;
	enum sts_switched result;

	if (!w->e->dry_run && look_for_lost(w, time(NULL)) > 0)
		return drain(w);
	result = restart(w, &serves);
	/* It may have accepted some until it was restarted. */
	if (serves == STS_SERVES && !w->e->dry_run &&
	    look_for_lost(w, started(w)) > 0)
		return drain(w);
	if (serves == STS_SERVES_ELSE)
		(void)fprintf(w->e->out,
		    "what is accepted until then may wait for actions that "
		    "are gone; this brings it out:\n    mta-sts disable "
		    "opensmtpd\n");
	return result;
}

enum sts_switched
sts_smtpd_settle_again(struct sts_smtpd_steps *w)
{
	if (w->e->dry_run) {
		sts_smtpd_say(w,
		    "restore %s when nothing waits under mta-sts and "
		    "mta-sts-hold; now: %u",
		    w->path, look(w, &both, started(w)));
		return STS_SWITCHED;
	}
	if (sts_smtpd_is_current(w, false))
		return empty(w, started(w));
	return restart_and_empty(w);
}
