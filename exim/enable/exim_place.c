/* SPDX-License-Identifier: ISC */
#include "exim/enable/exim_place.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exim/check/exim.h"
#include "exim/enable/exim_lines.h"
#include "exim/enable/exim_options.h"

#define INCLUDE ".include_if_exists " STS_EXAMPLE_DIR "/exim/include/"
#define GUIDE   "place the four lines by hand: 3b in the guide, exim.md"
#define NOTE \
	"# MTA-STS: by \"mta-sts enable exim\"; \"disable\" takes it out.\n"

enum { VALUE_BYTES = 2048 };

/* What is known of the file, and where something goes. */
struct plan {
	struct sts_place *place;
	struct sts_exim_lines lines;
	struct sts_exim_span router, transport;
	char domains[VALUE_BYTES];
	char barred[VALUE_BYTES];    /* addresses, or "" */
	char interface[VALUE_BYTES]; /* or "" */
	/* Numbers of the lines before which something is put. */
	size_t main, routers, transports, retry;
};

static enum sts_place_result cannot(struct plan *p, const char *fix,
    const char *format, ...) __attribute__((format(printf, 3, 4)));

static enum sts_place_result
cannot(struct plan *p, const char *fix, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(
	    p->place->reason, sizeof(p->place->reason), format, args);
	va_end(args);
	(void)snprintf(p->place->fix, sizeof(p->place->fix), "%s", fix);
	return STS_PLACE_CANNOT;
}

/* True if a line that is no comment has that text. */
static bool
mentions(const struct sts_exim_lines *lines, const char *what)
{
	for (size_t i = 0; i < lines->count; i++) {
		const struct sts_exim_line *line = &lines->line[i];

		if (!line->is_comment && line->len > 0 &&
		    memmem(line->p, line->len, what, strlen(what)) != NULL)
			return true;
	}
	return false;
}

/* True for a boolean option that is on: "NAME", and not "no_NAME". */
static bool
is_on(const struct plan *p, const struct sts_exim_span *span, const char *name)
{
	char value[VALUE_BYTES];
	const char *at;
	size_t line;

	if (!sts_exim_option(
		&p->lines, span, name, value, sizeof(value), &line) ||
	    strcmp(value, "false") == 0 || strcmp(value, "no") == 0)
		return false;
	at = memmem(
	    p->lines.line[line].p, p->lines.line[line].len, name, strlen(name));
	return at == p->lines.line[line].p || at[-1] != '_';
}

/* True for a router that looks up the MX hosts of every remote domain. */
static bool
is_remote(const struct plan *p, const struct sts_exim_span *span)
{
	char value[VALUE_BYTES];
	const struct sts_exim_lines *lines = &p->lines;

	if (!sts_exim_option(
		lines, span, "driver", value, sizeof(value), NULL) ||
	    strcmp(value, "dnslookup") != 0)
		return false;
	if (!sts_exim_option(
		lines, span, "transport", value, sizeof(value), NULL) ||
	    is_on(p, span, "verify_only"))
		return false;
	if (!sts_exim_option(
		lines, span, "domains", value, sizeof(value), NULL))
		return true;
	return sts_exim_list_is_open(value);
}

/* True if the list has "+NAME" in it. */
static bool
has_list(const char *domains, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = domains; (at = strstr(at, name)) != NULL;
	     at += len) {
		if (at > domains && at[-1] == '+' && at[len] != '_' &&
		    !isalnum((unsigned char)at[len]))
			return true;
	}
	return false;
}

/* True for a list of nothing but domains for which our routers do nothing. */
static bool
is_own(const char *domains)
{
	static const char *const own[] = {
	    "local_domains", "relay_to_domains", "relay_domains"};

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		if (domains[0] == '+' && strcmp(domains + 1, own[i]) == 0)
			return true;
	}
	return false;
}

/* True for a router that a remote address may pass without a loss. */
static bool
is_passable(const struct plan *p, const struct sts_exim_span *span)
{
	char value[VALUE_BYTES];

	return is_on(p, span, "verify_only") ||
	    (sts_exim_option(
		 &p->lines, span, "domains", value, sizeof(value), NULL) &&
		is_own(value));
}

