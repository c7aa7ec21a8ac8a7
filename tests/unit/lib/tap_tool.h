/* SPDX-License-Identifier: ISC */
/*
 * The mta-sts command inside a test: run with arguments, its output kept; and
 * the files that it is given.
 */
#ifndef STS_TESTS_TAP_TOOL_H
#define STS_TESTS_TAP_TOOL_H

#include <stdbool.h>
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

/* "TOP/NAME", cut after 255 bytes; one of the last four of such calls. */
const char *path_in(const char *top, const char *name);

/*
 * A text of less than half of `size` bytes, with room to change it; ends the
 * test program where it cannot be read whole.
 */
void read_text(const char *path, char *text, size_t size);

/*
 * Replaces the first `from` behind `after` (or from the start) in place; false
 * where there is none.
 */
bool change(char *text, const char *after, const char *from, const char *to);

#endif
