/* SPDX-License-Identifier: ISC */
/*
 * The records, the policy host and the MX records are asked for at once; each
 * answer is printed as it comes.  What follows from an answer is begun by it:
 *
 *	MX records	-> for each host: TLSA records, a probe (four at a time)
 *	the policy	-> HTTP, but not 200: the same file at /mta-sts.txt
 *			-> no connection: the same URL by http:
 *
 * A piece is one of these, and the end of the last one is the end.  A local
 * fault is printed like any other status, and is the outcome of the whole.
 */
#include "resolver/examine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/cursor.h"
#include "base/escape.h"
#include "core/domain.h"
#include "dns/dns.h"
#include "loop/loop.h"
#include "resolver/fetch.h"
#include "resolver/mx_probe.h"

enum {
	HOSTS_MAX = STS_EXAMINE_HOSTS, /* MX hosts that are examined */
	HTTPS_PORT = 443,
	HTTP_PORT = 80,
	HTTP_OK = 200,
	BODY_CHUNK = 1000, /* bytes of a line */
	VALUE_MAX = 2000,  /* of another value, escaped */
	NAMES = 5,
	PAGES = 3
};

/* base/config.h has what the command is to wait for. */
_Static_assert((int)STS_MX_PROBE_ADDRESSES == (int)STS_EXAMINE_ADDRESSES &&
	(int)STS_MX_PROBE_MS == (int)STS_EXAMINE_PROBE_MS,
    "a probe lasts as long as it is waited for");

#define POLICY_PATH "/.well-known/mta-sts.txt"

struct examination;

struct question { /* TXT records of one name */
	struct examination *x;
	const char *word;
};

struct page { /* one URL */
	struct examination *x;
	const char *word;
};

struct host { /* one MX host */
	struct examination *x;
	char name[STS_NAME_MAX + 1];
	/* Each of its addresses has a probe of its own. */
	char tried[STS_MX_PROBE_ADDRESSES][STS_MX_PROBE_ADDRESS_TEXT];
	size_t tried_count;
	bool trying; /* an address of this probe is in `tried` */
};

struct examination {
	const struct sts_config *config;
	const char *domain;
	char policy_host[STS_NAME_MAX + 1];
	struct sts_loop *loop;
	struct sts_dns *dns;
	struct sts_fetcher *fetcher;
	struct sts_fetch_context network;
	struct question question[NAMES];
	struct page page[PAGES];
	struct host host[HOSTS_MAX];
	size_t host_count, next_host; /* to be probed */
	size_t done, total;           /* pieces */
	enum sts_status outcome;
};

/* Pieces. */

static void
begin(struct examination *x)
{
	x->total++;
}

/* Ends a piece that was begun. */
static void
end(struct examination *x, enum sts_status status)
{
	x->done++;
	if (x->outcome == STS_OK && sts_status_is_local(status))
		x->outcome = status;
	(void)printf("progress %zu %zu\n", x->done, x->total);
	(void)fflush(stdout);
}

static int64_t
dns_ms(const struct examination *x)
{
	return x->config->dns_timeout * 1000;
}

/* A word with a value of the network, of which the beginning is enough. */
static void
print_value(const char *word, struct sts_span value)
{
	(void)fputs(word, stdout);
	(void)putchar(' ');
	sts_escape_write(stdout, value.p,
	    value.len > VALUE_MAX / 4 ? VALUE_MAX / 4 : value.len);
	(void)putchar('\n');
}

static void
print_text(const char *word, const char *value)
{
	print_value(word, (struct sts_span){value, strlen(value)});
}

/* TXT records. */

static void
on_txt(void *arg, enum sts_status status, const struct sts_span *records,
    size_t count)
{
	struct question *q = arg;
	char word[40];

	(void)snprintf(word, sizeof(word), "txt %s", q->word);
	for (size_t i = 0; i < count; i++)
		print_value(word, records[i]);
	(void)printf("dns %s %s\n", q->word, sts_status_name(status));
	end(q->x, status);
}

