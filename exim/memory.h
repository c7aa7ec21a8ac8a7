/* SPDX-License-Identifier: ISC */
/*
 * The memory that the answered host lists have cost this process.
 *
 * Exim expands and compiles such a list again for each address of each MX host
 * and frees nothing until the message is done; beyond 1 GiB the process dies,
 * and the delivery to all other recipients with it.
 */
#ifndef STS_EXIM_MEMORY_H
#define STS_EXIM_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/*
 * True if a host list of `length` bytes may be answered: the process has grown
 * little since the first call, or the list is short.  Growth is that of the
 * peak resident set (getrusage); if that is unknown, every list may be
 * answered.
 */
bool sts_memory_allows(size_t length);

#endif
