/* SPDX-License-Identifier: ISC */
/*
 * Lines have a line feed before and after them and end with a dot, as in
 * outcomes.c, and for the same reason:
 *
 *	L TIME RESULT .		a lookup
 *	R TIME RESULT .		a refresh
 *	O TIME .		the end of a round
 *	D TIME REASON DOMAIN .	a deferral
 */
#include "store/events.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/domain.h"
#include "store/day_files.h"
#include "store/file.h"
#include "store/lock.h"
#include "store/outcomes.h"

#define DIRECTORY "events"
#define TOTALS    "totals"

enum {
	PATH_BYTES = sizeof(DIRECTORY "/") + STS_DAY_TEXT,
	FILE_BYTES_MAX = 8 * 1024 * 1024,
	/* What domains of others cause leaves room for what is this machine's.
	 */
	COMMON_BYTES_MAX = FILE_BYTES_MAX - 1024 * 1024,
	/* Beyond this one a minute, so that none of the day's hours is without
	 * them: 1440 lines have room. */
	FAULT_BYTES_MAX = FILE_BYTES_MAX - 512 * 1024,
	PAUSE = 60,
	LIMIT_MARGIN = 1024 * 1024, /* as in outcomes.c */
	LINE_BYTES = STS_NAME_MAX + 100,
	KEPT_BYTES = 4096, /* of results that wait; more than LINE_BYTES */
	/* A file has a little more where several find its last room at once. */
	FILE_BYTES_READ = FILE_BYTES_MAX + 65536,
	READ_BYTES = 65536,
	DAYS_BACK = 400, /* that are looked for, if none were added up */
	DAYS_KEPT = 31,  /* at most, where no process can add up */
	HOUR = 3600
};

/* Of each kind each result. */
enum { COUNTS = (int)STS_EVENT_KINDS * (int)STS_EVENT_RESULTS };

static const char *const results[STS_EVENT_RESULTS] = {
    [STS_EVENT_POLICY] = "policy",
    [STS_EVENT_UNCHANGED] = "unchanged",
    [STS_EVENT_NONE] = "none",
    [STS_EVENT_DNS] = "dns_trouble",
    [STS_EVENT_FAILED] = "failed",
    [STS_EVENT_FAULT] = "fault",
};

const char *
sts_event_result_name(enum sts_event_result result)
{
	return results[result];
}

static void
day_path(int64_t day, char path[PATH_BYTES])
{
	memcpy(path, DIRECTORY "/", sizeof(DIRECTORY));
	sts_outcomes_day_text(day, path + sizeof(DIRECTORY));
}

static int
open_to_append(struct sts_store *store, const char *path)
{
	return openat(store->dir, path,
	    O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
	    0640);
}

/* What the day's file has room for. */
enum importance {
	COMMON, /* what domains of others cause */
	FAULT,  /* of this machine */
	ROUND
};

static bool
has_room(
    const struct stat *st, size_t len, enum importance importance, int64_t now)
{
	off_t max = importance == COMMON ? COMMON_BYTES_MAX : FILE_BYTES_MAX;
	int64_t age = now - (int64_t)st->st_mtime;

	if (importance == FAULT && st->st_size >= FAULT_BYTES_MAX && age >= 0 &&
	    age < PAUSE)
		return false;
	return st->st_size + (off_t)len < max;
}

/* True if the file is the owner's, and within this process's limit. */
static bool
may_append(const struct sts_store *store, int fd, const struct stat *st)
{
	struct rlimit limit;

	return S_ISREG(st->st_mode) && st->st_uid == store->uid &&
	    ((st->st_mode & 07777) == 0640 || fchmod(fd, 0640) == 0) &&
	    (getrlimit(RLIMIT_FSIZE, &limit) != 0 ||
		limit.rlim_cur == RLIM_INFINITY ||
		(rlim_t)st->st_size + LIMIT_MARGIN < limit.rlim_cur);
}

static int
open_day(struct sts_store *store, int64_t day)
{
	char path[PATH_BYTES];
	int fd;

	day_path(day, path);
	fd = open_to_append(store, path);
	if (fd < 0 && errno == ENOENT &&
	    sts_file_make_dir(store, DIRECTORY) == STS_OK)
		fd = open_to_append(store, path);
	return fd;
}

