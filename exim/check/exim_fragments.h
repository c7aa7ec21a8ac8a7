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

/* True where all of them are there, and no link for one dangles. */
bool sts_exim_has_all_fragments(const char *etc);

/*
 * A setting of update-exim4.conf.conf, KEY='VALUE', as the shell script that
 * reads the file has it: the last one, "" where there is none.  False where the
 * file cannot be read.
 */
bool sts_exim_setting(const char *etc, const char *key, char *buf, size_t size);

/* Debian's default is not to split: then the template is what counts. */
bool sts_exim_is_split(const char *etc);

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