/* Options of a router that mail taken by ours will not meet. */
static void
note_lost(struct plan *p, const struct sts_exim_span *span)
{
	static const char *const names[] = {"condition", "senders",
	    "local_parts", "require_files", "headers_add", "headers_remove",
	    "errors_to", "unseen"};
	char *lost = p->place->lost;
	size_t size = sizeof(p->place->lost);

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char value[4];
		size_t line = SIZE_MAX;

		(void)sts_exim_option(
		    &p->lines, span, names[i], value, sizeof(value), &line);
		if (line == SIZE_MAX || strstr(lost, names[i]) != NULL)
			continue;
		if (lost[0] != '\0')
			(void)strlcat(lost, ", ", size);
		(void)strlcat(lost, names[i], size);
	}
}

/* What is remembered of the routers so far. */
struct search {
	unsigned found;    /* that look up MX hosts */
	char between[128]; /* that routes otherwise, behind the first, or "" */
};

/* One router that looks up the MX hosts: the first, or one more. */
static enum sts_place_result
take_router(struct plan *p, const struct sts_exim_span *span,
    const struct search *search)
{
	struct sts_place *place = p->place;
	char transport[128], name[128];

	sts_exim_driver_name(&p->lines, span, name, sizeof(name));
	note_lost(p, span);
	if (!sts_exim_option(&p->lines, span, "transport", transport,
		sizeof(transport), NULL))
		return cannot(
		    p, GUIDE, "the transport of router %s is too long", name);
	if (search->found == 0) {
		p->router = *span;
		(void)snprintf(
		    place->router, sizeof(place->router), "%s", name);
		(void)snprintf(place->transport, sizeof(place->transport), "%s",
		    transport);
	} else if (search->between[0] != '\0')
		return cannot(p,
		    "where it may, move it before the first of them; else "
		    "place the four lines by hand: 3b in the guide, exim.md",
		    "routers %s and %s both look up MX hosts, and %s stands "
		    "between them: mail to enforced domains would pass it by",
		    place->router, name, search->between);
	else if (strcmp(transport, place->transport) != 0)
		(void)snprintf(place->other, sizeof(place->other), "%s", name);
	return STS_PLACE_OK;
}

/*
 * The first such router, and another one with another transport.  Ours come
 * before the first, since it would take mail to enforced domains; so no router
 * that an operator's mail may take instead must stand before the last.
 */
static enum sts_place_result
find_router(struct plan *p)
{
	struct search search = {0};
	struct sts_exim_span span;
	size_t at = 0;

	while (
	    sts_exim_next_driver(&p->lines, STS_SECTION_ROUTERS, &at, &span)) {
		enum sts_place_result result = STS_PLACE_OK;

		if (is_remote(p, &span)) {
			result = take_router(p, &span, &search);
			search.found++;
		} else if (search.found > 0 && search.between[0] == '\0' &&
		    !is_passable(p, &span))
			sts_exim_driver_name(&p->lines, &span, search.between,
			    sizeof(search.between));
		if (result != STS_PLACE_OK)
			return result;
	}
	return search.found > 0
	    ? STS_PLACE_OK
	    : cannot(p, GUIDE,
		  "there is no router in it that looks up the MX hosts "
		  "of remote domains (driver = dnslookup); one in a "
		  "file that it includes is not found");
}

/*
 * Takes out domains that this host is a backup MX for: it would not find
 * itself.  They come first, for an item before them might match.
 */
static enum sts_place_result
exclude(struct plan *p, const char *list)
{
	char domains[VALUE_BYTES];

	if (!sts_exim_has_domainlist(&p->lines, list) ||
	    has_list(p->domains, list))
		return STS_PLACE_OK;
	if (p->domains[0] == '<' ||
	    snprintf(domains, sizeof(domains), "! +%s : %s", list,
		p->domains) >= (int)sizeof(domains))
		return cannot(p, GUIDE,
		    "the domains of router %s, to which \"! +%s\" belongs, are "
		    "too many or have a separator of their own",
		    p->place->router, list);
	memcpy(p->domains, domains, sizeof(domains));
	return STS_PLACE_OK;
}

/*
 * Which of two values in a condition (.ifdef) counts is Exim's to know. Options
 * in the condition that the whole router is in do not differ from it.
 */
