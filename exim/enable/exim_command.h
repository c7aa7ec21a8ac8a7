/* SPDX-License-Identifier: ISC */
/* Programs that enabling runs, and what they say. */
#ifndef STS_EXIM_ENABLE_EXIM_COMMAND_H
#define STS_EXIM_ENABLE_EXIM_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

/*
 * Runs a program with the arguments behind it, NULL-ended, at most 10; both of
 * its outputs are in *said, which the caller frees: never NULL but without
 * memory.  True if it ended with status 0 within two minutes.  `said` may be
 * NULL.
 */
bool sts_command_run(char **said, const char *const *argv);

/* The same, for few arguments. */
#define STS_COMMAND(said, ...) \
	sts_command_run(said, (const char *const[]){__VA_ARGS__, NULL})

/* A new string with each `from` in it replaced by `to`, or NULL; *len is set.
 */
char *sts_replace_all(
    const char *text, const char *from, const char *to, size_t *len);

/* Writes a file of the trial, with that owner and mode; false with errno. */
bool sts_command_write(
    const char *path, const char *bytes, size_t len, const struct stat *st);

#endif
