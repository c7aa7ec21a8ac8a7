/* SPDX-License-Identifier: ISC */
/*
 * One lock file for all domains: a write lock (fcntl) on the byte at a 63-bit
 * hash of the domain.  Never waited for in the kernel; freed by death.  A lock
 * is the process's: a process that asks again for what it holds gets it, so a
 * program that looks up several domains at once keeps its own account.
 */
#ifndef STS_STORE_LOCK_H
#define STS_STORE_LOCK_H

#include <stdbool.h>

#include "store/store.h"

/* STS_OK and *held where the lock was free, *held false where it is taken. */
enum sts_status sts_lock_try(
    struct sts_store *store, const char *domain, bool *held);

void sts_lock_release(struct sts_store *store, const char *domain);

#endif
