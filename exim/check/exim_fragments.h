/* SPDX-License-Identifier: ISC */
/*
 * The fragments for Debian's Exim: whether all four are in conf.d, and whether
 * the file that Exim reads still has them.
 */
#ifndef STS_EXIM_CHECK_EXIM_FRAGMENTS_H
#define STS_EXIM_CHECK_EXIM_FRAGMENTS_H

#include <stdbool.h>

#include "base/config.h"
#include "base/findings.h"

/* True where at least one of the fragments, or a link for it, is there. */
bool sts_exim_has_fragments(const char *etc);

/*
 * Looks at `etc` (/etc/exim4) and at the file that was generated from it, and
 * reports what has come apart since it was set up: a fragment missing beside
 * others, a dangling link (the example files were removed or moved),
 * a template or generated file without what a fragment says (a package upgrade
 * wrote the template anew).  Silent where none of the fragments is there: then
 * they were never used.
 */
void sts_exim_check_fragments(
    struct sts_findings *f, const char *etc, const char *generated);

#endif
