/* SPDX-License-Identifier: ISC */
/*
 * The Test Anything Protocol for the unit tests, read by prove(1).
 * Each test program calls ok, is_str or is_int, and returns tap_done().
 */
#ifndef STS_TESTS_TAP_H
#define STS_TESTS_TAP_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Milliseconds that a test waits for what has to come: a moment, or a minute
 * on a machine that is slow or does other work.  Two minutes, or what the
 * environment says, TAP_WAIT_MS.
 */
#define TAP_WAIT_MS tap_wait_ms()
int tap_wait_ms(void);

/* One assertion, named after the behaviour it holds.  Returns `holds`. */
bool ok(bool holds, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Equality, showing both sides when it fails.  NULL equals only NULL. */
bool is_str(const char *got, const char *expected, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
bool is_int(long long got, long long expected, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A visible skip, with the reason. */
void tap_skip(const char *what, const char *why);

/* A line for the reader. */
void tap_diag(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Prints the plan; the exit status of main: 0 only where all held and at
 * least one ran. */
int tap_done(void);

/*
 * Makes the directory that a mkdtemp(3) template names, for a test that writes
 * a store of its own: root gives it to the user nobody, and becomes that user.
 */
bool tap_own_directory(char *template);

/*
 * len bytes copied so that the byte after the last is on a page that cannot be
 * read: a parser that looks past its end dies.  Free with guard_free.
 */
char *guard_copy(const void *bytes, size_t len);
void guard_free(char *bytes, size_t len);

/*
 * A row of a vector file: fields split at tabs, escapes (\n \r \t \\ \xHH)
 * undone in `raw`'s copy by vector_unescape.  Reads the next data row (the
 * header is skipped) of a file under tests/vectors; false at the end.
 */
struct vector_file;
struct vector_file *vector_open(const char *name);
bool vector_next(struct vector_file *file, char **fields, size_t count);
void vector_close(struct vector_file *file);
size_t vector_unescape(char *text); /* in place; returns the length */

/* Removes the directory and all below, where there is one. */
void tap_remove(const char *top);

#endif
