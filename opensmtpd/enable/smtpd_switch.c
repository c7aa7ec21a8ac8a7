/* SPDX-License-Identifier: ISC */
#include "opensmtpd/enable/smtpd_switch.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/command.h"
#include "opensmtpd/enable/smtpd_drain.h"
#include "opensmtpd/enable/smtpd_steps.h"

/* Locks the record, and takes back what an interrupted run left. */
static enum sts_switched
begin(struct sts_smtpd_steps *w)
{
	enum sts_change_result back = STS_CHANGE_NONE;
	enum sts_switched result;

	w->changes.record = w->e->record;
	if (w->e->dry_run) {
		if (sts_changes_is_unfinished(&w->changes))
			sts_smtpd_say(w,
			    "put back smtpd.conf first: an earlier run was "
			    "interrupted");
		return STS_SWITCHED;
	}
	result = sts_smtpd_changed(w, sts_changes_begin(&w->changes));
	if (result == STS_SWITCHED) {
		back = sts_changes_recover(&w->changes);
		result = sts_smtpd_changed(w, back);
	}
	if (back == STS_CHANGE_OK) {
		w->went_back = true;
		(void)fprintf(w->e->out,
		    "an earlier run was interrupted: smtpd.conf is as before "
		    "it\n");
	}
	if (result != STS_SWITCHED)
		return result;
	return sts_smtpd_new_changes(w);
}

static bool
is_draining(const struct sts_smtpd_steps *w)
{
	return strcmp(w->changes.note, STS_SMTPD_DRAINING) == 0;
}

/* What a `disable` left for mail that waits is taken back first. */
static enum sts_switched
end_drain(struct sts_smtpd_steps *w)
{
	enum sts_change_result loaded = sts_changes_load(&w->changes);
	enum sts_switched result;

	if (loaded != STS_CHANGE_OK)
		return sts_smtpd_changed(w, loaded);
	if (!is_draining(w))
		return sts_smtpd_new_changes(w);
	if (w->e->dry_run)
		return sts_smtpd_stop(w,
		    "mta-sts enable opensmtpd, which takes them out first",
		    "%s has actions for mail that waits from before",
		    w->changes.item[0].path);
	result = sts_smtpd_changed(w, sts_changes_undo(&w->changes));
	if (result != STS_SWITCHED)
		return result;
	w->went_back = true;
	result = sts_smtpd_new_changes(w);
	return result == STS_SWITCHED ? sts_smtpd_reload(w) : result;
}

/* The usual places of trust roots, unless this suite has its own. */
static const char *
roots(const struct sts_smtpd_switch *e)
{
	static const char *const files[] = {
	    "/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/cert.pem",
	    "/etc/pki/tls/cert.pem", "/usr/local/share/certs/ca-root-nss.crt"};

	if (e->config->ca_file != NULL)
		return e->config->ca_file;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		if (access(files[i], R_OK) == 0)
			return files[i];
	}
	return files[0];
}

/* Not placed: why, in the operator's terms. */
static enum sts_switched
explain(const struct sts_smtpd_steps *w, enum sts_smtpd_placed placed)
{
	const struct sts_smtpd_place *p = &w->place;

	if (placed == STS_SMTPD_NO_MEMORY)
		return sts_smtpd_fail(w, "out of memory");
	return sts_smtpd_stop(w, p->fix, "%s: %s", p->where, p->reason);
}

/*
 * smtpd does not serve with the new file: it gets the old one.  What it has
 * accepted meanwhile waits, since only `disable` asks for no policies.
 */
static enum sts_switched
take_back(struct sts_smtpd_steps *w)
{
	char why[sizeof(w->service.why)];
	enum sts_switched result;

	(void)snprintf(why, sizeof(why), "%s", w->service.why);
	result = sts_smtpd_changed(w, sts_changes_undo(&w->changes));
	if (result != STS_SWITCHED) {
		(void)sts_smtpd_not_served(w, "", "new file", why);
		return result;
	}
	if (sts_smtpd_restart(w, false) == STS_SERVES_NOT)
		(void)sts_smtpd_not_served(w, "", "old file", w->service.why);
	return sts_smtpd_not_served(
	    w, "the old file is back: ", "new one", why);
}

/*
 * Nothing is missing: is it right, and is it what runs?  With this file mail
 * was accepted, and is to leave under policies: whatever is wrong, it stays.
 */
static enum sts_switched
complete(struct sts_smtpd_steps *w, bool ours)
{
	enum sts_switched result = sts_smtpd_set_up(w);

	w->keeps = ours;
	if (result == STS_SWITCHED)
		result = sts_smtpd_check_path(w, w->path, false);
	if (result != STS_SWITCHED)
		return result;
	(void)fprintf(w->e->out, "%s has all that MTA-STS needs\n", w->path);
	if (sts_smtpd_is_current(w, true))
		return STS_SWITCHED;
	w->serves = sts_smtpd_restart(w, true);
	if (w->serves != STS_SERVES_NOT)
		return STS_SWITCHED;
	return sts_smtpd_not_served(
	    w, "smtpd does not serve: ", "file as it is", w->service.why);
}