static enum sts_place_result
check_depth(struct plan *p)
{
	static const char *const names[] = {
	    "driver", "domains", "transport", "ignore_target_hosts"};
	const struct sts_exim_lines *lines = &p->lines;
	char value[4];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t line = SIZE_MAX;

		(void)sts_exim_option(
		    lines, &p->router, names[i], value, sizeof(value), &line);
		if (line != SIZE_MAX &&
		    lines->line[line].depth !=
			lines->line[p->router.from].depth)
			return cannot(p, GUIDE,
			    "%s of router %s depends on a condition (.ifdef)",
			    names[i], p->place->router);
	}
	return STS_PLACE_OK;
}

/* The domains and addresses of the router, which ours come before. */
static enum sts_place_result
read_router(struct plan *p)
{
	const struct sts_exim_lines *lines = &p->lines;
	enum sts_place_result result;
	size_t line = SIZE_MAX;

	if (!sts_exim_option(lines, &p->router, "domains", p->domains,
		sizeof(p->domains), &line)) {
		if (line != SIZE_MAX)
			return cannot(p, GUIDE,
			    "the domains of router %s are too many",
			    p->place->router);
		if (!sts_exim_has_domainlist(lines, "local_domains"))
			return cannot(p, GUIDE,
			    "router %s has no domains, and there is no "
			    "domainlist local_domains: which domains are your "
			    "own is not known",
			    p->place->router);
		(void)snprintf(
		    p->domains, sizeof(p->domains), "! +local_domains");
	}
	result = exclude(p, "relay_to_domains");
	if (result == STS_PLACE_OK)
		result = exclude(p, "relay_domains");
	if (!sts_exim_option(lines, &p->router, "ignore_target_hosts",
		p->barred, sizeof(p->barred), NULL) ||
	    strchr(p->barred, '$') != NULL)
		p->barred[0] = '\0';
	return result;
}

static enum sts_place_result
read_transport(struct plan *p)
{
	const struct sts_exim_lines *lines = &p->lines;
	const char *name = p->place->transport;
	char value[VALUE_BYTES];
	size_t line;

	if (!sts_exim_find_driver(
		lines, STS_SECTION_TRANSPORTS, name, &p->transport) ||
	    !sts_exim_option(
		lines, &p->transport, "driver", value, sizeof(value), NULL) ||
	    strcmp(value, "smtp") != 0)
		return cannot(p, GUIDE,
		    "transport %s of router %s is not in it, or not of driver "
		    "smtp",
		    name, p->place->router);
	if (sts_exim_option(lines, &p->transport, "event_action", value,
		sizeof(value), NULL))
		return cannot(p, "see \"TLS reports\" in the guide, exim.md",
		    "transport %s has an event_action of its own, with which "
		    "ours has to be joined by hand",
		    name);
	if (!sts_exim_option(lines, &p->transport, "interface", p->interface,
		sizeof(p->interface), &line))
		p->interface[0] = '\0';
	else if (lines->line[line].depth !=
	    lines->line[p->transport.from].depth)
		return cannot(p, GUIDE,
		    "interface of transport %s depends on a condition "
		    "(.ifdef)",
		    name);
	return STS_PLACE_OK;
}

/*
 * From a line up to where no condition is open, and above the comments that
 * belong to it.
 */
static size_t
climb(const struct sts_exim_lines *lines, size_t at)
{
	while (at > 0 && lines->line[at].depth > 0)
		at--;
	while (at > 0 && lines->line[at - 1].is_comment &&
	    !lines->line[at - 1].continued && lines->line[at - 1].len > 0 &&
	    lines->line[at - 1].depth == 0)
		at--;
	return at;
}

static enum sts_place_result
find_places(struct plan *p)
{
	const struct sts_exim_lines *lines = &p->lines;
	size_t routers = sts_exim_begin(lines, STS_SECTION_ROUTERS);

	p->transports = sts_exim_begin(lines, STS_SECTION_TRANSPORTS) + 1;
	p->retry = sts_exim_begin(lines, STS_SECTION_RETRY) + 1;
	if (routers == lines->count || p->transports > lines->count ||
	    p->retry > lines->count)
		return cannot(p, GUIDE,
		    "it has no \"begin %s\": that section may be in a file "
		    "that it includes",
		    routers == lines->count            ? "routers"
			: p->transports > lines->count ? "transports"
						       : "retry");
	p->main = climb(lines, sts_exim_begin(lines, STS_SECTION_OTHER));
	p->routers = climb(lines, p->router.from);
	if (p->routers <= routers)
		return cannot(p, GUIDE,
		    "router %s is in a condition (.ifdef) around the whole "
		    "section",
		    p->place->router);
	return STS_PLACE_OK;
}

