/* SPDX-License-Identifier: ISC */
/*
 * The table must answer the next question whatever a resolver does, so it waits
 * for none: each has a pipe as its standard output, whose end shows that it is
 * done, and a time at which it is killed.  Its output does not matter, only
 * what it wrote to the store.
 *
 * Unlike the filter, the table keeps no resolver running: it needs few, and a
 * site may use the table without the filter's wait.
 */
#include "opensmtpd/table/table_background.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hashmap.h"
#include "base/log.h"

/* Of `recent`, indexed by key: two names may share a slot. */
enum {
	GRACE_S = 10,         /* beyond the limits of a resolver */
	NOT_BEFORE_MS = 5000, /* after a failed start */
	REAP_MS = 200,
	RECENT = 1024,
	READS_MAX = 16
};

void
sts_background_init(struct sts_background *background,
    const struct sts_config *config, sts_background_done *done, void *arg)
{
	memset(background, 0, sizeof(*background));
	background->config = config;
	background->done = done;
	background->arg = arg;
	for (size_t i = 0; i < STS_BACKGROUND_MAX; i++)
		background->slot[i].child = (struct sts_child){-1, -1, -1};
}

void
sts_background_close(struct sts_background *background)
{
	for (size_t i = 0; i < STS_BACKGROUND_MAX; i++)
		sts_child_close(&background->slot[i].child);
	sts_reaper_step(&background->reaper);
}

/* True if a job of kind `have` includes one of kind `want`. */
static bool
covers(enum sts_job_kind have, enum sts_job_kind want)
{
	return have == want ||
	    (have == STS_JOB_ROUTES && want == STS_JOB_LOOKUP);
}

/* The slot that runs it, or -1. */
static int
running(
    const struct sts_background *b, enum sts_job_kind kind, const char *name)
{
	for (int i = 0; i < STS_BACKGROUND_MAX; i++) {
		if (b->slot[i].running && covers(b->slot[i].job.kind, kind) &&
		    strcmp(b->slot[i].job.name, name) == 0)
			return i;
	}
	return -1;
}

static bool
is_wanted(
    const struct sts_background *b, enum sts_job_kind kind, const char *name)
{
	for (size_t i = 0; i < b->count; i++) {
		const struct sts_job *job =
		    &b->wanted[(b->first + i) % STS_BACKGROUND_WANTED_MAX];

		if (covers(job->kind, kind) && strcmp(job->name, name) == 0)
			return true;
	}
	return false;
}

/* The kinds of job for one name have different keys. */
static uint64_t
key_of(enum sts_job_kind kind, const char *name)
{
	return sts_hashmap_mix(sts_hashmap_hash(name) + (uint64_t)kind);
}

/* A domain whose answer stays outdated must not cause constant work. */
static bool
was_recent(
    const struct sts_background *b, enum sts_job_kind kind, const char *name)
{
	uint64_t key = key_of(kind, name);
	int64_t pause = kind == STS_JOB_PROBE ? STS_BACKGROUND_PROBE_AGAIN_MS
					      : STS_BACKGROUND_AGAIN_MS;

	return b->recent[key % RECENT].key == key &&
	    sts_monotonic_ms() - b->recent[key % RECENT].ms < pause;
}

void
sts_background_want(struct sts_background *background, enum sts_job_kind kind,
    const char *name, const char *domain)
{
	struct sts_background *b = background;
	struct sts_job *job;

	if (name[0] == '\0' || b->count == STS_BACKGROUND_WANTED_MAX ||
	    was_recent(b, kind, name) || is_wanted(b, kind, name) ||
	    running(b, kind, name) >= 0)
		return;
	job = &b->wanted[(b->first + b->count) % STS_BACKGROUND_WANTED_MAX];
	job->kind = kind;
	memcpy(job->name, name, strlen(name) + 1);
	memcpy(job->domain, domain, strlen(domain) + 1);
	b->count++;
}

/* A probe needs serving mode, with this one request. */
static void
send_probe(struct sts_child *child, const char *host)
{
	char line[STS_NAME_MAX + 16];
	int len = snprintf(line, sizeof(line), "probe %s\n", host);

	/* An empty pipe takes a whole line. */
	if (len > 0 && write(child->in_fd, line, (size_t)len) < 0)
		sts_log(STS_LOG_DEBUG, host, "event=probe error=%d", errno);
	close(child->in_fd);
	child->in_fd = -1;
}

static enum sts_status
start_resolver(const struct sts_config *config, const struct sts_job *job,
    unsigned lifetime, struct sts_child *child)
{
	static const char *const options[][2] = {
	    [STS_JOB_LOOKUP] = {"--once", NULL},
	    [STS_JOB_ROUTES] = {"--once", "--routes"},
	    [STS_JOB_PROBE] = {NULL, NULL},
	    [STS_JOB_DUE] = {"--due", NULL},
	    [STS_JOB_REFETCH] = {"--refetch", NULL}};
	bool serves = job->kind == STS_JOB_PROBE;
	const char *arguments[4];
	size_t n = 0;

	for (size_t i = 0; i < 2; i++) {
		if (options[job->kind][i] != NULL)
			arguments[n++] = options[job->kind][i];
	}
	if (!serves)
		arguments[n++] = job->name;
	arguments[n] = NULL;
	return sts_worker_start_resolver(
	    config, arguments, serves, lifetime, child);
}

