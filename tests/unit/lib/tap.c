/* SPDX-License-Identifier: ISC */
#include "tests/unit/lib/tap.h"

#include <ftw.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WAIT_MS = 120000 };

static unsigned run, failed;

int
tap_wait_ms(void)
{
	const char *text = getenv("TAP_WAIT_MS");
	int ms = text != NULL ? atoi(text) : 0;

	return ms > 0 ? ms : WAIT_MS;
}

static bool
report(bool holds, const char *format, va_list args)
{
	run++;
	if (!holds)
		failed++;
	printf("%sok %u - ", holds ? "" : "not ", run);
	vprintf(format, args);
	printf("\n");
	fflush(stdout);
	return holds;
}

bool
ok(bool holds, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)report(holds, format, args);
	va_end(args);
	return holds;
}

bool
is_str(const char *got, const char *expected, const char *format, ...)
{
	bool holds = got == expected ||
	    (got != NULL && expected != NULL && strcmp(got, expected) == 0);
	va_list args;

	va_start(args, format);
	(void)report(holds, format, args);
	va_end(args);
	if (!holds)
		tap_diag("got '%.300s', expected '%.300s'",
		    got ? got : "(null)", expected ? expected : "(null)");
	return holds;
}

bool
is_int(long long got, long long expected, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)report(got == expected, format, args);
	va_end(args);
	if (got != expected)
		tap_diag("got %lld, expected %lld", got, expected);
	return got == expected;
}

void
tap_skip(const char *what, const char *why)
{
	printf("ok %u - # SKIP %s: %s\n", ++run, what, why);
	fflush(stdout);
}

void
tap_diag(const char *format, ...)
{
	va_list args;

	printf("# ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	fflush(stdout);
}

int
tap_done(void)
{
	printf("1..%u\n", run);
	return run > 0 && failed == 0 ? 0 : 1;
}

static size_t
guard_span(size_t len)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (len + page - 1) / page * page + page;
}

bool
tap_own_directory(char *template)
{
	if (mkdtemp(template) == NULL)
		return false;
	return getuid() != 0 ||
	    (chown(template, 65534, 65534) == 0 && setgid(65534) == 0 &&
		setuid(65534) == 0);
}

char *
guard_copy(const void *bytes, size_t len)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t span = guard_span(len);
	char *map = mmap(NULL, span, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *copy;

	if (map == MAP_FAILED ||
	    mprotect(map + span - page, page, PROT_NONE) != 0) {
		printf("Bail out! no memory for a guard page\n");
		exit(1);
	}
	copy = map + span - page - len;
	if (len > 0)
		memcpy(copy, bytes, len);
	return copy;
}

void
guard_free(char *bytes, size_t len)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t span = guard_span(len);

	munmap(bytes + len + page - span, span);
}

struct vector_file {
	FILE *file;
	char *line;
	size_t size;
};

struct vector_file *
vector_open(const char *name)
{
	struct vector_file *v = calloc(1, sizeof(*v));
	char path[256];

	snprintf(path, sizeof(path), "tests/vectors/%s", name);
	if (v == NULL || (v->file = fopen(path, "r")) == NULL ||
	    getline(&v->line, &v->size, v->file) < 0) {
		printf("Bail out! cannot read %s\n", path);
		exit(1);
	}
	return v;
}

bool
vector_next(struct vector_file *v, char **fields, size_t count)
{
	char *rest;

	if (getline(&v->line, &v->size, v->file) < 0)
		return false;
	v->line[strcspn(v->line, "\n")] = '\0';
	rest = v->line;
	for (size_t i = 0; i < count; i++) {
		static char empty[1];
		char *field = strsep(&rest, "\t");

		fields[i] = field != NULL ? field : empty;
	}
	return true;
}

void
vector_close(struct vector_file *v)
{
	fclose(v->file);
	free(v->line);
	free(v);
}

static int
hex_value(char c)
{
	const char *digits = "0123456789abcdef";
	const char *at = c != '\0' ? strchr(digits, c | 0x20) : NULL;

	return at != NULL ? (int)(at - digits) : -1;
}

size_t
vector_unescape(char *text)
{
	char *to = text;

	for (const char *from = text; *from != '\0'; from++) {
		if (*from != '\\' || from[1] == '\0') {
			*to++ = *from;
			continue;
		}
		from++;
		if (*from == 'x' && hex_value(from[1]) >= 0 &&
		    hex_value(from[2]) >= 0) {
			*to++ = (char)(hex_value(from[1]) * 16 +
			    hex_value(from[2]));
			from += 2;
		} else {
			*to++ = (char)(*from == 'n' ? '\n'
				: *from == 'r'      ? '\r'
				: *from == 't'      ? '\t'
						    : *from);
		}
	}
	*to = '\0';
	return (size_t)(to - text);
}

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

void
tap_remove(const char *top)
{
	(void)nftw(top, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}
