/* SPDX-License-Identifier: ISC */
#include "opensmtpd/enable/smtpd_queue.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/command.h"

#define QUEUE "/var/spool/smtpd/queue"

enum {
	ID_LEN = 16,
	MESSAGE_LEN = 8,
	HEAD_BYTES =
	    1024, /* of an envelope: the action is in its first lines */
	PATH_BYTES = 1024,
	ENCRYPTED = '\1' /* the first byte of what smtpd has encrypted */
};

struct walk {
	const struct sts_smtpd_switch *e;
	const struct sts_smtpd_lost *lost;
	time_t until;
	struct sts_smtpd_queue *q;
};

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

/* The beginning of its file; false if that cannot be read. */
static bool
read_head(const char *path, char *head)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	ssize_t len = fd >= 0 ? read(fd, head, HEAD_BYTES - 1) : -1;

	if (fd >= 0)
		(void)close(fd);
	head[len > 0 ? len : 0] = '\0';
	return len > 0;
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

/* What smtpd writes when a message comes, and never again. */
static bool
came_before(const char *message_dir, time_t until)
{
	char path[PATH_BYTES];
	struct stat st;

	(void)snprintf(path, sizeof(path), "%.700s/message", message_dir);
	return stat(path, &st) != 0 || st.st_mtime <= until;
}

static void
look_at(
    const struct walk *walk, const char *dir, const char *path, const char *id)
{
	char head[HEAD_BYTES];

	if (!read_head(path, head))
		return;
	if (head[0] == ENCRYPTED)
		walk->q->sealed += came_before(dir, walk->until);
	else if (strncmp(head, "version: ", 9) == 0 ||
	    ask_head(walk->e, id, head))
		walk->q->waiting += is_for(head, walk->lost);
}

/* Below QUEUE/09/093e5b32/093e5b3273d89576, at this depth. */
static void
look_below(const struct walk *walk, const char *dir, unsigned depth)
{
	static const size_t lens[] = {2, MESSAGE_LEN, ID_LEN};
	char path[PATH_BYTES];
	DIR *open_dir = opendir(dir);
	struct dirent *entry;

	while (open_dir != NULL && (entry = readdir(open_dir)) != NULL) {
		if (!is_hex(entry->d_name, lens[depth]))
			continue;
		(void)snprintf(
		    path, sizeof(path), "%.700s/%.20s", dir, entry->d_name);
		if (depth < 2)
			look_below(walk, path, depth + 1);
		else
			look_at(walk, dir, path, entry->d_name);
	}
	if (open_dir != NULL)
		(void)closedir(open_dir);
}

void
sts_smtpd_queue_look(struct sts_smtpd_queue *q,
    const struct sts_smtpd_switch *e, const struct sts_smtpd_lost *lost,
    time_t until)
{
	const struct walk walk = {.e = e, .lost = lost, .until = until, .q = q};

	memset(q, 0, sizeof(*q));
	if (lost->count > 0)
		look_below(&walk, e->queue != NULL ? e->queue : QUEUE, 0);
}
