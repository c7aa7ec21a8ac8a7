/* SPDX-License-Identifier: ISC */
/*
 * The keys that name domains.
 *
 * A typing error in a "domain" line must not unprotect the domain, so the
 * readable parts of a bad name are kept: the domains that it may stand for
 * wait, with the reason "config", until the line is fixed; others do not.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/config_load.h"
#include "base/config_value.h"
#include "base/cursor.h"
#include "base/resemble.h"

enum { PATTERN_BYTES = 4 * STS_NAME_MAX };

bool
sts_config_set_prefetch(
    struct sts_config_loader *l, const struct sts_config_key *key, char *value)
{
	if (!sts_config_name(value))
		return sts_config_bad_value(l, key, value, "a domain name");
	if (sts_names_add(&l->config->prefetch, value))
		return true;
	l->no_memory = true;
	return false;
}

/* For one more: room doubles whenever the count is a power of two. */
static bool
make_room(struct sts_config_loader *l)
{
	struct sts_config *config = l->config;
	size_t count = config->override_count;
	void *grown;

	if (count > 0 && (count & (count - 1)) != 0)
		return true;
	grown = reallocarray(config->overrides, count > 0 ? 2 * count : 1,
	    sizeof(*config->overrides));
	if (grown == NULL) {
		l->no_memory = true;
		return false;
	}
	config->overrides = grown;
	return true;
}

/* In the order of the lines, which decides among equals. */
static bool
add_override(struct sts_config_loader *l, const char *name, const char *file,
    enum sts_override_kind kind)
{
	struct sts_override *o;

	if (!make_room(l))
		return false;
	o = &l->config->overrides[l->config->override_count];
	o->kind = kind;
	o->line = l->line;
	o->name = sts_config_copy(l, name);
	o->file = file != NULL ? sts_config_copy(l, file) : NULL;
	if (o->name != NULL && (file == NULL || o->file != NULL)) {
		l->config->override_count++;
		return true;
	}
	free(o->name);
	free(o->file);
	return false;
}

/* A byte of a name as typed, or of a "*" in it. */
static bool
is_pattern_byte(char byte)
{
	return sts_is_alnum((unsigned char)byte) || byte == '-' ||
	    byte == '_' || byte == '*';
}

/*
 * One label of a bad name, with "*" for each unreadable part.  An
 * internationalised label becomes "xn--*", the form in which mail uses it.
 */
static size_t
add_label(const char *label, size_t len, char *pattern)
{
	size_t used = 0;

	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)label[i] >= 0x80) {
			memcpy(pattern, "xn--*", 5);
			return 5;
		}
	}
	for (size_t i = 0; i < len; i++) {
		char byte = is_pattern_byte(label[i]) ? label[i] : '*';

		if (byte >= 'A' && byte <= 'Z')
			byte = (char)(byte | 0x20);
		if (byte != '*' || used == 0 || pattern[used - 1] != '*')
			pattern[used++] = byte;
	}
	/* A label is missing between two dots. */
	if (used == 0)
		pattern[used++] = '*';
	return used;
}

/*
 * Turns an ill-formed name into a pattern of the names that it may stand for.
 * False if none of it can be read or it is longer than a name.
 */
static bool
make_pattern(const char *word, char pattern[PATTERN_BYTES])
{
	bool readable = false;
	size_t used = 0;

	if (strlen(word) > STS_NAME_MAX)
		return false;
	for (const char *p = word; *p != '\0'; p++)
		readable = readable || sts_is_alnum((unsigned char)*p) ||
		    (unsigned char)*p >= 0x80;
	for (const char *p = word;; p++) {
		size_t len = strcspn(p, ".");

		used += add_label(p, len, pattern + used);
		p += len;
		if (*p == '\0')
			break;
		/* "a..b" may mean "a.b", or lack a label. */
		if (len > 0)
			pattern[used++] = '.';
	}
	pattern[used] = '\0';
	return readable;
}

/* Cuts off what is often pasted with a name: a scheme, a user, quotes. */
static char *
strip(char *word)
{
	static const char around[] = "\"'`<>()[]{},;:=!";
	char *p = strstr(word, "://");
	size_t len;

	if (p != NULL) {
		word = p + 3;
		word[strcspn(word, "/")] = '\0';
	}
	if ((p = strrchr(word, '@')) != NULL)
		word = p + 1;
	word += strspn(word, around);
	len = strlen(word);
	while (len > 0 &&
	    (word[len - 1] == '.' || strchr(around, word[len - 1]) != NULL))
		word[--len] = '\0';
	return word;
}

