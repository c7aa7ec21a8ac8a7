/* SPDX-License-Identifier: ISC */
#include "base/config_load.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/config_value.h"

void
sts_config_bad_line(struct sts_config_loader *l, const char *format, ...)
{
	char reason[512];
	va_list args;

	l->config->bad_lines += l->line != 0;
	if (l->note == NULL)
		return;
	va_start(args, format);
	if (vsnprintf(reason, sizeof(reason), format, args) < 0)
		reason[0] = '\0';
	va_end(args);
	l->note(l->arg, l->file, l->line, reason);
}

bool
sts_config_bad_value(struct sts_config_loader *l,
    const struct sts_config_key *key, const char *value, const char *allowed)
{
	char buf[STS_QUOTED_BYTES];

	sts_config_bad_line(l, "%s: %s is not %s", key->name,
	    sts_config_quote(value, buf), allowed);
	return false;
}

char *
sts_config_copy(struct sts_config_loader *l, const char *string)
{
	char *copy = strdup(string);

	if (copy == NULL)
		l->no_memory = true;
	return copy;
}

char *
sts_config_split(char *value)
{
	char *rest = value + strcspn(value, " \t");

	if (*rest != '\0')
		*rest++ = '\0';
	return rest + strspn(rest, " \t");
}

const char *
sts_override_name(enum sts_override_kind kind)
{
	static const char *const names[] = {
	    "off", "testing", "enforce", "policy", "bad"};

	return names[kind];
}
