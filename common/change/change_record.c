/* SPDX-License-Identifier: ISC */
/*
 * The list is text, one line a file:
 *
 *	mta-sts-change 1
 *	note WORD
 *	change OLD-KIND MODE UID GID NEW-KIND MODE UID GID DERIVED PATH
 *	end
 *
 * The number of a change is that of its line among its kind.
 */
#include "change/change_record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/readfile.h"
#include "change/change_file.h"

enum { LIST_BYTES = STS_CHANGE_MAX * (STS_CHANGE_PATH_BYTES + 128) + 256 };

#define HEAD  "mta-sts-change 1\n"
#define DRAFT "journal.new"

enum sts_change_result
sts_change_fail(struct sts_changes *c, const char *path, int error)
{
	(void)snprintf(c->where, sizeof(c->where), "%s", path);
	c->error = error;
	return STS_CHANGE_FAILED;
}

const char *
sts_change_record_path(const struct sts_changes *c, const char *name, char *buf)
{
	(void)snprintf(buf, STS_CHANGE_REAL_BYTES, "%s/%s", c->record, name);
	return buf;
}

static const char *
bytes_path(
    const struct sts_changes *c, size_t index, const char *which, char *buf)
{
	char name[32];

	(void)snprintf(name, sizeof(name), "%zu.%s", index, which);
	return sts_change_record_path(c, name, buf);
}

static int
print_state(char *buf, size_t size, const struct sts_change_state *s)
{
	return snprintf(buf, size, " %d %o %lu %lu", (int)s->kind,
	    (unsigned)s->mode, (unsigned long)s->uid, (unsigned long)s->gid);
}

static size_t
print_list(const struct sts_changes *c, char *buf, size_t size)
{
	size_t n = (size_t)snprintf(buf, size, HEAD);

	if (c->note[0] != '\0')
		n += (size_t)snprintf(buf + n, size - n, "note %s\n", c->note);
	for (size_t i = 0; i < c->count; i++) {
		const struct sts_change_item *item = &c->item[i];

		n += (size_t)snprintf(buf + n, size - n, "change");
		n += (size_t)print_state(buf + n, size - n, &item->old);
		n += (size_t)print_state(buf + n, size - n, &item->next);
		n += (size_t)snprintf(
		    buf + n, size - n, " %d %s\n", item->derived, item->path);
	}
	return n + (size_t)snprintf(buf + n, size - n, "end\n");
}

static bool
write_bytes(struct sts_changes *c, size_t index, const char *which,
    const struct sts_change_state *state)
{
	char path[STS_CHANGE_REAL_BYTES];

	if (state->kind == STS_CHANGE_ABSENT)
		return true;
	(void)bytes_path(c, index, which, path);
	if (sts_change_write_file(path, state->bytes, state->len))
		return true;
	(void)sts_change_fail(c, path, errno);
	return false;
}

enum sts_change_result
sts_change_record_write(struct sts_changes *c)
{
	char draft[STS_CHANGE_REAL_BYTES];
	char *list = malloc(LIST_BYTES);
	bool fine = true;

	if (list == NULL)
		return sts_change_fail(c, c->record, ENOMEM);
	/* What a run left that never came to its list. */
	sts_change_record_remove(c);
	for (size_t i = 0; fine && i < c->count; i++)
		fine = write_bytes(c, i, "old", &c->item[i].old) &&
		    write_bytes(c, i, "new", &c->item[i].next);
	(void)sts_change_record_path(c, DRAFT, draft);
	if (fine &&
	    !sts_change_write_file(
		draft, list, print_list(c, list, LIST_BYTES))) {
		(void)sts_change_fail(c, draft, errno);
		fine = false;
	}
	free(list);
	return fine ? sts_change_record_rename(c, DRAFT, STS_CHANGE_OPEN)
		    : STS_CHANGE_FAILED;
}

enum sts_change_result
sts_change_record_rename(
    struct sts_changes *c, const char *from, const char *to)
{
	char old[STS_CHANGE_REAL_BYTES], next[STS_CHANGE_REAL_BYTES];

	(void)sts_change_record_path(c, from, old);
	(void)sts_change_record_path(c, to, next);
	if (rename(old, next) != 0 || !sts_change_sync_parent(next))
		return sts_change_fail(c, next, errno);
	return STS_CHANGE_OK;
}

