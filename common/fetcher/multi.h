/* SPDX-License-Identifier: ISC */
/*
 * Drives libcurl's transfers by the loop: watches its sockets and sets its
 * timeout as a timer (libcurl-multi(3), "multi_socket").
 */
#ifndef STS_FETCHER_MULTI_H
#define STS_FETCHER_MULTI_H

#include <stddef.h>

#include <curl/curl.h>

#include "base/status.h"
#include "loop/loop.h"

/*
 * STS_OK if libcurl can check names as RFC 8461 3.3 requires (OpenSSL backend,
 * 7.85 or later); else STS_INTERNAL, with the reason in `detail`.
 */
enum sts_status sts_multi_check(char *detail, size_t size);

struct sts_multi;

/*
 * Called for a transfer that ended, with the CURLOPT_PRIVATE of its handle.
 * It removes the handle, and may add and remove others.
 */
typedef void sts_multi_ended(void *private, CURLcode code);

/*
 * Called if libcurl itself is broken, STS_NO_MEMORY or STS_INTERNAL: no pending
 * transfer will end by itself.
 */
typedef void sts_multi_broken(void *arg, enum sts_status status);

/*
 * Initialises libcurl; from one thread only.  The loop must outlive it.
 * STS_NO_MEMORY, STS_NO_DESCRIPTORS.
 */
enum sts_status sts_multi_create(struct sts_multi **multi,
    struct sts_loop *loop, sts_multi_ended *ended, sts_multi_broken *broken,
    void *arg);

/* All handles must have been removed; NULL is allowed. */
void sts_multi_destroy(struct sts_multi *multi);

/*
 * Starts a transfer, without a callback from this call.  On STS_NO_MEMORY or
 * STS_INTERNAL the handle is not added.
 */
enum sts_status sts_multi_add(struct sts_multi *multi, CURL *easy);

/* Ends a transfer, unless it has ended, without a callback. */
void sts_multi_remove(struct sts_multi *multi, CURL *easy);

#endif
