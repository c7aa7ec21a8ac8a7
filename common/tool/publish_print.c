/* SPDX-License-Identifier: ISC */
/* What `mta-sts publish` shows. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "core/record.h"
#include "publish/next_step.h"
#include "publish/publish.h"
#include "publish/zone.h"
#include "tool/publish_command.h"
#include "tool/screen.h"

enum { INDENT = 9, HTTP_OK = 200, TEXT_MAX = 6000 };

/* The MX hosts. */

struct findings {
	struct sts_screen screen;
	bool enforce;
};

static void
print_finding(void *arg, const struct sts_publish_finding *f)
{
	struct findings *to = arg;
	bool bad = f->severity == STS_PUBLISH_PROBLEM && to->enforce;

	if (f->part != STS_PART_MX)
		return;
	sts_screen_write(&to->screen, bad ? STS_COLOUR_BAD : STS_COLOUR_WARNING,
	    f->severity != STS_PUBLISH_PROBLEM ? "remark:"
		: to->enforce                  ? "problem:"
					       : "warning:",
	    INDENT, f->cause);
	sts_screen_write(
	    &to->screen, STS_COLOUR_GOOD, "    fix:", INDENT, f->fix);
}

/* As if it were published: the policy host's answer is the new file. */
void
sts_publication_print_findings(const struct sts_publication *p, FILE *out)
{
	char body[STS_DRAFT_BYTES];
	struct findings to = {.enforce = p->draft.mode == STS_MODE_ENFORCE};
	struct sts_published *then = malloc(sizeof(*then));
	struct sts_published_page *page;

	if (then == NULL)
		return;
	memcpy(then, p->seen, sizeof(*then));
	page = &then->page[STS_URL_POLICY];
	page->asked = true;
	page->status = page->certificate = STS_OK;
	page->http = HTTP_OK;
	page->body = body;
	page->body_len = sts_draft_write(&p->draft, body);
	sts_screen_open(&to.screen, out);
	sts_publish_check(then, print_finding, &to);
	free(then); /* what it points to is still p->seen's */
}

static void
print_hosts(const struct sts_publication *p, struct sts_screen *screen)
{
	char text[TEXT_MAX];

	(void)fprintf(screen->out, "MX hosts of %s:\n", p->domain);
	for (size_t i = 0; i < p->seen->mx_count; i++) {
		const struct sts_published_mx *mx = &p->seen->mx[i];
		bool good = mx->probed && mx->probe == STS_OK;

		(void)snprintf(text, sizeof(text), "%s: %s", mx->host,
		    good             ? "STARTTLS with a valid certificate"
			: mx->probed ? sts_status_text(mx->probe)
				     : "was not probed");
		sts_screen_write(screen,
		    good ? STS_COLOUR_GOOD : STS_COLOUR_WARNING,
		    good ? "ok" : "no", 3, text);
	}
	sts_publication_print_findings(p, screen->out);
	(void)putc('\n', screen->out);
}

/* The policy. */

/* A file that is there and says the same keeps its bytes. */
static bool
is_new(const struct sts_publication *p)
{
	return p->is_changed || p->is_written;
}

/* For a terminal: one of the web server's may have any byte. */
static void
print_lines(const struct sts_publication *p, FILE *out)
{
	char body[STS_DRAFT_BYTES];
	size_t len = sts_draft_write(&p->draft, body);
	struct sts_cursor c = sts_cursor_make(body, len);
	struct sts_span line;

	if (!is_new(p))
		c = sts_cursor_make(p->present.body, p->present.body_len);
	while (sts_cursor_line(&c, &line)) {
		sts_escape_write(out, line.p, line.len);
		(void)putc('\n', out);
	}
}