static enum sts_switched
changed_meanwhile(const struct sts_smtpd_steps *w)
{
	return sts_smtpd_stop(w, "the same command once more",
	    "%s was changed while this ran; it is left as it is", w->path);
}

/* The new text was made from, and tried instead of, what was read. */
static enum sts_switched
prepare(struct sts_smtpd_steps *w)
{
	enum sts_switched result = sts_smtpd_changed(w,
	    sts_changes_write(
		&w->changes, w->path, w->place.text, w->place.len));
	const struct sts_change_state *old = &w->changes.item[0].old;

	if (result == STS_SWITCHED &&
	    (w->changes.count != 1 || old->len != w->len ||
		memcmp(old->bytes, w->bytes, w->len) != 0))
		return changed_meanwhile(w);
	return result;
}

/* A file that smtpd does not start with is taken back. */
static enum sts_switched
apply(struct sts_smtpd_steps *w)
{
	enum sts_change_result applied = sts_changes_apply(&w->changes);
	enum sts_switched result;

	if (applied == STS_CHANGE_EDITED)
		return changed_meanwhile(w);
	result = sts_smtpd_changed(w, applied);
	if (result != STS_SWITCHED)
		return result;
	w->serves = sts_smtpd_restart(w, true);
	return w->serves == STS_SERVES_NOT ? take_back(w) : STS_SWITCHED;
}

static enum sts_switched
change(struct sts_smtpd_steps *w)
{
	enum sts_switched result = prepare(w);

	if (result == STS_SWITCHED)
		result = sts_smtpd_try(w);
	if (result != STS_SWITCHED)
		return result;
	sts_changes_print(&w->changes, w->e->out);
	(void)fprintf(w->e->out, "smtpd and config check take it\n");
	if (w->place.no_hold)
		(void)fprintf(w->e->out,
		    "without a hold listener: no rule lets the programs of "
		    "this machine send to any\ndomain, and by that listener "
		    "they could\n");
	result = sts_smtpd_set_up(w);
	if (result != STS_SWITCHED)
		return result;
	if (!w->e->dry_run)
		return apply(w);
	(void)sts_smtpd_restart(w, true);
	return STS_SWITCHED;
}

/*
 * Switched on by this command before: is it still as it was made?  What it
 * lacks now cannot be placed beside a record of the first time.
 */
static enum sts_switched
look_again(struct sts_smtpd_steps *w, enum sts_smtpd_placed placed)
{
	const struct sts_change_state *next = &w->changes.item[0].next;

	if (placed == STS_SMTPD_COMPLETE)
		return complete(w, true);
	if (next->len == w->len && memcmp(next->bytes, w->bytes, w->len) == 0)
		return sts_smtpd_stop(w,
		    "mta-sts disable opensmtpd, then this again",
		    "%s is as this command wrote it, but by now it needs more",
		    w->path);
	sts_changes_note_edited(&w->changes, 0);
	return sts_smtpd_edited(w, "mta-sts enable opensmtpd");
}

static enum sts_switched
enable(struct sts_smtpd_steps *w)
{
	const struct sts_smtpd_wanted wanted = {.config = w->e->config,
	    .config_file = w->e->config_file,
	    .roots = roots(w->e)};
	enum sts_switched result = begin(w);
	enum sts_change_result loaded;
	enum sts_smtpd_placed placed;

	if (result == STS_SWITCHED)
		result = sts_smtpd_load(w);
	if (result == STS_SWITCHED)
		result = end_drain(w);
	if (result == STS_SWITCHED)
		result = sts_smtpd_parse(w, w->path);
	if (result != STS_SWITCHED)
		return result;
	sts_service_find(&w->service, w->e);
	placed = sts_smtpd_place(&w->place, &wanted, w->path, w->bytes, w->len);
	loaded = sts_changes_load(&w->changes);
	if (loaded == STS_CHANGE_OK)
		return look_again(w, placed);
	if (loaded != STS_CHANGE_NONE)
		return sts_smtpd_changed(w, loaded);
	if (placed == STS_SMTPD_COMPLETE)
		return complete(w, false);
	return placed == STS_SMTPD_PLACED ? change(w) : explain(w, placed);
}

/* What smtpd.conf is now, and what mail waits for. */
static void
say_not_enabled(struct sts_smtpd_steps *w)
{
	const char *said = "smtpd.conf is as it was";

	if (sts_changes_is_unfinished(&w->changes))
		said = "smtpd.conf could not be taken back: when that is "
		       "repaired, mta-sts disable opensmtpd does it";
	else if (w->keeps)
		said = "smtpd.conf stays as it is, with MTA-STS; mta-sts "
		       "disable opensmtpd takes it back";
	else if (w->went_back || is_draining(w))
		said = "MTA-STS is not on";
	(void)fprintf(w->e->err, "mta-sts: %s\n", said);
	if (!w->e->dry_run)
		sts_smtpd_say_left(w);
}

