/* SPDX-License-Identifier: ISC */
/*
 * Two lock files, each with one byte a domain, at a 63-bit hash of it; locks
 * are write locks (fcntl), freed by death.
 *
 * The lookup lock lets many processes wait for one fetch, and decides nothing
 * else.  No process blocks on it in the kernel.  A lock belongs to a process,
 * which may take it again while it has it, so a program that looks up several
 * domains at once must itself record which are locked.
 *
 * The write lock is held from reading a policy file to replacing it, and never
 * across a wait for anything.
 */
#ifndef STS_STORE_LOCK_H
#define STS_STORE_LOCK_H

#include <stdbool.h>

#include "store/store.h"

/* STS_OK; *held: this process has the lock; false: another process has it. */
enum sts_status sts_lock_try(
    struct sts_store *store, const char *domain, bool *held);

void sts_lock_release(struct sts_store *store, const char *domain);

/*
 * Takes the write lock, waiting up to a second; *held false with STS_OK where
 * this file system has no locks: the caller goes on and compares all the same.
 * STS_STATE_LOCKED where another process, stopped perhaps, does not release it.
 */
enum sts_status sts_write_lock(
    struct sts_store *store, const char *domain, bool *held);
void sts_write_unlock(struct sts_store *store, const char *domain);

#endif
