/* SPDX-License-Identifier: ISC */
#include "store/reports.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/domain.h"
#include "store/file.h"
#include "store/outcomes.h"

#define DIRECTORY     "reports"
#define TITLE         "mta-sts report 1"
#define REFUSED_TITLE "mta-sts refused 1"

enum {
	PATH_BYTES = sizeof(DIRECTORY "/") + STS_DAY_TEXT,
	HEAD_MAX = 16 * 1024, /* bytes of a job's file before the report */
	JOB_FILE_MAX = STS_REPORT_PACKED_MAX + HEAD_MAX,
	REFUSED_FILE_MAX = STS_REFUSED_MAX * (STS_DESTINATION_BYTES + 64)
};

static const char *const states[] = {[STS_DELIVERY_PENDING] = "pending",
    [STS_DELIVERY_SENDING] = "sending",
    [STS_DELIVERY_SENT] = "sent",
    [STS_DELIVERY_UNSURE] = "unsure",
    [STS_DELIVERY_FAILED] = "failed"};

enum { STATE_COUNT = sizeof(states) / sizeof(states[0]) };

const char *
sts_delivery_state_name(enum sts_delivery_state state)
{
	return (size_t)state < STATE_COUNT ? states[state] : "";
}

/* Directories. */

static void
day_path(int64_t day, char path[PATH_BYTES])
{
	memcpy(path, DIRECTORY "/", sizeof(DIRECTORY));
	sts_outcomes_day_text(day, path + sizeof(DIRECTORY));
}

/* Opens a directory that belongs to the owner of the store. */
static enum sts_status
open_in(struct sts_store *store, int in, const char *name, int *dir)
{
	struct stat st;

	*dir =
	    openat(in, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (*dir < 0)
		return errno == ENOENT
		    ? STS_NOT_FOUND
		    : sts_status_shortage_or(errno, STS_STATE_UNREADABLE);
	if (fstat(*dir, &st) == 0 && st.st_uid == store->uid &&
	    (st.st_mode & S_IWOTH) == 0)
		return STS_OK;
	close(*dir);
	return STS_STATE_UNREADABLE;
}

/* The same for "reports", or a day in it; neither may be a link. */
static enum sts_status
open_dir(struct sts_store *store, const char *path, int *dir)
{
	enum sts_status status = open_in(store, store->dir, DIRECTORY, dir);
	int parent = *dir;

	if (status != STS_OK || strcmp(path, DIRECTORY) == 0)
		return status;
	status = open_in(store, parent, path + sizeof(DIRECTORY), dir);
	close(parent);
	return status;
}

static bool
may_write(const struct sts_store *store)
{
	uid_t uid = geteuid();

	return store->writing && uid != 0 && uid == store->uid;
}

static enum sts_status
sync_path(struct sts_store *store, const char *path)
{
	enum sts_status status;
	int dir;

	if ((status = open_dir(store, path, &dir)) != STS_OK)
		return status;
	status = sts_sync_dir(dir);
	close(dir);
	return status;
}

/*
 * The same to write in it: makes it, and what it is in, durably.  Each name is
 * synced each time it may be new, since its maker may have died.
 */
static enum sts_status
open_to_write(struct sts_store *store, const char *path, int *dir)
{
	enum sts_status status;

	if (!may_write(store))
		return STS_STATE_UNWRITABLE;
	if ((status = open_dir(store, path, dir)) != STS_NOT_FOUND)
		return status;
	status = sts_file_make_dir(store, DIRECTORY);
	if (status == STS_OK)
		status = sts_sync_dir(store->dir);
	if (status == STS_OK &&
	    (status = open_dir(store, DIRECTORY, dir)) == STS_OK)
		close(*dir);
	if (status == STS_OK)
		status = sts_file_make_dir(store, path);
	if (status == STS_OK)
		status = sync_path(store, DIRECTORY);
	return status == STS_OK ? open_dir(store, path, dir) : status;
}

enum sts_status
sts_reports_lock(struct sts_store *store, int *fd)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	enum sts_status status;
	int dir;

	*fd = -1;
	if ((status = open_to_write(store, DIRECTORY, &dir)) != STS_OK)
		return status;
	*fd = openat(
	    dir, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0640);
	if (*fd < 0)
		status = sts_status_from_errno(errno);
	close(dir);
	if (*fd >= 0 && fcntl(*fd, F_SETLK, &lock) == 0)
		(void)futimens(*fd, NULL); /* sts_reports_last_run() */
	else if (*fd >= 0) {
		status = errno == EACCES || errno == EAGAIN
		    ? STS_STATE_LOCKED
		    : STS_STATE_UNWRITABLE;
		close(*fd);
		*fd = -1;
	}
	return status;
}

