/* SPDX-License-Identifier: ISC */
/* Refreshing the whole store: what is due, a few at a time, at a pace. */
#include "resolver/resolver.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/names.h"

enum {
	PARALLEL_MAX = 8, /* policy hosts asked at once */
	PACE_MS = 20,     /* between two starts */
	STEP_MS = 1000
};

struct refresh {
	struct sts_resolver *resolver;
	sts_refresh_report *report;
	void *arg;
	struct sts_names domains;
	size_t started;
	size_t done;
	bool no_memory;
	enum sts_status fault; /* the first local fault */
};

/* One domain under way. */
struct item {
	struct refresh *refresh;
	const char *domain;
};

static bool
collect(void *arg, const char *domain)
{
	struct refresh *f = arg;

	f->no_memory = !sts_names_add(&f->domains, domain);
	return !f->no_memory;
}

static void
on_done(void *arg, enum sts_status status)
{
	struct item *item = arg;
	struct refresh *f = item->refresh;

	f->done++;
	/* What is wrong with one file does not stop the others. */
	if (sts_status_is_local(status) && status != STS_ENTRY_CORRUPT &&
	    f->fault == STS_OK)
		f->fault = status;
	if (f->report != NULL)
		f->report(
		    f->arg, item->domain, status, f->done, f->domains.count);
	free(item);
}

/* Starts the next domain; false: no memory. */
static bool
start_next(struct refresh *f)
{
	struct item *item = calloc(1, sizeof(*item));

	if (item == NULL)
		return false;
	item->refresh = f;
	item->domain = f->domains.name[f->started];
	if (!sts_lookup_start(
		f->resolver, item->domain, STS_TASK_REFRESH, on_done, item)) {
		free(item);
		return false;
	}
	f->started++;
	return true;
}

static void
on_pace(void *arg)
{
	*(bool *)arg = true;
}

/* Runs until all that were started are done, after a fault no more are. */
static enum sts_status
run(struct refresh *f)
{
	struct sts_loop *loop = f->resolver->loop;
	enum sts_status status = STS_OK;
	struct sts_timer *pace = NULL;
	bool may_start = true;

	while (status == STS_OK &&
	    (f->done < f->started ||
		(f->started < f->domains.count && f->fault == STS_OK))) {
		if (may_start && f->started < f->domains.count &&
		    f->fault == STS_OK && f->started - f->done < PARALLEL_MAX) {
			may_start = false;
			pace =
			    sts_timer_start(loop, PACE_MS, on_pace, &may_start);
			if (pace == NULL || !start_next(f))
				f->fault = STS_NO_MEMORY;
		}
		status = sts_loop_step(loop, STEP_MS);
	}
	if (!may_start)
		sts_timer_cancel(loop, pace);
	return status != STS_OK ? status : f->fault;
}

enum sts_status
sts_refresh_all(
    struct sts_resolver *resolver, sts_refresh_report *report, void *arg)
{
	struct refresh f = {.resolver = resolver, .report = report, .arg = arg};
	enum sts_status status;

	status = sts_store_walk(resolver->store, STS_KIND_POLICY, collect, &f);
	if (f.no_memory)
		status = STS_NO_MEMORY;
	if (status == STS_OK)
		status = run(&f);
	sts_log(STS_LOG_INFO, NULL, "event=refreshed done=%zu of=%zu result=%s",
	    f.done, f.domains.count, sts_status_name(status));
	sts_names_free(&f.domains);
	return status;
}
