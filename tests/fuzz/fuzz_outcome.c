/* SPDX-License-Identifier: ISC */
/* Any bytes as a line of outcomes: what is read is written as it was. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "core/outcome.h"

static void
check_outcome(struct sts_span line)
{
	char buf[STS_OUTCOME_LINE_MAX], text[STS_OUTCOME_LOG_MAX];
	struct sts_outcome o;

	if (!sts_outcome_parse(line, &o))
		return;
	REQUIRE(sts_outcome_format(&o, buf) == line.len + 2);
	REQUIRE(buf[0] == '\n' && buf[line.len + 1] == '\n');
	REQUIRE(memcmp(buf + 1, line.p, line.len) == 0);
	REQUIRE(memchr(line.p, '\n', line.len) == NULL);
	sts_outcome_log_text(&o, text);
	REQUIRE(strlen(text) < sizeof(text));
}

static void
check_policy(struct sts_span line)
{
	static char buf[STS_OUTCOME_POLICY_LINE_MAX];
	static struct sts_outcome_policy p;

	if (!sts_outcome_parse_policy(line, &p))
		return;
	REQUIRE(sts_outcome_format_policy(p.time, p.domain, p.fetched,
		    (struct sts_span){p.text, p.len}, buf) == line.len + 2);
	REQUIRE(memcmp(buf + 1, line.p, line.len) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sts_span line = {(const char *)data, size};

	check_outcome(line);
	check_policy(line);
	return 0;
}
