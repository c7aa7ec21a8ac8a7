/* SPDX-License-Identifier: ISC */
#include "opensmtpd/enable/smtpd_drain.h"

#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "base/command.h"

enum { WAIT_MS = 20000, PAUSE_MS = 200 };

unsigned
sts_smtpd_waiting(struct sts_smtpd_steps *w)
{
	struct sts_smtpd_lost lost;

	sts_smtpd_find_lost(&lost, w->path);
	sts_smtpd_queue_free(&w->queue);
	sts_smtpd_queue_look(&w->queue, w->e, &lost);
	sts_smtpd_queue_keep_unloaded(&w->queue, w->e);
	return w->queue.waiting + (unsigned)w->queue.sealed_count;
}

bool
sts_smtpd_has_none(const struct sts_smtpd_steps *w)
{
	struct sts_smtpd_lost lost;

	sts_smtpd_find_lost(&lost, w->path);
	return lost.count == sizeof(lost.name) / sizeof(lost.name[0]);
}

void
sts_smtpd_say_hidden(const struct sts_smtpd_steps *w)
{
	if (w->queue.hidden > 0)
		(void)sts_smtpd_stop(w,
		    "once smtpd runs, mta-sts disable opensmtpd, which looks "
		    "again",
		    "%u recipient(s) are in an encrypted queue, and only smtpd "
		    "can say whether they wait for actions that %s does not "
		    "have",
		    w->queue.hidden, w->path);
}

void
sts_smtpd_say_left(struct sts_smtpd_steps *w)
{
	unsigned count = sts_smtpd_has_none(w) ? sts_smtpd_waiting(w) : 0;

	if (count > 0)
		(void)sts_smtpd_stop(w,
		    "when that is repaired, mta-sts enable opensmtpd has them "
		    "leave under policies; mta-sts disable opensmtpd, without",
		    "%u recipient(s) wait under actions that %s does not have; "
		    "an smtpd that was started with it leaves them alone",
		    count, w->path);
	sts_smtpd_say_hidden(w);
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

/*
 * What is left of the mail that smtpd has the actions for by now.  An encrypted
 * envelope that it does not load even so is for another; with `unloaded` it may
 * only not have come to it.
 */
static unsigned
left(const struct sts_smtpd_steps *w, bool unloaded)
{
	struct sts_smtpd_queue now;

	sts_smtpd_queue_look(&now, w->e, &both);
	sts_smtpd_queue_free(&now);
	return now.waiting + sts_smtpd_queue_left(&w->queue, w->e, unloaded);
}

/* Until nothing waits any more; how many do in the end. */
static unsigned
wait_for_queue(const struct sts_smtpd_steps *w)
{
	const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};
	int64_t wait = w->e->drain_ms > 0 ? w->e->drain_ms : WAIT_MS;
	int64_t begin = sts_monotonic_ms(), at = begin;
	bool once_more = true;
	unsigned count;

	(void)STS_COMMAND(NULL, w->e->smtpctl, "schedule", "all");
	while ((count = left(w, once_more)) > 0 && at < begin + wait) {
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
say_waiting(const struct sts_smtpd_steps *w, unsigned count)
{
	(void)fprintf(w->e->out,
	    "%u recipient(s) accepted under the actions mta-sts and "
	    "mta-sts-hold still wait.\nThe two actions stay in %s for them; "
	    "smtpctl show queue has the reasons.\nWhen they have left or are "
	    "removed, this restores the file: mta-sts disable opensmtpd\n",
	    count, w->path);
	return STS_SWITCHED;
}

/* smtpd runs with the actions, or is not ours to restart. */
static enum sts_switched
empty(struct sts_smtpd_steps *w)
{
	unsigned count = wait_for_queue(w);
	enum sts_switched result;

	if (count > 0)
		return say_waiting(w, count);
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

static enum sts_switched
drain(struct sts_smtpd_steps *w, unsigned count)
{
	enum sts_smtpd_serves serves;

	(void)fprintf(w->e->out,
	    "%u recipient(s) wait that were accepted under actions which %s "
	    "does not have now;\nfor their mail it gets actions of the same "
	    "names, without policies\n",
	    count, w->path);
	if (!add_actions(w))
		return sts_smtpd_stop(w,
		    "add actions mta-sts and mta-sts-hold that relay, until "
		    "smtpctl show queue is without them",
		    "this mail waits until the actions are there");
	serves = sts_smtpd_restart(w, false);
	if (serves == STS_SERVES)
		return empty(w);
	if (serves != STS_SERVES_NOT)
		return leave_to_operator(w);
	(void)sts_smtpd_changed(w, sts_changes_undo(&w->changes));
	return sts_smtpd_not_served(
	    w, "", "file that has them", w->service.why);
}

enum sts_switched
sts_smtpd_settle(struct sts_smtpd_steps *w)
{
	unsigned count = w->e->dry_run ? 0 : sts_smtpd_waiting(w);
	enum sts_smtpd_serves serves;
	enum sts_switched result;

	if (count > 0) {
		result = drain(w, count);
		if (result != STS_SWITCHED_NOT)
			return result;
	}
	serves = sts_smtpd_restart(w, false);
	if (serves == STS_SERVES_NOT)
		return sts_smtpd_not_served(w, "", "old file", w->service.why);
	if (serves == STS_SERVES && !w->e->dry_run && count == 0 &&
	    (count = sts_smtpd_waiting(w)) > 0)
		(void)drain(w, count);
	if (serves == STS_SERVES_ELSE)
		(void)fprintf(w->e->out,
		    "what is accepted until then may wait for actions that "
		    "are gone; this brings it out:\n    mta-sts disable "
		    "opensmtpd\n");
	if (!w->e->dry_run)
		sts_smtpd_say_hidden(w);
	return STS_SWITCHED;
}

/*
 * smtpd has loaded what waits in an encrypted queue, beside all else: without
 * the actions it shows again what is for them.
 */
static enum sts_switched
settle_sealed(struct sts_smtpd_steps *w)
{
	enum sts_switched result =
	    sts_smtpd_changed(w, sts_changes_undo(&w->changes));

	if (result != STS_SWITCHED)
		return result;
	(void)fprintf(w->e->out, "%s is as it was\n", w->path);
	return sts_smtpd_settle(w);
}

enum sts_switched
sts_smtpd_settle_again(struct sts_smtpd_steps *w)
{
	sts_smtpd_queue_look(&w->queue, w->e, &both);
	if (w->e->dry_run) {
		sts_smtpd_say(w,
		    "restore %s when nothing waits under mta-sts and "
		    "mta-sts-hold; now: %u%s",
		    w->path, w->queue.waiting,
		    w->queue.sealed_count > 0
			? ", beside those of an encrypted queue"
			: "");
		return STS_SWITCHED;
	}
	if (w->queue.sealed_count > 0)
		return settle_sealed(w);
	if (sts_smtpd_is_current(w, false))
		return empty(w);
	return sts_smtpd_restart(w, false) == STS_SERVES ? empty(w)
							 : leave_to_operator(w);
}
