/* SPDX-License-Identifier: ISC */
#include "exim/enable/exim_lines.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static size_t
blanks(const char *p, size_t len)
{
	size_t n = 0;

	while (n < len && (p[n] == ' ' || p[n] == '\t'))
		n++;
	return n;
}

/* The length of a name at p. */
static size_t
name_length(const char *p, size_t len)
{
	size_t n = 0;

	while (n < len && (isalnum((unsigned char)p[n]) || p[n] == '_'))
		n++;
	return n;
}

/* The text of a line behind its blanks. */
static size_t
body(const struct sts_exim_line *line, const char **p)
{
	size_t skip = blanks(line->p, line->len);

	*p = line->p + skip;
	return line->len - skip;
}

static bool
starts(const char *p, size_t len, const char *word)
{
	size_t n = strlen(word);

	return len >= n && strncmp(p, word, n) == 0 &&
	    (len == n || isspace((unsigned char)p[n]));
}

static enum sts_section
section_of(const char *p, size_t len)
{
	static const struct {
		const char *name;
		enum sts_section section;
	} known[] = {{"routers", STS_SECTION_ROUTERS},
	    {"transports", STS_SECTION_TRANSPORTS},
	    {"retry", STS_SECTION_RETRY}};
	size_t skip = strlen("begin");

	skip += blanks(p + skip, len - skip);
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (starts(p + skip, len - skip, known[i].name))
			return known[i].section;
	}
	return STS_SECTION_OTHER;
}

/* "name:", as no option or condition begins. */
static bool
is_label(const char *p, size_t len)
{
	size_t n = name_length(p, len);
	size_t skip = n + blanks(p + n, len - n);

	return n > 0 && skip < len && p[skip] == ':';
}

static bool
ends_with_backslash(const struct sts_exim_line *line)
{
	size_t len = line->len;

	while (len > 0 && isspace((unsigned char)line->p[len - 1]))
		len--;
	return len > 0 && line->p[len - 1] == '\\';
}

/* What a reader of the file has met so far. */
struct reading {
	enum sts_section section;
	unsigned depth;
	bool continued;
};

static void
read_control(struct reading *r, const char *p, size_t len)
{
	if (starts(p, len, ".ifdef") || starts(p, len, ".ifndef"))
		r->depth++;
	else if (starts(p, len, ".endif") && r->depth > 0)
		r->depth--;
}

static void
read_line(struct reading *r, struct sts_exim_line *line)
{
	const char *p;
	size_t len = body(line, &p);

	line->depth = r->depth;
	line->continued = r->continued;
	line->is_comment = len == 0 || *p == '#' || *p == '\r';
	/* A comment within a continued line does not end it. */
	if (!line->is_comment || !r->continued)
		r->continued = !line->is_comment && ends_with_backslash(line);
	if (!line->continued && !line->is_comment) {
		line->is_begin = starts(p, len, "begin");
		line->is_control = *p == '.';
		line->is_label = is_label(p, len);
		if (line->is_begin)
			r->section = section_of(p, len);
		if (line->is_control)
			read_control(r, p, len);
	}
	line->section = r->section;
}

bool
sts_exim_lines_cut(struct sts_exim_lines *lines, const char *text, size_t len)
{
	struct reading r = {.section = STS_SECTION_MAIN};
	size_t count = 1;

	for (size_t i = 0; i < len; i++)
		count += text[i] == '\n';
	lines->count = 0;
	lines->line = calloc(count, sizeof(*lines->line));
	if (lines->line == NULL)
		return false;
	while (len > 0) {
		const char *end = memchr(text, '\n', len);
		size_t n = end != NULL ? (size_t)(end - text) : len;
		struct sts_exim_line *line = &lines->line[lines->count++];

		line->p = text;
		line->len = n;
		read_line(&r, line);
		n += end != NULL;
		text += n;
		len -= n;
	}
	return true;
}

void
sts_exim_lines_free(struct sts_exim_lines *lines)
{
	free(lines->line);
	lines->line = NULL;
	lines->count = 0;
}

bool
sts_exim_next_driver(const struct sts_exim_lines *lines,
    enum sts_section section, size_t *at, struct sts_exim_span *span)
{
	size_t i = *at;

