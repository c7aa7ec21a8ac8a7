/* SPDX-License-Identifier: ISC */
/*
 * Parses the fetcher's output: the hello, then replies.  Needs memory for one
 * line and one body, whatever comes.
 */
#ifndef STS_RESOLVER_FETCHER_INPUT_H
#define STS_RESOLVER_FETCHER_INPUT_H

#include <stdbool.h>
#include <stddef.h>

#include "fetcher/wire.h"

/* Zeroed before the first byte of a fetcher. */
struct sts_fetcher_input {
	bool greeted;
	bool in_reply; /* the line of `reply` was read, its body not */
	struct sts_wire_reply reply;
	char *body;
	size_t body_len; /* so far */
	char line[STS_WIRE_REPLY_MAX];
	size_t line_len;
};

struct sts_fetcher_input_calls {
	/* False: the fetcher cannot be used; ends the parsing. */
	bool (*hello)(void *arg, const struct sts_wire_hello *hello);
	/* False: the reply is nonsense. */
	bool (*may_be)(void *arg, const struct sts_wire_reply *reply);
	/* A complete reply; may reset the input. */
	void (*reply)(
	    void *arg, const struct sts_wire_reply *reply, const char *body);
};

/*
 * Parses bytes.  STS_OK; STS_FETCHER_REPLY for nonsense; STS_NO_MEMORY.  After
 * a failure, or after a call that reset it, the rest is dropped.
 */
enum sts_status sts_fetcher_input_take(struct sts_fetcher_input *input,
    const char *bytes, size_t len, const struct sts_fetcher_input_calls *calls,
    void *arg);

/* Returns to the state before the first byte. */
void sts_fetcher_input_reset(struct sts_fetcher_input *input);

#endif
