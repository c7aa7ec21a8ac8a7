/* SPDX-License-Identifier: ISC */
/*
 * Two lock files, each with one byte for each domain, at its 63-bit hash.  The
 * locks are fcntl write locks, which end with their process.
 *
 * The lookup lock only lets many processes wait for one fetch.  No process
 * blocks on it in the kernel.  A process can take a lock that it already has,
 * so a program that looks up several domains at once must itself record which
 * are locked.
 *
 * The write lock lasts from reading a policy file to replacing it, and never
 * across another wait.
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
 * Takes the write lock, waiting up to a second; STS_OK with *held false: this
 * file system has no locks; the caller goes on and still compares.
 * STS_STATE_LOCKED: another process, perhaps stopped, has it.
 */
enum sts_status sts_write_lock(
    struct sts_store *store, const char *domain, bool *held);
void sts_write_unlock(struct sts_store *store, const char *domain);

#endif
