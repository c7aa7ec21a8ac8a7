/* SPDX-License-Identifier: ISC */
#include "publish/published.h"

#include <stdlib.h>
#include <string.h>

#include "base/escape.h"

enum { NUMBER_DIGITS = 9, WORD_MAX = 40 };

static const char *const name_words[STS_AT_COUNT] = {[STS_AT_RECORD] = "record",
    [STS_AT_NO_UNDERSCORE] = "no_underscore",
    [STS_AT_TWICE] = "twice",
    [STS_AT_WILDCARD] = "wildcard",
    [STS_AT_REPORTS] = "reports"};

static const char *const url_words[STS_URL_COUNT] = {
    [STS_URL_POLICY] = "policy",
    [STS_URL_TOP] = "top",
    [STS_URL_PLAIN] = "plain"};

/* Parts of a line. */

/* The next word, without its blank; "" at the end of the line. */
static const char *
next_word(char **rest)
{
	char *word = *rest != NULL ? strsep(rest, " ") : NULL;

	return word != NULL ? word : "";
}

static bool
read_number(const char *word, int64_t *number)
{
	struct sts_cursor c = sts_cursor_make(word, strlen(word));

	return sts_cursor_number(&c, NUMBER_DIGITS, number) &&
	    sts_cursor_left(&c) == 0;
}

/* The rest of the line; its length may count NUL bytes. */
static size_t
read_rest(char **rest)
{
	if (*rest == NULL)
		return 0;
	return sts_unescape(*rest);
}

/* The rest of the line as a string, up to its first NUL. */
static bool
read_text(char **rest, char *buf, size_t size)
{
	size_t len = read_rest(rest);

	if (len >= size)
		return false;
	sts_copy_head(buf, *rest != NULL ? *rest : "", size);
	return true;
}

/* A copy that ends in NUL; NULL without memory. */
static char *
copy(const char *bytes, size_t len)
{
	char *to = malloc(len + 1);

	if (to == NULL)
		return NULL;
	memcpy(to, bytes, len);
	to[len] = '\0';
	return to;
}

static int
find_word(const char *word, const char *const *words, int count)
{
	for (int i = 0; i < count; i++)
		if (strcmp(word, words[i]) == 0)
			return i;
	return -1;
}

/* DNS. */

/* "txt NAME VALUE" */
static bool
read_txt(struct sts_published *p, char *rest)
{
	int name = find_word(next_word(&rest), name_words, STS_AT_COUNT);
	struct sts_published_txt *set;
	char *value;
	size_t len;

	if (name < 0 || p->txt[name].count == STS_RECORDS_MAX)
		return false;
	set = &p->txt[name];
	len = read_rest(&rest);
	if ((value = copy(rest != NULL ? rest : "", len)) == NULL)
		return false;
	set->record[set->count++] = (struct sts_span){value, len};
	return true;
}

/* "dns NAME|mx STATUS" */
static bool
read_dns(struct sts_published *p, char *rest)
{
	const char *word = next_word(&rest);
	int name = find_word(word, name_words, STS_AT_COUNT);
	enum sts_status status;

	if (!sts_status_parse(next_word(&rest), &status))
		return false;
	if (strcmp(word, "mx") == 0) {
		p->mx_asked = true;
		p->mx_status = status;
		return true;
	}
	if (name < 0)
		return false;
	p->txt[name].asked = true;
	p->txt[name].status = status;
	return true;
}

/* MX hosts. */

static struct sts_published_mx *
find_mx(struct sts_published *p, const char *host)
{
	for (size_t i = 0; i < p->mx_count; i++)
		if (strcmp(p->mx[i].host, host) == 0)
			return &p->mx[i];
	return NULL;
}

/* "mx PREFERENCE|implicit HOST" */
static bool
read_mx(struct sts_published *p, char *rest)
{
	const char *preference = next_word(&rest);
	struct sts_published_mx mx = {.preference = 0};

	if (p->mx_count == STS_PUBLISHED_MX)
		return false;
	if (strcmp(preference, "implicit") == 0)
		p->mx_implicit = true;
	else if (!read_number(preference, &mx.preference))
		return false;
	if (!read_text(&rest, mx.host, sizeof(mx.host)) || mx.host[0] == '\0' ||
	    find_mx(p, mx.host) != NULL)
		return false;
	p->mx[p->mx_count++] = mx;
	return true;
}

/*
 * Of several results: one that says more of the host replaces one that says
 * less.  What this machine forbids says nothing.
 */
static int
worth(const struct sts_published_mx *mx, enum sts_status status)
{
	if (!mx->probed)
		return 0;
	if (sts_status_is_local(status))
		return 1;
	return status == STS_OK ? 2 : 3;
}

/* "probe HOST STATUS ADDRESS|- DETAIL", one for each address. */
static bool
read_probe(struct sts_published *p, char *rest)
{
	struct sts_published_mx *mx = find_mx(p, next_word(&rest));
	const char *word = next_word(&rest), *address = next_word(&rest);
	enum sts_status status;

	if (mx == NULL || !sts_status_parse(word, &status))
		return false;
	mx->works = mx->works || status == STS_OK;
	if (mx->probed && worth(mx, status) <= worth(mx, mx->probe))
		return true;
	mx->probe = status;
	sts_copy_head(mx->address, strcmp(address, "-") == 0 ? "" : address,
	    sizeof(mx->address));
	mx->probed = true;
	return read_text(&rest, mx->detail, sizeof(mx->detail));
}

/* "tlsa HOST COUNT" */
static bool
read_tlsa(struct sts_published *p, char *rest)
{
	struct sts_published_mx *mx = find_mx(p, next_word(&rest));

	return mx != NULL && read_number(next_word(&rest), &mx->tlsa);
}

