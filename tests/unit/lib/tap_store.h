/* SPDX-License-Identifier: ISC */
/* What tests put into a store of their own. */
#ifndef STS_TESTS_TAP_STORE_H
#define STS_TESTS_TAP_STORE_H

#include "store/store.h"

/*
 * Writes a policy that was fetched at `fetched`, `fetched_us`, after a record
 * of id "1"; *replaced as sts_store_write_policy() says.  STS_INTERNAL: the
 * body is ill-formed.
 */
enum sts_status tap_put_policy(struct sts_store *store, const char *domain,
    const char *body, int64_t fetched, int64_t fetched_us, int64_t now,
    bool *replaced);

#endif
