/* SPDX-License-Identifier: ISC */
/*
 * What fetches policies and probes MX hosts: libcurl, OpenSSL and the trust
 * roots on one loop.
 */
#ifndef STS_FETCHER_FETCHER_H
#define STS_FETCHER_FETCHER_H

#include "base/config.h"
#include "base/status.h"

struct sts_dns;
struct sts_fetcher;
struct sts_loop;

/*
 * With the trust roots and allow-private of `config`; all three must outlive
 * it.  STS_NO_MEMORY, STS_NO_DESCRIPTORS.  Initialises libcurl: from one
 * thread only.  The program ignores SIGPIPE.
 */
enum sts_status sts_fetcher_create(struct sts_fetcher **fetcher,
    struct sts_loop *loop, struct sts_dns *dns,
    const struct sts_config *config);

/* Ends everything under way without calling back; NULL is allowed. */
void sts_fetcher_destroy(struct sts_fetcher *fetcher);

#endif