static bool
read_more(struct sts_published *p, char *rest)
{
	return read_number(next_word(&rest), &p->mx_more);
}

static bool
read_bad(struct sts_published *p, char *rest)
{
	return read_text(&rest, p->mx_bad, sizeof(p->mx_bad));
}

/* Pages. */

static bool
append_body(struct sts_published_page *page, const char *bytes, size_t len)
{
	char *grown;

	if (len > STS_BODY_MAX - page->body_len)
		return false;
	grown = realloc(page->body, page->body_len + len + 1);
	if (grown == NULL)
		return false;
	memcpy(grown + page->body_len, bytes, len);
	page->body = grown;
	page->body_len += len;
	grown[page->body_len] = '\0';
	return true;
}

static bool
read_body(struct sts_published_page *page, char *rest)
{
	size_t len = read_rest(&rest);

	return append_body(page, rest != NULL ? rest : "", len);
}

/* "get URL STATUS DETAIL" */
static bool
read_get(struct sts_published_page *page, char *rest)
{
	if (!sts_status_parse(next_word(&rest), &page->status))
		return false;
	page->asked = true;
	return read_text(&rest, page->detail, sizeof(page->detail));
}

static bool
read_certificate(struct sts_published_page *page, char *rest)
{
	return sts_status_parse(next_word(&rest), &page->certificate) &&
	    read_text(&rest, page->certificate_detail,
		sizeof(page->certificate_detail));
}

static bool
read_http(struct sts_published_page *page, char *rest)
{
	int64_t status;

	if (!read_number(next_word(&rest), &status) || status > 999)
		return false;
	page->http = (int)status;
	return true;
}

static bool
read_names(struct sts_published_page *page, char *rest)
{
	return read_text(&rest, page->names, sizeof(page->names));
}

static bool
read_common_name(struct sts_published_page *page, char *rest)
{
	return read_text(&rest, page->common_name, sizeof(page->common_name));
}

static bool
read_location(struct sts_published_page *page, char *rest)
{
	return read_text(&rest, page->location, sizeof(page->location));
}

static bool
read_type(struct sts_published_page *page, char *rest)
{
	return read_text(&rest, page->type, sizeof(page->type));
}

static bool
read_encoding(struct sts_published_page *page, char *rest)
{
	return read_text(&rest, page->encoding, sizeof(page->encoding));
}

static bool
read_cut(struct sts_published_page *page, char *rest)
{
	(void)rest;
	return page->cut = true;
}

static bool
read_large(struct sts_published_page *page, char *rest)
{
	(void)rest;
	return page->large = true;
}

/* The whole. */

static bool
read_progress(struct sts_published *p, char *rest)
{
	return read_number(next_word(&rest), &p->done) &&
	    read_number(next_word(&rest), &p->total);
}

/* "done examine STATUS" */
static bool
read_done(struct sts_published *p, char *rest)
{
	return strcmp(next_word(&rest), "examine") == 0 &&
	    (p->ended = sts_status_parse(next_word(&rest), &p->outcome));
}

/* Of a page the second word is its URL. */
static const struct {
	const char *word;
	bool (*whole)(struct sts_published *p, char *rest);
	bool (*page)(struct sts_published_page *page, char *rest);
} readers[] = {
    {"txt", read_txt, NULL},
    {"dns", read_dns, NULL},
    {"mx", read_mx, NULL},
    {"mx_more", read_more, NULL},
    {"mx_bad", read_bad, NULL},
    {"probe", read_probe, NULL},
    {"tlsa", read_tlsa, NULL},
    {"get", NULL, read_get},
    {"certificate", NULL, read_certificate},
    {"names", NULL, read_names},
    {"common_name", NULL, read_common_name},
    {"http", NULL, read_http},
    {"location", NULL, read_location},
    {"type", NULL, read_type},
    {"encoding", NULL, read_encoding},
    {"cut", NULL, read_cut},
    {"large", NULL, read_large},
    {"body", NULL, read_body},
    {"progress", read_progress, NULL},
    {"done", read_done, NULL},
};

bool
sts_published_read(struct sts_published *p, char *line)
{
	char *rest = line;
	const char *word = next_word(&rest);
	int url;

	for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++) {
		if (strcmp(word, readers[i].word) != 0)
			continue;
		if (readers[i].whole != NULL)
			return readers[i].whole(p, rest);
		url = find_word(next_word(&rest), url_words, STS_URL_COUNT);
		return url >= 0 && readers[i].page(&p->page[url], rest);
	}
	return false;
}

void
sts_published_init(struct sts_published *p, const char *domain)
{
	memset(p, 0, sizeof(*p));
	sts_copy_head(p->domain, domain, sizeof(p->domain));
}

bool
sts_published_store(
    struct sts_published *p, const char *id, const char *body, size_t len)
{
	free(p->stored_body);
	p->stored_body = copy(body, len);
	p->stored_len = len;
	sts_copy_head(p->stored_id, id, sizeof(p->stored_id));
	return p->stored_body != NULL;
}

void
sts_published_free(struct sts_published *p)
{
	for (size_t i = 0; i < STS_AT_COUNT; i++) {
		for (size_t k = 0; k < p->txt[i].count; k++) {
			/* From copy(). */
			char *value;

			memcpy(&value, &p->txt[i].record[k].p, sizeof(value));
			free(value);
		}
	}
	for (size_t i = 0; i < STS_URL_COUNT; i++)
		free(p->page[i].body);
	free(p->stored_body);
	sts_published_init(p, "");
}
