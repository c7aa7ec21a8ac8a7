/* SPDX-License-Identifier: ISC */
/*
 * Policies that another machine has fetched.  An import only ever adds
 * protection: whatever is asked of it, what this machine has learned itself
 * counts for no less than before.
 */
#ifndef STS_STORE_IMPORT_H
#define STS_STORE_IMPORT_H

#include "store/store.h"

enum sts_import {
	STS_IMPORT_TAKEN,
	STS_IMPORT_NOT_NEWER, /* than the one here */
	STS_IMPORT_WEAKER,    /* a lower mode, or would expire earlier */
	STS_IMPORT_EXPIRED,
	STS_IMPORT_NO_ROOM, /* policies-max: nothing is removed for it */
	STS_IMPORT_DAMAGED, /* the file here, whose mail waits */
	STS_IMPORTS
};

/* An import into one store; zeroed, with the first three set. */
struct sts_importer {
	struct sts_store *store; /* open for writing */
	int64_t now;             /* seconds since 1970 */
	int64_t max;             /* policies-max */
	/* Internal: files in each directory and one, or 0: not counted. */
	int64_t count[STS_STORE_BUCKETS];
};

/*
 * Writes the entry if it is in force, its mode is not none, and it was fetched
 * later than the policy that is here, which must not have a stricter mode or
 * more time left.  A fetch time after `now` becomes now, and such an entry
 * replaces nothing: its age is unknown.  `expires` becomes fetched + max_age.
 * STS_OK with the result in *what, or a local fault.
 */
enum sts_status sts_import_policy(struct sts_importer *importer,
    struct sts_entry *entry, enum sts_import *what);

#endif