	while (i < lines->count &&
	    (lines->line[i].section != section || !lines->line[i].is_label))
		i++;
	if (i == lines->count)
		return false;
	span->from = i++;
	while (i < lines->count && lines->line[i].section == section &&
	    !lines->line[i].is_label && !lines->line[i].is_begin)
		i++;
	span->to = *at = i;
	return true;
}

void
sts_exim_driver_name(const struct sts_exim_lines *lines,
    const struct sts_exim_span *span, char *buf, size_t size)
{
	const char *p;
	size_t len = body(&lines->line[span->from], &p);
	size_t n = name_length(p, len);

	if (n >= size)
		n = size - 1;
	memcpy(buf, p, n);
	buf[n] = '\0';
}

bool
sts_exim_find_driver(const struct sts_exim_lines *lines,
    enum sts_section section, const char *name, struct sts_exim_span *span)
{
	char has[128];
	size_t at = 0;

	while (sts_exim_next_driver(lines, section, &at, span)) {
		sts_exim_driver_name(lines, span, has, sizeof(has));
		if (strcmp(has, name) == 0)
			return true;
	}
	return false;
}

bool
sts_exim_is_option(const struct sts_exim_line *line, const char *name)
{
	const char *p;
	size_t len = body(line, &p), n = strlen(name);

	if (line->continued || line->is_comment || line->is_control ||
	    line->is_label)
		return false;
	if (len > 3 && strncmp(p, "no_", 3) == 0 && strncmp(name, "no_", 3)) {
		p += 3;
		len -= 3;
	}
	return name_length(p, len) == n && strncmp(p, name, n) == 0;
}

/* Appends a line's text, without its backslash; false if it does not fit. */
static bool
join(char *buf, size_t size, size_t *used, const char *p, size_t len)
{
	while (len > 0 && isspace((unsigned char)p[len - 1]))
		len--;
	if (len > 0 && p[len - 1] == '\\')
		len--;
	if (*used + len >= size)
		return false;
	memcpy(buf + *used, p, len);
	*used += len;
	buf[*used] = '\0';
	return true;
}

/* The value that begins in that line. */
static bool
value_at(const struct sts_exim_lines *lines, size_t at, size_t name_len,
    char *buf, size_t size)
{
	const char *p;
	size_t len = body(&lines->line[at], &p), used = 0;
	size_t skip = name_len + blanks(p + name_len, len - name_len);

	buf[0] = '\0';
	if (skip == len || p[skip] != '=')
		return true;
	skip++;
	skip += blanks(p + skip, len - skip);
	if (!join(buf, size, &used, p + skip, len - skip))
		return false;
	for (size_t i = at + 1; i < lines->count && lines->line[i].continued;
	     i++) {
		len = body(&lines->line[i], &p);
		if (!lines->line[i].is_comment &&
		    !join(buf, size, &used, p, len))
			return false;
	}
	return true;
}

bool
sts_exim_option(const struct sts_exim_lines *lines,
    const struct sts_exim_span *span, const char *name, char *buf, size_t size,
    size_t *line)
{
	for (size_t i = span->from + 1; i < span->to; i++) {
		if (!sts_exim_is_option(&lines->line[i], name))
			continue;
		if (line != NULL)
			*line = i;
		return value_at(lines, i, strlen(name), buf, size);
	}
	return false;
}

bool
sts_exim_has_domainlist(const struct sts_exim_lines *lines, const char *name)
{
	for (size_t i = 0; i < lines->count; i++) {
		const char *p;
		size_t len = body(&lines->line[i], &p);

		if (lines->line[i].section != STS_SECTION_MAIN ||
		    lines->line[i].continued || !starts(p, len, "domainlist"))
			continue;
		p += strlen("domainlist");
		len -= strlen("domainlist");
		p += blanks(p, len);
		if (strncmp(p, name, strlen(name)) == 0 &&
		    !isalnum((unsigned char)p[strlen(name)]) &&
		    p[strlen(name)] != '_')
			return true;
	}
	return false;
}

size_t
sts_exim_begin(const struct sts_exim_lines *lines, enum sts_section section)
{
	size_t i = 0;

	while (i < lines->count &&
	    (!lines->line[i].is_begin ||
		(section != STS_SECTION_OTHER &&
		    lines->line[i].section != section)))
		i++;
	return i;
}