static void
ask_txt(struct examination *x, size_t number, const char *word,
    const char *prefix, const char *suffix)
{
	struct question *q = &x->question[number];
	char name[2 * STS_NAME_MAX + 40];

	q->x = x;
	q->word = word;
	(void)snprintf(name, sizeof(name), "%s%s%s", prefix, x->domain, suffix);
	begin(x);
	if (sts_dns_txt(x->dns, name, dns_ms(x), on_txt, q) == NULL)
		end(x, STS_NO_MEMORY);
}

/* A name that is only there if a wildcard answers for it. */
static void
ask_wildcard(struct examination *x)
{
	char label[64];

	(void)snprintf(label, sizeof(label), "no-such-name-%lld-%lld.",
	    (long long)getpid(), (long long)sts_monotonic_ms());
	ask_txt(x, 3, "wildcard", label, "");
}

static void
ask_records(struct examination *x)
{
	char twice[STS_NAME_MAX + 2];

	(void)snprintf(twice, sizeof(twice), ".%s", x->domain);
	ask_txt(x, 0, "record", "_mta-sts.", "");
	ask_txt(x, 1, "no_underscore", "mta-sts.", "");
	ask_txt(x, 2, "twice", "_mta-sts.", twice);
	ask_wildcard(x);
	ask_txt(x, 4, "reports", "_smtp._tls.", "");
}

/* MX hosts. */

static void probe_next(struct examination *x);
static bool probe(struct host *h);

/* One address, which no probe has tried. */
static bool
is_allowed(void *arg, const char *address)
{
	struct host *h = arg;

	for (size_t i = 0; i < h->tried_count; i++)
		if (strcmp(h->tried[i], address) == 0)
			return false;
	if (h->trying || h->tried_count == STS_MX_PROBE_ADDRESSES)
		return false;
	sts_copy_head(h->tried[h->tried_count++], address, sizeof(h->tried[0]));
	return h->trying = true;
}

/* Prints a result, unless there was nothing left to try. */
static void
print_probe(const struct host *h, const struct sts_mx_probe_result *result)
{
	char word[STS_NAME_MAX + 120];

	if (result->status == STS_TOO_SOON)
		return;
	(void)snprintf(word, sizeof(word), "probe %s %s %s", h->name,
	    sts_status_name(result->status),
	    result->address[0] != '\0' ? result->address : "-");
	print_text(word, result->detail);
}

static void
on_probe(void *arg, const struct sts_mx_probe_result *result)
{
	struct host *h = arg;
	bool more = h->trying && h->tried_count < STS_MX_PROBE_ADDRESSES &&
	    (result->status == STS_NETWORK ||
		!sts_status_is_local(result->status));

	print_probe(h, result);
	if (more && probe(h))
		return;
	/* Port 25 may be closed for this machine alone. */
	if (!more)
		end(h->x,
		    result->status == STS_NETWORK ? STS_OK : result->status);
	probe_next(h->x);
}

/* False without memory: that ended this host's piece. */
static bool
probe(struct host *h)
{
	struct sts_mx_probe_spec spec = {.host = h->name,
	    .port = STS_MX_PORT,
	    .dns_timeout_ms = dns_ms(h->x),
	    .timeout_ms = STS_MX_PROBE_MS + dns_ms(h->x),
	    .allow = is_allowed};

	h->trying = false;
	if (sts_mx_probe_start(&h->x->network, &spec, on_probe, h) != NULL)
		return true;
	end(h->x, STS_NO_MEMORY);
	return false;
}

static void
probe_next(struct examination *x)
{
	while (x->next_host < x->host_count && !probe(&x->host[x->next_host++]))
		;
}

static void
on_tlsa(void *arg, enum sts_status status, size_t count)
{
	struct host *h = arg;

	if (status == STS_OK)
		(void)printf("tlsa %s %zu\n", h->name, count);
	end(h->x, status);
}

