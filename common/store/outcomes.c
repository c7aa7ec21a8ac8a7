/* SPDX-License-Identifier: ISC */
/*
 * A delivery waits for an append, so it is six system calls: who we are, the
 * file by its path, what it is, the limit for files, a write, the end.  By its
 * path, since the writer is the owner of the directory: only the owner can
 * have put another file or directory in its place.
 *
 * The kernel appends whole writes, unless the disk is full or the process is
 * killed between two pages; core/outcome.h says how what is left of such a
 * line does no harm.
 */
#include "store/outcomes.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "core/domain.h"
#include "store/day_files.h"
#include "store/file.h"
#include "store/outcome_socket.h"

#define DIRECTORY "outcomes"

enum {
	/* What others may append before our write: beyond the limit of this
	 * process it would be a signal that ends it. */
	LIMIT_MARGIN = 1024 * 1024,
	READ_BYTES = 65536
};

static void
two_digits(char *out, int64_t value)
{
	out[0] = (char)('0' + value / 10 % 10);
	out[1] = (char)('0' + value % 10);
}

/*
 * The Gregorian calendar, in years that begin in March.  gmtime(3) would read
 * the file of the local time zone first.
 */
void
sts_outcomes_day_text(int64_t day, char text[STS_DAY_TEXT])
{
	int64_t since = day + 719468; /* 1 March of the year 0 */
	int64_t era = since / 146097, of_era = since % 146097;
	int64_t year =
	    (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
	int64_t month = (5 * of_year + 2) / 153;

	year += era * 400 + (month >= 10 ? 1 : 0);
	two_digits(text, year / 100);
	two_digits(text + 2, year);
	text[4] = text[7] = '-';
	two_digits(text + 5, month < 10 ? month + 3 : month - 9);
	two_digits(text + 8, of_year - (153 * month + 2) / 5 + 1);
	text[10] = '\0';
}

/*
 * The directory, in the open state directory or as an absolute path; false
 * where a file in it has a path that is too long.
 */
static bool
directory_path(const struct sts_store *store, char path[PATH_MAX])
{
	const char *base = store->path;
	size_t len = base != NULL ? strlen(base) : 0;

	if (len + sizeof("/" DIRECTORY "/") + STS_DAY_TEXT > PATH_MAX)
		return false;
	if (base != NULL) {
		memcpy(path, base, len);
		path[len++] = '/';
	}
	memcpy(path + len, DIRECTORY, sizeof(DIRECTORY));
	return true;
}

static int
open_for_append(struct sts_store *store, const char *path)
{
	return openat(store->dir, path,
	    O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
	    0640);
}

/* Opens the day's file, making it and its directory where need be. */
static enum sts_status
open_day(struct sts_store *store, int64_t day, int *fd, struct stat *st)
{
	char path[PATH_MAX];
	enum sts_status status;
	size_t end;

	if (!directory_path(store, path))
		return STS_STATE_UNWRITABLE;
	end = strlen(path);
	path[end] = '/';
	sts_outcomes_day_text(day, path + end + 1);
	*fd = open_for_append(store, path);
	if (*fd < 0 && errno == ENOENT) {
		path[end] = '\0';
		status = sts_file_make_dir(store, path);
		path[end] = '/';
		if (status != STS_OK)
			return status;
		*fd = open_for_append(store, path);
	}
	if (*fd < 0)
		return errno == ENOSPC || errno == EDQUOT
		    ? STS_STATE_FULL
		    : sts_status_shortage_or(errno, STS_STATE_UNWRITABLE);
	/* The umask may have taken bits away. */
	if (fstat(*fd, st) == 0 && S_ISREG(st->st_mode) &&
	    st->st_uid == store->uid &&
	    ((st->st_mode & 07777) == 0640 || fchmod(*fd, 0640) == 0))
		return STS_OK;
	close(*fd);
	return STS_STATE_UNWRITABLE;
}

static bool
is_full(off_t size, size_t len)
{
	struct rlimit limit;
	rlim_t end = (rlim_t)size + len;

	return end > STS_OUTCOMES_FILE_MAX ||
	    (getrlimit(RLIMIT_FSIZE, &limit) == 0 &&
		limit.rlim_cur != RLIM_INFINITY &&
		end + LIMIT_MARGIN > limit.rlim_cur);
}

/* Without a call for a store that this has been asked for (sts_store_know). */
static bool
is_owner(const struct sts_store *store)
{
	return store->uid != 0 &&
	    (store->path != NULL || geteuid() == store->uid);
}

static enum sts_status
write_line(struct sts_store *store, int64_t day, const char *line, size_t len)
{
	enum sts_status status;
	struct stat st;
	ssize_t n;
	int fd;

	if (!is_owner(store))
		return STS_STATE_UNWRITABLE;
	if ((status = open_day(store, day, &fd, &st)) != STS_OK)
		return status;
	if (is_full(st.st_size, len))
		status = STS_STATE_FULL;
	else {
		n = write(fd, line, len);
		if (n < 0)
			status = sts_status_from_errno(errno);
		else if ((size_t)n < len)
			status = STS_STATE_FULL;
	}
	close(fd);
	return status;
}

static enum sts_status
append(struct sts_store *store, int64_t time, const char *line, size_t len)
{
	int64_t day = time / STS_DAY;
	enum sts_status status =
	    len > 0 ? write_line(store, day, line, len) : STS_INTERNAL;

	if (status != STS_OK && store->lost_day != day) {
		store->lost_day = day;
		sts_log(STS_LOG_WARNING, NULL, "event=outcome-lost reason=%s",
		    sts_status_name(status));
	}
	return status;
}

static void
log_session(const struct sts_outcome *outcome)
{
	char text[STS_OUTCOME_LOG_MAX];

	if (!sts_outcome_is_session(outcome))
		return;
	sts_outcome_log_text(outcome, text);
	sts_log(STS_LOG_INFO, NULL, "%s", text);
}

enum sts_status
sts_outcomes_append(struct sts_store *store, const struct sts_outcome *outcome)
{
	char line[STS_OUTCOME_LINE_MAX];

	log_session(outcome);
	return append(
	    store, outcome->time, line, sts_outcome_format(outcome, line));
}

bool
sts_outcomes_session(struct sts_store *store, const struct sts_config *config,
    const struct sts_outcome *outcome, const struct sts_entry *entry,
    const struct sts_check *check)
{
	const char *path = config->tlsrpt_socket;
	/* Not one that has replaced the session's meanwhile. */
	bool same = entry->body != NULL && entry->fetched == outcome->fetched;

	if (path == NULL)
		return sts_outcomes_append(store, outcome) == STS_OK;
	log_session(outcome);
	if (sts_outcome_send(
		path, outcome, check->tlsrpt, same ? &entry->policy : NULL))
		return true;
	sts_log(STS_LOG_WARNING, outcome->domain,
	    "event=outcome-lost socket=%s error=\"%s\"", path, strerror(errno));
	return false;
}

enum sts_status
sts_outcomes_append_policy(struct sts_store *store, const char *domain,
    int64_t fetched, struct sts_span text, int64_t now)
{
	char line[STS_OUTCOME_POLICY_LINE_MAX];

	return append(store, now, line,
	    sts_outcome_format_policy(now, domain, fetched, text, line));
}

bool
sts_outcomes_set_policy(struct sts_outcome *outcome,
    const struct sts_entry *entry, const struct sts_check *check, int64_t now)
{
	bool live = sts_entry_is_live(entry, now);

	outcome->type = STS_POLICY_TYPE_NO_POLICY_FOUND;
	outcome->fetched = 0;
	if (live && entry->policy.mode != STS_MODE_NONE) {
		outcome->type = STS_POLICY_TYPE_STS;
		outcome->fetched = entry->fetched;
	}
	if (live || !sts_check_is_none(check, now) ||
	    !sts_outcome_set_failure(outcome, check->reason))
		return false;
	outcome->type = STS_POLICY_TYPE_STS;
	return true;
}

/* A day that is read: some bytes of it, and what a line of them says. */
struct reading {
	struct sts_outcomes_reader *reader;
	size_t len;
	bool skipping; /* a line that is too long to be one of ours */
	bool ended;    /* by the reader */
	struct sts_outcome outcome;
	struct sts_outcome_policy policy;
	char buf[READ_BYTES];
};

static bool
read_line(struct reading *r, struct sts_span line)
{
	struct sts_outcomes_reader *reader = r->reader;

	if (r->skipping || line.len == 0) {
		r->skipping = false;
		return true;
	}
	if (sts_outcome_parse(line, &r->outcome))
		return reader->outcome(reader->arg, &r->outcome);
	if (!sts_outcome_parse_policy(line, &r->policy)) {
		reader->ignored++;
		return true;
	}
	return reader->policy == NULL ||
	    reader->policy(reader->arg, &r->policy);
}

/* The whole lines of what was read; the rest moves to the front. */
static bool
read_lines(struct reading *r)
{
	struct sts_span line = {r->buf, 0};
	const char *end = r->buf + r->len, *feed;

	while ((feed = memchr(line.p, '\n', (size_t)(end - line.p))) != NULL) {
		line.len = (size_t)(feed - line.p);
		if (!read_line(r, line))
			return false;
		line.p = feed + 1;
	}
	r->len = (size_t)(end - line.p);
	if (r->len == sizeof(r->buf)) {
		if (!r->skipping)
			r->reader->ignored++;
		r->skipping = true;
		r->len = 0;
	}
	memmove(r->buf, line.p, r->len);
	return true;
}

static enum sts_status
read_day(int fd, struct reading *r)
{
	for (;;) {
		ssize_t n = read(fd, r->buf + r->len, sizeof(r->buf) - r->len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return STS_STATE_UNREADABLE;
		/* What has no line feed yet is still being written. */
		if (n == 0)
			return STS_OK;
		r->len += (size_t)n;
		if (!read_lines(r)) {
			r->ended = true;
			return STS_OK;
		}
	}
}

/* The errors of an open: nothing there, too many open, not for us. */
static enum sts_status
open_error(void)
{
	if (errno == ENOENT)
		return STS_NOT_FOUND;
	return sts_status_shortage_or(errno, STS_STATE_UNREADABLE);
}

static enum sts_status
open_to_read(struct sts_store *store, const char *name, int *fd)
{
	enum sts_status status;
	int dir;

	if ((status = sts_day_files_open(store, DIRECTORY, &dir)) != STS_OK)
		return status;
	*fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (*fd < 0)
		status = open_error();
	close(dir);
	if (status == STS_OK && !sts_day_files_is_ours(store, *fd, S_IFREG)) {
		close(*fd);
		status = STS_STATE_UNREADABLE;
	}
	return status;
}

enum sts_status
sts_outcomes_read_fd(int fd, struct sts_outcomes_reader *reader, bool *ended)
{
	struct reading *r = malloc(sizeof(*r));
	enum sts_status status;

	if (r == NULL)
		return STS_NO_MEMORY;
	r->reader = reader;
	r->len = 0;
	r->skipping = r->ended = false;
	status = read_day(fd, r);
	*ended = r->ended;
	free(r);
	return status;
}

static enum sts_status
read_file(struct sts_store *store, const char *name,
    struct sts_outcomes_reader *reader, bool *ended)
{
	int fd;
	enum sts_status status = open_to_read(store, name, &fd);

	if (status != STS_OK)
		return status;
	status = sts_outcomes_read_fd(fd, reader, ended);
	close(fd);
	return status;
}

bool
sts_outcomes_is_machine(const char *name, const char *day)
{
	size_t len = strlen(day);

	return strncmp(name, day, len) == 0 && name[len] == '.' &&
	    sts_domain_is_normalised(name + len + 1);
}

/* What other machines recorded; one that cannot be read is left out. */
static enum sts_status
read_others(struct sts_store *store, const char *day,
    struct sts_outcomes_reader *reader, enum sts_status status)
{
	struct dirent *d;
	bool ended = false;
	DIR *list;
	int dir;

	if (sts_day_files_open(store, DIRECTORY, &dir) != STS_OK)
		return status;
	if ((list = fdopendir(dir)) == NULL) {
		close(dir);
		return status;
	}
	while (!ended && (d = readdir(list)) != NULL) {
		if (sts_outcomes_is_machine(d->d_name, day) &&
		    read_file(store, d->d_name, reader, &ended) == STS_OK)
			status = STS_OK;
	}
	closedir(list);
	return status;
}

enum sts_status
sts_outcomes_read(
    struct sts_store *store, int64_t day, struct sts_outcomes_reader *reader)
{
	char name[STS_DAY_TEXT];
	enum sts_status status;
	bool ended = false;

	reader->ignored = 0;
	sts_outcomes_day_text(day, name);
	status = read_file(store, name, reader, &ended);
	if (ended || (status != STS_OK && status != STS_NOT_FOUND))
		return status;
	return read_others(store, name, reader, status);
}

void
sts_outcomes_expire(struct sts_store *store, int64_t now)
{
	char oldest[STS_DAY_TEXT];

	if (!store->writing || now < STS_OUTCOMES_DAYS * STS_DAY)
		return;
	sts_outcomes_day_text(now / STS_DAY - STS_OUTCOMES_DAYS, oldest);
	sts_day_files_expire(store, DIRECTORY, oldest);
}
