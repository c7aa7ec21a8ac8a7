/* SPDX-License-Identifier: ISC */
/* What enabling makes of texts and files; programs that it runs. */
#ifndef STS_EXIM_ENABLE_EXIM_COMMAND_H
#define STS_EXIM_ENABLE_EXIM_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "base/command.h"

/* A new string with each `from` in it replaced by `to`, or NULL; *len is set.
 */
char *sts_replace_all(
    const char *text, const char *from, const char *to, size_t *len);

/* Writes a file of the trial, with that owner and mode; false with errno. */
bool sts_command_write(
    const char *path, const char *bytes, size_t len, const struct stat *st);

#endif