static void
ask_tlsa(struct host *h)
{
	char name[STS_NAME_MAX + 20];

	(void)snprintf(name, sizeof(name), "_25._tcp.%s", h->name);
	begin(h->x);
	if (sts_dns_tlsa(h->x->dns, name, dns_ms(h->x), on_tlsa, h) == NULL)
		end(h->x, STS_NO_MEMORY);
}

/* False: it is there already, or one too many, or not a name at all. */
static bool
add_host(struct examination *x, const char *name)
{
	struct host *h = &x->host[x->host_count];

	if (x->host_count == HOSTS_MAX)
		return false;
	if (sts_domain_normalise(name, h->name) != STS_OK) {
		print_text("mx_bad", name);
		return false;
	}
	for (size_t i = 0; i < x->host_count; i++)
		if (strcmp(x->host[i].name, h->name) == 0)
			return false;
	h->x = x;
	x->host_count++;
	return true;
}

static void
start_probes(struct examination *x)
{
	for (size_t i = 0; i < x->host_count; i++) {
		ask_tlsa(&x->host[i]);
		begin(x);
	}
	for (int i = 0; i < STS_EXAMINE_AT_ONCE; i++)
		probe_next(x);
}

static void
print_hosts(struct examination *x, const struct sts_mx *hosts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (add_host(x, hosts[i].host))
			(void)printf("mx %u %s\n",
			    (unsigned)hosts[i].preference,
			    x->host[x->host_count - 1].name);
	if (count > HOSTS_MAX && x->host_count == HOSTS_MAX)
		(void)printf("mx_more %zu\n", count - HOSTS_MAX);
}

static void
on_mx(
    void *arg, enum sts_status status, const struct sts_mx *hosts, size_t count)
{
	struct examination *x = arg;

	if (status == STS_OK && count == 1 && hosts[0].host[0] == '\0')
		status = STS_NULL_MX;
	(void)printf("dns mx %s\n", sts_status_name(status));
	if (status == STS_OK)
		print_hosts(x, hosts, count);
	else if (status == STS_DNS_NODATA && add_host(x, x->domain))
		(void)printf("mx implicit %s\n", x->domain);
	start_probes(x);
	end(x, status);
}

static void
ask_mx(struct examination *x)
{
	begin(x);
	if (sts_dns_mx(x->dns, x->domain, dns_ms(x), on_mx, x) == NULL)
		end(x, STS_NO_MEMORY);
}

/* Pages. */

static const char *const head_words[] = {"certificate", "names", "common_name",
    "http", "location", "type", "encoding", "large", "cut"};

static bool
is_printable(struct sts_span text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.p[i] < ' ' || text.p[i] >= 0x7f)
			return false;
	return true;
}

/*
 * Prints a line of an answer as one of this URL, if it is one; its value is
 * escaped already.  Returns the HTTP status, if this is its line, else 0.
 */
static int64_t
print_head_line(const struct page *page, struct sts_span line)
{
	struct sts_cursor c = sts_cursor_make(line.p, line.len);
	struct sts_span word, value;
	int64_t http = 0;

	if (!sts_cursor_until(&c, ' ', &word) || !is_printable(line) ||
	    line.len > VALUE_MAX)
		return 0;
	value = (struct sts_span){c.p, sts_cursor_left(&c)};
	for (size_t i = 0; i < sizeof(head_words) / sizeof(head_words[0]); i++)
		if (sts_span_is(word, head_words[i]))
			(void)printf("%s %s %.*s\n", head_words[i], page->word,
			    (int)value.len, value.p);
	if (sts_span_is(word, "http"))
		(void)sts_cursor_number(&c, 3, &http);
	return http;
}

static void
print_body(const struct page *page, struct sts_cursor *c)
{
	while (sts_cursor_left(c) > 0) {
		size_t len = sts_cursor_left(c);

		if (len > BODY_CHUNK)
			len = BODY_CHUNK;
		(void)printf("body %s ", page->word);
		sts_escape_write(stdout, c->p, len);
		(void)putchar('\n');
		c->p += len;
	}
}

