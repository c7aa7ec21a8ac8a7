/* SPDX-License-Identifier: ISC */
/* The options of the operator's own transport, for the three of MTA-STS. */
#ifndef STS_EXIM_ENABLE_EXIM_OPTIONS_H
#define STS_EXIM_ENABLE_EXIM_OPTIONS_H

#include <stdio.h>

#include "exim/enable/exim_lines.h"

/*
 * Writes what our transports take in: all options but those that they set
 * themselves, and what chooses where TLS is used only where nothing is
 * enforced.
 */
void sts_exim_write_options(FILE *out, const struct sts_exim_lines *lines,
    const struct sts_exim_span *transport);

#endif
