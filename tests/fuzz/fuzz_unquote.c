/* SPDX-License-Identifier: ISC */
/* Any bytes as a line of zone-file strings, into buffers of several sizes. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "core/record.h"

enum { BUF_MAX = 64 };

static void
check_size(struct sts_span line, size_t size)
{
	char buf[BUF_MAX + 1];
	size_t len = 0;
	enum sts_status status;

	memset(buf, 0x55, sizeof(buf));
	status = sts_record_unquote(line, buf, size, &len);
	REQUIRE(status == STS_OK || status == STS_BAD_LINE);
	REQUIRE(len <= size && len <= line.len);
	REQUIRE(buf[size] == 0x55);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sts_span line = {(const char *)data, size};

	check_size(line, 0);
	check_size(line, 1);
	check_size(line, BUF_MAX);
	return 0;
}
