/* SPDX-License-Identifier: ISC */
/* Programs that the command runs for the operator, and what they say. */
#ifndef STS_BASE_COMMAND_H
#define STS_BASE_COMMAND_H

#include <stdbool.h>

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

#endif
