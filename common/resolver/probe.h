/* SPDX-License-Identifier: ISC */
/*
 * Probes of MX hosts, requested by the filter or table after a failed delivery,
 * and recorded in the routes of every domain that uses the host.
 *
 * A probe is one task:
 *
 *	load domains that use the host -> wait for a slot -> probe ->
 *	scan for the other domains, if it failed -> write
 *
 * At most 4 run at once, and an address is contacted once a minute and 8 times
 * in 10 minutes, whatever its hosts; locks in the store apply this to all
 * processes together.
 */
#ifndef STS_RESOLVER_PROBE_H
#define STS_RESOLVER_PROBE_H

#include "base/names.h"
#include "resolver/mx_probe.h"
#include "resolver/probe_memory.h"
#include "resolver/resolver.h"
#include "resolver/waiters.h"

enum { STS_PROBES_AT_ONCE = 4 };

enum sts_probe_step {
	STS_STEP_LOOK, /* at the domains that this process has recorded */
	STS_STEP_WANT_SCAN,
	STS_STEP_SCAN, /* all routes are being read */
	STS_STEP_QUEUED,
	STS_STEP_RUN,
	STS_STEP_WRITE
};

struct sts_probe_task {
	struct sts_prober *prober;
	struct sts_probe_task *next;
	struct sts_waiters waiters;
	char host[STS_NAME_MAX + 1];
	enum sts_probe_step step;

	/* From the store. */
	struct sts_names domains; /* whose routes name the host */
	bool complete;            /* these are all of them */
	bool wanted;              /* one of them allows a probe */
	int64_t probed;           /* the newest result; later this task's own */
	enum sts_status probe;

	struct sts_mx_probe *running;
	bool ran;
	enum sts_status fault; /* of a lock, or of a write */
	unsigned slot;
	char locked[STS_MX_PROBE_ADDRESSES][STS_ADDRESS_TEXT_MAX];
	size_t locked_count;
	size_t written; /* of the domains */
};

struct sts_prober {
	struct sts_resolver *resolver;
	struct sts_probe_task *tasks;
	size_t task_count;
	struct sts_probe_memory *memory;
	struct sts_timer *timer;
	bool slot_used[STS_PROBES_AT_ONCE];
	struct sts_names scan; /* domains that have routes */
	size_t scanned;        /* of them */
	bool scanning;
};

/*
 * Called with routes that are about to be written: adds this process's newer
 * results, and records which domain uses which host.
 */
void sts_prober_see(struct sts_resolver *resolver, struct sts_routes *routes);

/* Ends every probe without a callback. */
void sts_prober_close(struct sts_resolver *resolver);

/* probe_store.c: the routes of all domains, a few milliseconds at a time. */

/* Reads the routes of the domains recorded for the host. */
void sts_probe_look(struct sts_probe_task *task);

/* Begins to read all routes, for all tasks that need it. */
enum sts_status sts_probe_scan_begin(struct sts_prober *prober);

/* Continues; STS_OK while there is no fault, and at the end. */
enum sts_status sts_probe_scan_step(struct sts_prober *prober);

/*
 * Writes the result into the routes of the task's domains.  True when done;
 * task->fault has a fault.
 */
bool sts_probe_write_step(struct sts_probe_task *task);

#endif