/* Whole lines, in one write.  *first: of their day, so another is over. */
static bool
append(struct sts_store *store, int64_t now, enum importance importance,
    const char *lines, size_t len, bool *first)
{
	uid_t uid = geteuid();
	struct stat st;
	bool written;
	int fd;

	*first = false;
	if (uid == 0 || uid != store->uid || len == 0 ||
	    (fd = open_day(store, now / STS_DAY)) < 0)
		return false;
	written = fstat(fd, &st) == 0 && may_append(store, fd, &st) &&
	    has_room(&st, len, importance, now) &&
	    write(fd, lines, len) == (ssize_t)len;
	(void)close(fd);
	*first = written && st.st_size == 0;
	return written;
}

/* The totals, with the last day that is in them. */
struct sums {
	struct sts_events *events;
	int64_t now;
	int64_t through; /* a day, counted from 1970; 0: none */
};

static void
key_of(char key[40], enum sts_event_kind kind, size_t result)
{
	(void)snprintf(key, 40, "%s-%s",
	    kind == STS_EVENT_LOOKUP ? "lookup" : "refresh", results[result]);
}

static bool
parse_totals(struct sts_cursor *c, struct sums *s)
{
	struct sts_events *e = s->events;
	char key[40];

	if (!sts_text_title(c, "mta-sts totals 1") ||
	    !sts_text_number(c, "through", &s->through) ||
	    !sts_text_number(c, "answer", &e->last_answer) ||
	    !sts_text_number(c, "round", &e->last_round))
		return false;
	for (size_t i = 0; i < COUNTS; i++) {
		key_of(key, (enum sts_event_kind)(i / STS_EVENT_RESULTS),
		    i % STS_EVENT_RESULTS);
		if (!sts_text_number(c, key,
			&e->count[i / STS_EVENT_RESULTS]
				 [i % STS_EVENT_RESULTS]))
			return false;
	}
	return true;
}

/*
 * Totals of a day that has not ended were made by a clock that was ahead: the
 * numbers count, and days are read and added up as if none had been.
 */
static void
distrust_future(struct sums *s)
{
	if (s->through >= s->now / STS_DAY)
		s->through = 0;
	if (s->events->last_answer > s->now)
		s->events->last_answer = 0;
	if (s->events->last_round > s->now)
		s->events->last_round = 0;
}

static void
read_totals(struct sts_store *store, struct sums *s)
{
	struct sts_cursor c;
	size_t len;
	char *text;

	if (sts_file_read_single(store, TOTALS, &text, &len) != STS_OK)
		return;
	c = sts_cursor_make(text, len);
	if (!parse_totals(&c, s)) {
		memset(s->events, 0, sizeof(*s->events));
		s->through = 0;
	}
	distrust_future(s);
	free(text);
}

static enum sts_status
write_totals(struct sts_store *store, const struct sums *s)
{
	const struct sts_events *e = s->events;
	char buf[1000], key[40];
	struct sts_text text = {buf, sizeof(buf), 0, false};

	sts_text_add(&text,
	    "mta-sts totals 1\nthrough: %lld\nanswer: %lld\nround: %lld\n",
	    (long long)s->through, (long long)e->last_answer,
	    (long long)e->last_round);
	for (size_t i = 0; i < COUNTS; i++) {
		key_of(key, (enum sts_event_kind)(i / STS_EVENT_RESULTS),
		    i % STS_EVENT_RESULTS);
		sts_text_add_number(&text, key,
		    e->count[i / STS_EVENT_RESULTS][i % STS_EVENT_RESULTS]);
	}
	return text.full ? STS_INTERNAL
			 : sts_file_write_single(store, TOTALS, buf, text.len);
}

static void
note_result(struct sums *s, enum sts_event_kind kind, int64_t when,
    struct sts_cursor *c)
{
	struct sts_events *e = s->events;
	struct sts_span word;

	if (!sts_cursor_until(c, ' ', &word))
		return;
	for (size_t i = 0; i < STS_EVENT_RESULTS; i++) {
		if (!sts_span_is(word, results[i]))
			continue;
		e->count[kind][i]++;
		/* The domain's DNS failed, or ours: that is no answer. */
		if (i != STS_EVENT_FAULT && i != STS_EVENT_DNS &&
		    when > e->last_answer && when <= s->now)
			e->last_answer = when;
	}
}

