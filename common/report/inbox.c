/* SPDX-License-Identifier: ISC */
#include "report/inbox.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "report/message.h"

enum { FIRST_SIZE = 64 * 1024 };

/* The file being read, and its current mail as far as it was read. */
struct source {
	const struct sts_inbox_sink *sink;
	const char *name;
	unsigned mail; /* 0: no mbox */
	char *bytes;
	size_t used, size;
	const char *wrong; /* why the mail was dropped, or NULL */
};

/* "FILE" or "FILE, mail 3"; a new string, or NULL. */
static char *
where(const struct source *source)
{
	char *text = NULL;

	if (source->mail == 0)
		return strdup(source->name);
	if (asprintf(&text, "%s, mail %u", source->name, source->mail) < 0)
		return NULL;
	return text;
}

static void
say(const struct source *source,
    void (*what)(void *arg, const char *where, const char *reason),
    const char *reason)
{
	char *text = where(source);

	what(source->sink->arg, text != NULL ? text : source->name, reason);
	free(text);
}

static void
on_json(void *arg, const char *json, size_t len)
{
	const struct source *source = arg;
	char *text = where(source);

	source->sink->json(
	    source->sink->arg, text != NULL ? text : source->name, json, len);
	free(text);
}

static void
on_fault(void *arg, const char *reason)
{
	const struct source *source = arg;

	say(source, source->sink->fault, reason);
}

/* Ends a mail, or the file. */
static void
end_mail(struct source *source)
{
	const struct sts_message_sink sink = {on_json, on_fault, source};
	const char *none;

	if (source->wrong != NULL) {
		say(source, source->sink->fault, source->wrong);
	} else {
		none = sts_message_read(
		    source->used > 0 ? source->bytes : "", source->used, &sink);
		if (none != NULL)
			say(source, source->sink->none, none);
	}
	source->wrong = NULL;
	source->used = 0;
}

static void
add_byte(struct source *source, char byte)
{
	size_t size = source->size == 0 ? FIRST_SIZE : source->size * 2;
	char *more;

	if (source->wrong != NULL)
		return;
	if (source->used == STS_MESSAGE_MAX) {
		source->wrong = "has more than 32 MiB";
		return;
	}
	if (source->used == source->size) {
		if ((more = realloc(source->bytes, size)) == NULL) {
			source->wrong = "no memory";
			return;
		}
		source->bytes = more;
		source->size = size;
	}
	source->bytes[source->used++] = byte;
}

/* A mail of an mbox begins with "From " after an empty line (RFC 4155). */
struct mbox {
	unsigned matched;  /* bytes of "From " at the beginning of a line */
	unsigned newlines; /* line breaks just before, 2 at most */
	bool in_line;      /* this line does not begin a mail */
};

static const char from_line[] = "From ";

/* A byte of an mbox; true if it completes the "From " of a mail. */
static bool
mbox_byte(struct mbox *mbox, char byte)
{
	if (byte == '\n') {
		mbox->newlines += mbox->newlines < 2;
		mbox->matched = 0;
		mbox->in_line = false;
		return false;
	}
	if (byte == '\r' && mbox->matched == 0 && !mbox->in_line)
		return false;
	if (!mbox->in_line && mbox->newlines == 2 &&
	    byte == from_line[mbox->matched]) {
		if (++mbox->matched < sizeof(from_line) - 1)
			return false;
		mbox->in_line = true;
		mbox->newlines = 0;
		return true;
	}
	mbox->in_line = true;
	mbox->newlines = 0;
	return false;
}

/* Ends the mail before the "From " just read, which is kept. */
static void
next_mail(struct source *source)
{
	size_t len = sizeof(from_line) - 1;

	if (source->wrong == NULL)
		source->used -= len;
	end_mail(source);
	source->mail++;
	for (size_t i = 0; i < len; i++)
		add_byte(source, from_line[i]);
}

static void
read_stream(struct source *source, FILE *in)
{
	struct mbox mbox = {.newlines = 2};
	int byte;

	while ((byte = getc_unlocked(in)) != EOF) {
		add_byte(source, (char)byte);
		if (!mbox_byte(&mbox, (char)byte))
			continue;
		if (source->mail > 0)
			next_mail(source);
		else if (source->used == sizeof(from_line) - 1)
			source->mail = 1;
	}
	if (ferror(in))
		source->wrong = strerror(errno);
	end_mail(source);
	free(source->bytes);
}

void
sts_inbox_read_file(const char *path, int fd, const struct sts_inbox_sink *sink)
{
	struct source source = {.sink = sink, .name = path};
	FILE *in = fdopen(fd, "r");

	if (in == NULL) {
		(void)close(fd);
		sink->fault(sink->arg, path, "no memory");
		return;
	}
	read_stream(&source, in);
	(void)fclose(in);
}

void
sts_inbox_read_input(const struct sts_inbox_sink *sink)
{
	struct source source = {.sink = sink, .name = "standard input"};

	read_stream(&source, stdin);
}

static void
on_file(void *arg, const char *path, int fd)
{
	sts_inbox_read_file(path, fd, arg);
}

static void
on_unreadable(void *arg, const char *path, const char *reason)
{
	const struct sts_inbox_sink *sink = arg;

	sink->fault(sink->arg, path, reason);
}

void
sts_inbox_read(const char *path, struct sts_inbox_sink *sink)
{
	const struct sts_inbox_visitor visitor = {on_file, on_unreadable, sink};

	if (strcmp(path, "-") == 0)
		sts_inbox_read_input(sink);
	else
		sts_inbox_walk(path, &visitor);
}
