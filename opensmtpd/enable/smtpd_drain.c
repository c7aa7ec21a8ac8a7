/* SPDX-License-Identifier: ISC */
#include "opensmtpd/enable/smtpd_drain.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/command.h"

#define QUEUE "/var/spool/smtpd/queue"

enum {
	WAIT_MS = 20000,
	PAUSE_MS = 200,
	ID_LEN = 16,
	HEAD_BYTES =
	    1024, /* of an envelope: the action is in its first lines */
	PATH_BYTES = 1024
};

/* Names of envelopes: so many hexadecimal digits. */
static bool
is_hex(const char *name, size_t len)
{
	return strspn(name, "0123456789abcdef") == len && name[len] == '\0';
}

/* What smtpctl says of one that is compressed or encrypted. */
static bool
ask_head(const struct sts_smtpd_steps *w, const char *id, char *head)
{
	char *said = NULL;
	bool fine = STS_COMMAND(&said, w->e->smtpctl, "show", "envelope", id) &&
	    said != NULL;

	if (fine)
		(void)snprintf(head, HEAD_BYTES, "%s", said);
	free(said);
	return fine;
}

static bool
read_head(const struct sts_smtpd_steps *w, const char *path, const char *id,
    char *head)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	ssize_t len = fd >= 0 ? read(fd, head, HEAD_BYTES - 1) : -1;

	if (fd >= 0)
		(void)close(fd);
	if (len < 0)
		return false;
	head[len] = '\0';
	return strncmp(head, "version: ", 9) == 0 || ask_head(w, id, head);
}

/* Whether an envelope is for one of the actions. */
static bool
is_for(const char *head, const struct sts_smtpd_lost *lost)
{
	static const char field[] = "\ndispatcher: ";
	const char *at = strstr(head, field);
	size_t len;

	if (at == NULL)
		return false;
	at += sizeof(field) - 1;
	len = strcspn(at, "\n");
	for (size_t i = 0; i < lost->count; i++) {
		if (strlen(lost->name[i]) == len &&
		    strncmp(lost->name[i], at, len) == 0)
			return true;
	}
	return false;
}

/* Below QUEUE/09/093e5b32/093e5b3273d89576, at this depth. */
static unsigned
count_below(const struct sts_smtpd_steps *w, const char *dir, unsigned depth,
    const struct sts_smtpd_lost *lost)
{
	static const size_t lens[] = {2, 8, ID_LEN};
	char path[PATH_BYTES], head[HEAD_BYTES];
	DIR *open_dir = opendir(dir);
	struct dirent *entry;
	unsigned count = 0;

	while (open_dir != NULL && (entry = readdir(open_dir)) != NULL) {
		if (!is_hex(entry->d_name, lens[depth]))
			continue;
		(void)snprintf(
		    path, sizeof(path), "%.700s/%.20s", dir, entry->d_name);
		if (depth < 2)
			count += count_below(w, path, depth + 1, lost);
		else if (read_head(w, path, entry->d_name, head))
			count += is_for(head, lost);
	}
	if (open_dir != NULL)
		(void)closedir(open_dir);
	return count;
}

static unsigned
count_lost(const struct sts_smtpd_steps *w, const struct sts_smtpd_lost *lost)
{
	const char *queue = w->e->queue != NULL ? w->e->queue : QUEUE;

	return lost->count > 0 ? count_below(w, queue, 0, lost) : 0;
}

unsigned
sts_smtpd_waiting(const struct sts_smtpd_steps *w)
{
	struct sts_smtpd_lost lost;

	sts_smtpd_find_lost(&lost, w->path);
	return count_lost(w, &lost);
}

bool
sts_smtpd_has_none(const struct sts_smtpd_steps *w)
{
	struct sts_smtpd_lost lost;

	sts_smtpd_find_lost(&lost, w->path);
	return lost.count == sizeof(lost.name) / sizeof(lost.name[0]);
}

void
sts_smtpd_say_left(const struct sts_smtpd_steps *w)
{
	unsigned count = sts_smtpd_has_none(w) ? sts_smtpd_waiting(w) : 0;

	if (count > 0)
		(void)sts_smtpd_stop(w,
		    "when that is repaired, mta-sts enable opensmtpd has them "
		    "leave under policies; mta-sts disable opensmtpd, without",
		    "%u recipient(s) wait under actions that %s does not have; "
		    "an smtpd that was started with it leaves them alone",
		    count, w->path);
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

/* Until nothing waits any more; how many do in the end. */
static unsigned
wait_for_queue(struct sts_smtpd_steps *w, const struct sts_smtpd_lost *lost)
{
	const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};
	int64_t wait = w->e->drain_ms > 0 ? w->e->drain_ms : WAIT_MS;
	int64_t begin = sts_monotonic_ms(), at = begin;
	bool once_more = true;
	unsigned count;

	(void)STS_COMMAND(NULL, w->e->smtpctl, "schedule", "all");
	while ((count = count_lost(w, lost)) > 0 && at < begin + wait) {
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

/* Both actions of ours, whatever smtpd.conf has. */
static const struct sts_smtpd_lost both = {.name = {"mta-sts", "mta-sts-hold"},
    .count = 2};

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
	unsigned count = wait_for_queue(w, &both);
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
	return STS_SWITCHED;
}

enum sts_switched
sts_smtpd_settle_again(struct sts_smtpd_steps *w)
{
	unsigned count = count_lost(w, &both);

	if (w->e->dry_run) {
		sts_smtpd_say(w,
		    "restore %s when nothing waits under mta-sts and "
		    "mta-sts-hold; now: %u",
		    w->path, count);
		return STS_SWITCHED;
	}
	if (sts_smtpd_is_current(w, false))
		return empty(w);
	return sts_smtpd_restart(w, false) == STS_SERVES ? empty(w)
							 : leave_to_operator(w);
}