/* Moves the domain to the front. */
static void
note_domain(struct sts_events *e, const struct sts_event_domain *d)
{
	size_t i = 0;

	while (i < e->last_count && strcmp(e->last[i].domain, d->domain) != 0)
		i++;
	if (i == e->last_count && i < STS_EVENTS_LAST)
		e->last_count++;
	if (i == STS_EVENTS_LAST)
		i--;
	memmove(&e->last[1], &e->last[0], i * sizeof(e->last[0]));
	e->last[0] = *d;
}

static void
note_deferred(struct sums *s, int64_t when, struct sts_cursor *c)
{
	struct sts_event_domain d = {.when = when};
	struct sts_span reason, domain;
	char token[64];

	if (!sts_cursor_until(c, ' ', &reason) ||
	    !sts_cursor_until(c, ' ', &domain) ||
	    !sts_span_copy(reason, token, sizeof(token)) ||
	    !sts_status_parse(token, &d.why) ||
	    !sts_span_copy(domain, d.domain, sizeof(d.domain)) ||
	    when > s->now || s->now - when >= STS_DAY)
		return;
	s->events->deferred[d.why]++;
	s->events->faults += sts_status_is_local(d.why) && s->now - when < HOUR;
	if (sts_domain_is_normalised(d.domain))
		note_domain(s->events, &d);
}

static void
note_line(struct sums *s, struct sts_span line)
{
	struct sts_cursor c = sts_cursor_make(line.p, line.len);
	char kind = line.len > 0 ? line.p[0] : '\0';
	int64_t when;

	/* What has no dot at its end was cut. */
	if (line.len < 2 || line.p[line.len - 1] != '.')
		return;
	c.p++;
	if (!sts_cursor_byte(&c, ' ') || !sts_cursor_number(&c, 12, &when) ||
	    !sts_cursor_byte(&c, ' '))
		return;
	if (kind == 'L' || kind == 'R')
		note_result(s,
		    kind == 'L' ? STS_EVENT_LOOKUP : STS_EVENT_REFRESH, when,
		    &c);
	else if (kind == 'O' && when > s->events->last_round && when <= s->now)
		s->events->last_round = when;
	else if (kind == 'D')
		note_deferred(s, when, &c);
}

/* The lines of what was read; returns how much of the end is no line yet. */
static size_t
note_lines(struct sums *s, char *buf, size_t len)
{
	const char *p = buf, *end = buf + len, *feed;

	while ((feed = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		note_line(s, (struct sts_span){p, (size_t)(feed - p)});
		p = feed + 1;
	}
	len = (size_t)(end - p);
	/* No line of ours is so long. */
	if (len >= LINE_BYTES)
		len = 0;
	memmove(buf, p, len);
	return len;
}

static int
open_to_read(struct sts_store *store, int64_t day)
{
	char path[PATH_BYTES];
	struct stat st;
	int fd;

	day_path(day, path);
	fd = openat(
	    store->dir, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0 &&
	    (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) ||
		st.st_uid != store->uid || st.st_size > FILE_BYTES_READ)) {
		(void)close(fd);
		fd = -1;
	}
	return fd;
}

static void
read_day(struct sts_store *store, int64_t day, struct sums *s, char *buf)
{
	int fd = open_to_read(store, day);
	size_t len = 0;
	ssize_t n;

	if (fd < 0)
		return;
	while ((n = read(fd, buf + len, READ_BYTES - len)) > 0)
		len = note_lines(s, buf, len + (size_t)n);
	(void)close(fd);
}

static int64_t
first_day(const struct sums *s, int64_t today)
{
	int64_t oldest = today - DAYS_BACK;

	return s->through + 1 > oldest ? s->through + 1 : oldest;
}

enum sts_status
sts_events_read(struct sts_store *store, int64_t now, struct sts_events *events)
{
	struct sums s = {events, now, 0};
	char *buf = malloc(READ_BYTES);

	memset(events, 0, sizeof(*events));
	if (buf == NULL)
		return STS_NO_MEMORY;
	read_totals(store, &s);
	for (int64_t day = first_day(&s, now / STS_DAY); day <= now / STS_DAY;
	     day++)
		read_day(store, day, &s, buf);
	free(buf);
	return STS_OK;
}

static void
remove_before(struct sts_store *store, int64_t day)
{
	char oldest[STS_DAY_TEXT];

	sts_outcomes_day_text(day, oldest);
	sts_day_files_expire(store, DIRECTORY, oldest);
}