/* The bytes that are, or will be, in the file, where no terminal obeys them. */
static void
print_body(const struct sts_publication *p, FILE *out)
{
	char body[STS_DRAFT_BYTES];
	size_t len = sts_draft_write(&p->draft, body);
	struct sts_screen screen;

	sts_screen_open(&screen, out);
	if (screen.width > 0)
		print_lines(p, out);
	else if (is_new(p))
		(void)fwrite(body, 1, len, out);
	else
		(void)fwrite(p->present.body, 1, p->present.body_len, out);
}

static void
print_policy(const struct sts_publication *p, struct sts_screen *screen)
{
	const char *state = "not written; --write DIR writes it";
	char text[TEXT_MAX];
	size_t lost;

	if (p->is_written)
		state = "written";
	else if (!p->is_changed)
		state = p->has_file ? "unchanged" : "as it is served";
	(void)snprintf(text, sizeof(text),
	    "%s (%s):", p->has_file ? p->file.path : "/.well-known/mta-sts.txt",
	    state);
	sts_screen_write(screen, STS_COLOUR_NONE, "Policy file", 0, text);
	print_lines(p, screen->out);
	lost = p->has_present && p->is_changed
	    ? sts_draft_lost_lines(&p->present)
	    : 0;
	if (lost > 0) {
		(void)snprintf(text, sizeof(text),
		    "%zu line%s of the present file: not taken over, being no "
		    "field of RFC 8461",
		    lost, lost == 1 ? "" : "s");
		sts_screen_write(
		    screen, STS_COLOUR_WARNING, "remark:", INDENT, text);
	}
	(void)putc('\n', screen->out);
}

/* The records. */

bool
sts_publication_is_served(const struct sts_publication *p)
{
	return p->has_served && sts_draft_is(&p->draft, &p->served);
}

bool
sts_publication_has_host(const struct sts_publication *p)
{
	const struct sts_published_page *page = &p->seen->page[STS_URL_POLICY];

	return page->asked && page->status != STS_FETCH_DNS &&
	    page->status != STS_FETCH_NO_ADDRESS;
}

bool
sts_publication_reports(
    const struct sts_publication *p, char *value, bool *there)
{
	const struct sts_published_txt *set = &p->seen->txt[STS_AT_REPORTS];
	struct sts_rua_list list;
	const struct sts_span *one = NULL;

	if (set->asked && set->status == STS_OK &&
	    sts_record_tlsrpt(set->record, set->count, &list) == STS_OK &&
	    list.unusable == 0)
		one = set->count == 1 ? &set->record[0] : NULL;
	*there = one != NULL && one->len <= STS_TLSRPT_MAX &&
	    memchr(one->p, '\0', one->len) == NULL &&
	    (p->reports[0] == '\0' ||
		(strlen(p->reports) == one->len &&
		    memcmp(p->reports, one->p, one->len) == 0));
	if (*there) {
		memcpy(value, one->p, one->len);
		value[one->len] = '\0';
	} else
		memcpy(value, p->reports, sizeof(p->reports));
	return value[0] != '\0';
}

struct zone {
	FILE *out;
	char name[STS_NAME_MAX + 16];
};

static bool
take_host(void *arg, const char *target)
{
	struct zone *zone = arg;

	sts_zone_host(zone->out, zone->name, target);
	return true;
}

static void
print_host(const struct sts_publication *p, FILE *out)
{
	struct zone zone = {.out = out};

	(void)snprintf(zone.name, sizeof(zone.name), "mta-sts.%s", p->domain);
	if (p->tool->args.web_host != NULL)
		(void)sts_publication_each(
		    p->tool->args.web_host, take_host, &zone);
	else if (sts_publication_has_host(p))
		(void)fprintf(out, "; %s. is there already\n", zone.name);
	else
		(void)fprintf(out,
		    "; %s. %d IN CNAME WEB-SERVER.   ; --web-host "
		    "NAME|ADDRESS\n",
		    zone.name, STS_ZONE_TTL);
}

