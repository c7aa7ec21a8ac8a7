/* SPDX-License-Identifier: ISC */
/*
 * The table protocols of smtpd: lines of text, version 0.1 (7.6 and later), and
 * imsg, version 2 (6.8 to 7.5). smtpd exits when a table sends an answer
 * without a question, or an ill-formed one, so each request gets exactly one
 * reply and everything else is ignored.
 */
#ifndef STS_OPENSMTPD_TABLE_TABLE_PROTO_H
#define STS_OPENSMTPD_TABLE_TABLE_PROTO_H

#include <stdbool.h>
#include <stddef.h>

#include "opensmtpd/table/table_answer.h"
#include "opensmtpd/lines.h"
#include "opensmtpd/output.h"

/* A lookup key is at most 1023 bytes in smtpd. */
enum { STS_KEY_MAX = 1024 };

/* smtpd's numbers of the services. */
enum sts_service { STS_SERVICE_DOMAIN = 2, STS_SERVICE_RELAYHOST = 0x200 };

enum { STS_IMSG_HEADER = 16, STS_IMSG_MAX = 16384 };

struct sts_table_text {
	struct sts_table *table;
	struct sts_output *output;
	struct sts_lines lines;
	bool registered;
};

struct sts_table_imsg {
	struct sts_table *table;
	struct sts_output *output;
	char buf[STS_IMSG_MAX];
	size_t len;
	bool lost; /* a length was invalid: nothing after it can be read */
};

/* Both structures begin zeroed except table and output. */
void sts_table_text_feed(
    struct sts_table_text *text, const char *bytes, size_t len);
void sts_table_imsg_feed(
    struct sts_table_imsg *imsg, const char *bytes, size_t len);

#endif
