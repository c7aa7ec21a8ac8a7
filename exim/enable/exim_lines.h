/* SPDX-License-Identifier: ISC */
/*
 * The lines of an Exim configuration, as far as placing something in it wants:
 * sections, drivers, conditions (.ifdef), continued lines.
 */
#ifndef STS_EXIM_ENABLE_EXIM_LINES_H
#define STS_EXIM_ENABLE_EXIM_LINES_H

#include <stdbool.h>
#include <stddef.h>

enum sts_section {
	STS_SECTION_MAIN,
	STS_SECTION_ROUTERS,
	STS_SECTION_TRANSPORTS,
	STS_SECTION_RETRY,
	STS_SECTION_OTHER
};

/* A line of the file; no two share bytes. */
struct sts_exim_line {
	const char *p;
	size_t len; /* without the line feed */
	enum sts_section section;
	unsigned depth;  /* open conditions before it */
	bool continued;  /* goes on from the line before */
	bool is_comment; /* or blank */
	bool is_begin;   /* "begin NAME" */
	bool is_control; /* ".ifdef", ".endif", ".include" and the like */
	bool is_label;   /* the name of a router or transport */
};

struct sts_exim_lines {
	struct sts_exim_line *line;
	size_t count;
};

/* False without memory; the lines borrow the text. */
bool sts_exim_lines_cut(
    struct sts_exim_lines *lines, const char *text, size_t len);
void sts_exim_lines_free(struct sts_exim_lines *lines);

/* One driver: the line of its name, and the one behind its last. */
struct sts_exim_span {
	size_t from, to;
};

/* The next driver of a section at or behind line *at, which moves behind it. */
bool sts_exim_next_driver(const struct sts_exim_lines *lines,
    enum sts_section section, size_t *at, struct sts_exim_span *span);

/* The driver's name; cut at the buffer's end. */
void sts_exim_driver_name(const struct sts_exim_lines *lines,
    const struct sts_exim_span *span, char *buf, size_t size);

/* The driver of that name. */
bool sts_exim_find_driver(const struct sts_exim_lines *lines,
    enum sts_section section, const char *name, struct sts_exim_span *span);

/*
 * True if the line begins an option of that name ("name = value", "name",
 * "no_name").
 */
bool sts_exim_is_option(const struct sts_exim_line *line, const char *name);

/*
 * The value of a driver's option, with continued lines joined; false if it has
 * none or that does not fit.  *line, unless NULL, gets the number of its line.
 */
bool sts_exim_option(const struct sts_exim_lines *lines,
    const struct sts_exim_span *span, const char *name, char *buf, size_t size,
    size_t *line);

/* True if the main section has "domainlist NAME". */
bool sts_exim_has_domainlist(
    const struct sts_exim_lines *lines, const char *name);

/* The number of the first "begin" line of that section, or `count`. */
size_t sts_exim_begin(
    const struct sts_exim_lines *lines, enum sts_section section);

#endif
