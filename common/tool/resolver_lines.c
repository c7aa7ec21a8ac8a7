/* SPDX-License-Identifier: ISC */
#include "tool/resolver_lines.h"

#include <string.h>

#include "base/child.h"
#include "base/clock.h"
#include "client/ask.h"

enum { EXIT_MS = 1000 /* from the end of its output to its exit */ };

enum sts_status
sts_tool_resolver_lines(const struct sts_config *config,
    const char *const *arguments, int64_t wait_ms,
    void (*take)(void *arg, char *line), void *arg)
{
	int64_t end = sts_monotonic_ms() + wait_ms;
	struct sts_child child;
	enum sts_status status =
	    sts_client_start_resolver(config, arguments, &child);
	char line[STS_RESOLVER_LINE_BYTES];
	ssize_t len;

	if (status != STS_OK)
		return status;
	while ((len = sts_child_read(
		    &child, line, sizeof(line) - 1, true, end)) > 0) {
		line[len] = '\0';
		line[strcspn(line, "\n")] = '\0';
		take(arg, line);
	}
	(void)sts_child_finish(&child, sts_monotonic_ms() + EXIT_MS);
	return len < 0 ? STS_RESOLVER_TIMEOUT : STS_OK;
}
