/* SPDX-License-Identifier: ISC */
/*
 * What the files of this room know of each other.  Nothing outside
 * common/fetcher includes this.
 */
#ifndef STS_FETCHER_INTERNAL_H
#define STS_FETCHER_INTERNAL_H

#include <sys/queue.h>

#include <curl/curl.h>

#include "base/config.h"
#include "dns/dns.h"
#include "loop/loop.h"

struct sts_fetch;
struct sts_multi;
struct sts_mx_probe;
struct sts_trust;

TAILQ_HEAD(sts_fetch_list, sts_fetch);
TAILQ_HEAD(sts_probe_list, sts_mx_probe);

struct sts_fetcher {
	struct sts_loop *loop;
	struct sts_dns *dns;
	const struct sts_config *config;
	struct sts_multi *multi;
	struct sts_trust *trust;
	struct sts_fetch_list fetches;
	struct sts_probe_list probes;
};

/* fetch.c: libcurl's end of a fetch. */
void sts_fetch_ended(void *fetch, CURLcode code);

/* fetch.c: ends every fetch with a local fault. */
void sts_fetch_fail_all(void *fetcher, enum sts_status status);

/* fetch.c, probe.c: end all of them without calling back. */
void sts_fetch_close(struct sts_fetcher *fetcher);
void sts_mx_probe_close(struct sts_fetcher *fetcher);

#endif
