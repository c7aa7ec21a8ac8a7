/* SPDX-License-Identifier: ISC */
/*
 * The state machine of the prober; probe.h has the steps of one task.
 *
 * A task is moved on by step(), which one timer calls for all tasks, and by the
 * end of its probe.  A resolver in serving mode has lookups to answer
 * meanwhile, so nothing here runs for more than a few milliseconds at a time;
 * reading all routes is split into slices, one scan for all tasks that need it.
 *
 * Any sender of mail can cause a probe, and the probed host has not asked for
 * it.  So a host is contacted only if the routes of a domain name it, and each
 * address only at intervals, over all processes: slots and addresses are locks
 * in the store, and an address stays locked until the result is written.  Only
 * the host's own answer or silence is recorded; a local fault or a suspect
 * clock ends the task without a result.
 */
#include "resolver/probe.h"

#include <sys/queue.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "base/log.h"
#include "base/minmax.h"
#include "core/result.h"
#include "resolver/lookup.h"
#include "store/lock.h"

enum {
	TASKS_MAX = 1024,
	SLOT_WAIT_MS = 250 /* until the next try for a slot */
};

/* Not domain names, since domains have locks in the same file. */
#define SLOT_LOCK    "probe slot %u"
#define ADDRESS_LOCK "probe %s"

static void step(void *arg);

/* Created at first use, since most resolvers never probe. */
static struct sts_prober *
prober_of(struct sts_resolver *resolver)
{
	struct sts_prober *p = resolver->prober;

	if (p != NULL)
		return p;
	if ((p = calloc(1, sizeof(*p))) == NULL)
		return NULL;
	if ((p->memory = sts_probe_memory_create()) == NULL) {
		free(p);
		return NULL;
	}
	p->resolver = resolver;
	resolver->prober = p;
	return p;
}

void
sts_prober_see(struct sts_resolver *resolver, struct sts_routes *routes)
{
	struct sts_prober *p = prober_of(resolver);

	for (size_t i = 0; p != NULL && i < routes->count; i++) {
		struct sts_route *r = &routes->route[i];
		enum sts_status probe;
		int64_t probed;

		if (sts_probe_memory_result(
			p->memory, r->host, &probed, &probe) &&
		    probed > r->probed) {
			r->probed = probed;
			r->probe = probe;
		}
		sts_probe_memory_note_domain(
		    p->memory, r->host, routes->domain);
	}
}

/* The end of a task. */

static void
free_task(struct sts_probe_task *task)
{
	sts_waiters_free(&task->waiters);
	sts_names_free(&task->domains);
	free(task);
}

/*
 * Locked until the result is written, so that a process that waits for the
 * address finds it.
 */
static void
release_addresses(struct sts_probe_task *task)
{
	char name[64];

	for (size_t i = 0; i < task->locked_count; i++) {
		snprintf(name, sizeof(name), ADDRESS_LOCK, task->locked[i]);
		sts_lock_release(task->prober->resolver->store, name);
	}
	task->locked_count = 0;
}

static void
finish(struct sts_probe_task *task, enum sts_status status)
{
	struct sts_prober *p = task->prober;
	struct sts_probe_task **at = &p->tasks;

	release_addresses(task);
	while (*at != task)
		at = &(*at)->next;
	*at = task->next;
	p->task_count--;
	if (sts_status_is_local(status))
		sts_log(STS_LOG_ERROR, NULL, "event=fault host=%s reason=%s",
		    task->host, sts_status_name(status));
	sts_waiters_end(&task->waiters, status);
	free_task(task);
}

void
sts_prober_close(struct sts_resolver *resolver)
{
	struct sts_prober *p = resolver->prober;

	if (p == NULL)
		return;
	sts_timer_cancel(resolver->loop, p->timer);
	while (p->tasks != NULL) {
		struct sts_probe_task *task = p->tasks;

		p->tasks = task->next;
		sts_mx_probe_cancel(task->running);
		free_task(task);
	}
	sts_names_free(&p->scan);
	sts_probe_memory_destroy(p->memory);
	free(p);
	resolver->prober = NULL;
}

/* Has step() called; without memory ends all tasks. */
static void
wake(struct sts_prober *p, int64_t delay_ms)
{
	sts_timer_cancel(p->resolver->loop, p->timer);
	p->timer = sts_timer_start(p->resolver->loop, delay_ms, step, p);
	if (p->timer != NULL)
		return;
	for (struct sts_probe_task *t = p->tasks, *next; t != NULL; t = next) {
		next = t->next;
		if (t->step != STS_STEP_RUN)
			finish(t, STS_NO_MEMORY);
	}
}

/* The probe itself. */