void
sts_change_record_remove(struct sts_changes *c)
{
	char path[STS_CHANGE_REAL_BYTES];

	(void)unlink(sts_change_record_path(c, STS_CHANGE_OPEN, path));
	(void)unlink(sts_change_record_path(c, STS_CHANGE_CLOSED, path));
	(void)sts_change_sync_parent(path);
	(void)unlink(sts_change_record_path(c, DRAFT, path));
	for (size_t i = 0; i < STS_CHANGE_MAX; i++) {
		(void)unlink(bytes_path(c, i, "old", path));
		(void)unlink(bytes_path(c, i, "new", path));
	}
}

static bool
read_bytes(struct sts_changes *c, size_t index, const char *which,
    struct sts_change_state *state)
{
	char path[STS_CHANGE_REAL_BYTES];

	if (state->kind == STS_CHANGE_ABSENT)
		return true;
	(void)bytes_path(c, index, which, path);
	errno = 0;
	if (sts_readfile(path, false, STS_CHANGE_BYTES_MAX, &state->bytes,
		&state->len) == STS_OK)
		return true;
	(void)sts_change_fail(c, path, errno != 0 ? errno : EFBIG);
	return false;
}

/* False for a number that is not one, or not of a kind that is changed. */
static bool
set_state(struct sts_change_state *s, const unsigned long *field)
{
	s->kind = (enum sts_change_kind)field[0];
	s->mode = (mode_t)field[1];
	s->uid = (uid_t)field[2];
	s->gid = (gid_t)field[3];
	return field[0] < STS_CHANGE_OTHER;
}

/* One line of a change, as print_list wrote it. */
static bool
parse_change(struct sts_changes *c, char *line)
{
	struct sts_change_item *item = &c->item[c->count];
	unsigned long field[9];

	if (c->count == STS_CHANGE_MAX)
		return false;
	for (size_t i = 0; i < 9; i++) {
		char *end;

		field[i] = strtoul(line, &end, i % 4 == 1 ? 8 : 10);
		if (end == line || *end != ' ')
			return false;
		line = end + 1;
	}
	if (line[0] != '/' || strlen(line) >= sizeof(item->path) ||
	    !set_state(&item->old, field) || !set_state(&item->next, field + 4))
		return false;
	item->derived = field[8] != 0;
	(void)snprintf(item->path, sizeof(item->path), "%s", line);
	c->count++;
	return true;
}

/* True if the list is whole. */
static bool
parse_list(struct sts_changes *c, char *text)
{
	char *rest = text, *line;

	if (strncmp(text, HEAD, sizeof(HEAD) - 1) != 0)
		return false;
	rest += sizeof(HEAD) - 1;
	while ((line = strsep(&rest, "\n")) != NULL) {
		if (strcmp(line, "end") == 0)
			return true;
		if (strncmp(line, "note ", 5) == 0)
			(void)snprintf(
			    c->note, sizeof(c->note), "%s", line + 5);
		else if (strncmp(line, "change ", 7) != 0 ||
		    !parse_change(c, line + 7))
			return false;
	}
	return false;
}

enum sts_change_result
sts_change_record_read(struct sts_changes *c, const char *name)
{
	char path[STS_CHANGE_REAL_BYTES], *text;
	size_t len;
	enum sts_status status;
	bool fine;

	(void)sts_change_record_path(c, name, path);
	errno = 0;
	status = sts_readfile(path, false, LIST_BYTES, &text, &len);
	if (status == STS_NOT_FOUND)
		return STS_CHANGE_NONE;
	if (status != STS_OK)
		return sts_change_fail(c, path, errno != 0 ? errno : EFBIG);
	c->count = 0;
	fine = parse_list(c, text);
	free(text);
	if (!fine)
		return sts_change_fail(c, path, EBADMSG);
	for (size_t i = 0; i < c->count; i++) {
		if (!read_bytes(c, i, "old", &c->item[i].old) ||
		    !read_bytes(c, i, "new", &c->item[i].next))
			return STS_CHANGE_FAILED;
	}
	return STS_CHANGE_OK;
}
