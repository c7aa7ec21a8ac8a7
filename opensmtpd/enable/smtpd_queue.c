/* SPDX-License-Identifier: ISC */
#include "opensmtpd/enable/smtpd_queue.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/command.h"
#include "opensmtpd/enable/smtpd_service.h"

#define QUEUE "/var/spool/smtpd/queue"

enum {
	ID_LEN = 16,
	MESSAGE_LEN = 8,
	HEAD_BYTES =
	    1024, /* of an envelope: the action is in its first lines */
	PATH_BYTES = 1024,
	LOADS_MS = 2000,
	ENCRYPTED = '\1' /* the first byte of what smtpd has encrypted */
};

/* An encrypted envelope, as smtpd has it. */
enum sealed {
	SEALED_GONE,
	SEALED_LOADED,
	SEALED_UNLOADED, /* it has no such action, or not this key */
	SEALED_HIDDEN    /* smtpd does not say */
};

/* What smtpd has loaded of a message. */
struct list {
	char message[MESSAGE_LEN + 1];
	char *said; /* NULL: it does not say */
};

struct walk {
	const struct sts_smtpd_switch *e;
	const struct sts_smtpd_lost *lost;
	struct sts_smtpd_queue *q;
};

static const char *
queue_of(const struct sts_smtpd_switch *e)
{
	return e->queue != NULL ? e->queue : QUEUE;
}

/* Names of envelopes: so many hexadecimal digits. */
static bool
is_hex(const char *name, size_t len)
{
	return strspn(name, "0123456789abcdef") == len && name[len] == '\0';
}

/* What smtpctl says of one that is compressed. */
static bool
ask_head(const struct sts_smtpd_switch *e, const char *id, char *head)
{
	char *said = NULL;
	bool fine = STS_COMMAND(&said, e->smtpctl, "show", "envelope", id) &&
	    said != NULL;

	if (fine)
		(void)snprintf(head, HEAD_BYTES, "%s", said);
	free(said);
	return fine;
}

static bool
read_head(const struct sts_smtpd_switch *e, const char *path, const char *id,
    char *head)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	ssize_t len = fd >= 0 ? read(fd, head, HEAD_BYTES - 1) : -1;

	if (fd >= 0)
		(void)close(fd);
	if (len < 0)
		return false;
	head[len] = '\0';
	return head[0] == ENCRYPTED || strncmp(head, "version: ", 9) == 0 ||
	    ask_head(e, id, head);
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

/* An id of ID_LEN digits. */
static void
add(struct sts_smtpd_queue *q, const char *id)
{
	struct sts_envelope_id *grown =
	    reallocarray(q->sealed, q->sealed_count + 1, sizeof(*q->sealed));

	if (grown == NULL) {
		q->hidden++;
		return;
	}
	q->sealed = grown;
	memcpy(grown[q->sealed_count++].hex, id, ID_LEN + 1);
}

/* Below QUEUE/09/093e5b32/093e5b3273d89576, at this depth. */
static void
look_below(const struct walk *walk, const char *dir, unsigned depth)
{
	static const size_t lens[] = {2, MESSAGE_LEN, ID_LEN};
	char path[PATH_BYTES], head[HEAD_BYTES];
	DIR *open_dir = opendir(dir);
	struct dirent *entry;

	while (open_dir != NULL && (entry = readdir(open_dir)) != NULL) {
		if (!is_hex(entry->d_name, lens[depth]))
			continue;
		(void)snprintf(
		    path, sizeof(path), "%.700s/%.20s", dir, entry->d_name);
		if (depth < 2)
			look_below(walk, path, depth + 1);
		else if (!read_head(walk->e, path, entry->d_name, head))
			continue;
		else if (head[0] == ENCRYPTED)
			add(walk->q, entry->d_name);
		else
			walk->q->waiting += is_for(head, walk->lost);
	}
	if (open_dir != NULL)
		(void)closedir(open_dir);
}

