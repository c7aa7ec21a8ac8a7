/* SPDX-License-Identifier: ISC */
#include "tool/exchange.h"

#include <stdlib.h>
#include <string.h>

#include "core/domain.h"
#include "core/policy.h"

void
sts_exchange_print(FILE *out, const struct sts_entry *e)
{
	struct sts_mx_walk walk = {0};
	char pattern[STS_PATTERN_MAX + 1];
	const char *before = " mx=";

	(void)fprintf(out, "%s id=%s fetched=%lld.%06lld mode=%s max_age=%lld",
	    e->domain, e->id, (long long)e->stored, (long long)e->fetched_us,
	    sts_mode_name(e->policy.mode), (long long)e->policy.max_age);
	while (sts_policy_mx_next(&e->policy, &walk, pattern)) {
		(void)fprintf(out, "%s%s", before, pattern);
		before = ",";
	}
	(void)putc('\n', out);
}

/* The fields of a line, not yet checked but for the form of numbers. */
struct fields {
	char domain[STS_NAME_MAX + 1];
	char id[STS_ID_MAX + 1];
	int64_t fetched, fetched_us;
	char mode[16];
	int64_t max_age;
	struct sts_span mx;
};

static bool
word(struct sts_cursor *c, const char *key, char *out, size_t size)
{
	struct sts_span value;

	return sts_cursor_literal(c, key) && sts_cursor_until(c, ' ', &value) &&
	    sts_span_copy(value, out, size);
}

static bool
split(struct sts_span line, struct fields *f)
{
	struct sts_cursor c = sts_cursor_make(line.p, line.len);

	if (!word(&c, "", f->domain, sizeof(f->domain)) ||
	    !word(&c, "id=", f->id, sizeof(f->id)) ||
	    !sts_cursor_literal(&c, "fetched=") ||
	    !sts_cursor_number(&c, 12, &f->fetched) ||
	    !sts_cursor_byte(&c, '.') ||
	    !sts_cursor_number(&c, 6, &f->fetched_us) ||
	    !sts_cursor_byte(&c, ' ') ||
	    !word(&c, "mode=", f->mode, sizeof(f->mode)) ||
	    !sts_cursor_literal(&c, "max_age=") ||
	    !sts_cursor_number(&c, 10, &f->max_age) ||
	    !sts_cursor_byte(&c, ' ') || !sts_cursor_literal(&c, "mx="))
		return false;
	f->mx = (struct sts_span){c.p, sts_cursor_left(&c)};
	return true;
}

static bool
is_id(const char *id)
{
	for (; *id != '\0'; id++)
		if (!sts_is_alnum((unsigned char)*id))
			return false;
	return true;
}

/*
 * What the fields say, as a policy file of RFC 8461 3.2 that the parser then
 * reads: it alone decides what a policy is.
 */
static char *
render(const struct fields *f, size_t *len)
{
	/* Each pattern becomes "mx: " and a line feed, for its comma. */
	size_t size = 5 * f->mx.len + 200;
	char *body = malloc(size);
	struct sts_cursor c = sts_cursor_make(f->mx.p, f->mx.len);
	struct sts_span pattern;

	if (body == NULL)
		return NULL;
	*len = (size_t)snprintf(body, size,
	    "version: STSv1\nmode: %s\nmax_age: %lld\n", f->mode,
	    (long long)f->max_age);
	while (sts_cursor_until(&c, ',', &pattern))
		*len += (size_t)snprintf(body + *len, size - *len, "mx: %.*s\n",
		    (int)pattern.len, pattern.p);
	return body;
}

static bool
has_plain_bytes(struct sts_span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] < ' ' || s.p[i] > '~')
			return false;
	return true;
}

static const char *
make(const struct fields *f, struct sts_entry *entry)
{
	size_t len = 0;
	char *body = render(f, &len);
	struct sts_policy policy;
	enum sts_status status = body == NULL
	    ? STS_NO_MEMORY
	    : sts_policy_parse(&policy, body, len, NULL, NULL);

	if (status == STS_OK)
		status = sts_entry_make(entry, f->domain, f->id, &policy,
		    f->fetched, f->fetched_us, 0);
	free(body);
	return status == STS_OK ? NULL : sts_status_text(status);
}

const char *
sts_exchange_parse(struct sts_span line, struct sts_entry *entry)
{
	static const char title[] = "# mta-sts cache ";
	struct fields f = {.domain = ""};

	memset(entry, 0, sizeof(*entry));
	if (line.len > sizeof(title) - 1 &&
	    memcmp(line.p, title, sizeof(title) - 1) == 0 &&
	    !sts_span_is(line, STS_EXCHANGE_TITLE))
		return "of another version of mta-sts";
	if (line.len == 0 || line.p[0] == '#')
		return NULL;
	if (!has_plain_bytes(line))
		return "bytes that are no text";
	if (!split(line, &f) || !is_id(f.id) || f.fetched == 0)
		return "not a line of mta-sts cache export";
	if (!sts_domain_is_normalised(f.domain))
		return "not a domain";
	return make(&f, entry);
}
