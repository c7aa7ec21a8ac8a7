/* SPDX-License-Identifier: ISC */
/*
 * The text of `mta-sts cache export`, which `cache import` reads: "# mta-sts
 * cache 1", then a line for each policy,
 *
 *	DOMAIN id=ID fetched=SECONDS.MICROSECONDS mode=MODE max_age=N mx=A,B
 *
 * with the fields in this order and one blank between them.  Other lines that
 * begin with "#", and empty ones, mean nothing.  A line without its line feed
 * was cut, and does not count: the rest of a name is a name, too.
 */
#ifndef STS_TOOL_EXCHANGE_H
#define STS_TOOL_EXCHANGE_H

#include <stdio.h>

#include "base/cursor.h"
#include "store/store.h"

#define STS_EXCHANGE_TITLE "# mta-sts cache 1"

enum { STS_EXCHANGE_LINE_MAX = STS_BODY_MAX + 1024 };

/* Writes the line of an entry, with the fetch time that is in its file. */
void sts_exchange_print(FILE *out, const struct sts_entry *entry);

/*
 * Reads a line, without its line feed, into *entry, which the caller frees with
 * sts_entry_free.  NULL; or why it is ill-formed, and there is nothing to free.
 * For a line that means nothing entry->body is NULL.
 */
const char *sts_exchange_parse(struct sts_span line, struct sts_entry *entry);

#endif