static void
release_slot(struct sts_probe_task *task)
{
	struct sts_prober *p = task->prober;
	char name[64];

	snprintf(name, sizeof(name), SLOT_LOCK, task->slot);
	sts_lock_release(p->resolver->store, name);
	p->slot_used[task->slot] = false;
}

/*
 * Called before each connection, which is recorded whatever comes of it, since
 * connecting is what a host may object to.  The lock keeps out a process that
 * read the store before the result was in it.
 */
static bool
may_contact(void *arg, const char *address)
{
	struct sts_probe_task *task = arg;
	struct sts_prober *p = task->prober;
	int64_t now = sts_now();
	char name[64];
	bool held;

	if (!sts_probe_memory_may_contact(p->memory, address, now))
		return false;
	snprintf(name, sizeof(name), ADDRESS_LOCK, address);
	task->fault = sts_lock_try(p->resolver->store, name, &held);
	if (!held)
		return false;
	sts_copy_head(
	    task->locked[task->locked_count++], address, STS_ADDRESS_TEXT_MAX);
	sts_probe_memory_note_address(p->memory, address, now, now);
	return true;
}

static void
log_result(const char *host, const struct sts_mx_probe_result *result)
{
	char text[STS_WIRE_DETAIL_MAX];
	bool well = result->status == STS_OK;

	sts_detail_quote(result->detail, text, sizeof(text));
	sts_log(well ? STS_LOG_INFO : STS_LOG_WARNING, NULL,
	    "event=probe host=%s address=%s probe=%s result=%s detail=\"%s\"",
	    host, result->address, sts_status_name(result->status),
	    sts_result_name(sts_result_of_status(result->status)), text);
}

static void
on_probe(void *arg, const struct sts_mx_probe_result *result)
{
	struct sts_probe_task *task = arg;
	struct sts_prober *p = task->prober;
	enum sts_status status = result->status;

	task->running = NULL;
	release_slot(task);
	if (status == STS_TOO_SOON && task->fault != STS_OK)
		status = task->fault;
	task->fault = STS_OK;
	/* Only an answer of the network, or silence, is the host's. */
	if (sts_status_class(status) != STS_CLASS_MX && status != STS_OK) {
		finish(task, status);
		wake(p, 0);
		return;
	}
	log_result(task->host, result);
	task->ran = true;
	task->probed = sts_now();
	task->probe = status;
	sts_probe_memory_note_result(
	    p->memory, task->host, task->probed, status);
	/* A failure concerns every domain that uses the host. */
	task->step = status != STS_OK && !task->complete ? STS_STEP_WANT_SCAN
							 : STS_STEP_WRITE;
	wake(p, 0);
}

/* Reserves a slot, among those of all processes. */
static bool
lock_slot(struct sts_probe_task *task)
{
	struct sts_prober *p = task->prober;
	char name[64];
	bool held;

	for (unsigned i = 0; i < STS_PROBES_AT_ONCE; i++) {
		if (p->slot_used[i])
			continue;
		snprintf(name, sizeof(name), SLOT_LOCK, i);
		task->fault = sts_lock_try(p->resolver->store, name, &held);
		if (task->fault != STS_OK)
			return false;
		if (held) {
			p->slot_used[i] = true;
			task->slot = i;
			return true;
		}
	}
	return false;
}

/* False if there is no slot, for this task or any other. */
static bool
try_to_run(struct sts_probe_task *task)
{
	struct sts_resolver *r = task->prober->resolver;
	struct sts_mx_probe_spec spec = {.host = task->host,
	    .port = r->mx_port,
	    .dns_timeout_ms =
		sts_min(r->config->dns_timeout * 1000, STS_MX_PROBE_MS / 2),
	    .timeout_ms = STS_MX_PROBE_MS,
	    .allow = may_contact};

	if (!lock_slot(task)) {
		if (task->fault == STS_OK)
			return false;
		finish(task, task->fault);
		return true;
	}
	task->running = sts_mx_probe_start(&r->network, &spec, on_probe, task);
	if (task->running != NULL) {
		task->step = STS_STEP_RUN;
		return true;
	}
	release_slot(task);
	finish(task, STS_NO_MEMORY);
	return true;
}

/* The steps around it. */

/*
 * The store has been read.  A host that is in no routes is never contacted, and
 * a recent result is used again.
 */
static void
decide(struct sts_probe_task *task)
{
	struct sts_prober *p = task->prober;
	bool suspect = false;
	enum sts_status status, probe;
	int64_t probed, now = sts_now();

	if (task->fault != STS_OK || task->domains.count == 0 ||
	    !task->wanted) {
		finish(
		    task, task->fault != STS_OK ? task->fault : STS_NOT_FOUND);
		return;
	}
	if (sts_probe_memory_result(p->memory, task->host, &probed, &probe) &&
	    probed > task->probed) {
		task->probed = probed;
		task->probe = probe;
	}
	if (sts_probe_is_recent(task->probed,
		sts_probe_again(task->probed, task->probe), now)) {
		task->step = STS_STEP_WRITE;
		return;
	}
	/* With a wrong clock every certificate seems to have expired. */
	status = sts_clock_check(p->resolver, now, &suspect);
	if (status != STS_OK || suspect)
		finish(task, status != STS_OK ? status : STS_CLOCK);
	else
		task->step = STS_STEP_QUEUED;
}