/* Returns the HTTP status. */
static int64_t
print_answer(const struct page *page, const struct sts_fetch_result *result)
{
	struct sts_cursor c = sts_cursor_make(result->body, result->body_len);
	int64_t http = 0, found;
	struct sts_span line;

	while (sts_cursor_line(&c, &line) && line.len > 0)
		if ((found = print_head_line(page, line)) > 0)
			http = found;
	print_body(page, &c);
	return http;
}

static void ask_page(struct examination *x, size_t number);

static void
on_page(void *arg, const struct sts_fetch_result *result)
{
	struct page *page = arg;
	struct examination *x = page->x;
	int64_t http = 0;
	char word[80];

	(void)snprintf(word, sizeof(word), "get %s %s", page->word,
	    sts_status_name(result->status));
	print_text(word, result->detail);
	if (result->status == STS_OK)
		http = print_answer(page, result);
	if (page == &x->page[0] && result->status == STS_OK && http != HTTP_OK)
		ask_page(x, 1);
	else if (page == &x->page[0] &&
	    (result->status == STS_FETCH_CONNECT ||
		result->status == STS_FETCH_TIMEOUT))
		ask_page(x, 2);
	/* The other two only help with the first. */
	end(x, page == &x->page[0] ? result->status : STS_OK);
}

static void
ask_page(struct examination *x, size_t number)
{
	static const struct {
		const char *word, *target;
		uint16_t port;
	} pages[PAGES] = {{"policy", POLICY_PATH, HTTPS_PORT},
	    {"top", "/mta-sts.txt", HTTPS_PORT},
	    {"plain", POLICY_PATH, HTTP_PORT}};
	struct page *page = &x->page[number];

	page->x = x;
	page->word = pages[number].word;
	begin(x);
	if (sts_fetch_examine(&x->network, x->policy_host, pages[number].target,
		pages[number].port, dns_ms(x), x->config->fetch_timeout * 1000,
		on_page, page) == NULL)
		end(x, STS_NO_MEMORY);
}

/* The whole. */

static enum sts_status
open_network(struct examination *x)
{
	enum sts_status status = sts_loop_create(&x->loop);

	if (status == STS_OK)
		status = sts_dns_create(&x->dns, x->loop, x->config);
	if (status == STS_OK)
		status = sts_fetcher_create(&x->fetcher, x->loop, x->config);
	if (status != STS_OK)
		return status;
	sts_fetcher_set_plain_port(x->fetcher, HTTP_PORT);
	x->network = (struct sts_fetch_context){.loop = x->loop,
	    .dns = x->dns,
	    .fetcher = x->fetcher,
	    .config = x->config};
	return STS_OK;
}

static enum sts_status
run(struct examination *x)
{
	enum sts_status status = STS_OK;

	ask_records(x);
	ask_mx(x);
	/* Longer than a name: none has it. */
	if (snprintf(x->policy_host, sizeof(x->policy_host), "mta-sts.%s",
		x->domain) < (int)sizeof(x->policy_host))
		ask_page(x, 0);
	else
		(void)puts("get policy fetch_no_address ");
	while (x->done < x->total && status == STS_OK)
		status = sts_loop_step(x->loop, 1000);
	return status != STS_OK ? status : x->outcome;
}

int
sts_examine(const struct sts_config *config, const char *domain)
{
	struct examination *x = calloc(1, sizeof(*x));
	enum sts_status status = STS_NO_MEMORY;

	if (x != NULL) {
		x->config = config;
		x->domain = domain;
		status = open_network(x);
		if (status == STS_OK)
			status = run(x);
		sts_fetcher_destroy(x->fetcher);
		sts_dns_destroy(x->dns);
		sts_loop_destroy(x->loop);
	}
	free(x);
	(void)printf("done examine %s\n", sts_status_name(status));
	(void)fflush(stdout);
	return status == STS_OK ? 0 : 3;
}
