/* SPDX-License-Identifier: ISC */
/*
 * A record of the calls with which the store changes files and directories:
 * this file's openat, write, fsync and so on are the ones that it is linked
 * with.
 */
#ifndef STS_TESTS_POWER_CALLS_H
#define STS_TESTS_POWER_CALLS_H

#include <stdbool.h>
#include <stddef.h>

enum {
	CALLS_MAX = 400,
	FILES_MAX = 200,
	NAMES_MAX = 300,
	FDS_MAX = 64,
	BYTES_MAX = 2048,
	NAME_LEN = 64
};

enum call_kind {
	CREATE,
	RENAME,
	REMOVE,
	MAKE_DIR,
	CONTENT,
	SYNC_FILE,
	SYNC_DIR
};

/* What a file contains after a call. */
struct content {
	size_t len;
	char bytes[BYTES_MAX];
};

struct call {
	enum call_kind kind;
	char dir[NAME_LEN]; /* "." or policies/XX */
	char name[NAME_LEN];
	char from[NAME_LEN]; /* of a rename */
	int file;
	struct content *content;
};

struct name {
	char dir[NAME_LEN], name[NAME_LEN];
	int file; /* -1: the name is free */
};

/* What was recorded, in order. */
extern struct call calls[];
extern size_t call_count;
extern bool recording;

/* Forgets all calls, and what they left. */
void forget_calls(void);

/* A name in a list of them; NULL: not there. */
const struct name *find_name(
    const struct name *list, size_t count, const char *in, const char *name);

/* The name is the file's from now on; -1: it is free. */
void set_name(struct name *list, size_t *count, const char *in,
    const char *name, int file);

#endif
