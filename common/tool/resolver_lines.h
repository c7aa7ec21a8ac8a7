/* SPDX-License-Identifier: ISC */
#ifndef STS_TOOL_RESOLVER_LINES_H
#define STS_TOOL_RESOLVER_LINES_H

#include <stdint.h>

#include "base/config.h"
#include "base/status.h"

enum { STS_RESOLVER_LINE_BYTES = 5000 };

/*
 * Starts a resolver with these arguments (NULL-ended) and calls `take` with
 * each line that it prints, without its line feed and of fewer than
 * STS_RESOLVER_LINE_BYTES bytes, for at most `wait_ms`.  STS_OK at the end of
 * its output; STS_RESOLVER_TIMEOUT; or the fault that kept it from starting.
 */
enum sts_status sts_tool_resolver_lines(const struct sts_config *config,
    const char *const *arguments, int64_t wait_ms,
    void (*take)(void *arg, char *line), void *arg);

#endif