int64_t
sts_reports_last_run(struct sts_store *store)
{
	struct stat st;
	int dir, result;

	if (open_dir(store, DIRECTORY, &dir) != STS_OK)
		return 0;
	result = fstatat(dir, "lock", &st, AT_SYMLINK_NOFOLLOW);
	close(dir);
	return result == 0 && S_ISREG(st.st_mode) ? (int64_t)st.st_mtime : 0;
}

/* A report and its states, as text. */

static void
add_delivery(struct sts_text *text, const struct sts_delivery *to)
{
	sts_text_add_field(text, "destination", to->uri);
	sts_text_add_field(text, "state", sts_delivery_state_name(to->state));
	sts_text_add_number(text, "attempts", to->attempts);
	sts_text_add_number(text, "next", to->next);
	sts_text_add_number(text, "until", to->until);
	sts_text_add_field(text, "reason", to->reason);
}

static void
add_job(struct sts_text *text, const struct sts_report_job *job)
{
	sts_text_add(text, "%s\n", TITLE);
	sts_text_add_field(text, "domain", job->domain);
	sts_text_add_field(text, "id", job->id);
	sts_text_add_number(text, "destinations", (int64_t)job->count);
	for (size_t i = 0; i < job->count; i++)
		add_delivery(text, &job->to[i]);
	sts_text_add_number(text, "packed", (int64_t)job->packed_len);
	sts_text_add_bytes(text, job->packed, job->packed_len);
}

static bool
parse_delivery(struct sts_cursor *c, struct sts_delivery *to)
{
	char state[16];
	size_t i = 0;

	if (!sts_text_string(c, "destination", to->uri, sizeof(to->uri)) ||
	    !sts_text_string(c, "state", state, sizeof(state)) ||
	    !sts_text_number(c, "attempts", &to->attempts) ||
	    !sts_text_number(c, "next", &to->next) ||
	    !sts_text_number(c, "until", &to->until) ||
	    !sts_text_string(c, "reason", to->reason, sizeof(to->reason)))
		return false;
	while (i < STATE_COUNT && strcmp(states[i], state) != 0)
		i++;
	to->state = (enum sts_delivery_state)i;
	return i < STATE_COUNT;
}

/* The report itself is the rest of the file. */
static bool
parse_packed(struct sts_cursor *c, struct sts_report_job *job)
{
	int64_t len;

	if (!sts_text_number(c, "packed", &len) || len <= 0 ||
	    (size_t)len != sts_cursor_left(c) ||
	    (job->packed = malloc((size_t)len)) == NULL)
		return false;
	memcpy(job->packed, c->p, (size_t)len);
	job->packed_len = (size_t)len;
	return true;
}

static bool
parse_job(struct sts_cursor *c, const char *domain, struct sts_report_job *job)
{
	int64_t count;

	if (!sts_text_title(c, TITLE) ||
	    !sts_text_string(c, "domain", job->domain, sizeof(job->domain)) ||
	    strcmp(job->domain, domain) != 0 ||
	    !sts_text_string(c, "id", job->id, sizeof(job->id)) ||
	    !sts_text_number(c, "destinations", &count) || count < 1 ||
	    count > STS_DESTINATIONS_MAX)
		return false;
	for (; job->count < (size_t)count; job->count++)
		if (!parse_delivery(c, &job->to[job->count]))
			return false;
	return parse_packed(c, job);
}

enum sts_status
sts_reports_read(struct sts_store *store, int64_t day, const char *domain,
    struct sts_report_job *job)
{
	enum sts_status status;
	char path[PATH_BYTES];
	struct sts_cursor c;
	size_t len;
	char *text;
	int dir;

	memset(job, 0, sizeof(*job));
	job->day = day;
	day_path(day, path);
	if ((status = open_dir(store, path, &dir)) != STS_OK)
		return status;
	status = sts_file_read_at(
	    dir, domain, store->uid, JOB_FILE_MAX, &text, &len);
	close(dir);
	if (status != STS_OK)
		return status;
	c = sts_cursor_make(text, len);
	if (!parse_job(&c, domain, job)) {
		sts_report_job_free(job);
		status = STS_ENTRY_CORRUPT;
	}
	free(text);
	return status;
}

void
sts_report_job_free(struct sts_report_job *job)
{
	free(job->packed);
	job->packed = NULL;
	job->packed_len = 0;
}

