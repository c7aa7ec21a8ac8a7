/* SPDX-License-Identifier: ISC */
/* A growing list of names. */
#ifndef STS_BASE_NAMES_H
#define STS_BASE_NAMES_H

#include <stdbool.h>
#include <stddef.h>

struct sts_names { /* zeroed: empty */
	char **name;
	size_t count;
	size_t size;
	bool failed; /* no memory for one of them */
};

/* Adds a copy; false: no memory. */
bool sts_names_add(struct sts_names *names, const char *name);

/* Frees all of them and leaves the list empty. */
void sts_names_free(struct sts_names *names);

#endif