/*
 * Whenever it is killed, nothing counts twice: a day that is in the totals does
 * not count any more, and its file is removed by the next that adds up.
 */
static void
add_up_locked(struct sts_store *store, int64_t now, struct sums *s, char *buf)
{
	int64_t last = now / STS_DAY - 2;

	read_totals(store, s);
	if (s->through < last) {
		for (int64_t day = first_day(s, now / STS_DAY); day <= last;
		     day++)
			read_day(store, day, s, buf);
		s->through = last;
		if (write_totals(store, s) != STS_OK)
			return;
	}
	remove_before(store, s->through + 1);
}

/* One process at a time, if this file system has locks; another is enough. */
static void
add_up(struct sts_store *store, int64_t now)
{
	struct sts_events *events = calloc(1, sizeof(*events));
	struct sums s = {events, now, 0};
	char *buf = malloc(READ_BYTES);
	bool held = false;

	if (events != NULL && buf != NULL &&
	    (sts_lock_try(store, DIRECTORY "/", &held) != STS_OK || held))
		add_up_locked(store, now, &s, buf);
	if (held)
		sts_lock_release(store, DIRECTORY "/");
	free(events);
	free(buf);
}

/*
 * Where no round comes, the first event of a day does it.  Where that is none
 * of a process that may write the totals either, a month is enough: what is
 * older is in no answer but the sums.
 */
static void
begin_day(struct sts_store *store, int64_t now)
{
	if (now < DAYS_BACK * (int64_t)STS_DAY)
		return;
	if (store->writing)
		add_up(store, now);
	else
		remove_before(store, now / STS_DAY - DAYS_KEPT);
}

static bool
append_and_begin(struct sts_store *store, int64_t now,
    enum importance importance, const char *lines, size_t len)
{
	bool first,
	    written = append(store, now, importance, lines, len, &first);

	if (first)
		begin_day(store, now);
	return written;
}

/* The length of a line that snprintf(3) made; 0 if it did not fit. */
static size_t
line_len(int len)
{
	return len > 0 && len < LINE_BYTES ? (size_t)len : 0;
}

void
sts_events_keep(struct sts_store *store)
{
	if (store->events == NULL)
		store->events = malloc(KEPT_BYTES);
}

void
sts_events_flush(struct sts_store *store)
{
	size_t len = store->events_len;

	if (len == 0)
		return;
	store->events_len = 0;
	(void)append_and_begin(
	    store, store->events_now, COMMON, store->events, len);
}

/* Whether it was kept. */
static bool
keep(struct sts_store *store, const char *line, size_t len, int64_t now)
{
	if (store->events == NULL)
		return false;
	if (store->events_len + len > KEPT_BYTES)
		sts_events_flush(store);
	memcpy(store->events + store->events_len, line, len);
	store->events_len += len;
	store->events_now = now;
	return true;
}

void
sts_events_result(struct sts_store *store, enum sts_event_kind kind,
    enum sts_event_result result, int64_t now)
{
	char line[LINE_BYTES];
	size_t len = line_len(snprintf(line, sizeof(line), "\n%c %lld %s .\n",
	    kind == STS_EVENT_LOOKUP ? 'L' : 'R', (long long)now,
	    results[result]));

	if (result == STS_EVENT_FAULT)
		(void)append_and_begin(store, now, FAULT, line, len);
	else if (!keep(store, line, len, now))
		(void)append_and_begin(store, now, COMMON, line, len);
}

bool
sts_events_deferred(struct sts_store *store, const char *domain,
    enum sts_status why, int64_t now)
{
	char line[LINE_BYTES];
	size_t len = line_len(snprintf(line, sizeof(line), "\nD %lld %s %s .\n",
	    (long long)now, sts_status_name(why),
	    sts_domain_is_normalised(domain) ? domain : "-"));

	return append_and_begin(
	    store, now, sts_status_is_local(why) ? FAULT : COMMON, line, len);
}

void
sts_events_round(struct sts_store *store, int64_t now)
{
	char line[LINE_BYTES];
	size_t len = line_len(
	    snprintf(line, sizeof(line), "\nO %lld .\n", (long long)now));
	bool first;

	(void)append(store, now, ROUND, line, len, &first);
	if (store->writing)
		add_up(store, now);
}
