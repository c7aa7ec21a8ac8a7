/* SPDX-License-Identifier: ISC */
#include "report/message.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cursor.h"
#include "report/gzip.h"
#include "report/mime.h"
#include "report/report.h"

struct walk {
	const struct sts_message_sink *sink;
	unsigned parts, found;
	size_t room; /* for what is unpacked */
};

static const char no_room[] =
    "the mail has more than 32 MiB when it is unpacked";

static void
found_fault(struct walk *walk, const char *reason)
{
	walk->found++;
	walk->sink->fault(walk->sink->arg, reason);
}

/* NULL, or why not.  Beyond its bound nothing more of the mail is unpacked. */
static const char *
unpack(struct walk *walk, struct sts_span bytes, char **json, size_t *len)
{
	bool all = walk->room > STS_REPORT_JSON_MAX;
	size_t max = all ? STS_REPORT_JSON_MAX : walk->room;
	const char *wrong;

	if (walk->room == 0)
		return no_room;
	wrong = sts_gzip_unpack(bytes.p, bytes.len, max, json, len);
	if (wrong == sts_gzip_too_large) {
		walk->room -= max;
		return all ? wrong : no_room;
	}
	walk->room -= *len;
	return wrong;
}

/* A report, compressed or not. */
static void
found_bytes(struct walk *walk, const char *bytes, size_t len)
{
	struct sts_span packed = {bytes, len};
	char *json;
	size_t json_len;
	const char *wrong;

	if (!sts_gzip_is(bytes, len)) {
		walk->found++;
		walk->sink->json(walk->sink->arg, bytes, len);
		return;
	}
	wrong = unpack(walk, packed, &json, &json_len);
	if (wrong != NULL) {
		found_fault(walk, wrong);
		return;
	}
	walk->found++;
	walk->sink->json(walk->sink->arg, json, json_len);
	free(json);
}

static bool
ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);

	return len >= end_len && strcasecmp(text + len - end_len, end) == 0;
}

static bool
is_one_of(const char *text, const char *const *list)
{
	for (; *list != NULL; list++)
		if (strcmp(text, *list) == 0)
			return true;
	return false;
}

static bool
is_report(const struct sts_mime_entity *entity)
{
	static const char *const always[] = {
	    "application/tlsrpt+gzip", "application/tlsrpt+json", NULL};
	static const char *const unnamed[] = {
	    "application/gzip", "application/x-gzip", "application/json", NULL};

	if (is_one_of(entity->type, always))
		return true;
	if (entity->name[0] == '\0')
		return is_one_of(entity->type, unnamed);
	return ends_with(entity->name, ".json.gz") ||
	    ends_with(entity->name, ".json");
}

/* Multiparts whose parts are read; RFC 8460 5.3 has the first. */
static bool
is_container(const struct sts_mime_entity *entity)
{
	static const char *const types[] = {
	    "multipart/report", "multipart/mixed", "multipart/signed", NULL};

	return is_one_of(entity->type, types);
}

/* A body for the caller to free; false, and the fault is told, without it. */
static bool
decode(struct walk *walk, const struct sts_mime_entity *entity, char **bytes,
    size_t *len)
{
	if (entity->encoding == STS_MIME_UNKNOWN)
		found_fault(walk, "its transfer encoding is not known");
	else if (!sts_mime_decode(entity, bytes, len))
		found_fault(walk, "no memory");
	else
		return true;
	return false;
}

static void
found_part(struct walk *walk, const struct sts_mime_entity *entity)
{
	char *bytes;
	size_t len;

	if (!decode(walk, entity, &bytes, &len))
		return;
	found_bytes(walk, bytes, len);
	free(bytes);
}

static void walk_entity(
    struct walk *walk, const struct sts_mime_entity *entity, unsigned depth);

/* A part, or a mail inside a mail. */
static void
walk_bytes(struct walk *walk, struct sts_span bytes, unsigned depth)
{
	struct sts_mime_entity entity;

	if (depth > STS_MESSAGE_DEPTH_MAX) {
		found_fault(walk, "has too many multiparts in each other");
		return;
	}
	sts_mime_parse(&entity, bytes);
	walk_entity(walk, &entity, depth);
}

static void
walk_parts(
    struct walk *walk, const struct sts_mime_entity *entity, unsigned depth)
{
	struct sts_cursor rest =
	    sts_cursor_make(entity->body.p, entity->body.len);
	struct sts_span part;

	while (sts_mime_next_part(entity, &rest, &part)) {
		if (++walk->parts > STS_MESSAGE_PARTS_MAX) {
			if (walk->parts == STS_MESSAGE_PARTS_MAX + 1)
				found_fault(walk, "has too many parts");
			return;
		}
		walk_bytes(walk, part, depth + 1);
	}
}

static void
walk_forwarded(
    struct walk *walk, const struct sts_mime_entity *entity, unsigned depth)
{
	char *bytes;
	size_t len;

	if (entity->encoding == STS_MIME_PLAIN) {
		walk_bytes(walk, entity->body, depth + 1);
		return;
	}
	if (entity->body.len > walk->room) {
		walk->room = 0;
		found_fault(walk, no_room);
		return;
	}
	if (!decode(walk, entity, &bytes, &len))
		return;
	walk->room -= len;
	walk_bytes(walk, (struct sts_span){bytes, len}, depth + 1);
	free(bytes);
}

static void
walk_entity(
    struct walk *walk, const struct sts_mime_entity *entity, unsigned depth)
{
	if (is_container(entity))
		walk_parts(walk, entity, depth);
	else if (strcmp(entity->type, "message/rfc822") == 0)
		walk_forwarded(walk, entity, depth);
	else if (is_report(entity))
		found_part(walk, entity);
}

/* Skips a byte order mark, which sts_report_parse accepts, and blanks. */
static bool
begins_json(const char *bytes, size_t len)
{
	struct sts_cursor c = sts_cursor_make(bytes, len);

	(void)sts_cursor_literal(&c, "\xef\xbb\xbf");
	while (sts_cursor_blanks(&c) || sts_cursor_byte(&c, '\n') ||
	    sts_cursor_byte(&c, '\r')) {
	}
	return sts_cursor_byte(&c, '{') || sts_cursor_byte(&c, '[');
}

static const char *
read_mail(struct walk *walk, struct sts_span bytes)
{
	struct sts_mime_entity entity;

	sts_mime_parse(&entity, bytes);
	if (!entity.has_fields)
		return "is neither a report nor a mail";
	walk_entity(walk, &entity, 0);
	if (walk->found > 0)
		return NULL;
	if (is_container(&entity))
		return "is a mail without a report";
	if (strncmp(entity.type, "multipart/", 10) == 0)
		return "is a mail without a report: reports are in "
		       "multipart/report";
	return "is a mail without a report";
}

const char *
sts_message_read(
    const char *bytes, size_t len, const struct sts_message_sink *sink)
{
	struct walk walk = {sink, 0, 0, STS_MESSAGE_UNPACKED_MAX};

	if (len == 0)
		return "is empty";
	if (sts_gzip_is(bytes, len) || begins_json(bytes, len)) {
		found_bytes(&walk, bytes, len);
		return NULL;
	}
	return read_mail(&walk, (struct sts_span){bytes, len});
}