void
sts_smtpd_queue_look(struct sts_smtpd_queue *q,
    const struct sts_smtpd_switch *e, const struct sts_smtpd_lost *lost)
{
	const struct walk walk = {.e = e, .lost = lost, .q = q};

	memset(q, 0, sizeof(*q));
	if (lost->count > 0)
		look_below(&walk, queue_of(e), 0);
}

/*
 * Asks smtpd for the message of an envelope.  An smtpctl that smtpd does not
 * answer looks into the queue itself, lists nothing that is encrypted, and says
 * so.
 */
static void
ask_list(struct list *list, const struct sts_smtpd_switch *e, const char *id)
{
	if (list->said != NULL && strncmp(list->message, id, MESSAGE_LEN) == 0)
		return;
	free(list->said);
	list->said = NULL;
	(void)snprintf(
	    list->message, sizeof(list->message), "%.*s", MESSAGE_LEN, id);
	if (!STS_COMMAND(
		&list->said, e->smtpctl, "show", "queue", list->message) ||
	    (list->said != NULL && strstr(list->said, "offline") != NULL)) {
		free(list->said);
		list->said = NULL;
	}
}

/* A line of the list begins with the envelope's id and a bar. */
static bool
lists(const struct list *list, const char *id)
{
	const char *line = list->said;

	while (strncmp(line, id, ID_LEN) != 0 || line[ID_LEN] != '|') {
		if ((line = strchr(line, '\n')) == NULL)
			return false;
		line++;
	}
	return true;
}

static enum sealed
judge(const struct sts_smtpd_switch *e, struct list *list, const char *id)
{
	char path[PATH_BYTES];

	ask_list(list, e, id);
	(void)snprintf(path, sizeof(path), "%.700s/%.2s/%.*s/%s", queue_of(e),
	    id, MESSAGE_LEN, id, id);
	if (access(path, F_OK) != 0)
		return SEALED_GONE;
	if (list->said == NULL)
		return SEALED_HIDDEN;
	return lists(list, id) ? SEALED_LOADED : SEALED_UNLOADED;
}

static void
keep_unloaded(struct sts_smtpd_queue *q, const struct sts_smtpd_switch *e)
{
	struct list list = {0};
	size_t count = 0;

	for (size_t i = 0; i < q->sealed_count; i++) {
		switch (judge(e, &list, q->sealed[i].hex)) {
		case SEALED_UNLOADED:
			q->sealed[count++] = q->sealed[i];
			break;
		case SEALED_HIDDEN:
			q->hidden++;
			break;
		default:
			break;
		}
	}
	free(list.said);
	q->sealed_count = count;
}

void
sts_smtpd_queue_keep_unloaded(
    struct sts_smtpd_queue *q, const struct sts_smtpd_switch *e)
{
	long ms = e->drain_ms > 0 ? e->drain_ms : LOADS_MS;
	const struct timespec pause = {ms / 1000, ms % 1000 * 1000000L};

	if (q->sealed_count > 0 && sts_service_uptime(e->smtpctl) < 0) {
		q->hidden += (unsigned)q->sealed_count;
		q->sealed_count = 0;
	}
	keep_unloaded(q, e);
	if (q->sealed_count == 0)
		return;
	(void)nanosleep(&pause, NULL);
	keep_unloaded(q, e);
}

unsigned
sts_smtpd_queue_left(const struct sts_smtpd_queue *q,
    const struct sts_smtpd_switch *e, bool unloaded)
{
	struct list list = {0};
	unsigned count = 0;

	for (size_t i = 0; i < q->sealed_count; i++) {
		switch (judge(e, &list, q->sealed[i].hex)) {
		case SEALED_GONE:
			break;
		case SEALED_UNLOADED:
			count += unloaded;
			break;
		default:
			count++;
		}
	}
	free(list.said);
	return count;
}

void
sts_smtpd_queue_free(struct sts_smtpd_queue *q)
{
	free(q->sealed);
	q->sealed = NULL;
	q->sealed_count = 0;
}
