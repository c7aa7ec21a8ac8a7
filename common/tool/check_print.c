/* SPDX-License-Identifier: ISC */
/* `mta-sts check DOMAIN` as text. */
#include <stdarg.h>
#include <stdio.h>

#include "publish/publish.h"
#include "tool/check_command.h"
#include "tool/out.h"
#include "tool/screen.h"

enum {
	INDENT = 9, /* "problem: " and what is below it */
	KEY_WIDTH = 16,
	LINE_MAX_BYTES = 1000
};

struct result {
	struct sts_screen screen;
	unsigned count[STS_PUBLISH_PROBLEM + 1]; /* by severity */
};

/* The findings. */

static void
print_finding(void *arg, const struct sts_publish_finding *f)
{
	struct result *r = arg;
	bool bad = f->severity == STS_PUBLISH_PROBLEM;

	r->count[f->severity]++;
	sts_screen_write(&r->screen, bad ? STS_COLOUR_BAD : STS_COLOUR_WARNING,
	    bad ? "problem:" : "remark:", INDENT, f->cause);
	sts_screen_write(
	    &r->screen, STS_COLOUR_GOOD, "    fix:", INDENT, f->fix);
}

static void
print_conclusion(struct result *r)
{
	unsigned problems = r->count[STS_PUBLISH_PROBLEM];
	unsigned remarks = r->count[STS_PUBLISH_REMARK];
	char text[100];

	if (problems + remarks == 0) {
		sts_screen_write(&r->screen, STS_COLOUR_GOOD, "clean:", INDENT,
		    "nothing is wrong with what this domain publishes");
		return;
	}
	(void)snprintf(text, sizeof(text), "%u problem%s, %u remark%s",
	    problems, problems == 1 ? "" : "s", remarks,
	    remarks == 1 ? "" : "s");
	(void)fprintf(r->screen.out, "%s\n", text);
}

/* What was seen, before what is wrong with it. */

/* A line "key: value". */
static void print_line(struct sts_screen *screen, const char *key,
    const char *format, ...) __attribute__((format(printf, 3, 4)));

static void
print_line(struct sts_screen *screen, const char *key, const char *format, ...)
{
	char value[LINE_MAX_BYTES];
	va_list args;

	va_start(args, format);
	if (vsnprintf(value, sizeof(value), format, args) < 0)
		value[0] = '\0';
	va_end(args);
	sts_screen_write(screen, STS_COLOUR_NONE, key, KEY_WIDTH, value);
}

static void
print_record(struct sts_screen *screen, const struct sts_published *p)
{
	char id[STS_ID_MAX + 1];
	enum sts_status status = sts_published_id(p, id);

	if (status == STS_OK)
		print_line(screen, "record:", "id %s", id);
	else
		print_line(screen, "record:", "none: %s (%s)",
		    sts_status_text(status), sts_status_name(status));
}

static void
print_page(struct sts_screen *screen, const struct sts_published *p)
{
	const struct sts_published_page *page = &p->page[STS_URL_POLICY];
	enum sts_status status =
	    page->status != STS_OK ? page->status : page->certificate;

	if (status != STS_OK)
		print_line(screen, "policy host:", "mta-sts.%s: %s (%s)",
		    p->domain, sts_status_text(status),
		    sts_status_name(status));
	else
		print_line(screen, "policy host:",
		    "mta-sts.%s: valid certificate, HTTP status %d", p->domain,
		    page->http);
}

static void
print_policy(struct sts_screen *screen, const struct sts_published *p)
{
	struct sts_policy policy;
	struct sts_mx_walk walk = {0};
	char pattern[STS_PATTERN_MAX + 1], age[STS_AGE_TEXT];

	if (!sts_published_policy(p, &policy)) {
		print_line(screen, "policy:", "none that senders can use");
		return;
	}
	print_line(screen, "policy:", "%s for %s", sts_mode_name(policy.mode),
	    sts_print_span(age, policy.max_age));
	while (sts_policy_mx_next(&policy, &walk, pattern))
		print_line(screen, "permits:", "%s", pattern);
}

static void
print_hosts(struct sts_screen *screen, const struct sts_published *p)
{
	for (size_t i = 0; i < p->mx_count; i++) {
		const struct sts_published_mx *mx = &p->mx[i];
		bool good = mx->probe == STS_OK;

		if (!mx->probed)
			continue;
		print_line(screen, "MX host:", "%lld %s %s: %s%s%s",
		    (long long)mx->preference, mx->host, mx->address,
		    good ? "" : sts_status_text(mx->probe),
		    good ? mx->detail : "", good ? ", valid certificate" : "");
	}
}

static void
print_reports(struct sts_screen *screen, const struct sts_published *p)
{
	struct sts_rua_list list;
	enum sts_status status = sts_published_reports(p, &list);

	if (status != STS_OK)
		print_line(screen, "TLS reports:", "none: %s (%s)",
		    sts_status_text(status), sts_status_name(status));
	for (size_t i = 0; status == STS_OK && i < list.count; i++)
		print_line(screen, "TLS reports:", "%.*s", (int)list.uri[i].len,
		    list.uri[i].p);
}

static void
print_seen(struct sts_screen *screen, const struct sts_published *p)
{
	print_line(screen, "domain:", "%s", p->domain);
	print_record(screen, p);
	print_page(screen, p);
	print_policy(screen, p);
	print_hosts(screen, p);
	print_reports(screen, p);
	(void)putc('\n', screen->out);
}

bool
sts_check_print(FILE *out, const struct sts_published *p)
{
	struct result r = {.count = {0}};

	sts_screen_open(&r.screen, out);
	print_seen(&r.screen, p);
	sts_publish_check(p, print_finding, &r);
	print_conclusion(&r);
	return r.count[STS_PUBLISH_PROBLEM] + r.count[STS_PUBLISH_REMARK] == 0;
}
