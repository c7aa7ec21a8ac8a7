/* SPDX-License-Identifier: ISC */
/*
 * Text for a terminal: coloured, and folded to its width.  Anywhere else it is
 * plain, and a line stays whole.
 */
#ifndef STS_TOOL_SCREEN_H
#define STS_TOOL_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum sts_colour {
	STS_COLOUR_NONE,
	STS_COLOUR_GOOD,    /* green */
	STS_COLOUR_WARNING, /* yellow */
	STS_COLOUR_BAD      /* red */
};

struct sts_screen {
	FILE *out;
	size_t width; /* columns; 0: not a terminal, lines stay whole */
	bool coloured;
};

/* Whether `out` is a terminal, how wide, and whether TERM and NO_COLOR let it
 * have colours. */
void sts_screen_open(struct sts_screen *screen, FILE *out);

/*
 * Writes "HEAD TEXT" and a line feed, the head coloured and in at least
 * `indent` columns, the further lines of the text below its first.  Bytes of
 * the text that are not printable ASCII are escaped.
 */
void sts_screen_write(struct sts_screen *screen, enum sts_colour colour,
    const char *head, size_t indent, const char *text);

#endif
