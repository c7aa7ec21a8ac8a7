/* SPDX-License-Identifier: ISC */
/* Is this libcurl one that can be used? */
#ifndef STS_FETCHER_LIBRARY_H
#define STS_FETCHER_LIBRARY_H

#include <stddef.h>

#include "base/status.h"

/*
 * STS_OK where libcurl is one that can check names as RFC 8461 3.3 wants
 * (OpenSSL flavour, 7.85 or later); else STS_INTERNAL, with what is missing in
 * `detail`.
 */
enum sts_status sts_library_check(char *detail, size_t size);

#endif
