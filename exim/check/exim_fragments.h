/* SPDX-License-Identifier: ISC */
/*
 * Whether all four fragments for Debian's Exim are in conf.d, and the file that
 * Exim reads still contains them.
 */
#ifndef STS_EXIM_CHECK_EXIM_FRAGMENTS_H
#define STS_EXIM_CHECK_EXIM_FRAGMENTS_H

#include <stdbool.h>

#include "base/config.h"
#include "base/findings.h"

/* True if at least one of the fragments, or a link for it, is there. */
bool sts_exim_has_fragments(const char *etc);

/* True if all of them are there, and no link for one dangles. */
bool sts_exim_has_all_fragments(const char *etc);

/*
 * A setting of update-exim4.conf.conf, KEY='VALUE', as in the shell script that
 * reads the file: the last one, or "".  False if the file cannot be read.
 */
bool sts_exim_setting(const char *etc, const char *key, char *buf, size_t size);

/* Debian's default is not to split: then the template is used. */
bool sts_exim_is_split(const char *etc);

/*
 * Checks `etc` (/etc/exim4) and the file generated from it, and reports what
 * has changed since the setup: a missing fragment, a dangling link (the example
 * files were removed or moved), a template or generated file without a
 * fragment's content (a package upgrade replaced the template).  Silent if
 * there are no fragments at all.
 */
void sts_exim_check_fragments(
    struct sts_findings *f, const char *etc, const char *generated);

#endif