/* The pattern that a word of a bad line stands for; false: no domain. */
static bool
read_bad_name(char *word, char pattern[PATTERN_BYTES])
{
	char *name;

	word = strip(word);
	/* ".NAME" may mean NAME itself or all below it. */
	while (word[0] == '.')
		word++;
	name = strncmp(word, "*.", 2) == 0 ? word + 2 : word;
	if (sts_config_name(name)) {
		(void)snprintf(pattern, PATTERN_BYTES, "%s", word);
		return true;
	}
	return make_pattern(word, pattern);
}

/* The domains that one word of a bad line may mean; false: none. */
static bool
add_bad(struct sts_config_loader *l, char *word, char pattern[PATTERN_BYTES])
{
	bool below = word[0] == '.';
	char wider[PATTERN_BYTES + 2];

	if (!read_bad_name(word, pattern))
		return false;
	(void)add_override(l, pattern, NULL, STS_OVERRIDE_BAD);
	if (below) {
		(void)snprintf(wider, sizeof(wider), "*.%s", pattern);
		(void)add_override(l, wider, NULL, STS_OVERRIDE_BAD);
	}
	return true;
}

void
sts_config_bad_domain(
    struct sts_config_loader *l, char *value, const char *reason)
{
	char pattern[PATTERN_BYTES], buf[STS_QUOTED_BYTES];
	char first[PATTERN_BYTES] = "";
	bool name = true;

	/* The name is the first word, unless the operator swapped the words. */
	for (char *word = value, *next; *word != '\0'; word = next) {
		next = sts_config_split(word);
		name = word == value ||
		    (word[0] != '/' && strchr(word, '.') != NULL);
		if (name && add_bad(l, word, pattern) && first[0] == '\0')
			memcpy(first, pattern, sizeof(first));
	}
	if (first[0] != '\0')
		sts_config_bad_line(l, "%s; mail for %s waits", reason,
		    sts_config_quote(first, buf));
	else
		sts_config_bad_line(
		    l, "%s; no domain can be read in it", reason);
}

bool
sts_config_is_domain_key(const char *key, char **value)
{
	size_t len = strcspn(key, ":=");

	if (!sts_resembles(key, len, "domain"))
		return false;
	if (key[len] != '\0' && key[len + 1] != '\0')
		*value = (char *)(uintptr_t)key + len + 1;
	return true;
}

/* domain NAME off | testing | enforce | policy FILE; false: what is wrong. */
static bool
parse_domain(struct sts_config_loader *l, char *value, const char **wrong,
    const char **allowed)
{
	char *what = sts_config_split(value);
	char *file = sts_config_split(what);
	char *name = strncmp(value, "*.", 2) == 0 ? value + 2 : value;

	*wrong = value;
	*allowed = "a domain name, or \"*.\" and one";
	if (!sts_config_name(name))
		return false;
	if (strcmp(what, "policy") == 0) {
		*wrong = file;
		*allowed = "the absolute path of a policy file";
		return file[0] == '/' &&
		    add_override(l, value, file, STS_OVERRIDE_POLICY);
	}
	*wrong = file;
	*allowed = "expected here";
	if (file[0] != '\0')
		return false;
	*wrong = what;
	*allowed = "off, testing, enforce or policy FILE";
	for (enum sts_override_kind kind = STS_OVERRIDE_OFF;
	     kind < STS_OVERRIDE_POLICY; kind++) {
		if (strcmp(what, sts_override_name(kind)) == 0)
			return add_override(l, value, NULL, kind);
	}
	return false;
}

bool
sts_config_set_domain(
    struct sts_config_loader *l, const struct sts_config_key *key, char *value)
{
	char copy[STS_CONFIG_LINE_BYTES + 1];
	char buf[STS_QUOTED_BYTES], reason[STS_QUOTED_BYTES + 80];
	const char *wrong, *allowed;

	(void)snprintf(copy, sizeof(copy), "%s", value);
	if (parse_domain(l, value, &wrong, &allowed))
		return true;
	if (l->no_memory)
		return false;
	(void)snprintf(reason, sizeof(reason), "%s: %s is not %s", key->name,
	    sts_config_quote(wrong, buf), allowed);
	sts_config_bad_domain(l, copy, reason);
	return false;
}
