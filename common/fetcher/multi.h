/* SPDX-License-Identifier: ISC */
/*
 * libcurl's transfers, driven by the loop: its sockets are watched, its
 * timeout is one of the loop's timers (libcurl-multi(3), "multi_socket").
 */
#ifndef STS_FETCHER_MULTI_H
#define STS_FETCHER_MULTI_H

#include <curl/curl.h>

#include "loop/loop.h"

struct sts_multi;

/*
 * Called for a transfer that ended, with the CURLOPT_PRIVATE of its handle.
 * It removes the handle, and may add and remove others.
 */
typedef void sts_multi_ended(void *private, CURLcode code);

/*
 * Called where libcurl itself is broken, STS_NO_MEMORY or STS_INTERNAL: no
 * transfer under way will end by itself.
 */
typedef void sts_multi_broken(void *arg, enum sts_status status);

/*
 * Initialises libcurl; from one thread only.  The loop must outlive it.
 * STS_NO_MEMORY, STS_NO_DESCRIPTORS.
 */
enum sts_status sts_multi_create(struct sts_multi **multi,
    struct sts_loop *loop, sts_multi_ended *ended, sts_multi_broken *broken,
    void *arg);

/* Every handle has been removed before; NULL is allowed. */
void sts_multi_destroy(struct sts_multi *multi);

/*
 * Starts a transfer; nothing is called back from this call.  STS_NO_MEMORY or
 * STS_INTERNAL, and the handle is not added.
 */
enum sts_status sts_multi_add(struct sts_multi *multi, CURL *easy);

/* Ends it, if it has not ended, without calling back. */
void sts_multi_remove(struct sts_multi *multi, CURL *easy);

#endif
