/* SPDX-License-Identifier: ISC */
#include "exim/event_args.h"

#include <stddef.h>
#include <string.h>

enum { ARG_NAME, ARG_DATA, ARG_WHERE, ARG_TLS, ARG_COUNTS, ARG_END, ARG_NAMES };

enum { ARGS = ARG_NAMES + 1, DIGITS_MAX = 15 };

static bool
read_kind(const char *name, enum sts_event_kind *kind)
{
	static const struct {
		const char *name;
		enum sts_event_kind kind;
	} kinds[] = {
	    {"smtp:connect", STS_EVENT_CONNECT},
	    {"smtp:ehlo", STS_EVENT_EHLO},
	    {"tls:cert", STS_EVENT_TLS},
	    {"dane:fail", STS_EVENT_DANE},
	    {"tcp:connect", STS_EVENT_END},
	    {"tcp:close", STS_EVENT_CLOSE},
	    {"msg:host:defer", STS_EVENT_DEFER},
	    {"mta-sts:no-mx", STS_EVENT_NO_MX},
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(name, kinds[i].name) == 0) {
			*kind = kinds[i].kind;
			return true;
		}
	}
	*kind = STS_EVENT_END;
	return strncmp(name, "msg:", 4) == 0;
}

/* "-": yes; a path: yes, and that is the configuration file. */
static bool
read_counts(const char *text, struct sts_event *event)
{
	event->config_file = text[0] == '/' ? text : NULL;
	return text[0] == '/' || strcmp(text, "-") == 0;
}

/* One of the words "d=a.example h=mx.example", in their order. */
static bool
next_word(struct sts_cursor *c, const char *key, struct sts_span *out)
{
	if (!sts_cursor_literal(c, key) || !sts_cursor_until(c, ' ', out))
		return false;
	if (sts_span_is(*out, "-"))
		out->len = 0;
	return true;
}

static bool
read_where(const char *text, struct sts_event *e)
{
	struct sts_cursor c = sts_cursor_make(text, strlen(text));

	return next_word(&c, "d=", &e->domain) &&
	    next_word(&c, "h=", &e->host) && next_word(&c, "a=", &e->address) &&
	    next_word(&c, "s=", &e->source) && next_word(&c, "m=", &e->mode);
}

/* Any number but 0: Exim 4.100 says 257 where DANE has verified it. */
static bool
is_set(struct sts_span number)
{
	for (size_t i = 0; i < number.len; i++) {
		if (number.p[i] != '0')
			return true;
	}
	return false;
}

static bool
read_tls(const char *text, struct sts_event *e)
{
	struct sts_cursor c = sts_cursor_make(text, strlen(text));
	struct sts_span cipher, verified, usage;

	if (!next_word(&c, "c=", &cipher) || !next_word(&c, "v=", &verified) ||
	    !next_word(&c, "u=", &usage))
		return false;
	e->encrypted = cipher.len > 0;
	e->verified = is_set(verified);
	e->dane = is_set(usage);
	return true;
}

static void
read_certificate(const char *end, const char *names, struct sts_event *e)
{
	struct sts_cursor c = sts_cursor_make(end, strlen(end));

	e->has_certificate = strcmp(end, "-") != 0;
	e->not_after = 0;
	(void)sts_cursor_number(&c, DIGITS_MAX, &e->not_after);
	e->names = strcmp(names, "-") != 0 ? names : "";
}

bool
sts_event_read(int argc, unsigned char *argv[], struct sts_event *e)
{
	const char *text[ARGS];

	if (argc != ARGS || argv == NULL)
		return false;
	for (int i = 0; i < ARGS; i++) {
		if (argv[i] == NULL)
			return false;
		text[i] = (const char *)argv[i];
	}
	if (!read_kind(text[ARG_NAME], &e->kind) ||
	    !read_counts(text[ARG_COUNTS], e) ||
	    !read_where(text[ARG_WHERE], e) || !read_tls(text[ARG_TLS], e))
		return false;
	e->data = text[ARG_DATA];
	read_certificate(text[ARG_END], text[ARG_NAMES], e);
	return true;
}

bool
sts_event_is_tls_error(const struct sts_event *event)
{
	static const char words[] = "TLS session: ";

	return event->kind == STS_EVENT_DEFER &&
	    strncmp(event->data, words, sizeof(words) - 1) == 0;
}
