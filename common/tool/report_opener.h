/* SPDX-License-Identifier: ISC */
/*
 * Files for a reader that is not root: a child that is still root finds and
 * opens what the operands name, reads nothing in it, and passes it on.
 */
#ifndef STS_TOOL_REPORT_OPENER_H
#define STS_TOOL_REPORT_OPENER_H

#include <stdbool.h>
#include <sys/types.h>

#include "report/inbox.h"
#include "tool/tool.h"

struct sts_opener {
	pid_t pid; /* 0: this user opens files itself */
	int fd;
};

/*
 * As root, starts the child and becomes nobody for good; as another user does
 * nothing.  STS_EXIT_OK, or STS_EXIT_OUTSIDE with a message.
 */
int sts_opener_begin(struct sts_opener *opener, struct sts_tool *tool);

/*
 * Reads an operand as sts_inbox_read does; the operands of the command line in
 * their order, each once.
 */
void sts_opener_read(struct sts_opener *opener, const char *operand,
    struct sts_inbox_sink *sink);

/* Waits for the child. */
void sts_opener_end(struct sts_opener *opener);

#endif
