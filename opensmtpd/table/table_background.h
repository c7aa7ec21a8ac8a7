/* SPDX-License-Identifier: ISC */
/*
 * Resolvers that run while the table answers: at most 4 at once, waited for
 * only by sts_background_wait, each domain at most once in half a minute, each
 * host at most once in a minute.
 */
#ifndef STS_OPENSMTPD_TABLE_TABLE_BACKGROUND_H
#define STS_OPENSMTPD_TABLE_TABLE_BACKGROUND_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/child.h"
#include "base/config.h"
#include "client/worker.h"

enum {
	STS_BACKGROUND_MAX = 4,
	STS_BACKGROUND_WANTED_MAX = 256,
	STS_BACKGROUND_AGAIN_MS = 30000,
	STS_BACKGROUND_PROBE_AGAIN_MS = 60000
};

enum sts_job_kind {
	STS_JOB_LOOKUP, /* the policy */
	STS_JOB_ROUTES, /* the policy and the MX hosts */
	STS_JOB_PROBE,  /* an MX host's certificate */
	STS_JOB_DUE,    /* the policy, fetched again if it is due */
	STS_JOB_REFETCH /* the same, since no MX host is permitted */
};

struct sts_job {
	enum sts_job_kind kind;
	char name[STS_NAME_MAX + 1]; /* the domain; of a probe the host */
	/* The domain for which `done` is called, or "". */
	char domain[STS_NAME_MAX + 1];
};

/* A job for this domain has ended; its results are in the store. */
typedef void sts_background_done(
    void *arg, enum sts_job_kind kind, const char *domain);

struct sts_background {
	const struct sts_config *config;
	sts_background_done *done;
	void *arg;
	struct {
		struct sts_job job;
		struct sts_child child;
		bool running;
		int64_t end_ms; /* killed then */
	} slot[STS_BACKGROUND_MAX];
	struct sts_job wanted[STS_BACKGROUND_WANTED_MAX]; /* a ring */
	size_t first, count;
	struct {
		uint64_t key;
		int64_t ms;
	} recent[1024];        /* when a job was started */
	int64_t not_before_ms; /* after a failed start */
	struct sts_reaper reaper;
};

/* The config must outlive it; `done` is called when a job has ended. */
void sts_background_init(struct sts_background *background,
    const struct sts_config *config, sts_background_done *done, void *arg);

/* Running jobs end by themselves. */
void sts_background_close(struct sts_background *background);

/*
 * Queues a job: nothing starts before the next sts_background_step.  `name` is
 * normalised; `done` is called for `domain`, unless that is "", when the job
 * has ended.  Dropped if the same is queued, running, or was started recently,
 * or if the queue is full.
 */
void sts_background_want(struct sts_background *background,
    enum sts_job_kind kind, const char *name, const char *domain);

/*
 * Starts a job at once, or finds it running, and waits until it ends, at most
 * `max_ms`.  True if it ended; false also if nothing is started.
 */
bool sts_background_wait(struct sts_background *background,
    enum sts_job_kind kind, const char *name, int64_t max_ms);

/* Reaps what ended, kills what takes too long, starts what is queued. */
void sts_background_step(struct sts_background *background);

/* Fills at most STS_BACKGROUND_MAX elements; returns how many. */
size_t sts_background_poll(
    const struct sts_background *background, struct pollfd *fds);

/* When to call the next step at the latest; INT64_MAX: no need. */
int64_t sts_background_due_ms(const struct sts_background *background);

#endif
