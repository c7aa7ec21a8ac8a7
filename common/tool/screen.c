/* SPDX-License-Identifier: ISC */
#include "tool/screen.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/escape.h"

enum { WIDTH_USUAL = 80, WIDTH_MIN = 40, WIDTH_MAX = 120 };

static size_t
width_of(int fd)
{
	struct winsize size;

	if (ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
		return WIDTH_USUAL;
	if (size.ws_col < WIDTH_MIN)
		return WIDTH_MIN;
	return size.ws_col > WIDTH_MAX ? WIDTH_MAX : size.ws_col;
}

void
sts_screen_open(struct sts_screen *s, FILE *out)
{
	const char *terminal = getenv("TERM"), *no = getenv("NO_COLOR");
	int fd = out == stdout ? STDOUT_FILENO : -1;

	*s = (struct sts_screen){.out = out};
	if (fd < 0 || !isatty(fd))
		return;
	s->width = width_of(fd);
	s->coloured = terminal != NULL && strcmp(terminal, "dumb") != 0 &&
	    (no == NULL || no[0] == '\0');
}

static void
set_colour(const struct sts_screen *s, enum sts_colour colour)
{
	static const char *const codes[] = {[STS_COLOUR_NONE] = "\033[0m",
	    [STS_COLOUR_GOOD] = "\033[32m",
	    [STS_COLOUR_WARNING] = "\033[33m",
	    [STS_COLOUR_BAD] = "\033[31m"};

	if (s->coloured)
		(void)fputs(codes[colour], s->out);
}

/* The bytes of the next line: whole words, or what fits of a longer one. */
static size_t
line_length(const char *text, size_t room)
{
	size_t len = strlen(text), cut = room;

	if (room == 0 || len <= room)
		return len;
	while (cut > 0 && text[cut] != ' ')
		cut--;
	return cut > 0 ? cut : room;
}

void
sts_screen_write(struct sts_screen *s, enum sts_colour colour, const char *head,
    size_t indent, const char *text)
{
	size_t used = strlen(head) + 1;
	char *shown = sts_escape(text, strlen(text));
	const char *at = shown != NULL ? shown : "";
	bool first = true;

	if (used < indent)
		used = indent;
	if (colour != STS_COLOUR_NONE)
		set_colour(s, colour);
	(void)fputs(head, s->out);
	if (colour != STS_COLOUR_NONE)
		set_colour(s, STS_COLOUR_NONE);
	(void)fprintf(s->out, "%*s", (int)(used - strlen(head)), "");
	while (first || *at != '\0') {
		size_t len =
		    line_length(at, s->width > used + 8 ? s->width - used : 0);

		if (!first)
			(void)fprintf(s->out, "%*s", (int)used, "");
		(void)fprintf(s->out, "%.*s\n", (int)len, at);
		at += len;
		at += strspn(at, " ");
		first = false;
	}
	free(shown);
}
