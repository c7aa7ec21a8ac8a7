/* SPDX-License-Identifier: ISC */
/* Whether this libcurl can be used. */
#ifndef STS_FETCHER_LIBRARY_H
#define STS_FETCHER_LIBRARY_H

#include <stddef.h>

#include "base/status.h"

/*
 * STS_OK if libcurl can check names as RFC 8461 3.3 requires (OpenSSL backend,
 * 7.85 or later); else STS_INTERNAL, with the reason in `detail`.
 */
enum sts_status sts_library_check(char *detail, size_t size);

#endif
