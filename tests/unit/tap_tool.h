/* SPDX-License-Identifier: ISC */
/*
 * The mta-sts command inside a test: run with arguments, its output kept.
 */
#ifndef STS_TESTS_TAP_TOOL_H
#define STS_TESTS_TAP_TOOL_H

#include <stddef.h>

struct ran {
	int code;
	char *out;
	char *err;
};

/* Runs `mta-sts ARGUMENTS...` in this process; words end with NULL. */
struct ran run_tool(const char *first, ...);
void ran_free(struct ran *ran);

/* A file with these bytes; ends the test program where it cannot be made. */
void write_file(const char *path, const void *bytes, size_t len);

#endif