static void
print_reports(const struct sts_publication *p, FILE *out)
{
	char value[STS_TLSRPT_MAX + 1], name[STS_NAME_MAX + 16];
	bool there;

	(void)snprintf(name, sizeof(name), "_smtp._tls.%s", p->domain);
	if (!sts_publication_reports(p, value, &there)) {
		(void)fprintf(out,
		    "; %s. %d IN TXT \"v=TLSRPTv1; rua=mailto:ADDRESS\""
		    "   ; --rua ADDRESS\n",
		    name, STS_ZONE_TTL);
		return;
	}
	if (there)
		(void)fprintf(out, "; there already:\n");
	sts_zone_txt(out, name, value);
}

static void
print_records(const struct sts_publication *p, FILE *out)
{
	char value[STS_ID_MAX + 16], name[STS_NAME_MAX + 16];

	(void)snprintf(name, sizeof(name), "_mta-sts.%s", p->domain);
	(void)snprintf(value, sizeof(value), "v=STSv1; id=%s", p->id);
	if (p->id_is == STS_ID_KEPT)
		(void)fprintf(out, "; there already, for this policy:\n");
	else if (p->id_is == STS_ID_POLICY_CHANGED)
		(void)fprintf(out,
		    "; in place of the one with another id, once the policy "
		    "is served:\n");
	sts_zone_txt(out, name, value);
	print_host(p, out);
	print_reports(p, out);
}

/* What is next. */

struct numbered {
	struct sts_screen *screen;
	unsigned count;
};

static void
print_step(void *arg, const char *text)
{
	struct numbered *list = arg;
	char number[16];

	(void)snprintf(number, sizeof(number), "%u.", ++list->count);
	sts_screen_write(list->screen, STS_COLOUR_NONE, number, 4, text);
}

static void
print_next(const struct sts_publication *p, struct sts_screen *screen)
{
	char options[STS_PUBLISH_PATH + 16] = "", value[STS_TLSRPT_MAX + 1];
	struct numbered list = {screen, 0};
	struct sts_next next = {.domain = p->domain,
	    .draft = &p->draft,
	    .options = options,
	    .is_served = sts_publication_is_served(p),
	    .has_record = p->id_is == STS_ID_KEPT,
	    .has_host = sts_publication_has_host(p),
	    .mx_failed = p->failed > 0,
	    .now = p->tool->now};

	if (p->has_file)
		(void)snprintf(options, sizeof(options), " --write %s",
		    p->tool->args.write);
	(void)sts_publication_reports(p, value, &next.has_reports);
	next.has_old = (p->has_served && !next.is_served) ||
	    (p->has_present && p->is_changed);
	if (next.has_old) {
		const struct sts_policy *old =
		    p->has_served && !next.is_served ? &p->served : &p->present;

		next.old_mode = old->mode;
		next.old_max_age = old->max_age;
	}
	(void)fprintf(screen->out, "Next:\n");
	sts_next_steps(&next, print_step, &list);
}

static void
print_all(const struct sts_publication *p)
{
	struct sts_screen screen;

	sts_screen_open(&screen, p->tool->out);
	print_hosts(p, &screen);
	print_policy(p, &screen);
	(void)fprintf(screen.out, "DNS records, as lines of a zone file:\n");
	print_records(p, screen.out);
	(void)putc('\n', screen.out);
	if (p->has_server) {
		sts_web_server_write(screen.out, p->server, p->domain, p->root);
		(void)putc('\n', screen.out);
	}
	print_next(p, &screen);
}

void
sts_publication_print(const struct sts_publication *p)
{
	FILE *out = p->tool->out;

	if (!p->prints_one) {
		print_all(p);
		return;
	}
	if (p->failed > 0)
		sts_publication_print_findings(p, p->tool->err);
	if (strcmp(p->tool->args.print, "policy") == 0)
		print_body(p, out);
	else if (strcmp(p->tool->args.print, "records") == 0)
		print_records(p, out);
	else
		sts_web_server_write(out, p->server, p->domain, p->root);
}
