/* SPDX-License-Identifier: ISC */
#include "tests/unit/lib/tap_tool.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool/tool.h"

enum { WORDS_MAX = 16 };

struct ran
run_tool(const char *first, ...)
{
	static char program[] = "mta-sts";
	char *argv[WORDS_MAX + 2] = {program};
	struct ran ran = {0};
	size_t out_len, err_len;
	FILE *out = open_memstream(&ran.out, &out_len);
	FILE *err = open_memstream(&ran.err, &err_len);
	int argc = 1;
	va_list args;

	va_start(args, first);
	for (const char *word = first; word != NULL && argc <= WORDS_MAX;
	     word = va_arg(args, const char *))
		argv[argc++] = strdup(word);
	va_end(args);
	ran.code = sts_tool_run(argc, argv, out, err);
	fclose(out);
	fclose(err);
	while (--argc > 0)
		free(argv[argc]);
	return ran;
}

void
ran_free(struct ran *ran)
{
	free(ran->out);
	free(ran->err);
}

void
write_file(const char *path, const void *bytes, size_t len)
{
	FILE *file = fopen(path, "wb");

	if (file == NULL || fwrite(bytes, 1, len, file) != len ||
	    fclose(file) != 0) {
		printf("Bail out! cannot write %s\n", path);
		exit(1);
	}
}

const char *
path_in(const char *top, const char *name)
{
	static char path[4][256];
	static unsigned turn;

	turn = (turn + 1) % 4;
	(void)snprintf(path[turn], sizeof(path[turn]), "%s/%s", top, name);
	return path[turn];
}

void
read_text(const char *path, char *text, size_t size)
{
	FILE *file = text != NULL ? fopen(path, "r") : NULL;
	size_t len = file != NULL ? fread(text, 1, size / 2, file) : 0;

	if (len == 0 || len == size / 2) {
		printf("Bail out! cannot read %s\n", path);
		exit(1);
	}
	text[len] = '\0';
	fclose(file);
}

bool
change(char *text, const char *after, const char *from, const char *to)
{
	char *at = after != NULL ? strstr(text, after) : text;
	size_t from_len = strlen(from), to_len = strlen(to);

	if (at == NULL || (at = strstr(at, from)) == NULL)
		return false;
	memmove(at + to_len, at + from_len, strlen(at + from_len) + 1);
	memcpy(at, to, to_len);
	return true;
}