static void
write_main(const struct plan *p, FILE *out)
{
	(void)fputs(NOTE, out);
	(void)fprintf(out, "MTA_STS_DOMAINS = %s\n", p->domains);
	if (p->barred[0] != '\0')
		(void)fprintf(out, "MTA_STS_BARRED = %s\n", p->barred);
	if (p->interface[0] != '\0')
		(void)fprintf(out, "MTA_STS_INTERFACE = %s\n", p->interface);
	/* It has a text of its own for bounces; a second one stops Exim. */
	if (mentions(&p->lines, "bounce_message_file"))
		(void)fputs("MTA_STS_OWN_BOUNCE = yes\n", out);
	/* For DANE, which goes before MTA-STS; a second one stops Exim. */
	if (!mentions(&p->lines, "dns_dnssec_ok"))
		(void)fputs("dns_dnssec_ok = 1\n", out);
	(void)fputs(INCLUDE "main\n\n", out);
}

static void
write_text(const struct plan *p, FILE *out)
{
	for (size_t i = 0; i <= p->lines.count; i++) {
		if (i == p->main)
			write_main(p, out);
		if (i == p->routers)
			(void)fputs(NOTE INCLUDE "routers\n\n", out);
		if (i == p->transports)
			(void)fputs(NOTE INCLUDE "transports\n", out);
		if (i == p->retry)
			(void)fputs(NOTE INCLUDE "retry\n", out);
		if (i == p->lines.count)
			break;
		(void)fwrite(p->lines.line[i].p, 1, p->lines.line[i].len, out);
		(void)putc('\n', out);
	}
}

static void
write_options(const struct plan *p, FILE *out)
{
	(void)fprintf(out,
	    "# Options of transport %s, for those of MTA-STS.  Written by\n"
	    "# \"mta-sts enable exim\"; later changes of %s\n"
	    "# belong in here too.\n",
	    p->place->transport, p->place->transport);
	sts_exim_write_options(out, &p->lines, &p->transport);
}

/* What `print` writes, in memory; NULL without. */
static char *
written(const struct plan *p, void (*print)(const struct plan *, FILE *),
    size_t *len)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, len);
	bool fine;

	if (out == NULL)
		return NULL;
	print(p, out);
	fine = ferror(out) == 0;
	if (fclose(out) == 0 && fine)
		return text;
	free(text);
	return NULL;
}

/* Everything that must be known before the text is written. */
static enum sts_place_result
look(struct plan *p)
{
	enum sts_place_result result = find_router(p);

	if (result == STS_PLACE_OK)
		result = check_depth(p);
	if (result == STS_PLACE_OK)
		result = read_router(p);
	if (result == STS_PLACE_OK)
		result = read_transport(p);
	return result == STS_PLACE_OK ? find_places(p) : result;
}

static enum sts_place_result
place(struct plan *p)
{
	enum sts_place_result result;

	if (mentions(&p->lines, "mta_sts_query") ||
	    mentions(&p->lines, "/exim/include/routers"))
		return STS_PLACE_THERE;
	result = look(p);
	if (result != STS_PLACE_OK)
		return result;
	p->place->text = written(p, write_text, &p->place->len);
	p->place->options = written(p, write_options, &p->place->options_len);
	return p->place->text != NULL && p->place->options != NULL
	    ? STS_PLACE_OK
	    : STS_PLACE_NO_MEMORY;
}

enum sts_place_result
sts_place_includes(struct sts_place *to, const char *text, size_t len)
{
	struct plan *p = calloc(1, sizeof(*p));
	enum sts_place_result result = STS_PLACE_NO_MEMORY;

	memset(to, 0, sizeof(*to));
	if (p == NULL)
		return result;
	p->place = to;
	if (sts_exim_lines_cut(&p->lines, text, len))
		result = place(p);
	sts_exim_lines_free(&p->lines);
	free(p);
	return result;
}

void
sts_place_free(struct sts_place *place)
{
	free(place->text);
	free(place->options);
	place->text = place->options = NULL;
}
