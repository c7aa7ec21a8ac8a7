/* SPDX-License-Identifier: ISC */
/*
 * What the host lists that were answered have cost this process so far.
 *
 * Exim expands and compiles such a list anew for each address of each MX host
 * and frees nothing before the message is done; beyond 1 GiB the process ends,
 * and with it the delivery to every other recipient.
 */
#ifndef STS_EXIM_MEMORY_H
#define STS_EXIM_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/*
 * True where a host list of `length` bytes may be answered: the process has
 * grown little since the first call, or the list is short.  The growth is that
 * of the peak resident set (getrusage); where it is not known every list may
 * be answered.
 */
bool sts_memory_allows(size_t length);

#endif