/*
 * One domain that is known to use the host is enough for a probe, and saves
 * reading all routes.
 */
static void
load_domains(struct sts_probe_task *task)
{
	sts_probe_look(task);
	if (task->fault == STS_OK && task->domains.count == 0)
		task->step = STS_STEP_WANT_SCAN;
	else
		decide(task);
}

/* Called for tasks that needed the scan, before or after their probe. */
static void
scan_done(struct sts_probe_task *task, enum sts_status status)
{
	task->complete = true;
	if (status != STS_OK)
		finish(task, status);
	else if (task->ran)
		task->step = STS_STEP_WRITE;
	else
		decide(task);
}

/* Runs one scan at a time, for all tasks that need one when it begins. */
static void
step_scan(struct sts_prober *p)
{
	enum sts_status status = STS_OK;
	bool wanted = false;

	for (struct sts_probe_task *t = p->tasks; t != NULL; t = t->next)
		wanted = wanted || t->step == STS_STEP_WANT_SCAN;
	if (!p->scanning && !wanted)
		return;
	if (!p->scanning)
		status = sts_probe_scan_begin(p);
	if (status == STS_OK)
		status = sts_probe_scan_step(p);
	if (status == STS_OK && p->scanning)
		return;
	p->scanning = false;
	for (struct sts_probe_task *t = p->tasks, *next; t != NULL; t = next) {
		next = t->next;
		if (t->step == STS_STEP_SCAN)
			scan_done(t, status);
	}
}

static void
step_task(struct sts_probe_task *task, bool *slots_left)
{
	if (task->step == STS_STEP_LOOK)
		load_domains(task);
	else if (task->step == STS_STEP_QUEUED)
		*slots_left = *slots_left && try_to_run(task);
	else if (task->step == STS_STEP_WRITE && sts_probe_write_step(task))
		finish(task, task->fault);
}

/* When to act next; INT64_MAX: when a probe has ended. */
static int64_t
next_ms(const struct sts_prober *p)
{
	int64_t ms = INT64_MAX;

	for (const struct sts_probe_task *t = p->tasks; t != NULL;
	     t = t->next) {
		if (t->step == STS_STEP_QUEUED)
			ms = sts_min(ms, SLOT_WAIT_MS);
		else if (t->step != STS_STEP_RUN)
			return 0;
	}
	return ms;
}

static void
step(void *arg)
{
	struct sts_prober *p = arg;
	bool slots_left = true;
	int64_t ms;

	p->timer = NULL;
	for (struct sts_probe_task *t = p->tasks, *next; t != NULL; t = next) {
		next = t->next;
		step_task(t, &slots_left);
	}
	step_scan(p);
	if ((ms = next_ms(p)) != INT64_MAX)
		wake(p, ms);
}

/* A request for a host that is being probed joins that task. */
static struct sts_probe_task *
find(struct sts_prober *p, const char *host)
{
	struct sts_probe_task *t = p->tasks;

	while (t != NULL && strcmp(t->host, host) != 0)
		t = t->next;
	return t;
}

/* Appended: first come, first served. */
static struct sts_probe_task *
create(struct sts_prober *p, const char *host)
{
	struct sts_probe_task *task, **at = &p->tasks;

	if (p->task_count == TASKS_MAX ||
	    (task = calloc(1, sizeof(*task))) == NULL)
		return NULL;
	task->prober = p;
	task->step = STS_STEP_LOOK;
	memcpy(task->host, host, strlen(host) + 1);
	while (*at != NULL)
		at = &(*at)->next;
	*at = task;
	p->task_count++;
	return task;
}

bool
sts_probe_start(struct sts_resolver *resolver, const char *host,
    sts_lookup_done *done, void *arg)
{
	struct sts_prober *p = prober_of(resolver);
	struct sts_waiter *w = sts_waiter_create(done, arg);
	struct sts_probe_task *task = NULL;

	if (p != NULL && p->timer == NULL)
		p->timer = sts_timer_start(resolver->loop, 0, step, p);
	if (p != NULL && p->timer != NULL && w != NULL &&
	    (task = find(p, host)) == NULL)
		task = create(p, host);
	if (task == NULL) {
		free(w);
		return false;
	}
	SLIST_INSERT_HEAD(&task->waiters, w, link);
	return true;
}