enum sts_switched
sts_smtpd_enable(const struct sts_smtpd_switch *e)
{
	struct sts_smtpd_steps w = {.e = e};
	enum sts_switched result = enable(&w);

	if (result != STS_SWITCHED)
		say_not_enabled(&w);
	else if (e->dry_run)
		(void)fprintf(
		    e->out, "nothing was changed: this was a dry run\n");
	else
		(void)fprintf(e->out,
		    "MTA-STS is on%s; mta-sts status checks it%s\n",
		    w.serves == STS_SERVES ? ""
			: w.serves == STS_SERVES_OFF
			? " once smtpd is started"
			: " once smtpd is restarted",
		    w.changes.count > 0
			? ", mta-sts disable opensmtpd takes it back"
			: "");
	sts_smtpd_end_steps(&w);
	return result;
}

/* With the old file smtpd does not listen there. */
static void
forget_hold_port(struct sts_smtpd_steps *w)
{
	static const char line[] = "\nlisten on 127.0.0.1 port ";
	const char *bytes = w->changes.item[0].next.bytes, *at;

	if (bytes != NULL && (at = strstr(bytes, line)) != NULL)
		sts_ports_forget(&w->service.before.ports,
		    (unsigned)strtoul(at + sizeof(line) - 1, NULL, 10));
}

/* There is no record: nothing is on, or it was done by hand. */
static enum sts_switched
not_ours(struct sts_smtpd_steps *w)
{
	if (sts_smtpd_load(w) == STS_SWITCHED &&
	    strstr(w->bytes, "mta-sts:/") != NULL)
		return sts_smtpd_stop(w,
		    "see \"Removing it\" in the guide, opensmtpd.md",
		    "what %s has of MTA-STS was not written by this command",
		    w->path);
	sts_service_find(&w->service, w->e);
	if (!w->e->dry_run && w->bytes != NULL && sts_smtpd_has_none(w)) {
		if (w->service.before.filter.count > 0)
			return sts_smtpd_settle(w);
		sts_smtpd_look_waiting(w);
		if (w->queue.waiting > 0)
			return sts_smtpd_settle(w);
		sts_smtpd_say_sealed(w);
	}
	(void)fprintf(w->e->out,
	    "nothing to do: this command has not switched MTA-STS on\n");
	return STS_SWITCHED;
}

/* The file of the record, if the operator names one. */
static enum sts_switched
is_of_record(struct sts_smtpd_steps *w)
{
	const char *path = w->changes.item[0].path;

	if (w->e->file == NULL || w->changes.count == 0)
		return STS_SWITCHED;
	if (realpath(w->e->file, w->path) != NULL && strcmp(w->path, path) == 0)
		return STS_SWITCHED;
	return sts_smtpd_stop(w, "mta-sts disable opensmtpd",
	    "this command has written %s, not %s", path, w->e->file);
}

static enum sts_switched
disable(struct sts_smtpd_steps *w)
{
	enum sts_switched result = begin(w);
	enum sts_change_result loaded;

	if (result != STS_SWITCHED)
		return result;
	loaded = sts_changes_load(&w->changes);
	if (loaded == STS_CHANGE_NONE)
		return not_ours(w);
	result = sts_smtpd_changed(w, loaded);
	if (result == STS_SWITCHED)
		result = is_of_record(w);
	if (result != STS_SWITCHED)
		return result;
	(void)snprintf(w->path, sizeof(w->path), "%s", w->changes.item[0].path);
	sts_service_find(&w->service, w->e);
	if (is_draining(w))
		return sts_smtpd_settle_again(w);
	forget_hold_port(w);
	sts_smtpd_say(w, "restore %s", w->path);
	if (!w->e->dry_run)
		result = sts_smtpd_changed(w, sts_changes_undo(&w->changes));
	if (result != STS_SWITCHED)
		return result;
	if (sts_smtpd_settle(w) != STS_SWITCHED)
		return STS_SWITCHED_OUTSIDE;
	(void)fprintf(w->e->out, "%s",
	    w->e->dry_run
		? "nothing was changed: this was a dry run\n"
		: "MTA-STS is off: mail leaves as it did before; the state "
		  "directory stays\n");
	return STS_SWITCHED;
}

enum sts_switched
sts_smtpd_disable(const struct sts_smtpd_switch *e)
{
	struct sts_smtpd_steps w = {.e = e};
	enum sts_switched result = disable(&w);

	sts_smtpd_end_steps(&w);
	return result;
}
