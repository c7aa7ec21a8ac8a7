/* SPDX-License-Identifier: ISC */
/*
 * The order of what is done, with a death possible at each step:
 *
 *	apply	N.old, N.new and the list; temporaries of all files; then each
 *		rename, first to last; then the list is renamed to "done"
 *	undo	the list is renamed back; then as recover
 *	recover	temporaries of the old files; then each rename, last to first;
 *		then the list is removed
 *
 * What needs room on a disk comes before the first rename.
 */
#include "change/change_apply.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "change/change_file.h"
#include "change/change_record.h"

static void
clear_all(const struct sts_changes *c)
{
	char path[STS_CHANGE_REAL_BYTES];

	for (size_t i = 0; i < c->count; i++)
		sts_change_clear(sts_change_real_path(c, i, path));
}

static bool
has_list(const struct sts_changes *c, const char *name)
{
	char path[STS_CHANGE_REAL_BYTES];

	return access(sts_change_record_path(c, name, path), F_OK) == 0;
}

bool
sts_changes_is_unfinished(const struct sts_changes *c)
{
	return has_list(c, STS_CHANGE_OPEN);
}

void
sts_changes_note_edited(struct sts_changes *c, size_t index)
{
	(void)sts_change_fail(c, c->item[index].path, 0);
	(void)snprintf(
	    c->written, sizeof(c->written), "%s/%zu.new", c->record, index);
}

static enum sts_change_result
edited(struct sts_changes *c, size_t index)
{
	sts_changes_note_edited(c, index);
	return STS_CHANGE_EDITED;
}

/* What is to be done with an item when all is taken back. */
enum back { BACK_DONE, BACK_NEEDED, BACK_STALE, BACK_EDITED, BACK_FAILED };

static enum back
look_back(struct sts_changes *c, size_t index)
{
	const struct sts_change_item *item = &c->item[index];
	char path[STS_CHANGE_REAL_BYTES];
	struct sts_change_state now;
	enum back back = BACK_EDITED;

	if (!sts_change_read(&now, sts_change_real_path(c, index, path))) {
		(void)sts_change_fail(c, item->path, errno);
		back = BACK_FAILED;
	} else if (sts_change_is_same(&now, &item->old)) {
		back = BACK_DONE;
	} else if (sts_change_is_same(&now, &item->next)) {
		back = BACK_NEEDED;
	} else if (item->derived) {
		back = BACK_STALE;
	}
	sts_change_state_free(&now);
	return back;
}

/* Finds what there is to do; anything but OK: nothing may be done. */
static enum sts_change_result
plan_back(struct sts_changes *c, enum back back[STS_CHANGE_MAX])
{
	for (size_t i = 0; i < c->count; i++) {
		back[i] = look_back(c, i);
		if (back[i] == BACK_FAILED)
			return STS_CHANGE_FAILED;
		if (back[i] == BACK_EDITED)
			return edited(c, i);
		c->stale |= back[i] == BACK_STALE;
	}
	return STS_CHANGE_OK;
}

/* Takes back what is new, last to first, and forgets the record. */
static enum sts_change_result
take_back(struct sts_changes *c)
{
	enum back back[STS_CHANGE_MAX];
	char path[STS_CHANGE_REAL_BYTES];
	enum sts_change_result result = plan_back(c, back);

	for (size_t i = 0; result == STS_CHANGE_OK && i < c->count; i++) {
		(void)sts_change_real_path(c, i, path);
		if (back[i] == BACK_NEEDED &&
		    !sts_change_prepare(path, &c->item[i].old))
			result = sts_change_fail(c, c->item[i].path, errno);
	}
	for (size_t i = c->count; result == STS_CHANGE_OK && i > 0; i--) {
		(void)sts_change_real_path(c, i - 1, path);
		if (back[i - 1] == BACK_NEEDED &&
		    !sts_change_commit(path, &c->item[i - 1].old))
			result = sts_change_fail(c, c->item[i - 1].path, errno);
	}
	clear_all(c);
	if (result == STS_CHANGE_OK)
		sts_change_record_remove(c);
	return result;
}

/* All that needs room; OK, or nothing is left of it. */
static enum sts_change_result
prepare_all(struct sts_changes *c)
{
	enum sts_change_result result = STS_CHANGE_OK;
	char path[STS_CHANGE_REAL_BYTES];

	for (size_t i = 0; result == STS_CHANGE_OK && i < c->count; i++) {
		struct sts_change_item *item = &c->item[i];
		struct sts_change_state now;

		(void)sts_change_real_path(c, i, path);
		if (!sts_change_read(&now, path))
			result = sts_change_fail(c, item->path, errno);
		else if (!sts_change_is_same(&now, &item->old))
			result = edited(c, i);
		else if (!sts_change_prepare(path, &item->next))
			result = sts_change_fail(c, item->path, errno);
		sts_change_state_free(&now);
	}
	if (result != STS_CHANGE_OK) {
		clear_all(c);
		sts_change_record_remove(c);
	}
	return result;
}

static enum sts_change_result
commit_all(struct sts_changes *c)
{
	char path[STS_CHANGE_REAL_BYTES];

	for (size_t i = 0; i < c->count; i++) {
		if (!sts_change_commit(
			sts_change_real_path(c, i, path), &c->item[i].next))
			return sts_change_fail(c, c->item[i].path, errno);
	}
	return sts_change_record_rename(c, STS_CHANGE_OPEN, STS_CHANGE_CLOSED);
}

enum sts_change_result
sts_changes_apply(struct sts_changes *c)
{
	enum sts_change_result result;
	char where[STS_CHANGE_REAL_BYTES];
	int error;

	if (has_list(c, STS_CHANGE_OPEN) || has_list(c, STS_CHANGE_CLOSED))
		return sts_change_fail(c, c->record, EEXIST);
	result = sts_change_record_write(c);
	if (result != STS_CHANGE_OK) {
		sts_change_record_remove(c);
		return result;
	}
	result = prepare_all(c);
	if (result != STS_CHANGE_OK)
		return result;
	result = commit_all(c);
	if (result == STS_CHANGE_OK)
		return result;
	/* The first reason is the one to say. */
	error = c->error;
	(void)snprintf(where, sizeof(where), "%s", c->where);
	(void)sts_change_record_rename(c, STS_CHANGE_CLOSED, STS_CHANGE_OPEN);
	(void)take_back(c);
	return sts_change_fail(c, where, error);
}

enum sts_change_result
sts_changes_recover(struct sts_changes *c)
{
	enum sts_change_result result =
	    sts_change_record_read(c, STS_CHANGE_OPEN);

	return result == STS_CHANGE_OK ? take_back(c) : result;
}

enum sts_change_result
sts_changes_load(struct sts_changes *c)
{
	return sts_change_record_read(c, STS_CHANGE_CLOSED);
}

enum sts_change_result
sts_changes_undo(struct sts_changes *c)
{
	enum back back[STS_CHANGE_MAX];
	enum sts_change_result result = plan_back(c, back);

	if (result == STS_CHANGE_OK)
		result = sts_change_record_rename(
		    c, STS_CHANGE_CLOSED, STS_CHANGE_OPEN);
	return result == STS_CHANGE_OK ? take_back(c) : result;
}