enum sts_status
sts_reports_write(struct sts_store *store, const struct sts_report_job *job)
{
	struct sts_text text = {NULL, HEAD_MAX + job->packed_len, 0, false};
	enum sts_status status;
	char path[PATH_BYTES];
	int dir;

	if (!sts_domain_is_normalised(job->domain) || job->count < 1 ||
	    job->count > STS_DESTINATIONS_MAX || job->packed_len < 1 ||
	    job->packed_len > STS_REPORT_PACKED_MAX)
		return STS_INTERNAL;
	if ((text.buf = malloc(text.size)) == NULL)
		return STS_NO_MEMORY;
	add_job(&text, job);
	day_path(job->day, path);
	status = text.full ? STS_INTERNAL : open_to_write(store, path, &dir);
	if (status == STS_OK) {
		status = sts_file_write_at(store, dir, job->domain, text.buf,
		    text.len, STS_WRITE_DURABLE);
		close(dir);
	}
	free(text.buf);
	return status;
}

bool
sts_reports_is_planned(struct sts_store *store, int64_t day)
{
	char path[PATH_BYTES], *text;
	enum sts_status status;
	size_t len;
	int dir;

	day_path(day, path);
	if (open_dir(store, path, &dir) != STS_OK)
		return false;
	status = sts_file_read_at(
	    dir, ".planned", store->uid, STS_FILE_MAX, &text, &len);
	close(dir);
	free(text);
	return status == STS_OK;
}

enum sts_status
sts_reports_set_planned(struct sts_store *store, int64_t day)
{
	static const char title[] = "mta-sts planned 1\n";
	enum sts_status status;
	char path[PATH_BYTES];
	int dir;

	day_path(day, path);
	if ((status = open_to_write(store, path, &dir)) != STS_OK)
		return status;
	status = sts_file_write_at(store, dir, ".planned", title,
	    sizeof(title) - 1, STS_WRITE_DURABLE);
	close(dir);
	return status;
}

enum sts_status
sts_reports_walk(struct sts_store *store, int64_t day,
    bool (*each)(void *arg, const char *domain), void *arg)
{
	enum sts_status status;
	char path[PATH_BYTES];
	struct dirent *d;
	DIR *list;
	int dir;

	day_path(day, path);
	if ((status = open_dir(store, path, &dir)) != STS_OK)
		return status;
	if ((list = fdopendir(dir)) == NULL) {
		close(dir);
		return STS_NO_MEMORY;
	}
	while ((d = readdir(list)) != NULL) {
		sts_file_remove_stale(dir, d->d_name);
		if (sts_domain_is_normalised(d->d_name) &&
		    !each(arg, d->d_name))
			break;
	}
	closedir(list);
	return STS_OK;
}

/* A day that has gone, with all in it. */
static void
remove_day(struct sts_store *store, int dir, const char *name)
{
	char path[PATH_BYTES];
	struct dirent *d;
	DIR *list;
	int day;

	memcpy(path, DIRECTORY "/", sizeof(DIRECTORY));
	memcpy(path + sizeof(DIRECTORY), name, STS_DAY_TEXT);
	if (open_dir(store, path, &day) != STS_OK)
		return;
	if ((list = fdopendir(day)) == NULL) {
		close(day);
		return;
	}
	while ((d = readdir(list)) != NULL)
		(void)unlinkat(day, d->d_name, 0);
	closedir(list);
	(void)unlinkat(dir, name, AT_REMOVEDIR);
}

void
sts_reports_expire(struct sts_store *store, int64_t now)
{
	char oldest[STS_DAY_TEXT];
	struct dirent *d;
	DIR *list;
	int dir;

	if (!may_write(store) || now < STS_REPORTS_DAYS * STS_DAY ||
	    open_dir(store, DIRECTORY, &dir) != STS_OK)
		return;
	if ((list = fdopendir(dir)) == NULL) {
		close(dir);
		return;
	}
	sts_outcomes_day_text(now / STS_DAY - STS_REPORTS_DAYS, oldest);
	while ((d = readdir(list)) != NULL) {
		/* This form sorts by time. */
		if (strlen(d->d_name) == STS_DAY_TEXT - 1 &&
		    sts_is_digit((unsigned char)d->d_name[0]) &&
		    strcmp(d->d_name, oldest) < 0)
			remove_day(store, dir, d->d_name);
	}
	closedir(list);
}

/* Destinations that have refused a report. */

/* Its index, or the count. */
static size_t
find_refusal(const struct sts_refused *refused, const char *uri)
{
	size_t i = 0;

	while (i < refused->count && strcmp(refused->list[i].uri, uri) != 0)
		i++;
	return i;
}

