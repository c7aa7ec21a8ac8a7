/* SPDX-License-Identifier: ISC */
/*
 * An examination: what a policy host answers, with all that a policy is not
 * taken with, for `mta-sts check`.  Nothing of it is ever used as a policy.
 */
#ifndef STS_FETCHER_TRANSFER_EXAMINE_H
#define STS_FETCHER_TRANSFER_EXAMINE_H

#include <stddef.h>

#include "fetcher/transfer.h"

/* Takes a part of the body; fewer bytes than `len` end the transfer. */
size_t sts_transfer_examine_body(
    struct sts_transfer *transfer, const char *bytes, size_t len);

/*
 * The answer, after STS_OK: lines "NAME VALUE", the values escaped (escape.h),
 * an empty line, and the body as served.  The caller frees *answer; at most
 * STS_BODY_MAX bytes.  STS_NO_MEMORY.
 *
 *	certificate STATUS DETAIL	with https: alone
 *	names NAME,NAME			dNSNames, unless there are none
 *	common_name NAME
 *	http STATUS
 *	location, type, encoding VALUE	header fields that are there
 *	large				the body is only the beginning
 *	cut				the connection ended before the body
 */
enum sts_status sts_transfer_examine_answer(
    struct sts_transfer *transfer, char **answer, size_t *len);

#endif
