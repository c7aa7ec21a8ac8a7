/* SPDX-License-Identifier: ISC */
#include "exim/enable/exim_command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

char *
sts_replace_all(const char *text, const char *from, const char *to, size_t *len)
{
	char *made = NULL;
	FILE *out = open_memstream(&made, len);
	const char *next;
	bool fine;

	if (out == NULL)
		return NULL;
	for (; (next = strstr(text, from)) != NULL;
	     text = next + strlen(from)) {
		(void)fwrite(text, 1, (size_t)(next - text), out);
		(void)fputs(to, out);
	}
	(void)fputs(text, out);
	fine = ferror(out) == 0;
	if (fclose(out) == 0 && fine)
		return made;
	free(made);
	return NULL;
}

bool
sts_command_write(
    const char *path, const char *bytes, size_t len, const struct stat *st)
{
	FILE *out = fopen(path, "wxe");
	bool fine;

	if (out == NULL)
		return false;
	fine = fchown(fileno(out), st->st_uid, st->st_gid) == 0 &&
	    fchmod(fileno(out), st->st_mode & 07777) == 0 &&
	    fwrite(bytes, 1, len, out) == len;
	return fclose(out) == 0 && fine;
}