bool
sts_refused_has(const struct sts_refused *refused, const char *uri)
{
	return find_refusal(refused, uri) < refused->count;
}

static const char *const refused_fields[] = {
    [STS_REFUSED_BY_ITSELF] = "refused",
    [STS_REFUSED_BY_OPERATOR] = "stopped",
};

static bool
parse_refusal(struct sts_cursor *c, struct sts_refusal *next)
{
	struct sts_cursor start = *c;

	next->by = STS_REFUSED_BY_ITSELF;
	if (!sts_text_number(c, refused_fields[next->by], &next->time)) {
		*c = start;
		next->by = STS_REFUSED_BY_OPERATOR;
		if (!sts_text_number(c, refused_fields[next->by], &next->time))
			return false;
	}
	return sts_text_string(c, "destination", next->uri, sizeof(next->uri));
}

static void
parse_refused(struct sts_cursor *c, int64_t now, struct sts_refused *refused)
{
	struct sts_refusal *next;

	if (!sts_text_title(c, REFUSED_TITLE))
		return;
	while (refused->count < STS_REFUSED_MAX) {
		next = &refused->list[refused->count];
		if (!parse_refusal(c, next))
			break;
		if (next->time > now - STS_REFUSED_SECONDS)
			refused->count++;
	}
}

enum sts_status
sts_refused_read(
    struct sts_store *store, int64_t now, struct sts_refused *refused)
{
	enum sts_status status;
	struct sts_cursor c;
	size_t len;
	char *text;
	int dir;

	refused->count = 0;
	refused->list = calloc(STS_REFUSED_MAX, sizeof(*refused->list));
	if (refused->list == NULL)
		return STS_NO_MEMORY;
	if ((status = open_dir(store, DIRECTORY, &dir)) != STS_OK)
		return status == STS_NOT_FOUND ? STS_OK : status;
	status = sts_file_read_at(
	    dir, "refused", store->uid, REFUSED_FILE_MAX, &text, &len);
	close(dir);
	if (status == STS_OK) {
		c = sts_cursor_make(text, len);
		parse_refused(&c, now, refused);
		free(text);
	}
	return status == STS_NOT_FOUND || status == STS_ENTRY_CORRUPT ? STS_OK
								      : status;
}

void
sts_refused_free(struct sts_refused *refused)
{
	free(refused->list);
	refused->list = NULL;
	refused->count = 0;
}

static enum sts_status
write_refused(struct sts_store *store, const struct sts_refused *refused)
{
	struct sts_text text = {
	    malloc(REFUSED_FILE_MAX), REFUSED_FILE_MAX, 0, false};
	enum sts_status status;
	int dir;

	if (text.buf == NULL)
		return STS_NO_MEMORY;
	sts_text_add(&text, "%s\n", REFUSED_TITLE);
	for (size_t i = 0; i < refused->count; i++) {
		sts_text_add_number(&text, refused_fields[refused->list[i].by],
		    refused->list[i].time);
		sts_text_add_field(&text, "destination", refused->list[i].uri);
	}
	status = open_to_write(store, DIRECTORY, &dir);
	if (status == STS_OK) {
		status = sts_file_write_at(store, dir, "refused", text.buf,
		    text.len, STS_WRITE_DURABLE);
		close(dir);
	}
	free(text.buf);
	return status;
}

static void
remove_refusal(struct sts_refused *refused, size_t i)
{
	memmove(refused->list + i, refused->list + i + 1,
	    (--refused->count - i) * sizeof(*refused->list));
}

/* The one that makes room: the oldest by itself, or else the oldest. */
static size_t
oldest_refusal(const struct sts_refused *refused)
{
	for (size_t i = 0; i < refused->count; i++)
		if (refused->list[i].by == STS_REFUSED_BY_ITSELF)
			return i;
	return 0;
}

enum sts_status
sts_refused_add(struct sts_store *store, struct sts_refused *refused,
    const char *uri, int64_t now, enum sts_refused_by by)
{
	size_t i = find_refusal(refused, uri);

	if (i < refused->count && by == STS_REFUSED_BY_ITSELF)
		return STS_OK;
	if (i == refused->count && i == STS_REFUSED_MAX) {
		i = oldest_refusal(refused);
		if (by == STS_REFUSED_BY_ITSELF && refused->list[i].by != by)
			return STS_OK;
	}
	if (i < refused->count)
		remove_refusal(refused, i);
	refused->list[refused->count].time = now;
	refused->list[refused->count].by = by;
	sts_copy_head(refused->list[refused->count].uri, uri,
	    sizeof(refused->list[0].uri));
	refused->count++;
	return write_refused(store, refused);
}
