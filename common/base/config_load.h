/* SPDX-License-Identifier: ISC */
/*
 * Internal to the configuration: a file being loaded.  Only config.c,
 * config_load.c and config_domain.c include it.
 */
#ifndef STS_BASE_CONFIG_LOAD_H
#define STS_BASE_CONFIG_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/config.h"

enum {
	STS_CONFIG_LINE_BYTES = 4096, /* a path and its key fit */
	STS_CONFIG_KEYS_MAX = 32
};

/*
 * Lack of memory is only noted: the lines that follow are still checked, and
 * the caller gets the status at the end.
 */
struct sts_config_loader {
	struct sts_config *config;
	const char *file;
	sts_config_note *note;
	void *arg;
	unsigned line;
	/* line that last set the key, or 0 */
	unsigned set_in[STS_CONFIG_KEYS_MAX];
	bool no_memory;
};

/* The words that a value may be, and how a note lists them. */
struct sts_config_choice {
	const char *allowed;
	const char *word[5]; /* NULL-ended */
};

/*
 * A key, the parser of its value (true: the line is good), and its place in
 * struct sts_config.
 */
struct sts_config_key {
	const char *name;
	bool (*set)(struct sts_config_loader *l,
	    const struct sts_config_key *key, char *value);
	size_t offset;
	int64_t min;
	int64_t max;
	bool repeated;
	const struct sts_config_choice *choice; /* of a flag or an enum */
};

/*
 * Reports and counts a fault of the current line (before the first: of the
 * file).  The reason names the value and what is allowed.
 */
void sts_config_bad_line(struct sts_config_loader *l, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * "KEY: VALUE is not ALLOWED".  Returns false: the line is skipped, and an
 * earlier value stays.
 */
bool sts_config_bad_value(struct sts_config_loader *l,
    const struct sts_config_key *key, const char *value, const char *allowed);

/* A copy that the configuration owns; NULL without memory. */
char *sts_config_copy(struct sts_config_loader *l, const char *string);

/* Cuts a value off after its first word, and returns the rest. */
char *sts_config_split(char *value);

/* The keys "domain" and "prefetch". */
bool sts_config_set_domain(
    struct sts_config_loader *l, const struct sts_config_key *key, char *value);
bool sts_config_set_prefetch(
    struct sts_config_loader *l, const struct sts_config_key *key, char *value);

/*
 * True if an unknown key was meant to be "domain": "Domain", "domian",
 * "domain:", "domain=NAME".  Moves *value to the beginning of the name.
 */
bool sts_config_is_domain_key(const char *key, char **value);

/*
 * Reports a bad "domain" line for `reason`, and makes the domains that it names
 * wait (STS_OVERRIDE_BAD).  Cuts `value`, the rest of the line, into words.
 */
void sts_config_bad_domain(
    struct sts_config_loader *l, char *value, const char *reason);

#endif