/* Starts a job in a free slot and returns the slot, or -1. */
static int
start(struct sts_background *b, const struct sts_job *job)
{
	unsigned lifetime = (unsigned)(b->config->fetch_timeout +
	    11 * b->config->dns_timeout + GRACE_S);
	uint64_t key = key_of(job->kind, job->name);
	enum sts_status status;
	int i = 0;

	while (i < STS_BACKGROUND_MAX && b->slot[i].running)
		i++;
	if (i == STS_BACKGROUND_MAX || sts_monotonic_ms() < b->not_before_ms)
		return -1;
	status = start_resolver(b->config, job, lifetime, &b->slot[i].child);
	if (status != STS_OK) {
		sts_log(STS_LOG_ERROR, job->name, "event=resolver reason=%s",
		    sts_status_name(status));
		b->not_before_ms = sts_monotonic_ms() + NOT_BEFORE_MS;
		return -1;
	}
	b->slot[i].running = true;
	b->slot[i].job = *job;
	b->slot[i].end_ms =
	    sts_monotonic_ms() + (int64_t)(lifetime + GRACE_S) * 1000;
	b->recent[key % RECENT].key = key;
	b->recent[key % RECENT].ms = sts_monotonic_ms();
	if (job->kind == STS_JOB_PROBE)
		send_probe(&b->slot[i].child, job->name);
	return i;
}

/* True once the resolver has closed its output: it is ending or dead. */
static bool
has_ended(struct sts_child *child)
{
	char buf[1024];

	for (int i = 0; i < READS_MAX; i++) {
		ssize_t n = read(child->out_fd, buf, sizeof(buf));

		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
			return true;
		if (n < 0)
			return false;
	}
	return false;
}

/* Ends a job that is done, or beyond its limits. */
static void
reap(struct sts_background *b, int i)
{
	if (!b->slot[i].running)
		return;
	if (!has_ended(&b->slot[i].child)) {
		if (sts_monotonic_ms() < b->slot[i].end_ms)
			return;
		sts_log(STS_LOG_WARNING, b->slot[i].job.name,
		    "event=resolver reason=%s",
		    sts_status_name(STS_RESOLVER_TIMEOUT));
	}
	sts_reaper_take(&b->reaper, &b->slot[i].child);
	b->slot[i].running = false;
	if (b->slot[i].job.domain[0] != '\0')
		b->done(b->arg, b->slot[i].job.kind, b->slot[i].job.domain);
}

bool
sts_background_wait(struct sts_background *background, enum sts_job_kind kind,
    const char *name, int64_t max_ms)
{
	int64_t end_ms = sts_monotonic_ms() + max_ms;
	struct sts_job job = {.kind = kind};
	int i = running(background, kind, name);

	if (i < 0) {
		memcpy(job.name, name, strlen(name) + 1);
		i = start(background, &job);
	}
	if (i < 0)
		return false;
	for (;;) {
		int left = sts_ms_until(end_ms, INT_MAX);
		struct pollfd p = {background->slot[i].child.out_fd, POLLIN, 0};

		reap(background, i);
		if (!background->slot[i].running)
			return true;
		if (left == 0)
			return false;
		(void)poll(&p, 1, left);
	}
}

void
sts_background_step(struct sts_background *background)
{
	struct sts_background *b = background;
	bool busy = true;

	sts_reaper_step(&b->reaper);
	for (int i = 0; i < STS_BACKGROUND_MAX; i++)
		reap(b, i);
	while (b->count > 0 && busy) {
		busy = start(b, &b->wanted[b->first]) >= 0;
		if (!busy)
			break;
		b->first = (b->first + 1) % STS_BACKGROUND_WANTED_MAX;
		b->count--;
	}
	/* What cannot be started now is requested again by the next lookup. */
	if (b->count > 0 && sts_monotonic_ms() < b->not_before_ms)
		b->count = 0;
}

size_t
sts_background_poll(const struct sts_background *background, struct pollfd *fds)
{
	size_t count = 0;

	for (int i = 0; i < STS_BACKGROUND_MAX; i++) {
		if (background->slot[i].running)
			fds[count++] = (struct pollfd){
			    background->slot[i].child.out_fd, POLLIN, 0};
	}
	return count;
}

int64_t
sts_background_due_ms(const struct sts_background *background)
{
	int64_t due = INT64_MAX;

	if (background->reaper.count > 0)
		due = sts_monotonic_ms() + REAP_MS;
	for (int i = 0; i < STS_BACKGROUND_MAX; i++) {
		if (background->slot[i].running &&
		    background->slot[i].end_ms < due)
			due = background->slot[i].end_ms;
	}
	return due;
}
