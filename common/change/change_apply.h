/* SPDX-License-Identifier: ISC */
/* What the parts of a set of changes share beside its record. */
#ifndef STS_CHANGE_CHANGE_APPLY_H
#define STS_CHANGE_CHANGE_APPLY_H

#include <stddef.h>

#include "change/change.h"

/* Root and path of an item, into `buf` of STS_CHANGE_REAL_BYTES. */
const char *sts_change_real_path(
    const struct sts_changes *c, size_t index, char *buf);

#endif
